"""What fails under a worker is told by mail: once, and once more when it is over; by one process of several."""

import json
from pathlib import Path
from typing import Any

from eventually import eventually
from postbox import Postbox, made_up_certificate, postbox
from shop import Shop, working


def mail(shop: Shop, box: Postbox, *more: str) -> Any:
    return shop.well(
        "alerts", "add", "mail", "--set", "to=sam@shop.example", "--set", "from=alerts@shop.example",
        "--set", f"host={box.host}", "--set", f"port={box.port}", "--set", "security=none", "--set", "every_minutes=0",
        *more,
    )  # fmt: skip


def revoke(shop: Shop, platform: str) -> None:
    """The grant is withdrawn at the vendor."""
    shop.box.ask(f"/{platform}/tokens:revoke", {})


def test_a_revoked_grant_is_one_mail_however_many_workers_and_one_when_it_is_reconnected(shop: Shop) -> None:
    with postbox() as box:
        mail(shop, box)
        shop.connect("mailchimp", "--data", "customers", "--frequency", "hourly")
        assert shop.sync("mailchimp")["outcome"] == "succeeded"
        revoke(shop, "mailchimp")
        with working(shop), working(shop):
            shop.run("sync", "mailchimp")
            eventually(lambda: box.mails)
            (one,) = eventually(lambda: shop.run("alerts", "list")[1]["items"])
            assert (one["kind"], one["level"], one["name"]) == ("reconnect", "critical", "Mailchimp")
            assert shop.run("alerts", "list")[0] == 1
            assert shop.run("sync", "mailchimp")[0] != 0
            shop.well(
                "reconnect",
                "mailchimp",
                "--credentials-stdin",
                stdin=shop.box.ask("/mailchimp/tokens:issue", {}),
            )
            eventually(lambda: len(box.mails) == 2)
        opened, over = box.mails
    assert "Mailchimp: reconnect required" in opened["subject"] and "Over: " not in opened["subject"]
    assert "Over: Mailchimp: reconnect required" in over["subject"]
    assert f"perkstar reconnect {one['integration_id']}" in opened.get_content()
    assert shop.well("alerts", "list")["total"] == 0
    # Nobody of the shop's people is named.
    names = {str(row.get("email_address", "")).lower() for row in shop.box.records("mailchimp")}
    assert names and not any(name.encode() in raw.lower() for raw in box.raw for name in names if name)


def test_runs_that_go_on_failing_are_one_mail_by_cron_too(shop: Shop) -> None:
    with postbox() as box:
        mail(shop, box)
        shop.connect("hubspot", "--data", "customers", "--frequency", "hourly")
        assert shop.sync("hubspot")["outcome"] == "succeeded"
        shop.box.faults("hubspot", rules=[{"effect": "status", "status": 403, "probability": 1.0}])
        for _ in range(3):
            assert shop.sync("hubspot")["outcome"] == "failed"
            shop.run("worker", "--once")
        assert len(box.mails) == 1
        (one,) = shop.run("alerts", "list", "--kind", "error")[1]["items"]
        assert (one["kind"], one["count"], one["told"]) == ("error", 3, ["mail"])
        assert shop.well("alerts", "ack", one["id"])["state"] == "acked"
        assert shop.run("alerts", "list")[0] == 0
        shop.box.faults("hubspot")
        assert shop.sync("hubspot")["outcome"] == "succeeded"
        shop.run("worker", "--once")
    assert len(box.mails) == 2 and "Over: HubSpot" in box.mails[1]["subject"]
    assert shop.well("alerts", "list", "--state", "resolved")["items"][0]["id"] == one["id"]


def test_a_route_by_command_from_the_password_to_the_test_message(shop: Shop, tmp_path: Path) -> None:
    certificate = made_up_certificate(tmp_path)
    with postbox(password="open sesame", certificate=certificate) as box:
        given = ["--set", "to=sam@shop.example", "--set", "from=alerts@shop.example", "--set", "host=localhost",
                 "--set", f"port={box.port}", "--set", "user=sam", "--set", f"ca_file={certificate}"]  # fmt: skip
        code, answer = shop.run("alerts", "add", "mail", *given)
        assert code == 2 and answer["error"]["field"] == "password"
        made = shop.well("alerts", "add", "mail", *given, "--password-stdin", stdin="open sesame\n")
        assert "open sesame" not in json.dumps(made)
        assert shop.well("alerts", "test", "mail")["ok"] and box.tls == [True]
        assert shop.well("alerts", "edit", "mail", "--set", "quiet=22:00-07:00")["quiet"] == "22:00-07:00"
        shop.well("alerts", "edit", "mail", "--password-stdin", stdin="a guess\n")
        code, answer = shop.run("alerts", "test", "mail")
        assert code == 1 and "password" in answer["steps"][0]["message"] and len(box.mails) == 1
    names = [one["name"] for one in shop.well("alerts", "routes")["items"]]
    assert names == ["app", "terminal", "mail"]
    assert shop.run("alerts", "remove", "mail")[0] == 2
    shop.well("alerts", "remove", "mail", "--yes")
    code, answer = shop.run("alerts", "test", "mail")
    assert code == 2 and answer["error"]["remedy"]


def test_health_by_command_says_the_facts_and_ends_with_1_when_one_is_unhealthy(shop: Shop) -> None:
    shop.connect("mailchimp", "--data", "customers", "--frequency", "hourly")
    assert shop.sync("mailchimp")["outcome"] == "succeeded"
    one = shop.well("health", "mailchimp")
    assert (one["health"]["word"], one["runs"], one["good_runs"], one["success_rate"]) == (
        "Healthy",
        1,
        1,
        1.0,
    )
    assert one["per_call_ms"] is not None and one["records_per_s"] and len(one["points"]) == 1
    assert {"score", "word", "reason", "remedy"} <= set(shop.well("show", "mailchimp")["health"])
    revoke(shop, "mailchimp")
    shop.sync("mailchimp")
    code, one = shop.run("health", "mailchimp")
    assert code == 1 and one["health"]["word"] == "Unhealthy" and one["health"]["key"] == "R"
    assert one["errors"][0]["code"] == "credential_refused"
    code, answer = shop.run("health")
    assert code == 1 and [each["name"] for each in answer["items"]] == ["Mailchimp"]

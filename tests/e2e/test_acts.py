"""Acts by command: the plan's limit under a race, pausing, editing, rolling back, disconnecting and coming back."""

import threading


def starter(shop):
    shop.well("plan", "set", "starter")
    for name in ("hubspot", "mailchimp", "square"):
        shop.connect(name, "--data", "customers")


def test_the_fourth_activation_on_starter_gives_4_and_the_ways_out_and_leaves_nothing_behind(shop):
    starter(shop)
    before = shop.well("integrations", "--all")
    drafts = before["total"]
    code, answer = shop.run(
        "connect",
        "hubspot",
        "--credentials-stdin",
        "--name",
        "Another",
        stdin=shop.box.credentials("hubspot"),
    )
    assert code == 4, answer
    assert answer["error"]["code"] == "plan_limit"
    for way in ("disconnect", "Professional", "add-on"):
        assert way in answer["error"]["remedy"]
    assert shop.well("integrations", "--all")["total"] == drafts
    assert shop.well("plan")["line"] == "Starter Plan: 3 of 3 integrations used"


def test_two_activations_at_the_same_instant_do_not_pass_the_limit(shop):
    shop.well("plan", "set", "starter")
    shop.connect("hubspot", "--data", "customers")
    shop.connect("mailchimp", "--data", "customers")
    shop.connect("square", "--data", "customers", "--no-activate")
    third = shop.well("show", "square")["id"]
    # A second draft needs an account of its own at a vendor: the one of the place that is free again.
    shop.well("disconnect", "mailchimp", "--yes")
    shop.connect("mailchimp", "--data", "customers", "--no-activate")
    fourth = shop.well("show", "mailchimp")["id"]
    shop.well("plan", "set", "starter")
    taken = shop.well("plan")["used"]
    assert taken == 1
    limit_one(shop)
    codes = {}

    def activate(id_):
        process = shop.program.start("activate", id_)
        process.communicate(timeout=60)
        codes[id_] = process.returncode

    threads = [threading.Thread(target=activate, args=(id_,)) for id_ in (third, fourth)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes.values()) == [0, 4]
    assert shop.well("plan")["used"] == 2
    statuses = sorted(item["status"] for item in shop.well("integrations", "--all")["items"])
    assert statuses == ["active", "active", "draft"]


def limit_one(shop):
    """Leave room for one more: the account's own allowance overrides the tier's (B2)."""
    import sqlite3

    with sqlite3.connect(shop.program.home / "perkstar.db") as connection:
        connection.execute("UPDATE account SET allowed = 2")


def test_pause_and_resume_cost_no_extra_write(shop):
    shop.connect("hubspot", "--data", "customers")
    shop.sync("hubspot")
    shop.sync("hubspot")
    assert shop.well("pause", "hubspot")["status"] == "paused"
    code, answer = shop.run("sync", "hubspot", "--wait")
    assert code == 2 and "paused" in answer["error"]["message"]
    assert shop.well("resume", "hubspot")["status"] == "active"
    writes = sum(r["writes"] for r in shop.box.requests("hubspot"))
    run = shop.sync("hubspot")
    assert run["inward"]["created"] == run["inward"]["updated"] == run["outward"]["created"] == 0
    assert sum(r["writes"] for r in shop.box.requests("hubspot")) == writes


def test_an_edit_is_validated_kept_as_a_version_and_can_be_rolled_back(shop):
    shop.connect("hubspot", "--data", "customers")
    code, answer = shop.run("edit", "hubspot", "--set", "frequency=sometimes")
    assert code == 2 and answer["error"]["field"] == "frequency"
    assert shop.well("edit", "hubspot", "--set", "frequency=daily@04:30")["frequency"] == "daily@04:30"
    versions = shop.well("history", "hubspot")["items"]
    assert versions[0]["changes"] == [["frequency", "hourly", "daily@04:30"]]
    assert shop.well("rollback", "hubspot", str(versions[-1]["version"]))["frequency"] == "hourly"


def test_disconnect_frees_the_place_and_coming_back_creates_nothing_twice(shop):
    shop.connect("mailchimp", "--data", "customers")
    shop.sync("mailchimp")
    id_ = shop.well("show", "mailchimp")["id"]
    code, _ = shop.run("disconnect", "mailchimp")
    assert code == 2
    assert shop.well("disconnect", "mailchimp", "--yes", "--reason", "rehearsal")["status"] == "disconnected"
    assert shop.well("plan")["used"] == 0
    assert shop.well("runs", id_)["total"] == 1
    assert shop.connect("mailchimp", "--data", "customers")["id"] == id_
    run = shop.sync("mailchimp")
    assert run["inward"]["created"] == run["outward"]["created"] == 0


def test_read_only_refuses_every_act_with_3(shop):
    shop.connect("hubspot", "--data", "customers")
    for arguments in (
        ("pause", "hubspot"),
        ("sync", "hubspot", "--wait"),
        ("edit", "hubspot", "--set", "name=X"),
    ):
        code, answer = shop.run(*arguments, "--read-only")
        assert (code, answer["error"]["code"]) == (3, "not_allowed"), arguments

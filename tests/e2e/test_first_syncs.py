"""The whole way by commands, judged by the sandbox's own truth."""

import json
import sqlite3

from shop import KINDS, PLATFORMS, Shop

RUN_MEMBERS = {"id", "integration_id", "trigger", "started", "ended", "outcome", "inward", "outward", "cloud"}
LEG_MEMBERS = {"read", "created", "updated", "unchanged", "excluded", "held", "failed"}


def adds_up(counts):
    return counts["read"] == sum(value for name, value in counts.items() if name != "read")


def connect_all(shop: Shop) -> str:
    credit_from = shop.box.ask("/world/sales")["credit_from"]
    shop.connect("hubspot", "--data", "customers")
    shop.connect("mailchimp", "--data", "customers")
    more = ["--set", f"credit_from={credit_from}", "--set", "issue_cards=sale"]
    shop.connect("square", "--data", "customers,transactions", *more)
    return credit_from


def test_the_scripted_session_answers_as_the_contract_says(outside):
    shop = outside
    view = shop.connect("hubspot", "--data", "customers")
    assert (view["platform"], view["status"], view["direction"]) == ("hubspot", "active", "both")
    preview = shop.well("preview", "hubspot")
    assert preview["inward"]["create_total"] > 0 and preview["outward"]["create_total"] > 0
    assert shop.box.records("hubspot") and not any(r["writes"] for r in shop.box.requests("perkstar"))
    run = shop.sync("hubspot")
    assert run["code"] == 0, run
    assert run.keys() >= RUN_MEMBERS
    for counts in (run["inward"], run["outward"], run["cloud"]["inward"], run["cloud"]["outward"]):
        assert counts.keys() == LEG_MEMBERS
        assert adds_up(counts)
    assert run["inward"]["created"] == preview["inward"]["create_total"]
    assert run["outward"]["created"] == preview["outward"]["create_total"]
    again = shop.sync("hubspot")
    assert again["code"] == 0
    assert all(again[way][name] == 0 for way in ("inward", "outward") for name in ("created", "updated"))


def test_first_syncs_of_all_three_link_everyone_once_and_credit_each_sale_once(shop):
    connect_all(shop)
    seeded = {name: shop.box.ask(f"/{name}/duplicates/{KINDS[name]}")["groups"] for name in KINDS}
    for _ in range(2):
        for name in PLATFORMS:
            assert shop.sync(name)["code"] in (0, 1)
    verdict = shop.box.check()
    for name in PLATFORMS:
        told = verdict["platforms"][name]
        assert told["linked"] == told["equal"] == told["expected_linked"], (name, told)
        assert not told["duplicates"], (name, told)
    for name in KINDS:
        assert shop.box.ask(f"/{name}/duplicates/{KINDS[name]}")["groups"] == seeded[name]
    sales = verdict["sales"]
    assert sales["credited_once"] == sales["expected"] > 0, sales
    assert sales["credited_twice"] == 0
    assert sales["reversed_once"] == sales["refunds_expected"], sales


def test_what_is_held_in_the_seed_is_held_with_its_reason_and_record_explains_it(shop):
    connect_all(shop)
    for name in PLATFORMS:
        shop.sync(name)
    held = [
        (name, person["ids"][name])
        for person in shop.box.people()
        for name in PLATFORMS
        if person["expected"].get(name) == "held"
    ]
    assert held
    for name, ids in held:
        told = [shop.run("record", id_, name) for id_ in ids]
        sides = [side for code, view in told if code == 0 for side in view["platforms"]]
        assert any(side["state"] in ("held", "duplicate") and side["reason"] for side in sides), (
            name,
            ids,
            told,
        )


def test_a_run_after_one_that_sent_nothing_writes_nothing_and_asks_little(shop):
    connect_all(shop)
    for _ in range(3):
        for name in PLATFORMS:
            shop.sync(name)
    database = shop.program.home / "perkstar.db"

    def rows():
        with sqlite3.connect(database) as connection:
            tables = ("customer", "card", "transactions", "record_link")
            return {t: connection.execute(f"SELECT * FROM {t} ORDER BY id").fetchall() for t in tables}

    before = rows()
    counts = {name: len(shop.box.requests(name)) for name in (*PLATFORMS, "perkstar")}
    for name in PLATFORMS:
        run = shop.sync(name)
        assert run["outcome"] == "succeeded"
    assert rows() == before
    for name, types in (("hubspot", 1), ("mailchimp", 1), ("square", 2)):
        made = shop.box.requests(name)[counts[name] :]
        assert not any(r["writes"] for r in made)
        # One page of the overlap and one more request, for each data type; outward there is nothing to ask.
        assert len(made) <= 2 * types, [r["path"] for r in made]
    assert not any(r["writes"] for r in shop.box.requests("perkstar")[counts["perkstar"] :])


def test_no_secret_lies_in_clear_anywhere_in_the_home(shop):
    connect_all(shop)
    shop.sync("hubspot")
    secrets = [shop.box.line["perkstar"]["api_key"]]
    for name in PLATFORMS:
        given = shop.box.credentials(name)
        secrets += [
            v for k, v in given.items() if k in ("api_key", "access_token", "refresh_token", "client_secret")
        ]
    for file in shop.program.home.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            for secret in secrets:
                assert secret.encode() not in content, file
    for arguments in (("logs",), ("runs",), ("integrations", "--all"), ("doctor",), ("show", "hubspot")):
        _, answer = shop.run(*arguments)
        text = json.dumps(answer)
        assert not any(secret in text for secret in secrets)

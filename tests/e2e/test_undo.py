"""Plans that are kept and carried out as shown, and runs that are taken back, against the vendor's own truth."""

import random
import signal
import subprocess

import pytest
from shop import KINDS


@pytest.fixture
def hubspot(shop):
    """A shop in step with HubSpot."""
    shop.connect("hubspot", "--data", "customers")
    shop.sync("hubspot")
    shop.sync("hubspot")
    return shop


def later(shop, *arguments):
    """A sync, once the vendor's search knows what was changed there."""
    shop.box.ask("/clock", {"advance_s": 400})
    return shop.sync("hubspot", *(arguments or ("--full",)))


def contacts(shop):
    """The vendor's records as far as they are mapped: name, e-mail, phone."""
    found = {}
    for record in shop.box.records("hubspot"):
        fields = record["properties"]
        found[record["id"]] = tuple(fields.get(name) for name in ("firstname", "lastname", "email", "phone"))
    return found


def customers(shop):
    rows = shop.well("customers", "list", "--limit", "1000")["items"]
    names = ("first_name", "last_name", "email", "phone")
    return {row["id"]: tuple(row["fields"].get(name) for name in names) for row in rows}


def test_a_run_that_took_wrong_names_is_undone_and_both_sides_are_as_before(hubspot):
    shop, there, here = hubspot, contacts(hubspot), customers(hubspot)
    ids = sorted(there)[:5]
    for id_ in ids:
        shop.box.put(
            "hubspot", KINDS["hubspot"], id_, properties={"firstname": "Wrong", "lastname": "Person"}
        )
    run = later(shop)
    assert run["inward"]["updated"] == 5, run
    assert customers(shop) != here
    seen = shop.well("undo", run["id"], "--dry-run")
    assert (seen["done"], seen["counts"]["fields"], seen["counts"]["stays"]) == (False, 10, 0)
    assert all("next sync sends it to HubSpot" in line["then"] for line in seen["back"])
    done = shop.well("undo", run["id"], "--yes")
    assert done["counts"] == seen["counts"]
    assert customers(shop) == here
    after = later(shop)
    assert (after["inward"]["updated"], after["outward"]["updated"]) == (0, 5)
    assert contacts(shop) == there
    again = shop.sync("hubspot", "--full")
    assert (again["inward"]["updated"], again["outward"]["updated"]) == (0, 0)
    assert (customers(shop), contacts(shop)) == (here, there)


def test_customers_that_a_run_made_are_put_away_and_no_later_run_makes_them_again(hubspot):
    shop, here = hubspot, customers(hubspot)
    shop.box.ask("/hubspot/records/contacts:generate", {"count": 1})
    run = later(shop)
    assert run["inward"]["created"] == 1
    assert len(customers(shop)) == len(here) + 1
    shop.well("undo", run["id"], "--yes")
    assert customers(shop) == here
    for arguments in ((), ("--full",)):
        after = shop.sync("hubspot", *arguments)
        assert (after["inward"]["created"], after["outward"]["created"]) == (0, 0)
        assert customers(shop) == here


def shown(preview):
    """What a preview says, by name: fields that come in, fields that go out."""
    inward = {
        row["name"]: {name: after for name, _, after in row["fields"]}
        for row in (*preview["inward"]["create"], *preview["inward"]["update"])
    }
    outward = {
        row["name"]: {name: after for name, _, after in row["fields"]}
        for row in (*preview["outward"]["create"], *preview["outward"]["update"])
    }
    return inward, outward


def test_a_first_sync_by_plan_makes_exactly_what_was_shown_and_nothing_is_left_for_the_next(shop):
    shop.connect("hubspot", "--data", "customers")
    before = contacts(shop)
    preview = shop.well("preview", "hubspot", "--keep", "--limit", "1000")
    assert preview["plan"].startswith("pln_")
    run = shop.sync("hubspot", "--plan", preview["plan"])
    assert (run["code"], run["plan"], run["skipped"]) == (0, preview["plan"], [])
    inward, outward = shown(preview)
    rows = shop.well("customers", "list", "--limit", "1000")["items"]
    here = {
        f"{row['fields'].get('first_name', '')} {row['fields'].get('last_name', '')}".strip(): row
        for row in rows
    }
    for name, fields in inward.items():
        for field, value in fields.items():
            assert str(here[name]["fields"].get(field, "")) == (value or ""), (name, field)
    there = {" ".join(filter(None, values[:2])): values for values in contacts(shop).values()}
    created = {row["name"] for row in preview["outward"]["create"]}
    for name in created:
        wanted = outward[name]
        got = dict(zip(("firstname", "lastname", "email", "phone"), there[name], strict=True))
        assert {field: got[field] for field in got if field in wanted} == {
            f: wanted[f] for f in got if f in wanted
        }
    assert len(contacts(shop)) == len(before) + preview["outward"]["create_total"]
    assert run["inward"]["created"] == preview["inward"]["create_total"]
    assert run["inward"]["updated"] == preview["inward"]["update_total"]
    after = later(shop, "--wait")
    for way in ("inward", "outward"):
        assert (after[way]["created"], after[way]["updated"]) == (0, 0), after
    code, answer = shop.run("sync", "hubspot", "--wait", "--plan", preview["plan"])
    assert code == 2 and "carried out already" in answer["error"]["message"]


def test_what_was_changed_since_the_preview_is_skipped_and_named_and_what_is_new_is_not_touched(hubspot):
    shop = hubspot
    people = sorted(contacts(shop))
    second = people[1]
    for id_ in people[:3]:
        shop.box.put("hubspot", KINDS["hubspot"], id_, properties={"lastname": "Planned"})
    shop.box.ask("/clock", {"advance_s": 400})
    preview = shop.well("preview", "hubspot", "--keep")
    assert preview["inward"]["update_total"] == 3, preview
    shop.box.put("hubspot", KINDS["hubspot"], second, properties={"lastname": "Otherwise"})
    shop.box.put("hubspot", KINDS["hubspot"], people[5], properties={"lastname": "Unplanned"})
    # So much later that a cursor that moved would leave the others behind.
    shop.box.ask("/clock", {"advance_s": 40_000})
    shop.box.put("hubspot", KINDS["hubspot"], people[6], properties={"lastname": "Unplanned"})
    shop.box.ask("/clock", {"advance_s": 400})
    run = shop.sync("hubspot", "--plan", preview["plan"])
    assert [(one["record"], one["side"]) for one in run["skipped"]] == [(second, "inward")], run["skipped"]
    assert "changed at HubSpot" in run["skipped"][0]["reason"]
    names = [values[1] for values in customers(shop).values()]
    assert (names.count("Planned"), names.count("Otherwise"), names.count("Unplanned")) == (2, 0, 0)
    logged = shop.well("logs", "hubspot", "--code", "plan")["items"]
    assert [entry["record"] for entry in logged] == [second]
    usual = shop.sync("hubspot")
    assert usual["inward"]["updated"] == 3
    names = [values[1] for values in customers(shop).values()]
    assert (names.count("Planned"), names.count("Otherwise"), names.count("Unplanned")) == (2, 1, 2)


def cards(shop):
    """The balances in Perkstar's cloud, by card."""
    return {card["id"]: card["balance"]["bonusBalance"] for card in shop.box.records("perkstar", "cards")}


def sell(shop, order, customer, amount):
    money = {"amount": amount, "currency": "GBP"}
    line = {"name": "Supper", "quantity": "1", "base_price_money": money}
    tender = {"customer_id": customer, "amount_money": money}
    shop.box.put("square", "orders", order, line_items=[line], tenders=[tender])


def buyers(shop):
    return [
        person["ids"]["square"][0]
        for person in shop.box.people()
        if person["expected"].get("square") == "linked" and len(person["ids"].get("square", ())) == 1
    ]


@pytest.fixture
def till(shop):
    shop.connect("square", "--data", "customers,transactions", "--set", "issue_cards=always")
    for _ in range(2):
        assert shop.sync("square")["outcome"] == "succeeded"
    return shop


def test_points_that_a_run_credited_go_back_by_entries_and_never_come_again(till):
    shop, before = till, cards(till)
    ann, bob = buyers(shop)[:2]
    sell(shop, "UNDO1", ann, 1200)
    sell(shop, "UNDO2", bob, 3000)
    run = shop.sync("square")
    assert sum(cards(shop).values()) == sum(before.values()) + 42
    view = shop.well("undo", run["id"], "--yes")
    assert (view["counts"]["sales"], view["counts"]["points"], view["counts"]["stays"]) == (2, -42, 0)
    for arguments in ((), ("--full",), ()):
        assert shop.sync("square", *arguments)["outcome"] == "succeeded"
        assert cards(shop) == before
    ledger = [i for i in shop.well("transactions", "--limit", "500")["items"] if "UNDO" in i["remote_id"]]
    assert sorted(i["earned"] for i in ledger) == [-30, -12, 12, 30]
    code, answer = shop.run("undo", run["id"], "--yes")
    assert code == 2 and view["undo_run"] in answer["error"]["message"]


def test_points_that_were_spent_and_a_sale_that_was_refunded_since_stay_and_are_named(till):
    shop = till
    ann, bob, cat = buyers(shop)[:3]
    for order, who in (("SPENT", ann), ("REFUNDED", bob), ("FREE", cat)):
        sell(shop, order, who, 2000)
    before = cards(shop)
    run = shop.sync("square")
    credited = {id_: n for id_, n in cards(shop).items() if n != before[id_]}
    ledger = {i["remote_id"].split("/")[0]: i for i in shop.well("transactions", "--limit", "500")["items"]}
    spent = shop.well("record", ledger["SPENT"]["customer_id"])["hub"]["card_serial"]
    assert len(credited) == 3
    card = next(
        card
        for card in shop.box.records("perkstar", "cards")
        if spent in (card["id"], card.get("serialNumber"))
    )
    shop.box.put("perkstar", "cards", card["id"], balance={**card["balance"], "bonusBalance": 5})
    order = next(o for o in shop.box.records("square", "orders") if o["id"] == "REFUNDED")
    money = {"amount": 500, "currency": "GBP"}
    shop.box.put(
        "square", "refunds", "BACK", payment_id=order["tenders"][0]["payment_id"], amount_money=money
    )
    shop.sync("square", "--full")
    seen = cards(shop)
    code, view = shop.run("undo", run["id"], "--yes")
    assert (code, view["counts"]["sales"], view["counts"]["points"]) == (1, 1, -20), view
    reasons = sorted(line["reason"] for line in view["stays"] if line["what"] == "points")
    assert "later refund" in reasons[0] and "only 5 of its 20 points" in reasons[1]
    shop.sync("square")
    changed = {id_: cards(shop)[id_] - seen[id_] for id_ in seen if cards(shop)[id_] != seen[id_]}
    assert list(changed.values()) == [-20]


def test_what_was_edited_since_stays_and_is_named_and_the_undo_itself_is_undone(hubspot):
    shop, there = hubspot, contacts(hubspot)
    first, second = sorted(there)[:2]
    for id_ in (first, second):
        shop.box.put("hubspot", KINDS["hubspot"], id_, properties={"firstname": "Wrong"})
    run = later(shop)
    shop.box.put("hubspot", KINDS["hubspot"], second, properties={"firstname": "Right"})
    later(shop)
    code, view = shop.run("undo", run["id"], "--yes")
    assert (code, view["counts"]["fields"], view["counts"]["stays"]) == (1, 1, 1)
    assert "changed since by HubSpot" in view["stays"][0]["reason"]
    later(shop)
    assert contacts(shop)[first] == there[first]
    assert contacts(shop)[second][0] == "Right"
    assert shop.well("run", run["id"])["undone_by"] == view["undo_run"]
    back = shop.well("undo", view["undo_run"], "--yes")
    assert shop.well("run", run["id"])["undone_by"] is None
    assert shop.well("run", back["undo_run"])["undoes"] == view["undo_run"]
    later(shop)
    assert contacts(shop)[first][0] == "Wrong"
    acts = [
        entry
        for entry in shop.well("runs", "hubspot", "--limit", "20")["items"]
        if entry["trigger"] == "undo"
    ]
    assert [entry["outcome"] for entry in acts] == ["succeeded", "partly"]


def test_where_nothing_is_sent_an_undo_stays_here_and_is_not_done_again(shop):
    shop.connect("hubspot", "--data", "customers", "--direction", "to-perkstar")
    shop.sync("hubspot")
    shop.sync("hubspot")
    here, id_ = customers(shop), sorted(contacts(shop))[0]
    shop.box.put("hubspot", KINDS["hubspot"], id_, properties={"firstname": "Wrong"})
    run = later(shop)
    view = shop.well("undo", run["id"], "--yes")
    assert "both differ until it changes there" in view["back"][0]["then"]
    for _ in range(2):
        assert later(shop)["inward"]["updated"] == 0
        assert customers(shop) == here
    assert contacts(shop)[id_][0] == "Wrong"
    shop.box.put("hubspot", KINDS["hubspot"], id_, properties={"firstname": "Anew"})
    assert later(shop)["inward"]["updated"] == 1


def test_what_a_run_sent_is_taken_back_and_what_it_created_is_archived_if_that_is_wanted(hubspot, tmp_path):
    shop, there = hubspot, contacts(hubspot)
    known = next(
        id_ for id_, values in customers(shop).items() if values[2] in {v[2] for v in there.values()}
    )
    email = customers(shop)[known][2]
    file = tmp_path / "in.csv"
    file.write_text(f"first_name,email\nEdited,{email}\nBrand New,brand.new@shopmail.co.uk\n")
    shop.well("customers", "import", str(file))
    run = later(shop)
    assert run["outward"]["created"] == 1 and run["outward"]["updated"] >= 1
    assert len(contacts(shop)) == len(there) + 1
    seen = shop.well("undo", run["id"], "--dry-run")
    assert seen["archives"] and seen["counts"]["outward"] == 2, seen
    assert shop.run("undo", run["id"], "--yes")[0] == 1
    view = shop.well("undo", run["id"], "--yes", "--outward", "--archive-created")
    assert view["counts"]["fields"] == 1
    later(shop)
    assert {id_: v for id_, v in contacts(shop).items() if v[2] != "brand.new@shopmail.co.uk"} == there
    gone = [
        r for r in shop.box.records("hubspot") if r["properties"].get("email") == "brand.new@shopmail.co.uk"
    ]
    assert not gone or all(record.get("archived") for record in gone)
    after = later(shop)
    assert after["outward"]["created"] == 0


def test_a_plan_is_refused_once_settings_have_changed_or_it_is_nobodys(hubspot):
    shop = hubspot
    plan = shop.well("preview", "hubspot", "--keep")["plan"]
    assert [p["state"] for p in shop.well("preview", "hubspot", "--kept")["items"]] == ["open"]
    shop.well("edit", "hubspot", "--set", "match=email")
    code, answer = shop.run("sync", "hubspot", "--wait", "--plan", plan)
    assert (code, answer["error"]["code"]) == (8, "preview_owed")
    assert "other settings" in answer["error"]["message"]
    assert [p["state"] for p in shop.well("preview", "hubspot", "--kept")["items"]] == ["outdated"]
    assert shop.run("sync", "hubspot", "--plan", "pln_none")[0] == 2
    assert shop.run("sync", "hubspot", "--full", "--plan", plan)[0] == 2


def test_sales_are_credited_by_plan_as_shown_and_a_newer_one_waits_for_the_next_sync(till):
    shop, before = till, cards(till)
    ann, bob = buyers(shop)[:2]
    sell(shop, "PLAN1", ann, 1200)
    preview = shop.well("preview", "square", "--keep")
    assert preview["points"] == 12
    sell(shop, "LATER", bob, 3000)
    run = shop.sync("square", "--plan", preview["plan"])
    assert (run["outcome"], run["skipped"]) == ("succeeded", [])
    assert sum(cards(shop).values()) == sum(before.values()) + 12
    shop.sync("square")
    assert sum(cards(shop).values()) == sum(before.values()) + 42


@pytest.mark.parametrize("profile", ["flaky", "rate-limited"])
def test_trouble_at_the_platform_only_delays_what_an_undo_sends_back(hubspot, profile):
    shop, there, here = hubspot, contacts(hubspot), customers(hubspot)
    for id_ in sorted(there)[:4]:
        shop.box.put("hubspot", KINDS["hubspot"], id_, properties={"firstname": "Wrong"})
    run = later(shop)
    shop.box.faults("hubspot", profile)
    shop.well("undo", run["id"], "--yes")
    later(shop)
    shop.box.faults("hubspot")
    for _ in range(2):
        later(shop)
    assert (customers(shop), contacts(shop)) == (here, there)


def killed(shop, seconds, *arguments):
    """A command that is killed after so many seconds; whether it was still at work."""
    process = shop.program.start(*arguments)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
    process.communicate()
    return process.returncode == -signal.SIGKILL


@pytest.mark.long
def test_an_undo_that_is_killed_is_whole_or_not_at_all_and_a_killed_plan_is_carried_out_the_second_time(
    outside,
):
    shop = outside
    shop.connect("hubspot", "--data", "customers")
    for _ in range(2):
        shop.sync("hubspot")
    there, here = contacts(shop), customers(shop)
    for id_ in sorted(there)[:9]:
        shop.box.put("hubspot", KINDS["hubspot"], id_, properties={"firstname": "Wrong"})
    shop.box.ask("/clock", {"advance_s": 400})

    def wrong():
        return [values[0] for values in customers(shop).values()].count("Wrong")

    plan = shop.well("preview", "hubspot", "--keep")["plan"]
    for _ in range(6):
        if not killed(shop, random.uniform(0.5, 2.5), "sync", "hubspot", "--wait", "--plan", plan):
            break
        assert wrong() in (0, 9)
    run = shop.run("sync", "hubspot", "--wait", "--plan", plan)[1]
    assert run.get("outcome") == "succeeded" or "carried out already" in run["error"]["message"]
    assert wrong() == 9
    ids = [one["id"] for one in shop.well("runs", "hubspot")["items"]]
    changed = next(id_ for id_ in ids if shop.well("run", id_, "--changes")["total"] >= 9)
    for _ in range(6):
        if not killed(shop, random.uniform(0.5, 2.5), "undo", changed, "--yes"):
            break
        assert wrong() in (0, 9)
    code, answer = shop.run("undo", changed, "--yes")
    assert code == 0 or "undone already" in answer["error"]["message"]
    assert customers(shop) == here
    later(shop)
    assert contacts(shop) == there

"""The seeded shop: the same for the same seed, true to its own account, and as troublesome as said."""

from collections import Counter, defaultdict

import orjson
import phonenumbers
import pytest

from perkstar_tui.sandbox.names import invent, landline, mobile
from perkstar_tui.sandbox.server import Shops, Wish
from perkstar_tui.sandbox.truth import judge
from perkstar_tui.sandbox.world import PLATFORMS

KINDS = {"perkstar": "customers", "hubspot": "contacts", "mailchimp": "members", "square": "customers"}
MOVING = ("created_at", "updated_at", "createdAt", "updatedAt", "last_changed", "timestamp_signup", "timestamp_opt",
          "closed_at")  # fmt: skip


@pytest.fixture(scope="module")
def shops():
    made = Shops(Wish(customers=2000, seed=7, only=PLATFORMS))
    yield made
    made._directory.cleanup()


@pytest.fixture(scope="module")
def people(shops):
    return list(shops.world.people())


def everything(shops):
    found = {}
    for name, vendor in shops.vendors.items():
        for kind in vendor.kinds:
            found[name, kind] = [row.body for row in vendor.kind(kind).rows()]
    return found


def timeless(value):
    if isinstance(value, dict):
        return {name: timeless(item) for name, item in value.items() if name not in MOVING}
    return [timeless(item) for item in value] if isinstance(value, list) else value


def made(seed, customers=80, only=PLATFORMS):
    shops = Shops(Wish(customers=customers, seed=seed, only=only))
    found = {key: timeless(rows) for key, rows in everything(shops).items() if key[0] in KINDS} | {
        "people": list(shops.world.people()),
        "keys": shops.vendors["square"].credentials(),
    }
    shops._directory.cleanup()
    return orjson.dumps({str(name): value for name, value in found.items()})


def test_the_same_seed_gives_the_same_world_and_another_another():
    assert made(5) == made(5)
    assert made(5) != made(6)


def test_whoever_else_plays_changes_nothing_of_the_first_three():
    shops = Shops(Wish(customers=80, seed=5))
    rows = {key: timeless(found) for key, found in everything(shops).items() if key[0] in KINDS}
    alone = Shops(Wish(customers=80, seed=5, only=PLATFORMS))
    assert rows == {key: timeless(found) for key, found in everything(alone).items()}
    shops._directory.cleanup()
    alone._directory.cleanup()


@pytest.mark.parametrize("customers", [0, 1, 5, 60, 300])
def test_each_side_has_so_many_people(customers):
    shops = Shops(Wish(customers=customers))
    counts = {
        name: vendor.kind(vendor.people_kind).count()
        for name, vendor in shops.vendors.items()
        if vendor.holds_people
    }
    judge(shops.world)
    shops._directory.cleanup()
    assert counts == dict.fromkeys(counts, customers)


def test_nine_in_ten_are_the_same_people(people):
    sides = Counter(frozenset(person["ids"]) for person in people)
    everywhere = sides[frozenset(KINDS)]
    vendors_alone = sides[frozenset(PLATFORMS)]
    cloud_alone = sides[frozenset({"perkstar"})]
    assert 0.87 * 2000 < everywhere <= 0.9 * 2000
    assert 170 < vendors_alone <= 200 and cloud_alone == 200


def test_every_record_of_the_seed_belongs_to_one_person(shops, people):
    for name, kind in KINDS.items():
        told = [identifier for person in people for identifier in person["ids"].get(name, [])]
        stored = [row.id for row in shops.vendors[name].kind(kind).rows()]
        assert sorted(told) == sorted(stored)


def test_what_is_expected_of_a_person_is_said_with_its_reason(people):
    counted = Counter((name, wanted) for person in people for name, wanted in person["expected"].items())
    for name in PLATFORMS:
        assert counted[name, "linked"] > 2000
        assert 0 < counted[name, "held"] < 20 and 0 < counted[name, "only"] < 40
    for person in people:
        if set(person["expected"].values()) - {"linked"}:
            assert person["reason"]


def test_no_two_customers_of_the_cloud_have_one_address_and_families_share_phones(shops):
    rows = shops.vendors["perkstar"].kind("customers").rows()
    emails = [row.email for row in rows if row.email]
    assert len(emails) == len(set(emails))
    phones = defaultdict(set)
    for row in rows:
        if row.phone:
            phones[row.phone].add(row.email)
    families = [found for found in phones.values() if len(found) > 1]
    assert len(families) >= 10 and all(len(found) == 3 and None not in found for found in families)


def test_the_duplicates_of_the_seed_are_those_that_are_told(shops, people):
    for name, kind in KINDS.items():
        again = {
            person["ids"][name][0]
            for person in people
            if "-again-" in person["person"] and name in person["ids"]
        }
        grouped = {
            identifier for group in shops.vendors[name].kind(kind).duplicates() for identifier in group
        }
        assert again <= grouped and len(grouped) == 2 * len(again)


def test_every_phone_is_a_valid_british_number(shops):
    seen = set()
    for name, kind in KINDS.items():
        for row in shops.vendors[name].kind(kind).rows():
            if row.phone:
                seen.add(row.phone)
    seen |= {mobile(number) for number in range(0, 157_000_000, 1_000_003)} | {
        landline(n) for n in range(500)
    }
    assert len(seen) > 2000
    for phone in seen:
        assert phonenumbers.is_valid_number_for_region(phonenumbers.parse(f"+{phone}"), "GB"), phone


def test_numbers_are_never_given_twice():
    assert len({mobile(number) for number in range(100_000)}) == 100_000
    assert len({landline(number) for number in range(100_000)}) == 100_000


def test_invented_people_stay_clear_of_the_seed(shops):
    import random

    seeded = {row.phone for row in shops.vendors["perkstar"].kind("customers").rows()}
    chance = random.Random(1)
    assert not {invent(chance).phone for _ in range(2000)} & seeded


def test_names_bring_trouble_in_modest_numbers(shops):
    names = [
        row.body["firstName"] + (row.body["surname"] or "")
        for row in shops.vendors["perkstar"].kind("customers").rows()
    ]
    assert any("\x1b" in name for name in names) and any("<b>" in name for name in names)
    assert any("DROP TABLE" in name for name in names) and any("🌸" in name or "💪" in name for name in names)
    assert any("\u0590" < character < "\u06ff" for name in names for character in name)
    assert sum("\x1b" in name for name in names) < 20
    emails = [
        row.body["email"] for row in shops.vendors["perkstar"].kind("customers").rows() if row.body["email"]
    ]
    assert 10 < sum(email.isupper() for email in emails) < 100


def test_nearly_everyone_has_one_card_of_points(shops):
    cards = [row.body for row in shops.vendors["perkstar"].kind("cards").rows()]
    points = [card["customerId"] for card in cards if card["type"] == "reward"]
    assert len(points) == len(set(points)) and 0.93 * 2000 < len(points) < 0.97 * 2000
    assert any(card["type"] == "stamp" for card in cards)
    first = shops.vendors["perkstar"].templates.known[0]
    assert (first["name"], first["type"]) == ("Points", 7)


def test_the_writes_that_a_first_sync_owes_the_cloud_stay_within_bounds(shops, people):
    customers = {row.id: row for row in shops.vendors["perkstar"].kind("customers").rows()}
    cards = {row.body["customerId"] for row in shops.vendors["perkstar"].kind("cards").rows()}
    creates = sum("perkstar" not in p["ids"] and "linked" in p["expected"].values() for p in people)
    edits = sum(
        1 for p in people if "perkstar" in p["ids"] and set(p["expected"].values()) == {"linked"} and len(p["ids"]) > 1
        and any(customers[p["ids"]["perkstar"][0]].body[name] is None for name in ("email", "dateOfBirth", "surname"))
    )  # fmt: skip
    sales = [sale for sale in shops.world.sales if sale.expected == "credited"]
    owners = {p["person"]: p["ids"].get("perkstar", [None])[0] for p in people}
    bare = {sale.person for sale in sales if owners[sale.person] not in cards}
    operations = len(sales) + sum(len(sale.refunds) for sale in sales)
    gaps = round(0.06 * 2000) + round(
        0.03 * 2000
    )  # those who have no birthday or surname anywhere are no edits
    assert len(bare) <= 30
    assert creates + max(0, edits - gaps) + operations + len(bare) <= 800


def test_sales_are_told_as_they_are(shops):
    orders = {row.id: row.body for row in shops.vendors["square"].kind("orders").rows()}
    refunds = {row.id: row.body for row in shops.vendors["square"].kind("refunds").rows()}
    told = shops.world.sales_told()
    kinds = Counter(sale["expected"] for sale in told["sales"])
    assert len(told["sales"]) == 300 and 40 <= kinds["before_start"] <= 55 and kinds["credited"] > 190
    assert set(kinds) == {"credited", "before_start", "no_customer", "not_completed", "nothing_paid"}
    for sale in told["sales"]:
        order = orders[sale["sale"]]
        assert sale["total_minor"] == order["total_money"]["amount"]
        assert sale["customer_id"] == order.get("customer_id")
        if sale["expected"] == "credited":
            assert sale["placed_at"] >= told["credit_from"] and sale["person"] and sale["total_minor"] > 200
        for refund in sale["refunds"]:
            assert refunds[refund["id"]]["amount_money"]["amount"] == refund["amount_minor"]
            assert refund["at"] > sale["placed_at"]
    back = [sale for sale in told["sales"] if sale["refunds"]]
    assert 0.04 * 300 < len(back) < 0.13 * 300
    parts = {
        (len(s["refunds"]), sum(r["amount_minor"] for r in s["refunds"]) == s["total_minor"]) for s in back
    }
    assert {(1, True), (1, False), (2, False)} <= parts


def test_the_judgement_sees_what_is_missing_different_doubled_and_credited():
    shops = Shops(Wish(customers=80, seed=7))
    world, cloud, contacts = shops.world, shops.vendors["perkstar"], shops.vendors["hubspot"]
    before = judge(world)["platforms"]["hubspot"]
    assert (
        before["linked"] < before["expected_linked"]
        and before["missing_count"] > 0
        and not before["duplicates"]
    )
    missing = next(entry for entry in before["missing"] if entry["at"] == "hubspot")
    person = next(p for p in world.people() if p["person"] == missing["person"])
    body = cloud.kind("customers").get(person["ids"]["perkstar"][0]).body
    part = {"firstname": body["firstName"], "lastname": body["surname"] or "", "email": body["email"] or "",
            "phone": f"+{body['phone']}" if body["phone"] else "", "date_of_birth": body["dateOfBirth"] or "",
            }  # fmt: skip
    contacts.control_put("contacts", "990000001", part)
    after = judge(world)["platforms"]["hubspot"]
    assert (after["linked"], after["equal"]) == (before["linked"] + 1, before["equal"] + 1)
    contacts.control_put("contacts", "990000001", {"firstname": "Somebody else"})
    changed = judge(world)["platforms"]["hubspot"]
    assert changed["equal"] == before["equal"]
    assert (missing["person"], "first") in {
        (entry["person"], entry["field"]) for entry in changed["differing"]
    }
    contacts.control_put("contacts", "990000002", part | {"firstname": "Twice"})
    assert judge(world)["platforms"]["hubspot"]["duplicates"] == [["990000001", "990000002"]]
    sale = next(sale for sale in world.sales if sale.expected == "credited")
    card = cloud.kind("cards").rows()[0]
    assert judge(world)["sales"]["credited_once"] == 0
    for expected in ((1, 0), (0, 1)):
        cloud.operations.book(card, "add-scores", 5, {"comment": f"0123456789ABCDEF sale {sale.sale}"})
        told = judge(world)["sales"]
        assert (told["credited_once"], told["credited_twice"]) == expected
    shops._directory.cleanup()

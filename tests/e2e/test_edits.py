"""Edits on both sides, conflicts, archiving, changed addresses, merges: each ends by the rules and is explained."""

import pytest
from shop import KINDS

FIRST = {"hubspot": "firstname", "mailchimp": "FNAME", "square": "given_name"}


def part(name, **fields):
    """A part of a record in the vendor's own form: first, email."""
    if name == "hubspot":
        names = {"first": "firstname", "email": "email"}
        return {"properties": {names[k]: v for k, v in fields.items()}}
    if name == "mailchimp":
        whole = {"merge_fields": {"FNAME": fields["first"]}} if "first" in fields else {}
        return whole | ({"email_address": fields["email"]} if "email" in fields else {})
    names = {"first": "given_name", "email": "email_address"}
    return {names[k]: v for k, v in fields.items()}


def first_of(shop, name, id_):
    record = next(r for r in shop.box.records(name) if r["id"] == id_)
    if name == "hubspot":
        return record["properties"].get("firstname")
    return record["merge_fields"]["FNAME"] if name == "mailchimp" else record.get("given_name")


def cloud(shop, id_):
    return next(r for r in shop.box.records("perkstar") if r["id"] == id_)


@pytest.fixture
def pairs(shop):
    """Connected and in step, with people who are at both sides: (id in the cloud, id at the vendor) by platform."""

    def made(name, *more):
        shop.connect(name, "--data", "customers", *more)
        for _ in range(2):
            assert shop.sync(name)["code"] == 0
        return [
            (person["ids"]["perkstar"][0], person["ids"][name][0])
            for person in shop.box.people()
            if person["expected"].get(name) == "linked"
            and len(person["ids"].get(name, ())) == 1 == len(person["ids"].get("perkstar", ()))
        ]

    return made


@pytest.mark.parametrize("name", ["hubspot", "mailchimp", "square"])
def test_an_edit_on_either_side_reaches_the_other_and_a_clash_is_settled_by_the_rule(shop, pairs, name):
    found = pairs(name)
    (c1, v1), (c2, v2), (c3, v3) = found[:3]
    shop.box.put(name, KINDS[name], v1, **part(name, first="Vendorside"))
    shop.box.put("perkstar", "customers", c2, firstName="Cloudside")
    shop.box.put(name, KINDS[name], v3, **part(name, first="Theirs"))
    shop.box.put("perkstar", "customers", c3, firstName="Ours")
    shop.box.ask("/clock", {"advance_s": 400})
    run = shop.sync(name, "--full")
    assert run["code"] == 0, run
    assert cloud(shop, c1)["firstName"] == "Vendorside"
    assert first_of(shop, name, v2) == "Cloudside"
    assert (cloud(shop, c3)["firstName"], first_of(shop, name, v3)) == ("Ours", "Ours")
    record = shop.well("record", c3, name)
    assert any("changed on both sides" in line for line in record["story"])
    conflict = shop.well("conflicts", name)["items"][0]
    assert (conflict["perkstar"], conflict["platform"], conflict["winner"]) == ("Ours", "Theirs", "perkstar")
    shop.well("conflicts", name, "--undo", conflict["id"])
    shop.sync(name)
    assert (cloud(shop, c3)["firstName"], first_of(shop, name, v3)) == ("Theirs", "Theirs")


@pytest.mark.parametrize("name", ["hubspot", "mailchimp"])
def test_a_record_archived_at_the_vendor_is_kept_here_and_not_made_there_again(shop, pairs, name):
    (c1, v1), *_ = pairs(name)
    before = shop.well("show", name)["counts"]["linked"]
    shop.box.delete(name, KINDS[name], v1)
    run = shop.sync(name, "--full")
    assert run["code"] == 0, run
    assert shop.well("show", name)["counts"]["linked"] == before - 1
    shop.box.put("perkstar", "customers", c1, firstName="Later")
    shop.box.ask("/clock", {"advance_s": 400})
    again = shop.sync(name, "--full")
    assert again["outward"]["created"] == 0
    side = shop.well("record", c1, name)["platforms"][0]
    assert side["state"] == "gone" and side["reason"]


@pytest.mark.parametrize("name", ["hubspot", "mailchimp", "square"])
def test_a_changed_address_is_a_change_of_the_same_record(shop, pairs, name):
    (c1, v1), *_ = pairs(name)
    count = len(shop.box.records(name))
    shop.box.put(name, KINDS[name], v1, **part(name, email="brand.new@shopmail.co.uk"))
    # The vendors' searches know of a change some moments after it.
    shop.box.ask("/clock", {"advance_s": 5})
    run = shop.sync(name)
    assert run["inward"]["created"] == 0, run
    assert cloud(shop, c1)["email"] == "brand.new@shopmail.co.uk"
    assert len(shop.box.records(name)) == count
    record = shop.well("record", "-", name, stdin="brand.new@shopmail.co.uk\n")
    assert record["platforms"][0]["state"] == "linked"


def test_a_merge_at_the_vendor_of_two_customers_is_held_for_a_person(shop, pairs):
    (c1, winner), (c2, loser), *_ = pairs("hubspot")
    shop.box.ask("/hubspot/records/contacts:merge", {"winner": winner, "loser": loser})
    shop.sync("hubspot", "--full")
    side = next(s for s in shop.well("record", c2, "hubspot")["platforms"])
    assert side["state"] in ("duplicate", "gone"), side
    assert winner in side["reason"]
    assert shop.well("record", c1, "hubspot")["platforms"][0]["state"] == "linked"


def test_one_way_connections_never_write_to_the_other_side(shop):
    earlier = len(shop.box.requests("hubspot"))
    shop.connect("hubspot", "--data", "customers", "--direction", "to-perkstar")
    shop.sync("hubspot")
    assert not any(r["writes"] for r in shop.box.requests("hubspot")[earlier:])
    shop.connect("mailchimp", "--data", "customers", "--direction", "to-platform")
    before = len(shop.box.records("perkstar"))
    shop.sync("mailchimp")
    assert len(shop.box.records("perkstar")) == before

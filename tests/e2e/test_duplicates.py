"""Duplicates with real vendors on loopback: found in the store and at a vendor, merged, synced, and two again."""

import pytest
from shop import Shop


def customers(shop: Shop) -> list[str]:
    return [view["id"] for view in shop.well("customers", "--limit", "1000")["items"]]


def test_pairs_are_listed_dismissed_and_found_again_by_command(shop):
    people = [
        {"first_name": "Jane", "last_name": "Doe", "email": "jane@dup.uk", "phone": "07400 123456"},
        {"first_name": "Jayne", "last_name": "Doe", "email": "jayne@dup.uk", "birth_date": "1980-02-03"},
        {"first_name": "Jayne", "last_name": "Doe", "email": "jd@dup.uk", "birth_date": "1980-02-03"},
    ]
    assert shop.well("customers", "import", "-", stdin=people)["created"] == 3
    listed = shop.well("customers", "duplicates", "--min-score", "85")
    assert listed["total"] == 1
    (pair,) = listed["items"]
    assert pair["differs"] == ["email"] and pair["verdict"] == "same" and pair["why"]
    assert shop.well("customers", "duplicates", "--dismiss", pair["id"])["state"] == "dismissed"
    again = shop.well("customers", "duplicates", "--find")
    assert again["search"]["looked_at"] == len(customers(shop))
    assert pair["id"] not in {each["id"] for each in again["items"]}
    code, answer = shop.run("customers", "duplicates", "--dismiss", "dup_0")
    assert (code, answer["error"]["code"]) == (2, "not_found")
    code, answer = shop.run("customers", "merge", pair["a"]["id"], pair["b"]["id"])
    assert (code, answer["error"]["code"]) == (2, "usage") and "--yes" in answer["error"]["remedy"]
    code, _ = shop.run("customers", "merge", pair["a"]["id"], pair["b"]["id"], "--yes", "--read-only")
    assert code == 3


def test_two_that_are_linked_become_one_and_no_sync_makes_a_double(shop):
    shop.connect("hubspot", "--data", "customers")
    shop.sync("hubspot")
    ids = customers(shop)
    there = len(shop.box.records("hubspot"))
    rows = shop.well("customers", "--limit", "2")["items"]
    done = shop.well("customers", "merge", rows[0]["id"], rows[1]["id"], "--yes")
    assert len(customers(shop)) == len(ids) - 1
    for _ in range(2):
        run = shop.sync("hubspot", "--full")
        assert run["inward"]["created"] == run["outward"]["created"] == 0
        assert run["cloud"]["inward"]["created"] == run["cloud"]["outward"]["created"] == 0
    assert len(customers(shop)) == len(ids) - 1 and len(shop.box.records("hubspot")) == there
    assert shop.well("record", done["loser"])["hub"]["merged_into"] == done["survivor"]
    shop.well("customers", "unmerge", done["id"])
    run = shop.sync("hubspot", "--full")
    assert run["inward"]["created"] == run["outward"]["created"] == 0
    assert sorted(customers(shop)) == sorted(ids) and len(shop.box.records("hubspot")) == there


def writes(shop: Shop) -> int:
    return sum(r["method"] != "GET" and "search" not in r["path"] for r in shop.box.requests("hubspot"))


def test_doubles_at_a_vendor_are_reported_before_the_first_sync_and_left_alone(shop):
    shop.connect("hubspot", "--data", "customers")
    before = shop.well("customers", "duplicates", "--find", "--at", "hubspot")["total"]
    first = next(r for r in shop.box.records("hubspot") if r["properties"].get("email"))
    other = next(
        r for r in shop.box.records("hubspot") if r["id"] != first["id"] and r["properties"].get("email")
    )
    same = {name: first["properties"].get(name) for name in ("firstname", "lastname", "phone")}
    shop.box.put("hubspot", "contacts", other["id"], properties=same)
    written = writes(shop)
    answer = shop.well("customers", "duplicates", "--find", "--at", "hubspot")
    assert answer["total"] >= before + 1
    pair = next(p for p in answer["items"] if {p["a"]["id"], p["b"]["id"]} == {first["id"], other["id"]})
    assert pair["integration_name"] == "HubSpot" and "same phone" in pair["why"]
    assert "only reported" in answer["search"]["note"]
    preview = shop.well("preview", "hubspot")
    assert any(
        "customers read from HubSpot" in note and "may be one person" in note for note in preview["notes"]
    )
    assert writes(shop) == written


@pytest.mark.parametrize("platform", ["hubspot", "square"])
def test_what_a_merge_filled_does_not_come_back_from_vendor_or_cloud_once_they_are_two_again(shop, platform):
    shop.connect(platform, "--data", "customers")
    shop.sync(platform)
    linked = {
        row["id"] for row in shop.well("records", platform, "--state", "in-step", "--limit", "9999")["items"]
    }
    rows = [row for row in shop.well("customers", "--limit", "1000")["items"] if row["id"] in linked]
    empty = next(row for row in rows if not row["fields"].get("birth_date"))
    filled = next(row for row in rows if row["fields"].get("birth_date"))
    day = filled["fields"]["birth_date"]
    done = shop.well("customers", "merge", empty["id"], filled["id"], "--keep", empty["id"], "--yes")
    for _ in range(2):
        shop.sync(platform, "--full")
    side = next(
        side
        for side in shop.well("record", empty["id"], platform, "--fresh")["platforms"]
        if side["state"] == "linked"
    )
    assert side["values"]["birth_date"], "it was told of the one customer"
    undone = shop.well("customers", "unmerge", done["id"])
    assert any("birth_date" in effect and "may still hold" in effect for effect in undone["effects"])
    for _ in range(2):
        shop.sync(platform, "--full")
        now = {row["id"]: row["fields"] for row in shop.well("customers", "--limit", "1000")["items"]}
        assert not now[empty["id"]].get("birth_date") and now[filled["id"]]["birth_date"] == day
        assert now[empty["id"]] == empty["fields"] and now[filled["id"]] == filled["fields"]

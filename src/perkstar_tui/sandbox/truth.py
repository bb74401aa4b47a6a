"""The sandbox's own judgement of the present state: who is in step with Perkstar's cloud, and who is credited.

It goes by its own table of fields that correspond, never by what a sync says of itself.
"""

import re
from typing import Any

import orjson

from .seed import View
from .state import LIVE, Kind, Row
from .vendor import Vendor
from .world import World

SHOWN = 50


class Side:
    """The records of one side, found by id, address or phone."""

    def __init__(self, vendor: Vendor) -> None:
        self.fields = vendor.person_fields
        self.takes = vendor.takes
        self._kind: Kind = vendor.kind(vendor.people_kind)
        self._view = vendor.person

    def by_id(self, identifier: str) -> Row | None:
        """A record; one that was merged away leads to the one it became part of."""
        row = self._kind.get(identifier)
        if row is not None and row.ref and row.state not in (LIVE, 1):
            row = self._kind.get(row.ref)
        return row if row is not None and row.state == LIVE else None

    def like(self, person: View) -> list[Row]:
        """Records with the person's address, else those with the phone and no other address."""
        if person.email:
            found = self._kind.rows("state = 0 AND email = ?", (person.email,))
            if found:
                return found
        if person.phone:
            rows = self._kind.rows("state = 0 AND phone = ?", (person.phone,))
            return [row for row in rows if not row.email or not person.email or row.email == person.email]
        return []

    def view(self, row: Row) -> View:
        """A record's fields."""
        return self._view(row.body)


def same_birthday(one: str | None, other: str | None) -> bool:
    """Whether two birthdays agree as far as both can say; one without a year fills no gap."""
    if one is None or other is None:
        return one == other or len(one or other or "") == 5
    return one[-5:] == other[-5:] and (len(one) == 5 or len(other) == 5 or one == other)


def differences(
    cloud: View, there: View, fields: tuple[str, ...], with_phone: bool
) -> list[tuple[str, str | None, str | None]]:
    """Those of the fields, which both sides can hold, that are not equal."""
    found: list[tuple[str, str | None, str | None]] = []
    for name in fields:
        ours, theirs = cloud.get(name), there.get(name)
        if name == "phone" and not with_phone:
            continue
        equal = same_birthday(ours, theirs) if name == "birthday" else ours == theirs
        if not equal:
            found.append((name, ours, theirs))
    return found


def judge(world: World) -> dict[str, Any]:
    """`GET /world/check`."""
    cloud = Side(world.vendors["perkstar"])
    platforms = {
        name: vendor for name, vendor in world.vendors.items() if name != "perkstar" and vendor.holds_people
    }
    said: dict[str, Any] = {name: verdict(world, name, vendor) for name, vendor in platforms.items()}
    sides = {name: Side(vendor) for name, vendor in platforms.items()}
    for entry in world.people():
        for name, wanted in entry["expected"].items():
            if wanted == "held":
                said[name]["expected_held"] += 1
            elif wanted == "only" or untold(world.vendors[name], entry["ids"].get(name)):
                said[name]["expected_only"] += 1
            else:
                said[name]["expected_linked"] += 1
                compare(entry, name, cloud, sides[name], said[name])
    return {
        "platforms": said,
        "perkstar": {"records": world.vendors["perkstar"].kind("customers").count(),
                     "duplicates": fresh_groups(world, "perkstar")},
        "sales": credited(world),
        "ok": all(found["linked"] == found["expected_linked"] == found["equal"] and not found["duplicates"]
                  for found in said.values()),
    }  # fmt: skip


def untold(vendor: Vendor, ids: list[str] | None) -> bool:
    """Whether somebody at a vendor that only tells was never told of."""
    return vendor.tells and not vendor.heard_of.intersection(ids or ())


def verdict(world: World, name: str, vendor: Vendor) -> dict[str, Any]:
    """An empty judgement of one platform, with its new duplicates."""
    return {
        "expected_linked": 0, "linked": 0, "equal": 0, "expected_held": 0, "expected_only": 0, "gone": 0,
        "records": vendor.kind(vendor.people_kind).count(), "duplicates": fresh_groups(world, name), "missing": [],
        "missing_count": 0, "ambiguous": [], "differing": [], "differing_count": 0,
    }  # fmt: skip


def fresh_groups(world: World, name: str) -> list[list[str]]:
    """Groups of duplicates that the seed didn't have."""
    vendor = world.vendors[name]
    known = world.seed_groups.get(name, set())
    groups = vendor.kind(vendor.people_kind).duplicates()
    return [group for group in groups if not any(frozenset(group) <= seeded for seeded in known)]


def compare(entry: dict[str, Any], name: str, cloud: Side, side: Side, said: dict[str, Any]) -> None:
    """Find both records of a person and compare them."""
    seeded_here, seeded_there = entry["ids"].get("perkstar"), entry["ids"].get(name)
    ours = cloud.by_id(seeded_here[0]) if seeded_here else None
    theirs = side.by_id(seeded_there[0]) if seeded_there else None
    if (seeded_here and ours is None) or (seeded_there and theirs is None):
        said["gone"] += 1
        return
    if ours is None and theirs is not None:
        ours = single(cloud.like(side.view(theirs)), entry, said)
    elif theirs is None and ours is not None:
        theirs = single(side.like(cloud.view(ours)), entry, said)
    if ours is None or theirs is None:
        said["missing_count"] += 1
        if len(said["missing"]) < SHOWN:
            said["missing"].append({"person": entry["person"], "at": "perkstar" if ours is None else name})
        return
    said["linked"] += 1
    known = side.view(theirs)
    # Who only gives keeps its gaps.
    fields = tuple(name for name in side.fields if side.takes or known.get(name))
    found = differences(cloud.view(ours), known, fields, not (seeded_here and seeded_there))
    said["equal"] += not found
    said["differing_count"] += bool(found)
    for field, here, there in found:
        if len(said["differing"]) < SHOWN:
            said["differing"].append(
                {"person": entry["person"], "field": field, "perkstar": here, "platform": there}
            )


def single(rows: list[Row], entry: dict[str, Any], said: dict[str, Any]) -> Row | None:
    """The one counterpart; several are told of."""
    if len(rows) > 1 and len(said["ambiguous"]) < SHOWN:
        said["ambiguous"].append({"person": entry["person"], "ids": [row.id for row in rows]})
    return rows[0] if rows else None


def credited(world: World) -> dict[str, Any]:
    """How often each sale was credited and each refund reversed, by the words in the operations' comments."""
    plus: dict[str, list[float]] = {}
    minus: dict[str, list[float]] = {}
    known = {sale.sale for sale in world.sales} | {
        refund["id"] for sale in world.sales for refund in sale.refunds
    }
    rows = world.vendors["perkstar"].kind("operations").raw("state = 0")
    for row in rows:
        body = orjson.loads(row[3])
        for word in known.intersection(re.findall(r"[A-Za-z0-9_-]+", body["comment"] or "")):
            (plus if body["amount"] >= 0 else minus).setdefault(word, []).append(abs(body["amount"]))
    wanted = [sale for sale in world.sales if sale.expected == "credited"]
    times = {sale.sale: len(plus.get(sale.sale, [])) for sale in world.sales}
    refunds = [refund["id"] for sale in wanted for refund in sale.refunds]
    twice = [sale.sale for sale in wanted if times[sale.sale] > 1]
    never = [sale.sale for sale in wanted if times[sale.sale] == 0]
    wrongly = [sale.sale for sale in world.sales if sale.expected != "credited" and times[sale.sale]]
    again = [identifier for identifier in refunds if len(minus.get(identifier, [])) > 1]
    unreversed = [identifier for identifier in refunds if not minus.get(identifier)]
    return {
        "expected": len(wanted),
        "credited_once": len(wanted) - len(twice) - len(never),
        "credited_twice": len(twice),
        "not_credited": len(never),
        "wrongly_credited": len(wrongly),
        "points": sum(sum(plus.get(sale.sale, [])) for sale in wanted),
        "refunds_expected": len(refunds),
        "reversed_once": len(refunds) - len(again) - len(unreversed),
        "reversed_twice": len(again),
        "not_reversed": len(unreversed),
        "examples": {
            "credited_twice": twice[:SHOWN],
            "not_credited": never[:SHOWN],
            "wrongly_credited": wrongly[:SHOWN],
            "reversed_twice": again[:SHOWN],
            "not_reversed": unreversed[:SHOWN],
        },
    }

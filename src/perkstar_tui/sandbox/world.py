"""The seeded shop: the same people at Perkstar's cloud and at every vendor, with the trouble that real data has.

The same seed gives the same people, ids and sales; only times move with the clock. `people` and `sales` tell the
truth of the seed, `check` (in `truth.py`) compares the present state with it.
"""

import random
import sqlite3
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from .clock import iso_ms
from .hubspot.kinds import contact_cell
from .ids import uuid7
from .joining import Joining
from .mailchimp.member_record import member_cell
from .names import (
    DOMAINS,
    FIRST,
    LAST,
    ODD,
    STREETS,
    TOWNS,
    WIDE,
    birthday,
    international,
    landline,
    mobile,
    national,
    plain,
)
from .ordinary import Ordinary
from .perkstar import Perkstar
from .perkstar.card_record import card_cell, card_number
from .perkstar.customers import customer_cell
from .seed import FIRST_VENDORS, Sale, Soul
from .square import till
from .square.customers import customer_cell as square_customer_cell
from .square.customers import square_id
from .square.locations import LOCATIONS
from .state import Cell
from .vendor import Setting, Vendor

DAY = 86_400_000
PLATFORMS = FIRST_VENDORS
CREDIT_DAYS = 14
CHUNK = 5000
EPOCH = 1_700_000_000_000
"""Where the times inside ids begin, so that ids don't depend on when a sandbox is started."""

NO_EMAIL_REASON = "no email address, which Mailchimp needs"


class Buyer(NamedTuple):
    """Somebody who may have bought."""

    key: str
    square_id: str
    soul: Soul


def part(count: int, rate: float, least: int = 1) -> int:
    """A share of the people; at least so many once there are sixty of them."""
    return max(round(count * rate), least if count >= 60 else 0)


SHARED_TRAITS = (
    # trait, share of the people at both sides
    ("no_email", 0.01), ("changed_hubspot", 0.003), ("changed_mailchimp", 0.003), ("changed_square", 0.003),
    ("gap_surname", 0.01), ("gap_email", 0.01), ("gap_birthday", 0.01), ("other_name", 0.01),
    ("other_birthday", 0.005), ("other_phone", 0.005), ("vendor_gap", 0.05), ("upper", 0.03), ("odd", 0.006),
    ("wide", 0.02), ("landline", 0.04), ("unsubscribed", 0.03),
)  # fmt: skip


class World:
    """Fills the vendors' stores, and remembers the truth about what it put there."""

    def __init__(self, setting: Setting, vendors: dict[str, Vendor], customers: int) -> None:
        self.setting = setting
        self.vendors = vendors
        self.customers = customers
        self.db = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self.sales: list[Sale] = []
        self.start = 0
        self.credit_from = 0
        self.seed_groups: dict[str, set[frozenset[str]]] = {}

    # the way the shop is made ------------------------------------------------------------------------------

    def fill(self) -> None:
        """Make everything anew from the seed; the vendors' stores must be empty."""
        self.chance = random.Random(f"{self.setting.seed}:world")
        self.start = self.setting.clock.ms()
        self.credit_from = self.start - CREDIT_DAYS * DAY
        self.sales = []
        self.buyers: dict[str, list[Buyer]] = {"card": [], "bare": [], "new": []}
        self.first_number = self.chance.randrange(100_000_000, 145_000_000)
        self.pending: dict[tuple[str, str], list[Cell]] = {}
        self.truths: list[tuple[str, bytes, bytes, str | None]] = []
        self.seqs: dict[tuple[str, str], int] = {}
        self.turns: dict[str, int] = {}
        self.setting.bad_emails = {name: set() for name in {*PLATFORMS, "perkstar", *self.vendors}}
        self.db.execute("DROP TABLE IF EXISTS people")
        self.db.execute(
            "CREATE TABLE people (n INTEGER PRIMARY KEY, person TEXT, ids BLOB, expected BLOB, reason TEXT)"
        )
        for vendor in self.vendors.values():
            vendor.store.begin()
        self.joining = [
            Joining(self, vendor)
            for vendor in self.vendors.values()
            if isinstance(vendor, Ordinary) and vendor.holds_people
        ]
        for number, soul in enumerate(self.souls()):
            self.settle(soul, number)
            if number % CHUNK == CHUNK - 1:
                self.flush()
        self.later()
        self.flush()
        self.sell()
        for joining in self.joining:
            joining.fill_up()
            joining.sell()
        self.flush()
        for vendor in self.vendors.values():
            vendor.store.commit()
            vendor.store.index()
            vendor.store.writes = 0
        # Only the making needs these.
        self.buyers.clear()
        self.seqs.clear()
        self.seed_groups = {
            name: {frozenset(group) for group in vendor.kind(vendor.people_kind).duplicates()}
            for name, vendor in self.vendors.items()
        }

    def roles(self) -> list[str]:
        """What each person of the seed is, in the order of their numbers."""
        count = self.customers
        shared = round(count * 0.9)
        roles: list[str] = []
        for trait, rate in SHARED_TRAITS:
            roles += [trait] * part(shared, rate)
        families = part(shared, 0.01)
        self.families = families
        roles += [f"family{number}" for number in range(families) for _ in range(3)]
        roles = roles[:shared]
        roles += ["shared"] * (shared - len(roles))
        missing = roles.count("no_email")
        self.duplicates = {"hubspot": part(count, 0.002), "square": part(count, 0.003)}
        self.shared_phones = min(families, part(count, 0.0015))
        self.blanks = part(count, 0.0015)
        special = {
            "hubspot": self.duplicates["hubspot"] + self.shared_phones + self.blanks,
            "square": self.duplicates["square"] + self.shared_phones + self.blanks,
            "mailchimp": 0,
        }
        most = max(special.values())
        alone = max(0, count - shared - most)
        bare = part(count - shared, 0.04) if count >= 60 else 0
        roles += ["cloud"] * (count - shared - bare) + ["cloud_no_email"] * bare
        roles += ["vendor"] * alone
        for name in PLATFORMS:
            more = count - shared - alone - special[name] + (missing if name == "mailchimp" else 0)
            roles += [f"only_{name}"] * more
        self.chance.shuffle(roles)
        return roles

    def souls(self) -> Iterator[Soul]:
        """The people, one after the other."""
        family_phones: dict[str, str] = {}
        self.family_phones = family_phones
        for number, role in enumerate(self.roles()):
            soul = self.soul(number, role)
            if role.startswith("family"):
                soul.phone = family_phones.setdefault(role, soul.phone or "")
                soul.trait = "family"
            yield soul

    def soul(self, number: int, role: str) -> Soul:
        """Somebody, made up from the row of random numbers."""
        chance = self.chance
        first, last = chance.choice(FIRST), chance.choice(LAST)
        stem = f"{plain(first)}.{plain(last)}"
        if role in ("wide", "odd"):
            row = WIDE if role == "wide" else ODD
            turn = self.turns[role] = self.turns.get(role, -1) + 1
            first, last, stem = row[turn % len(row)]
            if role == "wide":
                first, last = last, first
        email = f"{stem}{number}@{chance.choice(DOMAINS)}"
        phone = landline(number) if role == "landline" else mobile(self.first_number + number)
        born = birthday(chance)
        roll = chance.random()
        soul = Soul(f"p{number:06d}", first, last, email, phone, born, role, int(chance.random() * 3))
        if role in ("shared", "cloud", "upper", "unsubscribed", "vendor"):
            if roll < 0.06:
                soul.birthday = None
            elif roll < 0.09:
                soul.last = ""
            elif roll < 0.13:
                soul.phone = None
        if role.startswith("only_"):
            soul.places, soul.in_cloud, soul.trait = (role[5:],), False, "vendor"
        elif role == "vendor":
            soul.in_cloud = False
        elif role in ("cloud", "cloud_no_email"):
            soul.places = ()
        if role in ("no_email", "cloud_no_email"):
            soul.email = None
        if role == "no_email":
            soul.places = ("hubspot", "square")
        soul.card = soul.in_cloud and chance.random() >= 0.05
        return soul

    # one person at every place -------------------------------------------------------------------------------

    def settle(self, soul: Soul, number: int) -> None:
        """Write a person's records and the truth about them."""
        chance = self.chance
        span = 1000 * DAY
        age = int(span * (1 - number / (self.customers * 1.2)) * 0.97) + 20 * DAY
        created = self.start - age - chance.randrange(10 * DAY)
        updated = min(created + chance.randrange(age), self.start - DAY)
        ids: dict[str, list[str]] = {}
        if soul.in_cloud:
            identifier = uuid7(EPOCH + span - age, chance)
            ids["perkstar"] = [identifier]
            if "perkstar" in self.vendors:
                self.put("perkstar", "customers", customer_cell(
                    identifier, created, updated, self.cloud_form(soul),
                    self.seq("perkstar", "customers")))  # fmt: skip
                if soul.card:
                    self.issue(identifier, created)
        for name in PLATFORMS:
            draw = chance.getrandbits(30)
            if name in soul.places:
                identifier = self.record(name, self.variant(soul, name, draw), created, updated, draw)
                ids[name] = [identifier]
        for joining in self.joining:
            joining.join(soul, ids, created, updated)
        self.remember(soul, ids)
        if (
            "square" in ids
            and soul.trait in ("shared", "vendor", "wide", "landline", "upper")
            and len(soul.places) == 3
        ):
            group = "new" if not soul.in_cloud else "card" if soul.card else "bare"
            self.buyers[group].append(Buyer(soul.key, ids["square"][0], soul))
        if soul.email and len(self.setting.bad_emails["perkstar"]) < 12 and soul.trait == "vendor":
            self.setting.bad_emails["perkstar"].add(soul.email.lower())
        if soul.email and soul.trait == "cloud" and len(self.setting.bad_emails["hubspot"]) < 12:
            for name, bad in self.setting.bad_emails.items():
                if name != "perkstar":
                    bad.add(soul.email.lower())

    def seq(self, vendor: str, kind: str) -> int:
        """The next row number of a kind; the seed's order is the order of making."""
        number = self.seqs[(vendor, kind)] = self.seqs.get((vendor, kind), 0) + 1
        return number

    def put(self, vendor: str, kind: str, cell: Cell) -> None:
        self.pending.setdefault((vendor, kind), []).append(cell)

    def flush(self) -> None:
        """Hand what is gathered to the stores."""
        for (vendor, kind), cells in self.pending.items():
            if vendor in self.vendors:
                self.vendors[vendor].kind(kind).load(cells)
        self.pending.clear()
        self.db.executemany(
            "INSERT INTO people (person, ids, expected, reason) VALUES (?,?,?,?)", self.truths
        )
        self.truths.clear()

    def issue(self, customer: str, created: int) -> None:
        """A Points card with something on it; for some also a card of stamps."""
        chance = self.chance
        cloud = self.vendors["perkstar"]
        assert isinstance(cloud, Perkstar)
        points, stamps = cloud.templates.known[0]["id"], cloud.templates.known[1]["id"]
        state = (
            {"status": "installed", "device": chance.choice(("Google Pay", "Apple Wallet"))}
            if chance.random() < 0.7
            else {}
        )
        balance = {"bonusBalance": chance.randrange(0, 400)}
        self.put("perkstar", "cards", card_cell(
            card_number(chance), customer, points, 7, created, state | {"balance": balance},
            self.seq("perkstar", "cards")))  # fmt: skip
        if chance.random() < 0.02:
            count = chance.randrange(10)
            balance = {"numberStampsTotal": count, "stampsBeforeReward": 10 - count}
            self.put("perkstar", "cards", card_cell(
                card_number(chance), customer, stamps, 0, created, {"balance": balance},
                self.seq("perkstar", "cards")))  # fmt: skip

    def cloud_form(self, soul: Soul) -> dict[str, Any]:
        """A person as Perkstar's cloud has them, with the gaps that vendors will fill."""
        return {
            "firstName": soul.first,
            "surname": None if soul.trait == "gap_surname" else soul.last or None,
            "phone": soul.phone,
            "email": None if soul.trait == "gap_email" else self.loud(soul, "perkstar"),
            "gender": soul.gender,
            "dateOfBirth": None if soul.trait == "gap_birthday" else soul.birthday,
        }

    def loud(self, soul: Soul, place: str) -> str | None:
        """The address, in capitals at every second place for those who write it so."""
        if (
            soul.trait == "upper"
            and soul.email
            and place in ("perkstar", "mailchimp")[int(soul.key[1:]) % 2 :]
        ):
            return soul.email.upper()
        return soul.email

    def variant(self, soul: Soul, place: str, draw: int) -> Soul:
        """The person as one vendor knows them."""
        trait = soul.trait
        there = Soul(
            soul.key, soul.first, soul.last, self.loud(soul, place), soul.phone, soul.birthday, trait
        )
        if trait == f"changed_{place}":
            there.email = f"new.{soul.email}"
        elif trait == "other_name" and PLATFORMS[draw % 3] == place:
            there.first = soul.first[:3]
        elif trait == "other_birthday" and soul.birthday:
            there.birthday = f"{soul.birthday[:8]}{int(soul.birthday[8:]) % 28 + 1:02d}"
        elif trait == "other_phone" and place != "mailchimp":
            there.phone = mobile(self.first_number + 5_000_000 + int(soul.key[1:]))
        elif trait == "gap_birthday" and place == "mailchimp":
            # A birthday without its year can't fill the gap in the cloud, so there is none here.
            there.birthday = None
        elif trait == "family":
            # Each lacks something that only a sync which links them all can bring.
            there.birthday = None
        elif trait == "vendor_gap":
            gap = ("phone", "last", "birthday")[draw % 3]
            setattr(there, gap, "" if gap == "last" else None)
        return there

    def spelled(self, phone: str | None, draw: int) -> str:
        """A number as people write it."""
        if phone is None:
            return ""
        way = draw % 10
        return f"+{phone}" if way < 4 else international(phone) if way < 7 else national(phone)

    def record(self, place: str, soul: Soul, created: int, updated: int, draw: int) -> str:
        """A person's record at one vendor; answers its id."""
        if place == "hubspot":
            return self.contact(self.hubspot_form(soul, draw), created, updated, draw)
        if place == "mailchimp":
            cell = member_cell(
                self.seq(place, "members"), created, updated, self.mailchimp_form(soul, draw), self.chance
            )
            self.put(place, "members", cell)
            return cell[1]
        return self.square_customer(self.square_form(soul, draw), created, updated)

    def contact(self, properties: dict[str, str], created: int, updated: int, draw: int) -> str:
        number = self.seqs.get(("hubspot", "contacts"), 151_000_000) + 1 + draw % 700
        self.seqs[("hubspot", "contacts")] = number
        self.put("hubspot", "contacts", contact_cell(number, created, updated, properties))
        return str(number)

    def square_customer(self, fields: dict[str, Any], created: int, updated: int) -> str:
        identifier = square_id(self.chance)
        cell = square_customer_cell(self.seq("square", "customers"), identifier, created, updated, fields)
        self.put("square", "customers", cell)
        return identifier

    def hubspot_form(self, soul: Soul, draw: int) -> dict[str, str]:
        """HubSpot keeps addresses in lower case."""
        town, code = TOWNS[draw % len(TOWNS)]
        return {
            "email": (soul.email or "").lower(), "firstname": soul.first, "lastname": soul.last,
            "phone": self.spelled(soul.phone, draw), "date_of_birth": soul.birthday or "",
            "city": town if draw % 3 else "", "zip": code if draw % 3 else "",
            "lifecyclestage": ("lead", "customer", "customer", "subscriber")[draw % 4],
        }  # fmt: skip

    def mailchimp_form(self, soul: Soul, draw: int) -> dict[str, Any]:
        """Mailchimp has birthdays without years."""
        statuses = ("unsubscribed", "unsubscribed", "cleaned", "pending")
        return {
            "email_address": soul.email,
            "status": statuses[draw % 4] if soul.trait == "unsubscribed" else "subscribed",
            "language": ("", "en", "en", "pl", "es")[draw % 5],
            "tags": [{"id": 26_001, "name": "Regular"}] if draw % 9 == 0 else [],
            "merge_fields": {
                "FNAME": soul.first, "LNAME": soul.last, "PHONE": self.spelled(soul.phone, draw >> 3),
                "BIRTHDAY": f"{soul.birthday[5:7]}/{soul.birthday[8:]}" if soul.birthday else "",
            },
        }  # fmt: skip

    def square_form(self, soul: Soul, draw: int) -> dict[str, Any]:
        """Square may know a birthday without its year, as 0000."""
        town, code = TOWNS[draw % len(TOWNS)]
        born = soul.birthday
        if born and draw % 6 == 0 and soul.trait not in ("gap_birthday", "vendor"):
            born = f"0000{born[4:]}"
        address = {"address_line_1": f"{draw % 140 + 1} {STREETS[draw % len(STREETS)]}", "locality": town,
                   "postal_code": code, "country": "GB"}  # fmt: skip
        phone = soul.phone and (national(soul.phone) if draw % 10 == 0 else f"+{soul.phone}")
        return {
            "given_name": soul.first, "family_name": soul.last, "email_address": soul.email, "phone_number": phone,
            "birthday": born, "address": address if draw % 4 == 0 else None,
            "preferences": {"email_unsubscribed": soul.trait == "unsubscribed"},
            "reference_id": f"POS-{draw % 100_000}" if draw % 20 == 0 else None,
        }  # fmt: skip

    # the truth, and those who come late ------------------------------------------------------------------------

    def remember(self, soul: Soul, ids: dict[str, list[str]]) -> None:
        """What a right sync makes of a person."""
        expected = dict.fromkeys(soul.places or PLATFORMS, "linked")
        reason = None
        if soul.trait.startswith("changed_"):
            place = soul.trait.removeprefix("changed_")
            expected[place] = "held"
            reason = f"{place} has another email with the same phone"
        if soul.trait in ("no_email", "cloud_no_email"):
            expected["mailchimp"] = "only"
            reason = NO_EMAIL_REASON
        for joining in self.joining:
            joining.expect(soul, expected)
        self.tell(soul.key, ids, expected, reason)

    def tell(self, key: str, ids: dict[str, list[str]], expected: dict[str, str], reason: str | None) -> None:
        known = {name: value for name, value in expected.items() if name in self.vendors}
        ids = {name: value for name, value in ids.items() if name in self.vendors}
        if ids:
            self.truths.append((key, orjson.dumps(ids), orjson.dumps(known), reason))

    def later(self) -> None:
        """Records that somebody added after the real ones: duplicates, a family's phone, and empty ones."""
        chance = self.chance
        self.flush()
        pool = [buyer for buyer in self.buyers["card"] if buyer.soul.email and buyer.soul.phone]
        chance.shuffle(pool)
        recent = self.start - 2 * DAY
        doubled: set[str] = set()
        for place, count in self.duplicates.items():
            for number in range(min(count, len(pool))):
                buyer = pool.pop()
                doubled.add(buyer.key)
                self.double(place, buyer, recent + number * 1000)
        # Nobody who is there twice buys: whose sale it is should not depend on who is held.
        self.buyers["card"] = [buyer for buyer in self.buyers["card"] if buyer.key not in doubled]
        phones = list(self.family_phones.values())
        for number in range(self.shared_phones):
            phone, draw = f"+{phones[number]}", chance.getrandbits(30)
            ids = {"hubspot": [self.contact({"phone": phone}, recent, recent, draw)],
                   "square": [self.square_customer({"phone_number": phone}, recent, recent)]}  # fmt: skip
            for place, found in ids.items():
                self.tell(f"phone{number:04d}-{place}", {place: found}, {place: "held"},
                          "several customers share this phone, and there is nothing else to tell them by")  # fmt: skip
        for number in range(self.blanks):
            draw = chance.getrandbits(30)
            ids = {"hubspot": [self.contact({"lifecyclestage": "lead"}, recent, recent, draw)],
                   "square": [self.square_customer({"creation_source": "INSTANT_PROFILE"},
                                                   recent, recent)]}  # fmt: skip
            for place, found in ids.items():
                self.tell(f"blank{number:04d}-{place}", {place: found}, {place: "only"},
                          "neither name, email nor phone")  # fmt: skip

    def double(self, place: str, buyer: Buyer, at: int) -> None:
        """A second record of somebody: by address in capitals at Square, by phone alone at HubSpot."""
        soul = buyer.soul
        if place == "square":
            found = self.square_customer(
                {
                    "given_name": soul.first,
                    "family_name": soul.last,
                    "email_address": (soul.email or "").upper(),
                },
                at,
                at,
            )
        else:
            properties = {"firstname": soul.first, "lastname": soul.last, "phone": national(soul.phone or "")}
            found = self.contact(properties, at, at, self.chance.getrandbits(30))
        reason = f"a second record of {buyer.key}"
        self.tell(f"{buyer.key}-again-{place}", {place: [found]}, {place: "held"}, reason)

    # sales -------------------------------------------------------------------------------------------------

    def sell(self) -> None:
        """Orders with payments and refunds over the last ten weeks."""
        if "square" not in self.vendors:
            return
        chance = self.chance
        count = max(30, round(self.customers * 0.15))
        buyers = self.buyers["card"]
        few = {name: self.buyers[name][: max(2, round(count * 0.04))] for name in ("bare", "new")}
        order: list[tuple[str, Buyer | None]] = []
        for number in range(count):
            # By number rather than by chance, so that even a small shop has some of each.
            if number % 10 == 3 or not buyers:
                order.append(("no_customer", None))
            elif number % 50 == 21:
                order.append(("not_completed", chance.choice(buyers)))
            elif number % 100 == 17:
                order.append(("nothing_paid", chance.choice(buyers)))
            else:
                pool = few["bare"] if number % 20 == 7 else few["new"] if number % 20 == 14 else buyers
                order.append(("credited", chance.choice(pool or buyers)))
        for number, (kind, buyer) in enumerate(order):
            self.ring_up(number, count, kind, buyer)

    def ring_up(self, number: int, count: int, kind: str, buyer: Buyer | None) -> None:
        """One order of the seed."""
        chance = self.chance
        if number < count / 6:
            placed = self.credit_from - chance.randrange(DAY // 2, 55 * DAY)
        else:
            placed = self.credit_from + chance.randrange(3_600_000, CREDIT_DAYS * DAY - 7_200_000)
        lines = [till.menu_line(chance, line) for line in range(chance.randrange(1, 5))]
        wish: dict[str, Any] = {"location_id": chance.choice(LOCATIONS), "line_items": lines,
                                "customer_id": buyer.square_id if buyer else None}  # fmt: skip
        if chance.random() < 0.6:
            wish["taxes"] = [
                {"uid": "vat", "name": "VAT", "percentage": "20", "type": "ADDITIVE", "scope": "ORDER"}
            ]
        if kind == "nothing_paid":
            wish["discounts"] = [
                {"uid": "all", "name": "On the house", "percentage": "100", "scope": "ORDER"}
            ]
        elif chance.random() < 0.15:
            wish["discounts"] = [
                {"uid": "off", "name": "Member's offer", "percentage": "10", "scope": "ORDER"}
            ]
        body = till.totalled(wish, chance)
        body |= {
            "id": till.long_id(chance),
            "version": 1,
            "created_at": iso_ms(placed),
            "updated_at": iso_ms(placed),
        }
        tip = 0
        if kind == "not_completed":
            body["state"] = ("OPEN", "CANCELED")[number % 2]
        else:
            tip = chance.choice((0, 0, 0, 50, 100, 200)) if kind != "nothing_paid" else 0
            body["state"] = "COMPLETED"
            body["closed_at"] = iso_ms(placed)
        payments = self.pay(body, tip, placed) if body["state"] == "COMPLETED" else []
        refunds = self.give_back(body, payments, placed) if kind == "credited" and number % 12 == 8 else []
        if placed < self.credit_from and kind != "not_completed":
            kind = "before_start"
        updated = max([placed, *(refund[1] for refund in refunds)])
        for payment in payments:
            changed = updated if payment.get("refund_ids") else placed
            row = self.seq("square", "payments")
            self.put("square", "payments", till.payment_cell(payment, placed, changed, row))
        body["updated_at"] = iso_ms(updated)
        body["version"] += len(refunds)
        body["net_amounts"] = till.amounts(body)
        self.put("square", "orders", till.order_cell(body, placed, updated, number + 1))
        self.sales.append(Sale(
            body["id"], buyer.key if buyer else None, buyer.square_id if buyer else None, body["location_id"], placed,
            body["total_money"]["amount"], body["total_tax_money"]["amount"], tip, kind,
            [{"id": back["id"], "at": iso_ms(at), "amount_minor": back["amount_money"]["amount"]}
             for back, at in refunds],
        ))  # fmt: skip

    def pay(self, order: dict[str, Any], tip: int, at: int) -> list[dict[str, Any]]:
        """The payments of an order: one, now and then two."""
        chance = self.chance
        due = order["total_money"]["amount"]
        order["total_tip_money"] = till.money(tip)
        order["total_money"] = till.money(due + tip)
        order["net_amount_due_money"] = till.money(0)
        if due == 0:
            return []
        shares = [due] if due < 1500 or chance.random() < 0.9 else [due // 2, due - due // 2]
        made: list[dict[str, Any]] = []
        for share in shares:
            source = chance.choice(("CARD", "CARD", "CARD", "CASH"))
            made.append(till.payment_body(chance, order, share, tip if not made else 0, at, None, source))
        order["tenders"] = [till.tender_body(payment) for payment in made]
        return made

    def give_back(
        self, order: dict[str, Any], payments: list[dict[str, Any]], placed: int
    ) -> list[tuple[dict[str, Any], int]]:
        """The refunds of an order: all of a payment, a part, or two parts."""
        chance = self.chance
        payment = payments[0]
        total = payment["total_money"]["amount"]
        self.turns["refund"] = turn = self.turns.get("refund", -1) + 1
        parts = ([total], [total // 2], [total // 4, total // 3])[turn % 3]
        left = self.start - 600_000 - placed
        made: list[tuple[dict[str, Any], int]] = []
        for number, amount in enumerate(parts):
            at = placed + left * (number + 1) // (len(parts) + 2) + chance.randrange(60_000)
            refund = till.refund_body(
                chance, payment, amount, at, chance.choice(("Returned", "Wrong order", "Accident"))
            )
            till.refunded(payment, refund, at)
            order.setdefault("refunds", []).append(till.order_refund(refund, payment))
            self.put("square", "refunds", till.refund_cell(refund, at, at, self.seq("square", "refunds")))
            made.append((refund, at))
        return made

    # what is told ------------------------------------------------------------------------------------------

    def people(self) -> Iterator[dict[str, Any]]:
        """The truth of the seed, person by person."""
        for person, ids, expected, reason in self.db.execute(
            "SELECT person, ids, expected, reason FROM people ORDER BY n"
        ):
            found = {"person": person, "ids": orjson.loads(ids), "expected": orjson.loads(expected)}
            yield found | ({"reason": reason} if reason else {})

    def sales_told(self) -> dict[str, Any]:
        """The truth about the sales of the seed."""
        return {"credit_from": iso_ms(self.credit_from), "sales": [sale.shown() for sale in self.sales]}

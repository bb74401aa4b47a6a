"""Square: walks by creation, bulk writes with idempotency keys, attributes, and sales with their refunds."""

from datetime import UTC, datetime
from typing import Any

import pytest
from still import StillClock
from vendor import Vendor, create, ids, pages

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Change, Presence

CUSTOMERS, SALES = DataType.CUSTOMERS, DataType.TRANSACTIONS
NOON = 1795521600000


def time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def when(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


class Directory:
    """Customers with search and bulk calls as Square has them. Page cursors can be made to expire."""

    def __init__(self, count: int = 0) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        for n in range(count):
            self.add(f"C{n}", NOON - 10_000_000 + n, given_name=f"P{n}")
        self.expired = False
        self.keys: dict[str, str] = {}
        self.values: dict[tuple[str, str], str] = {}
        self.vendor = Vendor(
            {
                r"GET /v2/customers": self.list,
                r"POST /v2/customers/search": self.search,
                r"POST /v2/customers/bulk-create": self.bulk_create,
                r"POST /v2/customers/bulk-update": self.bulk_update,
                r"POST /v2/customers/bulk-retrieve": self.bulk_retrieve,
                r"POST /v2/customers/custom-attributes/bulk-upsert": self.upsert,
            }
        )

    def add(self, id_: str, ms: int, **fields: Any) -> None:
        self.rows[id_] = {"id": id_, "created_at": time(ms), "updated_at": time(ms), "version": 0, **fields}

    def list(self, query: dict[str, str]) -> Any:
        body: dict[str, Any] = {"limit": int(query["limit"]), "count": True, "query": {}}
        return self.search({**body, **({"cursor": query["cursor"]} if "cursor" in query else {})})

    def search(self, body: dict[str, Any]) -> Any:
        rules = body["query"].get("filter", {})
        found = sorted(self.rows.values(), key=lambda row: row["created_at"])
        for name in ("updated_at", "created_at"):
            if name in rules:
                found = [row for row in found if when(row[name]) >= when(rules[name]["start_at"])]
        if rules.get("creation_source", {}).get("rule") == "EXCLUDE":
            left_out = rules["creation_source"]["values"]
            found = [row for row in found if row.get("creation_source") not in left_out]
        skip = 0
        if "cursor" in body:
            if self.expired:
                self.expired = False
                return 400, {"errors": [{"category": "INVALID_REQUEST_ERROR", "code": "INVALID_CURSOR"}]}
            skip = int(body["cursor"])
        page = found[skip : skip + body["limit"]]
        answer: dict[str, Any] = {"customers": page} if page else {}
        if body.get("count"):
            answer["count"] = len(found)
        if len(found) > skip + body["limit"]:
            answer["cursor"] = str(skip + body["limit"])
        return answer

    def bulk_create(self, body: dict[str, Any]) -> Any:
        responses = {}
        for key, data in body["customers"].items():
            assert len(key) <= 45
            if data.get("phone_number") == "bad":
                error = {"category": "INVALID_REQUEST_ERROR", "code": "INVALID_PHONE_NUMBER", "detail": "no"}
                responses[key] = {"errors": [error]}
                continue
            id_ = self.keys.setdefault(key, f"N{len(self.keys)}")
            if id_ not in self.rows:
                self.add(id_, NOON, **data)
            responses[key] = {"customer": self.rows[id_]}
        return {"responses": responses}

    def bulk_update(self, body: dict[str, Any]) -> Any:
        responses = {}
        for id_, data in body["customers"].items():
            row = self.rows.get(id_)
            if row is None:
                responses[id_] = {"errors": [{"code": "NOT_FOUND", "category": "INVALID_REQUEST_ERROR"}]}
            elif data.get("version", row["version"]) != row["version"]:
                responses[id_] = {"errors": [{"code": "CONFLICT", "category": "INVALID_REQUEST_ERROR"}]}
            else:
                row.update({k: v for k, v in data.items() if k != "version"}, version=row["version"] + 1)
                responses[id_] = {"customer": row}
        return {"responses": responses}

    def bulk_retrieve(self, body: dict[str, Any]) -> Any:
        return {
            "responses": {
                id_: {"customer": self.rows[id_]} if id_ in self.rows else {"errors": [{"code": "NOT_FOUND"}]}
                for id_ in body["customer_ids"]
            }
        }

    def upsert(self, body: dict[str, Any]) -> Any:
        assert len(body["values"]) <= 25
        answers = {}
        for name, entry in body["values"].items():
            key = entry["custom_attribute"]["key"]
            if key == "gone":
                answers[name] = {"errors": [{"code": "NOT_FOUND", "detail": "no definition"}]}
            else:
                self.values[entry["customer_id"], key] = entry["custom_attribute"]["value"]
                answers[name] = {"customer_id": entry["customer_id"]}
        return {"values": answers}


async def test_a_first_read_is_complete_and_moves_the_cursor_to_its_start() -> None:
    directory = Directory(250)
    found = await pages(directory.vendor.connect("square"), CUSTOMERS)
    assert len(set(ids(found))) == 250 and len(directory.vendor.log) == 3
    assert [page.last for page in found] == [False, False, True] and found[0].total == 250
    assert found[-1].cursor == {"since": NOON}


async def test_a_cut_off_first_read_goes_on_from_the_last_creation() -> None:
    directory = Directory(250)
    first = await pages(directory.vendor.connect("square"), CUSTOMERS)
    rest = await pages(directory.vendor.connect("square"), CUSTOMERS, first[0].cursor)
    assert set(ids(first[:1]) + ids(rest)) == set(directory.rows)
    assert not any(page.last for page in rest) and rest[-1].cursor == {"since": NOON}
    assert len(ids(rest)) <= 152


async def test_a_page_cursor_that_expires_loses_nobody() -> None:
    directory = Directory(350)
    found = []
    async for page in directory.vendor.connect("square").read(CUSTOMERS, None):
        found.append(page)
        directory.expired = len(found) == 1
    assert set(ids(found)) == set(directory.rows) and found[-1].last


async def test_changes_are_read_from_shortly_before_the_cursor() -> None:
    directory = Directory(3)
    directory.rows["C1"]["updated_at"] = time(NOON - 90_000)
    found = await pages(directory.vendor.connect("square"), CUSTOMERS, {"since": NOON})
    assert ids(found) == ["C1"] and len(directory.vendor.log) == 1


@pytest.mark.parametrize(("option", "expected"), [("false", ["C0"]), ("true", ["C0", "I1"])])
async def test_profiles_made_from_card_payments_are_left_out_unless_wanted(
    option: str, expected: list[str]
) -> None:
    directory = Directory(1)
    directory.add("I1", NOON - 5, creation_source="INSTANT_PROFILE")
    found = await pages(directory.vendor.connect("square", include_instant_profiles=option), CUSTOMERS)
    assert ids(found) == expected


async def test_creates_are_answered_by_key_and_repeats_make_nobody_twice() -> None:
    directory = Directory()
    connector = directory.vendor.connect("square")
    changes = [
        create("cus_1", given_name="Ana"),
        create("cus_2", phone_number="bad"),
        create("cus_3", nickname="B"),
    ]
    answers = await connector.send(CUSTOMERS, changes)
    again = await connector.send(CUSTOMERS, changes)
    assert [a.record.id if a.record else None for a in answers] == ["N0", None, "N1"]
    assert answers[1].error is not None and answers[1].error.field == "phone_number"
    assert [a.record.id if a.record else None for a in again] == ["N0", None, "N1"]
    assert len(directory.rows) == 2


async def test_an_answer_shows_every_mapped_field() -> None:
    [answer] = await Directory().vendor.connect("square").send(CUSTOMERS, [create("k", given_name="Ana")])
    assert answer.record is not None
    assert {"email_address", "address.locality", "birthday"} <= answer.record.fields.keys()


async def test_loyalty_values_go_out_as_attributes_twenty_five_a_call() -> None:
    directory = Directory(30)
    fields = {"attributes.perkstar_balance": "120", "attributes.perkstar_tier": "gold"}
    changes = [Change(f"k{n}", f"C{n}", fields) for n in range(30)]
    answers = await directory.vendor.connect("square").send(CUSTOMERS, changes)
    assert directory.values["C7", "perkstar_balance"] == "120" and len(directory.values) == 60
    assert all(answer.error is None for answer in answers)
    assert len(directory.vendor.log) == 3


async def test_values_of_new_and_known_customers_go_in_one_call() -> None:
    directory = Directory(1)
    new = create("k", given_name="Ana", **{"attributes.perkstar_tier": "gold"})
    known = Change("l", "C0", {"given_name": "Bea", "attributes.perkstar_tier": "silver"})
    answers = await directory.vendor.connect("square").send(CUSTOMERS, [new, known])
    assert all(answer.error is None for answer in answers) and len(directory.vendor.log) == 3
    assert sorted(directory.values.values()) == ["gold", "silver"]


async def test_a_created_customer_whose_attribute_fails_stays_created() -> None:
    change = Change("k", None, {"given_name": "Ana", "attributes.gone": "x"})
    [answer] = await Directory().vendor.connect("square").send(CUSTOMERS, [change])
    assert answer.created and answer.record is not None and answer.record.fields["attributes.gone"] is None


async def test_a_part_of_an_address_keeps_the_rest_of_it() -> None:
    directory = Directory(1)
    directory.rows["C0"]["address"] = {"address_line_1": "1 High St", "locality": "Ulm"}
    change = Change("k", "C0", {"address.locality": "Bonn"})
    await directory.vendor.connect("square").send(CUSTOMERS, [change])
    assert directory.rows["C0"]["address"] == {"address_line_1": "1 High St", "locality": "Bonn"}


async def test_a_version_just_read_guards_the_write_and_an_old_one_does_not() -> None:
    directory = Directory(2)
    connector = directory.vendor.connect("square")
    await pages(connector, CUSTOMERS)
    for row in directory.rows.values():
        row["version"] = 1
    guarded = Change("a", "C0", {"given_name": "New"}, "0")
    old = Change("b", "C1", {"given_name": "New"}, "7")
    answers = await connector.send(CUSTOMERS, [guarded, old])
    assert answers[0].error is not None and answers[0].error.kind is ErrorKind.CONFLICT
    assert answers[1].error is None


async def test_a_customer_that_is_not_there_is_gone() -> None:
    found = await Directory(1).vendor.connect("square").get(CUSTOMERS, ["C0", "C9"])
    assert [presence for presence, _ in found.values()] == [Presence.THERE, Presence.GONE]


# -- sales -----------------------------------------------------------------------------------------------------


def order(id_: str, ms: int, total: int, **more: Any) -> dict[str, Any]:
    money = {"amount": total, "currency": "GBP"}
    line = {"uid": "l1", "name": "Coffee", "quantity": "2", "total_money": money, "catalog_object_id": "X"}
    return {
        "id": id_,
        "state": "COMPLETED",
        "closed_at": time(ms),
        "updated_at": time(ms),
        "total_money": money,
        "total_tax_money": {"amount": 20, "currency": "GBP"},
        "total_tip_money": {"amount": 10, "currency": "GBP"},
        "line_items": [line],
        **more,
    }


class Till:
    """Orders and refunds of a seller with so many locations."""

    def __init__(self, locations: int, orders: list[dict[str, Any]], refunds: list[dict[str, Any]]) -> None:
        self.orders, self.refunds = orders, refunds
        self.locations = [{"id": f"L{n}"} for n in range(locations)]
        self.vendor = Vendor(
            {
                r"GET /v2/locations": lambda query: {"locations": self.locations},
                r"POST /v2/orders/search": self.search,
                r"POST /v2/orders/batch-retrieve": self.batch,
                r"GET /v2/refunds": self.list_refunds,
            }
        )

    def search(self, body: dict[str, Any]) -> Any:
        assert len(body["location_ids"]) <= 10
        begin = when(body["query"]["filter"]["date_time_filter"]["updated_at"]["start_at"])
        found = [
            row
            for row in sorted(self.orders, key=lambda row: row["updated_at"])
            if row.get("location_id", "L0") in body["location_ids"] and when(row["updated_at"]) >= begin
        ]
        skip = int(body.get("cursor", 0))
        answer: dict[str, Any] = {"orders": found[skip : skip + body["limit"]]}
        if len(found) > skip + body["limit"]:
            answer["cursor"] = str(skip + body["limit"])
        return answer

    def batch(self, body: dict[str, Any]) -> Any:
        return {"orders": [row for row in self.orders if row["id"] in body["order_ids"]]}

    def list_refunds(self, query: dict[str, str]) -> Any:
        begin = when(query["updated_at_begin_time"])
        return {"refunds": [row for row in self.refunds if when(row["updated_at"]) >= begin]}


def refund(id_: str, order_id: str, amount: int, ms: int = NOON, status: str = "COMPLETED") -> dict[str, Any]:
    money = {"amount": amount, "currency": "GBP"}
    times = {"created_at": time(ms), "updated_at": time(ms)}
    return {"id": id_, "order_id": order_id, "status": status, "amount_money": money, **times}


async def test_a_sale_carries_its_amounts_buyer_and_lines() -> None:
    till = Till(1, [order("O1", NOON - 1000, 500, tenders=[{"type": "CARD", "customer_id": "C1"}])], [])
    [sale] = [sale for page in await pages(till.vendor.connect("square"), SALES) for sale in page.sales]
    assert (sale.id, sale.total_minor, sale.tax_minor, sale.tip_minor) == ("O1", 500, 20, 10)
    assert (sale.currency, sale.customer_remote_id, sale.lines[0].quantity) == ("GBP", "C1", 2.0)


async def test_what_was_paid_by_gift_card_is_told_apart_without_its_tip() -> None:
    tenders = [
        {"type": "SQUARE_GIFT_CARD", "amount_money": {"amount": 210}, "tip_money": {"amount": 10}},
        {"type": "CARD", "amount_money": {"amount": 300}},
    ]
    sold = [
        order("O1", NOON - 1000, 500, tenders=tenders),
        order("O2", NOON - 1000, 500, tenders=tenders[1:]),
    ]
    till = Till(1, sold, [])
    found = [sale for page in await pages(till.vendor.connect("square"), SALES) for sale in page.sales]
    assert {sale.id: sale.credit_minor for sale in found} == {"O1": 200, "O2": 0}


async def test_a_bill_that_two_customers_paid_is_a_sale_for_each_and_so_are_its_refunds() -> None:
    tenders = [
        {"id": "T1", "payment_id": "P1", "customer_id": "C1", "amount_money": {"amount": 200, "currency": "GBP"}},
        {"id": "T2", "payment_id": "P2", "customer_id": "C2", "amount_money": {"amount": 300, "currency": "GBP"},
         "type": "SQUARE_GIFT_CARD", "tip_money": {"amount": 10, "currency": "GBP"}},
    ]  # fmt: skip
    returned = order("R1", NOON, 0, line_items=[], returns=[{"source_order_id": "O1"}])
    back = [
        {**refund("f1", "O1", 50), "payment_id": "P2"},
        {**refund("f2", "R1", 40), "payment_id": "P1"},
    ]
    till = Till(1, [order("O1", NOON - 9_000_000, 500, customer_id="C1", tenders=tenders), returned], back)
    first = await pages(till.vendor.connect("square"), SALES)
    sales = [sale for page in first for sale in page.sales]
    assert [(s.id, s.customer_remote_id, s.total_minor, s.tip_minor) for s in sales] == [
        ("O1/P1", "C1", 200, 0),
        ("O1/P2", "C2", 300, 10),
    ]
    assert [s.credit_minor for s in sales] == [0, 290]
    assert sum(s.tax_minor for s in sales) == 20 and {s.whole for s in sales} == {"O1"}
    refunds = {(r.id, r.sale_id) for page in first for r in page.refunds}
    assert refunds == {("f1", "O1/P2"), ("f2", "O1/P1")}


async def test_refunds_belong_to_the_sale_even_through_a_return_order() -> None:
    returned = order("R1", NOON, 0, line_items=[], returns=[{"source_order_id": "O1"}])
    till = Till(
        1,
        [order("O1", NOON - 9_000_000, 500), returned],
        [refund("f1", "R1", 200), refund("f2", "O1", 50), refund("f3", "O1", 9, status="PENDING")],
    )
    found = await pages(till.vendor.connect("square"), SALES)
    assert [sale.id for page in found for sale in page.sales] == ["O1"]
    assert {(r.id, r.sale_id, r.amount_minor) for page in found for r in page.refunds} == {
        ("f1", "O1", 200),
        ("f2", "O1", 50),
    }


async def test_an_unchanged_till_costs_two_requests() -> None:
    till = Till(3, [order("O1", NOON - 9_000_000, 500)], [])
    first = await pages(till.vendor.connect("square"), SALES)
    till.vendor.log.clear()
    again = await pages(till.vendor.connect("square"), SALES, first[-1].cursor)
    assert [sale for page in again for sale in page.sales] == []
    assert len(till.vendor.log) == 2


async def test_many_locations_are_asked_ten_at_a_time_and_a_cut_off_read_goes_on() -> None:
    orders = [order(f"O{n}", NOON - 9_000_000 + n, 100, location_id=f"L{n % 23}") for n in range(2000)]
    till = Till(23, orders, [])
    first = await pages(till.vendor.connect("square"), SALES)
    everything = {row["id"] for row in orders}
    assert {sale.id for page in first for sale in page.sales} == everything
    for cut in range(len(first) - 1):
        rest = await pages(till.vendor.connect("square"), SALES, first[cut].cursor)
        seen = {sale.id for page in [*first[: cut + 1], *rest] for sale in page.sales}
        assert seen == everything
        assert rest[-1].cursor["since"] == first[-1].cursor["since"]


async def test_a_new_location_is_noticed_within_a_day_and_its_sales_read() -> None:
    clock = StillClock()
    till = Till(1, [], [])
    first = await pages(till.vendor.connect("square", clock), SALES)
    till.locations.append({"id": "L1"})
    till.orders.append(order("O9", NOON + 3_600_000, 100, location_id="L1"))
    await clock.sleep(25 * 3600)
    later = {**first[-1].cursor, "since": NOON + 24 * 3_600_000}
    found = await pages(till.vendor.connect("square", clock), SALES, later)
    assert [sale.id for page in found for sale in page.sales] == ["O9"]


async def test_square_never_erases() -> None:
    [answer] = await Directory(1).vendor.connect("square").archive(CUSTOMERS, ["C0"])
    assert answer.error is not None and "erase" in answer.error.message


async def test_square_writes_no_sales() -> None:
    with pytest.raises(PerkstarError):
        await Directory().vendor.connect("square").send(SALES, [create("k", x=1)])

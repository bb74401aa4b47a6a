"""Perkstar's cloud: sweeps that notice moving rows, single writes, cards, and operations that are never repeated."""

from datetime import date
from typing import Any

import httpx
import pytest
from vendor import Vendor, create, ids, pages, update

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Operation

CUSTOMERS, CARDS = DataType.CUSTOMERS, DataType.CARDS


def listed(rows: list[dict[str, Any]], query: dict[str, str], most: int = 1000) -> dict[str, Any]:
    page, size = int(query["page"]), min(int(query["itemsPerPage"]), most)
    meta = {"totalItems": len(rows), "itemsPerPage": size, "currentPage": page}
    return {"code": 200, "meta": meta, "data": rows[(page - 1) * size : page * size]}


class Cloud:
    """Customers and cards as the cloud lists them. `during` happens after each page."""

    def __init__(self, count: int = 0, most: int = 1000) -> None:
        self.customers = [
            {"id": f"u{n}", "firstName": f"P{n}", "email": f"p{n}@x.test"} for n in range(count)
        ]
        self.cards: list[dict[str, Any]] = []
        self.operations: list[dict[str, Any]] = []
        self.most = most
        self.during: Any = None
        self.vendor = Vendor(
            {
                r"GET /api/v2/customers": self.list_customers,
                r"POST /api/v2/customers": self.create,
                r"PATCH /api/v2/customers/(.+)": self.patch,
                r"GET /api/v2/cards": lambda query: listed(self.cards, query),
                r"POST /api/v2/cards": self.issue,
                r"POST /api/v2/cards/(.+)/(.+)": self.operate,
                r"GET /api/v2/operations": lambda query: listed(self.operations, query),
                r"GET /api/v2/profile": lambda query: {"data": {"companyId": 7, "currency": "GBP"}},
                r"GET /api/v2/templates": lambda query: listed(
                    [{"id": 5, "name": "Stamps", "type": 0}, {"id": 6, "name": "Points", "type": 7}], query
                ),
            }
        )

    def list_customers(self, query: dict[str, str]) -> Any:
        rows = self.customers
        for name in ("email", "phone"):
            if name in query:
                rows = [row for row in rows if row.get(name) == query[name]]
        answer = listed(rows, query, self.most)
        if self.during is not None:
            self.during()
        return answer

    def create(self, body: dict[str, Any]) -> Any:
        for name in ("email", "phone"):
            if body.get(name) and any(row.get(name) == body[name] for row in self.customers):
                return 409, {"code": 409, "message": "Customer already exists"}
        if body["firstName"] == "bad":
            errors = [{"field": "firstName", "message": "is not a name"}]
            return 422, {"code": 422, "message": "Validation failed", "errors": errors}
        row = {"id": f"n{len(self.customers)}", **body}
        self.customers.append(row)
        return 201, {"data": row}

    def patch(self, id_: str, body: dict[str, Any]) -> Any:
        row = next(row for row in self.customers if row["id"] == id_)
        row.update(body)
        return {"data": row}

    def issue(self, body: dict[str, Any]) -> Any:
        self.cards.append(card("100-1", **body))
        return 201, {"data": self.cards[-1]}

    def operate(self, serial: str, act: str, body: dict[str, Any]) -> Any:
        return {"data": card(serial, balance={"bonusBalance": 42})}


def card(serial: str, **more: Any) -> dict[str, Any]:
    about = {"id": serial, "templateId": 6, "customerId": "u1", "type": "reward", "status": "installed"}
    return {**about, "installLink": "https://x.test/1", "balance": {}, **more}


@pytest.mark.parametrize("most", [1000, 100])
async def test_a_sweep_reads_all_pages_whatever_their_size(most: int) -> None:
    cloud = Cloud(2500, most)
    found = await pages(cloud.vendor.connect("perkstar"), CUSTOMERS)
    assert len(ids(found)) == 2500 and found[-1].last and found[0].total == 2500
    assert len(cloud.vendor.log) == (3 if most == 1000 else 25)
    assert all(page.cursor == {} for page in found)


async def test_a_row_that_moves_up_while_the_pages_are_read_is_not_lost() -> None:
    cloud = Cloud(2500)

    def drop_one() -> None:
        del cloud.customers[0]
        cloud.during = None

    cloud.during = drop_one
    found = await pages(cloud.vendor.connect("perkstar"), CUSTOMERS)
    assert {row["id"] for row in cloud.customers} <= set(ids(found))
    assert [page.last for page in found].count(True) == 1 and found[-1].last


async def test_a_list_that_never_stands_still_is_not_called_complete() -> None:
    cloud = Cloud(2500)
    cloud.during = lambda: cloud.customers.append({"id": f"late{len(cloud.customers)}", "firstName": "L"})
    found = await pages(cloud.vendor.connect("perkstar"), CUSTOMERS)
    assert not any(page.last for page in found)


async def test_a_clash_answers_with_the_record_that_is_there() -> None:
    cloud = Cloud(3)
    cloud.customers[1]["phone"] = "447700900123"
    changes = [
        create("a", firstName="New", email="new@x.test"),
        create("b", firstName="Known", email="p0@x.test"),
        create("c", firstName="Known", phone="447700900123", email="other@x.test"),
        create("d", firstName="bad"),
    ]
    answers = await cloud.vendor.connect("perkstar").send(CUSTOMERS, changes)
    assert [a.record.id if a.record else None for a in answers] == ["n3", "u0", "u1", None]
    kinds = [a.error.kind if a.error else None for a in answers]
    assert kinds == [None, ErrorKind.DUPLICATE, ErrorKind.DUPLICATE, ErrorKind.RECORD_REJECTED]
    assert answers[3].error is not None and answers[3].error.field == "firstName"


async def test_who_has_neither_address_nor_phone_carries_our_id() -> None:
    cloud = Cloud()
    await cloud.vendor.connect("perkstar").send(CUSTOMERS, [create("cus_1", firstName="Ana")])
    assert cloud.customers[0]["externalUserId"] == "cus_1"


async def test_a_change_names_its_id_and_never_the_phone() -> None:
    cloud = Cloud(1)
    await cloud.vendor.connect("perkstar").send(CUSTOMERS, [update("k", "u0", surname="Lee", phone="1")])
    assert cloud.vendor.asked("PATCH .*") == [{"id": "u0", "surname": "Lee"}]


async def test_a_phone_is_looked_for_without_and_with_its_plus() -> None:
    cloud = Cloud(1)
    cloud.customers[0]["phone"] = "+447700900123"
    [found] = await cloud.vendor.connect("perkstar").find(CUSTOMERS, "phone", "+447700900123")
    assert found.id == "u0"


async def test_a_create_that_was_not_heard_is_not_sent_again() -> None:
    cloud = Cloud()
    sent = []

    def deaf(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        raise httpx.ReadTimeout("slow")

    connector = cloud.vendor.connect("perkstar")
    connector._transport = httpx.MockTransport(deaf)
    with pytest.raises(PerkstarError) as caught:
        await connector.send(CUSTOMERS, [create("a", firstName="Ana")])
    assert caught.value.kind is ErrorKind.NETWORK and len(sent) == 1


async def test_cards_show_the_balance_of_their_kind() -> None:
    cloud = Cloud()
    cloud.cards = [
        card("1", type="stamp", balance={"numberStampsTotal": 7, "balance": 1}),
        card("2", type="cashback", balance={"balance": 12.5}),
        card("3", type="reward", balance={"bonusBalance": 120.0}, membershipTier={"id": 1, "name": "Gold"}),
        card("4", type="something new", balance={"balance": 3}),
    ]
    [page] = await pages(cloud.vendor.connect("perkstar"), CARDS)
    assert [record.fields["balance"] for record in page.records] == [7, 1250, 120, 3]
    assert page.records[2].fields["membershipTier"] == "Gold"
    assert page.records[0].fields["templateId"] == "6" and page.last


@pytest.mark.parametrize(
    ("kind", "amount", "end", "member"),
    [
        ("stamp", 2, "add-stamp", {"stamps": 2}),
        ("cashback", 1250, "add-point", {"points": 12.5}),
        ("gift", -500, "subtract-point", {"points": 5.0}),
        ("multipass", -1, "subtract-visit", {"visits": 1}),
        ("membership", 1, "add-visit", {"visits": 1}),
        ("discount", 3, "add-point", {"points": 3}),
        ("reward", 120, "add-scores", {"scores": 120}),
        ("reward", -20, "subtract-scores", {"scores": 20}),
        ("coupon", 1, "redeem-coupon", {}),
    ],
)
async def test_each_kind_of_card_has_its_operation(
    kind: str, amount: int, end: str, member: dict[str, Any]
) -> None:
    cloud = Cloud()
    operation = Operation("1-2-3", kind, amount, "pkMARK", "sale O1", 2050)
    record = await cloud.vendor.connect("perkstar").operate(operation)
    [sent] = cloud.vendor.asked(f"POST /api/v2/cards/1-2-3/{end}")
    assert sent == {"comment": "pkMARK sale O1", "purchaseSum": 20.5, **member}
    assert record.id == "1-2-3" and record.fields["balance"] == 42


async def test_a_card_is_issued_once() -> None:
    cloud = Cloud()
    connector = cloud.vendor.connect("perkstar")
    first = await connector.issue_card("u1", "6")
    again = await connector.issue_card("u1", "6")
    assert first.id == again.id == "100-1"
    assert cloud.vendor.asked("POST /api/v2/cards") == [{"customerId": "u1", "templateId": 6}]


async def test_operations_come_from_all_pages() -> None:
    cloud = Cloud()
    cloud.operations = [{"id": n, "comment": f"pk{n}"} for n in range(1500)]
    found = await cloud.vendor.connect("perkstar").operations("1", date(2026, 11, 23), date(2026, 11, 25))
    assert len(found) == 1500
    query = cloud.vendor.asked("GET /api/v2/operations")[0]
    assert (query["startDate"], query["endDate"], query["cardId"]) == ("2026-11-23", "2026-11-25", "1")


async def test_templates_have_their_kind_as_a_word() -> None:
    found = await Cloud().vendor.connect("perkstar").templates()
    assert [(t.id, t.name, t.kind) for t in found] == [("5", "Stamps", "stamp"), ("6", "Points", "reward")]

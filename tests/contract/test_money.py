"""Cards and sales against the sandbox: each operation is booked once, each sale and refund is read once."""

from datetime import timedelta
from typing import Any

import pytest
from places import Place

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Operation, Page, RemoteRecord
from perkstar_tui.sandbox.server import Sandbox


@pytest.fixture
def cloud(box: Sandbox) -> Place:
    found = Place(box, "perkstar")
    found.faults()
    return found


async def everything(connector: Any, data: DataType, cursor: Any = None) -> list[Page]:
    return [page async for page in connector.read(data, cursor)]


async def cards(connector: Any) -> list[RemoteRecord]:
    return [record for page in await everything(connector, DataType.CARDS) for record in page.records]


async def a_card(connector: Any, kind: str) -> RemoteRecord:
    """A fresh card of that kind, its holder new."""
    from places import change

    template = next(t for t in await connector.templates() if t.kind == kind)
    place = Place.__new__(Place)
    place.name, place.email, place.first_name, place.required = "perkstar", "email", "firstName", []
    [answer] = await connector.send(DataType.CUSTOMERS, [change(place)])
    card: RemoteRecord = await connector.issue_card(answer.record.id, template.id)
    return card


def marked(place: Place, connector: Any, serial: str) -> Any:
    day = place.clock.now().date()
    return connector.operations(serial, day - timedelta(days=1), day + timedelta(days=1))


@pytest.mark.parametrize(
    ("kind", "amount"), [("reward", 120), ("stamp", 3), ("cashback", 1250), ("multipass", 2), ("gift", 500)]
)
async def test_an_operation_moves_the_balance_there_and_back(cloud: Place, kind: str, amount: int) -> None:
    connector = cloud.connect()
    card = await a_card(connector, kind)
    before = int(card.fields["balance"] or 0)
    up = await connector.operate(Operation(card.id, kind, amount, f"pk{kind}UP", "sale 1", 2050))
    assert up.fields["balance"] == before + amount
    down = await connector.operate(Operation(card.id, kind, -amount, f"pk{kind}DOWN", "refund 1"))
    assert down.fields["balance"] == before
    found = {row["comment"]: row for row in await marked(cloud, connector, card.id)}
    assert found[f"pk{kind}UP sale 1"]["purchaseSum"] == 20.5
    swept = {record.id: record for record in await cards(connector)}
    assert swept[card.id].fields["balance"] == before
    assert swept[card.id].fields["customerId"] == card.fields["customerId"]


@pytest.mark.parametrize(
    "effect", [{"effect": "reset"}, {"effect": "status", "status": 500}, {"effect": "truncate"}]
)
async def test_an_operation_whose_answer_is_lost_is_booked_once(cloud: Place, effect: dict[str, Any]) -> None:
    connector = cloud.connect()
    card = await a_card(connector, "reward")
    cloud.faults({**effect, "method": "POST", "nth": 1, "times": 1})
    mark = f"pk{card.id[:12]}"
    after = await connector.operate(Operation(card.id, "reward", 7, mark, "sale 2"))
    assert after.fields["balance"] == int(card.fields["balance"] or 0) + 7
    booked = [row for row in await marked(cloud, connector, card.id) if row["comment"].startswith(mark)]
    assert len(booked) == 1


async def test_a_card_whose_answer_is_lost_is_issued_once(cloud: Place) -> None:
    connector = cloud.connect()
    card = await a_card(connector, "reward")
    template = next(t for t in await connector.templates() if t.kind == "stamp")
    cloud.faults({"effect": "truncate", "method": "POST", "nth": 1, "times": 1})
    issued = await connector.issue_card(card.fields["customerId"], template.id)
    cloud.faults()
    held = [r.id for r in await cards(connector) if r.fields["customerId"] == card.fields["customerId"]]
    assert sorted(held) == sorted([card.id, issued.id])


async def test_too_large_a_reversal_is_refused_with_the_clouds_words(cloud: Place) -> None:
    connector = cloud.connect()
    card = await a_card(connector, "reward")
    with pytest.raises(PerkstarError) as caught:
        await connector.operate(Operation(card.id, "reward", -(10**6), "pkBIG", "refund"))
    assert caught.value.kind is ErrorKind.RECORD_REJECTED and caught.value.vendor_words


@pytest.mark.where(lambda m, _: DataType.TRANSACTIONS in m.data and not m.system)
async def test_every_finished_sale_and_refund_is_read_once(place: Place) -> None:
    connector = place.connect()
    await connector.identify()
    found = await everything(connector, DataType.TRANSACTIONS)
    sales = {sale.id: sale for page in found for sale in page.sales}
    refunds = {refund.id: refund for page in found for refund in page.refunds}
    assert sum(len(page.sales) for page in found) == len(sales)
    told = [s for s in place.control("GET", "/world/sales")["sales"] if s["platform"] == place.name]
    done = {s["sale"]: s for s in told if s["expected"] != "not_completed"}
    assert done and sorted(sales) == sorted(done)
    assert {id_: sale.total_minor for id_, sale in sales.items()} == {
        id_: s["total_minor"] for id_, s in done.items()
    }
    # Some round the tax line by line.
    assert all(abs(sale.tax_minor - done[id_]["tax_minor"]) <= len(sale.lines) for id_, sale in sales.items())
    known = {id_: sale.customer_remote_id for id_, sale in sales.items()}
    assert all(known[id_] == s["customer_id"] for id_, s in done.items() if s["customer_id"])
    given_back = {
        back["id"]: (s["sale"], back["amount_minor"]) for s in done.values() for back in s["refunds"]
    }
    assert {id_: (back.sale_id, back.amount_minor) for id_, back in refunds.items()} == given_back


@pytest.mark.where(lambda m, _: DataType.TRANSACTIONS in m.data and not m.system)
async def test_sales_with_nothing_new_cost_two_requests_at_most(place: Place) -> None:
    first = await everything(place.connect(), DataType.TRANSACTIONS)
    connector = place.connect()
    await connector.identify()
    before = connector.traffic.api_calls
    again = await everything(connector, DataType.TRANSACTIONS, first[-1].cursor)
    assert connector.traffic.api_calls - before <= 2
    seen = {sale.id for page in first for sale in page.sales}
    assert {sale.id for page in again for sale in page.sales} <= seen

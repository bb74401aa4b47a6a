"""Square's sales: completed orders of all locations in order of change, and completed refunds of them."""

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.remote import Page, Refund, Sale, SaleLine
from perkstar_tui.platforms.base import epoch_ms, iso, moment, server_ms
from perkstar_tui.platforms.splitting import Payment, split

if TYPE_CHECKING:
    from .square import Square

LOCATIONS_AT_ONCE = 10
LOCATIONS_FRESH_MS = 24 * 3600 * 1000
"""How long the list of locations is believed; a new shop's sales since then are read when it is noticed."""


class _Returns(dict[str, str | None]):
    """Of orders seen so far, whose goods came back with each; `split` are those that several customers paid."""

    def __init__(self) -> None:
        super().__init__()
        self.split: set[str] = set()

    def note(self, row: dict[str, Any]) -> None:
        self[row["id"]] = _returned_from(row)
        if len(_sales(row)) > 1:
            self.split.add(row["id"])


async def read_sales(square: "Square", cursor: dict[str, Any] | None) -> AsyncIterator[Page]:
    """Orders chunk by chunk of locations, then refunds. A cut-off walk goes on at its chunk and time.

    The cursor holds the locations, so that a run with nothing to do asks for orders and refunds and nothing else.
    """
    stand = dict(cursor or {})
    begin = stand.get("since")
    now = epoch_ms(square.clock.now())
    if "locations" not in stand or now - int(stand.get("asked", 0)) > LOCATIONS_FRESH_MS:
        known = set(stand.get("locations") or ())
        locations = await _locations(square)
        if known and begin is not None and set(locations) - known:
            begin = min(begin, int(stand["asked"]))
        stand |= {"locations": locations, "asked": now}
        stand.pop("chunk", None)
        stand.pop("at", None)
    overlap = round(square.spec(DataType.TRANSACTIONS).overlap_s * 1000)
    start = None if begin is None else max(0, begin - overlap)
    chunks = [
        stand["locations"][i : i + LOCATIONS_AT_ONCE]
        for i in range(0, len(stand["locations"]), LOCATIONS_AT_ONCE)
    ]
    returns = _Returns()
    for number in range(int(stand.get("chunk", 0)), len(chunks)):
        at = stand.pop("at", None) if number == stand.get("chunk") else None
        async for page, place in _orders(square, chunks[number], at or start, returns, stand):
            stand |= {"chunk": number, "at": place}
            page.cursor = dict(stand)
            yield page
    end = stand.pop("started", None) or now
    refunds = await _refunds(square, start, returns)
    stand.pop("chunk", None)
    stand.pop("at", None)
    stand["since"] = end
    yield Page(refunds=refunds, cursor=stand, last=cursor is None)


async def _locations(square: "Square") -> list[str]:
    chosen = [part.strip() for part in square.option("location_ids").split(",") if part.strip()]
    if chosen:
        return chosen
    rows = (await square.call("GET", "/v2/locations")).data.get("locations") or []
    return [str(row["id"]) for row in rows]


async def _orders(
    square: "Square",
    locations: Sequence[str],
    begin: int | None,
    returns: _Returns,
    stand: dict[str, Any],
) -> AsyncIterator[tuple[Page, int]]:
    query: dict[str, Any] = {
        "filter": {"state_filter": {"states": ["COMPLETED"]}},
        "sort": {"sort_field": "UPDATED_AT", "sort_order": "ASC"},
    }
    query["filter"]["date_time_filter"] = {"updated_at": {"start_at": iso(begin or 0)}}
    body: dict[str, Any] = {
        "location_ids": list(locations),
        "query": query,
        "limit": square.spec(DataType.TRANSACTIONS).page_size,
        "return_entries": False,
    }
    while True:
        reply = await square.call("POST", "/v2/orders/search", json=body, repeatable=True)
        stand.setdefault("started", server_ms(reply) or epoch_ms(square.clock.now()))
        rows = reply.data.get("orders") or []
        for row in rows:
            returns.note(row)
        sales = [sale for row in rows for sale in _sales(row)]
        last = moment(rows[-1].get("updated_at")) if rows else None
        yield Page(sales=sales), epoch_ms(last) if last is not None else begin or 0
        if not reply.data.get("cursor"):
            return
        body["cursor"] = reply.data["cursor"]


def _returned_from(row: dict[str, Any]) -> str | None:
    """The order whose goods came back with this one, if it is a return."""
    return next((r["source_order_id"] for r in row.get("returns") or () if r.get("source_order_id")), None)


def _sales(row: dict[str, Any]) -> list[Sale]:
    """An order as a sale, or as one for each payment where several customers paid it."""
    sale = _sale(row)
    if sale is None:
        return []
    parts = [
        Payment(
            str(tender.get("payment_id") or tender.get("id") or number),
            tender.get("customer_id"),
            _amount(tender, "amount_money"),
            _amount(tender, "tip_money"),
            tender.get("type") == "SQUARE_GIFT_CARD",
        )
        for number, tender in enumerate(row.get("tenders") or ())
    ]
    return split(sale, parts)


def _sale(row: dict[str, Any]) -> Sale | None:
    """An order as a sale; None for a bare return, whose money comes as a refund."""
    total = row.get("total_money") or {}
    placed = moment(row.get("closed_at") or row.get("created_at"))
    changed = moment(row.get("updated_at")) or placed
    if placed is None or changed is None or (not row.get("line_items") and row.get("returns")):
        return None
    buyer = row.get("customer_id") or next(
        (t["customer_id"] for t in row.get("tenders") or () if t.get("customer_id")), None
    )
    email, phone = _recipient(row)
    return Sale(
        id=row["id"],
        placed_at=placed,
        changed_at=changed,
        currency=str(total.get("currency") or ""),
        total_minor=int(total.get("amount") or 0),
        tax_minor=_amount(row, "total_tax_money"),
        tip_minor=_amount(row, "total_tip_money"),
        customer_remote_id=buyer,
        email=email,
        phone=phone,
        lines=tuple(_line(line) for line in row.get("line_items") or ()),
    )


def _amount(row: dict[str, Any], name: str) -> int:
    return int((row.get(name) or {}).get("amount") or 0)


def _line(line: dict[str, Any]) -> SaleLine:
    try:
        quantity = float(line.get("quantity") or 0)
    except ValueError:
        quantity = 0.0
    return SaleLine(
        id=str(line.get("uid") or ""),
        name=str(line.get("name") or ""),
        quantity=quantity,
        total_minor=_amount(line, "total_money"),
        product_id=line.get("catalog_object_id"),
    )


def _recipient(row: dict[str, Any]) -> tuple[str | None, str | None]:
    """Whom an order is handed to, where a delivery or pick-up says so."""
    for fulfillment in row.get("fulfillments") or ():
        for name in ("pickup_details", "shipment_details", "delivery_details"):
            person = (fulfillment.get(name) or {}).get("recipient") or {}
            if person.get("email_address") or person.get("phone_number"):
                return person.get("email_address"), person.get("phone_number")
    return None, None


async def _refunds(square: "Square", begin: int | None, returns: _Returns) -> list[Refund]:
    params: dict[str, Any] = {
        "status": "COMPLETED",
        "sort_field": "UPDATED_AT",
        "sort_order": "ASC",
        "limit": 100,
        "updated_at_begin_time": iso(begin or 0),
    }
    rows: list[dict[str, Any]] = []
    while True:
        data = (await square.call("GET", "/v2/refunds", params=params)).data
        rows += [row for row in data.get("refunds") or () if row.get("status") == "COMPLETED"]
        if not data.get("cursor"):
            break
        params["cursor"] = data["cursor"]
    # A refund names its order: the sale, or a return of its own, which then names the sale.
    await _look_up(square, [row.get("order_id") for row in rows], returns)
    # Whether the sale was paid by several is seen in it alone.
    await _look_up(square, [returns.get(row.get("order_id") or "") for row in rows], returns)
    return [refund for row in rows if (refund := _refund(row, returns)) is not None]


async def _look_up(square: "Square", ids: Sequence[str | None], returns: _Returns) -> None:
    """See the orders that were not seen yet."""
    unknown = list({id_ for id_ in ids if id_ and id_ not in returns})
    for start in range(0, len(unknown), 100):
        body = {"order_ids": unknown[start : start + 100]}
        found = (await square.call("POST", "/v2/orders/batch-retrieve", json=body, repeatable=True)).data
        for row in found.get("orders") or ():
            returns.note(row)


def _refund(row: dict[str, Any], returns: _Returns) -> Refund | None:
    order = row.get("order_id")
    at = moment(row.get("created_at") or row.get("updated_at"))
    money = row.get("amount_money") or {}
    if not order or at is None:
        return None
    sale = returns.get(order) or order
    if sale in returns.split and row.get("payment_id"):
        sale = f"{sale}/{row['payment_id']}"
    return Refund(str(row["id"]), sale, at, int(money.get("amount") or 0), str(money.get("currency") or ""))

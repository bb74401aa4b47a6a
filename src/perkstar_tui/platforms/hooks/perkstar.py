"""Perkstar's cloud: complete sweeps of customers and cards, single writes, and operations on cards."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

from perkstar_tui.http.client import TIMED_OUT
from perkstar_tui.model.enums import CardKind, DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.money import minor_digits
from perkstar_tui.model.remote import (
    Answer,
    Change,
    Operation,
    Page,
    Presence,
    RemoteAccount,
    RemoteRecord,
    Value,
)
from perkstar_tui.platforms.base import OF_RECORD, RestConnector, moment
from perkstar_tui.platforms.catalog import load_catalog
from perkstar_tui.platforms.connector import CredentialStore, Subscription
from perkstar_tui.platforms.pagination import ahead

API = "/api/v2"
SIDE_BY_SIDE = 4
ASKED_AGAIN = 3
PASSES = 3
"""How often a list is read through when it changed under the reading, before it is called incomplete."""


@dataclass(frozen=True, slots=True)
class Template:
    """A card template: its id, name and kind of card."""

    id: str
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class _Way:
    """How a kind of card is credited: path ends, the body's member, and the balance's members in order."""

    act: str
    member: str
    balance: tuple[str, ...]
    money: bool = False


_WAYS = {
    CardKind.STAMP: _Way("stamp", "stamps", ("numberStampsTotal",)),
    CardKind.CASHBACK: _Way("point", "points", ("bonusBalance", "balance"), money=True),
    CardKind.MULTIPASS: _Way("visit", "visits", ("currentNumberOfUses", "bonusBalance")),
    CardKind.DISCOUNT: _Way("point", "points", ("discountAmount", "balance")),
    CardKind.GIFT: _Way("point", "points", ("balance",), money=True),
    CardKind.MEMBERSHIP: _Way("visit", "visits", ("currentNumberOfUses",)),
    CardKind.REWARD: _Way("scores", "scores", ("bonusBalance", "numberStampsTotal")),
}
"""Perkstar facts, section 5. A coupon is redeemed, never credited."""
_NO_WAY = _Way("", "", ("balance", "bonusBalance", "numberStampsTotal", "currentNumberOfUses"))


def open_connector(credentials: CredentialStore, **more: Any) -> "PerkstarCloud":
    return PerkstarCloud(load_catalog(drafts=True)["perkstar"], credentials, **more)


class PerkstarCloud(RestConnector):
    """One account in Perkstar's cloud."""

    whole_answers = True

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._digits: int | None = None
        self._cards_swept = False

    async def _data(self, method: str, path: str, **more: Any) -> Any:
        """The payload of an answer; single records come in an envelope."""
        data = (await self.call(method, API + path, expect="data", **more)).data["data"]
        if data is None:
            raise PerkstarError(ErrorKind.NETWORK, "Perkstar answered without the record.")
        return data

    async def identify(self) -> RemoteAccount:
        about = await self._data("GET", "/profile")
        return RemoteAccount(
            id=str(about["companyId"]),
            name=str(about.get("name") or about["companyId"]),
            currency=about.get("currency"),
            timezone=about.get("timezone"),
            country=about.get("country"),
        )

    # -- reads -------------------------------------------------------------------------------------------------
    def read(
        self, data: DataType, cursor: dict[str, Any] | None, *, full: bool = False
    ) -> AsyncIterator[Page]:
        self.spec(data)
        if data is DataType.CARDS:
            return self._cards()
        return ahead(self._sweep("/customers", _customer, self.customers.page_size))

    async def _cards(self) -> AsyncIterator[Page]:
        size = self.spec(DataType.CARDS).page_size
        async for page in ahead(self._sweep("/cards", self._card, size)):
            yield page
            self._cards_swept = self._cards_swept or page.last

    async def _sweep(self, path: str, make: Any, size: int) -> AsyncIterator[Page]:
        """All rows of a list that has no order to hold on to. Read again when the total moved under the reading.

        Rows seen before are left out of later passes; only a pass with a steady total ends as complete.
        """
        seen: set[str] = set()
        for tried in range(1, PASSES + 1):
            number, begun, steady = 1, None, False
            while True:
                rows, total, size = await self._list(path, number, size, {})
                begun = total if begun is None else begun
                fresh = [row for row in rows if row["id"] not in seen]
                seen.update(row["id"] for row in fresh)
                end = not rows or number * size >= total
                steady = total == begun and len(seen) >= total
                if make == self._card:
                    await self._know_currency(fresh)
                yield Page(
                    [make(row) for row in fresh],
                    last=end and steady,
                    total=total,
                )
                if end:
                    break
                number += 1
            if steady or tried == PASSES:
                return

    async def _list(
        self, path: str, page: int, size: int, filters: Mapping[str, Any]
    ) -> tuple[list[dict[str, Any]], int, int]:
        """One page: its rows, how many there are in all, and the size of page that was really given."""
        params = {"page": page, "itemsPerPage": size, **filters}
        answer = (await self.call("GET", API + path, params=params, expect="data")).data
        rows: list[dict[str, Any]] = answer["data"] or []
        meta = answer.get("meta") or {}
        given = int(meta.get("itemsPerPage") or size)
        total = meta.get("totalItems")
        if total is None:
            # Without a total a full page may be followed by another one.
            total = (page - 1) * given + len(rows) + (1 if len(rows) >= given else 0)
        return rows, int(total), given

    async def _all(self, path: str, filters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Every row of a filtered list, each once. Raises when its pages don't add up to what it says."""
        for _ in range(PASSES):
            found: dict[Any, dict[str, Any]] = {}
            page, size, begun = 1, 1000, None
            while True:
                rows, total, size = await self._list(path, page, size, filters)
                begun = total if begun is None else begun
                found.update((row["id"], row) for row in rows)
                if not rows or page * size >= total:
                    break
                page += 1
            if total == begun and len(found) >= total:
                return list(found.values())
        raise PerkstarError(
            ErrorKind.SERVICE_UNAVAILABLE, "Perkstar's list changes faster than it can be read."
        )

    async def _one(self, id_: str) -> RemoteRecord | None:
        answer = await self.call_if_there("GET", f"{API}/customers/{quote(id_, safe='')}", expect="data")
        return None if answer is None else _customer(answer["data"])

    async def get(
        self, data: DataType, ids: Sequence[str]
    ) -> dict[str, tuple[Presence, RemoteRecord | None]]:
        found: dict[str, tuple[Presence, RemoteRecord | None]] = {}
        for start in range(0, len(ids), SIDE_BY_SIDE):
            part = ids[start : start + SIDE_BY_SIDE]
            records = await asyncio.gather(*(self._one(id_) for id_ in part))
            for id_, record in zip(part, records, strict=True):
                found[id_] = (Presence.GONE, None) if record is None else (Presence.THERE, record)
        return found

    async def find(self, data: DataType, key: str, value: str) -> list[RemoteRecord]:
        """By e-mail address or phone. Which spelling of a phone the filter takes is not known: both are tried."""
        if key not in ("email", "phone"):
            return []
        spellings = [value] if key == "email" else list(dict.fromkeys([value.lstrip("+"), value]))
        for spelling in spellings:
            rows, _, _ = await self._list("/customers", 1, 100, {key: spelling})
            if rows:
                return [_customer(row) for row in rows]
        return []

    # -- writes ------------------------------------------------------------------------------------------------
    async def create(self, changes: Sequence[Change]) -> Mapping[str, Answer]:
        return await self._side_by_side(changes, self._create)

    async def update(self, changes: Sequence[Change]) -> Mapping[str, Answer]:
        return await self._side_by_side(changes, self._update)

    async def _side_by_side(self, changes: Sequence[Change], write: Any) -> Mapping[str, Answer]:
        """Single writes, a few at a time; a fault of the connection is raised once those under way have ended."""
        gate = asyncio.Semaphore(SIDE_BY_SIDE)

        async def one(change: Change) -> Answer:
            async with gate:
                try:
                    record: RemoteRecord = await write(change)
                except PerkstarError as error:
                    if error.kind not in OF_RECORD:
                        raise
                    return await self.refused(change, error)
                return Answer(change.key, record, None, change.remote_id is None)

        answers = await asyncio.gather(*(one(change) for change in changes), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return {answer.key: answer for answer in answers if isinstance(answer, Answer)}

    async def _create(self, change: Change) -> RemoteRecord:
        body = {name: value for name, value in change.fields.items() if value not in (None, "")}
        if not body.get("email") and not body.get("phone"):
            # Nothing else could tell this customer again after a crash.
            body.setdefault("externalUserId", change.key)
        # With an address or a phone a repeat makes nobody twice: it is answered by 409 and the record there.
        once = bool(body.get("email") or body.get("phone"))
        return _customer(await self._data("POST", "/customers", json=body, repeatable=once))

    async def _update(self, change: Change) -> RemoteRecord:
        fields = {name: value for name, value in change.fields.items() if name != "phone"}
        path = f"/customers/{quote(str(change.remote_id), safe='')}"
        body = {"id": change.remote_id, **fields}
        return _customer(await self._data("PATCH", path, json=body, repeatable=True))

    async def refused(self, change: Change, error: PerkstarError) -> Answer:
        """A clash says neither with which record nor by which key: the record is looked up by both."""
        if error.kind is not ErrorKind.DUPLICATE:
            return Answer(change.key, None, error)
        for key in ("email", "phone"):
            value = change.fields.get(key)
            found = await self.find(DataType.CUSTOMERS, key, str(value)) if value else []
            if len(found) == 1:
                error.field = error.field or key
                return Answer(change.key, found[0], error)
        return Answer(change.key, None, error)

    # -- cards -------------------------------------------------------------------------------------------------
    async def templates(self) -> list[Template]:
        rows = await self._all("/templates", {})
        kinds = len(CardKind)
        return [
            Template(
                str(row["id"]), str(row.get("name") or row["id"]), CardKind.from_number(row["type"]).value
            )
            for row in rows
            if isinstance(row.get("type"), int) and 0 <= row["type"] < kinds
        ]

    async def issue_card(self, customer_id: str, template_id: str) -> RemoteRecord:
        """Issue a card, or answer the one that the customer already holds of this template."""
        held = None if self._cards_swept else await self._held_card(customer_id, template_id)
        if held is not None:
            return held
        body = {"customerId": customer_id, "templateId": int(template_id)}
        for tried in range(1, ASKED_AGAIN + 1):
            try:
                return await self._made_card(await self._data("POST", "/cards", json=body))
            except PerkstarError as error:
                if error.kind is not ErrorKind.DUPLICATE and not _unheard(error):
                    raise
                held = await self._held_card(customer_id, template_id)
                if held is not None:
                    return held
                if error.kind is ErrorKind.DUPLICATE or tried == ASKED_AGAIN:
                    raise
        raise AssertionError("the last try answers or raises")

    async def _held_card(self, customer_id: str, template_id: str) -> RemoteRecord | None:
        filters = {"customerId": customer_id, "templateId": template_id}
        rows, _, _ = await self._list("/cards", 1, 100, filters)
        held = [row for row in rows if row.get("status") != "deleted"]
        return await self._made_card(held[0]) if held else None

    async def operate(self, op: Operation) -> RemoteRecord:
        """Book a movement; answers the card with its new balance.

        When no answer was heard, the mark is looked for first, and only where it is surely missing is the movement
        booked again. After a time-out nothing is done: the cloud may still be at work on it.
        """
        kind = CardKind(op.card_kind)
        comment = f"{op.mark} {op.comment}".strip()
        body: dict[str, Any] = {"comment": comment}
        digits = await self._currency_digits() if op.purchase_minor is not None or _money(kind) else 2
        if op.purchase_minor is not None:
            body["purchaseSum"] = _units(op.purchase_minor, digits)
        if kind is CardKind.COUPON:
            if op.amount < 0:
                raise PerkstarError(
                    ErrorKind.RECORD_REJECTED, "A coupon that was redeemed cannot be given back in Perkstar."
                )
            end = "redeem-coupon"
        else:
            way = _WAYS[kind]
            end = f"{'add' if op.amount > 0 else 'subtract'}-{way.act}"
            amount = abs(op.amount)
            body[way.member] = _units(amount, digits) if way.money else amount
        card = f"/cards/{quote(op.card_serial, safe='')}"
        for tried in range(1, ASKED_AGAIN + 1):
            try:
                return await self._made_card(await self._data("POST", f"{card}/{end}", json=body))
            except PerkstarError as error:
                if not _unheard(error):
                    raise
                if await self._booked(op):
                    return await self._made_card(await self._data("GET", card))
                if tried == ASKED_AGAIN:
                    raise
        raise AssertionError("the last try answers or raises")

    async def _booked(self, op: Operation) -> bool:
        """Whether an operation with this mark stands in the cloud, from the day before to the day after."""
        day = self.clock.now().date()
        found = await self.operations(op.card_serial, day - timedelta(days=1), day + timedelta(days=1))
        return any(str(row.get("comment") or "").startswith(op.mark) for row in found)

    async def operations(self, card_serial: str | None, start: date, end: date) -> list[dict[str, Any]]:
        """The operations of those days (of one card, where it is named). Complete, or an error is raised."""
        filters = {"startDate": start.isoformat(), "endDate": end.isoformat()}
        if card_serial is not None:
            filters["cardId"] = card_serial
        return await self._all("/operations", filters)

    async def _currency_digits(self) -> int:
        if self._digits is None:
            self._digits = minor_digits((await self.identify()).currency or "GBP")
        return self._digits

    async def _know_currency(self, rows: Sequence[dict[str, Any]]) -> None:
        if self._digits is None and any(
            row.get("type") in ("cashback", "gift", "certificate") for row in rows
        ):
            await self._currency_digits()

    async def _made_card(self, row: dict[str, Any]) -> RemoteRecord:
        await self._know_currency([row])
        return self._card(row)

    def _card(self, row: dict[str, Any]) -> RemoteRecord:
        tier = row.get("membershipTier")
        fields: dict[str, Value] = {
            "customerId": row.get("customerId"),
            "templateId": str(row.get("templateId")),
            "installLink": row.get("installLink"),
            "status": row.get("status"),
            "type": row.get("type"),
            "balance": _balance(row, self._digits if self._digits is not None else 2),
            "expiresAt": row.get("expiresAt"),
            "membershipTier": (tier.get("name") or str(tier.get("id"))) if isinstance(tier, dict) else None,
        }
        return RemoteRecord(str(row["id"]), fields, moment(row.get("updatedAt") or row.get("createdAt")))

    # -- webhooks ----------------------------------------------------------------------------------------------
    async def subscribe(self, url: str) -> Subscription:
        """Register a webhook. The cloud has no list of them: the id must be kept, or it stays for good."""
        events = list(self.manifest.webhooks.events) if self.manifest.webhooks else []
        body = {"url": url, "events": events}
        made = (await self.call("POST", "/api/automation/webhooks", json=body, expect="data")).data["data"]
        return Subscription(str(made["id"]), str(made.get("secret") or ""))

    async def unsubscribe(self, id: str) -> None:
        await self.call_if_there("DELETE", f"/api/automation/webhooks/{quote(id, safe='')}")


_CUSTOMER = ("firstName", "surname", "email", "phone", "dateOfBirth", "gender", "externalUserId")


def _customer(row: dict[str, Any]) -> RemoteRecord:
    fields: dict[str, Value] = {name: row.get(name) for name in _CUSTOMER}
    return RemoteRecord(row["id"], fields, moment(row.get("updatedAt") or row.get("createdAt")))


def _unheard(error: PerkstarError) -> bool:
    """Whether a request failed in a way that leaves open whether it was done, and is over."""
    passing = error.kind in (ErrorKind.NETWORK, ErrorKind.SERVICE_UNAVAILABLE)
    return passing and error.vendor_code != TIMED_OUT


def _money(kind: CardKind) -> bool:
    way = _WAYS.get(kind)
    return way is not None and way.money


def _units(minor: int, digits: int) -> float | int:
    """Minor units as the currency's own: 1250 pence are 12.5."""
    return round(minor / 10**digits, digits) if digits else minor


def _balance(row: dict[str, Any], digits: int) -> int:
    """A card's balance as a whole number: points, stamps or visits, or minor units where the card holds money."""
    parts = row.get("balance") or {}
    name = "gift" if row.get("type") == "certificate" else row.get("type")
    way = _WAYS.get(CardKind(name), _NO_WAY) if name in set(CardKind) else _NO_WAY
    value = next((parts[part] for part in way.balance if parts.get(part) is not None), 0)
    return round(float(value) * 10**digits) if way.money else int(value)

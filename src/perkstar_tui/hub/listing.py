"""The three lists of a data type, always complete (E8): in step, left out, failing; with counts of both sides.

Whoever has no link yet is in them too, with the reason that the engine itself gives.
"""

from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, not_, or_, select

from perkstar_tui.model.enums import DataType, LinkState
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.sync.context import CUSTOMER, DELIVERY, LINK, SENT, TRANSACTION, name_of
from perkstar_tui.sync.decided import BY_HAND
from perkstar_tui.sync.sales import REASONS, SALE_REMEDIES

from . import views as v
from .bench import Bench
from .explaining import Eye
from .reading import BEHIND, remedy_of
from .showing import FAILING
from .waiting import RecordCounts

CUSTOMERS, TRANSACTIONS = DataType.CUSTOMERS.value, DataType.TRANSACTIONS.value
STATES = ("in_step", "left_out", "failing")


def counts(bench: Bench, integration_id: str, data: str = CUSTOMERS) -> RecordCounts:
    """The numbers of the lists, and of both sides."""
    with bench.store.read() as connection:
        lists = _lists(bench, connection, integration_id, data)
        found = {state: sum(one.count(connection, state) for one in lists) for state in STATES}

        def number(query: Select[Any]) -> int:
            return int(connection.execute(query).scalar_one())

        if data == TRANSACTIONS:
            here = sum(one.count(connection, None) for one in lists)
            return RecordCounts(data, **found, here=here, there=here, both=here, only_here=0, only_there=0)
        live = CUSTOMER.c.archived_at.is_(None)
        mine = and_(LINK.c.integration_id == integration_id, LINK.c.data == CUSTOMERS)
        there = and_(mine, LINK.c.remote_id.is_not(None), LINK.c.state != LinkState.GONE.value)
        here = number(select(func.count()).select_from(CUSTOMER).where(live))
        has = select(LINK.c.id).where(there, LINK.c.hub_id == CUSTOMER.c.id).exists()
        only_here = number(select(func.count()).select_from(CUSTOMER).where(live, not_(has)))
        known = number(select(func.count()).select_from(LINK).where(there))
        only_there = number(select(func.count()).select_from(LINK).where(there, LINK.c.hub_id.is_(None)))
    return RecordCounts(data, **found, here=here, there=known, both=here - only_here, only_here=only_here,
                        only_there=only_there)  # fmt: skip


def records(
    bench: Bench, integration_id: str, data: str, state: str | None, text: str, offset: int, limit: int
) -> v.PageOf:
    """A part of the lists, one after the other. Raises USAGE for another state or data type."""
    state = state.replace("-", "_") if state else None
    if state not in (None, *STATES):
        raise PerkstarError(
            ErrorKind.USAGE,
            f"{state!r} is no list.",
            remedy="Lists: in-step, left-out, failing.",
            field="state",
        )
    if data not in (CUSTOMERS, TRANSACTIONS):
        raise PerkstarError(
            ErrorKind.USAGE, f"{data!r} has no lists.", remedy="Use customers or transactions.", field="data"
        )
    with bench.store.read() as connection:
        lists = _lists(bench, connection, integration_id, data, text)
        rows: list[v.RecordRow] = []
        total, skip = 0, offset
        for one in lists:
            count = one.count(connection, state)
            room = limit - len(rows)
            if room > 0 and skip < count:
                rows += one.rows(connection, state, skip, room)
            skip = max(0, skip - count)
            total += count
    return v.PageOf(tuple(rows), total, offset)


def _lists(
    bench: Bench, connection: Connection, integration_id: str, data: str, text: str = ""
) -> "list[_Links | _Absent | _Sales]":
    from .bench import INTEGRATION

    row = connection.execute(select(INTEGRATION).where(INTEGRATION.c.id == integration_id)).one()
    if data == TRANSACTIONS:
        return [_Sales(bench, row, text)]
    return [_Links(row, text), _Absent(bench, row, text)]


def _like(text: str, *columns: Any) -> Any:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return or_(*(column.ilike(f"%{escaped}%", escape="\\") for column in columns))


_PERSON = (CUSTOMER.c.first_name, CUSTOMER.c.last_name, CUSTOMER.c.email, CUSTOMER.c.phone)


class _Links:
    """Records with a link: one that stands, or one that says why there is none."""

    def __init__(self, row: Any, text: str) -> None:
        self.kind = case(
            (CUSTOMER.c.archived_at.is_not(None), "left_out"),
            (LINK.c.state == LinkState.LINKED.value, "in_step"),
            # It is another record's decision that it waits for, and that one is in the list.
            (BEHIND, "left_out"),
            (
                and_(LINK.c.state.in_(FAILING), or_(LINK.c.code.is_(None), LINK.c.code.not_in(BY_HAND))),
                "failing",
            ),
            else_="left_out",
        )
        self.where = and_(LINK.c.integration_id == row.id, LINK.c.data == CUSTOMERS)
        if text:
            self.where = and_(self.where, _like(text, *_PERSON, LINK.c.remote_id))

    def _query(self, state: str | None, *columns: Any) -> Select[Any]:
        joined = LINK.outerjoin(CUSTOMER, CUSTOMER.c.id == LINK.c.hub_id)
        query = select(*columns).select_from(joined).where(self.where)
        return query.where(self.kind == state) if state else query

    def count(self, connection: Connection, state: str | None) -> int:
        return int(connection.execute(self._query(state, func.count())).scalar_one())

    def rows(self, connection: Connection, state: str | None, offset: int, limit: int) -> list[v.RecordRow]:
        columns = (LINK, *_PERSON, CUSTOMER.c.archived_at, self.kind.label("kind"))
        query = self._query(state, *columns).order_by(LINK.c.id).offset(offset).limit(limit)
        return [self._row(row) for row in connection.execute(query)]

    @staticmethod
    def _row(row: Any) -> v.RecordRow:
        seen = (row.remote or {}).get("keys", {})
        reason = row.reason
        if row.archived_at is not None and not reason:
            reason = "archived in Perkstar"
        return v.RecordRow(
            id=row.hub_id or row.remote_id or str(row.id),
            name=name_of(row) or seen.get("email") or seen.get("phone") or row.remote_id or "",
            email=row.email or seen.get("email") or "",
            phone=row.phone or seen.get("phone") or "",
            state=row.kind,
            reason=reason,
            remote_id=row.remote_id,
            last_sent=row.last_sent,
            last_received=row.last_received,
            code=row.code or "",
            remedy=remedy_of(row.code),
        )


class _Absent:
    """Customers without any link: told as rows or deliveries, or not sent, with the engine's own reason."""

    def __init__(self, bench: Bench, row: Any, text: str) -> None:
        self.bench, self.row = bench, row
        mine = and_(LINK.c.integration_id == row.id, LINK.c.data == CUSTOMERS, LINK.c.hub_id == CUSTOMER.c.id)
        self.where = and_(CUSTOMER.c.archived_at.is_(None), not_(select(LINK.c.id).where(mine).exists()))
        if text:
            self.where = and_(self.where, _like(text, *_PERSON))
        sent = (
            select(SENT.c.fact).where(SENT.c.integration_id == row.id, SENT.c.fact == CUSTOMER.c.id).exists()
        )
        told = and_(DELIVERY.c.integration_id == row.id, DELIVERY.c.fact == CUSTOMER.c.id)
        lost = select(DELIVERY.c.id).where(told, DELIVERY.c.state == "dead").exists()
        taken = select(DELIVERY.c.id).where(told, DELIVERY.c.state == "delivered").exists()
        self.kind = case((lost, "failing"), (or_(sent, taken), "in_step"), else_="left_out")

    def count(self, connection: Connection, state: str | None) -> int:
        query = select(func.count()).select_from(CUSTOMER).where(self.where)
        if state:
            query = query.where(self.kind == state)
        return int(connection.execute(query).scalar_one())

    def rows(self, connection: Connection, state: str | None, offset: int, limit: int) -> list[v.RecordRow]:
        query = select(CUSTOMER, self.kind.label("kind")).where(self.where)
        if state:
            query = query.where(self.kind == state)
        found = connection.execute(query.order_by(CUSTOMER.c.id).offset(offset).limit(limit)).all()
        eye = Eye(self.bench, connection, self.row) if found else None
        return [self._row(eye, row) for row in found]

    @staticmethod
    def _row(eye: Any, row: Any) -> v.RecordRow:
        person = {name: value for name, value in row._mapping.items() if name != "kind"}
        stands = eye.standing(person, None)
        return v.RecordRow(
            id=row.id, name=name_of(row), email=row.email or "", phone=row.phone or "", state=row.kind,
            reason=stands.words, remote_id=None, last_sent=None, last_received=None, code=stands.code,
            remedy=stands.command and f"`{stands.command}`",
        )  # fmt: skip


class _Sales:
    """Sales and refunds of an integration; where it is told of sales, those of all."""

    def __init__(self, bench: Bench, row: Any, text: str) -> None:
        config = bench.configure(row)
        self.told = config.rows is not None and config.direction.outward
        if self.told:
            sent = select(SENT.c.fact).where(SENT.c.integration_id == row.id, SENT.c.fact == TRANSACTION.c.id)
            taken = select(DELIVERY.c.id).where(
                DELIVERY.c.integration_id == row.id, DELIVERY.c.fact == TRANSACTION.c.id,
                DELIVERY.c.state == "delivered",
            )  # fmt: skip
            self.kind = case((or_(sent.exists(), taken.exists()), "in_step"), else_="left_out")
            self.where: Any = TRANSACTION.c.id.is_not(None)
        else:
            self.kind = case(
                (TRANSACTION.c.state == "pending", "failing"),
                (TRANSACTION.c.state == "none", "left_out"),
                else_="in_step",
            )
            self.where = TRANSACTION.c.integration_id == row.id
        if text:
            self.where = and_(self.where, _like(text, *_PERSON, TRANSACTION.c.remote_id))

    def _query(self, state: str | None, *columns: Any) -> Select[Any]:
        joined = TRANSACTION.outerjoin(CUSTOMER, CUSTOMER.c.id == TRANSACTION.c.customer_id)
        query = select(*columns).select_from(joined).where(self.where)
        return query.where(self.kind == state) if state else query

    def count(self, connection: Connection, state: str | None) -> int:
        return int(connection.execute(self._query(state, func.count())).scalar_one())

    def rows(self, connection: Connection, state: str | None, offset: int, limit: int) -> list[v.RecordRow]:
        columns = (TRANSACTION, *_PERSON, self.kind.label("kind"))
        query = self._query(state, *columns).order_by(TRANSACTION.c.id).offset(offset).limit(limit)
        return [self._row(row) for row in connection.execute(query)]

    def _row(self, row: Any) -> v.RecordRow:
        contact = row.contact or {}
        reason = REASONS.get(row.reason, row.reason)
        if self.told:
            reason = "" if row.kind == "in_step" else "not told yet"
        return v.RecordRow(
            id=row.id,
            name=name_of(row)
            or contact.get("email")
            or contact.get("phone")
            or f"{row.line_kind} {row.remote_id}",
            email=row.email or contact.get("email") or "",
            phone=row.phone or contact.get("phone") or "",
            state=row.kind,
            reason=reason,
            remote_id=row.remote_id,
            last_sent=None,
            last_received=row.created_at,
            code=row.reason if row.reason in REASONS else "",
            remedy=SALE_REMEDIES.get(row.reason, ""),
        )

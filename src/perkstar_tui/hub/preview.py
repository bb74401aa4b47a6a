"""Preview: the run itself, carried out on a copy of the store with a connector that keeps what it would send.

So what is shown is what the engine does, not a second opinion on it. Nothing leaves this machine but reads.
"""

import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update

from perkstar_tui.model.enums import DataType, Direction, LinkState
from perkstar_tui.model.errors import PerkstarError
from perkstar_tui.model.ids import new_id
from perkstar_tui.model.remote import Answer, Change, Fact, Page, Presence, RemoteRecord, Told
from perkstar_tui.platforms.connector import Bookkeeper, Connector, Teller
from perkstar_tui.platforms.parts import EventsSpec, RowsSpec
from perkstar_tui.store import leases
from perkstar_tui.store import tables as t
from perkstar_tui.store.database import Store
from perkstar_tui.sync import books, deliveries, inward, journals, moments, outward, rows, sales, telling
from perkstar_tui.sync.context import CUSTOMER, LINK, TRANSACTION, Leg, name_of
from perkstar_tui.sync.planned import Notes, Noting

from . import views as v
from .bench import Bench
from .doubles import AT_A_VENDOR, note_of

SHOWN = 50
"""Rows of each kind that a preview lists when no limit is given; the totals are always complete."""


class RehearsingConnector:
    """Reads from the platform, and answers every write itself while keeping it."""

    def __init__(self, real: Connector) -> None:
        self.real = real
        self.manifest = real.manifest
        self.traffic = real.traffic
        self.sent: list[Change] = []
        self.told: list[Told] = []
        self.seen: dict[str, RemoteRecord] = {}
        """Customers that were read, to find doubles among them."""

    async def read(
        self, data: DataType, cursor: dict[str, Any] | None, *, full: bool = False
    ) -> AsyncIterator[Page]:
        async for page in self.real.read(data, cursor, full=full):
            if data is DataType.CUSTOMERS and len(self.seen) < AT_A_VENDOR:
                self.seen.update((record.id, record) for record in page.records)
            yield page

    async def get(
        self, data: DataType, ids: Sequence[str]
    ) -> dict[str, tuple[Presence, RemoteRecord | None]]:
        return await self.real.get(data, ids)

    async def find(self, data: DataType, key: str, value: str) -> list[RemoteRecord]:
        return await self.real.find(data, key, value)

    async def send(self, data: DataType, changes: Sequence[Change]) -> list[Answer]:
        self.sent.extend(changes)
        return [
            Answer(
                c.key,
                RemoteRecord(c.remote_id or f"preview-{c.key}", dict(c.fields)),
                None,
                c.remote_id is None,
            )
            for c in changes
        ]

    async def tell(self, events: Sequence[Told]) -> list[PerkstarError | None]:
        self.told.extend(events)
        return [None] * len(events)

    async def was_told(self, event: Told) -> bool | None:
        return await self.real.was_told(event) if isinstance(self.real, Teller) else None

    async def close(self) -> None:
        await self.real.close()


def _copy(source: Store, target: Path) -> Store:
    """A SQLite copy of the store, whatever it lies in."""
    copy = Store.at(target)
    if source.sqlite:
        raw, mine = source.engine.raw_connection(), copy.engine.raw_connection()
        try:
            raw.dbapi_connection.backup(mine.dbapi_connection)  # type: ignore[union-attr]
        finally:
            raw.close()
            mine.close()
        return copy
    copy.upgrade()
    with source.read() as reader, copy.write() as writer:
        for model_table in t.METADATA.sorted_tables:
            if model_table.name in ("credential", "log_line", "sync_run"):
                continue
            writer.execute(model_table.delete())
            for part in reader.execute(select(model_table)).mappings().partitions(1000):
                writer.execute(insert(model_table), [dict(row) for row in part])
    return copy


async def rehearse(bench: Bench, row: Any, *, full: bool, limit: int | None) -> tuple[v.PreviewView, Notes]:
    """What a run would do now on each side, and the notes that a kept plan is made of; the cloud's sweep is completed
    first by the caller.
    """
    shown = SHOWN if limit is None else max(0, limit)
    with tempfile.TemporaryDirectory(prefix="perkstar-preview-", dir=bench.settings.home) as folder:
        copy = _copy(bench.store, Path(folder))
        real = bench.connector(row)
        rehearsing = RehearsingConnector(real)
        try:
            noting = Noting()
            return await _on_copy(bench, copy, row, rehearsing, full, shown, noting), noting.notes
        finally:
            await rehearsing.close()
            copy.close()


async def _on_copy(
    bench: Bench,
    copy: Store,
    row: Any,
    connector: RehearsingConnector,
    full: bool,
    shown: int,
    noting: Noting,
) -> v.PreviewView:
    now = bench.clock.now()
    with copy.write() as connection:
        connection.execute(t.Lease.delete())
        start = connection.execute(select(t.RevisionCounter.c.n)).scalar_one()
    held = leases.take(copy, f"run:{row.id}", now, seconds=3600)
    if held is None:
        raise RuntimeError("a fresh copy of the store has no lease")
    leg = Leg(
        store=copy,
        config=bench.configure(row),
        connector=connector,  # type: ignore[arg-type]
        clock=bench.clock,
        run_id=new_id("run"),
        lease=held,
        started=now,
        stop=lambda: False,
        accept_mass_change=True,
        plan=noting,
    )
    config = leg.config
    notes: list[str] = []
    if DataType.CUSTOMERS in config.data:
        await inward.read_customers(leg, full=full)
    doubles = note_of(bench, config, list(connector.seen.values()))
    points = 0
    if DataType.TRANSACTIONS in config.data and config.direction.inward:
        await sales.read_sales(leg, full=full)
        points, notes = _points(copy, row.id, start)
    inward_side = _inward(bench, copy, leg, start, shown)
    delivered = config.rows is not None and config.rows.deliver
    outwards = config.direction is not Direction.TO_PERKSTAR
    if DataType.CUSTOMERS in config.data and outwards and not delivered:
        await outward.send_customers(leg)
    outward_side = _outward(copy, leg, connector.sent, shown)
    if config.events is not None and DataType.CUSTOMERS in config.data and outwards:
        leg.first_run = row.last_success is None
        notes += await _events(leg, config.events, connector)
    if config.rows is not None and outwards and (delivered or DataType.TRANSACTIONS in config.data):
        outward_side, told = _told(leg, config.rows, shown)
        notes.append(told)
    if books.wanted(leg) and isinstance(connector.real, Bookkeeper):
        notes += await _booked(leg, connector.real)
    return v.PreviewView(row.id, inward_side, outward_side, points, (*notes, *doubles))


async def _events(leg: Leg, spec: EventsSpec, connector: RehearsingConnector) -> list[str]:
    """Which loyalty events would be told, in words; none where they are switched off."""
    if not moments.chosen(leg.config.options.get("events")):
        return []
    await telling.send_moments(leg, spec)
    kinds = {
        title: sum(one.kind == kind and one.day != "" for one in connector.told)
        for kind, title in moments.TITLES.items()
    }
    words = ", ".join(f"{count} {title.lower()}" for title, count in kinds.items() if count)
    waiting = telling.waits(leg)
    later = f"; {waiting} customers with some are not known there yet" if waiting else ""
    return [f"Loyalty events to be told: {words or 'none'}{later}."]


def _told(leg: Leg, spec: RowsSpec, shown: int) -> tuple[v.PreviewSide, str]:
    """Rows that would be appended at a platform that only takes them."""
    facts = deliveries.waiting(leg, spec) if spec.deliver else rows.waiting(leg, spec)
    made = [fact for fact in facts if fact.version == 1]
    changed = [fact for fact in facts if fact.version > 1]

    def view(fact: Fact) -> v.PreviewRow:
        fields = tuple(
            (name, None, _text(value)) for name, value in fact.values.items() if value not in (None, "")
        )
        return v.PreviewRow(fact.id, fact.kind, fields)

    counts = leg.outward
    side = v.PreviewSide(
        tuple(view(fact) for fact in made[:shown]),
        tuple(view(fact) for fact in changed[:shown]),
        (),
        counts.unchanged,
        counts.excluded,
        len(made),
        len(changed),
        0,
    )
    kinds = {kind: sum(fact.kind == kind for fact in facts) for kind in ("sale", "refund", "customer")}
    words = ", ".join(f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in kinds.items() if count)
    left = f"; {counts.excluded} are too old to be taken" if counts.excluded else ""
    return side, f"To be told: {words or 'nothing'}{left}."


async def _booked(leg: Leg, keeper: Bookkeeper) -> list[str]:
    """The journals that would be entered, or what keeps them from it."""
    try:
        begun, due = await books.foresee(leg, keeper)
    except PerkstarError as error:
        return [f"Nothing can be booked: {error.message} {error.remedy}"]
    notes = [] if begun else ["The books begin with today; its journal is entered when it is over."]
    for one in due:
        words = journals.said(one.entries, leg.config.currency)
        open_ = one.day == books.today(leg)
        when = "today so far, entered when the day is over" if open_ else str(one.day)
        notes.append(f"To be booked of {when}: {words}.")
    return notes if due else [*notes, "There is nothing to book so far."]


def _points(copy: Store, integration_id: str, start: int) -> tuple[int, list[str]]:
    with copy.read() as connection:
        rows = connection.execute(
            select(TRANSACTION.c.state, TRANSACTION.c.reason, TRANSACTION.c.earned).where(
                TRANSACTION.c.integration_id == integration_id, TRANSACTION.c.revision > start
            )
        ).all()
    credited = [row for row in rows if row.state in ("queued", "credited")]
    notes = [f"{len(credited)} sales and refunds would change balances."]
    reasons: dict[str, int] = {}
    for row in rows:
        if row.state in ("none", "pending"):
            reasons[row.reason] = reasons.get(row.reason, 0) + 1
    notes += [
        f"{n} give nothing now: {sales.REASONS.get(reason, reason)}." for reason, n in sorted(reasons.items())
    ]
    return sum(row.earned for row in credited), notes


def _inward(bench: Bench, copy: Store, leg: Leg, start: int, shown: int) -> v.PreviewSide:
    create, update_rows, held = [], [], []
    fields = [line.hub for line in leg.config.lines if line.inward]
    with copy.read() as connection, bench.store.read() as before:
        rows = connection.execute(select(CUSTOMER).where(CUSTOMER.c.revision > start)).mappings().all()
        for row in rows:
            old = before.execute(select(CUSTOMER).where(CUSTOMER.c.id == row["id"])).mappings().first()
            changes = tuple(
                (name, _text(old[name]) if old else None, _text(row[name]))
                for name in fields
                if row[name] != (old[name] if old else None)
            )
            if old is None:
                create.append(v.PreviewRow(row["id"], name_of(dict(row)), changes))
            elif changes:
                update_rows.append(v.PreviewRow(row["id"], name_of(dict(row)), changes))
        held.extend(_held(connection, leg, inward_only=True))
    counts = leg.inward
    return v.PreviewSide(
        tuple(create[:shown]),
        tuple(update_rows[:shown]),
        tuple(held[:shown]),
        counts.unchanged,
        counts.excluded,
        len(create),
        len(update_rows),
        len(held),
    )


def _held(connection: Any, leg: Leg, *, inward_only: bool) -> list[v.PreviewRow]:
    query = select(LINK).where(
        LINK.c.integration_id == leg.id, LINK.c.state.in_([LinkState.HELD.value, LinkState.DUPLICATE.value])
    )
    query = query.where(LINK.c.hub_id.is_(None) if inward_only else LINK.c.hub_id.is_not(None))
    rows = []
    for link in connection.execute(query):
        keys = (link.remote or {}).get("keys", {})
        name = keys.get("email") or keys.get("phone") or link.remote_id or link.hub_id
        rows.append(v.PreviewRow(link.remote_id or link.hub_id, str(name), (), link.reason))
    return rows


def _outward(copy: Store, leg: Leg, sent: list[Change], shown: int) -> v.PreviewSide:
    create: list[v.PreviewRow] = []
    change: list[v.PreviewRow] = []
    with copy.read() as connection:
        for item in sent:
            by_key = item.remote_id is None
            hub_id = (
                item.key
                if by_key
                else connection.execute(
                    select(LINK.c.hub_id).where(
                        LINK.c.integration_id == leg.id, LINK.c.remote_id == item.remote_id
                    )
                ).scalar()
            )
            row = connection.execute(select(CUSTOMER).where(CUSTOMER.c.id == hub_id)).mappings().first()
            fields = tuple((name, None, _text(value)) for name, value in item.fields.items())
            view = v.PreviewRow(hub_id or "", name_of(dict(row)) if row else "", fields)
            (create if by_key else change).append(view)
        held = _held(connection, leg, inward_only=False)
    counts = leg.outward
    return v.PreviewSide(
        tuple(create[:shown]),
        tuple(change[:shown]),
        tuple(held[:shown]),
        counts.unchanged,
        counts.excluded,
        len(create),
        len(change),
        len(held) + counts.held - len(held) if counts.held >= len(held) else len(held),
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def mark_previewed(bench: Bench, integration_id: str) -> None:
    """A first scheduled run waits for a preview; now it has been seen."""
    link = t.Integration
    with bench.store.write() as connection:
        connection.execute(update(link).where(link.c.id == integration_id).values(previewed=True))

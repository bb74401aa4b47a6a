"""Rows out: sales, refunds and customers told to platforms that only take (analytics), each once, changes once more.

What was told is kept by version and digest. Before a call its facts are written down as being under way, so that a
run that died in between asks the platform, where it can say, and never tells twice what it knows to be there.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, delete, insert, select

from perkstar_tui.http.errors import dig
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.money import minor_digits
from perkstar_tui.model.remote import Fact, FactKind
from perkstar_tui.platforms.connector import Publisher, Taker
from perkstar_tui.platforms.parts import CheckSpec, RowsSpec
from perkstar_tui.store.database import Store

from .context import CUSTOMER, INTEGRATION, SENT, TRANSACTION, Leg, name_of

PAGE = 500
CURSOR = ("rows", "out")
KINDS: dict[str, set[FactKind]] = {"transactions": {"sale", "refund"}, "customers": {"customer"}}
"""Which facts come from which rows of the store."""


def client_of(customer_id: str | None) -> str:
    """Two numbers that stand for a customer and say nothing about them, as analytics know browsers by."""
    digest = hashlib.sha256((customer_id or "nobody").encode()).digest()
    return f"{int.from_bytes(digest[:4])}.{int.from_bytes(digest[4:8])}"


def digest_of(values: dict[str, Any]) -> str:
    """What tells whether a fact has changed since it was told."""
    return hashlib.sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


async def send_rows(leg: Leg, spec: RowsSpec, *, full: bool = False) -> None:
    """Tell everything that happened or changed since the last time.

    `full` publishes whole tables again; what is told one after the other is never told twice.
    """
    if spec.whole:
        await _publish(leg, spec, full=full)
        return
    taker = leg.connector
    if not isinstance(taker, Taker):
        raise PerkstarError(ErrorKind.INTERNAL, f"{leg.config.title} has no way to take rows.")
    await _settle(leg, taker)
    for data, wanted in kinds_of(spec):
        while wanted:
            await leg.pause_point()
            stand = leg.cursor(*CURSOR) or {}
            since = int(stand.get(data, 0))
            rows = rows_above(leg, data, since)
            if not rows:
                break
            facts = fresh(leg, spec, [fact for fact in facts_of(leg, data, rows) if fact.kind in wanted])
            for part in _parts(facts, spec.at_once):
                await leg.pause_point()
                await _tell(leg, taker, stand, part)
            with leg.store.write(leg.lease.fence) as connection:
                leg.save_cursor(connection, *CURSOR, {**stand, data: rows[-1].revision})


def kinds_of(spec: RowsSpec) -> list[tuple[str, set[FactKind]]]:
    """The kinds of facts that are told, by where they come from."""
    return [(data, kinds & spec.facts.keys()) for data, kinds in KINDS.items()]


async def _publish(leg: Leg, spec: RowsSpec, *, full: bool) -> None:
    """Publish the tables in which something is new or has changed, whole: doing it twice does no harm."""
    publisher = leg.connector
    if not isinstance(publisher, Publisher):
        raise PerkstarError(ErrorKind.INTERNAL, f"{leg.config.title} has no way to take tables.")
    for data, wanted in kinds_of(spec):
        await leg.pause_point()
        stand = leg.cursor(*CURSOR) or {}
        since = int(stand.get(data, 0))
        news: list[Fact] = []
        while rows := rows_above(leg, data, since):
            news += fresh(leg, spec, [fact for fact in facts_of(leg, data, rows) if fact.kind in wanted])
            since = rows[-1].revision
        changed = wanted if full else {fact.kind for fact in news}
        for table in sorted({spec.facts[kind].table for kind in changed}):
            kinds = {kind for kind in wanted if spec.facts[kind].table == table}
            await publisher.publish(table, _everything(leg, data, kinds))
        with leg.store.write(leg.lease.fence) as connection:
            for start in range(0, len(news), PAGE):
                part = news[start : start + PAGE]
                keep(leg, connection, list(map(noted, part)))
            leg.save_cursor(connection, *CURSOR, {**stand, data: since})
        leg.outward.created += sum(fact.version == 1 for fact in news)
        leg.outward.updated += sum(fact.version > 1 for fact in news)


def _everything(leg: Leg, data: str, kinds: set[FactKind]) -> Iterator[Fact]:
    """All facts of these kinds as they are now."""
    since = 0
    while rows := rows_above(leg, data, since):
        yield from (finished(fact) for fact in facts_of(leg, data, rows) if fact.kind in kinds)
        since = rows[-1].revision


def waiting(leg: Leg, spec: RowsSpec) -> list[Fact]:
    """What the next run would tell, in its order; nothing is told by asking."""
    found: list[Fact] = []
    stand = leg.cursor(*CURSOR) or {}
    for data in KINDS:
        since = int(stand.get(data, 0))
        while rows := rows_above(leg, data, since):
            found += fresh(leg, spec, [fact for fact in facts_of(leg, data, rows) if fact.kind in spec.facts])
            since = rows[-1].revision
    return found


async def _tell(leg: Leg, taker: Taker, stand: dict[str, Any], facts: Sequence[Fact]) -> None:
    under_way = list(map(noted, facts))
    with leg.store.write(leg.lease.fence) as connection:
        leg.save_cursor(connection, *CURSOR, {**stand, "under_way": under_way})
    await taker.append([finished(fact) for fact in facts])
    with leg.store.write(leg.lease.fence) as connection:
        keep(leg, connection, under_way)
        leg.save_cursor(connection, *CURSOR, stand)
    leg.outward.created += sum(fact.version == 1 for fact in facts)
    leg.outward.updated += sum(fact.version > 1 for fact in facts)


async def _settle(leg: Leg, taker: Taker) -> None:
    """What was under way when a run ended: kept as told where the platform has it, else told again."""
    stand = dict(leg.cursor(*CURSOR) or {})
    under_way = stand.pop("under_way", None)
    if not under_way:
        return
    id_, kind, version, _ = under_way[0]
    there = await taker.has(Fact(id_, kind, version, {}))
    with leg.store.write(leg.lease.fence) as connection:
        if there:
            keep(leg, connection, under_way)
        leg.save_cursor(connection, *CURSOR, stand)


def noted(fact: Fact) -> list[Any]:
    """What is written down of a fact that is being told: id, kind, version and digest."""
    return [fact.id, fact.kind, fact.version, digest_of(fact.values)]


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """A sale's or refund's event at a platform: its name there, when the thing happened, and when it was told."""

    name: str
    happened: datetime
    told: datetime


def told_events(
    store: Store, integration_id: str, spec: RowsSpec, check: CheckSpec, since: datetime
) -> list[ToldEvent]:
    """The events that were told of what happened since then."""
    with store.read() as connection:
        rows = connection.execute(
            select(TRANSACTION, SENT.c.at.label("told"))
            .join(SENT, SENT.c.fact == TRANSACTION.c.id)
            .where(SENT.c.integration_id == integration_id, TRANSACTION.c.happened_at >= since)
        ).all()
    return [
        ToldEvent(str(dig(template, check.event)), row.happened_at, row.told)
        for row in rows
        if row.line_kind in spec.facts
        for template in spec.facts[row.line_kind].of(_movement(row, {}))
    ]


def keep(leg: Leg, connection: Connection, told: Sequence[Sequence[Any]]) -> None:
    """Remember what was told, in which version."""
    if not told:
        return
    names = [row[0] for row in told]
    connection.execute(delete(SENT).where(SENT.c.integration_id == leg.id, SENT.c.fact.in_(names)))
    now = leg.clock.now()
    connection.execute(
        insert(SENT),
        [
            {"integration_id": leg.id, "fact": id_, "version": version, "digest": digest, "at": now}
            for id_, _, version, digest in told
        ],
    )


def finished(fact: Fact) -> Fact:
    """A fact with what its version adds."""
    return Fact(fact.id, fact.kind, fact.version, {**fact.values, "version": fact.version, "key": fact.key})


def fresh(leg: Leg, spec: RowsSpec, facts: Sequence[Fact]) -> list[Fact]:
    """Those that are new, or have changed since they were told; too old ones are left out."""
    with leg.store.read() as connection:
        known = {
            row.fact: row
            for start in range(0, len(facts), PAGE)
            for row in connection.execute(
                select(SENT.c.fact, SENT.c.version, SENT.c.digest).where(
                    SENT.c.integration_id == leg.id,
                    SENT.c.fact.in_([fact.id for fact in facts[start : start + PAGE]]),
                )
            )
        }
    oldest = None if spec.oldest_s is None else leg.clock.now() - timedelta(seconds=spec.oldest_s)
    found = []
    for fact in facts:
        before = known.get(fact.id)
        if before is not None and (spec.once or before.digest == digest_of(fact.values)):
            leg.outward.unchanged += 1
        elif oldest is not None and datetime.fromisoformat(fact.values["at"]) < oldest:
            leg.outward.excluded += 1
        else:
            found.append(Fact(fact.id, fact.kind, before.version + 1 if before else 1, fact.values))
    return found


def _parts(facts: Sequence[Fact], at_once: int) -> Iterator[list[Fact]]:
    """Facts of one kind at a time, as many as a call takes."""
    for kind in dict.fromkeys(fact.kind for fact in facts):
        same = [fact for fact in facts if fact.kind == kind]
        for start in range(0, len(same), at_once):
            yield same[start : start + at_once]


def rows_above(leg: Leg, data: str, since: int) -> Sequence[Any]:
    """The next rows of the store, in the order of their revisions; those of one revision stay together."""
    source = TRANSACTION if data == "transactions" else CUSTOMER
    with leg.store.read() as connection:
        query = select(source).where(source.c.revision > since).order_by(source.c.revision)
        rows = list(connection.execute(query.limit(PAGE)))
        if len(rows) == PAGE:
            same = select(source).where(source.c.revision == rows[-1].revision)
            rows = [row for row in rows if row.revision != rows[-1].revision] + list(connection.execute(same))
    return rows


def facts_of(leg: Leg, data: str, rows: Sequence[Any], *, personal: bool | None = None) -> list[Fact]:
    """The facts that rows of the store are; `personal`: who a customer is, by default as the admin has chosen."""
    if data == "customers":
        personal = leg.config.options.get("personal") == "yes" if personal is None else personal
        return [Fact(row.id, "customer", 1, _customer(row, personal=personal)) for row in rows]
    with leg.store.read() as connection:
        platforms = {
            row.id: row.platform
            for row in connection.execute(select(INTEGRATION.c.id, INTEGRATION.c.platform))
        }
    return [Fact(row.id, row.line_kind, 1, _movement(row, platforms)) for row in rows]


def _movement(row: Any, platforms: dict[str, str]) -> dict[str, Any]:
    """A sale or refund: nothing of it names a person."""
    refund = row.line_kind == "refund"
    amount = row.total_minor / 10 ** minor_digits(row.currency)
    at = row.happened_at.astimezone(UTC)
    platform = platforms.get(row.integration_id, "perkstar")
    return {
        "id": row.id, "kind": row.line_kind, "sale": f"{platform}:{row.sale_id if refund else row.remote_id}",
        "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "at_micros": round(at.timestamp() * 1_000_000), "day": at.strftime("%Y-%m-%d"), "currency": row.currency,
        "amount": -abs(amount) if refund else amount, "size": abs(amount),
        "points": -abs(row.reversed or row.earned) if refund else row.earned,
        "customer": row.customer_id, "client": client_of(row.customer_id),
        "platform": platform,
    }  # fmt: skip


def _customer(row: Any, *, personal: bool) -> dict[str, Any]:
    """A customer: what says who it is only where the admin has chosen so."""
    return {
        "id": row.id, "kind": "customer", "at": row.updated_at.strftime("%Y-%m-%dT%H:%M:%SZ"), "customer": row.id,
        "client": client_of(row.id), "tier": row.tier or "", "balance": row.balance or 0, "country": row.country or "",
        "joined": row.created_at.strftime("%Y-%m-%d"), "last_visit": str(row.last_visit or "")[:10],
        "gone": row.archived_at is not None, "name": name_of(row) if personal else "",
        "email": (row.email or "") if personal else "", "phone": (row.phone or "") if personal else "",
    }  # fmt: skip

"""Deliveries out: what happened waits in the store until an endpoint has taken it, or a person is needed.

A fact and the cursor past it are written together with its delivery, so that each waits exactly once. Delivering is a
matter of its own and may come twice, which the id tells; retries go as Standard Webhooks recommends.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

import orjson
from sqlalchemy import Connection, delete, func, insert, select, update

from perkstar_tui.model.enums import DataType, Level
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_ids
from perkstar_tui.model.remote import Fact, Message, Response
from perkstar_tui.platforms.connector import Deliverer
from perkstar_tui.platforms.filling import fill
from perkstar_tui.platforms.parts import RowsSpec

from . import rows
from .context import DELIVERY, INTEGRATION, Leg

PENDING, DELIVERED, DEAD = "pending", "delivered", "dead"
PAUSES_S = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
"""How long after each failed attempt the next one comes: three days in all."""

AT_ONCE = 8
KEPT = timedelta(days=30)
"""How long what was taken can be looked at; what was given up stays until it is told again or dropped."""

_OF_ENDPOINT = frozenset(
    {
        ErrorKind.NETWORK,
        ErrorKind.SERVICE_UNAVAILABLE,
        ErrorKind.RATE_LIMITED,
        ErrorKind.PERMISSION_MISSING,
        ErrorKind.CREDENTIAL_REFUSED,
        ErrorKind.NOT_FOUND,
    }
)
"""Problems of the endpoint and not of one delivery: where all that are tried meet one, the rest is not tried now."""

_PERSONAL = ("first_name", "last_name", "birth_date", "gender", "company", "city", "postcode")


async def send_deliveries(leg: Leg, spec: RowsSpec) -> None:
    """Write down what is to be told, then make the attempts that are due."""
    deliverer = leg.connector
    if not isinstance(deliverer, Deliverer):
        raise PerkstarError(ErrorKind.INTERNAL, f"{leg.config.title} has no way to take deliveries.")
    if not await deliverer.listens():
        return
    for page in _pages(leg, spec):
        await leg.pause_point()
        _keep(leg, spec, page)
    await _deliver(leg, deliverer)


def waiting(leg: Leg, spec: RowsSpec) -> list[Fact]:
    """What the next run would write down to be told; nothing is told by asking."""
    return [fact for page in _pages(leg, spec) for fact in page.told]


# -- what is to be told ----------------------------------------------------------------------------------------


@dataclass
class _Page:
    """How far it has come, what is new up to there, and what of it is told, each with whether it is really new."""

    stand: dict[str, Any]
    new: list[Fact] = field(default_factory=list)
    told: list[Fact] = field(default_factory=list)
    first: set[str] = field(default_factory=set)


def _pages(leg: Leg, spec: RowsSpec) -> Iterator[_Page]:
    stand = dict(leg.cursor(*rows.CURSOR) or {})
    begun = _begun(leg)
    for data, wanted in rows.kinds_of(spec):
        if DataType(data) not in leg.config.data:
            continue
        if data not in stand:
            stand = {**stand, data: 0}
            yield _Page(stand)
        while found := rows.rows_above(leg, data, int(stand[data])):
            new = rows.fresh(leg, spec, [fact for fact in _facts(leg, data, found) if fact.kind in wanted])
            row_of = {row.id: row for row in found}
            stand = {**stand, data: found[-1].revision}
            yield _Page(
                stand,
                new,
                [fact for fact in new if _is_told(fact, row_of[fact.id], begun)],
                {fact.id for fact in new if fact.version == 1 and row_of[fact.id].created_at >= begun},
            )


def _begun(leg: Leg) -> datetime:
    """From when on things are told: since the activation, unless the admin wants all that there is."""
    if leg.config.options.get("history") == "yes":
        return datetime.min.replace(tzinfo=UTC)
    with leg.store.read() as connection:
        at: datetime | None = connection.execute(
            select(INTEGRATION.c.activated_at).where(INTEGRATION.c.id == leg.id)
        ).scalar()
    return at or leg.started


def _is_told(fact: Fact, row: Any, begun: datetime) -> bool:
    """Whether it is more than what there was before, and not of somebody who was gone before they were ever told of."""
    if fact.version > 1:
        return True
    # A sale counts by when it was made: one that is read late, from another platform's past, is no news.
    changed: datetime = row.updated_at if fact.kind == "customer" else row.happened_at
    return changed >= begun and not fact.values.get("gone")


def _facts(leg: Leg, data: str, found: Sequence[Any]) -> list[Fact]:
    """The facts of rows of the store; of a customer all that is known, as far as the admin lets it out."""
    personal = leg.config.options.get("personal") != "no"
    facts = rows.facts_of(leg, data, found, personal=personal)
    if data != DataType.CUSTOMERS.value:
        return facts
    return [
        Fact(fact.id, fact.kind, fact.version, {**fact.values, **_more(row, personal=personal)})
        for fact, row in zip(facts, found, strict=True)
    ]


def _more(row: Any, *, personal: bool) -> dict[str, Any]:
    known = {name: (getattr(row, name) or "") if personal else "" for name in _PERSONAL}
    return {**known, "language": row.language or "", "consent": row.marketing_consent or ""}


def _keep(leg: Leg, spec: RowsSpec, page: _Page) -> None:
    """One transaction: the deliveries, what is known to be told by them, and the cursor."""
    now = leg.clock.now()
    ids = new_ids("msg", len(page.told))
    fresh = [
        _row(leg, spec, id_, fact, now, first=fact.id in page.first)
        for id_, fact in zip(ids, page.told, strict=True)
    ]
    with leg.store.write(leg.lease.fence) as connection:
        if fresh:
            connection.execute(insert(DELIVERY), fresh)
        rows.keep(leg, connection, list(map(rows.noted, page.new)))
        leg.save_cursor(connection, *rows.CURSOR, page.stand)


def _row(leg: Leg, spec: RowsSpec, id_: str, fact: Fact, now: datetime, *, first: bool) -> dict[str, Any]:
    did = "archived" if fact.values.get("gone") else "created" if first else "updated"
    kind = f"{fact.kind}.{did}"
    data = fill(spec.facts[fact.kind].rows[0].row, rows.finished(fact).values)
    body = {"type": kind, "timestamp": now.isoformat(timespec="milliseconds"), "data": data}
    return {
        "id": id_,
        "integration_id": leg.id,
        "fact": fact.id,
        "type": kind,
        "version": fact.version,
        "body": orjson.dumps(body).decode(),
        "state": PENDING,
        "created_at": now,
        "attempts": 0,
        "next_attempt": now,
        "answer": "",
        "problem": "",
        "ms": 0,
    }


# -- telling it ------------------------------------------------------------------------------------------------


async def _deliver(leg: Leg, deliverer: Deliverer) -> None:
    """Make the attempts that are due, the oldest first; an endpoint that takes none of them is left alone a while."""
    trouble: PerkstarError | None = None
    done, total = 0, _due_count(leg)
    while trouble is None:
        await leg.pause_point()
        due = _due(leg)
        if not due:
            break
        responses = await asyncio.gather(
            *(deliverer.deliver(Message(row.id, row.type, row.body.encode())) for row in due)
        )
        problems = [answer.problem for answer in responses if answer.problem is not None]
        if len(problems) == len(due) and all(one.kind in _OF_ENDPOINT for one in problems):
            trouble = problems[-1]
        done += len(due)
        with leg.store.write(leg.lease.fence) as connection:
            for row, answer in zip(due, responses, strict=True):
                _record(leg, connection, row, answer)
            leg.progress(connection, done, total)
            if trouble is not None:
                _put_off(leg, connection)
    now = leg.clock.now()
    with leg.store.write(leg.lease.fence) as connection:
        connection.execute(delete(DELIVERY).where(*_of(leg, DELIVERED), DELIVERY.c.tried_at < now - KEPT))
        leg.wake_at = connection.execute(
            select(func.min(DELIVERY.c.next_attempt)).where(*_of(leg, PENDING))
        ).scalar()
    if trouble is not None:
        raise trouble


def _of(leg: Leg, state: str) -> tuple[Any, ...]:
    return (DELIVERY.c.integration_id == leg.id, DELIVERY.c.state == state)


def _due(leg: Leg) -> Sequence[Any]:
    now = leg.clock.now()
    with leg.store.read() as connection:
        return connection.execute(
            select(DELIVERY)
            .where(*_of(leg, PENDING), DELIVERY.c.next_attempt <= now)
            .order_by(DELIVERY.c.id)
            .limit(AT_ONCE)
        ).all()


def _due_count(leg: Leg) -> int:
    with leg.store.read() as connection:
        return connection.execute(
            select(func.count()).where(*_of(leg, PENDING), DELIVERY.c.next_attempt <= leg.clock.now())
        ).scalar_one()


def _record(leg: Leg, connection: Connection, row: Any, answer: Response) -> None:
    """What came of an attempt: taken, to be tried again, or given up."""
    now = leg.clock.now()
    attempts = row.attempts + 1
    values: dict[str, Any] = {
        "attempts": attempts,
        "tried_at": now,
        "status": answer.status,
        "answer": answer.answer,
        "ms": answer.ms,
        "problem": answer.problem.message if answer.problem is not None else "",
    }
    if answer.problem is None:
        values |= {"state": DELIVERED, "next_attempt": None}
        if row.version == 1:
            leg.outward.created += 1
        else:
            leg.outward.updated += 1
    elif attempts > len(PAUSES_S):
        values |= {"state": DEAD, "next_attempt": None}
        leg.outward.held += 1
        leg.log(
            connection,
            Level.WARNING,
            answer.problem.kind,
            f"A delivery ({row.type}) was given up after {attempts} attempts: {answer.problem.message}",
            remedy="Mend the endpoint, then tell it again: `perkstar webhooks redeliver`.",
            record=row.fact,
            error=answer.problem,
            details={"delivery": row.id},
        )
    else:
        values["next_attempt"] = now + _pause(row.id, attempts, answer.problem.retry_after_s)
        leg.outward.failed += 1
        leg.rejected_anew += answer.problem.kind not in _OF_ENDPOINT
    connection.execute(update(DELIVERY).where(DELIVERY.c.id == row.id).values(**values))


def _pause(id_: str, attempts: int, asked_s: float | None) -> timedelta:
    """How long until the next attempt, a tenth more for some than for others, so that not all come at once."""
    pause = PAUSES_S[attempts - 1] * (1 + crc32(id_.encode()) % 100 / 1000)
    return timedelta(seconds=max(pause, asked_s or 0.0))


def _put_off(leg: Leg, connection: Connection) -> None:
    """Let what was not tried wait as long as what was: the endpoint took nothing."""
    now = leg.clock.now()
    again = connection.execute(
        select(func.min(DELIVERY.c.next_attempt)).where(*_of(leg, PENDING), DELIVERY.c.next_attempt > now)
    ).scalar()
    connection.execute(
        update(DELIVERY)
        .where(*_of(leg, PENDING), DELIVERY.c.next_attempt <= now)
        .values(next_attempt=again or now + timedelta(seconds=PAUSES_S[1]))
    )


def give_up(connection: Connection, integration_id: str, why: str) -> None:
    """End what waits, in the caller's transaction: there is nobody to be told any more."""
    connection.execute(
        update(DELIVERY)
        .where(DELIVERY.c.integration_id == integration_id, DELIVERY.c.state == PENDING)
        .values(state=DEAD, next_attempt=None, problem=why)
    )

"""Loops: a field that both sides write back and forth for ever, found by what earlier runs did, held, and said.

Somebody at the platform undoes what is sent, and something here undoes that again: another integration, the cloud, a
workflow there. Each write is right by itself, so no comparison finds it. What runs changed is kept beside them
(sync/changes.py); there the same two values take turns. It is looked at only for customers that the inward leg has just
changed, and no farther back than in proportion to what this run changed itself.

A record that goes round is held: nothing more of it is sent, what comes from there is still taken, and a person is
asked. Where many do at once, no single record is the cause: the integration is paused.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Text, cast, func, select, update

from perkstar_tui.model.enums import Level, LinkState
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Value
from perkstar_tui.store.bulk import one_of, values_of
from perkstar_tui.store.database import ms

from . import changes
from .context import CUSTOMER, LINK, Leg, name_of
from .pages import DATA

CHANGE = changes.CHANGE

ROUNDS = 3
"""How often the same value must have been sent and taken back in the same way."""

WINDOW = timedelta(days=30)
"""Who changes their mind once a month is in no loop."""

MANY = 20
"""Records found in one run from which on the integration is paused."""

ROWS = 200
SPARE_BYTES = 1_000_000
TIMES = 20
"""At most so many parts of earlier runs are looked at, and of text so much and so many times this run's own."""

AT_ONCE = 10

SINCE = "loops_since"
"""Where a link keeps from when on its record is watched again, in milliseconds, after a person let it go on."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a field: it was sent, or the platform's value was taken instead."""

    sent: bool
    values: tuple[Value, ...]
    at_ms: int


@dataclass(frozen=True, slots=True)
class Loop:
    """A field that goes round: who, which field (Perkstar's name and the platform's), and the value on each side."""

    hub_id: str
    field: str
    path: str
    here: Value
    there: Value
    rounds: int


def rounds(steps: Sequence[Step]) -> int:
    """How often in a row, to the end, one value was sent and the same other one came back; the oldest step is first."""
    count = 0
    back = sent = None
    for earlier, later in zip(steps[-2::-2], steps[::-2], strict=False):
        if later.sent or not earlier.sent:
            break
        if back is not None and (later.values != back or earlier.values != sent):
            break
        back, sent = later.values, earlier.values
        count += 1
    return count


def watch(leg: Leg) -> None:
    """Hold each record that this run's inward leg has shown to go round. Raises PerkstarError LOOP if they are many."""
    if leg.plan is not None or leg.first_run or not leg.inward.updated or not leg.config.direction.inward:
        return
    if not leg.config.direction.outward:
        return
    with leg.store.read() as connection:
        size, changed = _changed_now(leg, connection)
        paths = {line.hub: line.remote for line in leg.config.lines if line.inward and line.outward}
        asked = {
            (id_, name): path
            for id_, fields in changed.items()
            for name in fields
            if (path := paths.get(name)) is not None
        }
        links = _sent_lately(leg, connection, sorted({id_ for id_, _ in asked})) if asked else {}
        asked = {key: path for key, path in asked.items() if key[0] in links}
        steps = _steps(leg, connection, asked, SPARE_BYTES + TIMES * size) if asked else {}
    found = {}
    for (id_, name), some in steps.items():
        since = int((links[id_].remote or {}).get(SINCE, 0))
        count = rounds([step for step in some if step.at_ms >= since])
        if count >= ROUNDS:
            here, there = some[-1].values
            found[id_] = Loop(id_, name, asked[id_, name], here, there, count)
    if not found:
        return
    with leg.store.write(leg.lease.fence) as connection:
        for loop in found.values():
            _hold(leg, connection, links[loop.hub_id], loop)
    leg.rejected_anew += len(found)
    if len(found) >= MANY:
        fields = ", ".join(sorted({loop.field for loop in found.values()}))
        raise PerkstarError(
            ErrorKind.LOOP,
            f"{len(found)} records go back and forth between Perkstar and {leg.config.title} ({fields}).",
            integration_id=leg.id,
        )


def let_go(leg: Leg) -> None:
    """Records that were held for going round, and that a person wants tried again: compared anew, watched anew."""
    now = leg.clock.now()
    with leg.store.read() as connection:
        links = connection.execute(
            select(LINK.c.id, LINK.c.hub_id).where(
                LINK.c.integration_id == leg.id,
                LINK.c.state == LinkState.HELD.value,
                LINK.c.code == ErrorKind.LOOP.value,
                LINK.c.next_attempt <= now,
            )
        ).all()
    if not links:
        return
    with leg.store.write(leg.lease.fence) as connection:
        revision = leg.store.next_revisions(connection, len(links))
        for number, link in enumerate(links):
            values = {"state": LinkState.LINKED.value, "code": None, "reason": "", "field": None}
            more = {"next_attempt": None, "fingerprint": None, "remote": {SINCE: ms(now)}}
            connection.execute(update(LINK).where(LINK.c.id == link.id).values(**values, **more))
            connection.execute(
                update(CUSTOMER)
                .where(CUSTOMER.c.id == link.hub_id)
                .values(revision=revision + number, updated_at=now)
            )


def _changed_now(leg: Leg, connection: Connection) -> tuple[int, dict[str, Mapping[str, Any]]]:
    """What the inward leg of this run changed of customers that were here, and the length of its text."""
    rows = connection.execute(
        select(CHANGE.c.data, func.length(cast(CHANGE.c.data, Text))).where(
            CHANGE.c.run_id == leg.run_id, CHANGE.c.integration_id == leg.id
        )
    ).all()
    changed: dict[str, Mapping[str, Any]] = {}
    for data, _ in rows:
        changed |= data.get("changed", {})
    return sum(size for _, size in rows), changed


def _sent_lately(leg: Leg, connection: Connection, hub_ids: list[str]) -> dict[str, Any]:
    """The links of customers that were sent within the window: of others nothing can have been taken back.

    Almost all links stand, so no index may be chosen for that (filters.linked).
    """
    query = select(LINK).where(
        LINK.c.integration_id == leg.id,
        LINK.c.data == DATA,
        func.coalesce(LINK.c.state, "") == LinkState.LINKED.value,
        LINK.c.last_sent >= leg.clock.now() - WINDOW,
        one_of(connection, LINK.c.hub_id),
    )
    return {row.hub_id: row for row in connection.execute(query, values_of(connection, hub_ids))}


def _steps(
    leg: Leg, connection: Connection, asked: Mapping[tuple[str, str], str], budget: int
) -> dict[tuple[str, str], list[Step]]:
    """What happened to fields of customers, the oldest first."""
    ids = _looked_at(leg, connection, budget)
    found: dict[tuple[str, str], list[Step]] = {}
    if not ids:
        return found
    query = select(CHANGE.c.at, CHANGE.c.data).where(
        CHANGE.c.id >= ids[-1], CHANGE.c.integration_id == leg.id
    )
    for row in connection.execute(query.order_by(CHANGE.c.id)):
        for key, step in _told(row, asked):
            found.setdefault(key, []).append(step)
    return found


def _looked_at(leg: Leg, connection: Connection, budget: int) -> list[int]:
    """The newest parts of this and earlier runs whose text is no longer than the budget, the newest first.

    They are asked for a few at a time: a first sync has left many long ones, and even their length has to be read.
    """
    oldest = leg.clock.now() - WINDOW
    ids: list[int] = []
    while len(ids) < ROWS:
        query = select(CHANGE.c.id, CHANGE.c.at, func.length(cast(CHANGE.c.data, Text)).label("size")).where(
            CHANGE.c.integration_id == leg.id
        )
        if ids:
            query = query.where(CHANGE.c.id < ids[-1])
        rows = connection.execute(query.order_by(CHANGE.c.id.desc()).limit(AT_ONCE)).all()
        for row in rows:
            budget -= row.size
            if budget < 0 or row.at < oldest:
                return ids
            ids.append(row.id)
        if len(rows) < AT_ONCE:
            break
    return ids


def _told(row: Any, asked: Mapping[tuple[str, str], str]) -> Iterator[tuple[tuple[str, str], Step]]:
    """The steps in one part of a run; it has either what was taken or what was sent."""
    changed, sent = row.data.get("changed", {}), row.data.get("sent", {})
    for (id_, name), path in asked.items():
        if name in changed.get(id_, {}):
            before, after = changed[id_][name]
            yield (id_, name), Step(False, (before, after), ms(row.at))
        if id_ in sent and path in sent[id_][2]:
            yield (id_, name), Step(True, (sent[id_][2][path][-1],), ms(row.at))


def _hold(leg: Leg, connection: Connection, link: Any, loop: Loop) -> None:
    one, other = _kind(loop.here), _kind(loop.there)
    between = f"two {one[2:]}s" if one == other else f"{one} and {other}"
    reason = (
        f"{loop.field} goes back and forth between {between}: it was sent {loop.rounds} times, and {leg.config.title} "
        "gave the other value back each time"
    )
    connection.execute(
        update(LINK)
        .where(LINK.c.id == link.id)
        .values(
            state=LinkState.HELD.value,
            code=ErrorKind.LOOP.value,
            reason=reason,
            field=loop.path,
            next_attempt=None,
        )
    )
    person = connection.execute(select(CUSTOMER).where(CUSTOMER.c.id == loop.hub_id)).one()
    leg.log(
        connection,
        Level.ERROR,
        ErrorKind.LOOP,
        f"Held: {reason}.",
        record=loop.hub_id,
        record_name=name_of(person),
        field_name=loop.field,
        details={"here": loop.here, "there": loop.there, "rounds": loop.rounds},
    )


def _kind(value: Value) -> str:
    """What sort of value it is, for words that may not repeat it."""
    if value in (None, ""):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    number = isinstance(value, int | float) or str(value).lstrip("+-").replace(".", "", 1).isdigit()
    return "a number" if number else "a text"

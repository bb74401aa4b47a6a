"""Looking for customers of the store that may be one person: in turns, so that it costs little beside everything else.

A turn takes the customers changed since the last one, in the order of their revisions, and compares them with those
that share a key. The keys lie in the store, so that a turn holds a few thousand customers in memory, of however many.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from perkstar_tui.model.clock import Clock
from perkstar_tui.model.ids import new_id
from perkstar_tui.store import leases
from perkstar_tui.store import tables as t
from perkstar_tui.store.bulk import insert_rows, one_of, values_of
from perkstar_tui.store.database import LeaseLostError, Store

from .context import CURSOR, CUSTOMER, INTEGRATION, PAIR
from .duplicates import BLOCK, MAYBE, Pair, Person, compare, keys_of, person

KEY = t.DuplicateKey
TURN = 2000
"""Customers of one turn. Keys are hashes, so each is written to a page of its own: a larger turn writes fewer pages."""

LEASE = "duplicates"
REST_S = 2.0
"""How long the search beside the runner rests when there is nothing to do, or a run goes on."""

OPEN, DISMISSED, MERGED = "open", "dismissed", "merged"

_COLUMNS = [
    CUSTOMER.c[name]
    for name in (
        "id", "revision", "first_name", "last_name", "email_key", "phone_key", "birth_date", "address_line1", "city",
        "postcode", "company", "archived_at",
    )
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Looked:
    """What a search did: customers looked at, pairs that are new, and how many customers still wait."""

    customers: int
    found: int
    waiting: int


def _person(row: Any) -> Person:
    return person(row.id, row._mapping, row.email_key, row.phone_key)


def _stand(connection: Connection) -> int:
    value = connection.execute(
        select(CURSOR.c.value).where(
            CURSOR.c.integration_id == "", CURSOR.c.data == "customers", CURSOR.c.leg == LEASE
        )
    ).scalar()
    return int((value or {}).get("revision", 0))


def waiting(store: Store) -> int:
    """How many customers have changed since they were last looked at."""
    with store.read() as connection:
        return int(
            connection.execute(
                select(func.count()).select_from(CUSTOMER).where(CUSTOMER.c.revision > _stand(connection))
            ).scalar_one()
        )


def _anything_new(store: Store) -> bool:
    """Whether a customer has changed since; cheaper than counting them."""
    with store.read() as connection:
        newest = connection.execute(select(func.max(CUSTOMER.c.revision))).scalar() or 0
        return bool(newest > _stand(connection))


def search(
    store: Store,
    clock: Clock,
    *,
    everything: bool = False,
    turns: int | None = None,
    stop: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] = lambda done: None,
) -> Looked:
    """Look at what has changed, or at everything again, in at most `turns` turns; one search goes on at a time."""
    if not everything and not _anything_new(store):
        # Nothing is written, not even a lease: whoever shows the pairs looks here at each change of the store.
        return Looked(0, 0, 0)
    held = leases.take(store, LEASE, clock.now())
    if held is None:
        return Looked(0, 0, waiting(store))
    customers = found = 0
    try:
        if everything:
            with store.write(held.fence) as connection:
                connection.execute(delete(KEY))
                _save(connection, clock, 0)
        while not stop() and (turns is None or turns > 0):
            leases.renew(store, held, clock.now())
            looked, new = _turn(store, clock, held.fence)
            if not looked:
                break
            customers, found = customers + looked, found + new
            progress(customers)
            turns = None if turns is None else turns - 1
    except LeaseLostError:
        pass
    finally:
        leases.release(store, held)
    return Looked(customers, found, waiting(store))


def _turn(store: Store, clock: Clock, fence: tuple[str, int]) -> tuple[int, int]:
    """One turn; answers how many customers it looked at and how many pairs it found anew."""
    with store.read() as connection:
        after = _stand(connection)
        rows = connection.execute(
            select(*_COLUMNS).where(CUSTOMER.c.revision > after).order_by(CUSTOMER.c.revision).limit(TURN)
        ).all()
        if not rows:
            return 0, 0
        people = {row.id: _person(row) for row in rows if row.archived_at is None}
        keys = {id_: keys_of(one) for id_, one in people.items()}
        blocks = _blocks(connection, {key for each in keys.values() for key in each})
        meetings: set[tuple[str, str]] = set()
        fresh: list[dict[str, Any]] = []
        for id_ in people:
            for key in keys[id_]:
                block = blocks.setdefault(key, {})
                if id_ not in block:
                    if len(block) >= BLOCK:
                        continue
                    block[id_] = None
                    fresh.append({"key": key, "hub_id": id_})
                meetings.update(
                    (id_, other) if id_ < other else (other, id_) for other in block if other != id_
                )
        others = {id_ for pair in meetings for id_ in pair} - people.keys()
        everyone = people | _people(connection, sorted(others))
    found = []
    for a, b in sorted(meetings):
        if a in everyone and b in everyone:
            like = compare(everyone[a], everyone[b])
            if like.score >= MAYBE:
                found.append(Pair(a, b, like.score, like.verdict, like.why))
    with store.write(fence) as connection:
        insert_rows(connection, KEY, fresh)
        new = keep(connection, clock, "", found, [row.id for row in rows], looked_up_to=rows[-1].revision)
        _save(connection, clock, rows[-1].revision)
    return len(rows), new


def _blocks(connection: Connection, keys: Iterable[int]) -> dict[int, dict[str, None]]:
    """Who has these keys so far, in the order of ids."""
    found: dict[int, dict[str, None]] = {}
    wanted = sorted(keys)
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        for key, hub_id in connection.execute(
            select(KEY.c.key, KEY.c.hub_id).where(KEY.c.key.in_(part)).order_by(KEY.c.key, KEY.c.hub_id)
        ):
            found.setdefault(key, {})[hub_id] = None
    return found


def _people(connection: Connection, ids: Sequence[str]) -> dict[str, Person]:
    if not ids:
        return {}
    query = select(*_COLUMNS).where(one_of(connection, CUSTOMER.c.id), CUSTOMER.c.archived_at.is_(None))
    return {row.id: _person(row) for row in connection.execute(query, values_of(connection, ids))}


def keep(
    connection: Connection,
    clock: Clock,
    integration_id: str,
    found: Sequence[Pair],
    looked_at: Sequence[str],
    shown: Mapping[str, Mapping[str, Any]] | None = None,
    looked_up_to: int | None = None,
) -> int:
    """Write the pairs that a search found, and drop open ones of these records that are no longer alike.

    What a person has decided stays decided, and so does, for now, what a later turn will look at: with customers
    those of a revision above `looked_up_to`. Answers how many are new.
    """
    known: dict[tuple[str, str], Any] = {}
    for column in (PAIR.c.a, PAIR.c.b):
        query = select(PAIR).where(PAIR.c.integration_id == integration_id, one_of(connection, column))
        for row in connection.execute(query, values_of(connection, looked_at)):
            known[row.a, row.b] = row
    rows = []
    for pair in found:
        row = known.pop((pair.a, pair.b), None)
        sides = {"a": dict(shown[pair.a]), "b": dict(shown[pair.b])} if shown is not None else {}
        values = {"score": pair.score, "why": list(pair.why), "shown": sides}
        if row is None:
            rows.append(
                {
                    "id": new_id("dup"),
                    "integration_id": integration_id,
                    "a": pair.a,
                    "b": pair.b,
                    "state": OPEN,
                    "found_at": clock.now(),
                    **values,
                }
            )
        elif (row.score, row.why, row.shown) != (pair.score, list(pair.why), sides):
            connection.execute(update(PAIR).where(PAIR.c.id == row.id).values(**values))
    standing = [row for row in known.values() if row.state == OPEN]
    if standing and looked_up_to is not None:
        both = [id_ for row in standing for id_ in (row.a, row.b)]
        query = select(CUSTOMER.c.id).where(
            one_of(connection, CUSTOMER.c.id),
            CUSTOMER.c.revision > looked_up_to,
            CUSTOMER.c.archived_at.is_(None),
        )
        later = set(connection.execute(query, values_of(connection, both)).scalars())
        standing = [row for row in standing if row.a not in later and row.b not in later]
    gone = [row.id for row in standing]
    for start in range(0, len(gone), 500):
        connection.execute(delete(PAIR).where(PAIR.c.id.in_(gone[start : start + 500])))
    if rows:
        connection.execute(insert(PAIR), rows)
    return len(rows)


def _save(connection: Connection, clock: Clock, revision: int) -> None:
    here = (CURSOR.c.integration_id == "") & (CURSOR.c.data == "customers") & (CURSOR.c.leg == LEASE)
    values = {"value": {"revision": revision}, "at": clock.now()}
    if not connection.execute(update(CURSOR).where(here).values(**values)).rowcount:
        connection.execute(insert(CURSOR).values(integration_id="", data="customers", leg=LEASE, **values))


def count_open(store: Store, since: Any = None) -> int:
    """How many pairs wait for a person; with `since` (an aware time) those found after it."""
    query = select(func.count()).select_from(PAIR).where(PAIR.c.state == OPEN)
    if since is not None:
        query = query.where(PAIR.c.found_at > since)
    with store.read() as connection:
        return int(connection.execute(query).scalar_one())


def open_since(store: Store) -> tuple[int, Any, Any]:
    """How many pairs wait for a person, and when the first and the last of them were found (None without any)."""
    query = select(func.count(), func.min(PAIR.c.found_at), func.max(PAIR.c.found_at)).where(
        PAIR.c.state == OPEN
    )
    with store.read() as connection:
        count, first, last = connection.execute(query).one()
    return int(count), first, last


def beside(store: Store, clock: Clock) -> Callable[[asyncio.Event], Coroutine[Any, Any, None]]:
    """What the runner keeps doing beside its runs: a turn whenever customers have changed and no run goes on."""

    async def attend(ending: asyncio.Event) -> None:
        while not ending.is_set():
            looked = 0
            # What goes wrong here must not end the runner: the next round tries again.
            with contextlib.suppress(Exception):
                looked = await asyncio.to_thread(_quiet_turn, store, clock)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ending.wait(), 0.05 if looked else REST_S)

    return attend


def _quiet_turn(store: Store, clock: Clock) -> int:
    """A turn, unless a run is at work: that one has the store to itself."""
    if not _anything_new(store):
        return 0
    with store.read() as connection:
        running = connection.execute(
            select(INTEGRATION.c.id).where(
                or_(INTEGRATION.c.running.is_not(None), INTEGRATION.c.requested.is_not(None))
            )
        ).scalars()
        ids = list(running)
    if any(leases.owner_alive(store, f"run:{id_}", clock.now()) for id_ in ids):
        return 0
    return search(store, clock, turns=1).customers

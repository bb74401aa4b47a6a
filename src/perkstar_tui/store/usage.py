"""What an account uses at a vendor, shared by all processes: the next free moment of its budget, and calls made."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from sqlalchemy import case, insert, update

from . import tables as t
from .database import Store

_SLOT = t.RateSlot
_CALL = t.ApiCall
HOUR_MS = 3_600_000
FLUSH_S = 2.0
FARTHEST_MS = 3_600_000
"""A free moment farther off than this was written while the clock was wrong; no vendor's pause is kept that long."""


class StoredBudgets:
    """Evenly spaced slots of a budget, handed out to whoever asks first, in whatever process (H7)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def reserve(self, name: str, interval_ms: float, count: int, now_ms: Callable[[], int]) -> int:
        """Take `count` slots, `interval_ms` apart; answers the epoch millisecond at which the first one is free.

        The clock is read inside the transaction: on a busy store it may begin late.
        """
        length = round(interval_ms * count)
        free = _SLOT.c.free_at_ms
        with self._store.write() as connection:
            now = now_ms()
            first = _insert(self._store, _SLOT).values(name=name, free_at_ms=now + length)
            taken = first.on_conflict_do_update(
                index_elements=["name"],
                set_={
                    "free_at_ms": case(
                        (free.between(now, now + FARTHEST_MS), free + length), else_=now + length
                    )
                },
            ).returning(free)
            end: int = connection.execute(taken).scalar_one()
        return end - length

    def push(self, name: str, until_ms: int) -> None:
        """Nobody calls before `until_ms`: the vendor has said so."""
        with self._store.write() as connection:
            known = connection.execute(
                update(_SLOT)
                .where(_SLOT.c.name == name, _SLOT.c.free_at_ms < until_ms)
                .values(free_at_ms=until_ms)
            ).rowcount
            if not known:
                statement = _insert(self._store, _SLOT).values(name=name, free_at_ms=until_ms)
                connection.execute(statement.on_conflict_do_nothing(index_elements=["name"]))


def _insert(store: Store, target: Any) -> Any:
    """An INSERT that knows ON CONFLICT; the dialect that is not used is not loaded either."""
    if store.sqlite:
        from sqlalchemy.dialects.sqlite import insert as upsert
    else:
        from sqlalchemy.dialects.postgresql import insert as upsert  # type: ignore[assignment]
    return upsert(target)


class CallCounter:
    """Counts calls in memory and writes them to the hour's row now and then; safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._counts: dict[tuple[int, str], int] = defaultdict(int)
        self._flushed = time.monotonic()

    def add(self, name: str, calls: int, now_ms: int) -> None:
        with self._lock:
            self._counts[(now_ms // HOUR_MS, name)] += calls
            due = time.monotonic() - self._flushed > FLUSH_S
        if due:
            self.flush()

    def flush(self) -> None:
        """Write what has been counted; a read-only store keeps nothing."""
        with self._lock:
            counts, self._counts = self._counts, defaultdict(int)
            self._flushed = time.monotonic()
        if not counts or self._store.read_only:
            return
        with self._store.write() as connection:
            for (hour, name), calls in counts.items():
                mine = (_CALL.c.hour == hour) & (_CALL.c.name == name)
                if not connection.execute(
                    update(_CALL).where(mine).values(calls=_CALL.c.calls + calls)
                ).rowcount:
                    connection.execute(insert(_CALL).values(hour=hour, name=name, calls=calls))

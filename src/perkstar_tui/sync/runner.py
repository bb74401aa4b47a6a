"""The runner: one background thread with its own event loop, in which APScheduler wakes what is due.

Screen, worker and commands may each have one on the same store; the lease of a run decides who does it.
"""

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select, update

from perkstar_tui.model.clock import Clock
from perkstar_tui.model.enums import Kind, Status, Trigger
from perkstar_tui.model.errors import PerkstarError
from perkstar_tui.store import leases
from perkstar_tui.store.database import Store

from .context import CURSOR, CUSTOMER, INTEGRATION, TRANSACTION
from .run import Engine

RUNNER_LEASE = "runner"
"""Held by a process that wakes due runs; `sync` without waiting hands its run to it."""

FARTHEST = timedelta(hours=26)
"""No schedule is farther off: a day, and an hour of summer time, and one to spare."""

TICK_S = 0.5
DEBOUNCE_S = 1.0
"""How long local changes must have been still before real-time integrations send them (at once, yet together)."""

Attendant = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""Something that goes on in the runner's loop until the event is set, such as the receiver of webhooks."""

_TRIGGERS = {"": Trigger.SCHEDULE, "webhook": Trigger.WEBHOOK}


def _give_way() -> None:
    """Let this thread come after the screen's, and after other programs, when there are too few processors.

    Only Linux gives a thread a priority of its own.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 5)


class Runner:
    """Wakes due runs. `start` and `stop` may be called from any thread."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        clock: Clock,
        *,
        concurrency: int = 4,
        beside: Sequence[Attendant] = (),
    ) -> None:
        self.store = store
        self.engine = engine
        self.clock = clock
        self.concurrency = concurrency
        self.beside = beside
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._lease: leases.Held | None = None
        self._renewed = 0.0
        self._seen: dict[str, tuple[int, float]] = {}

    def start(self) -> None:
        ready = threading.Event()
        self._thread = threading.Thread(target=self._main, args=(ready,), name="perkstar-runner", daemon=True)
        self._thread.start()
        ready.wait()

    def stop(self, timeout: float = 10.0) -> None:
        """Ask running runs to end at their next safe point, wait for that, and let the thread end."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def _main(self, ready: threading.Event) -> None:
        _give_way()
        asyncio.run(self._serve(ready))

    async def _serve(self, ready: threading.Event) -> None:
        from apscheduler.schedulers.asyncio import AsyncIOScheduler

        scheduler = AsyncIOScheduler(timezone="UTC")
        scheduler.add_job(self.tick, "interval", seconds=TICK_S, max_instances=1, coalesce=True)
        scheduler.start()
        ending = asyncio.Event()
        attendants = [asyncio.create_task(attendant(ending)) for attendant in self.beside]
        ready.set()
        try:
            await asyncio.to_thread(self._stopping.wait)
        finally:
            scheduler.shutdown(wait=False)
            ending.set()
            if self._runs or attendants:
                await asyncio.wait([*self._runs.values(), *attendants], timeout=8)
            if self._lease is not None:
                with contextlib.suppress(Exception):
                    leases.release(self.store, self._lease)

    async def tick(self) -> None:
        """Start what is due, as far as there is room; needs the runner's lease."""
        if self._stopping.is_set() or not self._own():
            return
        for id_, trigger in self.due():
            if len(self._runs) >= self.concurrency:
                return
            if id_ not in self._runs:
                self._runs[id_] = asyncio.create_task(self._run(id_, trigger))

    def _own(self) -> bool:
        now = self.clock.monotonic()
        try:
            if self._lease is None:
                self._lease = leases.take(self.store, RUNNER_LEASE, self.clock.now())
                self._renewed = now
            elif now - self._renewed > leases.LEASE_S / 3:
                leases.renew(self.store, self._lease, self.clock.now())
                self._renewed = now
        except leases.LeaseLostError:
            self._lease = None
        return self._lease is not None

    def due(self) -> list[tuple[str, Trigger]]:
        """What is to be run now: asked for, due by its schedule (once previewed), or with local changes to send."""
        now = self.clock.now()
        with self.store.read() as connection:
            rows = connection.execute(
                select(INTEGRATION.c.id, INTEGRATION.c.requested)
                .where(
                    INTEGRATION.c.status.in_([Status.ACTIVE.value, Status.ERROR.value]),
                    or_(
                        INTEGRATION.c.requested.is_not(None),
                        and_(
                            or_(
                                INTEGRATION.c.next_run_at <= now,
                                # Set while the clock was wrong: no schedule and no quota is that far off.
                                INTEGRATION.c.next_run_at > now + FARTHEST,
                            ),
                            INTEGRATION.c.previewed,
                        ),
                    ),
                )
                .order_by(INTEGRATION.c.next_run_at)
            ).all()
        due = [(row.id, _TRIGGERS.get(row.requested or "", Trigger.MANUAL)) for row in rows]
        known = {id_ for id_, _ in due}
        return due + [(id_, Trigger.LOCAL_CHANGE) for id_ in self._changed_here() if id_ not in known]

    def _changed_here(self) -> list[str]:
        """Real-time integrations that have not seen the newest rows yet, once those have been still a moment."""
        with self.store.read() as connection:
            newest_of = {
                data: connection.execute(select(func.max(source.c.revision))).scalar() or 0
                for data, source in (("customers", CUSTOMER), ("transactions", TRANSACTION))
            }
            rows = connection.execute(
                select(INTEGRATION.c.id, INTEGRATION.c.config, CURSOR.c.data, CURSOR.c.value)
                .join(CURSOR, CURSOR.c.integration_id == INTEGRATION.c.id)
                .where(
                    INTEGRATION.c.status == Status.ACTIVE.value,
                    INTEGRATION.c.kind != Kind.SYSTEM.value,
                    CURSOR.c.leg == "out",
                )
            ).all()
        unseen: dict[str, int] = {}
        for row in rows:
            # A cursor of customers is one number; one of rows has a number for each kind that is told.
            stand = {"customers": row.value.get("revision", 0)} if row.data == "customers" else row.value
            behind = [newest for data, newest in newest_of.items() if int(stand.get(data, newest)) < newest]
            if behind and row.config.get("frequency") == "realtime" and row.id not in self._runs:
                unseen[row.id] = max(unseen.get(row.id, 0), *behind)
        found = []
        for id_, newest in unseen.items():
            seen, since = self._seen.get(id_, (0, 0.0))
            if seen != newest:
                self._seen[id_] = (newest, self.clock.monotonic())
            elif since and self.clock.monotonic() - since >= DEBOUNCE_S:
                # Once for each newest revision: a run that fails is not begun again before the next change.
                self._seen[id_] = (newest, 0.0)
                found.append(id_)
        return found

    async def _run(self, id_: str, trigger: Trigger) -> None:
        requested = ""
        with self.store.read() as connection:
            requested = (
                connection.execute(select(INTEGRATION.c.requested).where(INTEGRATION.c.id == id_)).scalar()
                or ""
            )
        try:
            await self.engine.run(
                id_,
                trigger,
                full="full" in requested,
                accept_mass_change="accept" in requested,
                plan=next((word[5:] for word in requested.split() if word.startswith("plan=")), None),
                stop=self._stopping.is_set,
            )
        except PerkstarError:
            # Another process is at it, or it was paused in between: look again after the lease's time.
            with contextlib.suppress(Exception), self.store.write() as connection:
                connection.execute(
                    update(INTEGRATION)
                    .where(INTEGRATION.c.id == id_)
                    .values(requested=None, next_run_at=self.clock.now() + timedelta(seconds=leases.LEASE_S))
                )
        finally:
            self._runs.pop(id_, None)


def someone_runs(store: Store, clock: Clock) -> bool:
    """Whether a live screen or worker would take up a requested run."""
    return leases.owner_alive(store, RUNNER_LEASE, clock.now())

"""The evaluator: beside the runner, in the one process that holds its lease, it looks, folds, writes down and sends."""

import asyncio
import contextlib
import traceback
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from perkstar_tui.model.clock import Clock
from perkstar_tui.model.enums import Level
from perkstar_tui.model.errors import CATALOGUE, ErrorKind
from perkstar_tui.model.ids import new_id
from perkstar_tui.store import leases

from ..bench import Bench
from ..reading import LOG
from . import book, sending
from .conditions import conditions
from .facts import see
from .routes import find, rows_of
from .telling import tell

LEASE = "alerts"
LOOK_S = 2.0
"""How often it is looked whether something has changed."""
REST_S = 30.0
"""After how long it is evaluated anew though nothing has: time alone makes things late."""


@dataclass
class Alerter:
    """Finds and tells. `held` is the lease under which everything is written."""

    bench: Bench
    held: leases.Held | None = None
    awake_since: datetime | None = None
    noted: set[str] = field(default_factory=set)

    @property
    def clock(self) -> Clock:
        return self.bench.clock

    async def serve(self, stopping: asyncio.Event) -> None:
        """Work while this process holds the lease, until `stopping` is set."""
        while not stopping.is_set():
            self.held = await asyncio.to_thread(leases.take, self.bench.store, LEASE, self.clock.now())
            if self.held is None:
                await _pause(stopping, LOOK_S)
                continue
            keep = asyncio.create_task(self._keep(self.held))
            try:
                await self._work(stopping, keep)
            except leases.LeaseLostError:
                continue
            except Exception as error:
                # A database that was away for a moment, or a fault of ours: alerts must outlive both.
                await asyncio.to_thread(self._note, "The alerts were not looked at", error)
                await _pause(stopping, REST_S)
            finally:
                keep.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await keep
                with contextlib.suppress(Exception):
                    await asyncio.to_thread(leases.release, self.bench.store, self.held)
                self.held, self.awake_since = None, None

    async def _keep(self, held: leases.Held) -> None:
        """Renew the lease, whatever a mail server takes its time for."""
        while True:
            await asyncio.sleep(leases.LEASE_S / 3)
            await asyncio.to_thread(leases.renew, self.bench.store, held, self.clock.now())

    async def _work(self, stopping: asyncio.Event, keep: "asyncio.Task[None]") -> None:
        seen, rested = -1, 0.0
        while not stopping.is_set() and not keep.done():
            changes = await asyncio.to_thread(self.bench.store.changes)
            if changes != seen or self.clock.monotonic() - rested >= REST_S:
                seen, rested = changes, self.clock.monotonic()
                await asyncio.to_thread(self.look)
            await asyncio.to_thread(self.write_down)
            await self.send()
            await _pause(stopping, LOOK_S)

    # -- the four steps
    def look(self) -> int:
        """Compute what is so now and fold it into the alerts; answers how many of them changed."""
        if self.bench.account_row() is None:
            return 0
        now = self.clock.now()
        self.awake_since = self.awake_since or now
        broken: dict[str, Exception] = {}
        found = conditions(see(self.bench, self.awake_since), broken)
        for kind, error in broken.items():
            self._note(f"Alerts of the kind {kind} cannot be worked out", error)
        with self.bench.store.read() as connection:
            known = book.standing(connection, broken)
        if not book.differs(known, found):
            return 0
        with self.bench.store.write(self._fence) as connection:
            changed = book.fold(connection, found, now, broken)
            book.prune(connection, now)
        return changed

    def _note(self, what: str, error: Exception) -> None:
        """A line in the log with the place of a fault, once for each of them."""
        place = traceback.extract_tb(error.__traceback__)[-1:]
        where = f" at {place[0].filename.rpartition('/')[2]}:{place[0].lineno}" if place else ""
        words = f"{what}: {type(error).__name__}{where}."
        if words in self.noted:
            return
        self.noted.add(words)
        with contextlib.suppress(Exception), self.bench.store.write() as connection:
            connection.execute(
                LOG.insert().values(
                    id=new_id("log"),
                    time=self.clock.now(),
                    level=Level.ERROR.value,
                    code=ErrorKind.INTERNAL.value,
                    message=words,
                    remedy=CATALOGUE[ErrorKind.INTERNAL].remedy,
                )
            )

    def write_down(self, settle: timedelta = sending.SETTLE) -> None:
        """Write the messages that routes are to be sent now."""
        account, now = self.bench.account_row(), self.clock.now()
        if account is None:
            return
        for route in rows_of(self.bench):
            with self.bench.store.read() as connection:
                worth = bool(sending.next_items(connection, route, account, now, settle))
            if worth:
                with self.bench.store.write(self._fence) as connection:
                    sending.write_down(connection, route, account, now, settle)

    async def send(self) -> int:
        """Make the attempts that are due; answers how many messages were taken."""
        now = self.clock.now()
        with self.bench.store.read() as connection:
            waiting = sending.due(connection, now)
        taken = 0
        for one in waiting:
            route = await asyncio.to_thread(find, self.bench, one.route)
            with self.bench.store.write(self._fence) as connection:
                sending.claim(connection, one, self.clock.now())
            threads = [item["alert"] for item in one.about]
            told = await tell(self.bench, route, one.id, one.title, one.body, threads)
            with self.bench.store.write(self._fence) as connection:
                sending.record(
                    connection, one, ok=told.ok, words=told.words, final=told.final, now=self.clock.now()
                )
            taken += told.ok
        return taken

    @property
    def _fence(self) -> tuple[str, int] | None:
        return self.held.fence if self.held is not None else None


async def once(bench: Bench) -> None:
    """Look and tell one time, for `worker --once`; nothing where another process does it."""
    held = await asyncio.to_thread(leases.take, bench.store, LEASE, bench.clock.now())
    if held is None:
        return
    alerter = Alerter(bench, held)
    # Who runs by hand or by cron is awake as often as that: what is late now was not made up by the run before this.
    alerter.awake_since = bench.clock.now() - timedelta(days=1)
    try:
        await asyncio.to_thread(alerter.look)
        await asyncio.to_thread(alerter.write_down, timedelta(0))
        await alerter.send()
    finally:
        await asyncio.to_thread(leases.release, bench.store, held)


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)

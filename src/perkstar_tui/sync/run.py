"""One run: the lease, the legs in order, the counts, and what an error means for the integration's status."""

import asyncio
import contextlib
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, update

from perkstar_tui.model.clock import Clock
from perkstar_tui.model.enums import DataType, Level, Outcome, Status, Trigger
from perkstar_tui.model.errors import CATALOGUE, ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id
from perkstar_tui.platforms.connector import Connector
from perkstar_tui.store import leases
from perkstar_tui.store.database import LeaseLostError, Store

from . import books, comparing, deliveries, filters, inward, loops, outward, planned, rows, sales, telling
from . import cloud as cloud_legs
from .config import RunConfig
from .context import CURSOR, INTEGRATION, RUN, Leg, RunStopped
from .schedule import next_run

SWEEP_FRESH = timedelta(minutes=5)
"""A complete sweep of the cloud younger than this is not repeated (sync design: Who owns what)."""

CHEAP_SWEEP = 5000
"""Customers of an account up to which a sweep is a few calls."""

PROGRAM = "Perkstar"
"""Who paused it, where no person did."""

FAILED_RUNS_FOR_ERROR = 3
RATE_PAUSE_S = 300.0
"""How long a run waits after a limit whose end the vendor does not tell."""


class Workbench:
    """What the engine needs from above: settings compiled for a run, and connectors opened with credentials."""

    def __init__(
        self,
        configure: Callable[[Any], RunConfig],
        connect: Callable[[Any, leases.Held | None], Connector],
        cloud_id: Callable[[], str | None],
    ) -> None:
        self.configure = configure
        self.connect = connect
        self.cloud_id = cloud_id


@dataclass
class Engine:
    """Runs integrations, one run each at a time, on however many machines."""

    store: Store
    bench: Workbench
    clock: Clock

    async def run(
        self,
        integration_id: str,
        trigger: Trigger,
        *,
        full: bool = False,
        accept_mass_change: bool = False,
        plan: str | None = None,
        stop: Callable[[], bool] = lambda: False,
        on_start: Callable[[str], None] = lambda run_id: None,
    ) -> str:
        """Carry out one run and answer its id; the run's row tells how it went. With `plan` it does exactly what that
        kept plan has, and skips what was changed since.

        Raises PerkstarError LOCKED when another run of it is going on, and NOT_ALLOWED for one that is not active.
        """
        held = leases.take(self.store, f"run:{integration_id}", self.clock.now())
        if held is None:
            raise PerkstarError(
                ErrorKind.LOCKED,
                "Another run of this integration is going on.",
                integration_id=integration_id,
            )
        run = _Run(self, integration_id, trigger, held, full, accept_mass_change, stop)
        try:
            row = run.integration()
            self.refuse_inactive(row)
            if plan is not None:
                run.plan = planned.claim(self.store, row, plan, self.clock.now())
                # Its numbers were seen before it was asked for.
                run.accept = True
            run.open(row)
            on_start(run.id)
            await run.carry_out(row)
        finally:
            leases.release(self.store, held)
        return run.id

    @staticmethod
    def refuse_inactive(row: Any) -> None:
        words = {
            Status.DRAFT.value: ("is a draft", "Activate it first."),
            Status.PAUSED.value: ("is paused", "Resume it first (p, or `perkstar resume`)."),
            Status.DISCONNECTED.value: ("is disconnected", "Connect it again."),
            Status.RECONNECT_REQUIRED.value: (
                "needs to be reconnected",
                CATALOGUE[ErrorKind.CREDENTIAL_REFUSED].remedy,
            ),
        }
        if row.status in words:
            what, remedy = words[row.status]
            kind = (
                ErrorKind.CREDENTIAL_REFUSED if row.status == Status.RECONNECT_REQUIRED else ErrorKind.USAGE
            )
            raise PerkstarError(kind, f"{row.name} {what}.", remedy=remedy, integration_id=row.id)


class _Run:
    """The state of one run while it lasts."""

    def __init__(
        self,
        engine: Engine,
        integration_id: str,
        trigger: Trigger,
        held: leases.Held,
        full: bool,
        accept_mass_change: bool,
        stop: Callable[[], bool],
    ) -> None:
        self.engine = engine
        self.store = engine.store
        self.clock = engine.clock
        self.integration_id = integration_id
        self.trigger = trigger
        self.held = held
        self.full = full
        self.accept = accept_mass_change
        self.stop = stop
        self.id = new_id("run")
        self.started = self.clock.now()
        self.leg: Leg | None = None
        self.cloud: Leg | None = None
        self.forbidden: PerkstarError | None = None
        self.plan: planned.Following | None = None
        self.compare: comparing.Compare | None = None
        self._last_stop_check = 0.0
        self._stopped = False

    def integration(self, id_: str | None = None) -> Any:
        with self.store.read() as connection:
            return connection.execute(
                select(INTEGRATION).where(INTEGRATION.c.id == (id_ or self.integration_id))
            ).one()

    def open(self, row: Any) -> None:
        with self.store.write(self.held.fence) as connection:
            # A run that was killed left its row open; whoever holds the lease knows that it is over.
            connection.execute(
                update(RUN)
                .where(RUN.c.integration_id == row.id, RUN.c.ended.is_(None))
                .values(ended=self.started, outcome=Outcome.INTERRUPTED.value)
            )
            connection.execute(
                insert(RUN).values(
                    id=self.id,
                    integration_id=row.id,
                    trigger=self.trigger.value,
                    started=self.started,
                    outcome=Outcome.RUNNING.value,
                    inward={},
                    outward={},
                    api_calls=0,
                    bytes=0,
                    throttled_ms=0,
                    config_version=row.config_version,
                )
            )
            connection.execute(
                update(INTEGRATION)
                .where(INTEGRATION.c.id == row.id)
                .values(
                    running=self.id,
                    requested=None,
                    progress_done=None,
                    progress_total=None,
                    progress_at=self.started,
                    previewed=True,
                )
            )
            if self.plan is not None:
                planned.begin(connection, self.plan.id, self.id)

    def should_stop(self) -> bool:
        """Whether someone asked this run to end: shutdown, or a pause or disconnect by any process."""
        if self.stop():
            return True
        now = self.clock.monotonic()
        if now - self._last_stop_check > 0.25:
            self._last_stop_check = now
            self._stopped = self.integration().status in (Status.PAUSED.value, Status.DISCONNECTED.value)
        return self._stopped

    async def carry_out(self, row: Any) -> None:
        outcome, error = Outcome.SUCCEEDED, None
        keep = asyncio.create_task(self._keep(self.held))
        try:
            self.leg = self._leg(row, self.held)
            self.leg.plan = self.plan
            self.compare = comparing.begin(self.leg, self.trigger, full=self.full)
            await self._with_cloud(self.leg)
            if self.plan is None:
                await self._books_out(self.leg)
            if self.forbidden is not None:
                raise self.forbidden
            if self.compare is not None:
                self.compare.ended(self.leg)
            if self.leg.rejected_anew or (self.cloud and self.cloud.rejected_anew):
                outcome = Outcome.PARTLY
        except (RunStopped, asyncio.CancelledError):
            outcome = Outcome.INTERRUPTED
        except LeaseLostError:
            outcome = Outcome.INTERRUPTED
        except PerkstarError as problem:
            outcome, error = Outcome.FAILED, problem
        except Exception as problem:
            # A fault of ours ends this run with a report, never the program; the text may hold no data of people.
            place = traceback.extract_tb(problem.__traceback__)[-1]
            words = f"{type(problem).__name__} at {place.filename.rpartition('/')[2]}:{place.lineno}"
            outcome, error = Outcome.FAILED, PerkstarError(ErrorKind.INTERNAL, words)
        finally:
            await _ended(keep)
            for leg in (self.leg, self.cloud):
                if leg is not None:
                    with contextlib.suppress(Exception):
                        await leg.connector.close()
        with contextlib.suppress(LeaseLostError):
            self._close(outcome, error)

    def _leg(self, row: Any, held: leases.Held) -> Leg:
        config = self.engine.bench.configure(row)
        connector = self.engine.bench.connect(row, held)
        leg = Leg(
            store=self.store,
            config=config,
            connector=connector,
            clock=self.clock,
            run_id=self.id,
            lease=held,
            started=self.started,
            stop=self.should_stop,
            accept_mass_change=self.accept,
            progress_id=self.integration_id,
        )
        leg.first_run = row.last_success is None
        return leg

    async def _with_cloud(self, leg: Leg) -> None:
        """The four legs: cloud in, platform in, platform out, cloud out; in a local account the middle two."""
        cloud_id = self.engine.bench.cloud_id()
        if leg.config.system:
            await self._cloud_in(leg, force=True)
            await self._cloud_out(leg, None)
            return
        if cloud_id is None:
            await self._platform(leg)
            sales.book_locally(leg)
            return
        await self._under_cloud_lease(cloud_id, lambda cloud: self._cloud_in(cloud, force=False))
        await self._platform(leg)
        await self._under_cloud_lease(cloud_id, lambda cloud: self._cloud_out(cloud, leg))

    async def _under_cloud_lease(self, cloud_id: str, work: Callable[[Leg], Awaitable[None]]) -> None:
        """The cloud is one link shared by all runs: its legs go one after another, each under the cloud's lease."""
        held = leases.take(self.store, f"run:{cloud_id}", self.clock.now())
        while held is None:
            if self.should_stop():
                raise RunStopped
            await self.clock.sleep(0.2)
            held = leases.take(self.store, f"run:{cloud_id}", self.clock.now())
        keep = asyncio.create_task(self._keep(held))
        try:
            if self.cloud is None:
                self.cloud = self._leg(self.integration(cloud_id), held)
            else:
                self.cloud.lease = held
                self.cloud.config = self.engine.bench.configure(self.integration(cloud_id))
            self.cloud._renewed = self.clock.monotonic()
            await work(self.cloud)
            self._note_cloud(None)
        except PerkstarError as error:
            self._note_cloud(error)
            raise
        finally:
            await _ended(keep)
            leases.release(self.store, held)

    async def _keep(self, held: leases.Held) -> None:
        """Renew a lease while its legs work: a single call may wait for a vendor longer than a lease lasts."""
        while True:
            await asyncio.sleep(leases.LEASE_S / 3)
            await asyncio.to_thread(leases.renew, self.store, held, self.clock.now())

    def _note_cloud(self, error: PerkstarError | None) -> None:
        if self.cloud is None:
            return
        values: dict[str, Any] = {
            "last_sync": self.clock.now(),
            "progress_done": None,
            "progress_total": None,
        }
        if error is None:
            values |= {"last_success": self.clock.now(), "status": Status.ACTIVE.value, "status_code": None}
            values |= {"status_reason": "", "failures": 0}
        elif error.kind not in (ErrorKind.MASS_CHANGE,):
            refused = error.kind is ErrorKind.CREDENTIAL_REFUSED
            values["status"] = Status.RECONNECT_REQUIRED.value if refused else Status.ERROR.value
            values |= {"status_code": error.kind.value, "status_reason": error.message}
        with self.store.write() as connection:
            connection.execute(update(INTEGRATION).where(INTEGRATION.c.id == self.cloud.id).values(**values))

    async def _cloud_in(self, cloud: Leg, *, force: bool) -> None:
        unsettled = bool(cloud_legs.open_operations(cloud))
        swept = cloud.cursor("cloud", "sweep")
        fresh = swept is not None and self._age(cloud) < SWEEP_FRESH and not self._asked_cheaply(swept)
        if fresh and not unsettled and not force and not self.full:
            return
        await cloud_legs.read_templates(cloud)
        await inward.read_customers(cloud, full=True)
        await cloud_legs.read_cards(cloud)
        with self.store.write(cloud.lease.fence) as connection:
            seen = cloud.inward.as_dict()["read"]
            cloud.save_cursor(connection, "cloud", "sweep", {"run": self.id, "customers": seen})

    def _asked_cheaply(self, swept: dict[str, Any]) -> bool:
        """A person who asks for a sync expects what was just changed in Perkstar: where a sweep is a few calls, it
        is made again, however young the last one is.
        """
        return self.trigger is Trigger.MANUAL and int(swept.get("customers", 0)) <= CHEAP_SWEEP

    def _age(self, cloud: Leg) -> timedelta:
        with self.store.read() as connection:
            at: datetime | None = connection.execute(
                select(CURSOR.c.at).where(
                    CURSOR.c.integration_id == cloud.id, CURSOR.c.data == "cloud", CURSOR.c.leg == "sweep"
                )
            ).scalar()
        return timedelta.max if at is None else self.clock.now() - at

    async def _cloud_out(self, cloud: Leg, leg: Leg | None) -> None:
        """New customers first, since cards and credits need them; credits before profile edits (sync design)."""
        await outward.send_new(cloud)
        if leg is not None and leg.config.issue_cards != "never" and leg.config.template_id:
            always = leg.config.issue_cards == "always"
            await cloud_legs.issue_cards(cloud, leg.id, leg.config.template_id, always=always)
            sales.settle_pending(leg)
        await cloud_legs.settle_operations(cloud)
        await cloud_legs.send_operations(cloud)
        await outward.send_customers(cloud)

    async def _platform(self, leg: Leg) -> None:
        """The platform's legs. A data type whose permission is missing stops; the others go on (H6)."""
        steps = [self._customers_in, self._sales_in, self._customers_out]
        if self.plan is None:
            steps += [self._moments_out, self._rows_out]
        for step in steps:
            try:
                await step(leg)
            except PerkstarError as error:
                if error.kind is not ErrorKind.PERMISSION_MISSING:
                    raise
                self.forbidden = self.forbidden or error

    async def _customers_in(self, leg: Leg) -> None:
        wanted = DataType.CUSTOMERS in leg.config.data
        if leg.follows:
            if wanted:
                await inward.read_customers(leg, full=False)
            return
        loops.let_go(leg)
        await inward.handle_events(leg, customers=wanted)
        if wanted:
            await outward.wait_for_search(leg)
            due = await outward.retry_unanswered(leg)
            await inward.read_customers(leg, full=self.full)
            if self.compare is not None:
                await self.compare.read_customers(leg)
            clear = [*await inward.rematch_held(leg), *filters.met(leg)]
            await inward.retry_due(leg, dict.fromkeys([*due, *clear]))
            loops.watch(leg)

    async def _sales_in(self, leg: Leg) -> None:
        if (
            (leg.config.rows is None or leg.config.rows.deliver)
            and DataType.TRANSACTIONS in leg.config.data
            and leg.config.direction.inward
        ):
            await sales.read_sales(leg, full=self.full)
            if self.compare is not None:
                await self.compare.read_sales(leg)

    async def _customers_out(self, leg: Leg) -> None:
        delivered = leg.config.rows is not None and leg.config.rows.deliver
        if DataType.CUSTOMERS in leg.config.data and leg.config.direction.outward and not delivered:
            await outward.send_customers(leg)

    async def _moments_out(self, leg: Leg) -> None:
        wanted = DataType.CUSTOMERS in leg.config.data and leg.config.direction.outward
        if wanted and leg.config.events is not None:
            await telling.send_moments(leg, leg.config.events)

    async def _rows_out(self, leg: Leg) -> None:
        if leg.config.rows is not None and leg.config.rows.deliver:
            if leg.config.direction.outward:
                await deliveries.send_deliveries(leg, leg.config.rows)
            return
        wanted = DataType.TRANSACTIONS in leg.config.data and leg.config.direction.outward
        if wanted and leg.config.rows is not None:
            await rows.send_rows(leg, leg.config.rows, full=self.full)

    async def _books_out(self, leg: Leg) -> None:
        """Last, since only then the ledger has what this run credited, and nothing waits for what is wrong here."""
        try:
            await books.keep_books(leg)
        except PerkstarError as error:
            # What a data type lacks was found first.
            raise self.forbidden or error from None

    def _close(self, outcome: Outcome, error: PerkstarError | None) -> None:
        now = self.clock.now()
        row = self.integration()
        traffic = [leg.connector.traffic for leg in (self.leg, self.cloud) if leg is not None]
        cloud = None
        if self.cloud is not None:
            cloud = {"inward": self.cloud.inward.as_dict(), "outward": self.cloud.outward.as_dict()}
        problem = None
        if error is not None:
            problem = {
                "code": error.kind.value,
                "message": error.message,
                "remedy": error.remedy,
                "integration_id": self.integration_id,
            }
        with self.store.write(self.held.fence) as connection:
            more = planned.close(connection, self.leg, self.plan) if self.plan is not None else None
            if self.compare is not None:
                more = {"full_compare": self.compare.told()}
            connection.execute(
                update(RUN)
                .where(RUN.c.id == self.id)
                .values(
                    more=more,
                    ended=now,
                    outcome=outcome.value,
                    inward=self.leg.inward.as_dict() if self.leg else {},
                    outward=self.leg.outward.as_dict() if self.leg else {},
                    cloud=cloud,
                    api_calls=sum(t.api_calls for t in traffic),
                    bytes=sum(t.bytes for t in traffic),
                    throttled_ms=sum(t.throttled_ms for t in traffic),
                    error=problem,
                )
            )
            values = self._status_after(row, outcome, error, now)
            connection.execute(update(INTEGRATION).where(INTEGRATION.c.id == row.id).values(**values))
            if error is not None and self.leg is not None:
                self.leg.log(connection, Level.ERROR, error.kind, error.message, error=error)
            elif error is not None:
                _log_plain(connection, self, error, now)

    def _status_after(
        self, row: Any, outcome: Outcome, error: PerkstarError | None, now: datetime
    ) -> dict[str, Any]:
        """The integration's new status by the error's policy (H6). Paused outranks everything on the screen."""
        values: dict[str, Any] = {
            "running": None,
            "last_sync": now,
            "progress_done": None,
            "progress_total": None,
        }
        values["next_run_at"] = next_run(row.config.get("frequency", "manual"), row.id, now, self._zone())
        if outcome in (Outcome.SUCCEEDED, Outcome.PARTLY):
            values |= {"last_success": now, "failures": 0, "failing_since": None, "status_code": None}
            values["status_reason"] = ""
            if row.status == Status.ERROR.value:
                values["status"] = Status.ACTIVE.value
        elif error is not None and error.kind is ErrorKind.RATE_LIMITED:
            # A limit that is used up is a state, not an error: go on when the vendor lets us (sync design: Guards).
            again = now + timedelta(seconds=error.retry_after_s or RATE_PAUSE_S)
            values |= {"next_run_at": again, "status_code": error.kind.value}
            values["status_reason"] = (
                f"Waits for quota until {again.astimezone(ZoneInfo(self._zone())):%H:%M}."
            )
        elif error is not None and error.kind is ErrorKind.LOOP:
            # Each further run would only write the same again.
            values |= {"status": Status.PAUSED.value, "status_code": error.kind.value, "paused_by": PROGRAM}
            values |= {"status_reason": error.message, "next_run_at": None}
        elif error is not None and error.kind in _OURS:
            values["status_reason"] = row.status_reason
        elif outcome is Outcome.FAILED and error is not None:
            failures = row.failures + 1
            values |= {"failures": failures, "status_code": error.kind.value, "status_reason": error.message}
            values["failing_since"] = row.failing_since or now
            bad = _status_for(error.kind, failures)
            if bad is not None and row.status in (Status.ACTIVE.value, Status.ERROR.value):
                values["status"] = bad.value
            if bad is Status.RECONNECT_REQUIRED:
                values["next_run_at"] = None
        if self.leg is not None and self.leg.wake_at is not None and values["next_run_at"] is not None:
            values["next_run_at"] = min(values["next_run_at"], max(now, self.leg.wake_at))
        if row.status in (Status.PAUSED.value, Status.DISCONNECTED.value):
            values["next_run_at"] = None
        return values

    def _zone(self) -> str:
        return self.leg.config.zone if self.leg else "UTC"


_OURS = (
    ErrorKind.USAGE,
    ErrorKind.NOT_ALLOWED,
    ErrorKind.LOCKED,
    ErrorKind.STORE_UNAVAILABLE,
    ErrorKind.STORE_DAMAGED,
)
"""Kinds that speak of how this process was set up and not of the integration: they leave its status alone."""


def _status_for(kind: ErrorKind, failures: int) -> Status | None:
    if kind is ErrorKind.CREDENTIAL_REFUSED:
        return Status.RECONNECT_REQUIRED
    if kind in (ErrorKind.SERVICE_UNAVAILABLE, ErrorKind.NETWORK):
        return Status.ERROR if failures >= FAILED_RUNS_FOR_ERROR else None
    return Status.ERROR


def _log_plain(connection: Any, run: _Run, error: PerkstarError, now: datetime) -> None:
    from .context import LOG

    connection.execute(
        insert(LOG).values(
            id=new_id("log"),
            time=now,
            level=Level.ERROR.value,
            code=error.kind.value,
            message=error.message,
            remedy=error.remedy,
            integration_id=run.integration_id,
            run_id=run.id,
        )
    )


async def _ended(task: "asyncio.Task[None]") -> None:
    """End a task beside the run; a lease that it lost meanwhile is noticed by the fence of the next transaction."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, LeaseLostError):
        await task

"""What the legs of one run share: store, connector, counts, log, and the checks between pages."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, func, insert, select, update

from perkstar_tui.model.clock import Clock
from perkstar_tui.model.enums import Level, LinkState
from perkstar_tui.model.errors import CATALOGUE, ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id
from perkstar_tui.model.remote import Value
from perkstar_tui.platforms.connector import Connector
from perkstar_tui.store import leases
from perkstar_tui.store import tables as t
from perkstar_tui.store.database import Store

from .config import RunConfig

if TYPE_CHECKING:
    from .newcomers import Newcomers
    from .planned import Plan

LINK = t.RecordLink
CUSTOMER = t.Customer
CARD = t.Card
TRANSACTION = t.Transaction
CURSOR = t.Cursor
INTEGRATION = t.Integration
RUN = t.SyncRun
LOG = t.LogLine
INTENT = t.Intent
EVENT = t.InboundEvent
CONFLICT = t.Conflict
SENT = t.SentRow
DELIVERY = t.Delivery
TOLD = t.ToldMoment
PAIR = t.DuplicatePair
MERGE = t.MergeRecord

PROGRESS_S = 0.2

MASS_SHARE = 0.20
MASS_LEAST = 50


class RunStopped(Exception):
    """The run was asked to end at a safe point: pause, disconnect or shutdown."""


@dataclass
class Counts:
    """Counts of one leg and direction; they add up: read is the sum of the rest."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    excluded: int = 0
    held: int = 0
    failed: int = 0

    def as_dict(self) -> dict[str, int]:
        parts = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {"read": sum(parts.values()), **parts}


@dataclass
class Leg:
    """One integration's side of a run: the platform's, or the cloud's."""

    store: Store
    config: RunConfig
    connector: Connector
    clock: Clock
    run_id: str
    lease: leases.Held
    started: datetime
    stop: Callable[[], bool]
    accept_mass_change: bool = False
    inward: Counts = field(default_factory=Counts)
    outward: Counts = field(default_factory=Counts)
    rejected_anew: int = 0
    made: set[str] = field(default_factory=set)
    """Customers created at the platform before the cursor came to them; counted once it does."""
    left_out: list[tuple[str, int | None, LinkState, str, str | None]] = field(default_factory=list)
    """Customers not sent, with link, state, reason and code, until the cursor's next transaction keeps them."""
    wake_at: datetime | None = None
    """When this integration has something to do again, whatever its schedule says."""
    first_run: bool = False
    plan: "Plan | None" = None
    """What a rehearsal notes its records in, or what a run carries out; a usual run has none."""
    _renewed: float = 0.0
    _older_links: int | None = None
    progress_id: str = ""
    newcomers: "Newcomers | None" = None
    """Whom a read that began without any link knows by now; of all others nothing need be looked for."""
    _shown: float = 0.0
    _paced: bool = False

    @property
    def id(self) -> str:
        return self.config.integration_id

    @property
    def follows(self) -> bool:
        """Whether this carries a kept plan out: nothing else is touched, and no cursor moves."""
        return self.plan is not None and self.plan.follows

    async def pause_point(self) -> None:
        """Between pages: let others work, keep the lease, and end the run when that was asked for."""
        await asyncio.sleep(0)
        if self.stop():
            raise RunStopped
        if self.clock.monotonic() - self._renewed > leases.LEASE_S / 3:
            leases.renew(self.store, self.lease, self.clock.now())
            self._renewed = self.clock.monotonic()

    def cursor(self, data: str, leg: str) -> dict[str, Any] | None:
        with self.store.read() as connection:
            row = connection.execute(
                select(CURSOR.c.value).where(
                    CURSOR.c.integration_id == self.id, CURSOR.c.data == data, CURSOR.c.leg == leg
                )
            ).first()
        return row[0] if row else None

    def save_cursor(self, connection: Connection, data: str, leg: str, value: dict[str, Any]) -> None:
        if self.follows:
            return
        key = (CURSOR.c.integration_id == self.id) & (CURSOR.c.data == data) & (CURSOR.c.leg == leg)
        values = {"value": value, "at": self.clock.now()}
        if not connection.execute(update(CURSOR).where(key).values(**values)).rowcount:
            connection.execute(insert(CURSOR).values(integration_id=self.id, data=data, leg=leg, **values))
        # A page is done: whoever watches the run sees that it moves.
        moved = update(INTEGRATION).where(INTEGRATION.c.id == (self.progress_id or self.id))
        connection.execute(moved.values(progress_at=self.clock.now()))

    def any_link(self) -> bool:
        """Whether anything at this platform is known at all."""
        with self.store.read() as connection:
            found = connection.execute(select(LINK.c.id).where(LINK.c.integration_id == self.id).limit(1))
            return found.first() is not None

    def progress(self, connection: Connection, done: int, total: int | None) -> None:
        """Say how far it is, not more often than a person can read."""
        now = self.clock.monotonic()
        if now - self._shown < PROGRESS_S and done != total:
            return
        self._shown = now
        connection.execute(
            update(INTEGRATION)
            .where(INTEGRATION.c.id == (self.progress_id or self.id))
            .values(progress_done=done, progress_total=total, progress_at=self.clock.now())
        )
        if not self._paced and total and self.plan is None:
            # From here on its pace is measured: each leg has its own.
            self._paced = True
            pace = {"from": done, "since_ms": round(self.clock.now().timestamp() * 1000)}
            connection.execute(update(RUN).where(RUN.c.id == self.run_id).values(more={"pace": pace}))

    def older_links(self) -> int:
        """How many links are older than this run: the measure of a mass change."""
        if self._older_links is None:
            with self.store.read() as connection:
                self._older_links = connection.execute(
                    select(func.count())
                    .select_from(LINK)
                    .where(
                        LINK.c.integration_id == self.id,
                        LINK.c.state == "linked",
                        func.coalesce(LINK.c.last_received, LINK.c.last_sent) < self.started,
                    )
                ).scalar_one()
        return self._older_links

    def guard(self, changes: int, words: str) -> None:
        """Stop before a mass change (sync design: Guards). Raises PerkstarError MASS_CHANGE."""
        if changes <= MASS_LEAST * MASS_SHARE:
            # Too few for any measure: the links, of which there may be a million, are not counted.
            return
        older = self.older_links()
        # A first sync that was cut off goes on as the first sync it is.
        if self.accept_mass_change or self.first_run or older < MASS_LEAST or changes <= older * MASS_SHARE:
            return
        raise PerkstarError(
            ErrorKind.MASS_CHANGE,
            f"This run would {words} {changes} of {older} records ({changes / older:.0%}); the limit is "
            f"{MASS_SHARE:.0%}.",
            integration_id=self.id,
        )

    def log(
        self,
        connection: Connection,
        level: Level,
        code: ErrorKind | str,
        message: str,
        *,
        remedy: str | None = None,
        record: str | None = None,
        record_name: str | None = None,
        error: PerkstarError | None = None,
        field_name: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        connection.execute(
            insert(LOG).values(
                **self.entry(level, code, message, remedy, record, record_name, error, field_name, details)
            )
        )

    def entry(
        self,
        level: Level,
        code: ErrorKind | str,
        message: str,
        remedy: str | None = None,
        record: str | None = None,
        record_name: str | None = None,
        error: PerkstarError | None = None,
        field_name: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """A line of the error log as a row, for whoever writes many at once."""
        if remedy is None:
            remedy = error.remedy if error else CATALOGUE[ErrorKind(code)].remedy if code in CATALOGUE else ""
        return {
            "id": new_id("log"),
            "time": self.clock.now(),
            "level": level.value,
            "code": str(code),
            "message": message,
            "remedy": remedy,
            "integration_id": self.id,
            "run_id": self.run_id,
            "record": record,
            "record_name": record_name,
            "field": field_name or (error.field if error else None),
            "request": error.request if error else None,
            "vendor_message": error.vendor_words if error else None,
            "vendor_request_id": error.vendor_request_id if error else None,
            "details": details,
        }


def drop_placeholders(connection: Connection, integration_id: str, hub_ids: list[str]) -> None:
    """Forget why customers were not sent, now that each has a record there."""
    for start in range(0, len(hub_ids), 500):
        connection.execute(
            delete(LINK).where(
                LINK.c.integration_id == integration_id,
                LINK.c.hub_id.in_(hub_ids[start : start + 500]),
                LINK.c.remote_id.is_(None),
            )
        )


def name_of(row: Any) -> str:
    """A person's name for the log table: what is filled of name, e-mail and phone, in that order."""

    def get(key: str) -> Any:
        return row.get(key) if isinstance(row, dict) else getattr(row, key, None)

    name = " ".join(str(part) for part in (get("first_name"), get("last_name")) if part)
    return name or str(get("email") or get("phone") or "")


def next_attempt(now: datetime, attempts: int) -> datetime:
    """When a rejected record is tried again by itself: an hour, doubling up to a day."""
    return now + timedelta(hours=min(24, 2 ** max(0, attempts - 1)))


def shown(value: Value) -> str:
    return "" if value is None else str(value)

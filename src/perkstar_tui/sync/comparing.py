"""The full compare: by itself, once a night, everything is held against the platform once more.

A run reads what the platform says has changed. What it never says (a record that was committed late behind the cursor,
a webhook that was lost, a deletion) is missed by every such run, and stays so. So a scheduled run in the quiet hours
reads all customers once more after its usual work, and the sales of the last day: what it finds then nobody had told
of. It writes only what differs, and says how many were missed.

It begins at most once a night, however it ends: a read that a quota cuts off each time does not come back each time.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from perkstar_tui.model.enums import DataType, Level, Trigger
from perkstar_tui.model.remote import Page
from perkstar_tui.store.database import ms

from . import inward, sales
from .context import LINK, RUN, TRANSACTION, Leg
from .schedule import spread

OPTION = "full_compare"
CHOICES = ("nightly", "weekly", "never")
DATA = DataType.CUSTOMERS.value
MARK, DAY_BEFORE = "compared", "compared_from"
"""Cursors: when a full compare last began, and where the sales' cursor stood then."""

QUIET_FROM, QUIET_LASTS, QUIET_SPREAD = 60, 180, 180
"""The quiet hours, in minutes after midnight of the account's zone: three hours that begin between one and four."""

AGES = {
    "nightly": (timedelta(hours=10), timedelta(hours=30)),
    "weekly": (timedelta(days=6.5), timedelta(days=8)),
}
"""How old the last one is at least in the quiet hours, and at any other time: on a computer that is off at night."""

YOUNG = timedelta(minutes=5)
"""What changed there so shortly before the run, or while it reads, the next run is told of: it is not missed."""


def is_quiet(now: datetime, integration_id: str, zone: str) -> bool:
    """Whether these are the quiet hours of an integration."""
    local = now.astimezone(ZoneInfo(zone))
    minute = local.hour * 60 + local.minute
    return 0 <= minute - QUIET_FROM - spread(integration_id, QUIET_SPREAD) < QUIET_LASTS


def is_due(often: str, last: datetime, now: datetime, integration_id: str, zone: str) -> bool:
    """Whether a full compare is due at a scheduled run, when the last one began so long ago."""
    if often not in AGES:
        return False
    quiet, always = AGES[often]
    age = now - last
    # A clock that was a day ahead when it began must not keep it away for ever.
    return age >= always or age < -quiet or (age >= quiet and is_quiet(now, integration_id, zone))


@dataclass
class Compare:
    """One full compare: what was looked at, and the ids of what had been missed."""

    looked: int = 0
    customers: set[str] = field(default_factory=set)
    sales: set[str] = field(default_factory=set)
    done: bool = False

    async def read_customers(self, leg: Leg) -> None:
        """After the usual read: all of them once more, which also shows who is gone."""
        if DataType.CUSTOMERS not in leg.config.by_change:
            return
        young: set[str] = set()
        begun = leg.clock.now()
        pages = leg.connector.read(DataType.CUSTOMERS, None, full=True)
        await inward.read_customers(leg, full=True, pages=self._watched(leg, pages, young))
        with leg.store.read() as connection:
            rows = connection.execute(
                select(LINK.c.remote_id).where(
                    LINK.c.integration_id == leg.id, LINK.c.data == DATA, LINK.c.last_received >= begun
                )
            )
            self.customers = {row.remote_id for row in rows} - young

    async def read_sales(self, leg: Leg) -> None:
        """After the usual read: those since the last compare once more, from where the cursor stood then."""
        if DataType.TRANSACTIONS not in leg.config.by_change:
            return
        here = leg.cursor(sales.DATA, "in")
        before = (leg.cursor(sales.DATA, DAY_BEFORE) or {}).get("cursor")
        if before is not None and before != here:
            with leg.store.write(leg.lease.fence) as connection:
                revision = leg.store.next_revisions(connection, 1)
            young: set[str] = set()
            pages = leg.connector.read(DataType.TRANSACTIONS, before)
            await sales.read_sales(leg, full=False, pages=self._watched(leg, pages, young))
            with leg.store.read() as connection:
                rows = connection.execute(
                    select(TRANSACTION.c.remote_id).where(
                        TRANSACTION.c.revision > revision, TRANSACTION.c.integration_id == leg.id
                    )
                )
                self.sales = {row.remote_id for row in rows} - young
        if here is not None:
            with leg.store.write(leg.lease.fence) as connection:
                leg.save_cursor(connection, sales.DATA, DAY_BEFORE, {"cursor": here})

    def ended(self, leg: Leg) -> None:
        """Say what came of it in the log of the integration."""
        self.done = True
        missed = len(self.customers) + len(self.sales)
        found = (
            f"{missed:,} of them had changed, come or gone without {leg.config.title} having told of it, "
            f"and {'is' if missed == 1 else 'are'} put right"
            if missed
            else "none had been missed"
        )
        with leg.store.write(leg.lease.fence) as connection:
            leg.log(
                connection,
                Level.WARNING if missed else Level.INFO,
                OPTION,
                f"Full compare: {self.looked:,} records looked at, {found}.",
                remedy="",
                details=self.told(),
            )

    def told(self) -> dict[str, Any]:
        """What the run's row keeps of it."""
        return {
            "looked_at": self.looked,
            "missed": len(self.customers) + len(self.sales),
            "done": self.done,
        }

    async def _watched(self, leg: Leg, pages: AsyncIterator[Page], young: set[str]) -> AsyncIterator[Page]:
        limit = leg.started - YOUNG
        async for page in pages:
            self.looked += len(page.records) + len(page.sales) + len(page.refunds)
            young.update(r.id for r in page.records if r.changed_at is not None and r.changed_at >= limit)
            young.update(sale.id for sale in page.sales if sale.changed_at >= limit)
            young.update(refund.id for refund in page.refunds if refund.at >= limit)
            yield page


def begin(leg: Leg, trigger: Trigger, *, full: bool) -> Compare | None:
    """The full compare of a run, if one is due; that it has begun is kept at once."""
    often = leg.config.full_compare
    if leg.plan is not None or not leg.config.by_change or often not in AGES:
        return None
    now = leg.clock.now()
    mark = leg.cursor(DATA, MARK)
    last = None if mark is None else datetime.fromtimestamp(mark["at_ms"] / 1000, now.tzinfo)
    wanted = trigger is Trigger.SCHEDULE and not full
    due = wanted and last is not None and is_due(often, last, now, leg.id, leg.config.zone)
    if not due and not full and last is not None:
        return None
    # A first sync and one by hand with `--full` read everything anyway: the time counts from them.
    with leg.store.write(leg.lease.fence) as connection:
        leg.save_cursor(connection, DATA, MARK, {"at_ms": ms(now)})
        if due:
            named = update(RUN).where(RUN.c.id == leg.run_id)
            connection.execute(named.values(trigger=Trigger.FULL_COMPARE.value))
    return Compare() if due else None

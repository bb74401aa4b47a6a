"""What is worth an alert: a registry of checks, each a pure function from facts of the store to conditions.

A check never quotes a vendor or a record: what it says leaves the house by mail and webhook, so it is made of counts,
codes, ids and the names that the admin gave. `register` adds a kind; `more` of the facts is what its gatherer found.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from perkstar_tui.model.enums import Status
from perkstar_tui.model.errors import CATALOGUE, ErrorKind
from perkstar_tui.sync.schedule import period

from .limits import Limits

NOTICE, WARNING, CRITICAL = LEVELS = ("notice", "warning", "critical")


@dataclass(frozen=True, slots=True)
class Standing:
    """An integration (or the cloud's link) as the checks see it. `credential_expires` is None if it renews itself."""

    id: str
    name: str
    title: str
    status: str
    frequency: str
    system: bool = False
    begun: bool = True
    code: str = ""
    failures: int = 0
    failing_since: datetime | None = None
    activated_at: datetime | None = None
    last_sync: datetime | None = None
    last_success: datetime | None = None
    waits_until: datetime | None = None
    run_started: datetime | None = None
    """When the run that goes on began; None if none does."""
    moved_at: datetime | None = None
    done: int | None = None
    total: int | None = None
    held: int = 0
    held_since: datetime | None = None
    dead: int = 0
    dead_since: datetime | None = None
    duplicates: int = 0
    credential_expires: datetime | None = None

    @property
    def live(self) -> bool:
        return self.status in (Status.ACTIVE, Status.ERROR)


@dataclass(frozen=True, slots=True)
class RouteState:
    """A route whose messages do not arrive."""

    name: str
    failures: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """What a check is given. `awake_since` is when somebody began to run what is due: nothing is late before that."""

    now: datetime
    awake_since: datetime
    limits: Limits
    integrations: tuple[Standing, ...] = ()
    routes: tuple[RouteState, ...] = ()
    customers: int = 0
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is so now. One alert stands for it, known by kind and subject, for as long as it is so.

    `since` and `last` come from the store and not from the clock, so that nothing changes while nothing happens.
    """

    kind: str
    subject: str
    name: str
    level: str
    message: str
    remedy: str
    since: datetime
    last: datetime
    count: int = 1
    key: str = ""
    command: str = ""
    code: str = ""
    integration_id: str | None = None


Check = Callable[[Seen], Iterable[Condition]]
Gather = Callable[[Any], Any]
"""Reads what a check needs beyond the common facts; it is given the hub's bench."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of alert: its name in commands, its words, its check, and what it wants read."""

    name: str
    title: str
    check: Check
    gather: Gather | None = None


KINDS: dict[str, Kind] = {}


def register(name: str, title: str, gather: Gather | None = None) -> Callable[[Check], Check]:
    """Put a kind into the registry: `@register("duplicates", "New duplicates", find)` over its check."""

    def put(check: Check) -> Check:
        KINDS[name] = Kind(name, title, check, gather)
        return check

    return put


def conditions(seen: Seen, broken: dict[str, Exception] | None = None) -> list[Condition]:
    """All that is so now, in the registry's order.

    With `broken`, a check that raises keeps none of the others from theirs: it is put in there. What could not be
    gathered for a kind is in `more` as the exception that it met.
    """
    found: list[Condition] = []
    for kind in KINDS.values():
        try:
            missed = seen.more.get(kind.name)
            if isinstance(missed, Exception):
                raise missed
            found += kind.check(seen)
        except Exception as error:
            if broken is None:
                raise
            broken[kind.name] = error
    return found


# -- the kinds -------------------------------------------------------------------------------------------------


@register("reconnect", "Reconnect required")
def _reconnect(seen: Seen) -> Iterable[Condition]:
    for one in seen.integrations:
        if one.status == Status.RECONNECT_REQUIRED:
            since = one.failing_since or one.last_sync or seen.awake_since
            yield _of(
                one,
                "reconnect",
                CRITICAL,
                f"{one.name} must be reconnected: {one.title} refuses the credential. "
                "Nothing is read or sent until then.",
                "Give it a new credential; it goes on where it stood.",
                since,
                one.last_sync or since,
                max(1, one.failures),
                "K" if one.system else "R",
                "perkstar login --api-key-stdin" if one.system else f"perkstar reconnect {one.id}",
                ErrorKind.CREDENTIAL_REFUSED.value,
            )


_DECISIONS = (ErrorKind.MASS_CHANGE, ErrorKind.ACCOUNT_CHANGED)


@register("error", "In error")
def _error(seen: Seen) -> Iterable[Condition]:
    for one in seen.integrations:
        if one.status == Status.ERROR and one.code not in _DECISIONS:
            since = one.failing_since or one.last_sync or seen.awake_since
            facts = CATALOGUE.get(ErrorKind(one.code)) if one.code in CATALOGUE else None
            yield _of(
                one,
                "error",
                CRITICAL,
                f"{one.name} is in error. {facts.meaning if facts else 'Its last runs failed.'}",
                facts.remedy if facts else "Look at the log.",
                since,
                one.last_sync or since,
                max(1, one.failures),
                "l",
                "perkstar doctor" if one.system else f"perkstar logs {one.id}",
                one.code,
            )


@register("decision", "Waits for a decision")
def _decision(seen: Seen) -> Iterable[Condition]:
    for one in seen.integrations:
        stopped = one.status == Status.ERROR and one.code in _DECISIONS
        if stopped or (one.status == Status.PAUSED and one.code == ErrorKind.LOOP):
            since = one.failing_since or one.last_sync or seen.awake_since
            what, key, command = {
                ErrorKind.MASS_CHANGE: (
                    "its run would change unusually many records", "s", f"perkstar preview {one.id}"
                ),
                ErrorKind.LOOP: (
                    f"many records go back and forth between it and {one.title}, so it is paused", "!",
                    f"perkstar queue {one.id}",
                ),
                ErrorKind.ACCOUNT_CHANGED: (
                    f"its credential belongs to another account at {one.title}", "R",
                    f"perkstar reconnect {one.id}",
                ),
            }[ErrorKind(one.code)]  # fmt: skip
            yield _of(
                one,
                "decision",
                CRITICAL,
                f"{one.name} waits for a decision: {what}. Nothing is changed until then.",
                CATALOGUE[ErrorKind(one.code)].remedy,
                since,
                one.last_sync or since,
                max(1, one.failures),
                key,
                command,
                one.code,
            )


def _due_by(one: Standing, seen: Seen) -> datetime | None:
    """Until when its next good sync is in time; None where it is never late."""
    expected = period(one.frequency)
    since = one.last_success or one.activated_at
    if expected is None or since is None:
        return None
    return since + expected * seen.limits.late_periods


@register("quota", "Quota makes it miss its window")
def _quota(seen: Seen) -> Iterable[Condition]:
    for one in seen.integrations:
        due = _due_by(one, seen)
        waits = (
            one.waits_until is not None and one.waits_until > seen.now and one.code == ErrorKind.RATE_LIMITED
        )
        if one.live and due is not None and waits and one.waits_until is not None and one.waits_until > due:
            last = one.last_sync or due
            yield _of(
                one,
                "quota",
                WARNING,
                f"{one.name} waits for {one.title}'s quota and will miss its window.",
                "Sync less often, or ask for a larger quota. It goes on by itself.",
                last,
                last,
                1,
                "e",
                f"perkstar health {one.id}",
                ErrorKind.RATE_LIMITED.value,
            )


def stands_still(one: Standing, seen: Seen) -> bool:
    """Whether a run goes on that has finished no page for too long (users' table, row 11)."""
    moved = max((at for at in (one.moved_at, one.run_started) if at is not None), default=None)
    return one.run_started is not None and moved is not None and seen.now - moved >= seen.limits.stalled


@register("stalled", "A run stands still")
def _stalled(seen: Seen) -> Iterable[Condition]:
    for one in seen.integrations:
        if one.live and stands_still(one, seen) and one.run_started is not None:
            moved = max(at for at in (one.moved_at, one.run_started) if at is not None)
            of = f" at {one.done:,} of {one.total:,} records" if one.done is not None and one.total else ""
            which = "first sync" if one.last_success is None else "sync"
            yield _of(
                one,
                "stalled",
                WARNING,
                f"The {which} of {one.name} has stood still{of}: "
                f"no page was finished for {_minutes(seen.limits.stalled)}.",
                "Look at what it waits for in the log; pause and resume it to begin the page again.",
                moved,
                moved,
                1,
                "l",
                f"perkstar logs {one.id}",
            )


@register("stale", "Later than it should be")
def _stale(seen: Seen) -> Iterable[Condition]:
    for one in seen.integrations:
        expected, due = period(one.frequency), _due_by(one, seen)
        if one.status != Status.ACTIVE or expected is None or due is None or one.system or not one.begun:
            continue
        # What was missed while nobody ran anything is made up first; what runs or waits has an alert of its own.
        rested = seen.now - seen.awake_since < min(expected, timedelta(minutes=15))
        if seen.now <= due or rested or one.run_started is not None or one.code == ErrorKind.RATE_LIMITED:
            continue
        last = one.last_success
        yield _of(
            one,
            "stale",
            WARNING,
            f"{one.name} is late: "
            + ("it has never finished a sync." if last is None else "its last good sync is too old."),
            "Sync it now, or look at the log for what keeps it from it.",
            due,
            due,
            1,
            "s",
            f"perkstar sync {one.id}",
        )


@register("held", "Records wait for a person")
def _held(seen: Seen) -> Iterable[Condition]:
    for one in seen.integrations:
        if one.live and seen.limits.held and one.held >= seen.limits.held:
            since = one.held_since or one.last_sync or seen.awake_since
            yield _of(
                one,
                "held",
                WARNING,
                f"{one.held:,} records of {one.name} are held or refused and wait for a person.",
                "Settle them in the queue, one by one or all that wait for the same reason.",
                since,
                since,
                one.held,
                "Q",
                f"perkstar queue {one.id}",
            )


def _open_pairs(bench: Any) -> Any:
    from perkstar_tui.sync.doubles import open_since

    return open_since(bench.store)


@register("pairs", "Customers that may be one person", gather=_open_pairs)
def _pairs(seen: Seen) -> Iterable[Condition]:
    count, first, last = seen.more.get("pairs") or (0, seen.now, seen.now)
    if count and seen.limits.duplicates and count >= seen.limits.duplicates:
        pairs = "pair of customers" if count == 1 else "pairs of customers"
        yield Condition(
            "pairs",
            "account",
            "Customers",
            NOTICE,
            f"{count:,} {pairs} may be one person.",
            "Look at them side by side, and merge those that are one.",
            first,
            last,
            count,
            "=",
            "perkstar customers duplicates",
        )


@register("duplicates", "New duplicates")
def _duplicates(seen: Seen) -> Iterable[Condition]:
    for one in seen.integrations:
        told = seen.limits.held and one.held >= seen.limits.held
        # Where so many wait that all of them are told, these are among them.
        if one.live and not told and seen.limits.duplicates and one.duplicates >= seen.limits.duplicates:
            since = one.last_sync or seen.awake_since
            noun = "record" if one.duplicates == 1 else "records"
            yield _of(
                one,
                "duplicates",
                NOTICE,
                f"{one.name} has {one.duplicates:,} {noun} that could be the same person as another.",
                "Look at them side by side; nothing is merged by itself.",
                since,
                since,
                one.duplicates,
                "Q",
                f"perkstar queue {one.id}",
                ErrorKind.DUPLICATE.value,
            )


@register("deliveries", "Deliveries given up")
def _deliveries(seen: Seen) -> Iterable[Condition]:
    for one in seen.integrations:
        if one.live and one.dead:
            since = one.dead_since or one.last_sync or seen.awake_since
            were = "delivery was" if one.dead == 1 else "deliveries were"
            yield _of(
                one,
                "deliveries",
                WARNING,
                f"{one.dead:,} {were} given up: the endpoint of {one.name} did not take them.",
                "Mend the endpoint, then tell them again.",
                since,
                since,
                one.dead,
                "!",
                f"perkstar webhooks redeliver {one.id} --dead",
            )


@register("credential", "A credential is about to end")
def _credential(seen: Seen) -> Iterable[Condition]:
    for one in seen.integrations:
        ends = one.credential_expires
        if ends is None or one.status in (Status.DRAFT, Status.DISCONNECTED, Status.RECONNECT_REQUIRED):
            continue
        left = ends - seen.now
        # The narrowest of the steps that it has come below; each next one is told anew, since its level rises.
        passed = [
            number for number, days in enumerate(seen.limits.credential_days) if left <= timedelta(days=days)
        ]
        if not passed:
            continue
        step = passed[-1]
        days = seen.limits.credential_days[step]
        level = LEVELS[min(step, 2)] if left > timedelta(0) else CRITICAL
        when = (
            f"within {days} day{'' if days == 1 else 's'}" if left > timedelta(0) else "now: its time is over"
        )
        since = ends - timedelta(days=days)
        yield _of(
            one,
            "credential",
            level,
            f"The credential of {one.name} ends {when} ({ends:%d %b %Y}).",
            f"Make a new one at {one.title} and reconnect; nothing stops meanwhile.",
            since,
            since,
            1,
            "R",
            f"perkstar reconnect {one.id}",
        )


@register("customers", "Customer limit near")
def _customers(seen: Seen) -> Iterable[Condition]:
    limit, share = seen.limits.customer_limit, seen.limits.customer_share
    if limit and seen.customers * 100 >= limit * share:
        over = seen.customers >= limit
        stands = "reached its limit of" if over else f"come to {share} % of its limit of"
        yield Condition(
            "customers",
            "account",
            "Customers",
            CRITICAL if over else WARNING,
            f"The account has {stands} {limit:,} customers.",
            "Move to a larger plan, or sync fewer customers.",
            seen.awake_since,
            seen.awake_since,
            1,
            "",
            "perkstar plan",
        )


@register("route", "A way for alerts does not work")
def _route(seen: Seen) -> Iterable[Condition]:
    for route in seen.routes:
        if route.failures >= seen.limits.route_failures:
            yield Condition(
                "route",
                f"route:{route.name}",
                route.name,
                WARNING,
                f"Alerts cannot be told by {route.name}: {route.failures} attempts failed.",
                "Send a test message, and mend what it says.",
                route.since,
                route.since,
                route.failures,
                "t",
                f"perkstar alerts test {route.name}",
            )


def _of(
    one: Standing,
    kind: str,
    level: str,
    message: str,
    remedy: str,
    since: datetime,
    last: datetime,
    count: int,
    key: str,
    command: str,
    code: str = "",
) -> Condition:
    return Condition(
        kind, one.id, one.name, level, message, remedy, since, max(since, last), count, key, command, code,
        None if one.system else one.id,
    )  # fmt: skip


def _minutes(time: timedelta) -> str:
    return f"{int(time.total_seconds() // 60)} minutes"

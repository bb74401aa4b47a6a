"""Health, 0 to 100, with the sentence for its largest loss and the key that mends it (sync design: Health). Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from perkstar_tui.model.enums import Status
from perkstar_tui.model.errors import ErrorKind
from perkstar_tui.sync.schedule import period

from .overview import HealthView

HEALTHY, DEGRADED = 80, 50
RECONNECT_CAP = 20
ERROR_CAP = HEALTHY - 1
"""An integration in Error is never Healthy, however good its history is."""

STALLED = timedelta(minutes=30)
"""A run that has finished no page for so long stands still."""

NEUTRAL = frozenset(
    kind.value
    for kind in (
        ErrorKind.RATE_LIMITED,
        ErrorKind.MASS_CHANGE,
        ErrorKind.USAGE,
        ErrorKind.NOT_ALLOWED,
        ErrorKind.LOCKED,
    )
)
"""Codes of runs that ended and did not fail: they wait for a quota or a person, or this process was set up wrongly."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What health is computed from. `good_runs` of the last `runs` (at most 20) that came to an end of their own."""

    status: str
    title: str
    frequency: str
    activated_at: datetime | None
    last_success: datetime | None
    runs: int
    good_runs: int
    linked: int
    held: int
    credential_expires: datetime | None
    refreshable: bool
    throttled_share: float
    status_reason: str = ""
    status_code: str = ""
    failed_code: str = ""
    """The code that most of the failed runs ended with."""
    begun: bool = True
    """Whether a person has looked at a first run, so that the schedule may start it."""
    paused_by: str = ""
    running: bool = False
    moved_at: datetime | None = None
    """When the run that goes on has last finished a page."""
    done: int | None = None
    total: int | None = None
    waits_until: datetime | None = None
    """Until when a used-up quota keeps it waiting."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One of the five: points of so many, and what to say and do if it is the one that loses most."""

    name: str
    points: int
    most: int
    reason: str = ""
    remedy: str = ""
    key: str = ""


def counted_runs(recent: "list[tuple[str, str]]") -> tuple[int, int, str]:
    """How many of the last runs count, how many of those were good, and the code that most of the bad ones ended with.

    `recent` holds outcome and error code, newest first. An interrupted run was ended by a person or a restart, and one
    that waits for quota has failed nothing (users' table, row 26): neither counts.
    """
    bad: dict[str, int] = {}
    good = 0
    for outcome, code in recent:
        if outcome in ("succeeded", "partly"):
            good += 1
        elif outcome == "failed" and code not in NEUTRAL:
            bad[code] = bad.get(code, 0) + 1
    worst = max(bad, key=lambda code: bad[code]) if bad else ""
    return good + sum(bad.values()), good, worst


def health(facts: Facts, now: datetime) -> HealthView:
    """The score, its word, and why it is not higher."""
    parts = (
        _freshness(facts, now),
        _runs(facts),
        _records(facts),
        _credential(facts, now),
        _headroom(facts),
    )
    score = sum(part.points for part in parts)
    worst = max(parts, key=lambda part: part.most - part.points)
    said = (worst.reason, worst.remedy, worst.key) if worst.points < worst.most else ("", "", "")
    word = ""
    match facts.status:
        case Status.RECONNECT_REQUIRED:
            score = min(score, RECONNECT_CAP)
            said = (f"{facts.title} refuses the credential.", "Reconnect it.", "R")
        case Status.ERROR:
            score = min(score, ERROR_CAP)
            said = _error(facts)
        case Status.PAUSED:
            by = f" by {facts.paused_by}" if facts.paused_by else ""
            word, said = "Paused", (f"Paused{by}.", "Resume it.", "p")
        case Status.DRAFT:
            word, said = "Draft", ("It is a draft and syncs nothing.", "Activate it.", "")
        case Status.DISCONNECTED:
            word, said = "Disconnected", ("It is disconnected.", "Connect it again.", "a")
    word = word or ("Healthy" if score >= HEALTHY else "Degraded" if score >= DEGRADED else "Unhealthy")
    return HealthView(score, word, *said, tuple((part.name, part.points, part.most) for part in parts))


def _error(facts: Facts) -> tuple[str, str, str]:
    if facts.status_code == ErrorKind.MASS_CHANGE:
        return (
            "A run stopped before a mass change and waits for a decision.",
            "Look at it (w), then decide.",
            "s",
        )
    return facts.status_reason or "The last runs failed.", "Look at the log.", "l"


# -- the parts -------------------------------------------------------------------------------------------------


def _freshness(facts: Facts, now: datetime) -> _Part:
    name, most = "freshness", 40
    full = _Part(name, most, most)
    if facts.status in (Status.PAUSED, Status.DRAFT, Status.DISCONNECTED):
        return full
    if facts.running and facts.moved_at is not None:
        still = now - facts.moved_at
        if still < STALLED:
            return full
        of = f" at {facts.done:,} of {facts.total:,}" if facts.done is not None and facts.total else ""
        which = "first sync" if facts.last_success is None else "sync"
        return _Part(
            name,
            0,
            most,
            f"Its {which} has stood still for {span(still)}{of}.",
            "See what it waits for in the log.",
            "l",
        )
    expected = period(facts.frequency)
    since = facts.last_success or facts.activated_at
    if expected is None or since is None:
        return full
    # What a quota keeps waiting is measured by how old its last good sync will be when it may go on.
    age = max(now, facts.waits_until or now) - since
    points = late_points(age, expected)
    if points == most:
        return full
    if facts.waits_until is not None and facts.waits_until > now:
        words = f"It waits for {facts.title}'s quota and misses its window: its last good sync will be {span(age)} old."
        return _Part(name, points, most, words, "Sync less often, or ask for a larger quota.", "e")
    if facts.last_success is not None:
        return _Part(name, points, most, f"Its last good sync was {span(age)} ago.", "Sync it now.", "s")
    if not facts.begun:
        words = "It has not synced yet: it waits for a first preview or sync."
        return _Part(name, points, most, words, "Start the first sync, or see what it would do (w).", "s")
    return _Part(name, points, most, "It has never finished a sync.", "Sync it now.", "s")


def late_points(age: timedelta, expected: timedelta) -> int:
    """40 up to twice the frequency, then less and less, none from four times on."""
    late = age / (expected * 2)
    return 40 if late <= 1 else max(0, min(39, round(40 * (2 - late))))


def span(time: timedelta) -> str:
    """A time in words, such as 3 hours."""
    minutes = max(0, int(time.total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    return f"{minutes // 60} hours" if minutes < 2880 else f"{minutes // 1440} days"


def _runs(facts: Facts) -> _Part:
    name, most = "runs", 25
    bad = facts.runs - facts.good_runs
    if not facts.runs or not bad:
        return _Part(name, most, most)
    why = facts.status_reason if facts.status_code not in ("", *NEUTRAL) else ""
    why = why or (f"code {facts.failed_code}" if facts.failed_code else "")
    which = "The last run" if facts.runs == 1 else f"{bad} of the last {facts.runs} runs"
    words = f"{which} failed" + (f": {why}" if why else "")
    points = min(most - 1, round(most * facts.good_runs / facts.runs))
    return _Part(name, points, most, words.rstrip(".") + ".", "Look at the log.", "l")


def _records(facts: Facts) -> _Part:
    name, most = "records", 15
    total = facts.linked + facts.held
    if not total or not facts.held:
        return _Part(name, most, most)
    points = max(0, min(most - 1, round(most * (1 - 5 * facts.held / total))))
    noun = "record waits" if facts.held == 1 else "records wait"
    words = f"{facts.held:,} of {total:,} {noun} for a person."
    return _Part(name, points, most, words, "See which ones.", "!")


def _credential(facts: Facts, now: datetime) -> _Part:
    name, most = "credential", 10
    if facts.credential_expires is None or facts.refreshable:
        return _Part(name, most, most)
    left = facts.credential_expires - now
    points = max(0, min(most, int(left.total_seconds() / 86400)))
    words = f"Its credential ends in {span(left)}." if left > timedelta(0) else "Its credential has ended."
    return _Part(name, points, most, words, "Reconnect it.", "R")


def _headroom(facts: Facts) -> _Part:
    name, most = "rate headroom", 10
    points = max(0, round(most * (1 - facts.throttled_share)))
    words = f"{facts.title} makes it wait {facts.throttled_share:.0%} of the time."
    return _Part(name, points, most, words, "Sync less often.", "e")

"""Health, 0 to 100, with the sentence for its largest loss and the key that mends it (sync design: Health). Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from perkstar_tui.model.enums import Status
from perkstar_tui.sync.schedule import period

from .overview import HealthView


@dataclass(frozen=True, slots=True)
class Facts:
    """What health is computed from. `good_runs` of the last `runs` (at most 20)."""

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


def health(facts: Facts, now: datetime) -> HealthView:
    """The score, its word, and why it is not higher."""
    parts = [
        ("freshness", *_freshness(facts, now)),
        ("runs", *_runs(facts)),
        ("records", *_records(facts)),
        ("credential", *_credential(facts, now)),
        ("rate headroom", *_headroom(facts)),
    ]
    score = sum(part[1] for part in parts)
    word = "Healthy" if score >= 80 else "Degraded" if score >= 50 else "Unhealthy"
    worst = max(parts, key=lambda part: part[2] - part[1])
    reason, remedy, key = (worst[3], worst[4], worst[5]) if worst[1] < worst[2] else ("", "", "")
    if facts.status == Status.RECONNECT_REQUIRED:
        reason, remedy, key = f"{facts.title} refuses the credential.", "Reconnect it.", "R"
        score, word = min(score, 20), "Unhealthy"
    return HealthView(score, word, reason, remedy, key, tuple((p[0], p[1], p[2]) for p in parts))


_Part = tuple[int, int, str, str, str]


def _freshness(facts: Facts, now: datetime) -> _Part:
    expected = period(facts.frequency)
    if facts.last_success is None:
        if facts.activated_at is None or now - facts.activated_at < (expected or timedelta(days=1)):
            return 40, 40, "", "", ""
        return 0, 40, "It has never finished a sync.", "Sync it now.", "s"
    if expected is None:
        return 40, 40, "", "", ""
    late = (now - facts.last_success) / (expected * 2)
    points = 40 if late <= 1 else max(0, round(40 * (2 - late)))
    return points, 40, f"Its last good sync was {_ago(now - facts.last_success)} ago.", "Sync it now.", "s"


def _ago(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 2880 else f"{minutes // 1440} days"


def _runs(facts: Facts) -> _Part:
    if not facts.runs:
        return 25, 25, "", "", ""
    bad = facts.runs - facts.good_runs
    words = f"{bad} of the last {facts.runs} runs failed" + (
        f": {facts.status_reason}" if facts.status_reason else ""
    )
    return round(25 * facts.good_runs / facts.runs), 25, words.rstrip(".") + ".", "Look at the log.", "l"


def _records(facts: Facts) -> _Part:
    total = facts.linked + facts.held
    if not total or not facts.held:
        return 15, 15, "", "", ""
    share = facts.held / total
    points = max(0, min(14, round(15 * (1 - 5 * share))))
    noun = "record waits" if facts.held == 1 else "records wait"
    return points, 15, f"{facts.held} of {total} {noun} for a person.", "See which ones.", "!"


def _credential(facts: Facts, now: datetime) -> _Part:
    if facts.credential_expires is None or facts.refreshable:
        return 10, 10, "", "", ""
    days = (facts.credential_expires - now).total_seconds() / 86400
    return (
        max(0, min(10, round(days))),
        10,
        f"Its credential ends in {max(0, int(days))} days.",
        "Reconnect it.",
        "R",
    )


def _headroom(facts: Facts) -> _Part:
    points = max(0, round(10 * (1 - facts.throttled_share)))
    return (
        points,
        10,
        f"{facts.title} makes it wait {facts.throttled_share:.0%} of the time.",
        "Sync less often.",
        "e",
    )

"""The facts behind an integration's health (E4): lateness, runs, errors by code, speed, headroom, credential."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import func, select

from perkstar_tui.model.errors import CATALOGUE, ErrorKind
from perkstar_tui.sync.schedule import period

from .bench import Bench
from .health import STALLED, counted_runs
from .overview import HealthView, IntegrationView
from .reading import LINK, RUN
from .showing import FAILING

LOOKED_AT = 40
"""Runs that are plotted."""


@dataclass(frozen=True, slots=True)
class ErrorShare:
    """What failed with one code: so many of the runs looked at, and so many records now."""

    code: str
    runs: int
    records: int
    meaning: str
    remedy: str


@dataclass(frozen=True, slots=True)
class RunPoint:
    """One run of the plots. `per_call_ms` is time at work for each call, without what was waited for a limit."""

    started: datetime
    outcome: str
    seconds: float
    read: int
    changed: int
    bad: int
    calls: int
    per_call_ms: int | None
    waited_s: float


@dataclass(frozen=True, slots=True)
class HealthDetail:
    """Everything health is made of. Shares are from 0 to 1, times in seconds; None where nothing is known yet."""

    integration_id: str
    name: str
    status: str
    health: HealthView
    last_success: datetime | None
    expected_s: int | None
    """How often a sync is expected; None by hand."""
    age_s: int | None
    """How old the last good sync is."""
    runs: int
    good_runs: int
    success_rate: float | None
    errors: tuple[ErrorShare, ...]
    run_s: float | None
    per_call_ms: int | None
    records_per_s: float | None
    calls_per_run: float | None
    headroom: float
    credential_expires: datetime | None
    credential_renews: bool
    running_since: datetime | None
    done: int | None
    total: int | None
    ends_about: datetime | None
    stands_still: bool
    points: tuple[RunPoint, ...]
    """Oldest first."""


def health_detail(bench: Bench, view: IntegrationView) -> HealthDetail:
    """The facts of one integration, from its last runs and its links."""
    now = bench.clock.now()
    with bench.store.read() as connection:
        rows = connection.execute(
            select(RUN).where(RUN.c.integration_id == view.id).order_by(RUN.c.id.desc()).limit(LOOKED_AT)
        ).all()
        held: dict[str, int] = {
            code or ErrorKind.CONFLICT.value: number
            for code, number in connection.execute(
                select(LINK.c.code, func.count())
                .where(LINK.c.integration_id == view.id, LINK.c.state.in_(FAILING))
                .group_by(LINK.c.code)
            )
        }
    ended = [row for row in rows if row.ended is not None]
    points = [run_point(row) for row in ended]
    counted, good, _ = counted_runs([(row.outcome, code_of(row)) for row in ended[:20]])
    current = next((row for row in rows if row.ended is None), None) if view.running else None
    expected = period(view.frequency)
    moved = view.moved_at or (current.started if current is not None else None)
    worked = [point for point in points[:20] if point.seconds > 0]
    seconds = max(60.0, sum(point.seconds for point in points[:20]))
    return HealthDetail(
        integration_id=view.id,
        name=view.name,
        status=view.status,
        health=view.health,
        last_success=view.last_success,
        expected_s=None if expected is None else int(expected.total_seconds()),
        age_s=None if view.last_success is None else max(0, int((now - view.last_success).total_seconds())),
        runs=counted,
        good_runs=good,
        success_rate=good / counted if counted else None,
        errors=_errors(ended[:20], held),
        run_s=round(median(point.seconds for point in worked), 2) if worked else None,
        per_call_ms=_middle([point.per_call_ms for point in points[:20] if point.per_call_ms is not None]),
        records_per_s=_speed(worked),
        calls_per_run=round(sum(p.calls for p in worked) / len(worked), 1) if worked else None,
        headroom=round(1 - min(1.0, sum(point.waited_s for point in points[:20]) / seconds), 4),
        credential_expires=view.credential_expires,
        credential_renews=view.credential_renews,
        running_since=current.started if current is not None else None,
        done=view.progress_done if current is not None else None,
        total=view.progress_total if current is not None else None,
        ends_about=_end(view, current, now),
        stands_still=current is not None and moved is not None and now - moved >= STALLED,
        points=tuple(reversed(points)),
    )


def code_of(row: Any) -> str:
    """The error code that a run ended with, or empty."""
    return str((row.error or {}).get("code", ""))


def run_point(row: Any) -> RunPoint:
    """A run that has ended, as the plots have it."""
    inward, outward = row.inward or {}, row.outward or {}
    seconds = (row.ended - row.started).total_seconds()
    waited = row.throttled_ms / 1000
    both = [
        (inward.get(name, 0) + outward.get(name, 0))
        for name in ("read", "created", "updated", "held", "failed")
    ]
    busy = max(0.0, seconds - waited)
    return RunPoint(
        row.started,
        row.outcome,
        round(seconds, 2),
        both[0],
        both[1] + both[2],
        both[3] + both[4],
        row.api_calls,
        round(busy * 1000 / row.api_calls) if row.api_calls else None,
        round(waited, 2),
    )


def _errors(rows: Sequence[Any], held: dict[str, int]) -> tuple[ErrorShare, ...]:
    """What fails, the most first: codes that runs ended with, and codes of records that stand."""
    runs = Counter(code_of(row) for row in rows if row.outcome == "failed")
    codes = sorted({*runs, *held} - {""}, key=lambda code: (-runs[code], -held.get(code, 0), code))
    found = []
    for code in codes:
        facts = CATALOGUE.get(ErrorKind(code)) if code in CATALOGUE else None
        meaning, remedy = (facts.meaning, facts.remedy) if facts is not None else ("", "")
        found.append(ErrorShare(code, runs[code], held.get(code, 0), meaning, remedy))
    return tuple(found)


def _middle(values: Sequence[int]) -> int | None:
    return round(median(values)) if values else None


def _speed(points: Sequence[RunPoint]) -> float | None:
    """Records a second while runs that had any were at work."""
    busy = [point for point in points if point.read]
    seconds = sum(max(0.05, point.seconds - point.waited_s) for point in busy)
    return round(sum(point.read for point in busy) / seconds, 1) if busy else None


def _end(view: IntegrationView, current: Any, now: datetime) -> datetime | None:
    """About when the run that goes on will have read everything, by its speed so far."""
    done, total = view.progress_done, view.progress_total
    if current is None or not done or not total or done > total:
        return None
    spent = (now - current.started).total_seconds()
    return now + timedelta(seconds=round(spent / done * (total - done)))

"""Health over made-up histories: the score's band, its word, the sentence for the largest loss, and the key."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perkstar_tui.hub.health import Facts, counted_runs, health
from perkstar_tui.sync.schedule import next_run

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def ago(**back: float) -> datetime:
    return NOW - timedelta(**back)


def facts(**more: Any) -> Facts:
    """An hourly integration for which everything is well, and what differs."""
    well = Facts(
        status="active", title="Square", frequency="hourly", activated_at=ago(days=90), last_success=ago(minutes=10),
        runs=20, good_runs=20, linked=1000, held=0, credential_expires=None, refreshable=False, throttled_share=0.0,
    )  # fmt: skip
    return replace(well, **more)


@dataclass(frozen=True)
class History:
    name: str
    more: dict[str, Any] = field(default_factory=dict)
    least: int = 100
    most: int = 100
    word: str = "Healthy"
    says: str = ""
    key: str = ""


QUOTA = {"status_code": "rate_limited", "status_reason": "Waits for quota until 02:00."}
HISTORIES = [
    History("fresh"),
    History(
        "just connected",
        {"last_success": None, "activated_at": ago(minutes=3), "runs": 0, "good_runs": 0, "linked": 0},
    ),
    History("late by one and a half periods", {"last_success": ago(minutes=90)}),
    History("late by exactly two periods", {"last_success": ago(hours=2)}),
    History("late by three periods", {"last_success": ago(hours=3)}, 80, 80, says="was 3 hours ago", key="s"),
    History(
        "late by ten periods", {"last_success": ago(hours=10)}, 60, 60, "Degraded", "was 10 hours ago", "s"
    ),
    History(
        "late for days with every run failing",
        {"last_success": ago(days=5), "good_runs": 0},
        35,
        35,
        "Unhealthy",
        "was 5 days ago",
        "s",
    ),
    History("by hand is never late", {"frequency": "manual", "last_success": ago(days=400)}),
    History(
        "by hand and never synced", {"frequency": "manual", "last_success": None, "runs": 0, "good_runs": 0}
    ),
    History(
        "real-time late by an hour",
        {"frequency": "realtime", "last_success": ago(hours=1)},
        60,
        60,
        "Degraded",
        "was 60 minutes ago",
        "s",
    ),
    History("daily of yesterday", {"frequency": "daily@03:00", "last_success": ago(hours=33)}),
    History(
        "daily that was left out twice",
        {"frequency": "daily@03:00", "last_success": ago(hours=72)},
        80,
        80,
        says="was 3 days ago",
        key="s",
    ),
    History(
        "one bad run of twenty", {"good_runs": 19}, 99, 99, says="1 of the last 20 runs failed.", key="l"
    ),
    History(
        "one bad run, and its code",
        {"good_runs": 19, "failed_code": "network"},
        99,
        99,
        says="1 of the last 20 runs failed: code network.",
        key="l",
    ),
    History(
        "every run bad while records still come",
        {"good_runs": 0, "failed_code": "internal"},
        75,
        75,
        "Degraded",
        "20 of the last 20 runs failed",
        "l",
    ),
    History(
        "the only run bad",
        {"runs": 1, "good_runs": 0, "last_success": None, "activated_at": ago(minutes=5)},
        75,
        75,
        "Degraded",
        "The last run failed.",
        "l",
    ),
    History(
        "three in a hundred held", {"linked": 97, "held": 3}, 98, 98, says="3 of 100 records wait", key="!"
    ),
    History(
        "one record held of very many", {"linked": 500_000, "held": 1}, 99, 99, says="record waits", key="!"
    ),
    History("everything held", {"linked": 0, "held": 40}, 85, 85, says="40 of 40 records wait", key="!"),
    History("credential ends in 20 days", {"credential_expires": ago(days=-20)}),
    History(
        "credential ends in 5 days",
        {"credential_expires": ago(days=-5)},
        95,
        95,
        says="ends in 5 days",
        key="R",
    ),
    History(
        "credential has ended", {"credential_expires": ago(minutes=1)}, 90, 90, says="has ended", key="R"
    ),
    History(
        "credential ends within the hour and renews itself",
        {"credential_expires": ago(minutes=-30), "refreshable": True},
    ),
    History(
        "throttled half of the time", {"throttled_share": 0.5}, 95, 95, says="wait 50% of the time", key="e"
    ),
    History(
        "throttled all the time", {"throttled_share": 1.0}, 90, 90, says="wait 100% of the time", key="e"
    ),
    History(
        "paused for weeks",
        {"status": "paused", "paused_by": "owner", "last_success": ago(days=30)},
        word="Paused",
        says="Paused by owner.",
        key="p",
    ),
    History(
        "reconnect required", {"status": "reconnect_required"}, 20, 20, "Unhealthy", "Square refuses", "R"
    ),
    History(
        "reconnect required and long forgotten",
        {
            "status": "reconnect_required",
            "last_success": ago(days=41),
            "good_runs": 0,
            "held": 1000,
            "linked": 0,
            "throttled_share": 1.0,
        },
        0,
        19,
        "Unhealthy",
        "Square refuses",
        "R",
    ),
    History(
        "in error with a good past",
        {
            "status": "error",
            "status_code": "permission_missing",
            "status_reason": "Square does not allow orders.",
            "good_runs": 19,
        },
        79,
        79,
        "Degraded",
        "does not allow orders",
        "l",
    ),
    History(
        "in error and late: the error is the cause",
        {"status": "error", "status_reason": "Square is down.", "last_success": ago(hours=10)},
        60,
        60,
        "Degraded",
        "Square is down.",
        "l",
    ),
    History(
        "stopped before a mass change",
        {"status": "error", "status_code": "mass_change"},
        79,
        79,
        "Degraded",
        "waits for a decision",
        "s",
    ),
    History("waits for quota within its window", {**QUOTA, "waits_until": ago(minutes=-30)}),
    History(
        "waits for quota and misses its window",
        {**QUOTA, "waits_until": ago(hours=-14)},
        60,
        60,
        "Degraded",
        "misses its window",
        "e",
    ),
    History(
        "daily waits for quota until the night",
        {**QUOTA, "frequency": "daily@03:00", "last_success": ago(hours=9), "waits_until": ago(hours=-14)},
    ),
    History(
        "first run in progress for hours, and moving",
        {
            "last_success": None,
            "activated_at": ago(hours=9),
            "runs": 0,
            "good_runs": 0,
            "running": True,
            "moved_at": ago(minutes=1),
            "done": 412,
            "total": 280_000,
        },
    ),
    History(
        "first run in progress for hours, and stuck",
        {
            "last_success": None,
            "activated_at": ago(hours=9),
            "runs": 0,
            "good_runs": 0,
            "running": True,
            "moved_at": ago(minutes=45),
            "done": 0,
            "total": 2310,
        },
        60,
        60,
        "Degraded",
        "first sync has stood still for 45 minutes at 0 of 2,310",
        "l",
    ),
    History(
        "a later run stuck",
        {"running": True, "moved_at": ago(hours=3)},
        60,
        60,
        "Degraded",
        "stood still for 3 hours",
        "l",
    ),
    History(
        "waits for a first look",
        {"last_success": None, "activated_at": ago(days=3), "runs": 0, "good_runs": 0, "begun": False},
        60,
        60,
        "Degraded",
        "waits for a first preview or sync",
        "s",
    ),
    History(
        "never finished a sync",
        {"last_success": None, "activated_at": ago(days=3), "runs": 4, "good_runs": 0},
        35,
        35,
        "Unhealthy",
        "never finished",
        "s",
    ),
    History(
        "a draft",
        {"status": "draft", "last_success": None, "runs": 0, "good_runs": 0},
        word="Draft",
        says="draft",
    ),
    History(
        "disconnected",
        {"status": "disconnected", "last_success": ago(days=200)},
        word="Disconnected",
        says="disconnected",
        key="a",
    ),
]


@pytest.mark.parametrize("history", HISTORIES, ids=lambda history: history.name)
def test_a_history_has_its_score_its_word_its_sentence_and_its_key(history: History) -> None:
    seen = health(facts(**history.more), NOW)
    assert (history.least <= seen.score <= history.most, seen.word, seen.key) == (
        True,
        history.word,
        history.key,
    ), seen
    assert history.says in seen.reason and bool(seen.reason) == bool(history.says), seen
    assert bool(seen.remedy) == bool(seen.reason)


def test_a_daily_one_is_on_time_over_both_changes_of_the_clock() -> None:
    zone = ZoneInfo("Europe/London")
    for day in (datetime(2026, 3, 28, 12, tzinfo=zone), datetime(2026, 10, 24, 12, tzinfo=zone)):
        ran = day.astimezone(UTC)
        for _ in range(4):
            due = next_run("daily@03:00", "int_1", ran, "Europe/London")
            assert due is not None
            # Until the moment before the next one, and while that one works.
            for moment in (due - timedelta(seconds=1), due + timedelta(hours=6)):
                assert health(facts(frequency="daily@03:00", last_success=ran), moment).score == 100
            ran = due


def test_what_was_stopped_or_waits_for_quota_or_a_person_is_no_failed_run() -> None:
    waits = [("failed", "rate_limited")] * 9 + [("interrupted", ""), ("failed", "mass_change")]
    assert counted_runs(waits) == (0, 0, "")
    mixed = [*waits, ("failed", "network"), ("failed", "internal"), ("failed", "network"), ("partly", "")]
    assert counted_runs(mixed) == (4, 1, "network")


STATUSES = st.sampled_from(["active", "error", "paused", "reconnect_required"])


@st.composite
def histories(draw: st.DrawFn) -> Facts:
    runs = draw(st.integers(0, 20))
    back = st.integers(0, 60 * 24 * 60).map(lambda minutes: ago(minutes=minutes))
    return facts(
        status=draw(STATUSES),
        frequency=draw(st.sampled_from(["realtime", "hourly", "daily@03:00", "manual"])),
        activated_at=draw(back),
        last_success=draw(st.none() | back),
        runs=runs,
        good_runs=draw(st.integers(0, runs)),
        linked=draw(st.integers(0, 100_000)),
        held=draw(st.integers(0, 1000)),
        credential_expires=draw(st.none() | st.integers(-5, 60).map(lambda days: ago(days=-days))),
        refreshable=draw(st.booleans()),
        throttled_share=draw(st.floats(0, 1)),
        running=draw(st.booleans()),
        moved_at=draw(st.none() | back),
        begun=draw(st.booleans()),
        waits_until=draw(st.none() | st.integers(0, 5000).map(lambda minutes: ago(minutes=-minutes))),
    )


@given(histories(), st.integers(0, 60 * 24 * 30))
def test_it_never_gets_better_by_waiting(history: Facts, minutes: int) -> None:
    assert health(history, NOW + timedelta(minutes=minutes)).score <= health(history, NOW).score


@given(histories(), st.integers(0, 20))
def test_more_failures_and_more_held_records_never_score_higher(history: Facts, more: int) -> None:
    before = health(history, NOW).score
    assert health(replace(history, good_runs=max(0, history.good_runs - more)), NOW).score <= before
    assert health(replace(history, held=history.held + more), NOW).score <= before
    assert (
        health(replace(history, throttled_share=min(1.0, history.throttled_share + more / 20)), NOW).score
        <= before
    )


@given(histories())
def test_it_is_the_sum_of_its_parts_and_speaks_of_the_largest_loss(history: Facts) -> None:
    seen = health(history, NOW)
    assert seen == health(history, NOW)
    assert 0 <= seen.score <= 100 and sum(most for _, _, most in seen.parts) == 100
    assert all(0 <= points <= most for _, points, most in seen.parts)
    reached = sum(points for _, points, _ in seen.parts)
    assert seen.score == min(reached, {"reconnect_required": 20, "error": 79}.get(history.status, 100))
    if history.status == "active":
        losses = {name: most - points for name, points, most in seen.parts}
        assert bool(seen.reason) == (max(losses.values()) > 0)
        keys = {"freshness": "sle", "runs": "l", "records": "!", "credential": "R", "rate headroom": "e"}
        largest = [name for name, loss in losses.items() if loss == max(losses.values())]
        assert not seen.reason or seen.key in keys[largest[0]]

"""What is worth an alert, and what is not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from perkstar_tui.hub.alerts.conditions import (
    KINDS,
    Condition,
    RouteState,
    Seen,
    Standing,
    conditions,
    register,
)
from perkstar_tui.hub.alerts.limits import Limits, changed, limits_of
from perkstar_tui.hub.alerts.routes import settings_for
from perkstar_tui.model.errors import PerkstarError

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def ago(**back: float) -> datetime:
    return NOW - timedelta(**back)


def seen(*integrations: Standing, **more: Any) -> Seen:
    return replace(Seen(NOW, ago(days=2), Limits(), integrations), **more)


def one(**more: Any) -> Standing:
    well = Standing(
        "int_1", "The till", "Square", "active", "hourly", activated_at=ago(days=90), last_sync=ago(minutes=5),
        last_success=ago(minutes=5),
    )  # fmt: skip
    return replace(well, **more)


def kinds(found: list[Condition]) -> list[str]:
    return [condition.kind for condition in found]


QUOTA = {"code": "rate_limited"}
CASES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("well", {}, []),
    ("in error", {"status": "error", "code": "network", "failures": 3}, ["error"]),
    ("in error and late is one alert", {"status": "error", "code": "network", "last_success": ago(days=2)}, ["error"]),
    ("reconnect", {"status": "reconnect_required", "last_success": ago(days=2)}, ["reconnect"]),
    ("mass change", {"status": "error", "code": "mass_change"}, ["decision"]),
    ("another account", {"status": "error", "code": "account_changed"}, ["decision"]),
    ("many records go round", {"status": "paused", "code": "loop"}, ["decision"]),
    ("not late yet", {"last_success": ago(minutes=119)}, []),
    ("late", {"last_success": ago(minutes=121)}, ["stale"]),
    ("by hand is never late", {"frequency": "manual", "last_success": ago(days=900)}, []),
    ("paused is never late", {"status": "paused", "last_success": ago(days=9)}, []),
    ("waits for a first look", {"last_success": None, "begun": False}, []),
    ("never finished one", {"last_success": None}, ["stale"]),
    ("late, and running", {"last_success": ago(days=1), "run_started": ago(hours=5), "moved_at": ago(minutes=1)}, []),
    ("first run stands still", {"last_success": None, "run_started": ago(hours=5), "moved_at": ago(minutes=31)},
        ["stalled"]),
    ("a run that began just now", {"run_started": ago(minutes=1), "moved_at": ago(days=9)}, []),
    ("quota within the window", {**QUOTA, "waits_until": ago(minutes=-30)}, []),
    ("quota over the window", {**QUOTA, "waits_until": ago(hours=-14)}, ["quota"]),
    ("quota of a daily one until the night", {**QUOTA, "frequency": "daily@03:00", "last_success": ago(hours=9),
        "waits_until": ago(hours=-14)}, []),
    ("some held", {"held": 19}, []),
    ("many held", {"held": 20}, ["held"]),
    ("many held, some of them alike, are one alert", {"held": 20, "duplicates": 9}, ["held"]),
    ("one that may be the same person", {"duplicates": 1}, ["duplicates"]),
    ("deliveries given up", {"dead": 2}, ["deliveries"]),
    ("credential ends in 40 days", {"credential_expires": ago(days=-40)}, []),
    ("credential ends in 20 days", {"credential_expires": ago(days=-20)}, ["credential"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "more", "expected"), CASES, ids=lambda case: case if isinstance(case, str) else ""
)
def test_each_history_has_its_alerts(name: str, more: dict[str, Any], expected: list[str]) -> None:
    found = conditions(seen(one(**more)))
    assert kinds(found) == expected
    for condition in found:
        assert condition.remedy and condition.command.startswith("perkstar ") and "int_1" in condition.command
        assert condition.since <= NOW


def test_a_credential_is_told_at_30_7_and_1_days_each_time_more_urgently() -> None:
    levels = []
    for days in (31, 30, 8, 7, 2, 1, 0, -1):
        levels += [c.level for c in conditions(seen(one(credential_expires=ago(days=-days))))]
    assert levels == ["notice", "notice", "warning", "warning", "critical", "critical", "critical"]


def test_what_was_missed_while_nobody_was_awake_is_made_up_before_it_is_called_late() -> None:
    late = one(last_success=ago(days=3))
    assert kinds(conditions(seen(late, awake_since=ago(minutes=1)))) == []
    assert kinds(conditions(seen(late, awake_since=ago(minutes=16)))) == ["stale"]


def test_nothing_changes_while_nothing_happens() -> None:
    standing = (
        one(last_success=ago(hours=9)),
        one(id="int_2", status="error", code="network"),
        one(id="int_3", held=50, duplicates=2, dead=1, credential_expires=ago(days=-20)),
    )
    before = conditions(seen(*standing))
    assert conditions(seen(*standing, now=NOW + timedelta(minutes=3))) == before and len(before) == 5


def test_the_limit_of_customers_is_told_when_it_is_near_and_when_it_is_reached() -> None:
    limits = Limits(customer_limit=1000)
    levels = {n: [c.level for c in conditions(seen(limits=limits, customers=n))] for n in (899, 900, 1000)}
    assert levels == {899: [], 900: ["warning"], 1000: ["critical"]}
    assert conditions(seen(customers=10**9)) == []


def test_a_route_that_fails_is_told_by_the_others() -> None:
    assert kinds(conditions(seen(routes=(RouteState("mail", 3, ago(hours=1)),)))) == ["route"]
    assert conditions(seen(routes=(RouteState("mail", 2, ago(hours=1)),))) == []


def test_customers_that_may_be_one_person_are_told_once_for_all_of_them() -> None:
    pairs = (3, ago(days=2), ago(hours=1))
    (told,) = conditions(seen(more={"pairs": pairs}))
    assert (told.kind, told.count, told.since, told.last) == ("pairs", *pairs)
    assert conditions(seen(more={"pairs": (0, None, None)})) == []
    assert conditions(seen(more={"pairs": pairs}, limits=Limits(duplicates=0))) == []


def test_a_kind_of_somebody_elses_is_one_registration() -> None:
    @register("strays", "Strays", gather=lambda bench: [("cus_1", "cus_2")])
    def pairs(facts: Seen) -> list[Condition]:
        return [
            Condition("strays", f"{a}+{b}", "Customers", "notice", "Two may be one.", "Look.", NOW, NOW)
            for a, b in facts.more.get("strays", ())
        ]

    try:
        assert kinds(conditions(seen(more={"strays": [("cus_1", "cus_2")]}))) == ["strays"]
    finally:
        del KINDS["strays"]


def test_thresholds_are_checked_when_they_are_set() -> None:
    kept = changed({}, {"held": "5", "credential_days": "1, 14"})
    assert limits_of(kept) == Limits(held=5, credential_days=(14, 1))
    assert limits_of(changed(kept, {"held": ""})).held == 20
    for bad in (
        {"held": "-1"},
        {"held": "many"},
        {"late_periods": "0"},
        {"nonsense": "1"},
        {"credential_days": "x"},
    ):
        with pytest.raises(PerkstarError) as caught:
            changed(kept, bad)
        assert caught.value.field in bad and caught.value.remedy


def test_the_help_of_breaking_through_says_what_yes_does() -> None:
    (setting,) = [one for one in settings_for("email") if one.name == "break_through"]
    assert setting.default == "no" and "is told" in setting.help and "hold back" not in setting.help

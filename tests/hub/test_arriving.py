"""What has arrived, judged: nothing is said of what is still on its way, and others' events prove nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from perkstar_tui.hub.arriving import begin, judged
from perkstar_tui.platforms.parts import CallSpec, CheckSpec, LogInSpec
from perkstar_tui.sync.rows import ToldEvent

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
CHECK = CheckSpec(
    needs=("property",),
    log_in=LogInSpec(call=CallSpec(path="/token")),
    call=CallSpec(path="/report"),
    own=("earned",),
    remedy="Renew the secret.",
)


def told(name: str, *hours: float) -> list[ToldEvent]:
    """Events that were told so many hours ago, an hour after they happened."""
    return [ToldEvent(name, NOW - timedelta(hours=ago + 1), NOW - timedelta(hours=ago)) for ago in hours]


def step(events: list[ToldEvent], **seen: int):
    since = begin(events, CHECK, NOW)
    return judged([event for event in events if event.happened >= since], seen, CHECK, since, NOW)


def test_numbers_are_told_and_what_may_still_be_on_its_way():
    found = step(told("bought", 60, 55, 3), bought=2)
    assert found.ok and found.remedy is None
    assert "bought: 3 told, 2 seen so far" in found.message and "last 3 days" in found.message
    assert "last 48 hours may still be on its way" in found.message


def test_nothing_of_what_is_old_enough_fails_with_the_remedy():
    found = step(told("bought", 60, 3), bought=0)
    assert not found.ok and found.remedy == "Renew the secret."
    assert "Nothing of bought that was told more than 48 hours ago is there" in found.message


def test_nothing_of_what_is_new_says_nothing():
    assert step(told("bought", 47, 3)).ok


@pytest.mark.parametrize(("earned", "ok"), [(0, False), (1, True)])
def test_what_only_this_program_tells_decides_where_others_tell_the_rest(earned, ok):
    found = step(told("bought", 60) + told("earned", 60), bought=500, earned=earned)
    assert found.ok is ok
    assert ("told by others" in found.message) is ok


def test_where_nothing_was_told_for_long_it_goes_back_to_the_last_that_was():
    events = told("bought", 24 * 12, 24 * 9)
    assert begin(events, CHECK, NOW) == datetime(2026, 11, 14, tzinfo=UTC)
    assert "bought: 1 told" in step(events, bought=1).message
    assert not step(events).ok


def test_nothing_told_at_all_is_said():
    found = step([])
    assert found.ok and found.message == "Nothing was told of the last 3 days."

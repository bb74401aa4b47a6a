"""Quiet hours by the wall clock of the account."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perkstar_tui.hub.alerts.quiet import is_quiet, parse_quiet
from perkstar_tui.model.errors import PerkstarError

LONDON = "Europe/London"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("moment", "quiet"),
    [
        (utc(2026, 1, 10, 21, 59), False),
        (utc(2026, 1, 10, 22, 0), True),
        (utc(2026, 1, 11, 0, 0), True),
        (utc(2026, 1, 11, 6, 59), True),
        (utc(2026, 1, 11, 7, 0), False),
        # In summer the clock is an hour ahead of UTC.
        (utc(2026, 7, 10, 20, 59), False),
        (utc(2026, 7, 10, 21, 0), True),
        (utc(2026, 7, 11, 6, 0), False),
        # The night in which the clock goes forward is an hour shorter, the one in which it goes back an hour longer.
        (utc(2026, 3, 28, 22, 0), True),
        (utc(2026, 3, 29, 5, 59), True),
        (utc(2026, 3, 29, 6, 0), False),
        (utc(2026, 10, 24, 21, 0), True),
        (utc(2026, 10, 25, 6, 59), True),
        (utc(2026, 10, 25, 7, 0), False),
    ],
)
def test_over_midnight_and_over_changes_of_the_clock(moment: datetime, quiet: bool) -> None:
    assert is_quiet("22:00-07:00", moment, LONDON) is quiet


@given(st.integers(0, 60 * 24 * 400))
def test_a_day_is_quiet_or_loud_and_never_both(minutes: int) -> None:
    moment = utc(2026, 1, 1) + timedelta(minutes=minutes)
    assert is_quiet("22:00-07:00", moment, LONDON) is not is_quiet("07:00-22:00", moment, LONDON)


def test_they_have_one_spelling_and_bad_ones_are_refused() -> None:
    assert parse_quiet(" 9:05 - 17:00") == "09:05-17:00" and parse_quiet("no") == parse_quiet("") == ""
    for bad in ("22-7", "24:00-07:00", "22:00-07:60", "07:00-07:00", "at night"):
        with pytest.raises(PerkstarError) as caught:
            parse_quiet(bad)
        assert caught.value.field == "quiet"

"""Which moments a customer has: once an occasion, nothing of before, and the days as calendars have them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perkstar_tui.model.remote import MOMENTS
from perkstar_tui.sync.moments import (
    LATE,
    Person,
    PersonCard,
    Purchase,
    Terms,
    birthday_in,
    chosen,
    moments_of,
)

TODAY = date(2026, 11, 24)
ZONE = ZoneInfo("Europe/London")
TERMS = Terms(frozenset(MOMENTS), TODAY, datetime(2026, 11, 1, tzinfo=UTC), ZONE)
BASE = Person("cus_1", tier="Silver")
KNOWN = {"cus_1:tier": "Silver"}


def found(person: Person, known: dict[str, str] = KNOWN, **terms: object) -> dict[str, str]:
    """What is told, by kind, with its text."""
    moments = moments_of(person, replace(TERMS, **terms), known)
    return {moment.kind: moment.text for moment in moments if not moment.noted}


def test_the_first_tier_that_is_seen_is_noted_and_told_to_nobody() -> None:
    [noted] = moments_of(BASE, TERMS, {})
    assert (noted.kind, noted.occasion, noted.noted) == ("tier_changed", "Silver", True)
    assert found(BASE) == {}


@pytest.mark.parametrize(
    ("before", "now", "text"),
    [
        ("Silver", "Gold", "Tier changed from Silver to Gold."),
        ("", "Gold", "Tier is now Gold."),
        ("Silver", None, "Tier Silver has ended."),
    ],
)
def test_another_tier_is_told_with_the_old_one(before: str, now: str | None, text: str) -> None:
    person = replace(BASE, tier=now)
    [moment] = moments_of(person, TERMS, {"cus_1:tier": before})
    assert moment.text == text
    assert moment.values == {"tier": now, "tier_before": before or None}
    assert found(person, {"cus_1:tier": moment.occasion}) == {}


@pytest.mark.parametrize(
    ("birth_date", "today", "told"),
    [
        ("1990-11-24", TODAY, True),
        ("--11-24", TODAY, True),
        ("1990-11-25", TODAY, False),
        ("1990-11-22", TODAY, True),
        ("1990-11-20", TODAY, False),
        ("1992-02-29", date(2027, 2, 28), True),
        ("1992-02-29", date(2028, 2, 28), False),
        ("1992-02-29", date(2028, 2, 29), True),
        ("--02-29", date(2027, 2, 28), True),
        ("soon", TODAY, False),
        (None, TODAY, False),
    ],
)
def test_a_birthday_is_told_on_its_day_or_a_little_late(
    birth_date: str | None, today: date, told: bool
) -> None:
    assert ("birthday" in found(replace(BASE, birth_date=birth_date), today=today)) is told


def test_a_birthday_is_told_once_a_year_and_before_it_where_that_is_chosen() -> None:
    person = replace(BASE, birth_date="1990-01-03")
    assert found(person, today=date(2026, 12, 27)) == {}
    early = replace(TERMS, today=date(2026, 12, 27), birthday_days_before=7)
    [moment] = moments_of(person, early, KNOWN)
    assert (moment.occasion, moment.day, moment.values) == ("2027", date(2027, 1, 3), {"days": 7})
    known = {**KNOWN, "cus_1:birthday": "2027"}
    assert moments_of(person, replace(early, today=date(2026, 12, 28)), known) == []
    again = moments_of(person, replace(early, today=date(2027, 12, 27)), known)
    assert [one.occasion for one in again] == ["2028"]


@given(st.dates(date(2020, 1, 1), date(2040, 12, 31)), st.integers(0, 60))
def test_every_birthday_has_exactly_one_day_on_which_it_is_first_told(born: date, before: int) -> None:
    terms = replace(TERMS, start=datetime(2040, 1, 1, tzinfo=UTC), birthday_days_before=before)
    person = Person("cus_1", birth_date=born.isoformat())
    known = {"cus_1:tier": ""}
    told = []
    for number in range(730):
        today = date(2041, 6, 1) + timedelta(days=number)
        for moment in moments_of(person, replace(terms, today=today), known):
            told.append((today, moment.occasion))
            known[moment.id] = moment.occasion
    year = int(told[0][1])
    assert [occasion for _, occasion in told] == [str(year), str(year + 1)]
    for today, occasion in told:
        day = birthday_in(int(occasion), person.birth_date)
        due = day - timedelta(days=before)
        assert due <= today <= due + LATE


@pytest.mark.parametrize(("days", "told"), [(89, False), (90, True), (113, True), (114, False), (400, False)])
def test_a_silence_is_told_once_it_is_long_enough_unless_it_was_before(days: int, told: bool) -> None:
    person = replace(BASE, last_seen=TODAY - timedelta(days=days))
    assert ("inactive" in found(person)) is told


def test_a_visit_makes_a_new_silence_possible() -> None:
    seen = TODAY - timedelta(days=90)
    person = replace(BASE, last_seen=seen)
    known = {**KNOWN, "cus_1:inactive": seen.isoformat()}
    assert found(person, known) == {}
    [ended] = moments_of(replace(person, last_seen=TODAY), TERMS, known)
    assert (ended.occasion, ended.day) == ("", None)
    known["cus_1:inactive"] = ended.occasion
    assert moments_of(replace(person, last_seen=TODAY), TERMS, known) == []
    later = TODAY + timedelta(days=100)
    assert "inactive" in found(replace(person, last_seen=TODAY), known, today=later)


def test_a_first_purchase_is_told_with_its_amount_unless_it_was_before() -> None:
    after = Purchase(datetime(2026, 11, 20, 23, 30, tzinfo=UTC), 1250, "GBP")
    [moment] = moments_of(replace(BASE, first=after), TERMS, KNOWN)
    assert (moment.values["amount"], moment.values["currency"], moment.day) == (
        12.5,
        "GBP",
        date(2026, 11, 20),
    )
    assert moment.text == "First purchase, 12.50 GBP, on 2026-11-20."
    assert found(replace(BASE, first=after), {**KNOWN, moment.id: moment.occasion}) == {}
    before = replace(after, at=datetime(2026, 10, 31, tzinfo=UTC))
    assert found(replace(BASE, first=before)) == {}


def test_points_that_expire_are_told_once_a_date_for_each_card_that_has_some() -> None:
    end = TODAY + timedelta(days=30)
    cards = (
        PersonCard("crd_1", 120, end),
        PersonCard("crd_2", 0, end),
        PersonCard("crd_3", 5, end + timedelta(days=1)),
        PersonCard("crd_4", 5, TODAY - timedelta(days=1)),
        PersonCard("crd_5", 5),
    )
    person = replace(BASE, cards=cards)
    [moment] = moments_of(person, TERMS, KNOWN)
    assert (moment.id, moment.values) == ("crd_1:expiring", {"balance": 120, "days": 30})
    known = {**KNOWN, moment.id: moment.occasion}
    assert moments_of(person, TERMS, known) == []
    moved = replace(person, cards=(PersonCard("crd_1", 120, TODAY),))
    assert [one.occasion for one in moments_of(moved, TERMS, known)] == [TODAY.isoformat()]


def test_only_the_kinds_that_are_chosen_are_found() -> None:
    person = replace(BASE, tier="Gold", birth_date="1990-11-24")
    assert set(found(person)) == {"tier_changed", "birthday"}
    assert set(found(person, kinds=frozenset({"birthday"}))) == {"birthday"}


def test_the_kinds_are_chosen_by_words() -> None:
    assert chosen(None) == chosen("no") == chosen("") == frozenset()
    assert chosen("yes") == frozenset(MOMENTS)
    assert chosen("birthday, First-Purchase") == {"birthday", "first_purchase"}
    with pytest.raises(ValueError, match="wedding"):
        chosen("birthday,wedding")

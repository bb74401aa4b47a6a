"""Loyalty events for marketing (K7): which moments a customer has today. Nothing here reads or writes.

What there is to tell follows from the customer, the cards, the ledger and what was told before, never from what a run
happened to see; so a run that died, or that comes late, finds the same. `telling.py` tells them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from perkstar_tui.model.money import amount, minor_digits
from perkstar_tui.model.remote import MOMENTS, MomentKind

LATE = timedelta(days=3)
"""How late a birthday may still be told, where no run came on the day."""
NEWS = timedelta(days=30)
"""How long a first purchase, or a silence that became long enough, is news where no run came."""
OPTIONS = {"inactive_days": 90, "expiring_days": 30, "birthday_days_before": 0}
"""The numbers of days that may be chosen, with what they are by themselves."""
LONGEST = {"inactive_days": 730, "expiring_days": 365, "birthday_days_before": 60}
TITLES: dict[MomentKind, str] = {
    "tier_changed": "Tier changed",
    "points_expiring": "Points expiring",
    "birthday": "Birthday",
    "first_purchase": "First purchase",
    "inactive": "Inactive",
}


def chosen(text: Any) -> frozenset[MomentKind]:
    """The kinds that the option `events` names: `no`, `yes` (all) or some of them. Raises ValueError for others."""
    words = [
        word for part in str(text or "no").split(",") if (word := part.strip().lower().replace("-", "_"))
    ]
    if words in (["no"], []):
        return frozenset()
    if words == ["yes"]:
        return frozenset(MOMENTS)
    unknown = [word for word in words if word not in MOMENTS]
    if unknown:
        raise ValueError(unknown[0])
    return frozenset(kind for kind in MOMENTS if kind in words)


@dataclass(frozen=True, slots=True)
class Terms:
    """By what moments are found: the kinds that are told, today, and the moment from which on things count."""

    kinds: frozenset[MomentKind]
    today: date
    start: datetime
    zone: ZoneInfo
    inactive_days: int = OPTIONS["inactive_days"]
    expiring_days: int = OPTIONS["expiring_days"]
    birthday_days_before: int = OPTIONS["birthday_days_before"]

    @property
    def start_day(self) -> date:
        return self.day_of(self.start)

    def day_of(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()


@dataclass(frozen=True, slots=True)
class PersonCard:
    id: str
    balance: int = 0
    expires: date | None = None
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class Purchase:
    at: datetime
    total_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of a customer that moments come of. `last_seen` is the last visit or sale."""

    id: str
    tier: str | None = None
    balance: int = 0
    birth_date: str | None = None
    last_seen: date | None = None
    first: Purchase | None = None
    cards: tuple[PersonCard, ...] = ()


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing to tell, or with `noted` only to remember. It is told where its `occasion` is another than before.

    Without a `day` it has ended: a field that shows the day is cleared, and there is no event of it.
    """

    id: str
    kind: MomentKind
    occasion: str
    day: date | None
    text: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    noted: bool = False


def moments_of(person: Person, terms: Terms, known: Mapping[str, str]) -> list[Moment]:
    """What a customer's loyalty has to tell today. `known` are the occasions remembered, by moment."""
    return [
        moment
        for kind in MOMENTS
        if kind in terms.kinds
        for moment in _FINDERS[kind](person, terms, known)
        if known.get(moment.id) != moment.occasion
    ]


def _tier(person: Person, terms: Terms, known: Mapping[str, str]) -> Iterator[Moment]:
    """Another tier than the one noted; the first one that is seen is where things begin, and told to nobody."""
    id_, now = f"{person.id}:tier", person.tier or ""
    before = known.get(id_)
    if before is None:
        yield Moment(id_, "tier_changed", now, terms.today, noted=True)
        return
    text = f"Tier changed from {before} to {now}." if before and now else f"Tier is now {now}."
    values = {"tier": now or None, "tier_before": before or None}
    yield Moment(id_, "tier_changed", now, terms.today, text if now else f"Tier {before} has ended.", values)


def _expiring(person: Person, terms: Terms, known: Mapping[str, str]) -> Iterator[Moment]:
    for card in person.cards:
        left = (card.expires - terms.today).days if card.expires is not None else -1
        if card.expires is not None and card.balance > 0 and 0 <= left <= terms.expiring_days:
            values = {"balance": card.balance, "days": left}
            text = f"A balance of {card.balance} expires on {card.expires}."
            yield Moment(
                f"{card.id}:expiring", "points_expiring", card.expires.isoformat(), card.expires, text, values
            )


def birthday_in(year: int, birth_date: str | None) -> date | None:
    """The birthday in a year, of `1990-02-29` or `--02-29`; on the 28th where that year has no 29 February."""
    try:
        month, day = int((birth_date or "")[-5:-3]), int((birth_date or "")[-2:])
        if (month, day) == (2, 29):
            return date(year, 3, 1) - timedelta(days=1)
        return date(year, month, day)
    except ValueError:
        return None


def _birthday(person: Person, terms: Terms, known: Mapping[str, str]) -> Iterator[Moment]:
    for year in (terms.today.year - 1, terms.today.year, terms.today.year + 1):
        day = birthday_in(year, person.birth_date)
        told_on = day - timedelta(days=terms.birthday_days_before) if day is not None else None
        if day and told_on and max(terms.start_day, terms.today - LATE) <= told_on <= terms.today:
            values = {"days": (day - terms.today).days}
            yield Moment(f"{person.id}:birthday", "birthday", str(year), day, f"Birthday on {day}.", values)


def _first(person: Person, terms: Terms, known: Mapping[str, str]) -> Iterator[Moment]:
    if person.first is not None and person.first.at >= terms.start:
        day = terms.day_of(person.first.at)
        money = amount(person.first.total_minor, person.first.currency)
        units = person.first.total_minor / 10 ** minor_digits(person.first.currency)
        values = {"amount": units, "currency": person.first.currency, "at": person.first.at}
        yield Moment(
            f"{person.id}:first",
            "first_purchase",
            "first",
            day,
            f"First purchase, {money}, on {day}.",
            values,
        )


def _inactive(person: Person, terms: Terms, known: Mapping[str, str]) -> Iterator[Moment]:
    """A silence that became long enough since this is told; whoever was silent before is no news."""
    if person.last_seen is None:
        return
    id_ = f"{person.id}:inactive"
    silent = (terms.today - person.last_seen).days
    if silent < terms.inactive_days and known.get(id_):
        yield Moment(id_, "inactive", "", None)
    elif terms.start_day <= person.last_seen + timedelta(days=terms.inactive_days) <= terms.today:
        yield Moment(
            id_, "inactive", person.last_seen.isoformat(), person.last_seen,
            f"No visit since {person.last_seen}, for {silent} days.", {"days": silent},
        )  # fmt: skip


_FINDERS = {
    "tier_changed": _tier,
    "points_expiring": _expiring,
    "birthday": _birthday,
    "first_purchase": _first,
    "inactive": _inactive,
}

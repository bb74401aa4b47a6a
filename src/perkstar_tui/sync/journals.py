"""Journals of loyalty: a day's movements as balanced bookings under the admin's accounts. Nothing here reads or writes.

`books.py` knows the movements and enters the journals.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any, NamedTuple

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.money import amount, minor_digits
from perkstar_tui.model.remote import Journal, JournalLine, LedgerAccount

UNITS = {"reward": "points", "stamp": "stamps", "cashback": "cashback"}
"""The kinds of cards whose balance is owed, and what it is counted in."""
VALUES = {"reward": "point_value", "stamp": "stamp_value"}
"""The options that say what one of these is worth; cashback is money already."""
EXPENSE, LIABILITY, REDEEMED = "account_expense", "account_liability", "account_redeemed"
ROLES = {EXPENSE: "what is earned", LIABILITY: "what is owed", REDEEMED: "what is redeemed"}
SHOWN = 40
"""Accounts that an error names."""

Points = Mapping[str, int]
"""Points by the kind of card."""


class Flow(NamedTuple):
    """A kind of movement: the account that is debited, the one that is credited, and how a line says it."""

    debit: str
    credit: str
    words: str


FLOWS = {
    "opening": Flow(EXPENSE, LIABILITY, "Outstanding when the books began"),
    "revalued": Flow(EXPENSE, LIABILITY, "Outstanding, valued anew"),
    "earned": Flow(EXPENSE, LIABILITY, "Earned"),
    "earned_before": Flow(EXPENSE, LIABILITY, "Earned by sales of earlier days"),
    "reversed": Flow(LIABILITY, EXPENSE, "Taken back for refunds"),
    "reversed_before": Flow(LIABILITY, EXPENSE, "Taken back for refunds of earlier days"),
    "redeemed": Flow(LIABILITY, REDEEMED, "Redeemed"),
    "added": Flow(EXPENSE, LIABILITY, "Adjusted: added otherwise than by a sale"),
}
"""In the order of a journal. Less than nothing turns the two sides round."""


@dataclass(frozen=True)
class Known:
    """What the ledger knows of a stretch of days: points that sales brought, and those that refunds took back."""

    earned: Points = field(default_factory=dict)
    reversed: Points = field(default_factory=dict)

    def __add__(self, other: "Known") -> "Known":
        return Known(_sum(self.earned, other.earned), _sum(self.reversed, other.reversed))

    @property
    def net(self) -> Points:
        return less(self.earned, self.reversed)


@dataclass(frozen=True)
class Stand:
    """Up to where the books are kept. `day` is over in them; `earned`, `reversed` and `redeemed` count from ever on.

    `opening` waits to be booked; `outstanding` is what was booked and not yet redeemed, at `values` (minor units).
    `exact` is each flow's sum of all days before rounding: a journal books by how much the rounded sum grew.
    """

    day: date
    earned: Points = field(default_factory=dict)
    reversed: Points = field(default_factory=dict)
    redeemed: Points = field(default_factory=dict)
    opening: Points = field(default_factory=dict)
    outstanding: Points = field(default_factory=dict)
    values: Mapping[str, Decimal] = field(default_factory=dict)
    exact: Mapping[str, Decimal] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As a cursor keeps it."""
        points = ("earned", "reversed", "redeemed", "opening", "outstanding")
        return {
            "day": self.day.isoformat(),
            **{name: dict(getattr(self, name)) for name in points},
            **{name: {n: str(v) for n, v in getattr(self, name).items()} for name in ("values", "exact")},
        }

    @classmethod
    def of(cls, kept: dict[str, Any]) -> "Stand":
        numbers = {name: {n: Decimal(v) for n, v in kept[name].items()} for name in ("values", "exact")}
        return cls(**{**kept, "day": date.fromisoformat(kept["day"]), **numbers})


class Entry(NamedTuple):
    """A movement of a day: what it is, its amount in minor units (below nothing: the other way round), the points."""

    flow: str
    minor: int
    points: Points


def book_day(
    stand: Stand, before: Known, of_day: Known, redeemed: Points, values: Mapping[str, Decimal]
) -> tuple[list[Entry], Stand]:
    """The next day's bookings, and the stand after it.

    `before` is what is known by now of all earlier days, `of_day` of the day itself; `redeemed` is all that was ever
    seen to be redeemed up to it; `values` are what a point of each kind is worth from now on, in minor units.
    """
    missing = less(redeemed, stand.redeemed)
    moved: dict[str, Points] = {
        "opening": stand.opening,
        "earned": of_day.earned,
        "earned_before": less(before.earned, stand.earned),
        "reversed": of_day.reversed,
        "reversed_before": less(before.reversed, stand.reversed),
        "redeemed": {kind: max(0, count) for kind, count in missing.items()},
        "added": {kind: max(0, -count) for kind, count in missing.items()},
    }
    worth = {flow: _worth(points, values) for flow, points in moved.items()}
    dearer = {
        kind: value - stand.values[kind]
        for kind, value in values.items()
        if stand.values.get(kind) is not None
    }
    moved["revalued"] = stand.outstanding
    worth["revalued"] = _worth(stand.outstanding, dearer)
    exact = {flow: stand.exact.get(flow, Decimal()) + worth[flow] for flow in FLOWS}
    entries = [
        Entry(flow, minor, {kind: count for kind, count in moved[flow].items() if count and values.get(kind)})
        for flow in FLOWS
        if (minor := _whole(exact[flow]) - _whole(stand.exact.get(flow, Decimal())))
    ]
    known = before + of_day
    grown = less(_sum(stand.opening, known.net), _sum(less(stand.earned, stand.reversed), missing))
    after = Stand(
        stand.day + timedelta(days=1), known.earned, known.reversed, dict(redeemed), {},
        _sum(stand.outstanding, grown), dict(values), {flow: sum_ for flow, sum_ in exact.items() if sum_},
    )  # fmt: skip
    return entries, after


def journal_of(
    key: str,
    day: date,
    entries: Iterable[Entry],
    accounts: Mapping[str, str],
    currency: str,
    attempt: int = 1,
) -> Journal:
    """A day's bookings as a journal; `accounts` are the vendor's ids by what they are for. It always adds up to 0."""
    lines: list[JournalLine] = []
    entries = list(entries)
    for entry in entries:
        flow = FLOWS[entry.flow]
        counts = ", ".join(f"{count} {UNITS[kind]}" for kind, count in entry.points.items() if kind in VALUES)
        memo = f"{flow.words} ({counts})" if counts else flow.words
        lines.append(JournalLine(accounts[flow.debit], entry.minor, memo))
        lines.append(JournalLine(accounts[flow.credit], -entry.minor, memo))
    memo = f"Perkstar loyalty of {day} ({key}): {said(entries, currency)}"
    return Journal(key, day.isoformat(), currency, memo, tuple(lines), attempt)


def said(entries: Iterable[Entry], currency: str) -> str:
    """Bookings in a line for people."""
    return ", ".join(f"{FLOWS[one.flow].words.lower()} {amount(one.minor, currency)}" for one in entries)


def key_of(integration_id: str, day: date) -> str:
    """The name of an integration's journal of a day: 19 characters, the same whenever it is asked for."""
    return f"PK{day:%Y%m%d}-{hashlib.sha256(integration_id.encode()).hexdigest()[:8]}"


def values_of(options: Mapping[str, Any], currency: str, kinds: Iterable[str]) -> dict[str, Decimal]:
    """What a point of each kind is worth, in minor units.

    Raises PerkstarError MAPPING for a kind that there are cards of and whose worth nobody has said: 0 leaves it out.
    """
    found = {"cashback": Decimal(1)}
    for kind, option in VALUES.items():
        given = str(options.get(option) or "").strip()
        if not given:
            if kind not in kinds:
                continue
            raise PerkstarError(
                ErrorKind.MAPPING,
                f"There are cards with {UNITS[kind]}, and nobody has said what one is worth in the books.",
                remedy=f"Say it with --set {option}=0.01 (in {currency}); 0 leaves them out.",
                field=option,
            )
        try:
            value = Decimal(given)
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite() or value < 0:
            raise PerkstarError(
                ErrorKind.MAPPING,
                f"{given!r} is no amount that one of the {UNITS[kind]} could be worth.",
                remedy=f"Say it with --set {option}=0.01 (in {currency}).",
                field=option,
            )
        found[kind] = value.scaleb(minor_digits(currency))
    return found


def choose(accounts: Sequence[LedgerAccount], options: Mapping[str, Any], title: str) -> dict[str, str]:
    """The ids of the accounts that the admin chose by name, code or id. Raises PerkstarError MAPPING that lists all."""
    chosen: dict[str, LedgerAccount] = {}
    for option, use in ROLES.items():
        wanted = str(options.get(option) or "").strip()
        found = _found(accounts, wanted)
        if len(found) != 1:
            many = ", ".join(sorted({f"{one} (id {one.id})" for one in found}))
            raise PerkstarError(
                ErrorKind.MAPPING,
                f"Several accounts of {title} are called {wanted!r}: {many}."
                if found
                else f"{title} has no account {wanted!r} to book {use} under."
                if wanted
                else f"No account is chosen to book {use} under.",
                remedy=f"Choose one with --set {option}=NAME. There are: {_listed(accounts)}.",
                field=option,
            )
        chosen[option] = found[0]
    if chosen[LIABILITY] in (chosen[EXPENSE], chosen[REDEEMED]):
        raise PerkstarError(
            ErrorKind.MAPPING,
            "What is owed needs an account of its own: debit and credit would go to the same one.",
            remedy=f"Choose another one with --set {LIABILITY}=NAME. There are: {_listed(accounts)}.",
            field=LIABILITY,
        )
    for option, account in chosen.items():
        if option in account.unfit:
            fit = [one for one in accounts if option not in one.unfit]
            raise PerkstarError(
                ErrorKind.MAPPING,
                f"{account} is of the kind {account.kind} at {title}: {ROLES[option]} can't be booked under it.",
                remedy=f"Choose another one with --set {option}=NAME. There are: {_listed(fit)}.",
                field=option,
            )
    return {option: account.id for option, account in chosen.items()}


def _found(accounts: Sequence[LedgerAccount], wanted: str) -> list[LedgerAccount]:
    """Accounts by their code, else by their name, code and name, or id."""
    name = wanted.casefold()
    by_code = [one for one in accounts if name and one.code.casefold() == name]
    if by_code:
        return by_code
    by_name = [one for one in accounts if name and name in (one.name.casefold(), str(one).casefold())]
    return by_name or [one for one in accounts if wanted and one.id == wanted]


def _listed(accounts: Sequence[LedgerAccount]) -> str:
    shown = ", ".join(str(one) for one in accounts[:SHOWN])
    return f"{shown} and {len(accounts) - SHOWN} more" if len(accounts) > SHOWN else shown or "none"


def _sum(one: Points, other: Points) -> dict[str, int]:
    return {kind: one.get(kind, 0) + other.get(kind, 0) for kind in {**one, **other}}


def less(one: Points, other: Points) -> dict[str, int]:
    """Points without others, by kind; it may come to less than nothing."""
    return {kind: one.get(kind, 0) - other.get(kind, 0) for kind in {**one, **other}}


def _worth(points: Points, values: Mapping[str, Decimal]) -> Decimal:
    return sum((count * values.get(kind, Decimal()) for kind, count in points.items()), Decimal())


def _whole(exact: Decimal) -> int:
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))

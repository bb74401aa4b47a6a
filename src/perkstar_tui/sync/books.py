"""Loyalty in the books: what was earned, taken back and redeemed becomes one journal for each day, entered once.

A day is booked when it is over in the account's zone. A journal that was entered is never changed: what becomes known
later of earlier days (a sale read late, a refund of an old sale) is booked with the next day, under words of its own.

Perkstar tells what a card has, not what was redeemed from it. So redeemed is what is missing: all that was ever
credited, less what the cards have. It is booked on the day on which it was first seen, since it can't have happened
later; the other way round, points that no sale explains were added by hand or by somebody else, and are booked as such.
Balances of cards that expired or were taken away count as redeemed, for the same reason.

The books begin with the day on which they are switched on. What the cards had before is booked only if the admin wants.

Cards whose balance is no debt of the business are left out: gift cards and multi-passes were paid for, and discounts,
coupons and memberships hold nothing.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, func, select

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.money import amount, minor_digits
from perkstar_tui.model.remote import Journal, JournalLine, Ledger, LedgerAccount
from perkstar_tui.platforms.connector import Bookkeeper

from .context import CARD, CURSOR, INTENT, TRANSACTION, Leg

PLACE = ("books", "out")
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


# -- what is booked, pure ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """What the ledger knows of a stretch of days: points that sales brought, and those that refunds took back."""

    earned: Points = field(default_factory=dict)
    reversed: Points = field(default_factory=dict)

    def __add__(self, other: "Known") -> "Known":
        return Known(_sum(self.earned, other.earned), _sum(self.reversed, other.reversed))

    @property
    def net(self) -> Points:
        return _less(self.earned, self.reversed)


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
    missing = _less(redeemed, stand.redeemed)
    moved: dict[str, Points] = {
        "opening": stand.opening,
        "earned": of_day.earned,
        "earned_before": _less(before.earned, stand.earned),
        "reversed": of_day.reversed,
        "reversed_before": _less(before.reversed, stand.reversed),
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
    grown = _less(_sum(stand.opening, known.net), _sum(_less(stand.earned, stand.reversed), missing))
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


def _less(one: Points, other: Points) -> dict[str, int]:
    return {kind: one.get(kind, 0) - other.get(kind, 0) for kind in {**one, **other}}


def _worth(points: Points, values: Mapping[str, Decimal]) -> Decimal:
    return sum((count * values.get(kind, Decimal()) for kind, count in points.items()), Decimal())


def _whole(exact: Decimal) -> int:
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


# -- what the store knows ---------------------------------------------------------------------------------------


def _begins(day: date, zone: str) -> datetime:
    return datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC)


_EFFECT = TRANSACTION.c.earned + TRANSACTION.c.owed
"""What a line did to its card: less was taken back than was due where the balance would have gone below zero."""


def _known(rows: Iterable[Any]) -> Known:
    earned: Counter[str] = Counter()
    back: Counter[str] = Counter()
    for kind, line_kind, points in rows:
        if line_kind == "refund":
            back[kind] -= int(points)
        else:
            earned[kind] += int(points)
    return Known(earned, back)


def _credited(connection: Connection, until: datetime | None = None) -> Known:
    """What was credited to the cards by sales and refunds that happened before a moment, or ever."""
    query = (
        select(CARD.c.kind, TRANSACTION.c.line_kind, func.sum(_EFFECT))
        .join(CARD, CARD.c.id == TRANSACTION.c.card_id)
        .where(TRANSACTION.c.state == "credited", CARD.c.kind.in_(list(UNITS)))
        .group_by(CARD.c.kind, TRANSACTION.c.line_kind)
    )
    return _known(
        connection.execute(query if until is None else query.where(TRANSACTION.c.happened_at < until))
    )


def _by_day(connection: Connection, first: date, until: date, zone: str) -> dict[date, Known]:
    """The same for each day of a stretch, as clocks in the zone show it."""
    days: dict[date, list[Any]] = {}
    for kind, line_kind, at, points in connection.execute(
        select(CARD.c.kind, TRANSACTION.c.line_kind, TRANSACTION.c.happened_at, _EFFECT)
        .join(CARD, CARD.c.id == TRANSACTION.c.card_id)
        .where(
            TRANSACTION.c.state == "credited",
            CARD.c.kind.in_(list(UNITS)),
            TRANSACTION.c.happened_at >= _begins(first, zone),
            TRANSACTION.c.happened_at < _begins(until, zone),
        )
    ):
        days.setdefault(at.astimezone(ZoneInfo(zone)).date(), []).append((kind, line_kind, points))
    return {day: _known(rows) for day, rows in days.items()}


def _balances(connection: Connection) -> Points:
    rows = connection.execute(
        select(CARD.c.kind, func.sum(CARD.c.balance))
        .where(CARD.c.kind.in_(list(UNITS)))
        .group_by(CARD.c.kind)
    )
    return {kind: int(balance) for kind, balance in rows}


def _kinds(connection: Connection) -> set[str]:
    """The kinds of cards that there are."""
    return {row.kind for row in connection.execute(select(CARD.c.kind).distinct())}


def _unsure(connection: Connection) -> bool:
    """Whether an operation is open of which nobody knows if the balance has it already."""
    found = connection.execute(select(INTENT.c.id).where(INTENT.c.act == "operate").limit(1))
    return found.first() is not None


# -- the leg ----------------------------------------------------------------------------------------------------


class Due(NamedTuple):
    """A day whose journal has not been entered: its bookings, and the stand after it."""

    day: date
    entries: list[Entry]
    after: Stand


def wanted(leg: Leg) -> bool:
    """Whether the admin wants the books to be kept there."""
    config = leg.config
    return config.books is not None and config.direction.outward and config.options.get("books") == "yes"


async def keep_books(leg: Leg) -> None:
    """Enter the journal of every day that is over.

    Raises PerkstarError MAPPING where an account or a value is missing or wrong, and what the vendor says of a journal.
    """
    if leg.config.books is None:
        return
    if not wanted(leg):
        if leg.cursor(*PLACE) is not None:
            # Switched on again, the books begin anew.
            with leg.store.write(leg.lease.fence) as connection:
                connection.execute(
                    delete(CURSOR).where(CURSOR.c.integration_id == leg.id, CURSOR.c.data == PLACE[0])
                )
        return
    keeper = leg.connector
    if not isinstance(keeper, Bookkeeper):
        raise PerkstarError(ErrorKind.INTERNAL, f"{leg.config.title} has no way to take journals.")
    kept = leg.cursor(*PLACE)
    if kept is None:
        await check(leg, keeper)
        with leg.store.write(leg.lease.fence) as connection:
            if not _unsure(connection):
                leg.save_cursor(connection, *PLACE, _opened(leg, connection))
        return
    _look(leg, kept)
    if "under_way" in kept:
        await _settle(leg, keeper, kept)
    accounts: dict[str, str] = {}
    with leg.store.read() as connection:
        settings = _settings(leg, connection)
    if kept.get("checked") != settings:
        accounts = await check(leg, keeper)
        kept["checked"] = settings
        _save(leg, kept)
    for due in waiting(leg, kept):
        await leg.pause_point()
        if not due.entries:
            _advance(leg, kept, due.after)
            continue
        accounts = accounts or await check(leg, keeper)
        journal = journal_of(
            key_of(leg.id, due.day),
            due.day,
            due.entries,
            accounts,
            leg.config.currency,
            kept.get("attempt", 1),
        )
        await _enter(leg, keeper, kept, journal, due.after)


def waiting(leg: Leg, kept: dict[str, Any], *, so_far: bool = False) -> Iterator[Due]:
    """The days that are over and not booked, in their order, and with `so_far` today as far as it is known."""
    config = leg.config
    stand = Stand.of(kept["stand"])
    until = today(leg) + timedelta(days=so_far)
    first = stand.day + timedelta(days=1)
    if first >= until:
        return
    with leg.store.read() as connection:
        before = _credited(connection, _begins(first, config.zone))
        days = _by_day(connection, first, until, config.zone)
        kinds = _kinds(connection)
    values = values_of(config.options, config.currency, kinds)
    while first < until:
        of_day = days.get(first, Known())
        redeemed = _seen(kept, first, stand)
        entries, stand = book_day(stand, before, of_day, redeemed, values)
        yield Due(first, entries, stand)
        before += of_day
        first += timedelta(days=1)


async def foresee(leg: Leg, keeper: Bookkeeper) -> tuple[bool, list[Due]]:
    """Whether the books have begun, and what a run would book: days that are over, and today so far.

    For a leg on a copy of the store; the vendor is only asked. Raises PerkstarError as `check` does.
    """
    await check(leg, keeper)
    kept = leg.cursor(*PLACE)
    begun = kept is not None
    if kept is None:
        with leg.store.read() as connection:
            kept = _opened(leg, connection)
    _look(leg, kept)
    return begun, [due for due in waiting(leg, kept, so_far=True) if due.entries]


def today(leg: Leg) -> date:
    """The day that it is in the account's zone."""
    return leg.clock.now().astimezone(ZoneInfo(leg.config.zone)).date()


def _opened(leg: Leg, connection: Connection) -> dict[str, Any]:
    """The stand with which the books begin: today is the first day that is booked."""
    config = leg.config
    first = today(leg)
    before, ever = _credited(connection, _begins(first, config.zone)), _credited(connection)
    balances = _balances(connection)
    stand = Stand(
        first - timedelta(days=1), before.earned, before.reversed, _less(ever.net, balances),
        # What the cards had when the day began.
        opening=_less(balances, _less(ever.net, before.net)) if config.options.get("books_opening") == "yes" else {},
    )  # fmt: skip
    return {"stand": stand.as_json(), "seen": {}, "checked": _settings(leg, connection)}


def _look(leg: Leg, kept: dict[str, Any]) -> None:
    """See what was redeemed by now, and remember it under today's date."""
    day = today(leg).isoformat()
    with leg.store.read() as connection:
        if _unsure(connection):
            return
        redeemed = _less(_credited(connection).net, _balances(connection))
    if kept["seen"].get(day) != redeemed:
        kept["seen"] = {**kept["seen"], day: redeemed}
        _save(leg, kept)


def _seen(kept: dict[str, Any], day: date, stand: Stand) -> Points:
    """All that was seen to be redeemed up to a day."""
    seen = {at: points for at, points in kept["seen"].items() if at <= day.isoformat()}
    return seen[max(seen)] if seen else stand.redeemed


async def check(leg: Leg, keeper: Bookkeeper) -> dict[str, str]:
    """The ids of the chosen accounts. Raises PerkstarError MAPPING where one is wrong, or a value, or the currency."""
    config = leg.config
    with leg.store.read() as connection:
        kinds = _kinds(connection)
    values_of(config.options, config.currency, kinds)
    ledger: Ledger = await keeper.ledger()
    if ledger.currency not in (None, config.currency):
        raise PerkstarError(
            ErrorKind.MAPPING,
            f"The books at {config.title} are kept in {ledger.currency}, this account counts in {config.currency}.",
            remedy="Connect books of the same currency, or switch them off with --set books=no.",
            field="books",
        )
    return choose(ledger.accounts, config.options, config.title)


def _settings(leg: Leg, connection: Connection) -> dict[str, Any]:
    """What a check looks at on this side: while it is as it was at the last one, the vendor need not be asked."""
    options = {name: str(leg.config.options.get(name) or "") for name in (*ROLES, *VALUES.values())}
    return {**options, "currency": leg.config.currency, "kinds": sorted(_kinds(connection))}


async def _enter(leg: Leg, keeper: Bookkeeper, kept: dict[str, Any], journal: Journal, after: Stand) -> None:
    """Enter a journal, which is written down before: a run that ends in between asks whether it is there."""
    lines = [[line.account, line.minor, line.memo] for line in journal.lines]
    kept["under_way"] = {
        "key": journal.key, "day": journal.day, "currency": journal.currency, "memo": journal.memo, "lines": lines,
        "attempt": journal.attempt, "after": after.as_json(),
    }  # fmt: skip
    with leg.store.write(leg.lease.fence, durable=True) as connection:
        leg.save_cursor(connection, *PLACE, kept)
    await _send(leg, keeper, kept, journal, after)


async def _settle(leg: Leg, keeper: Bookkeeper, kept: dict[str, Any]) -> None:
    """A journal that was under way when a run ended: it is there, or it is entered as it was meant."""
    noted = dict(kept["under_way"])
    after = Stand.of(noted.pop("after"))
    journal = Journal(**{**noted, "lines": tuple(JournalLine(*line) for line in noted["lines"])})
    if await keeper.entered(journal):
        _count(leg, kept, after)
    else:
        await _send(leg, keeper, kept, journal, after)


_UNHEARD = (
    ErrorKind.NETWORK,
    ErrorKind.SERVICE_UNAVAILABLE,
    ErrorKind.RATE_LIMITED,
    ErrorKind.CREDENTIAL_REFUSED,
)
"""What leaves open whether a journal was entered, or says nothing of the journal."""


async def _send(leg: Leg, keeper: Bookkeeper, kept: dict[str, Any], journal: Journal, after: Stand) -> None:
    try:
        await keeper.enter(journal)
    except PerkstarError as error:
        if error.kind in _UNHEARD:
            raise
        # Refused: what is changed at either side may well be another journal.
        kept.pop("under_way", None)
        kept["attempt"] = journal.attempt + 1
        _save(leg, kept)
        if error.kind is not ErrorKind.PERMISSION_MISSING:
            said = f" {error.vendor_words}" if error.vendor_words else ""
            error.message = f"{leg.config.title} refused the journal of {journal.day}.{said}"
            error.remedy = "Correct what it names at either side; the next run enters it."
        raise
    _count(leg, kept, after)


def _count(leg: Leg, kept: dict[str, Any], after: Stand) -> None:
    """The journal that was under way is in the books."""
    kept.pop("under_way", None)
    kept.pop("attempt", None)
    _advance(leg, kept, after)
    leg.outward.created += 1


def _advance(leg: Leg, kept: dict[str, Any], after: Stand) -> None:
    kept["stand"] = after.as_json()
    kept["seen"] = {at: points for at, points in kept["seen"].items() if at > after.day.isoformat()}
    _save(leg, kept)


def _save(leg: Leg, kept: dict[str, Any]) -> None:
    with leg.store.write(leg.lease.fence) as connection:
        leg.save_cursor(connection, *PLACE, kept)

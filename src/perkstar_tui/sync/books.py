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

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, func, select

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Journal, JournalLine, Ledger
from perkstar_tui.platforms.connector import Bookkeeper

from .context import CARD, CURSOR, INTENT, TRANSACTION, Leg
from .journals import (
    ROLES,
    UNITS,
    VALUES,
    Entry,
    Known,
    Points,
    Stand,
    book_day,
    choose,
    journal_of,
    key_of,
    less,
    values_of,
)

PLACE = ("books", "out")


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
        first - timedelta(days=1), before.earned, before.reversed, less(ever.net, balances),
        # What the cards had when the day began.
        opening=less(balances, less(ever.net, before.net)) if config.options.get("books_opening") == "yes" else {},
    )  # fmt: skip
    return {"stand": stand.as_json(), "seen": {}, "checked": _settings(leg, connection)}


def _look(leg: Leg, kept: dict[str, Any]) -> None:
    """See what was redeemed by now, and remember it under today's date."""
    day = today(leg).isoformat()
    with leg.store.read() as connection:
        if _unsure(connection):
            return
        redeemed = less(_credited(connection).net, _balances(connection))
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

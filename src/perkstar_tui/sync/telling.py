"""Telling customers' moments (`moments.py`) to a platform, each once an occasion.

Found are they by what changed since the last run, and once a day (of the account's zone) by what the day brings.
Before a call its moments are written down as being under way: after a lost answer the platform is asked, where it can
say, and what it has is not told again.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, func, insert, or_, select

from perkstar_tui.model.enums import DataType, Level
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import MOMENTS, MomentKind, Told
from perkstar_tui.platforms.connector import Teller
from perkstar_tui.platforms.parts import EventsSpec

from . import filters
from .context import CARD, CUSTOMER, INTEGRATION, LINK, TOLD, TRANSACTION, Leg, name_of
from .moments import (
    LATE,
    NEWS,
    OPTIONS,
    TITLES,
    Moment,
    Person,
    PersonCard,
    Purchase,
    Terms,
    chosen,
    moments_of,
)

PAGE = 500
DATA = DataType.CUSTOMERS.value
CURSOR = (DATA, "events")
MOST_WAITING = 1000
"""Customers that are kept in mind because they are not known at the platform yet."""


async def send_moments(leg: Leg, spec: EventsSpec) -> None:
    """Tell every moment that was not told yet to a platform that knows its customer."""
    kinds = chosen(leg.config.options.get("events"))
    if not kinds:
        return
    teller = leg.connector
    if not isinstance(teller, Teller):
        raise PerkstarError(ErrorKind.INTERNAL, f"{leg.config.title} has no way to be told of events.")
    await _Telling(leg, spec, teller, kinds).carry_out()


class _Telling:
    """The moments of one run. `stand` is the cursor: from when on, revisions seen, the day looked at, who waits."""

    def __init__(self, leg: Leg, spec: EventsSpec, teller: Teller, kinds: frozenset[MomentKind]) -> None:
        self.leg, self.spec, self.teller = leg, spec, teller
        self.stand: dict[str, Any] = dict(leg.cursor(*CURSOR) or {})
        if "start" not in self.stand:
            self.stand["start"] = self._begin().isoformat()
        if not kinds <= set(self.stand.get("kinds", ())):
            # Of a kind that is told from now on, everybody's present state has to be seen.
            self.stand |= {"customers": 0, "sales": 0}
        self.stand["kinds"] = sorted(kinds)
        self.waiting: dict[str, None] = dict.fromkeys(self.stand.pop("waiting", ()))
        zone = ZoneInfo(leg.config.zone)
        days = {name: int(leg.config.options.get(name) or default) for name, default in OPTIONS.items()}
        start = datetime.fromisoformat(self.stand["start"])
        start = max(start, leg.clock.now() - NEWS)
        self.terms = Terms(kinds, leg.clock.now().astimezone(zone).date(), start, zone, **days)

    def _begin(self) -> datetime:
        """What lies before the integration was activated, or before events were switched on later, is no news."""
        activated: datetime | None = None
        if self.leg.first_run:
            with self.leg.store.read() as connection:
                activated = connection.execute(
                    select(INTEGRATION.c.activated_at).where(INTEGRATION.c.id == self.leg.id)
                ).scalar()
        return activated or self.leg.clock.now()

    async def carry_out(self) -> None:
        await self._settle()
        before = list(self.waiting)
        for start in range(0, len(before), PAGE):
            await self._look_at(before[start : start + PAGE])
        for name, changed in (("customers", self._customers), ("sales", self._buyers)):
            while True:
                await self.leg.pause_point()
                revision, ids = changed(int(self.stand.get(name, 0)))
                if revision is None:
                    break
                await self._look_at(ids)
                self._save(**{name: revision})
        if self.stand.get("day") != self.terms.today.isoformat():
            for part in self._of_the_day():
                await self._look_at(part)
            self._save(day=self.terms.today.isoformat())
        elif before or self.waiting:
            self._save()

    # -- whom to look at ---------------------------------------------------------------------------------------
    def _customers(self, since: int) -> tuple[int | None, list[str]]:
        """Customers changed since a revision, and the last revision of these."""
        return self._changed(select(CUSTOMER.c.id, CUSTOMER.c.revision), CUSTOMER.c.revision, since)

    def _buyers(self, since: int) -> tuple[int | None, list[str]]:
        """Customers of sales made or changed since a revision, and the last revision of these."""
        sales = select(TRANSACTION.c.customer_id.label("id"), TRANSACTION.c.revision).where(
            TRANSACTION.c.line_kind == "sale", TRANSACTION.c.happened_at >= self.terms.start
        )
        return self._changed(sales, TRANSACTION.c.revision, since)

    def _changed(self, query: Any, revision: Any, since: int) -> tuple[int | None, list[str]]:
        query = query.where(revision > since).order_by(revision)
        with self.leg.store.read() as connection:
            rows = list(connection.execute(query.limit(PAGE)))
            if len(rows) == PAGE:
                # Those of one revision stay together.
                rows += connection.execute(query.where(revision == rows[-1].revision))
        ids = dict.fromkeys(row.id for row in rows if row.id)
        return (rows[-1].revision if rows else None), list(ids)

    def _of_the_day(self) -> Iterator[list[str]]:
        """Customers for whom a day has come since the last look; birthdays alone are found without an index."""
        terms = self.terms
        looked = max(terms.start_day, date.fromisoformat(self.stand.get("day") or "0001-01-01"))
        queries = []
        if "inactive" in terms.kinds:
            silent = timedelta(days=terms.inactive_days)
            first, last = looked - silent, terms.today - silent
            queries.append(
                select(CUSTOMER.c.id).where(
                    CUSTOMER.c.last_visit >= first.isoformat(),
                    CUSTOMER.c.last_visit < (last + timedelta(days=1)).isoformat(),
                )
            )
            queries.append(
                select(TRANSACTION.c.customer_id).where(
                    TRANSACTION.c.happened_at >= self._midnight(first),
                    TRANSACTION.c.happened_at < self._midnight(last + timedelta(days=1)),
                    TRANSACTION.c.customer_id.is_not(None),
                )
            )
        if "points_expiring" in terms.kinds:
            end = terms.today + timedelta(days=terms.expiring_days + 1)
            queries.append(
                select(CARD.c.customer_id).where(
                    CARD.c.expires_at >= self._midnight(terms.today), CARD.c.expires_at < self._midnight(end)
                )
            )
        if "birthday" in terms.kinds:
            ahead = terms.today + timedelta(days=terms.birthday_days_before)
            days = {(ahead - timedelta(days=back)).strftime("%m-%d") for back in range(LATE.days + 1)}
            if "02-28" in days:
                days.add("02-29")
            queries.append(
                select(CUSTOMER.c.id).where(or_(*(CUSTOMER.c.birth_date.like(f"%-{day}") for day in days)))
            )
        for query in queries:
            with self.leg.store.read() as connection:
                ids = list(dict.fromkeys(connection.execute(query).scalars()))
            for start in range(0, len(ids), PAGE):
                yield ids[start : start + PAGE]

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.terms.zone).astimezone(UTC)

    # -- looking and telling -----------------------------------------------------------------------------------
    async def _look_at(self, ids: Sequence[str]) -> None:
        """Tell what these customers have to tell."""
        if not ids:
            return
        for id_ in ids:
            self.waiting.pop(id_, None)
        with self.leg.store.read() as connection:
            rows = {
                row.id: row
                for row in connection.execute(
                    select(CUSTOMER).where(CUSTOMER.c.id.in_(ids), CUSTOMER.c.archived_at.is_(None))
                )
            }
            people = _people(connection, rows, self.terms)
            names = [f"{id_}:{end}" for id_ in rows for end in ("tier", "birthday", "first", "inactive")]
            names += [f"{card.id}:expiring" for person in people for card in person.cards]
            known = _known(connection, self.leg.id, names)
            occasions = {name: occasion for name, (occasion, _) in known.items()}
            found = [(person, moments_of(person, self.terms, occasions)) for person in people]
            due = [person.id for person, moments in found if any(not m.noted for m in moments)]
            links = {
                row.hub_id: row
                for row in connection.execute(
                    select(LINK.c.hub_id, LINK.c.remote_id, LINK.c.version).where(
                        LINK.c.integration_id == self.leg.id, LINK.c.data == DATA, LINK.c.hub_id.in_(due),
                        filters.linked(), LINK.c.code.is_distinct_from(filters.TO_PLATFORM),
                        LINK.c.remote_id.is_not(None),
                    )
                )
            } if due else {}  # fmt: skip
        noted: list[tuple[str, str, int]] = []
        telling: list[tuple[Told, Moment, int]] = []
        for person, moments in found:
            row = rows[person.id]
            refuses = self.spec.marketing and row.marketing_consent == "no"
            for moment in moments:
                version = known.get(moment.id, ("", 0))[1]
                # An event that has ended is no event; a day in a field is taken out there.
                over = moment.day is None and self.spec.call is not None
                if moment.noted or over or refuses:
                    noted.append((moment.id, moment.occasion, version))
                    self.leg.outward.excluded += not moment.noted and not over
                elif person.id not in links:
                    self.waiting[person.id] = None
                else:
                    telling.append(
                        (self._told(row, links[person.id], moment, version + 1), moment, version + 1)
                    )
        if noted:
            with self.leg.store.write(self.leg.lease.fence) as connection:
                _keep(connection, self.leg, noted)
        await self._tell(telling, rows)

    def _told(self, row: Any, link: Any, moment: Moment, version: int) -> Told:
        key = f"{moment.id.replace(':', '.')}.{version}"
        at = moment.values.get("at") or self.leg.clock.now()
        day = moment.day.isoformat() if moment.day is not None else ""
        values = {
            "tier": row.tier, "tier_before": None, "days": None, "amount": None, "currency": None,
            "balance": row.balance or 0, **moment.values, "key": key, "kind": moment.kind,
            "title": TITLES[moment.kind], "text": moment.text, "day": day,
            "at": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "remote": link.remote_id, "customer": row.id,
            "email": row.email, "phone": row.phone, "first_name": row.first_name,
        }  # fmt: skip
        return Told(key, moment.kind, link.remote_id, day, values, link.version)

    async def _tell(self, telling: Sequence[tuple[Told, Moment, int]], rows: Mapping[str, Any]) -> None:
        for kind in MOMENTS:
            same = [one for one in telling if one[1].kind == kind]
            for start in range(0, len(same), self.spec.at_once):
                part = same[start : start + self.spec.at_once]
                await self.leg.pause_point()
                kept = [(moment.id, moment.occasion, version) for _, moment, version in part]
                told = [one for one, _, _ in part]
                # What is asked for after a lost answer: the last of a call that is made one by one, else any.
                self._save(
                    under_way={"kept": kept, "key": told[-1].key, "kind": kind, "remote": told[-1].remote}
                )
                errors = await self.teller.tell(told)
                del self.stand["under_way"]
                with self.leg.store.write(self.leg.lease.fence) as connection:
                    _keep(connection, self.leg, kept)
                    for one, error in zip(told, errors, strict=True):
                        if error is not None:
                            self._refused(connection, rows[one.values["customer"]], one, error)
                    self._write_cursor(connection)
                refused = sum(error is not None for error in errors)
                self.leg.rejected_anew += refused
                self.leg.outward.held += refused
                self.leg.outward.created += len(told) - refused

    def _refused(self, connection: Connection, row: Any, told: Told, error: PerkstarError) -> None:
        """What a platform refuses is not offered again: the day has passed by the time somebody has mended it."""
        words = error.vendor_words or error.message
        self.leg.log(
            connection, Level.ERROR, error.kind,
            f"{self.leg.config.title} refused the event {TITLES[told.kind].lower()!r}: {words}",
            record=row.id, record_name=name_of(row), error=error,
        )  # fmt: skip

    async def _settle(self) -> None:
        """What was under way when a run ended: kept as told where the platform has it, else found and told again."""
        under_way = self.stand.get("under_way")
        if not under_way:
            return
        there = await self.teller.was_told(Told(under_way["key"], under_way["kind"], under_way["remote"]))
        del self.stand["under_way"]
        if not there:
            # They are looked at again, since the page that they came from may have been left by now.
            self.waiting.update(dict.fromkeys(self._owners(id_ for id_, _, _ in under_way["kept"])))
        with self.leg.store.write(self.leg.lease.fence) as connection:
            if there:
                _keep(connection, self.leg, under_way["kept"])
            self._write_cursor(connection)

    def _owners(self, moments: Iterable[str]) -> list[str]:
        """Whose moments these are."""
        parts = [id_.rpartition(":")[0] for id_ in moments]
        with self.leg.store.read() as connection:
            cards = select(CARD.c.id, CARD.c.customer_id).where(CARD.c.id.in_(parts))
            owners = {row.id: row.customer_id for row in connection.execute(cards)}
        return [owners.get(part, part) for part in parts]

    # -- the cursor --------------------------------------------------------------------------------------------
    def _save(self, **more: Any) -> None:
        self.stand |= more
        with self.leg.store.write(self.leg.lease.fence) as connection:
            self._write_cursor(connection)

    def _write_cursor(self, connection: Connection) -> None:
        waiting = list(self.waiting)[-MOST_WAITING:]
        value = {**self.stand, **({"waiting": waiting} if waiting else {})}
        self.leg.save_cursor(connection, *CURSOR, value)


def waits(leg: Leg) -> int:
    """How many customers have something to tell, but are not known at the platform yet."""
    return len((leg.cursor(*CURSOR) or {}).get("waiting", ()))


def _people(connection: Connection, rows: Mapping[str, Any], terms: Terms) -> list[Person]:
    """Customers with their cards and what the ledger says of them."""
    cards: dict[str, list[PersonCard]] = {}
    query = (
        select(CARD)
        .where(CARD.c.customer_id.in_(list(rows)), CARD.c.status != "deleted")
        .order_by(CARD.c.created_at)
    )
    for card in connection.execute(query):
        expires = terms.day_of(card.expires_at) if card.expires_at is not None else None
        made = PersonCard(card.id, card.balance, expires, card.tier)
        cards.setdefault(card.customer_id, []).append(made)
    last: dict[str, date] = {}
    sold = TRANSACTION.c.customer_id.in_(list(rows)) & (TRANSACTION.c.line_kind == "sale")
    first_at = func.min(TRANSACTION.c.happened_at)
    times = select(TRANSACTION.c.customer_id, first_at, func.max(TRANSACTION.c.happened_at)).where(sold)
    first: dict[str, Purchase] = {}
    news: dict[str, datetime] = {}
    for id_, earliest, latest in connection.execute(times.group_by(TRANSACTION.c.customer_id)):
        last[id_] = terms.day_of(latest)
        news[id_] = earliest
    wanted = [id_ for id_, at in news.items() if at >= terms.start]
    if wanted and "first_purchase" in terms.kinds:
        sales = select(
            TRANSACTION.c.customer_id,
            TRANSACTION.c.happened_at,
            TRANSACTION.c.total_minor,
            TRANSACTION.c.currency,
        ).where(TRANSACTION.c.customer_id.in_(wanted), TRANSACTION.c.line_kind == "sale")
        for id_, at, total, currency in connection.execute(sales.order_by(TRANSACTION.c.happened_at)):
            first.setdefault(id_, Purchase(at, total, currency))
    return [_person(row, cards.get(id_, ()), last.get(id_), first.get(id_)) for id_, row in rows.items()]


def _person(row: Any, cards: Collection[PersonCard], sold: date | None, first: Purchase | None) -> Person:
    visit = str(row.last_visit or "")[:10]
    try:
        seen = date.fromisoformat(visit) if visit else None
    except ValueError:
        seen = None
    days = [day for day in (seen, sold) if day is not None]
    # A card without a tier says nothing of the tier that another card gives.
    tier = next((card.tier for card in cards if card.tier), row.tier)
    return Person(
        row.id, tier, row.balance or 0, row.birth_date, max(days, default=None), first, tuple(cards)
    )


def _known(connection: Connection, integration_id: str, names: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Occasion and version of what was told or noted."""
    found: dict[str, tuple[str, int]] = {}
    for start in range(0, len(names), PAGE):
        rows = connection.execute(
            select(TOLD.c.moment, TOLD.c.occasion, TOLD.c.version).where(
                TOLD.c.integration_id == integration_id, TOLD.c.moment.in_(names[start : start + PAGE])
            )
        )
        found.update((row.moment, (row.occasion, row.version)) for row in rows)
    return found


def _keep(connection: Connection, leg: Leg, told: Sequence[Sequence[Any]]) -> None:
    """Remember occasions (moment, occasion, version)."""
    names = [row[0] for row in told]
    for start in range(0, len(names), PAGE):
        connection.execute(
            delete(TOLD).where(
                TOLD.c.integration_id == leg.id, TOLD.c.moment.in_(names[start : start + PAGE])
            )
        )
    now = leg.clock.now()
    connection.execute(
        insert(TOLD),
        [
            {"integration_id": leg.id, "moment": id_, "occasion": occasion, "version": version, "at": now}
            for id_, occasion, version in told
        ],
    )

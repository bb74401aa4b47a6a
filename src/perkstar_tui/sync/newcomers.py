"""Who is surely new during a first read: a sieve of what is known, so that the store is asked only for what may be.

Asking for a thousand addresses that nobody has cost a first read a third of its time.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from perkstar_tui.model.enums import DataType, LinkState
from perkstar_tui.model.ids import new_ids
from perkstar_tui.model.remote import RemoteRecord, Value
from perkstar_tui.store import tables as t
from perkstar_tui.store.bulk import insert_columns
from perkstar_tui.store.database import Store, table

from .context import CUSTOMER, LINK
from .records import fingerprint, somebody

if TYPE_CHECKING:
    from .context import Leg
    from .pages import PageWork

BITS = 1 << 27
"""16 MB. With a million customers (three entries each) one question in fifty is asked in vain."""

_MASK = BITS - 1
_COUNTER = table(t.RevisionCounter)


class Sieve:
    """A set of texts of which it is only kept that they are surely not in it, or that they may be."""

    __slots__ = ("_bits",)

    def __init__(self) -> None:
        self._bits = bytearray(BITS >> 3)

    def add(self, text: str) -> None:
        place = hash(text) & _MASK
        self._bits[place >> 3] |= 1 << (place & 7)

    def met(self, text: str) -> bool:
        """Whether it may have been met before; from now on it has."""
        place = hash(text) & _MASK
        bit = 1 << (place & 7)
        byte = self._bits[place >> 3]
        if byte & bit:
            return True
        self._bits[place >> 3] = byte | bit
        return False


class Newcomers:
    """What a first read has seen so far: its own links, and the match keys of every customer there is.

    The keys are only good as long as nobody else writes customers: then `keys_known` is false from there on.
    """

    def __init__(self) -> None:
        self.sieve = Sieve()
        self.keys_known = True
        self._revision = 0

    @classmethod
    def of(cls, store: Store) -> "Newcomers":
        """All keys that the store has by now."""
        found = cls()
        with store.read() as connection:
            found._revision = connection.execute(select(_COUNTER.c.n).where(_COUNTER.c.id == 1)).scalar_one()
            keys = select(CUSTOMER.c.email_key, CUSTOMER.c.phone_key)
            for row in connection.execution_options(yield_per=2000).execute(keys):
                found.add(row.email_key)
                found.add(row.phone_key)
        return found

    def add(self, text: str | None) -> None:
        if text:
            self.sieve.add(text)

    def took(self, first: int, count: int) -> None:
        """Note the revisions that a page was given: a gap tells that somebody else wrote in between."""
        if first != self._revision + 1:
            self.keys_known = False
        self._revision = first + count - 1


Fresh = tuple[RemoteRecord, dict[str, Value], str]
"""A record to be applied, its mapped values, and their fingerprint."""


class Arrivals:
    """The customers of one page whom nothing here can be like, with their links.

    Nearly all of a first read: looking for each would cost more than keeping it, and so would a row of its own, so
    they're kept by columns. All that can be is worked out before the store is held for writing.
    """

    def __init__(self, leg: "Leg", known: Newcomers, records: Sequence[RemoteRecord]) -> None:
        config, met = leg.config, known.sieve.met
        takes, readings, key_of = config.takes, config.readings, config.key_of
        hubs = {hub for _, reads in readings for hub, _ in reads}
        self._known = known
        # A key that is read by a line which does not come in isn't on the customer that is made.
        self._plain = leg.plan is None and config.direction.inward and hubs.issuperset(config.key_paths())
        self.every: list[Fresh] = []
        """All records of the page."""
        self.ids: list[str] = []
        self._doubtful: list[Fresh] = []
        self._first = 0
        self._records: list[Fresh] = []
        self._fields: list[dict[str, Value]] = []
        self._emails: list[str | None] = []
        self._phones: list[str | None] = []
        self._bases: list[dict[str, Value]] = []
        for record in records:
            given = record.fields.get
            values: dict[str, Value] = {}
            filled: dict[str, Value] = {}
            base: dict[str, Value] = {}
            for path, reads in readings:
                value = given(path)
                if value is None or value == "":
                    continue
                values[path] = value
                for hub, read in reads:
                    filled[hub], base[path] = read(value)
            one = (record, values, fingerprint(values, record.archived, takes))
            self.every.append(one)
            email = key_of("email", filled.get("email"))
            phone = key_of("phone", filled.get("phone"))
            # All three are asked, so that each is known from now on.
            seen = met(record.id)
            if email:
                seen |= met(email)
            if phone:
                seen |= met(phone)
            if (
                seen
                or record.archived
                or not somebody(filled)
                or (takes is not None and not takes.test(dict.fromkeys(hubs) | filled))
            ):
                self._doubtful.append(one)
                continue
            self._records.append(one)
            self._fields.append(filled)
            self._emails.append(email)
            self._phones.append(phone)
            self._bases.append(base)

    def join(self, work: "PageWork") -> list[Fresh]:
        """Have them made by the page's transaction; answers all others, to be looked at one by one."""
        if not (self._plain and self._known.keys_known and not work.open_creates):
            return self.every
        work.arrivals = self
        work.leg.inward.created += len(self._fields)
        self.ids = new_ids("cus", len(self._fields))
        if self._doubtful:
            self._hand_over(work)
        self._first = work.revision
        work.revision += len(self.ids)
        return self._doubtful

    def _hand_over(self, work: "PageWork") -> None:
        """Those that the others may be like become customers as any: they can still change with this page."""
        wanted = {
            key
            for record, values, _ in self._doubtful
            for key in work.keys(record.id, values).values()
            if key
        }
        stay = []
        for place, (email, phone) in enumerate(zip(self._emails, self._phones, strict=True)):
            if email not in wanted and phone not in wanted:
                stay.append(place)
                continue
            record, _, print_ = self._records[place]
            base = self._bases[place]
            work.make(self.ids[place], self._fields[place], email, phone, None, record, print_, base)
        if len(stay) < len(self.ids):
            columns: tuple[list[Any], ...] = (
                self.ids,
                self._fields,
                self._emails,
                self._phones,
                self._records,
                self._bases,
            )
            for column in columns:
                column[:] = [column[place] for place in stay]

    def write(self, work: "PageWork") -> None:
        """Write them and their links."""
        fields, count = self._fields, len(self.ids)
        names = set().union(*fields)
        shared: dict[str, Any] = {"created_at": work.now, "updated_at": work.now}
        insert_columns(
            work.connection,
            CUSTOMER,
            {
                "id": self.ids,
                "revision": range(self._first, self._first + count),
                "email_key": self._emails,
                "phone_key": self._phones,
                "provenance": [work.provenance_of(tuple(filled)) for filled in fields],
                "consent_proof": [work.proof_of(filled) for filled in fields],
                **{name: [value] * count for name, value in shared.items()},
                **{name: [filled.get(name) for filled in fields] for name in sorted(names)},
            },
        )
        shared = {
            "integration_id": work.leg.id,
            "data": DataType.CUSTOMERS.value,
            "state": LinkState.LINKED.value,
            "reason": "",
            "last_received": work.now,
            "attempts": 0,
        }
        insert_columns(
            work.connection,
            LINK,
            {
                "hub_id": self.ids,
                "remote_id": [record.id for record, _, _ in self._records],
                "version": [record.version for record, _, _ in self._records],
                "fingerprint": [print_ for _, _, print_ in self._records],
                "base": self._bases,
                **{name: [value] * count for name, value in shared.items()},
            },
        )

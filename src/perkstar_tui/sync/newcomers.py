"""Who is surely new during a first read: a sieve of what is known, so that the store is asked only for what may be.

Asking for a thousand addresses that nobody has cost a first read a third of its time.
"""

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from perkstar_tui.model.enums import DataType, LinkState
from perkstar_tui.model.ids import new_ids
from perkstar_tui.model.remote import RemoteRecord, Value
from perkstar_tui.store import tables as t
from perkstar_tui.store.bulk import insert_columns
from perkstar_tui.store.database import Store, table

from .context import CUSTOMER, LINK

if TYPE_CHECKING:
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
    they're kept by columns.
    """

    def __init__(self, work: "PageWork") -> None:
        self.work = work
        self.ids: list[str] = []
        self._first = 0
        self._fields: list[dict[str, Value]] = []
        self._emails: list[str | None] = []
        self._phones: list[str | None] = []
        self._records: list[Fresh] = []
        self._bases: list[dict[str, Value]] = []

    def take(self, known: Newcomers, chunk: list[Fresh]) -> list[Fresh]:
        """Make customers of those that nothing here can be like; answers all others, to be looked at one by one."""
        from .pages import somebody

        work = self.work
        config, met = work.config, known.sieve.met
        # A key that is read by a line which does not come in isn't on the customer that is made.
        plain = (
            known.keys_known
            and work.leg.plan is None
            and not work.open_creates
            and config.direction.inward
            and {hub for reads in work.reads.values() for hub, _ in reads}.issuperset(work.key_paths)
        )
        doubtful = []
        for one in chunk:
            record, values, _ = one
            filled, base = work.shown(values)
            email = config.key_of("email", filled.get("email"))
            phone = config.key_of("phone", filled.get("phone"))
            # All three are asked, so that each is known from now on.
            seen = met(record.id)
            if email:
                seen |= met(email)
            if phone:
                seen |= met(phone)
            if (
                seen
                or not plain
                or record.archived
                or not somebody(filled)
                or (config.takes is not None and work.left_out(values))
            ):
                doubtful.append(one)
                continue
            self._fields.append(filled)
            self._emails.append(email)
            self._phones.append(phone)
            self._records.append(one)
            self._bases.append(base)
        work.leg.inward.created += len(self._fields)
        self.ids = new_ids("cus", len(self._fields))
        if doubtful:
            self._hand_over(doubtful)
        self._first = work.revision
        work.revision += len(self.ids)
        return doubtful

    def _hand_over(self, doubtful: list[Fresh]) -> None:
        """Those that the others may be like become customers as any: they can still change with this page."""
        work = self.work
        wanted = {
            key for record, values, _ in doubtful for key in work.keys(record.id, values).values() if key
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

    def write(self) -> None:
        """Write them and their links."""
        work, fields, count = self.work, self._fields, len(self.ids)
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

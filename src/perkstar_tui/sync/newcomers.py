"""Who is surely new during a first read: a sieve of what is known, so that the store is asked only for what may be.

Asking for a thousand addresses that nobody has cost a first read a third of its time.
"""

from collections.abc import Sequence
from itertools import compress
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import func, select

from perkstar_tui.model.enums import DataType, LinkState
from perkstar_tui.model.ids import new_ids
from perkstar_tui.model.remote import RemoteRecord, Value
from perkstar_tui.store import tables as t
from perkstar_tui.store.bulk import insert_columns
from perkstar_tui.store.database import Store, json_text

from .context import CUSTOMER, LINK
from .records import fingerprint, somebody

if TYPE_CHECKING:
    from .context import Leg
    from .pages import PageWork

MOST_BITS = 1 << 27
"""16 MB. With a million customers (three entries each) one question in fifty is asked in vain."""

FEWEST_BITS = 1 << 20
BITS_A_RECORD = 192

_COUNTER = t.RevisionCounter


class Sieve:
    """A set of texts of which it is only kept that they are surely not in it, or that they may be.

    It is made for so many `records`, or for any number of them: a small one stays in the processor's own memory.
    """

    __slots__ = ("_bits", "_mask")

    def __init__(self, records: int | None = None) -> None:
        wanted = MOST_BITS if records is None else 1 << (records * BITS_A_RECORD).bit_length()
        bits = max(FEWEST_BITS, min(MOST_BITS, wanted))
        self._bits = bytearray(bits >> 3)
        self._mask = bits - 1

    def add(self, text: str) -> None:
        place = hash(text) & self._mask
        self._bits[place >> 3] |= 1 << (place & 7)

    def met(self, *texts: str | None) -> bool:
        """Whether any of them may have been met before; from now on all have."""
        found = False
        bits, mask = self._bits, self._mask
        for text in texts:
            if not text:
                continue
            place = hash(text) & mask
            bit = 1 << (place & 7)
            byte = bits[place >> 3]
            if byte & bit:
                found = True
            else:
                bits[place >> 3] = byte | bit
        return found


class Newcomers:
    """What a first read has seen so far: its own links, and the match keys of every customer there is.

    The keys are only good as long as nobody else writes customers: then `keys_known` is false from there on.
    """

    def __init__(self, records: int | None = None) -> None:
        self.sieve = Sieve(records)
        self.keys_known = True
        self._revision = 0

    @classmethod
    def of(cls, store: Store, coming: int | None) -> "Newcomers":
        """All keys that the store has by now, with room for so many customers to come, if that is known."""
        with store.read() as connection:
            here = connection.execute(select(func.count()).select_from(CUSTOMER)).scalar_one()
            found = cls(None if coming is None else here + coming)
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
        takes, readings, unread = config.takes, config.readings, config.unread
        email_key, phone_key = config.email_key, config.phone_key
        hubs = self._hubs = tuple(dict.fromkeys(hub for _, hub, _ in readings))
        self._known = known
        # A key that is read by a line which does not come in isn't on the customer that is made.
        self._plain = (
            leg.plan is None and config.direction.inward and set(hubs).issuperset(config.key_paths())
        )
        self.every: list[Fresh] = []
        """All records of the page."""
        self.ids: list[str] = []
        self._doubtful: list[Fresh] = []
        self._first = 0
        self._records: list[Fresh] = []
        self._rows: list[tuple[Value, ...]] = []
        """What each of `_hubs` is filled with."""
        self._filled: list[tuple[str, ...]] = []
        """Which of them are filled, with nothing perhaps."""
        self._emails: list[str | None] = []
        self._phones: list[str | None] = []
        self._bases: list[str] = []
        for record in records:
            given = record.fields.get
            values: dict[str, Value] = {}
            filled: dict[str, Value] = {}
            base: dict[str, Value] = {}
            for path, hub, read in readings:
                value = given(path)
                if value is not None and value != "":
                    values[path] = value
                    filled[hub], base[path] = read(value)
            for path in unread:
                value = given(path)
                if value is not None and value != "":
                    values[path] = value
            one = (record, values, fingerprint(values, record.archived, takes))
            self.every.append(one)
            email = email_key(filled.get("email"))
            phone = phone_key(filled.get("phone"))
            if (
                met(record.id, email, phone)
                or record.archived
                or not somebody(filled)
                or (takes is not None and not takes.test(dict.fromkeys(hubs) | filled))
            ):
                self._doubtful.append(one)
                continue
            self._records.append(one)
            self._rows.append(tuple(map(filled.get, hubs)))
            self._filled.append(tuple(filled))
            self._emails.append(email)
            self._phones.append(phone)
            self._bases.append(json_text(base))

    def join(self, work: "PageWork") -> list[Fresh]:
        """Have them made by the page's transaction; answers all others, to be looked at one by one."""
        if not (self._plain and self._known.keys_known and not work.open_creates):
            return self.every
        work.arrivals = self
        work.leg.inward.created += len(self._rows)
        self.ids = new_ids("cus", len(self._rows))
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
        stays = [
            email not in wanted and phone not in wanted
            for email, phone in zip(self._emails, self._phones, strict=True)
        ]
        if all(stays):
            return
        for place, stay in enumerate(stays):
            if not stay:
                names = self._filled[place]
                row = dict(zip(self._hubs, self._rows[place], strict=True))
                filled = {name: row[name] for name in names}
                keys = self._emails[place], self._phones[place]
                record, _, print_ = self._records[place]
                base = orjson.loads(self._bases[place])
                work.make(self.ids[place], filled, *keys, None, record, print_, base)
        columns: tuple[list[Any], ...] = (
            self.ids,
            self._rows,
            self._filled,
            self._emails,
            self._phones,
            self._records,
            self._bases,
        )
        for column in columns:
            column[:] = compress(column, stays)

    def write(self, work: "PageWork") -> None:
        """Write them and their links."""
        if not self.ids:
            return
        fields = dict(zip(self._hubs, zip(*self._rows, strict=True), strict=True))
        consents = fields.get("marketing_consent", ())
        insert_columns(
            work.connection,
            CUSTOMER,
            {
                **fields,
                "id": self.ids,
                "revision": range(self._first, self._first + len(self.ids)),
                "email_key": self._emails,
                "phone_key": self._phones,
                "provenance": [work.provenance_of(names) for names in self._filled],
                "consent_proof": [work.proof_of(said) for said in consents] if "yes" in consents else (),
            },
            same={"created_at": work.now, "updated_at": work.now},
        )
        insert_columns(
            work.connection,
            LINK,
            {
                "hub_id": self.ids,
                "remote_id": [record.id for record, _, _ in self._records],
                "version": [record.version for record, _, _ in self._records],
                "fingerprint": [print_ for _, _, print_ in self._records],
                "base": self._bases,
            },
            same={
                "integration_id": work.leg.id,
                "data": DataType.CUSTOMERS.value,
                "state": LinkState.LINKED.value,
                "reason": "",
                "last_received": work.now,
                "attempts": 0,
            },
            written={"base"},
        )

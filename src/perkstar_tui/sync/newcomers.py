"""Who is surely new during a first read: a sieve of what is known, so that the store is asked only for what may be.

Asking for a thousand addresses that nobody has cost a first read a third of its time.
"""

from sqlalchemy import select

from perkstar_tui.store import tables as t
from perkstar_tui.store.database import Store, table

from .context import CUSTOMER

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

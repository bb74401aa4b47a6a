"""A vendor whose records are plain JSON, each in one place: what nearly all vendors do is done here once.

A vendor of this kind says how a record of its is made, stamped and read (`identify`, `stamped`, `person`, `form`),
and adds its paths; the seed, the people at the vendor and the control address come with it.
"""

import random
from abc import abstractmethod
from typing import Any

import orjson

from .names import invent
from .seed import Basket, Soul
from .state import ARCHIVED, LIVE, Cell, Row
from .vendor import Vendor


def laid_over(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Objects in objects, the newer members over the older ones; lists are replaced."""
    found = dict(under)
    for name, value in over.items():
        known = found.get(name)
        found[name] = (
            laid_over(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
        )
    return found


class Ordinary(Vendor):
    """See the module."""

    tips = True
    """Whether a sale can have a tip."""
    whole_days = False
    """Whether a sale tells its day and no more."""
    returns = True
    """Whether what is given back names the sale that it is of."""
    archives = False
    """Whether a removed record stays, in another state, and is known by its id."""

    # what a vendor says ------------------------------------------------------------------------------------

    @abstractmethod
    def form(self, soul: Soul, draw: int) -> dict[str, Any]:
        """A person as somebody at the vendor types one in; `draw` is a number of chance for the spelling."""

    @abstractmethod
    def identify(self, kind: str, seq: int, chance: random.Random) -> str:
        """The id of the `seq`-th record of a kind."""

    @abstractmethod
    def whole(self, kind: str, identifier: str, fields: dict[str, Any], created: int) -> dict[str, Any]:
        """A whole new record out of the fields that were given; `created` in milliseconds."""

    @abstractmethod
    def stamped(self, kind: str, body: dict[str, Any], updated: int) -> None:
        """Write the moment of change, in milliseconds, into a record."""

    def merged(self, kind: str, body: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
        """A record after a part of it was written."""
        return laid_over(body, part)

    def happened(self, kind: str, row: Row, what: str) -> None:
        """Tell those who listen; `what` is `created`, `updated` or `deleted`."""

    # writing -----------------------------------------------------------------------------------------------

    def row(self, kind: str, identifier: str, fields: dict[str, Any], created: int, updated: int) -> Row:
        """A new record, not yet kept."""
        body = self.whole(kind, identifier, fields, created)
        self.stamped(kind, body, updated)
        row = Row(None, identifier, None, None, None, created, updated, LIVE, body)
        self.mark(kind, row)
        return row

    def mark(self, kind: str, row: Row) -> None:
        """Put beside the record what lists, searches and the look for duplicates go by."""
        if kind == self.people_kind:
            view = self.person(row.body)
            row.email, row.phone = view.email, view.phone

    def make(self, kind: str, fields: dict[str, Any]) -> Row:
        """A new record, now."""
        now = self.clock.ms()
        row = self.row(kind, self.identify(kind, self.kind(kind).next_seq(), self.chance), fields, now, now)
        self.kind(kind).put(row)
        self.happened(kind, row, "created")
        return row

    def write(self, kind: str, row: Row, part: dict[str, Any]) -> Row:
        """Change a record; nothing happens where the part is what it has already."""
        body = self.merged(kind, row.body, part)
        if body == row.body and row.state == LIVE:
            return row
        row.body, row.state = body, LIVE
        row.touch(self.clock.ms())
        self.stamped(kind, row.body, row.updated)
        self.mark(kind, row)
        self.kind(kind).put(row)
        self.happened(kind, row, "updated")
        return row

    def remove(self, kind: str, row: Row) -> None:
        """Take a record away."""
        if self.archives:
            row.state = ARCHIVED
            row.touch(self.clock.ms())
            self.stamped(kind, row.body, row.updated)
            self.kind(kind).put(row)
        else:
            self.kind(kind).delete(row.id)
        self.happened(kind, row, "deleted")

    # the seed ----------------------------------------------------------------------------------------------

    def settle(self, soul: Soul, seq: int, created: int, updated: int, chance: random.Random) -> Cell:
        """A person of the seed as this vendor's record."""
        draw = chance.getrandbits(30)
        kind = self.people_kind
        row = self.row(kind, self.identify(kind, seq, chance), self.form(soul, draw), created, updated)
        return packed(row, seq)

    def sell(self, basket: Basket, seq: int, chance: random.Random) -> tuple[str, list[str]]:
        """Write a sale of the seed down; answers its id and those of its refunds."""
        raise NotImplementedError(f"{self.name} sells nothing")

    # people at the vendor ------------------------------------------------------------------------------------

    def control_put(self, kind: str, identifier: str, part: dict[str, Any]) -> Any:
        """As somebody in the vendor's own screens."""
        row = self.kind(kind).get(identifier)
        row = self.make(kind, part) if row is None else self.write(kind, row, part)
        return self.view(kind, row)

    def control_delete(self, kind: str, identifier: str) -> bool:
        """As somebody in the vendor's own screens."""
        row = self.kind(kind).live(identifier)
        if row is None:
            return False
        self.remove(kind, row)
        return True

    def control_generate(self, kind: str, count: int) -> list[str]:
        """New believable people; other kinds are made by the vendors that have them."""
        if kind != self.people_kind:
            raise ValueError(f"{self.name} makes no {kind} by itself")
        made = []
        for _ in range(count):
            person = invent(self.chance)
            soul = Soul("", person.first, person.last, person.email, person.phone, person.birthday)
            made.append(self.make(kind, self.form(soul, self.chance.getrandbits(30))).id)
        return made


def packed(row: Row, seq: int) -> Cell:
    """A row as the stores load it."""
    body = orjson.dumps(row.body).decode()
    return (seq, row.id, row.email, row.phone, row.ref, row.created, row.updated, row.state, body)

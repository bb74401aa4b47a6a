"""A vendor that only takes rows or events: nobody lives there, so the seed puts nobody there."""

import random
from typing import Any

from .ordinary import Ordinary
from .seed import Soul, View, viewed


class Taking(Ordinary):
    """One such account; what it was told is kept, each piece as a row."""

    holds_people = False
    takes = False
    person_fields = ()

    def form(self, soul: Soul, draw: int) -> dict[str, Any]:
        """Nobody is typed in here."""
        raise ValueError(f"{self.name} holds no people")

    def identify(self, kind: str, seq: int, chance: random.Random) -> str:
        """Numbers."""
        return str(seq)

    def whole(self, kind: str, identifier: str, fields: dict[str, Any], created: int) -> dict[str, Any]:
        """As it was told."""
        return dict(fields)

    def stamped(self, kind: str, body: dict[str, Any], updated: int) -> None:
        """Nothing is ever changed."""

    def mark(self, kind: str, row: Any) -> None:
        """Nobody is looked for."""

    def person(self, body: dict[str, Any]) -> View:
        """Nobody."""
        return viewed("", "", None, None)

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Nobody has a name."""
        return {}

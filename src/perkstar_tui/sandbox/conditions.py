"""Conditions on stored records: gathered one by one, joined by AND, every value bound."""

from collections.abc import Collection


def marks(count: int) -> str:
    """So many places for values, as between the parentheses of an `IN`."""
    return ",".join("?" * count)


def ordered(column: str, down: bool) -> str:
    """An order by a column; rows that are equal in it stand in the order they were made in."""
    word = "DESC" if down else "ASC"
    return f"ORDER BY {column} {word}, seq {word}"


class Conditions:
    """What a list or a search asks for, as SQL."""

    def __init__(self, *parts: str) -> None:
        self._parts = list(parts)
        self.values: list[object] = []

    def add(self, part: str, *values: object) -> None:
        """One more condition; `part` is the vendor module's own text, never a client's."""
        self._parts.append(part)
        self.values += values

    def one_of(self, column: str, values: Collection[object], *, negated: bool = False) -> None:
        """The column has one of the values, or (negated) none of them."""
        self.add(f"{column} {'NOT IN' if negated else 'IN'} ({marks(len(values))})", *values)

    @property
    def where(self) -> str:
        """All conditions together; what is always true where there are none."""
        return " AND ".join(self._parts) or "1"

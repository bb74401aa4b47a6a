"""A short list to choose from: a word, and what it means, on each line."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len

from ..signs import clean
from .table import Column, Row, Table


class Option(NamedTuple):
    """One thing to choose; `tone` colours its word."""

    value: str
    label: str
    help: str = ""
    tone: str = ""


class Picker(Table):
    """All options at once, the cursor on the present one; `Table.Opened` says which was taken."""

    def __init__(
        self, options: Sequence[Option], *, at: str = "", most: int = 14, id: str = "picker"
    ) -> None:
        self.options = list(options)
        width = max((cell_len(clean(o.label)) for o in self.options), default=8)
        super().__init__(
            (Column("label", "", min(width, 44)), Column("help", "", 8, share=1)), header=False, id=id
        )
        self._most = most
        self.cursor_id = at

    def on_mount(self) -> None:
        self.offer(self.options)

    def offer(self, options: Sequence[Option]) -> None:
        """Show these; the cursor stays on its value."""
        self.options = list(options)
        places = [o.value for o in self.options]
        if self.cursor_id in places:
            self.cursor = places.index(self.cursor_id)
        self.styles.height = max(1, min(self._most, len(self.options)))
        self.show(
            [
                Row(o.value, (((clean(o.label), o.tone or "strong"),), ((clean(o.help), "dim"),)))
                for o in self.options
            ]
        )

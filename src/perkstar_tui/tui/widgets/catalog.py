"""Add Integration: the platforms by category, connected ones ticked, planned ones dim.

Wide, it is a small block walked with the arrows; `CatalogList` is the same as a list, for narrow screens and the
first step of Connect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import BindingType
from textual.message import Message

from ..keys import bindings
from ..signs import Line, Piece, clean
from .painted import Painted, app_of, on_width
from .table import Column, Row, Table

if TYPE_CHECKING:
    from perkstar_tui.hub.views import CatalogItem

NAMES = {
    "crm": "CRM",
    "email": "Email",
    "pos": "POS",
    "ecommerce": "Shops",
    "shop": "Shops",
    "shops": "Shops",
    "analytics": "Analytics",
    "accounting": "Accounting",
    "booking": "Booking",
    "custom": "Custom",
}
ORDER = ("CRM", "Email", "POS", "Booking", "Shops", "Analytics", "Accounting", "Custom")


def category(item: CatalogItem) -> str:
    """The category's name on the screen."""
    key = item.category.lower().replace("-", "").replace("_", "").replace(" ", "")
    return NAMES.get(key, clean(item.category))


def grouped(items: Sequence[CatalogItem]) -> list[tuple[str, list[CatalogItem]]]:
    """Items by category, in the fixed order; unknown categories at the end by name."""
    groups: dict[str, list[CatalogItem]] = {}
    for item in items:
        groups.setdefault(category(item), []).append(item)
    return sorted(groups.items(), key=lambda g: (ORDER.index(g[0]) if g[0] in ORDER else 99, g[0]))


class Chosen(Message):
    """A platform was chosen."""

    def __init__(self, item: CatalogItem) -> None:
        super().__init__()
        self.item = item


class GuideAsked(Message):
    """A platform's guide was asked for."""

    def __init__(self, item: CatalogItem) -> None:
        super().__init__()
        self.item = item


class CatalogBlock(Painted, can_focus=True):
    """All platforms at once, in two columns of categories."""

    PLACES: ClassVar[tuple[str, ...]] = ("list", "catalog")
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("list", "catalog"),
        ("left", "side(-1)", "left"),
        ("right", "side(1)", "right"),
    ]

    def __init__(self) -> None:
        super().__init__(id="catalog")
        self.items: list[CatalogItem] = []
        self.name_at = ""
        self._cells: list[tuple[int, int, str]] = []

    def put(self, items: Sequence[CatalogItem]) -> None:
        """New data."""
        self.items = list(items)
        if not self.name_at and self.items:
            self.name_at = grouped(self.items)[0][1][0].name
        self.draw()

    def item(self) -> CatalogItem | None:
        """The platform the cursor is on."""
        return next((item for item in self.items if item.name == self.name_at), None)

    def on_mount(self) -> None:
        super().on_mount()
        on_width(self, self.draw)

    def on_focus(self) -> None:
        self.draw()

    def on_blur(self) -> None:
        self.draw()

    def draw(self) -> None:
        """Paint all lines; the platform at the cursor stands out while the block has the focus."""
        if not self.items:
            self.paint((("Reading the catalog …", "dim"),))
            return
        groups = grouped(self.items)
        half = (len(groups) + 1) // 2
        self._cells = []
        lefts = [self._group(row, 1, *groups[row]) for row in range(half)]
        # The right column begins behind the longest line of the left one, so that both stand straight.
        right_at = max(self.size.width // 2, *(sum(cell_len(text) for text, _ in left) + 2 for left in lefts))
        lines = []
        for row, left in enumerate(lefts):
            if row + half < len(groups):
                used = sum(cell_len(text) for text, _ in left)
                right = self._group(row, right_at + 1, *groups[row + half])
                left = (*left, (" " * (right_at - used), ""), *right)
            lines.append(left)
        self.paint(*lines)

    def _group(self, row: int, x: int, title: str, items: Sequence[CatalogItem]) -> Line:
        label = f"{title:<11}"
        pieces: list[Piece] = [(label, "dim")]
        x += len(label)
        for number, item in enumerate(items):
            if number:
                pieces.append(("  ", ""))
                x += 2
            words = ("✓ " if item.connected else "") + clean(item.title)
            here = self.has_focus and item.name == self.name_at
            tone = "here" if here else "dim" if item.status == "planned" else "good" if item.connected else ""
            self._cells.append((row, x, item.name))
            pieces.append((words, tone))
            x += cell_len(words)
        return tuple(pieces)

    def _place(self) -> tuple[int, int]:
        return next(((row, x) for row, x, name in self._cells if name == self.name_at), (0, 0))

    def _go(self, name: str) -> None:
        self.name_at = name
        self.draw()

    def action_side(self, step: int) -> None:
        row, _ = self._place()
        line = sorted((cx, name) for r, cx, name in self._cells if r == row)
        at = [name for _, name in line].index(self.name_at) if line else 0
        if line:
            self._go(line[(at + step) % len(line)][1])

    def _vertical(self, step: int) -> None:
        row, x = self._place()
        line = [(abs(cx - x), name) for r, cx, name in self._cells if r == row + step]
        if line:
            self._go(min(line)[1])

    def action_up(self) -> None:
        self._vertical(-1)

    def action_down(self) -> None:
        self._vertical(1)

    def action_first(self) -> None:
        if self._cells:
            self._go(self._cells[0][2])

    def action_last(self) -> None:
        if self._cells:
            self._go(self._cells[-1][2])

    def action_page_up(self) -> None:
        self.action_first()

    def action_page_down(self) -> None:
        self.action_last()

    def action_open(self) -> None:
        item = self.item()
        if item is not None:
            self.post_message(Chosen(item))

    def action_guide(self) -> None:
        item = self.item()
        if item is not None:
            self.post_message(GuideAsked(item))

    def on_click(self, event: events.Click) -> None:
        hits = [(x, name) for row, x, name in self._cells if row == event.y - 1 and x <= event.x]
        if hits:
            again = max(hits)[1] == self.name_at
            self._go(max(hits)[1])
            if again:
                self.action_open()


class CatalogList(Table):
    """The catalog as a list with category titles."""

    PLACES: ClassVar[tuple[str, ...]] = ("list", "catalog")
    BINDINGS: ClassVar[list[BindingType]] = bindings("catalog")

    def __init__(self) -> None:
        super().__init__(
            (
                Column("name", "Platform", 22, share=1),
                Column("how", "How", 22, leaves=1),
                Column("note", "", 26, share=3),
            ),
            header=False,
            id="choose",
            empty="No platform has this name. Esc clears the search.",
        )
        self.items: list[CatalogItem] = []
        self.drafts: frozenset[str] = frozenset()
        self.text = ""

    def put(self, items: Sequence[CatalogItem]) -> None:
        """New data."""
        self.items = list(items)
        self.draw()

    def item(self) -> CatalogItem | None:
        """The platform the cursor is on."""
        return next((item for item in self.items if item.name == self.cursor_id), None)

    def draw(self) -> None:
        """Make the rows; a search keeps only what it finds."""
        rows: list[Row] = []
        wanted = self.text.casefold().strip()
        for title, items in grouped(self.items):
            found = [item for item in items if wanted in f"{item.title} {item.name} {title}".casefold()]
            if found:
                rows.append(Row(f"group {title}", (((f" {title}", "title"),),), head=True))
            for item in found:
                planned = item.status == "planned"
                tick: Piece = ("✓ ", "good") if item.connected else ("  ", "")
                if item.name in self.drafts:
                    tick = ("○ ", "warn")
                note = "not available yet" if planned else clean(item.notes)
                if item.name in self.drafts:
                    note = "a draft is kept: Enter goes on with it"
                ways = "by key" if item.kind == "api" else ", ".join(item.data)
                rows.append(
                    Row(
                        item.name,
                        (
                            (tick, (clean(item.title), "dim" if planned else "")),
                            ((clean(ways), "dim"),),
                            ((note, "dim"),),
                        ),
                    )
                )
        self.show(rows)

    def action_open(self) -> None:
        item = self.item()
        if item is not None:
            self.post_message(Chosen(item))

    def action_guide(self) -> None:
        item = self.item()
        if item is not None:
            self.post_message(GuideAsked(item))


def summary(items: Sequence[CatalogItem], width: int) -> Line:
    """The catalog in one line, for narrow screens."""
    groups = grouped(items)
    words: list[str] = []
    room = width - len("─ a Add integration:  · 9 more groups ──")
    for number, (title, members) in enumerate(groups):
        part = f"{title} {len(members)}"
        if sum(len(word) + 3 for word in words) + len(part) > room:
            words.append(f"{len(groups) - number} more groups")
            break
        words.append(part)
    line: Line = (
        ("─ ", "rule"),
        ("a", "key"),
        (" Add integration: ", "strong"),
        (" · ".join(words), "dim"),
        (" ", ""),
    )
    used = sum(cell_len(text) for text, _ in line)
    return (*line, ("─" * max(0, width - used), "rule"))


def unavailable(item: CatalogItem) -> str:
    """The plain sentence for a planned platform."""
    return f"{clean(item.title)} is planned and not available yet. Its guide (?) says what it will do."


def app_catalog_title(widget: Painted) -> str:
    """The frame's words at the right, with keys as mapped."""
    table = app_of(widget).keys
    return f"{table.shown('open')} connect  {table.shown('help')} guide"

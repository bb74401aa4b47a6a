"""A table drawn line by line: only visible rows are made, and only cells that changed are painted again.

The cursor and the selection belong to row ids, so they stay with their rows through every change.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ..keys import bindings
from ..signs import Line, ascii_only, cut, fit
from .painted import app_of

if TYPE_CHECKING:
    from perkstar_tui.hub.views import PageOf


class Column(NamedTuple):
    """A column: its width in cells, its share of what is left over, and when it leaves (1 first, 0 never)."""

    key: str
    title: str
    width: int
    share: int = 0
    leaves: int = 0
    right: bool = False


class Row(NamedTuple):
    """One row; `head` rows are group titles that the cursor passes over."""

    id: str
    cells: tuple[Line, ...]
    head: bool = False


class Table(ScrollView, can_focus=True):
    """Rows in columns with a cursor. `Moved` and `Opened` tell the screen; it decides."""

    PLACES: ClassVar[tuple[str, ...]] = ("list",)
    BINDINGS: ClassVar[list[BindingType]] = bindings("list")
    DEFAULT_CSS = """
    Table { scrollbar-size-vertical: 1; overflow-x: hidden; overflow-y: auto; background: transparent; }
    """

    class Moved(Message):
        """The cursor stands on another row."""

        def __init__(self, table: Table, row_id: str) -> None:
            super().__init__()
            self.table = table
            self.row_id = row_id

        @property
        def control(self) -> Table:
            return self.table

    class Opened(Message):
        """A row was opened."""

        def __init__(self, table: Table, row_id: str) -> None:
            super().__init__()
            self.table = table
            self.row_id = row_id

        @property
        def control(self) -> Table:
            return self.table

    class Titled(Message):
        """A column's title was clicked."""

        def __init__(self, table: Table, key: str) -> None:
            super().__init__()
            self.table = table
            self.key = key

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        header: bool = True,
        empty: str = "",
        row_height: int = 1,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.columns = tuple(columns)
        self.header = header
        self._empty = empty
        self.row_height = row_height
        self.cursor = 0
        self.cursor_id = ""
        self.marked: frozenset[str] = frozenset()
        self.sorted_by: tuple[str, bool] | None = None
        self._rows: list[Row] = []
        self._room = -1
        """Lines below the first one in which a row stood in view whole, as the table was last laid out."""

    # -- what there is to show
    @property
    def empty(self) -> str:
        """What is said where rows would be."""
        return self._empty

    @empty.setter
    def empty(self, sentence: str) -> None:
        if sentence != self._empty:
            self._empty = sentence
            if not self.count:
                self.refresh()

    @property
    def count(self) -> int:
        return len(self._rows)

    def row_at(self, index: int) -> Row | None:
        """The row at a place, or None while it is not known."""
        return self._rows[index] if 0 <= index < len(self._rows) else None

    def ids(self) -> list[str]:
        return [row.id for row in self._rows if not row.head]

    def show(self, rows: Sequence[Row]) -> None:
        """Show these rows; the cursor follows its id and only cells that differ are painted."""
        old, seen, self._rows = self._rows, self._in_view(), list(rows)
        places = {row.id: index for index, row in enumerate(self._rows)}
        before, was = self.cursor, self.cursor_id
        self.cursor = places.get(self.cursor_id, min(self.cursor, max(0, len(self._rows) - 1)))
        self._leave_heads(1)
        moved = self.cursor - before
        here = self.row_at(self.cursor)
        self.cursor_id = here.id if here else ""
        self._resize()
        # Other columns since the terminal changed its size: everything is drawn anew.
        same_columns = not old or not self._rows or len(old[0].cells) == len(self._rows[0].cells)
        if not old or not self._rows or moved or not same_columns:
            if moved and was == self.cursor_id and self.scroll_y:
                self.scroll_to(y=self.scroll_y + moved * self.row_height, animate=False, force=True)
            self.refresh()
        else:
            self._paint_changes(seen)
        if self.cursor_id != was:
            self.post_message(self.Moved(self, self.cursor_id))

    def _in_view(self) -> list[Row | None]:
        """The rows that are drawn now."""
        first = int(self.scroll_y) // self.row_height
        return [
            self.row_at(index)
            for index in range(first, min(self.count, first + self.size.height // self.row_height + 1))
        ]

    def _paint_changes(self, old: Sequence[Row | None]) -> None:
        """Paint the cells in which what is drawn now differs from `old`, which was drawn in the same places."""
        top = int(self.scroll_y)
        spans = self._spans()
        first = top // self.row_height
        for place_in_view, (new_row, old_row) in enumerate(zip_longest(self._in_view(), old)):
            if new_row == old_row:
                continue
            y = (first + place_in_view) * self.row_height - top + self.header
            if (
                new_row is None or old_row is None or new_row.head or old_row.head
                or (new_row.id in self.marked) != (old_row.id in self.marked)
            ):  # fmt: skip
                self.refresh(Region(0, y, self.size.width, self.row_height))
                continue
            for place, x, width in spans:
                if new_row.cells[place] != old_row.cells[place]:
                    self.refresh(Region(x, y, width, self.row_height))

    def shape(self, columns: Sequence[Column]) -> None:
        """Other columns; nothing where they are these already."""
        if self.columns != tuple(columns):
            self.columns = tuple(columns)
            self.refresh()

    def mark(self, ids: frozenset[str]) -> None:
        """Select these rows."""
        changed = ids ^ self.marked
        self.marked = ids
        for row_id in changed:
            place = next((n for n, row in enumerate(self._rows) if row.id == row_id), None)
            if place is not None:
                self._refresh_row(place)

    def go(self, row_id: str) -> bool:
        """Put the cursor on a row by its id."""
        for index, row in enumerate(self._rows):
            if row.id == row_id:
                self._move(index)
                return True
        return False

    def fit_rows(self) -> None:
        """The height of a row has changed."""
        self._resize()
        self._keep_visible()
        self.refresh()

    # -- drawing
    def _resize(self) -> None:
        self.virtual_size = Size(self.size.width, self.count * self.row_height + self.header)

    def on_resize(self, event: events.Resize) -> None:
        below = self.cursor * self.row_height - int(self.scroll_y)
        was_in_view = 0 <= below <= self._room
        self._room = self.size.height - self.header - self.row_height
        self._resize()
        if was_in_view:
            # What is said of a row below the table may take a line more, and that line is the table's.
            self._keep_visible()
        self.refresh()

    def _spans(self) -> list[tuple[int, int, int]]:
        """Visible columns as (place, left edge, width); columns leave in their fixed order when there is no room."""
        width = self.size.width - 3
        kept = list(range(len(self.columns)))
        leaving = sorted((c.leaves, -n) for n, c in enumerate(self.columns) if c.leaves)
        while sum(self.columns[n].width + 2 for n in kept) > width + 2 and leaving:
            kept.remove(-leaving.pop(0)[1])
        spare = max(0, width + 2 - sum(self.columns[n].width + 2 for n in kept))
        shares = sum(self.columns[n].share for n in kept) or 1
        spans, x = [], 2
        for n in kept:
            size = self.columns[n].width + spare * self.columns[n].share // shares
            spans.append((n, x, min(size, max(0, self.size.width - x))))
            x += size + 2
        return spans

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if self.header and y == 0:
            return self._head_strip(width)
        at = y - self.header + int(self.scroll_y)
        index, part = divmod(at, self.row_height)
        if index >= self.count:
            if not self.count and y == self.header and self.empty:
                return self._strip((("  ", ""), (cut(self.empty, max(0, width - 2)), "dim")), None)
            return Strip.blank(width, app_of(self).tone("") + Style(bgcolor=self._back()))
        row = self.row_at(index)
        if row is None:
            return self._strip(fit((("  …", "dim"),), width), None)
        ground = None
        if index == self.cursor:
            ground = "row" if self.has_focus else "row-still"
        if row.head:
            return self._strip(fit(row.cells[0], width), None)
        return self._strip(self._row_line(row, index, part, width), ground)

    def _row_line(self, row: Row, index: int, part: int, width: int) -> Line:
        pieces: list[tuple[str, str]] = []
        here, picked = index == self.cursor and part == 0, row.id in self.marked and part == 0
        # Where the keys go to is clear from the sign too: of several lists only one has it.
        at = ("▸", "key") if self.has_focus else ("·", "dim")
        pieces.append(at if here else ("✓", "good") if picked else (" ", ""))
        pieces.append(("✓", "good") if here and picked else (" ", ""))
        x = 2
        for place, left, size in self._spans():
            pieces.append((" " * (left - x), pieces[-1][1]))
            cell = row.cells[place]
            if self.row_height > 1:
                cell = self._wrapped(cell, size)[part]
            pieces.extend(fit(cell, size, right=self.columns[place].right))
            x = left + size
        pieces.append((" " * max(0, width - x), pieces[-1][1]))
        return tuple(pieces)

    def _wrapped(self, cell: Line, width: int) -> list[Line]:
        """A cell cut into as many lines as a row has."""
        text = "".join(piece for piece, _ in cell)
        tone = cell[0][1] if cell else ""
        out: list[Line] = []
        while len(out) < self.row_height - 1:
            part = cut(text, width).rstrip("…") if text else ""
            out.append(((part, tone),))
            text = text[len(part) :]
        out.append(((text, tone),))
        return out

    def _head_strip(self, width: int) -> Strip:
        pieces: list[tuple[str, str]] = []
        x = 0
        for place, left, size in self._spans():
            column = self.columns[place]
            title = column.title
            if self.sorted_by and self.sorted_by[0] == column.key:
                title += " ↓" if self.sorted_by[1] else " ↑"
            pieces.append((" " * (left - x), ""))
            pieces.extend(fit(((title, "dim"),), size, right=column.right))
            x = left + size
        pieces.append((" " * max(0, width - x), ""))
        return self._strip(tuple(pieces), None)

    def _strip(self, line: Line, ground: str | None) -> Strip:
        program = app_of(self)
        back = Style(bgcolor=program.shade(ground) if ground else self._back())
        segments = [
            Segment(ascii_only(text) if program.ascii else text, program.tone(tone) + back)
            for text, tone in line
            if text
        ]
        # One escape for many pieces of the same look: fewer bytes over a slow line.
        return Strip(segments).adjust_cell_length(self.size.width, program.tone("") + back).simplify()

    def _back(self) -> str:
        return self.background_colors[1].hex6

    # -- moving
    def _leave_heads(self, step: int) -> None:
        while 0 <= self.cursor < self.count:
            row = self.row_at(self.cursor)
            if row is None or not row.head:
                return
            self.cursor += step
        self.cursor = max(0, min(self.cursor, self.count - 1))

    def _move(self, index: int, step: int = 1) -> None:
        if not self.count:
            return
        old = self.cursor
        self.cursor = max(0, min(index, self.count - 1))
        self._leave_heads(step)
        row = self.row_at(self.cursor)
        if row is not None and row.head:
            self.cursor = old
            row = self.row_at(old)
        self.cursor_id = row.id if row is not None else ""
        self._refresh_row(old)
        self._refresh_row(self.cursor)
        self._keep_visible()
        self.post_message(self.Moved(self, self.cursor_id))

    def _refresh_row(self, index: int) -> None:
        y = index * self.row_height - int(self.scroll_y) + self.header
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, self.row_height))

    def _keep_visible(self) -> None:
        top = self.cursor * self.row_height
        room = self.size.height - self.header - self.row_height
        above = self.row_at(self.cursor - 1)
        lead = self.row_height if above is not None and above.head else 0
        if top - lead < self.scroll_y:
            self.scroll_to(y=top - lead, animate=False, force=True)
        elif top - self.scroll_y > room:
            self.scroll_to(y=top - room, animate=False, force=True)

    def on_focus(self) -> None:
        self._refresh_row(self.cursor)

    def on_blur(self) -> None:
        self._refresh_row(self.cursor)

    def action_up(self) -> None:
        self._move(self.cursor - 1, -1)

    def action_down(self) -> None:
        self._move(self.cursor + 1)

    def action_first(self) -> None:
        self._move(0)

    def action_last(self) -> None:
        self._move(self.count - 1, -1)

    def go_to(self, index: int) -> None:
        """The cursor to the row at a place, which may not be read yet."""
        self._move(index)

    def action_page_up(self) -> None:
        self._move(self.cursor - max(1, (self.size.height - 1) // self.row_height), -1)

    def action_page_down(self) -> None:
        self._move(self.cursor + max(1, (self.size.height - 1) // self.row_height))

    def action_open(self) -> None:
        if self.cursor_id:
            self.post_message(self.Opened(self, self.cursor_id))

    def on_click(self, event: events.Click) -> None:
        if self.header and event.y == 0:
            for place, left, width in self._spans():
                if left <= event.x < left + width:
                    self.post_message(self.Titled(self, self.columns[place].key))
            return
        index = (event.y - self.header + int(self.scroll_y)) // self.row_height
        if index < self.count:
            again = index == self.cursor
            self._move(index)
            if again or event.chain > 1:
                self.action_open()


class PagedTable(Table):
    """A table whose rows are read by page in a thread, and kept while they are near."""

    PAGE = 100
    KEPT = 30

    def __init__(self, columns: Sequence[Column], to_row: Callable[[object], Row], **more: object) -> None:
        super().__init__(columns, **more)  # type: ignore[arg-type]
        self._to_row = to_row
        self._total = 0
        self._pages: OrderedDict[int, list[Row]] = OrderedDict()
        self._items: dict[str, object] = {}
        self._asked: set[int] = set()
        self._fetch: Callable[[int, int], PageOf] | None = None
        self._turn = 0

    class Loaded(Message):
        """A page has arrived; `total` is how many rows there are in all."""

        def __init__(self, table: PagedTable, total: int) -> None:
            super().__init__()
            self.table = table
            self.total = total

        @property
        def control(self) -> PagedTable:
            return self.table

    @property
    def count(self) -> int:
        return self._total

    @property
    def total(self) -> int:
        return self._total

    def ids(self) -> list[str]:
        return [row.id for page in self._pages.values() for row in page]

    def item(self, row_id: str) -> object | None:
        """What a row was made from, while its page is kept."""
        return self._items.get(row_id)

    def row_at(self, index: int) -> Row | None:
        if not 0 <= index < self._total:
            return None
        number, place = divmod(index, self.PAGE)
        page = self._pages.get(number)
        if page is None:
            self._ask(number)
            return None
        self._pages.move_to_end(number)
        return page[place] if place < len(page) else None

    def read_from(self, fetch: Callable[[int, int], PageOf], *, keep: bool = False) -> None:
        """Read from here on; with `keep` what is shown stays until the new rows are there."""
        self._fetch = fetch
        self._turn += 1
        self._asked.clear()
        if not keep:
            self._pages.clear()
            self._items.clear()
            self.cursor, self.cursor_id = 0, ""
            self.scroll_to(y=0, animate=False, force=True)
            self._ask(0)
            return
        top = max(0, int(self.scroll_y)) // self.row_height
        seen = {top // self.PAGE, (top + self.size.height // self.row_height) // self.PAGE}
        seen = {number for number in seen if number * self.PAGE < max(1, self._total)}
        for number in [n for n in self._pages if n not in seen]:
            del self._pages[number]
        for number in sorted(seen | {self.cursor // self.PAGE}):
            self._ask(number)

    def _ask(self, number: int) -> None:
        if self._fetch is None or number in self._asked:
            return
        self._asked.add(number)
        turn, fetch = self._turn, self._fetch
        app_of(self).begin(lambda: self._read(number, turn, fetch), on=self, group="pages")

    async def _read(self, number: int, turn: int, fetch: Callable[[int, int], PageOf]) -> None:
        page = await app_of(self).attempt(fetch, number * self.PAGE, self.PAGE)
        if turn != self._turn:
            return
        if page is None:
            self._asked.discard(number)
            return
        self._asked.discard(number)
        rows = []
        for item in page.items:
            row = self._to_row(item)
            rows.append(row)
            self._items[row.id] = item
        fresh = page.total != self._total
        seen, stood = self._in_view(), (self.cursor, self.scroll_offset, self._total > 0)
        stale = [n for n in self._pages if fresh and n != number]
        for other in stale:
            del self._pages[other]
        same = self._pages.get(number) == rows
        self._pages[number] = rows
        while len(self._pages) > self.KEPT:
            _, gone = self._pages.popitem(last=False)
            for row in gone:
                self._items.pop(row.id, None)
        self._total = page.total
        self._follow(number, rows)
        self._resize()
        if stood != (self.cursor, self.scroll_offset, self._total > 0):
            self.refresh()
        elif fresh or not same:
            self._paint_changes(seen)
        self.post_message(self.Loaded(self, page.total))

    def _follow(self, number: int, rows: list[Row]) -> None:
        """Keep the cursor on its row when rows came in above it."""
        was = self.cursor_id
        for place, row in enumerate(rows):
            if row.id == self.cursor_id:
                moved = number * self.PAGE + place - self.cursor
                self.cursor += moved
                if moved and self.scroll_y:
                    self._resize()
                    self.scroll_to(y=self.scroll_y + moved * self.row_height, animate=False, force=True)
                return
        if self.cursor // self.PAGE == number and rows:
            self.cursor = min(self.cursor, number * self.PAGE + len(rows) - 1, self._total - 1)
            here = self.row_at(self.cursor)
            self.cursor_id = here.id if here else ""
        elif not self._total:
            self.cursor, self.cursor_id = 0, ""
        if self.cursor_id != was:
            self.post_message(self.Moved(self, self.cursor_id))

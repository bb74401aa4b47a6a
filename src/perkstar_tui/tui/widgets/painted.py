"""Plain drawing blocks: a text made of toned lines, and a frame whose title spans its upper edge."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self, cast

from rich.cells import cell_len
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget
from textual.widgets import Static

from ..signs import TONES, Line, Piece, ascii_only, between

if TYPE_CHECKING:
    from ..app import PerkstarApp


def app_of(widget: Widget) -> "PerkstarApp":
    """The running program, by its own type."""
    return cast("PerkstarApp", widget.app)


def on_width(widget: Widget, deed: Callable[[], None]) -> None:
    """Call `deed` whenever a layout has given the widget another width.

    Resize events can fail to come for a widget whose first layout is overtaken by a second one; layouts are
    always told of.
    """
    seen = [0]

    def look(_screen: object) -> None:
        width = widget.outer_size.width
        if widget.is_attached and width != seen[0]:
            seen[0] = width
            deed()

    widget.screen.screen_layout_refresh_signal.subscribe(widget, look)


def content(lines: Sequence[Sequence[Piece]], *, ascii_signs: bool = False) -> Content:
    """Toned lines as Textual draws them. No text in them is ever read as markup."""
    pieces: list[Any] = []
    for number, line in enumerate(lines):
        if number:
            pieces.append("\n")
        pieces.extend((ascii_only(text) if ascii_signs else text, TONES[tone]) for text, tone in line)
    return Content.assemble(*pieces)


class Sparing(Widget):
    """Mixed into a widget: what it says goes through `repainting` repaints those regions instead of all of it, since
    each cell costs bytes on the way to the terminal.
    """

    _only: tuple[Region, ...] | None = None

    def repainting(self, regions: Sequence[Region], deed: Callable[[], None]) -> None:
        """Do something that ends in one repaint, and have only these regions of the content painted."""
        self._only = tuple(regions)
        try:
            deed()
        finally:
            self._only = None

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> Self:
        if self._only and not regions and not layout and not recompose:
            regions = self._only
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)


class Painted(Sparing, Static):
    """A block of toned lines that repaints only where they differ."""

    def __init__(self, *lines: Line, id: str | None = None, classes: str | None = None) -> None:
        super().__init__("", markup=False, id=id, classes=classes)
        self._lines: tuple[Line, ...] | None = None
        self._first = lines

    def on_mount(self) -> None:
        if self._lines is None:
            self.paint(*self._first)

    def paint(self, *lines: Sequence[Piece]) -> None:
        """Show these lines."""
        new = tuple(tuple(line) for line in lines)
        old, self._lines = self._lines, new
        if new == old:
            return
        text = content(new, ascii_signs=app_of(self).ascii)
        places = self._differing(old or (), new)
        if places:
            # As many rows as before: nothing has to be laid out again.
            self.repainting(places, lambda: self.update(text, layout=False))
        else:
            self.update(text, layout=self.styles.is_auto_height)

    def _differing(self, old: tuple[Line, ...], new: tuple[Line, ...]) -> list[Region]:
        """The regions where one row stands for each line before and after, and they differ; else nothing."""
        width = self.content_size.width
        if not width or len(old) != len(new):
            return []
        kept = self.styles.text_wrap == "nowrap"
        found = []
        for y, (before, after) in enumerate(zip(old, new, strict=True)):
            if not kept and not (_one_row(before, width) and _one_row(after, width)):
                return []
            if before != after:
                x = 0
                for piece, other in zip(before, after, strict=False):
                    if piece != other:
                        break
                    x += cell_len(piece[0])
                # What is cut off ends in an ellipsis, which may come or go.
                x = max(0, min(x, width) - 1)
                found.append(Region(x, y, width - x, 1))
        return found

    @property
    def plain_text(self) -> str:
        """What is shown, without its tones."""
        return "\n".join("".join(text for text, _ in line) for line in self._lines or ())


class Ends(Painted):
    """One line with something at each end, and what fills the room between them."""

    def __init__(self, id: str, fill: str = " ") -> None:
        super().__init__(id=id)
        self._left: Line = ()
        self._right: Line = ()
        self._fill = fill

    def put(self, left: Sequence[Piece], right: Sequence[Piece] = ()) -> None:
        """Show these at the left and at the right."""
        self._left, self._right = tuple(left), tuple(right)
        self._spread()

    def on_mount(self) -> None:
        super().on_mount()
        on_width(self, self._spread)

    def _spread(self) -> None:
        width = self.content_size.width
        if width > 0:
            self.paint(between(self._left, self._right, width, self._fill))


def _one_row(line: Line, width: int) -> bool:
    return sum(cell_len(text) for text, _ in line) <= width and not any("\n" in text for text, _ in line)


class Panel(Sparing, Vertical):
    """A frame with a title at its left and a state at its right, both in the upper edge."""

    def __init__(
        self, title: str, *children: Widget, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(*children, id=id, classes=classes)
        self._left: Line = ((title, "title"),)
        self._right: Line = ()

    def head(self, left: Sequence[Piece] | None = None, right: Sequence[Piece] | None = None) -> None:
        """Change what the upper edge says."""
        old = (self._left, self._right)
        self._left = self._left if left is None else tuple(left)
        self._right = self._right if right is None else tuple(right)
        if old != (self._left, self._right):
            self._draw_head()

    def on_mount(self) -> None:
        on_width(self, self._draw_head)

    def _draw_head(self) -> None:
        width = self.outer_size.width - 6
        if width < 10:
            return
        ascii_signs = app_of(self).ascii
        line: Line = self._left
        if self._right:
            edge = "-" if ascii_signs else "─"
            line = between((*self._left, (" ", "")), ((" ", ""), *self._right), width, edge)
        if not self.styles.border_left[0]:
            # An edge without corners has its title stand close to the line.
            line = ((" ", ""), *line, (" ", ""))
        title = content([line], ascii_signs=ascii_signs)
        left, top = self.content_offset

        def change() -> None:
            self.border_title = title

        self.repainting([Region(-left, -top, self.outer_size.width, 1)], change)

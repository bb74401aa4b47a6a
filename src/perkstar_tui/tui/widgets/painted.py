"""Plain drawing blocks: a text made of toned lines, and a frame whose title spans its upper edge."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from textual.containers import Vertical
from textual.content import Content
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


class Painted(Static):
    """A block of toned lines that repaints only when they differ."""

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
        if new == self._lines:
            return
        self._lines = new
        self.update(content(new, ascii_signs=app_of(self).ascii), layout=self.styles.is_auto_height)

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


class Panel(Vertical):
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
        self.border_title = content([line], ascii_signs=ascii_signs)

"""What a change of settings would do, shown before it is kept."""

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll

from perkstar_tui.hub import views as v

from ..signs import Line, clean
from ..widgets.painted import Painted
from ..widgets.picker import Option, Picker
from ..widgets.table import Table
from .base import Sheet
from .sheets import LEAVE


class ChangeSheet(Sheet[bool]):
    """Answers whether the change is to be kept."""

    def __init__(self, title: str, change: v.ChangeView) -> None:
        super().__init__()
        self._title, self._change = title, change

    def compose(self) -> ComposeResult:
        with Vertical(id="sheet") as box:
            box.border_title = clean(self._title)
            with VerticalScroll(id="effects", can_focus=False):
                yield Painted(*self._lines())
            # As in every sheet about what can take something away, the cursor stands on leaving it.
            yield Picker([Option("leave", "Leave it as it is"), Option("keep", "Keep the change")])
            yield Painted((("Enter", "key"), (" takes the line   ", "dim"), *LEAVE), classes="foot")

    def _lines(self) -> list[Line]:
        lines: list[Line] = [(("Nothing is kept yet. With this change:", "dim"),), ()]
        for text in self._change.said:
            tone = "dim" if text.startswith("  ") else ""
            lines.append(((clean(text.rstrip()), tone),))
        return [*lines, ()]

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        self.dismiss(event.row_id == "keep")

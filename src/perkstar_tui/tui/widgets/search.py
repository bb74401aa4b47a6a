"""The search line under a list: typed text filters at once, Enter keeps it, Esc clears it."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from .painted import Painted


class SearchLine(Horizontal):
    """Hidden until asked for; stays as long as it filters, so that the list never lies about being whole."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "clear", "clear"), ("down", "keep", "list")]

    class Changed(Message):
        """Another text to search for."""

        def __init__(self, line: "SearchLine", text: str) -> None:
            super().__init__()
            self.line = line
            self.text = text

        @property
        def control(self) -> "SearchLine":
            return self.line

    def __init__(self, target: str, id: str = "search") -> None:
        super().__init__(id=id)
        self._target = target
        self._back: Widget | None = None

    def compose(self) -> ComposeResult:
        yield Painted((("/ ", "key"),), classes="slash")
        field = Input(
            placeholder="type to search; Enter keeps it, Esc clears it", compact=True, select_on_focus=False
        )
        field.cursor_blink = False
        yield field
        yield Painted(id="search-count")

    @property
    def text(self) -> str:
        return self.query_one(Input).value

    def begin(self) -> None:
        """Let the person type."""
        field = next(iter(self.query(Input)), None)
        if field is None:
            # The step it belongs to was put away, or is not there yet, when the key came.
            return
        self.add_class("-open")
        # At once, not after the next layout: the next key may be here already, and it is text.
        self.styles.display = "block"
        self.screen.set_focus(field)

    def say(self, shown: int, total: int) -> None:
        """How many of all are shown."""
        self.query_one("#search-count", Painted).paint(((f" {shown:,} of {total:,}", "dim"),))

    def action_clear(self) -> None:
        """Everything again."""
        self.query_one(Input).value = ""
        self._close()
        self._leave()

    def action_keep(self) -> None:
        """Back to the list; the text stays."""
        if not self.text:
            self._close()
        self._leave()

    def _close(self) -> None:
        self.remove_class("-open")
        self.styles.clear_rule("display")

    def _leave(self) -> None:
        if self.query_one(Input).has_focus:
            self.screen.set_focus(self.screen.query_one(self._target))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(self, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_keep()

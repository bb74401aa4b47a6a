"""A text alone on the screen, full width and without a frame, to be taken with the mouse."""

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from ..signs import clean
from ..widgets.painted import Painted
from .base import Sheet


class TextScreen(Sheet[None]):
    """Shows the text in clear; a secret goes away by itself after ten seconds."""

    BINDINGS = [("escape,v,q", "close", "close")]

    def __init__(self, what: str, text: str, *, secret: bool = False) -> None:
        super().__init__()
        self._what, self._text, self._secret = what, text, secret

    def compose(self) -> ComposeResult:
        note = " It is hidden again after 10 seconds." if self._secret else ""
        yield Painted(((f"{self._what} in clear. Esc goes back.{note}", "dim"),), id="text-note")
        with VerticalScroll(id="text-alone"):
            yield Painted(*(((clean(line), ""),) for line in self._text.splitlines()))

    def on_mount(self) -> None:
        super().on_mount()
        if self._secret:
            self.set_timer(10.0, lambda: self.dismiss(None))

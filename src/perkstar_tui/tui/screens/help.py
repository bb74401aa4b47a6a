"""Help: the keys that work on the screen it was called from, in their own words."""

from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll

from ..keys import shown
from ..signs import Line, cut
from ..widgets.painted import Painted
from .base import PerkScreen, Sheet


class HelpScreen(Sheet[None]):
    """Made from the table of keys; any of Esc, q and ? closes it."""

    BINDINGS = [("escape,q,question_mark,f1", "close", "close")]

    def __init__(self, screen: PerkScreen[Any]) -> None:
        super().__init__()
        table = screen.program.keys
        self._lines: list[Line] = []
        for key in screen.working_keys():
            keys = shown(table.keys_of(key))
            self._lines.append(
                ((f" {cut(keys, 14)}", "key"), (cut(screen.label_of(key), 16), "strong"), (key.help, "dim"))
            )

        if screen.program.ascii:
            # Signs that have no letter of their own without Unicode.
            self._lines += [
                (),
                (
                    (" #             ", "key"),
                    ("differs", "strong"),
                    ("         both sides have other values", "dim"),
                ),
            ]

    def compose(self) -> ComposeResult:
        with Vertical(id="sheet", classes="help") as box:
            box.border_title = "Keys that work here"
            with VerticalScroll():
                yield Painted(*self._lines)
            yield Painted(
                (("Esc", "key"), (" back   every act can also be found by name with ", "dim"), (":", "key"))
            )

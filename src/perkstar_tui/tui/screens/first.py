"""The first start: try the demo, connect a Perkstar account, or work locally."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Center, Middle, Vertical
from textual.widgets import Input

from ..signs import clean
from ..widgets.painted import Painted
from ..widgets.picker import Option, Picker
from ..widgets.table import Table
from .base import PerkScreen, still_input

WAYS = (
    Option("demo", "Try the demo", "a made-up shop on this machine alone"),
    Option("cloud", "Connect a Perkstar account", "with its API key"),
    Option("local", "Work locally", "no account; all in a file here"),
)


class FirstScreen(PerkScreen[None]):
    """Nothing is kept before one of the three ways is taken."""

    PLACE = "first"
    BINDINGS: ClassVar[list[BindingType]] = []
    AUTO_FOCUS = "#picker"

    def __init__(self) -> None:
        super().__init__()
        self._way = ""

    def compose_body(self) -> ComposeResult:
        with Middle(), Center(), Vertical(id="card") as card:
            card.border_title = "Perkstar"
            yield Painted(
                (("Keep your loyalty customers in step with your other software.", "strong"),),
                (("How do you want to begin?", "dim"),),
                classes="para",
            )
            yield Picker(WAYS)
            yield Painted(id="ask", classes="ask")
            yield still_input(id="given", compact=True)
            yield Painted(id="wrong")

    def on_mount(self) -> None:
        super().on_mount()
        self._hide()

    def _hide(self) -> None:
        self._way = ""
        for place in ("#ask", "#given", "#wrong"):
            self.query_one(place).display = False
        self.query_one(Picker).focus()

    def on_table_opened(self, event: Table.Opened) -> None:
        if event.row_id == "demo":
            self.program.exit("demo")
            return
        self._way = event.row_id
        ask = self.query_one("#ask", Painted)
        field = self.query_one("#given", Input)
        if self._way == "cloud":
            ask.paint(
                (
                    ("API key", "strong"),
                    ("  it is tested, then kept sealed. Enter goes on, Esc goes back.", "dim"),
                )
            )
        else:
            ask.paint(
                (
                    ("The business's name", "strong"),
                    ("  as it shall be shown. Enter goes on, Esc goes back.", "dim"),
                )
            )
        field.password = self._way == "cloud"
        field.value = ""
        for widget in (ask, field):
            widget.display = True
        field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip():
            way, value = self._way, event.value.strip()
            self.program.begin(lambda: self._take_account(way, value), on=self, exclusive=True)

    async def _take_account(self, way: str, value: str) -> None:
        from ..app import error_sentence

        wrong = self.query_one("#wrong", Painted)
        wrong.display = True
        wrong.paint((("Asking Perkstar …" if way == "cloud" else "Making the account …", "dim"),))
        hub = self.program.hub
        try:
            await self.program.ask(hub.attach_cloud if way == "cloud" else hub.attach_local, value)
        except Exception as error:
            wrong.paint((("▲ ", "bad"), (clean(error_sentence(error)), "")))
            return
        # The rest is the program's work: what this screen has begun ends with it.
        self.program.begin(self.program.ready)
        self.dismiss(None)

    def action_back(self) -> None:
        """One back from a field; there is nothing behind this screen."""
        self._hide()

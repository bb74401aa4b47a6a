"""Shown when the hub cannot be opened: what went wrong and the way out."""

from textual.app import ComposeResult
from textual.containers import Center, Middle, Vertical

from ..signs import clean
from ..widgets.painted import Painted
from .base import PerkScreen


class TroubleScreen(PerkScreen[None]):
    """The store could not be opened; nothing was changed."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def compose_body(self) -> ComposeResult:
        from ..app import error_sentence

        with Middle(), Center(), Vertical(id="card") as card:
            card.border_title = "Perkstar cannot start"
            yield Painted((("▲ ", "bad"), ("The store could not be opened. Nothing was changed.", "strong")))
            yield Painted(((clean(error_sentence(self.error)), ""),), classes="para")
            yield Painted(
                (
                    ("perkstar doctor", "key"),
                    (" looks for the cause.  ", "dim"),
                    ("q", "key"),
                    (" quits.", "dim"),
                )
            )

    def action_back(self) -> None:
        """There is nothing behind this screen to go back to."""

"""What every tab of Details shares. A pane shows one integration and says which of the screen's acts it takes."""

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Vertical

from perkstar_tui.hub.views import IntegrationView

from ..screens.base import PerkScreen
from ..widgets.painted import app_of
from ..widgets.table import Table

if TYPE_CHECKING:
    from ..app import PerkstarApp


class Pane(Vertical):
    """A tab's content. `NAME` is its place in the table of keys, after the screen's."""

    NAME: ClassVar[str] = ""
    TITLE: ClassVar[str] = ""

    def __init__(self, view: IntegrationView) -> None:
        super().__init__(id=f"pane-{self.NAME}", classes="pane")
        self.view = view

    @property
    def program(self) -> "PerkstarApp":
        return app_of(self)

    @property
    def zone(self) -> str:
        account = self.program.account
        return account.timezone if account else "UTC"

    async def load(self, view: IntegrationView) -> None:
        """Read what is shown again; what the person looks at stays where it is."""
        self.view = view

    def allows(self, action: str) -> bool:
        """Whether one of the pane's own acts makes sense now."""
        return True

    def offer_keys(self) -> None:
        """Have the screen draw its last line again: other acts make sense now."""
        if isinstance(self.screen, PerkScreen):
            self.screen.offer_keys()

    def tick(self) -> None:
        """Time has passed."""

    def take_focus(self) -> None:
        """The tab came to the front."""
        for table in self.query(Table):
            table.focus()
            return
        self.screen.set_focus(None)

    def step_back(self) -> bool:
        """Esc: whether the pane had something of its own to take back, such as a search."""
        return False

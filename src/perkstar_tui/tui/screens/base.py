"""What every screen shares: its keys, its last line, help, going back, and being told of changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen, Screen
from textual.widgets import Input

from ..keys import Key, bindings, shown
from ..leaving import Leaving
from ..widgets.footer import KeyLine
from ..widgets.painted import Painted, app_of

if TYPE_CHECKING:
    from perkstar_tui.hub.views import CatalogItem

    from ..app import PerkstarApp

R = TypeVar("R")


class PerkScreen(Leaving[R], Screen[R]):
    """A screen with a place in the table of keys (`PLACE`)."""

    PLACE: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = bindings("everywhere")
    TOO_SMALL = (60, 20)

    def __init__(self) -> None:
        super().__init__()
        self._stale = True
        self._renewing = False
        self._again = False
        self._offering = False

    @property
    def program(self) -> PerkstarApp:
        return app_of(self)

    # -- keys
    def places(self) -> set[str]:
        """Where we are, for the table of keys: the screen, and its part at work."""
        return {self.PLACE}

    def allows(self, action: str) -> bool:
        """Whether an act makes sense now; screens narrow it."""
        return True

    def label_of(self, key: Key) -> str:
        """A key's word here and now, such as `resume` for `pause`."""
        return key.label

    def offers(self, key: Key) -> bool:
        """Whether a key that works stands in the last line too."""
        return key.footer

    def working_keys(self) -> list[Key]:
        """The keys that work here and now."""
        places = self.places() | set(getattr(self.focused, "PLACES", ()))
        locked = self.program.read_only
        keys = [
            key
            for key in self.program.keys.working(places)
            if self.allows(key.action) and not (locked and key.writes)
        ]
        # What has the focus is asked first, so its key hides the same key of the screen.
        mine = {key.keys for key in keys if set(key.where) & set(getattr(self.focused, "PLACES", ()))}
        return [key for key in keys if not _hidden(key, mine)]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not self.is_mounted or not _is_key(action):
            return True
        working = self.program.keys.working(self.places())
        return any(key.action.partition("(")[0] == action for key in working)

    async def run_key(self, key: Key) -> None:
        """Do a key's act, as if it had been pressed."""
        mine = set(key.where) & set(getattr(self.focused, "PLACES", ()))
        holder = self.focused if mine and self.focused is not None else self
        await self.program.run_action(key.action, default_namespace=holder)

    def offer_keys(self) -> None:
        """Draw the last line again, once everything that is under way has been told."""
        if not self._offering:
            self._offering = True
            self.call_later(self._offer_keys)

    def _offer_keys(self) -> None:
        self._offering = False
        for line in self.query(KeyLine):
            table = self.program.keys
            if isinstance(self.focused, Input):
                # Letters go into the field, so no letter is offered.
                line.offer((("Enter", "go on"), ("Esc", "back")))
                continue
            line.offer(
                tuple(
                    (shown(table.keys_of(k).split(",")[0]), self.label_of(k))
                    for k in sorted(self.working_keys(), key=self._rank)
                    if self.offers(k)
                )
            )

    def _rank(self, key: Key) -> int:
        """What belongs to the part at work comes first in the last line; the rest keeps the table's order."""
        if key.id == "open":
            return 0
        places = self.places() | set(getattr(self.focused, "PLACES", ()))
        return 1 if any(place in places for place in key.where if ":" in place or place == "catalog") else 2

    # -- life
    def compose_body(self) -> ComposeResult:
        """The screen's own widgets."""
        yield from ()

    def compose(self) -> ComposeResult:
        yield from self.compose_body()
        yield KeyLine()
        yield Painted(
            (("Perkstar needs a window of at least 60 columns and 20 rows.", "strong"),),
            (("Make it larger, or use the commands: perkstar --help.", "dim"),),
            id="tiny",
        )

    def on_mount(self) -> None:
        self.suit()
        self.call_after_refresh(self.offer_keys)

    def suit(self) -> None:
        """Take the layout that fits the terminal."""
        size = self.program.size
        self.set_class(not self.program.wide, "-compact")
        self.set_class(self.program.ascii, "-ascii")
        small = size.width < self.TOO_SMALL[0] or size.height < self.TOO_SMALL[1]
        self.set_class(small, "-tiny")

    def on_resize(self, event: events.Resize) -> None:
        if self.is_mounted:
            self.suit()

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        self.suit()
        if self._stale:
            self.renew()
        self.offer_keys()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self.offer_keys()

    def renew(self) -> None:
        """Something changed: read again now if this screen is in front, else when it comes back."""
        if not self.is_active or not self.program.is_open:
            self._stale = True
            return
        self._stale = False
        if self._renewing:
            self._again = True
            return
        self._renewing = True
        self.program.begin(self._renew, on=self, group="renew")

    async def _renew(self) -> None:
        try:
            await self.load()
        except Exception as error:
            # Of a screen that was left while it was read, nothing is to be said: its parts are gone.
            if self.is_attached and self.is_active:
                self.program.report(error)
        finally:
            self._renewing = False
        if self._again:
            self._again = False
            self.renew()

    async def load(self) -> None:
        """Read what the screen shows and show it."""

    def tick(self) -> None:
        """Time has passed: draw what depends on it."""

    def show_guide(self, item: CatalogItem) -> None:
        """A platform's guide; of a planned one, what there is to say."""
        from .reading import ReadingSheet, guide_sheet, planned_lines

        if item.status == "planned":
            self.program.push_screen(ReadingSheet(item.title, "", lambda: item, planned_lines))
        else:
            hub = self.program.hub
            self.program.push_screen(guide_sheet(lambda: hub.guide(item.name), item.title))

    # -- acts known everywhere
    def action_back(self) -> None:
        if len(self.program.screen_stack) > 1:
            self.dismiss(None)

    def action_help(self) -> None:
        from .help import HelpScreen

        self.program.push_screen(HelpScreen(self))

    def action_palette(self) -> None:
        self.program.action_command_palette()

    def action_quit(self) -> None:
        self.program.exit()

    def action_undo(self) -> None:
        self.program.undo_last()

    def action_duplicates(self) -> None:
        from .duplicates import DuplicatesScreen

        self.program.push_screen(DuplicatesScreen())

    def action_queue(self) -> None:
        self.program.show_queue()

    def ask_why(self) -> None:
        """Ask what is to be looked into, then why its data is not there."""
        self.program.show_why()

    def action_freeze(self) -> None:
        self.program.toggle_freeze()


def _hidden(key: Key, mine: set[str]) -> bool:
    return key.keys not in mine and key.keys.split(",")[0] in mine and key.id == "help"


def _is_key(action: str) -> bool:
    from ..keys import KEYS

    return any(key.action.partition("(")[0] == action for key in KEYS)


class Sheet(Leaving[R], ModalScreen[R]):
    """A box over the screen. Esc closes it and nothing has happened."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "close", "close")]

    @property
    def program(self) -> PerkstarApp:
        return app_of(self)

    def on_mount(self) -> None:
        self.suit()

    def on_resize(self, event: events.Resize) -> None:
        self.suit()

    def suit(self) -> None:
        """Take the layout that fits the terminal."""
        size = self.program.size
        self.set_class(not self.program.wide, "-compact")
        self.set_class(self.program.ascii, "-ascii")
        self.set_class(size.width < 60 or size.height < 20, "-tiny")

    def action_close(self) -> None:
        self.dismiss(None)


def still_input(**more: Any) -> Input:
    """A field whose cursor does not blink."""
    field = Input(**more)
    field.cursor_blink = False
    return field

"""One route: each of its settings on a line. A new one is kept once all that it needs is given."""

from collections.abc import Callable
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from perkstar_tui.hub.alerts.views import RouteSetting, RouteView

from ..keys import bindings
from ..signs import Line, clean
from ..widgets.painted import Ends, Painted, Panel
from ..widgets.picker import Option
from ..widgets.table import Column, Row, Table
from .base import PerkScreen

NAME = RouteSetting("name", "Name", "How it is called here and in commands.", "", required=True)
KEEP, TRY = "keep this route", "send a test message"
"""Rows that do something; no setting is called so."""
HIDDEN = "•" * 8


class RouteScreen(PerkScreen[None]):
    """Of a route that stands each change is kept at once; of a new one when its last line is taken."""

    PLACE = "route"
    BINDINGS: ClassVar[list[BindingType]] = bindings("route")

    def __init__(self, kind: str, route: RouteView | None = None) -> None:
        super().__init__()
        self.kind = kind
        self.made = route
        self.settings: list[RouteSetting] = []
        self.given: dict[str, str] = {}
        self.secret: str | None = None

    def compose_body(self) -> ComposeResult:
        yield Ends(id="top")
        with Panel("Route", id="body"):
            yield Table(
                (
                    Column("label", "Setting", 24),
                    Column("value", "Value", 24, share=1),
                    Column("help", "", 30, share=2, leaves=1),
                ),
                id="route-settings",
                empty="",
            )
        yield Painted(id="route-said")

    def on_mount(self) -> None:
        super().on_mount()
        name = clean(self.made.name) if self.made else f"new {self.kind}"
        self.query_one("#top", Ends).put((("Perkstar", "title"), ("  Alerts › ", "dim"), (name, "strong")))
        self.table.focus()

    @property
    def table(self) -> Table:
        return self.query_one("#route-settings", Table)

    async def load(self) -> None:
        desk = self.program.hub.alerts
        if self.made is not None:
            self.made = await self.program.ask(desk.route, self.made.name)
            self.settings = list(self.made.settings)
        elif not self.settings:
            self.settings = [NAME, *await self.program.ask(desk.settings_for, self.kind)]
        self._draw()

    def _value(self, setting: RouteSetting) -> str:
        if setting.secret:
            return HIDDEN if self.secret or setting.value else ""
        return self.given.get(setting.name, setting.value)

    def _missing(self) -> list[str]:
        return [one.label for one in self.settings if one.required and not self._value(one)]

    def _draw(self) -> None:
        rows = []
        for one in self.settings:
            value = self._value(one)
            lacks = one.required and not value
            shown = "not given yet" if lacks else clean(value) or ("all" if one.several else "–")
            rows.append(
                Row(
                    one.name,
                    (((one.label, "strong"),), ((shown, "warn" if lacks else ""),), ((one.help, "dim"),)),
                )
            )
        if self.made is None:
            missing = self._missing()
            words = (
                f"needs {', '.join(missing).lower()}"
                if missing
                else "all is given; it is checked when you keep it"
            )
            rows.append(
                Row(KEEP, ((("Keep this route", "dim" if missing else "good"),), ((words, "dim"),), ()))
            )
        elif self.kind in ("email", "webhook"):
            rows.append(
                Row(TRY, ((("Send a test message", "accent"),), (("and see what came of it", "dim"),), ()))
            )
        self.table.show(rows)
        self._draw_said()

    def _draw_said(self) -> None:
        one = next((one for one in self.settings if one.name == self.table.cursor_id), None)
        about: Line = ((f"{one.label}: ", "strong"), (one.help, "dim")) if one else ()
        keeps = (
            " changes it; each change is checked and kept"
            if self.made
            else " gives it; the last line keeps the route"
        )
        problem: Line = ((clean(self.made.problem), "bad"),) if self.made and self.made.problem else ()
        self.query_one("#route-said", Painted).paint(about, (("Enter", "key"), (keeps, "dim")), problem)

    def on_table_moved(self, event: Table.Moved) -> None:
        event.stop()
        self._draw_said()

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        if self.program.refused():
            return
        if event.row_id == KEEP:
            self._keep()
        elif event.row_id == TRY:
            self._try()
        else:
            self._ask(next(one for one in self.settings if one.name == event.row_id))

    def _ask(self, one: RouteSetting) -> None:
        from .sheets import ChooseSheet, SeveralSheet, TextSheet

        if one.several:

            async def asking() -> None:
                kinds = await self.program.attempt(self.program.hub.alerts.kinds)
                if kinds is not None:
                    options = [Option(name, words) for name, words in kinds.items()]
                    chosen = frozenset(filter(None, self._value(one).split(",")))

                    def several(found: frozenset[str] | None) -> None:
                        if found is not None:
                            self._give(one, ",".join(name for name in kinds if name in found))

                    self.program.push_screen(
                        SeveralSheet("Only these kinds; none is all", options, chosen), several
                    )

            self.program.begin(asking)
            return

        def taken(value: str | None) -> None:
            if value is not None:
                self._give(one, value)

        if one.choices:
            options = [Option(choice, choice) for choice in one.choices]
            self.program.push_screen(ChooseSheet(one.label, options, self._value(one), one.help), taken)
        else:
            value = "" if one.secret else self._value(one)

            def give(text: str, done: Callable[[], None], wrong: Callable[[str], None]) -> None:
                self._give(one, text, then=lambda _: done(), failed=wrong)
                if self.made is None or (not one.secret and text == one.value):
                    done()

            self.program.push_screen(TextSheet(one.label, value, help=one.help, secret=one.secret, give=give))

    def _give(self, one: RouteSetting, value: str, **more: Any) -> None:
        if self.made is None:
            if one.secret:
                self.secret = value or None
            else:
                self.given[one.name] = value.strip()
            self._draw()
            return
        desk, name = self.program.hub.alerts, self.made.name
        if one.secret:
            self.program.act(lambda: desk.edit(name, {}, value), f"{one.label} changed.", **more)
        elif value != one.value:
            self.program.act(
                lambda: desk.edit(name, {one.name: value}),
                f"{one.label} changed.",
                undo=(f"{one.label} as it was.", lambda: desk.edit(name, {one.name: one.value})),
                **more,
            )

    def _keep(self) -> None:
        missing = self._missing()
        if missing:
            self.program.say(f"It still needs {', '.join(missing).lower()}.", "warning")
            return
        desk, given, secret = self.program.hub.alerts, dict(self.given), self.secret
        name = given.pop("name")

        def kept(made: RouteView) -> None:
            self.made, self.given, self.secret = made, {}, None
            self.query_one("#top", Ends).put(
                (("Perkstar", "title"), ("  Alerts › ", "dim"), (clean(made.name), "strong"))
            )
            self.renew()

        self.program.act(
            lambda: desk.add(name, self.kind, given, secret),
            "The route is kept. Try it with a test.",
            then=kept,
        )

    def _try(self) -> None:
        from .reading import ReadingSheet, test_lines

        made = self.made
        if made is not None:
            desk = self.program.hub.alerts
            waiting = f"Sending a message to {clean(made.where)} …"
            self.program.push_screen(
                ReadingSheet(f"Test of {made.name}", waiting, lambda: desk.test(made.name), test_lines)
            )

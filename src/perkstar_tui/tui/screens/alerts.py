"""Alerts: what is wrong and stands, each with what mends it; and the routes on which it is told."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical

from perkstar_tui.hub.alerts.views import AlertView, RouteView

from ..keys import Key, bindings
from ..signs import Line, Piece, ago, clean
from ..widgets.painted import Ends, Painted, Panel
from ..widgets.picker import Option
from ..widgets.table import Column, PagedTable, Row, Table
from .base import PerkScreen

LEVELS: dict[str, Piece] = {
    "critical": ("▲ critical", "bad"),
    "warning": ("● warning", "warn"),
    "notice": ("○ notice", "info"),
}
STATES = {"open": "open", "acked": "seen", "resolved": "over"}
LISTS = (
    ("", "What stands", "open, and what was seen"),
    ("open", "Open", "nobody has said that it was seen"),
    ("acked", "Seen", "silent until it is over"),
    ("resolved", "Over", "of the last 90 days"),
    ("all", "All", ""),
)
COLUMNS = (
    Column("level", "Level", 10),
    Column("what", "What", 20, share=1),
    Column("name", "Of", 14, share=2),
    Column("since", "Since", 11, leaves=2),
    Column("count", "Count", 6, right=True, leaves=1),
    Column("state", "State", 5),
)
ROUTE_COLUMNS = (
    Column("name", "Route", 14),
    Column("kind", "Kind", 9),
    Column("level", "From", 10),
    Column("quiet", "Quiet", 16, leaves=2),
    Column("sent", "Sent", 6, right=True, leaves=1),
    Column("where", "Where, or what is wrong", 26, share=2),
)
TABS = {
    "error": "log", "stalled": "health", "stale": "runs", "quota": "health", "held": "records", "duplicates": "records",
    "deliveries": "deliveries", "credential": "overview", "reconnect": "overview", "decision": "overview",
}  # fmt: skip


class AlertsScreen(PerkScreen[None]):
    """Two parts: the alerts, and the routes. Enter opens what an alert is about, or a route's settings."""

    PLACE = "alerts"
    BINDINGS: ClassVar[list[BindingType]] = bindings("alerts")
    AUTO_FOCUS = ""

    def __init__(self, part: int = 1) -> None:
        super().__init__()
        self.part = part
        self.state = ""
        self.routes: list[RouteView] = []
        self._begun: str | None = None

    def places(self) -> set[str]:
        return {"alerts", "alerts:list" if self.part == 1 else "alerts:routes"}

    def compose_body(self) -> ComposeResult:
        yield Ends(id="top")
        yield Ends(id="parts")
        with Vertical(id="alert-part"):
            with Panel("Alerts", id="alert-panel"):
                yield PagedTable(COLUMNS, self._row, empty="Nothing is wrong.", id="alert-table")
            yield Painted(id="alert-said")
        with Vertical(id="route-part"):
            with Panel("Routes", id="route-panel"):
                yield Table(ROUTE_COLUMNS, id="route-table", empty="")
            yield Painted(id="route-said")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#top", Ends).put(
            (("Perkstar", "title"), ("  Settings › ", "dim"), ("Alerts", "strong"))
        )
        self._show()

    @property
    def alerts(self) -> PagedTable:
        return self.query_one("#alert-table", PagedTable)

    @property
    def ways(self) -> Table:
        return self.query_one("#route-table", Table)

    def alert(self) -> AlertView | None:
        """The alert at the cursor."""
        item = self.alerts.item(self.alerts.cursor_id)
        return item if isinstance(item, AlertView) else None

    def route(self) -> RouteView | None:
        """The route at the cursor."""
        return next((one for one in self.routes if one.name == self.ways.cursor_id), None)

    def _show(self) -> None:
        self.query_one("#alert-part").display = self.part == 1
        self.query_one("#route-part").display = self.part == 2
        (self.alerts if self.part == 1 else self.ways).focus()
        self._draw()
        self.offer_keys()

    async def load(self) -> None:
        desk, state = self.program.hub.alerts, self.state
        self.alerts.read_from(
            lambda at, most: desk.page(state=state or None, offset=at, limit=most), keep=self._begun == state
        )
        self._begun = state
        self.routes = await self.program.ask(desk.routes)
        self.ways.show([_route_row(one) for one in self.routes])
        self._draw()
        self.offer_keys()

    # -- what is shown
    def _row(self, item: object) -> Row:
        assert isinstance(item, AlertView)
        quiet = item.state != "open"
        level = LEVELS.get(item.level, (item.level, ""))
        return Row(
            item.id,
            (
                ((level[0], "dim" if quiet else level[1]),),
                ((clean(item.title), "dim" if quiet else "strong"),),
                ((clean(item.name), "dim" if quiet else ""),),
                ((ago(item.first_at, self.program.now()), "dim"),),
                ((f"{item.count:,}", "dim"),),
                ((STATES.get(item.state, clean(item.state)), "dim"),),
            ),
        )

    def _draw(self) -> None:
        names = ("Alerts", "Routes")
        counts = (self.alerts.total, len(self.routes))
        pieces: list[Piece] = []
        for number, (name, count) in enumerate(zip(names, counts, strict=True), 1):
            here = number == self.part
            text = f"[{number} {name} {count}]" if here else f" {number} {name} {count} "
            pieces += [(text, "title" if here else "dim"), (" ", "")]
        words = next(label for value, label, _ in LISTS if value == self.state)
        right: Line = ()
        if self.part == 1:
            right = (
                (f"{words}   ", "warn" if self.state else "dim"),
                (self.program.keys.shown("filter"), "key"),
                (" filter", "dim"),
            )
        self.query_one("#parts", Ends).put(tuple(pieces), right)
        self.query_one("#alert-said", Painted).paint(*self._alert_said())
        self.query_one("#route-said", Painted).paint(*self._route_said())

    def _alert_said(self) -> list[Line]:
        one = self.alert()
        if one is None:
            return []
        seen = f"Seen by {clean(one.acked_by)}. " if one.state == "acked" else ""
        told = f"Told by {', '.join(map(clean, one.told))}." if one.told else "Told nowhere else."
        return [
            ((clean(one.message), ""),),
            ((clean(one.remedy), "accent"),),
            ((f"{seen}{told}   ", "dim"), (clean(one.command), "info")),
        ]

    def _route_said(self) -> list[Line]:
        one = self.route()
        if one is None:
            return []
        key = self.program.keys.shown
        kinds = ", ".join(one.kinds) or "every kind"
        state = (
            f"{one.sent} sent, {one.pending} waiting, {one.dead} given up"
            if one.kind in ("email", "webhook")
            else ""
        )
        return [
            ((clean(one.where), ""),),
            ((f"{kinds}, from {one.level} on. {state}", "dim"),),
            ((clean(one.problem), "bad"),) if one.problem else
            (("Enter", "key"), (" changes it, ", "dim"), (key("test"), "key"), (" sends a test message, ", "dim"),
             (key("line_add"), "key"), (" adds a route", "dim")),
        ]  # fmt: skip

    # -- events
    def on_paged_table_loaded(self, event: PagedTable.Loaded) -> None:
        event.stop()
        self._draw()
        self.offer_keys()

    def on_table_moved(self, event: Table.Moved) -> None:
        event.stop()
        self._draw()
        self.offer_keys()

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        if event.table is self.ways:
            self._edit(event.row_id)
        else:
            self._open()

    def _open(self) -> None:
        """Show what the alert at the cursor is about."""
        one = self.alert()
        if one is None:
            return
        if one.subject.startswith("route:"):
            self.action_part(2)
            self.ways.go(one.subject.partition(":")[2])
        elif one.kind == "pairs":
            self.action_duplicates()
        elif one.integration_id is None and one.kind in ("held", "duplicates"):
            # The cloud's, which has no details of its own: what it holds stands in the queue.
            self.action_queue()
        elif one.integration_id is None:
            self.program.say(f"{one.message} {one.remedy}")
        else:
            id_, tab = one.integration_id, TABS.get(one.kind, "overview")

            async def opening() -> None:
                from .details import DetailsScreen

                view = await self.program.attempt(self.program.hub.integration, id_)
                if view is not None:
                    state = "failing" if tab == "records" else ""
                    self.program.push_screen(DetailsScreen(view, tab, state))

            self.program.begin(opening)

    # -- acts
    def allows(self, action: str) -> bool:
        match action:
            case "open":
                return bool(self.alert() if self.part == 1 else self.route())
            case "ack":
                one = self.alert()
                return one is not None and one.state != "resolved"
            case "test":
                return self.route() is not None
            case "line_remove":
                route = self.route()
                return route is not None and route.kind in ("email", "webhook")
        return True

    def label_of(self, key: Key) -> str:
        if key.id in ("part_1", "part_2"):
            return "alerts" if key.id == "part_1" else "routes"
        one = self.alert()
        if key.id == "ack" and one is not None and one.state == "acked":
            return "not seen"
        return key.label

    def action_part(self, number: int) -> None:
        self.part = number
        self._show()

    def action_back(self) -> None:
        if self.part == 1 and self.state:
            self._choose("")
        else:
            super().action_back()

    def action_ack(self) -> None:
        one = self.alert()
        if one is None or self.program.refused():
            return
        desk, id_ = self.program.hub.alerts, one.id
        if one.state == "acked":
            self.program.act(lambda: desk.unack(id_), f"{clean(one.name)}: it speaks again.")
        else:
            self.program.act(
                lambda: desk.ack(id_),
                f"{clean(one.name)} is silent until it is over.",
                undo=(f"{clean(one.name)}: it speaks again.", lambda: desk.unack(id_)),
            )

    def action_filter(self) -> None:
        from .sheets import ChooseSheet

        options = [Option(value or "stands", label, about) for value, label, about in LISTS]

        def chosen(value: str | None) -> None:
            if value is not None:
                self._choose("" if value == "stands" else value)

        self.program.push_screen(ChooseSheet("Which alerts?", options, self.state or "stands"), chosen)

    def _choose(self, state: str) -> None:
        self.state = state
        self.renew()

    def action_test(self) -> None:
        one = self.route()
        if one is None or self.program.refused():
            return
        if one.kind == "terminal":
            self._ring(one)
            return
        if one.kind == "app":
            self.program.say("This is it: alerts are counted in the header and listed here.")
            return
        from .reading import ReadingSheet, test_lines

        desk = self.program.hub.alerts
        self.program.push_screen(
            ReadingSheet(
                f"Test of {one.name}",
                f"Sending a message to {clean(one.where)} …",
                lambda: desk.test(one.name),
                test_lines,
            )
        )

    def _ring(self, one: RouteView) -> None:
        from ..ringing import sequence

        on = {setting.name: setting.value == "yes" for setting in one.settings}
        trial = AlertView("", "", "Test", "notice", "open", "", "Test", None, "This is a test.", "", "", "", "",
                          self.program.now(), self.program.now(), 1, "", None, None)  # fmt: skip
        self.program.send_to_terminal(
            sequence([trial], bell=on["bell"], desktop=on["desktop"], environment=self.program.environment)
        )
        self.program.say("Sent to this terminal, which shows it if it can.")

    def action_line_add(self) -> None:
        if self.program.refused():
            return
        from .sheets import ChooseSheet

        options = [
            Option("email", "E-mail", "by a mail server of yours"),
            Option("webhook", "Webhook", "posted and signed, to a chat or a pager"),
        ]

        def chosen(kind: str | None) -> None:
            if kind is not None:
                from .route import RouteScreen

                self.program.push_screen(RouteScreen(kind))

        self.program.push_screen(ChooseSheet("Where are alerts to be told?", options), chosen)

    def _edit(self, name: str) -> None:
        from .route import RouteScreen

        one = next((one for one in self.routes if one.name == name), None)
        if one is not None:
            self.program.push_screen(RouteScreen(one.kind, one))

    def action_line_remove(self) -> None:
        one = self.route()
        if one is None or self.program.refused() or not self.allows("line_remove"):
            return
        from .sheets import ChooseSheet

        desk = self.program.hub.alerts

        def chosen(value: str | None) -> None:
            if value == "go":
                self.program.act(
                    lambda: desk.remove(one.name), f"Nothing is told by {clean(one.name)} any more."
                )

        options = [
            Option("stay", "Leave it as it is"),
            Option("go", "Remove it", "its password or secret is forgotten"),
        ]
        about = f"{clean(one.name)} tells {clean(one.where)}. What waits there is not sent any more."
        self.program.push_screen(ChooseSheet(f"Remove the route {one.name}?", options, "stay", about), chosen)


def _route_row(one: RouteView) -> Row:
    tone = "" if one.enabled else "dim"
    quiet = f"{one.quiet or '–'}{' now' if one.quiet_now else ''}"
    where: Piece = (clean(one.problem), "bad") if one.problem else (clean(one.where), "dim")
    return Row(
        one.name,
        (
            ((clean(one.name), "strong" if one.enabled else "dim"),),
            ((one.kind, tone),),
            ((one.level if one.enabled else "off", tone),),
            ((quiet, "dim"),),
            ((f"{one.sent:,}", "dim"),),
            (where,),
        ),
    )

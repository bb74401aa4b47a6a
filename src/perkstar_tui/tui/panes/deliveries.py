"""Deliveries: what an endpoint of one's own was told, what waits, what was given up; each can be told again."""

from typing import ClassVar

import orjson
from textual.app import ComposeResult

from perkstar_tui.hub import views as v

from ..screens.reading import ReadingSheet
from ..screens.sheets import ChooseSheet
from ..signs import Line, Piece, clean, local, until
from ..widgets.painted import Ends, Panel
from ..widgets.picker import Option
from ..widgets.table import Column, PagedTable, Row, Table
from .pane import Pane

COLUMNS = (
    Column("created", "When", 15),
    Column("type", "What", 18, share=1),
    Column("state", "State", 12),
    Column("attempts", "Tries", 5, right=True, leaves=2),
    Column("status", "Answer", 7, right=True),
    Column("ms", "Took", 8, right=True, leaves=1),
    Column("said", "Why, and what comes next", 28, share=3, leaves=3),
)
STATES: dict[str, tuple[str, str]] = {
    "pending": ("○ waits", "warn"),
    "delivered": ("● taken", "good"),
    "dead": ("▲ given up", "bad"),
}


class DeliveriesPane(Pane):
    NAME: ClassVar[str] = "deliveries"
    TITLE: ClassVar[str] = "Deliveries"

    def __init__(self, view: v.IntegrationView) -> None:
        super().__init__(view)
        self.state = ""
        self.endpoint: v.EndpointView | None = None
        self._asked: str | None = None

    def compose(self) -> ComposeResult:
        yield Ends(id="delivery-lists")
        with Panel("Deliveries", id="deliveries"):
            yield PagedTable(
                COLUMNS,
                self._row,
                empty="Nothing was told yet that passes. t sends a trial.",
                id="delivery-table",
            )

    @property
    def table(self) -> PagedTable:
        return self.query_one("#delivery-table", PagedTable)

    def delivery(self) -> v.DeliveryView | None:
        """The delivery at the cursor."""
        item = self.table.item(self.table.cursor_id)
        return item if isinstance(item, v.DeliveryView) else None

    async def load(self, view: v.IntegrationView) -> None:
        self.view = view
        self._read()
        found = await self.program.ask(self.program.hub.endpoints)
        self.endpoint = next((one for one in found if one.id == view.id), None)
        self._draw_lists()

    def _read(self) -> None:
        hub, id_, state = self.program.hub, self.view.id, self.state
        self.table.read_from(
            lambda at, most: hub.deliveries(id_, state=state or None, offset=at, limit=most),
            keep=state == self._asked,
        )
        self._asked = state

    def _row(self, item: object) -> Row:
        assert isinstance(item, v.DeliveryView)
        said = clean(item.problem)
        if item.state == "pending" and item.next_attempt is not None:
            said += f"{' ' if said else ''}Next {until(item.next_attempt, self.program.now())}."
        return Row(
            item.id,
            (
                ((f"{local(item.created, self.zone):%d %b %H:%M:%S}", "dim"),),
                ((clean(item.type), ""),),
                (STATES.get(item.state, (clean(item.state), "")),),
                ((str(item.attempts) if item.attempts else "–", "dim"),),
                (_status(item),),
                ((_took(item), "dim"),),
                ((said, "dim"),),
            ),
        )

    def _draw_lists(self) -> None:
        one = self.endpoint
        if one is None:
            return
        keys = self.program.keys
        counts = (("pending", one.pending), ("delivered", one.delivered), ("dead", one.dead))
        pieces: list[Piece] = [(keys.shown("filter"), "key"), (" ", "")]
        for state, count in counts:
            word, tone = STATES[state]
            chosen = self.state == state
            pieces += [(f"{word} {count:,}", "title" if chosen else tone if count else "dim"), ("   ", "")]
        right: Line = ((clean(one.url or "nothing is told, it only takes"), "dim"),)
        self.query_one("#delivery-lists", Ends).put(tuple(pieces), right)

    def on_paged_table_loaded(self, event: PagedTable.Loaded) -> None:
        event.stop()
        self.offer_keys()

    def on_table_moved(self, event: Table.Moved) -> None:
        event.stop()
        self.offer_keys()

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        hub, id_ = self.program.hub, event.row_id
        self.program.push_screen(
            ReadingSheet(
                "Delivery",
                "Reading the delivery …",
                lambda: hub.delivery(id_),
                lambda one: delivery_lines(one, self.zone),
            )
        )

    # -- acts
    def allows(self, action: str) -> bool:
        match action:
            case "redeliver":
                return self.delivery() is not None
            case "redeliver_all":
                return self.endpoint is not None and self.endpoint.dead > 0
        return True

    def redeliver(self) -> None:
        """Tell the delivery at the cursor again."""
        one = self.delivery()
        if one is not None and not self.program.refused():
            hub, id_ = self.program.hub, self.view.id
            self.program.act(lambda: hub.redeliver(id_, [one.id]), f"{clean(one.type)} is told again.")

    def redeliver_all(self) -> None:
        """Tell everything again that was given up."""
        if not self.program.refused():
            hub, id_ = self.program.hub, self.view.id
            self.program.act(lambda: hub.redeliver(id_, dead=True), "All that was given up is told again.")

    def copy_secret(self) -> None:
        """Copy what the other end checks signatures with."""

        async def copying() -> None:
            secret = await self.program.attempt(self.program.hub.webhook_secret, self.view.id)
            if secret is not None:
                self.program.copy_text(secret, f"the secret of {clean(self.view.name)}", secret=True)

        self.program.begin(copying)

    def filter(self) -> None:
        """Choose one of the lists."""

        def chosen(state: str | None) -> None:
            if state is not None:
                self.state = "" if state == "all" else state
                self._read()
                self._draw_lists()

        options = [
            Option("all", "All", "everything that is kept"),
            Option("pending", "What waits", "not taken yet, and tried again by itself"),
            Option("delivered", "What was taken", "of the last 30 days"),
            Option("dead", "What was given up", "after ten attempts; told again only by hand"),
        ]
        self.program.push_screen(ChooseSheet("Which deliveries?", options, self.state or "all"), chosen)

    def step_back(self) -> bool:
        if not self.state:
            return False
        self.state = ""
        self._read()
        self._draw_lists()
        return True


def _took(item: v.DeliveryView) -> str:
    if item.tried is None:
        return "–"
    return f"{item.ms} ms" if item.ms < 10_000 else f"{item.ms / 1000:.0f} s"


def _status(item: v.DeliveryView) -> Piece:
    if not item.attempts:
        return ("–", "dim")
    return (str(item.status), "good" if item.status < 300 else "bad") if item.status else ("none", "bad")


def delivery_lines(one: v.DeliveryView, zone: str) -> list[Line]:
    """A delivery in full: how it stands, what was told, and what came back."""

    def line(name: str, *pieces: Piece) -> Line:
        return ((f"{name:<16}", "dim"), *pieces)

    lines = [
        line("Delivery", (clean(one.id), "")),
        line("What", (clean(one.type), "strong")),
        line("Written down", (f"{local(one.created, zone):%d %b %Y %H:%M:%S}", "")),
        line("State", STATES.get(one.state, (clean(one.state), "")), (f"   {one.attempts} attempts", "dim")),
    ]
    if one.tried is not None:
        when = f"{local(one.tried, zone):%d %b %Y %H:%M:%S}"
        lines.append(line("Last attempt", (when, ""), (f"   {one.ms:,} ms", "dim")))
        lines.append(
            line("Answer", _status(one), (f"   {clean(one.problem)}" if one.problem else "", "warn"))
        )
    if one.next_attempt is not None:
        lines.append(line("Next attempt", (f"{local(one.next_attempt, zone):%d %b %Y %H:%M:%S}", "")))
    body = orjson.dumps(one.body, option=orjson.OPT_INDENT_2).decode()
    lines += [(), (("Body", "title"),), *(((f"  {clean(text)}", ""),) for text in body.splitlines())]
    if one.answer:
        lines += [
            (),
            (("Answer", "title"),),
            *(((f"  {clean(text)}", ""),) for text in one.answer.splitlines()),
        ]
    return lines

"""Records: the three lists that are always complete (in step, left out, failing), searched, each row to be opened."""

from typing import Any, ClassVar

from textual.app import ComposeResult

from perkstar_tui.hub import views as v
from perkstar_tui.hub.waiting import RecordCounts

from ..screens.record import RecordScreen
from ..screens.sheets import ChooseSheet
from ..signs import Line, Piece, ago, clean, only_told
from ..widgets.painted import Ends, Painted, Panel
from ..widgets.picker import Option
from ..widgets.search import SearchLine
from ..widgets.table import Column, PagedTable, Row, Table
from .pane import Pane

COLUMNS = (
    Column("state", "State", 11),
    Column("name", "Name", 18, share=2),
    Column("email", "Email", 20, share=2, leaves=5),
    Column("phone", "Phone", 14, leaves=4),
    Column("sent", "Sent", 11, leaves=2),
    Column("received", "Received", 11, leaves=1),
    Column("reason", "Why", 18, share=3, leaves=3),
)
NONE = "No record passes. Esc shows all again."
STATES: dict[str, tuple[str, str]] = {
    "in_step": ("● in step", "good"),
    "left_out": ("○ left out", "dim"),
    "failing": ("▲ failing", "bad"),
}


class RecordsPane(Pane):
    NAME: ClassVar[str] = "records"
    TITLE: ClassVar[str] = "Records"

    def __init__(self, view: v.IntegrationView, state: str = "") -> None:
        super().__init__(view)
        self.state = state
        self.text = ""
        self.totals: dict[str, int] = {}
        self._asked: tuple[Any, ...] | None = None
        self.data = "customers"
        self.counts: RecordCounts | None = None

    def compose(self) -> ComposeResult:
        yield Ends(id="record-lists")
        with Panel("Customers", id="customers"):
            empty = "What it was told is in tab 7 (Deliveries)." if only_told(self.view) else NONE
            yield PagedTable(COLUMNS, self._row, empty=empty, id="record-table")
        yield SearchLine("#record-table", id="record-search")
        yield Painted(id="record-said")

    @property
    def table(self) -> PagedTable:
        return self.query_one("#record-table", PagedTable)

    async def load(self, view: v.IntegrationView) -> None:
        self.view = view
        self._read()
        hub = self.program.hub

        self.counts = await self.program.ask(hub.record_counts, view.id, self.data)
        self.totals = {state: getattr(self.counts, state) for state in STATES}
        self._draw_lists()

    def show_state(self, state: str) -> None:
        """Only the records in one of the three lists; all with an empty word."""
        self.state = state
        self._read()

    def _read(self) -> None:
        hub, id_, state, text, data = self.program.hub, self.view.id, self.state, self.text, self.data
        asked = (id_, state, text, data)
        self.table.read_from(
            lambda at, most: hub.records(
                id_, state=state or None, data=data, text=text, offset=at, limit=most
            ),
            keep=asked == self._asked,
        )
        self._asked = asked
        self._draw_lists()

    def _row(self, item: object) -> Row:
        assert isinstance(item, v.RecordRow)
        now = self.program.now()
        return Row(
            # A customer may have a second record there: that is another row.
            f"{item.id} {item.remote_id or ''}",
            (
                (STATES[item.state],),
                ((clean(item.name), ""),),
                ((clean(item.email), "dim"),),
                ((clean(item.phone), "dim"),),
                ((ago(item.last_sent, now), "dim"),),
                ((ago(item.last_received, now), "dim"),),
                ((clean(item.reason), "warn" if item.state == "failing" else "dim"),),
            ),
        )

    def on_paged_table_loaded(self, event: PagedTable.Loaded) -> None:
        event.stop()
        total = sum(self.totals.values()) or event.total
        self.query_one("#record-search", SearchLine).say(event.total, total)
        self._draw_lists()
        self._draw_said()

    def on_table_moved(self, event: Table.Moved) -> None:
        event.stop()
        self._draw_said()
        self.offer_keys()

    def _draw_lists(self) -> None:
        pieces: list[Piece] = [(self.program.keys.shown("filter"), "key"), (" show ", "dim")]
        lists = [("", ("all", "")), *STATES.items()]
        for state, (word, tone) in lists:
            number = sum(self.totals.values()) if not state else self.totals.get(state, 0)
            text = f"{word} {number:,}"
            here = state == self.state
            pieces.append((f"[{text}]" if here else f" {text} ", "strong" if here else tone or "dim"))
        right: Line = ((f"{self.table.total:,} shown", "dim"),) if self.text or self.state else ()
        counts = self.counts
        if not right and counts is not None and self.data == "customers" and self.program.wide:
            text = f"Perkstar {counts.here:,} · there {counts.there:,} · only here {counts.only_here:,} · only there "
            right = ((f"{text}{counts.only_there:,}", "dim"),)
        self.query_one("#record-lists", Ends).put(pieces, right)

    def row(self) -> v.RecordRow | None:
        """The record at the cursor."""
        item = self.table.item(self.table.cursor_id)
        return item if isinstance(item, v.RecordRow) else None

    def _draw_said(self) -> None:
        row = self.row()
        if row is None:
            self.query_one("#record-said", Painted).paint(())
            return
        mend: Line = ()
        if row.state == "failing":
            mend = (("   r", "key"), (" tries it again once it is mended", "dim"))
            mend = (*mend, ("   Q", "key"), (" settles it", "dim")) if self.program.wide else mend
        self.query_one("#record-said", Painted).paint(
            (
                (f"{clean(row.name)}: ", "strong"),
                (clean(row.reason) or "in step on both sides", "" if row.reason else "dim"),
                *mend,
                ("   Enter", "key"),
                (" opens it", "dim"),
            )
        )

    # -- acts
    def allows(self, action: str) -> bool:
        if action == "retry":
            row = self.row()
            return row is not None and row.state == "failing"
        return True

    def retry_ids(self) -> list[str]:
        row = self.row()
        return [row.id] if row is not None and row.state == "failing" else []

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        self.program.push_screen(RecordScreen(event.row_id.split(" ")[0], self.view.id))

    def search(self) -> None:
        self.query_one("#record-search", SearchLine).begin()

    def on_search_line_changed(self, event: SearchLine.Changed) -> None:
        event.stop()
        self.text = event.text
        self._read()

    def filter(self) -> None:
        def taken(state: str | None) -> None:
            if state in ("customers", "transactions"):
                self.data, self.state = state, ""
                words = "Customers" if state == "customers" else "Sales and refunds"
                self.query_one("#customers", Panel).head(((words, "title"),))
                self.program.begin(lambda: self.load(self.view))
            elif state is not None:
                self.show_state("" if state == "all" else state)

        options = [Option("all", "All", f"{sum(self.totals.values()):,} records")]
        options += [
            Option(state, word, f"{self.totals.get(state, 0):,} records", tone)
            for state, (word, tone) in STATES.items()
        ]
        other = "transactions" if self.data == "customers" else "customers"
        if "transactions" in self.view.data:
            words = "Sales and refunds" if other == "transactions" else "Customers"
            options.append(Option(other, f"{words} instead"))
        self.program.push_screen(ChooseSheet("Show only", options, self.state or "all"), taken)

    def step_back(self) -> bool:
        if self.text:
            self.query_one("#record-search", SearchLine).action_clear()
        elif self.state:
            self.show_state("")
        else:
            return False
        return True

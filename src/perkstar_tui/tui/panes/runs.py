"""Runs: every sync with what set it off, how long it took, and what it did on each side."""

from typing import ClassVar

from textual.app import ComposeResult

from perkstar_tui.hub import views as v

from ..screens.reading import outcome, run_sheet
from ..screens.undoing import undo_run
from ..signs import Line, lasting, local
from ..widgets.painted import Panel
from ..widgets.table import Column, PagedTable, Row, Table
from .pane import Pane

COLUMNS = (
    Column("started", "Started", 15),
    Column("trigger", "By", 12, leaves=3),
    Column("outcome", "Outcome", 13, share=1),
    Column("in", "To Perkstar", 17, share=1, leaves=6),
    Column("out", "To platform", 17, share=1, leaves=5),
    Column("held", "Held", 6, right=True),
    Column("took", "Took", 8, right=True, leaves=4),
    Column("calls", "Calls", 7, right=True, leaves=1),
    Column("kb", "kB", 7, right=True, leaves=2),
)


class RunsPane(Pane):
    NAME: ClassVar[str] = "runs"
    TITLE: ClassVar[str] = "Runs"

    def __init__(self, view: v.IntegrationView) -> None:
        super().__init__(view)
        self._begun = False

    def compose(self) -> ComposeResult:
        with Panel("Sync runs", id="runs"):
            yield PagedTable(COLUMNS, self._row, empty="It has not synced yet. s starts the first sync.")

    @property
    def table(self) -> PagedTable:
        return self.query_one(PagedTable)

    async def load(self, view: v.IntegrationView) -> None:
        self.view = view
        hub = self.program.hub
        self.table.read_from(lambda at, most: hub.runs(view.id, offset=at, limit=most), keep=self._begun)
        self._begun = True

    def _row(self, item: object) -> Row:
        assert isinstance(item, v.RunView)
        bad = item.inward.held + item.inward.failed + item.outward.held + item.outward.failed
        return Row(
            item.id,
            (
                ((f"{local(item.started, self.zone):%d %b %H:%M:%S}", ""),),
                ((item.trigger.replace("_", " "), "dim"),),
                (("← taken back", "dim") if item.undone_by else outcome(item),),
                _changes(item.inward),
                _changes(item.outward),
                ((f"{bad:,}" if bad else "–", "warn" if bad else "dim"),),
                ((lasting(item.ended - item.started) if item.ended else "…", "dim"),),
                ((f"{item.api_calls:,}", "dim"),),
                ((f"{item.bytes / 1024:,.0f}", "dim"),),
            ),
        )

    def on_paged_table_loaded(self, event: PagedTable.Loaded) -> None:
        undo: Line = (
            (f"   {self.program.keys.shown('undo')}", "key"),
            (" takes one back", "dim"),
        )
        self.query_one("#runs", Panel).head(
            right=((f"{event.total:,} runs", "dim"), *(undo if event.total else ()))
        )

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        self.program.push_screen(run_sheet(self.program.hub, event.row_id, self.zone))

    def undo(self) -> None:
        """Take the run at the cursor back, after a look at what that does."""
        if self.table.cursor_id:
            undo_run(self.program, self.table.cursor_id)


def _changes(leg: v.LegCounts) -> Line:
    if not (leg.created or leg.updated):
        return ((f"–, {leg.read:,} read" if leg.read else "–", "dim"),)
    return ((f"{leg.created:,} new, {leg.updated:,} changed", ""),)

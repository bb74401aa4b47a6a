"""Log: what happened, newest first, read by page; below it the entry at the cursor in full."""

from datetime import timedelta
from typing import Any, ClassVar

from textual.app import ComposeResult, SuspendNotSupported

from perkstar_tui.hub import views as v
from perkstar_tui.model.errors import ErrorKind, PerkstarError

from ..pager import page
from ..screens.reading import run_sheet
from ..screens.record import RecordScreen
from ..screens.sheets import FilterSheet
from ..signs import Line, clean, local, until
from ..widgets.painted import Ends, Painted, Panel
from ..widgets.search import SearchLine
from ..widgets.table import Column, PagedTable, Row, Table
from .pane import Pane

COLUMNS = (
    Column("time", "Time", 15),
    Column("level", "Level", 7),
    Column("code", "Code", 18, leaves=2),
    Column("record", "Record", 14, leaves=3),
    Column("message", "What happened", 28, share=3),
    Column("fix", "What to do", 24, share=1, leaves=1),
)
LEVELS = {"info": ("info", "dim"), "warning": ("! WARN", "warn"), "error": ("▲ ERROR", "bad")}
MOST_PAGED = 20_000
"""Entries that are handed to a pager at most."""
SPANS = {"": None, "1": 1.0, "24": 24.0, "168": 168.0, "720": 720.0}
FILTERS = (
    ("level", "Level", (("", "any"), ("warning", "warning and worse"), ("error", "error"))),
    ("code", "Code", (("", "any"), *((kind.value, kind.value) for kind in ErrorKind))),
    (
        "since",
        "Since",
        (("", "ever"), ("1", "an hour"), ("24", "a day"), ("168", "a week"), ("720", "30 days")),
    ),
    ("open", "State", (("", "any"), ("open", "still standing"))),
)


class LogPane(Pane):
    NAME: ClassVar[str] = "log"
    TITLE: ClassVar[str] = "Log"

    def __init__(self, view: v.IntegrationView) -> None:
        super().__init__(view)
        self.filters: dict[str, str] = {}
        self.text = ""
        self.following = False
        self.wrapped = False
        self._asked: tuple[Any, ...] | None = None

    def compose(self) -> ComposeResult:
        yield Ends(id="log-filters")
        with Panel("Entries", id="entries"):
            yield PagedTable(
                COLUMNS,
                self._row,
                empty="Nothing was logged that passes. f changes the filters.",
                id="log-table",
            )
        yield SearchLine("#log-table", id="log-search")
        with Panel("Entry", id="entry"):
            yield Painted(id="entry-text")

    @property
    def table(self) -> PagedTable:
        return self.query_one("#log-table", PagedTable)

    def entry(self) -> v.LogEntry | None:
        """The entry at the cursor."""
        item = self.table.item(self.table.cursor_id)
        return item if isinstance(item, v.LogEntry) else None

    async def load(self, view: v.IntegrationView) -> None:
        self.view = view
        self._read()

    def _passing(self) -> dict[str, Any]:
        """What the hub is asked for: the filters and the search."""
        hours = SPANS.get(self.filters.get("since", ""))
        return {
            "level": self.filters.get("level") or None,
            "code": self.filters.get("code") or None,
            "since": self.program.now() - timedelta(hours=hours) if hours else None,
            "text": self.text or None,
            "only_open": bool(self.filters.get("open")),
        }

    def _read(self) -> None:
        hub, id_, passing = self.program.hub, self.view.id, self._passing()
        asked = (id_, self.text, tuple(sorted(self.filters.items())))

        def fetch(at: int, most: int) -> v.PageOf:
            return hub.log(id_, **passing, offset=at, limit=most)

        self.table.read_from(fetch, keep=asked == self._asked)
        self._asked = asked
        self._draw_filters()

    def _row(self, item: object) -> Row:
        assert isinstance(item, v.LogEntry)
        word, tone = LEVELS.get(item.level, (clean(item.level), ""))
        return Row(
            item.id,
            (
                ((f"{local(item.time, self.zone):%d %b %H:%M:%S}", "dim"),),
                ((word, tone),),
                ((clean(item.code), "dim"),),
                ((clean(item.record_name or item.record or ""), ""),),
                ((clean(item.message), ""),),
                ((clean(item.remedy), "dim"),),
            ),
        )

    # -- what is said around the table
    def on_paged_table_loaded(self, event: PagedTable.Loaded) -> None:
        event.stop()
        if self.following:
            self.table.action_first()
        self._draw_filters()
        self._draw_entry()

    def on_table_moved(self, event: Table.Moved) -> None:
        event.stop()
        if self.following and self.table.cursor > 0:
            self.following = False
            self._draw_filters()
        self._draw_entry()
        self.offer_keys()

    def _draw_filters(self) -> None:
        words = []
        for key, label, values in FILTERS:
            if self.filters.get(key):
                words.append(f"{label.lower()} {dict(values)[self.filters[key]]}")
        keys = self.program.keys
        left: Line = (
            (keys.shown("filter"), "key"),
            (" filters: ", "dim"),
            (" · ".join(words) or "none", "warn" if words else "dim"),
            (f"   search: {clean(self.text)}" if self.text else "", "warn"),
        )
        right: Line = (
            ("● following   " if self.following else "", "good"),
            ("wrapped   " if self.wrapped else "", "dim"),
            (f"{self.table.total:,} entries", "dim"),
        )
        self.query_one("#log-filters", Ends).put(left, right)
        self.query_one("#log-search", SearchLine).say(self.table.total, self.table.total)

    def _draw_entry(self) -> None:
        entry = self.entry()
        lines: list[Line] = []
        if entry is None:
            lines = [(("Choose an entry to see it in full.", "dim"),)]
        else:
            lines = entry_lines(entry, self.program.now(), compact=not self.program.wide)
        self.query_one("#entry-text", Painted).paint(*lines)
        head: Line = (("Entry", "title"), (f"  {clean(entry.id)}" if entry else "", "dim"))
        self.query_one("#entry", Panel).head(left=head)

    # -- acts
    def allows(self, action: str) -> bool:
        entry = self.entry()
        match action:
            case "bundle":
                return entry is not None
            case "open_record":
                return entry is not None and entry.record is not None
            case "retry":
                return entry is not None and entry.open
        return True

    def retry_ids(self) -> list[str]:
        """The records that `r` is for: the entry's, if it still stands."""
        entry = self.entry()
        return [entry.record] if entry is not None and entry.open and entry.record else []

    def bundle(self) -> None:
        entry = self.entry()
        if entry is None:
            return

        async def copying() -> None:
            text = await self.program.attempt(self.program.hub.bundle, entry.id)
            if text is not None:
                self.program.copy_text(text, "the support bundle")

        self.program.begin(copying)

    def open_record(self) -> None:
        entry = self.entry()
        if entry is not None and entry.record:
            self.program.push_screen(RecordScreen(entry.record, self.view.id))
        elif entry is not None:
            self.program.say("This entry is about no single record.")

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        entry = self.entry()
        if entry is None:
            return
        if entry.record:
            self.open_record()
        elif entry.run_id:
            self.program.push_screen(run_sheet(self.program.hub, entry.run_id, self.zone))

    def search(self) -> None:
        self.query_one("#log-search", SearchLine).begin()

    def on_search_line_changed(self, event: SearchLine.Changed) -> None:
        event.stop()
        self.text = event.text
        self._read()

    def filter(self) -> None:
        def taken(filters: dict[str, str] | None) -> None:
            if filters is not None:
                self.filters = filters
                self._read()

        self.program.push_screen(FilterSheet("Show only", FILTERS, self.filters), taken)

    def follow(self) -> None:
        self.following = not self.following
        if self.following:
            self.table.action_first()
        self._draw_filters()

    def jump(self, *, newer: bool) -> None:
        """To the nearest error that is older, or newer, than the entry at the cursor."""
        if not self.table.cursor_id:
            return
        hub, id_, entry_id, passing = self.program.hub, self.view.id, self.table.cursor_id, self._passing()

        async def jumping() -> None:
            place = await self.program.ask(lambda: hub.next_error(id_, entry_id, newer=newer, **passing))
            if place is None:
                self.program.say(f"No {'newer' if newer else 'older'} error passes the filters.")
            else:
                self.table.go_to(place)

        self.program.begin(jumping)

    def pager(self) -> None:
        """All that passes, in the person's own pager."""
        hub, id_, passing = self.program.hub, self.view.id, self._passing()

        async def paging() -> None:
            found = await self.program.attempt(hub.log, id_, **passing, limit=MOST_PAGED)
            if found is None:
                return
            lines = [_as_line(entry, self.zone) for entry in found.items]
            if found.total > len(lines):
                lines.append(f"... {found.total - len(lines):,} older ones; filters show them.")
            try:
                page("\n".join(lines) + "\n", self.program.suspend())
            except (PerkstarError, SuspendNotSupported) as error:
                self.program.report(error)

        self.program.begin(paging)

    def wrap(self) -> None:
        self.wrapped = not self.wrapped
        table = self.table
        table.row_height = 3 if self.wrapped else 1
        table.fit_rows()
        self._draw_filters()

    def step_back(self) -> bool:
        if self.text:
            self.query_one("#log-search", SearchLine).action_clear()
        elif self.filters and any(self.filters.values()):
            self.filters = {}
            self._read()
        else:
            return False
        return True


def _as_line(entry: v.LogEntry, zone: str) -> str:
    """An entry as one line of plain text."""
    about = clean(entry.record_name or entry.record or "")
    words = (clean(entry.message), about and f"({about})", entry.remedy and f"-> {clean(entry.remedy)}")
    return (
        f"{local(entry.time, zone):%Y-%m-%d %H:%M:%S}  {entry.level:<7}  {clean(entry.code):<18}  "
        + " ".join(word for word in words if word)
    )


def entry_lines(entry: v.LogEntry, now: Any, *, compact: bool = False) -> list[Line]:
    """An entry in full: what happened, what to do, what was tried, the request without secrets."""

    def fact(name: str, *words: tuple[str, str]) -> Line:
        return ((f"{name:<15}", "dim"), *words)

    about = f" ({clean(entry.record_name or entry.record)})" if entry.record else ""
    lines = [
        fact("What happened", (clean(entry.message), ""), (about, "dim")),
        fact("What to do", (clean(entry.remedy) or "Nothing to do.", "accent" if entry.open else "")),
    ]
    tried = f"{entry.attempts} times" if entry.attempts else ""
    if entry.next_attempt:
        tried += f", next {until(entry.next_attempt, now)} or when the record changes"
    if entry.open or tried:
        lines.append(
            fact(
                "State",
                ("still stands" if entry.open else "settled", "warn" if entry.open else "good"),
                (f"   {tried}" if tried else "", "dim"),
            )
        )
    request = clean(entry.request) if entry.request else ""
    if entry.vendor_request_id:
        request += f"   vendor request id {clean(entry.vendor_request_id)}"
    if request:
        lines.append(fact("Request", (request, "dim")))
    if entry.vendor_message and not compact:
        lines.append(fact("Vendor said", (clean(entry.vendor_message), "dim")))
    return lines

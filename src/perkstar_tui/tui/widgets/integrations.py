"""Active Integrations: the live table of connections, sorted, filtered and searched without losing its place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..signs import STATUS, Line, ago, clean, day, health, local, short_id, status, until
from .painted import app_of
from .table import Column, Row, Table

if TYPE_CHECKING:
    from perkstar_tui.hub.views import IntegrationView

WIDE = (
    Column("name", "Name", 18, share=3),
    Column("id", "Integration ID", 14, share=1, leaves=4),
    Column("date", "Date", 11, leaves=5),
    Column("status", "Status", 22, share=2),
    Column("last", "Last sync", 12, leaves=3),
    Column("next", "Next", 9, leaves=2),
    Column("health", "Health", 8, leaves=1),
    Column("details", "Detail", 6),
)
COMPACT = (
    Column("name", "Name", 17, share=3),
    Column("id", "ID", 5, leaves=3),
    Column("date", "Date", 6, leaves=2),
    Column("status", "Status", 20, share=1),
    Column("last", "Last", 7, leaves=1),
    Column("details", "Details", 7),
)
SORTS = {"name": "Name", "id": "Integration ID", "date": "Date", "status": "Status", "last": "Last sync",
         "next": "Next", "health": "Health"}  # fmt: skip
_ORDER = {name: place for place, name in enumerate(("reconnect_required", "error", "active", "paused"))}
_FAR = datetime.max.replace(tzinfo=UTC)


class IntegrationsTable(Table):
    """Shows `IntegrationView`s; `views` are all of them, the rows those that pass filter and search."""

    def __init__(self) -> None:
        super().__init__(
            WIDE, id="integrations", empty="Nothing here yet. Press a to add the first integration."
        )
        self.views: list[IntegrationView] = []
        self.filter_by: str | None = None
        self.text = ""
        self.sorted_by = None

    def put(self, views: Sequence[IntegrationView]) -> None:
        """New data."""
        self.views = list(views)
        self.draw()

    def suit(self, wide: bool) -> None:
        """Columns for the width there is."""
        columns = WIDE if wide else COMPACT
        if columns is not self.columns:
            self.columns = columns
            self.draw()
            self.refresh()

    def shown(self) -> list[IntegrationView]:
        """The views that pass, in their order; equal ones by id, so they never swap."""
        views = [view for view in self.views if self.filter_by in (None, view.status)]
        if self.text:
            views = matching(self.text, views)
        views = sorted(views, key=lambda view: view.id)
        if self.sorted_by:
            key, down = self.sorted_by
            views.sort(key=lambda view: _value(view, key), reverse=down)
        return views

    def draw(self) -> None:
        """Make the rows anew; only what differs is painted."""
        if self.text or self.filter_by:
            self.empty = "Nothing passes the search or filter. Esc clears it."
        else:
            self.empty = "Nothing here yet. Press a to add the first integration."
        self.mark(self.marked & {view.id for view in self.views})
        self.show([self._row(view) for view in self.shown()])

    def view(self, id_: str) -> IntegrationView | None:
        return next((view for view in self.views if view.id == id_), None)

    def current(self) -> IntegrationView | None:
        """The integration the cursor is on."""
        return self.view(self.cursor_id)

    def targets(self) -> list[IntegrationView]:
        """What an act is for: the selected ones, else the one at the cursor."""
        if self.marked:
            return [view for view in self.views if view.id in self.marked]
        here = self.current()
        return [here] if here else []

    def toggle_mark(self) -> None:
        """Select or leave out the row at the cursor, and go on to the next."""
        if self.cursor_id:
            self.mark(self.marked ^ {self.cursor_id})
            self.action_down()

    def sort_by(self, key: str) -> None:
        """Sort by a column; the same one again turns the order round."""
        same = self.sorted_by is not None and self.sorted_by[0] == key
        self.sorted_by = (key, not self.sorted_by[1]) if same and self.sorted_by else (key, False)
        self.draw()
        self.refresh()

    def _row(self, view: IntegrationView) -> Row:
        program = app_of(self)
        now = program.now()
        zone = program.account.timezone if program.account else "UTC"
        name: Line = ((clean(view.name), "strong" if view.status in ("error", "reconnect_required") else ""),)
        if self.columns is COMPACT:
            last = "running" if view.running else ago(view.last_sync, now, short=True)
            return Row(
                view.id,
                (
                    name,
                    ((f"…{view.id[-4:]}", "dim"),),
                    ((day(view.date, zone, year=False), "dim"),),
                    status(view, short=True),
                    ((last, ""),),
                    (("   ›", "dim"),),
                ),
            )
        return Row(
            view.id,
            (
                name,
                ((short_id(view.id), "dim"),),
                ((day(view.date, zone), "dim"),),
                status(view),
                (("running" if view.running else ago(view.last_sync, now), "info" if view.running else ""),),
                (("–" if view.running else until(view.next_sync, now), "dim"),),
                health(view),
                (("  ›", "dim"),),
            ),
        )


def _value(view: IntegrationView, key: str) -> tuple[object, ...]:
    match key:
        case "name":
            return (clean(view.name).casefold(),)
        case "date":
            return (view.date or _FAR,)
        case "status":
            return (_ORDER.get(view.status, 9),)
        case "last":
            return (view.last_sync or _FAR,)
        case "next":
            return (view.next_sync or _FAR,)
        case "health":
            return (view.health.score,)
    return (view.id,)


def matching(text: str, views: Sequence[IntegrationView]) -> list[IntegrationView]:
    """The views a search finds: by part of name, id, platform or status, and by names that are nearly so."""
    from rapidfuzz import fuzz

    wanted = text.casefold().strip()
    found = []
    for view in views:
        word = STATUS.get(view.status, ("", view.status, ""))[1]
        hay = " ".join((clean(view.name), view.platform_title, view.platform, view.id, word)).casefold()
        near = fuzz.partial_ratio(wanted, clean(view.name).casefold()) if len(wanted) > 2 else 0
        if all(part in hay for part in wanted.split()) or near >= 80:
            found.append(view)
    return found


def sentence(view: IntegrationView | None) -> Line:
    """What is wrong with the row at the cursor and the key that mends it; else that it is well."""
    if view is None:
        return ()
    if view.status_reason:
        mend = clean(view.status_remedy).rstrip(".")
        line: Line = ((clean(view.status_reason), ""),)
        if view.status_key:
            words = mend[:1].lower() + mend[1:] if mend else "mends it"
            return (*line, ("   ", ""), (view.status_key, "key"), (f" {words}", "dim"))
        return (*line, (f"   {mend}" if mend else "", "dim"))
    if view.running:
        return (("A sync is running; everything it finds is in the log.", "dim"),)
    if view.last_success is None:
        return (
            ("It has not synced yet.   ", "dim"),
            ("s", "key"),
            (" starts the first sync, ", "dim"),
            ("w", "key"),
            (" shows what it would do", "dim"),
        )
    return ((f"In step: {view.counts.linked:,} records, nothing waits.", "dim"),)


def local_clock(moment: datetime, zone: str) -> str:
    """Hours and minutes on the account's clock."""
    return f"{local(moment, zone):%H:%M}"

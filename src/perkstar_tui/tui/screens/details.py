"""Details of one integration: what is wrong first, then its tabs. Digits choose a tab, brackets a neighbour."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.message import Message

from perkstar_tui.hub import views as v

from ..keys import Key, bindings
from ..panes.deliveries import DeliveriesPane
from ..panes.health import HealthPane
from ..panes.log import LogPane
from ..panes.mapping import MappingPane
from ..panes.overview import OverviewPane
from ..panes.pane import Pane
from ..panes.records import RecordsPane
from ..panes.runs import RunsPane
from ..panes.settings import SettingsPane
from ..signs import Line, Piece, clean, short_id, status
from ..widgets.integrations import sentence
from ..widgets.painted import Ends, Painted, app_of
from .acts import RowActs

PANES: tuple[type[Pane], ...] = (
    OverviewPane, MappingPane, RunsPane, LogPane, RecordsPane, HealthPane, SettingsPane,
)  # fmt: skip


def panes_of(view: v.IntegrationView) -> tuple[type[Pane], ...]:
    """The tabs of an integration: an endpoint of one's own has one more."""
    return (*PANES, DeliveriesPane) if view.kind == "webhook" else PANES


def _wide(names: int, count: int, pad: str, gap: str) -> int:
    """Cells of the line: the tab in front has brackets where the others have room."""
    return names + (count - 1) * (2 * len(pad) + len(gap)) + 2


class TabLine(Painted):
    """The tabs in one line; a click goes to one."""

    class Clicked(Message):
        """A tab was clicked."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self) -> None:
        super().__init__(id="tab-line")
        self._spans: list[tuple[int, int]] = []

    def put(self, panes: Sequence[type[Pane]], at: str) -> None:
        """Which tabs there are, and which is in front."""
        pieces: list[Piece] = []
        self._spans, x = [], 0
        # The loosest form that fits: with room around each, without, and close together.
        room = app_of(self).size.width - 2
        names = sum(len(f"{number} {pane.TITLE}") for number, pane in enumerate(panes, 1))
        pad, gap = next(
            (form for form in ((" ", " "), (" ", ""), ("", " ")) if _wide(names, len(panes), *form) <= room),
            ("", " "),
        )
        for number, pane in enumerate(panes, 1):
            here = at == pane.NAME
            text = f"[{number} {pane.TITLE}]" if here else f"{pad}{number} {pane.TITLE}{pad}"
            pieces += [(text, "title" if here else "dim"), (gap, "")]
            self._spans.append((x, x + len(text)))
            x += len(text) + len(gap)
        self.paint(tuple(pieces))

    def on_click(self, event: events.Click) -> None:
        for number, (start, end) in enumerate(self._spans, 1):
            if start <= event.x - 1 < end:
                self.post_message(self.Clicked(number))


class DetailsScreen(RowActs):
    """One integration. Panes are made when first looked at and then stay as they were left."""

    PLACE = "details"
    BINDINGS: ClassVar[list[BindingType]] = bindings("details")
    AUTO_FOCUS = ""

    def __init__(self, view: v.IntegrationView, tab: str = "overview", state: str = "") -> None:
        super().__init__()
        self.view = view
        self.tab = tab
        self.pane: Pane | None = None
        """The pane in front, once it stands."""
        self._panes: dict[str, Pane] = {}
        self._state = state
        self._wanted = tab
        self._making = asyncio.Lock()

    def places(self) -> set[str]:
        return {"details", f"details:{self.tab}"}

    def compose_body(self) -> ComposeResult:
        yield Ends(id="top")
        yield Painted(id="state")
        yield TabLine()
        yield Vertical(id="panes")

    def on_mount(self) -> None:
        super().on_mount()
        self._draw()
        self._bring(self.tab)

    def _bring(self, tab: str) -> None:
        """Bring a tab to the front as soon as what was asked for before stands."""
        self._wanted = tab
        self.program.begin(lambda: self._turn(tab), on=self, group="tab")

    async def _turn(self, tab: str) -> None:
        # One after the other, never one cancelled for the next: a pane whose mounting is cut off stays half made.
        async with self._making:
            if tab == self._wanted:
                await self._show(tab)

    async def _show(self, tab: str) -> None:
        panes = panes_of(self.view)
        if all(tab != pane.NAME for pane in panes):
            # The neighbour has no such tab.
            tab = panes[0].NAME
        self.tab, self.pane = tab, None
        found = self._panes.get(tab)
        if found is None:
            made = next(pane for pane in panes if tab == pane.NAME)
            found = RecordsPane(self.view, self._state) if made is RecordsPane else made(self.view)
            await self.query_one("#panes").mount(found)
            self._panes[tab] = found
        for pane in self._panes.values():
            pane.display = pane is found
        self.pane = found
        self.query_one(TabLine).put(panes, tab)
        found.take_focus()
        self.renew()
        self.offer_keys()

    async def load(self) -> None:
        self.view = await self.program.ask(self.program.hub.integration, self.view.id)
        self._draw()
        pane = self.pane
        if pane is not None:
            await pane.load(self.view)
        self.offer_keys()

    def tick(self) -> None:
        if self.pane is not None:
            self.pane.tick()

    def suit(self) -> None:
        super().suit()
        if self.is_mounted:
            self._draw()
            self.tick()

    def _draw(self) -> None:
        view, wide = self.view, self.program.wide
        path: Line = (
            ("Perkstar", "title"),
            ("  Settings › Integrations › " if wide else " › ", "dim"),
            (clean(view.name), "strong"),
        )
        id_ = short_id(view.id, head=10) if wide else f"…{view.id[-4:]}"
        right: list[Piece] = [("held still  ", "warn")] if self.program.frozen else []
        right += [(id_, "dim"), (f"  {self.program.keys.shown('copy_id')}", "key"), (" copy", "dim")]
        self.query_one("#top", Ends).put(path, right)
        said = sentence(view)
        health: Line = ()
        if view.status not in ("paused", "draft", "disconnected"):
            health = ((f"   Health {view.health.score}", "dim"),)
        self.query_one("#state", Painted).paint((*status(view, short=True), *health, ("   ", ""), *said))

    # -- what acts are for
    def targets(self) -> list[v.IntegrationView]:
        return [self.view]

    def current(self) -> v.IntegrationView | None:
        return self.view

    def disconnected(self) -> None:
        self.dismiss(None)

    def allows(self, action: str) -> bool:
        pane = self.pane
        if action.startswith("tab("):
            return int(action[4:-1]) <= len(panes_of(self.view))
        ended = self.view.status == "disconnected"
        if ended and action in ("reconnect", "disconnect", "test", "preview", "edit", "note"):
            return False
        if pane is not None and action in _PANE_ACTS:
            return pane.allows(action)
        if action == "undo" and isinstance(pane, RunsPane):
            return bool(pane.is_mounted and pane.table.cursor_id)
        if action == "retry" and isinstance(pane, LogPane | RecordsPane):
            return pane.allows(action) or super().allows(action)
        return super().allows(action)

    def label_of(self, key: Key) -> str:
        if key.id.startswith("tab_"):
            return panes_of(self.view)[int(key.id[4:]) - 1].TITLE.lower()
        return super().label_of(key)

    # -- going about
    def on_tab_line_clicked(self, event: TabLine.Clicked) -> None:
        self.action_tab(event.number)

    def action_tab(self, number: int) -> None:
        panes = panes_of(self.view)
        if number <= len(panes):
            self._bring(panes[number - 1].NAME)

    def action_back(self) -> None:
        if self.pane is None or not self.pane.step_back():
            super().action_back()

    def _to(self, pane: type[Pane]) -> None:
        """Bring a tab to the front, whatever its number is."""
        panes = panes_of(self.view)
        if pane in panes:
            self.action_tab(panes.index(pane) + 1)

    def action_log(self) -> None:
        self._to(LogPane)

    def action_mapping(self) -> None:
        self._to(MappingPane)

    def action_queue(self) -> None:
        self.program.show_queue(self.view.id)

    def action_why(self) -> None:
        """Of the record at the cursor in the records, else of the integration."""
        row = self.pane.row() if isinstance(self.pane, RecordsPane) else None
        about = clean(row.name if row else self.view.name)
        self.program.show_why(row.id if row else None, self.view.id, about)

    def ask_why(self) -> None:
        self.program.show_why(integration=self.view.id, about=clean(self.view.name), asking=True)

    def action_edit(self) -> None:
        self._to(SettingsPane)

    def action_failing(self) -> None:
        view = self.view
        if view.kind == "webhook" and (view.counts.held or view.counts.failed):
            self._to(DeliveriesPane)
        elif view.counts.held or view.counts.failed or view.status not in ("error", "reconnect_required"):
            self._state = "failing"
            for pane in self.query(RecordsPane):
                pane.show_state("failing")
            self._to(RecordsPane)
        else:
            self._to(LogPane)

    def action_neighbour(self, step: int) -> None:
        async def going() -> None:
            views = await self.program.attempt(self.program.hub.integrations)
            ids = [view.id for view in views or []]
            if not views or len(ids) < 2 or self.view.id not in ids:
                self.program.say("There is no other integration.")
                return
            async with self._making:
                self.view = views[(ids.index(self.view.id) + step) % len(ids)]
                self._state = ""
                self._panes, self.pane = {}, None
                await self.query_one("#panes").remove_children()
                self._draw()
                await self._show(self._wanted)

        self.program.begin(going, on=self, group="tab")

    def action_reveal(self) -> None:
        if not self.program.show_clip():
            self.program.say("Nothing was copied within the last minute.")

    # -- acts of the tab in front
    def action_retry(self) -> None:
        pane = self.pane
        ids = pane.retry_ids() if isinstance(pane, LogPane | RecordsPane) else []
        if not ids:
            super().action_retry()
        elif not self.program.refused():
            hub, id_ = self.program.hub, self.view.id
            self.program.act(lambda: hub.retry(id_, ids), "It is tried again with the next run.")

    def action_line_add(self) -> None:
        if isinstance(self.pane, MappingPane):
            self.pane.add_line()

    def action_line_suggest(self) -> None:
        if isinstance(self.pane, MappingPane):
            self.pane.suggest()

    def action_line_remove(self) -> None:
        if isinstance(self.pane, MappingPane):
            self.pane.remove_line()

    def action_bundle(self) -> None:
        if isinstance(self.pane, LogPane):
            self.pane.bundle()

    def action_open_record(self) -> None:
        if isinstance(self.pane, LogPane):
            self.pane.open_record()

    def action_follow(self) -> None:
        if isinstance(self.pane, LogPane):
            self.pane.follow()

    def action_older_error(self) -> None:
        if isinstance(self.pane, LogPane):
            self.pane.jump(newer=False)

    def action_newer_error(self) -> None:
        if isinstance(self.pane, LogPane):
            self.pane.jump(newer=True)

    def action_pager(self) -> None:
        if isinstance(self.pane, LogPane):
            self.pane.pager()

    def action_wrap(self) -> None:
        if isinstance(self.pane, LogPane):
            self.pane.wrap()

    def action_search(self) -> None:
        if isinstance(self.pane, LogPane | RecordsPane):
            self.pane.search()

    def action_filter(self) -> None:
        if isinstance(self.pane, LogPane | RecordsPane | DeliveriesPane):
            self.pane.filter()

    def action_undo(self) -> None:
        if isinstance(self.pane, RunsPane):
            self.pane.undo()
        else:
            super().action_undo()

    def action_redeliver(self) -> None:
        if isinstance(self.pane, DeliveriesPane):
            self.pane.redeliver()

    def action_redeliver_all(self) -> None:
        if isinstance(self.pane, DeliveriesPane):
            self.pane.redeliver_all()

    def action_copy_secret(self) -> None:
        if isinstance(self.pane, DeliveriesPane):
            self.pane.copy_secret()


_PANE_ACTS = ("bundle", "open_record", "line_remove", "redeliver", "redeliver_all")

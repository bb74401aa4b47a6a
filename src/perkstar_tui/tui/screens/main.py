"""Settings › Integrations: plan and capacity, API key, active integrations, add integration, in this order."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal

from ..keys import Key, bindings
from ..signs import Line, Piece, ascii_only, clean, local, only_told, sort_of
from ..widgets.catalog import CatalogBlock, Chosen, GuideAsked, summary, unavailable
from ..widgets.integrations import SORTS, IntegrationsTable, sentence
from ..widgets.painted import Ends, Painted, Panel
from ..widgets.picker import Option
from ..widgets.search import SearchLine
from ..widgets.table import Table
from ..widgets.tiles import KeyTile, PlanTile, counted
from .acts import RowActs

if TYPE_CHECKING:
    from perkstar_tui.hub import views as v

FILTERS = (
    ("", "All", "whatever their status"),
    ("active", "● Active", ""),
    ("error", "▲ Error", ""),
    ("paused", "‖ Paused", ""),
    ("reconnect_required", "↻ Reconnect Required", ""),
)


class Everything(NamedTuple):
    """What one reading of the hub brings."""

    account: v.AccountView
    plan: v.PlanView
    key: v.KeyView
    views: list[v.IntegrationView]
    catalog: list[v.CatalogItem]
    alerts: int
    """How many stand that nobody has seen yet."""
    urgent: bool = False
    """Whether one of them is more than a notice."""


class AlertLine(Ends):
    """How much is kept in step, and how many alerts stand; a click shows them."""

    def __init__(self) -> None:
        super().__init__(id="alerts")

    async def on_click(self) -> None:
        await self.screen.run_action("alerts")


class MainScreen(RowActs):
    """The four areas. Digits go to an area; letters act on the row at the cursor, or on the selected rows."""

    PLACE = "main"
    BINDINGS: ClassVar[list[BindingType]] = bindings("main")
    AUTO_FOCUS = "#integrations"

    def __init__(self) -> None:
        super().__init__()
        self._all: Everything | None = None
        self._opened = False
        self._fitted: object = None
        self._drafts: list[v.IntegrationView] = []

    def compose_body(self) -> ComposeResult:
        yield Ends(id="top")
        yield AlertLine()
        with Horizontal(id="tiles"):
            yield PlanTile()
            yield KeyTile()
        yield Ends(id="rule", fill="─")
        with Panel("3 Active integrations", id="active"):
            yield IntegrationsTable()
            yield SearchLine("#integrations")
            yield Ends(id="said-rule", fill="─")
            yield Painted(id="said")
        with Panel("4 Add integration", id="adding"):
            yield CatalogBlock()
        yield Painted(id="catalog-line")

    def on_mount(self) -> None:
        super().on_mount()
        self.table.empty = "Opening …"
        look = self.program.first_look() if self.program.first_look is not None else None
        if look is None:
            self._draw_top()
            return
        # What the store held a moment ago stands with the frame; the hub's own reading follows.
        self.program.account = look.account
        self.table.sorted_by = sort_of(look.remembered.get("sort.integrations"))
        self._all = Everything(look.account, look.plan, look.key, look.views, [], look.alerts)
        self._put(self._all)

    @property
    def table(self) -> IntegrationsTable:
        return self.query_one(IntegrationsTable)

    # -- what is shown
    async def load(self) -> None:
        hub = self.program.hub

        def read() -> Everything:
            alerts = hub.alerts.shown()
            return Everything(
                hub.account(), hub.plan(), hub.key(), hub.integrations(everything=True), hub.catalog(),
                len(alerts), any(one.level != "notice" for one in alerts),
            )  # fmt: skip

        everything = await self.program.ask(read)
        self._all = everything
        self.program.account = everything.account
        if not self._opened:
            self._opened = True
            self.table.sorted_by = await self.program.remembered_sort("integrations")
        self.query_one(CatalogBlock).put(everything.catalog)
        self._put(everything)

    def _put(self, everything: Everything) -> None:
        """Show what was read."""
        self._drafts = [view for view in everything.views if view.status == "draft"]
        self.table.put([view for view in everything.views if view.status not in ("draft", "disconnected")])
        self.query_one(PlanTile).put(everything.plan, self._alerts(), urgent=everything.urgent)
        self.query_one(KeyTile).put(everything.key, everything.account)
        self._draw()

    def tick(self) -> None:
        if self._all is None:
            return
        self.table.draw()
        self.query_one(PlanTile).draw()
        self.query_one(KeyTile).draw()
        self._draw()

    def suit(self) -> None:
        super().suit()
        fitted = (self.program.size, self._all is not None)
        if fitted == self._fitted:
            return
        self._fitted = fitted
        self.table.suit(self.program.wide)
        if self._all is not None:
            self.query_one(PlanTile).draw()
            self.query_one(KeyTile).draw()
            self._draw()
        else:
            self._draw_top()

    def _alerts(self) -> int:
        return self._all.alerts if self._all is not None else 0

    def _draw(self) -> None:
        self._draw_top()
        self._draw_heads()
        self._draw_said()
        self.offer_keys()

    def _draw_top(self) -> None:
        account, wide, now = self.program.account, self.program.wide, self.program.now()
        path: Line = (
            ("Perkstar", "title"),
            (" › " if not wide else "  Settings › ", "dim"),
            ("Integrations", "strong"),
        )
        right: list[Piece] = []
        if account is not None:
            who = clean(account.who if wide else account.who.partition("@")[0])
            right = [(clean(account.name), ""), (f" · {who}", "dim")]
            state: dict[str, Piece] = {
                "ok": (" · cloud ✓", "good"),
                "error": (" · cloud ▲", "bad"),
                "never": (" · cloud –", "dim"),
                "none": (" · local", "dim"),
            }
            right.append(state[account.cloud_state])
            if self.program.read_only:
                right.append((" · read-only", "warn"))
            if self.program.frozen:
                right.append((" · held still", "warn"))
            right.append((f"  {local(now, account.timezone):%H:%M}", "dim"))
        self.query_one("#top", Ends).put(path, right)
        alerts, urgent = (self._alerts(), self._all.urgent) if self._all else (0, False)
        words: Line = counted(alerts, urgent, self.program.keys.shown("alerts")) or (("no alerts", "dim"),)
        self.query_one("#alerts", Ends).put(
            (("Integrations", "info"), (f"   {self._gist()}", "dim")), words if self._all else ()
        )

    def _gist(self) -> str:
        if self._all is None:
            return "opening …"
        views = self.table.views
        running = sum(view.running for view in views)
        linked = sum(view.counts.linked for view in views)
        words = [f"{linked:,} records kept in step"]
        if running:
            words.append(f"{running} running")
        return " · ".join(words)

    def _draw_heads(self) -> None:
        views, shown = self.table.views, self.table.shown()
        keys = self.program.keys
        counts: list[str] = [str(len(views))]
        for state, word in (("error", "error"), ("reconnect_required", "reconnect"), ("paused", "paused")):
            number = sum(view.status == state for view in views)
            if number and (self.program.wide or state == "error"):
                counts.append(f"{number} {word}")
        right: list[Piece] = []
        if self.table.marked:
            right.append((f"{len(self.table.marked)} selected · ", "good"))
        if len(shown) != len(views):
            why = f"filter: {self.table.filter_by.replace('_', ' ')} · " if self.table.filter_by else ""
            right.append((f"{why}{len(shown)} of {len(views)}   ", "warn"))
        else:
            right.append((" · ".join(counts) + "   ", "dim"))
        right += [(keys.shown("search"), "key"), (" search", "dim")]
        if self.program.wide:
            right += [("  ", ""), (keys.shown("filter"), "key"), (" filter", "dim")]
        self.query_one("#active", Panel).head(right=right)
        self.query_one("#rule", Ends).put(
            (("─ ", "rule"), ("Active integrations", "strong"), (" ", "")),
            ((" ", ""), *right, (" ──", "rule")),
        )
        search = self.query_one("#search", SearchLine)
        search.say(len(shown), len(views))
        items = self._all.catalog if self._all else []
        drafts = (
            f"{len(self._drafts)} draft{'s' if len(self._drafts) > 1 else ''} kept · " if self._drafts else ""
        )
        self.query_one("#adding", Panel).head(
            right=(
                (drafts, "warn"),
                (f"{len(items)} platforms   " if items else "", "dim"),
                (keys.shown("add"), "key"),
                (" add  ", "dim"),
                (keys.shown("guide"), "key"),
                (" guide", "dim"),
            )
        )
        self.query_one("#catalog-line", Painted).paint(summary(items, self.size.width))

    def _draw_said(self) -> None:
        view = self.table.current()
        name = clean(view.name) if view else ""
        self.query_one("#said-rule", Ends).put((("─ ", "rule"), (name, "strong"), (" ", "")) if name else ())
        if view is None and self._all is not None and not self.table.views:
            self.query_one("#said", Painted).paint(
                (("Nothing is connected yet.   ", ""), ("a", "key"), (" connects the first platform", "dim"))
            )
        else:
            self.query_one("#said", Painted).paint(sentence(view))

    # -- what acts are for
    def targets(self) -> list[v.IntegrationView]:
        return self.table.targets()

    def current(self) -> v.IntegrationView | None:
        return self.table.current()

    def done_with(self) -> None:
        self.table.mark(frozenset())
        self._draw_heads()

    def allows(self, action: str) -> bool:
        match action:
            case "failing":
                return bool(self._alerts() or self._to_mend())
            case "open":
                return self.focused is not self.table or bool(self.table.count)
            case "back":
                return bool(self.table.marked or self.table.text or self.table.filter_by)
            case "select" | "sort" | "filter":
                return bool(self.table.views)
            case "copy_key" | "keys":
                return self._all is not None and self._all.key.masked is not None
            case "reveal":
                return self._all is not None and (
                    self._all.key.masked is not None or self.program.clip is not None
                )
            case "add" | "free_slot" | "search":
                return self._all is not None
        return super().allows(action)

    def label_of(self, key: Key) -> str:
        if key.id == "open" and isinstance(self.focused, CatalogBlock):
            return "connect"
        return super().label_of(key)

    def _to_mend(self) -> v.IntegrationView | None:
        """The row at the cursor if something is wrong with it, else the first that something is wrong with.

        Where alerts stand, they are the list of what else is wrong.
        """
        here = self.current()
        if self._alerts():
            return here if here is not None and _ails(here) else None
        views = ([here] if here else []) + self.table.shown() + self.table.views
        return next((view for view in views if _ails(view)), None)

    # -- events
    def on_table_moved(self, event: Table.Moved) -> None:
        if event.table is self.table:
            self._draw_said()
            self.offer_keys()

    def on_table_opened(self, event: Table.Opened) -> None:
        self.open_details(self.table.view(event.row_id))

    def on_table_titled(self, event: Table.Titled) -> None:
        if event.key in SORTS:
            self._sort(event.key)

    def on_search_line_changed(self, event: SearchLine.Changed) -> None:
        self.table.text = event.text
        self.table.draw()
        self._draw()

    def on_chosen(self, event: Chosen) -> None:
        self._connect(event.item)

    def on_guide_asked(self, event: GuideAsked) -> None:
        self.show_guide(event.item)

    def _connect(self, item: v.CatalogItem) -> None:
        if item.status == "planned":
            self.program.say(unavailable(item))
        elif not self.program.refused():
            from .connect import ConnectScreen

            self.program.push_screen(ConnectScreen(item))

    # -- acts
    def action_back(self) -> None:
        """Nothing lies behind this screen: Esc takes off the selection, the search, the filter, in this order."""
        if self.table.marked:
            self.table.mark(frozenset())
        elif self.table.text:
            self.query_one("#search", SearchLine).action_clear()
        elif self.table.filter_by:
            self.table.filter_by = None
            self.table.draw()
        else:
            self.table.focus()
        self._draw()

    def action_part(self, number: int) -> None:
        if number == 4 and not self.program.wide:
            self.action_add()
            return
        target = ("#plan", "#key", "#integrations", "#catalog")[number - 1]
        self.query_one(target).focus()

    def action_add(self) -> None:
        if self.program.refused() or self._all is None:
            return
        from .connect import ConnectScreen

        self.program.push_screen(ConnectScreen())

    def action_search(self) -> None:
        if isinstance(self.focused, CatalogBlock):
            from .connect import ConnectScreen

            if not self.program.refused():
                self.program.push_screen(ConnectScreen(search=True))
        else:
            self.query_one("#search", SearchLine).begin()

    def action_filter(self) -> None:
        def taken(value: str | None) -> None:
            if value is not None:
                self.table.filter_by = value or None
                self.table.draw()
                self._draw()

        # Sheets are loaded when the first one opens, not before the first paint.
        from .sheets import ChooseSheet

        options = [
            Option(
                value,
                ascii_only(label) if self.program.ascii else label,
                help_ or f"{self._number(value)} of them",
            )
            for value, label, help_ in FILTERS
        ]
        self.program.push_screen(ChooseSheet("Show only", options, self.table.filter_by or ""), taken)

    def _number(self, status: str) -> int:
        return sum(view.status == status for view in self.table.views)

    def action_sort(self) -> None:
        present = self.table.sorted_by

        def taken(value: str | None) -> None:
            if value is not None:
                self._sort(value)

        from .sheets import ChooseSheet

        options = [
            Option(key, title, ("turns the order round" if present and present[0] == key else ""))
            for key, title in SORTS.items()
        ]
        self.program.push_screen(ChooseSheet("Sort by", options, present[0] if present else "name"), taken)

    def _sort(self, key: str) -> None:
        self.table.sort_by(key)
        self.program.remember_sort("integrations", self.table.sorted_by)

    def action_select(self) -> None:
        if self.table.has_focus:
            self.table.toggle_mark()
            self._draw()

    def action_failing(self) -> None:
        view = self._to_mend()
        if view is None:
            if self._alerts():
                self.action_alerts()
            else:
                self.program.say("Nothing is failing.")
            return
        if view.counts.held or view.counts.failed:
            tab = "deliveries" if only_told(view) else "records"
            self.open_details(view, tab, state="failing")
        else:
            self.open_details(view, "log")

    def action_log(self) -> None:
        self.open_details(self.current(), "log")

    def action_mapping(self) -> None:
        self.open_details(self.current(), "mapping")

    def action_edit(self) -> None:
        self.open_details(self.current(), "settings")

    def action_free_slot(self) -> None:
        if self._all is None:
            return
        from .slots import SlotsSheet

        def taken(id_: str | None) -> None:
            if id_ is not None and self.table.go(id_):
                self.table.mark(frozenset())
                self.action_disconnect()

        self.program.push_screen(SlotsSheet(self._all.plan), taken)

    def action_copy_key(self) -> None:
        if not self.allows("copy_key"):
            self.program.say("This account has no key to copy.")
            return

        async def copying() -> None:
            key = await self.program.attempt(self.program.hub.reveal_key)
            if key is not None:
                self.program.copy_text(key, "the API key", secret=True)

        self.program.begin(copying)

    def action_reveal(self) -> None:
        if self.program.show_clip():
            return
        if not self.allows("copy_key"):
            self.program.say("There is nothing to show in clear.")
            return

        async def showing() -> None:
            key = await self.program.attempt(self.program.hub.reveal_key)
            if key is not None:
                self.query_one(KeyTile).uncover(key, self.program.secret_seconds)

        self.program.begin(showing)

    def action_keys(self) -> None:
        if self._all is None:
            return
        from .credential import KeySheet

        self.program.push_screen(KeySheet(self._all.key, self._all.account.local))


def _ails(view: v.IntegrationView) -> bool:
    return bool(view.counts.held or view.counts.failed or view.status in ("error", "reconnect_required"))

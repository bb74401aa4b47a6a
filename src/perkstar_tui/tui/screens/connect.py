"""Connect in six steps: choose, authorise, configure, map, test, activate. Left at any step, it is kept as a draft
from the moment the credential was accepted; nothing counts or syncs before it is active."""

from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widget import Widget

from perkstar_tui.hub import views as v

from ..keys import bindings
from ..panes.mapping import MappingPane
from ..panes.settings import SettingsPane
from ..signs import Line, Piece, clean
from ..widgets.authorize import AuthorizePane
from ..widgets.catalog import CatalogList, Chosen, GuideAsked, unavailable
from ..widgets.painted import Ends, Painted, Panel
from ..widgets.picker import Option, Picker
from ..widgets.search import SearchLine
from ..widgets.table import Table
from .base import PerkScreen
from .preview import PreviewScreen, summary
from .reading import test_lines

STEPS = ("Choose", "Authorise", "Configure", "Map", "Test", "Activate")


class ConnectScreen(PerkScreen[None]):
    """`step` counts from 1; `view` is the draft once there is one."""

    PLACE = "connect"
    BINDINGS: ClassVar[list[BindingType]] = bindings("connect")
    AUTO_FOCUS = ""

    def __init__(self, item: v.CatalogItem | None = None, *, search: bool = False) -> None:
        super().__init__()
        self.item = item
        self._search = search
        self.step = 0
        self.view: v.IntegrationView | None = None
        self._tested = False
        self._part = ""
        self._items: list[v.CatalogItem] = []
        self._drafts: dict[str, v.IntegrationView] = {}

    # -- keys
    def places(self) -> set[str]:
        places = {"connect"}
        if self.step == 1:
            places.add("connect:choose")
        if self.step == 2 and self._part == "link":
            places.add("connect:link")
        if self.step == 4:
            places.add("connect:map")
        if self.view is not None:
            places.add("connect:kept")
            if self.step < 6:
                places.add("connect:on")
        if self.step > (3 if self.view is not None else 1):
            places.add("connect:back")
        return places

    def allows(self, action: str) -> bool:
        pane = next(iter(self.query(MappingPane)), None)
        return pane.allows(action) if pane is not None else True

    # -- what is shown
    def compose_body(self) -> ComposeResult:
        yield Ends(id="top")
        yield Painted(id="state")
        yield Vertical(id="step")

    def on_mount(self) -> None:
        super().on_mount()
        self._draw_top()
        item = self.item
        self._step(lambda: self._begin(item) if item else self._go(1))

    def _step(self, going: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self.program.begin(going, on=self, group="step", exclusive=True)

    def _draw_top(self) -> None:
        title = clean(self.view.name if self.view else self.item.title if self.item else "a platform")
        pieces: list[Piece] = []
        for number, name in enumerate(STEPS, 1):
            if number == self.step:
                pieces.append((f"[{number} {name}]", "title"))
            elif self.program.wide:
                done = number < self.step
                pieces.append((f" {number} {name}{' ✓' if done else ''} ", "good" if done else "dim"))
            else:
                pieces.append(
                    (
                        f" {number}{'✓' if number < self.step else ''} ",
                        "good" if number < self.step else "dim",
                    )
                )
        self.query_one("#top", Ends).put((("Connect ", "dim"), (title, "strong"), ("  ", "")), pieces)

    def suit(self) -> None:
        super().suit()
        if self.is_mounted:
            self._draw_top()

    async def load(self) -> None:
        hub = self.program.hub
        if self.step == 1:
            self._items, views = await self.program.ask(
                lambda: (hub.catalog(), hub.integrations(everything=True))
            )
            self._drafts = {view.platform: view for view in views if view.status == "draft"}
            self.query_one(CatalogList).drafts = frozenset(self._drafts)
            self.query_one(CatalogList).put(self._items)
            self._draw_about()
        if self.view is not None:
            self.view = await self.program.ask(hub.integration, self.view.id)
            for pane in [*self.query(SettingsPane), *self.query(MappingPane)]:
                await pane.load(self.view)
        self._draw_top()
        self.offer_keys()

    def _say(self, *pieces: Piece) -> None:
        self.query_one("#state", Painted).paint(pieces)

    async def _go(self, step: int) -> None:
        """Show a step. What was given in the earlier ones is kept by the hub."""
        self.step = step
        if step == 1:
            self.item, self._part = None, ""
        box = self.query_one("#step")
        await box.remove_children()
        makers = (self._choose, self._authorise, self._configure, self._map, self._test, self._activate)
        await box.mount(*makers[step - 1]())
        for table in [*box.query(CatalogList), *box.query(Picker), *box.query(Table)][:1]:
            table.focus()
        self._draw_top()
        self.renew()
        self.offer_keys()
        if step == 5:
            self.program.begin(self._run_test, on=self, group="test", exclusive=True)

    # -- 1 choose
    def _choose(self) -> list[Widget]:
        self._say(
            ("Which platform? ", ""),
            ("Those that are not available yet are dim. ", "dim"),
            ("?", "key"),
            (" tells what each can do.", "dim"),
        )
        listed = CatalogList()
        search = SearchLine("#choose")
        if self._search:
            self._search = False
            self.call_after_refresh(search.begin)
        return [Panel("Platforms", listed, id="platforms"), search, Painted(id="about")]

    def _draw_about(self) -> None:
        listed = self.query_one(CatalogList)
        item = listed.item()
        line: Line = ()
        if item is not None and item.status == "working":
            draft = self._drafts.get(item.name)
            line = (
                (f"{clean(item.title)}: ", "strong"),
                (
                    f"{', '.join(item.data)}{' in real time' if item.realtime else ''}. {clean(item.notes)}",
                    "dim",
                ),
                ("   A draft is kept; Enter goes on with it." if draft else "", "warn"),
            )
        elif item is not None:
            line = ((unavailable(item), "dim"),)
        self.query_one("#about", Painted).paint(line)

    def on_table_moved(self, event: Table.Moved) -> None:
        if self.step == 1:
            self._draw_about()
            self.offer_keys()

    def on_search_line_changed(self, event: SearchLine.Changed) -> None:
        listed = self.query_one(CatalogList)
        listed.text = event.text
        listed.draw()
        self.query_one(SearchLine).say(len(listed.ids()), len(self._items))
        self._draw_about()

    def action_search(self) -> None:
        self.query_one(SearchLine).begin()

    async def on_chosen(self, event: Chosen) -> None:
        if event.item.status == "planned":
            self.program.say(unavailable(event.item))
            return
        await self._begin(event.item)

    def on_guide_asked(self, event: GuideAsked) -> None:
        self.show_guide(event.item)

    async def _begin(self, item: v.CatalogItem) -> None:
        """Begin with a platform, or take up the draft that was left."""
        draft = await self.program.attempt(self.program.hub.draft, item.name)
        if draft is None:
            if self.step == 0:
                await self._go(1)
            return
        self.item, self._draft = item, draft
        if draft.integration_id:
            self.view = await self.program.attempt(self.program.hub.integration, draft.integration_id)
        if self.view is not None:
            await self._go(max(3, min(6, draft.step)))
            self._say(
                ("Taken up where it was left: ", "good"), (f"{clean(draft.account_name)} is authorised.", "")
            )
        else:
            await self._go(2)

    # -- 2 authorise
    def _authorise(self) -> list[Widget]:
        title = clean(self.item.title if self.item else "")
        self._say((f"{title} is asked who you are. ", ""), ("Nothing is kept before it says yes.", "dim"))
        item = self.item
        assert item is not None
        return [Panel("Authorise", AuthorizePane(item.name, item.title, self._draft.forms), id="authorise")]

    def on_authorize_pane_part(self, event: AuthorizePane.Part) -> None:
        self._part = event.name
        self.offer_keys()

    def on_authorize_pane_given(self, event: AuthorizePane.Given) -> None:
        credential = event.credential
        self.program.begin(lambda: self._keep(credential), on=self, group="keep", exclusive=True)

    async def _keep(self, credential: dict[str, Any]) -> None:
        from ..app import error_sentence

        item, hub = self.item, self.program.hub
        assert item is not None
        self._say((f"Asking {clean(item.title)} …", "dim"))
        try:
            self.view = await self.program.ask(hub.connect, item.name, credential, activate=False)
        except Exception as error:
            self._say(("Nothing was kept.", "dim"))
            for pane in self.query(AuthorizePane):
                pane.wrong(error_sentence(error))
            return
        await self._go(3)
        self._say(("✓ ", "good"), (f"{clean(item.title)} knows it as {clean(self.view.account_name)}.", ""))

    def action_copy_link(self) -> None:
        for pane in self.query(AuthorizePane):
            pane.copy_link()

    def action_reveal(self) -> None:
        for pane in self.query(AuthorizePane):
            pane.show_link()

    # -- 3 configure, 4 map
    def _configure(self) -> list[Widget]:
        self._say(
            ("What is kept in step, which way, how often. ", ""),
            ("The proposal suits most; → goes on.", "dim"),
        )
        assert self.view is not None
        return [SettingsPane(self.view)]

    def _map(self) -> list[Widget]:
        self._say(
            ("Which field is which. ", ""),
            ("Filled in already; w shows what it does to real records.", "dim"),
        )
        assert self.view is not None
        return [MappingPane(self.view)]

    def action_line_add(self) -> None:
        for pane in self.query(MappingPane):
            pane.add_line()

    def action_line_suggest(self) -> None:
        for pane in self.query(MappingPane):
            pane.suggest()

    def action_line_remove(self) -> None:
        for pane in self.query(MappingPane):
            pane.remove_line()

    def action_preview(self) -> None:
        if self.view is not None:
            self.program.push_screen(PreviewScreen(self.view))

    # -- 5 test
    def _test(self) -> list[Widget]:
        self._say(
            ("The connection is tried, and a sync rehearsed: ", ""),
            ("nothing is written on either side.", "dim"),
        )
        return [
            Panel("Connection", Painted((("Asking …", "dim"),), id="tested"), id="test"),
            Panel(
                "What the first sync would do",
                Painted((("Waits for the test …", "dim"),), id="rehearsed"),
                id="rehearsal",
            ),
        ]

    async def _run_test(self) -> None:
        from ..app import error_sentence

        view, hub = self.view, self.program.hub
        assert view is not None
        try:
            test = await self.program.ask(hub.test, view.id)
            self.query_one("#tested", Painted).paint(*test_lines(test))
            self._tested = test.ok
            rehearsed = self.query_one("#rehearsed", Painted)
            if not test.ok:
                rehearsed.paint((("Not rehearsed, since the connection does not work.", "dim"),))
                return
            rehearsed.paint((("Reading both sides …", "dim"),))
            preview = await self.program.ask(hub.preview, view.id)
        except Exception as error:
            for place in self.query("#rehearsed").results(Painted):
                place.paint((("▲ ", "bad"), (clean(error_sentence(error)), "")))
            return
        for place in self.query("#rehearsed").results(Painted):
            place.paint(
                *summary(preview),
                (),
                (
                    ("w", "key"),
                    (" every record and field   ", "dim"),
                    ("→", "key"),
                    (" on to activate", "dim"),
                ),
            )

    # -- 6 activate
    def _activate(self) -> list[Widget]:
        view = self.view
        assert view is not None
        self._say(
            ("Nothing has counted or synced so far. ", ""),
            ("From here on it takes one place of the plan.", "dim"),
        )
        facts: list[Line] = [
            ((f"{'Platform':<14}", "dim"), (f"{clean(view.platform_title)}, {clean(view.account_name)}", "")),
            ((f"{'Data':<14}", "dim"), (f"{', '.join(view.data)} · {view.direction}", "")),
            ((f"{'Frequency':<14}", "dim"), (clean(view.frequency), "")),
            (
                (f"{'Tested':<14}", "dim"),
                ("yes", "good") if self._tested else ("not yet, ← goes back to the test", "warn"),
            ),
        ]
        if view.kind == "webhook":
            facts.append(((f"{'Secret':<14}", "dim"), (self._where_secret(), "")))
        options = [
            Option("sync", "Activate and sync now", "the first sync starts at once"),
            Option("only", "Activate", "the schedule starts the first sync"),
            Option("later", "Keep it as a draft", "it waits under Add integration"),
            Option(
                "drop", "Throw the draft away", "the credential is deleted; nothing else was made", "warn"
            ),
        ]
        return [Panel("Ready", Painted(*facts, classes="para"), Picker(options), id="ready")]

    def _where_secret(self) -> str:
        return f"in its details, tab 7 (Deliveries): {self.program.keys.shown('copy_secret')} copies it"

    async def on_table_opened(self, event: Table.Opened) -> None:
        if self.step != 6 or self.view is None:
            return
        match event.row_id:
            case "sync" | "only":
                sync = event.row_id == "sync"
                self.program.begin(lambda: self._finish(sync), on=self, group="finish", exclusive=True)
            case "later":
                self.program.say(f"{self.view.name} is kept as a draft.")
                self.dismiss(None)
            case "drop":
                self._drop()

    async def _finish(self, sync: bool) -> None:
        view, hub, program = self.view, self.program.hub, self.program
        assert view is not None
        if program.refused():
            return
        try:
            await program.ask(hub.activate, view.id)
        except Exception as error:
            plan = await program.attempt(hub.plan)
            if plan is not None and plan.remaining == 0:
                self._full(plan)
            else:
                program.report(error)
            return
        if sync:
            await program.attempt(hub.sync, view.id)
        secret = f" Its secret is {self._where_secret()}." if view.kind == "webhook" else ""
        program.say(f"{view.name} is active" + (" and syncs now." if sync else ".") + secret)
        program.renew_all()
        self.dismiss(None)

    def _full(self, plan: v.PlanView) -> None:
        """The plan has no place: nothing is half done, and here are the ways out."""
        from .slots import SlotsSheet

        async def freeing(id_: str) -> None:
            found = await self.program.attempt(self.program.hub.integration, id_)
            impact = await self.program.attempt(self.program.hub.impact, "disconnect", id_)
            if found is None or impact is None:
                return
            from .sheets import ImpactSheet

            hub = self.program.hub
            self.program.push_screen(
                ImpactSheet(impact, "Disconnect", name=clean(found.name), reason=True),
                lambda why: (
                    self.program.act(lambda: hub.disconnect(id_, why), f"{found.name} disconnected.")
                    if why is not None
                    else None
                ),
            )

        self.program.push_screen(
            SlotsSheet(plan, "There is no free place, so it stays a draft."),
            lambda id_: self.program.begin(lambda: freeing(id_)) if id_ else None,
        )

    def _drop(self) -> None:
        hub, view = self.program.hub, self.view
        assert view is not None
        self.program.act(lambda: hub.drop_draft(view.id), "The draft is gone.")
        self.dismiss(None)

    # -- going about
    async def action_next_step(self) -> None:
        if self.view is not None and self.step < 6:
            await self._go(self.step + 1)

    async def action_back_step(self) -> None:
        first = 3 if self.view is not None else 1
        if self.step > first:
            await self._go(self.step - 1)

    def action_back(self) -> None:
        """One back: out of a search, to the list of platforms, or out; a draft is kept."""
        search = next(iter(self.query(SearchLine)), None)
        if search is not None and search.text:
            search.action_clear()
            return
        if self.step == 2:
            self._step(lambda: self._go(1))
            return
        if self.view is not None:
            self.program.say(f"{self.view.name} is kept as a draft; a goes on with it.")
        self.program.renew_all()
        self.dismiss(None)

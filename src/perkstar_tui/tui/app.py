"""The program on the screen: opens the hub behind the first paint, watches it for changes, and holds what all
screens share (palette, copying, undo, read-only). Imports Textual and plain types only, so it starts at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import traceback
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

from rich.style import Style
from textual import events
from textual._context import active_message_pump
from textual.actions import ActionParseResult
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.command import Provider
from textual.dom import DOMNode, NoScreen
from textual.message import Message
from textual.screen import Screen
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.widget import Widget
from textual.widgets import Input
from textual.worker import Worker, WorkerFailed, active_worker

from perkstar_tui.model.errors import ErrorKind, PerkstarError

from . import clipboard
from .keys import NEEDS_HUB, KeyTable
from .palette import Acts, Palette
from .screens.base import PerkScreen
from .screens.main import MainScreen
from .signs import TONES, sort_of
from .themes import DARK, LIGHT

if TYPE_CHECKING:
    from perkstar_tui.hub import views as v
    from perkstar_tui.hub.door import HubDoor

if TYPE_CHECKING:
    from perkstar_tui.hub.first_look import FirstLook

T = TypeVar("T")

FIRST_PAINT_SECONDS = 0.05
POLL_SECONDS = 0.3
HANDS_SECONDS = 0.25
"""Somebody who pressed a key this short a time ago is at work: keys come before news."""
NEWS_SECONDS = 0.5
"""How long news may wait for hands that do not rest; with the poll it stays well under a second."""
TICK_SECONDS = 10.0
SECRET_SECONDS = 10.0
"""How long a secret stays in clear."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class AsciiBars(ScrollBarRender):
    """Scroll bars of whole cells, without the blocks of a part of one."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "]
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "]


class Clip(NamedTuple):
    """The text copied last, for `v`."""

    text: str
    what: str
    secret: bool
    at: datetime


class PerkstarApp(App[str]):
    """Settings › Integrations. Ends with `demo` when the demo was asked for, else with None."""

    TITLE = "Perkstar"
    CSS_PATH = "theme.tcss"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {Acts}
    BINDINGS: ClassVar[list[BindingType]] = []

    class Opened(Message):
        """The hub is open; `state` is `new` or `ready`."""

        def __init__(self, state: str) -> None:
            super().__init__()
            self.state = state

    def __init__(
        self,
        hub: HubDoor | Callable[[], HubDoor],
        *,
        read_only: bool = False,
        ascii: bool = False,
        now: Callable[[], datetime] = _utc_now,
        remap: Mapping[str, str] | None = None,
        theme: str = DARK.name,
        environment: Mapping[str, str] | None = None,
        runner: bool = True,
        first_look: Callable[[], FirstLook | None] | None = None,
    ) -> None:
        super().__init__()
        self.animation_level = "none"
        self._source = hub
        self._hub: HubDoor | None = None
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="screen")
        self._polling = False
        self._seen: int | None = None
        self._pressed = self._renewed = float("-inf")
        self._styles: dict[str, Style] = {}
        self._runner = runner and not read_only
        self.first_look = first_look
        """A quick look at the store, for the time until the hub is open."""
        self.read_only = read_only
        self.ascii = ascii
        self.now = now
        self.keys = KeyTable(remap)
        self.environment = environment
        self.frozen = False
        self.secret_seconds = SECRET_SECONDS
        self.account: v.AccountView | None = None
        self.clip: Clip | None = None
        self._aimed: dict[int, Widget | None] = {}
        self._waiting: list[tuple[str, DOMNode | None]] = []
        self.undoing: list[tuple[str, Callable[[], Any]]] = []
        self.rung: frozenset[str] | None = None
        """The alerts that this terminal has rung for; None before the first look."""
        # Before the style sheet is read, since it names the themes' own variables.
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.set_reactive(App.theme, theme if theme in self.available_themes else DARK.name)
        self.stylesheet.set_variables(self.get_css_variables())

    # -- opening and closing
    def get_default_screen(self) -> Screen[Any]:
        return MainScreen()

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, lambda _theme: self._recolour())
        self.set_class(self.ascii, "-ascii")
        ScrollBar.renderer = AsciiBars if self.ascii else ScrollBarRender
        if self.keys.remap:
            self.set_keymap(self.keys.remap)
        for sentence in self.keys.conflicts:
            self.say(sentence, "warning")
        # Loading what the hub needs would hold up the painting of the first rows.
        self.call_after_refresh(self.set_timer, FIRST_PAINT_SECONDS, self._open)

    def _handle_exception(self, error: Exception) -> None:
        if not _of_a_screen_left(self, error):
            super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """A fault of ours leaves the terminal clean: no values are printed, `run_app` writes the report."""
        self._close_messages_no_wait()

    def _open(self) -> None:
        # What was made up to the first paint stays to the end: it is never looked through again.
        gc.freeze()
        gc.enable()
        _: Worker[None] = self.run_worker(self._opening, group="open", exit_on_error=False)

    async def _opening(self) -> None:
        source = self._source
        try:
            hub = await self.ask(source) if callable(source) else source
            # Before anything is read, so that no change between a reading and the first look is missed.
            self._seen = await self.ask(hub.changes)
            state = await self.ask(hub.state)
        except Exception as error:
            from .screens.trouble import TroubleScreen

            self.push_screen(TroubleScreen(error))
            return
        self._hub = hub
        self.set_interval(POLL_SECONDS, self._poll)
        self.set_interval(TICK_SECONDS, self._tick)
        if state == "new":
            from .screens.first import FirstScreen

            self.push_screen(FirstScreen())
        else:
            await self.ready()

    async def ready(self) -> None:
        """An account exists: read it, start the runner, and show everything."""
        self.account = await self.attempt(self.hub.account)
        self._renew()
        waiting, self._waiting = self._waiting, []
        for action, place in waiting:
            await self.run_action(action, default_namespace=place)
        await self.ring()
        if self._runner:
            await self.attempt(self.hub.start_runner)

    async def on_event(self, event: events.Event) -> None:
        """Keys that follow so fast that they were sent to a list, while a field has got the focus by then, are text
        for that field: what is typed straight after `/` is searched for.
        """
        if isinstance(event, events.Key):
            self._pressed = monotonic()
            if not event.is_forwarded:
                self._aimed = {id(event): self.focused, **dict(list(self._aimed.items())[:50])}
            elif self._came_late(event):
                return
        await super().on_event(event)

    def _came_late(self, event: events.Key) -> bool:
        aimed, field = self._aimed.pop(id(event), self.focused), self.focused
        if field is aimed or not isinstance(field, Input) or not event.is_printable:
            return False
        field.insert_text_at_cursor(event.character or "")
        return True

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Do an act; one that needs the hub, pressed in the moment before it is open, is done once it is."""
        name = action.partition("(")[0] if isinstance(action, str) else ""
        if self._hub is None and name in NEEDS_HUB and isinstance(action, str):
            self._waiting.append((action, default_namespace))
            return True
        return await super().run_action(action, default_namespace, namespaces)

    @property
    def _background_screens(self) -> list[Screen[Any]]:
        """The screens that show through the one in front: none when that one is opaque.

        Textual counts the screen below in whatever the one in front looks like, and then paints the whole terminal
        again, unseen, for every change down there: megabytes a minute over a slow line.
        """
        if len(self._screen_stack) > 1 and self._screen_stack[-1].styles.background.a == 1:
            return []
        return super()._background_screens

    async def on_unmount(self) -> None:
        hub, self._hub = self._hub, None
        if hub is not None and self._runner:
            await asyncio.get_running_loop().run_in_executor(None, hub.stop_runner)
        self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def hub(self) -> HubDoor:
        """The door to everything; screens ask only once it is open."""
        if self._hub is None:
            raise PerkstarError(
                ErrorKind.LOCKED, "The store is still being opened.", remedy="Press it again in a moment."
            )
        return self._hub

    @property
    def is_open(self) -> bool:
        return self._hub is not None

    # -- asking and acting, always in a thread
    async def ask(self, question: Callable[..., T], *args: Any, **more: Any) -> T:
        """The answer of a blocking function, while the screen goes on living."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, partial(question, *args, **more))

    async def attempt(self, question: Callable[..., T], *args: Any, **more: Any) -> T | None:
        """Like `ask`; what goes wrong is said, and the answer is None."""
        try:
            return await self.ask(question, *args, **more)
        except Exception as error:
            self.report(error)
            return None

    def begin(
        self,
        work: Callable[[], Coroutine[Any, Any, Any]],
        *,
        on: Widget | None = None,
        group: str = "work",
        exclusive: bool = False,
    ) -> None:
        """Let work go on beside the screen. With `on` it ends when that widget goes; `exclusive` ends what the same
        widget began in the same group.
        """
        screen = self.screen if on is None else on.screen

        async def going() -> None:
            try:
                await work()
            except Exception:
                # Of a screen that was left meanwhile nothing is to be said: what the work would show it on is gone.
                if screen in self.screen_stack:
                    raise

        _: Worker[None] = (on or self).run_worker(going, group=group, exclusive=exclusive)

    def refused(self) -> bool:
        """Whether acts are refused since the store was opened read-only; says so."""
        if self.read_only:
            self.say("Opened read-only: nothing can be changed. Start without --read-only to act.", "warning")
        return self.read_only

    def act(
        self,
        deed: Callable[[], T],
        done: str | Callable[[T], str],
        *,
        undo: tuple[str, Callable[[], Any]] | None = None,
        then: Callable[[T], Any] | None = None,
        failed: Callable[[str], Any] | None = None,
    ) -> None:
        """Do something through the hub, say that it is done and how to undo it. What goes wrong is told to `failed`,
        or in the corner.
        """
        if self.refused():
            return

        async def doing() -> None:
            try:
                answer = await self.ask(deed)
            except Exception as error:
                if failed is None:
                    self.report(error)
                else:
                    failed(error_sentence(error))
                return
            if undo is not None:
                self.undoing.append(undo)
            sentence = done(answer) if callable(done) else done
            self.say(sentence + (" z undoes it." if undo is not None else ""))
            self._renew()
            if then is not None:
                then(answer)

        self.begin(doing)

    def undo_last(self) -> None:
        """Take back the last act that can be taken back."""
        if self.refused():
            return
        if not self.undoing:
            self.say("There is nothing to undo.")
            return
        sentence, deed = self.undoing.pop()
        self.act(deed, sentence)

    def say(self, sentence: str, severity: Any = "information") -> None:
        """One sentence in the corner, as plain text."""
        from .signs import clean

        self.notify(clean(sentence), severity=severity, markup=False, timeout=6)

    def report(self, error: BaseException) -> None:
        """Say what went wrong and what mends it."""
        self.say(error_sentence(error), "error")

    # -- changes from anywhere
    def _poll(self) -> None:
        now = monotonic()
        hands = now - self._pressed < HANDS_SECONDS and now - self._renewed < NEWS_SECONDS
        if self._polling or self._hub is None or hands:
            return
        self._polling = True
        _: Worker[None] = self.run_worker(self._look, group="poll", exit_on_error=False)

    async def _look(self) -> None:
        try:
            number = await self.ask(self.hub.changes)
        except Exception:
            return
        finally:
            self._polling = False
        if number != self._seen:
            self._seen = number
            self._renewed = monotonic()
            self._renew()
            await self.ring()

    async def ring(self) -> None:
        """Say what is newly wrong, and ring the terminal for it; what stood when the screen opened is in its header."""
        try:
            found = await self.ask(self.hub.alerts.rung)
        except Exception:
            # Nothing is to be rung over a store that cannot be read; what reads it for the screen says so.
            return
        known, self.rung = self.rung, frozenset(one.id for one in found)
        fresh = [one for one in found if known is not None and one.id not in known]
        if fresh:
            from .ringing import sequence

            bell, desktop = await self.ask(self.hub.alerts.ways)
            self.say(
                fresh[0].message if len(fresh) == 1 else f"{len(fresh)} new alerts. A shows them.", "warning"
            )
            self.send_to_terminal(sequence(fresh, bell=bell, desktop=desktop, environment=self.environment))

    def send_to_terminal(self, text: str) -> None:
        """Write what only the terminal itself reads, where there is one."""
        if self._driver is not None and text and not self.is_headless:
            self._driver.write(text)

    def renew_all(self) -> None:
        """Let every screen read again what it shows."""
        self._renew()

    def _renew(self) -> None:
        if self.frozen or self.account is None:
            return
        for screen in self.screen_stack:
            if isinstance(screen, PerkScreen):
                screen.renew()

    def toggle_freeze(self) -> None:
        """Stop or go on showing changes."""
        self.frozen = not self.frozen
        self.say("Held still: changes are not shown until . is pressed." if self.frozen else "Live again.")
        self._renew()
        self._tick()

    def _tick(self) -> None:
        if isinstance(self.screen, PerkScreen):
            self.screen.tick()

    # -- what the person chose before
    async def remembered_sort(self, table: str) -> tuple[str, bool] | None:
        """The column that a table was sorted by last, and whether downwards."""
        text = await self.attempt(self.hub.recall, f"sort.{table}")
        return sort_of(text)

    def remember_sort(self, table: str, sort: tuple[str, bool] | None) -> None:
        """Keep it over restarts."""
        if sort is not None and not self.read_only:
            way = "down" if sort[1] else "up"
            self.begin(partial(self.attempt, self.hub.remember, f"sort.{table}", f"{sort[0]} {way}"))

    # -- looks
    @property
    def wide(self) -> bool:
        """Whether the framed layout fits."""
        return self.size.width >= 100 and self.size.height >= 30

    def tone(self, name: str) -> Style:
        """A tone as a Rich style in the present theme."""
        style = self._styles.get(name)
        if style is None:
            words = TONES[name].split()
            spelled = " ".join(self.shade(word[1:]) if word.startswith("$") else word for word in words)
            style = self._styles[name] = Style.parse(spelled)
        return style

    def shade(self, variable: str) -> str:
        """A colour of the present theme."""
        return self.theme_variables[variable]

    def _recolour(self) -> None:
        self._styles.clear()
        for screen in self.screen_stack:
            screen.refresh(layout=True)
            for widget in screen.query("*"):
                widget.refresh()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(DARK.variables)

    def action_command_palette(self) -> None:
        if self.use_command_palette and not isinstance(self.screen, Palette):
            self.push_screen(Palette(placeholder="Search for commands"))

    def show_codes(self) -> None:
        """The catalogue of error codes."""
        from .screens.reading import ReadingSheet, code_lines

        self.push_screen(ReadingSheet("Error codes", "Reading …", self.hub.codes, code_lines))

    def show_alerts(self) -> None:
        """What is wrong and stands, and where it is told."""
        from .screens.alerts import AlertsScreen

        self.push_screen(AlertsScreen())

    def show_duplicates(self) -> None:
        """Customers that may be one person."""
        from .screens.duplicates import DuplicatesScreen

        self.push_screen(DuplicatesScreen())

    def show_queue(self, integration: str | None = None, item: str = "") -> None:
        """What waits for a person, one after the other."""
        from .screens.queue import QueueScreen

        self.push_screen(QueueScreen(integration, item=item))

    def show_why(
        self,
        record: str | None = None,
        integration: str | None = None,
        about: str = "",
        *,
        asking: bool = False,
    ) -> None:
        """Why data is not where it should be; what it is about is asked for where it is not known, and with `asking`
        of an integration too: nothing given is the integration itself.
        """
        from .screens.why import TITLE, why_sheet

        hub = self.hub

        def given(text: str | None) -> None:
            wanted = (text or "").strip()
            if wanted and integration is None:
                self.begin(lambda: self._why(wanted))
            elif wanted or (text is not None and integration):
                title = f"· {wanted or about}"
                self.push_screen(why_sheet(lambda: hub.why(wanted or None, integration), title))

        if (record or integration) and not asking:
            self.push_screen(why_sheet(lambda: hub.why(record, integration), f"· {about}" if about else ""))
        else:
            from .screens.sheets import TextSheet

            help_ = "A customer or sale: an id of ours or a vendor's, an e-mail address or a phone"
            help_ += f". Nothing: {about} itself." if integration else "; or an integration."
            self.push_screen(TextSheet(TITLE, help=help_), given)

    async def _why(self, wanted: str) -> None:
        """The check of what was typed; where it could be at several integrations, one is chosen first."""
        from .screens.sheets import ChooseSheet
        from .screens.why import why_sheet
        from .widgets.picker import Option

        hub = self.hub
        self.say("Looking, and asking the platform …")
        try:
            view = await self.ask(hub.why, wanted, None)
        except PerkstarError as error:
            views = await self.attempt(hub.integrations) if error.kind is ErrorKind.AMBIGUOUS else None
            if not views:
                self.report(error)
                return

            def chosen(id_: str | None) -> None:
                if id_ is not None:
                    self.push_screen(why_sheet(lambda: hub.why(wanted, id_), f"· {wanted}"))

            options = [Option(one.id, one.name, one.platform_title) for one in views]
            self.push_screen(ChooseSheet("At which integration should it be?", options), chosen)
        else:
            self.push_screen(why_sheet(lambda: view, f"· {wanted}"))

    def show_doctor(self) -> None:
        """What is right and wrong with this set-up, and where its files are."""
        from .screens.reading import ReadingSheet, doctor_lines

        hub = self.hub
        self.push_screen(
            ReadingSheet("Doctor", "Looking …", lambda: (hub.doctor(), hub.where()), doctor_lines)
        )

    def switch_theme(self) -> None:
        """From dark to light, or back."""
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name

    def get_system_commands(self, screen: Screen[Any]) -> Any:
        yield SystemCommand("Theme", "Switch between dark and light", self.switch_theme)

    # -- copying
    def copy_text(self, text: str, what: str, *, secret: bool = False) -> None:
        """Copy by the way that reaches the person's clipboard, and say which it was."""

        async def copying() -> None:
            result = await self.ask(clipboard.copy, text, what, self._to_terminal, self.environment)
            sentence = result.sentence
            if result.way == "file":
                path = await self.ask(clipboard.to_file, text, "")
                sentence += f" It is {path}."
            self.clip = Clip(text, what, secret, self.now())
            self.say(sentence)

        self.begin(copying)

    def _to_terminal(self, sequence: str) -> None:
        driver = self._driver
        if driver is not None:
            self.call_from_thread(driver.write, sequence)

    def show_clip(self) -> bool:
        """Show the text copied within the last minute alone; False when there is none."""
        clip = self.clip
        if clip is None or (self.now() - clip.at).total_seconds() > 60:
            return False
        from .screens.text import TextScreen

        self.push_screen(TextScreen(clip.what, clip.text, secret=clip.secret))
        return True


def _of_a_screen_left(app: App[Any], error: Exception) -> bool:
    """Whether it went wrong on a screen that the person has left: what it would have shown is gone anyway."""
    if isinstance(error, WorkerFailed):
        worker = active_worker.get(None)
        node: object = worker.node if worker is not None else None
    else:
        node = active_message_pump.get(None)
    if not isinstance(node, Widget):
        return False
    try:
        return not node.is_attached or node.screen not in app.screen_stack
    except NoScreen:
        return True


def error_sentence(error: BaseException) -> str:
    """What went wrong and the way out, in one or two sentences."""
    if isinstance(error, PerkstarError):
        return f"{error.message} {error.remedy}".strip()
    return f"{type(error).__name__}: {error}"


def run_app(
    open_hub: Callable[[], HubDoor],
    *,
    read_only: bool = False,
    ascii: bool = False,
    remap: Mapping[str, str] | None = None,
    theme: str = DARK.name,
    first_look: Callable[[], FirstLook | None] | None = None,
    reports: Path | None = None,
) -> str | None:
    """Show the screen until the person leaves. Answers `demo` when the demo was asked for."""
    import locale

    opened: list[HubDoor] = []

    def opening() -> HubDoor:
        hub = open_hub()
        opened.append(hub)
        return hub

    plain = ascii or "utf" not in (locale.getpreferredencoding(False) or "").lower()
    app = PerkstarApp(
        opening, read_only=read_only, ascii=plain, remap=remap, theme=theme, first_look=first_look
    )
    try:
        answer = app.run()
    finally:
        for hub in opened:
            hub.close()
    if app._exception is not None:
        raise crashed(app._exception, reports)
    return answer


def crashed(error: BaseException, reports: Path | None) -> PerkstarError:
    """The error to end with, after a report of places in the code, without any value, was written to `reports`."""
    if isinstance(error, WorkerFailed):
        # What went wrong in work beside the screen is what the work raised.
        error = error.error
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    words = type(error).__name__ + (f" at {Path(last.filename).name}:{last.lineno}" if last else "")
    remedy = "Start it again; nothing in the store was harmed."
    if reports is not None:
        file = reports / f"crash-{datetime.now(UTC):%Y%m%d-%H%M%S}.txt"
        places = [f"{Path(f.filename).name}:{f.lineno} in {f.name}" for f in frames]
        with contextlib.suppress(OSError):
            file.write_text("\n".join([words, *places]) + "\n")
            remedy += f" The report {file} holds places in the code and no data; send it along."
    return PerkstarError(ErrorKind.INTERNAL, f"Something went wrong inside: {words}.", remedy=remedy)

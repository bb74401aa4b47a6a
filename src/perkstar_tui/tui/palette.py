"""The palette: every act that works here, found by its name or its help."""

import contextlib
import re
from collections.abc import Callable, Coroutine
from typing import Any

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider, SearchIcon
from textual.content import Content

from .keys import Key, shown
from .leaving import Leaving


class Palette(Leaving[None], CommandPalette):
    """Textual's palette with a plain sign, and deaf to keys that come while its list is being filled."""

    def on_mount(self) -> None:
        for icon in self.query(SearchIcon):
            icon.icon = ":"

    def _action_command_list(self, action: str) -> None:
        # Textual fails over a page key between the emptying of the list and its next drawing.
        with contextlib.suppress(KeyError):
            super()._action_command_list(action)


_NAMED = ("alerts", "duplicates", "queue", "why")
"""Keys whose act stands once in the palette, by its long name."""

_IDS = re.compile(r"[a-z]{2,5}_\w{4,}|[0-9a-f]{8}[0-9a-f-]*|[0-9A-HJKMNP-TV-Z]{26}")
_PHONE = re.compile(r"\+?[\d ()./-]{7,}")


def names_a_record(text: str) -> bool:
    """Whether a text looks like an e-mail address, a phone number or an id."""
    name, at, host = text.partition("@")
    if at:
        return bool(name) and "." in host.strip(".")
    return bool(_IDS.fullmatch(text) or _PHONE.fullmatch(text))


class Acts(Provider):
    """Acts of the present screen, from the table of keys."""

    def _acts(self) -> list[tuple[Key, str, str]]:
        from .screens.base import PerkScreen

        screen = self.screen
        if not isinstance(screen, PerkScreen):
            return []
        skip = ("up", "down", "first", "last", "page_up", "page_down", "palette")
        found = []
        for key in screen.working_keys():
            if key.id in skip or key.id in _NAMED:
                continue
            name = f"{key.label[0].upper()}{key.label[1:]}"
            found.append((key, name, f"{key.help}  ({shown(screen.program.keys.keys_of(key))})"))
        return found

    def _others(self) -> list[tuple[str, str, Callable[[], None]]]:
        """What has no key of its own."""
        from .screens.base import PerkScreen

        screen = self.screen
        if not isinstance(screen, PerkScreen):
            return []
        program = screen.program
        found: list[tuple[str, str, Callable[[], None]]] = [
            ("Theme: dark or light", "Switch between the two themes", program.switch_theme)
        ]
        if program.is_open:
            found.append(
                (
                    "Alerts and routes",
                    f"What is wrong and stands, and where it is told{self._key_of('alerts')}",
                    program.show_alerts,
                )
            )
            found.append(
                (
                    "Error codes",
                    "What each means, what is done about it, and what you can do",
                    program.show_codes,
                )
            )
            found.append(
                (
                    "Duplicates",
                    f"Customers that may be one person, side by side{self._key_of('duplicates')}",
                    program.show_duplicates,
                )
            )
            found.append(
                (
                    "Queue: what waits for a person",
                    f"Held and refused records and settled conflicts{self._key_of('queue')}",
                    screen.action_queue,
                )
            )
            found.append(
                (
                    "Why is my data not there?",
                    f"A guided check of a record or an integration{self._key_of('why')}",
                    screen.ask_why,
                )
            )
            found.append(
                (
                    "Doctor",
                    "What is right and wrong with this set-up, and where its files are",
                    program.show_doctor,
                )
            )
        return found

    def _key_of(self, id_: str) -> str:
        """The key of an act that works here as well, in brackets."""
        from .screens.base import PerkScreen

        screen = self.screen
        works = isinstance(screen, PerkScreen) and any(key.id == id_ for key in screen.working_keys())
        return f"  ({screen.program.keys.shown(id_)})" if works and isinstance(screen, PerkScreen) else ""

    async def _record(self, query: str) -> Hits:
        """The record that the text names, where it looks like an e-mail address, a phone or an id."""
        from .screens.base import PerkScreen
        from .screens.record import RecordScreen, title_of

        screen, wanted = self.screen, query.strip()
        if not isinstance(screen, PerkScreen) or not screen.program.is_open or not names_a_record(wanted):
            return
        program = screen.program
        try:
            record = await program.ask(program.hub.record, wanted)
        except Exception:
            # Most of what is typed is nobody; that is no fault to report.
            return

        def show() -> None:
            program.push_screen(RecordScreen(record.id))

        yield Hit(
            1.0, Content(f"Open the record of {title_of(record)}"), show, help=f"{record.kind} {record.id}"
        )

    async def discover(self) -> Hits:
        for key, name, help_ in self._acts():
            yield DiscoveryHit(name, self._run(key), help=help_)
        for name, help_, deed in self._others():
            yield DiscoveryHit(name, deed, help=help_)

    async def search(self, query: str) -> Hits:
        async for hit in self._record(query):
            yield hit
        matcher = self.matcher(query)
        for key, name, help_ in self._acts():
            score = max(matcher.match(name), matcher.match(key.help) * 0.8)
            if score > 0:
                yield Hit(score, matcher.highlight(name), self._run(key), help=help_)
        for name, help_, deed in self._others():
            score = matcher.match(name)
            if score > 0:
                yield Hit(score, matcher.highlight(name), deed, help=help_)

    def _run(self, key: Key) -> Callable[[], Coroutine[Any, Any, None]]:
        async def run() -> None:
            from .screens.base import PerkScreen

            screen = self.screen
            if isinstance(screen, PerkScreen):
                await screen.run_key(key)

        return run

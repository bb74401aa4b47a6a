"""The palette: every act that works here, found by its name or its help."""

import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider, SearchIcon

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
            if key.id in skip:
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
                ("Alerts and routes", "What is wrong and stands, and where it is told", program.show_alerts)
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
                    "Customers that may be one person, side by side",
                    program.show_duplicates,
                )
            )
            found.append(
                (
                    "Queue: what waits for a person",
                    "Held and refused records and settled conflicts, one after the other",
                    program.show_queue,
                )
            )
            found.append(
                (
                    "Why is my data not there?",
                    "A guided check of a record or an integration",
                    program.show_why,
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

    async def discover(self) -> Hits:
        for key, name, help_ in self._acts():
            yield DiscoveryHit(name, self._run(key), help=help_)
        for name, help_, deed in self._others():
            yield DiscoveryHit(name, deed, help=help_)

    async def search(self, query: str) -> Hits:
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

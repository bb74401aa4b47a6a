"""The palette: every act that works here, found by its name or its help."""

from textual.command import DiscoveryHit, Hit, Hits, Provider

from .keys import Key, shown


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

    async def discover(self) -> Hits:
        for key, name, help_ in self._acts():
            yield DiscoveryHit(name, self._run(key), help=help_)
        yield DiscoveryHit("Theme: dark or light", self._theme, help="Switch between the two themes")

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for key, name, help_ in self._acts():
            score = max(matcher.match(name), matcher.match(key.help) * 0.8)
            if score > 0:
                yield Hit(score, matcher.highlight(name), self._run(key), help=help_)
        score = matcher.match("Theme: dark or light")
        if score > 0:
            yield Hit(score, matcher.highlight("Theme: dark or light"), self._theme, help="Switch themes")

    def _run(self, key: Key):  # type: ignore[no-untyped-def]
        async def run() -> None:
            from .screens.base import PerkScreen

            screen = self.screen
            if isinstance(screen, PerkScreen):
                await screen.run_key(key)

        return run

    def _theme(self) -> None:
        from .screens.base import PerkScreen

        if isinstance(self.screen, PerkScreen):
            self.screen.program.switch_theme()

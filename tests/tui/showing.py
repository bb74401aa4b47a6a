"""The screen under test: opened over the shop in memory, driven by keys, and waited for by its own state."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import textual._wait
from fake_hub import NOW, FakeHub
from textual.pilot import Pilot
from textual.widget import Widget

from perkstar_tui.tui.app import PerkstarApp

# Textual's pilot looks every 20 ms whether the program is idle; here something is idle much sooner.
textual._wait.SLEEP_GRANULARITY = 0.002
textual._wait.SLEEP_IDLE = 0.0002

WIDE, COMPACT = (120, 40), (80, 24)
BOTH = pytest.mark.parametrize("size", [WIDE, COMPACT], ids=["wide", "compact"])


class Shown:
    """A running screen: press keys, and look at what came of it."""

    def __init__(self, pilot: Pilot[Any], hub: FakeHub) -> None:
        self.pilot, self.hub = pilot, hub

    @property
    def app(self) -> PerkstarApp:
        app = self.pilot.app
        assert isinstance(app, PerkstarApp)
        return app

    async def press(self, *keys: str) -> None:
        """Press keys one after the other, and wait until nothing is under way; `"abc` types the letters abc."""
        for key in keys:
            for one in key[1:] if key.startswith('"') and len(key) > 1 else [key]:
                await self.pilot.press(_NAMES.get(one, one))
            await self.settle()

    async def settle(self) -> None:
        """Until no question or act is under way; watching for changes goes on for ever and does not count."""
        for _ in range(2):
            await self.until(lambda: not self._busy(), "the screen never came to rest")
            await self.pilot._wait_for_screen()
            await self.pilot.pause()

    def _busy(self) -> bool:
        return any(
            not worker.is_finished for worker in self.app.workers if worker.group not in ("poll", "authorize")
        )

    async def until(self, holds: Callable[[], bool], why: str) -> None:
        """Until something holds; gives up after some hundred looks."""
        for _ in range(1000):
            if holds():
                return
            await asyncio.sleep(0.005)
        raise AssertionError(f"{why}; the screen shows:\n{self.text()}")

    def text(self) -> str:
        """What the screen in front shows, line by line."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)

    def under(self) -> str:
        """What the screen below the sheet in front shows."""
        strips = self.app.screen_stack[-2]._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)

    def said(self) -> list[str]:
        """The sentences said in the corner, oldest first."""
        return [str(notice.message) for notice in self.app._notifications]

    def one(self, selector: str) -> Widget:
        return self.app.screen.query_one(selector)

    @property
    def screen(self) -> str:
        """The name of the screen in front."""
        return type(self.app.screen).__name__


_NAMES = {" ": "space", "@": "at", ".": "full_stop", "_": "underscore", "-": "minus", "·": "·"}


@asynccontextmanager
async def shown(
    hub: FakeHub | None = None, size: tuple[int, int] = WIDE, *, wait: bool = True, **more: Any
) -> AsyncIterator[Shown]:
    """The screen over `hub`, at a size, its clock held at the shop's moment; with `notices` what is said is drawn."""
    hub = hub or FakeHub()
    more.setdefault("environment", {"SSH_CONNECTION": "there"})
    notices = more.pop("notices", False)
    app = PerkstarApp(more.pop("open", None) or (lambda: hub), now=lambda: NOW, **more)
    async with app.run_test(size=size, notifications=notices) as pilot:
        screen = Shown(pilot, hub)
        if wait:
            await screen.until(lambda: app.is_open, "the hub was never opened")
            await screen.settle()
        yield screen

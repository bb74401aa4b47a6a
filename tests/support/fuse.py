"""Crashes and broken lines at a chosen instant, for the engine's own tests: as if the process were gone."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from memory_platform import MemoryPlatform, StillClock
from memory_shop import Shop
from sqlalchemy import Connection

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Answer, Change, Page, Presence, RemoteRecord
from perkstar_tui.store.database import Store


class Crash(BaseException):
    """The process is gone. Nothing that it would still do on its way out happens."""


class Fuse:
    """Burns at each step that the outside can see; where it ends, the process dies or the line breaks.

    A step is the instant before or after a commit, or before or after the platform has done what it was asked.
    """

    def __init__(self) -> None:
        self.left: int | None = None
        self.kind = ""
        self.dead = False
        self.blown = False

    def light(self, kind: str, steps: int) -> None:
        """`crash` or `network` after so many steps from now."""
        self.kind, self.left, self.blown = kind, steps, False

    def out(self) -> None:
        """Nothing more happens; the machine is up again."""
        self.left, self.dead = None, False

    def step(self, *, call: bool) -> None:
        if self.dead:
            raise Crash
        if self.left is None or (self.kind == "network" and not call):
            return
        self.left -= 1
        if self.left > 0:
            return
        self.left, self.blown = None, True
        if self.kind == "network":
            raise PerkstarError(ErrorKind.NETWORK, "the line is broken")
        self.dead = True
        raise Crash


class FusedStore(Store):
    """A store whose process may die before or after any commit."""

    fuse: Fuse

    @contextmanager
    def read(self) -> Iterator[Connection]:
        if self.fuse.dead:
            raise Crash
        with super().read() as connection:
            yield connection

    @contextmanager
    def write(self, fence: tuple[str, int] | None = None, *, durable: bool = False) -> Iterator[Connection]:
        if self.fuse.dead:
            raise Crash
        with super().write(fence, durable=durable) as connection:
            yield connection
            self.fuse.step(call=False)
        self.fuse.step(call=False)


class FusedPlatform(MemoryPlatform):
    """A platform whose answers may be lost, or never asked for."""

    def __init__(self, clock: StillClock, fuse: Fuse) -> None:
        super().__init__(clock)
        self.fuse = fuse

    async def read(
        self, data: DataType, cursor: dict[str, Any] | None, *, full: bool = False
    ) -> AsyncIterator[Page]:
        async for page in super().read(data, cursor, full=full):
            self.fuse.step(call=True)
            yield page

    async def get(
        self, data: DataType, ids: Sequence[str]
    ) -> dict[str, tuple[Presence, RemoteRecord | None]]:
        self.fuse.step(call=True)
        return await super().get(data, ids)

    async def find(self, data: DataType, key: str, value: str) -> list[RemoteRecord]:
        self.fuse.step(call=True)
        return await super().find(data, key, value)

    async def send(self, data: DataType, changes: Sequence[Change]) -> list[Answer]:
        self.fuse.step(call=True)
        # Vendors take a batch record by record: the line may break in its middle.
        answers = []
        for change in changes:
            answers += await super().send(data, [change])
            self.fuse.step(call=True)
        return answers


class FusedShop(Shop):
    """A shop whose process may die, and whose line may break, at any step."""

    def opened(self, folder: Path) -> FusedStore:
        self.fuse = Fuse()
        store = FusedStore(f"sqlite:///{folder / 'perkstar.db'}")
        store.fuse = self.fuse
        return store

    def played(self) -> FusedPlatform:
        return FusedPlatform(self.clock, self.fuse)

    def killed(self, steps: int, **more: Any) -> None:
        """A run that is killed after so many steps, if it lasts that long."""
        self.fuse.light("crash", steps)
        with suppress(Crash):
            self.run(**more)
        self.fuse.out()
        # Elsewhere the lease of a process that is gone is taken over when its time is up.
        self.clock.at += timedelta(minutes=5)

    def cut_off(self, steps: int, **more: Any) -> Any:
        """A run whose line breaks after so many steps; whether it broke stands in `fuse.blown`."""
        self.fuse.light("network", steps)
        run = self.run(**more)
        self.fuse.out()
        return run

"""The whole sandbox in one process: a listening port for each vendor and one for control, on loopback only."""

import asyncio
import contextlib
import gc
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from .clock import Clock
from .control import Control
from .faults import PROFILES
from .life import Life
from .port import Connection, Site
from .roster import PLAYED, VENDORS, vendor_class
from .vendor import Setting, Vendor
from .world import World

HOST = "127.0.0.1"
PARENT_CHECK = 1.0


@dataclass(frozen=True)
class Wish:
    """What a sandbox is to be like."""

    customers: int = 2000
    seed: int = 1
    faults: str = "calm"
    only: tuple[str, ...] = ()
    limits: bool = True
    port: int = 0

    def check(self) -> None:
        """Raises `ValueError` in words for a person where it can't be met."""
        if self.customers < 0:
            raise ValueError("customers must not be negative")
        if self.faults not in PROFILES:
            raise ValueError(f"unknown fault profile {self.faults!r}: {', '.join(PROFILES)}")
        unknown = [name for name in self.only if name not in VENDORS]
        if unknown:
            raise ValueError(
                f"not played by the sandbox: {', '.join(unknown)} (there are {', '.join(PLAYED)})"
            )
        if not 0 <= self.port <= 65_535 - len(VENDORS):
            raise ValueError("port must be 0 or leave room for one port a vendor")


class Shops:
    """Every vendor with the seeded world, and the ports they listen at."""

    def __init__(self, wish: Wish) -> None:
        wish.check()
        self.wish = wish
        self._directory = tempfile.TemporaryDirectory(prefix="perkstar-sandbox-")
        self.setting = Setting(wish.seed, Clock(), Path(self._directory.name), wish.limits)
        names = [name for name in VENDORS if not wish.only or name in wish.only or name == "perkstar"]
        self.vendors: dict[str, Vendor] = {name: vendor_class(name)(self.setting) for name in names}
        self.world = World(self.setting, self.vendors, wish.customers)
        # Nothing of the seed is garbage, so looking for some would only cost time.
        gc.disable()
        self.world.fill()
        gc.enable()
        gc.collect()
        gc.freeze()
        self.life = Life(self.vendors, wish.seed)
        self.control = Control(self.setting, self.vendors, self.world, self.life)
        self._servers: list[asyncio.Server] = []

    async def open(self) -> dict[str, Any]:
        """Listen; answers the sandbox's first line."""
        port = self.wish.port
        control = await self._listen(self.control, port)
        for number, vendor in enumerate(self.vendors.values(), 1):
            vendor.url = await self._listen(vendor, port + number if port else 0)
            vendor.courier.start()
            if vendor.name != "perkstar":
                vendor.use_faults(self.wish.faults, None)
        return self._line(control)

    async def _listen(self, site: Site, port: int) -> str:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(site), HOST, port, backlog=512)
        self._servers.append(server)
        return f"http://{HOST}:{server.sockets[0].getsockname()[1]}"

    def _line(self, control: str) -> dict[str, Any]:
        endpoints = self.setting.directory / "endpoints.json"
        # Where no limit is kept, clients are told so: otherwise they would pace themselves by the vendors' real ones.
        addresses: dict[str, Any] = {
            name: vendor.url if self.setting.limits else {"url": vendor.url, "limits": False}
            for name, vendor in self.vendors.items()
        }
        endpoints.write_bytes(orjson.dumps(addresses))
        platforms: dict[str, Any] = {}
        for name, vendor in self.vendors.items():
            if name == "perkstar":
                continue
            credentials = vendor.credentials()
            others = credentials.pop("alternatives", {})
            platforms[name] = {"url": vendor.url, "credentials": credentials, "alternatives": others}
            if vendor.authorize_path:
                platforms[name]["authorize_url"] = vendor.url + vendor.authorize_path
        cloud = self.vendors["perkstar"]
        return {
            "control": control,
            "perkstar": {"url": cloud.url} | cloud.credentials(),
            "platforms": platforms,
            "endpoints_file": str(endpoints),
        }

    async def close(self) -> None:
        """Stop listening and remove every file."""
        self.life.stop()
        for server in self._servers:
            server.close()
        for vendor in self.vendors.values():
            await vendor.courier.stop()
            vendor.store.close()
        self._directory.cleanup()


async def serve(wish: Wish, ready: Callable[[dict[str, Any]], None], *, with_parent: bool = False) -> None:
    """Play until a signal comes; `with_parent`: or until the process that started this one is gone."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, RuntimeError):
            loop.add_signal_handler(number, ended.set)
    parent = os.getppid()
    shops = Shops(wish)
    try:
        ready(await shops.open())
        while not ended.is_set() and (os.getppid() == parent or not with_parent):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), PARENT_CHECK)
    finally:
        await shops.close()


def say_ready(line: dict[str, Any]) -> None:
    """The first line on standard output, at once."""
    sys.stdout.write(orjson.dumps(line).decode() + "\n")
    sys.stdout.flush()


class Sandbox:
    """A sandbox in a process of its own, for demos and tests: `with Sandbox.start(customers=60) as box: ...`."""

    def __init__(self, process: "subprocess.Popen[bytes]", line: dict[str, Any]) -> None:
        self._process = process
        self.line = line
        self.control: str = line["control"]

    @classmethod
    def start(
        cls,
        *,
        customers: int = 2000,
        seed: int = 1,
        limits: bool = True,
        only: Sequence[str] | None = None,
        port: int = 0,
        faults: str = "calm",
        timeout: float = 120.0,
    ) -> Self:
        """Start one and wait until every port answers; raises `RuntimeError` where it doesn't come up."""
        wish = Wish(customers, seed, faults, tuple(only or ()), limits, port)
        wish.check()
        command = [sys.executable, "-m", "perkstar_tui.sandbox", "--customers", str(customers), "--seed", str(seed),
                   "--port", str(port), "--faults", faults]  # fmt: skip
        command += ["--only", ",".join(wish.only)] if wish.only else []
        command += [] if limits else ["--no-limits"]
        source = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))
        process = subprocess.Popen(  # noqa: S603 - our own module, with arguments checked above
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": path}
        )
        assert process.stdout is not None
        readable, _, _ = select.select([process.stdout], [], [], timeout)
        first = process.stdout.readline() if readable else b""
        if not first:
            process.kill()
            process.wait()
            raise RuntimeError("the sandbox did not start")
        return cls(process, orjson.loads(first))

    @property
    def pid(self) -> int:
        """The process that plays."""
        return self._process.pid

    def stop(self) -> None:
        """End it; its files go with it."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

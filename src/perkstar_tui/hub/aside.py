"""The runner in a process of its own, for a screen: what a sync computes never keeps a key waiting.

The process lives as long as its standard input, so it ends by itself when the screen does, however that ends.
"""

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import IO

import orjson

from .settings import Settings

AGAIN_S = 5.0
"""How long after an unexpected end the process is started once more."""


class Aside:
    """Keeps one runner's process alive from `start` to `stop`; both may be called from any thread."""

    def __init__(self, settings: Settings, concurrency: int) -> None:
        self._told = orjson.dumps({"settings": asdict(settings), "concurrency": concurrency}, default=str)
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper = threading.Thread(target=self._keep, name="perkstar-aside", daemon=True)

    def start(self) -> None:
        """Begin; the runner wakes what is due about a second later."""
        self._process = self._begin()
        self._keeper.start()

    def stop(self, timeout: float = 10.0) -> None:
        """Ask running runs to end at their next safe point, and wait for the process to end."""
        self._stopping.set()
        process = self._process
        if process is not None and process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout)

    def _begin(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(  # noqa: S603 - this program itself
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # A hang-up of the terminal must not end a run in the middle of a page.
            start_new_session=True,
        )
        with contextlib.suppress(OSError):
            assert process.stdin is not None
            # Not by argument or environment: the settings may hold a key.
            process.stdin.write(self._told + b"\n")
            process.stdin.flush()
        return process

    def _keep(self) -> None:
        while self._process is not None:
            self._process.wait()
            if self._stopping.wait(AGAIN_S):
                return
            self._process = self._begin()


def serve(told: IO[bytes]) -> None:
    """Be that process: run what is due by the settings in the first line, until the input ends."""
    from .hub import Hub

    line = orjson.loads(told.readline())
    settings = line["settings"]
    hub = Hub(Settings(**{**settings, "home": Path(settings["home"])}))
    try:
        hub.start_runner(line["concurrency"])
        told.read()
    finally:
        hub.close()


def main() -> None:
    """Entry of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(200_000, 20, 50)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(5)
    serve(sys.stdin.buffer)


if __name__ == "__main__":
    main()

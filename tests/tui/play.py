"""The screen over the shop in memory, to be looked at: python tests/tui/play.py.

With `--busy FILE` something changes with every look at the store, as in a shop whose real-time syncs never rest, and
each look adds a dot to FILE.
"""

import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, os.path.dirname(__file__))

from fake_hub import NOW, SALESFORCE, FakeHub

from perkstar_tui.tui.app import PerkstarApp


class BusyHub(FakeHub):
    """At each look a run is further, and it is three seconds later."""

    looks = 0

    def __init__(self, told: Path) -> None:
        super().__init__()
        self._told = told

    def changes(self) -> int:
        BusyHub.looks += 1
        done = self._find(SALESFORCE).progress_done or 0
        self.change(SALESFORCE, progress_done=done + 1)
        with self._told.open("a") as file:
            file.write(".")
        return super().changes()


def clock() -> datetime:
    """The time of the shop in memory; it goes on only where that is busy."""
    return NOW + timedelta(seconds=3 * BusyHub.looks)


if __name__ == "__main__":
    busy = Path(sys.argv[sys.argv.index("--busy") + 1]) if "--busy" in sys.argv else None
    PerkstarApp(
        lambda: (
            BusyHub(busy) if busy else FakeHub([] if "--empty" in sys.argv else None, new="--new" in sys.argv)
        ),
        theme="perkstar-light" if "--light" in sys.argv else "perkstar-dark",
        ascii="--ascii" in sys.argv,
        read_only="--read-only" in sys.argv,
        now=clock,
    ).run()

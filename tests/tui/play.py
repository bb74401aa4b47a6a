"""The screen over the shop in memory, to be looked at: python tests/tui/play.py."""

import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

from fake_hub import NOW, FakeHub

from perkstar_tui.tui.app import PerkstarApp

if __name__ == "__main__":
    PerkstarApp(
        lambda: FakeHub([] if "--empty" in sys.argv else None, new="--new" in sys.argv),
        theme="perkstar-light" if "--light" in sys.argv else "perkstar-dark",
        ascii="--ascii" in sys.argv,
        read_only="--read-only" in sys.argv,
        now=lambda: NOW,
    ).run()

"""What the screen costs on the way to the terminal: bytes while others are at work, for a key, for a sheet.

The shop is in memory and busy: with each of the program's looks at the store something has changed. Bytes are counted
over a fixed number of looks, so that neither the clock nor the machine's pace counts.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal import Terminal

PLAY = Path(__file__).parents[1] / "tui" / "play.py"
LOOKS = 20
"""As many as the program takes in about six seconds."""


class Busy:
    """The screen of the busy shop."""

    def __init__(self, terminal: Terminal, told: Path) -> None:
        self.terminal, self._told = terminal, told

    def looks(self) -> int:
        return len(self._told.read_bytes()) if self._told.exists() else 0

    def over(self, looks: int) -> int:
        """The bytes that come while the program looks so often."""
        until, before = self.looks() + looks, self.terminal.received
        while self.looks() < until:
            assert self.terminal.process.poll() is None, self.terminal.text
            self.terminal.pump(0.05)
        return self.terminal.received - before

    def press(self, keys: str, looks: int = 4) -> int:
        """The bytes that keys cost, with the few looks in which all that they ask for has come."""
        before = self.terminal.received
        self.terminal.send(keys)
        self.over(looks)
        return self.terminal.received - before


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[Busy]:
    told = tmp_path / "looks"
    with Terminal([sys.executable, str(PLAY), "--busy", str(told)]) as terminal:
        shown = Busy(terminal, told)
        terminal.until("Salesforce")
        shown.over(6)
        yield shown


@pytest.mark.parametrize(
    ("keys", "title", "most"),
    [
        ("", "Plan and capacity", 12_000),
        ("=", "Side by side", 3_000),
        ("Q", "Both sides", 3_000),
        ("A", "Alerts", 3_000),
        ("\r6", "Seconds a run", 3_000),
        ("\r7", "Settings", 3_000),
        ("?", "Keys", 3_000),
        ("Qf", "Show only", 3_000),
    ],
    ids=["main", "duplicates", "queue", "alerts", "health", "settings", "help", "a sheet over the queue"],
)
def test_what_changes_elsewhere_costs_little_while_a_screen_is_looked_at(busy, keys, title, most):
    for key in keys:
        busy.press(key, 3)
    busy.terminal.until(title)
    busy.over(3)
    cost = busy.over(LOOKS)
    assert cost < most


@pytest.mark.parametrize(
    ("keys", "key", "most"),
    [("", "j", 6_000), ("=", "j", 8_000), ("A", "j", 5_000), ("Q", "]", 14_000), ("jj\r5", "j", 4_000)],
    ids=["main", "duplicates", "alerts", "queue", "records"],
)
def test_going_to_the_next_row_paints_what_changed_and_no_more(busy, keys, key, most):
    for one in keys:
        busy.press(one)
    costs = [busy.press(key) for _ in range(2)]
    assert max(costs) < most


@pytest.mark.parametrize("key", ["=", "Q", "A", "?", ":", "\r"])
def test_opening_a_screen_or_a_sheet_paints_the_terminal_a_few_times_only(busy, key):
    # A whole painting is about four bytes for each cell.
    assert busy.press(key) < 4 * 4 * busy.terminal.screen.columns * busy.terminal.screen.lines

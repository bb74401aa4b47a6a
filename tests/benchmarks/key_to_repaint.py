"""From a key to the repainted row, idle and while the same program syncs 20,000 customers.

    uv run python tests/benchmarks/key_to_repaint.py [CUSTOMERS]

Until the bytes of the repaint have left the program. Prints the ratio of the 95th percentiles (at most 1.5).
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
from program import PERKSTAR
from shop import PLATFORMS, Shop, sandbox
from terminal import Terminal

KEYS = 150


def one(terminal: Terminal, key: str) -> float:
    """Seconds until the cursor's row has changed on the screen."""
    before = terminal.text
    start = time.perf_counter()
    terminal.send(key)
    while terminal.text == before:
        terminal.pump(0.5)
        if time.perf_counter() - start > 5:
            raise AssertionError(f"{key!r} changed nothing:\n{terminal.text}")
    return terminal.came - start


def series(terminal: Terminal, count: int) -> list[float]:
    found = []
    for number in range(count):
        while terminal.pump(0.01):
            pass
        found.append(one(terminal, "j" if number % 2 == 0 else "k"))
        time.sleep(0.02)
    return found


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[18]


def main() -> None:
    customers = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory() as place, sandbox("--no-limits", customers=customers) as box:
        # The vendors stand on other machines: their work must not be counted as ours.
        os.setpriority(os.PRIO_PROCESS, box.pid, 15)
        shop = Shop(box, Path(place) / "home")
        for name in PLATFORMS:
            shop.connect(name, "--data", "customers", "--frequency", "manual", "--direction", "to-perkstar")
        with Terminal(PERKSTAR, env=shop.program.env) as terminal:
            terminal.until("HubSpot", 60)
            terminal.still(0.5)
            idle = series(terminal, KEYS)
            terminal.send("g")
            terminal.still(0.3)
            terminal.send("s")
            terminal.until("⟳", 30)
            busy = []
            while "⟳" in terminal.text and len(busy) < KEYS:
                busy += series(terminal, 10)
            terminal.send("q")
    print(
        f"idle p95 {p95(idle) * 1000:.1f} ms  during a sync p95 {p95(busy) * 1000:.1f} ms ({len(busy)} keys)"
    )
    print(f"ratio: {p95(busy) / p95(idle):.2f} (at most 1.5)")


if __name__ == "__main__":
    main()

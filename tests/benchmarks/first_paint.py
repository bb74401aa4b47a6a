"""First paint of the screen against a bare Textual app with a table, in an emulated terminal.

    uv run python tests/benchmarks/first_paint.py [ROUNDS]

Prints two ratios of medians: until the frame stands (at most 1.15), and until the table's real rows do (at most 1.5).
"""

import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))
from program import PERKSTAR
from shop import Shop, sandbox
from terminal import Terminal

BARE = """
from textual.app import App
from textual.widgets import DataTable, Footer
class Bare(App):
    BINDINGS = [("q", "quit", "Quit")]
    def compose(self):
        yield DataTable()
        yield Footer()
    def on_mount(self):
        table = self.query_one(DataTable)
        table.add_columns("Name", "Integration ID", "Date", "Status", "Details")
        for n in range(5):
            table.add_row(f"Integration {n}", f"int_{n:026}", "12 Mar 2026", "Active", ">")
Bare().run()
"""


def seconds(argv: list[str], seen: str, env: dict[str, str]) -> float:
    with Terminal(argv, env=env) as terminal:
        taken = terminal.until(seen, 60)
        terminal.send("q")
        return taken


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as place, sandbox("--no-limits", customers=60) as box:
        shop = Shop(box, Path(place) / "home")
        shop.connect("hubspot", "--data", "customers", "--name", "Contacts of the shop")
        env = shop.program.env
        bare, frame, rows = [], [], []
        for _ in range(rounds):
            bare.append(seconds([sys.executable, "-c", BARE], "Integration 4", env))
            frame.append(seconds(PERKSTAR, "Plan and capacity", env))
            rows.append(seconds(PERKSTAR, "Contacts of the shop", env))
    base = statistics.median(bare)
    print(f"bare {base:.3f} s  frame {statistics.median(frame):.3f} s  rows {statistics.median(rows):.3f} s")
    print(
        f"ratio: frame {statistics.median(frame) / base:.2f} (at most 1.15), "
        f"rows {statistics.median(rows) / base:.2f} (at most 1.5)"
    )


if __name__ == "__main__":
    main()

"""Pictures of the screen: drawn to SVG and compared with the ones that were agreed."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# The helpers beside this file; put there by hand, since pytest comes to this file before it comes to the tests.
sys.path.insert(0, str(Path(__file__).parent))

from showing import Shown

SNAPSHOTS = Path(__file__).parents[2] / "snapshots"


def _normal(svg: str) -> str:
    """The picture without what differs from run to run, and without fonts from elsewhere."""
    svg = re.sub(r"terminal-\d+", "terminal", svg)
    return re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)


@pytest.fixture
def matches_snapshot(tmp_path: Path) -> Callable[[Shown, str], None]:
    """Compares the screen with `snapshots/<name>.svg`; PERKSTAR_SNAPSHOTS=accept takes it as it is now."""

    def compare(screen: Shown, name: str) -> None:
        picture = _normal(screen.app.export_screenshot())
        kept = SNAPSHOTS / f"{name}.svg"
        if os.environ.get("PERKSTAR_SNAPSHOTS") == "accept":
            SNAPSHOTS.mkdir(exist_ok=True)
            kept.write_text(picture)
            return
        if kept.exists() and kept.read_text() == picture:
            return
        actual = tmp_path / f"{name}.actual.svg"
        actual.write_text(picture)
        known = "differs from" if kept.exists() else "has no"
        pytest.fail(
            f"The screen {known} snapshots/{name}.svg; as it is now: {actual}\n"
            "Look at both. To accept: PERKSTAR_SNAPSHOTS=accept pytest tests/tui/test_snapshots.py\n"
            + screen.text()
        )

    return compare

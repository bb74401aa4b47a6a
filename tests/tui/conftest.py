"""Pictures of the screen: drawn to SVG and compared with the ones that were agreed."""

import os
import re
import sys
from collections.abc import Awaitable, Callable
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
def matches_snapshot(tmp_path: Path) -> Callable[[Shown, str], Awaitable[None]]:
    """Compares the screen with `snapshots/<name>.svg`; PERKSTAR_SNAPSHOTS=accept takes it as it is now."""

    def draw(screen: Shown) -> str:
        return _normal(screen.app.export_screenshot())

    async def at_rest(screen: Shown) -> str:
        """The picture once it has stayed the same for a while."""
        picture, same = draw(screen), 0
        for _ in range(100):
            await screen.pilot.pause(0.05)
            now = draw(screen)
            picture, same = now, same + 1 if now == picture else 0
            if same == 4:
                return picture
        raise AssertionError("the screen never came to rest")

    async def compare(screen: Shown, name: str) -> None:
        kept = SNAPSHOTS / f"{name}.svg"
        if os.environ.get("PERKSTAR_SNAPSHOTS") == "accept":
            SNAPSHOTS.mkdir(exist_ok=True)
            kept.write_text(await at_rest(screen))
            return
        agreed = kept.read_text() if kept.exists() else ""
        for _ in range(60):
            if draw(screen) == agreed:
                return
            await screen.pilot.pause(0.02)
        actual = tmp_path / f"{name}.actual.svg"
        actual.write_text(draw(screen))
        known = "differs from" if agreed else "has no"
        pytest.fail(
            f"The screen {known} snapshots/{name}.svg; as it is now: {actual}\n"
            "Look at both. To accept: PERKSTAR_SNAPSHOTS=accept pytest tests/tui/test_snapshots.py\n"
            + screen.text()
        )

    return compare

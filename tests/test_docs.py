"""The pages of `docs/` say what the program says."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_drawn_pages_are_current() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / ".ci" / "docs.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

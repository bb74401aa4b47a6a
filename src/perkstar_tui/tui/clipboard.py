"""Copying text, by where the program runs rather than by which tool it finds; says which way was taken."""

import base64
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from typing import NamedTuple

LIMIT = 70_000
"""Bytes beyond which terminals drop what they are sent by OSC 52."""


class Copied(NamedTuple):
    """What happened: done or not, by which way, and the sentence to show."""

    done: bool
    way: str
    sentence: str


def osc52(text: str) -> str:
    """The escape sequence that hands text to the terminal's clipboard."""
    return f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\a"


def way_of(environment: Mapping[str, str]) -> str:
    """`tmux`, `terminal` or `machine`: a tool on the far end of SSH would fill the wrong clipboard."""
    if environment.get("TMUX") and shutil.which("tmux"):
        return "tmux"
    return "terminal" if environment.get("SSH_CONNECTION") else "machine"


def copy(
    text: str, what: str, write: Callable[[str], None], environment: Mapping[str, str] | None = None
) -> Copied:
    """Copy `text`, called `what` in the sentence; `write` sends bytes to the terminal."""
    if len(text.encode()) > LIMIT:
        return Copied(False, "file", f"{what} is too long for a clipboard; it was written to a file.")
    way = way_of(os.environ if environment is None else environment)
    if way == "tmux" and _tmux(text):
        return Copied(True, way, f"Copied {what} by tmux. Empty? v shows it.")
    if way == "machine" and _native(text):
        return Copied(True, way, f"Copied {what}. Empty? v shows it.")
    write(osc52(text))
    return Copied(True, "terminal", f"Copied {what} by the terminal (OSC 52). Empty? v shows it.")


def _tmux(text: str) -> bool:
    try:
        done = subprocess.run(
            ["tmux", "load-buffer", "-w", "-"],  # noqa: S607
            input=text.encode(),
            capture_output=True,
            timeout=3,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _native(text: str) -> bool:
    try:
        import pyperclip

        pyperclip.copy(text)
    except Exception:
        return False
    return True


def to_file(text: str, folder: str) -> str:
    """Write text to a new file only its owner may read; answers the path."""
    import tempfile

    handle, path = tempfile.mkstemp(prefix="perkstar-", suffix=".txt", dir=folder, text=True)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    return path

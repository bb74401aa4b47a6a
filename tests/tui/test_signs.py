"""Signs of the screen in plain ASCII."""

from pathlib import Path

import perkstar_tui
from perkstar_tui.tui.signs import ascii_only

SOURCES = Path(perkstar_tui.__file__).parent


def test_every_sign_that_the_screen_uses_has_a_stand_in_of_one_cell_in_ascii() -> None:
    used = {
        sign
        for folder in ("tui", "hub")
        for file in (SOURCES / folder).rglob("*.py")
        for sign in file.read_text(encoding="utf-8")
        if not sign.isascii()
    }
    assert used
    left = {
        sign: ascii_only(sign)
        for sign in used
        if not ascii_only(sign).isascii() or len(ascii_only(sign)) != 1
    }
    assert left == {}

"""With --ascii every screen is ASCII: titles, frames, scroll bars, plots and signs."""

import pytest
from showing import BOTH, shown

SQUARE = ("down", "down", "enter")


@BOTH
@pytest.mark.parametrize(
    "keys",
    [
        (), ("equals_sign",), ("equals_sign", "enter"), ("Q",), ("Q", "right_square_bracket"), ("A",), ("A", "2"),
        SQUARE, (*SQUARE, "2"), (*SQUARE, "3"), (*SQUARE, "4"), (*SQUARE, "5"), (*SQUARE, "6"), (*SQUARE, "7"),
        (*SQUARE, "5", "enter"), ("w",), ("question_mark",), ("p",), ("a",), ("K",), ("colon",),
    ],
    ids="-".join,
)  # fmt: skip
async def test_nothing_but_ascii_is_drawn(keys, size):
    async with shown(size=size, ascii=True) as screen:
        await screen.press(*keys)
        # Names keep their letters; they are not drawn by us.
        strange = sorted({sign for sign in screen.text() if not sign.isascii() and not sign.isalpha()})
        assert not strange, screen.text()


async def test_the_sign_for_what_differs_is_explained_in_the_help():
    async with shown(ascii=True) as screen:
        await screen.press("equals_sign", "question_mark", "end")
        assert "both sides have other values" in screen.text()

"""Files of rows: what vendors write them as, children below their parents, and what was cut off."""

import gzip
import io

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perkstar_tui.platforms.files import is_whole, rows_of_file, together

ROWS = [{"id": str(number), "name": f"Zoë {number}"} for number in range(5)]
LINES = b"\n".join(map(orjson.dumps, ROWS))


@pytest.mark.parametrize(
    "content",
    [LINES, LINES + b"\n\n", b"\n" + LINES.replace(b"\n", b"\r\n"), orjson.dumps(ROWS),
     b" " + orjson.dumps(ROWS, option=orjson.OPT_INDENT_2)],
    ids=["lines", "an empty line at the end", "with returns", "a list", "a list in lines"],
)  # fmt: skip
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_rows_come_out_however_they_are_written(content: bytes, packed: bool) -> None:
    file = io.BytesIO(gzip.compress(content) if packed else content)
    assert is_whole(file) and list(rows_of_file(file)) == ROWS


@pytest.mark.parametrize(
    "content",
    [LINES[:-3], gzip.compress(LINES)[:-5], gzip.compress(LINES)[:40]],
    ids=["in a line", "in the sum", "in the middle"],
)
def test_what_was_cut_off_is_known(content: bytes) -> None:
    assert not is_whole(io.BytesIO(content))


def test_half_a_surrogate_pair_keeps_nobody_out() -> None:
    assert list(rows_of_file(io.BytesIO(rb'{"name": "half \ud83d"}' + b"\n"))) == [{"name": "half �"}]


@given(st.lists(st.integers(0, 4), max_size=30))
@settings(max_examples=50, deadline=None)
def test_children_lie_in_their_parents_again(counts: list[int]) -> None:
    lines, expected = [], []
    for number, count in enumerate(counts):
        below = [{"key": str(place), "parent": number} for place in range(count)]
        lines += [{"id": number}, *below]
        expected.append({"id": number, "of": {"nodes": below}})
    assert list(together(lines, "parent", "id", "of.nodes")) == expected


def test_a_child_without_its_parent_above_it_is_refused() -> None:
    for lines in ([{"up": 1}], [{"id": 1}, {"id": 2}, {"up": 1}]):
        with pytest.raises(ValueError, match="apart"):
            list(together(lines, "up", "id", "below"))

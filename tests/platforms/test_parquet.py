"""Rows as a Parquet file: types, gaps and order, read back by the library's own reader."""

from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any

import pytest
from arro3.io import read_parquet

from perkstar_tui.platforms.parquet import parquet


def back(file: bytes) -> list[dict[str, Any]]:
    table: Any = read_parquet(BytesIO(file)).read_all()
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


COLUMNS: Any = {
    "id": "text", "count": "integer", "share": "number", "at": "moment", "day": "day", "gone": "flag",
}  # fmt: skip


def test_every_kind_of_column_comes_back_as_it_is_meant() -> None:
    row = {
        "id": "Zoë",
        "count": 3,
        "share": 2.5,
        "at": "2026-03-01T12:30:00Z",
        "day": "2026-02-28",
        "gone": False,
    }
    [found] = back(parquet(COLUMNS, [row]))
    assert found == {
        "id": "Zoë", "count": 3, "share": 2.5, "at": datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
        "day": date(2026, 2, 28), "gone": False,
    }  # fmt: skip


@pytest.mark.parametrize("empty", [None, "", "missing"])
def test_what_is_empty_or_missing_is_null_and_a_nought_is_not(empty: str | None) -> None:
    row = {"count": 0, "gone": False} if empty == "missing" else {"id": empty, "count": 0, "gone": False}
    [found] = back(parquet(COLUMNS, [row]))
    assert (found["id"], found["at"], found["day"]) == (None, None, None)
    assert (found["count"], found["gone"]) == (0, False)


def test_no_rows_are_a_file_with_columns_and_members_of_no_column_are_left_out() -> None:
    assert back(parquet(COLUMNS, [])) == []
    assert back(parquet({"id": "text"}, [{"id": "a", "secret": "x"}])) == [{"id": "a"}]


def test_rows_keep_their_order() -> None:
    rows = [{"id": str(n), "count": n} for n in range(5000)]
    assert [row["count"] for row in back(parquet({"id": "text", "count": "integer"}, rows))] == list(
        range(5000)
    )

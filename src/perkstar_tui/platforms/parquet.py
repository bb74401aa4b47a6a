"""Rows as a Parquet file, for platforms that take tables as files."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from io import BytesIO
from typing import Any

from .parts import ColumnType

EPOCH = date(1970, 1, 1)


def _micros(value: Any) -> int | None:
    return round(datetime.fromisoformat(str(value)).timestamp() * 1_000_000) if value else None


def _days(value: Any) -> int | None:
    return (date.fromisoformat(str(value)) - EPOCH).days if value else None


def _text(value: Any) -> str | None:
    return None if value in (None, "") else str(value)


_KEPT: dict[str, Callable[[Any], Any]] = {
    "text": _text,
    "integer": lambda value: None if value is None else int(value),
    "number": lambda value: None if value is None else float(value),
    "moment": _micros,
    "day": _days,
    "flag": lambda value: None if value is None else bool(value),
}


def parquet(columns: Mapping[str, ColumnType], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """A file with these columns, a row for each of `rows`; a member that a row lacks, or an empty text, is null.

    Moments are ISO 8601 with an offset, days `YYYY-MM-DD`.
    """
    from arro3.core import Array, DataType, Table
    from arro3.io import write_parquet

    # How a column is laid down first, and what it then becomes.
    plain = {
        "text": DataType.utf8(), "integer": DataType.int64(), "number": DataType.float64(), "flag": DataType.bool(),
        "moment": DataType.int64(), "day": DataType.int32(),
    }  # fmt: skip
    meant = {"moment": DataType.timestamp("us", tz="UTC"), "day": DataType.date32()}
    values: dict[str, list[Any]] = {name: [] for name in columns}
    for row in rows:
        for name, kind in columns.items():
            values[name].append(_KEPT[kind](row.get(name)))
    arrays: dict[str, Any] = {}
    for name, kind in columns.items():
        array = Array(values.pop(name), plain[kind])
        arrays[name] = array.cast(meant[kind]) if kind in meant else array
    file = BytesIO()
    write_parquet(Table.from_pydict(arrays), file)
    return file.getvalue()

"""Files of rows that vendors make: JSON, one value a line or all in a list, packed by gzip or plain."""

import gzip
from collections.abc import Iterable, Iterator
from typing import IO, Any, cast

import orjson

from perkstar_tui.http.client import parsed

from .shapes import put_at

Row = dict[str, Any]
GZIPPED = b"\x1f\x8b"
"""How a file begins that gzip has packed (RFC 1952)."""
IN_MEMORY = 8 * 1024 * 1024
"""Bytes of a file that are kept in memory; what is larger lies in a file without a name."""
AT_ONCE = 1000
"""Rows that are given on together."""


def rows_of_file(file: IO[bytes]) -> Iterator[Any]:
    """The values in a file, read as they are asked for.

    Raises ValueError, OSError or EOFError for what is no JSON or was cut off.
    """
    file.seek(0)
    packed = file.read(2) == GZIPPED
    file.seek(0)
    content = cast(IO[bytes], gzip.GzipFile(fileobj=file, mode="rb")) if packed else file
    for line in content:
        if not line.strip():
            continue
        if line.lstrip()[:1] == b"[":
            yield from orjson.loads(line + content.read())
            return
        value, whole = parsed(line)
        if not whole:
            raise ValueError("a line is no JSON")
        yield value


def is_whole(file: IO[bytes]) -> bool:
    """Whether all of a file can be read: it is looked through once before the first of its rows counts."""
    try:
        for _ in rows_of_file(file):
            pass
    except (ValueError, OSError, EOFError):
        return False
    return True


def together(lines: Iterable[Row], parent: str, parent_id: str, children: str) -> Iterator[Row]:
    """Rows with their children, which stand in lines of their own right below them.

    Raises ValueError for a line whose parent is not the row above it.
    """
    row: Row | None = None
    below: list[Row] = []
    for line in lines:
        if parent and parent in line:
            if row is None or row.get(parent_id) != line[parent]:
                raise ValueError("a line stands apart from its parent")
            below.append(line)
            continue
        if row is not None:
            yield row
        row = line
        if parent:
            below = []
            put_at(row, children, below)
    if row is not None:
        yield row

"""Square's lists: pages in the order of a column, and cursors that end after a while and belong to one query."""

import hashlib
from typing import Any

import orjson

from ..clock import Clock, iso_ms, parse_ms
from ..conditions import Conditions, ordered
from ..cursors import Cursors
from ..state import Kind
from ..wire import Answer, Call, reply
from .errors import invalid

CURSOR_LIFE = 300.0
LARGEST_PAGE = 100
YEAR_MS = 365 * 86_400_000


def page_size(given: object, most: int = LARGEST_PAGE, default: int = LARGEST_PAGE) -> int:
    """How many records a page holds; 400 where it is out of range."""
    if given in (None, ""):
        return default
    number = int(str(given))
    if not 1 <= number <= most:
        raise invalid("INVALID_VALUE", f"limit must be from 1 to {most}.", "limit")
    return number


def moment(given: dict[str, Any], name: str) -> int:
    """A member that is a time, in milliseconds; 400 where it is none."""
    found = parse_ms(str(given[name]))
    if found is None:
        raise invalid("INVALID_TIME", f"{name} must be a time in RFC 3339.", name)
    return found


def add_time_range(conditions: Conditions, column: str, given: dict[str, Any]) -> None:
    """`start_at` and `end_at`, both counted, for a column that holds milliseconds."""
    for name, sign in (("start_at", ">="), ("end_at", "<=")):
        if given.get(name):
            conditions.add(f"{column} {sign} ?", moment(given, name))


class Pages:
    """Makes pages of stored records."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._cursors = Cursors(clock, CURSOR_LIFE)

    def page(
        self, kind: Kind, conditions: Conditions, limit: int, cursor: object, column: str = "seq", down: bool = False,
        more: dict[str, Any] | None = None, query: object = None,
    ) -> Answer:  # fmt: skip
        """A page after a cursor, with `more` members beside the records; `query` is what the cursor belongs to."""
        fingerprint = hashlib.sha256(repr((query, column, down)).encode()).hexdigest()[:8]
        where, values = conditions.where, list(conditions.values)
        if cursor:
            *position, owner = self._read(str(cursor))
            if owner != fingerprint:
                raise invalid("INVALID_CURSOR", "The cursor belongs to another query.", "cursor")
            where += f" AND ({column}, seq) {'<' if down else '>'} (?, ?)"
            values += position
        rows = kind.raw(where, (*values, limit + 1), f"{ordered(column, down)} LIMIT ?")
        body: dict[str, Any] = {}
        if rows:
            body[kind.name] = [orjson.Fragment(row[3]) for row in rows[:limit]]
        if len(rows) > limit:
            seq, created, updated, _ = rows[limit - 1]
            value = {"created": created, "updated": updated}.get(column, seq)
            body["cursor"] = self._cursors.make(value, seq, fingerprint)
        return reply(body | (more or {}), records=min(limit, len(rows)))

    def _read(self, cursor: str) -> list[Any]:
        try:
            return self._cursors.read(cursor, 3)
        except ValueError:
            words = "Invalid or expired pagination cursor."
            raise invalid("INVALID_CURSOR", words, "cursor") from None

    def timed_page(self, call: Call, kind: Kind, conditions: Conditions) -> Answer:
        """A page by the time that records were made or changed, as payments and refunds are listed."""
        begin = call.arg("begin_time") or iso_ms(self._clock.ms() - YEAR_MS)
        add_time_range(conditions, "created", {"start_at": begin, "end_at": call.arg("end_time")})
        changed = {"start_at": call.arg("updated_at_begin_time"), "end_at": call.arg("updated_at_end_time")}
        add_time_range(conditions, "updated", changed)
        column = "updated" if call.arg("sort_field") == "UPDATED_AT" else "created"
        down = call.arg("sort_order", "DESC") == "DESC"
        query = sorted((name, value) for name, value in call.query.items() if name not in ("cursor", "limit"))
        size = page_size(call.arg("limit"))
        return self.page(kind, conditions, size, call.arg("cursor"), column, down, query=query)

"""Rows of a vendor, walked as a manifest says: page by page, from a cursor, in an order that loses nothing."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from perkstar_tui.http.client import Reply
from perkstar_tui.http.errors import dig
from perkstar_tui.model.errors import ErrorKind, PerkstarError

from .base import epoch_ms, server_ms
from .parts import CallSpec, ExportSpec, PageSpec, WalkSpec
from .shapes import all_at, read_time, write_time

if TYPE_CHECKING:
    from .reading import Reader

Row = dict[str, Any]
DAY_MS = 86_400_000
TRIES = 3
"""How often a page is asked for that comes with the rows of the page before, and a file that was cut off."""


@dataclass(slots=True)
class Stretch:
    """Rows of one answer, with the cursor that holds once they are kept; `last` ends a complete walk."""

    rows: list[Row]
    cursor: dict[str, Any] = field(default_factory=dict)
    last: bool = False
    total: int | None = None


def rows_of(data: Any, rows: str, row: str = "") -> list[Row]:
    """The records in an answer; none where the answer is empty or has no such member.

    An object there is one record, or, where all its members are objects, its members are the records.
    """
    found = dig(data, rows) if rows else data
    if isinstance(found, Mapping):
        several = bool(rows) and all(isinstance(one, Mapping) for one in found.values())
        found = list(found.values()) if several else [found]
    if not isinstance(found, list):
        return []
    if "*" in row:
        return [inner for one in found for inner in all_at(one, row) if isinstance(inner, dict)]
    return [inner for one in found if isinstance(inner := dig(one, row) if row else one, dict)]


class Pages:
    """The pages of one call, one after another. `mark` is where the next page is, None after the last."""

    def __init__(
        self, platform: "Reader", call: CallSpec, walk: WalkSpec, page: PageSpec, size: int, **values: Any
    ) -> None:
        self.platform = platform
        self.call = call
        self.walk = walk
        self.page = page
        self.size = size
        self.values = values
        self.mark: Any = None
        self.started: int | None = None
        self._before: list[Row] = []

    async def fetch(self, mark: Any) -> tuple[Reply, list[Row]]:
        """One page; `mark` is where it is, None for the first."""
        style = self.page.style
        numbers = style in ("offset", "number")
        values = {
            **self.values,
            "size": self.size,
            "token": mark if style == "token" else None,
            "offset": int(mark or 0) if style == "offset" else 0,
            "position": int(mark or 0) + 1 if style == "offset" else 1,
            "page": int(mark if mark is not None else self.page.first) if numbers else self.page.first,
        }
        for _ in range(TRIES):
            if style == "link" and mark is not None:
                reply = await self.platform.follow(self.call, str(mark), values)
            else:
                reply = await self.platform.ask(self.call, values)
            if self.started is None:
                self.started = server_ms(reply) or epoch_ms(self.platform.clock.now())
            rows = rows_of(reply.data, self.walk.rows, self.walk.row)
            # A page that is served twice stands in for one that is then never read; a token would lead back to it.
            if not (numbers and mark is not None and rows and rows == self._before):
                break
        else:
            raise PerkstarError(
                ErrorKind.SERVICE_UNAVAILABLE,
                f"{self.platform.manifest.title} gives the same page again and again.",
            )
        self._before = rows
        self.mark = self._next(reply, len(rows), mark)
        return reply, rows

    def _next(self, reply: Reply, count: int, mark: Any) -> Any:
        page = self.page
        if page.style == "none":
            return None
        if page.more and not dig(reply.data, page.more):
            return None
        if page.style == "token":
            return dig(reply.data, page.next) or None
        if page.style == "link":
            if page.next:
                return dig(reply.data, page.next) or None
            return _link(reply.headers.get("link", ""))
        total = self.total(reply)
        if page.style == "number":
            number = int(mark if mark is not None else page.first)
            read = (number - page.first + 1) * self.size
            over = count < self.size if total is None else read >= total
            return None if over or not count else number + 1
        offset = int(mark or 0)
        over = count < self.size if total is None else offset + count >= total
        if page.more:
            over = False
        return None if over or not count else offset + max(1, count - page.again)

    def total(self, reply: Reply) -> int | None:
        """How many rows there are in all, where the vendor says it: in a member, or in a header (`header:Name`)."""
        name = self.page.total
        if not name:
            return None
        found = (
            reply.headers.get(name.removeprefix("header:"))
            if name.startswith("header:")
            else dig(reply.data, name)
        )
        return whole_number(found)


def whole_number(value: Any) -> int | None:
    """A number that a vendor writes as a number or as text."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _link(header: str) -> str | None:
    """The address of the next page in a Link header (RFC 8288)."""
    for part in header.split(","):
        address, _, about = part.strip().partition(">")
        if 'rel="next"' in about.replace("'", '"') or "rel=next" in about:
            return address.lstrip("<")
    return None


def relative(address: str) -> str:
    """Path and query of an address that a vendor gives for the next page: its host is not followed."""
    parts = urlsplit(address)
    return parts.path + (f"?{parts.query}" if parts.query else "")


async def walk_rows(
    platform: "Reader",
    walk: WalkSpec,
    cursor: dict[str, Any] | None,
    *,
    size: int,
    overlap_s: float,
    changed_at: Callable[[Row], int | None],
    **values: Any,
) -> AsyncIterator[Stretch]:
    """All rows (`cursor` None) or those changed since; `changed_at` tells a row's time of change in epoch ms."""
    if walk.walk == "version":
        source = _by_version(platform, walk, cursor, size, values)
    elif cursor and "since" in cursor and walk.changed is not None:
        source = _changes(platform, walk, cursor, size, overlap_s, changed_at, values)
    elif walk.walk == "span":
        source = _by_spans(platform, walk, cursor, size, overlap_s, values)
    elif walk.export is not None and walk.export.above is None:
        source = _exported(platform, walk.export, await platform.ask(walk.export.begin, {}))
    else:
        source = _everything(platform, walk, cursor, size, values)
    async for stretch in source:
        yield stretch


async def _by_spans(
    platform: "Reader",
    walk: WalkSpec,
    cursor: dict[str, Any] | None,
    size: int,
    overlap_s: float,
    values: dict[str, Any],
) -> AsyncIterator[Stretch]:
    """Rows by the time they changed at, a span after the other up to now; a cut-off walk goes on at its span."""
    assert walk.all is not None
    now = epoch_ms(platform.clock.now())
    if cursor:
        begin = int(cursor["since"]) - round(overlap_s * 1000)
    else:
        begin = now - round(walk.reach_s * 1000)
    while True:
        # The last span goes beyond now, since the vendor's clock may be ahead of this one.
        end = min(begin + round(walk.span_s * 1000), now + DAY_MS)
        pages = Pages(platform, walk.all, walk, walk.page, size, since=write_time(begin, walk.since),
                      until=write_time(end, walk.since), **values)  # fmt: skip
        mark: Any = None
        while True:
            reply, rows = await pages.fetch(mark)
            mark = pages.mark
            done = mark is None
            # The vendor's own clock says up to when it has told everything.
            reached = min(end, server_ms(reply) or end)
            yield Stretch(rows, {"since": reached} if done else {})
            if done:
                break
        if end >= now:
            return
        begin = end


async def _exported(
    platform: "Reader",
    spec: ExportSpec,
    begun: Reply,
    *,
    start: int | None = None,
    seen: Collection[str] = (),
) -> AsyncIterator[Stretch]:
    """All rows but those that were `seen`, out of files that the vendor makes; `begun` is its answer to the order.

    `start` is the moment from which changes are read next, if it is not that of the order.
    """
    start = start or server_ms(begun) or epoch_ms(platform.clock.now())
    title = platform.manifest.title
    _, data = await platform.wait_for(spec, begun.data, "an export")
    there = dig(data, spec.files) or []
    addresses = [there] if isinstance(there, str) else list(there)
    told = whole_number(dig(data, spec.count)) if spec.count else None
    if str(dig(data, spec.status)) in spec.failed or (not addresses and told != 0):
        why = dig(data, spec.reason) if spec.reason else None
        words = f" ({why})" if why else ""
        raise PerkstarError(ErrorKind.SERVICE_UNAVAILABLE, f"{title} could not make an export{words}.")
    found = 0
    kept: list[Row] = []
    for address in addresses:
        async for rows in platform.rows_in(str(address), spec):
            if kept:
                yield Stretch(kept, total=told)
            found += len(rows)
            kept = [row for row in rows if key_of(row) not in seen] if seen else rows
    if told is not None and found < told:
        # Whoever is missing would be stepped over, or be taken for gone.
        raise PerkstarError(ErrorKind.NETWORK, f"Files of {title} have {found} of {told} rows.")
    yield Stretch(kept, {"since": start}, True, told)


async def _everything(
    platform: "Reader", walk: WalkSpec, cursor: dict[str, Any] | None, size: int, values: dict[str, Any]
) -> AsyncIterator[Stretch]:
    cut_off = cursor if cursor and "page" in cursor else None
    assert walk.all is not None
    pages = Pages(platform, walk.all, walk, walk.page, size, since=None, until=None, **values)
    mark = cut_off["page"] if cut_off else None
    start = cut_off["start"] if cut_off else None
    worth = walk.export.above if walk.export is not None and cut_off is None else None
    seen: set[str] = set()
    while True:
        reply, rows = await pages.fetch(mark)
        start = start or pages.started
        mark = pages.mark
        if walk.page.again:
            rows = [row for row in rows if _fresh(row, seen)]
        last = mark is None
        if last:
            stand: dict[str, Any] = {"since" if walk.changed is not None else "read": start}
        else:
            stand = {"start": start, "page": mark} if walk.resumes else {}
        total = pages.total(reply)
        yield Stretch(rows, stand, last and cut_off is None, total)
        if last:
            return
        if walk.export is not None and worth is not None and (total or 0) > worth:
            begun = await platform.ask(walk.export.begin, {})
            if dig(begun.data, walk.export.id):
                # Should it fail, the next run goes on at the second page.
                given = {key_of(row) for row in rows}
                async for stretch in _exported(platform, walk.export, begun, start=start, seen=given):
                    yield stretch
                return
        worth = None


def key_of(row: Row) -> str:
    """What a row is known by: its id, else all of it."""
    return repr(row.get("id", row))


def _fresh(row: Row, seen: set[str]) -> bool:
    """Whether a row of overlapping pages comes for the first time."""
    key = key_of(row)
    if key in seen:
        return False
    seen.add(key)
    return True


async def _changes(
    platform: "Reader",
    walk: WalkSpec,
    cursor: dict[str, Any],
    size: int,
    overlap_s: float,
    changed_at: Callable[[Row], int | None],
    values: dict[str, Any],
) -> AsyncIterator[Stretch]:
    assert walk.changed is not None
    since = int(cursor["since"])
    begin = max(0, since - round(overlap_s * 1000)) - walk.step_back
    page = walk.changed_page or walk.page
    if walk.walk == "time":
        async for stretch in _in_order(platform, walk, page, begin, since, size, changed_at, values):
            yield stretch
        return
    shown = write_time(begin, walk.since)
    pages = Pages(platform, walk.changed, walk, page, size, since=shown, **values)
    mark: Any = None
    while True:
        reply, rows = await pages.fetch(mark)
        mark = pages.mark
        export = walk.export
        if export is not None and (pages.total(reply) or 0) > max(len(rows), export.above or 0):
            async for stretch in _exported(platform, export, await platform.ask(export.begin, {})):
                yield stretch
            return
        # A cut-off walk of changes begins again: its window is small.
        yield Stretch(rows, {} if mark is not None else {"since": max(since, pages.started or since)})
        if mark is None:
            return


async def _in_order(
    platform: "Reader",
    walk: WalkSpec,
    page: PageSpec,
    begin: int,
    since: int,
    size: int,
    changed_at: Callable[[Row], int | None],
    values: dict[str, Any],
) -> AsyncIterator[Stretch]:
    """Changes in order: each page begins anew at the last time seen, so rows that change meanwhile come again."""
    assert walk.changed is not None
    given: set[tuple[str, int | None]] = set()
    started: int | None = None
    while True:
        pages = Pages(platform, walk.changed, walk, page, size, since=write_time(begin, walk.since), **values)
        mark: Any = None
        while True:
            _, rows = await pages.fetch(mark)
            started = started or pages.started
            mark = pages.mark
            fresh = [row for row in rows if (key_of(row), changed_at(row)) not in given]
            given = {(key_of(row), changed_at(row)) for row in rows}
            last = (changed_at(rows[-1]) if rows else None) or begin
            if mark is None:
                yield Stretch(fresh, {"since": max(since, last, started or since)})
                return
            yield Stretch(fresh, {"since": max(since, last)})
            if last > begin:
                begin = last - walk.step_back
                break


async def _by_version(
    platform: "Reader",
    walk: WalkSpec,
    cursor: dict[str, Any] | None,
    size: int,
    values: dict[str, Any],
) -> AsyncIterator[Stretch]:
    """Rows above a counter that the vendor keeps: no dates, no clock trouble."""
    assert walk.all is not None
    at = (cursor or {}).get("version", 0)
    first = cursor is None
    while True:
        pages = Pages(platform, walk.all if first else walk.changed or walk.all, walk, walk.page, size,
                      since=at, **values)  # fmt: skip
        reply, rows = await pages.fetch(None)
        at = dig(reply.data, walk.version) or at
        over = not rows or len(rows) < size
        yield Stretch(rows, {"version": at}, over and cursor is None)
        if over:
            return


def time_of(path: str, form: Any) -> Callable[[Row], int | None]:
    """Reads a row's time of change as epoch milliseconds."""

    def at(row: Row) -> int | None:
        found = read_time(dig(row, path), form) if path else None
        return None if found is None else epoch_ms(found)

    return at

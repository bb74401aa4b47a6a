"""Ways through a vendor's pages in which nothing is lost when rows move or the walk is cut off."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from perkstar_tui.model.remote import Page, RemoteRecord


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk by time of change stands: rows from `since` on, `skip` of them passed over."""

    since: int
    skip: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """One answer of a walk by time of change. `last_time` is the time of its last row, `more` whether rows follow.

    Times are whole numbers, `per_s` of them a second.
    """

    rows: list[RemoteRecord]
    last_time: int
    more: bool
    total: int | None = None
    per_s: int = 1000


TIES_AGAIN = 5
"""Rows read again when a window is walked by position: those that a row taken out of it would have moved."""


async def by_time(
    fetch: Callable[[Place], Awaitable[Batch]], place: Place, *, step_back: int = 0
) -> AsyncIterator[tuple[Batch, Place, bool]]:
    """Walk rows sorted by time of change, each page beginning anew at the last time seen.

    A row that changes meanwhile moves to the end and is read again there; none is stepped over, as it would be
    with positions. Only where a whole page has one time does the walk go on by position within it. `step_back`
    is taken off each beginning, for vendors of whom it isn't known whether they include the time itself.
    Gives each batch, without rows that came unchanged before, with the place after it and whether it was the last.
    """
    given: set[tuple[str, datetime | None]] = set()
    while True:
        batch = await fetch(place)
        rows = [row for row in batch.rows if (row.id, row.changed_at) not in given] if given else batch.rows
        fresh = replace(batch, rows=rows)
        begin = batch.last_time - step_back
        if not batch.more or (not batch.rows and begin <= place.since):
            yield fresh, Place(max(place.since, batch.last_time)), True
            return
        if begin > place.since:
            place = Place(begin)
            edge = datetime.fromtimestamp((begin - 1) / batch.per_s, UTC)
            given = {(r.id, r.changed_at) for r in batch.rows if r.changed_at and r.changed_at > edge}
        else:
            place = Place(place.since, place.skip + max(1, len(batch.rows) - TIES_AGAIN))
            given |= {(row.id, row.changed_at) for row in batch.rows}
        yield fresh, place, False


async def ahead(pages: AsyncIterator[Page]) -> AsyncIterator[Page]:
    """The same pages, the next one asked for while this one is worked on."""
    source = pages.__aiter__()
    coming: asyncio.Future[Page] = asyncio.ensure_future(anext(source))
    try:
        while True:
            try:
                page = await coming
            except StopAsyncIteration:
                return
            coming = asyncio.ensure_future(anext(source))
            # Let the request get on its way before the reader's work takes the loop.
            for _ in range(8):
                await asyncio.sleep(0)
            yield page
    finally:
        if not coming.done():
            coming.cancel()
        with contextlib.suppress(BaseException):
            await coming
        closer = getattr(pages, "aclose", None)
        if closer is not None:
            await closer()

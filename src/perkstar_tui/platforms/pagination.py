"""Ways through a vendor's pages in which nothing is lost when rows move or the walk is cut off."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from perkstar_tui.model.remote import Page


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk by time of change stands: rows from `since` on, `skip` of them passed over."""

    since: int
    skip: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """One answer of a walk by time of change. `last_time` is the time of its last row, `more` whether rows follow."""

    rows: list[Any]
    last_time: int
    more: bool
    total: int | None = None


TIES_AGAIN = 5
"""Rows read again when a window is walked by position: those that a row taken out of it would have moved."""


async def by_time(
    fetch: Callable[[Place], Awaitable[Batch]], place: Place, *, step_back: int = 0
) -> AsyncIterator[tuple[Batch, Place, bool]]:
    """Walk rows sorted by time of change, each page beginning anew at the last time seen.

    A row that changes meanwhile moves to the end and is read again there; none is stepped over, as it would be
    with positions. Only where a whole page has one time does the walk go on by position within it. `step_back`
    is taken off each beginning, for vendors of whom it isn't known whether they include the time itself.
    Gives each batch with the place after it, and whether it was the last.
    """
    while True:
        batch = await fetch(place)
        begin = batch.last_time - step_back
        if not batch.more or (not batch.rows and begin <= place.since):
            yield batch, Place(max(place.since, batch.last_time)), True
            return
        if begin > place.since:
            place = Place(begin)
        else:
            place = Place(place.since, place.skip + max(1, len(batch.rows) - TIES_AGAIN))
        yield batch, place, False


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

"""Laws of the walks: whatever moves while pages are read, nobody who stays is lost."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from vendor import Vendor, ids, pages

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.remote import Page, RemoteRecord
from perkstar_tui.platforms.pagination import Batch, Place, ahead, by_time

SIZE = 10


class Moving:
    """Rows by time of change, of which some change between the pages. `inclusive`: whether `since` is part of it."""

    def __init__(self, times: list[int], touches: list[int], *, inclusive: bool) -> None:
        self.times = dict(enumerate(times))
        self.touches = list(touches)
        self.now = max(times, default=0) + 1
        self.inclusive = inclusive

    async def fetch(self, place: Place) -> Batch:
        rows = sorted(
            (i for i, t in self.times.items() if (t >= place.since if self.inclusive else t > place.since)),
            key=lambda i: (self.times[i], i),
        )
        page = rows[place.skip : place.skip + SIZE]
        records = [
            RemoteRecord(str(i), {"time": self.times[i]}, datetime.fromtimestamp(self.times[i], UTC))
            for i in page
        ]
        last = self.times[page[-1]] if page else 0
        answer = Batch(records, last, len(rows) > place.skip + SIZE, len(rows), per_s=1)
        if self.touches and self.times:
            touched = self.touches.pop() % len(self.times)
            self.now += 1
            self.times[touched] = self.now
        return answer


TIMES = st.lists(st.integers(1, 60), max_size=120)
TOUCHES = st.lists(st.integers(0, 10_000), max_size=6)


@given(TIMES, TOUCHES, st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_walk_by_time_gives_every_row_at_its_last_state(
    times: list[int], touches: list[int], inclusive: bool
) -> None:
    vendor = Moving(times, touches, inclusive=inclusive)

    async def walk() -> dict[str, int]:
        """A first walk with changes under way, and the next one from where it ended, a little before."""
        found: dict[str, int] = {}
        stand = Place(0)
        for number in range(2):
            begin = Place(max(0, stand.since - 1))
            async for batch, after, _end in by_time(vendor.fetch, begin, step_back=1):
                found.update({record.id: int(record.fields["time"] or 0) for record in batch.rows})
                stand = after
            if number == 0:
                assert set(found) == {str(i) for i in vendor.times}, "the first walk alone has everybody"
            vendor.touches.clear()
        return found

    assert asyncio.run(walk()) == {str(i): t for i, t in vendor.times.items()}


@given(TIMES, st.integers(0, 20))
@settings(max_examples=60, deadline=None)
def test_a_walk_can_be_gone_on_from_after_any_page(times: list[int], cut: int) -> None:
    async def walk(place: Place, most: int | None) -> tuple[set[str], Place]:
        found: set[str] = set()
        async for batch, after, _ in by_time(Moving(times, [], inclusive=True).fetch, place, step_back=1):
            found |= {record.id for record in batch.rows}
            place = after
            if most is not None:
                most -= 1
                if most < 0:
                    break
        return found, place

    async def both() -> set[str]:
        first, place = await walk(Place(0), cut)
        rest, _ = await walk(place, None)
        return first | rest

    assert asyncio.run(both()) == {str(i) for i in range(len(times))}


@given(st.integers(0, 60), st.lists(st.tuples(st.booleans(), st.integers(0, 10_000)), max_size=8))
@settings(max_examples=60, deadline=None)
def test_a_sweep_called_complete_has_everybody_who_stayed(count: int, moves: list[tuple[bool, int]]) -> None:
    rows: list[dict[str, Any]] = [{"id": f"u{n}", "firstName": "P"} for n in range(count)]
    stayed = {row["id"] for row in rows}
    left = list(moves)

    def listed(query: dict[str, str]) -> Any:
        page, size = int(query["page"]), SIZE
        meta = {"totalItems": len(rows), "itemsPerPage": size, "currentPage": page}
        answer = {"meta": meta, "data": rows[(page - 1) * size : page * size]}
        if left:
            removes, place = left.pop()
            if removes and rows:
                stayed.discard(rows.pop(place % len(rows))["id"])
            elif not removes:
                rows.insert(place % (len(rows) + 1), {"id": f"new{len(left)}", "firstName": "N"})
        return answer

    connector = Vendor({r"GET /api/v2/customers": listed}).connect("perkstar")
    found = asyncio.run(pages(connector, DataType.CUSTOMERS))
    # One made and one removed between two pages leave the total as it was: what that hides is asked for by id later.
    steady = len({removes for removes, _ in moves}) < 2
    if steady and any(page.last for page in found):
        assert stayed <= set(ids(found))
    if not moves:
        assert found[-1].last


async def test_the_next_page_is_asked_for_while_this_one_is_worked_on() -> None:
    asked: list[int] = []

    async def source() -> Any:
        for number in range(3):
            asked.append(number)
            await asyncio.sleep(0)
            yield Page(cursor={"n": number})

    async for page in ahead(source()):
        assert page.cursor["n"] < 2 or asked == [0, 1, 2]
        assert max(asked) >= min(2, page.cursor["n"] + 1)


async def test_a_reader_that_stops_early_leaves_nothing_running() -> None:
    ended: list[bool] = []

    async def source() -> Any:
        try:
            for number in range(100):
                await asyncio.sleep(0.001)
                yield Page(cursor={"n": number})
        finally:
            ended.append(True)

    before = asyncio.all_tasks()
    reader = ahead(source())
    async for _page in reader:
        break
    await reader.aclose()  # type: ignore[attr-defined]
    assert ended == [True] and asyncio.all_tasks() == before

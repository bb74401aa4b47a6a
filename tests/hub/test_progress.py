"""How far a run is and when it will be through; one that stands still promises nothing and is told."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_hub import MemoryHub
from still import StillClock

from perkstar_tui.hub.showing import ends_at
from perkstar_tui.model.remote import Page


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[MemoryHub]:
    made = MemoryHub(tmp_path)
    yield made
    made.hub.close()


PAGES, PAGE, PAGE_S = 20, 5, 10


def watched(shop: MemoryHub) -> list[Any]:
    """A first sync whose pages take ten seconds each; answers what was shown after each of them, with the time."""
    for number in range(PAGES * PAGE):
        shop.platform.add(first=f"P{number}", email=f"p{number}@x.uk")
    shown: list[Any] = []

    async def slow(data: Any, cursor: Any, *, full: bool = False) -> Any:
        for start in range(0, PAGES * PAGE, PAGE):
            shop.clock.at += timedelta(seconds=PAGE_S)
            if start:
                shown.append((shop.clock.at, shop.hub.integration("int_1")))
            ids = [f"m{number + 1}" for number in range(start, start + PAGE)]
            page = Page([shop.platform.record(id_) for id_ in ids], cursor={"tick": start + PAGE})
            page.total, page.last = PAGES * PAGE, start + PAGE == PAGES * PAGE
            yield page

    shop.platform.read = slow  # type: ignore[method-assign]
    assert shop.sync(full=False).inward.created == PAGES * PAGE
    return shown


def test_a_first_sync_says_how_far_it_is_and_when_it_will_be_through(shop: MemoryHub) -> None:
    began = shop.clock.at
    shown = watched(shop)
    done = [view.progress_done for _, view in shown if view.progress_done]
    assert done == sorted(done) and done[-1] > PAGES * PAGE / 2
    told = [(at, view) for at, view in shown if view.ends_at is not None]
    assert len(told) > PAGES / 2
    through = began + timedelta(seconds=PAGES * PAGE_S)
    for _, view in told:
        assert view.progress_total == PAGES * PAGE
        assert abs(view.ends_at - through) < timedelta(seconds=2 * PAGE_S)
    after = shop.hub.integration("int_1")
    assert (after.progress_done, after.ends_at, after.running) == (None, None, False)


def test_nothing_is_promised_before_there_is_a_pace(shop: MemoryHub) -> None:
    _, first = watched(shop)[0]
    assert first.ends_at is None


NOW = StillClock().at
COUNTS = st.integers(0, 10**6)


@given(start=COUNTS, done=COUNTS, total=COUNTS, seconds=st.integers(0, 10**6))
def test_the_end_is_where_the_pace_leads(start: int, done: int, total: int, seconds: int) -> None:
    since = NOW - timedelta(seconds=seconds)
    row = SimpleNamespace(progress_done=done, progress_total=total, progress_at=NOW)
    end = ends_at(row, {"from": start, "since_ms": round(since.timestamp() * 1000)})
    if end is None:
        assert not start < done < total or seconds < 2
        return
    assert end > NOW
    pace = (done - start) / seconds
    assert abs((end - NOW).total_seconds() * pace - (total - done)) < max(1.0, total * 1e-4)

"""The full compare: what no run was told of is found by itself, at night, at most once, and said."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_hub import MemoryHub

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Page, Sale
from perkstar_tui.sync.comparing import AGES, is_due, is_quiet
from perkstar_tui.sync.context import CUSTOMER, TRANSACTION


class Night(MemoryHub):
    """An hourly integration of ten customers that was read whole at noon."""

    def __init__(self, home: Path, **settings: Any) -> None:
        super().__init__(home, frequency="hourly", **settings)
        self.at: dict[str, datetime] = {}
        """When a record was changed there, as it says itself; noon where it is not here."""
        record, noon = self.platform.record, self.clock.at
        self.platform.record = lambda id_: replace(record(id_), changed_at=self.at.get(id_, noon))  # type: ignore[method-assign]
        self.ids = [self.platform.add(first=f"P{number}", email=f"p{number}@x.uk") for number in range(10)]
        assert self.sync(full=False).inward.created == 10

    def until(self, moment: datetime) -> list[Any]:
        """Let the hours pass as a worker would; answers the runs, the oldest first."""
        found: list[Any] = []
        while self.clock.at < moment:
            self.clock.at += timedelta(minutes=30)
            found += self.hub.run_due()
        return found

    def hide(self, id_: str, **fields: Any) -> None:
        """Change a record there as if it had been committed late: behind where the cursor stands."""
        self.platform.contacts[id_] |= fields


MORNING = datetime(2026, 11, 25, 9, tzinfo=UTC)


def compares(runs: list[Any]) -> list[Any]:
    return [run for run in runs if run.trigger == "full_compare"]


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    made = Night(tmp_path)
    yield made
    made.hub.close()


def test_what_the_cursor_stepped_over_is_found_at_night_and_said(night: Night) -> None:
    night.hide(night.ids[3], first="Late")
    lost = night.platform.add(first="Lost", email="lost@x.uk")
    night.platform.changed[lost] = 1
    del night.platform.contacts[night.ids[5]]
    runs = night.until(MORNING)
    (one,) = compares(runs)
    assert 1 <= one.started.hour <= 7
    assert one.full_compare == {"looked_at": 10, "missed": 3, "done": True}
    assert "Late" in night.people() and "Lost" in night.people()
    assert night.links()[night.ids[5]].state == "gone"
    said = [entry for entry in night.hub.log("int_1").items if entry.code == "full_compare"]
    assert [(entry.level, entry.message) for entry in said] == [
        (
            "warning",
            "Full compare: 10 records looked at, 3 of them had changed, come or gone without HubSpot having told "
            "of it, and are put right.",
        )
    ]


def test_with_nothing_missed_it_says_so_and_writes_nothing(night: Night) -> None:
    with night.store.read() as connection:
        before = [(row.id, row.revision) for row in connection.execute(CUSTOMER.select())]
    writes = len(night.platform.writes)
    (one,) = compares(night.until(MORNING))
    assert one.full_compare["missed"] == 0
    (said,) = [entry for entry in night.hub.log("int_1").items if entry.code == "full_compare"]
    assert (said.level, said.message) == (
        "info",
        "Full compare: 10 records looked at, none had been missed.",
    )
    with night.store.read() as connection:
        assert [(row.id, row.revision) for row in connection.execute(CUSTOMER.select())] == before
    assert len(night.platform.writes) == writes


def test_every_other_run_costs_what_it_did(night: Night) -> None:
    runs = night.until(MORNING)
    assert len(runs) > 15
    asked: list[bool] = []
    read = night.platform.read

    def counted(*given: Any, **more: Any) -> Any:
        asked.append(bool(more.get("full")))
        return read(*given, **more)

    night.platform.read = counted  # type: ignore[method-assign]
    runs = night.until(MORNING + timedelta(hours=24))
    assert asked.count(True) == len(compares(runs)) == 1
    assert asked.count(False) == len(runs)


def test_what_changes_while_it_reads_was_not_missed(night: Night) -> None:
    read = night.platform.read

    async def busy(data: Any, cursor: Any, *, full: bool = False) -> Any:
        if full:
            night.hide(night.ids[9], first="Just now")
            night.at[night.ids[9]] = night.clock.at
        async for page in read(data, cursor, full=full):
            yield page

    night.platform.read = busy  # type: ignore[method-assign]
    (one,) = compares(night.until(MORNING))
    assert one.full_compare["missed"] == 0
    assert "Just now" in night.people()


def test_one_that_breaks_off_is_tried_again_the_next_night_only(night: Night) -> None:
    read = night.platform.read

    async def cut(data: Any, cursor: Any, *, full: bool = False) -> Any:
        async for page in read(data, cursor, full=full):
            yield page
            if full:
                raise PerkstarError(ErrorKind.NETWORK, "The line is gone.")

    night.platform.read = cut  # type: ignore[method-assign]
    (one,) = compares(night.until(MORNING))
    assert one.outcome == "failed"
    assert not one.full_compare["done"]
    assert {link.state for link in night.links().values()} == {"linked"}
    night.platform.read = read  # type: ignore[method-assign]
    assert not compares(night.until(MORNING + timedelta(hours=12)))
    (next_one,) = compares(night.until(MORNING + timedelta(hours=24)))
    assert next_one.full_compare["done"]


def test_a_sync_by_hand_of_everything_takes_its_place(night: Night) -> None:
    night.until(datetime(2026, 11, 24, 23, tzinfo=UTC))
    night.sync(full=True)
    assert not compares(night.until(MORNING))


@pytest.mark.parametrize(("choice", "nights"), [("never", 0), ("weekly", 1)])
def test_it_is_made_less_often_or_never_where_that_is_wanted(
    tmp_path: Path, choice: str, nights: int
) -> None:
    made = Night(tmp_path, options={"full_compare": choice})
    assert len(compares(made.until(MORNING + timedelta(days=8)))) == nights
    made.hub.close()


def test_the_setting_is_checked(night: Night) -> None:
    night.hub.edit("int_1", {"full_compare": "weekly"})
    with pytest.raises(PerkstarError) as refused:
        night.hub.edit("int_1", {"full_compare": "often"})
    assert refused.value.field == "full_compare"
    assert "nightly, weekly, never" in refused.value.remedy


def test_a_computer_that_is_off_at_night_makes_it_up_by_day(night: Night) -> None:
    night.clock.at = datetime(2026, 11, 25, 19, tzinfo=UTC)
    assert len(compares(night.hub.run_due())) == 1


def test_a_sale_that_was_booked_behind_the_cursor_is_found_and_earns_once(tmp_path: Path) -> None:
    made = Night(tmp_path, data=["customers", "transactions"])
    made.bench.__dict__["catalog"]["memory"] = made.bench.catalog["square"]
    sold: list[tuple[int, Sale]] = []
    asked: list[int] = []
    read = made.platform.read

    def sell(tick: int, id_: str, at: datetime) -> None:
        sold.append((tick, Sale(id_, at, at, "GBP", 500, email="p1@x.uk")))

    async def both(data: Any, cursor: Any, *, full: bool = False) -> Any:
        if data is DataType.TRANSACTIONS:
            after = 0 if cursor is None or full else cursor["tick"]
            asked.append(after)
            some = sorted(((tick, sale) for tick, sale in sold if tick > after), key=lambda one: one[0])
            tick = some[-1][0] if some else after
            yield Page(sales=[sale for _, sale in some], cursor={"tick": tick}, last=True)
            return
        async for page in read(data, cursor, full=full):
            yield page

    made.platform.read = both  # type: ignore[method-assign]
    sell(11, "s1", made.clock.at)
    assert len(compares(made.until(MORNING))) == 1
    sell(17, "s7", made.clock.at)
    made.until(MORNING + timedelta(hours=2))
    sell(15, "s5", made.clock.at)
    asked.clear()
    (one,) = compares(made.until(MORNING + timedelta(hours=24)))
    # Once from the cursor of the night before, all other times from where it stood.
    assert sorted(set(asked)) == [11, 17]
    assert asked.count(11) == 1
    assert one.full_compare["missed"] == 1
    with made.store.read() as connection:
        booked = [row.remote_id for row in connection.execute(TRANSACTION.select())]
    assert sorted(booked) == ["s1", "s5", "s7"]
    made.hub.close()


def test_every_platform_that_is_read_by_changes_is_compared_and_no_other(night: Night) -> None:
    by_change = {
        name: {data.value for data, spec in manifest.data.items() if spec.by_change}
        for name, manifest in night.bench.catalog.items()
    }
    assert by_change["hubspot"] == {"customers"}
    assert by_change["square"] == {"customers", "transactions"}
    assert by_change["woocommerce"] == {"transactions"}
    assert not any(
        by_change[name] for name in ("perkstar", "vagaro", "webhook", "google-analytics", "power-bi")
    )


ZONES = st.sampled_from(["Europe/London", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"])
TIMES = st.integers(0, 365 * 24 * 60).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@given(id_=st.text(min_size=1), zone=ZONES, now=TIMES)
def test_quiet_hours_are_three_of_the_night_there(id_: str, zone: str, now: datetime) -> None:
    if is_quiet(now, id_, zone):
        assert 1 <= now.astimezone(ZoneInfo(zone)).hour <= 6
    # An hourly run meets them every night, also where the clock is changed.
    assert sum(is_quiet(now + timedelta(minutes=30 * step), id_, zone) for step in range(50)) >= 4


@given(id_=st.text(min_size=1), zone=ZONES, now=TIMES, back=st.timedeltas(timedelta(0), timedelta(days=20)))
def test_it_is_due_once_a_night_and_never_kept_away(
    id_: str, zone: str, now: datetime, back: timedelta
) -> None:
    assert not is_due("never", now - back, now, id_, zone)
    for often, (least, most) in AGES.items():
        due = is_due(often, now - back, now, id_, zone)
        assert not due or back >= least
        assert due or back < most
    assert is_due("nightly", now + timedelta(days=2), now, id_, zone)

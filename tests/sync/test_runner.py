"""When runs begin: due by the schedule, made up once after a sleep, never kept waiting by a clock that was wrong."""

import asyncio
from datetime import timedelta

import pytest
from memory_platform import MemoryPlatform, StillClock, config, integration
from sqlalchemy import func, insert, select, update

from perkstar_tui.model.enums import Trigger
from perkstar_tui.store.database import Store
from perkstar_tui.sync.context import INTEGRATION, RUN
from perkstar_tui.sync.run import Engine, Workbench
from perkstar_tui.sync.runner import Runner


class Night:
    """A store with one hourly integration, and the runner that looks after it."""

    def __init__(self, folder) -> None:
        self.clock = StillClock()
        self.store = Store.at(folder)
        self.store.upgrade()
        self.platform = MemoryPlatform(self.clock)
        bench = Workbench(lambda row: config(), lambda row, held: self.platform, lambda: None)
        self.engine = Engine(self.store, bench, self.clock)
        self.runner = Runner(self.store, self.engine, self.clock)
        row = integration("Memory", self.clock.now()) | {"config": {"frequency": "hourly"}}
        with self.store.write() as connection:
            connection.execute(insert(INTEGRATION).values(**row, next_run_at=self.clock.now()))

    def due(self) -> list[str]:
        return [id_ for id_, _ in self.runner.due()]

    def run_due(self) -> int:
        for id_, trigger in self.runner.due():
            asyncio.run(self.engine.run(id_, trigger))
        with self.store.read() as connection:
            return connection.execute(select(func.count()).select_from(RUN)).scalar_one()


@pytest.fixture
def night(tmp_path):
    made = Night(tmp_path)
    yield made
    made.store.close()


def test_a_machine_asleep_over_three_schedules_makes_up_one_run(night):
    assert night.run_due() == 1
    assert night.due() == []
    night.clock.at += timedelta(hours=3, minutes=30)
    assert night.run_due() == 2
    assert night.due() == []


def test_a_first_run_waits_until_somebody_has_looked(night):
    def previewed(so: bool) -> None:
        with night.store.write() as connection:
            connection.execute(update(INTEGRATION).values(previewed=so))

    previewed(False)
    night.clock.at += timedelta(days=3)
    assert night.due() == []
    previewed(True)
    assert night.due() == ["int_1"]


def test_a_clock_that_is_set_back_keeps_no_schedule_waiting(night):
    night.clock.at += timedelta(days=3)
    assert night.run_due() == 1
    night.clock.at -= timedelta(days=3)
    assert night.due() == ["int_1"]


def test_a_clock_that_jumps_ahead_in_mid_run_ends_no_run_and_doubles_nothing(night):
    for number in range(12):
        night.platform.add(first=f"P{number}", email=f"p{number}@x.uk")
    read = night.platform.read

    async def jumping(*arguments, **more):
        async for page in read(*arguments, **more):
            night.clock.at += timedelta(hours=2)
            yield page

    night.platform.read = jumping
    run_id = asyncio.run(night.engine.run("int_1", Trigger.MANUAL))
    with night.store.read() as connection:
        run = connection.execute(select(RUN).where(RUN.c.id == run_id)).one()
    assert (run.outcome, run.inward["created"]) == ("succeeded", 12)
    assert night.run_due() >= 1
    assert len(night.platform.contacts) == 12


def test_what_waits_for_quota_till_tomorrow_is_not_begun_today(night):
    with night.store.write() as connection:
        later = night.clock.now() + timedelta(hours=23)
        connection.execute(update(INTEGRATION).values(next_run_at=later))
    assert night.due() == []

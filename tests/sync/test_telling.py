"""Telling moments between a real store and a platform in memory: once each, through faults, refusals and waiting."""

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from memory_platform import MAPPING, MemoryPlatform, StillClock, config
from sqlalchemy import delete, insert, select, update

from perkstar_tui.model.enums import Direction, Outcome, SourceOfTruth, Trigger
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id
from perkstar_tui.model.remote import Told
from perkstar_tui.platforms.parts import CallSpec, EventsSpec
from perkstar_tui.store.database import Store
from perkstar_tui.sync.config import compile_lines
from perkstar_tui.sync.context import CARD, CURSOR, CUSTOMER, INTEGRATION, LINK, LOG, RUN, TOLD
from perkstar_tui.sync.filters import TO_PERKSTAR, TO_PLATFORM, filter_of
from perkstar_tui.sync.run import Engine, Workbench

LINES = compile_lines(MAPPING, Direction.BOTH, SourceOfTruth.PERKSTAR, "GB")
EVENTS = EventsSpec(call=CallSpec(method="POST", path="/events"), at_once=2, marketing=True)


def mail(id_: str) -> str:
    return f"{id_.lower()}@shop-mail.com"


class Teller(MemoryPlatform):
    """Takes events too. `lose` loses the answer of the next call, `refuses` are customers it takes nothing of."""

    def __init__(self, clock: StillClock) -> None:
        super().__init__(clock)
        self.told: list[Told] = []
        self.lose = False
        self.says = True
        self.refuses: set[str] = set()

    async def tell(self, events: Sequence[Told]) -> list[PerkstarError | None]:
        self.traffic.api_calls += 1
        bad = PerkstarError(ErrorKind.RECORD_REJECTED, "no", vendor_words="nobody of that name")
        answers = [bad if one.remote in self.refuses else None for one in events]
        self.told += [one for one, error in zip(events, answers, strict=True) if error is None]
        if self.lose:
            self.lose = False
            raise PerkstarError(ErrorKind.NETWORK, "the answer was lost")
        return answers

    async def was_told(self, event: Told) -> bool | None:
        self.traffic.api_calls += 1
        return event.key in [one.key for one in self.told] if self.says else None


class Shop:
    """A store with one active integration to a platform that is told of events."""

    def __init__(self, folder: Path, **options: str) -> None:
        self.clock = StillClock()
        self.store = Store.at(folder)
        self.store.upgrade()
        self.platform = Teller(self.clock)
        self.config: dict[str, Any] = {
            "lines": LINES,
            "events": EVENTS,
            "options": {"events": "yes", **options},
        }
        bench = Workbench(lambda row: config(**self.config), lambda row, held: self.platform, lambda: None)
        self.engine = Engine(self.store, bench, self.clock)
        with self.store.write() as connection:
            empty = dict.fromkeys(
                (
                    "form",
                    "remote_account_name",
                    "status_reason",
                    "paused_by",
                    "disconnect_reason",
                    "owner",
                    "purpose",
                ),
                "",
            )
            connection.execute(
                insert(INTEGRATION).values(
                    id="int_1", name="Memory", platform="memory", kind="prebuilt", status="active",
                    created_at=self.clock.now(), activated_at=self.clock.now(), config={"frequency": "manual"},
                    config_version=1, scopes=[], failures=0, previewed=True, **empty,
                )
            )  # fmt: skip

    def customer(self, **fields: Any) -> str:
        id_ = new_id("cus")
        with self.store.write() as connection:
            revision = self.store.next_revisions(connection, 1)
            now = self.clock.now()
            connection.execute(
                insert(CUSTOMER).values(
                    id=id_, revision=revision, provenance={}, created_at=now, updated_at=now,
                    email=mail(id_), email_key=mail(id_), **fields,
                )
            )  # fmt: skip
        return id_

    def edit(self, id_: str, **fields: Any) -> None:
        with self.store.write() as connection:
            revision = self.store.next_revisions(connection, 1)
            connection.execute(
                update(CUSTOMER).where(CUSTOMER.c.id == id_).values(revision=revision, **fields)
            )

    def run(self) -> Any:
        run_id = asyncio.run(self.engine.run("int_1", Trigger.MANUAL))
        with self.store.read() as connection:
            return connection.execute(select(RUN).where(RUN.c.id == run_id)).one()

    def well(self) -> Any:
        run = self.run()
        assert run.outcome == Outcome.SUCCEEDED, run.error
        return run

    @property
    def texts(self) -> list[str]:
        return sorted(one.values["text"] for one in self.platform.told)

    def rows(self, of: Any) -> list[Any]:
        with self.store.read() as connection:
            return list(connection.execute(select(of)))


@pytest.fixture
def shop(tmp_path: Path) -> Any:
    made = Shop(tmp_path)
    yield made
    made.store.close()


def test_a_tier_is_told_once_it_changes_and_then_no_request_is_made(shop: Shop) -> None:
    people = [shop.customer(tier="Silver") for _ in range(5)]
    shop.well()
    assert shop.platform.told == []
    for id_ in people:
        shop.edit(id_, tier="Gold")
    assert shop.well().outward["created"] == 5
    assert shop.texts == ["Tier changed from Silver to Gold."] * 5
    assert len({one.key for one in shop.platform.told}) == 5
    before = shop.platform.traffic.api_calls
    run = shop.well()
    assert run.outward["read"] == 0
    # One read of what changed there, as without events.
    assert shop.platform.traffic.api_calls - before == 1


def test_who_the_filter_leaves_out_is_told_nothing_and_who_is_only_not_taken_in_is(shop: Shop) -> None:
    people = [shop.customer(tier="Silver", first_name=name) for name in ("Ann", "Bob")]
    shop.well()
    text = 'first_name = "Ann"'
    shop.config["sends"] = filter_of({TO_PLATFORM: text}, TO_PLATFORM, date(2026, 11, 24))
    shop.config["takes"] = filter_of({TO_PERKSTAR: "email is empty"}, TO_PERKSTAR, date(2026, 11, 24))
    shop.well()
    for id_ in people:
        shop.edit(id_, tier="Gold")
    shop.well()
    [link] = [row for row in shop.rows(LINK) if row.hub_id == people[0]]
    assert [one.remote for one in shop.platform.told] == [link.remote_id]


@pytest.mark.parametrize("says", [True, False])
def test_a_lost_answer_is_asked_for_and_told_again_only_where_nobody_can_say(shop: Shop, says: bool) -> None:
    people = [shop.customer(tier="Silver") for _ in range(3)]
    shop.well()
    for id_ in people:
        shop.edit(id_, tier="Gold")
    shop.platform.lose, shop.platform.says = True, says
    assert shop.run().outcome == Outcome.FAILED
    assert len(shop.platform.told) == 2
    for _ in range(2):
        shop.well()
    assert len(shop.platform.told) == (3 if says else 5)
    assert len({one.key for one in shop.platform.told}) == 3


def test_what_is_refused_is_logged_and_holds_up_nobody(shop: Shop) -> None:
    people = [shop.customer(tier="Silver") for _ in range(3)]
    shop.well()
    [link] = [row for row in shop.rows(LINK) if row.hub_id == people[1]]
    shop.platform.refuses.add(link.remote_id)
    for id_ in people:
        shop.edit(id_, tier="Gold")
    run = shop.run()
    assert (run.outcome, run.outward["created"], run.outward["held"]) == (Outcome.PARTLY, 2, 1)
    [line] = shop.rows(LOG)
    assert line.record == people[1] and "nobody of that name" in line.message
    assert shop.well().outward["read"] == 0


def test_who_is_not_known_there_yet_is_told_of_later(shop: Shop) -> None:
    id_ = shop.customer(tier="Silver")
    shop.platform.refuse.add(mail(id_))
    shop.run()
    shop.edit(id_, tier="Gold")
    for _ in range(2):
        shop.run()
    assert shop.platform.told == [] and shop.platform.contacts == {}
    shop.platform.refuse.clear()
    shop.clock.at += timedelta(days=2)
    for _ in range(2):
        shop.run()
    assert shop.texts == ["Tier changed from Silver to Gold."]


def test_who_said_no_is_left_out_and_old_news_do_not_come_up_later(shop: Shop) -> None:
    id_ = shop.customer(tier="Silver", marketing_consent="no")
    shop.well()
    shop.edit(id_, tier="Gold")
    assert shop.well().outward["excluded"] == 1
    shop.edit(id_, marketing_consent="yes")
    shop.well()
    assert shop.platform.told == []


def test_what_the_day_brings_is_found_without_a_change(shop: Shop) -> None:
    today = shop.clock.now().date()
    shop.customer(birth_date=f"1990-{today + timedelta(days=2):%m-%d}")
    shop.customer(last_visit=str(today - timedelta(days=88)))
    shop.customer(last_visit=str(today - timedelta(days=200)))
    id_ = shop.customer()
    with shop.store.write() as connection:
        connection.execute(
            insert(CARD).values(
                id="crd_1", revision=1, customer_id=id_, template_id="tpl", kind="reward", balance=7, status="",
                expires_at=shop.clock.now() + timedelta(days=32), created_at=shop.clock.now(),
                updated_at=shop.clock.now(),
            )
        )  # fmt: skip
    shop.well()
    assert shop.platform.told == []
    shop.clock.at += timedelta(days=2)
    shop.well()
    assert [text.partition(" on ")[0].partition(" since ")[0] for text in shop.texts] == [
        "A balance of 7 expires", "Birthday", "No visit",
    ]  # fmt: skip
    shop.clock.at += timedelta(days=1)
    assert shop.well().outward["read"] == 0


def test_a_kind_that_is_switched_on_later_begins_with_how_things_are(shop: Shop) -> None:
    shop.config["options"] = {"events": "birthday"}
    id_ = shop.customer(tier="Silver")
    shop.well()
    shop.edit(id_, tier="Gold")
    shop.config["options"] = {"events": "birthday,tier_changed"}
    shop.well()
    assert shop.platform.told == []
    shop.edit(id_, tier="Silver")
    shop.well()
    assert shop.texts == ["Tier changed from Gold to Silver."]


def test_a_silence_that_has_ended_takes_the_day_out_of_a_field_and_is_no_event(shop: Shop) -> None:
    today = shop.clock.now().date()
    id_ = shop.customer(last_visit=str(today - timedelta(days=90)))
    shop.well()
    shop.edit(id_, last_visit=str(today))
    shop.config["events"] = EventsSpec()
    shop.well()
    assert [one.day for one in shop.platform.told] == [str(today - timedelta(days=90)), ""]
    with shop.store.write() as connection:
        connection.execute(update(TOLD).where(TOLD.c.moment.like("%inactive")).values(occasion="2026-01-01"))
        connection.execute(delete(CURSOR).where(CURSOR.c.leg == "events"))
    shop.config["events"] = EVENTS
    shop.well()
    assert len(shop.platform.told) == 2


def test_switched_off_nothing_is_looked_for(tmp_path: Path) -> None:
    shop = Shop(tmp_path, events="no")
    shop.customer(tier="Silver", birth_date=f"1990-{shop.clock.now():%m-%d}")
    shop.well()
    assert shop.platform.told == [] and shop.rows(TOLD) == []
    shop.store.close()

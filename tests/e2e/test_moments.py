"""Loyalty events at every platform that is told of them: each once, nothing of before, and nobody who said no."""

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from shop import Shop, sandbox
from sqlalchemy import insert, select, update

from perkstar_tui.model.clock import SystemClock
from perkstar_tui.model.enums import DataType
from perkstar_tui.model.ids import new_id
from perkstar_tui.model.remote import MOMENTS
from perkstar_tui.platforms.catalog import load_catalog
from perkstar_tui.store import tables as t
from perkstar_tui.store.database import Store
from perkstar_tui.sync.context import CARD, CUSTOMER, INTEGRATION, LINK, TRANSACTION
from perkstar_tui.sync.moments import TITLES, birthday_in

CUSTOMERS = DataType.CUSTOMERS
CATALOG = {
    name: spec
    for name, manifest in load_catalog(drafts=bool(os.environ.get("PERKSTAR_DRAFTS"))).items()
    if (spec := manifest.data.get(CUSTOMERS)) is not None and spec.events is not None
}
MARKETING = sorted(name for name, spec in CATALOG.items() if spec.events.marketing)
"""Those at which whoever has said no to marketing is left out."""
KINDS = {"salesforce": "tasks", "zoho-crm": "tasks", "pipedrive": "activities"}
"""What events are called in the sandbox, where not `events`."""
EACH = Counter(dict.fromkeys(MOMENTS, 1))


@pytest.fixture(scope="module", params=sorted(CATALOG))
def box(request: pytest.FixtureRequest) -> Iterator[Any]:
    with sandbox("--no-limits", "--only", request.param, customers=24) as made:
        made.platform = request.param
        yield made


class Loyal:
    """A shop in step with a platform, and five people to whom something happens, with one who has said no."""

    def __init__(self, shop: Shop, events: str = "yes") -> None:
        self.shop, self.box, self.platform = shop, shop.box, shop.platform
        self.store = Store.at(shop.program.home)
        shop.connect(self.platform, "--set", f"events={events}")
        assert shop.sync(self.platform)["outcome"] == "succeeded"
        with self.store.read() as connection:
            zone = connection.execute(select(t.Account.c.timezone)).scalar_one()
            mine = select(INTEGRATION.c.id).where(INTEGRATION.c.platform == self.platform)
            here = select(LINK.c.hub_id).where(
                LINK.c.integration_id == mine.scalar_subquery(), LINK.c.state == "linked"
            )
            rows = connection.execute(
                select(CUSTOMER.c.id, CUSTOMER.c.email, CARD.c.serial)
                .join(CARD, CARD.c.customer_id == CUSTOMER.c.id)
                .where(
                    CUSTOMER.c.email.is_not(None),
                    CUSTOMER.c.id.in_(here),
                    CUSTOMER.c.marketing_consent.is_(None) | (CUSTOMER.c.marketing_consent == "yes"),
                )
                .order_by(CUSTOMER.c.id)
            ).all()
        people = list({row.id: row for row in rows}.values())
        assert len(people) > len(MOMENTS)
        self.people = dict(zip([*MOMENTS, "no"], people, strict=False))
        self.today = datetime.now(ZoneInfo(zone)).date()
        self.days = {
            "tier_changed": self.today, "points_expiring": self.today + timedelta(days=10),
            "birthday": self.today, "first_purchase": self.today, "inactive": self.today - timedelta(days=90),
        }  # fmt: skip
        cards = {card["id"]: card for card in self.box.records("perkstar", "cards")}
        self.card_of = {kind: cards[row.serial] for kind, row in self.people.items()}
        self.calm()

    def calm(self) -> None:
        """Nobody of the seed has their birthday today."""
        for record in self.box.records("perkstar"):
            if str(record.get("dateOfBirth") or "")[5:10] == self.today.strftime("%m-%d"):
                self.box.put("perkstar", "customers", record["id"], dateOfBirth="1990-06-15")
        with self.store.write() as connection:
            born = CUSTOMER.c.birth_date.like(f"%-{self.today:%m-%d}")
            connection.execute(update(CUSTOMER).where(born).values(birth_date="1990-06-15"))

    def born_today(self, kind: str) -> None:
        born = f"1990-{self.today:%m-%d}"
        self.box.put("perkstar", "customers", self.card_of[kind]["customerId"], dateOfBirth=born)

    def happen(self) -> None:
        """Something happens to each of the five."""
        tier = {"id": 1, "name": "Gold"}
        self.box.put("perkstar", "cards", self.card_of["tier_changed"]["id"], membershipTier=tier)
        expiring = self.card_of["points_expiring"]
        end = f"{self.days['points_expiring']}T12:00:00+00:00"
        whole = dict.fromkeys(expiring["balance"], 120)
        self.box.put("perkstar", "cards", expiring["id"], expiresAt=end, balance=whole)
        self.born_today("birthday")
        now = datetime.now(UTC)
        with self.store.write() as connection:
            revision = self.store.next_revisions(connection, 2)
            connection.execute(
                update(CUSTOMER)
                .where(CUSTOMER.c.id == self.people["inactive"].id)
                .values(last_visit=str(self.days["inactive"]), revision=revision)
            )
            connection.execute(
                insert(TRANSACTION).values(
                    id=new_id("trn"), revision=revision + 1, integration_id="int_till", remote_id="s1",
                    line_kind="sale", customer_id=self.people["first_purchase"].id, happened_at=now, currency="GBP",
                    total_minor=1250, base_minor=1250, earned=0, reversed=0, owed=0, state="none", reason="", mark="",
                    contact={}, created_at=now,
                )
            )  # fmt: skip

    def told(self) -> Counter[str]:
        """What the platform was told, by kind."""
        spec = CATALOG[self.platform].events
        if spec.call is None:
            return self.in_fields()
        found: Counter[str] = Counter()
        for record in self.box.records(self.platform, KINDS.get(self.platform, "events")):
            words = re.sub(r"[_\W]+", " ", json.dumps(record)).lower()
            found.update(kind for kind, title in TITLES.items() if f" perkstar {title.lower()} " in words)
        return found

    def in_fields(self) -> Counter[str]:
        """Whose fields at the platform have their day."""
        kind = self.box.ask("/platforms")["platforms"][self.platform]["people"]
        texts = [json.dumps(record) for record in self.box.records(self.platform, kind)]
        found: Counter[str] = Counter()
        for moment, day in self.days.items():
            [mine] = [text for text in texts if self.people[moment].email.lower() in text.lower()]
            # The day of the last visit stands in a field of its own besides.
            found[moment] += mine.count(f'"{day}"') > (moment == "inactive")
        return found

    def sync(self) -> dict[str, Any]:
        run = self.shop.sync(self.platform)
        assert run["outcome"] == "succeeded", run
        return run


@pytest.fixture
def shop(box: Any, tmp_path: Path) -> Shop:
    box.ask("/reset", {})
    box.faults(box.platform)
    return Shop(box, tmp_path / "home", inside=True)


@contextmanager
def later(days: int) -> Iterator[None]:
    """The program's own clock so many days ahead."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SystemClock, "now", lambda self: datetime.now(UTC) + timedelta(days=days))
        yield


def test_each_of_the_five_arrives_once_as_the_preview_says(shop: Shop) -> None:
    loyal = Loyal(shop)
    assert not +loyal.told()
    loyal.happen()
    notes = " ".join(shop.well("preview", shop.platform)["notes"])
    assert not +loyal.told()
    # What happened in the cloud is read by the run itself.
    assert "Loyalty events to be told: 1 first purchase, 1 inactive." in notes
    first = loyal.sync()
    assert +loyal.told() == EACH
    assert first["outward"]["created"] >= len(MOMENTS)
    assert first["outward"]["held"] == first["outward"]["failed"] == 0
    for _ in range(2):
        again = loyal.sync()
        assert again["outward"]["created"] == 0
    assert +loyal.told() == EACH


def test_a_run_with_nothing_to_tell_costs_no_request_more(shop: Shop, box: Any, tmp_path: Path) -> None:
    loyal = Loyal(shop)
    loyal.sync()
    before = len(box.requests(shop.platform))
    loyal.sync()
    with_events = len(box.requests(shop.platform)) - before
    shop.well("edit", shop.platform, "--set", "events=no")
    loyal.sync()
    assert len(box.requests(shop.platform)) - before == 2 * with_events


def test_without_the_option_nothing_is_told(shop: Shop) -> None:
    loyal = Loyal(shop, "no")
    loyal.happen()
    loyal.sync()
    assert not +loyal.told()


def test_only_the_kinds_that_were_chosen_are_told(shop: Shop) -> None:
    loyal = Loyal(shop, "birthday,inactive")
    loyal.happen()
    loyal.sync()
    assert +loyal.told() == Counter(["birthday", "inactive"])


def test_an_event_whose_answer_is_lost_is_not_told_twice(shop: Shop, box: Any) -> None:
    loyal = Loyal(shop)
    loyal.happen()
    spec = CATALOG[shop.platform].events
    path = re.sub(r"\\?\{\w+\\?\}", "[^/]+", spec.call.path) if spec.call is not None else ".*"
    box.faults(
        shop.platform,
        rules=[{"effect": "reset", "method": "POST|PUT|PATCH", "path": f".*{path}", "nth": 1, "times": 1}],
    )
    shop.sync(shop.platform)
    box.faults(shop.platform)
    for _ in range(2):
        loyal.sync()
    assert +loyal.told() == EACH


@pytest.mark.parametrize("box", MARKETING, indirect=True)
def test_who_said_no_to_marketing_is_left_out(shop: Shop, tmp_path: Path) -> None:
    loyal = Loyal(shop)
    people = tmp_path / "people.csv"
    people.write_text(f"email,marketing_consent\n{loyal.people['no'].email},no\n")
    assert shop.well("customers", "import", str(people))
    loyal.born_today("no")
    loyal.happen()
    run = loyal.sync()
    assert +loyal.told() == EACH
    assert run["outward"]["excluded"] >= 1
    if CATALOG[shop.platform].events.call is None:
        loyal.people["birthday"] = loyal.people["no"]
        assert not loyal.in_fields()["birthday"]


def test_a_year_later_there_is_a_birthday_again(shop: Shop) -> None:
    loyal = Loyal(shop)
    loyal.happen()
    loyal.sync()
    next_year = birthday_in(loyal.today.year + 1, f"1990-{loyal.today:%m-%d}")
    with later((next_year - loyal.today).days):
        run = loyal.sync()
        assert run["outward"]["created"] >= 1
        if CATALOG[shop.platform].events.call is not None:
            assert +loyal.told() == EACH + Counter(["birthday"])
        again = loyal.sync()
    assert again["outward"]["created"] == 0


def test_settings_that_make_no_sense_are_named_with_the_remedy(shop: Shop) -> None:
    shop.connect(shop.platform)
    for given, word in (
        ("events=wedding", "wedding"),
        ("inactive_days=0", "'0'"),
        ("expiring_days=x", "'x'"),
    ):
        code, answer = shop.run("edit", shop.platform, "--set", given)
        assert code and word in answer["error"]["message"] and answer["error"]["remedy"]

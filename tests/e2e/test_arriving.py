"""What arrived of what was told, at a platform that answers well to everything: a step of `perkstar test`."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from shop import Shop, sandbox

from perkstar_tui.hub import bench
from perkstar_tui.model.clock import SystemClock

NAME = "google-analytics"
READS = ("property_id", "client_id", "client_secret", "refresh_token")


class Ahead(SystemClock):
    """The machine's time, and as many hours more as a test lets pass."""

    hours = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(hours=Ahead.hours)


@pytest.fixture(scope="module")
def box() -> Iterator[Any]:
    with sandbox("--no-limits", "--only", f"square,{NAME}", customers=20) as made:
        made.platform = NAME
        yield made


@pytest.fixture
def shop(box: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop whose till has been read already."""
    monkeypatch.setattr(bench, "SystemClock", Ahead)
    Ahead.hours = 0.0
    box.ask("/reset", {})
    made = Shop(box, tmp_path / "home", inside=True)
    made.connect_till()
    return made


def connect(shop: Shop, **other: str) -> None:
    given = {name: value for name, value in (shop.box.credentials(NAME) | other).items() if value}
    shop.well("connect", NAME, "--credentials-stdin", "--direction", "to-platform", stdin=given)


def later(shop: Shop, hours: float) -> None:
    """Time passes everywhere."""
    Ahead.hours += hours
    shop.box.ask("/clock", {"advance_s": hours * 3600})


def arrived(shop: Shop) -> dict[str, Any]:
    """The step, which comes last; the exit code of the whole test is its own, the rest being well."""
    code, view = shop.run("test", NAME)
    (*before, step) = view["steps"]
    assert all(one["ok"] for one in before) and step["name"] == "what arrived", view
    assert code == (0 if step["ok"] else 1) and view["ok"] is step["ok"]
    return dict(step)


def test_what_was_told_is_held_against_what_is_seen(shop: Shop) -> None:
    connect(shop)
    assert arrived(shop)["message"] == "Nothing was told of the last 3 days."
    assert shop.sync(NAME)["outward"]["created"] > 0
    sent = Counter(event["name"] for event in shop.box.records(NAME, "events"))
    step = arrived(shop)
    assert step["ok"] and "may still be on its way" in step["message"]
    for name, count in sent.items():
        assert f"{name}: {count} told, 0 seen so far" in step["message"]
    later(shop, 50)
    step = arrived(shop)
    assert step["ok"] and "on its way" not in step["message"]
    numbers = re.search(r"purchase: (\d+) told, (\d+) seen so far", step["message"])
    # What happened around midnight may be of the day before by the property's own clock.
    assert numbers and 0 < int(numbers[2]) <= int(numbers[1]) <= sent["purchase"]


def test_a_wrong_secret_is_noticed_after_two_days_with_what_to_do(shop: Shop) -> None:
    connect(shop)
    shop.box.ask(f"/{NAME}/tokens:issue", {})
    run = shop.sync(NAME)
    assert run["outcome"] == "succeeded" and run["outward"]["created"] > 0
    assert shop.box.records(NAME, "events") == []
    assert arrived(shop)["ok"]
    later(shop, 50)
    step = arrived(shop)
    assert not step["ok"] and "more than 48 hours ago is there" in step["message"]
    assert "API secret or the measurement ID is wrong" in step["remedy"]


def test_a_wrong_measurement_id_is_noticed_the_same_way(shop: Shop) -> None:
    connect(shop, measurement_id="G-0000000000")
    shop.sync(NAME)
    later(shop, 50)
    assert not arrived(shop)["ok"]


def test_without_what_reads_it_is_said_how_to_have_it_and_it_is_added_later(shop: Shop) -> None:
    connect(shop, **dict.fromkeys(READS, ""))
    step = arrived(shop)
    assert step["ok"] and step["message"].startswith("Not checked")
    assert "Property ID" in step["remedy"] and "Refresh token" in step["remedy"]
    given = {name: shop.box.credentials(NAME)[name] for name in READS}
    shop.well("reconnect", NAME, "--credentials-stdin", stdin=given)
    assert arrived(shop)["message"].startswith("Nothing was told")
    assert shop.sync(NAME)["outcome"] == "succeeded" and shop.box.records(NAME, "events")


def test_a_new_secret_keeps_what_reads(shop: Shop) -> None:
    connect(shop)
    secret = shop.box.ask(f"/{NAME}/tokens:issue", {})["api_secret"]
    shop.well("reconnect", NAME, "--credentials-stdin", stdin={"api_secret": secret})
    assert arrived(shop)["message"].startswith("Nothing was told")
    shop.sync(NAME)
    assert shop.box.records(NAME, "events")


@pytest.mark.parametrize(
    ("wrong", "words", "remedy"),
    [
        ({"property_id": "12345"}, "does not have sufficient permissions", "property ID"),
        ({"refresh_token": "1//0gone"}, "expired or revoked", "refresh token"),
    ],
)
def test_who_may_not_read_is_told_in_the_vendors_words(
    shop: Shop, wrong: dict[str, str], words: str, remedy: str
) -> None:
    connect(shop, **wrong)
    assert shop.sync(NAME)["outcome"] == "succeeded"
    step = arrived(shop)
    assert not step["ok"] and words in step["message"]
    assert remedy in step["remedy"] or "Make a new one" in step["remedy"]


def test_access_that_was_withdrawn_is_told(shop: Shop) -> None:
    connect(shop)
    shop.box.ask(f"/{NAME}/tokens:revoke", {})
    step = arrived(shop)
    assert not step["ok"] and "gives no access for this refresh token" in step["message"]

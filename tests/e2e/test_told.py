"""Platforms that can't be read: everything comes by deliveries to an address that a person enters there."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eventually import eventually
from shop import Shop, told_by

from perkstar_tui.model.enums import DataType
from perkstar_tui.platforms.catalog import load_catalog

TOLD = sorted(
    name
    for name, manifest in load_catalog(drafts=bool(os.environ.get("PERKSTAR_DRAFTS"))).of_vendors().items()
    if DataType.CUSTOMERS in manifest.data and not manifest.read_by_calls
)


@pytest.fixture(scope="module", params=TOLD)
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A connected platform whose address for deliveries is entered, and a worker that listens there."""
    home = Path(tmp_path_factory.mktemp("home")) / "home"
    with told_by(
        request.param, home, "--data", "customers,transactions", "--set", "issue_cards=always", "--set",
        "credit_from=2000-01-01", "--set", "currency=GBP",
    ) as shop:  # fmt: skip
        yield shop


def sync(shop: Shop, *arguments: str) -> dict[str, Any]:
    """A run of ours, once the worker's own is over."""

    def ran() -> dict[str, Any]:
        _, answer = shop.run("sync", shop.platform, "--wait", *arguments)
        return dict(answer) if "outcome" in answer else {}

    return dict(eventually(ran))


def address(shop: Shop) -> str:
    return str(shop.well("show", shop.platform)["hook_address"])


def people(shop: Shop) -> str:
    platform = shop.platform
    return str(shop.box.ask("/platforms")["platforms"][platform]["people"])


def counts(shop: Shop) -> dict[str, Any]:
    return dict(shop.well("show", shop.platform)["counts"])


@pytest.mark.parametrize("count", [200, pytest.param(500, marks=pytest.mark.long)])
def test_everybody_who_is_told_of_comes_in_once_and_changes_follow(
    told: Shop, count: int, record_property: Any
) -> None:
    platform, box, kind = told.platform, told.box, people(told)
    before = counts(told)["linked"]
    seeded = box.ask("/perkstar/duplicates/customers")["groups"]
    began, asked = time.perf_counter(), len(box.requests(platform))
    fresh = box.ask(f"/{platform}/records/{kind}:generate", {"count": count})["ids"]
    eventually(lambda: counts(told)["linked"] >= before + count, 90)
    seconds = time.perf_counter() - began
    sync(told)
    box.ask(f"/{platform}/people/{fresh[0]}", {"first": "Renamed", "last": "There"}, "PUT")

    def renamed() -> bool:
        return any(record["firstName"] == "Renamed" for record in box.records("perkstar"))

    eventually(renamed, 60)
    sync(told)
    quiet = sync(told)
    assert quiet["outcome"] == "succeeded"
    assert all(quiet[way][what] == 0 for way in ("inward", "outward") for what in ("created", "updated"))
    verdict = box.check()["platforms"][platform]
    assert verdict["linked"] == verdict["equal"] == verdict["expected_linked"], verdict
    assert box.ask("/perkstar/duplicates/customers")["groups"] == seeded
    requests = len(box.requests(platform)) - asked
    record_property(
        "platform",
        f"{platform:<18}{count:>8}{requests:>10}{0:>8}{'told':>7}"
        f"{len(verdict['duplicates']):>12}{quiet['inward']['failed']:>8}{seconds:>9.1f}",
    )


def test_a_full_resync_goes_through_what_was_told_and_believes_nobody_gone(told: Shop) -> None:
    platform = told.platform
    told.box.ask(f"/{platform}/records/{people(told)}:generate", {"count": 3})
    sync(told)
    before = counts(told)["linked"]
    again = sync(told, "--full")
    assert again["outcome"] == "succeeded", again
    assert again["inward"]["created"] == again["inward"]["updated"] == again["inward"]["failed"] == 0
    assert counts(told)["linked"] == before > 0


def test_what_is_told_to_be_paid_is_credited_once(told: Shop) -> None:
    platform, box = told.platform, told.box
    box.ask(f"/{platform}/records/{people(told)}:generate", {"count": 5})
    box.faults(platform, rules=[{"effect": "webhook-repeat", "probability": 1.0}])
    sold = box.ask(f"/{platform}/records/transactions:generate", {"count": 10})["ids"]
    box.faults(platform)

    def credited() -> bool:
        items = told.well("transactions", "--limit", "100")["items"]
        return sorted(i["remote_id"] for i in items if i["state"] == "credited") == sorted(sold)

    eventually(credited, 90)
    items = {i["remote_id"]: i for i in told.well("transactions", "--limit", "100")["items"]}
    for record in box.records(platform, "transactions"):
        paid = record["cashAmount"] + record["ccAmount"]
        assert items[record["transactionId"]]["total_minor"] == round(paid * 100)
        assert items[record["transactionId"]]["currency"] == "GBP"


def test_a_delivery_to_a_wrong_address_is_told_nothing_and_kept_nowhere(told: Shop) -> None:
    import httpx

    right = address(told)
    body = {"id": "forged", "createdDate": "2026-01-01T00:00:00Z", "type": "customer", "action": "created",
            "payload": {"customerId": "forged", "customerFirstName": "Forged", "email": "f@shop.uk"}}  # fmt: skip
    with httpx.Client(trust_env=False) as client:
        assert client.post(right[:-3] + "AAA", json=body).status_code == 404
        assert client.post(right, content=b"{").status_code == 401
    sync(told)
    assert not any(record["firstName"] == "Forged" for record in told.box.records("perkstar"))

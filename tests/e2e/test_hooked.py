"""Addresses that have to be proved at the platform, by a person or by a call: then a change there comes in at once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eventually import eventually
from shop import Shop, sandbox, working

from perkstar_tui.platforms.catalog import load_catalog

CATALOG = load_catalog()
PROVED = sorted(
    name
    for name, manifest in CATALOG.items()
    if (hooks := manifest.webhooks) is not None
    and manifest.read_by_calls
    and (hooks.by_hand or (hooks.greeting is not None and hooks.greeting.confirm is not None))
)


@pytest.fixture(params=PROVED)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    """A connected platform and a worker that listens."""
    with sandbox("--no-limits", "--only", request.param, customers=20) as box:
        box.platform = request.param
        made = Shop(box, tmp_path / "home")
        made.connect(request.param, "--data", "customers", "--frequency", "realtime")
        made.sync(request.param)
        with working(made):
            yield made


def view(shop: Shop) -> dict[str, Any]:
    return dict(shop.well("show", shop.platform))


def enter(shop: Shop) -> None:
    """What a person does at the platform: address, code out of the log, key into the settings."""
    platform, box = shop.platform, shop.box
    url = eventually(lambda: view(shop)["hook_address"])
    assert view(shop)["listening"] == "polling only"
    asked = {"url": url}
    shown = box.ask(f"/{platform}/webhooks", asked)
    if "key" not in shown:
        [said] = eventually(lambda: [m for m in messages(shop) if "its code is" in m])
        code = said.rpartition(" ")[2].rstrip(".")
        shown = box.ask(f"/{platform}/webhooks", {**asked, "code": code})
    before = box.ask(f"/{platform}/deliveries")["deliveries"]
    if shown["active"]:
        # Nothing is believed as long as the key is not known.
        rename(shop, "Early")
        eventually(lambda: box.ask(f"/{platform}/deliveries")["deliveries"][len(before) :])
        assert all(
            one["status"] == 401 for one in box.ask(f"/{platform}/deliveries")["deliveries"][len(before) :]
        )
    code, refused = shop.run("edit", platform, "--set", f"webhook_key={shown['key']}")
    assert code == 2 and "webhook_key=-" in refused["error"]["remedy"] and shown["key"] not in str(refused)
    edited = shop.well("edit", platform, "--set", "webhook_key=-", stdin=f"{shown['key']}\n")
    assert shown["key"] not in str(edited) and shown["key"] not in str(shop.well("history", platform))
    eventually(lambda: box.ask(f"/{platform}/webhooks", asked)["active"])


def messages(shop: Shop) -> list[str]:
    return [line["message"] for line in shop.well("logs", shop.platform, "--limit", "50")["items"]]


def rename(shop: Shop, first: str) -> str:
    """Somebody who is linked gets another name at the platform; answers the id there."""
    platform = shop.platform
    person = next(p for p in shop.box.people() if p["expected"].get(platform) == "linked")
    id_ = str(person["ids"][platform][0])
    shop.box.ask(f"/{platform}/people/{id_}", {"first": first, "last": "There"}, "PUT")
    return id_


def test_an_address_is_proved_and_a_change_there_comes_in_at_once(shop: Shop) -> None:
    hooks = CATALOG[shop.platform].webhooks
    assert hooks is not None
    if hooks.by_hand:
        enter(shop)
    eventually(lambda: view(shop)["listening"] == "webhooks")

    def arrived() -> bool:
        rename(shop, "Hooked")
        return any(record["firstName"] == "Hooked" for record in shop.box.records("perkstar"))

    eventually(arrived, 60)
    assert any(
        run["trigger"] == "webhook" for run in shop.well("runs", shop.platform, "--limit", "20")["items"]
    )

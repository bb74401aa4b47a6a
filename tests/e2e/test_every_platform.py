"""Every platform of the catalog, by commands: first sync both ways, edits on both sides, and nothing to do after."""

import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shop import Box, Shop, sandbox

from perkstar_tui.model.enums import DataType
from perkstar_tui.platforms.catalog import load_catalog
from perkstar_tui.platforms.manifest import Manifest

CATALOG = {
    name: manifest
    for name, manifest in load_catalog(drafts=bool(os.environ.get("PERKSTAR_DRAFTS"))).of_vendors().items()
    if not manifest.system and manifest.read_by_calls
}
"""Those that can be read; what only tells is tried in `test_told.py`, what only takes in `test_rows.py`."""


SELLING = sorted(
    name
    for name, manifest in CATALOG.items()
    if DataType.TRANSACTIONS in manifest.data and manifest.data[DataType.TRANSACTIONS].to_perkstar
)


@pytest.fixture(scope="module", params=sorted(CATALOG))
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with sandbox("--no-limits", "--only", request.param, customers=20) as box:
        box.platform = request.param
        yield Shop(box, Path(tmp_path_factory.mktemp("home")) / "home", inside=True)


def names(box: Box, platform: str) -> dict[str, str]:
    """The kind of people at a platform."""
    return {"platform": box.ask("/platforms")["platforms"][platform]["people"]}


def ideal(manifest: Manifest, there: int, made: int, changed: int) -> int:
    """The fewest requests for reading all, making and changing so many records, and proving who one is.

    Where the vendor writes by jobs, each is asked once whether it is done, and the new ids are read a page at a time;
    an export is ordered, asked for and fetched, behind a page where it is only worth it for many; a walk by spans has a
    page for each at least. No request writes where nothing is taken.
    """
    spec = manifest.data[DataType.CUSTOMERS]
    size = spec.first_page_size or spec.page_size
    per = 1 if spec.singly else spec.batch_create
    writes = math.ceil(made / per) + math.ceil(changed / per)
    job = spec.write.job if spec.write is not None else None
    asked = 0 if job is None else writes + math.ceil(made / job.size)
    read = math.ceil(there / size)
    if spec.export is not None and spec.export.above is None:
        read = 3
    elif spec.export is not None and there > max(size, spec.export.above or 0):
        read = 4
    elif spec.read is not None and spec.read.walk == "span":
        read = max(read, math.ceil(spec.read.reach_s / spec.read.span_s) + math.ceil(made / size))
    writes = writes if spec.to_platform else 0
    return read + writes + asked + 1


@pytest.mark.parametrize("count", [200, pytest.param(500, marks=pytest.mark.long)])
def test_a_platform_is_kept_in_step_both_ways(
    shop: Shop, count: int, record_property: Any, tmp_path: Path
) -> None:
    platform = shop.platform
    manifest, box = CATALOG[platform], shop.box
    spec = manifest.data[DataType.CUSTOMERS]
    box.ask("/reset", {})
    shop = Shop(box, tmp_path / "home", inside=True)
    people = box.ask("/platforms")["platforms"][platform]["people"]
    seeded = box.ask(f"/{platform}/duplicates/{people}")["groups"]
    fresh = box.ask(f"/{platform}/records/{people}:generate", {"count": count})["ids"]
    ours = box.ask("/perkstar/records/customers:generate", {"count": count})["ids"]
    box.ask("/clock", {"advance_s": 120})
    shop.connect(platform, "--data", "customers")
    began, asked = time.perf_counter(), len(box.requests(platform))
    first = shop.sync(platform)
    seconds = time.perf_counter() - began
    requests = len(box.requests(platform)) - asked
    assert first["outcome"] == "succeeded", first
    assert (
        first["inward"]["created"] >= count and first["inward"]["failed"] == first["outward"]["failed"] == 0
    )
    if spec.to_platform:
        assert first["outward"]["created"] >= count
    box.ask(f"/{platform}/people/{fresh[0]}", {"first": "Renamed", "last": "There"}, "PUT")
    box.ask(f"/perkstar/people/{ours[0]}", {"first": "Renamed", "last": "Here"}, "PUT")
    box.ask("/clock", {"advance_s": 120})
    second = shop.sync(platform)
    assert second["outcome"] == "succeeded"
    assert second["inward"]["updated"] == 1, second["inward"]
    there = [record for record in box.records(platform, people) if "Renamed" in str(record)]
    here = [record for record in box.records("perkstar") if record["firstName"] == "Renamed"]
    assert len(here) == 2 and len(there) == (2 if spec.to_platform else 1)
    verdict = box.check()["platforms"][platform]
    assert verdict["linked"] == verdict["equal"] == verdict["expected_linked"], verdict
    assert box.ask(f"/{platform}/duplicates/{people}")["groups"] == seeded
    shop.sync(platform)
    quiet = len(box.requests(platform))
    last = shop.sync(platform)
    assert all(last[way][what] == 0 for way in ("inward", "outward") for what in ("created", "updated"))
    assert not any(r["writes"] for r in box.requests(platform)[quiet:])
    total = len(box.records(platform, people))
    least = ideal(manifest, total - first["outward"]["created"], first["outward"]["created"],
                  first["outward"]["updated"])  # fmt: skip
    assert requests <= 1.2 * least, (requests, least)
    record_property(
        "platform",
        f"{platform:<18}{total:>8}{requests:>10}{least:>8}{requests / least:>7.2f}"
        f"{len(verdict['duplicates']):>12}{first['inward']['failed'] + first['outward']['failed']:>8}{seconds:>9.1f}",
    )


@pytest.mark.parametrize("shop", SELLING, indirect=True)
def test_sales_of_a_platform_are_credited_once_and_refunds_taken_back_once(
    shop: Shop, tmp_path: Path
) -> None:
    platform = shop.platform
    box = shop.box
    box.ask("/reset", {})
    shop = Shop(box, tmp_path / "home", inside=True)
    credit_from = box.ask("/world/sales")["credit_from"]
    shop.connect(
        platform, "--data", "customers,transactions", "--set", f"credit_from={credit_from}",
        "--set", "issue_cards=sale",
    )  # fmt: skip
    for _ in range(2):
        assert shop.sync(platform)["outcome"] == "succeeded"
        box.ask("/clock", {"advance_s": 120})
    said = box.check()["sales"]
    assert said["credited_once"] == said["expected"] > 0, said
    assert said["reversed_once"] == said["refunds_expected"], said
    assert said["credited_twice"] == said["wrongly_credited"] == said["reversed_twice"] == 0, said

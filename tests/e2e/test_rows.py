"""Platforms that only take rows or events: each fact told once, changes once more, and nobody named."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shop import Shop, sandbox

from perkstar_tui.model.enums import DataType
from perkstar_tui.platforms.catalog import load_catalog

CATALOG = load_catalog(drafts=bool(os.environ.get("PERKSTAR_DRAFTS"))).of_vendors()
TAKERS = sorted(
    name
    for name, manifest in CATALOG.items()
    if (data := manifest.data.get(DataType.TRANSACTIONS)) is not None and data.rows is not None
)
ASKED = sorted(name for name in TAKERS if CATALOG[name].data[DataType.TRANSACTIONS].rows.there is not None)
WHOLE = sorted(name for name in TAKERS if CATALOG[name].data[DataType.TRANSACTIONS].rows.whole)
CORRECTED = sorted(
    name for name in TAKERS if name not in WHOLE and not CATALOG[name].data[DataType.TRANSACTIONS].rows.once
)


@pytest.fixture(scope="module", params=TAKERS)
def box(request: pytest.FixtureRequest) -> Iterator[Any]:
    with sandbox("--no-limits", "--only", f"square,{request.param}", customers=20) as made:
        made.platform = request.param
        yield made


@pytest.fixture
def shop(box: Any, tmp_path: Path) -> Shop:
    """A shop whose till has been read already, and a platform that is told of it."""
    box.ask("/reset", {})
    box.faults(box.platform)
    made = Shop(box, tmp_path / "home", inside=True)
    made.connect_till()
    made.connect(box.platform, "--direction", "to-platform")
    return made


KINDS = {"google-analytics": "events"}
"""What the pieces that were told are called in the sandbox, where not `rows`."""
TABLES = sorted(name for name in TAKERS if name != "google-analytics")
"""Those whose rows are like ours; events have another form."""


def told(box: Any) -> list[dict[str, Any]]:
    """Every row or event that the platform has, but for the things that hold them."""
    return [dict(record) for record in box.records(box.platform, KINDS.get(box.platform, "rows"))]


def test_every_fact_is_told_once_as_the_preview_says_and_nothing_the_second_time(
    shop: Shop, box: Any
) -> None:
    foreseen = shop.well("preview", box.platform)
    assert told(box) == [] and foreseen["outward"]["create_total"] > 0
    first = shop.sync(box.platform)
    assert first["outward"]["created"] == foreseen["outward"]["create_total"]
    assert first["outcome"] == "succeeded", first
    rows = told(box)
    assert rows and first["outward"]["created"] > 0
    assert first["outward"]["failed"] == first["outward"]["held"] == 0
    again = shop.sync(box.platform)
    assert again["outcome"] == "succeeded"
    assert again["outward"]["created"] == again["outward"]["updated"] == 0
    assert told(box) == rows


def test_sales_are_told_with_their_amounts_and_refunds_as_such(shop: Shop, box: Any) -> None:
    counts = shop.sync(box.platform)["outward"]
    ledger = shop.well("transactions")["items"]
    assert counts["created"] + counts["excluded"] >= len(ledger) > 0
    rows = told(box)
    if box.platform in TABLES:
        sales = {row["id"]: row["amount"] for row in rows if row.get("kind") == "sale"}
        assert sales == {item["id"]: item["total_minor"] / 100 for item in ledger if item["kind"] == "sale"}
        assert len({row.get("key", row["id"]) for row in rows}) == len(rows)
    else:
        bought = [row for row in rows if row["name"] == "purchase"]
        assert bought and len({row["params"]["transaction_id"] for row in bought}) == len(bought)
        amounts = {item["total_minor"] / 100 for item in ledger if item["kind"] == "sale"}
        assert {row["params"]["value"] for row in bought} <= amounts


def test_nobody_is_named_unless_the_admin_has_chosen_so(shop: Shop, box: Any) -> None:
    shop.sync(box.platform)
    people = [record for record in box.records("perkstar") if record["email"]]
    text = str(told(box))
    assert people and not any(person["email"].lower() in text.lower() for person in people)
    assert not any(person["surname"] in text for person in people if person["surname"])


def test_an_expired_credential_is_renewed(shop: Shop, box: Any) -> None:
    box.ask(f"/{box.platform}/tokens:expire", {})
    assert shop.sync(box.platform)["outcome"] == "succeeded"
    assert told(box)


@pytest.mark.parametrize("box", ASKED, indirect=True)
def test_rows_whose_answer_is_lost_are_not_told_twice(shop: Shop, box: Any) -> None:
    box.faults(
        box.platform, rules=[{"effect": "reset", "method": "POST", "path": ".*/rows", "nth": 1, "times": 1}]
    )
    broken = shop.sync(box.platform)
    box.faults(box.platform)
    for _ in range(2):
        assert shop.sync(box.platform)["outcome"] == "succeeded"
    rows = told(box)
    assert broken["outcome"] == "failed" and rows
    assert len({row["key"] for row in rows}) == len(rows)


@pytest.mark.parametrize("box", CORRECTED, indirect=True)
def test_what_changes_is_told_once_more_in_a_higher_version(shop: Shop, box: Any, tmp_path: Path) -> None:
    shop.sync(box.platform)
    before = len(told(box))
    import_french(shop, box, tmp_path)
    changed = shop.sync(box.platform)["outward"]
    rows = told(box)
    assert changed["updated"] == 1 and len(rows) == before + 1
    assert [(row["version"], row["country"]) for row in rows if row.get("country") == "FR"] == [(2, "FR")]


def import_french(shop: Shop, box: Any, tmp_path: Path) -> None:
    """Somebody moves to France."""
    email = next(record["email"] for record in box.records("perkstar") if record["email"])
    people = tmp_path / "people.csv"
    people.write_text(f"email,country\n{email},FR\n")
    assert shop.well("customers", "import", str(people))


@pytest.mark.parametrize("box", WHOLE, indirect=True)
def test_a_table_in_which_something_changed_is_published_whole_and_the_other_is_left(
    shop: Shop, box: Any, tmp_path: Path
) -> None:
    shop.sync(box.platform)
    before = told(box)
    published = len(box.requests(box.platform))
    import_french(shop, box, tmp_path)
    changed = shop.sync(box.platform)["outward"]
    rows = told(box)
    assert (changed["created"], changed["updated"]) == (0, 1) and len(rows) == len(before)
    assert sorted(row["id"] for row in rows) == sorted(row["id"] for row in before)
    assert [row["id"] for row in rows if row.get("country") == "FR"] == [
        row["id"] for row in before if row not in rows
    ]
    writes = [call for call in box.requests(box.platform)[published:] if call["writes"]]
    assert len(writes) == 1


@pytest.mark.parametrize("box", WHOLE, indirect=True)
def test_a_full_resync_publishes_again_what_somebody_deleted_there(shop: Shop, box: Any) -> None:
    shop.sync(box.platform)
    before = told(box)
    box.ask("/reset", {})
    assert told(box) == []
    assert shop.sync(box.platform, "--full")["outcome"] == "succeeded"
    assert len(told(box)) == len(before)


@pytest.mark.parametrize("box", WHOLE, indirect=True)
def test_a_publishing_whose_answer_is_lost_leaves_each_row_once(shop: Shop, box: Any) -> None:
    box.faults(
        box.platform,
        rules=[{"effect": "reset", "method": "POST", "path": ".*/datasources", "nth": 1, "times": 1}],
    )
    assert shop.sync(box.platform)["outcome"] == "succeeded"
    rows = told(box)
    assert rows and len({row["id"] for row in rows}) == len(rows)


@pytest.mark.parametrize("box", WHOLE, indirect=True)
def test_a_project_that_is_not_there_is_named_with_the_remedy(shop: Shop, box: Any) -> None:
    shop.well("edit", box.platform, "--set", "project=Nowhere")
    run = shop.sync(box.platform)
    assert run["outcome"] == "failed" and "Nowhere" in run["error"]["message"]
    assert "--set project=" in run["error"]["remedy"]
    assert told(box) == []

"""A platform from the admin's own manifest: checked, tried, added, and kept in step like any other."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from program import Program
from till import KEY, MANIFEST, Till, till

from perkstar_tui.platforms.catalog import PLANNED

CREDENTIAL = {"api_key": KEY}


@pytest.fixture
def shop() -> Iterator[Till]:
    with till(120) as running:
        yield running


@pytest.fixture
def perkstar(tmp_path: Path) -> Program:
    program = Program(tmp_path / "home", None)
    program.well("login", "--local", "Corner shop")
    return program


def test_a_manifest_is_checked_and_each_reading_part_is_tried(perkstar: Program, shop: Till) -> None:
    url = f"http://127.0.0.1:{shop.port}"
    view = perkstar.well("catalog", "validate", str(MANIFEST))
    assert (view["ok"], view["name"], view["complaints"]) == (True, "my-till", [])
    given = {**CREDENTIAL, "port": str(shop.port)}
    tried = perkstar.well(
        "catalog", "validate", str(MANIFEST), "--try", url, "--credentials-stdin", stdin=given
    )
    assert [step["name"] for step in tried["trial"]["steps"]] == [
        "identify", "customers: fields", "customers: read", "customers: mapping", "customers: fetch",
        "customers: find by email",
    ]  # fmt: skip
    assert all(step["ok"] for step in tried["trial"]["steps"])
    assert not [line for line in shop.requests if not line.startswith("GET")]


def test_a_trial_with_a_wrong_key_says_so_and_goes_no_further(perkstar: Program, shop: Till) -> None:
    given = {"api_key": "wrong", "port": str(shop.port)}
    code, tried = perkstar.run(
        "catalog", "validate", str(MANIFEST), "--try", f"http://127.0.0.1:{shop.port}", "--credentials-stdin",
        stdin=given,
    )  # fmt: skip
    assert code == 1
    [step] = tried["trial"]["steps"]
    assert not step["ok"] and "who are you?" in step["message"] and step["remedy"]


def test_a_manifest_that_is_wrong_is_not_taken_and_leaves_nothing(perkstar: Program, tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(MANIFEST.read_text().replace('header = "X-Key"\n', ""))
    code, answer = perkstar.run("catalog", "add", str(file))
    assert code == 2
    assert "line 6" in answer["error"]["message"] and answer["error"]["remedy"]
    taken = tmp_path / "square.toml"
    taken.write_text(MANIFEST.read_text().replace('name = "my-till"', 'name = "square"'))
    assert perkstar.run("catalog", "add", str(taken))[0] == 2
    assert perkstar.well("catalog")["total"] == len(PLANNED)


def test_a_platform_of_the_admins_own_is_kept_in_step_both_ways(perkstar: Program, shop: Till) -> None:
    assert perkstar.well("catalog", "add", str(MANIFEST))["added"]
    [item] = [i for i in perkstar.well("catalog")["items"] if i["name"] == "my-till"]
    assert (item["category"], item["kind"], item["status"]) == ("Custom", "api", "working")
    perkstar.well("connect", "my-till", "--credentials-stdin", stdin={**CREDENTIAL, "port": str(shop.port)})
    first = perkstar.well("sync", "my-till", "--wait")
    assert (first["outcome"], first["inward"]["created"]) == ("succeeded", 120)
    shop.put("7", {"name": {"first": "Renamed"}})
    shop.put("new", {"name": {"first": "Bea"}, "mail": "bea@shop-mail.com"})
    second = perkstar.well("sync", "my-till", "--wait")
    assert (second["inward"]["updated"], second["inward"]["created"]) == (1, 1)
    found = perkstar.well("record", "ana7@shop-mail.com")
    assert found["hub"]["first_name"] == "Renamed"
    before = len(shop.requests)
    third = perkstar.well("sync", "my-till", "--wait")
    assert third["inward"]["created"] == third["outward"]["updated"] == 0
    assert len(shop.requests) - before <= 4


def test_what_one_platform_gives_reaches_another_and_a_refused_record_is_held_by_itself(
    perkstar: Program, shop: Till, tmp_path: Path
) -> None:
    second = tmp_path / "other-till.toml"
    text = MANIFEST.read_text().replace('name = "my-till"', 'name = "other-till"')
    second.write_text(text.replace('title = "My till"', 'title = "Other till"'))
    with till(3) as other:
        for name, file, at in (("my-till", MANIFEST, shop), ("other-till", second, other)):
            perkstar.well("catalog", "add", str(file))
            perkstar.well("connect", name, "--credentials-stdin", stdin={**CREDENTIAL, "port": str(at.port)})
        perkstar.well("sync", "my-till", "--wait")
        # The three people of the other till are known by their addresses: they are linked, not made again.
        other.refuse = "ana50@shop-mail.com"
        code, run = perkstar.run("sync", "other-till", "--wait")
        assert code == 1 and run["outcome"] == "partly"
        assert (run["outward"]["created"], run["outward"]["held"]) == (116, 1)
        assert len(other.people) == 119
        mails = sorted(row["mail"] for row in other.people.values())
        assert mails == sorted({row["mail"] for row in shop.people.values()} - {other.refuse})
        [entry] = perkstar.well("logs", "other-till", "--code", "record_rejected")["items"]
        assert (entry["field"], entry["record_name"]) == ("mail", "Ana50")
        assert "is no address" in entry["vendor_message"] and entry["remedy"]
        shop.put("9", {"name": {"first": "Renamed"}})
        perkstar.well("sync", "my-till", "--wait")
        assert perkstar.run("sync", "other-till", "--wait")[1]["outward"]["updated"] == 1
        renamed = [row for row in other.people.values() if row["name"]["first"] == "Renamed"]
        assert [row["mail"] for row in renamed] == ["ana9@shop-mail.com"]

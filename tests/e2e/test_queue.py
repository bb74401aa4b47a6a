"""Held records of a real sandbox: listed, settled by command, explained, and asked about."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from shop import Shop, sandbox

PLATFORM = "hubspot"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    home: Path = tmp_path_factory.mktemp("queue")
    with sandbox("--no-limits", "--only", PLATFORM, customers=60) as box:
        made = Shop(box, home, inside=True)
        made.connect(PLATFORM, "--data", "customers")
        made.sync(PLATFORM)
        yield made


def test_the_lists_and_the_sandbox_know_of_the_same_records(shop: Shop) -> None:
    answer = shop.well("records", PLATFORM, "--limit", "10000")
    counts = answer["counts"]
    assert answer["total"] == counts["in_step"] + counts["left_out"] + counts["failing"]
    assert counts["there"] == len(shop.box.records(PLATFORM))
    assert counts["here"] == shop.well("customers", "list")["total"]
    failing = shop.well("records", PLATFORM, "--state", "failing")
    assert failing["total"] == counts["failing"] > 0
    assert all(row["reason"] and row["code"] and row["remedy"] for row in failing["items"])


def test_a_held_record_is_settled_by_command_explained_and_taken_back(shop: Shop) -> None:
    item = shop.well("queue", PLATFORM, "--kind", "match")["items"][0]
    assert item["there"]["id"] in {record["id"] for record in shop.box.records(PLATFORM)}
    take = item["choices"][0]["take"]
    assert take.startswith(("link:", "same:"))
    code, answer = shop.run("settle", item["id"], "--take", "leave-out", "--always")
    assert code == 2 and answer["error"]["code"] == "usage"
    done = shop.well("settle", item["id"], "--take", take)
    assert done["settled"] == [item["id"]]
    shop.sync(PLATFORM)
    sides = shop.well("record", take.partition(":")[2], PLATFORM, "--fresh")["platforms"]
    side = next(side for side in sides if side["remote_id"] == item["there"]["id"])
    assert side["standing"] == ("in_step" if take.startswith("link:") else "second"), side
    assert side["fresh"]["presence"] == "there"
    assert shop.well("queue", PLATFORM, "--settled")["items"][0]["id"] == done["id"]
    shop.well("settle", "--undo", done["id"])
    assert item["id"] in [one["id"] for one in shop.well("queue", PLATFORM, "--kind", "match")["items"]]


def test_all_like_it_are_settled_once_that_was_answered(shop: Shop) -> None:
    item = shop.well("queue", PLATFORM, "--kind", "match")["items"][0]
    if item["like"] > 1:
        code, answer = shop.run("settle", item["id"], "--take", "new", "--all-like-this")
        assert code == 2 and "--yes" in answer["error"]["remedy"]
    plan = shop.well("settle", item["id"], "--take", "new", "--all-like-this", "--dry-run")
    assert plan["count"] == item["like"]
    done = shop.well("settle", item["id"], "--take", "new", "--all-like-this", "--yes")
    assert len(done["settled"]) == item["like"]
    before = len(shop.box.records(PLATFORM))
    shop.sync(PLATFORM)
    shop.sync(PLATFORM)
    assert shop.well("records", PLATFORM)["counts"]["there"] >= before
    linked = {
        row["remote_id"]
        for row in shop.well("records", PLATFORM, "--state", "in-step", "--limit", "9999")["items"]
    }
    assert item["there"]["id"] in linked


def test_why_names_what_became_of_a_record_at_the_platform(shop: Shop) -> None:
    person = next(
        row for row in shop.well("records", PLATFORM, "--state", "in-step")["items"] if row["email"]
    )
    assert shop.well("why", person["email"], PLATFORM)["cause"] == "none"
    shop.box.delete(PLATFORM, "contacts", person["remote_id"])
    code, view = shop.run("why", person["email"], PLATFORM)
    assert (code, view["cause"]) == (1, "gone")
    shop.well("pause", PLATFORM)
    assert shop.run("why", PLATFORM)[1]["cause"] == "paused"

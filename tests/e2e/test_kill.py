"""`kill -9` of a real process in mid-sync: a plain sync afterwards ends as if nothing had happened."""

import random
import time
from pathlib import Path

import pytest
from shop import PLATFORMS, Shop, sandbox

CUSTOMERS = 90


def end_of(shop: Shop) -> dict:
    """What the sandbox's truth says once two quiet rounds have been made."""
    for _ in range(2):
        for name in PLATFORMS:
            run = shop.sync(name)
            assert run["code"] in (0, 1), run
    verdict = shop.box.check()
    kept = ("expected_linked", "linked", "equal", "duplicates", "missing")
    return {
        "sales": verdict["sales"],
        **{name: {k: verdict["platforms"][name][k] for k in kept} for name in PLATFORMS},
    }


def connect(shop: Shop) -> None:
    credit_from = shop.box.ask("/world/sales")["credit_from"]
    for name in PLATFORMS:
        sales = ["--data", "customers,transactions", "--set", f"credit_from={credit_from}"]
        sales += ["--set", "issue_cards=sale"]
        shop.connect(name, *(sales if name == "square" else ["--data", "customers"]))


def undisturbed(box, home: Path) -> tuple[dict, dict[str, float]]:
    box.ask("/reset", {})
    shop = Shop(box, home, inside=True)
    connect(shop)
    seconds = {}
    for name in PLATFORMS:
        start = time.perf_counter()
        process = shop.program.start("sync", name, "--wait")
        process.communicate(timeout=120)
        seconds[name] = time.perf_counter() - start
    return end_of(shop), seconds


def killed(box, home: Path, name: str, after: float) -> dict:
    """First syncs of all three, one of them killed `after` seconds."""
    box.ask("/reset", {})
    shop = Shop(box, home, inside=True)
    connect(shop)
    for other in PLATFORMS[: PLATFORMS.index(name)]:
        shop.sync(other)
    process = shop.program.start("sync", name, "--wait")
    try:
        process.wait(after)
    except Exception:
        process.kill()
    process.communicate()
    return end_of(shop)


def kills(tmp_path: Path, count: int, seed: int) -> None:
    chance = random.Random(seed)
    with sandbox("--no-limits", customers=CUSTOMERS) as box:
        expected, seconds = undisturbed(box, tmp_path / "calm")
        for name in PLATFORMS:
            told = expected[name]
            assert told["linked"] == told["equal"] == told["expected_linked"], told
        for number in range(count):
            name = PLATFORMS[number % 3]
            after = chance.uniform(0.35, seconds[name])
            assert killed(box, tmp_path / f"home{number}", name, after) == expected, (name, after)


def test_three_kills_end_as_an_undisturbed_run(tmp_path):
    kills(tmp_path, 3, seed=1)


@pytest.mark.long
def test_twenty_kills_end_as_an_undisturbed_run(tmp_path):
    kills(tmp_path, 20, seed=2)

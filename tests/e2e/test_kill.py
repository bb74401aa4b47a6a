"""`kill -9` of a real process in mid-work: plain syncs afterwards end as if nothing had happened.

Five situations, each killed at random instants between the start of the program and its end: a first sync, an
increment, creates at a vendor that has no idempotency keys, a refresh of a token that is used once, and a migration
of the store. The sandbox judges by its own records.
"""

import random
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eventually import eventually
from shop import PLATFORMS, Box, Shop, sandbox

from perkstar_tui.store.database import Store
from perkstar_tui.store.migrations import upgrade as migrations

CUSTOMERS = 90
KEYLESS = "pipedrive"
ROTATING = "xero"
BEGUN = 0.35
"""Seconds in which Python starts: nothing is done before."""


@dataclass(frozen=True)
class Situation:
    """What is prepared, what is killed, and what the end must be like."""

    platform: str
    prepare: Callable[[Shop], None]
    verdict: Callable[[Shop], Any]
    command: tuple[str, ...]
    may_need_reconnecting: bool = False


def connect(shop: Shop, name: str) -> None:
    if name != "square":
        shop.connect(name, "--data", "customers")
        return
    credit_from = shop.box.ask("/world/sales")["credit_from"]
    sales = ["--data", "customers,transactions", "--set", f"credit_from={credit_from}"]
    shop.connect(name, *sales, "--set", "issue_cards=sale")


def settle(shop: Shop, name: str) -> None:
    """Quiet rounds, until nothing is left to do."""
    for _ in range(2):
        run = shop.sync(name)
        assert run["code"] in (0, 1), run


def judged(shop: Shop, name: str) -> Any:
    """What the sandbox's own truth says of a platform, and of the sales."""
    verdict = shop.box.check()
    kept = ("expected_linked", "linked", "equal", "duplicates", "missing")
    return {k: verdict["platforms"][name][k] for k in kept}, verdict["sales"] if name == "square" else None


def first_sync(name: str) -> Situation:
    return Situation(
        name, lambda shop: connect(shop, name), lambda shop: judged(shop, name), ("sync", name, "--wait")
    )


def increment(name: str) -> Situation:
    """A dozen names changed on either side since the last sync, and a dozen new people on each."""

    def prepare(shop: Shop) -> None:
        connect(shop, name)
        settle(shop, name)
        kind = shop.box.ask("/platforms")["platforms"][name]["people"]
        pairs = [p["ids"] for p in shop.box.people() if p["expected"].get(name) == "linked"]
        single = [ids for ids in pairs if len(ids.get(name, ())) == 1 == len(ids.get("perkstar", ()))]
        for number, ids in enumerate(single[:24]):
            side = name if number % 2 else "perkstar"
            who = {"first": "Edited", "last": f"Number{number}"}
            shop.box.ask(f"/{side}/people/{ids[side][0]}", who, "PUT")
        shop.box.ask(f"/{name}/records/{kind}:generate", {"count": 12})
        shop.box.ask("/perkstar/records/customers:generate", {"count": 12})
        shop.box.ask("/clock", {"advance_s": 400})

    def verdict(shop: Shop) -> Any:
        kind = shop.box.ask("/platforms")["platforms"][name]["people"]
        there, here = shop.box.records(name, kind), shop.box.records("perkstar")
        edited = [sum("Edited" in str(record) for record in side) for side in (there, here)]
        return judged(shop, name), len(there), len(here), edited

    return Situation(name, prepare, verdict, ("sync", name, "--wait"))


def creates() -> Situation:
    """Forty people to be made at a vendor without idempotency keys, who may be known by e-mail, phone or name alone."""
    people = [
        {"first_name": "Solo", "last_name": f"Person{n:02}"}
        | ({"email": f"solo{n}@example.com"} if n % 4 < 2 else {})
        | ({"phone": f"+44740077{n:04}"} if n % 2 else {})
        for n in range(40)
    ]

    def prepare(shop: Shop) -> None:
        connect(shop, KEYLESS)
        settle(shop, KEYLESS)
        shop.well("customers", "import", "-", stdin=people)

    def verdict(shop: Shop) -> Any:
        kind = shop.box.ask("/platforms")["platforms"][KEYLESS]["people"]
        sides = shop.box.records(KEYLESS, kind), shop.box.records("perkstar")
        return [[sum(f"Person{n:02}" in str(r) for r in side) for n in range(40)] for side in sides]

    return Situation(KEYLESS, prepare, verdict, ("sync", KEYLESS, "--wait"))


def refresh() -> Situation:
    """A token that has ended, to be renewed by a refresh token that is good for one use."""

    def prepare(shop: Shop) -> None:
        connect(shop, ROTATING)
        settle(shop, ROTATING)
        shop.box.ask(f"/{ROTATING}/tokens:expire", {})

    def verdict(shop: Shop) -> Any:
        return judged(shop, ROTATING)

    return Situation(ROTATING, prepare, verdict, ("sync", ROTATING, "--wait"), may_need_reconnecting=True)


SITUATIONS = {
    **{f"first sync {name}": first_sync(name) for name in PLATFORMS},
    **{f"increment {name}": increment(name) for name in PLATFORMS},
    "creates": creates(),
    "refresh": refresh(),
}


class Field:
    """A sandbox on which situations are tried again and again, each in a home of its own."""

    def __init__(self, box: Box, folder: Path) -> None:
        self.box = box
        self.folder = folder
        self.known: dict[str, tuple[Any, float]] = {}
        self.reconnected = 0
        self._homes = 0

    def begin(self, situation: Situation) -> Shop:
        self.box.ask("/reset", {})
        self._homes += 1
        shop = Shop(self.box, self.folder / f"home{self._homes}", inside=True)
        situation.prepare(shop)
        return shop

    def undisturbed(self, name: str) -> tuple[Any, float]:
        """How it ends when nobody is killed, and how long the command takes."""
        if name not in self.known:
            situation = SITUATIONS[name]
            shop = self.begin(situation)
            start = time.perf_counter()
            process = shop.program.start(*situation.command)
            process.communicate(timeout=120)
            seconds = time.perf_counter() - start
            settle(shop, situation.platform)
            self.known[name] = situation.verdict(shop), seconds
        return self.known[name]

    def killed(self, name: str, chance: random.Random) -> None:
        situation = SITUATIONS[name]
        expected, seconds = self.undisturbed(name)
        shop = self.begin(situation)
        after = chance.uniform(BEGUN, seconds)
        process = shop.program.start(*situation.command)
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        if situation.may_need_reconnecting:
            self.reconnect_if_lost(shop, situation.platform)
        settle(shop, situation.platform)
        assert situation.verdict(shop) == expected, (name, after)
        with closing(sqlite3.connect(shop.program.home / "perkstar.db")) as store:
            assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        shutil.rmtree(shop.program.home)

    def reconnect_if_lost(self, shop: Shop, platform: str) -> None:
        """A single-use token that was answered in the instant of the kill is gone: said so, and mended by a person."""
        code, run = shop.run("sync", platform, "--wait")
        if shop.well("show", platform)["status"] == "reconnect_required":
            assert code == 5, run
            assert "reconnect" in str(run).lower()
            self.reconnected += 1
            fresh = self.box.ask(f"/{platform}/tokens:issue", {})
            shop.well("reconnect", platform, "--credentials-stdin", stdin=fresh)


@contextmanager
def field_of(folder: Path, seed: int) -> Iterator[Field]:
    names = ",".join((*PLATFORMS, KEYLESS, ROTATING))
    with sandbox("--no-limits", "--only", names, "--seed", str(seed), customers=CUSTOMERS) as box:
        yield Field(box, folder)


def test_three_kills_of_first_syncs_end_as_an_undisturbed_run(tmp_path):
    chance = random.Random(1)
    with field_of(tmp_path, 7) as field:
        for name in PLATFORMS:
            field.killed(f"first sync {name}", chance)


@pytest.mark.parametrize("name", ["increment hubspot", "creates", "refresh"])
def test_a_kill_of_other_work_ends_as_an_undisturbed_run(name, tmp_path):
    with field_of(tmp_path, 7) as field:
        field.killed(name, random.Random(2))


def test_a_refresh_killed_before_its_answer_came_whole_asks_for_reconnecting_and_ends_equal(tmp_path):
    with field_of(tmp_path, 7) as field:
        refresh_ = SITUATIONS["refresh"]
        expected, _ = field.undisturbed("refresh")
        shop = field.begin(refresh_)
        field.box.faults(ROTATING, rules=[{"effect": "drip", "seconds": 30, "path": "/connect/token"}])
        process = shop.program.start(*refresh_.command)
        eventually(lambda: field.box.ask(f"/{ROTATING}/faults")["fired"] == [1])
        process.kill()
        process.communicate()
        field.box.faults(ROTATING)
        field.reconnect_if_lost(shop, ROTATING)
        assert field.reconnected == 1
        settle(shop, ROTATING)
        assert refresh_.verdict(shop) == expected


def kill_migration(home: Path, chance: random.Random, seconds: float) -> None:
    """The first version's store, brought to this one's: killed, and then tried again."""
    from alembic import command
    from alembic.config import Config

    home.mkdir()
    store = Store.at(home)
    alembic = Config()
    alembic.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with store.engine.connect().execution_options(writes=True) as connection, connection.begin():
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, "0001")
    store.close()
    from program import Program

    program = Program(home)
    process = program.start("db", "upgrade")
    try:
        process.wait(chance.uniform(BEGUN, seconds))
    except subprocess.TimeoutExpired:
        process.kill()
    process.communicate()
    with closing(sqlite3.connect(home / "perkstar.db")) as store:
        version = store.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert version in ("0001", migrations.HEAD)
    assert program.well("db", "upgrade")
    with closing(sqlite3.connect(home / "perkstar.db")) as store:
        assert store.execute("SELECT version_num FROM alembic_version").fetchone()[0] == migrations.HEAD


def test_a_kill_of_a_migration_leaves_the_old_store_or_the_new_one(tmp_path):
    kill_migration(tmp_path / "home", random.Random(3), 1.0)


@pytest.mark.long
def test_two_hundred_kills_end_as_an_undisturbed_run(tmp_path):
    """28 first syncs and 24 increments (in turn at three vendors), 48 creates, 48 refreshes, 52 migrations."""
    chance = random.Random(4)
    ended: dict[str, int] = {}
    wanted = [
        *[f"first sync {PLATFORMS[n % 3]}" for n in range(28)],
        *[f"increment {PLATFORMS[n % 3]}" for n in range(24)],
        *["creates"] * 48,
        *["refresh"] * 48,
    ]
    with field_of(tmp_path, 7) as field:
        for name in wanted:
            field.killed(name, chance)
            ended[name] = ended.get(name, 0) + 1
        lost = field.reconnected
    for number in range(52):
        kill_migration(tmp_path / f"store{number}", chance, 1.2)
    kinds = ", ".join(f"{count} {name}" for name, count in ended.items())
    print(f"\nkilled and ended equal: {kinds}, 52 migrations; refresh tokens lost in the crash: {lost}")

"""Eight processes on one store: two workers (one hears webhooks), a screen, and five people who give commands.

While they work, tokens end at the vendor and records change there. Five things are watched: one run an integration
at a time, the plan's limit, no locked database before a person, one refresh for each end of a token, and no call more
than the vendor's limits let through, measured at the sandbox.
"""

import json
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from program import PERKSTAR
from shop import Shop, sandbox
from terminal import Terminal

NAMES = ("hubspot", "mailchimp", "square", "constant-contact", "pipedrive")
ROTATING = "constant-contact"
FINE = {0, 1, 2, 4, 5, 7, 8, 130}
"""Exit codes that random commands may end with: 130 where somebody pauses what another waits for; 6 would be a network
that fails, 70 a fault of ours.
"""


class Watch:
    """Looks at the store all the while, as nobody of the eight does."""

    def __init__(self, file: Path, allowed: int) -> None:
        self.file = file
        self.allowed = allowed
        self.most = 0
        self.looks = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=30)) as store:
            while not self._end.wait(0.02):
                used = store.execute(
                    "SELECT count(*) FROM integration WHERE kind <> 'system' "
                    "AND status NOT IN ('draft', 'disconnected')"
                ).fetchone()[0]
                self.most = max(self.most, used)
                self.looks += 1


@contextmanager
def process(argv: list[str], shop: Shop, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        started = subprocess.Popen(argv, env=shop.program.env, stdout=out, stderr=subprocess.STDOUT)
        try:
            yield started
        finally:
            started.terminate()
            started.wait(30)


def disturb(shop: Shop, seconds: float, chance: random.Random) -> int:
    """The vendors' own life: names change, and every few seconds all tokens of one vendor end. Answers how often."""
    ends = 0
    begun = time.monotonic()
    due = begun + 4
    while time.monotonic() - begun < seconds:
        name = chance.choice(NAMES)
        kind = shop.box.ask("/platforms")["platforms"][name]["people"]
        fresh = shop.box.ask(f"/{name}/records/{kind}:generate", {"count": 2})["ids"]
        shop.box.ask(f"/{name}/people/{fresh[0]}", {"first": "Renamed", "last": "Meanwhile"}, "PUT")
        if time.monotonic() > due:
            shop.box.ask(f"/{ROTATING}/tokens:expire", {})
            ends += 1
            due = time.monotonic() + 8
        time.sleep(0.4)  # The vendors' customers are no faster: this is the load, not a wait for something.
    return ends


def overlapping(file: Path) -> list[tuple[str, str]]:
    """Pairs of runs of one integration that were going on at the same moment."""
    with closing(sqlite3.connect(file)) as store:
        rows = store.execute(
            "SELECT integration_id, id, started, ended FROM sync_run WHERE ended IS NOT NULL "
            "ORDER BY integration_id, started, ended"
        ).fetchall()
    return [(one[1], two[1]) for one, two in pairwise(rows) if one[0] == two[0] and two[2] < one[3]]


def eight_at_once(tmp_path: Path, seconds: float, seed: int) -> dict[str, Any]:
    """Let them work, and answer what was counted."""
    with sandbox("--only", ",".join(NAMES), customers=60) as box, ExitStack() as stack:
        shop = Shop(box, tmp_path / "home", inside=True)
        shop.well("plan", "set", "starter")
        given = {name: {} if name == ROTATING else box.credentials(name) for name in NAMES}
        shop.connect("square", "--data", "customers", "--frequency", "realtime")
        shop.connect(ROTATING, "--data", "customers", "--frequency", "hourly")
        file = shop.program.home / "perkstar.db"
        credentials = tmp_path / "given.json"
        credentials.write_text(json.dumps(given))
        before = len([r for r in box.requests(ROTATING) if "token" in r["path"]])
        watch = stack.enter_context(Watch(file, 3))
        logs = [tmp_path / f"worker{n}.log" for n in range(2)]
        for log in logs:
            stack.enter_context(process([*PERKSTAR, "worker"], shop, log))
        screen = stack.enter_context(Terminal(PERKSTAR, env=shop.program.env))
        clerk = str(Path(__file__).parents[1] / "support" / "clerk.py")
        said = [tmp_path / f"clerk{n}.jsonl" for n in range(5)]
        clerks = [
            stack.enter_context(
                process(
                    [sys.executable, clerk, str(seed * 10 + n), str(seconds), str(credentials)], shop, out
                )
            )
            for n, out in enumerate(said)
        ]
        keys = threading.Thread(target=_browse, args=(screen, seconds))
        keys.start()
        ends = disturb(shop, seconds, random.Random(seed))
        # Whatever still runs ends at its next safe point; a first sync at a slow vendor might take long otherwise.
        for row in shop.well("integrations", "list")["items"]:
            shop.run("pause", row["id"])
        for one in clerks:
            assert one.wait(120) == 0, [out.read_text()[-2000:] for out in said]
        keys.join()
        assert screen.process.poll() is None, screen.text
        lines = [json.loads(line) for out in said for line in out.read_text().splitlines()]
        requests = {name: box.requests(name) for name in NAMES}
        return {
            "commands": len(lines),
            "codes": Counter(line["code"] for line in lines),
            "bad": [line for line in lines if line["code"] not in FINE],
            "locked": [
                text[:300]
                for text in [
                    *(line["said"] for line in lines),
                    *(log.read_text() for log in logs),
                    screen.text,
                ]
                if "database is locked" in text or "Traceback" in text
            ]
            + _logged(file, "locked"),
            "internal": _logged(file, "internal"),
            "overlapping": overlapping(file),
            "most": watch.most,
            "looks": watch.looks,
            "ends": ends,
            "refreshes": len([r for r in requests[ROTATING] if "token" in r["path"]]) - before,
            "calls": {name: len(found) for name, found in requests.items()},
            "slowed": {name: sum(r["status"] == 429 for r in found) for name, found in requests.items()},
            "runs": _count(file, "sync_run"),
        }


def _logged(file: Path, word: str) -> list[str]:
    with closing(sqlite3.connect(file)) as store:
        rows = store.execute(
            "SELECT message FROM log_line WHERE message LIKE ? OR code = ?", (f"%database is {word}%", word)
        )
        return [row[0] for row in rows]


def _count(file: Path, table: str) -> int:
    with closing(sqlite3.connect(file)) as store:
        return int(store.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def _browse(screen: Terminal, seconds: float) -> None:
    """Somebody who reads: rows up and down, details and back."""
    end = time.monotonic() + seconds
    chance = random.Random(1)
    while time.monotonic() < end:
        screen.send(chance.choice(["j", "k", "\r", "\x1b", "l", "\x1b", "s"]))
        # Whatever it draws is taken in: a terminal that nobody reads from stops the program.
        shown = time.monotonic() + 0.5
        while (left := shown - time.monotonic()) > 0:
            screen.pump(left)


def check(seen: dict[str, Any]) -> None:
    assert seen["bad"] == [], seen
    assert seen["locked"] == [], seen
    assert seen["internal"] == [], seen
    assert seen["overlapping"] == [], seen
    assert seen["most"] <= 3, seen
    assert seen["looks"] > 50
    assert seen["refreshes"] <= seen["ends"], seen
    assert not any(seen["slowed"].values()), seen


def test_eight_processes_on_one_store_keep_out_of_each_other_s_way(tmp_path):
    check(eight_at_once(tmp_path, 12, seed=1))


@pytest.mark.long
def test_eight_processes_for_five_minutes(tmp_path):
    seen = eight_at_once(tmp_path, 300, seed=2)
    print("\n" + ", ".join(f"{name} {value}" for name, value in seen.items()))
    check(seen)

"""Every kind of trouble at every platform: whatever a vendor does meanwhile, a calm run ends in step."""

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from eventually import eventually
from program import Program
from shop import Box, Shop, sandbox, told_by

from perkstar_tui.model.clock import SystemClock
from perkstar_tui.model.enums import DataType
from perkstar_tui.platforms.catalog import load_catalog
from perkstar_tui.sandbox.faults import PROFILES

CATALOG = load_catalog().of_vendors()
READ = sorted(name for name, manifest in CATALOG.items() if manifest.read_by_calls and not manifest.system)
BY_FILES = " by files"
EXPORTS = {name: export for name in READ if (export := CATALOG[name].data[DataType.CUSTOMERS].export)}
BOTH_WAYS = [name + BY_FILES for name, export in EXPORTS.items() if export.above is not None]
"""Those whose many people come in files and whose few in pages: once more, as if these few were many."""
TOLD = sorted(name for name, m in CATALOG.items() if DataType.CUSTOMERS in m.data and not m.read_by_calls)
TROUBLE = [profile for profile in PROFILES if profile != "calm"]
SMALL = {"page_size": 7, "first_page_size": 7, "batch_create": 5, "batch_update": 5}
"""Few people, and yet several pages and several lists."""
MOST_RUNS = 5


class OneTime:
    """The time of the program and of the sandbox: what is waited for passes at once, for both."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.ahead = 0.0

    def pass_(self, seconds: float) -> None:
        self.ahead += seconds
        self.box.ask("/clock", {"advance_s": seconds})

    def rule(self, patch: pytest.MonkeyPatch) -> None:
        async def sleep(clock: SystemClock, seconds: float) -> None:
            if seconds > 0:
                self.pass_(seconds)
            await asyncio.sleep(0)

        patch.setattr(SystemClock, "now", lambda _: datetime.now(UTC) + timedelta(seconds=self.ahead))
        patch.setattr(SystemClock, "monotonic", lambda _: time.monotonic() + self.ahead)
        patch.setattr(SystemClock, "sleep", sleep)


class Troubled:
    """A home connected to a sandbox of one platform, both as they were before anything was synced."""

    def __init__(self, box: Box, platform: str, home: Path) -> None:
        self.box = box
        self.platform = platform
        box.ask("/reset", {})
        program = Program(home, box.endpoints, {}, True)
        self.run, self.well = program.run, program.well
        self.time = OneTime(box)
        self.people = {
            platform: str(box.ask("/platforms")["platforms"][platform]["people"]),
            "perkstar": "customers",
        }
        self.seeded = self.twins()
        self.well("connect", platform, "--credentials-stdin", "--data", "customers", "--direction", "both",
                  stdin=box.credentials(platform))  # fmt: skip

    def twins(self) -> dict[str, Any]:
        return {
            side: self.box.ask(f"/{side}/duplicates/{kind}")["groups"] for side, kind in self.people.items()
        }

    def sync(self, *arguments: str) -> dict[str, Any]:
        code, answer = self.run("sync", self.platform, "--wait", *arguments)
        assert "outcome" in answer, answer
        self.time.pass_(120)
        return {"code": code, **answer}

    def status(self) -> str:
        return str(self.well("show", self.platform)["status"])

    def calls(self) -> int:
        return len(self.box.requests(self.platform))

    def ends_in_step(self) -> None:
        """Calm again, and judged by the sandbox's own truth."""
        self.box.faults(self.platform)
        last = self.sync("--full")
        for _ in range(MOST_RUNS):
            last = self.sync()
            if not done(last):
                break
        assert last["outcome"] == "succeeded" and not done(last), last
        assert self.status() == "active"
        verdict = self.box.check()["platforms"][self.platform]
        assert verdict["linked"] == verdict["equal"] == verdict["expected_linked"], verdict
        assert not verdict["duplicates"] and self.twins() == self.seeded
        assert verdict["gone"] == 0
        platforms = self.box.ask("/platforms")["platforms"]
        assert not [bug for side in self.people for bug in platforms[side]["bugs"]]


def done(run: dict[str, Any]) -> int:
    """How much a run has changed, or could not."""
    return sum(
        run[way][what] for way in ("inward", "outward") for what in ("created", "updated", "held", "failed")
    )


# -- what happens meanwhile ------------------------------------------------------------------------------------


def goes_through(shop: Troubled) -> None:
    """One run is enough, and no record fails."""
    run = shop.sync()
    assert run["outcome"] == "succeeded", run
    assert run["inward"]["failed"] == run["outward"]["failed"] == 0


def is_held_up(shop: Troubled) -> None:
    before = shop.calls()
    goes_through(shop)
    assert any(call["status"] in (403, 429) for call in shop.box.requests(shop.platform)[before:])


def gets_there(shop: Troubled) -> None:
    """Runs may fail, but not for ever."""
    outcomes = []
    while "succeeded" not in outcomes:
        outcomes.append(shop.sync()["outcome"])
        assert len(outcomes) < MOST_RUNS, outcomes
    shop.sync()


def is_out(shop: Troubled) -> None:
    runs = []
    for _ in range(3):
        runs.append((shop.sync()["code"], shop.status()))
    assert runs == [(6, "active"), (6, "active"), (6, "error")]


def is_renewed(shop: Troubled) -> None:
    for _ in range(2):
        assert shop.sync()["outcome"] == "succeeded"


def wants_a_person(shop: Troubled) -> None:
    """A withdrawn credential: no call more until it is given anew."""
    assert shop.sync()["code"] == 5
    assert shop.status() == "reconnect_required"
    calls = shop.calls()
    code, answer = shop.run("sync", shop.platform, "--wait")
    assert (code, answer["error"]["code"]) == (5, "credential_refused") and answer["error"]["remedy"]
    assert shop.calls() == calls
    shop.box.faults(shop.platform)
    fresh = shop.box.ask(f"/{shop.platform}/tokens:issue", {})
    view = shop.well("reconnect", shop.platform, "--credentials-stdin", stdin=fresh)
    assert view["status"] == "active"


def holds_some(shop: Troubled) -> None:
    """Those that are refused stand alone, each with what is wrong and what to do, and are due again after an hour."""
    run = shop.sync()
    if not CATALOG[shop.platform].data[DataType.CUSTOMERS].to_platform:
        assert run["outcome"] == "succeeded"
        return
    assert (run["code"], run["outcome"]) == (1, "partly") and run["outward"]["held"] > 0, run
    entries = shop.well("logs", shop.platform, "--code", "record_rejected")["items"]
    assert len(entries) == run["outward"]["held"]
    assert all(entry["record"] and entry["vendor_message"] and entry["remedy"] for entry in entries)
    assert shop.sync()["code"] == 0
    shop.time.pass_(3600)


MEANWHILE: dict[str, Callable[[Troubled], None]] = {
    "rate-limited": is_held_up,
    "flaky": gets_there,
    "outage": is_out,
    "expired-token": is_renewed,
    "revoked": wants_a_person,
    "bad-records": holds_some,
    "moving-pages": gets_there,
    "slow": goes_through,
    "hostile": gets_there,
}


def test_every_profile_of_trouble_is_gone_through() -> None:
    assert sorted(MEANWHILE) == sorted(TROUBLE)


# -- those that are read ---------------------------------------------------------------------------------------


class Boxes:
    """The sandbox of the platform that is at issue, and a home that is attached to its account; one at a time."""

    def __init__(self, homes: Path) -> None:
        self.homes = homes
        self.platform = ""
        self.open = ExitStack()

    def of(self, platform: str) -> tuple[Box, Path]:
        """A platform that is read, with small pages, and the home."""
        whole, platform = platform, platform.removesuffix(BY_FILES)
        if self._opened(whole, platform, customers=30):
            patch = self.open.enter_context(pytest.MonkeyPatch.context())
            if whole != platform:
                patch.setitem(EXPORTS[platform].__dict__, "above", 0)
            spec = CATALOG[platform].data[DataType.CUSTOMERS]
            for name, size in SMALL.items():
                patch.setitem(spec.__dict__, name, min(size, getattr(spec, name) or size))
            Shop(self.box, self.homes / whole, inside=True)
        return self.box, self.homes / whole

    def beside_square(self, platform: str) -> Box:
        """A platform that is told of what a till sells."""
        self._opened(platform, f"square,{platform}", customers=20)
        return self.box

    def _opened(self, platform: str, only: str, *, customers: int) -> bool:
        """Whether another sandbox had to take the place of the one before."""
        if platform == self.platform:
            return False
        self.open.close()
        self.platform = platform
        self.box = self.open.enter_context(sandbox("--no-limits", "--only", only, customers=customers))
        return True


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Boxes]:
    made = Boxes(Path(tmp_path_factory.mktemp("homes")))
    with made.open:
        yield made


def sampled() -> Iterator[Any]:
    """Every profile at every platform; by default half of them, as the fields of one colour on a chessboard."""
    for row, platform in enumerate([*READ, *BOTH_WAYS]):
        for column, profile in enumerate(TROUBLE):
            # Slowness takes real time.
            long = row % 7 != 3 if profile == "slow" else (row + column) % 2
            yield pytest.param(platform, profile, marks=pytest.mark.long if long else [])


@pytest.mark.parametrize(("platform", "profile"), sampled())
def test_after_trouble_a_platform_ends_in_step(
    boxes: Boxes, platform: str, profile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box, first_home = boxes.of(platform)
    platform = platform.removesuffix(BY_FILES)
    home = tmp_path / "home"
    shutil.copytree(first_home, home)
    shop = Troubled(box, platform, home)
    shop.time.rule(monkeypatch)
    box.faults(platform, profile)
    MEANWHILE[profile](shop)
    shop.ends_in_step()


# -- those that only take --------------------------------------------------------------------------------------

TAKERS = sorted(
    name
    for name, manifest in CATALOG.items()
    if (data := manifest.data.get(DataType.TRANSACTIONS)) is not None and data.rows is not None
)
KINDS = {"google-analytics": "events"}
"""What the pieces that were told are called in the sandbox, where not `rows`."""
SILENT = {"google-analytics"}
"""Says nothing of a wrong secret, so that a withdrawn one can't be noticed."""


@pytest.mark.parametrize(
    ("platform", "profile"),
    [
        pytest.param(platform, profile, marks=pytest.mark.long if (row + column) % 3 else [])
        for row, platform in enumerate(TAKERS)
        for column, profile in enumerate(TROUBLE)
    ],
)
def test_after_trouble_every_fact_is_told_once(
    till: Callable[[str], Shop], platform: str, profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = till(platform)
    box, passing = shop.box, OneTime(shop.box)
    passing.rule(monkeypatch)
    foreseen = shop.well("preview", platform)["outward"]["create_total"]
    box.faults(platform, profile)
    runs = [shop.sync(platform)]
    while len(runs) < 3 and runs[-1]["code"] != 5:
        runs.append(shop.sync(platform))
    status = shop.well("show", platform)["status"]
    if profile == "outage":
        assert [run["code"] for run in runs] == [6, 6, 6] and status == "error"
    elif profile == "revoked" and platform not in SILENT:
        assert runs[0]["code"] == 5 and status == "reconnect_required"
        fresh = box.ask(f"/{platform}/tokens:issue", {})
        shop.well("reconnect", platform, "--credentials-stdin", stdin=fresh)
    else:
        assert "succeeded" in [run["outcome"] for run in runs]
    box.faults(platform)
    for _ in range(2):
        passing.pass_(120)
        last = shop.sync(platform)
    assert last["outcome"] == "succeeded" and not done(last)
    told = box.records(platform, KINDS.get(platform, "rows"))
    if platform == "google-analytics":
        keys = [event["params"]["transaction_id"] for event in told if event["name"] == "purchase"]
    else:
        keys = [row.get("key", row["id"]) for row in told]
    assert len(keys) == len(set(keys)) == foreseen > 0


@pytest.fixture(scope="module")
def tills() -> Iterator[Boxes]:
    made = Boxes(Path())
    with made.open:
        yield made


@pytest.fixture
def till(tills: Boxes, tmp_path: Path) -> Callable[[str], Shop]:
    """A shop whose till has been read already, connected to a platform that is to be told of it."""

    def made(platform: str) -> Shop:
        box = tills.beside_square(platform)
        box.ask("/reset", {})
        shop = Shop(box, tmp_path / "home", inside=True)
        shop.connect_till()
        shop.connect(platform, "--direction", "to-platform")
        return shop

    return made


# -- those that only tell --------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=TOLD)
def listening(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A connected platform whose address for deliveries is entered, and a worker that listens there."""
    home = Path(tmp_path_factory.mktemp("home")) / "home"
    with told_by(request.param, home, "--data", "customers", inside=True) as shop:
        yield shop


@pytest.mark.parametrize("profile", TROUBLE)
def test_after_trouble_everybody_who_was_told_of_is_there_once(listening: Shop, profile: str) -> None:
    shop, box, platform = listening, listening.box, listening.platform

    def linked() -> int:
        return int(shop.well("show", platform)["counts"]["linked"])

    def ran(*arguments: str) -> dict[str, Any]:
        _, answer = shop.run("sync", platform, "--wait", *arguments)
        return dict(answer)

    people = box.ask("/platforms")["platforms"][platform]["people"]
    seeded = box.ask("/perkstar/duplicates/customers")["groups"]
    before = linked()
    box.faults(platform, profile)
    box.ask(f"/{platform}/records/{people}:generate", {"count": 4})
    for _ in range(3):
        ran()
    box.faults(platform)
    if shop.well("show", platform)["status"] == "reconnect_required":
        fresh = box.ask(f"/{platform}/tokens:issue", {})
        shop.well("reconnect", platform, "--credentials-stdin", stdin=fresh)
    # Where all names were spoilt, the guard against mass changes asks first.
    eventually(
        lambda: ran("--accept-mass-change").get("outcome") == "succeeded" and linked() >= before + 4, 60
    )
    verdict = box.check()["platforms"][platform]
    assert verdict["linked"] == verdict["equal"] == verdict["expected_linked"], verdict
    assert box.ask("/perkstar/duplicates/customers")["groups"] == seeded

"""The runner's own process, as a screen has it: it begins, ends with the screen however that ends, and comes back."""

import os
import signal
import subprocess
import sys

import pytest
from eventually import eventually
from sqlalchemy import select

from perkstar_tui.hub import aside
from perkstar_tui.hub.hub import Hub
from perkstar_tui.hub.settings import Settings
from perkstar_tui.store import tables as t
from perkstar_tui.sync.runner import RUNNER_LEASE, someone_runs

SCREEN = """
import sys
from pathlib import Path
from perkstar_tui.hub.hub import Hub
from perkstar_tui.hub.settings import Settings
home = Path(sys.argv[1])
hub = Hub(Settings(home=home, database_url=f"sqlite:///{home / 'perkstar.db'}", vault="file"), aside=True)
hub.start_runner()
print("up", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def hub(tmp_path):
    settings = Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'perkstar.db'}", vault="file")
    made = Hub(settings, aside=True)
    made.attach_local("Bean & Leaf")
    yield made
    made.close()


def runs(hub) -> bool:
    return someone_runs(hub.bench.store, hub.bench.clock)


def runner_pid(hub) -> int:
    lease = t.Lease
    with hub.bench.store.read() as connection:
        return connection.execute(select(lease.c.pid).where(lease.c.name == RUNNER_LEASE)).scalar_one()


def test_the_runner_is_another_process_and_ends_when_it_is_stopped(hub):
    hub.start_runner()
    eventually(lambda: runs(hub))
    assert runner_pid(hub) != os.getpid()
    hub.stop_runner()
    assert not runs(hub)


def test_it_ends_by_itself_when_the_screen_is_killed(hub, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", SCREEN, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as screen:
        assert screen.stdout is not None
        assert screen.stdout.readline() == b"up\n"
        eventually(lambda: runs(hub))
        pid = runner_pid(hub)
        screen.send_signal(signal.SIGKILL)
    eventually(lambda: not runs(hub))
    assert pid not in (os.getpid(), screen.pid)


def test_one_that_was_killed_is_started_again(hub, monkeypatch):
    monkeypatch.setattr(aside, "AGAIN_S", 0.05)
    hub.start_runner()
    eventually(lambda: runs(hub))
    first = runner_pid(hub)
    os.kill(first, signal.SIGKILL)
    eventually(lambda: runner_pid(hub) != first)


def test_a_store_opened_read_only_starts_none(hub, tmp_path):
    settings = Settings(
        home=tmp_path, database_url=f"sqlite:///{tmp_path / 'perkstar.db'}", vault="file", read_only=True
    )
    looking = Hub(settings, aside=True)
    looking.start_runner()
    looking.stop_runner()
    looking.close()
    assert not runs(hub)

"""Trouble with the machine itself, under a real process: a full disk, a store held by another program, a sleep."""

import resource
import signal
import sqlite3
import subprocess
import time
from contextlib import closing

import pytest
from eventually import eventually
from program import PERKSTAR
from shop import Shop


@pytest.fixture
def connected(shop: Shop) -> Shop:
    shop.connect("mailchimp", "--data", "customers")
    return shop


def store_of(shop: Shop):
    return closing(sqlite3.connect(shop.program.home / "perkstar.db", timeout=30, isolation_level=None))


def whole(shop: Shop) -> None:
    """Plain syncs end as the sandbox's own truth says, and the store is sound."""
    for _ in range(2):
        assert shop.sync("mailchimp")["code"] in (0, 1)
    verdict = shop.box.check()["platforms"]["mailchimp"]
    assert verdict["linked"] == verdict["equal"] == verdict["expected_linked"]
    assert not verdict["duplicates"]
    with store_of(shop) as store:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_disk_that_fills_up_in_mid_run_is_named_and_costs_nothing(connected):
    size = (connected.program.home / "perkstar.db").stat().st_size

    def little_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 30_000, size + 30_000))

    process = subprocess.Popen(
        [*PERKSTAR, "sync", "mailchimp", "--wait", "--json"], env=connected.program.env,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=little_room,
    )  # fmt: skip
    out, err = process.communicate(timeout=120)
    assert process.returncode == 7, (out, err)
    assert "disk" in out
    assert "Traceback" not in out + err
    whole(connected)


def test_a_store_held_for_a_moment_by_another_program_only_makes_a_run_wait(connected):
    process = connected.program.start("sync", "mailchimp", "--wait")
    with store_of(connected) as store:
        eventually(lambda: store.execute("SELECT count(*) FROM sync_run").fetchone()[0] == 1)
        store.execute("BEGIN IMMEDIATE")
        before = store.execute("SELECT count(*) FROM customer").fetchone()[0]
        time.sleep(1.5)  # A backup takes its time: this is the trouble itself.
        assert store.execute("SELECT count(*) FROM customer").fetchone()[0] == before
        store.execute("ROLLBACK")
    out, err = process.communicate(timeout=120)
    assert process.returncode in (0, 1), (out, err)
    assert "locked" not in out + err
    whole(connected)


def test_a_process_that_sleeps_past_its_lease_wakes_up_to_do_no_harm(connected):
    # Answers take their time, so that it is asleep in the middle of its work.
    connected.box.faults("mailchimp", rules=[{"effect": "slow", "seconds": 0.5}])
    process = connected.program.start("sync", "mailchimp", "--wait")
    with store_of(connected) as store:
        eventually(lambda: store.execute("SELECT count(*) FROM customer").fetchone()[0] > 0)
        store.execute("PRAGMA busy_timeout=0")

        def asleep() -> bool:
            """Stopped at an instant when it holds no lock; a machine that sleeps stops everybody, who need none."""
            process.send_signal(signal.SIGSTOP)
            try:
                # Its time is up: the machine slept for longer than a lease lasts.
                store.execute("UPDATE lease SET expires_at = 0 WHERE owner <> ''")
            except sqlite3.OperationalError:
                process.send_signal(signal.SIGCONT)
                return False
            return True

        eventually(asleep)
    connected.box.faults("mailchimp")
    assert connected.sync("mailchimp")["outcome"] in ("succeeded", "partly")
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=120)
    assert "Traceback" not in out + err
    with store_of(connected) as store:
        outcomes = [row[0] for row in store.execute("SELECT outcome FROM sync_run ORDER BY id")]
    assert outcomes[0] == "interrupted"
    whole(connected)

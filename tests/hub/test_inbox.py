"""What deliveries told of whole records: the newest telling counts, in the order of arrival."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from perkstar_tui.hub.inbox import SALES_KEPT, StoredInbox, forget_told, keep_told
from perkstar_tui.model.enums import DataType
from perkstar_tui.platforms.webhooks import Event
from perkstar_tui.store.database import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CUSTOMERS, TRANSACTIONS = DataType.CUSTOMERS, DataType.TRANSACTIONS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store.at(tmp_path)
    made.upgrade()
    yield made
    made.close()


def tell(
    store: Store, id_: str, name: str, *, minutes: float = 0, data: DataType = CUSTOMERS, to: str = "int_1",
    now: datetime = NOW,
) -> None:  # fmt: skip
    event = Event(f"{id_}{minutes}", data, id_, "told", NOW + timedelta(minutes=minutes), {"name": name})
    with store.write() as connection:
        keep_told(store, connection, to, [event], now)


def names(store: Store, after: int = 0, data: DataType = CUSTOMERS, to: str = "int_1") -> list[str]:
    return [row["name"] for _, row in StoredInbox(store, to).told(data, after, 100)]


def test_records_come_in_the_order_of_arrival_and_once(store: Store) -> None:
    tell(store, "b", "Bea")
    tell(store, "a", "Ann")
    assert names(store) == ["Bea", "Ann"]
    [(first, _), (second, _)] = StoredInbox(store, "int_1").told(CUSTOMERS, 0, 100)
    assert first < second
    assert names(store, after=first) == ["Ann"]
    assert StoredInbox(store, "int_1").told(CUSTOMERS, 0, 1)[0][1] == {"name": "Bea"}


def test_a_change_is_told_again_behind_what_was_read(store: Store) -> None:
    tell(store, "a", "Ann")
    [(read, _)] = StoredInbox(store, "int_1").told(CUSTOMERS, 0, 100)
    tell(store, "a", "Anne", minutes=1)
    assert names(store, after=read) == ["Anne"]
    assert names(store) == ["Anne"]


def test_what_is_older_never_replaces_what_is_newer(store: Store) -> None:
    tell(store, "a", "Anne", minutes=1)
    tell(store, "a", "Ann", minutes=0)
    assert names(store) == ["Anne"]
    assert StoredInbox(store, "int_1").of(CUSTOMERS, ["a", "b"]) == {"a": {"name": "Anne"}}


def test_integrations_and_kinds_know_only_their_own(store: Store) -> None:
    tell(store, "a", "Ann")
    tell(store, "a", "Sale", data=TRANSACTIONS)
    tell(store, "a", "Other", to="int_2")
    assert (names(store), names(store, data=TRANSACTIONS)) == (["Ann"], ["Sale"])
    with store.write() as connection:
        forget_told(connection, "int_1")
    assert names(store) == names(store, data=TRANSACTIONS) == []
    assert names(store, to="int_2") == ["Other"]


def test_sales_go_after_a_while_and_customers_stay(store: Store) -> None:
    tell(store, "a", "Ann")
    tell(store, "s", "Sale", data=TRANSACTIONS)
    late = SALES_KEPT + timedelta(days=1)
    tell(store, "t", "Late", minutes=late.total_seconds() / 60, data=TRANSACTIONS, now=NOW + late)
    assert names(store) == ["Ann"]
    assert names(store, data=TRANSACTIONS) == ["Late"]

"""The log through the hub's door: from error to error among what passes the filters."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from perkstar_tui.hub.hub import Hub
from perkstar_tui.hub.settings import Settings
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.store import tables as t

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEVELS = ("info", "error", "info", "error", "warning", "info", "error", "info")
"""Oldest first."""


@pytest.fixture
def hub(tmp_path):
    made = Hub(Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'perkstar.db'}", vault="file"))
    made.attach_local("Bean & Leaf")
    rows = [
        {
            "id": f"log_{n}", "time": NOW + timedelta(minutes=n), "level": level, "code": "rejected",
            "message": f"number {n}", "remedy": "", "integration_id": None,
        }
        for n, level in enumerate(LEVELS)
    ]  # fmt: skip
    with made.bench.store.write() as connection:
        connection.execute(t.LogLine.delete())
        connection.execute(insert(t.LogLine), rows)
    yield made
    made.close()


def places(hub, entry, *, newer=False, **passing):
    place = hub.next_error(None, entry, newer=newer, **passing)
    return None if place is None else hub.log(None, **passing).items[place].id


def test_the_next_error_is_the_nearest_older_one(hub):
    assert places(hub, "log_7") == "log_6"
    assert places(hub, "log_6") == "log_3"
    assert places(hub, "log_1") is None


def test_backwards_it_is_the_nearest_newer_one(hub):
    assert places(hub, "log_0", newer=True) == "log_1"
    assert places(hub, "log_3", newer=True) == "log_6"
    assert places(hub, "log_6", newer=True) is None


def test_its_place_counts_only_what_passes_the_filters(hub):
    assert hub.next_error(None, "log_7", level="error") == 0
    assert hub.next_error(None, "log_7", since=NOW + timedelta(minutes=2)) == 1
    assert places(hub, "log_7", text="number 1") == "log_1"


def test_an_entry_that_is_not_there_has_no_bundle(hub):
    with pytest.raises(PerkstarError) as caught:
        hub.bundle("log_99")
    assert caught.value.kind is ErrorKind.NOT_FOUND

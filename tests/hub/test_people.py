"""Customers of the store: import, lists and export, through the hub's door."""

from pathlib import Path

import pytest

from perkstar_tui.hub.hub import Hub
from perkstar_tui.hub.settings import Settings
from perkstar_tui.model.errors import ErrorKind, PerkstarError


@pytest.fixture
def hub(tmp_path):
    made = Hub(Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'perkstar.db'}", vault="file"))
    made.attach_local("Bean & Leaf")
    yield made
    made.close()


ANN = {"first_name": "Ann", "email": "Ann@Mail.uk", "phone": "07400 123456"}


def test_an_import_makes_changes_and_leaves_alone(hub):
    first = hub.import_customers([ANN, {"first_name": "Ben", "phone": "07400 999999"}])
    assert (first.created, first.updated, first.unchanged, first.held) == (2, 0, 0, ())
    again = hub.import_customers([ANN, {"first_name": "Benjamin", "phone": "+44 7400 999999", "email": ""}])
    assert (again.created, again.updated, again.unchanged) == (0, 1, 1)
    assert hub.customers("benj").items[0].fields["first_name"] == "Benjamin"


def test_a_row_that_could_be_several_customers_is_held_and_named(hub):
    hub.import_customers([ANN, {**ANN, "first_name": "Amy", "email": "amy@mail.uk"}])
    done = hub.import_customers([{"first_name": "Who", "phone": "07400123456"}, {"company": "Nobody"}])
    assert [number for number, _ in done.held] == [1, 2]
    assert "2 customers" in done.held[0][1]
    assert hub.customers().total == 2


def test_a_familys_phone_does_not_join_two_addresses(hub):
    hub.import_customers([ANN])
    done = hub.import_customers([{**ANN, "email": "ben@mail.uk", "first_name": "Ben"}])
    assert done.created == 1


def test_an_unknown_column_is_refused_by_name_before_anything_is_kept(hub):
    with pytest.raises(PerkstarError) as caught:
        hub.import_customers([{**ANN, "shoe_size": "44"}])
    assert caught.value.kind is ErrorKind.USAGE
    assert "shoe_size" in caught.value.message
    assert hub.customers().total == 0


def test_search_takes_signs_of_patterns_as_text(hub):
    hub.import_customers([ANN, {"first_name": "100%", "email": "percent@mail.uk"}])
    assert [view.fields["first_name"] for view in hub.customers("%").items] == ["100%"]


def test_an_export_holds_every_customer(hub):
    rows = [{"first_name": f"P{n}", "email": f"p{n}@mail.uk"} for n in range(1100)]
    hub.import_customers(rows)
    assert sorted(row["email"] for row in hub.export_customers()) == sorted(row["email"] for row in rows)


def test_an_export_without_a_place_lies_in_the_home_and_only_its_owner_may_read_it(hub):
    hub.import_customers([ANN])
    done = hub.export_to()
    file = Path(done.file)
    assert done.customers == 1 and file.parent == hub.bench.settings.home / "exports"
    assert file.stat().st_mode & 0o777 == 0o600
    assert ANN["email"] in file.read_text()


def test_a_place_that_cannot_be_written_is_named(hub, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PerkstarError) as caught:
        hub.export_to(tmp_path / "file" / "customers.csv")
    assert caught.value.kind is ErrorKind.USAGE and "customers.csv" in caught.value.message


def test_views_are_remembered_over_restarts(hub):
    assert hub.recall("sort") is None
    hub.remember("sort", "name")
    hub.remember("sort", "status")
    assert hub.recall("sort") == "status"

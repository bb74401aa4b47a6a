"""Tableau's own client (tableauserverclient) on the sandbox."""

import pytest
import tableauserverclient as tableau
from arro3.core import Array, DataType, Table
from arro3.io import write_parquet

VENDOR = "tableau"
Mode = tableau.Server.PublishMode


@pytest.fixture
def access(vendor):
    given = vendor.credentials
    return tableau.PersonalAccessTokenAuth(given["token_name"], given["token_value"], given["site"])


@pytest.fixture
def server(vendor, access):
    server = tableau.Server(vendor.url, use_server_version=True)
    with server.auth.sign_in(access):
        yield server


@pytest.fixture
def project(server):
    return next(iter(server.projects.get()[0]))


@pytest.fixture
def sales(tmp_path):
    def make(*totals):
        path = tmp_path / "sales.parquet"
        write_parquet(Table.from_pydict({"total": Array(totals, DataType.int64())}), str(path))
        return str(path)

    return make


def published(server, project, name, path, mode=Mode.CreateNew):
    return server.datasources.publish(tableau.DatasourceItem(project.id, name=name), path, mode)


def totals(vendor, name):
    return sorted(row["total"] for row in vendor.records("rows") if row["datasource"] == name)


def test_the_projects_of_the_site_are_listed(server):
    assert "default" in [project.name for project in tableau.Pager(server.projects)]


def test_a_data_source_is_created_renamed_and_read(server, project, sales):
    source = published(server, project, "Sales", sales(1, 2))
    source.name = "Sales of the year"
    server.datasources.update(source)
    assert server.datasources.get_by_id(source.id).name == "Sales of the year"
    assert source.id in [one.id for one in tableau.Pager(server.datasources)]


def test_a_data_source_is_found_by_name(server, project, sales):
    source = published(server, project, "Findable", sales(1))
    assert [one.id for one in server.datasources.filter(name="Findable")] == [source.id]
    assert list(server.datasources.filter(name="Nowhere")) == []


def test_rows_are_added_or_put_in_the_place_of_others(vendor, server, project, sales):
    published(server, project, "Rows", sales(1, 2))
    published(server, project, "Rows", sales(3), Mode.Append)
    assert totals(vendor, "Rows") == [1, 2, 3]
    published(server, project, "Rows", sales(4), Mode.Overwrite)
    assert totals(vendor, "Rows") == [4]


def test_a_deleted_data_source_is_gone(server, project, sales):
    source = published(server, project, "Short-lived", sales(1))
    server.datasources.delete(source.id)
    with pytest.raises(tableau.ServerResponseError) as problem:
        server.datasources.get_by_id(source.id)
    assert problem.value.code == "404004"


def test_a_second_data_source_of_a_name_is_a_conflict(server, project, sales):
    published(server, project, "Twice", sales(1))
    with pytest.raises(tableau.ServerResponseError) as problem:
        published(server, project, "Twice", sales(2))
    assert problem.value.code == "409004"


def test_a_file_that_is_not_what_it_says_is_refused(server, project, tmp_path):
    path = tmp_path / "bad.parquet"
    path.write_bytes(b"no rows")
    with pytest.raises(tableau.ServerResponseError) as problem:
        published(server, project, "Bad", str(path))
    assert problem.value.code == "400011"


def test_a_wrong_token_is_refused(vendor):
    server = tableau.Server(vendor.url, use_server_version=True)
    wrong = tableau.PersonalAccessTokenAuth("perkstar", "wrong", vendor.credentials["site"])
    with pytest.raises(tableau.FailedSignInError):
        server.auth.sign_in(wrong)


def test_without_a_session_nothing_is_listed(vendor, access):
    server = tableau.Server(vendor.url, use_server_version=True)
    with pytest.raises(tableau.NotSignedInError):
        server.datasources.get()

"""FreshBooks' own client (freshbooks-sdk) on the sandbox."""

import pytest
from freshbooks import Client, FilterBuilder, FreshBooksError, IncludesBuilder, PaginateBuilder

VENDOR = "freshbooks"


@pytest.fixture
def client_of(vendor, monkeypatch):
    # The client's own setting for another host.
    monkeypatch.setenv("FRESHBOOKS_API_URL", vendor.url)
    given = vendor.credentials

    def make(**settings):
        # It would otherwise try a refused request three times more, each after a pause.
        settings = {"access_token": given["access_token"], "auto_retry": False, **settings}
        return Client(client_id=given["client_id"], client_secret=given["client_secret"], **settings)

    return make


@pytest.fixture
def books(client_of):
    return client_of()


@pytest.fixture
def account(vendor):
    return vendor.credentials["account_id"]


def test_the_account_is_the_one_of_the_business(books, account):
    places = books.current_user().data["business_memberships"]
    assert [place["business"]["account_id"] for place in places] == [account]


def test_every_client_is_listed_page_by_page(vendor, books, account):
    paginator, listed = PaginateBuilder(1, 7), []
    page = books.clients.list(account, builders=[paginator])
    listed += page
    while page.pages.page < page.pages.pages:
        paginator.page(page.pages.page + 1)
        page = books.clients.list(account, builders=[paginator])
        listed += page
    assert sorted(client.id for client in listed) == sorted(int(r["id"]) for r in vendor.records("clients"))


def test_a_client_is_created_changed_and_read(vendor, books, account):
    email = vendor.address()
    new = books.clients.create(account, {"email": email, "fname": "Ana"})
    books.clients.update(account, new.id, {"lname": "Lee"})
    read = books.clients.get(account, new.id)
    assert (read.email, read.fname, read.lname) == (email, "Ana", "Lee")
    assert read.updated is not None


def test_a_client_is_found_by_address(vendor, books, account):
    email = vendor.address()
    new = books.clients.create(account, {"email": email})
    wanted = FilterBuilder().equals("email", email)
    assert [client.id for client in books.clients.list(account, builders=[wanted])] == [new.id]


def test_a_deleted_client_is_no_longer_listed(vendor, books, account):
    email = vendor.address()
    new = books.clients.create(account, {"email": email})
    books.clients.delete(account, new.id)
    assert list(books.clients.list(account, builders=[FilterBuilder().equals("email", email)])) == []


def test_invoices_are_read_with_their_lines(books, account):
    invoices = books.invoices.list(account, builders=[IncludesBuilder().include("lines")])
    assert list(invoices)
    assert all(invoice.lines and invoice.amount.amount is not None for invoice in invoices)


def test_a_wrong_address_is_refused(books, account):
    with pytest.raises(FreshBooksError) as problem:
        books.clients.create(account, {"email": "no address"})
    assert (problem.value.status_code, problem.value.error_details[0]["field"]) == (422, "email")


def test_a_client_that_is_not_there_is_not_found(books, account):
    with pytest.raises(FreshBooksError) as problem:
        books.clients.get(account, 1)
    assert (problem.value.status_code, problem.value.error_code) == (404, 1012)


def test_a_wrong_token_is_refused(client_of, account):
    with pytest.raises(FreshBooksError) as problem:
        client_of(access_token="wrong").clients.list(account)
    assert problem.value.status_code == 401


def test_a_refresh_token_buys_a_token_that_is_good(vendor, client_of, account):
    books = client_of(redirect_uri="https://127.0.0.1/callback")
    renewed = books.refresh_access_token(vendor.credentials["refresh_token"])
    assert renewed.access_token != vendor.credentials["access_token"]
    assert list(books.clients.list(account))

"""QuickBooks by Intuit's own client for its grants (intuit-oauth) and python-quickbooks upon it, on the sandbox."""

import pytest
from intuitlib.client import AuthClient
from intuitlib.exceptions import AuthClientError
from quickbooks import QuickBooks
from quickbooks.exceptions import (
    AuthorizationException,
    ObjectNotFoundException,
    QuickbooksException,
    ValidationException,
)
from quickbooks.objects import Account, Customer, EmailAddress, JournalEntry, SalesReceipt
from quickbooks.objects.journalentry import JournalEntryLine, JournalEntryLineDetail

VENDOR = "quickbooks"


@pytest.fixture
def client_of(vendor, monkeypatch):
    given = vendor.credentials
    # The service's address is no setting, but stands at the class.
    monkeypatch.setattr(QuickBooks, "api_url_v3", vendor.url + "/v3")
    # Where a grant is renewed would be asked of a document at the vendor's.
    monkeypatch.setattr("intuitlib.client.get_discovery_doc", lambda *_, **__: discovered(vendor.url))
    # The setting of the library beneath for a service without TLS.
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")

    def make(token):
        access = AuthClient(given["client_id"], given["client_secret"], "https://127.0.0.1/callback", "production",
                            access_token=token, refresh_token=given["refresh_token"])  # fmt: skip
        return QuickBooks(
            auth_client=access,
            refresh_token=access.refresh_token,
            company_id=given["realm_id"],
            minorversion=75,
        )

    return make


def discovered(url):
    return {
        "issuer": url,
        "jwks_uri": url,
        "authorization_endpoint": url + "/connect/oauth2",
        "token_endpoint": url + "/oauth2/v1/tokens/bearer",
        "revocation_endpoint": url + "/v2/oauth2/tokens/revoke",
        "userinfo_endpoint": url + "/v1/openid_connect/userinfo",
    }


@pytest.fixture
def books(vendor, client_of):
    return client_of(vendor.credentials["access_token"])


def made(books, name, email=None):
    customer = Customer()
    customer.DisplayName = name
    if email:
        customer.PrimaryEmailAddr = EmailAddress()
        customer.PrimaryEmailAddr.Address = email
    return customer.save(qb=books)


def test_every_customer_is_listed_page_by_page(vendor, books):
    listed, start = [], 1
    while page := Customer.all(qb=books, order_by="Id", start_position=start, max_results=7):
        listed += [customer.Id for customer in page]
        start += 7
    assert start > 8
    assert sorted(listed) == sorted(record["Id"] for record in vendor.records("customers"))
    assert len(listed) == Customer.count(qb=books)


def test_a_customer_is_created_changed_and_read(vendor, books):
    email = vendor.address()
    customer = made(books, "Ana Lee", email)
    customer.GivenName = "Ana"
    customer.save(qb=books)
    read = Customer.get(customer.Id, qb=books)
    assert (read.DisplayName, read.GivenName, str(read.PrimaryEmailAddr)) == ("Ana Lee", "Ana", email)
    assert (customer.SyncToken, read.SyncToken) == ("0", "1")


def test_a_customer_is_found_by_address_and_by_name(vendor, books):
    email = vendor.address()
    customer = made(books, "Found By Address", email)
    assert [one.Id for one in Customer.where(f"PrimaryEmailAddr = '{email}'", qb=books)] == [customer.Id]
    assert [one.Id for one in Customer.filter(DisplayName="Found By Address", qb=books)] == [customer.Id]


def test_receipts_are_read_with_their_total(books):
    receipts = SalesReceipt.all(qb=books, max_results=5)
    assert receipts
    assert all(receipt.TotalAmt is not None for receipt in receipts)


def test_a_taken_name_is_refused(books):
    made(books, "Only Once")
    with pytest.raises(QuickbooksException) as problem:
        made(books, "Only Once")
    assert problem.value.error_code == 6240


def test_a_wrong_address_is_refused(books):
    with pytest.raises(ValidationException) as problem:
        made(books, "Somebody", "no address")
    assert problem.value.error_code == 2210


def test_a_customer_that_is_not_there_is_not_found(books):
    with pytest.raises(ObjectNotFoundException):
        Customer.get(999_999, qb=books)


def test_an_older_version_is_a_conflict(books):
    customer = made(books, "Versions")
    older = Customer.get(customer.Id, qb=books)
    customer.GivenName = "Ana"
    customer.save(qb=books)
    older.GivenName = "Bea"
    with pytest.raises(QuickbooksException) as problem:
        older.save(qb=books)
    assert problem.value.error_code == 5010


def test_a_wrong_token_is_refused(client_of):
    with pytest.raises(AuthorizationException):
        Customer.count(qb=client_of("wrong"))


def test_a_refresh_token_buys_a_token_that_is_good(vendor, client_of):
    # Without a token the client fetches one itself.
    books = client_of(None)
    assert books.session.access_token not in (None, vendor.credentials["access_token"])
    assert Customer.count(qb=books) > 0


def test_a_wrong_refresh_token_is_refused(client_of):
    books = client_of("any")
    with pytest.raises(AuthClientError) as problem:
        books.auth_client.refresh(refresh_token="wrong")
    assert problem.value.status_code == 400


def journal(books, *sides):
    entry = JournalEntry()
    entry.DocNumber, entry.TxnDate, entry.PrivateNote = "PK20261124-0a1b2c3d", "2026-11-24", "Perkstar"
    accounts = {account.Name: account for account in Account.all(qb=books, max_results=100)}
    for name, side, amount in sides:
        line = JournalEntryLine()
        line.Amount, line.Description = amount, "Earned"
        line.JournalEntryLineDetail = JournalEntryLineDetail()
        line.JournalEntryLineDetail.PostingType = side
        line.JournalEntryLineDetail.AccountRef = accounts[name].to_ref()
        entry.Line.append(line)
    return entry


def test_a_journal_is_entered_read_and_found_by_its_number(books):
    entry = journal(books, ("Loyalty Programme", "Debit", 12.5), ("Loyalty Points Owed", "Credit", 12.5))
    entry.save(qb=books)
    read = JournalEntry.get(entry.Id, qb=books)
    assert [(line.Amount, line.JournalEntryLineDetail.PostingType) for line in read.Line] == [
        (12.5, "Debit"),
        (12.5, "Credit"),
    ]
    found = JournalEntry.filter(DocNumber=entry.DocNumber, qb=books)
    assert [one.Id for one in found] == [entry.Id]


def test_a_journal_that_does_not_balance_is_refused(books):
    entry = journal(books, ("Loyalty Programme", "Debit", 12.5), ("Loyalty Points Owed", "Credit", 12.4))
    with pytest.raises(QuickbooksException) as problem:
        entry.save(qb=books)
    assert problem.value.error_code == 6000

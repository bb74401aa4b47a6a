"""Xero's own client (xero-python, accounting) on the sandbox."""

from datetime import UTC, date, datetime, timedelta

import pytest
from xero_python.accounting import (
    AccountingApi,
    Contact,
    Contacts,
    LineAmountTypes,
    ManualJournal,
    ManualJournalLine,
    ManualJournals,
)
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token
from xero_python.exceptions import AccountingBadRequestException, HTTPStatusException
from xero_python.identity import IdentityApi

VENDOR = "xero"


def sender(vendor, token):
    given = vendor.credentials
    kept = {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": 1800,
        "scope": ["accounting.contacts"],
    }
    app = OAuth2Token(client_id=given["client_id"], client_secret=given["client_secret"])
    return ApiClient(Configuration(oauth2_token=app), oauth2_token_getter=lambda: kept,
                     oauth2_token_saver=kept.update)  # fmt: skip


@pytest.fixture
def xero(vendor):
    # The address of the service is a setting of the API, not of the client behind it.
    sending = sender(vendor, vendor.credentials["access_token"])
    return AccountingApi(sending, base_url=vendor.url + "/api.xro/2.0")


@pytest.fixture
def tenant(vendor):
    return vendor.credentials["tenant_id"]


def made(xero, tenant, name, **fields):
    wanted = Contacts(contacts=[Contact(name=name, **fields)])
    return xero.create_contacts(tenant, wanted).contacts[0]


def test_the_organisation_is_among_the_connections(vendor, tenant):
    api = IdentityApi(sender(vendor, vendor.credentials["access_token"]), base_url=vendor.url)
    assert tenant in [connection.tenant_id for connection in api.get_connections()]


def test_every_contact_is_listed_page_by_page(vendor, xero, tenant):
    listed, number = [], 1
    while page := xero.get_contacts(tenant, page=number, page_size=7).contacts:
        listed += [contact.contact_id for contact in page]
        number += 1
    assert number > 2
    assert sorted(listed) == sorted(record["ContactID"] for record in vendor.records("contacts"))


def test_a_contact_is_created_changed_and_read(vendor, xero, tenant):
    email = vendor.address()
    new = made(xero, tenant, "Ana Lee", first_name="Ana", email_address=email)
    xero.update_contact(tenant, new.contact_id, Contacts(contacts=[Contact(last_name="Lee")]))
    read = xero.get_contact(tenant, new.contact_id).contacts[0]
    assert (read.name, read.first_name, read.last_name, read.email_address) == (
        "Ana Lee",
        "Ana",
        "Lee",
        email,
    )
    assert read.updated_date_utc >= new.updated_date_utc


def test_a_contact_is_found_by_address_and_by_word(vendor, xero, tenant):
    email = vendor.address()
    new = made(xero, tenant, "Found By Address", email_address=email)
    by_address = xero.get_contacts(tenant, where=f'EmailAddress=="{email}"').contacts
    by_word = xero.get_contacts(tenant, search_term="found by").contacts
    assert [one.contact_id for one in by_address] == [one.contact_id for one in by_word] == [new.contact_id]


def test_only_what_changed_since_is_given(xero, tenant):
    later = datetime.now(UTC) + timedelta(days=1)
    assert xero.get_contacts(tenant, if_modified_since=later).contacts == []
    assert xero.get_contacts(tenant, if_modified_since=later - timedelta(days=4000)).contacts


def test_a_list_says_for_each_contact_what_became_of_it(xero, tenant):
    items = [Contact(name="Good One"), Contact(name="Bad One", email_address="no address")]
    answer = xero.update_or_create_contacts(tenant, Contacts(contacts=items), summarize_errors=False)
    good, bad = answer.contacts
    assert not good.has_validation_errors
    assert bad.has_validation_errors
    assert bad.validation_errors[0].message == "Email address must be valid."


def test_invoices_are_read_with_their_contact_and_total(xero, tenant):
    invoices = xero.get_invoices(tenant, page=1, statuses=["PAID"]).invoices
    assert invoices
    assert all(invoice.contact.contact_id and invoice.total is not None for invoice in invoices)


def test_a_wrong_address_and_a_taken_name_are_refused(xero, tenant):
    made(xero, tenant, "Only Once")
    for fields in ({"name": "Only Once"}, {"name": "Somebody", "email_address": "no address"}):
        with pytest.raises(AccountingBadRequestException) as problem:
            made(xero, tenant, **fields)
        assert problem.value.status == 400
        assert problem.value.error_data["Elements"][0]["ValidationErrors"]


def test_a_wrong_token_is_refused(vendor, tenant):
    stranger = AccountingApi(sender(vendor, "wrong"), base_url=vendor.url + "/api.xro/2.0")
    with pytest.raises(HTTPStatusException) as problem:
        stranger.get_contacts(tenant)
    assert problem.value.status == 401


def entered(xero, tenant, *amounts, **more):
    codes = {account.name: account.code for account in xero.get_accounts(tenant).accounts}
    names = ("Loyalty Programme", "Loyalty Points Owed")
    lines = [
        ManualJournalLine(line_amount=amount, account_code=codes[name], description="Earned")
        for name, amount in zip(names, amounts, strict=True)
    ]
    wanted = ManualJournal(
        narration="Perkstar loyalty", date=date(2026, 11, 24), status="POSTED", journal_lines=lines,
        line_amount_types=LineAmountTypes.NOTAX,
    )  # fmt: skip
    return xero.create_manual_journals(tenant, ManualJournals(manual_journals=[wanted]), **more)


def test_a_journal_is_entered_once_for_its_key_and_found_by_its_narration(xero, tenant):
    first, again = (
        entered(xero, tenant, 12.5, -12.5, idempotency_key="PK20261124-1").manual_journals[0]
        for _ in range(2)
    )
    assert first.manual_journal_id == again.manual_journal_id and first.status == "POSTED"
    found = xero.get_manual_journals(tenant, where='Narration=="Perkstar loyalty"').manual_journals
    assert [one.manual_journal_id for one in found] == [first.manual_journal_id]
    assert found[0].date == date(2026, 11, 24)
    assert [line.line_amount for line in found[0].journal_lines] == [12.5, -12.5]


def test_a_journal_that_does_not_balance_is_refused(xero, tenant):
    with pytest.raises(AccountingBadRequestException) as problem:
        entered(xero, tenant, 12.5, -12.4)
    words = problem.value.error_data["Elements"][0]["ValidationErrors"][0]["Message"]
    assert words == "The total debits (12.50) must equal total credits (-12.40)"

"""Salesforce by simple-salesforce, the client that is used in Python where the vendor has none, on the sandbox."""

from datetime import UTC, datetime, timedelta

import pytest
import requests
from simple_salesforce import Salesforce, format_soql
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)

VENDOR = "salesforce"


@pytest.fixture
def client_of(vendor, as_plain_http):
    def make(token):
        session = requests.Session()
        session.mount("https://", as_plain_http)
        return Salesforce(instance=vendor.host, session_id=token, session=session, version="64.0")

    return make


@pytest.fixture
def salesforce(vendor, client_of):
    return client_of(vendor.credentials["access_token"])


def made(salesforce, email, **fields):
    answer = salesforce.Contact.create({"LastName": "Lee", "Email": email, **fields})
    assert answer["success"]
    return answer["id"]


def test_every_contact_is_listed(vendor, salesforce):
    answer = salesforce.query_all("SELECT Id, Email FROM Contact ORDER BY Id")
    assert answer["done"]
    assert {record["Id"] for record in answer["records"]} == {r["Id"] for r in vendor.records("contacts")}
    assert answer["totalSize"] == salesforce.query("SELECT COUNT() FROM Contact")["totalSize"]


def test_a_contact_is_created_changed_and_read(vendor, salesforce):
    email = vendor.address()
    identifier = made(salesforce, email)
    assert salesforce.Contact.update(identifier, {"FirstName": "Ana"}) == 204
    read = salesforce.Contact.get(identifier)
    assert (read["FirstName"], read["LastName"], read["Email"], read["Name"]) == (
        "Ana",
        "Lee",
        email,
        "Ana Lee",
    )


def test_a_contact_is_found_by_address(vendor, salesforce):
    email = vendor.address()
    identifier = made(salesforce, email)
    found = salesforce.query(format_soql("SELECT Id FROM Contact WHERE Email = {}", email))
    assert [record["Id"] for record in found["records"]] == [identifier]


def test_the_fields_of_a_contact_are_described(salesforce):
    fields = {field["name"]: field for field in salesforce.Contact.describe()["fields"]}
    assert fields["Email"]["type"] == "email"
    assert not fields["LastName"]["nillable"]


def test_a_deleted_contact_is_told_as_deleted(vendor, salesforce):
    identifier = made(salesforce, vendor.address())
    salesforce.Contact.delete(identifier)
    with pytest.raises(SalesforceResourceNotFound):
        salesforce.Contact.get(identifier)
    now = datetime.now(UTC)
    told = salesforce.Contact.deleted(now - timedelta(hours=1), now + timedelta(minutes=5))
    assert identifier in [record["id"] for record in told["deletedRecords"]]


def test_a_contact_without_a_last_name_or_with_a_wrong_address_is_refused(salesforce):
    for fields, code in (
        ({"FirstName": "Ana"}, "REQUIRED_FIELD_MISSING"),
        ({"LastName": "Lee", "Email": "no address"}, "INVALID_EMAIL_ADDRESS"),
    ):
        with pytest.raises(SalesforceMalformedRequest) as problem:
            salesforce.Contact.create(fields)
        assert problem.value.content[0]["errorCode"] == code


def test_a_query_for_a_field_that_is_not_there_is_refused(salesforce):
    with pytest.raises(SalesforceMalformedRequest) as problem:
        salesforce.query("SELECT Shoe FROM Contact")
    assert problem.value.content[0]["errorCode"] == "INVALID_FIELD"


def test_a_wrong_token_is_refused(client_of):
    with pytest.raises(SalesforceExpiredSession) as problem:
        client_of("wrong").query("SELECT Id FROM Contact")
    assert problem.value.status == 401

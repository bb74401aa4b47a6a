"""SendGrid's own client (sendgrid, marketing contacts) on the sandbox."""

import pytest
from python_http_client.exceptions import BadRequestsError, NotFoundError, UnauthorizedError
from sendgrid import SendGridAPIClient

VENDOR = "sendgrid"


def client_of(vendor, key):
    return SendGridAPIClient(api_key=key, host=vendor.url).client.marketing


@pytest.fixture
def marketing(vendor):
    return client_of(vendor, vendor.credentials["api_key"])


def put(marketing, *contacts):
    """Contacts are taken by a job; answers how it ended."""
    answer = marketing.contacts.put(request_body={"contacts": list(contacts)})
    assert answer.status_code == 202
    return marketing.contacts.imports._(answer.to_dict["job_id"]).get().to_dict


def by_address(marketing, email):
    answer = marketing.contacts.search.emails.post(request_body={"emails": [email]})
    return answer.to_dict["result"][email]["contact"]


def test_contacts_are_listed_with_their_number(vendor, marketing):
    answer = marketing.contacts.get().to_dict
    kept = {record["id"] for record in vendor.records("contacts")}
    assert answer["contact_count"] == len(kept) == marketing.contacts.count.get().to_dict["contact_count"]
    assert {contact["id"] for contact in answer["result"]} <= kept


def test_a_contact_is_created_and_then_changed_by_its_address(vendor, marketing):
    email = vendor.address()
    first = put(marketing, {"email": email, "first_name": "Ana"})
    second = put(marketing, {"email": email, "last_name": "Lee"})
    assert (first["status"], first["results"]["created_count"]) == ("completed", 1)
    assert (second["status"], second["results"]["updated_count"]) == ("completed", 1)
    found = by_address(marketing, email)
    assert (found["first_name"], found["last_name"]) == ("Ana", "Lee")
    assert marketing.contacts._(found["id"]).get().to_dict["email"] == email


def test_contacts_are_searched_by_query(vendor, marketing):
    email = vendor.address()
    put(marketing, {"email": email})
    answer = marketing.contacts.search.post(request_body={"query": f"email = '{email}'"}).to_dict
    assert answer["contact_count"] == 1
    assert answer["result"][0]["email"] == email


def test_a_custom_field_is_defined_and_filled(vendor, marketing):
    field = marketing.field_definitions.post(request_body={"name": "points", "field_type": "Number"}).to_dict
    email = vendor.address()
    put(marketing, {"email": email, "custom_fields": {field["id"]: 120}})
    assert by_address(marketing, email)["custom_fields"] == {"points": 120}


def test_a_deleted_contact_is_gone(vendor, marketing):
    email = vendor.address()
    put(marketing, {"email": email})
    contact = by_address(marketing, email)
    assert marketing.contacts.delete(query_params={"ids": contact["id"]}).status_code == 202
    with pytest.raises(NotFoundError):
        marketing.contacts._(contact["id"]).get()


def test_an_address_that_nobody_has_is_not_found(vendor, marketing):
    with pytest.raises(NotFoundError):
        by_address(marketing, vendor.address())


def test_one_wrong_address_refuses_the_list(vendor, marketing):
    good = vendor.address()
    with pytest.raises(BadRequestsError) as problem:
        put(marketing, {"email": good}, {"email": "no address"})
    assert problem.value.to_dict["errors"][0]["field"] == "contacts[1].email"
    with pytest.raises(NotFoundError):
        by_address(marketing, good)


def test_a_wrong_key_is_refused(vendor):
    with pytest.raises(UnauthorizedError) as problem:
        client_of(vendor, "SG.wrong").contacts.count.get()
    assert problem.value.status_code == 401

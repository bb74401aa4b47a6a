"""HubSpot's own client (hubspot-api-client) on the sandbox."""

from itertools import pairwise

import pytest
from hubspot import HubSpot
from hubspot.crm.contacts import (
    ApiException,
    BatchInputSimplePublicObjectBatchInputForCreate,
    Filter,
    FilterGroup,
    PublicObjectSearchRequest,
    SimplePublicObjectInput,
    SimplePublicObjectInputForCreate,
)

VENDOR = "hubspot"


@pytest.fixture
def contacts(vendor):
    # Every setting of the generated clients can be given to the one client; `host` is their base URL.
    return HubSpot(access_token=vendor.credentials["access_token"], host=vendor.url).crm.contacts


def created(contacts, email, **properties):
    wanted = SimplePublicObjectInputForCreate(properties={"email": email, **properties})
    return contacts.basic_api.create(simple_public_object_input_for_create=wanted)


def found(contacts, email):
    wanted = Filter(property_name="email", operator="EQ", value=email)
    request = PublicObjectSearchRequest(
        filter_groups=[FilterGroup(filters=[wanted])], properties=["email", "lastname"], limit=10
    )
    return contacts.search_api.do_search(public_object_search_request=request)


def test_every_contact_is_listed_page_by_page(vendor, contacts):
    first = contacts.basic_api.get_page(limit=7, properties=["email"])
    assert len(first.results) == 7
    assert first.paging.next.after
    listed = contacts.get_all(properties=["email"])
    assert {contact.id for contact in listed} == {record["id"] for record in vendor.records("contacts")}
    assert all(contact.properties["email"] for contact in listed)


def test_a_contact_is_created_changed_and_read(vendor, contacts):
    email = vendor.address()
    made = created(contacts, email, firstname="Ana")
    change = SimplePublicObjectInput(properties={"lastname": "Lee"})
    contacts.basic_api.update(contact_id=made.id, simple_public_object_input=change)
    read = contacts.basic_api.get_by_id(made.id, properties=["email", "firstname", "lastname"])
    assert (read.properties["firstname"], read.properties["lastname"]) == ("Ana", "Lee")
    assert read.properties["email"] == email
    assert read.updated_at >= made.created_at


def test_a_contact_is_found_by_its_address(vendor, contacts):
    email = contacts.basic_api.get_page(limit=1, properties=["email"]).results[0].properties["email"]
    answer = found(contacts, email)
    assert answer.total == 1
    assert answer.results[0].properties["email"] == email
    assert found(contacts, vendor.address()).total == 0


def test_search_gives_contacts_by_the_time_of_their_change(contacts):
    since = Filter(property_name="lastmodifieddate", operator="GTE", value="0")
    request = PublicObjectSearchRequest(
        filter_groups=[FilterGroup(filters=[since])],
        sorts=[{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}],
        properties=["lastmodifieddate"],
        limit=20,
    )
    times = [one.updated_at for one in contacts.search_api.do_search(request).results]
    assert len(times) == 20
    assert all(earlier <= later for earlier, later in pairwise(times))


def test_several_contacts_are_created_at_once(vendor, contacts):
    inputs = [{"properties": {"email": vendor.address()}} for _ in range(3)]
    batch = BatchInputSimplePublicObjectBatchInputForCreate(inputs=inputs)
    answer = contacts.batch_api.create(batch)
    assert answer.status == "COMPLETE"
    assert {one.properties["email"] for one in answer.results} == {
        one["properties"]["email"] for one in inputs
    }


def test_an_archived_contact_is_gone(vendor, contacts):
    made = created(contacts, vendor.address())
    contacts.basic_api.archive(made.id)
    with pytest.raises(ApiException) as problem:
        contacts.basic_api.get_by_id(made.id)
    assert problem.value.status == 404


def test_a_second_contact_with_an_address_is_a_conflict(vendor, contacts):
    email = vendor.address()
    first = created(contacts, email)
    with pytest.raises(ApiException) as problem:
        created(contacts, email)
    assert problem.value.status == 409
    assert f"Existing ID: {first.id}" in problem.value.body


def test_a_property_that_does_not_exist_is_refused(vendor, contacts):
    with pytest.raises(ApiException) as problem:
        created(contacts, vendor.address(), shoe_size="44")
    assert problem.value.status == 400
    assert "PROPERTY_DOESNT_EXIST" in problem.value.body


def test_a_wrong_token_is_refused(vendor):
    stranger = HubSpot(access_token="wrong", host=vendor.url).crm.contacts
    with pytest.raises(ApiException) as problem:
        stranger.basic_api.get_page(limit=1)
    assert problem.value.status == 401


def test_a_refresh_token_buys_a_token_that_is_good(vendor):
    given = vendor.credentials
    tokens = HubSpot(host=vendor.url).oauth.tokens_api.create(
        grant_type="refresh_token",
        refresh_token=given["refresh_token"],
        client_id=given["client_id"],
        client_secret=given["client_secret"],
    )
    fresh = HubSpot(access_token=tokens.access_token, host=vendor.url).crm.contacts
    assert fresh.basic_api.get_page(limit=1).results

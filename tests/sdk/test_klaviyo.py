"""Klaviyo's own client (klaviyo-api) on the sandbox."""

import pytest
from klaviyo_api import KlaviyoAPI
from openapi_client.api_arg_options import USE_DICTIONARY_FOR_RESPONSE_DATA
from openapi_client.exceptions import (
    ApiException,
    BadRequestException,
    NotFoundException,
    UnauthorizedException,
)

VENDOR = "klaviyo"


def client_of(vendor, key):
    # The client's own setting for another host; answers as dictionaries.
    return KlaviyoAPI(key, test_host=vendor.url, options={USE_DICTIONARY_FOR_RESPONSE_DATA: True})


@pytest.fixture
def client(vendor):
    return client_of(vendor, vendor.credentials["api_key"])


@pytest.fixture
def profiles(client):
    return client.Profiles


def body(email, identifier=None, **attributes):
    data = {"type": "profile", "attributes": {"email": email, **attributes}}
    return {"data": data if identifier is None else {**data, "id": identifier}}


def test_every_profile_is_listed_page_by_page(vendor, profiles):
    page = profiles.get_profiles(page_size=7)
    listed = page["data"]
    while following := page["links"].get("next"):
        # The client finds the cursor in an address itself, but only where that begins with https.
        page = profiles.get_profiles(page_size=7, page_cursor=following.replace("http://", "https://"))
        listed += page["data"]
    kept = {record["id"] for record in vendor.records("profiles")}
    assert len(listed) == len(kept)
    assert {profile["id"] for profile in listed} == kept


def test_a_profile_is_created_changed_and_read(vendor, profiles):
    email = vendor.address()
    new = profiles.create_profile(body(email, first_name="Ana"))["data"]
    profiles.update_profile(new["id"], body(email, new["id"], last_name="Lee"))
    read = profiles.get_profile(new["id"])["data"]["attributes"]
    assert (read["email"], read["first_name"], read["last_name"]) == (email, "Ana", "Lee")


def test_a_profile_is_created_or_changed_by_its_address(vendor, profiles):
    email = vendor.address()
    first = profiles.create_or_update_profile(body(email))["data"]
    second = profiles.create_or_update_profile(body(email, first_name="Ana"))["data"]
    assert first["id"] == second["id"]
    assert second["attributes"]["first_name"] == "Ana"


def test_a_profile_is_found_by_address(vendor, profiles):
    email = vendor.address()
    new = profiles.create_profile(body(email))["data"]
    assert [one["id"] for one in profiles.get_profiles(filter=f'equals(email,"{email}")')["data"]] == [
        new["id"]
    ]


def test_subscriptions_come_where_they_are_asked_for(profiles):
    page = profiles.get_profiles(page_size=1, additional_fields_profile=["subscriptions"])
    assert page["data"][0]["attributes"]["subscriptions"]["email"]["marketing"]["consent"]


def happened(profile, *marks, **more):
    """A job that tells of somebody's events."""
    events = [
        {
            "type": "event",
            "attributes": {
                "properties": {"text": "It has come."},
                "metric": {"data": {"type": "metric", "attributes": {"name": "Birthday"}}},
                "unique_id": mark,
                **more,
            },
        }
        for mark in marks
    ]
    whose = {"data": {"type": "profile", "id": profile["id"], "attributes": {}}}
    one = {"type": "event-bulk-create", "attributes": {"profile": whose, "events": {"data": events}}}
    attributes = {"events-bulk-create": {"data": [one]}}
    return {"data": {"type": "event-bulk-create-job", "attributes": attributes}}


def test_events_are_told_in_a_job_and_a_repeat_is_dropped(vendor, client):
    new = client.Profiles.create_profile(body(vendor.address()))["data"]
    for _ in range(2):
        client.Events.bulk_create_events(happened(new, "m1", "m2", time="2026-11-24T10:00:00Z"))
    found = client.Events.get_events(filter=f'equals(profile_id,"{new["id"]}")')["data"]
    assert [event["attributes"]["timestamp"] for event in found] == [1795514400] * 2
    assert "Birthday" in [metric["attributes"]["name"] for metric in client.Metrics.get_metrics()["data"]]


def test_a_job_with_an_event_twice_is_refused(vendor, client):
    new = client.Profiles.create_profile(body(vendor.address()))["data"]
    with pytest.raises(BadRequestException):
        client.Events.bulk_create_events(happened(new, "m1", "m1"))
    assert client.Events.get_events(filter=f'equals(profile_id,"{new["id"]}")')["data"] == []


def test_a_profile_that_is_there_is_a_conflict(vendor, profiles):
    email = vendor.address()
    new = profiles.create_profile(body(email))["data"]
    with pytest.raises(ApiException) as problem:
        profiles.create_profile(body(email))
    assert problem.value.status == 409
    assert new["id"] in str(problem.value.body)


def test_a_wrong_address_is_refused(profiles):
    with pytest.raises(BadRequestException) as problem:
        profiles.create_profile(body("no address"))
    assert problem.value.status == 400


def test_a_profile_that_is_not_there_is_not_found(profiles):
    with pytest.raises(NotFoundException):
        profiles.get_profile("01GDDKASAP8TKDDA2GRZDSVP4H")


def test_a_wrong_key_is_refused(vendor):
    with pytest.raises(UnauthorizedException) as problem:
        client_of(vendor, "pk_wrong").Profiles.get_profiles()
    assert problem.value.status == 401

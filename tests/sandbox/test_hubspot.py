"""HubSpot as the sandbox plays it."""

import base64
import hashlib
import hmac
import json

import pytest

CONTACTS = "/crm/v3/objects/contacts"


def contact(box, **properties):
    return box.call("hubspot", "POST", CONTACTS, {"properties": properties})


def search(box, *filters, **more):
    body = {"filterGroups": [{"filters": list(filters)}]} | more
    return box.call("hubspot", "POST", f"{CONTACTS}/search", body)


def settle(box):
    """Let the search index catch up."""
    box.control("POST", "/clock", {"advance_s": 5})


@pytest.mark.parametrize("path", [CONTACTS, "/crm/objects/2026-03/contacts", "/crm/v3/objects/0-1"])
def test_every_spelling_of_the_path_reads_each_contact_once(box, path):
    seen, after = [], ""
    while True:
        page = box.call("hubspot", "GET", f"{path}?limit=23&properties=phone{after}").json()
        seen += [item["id"] for item in page["results"]]
        if "paging" not in page:
            break
        after = f"&after={page['paging']['next']['after']}"
    assert len(seen) == len(set(seen)) == 60


def test_reads_show_default_properties_and_those_asked_for(box):
    made = contact(box, email="Ada@Gmail.com", firstname="Ada", phone="+44 7400 111222", city="York").json()
    path = f"{CONTACTS}/{made['id']}"
    shown = box.call("hubspot", "GET", path).json()
    assert shown["properties"]["email"] == "ada@gmail.com" and "city" not in shown["properties"]
    assert box.call("hubspot", "GET", f"{path}?properties=city").json()["properties"]["city"] == "York"
    by_email = box.call("hubspot", "GET", f"{CONTACTS}/ada%40gmail.com?idProperty=email").json()
    assert by_email["id"] == made["id"]


def test_a_second_contact_with_an_address_is_refused_with_the_first_ones_id(box):
    first = contact(box, email="ada@gmail.com").json()
    again = contact(box, email="ADA@gmail.com")
    assert again.status_code == 409 and again.json()["category"] == "CONFLICT"
    assert f"Existing ID: {first['id']}" in again.json()["message"]


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"email": "nobody"}, "INVALID_EMAIL"),
        ({"no_such_thing": "1"}, "PROPERTY_DOESNT_EXIST"),
        ({"lifecyclestage": "king"}, "INVALID_OPTION"),
        ({"hs_object_id": "1"}, "READ_ONLY_VALUE"),
    ],
)
def test_a_wrong_value_is_named(box, properties, code):
    answer = contact(box, **properties)
    assert answer.status_code == 400 and answer.json()["category"] == "VALIDATION_ERROR"
    assert answer.json()["errors"][0]["code"] == code


def test_an_update_without_difference_moves_nothing_and_an_empty_text_clears(box):
    made = contact(box, email="ada@gmail.com", firstname="Ada").json()
    path = f"{CONTACTS}/{made['id']}"
    same = box.call("hubspot", "PATCH", path, {"properties": {"firstname": "Ada"}}).json()
    assert same["updatedAt"] == made["updatedAt"]
    cleared = box.call("hubspot", "PATCH", path, {"properties": {"firstname": ""}}).json()
    assert cleared["updatedAt"] > made["updatedAt"] and "firstname" not in cleared["properties"]


def test_a_batch_answers_207_with_the_culprit_named_and_the_rest_done(box):
    inputs = [
        {"properties": {"email": f"b{n}@gmail.com"}, "objectWriteTraceId": f"t{n}"} for n in range(3)
    ] + [{"properties": {"email": "wrong"}, "objectWriteTraceId": "bad"}]
    answer = box.call("hubspot", "POST", f"{CONTACTS}/batch/create", {"inputs": inputs})
    body = answer.json()
    assert answer.status_code == 207 and body["numErrors"] == 1 and len(body["results"]) == 3
    assert body["errors"][0]["context"]["objectWriteTraceId"] == ["bad"]
    assert {item["objectWriteTraceId"] for item in body["results"]} == {"t0", "t1", "t2"}
    many = {"inputs": [{"properties": {}}] * 101}
    assert box.call("hubspot", "POST", f"{CONTACTS}/batch/create", many).status_code == 400


def test_upsert_by_email_and_by_a_unique_property_of_ones_own(box):
    meta = {"name": "perkstar_id", "label": "Perkstar", "type": "string", "fieldType": "text",
            "groupName": "contactinformation", "hasUniqueValue": True}  # fmt: skip
    assert box.call("hubspot", "POST", "/crm/v3/properties/contacts", meta).status_code == 201
    assert box.call("hubspot", "POST", "/crm/v3/properties/contacts", meta).status_code == 409
    for number, key in ((0, "perkstar_id"), (1, "email")):
        one = {"idProperty": key, "id": f"x{number}@gmail.com", "properties": {"firstname": "One"}}
        first = box.call("hubspot", "POST", f"{CONTACTS}/batch/upsert", {"inputs": [one]}).json()["results"][
            0
        ]
        again = box.call("hubspot", "POST", f"{CONTACTS}/batch/upsert", {"inputs": [one]}).json()["results"][
            0
        ]
        assert (first["new"], again["new"], first["id"]) == (True, False, again["id"])


def test_search_lags_behind_writes(box):
    made = contact(box, email="ada@gmail.com").json()
    wanted = {"propertyName": "email", "operator": "EQ", "value": "ADA@gmail.com"}
    assert search(box, wanted).json()["total"] == 0
    settle(box)
    assert [item["id"] for item in search(box, wanted).json()["results"]] == [made["id"]]


def test_search_by_change_is_inclusive_sorted_and_in_pages(box):
    settle(box)
    everyone = search(box, sorts=["lastmodifieddate"], limit=200).json()["results"]
    moments = [item["updatedAt"] for item in everyone]
    assert moments == sorted(moments) and len(moments) == 60
    middle = everyone[30]["updatedAt"]
    newer = {"propertyName": "lastmodifieddate", "operator": "GTE", "value": middle}
    sort = [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}]
    first = search(box, newer, sorts=sort, limit=10).json()
    assert first["results"][0]["id"] in {item["id"] for item in everyone if item["updatedAt"] == middle}
    assert first["total"] == len([m for m in moments if m >= middle])
    second = search(box, newer, sorts=sort, limit=10, after=first["paging"]["next"]["after"]).json()
    assert not {item["id"] for item in first["results"]} & {item["id"] for item in second["results"]}
    assert search(box, newer, limit=200, after="9900").status_code == 400


@pytest.mark.parametrize(
    ("operator", "more", "count"),
    [
        ("IN", {"values": ["s0@gmail.com", "s2@gmail.com"]}, 2),
        ("NEQ", {"value": "s0@gmail.com"}, 63),
        ("CONTAINS_TOKEN", {"value": "s1@*"}, 1),
        ("HAS_PROPERTY", {}, 61),
    ],
)
def test_operators(box, operator, more, count):
    for number in range(3):
        contact(box, email=f"s{number}@gmail.com")
    settle(box)
    with_email = len([c for c in box.records("hubspot", "contacts") if "email" in c["properties"]])
    found = search(box, {"propertyName": "email", "operator": operator} | more).json()["total"]
    assert found == (with_email if operator == "HAS_PROPERTY" else 62 if operator == "NEQ" else count)


def test_archived_ones_leave_the_list_and_the_search(box):
    made = contact(box, email="ada@gmail.com").json()
    assert box.call("hubspot", "DELETE", f"{CONTACTS}/{made['id']}").status_code == 204
    assert box.call("hubspot", "GET", f"{CONTACTS}/{made['id']}").status_code == 404
    archived = box.call("hubspot", "GET", f"{CONTACTS}?archived=true").json()["results"]
    assert [item["id"] for item in archived] == [made["id"]] and archived[0]["archived"] is True
    assert contact(box, email="ada@gmail.com").status_code == 201


def test_a_merged_contact_leads_to_the_winner(box):
    one = contact(box, email="one@gmail.com").json()
    two = contact(box, email="two@gmail.com", city="York").json()
    body = {"primaryObjectId": one["id"], "objectIdToMerge": two["id"]}
    box.call("hubspot", "POST", f"{CONTACTS}/merge", body)
    shown = box.call("hubspot", "GET", f"{CONTACTS}/{two['id']}?properties=city,hs_additional_emails").json()
    assert shown["id"] == one["id"]
    assert (
        shown["properties"]["city"] == "York"
        and shown["properties"]["hs_additional_emails"] == "two@gmail.com"
    )


def test_batch_read_names_who_is_missing(box):
    made = contact(box, email="ada@gmail.com").json()
    body = {"inputs": [{"id": "ada@gmail.com"}, {"id": "no@gmail.com"}], "idProperty": "email",
            "properties": ["email"], "propertiesWithHistory": []}  # fmt: skip
    answer = box.call("hubspot", "POST", f"{CONTACTS}/batch/read", body)
    assert answer.status_code == 207
    assert [item["id"] for item in answer.json()["results"]] == [made["id"]]
    assert answer.json()["errors"][0]["context"]["ids"] == ["no@gmail.com"]


def test_an_order_is_tied_to_its_contact(box):
    made = contact(box, email="ada@gmail.com").json()
    order = box.call(
        "hubspot", "POST", "/crm/v3/objects/orders", {"properties": {"hs_order_name": "A"}}
    ).json()
    path = f"/crm/v4/objects/orders/{order['id']}/associations/default/contacts/{made['id']}"
    assert len(box.call("hubspot", "PUT", path).json()["results"]) == 2
    tied = box.call("hubspot", "GET", f"/crm/v4/objects/contacts/{made['id']}/associations/orders").json()
    assert tied["results"][0]["toObjectId"] == order["id"]
    read = box.call("hubspot", "GET", f"{CONTACTS}/{made['id']}?associations=orders").json()
    assert read["associations"]["orders"]["results"][0]["id"] == order["id"]


def test_limits_tell_what_is_left_and_searches_have_their_own(strict_box):
    answer = strict_box.call("hubspot", "GET", "/account-info/v3/details")
    assert answer.headers["x-hubspot-ratelimit-max"] == "110"
    left = int(answer.headers["x-hubspot-ratelimit-remaining"])
    answer = strict_box.call("hubspot", "GET", "/account-info/v3/details")
    assert int(answer.headers["x-hubspot-ratelimit-remaining"]) == left - 1
    searches = [search(strict_box) for _ in range(7)]
    refused = [answer for answer in searches if answer.status_code == 429]
    assert refused and refused[0].json()["policyName"] == "SECONDLY"
    assert "x-hubspot-ratelimit-max" not in searches[0].headers
    private = strict_box.line["platforms"]["hubspot"]["alternatives"]["service_key"]["api_key"]
    headers = {"Authorization": f"Bearer {private}"}
    answer = strict_box.call("hubspot", "GET", "/account-info/v3/details", headers=headers)
    assert (
        answer.headers["x-hubspot-ratelimit-max"] == "190" and "x-hubspot-ratelimit-daily" in answer.headers
    )
    many = [strict_box.call("hubspot", "GET", "/account-info/v3/details").status_code for _ in range(120)]
    assert 429 in many
    strict_box.control("POST", "/clock", {"advance_s": 11})
    assert strict_box.call("hubspot", "GET", "/account-info/v3/details").status_code == 200


def test_events_are_signed_over_address_body_and_time(box, ear):
    given = box.line["platforms"]["hubspot"]
    app, key = given["alternatives"]["developer"]["app_id"], given["alternatives"]["developer"]["api_key"]
    developer = {"Authorization": f"Bearer {key}"}
    settings = {"targetUrl": ear.url, "throttling": {"maxConcurrentRequests": 5}}
    assert box.call("hubspot", "PUT", f"/webhooks/v3/{app}/settings", settings).status_code == 401
    box.call("hubspot", "PUT", f"/webhooks/v3/{app}/settings", settings, headers=developer)
    body = {"eventType": "contact.propertyChange", "propertyName": "firstname", "active": True}
    made = box.call("hubspot", "POST", f"/webhooks/v3/{app}/subscriptions", body, headers=developer)
    assert made.status_code == 201
    someone = box.records("hubspot", "contacts")[0]
    box.control(
        "PUT", f"/hubspot/records/contacts/{someone['id']}", {"firstname": "Grace", "lastname": "Hopper"}
    )
    headers, raw = ear.next()
    text = b"POST" + ear.url.encode() + raw + headers["x-hubspot-request-timestamp"].encode()
    secret = given["credentials"]["client_secret"].encode()
    expected = base64.b64encode(hmac.new(secret, text, hashlib.sha256).digest()).decode()
    assert headers["x-hubspot-signature-v3"] == expected
    event = json.loads(raw)[0]
    assert (event["objectId"], event["propertyName"], event["propertyValue"]) == (
        int(someone["id"]), "firstname", "Grace",
    )  # fmt: skip

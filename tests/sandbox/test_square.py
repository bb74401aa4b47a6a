"""Square as the sandbox plays it."""

import base64
import hashlib
import hmac
import json

import pytest

CUSTOMERS = "/v2/customers"


def customer(box, **fields):
    return box.call("square", "POST", CUSTOMERS, fields)


def settle(box):
    box.control("POST", "/clock", {"advance_s": 5})


def personal(box):
    token = box.line["platforms"]["square"]["alternatives"]["personal_token"]["access_token"]
    return {"Authorization": f"Bearer {token}"}


def everyone(box, method, path, member, body=None):
    """All pages of a list or a search."""
    found, cursor = [], ""
    while True:
        if method == "GET":
            page = box.call("square", "GET", f"{path}{'&' if '?' in path else '?'}cursor={cursor}").json()
        else:
            page = box.call(
                "square", "POST", path, (body or {}) | ({"cursor": cursor} if cursor else {})
            ).json()
        found += page.get(member, [])
        cursor = page.get("cursor")
        if not cursor:
            return found


def test_lists_and_searches_read_each_customer_once(box):
    settle(box)
    by_list = everyone(box, "GET", f"{CUSTOMERS}?limit=17", "customers")
    by_search = everyone(box, "POST", f"{CUSTOMERS}/search", "customers", {"limit": 17})
    assert len(by_list) == 60 and {c["id"] for c in by_list} == {c["id"] for c in by_search}
    created = everyone(box, "GET", f"{CUSTOMERS}?limit=17&sort_field=CREATED_AT&sort_order=DESC", "customers")
    moments = [item["created_at"] for item in created]
    assert moments == sorted(moments, reverse=True)
    assert "version" in by_list[0] and box.call("square", "GET", CUSTOMERS).headers["square-version"]


def test_a_cursor_ends_after_five_minutes_and_belongs_to_its_query(box):
    page = box.call("square", "GET", f"{CUSTOMERS}?limit=5").json()
    other = box.call("square", "GET", f"{CUSTOMERS}?limit=5&sort_field=CREATED_AT&cursor={page['cursor']}")
    assert other.json()["errors"][0]["code"] == "INVALID_CURSOR"
    assert box.call("square", "GET", f"{CUSTOMERS}?limit=5&cursor={page['cursor']}").status_code == 200
    box.control("POST", "/clock", {"advance_s": 301})
    late = box.call("square", "GET", f"{CUSTOMERS}?limit=5&cursor={page['cursor']}")
    assert late.json()["errors"][0]["code"] == "INVALID_CURSOR"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "BAD_REQUEST"),
        ({"given_name": "A", "email_address": "nobody"}, "INVALID_EMAIL_ADDRESS"),
        ({"given_name": "A", "phone_number": "12"}, "INVALID_PHONE_NUMBER"),
        ({"given_name": "A", "birthday": "tomorrow"}, "INVALID_DATE"),
        ({"given_name": "A" * 301}, "VALUE_TOO_LONG"),
    ],
)
def test_a_wrong_value_has_the_code_of_its_own(box, fields, code):
    answer = customer(box, **fields)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == code


def test_the_same_key_makes_one_customer_and_another_body_under_it_is_refused(box):
    first = customer(box, idempotency_key="k1", given_name="Ada").json()["customer"]
    again = customer(box, idempotency_key="k1", given_name="Ada").json()["customer"]
    assert first["id"] == again["id"]
    other = customer(box, idempotency_key="k1", given_name="Bob")
    assert other.json()["errors"][0]["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert customer(box, given_name="Ada").json()["customer"]["id"] != first["id"]


def test_an_old_version_is_a_conflict_and_null_clears(box):
    made = customer(box, given_name="Ada", note="x").json()["customer"]
    path = f"{CUSTOMERS}/{made['id']}"
    changed = box.call("square", "PUT", path, {"note": None, "version": made["version"]}).json()["customer"]
    assert "note" not in changed and changed["version"] == made["version"] + 1
    stale = box.call("square", "PUT", path, {"note": "y", "version": made["version"]})
    assert (stale.status_code, stale.json()["errors"][0]["code"]) == (409, "CONFLICT")
    same = box.call("square", "PUT", path, {"given_name": "Ada"}).json()["customer"]
    assert same == changed
    assert customer(box, given_name="B", birthday="05-14").json()["customer"]["birthday"] == "0000-05-14"


def test_search_lags_and_finds_by_address_phone_and_reference(box):
    made = customer(
        box, email_address="Ada@Gmail.com", phone_number="+447400111222", reference_id="r1"
    ).json()
    wanted = {
        "email_address": {"exact": "ada@gmail.com"},
        "phone_number": {"exact": "+447400111222"},
        "reference_id": {"exact": "r1"},
    }
    query = [{"query": {"filter": {name: value}}} for name, value in wanted.items()]
    query += [{"query": {"filter": {"phone_number": {"fuzzy": "0011122"}}}}]
    assert box.call("square", "POST", f"{CUSTOMERS}/search", query[0]).json() == {}
    settle(box)
    for body in query:
        found = box.call("square", "POST", f"{CUSTOMERS}/search", body).json()["customers"]
        assert [item["id"] for item in found] == [made["customer"]["id"]]


def test_search_by_change_and_by_source(box):
    settle(box)
    now = box.control("GET", "/clock")["now"]
    made = customer(box, given_name="New").json()["customer"]
    settle(box)
    since = {"query": {"filter": {"updated_at": {"start_at": made["updated_at"]}}}, "count": True}
    found = box.call("square", "POST", f"{CUSTOMERS}/search", since).json()
    assert [item["id"] for item in found["customers"]] == [made["id"]] and found["count"] == 1 and now
    instant = {"creation_source": {"values": ["INSTANT_PROFILE"], "rule": "EXCLUDE"}}
    left = everyone(box, "POST", f"{CUSTOMERS}/search", "customers", {"query": {"filter": instant}})
    assert len(left) == 60  # one of the seed is an instant profile


def test_bulk_answers_under_the_same_keys_each_with_its_own_errors(box):
    body = {"customers": {"k1": {"given_name": "Ada"}, "k2": {"email_address": "no"}}}
    answer = box.call("square", "POST", f"{CUSTOMERS}/bulk-create", body)
    responses = answer.json()["responses"]
    assert answer.status_code == 200 and responses["k2"]["errors"][0]["code"] == "INVALID_EMAIL_ADDRESS"
    made = responses["k1"]["customer"]
    again = box.call(
        "square", "POST", f"{CUSTOMERS}/bulk-create", {"customers": {"k1": {"given_name": "Ada"}}}
    )
    assert again.json()["responses"]["k1"]["customer"]["id"] == made["id"]
    update = {"customers": {made["id"]: {"note": "n"}, "none": {"note": "n"}}}
    responses = box.call("square", "POST", f"{CUSTOMERS}/bulk-update", update).json()["responses"]
    assert responses[made["id"]]["customer"]["note"] == "n" and responses["none"]["errors"]
    ids = {"customer_ids": [made["id"], "none"]}
    responses = box.call("square", "POST", f"{CUSTOMERS}/bulk-retrieve", ids).json()["responses"]
    assert responses[made["id"]]["customer"]["note"] == "n"
    box.call("square", "POST", f"{CUSTOMERS}/bulk-delete", ids)
    assert box.call("square", "GET", f"{CUSTOMERS}/{made['id']}").status_code == 404
    many = {"customers": {str(n): {"given_name": "x"} for n in range(101)}}
    assert box.call("square", "POST", f"{CUSTOMERS}/bulk-create", many).status_code == 400


def test_custom_attributes_have_kinds_and_versions(box):
    number = {
        "$ref": "https://developer-production-s.squarecdn.com/schemas/v1/common.json#squareup.common.Number"
    }
    definition = {"custom_attribute_definition": {"key": "points", "name": "Points", "schema": number,
                                                  "visibility": "VISIBILITY_READ_ONLY"}}  # fmt: skip
    path = f"{CUSTOMERS}/custom-attribute-definitions"
    assert box.call("square", "GET", path).json() == {}
    assert box.call("square", "POST", path, definition).status_code == 200
    assert box.call("square", "POST", path, definition).status_code == 400
    owner = box.records("square", "customers")[0]["id"]
    value = f"{CUSTOMERS}/{owner}/custom-attributes/points"
    wrong = box.call("square", "POST", value, {"custom_attribute": {"value": 12}})
    assert wrong.json()["errors"][0]["code"] == "INVALID_VALUE"
    assert (
        box.call("square", "POST", value, {"custom_attribute": {"value": "12"}}).json()["custom_attribute"][
            "version"
        ]
        == 1
    )
    values = {"a": {"customer_id": owner, "custom_attribute": {"key": "points", "value": "13"}},
              "b": {"customer_id": "none", "custom_attribute": {"key": "points", "value": "1"}}}  # fmt: skip
    answer = box.call(
        "square", "POST", f"{CUSTOMERS}/custom-attributes/bulk-upsert", {"values": values}
    ).json()
    assert answer["values"]["a"]["custom_attribute"]["version"] == 2 and answer["values"]["b"]["errors"]
    stale = box.call("square", "POST", value, {"custom_attribute": {"value": "14", "version": 1}})
    assert stale.status_code == 409
    assert box.call("square", "GET", value).json()["custom_attribute"]["value"] == "13"


def test_orders_are_searched_by_place_and_date_in_that_order(box):
    places = [place["id"] for place in box.call("square", "GET", "/v2/locations").json()["locations"]]
    sort = {"sort_field": "UPDATED_AT", "sort_order": "ASC"}
    body = {"location_ids": places, "limit": 7, "query": {"sort": sort}}
    found = everyone(box, "POST", "/v2/orders/search", "orders", body)
    assert len(found) == len({order["id"] for order in found}) == 30
    moments = [order["updated_at"] for order in found]
    assert moments == sorted(moments)
    since = {
        "date_time_filter": {"updated_at": {"start_at": moments[20]}},
        "state_filter": {"states": ["COMPLETED"]},
    }
    body["query"]["filter"] = since
    later = everyone(box, "POST", "/v2/orders/search", "orders", body)
    assert {o["id"] for o in later} == {
        o["id"] for o in found if o["updated_at"] >= moments[20] and o["state"] == "COMPLETED"
    }
    body["query"]["sort"] = {"sort_field": "CREATED_AT"}
    assert box.call("square", "POST", "/v2/orders/search", body).status_code == 400
    assert box.call("square", "POST", "/v2/orders/search", {}).json()["errors"][0]["field"] == "location_ids"


def test_the_sums_of_every_order_of_the_seed_add_up(box):
    for order in box.records("square", "orders"):
        lines = order["line_items"]
        assert order["total_tax_money"]["amount"] == sum(line["total_tax_money"]["amount"] for line in lines)
        whole = sum(line["total_money"]["amount"] for line in lines) + order["total_tip_money"]["amount"]
        assert order["total_money"]["amount"] == whole
        paid = sum(tender["amount_money"]["amount"] for tender in order.get("tenders", []))
        assert paid == (whole if order["state"] == "COMPLETED" else 0)
        back = sum(refund["amount_money"]["amount"] for refund in order.get("refunds", []))
        assert order["net_amounts"]["total_money"]["amount"] == whole - back


def test_payments_are_of_the_main_place_unless_another_is_named(box):
    places = [place["id"] for place in box.call("square", "GET", "/v2/locations").json()["locations"]]
    by_place = [everyone(box, "GET", f"/v2/payments?location_id={place}", "payments") for place in places]
    main = everyone(box, "GET", "/v2/payments", "payments")
    assert {p["id"] for p in main} == {p["id"] for p in by_place[0]}
    assert sum(map(len, by_place)) == len(box.records("square", "payments"))
    refunds = everyone(box, "GET", "/v2/refunds?sort_order=ASC", "refunds")
    assert len(refunds) == len(box.records("square", "refunds"))


def test_a_sale_from_order_to_refund(box):
    place = box.line["platforms"]["square"]["credentials"]["location_id"]
    buyer = box.records("square", "customers")[0]["id"]
    line = {"name": "Tea", "quantity": "2", "base_price_money": {"amount": 310, "currency": "GBP"}}
    order = {"location_id": place, "customer_id": buyer, "line_items": [line]}
    made = box.call("square", "POST", "/v2/orders", {"order": order, "idempotency_key": "o1"}).json()["order"]
    assert (made["state"], made["total_money"]["amount"]) == ("OPEN", 620)
    pay = {"source_id": "CASH", "idempotency_key": "p1", "order_id": made["id"], "location_id": place,
           "amount_money": {"amount": 620, "currency": "GBP"}}  # fmt: skip
    payment = box.call("square", "POST", "/v2/payments", pay).json()["payment"]
    read = box.call("square", "GET", f"/v2/orders/{made['id']}").json()["order"]
    assert (read["state"], read["tenders"][0]["payment_id"]) == ("COMPLETED", payment["id"])
    give = {
        "idempotency_key": "r1",
        "payment_id": payment["id"],
        "amount_money": {"amount": 200, "currency": "GBP"},
    }
    refund = box.call("square", "POST", "/v2/refunds", give).json()["refund"]
    assert box.call("square", "POST", "/v2/refunds", give).json()["refund"]["id"] == refund["id"]
    too_much = box.call(
        "square", "POST", "/v2/refunds", give | {"idempotency_key": "r2", "amount_money": {"amount": 421}}
    )
    assert too_much.json()["errors"][0]["code"] == "REFUND_AMOUNT_INVALID"
    read = box.call("square", "GET", f"/v2/orders/{made['id']}").json()["order"]
    assert read["refunds"][0]["id"] == refund["id"] and read["net_amounts"]["total_money"]["amount"] == 420


def test_more_requests_in_a_second_than_allowed_are_refused(strict_box):
    statuses = [strict_box.call("square", "GET", "/v2/merchants/me").status_code for _ in range(80)]
    assert statuses[0] == 200 and 429 in statuses


def test_subscriptions_need_the_personal_token_and_events_are_signed(box, ear):
    hooks = "/v2/webhooks/subscriptions"
    events = ["customer.updated", "customer.deleted", "order.created", "refund.created"]
    body = {"subscription": {"name": "n", "event_types": events, "notification_url": ear.url}}
    assert box.call("square", "POST", hooks, body).status_code == 403
    made = box.call("square", "POST", hooks, body, headers=personal(box)).json()["subscription"]
    someone = box.records("square", "customers")[0]["id"]
    box.control("PUT", f"/square/records/customers/{someone}", {"nickname": "Bear"})
    headers, raw = ear.next()
    digest = hmac.new(made["signature_key"].encode(), ear.url.encode() + raw, hashlib.sha256).digest()
    assert headers["x-square-hmacsha256-signature"] == base64.b64encode(digest).decode()
    event = json.loads(raw)
    assert (event["type"], event["data"]["object"]["customer"]["nickname"]) == ("customer.updated", "Bear")
    box.control("PUT", "/square/records/orders/ORDER1", {"customer_id": someone})
    order = ear.next_json()
    assert order["data"]["object"]["order_created"]["order_id"] == "ORDER1"
    payment = box.call("square", "GET", "/v2/orders/ORDER1").json()["order"]["tenders"][0]["payment_id"]
    box.control("PUT", "/square/records/refunds/REFUND1", {"payment_id": payment})
    assert ear.next_json()["data"]["id"] == "REFUND1"
    other = box.records("square", "customers")[1]["id"]
    box.control("POST", "/square/records/customers:merge", {"winner": other, "loser": someone})
    seen = [ear.next_json(), ear.next_json()]
    gone = next(event for event in seen if event["type"] == "customer.deleted")
    assert gone["data"]["object"]["event_context"]["merge"]["to_customer_id"] == other
    assert box.call("square", "GET", "/v2/orders/ORDER1").json()["order"]["customer_id"] == other

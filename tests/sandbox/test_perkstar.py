"""Perkstar's cloud as the sandbox plays it."""

import hashlib
import hmac
import json

import pytest


def customer(box, **fields):
    return box.call("perkstar", "POST", "/api/v2/customers", {"firstName": "Ada"} | fields)


def card_of(box, template, **fields):
    person = customer(box, **fields).json()["data"]
    answer = box.call(
        "perkstar", "POST", "/api/v2/cards", {"customerId": person["id"], "templateId": template}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def operate(box, card, name, **body):
    return box.call("perkstar", "POST", f"/api/v2/cards/{card['id']}/{name}", body)


def templates(box):
    found = box.call("perkstar", "GET", "/api/v2/templates").json()["data"]
    return {item["type"]: item["id"] for item in found}


def test_a_wrong_key_is_refused(box):
    answer = box.http.get(box.base("perkstar") + "/api/v2/profile", headers={"X-API-Key": "x"})
    assert answer.status_code == 401 and answer.json()["code"] == 401


def test_pages_hold_each_customer_once_and_at_most_a_thousand(box):
    seen = []
    for page in range(1, 5):
        answer = box.call("perkstar", "GET", f"/api/v2/customers?page={page}&itemsPerPage=25").json()
        assert answer["meta"] == {"totalItems": 60, "itemsPerPage": 25, "currentPage": page}
        seen += [item["id"] for item in answer["data"]]
    assert len(seen) == len(set(seen)) == 60
    assert box.call("perkstar", "GET", "/api/v2/customers?itemsPerPage=1001").status_code == 422
    assert len(box.call("perkstar", "GET", "/api/v2/customers").json()["data"]) == 30


@pytest.mark.parametrize("again", [{"email": "ADA@Gmail.com"}, {"phone": "+44 7400 111222"}])
def test_the_same_email_or_phone_is_a_clash_and_is_found_by_it(box, again):
    made = customer(box, email="ada@gmail.com", phone="447400111222")
    assert made.status_code == 201
    assert customer(box, **again).status_code == 409
    for query in ("email=ada@gmail.com", "phone=%2B447400111222", "phone=447400111222"):
        found = box.call("perkstar", "GET", f"/api/v2/customers?{query}").json()["data"]
        assert [item["id"] for item in found] == [made.json()["data"]["id"]]


@pytest.mark.parametrize(
    "fields",
    [{"firstName": ""}, {"email": "no"}, {"phone": "12"}, {"dateOfBirth": "14.05.1990"}, {"gender": 7}],
)
def test_a_wrong_member_is_422_and_nothing_is_made(box, fields):
    assert customer(box, **fields).status_code == 422
    assert box.control("GET", "/perkstar/records/customers?limit=1")["total"] == 60


def test_a_change_keeps_the_phone_and_one_without_difference_writes_nothing(box):
    made = customer(box, phone="447400111222", surname="L").json()["data"]
    path = f"/api/v2/customers/{made['id']}"
    same = box.call("perkstar", "PATCH", path, {"id": made["id"], "surname": "L", "phone": "447400999999"})
    assert same.json()["data"] == made
    changed = box.call("perkstar", "PATCH", path, {"id": made["id"], "surname": None}).json()["data"]
    assert changed["surname"] is None and changed["phone"] == "447400111222"
    last = box.control("GET", "/perkstar/requests")["requests"][-2:]
    assert [entry["writes"] for entry in last] == [0, 1]


def test_a_deleted_customer_is_gone_with_the_cards(box):
    card = card_of(box, templates(box)[7], email="gone@gmail.com")
    path = f"/api/v2/customers/{card['customerId']}"
    assert box.call("perkstar", "DELETE", path).json()["data"] == {"id": card["customerId"]}
    assert box.call("perkstar", "GET", path).status_code == 404
    assert box.call("perkstar", "GET", f"/api/v2/cards/{card['id']}").status_code == 404


@pytest.mark.parametrize(
    ("kind", "add", "take", "member", "purse"),
    [
        (0, "add-stamp", "subtract-stamp", "stamps", "numberStampsTotal"),
        (0, "add-reward", "subtract-reward", "rewards", "numberRewardsUnused"),
        (1, "add-point", "subtract-point", "points", "bonusBalance"),
        (1, "add-transaction-amount", "subtract-transaction-amount", "amount", "balance"),
        (2, "add-visit", "subtract-visit", "visits", "currentNumberOfUses"),
        (4, "add-point", "subtract-point", "points", "discountAmount"),
        (5, "add-point", "subtract-point", "points", "balance"),
        (6, "add-visit", "subtract-visit", "visits", "currentNumberOfUses"),
        (7, "add-scores", "subtract-scores", "scores", "bonusBalance"),
    ],
)
def test_each_card_type_has_its_operations_and_never_goes_below_zero(box, kind, add, take, member, purse):
    card = card_of(box, templates(box)[kind], email="card@gmail.com")
    assert operate(box, card, add, **{member: 5}).json()["data"]["balance"][purse] == 5
    assert operate(box, card, take, **{member: 3}).json()["data"]["balance"][purse] == 2
    refused = operate(box, card, take, **{member: 3})
    assert refused.status_code == 400
    assert box.call("perkstar", "GET", f"/api/v2/cards/{card['id']}").json()["data"]["balance"][purse] == 2
    other = "redeem-coupon" if kind != 3 else "add-stamp"
    assert operate(box, card, other).status_code == 400


def test_ten_stamps_make_a_reward_and_a_coupon_is_used_once(box):
    kinds = templates(box)
    stamps = card_of(box, kinds[0], email="a@gmail.com")
    balance = operate(box, stamps, "add-stamp", stamps=12).json()["data"]["balance"]
    assert (balance["numberStampsTotal"], balance["numberRewardsUnused"], balance["stampsBeforeReward"]) == (
        2,
        1,
        8,
    )
    coupon = card_of(box, kinds[3], email="b@gmail.com")
    assert operate(box, coupon, "redeem-coupon").json()["data"]["couponRedeemed"] is True
    assert operate(box, coupon, "redeem-coupon").status_code == 400


def test_a_reward_tier_costs_its_points(box):
    card = card_of(box, templates(box)[7], email="a@gmail.com")
    tiers = operate(box, card, "add-scores", scores=120).json()["data"]["availableRewardTiers"]
    assert [tier["threshold"] for tier in tiers] == [100]
    balance = operate(box, card, "receive-reward", id=tiers[0]["id"]).json()["data"]["balance"]
    assert balance["bonusBalance"] == 20
    assert operate(box, card, "receive-reward", id=tiers[0]["id"]).status_code == 400


def test_operations_keep_the_comment_and_are_found_by_card_and_day(box):
    card = card_of(box, templates(box)[7], email="a@gmail.com")
    operate(box, card, "add-scores", scores=7, comment="MARK0123456789AB sale 42", purchaseSum=7.4)
    box.control("POST", "/clock", {"advance_s": 3 * 86_400})
    operate(box, card, "subtract-scores", scores=2, comment="later")
    listed = box.call("perkstar", "GET", f"/api/v2/operations?cardId={card['id']}").json()["data"]
    assert [(item["amount"], item["balance"], item["comment"]) for item in listed] == [
        (7, 7, "MARK0123456789AB sale 42"),
        (-2, 5, "later"),
    ]
    day = listed[0]["createdAt"][:10]
    path = f"/api/v2/operations?cardId={card['id']}&startDate={day}&endDate={day}"
    assert [item["amount"] for item in box.call("perkstar", "GET", path).json()["data"]] == [7]
    assert box.call("perkstar", "GET", "/api/v2/operations?startDate=yesterday").status_code == 422


def test_a_second_card_of_a_template_is_refused(box):
    kinds = templates(box)
    card = card_of(box, kinds[7], email="a@gmail.com")
    again = {"customerId": card["customerId"], "templateId": kinds[7]}
    assert box.call("perkstar", "POST", "/api/v2/cards", again).status_code == 409
    assert box.call("perkstar", "POST", "/api/v2/cards", again | {"templateId": kinds[0]}).status_code == 201
    listed = box.call("perkstar", "GET", f"/api/v2/cards?customerId={card['customerId']}").json()["data"]
    assert {item["type"] for item in listed} == {"reward", "stamp"}
    assert all(item["customer"]["id"] == card["customerId"] for item in listed)


def test_a_check_is_accrued_once_and_reversed_once(box):
    card = card_of(box, templates(box)[7], email="a@gmail.com")
    body = {
        "transactionId": "t1",
        "email": "a@gmail.com",
        "check": {"amount": 1234, "currency": "GBP", "selections": []},
    }
    token = {"X-App-Token": "t"}
    for _ in range(2):
        answer = box.call("perkstar", "POST", "/api/v2/marketplace/accrue", body, headers=token).json()
        assert answer["results"][0]["accruedValue"] == 12
    read = box.call("perkstar", "GET", f"/api/v2/cards/{card['id']}").json()["data"]
    assert read["balance"]["bonusBalance"] == 12
    for _ in range(2):
        box.call("perkstar", "POST", "/api/v2/marketplace/reverse", {"transactionId": "t1"}, headers=token)
    read = box.call("perkstar", "GET", f"/api/v2/cards/{card['id']}").json()["data"]
    assert read["balance"]["bonusBalance"] == 0


def test_eleven_requests_in_a_second_are_one_too_many(strict_box):
    statuses = [strict_box.call("perkstar", "GET", "/api/v2/profile").status_code for _ in range(12)]
    assert 429 in statuses and statuses[0] == 200
    strict_box.control("POST", "/clock", {"advance_s": 1.1})
    assert strict_box.call("perkstar", "GET", "/api/v2/profile").status_code == 200


def test_events_go_to_who_asked_signed_and_no_more_after_removal(box, ear):
    body = {"url": ear.url, "events": ["CardIssuedEvent", "CardBalanceUpdatedEvent"]}
    hook = box.call("perkstar", "POST", "/api/automation/webhooks", body)
    assert hook.status_code == 201
    card = card_of(box, templates(box)[7], email="a@gmail.com")
    headers, raw = ear.next()
    issued = json.loads(raw)
    key = box.line["perkstar"]["api_key"].encode()
    assert headers["x-signature"] == hmac.new(key, raw, hashlib.sha256).hexdigest()
    assert issued["event"] == "CardIssuedEvent" and issued["data"]["serial_number"] == card["id"]
    operate(box, card, "add-scores", scores=5, purchaseSum=9)
    changed = ear.next_json()
    assert (changed["data"]["bonus_balance"], changed["data"]["operationPurchaseSum"]) == (5, 9)
    gone = f"/api/automation/webhooks/{hook.json()['data']['id']}"
    assert box.call("perkstar", "DELETE", gone).status_code == 204
    assert box.call("perkstar", "DELETE", gone).status_code == 404
    wrong = box.call("perkstar", "POST", "/api/automation/webhooks", body | {"events": ["Nothing"]})
    assert wrong.status_code == 422


def test_the_profile_tells_the_plan_and_can_be_changed(box):
    profile = box.call("perkstar", "GET", "/api/v2/profile").json()["data"]
    assert profile["tariff"]["limits"]["integrations"] == 10
    box.call("perkstar", "PATCH", "/api/v2/profile", {"timezone": "Europe/Paris"})
    assert box.call("perkstar", "GET", "/api/v2/profile").json()["data"]["timezone"] == "Europe/Paris"
    assert (
        box.call("perkstar", "GET", "/api/automation/users/me").json()["data"]["companyId"]
        == profile["companyId"]
    )

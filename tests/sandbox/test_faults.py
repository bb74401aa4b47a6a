"""Every profile of trouble does what it says, and rules of one's own do too."""

import hashlib
import hmac
import json
from email.utils import parsedate_to_datetime

import httpx
import pytest

PEOPLE = {
    "perkstar": "/api/v2/customers?itemsPerPage=20",
    "hubspot": "/crm/v3/objects/contacts?limit=20",
    "mailchimp": "/3.0/lists/a1b2c3d4e5/members?count=20",
    "square": "/v2/customers?limit=20",
}
MEMBER = {"perkstar": "data", "hubspot": "results", "mailchimp": "members", "square": "customers"}
NAMES = list(PEOPLE)


def trouble(box, name, profile=None, *rules):
    box.control("POST", f"/{name}/faults", {"profile": profile} if profile else {"rules": list(rules)})


def ask(box, name, times=1):
    """What happens to so many reads: status, or the name of what broke."""
    seen = []
    for _ in range(times):
        try:
            answer = box.call(name, "GET", PEOPLE[name])
            answer.json()
            seen.append(str(answer.status_code))
        except (httpx.TransportError, json.JSONDecodeError) as problem:
            seen.append(type(problem).__name__)
    return seen


@pytest.mark.parametrize("name", NAMES)
def test_calm_is_calm_and_an_outage_is_one(box, name):
    assert ask(box, name, 3) == ["200"] * 3
    trouble(box, name, "outage")
    assert ask(box, name, 3) == ["503"] * 3
    trouble(box, name, "calm")
    assert ask(box, name) == ["200"]


@pytest.mark.parametrize("name", NAMES)
def test_rate_limited_says_so_with_and_without_a_time_to_wait(box, name):
    trouble(box, name, "rate-limited")
    answers = [box.call(name, "GET", PEOPLE[name]) for _ in range(12)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert 3 <= len(refused) < 12
    assert {"retry-after" in answer.headers for answer in refused} == {True, False}


@pytest.mark.parametrize("name", NAMES)
def test_flaky_fails_in_many_ways_and_mostly_works(box, name):
    trouble(box, name, "flaky")
    seen = ask(box, name, 150)
    assert seen.count("200") > 100
    # Status 500 and 503, a connection cut off, a body cut off, and a page of another kind.
    assert len(set(seen)) >= 4


@pytest.mark.parametrize("name", ["hubspot", "square"])
def test_expired_token_ends_it_in_the_middle_of_a_read(box, name):
    trouble(box, name, "expired-token")
    assert ask(box, name, 7) == ["200"] * 5 + ["401"] * 2


@pytest.mark.parametrize("name", NAMES)
def test_revoked_withdraws_the_credential(box, name):
    trouble(box, name, "revoked")
    assert ask(box, name, 2) == ["401", "401"]


def test_bad_records_refuses_some_and_no_others(box):
    trouble(box, "hubspot", "bad-records")
    owners = {record["email"] for record in box.records("perkstar", "customers") if record["email"]}
    known = {record["properties"].get("email") for record in box.records("hubspot", "contacts")}
    new = sorted(email.lower() for email in owners if email.lower() not in known)
    statuses = [
        box.call("hubspot", "POST", "/crm/v3/objects/contacts", {"properties": {"email": email}}).status_code
        for email in new
    ]
    assert 400 in statuses
    other = {"properties": {"email": "other@gmail.com"}}
    assert box.call("hubspot", "POST", "/crm/v3/objects/contacts", other).status_code == 201
    named = {"rules": [{"effect": "reject-record", "emails": ["third@gmail.com"]}]}
    box.control("POST", "/hubspot/faults", named)
    third = {"properties": {"email": "third@gmail.com"}}
    assert box.call("hubspot", "POST", "/crm/v3/objects/contacts", third).status_code == 400


@pytest.mark.parametrize("name", ["perkstar", "mailchimp"])
def test_moving_pages_shift_under_the_reader(box, name):
    trouble(box, name, "moving-pages")
    page = {"perkstar": "&page={}", "mailchimp": "&offset={}"}[name]
    marks = [1, 2, 3] if name == "perkstar" else [0, 20, 40]
    ids = []
    for mark in marks:
        answer = box.call(name, "GET", PEOPLE[name] + page.format(mark)).json()
        ids += [item["id"] for item in answer[MEMBER[name]]]
    assert len(ids) == 60 and len(set(ids)) < 60


def test_a_page_is_served_twice(box):
    trouble(box, "mailchimp", None, {"effect": "duplicate-page", "nth": 2})
    pages = [
        box.call("mailchimp", "GET", f"{PEOPLE['mailchimp']}&offset={n}").json()["members"]
        for n in (0, 20, 40)
    ]
    assert pages[0] == pages[1] != pages[2]


def test_slow_is_slow_but_right(box):
    trouble(box, "square", None, {"effect": "drip", "seconds": 0.3})
    answer = box.call("square", "GET", PEOPLE["square"])
    assert len(answer.json()["customers"]) == 20 and answer.elapsed.total_seconds() >= 0.25
    trouble(box, "square", None, {"effect": "slow", "seconds": 0.2})
    assert box.call("square", "GET", PEOPLE["square"]).elapsed.total_seconds() >= 0.2
    trouble(box, "square", None, {"effect": "hang", "seconds": 3})
    with pytest.raises(httpx.ReadTimeout):
        box.call("square", "GET", PEOPLE["square"], timeout=0.3)


@pytest.mark.parametrize("name", NAMES)
def test_hostile_fills_the_names_with_what_hurts(box, name):
    trouble(box, name, "hostile")
    text = box.call(name, "GET", PEOPLE[name]).text
    assert "DROP TABLE" in text and "\\u001b[2J" in text and "<script>" in text and "L" * 8000 in text


@pytest.mark.parametrize(
    ("rule", "seen"),
    [
        ({"effect": "status", "status": 418, "body": {"a": 1}, "nth": 2}, ["200", "418", "200"]),
        ({"effect": "status", "status": 500, "method": "POST"}, ["200", "200", "200"]),
        ({"effect": "status", "status": 500, "path": "/nowhere"}, ["200", "200", "200"]),
        ({"effect": "status", "status": 500, "after": 40}, ["200", "200", "500"]),
        ({"effect": "status", "status": 500, "every": 2}, ["200", "500", "200"]),
        ({"effect": "status", "status": 500, "times": 1}, ["500", "200", "200"]),
        ({"effect": "truncate", "nth": 1}, ["JSONDecodeError", "200", "200"]),
        ({"effect": "content-type", "nth": 1}, ["JSONDecodeError", "200", "200"]),
        ({"effect": "reset", "nth": [1]}, ["RemoteProtocolError", "200", "200"]),
    ],
)
def test_rules_match_and_act(box, rule, seen):
    trouble(box, "hubspot", None, rule)
    happened = ["RemoteProtocolError" if word == "ReadError" else word for word in ask(box, "hubspot", 3)]
    assert happened == seen


def test_a_vendors_clock_can_be_wrong(box):
    def clock():
        moment = parsedate_to_datetime(box.call("square", "GET", PEOPLE["square"]).headers["date"])
        return moment.timestamp() - box.control("GET", "/clock")["now"]

    assert abs(clock()) < 5
    trouble(box, "square", None, {"effect": "clock-skew", "seconds": 600})
    assert abs(clock() - 600) < 5


def test_an_unknown_profile_or_effect_is_refused_in_words(box):
    for body in ({"profile": "storm"}, {"rules": [{"effect": "explode"}]}, {}):
        answer = box.http.post(box.line["control"] + "/hubspot/faults", json=body)
        assert answer.status_code == 400 and answer.json()["error"]


def perkstar_hook(box, ear):
    body = {"url": ear.url, "events": ["CustomerCreatedEvent"]}
    assert box.call("perkstar", "POST", "/api/automation/webhooks", body).status_code == 201


def test_a_delivery_that_is_refused_comes_again(box, ear):
    perkstar_hook(box, ear)
    ear.refuse = 2
    box.control("POST", "/perkstar/records/customers:generate", {"count": 1})
    assert ear.next_json()["event"] == "CustomerCreatedEvent"
    told = box.control("GET", "/perkstar/deliveries")["deliveries"]
    assert [entry["status"] for entry in told if entry["url"] == ear.url][:2] == [500, 500]


@pytest.mark.parametrize(
    ("effect", "count"), [("webhook-repeat", 2), ("webhook-bad-signature", 1), ("webhook-reorder", 2)]
)
def test_deliveries_are_repeated_mixed_up_or_wrongly_signed(box, ear, effect, count):
    perkstar_hook(box, ear)
    trouble(box, "perkstar", None, {"effect": effect, "times": 1})
    made = box.control(
        "POST",
        "/perkstar/records/customers:generate",
        {"count": 2 if count == 2 and "re" in effect[8:] else 1},
    )
    ids = [ear.next_json()["data"]["id"] for _ in range(count)]
    if effect == "webhook-reorder":
        assert sorted(ids) == sorted(made["ids"])
    elif effect == "webhook-repeat":
        assert set(ids) <= set(made["ids"])


def test_a_wrong_signature_is_wrong(box, ear):
    perkstar_hook(box, ear)
    trouble(box, "perkstar", None, {"effect": "webhook-bad-signature"})
    box.control("POST", "/perkstar/records/customers:generate", {"count": 1})
    headers, raw = ear.next()
    right = hmac.new(box.line["perkstar"]["api_key"].encode(), raw, hashlib.sha256).hexdigest()
    assert headers["x-signature"] != right

"""The control address, the first line, and how a sandbox begins and ends."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from perkstar_tui.sandbox.roster import VENDORS
from perkstar_tui.sandbox.server import Sandbox, Wish

KINDS = {
    "perkstar": ["customers", "cards", "operations"],
    "hubspot": ["contacts", "orders", "companies", "deals"],
    "mailchimp": ["members", "events"],
    "square": ["customers", "orders", "payments", "refunds"],
}
PEOPLE = {"perkstar": "customers", "hubspot": "contacts", "mailchimp": "members", "square": "customers"}
NAMED = {
    "perkstar": {"firstName": "Grace"},
    "hubspot": {"firstname": "Grace"},
    "mailchimp": {"merge_fields": {"FNAME": "Grace"}},
    "square": {"given_name": "Grace"},
}


def test_the_first_line_says_where_and_with_what(one_box):
    line = one_box.line
    endpoints = json.loads(Path(line["endpoints_file"]).read_bytes())
    assert set(endpoints) == set(KINDS)
    # A sandbox without limits tells clients so, where they look for the addresses.
    assert not any(endpoint["limits"] for endpoint in endpoints.values())
    assert endpoints["perkstar"]["url"] == line["perkstar"]["url"] and line["perkstar"]["api_key"]
    for name in ("hubspot", "mailchimp", "square"):
        platform = line["platforms"][name]
        assert platform["url"] == endpoints[name]["url"] and platform["credentials"]
        assert platform["authorize_url"].startswith(platform["url"])
        assert httpx.URL(platform["url"]).host == "127.0.0.1"


def test_platforms_lists_who_plays_with_what_kinds(box):
    told = box.control("GET", "/platforms")["platforms"]
    assert {name: found["kinds"] for name, found in told.items()} == KINDS
    assert all(found["counts"][PEOPLE[name]] == 60 for name, found in told.items())
    assert not any(found["bugs"] for found in told.values())


@pytest.mark.parametrize("name", list(KINDS))
def test_records_are_paged_written_and_removed_as_a_person_would(box, name):
    kind = PEOPLE[name]
    pages = [box.control("GET", f"/{name}/records/{kind}?limit=40&offset={n}") for n in (0, 40)]
    records = pages[0]["records"] + pages[1]["records"]
    assert pages[0]["total"] == 60 and len({record["id"] for record in records}) == 60
    someone = records[5]["id"]
    path = f"/{name}/records/{kind}/{someone}"
    before = box.control("GET", path)
    assert before == records[5]
    box.control("PUT", path, NAMED[name])
    assert "Grace" in json.dumps(box.control("GET", path)) and box.control("GET", path) != before
    box.control("DELETE", path)
    assert box.http.get(box.line["control"] + path).status_code == 404
    assert box.http.delete(box.line["control"] + path).status_code == 404
    assert box.control("GET", f"/{name}/records/{kind}?limit=1")["total"] == 59


@pytest.mark.parametrize(
    ("name", "identifier", "part"),
    [
        (
            "perkstar",
            "0190b6d4-0000-7000-8000-000000000001",
            {"firstName": "New", "phone": "+44 7400 123456"},
        ),
        ("hubspot", "99000000001", {"properties": {"firstname": "New"}}),
        ("mailchimp", "new@gmail.com", {"merge_fields": {"FNAME": "New"}}),
        ("square", "NEWCUSTOMER", {"given_name": "New"}),
    ],
)
def test_put_makes_what_is_unknown(box, name, identifier, part):
    made = box.control("PUT", f"/{name}/records/{PEOPLE[name]}/{identifier}", part)
    assert "New" in json.dumps(made)
    assert box.control("GET", f"/{name}/records/{PEOPLE[name]}?limit=1")["total"] == 61


def test_balances_and_operations_are_set_by_hand(box):
    card = next(card for card in box.records("perkstar", "cards") if card["type"] == "reward")
    box.control("PUT", f"/perkstar/records/cards/{card['id']}", {"balance": {"bonusBalance": 50}})
    made = box.control(
        "PUT", "/perkstar/records/operations/1", {"cardId": card["id"], "amount": -20, "comment": "till"}
    )
    assert (made["amount"], made["balance"], made["comment"]) == (-20, 30, "till")


@pytest.mark.parametrize("name", list(KINDS))
def test_generated_people_are_new_and_nobodys_duplicate(box, name):
    groups = box.control("GET", f"/{name}/duplicates/{PEOPLE[name]}")["groups"]
    made = box.control("POST", f"/{name}/records/{PEOPLE[name]}:generate", {"count": 25})["ids"]
    assert len(set(made)) == 25
    assert box.control("GET", f"/{name}/records/{PEOPLE[name]}?limit=1")["total"] == 85
    assert box.control("GET", f"/{name}/duplicates/{PEOPLE[name]}")["groups"] == groups


def test_duplicates_go_by_address_and_by_phone_without_another_address(box):
    def put(number, **fields):
        box.control("PUT", f"/square/records/customers/D{number}", {"given_name": "D"} | fields)

    before = box.control("GET", "/square/duplicates/customers")["groups"]
    put(1, email_address="d@gmail.com")
    put(2, email_address="D@GMAIL.com")
    put(3, phone_number="+447400000001", email_address="x@gmail.com")
    put(4, phone_number="07400 000001")
    put(5, phone_number="07400 000002", email_address="y@gmail.com")
    put(6, phone_number="07400 000002", email_address="z@gmail.com")
    after = box.control("GET", "/square/duplicates/customers")["groups"]
    assert sorted(group for group in after if group not in before) == [["D1", "D2"], ["D3", "D4"]]


def test_merging_leaves_one(box):
    one, two = (record["id"] for record in box.records("hubspot", "contacts")[:2])
    box.control("POST", "/hubspot/records/contacts:merge", {"winner": one, "loser": two})
    assert box.control("GET", "/hubspot/records/contacts?limit=1")["total"] == 59
    refused = box.http.post(
        box.line["control"] + "/mailchimp/records/members:merge", json={"winner": "a", "loser": "b"}
    )
    assert refused.status_code == 400


def test_requests_are_remembered_with_their_writes(box):
    last = box.control("GET", "/perkstar/requests")["last"]
    box.call("perkstar", "GET", "/api/v2/profile?x=1")
    box.call("perkstar", "POST", "/api/v2/customers", {"firstName": "Ada"})
    box.call("perkstar", "POST", "/api/v2/customers", {"firstName": ""})
    told = box.control("GET", f"/perkstar/requests?since={last}")
    shown = [(r["method"], r["path"], r["status"], r["writes"]) for r in told["requests"]]
    assert shown == [
        ("GET", "/api/v2/profile?x=1", 200, 0),
        ("POST", "/api/v2/customers", 201, 1),
        ("POST", "/api/v2/customers", 422, 0),
    ]
    assert (
        told["counts"]["writes"] == 1 and told["requests"][1]["body_hash"] and told["requests"][1]["ms"] > 0
    )
    moment = told["requests"][0]["at"]
    assert len(box.control("GET", f"/perkstar/requests?since={moment}")["requests"]) >= 3
    assert box.control("GET", "/perkstar/requests?since=2999-01-01T00:00:00Z")["requests"] == []


def test_reset_puts_everything_back_with_the_same_credentials(box):
    before = {name: box.records(name, kind) for name, kind in PEOPLE.items()}
    box.control("POST", "/hubspot/records/contacts:generate", {"count": 3})
    box.control("POST", "/hubspot/tokens:revoke")
    box.control("POST", "/square/faults", {"profile": "outage"})
    box.control("POST", "/reset", {})
    assert box.call("hubspot", "GET", "/account-info/v3/details").status_code == 200
    assert box.call("square", "GET", "/v2/merchants/me").status_code == 200
    after = {name: box.records(name, kind) for name, kind in PEOPLE.items()}
    for name in PEOPLE:
        assert [r["id"] for r in before[name]] == [r["id"] for r in after[name]]


def test_time_goes_forward_only(box):
    now = box.control("GET", "/clock")["now"]
    box.control("POST", "/clock", {"advance_s": 3600})
    assert box.control("GET", "/clock")["now"] - now >= 3600
    assert box.http.post(box.line["control"] + "/clock", json={"advance_s": -1}).status_code == 400


def test_what_is_unknown_is_said_to_be(box):
    for path in (
        "/nowhere",
        "/clover/records/customers",
        "/square/records/cakes",
        "/square/records/customers/NONE",
    ):
        answer = box.http.get(box.line["control"] + path)
        assert answer.status_code == 404 and "unknown" in answer.json()["error"]


def test_the_shop_lives_when_switched_on_and_stands_still_when_off(box):
    def moved():
        told = box.control("GET", "/platforms")["platforms"]
        return sum(sum(found["counts"].values()) for found in told.values())

    before = moved()
    box.control("POST", "/life", {"on": True, "pace_s": 0.02, "trouble": False})
    deadline = time.monotonic() + 10
    while moved() <= before + 5 and time.monotonic() < deadline:
        box.control("GET", "/life")
    told = box.control("POST", "/life", {"on": False})
    assert moved() > before + 5 and told["on"] is False and told["happened"]
    still = moved()
    box.control("GET", "/life")
    assert moved() == still
    assert not any(found["bugs"] for found in box.control("GET", "/platforms")["platforms"].values())


# how it begins and ends ----------------------------------------------------------------------------------


def started(*flags):
    command = [sys.executable, "-m", "perkstar_tui", "sandbox", "--customers", "20", *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    return process, json.loads(process.stdout.readline())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_ends_on_a_signal_and_removes_its_files(number):
    process, line = started("--only", "square")
    place = Path(line["endpoints_file"]).parent
    assert set(line["platforms"]) == {"square"} and place.exists()
    assert httpx.get(line["control"] + "/platforms").status_code == 200
    process.send_signal(number)
    assert process.wait(10) == 0
    process.stdout.close()
    assert not place.exists()


def test_it_ends_when_the_process_that_started_it_is_gone():
    code = (
        "import subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-m', 'perkstar_tui.sandbox', '--customers', '10'],"
        " stdout=subprocess.PIPE)\n"
        "sys.stdout.buffer.write(b'%d ' % p.pid + p.stdout.readline())\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    pid, _, line = said.partition(b" ")
    place = Path(json.loads(line)["endpoints_file"]).parent
    deadline = time.monotonic() + 10
    while place.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not place.exists()
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(int(pid), 0)
            time.sleep(0.05)


def free_row(count):
    """The first of so many free ports in a row, below those that are given out by chance to others meanwhile."""
    for first in range(10_000 + os.getpid() % 10_000, 30_000, count):
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + count):
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
    raise AssertionError("no free ports")


def test_ports_follow_each_other_where_one_is_named():
    port = free_row(3)
    with Sandbox.start(customers=5, port=port, only=("hubspot",)) as box:
        assert box.control == f"http://127.0.0.1:{port}"
        assert box.line["perkstar"]["url"] == f"http://127.0.0.1:{port + 1}"


def test_a_wish_that_cannot_be_met_is_refused_in_words():
    for wish in (Wish(faults="storm"), Wish(only=("abacus",)), Wish(customers=-1), Wish(port=65_535)):
        with pytest.raises(ValueError, match=r"\w"):
            wish.check()
    command = [sys.executable, "-m", "perkstar_tui", "sandbox", "--json", "--only", "abacus"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and json.loads(done.stdout)["error"]["code"] == "usage"


def test_faults_from_the_start_are_at_the_vendors_and_not_at_perkstar():
    with Sandbox.start(customers=5, faults="outage") as box:
        told = httpx.get(box.control + "/platforms").json()["platforms"]
    assert set(told) == set(VENDORS)
    assert told.pop("perkstar")["faults"] == "calm"
    assert {found["faults"] for found in told.values()} == {"outage"}


def test_counts_agree_with_what_is_listed_after_every_kind_of_change(box):
    someone, other = (record["id"] for record in box.records("mailchimp", "members")[:2])
    box.control("PUT", f"/mailchimp/records/members/{someone}", {"email_address": "moved@gmail.com"})
    box.control("DELETE", f"/mailchimp/records/members/{other}")
    box.control("PUT", f"/mailchimp/records/members/{other}", {"merge_fields": {"FNAME": "Back"}})
    box.control("POST", "/mailchimp/records/members:generate", {"count": 2})
    told = box.control("GET", "/mailchimp/records/members?limit=1000")
    assert told["total"] == len(told["records"]) == 62

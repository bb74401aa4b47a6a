"""Deliveries: each vendor's signature over the raw body, and what a forged or old one is answered."""

import base64
import hmac
from datetime import timedelta
from hashlib import sha256
from urllib.parse import urlencode

import orjson
import pytest
from still import StillClock

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.platforms.catalog import load_catalog
from perkstar_tui.platforms.webhooks import Event, greeting_of, parse

CATALOG = load_catalog()
NOW = StillClock().at
URL = "https://shop.example/hooks/1"
SECRET = "whsec"
SQUARE = orjson.dumps(
    {"type": "customer.updated", "event_id": "e1", "data": {"id": "C1"}, "created_at": "2026-11-24T11:59:00Z"}
)
HUBSPOT = orjson.dumps(
    [{"eventId": 7, "objectId": 51, "subscriptionType": "contact.creation", "occurredAt": 1795521540000}]
)
MAILCHIMP = urlencode({"type": "profile", "fired_at": "2026-11-24 11:59:00", "data[email]": "a@b.c"}).encode()


def mac(message: bytes) -> bytes:
    return hmac.digest(SECRET.encode(), message, sha256)


def signed(platform: str, body: bytes, sent: float) -> dict[str, str]:
    if platform == "square":
        return {"X-Square-HmacSha256-Signature": base64.b64encode(mac(URL.encode() + body)).decode()}
    if platform == "hubspot":
        stamp = str(int(sent * 1000))
        signature = base64.b64encode(mac(b"POST" + URL.encode() + body + stamp.encode())).decode()
        return {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": stamp}
    stamp = str(int(sent))
    return {"X-Mailchimp-Signature": f"t={stamp},v1={mac(stamp.encode() + b'.' + body).hex()}"}


BODIES = {"square": SQUARE, "hubspot": HUBSPOT, "mailchimp": MAILCHIMP}


def events(platform: str, body: bytes, headers: dict[str, str], url: str = URL) -> list[Event]:
    return parse(CATALOG[platform], secret=SECRET, url=url, headers=headers, body=body, now=NOW)


@pytest.mark.parametrize("platform", sorted(BODIES))
def test_a_rightly_signed_delivery_is_read(platform: str) -> None:
    body = BODIES[platform]
    [event] = events(platform, body, signed(platform, body, NOW.timestamp()))
    assert event.data is DataType.CUSTOMERS
    assert event.remote_id == {"square": "C1", "hubspot": "51", "mailchimp": "a@b.c"}[platform]
    assert event.at == NOW - timedelta(minutes=1)


@pytest.mark.parametrize("platform", sorted(BODIES))
def test_a_forged_body_is_refused(platform: str) -> None:
    headers = signed(platform, BODIES[platform], NOW.timestamp())
    with pytest.raises(PerkstarError) as caught:
        events(platform, BODIES[platform] + b" ", headers)
    assert caught.value.kind is ErrorKind.NOT_ALLOWED
    assert "proxy" in caught.value.remedy


@pytest.mark.parametrize("platform", ["square", "hubspot"])
def test_a_delivery_to_another_address_is_refused(platform: str) -> None:
    headers = signed(platform, BODIES[platform], NOW.timestamp())
    with pytest.raises(PerkstarError):
        events(platform, BODIES[platform], headers, "https://evil.example/hooks/1")


@pytest.mark.parametrize("platform", ["hubspot", "mailchimp"])
def test_a_delivery_sent_again_later_is_refused(platform: str) -> None:
    headers = signed(platform, BODIES[platform], (NOW - timedelta(seconds=301)).timestamp())
    with pytest.raises(PerkstarError) as caught:
        events(platform, BODIES[platform], headers)
    assert "too long ago" in caught.value.message


def test_a_repeat_has_the_same_id() -> None:
    headers = signed("square", SQUARE, 0)
    assert events("square", SQUARE, headers) == events("square", SQUARE, headers)


@pytest.mark.parametrize("platform", sorted(BODIES))
def test_an_unsigned_delivery_is_refused(platform: str) -> None:
    with pytest.raises(PerkstarError):
        events(platform, BODIES[platform], {})


def test_a_body_that_is_no_delivery_is_refused_after_its_signature() -> None:
    with pytest.raises(PerkstarError) as caught:
        events("square", b"[1]", signed("square", b"[1]", 0))
    assert caught.value.kind is ErrorKind.USAGE


def test_the_clouds_card_event_names_the_card() -> None:
    body = orjson.dumps(
        {"timestamp": 1795521540, "event": "CardBalanceUpdatedEvent", "data": {"serial_number": "1-2-3"}}
    )
    [event] = events("perkstar", body, {})
    assert (event.data, event.remote_id, event.at) == (DataType.CARDS, "1-2-3", NOW - timedelta(minutes=1))


# -- bodies that tell of several accounts ------------------------------------------------------------------------


def in_the_key(platform: str, body: bytes, **members: str) -> list[Event]:
    """A delivery that is signed with the key over its raw body, or by it."""
    hooks = CATALOG[platform].webhooks
    assert hooks is not None
    proof = SECRET if hooks.signature == "shared" else base64.b64encode(mac(body)).decode()
    return parse(
        CATALOG[platform], secret=SECRET, url=URL, headers={hooks.header: proof}, body=body, now=NOW, members=members
    )  # fmt: skip


def contact(id_: str, tenant: str) -> dict[str, str]:
    return {"resourceId": id_, "tenantId": tenant, "eventCategory": "CONTACT", "eventType": "UPDATE",
            "eventDateUtc": "2026-11-24T11:59:00.000"}  # fmt: skip


def test_events_of_several_organisations_are_told_apart_and_known_by_their_own_words() -> None:
    rows = [contact("a", "ours"), contact("b", "theirs"), contact("c", "ours")]
    one, other = (
        in_the_key("xero", orjson.dumps({"events": rows, "entropy": entropy}), tenant_id="ours")
        for entropy in ("x", "y")
    )
    assert [event.remote_id for event in one] == ["a", "c"]
    assert one == other and one[0].at == NOW - timedelta(minutes=1) and one[0].id != one[1].id


def test_the_organisations_first_question_tells_nothing() -> None:
    assert in_the_key("xero", b'{"events": [], "entropy": "x"}', tenant_id="ours") == []


def test_a_merchants_events_are_told_by_their_letters() -> None:
    rows = [
        {"objectId": f"{letter}:ABC", "type": "UPDATE", "ts": 1795521540000}
        for letter in ("C", "CA", "O", "I")
    ]
    body = orjson.dumps({"appId": "A", "merchants": {"THEIRS": rows, "OURS": rows[:3]}})
    found = in_the_key("clover", body, merchant_id="OURS")
    assert [(event.data, event.remote_id) for event in found] == [
        (DataType.CUSTOMERS, "ABC"), (DataType.TRANSACTIONS, "ABC")
    ]  # fmt: skip
    assert in_the_key("clover", body, merchant_id="NOBODY") == in_the_key("clover", body) == []


def test_a_form_that_is_no_longer_sent_says_nothing() -> None:
    entities = [{"name": "Customer", "id": "1", "operation": "Update", "lastUpdated": "2026-11-24T11:59:00Z"}]
    told = {"eventNotifications": [{"realmId": "9", "dataChangeEvent": {"entities": entities}}]}
    assert in_the_key("quickbooks", orjson.dumps(told), realm_id="9") == []


def test_a_greeting_that_is_no_json_has_no_code() -> None:
    greeting = greeting_of(CATALOG["clover"], b'{"verificationCode": ')
    assert greeting is not None and greeting.code == ""
    assert greeting_of(CATALOG["clover"], b'{"merchants": {}}') is None

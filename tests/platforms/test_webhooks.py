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
from perkstar_tui.platforms.webhooks import Event, parse

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

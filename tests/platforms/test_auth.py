"""Credentials: forms, headers, renewal by one at a time, and OAuth 2.0 from the link to the credential."""

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson
import pytest
from still import HeldCredential, StillClock

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.platforms.auth import (
    auth_headers,
    begin_authorization,
    complete_authorization,
    endpoint_of,
    form_of,
    normalise_credential,
)
from perkstar_tui.platforms.catalog import load_catalog
from perkstar_tui.platforms.registry import open_connector

CATALOG = load_catalog()
TOKENS = {"access_token": "a1", "refresh_token": "r1", "client_id": "app", "client_secret": "s3cret"}
STREAM = {"api_secret": "s", "measurement_id": "G-1"}
BACK = "http://127.0.0.1:8123/callback"


@pytest.mark.parametrize(
    ("platform", "given", "form", "kept"),
    [
        ("perkstar", {"api_key": " k "}, "api_key", {"api_key": "k"}),
        ("hubspot", {"api_key": "pat-na1-1"}, "api_key", {"api_key": "pat-na1-1"}),
        ("hubspot", {"access_token": "pat-na1-1"}, "api_key", {"api_key": "pat-na1-1"}),
        ("hubspot", {**TOKENS, "location_id": "L1"}, "oauth", TOKENS),
        ("mailchimp", {"api_key": "k-us7"}, "api_key", {"api_key": "k-us7"}),
        (
            "mailchimp",
            {"access_token": "a", "expires_in": 0, "dc": "us7"},
            "oauth",
            {"access_token": "a", "dc": "us7"},
        ),
        ("square", {"access_token": "sq"}, "access_token", {"access_token": "sq"}),
        ("square", TOKENS, "oauth", TOKENS),
        ("google-analytics", STREAM, "api_secret", STREAM),
        ("google-analytics", {**STREAM, "property_id": "7 "}, "api_secret", {**STREAM, "property_id": "7"}),
    ],
)
def test_a_credential_is_recognised_by_its_members(
    platform: str, given: dict[str, Any], form: str, kept: dict[str, Any]
) -> None:
    assert normalise_credential(CATALOG[platform], given, StillClock().at) == (form, kept)


def test_the_life_of_a_token_is_kept_as_a_moment_however_it_is_told() -> None:
    now = StillClock().at
    later = now + timedelta(seconds=1800)
    for told in ({"expires_in": 1800}, {"expires_at": later.isoformat()}, {"expires_at": later.timestamp()}):
        _, credential = normalise_credential(CATALOG["hubspot"], {**TOKENS, **told}, now)
        assert credential["expires_at"] == later.timestamp()


@pytest.mark.parametrize("platform", sorted(CATALOG))
def test_what_is_no_credential_is_refused_without_repeating_it(platform: str) -> None:
    with pytest.raises(PerkstarError) as caught:
        normalise_credential(CATALOG[platform], {"password": "hunter2"}, StillClock().at)
    assert caught.value.kind is ErrorKind.USAGE
    assert "hunter2" not in caught.value.message + caught.value.remedy


def test_each_form_has_its_header() -> None:
    def headers(platform: str, **credential: str) -> dict[str, str]:
        manifest = CATALOG[platform]
        return auth_headers(form_of(manifest, credential), credential)

    assert headers("perkstar", api_key="k") == {"X-API-Key": "k"}
    assert headers("hubspot", api_key="pat") == {"Authorization": "Bearer pat"}
    assert headers("mailchimp", api_key="k-us7") == {"Authorization": "Basic cGVya3N0YXI6ay11czc="}
    assert headers("mailchimp", access_token="t") == {"Authorization": "Bearer t"}
    assert headers("square", access_token="t") == {"Authorization": "Bearer t"}


def test_a_region_comes_from_the_key_and_endpoints_move_everything() -> None:
    mailchimp = CATALOG["mailchimp"]
    assert endpoint_of(mailchimp, {}, {"api_key": "k-us7"}).url == "https://us7.api.mailchimp.com"
    there = endpoint_of(mailchimp, {"mailchimp": {"url": "http://127.0.0.1:9/3.0/", "limits": False}}, {})
    assert (there.url, there.limits) == ("http://127.0.0.1:9", False)
    with pytest.raises(PerkstarError) as caught:
        endpoint_of(mailchimp, {}, {"api_key": "without a data centre"})
    assert caught.value.kind is ErrorKind.CREDENTIAL_INVALID


# -- renewal ---------------------------------------------------------------------------------------------------


class HubSpotDoor:
    """Answers property lists for the newest token only, and gives new tokens for the refresh token."""

    def __init__(self, valid: str = "a2") -> None:
        self.valid = valid
        self.refreshes: list[dict[str, list[str]]] = []
        self.refusal: httpx.Response | Exception | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/v3/token":
            self.refreshes.append(parse_qs(request.content.decode()))
            if isinstance(self.refusal, Exception):
                raise self.refusal
            if self.refusal is not None:
                return httpx.Response(self.refusal.status_code, content=self.refusal.content)
            return httpx.Response(
                200, json={"access_token": "a2", "expires_in": 1800, "token_type": "bearer"}
            )
        if request.headers["authorization"] == f"Bearer {self.valid}":
            return httpx.Response(200, json={"results": []})
        return httpx.Response(401, json={"category": "EXPIRED_AUTHENTICATION", "message": "expired"})


def hubspot(door: Any, store: HeldCredential, clock: StillClock) -> Any:
    return open_connector(
        "hubspot",
        store,
        endpoints={"hubspot": "http://vendor.test"},
        clock=clock,
        options={},
        transport=httpx.MockTransport(door),
    )


async def test_a_token_is_renewed_before_its_end_and_the_old_refresh_token_kept() -> None:
    clock, door = StillClock(), HubSpotDoor()
    now = clock.at.timestamp()
    store = HeldCredential(**TOKENS, issued_at=now - 1790, expires_at=now + 10)
    await hubspot(door, store, clock).fields(DataType.CUSTOMERS)
    assert store.kept == [{**TOKENS, "access_token": "a2", "issued_at": now, "expires_at": now + 1800}]
    assert door.refreshes[0]["refresh_token"] == ["r1"] and door.refreshes[0]["client_id"] == ["app"]


async def test_an_expired_token_is_renewed_and_the_call_repeated() -> None:
    door, store = HubSpotDoor(), HeldCredential(**TOKENS)
    connector = hubspot(door, store, StillClock())
    await connector.fields(DataType.CUSTOMERS)
    assert store.secret["access_token"] == "a2"
    assert connector.traffic.api_calls == 3


async def test_many_calls_at_once_renew_once() -> None:
    door, store = HubSpotDoor(), HeldCredential(**TOKENS)
    connector = hubspot(door, store, StillClock())
    await asyncio.gather(*(connector.fields(DataType.CUSTOMERS) for _ in range(5)))
    assert len(door.refreshes) == 1


async def test_a_token_renewed_by_another_process_is_taken_without_asking() -> None:
    door, store = HubSpotDoor(), HeldCredential(**TOKENS)
    store.elsewhere = {**TOKENS, "access_token": "a2"}
    await hubspot(door, store, StillClock()).fields(DataType.CUSTOMERS)
    assert door.refreshes == []


async def test_a_withdrawn_grant_lets_the_lease_go_and_asks_for_reconnecting() -> None:
    door, store = HubSpotDoor(), HeldCredential(**TOKENS)
    door.refusal = httpx.Response(400, json={"error": "invalid_grant", "message": "gone"})
    with pytest.raises(PerkstarError) as caught:
        await hubspot(door, store, StillClock()).fields(DataType.CUSTOMERS)
    assert caught.value.kind is ErrorKind.CREDENTIAL_REFUSED
    assert store.abandoned == 1 and store.kept == []
    assert not any(secret in repr(vars(caught.value)) for secret in ("r1", "s3cret"))


async def test_after_a_withdrawn_grant_the_store_is_looked_at_once_more() -> None:
    door, store = HubSpotDoor(), HeldCredential(**TOKENS)

    def lose(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/v3/token":
            store.secret = {**TOKENS, "access_token": "a2", "refresh_token": "r2"}
            return httpx.Response(400, json={"error": "invalid_grant"})
        return door(request)

    await hubspot(lose, store, StillClock()).fields(DataType.CUSTOMERS)
    assert store.abandoned == 1


async def test_a_network_fault_while_renewing_is_no_reason_to_reconnect() -> None:
    door, store = HubSpotDoor(), HeldCredential(**TOKENS)
    door.refusal = httpx.ConnectError("down")
    with pytest.raises(PerkstarError) as caught:
        await hubspot(door, store, StillClock()).fields(DataType.CUSTOMERS)
    assert caught.value.kind is ErrorKind.NETWORK
    assert store.abandoned == 1


async def test_a_replaced_key_is_noticed_when_the_old_one_is_refused() -> None:
    store = HeldCredential(api_key="old")

    def door(request: httpx.Request) -> httpx.Response:
        if request.headers["authorization"] == "Bearer new":
            return httpx.Response(200, json={"results": []})
        store.secret = {"api_key": "new"}
        return httpx.Response(401, json={"category": "INVALID_AUTHENTICATION"})

    assert await hubspot(door, store, StillClock()).fields(DataType.CUSTOMERS) == []


# -- OAuth -------------------------------------------------------------------------------------------------------

APP = {"client_id": "app", "client_secret": "s3cret"}


def asked(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@pytest.mark.parametrize("platform", ["hubspot", "mailchimp", "square"])
def test_the_link_asks_for_what_the_manifest_says(platform: str) -> None:
    manifest = CATALOG[platform]
    begun = begin_authorization(manifest, "oauth", APP, BACK, endpoints={platform: "http://127.0.0.1:9"})
    query = asked(begun.url)
    assert begun.url.startswith("http://127.0.0.1:9/oauth")
    assert (query["client_id"], query["redirect_uri"], query["state"]) == ("app", BACK, begun.state)
    form = next(form for form in manifest.auth if form.id == "oauth")
    assert query.get("scope", "").split() == [scope.name for scope in form.scopes]
    assert "s3cret" not in begun.url and "s3cret" not in repr(begun)


def test_square_without_a_secret_uses_pkce_and_with_one_does_not() -> None:
    square = CATALOG["square"]
    without = begin_authorization(square, "oauth", {"client_id": "app"}, BACK, endpoints={})
    assert asked(without.url)["code_challenge_method"] == "S256"
    assert "code_challenge" not in asked(begin_authorization(square, "oauth", APP, BACK, endpoints={}).url)


def test_a_missing_app_secret_is_named() -> None:
    with pytest.raises(PerkstarError) as caught:
        begin_authorization(CATALOG["hubspot"], "oauth", {"client_id": "app"}, BACK, endpoints={})
    assert caught.value.field == "client_secret"


async def complete(platform: str, client: dict[str, str], address: str, door: Any) -> dict[str, Any]:
    manifest = CATALOG[platform]
    endpoints = {platform: "http://vendor.test"}
    begun = begin_authorization(manifest, "oauth", client, BACK, endpoints=endpoints)
    return await complete_authorization(
        manifest,
        begun,
        address.replace("{state}", begun.state),
        endpoints=endpoints,
        clock=StillClock(),
        transport=httpx.MockTransport(door),
    )


async def test_a_pasted_address_becomes_a_credential() -> None:
    sent: list[dict[str, Any]] = []

    def door(request: httpx.Request) -> httpx.Response:
        sent.append(orjson.loads(request.content))
        times = {"expires_at": "2026-12-24T12:00:00Z"}
        return httpx.Response(
            200, json={"access_token": "a", "refresh_token": "r", "token_type": "bearer", **times}
        )

    credential = await complete("square", {"client_id": "app"}, f"{BACK}?code=c1&state={{state}}", door)
    assert (
        sent[0]["code"] == "c1" and sent[0]["grant_type"] == "authorization_code" and sent[0]["code_verifier"]
    )
    assert (credential["access_token"], credential["refresh_token"]) == ("a", "r")
    assert credential["expires_at"] == 1798113600.0
    assert normalise_credential(CATALOG["square"], credential, StillClock().at)[0] == "oauth"


async def test_mailchimps_data_centre_is_asked_for() -> None:
    def door(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth2/metadata":
            assert request.headers["authorization"] == "OAuth a"
            return httpx.Response(200, json={"dc": "us9", "accountname": "Shop"})
        return httpx.Response(200, json={"access_token": "a", "expires_in": 0, "scope": None})

    credential = await complete("mailchimp", APP, f"{BACK}?code=c&state={{state}}", door)
    assert credential["dc"] == "us9" and "expires_at" not in credential


@pytest.mark.parametrize(
    ("address", "kind", "words"),
    [
        (f"{BACK}?code=c&state=other", ErrorKind.USAGE, "another attempt"),
        (f"{BACK}?code=c", ErrorKind.USAGE, "another attempt"),
        (BACK, ErrorKind.USAGE, "no code"),
        ("hello", ErrorKind.USAGE, "no code"),
        (f"{BACK}?error=access_denied&state={{state}}", ErrorKind.CREDENTIAL_INVALID, "declined"),
    ],
)
async def test_a_wrong_address_says_what_is_wrong(address: str, kind: ErrorKind, words: str) -> None:
    def never(request: httpx.Request) -> httpx.Response:
        raise AssertionError("nothing may be asked")

    with pytest.raises(PerkstarError) as caught:
        await complete("hubspot", APP, address, never)
    assert caught.value.kind is kind and words in caught.value.message


async def test_a_used_code_says_to_begin_again() -> None:
    def door(request: httpx.Request) -> httpx.Response:
        return httpx.Response(400, json={"error": "invalid_grant", "error_description": "code used"})

    with pytest.raises(PerkstarError) as caught:
        await complete("hubspot", APP, f"{BACK}?code=c&state={{state}}", door)
    assert caught.value.kind is ErrorKind.CREDENTIAL_INVALID
    assert "begin again" in caught.value.remedy

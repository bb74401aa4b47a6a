"""Credentials: brought into the form that is stored, put on requests, renewed in time, and got by OAuth 2.0.

oauthlib is imported where a token is asked for and nowhere else: most runs never need it.
"""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import orjson

from perkstar_tui.http.client import HttpClient, Policy
from perkstar_tui.http.errors import words_of
from perkstar_tui.model.clock import Clock
from perkstar_tui.model.errors import ErrorKind, PerkstarError

from .connector import CredentialStore
from .manifest import AuthForm, Manifest

_OAUTH_MEMBERS = ("access_token", "refresh_token", "client_id", "client_secret", "dc", "merchant_id", "scope")
_PASSING = (ErrorKind.NETWORK, ErrorKind.SERVICE_UNAVAILABLE, ErrorKind.RATE_LIMITED)


# -- forms -----------------------------------------------------------------------------------------------------


def normalise_credential(
    manifest: Manifest, given: dict[str, Any], now: datetime
) -> tuple[str, dict[str, Any]]:
    """The form that fits the given members, and the credential to store (`expires_at` in epoch seconds).

    Members that no form knows are left out. Raises PerkstarError USAGE that names what is missing; values are
    never repeated.
    """
    filled = {name: value for name, value in given.items() if value not in (None, "")}
    for form in sorted(manifest.auth, key=lambda form: form.type != "oauth2"):
        if form.type == "oauth2":
            if _needed(form) <= filled.keys():
                return form.id, _token_credential(filled, now)
            continue
        credential = _of_fields(form, filled)
        if credential:
            return form.id, credential
    raise PerkstarError(
        ErrorKind.USAGE,
        f"These are no credentials for {manifest.title}.",
        remedy=f"Give {' or '.join(', '.join(sorted(_names(form))) for form in manifest.auth)}.",
        field="credentials",
    )


def _needed(form: AuthForm) -> set[str]:
    return {"access_token", "refresh_token", "client_id"} if form.refreshes else {"access_token"}


def _names(form: AuthForm) -> set[str]:
    return _needed(form) if form.type == "oauth2" else {f.name for f in form.fields}


def _of_fields(form: AuthForm, filled: Mapping[str, Any]) -> dict[str, Any]:
    """The form's fields from what was given under their names or aliases; empty when one is missing."""
    credential = {}
    for spec in form.fields:
        name = next((n for n in (spec.name, *spec.aliases) if n in filled), None)
        if name is None:
            return {}
        value = filled[name]
        credential[spec.name] = value.strip() if isinstance(value, str) else value
    return credential


def _token_credential(token: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    credential = {name: token[name] for name in _OAUTH_MEMBERS if token.get(name) not in (None, "")}
    if token.get("scopes"):
        credential.setdefault("scope", token["scopes"])
    expires = _expiry(token, now)
    if expires is not None:
        credential |= {"expires_at": expires, "issued_at": now.timestamp()}
    return credential


def _expiry(token: Mapping[str, Any], now: datetime) -> float | None:
    """When a token ends, in epoch seconds: from seconds of life, an epoch or an ISO time; None when it never does."""
    if token.get("expires_in"):
        return now.timestamp() + float(token["expires_in"])
    moment = token.get("expires_at")
    if not moment:
        return None
    try:
        return float(moment)
    except (TypeError, ValueError):
        pass
    try:
        return datetime.fromisoformat(str(moment)).timestamp()
    except ValueError:
        return None


def form_of(manifest: Manifest, credential: Mapping[str, Any]) -> AuthForm:
    """The form that a stored credential was made by."""
    oauth = next((form for form in manifest.auth if form.type == "oauth2"), None)
    if oauth is not None and "access_token" in credential:
        plain = any(f.name == "access_token" for form in manifest.auth for f in form.fields)
        if "refresh_token" in credential or not plain:
            return oauth
    for form in manifest.auth:
        if form.fields and form.fields[0].name in credential:
            return form
    raise PerkstarError(
        ErrorKind.CREDENTIAL_REFUSED, f"The stored credential is none that {manifest.title} takes."
    )


def auth_headers(form: AuthForm, credential: Mapping[str, Any]) -> dict[str, str]:
    """The headers that authorise a request."""
    secret = str(credential["access_token" if form.type == "oauth2" else form.fields[0].name])
    if form.type == "api_key_header":
        return {form.header: secret}
    if form.type == "basic":
        user = str(credential[form.fields[1].name]) if len(form.fields) > 1 else "perkstar"
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()}
    return {"Authorization": f"Bearer {secret}"}


# -- endpoints -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a platform is reached: its base, and whether its limits in time are to be kept there."""

    url: str
    limits: bool = True
    moved: bool = False


def endpoint_of(manifest: Manifest, endpoints: Mapping[str, Any], credential: Mapping[str, Any]) -> Endpoint:
    """The platform's address: from the endpoints given for sandboxes and proxies, else from the manifest."""
    given = endpoints.get(manifest.name)
    if given:
        url = str(given.get("url") or "") if isinstance(given, Mapping) else str(given)
        limits = bool(given.get("limits", True)) if isinstance(given, Mapping) else True
        if url:
            return Endpoint(url.rstrip("/").removesuffix(manifest.path_prefix), limits, True)
    try:
        return Endpoint(manifest.base_url.format_map(_regions(manifest, credential)))
    except KeyError as missing:
        raise PerkstarError(
            ErrorKind.CREDENTIAL_INVALID,
            f"The credential does not say which region ({missing.args[0]}) of {manifest.title} it belongs to.",
            remedy="Give the whole key as the vendor shows it.",
        ) from None


def _regions(manifest: Manifest, credential: Mapping[str, Any]) -> dict[str, str]:
    """What may stand in a base address: plain words only, so that no key can lead to another host."""
    found = {name: str(value) for name, value in credential.items()}
    for form in manifest.auth:
        if form.region_member and form.fields and form.fields[0].name in credential:
            key = str(credential[form.fields[0].name])
            if form.region_after in key:
                found[form.region_member] = key.rpartition(form.region_after)[2]
    return {name: value for name, value in found.items() if value.isascii() and value.isalnum()}


def moved(url: str, manifest: Manifest, endpoints: Mapping[str, Any]) -> str:
    """An address of the vendor as it is reached here: its host replaced where endpoints say so."""
    if not endpoints.get(manifest.name):
        return url
    base = urlsplit(endpoint_of(manifest, endpoints, {}).url)
    parts = urlsplit(url)
    return urlunsplit((base.scheme, base.netloc, parts.path, parts.query, ""))


# -- putting it on requests, and renewing it ----------------------------------------------------------------------


class Session:
    """The credential of one connector (http.client.Authorizer): renewed when due, or when it is refused."""

    def __init__(
        self, manifest: Manifest, store: CredentialStore, clock: Clock, endpoints: Mapping[str, Any]
    ) -> None:
        self.manifest = manifest
        self.store = store
        self.clock = clock
        self.endpoints = endpoints
        self.http: HttpClient | None = None
        """Set once the client stands; token calls go through it, unauthorised."""
        self._credential: dict[str, Any] | None = None
        self._form: AuthForm | None = None
        self._headers: dict[str, str] = {}
        self._renew_at: float | None = None
        self._lock = asyncio.Lock()

    async def credential(self) -> dict[str, Any]:
        if self._credential is None:
            self._take(await self.store.load())
        assert self._credential is not None
        return self._credential

    def _take(self, credential: dict[str, Any]) -> None:
        self._credential = credential
        self._form = form_of(self.manifest, credential)
        self._headers = auth_headers(self._form, credential)
        self._renew_at = None
        expires = credential.get("expires_at")
        if expires and self._form.type == "oauth2" and credential.get("refresh_token"):
            issued = credential.get("issued_at")
            life = float(expires) - float(issued) if issued else 0.0
            early = life * (1.0 - self._form.renew_at) if issued else 60.0
            self._renew_at = float(expires) - max(early, min(60.0, life / 10.0))

    async def form(self) -> AuthForm:
        await self.credential()
        assert self._form is not None
        return self._form

    async def headers(self) -> Mapping[str, str]:
        if self._credential is None:
            await self.credential()
        if self._renew_at is not None and self.clock.now().timestamp() >= self._renew_at:
            await self._renew_early()
        return self._headers

    async def _renew_early(self) -> None:
        """Renew before the end; while the token still lives, a fault on the way does no harm yet."""
        used = self._headers
        try:
            await self._renew(used)
        except PerkstarError as error:
            expires = float((self._credential or {}).get("expires_at") or 0)
            if error.kind not in _PASSING or self.clock.now().timestamp() >= expires:
                raise
            self._renew_at = self.clock.now().timestamp() + 60.0

    async def refused(self, used: Mapping[str, str]) -> bool:
        form = await self.form()
        credential = await self.credential()
        if form.type == "oauth2" and form.refreshes and credential.get("refresh_token"):
            await self._renew(used)
            return True
        if used is not self._headers:
            return True
        return await self._changed_elsewhere(credential)

    async def _changed_elsewhere(self, stale: dict[str, Any]) -> bool:
        """Whether the store now has another credential than the one refused: it was replaced meanwhile."""
        present = await self.store.load()
        form = form_of(self.manifest, present)
        if auth_headers(form, present) == self._headers or present == stale:
            return False
        self._take(present)
        return True

    async def _renew(self, used: Mapping[str, str]) -> None:
        async with self._lock:
            if used is not self._headers:
                return
            stale = await self.credential()
            renewal = await self.store.renew(stale)
            if renewal.current is not None:
                self._take(renewal.current)
                return
            try:
                fresh = await self._refresh(stale)
            except PerkstarError as error:
                await renewal.abandon()
                # Another process may have refreshed with the same token just before us.
                if error.kind is ErrorKind.CREDENTIAL_REFUSED and await self._changed_elsewhere(stale):
                    return
                raise
            except BaseException:
                await renewal.abandon()
                raise
            await renewal.keep(fresh)
            self._take(fresh)

    async def _refresh(self, stale: dict[str, Any]) -> dict[str, Any]:
        from oauthlib.oauth2 import WebApplicationClient

        form = await self.form()
        if not stale.get("refresh_token") or not stale.get("client_id"):
            raise PerkstarError(
                ErrorKind.CREDENTIAL_REFUSED,
                f"The access to {self.manifest.title} has ended and cannot be renewed without the app's id.",
            )
        client = WebApplicationClient(stale["client_id"])
        extra = {"client_secret": stale["client_secret"]} if stale.get("client_secret") else {}
        body = client.prepare_refresh_body(
            refresh_token=stale["refresh_token"], client_id=stale["client_id"], **extra
        )
        assert self.http is not None
        token = await _ask_token(
            self.http, self.manifest, form, body, self.endpoints, repeatable=not form.refresh_rotates
        )
        fresh = {**stale, **_token_credential(token, self.clock.now())}
        if _expiry(token, self.clock.now()) is None:
            fresh.pop("expires_at", None)
        return fresh

    async def revoke(self) -> bool:
        """Withdraw the grant at the vendor; False where there is no call for it or it needs what we don't have."""
        form = await self.form()
        credential = await self.credential()
        if form.type != "oauth2" or not form.revoke_url or self.http is None:
            return False
        url = moved(form.revoke_url, self.manifest, self.endpoints)
        if form.token_body == "json":
            if not credential.get("client_secret"):
                return False
            await self.http.call(
                "POST",
                url,
                json={"client_id": credential["client_id"], "access_token": credential["access_token"]},
                headers={"Authorization": f"Client {credential['client_secret']}"},
                auth=False,
                repeatable=True,
            )
            return True
        kind = "refresh_token" if credential.get("refresh_token") else "access_token"
        fields = {"token": credential[kind], "token_type_hint": kind}
        fields |= {name: credential[name] for name in ("client_id", "client_secret") if credential.get(name)}
        try:
            await self.http.call("POST", url, form=fields, auth=False, repeatable=True)
        except PerkstarError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
        return True


async def _ask_token(
    http: HttpClient,
    manifest: Manifest,
    form: AuthForm,
    body: str,
    endpoints: Mapping[str, Any],
    *,
    repeatable: bool,
) -> dict[str, Any]:
    """Post a token request; the answer's members. A refusal of any wording is CREDENTIAL_REFUSED."""
    from oauthlib.oauth2 import OAuth2Error, WebApplicationClient

    fields = dict(parse_qsl(body, keep_blank_values=True))
    as_json = form.token_body == "json"
    try:
        reply = await http.call(
            "POST",
            moved(form.token_url, manifest, endpoints),
            json=fields if as_json else None,
            form=None if as_json else fields,
            auth=False,
            repeatable=repeatable,
        )
        parsed = WebApplicationClient(fields.get("client_id", "")).parse_request_body_response(
            orjson.dumps(reply.data).decode()
        )
        return {
            **(reply.data if isinstance(reply.data, dict) else {}),
            **{k: parsed[k] for k in ("access_token",)},
        }
    except OAuth2Error as problem:
        raise PerkstarError(
            ErrorKind.CREDENTIAL_REFUSED,
            f"{manifest.title} gave no token.",
            vendor_words=words_of(problem.description or problem.error),
        ) from None
    except PerkstarError as error:
        if error.kind in _PASSING:
            raise
        raise PerkstarError(
            ErrorKind.CREDENTIAL_REFUSED,
            f"{manifest.title} gave no new token: the grant has ended or was withdrawn.",
            vendor_code=error.vendor_code,
            vendor_words=error.vendor_words,
            vendor_request_id=error.vendor_request_id,
            request=error.request,
        ) from None


# -- getting one by OAuth 2.0 --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Authorization:
    """An authorization that was begun: where to send the person, and what the answer is checked against."""

    url: str
    state: str
    form_id: str
    redirect_uri: str
    code_verifier: str = field(default="", repr=False)
    client: dict[str, str] = field(default_factory=dict, repr=False)


def oauth_form(manifest: Manifest, form_id: str = "oauth") -> AuthForm:
    form = next((f for f in manifest.auth if f.id == form_id and f.type == "oauth2"), None)
    if form is None:
        raise PerkstarError(
            ErrorKind.USAGE,
            f"{manifest.title} has no way {form_id!r} to authorise in the browser.",
            remedy=f"Its ways are: {', '.join(f.id for f in manifest.auth)}.",
        )
    return form


def begin_authorization(
    manifest: Manifest,
    form_id: str,
    client: dict[str, str],
    redirect_uri: str,
    *,
    endpoints: Mapping[str, Any],
) -> Authorization:
    """The link that asks the account's owner for access (RFC 6749 4.1, RFC 7636). `client` is the business's own app.

    Raises PerkstarError USAGE when the app's id, or a secret that the vendor insists on, is missing.
    """
    from oauthlib.common import generate_token
    from oauthlib.oauth2 import WebApplicationClient

    form = oauth_form(manifest, form_id)
    client_id, secret = client.get("client_id", "").strip(), client.get("client_secret", "").strip()
    if not client_id or (form.secret_needed and not secret):
        missing = "client_id" if not client_id else "client_secret"
        raise PerkstarError(
            ErrorKind.USAGE,
            f"{manifest.title} needs the {missing.replace('_', ' ')} of your own app.",
            remedy=f"Make an app at {manifest.title} (see its guide) and give its id and secret.",
            field=missing,
        )
    state = generate_token(32)
    maker = WebApplicationClient(client_id)
    asked = {"response_type": "code", "client_id": client_id, "redirect_uri": redirect_uri, "state": state}
    if form.scopes:
        asked["scope"] = " ".join(dict.fromkeys(scope.name for scope in form.scopes))
    verifier = ""
    if form.pkce and (form.secret_needed or not secret):
        verifier = maker.create_code_verifier(64)
        asked |= {
            "code_challenge": maker.create_code_challenge(verifier, "S256"),
            "code_challenge_method": "S256",
        }
    given = endpoints.get(manifest.name)
    page = str(given.get("authorize_url") or "") if isinstance(given, Mapping) else ""
    page = page or moved(form.authorize_url, manifest, endpoints)
    joiner = "&" if "?" in page else "?"
    kept = {"client_id": client_id} | ({"client_secret": secret} if secret else {})
    return Authorization(
        url=page + joiner + urlencode({**asked, **form.authorize_extra}),
        state=state,
        form_id=form.id,
        redirect_uri=redirect_uri,
        code_verifier=verifier,
        client=kept,
    )


def code_from(manifest: Manifest, authorization: Authorization, address: str) -> str:
    """The code in the address that the vendor sent the browser to. Raises USAGE or CREDENTIAL_INVALID, in words."""
    parts = urlsplit(address.strip())
    answer = dict(
        parse_qsl(parts.query or parts.fragment or address.strip().lstrip("?"), keep_blank_values=True)
    )
    if "error" in answer:
        raise PerkstarError(
            ErrorKind.CREDENTIAL_INVALID,
            f"{manifest.title} did not give access"
            + (": it was declined." if answer["error"] == "access_denied" else "."),
            remedy="Begin again, and allow the access that is listed.",
            vendor_code=words_of(answer["error"]),
            vendor_words=words_of(answer.get("error_description")),
        )
    if not answer.get("code"):
        raise PerkstarError(
            ErrorKind.USAGE,
            "This address holds no code.",
            remedy="After allowing the access, copy the whole address from the browser's address bar.",
            field="address",
        )
    if answer.get("state") != authorization.state:
        raise PerkstarError(
            ErrorKind.USAGE,
            "This address belongs to another attempt to connect.",
            remedy="Open the newest link, allow the access, and paste the address it leads to.",
            field="address",
        )
    return answer["code"]


async def complete_authorization(
    manifest: Manifest,
    authorization: Authorization,
    address: str,
    *,
    endpoints: Mapping[str, Any],
    clock: Clock,
    transport: Any = None,
) -> dict[str, Any]:
    """The credential for the address that the browser ended at, caught or pasted; its state is checked first."""
    from oauthlib.oauth2 import WebApplicationClient

    form = oauth_form(manifest, authorization.form_id)
    code = code_from(manifest, authorization, address)
    client = authorization.client
    extra: dict[str, Any] = {}
    if client.get("client_secret"):
        extra["client_secret"] = client["client_secret"]
    if authorization.code_verifier:
        extra["code_verifier"] = authorization.code_verifier
    body = WebApplicationClient(client["client_id"]).prepare_request_body(
        code=code, redirect_uri=authorization.redirect_uri, **extra
    )
    base = moved(form.token_url, manifest, endpoints)
    http = HttpClient(base, Policy(manifest.title), clock=clock, transport=transport)
    try:
        token = await _ask_token(http, manifest, form, body, endpoints, repeatable=False)
        credential = {**client, **_token_credential(token, clock.now())}
        if form.metadata_url:
            credential |= await _metadata(http, manifest, form, credential, endpoints)
    except PerkstarError as error:
        if error.kind is not ErrorKind.CREDENTIAL_REFUSED:
            raise
        raise PerkstarError(
            ErrorKind.CREDENTIAL_INVALID,
            f"{manifest.title} did not exchange the code for access.",
            remedy="A code works once and for a few minutes: begin again. If it fails again, check the app's id, "
            "secret and redirect address at the vendor.",
            vendor_code=error.vendor_code,
            vendor_words=error.vendor_words,
            request=error.request,
        ) from None
    finally:
        await http.close()
    return credential


async def _metadata(
    http: HttpClient,
    manifest: Manifest,
    form: AuthForm,
    credential: Mapping[str, Any],
    endpoints: Mapping[str, Any],
) -> dict[str, Any]:
    """Members that the base address needs, asked of the vendor with the fresh token (Mailchimp's `dc`)."""
    reply = await http.call(
        "GET",
        moved(form.metadata_url, manifest, endpoints),
        headers={"Authorization": f"OAuth {credential['access_token']}"},
        auth=False,
    )
    data = reply.data if isinstance(reply.data, dict) else {}
    return {name: data[name] for name in ("dc",) if data.get(name)}

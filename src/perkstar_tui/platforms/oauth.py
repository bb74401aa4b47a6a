"""OAuth 2.0: from the link that asks for access to the credential, and from an old token to a new one.

oauthlib is imported where a token is asked for and nowhere else: most runs never need it.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson

from perkstar_tui.http.client import HttpClient, Policy
from perkstar_tui.http.errors import dig, words_of
from perkstar_tui.model.clock import Clock
from perkstar_tui.model.errors import ErrorKind, PerkstarError

from .credentials import expiry, host_parts, moved, token_credential
from .manifest import AuthForm, Manifest

PASSING = (ErrorKind.NETWORK, ErrorKind.SERVICE_UNAVAILABLE, ErrorKind.RATE_LIMITED)


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
        asked["scope"] = form.scope_joiner.join(dict.fromkeys(scope.name for scope in form.scopes))
    verifier = ""
    if form.pkce and (form.secret_needed or not secret):
        verifier = maker.create_code_verifier(64)
        asked |= {
            "code_challenge": maker.create_code_challenge(verifier, "S256"),
            "code_challenge_method": "S256",
        }
    given = endpoints.get(manifest.name)
    page = str(given.get("authorize_url") or "") if isinstance(given, Mapping) else ""
    page = page or moved(_placed(form.authorize_url, client), manifest, endpoints)
    joiner = "&" if "?" in page else "?"
    kept = {"client_id": client_id} | ({"client_secret": secret} if secret else {})
    kept |= {name: client[name].strip() for name in (*form.keeps, *form.needs) if client.get(name)}
    return Authorization(
        url=page + joiner + urlencode({**asked, **form.authorize_extra}),
        state=state,
        form_id=form.id,
        redirect_uri=redirect_uri,
        code_verifier=verifier,
        client=kept,
    )


def _placed(url: str, known: Mapping[str, Any]) -> str:
    """An address of a vendor with regions or shops, its names replaced by what is known (`{shop}`)."""
    try:
        return url.format_map(host_parts(known))
    except KeyError as missing:
        raise PerkstarError(
            ErrorKind.USAGE,
            f"The {missing.args[0].replace('_', ' ')} is needed for the vendor's address.",
            remedy="Give it with the id of your own app.",
            field=str(missing.args[0]),
        ) from None


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
    extra: dict[str, Any] = dict(form.token_extra)
    if client.get("client_secret"):
        extra["client_secret"] = client["client_secret"]
    if authorization.code_verifier:
        extra["code_verifier"] = authorization.code_verifier
    body = WebApplicationClient(client["client_id"]).prepare_request_body(
        code=code, redirect_uri=authorization.redirect_uri, **extra
    )
    base = moved(_placed(form.token_url, {**client, **_redirected(form, address)}), manifest, endpoints)
    http = HttpClient(base, Policy(manifest.title), clock=clock, transport=transport)
    try:
        known = {**client, **_redirected(form, address)}
        token = await _ask_token(http, manifest, form, body, endpoints, known, repeatable=False)
        told = {**_redirected(form, address), **token}
        credential = {**client, **token_credential(form, told, clock.now())}
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


def _redirected(form: AuthForm, address: str) -> dict[str, str]:
    """Members that came with the redirect: the company's id, its region."""
    parts = urlsplit(address.strip())
    found = parse_qsl(parts.query or parts.fragment or address.strip().lstrip("?"))
    return {form.aliases.get(name, name): value for name, value in found}


async def _metadata(
    http: HttpClient,
    manifest: Manifest,
    form: AuthForm,
    credential: Mapping[str, Any],
    endpoints: Mapping[str, Any],
) -> dict[str, Any]:
    """Members that the base address needs, asked of the vendor with the fresh token (a data centre)."""
    reply = await http.call(
        "GET",
        moved(form.metadata_url, manifest, endpoints),
        headers={"Authorization": f"{form.metadata_scheme} {credential['access_token']}"},
        auth=False,
        shape="any",
    )
    found = {name: dig(reply.data, path) for name, path in form.metadata.items()}
    return {name: value for name, value in found.items() if value and not credential.get(name)}


async def _ask_token(
    http: HttpClient,
    manifest: Manifest,
    form: AuthForm,
    body: str,
    endpoints: Mapping[str, Any],
    known: Mapping[str, Any],
    *,
    repeatable: bool,
) -> dict[str, Any]:
    """Post a token request; the answer's members. A refusal of any wording is CREDENTIAL_REFUSED."""
    from oauthlib.oauth2 import OAuth2Error, WebApplicationClient

    fields = dict(parse_qsl(body, keep_blank_values=True))
    as_json = form.token_body == "json"
    headers = _named(form, fields)
    renewing = fields.get("grant_type") == "refresh_token"
    url = (form.refresh_url if renewing else "") or form.token_url
    try:
        reply = await http.call(
            "POST",
            moved(_placed(url, known), manifest, endpoints),
            json=fields if as_json else None,
            form=None if as_json else fields,
            headers=headers,
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
        if error.kind in PASSING:
            raise
        raise PerkstarError(
            ErrorKind.CREDENTIAL_REFUSED,
            f"{manifest.title} gave no new token: the grant has ended or was withdrawn.",
            vendor_code=error.vendor_code,
            vendor_words=error.vendor_words,
            vendor_request_id=error.vendor_request_id,
            request=error.request,
        ) from None


async def refresh(
    http: HttpClient,
    manifest: Manifest,
    form: AuthForm,
    stale: dict[str, Any],
    *,
    endpoints: Mapping[str, Any],
    clock: Clock,
) -> dict[str, Any]:
    """The credential with a fresh access token, and whatever refresh token came back, else the old one."""
    from oauthlib.oauth2 import WebApplicationClient

    if not stale.get("refresh_token") or not stale.get("client_id"):
        raise PerkstarError(
            ErrorKind.CREDENTIAL_REFUSED,
            f"The access to {manifest.title} has ended and cannot be renewed without the app's id.",
        )
    extra = {"client_secret": stale["client_secret"]} if stale.get("client_secret") else {}
    body = WebApplicationClient(stale["client_id"]).prepare_refresh_body(
        refresh_token=stale["refresh_token"], client_id=stale["client_id"], **extra
    )
    token = await _ask_token(
        http, manifest, form, body, endpoints, stale, repeatable=not form.refresh_rotates
    )
    fresh = {**stale, **token_credential(form, token, clock.now())}
    if expiry(token, clock.now()) is None:
        fresh.pop("expires_at", None)
    return fresh


def _named(form: AuthForm, fields: dict[str, str]) -> dict[str, str]:
    """The header in which a client names itself, where the vendor wants that instead of the fields taken out here."""
    if form.token_auth != "basic" or not fields.get("client_secret"):
        return {}
    pair = f"{fields.pop('client_id')}:{fields.pop('client_secret')}"
    return {"Authorization": "Basic " + b64encode(pair.encode()).decode()}


async def revoke(
    http: HttpClient,
    manifest: Manifest,
    form: AuthForm,
    credential: Mapping[str, Any],
    *,
    endpoints: Mapping[str, Any],
) -> bool:
    """Withdraw a grant (RFC 7009, or with the app's secret in a header); False where that secret is not known."""
    url = moved(form.revoke_url, manifest, endpoints)
    if form.token_body == "json":
        if not credential.get("client_secret"):
            return False
        await http.call(
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
    headers = _named(form, fields)
    try:
        await http.call("POST", url, form=fields, headers=headers, auth=False, repeatable=True)
    except PerkstarError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            raise
    return True

"""Credentials as people give them and as they are kept: their forms, their headers, and where they are used."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from perkstar_tui.model.errors import ErrorKind, PerkstarError

from .filling import text
from .manifest import AuthForm, Manifest
from .signing import made_secret

_OAUTH_MEMBERS = ("access_token", "refresh_token", "client_id", "client_secret", "scope")


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
                return form.id, token_credential(form, filled, now)
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
    tokens = {"access_token", "refresh_token", "client_id"} if form.refreshes else {"access_token"}
    return tokens | set(form.needs)


def _names(form: AuthForm) -> set[str]:
    if form.type == "oauth2":
        return _needed(form)
    return {f.name for f in form.fields if not f.optional}


def _of_fields(form: AuthForm, filled: Mapping[str, Any]) -> dict[str, Any]:
    """The form's fields from what was given under their names or aliases; empty when one is missing."""
    credential = {}
    for spec in form.fields:
        name = next((n for n in (spec.name, *spec.aliases) if n in filled), None)
        if name is None and (spec.made or spec.optional):
            continue
        if name is None:
            return {}
        value = filled[name]
        credential[spec.name] = value.strip() if isinstance(value, str) else value
    if filled and not credential:
        return {}
    made = {spec.name: spec.made for spec in form.fields if spec.made and spec.name not in credential}
    for member, head in made.items():
        credential[member] = made_secret(head)
    return credential


def token_credential(form: AuthForm, token: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """What is kept of a token answer, or of members that a person gave: the form says what it needs beside tokens."""
    names = dict.fromkeys((*_OAUTH_MEMBERS, *form.keeps))
    credential = {name: token[name] for name in names if token.get(name) not in (None, "")}
    if token.get("scopes"):
        credential.setdefault("scope", token["scopes"])
    expires = expiry(token, now)
    if expires is not None:
        credential |= {"expires_at": expires, "issued_at": now.timestamp()}
    return credential


def expiry(token: Mapping[str, Any], now: datetime) -> float | None:
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
    """The headers that authorise a request; of a log-in, once the credential has its `token`."""
    more = {name: text(value, _Members(credential)) for name, value in form.extra_headers.items()}
    return {**_authorising(form, credential), **more}


class _Members(dict[str, Any]):
    """Members of a credential; what it lacks is empty."""

    def __missing__(self, name: str) -> Any:
        return ""

    def __contains__(self, name: object) -> bool:
        return True


def _authorising(form: AuthForm, credential: Mapping[str, Any]) -> dict[str, str]:
    if form.type in ("oauth1", "signed") or form.query:
        return {}
    if form.type == "login":
        token = credential.get("token")
        return {form.header or "Authorization": f"{form.scheme} {token}".strip()} if token else {}
    secret = str(credential["access_token" if form.type == "oauth2" else form.fields[0].name])
    if form.header:
        return {form.header: secret if form.scheme == "Bearer" else f"{form.scheme} {secret}"}
    if form.type == "basic":
        user = str(credential[form.fields[1].name]) if len(form.fields) > 1 else "perkstar"
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()}
    return {"Authorization": f"{form.scheme} {secret}"}


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
        return Endpoint(
            manifest.base_url.format_map({**manifest.base_defaults, **_regions(manifest, credential)})
        )
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
    return host_parts(found)


def host_parts(known: Mapping[str, Any]) -> dict[str, str]:
    """Members that may stand in an address of the vendor's; of a whole address, its host."""
    bare = {name: str(value).removeprefix("https://").rstrip("/") for name, value in known.items()}
    return {name: value for name, value in bare.items() if _SAFE.fullmatch(value)}


_SAFE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
"""What may stand in a base address: a host or a part of one, never a path, a port or a name before an `@`."""


def moved(url: str, manifest: Manifest, endpoints: Mapping[str, Any]) -> str:
    """An address of the vendor as it is reached here: its host replaced where endpoints say so."""
    if not endpoints.get(manifest.name):
        return url
    base = urlsplit(endpoint_of(manifest, endpoints, {}).url)
    parts = urlsplit(url)
    return urlunsplit((base.scheme, base.netloc, parts.path, parts.query, ""))

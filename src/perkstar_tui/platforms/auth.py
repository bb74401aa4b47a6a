"""The credential of a connector: put on requests, and renewed in time by one at a time.

Also the door to what callers need of `credentials.py` and `oauth.py`.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from perkstar_tui.http.client import HttpClient
from perkstar_tui.http.errors import dig
from perkstar_tui.model.clock import Clock
from perkstar_tui.model.errors import ErrorKind, PerkstarError

from .connector import CredentialStore
from .credentials import Endpoint, auth_headers, endpoint_of, form_of, moved, normalise_credential
from .filling import fill, text
from .manifest import AuthForm, Manifest
from .oauth import PASSING, Authorization, begin_authorization, complete_authorization, refresh, revoke
from .parts import LogInSpec
from .shapes import read_time

__all__ = [
    "Authorization",
    "Endpoint",
    "Session",
    "auth_headers",
    "begin_authorization",
    "complete_authorization",
    "endpoint_of",
    "form_of",
    "log_in",
    "moved",
    "normalise_credential",
]


async def log_in(
    http: HttpClient,
    manifest: Manifest,
    spec: LogInSpec,
    given: Mapping[str, Any],
    endpoints: Mapping[str, Any],
) -> tuple[str, Any]:
    """The token that a log-in with these members gives, and the whole answer."""
    path = text(spec.call.path, given, quoted=True)
    reply = await http.call(
        spec.call.method,
        moved(path, manifest, endpoints) if path.startswith("https://") else path,
        json=None if spec.call.json_body is None else fill(spec.call.json_body, given),
        form={n: str(v) for n, v in fill(spec.call.form, given).items()} if spec.call.form else None,
        headers={n: str(v) for n, v in fill(dict(spec.call.headers), given).items()} or None,
        repeatable=True,
        shape="any",
        auth=False,
    )
    token = dig(reply.data, spec.token) if spec.token else reply.data
    if not isinstance(token, str) or not token:
        raise PerkstarError(ErrorKind.CREDENTIAL_REFUSED, f"{manifest.title} gave no token for the log-in.")
    return token, reply.data


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
        self._signer: Any = None

    async def credential(self) -> dict[str, Any]:
        if self._credential is None:
            self._take(await self.store.load())
        assert self._credential is not None
        return self._credential

    def _take(self, credential: dict[str, Any]) -> None:
        self._credential = credential
        self._form = form_of(self.manifest, credential)
        self._headers = auth_headers(self._form, credential)
        self._renew_at = 0.0 if self._form.type == "login" else None
        self._signer = None
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
            if self._form is not None and self._form.type == "login":
                await self._log_in(self._headers)
            else:
                await self._renew_early()
        return self._headers

    def params(self) -> Mapping[str, str]:
        """The query parameters that authorise, for the few vendors that want the secret there."""
        form, credential = self._form, self._credential
        if form is None or credential is None or not form.query:
            return {}
        return {form.query: str(credential[form.fields[0].name])}

    def sign(self, method: str, url: str) -> Mapping[str, str]:
        """The headers that sign a request by OAuth 1.0a; none for other forms."""
        form, credential = self._form, self._credential
        if form is None or credential is None or form.type != "oauth1":
            return {}
        if self._signer is None:
            from oauthlib.oauth1 import SIGNATURE_HMAC_SHA256, Client

            key, secret, token, token_secret = (str(credential[spec.name]) for spec in form.fields[:4])
            self._signer = Client(key, secret, token, token_secret, signature_method=SIGNATURE_HMAC_SHA256)
        self._signer.timestamp = str(int(self.clock.now().timestamp()))
        _, headers, _ = self._signer.sign(url, http_method=method)
        return dict(headers)

    async def _log_in(self, used: Mapping[str, str]) -> None:
        """Turn what the person gave into a token for a while; it is kept in memory only."""
        async with self._lock:
            if used is not self._headers:
                return
            form, credential = await self.form(), await self.credential()
            spec = form.log_in
            assert spec is not None and self.http is not None
            given = {
                name: value for name, value in credential.items() if name not in ("token", *spec.members)
            }
            token, data = await log_in(self.http, self.manifest, spec, given, self.endpoints)
            members = {name: dig(data, path) for name, path in spec.members.items()}
            self._credential = {**given, **members, "token": token}
            self._headers = auth_headers(form, self._credential)
            self._renew_at = self._ends(spec, data)

    def _ends(self, spec: LogInSpec, data: Any) -> float:
        """When to log in again, in epoch seconds: a little before the token's end; after an hour where it says none."""
        now = self.clock.now().timestamp()
        told = dig(data, spec.ends) if spec.ends else None
        if told is None:
            return now + 3600.0
        if spec.ends_form == "in_s":
            life = float(told)
        else:
            moment = read_time(told, spec.ends_form)
            life = moment.timestamp() - now if moment is not None else 3600.0
        return now + life - min(60.0, life / 10.0)

    async def _renew_early(self) -> None:
        """Renew before the end; while the token still lives, a fault on the way does no harm yet."""
        used = self._headers
        try:
            await self._renew(used)
        except PerkstarError as error:
            expires = float((self._credential or {}).get("expires_at") or 0)
            if error.kind not in PASSING or self.clock.now().timestamp() >= expires:
                raise
            self._renew_at = self.clock.now().timestamp() + 60.0

    async def refused(self, used: Mapping[str, str]) -> bool:
        form = await self.form()
        credential = await self.credential()
        if form.type == "oauth2" and form.refreshes and credential.get("refresh_token"):
            await self._renew(used)
            return True
        if form.type == "login":
            await self._log_in(used)
            return True
        if used is not self._headers:
            return True
        return await self._changed_elsewhere(credential)

    async def _changed_elsewhere(self, stale: dict[str, Any]) -> bool:
        """Whether the store now has another credential than the one refused: it was replaced meanwhile."""
        present = await self.store.load()
        form = form_of(self.manifest, present)
        if (auth_headers(form, present) == self._headers and not form.query) or present == stale:
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
        assert self.http is not None
        return await refresh(
            self.http, self.manifest, await self.form(), stale, endpoints=self.endpoints, clock=self.clock
        )

    async def revoke(self) -> bool:
        """Withdraw the grant at the vendor; False where there is no call for it or it needs what we don't have."""
        form = await self.form()
        if form.type != "oauth2" or not form.revoke_url or self.http is None:
            return False
        credential = await self.credential()
        return await revoke(self.http, self.manifest, form, credential, endpoints=self.endpoints)

"""The credential of a connector: put on requests, and renewed in time by one at a time.

Also the door to what callers need of `credentials.py` and `oauth.py`.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from perkstar_tui.http.client import HttpClient
from perkstar_tui.model.clock import Clock
from perkstar_tui.model.errors import ErrorKind, PerkstarError

from .connector import CredentialStore
from .credentials import Endpoint, auth_headers, endpoint_of, form_of, moved, normalise_credential
from .manifest import AuthForm, Manifest
from .oauth import PASSING, Authorization, begin_authorization, complete_authorization, refresh, revoke

__all__ = [
    "Authorization",
    "Endpoint",
    "Session",
    "auth_headers",
    "begin_authorization",
    "complete_authorization",
    "endpoint_of",
    "form_of",
    "moved",
    "normalise_credential",
]


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
            if error.kind not in PASSING or self.clock.now().timestamp() >= expires:
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

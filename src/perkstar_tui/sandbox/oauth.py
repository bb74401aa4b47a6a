"""OAuth 2.0 as a vendor's server sees it: codes, PKCE, tokens with an end, refresh, revocation."""

import base64
import hashlib
import random
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from .clock import Clock
from .wire import Answer, Call, reply


@dataclass(slots=True)
class Token:
    """An access token: whose app, until when, and the refresh token it came with."""

    value: str
    client_id: str
    expires: float | None
    refresh: str | None
    scopes: list[str]
    revoked: bool = False


@dataclass(slots=True)
class Refresh:
    """A refresh token; one that rotates is used once."""

    value: str
    client_id: str
    rotates: bool
    scopes: list[str]
    expires: float | None = None
    spent: bool = False
    revoked: bool = False


@dataclass(slots=True)
class Code:
    """An authorisation code, good for one exchange."""

    value: str
    client_id: str
    redirect_uri: str
    scopes: list[str]
    challenge: str | None
    expires: float
    used: bool = False


@dataclass
class Grants:
    """The clients, codes and tokens of one vendor."""

    clock: Clock
    chance: random.Random
    access_prefix: str
    refresh_prefix: str
    lifetime: float | None
    client_id: str = ""
    client_secret: str = ""
    tokens: dict[str, Token] = field(default_factory=dict)
    refreshes: dict[str, Refresh] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    permanent: set[str] = field(default_factory=set)
    refuse_all: bool = False

    def secret(self, length: int = 32) -> str:
        """Letters that nobody else has; the same seed gives the same row of them."""
        return "".join(
            self.chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789", k=length)
        )

    def issue(
        self,
        scopes: list[str],
        *,
        refresh: Refresh | None = None,
        with_refresh: bool = True,
        rotates: bool = False,
    ) -> Token:
        """A new access token, with a new refresh token unless one is given."""
        if refresh is None and with_refresh:
            refresh = Refresh(self.refresh_prefix + self.secret(40), self.client_id, rotates, scopes)
            self.refreshes[refresh.value] = refresh
        expires = None if self.lifetime is None else self.clock.now() + self.lifetime
        value = self.access_prefix + self.secret(48)
        token = Token(value, self.client_id, expires, refresh.value if refresh else None, scopes)
        self.tokens[value] = token
        return token

    def check(self, value: str | None) -> str:
        """`ok`, `expired`, `revoked` or `unknown`."""
        if value is None:
            return "unknown"
        if self.refuse_all:
            return "revoked"
        if value in self.permanent:
            return "ok"
        token = self.tokens.get(value)
        if token is None:
            return "unknown"
        if token.revoked:
            return "revoked"
        if token.expires is not None and token.expires <= self.clock.now():
            return "expired"
        return "ok"

    def expire(self) -> int:
        """Let every access token end now; refresh tokens live on."""
        ended = 0
        for token in self.tokens.values():
            if token.expires is None or token.expires > self.clock.now():
                token.expires = self.clock.now() - 1
                ended += 1
        return ended

    def revoke(self) -> int:
        """Withdraw everything that was granted, personal tokens too."""
        count = 0
        for token in self.tokens.values():
            count += not token.revoked
            token.revoked = True
        for refresh in self.refreshes.values():
            refresh.revoked = True
        for value in list(self.permanent):
            self.tokens[value] = Token(value, self.client_id, None, None, [], revoked=True)
            self.permanent.discard(value)
            count += 1
        return count

    def authorise(self, call: Call, code_lifetime: float) -> Answer:
        """The page that says yes at once: back to the caller with a code and its state."""
        redirect = call.arg("redirect_uri")
        if call.arg("client_id") != self.client_id or not redirect:
            return Answer(400, b"unknown client_id, or redirect_uri missing", content_type="text/plain")
        if urlsplit(redirect).scheme not in ("http", "https"):
            return Answer(400, b"redirect_uri must be http or https", content_type="text/plain")
        challenge = call.arg("code_challenge") or None
        method = call.arg("code_challenge_method", "S256")
        joint = "&" if urlsplit(redirect).query else "?"
        if challenge and method != "S256":
            back = urlencode({"error": "invalid_request", "state": call.arg("state")})
        elif call.arg("deny"):
            back = urlencode({"error": "access_denied", "state": call.arg("state")})
        else:
            scopes = call.arg("scope").replace("+", " ").split()
            code = Code(
                self.secret(36), self.client_id, redirect, scopes, challenge, self.clock.now() + code_lifetime
            )
            self.codes[code.value] = code
            back = urlencode(
                {"code": code.value} | ({"state": call.arg("state")} if "state" in call.query else {})
            )
        return Answer(302, b"", {"location": f"{redirect}{joint}{back}"}, "text/html")

    def redeem(self, form: dict[str, str]) -> Code | None:
        """The code that a client may exchange; None where anything about it is wrong."""
        code = self.codes.get(form.get("code", ""))
        if code is None or code.used or code.expires <= self.clock.now() or self.refuse_all:
            return None
        if code.client_id != form.get("client_id"):
            return None
        if form.get("redirect_uri", code.redirect_uri) != code.redirect_uri:
            return None
        if code.challenge is not None and not verified(form.get("code_verifier", ""), code.challenge):
            return None
        code.used = True
        return code

    def renewable(self, value: str) -> Refresh | None:
        """The refresh token, if it can still be used."""
        found = self.refreshes.get(value)
        if found is None or found.revoked or found.spent or self.refuse_all:
            return None
        if found.expires is not None and found.expires <= self.clock.now():
            return None
        return found

    def knows_client(self, client_id: str | None, client_secret: str | None) -> bool:
        """Whether id and secret are this app's."""
        return client_id == self.client_id and secrets.compare_digest(client_secret or "", self.client_secret)


class Granted:
    """A vendor that lets apps in by grants; mixed into the vendor."""

    grants: Grants

    def expire_tokens(self) -> int:
        """Access tokens end now; refresh tokens stay."""
        return self.grants.expire()

    def revoke_tokens(self) -> int:
        """Every grant is withdrawn, and whatever else lets somebody in."""
        return self.grants.revoke()


class Denied(Exception):
    """Why a token request is refused: the error of RFC 6749, section 5.2, and which of its reasons it is."""

    def __init__(self, error: str, reason: str) -> None:
        super().__init__(error, reason)
        self.error = error
        self.reason = reason


def exchange(
    grants: Grants,
    form: dict[str, str],
    scopes: list[str],
    *,
    public: bool = False,
    with_refresh: bool = True,
    rotates: bool = False,
) -> Token:
    """A token for a code or a refresh token; `Denied` where the request isn't good.

    `scopes` are those of a code that asked for none. `public`: a client without a secret may redeem a code by
    PKCE; its refresh tokens rotate, and are used without the secret. `rotates`: so they do for everybody. The
    reasons: `client` (unknown), `secret` (wrong), `no-secret`, `no-proof` (neither secret nor PKCE), `code`,
    `refresh`, `grant` (unknown type).
    """
    if form.get("client_id") != grants.client_id:
        raise Denied("invalid_client", "client")
    secret = form.get("client_secret")
    if (secret or not public) and not grants.knows_client(form.get("client_id"), secret):
        raise Denied("invalid_client", "secret")
    if form.get("grant_type") == "authorization_code":
        pending = grants.codes.get(form.get("code", ""))
        if not secret and (pending is None or pending.challenge is None):
            raise Denied("invalid_client", "no-proof")
        code = grants.redeem(form)
        if code is None:
            raise Denied("invalid_grant", "code")
        return grants.issue(
            code.scopes or scopes, with_refresh=with_refresh, rotates=rotates or (public and not secret)
        )
    if form.get("grant_type") == "refresh_token":
        old = grants.renewable(form.get("refresh_token", ""))
        if old is None:
            raise Denied("invalid_grant", "refresh")
        if not secret and not (public and old.rotates):
            raise Denied("invalid_client", "no-secret")
        if old.rotates:
            old.spent = True
            return grants.issue(old.scopes, rotates=True)
        return grants.issue(old.scopes, refresh=old)
    raise Denied("unsupported_grant_type", "grant")


def verified(verifier: str, challenge: str) -> bool:
    """RFC 7636, S256."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return secrets.compare_digest(
        base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), challenge.rstrip("=")
    )


def oauth_error(error: str, description: str, status: int = 400) -> Answer:
    """RFC 6749, section 5.2."""
    return reply({"error": error, "error_description": description}, status)

"""Square's OAuth: codes with a secret or with PKCE, refresh, revocation, and what a token is worth."""

import hmac
from typing import TYPE_CHECKING, Any

from ..clock import iso_utc
from ..oauth import Denied, Token, exchange
from ..resource import Resource
from ..wire import Answer, Call, Routes, reply
from .errors import error
from .locations import MERCHANT

if TYPE_CHECKING:
    from .vendor import Square

SCOPES = [
    "CUSTOMERS_READ",
    "CUSTOMERS_WRITE",
    "ORDERS_READ",
    "ORDERS_WRITE",
    "PAYMENTS_READ",
    "MERCHANT_PROFILE_READ",
]
LIFETIME = 30 * 86_400
REASONS = {
    "client": "client_id is not known",
    "secret": "client_secret is wrong",
    "no-secret": "client_secret is missing",
    "no-proof": "client_secret or code_verifier is missing",
    "code": "the authorization code is invalid, expired or used",
    "refresh": "the refresh token is invalid, revoked or used",
    "grant": "grant_type is not known",
}


class OAuth(Resource):
    """The paths that give and take tokens."""

    vendor: "Square"

    def route(self, routes: Routes) -> None:
        """The paths of `/oauth2`."""
        routes.add("GET", "/oauth2/authorize", lambda call: self.vendor.grants.authorise(call, 300.0))
        routes.add("POST", "/oauth2/token", self.token)
        routes.add("POST", "/oauth2/revoke", self.revoke)
        routes.add("POST", "/oauth2/token/status", self.token_status)

    def token(self, call: Call) -> Answer:
        """Exchange a code, with a secret or with PKCE, or a refresh token."""
        form = call.form()
        try:
            token = exchange(self.vendor.grants, form, SCOPES, public=True)
        except Denied as denied:
            return self.refusal(denied.error, REASONS[denied.reason])
        return self.granted(token, form)

    def refusal(self, error: str, words: str) -> Answer:
        """A refusal in Square's words and in those of RFC 6749."""
        status = 401 if error == "invalid_client" else 400
        category = "AUTHENTICATION_ERROR" if status == 401 else "INVALID_REQUEST_ERROR"
        code = "UNAUTHORIZED" if status == 401 else "BAD_REQUEST"
        body = {"errors": [{"category": category, "code": code, "detail": words}], "error": error,
                "error_description": words, "message": words, "type": "service.not_authorized"}  # fmt: skip
        return reply(body, status)

    def granted(self, token: Token, form: dict[str, str]) -> Answer:
        short = form.get("short_lived", "").lower() == "true"
        if short:
            token.expires = self.clock.now() + 86_400
        refresh = self.vendor.grants.refreshes.get(token.refresh or "")
        body: dict[str, Any] = {
            "access_token": token.value, "token_type": "bearer",
            "expires_at": iso_utc(int((token.expires or 0) * 1000)),
            "merchant_id": MERCHANT, "refresh_token": token.refresh, "short_lived": short,
        }  # fmt: skip
        if refresh is not None and refresh.rotates:
            refresh.expires = self.clock.now() + 90 * 86_400
            body["refresh_token_expires_at"] = iso_utc(int(refresh.expires * 1000))
        return reply(body)

    def revoke(self, call: Call) -> Answer:
        """Withdraw a token, or all that the merchant gave; the app's secret is asked for."""
        scheme, _, secret = call.headers.get("authorization", "").partition(" ")
        if scheme != "Client" or not hmac.compare_digest(secret.strip(), self.vendor.grants.client_secret):
            return error(401, "AUTHENTICATION_ERROR", "UNAUTHORIZED", "Not authorized")
        form = call.form()
        if form.get("revoke_only_access_token", "").lower() == "true":
            token = self.vendor.grants.tokens.get(form.get("access_token", ""))
            if token is None:
                return error(404, "INVALID_REQUEST_ERROR", "NOT_FOUND", "access token not found")
            token.revoked = True
        else:
            personal = set(self.vendor.grants.permanent)
            self.vendor.grants.permanent.clear()
            self.vendor.revoke_tokens()
            self.vendor.grants.permanent = personal
        return reply({"success": True})

    def token_status(self, call: Call) -> Answer:
        """What a token is worth."""
        value = call.bearer() or ""
        if self.vendor.grants.check(value) != "ok":
            return error(
                401, "AUTHENTICATION_ERROR", "UNAUTHORIZED", "The access token is invalid or expired."
            )
        token = self.vendor.grants.tokens.get(value)
        body: dict[str, Any] = {"scopes": token.scopes if token else SCOPES, "client_id": self.vendor.grants.client_id,
                                "merchant_id": MERCHANT}  # fmt: skip
        if token and token.expires:
            body["expires_at"] = iso_utc(int(token.expires * 1000))
        return reply(body)

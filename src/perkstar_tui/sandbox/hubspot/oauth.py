"""HubSpot's OAuth: codes, refresh, revocation, and what a token is worth."""

from typing import TYPE_CHECKING

from .. import business
from ..ids import random_uuid
from ..oauth import Denied, exchange, oauth_error
from ..resource import Resource
from ..wire import Answer, Call, Routes, reply

if TYPE_CHECKING:
    from .vendor import HubSpot

PORTAL = 147_730_121
APP = 3_215_807
SCOPES = ["oauth", "crm.objects.contacts.read", "crm.objects.contacts.write", "crm.schemas.contacts.read",
          "crm.schemas.contacts.write", "crm.objects.orders.read", "crm.objects.orders.write"]  # fmt: skip
BAD_CLIENT = ("BAD_CLIENT_ID", "missing or unknown client id or secret")
REASONS = {
    "client": BAD_CLIENT,
    "secret": BAD_CLIENT,
    "code": ("BAD_AUTH_CODE", "missing or unknown auth code"),
    "refresh": ("BAD_REFRESH_TOKEN", "missing or invalid refresh token"),
}
LIFETIME = 1800


class OAuth(Resource):
    """The paths that give, take and explain tokens."""

    vendor: "HubSpot"

    def route(self, routes: Routes) -> None:
        """The paths of `/oauth`, and the account that a token belongs to."""
        routes.add("GET", "/account-info/v3/details", self.details)
        routes.add("GET", "/oauth/authorize", lambda call: self.vendor.grants.authorise(call, 60.0))
        for version in ("v1", "v3"):
            routes.add("POST", f"/oauth/{version}/token", self.token)
            routes.add("POST", f"/oauth/{version}/token/revoke", self.revoke)
            routes.add("POST", f"/oauth/{version}/token/introspect", self.introspect)
        routes.add("GET", "/oauth/v1/access-tokens/{token}", self.access_token)
        routes.add("GET", "/oauth/v1/refresh-tokens/{token}", self.refresh_token)
        routes.add("DELETE", "/oauth/v1/refresh-tokens/{token}", self.drop_refresh_token)

    def token(self, call: Call) -> Answer:
        """Exchange a code or a refresh token."""
        if "form" not in call.headers.get("content-type", "form"):
            return self.vendor.error(415, "VALIDATION_ERROR", "The token request must be a form")
        form = call.form()
        try:
            token = exchange(self.vendor.grants, form, SCOPES)
        except Denied as denied:
            return self.refusal(denied)
        return reply({
            "token_type": "bearer", "refresh_token": token.refresh, "access_token": token.value, "expires_in": LIFETIME,
            "hub_id": PORTAL, "user_id": 71, "scopes": token.scopes, "token_use": "access_token",
        })  # fmt: skip

    def refusal(self, denied: Denied) -> Answer:
        """What HubSpot says where RFC 6749 says invalid_grant or invalid_client."""
        if denied.reason not in REASONS:
            return oauth_error(denied.error, "grant_type is not known")
        status, message = REASONS[denied.reason]
        return reply({
            "status": status, "message": message, "correlationId": random_uuid(self.chance),
            "category": "VALIDATION_ERROR", "error": denied.error, "error_description": message,
        }, 400)  # fmt: skip

    def revoke(self, call: Call) -> Answer:
        """Withdraw a refresh token; access tokens already given live out their time."""
        found = self.vendor.grants.refreshes.get(call.form().get("token", ""))
        if found is not None:
            found.revoked = True
        return Answer(204)

    def introspect(self, call: Call) -> Answer:
        """What a token is worth."""
        value = call.form().get("token", "")
        token, refresh = self.vendor.grants.tokens.get(value), self.vendor.grants.refreshes.get(value)
        if token is not None:
            left = int((token.expires or 0) - self.clock.now())
            return reply({"active": self.vendor.grants.check(value) == "ok", "hub_id": PORTAL, "user_id": 71,
                          "client_id": token.client_id, "scopes": token.scopes, "expires_in": max(0, left),
                          "token_use": "access_token"})  # fmt: skip
        active = refresh is not None and self.vendor.grants.renewable(value) is not None
        return reply({"active": active, "token_use": "refresh_token"} if refresh else {"active": False})

    def access_token(self, call: Call) -> Answer:
        """The older way to ask what a token is worth."""
        value = call.params["token"]
        token = self.vendor.grants.tokens.get(value)
        if token is None or self.vendor.grants.check(value) != "ok":
            raise self.vendor.not_found("token not found or expired")
        left = int((token.expires or 0) - self.clock.now())
        return reply({"hub_id": PORTAL, "user_id": 71, "scopes": token.scopes, "token_type": "access", "app_id": APP,
                      "user": "owner@kestrelrye.co.uk", "hub_domain": "kestrelrye.co.uk", "expires_in": left,
                      "token": value})  # fmt: skip

    def refresh_token(self, call: Call) -> Answer:
        """What a refresh token is worth."""
        value = call.params["token"]
        found = self.vendor.grants.renewable(value)
        if found is None:
            raise self.vendor.not_found("refresh token not found")
        return reply({"hub_id": PORTAL, "user_id": 71, "scopes": found.scopes, "token_type": "refresh",
                      "client_id": found.client_id, "user": "owner@kestrelrye.co.uk",
                      "hub_domain": "kestrelrye.co.uk", "token": value})  # fmt: skip

    def drop_refresh_token(self, call: Call) -> Answer:
        """The older way to withdraw one."""
        found = self.vendor.grants.refreshes.get(call.params["token"])
        if found is None:
            raise self.vendor.not_found("refresh token not found")
        found.revoked = True
        return Answer(204)

    def details(self, call: Call) -> Answer:
        """The account that a token belongs to."""
        return reply({"portalId": PORTAL, "accountType": "STANDARD", "timeZone": business.TIMEZONE,
                      "companyCurrency": business.CURRENCY, "additionalCurrencies": [], "utcOffset": "+00:00",
                      "utcOffsetMilliseconds": 0, "uiDomain": "app-eu1.hubspot.com",
                      "dataHostingLocation": "eu1"})  # fmt: skip

"""The account that a key or a token belongs to, and the tokens themselves."""

from typing import TYPE_CHECKING

from .. import business
from ..clock import iso_s
from ..oauth import Denied, exchange, oauth_error
from ..resource import Resource
from ..wire import Answer, Call, Routes, reply
from .partial import trimmed

if TYPE_CHECKING:
    from .vendor import Mailchimp

DC = "us21"
ACCOUNT = "8d3a3db4d97663a9074efcc16"


class Account(Resource):
    """The paths of the account and of login.mailchimp.com."""

    vendor: "Mailchimp"

    def route(self, routes: Routes) -> None:
        """The root, and the paths of `/oauth2`."""
        routes.add("GET", "/", self.root)
        routes.add("GET", "/ping", lambda call: reply({"health_status": "Everything's Chimpy!"}))
        routes.add("GET", "/oauth2/authorize", lambda call: self.vendor.grants.authorise(call, 30.0))
        routes.add("POST", "/oauth2/token", self.token)
        routes.add("GET", "/oauth2/metadata", self.metadata)

    def root(self, call: Call) -> Answer:
        """The account."""
        return trimmed(call, {
            "account_id": ACCOUNT, "login_id": "88211934", "account_name": business.NAME, "email": business.EMAIL,
            "first_name": business.OWNER_FIRST, "last_name": business.OWNER_LAST, "username": "kestrelrye",
            "avatar_url": "", "role": "owner", "member_since": iso_s(self.vendor.started - business.AGE_MS),
            "pricing_plan_type": "monthly", "account_timezone": business.TIMEZONE, "account_industry": "retail",
            "contact": {"company": business.NAME, "addr1": business.STREET, "addr2": "", "city": business.TOWN,
                        "state": "", "zip": business.POSTCODE, "country": business.COUNTRY},
            "pro_enabled": False, "last_login": iso_s(self.clock.ms()),
            "total_subscribers": self.kind("members").count(),
        })  # fmt: skip

    def token(self, call: Call) -> Answer:
        """A token for a code: without an end and without a refresh token."""
        form = call.form()
        if form.get("grant_type") != "authorization_code":
            return oauth_error("unsupported_grant_type", "The grant type is not supported")
        try:
            token = exchange(self.vendor.grants, form, [], with_refresh=False)
        except Denied as denied:
            if denied.error == "invalid_client":
                return oauth_error(denied.error, "The client credentials are invalid", 401)
            return oauth_error(denied.error, "The code is invalid, expired or used")
        return reply({"access_token": token.value, "expires_in": 0, "scope": None})

    def metadata(self, call: Call) -> Answer:
        """Which data centre a token belongs to; here, this port."""
        scheme, token = call.authorization()
        if scheme not in ("oauth", "bearer") or self.vendor.grants.check(token) != "ok":
            return oauth_error("invalid_token", "The access token is invalid", 401)
        return reply({
            "dc": DC, "role": "owner", "accountname": business.NAME, "user_id": 88_211_934,
            "login": {"email": business.EMAIL, "avatar": None, "login_id": 88_211_934,
                      "login_name": "kestrelrye", "login_email": business.EMAIL},
            "login_url": call.base, "api_endpoint": call.base,
        })  # fmt: skip

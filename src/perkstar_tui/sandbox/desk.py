"""The OAuth endpoints that most vendors have alike: a page that asks, a token for a code, a fresh one, withdrawal."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .oauth import Denied, Grants, Token, exchange, oauth_error
from .resource import Resource
from .wire import Answer, Call, Refused, Routes, reply

if TYPE_CHECKING:
    from .ordinary import Ordinary

CODE_LIFETIME = 300.0
WORDS = {
    "client": "The client is unknown.",
    "secret": "The client secret is wrong.",
    "no-secret": "The client must authenticate.",
    "no-proof": "The client must authenticate.",
    "code": "The authorization code is invalid, expired or used.",
    "refresh": "The refresh token is invalid, expired or used.",
    "grant": "The grant type is not supported.",
}


class Desk(Resource):
    """One vendor's OAuth endpoints; paths that lie outside what needs a credential."""

    vendor: "Ordinary"

    def __init__(
        self,
        vendor: "Ordinary",
        grants: Grants,
        *,
        authorize: str,
        token: str,
        revoke: str = "",
        scopes: tuple[str, ...] = (),
        public: bool = False,
        rotates: bool = False,
        basic: bool = False,
        tells_end: bool = True,
        more: Callable[[Token], dict[str, Any]] = lambda token: {},
        back: Callable[[Call], str] = lambda call: "",
    ) -> None:
        """`basic`: the client names itself by HTTP Basic only. `tells_end`: the answer says when a token ends.

        `more`: further members of the answer with a token. `back`: what is added to the address that the browser
        goes back to.
        """
        super().__init__(vendor)
        self.grants = grants
        self.paths = (authorize, token, revoke)
        self.scopes = scopes
        self.public, self.rotates, self.basic, self.tells_end = public, rotates, basic, tells_end
        self.more, self.back = more, back

    def route(self, routes: Routes) -> None:
        """Authorise, token and, where there is one, revoke."""
        authorize, token, revoke = self.paths
        routes.add("GET", authorize, self.ask)
        routes.add("POST", token, self.token)
        if revoke:
            routes.add("POST", revoke, self.revoke)

    def outside(self, call: Call) -> bool:
        """Whether a request is for this desk, and so wants no token."""
        return call.path in self.paths

    def ask(self, call: Call) -> Answer:
        """The owner says yes at once."""
        answer = self.grants.authorise(call, CODE_LIFETIME)
        more = self.back(call)
        if more and answer.status == 302:
            answer.headers["location"] += f"&{more}"
        return answer

    def _client(self, call: Call) -> dict[str, str]:
        form, named = call.form(), call.basic()
        if named is not None:
            return {**form, "client_id": named[0], "client_secret": named[1]}
        if self.basic:
            raise Refused(oauth_error("invalid_client", WORDS["no-secret"], 401))
        return form

    def token(self, call: Call) -> Answer:
        """RFC 6749, sections 4.1.3 and 6."""
        try:
            token = exchange(
                self.grants, self._client(call), list(self.scopes), public=self.public, rotates=self.rotates
            )
        except Denied as denied:
            status = 401 if denied.error == "invalid_client" else 400
            return oauth_error(denied.error, WORDS[denied.reason], status)
        return reply(self.shown(token))

    def shown(self, token: Token) -> dict[str, Any]:
        """The answer with a token."""
        body: dict[str, Any] = {
            "access_token": token.value,
            "token_type": "Bearer",
            "scope": " ".join(token.scopes or self.scopes),
        }
        if token.expires is not None and self.tells_end:
            body["expires_in"] = round(token.expires - self.clock.now())
        if token.refresh is not None:
            body["refresh_token"] = token.refresh
        return {**body, **self.more(token)}

    def revoke(self, call: Call) -> Answer:
        """RFC 7009: whatever was given is good no more."""
        form = self._client(call)
        value = form.get("token", "")
        token, refresh = self.grants.tokens.get(value), self.grants.refreshes.get(value)
        if token is not None:
            token.revoked = True
            refresh = self.grants.refreshes.get(token.refresh or "")
        if refresh is not None:
            refresh.revoked = True
            for one in self.grants.tokens.values():
                one.revoked = one.revoked or one.refresh == refresh.value
        return reply({})

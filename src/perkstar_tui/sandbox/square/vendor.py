"""Square itself: its app, who is let in, what it says where something is wrong, and what people do there."""

from typing import Any

from ..clock import iso_ms
from ..limits import Windows
from ..names import invent
from ..oauth import Grants
from ..seed import View, viewed
from ..state import MERGED, Row
from ..vendor import Vendor
from ..wire import Answer, Call, Refused
from .custom_attributes import CustomAttributes
from .customers import Customers
from .errors import error, not_found
from .groups import Groups
from .idempotency import Idempotency
from .locations import LOCATIONS, MERCHANT, Locations
from .oauth import LIFETIME, SCOPES, OAuth
from .orders import Orders
from .pages import Pages
from .payments import Payments
from .refunds import Refunds
from .till import menu_line
from .webhooks import VERSION, Webhooks


class Square(Vendor):
    """Square on one port."""

    name = "square"
    kinds = ("customers", "orders", "payments", "refunds")
    hidden_kinds = ("attributes",)
    people_kind = "customers"
    sells = True
    authorize_path = "/oauth2/authorize"

    def begin(self) -> None:
        """An app with a first grant, a personal token, three shops."""
        self.grants = Grants(
            self.clock, self.chance, "EAAA", "EQAA", LIFETIME, client_id="sq0idp-PqKb3v0yLr8s2T1mXw5a9Q"
        )
        self.grants.client_secret = "sq0csp-" + self.grants.secret(43)
        self.renew()
        self.windows = Windows(self.clock, 50, 1.0)
        self.started = self.clock.ms()
        self.idempotency = Idempotency()
        self.pages = Pages(self.clock)
        self.customers = Customers(self)
        self.attributes = CustomAttributes(self)
        self.groups = Groups(self)
        self.orders = Orders(self)
        self.payments = Payments(self)
        self.refunds = Refunds(self)
        self.locations = Locations(self)
        self.oauth = OAuth(self)
        self.webhooks = Webhooks(self)
        self.resources = (
            self.customers,
            self.attributes,
            self.groups,
            self.orders,
            self.payments,
            self.refunds,
            self.locations,
            self.oauth,
            self.webhooks,
        )

    def admit(self, call: Call) -> dict[str, str]:
        """Token and a limit of so many requests a second; the webhooks of an app want its personal token."""
        echo = {"Square-Version": call.headers.get("square-version", VERSION)}
        if call.path.startswith("/oauth2/"):
            return echo
        token = call.bearer()
        state = self.grants.check(token)
        if state != "ok":
            code = {"expired": "ACCESS_TOKEN_EXPIRED", "revoked": "ACCESS_TOKEN_REVOKED"}.get(
                state, "UNAUTHORIZED"
            )
            words = "This request could not be authorized."
            raise Refused(error(401, "AUTHENTICATION_ERROR", code, words))
        if call.path.startswith("/v2/webhooks/") and token not in self.grants.permanent:
            words = "Webhook subscriptions need the application's personal access token."
            raise Refused(error(403, "AUTHENTICATION_ERROR", "FORBIDDEN", words))
        self.count_call(self.windows.of(token or ""))
        return echo

    def missing(self, known: bool) -> Answer:
        """404, or 405 for a path that other methods know."""
        if known:
            return error(405, "INVALID_REQUEST_ERROR", "METHOD_NOT_ALLOWED", "Method not allowed.")
        return error(404, "INVALID_REQUEST_ERROR", "NOT_FOUND", "Resource not found.")

    def failure(self, status: int) -> Answer:
        """429 and the errors of a server."""
        if status == 429:
            words = "Your application is sending too many requests."
            return error(429, "RATE_LIMIT_ERROR", "RATE_LIMITED", words)
        code = {503: "SERVICE_UNAVAILABLE", 502: "BAD_GATEWAY", 504: "GATEWAY_TIMEOUT"}.get(
            status, "INTERNAL_SERVER_ERROR"
        )
        return error(status, "API_ERROR", code, "An internal error has occurred.")

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON or of another shape."""
        return error(400, "INVALID_REQUEST_ERROR", "EXPECTED_JSON_BODY", "Invalid JSON body.")

    def credentials(self) -> dict[str, Any]:
        """The first grant of the app, and a personal token beside it."""
        return {
            "access_token": self.first.value,
            "refresh_token": self.first.refresh,
            "expires_in": LIFETIME,
            "client_id": self.grants.client_id,
            "client_secret": self.grants.client_secret,
            "location_id": LOCATIONS[0],
            "alternatives": {"personal_token": {"access_token": self.personal, "location_id": LOCATIONS[0]}},
        }

    def expire_tokens(self) -> int:
        """Let access tokens end now."""
        return self.grants.expire()

    def revoke_tokens(self) -> int:
        """Withdraw every grant and token."""
        count = self.grants.revoke()
        self.webhooks.announce(
            "oauth.authorization.revoked",
            "revocation",
            MERCHANT,
            {"revocation": {"revoked_at": iso_ms(self.clock.ms())}},
        )
        return count

    def renew(self) -> None:
        """A new grant and a new personal token."""
        self.first = self.grants.issue(SCOPES)
        self.personal = "EAAAl" + self.grants.secret(58)
        self.grants.permanent.add(self.personal)

    def found(self, kind: str, identifier: str) -> Row:
        """A record, else 404."""
        row = self.kind(kind).live(identifier)
        if row is None:
            raise not_found(f"{kind[:-1].capitalize()} with ID `{identifier}` not found.")
        return row

    # what people do there

    def page_mark(self, call: Call) -> str | None:
        """Lists go by cursor, searches by the one in the body."""
        if call.method == "GET" and call.path.count("/") == 2:
            return call.arg("cursor")
        if call.path.endswith("/search"):
            return f"{call.json().get('cursor', '')} "
        return None

    def disturb(self, call: Call) -> None:
        """Somebody edits the oldest record of the list."""
        name = call.path.split("/")[2]
        kind = self.store.kinds.get(name)
        row = kind.first("state = 0") if kind else None
        if kind is not None and row is not None:
            row.touch(self.clock.ms())
            row.body["updated_at"] = iso_ms(row.updated)
            kind.put(row)

    def control_put(self, kind: str, identifier: str, part: dict[str, Any]) -> Any:
        """As a person at the till or in the dashboard."""
        row = self.kind(kind).get(identifier)
        if kind == "customers":
            fields = {
                name: value
                for name, value in part.items()
                if name not in ("id", "version", "created_at", "updated_at")
            }
            return (
                self.customers.write(row, fields) if row else self.customers.put_new(fields, identifier)
            ).body
        if kind == "orders":
            if row is None:
                return self.orders.sell(part, identifier).body
            row.body.update({k: v for k, v in part.items() if k not in ("id", "version")})
            self.orders.touch(row)
            return row.body
        if kind == "refunds" and row is None:
            payment = self.found("payments", part["payment_id"])
            amount = part.get("amount_money") or payment.body["total_money"]
            return self.refunds.give_back(part | {"amount_money": amount}, identifier).body
        if row is None:
            raise ValueError(f"new {kind} come with an order")
        row.body.update({k: v for k, v in part.items() if k != "id"})
        row.touch(self.clock.ms())
        row.body["updated_at"] = iso_ms(row.updated)
        self.kind(kind).put(row)
        self.webhooks.announce(f"{kind[:-1]}.updated", kind[:-1], row.id, {kind[:-1]: row.body})
        return row.body

    def control_delete(self, kind: str, identifier: str) -> bool:
        """Remove a record."""
        row = self.kind(kind).live(identifier)
        if row is None:
            return False
        if kind == "customers":
            self.customers.remove(row)
        else:
            self.kind(kind).delete(identifier)
        return True

    def control_generate(self, kind: str, count: int) -> list[str]:
        """New customers, or sales to customers who are there."""
        made = []
        if kind == "customers":
            for _ in range(count):
                person = invent(self.chance)
                made.append(self.customers.put_new({
                    "given_name": person.first, "family_name": person.last, "email_address": person.email,
                    "phone_number": f"+{person.phone}", "birthday": person.birthday,
                }).id)  # fmt: skip
        elif kind == "orders":
            total = self.kind("customers").count()
            for _ in range(count):
                offset = self.chance.randrange(max(1, total))
                buyer = self.kind("customers").rows("state = 0", (offset,), "ORDER BY seq LIMIT 1 OFFSET ?")
                lines = [menu_line(self.chance, number) for number in range(self.chance.randrange(1, 4))]
                made.append(self.orders.sell({
                    "location_id": self.chance.choice(LOCATIONS), "customer_id": buyer[0].id if buyer else None,
                    "line_items": lines,
                }).id)  # fmt: skip
        else:
            raise ValueError("payments and refunds come with orders")
        return made

    def control_merge(self, kind: str, winner: str, loser: str) -> Any:
        """Merge two customers: the loser is gone, its orders belong to the winner."""
        one, two = self.customers.found(winner), self.customers.found(loser)
        filled = {name: value for name, value in two.body.items() if name not in one.body}
        two.state, two.ref = MERGED, one.id
        self.kind("customers").put(two)
        for order in self.kind("orders").rows("email = ?", (two.id,)):
            order.body["customer_id"] = one.id
            self.orders.touch(order)
        self.customers.write(one, filled or {"note": (one.body.get("note") or "") + " "})
        context = {"merge": {"from_customer_ids": [two.id], "to_customer_id": one.id}}
        self.webhooks.announce(
            "customer.deleted",
            "customer",
            two.id,
            {"customer": two.body, "event_context": context},
            deleted=True,
        )
        return one.body

    def person(self, body: dict[str, Any]) -> View:
        """A record for the truth."""
        born = (body.get("birthday") or "").removeprefix("0000-")
        return viewed(
            body.get("given_name"),
            body.get("family_name"),
            body.get("email_address"),
            body.get("phone_number"),
            born,
        )

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Names in Square's form."""
        return {"given_name": first, "family_name": last}

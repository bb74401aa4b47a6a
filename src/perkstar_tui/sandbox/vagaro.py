"""Vagaro: a token and nothing to read with it; what happens is told to addresses that somebody entered by hand."""

import base64
import random
from typing import Any

import orjson

from . import business
from .clock import iso_ms
from .ids import random_uuid
from .limits import Windows
from .log_ins import LogIns
from .names import national
from .ordinary import Ordinary
from .seed import Soul, View, viewed
from .state import Row
from .webhooks import Delivery, Signer
from .wire import Answer, Call, Refused, reply

BASE = "/us/api/v2"
CALLS_A_SECOND = 5
MOST_HOOKS = 10
TOKEN_S = 3600.0
DELIVERY_TIMEOUT_S = 20.0
SERVICES = (
    ("Haircut", "Hair", 38.0),
    ("Colour", "Hair", 95.0),
    ("Massage, 60 minutes", "Body", 72.0),
    ("Manicure", "Nails", 30.0),
)
TENDERS = ("cashAmount", "ccAmount", "checkAmount", "achAmount", "bankAccountAmount", "vagaroPayLaterAmount",
           "otherAmount", "gcRedemption", "packageRedemption", "membershipAmount", "pointsRedemption")  # fmt: skip


class Vagaro(LogIns, Ordinary):
    """One business on one port. Nobody can list or write; there are deliveries."""

    name = "vagaro"
    kinds = ("customers", "transactions")
    people_kind = "customers"
    person_fields = ("first", "last", "email", "phone")
    takes = False
    tells = True

    def begin(self) -> None:
        """The credentials that come after approval, and nobody who listens."""
        self.client_id = random_uuid(self.chance)
        self.business, self.group = self.secret_id(self.chance), self.secret_id(self.chance)
        self.tokens = {}
        self.hooks: list[str] = []
        self.windows = Windows(self.clock, CALLS_A_SECOND, 1.0)
        self.renew()

    def renew(self) -> None:
        """Another secret key."""
        self.client_secret = f"{self.chance.getrandbits(256):064x}"
        self.withdrawn = False

    def route(self) -> None:
        """The one path that is known."""
        super().route()
        self.routes.add("POST", f"{BASE}/merchants/generate-access-token", self.log_in)

    # who is let in, and what is said when something is wrong -------------------------------------------------

    def admit(self, call: Call) -> dict[str, str]:
        """Anybody may ask for a token; nothing else is known."""
        if self.setting.limits and not self.windows.of("all").take():
            raise Refused(self.trouble(429, 1.0))
        return {}

    def refusal(self, status: int, message: str) -> Answer:
        """An error."""
        return reply({"status": status, "responseCode": status, "message": message, "data": None}, status)

    def missing(self, known: bool) -> Answer:
        """404; 405 for another method."""
        return self.refusal(405, "Method not allowed") if known else self.refusal(404, "Not found")

    def failure(self, status: int) -> Answer:
        """429 and the errors of a server."""
        return self.refusal(status, "Too many requests" if status == 429 else "Something went wrong")

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON or has another shape."""
        return self.refusal(400, "The request body is not valid")

    def credentials(self) -> dict[str, Any]:
        """What the business was given."""
        return {"client_id": self.client_id, "client_secret": self.client_secret, "region": "us"}

    def log_in(self, call: Call) -> Answer:
        """A token for an hour."""
        given = call.json()
        if not isinstance(given.get("scope"), str) or not given["scope"]:
            raise Refused(self.refusal(400, "scope is required"))
        wanted = (self.client_id, self.client_secret)
        if (given.get("clientId"), given.get("clientSecretKey")) != wanted or self.withdrawn:
            raise Refused(self.refusal(401, "Invalid client credentials"))
        token = f"{self.chance.getrandbits(256):064x}"
        self.tokens[token] = self.clock.now() + TOKEN_S
        told = {"accessToken": token, "expiresIn": round(TOKEN_S), "tokenType": "Bearer"}
        return reply({"status": 200, "responseCode": 1000, "message": "Success", "data": told})

    # records -------------------------------------------------------------------------------------------------

    @staticmethod
    def secret_id(chance: random.Random) -> str:
        """An id that tells nothing, in base64 that stands in addresses."""
        return base64.urlsafe_b64encode(chance.randbytes(16)).decode()

    def form(self, soul: Soul, draw: int) -> dict[str, Any]:
        """As somebody at the desk types a customer in."""
        return {
            "customerFirstName": soul.first,
            "customerLastName": soul.last,
            "email": soul.email or "",
            "mobilePhone": national(soul.phone) if soul.phone and draw % 3 else soul.phone or "",
        }

    def identify(self, kind: str, seq: int, chance: random.Random) -> str:
        """As everything there."""
        return self.secret_id(chance)

    def whole(self, kind: str, identifier: str, fields: dict[str, Any], created: int) -> dict[str, Any]:
        """A customer, or a line that was paid."""
        if kind == "transactions":
            body = {"transactionId": identifier, "userPaymentId": self.secret_id(self.chance),
                    "businessId": self.business, "businessAlias": "leaf", "transactionDate": iso_ms(created),
                    "purchaseType": "Service", "quantity": 1, "tax": 0.0, "tip": 0.0, "discount": 0.0,
                    "amountDue": 0.0, "customerId": "", "createdBy": "", **dict.fromkeys(TENDERS, 0.0)}  # fmt: skip
        else:
            body = {"customerId": identifier, "businessIds": [self.business], "businessGroupId": self.group,
                    "customerFirstName": "", "customerLastName": "", "email": "", "mobilePhone": "", "dayPhone": "",
                    "nightPhone": "", "streetAddress": "", "city": business.TOWN, "regionCode": "", "regionName": "",
                    "countryCode": business.COUNTRY, "countryName": "", "postalCode": ""}  # fmt: skip
        return self.merged(kind, body, fields)

    def stamped(self, kind: str, body: dict[str, Any], updated: int) -> None:
        """Records tell no time of change; the delivery does."""

    def person(self, body: dict[str, Any]) -> View:
        """For the truth."""
        return viewed(body["customerFirstName"], body["customerLastName"], body["email"], body["mobilePhone"])

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Two members."""
        return {"customerFirstName": first, "customerLastName": last}

    def control_generate(self, kind: str, count: int) -> list[str]:
        """New customers, or services that customers paid."""
        if kind != "transactions":
            return super().control_generate(kind, count)
        customers = self.kind("customers").rows("state = 0", (), "ORDER BY seq LIMIT 500")
        made = []
        for _ in range(count):
            what, category, price = self.chance.choice(SERVICES)
            tip = float(self.chance.choice((0, 0, 5, 10)))
            fields: dict[str, Any] = {"itemSold": what, "serviceCategory": category, "tip": tip}
            fields[self.chance.choice(TENDERS[:2])] = price + tip
            if customers:
                fields["customerId"] = self.chance.choice(customers).id
            made.append(self.make(kind, fields).id)
        return made

    # deliveries ----------------------------------------------------------------------------------------------

    def control_listen(self, url: str, code: str) -> Any:
        """Enter an address in the settings, as a person does."""
        if len(self.hooks) >= MOST_HOOKS:
            raise ValueError("at most ten webhooks")
        if not url.startswith(("http://", "https://")):
            raise ValueError("the address must begin with http:// or https://")
        self.hooks.append(url)
        return {"url": url, "types": ["customer", "transaction"]}

    def control_unlisten(self) -> int:
        """As a person who deletes them all."""
        count = len(self.hooks)
        self.hooks.clear()
        return count

    def happened(self, kind: str, row: Row, what: str) -> None:
        """The whole record, to everybody who listens; a deletion is told to nobody."""
        if what == "deleted" or not self.hooks:
            return
        self.heard_of.add(row.id)
        body = {
            "id": random_uuid(self.chance),
            "createdDate": iso_ms(round(self.told_time() * 1000)),
            "type": kind.removesuffix("s"),
            "action": what,
            "payload": self.view(kind, row),
        }
        for url in self.hooks:
            self.courier.send(
                Delivery(url, orjson.dumps(body), "application/json", _unsigned, DELIVERY_TIMEOUT_S)
            )


def _sign(body: bytes, attempt: int, wrong: bool) -> dict[str, str]:
    return {}


_unsigned: Signer = _sign

"""Perkstar's cloud itself: who is let in, the envelope of every answer, and what people do there."""

import hmac
from typing import Any

import orjson

from ..clock import iso_s
from ..limits import Windows
from ..names import invent
from ..seed import View, viewed
from ..state import Row, normal_phone
from ..vendor import Vendor
from ..wire import Answer, Call, Refused, reply
from .cards import Cards
from .company import Company
from .customers import Customers
from .earning import BY_HAND, TYPES
from .lists import Lists
from .marketplace import Marketplace
from .messages import Messages
from .operations import Operations
from .templates import Templates
from .webhooks import Webhooks


class Perkstar(Vendor):
    """Perkstar's cloud on one port."""

    name = "perkstar"
    kinds = ("customers", "cards", "operations")
    people_kind = "customers"

    def begin(self) -> None:
        """A key, eight templates (Points first, Stamps second), a tariff and a profile."""
        self.renew()
        self.windows = Windows(self.clock, 10, 1.0)
        self.started = self.clock.ms()
        self.lists = Lists(self)
        self.customers = Customers(self)
        self.cards = Cards(self)
        self.operations = Operations(self)
        self.templates = Templates(self)
        self.messages = Messages(self)
        self.company = Company(self)
        self.marketplace = Marketplace(self)
        self.webhooks = Webhooks(self)
        self.resources = (
            self.customers,
            self.cards,
            self.operations,
            self.templates,
            self.messages,
            self.company,
            self.marketplace,
            self.webhooks,
        )

    def data(self, data: Any, status: int = 200, records: int = 0) -> Answer:
        """An answer in the envelope."""
        return Answer(status, self.envelope(status, orjson.dumps(data)), records=records)

    def envelope(self, status: int, data: bytes, meta: bytes = b"") -> bytes:
        """The envelope around data that is JSON already."""
        ident = f"{self.chance.getrandbits(96):024x}"
        return (
            f'{{"responseId":"{ident}","createdAt":"{iso_s(self.clock.ms())}","code":{status},'.encode()
            + (b'"meta":' + meta + b"," if meta else b"")
            + b'"data":' + data + b"}"
        )  # fmt: skip

    def refusal(self, status: int, message: str, errors: dict[str, list[str]] | None = None) -> Answer:
        """An error in the envelope."""
        body: dict[str, Any] = {
            "responseId": f"{self.chance.getrandbits(96):024x}",
            "createdAt": iso_s(self.clock.ms()),
            "code": status,
            "message": message,
        }
        if errors:
            body["errors"] = errors
        return reply(body, status)

    def unprocessable(self, field: str, words: str) -> Refused:
        """The refusal of one member."""
        return Refused(self.refusal(422, f"{field}: {words}", {field: [words]}))

    def live(self, kind: str, identifier: str) -> Row:
        """A record that exists, else 404."""
        row = self.kind(kind).live(identifier)
        if row is None:
            raise Refused(self.refusal(404, f"{kind[:-1].capitalize()} {identifier} not found"))
        return row

    def admit(self, call: Call) -> dict[str, str]:
        """Key and ten requests a second."""
        given = call.headers.get("x-api-key", "")
        if self.key_refused or not hmac.compare_digest(given.encode(), self.api_key.encode()):
            raise Refused(self.refusal(401, "Unauthorized: the API key is missing or wrong"))
        self.count_call(self.windows.of(given))
        if call.path.startswith("/api/v2/marketplace/") and "x-app-token" not in call.headers:
            raise Refused(self.refusal(401, "X-App-Token is missing"))
        return {}

    def missing(self, known: bool) -> Answer:
        """404, or 405 for a path that other methods know."""
        if known:
            return self.refusal(405, "Method not allowed")
        return self.refusal(404, "Not found")

    def failure(self, status: int) -> Answer:
        """429 and the errors of a server."""
        words = {429: "Too many requests", 500: "Internal server error", 503: "Service unavailable"}
        return self.refusal(status, words.get(status, "Error"))

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON or of another shape."""
        return self.refusal(400, "The body is not a JSON object of the expected form")

    def credentials(self) -> dict[str, Any]:
        """The key."""
        return {"api_key": self.api_key}

    def revoke_tokens(self) -> int:
        """Let the key be refused from now on."""
        self.key_refused = True
        return 1

    def renew(self) -> None:
        """A new key; the one before is refused."""
        self.api_key = "sandbox-" + "".join(self.chance.choices("0123456789abcdef", k=32))
        self.key_refused = False

    # what people do there

    def page_mark(self, call: Call) -> str | None:
        """Lists go by page."""
        return call.arg("page", "1") if call.method == "GET" and call.path.count("/") == 3 else None

    def disturb(self, call: Call) -> None:
        """Somebody deletes nothing and adds nobody, but an early record moves to the end of the list."""
        kind = self.store.kinds.get(call.path.rsplit("/", 1)[1])
        if kind is not None:
            kind.move_oldest_to_end()

    def control_put(self, kind: str, identifier: str, part: dict[str, Any]) -> Any:
        """As a person in Perkstar's own screens: a phone and a balance can be changed there."""
        row = self.kind(kind).get(identifier)
        if kind == "customers":
            fields = {
                name: value for name, value in part.items() if name not in ("id", "createdAt", "updatedAt")
            }
            if "phone" in fields:
                fields["phone"] = normal_phone(fields["phone"])
            return self.customers.write(row, fields) if row else self.customers.put_new(fields, identifier)
        if kind == "cards":
            if row is None:
                first = self.templates.known[0]["id"]
                template = self.templates.found(part.get("templateId", first))
                self.cards.put_new(str(part["customerId"]), template, identifier)
                row = self.live("cards", identifier)
            balance = part.get("balance") or {}
            row.body["balance"].update(balance)
            row.body.update({k: v for k, v in part.items() if k in row.body and k not in ("id", "balance")})
            for value in balance.values():
                self.operations.record(row, 0, value, 9, {"comment": "set by hand"}, "admin")
            return self.cards.touch_and_tell(row, {})
        card = self.live("cards", str(part["cardId"]))
        amount = part.get("amount", 1)
        word = BY_HAND[TYPES.index(card.body["type"])]
        self.operations.book(card, f"{'add' if amount > 0 else 'subtract'}-{word}", abs(amount), part)
        return self.kind("operations").rows("1", (), "ORDER BY seq DESC LIMIT 1")[0].body

    def control_delete(self, kind: str, identifier: str) -> bool:
        """Remove a record."""
        row = self.kind(kind).get(identifier)
        if row is None:
            return False
        if kind == "customers":
            self.customers.remove(row)
        elif kind == "cards":
            self.cards.remove(row)
        else:
            self.kind(kind).delete(identifier)
        return True

    def control_generate(self, kind: str, count: int) -> list[str]:
        """New customers, or a card for customers who have none."""
        made: list[str] = []
        if kind == "customers":
            for _ in range(count):
                person = invent(self.chance)
                made.append(self.customers.put_new({
                    "firstName": person.first, "surname": person.last, "email": person.email, "phone": person.phone,
                    "dateOfBirth": person.birthday,
                })["id"])  # fmt: skip
        elif kind == "cards":
            bare = self.kind("customers").rows(
                "state = 0 AND id NOT IN (SELECT ref FROM k_cards WHERE state = 0)",
                (count,),
                "ORDER BY seq LIMIT ?",
            )
            made = [self.cards.put_new(row.id, self.templates.known[0])["id"] for row in bare]
        else:
            raise ValueError("operations come from what happens to cards")
        return made

    def person(self, body: dict[str, Any]) -> View:
        """A record for the truth."""
        return viewed(
            body["firstName"],
            body["surname"],
            body["email"],
            "+" + (body["phone"] or ""),
            body["dateOfBirth"],
        )

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Names in Perkstar's form."""
        return {"firstName": first, "surname": last}

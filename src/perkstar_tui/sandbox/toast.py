"""Toast: orders and no list of customers: guests are known by the checks that bear their names."""

import random
from datetime import UTC, datetime
from typing import Any

import orjson

from . import business
from .clock import iso_ms, parse_ms
from .conditions import Conditions
from .ids import random_uuid
from .limits import Windows
from .log_ins import LogIns
from .ordinary import Ordinary, packed
from .seed import Basket, Soul, View, viewed
from .state import LIVE, Cell, Row
from .wire import Answer, Call, Refused, reply

MOST_ON_A_PAGE, USUAL = 100, 100
CALLS_A_SECOND = 20
LONGEST_WINDOW_MS = 31 * 86_400_000
TOKEN_S = 86_400.0
HEADER = "toast-restaurant-external-id"


def moment(ms: int) -> str:
    """Milliseconds and an offset without a colon."""
    return iso_ms(ms)[:23] + "+0000"


def day(ms: int) -> int:
    """A business day as a number."""
    return int(datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y%m%d"))


class Toast(LogIns, Ordinary):
    """One restaurant on one port. People are `guests`, whom no path lists; orders show them."""

    name = "toast"
    kinds = ("guests", "orders")
    people_kind = "guests"
    person_fields = ("first", "last", "email", "phone")
    takes = False
    sells = True

    def begin(self) -> None:
        """Credentials of the restaurant's own, which may only read."""
        self.client_id = "".join(
            self.chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789", k=32)
        )
        self.restaurant, self.dining = random_uuid(self.chance), random_uuid(self.chance)
        self.tokens = {}
        self.windows = Windows(self.clock, CALLS_A_SECOND, 1.0)
        self.placed = 0
        self.renew()

    def renew(self) -> None:
        """Another secret."""
        self.client_secret = f"{self.chance.getrandbits(320):080x}"
        self.withdrawn = False

    def route(self) -> None:
        """Log-in, restaurant and orders."""
        super().route()
        add = self.routes.add
        add("POST", "/authentication/v1/authentication/login", self.log_in)
        add("GET", f"/restaurants/v1/restaurants/{self.restaurant}", self.about)
        add("GET", "/orders/v2/ordersBulk", self.orders)
        add("GET", "/orders/v2/orders/{id}", self.one)

    # who is let in, and what is said when something is wrong -------------------------------------------------

    def admit(self, call: Call) -> dict[str, str]:
        """A token of a log-in, and the restaurant in a header."""
        if call.path.endswith("/authentication/login"):
            return {}
        if self.tokens.get(call.bearer() or "", 0.0) <= self.clock.now():
            raise Refused(self.refusal(401, "The access token is expired or not valid."))
        if call.headers.get(HEADER) != self.restaurant:
            raise Refused(self.refusal(403, "The client has no access to this restaurant."))
        if self.setting.limits and not self.windows.of(self.restaurant).take():
            raise Refused(self.trouble(429, 1.0))
        return {"X-Toast-RateLimit-By": "restaurant"}

    def refusal(self, status: int, message: str, field: str | None = None) -> Answer:
        """An error."""
        told = {"status": status, "code": status * 100, "message": message, "requestId": random_uuid(self.chance),
                "errors": [], "canRetry": status >= 500}  # fmt: skip
        return reply(told if field is None else {**told, "fieldName": field}, status)

    def missing(self, known: bool) -> Answer:
        """404; 405 for another method."""
        return self.refusal(405, "Method not allowed.") if known else self.refusal(404, "Not found.")

    def failure(self, status: int) -> Answer:
        """429 and the errors of a server."""
        return self.refusal(status, "Too many requests." if status == 429 else "Internal error.")

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON or has another shape."""
        return self.refusal(400, "The request body could not be read.")

    def credentials(self) -> dict[str, Any]:
        """The restaurant's own credentials."""
        return {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "restaurant_guid": self.restaurant,
        }

    def log_in(self, call: Call) -> Answer:
        """A token for a day."""
        given = call.json()
        wanted = (self.client_id, self.client_secret, "TOAST_MACHINE_CLIENT")
        if (
            given.get("clientId"),
            given.get("clientSecret"),
            given.get("userAccessType"),
        ) != wanted or self.withdrawn:
            raise Refused(self.refusal(401, "The client credentials are not valid."))
        token = f"eyJhbGciOi.{self.chance.getrandbits(256):064x}"
        self.tokens[token] = self.clock.now() + TOKEN_S
        told = {"tokenType": "Bearer", "accessToken": token, "expiresIn": round(TOKEN_S), "scope": None,
                "refreshToken": None, "idToken": None}  # fmt: skip
        return reply({"@class": ".SuccessfulResponse", "token": {n: v for n, v in told.items() if v is not None},
                      "status": "SUCCESS"})  # fmt: skip

    # a guest -------------------------------------------------------------------------------------------------

    def form(self, soul: Soul, draw: int) -> dict[str, Any]:
        """As a guest leaves a name for a table."""
        return {
            "firstName": soul.first,
            "lastName": soul.last,
            "email": soul.email or "",
            "phone": soul.phone or "",
        }

    def identify(self, kind: str, seq: int, chance: random.Random) -> str:
        """UUIDs."""
        return random_uuid(chance)

    def whole(self, kind: str, identifier: str, fields: dict[str, Any], created: int) -> dict[str, Any]:
        """A guest; a number lies apart from its country's code."""
        body = {
            "guid": identifier,
            "entityType": "Customer",
            "firstName": "",
            "lastName": "",
            "email": "",
            "phone": "",
        }
        return self.merged(kind, body, fields)

    def stamped(self, kind: str, body: dict[str, Any], updated: int) -> None:
        """Guests don't tell when they changed."""

    def person(self, body: dict[str, Any]) -> View:
        """For the truth."""
        return viewed(
            body["firstName"], body["lastName"], body["email"], body["phone"] and f"+{body['phone']}"
        )

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Two members."""
        return {"firstName": first, "lastName": last}

    def settle(self, soul: Soul, seq: int, created: int, updated: int, chance: random.Random) -> Cell:
        """A guest, whom a table that was not taken in the end has made known."""
        cell = super().settle(soul, seq, created, updated, chance)
        self.kind("orders").load([self.no_show(str(cell[1]), updated, chance)])
        return cell

    def no_show(self, guest: str, at: int, chance: random.Random) -> Cell:
        """A voided order that bears a guest's name."""
        order = self.order(random_uuid(chance), at, at, voided=True)
        order["checks"] = [self.check(random_uuid(chance), guest, at, at, [], [], 0, 0, voided=True)]
        return self.kept(order, at, at, guest)

    def kept(self, order: dict[str, Any], created: int, updated: int, guest: str | None) -> Cell:
        """An order as the store has it."""
        self.placed += 1
        return packed(Row(None, order["guid"], None, None, guest, created, updated, LIVE, order), self.placed)

    def happened(self, kind: str, row: Row, what: str) -> None:
        """A guest who changed changes the orders that bear the name; a new one comes with an order."""
        if kind != "guests" or what == "deleted":
            return
        now = self.clock.ms()
        orders = self.kind("orders").rows("ref = ?", (row.id,))
        if not orders:
            order = self.order(random_uuid(self.chance), now, now, voided=True)
            order["checks"] = [
                self.check(random_uuid(self.chance), row.id, now, now, [], [], 0, 0, voided=True)
            ]
            self.kind("orders").put(Row(None, order["guid"], None, None, row.id, now, now, LIVE, order))
        for found in orders:
            found.touch(now)
            found.body["modifiedDate"] = moment(found.updated)
            self.kind("orders").put(found)

    # the restaurant and its orders ---------------------------------------------------------------------------

    def about(self, call: Call) -> Answer:
        """The restaurant."""
        return reply({
            "guid": self.restaurant,
            "general": {
                "name": business.NAME, "locationName": business.TOWN, "locationCode": "1", "archived": False,
                "timeZone": business.TIMEZONE, "closeoutHour": 4, "currencyCode": business.CURRENCY,
                "firstBusinessDate": 20220101,
            },
            "location": {"address1": business.STREET, "city": business.TOWN, "zipCode": business.POSTCODE,
                         "country": business.COUNTRY, "phone": business.PHONE},
        })  # fmt: skip

    def order(self, identifier: str, placed: int, modified: int, *, voided: bool) -> dict[str, Any]:
        """An order without its checks."""
        return {
            "guid": identifier, "entityType": "Order", "externalId": None, "openedDate": moment(placed),
            "createdDate": moment(placed), "modifiedDate": moment(modified), "businessDate": day(placed),
            "diningOption": {"guid": self.dining, "entityType": "DiningOption"},
            "source": "In Store", "numberOfGuests": 2, "voided": voided, "deleted": False, "displayNumber": "1",
            "approvalStatus": "APPROVED", "duration": 60, "excessFood": False,
        }  # fmt: skip

    def check(
        self, identifier: str, guest: str | None, placed: int, modified: int, selections: list[Any],
        payments: list[Any], total: int, tax: int, *, voided: bool,
    ) -> dict[str, Any]:  # fmt: skip
        """A check of an order; its guest is named by the id and shown whole in answers."""
        return {
            "guid": identifier, "entityType": "Check", "externalId": None, "createdDate": moment(placed),
            "openedDate": moment(placed), "modifiedDate": moment(modified), "deleted": False, "voided": voided,
            "selections": selections, "payments": payments, "guest": guest, "taxExempt": False,
            "displayNumber": "1", "appliedServiceCharges": [], "appliedDiscounts": [], "amount": (total - tax) / 100,
            "taxAmount": tax / 100, "totalAmount": total / 100, "paymentStatus": "OPEN",
        }  # fmt: skip

    def sell(self, basket: Basket, seq: int, chance: random.Random) -> tuple[str, list[str]]:
        """An order of one check, paid by one or two; what is given back is told at its payment."""
        last = max((at for at, _ in basket.refunds), default=basket.placed)
        shares = [basket.total] if not basket.split else [basket.total // 2, basket.total - basket.total // 2]
        card = "GIFTCARD" if seq % 9 == 4 else "CREDIT"
        payments: list[dict[str, Any]] = [
            {"guid": random_uuid(chance), "entityType": "OrderPayment", "type": (card, "CASH")[place % 2],
             "amount": share / 100, "tipAmount": basket.tip / 100 if place == 0 else 0.0, "refundStatus": "NONE",
             "paymentStatus": "CAPTURED", "paidDate": moment(basket.placed), "paidBusinessDate": day(basket.placed)}
            for place, share in enumerate(shares) if basket.done
        ]  # fmt: skip
        for payment, (at, amount) in zip(payments, basket.refunds, strict=False):
            payment["refundStatus"] = "FULL" if amount == basket.total else "PARTIAL"
            payment["refund"] = {"refundAmount": amount / 100, "tipRefundAmount": 0.0, "refundDate": moment(at),
                                 "refundBusinessDate": day(at)}  # fmt: skip
        selections = [
            {"guid": random_uuid(chance), "entityType": "MenuItemSelection", "displayName": item.name,
             "quantity": float(item.count), "price": round(item.total / 1.2) / 100, "voided": False,
             "preDiscountPrice": round((item.total + item.discount) / 1.2) / 100, "tax": 0.0, "modifiers": [],
             "selectionType": "NONE", "item": {"guid": random_uuid(chance), "entityType": "MenuItem"}}
            for item in basket.items
        ]  # fmt: skip
        order = self.order(random_uuid(chance), basket.placed, last, voided=False)
        check = self.check(random_uuid(chance), basket.customer, basket.placed, last, selections, payments,
                           basket.total, basket.tax, voided=not basket.done and bool(seq % 2))  # fmt: skip
        if basket.done:
            check |= {
                "paymentStatus": "CLOSED",
                "paidDate": moment(basket.placed),
                "closedDate": moment(basket.placed),
            }
            order |= {"paidDate": moment(basket.placed), "closedDate": moment(basket.placed)}
        order["checks"] = [check]
        self.kind("orders").load([self.kept(order, basket.placed, last, basket.customer)])
        backs = [str(payment["guid"]) for payment in payments if "refund" in payment]
        return str(check["guid"]), backs

    def view(self, kind: str, row: Row) -> dict[str, Any]:
        """An order with its guests as they are now."""
        if kind != "orders":
            return dict(row.body)
        checks = []
        for check in row.body["checks"]:
            shown = {name: value for name, value in check.items() if name != "guest" and value is not None}
            guest = self.kind("guests").live(check["guest"]) if check["guest"] else None
            if guest is not None:
                shown["customer"] = guest.body
            checks.append(shown)
        return {n: v for n, v in {**row.body, "checks": checks}.items() if v is not None}

    def page_mark(self, call: Call) -> str | None:
        """Lists are paged by number."""
        return call.arg("page", "1").replace("1", "", 1) if call.path.endswith("/ordersBulk") else None

    def disturb(self, call: Call) -> None:
        """The order that changed first changes, and so leaves the window that is being read."""
        row = self.kind("orders").longest_unchanged()
        if row is not None:
            row.touch(self.clock.ms())
            row.body["modifiedDate"] = moment(row.updated)
            self.kind("orders").put(row)

    def orders(self, call: Call) -> Answer:
        """Orders by the time they changed at, from the start up to before the end; a month at most."""
        start, end = parse_ms(call.arg("startDate")), parse_ms(call.arg("endDate"))
        if start is None or end is None:
            raise Refused(
                self.refusal(400, "startDate and endDate, or businessDate, are required.", "startDate")
            )
        if end - start > LONGEST_WINDOW_MS:
            raise Refused(self.refusal(400, "The time range must not be longer than a month.", "endDate"))
        size, page = call.number("pageSize", USUAL, 1), call.number("page", 1, 1)
        if size > MOST_ON_A_PAGE:
            raise Refused(self.refusal(400, "pageSize must be at most 100.", "pageSize"))
        conditions = Conditions("state = 0")
        conditions.add("updated >= ? AND updated < ?", start, end)
        rows = self.kind("orders").rows(
            conditions.where,
            (*conditions.values, size, (page - 1) * size),
            "ORDER BY updated, seq LIMIT ? OFFSET ?",
        )
        return Answer(200, orjson.dumps([self.view("orders", row) for row in rows]), {}, records=len(rows))

    def one(self, call: Call) -> Answer:
        """One order."""
        row = self.kind("orders").live(call.params["id"])
        if row is None:
            raise Refused(self.refusal(404, "The order was not found."))
        return reply(self.view("orders", row), records=1)

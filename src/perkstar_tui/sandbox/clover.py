"""Clover: a merchant's customers with their addresses and numbers beside them, and orders with their payments."""

import random
import re
from functools import partial
from typing import Any
from urllib.parse import urlencode

from . import business
from .conditions import Conditions
from .desk import Desk
from .entered import Entered
from .ids import random_uuid
from .limits import Window, Windows
from .names import EMAIL, national
from .oauth import Denied, Granted, Grants, exchange, oauth_error
from .ordinary import Ordinary, laid_over, packed
from .seed import Basket, Soul, View, viewed
from .state import LIVE, Row, normal_email, normal_phone
from .webhooks import Delivery
from .wire import Answer, Call, Refused, Routes, reply

MOST_ON_A_PAGE, USUAL = 1000, 100
CALLS_A_SECOND = 16
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
FILTER = re.compile(r"(\w+)(>=|<=|>|<|=)(.*)", re.DOTALL)
SINCE_DAYS = 90
"""Orders further back are told only to who names a time."""
SIGNS = {"firstName", "lastName", "marketingAllowed", "emailAddresses", "phoneNumbers", "addresses", "metadata", "id",
         "customerSince", "cards"}  # fmt: skip
BESIDE = ("emailAddresses", "phoneNumbers", "addresses", "metadata", "cards", "orders")


class Counter(Desk):
    """Clover's own OAuth: JSON bodies, ends as moments, and another path for a fresh token."""

    def route(self, routes: Routes) -> None:
        """The refresh beside the rest."""
        super().route(routes)
        routes.add("POST", "/oauth/v2/refresh", self.token)

    def outside(self, call: Call) -> bool:
        """Whether a request is for this desk."""
        return super().outside(call) or call.path == "/oauth/v2/refresh"

    def token(self, call: Call) -> Answer:
        """A token for a code, with secret or proof; a fresh one for a refresh token alone, which is then spent."""
        form = call.form()
        renewal = call.path.endswith("/refresh")
        form["grant_type"] = "refresh_token" if renewal else "authorization_code"
        if renewal:
            form["client_secret"] = self.grants.client_secret
        try:
            token = exchange(self.grants, form, [], public=True, rotates=True)
        except Denied as denied:
            return oauth_error(
                denied.error, "Invalid client, code or refresh token.", 401 if renewal else 400
            )
        refresh = self.grants.refreshes[token.refresh or ""]
        return reply({
            "access_token": token.value, "access_token_expiration": round(token.expires or 0),
            "refresh_token": refresh.value, "refresh_token_expiration": round(self.clock.now()) + 31_536_000,
        })  # fmt: skip


class Clover(Granted, Ordinary):
    """One merchant on one port."""

    name = "clover"
    kinds = ("customers", "orders")
    people_kind = "customers"
    person_fields = ("first", "last", "email", "phone")
    authorize_path = "/oauth/v2/authorize"
    sells = True

    def begin(self) -> None:
        """A token of the merchant's own, and an app."""
        self.grants = Grants(self.clock, self.chance, "", "clvroar-", 1800.0, client_id=self.letters(13))
        self.grants.client_secret = f"{self.chance.getrandbits(128):032x}"
        self.merchant, self.employee = self.letters(13), self.letters(13)
        self.renew()
        self.desk = Counter(
            self, self.grants, authorize=self.authorize_path, token="/oauth/v2/token",
            back=lambda call: urlencode({"merchant_id": self.merchant, "employee_id": self.employee,
                                         "client_id": self.grants.client_id}),
        )  # fmt: skip
        self.resources = (self.desk,)
        self.windows = Windows(self.clock, CALLS_A_SECOND, 1.0)
        self.sold = 0
        self.code = ""
        self.entered = Entered(self.courier, random_uuid(self.chance), "X-Clover-Auth", lambda key, body: key)

    def letters(self, length: int) -> str:
        """Signs as ids here are made of."""
        return "".join(self.chance.choices(LETTERS, k=length))

    def renew(self) -> None:
        """A new token of the merchant's own."""
        self.api_token = f"{self.chance.getrandbits(128):032x}"
        self.grants.permanent.add(self.api_token)

    def route(self) -> None:
        """The paths of one merchant."""
        super().route()
        base = f"/v3/merchants/{self.merchant}"
        add = self.routes.add
        add("GET", base, self.about)
        add("GET", f"{base}/customers", self.listed)
        add("POST", f"{base}/customers", self.add)
        add("GET", f"{base}/customers/{{id}}", lambda call: self.one(call, self.found(call)))
        add("POST", f"{base}/customers/{{id}}", self.change)
        add("DELETE", f"{base}/customers/{{id}}", self.drop)
        add("GET", f"{base}/orders", self.orders)
        for path, name, member in (
            ("email_addresses", "emailAddresses", "emailAddress"),
            ("phone_numbers", "phoneNumbers", "phoneNumber"),
        ):
            own = f"{base}/customers/{{id}}/{path}"
            write = partial(self.beside, name=name, member=member)
            add("POST", own, write)
            add("POST", f"{own}/{{part}}", write)
            add("DELETE", f"{own}/{{part}}", partial(self.beside, name=name, member=""))

    # who is let in, and what is said when something is wrong -------------------------------------------------

    def admit(self, call: Call) -> dict[str, str]:
        """A bearer token; sixteen calls a second."""
        if self.desk.outside(call):
            return {}
        token = call.bearer() or ""
        if self.grants.check(token) != "ok":
            raise Refused(self.refusal(401, "401 Unauthorized"))
        window: Window = self.windows.of(token)
        if self.setting.limits and not window.take():
            raise Refused(self.trouble(429, 1.0))
        return {
            "X-Clover-Allowed-Filter-Fields": "emailAddress, phoneNumber, firstName, lastName, id, deletedTime"
        }

    def refusal(self, status: int, message: str) -> Answer:
        """An error: a message and no more."""
        return reply({"message": message}, status)

    def missing(self, known: bool) -> Answer:
        """405 for another method; a wrong merchant is refused like a wrong token."""
        return self.refusal(405, "Method Not Allowed") if known else self.refusal(401, "401 Unauthorized")

    def failure(self, status: int) -> Answer:
        """429 with the limit that was passed, and the errors of a server."""
        if status == 429:
            answer = self.refusal(429, "429 Too Many Requests")
            answer.headers["X-RateLimit-tokenLimit"] = str(CALLS_A_SECOND)
            return answer
        return self.refusal(status, f"{status} Server Error")

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON."""
        return self.refusal(400, "Request body is invalid")

    def credentials(self) -> dict[str, Any]:
        """The merchant's own token; an app for those who prefer OAuth."""
        app = {"client_id": self.grants.client_id, "client_secret": self.grants.client_secret}
        return {
            "api_token": self.api_token, "access_token": self.api_token, "merchant_id": self.merchant,
            "alternatives": {"app": {**app, "merchant_id": self.merchant}},
        }  # fmt: skip

    # a customer ----------------------------------------------------------------------------------------------

    def form(self, soul: Soul, draw: int) -> dict[str, Any]:
        """As somebody at the till types a customer in."""
        phone = soul.phone and (national(soul.phone) if draw % 3 else f"+{soul.phone}")
        found: dict[str, Any] = {"firstName": soul.first, "lastName": soul.last,
                                 "marketingAllowed": soul.trait != "unsubscribed"}  # fmt: skip
        if soul.email:
            found["emailAddresses"] = [{"emailAddress": soul.email, "primaryEmail": True}]
        if phone:
            found["phoneNumbers"] = [{"phoneNumber": phone}]
        return found

    def identify(self, kind: str, seq: int, chance: random.Random) -> str:
        """Thirteen signs."""
        return "".join(chance.choices(LETTERS, k=13))

    def whole(self, kind: str, identifier: str, fields: dict[str, Any], created: int) -> dict[str, Any]:
        """A customer with every member."""
        body: dict[str, Any] = {
            "id": identifier, "firstName": "", "lastName": "", "marketingAllowed": False, "customerSince": created,
            "emailAddresses": {"elements": []}, "phoneNumbers": {"elements": []}, "addresses": {"elements": []},
            "metadata": {},
        }  # fmt: skip
        return self.merged(kind, body, fields)

    def merged(self, kind: str, body: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
        """Lists come bare or in `elements`; each element gets an id."""
        plain = {
            name: value
            for name, value in part.items()
            if name not in ("emailAddresses", "phoneNumbers", "id")
        }
        found = laid_over(body, plain)
        for name in ("emailAddresses", "phoneNumbers"):
            given = part.get(name)
            if given is not None:
                elements = given["elements"] if isinstance(given, dict) else given
                found[name] = {
                    "elements": [{"id": one.get("id") or self.letters(13), **one} for one in elements]
                }
        return found

    def stamped(self, kind: str, body: dict[str, Any], updated: int) -> None:
        """Customers don't tell when they changed."""

    def person(self, body: dict[str, Any]) -> View:
        """For the truth: the primary address, the first number."""
        emails, phones = body["emailAddresses"]["elements"], body["phoneNumbers"]["elements"]
        first = sorted(emails, key=lambda one: not one.get("primaryEmail"))
        email = first[0].get("emailAddress") if first else None
        return viewed(
            body["firstName"], body["lastName"], email, phones[0]["phoneNumber"] if phones else None
        )

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Two members."""
        return {"firstName": first, "lastName": last}

    def found(self, call: Call) -> Row:
        """The customer of a path; else 404."""
        row = self.kind("customers").live(call.params["id"])
        if row is None:
            raise Refused(self.refusal(404, "Not Found"))
        return row

    def shown(self, call: Call, row: Row) -> dict[str, Any]:
        """A customer with what was asked for besides."""
        wanted = {part.strip() for text in call.query.get("expand", ()) for part in text.split(",")}
        own = {"href": f"{self.url}/v3/merchants/{self.merchant}/customers/{row.id}"}
        return own | {name: value for name, value in row.body.items() if name not in BESIDE or name in wanted}

    def one(self, call: Call, row: Row) -> Answer:
        """One customer."""
        return reply(self.shown(call, row), records=1)

    def page_mark(self, call: Call) -> str | None:
        """Lists are paged by offset."""
        lists = call.method == "GET" and call.path.endswith(("/customers", "/orders"))
        return call.arg("offset", "0").lstrip("0") if lists else None

    def disturb(self, call: Call) -> None:
        """The first customer goes to the end, so that everybody behind moves up."""
        self.kind("customers").move_oldest_to_end()

    def bounds(self, call: Call) -> tuple[int, int]:
        """How many at most, from where."""
        return min(call.number("limit", USUAL, 1), MOST_ON_A_PAGE), call.number("offset", 0)

    def listed(self, call: Call) -> Answer:
        """Customers by filters, a page of them."""
        conditions = Conditions("state = 0")
        for text in call.query.get("filter", ()):
            match = FILTER.fullmatch(text)
            if match is None:
                raise Refused(self.refusal(400, f"Invalid filter: {text}"))
            name, sign, value = match.groups()
            if name == "emailAddress" and sign == "=":
                conditions.add("email = ?", normal_email(value))
            elif name == "phoneNumber" and sign == "=":
                conditions.add("phone = ?", normal_phone(value))
            elif name in ("firstName", "lastName") and sign == "=":
                conditions.add(f"json_extract(body, '$.{name}') = ?", value)
            elif name == "id" and sign == "=":
                conditions.add("id = ?", value)
            elif name == "customerSince":
                conditions.add(f"created {sign} ?", int(value))
            else:
                raise Refused(self.refusal(400, f"Filter field not allowed: {name}"))
        size, offset = self.bounds(call)
        rows = self.kind("customers").rows(
            conditions.where, (*conditions.values, size, offset), "ORDER BY seq LIMIT ? OFFSET ?"
        )
        elements = [self.shown(call, row) for row in rows]
        href = f"{self.url}{call.path}?limit={size}"
        return reply({"elements": elements, "href": href}, records=len(rows))

    def checked(self, given: Any) -> dict[str, Any]:
        """What may be written; raises the refusal of the first that may not."""
        if not isinstance(given, dict) or not given:
            raise Refused(self.refusal(400, "Request body can't be null"))
        for name in given:
            if name not in SIGNS:
                raise Refused(self.refusal(400, f"Unrecognized field: {name}"))
        for name in ("firstName", "lastName"):
            if not isinstance(given.get(name, ""), str | None):
                raise Refused(self.refusal(400, f"{name} must be a string"))
        emails = given.get("emailAddresses") or []
        for one in emails["elements"] if isinstance(emails, dict) else emails:
            self.well(one.get("emailAddress"))
        return {
            name: "" if value is None and name.endswith("Name") else value for name, value in given.items()
        }

    def well(self, email: Any) -> None:
        """Refuse what is no address."""
        if not isinstance(email, str) or not EMAIL.fullmatch(email) or self.refuses(email):
            raise Refused(self.refusal(400, f"Email address is invalid: {email}"))

    def add(self, call: Call) -> Answer:
        """A new customer; nothing stops a second one of the same address."""
        given = self.checked(call.json())
        for name in ("emailAddresses", "phoneNumbers"):
            part = given.get(name) or []
            elements = part["elements"] if isinstance(part, dict) else part
            if name == "emailAddresses" and elements:
                elements[0].setdefault("primaryEmail", True)
            given[name] = elements
        return self.one(call, self.make("customers", given))

    def change(self, call: Call) -> Answer:
        """A part of a customer; addresses and numbers have paths of their own."""
        row = self.found(call)
        given = self.checked(call.json())
        own = {name: value for name, value in given.items() if name not in ("emailAddresses", "phoneNumbers")}
        return self.one(call, self.write("customers", row, own))

    def drop(self, call: Call) -> Answer:
        """For good."""
        self.remove("customers", self.found(call))
        return Answer(200)

    def beside(self, call: Call, name: str, member: str) -> Answer:
        """Add, change or (without `member`) take away an address or a number."""
        row = self.found(call)
        elements = [dict(one) for one in row.body[name]["elements"]]
        known = next((one for one in elements if one["id"] == call.params.get("part")), None)
        if "part" in call.params and known is None:
            raise Refused(self.refusal(404, "Not Found"))
        if not member:
            elements.remove(known or {})
        else:
            given = call.json()
            value = given.get(member)
            if name == "emailAddresses":
                self.well(value)
            if not value:
                raise Refused(self.refusal(400, f"{member} is required"))
            if known is None:
                known = {"id": self.letters(13)}
                if name == "emailAddresses":
                    known["primaryEmail"] = not elements
                elements.append(known)
            known |= {n: v for n, v in given.items() if n in (member, "primaryEmail")}
        self.write("customers", row, {name: elements})
        return reply(known) if member else Answer(200)

    # the merchant and its orders -----------------------------------------------------------------------------

    def about(self, call: Call) -> Answer:
        """The merchant."""
        return reply({
            "href": f"{self.url}{call.path}", "id": self.merchant, "name": business.NAME,
            "defaultCurrency": business.CURRENCY, "createdTime": self.clock.ms() - business.AGE_MS,
            "owner": {"href": f"{self.url}{call.path}/employees/{self.employee}"},
            "address": {"address1": business.STREET, "city": business.TOWN, "zip": business.POSTCODE,
                        "country": business.COUNTRY, "phoneNumber": business.PHONE},
        })  # fmt: skip

    def sell(self, basket: Basket, seq: int, chance: random.Random) -> tuple[str, list[str]]:
        """An order with its lines, one or two payments and what was given back."""
        identifier = self.identify("orders", seq, chance)
        back = sum(amount for _, amount in basket.refunds)
        given_back = "REFUNDED" if back == basket.total else "PARTIALLY_REFUNDED" if back else "PAID"
        paid = given_back if basket.done else "OPEN"
        last = max((at for at, _ in basket.refunds), default=basket.placed)
        lines = [
            {"id": self.identify("", 0, chance), "name": item.name, "price": item.unit,
             "item": {"id": f"I{len(item.name):012d}"}, "createdTime": basket.placed,
             "printed": False, "refunded": False, "isRevenue": True}
            for item in basket.items for _ in range(item.count)
        ]  # fmt: skip
        shares = [basket.total] if not basket.split else [basket.total // 2, basket.total - basket.total // 2]
        payments = [
            {"id": self.identify("", 0, chance), "order": {"id": identifier}, "amount": share, "result": "SUCCESS",
             "tipAmount": basket.tip if place == 0 else 0, "taxAmount": basket.tax if place == 0 else 0,
             "createdTime": basket.placed, "modifiedTime": basket.placed, "offline": False}
            for place, share in enumerate(shares) if basket.done
        ]  # fmt: skip
        refunds = [
            {
                "id": self.identify("", 0, chance),
                "orderRef": {"id": identifier},
                "amount": amount,
                "createdTime": at,
            }
            for at, amount in basket.refunds
        ]
        body = {
            "id": identifier, "href": f"/v3/merchants/{self.merchant}/orders/{identifier}",
            "currency": business.CURRENCY, "employee": {"id": self.employee},
            "total": basket.total, "paymentState": paid, "title": str(seq),
            "state": "locked" if basket.done else "open", "taxRemoved": False, "isVat": True,
            "groupLineItems": True, "testMode": False, "payType": "SPLIT_CUSTOM" if basket.split else "FULL",
            "createdTime": basket.placed, "clientCreatedTime": basket.placed, "modifiedTime": last,
            "customers": {"elements": [{"id": basket.customer}] if basket.customer else []},
            "lineItems": {"elements": lines}, "payments": {"elements": payments}, "refunds": {"elements": refunds},
        }  # fmt: skip
        self.sold += 1
        row = Row(None, identifier, None, None, basket.customer, basket.placed, last, LIVE, body)
        self.kind("orders").load([packed(row, self.sold)])
        return identifier, [str(refund["id"]) for refund in refunds]

    def orders(self, call: Call) -> Answer:
        """Orders by filters; without a time those of the last 90 days."""
        conditions = Conditions("state = 0")
        timed = False
        for text in call.query.get("filter", ()):
            match = FILTER.fullmatch(text)
            if match is None or match[1] not in ("modifiedTime", "createdTime", "customer.id", "id"):
                raise Refused(self.refusal(400, f"Invalid filter: {text}"))
            name, sign, value = match.groups()
            column = {"modifiedTime": "updated", "createdTime": "created", "customer.id": "ref", "id": "id"}[
                name
            ]
            timed = timed or name.endswith("Time")
            conditions.add(f"{column} {sign} ?", int(value) if name.endswith("Time") else value)
        if not timed:
            conditions.add("created >= ?", self.clock.ms() - SINCE_DAYS * 86_400_000)
        by, _, way = call.arg("orderBy", "createdTime DESC").partition(" ")
        column = "updated" if by == "modifiedTime" else "created"
        size, offset = self.bounds(call)
        rows = self.kind("orders").rows(
            conditions.where, (*conditions.values, size, offset),
            f"ORDER BY {column} {'ASC' if way.upper() == 'ASC' else 'DESC'}, seq LIMIT ? OFFSET ?",
        )  # fmt: skip
        wanted = {part.strip() for text in call.query.get("expand", ()) for part in text.split(",")}
        hidden = {"customers", "lineItems", "payments", "refunds"} - wanted
        elements = [{n: v for n, v in row.body.items() if n not in hidden} for row in rows]
        return reply({"elements": elements, "href": f"{self.url}{call.path}?limit={size}"}, records=len(rows))

    # webhooks ------------------------------------------------------------------------------------------------

    def control_listen(self, url: str, code: str) -> Any:
        """Enter the app's address, to which a code is sent; with it the address counts, and the auth code is shown."""
        self.entered.enter(url, active=False)
        if not code and not self.entered.active[url]:
            self.code = random_uuid(self.chance)
            greeting = reply({"verificationCode": self.code}).body
            self.courier.send(Delivery(url, greeting, "application/json", lambda body, attempt, wrong: {}))
            return {"url": url, "active": False}
        if code not in ("", self.code):
            raise ValueError("the verification code is wrong")
        self.entered.active[url] = True
        return self.entered.shown(url)

    def control_unlisten(self) -> int:
        """As a person who empties the settings."""
        return self.entered.clear()

    def happened(self, kind: str, row: Row, what: str) -> None:
        """The letter of the kind and the id, under the merchant."""
        event = {
            "objectId": f"{'C' if kind == 'customers' else 'O'}:{row.id}",
            "type": {"created": "CREATE", "updated": "UPDATE", "deleted": "DELETE"}[what],
            "ts": round(self.told_time() * 1000),
        }
        self.entered.tell({"appId": self.grants.client_id, "merchants": {self.merchant: [event]}})

"""Lightspeed Retail (X-Series): customers and sales by one counter of versions, and a token that is renewed in turn."""

import random
from email.utils import formatdate
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson

from . import business
from .clock import iso_s, parse_ms
from .conditions import Conditions, ordered
from .desk import Desk
from .ids import random_uuid, uuid_text
from .limits import Windows
from .names import EMAIL, national
from .oauth import Granted, Grants, Token
from .ordinary import Ordinary, packed
from .seed import Basket, Soul, View, viewed
from .state import LIVE, Row, normal_email, normal_phone
from .webhooks import Delivery, Signer, hmac_hex, or_wrong
from .wire import Answer, Call, Refused, reply

PREFIX = "kestrelrye"
SCOPES = (
    "customers:read",
    "customers:write",
    "sales:read",
    "retailer:read",
    "payment_types:read",
    "webhooks",
)
RETAILER = uuid_text(0x0242AC120002 << 80)
OUTLETS = tuple(uuid_text(0x0242AC120003 << 80 | number) for number in (1, 2))
REGISTERS = tuple(uuid_text(0x0242AC120004 << 80 | number) for number in (1, 2))
USER, GROUP, TAX = (uuid_text(0x0242AC120005 << 80 | number) for number in (1, 2, 3))
WALK_IN = uuid_text(0x0242AC120006 << 80)
CALLS, WINDOW_S = 350, 300.0
"""With one register: 300 for it and 50 more, in five minutes."""
MOST_ON_A_PAGE, USUAL = 10_000, 200
TEXTS = (
    "first_name", "last_name", "email", "note", "gender", "date_of_birth", "company_name", "phone", "mobile", "fax",
    "twitter", "website", "physical_address_1", "physical_address_2", "physical_suburb", "physical_city",
    "physical_postcode", "physical_state", "physical_country_id", "postal_address_1", "postal_address_2",
    "postal_suburb", "postal_city", "postal_postcode", "postal_state", "postal_country_id", "custom_field_1",
    "custom_field_2", "custom_field_3", "custom_field_4",
)  # fmt: skip
WRITABLE = (
    *TEXTS,
    "customer_code",
    "customer_group_id",
    "enable_loyalty",
    "do_not_email",
    "on_account_limit",
)
TYPES = ("product.update", "inventory.update", "sale.update", "customer.update", "consignment.send",
         "consignment.receive", "register_closure.create", "register_closure.update")  # fmt: skip


class Lightspeed(Granted, Ordinary):
    """One shop on one port."""

    name = "lightspeed"
    kinds = ("customers", "sales")
    people_kind = "customers"
    authorize_path = "/connect"
    archives = True
    sells = True
    tips = False

    def begin(self) -> None:
        """A personal token, and an app."""
        self.grants = Grants(self.clock, self.chance, "lsxs_at_", "lsxs_rt_", 86_400.0, client_id="")
        self.grants.client_id = self.grants.secret(32)
        self.grants.client_secret = self.grants.secret(32)
        self.renew()
        self.desk = Desk(
            self, self.grants, authorize="/connect", token="/api/1.0/token", scopes=SCOPES, rotates=True,
            more=self.told_with, back=lambda call: urlencode({"domain_prefix": PREFIX}),
        )  # fmt: skip
        self.resources = (self.desk,)
        self.windows = Windows(self.clock, CALLS, WINDOW_S)
        self.version = 41_000_000_000
        self.sold = 0
        self.hooks: dict[str, dict[str, Any]] = {}

    def told_with(self, token: Token) -> dict[str, Any]:
        """What a token's answer says besides; the token that came with the refresh token now spent ends with it."""
        for other in self.grants.tokens.values():
            spent = self.grants.refreshes.get(other.refresh or "")
            other.revoked = other.revoked or bool(spent is not None and spent.spent)
        return {"expires": round(token.expires or 0), "domain_prefix": PREFIX}

    def route(self) -> None:
        """The paths of `/api/2.0`, and the webhooks beside them."""
        super().route()
        add = self.routes.add
        add("GET", "/api/2.0/retailer", self.retailer)
        add("GET", "/api/2.0/customers", lambda call: self.listed(call, "customers"))
        add("POST", "/api/2.0/customers", self.add)
        add("GET", "/api/2.0/customers/{id}", lambda call: self.one(self.found(call, "customers")))
        add("PUT", "/api/2.0/customers/{id}", self.replace)
        add("DELETE", "/api/2.0/customers/{id}", self.drop)
        add("GET", "/api/2.0/sales", lambda call: self.listed(call, "sales"))
        add("GET", "/api/2.0/sales/{id}", lambda call: self.one(self.found(call, "sales")))
        add("GET", "/api/2.0/search", self.search)
        add("GET", "/api/webhooks", lambda call: reply(list(self.hooks.values())))
        add("POST", "/api/webhooks", self.listen)
        add("DELETE", "/api/webhooks/{id}", self.stop_listening)

    # who is let in, and what is said when something is wrong -------------------------------------------------

    def admit(self, call: Call) -> dict[str, str]:
        """A bearer token; 350 calls in five minutes."""
        if self.desk.outside(call):
            return {}
        token = call.bearer() or ""
        if self.grants.check(token) != "ok":
            raise Refused(self.refusal(401, "Unauthorized", "The access token is invalid or has expired."))
        if not self.setting.limits:
            return {}
        window = self.windows.of(token)
        if not window.take():
            raise Refused(self.trouble(429, max(1.0, window.wait)))
        return {"X-RateLimit-Limit": str(window.limit), "X-RateLimit-Remaining": str(window.left)}

    def trouble(self, status: int, retry_after: float | None = None) -> Answer:
        """When to come again is told as a date."""
        answer = self.failure(status)
        if retry_after is not None:
            answer.headers["Retry-After"] = formatdate(self.told_time() + max(1.0, retry_after), usegmt=True)
        return answer

    def refusal(self, status: int, error: str, message: str) -> Answer:
        """An error."""
        return reply({"error": error, "message": message}, status)

    def invalid(self, message: str) -> Refused:
        """422 for a value that isn't taken."""
        return Refused(self.refusal(422, "Unprocessable Entity", message))

    def missing(self, known: bool) -> Answer:
        """404; 405 for another method."""
        if known:
            return self.refusal(405, "Method Not Allowed", "The method is not allowed.")
        return self.refusal(404, "Not Found", "The resource was not found.")

    def failure(self, status: int) -> Answer:
        """429 and the errors of a server."""
        if status == 429:
            return self.refusal(429, "Too Many Requests", "You have exceeded your rate limit.")
        return self.refusal(status, "Server Error", "Something went wrong.")

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON or has another shape."""
        return self.refusal(400, "Bad Request", "The body could not be read.")

    def credentials(self) -> dict[str, Any]:
        """A personal token of the shop; an app for those who prefer OAuth."""
        app = {"client_id": self.grants.client_id, "client_secret": self.grants.client_secret}
        return {
            "access_token": self.access_token, "domain_prefix": PREFIX,
            "alternatives": {"app": {**app, "domain_prefix": PREFIX}},
        }  # fmt: skip

    def renew(self) -> None:
        """A new personal token."""
        self.access_token = f"lsxs_pt_{self.grants.secret(32)}"
        self.grants.permanent.add(self.access_token)

    # a customer ----------------------------------------------------------------------------------------------

    def form(self, soul: Soul, draw: int) -> dict[str, Any]:
        """As somebody at the till types a customer in."""
        phone = soul.phone and (national(soul.phone) if draw % 3 else f"+{soul.phone}")
        return {
            "first_name": soul.first, "last_name": soul.last or None, "email": soul.email, "mobile": phone,
            "date_of_birth": soul.birthday, "do_not_email": soul.trait == "unsubscribed",
            "physical_country_id": "GB", "enable_loyalty": bool(draw % 2),
        }  # fmt: skip

    def identify(self, kind: str, seq: int, chance: random.Random) -> str:
        """UUIDs."""
        return random_uuid(chance)

    def whole(self, kind: str, identifier: str, fields: dict[str, Any], created: int) -> dict[str, Any]:
        """A customer with every member, and a code where none was given."""
        body: dict[str, Any] = dict.fromkeys(TEXTS) | {
            "id": identifier, "customer_group_id": GROUP, "enable_loyalty": True, "do_not_email": False,
            "on_account_limit": None, "year_to_date": 0.0, "balance": 0.0, "loyalty_balance": 0.0,
            "created_at": iso_s(created), "deleted_at": None,
        }  # fmt: skip
        given = {name: value for name, value in fields.items() if value is not None or name in TEXTS}
        code = (
            given.get("customer_code")
            or f"{(given.get('first_name') or 'Customer')[:8]}-{identifier[:4].upper()}"
        )
        return self.merged(kind, body, {**given, "customer_code": code})

    def merged(self, kind: str, body: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
        """The name as a whole goes with its parts."""
        found = super().merged(kind, body, part)
        if kind == "customers":
            found["name"] = " ".join(filter(None, (found["first_name"], found["last_name"]))) or None
        return found

    def stamped(self, kind: str, body: dict[str, Any], updated: int) -> None:
        """Whole seconds, and the next version of all."""
        self.version += 1
        body["updated_at"], body["version"] = iso_s(updated), self.version

    def person(self, body: dict[str, Any]) -> View:
        """For the truth."""
        return viewed(
            body["first_name"], body["last_name"], body["email"], body["mobile"] or body["phone"],
            body["date_of_birth"],
        )  # fmt: skip

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Two members."""
        return {"first_name": first, "last_name": last}

    def one(self, row: Row, status: int = 200) -> Answer:
        """One record in its envelope."""
        return reply({"data": row.body}, status, records=1)

    def found(self, call: Call, kind: str) -> Row:
        """The record of a path, one that was deleted too; else 404."""
        row = self.kind(kind).get(call.params["id"])
        if row is None:
            raise Refused(self.missing(False))
        return row

    def page_mark(self, call: Call) -> str | None:
        """Lists go by version."""
        lists = ("/api/2.0/customers", "/api/2.0/sales")
        return call.arg("after", "0").lstrip("0") if call.method == "GET" and call.path in lists else None

    def disturb(self, call: Call) -> None:
        """The customer that changed first gets a new version, and so is the last one."""
        row = self.kind("customers").first("state = 0")
        if row is not None:
            row.touch(self.clock.ms())
            self.stamped("customers", row.body, row.updated)
            self.kind("customers").put(row)

    def listed(self, call: Call, kind: str) -> Answer:
        """What has a higher version than `after`, in the order of versions."""
        version = "json_extract(body, '$.version')"
        size = min(call.number("page_size", USUAL, 1), MOST_ON_A_PAGE)
        conditions = Conditions()
        if call.arg("deleted") != "true":
            conditions.add("state = ?", LIVE)
        if call.arg("after"):
            conditions.add(f"{version} > ?", call.number("after", 0))
        if call.arg("before"):
            conditions.add(f"{version} < ?", call.number("before", 0))
        rows = self.kind(kind).raw(
            conditions.where, (*conditions.values, size), f"ORDER BY {version} LIMIT ?"
        )
        data = [orjson.loads(row[3]) for row in rows]
        lowest, highest = (data[0]["version"], data[-1]["version"]) if data else (None, None)
        return reply({"data": data, "version": {"min": lowest, "max": highest}}, records=len(data))

    def checked(self, given: dict[str, Any]) -> dict[str, Any]:
        """What may be written, in the right types; raises the refusal of the first that may not."""
        for name, value in given.items():
            if name not in WRITABLE:
                raise self.invalid(f"{name} is not a member of a customer")
            if name in TEXTS and not isinstance(value, str | None):
                raise self.invalid(f"{name} must be a string")
        email = given.get("email")
        if email and (not EMAIL.fullmatch(email.strip()) or self.refuses(email)):
            raise self.invalid("email must be a valid email address")
        born = given.get("date_of_birth")
        if born and (parse_ms(born) is None or len(born) < 10):
            raise self.invalid("date_of_birth must be a date")
        if "first_name" not in given or "last_name" not in given:
            raise self.invalid("first_name and last_name are required")
        return {name: value or None if name in TEXTS else value for name, value in given.items()}

    def unique(self, given: dict[str, Any], row: Row | None) -> None:
        """409 where somebody else has the code."""
        code = given.get("customer_code")
        other = (
            self.kind("customers").first("json_extract(body, '$.customer_code') = ?", code) if code else None
        )
        if other is not None and (row is None or other.id != row.id):
            raise Refused(self.refusal(409, "Conflict", f"customer_code {code} is in use"))

    def add(self, call: Call) -> Answer:
        """A new customer; nothing stops a second one of the same address."""
        given = self.checked(call.json())
        self.unique(given, None)
        return self.one(self.make("customers", given), 201)

    def replace(self, call: Call) -> Answer:
        """The whole customer anew: what isn't given is emptied."""
        row = self.found(call, "customers")
        if row.state != LIVE:
            raise Refused(self.missing(False))
        given = self.checked(call.json())
        self.unique(given, row)
        return self.one(self.write("customers", row, dict.fromkeys(TEXTS) | given))

    def drop(self, call: Call) -> Answer:
        """Mark as deleted."""
        row = self.found(call, "customers")
        if row.state == LIVE:
            self.remove("customers", row)
        return Answer(204)

    def remove(self, kind: str, row: Row) -> None:
        """The mark in the record itself."""
        row.body["deleted_at"] = iso_s(self.clock.ms())
        super().remove(kind, row)

    def search(self, call: Call) -> Answer:
        """Customers by what they have."""
        if call.arg("type") != "customers":
            return reply({"data": []})
        conditions = Conditions()
        if call.arg("deleted") != "true":
            conditions.add("state = ?", LIVE)
        if call.arg("email"):
            conditions.add("email = ?", normal_email(call.arg("email")))
        for name in ("phone", "mobile"):
            if call.arg(name):
                conditions.add("phone = ?", normal_phone(call.arg(name)))
        for name in ("customer_code", "first_name", "last_name"):
            if call.arg(name):
                conditions.add(f"lower(json_extract(body, '$.{name}')) = ?", call.arg(name).lower())
        size = min(call.number("page_size", USUAL, 1), 1000)
        rows = self.kind("customers").rows(
            conditions.where, (*conditions.values, size, call.number("offset", 0)),
            f"{ordered('seq', call.arg('order_direction') == 'desc')} LIMIT ? OFFSET ?",
        )  # fmt: skip
        return reply({"data": [row.body for row in rows]}, records=len(rows))

    def retailer(self, call: Call) -> Answer:
        """The shop."""
        return reply({"data": {
            "id": RETAILER, "domain_prefix": PREFIX, "store_url": f"https://{PREFIX}.retail.lightspeed.app",
            "account_status": "active", "account_type": "paid", "name": business.NAME, "country": business.COUNTRY,
            "currency": {"code": business.CURRENCY, "symbol": "£"}, "tax_exclusive": False, "culture": "en_GB",
            "loyalty": {"enabled": False, "ratio": 0.02, "claim_url": "", "send_welcome_email": False},
        }})  # fmt: skip

    # sales ---------------------------------------------------------------------------------------------------

    def sell(self, basket: Basket, seq: int, chance: random.Random) -> tuple[str, list[str]]:
        """A sale, and a return of its own for each refund: prices without tax, and the tax beside them."""
        lines = [
            {"name": item.name, "count": item.count, "gross": item.total, "discount": item.discount}
            for item in basket.items
        ]
        status = "CLOSED" if basket.done else ("SAVED", "VOIDED")[seq % 2]
        body = self.sale(random_uuid(chance), seq, basket, lines, basket.placed, status, chance)
        rows = [body]
        for number, (at, amount) in enumerate(basket.refunds, 1):
            back = [{"name": "Return", "count": -1, "gross": -amount, "discount": 0}]
            rows.append(self.sale(random_uuid(chance), seq * 10 + number, basket, back, at, "CLOSED", chance))
            rows[-1]["return_for"] = body["id"]
        cells = []
        for row in rows:
            at = parse_ms(row["sale_date"]) or basket.placed
            self.stamped("sales", row, at)
            self.sold += 1
            cells.append(packed(Row(None, row["id"], None, None, None, at, at, LIVE, row), self.sold))
        self.kind("sales").load(cells)
        return body["id"], [row["id"] for row in rows[1:]]

    def sale(
        self, identifier: str, number: int, basket: Basket, lines: list[dict[str, Any]], at: int, status: str,
        chance: random.Random,
    ) -> dict[str, Any]:  # fmt: skip
        """A sale as it is kept."""
        items = []
        for place, line in enumerate(lines):
            net = round(line["gross"] / 1.2)
            tax, count = line["gross"] - net, line["count"]
            items.append({
                "id": random_uuid(chance), "product_id": random_uuid(chance), "quantity": float(count),
                "price": round(net / count / 100, 5), "price_total": net / 100, "tax": round(tax / count / 100, 5),
                "tax_total": tax / 100, "discount": round(line["discount"] / 1.2 / count / 100, 5),
                "discount_total": round(line["discount"] / 1.2 / 100, 2), "is_return": count < 0, "tax_id": TAX,
                "loyalty_value": 0.0, "sequence": place, "note": None, "status": "CONFIRMED", "price_set": False,
            })  # fmt: skip
        total = sum(line["gross"] for line in lines)
        net = sum(round(line["gross"] / 1.2) for line in lines)
        shares = [total] if not basket.split else [total // 2, total - total // 2]
        payments = [
            {"name": ("Card", "Cash")[place % 2], "register_id": REGISTERS[basket.location],
             "retailer_payment_type_id": TAX, "payment_type_id": "3", "payment_date": iso_s(at), "amount": share / 100}
            for place, share in enumerate(shares)
        ]  # fmt: skip
        return {
            "id": identifier, "outlet_id": OUTLETS[basket.location], "register_id": REGISTERS[basket.location],
            "user_id": USER, "customer_id": basket.customer or WALK_IN, "invoice_number": str(20_000 + number),
            "source": "USER", "source_id": "", "status": status, "note": None, "short_code": identifier[:6],
            "return_for": None, "total_price": net / 100, "total_tax": (total - net) / 100, "total_loyalty": 0.0,
            "sale_date": iso_s(at), "created_at": iso_s(at), "deleted_at": None, "line_items": items,
            "payments": payments if status == "CLOSED" else [], "adjustments": [], "attributes": [],
            "taxes": [{"name": "VAT", "rate": 0.2, "amount": (total - net) / 100}],
        }  # fmt: skip

    # webhooks ------------------------------------------------------------------------------------------------

    def listen(self, call: Call) -> Answer:
        """Register an address for a type; JSON, or a form with JSON in `data`."""
        form = call.form()
        given = orjson.loads(form["data"]) if "data" in form else form
        url, what = str(given.get("url") or ""), str(given.get("type") or "")
        if urlsplit(url).scheme not in ("http", "https") or what not in TYPES:
            raise self.invalid("url must be an address, type one of " + ", ".join(TYPES))
        if any((hook["url"], hook["type"]) == (url, what) for hook in self.hooks.values()):
            raise Refused(self.refusal(409, "Conflict", "A webhook with this type and url exists."))
        identifier = random_uuid(self.chance)
        self.hooks[identifier] = {
            "id": identifier,
            "retailer_id": RETAILER,
            "type": what,
            "url": url,
            "active": True,
        }
        self.store.writes += 1
        return reply(self.hooks[identifier], 201)

    def stop_listening(self, call: Call) -> Answer:
        """Forget an address."""
        if self.hooks.pop(call.params["id"], None) is None:
            raise Refused(self.missing(False))
        self.store.writes += 1
        return Answer(204)

    def happened(self, kind: str, row: Row, what: str) -> None:
        """Tell every address of the kind: a form with the record as JSON, signed with the app's secret."""
        wanted = {"customers": "customer.update", "sales": "sale.update"}[kind]
        form = {"payload": orjson.dumps(row.body).decode(), "domain_prefix": PREFIX, "environment": "prod",
                "retailer_id": RETAILER, "type": wanted}  # fmt: skip
        for hook in self.hooks.values():
            if hook["type"] == wanted:
                self.courier.send(
                    Delivery(
                        hook["url"],
                        urlencode(form).encode(),
                        "application/x-www-form-urlencoded",
                        self.signer(),
                    )
                )

    def signer(self) -> Signer:
        """HMAC over the raw form."""
        secret = self.grants.client_secret

        def sign(body: bytes, attempt: int, wrong: bool) -> dict[str, str]:
            return {
                "X-Signature": f"signature={hmac_hex(or_wrong(secret, wrong), body)},algorithm=HMAC-SHA256"
            }

        return sign

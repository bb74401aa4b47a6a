"""BigCommerce: customers of the third API generation, ten at a time, and orders of the second, with texts as dates."""

import random
import secrets
from collections.abc import Sequence
from email.utils import formatdate, parsedate_to_datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import orjson

from . import business
from .clock import iso_utc, parse_ms
from .conditions import Conditions, ordered
from .ids import random_uuid
from .limits import Windows
from .names import EMAIL, national
from .ordinary import Ordinary, packed
from .seed import Basket, Soul, View, viewed
from .state import LIVE, Row, normal_email
from .webhooks import Delivery, Signer, hmac_base64, or_wrong
from .wire import Answer, Call, Refused, reply

MOST_ON_A_PAGE, USUAL, MOST_AT_ONCE = 250, 50, 10
CALLS, WINDOW_S = 150, 30.0
STATUSES = {0: "Incomplete", 1: "Pending", 2: "Shipped", 4: "Refunded", 5: "Cancelled", 10: "Completed",
            14: "Partially Refunded"}  # fmt: skip
TEXTS = ("email", "first_name", "last_name", "company", "phone", "notes", "tax_exempt_category",
         "registration_ip_address")  # fmt: skip
OTHERS = ("customer_group_id", "addresses", "attributes", "authentication", "store_credit_amounts", "form_fields",
          "accepts_product_review_abandoned_cart_emails", "origin_channel_id", "channel_ids", "id",
          "trigger_account_created_notification")  # fmt: skip
FILTERS = {
    "id:in": "id",
    "email:in": "email",
    "company:in": "json_extract(body, '$.company')",
    "phone:in": "json_extract(body, '$.phone')",
    "customer_group_id:in": "json_extract(body, '$.customer_group_id')",
}
SORTS = {
    "date_created": "created",
    "date_modified": "updated",
    "last_name": "json_extract(body, '$.last_name')",
}
SCOPES = ("store/customer/", "store/order/", "store/cart/", "store/product/", "store/app/")
HELP = "https://developer.bigcommerce.com/api-docs/getting-started/api-status-codes"


def mail_time(ms: int) -> str:
    """A moment as the second generation writes it."""
    return formatdate(ms / 1000).replace("-0000", "+0000")


def money(minor: float) -> str:
    """An amount as a text with four places."""
    return f"{minor / 100:.4f}"


def moment(text: str) -> int | None:
    """Milliseconds of a moment in ISO 8601 or RFC 2822; None where it is neither."""
    found = parse_ms(text)
    if found is None:
        try:
            found = round(parsedate_to_datetime(text).timestamp() * 1000)
        except ValueError:
            return None
    return found


class BigCommerce(Ordinary):
    """One store on one port."""

    name = "bigcommerce"
    kinds = ("customers", "orders", "refunds")
    people_kind = "customers"
    person_fields = ("first", "last", "email", "phone")
    needs = ("email", "first", "last")
    sells = True
    tips = False

    def begin(self) -> None:
        """An API account of the store."""
        self.store_hash = "".join(self.chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=10))
        self.client_id = self.letters(31)
        self.client_secret = f"{self.chance.getrandbits(256):064x}"
        self.withdrawn: set[str] = set()
        self.renew()
        self.windows = Windows(self.clock, CALLS, WINDOW_S)
        self.attributes: dict[int, dict[str, Any]] = {}
        self.values = 0
        self.sold = [0, 0]
        self.hooks: dict[int, dict[str, Any]] = {}

    def letters(self, length: int) -> str:
        """Lower case and digits, as tokens are here."""
        return "".join(self.chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=length))

    def renew(self) -> None:
        """A new access token."""
        self.access_token = self.letters(31)

    def route(self) -> None:
        """Both generations of one store."""
        super().route()
        old, new = (f"/stores/{self.store_hash}/v{version}" for version in (2, 3))
        add = self.routes.add
        add("GET", f"{old}/store", self.about)
        add("GET", f"{old}/time", lambda call: reply({"time": round(self.clock.now())}))
        add("GET", f"{old}/orders", self.orders)
        add("GET", f"{old}/orders/{{id}}", self.order)
        add("GET", f"{old}/orders/{{id}}/products", self.products)
        add("GET", f"{new}/orders/payment_actions/refunds", self.refunds)
        add("GET", f"{new}/customers", self.listed)
        add("POST", f"{new}/customers", partial(self.several, new=True))
        add("PUT", f"{new}/customers", partial(self.several, new=False))
        add("DELETE", f"{new}/customers", self.drop)
        add("GET", f"{new}/customers/attributes", self.fields)
        add("POST", f"{new}/customers/attributes", self.add_fields)
        add("GET", f"{new}/customers/attribute-values", self.field_values)
        add("PUT", f"{new}/customers/attribute-values", self.put_values)
        add("GET", f"{new}/hooks", lambda call: self.page(call, list(self.hooks.values())))
        add("POST", f"{new}/hooks", self.listen)
        add("GET", f"{new}/hooks/{{id}}", lambda call: reply({"data": self.hook(call), "meta": {}}))
        add("DELETE", f"{new}/hooks/{{id}}", self.stop_listening)

    # who is let in, and what is said when something is wrong -------------------------------------------------

    def admit(self, call: Call) -> dict[str, str]:
        """The token in a header of its own; 150 calls in half a minute for the whole store."""
        token = call.headers.get("x-auth-token", "")
        if token in self.withdrawn or not secrets.compare_digest(token, self.access_token):
            raise Refused(self.refusal(call, 401, "Unauthorized"))
        if not self.setting.limits:
            return {}
        window = self.windows.of("store")
        if not window.take():
            raise Refused(self.trouble(429, max(1.0, window.wait)))
        return {
            "X-Rate-Limit-Requests-Left": str(window.left), "X-Rate-Limit-Requests-Quota": str(window.limit),
            "X-Rate-Limit-Time-Window-Ms": str(round(window.seconds * 1000)),
            "X-Rate-Limit-Time-Reset-Ms": str(round((window.wait or window.seconds) * 1000)),
        }  # fmt: skip

    def refusal(
        self, call: Call | None, status: int, title: str, errors: dict[str, str] | None = None
    ) -> Answer:
        """An error of the generation that was asked."""
        if call is not None and "/v2/" in call.path:
            return reply([{"status": status, "message": title}], status)
        document: dict[str, Any] = {"status": status, "title": title, "type": HELP}
        return reply(document if errors is None else {**document, "errors": errors}, status)

    def invalid(self, errors: dict[str, str]) -> Refused:
        """422 with the place of each mistake."""
        title = "; ".join(errors.values())
        return Refused(self.refusal(None, 422, title, errors))

    def missing(self, known: bool) -> Answer:
        """404; 405 for another method."""
        if known:
            return self.refusal(None, 405, "The method is not allowed for this resource.")
        return self.refusal(None, 404, "The requested resource was not found.")

    def failure(self, status: int) -> Answer:
        """429 and the errors of a server."""
        title = "Too many requests" if status == 429 else "The store is temporarily unavailable."
        return self.refusal(None, status, title)

    def trouble(self, status: int, retry_after: float | None = None) -> Answer:
        """When to come again is told in milliseconds."""
        answer = self.failure(status)
        if retry_after is not None:
            answer.headers["X-Rate-Limit-Time-Reset-Ms"] = str(round(retry_after * 1000))
        return answer

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON or has another shape."""
        return self.refusal(call, 400, "Input is invalid")

    def credentials(self) -> dict[str, Any]:
        """An API account of the store."""
        return {
            "access_token": self.access_token, "store_hash": self.store_hash, "client_id": self.client_id,
            "client_secret": self.client_secret,
        }  # fmt: skip

    def revoke_tokens(self) -> int:
        """The API account is deleted."""
        self.withdrawn.add(self.access_token)
        return 1

    # a customer ----------------------------------------------------------------------------------------------

    def form(self, soul: Soul, draw: int) -> dict[str, Any]:
        """As somebody registers in the store."""
        phone = soul.phone and (national(soul.phone) if draw % 3 else f"+{soul.phone}")
        return {"email": soul.email, "first_name": soul.first, "last_name": soul.last, "phone": phone or ""}

    def identify(self, kind: str, seq: int, chance: random.Random) -> str:
        """Numbers."""
        return str(seq + {"customers": 10, "orders": 100, "refunds": 1}[kind])

    def whole(self, kind: str, identifier: str, fields: dict[str, Any], created: int) -> dict[str, Any]:
        """A customer with every member."""
        body: dict[str, Any] = dict.fromkeys(TEXTS, "") | {
            "id": int(identifier), "customer_group_id": 0, "date_created": iso_utc(created), "address_count": 0,
            "attribute_count": 0, "authentication": {"force_password_reset": False}, "addresses": [],
            "attributes": [], "store_credit_amounts": [{"amount": 0}], "origin_channel_id": 1,
            "accepts_product_review_abandoned_cart_emails": True, "channel_ids": None,
        }  # fmt: skip
        del body["channel_ids"]
        return self.merged(kind, body, fields)

    def merged(self, kind: str, body: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
        """Values of attributes go one by one."""
        fields = {name: value for name, value in part.items() if name not in ("attributes", "id")}
        found = super().merged(kind, body, fields)
        kept = [dict(value) for value in body.get("attributes", ())]
        for value in part.get("attributes", ()):
            same = next((one for one in kept if one["attribute_id"] == value["attribute_id"]), None)
            if same is None:
                self.values += 1
                now = iso_utc(self.clock.ms())
                same = {"id": self.values, "attribute_id": value["attribute_id"], "customer_id": body["id"],
                        "date_created": now, "date_modified": now}  # fmt: skip
                kept.append(same)
            same["attribute_value"] = str(value["attribute_value"])
        if kind == "customers":
            found["attributes"], found["attribute_count"] = kept, len(kept)
        return found

    def stamped(self, kind: str, body: dict[str, Any], updated: int) -> None:
        """Whole seconds."""
        body["date_modified"] = iso_utc(updated)

    def person(self, body: dict[str, Any]) -> View:
        """For the truth."""
        return viewed(body["first_name"], body["last_name"], body["email"], body["phone"])

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Two members."""
        return {"first_name": first, "last_name": last}

    def shown(self, row: Row, include: Sequence[str]) -> dict[str, Any]:
        """A customer with what was asked for besides."""
        hidden = {"addresses", "attributes", "form_fields"} - set(include)
        if "storecredit" not in include:
            hidden.add("store_credit_amounts")
        return {name: value for name, value in row.body.items() if name not in hidden}

    def page(self, call: Call, items: list[Any], total: int | None = None) -> Answer:
        """A page in the envelope of the third generation; a whole list is cut here."""
        size, page = min(call.number("limit", USUAL, 1), MOST_ON_A_PAGE), call.number("page", 1, 1)
        if total is None:
            total, items = len(items), items[(page - 1) * size : page * size]
        pages = max(1, -(-total // size))
        links = {"current": f"?page={page}&limit={size}"}
        if page < pages:
            links["next"] = f"?page={page + 1}&limit={size}"
        pagination = {"total": total, "count": len(items), "per_page": size, "current_page": page,
                      "total_pages": pages, "links": links}  # fmt: skip
        return reply({"data": items, "meta": {"pagination": pagination}}, records=len(items))

    def page_mark(self, call: Call) -> str | None:
        """Lists are paged by number."""
        lists = call.method == "GET" and call.path.endswith(("/customers", "/orders", "/refunds"))
        return call.arg("page", "1").replace("1", "", 1) if lists else None

    def disturb(self, call: Call) -> None:
        """The customer of the first place is changed, and so moves to the end of what is sorted by change."""
        row = self.kind("customers").longest_unchanged()
        if row is not None:
            row.touch(self.clock.ms())
            self.stamped("customers", row.body, row.updated)
            self.kind("customers").put(row)

    def listed(self, call: Call) -> Answer:
        """Customers by filters, a page of them."""
        conditions = Conditions("state = 0")
        for name, values in call.query.items():
            if name in FILTERS:
                wanted: list[object] = [part for text in values for part in text.split(",")]
                if name == "email:in":
                    wanted = [normal_email(text) for text in wanted]
                conditions.one_of(FILTERS[name], wanted)
            elif name.startswith(("date_created:", "date_modified:")):
                at = moment(values[-1])
                if at is None:
                    raise self.invalid({name: f"The filter {name} is not a date."})
                column = "updated" if name.startswith("date_modified") else "created"
                if name.endswith(":min"):
                    conditions.add(f"{column} >= ?", at)
                else:
                    conditions.add(f"{column} <= ?", at + 999)
            elif name == "name:like":
                full = "json_extract(body, '$.first_name') || ' ' || json_extract(body, '$.last_name')"
                conditions.add(f"{full} LIKE ?", f"%{values[-1]}%")
            elif name not in ("page", "limit", "sort", "include"):
                raise self.invalid({name: f"The filter(s): {name} are not valid filter parameter(s)."})
        by, _, way = call.arg("sort", "date_created:asc").partition(":")
        if by not in SORTS or way not in ("asc", "desc", ""):
            raise self.invalid({"sort": f"{call.arg('sort')} is not a valid sort."})
        size, page = min(call.number("limit", USUAL, 1), MOST_ON_A_PAGE), call.number("page", 1, 1)
        rows = self.kind("customers").rows(
            conditions.where, (*conditions.values, size, (page - 1) * size),
            f"{ordered(SORTS[by], way == 'desc')} LIMIT ? OFFSET ?",
        )  # fmt: skip
        include = call.arg("include").split(",")
        total = self.kind("customers").count(conditions.where, conditions.values)
        return self.page(call, [self.shown(row, include) for row in rows], total)

    def mistakes(self, place: int, given: dict[str, Any], row: Row | None) -> dict[str, str]:
        """What of a customer isn't taken, by its place."""
        found: dict[str, str] = {}

        def wrong(name: str, why: str) -> None:
            found[f"{place}.{name}"] = why

        for name, value in given.items():
            if name not in TEXTS + OTHERS or (row is not None and name in ("attributes", "addresses")):
                wrong(name, f"{name} is not a member of a customer")
            elif name in TEXTS and not isinstance(value, str):
                wrong(name, f"{name} must be a string")
        for name in ("email", "first_name", "last_name"):
            if (row is None or name in given) and not given.get(name):
                wrong(name, f"{name} is required")
        email = given.get("email")
        if isinstance(email, str) and email:
            if not EMAIL.fullmatch(email) or self.refuses(email):
                wrong("email", f"email '{email}' is not valid")
            other = self.kind("customers").first("state = 0 AND email = ?", normal_email(email))
            if other is not None and (row is None or other.id != row.id):
                wrong("customer_create", f"email {email} already in use")
        for value in given.get("attributes") or ():
            if value.get("attribute_id") not in self.attributes:
                wrong("attributes", f"attribute_id {value.get('attribute_id')} does not exist")
        return found

    def several(self, call: Call, new: bool) -> Answer:
        """Up to ten new customers or changes; one mistake refuses them all."""
        given = call.json()
        if not isinstance(given, list) or not given:
            raise self.invalid({"": "An array of customers is expected."})
        if len(given) > MOST_AT_ONCE:
            raise Refused(self.refusal(call, 413, f"The limit of {MOST_AT_ONCE} customers was exceeded."))
        errors: dict[str, str] = {}
        rows: list[Row | None] = []
        for place, item in enumerate(given):
            row = None if new else self.kind("customers").live(str(item.get("id")))
            if not new and row is None:
                errors[f"{place}.id"] = f"customer {item.get('id')} does not exist"
                continue
            errors |= self.mistakes(place, item, row)
            rows.append(row)
        addresses = [normal_email(item.get("email")) for item in given if item.get("email")]
        if len(set(addresses)) < len(addresses):
            errors["email"] = "the same email is given twice"
        if errors:
            raise self.invalid(errors)
        written = [
            self.make("customers", item) if row is None else self.write("customers", row, item)
            for item, row in zip(given, rows, strict=True)
        ]
        data = [self.shown(row, ("attributes",) if new else ()) for row in written]
        return reply({"data": data, "meta": {}}, records=len(data))

    def drop(self, call: Call) -> Answer:
        """Delete by ids; those that are unknown are no mistake."""
        for identifier in call.arg("id:in").split(","):
            row = self.kind("customers").live(identifier)
            if row is not None:
                self.remove("customers", row)
        return Answer(204)

    # attributes ----------------------------------------------------------------------------------------------

    def fields(self, call: Call) -> Answer:
        """What customers can have besides."""
        found = list(self.attributes.values())
        if call.arg("name"):
            found = [attribute for attribute in found if attribute["name"] == call.arg("name")]
        return self.page(call, found)

    def add_fields(self, call: Call) -> Answer:
        """New attributes; a name is taken once."""
        made = []
        for item in call.json():
            if not item.get("name") or item.get("type") not in ("string", "number", "date"):
                raise self.invalid({"name": "name and type are required"})
            if any(attribute["name"] == item["name"] for attribute in self.attributes.values()):
                raise self.invalid({"name": f"an attribute named {item['name']} exists"})
            now = iso_utc(self.clock.ms())
            identifier = len(self.attributes) + 1
            self.attributes[identifier] = {"id": identifier, "name": item["name"], "type": item["type"],
                                           "date_created": now, "date_modified": now}  # fmt: skip
            made.append(self.attributes[identifier])
        self.store.writes += len(made)
        return reply({"data": made, "meta": {}})

    def field_values(self, call: Call) -> Answer:
        """The values of attributes, of some customers or all."""
        conditions = Conditions("state = 0")
        if call.arg("customer_id:in"):
            conditions.one_of("id", call.arg("customer_id:in").split(","))
        rows = self.kind("customers").rows(conditions.where, conditions.values)
        return self.page(call, [value for row in rows for value in row.body["attributes"]])

    def put_values(self, call: Call) -> Answer:
        """Values of up to ten attributes; each names its customer and its attribute."""
        given = call.json()
        if len(given) > MOST_AT_ONCE:
            raise Refused(self.refusal(call, 413, f"The limit of {MOST_AT_ONCE} values was exceeded."))
        rows = []
        for place, item in enumerate(given):
            row = self.kind("customers").live(str(item.get("customer_id")))
            if row is None or item.get("attribute_id") not in self.attributes:
                raise self.invalid({f"{place}.attribute_id": "customer or attribute does not exist"})
            if not isinstance(item.get("value"), str):
                raise self.invalid({f"{place}.value": "value must be a string"})
            rows.append(row.id)
        data = []
        for identifier, item in zip(rows, given, strict=True):
            known = self.kind("customers").live(identifier)
            assert known is not None
            part = {"attributes": [{"attribute_id": item["attribute_id"], "attribute_value": item["value"]}]}
            row = self.write("customers", known, part)
            data.append(next(v for v in row.body["attributes"] if v["attribute_id"] == item["attribute_id"]))
        return reply({"data": data, "meta": {}}, records=len(data))

    # the store and its orders --------------------------------------------------------------------------------

    def about(self, call: Call) -> Answer:
        """The store."""
        return reply({
            "id": self.store_hash, "domain": f"{urlsplit(self.url).netloc}", "name": business.NAME,
            "secure_url": self.url, "status": "live", "first_name": business.OWNER_FIRST,
            "last_name": business.OWNER_LAST, "address": business.STREET, "country": "United Kingdom",
            "country_code": business.COUNTRY, "phone": business.PHONE, "admin_email": business.EMAIL,
            "order_email": business.EMAIL, "language": "en", "currency": business.CURRENCY, "currency_symbol": "£",
            "decimal_places": 2, "plan_name": "Plus Plan", "plan_level": "Plus Plan", "industry": "",
            "timezone": {"name": business.TIMEZONE, "raw_offset": 0, "dst_offset": 3600, "dst_correction": False},
            "is_price_entered_with_tax": True, "default_channel_id": 1, "default_site_id": 1000,
        })  # fmt: skip

    def sell(self, basket: Basket, seq: int, chance: random.Random) -> tuple[str, list[str]]:
        """An order, and a refund of its own for each time something was given back."""
        identifier = int(self.identify("orders", seq, chance))
        back = sum(amount for _, amount in basket.refunds)
        status = (4 if back == basket.total else 14) if back else 10 if basket.done else (1, 5)[seq % 2]
        lines = [
            {"id": seq * 10 + place, "order_id": identifier, "product_id": 70 + len(item.name), "name": item.name,
             "sku": "", "type": "physical", "quantity": item.count, "price_inc_tax": money(item.unit),
             "total_inc_tax": money(item.total + item.discount), "total_ex_tax": money(round(item.total / 1.2)),
             "total_tax": money(item.total - round(item.total / 1.2)), "refund_amount": "0.0000"}
            for place, item in enumerate(basket.items)
        ]  # fmt: skip
        last = max((at for at, _ in basket.refunds), default=basket.placed)
        gift = basket.total // 2 if seq % 9 == 4 else 0
        soul, base = basket.person, f"/stores/{self.store_hash}/v2/orders/{identifier}"
        body = {
            "id": identifier, "customer_id": int(basket.customer or 0), "status_id": status, "status": STATUSES[status],
            "date_created": mail_time(basket.placed), "is_deleted": False, "currency_code": business.CURRENCY,
            "default_currency_code": business.CURRENCY, "subtotal_inc_tax": money(basket.total),
            "subtotal_ex_tax": money(basket.total - basket.tax), "total_inc_tax": money(basket.total),
            "total_ex_tax": money(basket.total - basket.tax), "total_tax": money(basket.tax),
            "discount_amount": money(sum(item.discount for item in basket.items)), "coupon_discount": "0.0000",
            "shipping_cost_inc_tax": "0.0000", "shipping_cost_ex_tax": "0.0000", "refunded_amount": money(back),
            "store_credit_amount": money(gift // 2), "gift_certificate_amount": money(gift - gift // 2),
            "payment_method": "Card", "items_total": sum(item.count for item in basket.items), "staff_notes": "",
            "customer_message": "", "external_order_id": "", "order_source": "www", "channel_id": 1,
            "billing_address": {
                "first_name": soul.first if soul else "Guest", "last_name": soul.last if soul else "", "company": "",
                "street_1": "", "street_2": "", "city": "", "state": "", "zip": "", "country": "United Kingdom",
                "country_iso2": "GB", "phone": "", "email": (soul and soul.email) or "", "form_fields": [],
            },
            "products": {"url": f"https://api.bigcommerce.com{base}/products", "resource": base[28:]},
            "lines": lines,
        }  # fmt: skip
        body["date_modified"] = mail_time(last)
        self.sold[0] += 1
        row = Row(None, str(identifier), None, None, basket.customer, basket.placed, last, LIVE, body)
        self.kind("orders").load([packed(row, self.sold[0])])
        ids = []
        for at, amount in basket.refunds:
            self.sold[1] += 1
            refund = {
                "id": 500 + self.sold[1], "order_id": identifier, "user_id": 1, "created": iso_utc(at), "reason": "",
                "total_amount": amount / 100, "total_tax": 0, "uses_merchant_override_values": True, "items": [],
                "payments": [{"id": self.sold[1], "provider_id": "custom", "amount": amount / 100, "offline": True,
                              "is_declined": False, "declined_message": ""}],
            }  # fmt: skip
            told = Row(None, str(500 + self.sold[1]), None, None, str(identifier), at, at, LIVE, refund)
            self.kind("refunds").load([packed(told, self.sold[1])])
            ids.append(told.id)
        return str(identifier), ids

    def view(self, kind: str, row: Row) -> dict[str, Any]:
        """An order without its lines, which are a resource of their own."""
        return {name: value for name, value in row.body.items() if name != "lines" or kind != "orders"}

    def with_lines(self, row: Row, include: str) -> dict[str, Any]:
        """An order with its consignments, where they were asked for."""
        shown = self.view("orders", row)
        if "consignments" in include:
            shown["consignments"] = {
                "pickups": [], "downloads": [], "email": {"gift_certificates": []},
                "shipping": [{"id": row.body["id"], "items_total": row.body["items_total"],
                              "line_items": row.body["lines"]}],
            }  # fmt: skip
        return shown

    def orders(self, call: Call) -> Answer:
        """Orders by filters; no content after the last page."""
        conditions = Conditions("state = 0")
        for name, (column, sign) in {
            "min_date_modified": ("updated", ">="), "max_date_modified": ("updated", "<="),
            "min_date_created": ("created", ">="), "max_date_created": ("created", "<="),
        }.items():  # fmt: skip
            if call.arg(name):
                at = moment(call.arg(name))
                if at is None:
                    raise Refused(self.refusal(call, 400, f"The field '{name}' is invalid."))
                conditions.add(f"{column} {sign} ?", at)
        if call.arg("customer_id"):
            conditions.add("ref = ?", call.arg("customer_id"))
        if call.arg("status_id"):
            conditions.add("json_extract(body, '$.status_id') = ?", call.number("status_id", 0))
        by, _, way = call.arg("sort", "id:asc").partition(":")
        order = {"id": "CAST(id AS INTEGER)", "date_modified": "updated", "date_created": "created"}.get(by)
        if order is None:
            raise Refused(self.refusal(call, 400, "The field 'sort' is invalid."))
        size, page = min(call.number("limit", USUAL, 1), MOST_ON_A_PAGE), call.number("page", 1, 1)
        rows = self.kind("orders").rows(
            conditions.where, (*conditions.values, size, (page - 1) * size),
            f"{ordered(order, way == 'desc')} LIMIT ? OFFSET ?",
        )  # fmt: skip
        if not rows:
            return Answer(204)
        return reply([self.with_lines(row, call.arg("include")) for row in rows], records=len(rows))

    def found(self, call: Call) -> Row:
        """The order of a path; else 404."""
        row = self.kind("orders").live(call.params["id"])
        if row is None:
            raise Refused(self.refusal(call, 404, "The requested resource was not found."))
        return row

    def order(self, call: Call) -> Answer:
        """One order."""
        return reply(self.with_lines(self.found(call), call.arg("include")), records=1)

    def products(self, call: Call) -> Answer:
        """The lines of an order."""
        return reply(self.found(call).body["lines"])

    def refunds(self, call: Call) -> Answer:
        """What was given back, of all orders or some."""
        conditions = Conditions("state = 0")
        if call.arg("order_id:in"):
            conditions.one_of("ref", call.arg("order_id:in").split(","))
        for name, sign in (("created:min", ">="), ("created:max", "<=")):
            if call.arg(name):
                conditions.add(f"created {sign} ?", moment(call.arg(name)) or 0)
        size, page = min(call.number("limit", USUAL, 1), MOST_ON_A_PAGE), call.number("page", 1, 1)
        rows = self.kind("refunds").rows(
            conditions.where, (*conditions.values, size, (page - 1) * size), "ORDER BY seq LIMIT ? OFFSET ?"
        )
        total = self.kind("refunds").count(conditions.where, conditions.values)
        return self.page(call, [row.body for row in rows], total)

    # webhooks ------------------------------------------------------------------------------------------------

    def hook(self, call: Call) -> dict[str, Any]:
        """The webhook of a path; else 404."""
        found = self.hooks.get(int(call.params["id"])) if call.params["id"].isdigit() else None
        if found is None:
            raise Refused(self.refusal(None, 404, "The requested webhook was not found."))
        return found

    def listen(self, call: Call) -> Answer:
        """Register an address for a scope."""
        given = call.json()
        scope, url = str(given.get("scope") or ""), str(given.get("destination") or "")
        if not scope.startswith(SCOPES):
            raise self.invalid({"scope": f"The scope {scope} is not valid."})
        if urlsplit(url).scheme not in ("http", "https"):
            raise self.invalid({"destination": "The destination must be an address."})
        if any((h["scope"], h["destination"]) == (scope, url) for h in self.hooks.values()):
            raise self.invalid({"scope": "A webhook with this scope and destination exists."})
        identifier = 20_000_000 + len(self.hooks) + self.kind("customers").next_seq()
        while identifier in self.hooks:
            identifier += 1
        now = round(self.clock.now())
        self.hooks[identifier] = {
            "id": identifier, "client_id": self.client_id, "store_hash": self.store_hash, "scope": scope,
            "destination": url, "is_active": given.get("is_active", True), "created_at": now, "updated_at": now,
            "headers": given.get("headers"),
        }  # fmt: skip
        self.store.writes += 1
        return reply({"data": self.hooks[identifier], "meta": {}})

    def stop_listening(self, call: Call) -> Answer:
        """Forget an address."""
        hook = self.hook(call)
        del self.hooks[hook["id"]]
        self.store.writes += 1
        return reply({"data": hook, "meta": {}})

    def happened(self, kind: str, row: Row, what: str) -> None:
        """The id of what changed."""
        thing = kind.removesuffix("s")
        scope = f"store/{thing}/{what}"
        body = {
            "scope": scope, "store_id": "1001", "data": {"type": thing, "id": int(row.id)},
            "hash": f"{self.chance.getrandbits(160):040x}", "created_at": round(self.told_time()),
            "producer": f"stores/{self.store_hash}",
        }  # fmt: skip
        for hook in self.hooks.values():
            if hook["is_active"] and hook["scope"] in (scope, f"store/{thing}/*"):
                headers = dict(hook["headers"] or {})
                self.courier.send(
                    Delivery(
                        hook["destination"], orjson.dumps(body), "application/json", self.signer(headers)
                    )
                )

    def signer(self, headers: dict[str, str]) -> Signer:
        """Standard Webhooks, with the account's client secret; the same message keeps its id."""
        identifier, secret = random_uuid(self.chance), self.client_secret

        def sign(body: bytes, attempt: int, wrong: bool) -> dict[str, str]:
            at = str(round(self.told_time()))
            text = f"{identifier}.{at}.".encode() + body
            return {**headers, "webhook-id": identifier, "webhook-timestamp": at,
                    "webhook-signature": f"v1,{hmac_base64(or_wrong(secret, wrong), text)}"}  # fmt: skip

        return sign

"""WooCommerce: a shop's own server, with customers by batch, orders with their refunds, and signed requests."""

import random
import secrets
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import orjson

from . import business
from .clock import iso_ms, parse_ms
from .conditions import Conditions, ordered
from .names import EMAIL, national
from .ordinary import Ordinary, laid_over, packed
from .seed import Basket, Soul, View, viewed
from .signed import is_signed, parameters
from .state import LIVE, Row, normal_email
from .webhooks import Delivery, Signer, hmac_base64, or_wrong
from .wire import Answer, Call, Refused, reply

BASE = "/wp-json/wc/v3"
MOST_ON_A_PAGE, USUAL, MOST_AT_ONCE = 100, 10, 100
PLACE = (
    "first_name",
    "last_name",
    "company",
    "address_1",
    "address_2",
    "city",
    "postcode",
    "country",
    "state",
)
TOPICS = ("customer.created", "customer.updated", "customer.deleted", "order.created", "order.updated",
          "order.deleted", "order.restored", "coupon.created", "coupon.updated", "coupon.deleted")  # fmt: skip
SORTS = {"id": "CAST(id AS INTEGER)", "registered_date": "created", "date": "created", "modified": "updated",
         "name": "json_extract(body, '$.first_name')", "include": "seq"}  # fmt: skip
UNWRITABLE = ("id", "date_created", "date_created_gmt", "date_modified", "date_modified_gmt", "is_paying_customer",
              "avatar_url", "role", "_links")  # fmt: skip


def gmt(ms: int) -> str:
    """UTC without saying so."""
    return iso_ms(ms)[:19]


def money(minor: int) -> str:
    """An amount as a text with two places."""
    return f"{minor / 100:.2f}"


class WooCommerce(Ordinary):
    """One shop on one port."""

    name = "woocommerce"
    kinds = ("customers", "orders")
    people_kind = "customers"
    person_fields = ("first", "last", "email", "phone")
    needs = ("email",)
    sells = True
    tips = False

    def begin(self) -> None:
        """A key that may read and write."""
        self.withdrawn = False
        self.meta = 900
        self.sold = 0
        self.hooks: dict[int, dict[str, Any]] = {}
        self.renew()

    def renew(self) -> None:
        """A new pair."""
        self.consumer_key = f"ck_{self.chance.getrandbits(160):040x}"
        self.consumer_secret = f"cs_{self.chance.getrandbits(160):040x}"
        self.withdrawn = False

    def route(self) -> None:
        """The routes of `wc/v3`."""
        super().route()
        add = self.routes.add
        add("GET", f"{BASE}/system_status", self.status)
        for kind in self.kinds:
            add("GET", f"{BASE}/{kind}", partial(self.listed, kind=kind))
            add("GET", f"{BASE}/{kind}/{{id}}", partial(self.single, kind=kind))
        add("POST", f"{BASE}/customers", lambda call: self.one(self.added(call.json()), 201))
        add("POST", f"{BASE}/customers/batch", self.batch)
        add("PUT", f"{BASE}/customers/batch", self.batch)
        for method in ("PUT", "PATCH", "POST"):
            add(method, f"{BASE}/customers/{{id}}", self.change)
        add("DELETE", f"{BASE}/customers/{{id}}", self.drop)
        add("GET", f"{BASE}/orders/{{id}}/refunds", self.refunds)
        add("GET", f"{BASE}/webhooks", lambda call: reply([self.shown(hook) for hook in self.hooks.values()]))
        add("POST", f"{BASE}/webhooks", self.listen)
        add("GET", f"{BASE}/webhooks/{{id}}", lambda call: reply(self.shown(self.hook(call))))
        add("PUT", f"{BASE}/webhooks/{{id}}", self.adjust)
        add("DELETE", f"{BASE}/webhooks/{{id}}", self.stop_listening)

    # who is let in, and what is said when something is wrong -------------------------------------------------

    def admit(self, call: Call) -> dict[str, str]:
        """Key and secret by Basic, in the query, or as an OAuth 1.0a signature without a token."""
        if parameters(call) is not None:
            well = is_signed(call, self.consumer_key, self.consumer_secret, self.clock.now())
        else:
            named = call.basic() or (call.arg("consumer_key"), call.arg("consumer_secret"))
            well = named[0] == self.consumer_key and secrets.compare_digest(named[1], self.consumer_secret)
        if not well or self.withdrawn:
            raise Refused(self.refusal(
                401, "woocommerce_rest_authentication_error", "Consumer key or secret is invalid."
            ))  # fmt: skip
        return {}

    def refusal(self, status: int, code: str, message: str, **data: object) -> Answer:
        """An error as WordPress says it."""
        return reply({"code": code, "message": message, "data": {"status": status, **data}}, status)

    def invalid(self, name: str, why: str) -> Refused:
        """A parameter that isn't taken."""
        details = {name: {"code": "rest_invalid_param", "message": why, "data": None}}
        message = f"Invalid parameter(s): {name}"
        return Refused(self.refusal(400, "rest_invalid_param", message, params={name: why}, details=details))

    def missing(self, known: bool) -> Answer:
        """No such route, with this method or at all."""
        message = "No route was found matching the URL and request method."
        return self.refusal(404, "rest_no_route", message)

    def failure(self, status: int) -> Answer:
        """The shop itself sets no limit; its host does, in its own words."""
        return self.refusal(
            status, "internal_server_error", "There has been a critical error on this website."
        )

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON."""
        return self.refusal(400, "rest_invalid_json", "Invalid JSON body passed.")

    def credentials(self) -> dict[str, Any]:
        """Key and secret, and where the shop is."""
        return {
            "consumer_key": self.consumer_key, "consumer_secret": self.consumer_secret,
            "store": urlsplit(self.url).netloc,
        }  # fmt: skip

    def revoke_tokens(self) -> int:
        """The key is removed."""
        self.withdrawn = True
        return 1

    # a customer ----------------------------------------------------------------------------------------------

    def form(self, soul: Soul, draw: int) -> dict[str, Any]:
        """As somebody registers in the shop."""
        phone = soul.phone and (national(soul.phone) if draw % 3 else f"+{soul.phone}")
        return {
            "email": soul.email or "", "first_name": soul.first, "last_name": soul.last,
            "billing": {"first_name": soul.first, "last_name": soul.last, "phone": phone or "", "country": "GB"},
        }  # fmt: skip

    def identify(self, kind: str, seq: int, chance: random.Random) -> str:
        """Numbers."""
        return str(seq + {"customers": 20, "orders": 5000}[kind])

    def whole(self, kind: str, identifier: str, fields: dict[str, Any], created: int) -> dict[str, Any]:
        """A customer with every member."""
        body: dict[str, Any] = {
            "id": int(identifier), "date_created": gmt(created), "date_created_gmt": gmt(created), "email": "",
            "first_name": "", "last_name": "", "role": "customer", "username": "",
            "billing": {**dict.fromkeys(PLACE, ""), "email": "", "phone": ""},
            "shipping": {**dict.fromkeys(PLACE, ""), "phone": ""}, "is_paying_customer": False,
            "avatar_url": "https://secure.gravatar.com/avatar/?s=96", "meta_data": [],
        }  # fmt: skip
        found = self.merged(kind, body, fields)
        found["username"] = found["username"] or f"{found['email'].partition('@')[0]}{identifier}"
        return found

    def merged(self, kind: str, body: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
        """Meta data go by their key, or by their id where one is given."""
        found = laid_over(body, {name: value for name, value in part.items() if name != "meta_data"})
        kept = [dict(entry) for entry in body.get("meta_data", ())]
        for entry in part.get("meta_data", ()):
            same = next(
                (one for one in kept if one["id"] == entry.get("id") or one["key"] == entry.get("key")), None
            )
            if same is not None:
                same["value"] = entry.get("value")
            elif entry.get("value") is not None:
                self.meta += 1
                kept.append({"id": self.meta, "key": entry["key"], "value": entry["value"]})
        found["meta_data"] = [entry for entry in kept if entry["value"] is not None]
        return found

    def stamped(self, kind: str, body: dict[str, Any], updated: int) -> None:
        """Whole seconds."""
        body["date_modified"] = body["date_modified_gmt"] = gmt(updated)

    def person(self, body: dict[str, Any]) -> View:
        """For the truth."""
        return viewed(body["first_name"], body["last_name"], body["email"], body["billing"]["phone"])

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Two members."""
        return {"first_name": first, "last_name": last}

    def view(self, kind: str, row: Row) -> dict[str, Any]:
        """With links, as WordPress adds them."""
        base = f"{self.url}{BASE}/{kind}"
        return {
            **row.body, "_links": {"self": [{"href": f"{base}/{row.id}"}], "collection": [{"href": base}]}
        }  # fmt: skip

    def one(self, row: Row, status: int = 200, kind: str = "") -> Answer:
        """One record."""
        return reply(
            self.view(kind or ("orders" if "line_items" in row.body else "customers"), row), status, 1
        )

    def single(self, call: Call, kind: str) -> Answer:
        """The record of a path."""
        return self.one(self.found(call, kind), kind=kind)

    def found(self, call: Call, kind: str) -> Row:
        """The record of a path; else 404."""
        return self.known(kind, call.params["id"])

    def known(self, kind: str, identifier: str) -> Row:
        """A record by its id; else 404."""
        row = self.kind(kind).live(identifier)
        if row is None:
            code = f"woocommerce_rest_{'' if kind == 'customers' else 'shop_order_'}invalid_id"
            raise Refused(self.refusal(404, code, "Invalid ID."))
        return row

    def page_mark(self, call: Call) -> str | None:
        """Lists are paged by number."""
        lists = (f"{BASE}/customers", f"{BASE}/orders")
        return (
            call.arg("page", "1").replace("1", "", 1) if call.method == "GET" and call.path in lists else None
        )

    def disturb(self, call: Call) -> None:
        """The first customer goes to the end, so that everybody behind moves up."""
        self.kind("customers").move_oldest_to_end()

    def listed(self, call: Call, kind: str) -> Answer:
        """A page, with the numbers of records and pages in the headers."""
        size, page = call.number("per_page", USUAL, 1), call.number("page", 1, 1)
        if size > MOST_ON_A_PAGE:
            raise self.invalid("per_page", "per_page must be between 1 (inclusive) and 100 (inclusive)")
        conditions = Conditions("state = 0")
        if call.arg("email"):
            conditions.add("email = ?", normal_email(call.arg("email")))
        if call.arg("search"):
            conditions.add("body LIKE ?", f"%{call.arg('search')}%")
        if call.arg("include"):
            conditions.one_of("id", [part.strip() for part in call.arg("include").split(",")])
        if call.arg("exclude"):
            conditions.one_of("id", [part.strip() for part in call.arg("exclude").split(",")], negated=True)
        if call.arg("customer"):
            conditions.add("ref = ?", call.arg("customer"))
        if kind == "orders" and call.arg("status", "any") != "any":
            conditions.one_of("json_extract(body, '$.status')", call.arg("status").split(","))
        if kind == "customers" and call.arg("role", "customer") != "all":
            conditions.add("json_extract(body, '$.role') = ?", call.arg("role", "customer"))
        if kind == "orders":
            self.when(call, conditions)
        sort = SORTS.get(call.arg("orderby", "date" if kind == "orders" else "name"))
        if sort is None:
            raise self.invalid("orderby", f"orderby is not one of {', '.join(SORTS)}.")
        order = ordered(sort, call.arg("order", "desc" if kind == "orders" else "asc") == "desc")
        count = self.kind(kind).count(conditions.where, conditions.values)
        rows = self.kind(kind).rows(
            conditions.where, (*conditions.values, size, call.number("offset", (page - 1) * size)),
            f"{order} LIMIT ? OFFSET ?",
        )  # fmt: skip
        answer = reply([self.view(kind, row) for row in rows], records=len(rows))
        answer.headers |= {"X-WP-Total": str(count), "X-WP-TotalPages": str(-(-count // size))}
        if page * size < count:
            answer.headers["Link"] = f'<{self.url}{call.path}?page={page + 1}&per_page={size}>; rel="next"'
        return answer

    def when(self, call: Call, conditions: Conditions) -> None:
        """Orders by the times they were made or changed at; the bounds themselves are left out."""
        bounds = {"after": "created > ?", "before": "created < ?", "modified_after": "updated > ?",
                  "modified_before": "updated < ?"}  # fmt: skip
        for name, condition in bounds.items():
            if call.arg(name):
                at = parse_ms(call.arg(name))
                if at is None:
                    raise self.invalid(name, "Invalid date.")
                # Times are kept in whole seconds, so all of the bound's own second is left out.
                conditions.add(condition, at + 999 if name.endswith("after") else at)

    def checked(self, given: dict[str, Any]) -> dict[str, Any]:
        """What may be written; raises the refusal of the first that may not."""
        fields = {name: value for name, value in given.items() if name not in UNWRITABLE}
        email = fields.get("email")
        if email is not None and (not isinstance(email, str) or not EMAIL.fullmatch(email.strip())):
            raise self.invalid("email", "Invalid email address.")
        if email and self.refuses(email):
            message = "Please provide a valid email address."
            raise Refused(self.refusal(400, "registration-error-invalid-email", message))
        for name in ("first_name", "last_name", "username"):
            if name in fields and not isinstance(fields[name], str):
                raise self.invalid(name, f"{name} is not of type string.")
        for name in ("billing", "shipping"):
            for part, value in (fields.get(name) or {}).items():
                if not isinstance(value, str):
                    raise self.invalid(name, f"{name}[{part}] is not of type string.")
        billing = fields.get("billing") or {}
        if billing.get("email") and not EMAIL.fullmatch(billing["email"]):
            raise self.invalid("billing", "billing[email] is not a valid email address.")
        return fields

    def taken(self, email: str | None, row: Row | None) -> None:
        """400 where another customer has the address."""
        other = (
            self.kind("customers").first("state = 0 AND email = ?", normal_email(email)) if email else None
        )
        if other is not None and (row is None or other.id != row.id):
            if row is None:
                message = "An account is already registered with your email address. Please log in."
                raise Refused(self.refusal(400, "registration-error-email-exists", message))
            raise Refused(
                self.refusal(400, "woocommerce_rest_customer_invalid_email", "Email address is invalid.")
            )

    def added(self, given: dict[str, Any]) -> Row:
        """A new customer; the address is wanted and is nobody else's."""
        fields = self.checked(given)
        if not fields.get("email"):
            raise Refused(self.refusal(400, "rest_missing_callback_param", "Missing parameter(s): email",
                                       params=["email"]))  # fmt: skip
        self.taken(fields["email"], None)
        return self.make("customers", fields)

    def changed(self, row: Row, given: dict[str, Any]) -> Row:
        """A part of a customer."""
        fields = self.checked(given)
        self.taken(fields.get("email"), row)
        return self.write("customers", row, fields)

    def change(self, call: Call) -> Answer:
        """A part of one customer."""
        return self.one(self.changed(self.found(call, "customers"), call.json()))

    def drop(self, call: Call) -> Answer:
        """For good; there is no bin for customers."""
        row = self.found(call, "customers")
        if call.arg("force").lower() not in ("true", "1"):
            message = "Customers do not support trashing."
            raise Refused(self.refusal(501, "woocommerce_rest_trash_not_supported", message))
        answer = self.one(row)
        self.remove("customers", row)
        return answer

    def batch(self, call: Call) -> Answer:
        """Create, change and delete in one call; each says for itself what became of it."""
        given = call.json()
        if sum(len(given.get(part) or ()) for part in ("create", "update", "delete")) > MOST_AT_ONCE:
            message = "Unable to accept more than 100 items for this request."
            raise Refused(self.refusal(413, "woocommerce_rest_request_entity_too_large", message))
        said: dict[str, list[Any]] = {}
        for part in ("create", "update", "delete"):
            for item in given.get(part) or ():
                identifier = item if part == "delete" else item.get("id", 0)
                try:
                    if part == "create":
                        row = self.added(item)
                    else:
                        row = self.known("customers", str(identifier))
                        if part == "update":
                            row = self.changed(row, item)
                        else:
                            self.remove("customers", row)
                    said.setdefault(part, []).append(self.view("customers", row))
                except Refused as refused:
                    error = refused.answer.json()
                    said.setdefault(part, []).append({"id": int(identifier), "error": error})
        return reply(said, records=sum(map(len, said.values())))

    def status(self, call: Call) -> Answer:
        """What the shop runs on."""
        whole: dict[str, Any] = {
            "environment": {
                "home_url": self.url, "site_url": self.url, "version": "10.3.4", "wp_version": "6.8.3",
                "wp_multisite": False, "language": "en_GB",
            },
            "settings": {
                "api_enabled": False, "force_ssl": False, "currency": business.CURRENCY, "currency_symbol": "£",
                "thousand_separator": ",", "decimal_separator": ".", "number_of_decimals": 2,
            },
        }  # fmt: skip
        wanted = call.arg("_fields").split(",") if call.arg("_fields") else list(whole)
        return reply({name: whole[name] for name in wanted if name in whole})

    # orders --------------------------------------------------------------------------------------------------

    def sell(self, basket: Basket, seq: int, chance: random.Random) -> tuple[str, list[str]]:
        """An order: line totals without tax, and the tax beside them."""
        identifier = self.identify("orders", seq, chance)
        lines = []
        for place, item in enumerate(basket.items):
            net, before = round(item.total / 1.2), round((item.total + item.discount) / 1.2)
            lines.append({
                "id": seq * 10 + place, "name": item.name, "product_id": 40 + len(item.name), "variation_id": 0,
                "quantity": item.count, "tax_class": "", "subtotal": money(before),
                "subtotal_tax": money(item.total + item.discount - before), "total": money(net),
                "total_tax": money(item.total - net), "taxes": [], "meta_data": [], "sku": "",
                "price": round(net / item.count / 100, 4),
            })  # fmt: skip
        refunds = [
            {"id": 9_000_000 + seq * 10 + number, "reason": "", "total": money(-amount)}
            for number, (_, amount) in enumerate(basket.refunds)
        ]
        back = sum(amount for _, amount in basket.refunds)
        status = "completed" if basket.done else ("pending", "cancelled")[seq % 2]
        last = max((at for at, _ in basket.refunds), default=basket.placed)
        soul = basket.person
        body = {
            "id": int(identifier), "parent_id": 0, "number": identifier, "order_key": f"wc_order_{seq:013x}",
            "created_via": "checkout", "version": "10.3.4", "currency": business.CURRENCY, "prices_include_tax": True,
            "status": "refunded" if back == basket.total and basket.done else status,
            "date_created": gmt(basket.placed), "date_created_gmt": gmt(basket.placed),
            "date_paid": gmt(basket.placed) if basket.done else None,
            "date_paid_gmt": gmt(basket.placed) if basket.done else None,
            "date_completed_gmt": gmt(basket.placed) if basket.done else None,
            "discount_total": money(round(sum(item.discount for item in basket.items) / 1.2)), "discount_tax": "0.00",
            "shipping_total": "0.00", "shipping_tax": "0.00", "cart_tax": money(basket.tax),
            "total": money(basket.total), "total_tax": money(basket.tax),
            "customer_id": int(basket.customer or 0), "customer_note": "", "payment_method": "card",
            "billing": {
                **dict.fromkeys(PLACE, ""), "first_name": soul.first if soul else "Guest",
                "email": (soul and soul.email) or "", "phone": "",
            },
            "shipping": dict.fromkeys(PLACE, ""), "meta_data": [], "line_items": lines, "tax_lines": [],
            "shipping_lines": [], "fee_lines": [], "coupon_lines": [], "refunds": refunds,
        }  # fmt: skip
        self.stamped("orders", body, last)
        self.sold += 1
        row = Row(None, identifier, None, None, basket.customer, basket.placed, last, LIVE, body)
        self.kind("orders").load([packed(row, self.sold)])
        return identifier, [str(refund["id"]) for refund in refunds]

    def refunds(self, call: Call) -> Answer:
        """What was given back of an order."""
        row = self.found(call, "orders")
        return reply([
            {"id": entry["id"], "date_created": row.body["date_modified"],
             "date_created_gmt": row.body["date_modified_gmt"], "amount": entry["total"].removeprefix("-"),
             "reason": entry["reason"], "refunded_by": 1, "refunded_payment": True, "meta_data": [], "line_items": []}
            for entry in row.body["refunds"]
        ])  # fmt: skip

    # webhooks ------------------------------------------------------------------------------------------------

    def hook(self, call: Call) -> dict[str, Any]:
        """The webhook of a path; else 404."""
        found = self.hooks.get(int(call.params["id"])) if call.params["id"].isdigit() else None
        if found is None:
            raise Refused(self.refusal(404, "woocommerce_rest_shop_webhook_invalid_id", "Invalid ID."))
        return found

    def shown(self, hook: dict[str, Any]) -> dict[str, Any]:
        """A webhook without its secret."""
        return {name: value for name, value in hook.items() if name != "secret"}

    def listen(self, call: Call) -> Answer:
        """Register an address for a topic; it is greeted at once."""
        given = call.json()
        topic, url = str(given.get("topic") or ""), str(given.get("delivery_url") or "")
        if topic not in TOPICS:
            message = "Webhook topic is required and must be valid."
            raise Refused(self.refusal(400, "woocommerce_rest_webhook_invalid_topic", message))
        if urlsplit(url).scheme not in ("http", "https"):
            message = "Webhook delivery URL must be a valid URL starting with http:// or https://."
            raise Refused(self.refusal(400, "woocommerce_rest_webhook_invalid_delivery_url", message))
        resource, event = topic.split(".")
        identifier = len(self.hooks) + 1 + (max(self.hooks) if self.hooks else 0)
        now = gmt(self.clock.ms())
        self.hooks[identifier] = {
            "id": identifier, "name": given.get("name") or f"Webhook created on {now}",
            "status": given.get("status", "active"), "topic": topic, "resource": resource, "event": event,
            "hooks": [f"woocommerce_{event}_{resource}"], "delivery_url": url, "secret": str(given.get("secret") or ""),
            "date_created": now, "date_created_gmt": now, "date_modified": now, "date_modified_gmt": now,
        }  # fmt: skip
        self.store.writes += 1
        ping = f"webhook_id={identifier}".encode()
        kind = "application/x-www-form-urlencoded"
        self.courier.send(Delivery(url, ping, kind, lambda body, attempt, wrong: {}))
        return reply(self.shown(self.hooks[identifier]), 201)

    def adjust(self, call: Call) -> Answer:
        """Another address, secret or state."""
        hook = self.hook(call)
        given = call.json()
        hook.update({n: given[n] for n in ("name", "status", "delivery_url", "secret") if n in given})
        self.store.writes += 1
        return reply(self.shown(hook))

    def stop_listening(self, call: Call) -> Answer:
        """Forget an address."""
        hook = self.hook(call)
        del self.hooks[hook["id"]]
        self.store.writes += 1
        return reply(self.shown(hook))

    def happened(self, kind: str, row: Row, what: str) -> None:
        """The record as it is now; of a deleted one only the id."""
        topic = f"{kind.removesuffix('s')}.{what}"
        body = orjson.dumps({"id": int(row.id)} if what == "deleted" else self.view(kind, row))
        for hook in self.hooks.values():
            if hook["topic"] == topic and hook["status"] == "active":
                self.courier.send(Delivery(hook["delivery_url"], body, "application/json", self.signer(hook)))

    def signer(self, hook: dict[str, Any]) -> Signer:
        """HMAC in Base64 with the webhook's own secret; the same delivery keeps its id."""
        delivery = f"{self.chance.getrandbits(128):032x}"

        def sign(body: bytes, attempt: int, wrong: bool) -> dict[str, str]:
            return {
                "X-WC-Webhook-Source": f"{self.url}/", "X-WC-Webhook-Topic": hook["topic"],
                "X-WC-Webhook-Resource": hook["resource"], "X-WC-Webhook-Event": hook["event"],
                "X-WC-Webhook-Signature": hmac_base64(or_wrong(hook["secret"], wrong), body),
                "X-WC-Webhook-ID": str(hook["id"]), "X-WC-Webhook-Delivery-ID": delivery,
            }  # fmt: skip

        return sign

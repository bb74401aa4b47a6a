"""Square: customers with custom attributes and groups, orders, payments, refunds, OAuth and signed webhooks."""

import base64
import hashlib
import hmac
import random
import re
from collections.abc import Callable
from typing import Any

import orjson

from .clock import iso_ms, parse_ms
from .limits import Windows
from .names import EMAIL, invent
from .oauth import Code, Grants, Refresh, Token
from .state import LIVE, MERGED, Cell, Row, normal_email, normal_phone
from .till import (
    amounts,
    long_id,
    menu_line,
    money,
    order_cell,
    order_refund,
    payment_body,
    payment_cell,
    refund_body,
    refund_cell,
    refunded,
    tender_body,
    totalled,
)
from .vendor import Vendor
from .webhooks import Delivery
from .wire import Answer, Call, Refused, reply

MERCHANT = "MLQ8TQ4XK0R7N"
VERSION = "2026-05-20"
LOCATIONS = ("L7HXK3VQ9D2MA", "LB4N8RZ1T6WYE", "LQ2C5J9P0G8SF")
SCOPES = [
    "CUSTOMERS_READ",
    "CUSTOMERS_WRITE",
    "ORDERS_READ",
    "ORDERS_WRITE",
    "PAYMENTS_READ",
    "MERCHANT_PROFILE_READ",
]
CURSOR_LIFE = 300.0
BULK = 100
TEXTS = {"given_name": 300, "family_name": 300, "nickname": 100, "company_name": 500, "reference_id": 100,
         "note": 500}  # fmt: skip
EVENT_TYPES = frozenset(
    (
        "customer.created", "customer.updated", "customer.deleted", "order.created", "order.updated",
        "payment.created", "payment.updated", "refund.created", "refund.updated", "loyalty.account.created",
        "loyalty.account.updated", "loyalty.event.created", "gift_card.created", "gift_card.updated",
        "oauth.authorization.revoked",
    )
)  # fmt: skip


def square_id(chance: random.Random) -> str:
    """An id as Square's customers have it: 26 capitals and digits."""
    return f"{chance.getrandbits(104):026X}"


def customer_cell(
    seq: int | None, identifier: str, created: int, updated: int, fields: dict[str, Any]
) -> Cell:
    """A customer as it is kept; `fields` are in Square's form."""
    body: dict[str, Any] = {"id": identifier, "created_at": iso_ms(created), "updated_at": iso_ms(updated)}
    body |= {name: value for name, value in fields.items() if value not in (None, "")}
    body.setdefault("preferences", {"email_unsubscribed": False})
    body.setdefault("creation_source", "THIRD_PARTY")
    body.setdefault("version", 0)
    return (
        seq, identifier, normal_email(body.get("email_address")), normal_phone(body.get("phone_number")),
        body.get("reference_id"), created, updated, LIVE, orjson.dumps(body).decode(),
    )  # fmt: skip


class Square(Vendor):
    """Square on one port."""

    name = "square"
    kinds = ("customers", "orders", "payments", "refunds")
    hidden_kinds = ("attributes",)
    people_kind = "customers"

    def begin(self) -> None:
        """An app with a first grant, a personal token, three shops."""
        self.grants = Grants(
            self.clock, self.chance, "EAAA", "EQAA", 30 * 86_400.0, client_id="sq0idp-PqKb3v0yLr8s2T1mXw5a9Q",
        )  # fmt: skip
        self.grants.client_secret = "sq0csp-" + self.grants.secret(43)
        self.renew()
        self.windows = Windows(self.clock, 50, 1.0)
        self.subscriptions: dict[str, dict[str, Any]] = {}
        self.definitions: dict[str, dict[str, Any]] = {}
        self.groups: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, tuple[str, Answer]] = {}
        self.started = self.clock.ms()
        made = iso_ms(self.started - 900 * 86_400_000)[:19] + "Z"
        self.locations = [
            {"id": identifier, "name": name, "timezone": "Europe/London", "status": "ACTIVE", "created_at": made,
             "address": {"address_line_1": line, "locality": town, "postal_code": code, "country": "GB"},
             "capabilities": ["CREDIT_CARD_PROCESSING"], "merchant_id": MERCHANT, "country": "GB",
             "language_code": "en-GB", "currency": "GBP", "business_name": "Kestrel & Rye", "type": "PHYSICAL"}
            for identifier, name, line, town, code in zip(
                LOCATIONS, ("Harbourside", "Old Market", "Station kiosk"),
                ("12 Mill Lane", "3 Old Market Street", "Temple Meads"), ("Bristol",) * 3,
                ("BS1 5TR", "BS2 0EJ", "BS1 6QF"), strict=True)
        ]  # fmt: skip
        self.merchant = {"id": MERCHANT, "business_name": "Kestrel & Rye", "country": "GB", "language_code": "en-GB",
                         "currency": "GBP", "status": "ACTIVE",
                         "main_location_id": LOCATIONS[0], "created_at": made}  # fmt: skip

    def route(self) -> None:
        """The paths of `/v2` and `/oauth2`."""
        add = self.routes.add
        people = "/v2/customers"
        add("GET", people, self.list_customers)
        add("POST", people, self.create_customer)
        add("POST", f"{people}/search", self.search_customers)
        for word, handler in (("create", self.bulk_create), ("retrieve", self.bulk_retrieve),
                              ("update", self.bulk_update), ("delete", self.bulk_delete)):  # fmt: skip
            add("POST", f"{people}/bulk-{word}", handler)
        kinds = f"{people}/custom-attribute-definitions"
        add("GET", kinds, self.list_definitions)
        add("POST", kinds, self.create_definition)
        add(
            "GET",
            f"{kinds}/{{key}}",
            lambda call: reply({"custom_attribute_definition": self.definition(call.params["key"])}),
        )
        add("PUT", f"{kinds}/{{key}}", self.update_definition)
        add("DELETE", f"{kinds}/{{key}}", self.delete_definition)
        add("POST", f"{people}/custom-attributes/bulk-upsert", self.bulk_upsert_attributes)
        add("GET", f"{people}/groups", lambda call: reply({"groups": list(self.groups.values())}))
        add("POST", f"{people}/groups", self.create_group)
        add("GET", f"{people}/groups/{{id}}", lambda call: reply({"group": self.group(call.params["id"])}))
        add("PUT", f"{people}/groups/{{id}}", self.update_group)
        add("DELETE", f"{people}/groups/{{id}}", self.delete_group)
        add(
            "GET",
            f"{people}/{{id}}",
            lambda call: reply({"customer": self.customer(call.params["id"]).body}, records=1),
        )
        add("PUT", f"{people}/{{id}}", self.update_customer)
        add("DELETE", f"{people}/{{id}}", self.delete_customer)
        add("GET", f"{people}/{{id}}/custom-attributes", self.list_attributes)
        add("GET", f"{people}/{{id}}/custom-attributes/{{key}}", self.get_attribute)
        add("POST", f"{people}/{{id}}/custom-attributes/{{key}}", self.upsert_attribute)
        add("DELETE", f"{people}/{{id}}/custom-attributes/{{key}}", self.delete_attribute)
        add("PUT", f"{people}/{{id}}/groups/{{group}}", self.join_group)
        add("DELETE", f"{people}/{{id}}/groups/{{group}}", self.leave_group)
        add("POST", "/v2/orders", self.create_order)
        add("POST", "/v2/orders/search", self.search_orders)
        add("POST", "/v2/orders/batch-retrieve", self.batch_orders)
        add(
            "GET",
            "/v2/orders/{id}",
            lambda call: reply({"order": self.found("orders", call.params["id"]).body}, records=1),
        )
        add("PUT", "/v2/orders/{id}", self.update_order)
        add("GET", "/v2/payments", self.list_payments)
        add("POST", "/v2/payments", self.create_payment)
        add(
            "GET",
            "/v2/payments/{id}",
            lambda call: reply({"payment": self.found("payments", call.params["id"]).body}, records=1),
        )
        add("GET", "/v2/refunds", self.list_refunds)
        add("POST", "/v2/refunds", self.create_refund)
        add(
            "GET",
            "/v2/refunds/{id}",
            lambda call: reply({"refund": self.found("refunds", call.params["id"]).body}, records=1),
        )
        add("GET", "/v2/locations", lambda call: reply({"locations": self.locations}))
        add("GET", "/v2/locations/{id}", self.get_location)
        add("GET", "/v2/merchants", lambda call: reply({"merchant": [self.merchant]}))
        add("GET", "/v2/merchants/{id}", self.get_merchant)
        add("GET", "/oauth2/authorize", lambda call: self.grants.authorise(call, 300.0))
        add("POST", "/oauth2/token", self.token)
        add("POST", "/oauth2/revoke", self.revoke)
        add("POST", "/oauth2/token/status", self.token_status)
        hooks = "/v2/webhooks/subscriptions"
        add("GET", "/v2/webhooks/event-types", lambda call: reply({"event_types": sorted(EVENT_TYPES)}))
        add("GET", hooks, self.list_subscriptions)
        add("POST", hooks, self.subscribe)
        add(
            "GET",
            f"{hooks}/{{id}}",
            lambda call: reply({"subscription": self.subscription(call.params["id"])}),
        )
        add("PUT", f"{hooks}/{{id}}", self.update_subscription)
        add("DELETE", f"{hooks}/{{id}}", self.unsubscribe)
        add("POST", f"{hooks}/{{id}}/signature-key", self.rotate_key)
        add("POST", f"{hooks}/{{id}}/test", self.test_subscription)

    # what the vendor says ------------------------------------------------------------------------------

    def error(self, status: int, category: str, code: str, detail: str, field: str = "") -> Answer:
        """An error in Square's form."""
        entry = {"category": category, "code": code, "detail": detail} | ({"field": field} if field else {})
        return reply({"errors": [entry]}, status)

    def invalid(self, code: str, detail: str, field: str = "", status: int = 400) -> Refused:
        """A wrong request."""
        return Refused(self.error(status, "INVALID_REQUEST_ERROR", code, detail, field))

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
            raise Refused(self.error(401, "AUTHENTICATION_ERROR", code, words))
        if call.path.startswith("/v2/webhooks/") and token not in self.grants.permanent:
            words = "Webhook subscriptions need the application's personal access token."
            raise Refused(self.error(403, "AUTHENTICATION_ERROR", "FORBIDDEN", words))
        self.count(self.windows.of(token or ""))
        return echo

    def missing(self, known: bool) -> Answer:
        """404, or 405 for a path that other methods know."""
        if known:
            return self.error(405, "INVALID_REQUEST_ERROR", "METHOD_NOT_ALLOWED", "Method not allowed.")
        return self.error(404, "INVALID_REQUEST_ERROR", "NOT_FOUND", "Resource not found.")

    def failure(self, status: int) -> Answer:
        """429 and the errors of a server."""
        if status == 429:
            words = "Your application is sending too many requests."
            return self.error(429, "RATE_LIMIT_ERROR", "RATE_LIMITED", words)
        code = {503: "SERVICE_UNAVAILABLE", 502: "BAD_GATEWAY", 504: "GATEWAY_TIMEOUT"}.get(
            status, "INTERNAL_SERVER_ERROR"
        )
        return self.error(status, "API_ERROR", code, "An internal error has occurred.")

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON or of another shape."""
        return self.error(400, "INVALID_REQUEST_ERROR", "EXPECTED_JSON_BODY", "Invalid JSON body.")

    def credentials(self) -> dict[str, Any]:
        """The first grant of the app, and a personal token beside it."""
        return {
            "access_token": self.first.value,
            "refresh_token": self.first.refresh,
            "expires_in": 30 * 86_400,
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
        self.announce(
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

    # OAuth -------------------------------------------------------------------------------------------------

    def token(self, call: Call) -> Answer:
        """Exchange a code, with a secret or with PKCE, or a refresh token."""
        form = call.form()
        if form.get("client_id") != self.grants.client_id:
            return self.oauth_refusal("invalid_client", "client_id is not known")
        kind = form.get("grant_type")
        secret = form.get("client_secret")
        if secret and not self.grants.knows_client(form.get("client_id"), secret):
            return self.oauth_refusal("invalid_client", "client_secret is wrong")
        if kind == "authorization_code":
            pending: Code | None = self.grants.codes.get(form.get("code", ""))
            if not secret and (pending is None or pending.challenge is None):
                return self.oauth_refusal("invalid_client", "client_secret or code_verifier is missing")
            code = self.grants.redeem(form)
            if code is None:
                return self.oauth_refusal(
                    "invalid_grant", "the authorization code is invalid, expired or used"
                )
            pkce = code.challenge is not None and not secret
            return self.granted(self.grants.issue(code.scopes or SCOPES, rotates=pkce), form)
        if kind == "refresh_token":
            old = self.grants.renewable(form.get("refresh_token", ""))
            if old is None:
                return self.oauth_refusal("invalid_grant", "the refresh token is invalid, revoked or used")
            if not old.rotates and not secret:
                return self.oauth_refusal("invalid_client", "client_secret is missing")
            if old.rotates:
                old.spent = True
                return self.granted(self.grants.issue(old.scopes, rotates=True), form)
            return self.granted(self.grants.issue(old.scopes, refresh=old), form)
        return self.oauth_refusal("unsupported_grant_type", "grant_type is not known")

    def oauth_refusal(self, error: str, words: str) -> Answer:
        """A refusal in Square's words and in those of RFC 6749."""
        status = 401 if error == "invalid_client" else 400
        category = "AUTHENTICATION_ERROR" if status == 401 else "INVALID_REQUEST_ERROR"
        code = "UNAUTHORIZED" if status == 401 else "BAD_REQUEST"
        body = {"errors": [{"category": category, "code": code, "detail": words}], "error": error,
                "error_description": words, "message": words, "type": "service.not_authorized"}  # fmt: skip
        return reply(body, status)

    def granted(self, token: Token, form: dict[str, str]) -> Answer:
        short = form.get("short_lived", "").lower() == "true"
        if short:
            token.expires = self.clock.now() + 86_400
        refresh: Refresh | None = self.grants.refreshes.get(token.refresh or "")
        body: dict[str, Any] = {
            "access_token": token.value, "token_type": "bearer",
            "expires_at": iso_ms(int((token.expires or 0) * 1000))[:19] + "Z",
            "merchant_id": MERCHANT, "refresh_token": token.refresh, "short_lived": short,
        }  # fmt: skip
        if refresh is not None and refresh.rotates:
            refresh.expires = self.clock.now() + 90 * 86_400
            body["refresh_token_expires_at"] = iso_ms(int(refresh.expires * 1000))[:19] + "Z"
        return reply(body)

    def revoke(self, call: Call) -> Answer:
        """Withdraw a token, or all that the merchant gave; the app's secret is asked for."""
        scheme, _, secret = call.headers.get("authorization", "").partition(" ")
        if scheme != "Client" or not hmac.compare_digest(secret.strip(), self.grants.client_secret):
            return self.error(401, "AUTHENTICATION_ERROR", "UNAUTHORIZED", "Not authorized")
        form = call.form()
        if form.get("revoke_only_access_token", "").lower() == "true":
            token = self.grants.tokens.get(form.get("access_token", ""))
            if token is None:
                return self.error(404, "INVALID_REQUEST_ERROR", "NOT_FOUND", "access token not found")
            token.revoked = True
        else:
            personal = set(self.grants.permanent)
            self.grants.permanent.clear()
            self.revoke_tokens()
            self.grants.permanent = personal
        return reply({"success": True})

    def token_status(self, call: Call) -> Answer:
        """What a token is worth."""
        value = call.bearer() or ""
        if self.grants.check(value) != "ok":
            return self.error(
                401, "AUTHENTICATION_ERROR", "UNAUTHORIZED", "The access token is invalid or expired."
            )
        token = self.grants.tokens.get(value)
        body: dict[str, Any] = {"scopes": token.scopes if token else SCOPES, "client_id": self.grants.client_id,
                                "merchant_id": MERCHANT}  # fmt: skip
        if token and token.expires:
            body["expires_at"] = iso_ms(int(token.expires * 1000))[:19] + "Z"
        return reply(body)

    # idempotency and cursors -----------------------------------------------------------------------------------

    def once(self, key: object, call: Call, act: Callable[[], Answer]) -> Answer:
        """The same key with the same body gets the same answer; with another body it is refused."""
        if not key:
            return act()
        if not isinstance(key, str) or len(key) > 192:
            raise self.invalid("VALUE_TOO_LONG", "idempotency_key is too long.", "idempotency_key")
        digest = hashlib.sha256(call.method.encode() + call.path.encode() + call.body).hexdigest()
        kept = self.keys.get(key)
        if kept is not None:
            if kept[0] != digest:
                words = "The idempotency key can only be retried with the same request data."
                raise self.invalid("IDEMPOTENCY_KEY_REUSED", words, "idempotency_key")
            return kept[1]
        answer = act()
        self.keys[key] = (digest, answer)
        return answer

    def cursor(self, *marks: object) -> str:
        """An opaque mark of where a list goes on, good for five minutes."""
        return base64.urlsafe_b64encode(orjson.dumps([self.clock.now() + CURSOR_LIFE, *marks])).decode()

    def after(self, text: object, length: int) -> list[Any] | None:
        """What a cursor says; 400 where it is none or too old."""
        if not text:
            return None
        try:
            marks = orjson.loads(base64.urlsafe_b64decode(str(text)))
            if len(marks) != length + 1 or marks[0] < self.clock.now():
                raise ValueError
        except (ValueError, TypeError):
            raise self.invalid("INVALID_CURSOR", "Invalid or expired pagination cursor.", "cursor") from None
        return list(marks[1:])

    # customers: reading ------------------------------------------------------------------------------------------

    def found(self, kind: str, identifier: str) -> Row:
        """A record, else 404."""
        row = self.kind(kind).get(identifier)
        if row is None or row.state != LIVE:
            words = f"{kind[:-1].capitalize()} with ID `{identifier}` not found."
            raise self.invalid("NOT_FOUND", words, status=404)
        return row

    def customer(self, identifier: str) -> Row:
        """A customer, else 404."""
        return self.found("customers", identifier)

    def page_of(
        self, kind: str, member: str, where: str, values: list[object], limit: int, cursor: object,
        column: str = "seq", down: bool = False, more: dict[str, Any] | None = None, query: object = None,
    ) -> Answer:  # fmt: skip
        """A page after a cursor, in the order of a column; a cursor belongs to one query."""
        fingerprint = hashlib.sha256(repr((query, column, down)).encode()).hexdigest()[:8]
        marks = self.after(cursor, 3)
        condition, bound = where, list(values)
        sign, word = ("<", "DESC") if down else (">", "ASC")
        if marks is not None:
            if marks[2] != fingerprint:
                raise self.invalid("INVALID_CURSOR", "The cursor belongs to another query.", "cursor")
            condition += f" AND ({column}, seq) {sign} (?, ?)"
            bound += marks[:2]
        rows = self.kind(kind).raw(
            condition, (*bound, limit + 1), f"ORDER BY {column} {word}, seq {word} LIMIT ?"
        )
        body: dict[str, Any] = {}
        if rows:
            body[member] = [orjson.Fragment(row[3]) for row in rows[:limit]]
        if len(rows) > limit:
            last = rows[limit - 1]
            value = {"seq": last[0], "created": last[1], "updated": last[2]}.get(column, last[0])
            body["cursor"] = self.cursor(value, last[0], fingerprint)
        return reply(body | (more or {}), records=min(limit, len(rows)))

    def limit(self, given: object, most: int = BULK, default: int = BULK) -> int:
        """How many records a page holds."""
        if given in (None, ""):
            return default
        number = int(str(given))
        if not 1 <= number <= most:
            raise self.invalid("INVALID_VALUE", f"limit must be from 1 to {most}.", "limit")
        return number

    def list_customers(self, call: Call) -> Answer:
        """A page of customers."""
        column = "created" if call.arg("sort_field") == "CREATED_AT" else "seq"
        more = {"count": self.kind("customers").count()} if call.arg("count") == "true" else {}
        return self.page_of("customers", "customers", "state = 0", [], self.limit(call.arg("limit")),
                            call.arg("cursor"), column, call.arg("sort_order") == "DESC", more)  # fmt: skip

    def search_customers(self, call: Call) -> Answer:
        """Filters of all kinds; a profile written a moment ago isn't found yet."""
        given = call.json()
        query = given.get("query") or {}
        # What asks for changes sees none of the last moment; who is looked up by something else was there before.
        lagging = "updated" if "updated_at" in (query.get("filter") or {}) else "created"
        where = ["state = 0", f"{lagging} <= ?"]
        bound: list[object] = [self.clock.ms() - int(self.setting.search_lag * 1000)]
        self.filtered(query.get("filter") or {}, where, bound)
        sort = query.get("sort") or {}
        column = "created" if sort.get("field") == "CREATED_AT" else "seq"
        condition = " AND ".join(where)
        more = {}
        if given.get("count"):
            more["count"] = self.kind("customers").count(condition, bound)
        return self.page_of("customers", "customers", condition, bound, self.limit(given.get("limit")),
                            given.get("cursor"), column, sort.get("order") == "DESC", more, query)  # fmt: skip

    def filtered(self, wanted: dict[str, Any], where: list[str], values: list[object]) -> None:
        """The parts of a customer filter as SQL."""
        for name, column in (("email_address", "email"), ("phone_number", "phone"), ("reference_id", "ref")):
            if name in wanted:
                self.text_filter(wanted[name], column, where, values)
        for name, column in (("created_at", "created"), ("updated_at", "updated")):
            if name in wanted:
                self.time_filter(wanted[name], column, where, values)
        source = wanted.get("creation_source")
        if source:
            marks = ",".join("?" * len(source["values"]))
            word = "NOT IN" if source.get("rule") == "EXCLUDE" else "IN"
            where.append(f"json_extract(body, '$.creation_source') {word} ({marks})")
            values += source["values"]
        groups = wanted.get("group_ids") or {}
        for word, joint in (("any", " OR "), ("all", " AND ")):
            if groups.get(word):
                part = "EXISTS (SELECT 1 FROM json_each(body, '$.group_ids') WHERE value = ?)"
                where.append("(" + joint.join([part] * len(groups[word])) + ")")
                values += groups[word]
        for item in (wanted.get("custom_attribute") or {}).get("filters") or []:
            self.attribute_filter(item, where, values)

    def text_filter(self, given: dict[str, Any], column: str, where: list[str], values: list[object]) -> None:
        if given.get("exact") is not None:
            where.append(f"{column} = ?")
            exact = str(given["exact"])
            read: dict[str, Callable[[object], str | None]] = {"email": normal_email, "phone": normal_phone}
            values.append(read.get(column, str)(exact))
        elif given.get("fuzzy") is not None:
            where.append(f"lower({column}) LIKE ?")
            text = str(given["fuzzy"]).lower()
            values.append(
                "%" + ("".join(c for c in text if c.isdigit()) if column == "phone" else text) + "%"
            )

    def time_filter(self, given: dict[str, Any], column: str, where: list[str], values: list[object]) -> None:
        for name, sign in (("start_at", ">="), ("end_at", "<=")):
            if given.get(name):
                moment = parse_ms(str(given[name]))
                if moment is None:
                    raise self.invalid("INVALID_TIME", f"{name} must be a time in RFC 3339.", name)
                where.append(f"{column} {sign} ?")
                values.append(moment)

    def attribute_filter(self, item: dict[str, Any], where: list[str], values: list[object]) -> None:
        part = "EXISTS (SELECT 1 FROM k_attributes a WHERE a.id = k_customers.id || '/' || ?"
        values.append(str(item["key"]))
        wanted = item.get("filter") or {}
        for name in ("text", "email", "phone"):
            exact = (wanted.get(name) or {}).get("exact")
            if exact is not None:
                part += " AND json_extract(a.body, '$.value') = ?"
                values.append(str(exact))
        where.append(part + ")")

    # customers: writing ------------------------------------------------------------------------------------------

    def checked(self, given: dict[str, Any]) -> dict[str, Any]:
        """The members that a body sets; null clears; 400 in Square's own codes for a wrong value."""
        made: dict[str, Any] = {}
        for name, most in TEXTS.items():
            if name in given:
                value = given[name]
                if value is not None and not isinstance(value, str):
                    raise self.invalid("EXPECTED_STRING", "Expected a string value.", name)
                if value and len(value) > most:
                    raise self.invalid(
                        "VALUE_TOO_LONG", f"Field must not be greater than {most} in length", name
                    )
                made[name] = value or None
        if "email_address" in given:
            email = (given["email_address"] or "").strip()
            if email and not EMAIL.fullmatch(email):
                raise self.invalid(
                    "INVALID_EMAIL_ADDRESS",
                    "Expected email_address to be a valid email address",
                    "email_address",
                )
            if self.refuses(email.lower()):
                raise self.invalid("INVALID_EMAIL_ADDRESS", "This record was refused", "email_address")
            made["email_address"] = email or None
        if "phone_number" in given:
            phone = (given["phone_number"] or "").strip()
            digits = "".join(c for c in phone if c.isdigit())
            if phone and (not 9 <= len(digits) <= 16 or re.search(r"[^\d+()\-\s.]", phone)):
                raise self.invalid(
                    "INVALID_PHONE_NUMBER", "Expected phone_number to be a valid phone number", "phone_number"
                )
            made["phone_number"] = phone or None
        if "birthday" in given:
            made["birthday"] = self.checked_birthday(given["birthday"])
        if "address" in given:
            if given["address"] is not None and not isinstance(given["address"], dict):
                raise self.invalid("EXPECTED_OBJECT", "Expected an object value.", "address")
            made["address"] = {k: v for k, v in (given["address"] or {}).items() if v} or None
        return made

    def checked_birthday(self, text: object) -> str | None:
        """`YYYY-MM-DD`; a day without a year gets the year 0000."""
        if not text:
            return None
        match = re.fullmatch(r"(?:(\d{4})-)?(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", str(text))
        if match is None:
            raise self.invalid("INVALID_DATE", "Expected birthday to be YYYY-MM-DD or MM-DD", "birthday")
        return f"{match[1] or '0000'}-{match[2]}-{match[3]}"

    def insert(self, given: dict[str, Any]) -> Row:
        """A new customer; one of five members must be there."""
        fields = self.checked(given)
        if not any(
            fields.get(n)
            for n in ("given_name", "family_name", "company_name", "email_address", "phone_number")
        ):
            words = (
                "At least one of `given_name`, `family_name`, `company_name`, `email_address`, or `phone_number` is "
                "required."
            )
            raise self.invalid("BAD_REQUEST", words)
        return self.put_new(fields)

    def put_new(self, fields: dict[str, Any], identifier: str = "") -> Row:
        now = self.clock.ms()
        cell = customer_cell(None, identifier or square_id(self.chance), now, now, fields)
        row = self.kind("customers").put(Row.of(cell))
        self.announce("customer.created", "customer", row.id, {"customer": row.body})
        return row

    def alter(self, row: Row, given: dict[str, Any]) -> Row:
        """Write what differs; 409 where the version is an old one."""
        version = given.get("version")
        if version is not None and version != row.body["version"]:
            words = f"Version mismatch: the customer is at version {row.body['version']}."
            raise Refused(self.error(409, "INVALID_REQUEST_ERROR", "CONFLICT", words, "version"))
        if self.refuses(row.email):
            raise self.invalid("INVALID_EMAIL_ADDRESS", "This record was refused", "email_address")
        return self.write(row, self.checked(given))

    def write(self, row: Row, fields: dict[str, Any]) -> Row:
        changed = {name: value for name, value in fields.items() if row.body.get(name) != value}
        if not changed:
            return row
        for name, value in changed.items():
            if value is None:
                row.body.pop(name, None)
            else:
                row.body[name] = value
        row.body["version"] += 1
        row.email, row.phone = (
            normal_email(row.body.get("email_address")),
            normal_phone(row.body.get("phone_number")),
        )
        row.ref = row.body.get("reference_id")
        row.touch(self.clock.ms())
        row.body["updated_at"] = iso_ms(row.updated)
        self.kind("customers").put(row)
        self.announce("customer.updated", "customer", row.id, {"customer": row.body})
        return row

    def create_customer(self, call: Call) -> Answer:
        """One new customer."""
        given = call.json()
        key = given.pop("idempotency_key", None)
        return self.once(key, call, lambda: reply({"customer": self.insert(given).body}))

    def update_customer(self, call: Call) -> Answer:
        """Change a customer."""
        return reply({"customer": self.alter(self.customer(call.params["id"]), call.json()).body})

    def delete_customer(self, call: Call) -> Answer:
        """Remove a customer."""
        row = self.customer(call.params["id"])
        if call.arg("version") and int(call.arg("version")) != row.body["version"]:
            raise Refused(
                self.error(409, "INVALID_REQUEST_ERROR", "CONFLICT", "Version mismatch.", "version")
            )
        self.remove(row)
        return reply({})

    def remove(self, row: Row) -> None:
        self.kind("customers").delete(row.id)
        self.announce("customer.deleted", "customer", row.id, {"customer": row.body}, deleted=True)

    def each(self, entries: dict[str, Any], act: Callable[[str, Any], dict[str, Any]]) -> Answer:
        """A bulk request: a map with the same keys, each the record or the errors."""
        if not isinstance(entries, dict) or not 1 <= len(entries) <= BULK:
            raise self.invalid("INVALID_VALUE", f"A bulk request holds 1 to {BULK} entries.")
        responses: dict[str, Any] = {}
        for key, item in entries.items():
            try:
                responses[key] = act(key, item)
            except Refused as refused:
                responses[key] = refused.answer.json()
        return reply({"responses": responses}, records=len(responses))

    def bulk_create(self, call: Call) -> Answer:
        """New customers by idempotency key."""

        def act(key: str, item: dict[str, Any]) -> dict[str, Any]:
            inner = Call("POST", "/v2/customers", {}, {}, orjson.dumps(item, option=orjson.OPT_SORT_KEYS), "")
            answer = self.once(key, inner, lambda: reply({"customer": self.insert(item).body}))
            found: dict[str, Any] = answer.json()
            return found

        return self.each(call.json()["customers"], act)

    def bulk_update(self, call: Call) -> Answer:
        """Change customers by id."""
        return self.each(
            call.json()["customers"],
            lambda key, item: {"customer": self.alter(self.customer(key), item).body},
        )

    def bulk_retrieve(self, call: Call) -> Answer:
        """Read customers by id."""
        ids = dict.fromkeys(str(i) for i in call.json()["customer_ids"])
        return self.each(dict(ids), lambda key, _: {"customer": self.customer(key).body})

    def bulk_delete(self, call: Call) -> Answer:
        """Remove customers by id."""

        def act(key: str, _: object) -> dict[str, Any]:
            self.remove(self.customer(key))
            return {}

        return self.each(dict.fromkeys(str(i) for i in call.json()["customer_ids"]), act)

    # custom attributes and groups -----------------------------------------------------------------------------

    def definition(self, key: str) -> dict[str, Any]:
        """A definition, else 404."""
        found = self.definitions.get(key)
        if found is None:
            raise self.invalid("NOT_FOUND", f"Custom attribute definition `{key}` not found.", "key", 404)
        return found

    def list_definitions(self, call: Call) -> Answer:
        """Every definition that this app may see."""
        found = list(self.definitions.values())
        return reply({"custom_attribute_definitions": found} if found else {})

    def create_definition(self, call: Call) -> Answer:
        """A new definition."""
        body = call.json()
        given = body["custom_attribute_definition"]

        def act() -> Answer:
            key = str(given.get("key", ""))
            if not re.fullmatch(r"[a-zA-Z0-9._-]{1,60}", key):
                raise self.invalid("VALUE_REGEX_MISMATCH", "Invalid key.", "custom_attribute_definition.key")
            if key in self.definitions:
                raise self.invalid(
                    "BAD_REQUEST", f"A custom attribute definition with key `{key}` exists.", "key"
                )
            if not isinstance(given.get("schema"), dict):
                raise self.invalid(
                    "MISSING_REQUIRED_PARAMETER", "schema is required.", "custom_attribute_definition.schema"
                )
            now = iso_ms(self.clock.ms())
            made = {"key": key, "schema": given["schema"], "name": str(given.get("name") or key),
                    "description": str(given.get("description") or ""),
                    "visibility": given.get("visibility") or "VISIBILITY_HIDDEN", "version": 1, "created_at": now,
                    "updated_at": now}  # fmt: skip
            self.definitions[key] = made
            return reply({"custom_attribute_definition": made})

        return self.once(body.get("idempotency_key"), call, act)

    def update_definition(self, call: Call) -> Answer:
        """Change a definition's texts."""
        found = self.definition(call.params["key"])
        given = call.json()["custom_attribute_definition"]
        if given.get("version") not in (None, found["version"]):
            raise Refused(
                self.error(409, "INVALID_REQUEST_ERROR", "CONFLICT", "Version mismatch.", "version")
            )
        found |= {
            name: given[name] for name in ("name", "description", "visibility", "schema") if name in given
        }
        found |= {"version": found["version"] + 1, "updated_at": iso_ms(self.clock.ms())}
        return reply({"custom_attribute_definition": found})

    def delete_definition(self, call: Call) -> Answer:
        """Give up a definition; its values go with it."""
        key = self.definition(call.params["key"])["key"]
        self.definitions.pop(key)
        for row in self.kind("attributes").rows("email = ?", (key,)):
            self.kind("attributes").delete(row.id)
        return reply({})

    def list_attributes(self, call: Call) -> Answer:
        """The values of a customer."""
        row = self.customer(call.params["id"])
        found = [
            self.shown_attribute(item, call) for item in self.kind("attributes").rows("ref = ?", (row.id,))
        ]
        return reply({"custom_attributes": found} if found else {})

    def shown_attribute(self, row: Row, call: Call) -> dict[str, Any]:
        wants = call.arg("with_definition") == "true" or call.arg("with_definitions") == "true"
        return row.body | ({"definition": self.definitions[row.body["key"]]} if wants else {})

    def get_attribute(self, call: Call) -> Answer:
        """One value of a customer."""
        row = self.kind("attributes").get(f"{self.customer(call.params['id']).id}/{call.params['key']}")
        if row is None:
            raise self.invalid("NOT_FOUND", "Custom attribute not found.", "key", 404)
        return reply({"custom_attribute": self.shown_attribute(row, call)})

    def set_attribute(self, customer: str, given: dict[str, Any], key: str) -> dict[str, Any]:
        """Write a value; 409 where the version is an old one."""
        meta = self.definition(key)
        owner = self.customer(customer)
        row = self.kind("attributes").get(f"{owner.id}/{key}")
        now = self.clock.ms()
        if "value" not in given:
            raise self.invalid("MISSING_REQUIRED_PARAMETER", "value is required.", "custom_attribute.value")
        self.fits(meta["schema"], given["value"])
        if row is None:
            body = {"key": key, "value": given["value"], "version": 1, "visibility": meta["visibility"],
                    "created_at": iso_ms(now), "updated_at": iso_ms(now)}  # fmt: skip
            self.kind("attributes").put(
                Row(None, f"{owner.id}/{key}", key, None, owner.id, now, now, LIVE, body)
            )
            return body
        if given.get("version") not in (None, row.body["version"]):
            raise Refused(
                self.error(409, "INVALID_REQUEST_ERROR", "CONFLICT", "Version mismatch.", "version")
            )
        if row.body["value"] != given["value"]:
            row.body |= {
                "value": given["value"],
                "version": row.body["version"] + 1,
                "updated_at": iso_ms(now),
            }
            self.kind("attributes").put(row)
        return row.body

    def fits(self, schema: dict[str, Any], value: object) -> None:
        """400 where a value is not of its definition's kind."""
        reference = str(schema.get("$ref", ""))
        if reference.endswith(".String") or schema.get("type") == "string":
            good = isinstance(value, str)
        elif reference.endswith(".Number"):
            good = isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d{1,5})?", value) is not None
        elif reference.endswith(".Boolean"):
            good = isinstance(value, bool)
        elif reference.endswith(".Date"):
            good = isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None
        else:
            good = True
        if not good:
            raise self.invalid(
                "INVALID_VALUE", "The value does not fit the definition.", "custom_attribute.value"
            )

    def upsert_attribute(self, call: Call) -> Answer:
        """Write one value."""
        given = call.json()
        made = self.set_attribute(call.params["id"], given["custom_attribute"], call.params["key"])
        return reply({"custom_attribute": made})

    def delete_attribute(self, call: Call) -> Answer:
        """Remove one value."""
        self.kind("attributes").delete(f"{self.customer(call.params['id']).id}/{call.params['key']}")
        return reply({})

    def bulk_upsert_attributes(self, call: Call) -> Answer:
        """Write up to 25 values."""
        entries = call.json()["values"]
        if not isinstance(entries, dict) or not 1 <= len(entries) <= 25:
            raise self.invalid("INVALID_VALUE", "A bulk request holds 1 to 25 values.", "values")
        values: dict[str, Any] = {}
        for key, item in entries.items():
            try:
                attribute = item["custom_attribute"]
                made = self.set_attribute(str(item["customer_id"]), attribute, str(attribute["key"]))
                values[key] = {"customer_id": item["customer_id"], "custom_attribute": made}
            except Refused as refused:
                values[key] = refused.answer.json()
        return reply({"values": values})

    def group(self, identifier: str) -> dict[str, Any]:
        """A group, else 404."""
        found = self.groups.get(identifier)
        if found is None:
            raise self.invalid("NOT_FOUND", "Group not found.", status=404)
        return found

    def create_group(self, call: Call) -> Answer:
        """A new group."""
        given = call.json()

        def act() -> Answer:
            now = iso_ms(self.clock.ms())
            made = {
                "id": square_id(self.chance),
                "name": str(given["group"]["name"]),
                "created_at": now,
                "updated_at": now,
            }
            self.groups[made["id"]] = made
            return reply({"group": made})

        return self.once(given.get("idempotency_key"), call, act)

    def update_group(self, call: Call) -> Answer:
        """Rename a group."""
        found = self.group(call.params["id"])
        found |= {"name": str(call.json()["group"]["name"]), "updated_at": iso_ms(self.clock.ms())}
        return reply({"group": found})

    def delete_group(self, call: Call) -> Answer:
        """Remove a group."""
        self.groups.pop(self.group(call.params["id"])["id"])
        return reply({})

    def join_group(self, call: Call) -> Answer:
        """Put a customer into a group."""
        row, group = self.customer(call.params["id"]), self.group(call.params["group"])["id"]
        self.write(row, {"group_ids": sorted({*row.body.get("group_ids", []), group})})
        return reply({})

    def leave_group(self, call: Call) -> Answer:
        """Take a customer out of a group."""
        row, group = self.customer(call.params["id"]), self.group(call.params["group"])["id"]
        self.write(row, {"group_ids": [g for g in row.body.get("group_ids", []) if g != group] or None})
        return reply({})

    # orders ------------------------------------------------------------------------------------------------

    def search_orders(self, call: Call) -> Answer:
        """Orders of up to ten places, in the order of the date that is filtered by."""
        given = call.json()
        places = given.get("location_ids")
        if not isinstance(places, list) or not places:
            raise self.invalid("MISSING_REQUIRED_PARAMETER", "location_ids is required.", "location_ids")
        if len(places) > 10:
            raise self.invalid("ARRAY_LENGTH_TOO_LONG", "At most 10 location_ids.", "location_ids")
        where = ["state = 0", f"phone IN ({','.join('?' * len(places))})"]
        values: list[object] = list(places)
        query = given.get("query") or {}
        wanted, sort = query.get("filter") or {}, query.get("sort") or {}
        column = {"UPDATED_AT": "updated", "CLOSED_AT": "json_extract(body, '$.closed_at')"}.get(
            str(sort.get("sort_field")), "created"
        )
        for name, one in (wanted.get("date_time_filter") or {}).items():
            if sort.get("sort_field", "CREATED_AT").lower() != name:
                words = "sort_field must be the date that is filtered by."
                raise self.invalid("BAD_REQUEST", words, "query.sort.sort_field")
            if name == "closed_at":
                self.closed_filter(one, where, values)
            else:
                self.time_filter(one, {"updated_at": "updated", "created_at": "created"}[name], where, values)
        for member, key, name in (
            ("state_filter", "states", "ref"),
            ("customer_filter", "customer_ids", "email"),
        ):
            many = (wanted.get(member) or {}).get(key)
            if many:
                where.append(f"{name} IN ({','.join('?' * len(many))})")
                values += many
        limit = self.limit(given.get("limit"), 1000, 500)
        down = str(sort.get("sort_order", "DESC")).upper() == "DESC"
        order = column if column in ("created", "updated") else "created"
        condition = " AND ".join(where)
        answer = self.page_of(
            "orders",
            "orders",
            condition,
            values,
            limit,
            given.get("cursor"),
            order,
            down,
            query=(places, query),
        )
        if given.get("return_entries"):
            body = answer.json()
            body["order_entries"] = [
                {"order_id": order["id"], "version": order["version"], "location_id": order["location_id"]}
                for order in body.pop("orders", [])
            ]
            answer = reply(body, records=answer.records)
        return answer

    def closed_filter(self, given: dict[str, Any], where: list[str], values: list[object]) -> None:
        for name, sign in (("start_at", ">="), ("end_at", "<=")):
            if given.get(name):
                moment = parse_ms(str(given[name]))
                if moment is None:
                    raise self.invalid("INVALID_TIME", f"{name} must be a time in RFC 3339.", name)
                where.append(f"json_extract(body, '$.closed_at') {sign} ?")
                values.append(iso_ms(moment))

    def batch_orders(self, call: Call) -> Answer:
        """Orders by id; unknown ones are left out."""
        ids = call.json()["order_ids"]
        if not 1 <= len(ids) <= 100:
            raise self.invalid("INVALID_VALUE", "1 to 100 order_ids.", "order_ids")
        rows = [self.kind("orders").get(str(identifier)) for identifier in ids]
        found = [row.body for row in rows if row is not None]
        return reply({"orders": found} if found else {}, records=len(found))

    def create_order(self, call: Call) -> Answer:
        """A new open order with its sums."""
        body = call.json()
        given = body.get("order") or {}

        def act() -> Answer:
            self.place(given.get("location_id"))
            return reply({"order": self.put_order(totalled(given, self.chance)).body})

        return self.once(body.get("idempotency_key"), call, act)

    def put_order(self, body: dict[str, Any]) -> Row:
        now = self.clock.ms()
        body |= {"id": long_id(self.chance), "state": body.get("state") or "OPEN", "version": 1,
                 "created_at": iso_ms(now), "updated_at": iso_ms(now)}  # fmt: skip
        cell = order_cell(body, now, now)
        row = self.kind("orders").put(Row.of(cell))
        self.announce_order("created", row)
        return row

    def update_order(self, call: Call) -> Answer:
        """Change an order's state or texts; the version must be the one it has."""
        row = self.found("orders", call.params["id"])
        given = call.json()["order"]
        if given.get("version") not in (None, row.body["version"]):
            raise Refused(
                self.error(409, "INVALID_REQUEST_ERROR", "CONFLICT", "Version mismatch.", "order.version")
            )
        row.body |= {
            name: given[name]
            for name in ("state", "reference_id", "customer_id", "metadata")
            if name in given
        }
        self.touch_order(row)
        return reply({"order": row.body})

    def touch_order(self, row: Row) -> None:
        row.touch(self.clock.ms())
        row.body["version"] += 1
        row.body["updated_at"] = iso_ms(row.updated)
        if row.body["state"] in ("COMPLETED", "CANCELED"):
            row.body.setdefault("closed_at", row.body["updated_at"])
        row.ref, row.email = row.body["state"], row.body.get("customer_id")
        self.kind("orders").put(row)
        self.announce_order("updated", row)

    def announce_order(self, word: str, row: Row) -> None:
        short = {"order_id": row.id, "version": row.body["version"], "location_id": row.body["location_id"],
                 "state": row.body["state"], "created_at": row.body["created_at"]}  # fmt: skip
        if word == "updated":
            short["updated_at"] = row.body["updated_at"]
        self.announce(f"order.{word}", f"order_{word}", row.id, {f"order_{word}": short})

    def place(self, identifier: object) -> dict[str, Any]:
        """A place of business, else 404."""
        for found in self.locations:
            if found["id"] == identifier or (identifier == "main" and found["id"] == LOCATIONS[0]):
                return found
        raise self.invalid("NOT_FOUND", f"Location `{identifier}` not found.", "location_id", 404)

    def get_location(self, call: Call) -> Answer:
        """One place of business."""
        return reply({"location": self.place(call.params["id"])})

    def get_merchant(self, call: Call) -> Answer:
        """The merchant."""
        if call.params["id"] not in ("me", MERCHANT):
            raise self.invalid("NOT_FOUND", "Merchant not found.", status=404)
        return reply({"merchant": self.merchant})

    # payments and refunds --------------------------------------------------------------------------------------

    def timed_list(self, call: Call, kind: str, where: list[str], values: list[object]) -> Answer:
        """Payments or refunds by the time they were made or changed."""
        sort = call.arg("sort_field", "CREATED_AT")
        begin = call.arg("begin_time") or iso_ms(self.clock.ms() - 365 * 86_400_000)
        self.time_filter({"start_at": begin, "end_at": call.arg("end_time")}, "created", where, values)
        window = {"start_at": call.arg("updated_at_begin_time"), "end_at": call.arg("updated_at_end_time")}
        self.time_filter(window, "updated", where, values)
        column = "updated" if sort == "UPDATED_AT" else "created"
        down = call.arg("sort_order", "DESC") == "DESC"
        limit = self.limit(call.arg("limit"))
        query = sorted((name, value) for name, value in call.query.items() if name not in ("cursor", "limit"))
        condition = " AND ".join(["state = 0", *where])
        return self.page_of(
            kind, kind, condition, values, limit, call.arg("cursor"), column, down, query=query
        )

    def list_payments(self, call: Call) -> Answer:
        """Payments of one place; of the main one where none is named."""
        return self.timed_list(call, "payments", ["phone = ?"], [call.arg("location_id") or LOCATIONS[0]])

    def list_refunds(self, call: Call) -> Answer:
        """Refunds of one place, or of all."""
        where: list[str] = []
        values: list[object] = []
        if call.arg("location_id"):
            where.append("phone = ?")
            values.append(call.arg("location_id"))
        if call.arg("status"):
            where.append("json_extract(body, '$.status') = ?")
            values.append(call.arg("status"))
        return self.timed_list(call, "refunds", where, values)

    def create_payment(self, call: Call) -> Answer:
        """Take a payment; an order that is paid in full is completed."""
        given = call.json()
        for name in ("source_id", "idempotency_key", "amount_money"):
            if not given.get(name):
                raise self.invalid("MISSING_REQUIRED_PARAMETER", f"{name} is required.", name)
        return self.once(given["idempotency_key"], call, lambda: reply({"payment": self.pay(given).body}))

    def pay(self, given: dict[str, Any]) -> Row:
        """Book a payment."""
        order = self.found("orders", given["order_id"]) if given.get("order_id") else None
        where = self.place(
            given.get("location_id") or (order.body["location_id"] if order else LOCATIONS[0])
        )["id"]
        tip = int((given.get("tip_money") or {}).get("amount", 0))
        amount = int(given["amount_money"]["amount"])
        if amount <= 0:
            raise self.invalid("VALUE_TOO_LOW", "amount must be positive.", "amount_money.amount")
        if order is None:
            order = self.put_order(totalled({
                "location_id": where, "customer_id": given.get("customer_id"),
                "line_items": [{"name": "Custom Amount", "quantity": "1", "base_price_money": money(amount)}],
            }, self.chance))  # fmt: skip
        now = self.clock.ms()
        body = payment_body(
            self.chance, order.body, amount, tip, now, given.get("customer_id"), given["source_id"]
        )
        if given.get("buyer_email_address"):
            body["buyer_email_address"] = given["buyer_email_address"]
        cell = payment_cell(body, now, now)
        row = self.kind("payments").put(Row.of(cell))
        order.body.setdefault("tenders", []).append(tender_body(body))
        if given.get("customer_id") and not order.body.get("customer_id"):
            order.body["customer_id"] = given["customer_id"]
        order.body["total_tip_money"] = money(order.body["total_tip_money"]["amount"] + tip)
        order.body["total_money"] = money(order.body["total_money"]["amount"] + tip)
        paid = sum(tender["amount_money"]["amount"] for tender in order.body["tenders"])
        due = max(0, order.body["total_money"]["amount"] - paid)
        order.body["net_amount_due_money"] = money(due)
        order.body["net_amounts"] = amounts(order.body)
        if due == 0:
            order.body["state"] = "COMPLETED"
        self.touch_order(order)
        self.announce("payment.created", "payment", row.id, {"payment": body})
        return row

    def create_refund(self, call: Call) -> Answer:
        """Give back a payment or a part of it."""
        given = call.json()
        for name in ("idempotency_key", "amount_money", "payment_id"):
            if not given.get(name):
                raise self.invalid("MISSING_REQUIRED_PARAMETER", f"{name} is required.", name)
        return self.once(
            given["idempotency_key"], call, lambda: reply({"refund": self.give_back(given).body})
        )

    def give_back(self, given: dict[str, Any], identifier: str = "") -> Row:
        """Book a refund; 400 where more would go back than was paid."""
        payment = self.found("payments", given["payment_id"])
        amount = int(given["amount_money"]["amount"])
        left = (
            payment.body["total_money"]["amount"] - (payment.body.get("refunded_money") or money(0))["amount"]
        )
        if amount <= 0 or amount > left:
            words = "The requested refund amount exceeds the amount available to refund."
            raise Refused(
                self.error(400, "REFUND_ERROR", "REFUND_AMOUNT_INVALID", words, "amount_money.amount")
            )
        now = self.clock.ms()
        order = self.kind("orders").get(payment.body["order_id"])
        body = refund_body(self.chance, payment.body, amount, now, given.get("reason") or "Returned")
        if identifier:
            body["id"] = identifier
        cell = refund_cell(body, now, now)
        row = self.kind("refunds").put(Row.of(cell))
        refunded(payment.body, body, now)
        payment.touch(now)
        self.kind("payments").put(payment)
        if order is not None:
            order.body.setdefault("refunds", []).append(order_refund(body, payment.body))
            order.body["net_amounts"] = amounts(order.body)
            self.touch_order(order)
        self.announce("refund.created", "refund", row.id, {"refund": body})
        self.announce("payment.updated", "payment", payment.id, {"payment": payment.body})
        return row

    # webhooks ------------------------------------------------------------------------------------------------

    def list_subscriptions(self, call: Call) -> Answer:
        """Every subscription of the app."""
        found = list(self.subscriptions.values())
        return reply({"subscriptions": found} if found else {})

    def subscription(self, identifier: str) -> dict[str, Any]:
        """One subscription, else 404."""
        found = self.subscriptions.get(identifier)
        if found is None:
            raise self.invalid("NOT_FOUND", "Subscription not found.", status=404)
        return found

    def subscribe(self, call: Call) -> Answer:
        """A new subscription with its signature key."""
        body = call.json()
        given = body["subscription"]

        def act() -> Answer:
            events = given.get("event_types") or []
            if not events or not set(events) <= EVENT_TYPES:
                raise self.invalid(
                    "INVALID_VALUE", "event_types holds an unknown event.", "subscription.event_types"
                )
            if not str(given.get("notification_url", "")).startswith(("http://", "https://")):
                raise self.invalid(
                    "INVALID_VALUE", "notification_url must be an address.", "subscription.notification_url"
                )
            now = iso_ms(self.clock.ms())
            made = {
                "id": "wbhk_" + self.grants.secret(24), "name": str(given.get("name") or "Webhook"),
                "enabled": bool(given.get("enabled", True)), "event_types": events,
                "notification_url": given["notification_url"], "api_version": given.get("api_version") or VERSION,
                "signature_key": self.grants.secret(22), "created_at": now, "updated_at": now,
            }  # fmt: skip
            self.subscriptions[made["id"]] = made
            return reply({"subscription": made})

        return self.once(body.get("idempotency_key"), call, act)

    def update_subscription(self, call: Call) -> Answer:
        """Change a subscription."""
        found = self.subscription(call.params["id"])
        given = call.json()["subscription"]
        found |= {name: given[name] for name in ("name", "enabled", "event_types", "notification_url", "api_version")
                  if name in given}  # fmt: skip
        found["updated_at"] = iso_ms(self.clock.ms())
        return reply({"subscription": found})

    def unsubscribe(self, call: Call) -> Answer:
        """Give up a subscription."""
        self.subscriptions.pop(self.subscription(call.params["id"])["id"])
        return reply({})

    def rotate_key(self, call: Call) -> Answer:
        """A new signature key."""
        found = self.subscription(call.params["id"])
        found["signature_key"] = self.grants.secret(22)
        return reply({"signature_key": found["signature_key"]})

    def test_subscription(self, call: Call) -> Answer:
        """Send an example of an event."""
        found = self.subscription(call.params["id"])
        event = call.json().get("event_type") or found["event_types"][0]
        body = self.message(event, event.partition(".")[0], "test", {})
        self.courier.send(Delivery(found["notification_url"], body, "application/json", self.signer(found)))
        now = iso_ms(self.clock.ms())
        return reply({"subscription_test_result": {"id": self.grants.secret(20), "status_code": 200,
                                                   "payload": body.decode(), "created_at": now,
                                                   "updated_at": now}})  # fmt: skip

    def message(
        self, event: str, kind: str, identifier: str, content: dict[str, Any], deleted: bool = False
    ) -> bytes:
        """An event's body."""
        data: dict[str, Any] = {"type": kind, "id": identifier, "object": content}
        if deleted:
            data["deleted"] = True
        ident = f"{self.chance.getrandbits(128):032x}"
        return orjson.dumps({
            "merchant_id": MERCHANT, "type": event, "created_at": iso_ms(self.clock.ms()),
            "event_id": f"{ident[:8]}-{ident[8:12]}-{ident[12:16]}-{ident[16:20]}-{ident[20:]}", "data": data,
        })  # fmt: skip

    def announce(
        self, event: str, kind: str, identifier: str, content: dict[str, Any], deleted: bool = False
    ) -> None:
        """Send an event to the subscriptions that want it."""
        for found in self.subscriptions.values():
            if found["enabled"] and event in found["event_types"]:
                body = self.message(event, kind, identifier, content, deleted)
                self.courier.send(
                    Delivery(found["notification_url"], body, "application/json", self.signer(found))
                )

    def signer(self, subscription: dict[str, Any]) -> Callable[[bytes, int, bool], dict[str, str]]:
        """`x-square-hmacsha256-signature` over the address and the raw body."""

        def sign(body: bytes, attempt: int, wrong: bool) -> dict[str, str]:
            key = b"wrong" if wrong else str(subscription["signature_key"]).encode()
            text = str(subscription["notification_url"]).encode() + body
            digest = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
            return {"x-square-hmacsha256-signature": digest}

        return sign

    # control -------------------------------------------------------------------------------------------------

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
            return (self.write(row, fields) if row else self.put_new(fields, identifier)).body
        if kind == "orders":
            if row is None:
                return self.sell(part, identifier).body
            row.body.update({k: v for k, v in part.items() if k not in ("id", "version")})
            self.touch_order(row)
            return row.body
        if kind == "refunds" and row is None:
            payment = self.found("payments", part["payment_id"])
            amount = part.get("amount_money") or payment.body["total_money"]
            return self.give_back(part | {"amount_money": amount}, identifier).body
        if row is None:
            raise ValueError(f"new {kind} come with an order")
        row.body.update({k: v for k, v in part.items() if k != "id"})
        row.touch(self.clock.ms())
        row.body["updated_at"] = iso_ms(row.updated)
        self.kind(kind).put(row)
        self.announce(f"{kind[:-1]}.updated", kind[:-1], row.id, {kind[:-1]: row.body})
        return row.body

    def sell(self, part: dict[str, Any], identifier: str = "") -> Row:
        """A whole sale: an order, and the payment that completes it unless it stays open."""
        lines = part.get("line_items") or [
            {"name": "Flat white", "quantity": "1", "base_price_money": part.get("total_money") or money(340)}
        ]
        body = totalled({"location_id": LOCATIONS[0]} | part | {"line_items": lines}, self.chance)
        now = self.clock.ms()
        body |= {"id": identifier or long_id(self.chance), "state": "OPEN", "version": 1, "created_at": iso_ms(now),
                 "updated_at": iso_ms(now)}  # fmt: skip
        cell = order_cell(body, now, now)
        row = self.kind("orders").put(Row.of(cell))
        self.announce_order("created", row)
        if part.get("state", "COMPLETED") == "COMPLETED":
            amount = body["total_money"]["amount"]
            self.pay({"source_id": "CARD", "order_id": row.id, "customer_id": part.get("customer_id"),
                      "amount_money": money(amount), "tip_money": part.get("tip_money")})  # fmt: skip
            row = self.found("orders", row.id)
        return row

    def control_delete(self, kind: str, identifier: str) -> bool:
        """Remove a record."""
        row = self.kind(kind).get(identifier)
        if row is None or row.state != LIVE:
            return False
        if kind == "customers":
            self.remove(row)
        else:
            self.kind(kind).delete(identifier)
        return True

    def control_generate(self, kind: str, count: int) -> list[str]:
        """New customers, or sales to customers who are there."""
        made = []
        if kind == "customers":
            for _ in range(count):
                person = invent(self.chance)
                made.append(self.put_new({
                    "given_name": person.first, "family_name": person.last, "email_address": person.email,
                    "phone_number": f"+{person.phone}", "birthday": person.birthday,
                }).id)  # fmt: skip
        elif kind == "orders":
            total = self.kind("customers").count()
            for _ in range(count):
                offset = self.chance.randrange(max(1, total))
                buyer = self.kind("customers").rows("state = 0", (offset,), "ORDER BY seq LIMIT 1 OFFSET ?")
                lines = [menu_line(self.chance, number) for number in range(self.chance.randrange(1, 4))]
                made.append(self.sell({
                    "location_id": self.chance.choice(LOCATIONS), "customer_id": buyer[0].id if buyer else None,
                    "line_items": lines,
                }).id)  # fmt: skip
        else:
            raise ValueError("payments and refunds come with orders")
        return made

    def control_merge(self, kind: str, winner: str, loser: str) -> Any:
        """Merge two customers: the loser is gone, its orders belong to the winner."""
        one, two = self.customer(winner), self.customer(loser)
        filled = {name: value for name, value in two.body.items() if name not in one.body}
        two.state, two.ref = MERGED, one.id
        self.kind("customers").put(two)
        for order in self.kind("orders").rows("email = ?", (two.id,)):
            order.body["customer_id"] = one.id
            self.touch_order(order)
        self.write(one, filled or {"note": (one.body.get("note") or "") + " "})
        context = {"merge": {"from_customer_ids": [two.id], "to_customer_id": one.id}}
        self.announce(
            "customer.deleted",
            "customer",
            two.id,
            {"customer": two.body, "event_context": context},
            deleted=True,
        )
        return one.body

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Names in Square's form."""
        return {"given_name": first, "family_name": last}

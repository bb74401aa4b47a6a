"""Shopify: one GraphQL address, a bucket of points, tokens of an hour, errors in good answers."""

import base64
import random
import re
from functools import cache, partial
from typing import Any
from urllib.parse import urlencode

import orjson
from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    execute,
    parse,
    validate,
)

from . import business
from .clock import iso_utc, parse_ms
from .conditions import Conditions
from .desk import Desk
from .ids import random_uuid
from .names import EMAIL
from .oauth import Denied, Granted, Grants, exchange, oauth_error
from .ordinary import Ordinary, laid_over, packed
from .seed import Basket, Soul, View, viewed
from .shopify_bulk import Bulk
from .shopify_schema import SCHEMA
from .state import LIVE, Row, normal_email, normal_phone
from .webhooks import Delivery, Signer, hmac_base64, hmac_hex, or_wrong
from .wire import Answer, Call, Refused, reply

VERSION = "2026-04"
PATH = f"/admin/api/{VERSION}/graphql.json"
SCOPES = ("read_customers", "write_customers", "read_orders")
MOST_ON_A_PAGE, EVERYTHING = 250, 10**9
MOST_POINTS, RESTORED, MOST_AT_ONCE = 2000.0, 100.0, 1000
TERM = re.compile(
    r"\s*(?:AND\s+)?(?P<name>\w+):(?P<sign>>=|<=|>|<|)(?P<value>\"(?:\\.|[^\"])*\"|'(?:\\.|[^'])*'|\S+)\s*"
)
TOPICS = {
    ("customers", "created"): "CUSTOMERS_CREATE",
    ("customers", "updated"): "CUSTOMERS_UPDATE",
    ("customers", "deleted"): "CUSTOMERS_DELETE",
}


@cache
def schema() -> GraphQLSchema:
    """The schema, built when it is first asked."""
    return build_schema(SCHEMA)


def gid(kind: str, identifier: object) -> str:
    """A global id."""
    return f"gid://shopify/{kind}/{identifier}"


def bare(text: str) -> str:
    """The number in a global id, or what was given."""
    return text.rpartition("/")[2]


def bag(minor: int) -> dict[str, Any]:
    """An amount in the shop's and the customer's currency."""
    money = {"amount": f"{minor / 100:.2f}", "currencyCode": business.CURRENCY}
    return {"shopMoney": money, "presentmentMoney": money}


class Counter(Desk):
    """Shopify's token endpoint: no grant type with a code, scopes with commas, refresh tokens that are used once."""

    def token(self, call: Call) -> Answer:
        """A token for a code or a refresh token."""
        form = call.form()
        form.setdefault("grant_type", "authorization_code")
        expiring = form.get("expiring") == "1" or form["grant_type"] == "refresh_token"
        try:
            token = exchange(self.grants, form, list(SCOPES), rotates=True)
        except Denied as denied:
            return oauth_error(denied.error, "The code, token or client is not valid.")
        document: dict[str, Any] = {"access_token": token.value, "scope": ",".join(token.scopes)}
        if not expiring:
            token.expires = None
            return reply(document)
        return reply({**document, "expires_in": 3599, "refresh_token": token.refresh,
                      "refresh_token_expires_in": 7_776_000})  # fmt: skip


class Taken(Exception):
    """Why a mutation does nothing: the field and the words."""

    def __init__(self, message: str, *field: str) -> None:
        super().__init__(message)
        self.error = {"field": list(field) or None, "message": message}


class Shopify(Granted, Ordinary):
    """One shop on one port."""

    name = "shopify"
    kinds = ("customers", "orders")
    people_kind = "customers"
    person_fields = ("first", "last", "email", "phone")
    authorize_path = "/admin/oauth/authorize"
    sells = True

    def begin(self) -> None:
        """A custom app's token, and an app."""
        self.grants = Grants(self.clock, self.chance, "shpua_", "shprt_", 3600.0,
                             client_id=f"{self.chance.getrandbits(128):032x}")  # fmt: skip
        self.grants.client_secret = f"shpss_{self.chance.getrandbits(128):032x}"
        self.shop = "kestrel-rye.myshopify.com"
        self.renew()
        self.desk = Counter(self, self.grants, authorize=self.authorize_path, token="/admin/oauth/access_token",
                            back=self.proof)  # fmt: skip
        self.bulk = Bulk(self, schema())
        self.resources = (self.desk, self.bulk)
        self.at_large = False
        self.points, self.at = MOST_POINTS, self.clock.now()
        self.number = 7_000_000_000
        self.sold = 0
        self.definitions: list[dict[str, Any]] = []
        self.hooks: dict[str, dict[str, Any]] = {}

    def proof(self, call: Call) -> str:
        """What comes back with a code, and its signature."""
        told = {"shop": self.shop, "host": base64.b64encode(self.shop.encode()).decode().rstrip("="),
                "timestamp": str(round(self.clock.now()))}  # fmt: skip
        text = "&".join(f"{name}={value}" for name, value in sorted(told.items()))
        return urlencode({**told, "hmac": hmac_hex(self.grants.client_secret, text.encode())})

    def renew(self) -> None:
        """A new token of the custom app."""
        self.access_token = f"shpat_{self.chance.getrandbits(128):032x}"
        self.grants.permanent.add(self.access_token)

    def route(self) -> None:
        """The one address."""
        super().route()
        self.routes.add("POST", PATH, self.asked)

    # who is let in, and what is said when something is wrong -------------------------------------------------

    def admit(self, call: Call) -> dict[str, str]:
        """The token in a header of its own."""
        if self.desk.outside(call) or self.bulk.outside(call):
            return {}
        if self.grants.check(call.headers.get("x-shopify-access-token")) != "ok":
            message = "[API] Invalid API key or access token (unrecognized login or wrong password)"
            raise Refused(reply({"errors": message}, 401))
        return {"X-Shopify-API-Version": VERSION, "X-Request-Id": random_uuid(self.chance)}

    def missing(self, known: bool) -> Answer:
        """404; 405 for another method."""
        return reply({"errors": "Method Not Allowed" if known else "Not Found"}, 405 if known else 404)

    def failure(self, status: int) -> Answer:
        """What stands in front of the API says 429 and 5xx."""
        words = "Exceeded limit. Reduce request rates to resume uninterrupted service."
        return reply({"errors": words if status == 429 else "Internal Server Error"}, status)

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON."""
        return reply({"errors": {"query": "Required parameter missing or invalid"}}, 400)

    def credentials(self) -> dict[str, Any]:
        """A custom app's token; an app for those who prefer OAuth."""
        app = {"client_id": self.grants.client_id, "client_secret": self.grants.client_secret}
        return {
            "access_token": self.access_token, "client_secret": self.grants.client_secret, "shop": self.shop,
            "alternatives": {"app": {**app, "shop": self.shop}},
        }  # fmt: skip

    # GraphQL -------------------------------------------------------------------------------------------------

    def asked(self, call: Call) -> Answer:
        """Run a query or mutations, as far as there are points for it; mistakes come with a good status."""
        given = call.json()
        try:
            document = parse(given["query"])
        except GraphQLError as error:
            return reply(
                {
                    "errors": [
                        {"message": error.message, "locations": [vars(p) for p in error.locations or ()]}
                    ]
                }
            )
        mistakes = validate(schema(), document)
        if mistakes:
            return reply({"errors": [{"message": mistake.message, "extensions": {"code": "undefinedField"}}
                                     for mistake in mistakes]})  # fmt: skip
        operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
        variables = given.get("variables") or {}
        cost = self.cost(operation, variables)
        if self.setting.limits:
            now = self.clock.now()
            self.points = min(MOST_POINTS, self.points + (now - self.at) * RESTORED)
            self.at = now
            if cost > self.points:
                throttled = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
                return reply({"errors": [throttled], "extensions": self.told(cost)})
            self.points -= cost
        done: Any = execute(schema(), document, root_value=self.root(), variable_values=variables)
        answer: dict[str, Any] = {"data": done.data, "extensions": self.told(cost)}
        if done.errors:
            answer["errors"] = [{"message": error.message, "path": error.path} for error in done.errors]
        return reply(answer, records=cost)

    def cost(self, operation: OperationDefinitionNode, variables: dict[str, Any]) -> int:
        """Ten points for a mutation, one for each record that a list may bring."""
        total = 0
        for field in operation.selection_set.selections:
            if not isinstance(field, FieldNode):
                continue
            if operation.operation.value == "mutation":
                total += 10
                continue
            first = next((a.value for a in field.arguments or () if a.name.value in ("first", "ids")), None)
            named = getattr(getattr(first, "name", None), "value", "")
            value = variables.get(named, getattr(first, "value", 1))
            total += 2 + (len(value) if isinstance(value, list) else int(value or 1)) if first else 1
        return total

    def told(self, cost: int) -> dict[str, Any]:
        """What is left of the points."""
        status = {
            "maximumAvailable": MOST_POINTS,
            "currentlyAvailable": round(self.points),
            "restoreRate": RESTORED,
        }
        return {"cost": {"requestedQueryCost": cost, "actualQueryCost": cost, "throttleStatus": status}}

    def root(self) -> dict[str, Any]:
        """What may be asked and done."""
        return {
            "shop": lambda info: self.about(), "customers": self.customers, "orders": self.orders,
            "customer": lambda info, id: self.by_id("customers", id),
            "order": lambda info, id: self.by_id("orders", id),
            "customerByIdentifier": self.by_identifier,
            "nodes": lambda info, ids: [self.by_id(None, one) for one in ids],
            "metafieldDefinitions": self.list_definitions,
            "customersCount": partial(self.count, "customers"), "ordersCount": partial(self.count, "orders"),
            "bulkOperation": self.bulk.one, "currentBulkOperation": self.bulk.current,
            "bulkOperationRunQuery": self.bulk.run, "bulkOperationCancel": self.bulk.cancel,
            "webhookSubscriptions": lambda info, **more: connection(list(self.hooks.values())),
            "customerCreate": self.create, "customerUpdate": self.update, "customerSet": self.upsert,
            "customerDelete": self.delete, "customerMerge": self.merge,
            "customerEmailMarketingConsentUpdate": self.consent, "metafieldsSet": self.set_metafields,
            "metafieldDefinitionCreate": self.define, "webhookSubscriptionCreate": self.listen,
            "webhookSubscriptionDelete": self.stop_listening,
        }  # fmt: skip

    # a customer ----------------------------------------------------------------------------------------------

    def form(self, soul: Soul, draw: int) -> dict[str, Any]:
        """As somebody registers in the shop."""
        state = "UNSUBSCRIBED" if soul.trait == "unsubscribed" else ("NOT_SUBSCRIBED", "SUBSCRIBED")[draw % 2]
        return {
            "firstName": soul.first, "lastName": soul.last or None, "email": soul.email,
            "phone": f"+{soul.phone}" if soul.phone else None,
            "emailMarketingConsent": {"marketingState": state, "marketingOptInLevel": "SINGLE_OPT_IN"},
        }  # fmt: skip

    def identify(self, kind: str, seq: int, chance: random.Random) -> str:
        """Numbers; the API names them in global ids."""
        return str(seq + {"customers": 7_100_000_000_000, "orders": 5_400_000_000_000}[kind])

    def whole(self, kind: str, identifier: str, fields: dict[str, Any], created: int) -> dict[str, Any]:
        """A customer as it is kept."""
        body: dict[str, Any] = {
            "id": gid("Customer", identifier), "legacyResourceId": identifier, "firstName": None, "lastName": None,
            "email": None, "phone": None, "note": None, "tags": [], "locale": "en", "createdAt": iso_utc(created),
            "numberOfOrders": "0", "addresses": [], "metafields": [],
            "emailMarketingConsent": {"marketingState": "NOT_SUBSCRIBED", "marketingOptInLevel": "SINGLE_OPT_IN"},
        }  # fmt: skip
        return self.merged(kind, body, fields)

    def merged(self, kind: str, body: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
        """Metafields go by namespace and key; empty texts are nothing."""
        given = {n: v or None if n in ("firstName", "lastName", "email", "phone") else v
                 for n, v in part.items() if n not in ("id", "metafields")}  # fmt: skip
        found = laid_over(body, given)
        kept = [dict(field) for field in body.get("metafields", ())]
        for field in part.get("metafields") or ():
            space = field.get("namespace") or "app"
            same = next((o for o in kept if (o["namespace"], o["key"]) == (space, field["key"])), None)
            if same is None:
                self.number += 1
                same = {"id": gid("Metafield", self.number), "namespace": space, "key": field["key"]}
                kept.append(same)
            same |= {"value": field["value"], "updatedAt": iso_utc(self.clock.ms()),
                     "type": field.get("type") or same.get("type") or "single_line_text_field"}  # fmt: skip
        found["metafields"] = kept
        return found

    def stamped(self, kind: str, body: dict[str, Any], updated: int) -> None:
        """Whole seconds."""
        body["updatedAt"] = iso_utc(updated)

    def person(self, body: dict[str, Any]) -> View:
        """For the truth."""
        return viewed(body["firstName"], body["lastName"], body["email"], body["phone"])

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Two members."""
        return {"firstName": first, "lastName": last}

    def control_merge(self, kind: str, winner: str, loser: str) -> Any:
        """The loser vanishes; what only it had goes over."""
        kept, lost = self.kind(kind).live(winner), self.kind(kind).live(loser)
        if kept is None or lost is None:
            raise KeyError(loser)
        gaps = {
            n: lost.body[n] for n in ("firstName", "lastName", "email", "phone", "note") if not kept.body[n]
        }
        self.remove(kind, lost)
        return self.view(kind, self.write(kind, kept, {name: value for name, value in gaps.items() if value}))

    def node(self, row: Row) -> dict[str, Any]:
        """A customer as GraphQL is answered."""
        body = row.body
        email, phone, consent = body["email"], body["phone"], body["emailMarketingConsent"]
        name = " ".join(filter(None, (body["firstName"], body["lastName"])))
        return {
            **body, "__typename": "Customer", "displayName": name or email or phone or "",
            "defaultEmailAddress": email and {
                "emailAddress": email, "marketingState": consent["marketingState"],
                "marketingOptInLevel": consent.get("marketingOptInLevel"), "validFormat": True,
                "marketingUpdatedAt": consent.get("consentUpdatedAt"),
            },
            "defaultPhoneNumber": phone and {"phoneNumber": phone, "marketingState": "NOT_SUBSCRIBED"},
            "defaultAddress": self.address(row),
            "metafields": lambda info, namespace=None, keys=None, first=10, after=None: connection(
                [f for f in body["metafields"] if namespace in (None, f["namespace"])][: self.most(first)]
            ),
            "metafield": lambda info, key, namespace="app": next(
                (f for f in body["metafields"] if (f["namespace"], f["key"]) == (namespace, key)), None
            ),
        }  # fmt: skip

    def address(self, row: Row) -> dict[str, Any] | None:
        """The first address of a customer."""
        found = row.body["addresses"]
        return {"id": gid("MailingAddress", row.id), **found[0]} if found else None

    def by_id(self, kind: str | None, identifier: str) -> dict[str, Any] | None:
        """A record by its global id."""
        found = kind or {"Customer": "customers", "Order": "orders"}.get(identifier.split("/")[-2], "")
        row = self.kind(found).live(bare(identifier)) if found else None
        if row is None:
            return None
        return self.node(row) if found == "customers" else self.order_node(row)

    def by_identifier(self, info: Any, identifier: dict[str, str]) -> dict[str, Any] | None:
        """A customer by id, address or number."""
        row = self.whom(identifier)
        return None if row is None else self.node(row)

    def whom(self, identifier: dict[str, str]) -> Row | None:
        """The row that an identifier means."""
        people = self.kind("customers")
        if identifier.get("id"):
            return people.live(bare(identifier["id"]))
        email, phone = (
            identifier.get(n) or identifier.get(o)
            for n, o in (("emailAddress", "email"), ("phoneNumber", "phone"))
        )
        if email:
            return people.first("state = 0 AND email = ?", normal_email(email))
        return people.first("state = 0 AND phone = ?", normal_phone(phone)) if phone else None

    def conditions(self, query: str | None) -> Conditions:
        """What a query in Shopify's search language asks for; words that mean nothing there are passed over."""
        found = Conditions("state = 0")
        at = 0
        while query and at < len(query):
            term = TERM.match(query, at)
            if term is None:
                break
            at = term.end()
            value = re.sub(r"\\(.)", r"\1", term["value"].strip("\"'"))
            if term["name"] == "email":
                found.add("email = ?", normal_email(value))
            elif term["name"] == "phone":
                found.add("phone = ?", normal_phone(value))
            elif term["name"] == "id":
                found.add("id = ?", value)
            elif term["name"] in ("updated_at", "created_at", "processed_at", "customer_date"):
                column = "updated" if term["name"] == "updated_at" else "created"
                moment = parse_ms(value)
                if moment is not None:
                    found.add(f"{column} / 1000 {term['sign'] or '='} ?", moment // 1000)
        return found

    def listed(self, kind: str, column: str, arguments: dict[str, Any]) -> tuple[list[Row], bool, str]:
        """The rows of a page, whether more follow, and the column as which the cursor counts."""
        conditions = self.conditions(arguments.get("query"))
        size = EVERYTHING if self.at_large else arguments.get("first")
        if not size or (size > MOST_ON_A_PAGE and not self.at_large):
            raise GraphQLError("you must provide one of first or last, of at most 250")
        down = arguments.get("reverse", False)
        sign = "<" if down else ">"
        if arguments.get("after"):
            try:
                value, seq = orjson.loads(base64.b64decode(arguments["after"]))
            except ValueError:
                raise GraphQLError("Invalid cursor for current pagination sort.") from None
            conditions.add(f"({column} {sign} ? OR ({column} = ? AND seq {sign} ?))", value, value, seq)
        way = "DESC" if down else "ASC"
        rows = self.kind(kind).rows(
            conditions.where, (*conditions.values, size + 1), f"ORDER BY {column} {way}, seq {way} LIMIT ?"
        )
        return rows[:size], len(rows) > size, column

    def most(self, first: int | None) -> int | None:
        """How many of a list are shown: a bulk operation shows all."""
        return None if self.at_large else first

    def count(
        self, kind: str, info: Any, query: str | None = None, limit: int | None = 10_000
    ) -> dict[str, Any]:
        """How many records there are, counted up to a limit."""
        conditions = self.conditions(query)
        found = self.kind(kind).count(conditions.where, conditions.values)
        least = limit is not None and found > limit
        return {"count": limit if least else found, "precision": "AT_LEAST" if least else "EXACT"}

    def connected(self, rows: list[Row], more: bool, column: str, nodes: list[Any]) -> dict[str, Any]:
        """A page as GraphQL has it."""

        def cursor(row: Row) -> str:
            value = {"updated": row.updated, "created": row.created}.get(column, row.seq)
            return base64.b64encode(orjson.dumps([value, row.seq])).decode()

        ends = (cursor(rows[0]), cursor(rows[-1])) if rows else (None, None)
        info = {"hasNextPage": more, "hasPreviousPage": False, "startCursor": ends[0], "endCursor": ends[1]}
        edges = [{"cursor": cursor(row), "node": node} for row, node in zip(rows, nodes, strict=True)]
        return {"nodes": nodes, "pageInfo": info, "edges": edges}

    def customers(self, info: Any, sortKey: str = "ID", **arguments: Any) -> dict[str, Any]:
        """A page of customers; a search finds new ones a moment later."""
        column = {"UPDATED_AT": "updated", "CREATED_AT": "created"}.get(sortKey, "seq")
        rows, more, column = self.listed("customers", column, arguments)
        return self.connected(rows, more, column, [self.node(row) for row in rows])

    # changing ------------------------------------------------------------------------------------------------

    def checked(self, given: dict[str, Any], row: Row | None) -> None:
        """Raises `Taken` with the first field that isn't taken."""
        email, phone = given.get("email"), given.get("phone")
        people = self.kind("customers")
        if email:
            if not EMAIL.fullmatch(email) or self.refuses(email):
                raise Taken("Email is invalid", "email")
            other = people.first("state = 0 AND email = ?", normal_email(email))
            if other is not None and (row is None or other.id != row.id):
                raise Taken("Email has already been taken", "email")
        if phone:
            if not normal_phone(phone) or not phone.startswith("+"):
                raise Taken("Phone is invalid", "phone")
            other = people.first("state = 0 AND phone = ?", normal_phone(phone))
            if other is not None and (row is None or other.id != row.id):
                raise Taken("Phone has already been taken", "phone")
        known = row.body if row is not None else {}
        if not any({**known, **given}.get(name) for name in ("firstName", "lastName", "email", "phone")):
            raise Taken("Customer must have a name, phone number or email address")
        for field in given.get("metafields") or ():
            if not field.get("value"):
                raise Taken("Value can't be blank.", "metafields", "0", "value")
        if given.get("emailMarketingConsent") and row is not None:
            raise Taken("To update emailMarketingConsent, please use the customerEmailMarketingConsentUpdate Mutation "
                        "instead", "emailMarketingConsent")  # fmt: skip

    def create(self, info: Any, input: dict[str, Any]) -> dict[str, Any]:
        """A new customer."""
        try:
            self.checked(input, None)
        except Taken as taken:
            return {"customer": None, "userErrors": [taken.error]}
        return {"customer": self.node(self.make("customers", input)), "userErrors": []}

    def update(self, info: Any, input: dict[str, Any]) -> dict[str, Any]:
        """A part of a customer."""
        row = self.kind("customers").live(bare(input.get("id") or ""))
        try:
            if row is None:
                raise Taken("Customer does not exist", "id")
            self.checked(input, row)
        except Taken as taken:
            return {"customer": None, "userErrors": [taken.error]}
        return {"customer": self.node(self.write("customers", row, input)), "userErrors": []}

    def upsert(
        self, info: Any, input: dict[str, Any], identifier: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """The customer whom the identifier means, changed; else a new one."""
        row = self.whom(identifier or {k: input[k] for k in ("id", "email", "phone") if input.get(k)})
        if row is None:
            return self.create(info, input)
        return self.update(info, {**input, "id": row.body["id"]})

    def delete(self, info: Any, input: dict[str, Any]) -> dict[str, Any]:
        """For good."""
        row = self.kind("customers").live(bare(input["id"]))
        if row is None:
            error = {"field": ["id"], "message": "Customer can't be found"}
            return {"deletedCustomerId": None, "shop": self.about(), "userErrors": [error]}
        self.remove("customers", row)
        return {"deletedCustomerId": row.body["id"], "shop": self.about(), "userErrors": []}

    def merge(self, info: Any, customerOneId: str, customerTwoId: str) -> dict[str, Any]:
        """The second customer stays."""
        try:
            kept = self.control_merge("customers", bare(customerTwoId), bare(customerOneId))
        except KeyError:
            error = {"field": ["customerOneId"], "message": "Customer does not exist"}
            return {"resultingCustomerId": None, "userErrors": [error]}
        return {"resultingCustomerId": kept["id"], "userErrors": []}

    def consent(self, info: Any, input: dict[str, Any]) -> dict[str, Any]:
        """Whether advertising may be sent."""
        row = self.kind("customers").live(bare(input["customerId"]))
        if row is None or not row.body["email"]:
            error = {"field": ["input", "customerId"], "message": "Customer must have an email address"}
            return {"customer": None, "userErrors": [error]}
        part = {"emailMarketingConsent": dict(input["emailMarketingConsent"])}
        return {"customer": self.node(self.write("customers", row, part)), "userErrors": []}

    def set_metafields(self, info: Any, metafields: list[dict[str, Any]]) -> dict[str, Any]:
        """Up to 25 at once, all or none."""
        if len(metafields) > 25:
            return {
                "metafields": None,
                "userErrors": [{"field": ["metafields"], "message": "Exceeded the maximum of 25"}],
            }
        rows = [self.kind("customers").live(bare(field["ownerId"])) for field in metafields]
        if any(row is None for row in rows) or not all(field["value"] for field in metafields):
            error = {
                "field": ["metafields", "0", "ownerId"],
                "message": "Owner does not exist, or a value is blank.",
            }
            return {"metafields": None, "userErrors": [error]}
        made = []
        for field in metafields:
            row = self.kind("customers").live(bare(field["ownerId"]))
            assert row is not None
            row = self.write("customers", row, {"metafields": [field]})
            made.append(next(f for f in row.body["metafields"] if f["key"] == field["key"]))
        return {"metafields": made, "userErrors": []}

    def list_definitions(
        self, info: Any, ownerType: str, namespace: str | None = None, **more: Any
    ) -> dict[str, Any]:
        """The metafields that are defined."""
        return connection([d for d in self.definitions if d["ownerType"] == ownerType
                           and namespace in (None, d["namespace"])])  # fmt: skip

    def define(self, info: Any, definition: dict[str, Any]) -> dict[str, Any]:
        """A new definition; a key is taken once."""
        space = definition.get("namespace") or "app"
        if any((d["namespace"], d["key"]) == (space, definition["key"]) for d in self.definitions):
            error = {"field": ["definition", "key"], "message": "Key is in use for Customer metafields."}
            return {"createdDefinition": None, "userErrors": [error]}
        self.number += 1
        made = {**definition, "id": gid("MetafieldDefinition", self.number), "namespace": space,
                "type": {"name": definition["type"], "category": "TEXT"}}  # fmt: skip
        self.definitions.append(made)
        self.store.writes += 1
        return {"createdDefinition": made, "userErrors": []}

    # the shop and its orders ---------------------------------------------------------------------------------

    def about(self) -> dict[str, Any]:
        """The shop."""
        return {
            "id": gid("Shop", 64_000_000_001), "name": business.NAME, "email": business.EMAIL,
            "myshopifyDomain": self.shop, "currencyCode": business.CURRENCY, "ianaTimezone": business.TIMEZONE,
            "billingAddress": {"countryCodeV2": business.COUNTRY, "city": business.TOWN},
        }  # fmt: skip

    def sell(self, basket: Basket, seq: int, chance: random.Random) -> tuple[str, list[str]]:
        """An order with its lines and refunds."""
        identifier = self.identify("orders", seq, chance)
        back = sum(amount for _, amount in basket.refunds)
        whole = basket.total + basket.tip
        given_back = "REFUNDED" if back == basket.total else "PARTIALLY_REFUNDED" if back else "PAID"
        lines = [
            {"id": gid("LineItem", seq * 10 + place), "name": item.name, "title": item.name, "quantity": item.count,
             "sku": f"S{len(item.name)}", "originalTotalSet": bag(item.count * item.unit),
             "discountedTotalSet": bag(item.total)}
            for place, item in enumerate(basket.items)
        ]  # fmt: skip
        refunds = [
            {"id": gid("Refund", 880_000_000_000 + seq * 10 + place), "note": None, "createdAt": iso_utc(at),
             "legacyResourceId": str(880_000_000_000 + seq * 10 + place), "totalRefundedSet": bag(amount)}
            for place, (at, amount) in enumerate(basket.refunds)
        ]  # fmt: skip
        last = max((at for at, _ in basket.refunds), default=basket.placed)
        soul = basket.person
        body: dict[str, Any] = {
            "id": gid("Order", identifier), "legacyResourceId": identifier, "name": f"#{1000 + seq}",
            "email": soul and soul.email, "phone": None, "customer_id": basket.customer,
            "createdAt": iso_utc(basket.placed), "processedAt": iso_utc(basket.placed),
            "cancelledAt": None if basket.done or seq % 2 else iso_utc(basket.placed), "test": False,
            "currencyCode": business.CURRENCY, "totalPriceSet": bag(whole), "currentTotalPriceSet": bag(whole - back),
            "displayFinancialStatus": given_back if basket.done else ("VOIDED", "PENDING")[seq % 2],
            "totalTaxSet": bag(basket.tax), "totalShippingPriceSet": bag(0), "totalTipReceivedSet": bag(basket.tip),
            "totalDiscountsSet": bag(sum(item.discount for item in basket.items)), "totalRefundedSet": bag(back),
            "lines": lines, "refunded": refunds,
        }  # fmt: skip
        self.stamped("orders", body, last)
        self.sold += 1
        row = Row(None, identifier, None, None, basket.customer, basket.placed, last, LIVE, body)
        self.kind("orders").load([packed(row, self.sold)])
        return identifier, [str(refund["legacyResourceId"]) for refund in refunds]

    def order_node(self, row: Row) -> dict[str, Any]:
        """An order as GraphQL is answered."""
        body = row.body
        return {
            **body, "__typename": "Order",
            "customer": lambda info: self.by_id("customers", body["customer_id"]) if body["customer_id"] else None,
            "lineItems": lambda info, first=50, after=None: connection(body["lines"][: self.most(first)]),
            "refunds": lambda info, first=None: body["refunded"][:first],
        }  # fmt: skip

    def orders(self, info: Any, sortKey: str = "PROCESSED_AT", **arguments: Any) -> dict[str, Any]:
        """A page of orders."""
        column = {"UPDATED_AT": "updated", "ID": "seq"}.get(sortKey, "created")
        rows, more, column = self.listed("orders", column, arguments)
        return self.connected(rows, more, column, [self.order_node(row) for row in rows])

    # webhooks ------------------------------------------------------------------------------------------------

    def listen(self, info: Any, topic: str, webhookSubscription: dict[str, Any]) -> dict[str, Any]:
        """Register an address for a topic."""
        url = str(webhookSubscription.get("uri") or webhookSubscription.get("callbackUrl") or "")
        if not url.startswith(("http://", "https://")):
            error = {"field": ["webhookSubscription", "callbackUrl"], "message": "Address is invalid"}
            return {"webhookSubscription": None, "userErrors": [error]}
        self.number += 1
        identifier = gid("WebhookSubscription", self.number)
        self.hooks[identifier] = {"id": identifier, "topic": topic, "uri": url, "format": "JSON",
                                  "createdAt": iso_utc(self.clock.ms())}  # fmt: skip
        self.store.writes += 1
        return {"webhookSubscription": self.hooks[identifier], "userErrors": []}

    def stop_listening(self, info: Any, id: str) -> dict[str, Any]:
        """Forget an address."""
        if self.hooks.pop(id, None) is None:
            error = {"field": ["id"], "message": "Webhook subscription does not exist"}
            return {"deletedWebhookSubscriptionId": None, "userErrors": [error]}
        self.store.writes += 1
        return {"deletedWebhookSubscriptionId": id, "userErrors": []}

    def happened(self, kind: str, row: Row, what: str) -> None:
        """The record in the older API's form, signed with the app's secret."""
        topic = TOPICS.get((kind, what))
        body: dict[str, Any] = {"id": int(row.id), "admin_graphql_api_id": row.body["id"]}
        if what != "deleted":
            body |= {"email": row.body["email"], "first_name": row.body["firstName"], "phone": row.body["phone"],
                     "last_name": row.body["lastName"], "updated_at": row.body["updatedAt"]}  # fmt: skip
        for hook in self.hooks.values():
            if hook["topic"] == topic:
                signer = self.signer(str(topic).lower().replace("_", "/", 1))
                self.courier.send(Delivery(hook["uri"], orjson.dumps(body), "application/json", signer))

    def signer(self, topic: str) -> Signer:
        """HMAC in Base64; the same message keeps its id."""
        identifier, secret = random_uuid(self.chance), self.grants.client_secret

        def sign(body: bytes, attempt: int, wrong: bool) -> dict[str, str]:
            return {
                "X-Shopify-Hmac-SHA256": hmac_base64(or_wrong(secret, wrong), body), "X-Shopify-Topic": topic,
                "X-Shopify-Webhook-Id": identifier, "X-Shopify-Shop-Domain": self.shop,
                "X-Shopify-API-Version": VERSION, "X-Shopify-Triggered-At": iso_utc(self.clock.ms()),
            }  # fmt: skip

        return sign


def connection(nodes: list[Any]) -> dict[str, Any]:
    """A short list as a page of its own."""
    edges = [{"cursor": str(place), "node": node} for place, node in enumerate(nodes)]
    return {"nodes": nodes, "edges": edges, "pageInfo": {"hasNextPage": False, "hasPreviousPage": False}}

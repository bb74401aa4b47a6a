"""Square's customers: one by one and in bulk."""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from ..clock import iso_ms
from ..conditions import Conditions
from ..resource import Resource
from ..state import LIVE, Cell, Row, normal_email, normal_phone
from ..wire import Answer, Call, Refused, Routes, reply
from .customer_fields import NAMING, checked
from .customer_search import add_filter
from .errors import conflict, invalid
from .pages import page_size

if TYPE_CHECKING:
    from .vendor import Square

BULK = 100


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


class Customers(Resource):
    """The people of Square."""

    vendor: "Square"

    def route(self, routes: Routes) -> None:
        """The paths of `/v2/customers` itself."""
        people = "/v2/customers"
        routes.add("GET", people, self.listed)
        routes.add("POST", people, self.create)
        routes.add("POST", f"{people}/search", self.search)
        for word, handler in (("create", self.bulk_create), ("retrieve", self.bulk_retrieve),
                              ("update", self.bulk_update), ("delete", self.bulk_delete)):  # fmt: skip
            routes.add("POST", f"{people}/bulk-{word}", handler)
        routes.add("GET", f"{people}/{{id}}", self.retrieve)
        routes.add("PUT", f"{people}/{{id}}", self.update)
        routes.add("DELETE", f"{people}/{{id}}", self.delete)

    def retrieve(self, call: Call) -> Answer:
        """One customer."""
        return reply({"customer": self.found(call.params["id"]).body}, records=1)

    def found(self, identifier: str) -> Row:
        """A customer, else 404."""
        return self.vendor.found("customers", identifier)

    def listed(self, call: Call) -> Answer:
        """A page of customers."""
        kind = self.kind("customers")
        more = {"count": kind.count()} if call.arg("count") == "true" else {}
        return self.vendor.pages.page(
            kind,
            Conditions("state = 0"),
            page_size(call.arg("limit")),
            call.arg("cursor"),
            "created" if call.arg("sort_field") == "CREATED_AT" else "seq",
            call.arg("sort_order") == "DESC",
            more,
        )

    def search(self, call: Call) -> Answer:
        """Filters of all kinds; a profile written a moment ago isn't found yet."""
        given = call.json()
        query = given.get("query") or {}
        wanted, sort = query.get("filter") or {}, query.get("sort") or {}
        conditions = Conditions("state = 0")
        self.vendor.add_search_lag(conditions, "updated_at" in wanted)
        add_filter(conditions, wanted)
        kind = self.kind("customers")
        more = {"count": kind.count(conditions.where, conditions.values)} if given.get("count") else {}
        return self.vendor.pages.page(
            kind,
            conditions,
            page_size(given.get("limit")),
            given.get("cursor"),
            "created" if sort.get("field") == "CREATED_AT" else "seq",
            sort.get("order") == "DESC",
            more,
            query,
        )

    def insert(self, given: dict[str, Any]) -> Row:
        """A new customer; one of five members must be there."""
        fields = checked(given, self.vendor.refuses)
        if not any(fields.get(name) for name in NAMING):
            words = (
                "At least one of `given_name`, `family_name`, `company_name`, `email_address`, or `phone_number` is "
                "required."
            )
            raise invalid("BAD_REQUEST", words)
        return self.put_new(fields)

    def put_new(self, fields: dict[str, Any], identifier: str = "") -> Row:
        now = self.clock.ms()
        cell = customer_cell(None, identifier or square_id(self.chance), now, now, fields)
        row = self.kind("customers").put(Row.of(cell))
        self.vendor.webhooks.announce("customer.created", "customer", row.id, {"customer": row.body})
        return row

    def alter(self, row: Row, given: dict[str, Any]) -> Row:
        """Write what differs; 409 where the version is an old one."""
        version = given.get("version")
        if version is not None and version != row.body["version"]:
            words = f"Version mismatch: the customer is at version {row.body['version']}."
            raise conflict("version", words)
        if self.vendor.refuses(row.email):
            raise invalid("INVALID_EMAIL_ADDRESS", "This record was refused", "email_address")
        return self.write(row, checked(given, self.vendor.refuses))

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
        self.vendor.webhooks.announce("customer.updated", "customer", row.id, {"customer": row.body})
        return row

    def create(self, call: Call) -> Answer:
        """One new customer."""
        given = call.json()
        key = given.pop("idempotency_key", None)
        return self.vendor.idempotency.once(key, call, lambda: reply({"customer": self.insert(given).body}))

    def update(self, call: Call) -> Answer:
        """Change a customer."""
        return reply({"customer": self.alter(self.found(call.params["id"]), call.json()).body})

    def delete(self, call: Call) -> Answer:
        """Remove a customer."""
        row = self.found(call.params["id"])
        if call.arg("version") and int(call.arg("version")) != row.body["version"]:
            raise conflict()
        self.remove(row)
        return reply({})

    def remove(self, row: Row) -> None:
        self.kind("customers").delete(row.id)
        self.vendor.webhooks.announce(
            "customer.deleted", "customer", row.id, {"customer": row.body}, deleted=True
        )

    def each(self, entries: dict[str, Any], act: Callable[[str, Any], dict[str, Any]]) -> Answer:
        """A bulk request: a map with the same keys, each the record or the errors."""
        if not isinstance(entries, dict) or not 1 <= len(entries) <= BULK:
            raise invalid("INVALID_VALUE", f"A bulk request holds 1 to {BULK} entries.")
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
            answer = self.vendor.idempotency.once(
                key, inner, lambda: reply({"customer": self.insert(item).body})
            )
            found: dict[str, Any] = answer.json()
            return found

        return self.each(call.json()["customers"], act)

    def bulk_update(self, call: Call) -> Answer:
        """Change customers by id."""
        return self.each(
            call.json()["customers"],
            lambda key, item: {"customer": self.alter(self.found(key), item).body},
        )

    def bulk_retrieve(self, call: Call) -> Answer:
        """Read customers by id."""
        ids = dict.fromkeys(str(i) for i in call.json()["customer_ids"])
        return self.each(dict(ids), lambda key, _: {"customer": self.found(key).body})

    def bulk_delete(self, call: Call) -> Answer:
        """Remove customers by id."""

        def act(key: str, _: object) -> dict[str, Any]:
            self.remove(self.found(key))
            return {}

        return self.each(dict.fromkeys(str(i) for i in call.json()["customer_ids"]), act)

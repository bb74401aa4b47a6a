"""Square's orders, and whole sales as they happen at a till."""

from typing import TYPE_CHECKING, Any

from ..clock import iso_ms
from ..conditions import Conditions
from ..resource import Resource
from ..state import Row
from ..wire import Answer, Call, Routes, reply
from .errors import conflict, invalid
from .locations import LOCATIONS
from .pages import add_time_range, moment, page_size
from .till import long_id, money, order_cell, totalled

if TYPE_CHECKING:
    from .vendor import Square


class Orders(Resource):
    """Orders, found by place, state, customer and date."""

    vendor: "Square"

    def route(self, routes: Routes) -> None:
        """The paths of `/v2/orders`."""
        routes.add("POST", "/v2/orders", self.create)
        routes.add("POST", "/v2/orders/search", self.search)
        routes.add("POST", "/v2/orders/batch-retrieve", self.batch_retrieve)
        routes.add("GET", "/v2/orders/{id}", self.retrieve)
        routes.add("PUT", "/v2/orders/{id}", self.update)

    def retrieve(self, call: Call) -> Answer:
        """One order."""
        return reply({"order": self.vendor.found("orders", call.params["id"]).body}, records=1)

    def search(self, call: Call) -> Answer:
        """Orders of up to ten places, in the order of the date that is filtered by."""
        given = call.json()
        places = given.get("location_ids")
        if not isinstance(places, list) or not places:
            raise invalid("MISSING_REQUIRED_PARAMETER", "location_ids is required.", "location_ids")
        if len(places) > 10:
            raise invalid("ARRAY_LENGTH_TOO_LONG", "At most 10 location_ids.", "location_ids")
        conditions = Conditions("state = 0")
        conditions.one_of("phone", places)
        query = given.get("query") or {}
        wanted, sort = query.get("filter") or {}, query.get("sort") or {}
        for name, one in (wanted.get("date_time_filter") or {}).items():
            if sort.get("sort_field", "CREATED_AT").lower() != name:
                words = "sort_field must be the date that is filtered by."
                raise invalid("BAD_REQUEST", words, "query.sort.sort_field")
            self.add_dates(conditions, name, one)
        for member, key, column in (
            ("state_filter", "states", "ref"),
            ("customer_filter", "customer_ids", "email"),
        ):
            many = (wanted.get(member) or {}).get(key)
            if many:
                conditions.one_of(column, many)
        answer = self.vendor.pages.page(
            self.kind("orders"),
            conditions,
            page_size(given.get("limit"), 1000, 500),
            given.get("cursor"),
            "updated" if sort.get("sort_field") == "UPDATED_AT" else "created",
            str(sort.get("sort_order", "DESC")).upper() == "DESC",
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

    def add_dates(self, conditions: Conditions, name: str, given: dict[str, Any]) -> None:
        """A range of dates; when an order was closed stands in its JSON alone, as text."""
        if name != "closed_at":
            add_time_range(conditions, {"updated_at": "updated", "created_at": "created"}[name], given)
            return
        for end, sign in (("start_at", ">="), ("end_at", "<=")):
            if given.get(end):
                conditions.add(f"json_extract(body, '$.closed_at') {sign} ?", iso_ms(moment(given, end)))

    def batch_retrieve(self, call: Call) -> Answer:
        """Orders by id; unknown ones are left out."""
        ids = call.json()["order_ids"]
        if not 1 <= len(ids) <= 100:
            raise invalid("INVALID_VALUE", "1 to 100 order_ids.", "order_ids")
        rows = [self.kind("orders").get(str(identifier)) for identifier in ids]
        found = [row.body for row in rows if row is not None]
        return reply({"orders": found} if found else {}, records=len(found))

    def create(self, call: Call) -> Answer:
        """A new open order with its sums."""
        body = call.json()
        given = body.get("order") or {}

        def act() -> Answer:
            self.vendor.locations.found(given.get("location_id"))
            return reply({"order": self.put_new(totalled(given, self.chance)).body})

        return self.vendor.idempotency.once(body.get("idempotency_key"), call, act)

    def put_new(self, body: dict[str, Any], identifier: str = "") -> Row:
        """Keep a new order."""
        now = self.clock.ms()
        body |= {"id": identifier or long_id(self.chance), "state": body.get("state") or "OPEN", "version": 1,
                 "created_at": iso_ms(now), "updated_at": iso_ms(now)}  # fmt: skip
        row = self.kind("orders").put(Row.of(order_cell(body, now, now)))
        self.announce("created", row)
        return row

    def update(self, call: Call) -> Answer:
        """Change an order's state or texts; the version must be the one it has."""
        row = self.vendor.found("orders", call.params["id"])
        given = call.json()["order"]
        if given.get("version") not in (None, row.body["version"]):
            raise conflict("order.version")
        row.body |= {
            name: given[name]
            for name in ("state", "reference_id", "customer_id", "metadata")
            if name in given
        }
        self.touch(row)
        return reply({"order": row.body})

    def touch(self, row: Row) -> None:
        row.touch(self.clock.ms())
        row.body["version"] += 1
        row.body["updated_at"] = iso_ms(row.updated)
        if row.body["state"] in ("COMPLETED", "CANCELED"):
            row.body.setdefault("closed_at", row.body["updated_at"])
        row.ref, row.email = row.body["state"], row.body.get("customer_id")
        self.kind("orders").put(row)
        self.announce("updated", row)

    def announce(self, word: str, row: Row) -> None:
        short = {"order_id": row.id, "version": row.body["version"], "location_id": row.body["location_id"],
                 "state": row.body["state"], "created_at": row.body["created_at"]}  # fmt: skip
        if word == "updated":
            short["updated_at"] = row.body["updated_at"]
        self.vendor.webhooks.announce(f"order.{word}", f"order_{word}", row.id, {f"order_{word}": short})

    def sell(self, part: dict[str, Any], identifier: str = "") -> Row:
        """A whole sale: an order, and the payment that completes it unless it stays open, or each of `tenders`."""
        lines = part.get("line_items") or [
            {"name": "Flat white", "quantity": "1", "base_price_money": part.get("total_money") or money(340)}
        ]
        body = totalled({"location_id": LOCATIONS[0]} | part | {"line_items": lines}, self.chance)
        row = self.put_new(body, identifier)
        if part.get("state", "COMPLETED") == "COMPLETED":
            whole = {"customer_id": part.get("customer_id"), "amount_money": body["total_money"],
                     "tip_money": part.get("tip_money")}  # fmt: skip
            for one in part.get("tenders") or [whole]:
                self.vendor.payments.pay({"source_id": "CARD", "order_id": row.id, **one})
            row = self.vendor.found("orders", row.id)
        return row

"""Mailchimp's e-commerce part: shops with customers, products and orders."""

from typing import TYPE_CHECKING, Any

from ..clock import iso_s
from ..resource import Resource
from ..wire import Answer, Call, Refused, Routes, reply
from .partial import trimmed

if TYPE_CHECKING:
    from .vendor import Mailchimp


class Shops(Resource):
    """The shops of Mailchimp's e-commerce part: customers, products and orders under ids of one's own."""

    vendor: "Mailchimp"
    needed = {
        "stores": ("id", "list_id", "name", "currency_code"),
        "customers": ("id", "email_address", "opt_in_status"),
        "products": ("id", "title", "variants"),
        "orders": ("id", "customer", "currency_code", "order_total", "lines"),
    }

    def __init__(self, vendor: "Mailchimp") -> None:
        super().__init__(vendor)
        self.shops: dict[str, dict[str, Any]] = {}

    def route(self, routes: Routes) -> None:
        """The paths below `/ecommerce`."""
        routes.add("GET", "/ecommerce/orders", lambda call: self.listed(call, "orders", self.all_orders()))
        self.collection(routes, "/ecommerce/stores", "stores")
        for kind in ("customers", "products", "orders"):
            self.collection(routes, f"/ecommerce/stores/{{store}}/{kind}", kind)

    def collection(self, routes: Routes, path: str, kind: str) -> None:
        """The paths of one kind of record."""
        routes.add("GET", path, lambda call: self.listed(call, kind, list(self.place(call, kind).values())))
        routes.add("POST", path, lambda call: self.create(call, kind))
        routes.add("GET", f"{path}/{{id}}", lambda call: trimmed(call, self.bare(self.one(call, kind))))
        routes.add("PATCH", f"{path}/{{id}}", lambda call: self.change(call, kind))
        if kind == "customers":
            routes.add("PUT", f"{path}/{{id}}", self.put_customer)
        routes.add("DELETE", f"{path}/{{id}}", lambda call: self.remove(call, kind))

    def all_orders(self) -> list[dict[str, Any]]:
        """The orders of every shop."""
        return [order for shop in self.shops.values() for order in shop["_orders"].values()]

    def place(self, call: Call, kind: str) -> dict[str, dict[str, Any]]:
        """The records of a kind in the shop that a path names."""
        if kind == "stores":
            return self.shops
        shop = self.shops.get(call.params["store"])
        if shop is None:
            raise self.vendor.not_found()
        found: dict[str, dict[str, Any]] = shop[f"_{kind}"]
        return found

    def bare(self, item: dict[str, Any]) -> dict[str, Any]:
        """A record without what is kept below it."""
        return {name: value for name, value in item.items() if not name.startswith("_")}

    def listed(self, call: Call, kind: str, items: list[dict[str, Any]]) -> Answer:
        """A page by count and offset."""
        count, offset = call.number("count", 10), call.number("offset", 0)
        page = [self.bare(item) for item in items[offset : offset + count]]
        return trimmed(call, {kind: page, "total_items": len(items)}, len(page))

    def one(self, call: Call, kind: str) -> dict[str, Any]:
        """One record, else 404."""
        found = self.place(call, kind).get(call.params["id"])
        if found is None:
            raise self.vendor.not_found()
        return found

    def create(self, call: Call, kind: str) -> Answer:
        """A new record; 400 where its id is taken or a member is missing."""
        given, place = call.json(), self.place(call, kind)
        for name in self.needed[kind]:
            if name not in given:
                raise self.vendor.invalid(name, "This value should not be blank.")
        if str(given["id"]) in place:
            detail = f"{kind[:-1].capitalize()} with the provided id already exists in the account."
            raise Refused(self.vendor.problem(400, "Bad Request", detail))
        now = iso_s(self.clock.ms())
        made = dict(given) | {"created_at": now, "updated_at": now}
        if kind == "stores":
            made |= {"_customers": {}, "_products": {}, "_orders": {}}
        if kind == "orders":
            self.check_lines(call, given)
            made["store_id"] = call.params["store"]
        if kind == "customers":
            made |= {"orders_count": 0, "total_spent": 0}
        place[str(given["id"])] = made
        return reply(self.bare(made))

    def check_lines(self, call: Call, given: dict[str, Any]) -> None:
        """400 where a line is of a product that isn't there."""
        products = self.place(call, "products")
        for line in given["lines"]:
            if str(line.get("product_id")) not in products:
                raise self.vendor.invalid(
                    "lines.product_id", "A product with the provided ID does not exist."
                )

    def change(self, call: Call, kind: str) -> Answer:
        """Change a record."""
        item = self.one(call, kind)
        item |= {name: value for name, value in call.json().items() if name != "id"}
        item["updated_at"] = iso_s(self.clock.ms())
        return reply(self.bare(item))

    def put_customer(self, call: Call) -> Answer:
        """Make or change a customer."""
        if call.params["id"] in self.place(call, "customers"):
            return self.change(call, "customers")
        return self.create(call, "customers")

    def remove(self, call: Call, kind: str) -> Answer:
        """Remove a record."""
        self.one(call, kind)
        self.place(call, kind).pop(call.params["id"])
        return Answer(204)

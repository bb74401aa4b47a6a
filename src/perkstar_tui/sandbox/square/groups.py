"""Groups of Square's customers."""

from typing import TYPE_CHECKING, Any

from ..clock import iso_ms
from ..resource import Resource
from ..wire import Answer, Call, Routes, reply
from .customers import square_id
from .errors import not_found

if TYPE_CHECKING:
    from .vendor import Square


class Groups(Resource):
    """Groups by id; who is in one is kept with the customer."""

    vendor: "Square"

    def __init__(self, vendor: "Square") -> None:
        super().__init__(vendor)
        self.groups: dict[str, dict[str, Any]] = {}

    def route(self, routes: Routes) -> None:
        """The paths of groups and of being in one."""
        people = "/v2/customers"
        routes.add("GET", f"{people}/groups", self.listed)
        routes.add("POST", f"{people}/groups", self.create)
        routes.add("GET", f"{people}/groups/{{id}}", self.retrieve)
        routes.add("PUT", f"{people}/groups/{{id}}", self.update)
        routes.add("DELETE", f"{people}/groups/{{id}}", self.delete)
        routes.add("PUT", f"{people}/{{id}}/groups/{{group}}", self.join)
        routes.add("DELETE", f"{people}/{{id}}/groups/{{group}}", self.leave)

    def listed(self, call: Call) -> Answer:
        """Every group."""
        return reply({"groups": list(self.groups.values())})

    def retrieve(self, call: Call) -> Answer:
        """One group."""
        return reply({"group": self.found(call.params["id"])})

    def found(self, identifier: str) -> dict[str, Any]:
        """A group, else 404."""
        found = self.groups.get(identifier)
        if found is None:
            raise not_found("Group not found.")
        return found

    def create(self, call: Call) -> Answer:
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

        return self.vendor.idempotency.once(given.get("idempotency_key"), call, act)

    def update(self, call: Call) -> Answer:
        """Rename a group."""
        found = self.found(call.params["id"])
        found |= {"name": str(call.json()["group"]["name"]), "updated_at": iso_ms(self.clock.ms())}
        return reply({"group": found})

    def delete(self, call: Call) -> Answer:
        """Remove a group."""
        self.groups.pop(self.found(call.params["id"])["id"])
        return reply({})

    def join(self, call: Call) -> Answer:
        """Put a customer into a group."""
        row, group = self.vendor.customers.found(call.params["id"]), self.found(call.params["group"])["id"]
        self.vendor.customers.write(row, {"group_ids": sorted({*row.body.get("group_ids", []), group})})
        return reply({})

    def leave(self, call: Call) -> Answer:
        """Take a customer out of a group."""
        row, group = self.vendor.customers.found(call.params["id"]), self.found(call.params["group"])["id"]
        left = [other for other in row.body.get("group_ids", []) if other != group]
        self.vendor.customers.write(row, {"group_ids": left or None})
        return reply({})

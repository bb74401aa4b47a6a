"""HubSpot's properties and their groups, the standard ones and those that apps make."""

import re
from typing import TYPE_CHECKING, Any

from ..clock import iso_ms
from ..resource import Resource
from ..wire import Answer, Call, Refused, Routes, reply
from .definitions import FIELD_TYPES, definition, group, option, standard_properties
from .kinds import TYPES

if TYPE_CHECKING:
    from .vendor import HubSpot


class Properties(Resource):
    """By kind: definitions by name, and groups."""

    vendor: "HubSpot"

    def __init__(self, vendor: "HubSpot") -> None:
        super().__init__(vendor)
        self.known = {kind: standard_properties(kind, vendor.started) for kind in TYPES}
        self.groups = {kind: [group(f"{kind[:-1]}information", "Information", 0)] for kind in TYPES}

    def route(self, routes: Routes) -> None:
        """The paths of `/crm/v3/properties`."""
        fields = "/crm/v3/properties/{kind}"
        routes.add("GET", fields, self.listed)
        routes.add("POST", fields, self.create)
        routes.add("GET", f"{fields}/groups", self.list_groups)
        routes.add("POST", f"{fields}/groups", self.create_group)
        routes.add("GET", f"{fields}/groups/{{name}}", lambda call: reply(self.group(call)))
        routes.add("PATCH", f"{fields}/groups/{{name}}", self.update_group)
        routes.add("DELETE", f"{fields}/groups/{{name}}", self.delete_group)
        for word, handler in (("read", self.batch_read), ("create", self.batch_create),
                              ("archive", self.batch_archive)):  # fmt: skip
            routes.add("POST", f"{fields}/batch/{word}", handler)
        routes.add("GET", f"{fields}/{{name}}", lambda call: reply(self.property(call)))
        routes.add("PATCH", f"{fields}/{{name}}", self.update)
        routes.add("DELETE", f"{fields}/{{name}}", self.archive)

    def listed(self, call: Call) -> Answer:
        """Every property of a kind."""
        archived = call.arg("archived") == "true"
        known = self.known[self.vendor.kind_of(call)].values()
        return reply({"results": [found for found in known if found["archived"] is archived]})

    def property(self, call: Call) -> dict[str, Any]:
        """One property, else 404."""
        found = self.known[self.vendor.kind_of(call)].get(call.params["name"])
        if found is None or found["archived"]:
            raise self.vendor.not_found(f"Property {call.params['name']} does not exist")
        return found

    def define(self, kind: str, given: dict[str, Any]) -> dict[str, Any]:
        """A new property; 409 where the name is taken, 400 where it can't be."""
        name = str(given.get("name", ""))
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,99}", name):
            raise self.vendor.invalid(f"Invalid property name {name!r}", "INVALID_NAME", name)
        for member in ("label", "type", "fieldType", "groupName"):
            if not given.get(member):
                raise self.vendor.invalid(f"{member}: is required", "REQUIRED_FIELD")
        if given["type"] not in FIELD_TYPES:
            raise self.vendor.invalid(f"Unknown type {given['type']}", "INVALID_TYPE")
        if not any(found["name"] == given["groupName"] for found in self.groups[kind]):
            raise self.vendor.invalid(
                f"Property group {given['groupName']} does not exist", "GROUP_DOESNT_EXIST"
            )
        known = self.known[kind].get(name)
        if known is not None and not known["archived"]:
            message = f"Property named '{name}' already exists."
            raise Refused(self.vendor.error(409, "OBJECT_ALREADY_EXISTS", message))
        own = (meta for meta in self.known[kind].values() if not meta["hubspotDefined"])
        unique = sum(meta["hasUniqueValue"] for meta in own)
        if given.get("hasUniqueValue") and unique >= 10:
            raise self.vendor.invalid("At most 10 properties with unique values", "TOO_MANY_UNIQUE")
        made = definition(kind, name, given["type"], iso_ms(self.clock.ms()))
        made |= {member: given[member] for member in
                 ("label", "fieldType", "groupName", "description", "hasUniqueValue", "displayOrder", "hidden",
                  "formField") if given.get(member) is not None}  # fmt: skip
        made["options"] = [option(item) for item in given.get("options") or []]
        self.known[kind][name] = made
        return made

    def create(self, call: Call) -> Answer:
        """One new property."""
        return reply(self.define(self.vendor.kind_of(call), call.json()), 201)

    def batch_create(self, call: Call) -> Answer:
        """Several new properties."""
        return self.vendor.batches.each(call, 201, self.define)

    def batch_read(self, call: Call) -> Answer:
        """Several properties."""
        kind, inputs, _ = self.vendor.batches.inputs(call)
        known = [self.known[kind].get(str(item["name"])) for item in inputs]
        return self.vendor.batches.answer([found for found in known if found], [], 200)

    def batch_archive(self, call: Call) -> Answer:
        """Give up several properties."""
        kind, inputs, _ = self.vendor.batches.inputs(call)
        for item in inputs:
            self.give_up(kind, str(item["name"]))
        return Answer(204)

    def give_up(self, kind: str, name: str) -> None:
        """Archive a property; 404 where there is none, 400 for HubSpot's own."""
        meta = self.known[kind].get(name)
        if meta is None or meta["archived"]:
            raise self.vendor.not_found(f"Property {name} does not exist")
        if meta["hubspotDefined"]:
            raise self.vendor.invalid(f"Property {name} is defined by HubSpot", "READ_ONLY_DEFINITION", name)
        meta["archived"] = True

    def update(self, call: Call) -> Answer:
        """Change a property's texts and options."""
        meta = self.property(call)
        given = call.json()
        meta |= {
            name: given[name]
            for name in ("label", "description", "groupName", "fieldType", "hidden")
            if name in given
        }
        if "options" in given:
            meta["options"] = [option(item) for item in given["options"]]
        meta["updatedAt"] = iso_ms(self.clock.ms())
        return reply(meta)

    def archive(self, call: Call) -> Answer:
        """Give a property up."""
        self.give_up(self.vendor.kind_of(call), call.params["name"])
        return Answer(204)

    # groups

    def list_groups(self, call: Call) -> Answer:
        """Every group of properties."""
        return reply({"results": self.groups[self.vendor.kind_of(call)]})

    def group(self, call: Call) -> dict[str, Any]:
        """One group, else 404."""
        for found in self.groups[self.vendor.kind_of(call)]:
            if found["name"] == call.params["name"]:
                return found
        raise self.vendor.not_found("group not found")

    def create_group(self, call: Call) -> Answer:
        """A new group."""
        kind, given = self.vendor.kind_of(call), call.json()
        if any(found["name"] == given["name"] for found in self.groups[kind]):
            raise Refused(
                self.vendor.error(409, "OBJECT_ALREADY_EXISTS", f"Group {given['name']} already exists.")
            )
        made = group(str(given["name"]), str(given["label"]), int(given.get("displayOrder", -1)))
        self.groups[kind].append(made)
        return reply(made, 201)

    def update_group(self, call: Call) -> Answer:
        """Change a group's text."""
        found = self.group(call)
        given = call.json()
        found |= {name: given[name] for name in ("label", "displayOrder") if name in given}
        return reply(found)

    def delete_group(self, call: Call) -> Answer:
        """Remove a group."""
        self.groups[self.vendor.kind_of(call)].remove(self.group(call))
        return Answer(204)

"""Custom attributes of Square's customers: definitions, and the values that customers have."""

import re
from typing import TYPE_CHECKING, Any

from ..clock import iso_ms
from ..resource import Resource
from ..state import LIVE, Row
from ..wire import Answer, Call, Refused, Routes, reply
from .errors import conflict, invalid, not_found

if TYPE_CHECKING:
    from .vendor import Square


class CustomAttributes(Resource):
    """Definitions by key; values by customer and key."""

    vendor: "Square"

    def __init__(self, vendor: "Square") -> None:
        super().__init__(vendor)
        self.definitions: dict[str, dict[str, Any]] = {}

    def route(self, routes: Routes) -> None:
        """The paths of definitions and of values."""
        people = "/v2/customers"
        kinds = f"{people}/custom-attribute-definitions"
        routes.add("GET", kinds, self.list_definitions)
        routes.add("POST", kinds, self.create_definition)
        routes.add("GET", f"{kinds}/{{key}}", self.retrieve_definition)
        routes.add("PUT", f"{kinds}/{{key}}", self.update_definition)
        routes.add("DELETE", f"{kinds}/{{key}}", self.delete_definition)
        routes.add("POST", f"{people}/custom-attributes/bulk-upsert", self.bulk_upsert)
        values = f"{people}/{{id}}/custom-attributes"
        routes.add("GET", values, self.listed)
        routes.add("GET", f"{values}/{{key}}", self.retrieve)
        routes.add("POST", f"{values}/{{key}}", self.upsert)
        routes.add("DELETE", f"{values}/{{key}}", self.delete)

    # definitions

    def retrieve_definition(self, call: Call) -> Answer:
        """One definition."""
        return reply({"custom_attribute_definition": self.definition(call.params["key"])})

    def definition(self, key: str) -> dict[str, Any]:
        """A definition, else 404."""
        found = self.definitions.get(key)
        if found is None:
            raise not_found(f"Custom attribute definition `{key}` not found.", "key")
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
                raise invalid("VALUE_REGEX_MISMATCH", "Invalid key.", "custom_attribute_definition.key")
            if key in self.definitions:
                raise invalid("BAD_REQUEST", f"A custom attribute definition with key `{key}` exists.", "key")
            if not isinstance(given.get("schema"), dict):
                raise invalid(
                    "MISSING_REQUIRED_PARAMETER", "schema is required.", "custom_attribute_definition.schema"
                )
            now = iso_ms(self.clock.ms())
            made = {"key": key, "schema": given["schema"], "name": str(given.get("name") or key),
                    "description": str(given.get("description") or ""),
                    "visibility": given.get("visibility") or "VISIBILITY_HIDDEN", "version": 1, "created_at": now,
                    "updated_at": now}  # fmt: skip
            self.definitions[key] = made
            return reply({"custom_attribute_definition": made})

        return self.vendor.idempotency.once(body.get("idempotency_key"), call, act)

    def update_definition(self, call: Call) -> Answer:
        """Change a definition's texts."""
        found = self.definition(call.params["key"])
        given = call.json()["custom_attribute_definition"]
        if given.get("version") not in (None, found["version"]):
            raise conflict()
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

    # values

    def listed(self, call: Call) -> Answer:
        """The values of a customer."""
        row = self.vendor.customers.found(call.params["id"])
        found = [self.shown(item, call) for item in self.kind("attributes").rows("ref = ?", (row.id,))]
        return reply({"custom_attributes": found} if found else {})

    def shown(self, row: Row, call: Call) -> dict[str, Any]:
        wants = call.arg("with_definition") == "true" or call.arg("with_definitions") == "true"
        return row.body | ({"definition": self.definitions[row.body["key"]]} if wants else {})

    def identifier(self, call: Call) -> str:
        """The id that a value is kept under."""
        return f"{self.vendor.customers.found(call.params['id']).id}/{call.params['key']}"

    def retrieve(self, call: Call) -> Answer:
        """One value of a customer."""
        row = self.kind("attributes").get(self.identifier(call))
        if row is None:
            raise not_found("Custom attribute not found.", "key")
        return reply({"custom_attribute": self.shown(row, call)})

    def set_value(self, customer: str, given: dict[str, Any], key: str) -> dict[str, Any]:
        """Write a value; 409 where the version is an old one."""
        meta = self.definition(key)
        owner = self.vendor.customers.found(customer)
        row = self.kind("attributes").get(f"{owner.id}/{key}")
        now = self.clock.ms()
        if "value" not in given:
            raise invalid("MISSING_REQUIRED_PARAMETER", "value is required.", "custom_attribute.value")
        self.fits(meta["schema"], given["value"])
        if row is None:
            body = {"key": key, "value": given["value"], "version": 1, "visibility": meta["visibility"],
                    "created_at": iso_ms(now), "updated_at": iso_ms(now)}  # fmt: skip
            self.kind("attributes").put(
                Row(None, f"{owner.id}/{key}", key, None, owner.id, now, now, LIVE, body)
            )
            return body
        if given.get("version") not in (None, row.body["version"]):
            raise conflict()
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
            raise invalid("INVALID_VALUE", "The value does not fit the definition.", "custom_attribute.value")

    def upsert(self, call: Call) -> Answer:
        """Write one value."""
        given = call.json()
        made = self.set_value(call.params["id"], given["custom_attribute"], call.params["key"])
        return reply({"custom_attribute": made})

    def delete(self, call: Call) -> Answer:
        """Remove one value."""
        self.kind("attributes").delete(self.identifier(call))
        return reply({})

    def bulk_upsert(self, call: Call) -> Answer:
        """Write up to 25 values."""
        entries = call.json()["values"]
        if not isinstance(entries, dict) or not 1 <= len(entries) <= 25:
            raise invalid("INVALID_VALUE", "A bulk request holds 1 to 25 values.", "values")
        values: dict[str, Any] = {}
        for key, item in entries.items():
            try:
                attribute = item["custom_attribute"]
                made = self.set_value(str(item["customer_id"]), attribute, str(attribute["key"]))
                values[key] = {"customer_id": item["customer_id"], "custom_attribute": made}
            except Refused as refused:
                values[key] = refused.answer.json()
        return reply({"values": values})

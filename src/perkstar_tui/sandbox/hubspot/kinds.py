"""The kinds of CRM objects: their names, ids and default properties, and how a contact is kept."""

from typing import Any

import orjson

from ..state import LIVE, Cell, normal_email, normal_phone

TYPES = {"contacts": "0-1", "companies": "0-2", "deals": "0-3", "orders": "0-123"}
NAMES = {"0-1": "contacts", "contact": "contacts", "0-2": "companies", "company": "companies", "0-3": "deals",
         "deal": "deals", "0-123": "orders", "order": "orders"}  # fmt: skip
DEFAULTS = {
    "contacts": ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"),
    "companies": ("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"),
    "deals": ("amount", "closedate", "createdate", "dealname", "dealstage", "hs_lastmodifieddate", "hs_object_id",
              "pipeline"),
    "orders": ("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
}  # fmt: skip
CREATED = frozenset(("createdate", "hs_createdate"))
MODIFIED = frozenset(("lastmodifieddate", "hs_lastmodifieddate"))


def created_name(kind: str) -> str:
    """The property that tells when a record was made."""
    return "hs_createdate" if kind == "orders" else "createdate"


def modified_name(kind: str) -> str:
    """The property that tells when a record was last changed."""
    return "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"


def contact_cell(identifier: int, created: int, updated: int, properties: dict[str, str]) -> Cell:
    """A contact as it is kept: set properties only, every value a text."""
    body: dict[str, Any] = {"properties": {name: value for name, value in properties.items() if value}}
    email, phone = body["properties"].get("email"), body["properties"].get("phone")
    return (
        identifier, str(identifier), normal_email(email), normal_phone(phone), None, created, updated, LIVE,
        orjson.dumps(body).decode(),
    )  # fmt: skip

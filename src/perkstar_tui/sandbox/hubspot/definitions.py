"""What HubSpot tells of a property, an option or a group, and the properties that every account has."""

from typing import Any

from .. import business
from ..clock import iso_ms
from .kinds import created_name, modified_name

FIELD_TYPES = {"string": "text", "number": "number", "date": "date", "datetime": "date", "enumeration": "select",
               "bool": "booleancheckbox"}  # fmt: skip
TEXTS = {
    "contacts": "email firstname lastname phone mobilephone date_of_birth gender address city state zip "
    "country company jobtitle website salutation hs_language hs_additional_emails",
    "companies": "name domain phone city country",
    "deals": "dealname dealstage pipeline",
    "orders": "hs_order_name hs_external_order_id hs_currency_code hs_external_order_status "
    "hs_fulfillment_status hs_source_store hs_pipeline hs_pipeline_stage hs_billing_address_email",
}
NUMBERS = {"deals": ("amount",), "orders": ("hs_total_price", "hs_subtotal_price")}
MOMENTS = {"deals": ("closedate",), "orders": ("hs_external_created_date",)}
STAGES = ("subscriber", "lead", "opportunity", "customer", "evangelist", "other")


def definition(kind: str, name: str, type_: str, made: str) -> dict[str, Any]:
    """A property's description."""
    return {
        "name": name, "label": name.replace("_", " ").capitalize(), "type": type_, "fieldType": FIELD_TYPES[type_],
        "description": "", "groupName": f"{kind[:-1]}information", "options": [], "displayOrder": -1,
        "calculated": False, "externalOptions": False, "hasUniqueValue": False, "hidden": False,
        "hubspotDefined": False, "formField": True, "archived": False, "createdAt": made, "updatedAt": made,
        "modificationMetadata": {"archivable": True, "readOnlyDefinition": False, "readOnlyValue": False},
    }  # fmt: skip


def option(given: dict[str, Any]) -> dict[str, Any]:
    """An option of an enumeration."""
    return {
        "label": str(given["label"]),
        "value": str(given["value"]),
        "hidden": bool(given.get("hidden")),
        "displayOrder": int(given.get("displayOrder", -1)),
        "description": str(given.get("description") or ""),
    }


def group(name: str, label: str, order: int) -> dict[str, Any]:
    """A group of properties."""
    return {"name": name, "label": label, "displayOrder": order, "archived": False}


def standard_properties(kind: str, started: int) -> dict[str, dict[str, Any]]:
    """The properties of a kind that HubSpot defines itself, for an account begun at `started`."""
    made = iso_ms(started - business.AGE_MS)
    known = {name: definition(kind, name, "string", made) for name in TEXTS[kind].split()}
    known |= {name: definition(kind, name, "number", made) for name in NUMBERS.get(kind, ())}
    known |= {name: definition(kind, name, "datetime", made) for name in MOMENTS.get(kind, ())}
    if kind == "contacts":
        stage = definition(kind, "lifecyclestage", "enumeration", made)
        stage["options"] = [
            option({"label": word.capitalize(), "value": word, "displayOrder": order})
            for order, word in enumerate(STAGES)
        ]
        known["lifecyclestage"] = stage
        known["hs_email_optout"] = definition(kind, "hs_email_optout", "bool", made)
        known["email"]["hasUniqueValue"] = True
    for name in (created_name(kind), modified_name(kind), "hs_object_id"):
        fixed = definition(kind, name, "number" if name == "hs_object_id" else "datetime", made)
        fixed["modificationMetadata"]["readOnlyValue"] = True
        fixed["hasUniqueValue"] = name == "hs_object_id"
        known[name] = fixed
    for found in known.values():
        found["hubspotDefined"] = True
        found["modificationMetadata"] |= {"archivable": False, "readOnlyDefinition": True}
    return known

"""The values of properties as HubSpot takes them: texts, checked by the type of the property."""

import re
from typing import TYPE_CHECKING, Any

from ..clock import parse_ms
from ..names import EMAIL
from ..wire import Refused

if TYPE_CHECKING:
    from .vendor import HubSpot

LONGEST = 65_536


class PropertyValues:
    """Checks what a body sets."""

    def __init__(self, vendor: "HubSpot") -> None:
        self.vendor = vendor

    def wrong(self, message: str, code: str, name: str) -> Refused:
        """400 for a value."""
        return self.vendor.invalid(f"Property values were not valid: {message}", code, name)

    def checked(self, kind: str, given: dict[str, Any]) -> dict[str, str]:
        """The properties that a body sets; 400 for an unknown one, a read-only one, or a value of another type."""
        wanted = given.get("properties")
        if not isinstance(wanted, dict):
            raise self.vendor.invalid("properties: is required", "MISSING_PROPERTIES")
        made: dict[str, str] = {}
        for name, value in wanted.items():
            meta = self.vendor.properties.known[kind].get(name)
            if meta is None or meta["archived"]:
                raise self.wrong(f'Property "{name}" does not exist', "PROPERTY_DOESNT_EXIST", name)
            if meta["modificationMetadata"]["readOnlyValue"]:
                raise self.wrong(f"{name} is read-only", "READ_ONLY_VALUE", name)
            text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
            self.check_value(meta, text)
            made[name] = text
        if kind == "contacts" and made.get("email"):
            email = made["email"].strip()
            if not EMAIL.fullmatch(email):
                raise self.wrong(f"Email address {email} is invalid", "INVALID_EMAIL", "email")
            made["email"] = email.lower()
        return made

    def check_value(self, meta: dict[str, Any], text: str) -> None:
        """400 for a text that isn't of the property's type; an empty one clears and is always good."""
        name = meta["name"]
        if not text:
            return
        if len(text) > LONGEST:
            raise self.wrong(f"{name} is too long", "PROPERTY_TOO_LONG", name)
        kind = meta["type"]
        if kind == "number" and not re.fullmatch(r"-?\d+(\.\d+)?([eE][-+]?\d+)?", text):
            raise self.wrong(f"{text} was not a valid number", "INVALID_NUMBER", name)
        if kind in ("date", "datetime") and parse_ms(text) is None:
            raise self.wrong(f"{text} was not a valid long", "INVALID_DATE", name)
        if kind == "bool" and text not in ("true", "false"):
            raise self.wrong(f"{text} was not true or false", "INVALID_OPTION", name)
        if kind == "enumeration":
            options = {option["value"] for option in meta["options"]}
            if not set(text.split(";")) <= options:
                words = f"{text} was not one of the allowed options: {sorted(options)}"
                raise self.wrong(words, "INVALID_OPTION", name)

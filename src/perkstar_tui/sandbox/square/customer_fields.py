"""The members of a customer as Square takes them: checked, and refused in its own codes."""

import re
from collections.abc import Callable
from typing import Any

from ..names import EMAIL
from .errors import invalid

TEXTS = {"given_name": 300, "family_name": 300, "nickname": 100, "company_name": 500, "reference_id": 100,
         "note": 500}  # fmt: skip
NAMING = ("given_name", "family_name", "company_name", "email_address", "phone_number")
"""The members of which a new customer needs one."""


def checked(given: dict[str, Any], refuses: Callable[[str], bool]) -> dict[str, Any]:
    """The members that a body sets; null clears; 400 for a wrong value, or an address that `refuses` names."""
    made: dict[str, Any] = {}
    for name, most in TEXTS.items():
        if name in given:
            value = given[name]
            if value is not None and not isinstance(value, str):
                raise invalid("EXPECTED_STRING", "Expected a string value.", name)
            if value and len(value) > most:
                raise invalid("VALUE_TOO_LONG", f"Field must not be greater than {most} in length", name)
            made[name] = value or None
    if "email_address" in given:
        email = (given["email_address"] or "").strip()
        if email and not EMAIL.fullmatch(email):
            raise invalid(
                "INVALID_EMAIL_ADDRESS",
                "Expected email_address to be a valid email address",
                "email_address",
            )
        if refuses(email):
            raise invalid("INVALID_EMAIL_ADDRESS", "This record was refused", "email_address")
        made["email_address"] = email or None
    if "phone_number" in given:
        phone = (given["phone_number"] or "").strip()
        digits = "".join(c for c in phone if c.isdigit())
        if phone and (not 9 <= len(digits) <= 16 or re.search(r"[^\d+()\-\s.]", phone)):
            raise invalid(
                "INVALID_PHONE_NUMBER", "Expected phone_number to be a valid phone number", "phone_number"
            )
        made["phone_number"] = phone or None
    if "birthday" in given:
        made["birthday"] = checked_birthday(given["birthday"])
    if "address" in given:
        if given["address"] is not None and not isinstance(given["address"], dict):
            raise invalid("EXPECTED_OBJECT", "Expected an object value.", "address")
        made["address"] = {k: v for k, v in (given["address"] or {}).items() if v} or None
    return made


def checked_birthday(text: object) -> str | None:
    """`YYYY-MM-DD`; a day without a year gets the year 0000."""
    if not text:
        return None
    match = re.fullmatch(r"(?:(\d{4})-)?(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])", str(text))
    if match is None:
        raise invalid("INVALID_DATE", "Expected birthday to be YYYY-MM-DD or MM-DD", "birthday")
    return f"{match[1] or '0000'}-{match[2]}-{match[3]}"

"""The values of a member as Mailchimp takes them: address, merge fields, status."""

import re
from typing import TYPE_CHECKING, Any

from ..clock import parse_ms
from ..names import EMAIL
from ..state import LIVE, Row
from ..wire import Refused

if TYPE_CHECKING:
    from .vendor import Mailchimp

STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional")
FAKE = re.compile(r"@(.+\.)?(example\.(com|net|org)|test|invalid|localhost)$", re.I)


class MemberValues:
    """Checks what a body sets."""

    def __init__(self, vendor: "Mailchimp") -> None:
        self.vendor = vendor

    def checked_email(self, email: object) -> str:
        """An address that Mailchimp takes; 400 for one that is none or looks invented."""
        if not isinstance(email, str) or not EMAIL.fullmatch(email.strip()):
            raise self.vendor.invalid("email_address", "This value is not a valid email address.")
        email = email.strip()
        if FAKE.search(email):
            detail = f"{email} looks fake or invalid, please enter a real email address."
            raise Refused(self.vendor.problem(400, "Invalid Resource", detail))
        if email.lower() in self.vendor.members.forgotten:
            detail = (
                f"{email} was permanently deleted and cannot be re-imported. The contact must re-subscribe."
            )
            raise Refused(self.vendor.problem(400, "Forgotten Email Not Subscribed", detail))
        if self.vendor.refuses(email):
            raise Refused(self.vendor.problem(400, "Invalid Resource", f"{email} was refused."))
        return email

    def checked_merges(self, given: object, skip: bool, new: bool) -> dict[str, Any]:
        """The merge fields that a body sets; unknown tags are passed over."""
        if given is None:
            given = {}
        if not isinstance(given, dict):
            raise self.vendor.invalid("merge_fields", "This value should be of type object.")
        made: dict[str, Any] = {}
        for field in self.vendor.merge_fields.known:
            tag = field["tag"]
            if tag in given:
                made[tag] = self.checked_merge(field, given[tag], skip)
            if field["required"] and not skip and not made.get(tag) and (new or tag in given):
                raise self.vendor.invalid(tag, "Please enter a value")
        return made

    def checked_merge(self, field: dict[str, Any], value: Any, skip: bool) -> Any:
        """A value by the type of its merge field."""
        tag, kind = field["tag"], field["type"]
        if value is None or value == "":
            return ""
        if kind == "address":
            if isinstance(value, dict) and all(value.get(name) for name in ("addr1", "city", "state", "zip")):
                return value
            if skip:
                return ""
            raise self.vendor.invalid(tag, "Please enter a complete address")
        if kind == "number":
            try:
                return float(value) if "." in str(value) else int(value)
            except (TypeError, ValueError):
                raise self.vendor.invalid(tag, "Please enter a number") from None
        if isinstance(value, (dict, list)):
            raise self.vendor.invalid(tag, "This value should be of type string.")
        text = str(value)
        if kind == "birthday" and not re.fullmatch(r"(0?[1-9]|1[0-2])/(0?[1-9]|[12]\d|3[01])", text):
            raise self.vendor.invalid(tag, "Please enter the month and day as MM/DD")
        if kind == "date" and parse_ms(text) is None and not re.fullmatch(r"\d\d/\d\d/\d{4}", text):
            raise self.vendor.invalid(tag, "Please enter the date")
        if kind in ("radio", "dropdown") and text not in (field["options"].get("choices") or []) and not skip:
            raise self.vendor.invalid(tag, "Value must be one of the choices")
        if len(text) > 255:
            raise self.vendor.invalid(tag, "Value is too long: at most 255 characters")
        return text

    def checked_status(self, given: object, row: Row | None) -> str | None:
        """A status that may be set; who left by his own word comes back by his own word alone."""
        if given is None:
            return None
        if given not in STATUSES:
            raise self.vendor.invalid("status", "The value you selected is not a valid choice.")
        if row is not None and row.state == LIVE and given == "subscribed":
            now = row.body["status"]
            if now in ("unsubscribed", "cleaned"):
                detail = (
                    f"{row.body['email_address']} is in a compliance state due to unsubscribe, bounce, or compliance "
                    "review and cannot be subscribed."
                )
                raise Refused(self.vendor.problem(400, "Member In Compliance State", detail))
        return str(given)

"""The merge fields of the audience: what is kept of a member besides the address."""

import re
from typing import TYPE_CHECKING, Any

from ..resource import Resource
from ..wire import Answer, Call, Refused, Routes, reply
from .audience import LIST
from .partial import trimmed

if TYPE_CHECKING:
    from .vendor import Mailchimp

FIELD_TYPES = (
    "text",
    "number",
    "address",
    "phone",
    "date",
    "url",
    "imageurl",
    "radio",
    "dropdown",
    "birthday",
    "zip",
)
OPTIONS: dict[str, dict[str, Any]] = {"phone": {"phone_format": "none"}, "birthday": {"date_format": "MM/DD"}}
USUAL = (("FNAME", "First Name", "text"), ("LNAME", "Last Name", "text"), ("ADDRESS", "Address", "address"),
         ("PHONE", "Phone Number", "phone"), ("BIRTHDAY", "Birthday", "birthday"))  # fmt: skip


class MergeFields(Resource):
    """Merge fields by number."""

    vendor: "Mailchimp"

    def __init__(self, vendor: "Mailchimp") -> None:
        super().__init__(vendor)
        self.known: list[dict[str, Any]] = []
        for tag, name, kind in USUAL:
            self.define({"tag": tag, "name": name, "type": kind})
        self.removed = False

    def route(self, routes: Routes) -> None:
        """The paths of `/lists/{list}/merge-fields`."""
        fields = "/lists/{list}/merge-fields"
        routes.add("GET", fields, self.listed)
        routes.add("POST", fields, self.create)
        routes.add("GET", f"{fields}/{{id}}", lambda call: trimmed(call, self.found(call)))
        routes.add("PATCH", f"{fields}/{{id}}", self.update)
        routes.add("DELETE", f"{fields}/{{id}}", self.delete)

    @property
    def only_usual(self) -> bool:
        """Whether there are no others than at the start, so that every member has all of them."""
        return not self.removed and len(self.known) == len(USUAL)

    def define(self, given: dict[str, Any]) -> dict[str, Any]:
        """Define a merge field."""
        number = max((field["merge_id"] for field in self.known), default=0) + 1
        made = {
            "merge_id": number, "tag": given["tag"], "name": given["name"], "type": given["type"],
            "required": bool(given.get("required")), "default_value": str(given.get("default_value") or ""),
            "public": bool(given.get("public")), "display_order": int(given.get("display_order") or number + 1),
            "options": given.get("options") or OPTIONS.get(given["type"], {"size": 25}),
            "help_text": str(given.get("help_text") or ""), "list_id": LIST,
        }  # fmt: skip
        self.known.append(made)
        return made

    def found(self, call: Call) -> dict[str, Any]:
        """One merge field, else 404."""
        for field in self.known:
            if str(field["merge_id"]) == call.params["id"]:
                return field
        raise self.vendor.not_found()

    def listed(self, call: Call) -> Answer:
        """The merge fields, but for the address itself."""
        count, offset = call.number("count", 10), call.number("offset", 0)
        found = [field for field in self.known if call.arg("type") in ("", field["type"])]
        page = found[offset : offset + count]
        return trimmed(call, {"merge_fields": page, "list_id": LIST, "total_items": len(found)})

    def create(self, call: Call) -> Answer:
        """A new merge field; 400 where its tag is taken or too long."""
        given = call.json()
        if not given.get("name"):
            raise self.vendor.invalid("name", "This value should not be blank.")
        if given.get("type") not in FIELD_TYPES:
            raise self.vendor.invalid("type", "The value you selected is not a valid choice.")
        tag = str(given.get("tag") or re.sub(r"[^A-Z0-9_]", "", str(given["name"]).upper())[:10]).upper()
        if not re.fullmatch(r"[A-Z][A-Z0-9_]{0,9}", tag):
            raise self.vendor.invalid("tag", "Tag must be at most 10 letters, numbers or underscores.")
        if tag == "EMAIL" or any(field["tag"] == tag for field in self.known):
            detail = f'A Merge Field with the tag "{tag}" already exists for this list.'
            raise Refused(self.vendor.problem(400, "Invalid Resource", detail))
        return reply(self.define(given | {"tag": tag}))

    def update(self, call: Call) -> Answer:
        """Change a merge field's texts."""
        field, given = self.found(call), call.json()
        field |= {name: given[name] for name in ("name", "required", "default_value", "public", "options", "help_text")
                  if name in given}  # fmt: skip
        return reply(field)

    def delete(self, call: Call) -> Answer:
        """Give a merge field up; the values go with it."""
        field = self.found(call)
        self.known.remove(field)
        self.removed = True
        return Answer(204)

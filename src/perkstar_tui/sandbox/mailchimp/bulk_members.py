"""Many members in one request."""

from typing import TYPE_CHECKING, Any

from ..resource import Resource
from ..state import LIVE
from ..wire import Answer, Call, Refused, Routes, reply
from .members import skips

if TYPE_CHECKING:
    from .vendor import Mailchimp

MOST_MEMBERS = 500


class BulkMembers(Resource):
    """Up to 500 members, each made, changed or told among the errors."""

    vendor: "Mailchimp"

    def route(self, routes: Routes) -> None:
        """The path that takes many members."""
        routes.add("POST", "/lists/{list}", self.take)

    def take(self, call: Call) -> Answer:
        """Up to 500 members; each that is refused stands among the errors."""
        given = call.json()
        members = given["members"]
        if not isinstance(members, list) or len(members) > MOST_MEMBERS:
            raise self.vendor.invalid("members", f"Array may contain at most {MOST_MEMBERS} elements.")
        new, updated, errors = [], [], []
        seen: set[str] = set()
        for item in members:
            email = str(item.get("email_address", ""))
            try:
                if email.lower() in seen and call.arg("skip_duplicate_check") != "true":
                    detail = f"Duplicate items found for email: {email}"
                    raise Refused(self.vendor.problem(400, "Duplicate", detail))
                seen.add(email.lower())
                row = self.vendor.members.find(email) if "@" in email else None
                if row is None or row.state != LIVE:
                    status = self.vendor.values.checked_status(item.get("status"), None)
                    if status is None:
                        raise self.vendor.invalid("status", "This value should not be blank.")
                    new.append(
                        self.vendor.members.shown(self.vendor.members.insert(item, status, skips(call)))
                    )
                elif given.get("update_existing"):
                    row = self.vendor.members.alter(row, item, skips(call))
                    if given.get("sync_tags") and "tags" in item:
                        row.body["tags"] = [self.vendor.tags.tag(str(name)) for name in item["tags"]]
                        row.body["tags_count"] = len(row.body["tags"])
                        self.vendor.members.touch(row)
                    updated.append(self.vendor.members.shown(row))
                else:
                    raise Refused(self.vendor.members.exists(email))
            except Refused as refused:
                errors.append(self.told(email, refused.answer.json()))
        return reply({
            "new_members": new, "updated_members": updated, "errors": errors, "total_created": len(new),
            "total_updated": len(updated), "error_count": len(errors),
        })  # fmt: skip

    def told(self, email: str, said: dict[str, Any]) -> dict[str, Any]:
        """One refusal among many."""
        first = (said.get("errors") or [{"field": "", "message": said["detail"]}])[0]
        code = "ERROR_CONTACT_EXISTS" if said["title"] == "Member Exists" else "ERROR_GENERIC"
        words = first["message"] if said.get("errors") else said["detail"]
        return {"email_address": email, "error": words, "error_code": code, "field": first["field"],
                "field_message": first["message"]}  # fmt: skip

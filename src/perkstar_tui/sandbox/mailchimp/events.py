"""What happened to members, as others told it."""

import re
from typing import TYPE_CHECKING, Any

from ..clock import iso_s
from ..resource import Resource
from ..wire import Answer, Call, Routes
from .partial import trimmed

if TYPE_CHECKING:
    from .vendor import Mailchimp


class Events(Resource):
    """Events by contact id."""

    vendor: "Mailchimp"

    def __init__(self, vendor: "Mailchimp") -> None:
        super().__init__(vendor)
        self.told: dict[str, list[dict[str, Any]]] = {}

    def route(self, routes: Routes) -> None:
        """The paths of a member's events."""
        events = "/lists/{list}/members/{hash}/events"
        routes.add("GET", events, self.listed)
        routes.add("POST", events, self.add)

    def listed(self, call: Call) -> Answer:
        """What happened to a member, as others told it."""
        events = self.told.get(self.vendor.members.found(call).body["contact_id"], [])
        return trimmed(call, {"events": events, "total_items": len(events)})

    def add(self, call: Call) -> Answer:
        """Tell what happened to a member."""
        row, given = self.vendor.members.found(call), call.json()
        if not re.fullmatch(r"[\w-]{2,30}", str(given.get("name", ""))):
            raise self.vendor.invalid("name", "This value must have 2 to 30 letters.")
        event = {"name": given["name"], "occurred_at": given.get("occurred_at") or iso_s(self.clock.ms()),
                 "properties": given.get("properties") or {}}  # fmt: skip
        self.told.setdefault(row.body["contact_id"], []).append(event)
        return Answer(204)

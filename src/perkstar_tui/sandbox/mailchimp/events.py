"""What happened to members, as others told it."""

import re
from typing import TYPE_CHECKING, Any

from ..clock import iso_s
from ..resource import Resource
from ..state import LIVE, Row
from ..wire import Answer, Call, Routes
from .partial import trimmed

if TYPE_CHECKING:
    from .vendor import Mailchimp


class Events(Resource):
    """Events by contact id."""

    vendor: "Mailchimp"

    def route(self, routes: Routes) -> None:
        """The paths of a member's events."""
        events = "/lists/{list}/members/{hash}/events"
        routes.add("GET", events, self.listed)
        routes.add("POST", events, self.add)

    def listed(self, call: Call) -> Answer:
        """What happened to a member, as others told it: the newest first."""
        whose = self.vendor.members.found(call).body["contact_id"]
        count, offset = call.number("count", 10, 1), call.number("offset", 0)
        rows = self.kind("events").rows(
            "ref = ?", (whose, min(count, 1000), offset), "ORDER BY seq DESC LIMIT ? OFFSET ?"
        )
        total = self.kind("events").count("ref = ?", (whose,))
        return trimmed(call, {"events": [row.body for row in rows], "total_items": total})

    def add(self, call: Call) -> Answer:
        """Tell what happened to a member."""
        row, given = self.vendor.members.found(call), call.json()
        if not re.fullmatch(r"[\w-]{2,30}", str(given.get("name", ""))):
            raise self.vendor.invalid("name", "This value must have 2 to 30 letters.")
        properties: dict[str, Any] = given.get("properties") or {}
        if not all(isinstance(value, str) for value in properties.values()):
            raise self.vendor.invalid("properties", "Every value must be a string.")
        now = self.clock.ms()
        event = {
            "name": given["name"],
            "occurred_at": given.get("occurred_at") or iso_s(now),
            "properties": properties,
        }
        seq = self.kind("events").next_seq()
        self.kind("events").put(Row(seq, str(seq), None, None, row.body["contact_id"], now, now, LIVE, event))
        return Answer(204)

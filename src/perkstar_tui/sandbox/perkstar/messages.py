"""Messages to customers: pushes to cards, and texts."""

from typing import TYPE_CHECKING, Any

from ..clock import iso_s
from ..ids import uuid7
from ..resource import Resource
from ..wire import Answer, Call, Refused, Routes

if TYPE_CHECKING:
    from .vendor import Perkstar


class Messages(Resource):
    """What was sent."""

    vendor: "Perkstar"

    def __init__(self, vendor: "Perkstar") -> None:
        super().__init__(vendor)
        self.pushes: list[dict[str, Any]] = []
        self.texts = 0

    def route(self, routes: Routes) -> None:
        """The paths of `/api/v2/pushes` and `/api/v2/sms`."""
        base = "/api/v2/pushes"
        routes.add("GET", base, lambda call: self.vendor.lists.listed(call, self.pushes))
        routes.add("POST", base, self.send_push)
        routes.add("GET", f"{base}/{{id}}", self.retrieve)
        routes.add("POST", "/api/v2/sms", self.send_sms)

    def retrieve(self, call: Call) -> Answer:
        """One push."""
        return self.vendor.data(self.vendor.lists.among(self.pushes, call.params["id"]))

    def send_push(self, call: Call) -> Answer:
        """Send a message to the cards of a template."""
        given = call.json()
        template = self.vendor.templates.found(given.get("templateId"))
        if not given.get("message"):
            raise self.vendor.unprocessable("message", "is required")
        now = self.clock.ms()
        push = {
            "id": uuid7(now, self.chance), "templateId": template["id"], "cardId": given.get("cardId"),
            "message": str(given["message"]), "type": "manual", "status": "sent",
            "scheduledAt": given.get("scheduledAt") or iso_s(now), "sentAmount": 1, "deliveredAmount": 1,
            "createdAt": iso_s(now),
        }  # fmt: skip
        self.pushes.append(push)
        return self.vendor.data(push, 201)

    def send_sms(self, call: Call) -> Answer:
        """Send a text to a customer who has a phone."""
        given = call.json()
        row = self.vendor.live("customers", str(given.get("customerId", "")))
        if not given.get("message"):
            raise self.vendor.unprocessable("message", "is required")
        if row.phone is None:
            raise Refused(self.vendor.refusal(400, "The customer has no phone"))
        self.texts += 1
        return self.vendor.data({"id": uuid7(self.clock.ms(), self.chance)}, 201)

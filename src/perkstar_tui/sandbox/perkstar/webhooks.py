"""Perkstar's webhooks: addresses for events, signed with the account's key."""

from typing import TYPE_CHECKING, Any

import orjson

from ..resource import Resource
from ..webhooks import Delivery, hmac_hex, or_wrong
from ..wire import Answer, Call, Refused, Routes

if TYPE_CHECKING:
    from .vendor import Perkstar

EVENTS = frozenset(
    f"{name}Event"
    for name in (
        "CardBalanceUpdated", "CardExpired", "CardInstalled", "CardIssued", "CardRemoved", "CardScanned",
        "CompanyCreated", "CompanyRemoved", "CouponRedeemed", "CustomerCreated", "CustomerReferralCreated",
        "CustomerSegmentLinked", "FeedbackCreated", "ManagerCreated", "ManagerRemoved",
        "PaymentCompletedFailed", "PaymentCompletedSuccessful", "PaymentRefunded",
        "RecurrentPaymentCompletedFailed", "TariffPaymentCreated", "UserTemplateActivated",
        "UserTemplateCreated", "UserTemplateDeactivated", "UserTemplateRemoved", "UserTemplateUpdated",
    )
)  # fmt: skip


class Webhooks(Resource):
    """Registered addresses by id."""

    vendor: "Perkstar"

    def __init__(self, vendor: "Perkstar") -> None:
        super().__init__(vendor)
        self.hooks: dict[str, dict[str, Any]] = {}

    def route(self, routes: Routes) -> None:
        """The paths of `/api/automation/webhooks`."""
        routes.add("POST", "/api/automation/webhooks", self.create)
        routes.add("DELETE", "/api/automation/webhooks/{id}", self.delete)

    def create(self, call: Call) -> Answer:
        """Register an address for events."""
        given = call.json()
        url, events = given.get("url"), given.get("events")
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise self.vendor.unprocessable("url", "must be an address")
        if not isinstance(events, list) or not events or not set(events) <= EVENTS:
            raise self.vendor.unprocessable("events", "unknown event")
        hook = {"id": 600 + len(self.hooks) + self.chance.randrange(10**6), "url": url, "events": events}
        self.hooks[str(hook["id"])] = hook
        return self.vendor.data(hook, 201)

    def delete(self, call: Call) -> Answer:
        """Forget a registered address."""
        if self.hooks.pop(call.params["id"], None) is None:
            raise Refused(self.vendor.refusal(404, "Webhook not found"))
        return Answer(204)

    def announce(self, event: str, data: dict[str, Any]) -> None:
        """Send an event to everybody who asked for it."""
        message = {"timestamp": int(self.clock.now()), "event": event, "data": data}
        for hook in self.hooks.values():
            if event in hook["events"]:
                body = orjson.dumps(message)
                self.vendor.courier.send(Delivery(hook["url"], body, "application/json", self.sign))

    def sign(self, body: bytes, attempt: int, wrong: bool) -> dict[str, str]:
        """`x-signature`: the HMAC-SHA256 of the body under the account's key, in hex."""
        return {"x-signature": hmac_hex(or_wrong(self.vendor.api_key, wrong), body)}

"""Square's webhooks: subscriptions of the app, events, signatures."""

from typing import TYPE_CHECKING, Any

import orjson

from ..clock import iso_ms
from ..ids import random_uuid
from ..resource import Resource
from ..webhooks import Delivery, Signer, hmac_base64, or_wrong
from ..wire import Answer, Call, Routes, reply
from .errors import invalid, not_found
from .locations import MERCHANT

if TYPE_CHECKING:
    from .vendor import Square

VERSION = "2026-05-20"
EVENT_TYPES = frozenset(
    (
        "customer.created", "customer.updated", "customer.deleted", "order.created", "order.updated",
        "payment.created", "payment.updated", "refund.created", "refund.updated", "loyalty.account.created",
        "loyalty.account.updated", "loyalty.event.created", "gift_card.created", "gift_card.updated",
        "oauth.authorization.revoked",
    )
)  # fmt: skip


class Webhooks(Resource):
    """Subscriptions by id, each with a signature key of its own."""

    vendor: "Square"

    def __init__(self, vendor: "Square") -> None:
        super().__init__(vendor)
        self.subscriptions: dict[str, dict[str, Any]] = {}

    def route(self, routes: Routes) -> None:
        """The paths of `/v2/webhooks`."""
        hooks = "/v2/webhooks/subscriptions"
        routes.add(
            "GET", "/v2/webhooks/event-types", lambda call: reply({"event_types": sorted(EVENT_TYPES)})
        )
        routes.add("GET", hooks, self.listed)
        routes.add("POST", hooks, self.create)
        routes.add("GET", f"{hooks}/{{id}}", self.retrieve)
        routes.add("PUT", f"{hooks}/{{id}}", self.update)
        routes.add("DELETE", f"{hooks}/{{id}}", self.delete)
        routes.add("POST", f"{hooks}/{{id}}/signature-key", self.rotate_key)
        routes.add("POST", f"{hooks}/{{id}}/test", self.test)

    def retrieve(self, call: Call) -> Answer:
        """One subscription."""
        return reply({"subscription": self.found(call.params["id"])})

    def listed(self, call: Call) -> Answer:
        """Every subscription of the app."""
        found = list(self.subscriptions.values())
        return reply({"subscriptions": found} if found else {})

    def found(self, identifier: str) -> dict[str, Any]:
        """One subscription, else 404."""
        found = self.subscriptions.get(identifier)
        if found is None:
            raise not_found("Subscription not found.")
        return found

    def create(self, call: Call) -> Answer:
        """A new subscription with its signature key."""
        body = call.json()
        given = body["subscription"]

        def act() -> Answer:
            events = given.get("event_types") or []
            if not events or not set(events) <= EVENT_TYPES:
                raise invalid(
                    "INVALID_VALUE", "event_types holds an unknown event.", "subscription.event_types"
                )
            if not str(given.get("notification_url", "")).startswith(("http://", "https://")):
                raise invalid(
                    "INVALID_VALUE", "notification_url must be an address.", "subscription.notification_url"
                )
            now = iso_ms(self.clock.ms())
            made = {
                "id": "wbhk_" + self.vendor.grants.secret(24), "name": str(given.get("name") or "Webhook"),
                "enabled": bool(given.get("enabled", True)), "event_types": events,
                "notification_url": given["notification_url"], "api_version": given.get("api_version") or VERSION,
                "signature_key": self.vendor.grants.secret(22), "created_at": now, "updated_at": now,
            }  # fmt: skip
            self.subscriptions[made["id"]] = made
            return reply({"subscription": made})

        return self.vendor.idempotency.once(body.get("idempotency_key"), call, act)

    def update(self, call: Call) -> Answer:
        """Change a subscription."""
        found = self.found(call.params["id"])
        given = call.json()["subscription"]
        found |= {name: given[name] for name in ("name", "enabled", "event_types", "notification_url", "api_version")
                  if name in given}  # fmt: skip
        found["updated_at"] = iso_ms(self.clock.ms())
        return reply({"subscription": found})

    def delete(self, call: Call) -> Answer:
        """Give up a subscription."""
        self.subscriptions.pop(self.found(call.params["id"])["id"])
        return reply({})

    def rotate_key(self, call: Call) -> Answer:
        """A new signature key."""
        found = self.found(call.params["id"])
        found["signature_key"] = self.vendor.grants.secret(22)
        return reply({"signature_key": found["signature_key"]})

    def test(self, call: Call) -> Answer:
        """Send an example of an event."""
        found = self.found(call.params["id"])
        event = call.json().get("event_type") or found["event_types"][0]
        body = self.message(event, event.partition(".")[0], "test", {})
        self.send(found, body)
        now = iso_ms(self.clock.ms())
        return reply({"subscription_test_result": {"id": self.vendor.grants.secret(20), "status_code": 200,
                                                   "payload": body.decode(), "created_at": now,
                                                   "updated_at": now}})  # fmt: skip

    def message(
        self, event: str, kind: str, identifier: str, content: dict[str, Any], deleted: bool = False
    ) -> bytes:
        """An event's body."""
        data: dict[str, Any] = {"type": kind, "id": identifier, "object": content}
        if deleted:
            data["deleted"] = True
        return orjson.dumps({
            "merchant_id": MERCHANT, "type": event, "created_at": iso_ms(self.clock.ms()),
            "event_id": random_uuid(self.chance), "data": data,
        })  # fmt: skip

    def announce(
        self, event: str, kind: str, identifier: str, content: dict[str, Any], deleted: bool = False
    ) -> None:
        """Send an event to the subscriptions that want it."""
        for found in self.subscriptions.values():
            if found["enabled"] and event in found["event_types"]:
                self.send(found, self.message(event, kind, identifier, content, deleted))

    def send(self, found: dict[str, Any], body: bytes) -> None:
        """Hand an event over for one subscription."""
        delivery = Delivery(found["notification_url"], body, "application/json", self.signer(found))
        self.vendor.courier.send(delivery)

    def signer(self, subscription: dict[str, Any]) -> Signer:
        """`x-square-hmacsha256-signature` over the address and the raw body."""

        def sign(body: bytes, attempt: int, wrong: bool) -> dict[str, str]:
            text = str(subscription["notification_url"]).encode() + body
            key = or_wrong(str(subscription["signature_key"]), wrong)
            return {"x-square-hmacsha256-signature": hmac_base64(key, text)}

        return sign

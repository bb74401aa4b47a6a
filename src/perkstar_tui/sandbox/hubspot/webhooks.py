"""HubSpot's webhooks: one address for the app, subscriptions by kind of event, two signatures."""

import hashlib
import re
from typing import TYPE_CHECKING, Any

import orjson

from ..clock import iso_ms
from ..resource import Resource
from ..state import Row
from ..webhooks import Delivery, Signer, hmac_base64, or_wrong
from ..wire import Answer, Call, Routes, reply
from .kinds import TYPES
from .oauth import APP, PORTAL

if TYPE_CHECKING:
    from .vendor import HubSpot


class Webhooks(Resource):
    """The address and the subscriptions of the app."""

    vendor: "HubSpot"

    def __init__(self, vendor: "HubSpot") -> None:
        super().__init__(vendor)
        self.settings: dict[str, Any] | None = None
        self.subscriptions: dict[str, dict[str, Any]] = {}

    def route(self, routes: Routes) -> None:
        """The paths of `/webhooks/v3`."""
        hooks = "/webhooks/v3/{app}"
        routes.add("GET", f"{hooks}/settings", self.get_settings)
        routes.add("PUT", f"{hooks}/settings", self.put_settings)
        routes.add("DELETE", f"{hooks}/settings", self.delete_settings)
        routes.add("GET", f"{hooks}/subscriptions", self.listed)
        routes.add("POST", f"{hooks}/subscriptions", self.create)
        routes.add("POST", f"{hooks}/subscriptions/batch/update", self.batch_update)
        routes.add("GET", f"{hooks}/subscriptions/{{id}}", lambda call: reply(self.found(call.params["id"])))
        routes.add("PATCH", f"{hooks}/subscriptions/{{id}}", self.update)
        routes.add("DELETE", f"{hooks}/subscriptions/{{id}}", self.delete)

    def listed(self, call: Call) -> Answer:
        """Every subscription."""
        return reply({"results": list(self.subscriptions.values())})

    def get_settings(self, call: Call) -> Answer:
        """The one address of the app."""
        if self.settings is None:
            raise self.vendor.not_found("no webhook settings")
        return reply(self.settings)

    def put_settings(self, call: Call) -> Answer:
        """Set the one address of the app."""
        given = call.json()
        now = iso_ms(self.clock.ms())
        self.settings = {
            "targetUrl": str(given["targetUrl"]),
            "throttling": {"maxConcurrentRequests": int(given["throttling"]["maxConcurrentRequests"])},
            "createdAt": self.settings["createdAt"] if self.settings else now,
            "updatedAt": now,
        }
        return reply(self.settings)

    def delete_settings(self, call: Call) -> Answer:
        """Forget the address."""
        self.settings = None
        return Answer(204)

    def found(self, identifier: str) -> dict[str, Any]:
        """One subscription, else 404."""
        found = self.subscriptions.get(identifier)
        if found is None:
            raise self.vendor.not_found("subscription not found")
        return found

    def create(self, call: Call) -> Answer:
        """Ask for a kind of event; sleeping until it is made active."""
        given = call.json()
        kind = str(given["eventType"])
        if not re.fullmatch(r"(contact|company|deal|object|order)\.\w+", kind):
            raise self.vendor.invalid(f"Unknown event type {kind}", "INVALID_EVENT_TYPE")
        now = iso_ms(self.clock.ms())
        made = {"id": str(1000 + self.chance.randrange(10**8)), "eventType": kind, "active": bool(given.get("active")),
                "createdAt": now, "updatedAt": now}  # fmt: skip
        made |= {name: given[name] for name in ("propertyName", "objectTypeId") if given.get(name)}
        self.subscriptions[str(made["id"])] = made
        return reply(made, 201)

    def update(self, call: Call) -> Answer:
        """Wake a subscription or let it sleep."""
        found = self.found(call.params["id"])
        found |= {"active": bool(call.json().get("active")), "updatedAt": iso_ms(self.clock.ms())}
        return reply(found)

    def batch_update(self, call: Call) -> Answer:
        """Wake many, or let them sleep."""
        results = []
        for item in call.json()["inputs"]:
            found = self.found(str(item["id"]))
            found |= {"active": bool(item.get("active")), "updatedAt": iso_ms(self.clock.ms())}
            results.append(found)
        return self.vendor.batches.answer(results, [], 200)

    def delete(self, call: Call) -> Answer:
        """Give up a subscription."""
        self.subscriptions.pop(self.found(call.params["id"])["id"])
        return Answer(204)

    def announce(
        self, kind: str, word: str, row: Row, name: str = "", value: str = "", source: str = "INTEGRATION",
        merged: list[str] | None = None,
    ) -> None:  # fmt: skip
        """Send an event to the app's address, if somebody asked for it."""
        if self.settings is None:
            return
        for found in self.subscriptions.values():
            if self.wants(found, kind, word, name):
                self.send(found, kind, row, name, value, source, merged)

    def wants(self, found: dict[str, Any], kind: str, word: str, name: str) -> bool:
        """Whether a subscription is for this event."""
        known = found["eventType"]
        if not found["active"] or known not in (f"{kind[:-1]}.{word}", f"object.{word}"):
            return False
        if known.startswith("object.") and found.get("objectTypeId") not in (None, TYPES[kind]):
            return False
        return found.get("propertyName") in (None, name)

    def send(
        self, found: dict[str, Any], kind: str, row: Row, name: str, value: str, source: str, merged: list[str] | None
    ) -> None:  # fmt: skip
        """Hand an event over for one subscription."""
        assert self.settings is not None
        known = found["eventType"]
        message: dict[str, Any] = {
            "eventId": self.chance.getrandbits(40), "subscriptionId": int(found["id"]), "portalId": PORTAL,
            "appId": APP, "occurredAt": row.updated, "subscriptionType": known, "attemptNumber": 0,
            "objectId": int(row.id), "changeSource": source,
        }  # fmt: skip
        if known.startswith("object."):
            message["objectTypeId"] = TYPES[kind]
        if name:
            message |= {"propertyName": name, "propertyValue": value}
        if merged:
            message |= {"primaryObjectId": int(row.id), "mergedObjectIds": [int(i) for i in merged]}
        url = self.settings["targetUrl"]
        body = orjson.dumps([message])
        self.vendor.courier.send(Delivery(url, body, "application/json", self.signer(url), timeout=5.0))

    def signer(self, url: str) -> Signer:
        """Signatures of versions 3 and 1 over the raw body."""

        def sign(body: bytes, attempt: int, wrong: bool) -> dict[str, str]:
            secret = or_wrong(self.vendor.grants.client_secret, wrong)
            moment = str(int(self.vendor.told_time() * 1000))
            return {
                "X-HubSpot-Signature-v3": hmac_base64(
                    secret, b"POST" + url.encode() + body + moment.encode()
                ),
                "X-HubSpot-Request-Timestamp": moment,
                "X-HubSpot-Signature": hashlib.sha256(secret.encode() + body).hexdigest(),
                "X-HubSpot-Signature-Version": "v1",
            }

        return sign

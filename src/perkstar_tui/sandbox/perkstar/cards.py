"""Wallet cards."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..clock import iso_s
from ..conditions import Conditions
from ..resource import Resource
from ..state import Row
from ..wire import Answer, Call, Refused, Routes
from .card_record import card_cell, card_number

if TYPE_CHECKING:
    from .vendor import Perkstar


class Cards(Resource):
    """Cards of customers, each of a template."""

    vendor: "Perkstar"

    def route(self, routes: Routes) -> None:
        """The paths of `/api/v2/cards`, but for what earns and redeems."""
        base = "/api/v2/cards"
        routes.add("GET", base, self.listed)
        routes.add("POST", base, self.create)
        routes.add("GET", f"{base}/{{id}}", self.retrieve)
        routes.add("PATCH", f"{base}/{{id}}", self.patch)
        routes.add("DELETE", f"{base}/{{id}}", self.delete)
        routes.add("POST", f"{base}/{{id}}/set-expiration-date", self.set_expiration)
        routes.add("POST", f"{base}/{{id}}/set-membership-tier", self.set_tier)

    def listed(self, call: Call) -> Answer:
        """Cards, all or of a template or a customer."""
        conditions = Conditions("state = 0")
        if call.arg("templateId"):
            conditions.add("json_extract(body, '$.templateId') = ?", call.number("templateId", 0))
        if call.arg("customerId"):
            conditions.add("ref = ?", call.arg("customerId"))
        phone, email = call.arg("customerPhone"), call.arg("customerEmail")
        if phone or email:
            conditions.one_of("ref", self.vendor.customers.ids_like(phone, email))
        return self.vendor.lists.stored(call, "cards", conditions, join=True)

    def create(self, call: Call) -> Answer:
        """Issue a card of a template to a customer who has none of it."""
        given = call.json()
        owner = self.vendor.live("customers", str(given.get("customerId", "")))
        template = self.vendor.templates.found(given.get("templateId"))
        for card in self.kind("cards").rows("ref = ? AND state = 0", (owner.id,)):
            if card.body["templateId"] == template["id"]:
                raise Refused(self.vendor.refusal(409, "The customer already has a card of this template"))
        return self.vendor.data(self.put_new(owner.id, template) | {"customer": owner.body}, 201)

    def put_new(self, owner: str, template: dict[str, Any], identifier: str = "") -> dict[str, Any]:
        """Keep a new card and tell of it."""
        serial = identifier or card_number(self.chance)
        row = Row.of(card_cell(serial, owner, template["id"], template["type"], self.clock.ms(), {}))
        self.kind("cards").put(row)
        self.vendor.webhooks.announce("CardIssuedEvent", self.event(row))
        return row.body

    def retrieve(self, call: Call) -> Answer:
        """One card, with counters that lists leave out."""
        row = self.vendor.live("cards", call.params["id"])
        owner = self.kind("customers").get(row.body["customerId"])
        done = self.kind("operations").rows("ref = ?", (row.id,))
        earned = [operation for operation in done if operation.body["amount"] > 0]
        body = row.body | {
            "customer": owner.body if owner else None,
            "countVisits": len(earned),
            "totalRewardsEarned": 0,
            "totalRewardsRedeemed": 0,
            "lastStampEarnedAt": earned[-1].body["createdAt"] if earned else None,
        }
        return self.vendor.data(
            {k: v for k, v in body.items() if k != "customer" or v is not None}, records=1
        )

    def patch(self, call: Call) -> Answer:
        """Set custom fields."""
        row = self.vendor.live("cards", call.params["id"])
        for field in call.json().get("customFields", []):
            kept = [known for known in row.body["customFields"] if known["id"] != field["id"]]
            kept.append({"id": int(field["id"]), "name": None, "type": None, "value": str(field["value"]),
                         "order": 0, "required": False, "unique": False})  # fmt: skip
            row.body["customFields"] = kept
        return self.vendor.data(self.touch(row))

    def delete(self, call: Call) -> Answer:
        """Remove a card."""
        row = self.vendor.live("cards", call.params["id"])
        self.remove(row)
        return self.vendor.data({"id": row.id})

    def remove(self, row: Row) -> None:
        """Take a card away and tell of it."""
        self.kind("cards").delete(row.id)
        self.vendor.webhooks.announce("CardRemovedEvent", self.event(row) | {"status": "deleted"})

    def touch(self, row: Row) -> dict[str, Any]:
        """Keep a card that was changed."""
        row.touch(self.clock.ms())
        row.body["updatedAt"] = iso_s(row.updated)
        self.kind("cards").put(row)
        return row.body

    def touch_and_tell(self, row: Row, given: dict[str, Any]) -> dict[str, Any]:
        """Keep a card whose balance was changed, and tell of it; answers it with its customer."""
        self.touch(row)
        event = self.event(row) | {"operationPurchaseSum": given.get("purchaseSum")}
        self.vendor.webhooks.announce("CardBalanceUpdatedEvent", event)
        owner = self.kind("customers").get(row.body["customerId"])
        return row.body | ({"customer": owner.body} if owner else {})

    def set_expiration(self, call: Call) -> Answer:
        """Set or clear a card's end."""
        row = self.vendor.live("cards", call.params["id"])
        moment = call.json().get("expiresAt")
        if moment is not None:
            try:
                datetime.fromisoformat(str(moment).replace("Z", "+00:00"))
            except ValueError:
                raise self.vendor.unprocessable("expiresAt", "must be Y-m-dTH:i:sP") from None
        row.body["expiresAt"] = moment
        return self.vendor.data(self.touch(row))

    def set_tier(self, call: Call) -> Answer:
        """Give a membership card its tier for a period."""
        row = self.vendor.live("cards", call.params["id"])
        given = call.json()
        template = self.vendor.templates.found(row.body["templateId"])
        if template["type"] != 6:
            raise Refused(self.vendor.refusal(400, "Only a membership card has a tier"))
        if given.get("period") not in (None, "day", "week", "month", "year"):
            raise self.vendor.unprocessable("period", "must be day, week, month or year")
        row.body["membershipTier"] = self.vendor.lists.among(template["membershipTiers"], given.get("tierId"))
        return self.vendor.data(self.touch(row))

    def event(self, row: Row) -> dict[str, Any]:
        """A card as events show it: flat, in snake case."""
        owner = self.kind("customers").get(row.body["customerId"])
        person = owner.body if owner else {}
        balance = row.body["balance"]
        links = row.body["directInstallLink"]
        return {
            "serial_number": row.id,
            "cardholder_id": row.body["customerId"],
            "card_type": row.body["type"],
            "template_id": str(row.body["templateId"]),
            "status": row.body["status"],
            "device_type": row.body["device"],
            "cardholder_email": person.get("email"),
            "cardholder_phone": person.get("phone"),
            "cardholder_first_name": person.get("firstName"),
            "cardholder_last_name": person.get("surname"),
            "cardholder_birth_date": person.get("dateOfBirth"),
            "balance": balance.get("balance"),
            "bonus_balance": balance.get("bonusBalance"),
            "number_stamps_total": balance.get("numberStampsTotal"),
            "number_rewards_unused": balance.get("numberRewardsUnused"),
            "current_number_of_uses": balance.get("currentNumberOfUses"),
            "short_link": row.body["shareLink"],
            "share_link": row.body["shareLink"],
            "custom_fields": {},
        } | {f"direct_install_link_{way}": link for way, link in links.items()}

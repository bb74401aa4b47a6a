"""Square's payments."""

from typing import TYPE_CHECKING, Any

from ..conditions import Conditions
from ..resource import Resource
from ..state import Row
from ..wire import Answer, Call, Routes, reply
from .errors import invalid
from .locations import LOCATIONS
from .till import amounts, money, payment_body, payment_cell, tender_body, totalled

if TYPE_CHECKING:
    from .vendor import Square


class Payments(Resource):
    """Payments of orders; one without an order makes its own."""

    vendor: "Square"

    def route(self, routes: Routes) -> None:
        """The paths of `/v2/payments`."""
        routes.add("GET", "/v2/payments", self.listed)
        routes.add("POST", "/v2/payments", self.create)
        routes.add("GET", "/v2/payments/{id}", self.retrieve)

    def retrieve(self, call: Call) -> Answer:
        """One payment."""
        return reply({"payment": self.vendor.found("payments", call.params["id"]).body}, records=1)

    def listed(self, call: Call) -> Answer:
        """Payments of one place; of the main one where none is named."""
        conditions = Conditions("state = 0")
        conditions.add("phone = ?", call.arg("location_id") or LOCATIONS[0])
        return self.vendor.pages.timed_page(call, self.kind("payments"), conditions)

    def create(self, call: Call) -> Answer:
        """Take a payment; an order that is paid in full is completed."""
        given = call.json()
        for name in ("source_id", "idempotency_key", "amount_money"):
            if not given.get(name):
                raise invalid("MISSING_REQUIRED_PARAMETER", f"{name} is required.", name)
        return self.vendor.idempotency.once(
            given["idempotency_key"], call, lambda: reply({"payment": self.pay(given).body})
        )

    def pay(self, given: dict[str, Any]) -> Row:
        """Book a payment."""
        order = self.vendor.found("orders", given["order_id"]) if given.get("order_id") else None
        where = self.vendor.locations.found(
            given.get("location_id") or (order.body["location_id"] if order else LOCATIONS[0])
        )["id"]
        tip = int((given.get("tip_money") or {}).get("amount", 0))
        amount = int(given["amount_money"]["amount"])
        if amount <= 0:
            raise invalid("VALUE_TOO_LOW", "amount must be positive.", "amount_money.amount")
        if order is None:
            order = self.vendor.orders.put_new(totalled({
                "location_id": where, "customer_id": given.get("customer_id"),
                "line_items": [{"name": "Custom Amount", "quantity": "1", "base_price_money": money(amount)}],
            }, self.chance))  # fmt: skip
        now = self.clock.ms()
        body = payment_body(
            self.chance, order.body, amount, tip, now, given.get("customer_id"), given["source_id"]
        )
        if given.get("buyer_email_address"):
            body["buyer_email_address"] = given["buyer_email_address"]
        row = self.kind("payments").put(Row.of(payment_cell(body, now, now)))
        order.body.setdefault("tenders", []).append(tender_body(body))
        if given.get("customer_id") and not order.body.get("customer_id"):
            order.body["customer_id"] = given["customer_id"]
        order.body["total_tip_money"] = money(order.body["total_tip_money"]["amount"] + tip)
        order.body["total_money"] = money(order.body["total_money"]["amount"] + tip)
        paid = sum(tender["amount_money"]["amount"] for tender in order.body["tenders"])
        due = max(0, order.body["total_money"]["amount"] - paid)
        order.body["net_amount_due_money"] = money(due)
        order.body["net_amounts"] = amounts(order.body)
        if due == 0:
            order.body["state"] = "COMPLETED"
        self.vendor.orders.touch(order)
        self.vendor.webhooks.announce("payment.created", "payment", row.id, {"payment": body})
        return row

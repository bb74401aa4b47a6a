"""Square's refunds."""

from typing import TYPE_CHECKING, Any

from ..conditions import Conditions
from ..resource import Resource
from ..state import Row
from ..wire import Answer, Call, Refused, Routes, reply
from .errors import error, invalid
from .till import amounts, money, order_refund, refund_body, refund_cell, refunded

if TYPE_CHECKING:
    from .vendor import Square


class Refunds(Resource):
    """Refunds of payments, whole or in part."""

    vendor: "Square"

    def route(self, routes: Routes) -> None:
        """The paths of `/v2/refunds`."""
        routes.add("GET", "/v2/refunds", self.listed)
        routes.add("POST", "/v2/refunds", self.create)
        routes.add("GET", "/v2/refunds/{id}", self.retrieve)

    def retrieve(self, call: Call) -> Answer:
        """One refund."""
        return reply({"refund": self.vendor.found("refunds", call.params["id"]).body}, records=1)

    def listed(self, call: Call) -> Answer:
        """Refunds of one place, or of all."""
        conditions = Conditions("state = 0")
        if call.arg("location_id"):
            conditions.add("phone = ?", call.arg("location_id"))
        if call.arg("status"):
            conditions.add("json_extract(body, '$.status') = ?", call.arg("status"))
        return self.vendor.pages.timed_page(call, self.kind("refunds"), conditions)

    def create(self, call: Call) -> Answer:
        """Give back a payment or a part of it."""
        given = call.json()
        for name in ("idempotency_key", "amount_money", "payment_id"):
            if not given.get(name):
                raise invalid("MISSING_REQUIRED_PARAMETER", f"{name} is required.", name)
        return self.vendor.idempotency.once(
            given["idempotency_key"], call, lambda: reply({"refund": self.give_back(given).body})
        )

    def give_back(self, given: dict[str, Any], identifier: str = "") -> Row:
        """Book a refund; 400 where more would go back than was paid."""
        payment = self.vendor.found("payments", given["payment_id"])
        amount = int(given["amount_money"]["amount"])
        left = (
            payment.body["total_money"]["amount"] - (payment.body.get("refunded_money") or money(0))["amount"]
        )
        if amount <= 0 or amount > left:
            words = "The requested refund amount exceeds the amount available to refund."
            raise Refused(error(400, "REFUND_ERROR", "REFUND_AMOUNT_INVALID", words, "amount_money.amount"))
        now = self.clock.ms()
        order = self.kind("orders").get(payment.body["order_id"])
        body = refund_body(self.chance, payment.body, amount, now, given.get("reason") or "Returned")
        if identifier:
            body["id"] = identifier
        row = self.kind("refunds").put(Row.of(refund_cell(body, now, now)))
        refunded(payment.body, body, now)
        payment.touch(now)
        self.kind("payments").put(payment)
        if order is not None:
            order.body.setdefault("refunds", []).append(order_refund(body, payment.body))
            order.body["net_amounts"] = amounts(order.body)
            self.vendor.orders.touch(order)
        self.vendor.webhooks.announce("refund.created", "refund", row.id, {"refund": body})
        self.vendor.webhooks.announce("payment.updated", "payment", payment.id, {"payment": payment.body})
        return row

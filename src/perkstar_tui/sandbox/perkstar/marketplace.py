"""The marketplace: whole checks accrued and reversed, each once."""

from typing import TYPE_CHECKING, Any

from ..clock import iso_s
from ..resource import Resource
from ..state import Row
from ..wire import Answer, Call, Refused, Routes, reply
from .company import COMPANY
from .earning import TYPES

if TYPE_CHECKING:
    from .vendor import Perkstar


class Marketplace(Resource):
    """Accruals by transaction."""

    vendor: "Perkstar"

    def __init__(self, vendor: "Perkstar") -> None:
        super().__init__(vendor)
        self.accrued: dict[str, dict[str, Any]] = {}

    def route(self, routes: Routes) -> None:
        """The paths of `/api/v2/marketplace`."""
        base = "/api/v2/marketplace"
        routes.add("POST", f"{base}/accrue", self.accrue)
        routes.add("POST", f"{base}/reverse", self.reverse)
        routes.add("POST", f"{base}/resolve-credentials", self.resolve)

    def accrue(self, call: Call) -> Answer:
        """Points for a whole check, once per transactionId: one for each unit of money."""
        given = call.json()
        transaction = str(given["transactionId"])
        if transaction not in self.accrued:
            self.accrued[transaction] = self.accrual(given, int(given["check"]["amount"]))
        return reply({"transactionId": transaction, "results": [self.accrued[transaction]]})

    def card_of(self, given: dict[str, Any]) -> Row | None:
        """The card with a serial number, or else the first one of the person with a phone or an address."""
        kind, serial = self.kind("cards"), given.get("serialNumber")
        if serial:
            return kind.first("state = 0 AND ref IS NOT NULL AND id = ?", serial)
        phone, email = given.get("phone") or "", given.get("email") or ""
        owners = self.vendor.customers.ids_like(phone, email) if phone or email else []
        return kind.first("state = 0 AND ref = ?", owners[0]) if owners else None

    def accrual(self, given: dict[str, Any], amount: int) -> dict[str, Any]:
        """Book a check, and what is told of it."""
        card = self.card_of(given)
        result: dict[str, Any] = {
            "isSuccess": card is not None, "errorMessage": None if card else "No card was found",
            "companyId": COMPANY, "installationId": 1, "templateId": card.body["templateId"] if card else None,
            "cardType": TYPES.index(card.body["type"]) if card else None, "serialNumber": card.id if card else None,
            "checkAmount": amount, "accrualAmount": amount, "accruedValue": amount // 100,
            "createdAt": iso_s(self.clock.ms()), "reversedAt": None,
        }  # fmt: skip
        if card is not None and amount >= 100:
            told = {"comment": f"check {given['transactionId']}", "purchaseSum": amount / 100}
            self.vendor.operations.book(card, "add-scores", amount // 100, told)
        return result

    def reverse(self, call: Call) -> Answer:
        """Take back what a check gave, once."""
        transaction = str(call.json()["transactionId"])
        result = self.accrued.get(transaction)
        if result is None:
            raise Refused(self.vendor.refusal(404, "Transaction not found"))
        if result["reversedAt"] is None and result["isSuccess"]:
            card = self.vendor.live("cards", result["serialNumber"])
            given = {"comment": f"reversal {transaction}"}
            self.vendor.operations.book(card, "subtract-scores", result["accruedValue"], given)
            result["reversedAt"] = iso_s(self.clock.ms())
        return reply({"transactionId": transaction, "results": [result]})

    def resolve(self, call: Call) -> Answer:
        """The credentials that an app was given; here it names them itself."""
        given = call.json()
        names = set(given["names"])
        kept = [item for item in given.get("credentials", []) if not names or item["name"] in names]
        return reply({"credentials": kept})

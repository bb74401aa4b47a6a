"""Operations: what earns and redeems with a card, and the history of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..clock import iso_s
from ..conditions import Conditions
from ..resource import Resource
from ..state import LIVE, Row
from ..wire import Answer, Call, Refused, Routes
from .company import COMPANY
from .earning import AMOUNT, COUNTERS, MECHANICS, OPERATIONS, POINT, STAMPS_PER_REWARD, WHERE_IT_GOES

if TYPE_CHECKING:
    from .vendor import Perkstar


class Operations(Resource):
    """The operations of all cards."""

    vendor: "Perkstar"

    def route(self, routes: Routes) -> None:
        """The path of the history, and one for each operation on a card."""
        routes.add("GET", "/api/v2/operations", self.listed)
        card = "/api/v2/cards/{id}"
        for operation in OPERATIONS:
            routes.add("POST", f"{card}/{operation}", self.handler(operation))
        routes.add("POST", f"{card}/receive-reward", self.receive_reward)
        routes.add("POST", f"{card}/redeem-coupon", self.redeem_coupon)

    def listed(self, call: Call) -> Answer:
        """Operations of some days, both days counted, in UTC."""
        conditions = Conditions("state = 0")
        for name, sign, days in (("startDate", ">=", 0), ("endDate", "<", 1)):
            text = call.arg(name)
            if not text:
                continue
            try:
                day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=days)
            except ValueError:
                raise self.vendor.unprocessable(name, "must be a date, Y-m-d") from None
            conditions.add(f"created {sign} ?", int(day.timestamp() * 1000))
        for name, column in (("cardId", "ref"), ("customerId", "email")):
            if call.arg(name):
                conditions.add(f"{column} = ?", call.arg(name))
        if call.arg("templateId"):
            conditions.add("json_extract(body, '$.templateId') = ?", call.number("templateId", 0))
        return self.vendor.lists.stored(call, "operations", conditions, join=True)

    def handler(self, name: str) -> Callable[[Call], Answer]:
        """The handler of one earning or redeeming operation."""

        def handle(call: Call) -> Answer:
            row = self.vendor.live("cards", call.params["id"])
            given = call.json()
            member = OPERATIONS[name][0]
            number = given.get(member)
            whole = member not in (POINT, AMOUNT) or "transaction" in name
            if (
                isinstance(number, bool)
                or not isinstance(number, int if whole else (int, float))
                or number <= 0
            ):
                raise self.vendor.unprocessable(
                    member, "must be a positive " + ("whole number" if whole else "number")
                )
            return self.vendor.data(self.book(row, name, number, given))

        return handle

    def book(self, row: Row, name: str, number: float, given: dict[str, Any]) -> dict[str, Any]:
        """Do an operation on a card; 400 where its type, its mechanics or its balance forbid it."""
        member, sign, types = OPERATIONS[name]
        template = self.vendor.templates.found(row.body["templateId"])
        kind = template["type"]
        mechanics = self.vendor.templates.mechanics.get(template["id"], "")
        needed = MECHANICS.get(name) if kind in (0, 7) else None
        if kind not in types or (needed and mechanics and needed != mechanics):
            raise Refused(self.vendor.refusal(400, f"Operation {name} is not possible with this card"))
        purse = WHERE_IT_GOES[(kind, member)]
        after = (row.body["balance"].get(purse) or 0) + sign * number
        if after < 0:
            raise Refused(self.vendor.refusal(400, "The balance is too low"))
        after = round(after, 2) if isinstance(after, float) else after
        row.body["balance"][purse] = after
        if purse == "numberStampsTotal":
            self.full_cards(row.body["balance"])
        row.body["availableRewardTiers"] = [
            tier for tier in template["rewardTiers"] if kind == 7 and (tier["threshold"] or 0) <= after
        ]
        self.record(row, sign * number, after, COUNTERS[member], given)
        return self.vendor.cards.touch_and_tell(row, given)

    def full_cards(self, balance: dict[str, Any]) -> None:
        """Turn stamps into rewards where there are enough of them."""
        while balance["numberStampsTotal"] >= STAMPS_PER_REWARD:
            balance["numberStampsTotal"] -= STAMPS_PER_REWARD
            balance["numberRewardsUnused"] += 1
        balance["stampsBeforeReward"] = STAMPS_PER_REWARD - balance["numberStampsTotal"]

    def record(
        self, row: Row, amount: float, balance: float, event: int, given: dict[str, Any], source: str = "api"
    ) -> int:
        """Write the operation into the account's history."""
        now = self.clock.ms()
        kind = self.kind("operations")
        number = 2_400_000 + kind.next_seq()
        comment = given.get("comment")
        body = {
            "id": number,
            "companyId": COMPANY,
            "templateId": row.body["templateId"],
            "cardId": row.id,
            "cardDevice": row.body["device"],
            "customerId": row.body["customerId"],
            "eventId": event,
            "managerId": None,
            "locationId": None,
            "amount": amount,
            "purchaseSum": given.get("purchaseSum") or 0,
            "balance": balance,
            "source": source,
            "comment": None if comment is None else str(comment),
            "createdAt": iso_s(now),
            "updatedAt": iso_s(now),
        }
        kind.put(Row(None, str(number), row.body["customerId"], None, row.id, now, now, LIVE, body))
        return number

    def receive_reward(self, call: Call) -> Answer:
        """Give a reward tier out against points."""
        row = self.vendor.live("cards", call.params["id"])
        given = call.json()
        template = self.vendor.templates.found(row.body["templateId"])
        tier = self.vendor.lists.among(template["rewardTiers"], given.get("id"))
        threshold = tier["threshold"] or 0
        balance = row.body["balance"]
        if template["type"] != 7 or balance["bonusBalance"] < threshold:
            raise Refused(self.vendor.refusal(400, "The balance is too low"))
        balance["bonusBalance"] -= threshold
        self.record(row, -threshold, balance["bonusBalance"], 42, given)
        return self.vendor.data(self.vendor.cards.touch_and_tell(row, given))

    def redeem_coupon(self, call: Call) -> Answer:
        """Use a coupon, once."""
        row = self.vendor.live("cards", call.params["id"])
        if row.body["type"] != "coupon" or row.body["couponRedeemed"]:
            raise Refused(self.vendor.refusal(400, "There is no coupon to redeem"))
        row.body["couponRedeemed"] = True
        self.record(row, -1, 0, 43, call.json())
        self.vendor.webhooks.announce("CouponRedeemedEvent", self.vendor.cards.event(row))
        return self.vendor.data(self.vendor.cards.touch_and_tell(row, {}))

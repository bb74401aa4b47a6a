"""The templates of cards, and their reward tiers."""

from typing import TYPE_CHECKING, Any

from .. import business
from ..clock import iso_s
from ..resource import Resource
from ..wire import Answer, Call, Routes
from .company import COMPANY

if TYPE_CHECKING:
    from .vendor import Perkstar

FIRST = 51_800
SEEDED = (("Points", 7, "points"), ("Stamps", 0, "stamps"), ("Cashback", 1, ""), ("Ten visits", 2, ""),
          ("Welcome coupon", 3, ""), ("Staff discount", 4, ""),
          ("Gift card", 5, ""), ("Club", 6, ""))  # fmt: skip
"""Name, type and mechanics of each; points first, stamps second."""


class Templates(Resource):
    """Eight templates, one of each type."""

    vendor: "Perkstar"

    def __init__(self, vendor: "Perkstar") -> None:
        super().__init__(vendor)
        made = iso_s(vendor.started - business.AGE_MS)
        self.mechanics = {FIRST + number: mechanics for number, (_, _, mechanics) in enumerate(SEEDED)}
        self.known: list[dict[str, Any]] = [
            {
                "id": FIRST + number,
                "companyId": COMPANY,
                "name": name,
                "type": kind,
                "installLink": f"https://perkstar.example/t/{FIRST + number}",
                "qrLink": f"https://perkstar.example/t/{FIRST + number}/qr",
                "customFields": [],
                "rewardTiers": [],
                "membershipTiers": [],
                "createdAt": made,
                "updatedAt": made,
            }
            for number, (name, kind, _) in enumerate(SEEDED)
        ]
        self.known[0]["rewardTiers"] = [
            {"id": 7001, "templateId": FIRST, "name": "Free coffee", "type": 0, "threshold": 100, "value": 1,
             "valueLimit": None, "usageLimit": None},
            {"id": 7002, "templateId": FIRST, "name": "£10 off", "type": 1, "threshold": 500, "value": 10,
             "valueLimit": None, "usageLimit": None},
        ]  # fmt: skip
        off = {"active": False, "price": 0, "limit": 0, "perFilialLimit": 0, "recommended": False}
        self.known[7]["membershipTiers"] = [
            {"id": 9001, "templateId": FIRST + 7, "name": "Gold", "description": "All of it", "benefits": ["Tea"],
             "dailyParameters": off, "weeklyParameters": off, "yearlyParameters": off,
             "monthlyParameters": off | {"active": True, "price": 12}},
        ]  # fmt: skip

    def route(self, routes: Routes) -> None:
        """The paths of `/api/v2/templates`."""
        base = "/api/v2/templates"
        routes.add("GET", base, lambda call: self.vendor.lists.listed(call, self.known))
        routes.add("GET", f"{base}/{{id}}", lambda call: self.vendor.data(self.found(call.params["id"])))
        routes.add("POST", f"{base}/{{templateId}}/reward_tiers", self.create_reward_tier)
        routes.add("DELETE", f"{base}/{{templateId}}/reward_tiers/{{id}}", self.delete_reward_tier)

    def found(self, identifier: object) -> dict[str, Any]:
        """A template, else 404."""
        return self.vendor.lists.among(self.known, identifier)

    def create_reward_tier(self, call: Call) -> Answer:
        """Add a reward to a template."""
        template = self.found(call.params["templateId"])
        given = call.json()
        if not given.get("name") or given.get("type") not in (0, 1, 2) or "value" not in given:
            raise self.vendor.unprocessable("name", "name, type and value are required")
        tier = {"id": 7100 + self.chance.randrange(10**6), "templateId": template["id"]} | {
            name: given.get(name)
            for name in ("name", "type", "threshold", "value", "valueLimit", "usageLimit")
        }
        template["rewardTiers"].append(tier)
        return self.vendor.data(tier, 201)

    def delete_reward_tier(self, call: Call) -> Answer:
        """Take a reward from a template."""
        template = self.found(call.params["templateId"])
        tier = self.vendor.lists.among(template["rewardTiers"], call.params["id"])
        template["rewardTiers"].remove(tier)
        return self.vendor.data({"id": tier["id"]})

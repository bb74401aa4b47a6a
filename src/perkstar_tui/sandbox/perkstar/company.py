"""The company itself: its profile, tariff and revenue, and the companies below it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .. import business
from ..clock import iso_s
from ..ids import uuid7
from ..resource import Resource
from ..wire import Answer, Call, Routes

if TYPE_CHECKING:
    from .vendor import Perkstar

COMPANY = 40_721
PROFILE_FIELDS = (
    "name",
    "email",
    "phone",
    "country",
    "currency",
    "timezone",
    "userName",
    "userSurname",
    "dateFormat",
)
AGENCY_FIELDS = (
    "name", "email", "phone", "address", "city", "state", "zip", "country", "demoFormLink", "helpCenterLink",
    "privacyPolicyLink", "subscriptionAgreementLink", "termsOfUse", "facebook", "instagram", "telegram", "twitter",
)  # fmt: skip
NEEDED = ("name", "email", "phone", "country", "password", "userName", "userSurname", "tariffPeriod")
"""The texts that a new sub-account must have."""


class Company(Resource):
    """What is told of the account and its sub-accounts."""

    vendor: "Perkstar"

    def __init__(self, vendor: "Perkstar") -> None:
        super().__init__(vendor)
        made = iso_s(vendor.started - business.AGE_MS)
        self.tariffs = [
            {"id": 3, "name": "Professional", "type": 1, "country": business.COUNTRY, "currency": business.CURRENCY,
             "prices": {"month": 45, "quarter": 121, "year": 432},
             "limits": {"integrations": 10, "locations": 5, "managers": 10, "templates": 10},
             "options": dict.fromkeys(("autoPush", "customAutoPush", "customFields", "duplicatesCheck", "integrations",
                                       "phoneCheck", "push", "referralProgram", "reports"), True)
             | {"whiteLabel": False}, "createdAt": made, "updatedAt": made},
        ]  # fmt: skip
        self.profile: dict[str, Any] = {
            "companyId": COMPANY, "name": business.NAME, "email": business.EMAIL, "phone": business.PHONE,
            "country": business.COUNTRY, "currency": business.CURRENCY, "dateFormat": "DD/MM/YYYY",
            "timezone": business.TIMEZONE, "userName": business.OWNER_FIRST, "userSurname": business.OWNER_LAST,
            "tariff": self.tariffs[0],
        }  # fmt: skip
        self.agency: dict[str, Any] = dict.fromkeys(AGENCY_FIELDS) | {
            "companyId": COMPANY,
            "name": business.NAME,
        }
        self.companies: list[dict[str, Any]] = []

    def route(self, routes: Routes) -> None:
        """The paths of profile, tariffs, revenue and companies."""
        base = "/api/v2"
        routes.add("GET", f"{base}/statistics/revenue", self.revenue)
        routes.add("GET", f"{base}/tariffs", lambda call: self.vendor.lists.listed(call, self.tariffs))
        routes.add("GET", f"{base}/tariffs/{{id}}", lambda call: self.one(call, self.tariffs))
        routes.add("GET", f"{base}/profile", lambda call: self.vendor.data(self.profile))
        routes.add("PATCH", f"{base}/profile", lambda call: self.settled(call, self.profile, PROFILE_FIELDS))
        routes.add("GET", f"{base}/profile/agency", lambda call: self.vendor.data(self.agency))
        routes.add(
            "PATCH", f"{base}/profile/agency", lambda call: self.settled(call, self.agency, AGENCY_FIELDS)
        )
        routes.add("GET", f"{base}/companies", lambda call: self.vendor.lists.listed(call, self.companies))
        routes.add("POST", f"{base}/companies", self.create)
        routes.add("GET", f"{base}/companies/{{id}}", lambda call: self.one(call, self.companies))
        routes.add("PATCH", f"{base}/companies/{{id}}", self.patch)
        routes.add("DELETE", f"{base}/companies/{{id}}", self.delete)
        routes.add("GET", "/api/automation/users/me", self.user)

    def one(self, call: Call, items: list[dict[str, Any]]) -> Answer:
        """One item of a short list."""
        return self.vendor.data(self.vendor.lists.among(items, call.params["id"]))

    def user(self, call: Call) -> Answer:
        """Whose key it is."""
        return self.vendor.data(
            {"id": 81, "email": self.profile["email"], "name": business.OWNER_FIRST, "companyId": COMPANY}
        )

    def revenue(self, call: Call) -> Answer:
        """What was bought with a card, by day."""
        days: dict[str, float] = {}
        for row in self.kind("operations").rows():
            day = row.body["createdAt"][:10]
            if call.arg("startDate", "0") <= day <= call.arg("endDate", "9"):
                days[day] = round(days.get(day, 0) + float(row.body["purchaseSum"]), 2)
        total = round(sum(days.values()), 2)
        points = [{"date": day, "value": value} for day, value in sorted(days.items())]
        return self.vendor.data({
            "revenueTotal": total, "totalCost": 0, "roi": 0,
            "ltv": round(total / max(1, self.kind("customers").count()), 2), "revenueByDay": points, "roiByDay": [],
        })  # fmt: skip

    def settled(self, call: Call, place: dict[str, Any], fields: Iterable[str]) -> Answer:
        """Change a profile."""
        given = call.json()
        place.update({name: given[name] for name in fields if name in given})
        return self.vendor.data(place)

    def create(self, call: Call) -> Answer:
        """Add a sub-account."""
        given = call.json()
        for name in NEEDED:
            if not isinstance(given.get(name), str):
                raise self.vendor.unprocessable(name, "is required")
        now = iso_s(self.clock.ms())
        company = {
            "id": COMPANY + 1 + len(self.companies), "name": given["name"], "email": given["email"],
            "phone": given["phone"], "userId": uuid7(self.clock.ms(), self.chance),
            "tariffId": self.vendor.lists.among(self.tariffs, given.get("tariffId"))["id"], "status": 1,
            "apiKey": None, "note": None, "expiresAt": None, "createdAt": now, "updatedAt": now,
            "extra": {"country": given["country"]},
        }  # fmt: skip
        self.companies.append(company)
        return self.vendor.data(company, 201)

    def patch(self, call: Call) -> Answer:
        """Change a sub-account."""
        company = self.vendor.lists.among(self.companies, call.params["id"])
        return self.settled(call, company, ("name", "expiresAt"))

    def delete(self, call: Call) -> Answer:
        """Remove a sub-account."""
        company = self.vendor.lists.among(self.companies, call.params["id"])
        self.companies.remove(company)
        return self.vendor.data({"id": company["id"]})

"""Perkstar's cloud: customers, wallet cards, operations that earn and redeem, and webhooks."""

import hashlib
import hmac
import random
import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson

from .clock import iso_s
from .limits import Windows
from .names import EMAIL, invent
from .state import LIVE, Cell, Row, normal_email, normal_phone
from .vendor import Vendor
from .webhooks import Delivery
from .wire import Answer, Call, Refused, reply

COMPANY = 40721
TYPES = ("stamp", "cashback", "multipass", "coupon", "discount", "certificate", "membership", "reward")
STAMPS_PER_REWARD = 10
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

POINT, SCORES, STAMPS, VISITS, REWARDS, AMOUNT = "points", "scores", "stamps", "visits", "rewards", "amount"
OPERATIONS: dict[str, tuple[str, int, frozenset[int]]] = {
    # operation: the body's member, its sign, the card types that know it
    "add-point": (POINT, 1, frozenset({1, 4, 5})),
    "subtract-point": (POINT, -1, frozenset({1, 4, 5})),
    "add-transaction-amount": (AMOUNT, 1, frozenset({1})),
    "subtract-transaction-amount": (AMOUNT, -1, frozenset({1})),
    "add-purchase": (AMOUNT, 1, frozenset({0, 7})),
    "subtract-purchase": (AMOUNT, -1, frozenset({0})),
    "add-reward": (REWARDS, 1, frozenset({0})),
    "subtract-reward": (REWARDS, -1, frozenset({0})),
    "add-scores": (SCORES, 1, frozenset({2, 7})),
    "subtract-scores": (SCORES, -1, frozenset({2, 7})),
    "add-stamp": (STAMPS, 1, frozenset({0})),
    "subtract-stamp": (STAMPS, -1, frozenset({0})),
    "add-visit": (VISITS, 1, frozenset({0, 2, 6, 7})),
    "subtract-visit": (VISITS, -1, frozenset({2, 6})),
}
MECHANICS = {"add-purchase": "spend", "subtract-purchase": "spend", "add-scores": "points",
             "subtract-scores": "points", "add-stamp": "stamps", "subtract-stamp": "stamps"}  # fmt: skip
COUNTERS = {POINT: 1, AMOUNT: 4, SCORES: 24, STAMPS: 1, VISITS: 42, REWARDS: 3}
WHERE_IT_GOES: dict[tuple[int, str], str] = {
    (0, STAMPS): "numberStampsTotal", (0, REWARDS): "numberRewardsUnused", (0, VISITS): "currentNumberOfUses",
    (0, AMOUNT): "balance", (1, POINT): "bonusBalance", (1, AMOUNT): "balance",
    (2, VISITS): "currentNumberOfUses", (2, SCORES): "bonusBalance", (4, POINT): "discountAmount",
    (5, POINT): "balance", (6, VISITS): "currentNumberOfUses", (7, SCORES): "bonusBalance",
    (7, VISITS): "bonusBalance", (7, AMOUNT): "bonusBalance",
}  # fmt: skip
EMPTY: dict[int, dict[str, Any]] = {
    0: {"numberStampsTotal": 0, "stampsBeforeReward": STAMPS_PER_REWARD, "numberRewardsUnused": 0,
        "currentNumberOfUses": 0},
    1: {"balance": 0, "bonusBalance": 0, "cashbackPercent": 5},
    2: {"currentNumberOfUses": 0, "bonusBalance": 0},
    3: {},
    4: {"discountPercentage": 10, "discountAmount": 0},
    5: {"balance": 0},
    6: {"currentNumberOfUses": 0},
    7: {"bonusBalance": 0, "numberRewardsUnused": 0},
}  # fmt: skip
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


def customer_cell(
    identifier: str, created: int, updated: int, fields: dict[str, Any], seq: int | None = None
) -> Cell:
    """A customer as it is kept."""
    body = {
        "id": identifier,
        "phone": fields.get("phone"),
        "email": fields.get("email"),
        "gender": fields.get("gender", 0),
        "dateOfBirth": fields.get("dateOfBirth"),
        "firstName": fields.get("firstName"),
        "surname": fields.get("surname"),
        "externalUserId": fields.get("externalUserId"),
        "createdAt": iso_s(created),
        "updatedAt": iso_s(updated),
        "segments": fields.get("segments", []),
    }
    return (
        seq, identifier, normal_email(body["email"]), normal_phone("+" + (body["phone"] or "")), None,
        created, updated, LIVE, orjson.dumps(body).decode(),
    )  # fmt: skip


def card_cell(
    identifier: str,
    customer: str,
    template: int,
    kind: int,
    created: int,
    fields: dict[str, Any],
    seq: int | None = None,
) -> Cell:
    """A card as it is kept; the members of its balance are those of its type."""
    body = {
        "id": identifier,
        "companyId": COMPANY,
        "templateId": template,
        "customerId": customer,
        "type": TYPES[kind],
        "status": fields.get("status", "not_installed"),
        "balance": EMPTY[kind] | fields.get("balance", {}),
        "device": fields.get("device"),
        "installLink": f"https://perkstar.example/install/{identifier}",
        "shareLink": f"https://perkstar.example/share/{identifier}",
        "qrLink": f"https://perkstar.example/qr/{identifier}",
        "directInstallLink": {
            way: f"https://perkstar.example/{way}/{identifier}"
            for way in ("universal", "apple", "google", "pwa")
        },
        "customFields": [],
        "availableRewardTiers": [],
        "membershipTier": None,
        "customerSubscription": None,
        "couponRedeemed": False if kind == 3 else None,
        "firstVisitDiscount": None,
        "utmSource": None,
        "expiresAt": None,
        "createdAt": iso_s(created),
        "updatedAt": iso_s(created),
    }
    return (seq, identifier, None, None, customer, created, created, LIVE, orjson.dumps(body).decode())


def card_number(chance: random.Random) -> str:
    """A card's serial."""
    number = chance.randrange(10**12)
    return f"{number // 10**6:06d}-{number // 1000 % 1000:03d}-{number % 1000:03d}"


def uuid7(ms: int, chance: random.Random) -> str:
    """A UUID of version 7."""
    value = (
        (ms & (2**48 - 1)) << 80 | 7 << 76 | chance.getrandbits(12) << 64 | 2 << 62 | chance.getrandbits(62)
    )
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Perkstar(Vendor):
    """Perkstar's cloud on one port."""

    name = "perkstar"
    kinds = ("customers", "cards", "operations")
    people_kind = "customers"

    def begin(self) -> None:
        """A key, eight templates (Points first, Stamps second), a tariff and a profile."""
        self.renew()
        self.windows = Windows(self.clock, 10, 1.0)
        self.webhooks: dict[str, dict[str, Any]] = {}
        self.accrued: dict[str, dict[str, Any]] = {}
        self.pushes: list[dict[str, Any]] = []
        self.messages = 0
        self.started = self.clock.ms()
        made = iso_s(self.started - 900 * 86_400_000)
        names = (("Points", 7, "points"), ("Stamps", 0, "stamps"), ("Cashback", 1, ""), ("Ten visits", 2, ""),
                 ("Welcome coupon", 3, ""), ("Staff discount", 4, ""),
                 ("Gift card", 5, ""), ("Club", 6, ""))  # fmt: skip
        self.mechanics = {51800 + number: mechanics for number, (_, _, mechanics) in enumerate(names)}
        self.templates: list[dict[str, Any]] = [
            {
                "id": 51800 + number,
                "companyId": COMPANY,
                "name": name,
                "type": kind,
                "installLink": f"https://perkstar.example/t/{51800 + number}",
                "qrLink": f"https://perkstar.example/t/{51800 + number}/qr",
                "customFields": [],
                "rewardTiers": [],
                "membershipTiers": [],
                "createdAt": made,
                "updatedAt": made,
            }
            for number, (name, kind, _) in enumerate(names)
        ]
        self.templates[0]["rewardTiers"] = [
            {"id": 7001, "templateId": 51800, "name": "Free coffee", "type": 0, "threshold": 100, "value": 1,
             "valueLimit": None, "usageLimit": None},
            {"id": 7002, "templateId": 51800, "name": "£10 off", "type": 1, "threshold": 500, "value": 10,
             "valueLimit": None, "usageLimit": None},
        ]  # fmt: skip
        off = {"active": False, "price": 0, "limit": 0, "perFilialLimit": 0, "recommended": False}
        self.templates[7]["membershipTiers"] = [
            {"id": 9001, "templateId": 51807, "name": "Gold", "description": "All of it", "benefits": ["Tea"],
             "dailyParameters": off, "weeklyParameters": off, "yearlyParameters": off,
             "monthlyParameters": off | {"active": True, "price": 12}},
        ]  # fmt: skip
        self.tariffs = [
            {"id": 3, "name": "Professional", "type": 1, "country": "GB", "currency": "GBP",
             "prices": {"month": 45, "quarter": 121, "year": 432},
             "limits": {"integrations": 10, "locations": 5, "managers": 10, "templates": 10},
             "options": dict.fromkeys(("autoPush", "customAutoPush", "customFields", "duplicatesCheck", "integrations",
                                       "phoneCheck", "push", "referralProgram", "reports"), True)
             | {"whiteLabel": False}, "createdAt": made, "updatedAt": made},
        ]  # fmt: skip
        self.profile: dict[str, Any] = {
            "companyId": COMPANY, "name": "Kestrel & Rye", "email": "hello@kestrelrye.co.uk", "phone": "442079460018",
            "country": "GB", "currency": "GBP", "dateFormat": "DD/MM/YYYY", "timezone": "Europe/London",
            "userName": "Morgan", "userSurname": "Hale", "tariff": self.tariffs[0],
        }  # fmt: skip
        self.agency: dict[str, Any] = dict.fromkeys(AGENCY_FIELDS) | {
            "companyId": COMPANY,
            "name": "Kestrel & Rye",
        }
        self.companies: list[dict[str, Any]] = []

    def route(self) -> None:
        """The paths of `/api/v2`, and the two of the automation."""
        add = self.routes.add
        base = "/api/v2"
        add("GET", f"{base}/customers", self.customers)
        add("POST", f"{base}/customers", self.create_customer)
        add("GET", f"{base}/customers/{{id}}", lambda call: self.one("customers", call))
        add("PATCH", f"{base}/customers/{{id}}", self.patch_customer)
        add("DELETE", f"{base}/customers/{{id}}", self.delete_customer)
        add("GET", f"{base}/cards", self.cards)
        add("POST", f"{base}/cards", self.create_card)
        add("GET", f"{base}/cards/{{id}}", self.get_card)
        add("PATCH", f"{base}/cards/{{id}}", self.patch_card)
        add("DELETE", f"{base}/cards/{{id}}", self.delete_card)
        for operation in OPERATIONS:
            add("POST", f"{base}/cards/{{id}}/{operation}", self.operation(operation))
        add("POST", f"{base}/cards/{{id}}/receive-reward", self.receive_reward)
        add("POST", f"{base}/cards/{{id}}/redeem-coupon", self.redeem_coupon)
        add("POST", f"{base}/cards/{{id}}/set-expiration-date", self.set_expiration)
        add("POST", f"{base}/cards/{{id}}/set-membership-tier", self.set_tier)
        add("GET", f"{base}/operations", self.operations)
        add("GET", f"{base}/templates", lambda call: self.listed(call, self.templates))
        add("GET", f"{base}/templates/{{id}}", lambda call: self.data(self.template(call.params["id"])))
        add("POST", f"{base}/templates/{{templateId}}/reward_tiers", self.create_reward_tier)
        add("DELETE", f"{base}/templates/{{templateId}}/reward_tiers/{{id}}", self.delete_reward_tier)
        add("GET", f"{base}/pushes", lambda call: self.listed(call, self.pushes))
        add("POST", f"{base}/pushes", self.send_push)
        add(
            "GET", f"{base}/pushes/{{id}}", lambda call: self.data(self.among(self.pushes, call.params["id"]))
        )
        add("POST", f"{base}/sms", self.send_sms)
        add("GET", f"{base}/statistics/revenue", self.revenue)
        add("GET", f"{base}/tariffs", lambda call: self.listed(call, self.tariffs))
        add(
            "GET",
            f"{base}/tariffs/{{id}}",
            lambda call: self.data(self.among(self.tariffs, call.params["id"])),
        )
        add("GET", f"{base}/profile", lambda call: self.data(self.profile))
        add("PATCH", f"{base}/profile", lambda call: self.settled(call, self.profile, PROFILE_FIELDS))
        add("GET", f"{base}/profile/agency", lambda call: self.data(self.agency))
        add("PATCH", f"{base}/profile/agency", lambda call: self.settled(call, self.agency, AGENCY_FIELDS))
        add("GET", f"{base}/companies", lambda call: self.listed(call, self.companies))
        add("POST", f"{base}/companies", self.create_company)
        add(
            "GET",
            f"{base}/companies/{{id}}",
            lambda call: self.data(self.among(self.companies, call.params["id"])),
        )
        add("PATCH", f"{base}/companies/{{id}}", self.patch_company)
        add("DELETE", f"{base}/companies/{{id}}", self.delete_company)
        add("POST", f"{base}/marketplace/accrue", self.accrue)
        add("POST", f"{base}/marketplace/reverse", self.reverse)
        add("POST", f"{base}/marketplace/resolve-credentials", self.resolve)
        add("POST", "/api/automation/webhooks", self.create_webhook)
        add("DELETE", "/api/automation/webhooks/{id}", self.delete_webhook)
        add("GET", "/api/automation/users/me", lambda call: self.data(
            {"id": 81, "email": self.profile["email"], "name": "Morgan", "companyId": COMPANY}))  # fmt: skip

    # what the vendor says ------------------------------------------------------------------------------

    def data(self, data: Any, status: int = 200, records: int = 0) -> Answer:
        """An answer in the envelope."""
        return Answer(status, self.envelope(status, orjson.dumps(data)), records=records)

    def envelope(self, status: int, data: bytes, meta: bytes = b"") -> bytes:
        """The envelope around data that is JSON already."""
        ident = f"{self.chance.getrandbits(96):024x}"
        return (
            f'{{"responseId":"{ident}","createdAt":"{iso_s(self.clock.ms())}","code":{status},'.encode()
            + (b'"meta":' + meta + b"," if meta else b"")
            + b'"data":' + data + b"}"
        )  # fmt: skip

    def refusal(self, status: int, message: str, errors: dict[str, list[str]] | None = None) -> Answer:
        """An error in the envelope."""
        body: dict[str, Any] = {
            "responseId": f"{self.chance.getrandbits(96):024x}",
            "createdAt": iso_s(self.clock.ms()),
            "code": status,
            "message": message,
        }
        if errors:
            body["errors"] = errors
        return reply(body, status)

    def unprocessable(self, field: str, words: str) -> Refused:
        """The refusal of one member."""
        return Refused(self.refusal(422, f"{field}: {words}", {field: [words]}))

    def admit(self, call: Call) -> dict[str, str]:
        """Key and ten requests a second."""
        given = call.headers.get("x-api-key", "")
        if self.key_refused or not hmac.compare_digest(given.encode(), self.api_key.encode()):
            raise Refused(self.refusal(401, "Unauthorized: the API key is missing or wrong"))
        self.count(self.windows.of(given))
        if call.path.startswith("/api/v2/marketplace/") and "x-app-token" not in call.headers:
            raise Refused(self.refusal(401, "X-App-Token is missing"))
        return {}

    def missing(self, known: bool) -> Answer:
        """404, or 405 for a path that other methods know."""
        if known:
            return self.refusal(405, "Method not allowed")
        return self.refusal(404, "Not found")

    def failure(self, status: int) -> Answer:
        """429 and the errors of a server."""
        words = {429: "Too many requests", 500: "Internal server error", 503: "Service unavailable"}
        return self.refusal(status, words.get(status, "Error"))

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON or of another shape."""
        return self.refusal(400, "The body is not a JSON object of the expected form")

    def credentials(self) -> dict[str, Any]:
        """The key."""
        return {"api_key": self.api_key}

    def revoke_tokens(self) -> int:
        """Let the key be refused from now on."""
        self.key_refused = True
        return 1

    def renew(self) -> None:
        """A new key; the one before is refused."""
        self.api_key = "sandbox-" + "".join(self.chance.choices("0123456789abcdef", k=32))
        self.key_refused = False

    def page_mark(self, call: Call) -> str | None:
        """Lists go by page."""
        return call.arg("page", "1") if call.method == "GET" and call.path.count("/") == 3 else None

    def disturb(self, call: Call) -> None:
        """Somebody deletes nothing and adds nobody, but an early record moves to the end of the list."""
        kind = (
            self.kind(call.path.rsplit("/", 1)[1])
            if call.path.rsplit("/", 1)[1] in self.store.kinds
            else None
        )
        row = kind.first("state = 0") if kind else None
        if kind is not None and row is not None:
            kind.delete(row.id)
            row.seq = None
            kind.put(row)

    # lists -------------------------------------------------------------------------------------------------

    def paged(self, call: Call) -> tuple[int, int]:
        """Page and size; 422 where they are out of range."""
        page, size = call.number("page", 1, 1), call.number("itemsPerPage", 30, 1)
        if size > 1000:
            raise self.unprocessable("itemsPerPage", "must be at most 1000")
        return page, size

    def answer_list(self, page: int, size: int, total: int, bodies: list[bytes]) -> Answer:
        """A page in the envelope."""
        meta = f'{{"totalItems":{total},"itemsPerPage":{size},"currentPage":{page}}}'.encode()
        return Answer(200, self.envelope(200, b"[" + b",".join(bodies) + b"]", meta), records=len(bodies))

    def listed(self, call: Call, items: list[dict[str, Any]]) -> Answer:
        """A page of a short list."""
        page, size = self.paged(call)
        part = items[(page - 1) * size : page * size]
        return self.answer_list(page, size, len(items), [orjson.dumps(item) for item in part])

    def list_of(self, call: Call, kind: str, where: list[str], values: list[object], *, join: bool) -> Answer:
        """A page of stored records, with their customers beside them."""
        page, size = self.paged(call)
        condition = " AND ".join(["state = 0", *where])
        total = self.kind(kind).count(condition, values)
        rows = self.kind(kind).raw(
            condition, (*values, size, (page - 1) * size), "ORDER BY seq LIMIT ? OFFSET ?"
        )
        bodies = [row[3] for row in rows]
        if join:
            bodies = self.joined_customers(bodies)
        return self.answer_list(page, size, total, bodies)

    def joined_customers(self, bodies: list[bytes]) -> list[bytes]:
        """The records with the member `customer`."""
        owners = [orjson.loads(body)["customerId"] for body in bodies]
        known: dict[str, bytes] = {}
        unique = list(dict.fromkeys(owners))
        for start in range(0, len(unique), 500):
            part = unique[start : start + 500]
            marks = ",".join("?" * len(part))
            for row in self.kind("customers").raw(f"id IN ({marks})", part, ""):
                known[orjson.loads(row[3])["id"]] = row[3]
        return [
            body[:-1] + b',"customer":' + known[owner] + b"}" if owner in known else body
            for body, owner in zip(bodies, owners, strict=True)
        ]

    def customers(self, call: Call) -> Answer:
        """Customers, all or by exact phone or address."""
        where, values = self.person_filter(call.arg("phone"), call.arg("email"))
        return self.list_of(call, "customers", where, values, join=False)

    def person_filter(self, phone: str, email: str) -> tuple[list[str], list[object]]:
        where: list[str] = []
        values: list[object] = []
        if phone:
            where.append("phone = ?")
            values.append("".join(c for c in phone if c.isdigit()))
        if email:
            where.append("email = ?")
            values.append(normal_email(email))
        return where, values

    def cards(self, call: Call) -> Answer:
        """Cards, all or of a template or a customer."""
        where: list[str] = []
        values: list[object] = []
        if call.arg("templateId"):
            where.append("json_extract(body, '$.templateId') = ?")
            values.append(call.number("templateId", 0))
        if call.arg("customerId"):
            where.append("ref = ?")
            values.append(call.arg("customerId"))
        person, found = self.person_filter(call.arg("customerPhone"), call.arg("customerEmail"))
        if person:
            owners = [
                row.id for row in self.kind("customers").rows(" AND ".join(["state = 0", *person]), found)
            ]
            where.append(f"ref IN ({','.join('?' * len(owners))})")
            values += owners
        return self.list_of(call, "cards", where, values, join=True)

    def operations(self, call: Call) -> Answer:
        """Operations of some days, both days counted, in UTC."""
        where: list[str] = []
        values: list[object] = []
        for name, sign, days in (("startDate", ">=", 0), ("endDate", "<", 1)):
            text = call.arg(name)
            if not text:
                continue
            try:
                day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=days)
            except ValueError:
                raise self.unprocessable(name, "must be a date, Y-m-d") from None
            where.append(f"created {sign} ?")
            values.append(int(day.timestamp() * 1000))
        for name, column in (("cardId", "ref"), ("customerId", "email")):
            if call.arg(name):
                where.append(f"{column} = ?")
                values.append(call.arg(name))
        if call.arg("templateId"):
            where.append("json_extract(body, '$.templateId') = ?")
            values.append(call.number("templateId", 0))
        return self.list_of(call, "operations", where, values, join=True)

    def live(self, kind: str, identifier: str) -> Row:
        """A record that exists, else 404."""
        row = self.kind(kind).get(identifier)
        if row is None or row.state != LIVE:
            raise Refused(self.refusal(404, f"{kind[:-1].capitalize()} {identifier} not found"))
        return row

    def one(self, kind: str, call: Call) -> Answer:
        """One record by its id."""
        return self.data(self.live(kind, call.params["id"]).body, records=1)

    def among(self, items: list[dict[str, Any]], identifier: object) -> dict[str, Any]:
        """An item of a short list, else 404."""
        for item in items:
            if str(item["id"]) == str(identifier):
                return item
        raise Refused(self.refusal(404, f"{identifier} not found"))

    def template(self, identifier: object) -> dict[str, Any]:
        """A template, else 404."""
        return self.among(self.templates, identifier)

    # customers -----------------------------------------------------------------------------------------------

    def wanted(self, given: dict[str, Any], *, create: bool) -> dict[str, Any]:
        """The members that a body sets, checked; 422 where one is wrong."""
        fields: dict[str, Any] = {}
        if create or "firstName" in given:
            first = given.get("firstName")
            if not isinstance(first, str) or not first.strip():
                raise self.unprocessable("firstName", "is required")
        for name in ("firstName", "surname", "externalUserId"):
            if name in given:
                value = given[name]
                if value is not None and (not isinstance(value, str) or len(value) > 10_000):
                    raise self.unprocessable(name, "must be a text of at most 10000 characters")
                fields[name] = value or None
        if "email" in given:
            email = given["email"] or None
            if email is not None and (not isinstance(email, str) or not EMAIL.fullmatch(email.strip())):
                raise self.unprocessable("email", "is not a valid email address")
            fields["email"] = email.strip() if email else None
        if create and given.get("phone"):
            phone = str(given["phone"])
            digits = "".join(c for c in phone if c.isdigit())
            if not 7 <= len(digits) <= 15 or re.search(r"[^\d+()\-\s.]", phone):
                raise self.unprocessable("phone", "must be digits with the country code")
            fields["phone"] = digits
        if "gender" in given:
            if given["gender"] not in (None, 0, 1, 2):
                raise self.unprocessable("gender", "must be 0, 1 or 2")
            fields["gender"] = given["gender"] or 0
        if "dateOfBirth" in given:
            fields["dateOfBirth"] = given["dateOfBirth"] or None
            if fields["dateOfBirth"] is not None:
                try:
                    date.fromisoformat(fields["dateOfBirth"])
                except ValueError:
                    raise self.unprocessable("dateOfBirth", "must be a date, Y-m-d") from None
        return fields

    def clash(self, email: str | None, phone: str | None, own: str = "") -> None:
        """409 where somebody else has the address or the phone."""
        for name, value in (("email", normal_email(email)), ("phone", phone)):
            if value is not None:
                other = self.kind("customers").first(f"state = 0 AND {name} = ? AND id <> ?", value, own)
                if other is not None:
                    raise Refused(self.refusal(409, f"A customer with this {name} already exists"))

    def refuse_bad(self, *emails: str | None) -> None:
        if self.refuses(*(normal_email(email) for email in emails)):
            raise self.unprocessable("email", "this record was refused")

    def create_customer(self, call: Call) -> Answer:
        """A new customer, unless the address or the phone is taken."""
        fields = self.wanted(call.json(), create=True)
        self.refuse_bad(fields.get("email"))
        self.clash(fields.get("email"), fields.get("phone"))
        return self.data(self.add_customer(fields), 201)

    def add_customer(self, fields: dict[str, Any], identifier: str = "") -> dict[str, Any]:
        now = self.clock.ms()
        cell = customer_cell(identifier or uuid7(now, self.chance), now, now, fields)
        row = self.kind("customers").put(Row.of(cell))
        self.announce("CustomerCreatedEvent", {
            "id": row.id, "email": row.body["email"], "phone": row.body["phone"],
            "first_name": row.body["firstName"], "last_name": row.body["surname"],
        })  # fmt: skip
        return row.body

    def change_customer(self, row: Row, fields: dict[str, Any]) -> dict[str, Any]:
        """Write what differs; nothing is written where nothing does."""
        if any(row.body.get(name) != value for name, value in fields.items()):
            row.body.update(fields)
            row.email = normal_email(row.body["email"])
            row.phone = normal_phone("+" + (row.body["phone"] or ""))
            row.touch(self.clock.ms())
            row.body["updatedAt"] = iso_s(row.updated)
            self.kind("customers").put(row)
        return row.body

    def patch_customer(self, call: Call) -> Answer:
        """Change a customer; a phone in the body is passed over, since it can't be changed here."""
        row = self.live("customers", call.params["id"])
        fields = self.wanted(call.json(), create=False)
        self.refuse_bad(row.email, fields.get("email"))
        if "email" in fields:
            self.clash(fields["email"], None, row.id)
        return self.data(self.change_customer(row, fields))

    def delete_customer(self, call: Call) -> Answer:
        """Remove a customer and the cards."""
        row = self.live("customers", call.params["id"])
        self.remove_customer(row)
        return self.data({"id": row.id})

    def remove_customer(self, row: Row) -> None:
        for card in self.kind("cards").rows("ref = ?", (row.id,)):
            self.remove_card(card)
        self.kind("customers").delete(row.id)

    # cards ---------------------------------------------------------------------------------------------------

    def create_card(self, call: Call) -> Answer:
        """Issue a card of a template to a customer who has none of it."""
        given = call.json()
        owner = self.live("customers", str(given.get("customerId", "")))
        template = self.template(given.get("templateId"))
        for card in self.kind("cards").rows("ref = ? AND state = 0", (owner.id,)):
            if card.body["templateId"] == template["id"]:
                raise Refused(self.refusal(409, "The customer already has a card of this template"))
        return self.data(self.add_card(owner.id, template) | {"customer": owner.body}, 201)

    def add_card(self, owner: str, template: dict[str, Any], identifier: str = "") -> dict[str, Any]:
        cell = card_cell(
            identifier or card_number(self.chance),
            owner,
            template["id"],
            template["type"],
            self.clock.ms(),
            {},
        )
        row = self.kind("cards").put(Row.of(cell))
        self.announce("CardIssuedEvent", self.card_event(row))
        return row.body

    def get_card(self, call: Call) -> Answer:
        """One card, with counters that lists leave out."""
        row = self.live("cards", call.params["id"])
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
        return self.data({k: v for k, v in body.items() if k != "customer" or v is not None}, records=1)

    def patch_card(self, call: Call) -> Answer:
        """Set custom fields."""
        row = self.live("cards", call.params["id"])
        for field in call.json().get("customFields", []):
            kept = [known for known in row.body["customFields"] if known["id"] != field["id"]]
            kept.append({"id": int(field["id"]), "name": None, "type": None, "value": str(field["value"]),
                         "order": 0, "required": False, "unique": False})  # fmt: skip
            row.body["customFields"] = kept
        return self.data(self.touch(row))

    def delete_card(self, call: Call) -> Answer:
        """Remove a card."""
        row = self.live("cards", call.params["id"])
        self.remove_card(row)
        return self.data({"id": row.id})

    def remove_card(self, row: Row) -> None:
        self.kind("cards").delete(row.id)
        self.announce("CardRemovedEvent", self.card_event(row) | {"status": "deleted"})

    def touch(self, row: Row) -> dict[str, Any]:
        row.touch(self.clock.ms())
        row.body["updatedAt"] = iso_s(row.updated)
        self.kind("cards").put(row)
        return row.body

    # operations ----------------------------------------------------------------------------------------------

    def operation(self, name: str) -> Callable[[Call], Answer]:
        """The handler of one earning or redeeming operation."""

        def handle(call: Call) -> Answer:
            row = self.live("cards", call.params["id"])
            given = call.json()
            member = OPERATIONS[name][0]
            number = given.get(member)
            whole = member not in (POINT, AMOUNT) or "transaction" in name
            if (
                isinstance(number, bool)
                or not isinstance(number, int if whole else (int, float))
                or number <= 0
            ):
                raise self.unprocessable(
                    member, "must be a positive " + ("whole number" if whole else "number")
                )
            return self.data(self.book(row, name, number, given))

        return handle

    def book(self, row: Row, name: str, number: float, given: dict[str, Any]) -> dict[str, Any]:
        """Do an operation on a card; 400 where its type, its mechanics or its balance forbid it."""
        member, sign, types = OPERATIONS[name]
        template = self.template(row.body["templateId"])
        kind = template["type"]
        mechanics = self.mechanics.get(template["id"], "")
        needed = MECHANICS.get(name) if kind in (0, 7) else None
        if kind not in types or (needed and mechanics and needed != mechanics):
            raise Refused(self.refusal(400, f"Operation {name} is not possible with this card"))
        purse = WHERE_IT_GOES[(kind, member)]
        after = (row.body["balance"].get(purse) or 0) + sign * number
        if after < 0:
            raise Refused(self.refusal(400, "The balance is too low"))
        after = round(after, 2) if isinstance(after, float) else after
        row.body["balance"][purse] = after
        if purse == "numberStampsTotal":
            self.full_cards(row.body["balance"])
        row.body["availableRewardTiers"] = [
            tier for tier in template["rewardTiers"] if kind == 7 and (tier["threshold"] or 0) <= after
        ]
        self.record(row, sign * number, after, COUNTERS[member], given)
        return self.touch_and_tell(row, given)

    def full_cards(self, balance: dict[str, Any]) -> None:
        while balance["numberStampsTotal"] >= STAMPS_PER_REWARD:
            balance["numberStampsTotal"] -= STAMPS_PER_REWARD
            balance["numberRewardsUnused"] += 1
        balance["stampsBeforeReward"] = STAMPS_PER_REWARD - balance["numberStampsTotal"]

    def touch_and_tell(self, row: Row, given: dict[str, Any]) -> dict[str, Any]:
        self.touch(row)
        event = self.card_event(row) | {"operationPurchaseSum": given.get("purchaseSum")}
        self.announce("CardBalanceUpdatedEvent", event)
        owner = self.kind("customers").get(row.body["customerId"])
        return row.body | ({"customer": owner.body} if owner else {})

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
        row = self.live("cards", call.params["id"])
        given = call.json()
        template = self.template(row.body["templateId"])
        tier = self.among(template["rewardTiers"], given.get("id"))
        threshold = tier["threshold"] or 0
        balance = row.body["balance"]
        if template["type"] != 7 or balance["bonusBalance"] < threshold:
            raise Refused(self.refusal(400, "The balance is too low"))
        balance["bonusBalance"] -= threshold
        self.record(row, -threshold, balance["bonusBalance"], 42, given)
        return self.data(self.touch_and_tell(row, given))

    def redeem_coupon(self, call: Call) -> Answer:
        """Use a coupon, once."""
        row = self.live("cards", call.params["id"])
        if row.body["type"] != "coupon" or row.body["couponRedeemed"]:
            raise Refused(self.refusal(400, "There is no coupon to redeem"))
        row.body["couponRedeemed"] = True
        self.record(row, -1, 0, 43, call.json())
        self.announce("CouponRedeemedEvent", self.card_event(row))
        return self.data(self.touch_and_tell(row, {}))

    def set_expiration(self, call: Call) -> Answer:
        """Set or clear a card's end."""
        row = self.live("cards", call.params["id"])
        moment = call.json().get("expiresAt")
        if moment is not None:
            try:
                datetime.fromisoformat(str(moment).replace("Z", "+00:00"))
            except ValueError:
                raise self.unprocessable("expiresAt", "must be Y-m-dTH:i:sP") from None
        row.body["expiresAt"] = moment
        return self.data(self.touch(row))

    def set_tier(self, call: Call) -> Answer:
        """Give a membership card its tier for a period."""
        row = self.live("cards", call.params["id"])
        given = call.json()
        template = self.template(row.body["templateId"])
        if template["type"] != 6:
            raise Refused(self.refusal(400, "Only a membership card has a tier"))
        if given.get("period") not in (None, "day", "week", "month", "year"):
            raise self.unprocessable("period", "must be day, week, month or year")
        row.body["membershipTier"] = self.among(template["membershipTiers"], given.get("tierId"))
        return self.data(self.touch(row))

    # the rest ------------------------------------------------------------------------------------------------

    def create_reward_tier(self, call: Call) -> Answer:
        """Add a reward to a template."""
        template = self.template(call.params["templateId"])
        given = call.json()
        if not given.get("name") or given.get("type") not in (0, 1, 2) or "value" not in given:
            raise self.unprocessable("name", "name, type and value are required")
        tier = {"id": 7100 + self.chance.randrange(10**6), "templateId": template["id"]} | {
            name: given.get(name)
            for name in ("name", "type", "threshold", "value", "valueLimit", "usageLimit")
        }
        template["rewardTiers"].append(tier)
        return self.data(tier, 201)

    def delete_reward_tier(self, call: Call) -> Answer:
        """Take a reward from a template."""
        template = self.template(call.params["templateId"])
        tier = self.among(template["rewardTiers"], call.params["id"])
        template["rewardTiers"].remove(tier)
        return self.data({"id": tier["id"]})

    def send_push(self, call: Call) -> Answer:
        """Send a message to the cards of a template."""
        given = call.json()
        template = self.template(given.get("templateId"))
        if not given.get("message"):
            raise self.unprocessable("message", "is required")
        now = self.clock.ms()
        push = {
            "id": uuid7(now, self.chance), "templateId": template["id"], "cardId": given.get("cardId"),
            "message": str(given["message"]), "type": "manual", "status": "sent",
            "scheduledAt": given.get("scheduledAt") or iso_s(now), "sentAmount": 1, "deliveredAmount": 1,
            "createdAt": iso_s(now),
        }  # fmt: skip
        self.pushes.append(push)
        return self.data(push, 201)

    def send_sms(self, call: Call) -> Answer:
        """Send a text to a customer who has a phone."""
        given = call.json()
        row = self.live("customers", str(given.get("customerId", "")))
        if not given.get("message"):
            raise self.unprocessable("message", "is required")
        if row.phone is None:
            raise Refused(self.refusal(400, "The customer has no phone"))
        self.messages += 1
        return self.data({"id": uuid7(self.clock.ms(), self.chance)}, 201)

    def revenue(self, call: Call) -> Answer:
        """What was bought with a card, by day."""
        days: dict[str, float] = {}
        for row in self.kind("operations").rows():
            day = row.body["createdAt"][:10]
            if call.arg("startDate", "0") <= day <= call.arg("endDate", "9"):
                days[day] = round(days.get(day, 0) + float(row.body["purchaseSum"]), 2)
        total = round(sum(days.values()), 2)
        points = [{"date": day, "value": value} for day, value in sorted(days.items())]
        return self.data({"revenueTotal": total, "totalCost": 0, "roi": 0,
                          "ltv": round(total / max(1, self.kind("customers").count()), 2),
                          "revenueByDay": points, "roiByDay": []})  # fmt: skip

    def settled(self, call: Call, place: dict[str, Any], fields: Iterable[str]) -> Answer:
        """Change a profile."""
        given = call.json()
        place.update({name: given[name] for name in fields if name in given})
        return self.data(place)

    def create_company(self, call: Call) -> Answer:
        """Add a sub-account."""
        given = call.json()
        for name in (
            "name",
            "email",
            "phone",
            "country",
            "password",
            "userName",
            "userSurname",
            "tariffPeriod",
        ):
            if not isinstance(given.get(name), str):
                raise self.unprocessable(name, "is required")
        now = iso_s(self.clock.ms())
        company = {
            "id": COMPANY + 1 + len(self.companies), "name": given["name"], "email": given["email"],
            "phone": given["phone"], "userId": uuid7(self.clock.ms(), self.chance),
            "tariffId": self.among(self.tariffs, given.get("tariffId"))["id"], "status": 1, "apiKey": None,
            "note": None, "expiresAt": None, "createdAt": now, "updatedAt": now, "extra": {"country": given["country"]},
        }  # fmt: skip
        self.companies.append(company)
        return self.data(company, 201)

    def patch_company(self, call: Call) -> Answer:
        """Change a sub-account."""
        return self.settled(call, self.among(self.companies, call.params["id"]), ("name", "expiresAt"))

    def delete_company(self, call: Call) -> Answer:
        """Remove a sub-account."""
        company = self.among(self.companies, call.params["id"])
        self.companies.remove(company)
        return self.data({"id": company["id"]})

    def accrue(self, call: Call) -> Answer:
        """Points for a whole check, once per transactionId: one for each unit of money."""
        given = call.json()
        transaction = str(given["transactionId"])
        if transaction not in self.accrued:
            self.accrued[transaction] = self.accrual(given, int(given["check"]["amount"]))
        return reply({"transactionId": transaction, "results": [self.accrued[transaction]]})

    def accrual(self, given: dict[str, Any], amount: int) -> dict[str, Any]:
        where, values = ["ref IS NOT NULL", "id = ?"], [given.get("serialNumber") or ""]
        if not given.get("serialNumber"):
            person, found = self.person_filter(given.get("phone") or "", given.get("email") or "")
            owner = self.kind("customers").rows(" AND ".join(["state = 0", *person]), found) if person else []
            where, values = ["ref = ?"], [owner[0].id if owner else ""]
        card = self.kind("cards").first(" AND ".join(["state = 0", *where]), *values)
        result: dict[str, Any] = {
            "isSuccess": card is not None, "errorMessage": None if card else "No card was found",
            "companyId": COMPANY, "installationId": 1, "templateId": card.body["templateId"] if card else None,
            "cardType": TYPES.index(card.body["type"]) if card else None, "serialNumber": card.id if card else None,
            "checkAmount": amount, "accrualAmount": amount, "accruedValue": amount // 100,
            "createdAt": iso_s(self.clock.ms()), "reversedAt": None,
        }  # fmt: skip
        if card is not None and amount >= 100:
            self.book(
                card,
                "add-scores",
                amount // 100,
                {"comment": f"check {given['transactionId']}", "purchaseSum": amount / 100},
            )
        return result

    def reverse(self, call: Call) -> Answer:
        """Take back what a check gave, once."""
        transaction = str(call.json()["transactionId"])
        result = self.accrued.get(transaction)
        if result is None:
            raise Refused(self.refusal(404, "Transaction not found"))
        if result["reversedAt"] is None and result["isSuccess"]:
            card = self.live("cards", result["serialNumber"])
            self.book(card, "subtract-scores", result["accruedValue"], {"comment": f"reversal {transaction}"})
            result["reversedAt"] = iso_s(self.clock.ms())
        return reply({"transactionId": transaction, "results": [result]})

    def resolve(self, call: Call) -> Answer:
        """The credentials that an app was given; here it names them itself."""
        given = call.json()
        names = set(given["names"])
        kept = [item for item in given.get("credentials", []) if not names or item["name"] in names]
        return reply({"credentials": kept})

    # webhooks ------------------------------------------------------------------------------------------------

    def create_webhook(self, call: Call) -> Answer:
        """Register an address for events."""
        given = call.json()
        url, events = given.get("url"), given.get("events")
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise self.unprocessable("url", "must be an address")
        if not isinstance(events, list) or not events or not set(events) <= EVENTS:
            raise self.unprocessable("events", "unknown event")
        hook = {"id": 600 + len(self.webhooks) + self.chance.randrange(10**6), "url": url, "events": events}
        self.webhooks[str(hook["id"])] = hook
        return self.data(hook, 201)

    def delete_webhook(self, call: Call) -> Answer:
        """Forget a registered address."""
        if self.webhooks.pop(call.params["id"], None) is None:
            raise Refused(self.refusal(404, "Webhook not found"))
        return Answer(204)

    def announce(self, event: str, data: dict[str, Any]) -> None:
        """Send an event to everybody who asked for it."""
        message = {"timestamp": int(self.clock.now()), "event": event, "data": data}
        for hook in self.webhooks.values():
            if event in hook["events"]:
                self.courier.send(Delivery(hook["url"], orjson.dumps(message), "application/json", self.sign))

    def sign(self, body: bytes, attempt: int, wrong: bool) -> dict[str, str]:
        """`x-signature`: the HMAC-SHA256 of the body under the account's key, in hex."""
        key = b"wrong" if wrong else self.api_key.encode()
        return {"x-signature": hmac.new(key, body, hashlib.sha256).hexdigest()}

    def card_event(self, row: Row) -> dict[str, Any]:
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

    # control -------------------------------------------------------------------------------------------------

    def control_put(self, kind: str, identifier: str, part: dict[str, Any]) -> Any:
        """As a person in Perkstar's own screens: a phone and a balance can be changed there."""
        row = self.kind(kind).get(identifier)
        if kind == "customers":
            fields = {
                name: value for name, value in part.items() if name not in ("id", "createdAt", "updatedAt")
            }
            if "phone" in fields:
                fields["phone"] = normal_phone(fields["phone"])
            return self.change_customer(row, fields) if row else self.add_customer(fields, identifier)
        if kind == "cards":
            if row is None:
                template = self.template(part.get("templateId", self.templates[0]["id"]))
                self.add_card(str(part["customerId"]), template, identifier)
                row = self.live("cards", identifier)
            balance = part.get("balance") or {}
            row.body["balance"].update(balance)
            row.body.update({k: v for k, v in part.items() if k in row.body and k not in ("id", "balance")})
            for value in balance.values():
                self.record(row, 0, value, 9, {"comment": "set by hand"}, "admin")
            return self.touch_and_tell(row, {})
        card = self.live("cards", str(part["cardId"]))
        amount = part.get("amount", 1)
        adding = amount > 0
        names = {7: "scores", 0: "stamp", 1: "point", 2: "visit", 4: "point", 5: "point", 6: "visit"}
        word = names[TYPES.index(card.body["type"])]
        self.book(card, f"{'add' if adding else 'subtract'}-{word}", abs(amount), part)
        return self.kind("operations").rows("1", (), "ORDER BY seq DESC LIMIT 1")[0].body

    def control_delete(self, kind: str, identifier: str) -> bool:
        """Remove a record."""
        row = self.kind(kind).get(identifier)
        if row is None:
            return False
        if kind == "customers":
            self.remove_customer(row)
        elif kind == "cards":
            self.remove_card(row)
        else:
            self.kind(kind).delete(identifier)
        return True

    def control_generate(self, kind: str, count: int) -> list[str]:
        """New customers, or a card for customers who have none."""
        made: list[str] = []
        if kind == "customers":
            for _ in range(count):
                person = invent(self.chance)
                made.append(self.add_customer({
                    "firstName": person.first, "surname": person.last, "email": person.email, "phone": person.phone,
                    "dateOfBirth": person.birthday,
                })["id"])  # fmt: skip
        elif kind == "cards":
            bare = self.kind("customers").rows(
                "state = 0 AND id NOT IN (SELECT ref FROM k_cards WHERE state = 0)",
                (count,),
                "ORDER BY seq LIMIT ?",
            )
            made = [self.add_card(row.id, self.templates[0])["id"] for row in bare]
        else:
            raise ValueError("operations come from what happens to cards")
        return made

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Names in Perkstar's form."""
        return {"firstName": first, "surname": last}

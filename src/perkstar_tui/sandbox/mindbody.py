"""Mindbody: clients one by one under a staff log-in, and sales by their own time in the zone of the site."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from . import business
from .clock import iso_ms, iso_utc
from .conditions import Conditions
from .ids import random_uuid
from .limits import Windows
from .log_ins import LogIns
from .names import EMAIL, national
from .ordinary import Ordinary, packed
from .seed import Basket, Soul, View, viewed
from .state import ARCHIVED, LIVE, Row
from .webhooks import Delivery, Signer, hmac_base64, or_wrong
from .wire import Answer, Call, Refused, reply

BASE = "/public/v6"
PUSH = "/api/v1/subscriptions"
"""On a host of its own, which needs the key alone."""
EVENTS = ("client.created", "client.updated", "client.deactivated", "clientSale.created")
MOST_ON_A_PAGE, USUAL = 200, 100
CALLS_A_SECOND = 10
TOKEN_S = 86_400.0
ZONE = ZoneInfo(business.TIMEZONE)
TEXTS = ("FirstName", "LastName", "MiddleName", "Email", "MobilePhone", "HomePhone", "WorkPhone", "AddressLine1",
         "AddressLine2", "City", "State", "PostalCode", "Country", "Gender", "Notes", "ReferredBy", "BirthDate",
         "Status", "RedAlert", "YellowAlert", "LockerNumber", "PhotoUrl", "WorkExtension")  # fmt: skip
FLAGS = ("Active", "IsProspect", "IsCompany", "SendPromotionalEmails", "SendPromotionalTexts", "SendAccountEmails",
         "SendAccountTexts", "SendScheduleEmails", "SendScheduleTexts")  # fmt: skip
OTHERS = ("Id", "NewId", "Test", "CustomClientFields", "ClientIndexes", "SiteId", "ReactivateInactiveClient")


def local(ms: int) -> str:
    """A moment as the site's own clock shows it, without its offset."""
    return datetime.fromtimestamp(ms // 1000, UTC).astimezone(ZONE).strftime("%Y-%m-%dT%H:%M:%S")


def from_local(text: str) -> int:
    """Milliseconds of a moment in the site's zone; `ValueError` for what is none."""
    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round((at if at.tzinfo else at.replace(tzinfo=ZONE)).timestamp() * 1000)


class Mindbody(LogIns, Ordinary):
    """One site on one port."""

    name = "mindbody"
    kinds = ("clients", "sales")
    people_kind = "clients"
    needs = ("first", "last")
    sells = True
    tips = False

    def begin(self) -> None:
        """A key of the maker's, a site that allows it, and somebody of its staff."""
        self.api_key, self.site = (
            f"{self.chance.getrandbits(128):032x}",
            str(410_000 + self.chance.randrange(9000)),
        )
        self.username = business.EMAIL
        self.tokens = {}
        self.windows = Windows(self.clock, CALLS_A_SECOND, 1.0)
        self.sold = 0
        self.hooks: dict[str, dict[str, Any]] = {}
        self.renew()

    def renew(self) -> None:
        """Another password."""
        self.password = "".join(self.chance.choices("abcdefghjkmnpqrstuvwxyz23456789", k=14))
        self.withdrawn = False

    def route(self) -> None:
        """The paths of the sixth version."""
        super().route()
        add = self.routes.add
        add("POST", f"{BASE}/usertoken/issue", self.log_in)
        add("GET", f"{BASE}/site/sites", self.sites)
        add("GET", f"{BASE}/client/clients", self.clients)
        add(
            "GET",
            f"{BASE}/client/customclientfields",
            lambda call: self.page(call, "CustomClientFields", [], 0),
        )
        add("POST", f"{BASE}/client/addclient", self.add)
        add("POST", f"{BASE}/client/updateclient", self.change)
        add("GET", f"{BASE}/sale/sales", self.sales)
        add("GET", PUSH, lambda call: reply({"items": [self.shown(hook) for hook in self.hooks.values()]}))
        add("POST", PUSH, self.listen)
        add("PATCH", f"{PUSH}/{{id}}", self.switch)
        add("DELETE", f"{PUSH}/{{id}}", self.stop_listening)

    # who is let in, and what is said when something is wrong -------------------------------------------------

    def admit(self, call: Call) -> dict[str, str]:
        """The maker's key and the site in headers; a staff token for everything but the log-in."""
        if call.headers.get("api-key") != self.api_key:
            raise Refused(self.refusal(401, "DeniedAccess", "API key is missing or not valid."))
        if call.path.startswith(PUSH):
            return {}
        if call.headers.get("siteid") != self.site:
            raise Refused(self.refusal(403, "InvalidSiteId", "The site does not allow this API key."))
        if self.setting.limits and not self.windows.of(self.api_key).take():
            raise Refused(self.trouble(429, 1.0))
        if call.path.endswith("/usertoken/issue"):
            return {}
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        if self.tokens.get(token, 0.0) <= self.clock.now():
            raise Refused(self.refusal(401, "DeniedAccess", "Staff identity authentication failed."))
        return {}

    def refusal(self, status: int, code: str, message: str) -> Answer:
        """An error."""
        return reply({"Error": {"Message": message, "Code": code}}, status)

    def missing(self, known: bool) -> Answer:
        """404; 405 for another method."""
        if known:
            return self.refusal(405, "MethodNotAllowed", "The method is not allowed.")
        return self.refusal(404, "NotFound", "No such resource.")

    def failure(self, status: int) -> Answer:
        """429 and the errors of a server."""
        if status == 429:
            return self.refusal(429, "TooManyRequests", "API rate limit exceeded.")
        return self.refusal(status, "InternalError", "An unknown error occurred.")

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON or has another shape."""
        return self.refusal(400, "InvalidParameter", "The request could not be read.")

    def credentials(self) -> dict[str, Any]:
        """The maker's key, the site, and a log-in of its staff."""
        return {
            "api_key": self.api_key,
            "site_id": self.site,
            "username": self.username,
            "password": self.password,
        }

    def log_in(self, call: Call) -> Answer:
        """A token for a day."""
        given = call.json()
        if (given.get("Username"), given.get("Password")) != (self.username, self.password) or self.withdrawn:
            raise Refused(self.refusal(401, "DeniedAccess", "Username or password is wrong."))
        token = f"{self.chance.getrandbits(256):064x}"
        self.tokens[token] = self.clock.now() + TOKEN_S
        user = {
            "Id": 100,
            "FirstName": business.OWNER_FIRST,
            "LastName": business.OWNER_LAST,
            "Type": "Owner",
        }
        ends = iso_utc(round(self.tokens[token] * 1000))
        return reply({"TokenType": "Bearer", "AccessToken": token, "Expires": ends, "User": user})

    # a client ------------------------------------------------------------------------------------------------

    def form(self, soul: Soul, draw: int) -> dict[str, Any]:
        """As somebody at the desk types a client in."""
        phone = soul.phone and (national(soul.phone) if draw % 3 else f"+{soul.phone}")
        return {
            "FirstName": soul.first, "LastName": soul.last, "Email": soul.email, "MobilePhone": phone,
            "BirthDate": f"{soul.birthday}T00:00:00" if soul.birthday else None,
            "SendPromotionalEmails": soul.trait != "unsubscribed",
        }  # fmt: skip

    def identify(self, kind: str, seq: int, chance: random.Random) -> str:
        """Numbers as texts."""
        return str(seq + {"clients": 100_015_000, "sales": 7000}[kind])

    def whole(self, kind: str, identifier: str, fields: dict[str, Any], created: int) -> dict[str, Any]:
        """A client with the members that are always shown."""
        body: dict[str, Any] = {
            "Id": identifier, "UniqueId": int(identifier), "CreationDate": local(created), "Active": True,
            "Status": "Active", "IsProspect": False, "IsCompany": False, "AccountBalance": 0.0, "Action": "None",
            "CustomClientFields": [], "ClientIndexes": [], "ClientRelationships": [], "SalesReps": [],
            "SendAccountEmails": True, "SendPromotionalEmails": False,
        }  # fmt: skip
        return self.merged(kind, body, fields)

    def merged(self, kind: str, body: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
        """What is emptied is shown no more."""
        given = {
            n: v for n, v in part.items() if n in TEXTS + FLAGS + ("CustomClientFields", "ClientIndexes")
        }
        return {name: value for name, value in {**body, **given}.items() if value not in (None, "")}

    def stamped(self, kind: str, body: dict[str, Any], updated: int) -> None:
        """By the site's clock."""
        body["LastModifiedDateTime"] = local(updated)

    def person(self, body: dict[str, Any]) -> View:
        """For the truth."""
        return viewed(body.get("FirstName"), body.get("LastName"), body.get("Email"), body.get("MobilePhone"),
                      (body.get("BirthDate") or "")[:10])  # fmt: skip

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Two members."""
        return {"FirstName": first, "LastName": last}

    def remove(self, kind: str, row: Row) -> None:
        """Deactivated: clients are never deleted."""
        row.body |= {"Active": False, "Status": "Terminated"}
        row.state = ARCHIVED
        row.touch(self.clock.ms())
        self.stamped(kind, row.body, row.updated)
        self.kind(kind).put(row)
        self.happened(kind, row, "deleted")

    def option(self, call: Call, name: str) -> str:
        """A query argument, with or without the word in front."""
        return call.arg(f"request.{name}") or call.arg(name)

    def page(self, call: Call, name: str, rows: list[Any], total: int) -> Answer:
        """A page of a list."""
        size, offset = self.bounds(call)
        told = {
            "RequestedLimit": size,
            "RequestedOffset": offset,
            "PageSize": len(rows),
            "TotalResults": total,
        }
        return reply({"PaginationResponse": told, name: rows}, records=len(rows))

    def bounds(self, call: Call) -> tuple[int, int]:
        """How many at most, from where."""
        size, offset = self.option(call, "limit"), self.option(call, "offset")
        return (
            min(max(1, int(size)), MOST_ON_A_PAGE) if size.isdigit() else USUAL,
            int(offset) if offset.isdigit() else 0,
        )

    def page_mark(self, call: Call) -> str | None:
        """Lists are paged by offset."""
        lists = call.method == "GET" and call.path.endswith(("/clients", "/sales"))
        return self.option(call, "offset").lstrip("0") if lists else None

    def disturb(self, call: Call) -> None:
        """The first client goes to the end, so that everybody behind moves up."""
        self.kind("clients").move_oldest_to_end()

    def clients(self, call: Call) -> Answer:
        """Clients by ids, words or time of change; inactive ones where they are asked for."""
        conditions = Conditions()
        if self.option(call, "includeInactive") != "true":
            conditions.add("state = ?", LIVE)
        wanted = [
            i for n in ("request.clientIDs", "clientIDs", "request.clientIds") for i in call.query.get(n, ())
        ]
        if wanted:
            conditions.one_of("id", wanted)
        words = self.option(call, "searchText")
        if words:
            first, last = (
                f"coalesce(json_extract(body, '$.{part}'), '')" for part in ("FirstName", "LastName")
            )
            names = f"lower({first} || ' ' || {last})"
            conditions.add(f"(email LIKE ? OR {names} LIKE ?)", f"%{words.lower()}%", f"%{words.lower()}%")
        since = self.option(call, "lastModifiedDate")
        if since:
            try:
                conditions.add("updated >= ?", from_local(since))
            except ValueError:
                message = "lastModifiedDate is not a date."
                raise Refused(self.refusal(400, "InvalidParameter", message)) from None
        rows = self.kind("clients").rows(
            conditions.where, (*conditions.values, *self.bounds(call)), "ORDER BY seq LIMIT ? OFFSET ?"
        )
        total = self.kind("clients").count(conditions.where, conditions.values)
        return self.page(call, "Clients", [row.body for row in rows], total)

    def checked(self, given: dict[str, Any], row: Row | None) -> None:
        """Raises the refusal of the first member that may not be written."""
        for name, value in given.items():
            if name not in TEXTS + FLAGS + OTHERS:
                raise Refused(self.refusal(400, "InvalidParameter", f"{name} is not a member of a client."))
            if name in TEXTS and not isinstance(value, str | None):
                raise Refused(self.refusal(400, "InvalidParameter", f"{name} must be a string."))
        for name in ("FirstName", "LastName"):
            if (row is None or name in given) and not given.get(name):
                raise Refused(self.refusal(400, "MissingRequiredFields", f"{name} is required."))
        email = given.get("Email")
        if email and (not EMAIL.fullmatch(email) or self.refuses(email)):
            raise Refused(self.refusal(400, "InvalidParameter", f"Email is not valid: {email}"))

    def add(self, call: Call) -> Answer:
        """A new client; one of the same name and address is refused."""
        given = call.json()
        self.checked(given, None)
        twin = viewed(given["FirstName"], given["LastName"], given.get("Email"), None)
        for row in self.kind("clients").rows("state = 0 AND email = ?", (twin.email,)) if twin.email else ():
            if self.person(row.body).name.casefold() == twin.name.casefold():
                message = "A client with this name and email exists already."
                raise Refused(self.refusal(400, "InvalidClientCreation", message))
        row = self.make("clients", given)
        return reply({"Client": {**row.body, "Action": "Added"}}, records=1)

    def change(self, call: Call) -> Answer:
        """A part of a client."""
        given = orjson.loads(call.body)["Client"]
        row = self.kind("clients").get(str(given.get("Id")))
        if row is None or (row.state != LIVE and given.get("Active") is not True):
            raise Refused(self.refusal(404, "ClientNotFound", "The client could not be found."))
        self.checked(given, row)
        if given.get("Active") is False:
            self.remove("clients", row)
        else:
            row = self.write("clients", row, given)
        return reply({"Client": {**row.body, "Action": "Updated"}}, records=1)

    # the site and its sales ----------------------------------------------------------------------------------

    def sites(self, call: Call) -> Answer:
        """The site that the headers name."""
        return self.page(call, "Sites", [{
            "Id": int(self.site), "Name": business.NAME, "CountryCode": business.COUNTRY,
            "ContactEmail": business.EMAIL, "CurrencyIsoCode": business.CURRENCY, "TimeZone": business.TIMEZONE,
            "TaxInclusivePrices": True, "Description": "", "PricingLevel": "Accelerate", "AllowsDashboardAccess": True,
        }], 1)  # fmt: skip

    def sell(self, basket: Basket, seq: int, chance: random.Random) -> tuple[str, list[str]]:
        """A sale of visits and goods; a visit that was cancelled or not paid is no sale. Lines are returned whole."""
        identifier = self.identify("sales", seq, chance)
        if not basket.done:
            return identifier, []
        returned = [seq * 10 + place for place, _ in enumerate(basket.items[: len(basket.refunds)])]
        basket.refunds = [
            (at, item.total) for (at, _), item in zip(basket.refunds, basket.items, strict=False)
        ]
        items = []
        for place, item in enumerate(basket.items):
            tax = item.total - round(item.total / 1.2)
            items.append({
                "SaleDetailId": seq * 10 + place, "Id": len(item.name), "IsService": place == 0,
                "Description": item.name, "UnitPrice": item.unit / 100, "Quantity": item.count,
                "DiscountAmount": item.discount / 100, "DiscountPercent": 0.0, "Tax1": tax / 100,
                "TaxAmount": tax / 100, "TotalAmount": item.total / 100,
                "Returned": seq * 10 + place in returned,
            })  # fmt: skip
        shares = [basket.total] if not basket.split else [basket.total // 2, basket.total - basket.total // 2]
        body: dict[str, Any] = {
            "Id": int(identifier), "SaleDateTime": local(basket.placed),
            "SaleDate": local(basket.placed)[:10] + "T00:00:00",
            "OriginalSaleDateTime": local(basket.placed), "SalesRepId": 0, "ClientId": basket.customer or "0",
            "LocationId": basket.location + 1, "PurchasedItems": items,
            "Payments": [{"Id": seq * 10 + place, "Amount": share / 100, "Method": 1, "Type": "Credit Card"}
                         for place, share in enumerate(shares)],
        }  # fmt: skip
        self.sold += 1
        row = Row(None, identifier, None, None, basket.customer, basket.placed, basket.placed, LIVE, body)
        self.kind("sales").load([packed(row, self.sold)])
        return identifier, [str(number) for number in returned]

    def sales(self, call: Call) -> Answer:
        """Sales by their own time; today's, where none is named."""
        start, end = self.option(call, "startSaleDateTime"), self.option(call, "endSaleDateTime")
        today = datetime.fromtimestamp(self.clock.now(), ZONE).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        try:
            first = from_local(start) if start else round(today.timestamp() * 1000)
            last = from_local(end) if end else round((today + timedelta(days=1)).timestamp() * 1000)
        except ValueError:
            raise Refused(self.refusal(400, "InvalidParameter", "A sale time is not a date.")) from None
        conditions = Conditions("state = 0")
        conditions.add("created >= ? AND created <= ?", first, last)
        rows = self.kind("sales").rows(
            conditions.where,
            (*conditions.values, *self.bounds(call)),
            "ORDER BY created, seq LIMIT ? OFFSET ?",
        )
        total = self.kind("sales").count(conditions.where, conditions.values)
        return self.page(call, "Sales", [row.body for row in rows], total)

    # webhooks ------------------------------------------------------------------------------------------------

    def hook(self, call: Call) -> dict[str, Any]:
        """The subscription of a path; else 404."""
        found = self.hooks.get(call.params["id"])
        if found is None:
            raise Refused(
                reply({"errors": [{"errorCode": 14, "errorMessage": "Subscription not found"}]}, 404)
            )
        return found

    def shown(self, hook: dict[str, Any]) -> dict[str, Any]:
        """A subscription without its key, which is told once."""
        return {name: value for name, value in hook.items() if name != "messageSignatureKey"}

    def listen(self, call: Call) -> Answer:
        """A new subscription, which is sent nothing yet."""
        given = call.json()
        url, events = str(given.get("webhookUrl") or ""), given.get("eventIds") or []
        wrong = not url.startswith(("http://", "https://")) or given.get("eventSchemaVersion") != 1
        if wrong or not events or not set(events) <= set(EVENTS):
            raise Refused(reply({"errors": [{"errorCode": 10, "errorMessage": "Invalid subscription"}]}, 400))
        identifier, at = random_uuid(self.chance), iso_utc(self.clock.ms())
        self.hooks[identifier] = {
            "subscriptionId": identifier, "status": "PendingActivation", "subscriptionCreationDateTime": at,
            "statusChangeDate": at, "statusChangeMessage": None, "statusChangeUser": business.OWNER_FIRST,
            "eventIds": list(events), "eventSchemaVersion": 1, "referenceId": given.get("referenceId"),
            "webhookUrl": url, "messageSignatureKey": self.secret(),
        }  # fmt: skip
        self.store.writes += 1
        return reply(self.hooks[identifier])

    def secret(self) -> str:
        """A key that nobody else has."""
        return "".join(self.chance.choices("abcdefghjkmnpqrstuvwxyz23456789", k=44))

    def switch(self, call: Call) -> Answer:
        """Change a subscription; with the status Active it is sent events."""
        hook, given = self.hook(call), call.json()
        if given.get("status", "Active") not in ("Active", "DeactivatedByUser"):
            raise Refused(reply({"errors": [{"errorCode": 12, "errorMessage": "Invalid status"}]}, 400))
        hook |= {
            name: given[name] for name in ("status", "webhookUrl", "eventIds", "referenceId") if name in given
        }
        self.store.writes += 1
        return reply(self.shown(hook))

    def stop_listening(self, call: Call) -> Answer:
        """Forget a subscription."""
        hook = self.hook(call)
        del self.hooks[hook["subscriptionId"]]
        self.store.writes += 1
        message = "Subscription deactivated."
        return reply({"message": message, "deactivationDateTime": iso_utc(self.clock.ms()),
                      "subscriptionId": hook["subscriptionId"], "referenceId": hook["referenceId"]})  # fmt: skip

    def happened(self, kind: str, row: Row, what: str) -> None:
        """Tell the active subscriptions; what somebody is called is in it, but not all that is read of them."""
        event = {"created": "client.created", "updated": "client.updated", "deleted": "client.deactivated"}[
            what
        ]
        if kind != "clients":
            return
        body = {
            "messageId": random_uuid(self.chance), "eventId": event, "eventSchemaVersion": 1,
            "eventInstanceOriginationDateTime": iso_ms(round(self.told_time() * 1000)),
            "eventData": {
                "siteId": int(self.site), "clientId": row.id, "clientUniqueId": row.body["UniqueId"],
                "creationDateTime": row.body["CreationDate"], "status": row.body["Status"],
                "firstName": row.body.get("FirstName"), "lastName": row.body.get("LastName"),
                "email": row.body.get("Email"), "mobilePhone": row.body.get("MobilePhone"),
            },
        }  # fmt: skip
        for hook in self.hooks.values():
            if hook["status"] == "Active" and event in hook["eventIds"]:
                signer = signed_with(str(hook["messageSignatureKey"]))
                self.courier.send(
                    Delivery(str(hook["webhookUrl"]), orjson.dumps(body), "application/json", signer)
                )


def signed_with(key: str) -> Signer:
    """HMAC in Base64 over the raw body."""

    def sign(body: bytes, attempt: int, wrong: bool) -> dict[str, str]:
        return {"X-Mindbody-Signature": f"sha256={hmac_base64(or_wrong(key, wrong), body)}"}

    return sign

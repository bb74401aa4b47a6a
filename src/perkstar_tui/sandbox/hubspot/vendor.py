"""HubSpot itself: its app, who is let in, what it says where something is wrong, and what people do there.

Numbered paths (`/crm/v3/...`) and dated ones (`/crm/objects/2026-03/...`) lead to the same handlers.
"""

from typing import Any

from ..ids import random_uuid
from ..names import international, invent
from ..oauth import Granted, Grants
from ..seed import View, viewed
from ..state import LIVE, Row
from ..vendor import Vendor
from ..wire import Answer, Call, Refused, reply
from .associations import Associations
from .batches import Batches
from .kinds import NAMES, TYPES
from .limits import TEN_SECONDLY, Limits
from .oauth import APP, LIFETIME, SCOPES, OAuth
from .objects import Objects
from .paths import LIST, numbered
from .properties import Properties
from .property_values import PropertyValues
from .search import Search
from .webhooks import Webhooks


class HubSpot(Granted, Vendor):
    """HubSpot on one port."""

    name = "hubspot"
    kinds = ("contacts", "orders", "companies", "deals")
    hidden_kinds = ("associations",)
    people_kind = "contacts"
    authorize_path = "/oauth/authorize"

    def begin(self) -> None:
        """An app with a first grant, a service key, the standard properties."""
        self.grants = Grants(
            self.clock, self.chance, "CN", "na1-", LIFETIME, client_id="6f2c1e0a-0b7d-4c3e-9a51-7d3e5b9c4f21"
        )
        self.grants.client_secret = self.grants.secret(32)
        self.renew()
        self.developer_key = self.grants.secret(36)
        self.limits = Limits(self)
        self.started = self.clock.ms()
        self.objects = Objects(self)
        self.values = PropertyValues(self)
        self.batches = Batches(self)
        self.search = Search(self)
        self.properties = Properties(self)
        self.associations = Associations(self)
        self.oauth = OAuth(self)
        self.webhooks = Webhooks(self)
        self.resources = (
            self.objects,
            self.search,
            self.batches,
            self.properties,
            self.associations,
            self.oauth,
            self.webhooks,
        )

    def answer(self, call: Call) -> Answer:
        """Dated paths are read as the numbered ones."""
        call.path = numbered(call.path)
        return super().answer(call)

    def kind_of(self, call: Call, name: str = "kind") -> str:
        """The kind that a path names, by name or by type id."""
        word = call.params[name].lower()
        found = NAMES.get(word, word)
        if found not in TYPES:
            raise Refused(self.error(400, "VALIDATION_ERROR", f"Unable to infer object type from: {word}"))
        return found

    def error(self, status: int, category: str, message: str, **more: Any) -> Answer:
        """An error in HubSpot's form."""
        body = {
            "status": "error",
            "message": message,
            "correlationId": random_uuid(self.chance),
            "category": category,
        }
        return reply(body | more, status)

    def invalid(self, message: str, code: str = "", name: str = "") -> Refused:
        """400 for a wrong value."""
        detail: dict[str, Any] = {"message": message}
        if code:
            detail["code"] = code
        if name:
            detail["context"] = {"propertyName": [name]}
        return Refused(self.error(400, "VALIDATION_ERROR", message, errors=[detail]))

    def not_found(self, message: str = "resource not found") -> Refused:
        """404 for a record."""
        return Refused(self.error(404, "OBJECT_NOT_FOUND", message))

    def admit(self, call: Call) -> dict[str, str]:
        """Token, and the limits of its kind of app; searches have their own."""
        if call.path.startswith("/oauth/"):
            return {}
        token = call.bearer()
        if call.path.startswith("/webhooks/"):
            if self.developer_key in (token, call.arg("hapikey")):
                return {}
            raise Refused(
                self.error(401, "INVALID_AUTHENTICATION", "The developer API key is missing or wrong.")
            )
        state = self.grants.check(token)
        if state == "expired":
            age = "The OAuth token used to make this call expired"
            raise Refused(self.error(401, "EXPIRED_AUTHENTICATION", age))
        if state != "ok":
            words = "Authentication credentials not found. This API supports OAuth 2.0 authentication"
            raise Refused(self.error(401, "INVALID_AUTHENTICATION", words))
        return self.limits.count(call, token or "") if self.setting.limits else {}

    def missing(self, known: bool) -> Answer:
        """404, or 405 for a path that other methods know."""
        if known:
            return self.error(405, "METHOD_NOT_ALLOWED", "Method not allowed")
        return self.error(404, "OBJECT_NOT_FOUND", "resource not found")

    def failure(self, status: int) -> Answer:
        """429 and the errors of a server."""
        if status == 429:
            return self.limits.too_many(*TEN_SECONDLY)
        return self.error(status, "INTERNAL_ERROR", "internal error")

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON or of another shape."""
        return self.error(400, "VALIDATION_ERROR", "Invalid input JSON")

    def credentials(self) -> dict[str, Any]:
        """The first grant of the app, and a service key beside it."""
        return {
            "access_token": self.first.value,
            "refresh_token": self.first.refresh,
            "expires_in": LIFETIME,
            "client_id": self.grants.client_id,
            "client_secret": self.grants.client_secret,
            "alternatives": {
                "service_key": {"api_key": self.service_key},
                "developer": {"app_id": str(APP), "api_key": self.developer_key},
            },
        }

    def renew(self) -> None:
        """A new grant and a new service key."""
        self.first = self.grants.issue(SCOPES)
        self.service_key = "pat-eu1-" + self.grants.secret(36)
        self.grants.permanent.add(self.service_key)

    # what people do there

    def page_mark(self, call: Call) -> str | None:
        """Lists go by `after`, searches by the one in the body."""
        if call.method == "GET" and LIST.fullmatch(call.path):
            return call.arg("after")
        if call.path.endswith("/search"):
            return f"{call.json().get('after', '')} "
        return None

    def disturb(self, call: Call) -> None:
        """Somebody edits the oldest record, so that a list by change moves."""
        row = self.kind("contacts").first("state = 0")
        if row is not None:
            row.touch(self.clock.ms())
            self.kind("contacts").put(row)

    def view(self, kind: str, row: Row) -> Any:
        """A record with all its properties."""
        return self.objects.shape(kind, row, list(row.body["properties"]))

    def control_put(self, kind: str, identifier: str, part: dict[str, Any]) -> Any:
        """As a person in HubSpot's screens."""
        given = part.get("properties", part)
        properties = {name: "" if value is None else str(value) for name, value in given.items()}
        row = self.kind(kind).get(identifier)
        if row is None:
            row = self.objects.put_new(kind, properties, identifier)
        else:
            row.state = LIVE
            row = self.objects.write(kind, row, properties, "CRM_UI")
        return self.view(kind, row)

    def control_delete(self, kind: str, identifier: str) -> bool:
        """Into the bin."""
        row = self.objects.found(kind, identifier)
        if row is not None:
            self.objects.put_away(kind, row)
        return row is not None

    def control_generate(self, kind: str, count: int) -> list[str]:
        """New contacts."""
        if kind != "contacts":
            raise ValueError("only contacts can be made")
        made = []
        for _ in range(count):
            person = invent(self.chance)
            made.append(self.objects.put_new(kind, {
                "firstname": person.first, "lastname": person.last, "email": person.email,
                "phone": international(person.phone), "date_of_birth": person.birthday, "lifecyclestage": "lead",
            }).id)  # fmt: skip
        return made

    def control_merge(self, kind: str, winner: str, loser: str) -> Any:
        """Merge two contacts."""
        one, two = self.objects.found(kind, winner), self.objects.found(kind, loser)
        if one is None or two is None:
            raise KeyError(winner if one is None else loser)
        return self.objects.shape(kind, self.objects.unite(kind, one, two), None)

    def person(self, body: dict[str, Any]) -> View:
        """A record for the truth."""
        known = body["properties"]
        born = known.get("date_of_birth", "")
        return viewed(
            known.get("firstname"), known.get("lastname"), known.get("email"), known.get("phone"), born[:10]
        )

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Names in HubSpot's form."""
        return {"firstname": first, "lastname": last}

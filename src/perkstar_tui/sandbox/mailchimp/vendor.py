"""Mailchimp itself: who is let in, what it says where something is wrong, and what people do there."""

from typing import Any

import orjson

from ..ids import random_uuid
from ..names import international, invent
from ..oauth import Grants
from ..seed import View, viewed
from ..state import ARCHIVED, Row
from ..vendor import Vendor
from ..wire import Answer, Call, Refused
from .account import DC, Account
from .audience import LIST, Audience
from .batches import Batches
from .bulk_members import BulkMembers
from .events import Events
from .member_values import MemberValues
from .members import Members
from .merge_fields import MergeFields
from .shops import Shops
from .tags import Tags
from .webhooks import Webhooks

MOST_CONNECTIONS = 10
OUTSIDE = ("/oauth2/", "/batch-results/")
"""Paths that want no key."""


class Mailchimp(Vendor):
    """Mailchimp on one port, with and without the `/3.0` in front."""

    name = "mailchimp"
    kinds = ("members", "events")
    people_kind = "members"
    needs = ("email",)
    authorize_path = "/oauth2/authorize"

    def begin(self) -> None:
        """A key, an app, one audience with the usual merge fields."""
        self.grants = Grants(self.clock, self.chance, "", "", None, client_id="584203917746")
        self.grants.client_secret = f"{self.chance.getrandbits(200):050x}"
        self.renew()
        self.started = self.clock.ms()
        self.account = Account(self)
        self.audience = Audience(self)
        self.members = Members(self)
        self.values = MemberValues(self)
        self.bulk = BulkMembers(self)
        self.tags = Tags(self)
        self.events = Events(self)
        self.merge_fields = MergeFields(self)
        self.webhooks = Webhooks(self)
        self.batches = Batches(self)
        self.shops = Shops(self)
        self.resources = (
            self.account,
            self.audience,
            self.members,
            self.bulk,
            self.tags,
            self.events,
            self.merge_fields,
            self.webhooks,
            self.batches,
            self.shops,
        )

    def answer(self, call: Call) -> Answer:
        """`/3.0` may stand in front."""
        if call.path == "/3.0" or call.path.startswith("/3.0/"):
            call.path = call.path[4:] or "/"
        return super().answer(call)

    def problem(
        self, status: int, title: str, detail: str, errors: list[dict[str, str]] | None = None
    ) -> Answer:
        """An error in Mailchimp's form."""
        body: dict[str, Any] = {
            "type": "https://mailchimp.com/developer/marketing/docs/errors/", "title": title, "status": status,
            "detail": detail, "instance": random_uuid(self.chance),
        }  # fmt: skip
        if errors is not None:
            body["errors"] = errors
        return Answer(status, orjson.dumps(body), {}, "application/problem+json; charset=utf-8")

    def invalid(self, field: str, message: str) -> Refused:
        """400 for a wrong value."""
        detail = "The resource submitted could not be validated. For field-specific details, see the 'errors' array."
        return Refused(self.problem(400, "Invalid Resource", detail, [{"field": field, "message": message}]))

    def not_found(self) -> Refused:
        """404."""
        return Refused(self.problem(404, "Resource Not Found", "The requested resource could not be found."))

    def admit(self, call: Call) -> dict[str, str]:
        """Key or token, and ten requests at the same time."""
        if call.path.startswith(OUTSIDE):
            return {}
        basic = call.basic()
        key = call.authorization()[1] if basic is None else basic[1]
        if self.grants.check(key) != "ok":
            detail = "Your API key may be invalid, or you've attempted to access the wrong datacenter."
            raise Refused(self.problem(401, "API Key Invalid", detail))
        if self.setting.limits and self.in_flight > MOST_CONNECTIONS:
            raise Refused(self.trouble(429))
        if call.params.get("list", LIST) != LIST:
            raise self.not_found()
        return {}

    def takes_time(self, call: Call) -> bool:
        """Making or changing a webhook looks at its address first."""
        return self.webhooks.probes(call)

    async def prepare(self, call: Call) -> None:
        """The look at the address of a webhook."""
        if self.webhooks.probes(call):
            await self.webhooks.probe(call)

    def holding(self) -> float:
        """A few milliseconds a request, so that connections overlap."""
        return 0.004

    def missing(self, known: bool) -> Answer:
        """404, or 405 for a path that other methods know."""
        if known:
            detail = "The requested method and resource are not compatible."
            return self.problem(405, "Method Not Allowed", detail)
        return self.not_found().answer

    def failure(self, status: int) -> Answer:
        """429 and the errors of a server."""
        if status == 429:
            words = "You have exceeded the limit of 10 simultaneous connections."
            return self.problem(429, "Too Many Requests", words)
        return self.problem(status, "Internal Server Error", "An unexpected internal error has occurred.")

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON or of another shape."""
        return self.problem(400, "JSON Parse Error", "We encountered an unspecified JSON parsing error.")

    def credentials(self) -> dict[str, Any]:
        """The key; an app for those who prefer OAuth."""
        return {
            "api_key": self.api_key,
            "alternatives": {
                "app": {"client_id": self.grants.client_id, "client_secret": self.grants.client_secret}
            },
        }  # fmt: skip

    def expire_tokens(self) -> int:
        """Nothing: a token here has no end."""
        return 0

    def revoke_tokens(self) -> int:
        """Withdraw key and grants."""
        return self.grants.revoke()

    def renew(self) -> None:
        """A new key."""
        self.api_key = f"{self.chance.getrandbits(128):032x}-{DC}"
        self.grants.permanent.add(self.api_key)

    # what people do there

    def page_mark(self, call: Call) -> str | None:
        """Member lists go by offset."""
        return call.arg("offset", "0") if call.method == "GET" and call.path.endswith("/members") else None

    def disturb(self, call: Call) -> None:
        """The oldest member leaves and comes back at the end, so that offsets shift."""
        self.kind("members").move_oldest_to_end()

    def view(self, kind: str, row: Row) -> Any:
        """A member as lists show it, or an event."""
        if kind == "events":
            return row.body
        return self.members.shown(row)

    def control_put(self, kind: str, identifier: str, part: dict[str, Any]) -> Any:
        """As a person in Mailchimp's screens; `status` may go up, since that is the member's own word."""
        row = self.members.find(identifier)
        if row is None:
            email = part.get("email_address") or identifier
            if "@" not in email:
                raise ValueError("a new member needs email_address")
            row = self.members.put_new(
                str(email), part, part.get("merge_fields") or {}, part.get("status", "subscribed"), "user"
            )
            return self.members.shown(row)
        wanted = {
            name: part[name]
            for name in part
            if name in row.body and name not in ("id", "merge_fields", "tags")
        }
        wanted["merge_fields"] = row.body["merge_fields"] | (part.get("merge_fields") or {})
        if "tags" in part:
            wanted["tags"] = [
                self.tags.tag(item["name"] if isinstance(item, dict) else str(item)) for item in part["tags"]
            ]
            wanted["tags_count"] = len(wanted["tags"])
        return self.members.shown(self.members.write(row, wanted, "user"))

    def control_delete(self, kind: str, identifier: str) -> bool:
        """Archive a member."""
        row = self.members.find(identifier)
        if row is None or row.state == ARCHIVED:
            return False
        self.members.put_away(row, "admin")
        return True

    def control_generate(self, kind: str, count: int) -> list[str]:
        """New members who signed up by themselves."""
        made = []
        for _ in range(count):
            person = invent(self.chance)
            merges = {"FNAME": person.first, "LNAME": person.last, "PHONE": international(person.phone),
                      "BIRTHDAY": f"{person.birthday[5:7]}/{person.birthday[8:]}"}  # fmt: skip
            made.append(self.members.put_new(person.email, {}, merges, "subscribed", "user").id)
        return made

    def person(self, body: dict[str, Any]) -> View:
        """A record for the truth."""
        merges = body["merge_fields"]
        born = str(merges.get("BIRTHDAY") or "").replace("/", "-")
        return viewed(
            merges.get("FNAME"), merges.get("LNAME"), body["email_address"], merges.get("PHONE"), born
        )

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Names in Mailchimp's form."""
        return {"merge_fields": {"FNAME": first, "LNAME": last}}

"""Pipedrive: persons by API v2; users, webhooks and merging by v1."""

import base64
import random
import re
from typing import Any

from . import business
from .clock import iso_utc, parse_ms
from .conditions import Conditions, ordered
from .cursors import Cursors
from .desk import Desk
from .ids import random_uuid
from .limits import Windows
from .names import EMAIL, international, national
from .oauth import Granted, Grants
from .ordinary import Ordinary
from .seed import Soul, View, viewed
from .state import LIVE, Row, normal_email, normal_phone
from .webhooks import Delivery, Signer, or_wrong
from .wire import Answer, Call, Refused, reply

COMPANY, USER = 13_204_771, 19_338_204
SCOPES = (
    "base",
    "contacts:full",
    "contact-fields:full",
    "search:read",
    "recents:read",
    "users:read",
    "admin",
)
MOST_WEBHOOKS = 40
BURST, SEARCHES, BURST_S = 20, 10, 2.0
TOKENS_A_DAY = 30_000 * 2
STATUSES = ("no_consent", "unsubscribed", "subscribed", "archived")
WRITABLE = (
    "name", "owner_id", "org_id", "emails", "phones", "visible_to", "label_ids", "marketing_status", "custom_fields",
)  # fmt: skip
OWN_FIELDS = (
    ("name", "Name", "varchar"), ("first_name", "First name", "varchar"), ("last_name", "Last name", "varchar"),
    ("emails", "Email", "varchar"), ("phones", "Phone", "phone"), ("add_time", "Person created", "date"),
    ("update_time", "Update time", "date"), ("marketing_status", "Marketing status", "enum"),
    ("birthday", "Birthday", "date"), ("notes", "Notes", "text"),
)  # fmt: skip
FIELD_TYPES = (
    "varchar", "text", "double", "phone", "date", "daterange", "time", "timerange", "set", "enum", "varchar_auto",
    "address", "monetary", "org", "people", "user",
)  # fmt: skip
ACTIVITY = {"subject", "type", "owner_id", "due_date", "due_time", "duration", "done", "note", "participants",
            "deal_id", "lead_id", "org_id", "busy", "priority", "public_description"}  # fmt: skip
ACTIVITY_TYPES = ("call", "meeting", "task", "deadline", "email", "lunch")


def divided(name: str) -> dict[str, str]:
    """First and last name, as Pipedrive takes them out of a name: the first word, and the rest."""
    first, _, last = name.strip().partition(" ")
    return {"first_name": first} | ({"last_name": last.strip()} if last.strip() else {})


def first_of(entries: Any) -> str | None:
    """The primary value of a list of addresses or numbers."""
    found = [entry for entry in entries or [] if entry.get("value")]
    found.sort(key=lambda entry: not entry.get("primary"))
    return str(found[0]["value"]) if found else None


def onwards(cursor: str | None) -> dict[str, str]:
    """Where a list goes on; nothing after its last page."""
    return {"next_cursor": cursor} if cursor else {}


class Pipedrive(Granted, Ordinary):
    """Pipedrive on one port."""

    name = "pipedrive"
    kinds = ("persons", "activities")
    people_kind = "persons"
    person_fields = ("name", "email", "phone")
    authorize_path = "/oauth/authorize"
    archives = True

    def begin(self) -> None:
        """A user's token and an app."""
        self.grants = Grants(
            self.clock, self.chance, "v1u:", "", 3599.0, client_id=f"{self.chance.getrandbits(64):016x}"
        )
        self.grants.client_secret = f"{self.chance.getrandbits(160):040x}"
        self.renew()
        self.desk = Desk(
            self, self.grants, authorize="/oauth/authorize", token="/oauth/token", revoke="/oauth/revoke",
            scopes=SCOPES, basic=True, more=lambda token: {"api_domain": self.url},
        )  # fmt: skip
        self.resources = (self.desk,)
        self.cursors = Cursors(self.clock, 86_400.0)
        self.bursts = Windows(self.clock, BURST, BURST_S)
        self.searches = Windows(self.clock, SEARCHES, BURST_S)
        self.spent = 0
        self.fields: list[dict[str, Any]] = [
            {"field_name": label, "field_code": code, "field_type": kind, "options": None, "subfields": None,
             "is_custom_field": False, "is_optional_response_field": code == "marketing_status"}
            for code, label, kind in OWN_FIELDS
        ]  # fmt: skip
        self.webhooks: dict[int, dict[str, Any]] = {}

    def route(self) -> None:
        """Version 2 and what is left of version 1; `/v1` stands for `/api/v1`."""
        super().route()
        add = self.routes.add
        add("GET", "/api/v2/persons", self.listed)
        add("POST", "/api/v2/persons", self.add)
        add("GET", "/api/v2/persons/search", self.search)
        add("GET", "/api/v2/persons/{id}", lambda call: self.one(call, self.found(call)))
        add("PATCH", "/api/v2/persons/{id}", self.change)
        add("DELETE", "/api/v2/persons/{id}", self.drop)
        add("GET", "/api/v2/activities", self.list_activities)
        add("POST", "/api/v2/activities", self.add_activity)
        add("GET", "/api/v2/personFields", lambda call: self.page(call, self.fields))
        add("POST", "/api/v2/personFields", self.add_field)
        add("PUT", "/api/v1/persons/{id}/merge", self.merge)
        add("GET", "/api/v1/users/me", self.me)
        add(
            "GET",
            "/api/v1/webhooks",
            lambda call: reply({"success": True, "data": list(self.webhooks.values())}),
        )
        add("POST", "/api/v1/webhooks", self.listen)
        add("DELETE", "/api/v1/webhooks/{id}", self.stop_listening)

    # who is let in, and what is said when something is wrong -------------------------------------------------

    def answer(self, call: Call) -> Answer:
        """The older address has no `/api` in it."""
        if call.path.startswith("/v1/"):
            call.path = "/api" + call.path
        return super().answer(call)

    def admit(self, call: Call) -> dict[str, str]:
        """A token in its header or query, or an app's; twenty calls in two seconds, half as many searches."""
        if self.desk.outside(call):
            return {}
        token = call.headers.get("x-api-token") or call.arg("api_token") or call.bearer() or ""
        if self.grants.check(token) != "ok":
            raise Refused(
                self.refusal(401, "unauthorized access", info="Please check developers.pipedrive.com")
            )
        searching = call.path.endswith("/search")
        window = (self.searches if searching else self.bursts).of(token)
        self.spent += 20 if searching else {"GET": 10, "DELETE": 3}.get(call.method, 5)
        if not self.setting.limits:
            return {}
        if not window.take():
            refused = self.trouble(429)
            refused.headers |= self.told_limits(window.limit, 0, window.wait)
            raise Refused(refused)
        return self.told_limits(window.limit, window.left, window.wait)

    def told_limits(self, most: int, left: int, wait: float) -> dict[str, str]:
        """The window's headers, and what is left of the day's tokens."""
        return {
            "x-ratelimit-limit": str(most), "x-ratelimit-remaining": str(left),
            "x-ratelimit-reset": str(max(1, round(wait))),
            "x-daily-ratelimit-token-remaining": str(max(0, TOKENS_A_DAY - self.spent)),
        }  # fmt: skip

    def refusal(self, status: int, words: str, code: str = "", info: str = "") -> Answer:
        """An error; version 1 says `error_info` and `errorCode`, version 2 says `code`."""
        body = {"success": False, "error": words, "data": None, "additional_data": None}
        if code:
            return reply({**body, "code": code}, status)
        return reply({**body, "error_info": info, "errorCode": status}, status)

    def invalid(self, words: str) -> Refused:
        """400 for a value that isn't taken."""
        return Refused(self.refusal(400, f"Validation failed: {words}", "ERR_SCHEMA_VALIDATION_FAILED"))

    def missing(self, known: bool) -> Answer:
        """404; 405 for another method."""
        if known:
            return self.refusal(405, "Method not allowed", "ERR_METHOD_NOT_ALLOWED")
        return self.refusal(404, "Unknown method .", "ERR_NOT_FOUND")

    def failure(self, status: int) -> Answer:
        """429 and the errors of a server."""
        if status == 429:
            return self.refusal(429, "request over limit", "ERR_RATE_LIMIT_EXCEEDED")
        return self.refusal(status, "Server error", "ERR_INTERNAL_ERROR")

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON or has another shape."""
        return self.refusal(400, "Bad request", "ERR_BAD_REQUEST")

    def credentials(self) -> dict[str, Any]:
        """A user's token; an app for those who prefer OAuth."""
        app = {"client_id": self.grants.client_id, "client_secret": self.grants.client_secret}
        return {"api_token": self.api_token, "alternatives": {"app": app}}

    def renew(self) -> None:
        """A new token for the user."""
        self.api_token = f"{self.chance.getrandbits(160):040x}"
        self.grants.permanent.add(self.api_token)

    # a person ------------------------------------------------------------------------------------------------

    def form(self, soul: Soul, draw: int) -> dict[str, Any]:
        """As somebody in sales types a person in."""
        name = f"{soul.first} {soul.last}".strip()
        fields: dict[str, Any] = {"name": name or soul.email or "Unknown"}
        if soul.email:
            fields["emails"] = [{"value": soul.email, "primary": True, "label": "work"}]
        if soul.phone:
            way = draw % 3
            spelled = (f"+{soul.phone}", international(soul.phone), national(soul.phone))[way]
            fields["phones"] = [{"value": spelled, "primary": True, "label": ("work", "mobile")[draw % 2]}]
        fields["marketing_status"] = (
            "unsubscribed" if soul.trait == "unsubscribed" else STATUSES[2 * (draw % 2)]
        )
        return fields

    def identify(self, kind: str, seq: int, chance: random.Random) -> str:
        """Numbers."""
        return str(40_000 + seq)

    def whole(self, kind: str, identifier: str, fields: dict[str, Any], created: int) -> dict[str, Any]:
        """A person with everything that is always shown."""
        body = {
            "id": int(identifier), "name": "", "owner_id": USER, "emails": [], "phones": [], "is_deleted": False,
            "visible_to": 3, "label_ids": [], "custom_fields": {}, "marketing_status": "no_consent",
            "add_time": iso_utc(created),
        }  # fmt: skip
        return self.merged(kind, body, fields)

    def stamped(self, kind: str, body: dict[str, Any], updated: int) -> None:
        """Whole seconds."""
        body["update_time"] = iso_utc(updated)

    def merged(self, kind: str, body: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
        """Lists are replaced; a name is taken apart."""
        found = super().merged(kind, body, part)
        found["custom_fields"] = {
            code: value for code, value in found["custom_fields"].items() if value is not None
        }
        for name in ("emails", "phones"):
            entries = [{"label": "work", **entry} for entry in found.get(name) or [] if entry.get("value")]
            primary = next((n for n, entry in enumerate(entries) if entry.get("primary")), 0)
            found[name] = [{**entry, "primary": n == primary} for n, entry in enumerate(entries)]
        found.pop("first_name", None)
        found.pop("last_name", None)
        return {**found, **divided(str(found["name"]))}

    def person(self, body: dict[str, Any]) -> View:
        """For the truth."""
        return viewed(
            body.get("first_name"), body.get("last_name"), first_of(body["emails"]), first_of(body["phones"])
        )

    def named(self, first: str, last: str) -> dict[str, Any]:
        """A name as a whole."""
        return {"name": f"{first} {last}"}

    def shown(self, call: Call, row: Row) -> dict[str, Any]:
        """A person as an answer shows one: the marketing status only where it is asked for."""
        body = dict(row.body)
        if "marketing_status" not in call.arg("include_fields").split(","):
            body.pop("marketing_status")
        custom = call.arg("custom_fields")
        if custom:
            wanted = custom.split(",")
            body["custom_fields"] = {k: v for k, v in body["custom_fields"].items() if k in wanted}
        return body

    def found(self, call: Call) -> Row:
        """The person of a path, else 404; also one that was deleted, for thirty days."""
        row = self.kind("persons").get(call.params["id"])
        if row is None or row.ref:
            raise Refused(self.refusal(404, "Person not found", "ERR_NOT_FOUND"))
        return row

    def one(self, call: Call, row: Row) -> Answer:
        """One person."""
        return reply({"success": True, "data": self.shown(call, row)}, records=1)

    def page(self, call: Call, rows: list[dict[str, Any]]) -> Answer:
        """A piece of a list that lies in memory."""
        limit = min(call.number("limit", 100, 1), 500)
        start = int(self.read_cursor(call)[0]) if call.arg("cursor") else 0
        more = start + limit < len(rows)
        following = self.cursors.make(start + limit) if more else None
        return reply(
            {
                "success": True,
                "data": rows[start : start + limit],
                "additional_data": {"next_cursor": following},
            }
        )

    def read_cursor(self, call: Call) -> list[Any]:
        """Where a list goes on."""
        try:
            return self.cursors.read(call.arg("cursor"), 1)
        except ValueError:
            raise self.invalid("cursor: not a cursor of this list") from None

    def page_mark(self, call: Call) -> str | None:
        """Lists of persons go by cursor."""
        return call.arg("cursor") if call.method == "GET" and call.path == "/api/v2/persons" else None

    def disturb(self, call: Call) -> None:
        """The oldest person is written anew, and so is the last by change."""
        row = self.kind("persons").first("state = 0")
        if row is not None:
            row.touch(self.clock.ms())
            self.kind("persons").put(row)

    def asked(self, call: Call, columns: str) -> tuple[int, str]:
        """How many of a list are asked for, and by which column."""
        limit = call.number("limit", 100, 1)
        if limit > 500:
            raise self.invalid("limit must be less than or equal to 500")
        known = {"": "seq", "id": "seq", "update_time": "updated", "add_time": "created"}
        column = known.get(call.arg("sort_by"))
        if column is None:
            raise self.invalid(f"sort_by must be one of [{columns}]")
        return limit, column

    def listed(self, call: Call) -> Answer:
        """A page by a column and the place in it; deleted ones are not shown."""
        limit, column = self.asked(call, "id, update_time, add_time")
        conditions = Conditions("state = 0")
        if call.arg("ids"):
            conditions.one_of("id", call.arg("ids").split(",")[:100])
        for name, comparison in (("updated_since", "updated >= ?"), ("updated_until", "updated < ?")):
            if call.arg(name):
                moment = parse_ms(call.arg(name))
                if moment is None:
                    raise self.invalid(f"{name} must be a valid RFC 3339 date-time")
                conditions.add(comparison, moment // 1000 * 1000)
        down = call.arg("sort_direction") == "desc"
        if call.arg("cursor"):
            value, seq = self.read_cursor(call)[0]
            sign = "<" if down else ">"
            conditions.add(f"({column}, seq) {sign} (?, ?)", value, seq)
        rows = self.kind("persons").rows(
            conditions.where, (*conditions.values, limit + 1), f"{ordered(column, down)} LIMIT ?"
        )
        following = None
        if len(rows) > limit:
            last = rows[limit - 1]
            mark = {"seq": last.seq, "updated": last.updated, "created": last.created}[column]
            following = self.cursors.make([mark, last.seq])
        shown = [self.shown(call, row) for row in rows[:limit]]
        body = {"success": True, "data": shown, "additional_data": onwards(following)}
        return reply(body, records=len(shown))

    def checked(self, given: dict[str, Any]) -> dict[str, Any]:
        """What may be written, in the right types; 400 for the rest."""
        for name in given:
            if name not in WRITABLE:
                raise self.invalid(f"property {name} should not exist")
        for name in ("emails", "phones"):
            for entry in given.get(name) or []:
                if not isinstance(entry, dict) or not isinstance(entry.get("value"), str):
                    raise self.invalid(f"{name}.value must be a string")
        for entry in given.get("emails") or []:
            if entry["value"] and not EMAIL.fullmatch(entry["value"]):
                raise self.invalid(f"emails: {entry['value']!r} is not a valid email address")
        if self.refuses(*(entry["value"] for entry in given.get("emails") or [])):
            raise self.invalid("emails: this address was refused")
        if given.get("marketing_status", STATUSES[0]) not in STATUSES:
            raise self.invalid(f"marketing_status must be one of {', '.join(STATUSES)}")
        codes = {field["field_code"]: field for field in self.fields if field["is_custom_field"]}
        for code, value in (given.get("custom_fields") or {}).items():
            if code not in codes:
                raise self.invalid(f"custom_fields: {code} is not a field of a person")
            if codes[code]["field_type"] == "double" and not isinstance(value, (int, float, type(None))):
                raise self.invalid(f"custom_fields.{code} must be a number")
            if codes[code]["field_type"] == "varchar" and not isinstance(value, (str, type(None))):
                raise self.invalid(f"custom_fields.{code} must be a string")
        return given

    def add(self, call: Call) -> Answer:
        """A new person; nothing stops a second one of the same address."""
        given = self.checked(call.json())
        if not str(given.get("name") or "").strip():
            raise self.invalid("name must be a non-empty string")
        return reply({"success": True, "data": self.shown(call, self.make("persons", given))})

    def change(self, call: Call) -> Answer:
        """A part of a person."""
        row = self.found(call)
        given = self.checked(call.json())
        if "name" in given and not str(given["name"] or "").strip():
            raise self.invalid("name must be a non-empty string")
        if row.state != LIVE:
            raise Refused(self.refusal(410, "Person has been deleted", "ERR_GONE"))
        return self.one(call, self.write("persons", row, given))

    def drop(self, call: Call) -> Answer:
        """Mark as deleted."""
        row = self.found(call)
        if row.state == LIVE:
            self.remove("persons", row)
        return reply({"success": True, "data": {"id": row.body["id"]}})

    def list_activities(self, call: Call) -> Answer:
        """Activities, of a person where one is asked for."""
        limit, column = self.asked(call, "id, update_time, add_time, due_date")
        conditions = Conditions("state = 0")
        if call.arg("person_id"):
            conditions.add("ref = ?", call.arg("person_id"))
        down = call.arg("sort_direction", "asc") == "desc"
        rows = self.kind("activities").rows(
            conditions.where, (*conditions.values, limit), f"{ordered(column, down)} LIMIT ?"
        )
        return reply(
            {"success": True, "data": [row.body for row in rows], "additional_data": {"next_cursor": None}}
        )

    def add_activity(self, call: Call) -> Answer:
        """A new activity; those who take part have to be there, and the first of them is whom it is about."""
        given = call.json()
        unknown = set(given) - ACTIVITY
        if unknown:
            raise self.invalid(f"{min(unknown)} is not allowed")
        if given.get("type", "call") not in ACTIVITY_TYPES:
            raise self.invalid("type must be the key of an activity type")
        for name in ("subject", "note", "due_date"):
            if not isinstance(given.get(name), str | None):
                raise self.invalid(f"{name} must be a string")
        if given.get("due_date") and not re.fullmatch(r"\d{4}-\d\d-\d\d", given["due_date"]):
            raise self.invalid("due_date must be in the form YYYY-MM-DD")
        if not isinstance(given.get("done", False), bool):
            raise self.invalid("done must be a boolean")
        people = given.get("participants") or []
        for one in people:
            if not isinstance(one.get("person_id"), int) or isinstance(one.get("person_id"), bool):
                raise self.invalid("participants.person_id must be a number")
            if self.kind("persons").live(str(one["person_id"])) is None:
                raise Refused(self.refusal(404, "Person not found", "ERR_NOT_FOUND"))
        about = next((one["person_id"] for one in people if one.get("primary")), None)
        about = about or (people[0]["person_id"] if people else None)
        now = self.clock.ms()
        seq = self.kind("activities").next_seq()
        body = {
            "id": seq, "subject": given.get("subject") or "Call", "type": given.get("type", "call"), "owner_id": USER,
            "is_deleted": False, "add_time": iso_utc(now), "update_time": iso_utc(now), "person_id": about,
            "due_date": given.get("due_date"), "done": given.get("done", False), "note": given.get("note"),
            "participants": people,
        }  # fmt: skip
        ref = str(about) if about else None
        self.kind("activities").put(Row(seq, str(seq), None, None, ref, now, now, LIVE, body))
        return reply({"success": True, "data": body})

    def remove(self, kind: str, row: Row) -> None:
        """The mark in the record itself."""
        row.body["is_deleted"] = True
        super().remove(kind, row)

    def merge(self, call: Call) -> Answer:
        """Let the person of the path become part of another one, which keeps its own values."""
        other = str(call.json().get("merge_with_id", ""))
        return reply({"success": True, "data": self.control_merge("persons", other, call.params["id"])})

    def control_merge(self, kind: str, winner: str, loser: str) -> Any:
        """The loser is gone; what only it had goes over."""
        kept, lost = self.kind(kind).live(winner), self.kind(kind).live(loser)
        if kept is None or lost is None:
            raise Refused(self.refusal(404, "Person not found", "ERR_NOT_FOUND"))
        part: dict[str, Any] = {}
        for name in ("emails", "phones"):
            known = {entry["value"] for entry in kept.body[name]}
            more = [{**entry, "primary": False} for entry in lost.body[name] if entry["value"] not in known]
            part[name] = [*kept.body[name], *more]
        lost.ref = winner
        self.remove(kind, lost)
        return self.write(kind, kept, part).body

    def search(self, call: Call) -> Answer:
        """By address, number or name; the index lags behind."""
        term, exact = call.arg("term").strip(), call.arg("exact_match") == "true"
        if len(term) < (1 if exact else 2):
            raise self.invalid("term must be at least 2 characters long")
        conditions = Conditions("state = 0")
        self.add_search_lag(conditions, by_change=False)
        fields = (call.arg("fields") or "email,phone,name").split(",")
        parts, values = [], []
        if "email" in fields:
            parts.append("email = ?" if exact else "email LIKE ?")
            values.append(normal_email(term) if exact else f"%{term.lower()}%")
        if "phone" in fields and normal_phone(term):
            parts.append("phone = ?" if exact else "phone LIKE ?")
            values.append(normal_phone(term) if exact else f"%{normal_phone(term)}%")
        if "name" in fields:
            parts.append("lower(json_extract(body, '$.name')) LIKE ?")
            values.append(term.lower() if exact else f"%{term.lower()}%")
        if not parts:
            return reply({"success": True, "data": {"items": []}, "additional_data": onwards(None)})
        conditions.add(f"({' OR '.join(parts)})", *values)
        limit = min(call.number("limit", 100, 1), 500)
        rows = self.kind("persons").rows(
            conditions.where, (*conditions.values, limit), "ORDER BY seq LIMIT ?"
        )
        items = [{"result_score": 1.0, "item": self.found_item(row)} for row in rows]
        return reply({"success": True, "data": {"items": items}, "additional_data": onwards(None)})

    def found_item(self, row: Row) -> dict[str, Any]:
        """A person as the search shows one: less of it, and lists of plain values."""
        body = row.body
        return {
            "id": body["id"], "type": "person", "name": body["name"],
            "emails": [entry["value"] for entry in body["emails"]],
            "phones": [entry["value"] for entry in body["phones"]],
            "visible_to": body["visible_to"], "owner": {"id": body["owner_id"]}, "custom_fields": [], "notes": [],
        }  # fmt: skip

    # fields, the user, webhooks ------------------------------------------------------------------------------

    def add_field(self, call: Call) -> Answer:
        """A field of the company's own, under a key of forty digits."""
        given = call.json()
        label, kind = str(given.get("field_name") or "").strip(), given.get("field_type")
        if not label or kind not in FIELD_TYPES:
            raise self.invalid("field_name must not be empty, field_type must be a known type")
        field = {
            "field_name": label, "field_code": f"{self.chance.getrandbits(160):040x}", "field_type": kind,
            "options": None, "subfields": None, "is_custom_field": True, "is_optional_response_field": False,
        }  # fmt: skip
        self.fields.append(field)
        self.store.writes += 1
        return reply({"success": True, "data": field})

    def me(self, call: Call) -> Answer:
        """The user of the token, and the company."""
        return reply({"success": True, "data": {
            "id": USER, "name": f"{business.OWNER_FIRST} {business.OWNER_LAST}", "email": business.EMAIL,
            "default_currency": business.CURRENCY, "locale": "en_GB", "lang": 1, "activated": True, "is_admin": 1,
            "company_id": COMPANY, "company_name": business.NAME, "company_domain": "kestrelrye",
            "timezone_name": business.TIMEZONE, "timezone_offset": "+00:00", "is_you": True,
        }})  # fmt: skip

    def listen(self, call: Call) -> Answer:
        """Register an address."""
        given = call.json()
        url = str(given.get("subscription_url") or "")
        if not given.get("name") or not re.match(r"https?://", url):
            raise Refused(
                self.refusal(400, "Webhook could not be added", info="subscription_url, name: required")
            )
        if len(self.webhooks) >= MOST_WEBHOOKS:
            raise Refused(
                self.refusal(400, "Webhook could not be added", info="too many webhooks for this user")
            )
        number = 900_000 + len(self.webhooks) + self.chance.randrange(1000) * 50
        self.webhooks[number] = {
            "id": number, "company_id": COMPANY, "owner_id": USER, "user_id": USER,
            "event_action": given.get("event_action", "*"), "event_object": given.get("event_object", "*"),
            "subscription_url": url, "version": given.get("version", "2.0"), "name": given["name"], "is_active": 1,
            "http_auth_user": given.get("http_auth_user"), "http_auth_password": given.get("http_auth_password"),
            "add_time": iso_utc(self.clock.ms()),
        }  # fmt: skip
        self.store.writes += 1
        return reply({"success": True, "status": "ok", "data": self.webhooks[number]}, 201)

    def stop_listening(self, call: Call) -> Answer:
        """Forget an address."""
        if self.webhooks.pop(int(call.params["id"]), None) is None:
            raise Refused(self.refusal(404, "Webhook not found"))
        self.store.writes += 1
        return reply({"success": True, "status": "ok"})

    def happened(self, kind: str, row: Row, what: str) -> None:
        """Tell every address; not signed, but with name and password where these were given."""
        action = {"created": "create", "updated": "change", "deleted": "delete"}[what]
        for hook in self.webhooks.values():
            if hook["event_action"] not in ("*", action) or hook["event_object"] not in ("*", "person"):
                continue
            body = {
                "data": None if what == "deleted" else row.body, "previous": None if what == "created" else {},
                "meta": {
                    "action": action, "entity": "person", "entity_id": row.id, "company_id": str(COMPANY),
                    "user_id": str(USER), "id": random_uuid(self.chance), "correlation_id": random_uuid(self.chance),
                    "timestamp": iso_utc(int(self.told_time() * 1000)), "version": "2.0", "attempt": 1,
                    "host": "kestrelrye.pipedrive.com", "is_bulk_edit": False, "change_source": "app",
                },
            }  # fmt: skip
            self.courier.send(
                Delivery(hook["subscription_url"], reply(body).body, "application/json", signer(hook))
            )


def signer(hook: dict[str, Any]) -> Signer:
    """HTTP Basic by what was given at registration."""

    def sign(body: bytes, attempt: int, wrong: bool) -> dict[str, str]:
        if not hook["http_auth_user"]:
            return {}
        pair = f"{hook['http_auth_user']}:{or_wrong(str(hook['http_auth_password']), wrong)}"
        return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    return sign

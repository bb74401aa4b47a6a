"""Zoho CRM: contacts in lists of a hundred, each with an answer of its own, and a clock of seconds."""

import random
import re
from datetime import datetime
from typing import Any
from urllib.parse import quote

from . import business
from .clock import iso_s, parse_ms
from .conditions import Conditions, ordered
from .cursors import Cursors
from .desk import Desk
from .names import EMAIL, national
from .oauth import Granted, Grants, Token
from .ordinary import Ordinary
from .seed import Soul, View, viewed
from .state import LIVE, Row, normal_email, normal_phone
from .webhooks import Delivery
from .wire import Answer, Call, Refused, reply

ORG, OWNER = "554023000000017001", "554023000000235011"
SCOPES = ("ZohoCRM.modules.contacts.ALL", "ZohoCRM.modules.tasks.ALL", "ZohoCRM.settings.fields.READ",
          "ZohoCRM.org.READ", "ZohoCRM.notifications.ALL")  # fmt: skip
AT_ONCE = 5
PAGE, WRITTEN, LISTED = 200, 100, 2000
"""Records a page, records a write, and how far page numbers reach."""
FIELDS = (
    # name, label, type, longest
    ("First_Name", "First Name", "text", 40), ("Last_Name", "Last Name", "text", 80),
    ("Full_Name", "Full Name", "text", 80), ("Email", "Email", "email", 100),
    ("Secondary_Email", "Secondary Email", "email", 100), ("Phone", "Phone", "phone", 50),
    ("Mobile", "Mobile", "phone", 30), ("Date_of_Birth", "Date of Birth", "date", 20),
    ("Mailing_Street", "Mailing Street", "text", 250), ("Mailing_City", "Mailing City", "text", 100),
    ("Mailing_State", "Mailing State", "text", 100), ("Mailing_Zip", "Mailing Zip", "text", 30),
    ("Mailing_Country", "Mailing Country", "text", 100), ("Title", "Title", "text", 100),
    ("Department", "Department", "text", 50), ("Lead_Source", "Lead Source", "picklist", 120),
    ("Description", "Description", "textarea", 32_000), ("Email_Opt_Out", "Email Opt Out", "boolean", 5),
    ("Created_Time", "Created Time", "datetime", 120), ("Modified_Time", "Modified Time", "datetime", 120),
    ("Loyalty_Points", "Loyalty Points", "integer", 9), ("Loyalty_Tier", "Loyalty Tier", "text", 255),
)  # fmt: skip
READ_ONLY = ("Full_Name", "Created_Time", "Modified_Time")
CUSTOM = ("Loyalty_Points", "Loyalty_Tier")
TYPES = {name: kind for name, _, kind, _ in FIELDS}
LONGEST = {name: most for name, _, _, most in FIELDS}
LONGEST_CHANNEL_MS, LONGEST_WORD = 7 * 86_400_000, 50
"""How long a channel lives, and how long the word is that proves its notifications."""
EVENTS = {"created": "insert", "updated": "update", "deleted": "delete"}
WATCHED = {"created": "create", "updated": "edit", "deleted": "delete"}
STATUSES = ("Not Started", "Deferred", "In Progress", "Completed", "Waiting on someone else")
CRITERION = re.compile(r"\((\w+):(equals|starts_with):([^()]*)\)")


class Bad(Exception):
    """A record that isn't taken, as its own answer says it."""

    def __init__(self, code: str, message: str, details: dict[str, Any]) -> None:
        super().__init__(code)
        self.details = details
        self.said: dict[str, Any] = {"code": code, "details": details, "message": message, "status": "error"}


class Zoho(Granted, Ordinary):
    """One organisation on one port; accounts and API share it."""

    name = "zoho-crm"
    kinds = ("contacts", "tasks")
    people_kind = "contacts"
    person_fields = ("name", "email", "phone", "birthday")
    authorize_path = "/oauth/v2/auth"

    def begin(self) -> None:
        """A client of the admin's own, and a grant that it has got."""
        self.grants = Grants(
            self.clock,
            self.chance,
            "1000.",
            "1000.",
            3600.0,
            client_id=f"1000.{self.chance.getrandbits(120):030X}",
        )
        self.grants.client_secret = f"{self.chance.getrandbits(168):042x}"
        self.first: Token = self.grants.issue(list(SCOPES))
        self.desk = Desk(
            self, self.grants, authorize="/oauth/v2/auth", token="/oauth/v2/token", scopes=SCOPES,
            more=lambda token: {"api_domain": self.url, "token_type": "Bearer"},
            back=lambda call: f"location=eu&accounts-server={quote(self.url, safe='')}",
        )  # fmt: skip
        self.resources = (self.desk,)
        self.cursors = Cursors(self.clock, 86_400.0)
        self.channels: dict[str, dict[str, Any]] = {}
        self.gone: list[dict[str, Any]] = []

    def route(self) -> None:
        """The paths of `/crm/v8`."""
        super().route()
        add = self.routes.add
        add("POST", "/oauth/v2/token/revoke", self.revoke)
        add("GET", "/crm/v8/org", self.org)
        add("GET", "/crm/v8/settings/fields", self.fields)
        add("GET", "/crm/v8/Contacts", self.listed)
        add("POST", "/crm/v8/Contacts", lambda call: self.written(call, self.insert, 201))
        add("PUT", "/crm/v8/Contacts", lambda call: self.written(call, self.change, 200))
        add("DELETE", "/crm/v8/Contacts", self.drop)
        add("POST", "/crm/v8/Contacts/upsert", lambda call: self.written(call, self.upsert, 200))
        add("GET", "/crm/v8/Contacts/search", self.search)
        add("GET", "/crm/v8/Contacts/deleted", self.deleted)
        add("GET", "/crm/v8/Contacts/{id}", self.one)
        add("PUT", "/crm/v8/Contacts/{id}", lambda call: self.written(call, self.change, 200))
        add("DELETE", "/crm/v8/Contacts/{id}", self.drop)
        add("GET", "/crm/v8/Tasks", self.list_tasks)
        add("POST", "/crm/v8/Tasks", lambda call: self.written(call, self.insert_task, 201))
        add("POST", "/crm/v8/actions/watch", self.watch)
        add("GET", "/crm/v8/actions/watch", lambda call: reply({"watch": list(self.channels.values())}))
        add("DELETE", "/crm/v8/actions/watch", self.stop_watching)

    # who is let in, and what is said when something is wrong -------------------------------------------------

    def answer(self, call: Call) -> Answer:
        """Refusals of the accounts server come with 200."""
        answer = super().answer(call)
        if call.path == "/oauth/v2/token" and answer.status >= 400:
            error = answer.json()["error"]
            words = {"invalid_grant": "invalid_code", "invalid_client": "invalid_client_secret"}
            return reply({"error": words.get(error, error)})
        if call.path == "/oauth/v2/token" and call.form().get("grant_type") == "refresh_token":
            body = answer.json()
            body.pop("refresh_token", None)
            return reply(body)
        return answer

    def admit(self, call: Call) -> dict[str, str]:
        """Zoho's own scheme; so many calls at the same time."""
        if self.desk.outside(call) or call.path.startswith("/oauth/"):
            return {}
        scheme, token = call.authorization()
        if scheme != "zoho-oauthtoken" or self.grants.check(token) != "ok":
            raise Refused(self.refusal(401, "INVALID_TOKEN", "invalid oauth token"))
        if self.setting.limits and self.in_flight > AT_ONCE:
            raise Refused(self.trouble(429))
        return {}

    def holding(self) -> float:
        """A few milliseconds a request, so that they overlap."""
        return 0.004

    def refusal(self, status: int, code: str, message: str, details: dict[str, Any] | None = None) -> Answer:
        """An error."""
        return reply({"code": code, "details": details or {}, "message": message, "status": "error"}, status)

    def invalid(self, message: str, **details: Any) -> Refused:
        """400 for a call that isn't taken."""
        return Refused(self.refusal(400, "INVALID_DATA", message, details))

    def missing(self, known: bool) -> Answer:
        """404, or 405 in the same words."""
        if known:
            return self.refusal(
                405, "INVALID_REQUEST_METHOD", "The http request method type is not a valid one"
            )
        return self.refusal(
            404, "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one"
        )

    def failure(self, status: int) -> Answer:
        """429 and the errors of a server."""
        if status == 429:
            return self.refusal(429, "TOO_MANY_REQUESTS", "The API request exceeded the concurrency limit")
        return self.refusal(status, "INTERNAL_ERROR", "Internal Server Error")

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON or has another shape."""
        return self.refusal(400, "INVALID_DATA", "invalid data")

    def credentials(self) -> dict[str, Any]:
        """The grant that the admin's client has got, and the client."""
        app = {"client_id": self.grants.client_id, "client_secret": self.grants.client_secret}
        return {
            **app, "access_token": self.first.value, "refresh_token": self.first.refresh,
            "expires_in": round((self.first.expires or 0) - self.clock.now()), "api_domain": self.url,
            "alternatives": {"app": app},
        }  # fmt: skip

    def revoke(self, call: Call) -> Answer:
        """The grant whose refresh token this is, by query or form."""
        value = call.arg("token") or call.form().get("token", "")
        refresh = self.grants.refreshes.get(value)
        token = self.grants.tokens.get(value)
        if refresh is None and token is None:
            return reply({"error": "invalid_code"})
        for held in (refresh, token):
            if held is not None:
                held.revoked = True
        for one in self.grants.tokens.values():
            one.revoked = one.revoked or one.refresh == value
        return reply({"status": "success"})

    def renew(self) -> None:
        """Another grant."""
        self.grants.refuse_all = False
        self.first = self.grants.issue(list(SCOPES))

    # a contact -----------------------------------------------------------------------------------------------

    def form(self, soul: Soul, draw: int) -> dict[str, Any]:
        """As somebody types a contact in: who has one name only has it as the last name."""
        phone = soul.phone and (f"+{soul.phone}" if draw % 3 else national(soul.phone))
        return {
            "First_Name": soul.first if soul.last else None, "Last_Name": soul.last or soul.first,
            "Email": soul.email, "Phone": phone, "Date_of_Birth": soul.birthday,
            "Email_Opt_Out": soul.trait == "unsubscribed",
            "Lead_Source": ("Web", "Shop", None)[draw % 3],
        }  # fmt: skip

    def identify(self, kind: str, seq: int, chance: random.Random) -> str:
        """Eighteen digits."""
        return str(554_023_000_000_300_000 + seq * 7)

    def whole(self, kind: str, identifier: str, fields: dict[str, Any], created: int) -> dict[str, Any]:
        """Every field, and whose it is."""
        owner = {
            "name": f"{business.OWNER_FIRST} {business.OWNER_LAST}",
            "id": OWNER,
            "email": business.EMAIL,
        }
        body: dict[str, Any] = dict.fromkeys(name for name, *_ in FIELDS)
        body |= {"id": identifier, "Owner": owner, "Created_By": owner, "Modified_By": owner, "Tag": [],
                 "Email_Opt_Out": False, "Created_Time": iso_s(created)}  # fmt: skip
        return self.merged(kind, body, fields)

    def merged(self, kind: str, body: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
        """The whole name goes with its parts."""
        found = super().merged(kind, body, part)
        found["Full_Name"] = " ".join(filter(None, (found["First_Name"], found["Last_Name"])))
        return found

    def stamped(self, kind: str, body: dict[str, Any], updated: int) -> None:
        """Whole seconds with an offset."""
        body["Modified_Time"] = iso_s(updated)

    def person(self, body: dict[str, Any]) -> View:
        """For the truth."""
        return viewed(
            body["First_Name"], body["Last_Name"], body["Email"], body["Phone"] or body["Mobile"],
            body["Date_of_Birth"],
        )  # fmt: skip

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Two fields."""
        return {"First_Name": first, "Last_Name": last}

    def remove(self, kind: str, row: Row) -> None:
        """To the recycle bin."""
        by = {"name": business.OWNER_FIRST, "id": OWNER}
        self.gone.append({
            "deleted_by": by, "id": row.id, "display_name": row.body["Full_Name"], "type": "recycle",
            "created_by": by, "deleted_time": iso_s(self.clock.ms()),
        })  # fmt: skip
        super().remove(kind, row)

    # reading -------------------------------------------------------------------------------------------------

    def wanted(self, call: Call) -> list[str]:
        """The fields asked for; without any the call isn't taken."""
        names = [name for name in call.arg("fields").split(",") if name]
        if not names:
            raise Refused(
                self.refusal(400, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing",
                             {"param_name": "fields"})
            )  # fmt: skip
        if len(names) > 50:
            raise Refused(
                self.refusal(400, "LIMIT_EXCEEDED", "More than 50 fields", {"param_name": "fields"})
            )
        return names

    def shown(self, row: Row, names: list[str]) -> dict[str, Any]:
        """A contact with these fields; names that nobody knows are passed over."""
        return {name: row.body[name] for name in names if name in row.body} | {"id": row.id}

    def page_mark(self, call: Call) -> str | None:
        """Lists go by token."""
        return call.arg("page_token") if call.method == "GET" and call.path == "/crm/v8/Contacts" else None

    def disturb(self, call: Call) -> None:
        """The contact that changed first is now the one that changed last."""
        for row in self.kind("contacts").rows("state = 0", (), "ORDER BY updated LIMIT 1"):
            row.touch(self.clock.ms())
            self.stamped("contacts", row.body, row.updated)
            self.kind("contacts").put(row)

    def listed(self, call: Call) -> Answer:
        """A page by number, as far as 2,000 reach, or by token."""
        names = self.wanted(call)
        size = call.number("per_page", PAGE, 1)
        if size > PAGE:
            raise self.invalid("the given value seems to be wrong", param_name="per_page")
        column = {"": "seq", "id": "seq", "Created_Time": "created", "Modified_Time": "updated"}.get(
            call.arg("sort_by")
        )
        if column is None:
            raise self.invalid("the given field is not sortable", param_name="sort_by")
        down = call.arg("sort_order", "asc" if call.arg("sort_by") else "desc") == "desc"
        conditions = Conditions("state = 0")
        if call.arg("ids"):
            conditions.one_of("id", call.arg("ids").split(",")[:WRITTEN])
        since = self.since(call)
        if since is not None:
            # Whole seconds are told, so whole seconds are compared; what changed in this very second counts.
            conditions.add("updated >= ?", since // 1000 * 1000)
        page = call.number("page", 1, 1)
        offset = 0
        if call.arg("page_token"):
            try:
                value, seq = self.cursors.read(call.arg("page_token"), 2)
            except ValueError:
                raise self.invalid(
                    "the given page token seems to be wrong", param_name="page_token"
                ) from None
            conditions.add(f"({column}, seq) {'<' if down else '>'} (?, ?)", value, seq)
        else:
            offset = (page - 1) * size
            if offset + size > LISTED:
                words = "You cannot get more than 2000 records without page_token"
                raise Refused(self.refusal(400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED", words))
        rows = self.kind("contacts").rows(
            conditions.where,
            (*conditions.values, size + 1, offset),
            f"{ordered(column, down)} LIMIT ? OFFSET ?",
        )
        if not rows:
            return Answer(304 if since is not None else 204)
        more = len(rows) > size
        token = None
        if more:
            last = rows[size - 1]
            mark = {"seq": last.seq, "created": last.created, "updated": last.updated}[column]
            token = self.cursors.make(mark, last.seq)
        info = {
            "per_page": size, "count": min(len(rows), size), "page": page, "sort_by": call.arg("sort_by") or "id",
            "sort_order": "desc" if down else "asc", "more_records": more, "next_page_token": token,
            "previous_page_token": None, "page_token_expiry": iso_s(self.clock.ms() + 86_400_000) if token else None,
        }  # fmt: skip
        shown = [self.shown(row, names) for row in rows[:size]]
        return reply({"data": shown, "info": info}, records=len(shown))

    def since(self, call: Call) -> int | None:
        """The moment of If-Modified-Since, in ISO 8601 with an offset."""
        text = call.headers.get("if-modified-since", "")
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise self.invalid("the given value seems to be wrong", header="If-Modified-Since") from None
        if moment.tzinfo is None:
            raise self.invalid("the given value seems to be wrong", header="If-Modified-Since")
        return parse_ms(text)

    def one(self, call: Call) -> Answer:
        """One contact; nothing where there is none."""
        row = self.kind("contacts").live(call.params["id"])
        if row is None:
            return Answer(204)
        names = [name for name in call.arg("fields").split(",") if name] or list(row.body)
        return reply({"data": [self.shown(row, names)]}, records=1)

    def search(self, call: Call) -> Answer:
        """By address, number, word or criteria; the index lags behind."""
        conditions = Conditions("state = 0")
        self.add_search_lag(conditions, by_change=False)
        if call.arg("email"):
            conditions.add("email = ?", normal_email(call.arg("email")))
        elif call.arg("phone"):
            conditions.add("phone = ?", normal_phone(call.arg("phone")))
        elif call.arg("word"):
            conditions.add("lower(json_extract(body, '$.Full_Name')) LIKE ?", f"%{call.arg('word').lower()}%")
        elif call.arg("criteria"):
            self.criteria(conditions, call.arg("criteria"))
        else:
            raise Refused(
                self.refusal(400, "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing")
            )
        size = min(call.number("per_page", PAGE, 1), PAGE)
        rows = self.kind("contacts").rows(
            conditions.where, (*conditions.values, size), "ORDER BY seq LIMIT ?"
        )
        if not rows:
            return Answer(204)
        names = [name for name in call.arg("fields").split(",") if name]
        shown = [self.shown(row, names or list(row.body)) for row in rows]
        info = {"per_page": size, "count": len(shown), "page": 1, "more_records": False}
        return reply({"data": shown, "info": info}, records=len(shown))

    def criteria(self, conditions: Conditions, text: str) -> None:
        """Terms of equality, joined by `or`."""
        found = CRITERION.findall(text)
        if not found:
            raise self.invalid("the given criteria seems to be wrong", param_name="criteria")
        parts: list[str] = []
        values: list[object] = []
        for name, operator, value in found:
            if name not in TYPES:
                raise self.invalid("the given field seems to be wrong", api_name=name)
            parts.append(f"lower(json_extract(body, '$.{name}')) LIKE ?")
            values.append(value.lower() + ("%" if operator == "starts_with" else ""))
        conditions.add(f"({' OR '.join(parts)})", *values)

    def deleted(self, call: Call) -> Answer:
        """What lies in the recycle bin."""
        if not self.gone:
            return Answer(204)
        info = {"per_page": PAGE, "count": len(self.gone), "page": 1, "more_records": False}
        return reply({"data": self.gone[-PAGE:], "info": info})

    # writing -------------------------------------------------------------------------------------------------

    def written(self, call: Call, one: Any, status: int) -> Answer:
        """Each record of the list for itself; 207 where they end differently."""
        body = call.json()
        items = body["data"]
        if not isinstance(items, list) or not 1 <= len(items) <= WRITTEN:
            raise self.invalid("the data must be a list of 1 to 100 records", api_name="data")
        said = []
        for number, item in enumerate(items):
            try:
                said.append(one({**item, **({"id": call.params["id"]} if "id" in call.params else {})}, body))
            except Bad as bad:
                details = bad.details.copy()
                if "api_name" in details:
                    details["json_path"] = f"$.data[{number}].{details['api_name']}"
                said.append({**bad.said, "details": details})
        failed = sum(item["status"] == "error" for item in said)
        final = status if not failed else 207 if failed < len(said) else 202 if status == 201 else 400
        return reply({"data": said}, final)

    def checked(self, given: dict[str, Any]) -> dict[str, Any]:
        """What may be written, in the right types; raises the refusal of the first that may not."""
        for name, value in given.items():
            kind = TYPES.get(name)
            wrong = {"expected_data_type": {"boolean": "boolean", "integer": "integer"}.get(kind or "", "text"),
                     "api_name": name}  # fmt: skip
            if kind is None or value is None:
                continue
            if kind == "boolean" and not isinstance(value, bool):
                raise Bad("INVALID_DATA", "invalid data", wrong)
            if kind == "integer" and (not isinstance(value, int) or isinstance(value, bool)):
                raise Bad("INVALID_DATA", "invalid data", wrong)
            if kind not in ("boolean", "integer") and not isinstance(value, str):
                raise Bad("INVALID_DATA", "invalid data", wrong)
            if isinstance(value, str) and len(value) > LONGEST[name]:
                raise Bad("INVALID_DATA", "invalid data", {"maximum_length": LONGEST[name], "api_name": name})
            if kind == "email" and value and (not EMAIL.fullmatch(value) or self.refuses(value)):
                raise Bad("INVALID_DATA", "invalid data", {"expected_data_type": "email", "api_name": name})
            if kind == "phone" and value and not re.fullmatch(r"[+()\d\s.\-x#;]+", value):
                raise Bad("INVALID_DATA", "invalid data", {"expected_data_type": "phone", "api_name": name})
            if kind == "date" and value and not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
                raise Bad("INVALID_DATA", "invalid data", {"expected_data_type": "date", "api_name": name})
        return {
            name: (value or None) if isinstance(value, str) else value
            for name, value in given.items()
            if name in TYPES and name not in READ_ONLY
        }

    def said(self, row: Row, message: str, **more: Any) -> dict[str, Any]:
        """What is answered for a record that was taken: not the record, but its id and times."""
        names = ("Modified_Time", "Modified_By", "Created_Time", "Created_By")
        details = {name: row.body[name] for name in names} | {"id": row.id}
        return {"code": "SUCCESS", "details": details, "message": message, "status": "success", **more}

    def insert(self, given: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """A new contact."""
        fields = self.checked(given)
        if not str(fields.get("Last_Name") or "").strip():
            raise Bad("MANDATORY_NOT_FOUND", "required field not found", {"api_name": "Last_Name"})
        return self.said(self.make("contacts", fields), "record added")

    def change(self, given: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """A part of a contact."""
        row = self.kind("contacts").live(str(given.get("id", "")))
        if row is None:
            raise Bad("INVALID_DATA", "the id given seems to be invalid", {"api_name": "id"})
        fields = self.checked(given)
        if "Last_Name" in fields and not fields["Last_Name"]:
            raise Bad("MANDATORY_NOT_FOUND", "required field not found", {"api_name": "Last_Name"})
        return self.said(self.write("contacts", row, fields), "record updated")

    def upsert(self, given: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """A new contact, or a part of the one with the same address."""
        fields = self.checked(given)
        checks = body.get("duplicate_check_fields") or ["Email"]
        row = self.kind("contacts").live(str(given["id"])) if given.get("id") else None
        for name in checks:
            column, normal = ("email", normal_email) if name == "Email" else ("phone", normal_phone)
            if row is None and name in ("Email", "Phone") and fields.get(name):
                row = self.kind("contacts").first(f"state = 0 AND {column} = ?", normal(fields[name]))
        if row is None:
            return {**self.insert(given, body), "action": "insert", "duplicate_field": None}
        said = self.said(self.write("contacts", row, fields), "record updated")
        return {**said, "action": "update", "duplicate_field": checks[0]}

    def list_tasks(self, call: Call) -> Answer:
        """Tasks by the time they were made."""
        names = self.wanted(call)
        if call.arg("sort_by") not in ("", "id", "Created_Time"):
            raise self.invalid("the given field is not sortable", param_name="sort_by")
        down = call.arg("sort_order", "desc") == "desc"
        size = call.number("per_page", PAGE, 1)
        if size > PAGE:
            raise self.invalid("the given value seems to be wrong", param_name="per_page")
        rows = self.kind("tasks").rows("state = 0", (size,), f"{ordered('seq', down)} LIMIT ?")
        if not rows:
            return Answer(204)
        info = {
            "per_page": size,
            "count": len(rows),
            "page": 1,
            "more_records": False,
            "next_page_token": None,
        }
        return reply({"data": [self.shown(row, names) for row in rows], "info": info}, records=len(rows))

    def insert_task(self, given: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """A new task; whom it is about has to be there."""
        fields = {
            name: given.get(name) for name in ("Subject", "Status", "Due_Date", "Description", "Priority")
        }
        if not str(fields["Subject"] or "").strip():
            raise Bad("MANDATORY_NOT_FOUND", "required field not found", {"api_name": "Subject"})
        for name, value in fields.items():
            if not isinstance(value, str | None):
                wrong = {"expected_data_type": "text", "api_name": name}
                raise Bad("INVALID_DATA", "invalid data", wrong)
        if fields["Due_Date"] and not re.fullmatch(r"\d{4}-\d\d-\d\d", str(fields["Due_Date"])):
            raise Bad("INVALID_DATA", "invalid data", {"expected_data_type": "date", "api_name": "Due_Date"})
        if fields["Status"] not in (None, *STATUSES):
            raise Bad("INVALID_DATA", "invalid data", {"api_name": "Status"})
        who = given.get("Who_Id")
        if who is not None:
            person = self.kind("contacts").live(str(who.get("id"))) if isinstance(who, dict) else None
            if person is None:
                raise Bad("INVALID_DATA", "the related id given seems to be invalid", {"api_name": "Who_Id"})
            who = {"name": person.body["Full_Name"], "id": person.id}
        now = self.clock.ms()
        identifier = str(554_023_000_000_900_000 + self.kind("tasks").next_seq() * 3)
        by = {"name": f"{business.OWNER_FIRST} {business.OWNER_LAST}", "id": OWNER}
        times = {"Created_Time": iso_s(now), "Modified_Time": iso_s(now), "Created_By": by, "Modified_By": by}
        whole = {
            **fields,
            **times,
            "id": identifier,
            "Who_Id": who,
            "Status": fields["Status"] or STATUSES[0],
        }
        row = Row(None, identifier, None, None, who["id"] if who else None, now, now, LIVE, whole)
        return self.said(self.kind("tasks").put(row), "record added")

    def drop(self, call: Call) -> Answer:
        """Several by query, or the one of the path."""
        said = []
        for identifier in (
            [call.params["id"]] if "id" in call.params else call.arg("ids").split(",")[:WRITTEN]
        ):
            row = self.kind("contacts").live(identifier)
            if row is None:
                said.append({"code": "INVALID_DATA", "details": {"id": identifier},
                             "message": "the id given seems to be invalid", "status": "error"})  # fmt: skip
                continue
            self.remove("contacts", row)
            said.append({"code": "SUCCESS", "details": {"id": identifier}, "message": "record deleted",
                         "status": "success"})  # fmt: skip
        return reply({"data": said})

    # the organisation, its fields, notifications ---------------------------------------------------------------

    def org(self, call: Call) -> Answer:
        """The company."""
        return reply({"org": [{
            "id": ORG, "company_name": business.NAME, "country": "United Kingdom", "country_code": business.COUNTRY,
            "currency": "British Pound - GBP", "iso_code": business.CURRENCY, "currency_symbol": "£",
            "currency_locale": "en_GB", "time_zone": business.TIMEZONE, "zgid": "20087654321",
            "primary_email": business.EMAIL, "phone": f"+{business.PHONE}", "street": business.STREET,
            "city": business.TOWN, "zip": business.POSTCODE, "state": None, "domain_name": "org20087654321",
            "type": "Production", "max_per_page": PAGE,
        }]})  # fmt: skip

    def fields(self, call: Call) -> Answer:
        """The fields of contacts."""
        if call.arg("module") != "Contacts":
            raise Refused(self.refusal(400, "INVALID_MODULE", "the module name given seems to be invalid"))
        found = []
        for number, (name, label, kind, longest) in enumerate(FIELDS):
            picks = [{"display_value": text, "actual_value": text, "id": str(55_402_300 + n)}
                     for n, text in enumerate(("Web", "Shop", "Referral"))]  # fmt: skip
            json_type = {"boolean": "boolean", "integer": "integer"}.get(kind, "string")
            found.append({
                "id": str(554_023_000_000_002_400 + number), "api_name": name, "field_label": label,
                "display_label": label, "data_type": kind, "json_type": json_type, "length": longest,
                "system_mandatory": name == "Last_Name", "read_only": name in READ_ONLY,
                "field_read_only": name in READ_ONLY, "custom_field": name in CUSTOM, "visible": True, "unique": {},
                "external": None, "pick_list_values": picks if kind == "picklist" else [],
            })  # fmt: skip
        return reply({"fields": found})

    def watch(self, call: Call) -> Answer:
        """Register channels."""
        said = []
        for given in call.json()["watch"]:
            channel = str(given.get("channel_id") or "")
            if not channel.isdigit() or not re.match(r"https?://", str(given.get("notify_url") or "")):
                raise self.invalid(
                    "invalid data", api_name="channel_id" if not channel.isdigit() else "notify_url"
                )
            ends = parse_ms(str(given.get("channel_expiry") or iso_s(self.clock.ms() + 3_600_000)))
            if ends is None or not 0 < ends - self.clock.ms() <= LONGEST_CHANNEL_MS:
                raise self.invalid("invalid data", api_name="channel_expiry")
            if len(str(given.get("token") or "")) > LONGEST_WORD:
                raise self.invalid("invalid data", api_name="token", maximum_length=LONGEST_WORD)
            given = {**given, "channel_expiry": iso_s(ends)}
            self.channels[channel] = given
            self.store.writes += 1
            event = {"channel_id": channel, "resource_name": "Contacts", "resource_id": "554023000000002179",
                     "channel_expiry": given["channel_expiry"],
                     "resource_uri": f"{self.url}/crm/v8/Contacts"}  # fmt: skip
            said.append({"code": "SUCCESS", "details": {"events": [event]}, "message": "Successfully subscribed",
                         "status": "success"})  # fmt: skip
        return reply({"watch": said}, 201)

    def stop_watching(self, call: Call) -> Answer:
        """Forget channels."""
        said = []
        for channel in call.arg("channel_ids").split(","):
            if self.channels.pop(channel, None) is None:
                wrong = {"code": "NOT_SUBSCRIBED", "details": {"channel_id": channel}, "status": "error",
                         "message": "the channel is not subscribed"}  # fmt: skip
                raise Refused(reply({"watch": [wrong]}, 202))
            self.store.writes += 1
            said.append({"code": "SUCCESS", "details": {"channel_id": channel}, "status": "success",
                         "message": "Successfully unsubscribed"})  # fmt: skip
        return reply({"watch": said})

    def happened(self, kind: str, row: Row, what: str) -> None:
        """Tell every channel that watches: ids only, and the channel's own word as proof."""
        for channel, given in self.channels.items():
            if not {f"Contacts.{WATCHED[what]}", "Contacts.all"} & set(given.get("events", ())):
                continue
            if (parse_ms(given["channel_expiry"]) or 0) <= self.clock.ms():
                continue
            body = {
                "server_time": self.clock.ms(), "module": "Contacts", "ids": [row.id], "operation": EVENTS[what],
                "resource_uri": f"{self.url}/crm/v8/Contacts", "channel_id": channel, "affected_fields": [],
                "token": str(given.get("token") or ""),
            }  # fmt: skip
            right, forged = reply(body).body, reply({**body, "token": "wrong"}).body
            self.courier.send(
                Delivery(str(given["notify_url"]), right, "application/json", unsigned, forged=forged)
            )


def unsigned(body: bytes, attempt: int, wrong: bool) -> dict[str, str]:
    """Zoho signs nothing."""
    return {}

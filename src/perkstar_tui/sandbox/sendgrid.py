"""SendGrid Marketing: contacts that are put by jobs and read as files, fields written by id and read by name."""

import gzip
import random
import re
from typing import Any

from .clock import iso_utc, parse_ms
from .conditions import Conditions
from .ids import random_uuid
from .limits import Window, Windows
from .names import EMAIL
from .ordinary import Ordinary
from .seed import Soul, View, viewed
from .state import Row, normal_email
from .wire import Answer, Call, Refused, reply

MOST_A_JOB, MOST_SHOWN, MOST_IDS = 30_000, 50, 100
CALLS_A_MINUTE = 600
IDENTIFIERS = ("email", "phone_number_id", "external_id", "anonymous_id")
TEXTS = ("first_name", "last_name", "address_line_1", "address_line_2", "city", "state_province_region", "country",
         "postal_code")  # fmt: skip
SINCE = re.compile(r"\s*updated_at\s*(>=|>)\s*TIMESTAMP\s*'([^']+)'\s*", re.IGNORECASE)
BY_EMAIL = re.compile(r"\s*email\s*(=|LIKE)\s*'((?:[^']|'')+)'\s*", re.IGNORECASE)
KINDS = {"Text": "T", "Number": "N", "Date": "D"}


class SendGrid(Ordinary):
    """One account on one port."""

    name = "sendgrid"
    kinds = ("contacts",)
    people_kind = "contacts"
    person_fields = ("first", "last", "email")
    needs = ("email",)

    def begin(self) -> None:
        """A key."""
        self.withdrawn: set[str] = set()
        self.renew()
        self.windows = Windows(self.clock, CALLS_A_MINUTE, 60.0)
        self.fields: dict[str, dict[str, str]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}

    def renew(self) -> None:
        """A new key."""
        letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789"
        parts = ("".join(self.chance.choices(letters, k=size)) for size in (22, 43))
        self.api_key = f"SG.{'.'.join(parts)}"

    def route(self) -> None:
        """The paths of Marketing Campaigns."""
        super().route()
        base, add = "/v3/marketing", self.routes.add
        add(
            "GET",
            "/v3/scopes",
            lambda call: reply({"scopes": ["marketing.read", "marketing.update", "mail.send"]}),
        )
        add("GET", f"{base}/contacts", lambda call: self.found(Conditions("state = 0")))
        add("PUT", f"{base}/contacts", self.put)
        add("DELETE", f"{base}/contacts", self.drop)
        add("POST", f"{base}/contacts/batch", self.some)
        add("GET", f"{base}/contacts/count", self.count)
        add("POST", f"{base}/contacts/search", self.search)
        add("POST", f"{base}/contacts/search/emails", self.by_emails)
        add("POST", f"{base}/contacts/exports", self.export)
        add("GET", f"{base}/contacts/exports/{{id}}", self.job)
        add("GET", f"{base}/contacts/imports/{{id}}", self.job)
        add("GET", f"{base}/contacts/{{id}}", self.one)
        add("GET", f"{base}/field_definitions", self.definitions)
        add("POST", f"{base}/field_definitions", self.define)
        add("GET", "/files/{name}", self.file)

    # who is let in, and what is said when something is wrong -------------------------------------------------

    def admit(self, call: Call) -> dict[str, str]:
        """A bearer key; files lie elsewhere and want none."""
        if call.path.startswith("/files/"):
            return {}
        key = call.bearer() or ""
        if key != self.api_key or key in self.withdrawn:
            message = "The provided authorization grant is invalid, expired, or revoked"
            raise Refused(self.refusal(401, message))
        window: Window = self.windows.of(key)
        if self.setting.limits and not window.take():
            raise Refused(self.trouble(429, max(1.0, window.wait)))
        reset = str(round(self.clock.now() + (window.wait or window.seconds)))
        return {"X-RateLimit-Limit": str(window.limit), "X-RateLimit-Remaining": str(window.left),
                "X-RateLimit-Reset": reset}  # fmt: skip

    def refusal(self, status: int, message: str, field: str | None = None) -> Answer:
        """An error."""
        return reply({"errors": [{"message": message, "field": field}]}, status)

    def missing(self, known: bool) -> Answer:
        """404; 405 for another method."""
        return self.refusal(405, "method not allowed") if known else self.refusal(404, "not found")

    def failure(self, status: int) -> Answer:
        """429 and the errors of a server."""
        return self.refusal(status, "too many requests" if status == 429 else "internal error")

    def trouble(self, status: int, retry_after: float | None = None) -> Answer:
        """When to come again is told as a moment."""
        answer = self.failure(status)
        if retry_after is not None:
            answer.headers["X-RateLimit-Reset"] = str(round(self.told_time() + retry_after))
        return answer

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON or has another shape."""
        return self.refusal(400, "invalid JSON in request")

    def credentials(self) -> dict[str, Any]:
        """A key."""
        return {"api_key": self.api_key}

    def revoke_tokens(self) -> int:
        """The key is deleted."""
        self.withdrawn.add(self.api_key)
        return 1

    # a contact -----------------------------------------------------------------------------------------------

    def form(self, soul: Soul, draw: int) -> dict[str, Any]:
        """As somebody signs up for the newsletter."""
        return {"email": soul.email, "first_name": soul.first, "last_name": soul.last}

    def identify(self, kind: str, seq: int, chance: random.Random) -> str:
        """UUIDs."""
        return random_uuid(chance)

    def whole(self, kind: str, identifier: str, fields: dict[str, Any], created: int) -> dict[str, Any]:
        """A contact with every member; addresses are kept in lower case."""
        body: dict[str, Any] = dict.fromkeys((*TEXTS, *IDENTIFIERS, "unique_name", "phone_number", "whatsapp", "line",
                                              "facebook"), "")  # fmt: skip
        body |= {"id": identifier, "alternate_emails": [], "list_ids": [], "segment_ids": [], "custom_fields": {},
                 "created_at": iso_utc(created)}  # fmt: skip
        return self.merged(kind, body, fields)

    def merged(self, kind: str, body: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
        """Fields that aren't given stay; custom ones are kept by name."""
        found = {**body, **{n: v or "" for n, v in part.items() if n not in ("id", "custom_fields")}}
        values = dict(body["custom_fields"])
        for name, value in (part.get("custom_fields") or {}).items():
            values[self.fields[name]["name"] if name in self.fields else name] = value
        found["custom_fields"] = {name: value for name, value in values.items() if value not in (None, "")}
        found["email"] = str(found["email"]).strip().lower()
        return found

    def stamped(self, kind: str, body: dict[str, Any], updated: int) -> None:
        """Whole seconds."""
        body["updated_at"] = iso_utc(updated)

    def person(self, body: dict[str, Any]) -> View:
        """For the truth."""
        return viewed(body["first_name"], body["last_name"], body["email"], None)

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Two members."""
        return {"first_name": first, "last_name": last}

    def page_mark(self, call: Call) -> str | None:
        """Nothing here is paged."""
        return None

    def found(self, conditions: Conditions) -> Answer:
        """The fifty that changed last, and how many there are."""
        rows = self.kind("contacts").rows(
            conditions.where, (*conditions.values, MOST_SHOWN), "ORDER BY updated DESC, seq DESC LIMIT ?"
        )
        total = self.kind("contacts").count(conditions.where, conditions.values)
        return reply({"result": [row.body for row in rows], "contact_count": total, "_metadata": {"self": ""}},
                     records=len(rows))  # fmt: skip

    def search(self, call: Call) -> Answer:
        """Contacts by a condition in SendGrid's own query language; fifty at most."""
        query = str(call.json().get("query") or "")
        conditions = Conditions("state = 0")
        since, by_email = SINCE.fullmatch(query), BY_EMAIL.fullmatch(query)
        if since:
            at = parse_ms(since[2])
            if at is None:
                raise Refused(self.refusal(400, "invalid timestamp", "query"))
            conditions.add(f"updated {since[1]} ?", at)
        elif by_email:
            sign = "LIKE" if by_email[1].upper() == "LIKE" else "="
            conditions.add(f"email {sign} ?", by_email[2].replace("''", "'").lower())
        else:
            raise Refused(self.refusal(400, "invalid query", "query"))
        return self.found(conditions)

    def by_emails(self, call: Call) -> Answer:
        """Contacts by up to a hundred addresses; 404 where none of them is known."""
        emails = call.json().get("emails") or []
        if not 1 <= len(emails) <= MOST_IDS:
            raise Refused(self.refusal(400, "emails must have 1 to 100 elements", "emails"))
        result: dict[str, Any] = {}
        known = 0
        for email in emails:
            row = self.kind("contacts").first("state = 0 AND email = ?", normal_email(email))
            known += row is not None
            result[str(email).lower()] = (
                {"contact": row.body} if row is not None else {"error": "contact not found"}
            )
        if not known:
            raise Refused(self.refusal(404, "no contacts were found for the given emails"))
        return reply({"result": result}, records=known)

    def some(self, call: Call) -> Answer:
        """Contacts by up to a hundred ids."""
        ids = call.json().get("ids") or []
        if len(ids) > MOST_IDS:
            raise Refused(self.refusal(400, "ids must have at most 100 elements", "ids"))
        rows = [row for identifier in ids if (row := self.kind("contacts").live(identifier)) is not None]
        return reply({"result": [row.body for row in rows]}, records=len(rows))

    def one(self, call: Call) -> Answer:
        """One contact."""
        row = self.kind("contacts").live(call.params["id"])
        if row is None:
            raise Refused(self.refusal(404, "contact not found"))
        return reply({**row.body, "_metadata": {"self": call.path}}, records=1)

    def count(self, call: Call) -> Answer:
        """How many there are."""
        count = self.kind("contacts").count()
        return reply({"contact_count": count, "billable_count": count})

    # jobs ----------------------------------------------------------------------------------------------------

    def put(self, call: Call) -> Answer:
        """Make or change contacts by their identifiers; one that is invalid refuses the whole list."""
        given = call.json()
        contacts = given.get("contacts") or []
        if not 1 <= len(contacts) <= MOST_A_JOB:
            raise Refused(self.refusal(400, "contacts must have 1 to 30000 elements", "contacts"))
        for place, item in enumerate(contacts):
            self.checked(item, f"contacts[{place}]")
        made = changed = 0
        for item in contacts:
            email = normal_email(item.get("email"))
            row = self.kind("contacts").first("state = 0 AND email = ?", email) if email else None
            if row is None:
                self.make("contacts", item)
                made += 1
            else:
                self.write("contacts", row, item)
                changed += 1
        results = {"requested_count": len(contacts), "created_count": made, "updated_count": changed,
                   "deleted_count": 0, "errored_count": 0}  # fmt: skip
        return reply({"job_id": self.begun("upsert_contacts", {"results": results})}, 202)

    def checked(self, item: dict[str, Any], place: str) -> None:
        """Raises the refusal of the first member that isn't taken."""
        for name, value in item.items():
            if name not in (*TEXTS, *IDENTIFIERS, "alternate_emails", "custom_fields"):
                raise Refused(self.refusal(400, "unknown field", f"{place}.{name}"))
            if name in (*TEXTS, *IDENTIFIERS) and not isinstance(value, str | None):
                raise Refused(self.refusal(400, "must be a string", f"{place}.{name}"))
        if not any(item.get(name) for name in IDENTIFIERS):
            raise Refused(self.refusal(400, "at least one identifier is required", place))
        email = item.get("email")
        if email and (not EMAIL.fullmatch(email) or self.refuses(email)):
            raise Refused(self.refusal(400, f"email '{email}' is not valid", f"{place}.email"))
        for name in item.get("custom_fields") or {}:
            if name not in self.fields:
                raise Refused(self.refusal(400, f"invalid custom field id: {name}", f"{place}.custom_fields"))

    def begun(self, kind: str, more: dict[str, Any]) -> str:
        """A job, which is done when it is first asked for."""
        identifier, now = random_uuid(self.chance), iso_utc(self.clock.ms())
        status = "ready" if kind == "contacts_export" else "completed"
        self.jobs[identifier] = {"id": identifier, "status": status, "job_type": kind, "started_at": now,
                                 "finished_at": now, **more}  # fmt: skip
        return identifier

    def job(self, call: Call) -> Answer:
        """How a job stands."""
        job = self.jobs.get(call.params["id"])
        if job is None:
            raise Refused(self.refusal(404, "job not found"))
        hidden = ("started_at", "finished_at", "job_type") if job["job_type"] == "contacts_export" else ()
        return reply({name: value for name, value in job.items() if name not in hidden})

    def export(self, call: Call) -> Answer:
        """Every contact, in a file that is packed and lies elsewhere."""
        given = call.json()
        if given.get("file_type", "csv") != "json":
            raise Refused(self.refusal(400, "only json is played here", "file_type"))
        rows = self.kind("contacts").raw("state = 0")
        name = f"{random_uuid(self.chance)}.json.gzip"
        lines = b"\n".join(row[3] if isinstance(row[3], bytes) else row[3].encode() for row in rows)
        self.files[name] = gzip.compress(lines, 1)
        now = self.clock.ms()
        told = {"urls": [f"{self.url}/files/{name}?X-Amz-Signature={self.chance.getrandbits(64):016x}"],
                "created_at": iso_utc(now), "updated_at": iso_utc(now), "completed_at": iso_utc(now),
                "expires_at": iso_utc(now + 259_200_000), "contact_count": len(rows)}  # fmt: skip
        return reply(
            {"id": self.begun("contacts_export", told), "_metadata": {"self": ""}}, 202, records=len(rows)
        )

    def file(self, call: Call) -> Answer:
        """A file of an export."""
        content = self.files.get(call.params["name"])
        return Answer(404) if content is None else Answer(200, content, {}, "application/gzip")

    def drop(self, call: Call) -> Answer:
        """Delete contacts by ids, or all."""
        everyone = call.arg("delete_all_contacts") == "true"
        ids = (
            [row.id for row in self.kind("contacts").rows("state = 0")]
            if everyone
            else call.arg("ids").split(",")
        )
        for identifier in ids:
            row = self.kind("contacts").live(identifier)
            if row is not None:
                self.remove("contacts", row)
        return reply({"job_id": self.begun("delete_contacts", {"results": {"deleted_count": len(ids)}})}, 202)

    # fields --------------------------------------------------------------------------------------------------

    def definitions(self, call: Call) -> Answer:
        """The account's own fields and those that everybody has."""
        reserved = [{"id": f"_rf{n}_T", "name": name, "field_type": "Text", "read_only": False}
                    for n, name in enumerate(("email", *TEXTS))]  # fmt: skip
        return reply({"custom_fields": list(self.fields.values()), "reserved_fields": reserved,
                      "_metadata": {"self": ""}})  # fmt: skip

    def define(self, call: Call) -> Answer:
        """A new field; its name is its own only once."""
        given = call.json()
        name, kind = str(given.get("name") or ""), given.get("field_type")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", name) or kind not in KINDS:
            raise Refused(self.refusal(400, "name or field_type is not valid", "name"))
        if any(field["name"].lower() == name.lower() for field in self.fields.values()):
            raise Refused(self.refusal(400, "a field with this name exists", "name"))
        identifier = f"e{len(self.fields) + 1}_{KINDS[kind]}"
        self.fields[identifier] = {"id": identifier, "name": name, "field_type": kind}
        self.store.writes += 1
        return reply({**self.fields[identifier], "_metadata": {"self": ""}})

    def happened(self, kind: str, row: Row, what: str) -> None:
        """Nobody is told of changes of contacts."""

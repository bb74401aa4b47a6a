"""Klaviyo: profiles in JSON:API, one by one and by jobs for lists, and what they are subscribed to."""

import random
import re
from typing import Any
from urllib.parse import urlencode

import orjson

from . import business
from .clock import iso_s, parse_ms
from .conditions import Conditions, ordered
from .cursors import Cursors
from .desk import Desk
from .ids import random_uuid
from .limits import Windows
from .names import EMAIL
from .oauth import Granted, Grants
from .ordinary import Ordinary
from .seed import Soul, View, viewed
from .state import LIVE, Row, normal_email, normal_phone
from .wire import Answer, Call, Refused, reply

JSON_API = "application/vnd.api+json"
ACCOUNT = "Vk3sRl"
SCOPES = (
    "accounts:read",
    "profiles:read",
    "profiles:write",
    "lists:read",
    "subscriptions:write",
    "events:read",
    "events:write",
    "metrics:read",
)
MOST_A_JOB, MOST_SUBSCRIBED, MOST_EVENTS = 10_000, 1000, 1000
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
EPOCH = 1_700_000_000_000
TEXTS = ("external_id", "first_name", "last_name", "organization", "locale", "title", "image")
ATTRIBUTES = ("email", "phone_number", *TEXTS, "location", "properties", "_kx")
PLACES = (
    "address1",
    "address2",
    "city",
    "country",
    "latitude",
    "longitude",
    "region",
    "zip",
    "timezone",
    "ip",
)
PROFILES, BULK, ACCOUNTS = (75, 750), (10, 150), (1, 15)
"""Calls a second and a minute: L, M and XS."""
E164 = re.compile(r"\+[1-9]\d{6,14}")
TERM = re.compile(r"([a-z-]+)\(([\w.]+),(\[[^\]]*\]|\"(?:[^\"\\]|\\.)*\"|[^)]*)\)(?:,|$)")
SORTED_BY = {"id": "seq", "created": "created", "updated": "updated", "email": "email"}


def ulid(ms: int, chance: random.Random) -> str:
    """26 letters: a moment and 80 bits of chance."""
    value = ms << 80 | chance.getrandbits(80)
    return "".join(LETTERS[value >> shift & 31] for shift in range(125, -1, -5))


class Klaviyo(Granted, Ordinary):
    """Klaviyo on one port."""

    name = "klaviyo"
    kinds = ("profiles", "events")
    people_kind = "profiles"
    person_fields = ("first", "last", "email", "phone")
    authorize_path = "/oauth/authorize"

    def begin(self) -> None:
        """A private key and an app."""
        self.grants = Grants(self.clock, self.chance, "", "", 3600.0, client_id=random_uuid(self.chance))
        self.grants.client_secret = self.grants.secret(48)
        self.renew()
        self.desk = Desk(
            self, self.grants, authorize="/oauth/authorize", token="/oauth/token", revoke="/oauth/revoke",
            scopes=SCOPES, basic=True,
        )  # fmt: skip
        self.resources = (self.desk,)
        self.cursors = Cursors(self.clock, 86_400.0)
        self.jobs: dict[str, dict[str, Any]] = {}
        self.metrics: dict[str, str] = {}
        self.bursts = {
            name: (Windows(self.clock, most[0], 1.0), Windows(self.clock, most[1], 60.0))
            for name, most in (("profiles", PROFILES), ("bulk", BULK), ("accounts", ACCOUNTS))
        }

    def route(self) -> None:
        """The paths of `/api`; a slash may stand behind them."""
        super().route()
        add = self.routes.add
        add("GET", "/api/accounts", self.accounts)
        add("GET", "/api/profiles", self.listed)
        add("POST", "/api/profiles", self.add)
        add("GET", "/api/profiles/{id}", lambda call: self.one(call, self.found(call)))
        add("PATCH", "/api/profiles/{id}", self.change)
        add("POST", "/api/profile-import", self.upsert)
        add("POST", "/api/profile-merge", self.merge)
        add("GET", "/api/metrics", self.list_metrics)
        add("GET", "/api/events", self.list_events)
        add("POST", "/api/events", self.add_event)
        add("POST", "/api/event-bulk-create-jobs", self.add_events)
        add("POST", "/api/profile-bulk-import-jobs", self.begin_job)
        add(
            "GET",
            "/api/profile-bulk-import-jobs/{id}",
            lambda call: self.document(call, self.job(call)["data"]),
        )
        add("GET", "/api/profile-bulk-import-jobs/{id}/profiles", self.job_profiles)
        add("GET", "/api/profile-bulk-import-jobs/{id}/import-errors", self.job_errors)
        add(
            "POST",
            "/api/profile-subscription-bulk-create-jobs",
            lambda call: self.subscribe(call, "SUBSCRIBED"),
        )
        add(
            "POST",
            "/api/profile-subscription-bulk-delete-jobs",
            lambda call: self.subscribe(call, "UNSUBSCRIBED"),
        )

    # who is let in, and what is said when something is wrong -------------------------------------------------

    def answer(self, call: Call) -> Answer:
        """The SDK writes a slash behind a path."""
        if len(call.path) > 1:
            call.path = call.path.rstrip("/")
        answer = super().answer(call)
        if call.path.startswith("/api/") and answer.content_type == "application/json":
            answer.content_type = JSON_API
        return answer

    def admit(self, call: Call) -> dict[str, str]:
        """A private key, or an app's token; a revision; and two windows for each kind of call."""
        if self.desk.outside(call):
            return {}
        scheme, token = call.authorization()
        known = scheme in ("klaviyo-api-key", "bearer") and self.grants.check(token) == "ok"
        if not known:
            words = "Missing or invalid authorization. Please provide a valid API key or OAuth access token."
            raise Refused(
                self.refusal(401, "not_authenticated", "Authentication credentials were not valid.", words)
            )
        if not re.fullmatch(r"20\d\d-\d\d-\d\d(\.pre)?", call.headers.get("revision", "")):
            words = "Missing or malformed revision header."
            raise Refused(self.refusal(400, "invalid", "Invalid input.", words))
        if call.method in ("POST", "PATCH") and "json" not in call.headers.get("content-type", ""):
            words = f"Unsupported media type. Please use {JSON_API}."
            raise Refused(self.refusal(415, "unsupported_media_type", "Unsupported media type.", words))
        if not self.setting.limits:
            return {}
        group = "accounts" if call.path == "/api/accounts" else "bulk" if "bulk" in call.path else "profiles"
        burst, steady = (windows.of(token) for windows in self.bursts[group])
        if not burst.take() or not steady.take():
            refused = self.trouble(429, max(burst.wait, steady.wait, 1.0))
            raise Refused(refused)
        return {
            "RateLimit-Limit": f"{steady.limit}, {burst.limit};w=1, {steady.limit};w=60",
            "RateLimit-Remaining": str(steady.left), "RateLimit-Reset": str(max(1, round(steady.wait))),
        }  # fmt: skip

    def refusal(
        self,
        status: int,
        code: str,
        title: str,
        detail: str,
        pointer: str = "",
        more: dict[str, Any] | None = None,
    ) -> Answer:
        """An error in the form of JSON:API."""
        error = {
            "id": random_uuid(self.chance), "status": status, "code": code, "title": title, "detail": detail,
            "source": {"pointer": pointer or "/data/"}, "links": {}, "meta": more or {},
        }  # fmt: skip
        return reply({"errors": [error]}, status)

    def invalid(self, detail: str, pointer: str = "") -> Refused:
        """400 for a value that isn't taken."""
        return Refused(self.refusal(400, "invalid", "Invalid input.", detail, pointer))

    def missing(self, known: bool) -> Answer:
        """404; 405 for another method."""
        if known:
            return self.refusal(
                405, "method_not_allowed", "Method not allowed.", "This method is not allowed."
            )
        return self.refusal(404, "not_found", "Not found.", "The path you requested could not be found.")

    def failure(self, status: int) -> Answer:
        """429 and the errors of a server."""
        if status == 429:
            words = "Request was throttled. Expected available in 1 second."
            return self.refusal(429, "throttled", "Request was throttled.", words)
        return self.refusal(status, "error", "Server error.", "A server error occurred.")

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON or has another shape."""
        return self.refusal(400, "invalid", "Invalid input.", "The payload provided could not be parsed.")

    def credentials(self) -> dict[str, Any]:
        """A private key; an app for those who prefer OAuth."""
        app = {"client_id": self.grants.client_id, "client_secret": self.grants.client_secret}
        return {"api_key": self.api_key, "alternatives": {"app": app}}

    def renew(self) -> None:
        """A new private key."""
        self.api_key = f"pk_{self.chance.getrandbits(136):034x}"
        self.grants.permanent.add(self.api_key)

    # a profile -----------------------------------------------------------------------------------------------

    def form(self, soul: Soul, draw: int) -> dict[str, Any]:
        """As a sign-up form sends it."""
        consent = (
            "UNSUBSCRIBED" if soul.trait == "unsubscribed" else ("SUBSCRIBED", "NEVER_SUBSCRIBED")[draw % 2]
        )
        return {
            "email": (soul.email or "").lower() or None, "phone_number": f"+{soul.phone}" if soul.phone else None,
            "first_name": soul.first, "last_name": soul.last or None, "locale": "en-GB" if draw % 3 else None,
            "properties": {"Favourite drink": ("tea", "coffee", "cocoa")[draw % 3]} if draw % 4 == 0 else {},
            "consent": consent,
        }  # fmt: skip

    def identify(self, kind: str, seq: int, chance: random.Random) -> str:
        """A ULID that grows with the number."""
        return ulid(EPOCH + seq * 1000, chance)

    def whole(self, kind: str, identifier: str, fields: dict[str, Any], created: int) -> dict[str, Any]:
        """Every attribute, those that were not given as null."""
        body: dict[str, Any] = dict.fromkeys(("email", "phone_number", *TEXTS))
        body |= {
            "created": iso_s(created), "updated": iso_s(created), "last_event_date": None,
            "location": dict.fromkeys(PLACES[:-1]), "properties": {}, "consent": "NEVER_SUBSCRIBED",
        }  # fmt: skip
        return self.merged(kind, body, fields)

    def stamped(self, kind: str, body: dict[str, Any], updated: int) -> None:
        """Whole seconds."""
        body["updated"] = iso_s(updated)

    def person(self, body: dict[str, Any]) -> View:
        """For the truth."""
        return viewed(body["first_name"], body["last_name"], body["email"], body["phone_number"])

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Two attributes."""
        return {"first_name": first, "last_name": last}

    def view(self, kind: str, row: Row) -> Any:
        """As an answer shows it, subscriptions too."""
        if kind == "events":
            return row.body
        return self.shown(row, subscriptions=True)

    def shown(self, row: Row, *, subscriptions: bool) -> dict[str, Any]:
        """A profile as a resource of JSON:API."""
        attributes = {name: value for name, value in row.body.items() if name != "consent"}
        if subscriptions:
            attributes["subscriptions"] = self.subscriptions(row)
        return {
            "type": "profile", "id": row.id, "attributes": attributes, "relationships": {},
            "links": {"self": f"{self.url}/api/profiles/{row.id}/"},
        }  # fmt: skip

    def subscriptions(self, row: Row) -> dict[str, Any]:
        """What somebody is subscribed to."""
        consent = row.body["consent"]
        stamp = row.body["updated"] if consent != "NEVER_SUBSCRIBED" else None
        email = {
            "can_receive_email_marketing": consent != "UNSUBSCRIBED", "consent": consent, "consent_timestamp": stamp,
            "last_updated": stamp, "method": None, "method_detail": None, "custom_method_detail": None,
            "double_optin": None, "suppression": [], "list_suppressions": [],
        }  # fmt: skip
        sms = {
            "can_receive_sms_marketing": False, "consent": "NEVER_SUBSCRIBED", "consent_timestamp": None,
            "method": None, "method_detail": None, "last_updated": None,
        }  # fmt: skip
        return {"email": {"marketing": email}, "sms": {"marketing": sms}}

    def document(self, call: Call, data: Any, status: int = 200) -> Answer:
        """A document of JSON:API."""
        return reply({"data": data, "links": {"self": self.url + call.path}}, status)

    def wants_subscriptions(self, call: Call) -> bool:
        """Whether the call asks for them."""
        return "subscriptions" in call.arg("additional-fields[profile]").split(",")

    def one(self, call: Call, row: Row, status: int = 200) -> Answer:
        """One profile."""
        answer = self.document(call, self.shown(row, subscriptions=self.wants_subscriptions(call)), status)
        answer.records = 1
        return answer

    def found(self, call: Call) -> Row:
        """The profile of a path, else 404."""
        row = self.kind("profiles").live(call.params["id"])
        if row is None:
            words = f"A profile with id {call.params['id']} does not exist."
            raise Refused(self.refusal(404, "not_found", "Not found.", words))
        return row

    # reading -------------------------------------------------------------------------------------------------

    def page_mark(self, call: Call) -> str | None:
        """Lists of profiles go by cursor."""
        return call.arg("page[cursor]") if call.method == "GET" and call.path == "/api/profiles" else None

    def disturb(self, call: Call) -> None:
        """The profile that changed first is now the one that changed last."""
        found = self.kind("profiles").rows("state = 0", (), "ORDER BY updated LIMIT 1")
        for row in found:
            row.touch(self.clock.ms())
            self.stamped("profiles", row.body, row.updated)
            self.kind("profiles").put(row)

    def asked_for(self, call: Call) -> Conditions:
        """The filter, term by term."""
        conditions = Conditions("state = 0")
        text = call.arg("filter")
        read = 0
        for match in TERM.finditer(text):
            if match.start() != read:
                break
            read = match.end()
            self.term(conditions, *match.groups())
        if read != len(text):
            raise self.invalid(f"Invalid filter provided: {text}")
        return conditions

    def term(self, conditions: Conditions, operator: str, field: str, value: str) -> None:
        """One term of a filter."""
        columns = {"id": "id", "email": "email", "phone_number": "phone", "external_id": "ref",
                   "created": "created", "updated": "updated"}  # fmt: skip
        column = columns.get(field)
        if column is None:
            raise self.invalid(f"'{field}' is not a filterable field for the resource 'profile'.")
        if operator in ("greater-than", "less-than") and column in ("created", "updated"):
            moment = parse_ms(value.strip('"'))
            if moment is None:
                raise self.invalid(f"Invalid datetime in filter: {value}")
            # Both are kept in milliseconds and told in seconds; what is compared is what is told.
            sign = ">" if operator == "greater-than" else "<"
            conditions.add(f"{column} / 1000 {sign} ?", moment // 1000)
            return
        normal = {"email": normal_email, "phone": normal_phone}.get(column, str)
        if operator == "equals" and column not in ("created", "updated"):
            conditions.add(f"{column} = ?", normal(orjson.loads(value) if value.startswith('"') else value))
        elif operator == "any" and column not in ("created", "updated"):
            conditions.one_of(column, [normal(each) for each in orjson.loads(value)])
        else:
            raise self.invalid(f"'{operator}' is not a supported filter for the field '{field}'.")

    def listed(self, call: Call) -> Answer:
        """A page by a column and the place in it."""
        size = call.number("page[size]", 20, 1)
        if size > 100:
            raise self.invalid("'page[size]' must be less than or equal to 100.", "page[size]")
        sort = call.arg("sort") or "id"
        down, column = sort.startswith("-"), SORTED_BY.get(sort.lstrip("-"))
        if column is None:
            raise self.invalid(f"'{sort}' is not a sortable field for the resource 'profile'.", "sort")
        conditions = self.asked_for(call)
        if call.arg("page[cursor]"):
            try:
                value, seq = self.cursors.read(call.arg("page[cursor]"), 2)
            except ValueError:
                raise self.invalid("The page cursor is not valid.", "page[cursor]") from None
            conditions.add(f"({column}, seq) {'<' if down else '>'} (?, ?)", value, seq)
        rows = self.kind("profiles").rows(
            conditions.where, (*conditions.values, size + 1), f"{ordered(column, down)} LIMIT ?"
        )
        links = {"self": f"{self.url}{call.path}/"}
        if len(rows) > size:
            last = rows[size - 1]
            mark = {"seq": last.seq, "created": last.created, "updated": last.updated, "email": last.email}[
                column
            ]
            links["next"] = self.address(call, self.cursors.make(mark, last.seq))
        wanted = self.wants_subscriptions(call)
        shown = [self.shown(row, subscriptions=wanted) for row in rows[:size]]
        return reply({"data": shown, "links": links}, records=len(shown))

    def address(self, call: Call, cursor: str) -> str:
        """The address of the next page: this one, with a cursor."""
        query = {name: values[-1] for name, values in call.query.items()} | {"page[cursor]": cursor}
        return f"{self.url}{call.path}/?{urlencode(query)}"

    def accounts(self, call: Call) -> Answer:
        """The account of the key."""
        place = {"address1": business.STREET, "address2": None, "city": business.TOWN, "region": None,
                 "country": "United Kingdom", "zip": business.POSTCODE}  # fmt: skip
        attributes = {
            "test_account": False, "industry": "Food & Beverage", "timezone": business.TIMEZONE,
            "preferred_currency": business.CURRENCY, "public_api_key": ACCOUNT, "locale": "en-GB",
            "contact_information": {
                "default_sender_name": business.NAME, "default_sender_email": business.EMAIL,
                "website_url": "https://kestrelrye.co.uk", "organization_name": business.NAME,
                "street_address": place,
            },
        }  # fmt: skip
        item = {"type": "account", "id": ACCOUNT, "attributes": attributes,
                "links": {"self": f"{self.url}/api/accounts/{ACCOUNT}/"}}  # fmt: skip
        return self.document(call, [item])

    # writing -------------------------------------------------------------------------------------------------

    def checked(self, given: dict[str, Any]) -> dict[str, Any]:
        """Attributes that may be written; raises the refusal of the first that may not."""
        for name, value in given.items():
            pointer = f"/data/attributes/{name}"
            if name not in ATTRIBUTES:
                raise self.invalid(f"'{name}' is not a valid field for the resource 'profile'.", pointer)
            if name == "location":
                unknown = set(value or {}) - set(PLACES)
                if unknown:
                    raise self.invalid(f"'{min(unknown)}' is not a valid field for 'location'.", pointer)
            elif name == "properties":
                if not isinstance(value, dict | None):
                    raise self.invalid("'properties' must be an object.", pointer)
            elif not isinstance(value, str | None):
                raise self.invalid(f"'{name}' must be a string.", pointer)
        email, phone = given.get("email"), given.get("phone_number")
        if email and (not EMAIL.fullmatch(email.strip()) or self.refuses(email)):
            raise self.invalid("Invalid email address", "/data/attributes/email")
        if phone and not E164.fullmatch(phone):
            raise self.invalid(
                "Invalid phone number format (Example of a valid format: +12345678901)",
                "/data/attributes/phone_number",
            )
        return {name: value for name, value in given.items() if name != "_kx"}

    def same(self, given: dict[str, Any], identifier: str | None = None) -> Row | None:
        """The profile that these attributes are of: by id, own id, address or number."""
        kind = self.kind("profiles")
        if identifier:
            return kind.live(identifier)
        for column, value in (
            ("ref", given.get("external_id")),
            ("email", normal_email(given.get("email"))),
            ("phone", normal_phone(given.get("phone_number"))),
        ):
            row = kind.first(f"state = 0 AND {column} = ?", value) if value else None
            if row is not None:
                return row
        return None

    def mark(self, kind: str, row: Row) -> None:
        """The customer's own id too."""
        super().mark(kind, row)
        row.ref = row.body["external_id"]

    def clashing(self, row: Row, given: dict[str, Any]) -> Row | None:
        """Another profile that has the address or the number that this one shall have."""
        for name in ("email", "phone_number", "external_id"):
            other = self.same({name: given.get(name)}) if given.get(name) else None
            if other is not None and other.id != row.id:
                return other
        return None

    def duplicate(self, other: Row) -> Refused:
        """409 that names the profile."""
        words = "A profile already exists with one of these identifiers."
        return Refused(
            self.refusal(409, "duplicate_profile", "Conflict.", words, "/data/attributes",
                         {"duplicate_profile_id": other.id})
        )  # fmt: skip

    def attributes(self, call: Call) -> tuple[str | None, dict[str, Any]]:
        """The id and the attributes of the one resource in a body."""
        data = call.json()["data"]
        if data.get("type") != "profile":
            raise self.invalid("The 'type' of the resource must be 'profile'.", "/data/type")
        return data.get("id"), self.checked(data.get("attributes") or {})

    def add(self, call: Call) -> Answer:
        """A new profile; 409 where there is one like it."""
        _, given = self.attributes(call)
        if not any(given.get(name) for name in ("email", "phone_number", "external_id")):
            raise self.invalid("One of email, phone_number or external_id must be given.", "/data/attributes")
        other = self.same(given)
        if other is not None:
            raise self.duplicate(other)
        return self.one(call, self.make("profiles", given), 201)

    def change(self, call: Call) -> Answer:
        """A part of a profile."""
        row = self.found(call)
        _, given = self.attributes(call)
        other = self.clashing(row, given)
        if other is not None:
            raise self.duplicate(other)
        return self.one(call, self.write("profiles", row, given))

    def upsert(self, call: Call) -> Answer:
        """A new profile, or a part of the one that is there."""
        identifier, given = self.attributes(call)
        row = self.same(given, identifier)
        if row is None:
            return self.one(call, self.make("profiles", given), 201)
        return self.one(call, self.write("profiles", row, given))

    def merge(self, call: Call) -> Answer:
        """One profile becomes part of another."""
        data = call.json()["data"]
        source = data["relationships"]["profiles"]["data"][0]["id"]
        self.control_merge("profiles", str(data["id"]), str(source))
        link = {"self": f"{self.url}/api/profile-merge/"}
        return reply({"data": {"type": "profile-merge", "id": data["id"], "links": link}, "links": link}, 202)

    def control_merge(self, kind: str, winner: str, loser: str) -> Any:
        """The loser vanishes; what only it had goes over."""
        kept, lost = self.kind(kind).live(winner), self.kind(kind).live(loser)
        if kept is None or lost is None:
            raise Refused(
                self.refusal(404, "not_found", "Not found.", "A profile with this id does not exist.")
            )
        gaps = {name: lost.body[name] for name in ("email", "phone_number", *TEXTS) if not kept.body[name]}
        self.remove(kind, lost)
        return self.view(kind, self.write(kind, kept, {name: value for name, value in gaps.items() if value}))

    # jobs ----------------------------------------------------------------------------------------------------

    def begin_job(self, call: Call) -> Answer:
        """Take a list of profiles; each is made or changed for itself, and what was refused is told afterwards."""
        profiles = call.json()["data"]["attributes"]["profiles"]["data"]
        if not 1 <= len(profiles) <= MOST_A_JOB:
            raise self.invalid(f"A job takes 1 to {MOST_A_JOB} profiles.", "/data/attributes/profiles")
        if len(call.body) > 5 * 2**20:
            raise self.invalid("The payload must not be larger than 5 MB.")
        done: list[str] = []
        errors: list[dict[str, Any]] = []
        for number, item in enumerate(profiles):
            try:
                done.append(self.take(item))
            except Refused as refused:
                errors.append(self.import_error(number, item, refused.answer.json()["errors"][0]))
        identifier = self.chance.getrandbits(80).to_bytes(10).hex()
        now = iso_s(self.clock.ms())
        attributes = {
            "status": "queued", "created_at": now, "started_at": None, "completed_at": None,
            "expires_at": iso_s(self.clock.ms() + 7 * 86_400_000), "total_count": len(profiles),
            "completed_count": 0, "failed_count": 0,
        }  # fmt: skip
        data = {"type": "profile-bulk-import-job", "id": identifier, "attributes": attributes, "relationships": {},
                "links": {"self": f"{self.url}/api/profile-bulk-import-jobs/{identifier}/"}}  # fmt: skip
        answer = self.document(call, data, 202)
        finished = {"status": "complete", "started_at": now, "completed_at": now, "completed_count": len(done),
                    "failed_count": len(errors)}  # fmt: skip
        self.jobs[identifier] = {
            "data": {**data, "attributes": {**attributes, **finished}}, "profiles": list(dict.fromkeys(done)),
            "errors": errors,
        }  # fmt: skip
        return answer

    def take(self, item: dict[str, Any]) -> str:
        """One profile of a job; answers its id."""
        given = self.checked(item.get("attributes") or {})
        identifier = item.get("id")
        row = self.same(given, identifier)
        if identifier and row is None:
            words = f"A profile with id {identifier} does not exist."
            raise Refused(self.refusal(404, "not_found", "Not found.", words, "/data/id"))
        if row is None:
            if not any(given.get(name) for name in ("email", "phone_number", "external_id")):
                raise self.invalid(
                    "One of email, phone_number or external_id must be given.", "/data/attributes"
                )
            return self.make("profiles", given).id
        other = self.clashing(row, given)
        if other is not None:
            raise self.duplicate(other)
        return self.write("profiles", row, given).id

    def import_error(self, number: int, item: dict[str, Any], error: dict[str, Any]) -> dict[str, Any]:
        """What became of a profile that was refused."""
        at = str(error["source"]["pointer"]).removeprefix("/data")
        attributes = {
            "code": error["code"], "title": error["title"], "detail": error["detail"],
            "source": {"pointer": f"/data/attributes/profiles/data/{number}{at}"}, "original_payload": item,
        }  # fmt: skip
        return {"type": "import-error", "id": random_uuid(self.chance), "attributes": attributes}

    def job(self, call: Call) -> dict[str, Any]:
        """The job of a path, else 404."""
        found = self.jobs.get(call.params["id"])
        if found is None:
            words = "A profile-bulk-import-job with this id does not exist."
            raise Refused(self.refusal(404, "not_found", "Not found.", words))
        return found

    def piece(self, call: Call, rows: list[Any]) -> tuple[list[Any], dict[str, str]]:
        """A page of a list that lies in memory, with its links."""
        size = min(call.number("page[size]", 20, 1), 100)
        start = int(self.cursors.read(call.arg("page[cursor]"), 1)[0]) if call.arg("page[cursor]") else 0
        links = {"self": f"{self.url}{call.path}/"}
        if start + size < len(rows):
            links["next"] = self.address(call, self.cursors.make(start + size))
        return rows[start : start + size], links

    def job_profiles(self, call: Call) -> Answer:
        """The profiles that a job has made or changed."""
        ids, links = self.piece(call, self.job(call)["profiles"])
        wanted = self.wants_subscriptions(call)
        rows = (self.kind("profiles").live(identifier) for identifier in ids)
        shown = [self.shown(row, subscriptions=wanted) for row in rows if row is not None]
        return reply({"data": shown, "links": links})

    def job_errors(self, call: Call) -> Answer:
        """What a job has refused."""
        errors, links = self.piece(call, self.job(call)["errors"])
        return reply({"data": errors, "links": links})

    def subscribe(self, call: Call, consent: str) -> Answer:
        """Subscribe people, or unsubscribe them; those who are unknown are made."""
        profiles = call.json()["data"]["attributes"]["profiles"]["data"]
        if not 1 <= len(profiles) <= MOST_SUBSCRIBED:
            raise self.invalid(f"A job takes 1 to {MOST_SUBSCRIBED} profiles.", "/data/attributes/profiles")
        for item in profiles:
            given = {name: item["attributes"].get(name) for name in ("email", "phone_number")}
            row = self.same(self.checked(given), item.get("id"))
            if row is None:
                self.make("profiles", {**given, "consent": consent})
            elif row.state == LIVE:
                self.write("profiles", row, {"consent": consent})
        return Answer(202, b"", content_type=JSON_API)

    # events --------------------------------------------------------------------------------------------------

    def list_metrics(self, call: Call) -> Answer:
        """What kinds of events there are."""
        data = [
            {"type": "metric", "id": identifier, "attributes": {"name": name},
             "links": {"self": f"{self.url}/api/metrics/{identifier}/"}}
            for name, identifier in self.metrics.items()
        ]  # fmt: skip
        return self.document(call, data)

    def list_events(self, call: Call) -> Answer:
        """Events, the newest first; of a profile or a metric where the filter says so."""
        conditions = Conditions("state = 0")
        for operator, field, value in TERM.findall(call.arg("filter")):
            if operator != "equals" or field not in ("profile_id", "metric_id"):
                raise self.invalid(f"'{operator}' is not a supported filter for the field '{field}'.")
            column = (
                "ref" if field == "profile_id" else "json_extract(body, '$.relationships.metric.data.id')"
            )
            conditions.add(f"{column} = ?", value.strip('"'))
        rows = self.kind("events").rows(
            conditions.where,
            (*conditions.values, call.number("page[size]", 200, 1)),
            "ORDER BY seq DESC LIMIT ?",
        )
        shown = [{k: v for k, v in row.body.items() if k not in ("mark", "metric_name")} for row in rows]
        return reply({"data": shown, "links": {"self": self.url + call.path}})

    def add_event(self, call: Call) -> Answer:
        """One event."""
        given = call.json()["data"]
        profile = given["attributes"].get("profile") or {}
        self.keep_event(*self.checked_event(given, profile, "/data/attributes"))
        return Answer(202, b"", content_type=JSON_API)

    def add_events(self, call: Call) -> Answer:
        """Events of several profiles: all are looked through before one is taken."""
        items = call.json()["data"]["attributes"]["events-bulk-create"]["data"]
        found: list[tuple[Row | None, dict[str, Any], dict[str, Any]]] = []
        seen: set[tuple[str, str, str]] = set()
        for number, item in enumerate(items):
            at = f"/data/attributes/events-bulk-create/data/{number}/attributes"
            profile = item["attributes"]["profile"]
            for place, event in enumerate(item["attributes"]["events"]["data"]):
                found.append(self.checked_event(event, profile, f"{at}/events/data/{place}/attributes"))
                given = event["attributes"]
                if given.get("unique_id"):
                    name = given["metric"]["data"]["attributes"]["name"]
                    mark = (str(profile["data"]), name, given["unique_id"])
                    if mark in seen:
                        raise self.invalid("The unique_id of each event in a request must be unique.", at)
                    seen.add(mark)
        if not 1 <= len(found) <= MOST_EVENTS:
            raise self.invalid(f"A job takes 1 to {MOST_EVENTS} events.", "/data/attributes")
        if len(call.body) > 5 * 2**20:
            raise self.invalid("The payload must not be larger than 5 MB.")
        for row, profile, given in found:
            self.keep_event(row, profile, given)
        return Answer(202, b"", content_type=JSON_API)

    def checked_event(
        self, event: dict[str, Any], profile: dict[str, Any], at: str
    ) -> tuple[Row | None, dict[str, Any], dict[str, Any]]:
        """The profile of an event, if there is one, what is said of it, and the event; raises a refusal."""
        given = event.get("attributes") or {}
        if event.get("type") != "event" or not isinstance(given.get("properties"), dict):
            raise self.invalid(
                "'properties' is a required field for the resource 'event'.", f"{at}/properties"
            )
        metric = ((given.get("metric") or {}).get("data") or {}).get("attributes") or {}
        if not metric.get("name"):
            raise self.invalid("'metric' is a required field for the resource 'event'.", f"{at}/metric")
        if given.get("time") is not None and parse_ms(str(given["time"])) is None:
            raise self.invalid("'time' must be a datetime.", f"{at}/time")
        if not isinstance(given.get("value"), int | float | None) or isinstance(given.get("value"), bool):
            raise self.invalid("'value' must be a number.", f"{at}/value")
        whose = profile.get("data") or {}
        if whose.get("type") != "profile":
            raise self.invalid("'profile' is a required field for the resource 'event'.", f"{at}/profile")
        attributes = self.checked(whose.get("attributes") or {})
        row = self.same(attributes, whose.get("id"))
        named = any(attributes.get(name) for name in ("email", "phone_number", "external_id"))
        if row is None and (whose.get("id") or not named):
            raise self.invalid("The profile of an event must be identified.", f"{at}/profile")
        return row, attributes, given

    def keep_event(self, row: Row | None, attributes: dict[str, Any], given: dict[str, Any]) -> None:
        """Write an event down, unless the profile has it already by its unique id; without one, by its second."""
        row = row or self.make("profiles", attributes)
        at = parse_ms(str(given.get("time") or "")) or self.clock.ms()
        name = given["metric"]["data"]["attributes"]["name"]
        metric = self.metrics.setdefault(name, f"M{len(self.metrics):05d}")
        mark = f"{metric}:{given.get('unique_id') or at // 1000}"
        known = "ref = ? AND json_extract(body, '$.mark') = ?"
        if self.kind("events").first(known, row.id, mark) is not None:
            return
        identifier = random_uuid(self.chance)
        properties = given["properties"] | (
            {"$value": given["value"]} if given.get("value") is not None else {}
        )
        body = {
            "type": "event", "id": identifier, "mark": mark, "metric_name": name,
            "attributes": {"timestamp": at // 1000, "event_properties": properties, "datetime": iso_s(at),
                           "uuid": identifier},
            "relationships": {"profile": {"data": {"type": "profile", "id": row.id}},
                              "metric": {"data": {"type": "metric", "id": metric}}},
            "links": {"self": f"{self.url}/api/events/{identifier}/"},
        }  # fmt: skip
        now = self.clock.ms()
        self.kind("events").put(Row(None, identifier, None, None, row.id, now, now, LIVE, body))

"""Constant Contact (V3): contacts replaced as a whole, custom fields under ids, one clock for all calls."""

import random
import re
from typing import Any

from . import business
from .clock import iso_utc, parse_ms
from .conditions import Conditions
from .cursors import Cursors
from .desk import Desk
from .ids import random_uuid
from .limits import Window
from .names import EMAIL
from .oauth import Granted, Grants, Token
from .ordinary import Ordinary
from .seed import Soul, View, viewed
from .state import LIVE, Row, normal_email
from .wire import Answer, Call, Refused, reply

SCOPES = ("contact_data", "account_read", "offline_access")
A_SECOND, A_DAY = 4, 10_000
LISTED, USUAL, MOST_FIELDS, LONGEST = 500, 50, 100, 50
INCLUDED = ("custom_fields", "list_memberships", "phone_numbers", "street_addresses", "taggings", "notes")
TEXTS = ("first_name", "last_name", "job_title", "company_name")
WRITABLE = (
    *TEXTS,
    "email_address",
    "birthday_month",
    "birthday_day",
    "anniversary",
    *INCLUDED,
    "sms_channel",
)
PHONE_KINDS, PLACE_KINDS = ("home", "work", "mobile", "other", "fax"), ("home", "work", "other")
PERMISSIONS = ("implicit", "explicit", "not_set", "pending_confirmation", "temp_hold", "unsubscribed")
TYPES = (
    "string",
    "date",
    "datetime",
    "number",
    "currency",
    "boolean",
    "single_select",
    "multi_select",
    "text_area",
)
GENERAL = "07936f78-662a-11eb-af0a-fa163e56c9b0"


class ConstantContact(Granted, Ordinary):
    """One account on one port; its authorisation server shares it."""

    name = "constant-contact"
    kinds = ("contacts",)
    people_kind = "contacts"
    person_fields = ("first", "last", "email", "phone")
    needs = ("email",)
    authorize_path = "/oauth2/default/v1/authorize"
    archives = True

    def begin(self) -> None:
        """An app, and a grant that it has got."""
        self.grants = Grants(
            self.clock, self.chance, "eyJraWQi.", "", 86_400.0, client_id=random_uuid(self.chance)
        )
        self.grants.client_secret = self.grants.secret(22)
        self.first: Token = self.grants.issue(list(SCOPES), rotates=True)
        self.desk = Desk(
            self, self.grants, authorize="/oauth2/default/v1/authorize", token="/oauth2/default/v1/token",
            scopes=SCOPES, public=True, rotates=True,
        )  # fmt: skip
        self.resources = (self.desk,)
        self.cursors = Cursors(self.clock, 86_400.0)
        self.second, self.day = Window(self.clock, A_SECOND, 1.0), Window(self.clock, A_DAY, 86_400.0)
        self.fields: list[dict[str, Any]] = []

    def route(self) -> None:
        """The paths of `/v3`."""
        super().route()
        add = self.routes.add
        add("GET", "/v3/account/summary", self.account)
        add("GET", "/v3/contacts", self.listed)
        add("POST", "/v3/contacts", self.add)
        add("POST", "/v3/contacts/sign_up_form", self.sign_up)
        add("GET", "/v3/contacts/{id}", lambda call: reply(self.shown(call, self.found(call)), records=1))
        add("PUT", "/v3/contacts/{id}", self.replace)
        add("DELETE", "/v3/contacts/{id}", self.drop)
        add("GET", "/v3/contact_custom_fields", self.listed_fields)
        add("POST", "/v3/contact_custom_fields", self.add_field)

    # who is let in, and what is said when something is wrong -------------------------------------------------

    def admit(self, call: Call) -> dict[str, str]:
        """A token; four calls a second and ten thousand a day, of which nothing is told."""
        if self.desk.outside(call):
            return {}
        if self.grants.check(call.bearer()) != "ok":
            raise Refused(reply({"error_key": "unauthorized", "error_message": "Unauthorized"}, 401))
        if self.setting.limits:
            if not self.day.take():
                raise Refused(reply({"error_key": "quota_exceeded", "error_message": "Quota Exceeded"}, 429))
            self.count_call(self.second)
        return {}

    def refusal(self, status: int, key: str, message: str) -> Answer:
        """Errors come as a list."""
        return reply([{"error_key": key, "error_message": message}], status)

    def invalid(self, message: str) -> Refused:
        """400 for a value that isn't taken."""
        return Refused(self.refusal(400, "contacts.api.validation.error", message))

    def missing(self, known: bool) -> Answer:
        """404; 405 for another method."""
        if known:
            return self.refusal(405, "method.not.allowed", "The method is not allowed.")
        return self.refusal(404, "contacts.api.not.found", "The resource was not found.")

    def failure(self, status: int) -> Answer:
        """429 and the errors of a server."""
        if status == 429:
            return reply({"error_key": "throttled", "error_message": "Too Many Requests"}, 429)
        return self.refusal(status, "contacts.api.internal.error", "An internal error occurred.")

    def malformed(self, call: Call) -> Answer:
        """400 for what is no JSON or has another shape."""
        return self.refusal(
            400, "contacts.api.validation.error", "The body is not valid JSON for this resource."
        )

    def credentials(self) -> dict[str, Any]:
        """The grant that the admin's app has got, and the app."""
        app = {"client_id": self.grants.client_id, "client_secret": self.grants.client_secret}
        return {
            **app, "access_token": self.first.value, "refresh_token": self.first.refresh,
            "expires_in": round((self.first.expires or 0) - self.clock.now()), "alternatives": {"app": app},
        }  # fmt: skip

    def renew(self) -> None:
        """Another grant."""
        self.first = self.grants.issue(list(SCOPES), rotates=True)

    # a contact -----------------------------------------------------------------------------------------------

    def form(self, soul: Soul, draw: int) -> dict[str, Any]:
        """As a sign-up form fills it."""
        permission = "unsubscribed" if soul.trait == "unsubscribed" else ("implicit", "explicit")[draw % 2]
        fields: dict[str, Any] = {
            "email_address": {"address": (soul.email or "").lower(), "permission_to_send": permission},
            "first_name": soul.first[:LONGEST], "list_memberships": [GENERAL],
        }  # fmt: skip
        if soul.last:
            fields["last_name"] = soul.last[:LONGEST]
        if soul.phone:
            fields["phone_numbers"] = [{"phone_number": f"+{soul.phone}", "kind": "mobile"}]
        if soul.birthday:
            fields |= {"birthday_month": int(soul.birthday[5:7]), "birthday_day": int(soul.birthday[8:10])}
        return fields

    def identify(self, kind: str, seq: int, chance: random.Random) -> str:
        """UUIDs."""
        return random_uuid(chance)

    def whole(self, kind: str, identifier: str, fields: dict[str, Any], created: int) -> dict[str, Any]:
        """A contact; what it has not is not there."""
        now = iso_utc(created)
        body = {"contact_id": identifier, "create_source": "Account", "created_at": now}
        return self.merged(
            kind, {**body, "email_address": {"created_at": now, "opt_in_source": "Account"}}, fields
        )

    def merged(self, kind: str, body: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
        """Parts get ids and times of their own; what is empty is left out."""
        found = super().merged(kind, body, part)
        now = iso_utc(self.clock.ms())
        for name, key in (("phone_numbers", "phone_number_id"), ("street_addresses", "street_address_id")):
            rows = [{"created_at": now, "updated_at": now, **row} for row in found.get(name) or []]
            found[name] = [row if key in row else {key: random_uuid(self.chance), **row} for row in rows]
        found["email_address"] = {
            "permission_to_send": "implicit",
            "confirm_status": "off",
            **found["email_address"],
        }
        return {name: value for name, value in found.items() if value not in (None, "", [])}

    def stamped(self, kind: str, body: dict[str, Any], updated: int) -> None:
        """Whole seconds."""
        body["updated_at"] = iso_utc(updated)
        body["email_address"]["updated_at"] = iso_utc(updated)
        body.setdefault("update_source", "Account")

    def person(self, body: dict[str, Any]) -> View:
        """For the truth."""
        numbers = [row["phone_number"] for row in body.get("phone_numbers", ()) if row["kind"] == "mobile"]
        return viewed(
            body.get("first_name"),
            body.get("last_name"),
            body["email_address"]["address"],
            next(iter(numbers), None),
        )

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Two members; longer ones are cut by the form."""
        return {"first_name": first[:LONGEST], "last_name": last[:LONGEST]}

    def shown(self, call: Call, row: Row) -> dict[str, Any]:
        """A contact with the parts that the call asks for."""
        wanted = call.arg("include").split(",")
        return {name: value for name, value in row.body.items() if name not in INCLUDED or name in wanted}

    def found(self, call: Call) -> Row:
        """The contact of a path, else 404."""
        row = self.kind("contacts").live(call.params["id"])
        if row is None:
            raise Refused(self.missing(False))
        return row

    def page_mark(self, call: Call) -> str | None:
        """Lists go by cursor."""
        return call.arg("cursor") if call.method == "GET" and call.path == "/v3/contacts" else None

    def disturb(self, call: Call) -> None:
        """Somebody changes the oldest contact."""
        row = self.kind("contacts").first("state = 0")
        if row is not None:
            row.touch(self.clock.ms())
            self.stamped("contacts", row.body, row.updated)
            self.kind("contacts").put(row)

    def listed(self, call: Call) -> Answer:
        """A page; a cursor holds everything that was asked for."""
        asked = {name: values[-1] for name, values in call.query.items()}
        start = 0
        if "cursor" in asked:
            try:
                start, kept = self.cursors.read(asked["cursor"], 2)
            except ValueError:
                raise self.invalid("The cursor is not valid.") from None
            asked = {**kept, **{name: value for name, value in asked.items() if name != "cursor"}}
            call.query |= {name: [value] for name, value in asked.items()}
        limit = call.number("limit", USUAL, 1)
        if limit > LISTED:
            raise self.invalid(f"limit must be less than or equal to {LISTED}")
        conditions = Conditions("seq > ?")
        conditions.values.append(start)
        statuses = [text for text in call.arg("status").split(",") if text]
        if "all" not in statuses and "deleted" not in statuses:
            conditions.add("state = ?", LIVE)
        if statuses == ["deleted"]:
            conditions.add("state != ?", LIVE)
        permissions = {"active": ("implicit", "explicit"), **{name: (name,) for name in PERMISSIONS[2:]}}
        wanted = [one for status in statuses for one in permissions.get(status, ())]
        if wanted and "all" not in statuses:
            conditions.one_of("json_extract(body, '$.email_address.permission_to_send')", wanted)
        if call.arg("email"):
            conditions.add("email = ?", normal_email(call.arg("email")))
        for name, comparison in (("updated_after", "updated >= ?"), ("updated_before", "updated < ?"),
                                 ("created_after", "created >= ?"), ("created_before", "created < ?")):  # fmt: skip
            if call.arg(name):
                moment = parse_ms(call.arg(name))
                if moment is None:
                    raise self.invalid(f"{name} is not a valid date")
                conditions.add(comparison, moment // 1000 * 1000)
        rows = self.kind("contacts").rows(
            conditions.where, (*conditions.values, limit + 1), "ORDER BY seq LIMIT ?"
        )
        document: dict[str, Any] = {"contacts": [self.shown(call, row) for row in rows[:limit]]}
        if call.arg("include_count") == "true":
            document["contacts_count"] = self.kind("contacts").count(conditions.where, conditions.values)
        if len(rows) > limit:
            cursor = self.cursors.make(rows[limit - 1].seq, asked)
            document["_links"] = {"next": {"href": f"/v3/contacts?cursor={cursor}"}}
        return reply(document, records=min(len(rows), limit))

    # writing -------------------------------------------------------------------------------------------------

    def checked(self, given: dict[str, Any], source: str) -> dict[str, Any]:
        """What may be written, in the right types; raises the refusal of the first that may not."""
        if given.get(source) not in ("Account", "Contact"):
            raise self.invalid(f"#/{source}: must be Account or Contact")
        for name, value in given.items():
            if name == source:
                continue
            if name not in WRITABLE:
                raise self.invalid(f"#/{name}: is not a known property")
            if name in TEXTS and (not isinstance(value, str) or len(value) > LONGEST):
                raise self.invalid(f"#/{name}: must be a string of at most {LONGEST} characters")
        address = given.get("email_address") or {}
        email = address.get("address")
        if email is not None and (not EMAIL.fullmatch(str(email)) or self.refuses(email)):
            raise self.invalid("#/email_address/address: Invalid email address format")
        if address.get("permission_to_send", "implicit") not in PERMISSIONS:
            raise self.invalid("#/email_address/permission_to_send: is not a known permission")
        for row in given.get("phone_numbers") or []:
            if row.get("kind") not in PHONE_KINDS or not re.fullmatch(
                r"[+()\d\s.-]{5,25}", row["phone_number"]
            ):
                raise self.invalid("#/phone_numbers: invalid phone number or kind")
        for row in given.get("street_addresses") or []:
            if row.get("kind") not in PLACE_KINDS:
                raise self.invalid("#/street_addresses/kind: must be home, work or other")
        known = {field["custom_field_id"] for field in self.fields}
        for row in given.get("custom_fields") or []:
            if row.get("custom_field_id") not in known:
                raise self.invalid(
                    f"#/custom_fields: custom field {row.get('custom_field_id')} does not exist"
                )
            if not isinstance(row.get("value", ""), str):
                raise self.invalid("#/custom_fields/value: must be a string")
        return {name: value for name, value in given.items() if name != source}

    def same(self, email: str) -> Row | None:
        """The contact with an address."""
        return self.kind("contacts").first("state = 0 AND email = ?", normal_email(email))

    def add(self, call: Call) -> Answer:
        """A new contact; 409 where the address is known."""
        given = self.checked(call.json(), "create_source")
        email = (given.get("email_address") or {}).get("address")
        if not email and "sms_channel" not in given:
            raise self.invalid("#/email_address: is required")
        if email and self.same(email) is not None:
            words = f"Validation failed: Email already exists for contact {email}"
            return self.refusal(409, "contacts.api.conflict", words)
        row = self.make("contacts", given)
        call.query["include"] = [",".join(INCLUDED)]
        return reply(self.shown(call, row), 201)

    def replace(self, call: Call) -> Answer:
        """The whole contact anew: what isn't given is emptied."""
        row = self.found(call)
        given = self.checked(call.json(), "update_source")
        email = (given.get("email_address") or {}).get("address")
        if not email:
            raise self.invalid("#/email_address/address: is required")
        other = self.same(email)
        if other is not None and other.id != row.id:
            words = f"Validation failed: Email already exists for contact {email}"
            return self.refusal(409, "contacts.api.conflict", words)
        was, wanted = row.body["email_address"], given["email_address"]
        if was["permission_to_send"] == "unsubscribed" and wanted.get("permission_to_send") != "unsubscribed":
            # Who has unsubscribed comes back by their own word only.
            given["email_address"] = {**wanted, "permission_to_send": "unsubscribed"}
        empty = dict.fromkeys(name for name in WRITABLE if name not in given)
        call.query["include"] = [",".join(INCLUDED)]
        return reply(self.shown(call, self.write("contacts", row, {**empty, **given})))

    def sign_up(self, call: Call) -> Answer:
        """A new contact, or a part of the one with this address."""
        given = call.json()
        email = str(given.get("email_address") or "")
        if not EMAIL.fullmatch(email) or self.refuses(email):
            raise self.invalid("#/email_address: Invalid email address format")
        if not given.get("list_memberships"):
            raise self.invalid("#/list_memberships: is required")
        part = {name: given[name] for name in (*TEXTS, "list_memberships", "custom_fields") if name in given}
        part["email_address"] = {"address": email.lower(), "permission_to_send": "explicit"}
        row = self.same(email)
        action = "created" if row is None else "updated"
        row = self.make("contacts", part) if row is None else self.write("contacts", row, part)
        return reply({"contact_id": row.id, "action": action}, 201 if action == "created" else 200)

    def drop(self, call: Call) -> Answer:
        """Mark as deleted."""
        self.remove("contacts", self.found(call))
        return Answer(204)

    def remove(self, kind: str, row: Row) -> None:
        """The mark in the record itself."""
        row.body["deleted_at"] = iso_utc(self.clock.ms())
        super().remove(kind, row)

    # the account and its fields --------------------------------------------------------------------------------

    def account(self, call: Call) -> Answer:
        """The account."""
        return reply({
            "encoded_account_id": "a07e1ldk3jl", "organization_name": business.NAME, "country_code": business.COUNTRY,
            "first_name": business.OWNER_FIRST, "last_name": business.OWNER_LAST, "time_zone_id": business.TIMEZONE,
            "contact_email": business.EMAIL, "contact_phone": business.PHONE, "website": "https://kestrelrye.co.uk",
        })  # fmt: skip

    def listed_fields(self, call: Call) -> Answer:
        """The custom fields."""
        limit = min(call.number("limit", USUAL, 1), MOST_FIELDS)
        start = int(self.cursors.read(call.arg("cursor"), 1)[0]) if call.arg("cursor") else 0
        document: dict[str, Any] = {"custom_fields": self.fields[start : start + limit]}
        if start + limit < len(self.fields):
            href = f"/v3/contact_custom_fields?limit={limit}&cursor={self.cursors.make(start + limit)}"
            document["_links"] = {"next": {"href": href}}
        return reply(document)

    def add_field(self, call: Call) -> Answer:
        """A custom field; its label is its own only once."""
        given = call.json()
        label = str(given.get("label") or "").strip()
        if not label or len(label) > LONGEST or given.get("type") not in TYPES:
            raise self.invalid("#/label, #/type: a label and a known type are required")
        if any(field["label"].lower() == label.lower() for field in self.fields):
            return self.refusal(409, "contacts.api.conflict", f"A custom field {label} exists")
        now = iso_utc(self.clock.ms())
        field = {
            "custom_field_id": random_uuid(self.chance), "label": label, "type": given["type"], "version": 1,
            "name": re.sub(r"\W+", "_", label.lower()), "created_at": now, "updated_at": now,
        }  # fmt: skip
        self.fields.append(field)
        self.store.writes += 1
        return reply(field, 201)

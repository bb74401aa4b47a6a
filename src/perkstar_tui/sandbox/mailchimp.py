"""Mailchimp's Marketing API: one audience, its members, merge fields, tags, webhooks, batches and shops."""

import base64
import gzip
import hashlib
import hmac
import io
import random
import re
import tarfile
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson

from .clock import iso_s, parse_ms
from .mailchimp_shops import Shops
from .names import EMAIL, international, invent
from .oauth import Grants, oauth_error
from .state import ARCHIVED, LIVE, Cell, Row, normal_email, normal_phone
from .vendor import Vendor, joined
from .webhooks import Delivery
from .wire import Answer, Call, Refused, reply

DC = "us21"
LIST = "a1b2c3d4e5"
STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional")
MOST_MEMBERS = 500
MOST_CONNECTIONS = 10
FIELD_TYPES = (
    "text",
    "number",
    "address",
    "phone",
    "date",
    "url",
    "imageurl",
    "radio",
    "dropdown",
    "birthday",
    "zip",
)
FAKE = re.compile(r"@(.+\.)?(example\.(com|net|org)|test|invalid|localhost)$", re.I)
EVENTS = ("subscribe", "unsubscribe", "profile", "cleaned", "upemail", "campaign")
SOURCES = ("user", "admin", "api")
ACCOUNT = "8d3a3db4d97663a9074efcc16"
OUTSIDE = ("/oauth2/", "/batch-results/")


def subscriber_hash(email: str) -> str:
    """The id of a member: MD5 of the address in lower case, as Mailchimp has it."""
    return hashlib.md5(email.strip().lower().encode(), usedforsecurity=False).hexdigest()


def member_cell(
    seq: int | None, created: int, updated: int, fields: dict[str, Any], chance: random.Random
) -> Cell:
    """A member as it is kept; `fields` are in Mailchimp's form and must hold an address."""
    email = str(fields["email_address"])
    merges: dict[str, Any] = {"FNAME": "", "LNAME": "", "ADDRESS": "", "PHONE": "", "BIRTHDAY": ""}
    merges.update(fields.get("merge_fields") or {})
    contact = f"{chance.getrandbits(128):032x}"
    status = fields.get("status", "subscribed")
    tags = fields.get("tags") or []
    body = {
        "id": subscriber_hash(email),
        "email_address": email,
        "unique_email_id": f"{chance.getrandbits(40):010x}",
        "contact_id": contact,
        "full_name": f"{merges['FNAME']} {merges['LNAME']}".strip(),
        "web_id": 500_000_000 + chance.getrandbits(28),
        "email_type": fields.get("email_type", "html"),
        "status": status,
        "consents_to_one_to_one_messaging": True,
        "sms_phone_number": "",
        "merge_fields": merges,
        "interests": fields.get("interests") or {},
        "stats": {"avg_open_rate": 0, "avg_click_rate": 0},
        "ip_signup": "",
        "timestamp_signup": iso_s(created) if status == "subscribed" else "",
        "ip_opt": "",
        "timestamp_opt": iso_s(created),
        "member_rating": 2,
        "last_changed": iso_s(updated),
        "language": fields.get("language", ""),
        "vip": bool(fields.get("vip")),
        "email_client": "",
        "location": {
            "latitude": 0,
            "longitude": 0,
            "gmtoff": 0,
            "dstoff": 0,
            "country_code": "",
            "timezone": "",
        },
        "source": fields.get("source", "API - Generic"),
        "tags_count": len(tags),
        "tags": tags,
        "list_id": LIST,
    }
    # A timestamp that isn't known is left out rather than shown as an empty text, which is no date.
    if not body["timestamp_signup"]:
        del body["timestamp_signup"]
    return (
        seq, body["id"], normal_email(email), normal_phone(merges["PHONE"]), contact, created, updated, LIVE,
        orjson.dumps(body).decode(),
    )  # fmt: skip


class Mailchimp(Vendor):
    """Mailchimp on one port, with and without the `/3.0` in front."""

    name = "mailchimp"
    kinds = ("members",)
    people_kind = "members"

    def begin(self) -> None:
        """A key, an app, one audience with the usual merge fields."""
        self.grants = Grants(self.clock, self.chance, "", "", None, client_id="584203917746")
        self.grants.client_secret = f"{self.chance.getrandbits(200):050x}"
        self.renew()
        self.forgotten: set[str] = set()
        self.webhooks: dict[str, dict[str, Any]] = {}
        self.secrets: dict[str, str] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.results: dict[str, bytes] = {}
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.tag_ids: dict[str, int] = {}
        self.shops: dict[str, dict[str, Any]] = {}
        self.started = self.clock.ms()
        self.merge_fields: list[dict[str, Any]] = []
        for tag, name, kind in (("FNAME", "First Name", "text"), ("LNAME", "Last Name", "text"),
                                ("ADDRESS", "Address", "address"), ("PHONE", "Phone Number", "phone"),
                                ("BIRTHDAY", "Birthday", "birthday")):  # fmt: skip
            self.add_merge_field({"tag": tag, "name": name, "type": kind})
        self.usual = len(self.merge_fields)
        made = iso_s(self.started - 900 * 86_400_000)
        self.audience: dict[str, Any] = {
            "id": LIST, "web_id": 81_337, "name": "Kestrel & Rye", "permission_reminder": "You signed up in our shop.",
            "contact": {"company": "Kestrel & Rye", "address1": "12 Mill Lane", "address2": "", "city": "Bristol",
                        "state": "", "zip": "BS1 5TR", "country": "GB", "phone": ""},
            "use_archive_bar": True, "notify_on_subscribe": "", "notify_on_unsubscribe": "", "date_created": made,
            "campaign_defaults": {"from_name": "Kestrel & Rye", "from_email": "hello@kestrelrye.co.uk", "subject": "",
                                  "language": "en"},
            "list_rating": 3, "email_type_option": False, "subscribe_url_short": "", "subscribe_url_long": "",
            "beamer_address": "", "visibility": "prv", "double_optin": False, "has_welcome": False,
            "marketing_permissions": False, "modules": [],
        }  # fmt: skip

    def route(self) -> None:
        """Paths below `/3.0`, and those of login.mailchimp.com."""
        add = self.routes.add
        add("GET", "/", self.root)
        add("GET", "/ping", lambda call: reply({"health_status": "Everything's Chimpy!"}))
        add("GET", "/oauth2/authorize", lambda call: self.grants.authorise(call, 30.0))
        add("POST", "/oauth2/token", self.token)
        add("GET", "/oauth2/metadata", self.metadata)
        add(
            "GET", "/lists", lambda call: self.trimmed(call, {"lists": [self.shown_list()], "total_items": 1})
        )
        add("GET", "/lists/{list}", lambda call: self.trimmed(call, self.shown_list(call)))
        add("PATCH", "/lists/{list}", self.update_list)
        add("POST", "/lists/{list}", self.many_members)
        members = "/lists/{list}/members"
        add("GET", members, self.list_members)
        add("POST", members, self.add_member)
        add("GET", f"{members}/{{hash}}", lambda call: self.trimmed(call, self.shown(self.member(call)), 1))
        add("PUT", f"{members}/{{hash}}", self.put_member)
        add("PATCH", f"{members}/{{hash}}", self.patch_member)
        add("DELETE", f"{members}/{{hash}}", self.archive_member)
        add("POST", f"{members}/{{hash}}/actions/delete-permanent", self.forget_member)
        add("GET", f"{members}/{{hash}}/tags", self.get_tags)
        add("POST", f"{members}/{{hash}}/tags", self.set_tags)
        add("GET", f"{members}/{{hash}}/events", self.get_events)
        add("POST", f"{members}/{{hash}}/events", self.add_event)
        add("GET", "/lists/{list}/tag-search", self.search_tags)
        fields = "/lists/{list}/merge-fields"
        add("GET", fields, self.list_merge_fields)
        add("POST", fields, self.create_merge_field)
        add("GET", f"{fields}/{{id}}", lambda call: self.trimmed(call, self.merge_field(call)))
        add("PATCH", f"{fields}/{{id}}", self.update_merge_field)
        add("DELETE", f"{fields}/{{id}}", self.delete_merge_field)
        add("GET", "/search-members", self.search_members)
        hooks = "/lists/{list}/webhooks"
        add("GET", hooks, self.list_webhooks)
        add("POST", hooks, self.create_webhook)
        add("GET", f"{hooks}/{{id}}", lambda call: reply(self.webhook(call)))
        add("PATCH", f"{hooks}/{{id}}", self.update_webhook)
        add("DELETE", f"{hooks}/{{id}}", self.delete_webhook)
        add("GET", "/batches", self.list_batches)
        add("POST", "/batches", self.start_batch)
        add("GET", "/batches/{id}", lambda call: reply(self.batch(call)))
        add("DELETE", "/batches/{id}", self.delete_batch)
        add("GET", "/batch-results/{id}", self.batch_result)
        Shops(self).route(self.routes)

    # what the vendor says ------------------------------------------------------------------------------

    def answer(self, call: Call) -> Answer:
        """`/3.0` may stand in front."""
        if call.path == "/3.0" or call.path.startswith("/3.0/"):
            call.path = call.path[4:] or "/"
        return super().answer(call)

    def problem(
        self, status: int, title: str, detail: str, errors: list[dict[str, str]] | None = None
    ) -> Answer:
        """An error in Mailchimp's form."""
        ident = f"{self.chance.getrandbits(128):032x}"
        body: dict[str, Any] = {
            "type": "https://mailchimp.com/developer/marketing/docs/errors/", "title": title, "status": status,
            "detail": detail, "instance": f"{ident[:8]}-{ident[8:12]}-{ident[12:16]}-{ident[16:20]}-{ident[20:]}",
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
        scheme, _, text = call.headers.get("authorization", "").partition(" ")
        key = text.strip()
        if scheme.lower() == "basic":
            try:
                key = base64.b64decode(key).decode().partition(":")[2]
            except ValueError:
                key = ""
        if self.grants.check(key) != "ok":
            detail = "Your API key may be invalid, or you've attempted to access the wrong datacenter."
            raise Refused(self.problem(401, "API Key Invalid", detail))
        if self.setting.limits and self.in_flight > MOST_CONNECTIONS:
            raise Refused(self.trouble(429))
        if call.params.get("list", LIST) != LIST:
            raise self.not_found()
        return {}

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

    def trimmed(self, call: Call, document: dict[str, Any], records: int = 0) -> Answer:
        """A document with only the fields that were asked for."""
        wanted = [word for word in call.arg("fields").split(",") if word]
        unwanted = [word for word in call.arg("exclude_fields").split(",") if word]
        if wanted:
            document = only(document, [word.split(".") for word in wanted])
        for word in unwanted:
            drop(document, word.split("."))
        return reply(document, records=records)

    # OAuth -------------------------------------------------------------------------------------------------

    def token(self, call: Call) -> Answer:
        """A token for a code: without an end and without a refresh token."""
        form = call.form()
        if form.get("grant_type") != "authorization_code":
            return oauth_error("unsupported_grant_type", "The grant type is not supported")
        if not self.grants.knows_client(form.get("client_id"), form.get("client_secret")):
            return oauth_error("invalid_client", "The client credentials are invalid", 401)
        code = self.grants.redeem(form)
        if code is None:
            return oauth_error("invalid_grant", "The code is invalid, expired or used")
        token = self.grants.issue([], with_refresh=False)
        return reply({"access_token": token.value, "expires_in": 0, "scope": None})

    def metadata(self, call: Call) -> Answer:
        """Which data centre a token belongs to; here, this port."""
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in ("oauth", "bearer") or self.grants.check(token.strip()) != "ok":
            return oauth_error("invalid_token", "The access token is invalid", 401)
        return reply({
            "dc": DC, "role": "owner", "accountname": "Kestrel & Rye", "user_id": 88_211_934,
            "login": {"email": "hello@kestrelrye.co.uk", "avatar": None, "login_id": 88_211_934,
                      "login_name": "kestrelrye", "login_email": "hello@kestrelrye.co.uk"},
            "login_url": call.base, "api_endpoint": call.base,
        })  # fmt: skip

    def root(self, call: Call) -> Answer:
        """The account."""
        return self.trimmed(call, {
            "account_id": ACCOUNT, "login_id": "88211934", "account_name": "Kestrel & Rye",
            "email": "hello@kestrelrye.co.uk", "first_name": "Morgan", "last_name": "Hale", "username": "kestrelrye",
            "avatar_url": "", "role": "owner", "member_since": iso_s(self.started - 900 * 86_400_000),
            "pricing_plan_type": "monthly", "account_timezone": "Europe/London", "account_industry": "retail",
            "contact": {"company": "Kestrel & Rye", "addr1": "12 Mill Lane", "addr2": "", "city": "Bristol",
                        "state": "", "zip": "BS1 5TR", "country": "GB"},
            "pro_enabled": False, "last_login": iso_s(self.clock.ms()),
            "total_subscribers": self.kind("members").count(),
        })  # fmt: skip

    # lists -------------------------------------------------------------------------------------------------

    def shown_list(self, call: Call | None = None) -> dict[str, Any]:
        """The audience with its figures."""
        count = self.kind("members").count
        by_status = "state = 0 AND json_extract(body, '$.status') = ?"
        stats = {
            "member_count": count(by_status, ("subscribed",)),
            "total_contacts": count(),
            "unsubscribe_count": count(by_status, ("unsubscribed",)),
            "cleaned_count": count(by_status, ("cleaned",)),
            "merge_field_count": len(self.merge_fields),
            "avg_sub_rate": 0,
            "avg_unsub_rate": 0,
            "target_sub_rate": 0,
            "open_rate": 0,
            "click_rate": 0,
            "campaign_count": 0,
        }
        return self.audience | {"stats": stats}

    def update_list(self, call: Call) -> Answer:
        """Change the audience."""
        given = call.json()
        for name in ("name", "permission_reminder", "contact", "campaign_defaults", "double_optin"):
            if name in given:
                self.audience[name] = given[name]
        return reply(self.shown_list())

    # members: reading ------------------------------------------------------------------------------------------

    def shown(self, row: Row) -> dict[str, Any]:
        """A member as it is shown: every merge field, and its status."""
        body = dict(row.body)
        if len(self.merge_fields) != self.usual or any(
            "merge_id" not in field for field in self.merge_fields
        ):
            body["merge_fields"] = {field["tag"]: "" for field in self.merge_fields} | body["merge_fields"]
        return body

    def find(self, text: str) -> Row | None:
        """A member by hash, address or contact id."""
        kind = self.kind("members")
        if "@" in text:
            return kind.first("email = ?", normal_email(text))
        return kind.get(text.lower()) or kind.first("ref = ?", text.lower())

    def member(self, call: Call) -> Row:
        """The member that a path names, else 404."""
        row = self.find(call.params["hash"])
        if row is None:
            raise self.not_found()
        return row

    def list_members(self, call: Call) -> Answer:
        """A page by count and offset; archived ones only when asked for."""
        count, offset = call.number("count", 10), call.number("offset", 0)
        if count > 1000:
            raise self.invalid("count", "Count must be less than or equal to 1000.")
        where, values = ["state = ?"], [ARCHIVED if call.arg("status") == "archived" else LIVE]
        conditions: list[object] = list(values)
        if call.arg("status") and call.arg("status") != "archived":
            where.append("json_extract(body, '$.status') = ?")
            conditions.append(call.arg("status"))
        for name, column, sign in (("since_last_changed", "updated", ">="), ("before_last_changed", "updated", "<"),
                                   ("since_timestamp_opt", "created", ">="),
                                   ("before_timestamp_opt", "created", "<")):  # fmt: skip
            if call.arg(name):
                moment = parse_ms(call.arg(name))
                if moment is None:
                    raise self.invalid(name, "Data did not match any of the schemas described in anyOf.")
                where.append(f"{column} {sign} ?")
                conditions.append(moment // 1000 * 1000)
        for name in ("unique_email_id", "email_type"):
            if call.arg(name):
                where.append(f"json_extract(body, '$.{name}') = ?")
                conditions.append(call.arg(name))
        if call.arg("vip_only") == "true":
            where.append("json_extract(body, '$.vip') = 1")
        column = {"last_changed": "updated", "timestamp_opt": "created", "timestamp_signup": "created"}.get(
            call.arg("sort_field"), "seq"
        )
        word = "DESC" if call.arg("sort_dir").upper() == "DESC" else "ASC"
        condition = " AND ".join(where)
        kind = self.kind("members")
        total = kind.count(condition, conditions)
        tail = f"ORDER BY {column} {word}, seq {word} LIMIT ? OFFSET ?"
        if len(self.merge_fields) == self.usual and not call.arg("fields") and not call.arg("exclude_fields"):
            bodies = [row[3] for row in kind.raw(condition, (*conditions, count, offset), tail)]
            rest = f',"list_id":"{LIST}","total_items":{total}'.encode()
            return Answer(200, joined("members", bodies, rest), records=len(bodies))
        rows = kind.rows(condition, (*conditions, count, offset), tail)
        document = {"members": [self.shown(row) for row in rows], "list_id": LIST, "total_items": total}
        return self.trimmed(call, document, len(rows))

    def search_members(self, call: Call) -> Answer:
        """By address exactly, else by a part of address or name."""
        text = call.arg("query").strip().lower()
        if not text:
            raise self.invalid("query", "This value should not be blank.")
        kind = self.kind("members")
        exact = kind.rows("state = 0 AND email = ?", (text,))
        like = f"%{text}%"
        full = kind.rows(
            "state = 0 AND (email LIKE ? OR phone LIKE ? OR lower(json_extract(body, '$.full_name')) LIKE ?)",
            (like, like, like), "ORDER BY seq LIMIT 30",
        )  # fmt: skip
        return self.trimmed(call, {
            "exact_matches": {"members": [self.shown(row) for row in exact], "total_items": len(exact)},
            "full_search": {"members": [self.shown(row) for row in full], "total_items": len(full)},
        }, len(full))  # fmt: skip

    # members: writing ------------------------------------------------------------------------------------------

    def checked_email(self, email: object) -> str:
        """An address that Mailchimp takes; 400 for one that is none or looks invented."""
        if not isinstance(email, str) or not EMAIL.fullmatch(email.strip()):
            raise self.invalid("email_address", "This value is not a valid email address.")
        email = email.strip()
        if FAKE.search(email):
            detail = f"{email} looks fake or invalid, please enter a real email address."
            raise Refused(self.problem(400, "Invalid Resource", detail))
        if email.lower() in self.forgotten:
            detail = (
                f"{email} was permanently deleted and cannot be re-imported. The contact must re-subscribe."
            )
            raise Refused(self.problem(400, "Forgotten Email Not Subscribed", detail))
        if self.refuses(email.lower()):
            raise Refused(self.problem(400, "Invalid Resource", f"{email} was refused."))
        return email

    def checked_merges(self, given: object, skip: bool, new: bool) -> dict[str, Any]:
        """The merge fields that a body sets; unknown tags are passed over."""
        if given is None:
            given = {}
        if not isinstance(given, dict):
            raise self.invalid("merge_fields", "This value should be of type object.")
        made: dict[str, Any] = {}
        for field in self.merge_fields:
            tag = field["tag"]
            if tag in given:
                made[tag] = self.checked_merge(field, given[tag], skip)
            if field["required"] and not skip and not made.get(tag) and (new or tag in given):
                raise self.invalid(tag, "Please enter a value")
        return made

    def checked_merge(self, field: dict[str, Any], value: Any, skip: bool) -> Any:
        tag, kind = field["tag"], field["type"]
        if value is None or value == "":
            return ""
        if kind == "address":
            if isinstance(value, dict) and all(value.get(name) for name in ("addr1", "city", "state", "zip")):
                return value
            if skip:
                return ""
            raise self.invalid(tag, "Please enter a complete address")
        if kind == "number":
            try:
                return float(value) if "." in str(value) else int(value)
            except (TypeError, ValueError):
                raise self.invalid(tag, "Please enter a number") from None
        if isinstance(value, (dict, list)):
            raise self.invalid(tag, "This value should be of type string.")
        text = str(value)
        if kind == "birthday" and not re.fullmatch(r"(0?[1-9]|1[0-2])/(0?[1-9]|[12]\d|3[01])", text):
            raise self.invalid(tag, "Please enter the month and day as MM/DD")
        if kind == "date" and parse_ms(text) is None and not re.fullmatch(r"\d\d/\d\d/\d{4}", text):
            raise self.invalid(tag, "Please enter the date")
        if kind in ("radio", "dropdown") and text not in (field["options"].get("choices") or []) and not skip:
            raise self.invalid(tag, "Value must be one of the choices")
        if len(text) > 255:
            raise self.invalid(tag, "Value is too long: at most 255 characters")
        return text

    def checked_status(self, given: object, row: Row | None) -> str | None:
        """A status that may be set; who left by his own word comes back by his own word alone."""
        if given is None:
            return None
        if given not in STATUSES:
            raise self.invalid("status", "The value you selected is not a valid choice.")
        if row is not None and row.state == LIVE and given == "subscribed":
            now = row.body["status"]
            if now in ("unsubscribed", "cleaned"):
                detail = (
                    f"{row.body['email_address']} is in a compliance state due to unsubscribe, bounce, or compliance "
                    "review and cannot be subscribed."
                )
                raise Refused(self.problem(400, "Member In Compliance State", detail))
        return str(given)

    def insert(self, given: dict[str, Any], status: str, skip: bool, source: str = "api") -> Row:
        """A new member; one who was archived comes back."""
        email = self.checked_email(given.get("email_address"))
        merges = self.checked_merges(given.get("merge_fields"), skip, True)
        return self.put_new(email, given, merges, status, source)

    def put_new(
        self, email: str, given: dict[str, Any], merges: dict[str, Any], status: str, source: str
    ) -> Row:
        now = self.clock.ms()
        old = self.find(email)
        fields = {"email_address": email, "status": status, "merge_fields": merges} | {
            name: given[name]
            for name in ("email_type", "language", "vip", "interests")
            if given.get(name) is not None
        }
        fields["tags"] = [self.tag(name) for name in given.get("tags") or []]
        cell = member_cell(old.seq if old else None, now, now, fields, self.chance)
        row = Row.of(cell)
        if old is not None:
            row.ref = row.body["contact_id"] = old.body["contact_id"]
        self.kind("members").put(row)
        if status == "subscribed":
            self.announce("subscribe", row, source)
        return row

    def alter(self, row: Row, given: dict[str, Any], skip: bool, source: str = "api") -> Row:
        """Write what differs; a member doesn't move where nothing does."""
        email = row.body["email_address"]
        if given.get("email_address") and given["email_address"] != email:
            email = self.checked_email(given["email_address"])
            other = self.find(email)
            if other is not None and other.seq != row.seq:
                raise Refused(self.exists(email))
        elif self.refuses(email.lower()):
            raise Refused(self.problem(400, "Invalid Resource", f"{email} was refused."))
        status = self.checked_status(given.get("status"), row) or row.body["status"]
        merges = self.checked_merges(given.get("merge_fields"), skip, False)
        wanted = {
            name: given[name] for name in ("email_type", "language", "vip") if given.get(name) is not None
        }
        wanted |= {
            "email_address": email,
            "status": status,
            "merge_fields": row.body["merge_fields"] | merges,
        }
        if given.get("interests"):
            wanted["interests"] = row.body["interests"] | given["interests"]
        return self.write(row, wanted, source)

    def write(self, row: Row, wanted: dict[str, Any], source: str) -> Row:
        before = dict(row.body)
        if all(before.get(name) == value for name, value in wanted.items()) and row.state == LIVE:
            return row
        row.body.update(wanted)
        body = row.body
        row.state = LIVE
        body["id"] = row.id = subscriber_hash(body["email_address"])
        body["full_name"] = (
            f"{body['merge_fields'].get('FNAME', '')} {body['merge_fields'].get('LNAME', '')}".strip()
        )
        row.email = normal_email(body["email_address"])
        row.phone = normal_phone(body["merge_fields"].get("PHONE"))
        self.touch(row)
        if before["email_address"].lower() != body["email_address"].lower():
            self.announce("upemail", row, source, before)
        if before["status"] != body["status"] and body["status"] in ("subscribed", "unsubscribed", "cleaned"):
            self.announce(
                {"subscribed": "subscribe", "unsubscribed": "unsubscribe"}.get(body["status"], "cleaned"),
                row,
                source,
            )
        if before["merge_fields"] != body["merge_fields"] or before["language"] != body["language"]:
            self.announce("profile", row, source)
        return row

    def touch(self, row: Row) -> None:
        row.touch(self.clock.ms())
        row.body["last_changed"] = iso_s(row.updated)
        self.kind("members").put(row)

    def exists(self, email: str) -> Answer:
        """The refusal of a second member with an address."""
        detail = f"{email} is already a list member. Use PUT to insert or update list members."
        return self.problem(400, "Member Exists", detail)

    def add_member(self, call: Call) -> Answer:
        """A new member."""
        given = call.json()
        email = self.checked_email(given.get("email_address"))
        old = self.find(email)
        if old is not None and old.state == LIVE:
            raise Refused(self.exists(email))
        status = self.checked_status(given.get("status"), None)
        if status is None:
            raise self.invalid("status", "This value should not be blank.")
        return reply(self.shown(self.insert(given, status, skips(call))))

    def put_member(self, call: Call) -> Answer:
        """Make or change a member."""
        given = call.json()
        row = self.find(call.params["hash"])
        if row is not None and row.state == LIVE:
            return reply(self.shown(self.alter(row, given, skips(call))))
        status = self.checked_status(given.get("status_if_new") or given.get("status"), row)
        if status is None:
            raise self.invalid("status_if_new", "This value should not be blank.")
        return reply(self.shown(self.insert(given, status, skips(call))))

    def patch_member(self, call: Call) -> Answer:
        """Change a member."""
        return reply(self.shown(self.alter(self.member(call), call.json(), skips(call))))

    def many_members(self, call: Call) -> Answer:
        """Up to 500 members; each that is refused stands among the errors."""
        given = call.json()
        members = given["members"]
        if not isinstance(members, list) or len(members) > MOST_MEMBERS:
            raise self.invalid("members", f"Array may contain at most {MOST_MEMBERS} elements.")
        new, updated, errors = [], [], []
        seen: set[str] = set()
        for item in members:
            email = str(item.get("email_address", ""))
            try:
                if email.lower() in seen and call.arg("skip_duplicate_check") != "true":
                    raise Refused(self.problem(400, "Duplicate", f"Duplicate items found for email: {email}"))
                seen.add(email.lower())
                row = self.find(email) if "@" in email else None
                if row is None or row.state != LIVE:
                    status = self.checked_status(item.get("status"), None)
                    if status is None:
                        raise self.invalid("status", "This value should not be blank.")
                    new.append(self.shown(self.insert(item, status, skips(call))))
                elif given.get("update_existing"):
                    row = self.alter(row, item, skips(call))
                    if given.get("sync_tags") and "tags" in item:
                        row.body["tags"] = [self.tag(str(name)) for name in item["tags"]]
                        row.body["tags_count"] = len(row.body["tags"])
                        self.touch(row)
                    updated.append(self.shown(row))
                else:
                    raise Refused(self.exists(email))
            except Refused as refused:
                errors.append(self.member_error(email, refused.answer.json()))
        return reply({
            "new_members": new, "updated_members": updated, "errors": errors, "total_created": len(new),
            "total_updated": len(updated), "error_count": len(errors),
        })  # fmt: skip

    def member_error(self, email: str, said: dict[str, Any]) -> dict[str, Any]:
        """One refusal among many."""
        first = (said.get("errors") or [{"field": "", "message": said["detail"]}])[0]
        code = "ERROR_CONTACT_EXISTS" if said["title"] == "Member Exists" else "ERROR_GENERIC"
        words = first["message"] if said.get("errors") else said["detail"]
        return {"email_address": email, "error": words, "error_code": code, "field": first["field"],
                "field_message": first["message"]}  # fmt: skip

    def archive_member(self, call: Call) -> Answer:
        """Archive a member."""
        row = self.member(call)
        if row.state == ARCHIVED:
            raise Refused(self.problem(405, "Method Not Allowed", "This list member cannot be removed."))
        self.put_away(row, "api")
        return Answer(204)

    def put_away(self, row: Row, source: str) -> None:
        row.state = ARCHIVED
        row.body["status"] = "archived"
        self.touch(row)
        self.announce("unsubscribe", row, source)

    def forget_member(self, call: Call) -> Answer:
        """Erase a member for good."""
        row = self.member(call)
        self.forgotten.add(row.email or "")
        self.kind("members").delete(row.id)
        return Answer(204)

    # tags, events ------------------------------------------------------------------------------------------------

    def tag(self, name: str) -> dict[str, Any]:
        """A tag with its number."""
        return {"id": self.tag_ids.setdefault(name, 26_000 + len(self.tag_ids)), "name": name}

    def get_tags(self, call: Call) -> Answer:
        """The tags of a member."""
        row = self.member(call)
        tags = [tag | {"date_added": row.body["last_changed"]} for tag in row.body["tags"]]
        return self.trimmed(call, {"tags": tags, "total_items": len(tags)})

    def set_tags(self, call: Call) -> Answer:
        """Put tags on a member or take them off."""
        row = self.member(call)
        kept = {tag["name"]: tag for tag in row.body["tags"]}
        for item in call.json()["tags"]:
            if item["status"] not in ("active", "inactive"):
                raise self.invalid("tags.item:0.status", "The value you selected is not a valid choice.")
            if item["status"] == "active":
                kept[item["name"]] = self.tag(item["name"])
            else:
                kept.pop(item["name"], None)
        if list(kept.values()) != row.body["tags"]:
            row.body["tags"] = list(kept.values())
            row.body["tags_count"] = len(kept)
            self.touch(row)
        return Answer(204)

    def search_tags(self, call: Call) -> Answer:
        """Tags whose names begin with a text."""
        text = call.arg("name").lower()
        found = [
            {"id": number, "name": name}
            for name, number in self.tag_ids.items()
            if name.lower().startswith(text)
        ]
        return reply({"tags": found, "total_items": len(found)})

    def get_events(self, call: Call) -> Answer:
        """What happened to a member, as others told it."""
        events = self.events.get(self.member(call).body["contact_id"], [])
        return self.trimmed(call, {"events": events, "total_items": len(events)})

    def add_event(self, call: Call) -> Answer:
        """Tell what happened to a member."""
        row, given = self.member(call), call.json()
        if not re.fullmatch(r"[\w-]{2,30}", str(given.get("name", ""))):
            raise self.invalid("name", "This value must have 2 to 30 letters.")
        event = {"name": given["name"], "occurred_at": given.get("occurred_at") or iso_s(self.clock.ms()),
                 "properties": given.get("properties") or {}}  # fmt: skip
        self.events.setdefault(row.body["contact_id"], []).append(event)
        return Answer(204)

    # merge fields ------------------------------------------------------------------------------------------------

    def add_merge_field(self, given: dict[str, Any]) -> dict[str, Any]:
        """Define a merge field."""
        number = max((field["merge_id"] for field in self.merge_fields), default=0) + 1
        made = {
            "merge_id": number, "tag": given["tag"], "name": given["name"], "type": given["type"],
            "required": bool(given.get("required")), "default_value": str(given.get("default_value") or ""),
            "public": bool(given.get("public")), "display_order": int(given.get("display_order") or number + 1),
            "options": given.get("options") or ({"phone_format": "none"} if given["type"] == "phone" else
                                                {"date_format": "MM/DD"} if given["type"] == "birthday" else
                                                {"size": 25}),
            "help_text": str(given.get("help_text") or ""), "list_id": LIST,
        }  # fmt: skip
        self.merge_fields.append(made)
        return made

    def list_merge_fields(self, call: Call) -> Answer:
        """The merge fields, but for the address itself."""
        count, offset = call.number("count", 10), call.number("offset", 0)
        found = [field for field in self.merge_fields if call.arg("type") in ("", field["type"])]
        page = found[offset : offset + count]
        return self.trimmed(call, {"merge_fields": page, "list_id": LIST, "total_items": len(found)})

    def create_merge_field(self, call: Call) -> Answer:
        """A new merge field; 400 where its tag is taken or too long."""
        given = call.json()
        if not given.get("name"):
            raise self.invalid("name", "This value should not be blank.")
        if given.get("type") not in FIELD_TYPES:
            raise self.invalid("type", "The value you selected is not a valid choice.")
        tag = str(given.get("tag") or re.sub(r"[^A-Z0-9_]", "", str(given["name"]).upper())[:10]).upper()
        if not re.fullmatch(r"[A-Z][A-Z0-9_]{0,9}", tag):
            raise self.invalid("tag", "Tag must be at most 10 letters, numbers or underscores.")
        if tag == "EMAIL" or any(field["tag"] == tag for field in self.merge_fields):
            detail = f'A Merge Field with the tag "{tag}" already exists for this list.'
            raise Refused(self.problem(400, "Invalid Resource", detail))
        return reply(self.add_merge_field(given | {"tag": tag}))

    def merge_field(self, call: Call) -> dict[str, Any]:
        """One merge field, else 404."""
        for field in self.merge_fields:
            if str(field["merge_id"]) == call.params["id"]:
                return field
        raise self.not_found()

    def update_merge_field(self, call: Call) -> Answer:
        """Change a merge field's texts."""
        field, given = self.merge_field(call), call.json()
        field |= {name: given[name] for name in ("name", "required", "default_value", "public", "options", "help_text")
                  if name in given}  # fmt: skip
        return reply(field)

    def delete_merge_field(self, call: Call) -> Answer:
        """Give a merge field up; the values go with it."""
        field = self.merge_field(call)
        self.merge_fields.remove(field)
        self.usual = -1
        return Answer(204)

    # webhooks ------------------------------------------------------------------------------------------------

    def takes_time(self, call: Call) -> bool:
        """Making or changing a webhook looks at its address first."""
        return call.method in ("POST", "PATCH") and "/webhooks" in call.path

    async def prepare(self, call: Call) -> None:
        """The look at the address of a webhook: it must answer a GET with 200."""
        if self.takes_time(call):
            try:
                url = str(call.json().get("url", ""))
            except (ValueError, AttributeError):
                return
            call.probe = await self.courier.probe(url) if url else 0

    def list_webhooks(self, call: Call) -> Answer:
        """Every webhook."""
        hooks = list(self.webhooks.values())
        return reply({"webhooks": hooks, "list_id": LIST, "total_items": len(hooks)})

    def create_webhook(self, call: Call) -> Answer:
        """A new webhook; its secret is shown this once."""
        given = call.json()
        url = given.get("url")
        if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https"):
            raise self.invalid("url", "Please enter a valid URL.")
        if call.probe != 200:
            raise self.invalid("url", "The URL could not be reached: it must answer a GET with 200.")
        if any(hook["url"] == url for hook in self.webhooks.values()):
            raise self.invalid("url", "Sorry, you can't set up multiple WebHooks for one URL")
        identifier = f"{self.chance.getrandbits(40):010x}"
        hook = {
            "id": identifier, "url": url, "list_id": LIST,
            "events": {name: bool((given.get("events") or {}).get(name)) for name in EVENTS},
            "sources": {name: bool((given.get("sources") or {}).get(name)) for name in SOURCES},
        }  # fmt: skip
        self.webhooks[identifier] = hook
        self.secrets[identifier] = self.grants.secret(32)
        return reply(hook | {"signing_secret": self.secrets[identifier]})

    def webhook(self, call: Call) -> dict[str, Any]:
        """One webhook, else 404."""
        found = self.webhooks.get(call.params["id"])
        if found is None:
            raise self.not_found()
        return found

    def update_webhook(self, call: Call) -> Answer:
        """Change a webhook."""
        hook, given = self.webhook(call), call.json()
        if given.get("url") and call.probe != 200:
            raise self.invalid("url", "The URL could not be reached: it must answer a GET with 200.")
        hook["url"] = given.get("url") or hook["url"]
        for name in ("events", "sources"):
            hook[name] |= {
                key: bool(value) for key, value in (given.get(name) or {}).items() if key in hook[name]
            }
        return reply(hook)

    def delete_webhook(self, call: Call) -> Answer:
        """Give up a webhook."""
        self.webhooks.pop(self.webhook(call)["id"])
        return Answer(204)

    def announce(self, event: str, row: Row, source: str, before: dict[str, Any] | None = None) -> None:
        """Send an event to the webhooks that want it from this source."""
        for hook in self.webhooks.values():
            if hook["events"][event] and hook["sources"][source]:
                body = urlencode(self.message(event, row, before)).encode()
                kind = "application/x-www-form-urlencoded"
                self.courier.send(Delivery(hook["url"], body, kind, self.signer(self.secrets[hook["id"]])))

    def message(self, event: str, row: Row, before: dict[str, Any] | None) -> dict[str, str]:
        """An event as a form."""
        body = row.body
        fired = iso_s(row.updated)[:19].replace("T", " ")
        form = {"type": event, "fired_at": fired, "data[list_id]": LIST}
        if event == "upemail" and before is not None:
            return form | {"data[new_id]": body["unique_email_id"], "data[new_email]": body["email_address"],
                           "data[old_email]": before["email_address"]}  # fmt: skip
        form |= {"data[id]": body["unique_email_id"], "data[email]": body["email_address"],
                 "data[email_type]": body["email_type"], "data[web_id]": str(body["web_id"])}  # fmt: skip
        if event in ("unsubscribe", "cleaned"):
            form["data[reason]"] = "manual"
        for tag, value in body["merge_fields"].items():
            form[f"data[merges][{tag}]"] = value if isinstance(value, str) else orjson.dumps(value).decode()
        return form | {"data[merges][EMAIL]": body["email_address"]}

    def signer(self, secret: str) -> Callable[[bytes, int, bool], dict[str, str]]:
        """`t=...,v1=...` over the time and the raw body."""

        def sign(body: bytes, attempt: int, wrong: bool) -> dict[str, str]:
            moment = int(self.told_time())
            key = b"wrong" if wrong else secret.encode()
            digest = hmac.new(key, f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
            return {"X-Mailchimp-Signature": f"t={moment},v1={digest}"}

        return sign

    # batches -------------------------------------------------------------------------------------------------

    def start_batch(self, call: Call) -> Answer:
        """Do many operations; the answers are fetched later, as a packed archive."""
        operations = call.json()["operations"]
        if not isinstance(operations, list) or not 0 < len(operations) <= 1000:
            raise self.invalid("operations", "A batch holds 1 to 1000 operations.")
        identifier = f"{self.chance.getrandbits(40):010x}"
        answers = [self.operate(item, call) for item in operations]
        failed = sum(item["status_code"] >= 400 for item in answers)
        self.results[identifier] = packed(identifier, answers)
        now = iso_s(self.clock.ms())
        self.batches[identifier] = {
            "id": identifier, "status": "pending", "total_operations": len(operations), "finished_operations": 0,
            "errored_operations": failed, "submitted_at": now, "completed_at": now,
            "response_body_url": f"{call.base}/batch-results/{identifier}",
        }  # fmt: skip
        return reply(self.batches[identifier] | {"errored_operations": 0})

    def operate(self, item: dict[str, Any], outer: Call) -> dict[str, Any]:
        body = str(item.get("body") or "").encode()
        query = {name: [str(value)] for name, value in (item.get("params") or {}).items()}
        path, _, more = str(item["path"]).partition("?")
        inner = Call(
            str(item["method"]).upper(), path, query | parse_qs(more), outer.headers, body, outer.base
        )
        answer = self.answer(inner)
        return {"status_code": answer.status, "operation_id": item.get("operation_id"),
                "response": answer.body.decode()}  # fmt: skip

    def batch(self, call: Call) -> dict[str, Any]:
        """A batch; it is finished when it is looked at."""
        found = self.batches.get(call.params["id"])
        if found is None:
            raise self.not_found()
        found |= {"status": "finished", "finished_operations": found["total_operations"]}
        return found

    def list_batches(self, call: Call) -> Answer:
        """Every batch."""
        return reply({"batches": list(self.batches.values()), "total_items": len(self.batches)})

    def delete_batch(self, call: Call) -> Answer:
        """Forget a batch."""
        identifier = self.batch(call)["id"]
        self.batches.pop(identifier)
        self.results.pop(identifier)
        return Answer(204)

    def batch_result(self, call: Call) -> Answer:
        """The packed answers of a batch."""
        found = self.results.get(call.params["id"])
        if found is None:
            raise self.not_found()
        return Answer(200, found, {}, "application/gzip")

    # control -------------------------------------------------------------------------------------------------

    def page_mark(self, call: Call) -> str | None:
        """Member lists go by offset."""
        return call.arg("offset", "0") if call.method == "GET" and call.path.endswith("/members") else None

    def disturb(self, call: Call) -> None:
        """The oldest member leaves and comes back at the end, so that offsets shift."""
        row = self.kind("members").first("state = 0")
        if row is not None:
            self.kind("members").delete(row.id)
            row.seq = None
            self.kind("members").put(row)

    def view(self, kind: str, row: Row) -> Any:
        """A member as lists show it."""
        return self.shown(row)

    def control_put(self, kind: str, identifier: str, part: dict[str, Any]) -> Any:
        """As a person in Mailchimp's screens; `status` may go up, since that is the member's own word."""
        row = self.find(identifier)
        if row is None:
            email = part.get("email_address") or identifier
            if "@" not in email:
                raise ValueError("a new member needs email_address")
            row = self.put_new(
                str(email), part, part.get("merge_fields") or {}, part.get("status", "subscribed"), "user"
            )
            return self.shown(row)
        wanted = {
            name: part[name]
            for name in part
            if name in row.body and name not in ("id", "merge_fields", "tags")
        }
        wanted["merge_fields"] = row.body["merge_fields"] | (part.get("merge_fields") or {})
        if "tags" in part:
            wanted["tags"] = [
                self.tag(item["name"] if isinstance(item, dict) else str(item)) for item in part["tags"]
            ]
            wanted["tags_count"] = len(wanted["tags"])
        return self.shown(self.write(row, wanted, "user"))

    def control_delete(self, kind: str, identifier: str) -> bool:
        """Archive a member."""
        row = self.find(identifier)
        if row is None or row.state == ARCHIVED:
            return False
        self.put_away(row, "admin")
        return True

    def control_generate(self, kind: str, count: int) -> list[str]:
        """New members who signed up by themselves."""
        made = []
        for _ in range(count):
            person = invent(self.chance)
            merges = {"FNAME": person.first, "LNAME": person.last, "PHONE": international(person.phone),
                      "BIRTHDAY": f"{person.birthday[5:7]}/{person.birthday[8:]}"}  # fmt: skip
            made.append(self.put_new(person.email, {}, merges, "subscribed", "user").id)
        return made

    def named(self, first: str, last: str) -> dict[str, Any]:
        """Names in Mailchimp's form."""
        return {"merge_fields": {"FNAME": first, "LNAME": last}}


def skips(call: Call) -> bool:
    """Whether merge fields may be incomplete."""
    return call.arg("skip_merge_validation") == "true"


def only(document: Any, paths: list[list[str]]) -> Any:
    """The parts of a document that dotted paths name."""
    if isinstance(document, list):
        return [only(item, paths) for item in document]
    if not isinstance(document, dict):
        return document
    made: dict[str, Any] = {}
    for name in dict.fromkeys(path[0] for path in paths):
        if name in document:
            deeper = [path[1:] for path in paths if path[0] == name]
            made[name] = document[name] if any(not path for path in deeper) else only(document[name], deeper)
    return made


def drop(document: Any, path: list[str]) -> None:
    """Take out the part that a dotted path names."""
    if isinstance(document, list):
        for item in document:
            drop(item, path)
    elif isinstance(document, dict) and path[0] in document:
        if len(path) == 1:
            del document[path[0]]
        else:
            drop(document[path[0]], path[1:])


def packed(identifier: str, answers: list[dict[str, Any]]) -> bytes:
    """Answers as the gzipped archive that Mailchimp keeps them in."""
    content = orjson.dumps(answers)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo(f"{identifier}.json")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(out.getvalue(), mtime=0)

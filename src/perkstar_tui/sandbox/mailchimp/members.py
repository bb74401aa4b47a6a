"""The members of the audience, one at a time."""

from typing import TYPE_CHECKING, Any

from ..clock import iso_s, parse_ms
from ..conditions import Conditions, ordered
from ..resource import Resource
from ..state import ARCHIVED, LIVE, Row, normal_email, normal_phone
from ..vendor import joined
from ..wire import Answer, Call, Refused, Routes, reply
from .audience import LIST
from .member_record import member_cell, subscriber_hash
from .partial import trimmed

if TYPE_CHECKING:
    from .vendor import Mailchimp

TIMES = {
    "since_last_changed": "updated >=",
    "before_last_changed": "updated <",
    "since_timestamp_opt": "created >=",
    "before_timestamp_opt": "created <",
}
SORTED_BY = {"last_changed": "updated", "timestamp_opt": "created", "timestamp_signup": "created"}
EVENT_OF_STATUS = {"subscribed": "subscribe", "unsubscribed": "unsubscribe", "cleaned": "cleaned"}


def skips(call: Call) -> bool:
    """Whether merge fields may be incomplete."""
    return call.arg("skip_merge_validation") == "true"


class Members(Resource):
    """Members by hash, address or contact id."""

    vendor: "Mailchimp"

    def __init__(self, vendor: "Mailchimp") -> None:
        super().__init__(vendor)
        self.forgotten: set[str] = set()

    def route(self, routes: Routes) -> None:
        """The paths of `/lists/{list}/members`."""
        members = "/lists/{list}/members"
        routes.add("GET", members, self.listed)
        routes.add("POST", members, self.add)
        routes.add("GET", f"{members}/{{hash}}", self.retrieve)
        routes.add("PUT", f"{members}/{{hash}}", self.put)
        routes.add("PATCH", f"{members}/{{hash}}", self.patch)
        routes.add("DELETE", f"{members}/{{hash}}", self.archive)
        routes.add("POST", f"{members}/{{hash}}/actions/delete-permanent", self.forget)
        routes.add("GET", "/search-members", self.search)

    def retrieve(self, call: Call) -> Answer:
        """One member."""
        return trimmed(call, self.shown(self.found(call)), 1)

    def shown(self, row: Row) -> dict[str, Any]:
        """A member as it is shown: every merge field, and its status."""
        body = dict(row.body)
        fields = self.vendor.merge_fields
        if not fields.only_usual:
            body["merge_fields"] = {field["tag"]: "" for field in fields.known} | body["merge_fields"]
        return body

    def find(self, text: str) -> Row | None:
        """A member by hash, address or contact id."""
        kind = self.kind("members")
        if "@" in text:
            return kind.first("email = ?", normal_email(text))
        return kind.get(text.lower()) or kind.first("ref = ?", text.lower())

    def found(self, call: Call) -> Row:
        """The member that a path names, else 404."""
        row = self.find(call.params["hash"])
        if row is None:
            raise self.vendor.not_found()
        return row

    def listed(self, call: Call) -> Answer:
        """A page by count and offset; archived ones only when asked for."""
        count, offset = call.number("count", 10), call.number("offset", 0)
        if count > 1000:
            raise self.vendor.invalid("count", "Count must be less than or equal to 1000.")
        conditions = self.asked_for(call)
        kind, where, values = self.kind("members"), conditions.where, conditions.values
        total = kind.count(where, values)
        order = ordered(SORTED_BY.get(call.arg("sort_field"), "seq"), call.arg("sort_dir").upper() == "DESC")
        tail = f"{order} LIMIT ? OFFSET ?"
        # As it is kept, a page needs no reading of each member; that is most of the work of a long list.
        if self.vendor.merge_fields.only_usual and not call.arg("fields") and not call.arg("exclude_fields"):
            bodies = [row[3] for row in kind.raw(where, (*values, count, offset), tail)]
            rest = f',"list_id":"{LIST}","total_items":{total}'.encode()
            return Answer(200, joined("members", bodies, rest), records=len(bodies))
        rows = kind.rows(where, (*values, count, offset), tail)
        document = {"members": [self.shown(row) for row in rows], "list_id": LIST, "total_items": total}
        return trimmed(call, document, len(rows))

    def asked_for(self, call: Call) -> Conditions:
        """The filters of a list."""
        conditions, status = Conditions(), call.arg("status")
        conditions.add("state = ?", ARCHIVED if status == "archived" else LIVE)
        if status and status != "archived":
            conditions.add("json_extract(body, '$.status') = ?", status)
        for name, comparison in TIMES.items():
            if call.arg(name):
                moment = parse_ms(call.arg(name))
                if moment is None:
                    raise self.vendor.invalid(
                        name, "Data did not match any of the schemas described in anyOf."
                    )
                conditions.add(f"{comparison} ?", moment // 1000 * 1000)
        for name in ("unique_email_id", "email_type"):
            if call.arg(name):
                conditions.add(f"json_extract(body, '$.{name}') = ?", call.arg(name))
        if call.arg("vip_only") == "true":
            conditions.add("json_extract(body, '$.vip') = 1")
        return conditions

    def search(self, call: Call) -> Answer:
        """By address exactly, else by a part of address or name."""
        text = call.arg("query").strip().lower()
        if not text:
            raise self.vendor.invalid("query", "This value should not be blank.")
        kind = self.kind("members")
        exact = kind.rows("state = 0 AND email = ?", (text,))
        like = f"%{text}%"
        full = kind.rows(
            "state = 0 AND (email LIKE ? OR phone LIKE ? OR lower(json_extract(body, '$.full_name')) LIKE ?)",
            (like, like, like), "ORDER BY seq LIMIT 30",
        )  # fmt: skip
        return trimmed(call, {
            "exact_matches": {"members": [self.shown(row) for row in exact], "total_items": len(exact)},
            "full_search": {"members": [self.shown(row) for row in full], "total_items": len(full)},
        }, len(full))  # fmt: skip

    def insert(self, given: dict[str, Any], status: str, skip: bool, source: str = "api") -> Row:
        """A new member; one who was archived comes back."""
        email = self.vendor.values.checked_email(given.get("email_address"))
        merges = self.vendor.values.checked_merges(given.get("merge_fields"), skip, True)
        return self.put_new(email, given, merges, status, source)

    def put_new(
        self, email: str, given: dict[str, Any], merges: dict[str, Any], status: str, source: str
    ) -> Row:
        """Keep a new member, in the place of an archived one with the same address."""
        now = self.clock.ms()
        old = self.find(email)
        fields = {"email_address": email, "status": status, "merge_fields": merges} | {
            name: given[name]
            for name in ("email_type", "language", "vip", "interests")
            if given.get(name) is not None
        }
        fields["tags"] = [self.vendor.tags.tag(name) for name in given.get("tags") or []]
        row = Row.of(member_cell(old.seq if old else None, now, now, fields, self.chance))
        if old is not None:
            row.ref = row.body["contact_id"] = old.body["contact_id"]
        self.kind("members").put(row)
        if status == "subscribed":
            self.vendor.webhooks.announce("subscribe", row, source)
        return row

    def alter(self, row: Row, given: dict[str, Any], skip: bool, source: str = "api") -> Row:
        """Write what differs; a member doesn't move where nothing does."""
        email = row.body["email_address"]
        if given.get("email_address") and given["email_address"] != email:
            email = self.vendor.values.checked_email(given["email_address"])
            other = self.find(email)
            if other is not None and other.seq != row.seq:
                raise Refused(self.exists(email))
        elif self.vendor.refuses(email):
            raise Refused(self.vendor.problem(400, "Invalid Resource", f"{email} was refused."))
        status = self.vendor.values.checked_status(given.get("status"), row) or row.body["status"]
        merges = self.vendor.values.checked_merges(given.get("merge_fields"), skip, False)
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
        """Keep what differs, and tell of each kind of change."""
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
            self.vendor.webhooks.announce("upemail", row, source, before)
        if before["status"] != body["status"] and body["status"] in EVENT_OF_STATUS:
            self.vendor.webhooks.announce(EVENT_OF_STATUS[body["status"]], row, source)
        if before["merge_fields"] != body["merge_fields"] or before["language"] != body["language"]:
            self.vendor.webhooks.announce("profile", row, source)
        return row

    def touch(self, row: Row) -> None:
        """Keep a member that was changed."""
        row.touch(self.clock.ms())
        row.body["last_changed"] = iso_s(row.updated)
        self.kind("members").put(row)

    def exists(self, email: str) -> Answer:
        """The refusal of a second member with an address."""
        detail = f"{email} is already a list member. Use PUT to insert or update list members."
        return self.vendor.problem(400, "Member Exists", detail)

    def add(self, call: Call) -> Answer:
        """A new member."""
        given = call.json()
        email = self.vendor.values.checked_email(given.get("email_address"))
        old = self.find(email)
        if old is not None and old.state == LIVE:
            raise Refused(self.exists(email))
        status = self.vendor.values.checked_status(given.get("status"), None)
        if status is None:
            raise self.vendor.invalid("status", "This value should not be blank.")
        return reply(self.shown(self.insert(given, status, skips(call))))

    def put(self, call: Call) -> Answer:
        """Make or change a member."""
        given = call.json()
        row = self.find(call.params["hash"])
        if row is not None and row.state == LIVE:
            return reply(self.shown(self.alter(row, given, skips(call))))
        status = self.vendor.values.checked_status(given.get("status_if_new") or given.get("status"), row)
        if status is None:
            raise self.vendor.invalid("status_if_new", "This value should not be blank.")
        return reply(self.shown(self.insert(given, status, skips(call))))

    def patch(self, call: Call) -> Answer:
        """Change a member."""
        return reply(self.shown(self.alter(self.found(call), call.json(), skips(call))))

    def archive(self, call: Call) -> Answer:
        """Archive a member."""
        row = self.found(call)
        if row.state == ARCHIVED:
            raise Refused(
                self.vendor.problem(405, "Method Not Allowed", "This list member cannot be removed.")
            )
        self.put_away(row, "api")
        return Answer(204)

    def put_away(self, row: Row, source: str) -> None:
        """Into the archive."""
        row.state = ARCHIVED
        row.body["status"] = "archived"
        self.touch(row)
        self.vendor.webhooks.announce("unsubscribe", row, source)

    def forget(self, call: Call) -> Answer:
        """Erase a member for good."""
        row = self.found(call)
        self.forgotten.add(row.email or "")
        self.kind("members").delete(row.id)
        return Answer(204)

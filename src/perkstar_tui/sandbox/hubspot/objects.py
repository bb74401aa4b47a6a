"""HubSpot's CRM objects, one at a time: contacts, companies, deals and orders."""

from typing import TYPE_CHECKING, Any

from ..clock import iso_ms
from ..resource import Resource
from ..state import ARCHIVED, LIVE, MERGED, Row, normal_email, normal_phone
from ..wire import Answer, Call, Refused, Routes, reply
from .associations import other_kind
from .kinds import DEFAULTS, contact_cell, created_name, modified_name

if TYPE_CHECKING:
    from .vendor import HubSpot


def words_of(call: Call, name: str) -> list[str]:
    """A list in the query, by commas or by repetition."""
    return [word for text in call.query.get(name, []) for word in text.split(",") if word]


class Objects(Resource):
    """Records of all kinds; contacts have an address that nobody else may have."""

    vendor: "HubSpot"

    def route(self, routes: Routes) -> None:
        """The paths of `/crm/v3/objects` for one record or a list."""
        objects = "/crm/v3/objects/{kind}"
        routes.add("GET", objects, self.listed)
        routes.add("POST", objects, self.create)
        routes.add("POST", f"{objects}/merge", self.merge)
        routes.add("POST", f"{objects}/gdpr-delete", self.gdpr_delete)
        routes.add("GET", f"{objects}/{{id}}", self.retrieve)
        routes.add("PATCH", f"{objects}/{{id}}", self.update)
        routes.add("DELETE", f"{objects}/{{id}}", self.archive)

    def full(self, kind: str, row: Row) -> dict[str, str]:
        """All properties, the vendor's own among them."""
        kept: dict[str, str] = row.body["properties"]
        return kept | {
            "hs_object_id": row.id,
            created_name(kind): iso_ms(row.created),
            modified_name(kind): iso_ms(row.updated),
        }

    def shape(
        self, kind: str, row: Row, wanted: list[str] | None, history: list[str] | None = None
    ) -> dict[str, Any]:
        """A record as it is shown, with the properties asked for besides the default ones."""
        known = self.full(kind, row)
        names = dict.fromkeys((*DEFAULTS[kind], *(wanted or ())))
        shown: dict[str, Any] = {
            "id": row.id,
            "properties": {name: known[name] for name in names if name in known},
            "createdAt": known[created_name(kind)],
            "updatedAt": known[modified_name(kind)],
            "archived": row.state == ARCHIVED,
        }
        if row.state == ARCHIVED:
            shown["archivedAt"] = iso_ms(row.updated)
        if history:
            shown["propertiesWithHistory"] = {
                name: [{"value": known[name], "timestamp": iso_ms(row.updated), "sourceType": "API"}]
                for name in history if name in known
            }  # fmt: skip
        return shown

    def listed(self, call: Call) -> Answer:
        """A page by id; `after` is the last id seen."""
        kind = self.vendor.kind_of(call)
        limit = call.number("limit", 10, 1)
        if limit > 100:
            raise self.vendor.invalid("Invalid limit: must be at most 100", "INVALID_LIMIT")
        after = call.arg("after", "0")
        if not after.isdigit():
            raise self.vendor.invalid("Invalid after: must be a number", "INVALID_AFTER")
        state = ARCHIVED if call.arg("archived") == "true" else LIVE
        rows = self.kind(kind).rows(
            "state = ? AND seq > ?", (state, int(after), limit + 1), "ORDER BY seq LIMIT ?"
        )
        wanted, history = words_of(call, "properties"), words_of(call, "propertiesWithHistory")
        body: dict[str, Any] = {"results": [self.shape(kind, row, wanted, history) for row in rows[:limit]]}
        if len(rows) > limit:
            mark = str(rows[limit - 1].seq)
            link = f"{call.base}{call.path}?limit={limit}&after={mark}"
            body["paging"] = {"next": {"after": mark, "link": link}}
        self.vendor.associations.add_to(kind, body["results"], words_of(call, "associations"))
        return reply(body, records=len(body["results"]))

    def found(self, kind: str, identifier: str, by: str = "", archived: bool = False) -> Row | None:
        """A record by id (also one that was merged away) or by a property with unique values."""
        if not by or by == "hs_object_id":
            row = self.kind(kind).get(identifier)
            if row is not None and row.state == MERGED:
                row = self.kind(kind).get(row.ref or "")
        elif by == "email" and kind == "contacts":
            row = self.kind(kind).first("state = 0 AND email = ?", normal_email(identifier))
        else:
            meta = self.vendor.properties.known[kind].get(by)
            if meta is None or not meta["hasUniqueValue"]:
                raise self.vendor.invalid(
                    f"Property {by} is not a unique property", "INVALID_ID_PROPERTY", by
                )
            path = f'$.properties."{by}"'
            row = self.kind(kind).first("state = 0 AND json_extract(body, ?) = ?", path, identifier)
        if row is None or row.state != (ARCHIVED if archived else LIVE):
            return None
        return row

    def retrieve(self, call: Call) -> Answer:
        """One record."""
        kind = self.vendor.kind_of(call)
        row = self.found(kind, call.params["id"], call.arg("idProperty"), call.arg("archived") == "true")
        if row is None:
            raise self.vendor.not_found()
        shown = self.shape(kind, row, words_of(call, "properties"), words_of(call, "propertiesWithHistory"))
        self.vendor.associations.add_to(kind, [shown], words_of(call, "associations"))
        return reply(shown, records=1)

    def refuse_bad(self, *emails: str | None) -> None:
        """Refuse what the profile `bad-records` names."""
        if self.vendor.refuses(*emails):
            raise self.vendor.invalid(
                "Property values were not valid: this record was refused", "INVALID_EMAIL", "email"
            )

    def insert(self, kind: str, properties: dict[str, str]) -> Row:
        """A new record; 409 where the address is somebody's."""
        if kind == "contacts":
            self.refuse_bad(properties.get("email"))
            self.free_email(properties.get("email"), "")
        self.free_values(kind, properties, "")
        return self.put_new(kind, properties)

    def put_new(self, kind: str, properties: dict[str, str], identifier: str = "") -> Row:
        """Keep a new record and tell of it."""
        now = self.clock.ms()
        seq = int(identifier) if identifier.isdigit() else self.kind(kind).next_seq()
        seq = seq if identifier else max(seq, 40_000_000_000) + self.chance.randrange(1, 900)
        row = Row.of(contact_cell(seq, now, now, properties))
        if kind != "contacts":
            row.email = row.phone = None
        self.kind(kind).put(row)
        self.vendor.webhooks.announce(kind, "creation", row)
        return row

    def free_email(self, email: str | None, own: str) -> None:
        """409 where another contact has the address."""
        if not email:
            return
        other = self.kind("contacts").first("state = 0 AND email = ? AND id <> ?", normal_email(email), own)
        if other is not None:
            message = f"Contact already exists. Existing ID: {other.id}"
            raise Refused(self.vendor.error(409, "CONFLICT", message))

    def free_values(self, kind: str, properties: dict[str, str], own: str) -> None:
        """409 where another record has a value that must be unique."""
        for name, value in properties.items():
            meta = self.vendor.properties.known[kind][name]
            if meta["hasUniqueValue"] and value and name not in ("email", "hs_object_id"):
                other = self.found(kind, value, name)
                if other is not None and other.id != own:
                    message = (
                        f"{name} {value} is already the value of another record. Existing ID: {other.id}"
                    )
                    raise Refused(self.vendor.error(409, "CONFLICT", message))

    def alter(self, kind: str, row: Row, properties: dict[str, str]) -> Row:
        """Write what differs; a record doesn't move where nothing does."""
        if kind == "contacts":
            self.refuse_bad(row.email, properties.get("email"))
            self.free_email(properties.get("email"), row.id)
        self.free_values(kind, properties, row.id)
        return self.write(kind, row, properties)

    def write(self, kind: str, row: Row, properties: dict[str, str], source: str = "INTEGRATION") -> Row:
        """Keep what differs, and tell of each property."""
        kept = row.body["properties"]
        changed = {name: value for name, value in properties.items() if kept.get(name, "") != value}
        if not changed:
            return row
        for name, value in changed.items():
            if value:
                kept[name] = value
            else:
                kept.pop(name, None)
        if kind == "contacts":
            row.email, row.phone = normal_email(kept.get("email")), normal_phone(kept.get("phone"))
        row.touch(self.clock.ms())
        self.kind(kind).put(row)
        for name, value in changed.items():
            self.vendor.webhooks.announce(kind, "propertyChange", row, name, value, source)
        return row

    def create(self, call: Call) -> Answer:
        """One new record."""
        kind = self.vendor.kind_of(call)
        given = call.json()
        row = self.insert(kind, self.vendor.values.checked(kind, given))
        for link in given.get("associations") or []:
            for way in link.get("types", []):
                other = other_kind(way.get("associationTypeId"), kind)
                self.vendor.associations.link(kind, row.id, other, str(link["to"]["id"]))
        return reply(self.shape(kind, row, list(given["properties"])), 201)

    def update(self, call: Call) -> Answer:
        """Change one record."""
        kind = self.vendor.kind_of(call)
        given = call.json()
        row = self.found(kind, call.params["id"], call.arg("idProperty"))
        if row is None:
            raise self.vendor.not_found()
        row = self.alter(kind, row, self.vendor.values.checked(kind, given))
        return reply(self.shape(kind, row, list(given["properties"])))

    def archive(self, call: Call) -> Answer:
        """Put a record into the bin; what is there already stays."""
        kind = self.vendor.kind_of(call)
        row = self.found(kind, call.params["id"])
        if row is not None:
            self.put_away(kind, row)
        return Answer(204)

    def put_away(self, kind: str, row: Row) -> None:
        """Into the bin."""
        row.state = ARCHIVED
        row.touch(self.clock.ms())
        self.kind(kind).put(row)
        self.vendor.webhooks.announce(kind, "deletion", row)

    def merge(self, call: Call) -> Answer:
        """Two records become one."""
        kind = self.vendor.kind_of(call)
        given = call.json()
        winner = self.found(kind, str(given["primaryObjectId"]))
        loser = self.found(kind, str(given["objectIdToMerge"]))
        if winner is None or loser is None or winner.id == loser.id:
            raise self.vendor.not_found()
        return reply(self.shape(kind, self.unite(kind, winner, loser), None))

    def unite(self, kind: str, winner: Row, loser: Row) -> Row:
        """Fill the winner's gaps from the loser, whose id leads to the winner from now on."""
        kept, other = winner.body["properties"], loser.body["properties"]
        filled = {name: value for name, value in other.items() if name not in kept}
        if other.get("email") and other["email"] != kept.get("email") and kept.get("email"):
            more = [text for text in kept.get("hs_additional_emails", "").split(";") if text]
            filled["hs_additional_emails"] = ";".join([*more, other["email"]])
        loser.state, loser.ref = MERGED, winner.id
        loser.touch(self.clock.ms())
        self.kind(kind).put(loser)
        self.write(kind, winner, filled or {"hs_additional_emails": kept.get("hs_additional_emails", "")})
        self.vendor.webhooks.announce(kind, "merge", winner, merged=[loser.id])
        return winner

    def gdpr_delete(self, call: Call) -> Answer:
        """Erase a contact for good."""
        given = call.json()
        row = self.found("contacts", str(given["objectId"]), given.get("idProperty") or "")
        if row is not None:
            self.kind("contacts").delete(row.id)
            self.vendor.webhooks.announce("contacts", "privacyDeletion", row)
        return Answer(204)

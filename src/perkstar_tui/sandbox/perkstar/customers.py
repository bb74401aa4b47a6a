"""The customers of a company."""

import re
from datetime import date
from typing import TYPE_CHECKING, Any

import orjson

from ..clock import iso_s
from ..conditions import Conditions
from ..ids import uuid7
from ..names import EMAIL
from ..resource import Resource
from ..state import LIVE, Cell, Row, normal_email, normal_phone
from ..wire import Answer, Call, Refused, Routes

if TYPE_CHECKING:
    from .vendor import Perkstar


def customer_cell(
    identifier: str, created: int, updated: int, fields: dict[str, Any], seq: int | None = None
) -> Cell:
    """A customer as it is kept."""
    body = {
        "id": identifier,
        "phone": fields.get("phone"),
        "email": fields.get("email"),
        "gender": fields.get("gender", 0),
        "dateOfBirth": fields.get("dateOfBirth"),
        "firstName": fields.get("firstName"),
        "surname": fields.get("surname"),
        "externalUserId": fields.get("externalUserId"),
        "createdAt": iso_s(created),
        "updatedAt": iso_s(updated),
        "segments": fields.get("segments", []),
    }
    return (
        seq, identifier, normal_email(body["email"]), normal_phone("+" + (body["phone"] or "")), None,
        created, updated, LIVE, orjson.dumps(body).decode(),
    )  # fmt: skip


class Customers(Resource):
    """Customers; an address and a phone are one customer's alone."""

    vendor: "Perkstar"

    def route(self, routes: Routes) -> None:
        """The paths of `/api/v2/customers`."""
        base = "/api/v2/customers"
        routes.add("GET", base, self.listed)
        routes.add("POST", base, self.create)
        routes.add("GET", f"{base}/{{id}}", self.retrieve)
        routes.add("PATCH", f"{base}/{{id}}", self.patch)
        routes.add("DELETE", f"{base}/{{id}}", self.delete)

    def retrieve(self, call: Call) -> Answer:
        """One customer."""
        return self.vendor.data(self.vendor.live("customers", call.params["id"]).body, records=1)

    def listed(self, call: Call) -> Answer:
        """Customers, all or by exact phone or address."""
        conditions = self.like(call.arg("phone"), call.arg("email"))
        return self.vendor.lists.stored(call, "customers", conditions, join=False)

    def like(self, phone: str, email: str) -> Conditions:
        """Who has this phone and this address, where they are given."""
        conditions = Conditions("state = 0")
        if phone:
            conditions.add("phone = ?", "".join(c for c in phone if c.isdigit()))
        if email:
            conditions.add("email = ?", normal_email(email))
        return conditions

    def ids_like(self, phone: str, email: str) -> list[str]:
        """The ids of those."""
        conditions = self.like(phone, email)
        return [row.id for row in self.kind("customers").rows(conditions.where, conditions.values)]

    def wanted(self, given: dict[str, Any], *, create: bool) -> dict[str, Any]:
        """The members that a body sets, checked; 422 where one is wrong."""
        fields: dict[str, Any] = {}
        if create or "firstName" in given:
            first = given.get("firstName")
            if not isinstance(first, str) or not first.strip():
                raise self.vendor.unprocessable("firstName", "is required")
        for name in ("firstName", "surname", "externalUserId"):
            if name in given:
                value = given[name]
                if value is not None and (not isinstance(value, str) or len(value) > 10_000):
                    raise self.vendor.unprocessable(name, "must be a text of at most 10000 characters")
                fields[name] = value or None
        if "email" in given:
            email = given["email"] or None
            if email is not None and (not isinstance(email, str) or not EMAIL.fullmatch(email.strip())):
                raise self.vendor.unprocessable("email", "is not a valid email address")
            fields["email"] = email.strip() if email else None
        if create and given.get("phone"):
            phone = str(given["phone"])
            digits = "".join(c for c in phone if c.isdigit())
            if not 7 <= len(digits) <= 15 or re.search(r"[^\d+()\-\s.]", phone):
                raise self.vendor.unprocessable("phone", "must be digits with the country code")
            fields["phone"] = digits
        if "gender" in given:
            if given["gender"] not in (None, 0, 1, 2):
                raise self.vendor.unprocessable("gender", "must be 0, 1 or 2")
            fields["gender"] = given["gender"] or 0
        if "dateOfBirth" in given:
            fields["dateOfBirth"] = given["dateOfBirth"] or None
            if fields["dateOfBirth"] is not None:
                try:
                    date.fromisoformat(fields["dateOfBirth"])
                except ValueError:
                    raise self.vendor.unprocessable("dateOfBirth", "must be a date, Y-m-d") from None
        return fields

    def clash(self, email: str | None, phone: str | None, own: str = "") -> None:
        """409 where somebody else has the address or the phone."""
        for name, value in (("email", normal_email(email)), ("phone", phone)):
            if value is not None:
                other = self.kind("customers").first(f"state = 0 AND {name} = ? AND id <> ?", value, own)
                if other is not None:
                    raise Refused(self.vendor.refusal(409, f"A customer with this {name} already exists"))

    def refuse_bad(self, *emails: str | None) -> None:
        """Refuse what the profile `bad-records` names."""
        if self.vendor.refuses(*emails):
            raise self.vendor.unprocessable("email", "this record was refused")

    def create(self, call: Call) -> Answer:
        """A new customer, unless the address or the phone is taken."""
        fields = self.wanted(call.json(), create=True)
        self.refuse_bad(fields.get("email"))
        self.clash(fields.get("email"), fields.get("phone"))
        return self.vendor.data(self.put_new(fields), 201)

    def put_new(self, fields: dict[str, Any], identifier: str = "") -> dict[str, Any]:
        """Keep a new customer and tell of it."""
        now = self.clock.ms()
        row = Row.of(customer_cell(identifier or uuid7(now, self.chance), now, now, fields))
        self.kind("customers").put(row)
        self.vendor.webhooks.announce("CustomerCreatedEvent", {
            "id": row.id, "email": row.body["email"], "phone": row.body["phone"],
            "first_name": row.body["firstName"], "last_name": row.body["surname"],
        })  # fmt: skip
        return row.body

    def write(self, row: Row, fields: dict[str, Any]) -> dict[str, Any]:
        """Write what differs; nothing is written where nothing does."""
        if any(row.body.get(name) != value for name, value in fields.items()):
            row.body.update(fields)
            row.email = normal_email(row.body["email"])
            row.phone = normal_phone("+" + (row.body["phone"] or ""))
            row.touch(self.clock.ms())
            row.body["updatedAt"] = iso_s(row.updated)
            self.kind("customers").put(row)
        return row.body

    def patch(self, call: Call) -> Answer:
        """Change a customer; a phone in the body is passed over, since it can't be changed here."""
        row = self.vendor.live("customers", call.params["id"])
        fields = self.wanted(call.json(), create=False)
        self.refuse_bad(row.email, fields.get("email"))
        if "email" in fields:
            self.clash(fields["email"], None, row.id)
        return self.vendor.data(self.write(row, fields))

    def delete(self, call: Call) -> Answer:
        """Remove a customer and the cards."""
        row = self.vendor.live("customers", call.params["id"])
        self.remove(row)
        return self.vendor.data({"id": row.id})

    def remove(self, row: Row) -> None:
        """Take a customer and the cards away."""
        for card in self.kind("cards").rows("ref = ?", (row.id,)):
            self.vendor.cards.remove(card)
        self.kind("customers").delete(row.id)

"""Mailchimp: members of one audience, consent that never rises by itself, and writes answered by e-mail address."""

from datetime import UTC, datetime
from typing import Any

import pytest
from vendor import Vendor, create, ids, pages, update

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Change, Presence
from perkstar_tui.platforms.hooks.mailchimp import address_hash

CUSTOMERS = DataType.CUSTOMERS
NOON = 1795521600
LISTS = {"lists": [{"id": "L1", "name": "Shop"}], "total_items": 1}


def member(
    email: str, status: str = "subscribed", changed: int = NOON - 9999, **merge: Any
) -> dict[str, Any]:
    return {
        "id": address_hash(email),
        "contact_id": f"c-{email}",
        "email_address": email,
        "status": status,
        "merge_fields": merge,
        "last_changed": datetime.fromtimestamp(changed, UTC).isoformat(),
    }


class Audience:
    """An audience with reads and batch writes as Mailchimp has them."""

    def __init__(self, *members: dict[str, Any]) -> None:
        self.members = {row["email_address"].lower(): row for row in members}
        self.during: Any = None
        self.vendor = Vendor(
            {
                r"GET /3.0/lists": lambda query: LISTS,
                r"GET /3.0/lists/L1/members": self.page,
                r"GET /3.0/lists/L1/members/(.+)": self.one,
                r"PATCH /3.0/lists/L1/members/(.+)": self.patch,
                r"POST /3.0/lists/L1": self.post,
            }
        )

    def page(self, query: dict[str, str]) -> Any:
        begin = query.get("since_last_changed", "1970")
        found = sorted(
            (row for row in self.members.values() if row["last_changed"] > begin),
            key=lambda row: row["last_changed"],
        )
        skip, size = int(query["offset"]), int(query["count"])
        answer = {"members": found[skip : skip + size], "total_items": len(found)}
        if self.during is not None:
            self.during()
        return answer

    def find(self, address: str) -> dict[str, Any] | None:
        return next((row for row in self.members.values() if address in (row["id"], row["contact_id"])), None)

    def one(self, address: str, query: Any) -> Any:
        return self.find(address) or (404, {"title": "Resource Not Found", "status": 404})

    def patch(self, address: str, body: dict[str, Any]) -> Any:
        row = self.find(address)
        if row is None:
            return 404, {"title": "Resource Not Found"}
        row.update({name: value for name, value in body.items() if name != "merge_fields"})
        row["merge_fields"].update(body.get("merge_fields", {}))
        return row

    def post(self, body: dict[str, Any]) -> Any:
        new, changed, errors = [], [], []
        for given in body["members"]:
            email = given["email_address"]
            row = self.members.get(email.lower())
            if "bad" in email:
                field = {"field": "FNAME", "field_message": "too long"}
                errors.append({"email_address": email, "error": "no", "error_code": "ERROR_GENERIC", **field})
            elif row is None and not given.get("status"):
                errors.append(
                    {"email_address": email, "error": "needs a status", "error_code": "ERROR_GENERIC"}
                )
            elif row is None:
                row = member(email, given["status"], **given.get("merge_fields", {}))
                self.members[email.lower()] = row
                new.append(row)
            elif not body["update_existing"]:
                errors.append(
                    {"email_address": email, "error": "is here", "error_code": "ERROR_CONTACT_EXISTS"}
                )
            else:
                row["status"] = given.get("status", row["status"])
                row["merge_fields"].update(given.get("merge_fields", {}))
                changed.append(row)
        return {"new_members": new, "updated_members": changed, "errors": errors}

    def status(self, email: str) -> str:
        return str(self.members[email]["status"])


async def test_a_first_read_is_a_thousand_a_page_with_flat_fields() -> None:
    rows = [member(f"p{n}@x.test", changed=NOON - 90_000 + 10 * n, FNAME=f"P{n}") for n in range(1500)]
    audience = Audience(*rows)
    found = await pages(audience.vendor.connect("mailchimp"), CUSTOMERS)
    assert set(ids(found)) == {row["contact_id"] for row in rows}
    assert found[0].records[0].fields["merge_fields.FNAME"] == "P0"
    assert found[0].records[0].version == "p0@x.test"
    assert [page.last for page in found] == [False, True] and found[0].total == 1500
    assert found[-1].cursor == {"list": "L1", "since": NOON}


async def test_an_unchanged_audience_costs_one_request() -> None:
    audience = Audience(member("a@x.test"))
    found = await pages(audience.vendor.connect("mailchimp"), CUSTOMERS, {"list": "L1", "since": NOON})
    assert ids(found) == [] and len(audience.vendor.log) == 1


async def test_members_changed_in_one_second_are_read_completely() -> None:
    rows = [member(f"p{n}@x.test", changed=NOON - 5000) for n in range(2500)]
    found = await pages(Audience(*rows).vendor.connect("mailchimp"), CUSTOMERS)
    assert len(set(ids(found))) == 2500 and found[-1].last


async def test_a_member_that_changes_while_the_list_is_read_moves_nobody_out_of_sight() -> None:
    audience = Audience(*(member(f"p{n}@x.test", changed=NOON - 9000 + n) for n in range(2500)))
    moved = iter(range(0, 500, 50))

    def touch() -> None:
        row = audience.members[f"p{next(moved)}@x.test"]
        row["last_changed"] = datetime.fromtimestamp(NOON, UTC).isoformat()

    audience.during = touch
    found = await pages(audience.vendor.connect("mailchimp"), CUSTOMERS)
    assert len(set(ids(found))) == 2500


async def test_a_cut_off_first_read_goes_on_and_is_then_not_complete() -> None:
    audience = Audience(*(member(f"p{n}@x.test", changed=NOON - 9000 + n) for n in range(2500)))
    first = await pages(audience.vendor.connect("mailchimp"), CUSTOMERS)
    rest = await pages(audience.vendor.connect("mailchimp"), CUSTOMERS, first[0].cursor)
    assert len(set(ids(first[:1]) + ids(rest))) == 2500
    assert not any(page.last for page in rest)


async def test_another_audience_begins_anew() -> None:
    audience = Audience(member("a@x.test"))
    cursor = {"list": "L0", "since": NOON}
    found = await pages(audience.vendor.connect("mailchimp", list_id="L1"), CUSTOMERS, cursor)
    assert ids(found) == ["c-a@x.test"] and found[-1].last


async def test_several_audiences_are_named_with_their_ids() -> None:
    lists = {"lists": [{"id": "L1", "name": "Shop"}, {"id": "L2", "name": "Staff"}]}
    vendor = Vendor({r"GET /3.0/lists": lambda query: lists, r"GET /3.0/": lambda query: {"account_id": "A"}})
    with pytest.raises(PerkstarError) as caught:
        await vendor.connect("mailchimp").identify()
    assert "Shop (L1), Staff (L2)" in caught.value.message and caught.value.field == "list_id"


async def test_a_new_member_without_consent_is_sent_nothing() -> None:
    audience = Audience()
    changes = [
        create("a", email_address="a@x.test"),
        create("b", email_address="b@x.test", status="subscribed"),
    ]
    answers = await audience.vendor.connect("mailchimp").send(CUSTOMERS, changes)
    assert (audience.status("a@x.test"), audience.status("b@x.test")) == ("transactional", "subscribed")
    assert all(answer.created for answer in answers)
    assert answers[0].record is not None and answers[0].record.id == "c-a@x.test"


async def test_a_create_never_touches_a_member_that_is_there_already() -> None:
    audience = Audience(member("Ana@x.test", "unsubscribed", FNAME="Ana"))
    changes = [Change("k", None, {"email_address": "ana@x.test", "merge_fields.FNAME": "Anna"})]
    [answer] = await audience.vendor.connect("mailchimp").send(CUSTOMERS, changes)
    assert answer.error is not None and answer.error.kind is ErrorKind.DUPLICATE
    assert answer.record is not None and answer.record.id == "c-Ana@x.test"
    assert audience.members["ana@x.test"]["merge_fields"] == {"FNAME": "Ana"}
    assert audience.status("ana@x.test") == "unsubscribed"


async def test_known_members_are_changed_in_one_batch_by_their_address() -> None:
    audience = Audience(*(member(f"p{n}@x.test") for n in range(200)))
    changes = [
        Change(f"k{n}", f"c-p{n}@x.test", {"merge_fields.PKPOINTS": n}, f"p{n}@x.test") for n in range(200)
    ]
    answers = await audience.vendor.connect("mailchimp").send(CUSTOMERS, changes)
    assert [a.record.id if a.record else None for a in answers] == [c.remote_id for c in changes]
    assert audience.members["p7@x.test"]["merge_fields"] == {"PKPOINTS": 7}
    assert len(audience.vendor.asked("POST .*")) == 1 and len(audience.vendor.asked("PATCH .*")) == 0


async def test_a_member_whose_address_was_changed_there_is_found_by_its_id() -> None:
    row = member("old@x.test")
    row["email_address"] = "new@x.test"
    audience = Audience()
    audience.members["new@x.test"] = row
    changes = [Change("k", row["contact_id"], {"merge_fields.FNAME": "Ana"}, "old@x.test")]
    [answer] = await audience.vendor.connect("mailchimp").send(CUSTOMERS, changes)
    assert answer.error is None and answer.record is not None and answer.record.version == "new@x.test"
    assert row["merge_fields"] == {"FNAME": "Ana"} and len(audience.members) == 1


async def test_a_new_address_keeps_the_member() -> None:
    audience = Audience(member("old@x.test"))
    change = update("k", "c-old@x.test", "old@x.test", email_address="new@x.test")
    [answer] = await audience.vendor.connect("mailchimp").send(CUSTOMERS, [change])
    assert answer.record is not None and answer.record.id == "c-old@x.test"
    assert answer.record.fields["email_address"] == "new@x.test"


async def test_who_unsubscribed_is_never_subscribed_again() -> None:
    audience = Audience(member("a@x.test", "unsubscribed"), member("b@x.test", "transactional"))
    changes = [update(f"k{e}", f"c-{e}", e, status="subscribed") for e in ("a@x.test", "b@x.test")]
    await audience.vendor.connect("mailchimp").send(CUSTOMERS, changes)
    assert (audience.status("a@x.test"), audience.status("b@x.test")) == ("unsubscribed", "subscribed")


async def test_a_refused_member_names_its_field_and_the_rest_is_written() -> None:
    audience = Audience()
    changes = [
        create("a", email_address="bad@x.test"),
        create("b", email_address="b@x.test"),
        create("c", x=1),
    ]
    answers = await audience.vendor.connect("mailchimp").send(CUSTOMERS, changes)
    assert [a.error.field if a.error else None for a in answers] == [
        "merge_fields.FNAME",
        None,
        "email_address",
    ]


async def test_what_became_of_members_is_told_apart() -> None:
    audience = Audience(member("a@x.test"), member("b@x.test", "archived"))
    found = await audience.vendor.connect("mailchimp").get(CUSTOMERS, ["c-a@x.test", "c-b@x.test", "c-z"])
    assert [presence for presence, _ in found.values()] == [Presence.THERE, Presence.ARCHIVED, Presence.GONE]


async def test_a_bare_403_means_too_many_calls_and_one_with_words_does_not() -> None:
    import httpx
    from still import StillClock

    clock = StillClock()
    answers = iter([httpx.Response(403), httpx.Response(200, json={"merge_fields": []})])
    vendor = Vendor({r"GET /3.0/lists/L1/merge-fields": lambda query: next(answers)})
    await vendor.connect("mailchimp", clock, list_id="L1").fields(CUSTOMERS)
    assert clock.slept == [5.0]
    refusing = Vendor({r"GET .*": lambda query: (403, {"title": "Forbidden", "detail": "no"})})
    with pytest.raises(PerkstarError) as caught:
        await refusing.connect("mailchimp", list_id="L1").fields(CUSTOMERS)
    assert caught.value.kind is ErrorKind.PERMISSION_MISSING

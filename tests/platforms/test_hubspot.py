"""HubSpot: walks that lose nothing, batches that are answered one by one, and records that are no longer there."""

from datetime import UTC, datetime
from typing import Any

import pytest
from vendor import Vendor, create, ids, pages, update

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Change, Presence

CUSTOMERS = DataType.CUSTOMERS
NOON = 1795521600000
"""12:00 on 24 November 2026, which the answers' Date header says too."""
OVERLAP = 60_000


def time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Contacts:
    """Contacts with list and search as HubSpot has them."""

    def __init__(self, times: dict[int, int]) -> None:
        self.times = times
        self.during: Any = None
        self.vendor = Vendor(
            {
                r"GET /crm/v3/objects/contacts": self.list,
                r"POST /crm/v3/objects/contacts/search": self.search,
            }
        )

    def row(self, id_: int) -> dict[str, Any]:
        changed = time(self.times[id_])
        properties = {"email": f"p{id_}@x.test", "lastmodifieddate": changed, "hs_object_id": str(id_)}
        return {"id": str(id_), "properties": properties, "updatedAt": changed, "archived": False}

    def list(self, query: dict[str, str]) -> dict[str, Any]:
        rest = [id_ for id_ in sorted(self.times) if id_ >= int(query.get("after", 0))]
        size = int(query["limit"])
        answer: dict[str, Any] = {"results": [self.row(id_) for id_ in rest[:size]]}
        if rest[size:]:
            answer["paging"] = {"next": {"after": str(rest[size])}}
        return answer

    def search(self, body: dict[str, Any]) -> dict[str, Any]:
        begin, skip, size = 0, int(body.get("after", 0)), body["limit"]
        assert skip + size <= 10_000, "HubSpot refuses to go further"
        found = list(self.times)
        for rule in body["filterGroups"][0]["filters"]:
            begin = int(rule["value"])
            match rule["propertyName"], rule["operator"]:
                case "lastmodifieddate", "GTE":
                    found = [i for i in found if self.times[i] >= begin]
                case "lastmodifieddate", "EQ":
                    found = [i for i in found if self.times[i] == begin]
                case "hs_object_id", "GT":
                    found = [i for i in found if i > begin]
        by_id = body["sorts"] == ["hs_object_id"]
        found.sort(key=lambda i: (0 if by_id else self.times[i], i))
        answer: dict[str, Any] = {
            "total": len(found),
            "results": [self.row(i) for i in found[skip : skip + size]],
        }
        if len(found) > skip + size:
            answer["paging"] = {"next": {"after": str(skip + size)}}
        if self.during is not None:
            self.during()
        return answer


async def test_a_first_read_takes_pages_of_a_hundred_and_then_asks_for_changes() -> None:
    shop = Contacts(dict.fromkeys(range(250), NOON - 10000000))
    found = await pages(shop.vendor.connect("hubspot"), CUSTOMERS)
    assert len(set(ids(found))) == 250
    assert len(shop.vendor.log) == 3
    assert [page.last for page in found] == [False, False, True]
    assert found[-1].cursor == {"since": NOON}


async def test_a_first_read_goes_on_from_its_last_page_and_is_then_not_complete() -> None:
    shop = Contacts(dict.fromkeys(range(250), 1))
    first = await pages(shop.vendor.connect("hubspot"), CUSTOMERS)
    rest = await pages(shop.vendor.connect("hubspot"), CUSTOMERS, first[0].cursor)
    assert ids(rest) == [str(n) for n in range(100, 250)]
    assert not any(page.last for page in rest)
    assert rest[-1].cursor == {"since": NOON}


async def test_an_unchanged_account_costs_one_request() -> None:
    shop = Contacts(dict.fromkeys(range(250), NOON - 10000000))
    found = await pages(shop.vendor.connect("hubspot"), CUSTOMERS, {"since": NOON})
    assert ids(found) == [] and len(shop.vendor.log) == 1
    assert found[-1].cursor == {"since": NOON} and not found[-1].last


async def test_changes_shortly_before_the_cursor_are_read_again() -> None:
    shop = Contacts({1: NOON - OVERLAP - 1, 2: NOON - OVERLAP, 3: NOON})
    assert ids(await pages(shop.vendor.connect("hubspot"), CUSTOMERS, {"since": NOON})) == ["2", "3"]


async def test_a_contact_that_changes_while_changes_are_read_moves_nobody_out_of_sight() -> None:
    shop = Contacts({n: NOON + n for n in range(600)})
    moved = iter(range(0, 100, 7))

    def touch() -> None:
        shop.times[next(moved)] = NOON + 100_000

    shop.during = touch
    found = await pages(shop.vendor.connect("hubspot"), CUSTOMERS, {"since": NOON})
    assert set(ids(found)) == {str(n) for n in range(600)}


async def test_each_page_of_changes_can_be_gone_on_from() -> None:
    shop = Contacts({n: NOON + n for n in range(600)})
    found = await pages(shop.vendor.connect("hubspot"), CUSTOMERS, {"since": NOON})
    rest = await pages(shop.vendor.connect("hubspot"), CUSTOMERS, found[0].cursor)
    assert set(ids(found[:1]) + ids(rest)) == {str(n) for n in range(600)}


@pytest.mark.parametrize("many", [201, 450, 10_500])
async def test_a_crowd_changed_in_one_millisecond_is_read_completely(many: int) -> None:
    shop = Contacts(dict.fromkeys(range(1, many + 1), NOON) | {50_000: NOON + 5})
    found = await pages(shop.vendor.connect("hubspot"), CUSTOMERS, {"since": NOON})
    assert set(ids(found)) == {str(n) for n in [*range(1, many + 1), 50_000]}


def batch(act: str, handler: Any) -> Vendor:
    return Vendor({rf"POST /crm/v3/objects/contacts/batch/{act}": handler, **LOOKUPS})


def made(entry: dict[str, Any], id_: str) -> dict[str, Any]:
    return {"id": id_, "properties": entry["properties"], "objectWriteTraceId": entry["objectWriteTraceId"]}


LOOKUPS = {
    r"POST /crm/v3/objects/contacts/batch/read": lambda body: {
        "results": [{"id": entry["id"], "properties": {"email": "known@x.test"}} for entry in body["inputs"]]
    }
}


async def test_a_partly_refused_batch_is_answered_one_by_one_in_order() -> None:
    def answer(body: dict[str, Any]) -> Any:
        results = [made(e, str(n)) for n, e in enumerate(body["inputs"]) if e["properties"]["email"] != "bad"]
        error = {
            "category": "VALIDATION_ERROR",
            "message": 'not valid: [{"isValid":false,"error":"INVALID_EMAIL","name":"email"}]',
            "context": {"objectWriteTraceId": ["b"]},
        }
        return 207, {"status": "COMPLETE", "results": results[::-1], "errors": [error]}

    vendor = batch("create", answer)
    changes = [create("a", email="a@x.test"), create("b", email="bad"), create("c", email="c@x.test")]
    answers = await vendor.connect("hubspot").send(CUSTOMERS, changes)
    assert [a.key for a in answers] == ["a", "b", "c"]
    assert [a.record.fields["email"] if a.record else None for a in answers] == ["a@x.test", None, "c@x.test"]
    assert answers[1].error is not None
    assert (answers[1].error.kind, answers[1].error.field) == (ErrorKind.RECORD_REJECTED, "email")
    assert len(vendor.log) == 1


async def test_a_batch_refused_whole_is_halved_until_the_culprit_stands_alone() -> None:
    def answer(body: dict[str, Any]) -> Any:
        if any(entry["properties"]["email"] == "known@x.test" for entry in body["inputs"]):
            words = "Contact already exists. Existing ID: 51"
            return 409, {"status": "error", "category": "CONFLICT", "message": words}
        return 201, {
            "status": "COMPLETE",
            "results": [made(e, e["objectWriteTraceId"]) for e in body["inputs"]],
        }

    vendor = batch("create", answer)
    changes = [create(str(n), email="known@x.test" if n == 37 else f"{n}@x.test") for n in range(100)]
    answers = await vendor.connect("hubspot").send(CUSTOMERS, changes)
    assert [a.key for a in answers if a.error is not None] == ["37"]
    assert answers[37].error is not None and answers[37].error.kind is ErrorKind.DUPLICATE
    assert answers[37].record is not None and answers[37].record.id == "51"
    assert all(a.created and a.record is not None for a in answers if a.key != "37")
    assert len(vendor.asked(r"POST .*create")) < 20


async def test_an_error_that_names_no_record_is_found_by_trying_what_is_left() -> None:
    def answer(body: dict[str, Any]) -> Any:
        results = [
            made(e, e["objectWriteTraceId"]) for e in body["inputs"] if e["properties"]["email"] != "bad"
        ]
        errors = [{"category": "VALIDATION_ERROR", "message": "one is wrong"}]
        return 207, {"results": results, "errors": errors if len(results) < len(body["inputs"]) else []}

    answers = (
        await batch("create", answer)
        .connect("hubspot")
        .send(CUSTOMERS, [create("a", email="a@x.test"), create("b", email="bad")])
    )
    assert answers[0].record is not None and answers[0].record.id == "a"
    assert answers[1].error is not None and answers[1].error.vendor_words == "one is wrong"


async def test_values_are_written_as_text_and_empty_clears() -> None:
    vendor = batch("update", lambda body: {"results": [made(e, e["id"]) for e in body["inputs"]]})
    change = Change("k", "7", {"perkstar_points": 120, "phone": None, "hs_flag": True})
    [answer] = await vendor.connect("hubspot").send(CUSTOMERS, [change])
    [sent] = vendor.asked(r".*update")[0]["inputs"]
    assert sent == {
        "id": "7",
        "objectWriteTraceId": "k",
        "properties": {"perkstar_points": "120", "phone": "", "hs_flag": "true"},
    }
    assert answer.record is not None and not answer.created


async def test_a_property_that_vanished_is_left_out_and_the_rest_written() -> None:
    def answer(body: dict[str, Any]) -> Any:
        if any("gone_field" in entry["properties"] for entry in body["inputs"]):
            words = 'Property values were not valid: Property "gone_field" does not exist'
            return 400, {"category": "VALIDATION_ERROR", "message": words}
        return {"results": [made(e, e["id"]) for e in body["inputs"]]}

    vendor = batch("update", answer)
    changes = [update(f"k{n}", str(n), firstname="Ana", gone_field="x") for n in range(1, 51)]
    answers = await vendor.connect("hubspot").send(CUSTOMERS, changes)
    assert all(a.record is not None and a.record.fields["gone_field"] is None for a in answers)
    assert len(vendor.log) == 2


async def test_what_became_of_records_is_told_apart() -> None:
    def batch_read(body: dict[str, Any]) -> Any:
        asked = {entry["id"] for entry in body["inputs"]}
        return {"results": [{"id": "1", "properties": {}}] if "1" in asked else []}

    def archived(body: dict[str, Any]) -> Any:
        return {"results": [{"id": "2", "properties": {}, "archived": True}]}

    calls = iter([batch_read, archived])

    def one(id_: str, query: Any) -> Any:
        if id_ == "3":
            return {"id": "1", "properties": {}}
        return 404, {"category": "OBJECT_NOT_FOUND", "message": "resource not found"}

    vendor = Vendor(
        {
            r"POST /crm/v3/objects/contacts/batch/read": lambda body: next(calls)(body),
            r"GET /crm/v3/objects/contacts/(\d+)": one,
        }
    )
    found = await vendor.connect("hubspot").get(CUSTOMERS, ["1", "2", "3", "4"])
    assert {id_: presence for id_, (presence, _) in found.items()} == {
        "1": Presence.THERE,
        "2": Presence.ARCHIVED,
        "3": Presence.MERGED,
        "4": Presence.GONE,
    }
    assert found["3"][1] is not None and found["3"][1].id == "1"


async def test_missing_properties_are_made_once_in_a_group_of_their_own() -> None:
    there = [{"name": "email"}, {"name": "perkstar_points"}]
    vendor = Vendor(
        {
            r"GET /crm/v3/properties/contacts": lambda query: {"results": there},
            r"POST /crm/v3/properties/contacts/groups": lambda body: (409, {"message": "exists"}),
            r"POST /crm/v3/properties/contacts/batch/create": lambda body: (201, {"results": []}),
        }
    )
    made_now = await vendor.connect("hubspot").ensure_fields(
        CUSTOMERS, ["perkstar_points", "perkstar_tier", "email"]
    )
    assert made_now == ["perkstar_tier"]
    [body] = vendor.asked(r".*batch/create")
    assert [entry["name"] for entry in body["inputs"]] == ["perkstar_tier"]


async def test_a_dated_version_changes_every_path() -> None:
    vendor = Vendor({r"GET /crm/properties/2026-03/contacts": lambda query: {"results": []}})
    assert await vendor.connect("hubspot", api_version="2026-03").fields(CUSTOMERS) == []


@pytest.mark.parametrize(("policy", "wait"), [("SECONDLY", 1.0), ("TEN_SECONDLY_ROLLING", 10.0)])
async def test_each_limit_has_its_own_wait(policy: str, wait: float) -> None:
    from still import StillClock

    answers = iter([(429, {"policyName": policy, "errorType": "RATE_LIMIT"}), {"results": []}])
    clock = StillClock()
    vendor = Vendor({r"GET /crm/v3/properties/contacts": lambda query: next(answers)})
    await vendor.connect("hubspot", clock).fields(CUSTOMERS)
    assert clock.slept == [wait]


STRANGE = [{"results": [{"nothing": "known"}]}, {"results": {"a": 1}}, {"results": [7]}, {"results": None}]


@pytest.mark.parametrize("answer", STRANGE)
async def test_an_answer_of_unknown_form_is_the_vendors_trouble_and_no_crash(answer: Any) -> None:
    vendor = Vendor({r".*": lambda given: answer})
    connector = vendor.connect("hubspot")
    for ask in (
        pages(connector, CUSTOMERS),
        pages(connector, CUSTOMERS, {"since": NOON}),
        connector.fields(CUSTOMERS),
        connector.get(CUSTOMERS, ["1"]),
        connector.find(CUSTOMERS, "phone", "+447700900123"),
        connector.send(CUSTOMERS, [update("k", "1", firstname="Ana")]),
    ):
        with pytest.raises(PerkstarError) as caught:
            await ask
        assert caught.value.kind in (ErrorKind.SERVICE_UNAVAILABLE, ErrorKind.NETWORK)

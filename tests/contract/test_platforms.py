"""What the engine relies on, asked of every platform of the catalog against the sandbox.

Each request that these tests make is also held against the vendor's own description, where that lies beside the
project.
"""

import math
from typing import Any
from uuid import uuid4

import pytest
from description import FILES
from places import BY_FILES, CATALOG, Place, change
from still import HeldCredential

from perkstar_tui.model.enums import DataType, Write
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import MOMENTS, Change, Page, Presence, Told
from perkstar_tui.platforms import walks
from perkstar_tui.platforms.base import OF_RECORD
from perkstar_tui.platforms.manifest import Manifest
from perkstar_tui.sync.mapping import transform
from perkstar_tui.sync.moments import TITLES

CUSTOMERS = DataType.CUSTOMERS
WRITES = pytest.mark.where(lambda m, _: m.data[CUSTOMERS].to_platform)
"""Contracts about what is written: some platforms only give."""
SPANS = pytest.mark.where(
    lambda m, _: m.data[CUSTOMERS].read is None or m.data[CUSTOMERS].read.walk != "span"
)
"""Contracts about everything that is there: by spans only what changed in reach is read, and never all."""


async def pages(connector: Any, cursor: dict[str, Any] | None = None, **more: Any) -> list[Page]:
    return [page async for page in connector.read(CUSTOMERS, cursor, **more)]


def ids(found: list[Page]) -> list[str]:
    return [record.id for page in found for record in page.records]


async def created(place: Place, connector: Any, count: int = 1) -> list[Any]:
    answers = await connector.send(CUSTOMERS, [change(place) for _ in range(count)])
    assert all(answer.error is None for answer in answers)
    return [answer.record for answer in answers]


@pytest.mark.parametrize("platform", sorted(FILES.keys() & CATALOG.keys()))
def test_the_vendors_description_is_at_hand(platform: str) -> None:
    if not all(file.exists() for file, _ in FILES[platform]):
        pytest.skip(f"{platform}'s API description does not lie in ../shared: requests are not judged")


def asks_names(place: Place) -> int:
    """One request more where a vendor's own names of our fields have to be asked for, once."""
    spec = place.manifest.data[CUSTOMERS].discover
    return int(spec is not None and spec.by_label)


# -- connecting ------------------------------------------------------------------------------------------------


async def test_the_credential_says_whose_it_is(place: Place) -> None:
    account = await place.connect().identify()
    assert account.id and account.name == account.name.strip()


async def test_a_wrong_credential_is_refused(place: Place) -> None:
    given = {field.name for form in place.manifest.auth for field in form.fields if field.secret}
    secrets = {"access_token", "refresh_token", *given} & place.credential.secret.keys()
    place.credential = HeldCredential(**{**place.credential.secret, **dict.fromkeys(secrets, "wrong-us21")})
    with pytest.raises(PerkstarError) as caught:
        await place.connect().identify()
    assert caught.value.kind is ErrorKind.CREDENTIAL_REFUSED
    assert "wrong-us21" not in repr(vars(caught.value))


async def test_every_field_of_the_manifest_is_found_at_the_vendor(place: Place) -> None:
    connector = place.connect()
    specs = place.manifest.data[CUSTOMERS].fields
    paths = [spec.remote for spec in specs if spec.create]
    await connector.ensure_fields(CUSTOMERS, paths)
    assert await connector.ensure_fields(CUSTOMERS, paths) == []
    found = {field.path: field for field in await connector.fields(CUSTOMERS)}
    missing = [spec.remote for spec in specs if spec.default and spec.remote not in found]
    assert missing == []
    assert all(found[spec.remote].write is not Write.NEVER for spec in specs if spec.create)


# -- reading ---------------------------------------------------------------------------------------------------


@SPANS
async def test_a_first_read_has_everybody_once_in_the_fewest_pages(place: Place) -> None:
    there = len(place.records())
    connector = place.connect()
    await connector.identify()
    before = connector.traffic.api_calls
    found = await pages(connector)
    assert len(ids(found)) == len(set(ids(found))) <= there
    assert len(ids(found)) >= there * 0.9
    assert [page.last for page in found] == [False] * (len(found) - 1) + [True]
    spec = place.manifest.data[CUSTOMERS]
    size = spec.first_page_size or spec.page_size
    export, least = spec.export, math.ceil(there / size)
    if export is not None and export.above is None:
        # It is ordered, asked for and fetched.
        least = 3
    elif export is not None and there > max(export.above or 0, size):
        # A page tells that it is worth it, and it is asked for twice until it is done.
        least = 5
    assert connector.traffic.api_calls - before <= least + asks_names(place)


@pytest.mark.where(lambda m, _: not m.data[CUSTOMERS].complete_only)
async def test_a_read_with_nothing_new_costs_one_request(place: Place) -> None:
    place.advance(600)
    first = await pages(place.connect())
    place.advance(600)
    second = await pages(place.connect(), first[-1].cursor)
    third = place.connect()
    await third.identify()
    before = third.traffic.api_calls
    await pages(third, second[-1].cursor)
    assert third.traffic.api_calls - before == 1


async def test_a_change_at_the_vendor_comes_with_the_next_read(place: Place) -> None:
    connector = place.connect()
    first = await pages(connector)
    changed = next(page.records[0] for page in first if page.records)
    if place.manifest.data[CUSTOMERS].to_platform:
        new = (await created(place, connector))[0].id
        part = {place.first_name: "Renamed"}
        await connector.send(CUSTOMERS, [Change("k", changed.id, part, changed.version)])
    else:
        [new] = place.control("POST", f"/{place.name}/records/{place.kind}:generate", {"count": 1})["ids"]
        place.control("PUT", f"/{place.name}/people/{changed.id}", {"first": "Renamed", "last": "There"})
    place.advance(120)
    again = await pages(place.connect(), first[-1].cursor or None)
    found = {r.id: r for page in again for r in page.records}
    assert new in found
    assert found[changed.id].fields[place.first_name] == "Renamed"
    tells = place.manifest.data[CUSTOMERS].record
    assert found[changed.id].changed_at is not None or (tells is not None and not tells.changed)


@SPANS
@pytest.mark.where(lambda m, _: not m.data[CUSTOMERS].complete_only)
async def test_a_cut_off_first_read_goes_on_where_it_stood(place: Place) -> None:
    connector = place.connect()
    everybody = set(ids(await pages(connector)))
    async for page in place.connect().read(CUSTOMERS, None):
        first = page
        break
    rest = await pages(place.connect(), first.cursor)
    assert {record.id for record in first.records} | set(ids(rest)) >= everybody
    if not first.last:
        assert not any(page.last for page in rest)


async def test_pages_that_move_lose_nobody(place: Place) -> None:
    everybody = set(ids(await pages(place.connect())))
    place.faults(profile="moving-pages")
    found = set(ids(await pages(place.connect())))
    gone = everybody - found
    if gone:
        # Those that were archived or deleted by the fault itself are not lost.
        presence = await place.connect().get(CUSTOMERS, sorted(gone))
        assert not [id_ for id_, (p, _) in presence.items() if p is Presence.THERE]


@SPANS
@pytest.mark.where(
    lambda m, _: (
        m.data[CUSTOMERS].read is not None and m.data[CUSTOMERS].read.page.style in ("offset", "number")
    )
)
async def test_a_page_that_comes_twice_keeps_nobody_out(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = place.manifest.data[CUSTOMERS]
    everybody = set(ids(await pages(place.connect())))
    for size in ("page_size", "first_page_size"):
        monkeypatch.setitem(spec.__dict__, size, min(30, getattr(spec, size) or 30))
    place.faults({"effect": "duplicate-page", "nth": 3, "times": 1})
    assert set(ids(await pages(place.connect()))) >= everybody


# -- writing ---------------------------------------------------------------------------------------------------


@WRITES
async def test_a_created_record_is_read_as_it_was_written(place: Place) -> None:
    connector = place.connect()
    new = change(place)
    [answer] = await connector.send(CUSTOMERS, [new])
    assert answer.created and answer.record is not None
    found = await connector.get(CUSTOMERS, [answer.record.id])
    presence, record = found[answer.record.id]
    assert presence is Presence.THERE and record is not None
    for path, value in new.fields.items():
        assert record.fields[path] == value
    same = {r.id: r for page in await pages(place.connect()) for r in page.records}[record.id]
    assert all(same.fields[path] == value for path, value in new.fields.items())


@WRITES
async def test_only_what_is_sent_is_changed_and_empty_clears(place: Place) -> None:
    connector = place.connect()
    needed = {spec.remote for spec in place.required}
    values = {"last_name": "Lee", "city": "Leeds", "company": "Lee Ltd", "birth_date": "1990-05-17"}
    other, value = next(
        (f.remote, values[f.hub])
        for f in place.manifest.data[CUSTOMERS].fields
        if f.hub in values and f.remote not in needed and f.direction.outward
    )
    [answer] = await connector.send(CUSTOMERS, [change(place, **{other: value})])
    record = answer.record
    [renamed] = await connector.send(
        CUSTOMERS, [Change("k1", record.id, {place.first_name: "Bea"}, record.version)]
    )
    assert renamed.record is not None and not renamed.created
    _, present = (await connector.get(CUSTOMERS, [record.id]))[record.id]
    assert (present.fields[place.first_name], present.fields[other]) == ("Bea", value)
    await connector.send(CUSTOMERS, [Change("k2", record.id, {other: None}, present.version)])
    _, present = (await connector.get(CUSTOMERS, [record.id]))[record.id]
    assert not present.fields.get(other)


@WRITES
@pytest.mark.where(lambda m, _: any(f.create for f in m.data[CUSTOMERS].fields))
async def test_loyalty_values_reach_the_vendor(place: Place) -> None:
    connector = place.connect()
    specs = [f for f in place.manifest.data[CUSTOMERS].fields if f.create]
    await connector.ensure_fields(CUSTOMERS, [spec.remote for spec in specs])
    values = {
        "balance": 120,
        "tier": "Gold",
        "card_link": "https://cards.example/1",
        "last_visit": "2026-11-20",
        **dict.fromkeys(MOMENTS, "2026-11-21"),
    }
    fields = {spec.remote: transform(spec.transform).out(values[spec.hub]) for spec in specs}
    [answer] = await connector.send(CUSTOMERS, [change(place, **fields)])
    assert answer.error is None
    shown = {path: str(answer.record.fields[path]) for path in fields}
    assert shown == {path: str(value) for path, value in fields.items()}


TOLD_OF = pytest.mark.where(lambda m, _: m.data[CUSTOMERS].events is not None)


def moment(kind: Any, record: Any, email: str) -> Told:
    """A moment as the engine tells one."""
    key = f"cus_{uuid4().hex[:12]}.{kind}.1"
    values = {
        "key": key, "kind": kind, "title": TITLES[kind], "text": "It has come.", "remote": record.id,
        "customer": "cus_1", "email": email, "phone": None, "first_name": "Ana", "at": "2026-11-24T10:00:00Z",
        "day": "2026-11-24", "balance": 120, "tier": None, "tier_before": "Silver", "days": 30, "amount": 12.5,
        "currency": "GBP",
    }  # fmt: skip
    return Told(key, kind, record.id, "2026-11-24", values, record.version)


async def tell(connector: Any, events: list[Told]) -> list[PerkstarError | None]:
    """As the engine does: as many as a call takes."""
    most = connector.manifest.data[CUSTOMERS].events.at_once
    parts = [events[start : start + most] for start in range(0, len(events), most)]
    return [answer for part in parts for answer in await connector.tell(part)]


@TOLD_OF
async def test_every_kind_of_moment_is_taken_and_is_there_afterwards(place: Place) -> None:
    connector = place.connect()
    people = await created(place, connector, 2)
    for kind in MOMENTS:
        events = [moment(kind, record, record.fields[place.email]) for record in people]
        assert await tell(connector, events) == [None, None]
        assert await connector.was_told(events[-1]) in (True, None)
        assert await connector.was_told(moment(kind, people[0], "")) in (False, None)


@TOLD_OF
async def test_a_moment_of_somebody_who_is_not_there_is_refused_and_holds_up_nobody(place: Place) -> None:
    connector = place.connect()
    one, other, gone = await created(place, connector, 3)
    gone.id = gone.id[:-6] + "".join("1" if letter != "1" else "2" for letter in gone.id[-6:])
    people = ((one, one.fields[place.email]), (gone, f"{uuid4().hex}@nobody-mail.com"), (other, ""))
    first, second, third = await tell(
        connector, [moment("birthday", record, email) for record, email in people]
    )
    assert first is None and third is None
    assert second is None or (second.kind in OF_RECORD and second.message)


@WRITES
async def test_a_batch_costs_the_fewest_requests_and_is_answered_in_order(place: Place) -> None:
    connector = place.connect()
    await connector.identify()
    before = connector.traffic.api_calls
    changes = [change(place) for _ in range(60)]
    answers = await connector.send(CUSTOMERS, changes)
    assert [a.key for a in answers] == [c.key for c in changes]
    assert [a.record.fields[place.email] for a in answers] == [c.fields[place.email] for c in changes]
    spec = place.manifest.data[CUSTOMERS]
    least = 60 if spec.singly else math.ceil(60 / spec.batch_create)
    job = spec.write.job if spec.write is not None else None
    # A job is asked whether it is done, and then for the ids of what it has made.
    asked = 0 if job is None else 1 + math.ceil(60 / job.size)
    assert connector.traffic.api_calls - before == least + asked + asks_names(place)


@WRITES
async def test_one_bad_record_holds_up_nobody_and_names_its_field(place: Place) -> None:
    connector = place.connect()
    changes = [change(place) for _ in range(12)]
    changes[7] = Change(changes[7].key, None, {**changes[7].fields, place.email: "this is no address"})
    answers = await connector.send(CUSTOMERS, changes)
    assert [a.key for a in answers if a.error is not None] == [changes[7].key]
    error = answers[7].error
    assert error is not None and error.kind is ErrorKind.RECORD_REJECTED
    assert error.field == place.email
    assert error.vendor_words


@WRITES
@pytest.mark.where(lambda m, _: m.data[CUSTOMERS].twins == "refused")
async def test_a_record_that_is_there_already_is_answered_as_such(place: Place) -> None:
    connector = place.connect()
    [record] = await created(place, connector)
    same = {place.email: record.fields[place.email], place.first_name: "Twin"}
    again = Change("cus_other", None, change(place, **same).fields)
    [answer] = await connector.send(CUSTOMERS, [again])
    assert answer.error is not None and answer.error.kind is ErrorKind.DUPLICATE
    assert answer.record is not None and answer.record.id == record.id
    assert answer.record.fields[place.first_name] != "Twin"


@WRITES
@pytest.mark.where(lambda m, _: m.data[CUSTOMERS].twins != "allowed" or m.data[CUSTOMERS].create_key)
async def test_a_create_sent_twice_makes_one_record(place: Place) -> None:
    connector = place.connect()
    new = change(place)
    [first], [second] = [await connector.send(CUSTOMERS, [new]) for _ in range(2)]
    assert first.record is not None and second.record is not None
    assert first.record.id == second.record.id


def answers_by_list(manifest: Manifest) -> bool:
    """Those that change many at once and say at once what became of each."""
    write = manifest.data[CUSTOMERS].write
    return write is not None and write.update_many is not None and write.job is None


@WRITES
@pytest.mark.where(lambda m, _: answers_by_list(m))
async def test_a_record_that_the_answer_leaves_out_is_not_taken_for_written(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = place.connect()
    records = await created(place, connector, 3)
    changes = [
        Change(f"{number}", record.id, {place.first_name: "Bea"}, record.version)
        for number, record in enumerate(records)
    ]
    monkeypatch.setattr("perkstar_tui.platforms.writing.rows_of", lambda *given: walks.rows_of(*given)[1:])
    with pytest.raises(PerkstarError) as told:
        await connector.send(CUSTOMERS, changes)
    assert told.value.kind is ErrorKind.NETWORK
    monkeypatch.undo()
    # The next run reads them first, and finds what became of each.
    now = await connector.get(CUSTOMERS, [record.id for record in records])
    assert {record.fields[place.first_name] for _, record in now.values() if record} == {"Bea"}


@WRITES
async def test_a_record_is_found_by_its_address(place: Place) -> None:
    connector = place.connect()
    [record] = await created(place, connector)
    place.advance(120)
    found = await connector.find(CUSTOMERS, "email", record.fields[place.email])
    assert [r.id for r in found] == [record.id]
    assert await connector.find(CUSTOMERS, "email", "nobody.at.all@shop-mail.com") == []


@WRITES
async def test_a_record_that_is_deleted_there_is_noticed(place: Place) -> None:
    connector = place.connect()
    [record] = await created(place, connector)
    place.control("DELETE", f"/{place.name}/records/{place.kind}/{record.id}")
    assert record.id not in ids(await pages(place.connect()))
    presence, _ = (await connector.get(CUSTOMERS, [record.id]))[record.id]
    assert presence in (Presence.GONE, Presence.ARCHIVED)
    [answer] = await connector.send(
        CUSTOMERS, [Change("k", record.id, {place.first_name: "Ghost"}, record.version)]
    )
    assert answer.error is not None


@WRITES
@pytest.mark.where(lambda m, _: m.data[CUSTOMERS].merges != "")
async def test_a_record_that_is_merged_there_leads_to_the_winner_or_is_gone(place: Place) -> None:
    connector = place.connect()
    winner, loser = await created(place, connector, 2)
    place.control(
        "POST", f"/{place.name}/records/{place.kind}:merge", {"winner": winner.id, "loser": loser.id}
    )
    found = await place.connect().get(CUSTOMERS, [winner.id, loser.id])
    assert found[winner.id][0] is Presence.THERE
    presence, record = found[loser.id]
    if place.manifest.data[CUSTOMERS].merges == "winner":
        assert presence is Presence.MERGED and record is not None and record.id == winner.id
    assert presence in (Presence.MERGED, Presence.GONE)
    assert loser.id not in ids(await pages(place.connect()))
    [answer] = await connector.send(CUSTOMERS, [Change("k", loser.id, {place.first_name: "Ghost"})])
    assert answer.error is not None and answer.error.kind is ErrorKind.NOT_FOUND


# -- trouble ---------------------------------------------------------------------------------------------------


@WRITES
@pytest.mark.parametrize("profile", ["rate-limited", "flaky", "slow"])
async def test_passing_trouble_is_got_over(place: Place, profile: str) -> None:
    everybody = set(ids(await pages(place.connect())))
    place.faults(profile=profile)
    connector = place.connect()
    assert set(ids(await pages(connector))) >= everybody
    changes = [change(place) for _ in range(10)]
    answers = await connector.send(CUSTOMERS, changes)
    assert all(answer.record is not None for answer in answers)
    place.faults()
    addresses = [row for row in place.records() if str(changes[0].fields[place.email]) in str(row)]
    assert len(addresses) == 1


async def test_a_limit_with_a_header_is_waited_out_as_told(place: Place) -> None:
    connector = place.connect()
    await connector.identify()
    place.faults({"effect": "rate-limit", "nth": 1, "times": 1, "retry_after": 7})
    before = place.clock.slept
    await connector.identify()
    # Some tell a moment, in whole seconds; the answer's own way takes a little too.
    assert place.clock.slept - before == pytest.approx(7, abs=1.1)
    assert connector.traffic.throttled_ms == pytest.approx(7000, abs=1000)


async def test_an_outage_ends_the_call_as_such(place: Place) -> None:
    connector = place.connect()
    await connector.identify()
    before = connector.traffic.api_calls
    place.faults(profile="outage")
    with pytest.raises(PerkstarError) as caught:
        await pages(connector)
    assert caught.value.kind is ErrorKind.SERVICE_UNAVAILABLE
    assert connector.traffic.api_calls - before == 5


@WRITES
async def test_what_was_refused_is_taken_an_hour_later_if_nothing_is_wrong_with_it(place: Place) -> None:
    new = change(place)
    connector = place.connect()
    place.faults({"effect": "reject-record", "emails": [new.fields[place.email]]})
    [refused] = await connector.send(CUSTOMERS, [new])
    assert refused.error is not None and refused.error.kind is ErrorKind.RECORD_REJECTED
    place.faults()
    place.advance(3600)
    [taken] = await connector.send(CUSTOMERS, [new])
    assert taken.error is None and taken.record is not None


@pytest.mark.parametrize("effect", ["truncate", "content-type", "reset"])
async def test_a_broken_answer_is_asked_for_again(place: Place, effect: str) -> None:
    everybody = set(ids(await pages(place.connect())))
    place.faults({"effect": effect, "nth": 1, "times": 1})
    assert set(ids(await pages(place.connect()))) >= everybody


@pytest.mark.where(lambda m, _: any(f.refreshes for f in m.auth if f.type == "oauth2"))
async def test_an_expired_token_is_renewed_in_mid_run(place: Place) -> None:
    if "refresh_token" not in place.credential.secret:
        _, _, credential = await place.grant()
        place.credential = HeldCredential(**credential)
    connector = place.connect()
    await connector.identify()
    before = len(place.credential.kept)
    place.control("POST", f"/{place.name}/tokens:expire")
    await connector.identify()
    assert len(place.credential.kept) == before + 1


async def test_hostile_texts_are_read_as_they_are(place: Place) -> None:
    place.faults(profile="hostile")
    connector = place.connect()
    records = [record for page in await pages(connector) for record in page.records]
    assert records and all(isinstance(record.id, str) for record in records)
    assert all(
        value is None or isinstance(value, str | int | float | bool)
        for record in records
        for value in record.fields.values()
    )


@pytest.mark.where(lambda _, params: BY_FILES not in params["place"])
async def test_a_withdrawn_credential_asks_for_reconnecting(place: Place) -> None:
    """Last: the sandbox's tokens of this platform are no good afterwards."""
    connector = place.connect()
    await connector.identify()
    before = len(place.credential.kept)
    place.control("POST", f"/{place.name}/tokens:revoke")
    with pytest.raises(PerkstarError) as caught:
        await connector.identify()
    assert caught.value.kind is ErrorKind.CREDENTIAL_REFUSED
    assert len(place.credential.kept) == before

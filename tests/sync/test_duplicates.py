"""Who may be one person: laws of the comparison, cases of people, and the search of a store in turns."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_platform import StillClock
from sqlalchemy import func, insert, select, update

from perkstar_tui.model.ids import new_id
from perkstar_tui.model.normal import email_key, phone_key
from perkstar_tui.store import leases
from perkstar_tui.store.database import Store
from perkstar_tui.sync import doubles
from perkstar_tui.sync.context import CUSTOMER, PAIR
from perkstar_tui.sync.duplicates import BLOCK, MAYBE, SURE, Person, compare, keys_of, pairs, person

JANE = {
    "first_name": "Jane", "last_name": "Doe", "email": "jane.doe@x.uk", "phone": "07400 123456",
    "birth_date": "1980-02-03", "address_line1": "12 High Street", "city": "Leeds", "postcode": "LS1 4AB",
}  # fmt: skip
NAMES = st.sampled_from(
    ["", "jane", "john", "maria", "Zoë", "bo", "J", "Anna Maria", "o'neil", "smith", "doe", "李"]
)
FIELDS = st.fixed_dictionaries(
    {
        "first_name": NAMES,
        "last_name": NAMES,
        "email": st.sampled_from(["", "jane.doe@x.uk", "jane.doe@y.uk", "smiths@x.uk", "jame.doe@x.uk"]),
        "phone": st.sampled_from(["", "07400 123456", "07400 123457", "+44 7400 999999"]),
        "birth_date": st.sampled_from(
            ["", "1980-02-03", "1980-03-02", "--02-03", "0000-02-03", "1951-11-30", "soon"]
        ),
        "address_line1": st.sampled_from(
            ["", "12 High Street", "12 Hihg Street", "14 High Street", "Low Road 3"]
        ),
        "city": st.sampled_from(["", "Leeds", "York"]),
        "postcode": st.sampled_from(["", "LS1 4AB", "ls14ab", "LS1 4AC", "YO1 7AA"]),
        "company": st.sampled_from(["", "Bean & Leaf"]),
    }
)


def one(id_: str, **fields: str) -> Person:
    return person(id_, fields, email_key(fields.get("email")), phone_key(fields.get("phone")))


@given(FIELDS, FIELDS)
@settings(max_examples=300)
def test_it_does_not_matter_who_comes_first(a, b):
    left, right = compare(one("a", **a), one("b", **b)), compare(one("b", **b), one("a", **a))
    assert left == right and 0 <= left.score <= 100


@given(FIELDS, FIELDS)
@settings(max_examples=300)
def test_nobody_is_more_like_another_than_like_oneself(a, b):
    same = compare(one("a", **a), one("b", **a)).score
    assert compare(one("a", **a), one("b", **b)).score <= same


@given(FIELDS, st.sampled_from(["first_name", "last_name", "address_line1", "city", "postcode"]), st.data())
@settings(max_examples=300)
def test_a_slip_never_makes_two_more_alike(fields, name, data):
    text = fields[name]
    at = data.draw(st.integers(0, max(0, len(text) - 1)))
    slip = data.draw(st.sampled_from(["", "x", text[at : at + 1] * 2]))
    wrong = {**fields, name: text[:at] + slip + text[at + 1 :]}
    assert (
        compare(one("a", **fields), one("b", **wrong)).score
        <= compare(one("a", **fields), one("b", **fields)).score
    )


@given(st.lists(FIELDS, max_size=12), st.randoms())
@settings(max_examples=100)
def test_the_order_of_records_does_not_matter_and_nobody_meets_oneself(rows, random):
    people = [one(f"p{n:02}", **row) for n, row in enumerate(rows)]
    found = pairs(people)
    random.shuffle(people)
    assert pairs(people) == found
    assert all(pair.a < pair.b and pair.score >= MAYBE for pair in found)
    assert len({(pair.a, pair.b) for pair in found}) == len(found)


@given(FIELDS, FIELDS)
@settings(max_examples=200)
def test_two_with_an_equal_email_phone_or_name_share_a_key(a, b):
    for name in ("email", "phone"):
        if a[name]:
            assert set(keys_of(one("a", **a))) & set(keys_of(one("b", **{**b, name: a[name]})))


def test_every_reason_is_said():
    like = compare(one("a", **JANE), one("b", **{**JANE, "first_name": "Jayne", "city": "York", "email": ""}))
    assert like.verdict == "same"
    assert like.why[:2] == ("first names 95 % alike", "same last name")
    assert like.why[-1] == "different towns" and "same phone" in like.why


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, "same"),
        ({"first_name": "jane ", "last_name": "DOE", "postcode": "ls14ab"}, "same"),
        ({"first_name": "Doe", "last_name": "Jane"}, "same"),
        ({"last_name": "Smith", "address_line1": "", "postcode": ""}, "same"),
        ({"email": "jane.doe@y.uk", "phone": ""}, "same"),
        ({"birth_date": "--02-03"}, "same"),
        # A family: one phone, one address, one e-mail box.
        ({"first_name": "John", "birth_date": "1978-05-06"}, "different"),
        ({"first_name": "John", "birth_date": ""}, "different"),
        # Twins, and a mother with her daughter of the same name.
        ({"first_name": "Ruth"}, "maybe"),
        ({"birth_date": "2004-12-24", "email": ""}, "maybe"),
    ],
)
def test_people_are_told_apart(change, verdict):
    assert compare(one("a", **JANE), one("b", **{**JANE, **change})).verdict == verdict


def test_a_short_name_is_the_long_one():
    bob = {**JANE, "first_name": "Bob", "email": "", "birth_date": ""}
    assert compare(one("a", **{**bob, "first_name": "Robert"}), one("b", **bob)).verdict == "same"


def test_a_name_and_a_town_are_not_enough():
    row = {"first_name": "John", "last_name": "Smith", "city": "London"}
    assert compare(one("a", **row), one("b", **row)).score < MAYBE < SURE


def test_what_too_many_share_is_no_key():
    office = [one(f"p{n:04}", phone="07400 123456") for n in range(BLOCK * 3)]
    doubles_ = [one("z1", **JANE), one("z2", **JANE)]
    assert [(pair.a, pair.b) for pair in pairs([*office, *doubles_])] == [("z1", "z2")]


# -- the store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store.at(tmp_path)
    made.upgrade()
    yield made
    made.close()


CLOCK = StillClock()


def add(store: Store, **fields: str) -> str:
    id_ = new_id("cus")
    with store.write() as connection:
        now = CLOCK.now()
        keys = {"email_key": email_key(fields.get("email")), "phone_key": phone_key(fields.get("phone"))}
        connection.execute(
            insert(CUSTOMER).values(
                id=id_, revision=store.next_revisions(connection, 1), provenance={}, created_at=now,
                updated_at=now, **fields, **keys,
            )
        )  # fmt: skip
    return id_


def edit(store: Store, id_: str, **fields: object) -> None:
    with store.write() as connection:
        revision = store.next_revisions(connection, 1)
        connection.execute(update(CUSTOMER).where(CUSTOMER.c.id == id_).values(revision=revision, **fields))


def found(store: Store) -> set[tuple[str, str, str]]:
    with store.read() as connection:
        return {(row.a, row.b, row.state) for row in connection.execute(select(PAIR))}


def test_only_what_changed_is_looked_at_and_what_is_no_longer_alike_goes(store):
    a, b = add(store, **JANE), add(store, **JANE)
    assert doubles.search(store, CLOCK).found == 1
    assert doubles.search(store, CLOCK) == doubles.Looked(0, 0, 0)
    edit(
        store, b, first_name="Ruth", last_name="Roe", birth_date="1951-11-30", email_key=None, phone_key=None
    )
    assert doubles.search(store, CLOCK).customers == 1
    assert found(store) == set()
    c = add(store, **JANE)
    assert doubles.search(store, CLOCK).customers == 1
    assert found(store) == {(*sorted((a, c)), "open")}


def test_in_turns_the_same_is_found_as_at_once(store, monkeypatch):
    ids = [add(store, first_name=f"P{n % 7}", last_name="Doe", email=f"p{n % 5}@x.uk") for n in range(40)]
    with store.read() as connection:
        rows = connection.execute(select(CUSTOMER)).all()
    people = [person(row.id, row._mapping, row.email_key, row.phone_key) for row in rows]
    at_once = {(pair.a, pair.b, "open") for pair in pairs(people)}
    monkeypatch.setattr(doubles, "TURN", 3)
    assert doubles.search(store, CLOCK, turns=2).waiting == len(ids) - 6
    doubles.search(store, CLOCK)
    assert found(store) == at_once and at_once
    doubles.search(store, CLOCK, everything=True)
    assert found(store) == at_once


def test_a_block_in_the_store_never_grows_beyond_its_limit(store):
    for n in range(BLOCK + 20):
        add(store, company=f"N{n}", phone="07400 123456")
    doubles.search(store, CLOCK)
    with store.read() as connection:
        most = (
            select(func.count())
            .select_from(doubles.KEY)
            .group_by(doubles.KEY.c.key)
            .order_by(func.count().desc())
            .limit(1)
        )
        assert connection.execute(most).scalar_one() == BLOCK


def test_one_search_goes_on_at_a_time(store):
    add(store, **JANE)
    held = leases.take(store, doubles.LEASE, CLOCK.now())
    assert held is not None
    assert doubles.search(store, CLOCK) == doubles.Looked(0, 0, 1)
    leases.release(store, held)
    assert doubles.search(store, CLOCK).customers == 1


def test_beside_the_runner_it_looks_at_what_changed_until_it_is_ended(store):
    add(store, **JANE)
    add(store, **JANE)

    async def going() -> None:
        ending = asyncio.Event()
        task = asyncio.create_task(doubles.beside(store, CLOCK)(ending))
        for _ in range(400):
            if found(store):
                break
            await asyncio.sleep(0.01)
        ending.set()
        await asyncio.wait_for(task, 5)

    asyncio.run(going())
    assert len(found(store)) == 1

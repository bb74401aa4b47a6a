"""Platforms that keep books: what is sent and answered, held against the vendors' own descriptions and their rules."""

from collections import Counter
from dataclasses import replace
from typing import Any

import httpx
import pytest
from description import described
from places import BACK, CATALOG, Place, allowed
from still import HeldCredential

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Journal, JournalLine
from perkstar_tui.platforms.auth import begin_authorization, complete_authorization
from perkstar_tui.platforms.connector import Bookkeeper
from perkstar_tui.sandbox.server import Sandbox

KEEPERS = sorted(
    name
    for name, manifest in CATALOG.items()
    if (data := manifest.data.get(DataType.TRANSACTIONS)) is not None and data.journal is not None
)
DEBIT, CREDIT = "Loyalty Programme", "Loyalty Points Owed"


@pytest.fixture(params=KEEPERS)
def place(request: pytest.FixtureRequest, box: Sandbox) -> Place:
    return Place(box, request.param)


def journal(accounts: dict[str, str], key: str, minor: int = 1999) -> Journal:
    lines = (
        JournalLine(accounts[DEBIT], minor, "Earned (1999 points)"),
        JournalLine(accounts[CREDIT], -minor, "Earned (1999 points)"),
    )
    return Journal(
        key, "2026-11-24", "GBP", f"Perkstar loyalty of 2026-11-24 ({key}): earned 19.99 GBP", lines
    )


async def accounts_of(keeper: Bookkeeper) -> dict[str, str]:
    return {account.name: account.id for account in (await keeper.ledger()).accounts}


def entered(place: Place, key: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{place.box.control}/{place.name}/books", timeout=30).json()["journals"]
    return [one for one in answer if key in one["reference"]]


async def test_a_journal_is_entered_and_found_as_the_vendor_describes_it(place: Place) -> None:
    keeper = place.connect()
    assert isinstance(keeper, Bookkeeper)
    accounts = await accounts_of(keeper)
    assert (await keeper.ledger()).currency in ("GBP", None)
    made = journal(accounts, "PK20261124-aaaa0001")
    assert not await keeper.entered(made)
    await keeper.enter(made)
    assert await keeper.entered(made)
    assert not await keeper.entered(replace(made, key="PK20261124-aaaa0002", memo="another"))
    (found,) = entered(place, made.key)
    assert found["day"] == "2026-11-24" and sorted(found["lines"]) == [[CREDIT, -1999], [DEBIT, 1999]]
    judge = described(place.name)
    if judge is not None:
        wrong = []
        for sent in place.transport.sent:
            kind = sent.headers.get("content-type", "")
            wrong += judge.problems(sent.method, sent.url.path, sent.url.query.decode(), sent.content, kind)
        for answer in place.transport.answered:
            asked = answer.request
            wrong += judge.untrue(asked.method, asked.url.path, answer.status_code, answer.content)
        assert wrong == []


async def test_accounts_that_take_no_journals_are_not_offered(place: Place) -> None:
    offered = await accounts_of(place.connect())
    assert DEBIT in offered and CREDIT in offered
    closed = CATALOG[place.name].data[DataType.TRANSACTIONS].journal.closed
    assert ("Accounts Receivable" in offered) is not bool(closed)


async def test_an_account_says_what_it_may_not_be_chosen_for(place: Place) -> None:
    offered = {account.name: account for account in (await place.connect().ledger()).accounts}
    expense, owed = "account_expense", "account_liability"
    assert {name: offered[name].unfit for name in (DEBIT, CREDIT, "Sales", "Owner's Capital")} == {
        DEBIT: {owed}, CREDIT: {expense}, "Sales": {owed}, "Owner's Capital": {expense, owed},
    }  # fmt: skip


async def test_the_same_journal_sent_twice_with_its_key_is_one_where_the_vendor_has_keys(
    place: Place,
) -> None:
    keeper = place.connect()
    made = journal(await accounts_of(keeper), "PK20261124-bbbb0001")
    repeatable = CATALOG[place.name].data[DataType.TRANSACTIONS].journal.make.repeatable
    await keeper.enter(made)
    if repeatable:
        await keeper.enter(made)
    assert len(entered(place, made.key)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda one: replace(one, lines=one.lines[:1]), id="one line"),
        pytest.param(
            lambda one: replace(one, lines=(one.lines[0], replace(one.lines[1], minor=-5))), id="unequal"
        ),
        pytest.param(
            lambda one: replace(one, lines=(one.lines[0], replace(one.lines[1], account="99999"))),
            id="account",
        ),
    ],
)
async def test_a_journal_that_breaks_the_vendors_rules_is_refused_in_its_words(
    place: Place, wrong: Any
) -> None:
    keeper = place.connect()
    made = wrong(journal(await accounts_of(keeper), "PK20261124-cccc0001"))
    with pytest.raises(PerkstarError) as caught:
        await keeper.enter(made)
    assert caught.value.kind in (ErrorKind.RECORD_REJECTED, ErrorKind.NOT_FOUND)
    assert caught.value.vendor_words and entered(place, made.key) == []


async def test_amounts_survive_to_the_penny(place: Place) -> None:
    keeper = place.connect()
    accounts = await accounts_of(keeper)
    sums: Counter[str] = Counter()
    for number, minor in enumerate((1, 29, 1005, 123_456_789)):
        key = f"PK20261124-dddd{number:04}"
        await keeper.enter(journal(accounts, key, minor))
        (found,) = entered(place, key)
        sums.update(dict(found["lines"]))
    assert sums[DEBIT] == 1 + 29 + 1005 + 123_456_789 == -sums[CREDIT]


@pytest.mark.parametrize(
    "place",
    [name for name in KEEPERS if any("journal" in scope.name for scope in CATALOG[name].auth[0].scopes)],
    indirect=True,
)
async def test_an_access_from_before_there_were_journals_asks_for_the_permission(place: Place) -> None:
    form = place.manifest.auth[0]
    begun = begin_authorization(place.manifest, form.id, place.app(), BACK, endpoints=place.endpoints)
    url = httpx.URL(begun.url)
    older = " ".join(scope for scope in url.params["scope"].split() if "journal" not in scope)
    address = await allowed(str(url.copy_set_param("scope", older)))
    credential = await complete_authorization(
        place.manifest, begun, address, endpoints=place.endpoints, clock=place.clock
    )
    accounts = await accounts_of(place.connect())
    place.credential = HeldCredential(**credential)
    with pytest.raises(PerkstarError) as caught:
        await place.connect().enter(journal(accounts, "PK20261124-eeee0001"))
    assert caught.value.kind is ErrorKind.PERMISSION_MISSING
    assert entered(place, "PK20261124-eeee0001") == []

"""Everybody at once: many people come as a file that the vendor makes, few page by page, and nobody is lost."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from places import Place, change
from test_platforms import CUSTOMERS, ids, pages

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Page
from perkstar_tui.sandbox.server import Sandbox

PAGE = 50


@pytest.fixture
def shop(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A shop whose few people are many."""
    found = Place(box, "shopify")
    found.control("POST", "/reset", {})
    spec = found.manifest.data[CUSTOMERS]
    monkeypatch.setitem(spec.__dict__, "page_size", PAGE)
    monkeypatch.setitem(spec.export.__dict__, "above", 100)
    yield found
    found.faults()


def calls(shop: Place, word: str) -> int:
    return sum(word in request.content.decode() for request in shop.transport.sent)


def while_it_runs(shop: Place, act: Callable[[], Awaitable[None]]) -> None:
    """Do something once, when the program first waits for the vendor."""
    done: list[bool] = []

    async def sleep(seconds: float) -> None:
        if not done:
            done.append(True)
            await act()
        shop.clock.slept += seconds

    shop.clock.sleep = sleep  # type: ignore[method-assign]


def everybody(shop: Place) -> set[str]:
    return {record["legacyResourceId"] for record in shop.records()}


async def cut_off(shop: Place) -> tuple[PerkstarError, dict[str, Any]]:
    """Why a first read ended before its end, and the cursor that it left."""
    cursor: dict[str, Any] = {}
    with pytest.raises(PerkstarError) as caught:
        async for page in shop.connect().read(CUSTOMERS, None):
            assert not page.last
            cursor = page.cursor or cursor
    return caught.value, cursor


async def test_many_come_as_a_file_in_five_requests(shop: Place) -> None:
    connector = shop.connect()
    found = await pages(connector)
    assert connector.traffic.api_calls == 5
    assert len(ids(found)) == len(set(ids(found))) and set(ids(found)) == everybody(shop)
    assert [page.last for page in found] == [False, True]
    files = [request for request in shop.transport.sent if request.method == "GET"]
    assert len(files) == 1 and "x-shopify-access-token" not in files[0].headers


async def test_a_file_says_of_everybody_what_pages_say(shop: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"metafields.nodes.points": "12", "metafields.nodes.tier": "Gold"}
    answers = await shop.connect().send(CUSTOMERS, [change(shop, **fields) for _ in range(3)])
    by_file = {r.id: r for page in await pages(shop.connect()) for r in page.records}
    assert by_file[answers[0].record.id].fields.items() >= fields.items()
    export = shop.manifest.data[CUSTOMERS].export
    assert export is not None
    monkeypatch.setitem(export.__dict__, "above", 1000)
    by_pages = {r.id: r for page in await pages(shop.connect()) for r in page.records}
    assert by_file == by_pages


async def test_a_file_says_of_every_sale_what_pages_say(shop: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = shop.manifest.data[DataType.TRANSACTIONS]
    assert spec.export is not None
    monkeypatch.setitem(spec.__dict__, "page_size", 3)

    async def read() -> tuple[dict[str, Any], list[Page], int]:
        connector = shop.connect()
        found = [page async for page in connector.read(DataType.TRANSACTIONS, None)]
        told = [*(s for page in found for s in page.sales), *(r for page in found for r in page.refunds)]
        assert len({(type(one), one.id) for one in told}) == len(told)
        return {f"{type(one)} {one.id}": one for one in told}, found, connector.traffic.api_calls

    by_pages, found, asked = await read()
    monkeypatch.setitem(spec.export.__dict__, "above", 3)
    by_file, again, fewer = await read()
    assert by_file == by_pages and fewer == 5 < asked
    assert any(sale.lines for page in again[1:] for sale in page.sales) and any(p.refunds for p in again)
    assert again[-1].last and set(again[-1].cursor) == set(found[-1].cursor)


async def test_few_come_page_by_page(shop: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    export = shop.manifest.data[CUSTOMERS].export
    assert export is not None
    there = len(everybody(shop))
    monkeypatch.setitem(export.__dict__, "above", there)
    connector = shop.connect()
    assert set(ids(await pages(connector))) == everybody(shop)
    assert connector.traffic.api_calls == -(-there // PAGE) and not calls(shop, "bulkOperation")


async def test_a_page_that_holds_everybody_is_all_that_is_asked_for(
    shop: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(shop.manifest.data[CUSTOMERS].__dict__, "page_size", 250)
    connector = shop.connect()
    found = await pages(connector)
    assert connector.traffic.api_calls == 1 and found[-1].last


@pytest.mark.parametrize("reason", ["TIMEOUT", "ACCESS_DENIED"])
async def test_a_failed_one_is_told_with_its_reason_and_the_next_run_goes_on_by_pages(
    shop: Place, reason: str
) -> None:
    shop.faults({"effect": "fail-job", "reason": reason})
    error, cursor = await cut_off(shop)
    assert error.kind is ErrorKind.SERVICE_UNAVAILABLE and reason in error.message
    again = shop.connect()
    rest = set(ids(await pages(again, cursor)))
    assert len(everybody(shop) - rest) == PAGE and calls(shop, "mutation export") == 1
    assert again.traffic.api_calls == -(-len(everybody(shop)) // PAGE) - 1


async def test_one_that_somebody_stops_is_told_and_the_next_run_goes_on(shop: Place) -> None:
    query = "query current { currentBulkOperation { id } }"
    stop = "mutation stop($id: ID!) { bulkOperationCancel(id: $id) { userErrors { message } } }"
    other = shop.connect()

    async def ask(query: str, **variables: Any) -> Any:
        body = {"query": query, "variables": variables}
        reply = await other.call("POST", "/admin/api/2026-04/graphql.json", json=body, shape="any")
        return reply.data["data"]

    async def cancel() -> None:
        await ask(stop, id=(await ask(query))["currentBulkOperation"]["id"])

    while_it_runs(shop, cancel)
    error, cursor = await cut_off(shop)
    assert "export" in error.message and "page" in cursor
    assert set(ids(await pages(shop.connect(), cursor)))


async def test_what_changes_while_it_is_made_comes_with_the_next_read(shop: Place) -> None:
    new: list[str] = []
    changed = sorted(everybody(shop))[-1]

    async def meanwhile() -> None:
        new.extend(shop.control("POST", "/shopify/records/customers:generate", {"count": 2})["ids"])
        shop.control("PUT", f"/shopify/people/{changed}", {"first": "Renamed", "last": "There"})

    while_it_runs(shop, meanwhile)
    first = await pages(shop.connect())
    before = {record.id: record for page in first for record in page.records}
    assert new and not set(new) & set(before)
    assert before[changed].fields["firstName"] != "Renamed"
    shop.advance(120)
    again = {r.id: r for page in await pages(shop.connect(), first[-1].cursor) for r in page.records}
    assert set(new) <= set(again) and again[changed].fields["firstName"] == "Renamed"


async def test_where_too_many_are_under_way_everybody_comes_by_pages(shop: Place) -> None:
    export = shop.manifest.data[CUSTOMERS].export
    assert export is not None
    other = shop.connect()
    begun = [await other.ask(export.begin, {}) for _ in range(6)]
    told = [reply.data["data"]["bulkOperationRunQuery"] for reply in begun]
    assert [answer["bulkOperation"] is None for answer in told] == [False] * 5 + [True]
    assert told[-1]["userErrors"][0]["message"]
    found = await pages(shop.connect())
    assert set(ids(found)) == everybody(shop) and found[-1].last
    assert calls(shop, "bulkOperation(id") == 0


async def test_a_file_that_comes_cut_off_is_fetched_again(shop: Place) -> None:
    shop.faults({"effect": "truncate", "path": "bulk-operation-outputs", "nth": 1})
    found = await pages(shop.connect())
    assert set(ids(found)) == everybody(shop)
    assert sum(request.method == "GET" for request in shop.transport.sent) == 2


async def test_a_file_with_fewer_rows_than_were_counted_proves_nobody_gone(shop: Place) -> None:
    body = (
        '{"id": "gid://shopify/Customer/1", "legacyResourceId": "1", "updatedAt": "2026-11-01T00:00:00Z"}\n'
    )
    shop.faults({"effect": "status", "status": 200, "body": body, "path": "bulk-operation-outputs"})
    error, cursor = await cut_off(shop)
    assert error.kind is ErrorKind.NETWORK and f"1 of {len(everybody(shop))}" in error.message
    assert "page" in cursor


async def test_nobody_at_all_is_no_file_and_no_trouble(shop: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    export = shop.manifest.data[CUSTOMERS].export
    assert export is not None
    monkeypatch.setitem(export.__dict__, "above", None)
    for id_ in everybody(shop):
        shop.control("DELETE", f"/shopify/records/customers/{id_}")
    found = await pages(shop.connect())
    assert ids(found) == [] and found[-1].last and found[-1].cursor


async def test_changes_are_read_by_pages_however_many_they_are(shop: Place) -> None:
    first = await pages(shop.connect())
    shop.advance(172_800)
    for record in shop.records()[:120]:
        shop.control(
            "PUT", f"/shopify/people/{record['legacyResourceId']}", {"first": "All", "last": "Of us"}
        )
    shop.advance(120)
    connector = shop.connect()
    assert len(set(ids(await pages(connector, first[-1].cursor)))) >= 120
    assert calls(shop, "mutation export") == 1

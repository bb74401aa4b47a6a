"""Platforms that only tell: their deliveries carry whole records, and those are read as others are."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from door import Door
from places import CATALOG, Place
from still import HeldCredential

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Page, Presence
from perkstar_tui.platforms.registry import open_connector
from perkstar_tui.platforms.webhooks import Event, parse
from perkstar_tui.sandbox.server import Sandbox

CUSTOMERS, TRANSACTIONS = DataType.CUSTOMERS, DataType.TRANSACTIONS
TELLERS = sorted(name for name, m in CATALOG.items() if DataType.CUSTOMERS in m.data and not m.read_by_calls)


class Kept:
    """An inbox in memory."""

    def __init__(self) -> None:
        self.rows: list[tuple[DataType, str, dict[str, Any]]] = []

    def take(self, event: Event) -> None:
        assert event.remote_id and event.carried is not None
        self.rows.append((event.data, event.remote_id, event.carried))

    def told(self, data: DataType, after: int, most: int) -> list[tuple[int, dict[str, Any]]]:
        found = [(n, row) for n, (kind, _, row) in enumerate(self.rows, 1) if kind is data and n > after]
        return found[:most]

    def of(self, data: DataType, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        return {id_: row for kind, id_, row in self.rows if kind is data and id_ in ids}


class Teller:
    """A platform that only tells, with a door that it tells."""

    def __init__(self, place: Place, door: Door) -> None:
        self.place, self.door, self.inbox = place, door, Kept()
        place.control("POST", f"/{place.name}/webhooks", {"url": door.url})

    def connect(self, **options: Any) -> Any:
        return open_connector(
            self.place.name, self.place.credential, endpoints=self.place.endpoints, clock=self.place.clock,
            options=options, inbox=self.inbox, transport=self.place.transport,
        )  # fmt: skip

    async def hear(self, count: int) -> list[Event]:
        """The next deliveries, which go into the inbox too."""
        heard = []
        for _ in range(count):
            headers, body = await asyncio.wait_for(self.door.got.get(), 15)
            [event] = parse(
                self.place.manifest, secret="", url=self.door.url, headers=headers, body=body,
                now=self.place.clock.now(),
            )  # fmt: skip
            self.inbox.take(event)
            heard.append(event)
        return heard

    def make(self, kind: str, count: int) -> list[str]:
        answer = self.place.control("POST", f"/{self.place.name}/records/{kind}:generate", {"count": count})
        return list(answer["ids"])


@pytest.fixture(params=TELLERS)
def teller(request: pytest.FixtureRequest, box: Sandbox, door: Door) -> Iterator[Teller]:
    made = Teller(Place(box, request.param), door)
    yield made
    made.place.faults()
    made.place.control("DELETE", f"/{made.place.name}/webhooks")


async def read(connector: Any, data: DataType, cursor: Any = None, **more: Any) -> list[Page]:
    return [page async for page in connector.read(data, cursor, **more)]


async def test_the_credential_is_proved_by_its_log_in(teller: Teller) -> None:
    assert (await teller.connect().identify()).id
    place = teller.place
    secret = place.manifest.auth[0].fields[0].name
    place.credential = HeldCredential(**{**place.credential.secret, secret: "wrong"})
    with pytest.raises(PerkstarError) as caught:
        await teller.connect().identify()
    assert caught.value.kind is ErrorKind.CREDENTIAL_REFUSED
    assert "wrong" not in repr(vars(caught.value))


async def test_who_is_told_of_is_read_once_and_costs_no_request(teller: Teller) -> None:
    made = teller.make(teller.place.kind, 3)
    events = await teller.hear(3)
    assert sorted(event.remote_id or "" for event in events) == sorted(made)
    connector = teller.connect()
    first = await read(connector, CUSTOMERS)
    records = {record.id: record for page in first for record in page.records}
    assert sorted(records) == sorted(made) and not any(page.last for page in first)
    there = {row[_id(teller)]: row for row in teller.place.records()}
    for id_, record in records.items():
        for path in (teller.place.email, teller.place.first_name):
            assert record.fields[path] == there[id_][path]
    assert [r for page in await read(connector, CUSTOMERS, first[-1].cursor) for r in page.records] == []
    assert connector.traffic.api_calls == 0


async def test_a_change_is_told_and_a_record_is_known_as_it_was_told_last(teller: Teller) -> None:
    [made] = teller.make(teller.place.kind, 1)
    await teller.hear(1)
    connector = teller.connect()
    cursor = (await read(connector, CUSTOMERS))[-1].cursor
    teller.place.control("PUT", f"/{teller.place.name}/people/{made}", {"first": "Renamed", "last": "There"})
    await teller.hear(1)
    [record] = [r for page in await read(connector, CUSTOMERS, cursor) for r in page.records]
    assert (record.id, record.fields[teller.place.first_name]) == (made, "Renamed")
    presence = await connector.get(CUSTOMERS, [made, "never told"])
    assert presence[made][0] is Presence.THERE and presence[made][1].fields == record.fields
    assert presence["never told"] == (Presence.GONE, None)


async def test_a_repeat_has_the_id_of_the_first(teller: Teller) -> None:
    teller.place.faults({"effect": "webhook-repeat", "probability": 1.0})
    teller.make(teller.place.kind, 1)
    one, other = await teller.hear(2)
    assert one == other


@pytest.mark.parametrize("body", [b"{}", b'{"type": "customer"}', b"[1]", b"null"])
def test_a_delivery_of_another_form_is_refused_in_words_or_says_nothing(teller: Teller, body: bytes) -> None:
    try:
        events = parse(
            teller.place.manifest, secret="", url=teller.door.url, headers={}, body=body,
            now=teller.place.clock.now(),
        )  # fmt: skip
    except PerkstarError as error:
        assert error.kind is ErrorKind.USAGE and teller.place.manifest.title in error.message
    else:
        assert events == []


async def test_what_was_paid_is_told_in_the_currency_that_was_chosen(teller: Teller) -> None:
    teller.make(teller.place.kind, 2)
    await teller.hear(2)
    sold = teller.make("transactions", 4)
    await teller.hear(4)
    connector = teller.connect(currency="CAD")
    sales = [sale for page in await read(connector, TRANSACTIONS) for sale in page.sales]
    assert sorted(sale.id for sale in sales) == sorted(sold)
    assert all(sale.currency == "CAD" and sale.total_minor > 0 and sale.customer_remote_id for sale in sales)


async def test_a_withdrawn_credential_asks_for_reconnecting(teller: Teller) -> None:
    """Last: the sandbox's credentials of this platform are no good afterwards."""
    teller.place.control("POST", f"/{teller.place.name}/tokens:revoke")
    with pytest.raises(PerkstarError) as caught:
        await teller.connect().identify()
    assert caught.value.kind is ErrorKind.CREDENTIAL_REFUSED


def _id(teller: Teller) -> str:
    record = teller.place.manifest.data[CUSTOMERS].record
    assert record is not None
    return record.id

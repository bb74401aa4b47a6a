"""Platforms that only take rows: what is sent and answered, held against the vendors' own descriptions."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from description import described
from places import CATALOG, Judged, QuickClock
from still import HeldCredential

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Fact
from perkstar_tui.platforms.auth import normalise_credential
from perkstar_tui.platforms.registry import open_connector
from perkstar_tui.sandbox.server import Sandbox
from perkstar_tui.sync.rows import client_of

TAKERS = sorted(
    name
    for name, manifest in CATALOG.items()
    if (data := manifest.data.get(DataType.TRANSACTIONS)) is not None and data.rows is not None
)
WHOLE = sorted(name for name in TAKERS if CATALOG[name].data[DataType.TRANSACTIONS].rows.whole)
"""Those that take a table as a whole."""
CHECKED = sorted(name for name in TAKERS if CATALOG[name].data[DataType.TRANSACTIONS].rows.check is not None)
"""Those that can be asked what has arrived."""
ONE_BY_ONE = sorted(set(TAKERS) - set(WHOLE))


def fact(number: int, at: str) -> Fact:
    values: dict[str, Any] = {
        "id": f"trn_{number}", "kind": "sale", "sale": f"square:{number}", "at": at, "at_micros": None, "day": at[:10],
        "currency": "GBP", "amount": 12.5, "size": 12.5, "points": 12, "customer": "cus_1",
        "client": client_of("cus_1"), "platform": "square", "version": 1, "key": f"trn_{number}.1",
    }  # fmt: skip
    return Fact(f"trn_{number}", "sale", 1, values)


def opened(box: Sandbox, name: str, transport: Judged, **other: str) -> Any:
    given = {**box.line["platforms"][name]["credentials"], **other}
    _, credential = normalise_credential(CATALOG[name], given, QuickClock().now())
    where = {name: {"url": box.line["platforms"][name]["url"], "limits": False}}
    return open_connector(
        name,
        HeldCredential(**credential),
        endpoints=where,
        clock=QuickClock(),
        options={},
        transport=transport,
    )


@pytest.mark.parametrize("name", ONE_BY_ONE)
async def test_rows_are_sent_and_asked_for_as_the_vendor_describes_it(box: Sandbox, name: str) -> None:
    transport = Judged()
    connector = opened(box, name, transport)
    account = await connector.identify()
    assert account.id
    at_once = CATALOG[name].data[DataType.TRANSACTIONS].rows.at_once
    facts = [fact(number, "2026-11-24T10:00:00Z") for number in range(min(3, at_once))]
    await connector.append(facts)
    assert await connector.has(facts[0]) in (True, None)
    assert await connector.has(fact(99, "2026-11-24T10:00:00Z")) in (False, None)
    assert wrong(name, transport) == []


def wrong(name: str, transport: Judged) -> list[str]:
    """What the vendor's description says against what was sent and answered; nothing where there is none."""
    judge = described(name)
    if judge is None:
        return []
    found = [
        problem
        for sent in transport.sent
        for problem in judge.problems(
            sent.method,
            sent.url.path,
            sent.url.query.decode(),
            sent.content,
            sent.headers.get("content-type", ""),
        )
    ]
    for answer in transport.answered:
        asked = answer.request
        found += judge.untrue(asked.method, asked.url.path, answer.status_code, answer.content)
    return found


def today(days: int = 0) -> datetime:
    """The sandbox's time, some days ago."""
    return QuickClock().now() - timedelta(days=days)


@pytest.mark.parametrize("name", CHECKED)
async def test_what_has_arrived_is_counted_as_the_vendor_describes_it(box: Sandbox, name: str) -> None:
    httpx.post(f"{box.control}/reset")
    QuickClock.ahead = 0.0
    transport = Judged()
    connector = opened(box, name, transport)
    assert await connector.lacking() == []
    before = await connector.counted(today(3).date())
    told = today().strftime("%Y-%m-%dT%H:%M:%SZ")
    for number in range(3):
        await connector.append([fact(100 + number, told)])
    on_their_way = await connector.counted(today(3).date())
    httpx.post(f"{box.control}/clock", json={"advance_s": 2 * 86_400})
    QuickClock.ahead += 2 * 86_400
    after = await connector.counted(today(5).date())
    spec = CATALOG[name].data[DataType.TRANSACTIONS].rows
    (sale, *_) = [row[spec.check.event] for row in spec.facts["sale"].of(fact(1, told).values)]
    assert (before[sale], on_their_way[sale], after[sale]) == (0, 0, 3)
    assert (await connector.counted(today(1).date()))[sale] == 0
    assert wrong(name, transport) == []
    secret = connector.manifest.auth[0].query
    reads = [sent for sent in transport.sent if "authorization" in sent.headers]
    assert len(reads) == 4 and all(secret not in sent.url.params for sent in reads)


@pytest.mark.parametrize(
    ("given", "kind", "word"),
    [
        ({"property_id": "1"}, ErrorKind.PERMISSION_MISSING, "sufficient permissions"),
        ({"property_id": "G-ABC"}, ErrorKind.RECORD_REJECTED, "numeric Property ID"),
        ({"refresh_token": "1//0wrong"}, ErrorKind.CREDENTIAL_REFUSED, "expired or revoked"),
        ({"client_secret": "wrong"}, ErrorKind.CREDENTIAL_REFUSED, "client was not found"),
    ],
)
async def test_who_may_not_count_is_told_why(
    box: Sandbox, given: dict[str, str], kind: ErrorKind, word: str
) -> None:
    with pytest.raises(PerkstarError) as caught:
        await opened(box, "google-analytics", Judged(), **given).counted(today(3).date())
    assert caught.value.kind is kind and word in (caught.value.vendor_words or "")
    assert caught.value.remedy


async def test_a_quota_that_is_used_up_is_not_waited_for(box: Sandbox) -> None:
    body = {"error": {"code": 429, "message": "Exhausted property tokens.", "status": "RESOURCE_EXHAUSTED"}}
    rule = {"effect": "status", "status": 429, "body": body, "path": ".*runReport", "nth": 1, "times": 1}
    httpx.post(f"{box.control}/google-analytics/faults", json={"rules": [rule]})
    connector = opened(box, "google-analytics", Judged())
    with pytest.raises(PerkstarError) as caught:
        await connector.counted(today(3).date())
    httpx.post(f"{box.control}/google-analytics/faults", json={"profile": "calm"})
    assert caught.value.kind is ErrorKind.RATE_LIMITED and connector.clock.slept == 0
    assert "Exhausted property tokens" in (caught.value.vendor_words or "")


@pytest.mark.parametrize(
    "name", [name for name in TAKERS if any(f.type == "oauth2" for f in CATALOG[name].auth)]
)
async def test_a_wrong_credential_is_refused(box: Sandbox, name: str) -> None:
    connector = opened(box, name, Judged(), access_token="wrong", refresh_token="wrong")
    with pytest.raises(PerkstarError) as caught:
        await connector.append([fact(1, "2026-11-24T10:00:00Z")])
    assert caught.value.kind is ErrorKind.CREDENTIAL_REFUSED


def rows(box: Sandbox, name: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{box.control}/{name}/records/rows?limit=1000", timeout=30)
    return list(answer.json()["records"])


@pytest.mark.parametrize("at_once", [64 * 1024 * 1024, 1000], ids=["in one piece", "in pieces"])
@pytest.mark.parametrize("name", WHOLE)
async def test_a_table_is_published_whole_and_takes_the_place_of_the_one_before(
    box: Sandbox, name: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    connector = opened(box, name, Judged())
    monkeypatch.setattr(f"{type(connector).__module__}.AT_ONCE", at_once)
    assert (await connector.identify()).id
    spec = CATALOG[name].data[DataType.TRANSACTIONS].rows
    assert spec is not None
    table = spec.facts["sale"].table
    await connector.publish(table, [fact(number, "2026-11-24T10:00:00Z") for number in range(300)])
    assert len(rows(box, name)) == 300
    await connector.publish(table, [fact(number, "2026-11-24T10:00:00Z") for number in range(2)])
    kept = rows(box, name)
    assert [row["id"] for row in kept] == ["trn_0", "trn_1"]
    assert (kept[0]["amount"], kept[0]["points"], kept[0]["at"]) == (12.5, 12, "2026-11-24T10:00:00Z")
    await connector.publish(table, [])
    assert rows(box, name) == []


@pytest.mark.parametrize("name", WHOLE)
async def test_a_session_that_another_sign_in_ended_is_begun_again(box: Sandbox, name: str) -> None:
    first, second = opened(box, name, Judged()), opened(box, name, Judged())
    for connector in (first, second, first):
        await connector.identify()


@pytest.mark.parametrize("name", WHOLE)
async def test_a_token_that_is_withdrawn_asks_for_reconnecting(box: Sandbox, name: str) -> None:
    """Last: the sandbox's token of this platform is no good afterwards."""
    connector = opened(box, name, Judged())
    await connector.identify()
    httpx.post(f"{box.control}/{name}/tokens:revoke")
    with pytest.raises(PerkstarError) as caught:
        await connector.identify()
    assert caught.value.kind is ErrorKind.CREDENTIAL_REFUSED

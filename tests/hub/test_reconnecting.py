"""A new credential: of the same account it goes on where it stood, of another one it stops and asks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from memory_hub import Known, MemoryHub

from perkstar_tui.hub.credentials import CREDENTIAL
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import RemoteAccount
from perkstar_tui.sync.context import CURSOR, CUSTOMER, LINK


class Doorman(Known):
    """The platform, which notes what is asked of it, and knows each account by its key."""

    def __init__(self, shop: MemoryHub, credential: Any) -> None:
        super().__init__(shop.clock)
        self.credential, self.asked = credential, shop.asked  # type: ignore[attr-defined]

    async def identify(self) -> RemoteAccount:
        key = next(str(part) for part in (await self.credential.load()).values() if "-key-" in str(part))
        self.asked.append("identify")
        return RemoteAccount(f"acc_{key[-1]}", f"Account {key[-1]}")

    async def ensure_fields(self, *_: Any) -> list[str]:
        self.asked.append("ensure_fields")
        return []


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[MemoryHub]:
    made = MemoryHub(tmp_path, row={"remote_account_id": "acc_1", "remote_account_name": "Account 1"})
    made.asked = []  # type: ignore[attr-defined]
    made.settings(
        mapping={
            "customers": [
                {**line, "create": True} for line in made.integration().config["mapping"]["customers"]
            ]
        }
    )
    made.bench.open = lambda name, credential, *more, **others: Doorman(made, credential)  # type: ignore[method-assign,assignment,return-value]
    for number in range(60):
        made.platform.add(first=f"P{number}", email=f"p{number}@x.uk")
    made.hub.reconnect("int_1", {"access_token": "first-key-1"})
    made.sync(full=False)
    made.asked.clear()  # type: ignore[attr-defined]
    yield made
    made.hub.close()


def state(shop: MemoryHub) -> list[Any]:
    """What is kept of the platform: credential, cursors, links and customers."""
    with shop.store.read() as connection:
        return [
            tuple(row)
            for source in (CREDENTIAL, CURSOR, LINK, CUSTOMER)
            for row in connection.execute(source.select())
        ]


def test_another_account_stops_and_asks_and_nothing_is_changed_anywhere(shop: MemoryHub) -> None:
    shop.put(status="reconnect_required")
    before, written = state(shop), len(shop.platform.writes)
    with pytest.raises(PerkstarError) as refused:
        shop.hub.reconnect("int_1", {"access_token": "other-key-2"})
    error = refused.value
    assert (error.kind, error.exit_code) == (ErrorKind.ACCOUNT_CHANGED, 8)
    assert "Account 2" in error.message and "Account 1" in error.message
    assert "disconnect and connect" in error.remedy
    assert shop.asked == ["identify"]  # type: ignore[attr-defined]
    assert state(shop) == before and len(shop.platform.writes) == written
    assert shop.integration().status == "reconnect_required"


def test_the_same_account_goes_on_from_its_cursor_without_a_write(shop: MemoryHub) -> None:
    shop.put(status="reconnect_required")
    written = len(shop.platform.writes)
    cursor = [row for row in state(shop) if "in" in row]
    assert shop.hub.reconnect("int_1", {"access_token": "fresh-key-1"}).status == "active"
    assert [row for row in state(shop) if "in" in row] == cursor
    calls = shop.platform.traffic.api_calls
    run = shop.sync(full=False)
    assert (run.outcome, run.inward.read, run.outward.updated + run.outward.created) == ("succeeded", 0, 0)
    assert shop.platform.traffic.api_calls - calls == 1
    assert len(shop.platform.writes) == written

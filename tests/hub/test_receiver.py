"""The receiver of webhooks: registrations that end by themselves, and keys that a person enters."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from still import StillClock

from perkstar_tui.hub.credentials import CREDENTIAL
from perkstar_tui.hub.receiver import HIDDEN, Receiver, hook_owner, keep_key
from perkstar_tui.platforms.catalog import load_catalog
from perkstar_tui.store.database import Store

CATALOG = load_catalog()


class OpenVault:
    """A vault that only turns things round."""

    def seal(self, owner: str, secret: dict[str, Any]) -> bytes:
        return f"{owner}={secret['secret']}"[::-1].encode()

    def open(self, owner: str, sealed: bytes) -> dict[str, Any]:
        return {"secret": sealed.decode()[::-1].removeprefix(f"{owner}=")}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Any]:
    store = Store.at(tmp_path)
    store.upgrade()
    yield SimpleNamespace(store=store, vault=OpenVault(), clock=StillClock(), manifest=CATALOG.__getitem__)
    store.close()


def kept(bench: Any) -> str:
    with bench.store.read() as connection:
        rows = connection.execute(CREDENTIAL.select()).all()
    return "".join(bench.vault.open(row.owner_id, bytes(row.ciphertext))["secret"] for row in rows)


def enter(bench: Any, key: str) -> None:
    with bench.store.write() as connection:
        keep_key(bench, connection, "int_1", key)


def test_a_registration_that_ends_is_made_anew_when_half_of_its_time_is_over(bench: Any) -> None:
    receiver = Receiver(bench)
    lasting = {name: m.webhooks.subscribe.lasts_s for name, m in CATALOG.items()
               if m.webhooks and m.webhooks.subscribe and m.webhooks.subscribe.lasts_s}  # fmt: skip
    assert lasting
    now = bench.clock.now()
    for name, seconds in lasting.items():
        young, old = (SimpleNamespace(at=now - timedelta(seconds=seconds * part)) for part in (0.4, 0.6))
        assert not receiver._ends(name, young) and receiver._ends(name, old)
    for name, manifest in CATALOG.items():
        if name not in lasting and manifest.webhooks is not None:
            assert not receiver._ends(name, SimpleNamespace(at=now - timedelta(days=1000)))


def test_a_key_is_kept_sealed_and_forgotten_when_it_is_emptied(bench: Any) -> None:
    enter(bench, " 0307e264 ")
    assert kept(bench) == "0307e264"
    enter(bench, HIDDEN)
    assert kept(bench) == "0307e264"
    enter(bench, "")
    assert kept(bench) == ""


def test_codes_of_several_registrations_stand_side_by_side_and_once(bench: Any) -> None:
    receiver = Receiver(bench)
    for code in ("one", "two", "one"):
        receiver._learn("int_1", code)
    assert kept(bench) == "one two"
    receiver._keep("int_1", "2001 2002", "http://127.0.0.1/hooks/int_1/x", None)
    assert kept(bench) == "one two"
    with bench.store.read() as connection:
        assert connection.execute(CREDENTIAL.select()).one().owner_id == hook_owner("int_1")

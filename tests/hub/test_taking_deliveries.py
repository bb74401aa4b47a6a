"""What the receiver does with a delivery: stored before it is answered, once, and believed by old and new secret."""

import asyncio
import base64
import hmac
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from memory_hub import MemoryHub
from sqlalchemy import insert
from starlette.applications import Starlette
from starlette.routing import Route

from perkstar_tui.hub.credentials import write_credential
from perkstar_tui.hub.receiver import FORMER, Receiver, keep_app_secret, keep_key
from perkstar_tui.sync.context import EVENT

PATH = "/hooks/int_1/a-path-that-nobody-guesses"
OLD, NEW = "old-secret", "new-secret"


def signed(body: bytes, secret: str = OLD) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body, sha256)).decode()


class Door:
    """A shop at Shopify, whose deliveries come in by HTTP."""

    def __init__(self, home: Path) -> None:
        self.shop = MemoryHub(home, row={"platform": "shopify"}, frequency="realtime")
        self.receiver = Receiver(self.shop.bench)
        self.receiver._keep("int_1", "sub_1", f"http://127.0.0.1{PATH}", OLD)
        route = Route("/hooks/{integration}/{token}", self.receiver._take, methods=["GET", "POST"])
        self.application = Starlette(routes=[route])
        with self.shop.store.write() as connection:
            write_credential(
                connection, self.shop.bench.vault, "int_1", {"access_token": "x"}, self.shop.clock.now()
            )

    def deliver(self, id_: str, secret: str = OLD, altered: bytes = b"") -> int:
        """Tell of a changed customer; `altered` is what a proxy has added. Answers the status."""
        raw = orjson.dumps({"id": 7})
        return self.deliver_raw([id_], raw + altered, signed(raw, secret))[0]

    def deliver_raw(self, ids: list[str], body: bytes, signature: str) -> list[int]:
        """Deliver these bytes under each id, all at the same instant."""

        async def one(client: httpx.AsyncClient, id_: str) -> int:
            headers = {
                "x-shopify-hmac-sha256": signature, "x-shopify-webhook-id": id_, "x-shopify-topic": "customers/update",
            }  # fmt: skip
            return (await client.post(PATH, content=body, headers=headers)).status_code

        async def every() -> list[int]:
            transport = httpx.ASGITransport(self.application)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return await asyncio.gather(*(one(client, id_) for id_ in ids))

        return asyncio.run(every())

    def events(self) -> list[str]:
        with self.shop.store.read() as connection:
            return sorted(row.id for row in connection.execute(EVENT.select()))

    def replace(self, secret: str) -> None:
        with self.shop.store.write() as connection:
            keep_key(self.shop.bench, connection, "int_1", secret)

    def refusals(self) -> list[Any]:
        return [entry for entry in self.shop.hub.log("int_1").items if entry.code == "webhook_refused"]


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    made = Door(tmp_path)
    yield made
    made.shop.hub.close()


def test_it_is_stored_before_it_is_answered_and_a_run_is_asked_for(door: Door) -> None:
    calls = door.shop.platform.traffic.api_calls
    assert door.deliver("d1") == 200
    assert door.events() == ["int_1:d1"]
    assert door.shop.integration().requested == "webhook"
    # The platform is asked by the run, not while it waits for its answer.
    assert door.shop.platform.traffic.api_calls == calls


def test_one_that_cannot_be_stored_is_not_answered_as_taken(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("perkstar_tui.hub.receiver.keep_told", full)
    with pytest.raises(OSError, match="full"):
        door.deliver("d1")
    assert door.events() == []
    monkeypatch.undo()
    assert door.deliver("d1") == 200
    assert door.events() == ["int_1:d1"]


def test_the_same_one_many_times_at_the_same_instant_is_stored_once(door: Door) -> None:
    body = orjson.dumps({"id": 7})
    assert set(door.deliver_raw(["d1"] * 24, body, signed(body))) == {200}
    assert door.events() == ["int_1:d1"]


def test_an_id_that_is_stored_already_by_another_integration_is_no_repeat(door: Door) -> None:
    with door.shop.store.write() as connection:
        values = {
            "data": "customers",
            "remote_id": "7",
            "type": "customers/update",
            "at": door.shop.clock.now(),
        }
        connection.execute(insert(EVENT).values(id="int_2:d1", integration_id="int_2", **values))
    assert door.deliver("d1") == 200
    assert door.events() == ["int_1:d1", "int_2:d1"]


def test_old_and_new_secret_are_good_while_one_takes_the_others_place(door: Door) -> None:
    door.replace(NEW)
    assert door.deliver("d1", OLD) == door.deliver("d2", NEW) == 200
    door.shop.clock.at += FORMER - timedelta(minutes=1)
    assert door.deliver("d3", OLD) == 200
    door.shop.clock.at += timedelta(minutes=2)
    assert door.deliver("d4", OLD) == 401
    assert door.deliver("d5", NEW) == 200
    assert door.deliver("d6", "somebody-elses") == 401
    assert door.events() == ["int_1:d1", "int_1:d2", "int_1:d3", "int_1:d5"]


def test_a_secret_that_is_given_again_keeps_the_one_before_no_longer(door: Door) -> None:
    door.replace(NEW)
    door.shop.clock.at += FORMER
    door.replace(NEW)
    assert door.deliver("d1", OLD) == 401


def test_an_app_secret_that_a_reconnect_brings_signs_from_then_on(door: Door) -> None:
    row = door.shop.integration()
    with door.shop.store.write() as connection:
        keep_app_secret(door.shop.bench, connection, row, {"access_token": "x", "client_secret": NEW})
    assert door.deliver("d1", NEW) == door.deliver("d2", OLD) == 200
    with door.shop.store.write() as connection:
        keep_app_secret(door.shop.bench, connection, row, {"access_token": "y"})
    assert door.deliver("d3", NEW) == 200


def test_a_body_that_a_proxy_changed_is_refused_with_the_likely_causes(door: Door) -> None:
    assert door.deliver("d1", altered=b" ") == 401
    assert door.events() == []
    (said,) = door.refusals()
    assert "its signature is wrong" in said.message
    for cause in ("PERKSTAR_PUBLIC_URL", "a proxy changed the body", "the secret was replaced"):
        assert cause in said.remedy
    assert OLD not in repr(said)


def test_a_signature_is_over_the_bytes_as_they_came(door: Door) -> None:
    """JSON that says the same in other bytes would have another signature: it is never read before it is believed."""
    said = {"id": 7, "note": "ä  \u2028", "n": 1.0}
    short, long = orjson.dumps(said), orjson.dumps(said, option=orjson.OPT_INDENT_2)
    assert door.deliver_raw(["d1"], short, signed(short)) == [200]
    assert door.deliver_raw(["d2"], long, signed(long)) == [200]
    assert door.deliver_raw(["d3"], short, signed(long)) == [401]

"""Deliveries against the sandbox: registered by a call or entered by a person, and believed if they are signed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from door import Door
from places import CATALOG, Place, change
from still import HeldCredential

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.platforms.manifest import Manifest
from perkstar_tui.platforms.webhooks import Event, greeting_of, parse

CUSTOMERS = DataType.CUSTOMERS


def registers(manifest: Manifest) -> bool:
    """Whether a customer's own credential registers them."""
    hooks = manifest.webhooks
    return hooks is not None and bool(hooks.can_subscribe or hooks.subscribe)


def tells(manifest: Manifest, params: dict[str, Any]) -> bool:
    """Whether a platform whose people can be read tells of changes, one way or the other."""
    return manifest.webhooks is not None and (registers(manifest) or manifest.webhooks.by_hand)


def names_people(manifest: Manifest, params: dict[str, Any]) -> bool:
    """Those that tell of customers by the id that reads give."""
    return tells(manifest, params) and manifest.name not in ("perkstar", "mailchimp")


def tells_of_several(manifest: Manifest, params: dict[str, Any]) -> bool:
    """Those that tell of all accounts of an app at one address."""
    event = manifest.webhooks.event if manifest.webhooks is not None else None
    return event is not None and bool(event.only or "{" in event.rows)


class Listener:
    """A door at a platform that delivers to it."""

    def __init__(self, place: Place, door: Door) -> None:
        self.place, self.door = place, door
        self.hooks = place.manifest.webhooks
        self.secret = self.id = ""
        self.connector: Any = None

    async def begin(self) -> None:
        """Have the platform tell what changes, in the way that it knows."""
        place, hooks = self.place, self.hooks
        assert hooks is not None
        if place.name == "square":
            personal = place.box.line["platforms"]["square"]["alternatives"]["personal_token"]["access_token"]
            place.credential = HeldCredential(access_token=personal)
        elif hooks.app_secret and not place.credential.secret.get("client_secret"):
            place.credential = HeldCredential(**(await place.grant())[2])
        self.connector = place.connect()
        if hooks.by_hand:
            await self._enter()
            return
        subscription = await self.connector.subscribe(self.door.url)
        self.id, self.secret = subscription.id, subscription.secret
        if hooks.greeting is not None and hooks.greeting.confirm is not None:
            codes = []
            for _ in self.id.split():
                greeting = await self._greeting()
                with pytest.raises(PerkstarError):
                    await self.connector.confirm(greeting.id, "wrong")
                await self.connector.confirm(greeting.id, greeting.code)
                codes.append(greeting.code)
            self.secret = " ".join(codes)

    async def _greeting(self) -> Any:
        greeting = greeting_of(self.place.manifest, (await self.next())[1])
        assert greeting is not None and greeting.code
        return greeting

    async def _enter(self) -> None:
        """As a person in the settings of the app: address, code, key."""
        asked: dict[str, Any] = {"url": self.door.url}
        path = f"/{self.place.name}/webhooks"
        shown = self.place.control("POST", path, asked)
        self.door.judge = self._judged
        if self.hooks is not None and self.hooks.greeting is not None:
            shown = self.place.control("POST", path, {**asked, "code": (await self._greeting()).code})
        self.secret = shown["key"]
        async with asyncio.timeout(15):
            while not shown["active"]:
                await asyncio.sleep(0.05)
                shown = self.place.control("POST", path, asked)
        while not self.door.got.empty():
            self.door.got.get_nowait()

    def _judged(self, headers: dict[str, str], body: bytes) -> int:
        try:
            self.read(headers, body)
        except PerkstarError:
            return 401
        return 200

    async def end(self) -> None:
        if self.id:
            await self.connector.unsubscribe(self.id)
            await self.connector.unsubscribe(self.id)
        self.place.control("DELETE", f"/{self.place.name}/webhooks")

    def read(self, headers: dict[str, str], body: bytes, **more: Any) -> list[Event]:
        given: dict[str, Any] = {
            "secret": self.secret, "members": {**self.place.credential.secret}, "now": self.place.clock.now(), **more,
        }  # fmt: skip
        return parse(self.place.manifest, url=self.door.url, headers=headers, body=body, **given)

    async def next(self) -> tuple[dict[str, str], bytes]:
        return await asyncio.wait_for(self.door.got.get(), 15)

    async def hear(self) -> tuple[dict[str, str], bytes, Event]:
        """The next delivery that tells something; some ring without news when they are registered."""
        while True:
            headers, body = await self.next()
            events = self.read(headers, body)
            if events:
                [event] = events
                return headers, body, event

    def rename(self, id_: str, first: str) -> None:
        """As a person at the platform."""
        self.place.control("PUT", f"/{self.place.name}/people/{id_}", {"first": first, "last": "Told"})


@pytest.fixture
async def listener(place: Place, door: Door) -> AsyncIterator[Listener]:
    made = Listener(place, door)
    await made.begin()
    yield made
    place.faults()
    await made.end()


async def somebody(listener: Listener) -> str:
    """A new customer of ours, who is told of; answers the id."""
    new = change(listener.place)
    [answer] = await listener.connector.send(CUSTOMERS, [new])
    assert answer.record is not None
    return str(answer.record.id)


@pytest.mark.where.with_args(tells)
async def test_a_delivery_is_believed_if_it_is_signed_and_only_then(listener: Listener) -> None:
    place, hooks = listener.place, listener.hooks
    assert hooks is not None
    id_ = await somebody(listener)
    if place.name == "mailchimp":
        # Mailchimp keeps our own writes to itself; a person's change is told.
        raw = next(row for row in place.records() if str(row["contact_id"]) == id_)
        listener.rename(raw["id"], "Ana")
    headers, body, event = await listener.hear()
    assert event.data is CUSTOMERS
    if place.name != "perkstar":
        presence = await listener.connector.get(CUSTOMERS, [event.remote_id])
        _, record = presence[event.remote_id]
        assert record is not None and record.id == id_
        if hooks.signature not in ("shared", "basic"):
            with pytest.raises(PerkstarError):
                listener.read(headers, body + b" ")
        with pytest.raises(PerkstarError):
            forged = body if hooks.header else body.replace(listener.secret.encode(), b"wrong")
            listener.read({**headers, hooks.header: "wrong"}, forged)
        with pytest.raises(PerkstarError) as caught:
            listener.read(headers, body, secret="")
        assert caught.value.kind is ErrorKind.NOT_ALLOWED
        assert (place.manifest.key_option or "Register") in (caught.value.remedy or "")
    again = listener.read(headers, body)
    assert [replace(one, id="") for one in again] == [replace(event, id="")]
    assert (again == [event]) is not bool(hooks.event and hooks.event.nameless)


@pytest.mark.where.with_args(names_people)
async def test_what_a_person_changes_is_told_and_read_as_it_is_now(listener: Listener) -> None:
    """Of two changes the later may be told first: what a delivery names is read afresh."""
    place = listener.place
    id_ = await somebody(listener)
    await listener.hear()
    place.faults({"effect": "webhook-reorder", "probability": 1.0})
    listener.rename(id_, "First")
    listener.rename(id_, "Second")
    names = set()
    for _ in range(2):
        _, _, event = await listener.hear()
        assert event.remote_id == id_
        _, record = (await listener.connector.get(CUSTOMERS, [id_]))[id_]
        names.add(record.fields[place.first_name])
    assert names == {"Second"}


@pytest.mark.where.with_args(names_people)
async def test_a_repeat_has_the_id_of_the_first_and_another_change_has_not(listener: Listener) -> None:
    id_ = await somebody(listener)
    await listener.hear()
    listener.place.faults({"effect": "webhook-repeat", "probability": 1.0})
    listener.rename(id_, "Once")
    _, _, one = await listener.hear()
    _, _, other = await listener.hear()
    listener.place.faults()
    listener.rename(id_, "Twice")
    _, _, third = await listener.hear()
    event = listener.hooks.event if listener.hooks is not None else None
    if event is None or not event.nameless:
        assert one.id == other.id
    assert third.id not in (one.id, other.id)


@pytest.mark.where.with_args(names_people)
async def test_a_forged_delivery_is_refused(listener: Listener) -> None:
    listener.place.faults({"effect": "webhook-bad-signature", "probability": 1.0})
    await somebody(listener)
    headers, body = await listener.next()
    while greeting_of(listener.place.manifest, body) is not None:
        headers, body = await listener.next()
    with pytest.raises(PerkstarError) as caught:
        listener.read(headers, body)
    assert caught.value.kind is ErrorKind.NOT_ALLOWED


@pytest.mark.where.with_args(tells_of_several)
async def test_what_happens_in_another_account_of_the_app_is_left_out(listener: Listener) -> None:
    await somebody(listener)
    headers, body, _ = await listener.hear()
    form = listener.place.manifest.auth[0]
    names = {*form.keeps, *form.needs, *(field.name for field in form.fields)}
    elsewhere = dict.fromkeys(names, "elsewhere")
    assert listener.read(headers, body, members=elsewhere) == []
    assert listener.read(headers, body, members={}) == []


def registers_several(manifest: Manifest, params: dict[str, Any]) -> bool:
    """Those of which each event is registered for itself."""
    subscribe = manifest.webhooks.subscribe if manifest.webhooks is not None else None
    return subscribe is not None and len(subscribe.events) > 1 and subscribe.call.json_body is not None


@pytest.mark.where.with_args(registers_several)
async def test_of_several_registrations_all_are_made_or_none(listener: Listener) -> None:
    place, hooks = listener.place, listener.hooks
    assert hooks is not None and hooks.subscribe is not None
    await listener.connector.unsubscribe(listener.id)
    path = hooks.subscribe.call.path.rpartition("/")[2]
    place.faults({"effect": "status", "status": 422, "path": path, "method": "POST", "nth": 2})
    sent = len(place.transport.sent)
    with pytest.raises(PerkstarError):
        await listener.connector.subscribe(listener.door.url)
    # One is made, one is refused, and the one is taken back.
    assert len(place.transport.sent) == sent + 3
    listener.id = ""


@pytest.mark.where(lambda m, _: bool(m.webhooks and m.webhooks.app_secret))
async def test_without_the_secret_of_the_app_nothing_is_registered(place: Place, door: Door) -> None:
    secret = {name: value for name, value in place.credential.secret.items() if name != "client_secret"}
    place.credential = HeldCredential(**secret)
    connector = place.connect()
    with pytest.raises(PerkstarError) as caught:
        await connector.subscribe(door.url)
    assert "app" in caught.value.message and place.transport.sent == []


HOOKED = sorted(name for name, m in CATALOG.items() if tells(m, {}))


@pytest.mark.parametrize("platform", HOOKED)
def test_whoever_tells_of_changes_offers_real_time(platform: str) -> None:
    assert CATALOG[platform].realtime or CATALOG[platform].system

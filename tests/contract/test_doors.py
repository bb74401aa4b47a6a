"""The vendors' side doors against the sandbox: authorising in the browser, and deliveries of webhooks."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from door import Door
from places import CATALOG, Place, change
from still import HeldCredential

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.platforms.auth import (
    complete_authorization,
    normalise_credential,
)
from perkstar_tui.platforms.webhooks import parse
from perkstar_tui.sandbox.server import Sandbox

BROWSER = [name for name, m in CATALOG.items() if any(f.type == "oauth2" for f in m.auth)]


@pytest.mark.where(lambda m, given: given["secret"] or not any(f.secret_needed for f in m.auth))
@pytest.mark.parametrize("platform", BROWSER)
@pytest.mark.parametrize("secret", [True, False])
async def test_the_browser_leads_to_a_credential_that_works(
    box: Sandbox, platform: str, secret: bool
) -> None:
    place = Place(box, platform)
    client = place.app()
    if not secret:
        del client["client_secret"]
    begun, address, credential = await place.grant(client)
    assert normalise_credential(place.manifest, credential, datetime.now(UTC))[0] == "oauth"
    expected = await place.connect().identify()
    place.credential = HeldCredential(**credential)
    connector = place.connect()
    assert (await connector.identify()).id == expected.id
    with pytest.raises(PerkstarError) as caught:
        await complete_authorization(
            place.manifest, begun, address, endpoints=place.endpoints, clock=place.clock
        )
    assert caught.value.kind is ErrorKind.CREDENTIAL_INVALID


@pytest.mark.where(lambda m, given: any(f.refreshes for f in m.auth if f.type == "oauth2"))
@pytest.mark.parametrize("platform", BROWSER)
async def test_a_fresh_grant_is_renewed_and_withdrawn(box: Sandbox, platform: str) -> None:
    """Square withdraws all tokens of the app at once: what comes after uses the personal one."""
    place = Place(box, platform)
    _, _, credential = await place.grant()
    place.credential = HeldCredential(**credential)
    connector = place.connect()
    used = await connector.session.headers()
    assert await connector.http() and await connector.session.refused(used)
    await connector.identify()
    assert len(place.credential.kept) == 1
    revokes = any(form.revoke_url for form in place.manifest.auth)
    assert await connector.revoke() is revokes
    if platform == "square":
        with pytest.raises(PerkstarError) as caught:
            await connector.identify()
        assert caught.value.kind is ErrorKind.CREDENTIAL_REFUSED


# -- webhooks --------------------------------------------------------------------------------------------------


@pytest.mark.where(lambda m, _: m.webhooks is not None and (m.webhooks.can_subscribe or m.webhooks.subscribe))
async def test_a_delivery_is_believed_if_it_is_signed_and_only_then(place: Place, door: Door) -> None:
    connector = place.connect()
    if place.name == "square":
        personal = place.box.line["platforms"]["square"]["alternatives"]["personal_token"]["access_token"]
        place.credential = HeldCredential(access_token=personal)
        connector = place.connect()
    subscription = await connector.subscribe(door.url)
    try:
        new = change(place)
        [answer] = await connector.send(DataType.CUSTOMERS, [new])
        if place.name == "mailchimp":
            # Mailchimp keeps our own writes to itself; a person's change is told.
            raw = next(row for row in place.records() if new.fields[place.email] in str(row))
            part = {"merge_fields": {"LNAME": "Lee"}}
            place.control("PUT", f"/mailchimp/records/members/{raw['id']}", part)
        told: list[Any] = []
        while not told:
            # Some ring once without news when they are registered.
            headers, body = await asyncio.wait_for(door.got.get(), 15)

            def read(**more: Any) -> Any:
                given: dict[str, Any] = {"headers": headers, "body": body, **more}  # noqa: B023
                return parse(
                    place.manifest, secret=subscription.secret, url=door.url, now=place.clock.now(), **given
                )

            told = read()
        [event] = told
        if place.name != "perkstar":
            presence = await connector.get(DataType.CUSTOMERS, [event.remote_id])
            _, record = presence[event.remote_id]
            assert record is not None and record.id == answer.record.id
            assert place.manifest.webhooks is not None
            if place.manifest.webhooks.signature not in ("shared", "basic"):
                with pytest.raises(PerkstarError):
                    read(body=body + b" ")
            with pytest.raises(PerkstarError):
                read(headers={**headers, place.manifest.webhooks.header: "wrong"})
        assert read() == [event]
    finally:
        await connector.unsubscribe(subscription.id)
        await connector.unsubscribe(subscription.id)

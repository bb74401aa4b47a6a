"""Authorising in the browser, against the sandbox."""

from datetime import UTC, datetime

import pytest
from places import CATALOG, Place
from still import HeldCredential

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.platforms.auth import (
    complete_authorization,
    normalise_credential,
)
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

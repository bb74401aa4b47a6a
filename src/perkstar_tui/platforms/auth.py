"""Credentials as people give them, brought into the one form that is stored."""

from datetime import datetime
from typing import Any

from perkstar_tui.model.errors import ErrorKind, PerkstarError

from .manifest import Manifest


def normalise_credential(
    manifest: Manifest, given: dict[str, Any], now: datetime
) -> tuple[str, dict[str, Any]]:
    """The form that fits the given members, and the credential to store (`expires_at` in epoch seconds).

    Raises PerkstarError USAGE that names what is missing; values are never repeated.
    """
    filled = {name for name, value in given.items() if value not in (None, "")}
    for form in manifest.auth:
        needed = {"access_token", "refresh_token"} if form.type == "oauth2" else {f.name for f in form.fields}
        if needed and needed <= filled:
            credential = {name: given[name] for name in filled}
            if credential.get("expires_in"):
                credential["expires_at"] = now.timestamp() + float(credential.pop("expires_in"))
            return form.id, credential
    wanted = " or ".join(
        ", ".join(f.name for f in form.fields) if form.type != "oauth2" else "access_token, refresh_token"
        for form in manifest.auth
    )
    raise PerkstarError(
        ErrorKind.USAGE,
        f"These are no credentials for {manifest.title}.",
        remedy=f"Give {wanted}.",
        field="credentials",
    )

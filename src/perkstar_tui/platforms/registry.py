"""Opens the connector of a platform by name."""

from collections.abc import Callable, Mapping
from typing import Any

from perkstar_tui.model.clock import Clock
from perkstar_tui.model.errors import ErrorKind, PerkstarError

from .connector import Connector, CredentialStore

Opener = Callable[..., Connector]

CONNECTORS: dict[str, Opener] = {}
"""Platform name to what opens it; each hook module puts its own in."""


def open_connector(
    name: str,
    credentials: CredentialStore,
    *,
    endpoints: Mapping[str, Any],
    clock: Clock,
    options: Mapping[str, Any],
) -> Connector:
    """A connector for one account. Raises PerkstarError NOT_FOUND for a platform that has none."""
    opener = CONNECTORS.get(name)
    if opener is None:
        raise PerkstarError(
            ErrorKind.NOT_FOUND,
            f"There is no connector for {name!r} yet.",
            remedy="`perkstar catalog` shows which platforms work.",
        )
    return opener(credentials, endpoints=endpoints, clock=clock, options=options)

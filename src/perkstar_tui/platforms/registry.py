"""Opens the connector of a platform by name. A vendor's code is loaded when it is first wanted."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from perkstar_tui.model.clock import Clock
from perkstar_tui.model.enums import Kind
from perkstar_tui.model.errors import ErrorKind, PerkstarError

from .connector import Connector, CredentialStore
from .manifest import Manifest

if TYPE_CHECKING:
    from perkstar_tui.http.budget import Budgets

    from .connector import Inbox

Opener = Callable[..., Connector]

CONNECTORS: dict[str, Opener] = {}
"""Platform name to what opens it; a name that is not here is looked for in `hooks/`, else its manifest
says all."""


def _opener(name: str, given: Manifest | None) -> Opener:
    from .catalog import load_catalog

    if given is not None and given.kind is Kind.API:
        # An admin's own platform has no code of ours.
        return _described(given)
    found = CONNECTORS.get(name)
    manifest = load_catalog().get(name) or load_catalog(drafts=True).get(name)
    if found is None and manifest is not None:
        found = CONNECTORS[name] = _hook(name) or _described(manifest)
    if found is None:
        raise PerkstarError(
            ErrorKind.NOT_FOUND,
            f"There is no connector for {name!r} yet.",
            remedy="`perkstar catalog` shows which platforms work.",
        )
    return found


def _hook(name: str) -> Opener | None:
    """The vendor's own code, where it has some."""
    module = f"{__package__}.hooks.{name.replace('-', '_')}"
    if find_spec(module) is None:
        return None
    opener: Opener = import_module(module).open_connector
    return opener


def _described(manifest: Manifest) -> Opener:
    """A connector that needs nothing but the manifest."""
    from .delivering import OwnEndpoint
    from .described import Described, DescribedSubscriber

    if any(spec.rows is not None and spec.rows.deliver for spec in manifest.data.values()):
        return lambda credentials, **more: OwnEndpoint(manifest, credentials, **more)
    hooks = manifest.webhooks
    kind = DescribedSubscriber if hooks is not None and hooks.subscribe is not None else Described
    return lambda credentials, **more: kind(manifest, credentials, **more)


def open_connector(
    name: str,
    credentials: CredentialStore,
    *,
    manifest: Manifest | None = None,
    endpoints: Mapping[str, Any],
    clock: Clock,
    options: Mapping[str, Any],
    budgets: "Budgets | None" = None,
    budget_name: str = "",
    on_call: Callable[[int], None] | None = None,
    paths: Sequence[str] = (),
    inbox: "Inbox | None" = None,
    transport: Any = None,
) -> Connector:
    """A connector for one account. Raises PerkstarError NOT_FOUND for a platform that has none.

    `manifest` is that of an admin's own platform, which this program doesn't know by name. `budgets` and
    `budget_name` share the account's rate between connectors and processes; `on_call` is told of each request;
    `paths` are the mapped paths beyond the manifest's own, `inbox` is what deliveries told; `transport` replaces the
    network in tests.
    """
    return _opener(name, manifest)(
        credentials,
        endpoints=endpoints,
        clock=clock,
        options=options,
        budgets=budgets,
        budget_name=budget_name,
        on_call=on_call,
        paths=paths,
        inbox=inbox,
        transport=transport,
    )

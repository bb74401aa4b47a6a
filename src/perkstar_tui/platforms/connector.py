"""The door to one platform: what the engine may ask of it, whatever the vendor."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol, runtime_checkable

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import PerkstarError
from perkstar_tui.model.remote import (
    Answer,
    Change,
    Fact,
    Journal,
    Ledger,
    Message,
    Page,
    Presence,
    RemoteAccount,
    RemoteField,
    RemoteRecord,
    Response,
    Told,
    Traffic,
)

from .manifest import Manifest


class CredentialStore(Protocol):
    """Where a connector reads and renews its credential. The implementation holds the refresh lease and the vault."""

    async def load(self) -> dict[str, Any]:
        """The credential as its manifest names it, e.g. access_token, refresh_token, expires_at (epoch seconds)."""

    async def renew(self, stale: dict[str, Any]) -> "Renewal":
        """Ask to renew: under the lease of this credential. `Renewal.current` is set if another process did it."""


class Renewal(Protocol):
    current: dict[str, Any] | None

    async def keep(self, fresh: dict[str, Any]) -> None:
        """Store the fresh credential and let the lease go."""

    async def abandon(self) -> None:
        """Let the lease go without a new credential."""


class Inbox(Protocol):
    """What deliveries have told, for platforms whose records can't be read. Rows are the vendor's own."""

    def told(self, data: DataType, after: int, most: int) -> list[tuple[int, dict[str, Any]]]:
        """Records told after a position, in the order of arrival, each as it was told last; with their positions."""

    def of(self, data: DataType, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Single records by id, as far as they were ever told."""


class Connector(Protocol):
    """One account at one platform. Every method raises PerkstarError of the right kind and nothing else."""

    manifest: Manifest
    traffic: Traffic

    async def identify(self) -> RemoteAccount:
        """Whom the credential belongs to; the cheapest call that proves it works."""

    async def fields(self, data: DataType) -> list[RemoteField]:
        """All fields of the data type, custom ones too, discovered at the vendor."""

    async def ensure_fields(self, data: DataType, paths: Sequence[str]) -> list[str]:
        """Create those custom fields of the manifest that are missing; answers the paths created."""

    def read(
        self, data: DataType, cursor: dict[str, Any] | None, *, full: bool = False
    ) -> AsyncIterator[Page]:
        """Pages changed since `cursor` (None or full: everything), in an order that makes each page's cursor safe."""

    async def get(
        self, data: DataType, ids: Sequence[str]
    ) -> dict[str, tuple[Presence, RemoteRecord | None]]:
        """Single records by id, with what became of those that are not there. A merged one carries the winner."""

    async def find(self, data: DataType, key: str, value: str) -> list[RemoteRecord]:
        """Records whose `key` (email, phone, reference) is `value` in normal form."""

    async def send(self, data: DataType, changes: Sequence[Change]) -> list[Answer]:
        """Create and update in the vendor's largest batch; one answer a change, in order.

        A refused batch is split until the culprit stands alone. Credential, limit and network errors are raised.
        """

    async def archive(self, data: DataType, ids: Sequence[str]) -> list[Answer]:
        """Archive (never erase) records at the vendor."""

    async def revoke(self) -> bool:
        """Withdraw the credential at the vendor where it can be done; False where it has no such call."""

    async def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A webhook registered at the vendor: its id there, and the secret that its deliveries are signed with."""

    id: str
    secret: str = ""


@runtime_checkable
class Subscriber(Protocol):
    """A connector whose vendor lets a customer's own credential register webhooks."""

    async def subscribe(self, url: str) -> Subscription:
        """Have changes told to `url`."""

    async def unsubscribe(self, id: str) -> None:
        """End a subscription; one that is gone already is no error."""


@runtime_checkable
class Confirmer(Protocol):
    """A connector whose vendor has a registered address proved before it delivers there (manifest: `greeting`)."""

    async def confirm(self, id: str, code: str) -> None:
        """Send back the code that the vendor sent to the address of a registration."""


@runtime_checkable
class Taker(Protocol):
    """A connector of a platform that takes rows or events, one after the other (manifest: `rows`)."""

    async def append(self, facts: Sequence[Fact]) -> None:
        """Tell facts of one kind in one call: all of them, or none and an error."""

    async def has(self, fact: Fact) -> bool | None:
        """Whether a fact is there already; None where the platform can't say."""


@runtime_checkable
class Checker(Protocol):
    """A connector of a platform that may be asked what has arrived (manifest: `rows.check`)."""

    async def lacking(self) -> list[str]:
        """What a person has not given that counting needs, in words; empty when it can be counted."""

    async def counted(self, since: date) -> dict[str, int]:
        """How many events of each name that is told are there from a day on, by the platform's own calendar."""


@runtime_checkable
class Publisher(Protocol):
    """A connector of a platform that takes a table as a whole (manifest: `rows.whole`)."""

    async def publish(self, table: str, facts: Iterable[Fact]) -> None:
        """Put a table in the place of the one before: all of it, or nothing and an error. Done twice does no harm."""


@runtime_checkable
class Deliverer(Protocol):
    """A connector of an endpoint that is told of one thing after the other (manifest: `rows.deliver`)."""

    async def listens(self) -> bool:
        """Whether there is an endpoint at all, and not only a way in."""

    async def deliver(self, message: Message) -> Response:
        """Make one attempt. What goes wrong is in the response; nothing is raised for it."""


@runtime_checkable
class Bookkeeper(Protocol):
    """A connector of a platform that keeps books (manifest: `journal`)."""

    async def ledger(self) -> Ledger:
        """The accounts that a journal may be entered under, in the vendor's order."""

    async def enter(self, journal: Journal) -> None:
        """Enter a journal, whole; it is in the books when this comes back, and out of them after a refusal."""

    async def entered(self, journal: Journal) -> bool:
        """Whether a journal of this key is in the books."""


@runtime_checkable
class Teller(Protocol):
    """A connector of a platform that is told of customers' moments (manifest: `events`)."""

    async def tell(self, events: Sequence[Told]) -> list[PerkstarError | None]:
        """Tell moments of one kind; for each None, or why the platform refused it. Other errors are raised."""

    async def was_told(self, event: Told) -> bool | None:
        """Whether a moment is there already (its key and customer are enough); None where the platform can't say."""

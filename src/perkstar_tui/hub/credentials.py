"""Credentials between vault and store: sealed at rest, renewed by one process at a time (H8)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from perkstar_tui.model.clock import Clock
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.store import leases
from perkstar_tui.store import tables as t
from perkstar_tui.store.database import Store
from perkstar_tui.vault import Vault

CREDENTIAL = t.Credential


def write_credential(
    connection: Connection, vault: Vault, owner_id: str, secret: dict[str, Any], now: datetime
) -> None:
    """Put a credential in place of the one before, in the caller's transaction."""
    expires = secret.get("expires_at")
    values = {
        "ciphertext": vault.seal(owner_id, secret),
        "updated_at": now,
        "expires_at": datetime.fromtimestamp(float(expires), UTC) if expires else None,
    }
    changed = connection.execute(
        update(CREDENTIAL)
        .where(CREDENTIAL.c.owner_id == owner_id)
        .values(version=CREDENTIAL.c.version + 1, **values)
    )
    if not changed.rowcount:
        connection.execute(insert(CREDENTIAL).values(owner_id=owner_id, version=1, **values))


def delete_credential(connection: Connection, owner_id: str) -> None:
    connection.execute(delete(CREDENTIAL).where(CREDENTIAL.c.owner_id == owner_id))


class StoredCredential:
    """A credential in the store (platforms.connector.CredentialStore). Waiters re-read before they ask the vendor."""

    def __init__(self, store: Store, vault: Vault, owner_id: str, clock: Clock) -> None:
        self.store = store
        self.vault = vault
        self.owner_id = owner_id
        self.clock = clock

    def read(self) -> dict[str, Any]:
        with self.store.read() as connection:
            sealed = connection.execute(
                select(CREDENTIAL.c.ciphertext).where(CREDENTIAL.c.owner_id == self.owner_id)
            ).scalar()
        if sealed is None:
            raise PerkstarError(
                ErrorKind.CREDENTIAL_REFUSED, "There is no credential any more.", integration_id=self.owner_id
            )
        return self.vault.open(self.owner_id, bytes(sealed))

    async def load(self) -> dict[str, Any]:
        return self.read()

    async def renew(self, stale: dict[str, Any]) -> "_Renewal":
        name = f"refresh:{self.owner_id}"
        held = leases.take(self.store, name, self.clock.now())
        while held is None:
            await self.clock.sleep(0.1)
            held = leases.take(self.store, name, self.clock.now())
        present = self.read()
        if present.get("access_token") != stale.get("access_token"):
            leases.release(self.store, held)
            return _Renewal(self, None, present)
        return _Renewal(self, held, None)


@dataclass
class _Renewal:
    owner: StoredCredential
    held: leases.Held | None
    current: dict[str, Any] | None

    async def keep(self, fresh: dict[str, Any]) -> None:
        """Token and credential version change in one transaction, which holds only while the lease is ours."""
        if self.held is None:
            return
        with self.owner.store.write(self.held.fence, durable=True) as connection:
            write_credential(connection, self.owner.vault, self.owner.owner_id, fresh, self.owner.clock.now())
        leases.release(self.owner.store, self.held)
        self.held = None

    async def abandon(self) -> None:
        if self.held is not None:
            leases.release(self.owner.store, self.held)
            self.held = None


class LooseCredential:
    """A credential not yet kept anywhere: while a connection is being tested, before the first commit."""

    def __init__(self, secret: dict[str, Any]) -> None:
        self.secret = secret

    async def load(self) -> dict[str, Any]:
        return self.secret

    async def renew(self, stale: dict[str, Any]) -> "_LooseRenewal":
        return _LooseRenewal(self)


@dataclass
class _LooseRenewal:
    owner: LooseCredential
    current: dict[str, Any] | None = None

    async def keep(self, fresh: dict[str, Any]) -> None:
        self.owner.secret = fresh

    async def abandon(self) -> None:
        return

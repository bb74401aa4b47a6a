"""AES-256-GCM over the store's credentials, and the three places where the key may lie."""

import os
import secrets
import stat
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from perkstar_tui.model.errors import ErrorKind, PerkstarError

_SERVICE = "perkstar-tui"


class VaultKind(StrEnum):
    KEYRING = "keyring"
    PASSPHRASE = "passphrase"
    FILE = "file"


class Vault:
    """Seals and opens secrets. The owner's id is bound in, so one row's ciphertext can't stand in for another's."""

    def __init__(self, key: bytes, kind: VaultKind, place: str) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)
        self.kind = kind
        self.place = place

    def seal(self, owner_id: str, secret: dict[str, Any]) -> bytes:
        nonce = os.urandom(12)
        return nonce + self._cipher.encrypt(nonce, orjson.dumps(secret), owner_id.encode())

    def open(self, owner_id: str, sealed: bytes) -> dict[str, Any]:
        """The secret again. Raises PerkstarError CREDENTIAL_REFUSED when the key is not the one that sealed it."""
        from cryptography.exceptions import InvalidTag

        try:
            opened = self._cipher.decrypt(sealed[:12], sealed[12:], owner_id.encode())
        except InvalidTag:
            raise PerkstarError(
                ErrorKind.USAGE,
                f"The stored secret cannot be opened with the key from {self.place}.",
                remedy="Use the vault this store was made with (PERKSTAR_VAULT), or reconnect.",
            ) from None
        secret: dict[str, Any] = orjson.loads(opened)
        return secret


def open_vault(
    home: Path, store_id: str, kind: str | None = None, passphrase_file: str | None = None
) -> Vault:
    """The vault of a home directory. Without `kind`: the keyring if one answers, else a 0600 file.

    `store_id` keeps the keys of several homes apart in one keyring. A home that has a key file goes on using it.
    """
    file = home / "vault.key"
    chosen = VaultKind(kind) if kind else None
    if chosen is VaultKind.PASSPHRASE or (chosen is None and passphrase_file):
        return _by_passphrase(home, passphrase_file)
    if chosen is VaultKind.FILE or (chosen is None and file.exists()):
        return _by_file(file)
    vault = _by_keyring(store_id, required=chosen is VaultKind.KEYRING)
    return vault or _by_file(file)


def _by_keyring(store_id: str, *, required: bool) -> Vault | None:
    import keyring
    from keyring.backends.fail import Keyring as NoKeyring
    from keyring.errors import KeyringError

    try:
        backend = keyring.get_keyring()
        if isinstance(backend, NoKeyring) or backend.priority < 1:
            raise KeyringError("no system keyring")
        kept = backend.get_password(_SERVICE, store_id)
        if kept is None:
            kept = secrets.token_hex(32)
            backend.set_password(_SERVICE, store_id, kept)
            if backend.get_password(_SERVICE, store_id) != kept:
                raise KeyringError("the keyring did not keep the key")
    except (KeyringError, RuntimeError) as error:
        if not required:
            return None
        raise PerkstarError(
            ErrorKind.USAGE,
            f"The system keyring cannot be used: {error}.",
            remedy="Unlock it, or set PERKSTAR_VAULT to passphrase or file.",
        ) from None
    return Vault(bytes.fromhex(kept), VaultKind.KEYRING, f"the system keyring ({backend.name})")


def _by_file(file: Path) -> Vault:
    try:
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & 0o077:
            raise PerkstarError(
                ErrorKind.USAGE,
                f"{file} can be read by others (mode {mode:o}).",
                remedy=f"chmod 600 {file}",
            ) from None
    else:
        with os.fdopen(descriptor, "w") as handle:
            handle.write(secrets.token_hex(32))
            handle.flush()
            os.fsync(handle.fileno())
    return Vault(bytes.fromhex(file.read_text().strip()), VaultKind.FILE, str(file))


def _by_passphrase(home: Path, passphrase_file: str | None) -> Vault:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    if not passphrase_file:
        raise PerkstarError(
            ErrorKind.USAGE,
            "The vault is behind a passphrase, and none was given.",
            remedy="Set PERKSTAR_VAULT_PASSPHRASE_FILE to a file that holds it.",
        )
    try:
        passphrase = Path(passphrase_file).read_text().strip().encode()
    except OSError as error:
        raise PerkstarError(
            ErrorKind.USAGE,
            f"The passphrase file cannot be read: {error.strerror}.",
            remedy="Set PERKSTAR_VAULT_PASSPHRASE_FILE to a file that holds it.",
        ) from None
    salt_file = home / "vault.salt"
    try:
        with open(salt_file, "xb") as handle:
            handle.write(os.urandom(16))
    except FileExistsError:
        pass
    key = Scrypt(salt=salt_file.read_bytes(), length=32, n=2**15, r=8, p=1).derive(passphrase)
    return Vault(key, VaultKind.PASSPHRASE, "a passphrase")

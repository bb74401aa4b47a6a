"""Secrets: ciphertext lies in the store, the key that opens it lies elsewhere.

The key is in the system keyring, derived from a passphrase, or in a 0600 file; which one is chosen by itself
(`PERKSTAR_VAULT` decides otherwise) and `perkstar doctor` says it. Nothing here is ever logged.
"""

from .vault import Vault, VaultKind, open_vault

__all__ = ["Vault", "VaultKind", "open_vault"]

"""Ids: a prefix and a ULID, sortable by time and never reused (D3)."""

from ulid import ULID


def new_id(prefix: str) -> str:
    """A fresh id such as `int_01J9Z...`."""
    return f"{prefix}_{ULID()}"

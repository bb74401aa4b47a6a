"""Ids: a prefix and a ULID, sortable by time and never reused (D3)."""

import os
import time

from ulid import ULID

_SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [a + b for a in _SIGNS for b in _SIGNS]


def new_id(prefix: str) -> str:
    """A fresh id such as `int_01J9Z...`."""
    return f"{prefix}_{ULID()}"


def new_ids(prefix: str, count: int) -> list[str]:
    """Many fresh ids at once, in order: one moment and random start, counted up (ULID's own rule within a moment).

    A page's worth costs a tenth of as many single ones.
    """
    start = (time.time_ns() // 1_000_000 << 80) | (int.from_bytes(os.urandom(10)) >> 1)
    found: list[str] = []
    while len(found) < count:
        # The last two signs count through; what stands before them is spelled once for each thousand.
        number = start + len(found)
        head, first = f"{prefix}_{_spelled(number >> 10)}", number & 1023
        found += [head + pair for pair in _PAIRS[first : first + count - len(found)]]
    return found


def _spelled(number: int) -> str:
    """120 bits as 24 signs of Crockford's alphabet, two at a time."""
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(110, -1, -10)])

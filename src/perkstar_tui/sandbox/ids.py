"""Identifiers in the forms that several vendors use, out of a vendor's own row of chances."""

import random


def uuid_text(value: int) -> str:
    """128 bits as RFC 9562 writes them."""
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def random_uuid(chance: random.Random) -> str:
    """128 bits of chance in the form of a UUID, without a version in them."""
    return uuid_text(chance.getrandbits(128))


def uuid7(ms: int, chance: random.Random) -> str:
    """A UUID of version 7."""
    return uuid_text(
        (ms & (2**48 - 1)) << 80 | 7 << 76 | chance.getrandbits(12) << 64 | 2 << 62 | chance.getrandbits(62)
    )

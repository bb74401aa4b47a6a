"""Signatures of Standard Webhooks: the id, the time and the body of a delivery, by HMAC-SHA256.

https://github.com/standard-webhooks/standard-webhooks (spec): a header has a signature for each key, so that a key can
be replaced while both are good. Pure.
"""

import base64
import binascii
import hmac
import secrets
from collections.abc import Iterator
from hashlib import sha256

KEY = "whsec_"


def made_secret(head: str = KEY) -> str:
    """A fresh secret of 24 random bytes."""
    return head + base64.b64encode(secrets.token_bytes(24)).decode()


def keys_of(secret: str) -> Iterator[bytes]:
    """The keys of a secret: one, or two with a space between them while one takes the other's place.

    What does not begin with `whsec_` is a key as it stands.
    """
    for part in secret.split():
        yield base64.b64decode(part.removeprefix(KEY)) if part.startswith(KEY) else part.encode()


def is_secret(text: str) -> bool:
    """Whether a text is one or two secrets as the specification has them: `whsec_` and 24 to 64 bytes in base64."""
    try:
        sizes = [
            len(base64.b64decode(part.removeprefix(KEY), validate=True)) if part.startswith(KEY) else 0
            for part in text.split()
        ]
    except binascii.Error:
        return False
    return 1 <= len(sizes) <= 2 and all(24 <= size <= 64 for size in sizes)


def signatures(secret: str, id_: str, sent: int, body: bytes) -> list[str]:
    """A signature by each key, in base64; `sent` in epoch seconds."""
    signed = f"{id_}.{sent}.".encode() + body
    return [base64.b64encode(hmac.digest(key, signed, sha256)).decode() for key in keys_of(secret)]


def headers_of(secret: str, id_: str, sent: int, body: bytes) -> dict[str, str]:
    """The headers that a signed delivery of JSON has."""
    return {
        "content-type": "application/json",
        "webhook-id": id_,
        "webhook-timestamp": str(sent),
        "webhook-signature": " ".join(f"v1,{one}" for one in signatures(secret, id_, sent, body)),
    }

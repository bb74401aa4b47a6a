"""Idempotency keys: the same request again gets the answer that it got the first time."""

import hashlib
from collections.abc import Callable

from ..wire import Answer, Call
from .errors import invalid

LONGEST_KEY = 192


class Idempotency:
    """The keys that were used, and what was answered."""

    def __init__(self) -> None:
        self.keys: dict[str, tuple[str, Answer]] = {}

    def once(self, key: object, call: Call, act: Callable[[], Answer]) -> Answer:
        """The same key with the same body gets the same answer; with another body it is refused."""
        if not key:
            return act()
        if not isinstance(key, str) or len(key) > LONGEST_KEY:
            raise invalid("VALUE_TOO_LONG", "idempotency_key is too long.", "idempotency_key")
        digest = hashlib.sha256(call.method.encode() + call.path.encode() + call.body).hexdigest()
        kept = self.keys.get(key)
        if kept is not None:
            if kept[0] != digest:
                words = "The idempotency key can only be retried with the same request data."
                raise invalid("IDEMPOTENCY_KEY_REUSED", words, "idempotency_key")
            return kept[1]
        answer = act()
        self.keys[key] = (digest, answer)
        return answer

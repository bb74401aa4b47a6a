"""Opaque marks of where a list goes on, which hold the position themselves and end after a while."""

import base64
from typing import Any

import orjson

from .clock import Clock


class Cursors:
    """Makes and reads the cursors of one vendor."""

    def __init__(self, clock: Clock, lifetime: float) -> None:
        self._clock = clock
        self._lifetime = lifetime

    def make(self, *marks: object) -> str:
        """A cursor that holds these marks."""
        return base64.urlsafe_b64encode(orjson.dumps([self._clock.now() + self._lifetime, *marks])).decode()

    def read(self, text: str, length: int) -> list[Any]:
        """The marks of a cursor; `ValueError` where it isn't one of ours, is too old or has another length."""
        try:
            marks = orjson.loads(base64.urlsafe_b64decode(text))
            if len(marks) == length + 1 and marks[0] >= self._clock.now():
                return list(marks[1:])
        except TypeError as problem:
            raise ValueError("not a cursor") from problem
        raise ValueError("a cursor too old or of another list")

"""A request and an answer, reduced to what a vendor's handler needs."""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qs

import orjson


@dataclass(slots=True)
class Call:
    """One request at a vendor."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    base: str
    params: dict[str, str] = field(default_factory=dict)
    target: str = ""
    probe: int = 0
    """What an address in the body answered, for those vendors that look at it first."""

    def arg(self, name: str, default: str = "") -> str:
        """A query argument, the last one given."""
        values = self.query.get(name)
        return values[-1] if values else default

    def number(self, name: str, default: int, low: int = 0) -> int:
        """A query argument as a number; the default where it is missing or none."""
        text = self.arg(name)
        return max(low, int(text)) if text.isdigit() else default

    def json(self) -> Any:
        """The body as JSON; raises `orjson.JSONDecodeError` where it is not."""
        return orjson.loads(self.body) if self.body else {}

    def form(self) -> dict[str, str]:
        """The body as a form, or as JSON where the sender said so."""
        if "json" in self.headers.get("content-type", ""):
            found = orjson.loads(self.body or b"{}")
            return {k: v if isinstance(v, str) else str(v) for k, v in found.items() if v is not None}
        return {k: v[-1] for k, v in parse_qs(self.body.decode(errors="replace"), True).items()}

    def authorization(self) -> tuple[str, str]:
        """The scheme, in lower case, and what stands behind it."""
        scheme, _, text = self.headers.get("authorization", "").partition(" ")
        return scheme.lower(), text.strip()

    def bearer(self) -> str | None:
        """The token behind `Authorization: Bearer`."""
        scheme, token = self.authorization()
        return token if scheme == "bearer" else None

    def basic(self) -> tuple[str, str] | None:
        """Name and password behind `Authorization: Basic` (RFC 7617), empty where they can't be read."""
        scheme, text = self.authorization()
        if scheme != "basic":
            return None
        try:
            name, _, password = base64.b64decode(text).decode().partition(":")
        except ValueError:
            return "", ""
        return name, password


@dataclass(slots=True)
class Answer:
    """One answer of a vendor, ready to be sent."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    records: int = 0

    def json(self) -> Any:
        """The body as JSON."""
        return orjson.loads(self.body)


class Refused(Exception):
    """A handler's way to end with an error answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def reply(document: object, status: int = 200, records: int = 0, **headers: str) -> Answer:
    """A JSON answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, orjson.dumps(document), named, records=records)


Handler: TypeAlias = Callable[[Call], Answer]


class Routes:
    """Method and path to handler; `{name}` stands for one path segment."""

    def __init__(self) -> None:
        self._literal: dict[tuple[str, str], Handler] = {}
        self._patterns: list[tuple[str, re.Pattern[str], Handler]] = []

    def add(self, method: str, path: str, handler: Handler) -> None:
        """Serve `path` with `handler`; an earlier pattern wins over a later one, a literal over both."""
        if "{" not in path:
            self._literal[(method, path)] = handler
            return
        expression = re.sub(
            r"\{(\w+)\}", r"(?P<\1>[^/:]+)" if ":" in path else r"(?P<\1>[^/]+)", path.replace(".", r"\.")
        )
        self._patterns.append((method, re.compile(expression), handler))

    def find(self, method: str, path: str) -> tuple[Handler, dict[str, str]] | None:
        """The handler and what the path's names stand for."""
        found = self._literal.get((method, path))
        if found is not None:
            return found, {}
        for known, pattern, handler in self._patterns:
            if known == method:
                match = pattern.fullmatch(path)
                if match:
                    return handler, match.groupdict()
        return None

    def knows(self, path: str) -> bool:
        """Whether the path exists for any method."""
        return any(p == path for _, p in self._literal) or any(
            pattern.fullmatch(path) for _, pattern, _ in self._patterns
        )

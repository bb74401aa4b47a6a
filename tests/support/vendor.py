"""A vendor made of functions: routes by method and path, and a log of what was asked."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import orjson
from still import HeldCredential, StillClock

from perkstar_tui.model.remote import Change, Page
from perkstar_tui.platforms.registry import open_connector

Handler = Callable[..., Any]


class Vendor:
    """Answers `METHOD /path` patterns by functions of the parsed body or query; groups come first.

    A function answers JSON members, an (status, members) pair, or a whole response.
    """

    def __init__(self, routes: dict[str, Handler]) -> None:
        self.routes = [(re.compile(pattern), handler) for pattern, handler in routes.items()]
        self.log: list[tuple[str, Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        line = f"{request.method} {request.url.path}"
        given = orjson.loads(request.content) if request.content else dict(request.url.params)
        self.log.append((line, given))
        for pattern, handler in self.routes:
            found = pattern.fullmatch(line)
            if found is not None:
                answer = handler(*found.groups(), given)
                if isinstance(answer, httpx.Response):
                    return answer
                status, body = answer if isinstance(answer, tuple) else (200, answer)
                date = "Tue, 24 Nov 2026 12:00:00 GMT"
                return httpx.Response(status, json=body, headers={"date": date})
        raise AssertionError(f"nobody answers {line}")

    def asked(self, pattern: str) -> list[Any]:
        """What was sent to the matching lines."""
        return [given for line, given in self.log if re.fullmatch(pattern, line)]

    def connect(self, platform: str, clock: StillClock | None = None, **options: Any) -> Any:
        credential = {"access_token": "t"} if platform == "square" else {"api_key": "k-us1"}
        return open_connector(
            platform,
            HeldCredential(**credential),
            endpoints={platform: {"url": "http://vendor.test", "limits": False}},
            clock=clock or StillClock(),
            options=options,
            transport=httpx.MockTransport(self),
        )


def create(key: str, **fields: Any) -> Change:
    return Change(key, None, fields)


def update(key: str, remote_id: str, version: str | None = None, /, **fields: Any) -> Change:
    return Change(key, remote_id, fields, version)


async def pages(connector: Any, data: Any, cursor: dict[str, Any] | None = None, **more: Any) -> list[Page]:
    return [page async for page in connector.read(data, cursor, **more)]


def ids(found: list[Page]) -> list[str]:
    return [record.id for page in found for record in page.records]

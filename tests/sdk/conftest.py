"""One vendor in the sandbox for each file, seen the way the vendor's own client sees it."""

import itertools
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from perkstar_tui.sandbox.server import Sandbox

CUSTOMERS = 30


class Vendor:
    """Where a vendor listens, what lets a client in, and what is kept there."""

    def __init__(self, box: Sandbox, name: str) -> None:
        line = box.line["platforms"][name]
        self.name = name
        self.control = box.control
        self.url: str = line["url"]
        self.host: str = urlsplit(self.url).netloc
        self.credentials: dict[str, Any] = line["credentials"]
        self.alternatives: dict[str, Any] = line["alternatives"]
        self._numbers = itertools.count(1)

    def records(self, kind: str) -> list[dict[str, Any]]:
        """What is kept, by the sandbox's own account and not by the vendor's API."""
        answer = httpx.get(f"{self.control}/{self.name}/records/{kind}?limit=1000&offset=0", timeout=30)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["records"])

    def advance(self, seconds: float) -> None:
        """Let time pass at the vendor, for its search to know what was written."""
        httpx.post(f"{self.control}/clock", json={"advance_s": seconds}, timeout=30).raise_for_status()

    def address(self) -> str:
        """An address that nobody has yet."""
        return f"ana.{next(self._numbers)}@shop-mail.com"


@pytest.fixture(scope="module")
def vendor(request: pytest.FixtureRequest) -> Iterator[Vendor]:
    """The vendor that the file names as `VENDOR`, alone on its port and without limits, with a few customers."""
    name = request.module.VENDOR
    with Sandbox.start(customers=CUSTOMERS, seed=11, limits=False, only=(name,)) as box:
        yield Vendor(box, name)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the machine must not stand between a client and loopback."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def as_plain_http() -> Any:
    """An adapter for the sessions of clients that can only say https: the sandbox speaks plain HTTP on loopback."""
    from requests.adapters import HTTPAdapter

    class Plain(HTTPAdapter):
        def send(self, request: Any, *arguments: Any, **settings: Any) -> Any:
            request.url = request.url.replace("https://", "http://", 1)
            return super().send(request, *arguments, **settings)

    return Plain()

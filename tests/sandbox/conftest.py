"""A sandbox in a process of its own for each file of tests, put back to its beginning before each test."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any

import httpx
import pytest

from perkstar_tui.sandbox.server import Sandbox

FIRST = ("hubspot", "mailchimp", "square")
"""Whom these tests know by name; every vendor is tried by the contracts."""


class Box:
    """A sandbox with the ways to ask it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.line = sandbox.line
        self.http = httpx.Client(timeout=20, trust_env=False)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, self.line["control"] + path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def base(self, name: str) -> str:
        return self.line["perkstar"]["url"] if name == "perkstar" else self.line["platforms"][name]["url"]

    def key(self, name: str) -> dict[str, str]:
        """The headers with the credential of the first line."""
        if name == "perkstar":
            return {"X-API-Key": self.line["perkstar"]["api_key"]}
        given = self.line["platforms"][name]["credentials"]
        return {"Authorization": f"Bearer {given.get('access_token') or given['api_key']}"}

    def call(self, name: str, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        headers = self.key(name) | more.pop("headers", {})
        return self.http.request(method, self.base(name) + path, json=body, headers=headers, **more)

    def records(self, name: str, kind: str) -> list[dict[str, Any]]:
        return list(self.control("GET", f"/{name}/records/{kind}?limit=1000")["records"])


@pytest.fixture(scope="module")
def one_box() -> Iterator[Box]:
    with Sandbox.start(customers=60, seed=3, limits=False, only=FIRST) as made:
        yield Box(made)


@pytest.fixture
def box(one_box: Box) -> Box:
    one_box.control("POST", "/reset", {})
    return one_box


@pytest.fixture(scope="module")
def strict_box() -> Iterator[Box]:
    """One that keeps the vendors' limits."""
    with Sandbox.start(customers=60, seed=3, only=FIRST) as made:
        yield Box(made)


class Ear:
    """An address that takes deliveries, and refuses the first ones where it is told to."""

    def __init__(self) -> None:
        self.heard: Queue[tuple[dict[str, str], bytes]] = Queue()
        self.refuse = 0
        ear = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if ear.refuse > 0:
                    ear.refuse -= 1
                    self.send_response(500)
                else:
                    ear.heard.put(({k.lower(): v for k, v in self.headers.items()}, body))
                    self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                self.send_response(200 if self.path != "/missing" else 404)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def next(self) -> tuple[dict[str, str], bytes]:
        return self.heard.get(timeout=15)

    def next_json(self) -> Any:
        return json.loads(self.next()[1])


@pytest.fixture
def ear() -> Iterator[Ear]:
    made = Ear()
    yield made
    made.server.shutdown()
    made.server.server_close()

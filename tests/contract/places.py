"""A platform in the sandbox: connectors opened on it as a user would, its control, and all that was sent to it."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
from still import HeldCredential

from perkstar_tui.model.remote import Change
from perkstar_tui.platforms.auth import normalise_credential
from perkstar_tui.platforms.catalog import load_catalog
from perkstar_tui.platforms.registry import open_connector
from perkstar_tui.sandbox.server import Sandbox

CATALOG = load_catalog()
KINDS = {"perkstar": "customers", "hubspot": "contacts", "mailchimp": "members", "square": "customers"}
EMAIL = {"perkstar": "email", "hubspot": "email", "mailchimp": "email_address", "square": "email_address"}
NAME = {
    "perkstar": "firstName",
    "hubspot": "firstname",
    "mailchimp": "merge_fields.FNAME",
    "square": "given_name",
}


class QuickClock:
    """The machine's time, in which sleeps pass at once and are remembered."""

    ahead = 0.0
    """How far the clocks of the sandboxes were moved by all tests so far."""

    def __init__(self) -> None:
        self.slept = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=QuickClock.ahead + self.slept)

    def monotonic(self) -> float:
        return self.now().timestamp()

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds


class Judged(httpx.AsyncHTTPTransport):
    """The real network; every request is kept for the judge."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.sent.append(request)
        return await super().handle_async_request(request)


class Place:
    """A platform in the sandbox: connectors on it, and its control."""

    credentials: dict[tuple[str, str], tuple[str, HeldCredential]] = {}
    """Credentials as they were last renewed, with the form they were given in."""

    def __init__(self, box: Sandbox, name: str) -> None:
        self.box = box
        self.name = name
        self.manifest = CATALOG[name]
        self.email, self.first_name, self.kind = EMAIL[name], NAME[name], KINDS[name]
        self.transport = Judged()
        self.clock = QuickClock()
        given = box.line["perkstar"] if name == "perkstar" else box.line["platforms"][name]["credentials"]
        key = (box.control, name)
        if key not in self.credentials:
            form, credential = normalise_credential(self.manifest, given, self.clock.now())
            self.credentials[key] = form, HeldCredential(**credential)
        self.form, self.credential = self.credentials[key]
        url = box.line["perkstar"]["url"] if name == "perkstar" else box.line["platforms"][name]["url"]
        self.endpoints = {name: {"url": url, "limits": False}}

    def connect(self, **options: Any) -> Any:
        return open_connector(
            self.name,
            self.credential,
            endpoints=self.endpoints,
            clock=self.clock,
            options=options,
            transport=self.transport,
        )

    def control(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else orjson.dumps(body)
        answer = httpx.request(method, self.box.control + path, content=content, timeout=30)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def advance(self, seconds: float) -> None:
        """Let time pass at the vendor, for search to know what is new."""
        self.control("POST", "/clock", {"advance_s": seconds})
        QuickClock.ahead += seconds

    def faults(self, *rules: dict[str, Any], profile: str | None = None) -> None:
        body = {"profile": profile} if profile else {"rules": list(rules)} if rules else {"profile": "calm"}
        self.control("POST", f"/{self.name}/faults", body)

    def records(self) -> list[dict[str, Any]]:
        return list(self.control("GET", f"/{self.name}/records/{self.kind}?limit=1000&offset=0")["records"])


_numbers = itertools.count(1)


def change(place: Place, **more: Any) -> Change:
    """A create that nobody has made before."""
    number = next(_numbers)
    key = f"cus_{place.name}{number:015d}"
    fields = {place.email: f"{place.name}.{number}@shop-mail.com", place.first_name: f"Ana{number}"}
    return Change(key, None, {**fields, **more})

"""A platform in the sandbox: connectors opened on it as a user would, its control, and all that was sent to it."""

import itertools
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
from still import HeldCredential

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.remote import Change
from perkstar_tui.platforms.auth import (
    Authorization,
    begin_authorization,
    complete_authorization,
    normalise_credential,
)
from perkstar_tui.platforms.catalog import load_catalog
from perkstar_tui.platforms.manifest import FieldSpec, Manifest
from perkstar_tui.platforms.registry import open_connector
from perkstar_tui.sandbox.server import Sandbox

CATALOG = load_catalog(drafts=bool(os.environ.get("PERKSTAR_DRAFTS"))).of_vendors()
"""Every vendor's platform that works. While one is being made, PERKSTAR_DRAFTS=1 runs the contracts over it too."""
BY_FILES = " by files"
"""Behind a platform's name: it is asked as if the few people there were many, who come in files and not in pages."""

BACK = "http://127.0.0.1:8199/callback"


def path_of(manifest: Manifest, hub: str) -> str:
    """Where a platform keeps a field of the hub."""
    return next(f.remote for f in manifest.data[DataType.CUSTOMERS].fields if f.hub == hub)


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
    """The real network; every request, and every answer but those that a fault has spoilt, is kept for the judge."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[httpx.Request] = []
        self.answered: list[httpx.Response] = []
        self.faulty = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.sent.append(request)
        response = await super().handle_async_request(request)
        if not self.faulty:
            await response.aread()
            response.request = request
            self.answered.append(response)
        return response


async def allowed(url: str) -> str:
    """Where a browser ends whose owner says yes."""
    async with httpx.AsyncClient(follow_redirects=False) as browser:
        answer = await browser.get(url)
        for _ in range(3):
            if answer.status_code in (302, 303):
                return str(answer.headers["location"])
            answer = await browser.post(url, data={"allow": "yes"})
    raise AssertionError(f"no way back: {answer.status_code} {answer.text[:200]}")


class Place:
    """A platform in the sandbox: connectors on it, and its control."""

    credentials: dict[tuple[str, str], tuple[str, HeldCredential]] = {}
    """Credentials as they were last renewed, with the form they were given in."""

    def __init__(self, box: Sandbox, name: str) -> None:
        self.box = box
        self.name = name
        self.manifest = CATALOG[name]
        self.email = self.first_name = ""
        self.required: list[FieldSpec] = []
        self.kind = str(self.control("GET", "/platforms")["platforms"][name]["people"])
        customers = self.manifest.data.get(DataType.CUSTOMERS)
        if customers is not None:
            self.email, self.first_name = (
                path_of(self.manifest, "email"),
                path_of(self.manifest, "first_name"),
            )
            stood_in = customers.write.stand_in if customers.write is not None else {}
            self.required = [spec for spec in customers.fields if spec.required or spec.remote in stood_in]
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

    def app(self) -> dict[str, str]:
        """The business's own app at the platform, as the sandbox gives it."""
        line = self.box.line["platforms"][self.name]
        given = {**line["credentials"], **line.get("alternatives", {}).get("app", {})}
        form = next(form for form in self.manifest.auth if form.type == "oauth2")
        names = ("client_id", "client_secret", *form.needs, *form.keeps)
        return {name: given[name] for name in names if name in given}

    async def grant(self, client: dict[str, str] | None = None) -> tuple[Authorization, str, dict[str, Any]]:
        """An access that was given in the browser: how it was begun, where the browser ended, the credential."""
        form = next(form for form in self.manifest.auth if form.type == "oauth2")
        app = client or self.app()
        begun = begin_authorization(self.manifest, form.id, app, BACK, endpoints=self.endpoints)
        address = await allowed(begun.url)
        credential = await complete_authorization(
            self.manifest, begun, address, endpoints=self.endpoints, clock=self.clock
        )
        return begun, address, credential

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
        self.transport.faulty = bool(profile or rules)
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
    fields |= {spec.remote: f"Lee{number}" for spec in place.required if spec.hub == "last_name"}
    return Change(key, None, {**fields, **more})

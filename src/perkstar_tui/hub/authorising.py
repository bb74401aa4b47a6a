"""OAuth from a terminal: the link, the loopback listener that catches the answer, or the pasted address (G3)."""

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Any

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id

from . import views as v
from .bench import Bench


@dataclass
class _Attempt:
    platform: str
    form: str
    client: dict[str, str]
    request: Any
    redirect_uri: str
    caught: threading.Event = field(default_factory=threading.Event)
    address: str = ""
    server: Any = None


class _Catcher(threading.Thread):
    """A listener on a free loopback port that takes one redirect and thanks the browser."""

    def __init__(self) -> None:
        super().__init__(name="perkstar-authorise", daemon=True)
        self.ready = threading.Event()
        self.port = 0
        self.attempt: _Attempt | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: asyncio.Event | None = None

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._done = asyncio.Event()
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        async with server:
            await self._done.wait()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await reader.readline()).decode("latin-1", "replace")
        parts = line.split(" ")
        path = parts[1] if len(parts) > 1 else "/"
        known = path.startswith("/callback")
        text = b"You can close this page and go back to the terminal." if known else b"Not here."
        status = b"200 OK" if known else b"404 Not Found"
        writer.write(
            b"HTTP/1.1 " + status + b"\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
            b"Content-Length: " + str(len(text)).encode() + b"\r\n\r\n" + text
        )
        await writer.drain()
        writer.close()
        if known and self.attempt is not None and not self.attempt.caught.is_set():
            self.attempt.address = f"http://127.0.0.1:{self.port}{path}"
            self.attempt.caught.set()

    def stop(self) -> None:
        if self._loop is not None and self._done is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._done.set)


class Authoriser:
    """The authorisations under way in this process, by ticket."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._attempts: dict[str, _Attempt] = {}

    def link(self, platform: str, form: str, client: dict[str, str]) -> v.AuthorizeLink:
        """The vendor's page to open. `client` holds client_id and, where the vendor wants it, client_secret."""
        from perkstar_tui.platforms.auth import authorize_link

        manifest = self.bench.manifest(platform)
        chosen = next((f for f in manifest.auth if f.id == form), None)
        if chosen is None or chosen.type != "oauth2":
            raise PerkstarError(ErrorKind.USAGE, f"{manifest.title} has no form {form!r} that opens a page.")
        if not client.get("client_id"):
            raise PerkstarError(
                ErrorKind.USAGE,
                "The app's id is missing.",
                remedy=f"Make an app at {manifest.title} and give its client id.",
                field="client_id",
            )
        catcher = _Catcher()
        catcher.start()
        catcher.ready.wait()
        redirect = client.get("redirect_uri") or f"http://127.0.0.1:{catcher.port}/callback"
        request = authorize_link(
            manifest, chosen, client["client_id"], redirect, self.bench.settings.endpoints
        )
        attempt = _Attempt(platform, form, client, request, redirect, server=catcher)
        catcher.attempt = attempt
        ticket = new_id("aut")
        self._attempts[ticket] = attempt
        return v.AuthorizeLink(request.url, redirect, not client.get("redirect_uri"), ticket)

    def wait(self, ticket: str, seconds: float) -> dict[str, Any] | None:
        attempt = self._attempt(ticket)
        if not attempt.caught.wait(seconds):
            return None
        return self.paste(ticket, attempt.address)

    def paste(self, ticket: str, address: str) -> dict[str, Any]:
        """Exchange the code in the address that the vendor sent the browser to."""
        from perkstar_tui.platforms.auth import exchange, parse_redirect

        attempt = self._attempt(ticket)
        manifest = self.bench.manifest(attempt.platform)
        form = next(f for f in manifest.auth if f.id == attempt.form)
        code = parse_redirect(address, attempt.request.state)
        credential: dict[str, Any] = asyncio.run(
            exchange(
                manifest,
                form,
                attempt.client,
                code,
                attempt.request.verifier,
                attempt.redirect_uri,
                endpoints=self.bench.settings.endpoints,
                clock=self.bench.clock,
            )
        )
        attempt.server.stop()
        del self._attempts[ticket]
        return credential

    def _attempt(self, ticket: str) -> _Attempt:
        found = self._attempts.get(ticket)
        if found is None:
            raise PerkstarError(
                ErrorKind.NOT_FOUND, "This authorisation is over.", remedy="Begin it again from the link."
            )
        return found

    def close(self) -> None:
        for attempt in self._attempts.values():
            attempt.server.stop()
        self._attempts.clear()

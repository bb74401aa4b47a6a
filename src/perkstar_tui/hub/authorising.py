"""OAuth from a terminal: the link, the loopback listener that catches the answer, or the pasted address (G3)."""

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id

from . import views as v
from .bench import Bench
from .credentials import CREDENTIAL, write_credential

if TYPE_CHECKING:
    from perkstar_tui.platforms.auth import Authorization


@dataclass
class _Attempt:
    platform: str
    begun: "Authorization"
    catcher: "_Catcher | None"
    caught: threading.Event = field(default_factory=threading.Event)
    address: str = ""


class _Catcher(threading.Thread):
    """A listener on a free loopback port that takes one redirect and thanks the browser."""

    def __init__(self) -> None:
        super().__init__(name="perkstar-authorise", daemon=True)
        self.ready = threading.Event()
        self.port = 0
        self.attempt: _Attempt | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: asyncio.Event | None = None

    @classmethod
    def started(cls) -> "_Catcher":
        """A catcher that listens already."""
        catcher = cls()
        catcher.start()
        catcher.ready.wait()
        return catcher

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


def known_app(bench: Bench, platform: str) -> dict[str, str]:
    """The business's own app at a vendor, asked for once and kept for the account (G3); empty if it is not known."""
    with bench.store.read() as connection:
        sealed = connection.execute(
            select(CREDENTIAL.c.ciphertext).where(CREDENTIAL.c.owner_id == f"app:{platform}")
        ).scalar()
    return {} if sealed is None else bench.vault.open(f"app:{platform}", bytes(sealed))


def keep_app(bench: Bench, platform: str, client: Mapping[str, str]) -> None:
    kept = {name: client[name] for name in ("client_id", "client_secret", "redirect_uri") if client.get(name)}
    if kept != known_app(bench, platform):
        with bench.store.write() as connection:
            write_credential(connection, bench.vault, f"app:{platform}", kept, bench.clock.now())


class Authoriser:
    """The authorisations under way in this process, by ticket."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._attempts: dict[str, _Attempt] = {}

    def link(self, platform: str, form: str, client: dict[str, str]) -> v.AuthorizeLink:
        """The vendor's page to open. `client` holds client_id and, where the vendor wants it, client_secret;
        with redirect_uri (the app's own, registered at the vendor) the address is pasted back instead of caught.
        """
        from perkstar_tui.platforms.auth import begin_authorization

        manifest = self.bench.manifest(platform)
        client = {**known_app(self.bench, platform), **{k: v_ for k, v_ in client.items() if v_}}
        catcher = None if client.get("redirect_uri") else _Catcher.started()
        redirect = client.get("redirect_uri") or f"http://127.0.0.1:{catcher.port if catcher else 0}/callback"
        try:
            begun = begin_authorization(
                manifest, form, client, redirect, endpoints=self.bench.settings.endpoints
            )
        except PerkstarError:
            if catcher is not None:
                catcher.stop()
            raise
        attempt = _Attempt(platform, begun, catcher)
        if catcher is not None:
            catcher.attempt = attempt
        ticket = new_id("aut")
        self._attempts[ticket] = attempt
        return v.AuthorizeLink(begun.url, redirect, catcher is not None, ticket)

    def wait(self, ticket: str, seconds: float) -> dict[str, Any] | None:
        """The credential once the browser came back to this machine, or None after `seconds`."""
        attempt = self._attempt(ticket)
        if not attempt.caught.wait(seconds):
            return None
        return self.paste(ticket, attempt.address)

    def paste(self, ticket: str, address: str) -> dict[str, Any]:
        """Exchange the code in the address that the vendor sent the browser to."""
        from perkstar_tui.platforms.auth import complete_authorization

        attempt = self._attempt(ticket)
        credential = asyncio.run(
            complete_authorization(
                self.bench.manifest(attempt.platform),
                attempt.begun,
                address,
                endpoints=self.bench.settings.endpoints,
                clock=self.bench.clock,
            )
        )
        self.drop(ticket)
        keep_app(self.bench, attempt.platform, attempt.begun.client)
        return credential

    def drop(self, ticket: str) -> None:
        """Give an authorisation up; its listener ends."""
        attempt = self._attempts.pop(ticket, None)
        if attempt is not None and attempt.catcher is not None:
            attempt.catcher.stop()

    def _attempt(self, ticket: str) -> _Attempt:
        found = self._attempts.get(ticket)
        if found is None:
            raise PerkstarError(
                ErrorKind.NOT_FOUND, "This authorisation is over.", remedy="Begin it again from the link."
            )
        return found

    def close(self) -> None:
        for ticket in list(self._attempts):
            self.drop(ticket)

"""The receiver of webhooks: verify over the raw body, store, answer at once; runs handle what was stored.

One process at a time listens (the `receiver` lease). A vendor can reach it by `PERKSTAR_PUBLIC_URL`, or on this
machine when the platform itself is on loopback; otherwise real-time means polling only, and the screen says so.
"""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sqlalchemy import delete, insert, select, update

from perkstar_tui.model.enums import Direction, Kind, Level, Status
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id
from perkstar_tui.platforms.connector import Confirmer, Subscriber
from perkstar_tui.store import leases
from perkstar_tui.store import tables as t
from perkstar_tui.store.database import ms

from .bench import INTEGRATION, Bench
from .credentials import CREDENTIAL, StoredCredential, delete_credential, write_credential
from .inbox import keep_told

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from perkstar_tui.platforms.manifest import Manifest
    from perkstar_tui.platforms.webhooks import Event, Greeting

EVENT = t.InboundEvent
LOG = t.LogLine
SUBSCRIPTION = t.WebhookSubscription
LEASE = "receiver"
PORT = "receiver_port"
"""The setting that holds the port that was free the last time, as words: SQLite makes a number of bare digits."""
LOOK_S = 3.0
LARGEST = 2_000_000
FORMER = timedelta(days=3)
"""How long a key that was replaced is still believed: as long as vendors tell again what was not taken."""
HIDDEN = "•" * 8
"""What is shown for a key that is kept; given back, it changes nothing."""


def hook_owner(integration_id: str) -> str:
    """Under which name the secret of a subscription lies in the vault."""
    return f"hook:{integration_id}"


def keep_key(bench: Bench, connection: Any, integration_id: str, key: str) -> None:
    """Keep the key that a vendor showed to whoever entered the address there; an empty one is forgotten.

    The one before stays good for a while: what the vendor signed with it is still on its way, or told again.
    """
    if key == HIDDEN:
        return
    owner, now = hook_owner(integration_id), bench.clock.now()
    if not key.strip():
        delete_credential(connection, owner)
        return
    secret: dict[str, Any] = {"secret": key.strip()}
    known = _sealed(bench, connection, owner)
    if known.get("secret") == secret["secret"]:
        return
    if known.get("secret"):
        secret |= {"former": known["secret"], "former_until_ms": ms(now + FORMER)}
    write_credential(connection, bench.vault, owner, secret, now)


def keep_app_secret(bench: Bench, connection: Any, row: Any, credential: Mapping[str, Any]) -> None:
    """Where a vendor signs with the secret of the app: a new one of a reconnect takes the place of the one before."""
    hooks = bench.manifest(row.platform).webhooks
    secret = str(credential.get("client_secret") or "")
    if hooks is None or not hooks.app_secret or not secret:
        return
    # Without a registration there is nothing that it signs.
    if _sealed(bench, connection, hook_owner(row.id)):
        keep_key(bench, connection, row.id, secret)


def _sealed(bench: Bench, connection: Any, owner: str) -> dict[str, Any]:
    """What the vault has of a subscription; nothing where there is none."""
    sealed = connection.execute(
        select(CREDENTIAL.c.ciphertext).where(CREDENTIAL.c.owner_id == owner)
    ).scalar()
    return {} if sealed is None else bench.vault.open(owner, bytes(sealed))


def drop_subscription(bench: Bench, connection: Any, integration_id: str) -> None:
    """Forget a subscription and its secret, in the caller's transaction."""
    connection.execute(delete(SUBSCRIPTION).where(SUBSCRIPTION.c.integration_id == integration_id))
    delete_credential(connection, hook_owner(integration_id))


@dataclass
class Receiver:
    """Listens for vendors and keeps their subscriptions in order, in the runner's loop."""

    bench: Bench

    async def serve(self, stopping: asyncio.Event) -> None:
        """Listen while this process holds the lease, until `stopping` is set."""
        while not stopping.is_set():
            held = await asyncio.to_thread(leases.take, self.bench.store, LEASE, self.bench.clock.now())
            if held is None:
                await _pause(stopping, LOOK_S)
                continue
            try:
                await self._listen(stopping, held)
            finally:
                with contextlib.suppress(Exception):
                    await asyncio.to_thread(leases.release, self.bench.store, held)

    async def _listen(self, stopping: asyncio.Event, held: leases.Held) -> None:
        import uvicorn
        from starlette.applications import Starlette
        from starlette.routing import Route

        try:
            listener = await asyncio.to_thread(self._listener)
        except (OSError, ValueError) as error:
            await asyncio.to_thread(
                self._note, None, f"Cannot listen on {self.bench.settings.listen}: {error}."
            )
            await _pause(stopping, 60)
            return
        app = Starlette(routes=[Route("/hooks/{integration}/{token}", self._take, methods=["GET", "POST"])])
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        host = self.bench.settings.listen.rpartition(":")[0]
        base = f"http://{host or '127.0.0.1'}:{listener.getsockname()[1]}"
        try:
            while not stopping.is_set():
                await asyncio.to_thread(leases.renew, self.bench.store, held, self.bench.clock.now())
                await self._subscribe(base)
                await _pause(stopping, LOOK_S)
        except leases.LeaseLostError:
            return
        finally:
            server.should_exit = True
            await serving
            listener.close()

    def _listener(self) -> socket.socket:
        """A socket at the address of the settings; where they name no port, at the one of the last time if it is free.

        Addresses that people entered elsewhere would end with each restart otherwise.
        """
        host, _, port = self.bench.settings.listen.rpartition(":")
        wanted = int(port or 0)
        last = 0 if wanted else int(str(self.bench.store.get_setting(PORT) or 0).rpartition(" ")[2])
        try:
            found = socket.create_server((host or "127.0.0.1", wanted or last))
        except OSError:
            if not last:
                raise
            found = socket.create_server((host or "127.0.0.1", 0))
        if not wanted and found.getsockname()[1] != last:
            self.bench.store.set_setting(PORT, f"port {found.getsockname()[1]}")
        return found

    # -- subscriptions -------------------------------------------------------------------------------------
    def _base(self, platform: str, local: str) -> str | None:
        """The address at which a platform can reach this receiver, or None."""
        if self.bench.settings.public_url:
            return self.bench.settings.public_url.rstrip("/")
        if self.bench.manifest(platform).kind is Kind.WEBHOOK:
            # Whose it is knows best who can reach this machine.
            return local
        return local if self.bench.plays_here(platform) else None

    async def _subscribe(self, local: str) -> None:
        rows = await asyncio.to_thread(self._wanting)
        for row, known in rows:
            base = self._base(row.platform, local)
            there = known is not None and (base is None or known.url.startswith(f"{base}/hooks/"))
            if there and not self._ends(row.platform, known):
                continue
            try:
                if self.bench.by_hand(row.platform):
                    if base is not None or self._only_way(row.platform):
                        await self._name_address(row, known, base)
                elif base is not None:
                    await self._renew(row, known, base)
            except PerkstarError as error:
                await asyncio.to_thread(self._note, row.id, f"No webhooks: {error.message}", error)

    def _ends(self, platform: str, known: Any) -> bool:
        """Whether a registration ends by itself, and half of its time is over."""
        hooks = self.bench.manifest(platform).webhooks
        lasts = hooks.subscribe.lasts_s if hooks is not None and hooks.subscribe is not None else None
        return lasts is not None and self.bench.clock.now() >= known.at + timedelta(seconds=lasts / 2)

    def _only_way(self, platform: str) -> bool:
        """Whether nothing but what is delivered to an address that a person entered tells of customers there."""
        return self.bench.by_hand(platform) and not self.bench.manifest(platform).read_by_calls

    def _wanting(self) -> list[tuple[Any, Any]]:
        """Live real-time integrations with the subscription they have; those that failed lately wait an hour."""
        with self.bench.store.read() as connection:
            rows = connection.execute(
                select(INTEGRATION).where(
                    INTEGRATION.c.status.in_([Status.ACTIVE.value, Status.ERROR.value]),
                    INTEGRATION.c.kind != "system",
                )
            ).all()
            known = {row.integration_id: row for row in connection.execute(select(SUBSCRIPTION))}
            since = self.bench.clock.now().timestamp() - 3600
            failed = {
                row.integration_id
                for row in connection.execute(
                    select(LOG.c.integration_id, LOG.c.time)
                    .where(LOG.c.code == "webhooks")
                    .order_by(LOG.c.id)
                )
                if row.time.timestamp() > since
            }
        return [
            (row, known.get(row.id))
            for row in rows
            if row.id not in failed
            and (row.config.get("frequency") == "realtime" or self._only_way(row.platform))
            and (not self.bench.by_hand(row.platform) or _takes(row))
        ]

    async def _name_address(self, row: Any, known: Any, base: str | None) -> None:
        """Have an address that a person can enter at the vendor; its path stays, wherever this machine is reached."""
        if base is None:
            raise PerkstarError(
                ErrorKind.USAGE,
                "its deliveries are the only way in, and no address of this machine is known that it reaches.",
                remedy="Set PERKSTAR_PUBLIC_URL to an https address that leads to PERKSTAR_LISTEN.",
            )
        path = urlsplit(known.url).path if known is not None else _fresh_path(row.id)
        await asyncio.to_thread(self._keep, row.id, "by hand", f"{base}{path}", None)

    async def _renew(self, row: Any, known: Any, base: str) -> None:
        connector = self.bench.connector(row)
        if not isinstance(connector, Subscriber):
            await connector.close()
            raise PerkstarError(ErrorKind.USAGE, "its vendor lets nobody register one by this credential.")
        url = f"{base}{_fresh_path(row.id)}"
        try:
            if known is not None:
                with contextlib.suppress(PerkstarError):
                    await connector.unsubscribe(known.remote_id)
            # The row stands before the vendor is asked: some probe the address while they answer.
            await asyncio.to_thread(self._keep, row.id, "", url, "")
            made = await connector.subscribe(url)
            # What a greeting has brought in the meantime stays.
            await asyncio.to_thread(self._keep, row.id, made.id, url, made.secret or None)
        except PerkstarError:
            await asyncio.to_thread(self._forget, row.id)
            raise
        finally:
            await connector.close()

    def _keep(self, integration_id: str, remote_id: str, url: str, secret: str | None) -> None:
        """Put a subscription in place of the one before; without a secret, the one that is known stays."""
        now = self.bench.clock.now()
        with self.bench.store.write() as connection:
            connection.execute(delete(SUBSCRIPTION).where(SUBSCRIPTION.c.integration_id == integration_id))
            connection.execute(
                insert(SUBSCRIPTION).values(
                    integration_id=integration_id, remote_id=remote_id, url=url, at=now
                )
            )
            if secret is not None:
                write_credential(
                    connection, self.bench.vault, hook_owner(integration_id), {"secret": secret}, now
                )

    def _forget(self, integration_id: str) -> None:
        with self.bench.store.write() as connection:
            drop_subscription(self.bench, connection, integration_id)

    # -- deliveries ----------------------------------------------------------------------------------------
    async def _take(self, request: "Request") -> "Response":
        from starlette.responses import PlainTextResponse

        id_ = str(request.path_params["integration"])
        found = await asyncio.to_thread(self._subscription, id_)
        # The address itself is a secret: a wrong one is told nothing.
        if found is None or not secrets.compare_digest(urlsplit(found[0]).path, request.url.path):
            return PlainTextResponse("not here", 404)
        if request.method != "POST":
            return PlainTextResponse("ok")
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > LARGEST:
                return PlainTextResponse("too large", 413)
        from perkstar_tui.platforms.webhooks import greeting_of

        greeting = greeting_of(self.bench.manifest(found[2].platform), body)
        try:
            if greeting is not None:
                await self._greeted(id_, found[2].platform, greeting)
            else:
                await asyncio.to_thread(self._store, id_, found, dict(request.headers), body)
        except PerkstarError as error:
            await asyncio.to_thread(
                self._note, id_, f"A delivery was refused: {error.message}", error, code="webhook_refused"
            )
            # Whoever sends to an address of one's own reads the answer; vendors are told nothing.
            own = self.bench.manifest(found[2].platform).kind is Kind.WEBHOOK
            status = 400 if own and error.kind is ErrorKind.USAGE else 401
            return PlainTextResponse(f"{error.message} {error.remedy}" if own else "", status)
        # Some take no answer that says anything.
        return PlainTextResponse("")

    async def _greeted(self, integration_id: str, platform: str, greeting: "Greeting") -> None:
        """Prove that the address is ours: by the vendor's call, or by telling the person who enters the code there."""
        hooks = self.bench.manifest(platform).webhooks
        if hooks is None or hooks.greeting is None or not greeting.code:
            return
        if hooks.greeting.confirm is None:
            words = f"{self.bench.manifest(platform).title} asks whose address it is: its code is {greeting.code}."
            await asyncio.to_thread(
                self._note, integration_id, words, remedy="Enter it beside the address.", code="webhook_code"
            )
            return
        connector = self.bench.connector(self.bench.find(integration_id))
        try:
            if isinstance(connector, Confirmer):
                await connector.confirm(greeting.id, greeting.code)
        finally:
            await connector.close()
        # Only a code that the vendor has taken is one that it signs with.
        await asyncio.to_thread(self._learn, integration_id, greeting.code)

    def _learn(self, integration_id: str, code: str) -> None:
        owner = hook_owner(integration_id)
        with self.bench.store.write() as connection:
            sealed = connection.execute(
                select(CREDENTIAL.c.ciphertext).where(CREDENTIAL.c.owner_id == owner)
            ).scalar()
            known = str(self.bench.vault.open(owner, bytes(sealed))["secret"]) if sealed is not None else ""
            secret = {"secret": " ".join(dict.fromkeys([*known.split(), code]))}
            write_credential(connection, self.bench.vault, owner, secret, self.bench.clock.now())

    def _subscription(self, integration_id: str) -> tuple[str, tuple[str, ...], Any] | None:
        """Address of an integration's subscription, the secrets that are good for it, and the integration itself."""
        with self.bench.store.read() as connection:
            row = connection.execute(
                select(SUBSCRIPTION.c.url, CREDENTIAL.c.ciphertext, INTEGRATION)
                .join(INTEGRATION, INTEGRATION.c.id == SUBSCRIPTION.c.integration_id)
                .outerjoin(CREDENTIAL, CREDENTIAL.c.owner_id == hook_owner(integration_id))
                .where(SUBSCRIPTION.c.integration_id == integration_id)
            ).first()
        if row is None:
            return None
        hooks = self.bench.manifest(row.platform).webhooks
        if hooks is not None and hooks.key:
            # The person who entered the address shares a key of the integration's own.
            own = StoredCredential(
                self.bench.store, self.bench.vault, integration_id, self.bench.clock
            ).read()
            return row.url, (str(own.get(hooks.key) or ""),), row
        if row.ciphertext is None:
            return row.url, ("",), row
        secret = self.bench.vault.open(hook_owner(integration_id), bytes(row.ciphertext))
        still = ms(self.bench.clock.now()) < int(secret.get("former_until_ms", 0))
        return row.url, (str(secret["secret"]), *([str(secret["former"])] if still else [])), row

    def _store(
        self,
        integration_id: str,
        found: tuple[str, tuple[str, ...], Any],
        headers: dict[str, str],
        body: bytes,
    ) -> None:
        """Keep what a genuine delivery says, once, and ask for a run."""
        url, secrets_, row = found
        now = self.bench.clock.now()
        manifest = self.bench.manifest(row.platform)
        credential = StoredCredential(self.bench.store, self.bench.vault, integration_id, self.bench.clock)
        members = credential.read() if manifest.webhooks and manifest.webhooks.event else None
        events = self._believed(
            manifest, secrets_, url, headers, body, row.config.get("options", {}), members
        )
        with self.bench.store.write() as connection:
            known = {
                row.id
                for row in connection.execute(
                    select(EVENT.c.id).where(EVENT.c.id.in_([f"{integration_id}:{e.id}" for e in events]))
                )
            }
            fresh = {f"{integration_id}:{e.id}": e for e in events}
            for id_, event in fresh.items():
                if id_ not in known:
                    connection.execute(
                        insert(EVENT).values(
                            id=id_,
                            integration_id=integration_id,
                            data=event.data.value,
                            remote_id=event.remote_id or "",
                            type=event.type,
                            at=event.at or now,
                        )
                    )
            keep_told(
                self.bench.store,
                connection,
                integration_id,
                [event for id_, event in fresh.items() if id_ not in known],
                now,
            )
            if fresh.keys() - known:
                connection.execute(
                    update(INTEGRATION)
                    .where(INTEGRATION.c.id == integration_id, INTEGRATION.c.requested.is_(None))
                    .values(requested="webhook")
                )

    def _believed(
        self,
        manifest: "Manifest",
        secrets_: tuple[str, ...],
        url: str,
        headers: dict[str, str],
        body: bytes,
        options: dict[str, Any],
        members: dict[str, Any] | None,
    ) -> "list[Event]":
        """What a delivery says, if it is signed by any secret that is good; the newest one's complaint counts."""
        from perkstar_tui.platforms.webhooks import parse

        refused: PerkstarError | None = None
        for secret in secrets_:
            try:
                return parse(
                    manifest,
                    secret=secret,
                    url=url,
                    headers=headers,
                    body=body,
                    now=self.bench.clock.now(),
                    options=options,
                    members=members,
                )
            except PerkstarError as error:
                if error.kind is not ErrorKind.NOT_ALLOWED:
                    raise
                refused = refused or error
        assert refused is not None
        raise refused

    def _note(
        self,
        integration_id: str | None,
        message: str,
        error: PerkstarError | None = None,
        *,
        remedy: str = "Set PERKSTAR_LISTEN to a free address.",
        code: str = "webhooks",
    ) -> None:
        kind = error.kind if error is not None else ErrorKind.USAGE
        with self.bench.store.write() as connection:
            connection.execute(
                insert(LOG).values(
                    id=new_id("log"),
                    time=self.bench.clock.now(),
                    level=Level.WARNING.value,
                    code=code,
                    message=message,
                    remedy=error.remedy if error is not None else remedy,
                    integration_id=integration_id,
                    details={"kind": kind.value},
                )
            )


def _takes(row: Any) -> bool:
    """Whether an integration brings anything in."""
    return Direction(row.config.get("direction", "both")).inward


def _fresh_path(integration_id: str) -> str:
    """A path that nobody can guess, under which deliveries to an integration come."""
    return f"/hooks/{integration_id}/{secrets.token_urlsafe(16)}"


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)

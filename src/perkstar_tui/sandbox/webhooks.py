"""Deliveries to registered addresses: signed the vendor's way, repeated until they are taken."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from .faults import Faults
from .wire import Call

if TYPE_CHECKING:
    import httpx

PAUSES = (0.2, 0.4, 0.8, 1.6, 3.2)
"""Seconds between tries: the vendors' hours, made short."""


Signer: TypeAlias = Callable[[bytes, int, bool], dict[str, str]]
"""Makes the headers that sign a body, at a try counted from 0; wrongly where that is asked."""


@dataclass(slots=True)
class Delivery:
    """One message to one address; `forged` is the body of a false one, where the proof is in the body."""

    url: str
    body: bytes
    content_type: str
    sign: Signer
    timeout: float = 10.0
    forged: bytes | None = None


class Courier:
    """Sends deliveries in the background, each address in order unless a fault mixes them."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: httpx.AsyncClient | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._kept: Delivery | None = None
        self.log: list[dict[str, object]] = []

    def start(self) -> None:
        """Begin delivering on the loop that is running."""
        self._loop = asyncio.get_running_loop()

    def _http(self) -> "httpx.AsyncClient":
        """The client, made when it is first needed, since most sandboxes never send anything."""
        if self._client is None:
            import httpx

            self._client = httpx.AsyncClient(trust_env=False, follow_redirects=False)
        return self._client

    async def stop(self) -> None:
        """End every try that is under way."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
        self._client = self._loop = None

    async def probe(self, url: str) -> int:
        """What an address answers to a GET; 0 where it doesn't."""
        import httpx

        try:
            return (await self._http().get(url, timeout=5.0)).status_code
        except (httpx.HTTPError, httpx.InvalidURL):
            return 0

    def send(self, delivery: Delivery) -> None:
        """Hand over a message; it goes out by itself."""
        if self._loop is None:
            return
        call = Call("POST", urlsplit(delivery.url).path, {}, {}, delivery.body, "")
        effects = self._faults.delivering(call)
        if "webhook-drop" in effects:
            return
        if "webhook-reorder" in effects and self._kept is None:
            self._kept = delivery
            self._loop.call_later(1.0, self._release)
            return
        self._spawn(delivery, "webhook-bad-signature" in effects)
        if "webhook-repeat" in effects:
            self._spawn(delivery, False)
        self._release()

    def _release(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            self._spawn(kept, False)

    def _spawn(self, delivery: Delivery, wrong: bool) -> None:
        if self._loop is None:
            return
        task = self._loop.create_task(self._deliver(delivery, wrong))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def prove(self, delivery: Delivery, done: Callable[[bool], None]) -> None:
        """Send a message rightly and wrongly signed, and tell whether the one is taken and the other refused."""

        async def proving() -> None:
            done(await self._post(delivery, 0, False) == 200 and await self._post(delivery, 0, True) == 401)

        if self._loop is not None:
            task = self._loop.create_task(proving())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _post(self, delivery: Delivery, attempt: int, wrong: bool) -> int:
        """The status of the answer; 0 where there is none."""
        import httpx

        headers = {"content-type": delivery.content_type} | delivery.sign(delivery.body, attempt, wrong)
        body = delivery.forged if wrong and delivery.forged is not None else delivery.body
        try:
            answer = await self._http().post(
                delivery.url, content=body, headers=headers, timeout=delivery.timeout
            )
        except (httpx.HTTPError, httpx.InvalidURL):
            return 0
        return answer.status_code

    async def _deliver(self, delivery: Delivery, wrong: bool) -> None:
        for attempt in range(len(PAUSES) + 1):
            status = await self._post(delivery, attempt, wrong)
            self.log.append({"url": delivery.url, "attempt": attempt + 1, "status": status})
            if 200 <= status < 300 or wrong or attempt == len(PAUSES):
                return
            await asyncio.sleep(PAUSES[attempt])


def or_wrong(secret: str, wrong: bool) -> str:
    """The secret; another one where a fault asks for a signature that doesn't hold."""
    return "wrong" if wrong else secret


def hmac_hex(secret: str, text: bytes) -> str:
    """HMAC-SHA256 in hexadecimal digits."""
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def hmac_base64(secret: str, text: bytes) -> str:
    """HMAC-SHA256 in Base64."""
    return base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()

"""One attempt to post bytes to an address that an admin gave: what came of it, and never an exception."""

from dataclasses import dataclass
from time import perf_counter

import httpx

from perkstar_tui.model.clock import Clock
from perkstar_tui.model.remote import Traffic

from .client import client_for, transport_words
from .errors import retry_after_s

TIMEOUT_S = 20.0
"""Within what Standard Webhooks recommends (15 to 30 s)."""

KEPT = 4096
"""Bytes of an answer that are read: enough to see what is wrong at the other end."""


@dataclass(frozen=True, slots=True)
class Posted:
    """`status` is None where no answer came; `words` then say why."""

    status: int | None
    answer: str
    ms: int
    words: str = ""
    retry_after_s: float | None = None


class Poster:
    """Posts to one address; redirects are not followed, since what is posted is meant for nobody else."""

    def __init__(
        self,
        url: str,
        clock: Clock,
        traffic: Traffic,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = url
        self.clock = clock
        self.traffic = traffic
        self._client = client_for(url, timeout_s=TIMEOUT_S, concurrent=20, transport=transport)

    async def post(self, content: bytes, headers: dict[str, str]) -> Posted:
        """Make one attempt."""
        started = perf_counter()
        self.traffic.api_calls += 1

        def ms() -> int:
            return round((perf_counter() - started) * 1000)

        try:
            async with self._client.stream("POST", self.url, content=content, headers=headers) as response:
                kept = b""
                async for part in response.aiter_bytes(KEPT):
                    kept += part
                    if len(kept) >= KEPT:
                        break
                self.traffic.bytes += len(kept)
                wait = retry_after_s(response.headers, self.clock.now())
                return Posted(
                    response.status_code, kept[:KEPT].decode("utf-8", "replace"), ms(), retry_after_s=wait
                )
        except httpx.HTTPError as problem:
            return Posted(None, "", ms(), transport_words(problem)[0])

    async def close(self) -> None:
        await self._client.aclose()

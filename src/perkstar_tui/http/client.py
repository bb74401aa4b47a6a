"""The client for one vendor's host: paced, retried, limited in size, and speaking in the error taxonomy.

It knows no vendor: what differs comes in as a `Policy`. Bodies are JSON in both directions unless a form is sent.
"""

import asyncio
import contextlib
import json as json_text
import logging
import random
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from time import perf_counter
from typing import IO, Any, Literal, Protocol

import httpx
import orjson

from perkstar_tui.model.clock import Clock
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Traffic

from .budget import Budgets, LocalBudgets, Pace, spacing
from .errors import ErrorShape, Rule, dig, refusal, shown_request

# Its lines would hold whole addresses, and with them whom a search was for.
logging.getLogger("httpx").setLevel(logging.WARNING)

TRIES = 5
BACKOFF_S = (0.5, 1.0, 2.0, 4.0)
LONGEST_WAIT_S = 15.0
"""A longer wait than this is not sat out inside a call: the caller gets RATE_LIMITED and the time to come again."""
WAITS_IN_ALL_S = 30.0
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})
_NOT_HANDLED = frozenset({423, 429, 477, 503})
"""Statuses by which a server says that it has not begun: repeating is safe whatever the method."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_PASSING = frozenset({ErrorKind.SERVICE_UNAVAILABLE, ErrorKind.NETWORK})


@dataclass(frozen=True, slots=True)
class LimitHeaders:
    """Names of the headers by which a vendor tells its limit: requests per interval, what is left, the interval."""

    most: str = ""
    remaining: str = ""
    interval_ms: str = ""


@dataclass(frozen=True, slots=True)
class PointsTold:
    """Paths in an answer by which a vendor tells of a bucket of points: what the call cost, what is left, what comes
    back each second.
    """

    cost: str
    left: str
    per_s: str


@dataclass(frozen=True, slots=True)
class Policy:
    """What a client must know about its vendor. `intervals` names the milliseconds between requests by budget."""

    title: str
    rules: Sequence[Rule] = ()
    shape: ErrorShape = field(default_factory=ErrorShape)
    intervals: Mapping[str, float] = field(default_factory=dict)
    concurrent: int | None = None
    limit_headers: LimitHeaders | None = None
    points: PointsTold | None = None
    timeout_s: float = 25.0
    max_bytes: int = 64 * 1024 * 1024
    max_file_bytes: int = 4 * 1024 * 1024 * 1024
    headers: Mapping[str, str] = field(default_factory=dict)


class Authorizer(Protocol):
    """Gives the headers of a request, and gets a chance to renew them when they were refused."""

    async def headers(self) -> Mapping[str, str]: ...

    def params(self) -> Mapping[str, str]:
        """Query parameters that authorise."""

    def sign(self, method: str, url: str) -> Mapping[str, str]:
        """Headers that depend on the request itself, for vendors that want it signed."""

    async def refused(self, used: Mapping[str, str]) -> bool:
        """Whether a repeat with fresh headers makes sense; renews the credential where it can be."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A good answer: its parsed body (None where there is none) and headers."""

    status: int
    headers: httpx.Headers
    data: Any


@dataclass(frozen=True, slots=True)
class _Failure:
    """One attempt that failed: the error, and whether the server may have acted on it."""

    error: PerkstarError
    perhaps_done: bool


@cache
def _agent() -> str:
    return f"perkstar-tui/{version('perkstar-tui')}"


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


@cache
def _no_tls() -> ssl.SSLContext:
    """For loopback addresses: trusts nobody, so that no TLS can come about by it, and costs no loading of roots."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def client_for(
    url: str,
    *,
    timeout_s: float,
    concurrent: int,
    headers: Mapping[str, str] | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> httpx.AsyncClient:
    """The library's client as all of this program's are: no redirects, no proxy between programs on this machine."""
    return httpx.AsyncClient(
        verify=_tls() if url.startswith("https") else _no_tls(),
        timeout=httpx.Timeout(timeout_s, connect=10.0),
        limits=httpx.Limits(max_connections=concurrent, keepalive_expiry=4.0),
        follow_redirects=False,
        trust_env=httpx.URL(url).host not in LOOPBACK,
        headers={"user-agent": _agent(), "accept": "application/json", **(headers or {})},
        transport=transport,
    )


class HttpClient:
    """Requests to one host. Every method raises PerkstarError and nothing else."""

    def __init__(
        self,
        base_url: str,
        policy: Policy,
        *,
        clock: Clock,
        auth: Authorizer | None = None,
        traffic: Traffic | None = None,
        budgets: Budgets | None = None,
        budget_name: str = "",
        on_call: Callable[[int], None] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.policy = policy
        self.clock = clock
        self.auth = auth
        self.traffic = traffic or Traffic()
        self.on_call = on_call
        self.chance = chance
        shared = budgets or LocalBudgets()
        self.paces = {
            name: Pace(shared, f"{budget_name}/{name}" if name else budget_name, interval, clock)
            for name, interval in policy.intervals.items()
        }
        self._gate = asyncio.Semaphore(policy.concurrent) if policy.concurrent else None
        self._client = client_for(
            self.base_url,
            timeout_s=policy.timeout_s,
            concurrent=policy.concurrent or 20,
            headers=policy.headers,
            transport=transport,
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        body: tuple[bytes, str] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
        bucket: str = "",
        expect: str | None = None,
        shape: Literal["object", "any", "bytes"] = "object",
        auth: bool = True,
        into: IO[bytes] | None = None,
    ) -> Reply:
        """Make one call and answer its good reply. `path` is joined to the base unless it is a whole address.

        `body` is what is sent as it is, with its content type. `shape`: whether a good answer is an object, or anything
        (a list, a text, nothing, "not modified"), or bytes that are no JSON. A good answer that is too much for memory
        is written `into` an empty file instead.

        `repeatable`: whether doing it twice does no harm (by default as the method says); only then is it
        repeated when no answer came. `expect` names a member that a whole answer has.
        """
        may_repeat = method in _REPEATABLE if repeatable is None else repeatable
        pace = self.paces.get(bucket)
        content, kind = _body(json, form) if body is None else (body[0], {"content-type": body[1]})
        tries, waited, renewed = 0, 0.0, False
        while True:
            own = await self.auth.headers() if auth and self.auth is not None else {}
            secret = self.auth.params() if auth and self.auth is not None else {}
            request = self._client.build_request(
                method,
                path if path.startswith("http") else self.base_url + path,
                params={**(params or {}), **secret} if secret else params,
                content=content,
                headers={**own, **kind, **(headers or {})},
            )
            if auth and self.auth is not None:
                request.headers.update(self.auth.sign(method, str(request.url)))
            # The place among those that may call at once comes first: behind its slot a call would wait too long.
            async with self._gate or contextlib.nullcontext():
                if pace is not None and pace.interval_ms > 0:
                    await self._take_turn(pace, request)
                outcome = await self._once(request, pace, expect, shape, into)
            if isinstance(outcome, Reply):
                return outcome
            error = outcome.error
            if error.kind is ErrorKind.CREDENTIAL_REFUSED and auth and self.auth is not None and not renewed:
                renewed = True
                if await self.auth.refused(own):
                    continue
                raise error
            if error.kind is ErrorKind.RATE_LIMITED:
                wait = error.retry_after_s
                if wait is None:
                    wait = error.retry_after_s = self._backoff(tries) * 2
                tries += 1
                if wait > LONGEST_WAIT_S or waited + wait > WAITS_IN_ALL_S:
                    raise error
                if pace is not None:
                    pace.hold(wait)
                self.traffic.throttled_ms += int(wait * 1000)
            elif error.kind in _PASSING and (may_repeat or not outcome.perhaps_done):
                tries += 1
                wait = error.retry_after_s if error.retry_after_s is not None else self._backoff(tries - 1)
                if tries >= TRIES or wait > LONGEST_WAIT_S or waited + wait > WAITS_IN_ALL_S:
                    raise error
            else:
                raise error
            waited += wait
            await self.clock.sleep(wait)

    async def _take_turn(self, pace: Pace, request: httpx.Request) -> None:
        """Wait for the call's slot, and once more where it's missed by the time that the request is written: the
        process may have been held up while the connection was made.
        """
        turn = await pace.turn()
        self.traffic.throttled_ms += turn.waited_ms

        async def told(event: str, _info: Mapping[str, Any]) -> None:
            nonlocal turn
            if event.endswith(".send_request_headers.started") and pace.missed(turn.slot_ms):
                turn = await pace.turn()
                self.traffic.throttled_ms += turn.waited_ms

        request.extensions["trace"] = told

    def _backoff(self, tries: int) -> float:
        return BACKOFF_S[min(tries, len(BACKOFF_S) - 1)] * (0.5 + self.chance())

    async def _once(
        self,
        request: httpx.Request,
        pace: Pace | None,
        expect: str | None,
        shape: str,
        into: IO[bytes] | None,
    ) -> "Reply | _Failure":
        started = perf_counter()
        self.traffic.api_calls += 1
        if self.on_call is not None:
            self.on_call(1)
        try:
            response = await self._client.send(request, stream=True)
        except httpx.HTTPError as problem:
            sent = not isinstance(
                problem,
                httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.UnsupportedProtocol,
            )
            return self._broken(request, None, started, *transport_words(problem), sent=sent)
        content: bytes | None = None
        try:
            content = await self._read(response, into if response.is_success else None)
        except httpx.HTTPError as problem:
            return self._broken(request, response.status_code, started, *transport_words(problem))
        finally:
            self.traffic.bytes += response.num_bytes_downloaded or len(content or b"")
            await response.aclose()
        if content is None:
            return self._broken(request, response.status_code, started, "the answer is too large")
        status = response.status_code
        if pace is not None and self.policy.limit_headers is not None:
            _learn(pace, self.policy.limit_headers, response.headers)
        if shape == "bytes" and 200 <= status < 300:
            return Reply(status, response.headers, content)
        data, whole = parsed(content) if content else (None, True)
        if pace is not None and self.policy.points is not None:
            _spare(pace, self.policy.points, data)
        if status == 304 and shape == "any":
            return Reply(status, response.headers, None)
        inside = next((p for p in self.policy.shape.inside if _filled(data, p)), None)
        if 200 <= status < 300 and inside is None:
            empty = shape == "any" and status == 204
            if not whole or (not content and request.method == "GET" and not empty):
                return self._broken(request, status, started, "the body is not whole JSON")
            if content and not isinstance(data, dict) and shape == "object":
                return self._broken(request, status, started, "the body is no JSON object")
            if expect is not None and (not isinstance(data, dict) or expect not in data):
                return self._broken(request, status, started, f"the answer has no {expect!r}")
            return Reply(status, response.headers, data)
        error = refusal(
            self.policy.title,
            data,
            400 if inside is not None and status < 300 else status,
            shape=self.policy.shape,
            rules=self.policy.rules,
            headers=response.headers,
            request=_shown(request, status, started),
            now=self.clock.now(),
        )
        return _Failure(error, status not in _NOT_HANDLED)

    async def _read(self, response: httpx.Response, into: IO[bytes] | None) -> bytes | None:
        """The whole body, or None when it is larger than is bearable; nothing of what goes into a file."""
        most = self.policy.max_bytes if into is None else self.policy.max_file_bytes
        if into is not None:
            # What an earlier try left there.
            into.seek(0)
            into.truncate()
        if int(response.headers.get("content-length") or 0) > most:
            return None
        parts = []
        size = 0
        async for part in response.aiter_bytes():
            size += len(part)
            if size > most:
                return None
            if into is None:
                parts.append(part)
            else:
                into.write(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _broken(
        self,
        request: httpx.Request,
        status: int | None,
        started: float,
        words: str,
        code: str | None = None,
        *,
        sent: bool = True,
    ) -> _Failure:
        error = PerkstarError(
            ErrorKind.NETWORK,
            f"No whole answer came from {self.policy.title}: {words}.",
            vendor_code=code,
            request=_shown(request, status, started),
        )
        return _Failure(error, sent)


def _filled(data: Any, path: str) -> bool:
    return dig(data, path) not in (None, "", [], {}, False)


def parsed(content: bytes) -> tuple[Any, bool]:
    """The value of a JSON text and whether it is one.

    Some vendors pass on what people pasted: half a surrogate pair, or a bare control character. That is mended
    here, since one such record would otherwise keep all others from being read.
    """
    try:
        return orjson.loads(content), True
    except orjson.JSONDecodeError:
        pass
    try:
        return _mended(json_text.loads(content.decode("utf-8", "replace"), strict=False)), True
    except ValueError:
        return None, False


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_mended(part) for part in value]
    if isinstance(value, dict):
        return {_mended(name): _mended(part) for name, part in value.items()}
    return value


def _body(json: Any, form: Mapping[str, str] | None) -> tuple[bytes | None, dict[str, str]]:
    if json is not None:
        return orjson.dumps(json), {"content-type": "application/json"}
    if form is not None:
        return str(httpx.QueryParams(dict(form))).encode(), {
            "content-type": "application/x-www-form-urlencoded"
        }
    return None, {}


def _shown(request: httpx.Request, status: int | None, started: float) -> str:
    return shown_request(request.method, str(request.url), status, (perf_counter() - started) * 1000.0)


TIMED_OUT = "time-out"
"""Code of a NETWORK error after which the vendor may still be at work on the request."""


def transport_words(problem: httpx.HTTPError) -> tuple[str, str | None]:
    """What went wrong on the way, by kind of fault: the library's own words may hold addresses."""
    if isinstance(problem, httpx.ConnectTimeout):
        return "it did not take the connection in time", None
    if isinstance(problem, httpx.TimeoutException):
        return "it took too long", TIMED_OUT
    if isinstance(problem, httpx.ConnectError):
        words = str(problem).lower()
        if "certificate" in words or "ssl" in words:
            return "its certificate is not trusted", None
        if "name" in words or "getaddrinfo" in words:
            return "its name is not known to this machine's resolver", None
        return "no connection could be made", None
    return "the connection broke", None


def _learn(pace: Pace, names: LimitHeaders, headers: httpx.Headers) -> None:
    """Follow the rate that the vendor tells, with a twentieth to spare so that something is always left of it; where
    nothing is, others use it too, and everybody waits for the next interval.
    """
    try:
        most = float(headers.get(names.most) or 0)
        interval = float(headers.get(names.interval_ms) or 0)
        if most > 0 and interval > 0:
            pace.learn(spacing(interval, most * 0.95))
        left = headers.get(names.remaining)
        if left is not None and float(left) <= 0 and interval > 0:
            pace.hold(interval / 1000.0)
    except ValueError:
        return


def _spare(pace: Pace, told: PointsTold, data: Any) -> None:
    """Wait until the bucket bears another call like this one."""
    try:
        cost, left, per_s = (float(dig(data, path)) for path in (told.cost, told.left, told.per_s))
    except (TypeError, ValueError):
        return
    if left < cost and per_s > 0:
        pace.hold((cost - left) / per_s)

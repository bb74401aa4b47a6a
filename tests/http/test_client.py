"""The client: what it repeats and what it never repeats, how it waits, and what it tells of a failure."""

from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import httpx
import pytest
from still import StillClock

from perkstar_tui.http.budget import AnyOf, LocalBudgets, Pace
from perkstar_tui.http.client import HttpClient, LimitHeaders, PointsTold, Policy
from perkstar_tui.http.errors import ErrorShape
from perkstar_tui.model.errors import ErrorKind, PerkstarError

Answer = httpx.Response | Exception


class Script:
    """A server that gives its answers in turn, the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)


def client(script: Callable[[httpx.Request], httpx.Response], clock: StillClock, **policy: Any) -> HttpClient:
    return HttpClient(
        "http://vendor.test",
        Policy("Vendor", **policy),
        clock=clock,
        transport=httpx.MockTransport(script),
        chance=lambda: 0.5,
    )


GOOD = httpx.Response(200, json={"ok": True})


async def refused(http: HttpClient, method: str = "GET", path: str = "/x", **more: Any) -> PerkstarError:
    with pytest.raises(PerkstarError) as caught:
        await http.call(method, path, **more)
    return caught.value


async def test_a_passing_fault_is_tried_again_with_growing_pauses() -> None:
    clock = StillClock()
    script = Script(httpx.Response(502), httpx.Response(500), httpx.ReadTimeout("slow"), GOOD)
    reply = await client(script, clock).call("GET", "/x")
    assert reply.data == {"ok": True}
    assert clock.slept == [0.5, 1.0, 2.0]


async def test_a_fault_that_stays_ends_the_call_after_five_tries() -> None:
    script = Script(httpx.Response(503))
    error = await refused(client(script, StillClock()))
    assert error.kind is ErrorKind.SERVICE_UNAVAILABLE
    assert len(script.requests) == 5


@pytest.mark.parametrize(
    "fault", [httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x"), httpx.Response(502)]
)
async def test_a_post_that_may_have_been_done_is_never_repeated(fault: Answer) -> None:
    script = Script(fault, GOOD)
    error = await refused(client(script, StillClock()), "POST", json={})
    assert error.kind in (ErrorKind.NETWORK, ErrorKind.SERVICE_UNAVAILABLE)
    assert len(script.requests) == 1


@pytest.mark.parametrize("fault", [httpx.ConnectError("x"), httpx.ConnectTimeout("x"), httpx.Response(503)])
async def test_a_post_that_was_surely_not_done_is_repeated(fault: Answer) -> None:
    script = Script(fault, GOOD)
    await client(script, StillClock()).call("POST", "/x", json={})
    assert len(script.requests) == 2


async def test_a_post_that_is_called_repeatable_is_repeated_after_a_time_out() -> None:
    script = Script(httpx.ReadTimeout("x"), GOOD)
    await client(script, StillClock()).call("POST", "/x", json={}, repeatable=True)
    assert len(script.requests) == 2


@pytest.mark.parametrize(
    "broken",
    [
        httpx.Response(200, content=b'{"results": [1, 2'),
        httpx.Response(200, content=b"<html>busy</html>", headers={"content-type": "text/html"}),
        httpx.Response(200, content=b""),
        httpx.Response(200, json={"something": "else"}),
        httpx.Response(200, json=[1, 2]),
        httpx.Response(200, json=None),
    ],
)
async def test_a_broken_body_is_no_answer_and_is_asked_for_again(broken: httpx.Response) -> None:
    script = Script(broken, httpx.Response(200, json={"results": []}))
    reply = await client(script, StillClock()).call("GET", "/x", expect="results")
    assert reply.data == {"results": []}


async def test_a_broken_body_that_stays_is_a_network_fault() -> None:
    error = await refused(client(Script(httpx.Response(200, content=b"{")), StillClock()))
    assert error.kind is ErrorKind.NETWORK
    assert error.request is not None and error.request.startswith("GET /x → 200 in ")


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"name": "\\ud83d alone"}', "\ufffd alone"),
        (b'{"name": "bell \x07"}', "bell \x07"),
        (b'{"name": "caf\xe9"}', "caf\ufffd"),
    ],
)
async def test_text_that_people_broke_does_not_keep_the_rest_from_being_read(body: bytes, value: str) -> None:
    reply = await client(Script(httpx.Response(200, content=body)), StillClock()).call("GET", "/x")
    assert reply.data == {"name": value}


async def test_an_answer_beyond_the_size_limit_is_refused() -> None:
    script = Script(httpx.Response(200, content=b"[" + b"1," * 600 + b"1]"))
    error = await refused(client(script, StillClock(), max_bytes=1000))
    assert error.kind is ErrorKind.NETWORK and "too large" in error.message


async def test_a_redirect_is_not_followed() -> None:
    script = Script(httpx.Response(302, headers={"location": "http://elsewhere.test/"}))
    error = await refused(client(script, StillClock()))
    assert error.kind is ErrorKind.NETWORK
    assert {request.url.host for request in script.requests} == {"vendor.test"}


async def test_the_vendors_own_wait_is_obeyed_in_seconds_and_as_a_date() -> None:
    clock = StillClock()
    later = format_datetime(clock.at + timedelta(seconds=3 + 7))
    script = Script(
        httpx.Response(429, headers={"retry-after": "3"}),
        httpx.Response(429, headers={"retry-after": later}),
        GOOD,
    )
    http = client(script, clock)
    await http.call("POST", "/x", json={})
    assert clock.slept == [3.0, 7.0]
    assert http.traffic.throttled_ms == 10_000


async def test_a_wait_too_long_to_sit_out_is_told_with_its_time() -> None:
    clock = StillClock()
    error = await refused(client(Script(httpx.Response(429, headers={"retry-after": "3600"})), clock))
    assert error.kind is ErrorKind.RATE_LIMITED
    assert error.retry_after_s == 3600
    assert clock.slept == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ErrorKind.RECORD_REJECTED),
        (401, ErrorKind.CREDENTIAL_REFUSED),
        (403, ErrorKind.PERMISSION_MISSING),
        (404, ErrorKind.NOT_FOUND),
        (409, ErrorKind.CONFLICT),
        (422, ErrorKind.RECORD_REJECTED),
    ],
)
async def test_a_status_has_its_kind(status: int, kind: ErrorKind) -> None:
    assert (await refused(client(Script(httpx.Response(status, json={})), StillClock()))).kind is kind


async def test_an_error_tells_code_field_words_and_request_without_secrets() -> None:
    body = {"code": "BAD", "message": "no \x1b[31mgood " + "x" * 600, "where": "email"}
    script = Script(httpx.Response(400, json=body, headers={"x-request-id": "r-1"}))
    shape = ErrorShape(
        code=["code"], words=["message"], field_name=["where"], fields={"email": "mail.address"}
    )
    error = await refused(
        client(script, StillClock(), shape=shape),
        "PUT",
        "/v2/customers/0123456789abcdef0123456789abcdef",
        params={"email": "ana@example.com", "limit": 5},
    )
    assert (error.vendor_code, error.field, error.vendor_request_id) == ("BAD", "mail.address", "r-1")
    assert error.vendor_words is not None
    assert "\x1b" not in error.vendor_words and len(error.vendor_words) == 500
    assert error.request is not None
    assert error.request.startswith("PUT /v2/customers/01234567…?email=…&limit=5 → 400 in ")


async def test_a_request_shown_names_nobody() -> None:
    error = await refused(
        client(Script(httpx.Response(404)), StillClock()), path="/contacts/ana@example.com/x"
    )
    assert error.request is not None and error.request.startswith("GET /contacts/…@…/x → 404")


class Keys:
    """Headers of which the first is refused."""

    def __init__(self, *, renews: bool) -> None:
        self.given = {"authorization": "old"}
        self.renews = renews
        self.asked = 0

    async def headers(self) -> dict[str, str]:
        return self.given

    def params(self) -> dict[str, str]:
        return {}

    def sign(self, method: str, url: str) -> dict[str, str]:
        return {}

    async def refused(self, used: Any) -> bool:
        self.asked += 1
        if self.renews:
            self.given = {"authorization": "new"}
        return self.renews


def lock(request: httpx.Request) -> httpx.Response:
    return GOOD if request.headers["authorization"] == "new" else httpx.Response(401, json={})


async def test_a_refused_credential_is_renewed_once_and_the_call_repeated() -> None:
    http = client(lock, StillClock())
    http.auth = keys = Keys(renews=True)
    assert (await http.call("POST", "/x", json={})).status == 200
    assert keys.asked == 1


async def test_a_credential_that_stays_refused_ends_the_call() -> None:
    http = client(Script(httpx.Response(401, json={})), StillClock())
    http.auth = keys = Keys(renews=True)
    assert (await refused(http)).kind is ErrorKind.CREDENTIAL_REFUSED
    assert keys.asked == 1


async def test_calls_and_bytes_are_counted_and_told() -> None:
    told: list[int] = []
    http = client(Script(httpx.Response(503), GOOD), StillClock())
    http.on_call = told.append
    await http.call("GET", "/x")
    assert http.traffic.api_calls == sum(told) == 2
    assert http.traffic.bytes >= len(b'{"ok":true}')


async def test_requests_are_evenly_spaced_within_the_budget() -> None:
    clock = StillClock()
    begun = clock.at
    http = client(Script(GOOD), clock, intervals={"": 100.0})
    for _ in range(21):
        await http.call("GET", "/x")
    assert (clock.at - begun).total_seconds() == pytest.approx(2.0, abs=0.11)
    assert http.traffic.throttled_ms == pytest.approx(2000, abs=110)


async def test_without_limits_nothing_waits() -> None:
    clock = StillClock()
    http = client(Script(GOOD), clock, intervals={"": 0.0})
    for _ in range(50):
        await http.call("GET", "/x")
    assert clock.slept == []


async def test_headers_of_the_vendor_correct_the_rate() -> None:
    clock = StillClock()
    told = {"x-max": "20", "x-left": "9", "x-interval": "1000"}
    script = Script(httpx.Response(200, json={}, headers=told))
    names = LimitHeaders("x-max", "x-left", "x-interval")
    http = client(script, clock, intervals={"": 1000.0}, limit_headers=names)
    begun = clock.at
    for _ in range(22):
        await http.call("GET", "/x")
    assert (clock.at - begun).total_seconds() < 3.0


async def test_nothing_left_of_the_budget_waits_for_its_interval() -> None:
    clock = StillClock()
    told = {"x-max": "20", "x-left": "0", "x-interval": "1000"}
    script = Script(httpx.Response(200, json={}, headers=told), GOOD)
    http = client(
        script, clock, intervals={"": 50.0}, limit_headers=LimitHeaders("x-max", "x-left", "x-interval")
    )
    await http.call("GET", "/x")
    await http.call("GET", "/x")
    assert sum(clock.slept) >= 0.99


async def test_too_few_points_left_for_another_call_wait_until_they_are_back() -> None:
    clock = StillClock()
    told = {"cost": 100, "left": 20, "per_s": 40}
    script = Script(httpx.Response(200, json=told))
    http = client(script, clock, intervals={"": 50.0}, points=PointsTold("cost", "left", "per_s"))
    await http.call("GET", "/x")
    await http.call("GET", "/x")
    assert sum(clock.slept) == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize(
    "told", [{"cost": 10, "left": 900, "per_s": 100}, {"cost": "?", "left": 0, "per_s": 1}, {}]
)
async def test_points_enough_or_not_told_wait_only_for_their_turn(told: dict[str, Any]) -> None:
    clock = StillClock()
    http = client(
        Script(httpx.Response(200, json=told)),
        clock,
        intervals={"": 50.0},
        points=PointsTold("cost", "left", "per_s"),
    )
    await http.call("GET", "/x")
    await http.call("GET", "/x")
    assert sum(clock.slept) == pytest.approx(0.05, abs=0.01)


class Held(httpx.AsyncBaseTransport):
    """A way to the vendor on which the process is held up for a while, before each request is written."""

    def __init__(self, clock: StillClock, *held_ms: float) -> None:
        self.clock, self.held = clock, list(held_ms)
        self.written: list[float] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.clock.at += timedelta(milliseconds=self.held.pop(0))
        await request.extensions["trace"]("http11.send_request_headers.started", {})
        self.written.append(self.clock.at.timestamp() * 1000.0)
        return httpx.Response(200, json={"ok": True})


async def test_a_call_that_was_held_up_before_it_was_written_takes_another_slot() -> None:
    clock = StillClock()
    way = Held(clock, 0.0, 390.0, 0.0, 0.0)
    http = HttpClient(
        "http://vendor.test", Policy("Vendor", intervals={"": 100.0}), clock=clock, transport=way
    )
    other = Pace(LocalBudgets(), "shop", 100.0, clock)
    other.budgets = http.paces[""].budgets
    other.name = http.paces[""].name
    for _ in range(4):
        await http.call("GET", "/x")
    ours = sorted([*way.written, *(other.take() for _ in range(3))])
    assert all(late - early >= 99 for early, late in pairwise(ours))


async def test_pauses_asked_for_at_once_do_not_add_up() -> None:
    clock = StillClock()
    pace = Pace(LocalBudgets(), "shop", 100.0, clock)
    for _ in range(4):
        pace.hold(2.0)
    await pace.turn()
    assert sum(clock.slept) == pytest.approx(2.0, abs=0.01)


def test_two_connectors_on_one_budget_share_its_rate() -> None:
    clock = StillClock()
    budgets = LocalBudgets()
    paces = [Pace(budgets, "shop", 100.0, clock) for _ in range(2)]
    slots = sorted(pace.take() for _ in range(20) for pace in paces)
    assert all(late - early >= 99 for early, late in pairwise(slots))


def test_a_first_call_keeps_the_distance_in_the_budget_of_each_account_that_it_may_be_for() -> None:
    clock = StillClock()
    budgets = LocalBudgets()
    known = [Pace(budgets, f"shop:{account}/search", 100.0, clock) for account in ("ann", "ben")]
    first = Pace(AnyOf(budgets, "shop:", ["shop:ann", "shop:ben"]), "shop:/search", 100.0, clock)
    taken: dict[str, list[float]] = {"ann": [], "ben": []}
    for n in range(30):
        mine = first.take()
        taken["ann"] += [mine, known[0].take()]
        taken["ben"] += [mine, *(known[1].take() for _ in range(n % 3))]
    for slots in taken.values():
        assert all(late - early >= 99 for early, late in pairwise(sorted(slots)))


def test_an_idle_pace_takes_single_slots_and_a_busy_one_at_most_a_second() -> None:
    taken: list[int] = []

    class Watched(LocalBudgets):
        def reserve(self, name: str, interval_ms: float, count: int, now_ms: Callable[[], int]) -> int:
            taken.append(count)
            return super().reserve(name, interval_ms, count, now_ms)

    clock = StillClock()
    pace = Pace(Watched(), "shop", 100.0, clock)
    pace.take()
    clock.at += timedelta(seconds=30)
    pace.take()
    assert taken == [1, 1]
    for _ in range(60):
        pace.take()
    assert max(taken) == 10

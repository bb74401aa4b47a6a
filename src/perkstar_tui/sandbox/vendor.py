"""What all vendors have in common: the way in, the request log, faults, and the face shown to control."""

import asyncio
import hashlib
import math
import random
import time
import traceback
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any, TypeAlias

import orjson

from .clock import Clock, iso_ms, parse_ms
from .conditions import Conditions
from .faults import HOSTILE_TEXTS, LONGEST, Faults, Rule
from .limits import Window
from .port import Outlet
from .resource import Resource
from .seed import View
from .state import Kind, Row, Store, normal_email
from .webhooks import Courier
from .wire import Answer, Call, Refused, Routes

KEPT_REQUESTS = 200_000
Entry: TypeAlias = tuple[int, int, str, str, int, float, str | None, int]


@dataclass
class Setting:
    """What every vendor of one sandbox shares."""

    seed: int
    clock: Clock
    directory: Path
    limits: bool = True
    search_lag: float = 1.0
    bad_emails: dict[str, set[str]] = field(default_factory=dict)
    """By vendor, the addresses whose records the profile `bad-records` refuses."""


class Vendor(ABC):
    """One vendor on one port: routes and rules over a store of records."""

    name: str
    kinds: tuple[str, ...]
    hidden_kinds: tuple[str, ...] = ()
    people_kind: str
    """The kind that holds people, the one that is looked through for duplicates."""
    person_fields: tuple[str, ...] = ("first", "last", "email", "phone", "birthday")
    """What the vendor can hold of a person; the truth compares these."""
    needs: tuple[str, ...] = ()
    """What everybody who is there has, by the names of `seed.Soul`."""
    takes = True
    """Whether customers can be written there."""
    sells = False
    """Whether the seed puts sales there."""
    holds_people = True
    """Whether there are people at all; else rows and events are only taken."""
    tells = False
    """Whether people are known only by what is told of them; who is never told of is known to nobody."""
    authorize_path = ""
    """Where the page lies that asks an owner for access; empty without OAuth."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.clock = setting.clock
        self.faults = Faults(setting.seed)
        self.courier = Courier(self.faults)
        self.url = ""
        self.requests: deque[Entry] = deque(maxlen=KEPT_REQUESTS)
        self.heard = 0
        self.statuses: dict[int, int] = {}
        self.writing_calls = 0
        self.in_flight = 0
        self._date = (0, "")
        self.bugs: list[str] = []
        self._last_page: dict[str, tuple[str, Answer]] = {}
        self.fresh()

    def fresh(self) -> None:
        """Begin with an empty shop and the first credentials."""
        self.chance = random.Random(f"{self.setting.seed}:{self.name}")
        self.heard_of: set[str] = set()
        self.store = Store(self.setting.directory / f"{self.name}.sqlite", self.kinds + self.hidden_kinds)
        self.resources: tuple[Resource, ...] = ()
        self.begin()
        self.routes = Routes()
        self.route()

    def again(self) -> None:
        """As at the start: the seed is to be filled in anew, the credentials are the same."""
        self.faults.use("calm")
        self.bugs.clear()
        self._last_page.clear()
        self.store.close()
        self.fresh()

    def show_one(self, kind: str, identifier: str) -> Any:
        """One record as the vendor shows it; None where there is none."""
        row = self.kind(kind).live(identifier)
        if row is None:
            return None
        return self.show(kind, 1, self.kind(kind).count("state = 0 AND seq < ?", (row.seq,)))[1][0]

    # what a vendor says for itself -------------------------------------------------------------------

    @abstractmethod
    def begin(self) -> None:
        """Make the first credentials, settings and resources; called at start and at reset."""

    def route(self) -> None:
        """Fill `self.routes`; a vendor adds the paths that belong to none of its resources."""
        for resource in self.resources:
            resource.route(self.routes)

    @abstractmethod
    def admit(self, call: Call) -> dict[str, str]:
        """Check credential and limits; answers headers for the reply, or raises `Refused`."""

    @abstractmethod
    def missing(self, known: bool) -> Answer:
        """The vendor's words for a path that doesn't exist, or that other methods know: 404, or 405."""

    @abstractmethod
    def failure(self, status: int) -> Answer:
        """The vendor's words for a fault: 429, 500, 502, 503 and others."""

    @abstractmethod
    def malformed(self, call: Call) -> Answer:
        """The vendor's words for a body that is no JSON."""

    @abstractmethod
    def credentials(self) -> dict[str, Any]:
        """What the first line of the sandbox says about this vendor, url aside."""

    def view(self, kind: str, row: Row) -> Any:
        """A record as the vendor shows it."""
        return row.body

    @abstractmethod
    def control_put(self, kind: str, identifier: str, part: dict[str, Any]) -> Any:
        """Write a part of a record as a person at the vendor would; makes it where it is unknown."""

    @abstractmethod
    def control_delete(self, kind: str, identifier: str) -> bool:
        """Remove a record as a person at the vendor would."""

    @abstractmethod
    def control_generate(self, kind: str, count: int) -> list[str]:
        """Make `count` new believable records."""

    @abstractmethod
    def person(self, body: dict[str, Any]) -> View:
        """A person's record, as it is kept, in the form in which the truth compares people."""

    @abstractmethod
    def named(self, first: str, last: str) -> dict[str, Any]:
        """A part of a record of the first kind that gives it these names."""

    def control_merge(self, kind: str, winner: str, loser: str) -> Any:
        """Merge two records as a person at the vendor would."""
        raise ValueError(f"{self.name} cannot merge {kind}")

    def control_listen(self, url: str, code: str) -> Any:
        """Enter an address for webhooks as a person does, where the vendor's own settings are the only way.

        `code` is what the vendor sent there, once it is known; empty at first. The answer is what is shown then.
        """
        raise ValueError(f"{self.name} has calls that register webhooks")

    def control_unlisten(self) -> int:
        """Take out every address that was entered so; answers how many there were."""
        return 0

    def books(self) -> list[dict[str, Any]]:
        """Journals in nobody's form: `reference`, `day`, and `lines` of an account and what it is debited with."""
        return []

    def expire_tokens(self) -> int:
        """Let access tokens end now."""
        return 0

    def revoke_tokens(self) -> int:
        """Withdraw every credential."""
        return 0

    @abstractmethod
    def renew(self) -> None:
        """Make a new first credential, as an admin does after the old one was withdrawn."""

    def disturb(self, call: Call) -> None:  # noqa: B027
        """Change what is being paged through, as somebody else's write in mid-read would."""

    def page_mark(self, call: Call) -> str | None:
        """What page of a list this is, '' for the first one; None where it is no list."""
        return None

    def holding(self) -> float:
        """Seconds that a request is held, so that requests can overlap."""
        return 0.0

    def takes_time(self, call: Call) -> bool:
        """Whether the vendor has to ask somebody else before it can answer."""
        return False

    async def prepare(self, call: Call) -> None:  # noqa: B027
        """Ask them."""

    # the way in ----------------------------------------------------------------------------------------

    def quick(self, call: Call) -> Answer | None:
        """The answer at once; None where a fault or the vendor's slowness has to be played."""
        if self.faults.rules or (self.setting.limits and self.holding()) or self.takes_time(call):
            return None
        started = time.perf_counter()
        before = self.store.writes
        answer = self.safely(call)
        self.faults.served += answer.records
        answer.headers["date"] = self.date()
        self._note(call, answer.status, self.store.writes - before, started)
        return answer

    async def slow(self, call: Call, outlet: Outlet) -> None:
        """Answer with the faults that are in force, and as slowly as the vendor is."""
        started = time.perf_counter()
        writes = 0
        status = 0
        self.in_flight += 1
        try:
            hold = self.holding() if self.setting.limits else 0.0
            if hold:
                await asyncio.sleep(hold)
            rules = self.faults.on(call)
            for rule in rules:
                await self._before(rule)
            await self.prepare(call)
            answer = self._faulty(rules)
            if answer is None:
                before = self.store.writes
                answer = self._page(call, rules)
                writes = self.store.writes - before
            self.faults.served += answer.records
            status = answer.status
            answer.headers["date"] = self.date()
            await self._send(answer, {rule.effect: rule for rule in rules}, outlet)
        finally:
            self.in_flight -= 1
            self._note(call, status, writes, started)

    def told_time(self) -> float:
        """The moment as the vendor tells it to others, in seconds: a fault may have put its clock wrong."""
        return self.clock.now() + self.faults.skew()

    def date(self) -> str:
        """The moment as HTTP writes it, by the vendor's clock."""
        moment = int(self.told_time())
        if moment != self._date[0]:
            self._date = (moment, formatdate(moment, usegmt=True))
        return self._date[1]

    def _note(self, call: Call, status: int, writes: int, started: float) -> None:
        self.heard += 1
        digest = hashlib.sha256(call.body).hexdigest()[:16] if call.body else None
        ms = round((time.perf_counter() - started) * 1000, 3)
        self.requests.append(
            (self.heard, self.clock.ms(), call.method, call.target or call.path, status, ms, digest, writes)
        )
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status < 400 and call.method != "GET" and writes:
            self.writing_calls += 1

    def journal(self, since: str = "") -> list[dict[str, Any]]:
        """The requests after `since`: a number from an earlier answer, milliseconds, or a moment in ISO 8601."""
        after, from_ms = 0, 0
        if since.isdigit() and int(since) < 10**10:
            after = int(since)
        elif since:
            from_ms = parse_ms(since) or 0
        names = ("seq", "at", "method", "path", "status", "ms", "body_hash", "writes")
        return [
            dict(zip(names, (entry[0], iso_ms(entry[1]), *entry[2:]), strict=True))
            for entry in self.requests
            if entry[0] > after and entry[1] >= from_ms
        ]

    def answer(self, call: Call) -> Answer:
        """What the vendor says to this request, faults aside."""
        try:
            found = self.routes.find(call.method, call.path)
            if found is None:
                return self.missing(self.routes.knows(call.path))
            handler, call.params = found
            extra = self.admit(call)
            answer = handler(call)
        except Refused as refused:
            return refused.answer
        except (AttributeError, TypeError, KeyError, ValueError):
            # A body of another shape than the vendor knows; anything else is a mistake of the sandbox.
            if call.method != "GET":
                return self.malformed(call)
            raise
        answer.headers.update(extra)
        return answer

    def safely(self, call: Call) -> Answer:
        """The vendor's answer, or its own 500 where the sandbox itself failed; kept for `GET /platforms`."""
        try:
            return self.answer(call)
        except Exception as problem:
            place = traceback.extract_tb(problem.__traceback__)[-1]
            self.bugs.append(f"{call.method} {call.path}: {problem!r} at {place.name}:{place.lineno}")
            return self.trouble(500)

    def _page(self, call: Call, rules: list[Rule]) -> Answer:
        """The answer, with the page faults: a page served again, or rows that move between pages."""
        effects = {rule.effect for rule in rules}
        path = call.path
        mark = self.page_mark(call) if self.faults.rules else None
        if mark and "moving-page" in effects:
            self.disturb(call)
        if mark and "duplicate-page" in effects:
            kept = self._last_page.get(path)
            if kept is not None and kept[0] != mark:
                again = kept[1]
                return Answer(
                    again.status, again.body, dict(again.headers), again.content_type, again.records
                )
        answer = self.safely(call)
        if mark is not None and answer.status == 200:
            self._last_page[path] = (mark, answer)
        return answer

    async def _before(self, rule: Rule) -> None:
        if rule.effect == "expire-token":
            self.expire_tokens()
        elif rule.effect == "revoke-token":
            self.revoke_tokens()
        elif rule.effect in ("hang", "slow"):
            seconds = float(rule.spec.get("seconds", 30 if rule.effect == "hang" else 0.25))
            await asyncio.sleep(min(seconds, LONGEST))

    def _faulty(self, rules: list[Rule]) -> Answer | None:
        for rule in rules:
            if rule.effect == "rate-limit":
                wait = rule.spec.get("retry_after")
                return self.trouble(429, None if wait is None else float(wait))
            if rule.effect == "hang":
                return self.trouble(504)
            if rule.effect == "status":
                answer = self.trouble(int(rule.spec.get("status", 500)))
                if "body" in rule.spec:
                    given = rule.spec["body"]
                    answer.body = given.encode() if isinstance(given, str) else orjson.dumps(given)
                answer.content_type = str(rule.spec.get("content_type", answer.content_type))
                return answer
        return None

    async def _send(self, answer: Answer, effects: dict[str, Rule], outlet: Outlet) -> None:
        if "content-type" in effects:
            page = b"<!doctype html><title>Please wait</title><p>Checking your browser"
            answer = Answer(answer.status, page, answer.headers, "text/html; charset=utf-8")
        if "truncate" in effects and len(answer.body) > 2:
            shorter = answer.body[: len(answer.body) * 2 // 3]
            answer = Answer(answer.status, shorter, answer.headers, answer.content_type)
        body = answer.body
        if "reset" in effects:
            outlet.head(answer, max(len(body), 2))
            outlet.piece(body[: len(body) // 2])
            outlet.cut()
        elif "drip" in effects and body:
            outlet.head(answer, len(body))
            seconds = min(float(effects["drip"].spec.get("seconds", 1)), LONGEST)
            step = math.ceil(len(body) / 10)
            for start in range(0, len(body), step):
                outlet.piece(body[start : start + step])
                await asyncio.sleep(seconds / 10)
        else:
            outlet.whole(answer)

    def use_faults(self, profile: str | None, rules: list[dict[str, Any]] | None) -> None:
        """Take a fault profile or rules; `hostile` also fills the names of this shop with trouble."""
        self.faults.use(profile, rules)
        if profile == "hostile":
            self.spoil()

    def spoil(self, most: int = 2000) -> None:
        """Give people names that would hurt a careless program, as someone at the vendor might type them."""
        rows = self.kind(self.people_kind).raw("state = 0", (), f"ORDER BY seq LIMIT {most}")
        count = len(HOSTILE_TEXTS)
        for number, identifier in enumerate(self.identifiers([row[0] for row in rows])):
            part = self.named(HOSTILE_TEXTS[number % count], HOSTILE_TEXTS[(number + 3) % count])
            self.control_put(self.people_kind, identifier, part)

    def show(self, kind: str, limit: int, offset: int) -> tuple[int, list[Any]]:
        """Total and records of a kind as the vendor shows them."""
        rows = self.kind(kind).rows("state = 0", (limit, offset), "ORDER BY seq LIMIT ? OFFSET ?")
        return self.kind(kind).count(), [self.view(kind, row) for row in rows]

    def identifiers(self, seqs: list[int]) -> list[str]:
        """The ids of people by their row numbers."""
        kind = self.kind(self.people_kind)
        return [row.id for seq in seqs for row in kind.rows("seq = ?", (seq,))]

    # helps for vendors -----------------------------------------------------------------------------------

    def kind(self, name: str) -> Kind:
        """The records of a kind; raises `KeyError` for one that the vendor doesn't have."""
        return self.store.kinds[name]

    def add_search_lag(self, conditions: Conditions, by_change: bool) -> None:
        """Leave out what a search can't find yet.

        What asks for changes sees none of the last moment; who is looked up by something else was there before.
        """
        column = "updated" if by_change else "created"
        conditions.add(f"{column} <= ?", self.clock.ms() - int(self.setting.search_lag * 1000))

    def refuses(self, *emails: str | None) -> bool:
        """Whether the profile `bad-records` refuses a write of the record with one of these addresses."""
        active, named = self.faults.refusing()
        if not active:
            return False
        bad = self.setting.bad_emails.get(self.name, set()) | named
        return any(normal_email(email) in bad for email in emails if email)

    def trouble(self, status: int, retry_after: float | None = None) -> Answer:
        """A fault in the vendor's words, with the seconds to wait where they are told."""
        answer = self.failure(status)
        if retry_after is not None:
            answer.headers["Retry-After"] = str(max(1, round(retry_after)))
        return answer

    def count_call(self, window: Window) -> None:
        """Count a call in a window; raises the vendor's 429 where it is one too many."""
        if self.setting.limits and not window.take():
            raise Refused(self.trouble(429))


def joined(key: str, bodies: list[bytes], tail: bytes = b"") -> bytes:
    """`{"key":[...]tail}` out of JSON that is ready."""
    return b'{"' + key.encode() + b'":[' + b",".join(bodies) + b"]" + tail + b"}"

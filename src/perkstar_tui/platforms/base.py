"""What the connectors share: the client made from a manifest, batches that are split, and records made flat."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import wraps
from typing import Any, ClassVar

from perkstar_tui.http.budget import Budgets
from perkstar_tui.http.client import HttpClient, LimitHeaders, PointsTold, Policy, Reply
from perkstar_tui.http.errors import ErrorShape, refusal
from perkstar_tui.model.clock import Clock
from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import MOMENTS, Answer, Change, Page, RemoteField, Told, Traffic, Value

from .auth import Endpoint, Session, endpoint_of, moved
from .connector import CredentialStore, Inbox
from .manifest import DataSpec, FieldSpec, LimitSpec, Manifest

OF_RECORD = frozenset(
    {
        ErrorKind.RECORD_REJECTED,
        ErrorKind.MAPPING,
        ErrorKind.DUPLICATE,
        ErrorKind.CONFLICT,
        ErrorKind.NOT_FOUND,
        ErrorKind.SCHEMA_CHANGED,
    }
)
"""Kinds that speak of a record and not of the connection: they become that record's answer."""

_ASKS = (
    "identify", "fields", "ensure_fields", "get", "find", "create", "update", "archive", "revoke",
    "subscribe", "unsubscribe", "confirm", "templates", "issue_card", "operate", "operations", "tell", "was_told",
    "counted",
)  # fmt: skip
_UNKNOWN_FORM = (KeyError, IndexError, TypeError, ValueError, AttributeError)
"""What reading an answer raises whose members are not where they should be."""

Write = Callable[[Sequence[Change]], Awaitable[Mapping[str, Answer]]]


def policy_of(manifest: Manifest, endpoint: Endpoint) -> Policy:
    """What the HTTP client must know, from the manifest."""
    limits = manifest.limits

    def interval(spec: LimitSpec) -> float:
        return spec.interval_ms if endpoint.limits else 0.0

    body = manifest.error_body
    return Policy(
        title=manifest.title,
        rules=manifest.errors,
        shape=ErrorShape(
            code=body.code,
            words=body.words,
            field_name=body.field_name,
            fields=body.fields,
            field_patterns=body.field_patterns,
            request_id=body.request_id,
            request_id_headers=body.request_id_headers,
            inside=body.inside,
            wait_headers=body.waits,
            parameters=body.parameters,
        ),
        intervals={"": interval(limits), **{name: interval(spec) for name, spec in limits.also.items()}},
        concurrent=limits.concurrent,
        limit_headers=LimitHeaders(limits.header_most, limits.header_remaining, limits.header_interval_ms)
        if limits.header_most and endpoint.limits
        else None,
        points=PointsTold(limits.points_cost, limits.points_left, limits.points_per_s)
        if limits.points_cost and endpoint.limits
        else None,
        timeout_s=manifest.timeout_s,
        headers=manifest.headers,
    )


class RestConnector:
    """A connector over JSON and HTTP. A vendor's hook says how its records are read and written."""

    def __init_subclass__(cls) -> None:
        """Whatever a hook trips over in an answer comes out as a PerkstarError (connector.Connector)."""
        for name in _ASKS:
            if name in cls.__dict__:
                setattr(cls, name, _understood(cls.__dict__[name]))
        if "read" in cls.__dict__:
            cls.read = _understood_pages(cls.__dict__["read"])  # type: ignore[attr-defined]

    whole_answers: ClassVar[bool] = False
    """Whether answers to writes show a record completely, so that a field that is missing is empty there."""

    def __init__(
        self,
        manifest: Manifest,
        credentials: CredentialStore,
        *,
        endpoints: Mapping[str, Any],
        clock: Clock,
        options: Mapping[str, Any],
        budgets: Budgets | None = None,
        budget_name: str = "",
        on_call: Callable[[int], None] | None = None,
        paths: Sequence[str] = (),
        inbox: Inbox | None = None,
        transport: Any = None,
    ) -> None:
        self.manifest = manifest
        self.inbox = inbox
        self.traffic = Traffic()
        self.clock = clock
        self.options = dict(options)
        self.paths = tuple(paths)
        """Further paths of the integration's mapping, for vendors that must be told which fields to give."""
        self.endpoints = endpoints
        self.session = Session(manifest, credentials, clock, endpoints)
        self._budgets = budgets
        self._budget_name = budget_name or manifest.name
        self._on_call = on_call
        self._transport = transport
        self._client: HttpClient | None = None
        self._last_call = ""
        self._moments_made = False

    # -- calls -------------------------------------------------------------------------------------------------
    async def http(self) -> HttpClient:
        if self._client is None:
            endpoint = endpoint_of(self.manifest, self.endpoints, await self.session.credential())
            self._client = HttpClient(
                endpoint.url,
                policy_of(self.manifest, endpoint),
                clock=self.clock,
                auth=self.session,
                traffic=self.traffic,
                budgets=self._budgets,
                budget_name=self._budget_name,
                on_call=self._on_call,
                transport=self._transport,
            )
            self.session.http = self._client
        return self._client

    async def call(self, method: str, path: str, **more: Any) -> Reply:
        client = self._client or await self.http()
        if path.startswith("https://"):
            path = moved(path, self.manifest, self.endpoints)
        else:
            path = self.manifest.path_prefix + path
        reply = await client.call(method, path, **more)
        self._last_call = f"{method} {path} → {reply.status}"
        return reply

    async def call_if_there(self, method: str, path: str, **more: Any) -> Any:
        """The body of an answer, or None when the vendor has no such thing."""
        try:
            return (await self.call(method, path, **more)).data
        except PerkstarError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return None
            raise

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def revoke(self) -> bool:
        await self.http()
        return await self.session.revoke()

    async def granted(self) -> tuple[str, ...]:
        """The permissions that the credential says it has; empty where it doesn't say."""
        scope = (await self.session.credential()).get("scope") or ""
        return tuple(scope.split() if isinstance(scope, str) else map(str, scope))

    def option(self, name: str) -> str:
        return self.manifest.option(name, self.options)

    def switched_on(self, name: str) -> bool:
        return self.option(name).strip().lower() in ("1", "true", "yes", "on")

    # -- the manifest's fields -----------------------------------------------------------------------------------
    def spec(self, data: DataType) -> DataSpec:
        spec = self.manifest.data.get(data)
        if spec is None:
            raise PerkstarError(ErrorKind.USAGE, f"{self.manifest.title} has no {data.value}.")
        return spec

    @property
    def customers(self) -> DataSpec:
        return self.spec(DataType.CUSTOMERS)

    def mapped_paths(self) -> list[str]:
        """Every path that may be mapped: the manifest's, and those that the integration added."""
        return list(dict.fromkeys([*(f.remote for f in self.customers.fields), *self.paths]))

    def wanted_fields(self, data: DataType, paths: Sequence[str]) -> list[FieldSpec]:
        """The manifest's fields among `paths` that are made at the vendor if they are missing."""
        wanted = set(paths)
        return [f for f in self.spec(data).fields if f.create and f.remote in wanted]

    async def fields(self, data: DataType) -> list[RemoteField]:
        """The manifest's own fields; a vendor with more of them overrides this."""
        return [
            RemoteField(f.remote, f.label, f.type, f.write, False, f.required) for f in self.spec(data).fields
        ]

    async def ensure_fields(self, data: DataType, paths: Sequence[str]) -> list[str]:
        return []

    # -- writes --------------------------------------------------------------------------------------------------
    async def send(self, data: DataType, changes: Sequence[Change]) -> list[Answer]:
        if data is not DataType.CUSTOMERS:
            raise PerkstarError(ErrorKind.USAGE, f"{self.manifest.title} takes no {data.value}.")
        spec = self.customers
        answers: dict[str, Answer] = {}
        creates = [change for change in changes if change.remote_id is None]
        updates = [change for change in changes if change.remote_id is not None]
        for group, size, write in (
            (creates, spec.batch_create, self.create),
            (updates, spec.batch_update, self.update),
        ):
            for start in range(0, len(group), max(1, size)):
                await self._written(group[start : start + max(1, size)], write, answers)
        if self.whole_answers:
            self._complete(answers.values())
        return [answers[change.key] for change in changes]

    async def _written(self, changes: Sequence[Change], write: Write, answers: dict[str, Answer]) -> None:
        """Write a batch; one that is refused as a whole is halved until the culprit stands alone."""
        try:
            found = await write(changes)
        except PerkstarError as error:
            if error.kind not in OF_RECORD:
                raise
            if error.kind is ErrorKind.SCHEMA_CHANGED and any(error.field in c.fields for c in changes):
                await self._without(error.field or "", changes, write, answers)
                return
            if len(changes) == 1:
                answers[changes[0].key] = await self.refused(changes[0], error)
                return
            middle = len(changes) // 2
            await self._written(changes[:middle], write, answers)
            await self._written(changes[middle:], write, answers)
            return
        for change in changes:
            answer = found.get(change.key)
            if answer is None:
                raise PerkstarError(
                    ErrorKind.NETWORK, f"{self.manifest.title} left a record out of its answer."
                )
            if answer.error is not None and answer.error.request is None:
                # Refused within an answer that is good as a whole: one row of a batch.
                answer.error.request = f"{self._last_call}, one of {len(changes)} records"
            answers[change.key] = self._same_record(change, answer)

    def _same_record(self, change: Change, answer: Answer) -> Answer:
        """A vendor that has merged the record writes to the winner: that is another record, and is told as such."""
        record = answer.record
        if answer.error is not None or record is None or change.remote_id in (None, record.id):
            return answer
        error = PerkstarError(
            ErrorKind.NOT_FOUND,
            f"{self.manifest.title} has merged this record into another one ({record.id}).",
            remedy="A full sync finds the record it was merged into.",
        )
        return Answer(change.key, None, error)

    async def _without(
        self, path: str, changes: Sequence[Change], write: Write, answers: dict[str, Answer]
    ) -> None:
        """Write the rest of a batch without a field that no longer exists there; it is shown as empty then."""
        rest = [
            Change(c.key, c.remote_id, {p: v for p, v in c.fields.items() if p != path}, c.version)
            for c in changes
        ]
        await self._written(rest, write, answers)
        for change in changes:
            record = answers[change.key].record
            if record is not None and path in change.fields:
                record.fields[path] = None

    def _complete(self, answers: Iterable[Answer]) -> None:
        paths = [f.remote for f in self.customers.fields if f.direction.inward]
        for answer in answers:
            if answer.record is not None and answer.error is None:
                for path in paths:
                    answer.record.fields.setdefault(path, None)

    async def create(self, changes: Sequence[Change]) -> Mapping[str, Answer]:
        raise NotImplementedError

    async def update(self, changes: Sequence[Change]) -> Mapping[str, Answer]:
        raise NotImplementedError

    async def refused(self, change: Change, error: PerkstarError) -> Answer:
        """The answer to a change that was refused by itself; a hook may add the record that it clashes with."""
        return Answer(change.key, None, error)

    # -- moments -------------------------------------------------------------------------------------------------
    async def tell(self, events: Sequence[Told]) -> list[PerkstarError | None]:
        """Moments as days in fields of the customers; telling one twice changes nothing."""
        paths = {f.hub: f.remote for f in self.customers.fields}
        if not self._moments_made:
            every = [paths[kind] for kind in MOMENTS if kind in paths]
            await self.ensure_fields(DataType.CUSTOMERS, every)
            self._moments_made = True
        changes = [Change(e.key, e.remote, {paths[e.kind]: e.day or None}, e.version) for e in events]
        return [answer.error for answer in await self.send(DataType.CUSTOMERS, changes)]

    async def was_told(self, event: Told) -> bool | None:
        return None

    @property
    def archives(self) -> bool:
        """Whether customers can be archived there, in such a way that a person could bring them back."""
        return type(self).archive is not RestConnector.archive

    async def archive(self, data: DataType, ids: Sequence[str]) -> list[Answer]:
        words = f"{self.manifest.title} can only erase customers, and this program never erases."
        return [Answer(id_, None, PerkstarError(ErrorKind.RECORD_REJECTED, words)) for id_ in ids]

    def refusal(self, entry: Any, status: int = 400) -> PerkstarError:
        """The error that one entry of a list of errors means, by the manifest's rules."""
        client = self._client
        shape = client.policy.shape if client is not None else ErrorShape()
        return refusal(self.manifest.title, entry, status, shape=shape, rules=self.manifest.errors)


def _unknown_form(connector: RestConnector, problem: Exception) -> PerkstarError:
    place = traceback.extract_tb(problem.__traceback__)[-1]
    where = f"{type(problem).__name__} at {place.filename.rpartition('/')[2]}:{place.lineno}"
    return PerkstarError(
        ErrorKind.SERVICE_UNAVAILABLE,
        f"{connector.manifest.title} answered in a form that this program does not know ({where}).",
        remedy="If it lasts, the vendor has changed its answers: look for a newer version of this program.",
        vendor_code="unknown-form",
    )


def _understood(ask: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @wraps(ask)
    async def asked(self: RestConnector, *given: Any, **more: Any) -> Any:
        try:
            return await ask(self, *given, **more)
        except _UNKNOWN_FORM as problem:
            raise _unknown_form(self, problem) from problem

    return asked


def _understood_pages(read: Callable[..., AsyncIterator[Page]]) -> Callable[..., AsyncIterator[Page]]:
    @wraps(read)
    async def pages(self: RestConnector, *given: Any, **more: Any) -> AsyncIterator[Page]:
        source = read(self, *given, **more)
        try:
            async for page in source:
                yield page
        except _UNKNOWN_FORM as problem:
            raise _unknown_form(self, problem) from problem
        finally:
            closer = getattr(source, "aclose", None)
            if closer is not None:
                await closer()

    return pages


async def together(calls: Iterable[Awaitable[Any]]) -> list[Any]:
    """Several calls at once, as many as the client lets through; the first fault is raised when all have ended."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return list(answers)


def moment(text: Any) -> datetime | None:
    """An RFC 3339 time as aware UTC, or None."""
    if not isinstance(text, str) or not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def iso(epoch_ms: float) -> str:
    """Epoch milliseconds as RFC 3339 in UTC with milliseconds."""
    return datetime.fromtimestamp(epoch_ms / 1000.0, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def server_ms(reply: Reply) -> int | None:
    """The vendor's own time at an answer, from its Date header: cursors go by the vendor's clock, not by ours."""
    try:
        return epoch_ms(parsedate_to_datetime(reply.headers["date"]))
    except (KeyError, TypeError, ValueError):
        return None


def epoch_ms(when: datetime) -> int:
    return round(when.timestamp() * 1000)


def nested(fields: Mapping[str, Value]) -> dict[str, Any]:
    """Flat paths as the nested objects that the vendor takes: `address.locality` becomes address: {locality}."""
    tree: dict[str, Any] = {}
    for path, value in fields.items():
        *parents, name = path.split(".")
        place = tree
        for parent in parents:
            place = place.setdefault(parent, {})
        place[name] = value
    return tree

"""A platform in memory, for the engine's own tests: contacts with name, email and phone, and a log of writes."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from perkstar_tui.model.enums import DataType, Direction, SourceOfTruth
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Answer, Change, Page, Presence, RemoteRecord, Sale, Traffic
from perkstar_tui.sync.config import RunConfig, compile_lines

MAPPING = [
    {"hub": "first_name", "remote": "first"},
    {"hub": "email", "remote": "email", "transform": "lower"},
    {"hub": "phone", "remote": "phone", "transform": "e164"},
    {"hub": "balance", "remote": "points", "transform": "number", "direction": "to-platform"},
]


def integration(name: str, now: datetime) -> dict[str, Any]:
    """The row of an active integration of this platform, which runs by hand alone."""
    texts = (
        "form",
        "remote_account_name",
        "status_reason",
        "paused_by",
        "disconnect_reason",
        "owner",
        "purpose",
    )
    return {
        "id": "int_1",
        "name": name,
        "platform": "memory",
        "kind": "prebuilt",
        "status": "active",
        "created_at": now,
        "config": {"frequency": "manual"},
        "config_version": 1,
        "scopes": [],
        "failures": 0,
        "previewed": True,
        **dict.fromkeys(texts, ""),
    }


def config(integration_id: str = "int_1", **more: Any) -> RunConfig:
    direction = more.pop("direction", Direction.BOTH)
    truth = more.pop("truth", SourceOfTruth.PERKSTAR)
    values = {
        "integration_id": integration_id,
        "name": "Memory",
        "title": "Memory",
        "platform": "memory",
        "system": False,
        "version": 1,
        "data": (DataType.CUSTOMERS,),
        "direction": direction,
        "match": ("email", "phone"),
        "truth": truth,
        "country": "GB",
        "zone": "UTC",
        "lines": compile_lines(MAPPING, direction, truth, "GB"),
        "batch": 10,
        "search_lag_s": 0.0,
    }
    return RunConfig(**{**values, **more})


class StillClock:
    """Time that moves only when it is told to, a millisecond at each look."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def now(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class MemoryPlatform:
    """Contacts by id. `refuse` names fields values that are rejected; `crash_after` dies after so many writes."""

    manifest = None

    def __init__(self, clock: StillClock) -> None:
        self.clock = clock
        self.contacts: dict[str, dict[str, Any]] = {}
        self.sales: list[Sale] = []
        self.changed: dict[str, int] = {}
        self.archived: set[str] = set()
        self.merged: dict[str, str] = {}
        self.writes: list[Change] = []
        self.refuse: set[str] = set()
        self.crash_after: int | None = None
        self.fail: PerkstarError | None = None
        self.traffic = Traffic()
        self._ids = count(1)
        self._ticks = count(1)

    def add(self, **fields: Any) -> str:
        id_ = f"m{next(self._ids)}"
        self.put(id_, **fields)
        return id_

    def put(self, id_: str, **fields: Any) -> None:
        self.contacts[id_] = {**self.contacts.get(id_, {}), **fields}
        self.changed[id_] = next(self._ticks)

    def record(self, id_: str) -> RemoteRecord:
        return RemoteRecord(id_, dict(self.contacts[id_]), self.clock.at, id_ in self.archived)

    async def read(
        self, data: DataType, cursor: dict[str, Any] | None, *, full: bool = False
    ) -> AsyncIterator[Page]:
        if data is DataType.TRANSACTIONS:
            yield Page([], cursor={"tick": 0}, last=True, sales=self.sales)
            return
        after = 0 if cursor is None or full else cursor["tick"]
        ids = sorted((i for i in self.contacts if self.changed[i] > after), key=self.changed.__getitem__)
        for start in range(0, max(1, len(ids)), 5):
            self.traffic.api_calls += 1
            if self.fail:
                raise self.fail
            part = ids[start : start + 5]
            tick = self.changed[part[-1]] if part else after
            yield Page([self.record(i) for i in part], cursor={"tick": tick}, last=start + 5 >= len(ids))

    async def get(
        self, data: DataType, ids: Sequence[str]
    ) -> dict[str, tuple[Presence, RemoteRecord | None]]:
        found: dict[str, tuple[Presence, RemoteRecord | None]] = {}
        for id_ in ids:
            if id_ in self.merged:
                found[id_] = (Presence.MERGED, self.record(self.merged[id_]))
            elif id_ in self.contacts:
                found[id_] = (Presence.THERE, self.record(id_))
            else:
                found[id_] = (Presence.GONE, None)
        return found

    async def find(self, data: DataType, key: str, value: str) -> list[RemoteRecord]:
        return [self.record(i) for i, fields in self.contacts.items() if fields.get(key) == value]

    async def send(self, data: DataType, changes: Sequence[Change]) -> list[Answer]:
        self.traffic.api_calls += 1
        answers = []
        for change in changes:
            bad = next((name for name, value in change.fields.items() if value in self.refuse), None)
            if bad:
                error = PerkstarError(
                    ErrorKind.RECORD_REJECTED, f"{bad} is not valid", field=bad, vendor_words="nope"
                )
                answers.append(Answer(change.key, None, error))
                continue
            if change.remote_id is not None and change.remote_id not in self.contacts:
                error = PerkstarError(ErrorKind.NOT_FOUND, "Memory has no such record.")
                answers.append(Answer(change.key, None, error))
                continue
            self.writes.append(change)
            id_ = change.remote_id or f"m{next(self._ids)}"
            self.put(id_, **change.fields)
            answers.append(Answer(change.key, self.record(id_), None, change.remote_id is None))
            if self.crash_after is not None and len(self.writes) >= self.crash_after:
                raise KeyboardInterrupt
        return answers

    async def close(self) -> None:
        return

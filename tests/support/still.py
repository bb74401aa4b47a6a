"""A clock that moves only when it is slept on, and a credential that lies in memory."""

from datetime import UTC, datetime, timedelta
from typing import Any


class StillClock:
    """Time stands still but for sleeps, which pass at once and are remembered."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 24, 12, tzinfo=UTC)
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)


class HeldCredential:
    """A credential store in memory. `elsewhere` is what another process has stored before we could renew."""

    def __init__(self, **secret: Any) -> None:
        self.secret = secret
        self.elsewhere: dict[str, Any] | None = None
        self.kept: list[dict[str, Any]] = []
        self.abandoned = 0

    async def load(self) -> dict[str, Any]:
        return dict(self.secret)

    async def renew(self, stale: dict[str, Any]) -> "_Renewal":
        if self.elsewhere is not None:
            self.secret = self.elsewhere
        return _Renewal(self, self.elsewhere)


class _Renewal:
    def __init__(self, owner: HeldCredential, current: dict[str, Any] | None) -> None:
        self.owner = owner
        self.current = current

    async def keep(self, fresh: dict[str, Any]) -> None:
        self.owner.secret = fresh
        self.owner.kept.append(fresh)

    async def abandon(self) -> None:
        self.owner.abandoned += 1

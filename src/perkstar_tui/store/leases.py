"""Leases: who may work on something now. The only correctness lock, the same on both databases.

A lease names host, boot, process id and the process's start time, so that an owner that died on this host is
taken over at once, and one elsewhere when its time is over.
"""

import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update

from perkstar_tui.model.ids import new_id

from . import tables as t
from .database import LeaseLostError, Store

__all__ = ["LEASE_S", "Held", "LeaseLostError", "owner_alive", "release", "renew", "take"]

LEASE_S = 30.0

FARTHEST = timedelta(hours=1)
"""A lease that ends later than this was taken while the clock was wrong: it holds nobody up."""


@dataclass(frozen=True, slots=True)
class Held:
    """A lease that is ours: its name, our owner id, and the fencing number that page transactions check."""

    name: str
    owner: str
    number: int

    @property
    def fence(self) -> tuple[str, int]:
        return (self.name, self.number)


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"


def _process_start(pid: int) -> str:
    """The start time of a process in clock ticks since boot, or empty when there is none (or no /proc)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]


def _dead(row: Any) -> bool:
    """Whether the owner surely no longer runs: same host and boot, and its process is gone or another one."""
    if row.host != socket.gethostname() or row.boot != _boot():
        return row.host == socket.gethostname() and row.boot != _boot() and _boot() != "unknown"
    try:
        os.kill(row.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return bool(row.started) and _process_start(row.pid) != row.started


def _lasts(until: datetime, now: datetime) -> bool:
    return now < until <= now + FARTHEST


def take(store: Store, name: str, now: datetime, *, seconds: float = LEASE_S) -> Held | None:
    """Take the lease if it is free, expired or its owner is dead; None when another owner works."""
    lease = t.Lease
    owner = new_id("own")
    ours = {
        "owner": owner,
        "host": socket.gethostname(),
        "boot": _boot(),
        "pid": os.getpid(),
        "started": _process_start(os.getpid()),
        "expires_at": now + timedelta(seconds=seconds),
    }
    with store.write() as connection:
        row = connection.execute(select(lease).where(lease.c.name == name)).first()
        if row is None:
            try:
                with connection.begin_nested():
                    connection.execute(insert(lease).values(name=name, fence=1, **ours))
            except Exception as error:
                # Two first takers on PostgreSQL: the second meets the primary key.
                if "unique" in str(error).lower() or "duplicate" in str(error).lower():
                    return None
                raise
            return Held(name, owner, 1)
        if row.owner and _lasts(row.expires_at, now) and not _dead(row):
            return None
        changed = connection.execute(
            update(lease)
            .where(lease.c.name == name, lease.c.fence == row.fence)
            .values(fence=row.fence + 1, **ours)
        )
        return Held(name, owner, row.fence + 1) if changed.rowcount else None


def renew(store: Store, held: Held, now: datetime, *, seconds: float = LEASE_S) -> None:
    """Push the end of our lease forward. Raises LeaseLostError when it is no longer ours."""
    lease = t.Lease
    with store.write() as connection:
        changed = connection.execute(
            update(lease)
            .where(lease.c.name == held.name, lease.c.fence == held.number, lease.c.owner == held.owner)
            .values(expires_at=now + timedelta(seconds=seconds))
        )
        if not changed.rowcount:
            raise LeaseLostError(held.name)


def release(store: Store, held: Held) -> None:
    """Let go. The row stays, so that the fencing number keeps growing."""
    lease = t.Lease
    with store.write() as connection:
        connection.execute(
            update(lease)
            .where(lease.c.name == held.name, lease.c.fence == held.number)
            .values(owner="", expires_at=datetime.fromtimestamp(0, UTC))
        )


def owner_alive(store: Store, name: str, now: datetime) -> bool:
    """Whether someone holds the lease now and its process runs as far as one can tell."""
    lease = t.Lease
    with store.read() as connection:
        row = connection.execute(select(lease).where(lease.c.name == name)).first()
    return row is not None and bool(row.owner) and _lasts(row.expires_at, now) and not _dead(row)

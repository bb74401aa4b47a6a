"""The store's upkeep as acts: check it, mend it, remove old history, and say how long history is kept."""

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import update

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.store import leases, upkeep

from . import views as v
from .bench import INTEGRATION, Bench

SETTING = "keep_days"
LOOK_S = 600.0
EVERY = timedelta(days=1)
LONGEST = 36_500
LEASE = "upkeep"


def check(bench: Bench) -> v.DoctorView:
    """What must always hold of the store, each with whether it does and what to do where it does not."""
    account = bench.account_row()
    found = upkeep.check(bench.store, local=account is None or bool(account.local))
    found += _secrets(bench)
    checks = tuple(v.Check(one.name, one.ok, one.message, one.remedy) for one in found)
    return v.DoctorView(all(one.ok for one in checks), checks)


def _secrets(bench: Bench) -> list[upkeep.Found]:
    """Whether every active integration's credential can be opened with this machine's key."""
    from .credentials import StoredCredential

    closed = []
    with bench.store.read() as connection:
        rows = connection.execute(
            INTEGRATION.select().where(INTEGRATION.c.status.in_(["active", "error", "paused"]))
        ).all()
    for row in rows:
        try:
            StoredCredential(bench.store, bench.vault, row.id, bench.clock).read()
        except PerkstarError:
            closed.append(row.name)
    if not closed:
        return [upkeep.Found("credentials", True, "Every credential can be opened.")]
    remedy = "Give the vault's key of the machine that they were entered on, or reconnect them."
    return [
        upkeep.Found("credentials", False, f"The credential of {', '.join(closed)} can't be opened.", remedy)
    ]


def repair(bench: Bench) -> tuple[str, ...]:
    """Mend what needs no decision; in words what was done."""
    done = upkeep.repair(bench.store)
    # A run whose process is gone is over, whether or not another one has begun.
    now = bench.clock.now()
    with bench.store.read() as connection:
        rows = connection.execute(INTEGRATION.select().where(INTEGRATION.c.running.is_not(None))).all()
    for row in rows:
        if not leases.owner_alive(bench.store, f"run:{row.id}", now):
            with bench.store.write() as connection:
                connection.execute(
                    update(INTEGRATION)
                    .where(INTEGRATION.c.id == row.id, INTEGRATION.c.running == row.running)
                    .values(running=None, progress_done=None, progress_total=None)
                )
            done.append(f"{row.name} no longer says that it runs.")
    with bench.store.write() as connection:
        bench.audit(connection, "repair", None, None, done)
    return tuple(done)


def kept_days(bench: Bench) -> dict[str, int]:
    """For how many days each kind of history is kept."""
    return {**upkeep.DAYS, **(bench.store.get_setting(SETTING) or {})}


def set_days(bench: Bench, given: Mapping[str, str]) -> dict[str, int]:
    """Say for how many days kinds of history are kept; empty means the usual. Raises USAGE, with nothing changed."""
    old = bench.store.get_setting(SETTING) or {}
    new = dict(old)
    for name, words in given.items():
        if name not in upkeep.DAYS:
            raise PerkstarError(
                ErrorKind.USAGE,
                f"There is no history called {name!r}.",
                remedy=f"Use one of: {', '.join(upkeep.DAYS)}.",
                field=name,
            )
        if not words.strip():
            new.pop(name, None)
            continue
        if not words.strip().isdigit() or not 1 <= int(words) <= LONGEST:
            raise PerkstarError(
                ErrorKind.USAGE,
                f"{words!r} is no number of days for {name}.",
                remedy=f"Give whole days from 1 to {LONGEST}; without a number it is {upkeep.DAYS[name]}.",
                field=name,
            )
        new[name] = int(words)
    bench.store.set_setting(SETTING, new)
    with bench.store.write() as connection:
        bench.audit(connection, "keep_days", None, old, new)
    return kept_days(bench)


def prune(bench: Bench) -> dict[str, int]:
    """Remove what is older than it is kept; answers how many rows of each kind went."""
    return upkeep.prune(bench.store, bench.clock.now(), kept_days(bench))


async def beside(bench: Bench, ending: asyncio.Event) -> None:
    """What the runner keeps doing: old history is removed once a day, by one process."""
    while not ending.is_set():
        # What goes wrong here must not end the runner: the next look tries again.
        with contextlib.suppress(Exception):
            await asyncio.to_thread(_once_a_day, bench)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ending.wait(), LOOK_S)


def _once_a_day(bench: Bench) -> None:
    now = bench.clock.now()
    last = bench.store.get_setting("pruned_at") or {}
    if str(last.get("at", "")) > (now - EVERY).isoformat():
        return
    held = leases.take(bench.store, LEASE, now)
    if held is None:
        return
    try:
        prune(bench)
        bench.store.set_setting("pruned_at", {"at": now.isoformat()})
    finally:
        leases.release(bench.store, held)

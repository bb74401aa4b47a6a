"""Batches on their way: while the vendor works on one, what came of the one before is kept and the next is prepared.

Otherwise a vendor that takes twenty calls a second waits for our disk after each of them. No two batches are ever at
the vendor at once, so that a connector need not bear it.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Answer, Change

from .context import Leg, RunStopped


class Sendable(Protocol):
    """A batch: what is to be sent of it, perhaps nothing."""

    @property
    def changes(self) -> list[Change]: ...


B = TypeVar("B", bound=Sendable)


async def send_in_turn(
    leg: Leg,
    batches: Iterable[B],
    *,
    intend: Callable[[B], None],
    keep: Callable[[B, Sequence[Answer]], None],
    forget: Callable[[B], None],
) -> None:
    """Send batches one after the other.

    `intend` writes what is about to be tried, `keep` what came of it, and `forget` takes back an intent whose batch
    was never sent; all three write to the store in a thread. When the run is to stop, what is on its way is waited for
    and kept; whatever goes wrong, nothing more is sent.
    """
    intended: B | None = None
    on_the_way: tuple[B, asyncio.Task[Sequence[Answer]]] | None = None
    try:
        for batch in batches:
            intended = batch
            await asyncio.to_thread(intend, batch)
            before = (on_the_way[0], await on_the_way[1]) if on_the_way is not None else None
            intended = None
            on_the_way = (batch, asyncio.create_task(_send(leg, batch)))
            if before is not None:
                await asyncio.to_thread(keep, *before)
            await leg.pause_point()
        if on_the_way is not None:
            last, on_the_way = on_the_way, None
            await asyncio.to_thread(keep, last[0], await last[1])
    except RunStopped:
        if on_the_way is not None:
            last, on_the_way = on_the_way, None
            await asyncio.to_thread(keep, last[0], await last[1])
        raise
    finally:
        if on_the_way is not None:
            # What it does at the vendor is found again by its intents, as after a crash.
            on_the_way[1].cancel()
            await asyncio.gather(on_the_way[1], return_exceptions=True)
        if intended is not None:
            with contextlib.suppress(Exception):
                await asyncio.to_thread(forget, intended)


async def _send(leg: Leg, batch: Sendable) -> Sequence[Answer]:
    changes = batch.changes
    if not changes:
        return ()
    answers = await leg.connector.send(DataType.CUSTOMERS, changes)
    if [answer.key for answer in answers] != [change.key for change in changes]:
        # Nothing is noted as written: what became of each is found out by the next run.
        raise PerkstarError(
            ErrorKind.NETWORK,
            f"{leg.config.title} answered {len(answers)} of {len(changes)} records, or others than were sent.",
        )
    return answers

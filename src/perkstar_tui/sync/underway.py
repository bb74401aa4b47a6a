"""Batches on their way: while the vendor works on one, what came of the one before is kept and the next is prepared.

Otherwise a vendor that takes twenty calls a second waits for our disk after each of them. No two batches are ever at
the vendor at once, so that a connector need not bear it.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.remote import Answer, Change

from .context import Leg, RunStopped


class Sendable(Protocol):
    """What a batch is made of."""

    @property
    def change(self) -> Change: ...


J = TypeVar("J", bound=Sendable)


async def send_in_turn(
    leg: Leg,
    batches: Iterable[Sequence[J]],
    *,
    intend: Callable[[Sequence[J]], None],
    keep: Callable[[Sequence[J], Sequence[Answer]], None],
    forget: Callable[[Sequence[J]], None],
) -> None:
    """Send batches one after the other.

    `intend` writes what is about to be tried, `keep` what came of it, and `forget` takes back an intent whose batch
    was never sent; all three write to the store in a thread. When the run is to stop, what is on its way is waited for
    and kept; whatever goes wrong, nothing more is sent.
    """
    under_way: Sequence[J] = ()
    intended: Sequence[J] = ()
    sending: asyncio.Task[list[Answer]] | None = None
    try:
        for batch in batches:
            intended = batch
            await asyncio.to_thread(intend, batch)
            done = await sending if sending is not None else None
            before, under_way, intended = under_way, batch, ()
            sending = asyncio.create_task(_send(leg, batch))
            if done is not None:
                await asyncio.to_thread(keep, before, done)
            await leg.pause_point()
        if sending is not None:
            answers, sending = await sending, None
            await asyncio.to_thread(keep, under_way, answers)
    except RunStopped:
        if sending is not None:
            answers, sending = await sending, None
            await asyncio.to_thread(keep, under_way, answers)
        raise
    finally:
        if sending is not None and not sending.done():
            # What it does at the vendor is found again by its intents, as after a crash.
            sending.cancel()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await sending
        if intended:
            with contextlib.suppress(Exception):
                await asyncio.to_thread(forget, intended)


async def _send(leg: Leg, batch: Sequence[Sendable]) -> list[Answer]:
    return list(await leg.connector.send(DataType.CUSTOMERS, [job.change for job in batch]))

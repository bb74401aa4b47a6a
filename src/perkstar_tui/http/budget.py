"""Pacing: requests evenly spaced within an account's budget at a vendor, shared by whoever shares the budget."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from perkstar_tui.model.clock import Clock

SLICE_MS = 1000.0
"""At most one second's worth of slots is taken at a time (sync design: Limits)."""

LATE_MS = 100.0
"""How much later than its slot a call may reach the vendor: of several processes one may be late and the next not."""

TRIES = 20
"""Slots that a call lets go by because its process woke up too late for them; then it goes whatever the time is."""


FEW = 4
"""Calls in a window of which a single one is a good part."""


def spacing(window_ms: float, most: float) -> float:
    """Milliseconds between calls, so that no window of the vendor's ever has more than `most`, late ones included.

    Where a window takes but a few, one call that was long on its way, or that the vendor took up late, is a good part
    of them: these are given more room.
    """
    return (window_ms + LATE_MS * (1.0 + 1.5 * min(1.0, FEW / most))) / most


class Budgets(Protocol):
    def reserve(self, name: str, interval_ms: float, count: int, now_ms: Callable[[], int]) -> int:
        """The epoch ms at which the first of `count` slots, `interval_ms` apart, is free; they are ours then.

        The clock is read once the budget is held, since waiting for it may take longer than a slot is good for.
        """

    def push(self, name: str, until_ms: int) -> None:
        """No slot before `until_ms` is free any more: the vendor asked for a pause."""


class LocalBudgets:
    """Budgets of this process alone."""

    def __init__(self) -> None:
        self._free: dict[str, float] = {}

    def reserve(self, name: str, interval_ms: float, count: int, now_ms: Callable[[], int]) -> int:
        start = max(self._free.get(name, 0.0), float(now_ms()))
        self._free[name] = start + interval_ms * count
        return round(start)

    def push(self, name: str, until_ms: int) -> None:
        self._free[name] = max(self._free.get(name, 0.0), float(until_ms))


class AnyOf:
    """The budgets of several accounts at once: for a first call, of which nobody knows yet whose account it is."""

    def __init__(self, budgets: Budgets, own: str, others: Sequence[str]) -> None:
        self._budgets = budgets
        self._own = own
        self._others = others

    def _names(self, name: str) -> list[str]:
        part = name.removeprefix(self._own)
        return [name, *(other + part for other in self._others)]

    def reserve(self, name: str, interval_ms: float, count: int, now_ms: Callable[[], int]) -> int:
        starts = {one: self._budgets.reserve(one, interval_ms, count, now_ms) for one in self._names(name)}
        last = max(starts.values())
        for one, start in starts.items():
            if start < last:
                # What was free there is too early for the others; nobody may have the time that is taken instead.
                self._budgets.push(one, last + round(interval_ms * count))
        return last

    def push(self, name: str, until_ms: int) -> None:
        self._budgets.push(name, until_ms)


class Turn(NamedTuple):
    """A call's place: the milliseconds that it waited for it, and the epoch ms at which it may go."""

    waited_ms: int
    slot_ms: float


class Pace:
    """Hands out the slots of one budget, in slices that grow while it is busy and are single when it is idle."""

    def __init__(self, budgets: Budgets, name: str, interval_ms: float, clock: Clock) -> None:
        self.budgets = budgets
        self.name = name
        self.interval_ms = interval_ms
        self.clock = clock
        self._slot = 0.0
        self._left = 0
        self._size = 1

    def _now_ms(self) -> float:
        return self.clock.now().timestamp() * 1000.0

    def take(self) -> float:
        """The epoch ms of the next slot. Slots that went by unused are lost: no burst makes up for them."""
        now = self._now_ms()
        while self._left and self._slot < now - LATE_MS / 2:
            self._slot += self.interval_ms
            self._left -= 1
        if not self._left:
            idle = now - self._slot > SLICE_MS
            most = max(1, int(SLICE_MS / self.interval_ms))
            self._size = 1 if idle else min(self._size * 2, most)
            self._slot = self.budgets.reserve(
                self.name, self.interval_ms, self._size, lambda: int(self._now_ms())
            )
            self._left = self._size
        slot = self._slot
        self._slot += self.interval_ms
        self._left -= 1
        return slot

    async def turn(self) -> Turn:
        """Wait for the next slot."""
        if self.interval_ms <= 0:
            return Turn(0, float("inf"))
        waited = 0.0
        slot = 0.0
        for _ in range(TRIES):
            slot = self.take()
            wait = slot - self._now_ms()
            if wait >= 1:
                waited += wait
                await self.clock.sleep(wait / 1000.0)
            # A machine that was busy wakes up late: the slot is gone then, and another one is asked for.
            if not self.missed(slot):
                break
        return Turn(int(waited), slot)

    def missed(self, slot_ms: float) -> bool:
        """Whether a call that goes now would come too late for its slot."""
        return self._now_ms() - slot_ms > LATE_MS / 2

    def hold(self, seconds: float) -> None:
        """Keep everyone on this budget waiting: the vendor asked for a pause."""
        if self.interval_ms <= 0:
            return
        self._left = 0
        self.budgets.push(self.name, int(self._now_ms() + seconds * 1000.0))

    def learn(self, interval_ms: float) -> None:
        """Take over the rate that the vendor's headers tell; slots already held keep their times."""
        if self.interval_ms > 0 and interval_ms > 0:
            self.interval_ms = interval_ms

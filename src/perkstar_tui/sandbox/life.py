"""The shop goes on: people sign up, change, buy and return things, and now and then a vendor is in trouble."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from typing import Any

from .names import FIRST, invent
from .square import Square
from .square.till import money
from .state import Row
from .vendor import Vendor

TROUBLES: tuple[tuple[str, float], ...] = (
    ("rate-limited", 8.0),
    ("flaky", 10.0),
    ("outage", 5.0),
    ("slow", 8.0),
)


class Life:
    """A background task; off until it is switched on."""

    def __init__(self, vendors: dict[str, Vendor], seed: int) -> None:
        self._vendors = vendors
        self._chance = random.Random(f"{seed}:life")
        self._task: asyncio.Task[None] | None = None
        self._calm_again: dict[str, asyncio.TimerHandle] = {}
        self.pace = 3.0
        self.trouble = True
        self.happened: list[str] = []

    @property
    def on(self) -> bool:
        """Whether the shop lives."""
        return self._task is not None and not self._task.done()

    def switch(self, on: bool, pace: float, trouble: bool = True) -> None:
        """Begin, go on at another pace, or stop."""
        self.pace = max(0.02, pace)
        self.trouble = trouble
        if on and not self.on:
            self._task = asyncio.get_running_loop().create_task(self._live())
        if not on:
            self.stop()

    def stop(self) -> None:
        """Stop, and let every vendor be well again."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        for name, handle in self._calm_again.items():
            handle.cancel()
            self._vendors[name].use_faults("calm", None)
        self._calm_again.clear()

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(self.pace * self._chance.uniform(0.6, 1.4))
            self.step()

    def step(self) -> str:
        """One thing that happens; answers what, in words."""
        deeds: list[tuple[int, Callable[[], str]]] = [
            (3, self._sign_up), (4, self._edit), (6, self._buy), (1, self._refund), (1, self._trouble_comes),
        ]  # fmt: skip
        weights = [weight for weight, _ in deeds]
        for _ in range(5):
            deed = self._chance.choices([act for _, act in deeds], weights)[0]
            # Somebody else may have taken away what a deed was about; then something else happens.
            with contextlib.suppress(KeyError, ValueError, IndexError):
                words = deed()
                if words:
                    self.happened.append(words)
                    del self.happened[:-200]
                    return words
        return ""

    def _somebody(self, vendor: Vendor) -> Row | None:
        kind = vendor.kind(vendor.people_kind)
        total = kind.count()
        if not total:
            return None
        offset = self._chance.randrange(total)
        rows = kind.rows("state = 0", (offset,), "ORDER BY seq LIMIT 1 OFFSET ?")
        return rows[0] if rows else None

    def _sign_up(self) -> str:
        name = self._chance.choice(list(self._vendors))
        vendor = self._vendors[name]
        identifier = vendor.control_generate(vendor.people_kind, 1)[0]
        return f"{name}: somebody new, {identifier}"

    def _edit(self) -> str:
        name = self._chance.choice(list(self._vendors))
        vendor = self._vendors[name]
        row = self._somebody(vendor)
        if row is None:
            return ""
        first = self._chance.choice(FIRST)
        last = invent(self._chance).last
        vendor.control_put(vendor.people_kind, row.id, vendor.named(first, last))
        return f"{name}: {row.id} has another name now"

    def _till(self) -> Square:
        vendor = self._vendors["square"]
        assert isinstance(vendor, Square)
        return vendor

    def _buy(self) -> str:
        identifier = self._till().control_generate("orders", 1)[0]
        return f"square: a sale, {identifier}"

    def _refund(self) -> str:
        till = self._till()
        rows = till.kind("payments").rows("state = 0", (), "ORDER BY seq DESC LIMIT 20")
        open_rows = [row for row in rows if not row.body.get("refunded_money")]
        payment = self._chance.choice(open_rows).body
        total = payment["total_money"]["amount"]
        amount = total if self._chance.random() < 0.5 else max(1, total // 2)
        row = till.refunds.give_back(
            {"payment_id": payment["id"], "amount_money": money(amount), "reason": "Returned"}
        )
        return f"square: a refund, {row.id}"

    def _trouble_comes(self) -> str:
        if not self.trouble or self._calm_again:
            return ""
        name = self._chance.choice(
            [name for name, found in self._vendors.items() if name != "perkstar" and found.holds_people]
        )
        profile, seconds = self._chance.choice(TROUBLES)
        self._vendors[name].use_faults(profile, None)
        loop = asyncio.get_running_loop()
        self._calm_again[name] = loop.call_later(seconds, self._calm, name)
        return f"{name}: {profile} for {seconds:.0f} s"

    def _calm(self, name: str) -> None:
        self._calm_again.pop(name, None)
        self._vendors[name].use_faults("calm", None)

    def told(self) -> dict[str, Any]:
        """What `GET /life` says."""
        return {"on": self.on, "pace_s": self.pace, "happened": self.happened[-50:]}

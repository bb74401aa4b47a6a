"""A vendor that joined after the first three gets the same people, by a row of chances of its own.

So the people, ids and sales of the first three stay as they were, whoever else plays.
"""

import random
from typing import TYPE_CHECKING

from .clock import iso_ms
from .names import DOMAINS, FIRST, LAST, birthday, mobile, plain
from .ordinary import Ordinary
from .seed import Basket, Item, Sale, Soul
from .square.till import MENU

if TYPE_CHECKING:
    from .world import World

DAY = 86_400_000


class Joining:
    """One such vendor while the seed is made."""

    def __init__(self, world: "World", vendor: Ordinary) -> None:
        self.world = world
        self.vendor = vendor
        self.chance = random.Random(f"{world.setting.seed}:world:{vendor.name}")
        self.place = sum(vendor.name.encode()) % 60
        self.count = 0
        self.buyers: list[tuple[Soul, str]] = []

    def join(self, soul: Soul, ids: dict[str, list[str]], created: int, updated: int) -> None:
        """Let the vendor have a person whom at least two of the first vendors have."""
        if len(soul.places) < 2 or not self.fits(soul):
            return
        there = self.world.variant(soul, self.vendor.name, self.chance.getrandbits(30))
        for name in self.vendor.needs:
            setattr(there, name, getattr(there, name) or getattr(soul, name))
        identifier = self.settle(there, created, updated)
        ids[self.vendor.name] = [identifier]
        if soul.in_cloud and soul.card and soul.trait in ("shared", "wide", "landline", "upper"):
            self.buyers.append((soul, identifier))

    def fits(self, soul: Soul) -> bool:
        """Whether the person has all that the vendor wants of everybody, and what both sides can be known by."""
        known = soul.trait != "gap_email" or "phone" in self.vendor.person_fields
        return known and all(getattr(soul, name) for name in self.vendor.needs)

    def settle(self, soul: Soul, created: int, updated: int) -> str:
        """Put a person into the vendor's store; answers the id."""
        kind = self.vendor.people_kind
        seq = self.world.seq(self.vendor.name, kind)
        cell = self.vendor.settle(soul, seq, created, updated, self.chance)
        self.world.put(self.vendor.name, kind, cell)
        self.count += 1
        return cell[1]

    def expect(self, soul: Soul, expected: dict[str, str]) -> None:
        """Add what a right sync makes of a person at this vendor."""
        if len(soul.places) == 1:
            return
        if not self.fits(soul):
            expected[self.vendor.name] = "only"
        elif soul.places or self.vendor.takes:
            expected[self.vendor.name] = "linked"

    def fill_up(self) -> None:
        """People whom only this vendor knows, so that it has as many as the others."""
        world, chance, name = self.world, self.chance, self.vendor.name
        for number in range(max(0, world.customers - self.count)):
            first, last = chance.choice(FIRST), chance.choice(LAST)
            email = f"{plain(first)}.{plain(last)}.{name}{number}@{chance.choice(DOMAINS)}"
            phone = mobile(world.first_number + 9_000_000 + self.place * 500_000 + number)
            soul = Soul(f"{name}{number:05d}", first, last, email, phone, birthday(chance), "vendor")
            at = world.start - chance.randrange(20, 900) * DAY
            identifier = self.settle(soul, at, at + chance.randrange(10 * DAY))
            world.tell(soul.key, {name: [identifier]}, {name: "linked"}, None)

    def sell(self) -> None:
        """Sales over the last ten weeks, at a vendor that sells."""
        if not self.vendor.sells or not self.buyers:
            return
        world, chance = self.world, self.chance
        count = max(20, round(world.customers * 0.1))
        for number in range(count):
            placed = world.start - 70 * DAY + 69 * DAY * number // count + chance.randrange(DAY // 4)
            if self.vendor.whole_days:
                placed -= placed % DAY
            items = [
                Item(chance.choice(MENU)[0], chance.choice((1, 1, 2)), chance.randrange(180, 1450))
                for _ in range(chance.randrange(1, 4))
            ]
            if number % 9 == 4:
                items[0].discount = items[0].unit // 4
            soul, customer = (None, None) if number % 10 == 3 else chance.choice(self.buyers)
            basket = Basket(
                placed, items, chance.choice((0, 0, 0, 100)) * self.vendor.tips, soul, customer, number % 25 != 21,
                number % 11 == 6, [], number % 2,
            )  # fmt: skip
            if self.vendor.returns and number % 12 == 8 and soul is not None and basket.done:
                part = (basket.total, basket.total // 2)[number // 12 % 2]
                basket.refunds.append((placed + chance.randrange(DAY // 2), part))
            self.book(basket, number + 1)

    def book(self, basket: Basket, seq: int) -> None:
        """Let the vendor write a sale down, and remember what a right sync makes of it."""
        sale, refunds = self.vendor.sell(basket, seq, self.chance)
        expected = (
            "no_customer" if basket.customer is None
            else "not_completed" if not basket.done
            else "before_start" if basket.placed < self.world.credit_from
            else "credited"
        )  # fmt: skip
        told = [
            {"id": identifier, "at": iso_ms(at), "amount_minor": amount}
            for identifier, (at, amount) in zip(refunds, basket.refunds, strict=True)
        ]
        person = basket.person.key if basket.person else None
        self.world.sales.append(Sale(
            sale, person, basket.customer, str(basket.location), basket.placed, basket.total + basket.tip,
            basket.tax, basket.tip, expected, told, self.vendor.name,
        ))  # fmt: skip

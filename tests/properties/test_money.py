"""A model of a till: sales, refunds in parts, replays and crashes in any order; every card has what it earned, once."""

import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from fuse import Fuse, FusedPlatform, FusedShop
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from memory_platform import StillClock, config
from sqlalchemy import insert, select

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.ids import new_id
from perkstar_tui.model.remote import Page, Refund, Sale
from perkstar_tui.sync.context import CARD, CUSTOMER, LINK, TRANSACTION

PEOPLE = 3


@dataclass
class Bill:
    """A sale as the model knows it: what was paid, and what was given back so far."""

    id: str
    person: int
    paid: int
    refunds: list[int] = field(default_factory=list)

    @property
    def points(self) -> int:
        """A point for each whole pound, less the refunded share, rounded half up, never more than was earned."""
        earned = self.paid // 100
        share = Decimal(earned) * sum(self.refunds) / self.paid
        return earned - int(share.quantize(Decimal(1), rounding=ROUND_HALF_UP))


class Till(FusedPlatform):
    """Tells its sales and refunds by the order of their last change, three a page, and the last two again."""

    def __init__(self, clock: StillClock, fuse: Fuse) -> None:
        super().__init__(clock, fuse)
        self.events: dict[str, Sale | Refund] = {}
        self.order: list[str] = []

    def tell(self, event: Sale | Refund) -> None:
        self.events[event.id] = event
        self.order.append(event.id)

    async def read(
        self, data: DataType, cursor: dict[str, Any] | None, *, full: bool = False
    ) -> AsyncIterator[Page]:
        if data is DataType.CUSTOMERS:
            async for page in super().read(data, cursor, full=full):
                yield page
            return
        start = 0 if cursor is None or full else max(0, cursor["at"] - 2)
        while True:
            self.fuse.step(call=True)
            ids = self.order[start : start + 3]
            start += len(ids)
            told = [self.events[id_] for id_ in dict.fromkeys(ids)]
            yield Page(
                sales=[one for one in told if isinstance(one, Sale)],
                refunds=[one for one in told if isinstance(one, Refund)],
                cursor={"at": start},
                last=start >= len(self.order),
            )
            if start >= len(self.order):
                return


class Counter(FusedShop):
    """A shop with a till."""

    def played(self) -> Till:
        return Till(self.clock, self.fuse)


class Money(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="money-")
        self.shop = Counter(Path(self.folder.name))
        self.shop.config = config(data=(DataType.CUSTOMERS, DataType.TRANSACTIONS), template_id="tpl_1")
        self.store, self.clock, self.till = self.shop.store, self.shop.clock, self.shop.platform
        self.bills: list[Bill] = []
        self.cards: dict[int, str] = {}
        self.refunds = 0

    @initialize(with_card=st.sets(st.integers(0, PEOPLE - 1)))
    def begin(self, with_card: set[int]) -> None:
        self.buyers = [self.till.add(first=f"P{n}", email=f"p{n}@x.uk") for n in range(PEOPLE)]
        self.shop.run()
        for person in with_card:
            self.a_card_is_issued(person)

    # -- what happens in the shop ---------------------------------------------------------------------------
    def a_card_is_issued(self, person: int) -> None:
        if person in self.cards:
            return
        now = self.clock.now()
        with self.store.write() as connection:
            found = select(CUSTOMER.c.id).where(CUSTOMER.c.email_key == f"p{person}@x.uk")
            customer = connection.execute(found).scalar_one()
            self.cards[person] = new_id("crd")
            connection.execute(
                insert(CARD).values(
                    id=self.cards[person], customer_id=customer, template_id="tpl_1", kind="points",
                    balance=0, status="", revision=self.store.next_revisions(connection, 1),
                    created_at=now, updated_at=now,
                )
            )  # fmt: skip

    @rule(person=st.integers(0, PEOPLE - 1))
    def someone_gets_a_card(self, person: int) -> None:
        self.a_card_is_issued(person)

    @rule(person=st.integers(0, PEOPLE - 1), paid=st.integers(1, 9999))
    def someone_buys(self, person: int, paid: int) -> None:
        bill = Bill(f"sale{len(self.bills)}", person, paid)
        self.bills.append(bill)
        now = self.clock.now()
        self.till.tell(Sale(bill.id, now, now, "GBP", paid, customer_remote_id=self.buyers[person]))

    @precondition(lambda self: self.bills)
    @rule(chance=st.randoms(use_true_random=False), share=st.floats(0.01, 1))
    def something_is_given_back(self, chance: Any, share: float) -> None:
        bill = chance.choice(self.bills)
        left = bill.paid - sum(bill.refunds)
        amount = max(1, int(left * share))
        if left <= 0:
            return
        bill.refunds.append(amount)
        self.refunds += 1
        refund = Refund(f"refund{self.refunds}", bill.id, self.clock.now(), amount, "GBP")
        self.till.tell(refund)

    @precondition(lambda self: self.till.order)
    @rule(chance=st.randoms(use_true_random=False))
    def something_is_told_again(self, chance: Any) -> None:
        """A webhook that comes twice, an order that was touched: with another time of change, the same sale."""
        event = self.till.events[chance.choice(self.till.order)]
        self.till.tell(event)

    # -- runs ---------------------------------------------------------------------------------------------
    @rule(full=st.booleans())
    def a_run(self, full: bool) -> None:
        run = self.shop.run(full=full)
        assert run.outcome == "succeeded", run.error
        self.books_are_right()

    @rule(steps=st.integers(1, 30), full=st.booleans())
    def a_run_that_is_killed(self, steps: int, full: bool) -> None:
        self.shop.killed(steps, full=full)

    @rule(steps=st.integers(1, 12))
    def a_run_whose_line_breaks(self, steps: int) -> None:
        self.shop.cut_off(steps)

    # -- what must hold -----------------------------------------------------------------------------------
    def books_are_right(self) -> None:
        with self.store.read() as connection:
            balances = {row.id: row.balance for row in connection.execute(select(CARD))}
            rows = connection.execute(select(TRANSACTION)).all()
            joined = select(LINK.c.remote_id, CUSTOMER.c.balance).join(
                CUSTOMER, CUSTOMER.c.id == LINK.c.hub_id
            )
            shown = {row.remote_id: row.balance for row in connection.execute(joined)}
        for person, card in self.cards.items():
            due = sum(bill.points for bill in self.bills if bill.person == person)
            assert balances[card] == due, person
            if any(bill.person == person and bill.points for bill in self.bills):
                assert shown[self.buyers[person]] == due
        assert len(rows) == len(self.bills) + self.refunds
        for row in rows:
            owner = next(b.person for b in self.bills if b.id in (row.remote_id, row.sale_id))
            assert row.state in ("credited", "none") or owner not in self.cards, row
            assert row.state == "credited" or row.reason, row

    def teardown(self) -> None:
        try:
            if hasattr(self, "buyers"):
                for full in (False, True, False):
                    run = self.shop.run(full=full)
                    assert run.outcome == "succeeded", run.error
                self.books_are_right()
        finally:
            self.store.close()
            self.folder.cleanup()


TestMoney = Money.TestCase
TestMoney.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)


@pytest.mark.long
class TestMoneyAtLength(Money.TestCase):
    settings = settings(max_examples=400, stateful_step_count=50, deadline=None)

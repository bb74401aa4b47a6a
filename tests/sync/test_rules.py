"""Earning rules: what each makes of an award, and what is known of the buyer when a sale is judged."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from memory_platform import MemoryPlatform, config
from memory_shop import Shop
from sqlalchemy import insert

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.ids import new_id
from perkstar_tui.model.remote import Page, Refund, Sale, SaleLine
from perkstar_tui.sync.bought import Buyer, again, facts, kept
from perkstar_tui.sync.context import CARD, TRANSACTION
from perkstar_tui.sync.earning import EarningRule, award

AT = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)
"""A Tuesday."""


def sale(total=2000, **more):
    tea = SaleLine("1", "Tea", 2, 1500, "p1", "Drinks")
    card = SaleLine("2", "Voucher", 1, 500, "p2", "Gift card")
    return Sale("s", AT, AT, "GBP", total, lines=(tea, card), **more)


def earned(rules, buyer=None, of=None, **options):
    rule = EarningRule.of({"earn_rules": rules, **options})
    one = of or sale()
    return award(rule, one, AT.date(), facts(one, AT, "square", buyer))


@pytest.mark.parametrize(
    ("rules", "points"),
    [
        ("", 20),
        ('when weekday = "tue" then x2', 40),
        ('when weekday = "wed" then x2', 20),
        ("when total >= 20 then +50", 70),
        ("when hour >= 18 then +10%", 22),
        ('when category = "gift card" then none', 0),
        ('when product contains "tea" then rate 3', 60),
        ("when items = 3 then x1.5", 30),
        ("when total > 1 then x2; when total > 1 then +10", 50),
        ("when total > 1 then +10; when total > 1 then x2", 60),
        ("when total > 1 then none; when total > 1 then +10", 0),
        ('when platform = "square" and date = 2026-11-24 then x2', 40),
        ('when tier = "gold" then x2', 20),
        ("when total > 1 then x0.01", 0),
    ],
)
def test_rules_are_worked_on_the_award_in_their_order(rules, points):
    assert earned(rules).earned == points


def test_it_is_rounded_once_at_the_end():
    assert earned("when total > 0 then x1.5; when total > 0 then x1.5", of=sale(100)).earned == 2


def test_what_each_rule_made_of_it_is_told_and_who_refused_it():
    found = earned('when total > 1 then x2; when category = "gift card" then none')
    assert found.by == (
        ("when total > 1 then x2", "20", "40"),
        ('when category = "gift card" then none', "40", "0"),
    )
    assert 'when category = "gift card" then none' in found.why


@pytest.mark.parametrize(
    ("buyer", "points"),
    [(None, 20), (Buyer("Gold", False), 40), (Buyer(None, True), 120), (Buyer("gold", True), 140)],
)
def test_the_buyer_counts_as_far_as_known(buyer, points):
    assert earned('when tier = "gold" then x2; when first_purchase = yes then +100', buyer).earned == points


def test_the_minimum_stands_before_the_rules_and_double_days_go_with_a_rate():
    assert earned("when total > 0 then +50", earn_minimum_minor=5000).earned == 0
    assert earned("when total > 0 then rate 3", earn_double_days="tue").earned == 120


def test_a_sale_that_is_kept_is_judged_again_as_it_was():
    class Row:
        remote_id, happened_at, currency, total_minor = "s", AT, "GBP", 2000

    for buyer in (None, Buyer("gold", True)):
        one = sale(tax_minor=200, tip_minor=10, shipping_minor=5, credit_minor=700)
        Row.parts = kept(one, buyer)
        found = again(Row)
        assert found is not None and found[1] == buyer
        assert facts(found[0], AT, "square", found[1]) == facts(one, AT, "square", buyer)
        rule = EarningRule(tax=False, credit=False, excluded=("drinks",), rate=Decimal(2))
        assert award(rule, found[0], AT.date()) == award(rule, one, AT.date())
    Row.parts = None
    assert again(Row) is None


# -- in a run --------------------------------------------------------------------------------------------------


class Till(MemoryPlatform):
    """A platform with sales."""

    sales: list[Sale] = []
    refunds: list[Refund] = []

    async def read(self, data, cursor, *, full=False):
        if data is DataType.TRANSACTIONS:
            yield Page(sales=list(self.sales), refunds=list(self.refunds), last=True)
            return
        async for page in super().read(data, cursor, full=full):
            yield page


@pytest.fixture
def shop(tmp_path):
    made = Shop(tmp_path)
    made.platform = Till(made.clock)
    yield made
    made.store.close()


def ruled(shop, rules, **options):
    shop.config = replace(
        config(),
        data=(DataType.CUSTOMERS, DataType.TRANSACTIONS),
        earning=EarningRule.of({"earn_rules": rules}),
        template_id="tpl_1",
        options=options,
    )


def with_card(shop, customer, tier=None):
    now = shop.clock.now()
    with shop.store.write() as connection:
        card = {
            "id": new_id("crd"),
            "customer_id": customer,
            "template_id": "tpl_1",
            "kind": "reward",
            "tier": tier,
        }
        connection.execute(insert(CARD).values(revision=1, status="", created_at=now, updated_at=now, **card))


def sold(id_, email, total=2000, days=0):
    at = AT + timedelta(days=days)
    return Sale(id_, at, at, "GBP", total, email=email)


FIRST = 'when first_purchase = yes then +100; when tier = "gold" then x2'


def test_who_buys_first_and_in_which_tier_is_known_by_the_ledger(shop):
    ruled(shop, FIRST)
    ann = shop.customer(first_name="Ann", email="ann@x.uk", tier="Gold")
    with_card(shop, ann)
    shop.platform.sales = [sold("s1", "ann@x.uk"), sold("s2", "ann@x.uk", days=1)]
    shop.run()
    rows = {row.remote_id: row for row in shop.rows(TRANSACTION)}
    assert (rows["s1"].earned, rows["s2"].earned) == (240, 40)
    assert [text for text, _, _ in rows["s1"].parts["rules"]] == FIRST.split("; ")
    before = shop.rows(TRANSACTION)
    ruled(shop, "")
    shop.run()
    assert shop.rows(TRANSACTION) == before, "what was booked stays booked"


def test_a_sale_whose_buyer_comes_later_is_judged_when_it_is_known_who_it_was(shop):
    ruled(shop, FIRST)
    shop.platform.sales = [sold("s1", "ann@x.uk")]
    shop.run()
    assert [(row.state, row.earned) for row in shop.rows(TRANSACTION)] == [("pending", 20)]
    with_card(shop, shop.customer(first_name="Ann", email="ann@x.uk", tier="gold"))
    shop.run()
    assert [(row.state, row.earned) for row in shop.rows(TRANSACTION)] == [("credited", 240)]


def test_a_rule_that_refuses_the_unknown_waits_until_it_is_known_who_bought(shop):
    ruled(shop, "when tier is empty then none")
    shop.platform.sales = [sold("s1", "ann@x.uk"), sold("s2", "bob@x.uk")]
    shop.run()
    assert {row.state for row in shop.rows(TRANSACTION)} == {"pending"}
    with_card(shop, shop.customer(first_name="Ann", email="ann@x.uk", tier="gold"))
    with_card(shop, shop.customer(first_name="Bob", email="bob@x.uk"))
    shop.run()
    rows = {row.remote_id: (row.state, row.earned) for row in shop.rows(TRANSACTION)}
    assert rows == {"s1": ("credited", 20), "s2": ("none", 0)}


def test_a_refund_takes_back_what_the_rules_had_given_whatever_they_say_now(shop):
    ruled(shop, "when total > 1 then x3")
    with_card(shop, shop.customer(first_name="Ann", email="ann@x.uk"))
    shop.platform.sales = [sold("s1", "ann@x.uk")]
    shop.run()
    ruled(shop, "when total > 1 then none")
    shop.platform.refunds = [Refund("r1", "s1", AT, 1000, "GBP")]
    shop.run()
    rows = {row.remote_id: row for row in shop.rows(TRANSACTION)}
    assert (rows["s1"].earned, rows["s1"].reversed, rows["r1"].earned) == (60, 30, -30)

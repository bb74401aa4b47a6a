"""Earning rules: what each makes of an award, and what is known of the buyer when a sale is judged."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from perkstar_tui.model.remote import Sale, SaleLine
from perkstar_tui.sync.bought import Buyer, again, facts, kept
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
        one = sale(tax_minor=200, tip_minor=10, shipping_minor=5)
        Row.parts = kept(one, buyer)
        found = again(Row)
        assert found is not None and found[1] == buyer
        assert facts(found[0], AT, "square", found[1]) == facts(one, AT, "square", buyer)
        rule = EarningRule(tax=False, excluded=("drinks",), rate=Decimal(2))
        assert award(rule, found[0], AT.date()) == award(rule, one, AT.date())
    Row.parts = None
    assert again(Row) is None

"""Bills that several customers paid."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from perkstar_tui.model.remote import Sale, SaleLine
from perkstar_tui.platforms.splitting import Payment, shares, split

AT = datetime(2026, 11, 24, tzinfo=UTC)
BILL = Sale(
    "o1", AT, AT, "GBP", 3100, tax_minor=500, tip_minor=100, customer_remote_id="ann",
    lines=(SaleLine("l1", "Shakshuka", 2.0, 2000), SaleLine("l2", "Tea", 1.0, 1000)),
)  # fmt: skip


def test_a_bill_that_one_customer_paid_stays_whole_however_often_they_paid() -> None:
    assert split(BILL, []) == [BILL]
    assert split(BILL, [Payment("p1", "ann", 1000), Payment("p2", None, 2100)]) == [BILL]


def test_each_payment_of_several_customers_is_a_sale_of_its_own() -> None:
    ann, bob = split(BILL, [Payment("p1", None, 1100, 100), Payment("p2", "bob", 2000)])
    assert (ann.id, ann.customer_remote_id, ann.total_minor, ann.tip_minor) == ("o1/p1", "ann", 1100, 100)
    assert (bob.id, bob.customer_remote_id, bob.total_minor, bob.tip_minor) == ("o1/p2", "bob", 2000, 0)
    assert ann.whole == bob.whole == "o1"
    assert ann.tax_minor + bob.tax_minor == 500 and ann.tax_minor == 166
    assert [line.total_minor for line in bob.lines] == [1334, 667]


def test_a_share_that_nobody_known_paid_earns_for_nobody() -> None:
    bill = Sale("o2", AT, AT, "GBP", 2000, email="someone@shop.uk")
    cash, card = split(bill, [Payment("p1", None, 500), Payment("p2", "bob", 1500)])
    assert cash.customer_remote_id is None and cash.email is None
    assert card.customer_remote_id == "bob"


@given(st.integers(-10_000, 10_000_000), st.lists(st.integers(0, 1_000_000), min_size=1, max_size=9))
def test_shares_add_up_and_none_is_a_unit_away_from_its_due(amount: int, weights: list[int]) -> None:
    found = shares(amount, weights)
    assert sum(found) == amount
    if sum(weights):
        for share, weight in zip(found, weights, strict=True):
            assert abs(share - amount * weight / sum(weights)) < 1 + 1e-6

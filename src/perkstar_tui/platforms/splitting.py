"""A bill that several customers paid: a sale for each payment, so that each earns for what it paid. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from perkstar_tui.model.remote import Sale, SaleLine


@dataclass(frozen=True, slots=True)
class Payment:
    """A part of a bill: who paid it, and how much in all, its tip among it. Minor units."""

    id: str
    customer: str | None
    paid_minor: int
    tip_minor: int = 0
    credit: bool = False
    """Whether it was made by gift card or store credit."""

    @property
    def goods_minor(self) -> int:
        return self.paid_minor - self.tip_minor


def split(sale: Sale, payments: Sequence[Payment]) -> list[Sale]:
    """The sale itself where one customer paid it, else a sale for each payment, known by the bill and the payment.

    Tax, shipping and lines are shared out as the payments are, to the last minor unit.
    """
    paid = [
        replace(one, customer=one.customer or sale.customer_remote_id)
        for one in payments
        if one.paid_minor > 0
    ]
    if len({one.customer for one in paid}) < 2:
        return [replace(sale, credit_minor=sum(one.goods_minor for one in paid if one.credit))]
    weights = [one.goods_minor for one in paid]
    taxes = shares(sale.tax_minor, weights)
    shippings = shares(sale.shipping_minor, weights)
    lines = [_lines(line, weights) for line in sale.lines]
    return [
        replace(
            sale,
            id=f"{sale.id}/{one.id}",
            whole=sale.id,
            customer_remote_id=one.customer,
            email=None,
            phone=None,
            total_minor=one.paid_minor,
            tip_minor=one.tip_minor,
            tax_minor=taxes[place],
            shipping_minor=shippings[place],
            credit_minor=one.goods_minor if one.credit else 0,
            lines=tuple(parts[place] for parts in lines),
        )
        for place, one in enumerate(paid)
    ]


def _lines(line: SaleLine, weights: Sequence[int]) -> list[SaleLine]:
    """A line of the bill as each has a share of it."""
    whole = sum(weights) or 1
    totals = shares(line.total_minor, weights)
    return [
        replace(line, total_minor=total, quantity=line.quantity * weight / whole)
        for total, weight in zip(totals, weights, strict=True)
    ]


def shares(amount: int, weights: Sequence[int]) -> list[int]:
    """An amount shared out by weight; the shares add up to it, and none is a unit or more away from its due."""
    whole, seen, given = sum(weights), 0, 0
    found = []
    for place, weight in enumerate(weights, 1):
        seen += weight
        # Of the running total, so that what is rounded off one share comes with the next.
        due = amount * seen // whole if whole > 0 else amount * place // len(weights)
        found.append(due - given)
        given = due
    return found

"""A sale as earning rules see it: what they may ask for, what is kept of it, and the sale made again of that."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from perkstar_tui.model.money import minor_digits
from perkstar_tui.model.remote import Sale, SaleLine

from .expressions import Field

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

SALE: dict[str, Field] = {
    "total": Field("number", "what was paid, in whole units such as pounds"),
    "tax": Field("number", "the tax in it"),
    "tip": Field("number", "the tip in it"),
    "shipping": Field("number", "what was paid for shipping"),
    "credit": Field("number", "what was paid by gift card or store credit, where the platform tells it"),
    "items": Field("number", "how many were bought, all lines together"),
    "currency": Field("text", "three letters, such as GBP"),
    "platform": Field("text", "where it was sold, such as square"),
    "date": Field("date", "its day on the account's clock"),
    "weekday": Field("text", "on the account's clock", WEEKDAYS),
    "hour": Field("number", "0 to 23, on the account's clock"),
    "product": Field("texts", "names of its lines"),
    "product_id": Field("texts", "the platform's ids of its products"),
    "category": Field("texts", "categories of its products, where the platform tells them"),
}
"""What a sale can be asked for, whoever bought."""

BUYER: dict[str, Field] = {
    "tier": Field("text", "the customer's when the sale was judged; empty while nobody is known"),
    "first_purchase": Field("yes/no", "whether no earlier sale of the customer is known here"),
}
EARNING = {**SALE, **BUYER}
"""What earning rules can ask for."""


class Buyer(NamedTuple):
    """What is known of who bought, at the moment at which the sale is judged."""

    tier: str | None
    first_purchase: bool


def facts(sale: Sale, local: datetime, platform: str, buyer: Buyer | None) -> dict[str, Any]:
    """The fields of a sale; `local` is its moment on the account's clock."""
    digits = -minor_digits(sale.currency)

    def whole(minor: int) -> Decimal:
        return Decimal(minor).scaleb(digits)

    return {
        "total": whole(sale.total_minor),
        "tax": whole(sale.tax_minor),
        "tip": whole(sale.tip_minor),
        "shipping": whole(sale.shipping_minor),
        "credit": whole(sale.credit_minor),
        "items": sum((Decimal(str(line.quantity)) for line in sale.lines), Decimal(0)),
        "currency": sale.currency,
        "platform": platform,
        "date": local.date(),
        "weekday": WEEKDAYS[local.weekday()],
        "hour": local.hour,
        "product": [line.name for line in sale.lines],
        "product_id": [line.product_id for line in sale.lines],
        "category": [line.category for line in sale.lines],
        "tier": buyer.tier if buyer else None,
        "first_purchase": buyer.first_purchase if buyer else None,
    }


def kept(sale: Sale, buyer: Buyer | None) -> dict[str, Any]:
    """What the ledger keeps of a sale beside its total, so that another rule can be tried on it; zeros are left out."""
    parts: dict[str, Any] = {
        name: minor
        for name, minor in (
            ("tax", sale.tax_minor),
            ("tip", sale.tip_minor),
            ("shipping", sale.shipping_minor),
            ("credit", sale.credit_minor),
        )
        if minor
    }
    if sale.lines:
        parts["lines"] = [
            [line.name, line.quantity, line.total_minor, line.product_id, line.category]
            for line in sale.lines
        ]
    return parts | who(buyer)


def who(buyer: Buyer | None) -> dict[str, Any]:
    """The buyer's part of what is kept."""
    return {} if buyer is None else {"tier": buyer.tier, "first": buyer.first_purchase}


def again(row: Any) -> tuple[Sale, Buyer | None] | None:
    """A sale of the ledger as it was judged, and its buyer; None where it was booked before its parts were kept."""
    parts: Mapping[str, Any] | None = row.parts
    if parts is None:
        return None
    sale = Sale(
        row.remote_id,
        row.happened_at,
        row.happened_at,
        row.currency,
        row.total_minor,
        parts.get("tax", 0),
        parts.get("tip", 0),
        parts.get("shipping", 0),
        parts.get("credit", 0),
        lines=tuple(SaleLine("", *line) for line in parts.get("lines", ())),
    )
    return sale, Buyer(parts["tier"], parts["first"]) if "first" in parts else None

"""Sales as Square writes them: the sums of an order, its payments, tenders and refunds. Pure; nothing is kept here."""

import base64
import random
from typing import Any

import orjson

from ..clock import iso_ms
from ..state import LIVE, Cell


def long_id(chance: random.Random, length: int = 28) -> str:
    """An id as Square's orders and payments have it: letters of both cases and digits."""
    return base64.b64encode(chance.randbytes(length), b"xY")[:length].decode()


def order_cell(body: dict[str, Any], created: int, updated: int, seq: int | None = None) -> Cell:
    """An order as it is kept, found by customer (`email`), place (`phone`) and state (`ref`)."""
    return (
        seq, body["id"], body.get("customer_id"), body["location_id"], body["state"], created, updated, LIVE,
        orjson.dumps(body).decode(),
    )  # fmt: skip


def payment_cell(body: dict[str, Any], created: int, updated: int, seq: int | None = None) -> Cell:
    """A payment as it is kept, found by customer (`email`), place (`phone`) and order (`ref`)."""
    return (
        seq, body["id"], body.get("customer_id"), body["location_id"], body["order_id"], created, updated, LIVE,
        orjson.dumps(body).decode(),
    )  # fmt: skip


def refund_cell(body: dict[str, Any], created: int, updated: int, seq: int | None = None) -> Cell:
    """A refund as it is kept, found by place (`phone`) and payment (`ref`)."""
    return (
        seq, body["id"], None, body["location_id"], body["payment_id"], created, updated, LIVE,
        orjson.dumps(body).decode(),
    )  # fmt: skip


def money(amount: int) -> dict[str, Any]:
    """An amount in pence."""
    return {"amount": amount, "currency": "GBP"}


MENU = (("Flat white", 340), ("Cappuccino", 360), ("Filter coffee", 290), ("Pot of tea", 310), ("Cinnamon bun", 375),
        ("Sourdough loaf", 480), ("Cheese toastie", 695), ("Granola bowl", 750), ("Shakshuka", 1095),
        ("House beans 250 g", 1250), ("Gift box", 2850))  # fmt: skip


def menu_line(chance: random.Random, number: int) -> dict[str, Any]:
    """A line of an order, from the shop's menu."""
    name, price = chance.choice(MENU)
    return {"uid": f"line-{number}", "name": name, "quantity": str(chance.choice((1, 1, 1, 2, 2, 3))),
            "base_price_money": money(price)}  # fmt: skip


def totalled(given: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """An order with its sums: lines, discounts of fixed amount or percentage, additive taxes."""
    lines = []
    for number, line in enumerate(given.get("line_items") or []):
        count = float(line["quantity"])
        gross = round(int(line["base_price_money"]["amount"]) * count)
        lines.append(line | {
            "uid": line.get("uid") or f"line-{number}", "gross_sales_money": money(gross),
            "variation_total_price_money": money(gross), "total_tax_money": money(0), "total_discount_money": money(0),
            "total_money": money(gross), "item_type": line.get("item_type", "ITEM"),
        })  # fmt: skip
    gross = sum(line["gross_sales_money"]["amount"] for line in lines)
    off = 0
    for item in given.get("discounts") or []:
        off += int((item.get("amount_money") or money(0))["amount"]) or round(
            gross * float(item.get("percentage", 0)) / 100
        )
    off = min(off, gross)
    tax = sum(round((gross - off) * float(item["percentage"]) / 100) for item in given.get("taxes") or [])
    spread(lines, "total_discount_money", off, gross)
    spread(lines, "total_tax_money", tax, gross)
    for line in lines:
        line["total_money"] = money(
            line["gross_sales_money"]["amount"]
            - line["total_discount_money"]["amount"]
            + line["total_tax_money"]["amount"]
        )
    kept = (
        "location_id",
        "reference_id",
        "customer_id",
        "discounts",
        "taxes",
        "metadata",
        "source",
        "ticket_name",
    )
    total = gross - off + tax
    body = {name: given[name] for name in kept if given.get(name)} | {
        "line_items": lines, "total_money": money(total), "total_tax_money": money(tax),
        "total_discount_money": money(off), "total_tip_money": money(0), "total_service_charge_money": money(0),
        "net_amount_due_money": money(total),
    }  # fmt: skip
    body.setdefault("source", {"name": "Point of Sale"})
    return body | {"net_amounts": amounts(body)}


def spread(lines: list[dict[str, Any]], member: str, amount: int, gross: int) -> None:
    """Divide an amount over the lines; the pennies left over go to the last."""
    left = amount
    for line in lines[:-1]:
        share = round(amount * line["gross_sales_money"]["amount"] / gross) if gross else 0
        line[member] = money(share)
        left -= share
    if lines:
        lines[-1][member] = money(left)


def amounts(order: dict[str, Any]) -> dict[str, Any]:
    """What is left of an order after its refunds."""
    back = sum(refund["amount_money"]["amount"] for refund in order.get("refunds", []))
    return {
        "total_money": money(order["total_money"]["amount"] - back), "tax_money": order["total_tax_money"],
        "discount_money": order["total_discount_money"], "tip_money": order["total_tip_money"],
        "service_charge_money": money(0),
    }  # fmt: skip


def payment_body(
    chance: random.Random,
    order: dict[str, Any],
    amount: int,
    tip: int,
    at: int,
    customer: str | None,
    source: str,
) -> dict[str, Any]:
    """A completed payment for an order."""
    identifier = long_id(chance, 27)
    kind = {"CASH": "CASH", "EXTERNAL": "EXTERNAL"}.get(source, "CARD")
    body: dict[str, Any] = {
        "id": identifier, "created_at": iso_ms(at), "updated_at": iso_ms(at), "amount_money": money(amount),
        "total_money": money(amount + tip), "status": "COMPLETED", "source_type": kind,
        "location_id": order["location_id"], "order_id": order["id"], "receipt_number": identifier[:4],
        "receipt_url": f"https://squareup.com/receipt/preview/{identifier}", "version_token": long_id(chance, 20),
    }  # fmt: skip
    if tip:
        body["tip_money"] = money(tip)
    if customer or order.get("customer_id"):
        body["customer_id"] = customer or order["customer_id"]
    if kind == "CARD":
        brand = "SQUARE_GIFT_CARD" if source.startswith("gftc:") else "VISA"
        body["card_details"] = {"status": "CAPTURED", "entry_method": "EMV",
                                "card": {"card_brand": brand,
                                         "last_4": f"{chance.randrange(10_000):04d}"}}  # fmt: skip
    elif kind == "CASH":
        body["cash_details"] = {"buyer_supplied_money": money(amount + tip), "change_back_money": money(0)}
    return body


def tender_body(payment: dict[str, Any]) -> dict[str, Any]:
    """A payment as its order shows it."""
    gift = payment.get("card_details", {}).get("card", {}).get("card_brand") == "SQUARE_GIFT_CARD"
    kind = {"CARD": "CARD", "CASH": "CASH"}.get(payment["source_type"], "OTHER")
    body = {
        "id": payment["id"], "location_id": payment["location_id"], "transaction_id": payment["order_id"],
        "created_at": payment["created_at"], "amount_money": payment["total_money"],
        "type": "SQUARE_GIFT_CARD" if gift else kind, "payment_id": payment["id"],
    }  # fmt: skip
    for name in ("customer_id", "tip_money"):
        if payment.get(name):
            body[name] = payment[name]
    return body


def refund_body(
    chance: random.Random, payment: dict[str, Any], amount: int, at: int, reason: str
) -> dict[str, Any]:
    """A completed refund of a payment."""
    return {
        "id": f"{payment['id']}_{long_id(chance, 43)}", "status": "COMPLETED", "location_id": payment["location_id"],
        "amount_money": money(amount), "payment_id": payment["id"], "order_id": payment["order_id"], "reason": reason,
        "created_at": iso_ms(at), "updated_at": iso_ms(at), "destination_type": payment["source_type"],
    }  # fmt: skip


def order_refund(refund: dict[str, Any], payment: dict[str, Any]) -> dict[str, Any]:
    """A refund as its order shows it."""
    return {
        "id": refund["id"], "location_id": refund["location_id"], "transaction_id": refund["order_id"],
        "tender_id": payment["id"], "created_at": refund["created_at"], "reason": refund["reason"],
        "amount_money": refund["amount_money"], "status": "APPROVED",
    }  # fmt: skip


def refunded(payment: dict[str, Any], refund: dict[str, Any], at: int) -> None:
    """Note a refund on its payment."""
    before = (payment.get("refunded_money") or money(0))["amount"]
    payment["refunded_money"] = money(before + refund["amount_money"]["amount"])
    payment["refund_ids"] = [*payment.get("refund_ids", []), refund["id"]]
    payment["updated_at"] = iso_ms(at)

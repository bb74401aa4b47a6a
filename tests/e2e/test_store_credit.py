"""What was paid by gift card or store credit: it earns like money, or not at all, as the admin says."""

from pathlib import Path
from typing import Any

from shop import Shop, sandbox


def pounds(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "GBP"}


def test_what_a_gift_card_paid_earns_or_not_as_the_setting_says(tmp_path: Path) -> None:
    with sandbox("--no-limits", "--only", "square", customers=20) as box:
        till = Shop(box, tmp_path / "home", inside=True)
        till.connect("square", "--data", "customers,transactions", "--set", "issue_cards=always")
        till.sync("square")
        who = next(
            person["ids"]["square"][0]
            for person in box.people()
            if person["expected"].get("square") == "linked" and person["ids"].get("square")
        )

        def buy(order: str) -> dict[str, Any]:
            """Twenty pounds, fifteen of them by gift card; what the ledger says of it."""
            line = {"name": "Supper", "quantity": "1", "base_price_money": pounds(2000)}
            paid = [
                {"customer_id": who, "amount_money": pounds(1500), "source_id": "gftc:1"},
                {"customer_id": who, "amount_money": pounds(500)},
            ]
            sold = box.put("square", "orders", order, line_items=[line], tenders=paid)
            assert [tender["type"] for tender in sold["tenders"]] == ["SQUARE_GIFT_CARD", "CARD"]
            till.sync("square")
            return ledger(order)

        def ledger(id_: str) -> dict[str, Any]:
            items = till.well("transactions", "list", "--limit", "200")["items"]
            return next(item for item in items if item["remote_id"] == id_)

        assert buy("GIFT1")["earned"] == 20
        seen = till.well("edit", "square", "--dry-run", "--set", "earn_on_credit=no")
        assert "15 points less" in str(seen), seen
        till.well("edit", "square", "--set", "earn_on_credit=no")
        sale = buy("GIFT2")
        assert (sale["total_minor"], sale["earned"], sale["state"]) == (2000, 5, "credited")
        assert ledger("GIFT1")["earned"] == 20

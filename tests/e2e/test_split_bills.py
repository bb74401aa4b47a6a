"""A bill that several customers paid: each part earns once for who paid it, and goes back from them alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shop import Shop, sandbox


@pytest.fixture(scope="module")
def till(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with sandbox("--no-limits", "--only", "square", customers=20) as box:
        made = Shop(box, Path(tmp_path_factory.mktemp("home")) / "home", inside=True)
        made.connect("square", "--data", "customers,transactions", "--set", "issue_cards=always")
        made.sync("square")
        yield made


def pounds(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": "GBP"}


def buyers(till: Shop) -> list[str]:
    """Two customers who are known on both sides."""
    linked = [
        p for p in till.box.people() if p["expected"].get("square") == "linked" and p["ids"].get("square")
    ]
    return [str(person["ids"]["square"][0]) for person in linked[:2]]


def sell(till: Shop, id_: str, *tenders: tuple[str, int]) -> dict[str, Any]:
    line = {"name": "Supper", "quantity": "1", "base_price_money": pounds(sum(paid for _, paid in tenders))}
    paid = [{"customer_id": who, "amount_money": pounds(amount)} for who, amount in tenders]
    return dict(till.box.put("square", "orders", id_, line_items=[line], tenders=paid))


def ledger(till: Shop, order: str) -> dict[str, dict[str, Any]]:
    items = till.well("transactions", "--limit", "200")["items"]
    return {i["remote_id"]: i for i in items if i["remote_id"].startswith(order) or i["kind"] == "refund"}


def test_each_part_earns_once_for_who_paid_it_and_a_refund_takes_from_them_alone(till: Shop) -> None:
    ann, bob = buyers(till)
    order = sell(till, "SPLIT1", (ann, 1200), (bob, 800))
    till.sync("square")
    assert till.sync("square")["inward"]["created"] == 0
    payments = [tender["payment_id"] for tender in order["tenders"]]
    parts = ledger(till, "SPLIT1")
    first, second = (parts[f"SPLIT1/{payment}"] for payment in payments)
    assert (first["total_minor"], first["earned"], first["state"]) == (1200, 12, "credited")
    assert (second["total_minor"], second["earned"], second["state"]) == (800, 8, "credited")
    assert first["customer_id"] != second["customer_id"]
    till.box.put("square", "refunds", "BACK1", payment_id=payments[1], amount_money=pounds(800))
    till.sync("square")
    refunds = [item for item in ledger(till, "SPLIT1").values() if item["kind"] == "refund"]
    (back,) = [item for item in refunds if payments[1] in item["remote_id"] or item["remote_id"] == "BACK1"]
    assert (back["customer_id"], back["earned"]) == (second["customer_id"], -8)


def test_a_bill_that_was_read_whole_is_not_credited_again_in_parts(till: Shop) -> None:
    ann, bob = buyers(till)
    order = sell(till, "WHOLE1", (ann, 500), (ann, 500))
    till.sync("square")
    assert "WHOLE1" in ledger(till, "WHOLE1")
    tenders = [order["tenders"][0], {**order["tenders"][1], "customer_id": bob}]
    till.box.put("square", "orders", "WHOLE1", tenders=tenders)
    till.sync("square")
    assert [id_ for id_ in ledger(till, "WHOLE1") if id_.startswith("WHOLE1")] == ["WHOLE1"]


def test_a_bill_that_was_read_in_parts_is_not_credited_again_whole(till: Shop) -> None:
    ann, bob = buyers(till)
    order = sell(till, "PARTS1", (ann, 500), (bob, 500))
    till.sync("square")
    before = sorted(id_ for id_ in ledger(till, "PARTS1") if id_.startswith("PARTS1"))
    assert len(before) == 2
    till.box.put("square", "orders", "PARTS1", tenders=[{**t, "customer_id": ann} for t in order["tenders"]])
    till.sync("square")
    assert sorted(id_ for id_ in ledger(till, "PARTS1") if id_.startswith("PARTS1")) == before

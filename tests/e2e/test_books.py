"""Loyalty in the books of every platform that keeps some: a journal a day, once, equal to what the cards say."""

import json
import os
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from shop import Shop, sandbox

from perkstar_tui.hub import bench
from perkstar_tui.model.clock import SystemClock
from perkstar_tui.model.enums import DataType
from perkstar_tui.platforms.catalog import load_catalog

CATALOG = load_catalog(drafts=bool(os.environ.get("PERKSTAR_DRAFTS")))
KEEPERS = sorted(
    name
    for name, manifest in CATALOG.items()
    if (data := manifest.data.get(DataType.TRANSACTIONS)) is not None and data.journal is not None
)
EXPENSE, OWED, REDEEMED = "Loyalty Programme", "Loyalty Points Owed", "Rewards Redeemed"
ACCOUNTS = (
    "--set", f"account_expense={EXPENSE}", "--set", f"account_liability={OWED}",
    "--set", f"account_redeemed={REDEEMED.lower()}",
)  # fmt: skip
WORTH = {"reward": 3, "stamp": 10, "cashback": 1}
"""What one is worth in minor units, as it is set below."""
VALUES = ("--set", "point_value=0.03", "--set", "stamp_value=0.1")


class Ahead(SystemClock):
    """The machine's time, and as many days more as a test lets pass."""

    days = 0

    def now(self) -> datetime:
        return super().now() + timedelta(days=Ahead.days)


@pytest.fixture(scope="module", params=KEEPERS)
def box(request: pytest.FixtureRequest) -> Iterator[Any]:
    with sandbox("--no-limits", "--only", f"square,{request.param}", customers=40) as made:
        made.platform = request.param
        yield made


@pytest.fixture
def shop(box: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop without a till yet."""
    monkeypatch.setattr(bench, "SystemClock", Ahead)
    Ahead.days = 0
    box.ask("/reset", {})
    for name in ("square", box.platform):
        box.faults(name)
    return Shop(box, tmp_path / "home", inside=True)


def keep_books(shop: Shop, *settings: str) -> dict[str, Any]:
    """Connect the platform with its books switched on; the first run begins them."""
    shop.connect(
        shop.platform, "--data", "customers", "--set", "books=yes", *(settings or (*ACCOUNTS, *VALUES))
    )
    return shop.sync(shop.platform)


def next_day(shop: Shop) -> dict[str, Any]:
    """A night passes everywhere, then the books are kept."""
    Ahead.days += 1
    shop.box.ask("/clock", {"advance_s": 86_400})
    return shop.sync(shop.platform)


def journals(shop: Shop) -> list[dict[str, Any]]:
    return list(shop.box.ask(f"/{shop.platform}/books")["journals"])


def sums(*entered: dict[str, Any]) -> dict[str, int]:
    """What each account was debited with in all, in minor units."""
    found: Counter[str] = Counter()
    for journal in entered:
        for account, minor in journal["lines"]:
            found[account] += minor
    return dict(found)


def owed(shop: Shop) -> int:
    """What the balances of all cards at the cloud are worth, in minor units."""
    cards = shop.box.records("perkstar", "cards")
    return sum(WORTH[card["type"]] * card["balance"]["bonusBalance"] for card in cards)


def test_what_a_day_brought_is_entered_when_it_is_over_and_only_once(shop: Shop) -> None:
    assert keep_books(shop)["outcome"] == "succeeded"
    before = owed(shop)
    shop.connect_till()
    today = datetime.now(UTC).date()
    assert shop.sync(shop.platform)["outcome"] == "succeeded"
    assert journals(shop) == []
    run = next_day(shop)
    assert run["outcome"] == "succeeded" and run["outward"]["created"] >= 1, run
    (journal,) = journals(shop)
    assert journal["day"] == today.isoformat()
    found = sums(journal)
    assert sum(found.values()) == 0
    assert -found[OWED] == owed(shop) - before > 0
    assert shop.sync(shop.platform)["outcome"] == "succeeded"
    assert next_day(shop)["outcome"] == "succeeded"
    assert journals(shop) == [journal]


def test_what_is_redeemed_is_what_the_cards_have_less(shop: Shop) -> None:
    keep_books(shop)
    took = redeem(shop, 5)
    assert shop.sync(shop.platform)["outcome"] == "succeeded"
    next_day(shop)
    (journal,) = journals(shop)
    assert sums(journal) == {OWED: took, REDEEMED: -took}


def test_points_that_no_sale_explains_are_booked_as_adjusted(shop: Shop) -> None:
    keep_books(shop)
    given = -redeem(shop, -7)
    shop.sync(shop.platform)
    next_day(shop)
    (journal,) = journals(shop)
    assert sums(journal) == {EXPENSE: given, OWED: -given}
    assert "added" in str(shop.box.records(shop.platform, "journals"))


def redeem(shop: Shop, points: int) -> int:
    """Somebody at the counter takes points from a card (or gives some); answers what they are worth."""
    card = max(shop.box.records("perkstar", "cards"), key=lambda one: one["balance"]["bonusBalance"])
    left = {**card["balance"], "bonusBalance": card["balance"]["bonusBalance"] - points}
    shop.box.put("perkstar", "cards", card["id"], balance=left)
    return WORTH[card["type"]] * points


def test_a_journal_whose_answer_is_lost_is_not_entered_twice(shop: Shop) -> None:
    keep_books(shop)
    redeem(shop, 5)
    shop.sync(shop.platform)
    make = CATALOG[shop.platform].data[DataType.TRANSACTIONS].journal.make
    rule = {
        "effect": "reset",
        "path": f".*/{make.path.rpartition('/')[2]}",
        "method": make.method,
        "times": 9,
    }
    shop.box.faults(shop.platform, rules=[rule])
    assert next_day(shop)["outcome"] == "failed"
    shop.box.faults(shop.platform)
    entered = journals(shop)
    assert len(entered) == 1
    assert shop.sync(shop.platform)["outward"]["created"] == 1
    assert shop.sync(shop.platform)["outward"]["created"] == 0
    assert journals(shop) == entered


def test_a_journal_that_never_arrived_is_entered_by_the_next_run(shop: Shop) -> None:
    keep_books(shop)
    took = redeem(shop, 5)
    shop.sync(shop.platform)
    make = CATALOG[shop.platform].data[DataType.TRANSACTIONS].journal.make
    rule = {"effect": "status", "status": 503, "path": f".*/{make.path.rpartition('/')[2]}", "method": make.method,
            "times": 9}  # fmt: skip
    shop.box.faults(shop.platform, rules=[rule])
    assert next_day(shop)["outcome"] == "failed"
    shop.box.faults(shop.platform)
    assert journals(shop) == []
    assert shop.sync(shop.platform)["outcome"] == "succeeded"
    assert [sums(journal) for journal in journals(shop)] == [{OWED: took, REDEEMED: -took}]


def test_a_refund_that_comes_later_is_booked_with_the_next_day(shop: Shop) -> None:
    keep_books(shop)
    shop.connect_till()
    before = owed(shop)
    next_day(shop)
    (first,) = journals(shop)
    refund_all(shop)
    for _ in range(2):
        shop.sync("square")
    back = before - owed(shop)
    assert back > 0
    next_day(shop)
    second = journals(shop)[-1]
    assert journals(shop)[0] == first and second["day"] > first["day"]
    assert sums(second) == {OWED: back, EXPENSE: -back}


def refund_all(shop: Shop) -> None:
    """Everything that was paid at the till goes back."""
    line = shop.box.line["platforms"]["square"]
    for payment in shop.box.records("square", "payments"):
        paid, back = (
            payment["total_money"]["amount"],
            (payment.get("refunded_money") or {"amount": 0})["amount"],
        )
        if payment["status"] != "COMPLETED" or paid == back:
            continue
        money = {"amount": paid - back, "currency": payment["total_money"]["currency"]}
        body = {"idempotency_key": payment["id"], "payment_id": payment["id"], "amount_money": money}
        request = urllib.request.Request(
            line["url"] + "/v2/refunds",
            data=json.dumps(body).encode(),
            headers={
                "authorization": f"Bearer {line['alternatives']['personal_token']['access_token']}",
                "content-type": "application/json",
                "square-version": "2026-01-22",
            },
        )
        urllib.request.urlopen(request, timeout=30).close()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("account_expense=Nowhere", "Nowhere"),
        (f"account_liability={EXPENSE}", "account of its own"),
        ("account_liability=Sales", "of the kind"),
        ("account_expense=Owner's Capital", "of the kind"),
        ("point_value=", "worth"),
    ],
)
def test_a_wrong_setting_is_named_with_the_choices_and_holds_nothing_else_up(
    shop: Shop, setting: str, words: str
) -> None:
    run = keep_books(shop, *ACCOUNTS, *VALUES, "--set", setting)
    assert run["outcome"] == "failed" and run["error"]["code"] == "mapping"
    assert words in run["error"]["message"], run["error"]
    assert "--set " + setting.partition("=")[0] in run["error"]["remedy"]
    if setting.startswith("account"):
        right = EXPENSE if setting.startswith("account_expense") else OWED
        assert right in run["error"]["remedy"]
        assert words != "of the kind" or setting.partition("=")[2] not in run["error"]["remedy"]
    assert run["inward"]["read"] > 0
    shop.well("edit", shop.platform, *ACCOUNTS, *VALUES)
    assert shop.sync(shop.platform)["outcome"] == "succeeded"


def test_an_account_that_is_closed_later_is_named_and_the_day_is_entered_once_it_is_put_right(
    shop: Shop,
) -> None:
    keep_books(shop)
    took = redeem(shop, 5)
    shop.sync(shop.platform)
    shop.well("edit", shop.platform, "--set", "account_redeemed=Gone")
    assert next_day(shop)["error"]["code"] == "mapping"
    assert journals(shop) == []
    shop.well("edit", shop.platform, *ACCOUNTS)
    assert shop.sync(shop.platform)["outcome"] == "succeeded"
    assert [sums(journal) for journal in journals(shop)] == [{OWED: took, REDEEMED: -took}]


@pytest.mark.parametrize("setting", ["account_expense=Nope", f"account_liability={EXPENSE}", "point_value="])
def test_a_setting_that_is_changed_later_is_checked_by_the_next_run(shop: Shop, setting: str) -> None:
    keep_books(shop)
    shop.well("edit", shop.platform, "--set", setting)
    run = shop.sync(shop.platform)
    assert run["outcome"] == "failed" and run["error"]["code"] == "mapping", run
    assert "--set " + setting.partition("=")[0] in run["error"]["remedy"]
    assert shop.well("show", shop.platform)["status"] == "error"
    shop.well("edit", shop.platform, *ACCOUNTS, *VALUES)
    assert shop.sync(shop.platform)["outcome"] == "succeeded"


def booked(shop: Shop) -> list[str]:
    """What a preview says of the books."""
    return [note for note in shop.well("preview", shop.platform)["notes"] if "book" in note]


def test_the_preview_says_what_would_be_booked(shop: Shop) -> None:
    keep_books(shop)
    assert booked(shop) == ["There is nothing to book so far."]
    took = redeem(shop, 5) / 100
    shop.sync(shop.platform)
    assert booked(shop) == [
        f"To be booked of today so far, entered when the day is over: redeemed {took:.2f} GBP."
    ]
    today = datetime.now(UTC).date()
    Ahead.days += 1
    shop.box.ask("/clock", {"advance_s": 86_400})
    assert booked(shop) == [f"To be booked of {today}: redeemed {took:.2f} GBP."]
    assert journals(shop) == []
    shop.sync(shop.platform)
    assert booked(shop) == ["There is nothing to book so far."]


def test_the_preview_says_with_what_the_books_begin(shop: Shop) -> None:
    shop.connect(
        shop.platform, "--data", "customers", "--set", "books=yes", "--set", "books_opening=yes",
        *ACCOUNTS, *VALUES,
    )  # fmt: skip
    begin, so_far = booked(shop)
    assert "begin with today" in begin and "outstanding when the books began" in so_far
    assert f"{owed(shop) / 100:.2f} GBP" in so_far


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("setting", ["account_expense=Nope", f"account_liability={EXPENSE}", "point_value="])
def test_the_preview_says_what_keeps_the_books_from_being_kept(shop: Shop, setting: str, begun: bool) -> None:
    shop.connect(shop.platform, "--data", "customers", "--set", "books=yes", *ACCOUNTS, *VALUES)
    if begun:
        shop.sync(shop.platform)
    shop.well("edit", shop.platform, "--set", setting)
    (note,) = booked(shop)
    assert note.startswith("Nothing can be booked: ") and "--set " + setting.partition("=")[0] in note
    assert setting.startswith("point") or OWED in note


def test_books_without_accounts_are_refused_at_once_and_each_missing_one_is_named(shop: Shop) -> None:
    few = ("--set", "books=yes", "--set", f"account_liability={OWED}")
    code, answer = shop.run(
        "connect", shop.platform, "--credentials-stdin", "--data", "customers", *few,
        stdin=shop.box.credentials(shop.platform),
    )  # fmt: skip
    error = answer["error"]
    assert code == 2 and error["code"] == "usage", answer
    assert "account_expense" in error["message"] and "account_redeemed" in error["message"]
    assert "account_liability" not in error["message"] + error["remedy"]
    assert "--set account_expense=NAME --set account_redeemed=NAME" in error["remedy"]
    shop.connect(shop.platform, "--data", "customers")
    assert shop.run("edit", shop.platform, *few)[0] == 2
    shop.well("edit", shop.platform, *ACCOUNTS)
    shop.well("edit", shop.platform, "--set", "books=yes")


def test_what_was_owed_before_is_booked_if_the_admin_wants_it_so(shop: Shop) -> None:
    keep_books(shop, *ACCOUNTS, *VALUES, "--set", "books_opening=yes")
    next_day(shop)
    (journal,) = journals(shop)
    assert -sums(journal)[OWED] == owed(shop)


def test_books_that_are_switched_off_and_on_begin_anew(shop: Shop) -> None:
    keep_books(shop)
    shop.well("edit", shop.platform, "--set", "books=no")
    redeem(shop, 5)
    shop.sync(shop.platform)
    assert next_day(shop)["outcome"] == "succeeded"
    shop.well("edit", shop.platform, "--set", "books=yes")
    shop.sync(shop.platform)
    took = redeem(shop, 3)
    shop.sync(shop.platform)
    next_day(shop)
    assert [sums(journal) for journal in journals(shop)] == [{OWED: took, REDEEMED: -took}]


@pytest.mark.parametrize(
    ("setting", "field"),
    [
        ("books=maybe", "books"),
        ("point_value=-1", "point_value"),
        ("stamp_value=much", "stamp_value"),
        ("direction=to-perkstar", "books"),
        ("account_liability=", "what is owed"),
        ("account_redeemed= ", "--set account_redeemed=NAME"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_when_it_is_given(shop: Shop, setting: str, field: str) -> None:
    keep_books(shop)
    code, answer = shop.run("edit", shop.platform, "--set", setting)
    assert code == 2 and field in answer["error"]["message"] + answer["error"]["remedy"], answer
    assert shop.sync(shop.platform)["outcome"] == "succeeded"

"""A change is seen before it is kept: filters by who would enter and leave, rules by what sales would have given."""

from datetime import UTC, datetime, timedelta

import pytest
from shop import Shop, sandbox

RULES = (
    'when weekday in ("sat", "sun") then x2; when total > 20 then +10%; when first_purchase = yes then +50'
)


@pytest.fixture(scope="module")
def box():
    with sandbox("--no-limits", "--only", "square", customers=60) as made:
        yield made


@pytest.fixture(scope="module")
def shop(box, tmp_path_factory):
    made = Shop(box, tmp_path_factory.mktemp("home"), inside=True)
    made.connect_till()
    made.sync("square")  # The balances that the cloud has booked.
    return made


def writes(box):
    return [one for one in box.requests("square") if one["method"] in ("PUT", "DELETE")
            or (one["method"] == "POST" and not one["path"].endswith(("/search", "/retrieve", "/token")))]  # fmt: skip


def ledger(shop):
    rows = shop.well("transactions", "list", "--limit", "1000")["items"]
    return {(row["remote_id"], row["kind"]): row for row in rows}


def test_what_a_rule_is_seen_to_give_is_what_is_booked_when_the_same_sales_come_again(
    box, shop, tmp_path_factory
):
    before = ledger(shop)
    seen = shop.well("edit", "square", "--dry-run", "--set", f"earn_rules={RULES}")
    assert ledger(shop) == before and not shop.well("show", "square")["options"].get("earn_rules")

    with sandbox("--no-limits", "--only", "square", customers=60) as twin:
        other = Shop(twin, tmp_path_factory.mktemp("other"), inside=True)
        credit_from = box.ask("/world/sales")["credit_from"]
        other.connect("square", "--data", "customers,transactions", "--set", f"credit_from={credit_from}",
                      "--set", "issue_cards=sale", "--set", f"earn_rules={RULES}")  # fmt: skip
        for _ in range(2):
            assert other.sync("square")["outcome"] == "succeeded"
        again = ledger(other)
        one = max((row for row in again.values() if row["rules"]), key=lambda row: row["earned"])
        assert "then" in " ".join(other.well("transactions", "show", one["id"])["story"])
    assert again.keys() == before.keys()
    assert any(row["rules"] for row in again.values())
    for period in seen["earning"]:
        since, until = (datetime.fromisoformat(period[end]).replace(tzinfo=UTC) for end in ("since", "until"))
        sales = [
            key
            for key, row in before.items()
            if row["kind"] == "sale"
            and since <= datetime.fromisoformat(row["happened_at"]) < until
            and not any(word in row["reason"] for word in ("older than", "no customer at all", "window"))
        ]
        assert (period["sales"], period["unjudged"]) == (len(sales), 0)
        assert period["points_now"] == sum(before[key]["earned"] for key in sales)
        assert period["points_then"] == sum(again[key]["earned"] for key in sales)
    assert any(period["more"] > 0 for period in seen["earning"])
    assert "points more" in " ".join(seen["said"])


def test_a_filter_is_narrowed_and_widened_with_nobody_lost_doubled_or_written_twice(box, shop):
    assert shop.sync("square")["outward"]["updated"] == 0
    people = len(box.records("square"))
    linked = shop.well("show", "square")["counts"]["linked"]
    sent = len(writes(box))
    names = {row["fields"].get("last_name", "") for row in shop.well("customers", "--limit", "500")["items"]}
    letter = next(letter for letter in "smbcdw" if any(name.lower().startswith(letter) for name in names))
    text = f'filter=not (last_name starts with "{letter}")'

    seen = shop.well("edit", "square", "--dry-run", "--set", text)
    out = next(one for one in seen["filters"] if one["name"] == "filter_to_platform")
    assert out["passes_now"] == out["total"] == out["passes_then"] + out["leave_total"]
    assert out["leave_total"] > 0 and out["enter_total"] == 0
    assert all(name.split()[-1].lower().startswith(letter) for name in out["leave"])

    shop.well("edit", "square", "--set", text)
    run = shop.sync("square")
    assert run["outward"]["excluded"] == out["leave_total"]
    left = shop.well("show", "square")["counts"]["linked"]
    assert left < linked

    shop.well("edit", "square", "--set", "filter=")
    assert shop.sync("square")["outcome"] == "succeeded"
    assert shop.well("show", "square")["counts"]["linked"] == linked
    assert (len(box.records("square")), len(writes(box))) == (people, sent)
    again = shop.sync("square")
    assert again["outward"]["read"] == 0 and again["inward"]["created"] == 0


def test_a_rollback_puts_filters_and_rules_back_and_everybody_is_looked_at_again(shop):
    version = max(one["version"] for one in shop.well("history", "square")["items"])
    shop.well("edit", "square", "--set", "filter_to_platform=email is empty", "--set", f"earn_rules={RULES}")
    linked = shop.sync("square")["outward"]
    assert linked["excluded"] > 10
    shop.well("rollback", "square", str(version))
    options = shop.well("show", "square")["options"]
    assert not options.get("filter_to_platform") and not options.get("earn_rules")
    run = shop.sync("square")["outward"]
    assert (run["created"], run["updated"]) == (0, 0) and run["unchanged"] >= linked["excluded"]


def test_sales_that_do_not_pass_are_in_the_ledger_with_the_filter_as_the_reason(box, tmp_path):
    shop = Shop(box, tmp_path, inside=True)
    early = (datetime.now(UTC) - timedelta(days=400)).date().isoformat()
    shop.connect("square", "--data", "customers,transactions", "--set", f"credit_from={early}",
                 "--set", "issue_cards=sale", "--set", "filter_sales=total >= 20")  # fmt: skip
    assert shop.sync("square")["outcome"] == "succeeded"
    sales = [row for row in ledger(shop).values() if row["kind"] == "sale"]
    small = [row for row in sales if row["total_minor"] < 2000]
    assert small and all(row["earned"] == 0 and "filter: total >= 20" in row["reason"] for row in small)
    assert any(row["earned"] for row in sales if row["total_minor"] >= 2000)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ('filter_to_platform=contry = "GB"', "no field 'contry' at 1"),
        ('filter_to_perkstar=tier = "gold"', "no field 'tier'"),
        ("filter_sales=date > 30 days ago", "judged once"),
        ("earn_rules=when total > 5 then lots", "at 21"),
        ("earn_on_credit=perhaps", "no choice for earn_on_credit"),
        ("earn_double_days=tue,someday", "'someday' is no day"),
    ],
)
def test_a_wrong_one_is_refused_where_it_is_given_and_names_the_setting(shop, setting, says):
    for more in ((), ("--dry-run",)):
        code, answer = shop.run("edit", "square", "--set", setting, *more)
        assert code == 2 and says in answer["error"]["message"] and answer["error"]["remedy"]


def test_a_changed_transform_is_seen_on_real_records(shop):
    seen = shop.well("mapping", "square", "set", "given_name", "--set", "transform=lower", "--dry-run")
    (line,) = seen["mapping"]
    assert line["remote"] == "given_name" and 0 < len(line["sent"]) <= 10
    assert all(one["after"] == one["before"].lower() != one["before"] for one in line["sent"])
    kept = {one["remote"]: one["transform"] for one in shop.well("mapping", "square")["items"]}
    assert kept["given_name"] == "text"

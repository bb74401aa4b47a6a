"""Matching, mapping, earning and schedule: pure decisions, by example."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from perkstar_tui.model.errors import PerkstarError
from perkstar_tui.model.remote import Sale
from perkstar_tui.sync.earning import EarningRule, award, reversal
from perkstar_tui.sync.mapping import transform
from perkstar_tui.sync.matching import match
from perkstar_tui.sync.schedule import next_run, parse_frequency

PEOPLE = {
    "cus_a": {"email": "a@x.uk", "phone": "+447400123456"},
    "cus_b": {"email": "b@x.uk", "phone": "+447400123456"},
    "cus_c": {"email": None, "phone": "+447400999999"},
}


def candidates(key, value):
    return [(id_, keys) for id_, keys in PEOPLE.items() if keys[key] == value]


@pytest.mark.parametrize(
    ("keys", "verdict", "ids"),
    [
        ({"email": "a@x.uk", "phone": None}, "one", ("cus_a",)),
        ({"email": "b@x.uk", "phone": "+447400123456"}, "one", ("cus_b",)),
        ({"email": None, "phone": "+447400123456"}, "held", ("cus_a", "cus_b")),
        ({"email": "new@x.uk", "phone": "+447400999999"}, "one", ("cus_c",)),
        ({"email": "new@x.uk", "phone": "+447400123456"}, "held", ("cus_a", "cus_b")),
        ({"email": "new@x.uk", "phone": "+447400000000"}, "none", ()),
    ],
)
def test_first_contact_links_only_what_nothing_contradicts(keys, verdict, ids):
    found = match(keys, ("email", "phone"), candidates)
    assert (found.verdict, found.ids) == (verdict, ids)


def test_a_birthday_without_a_year_keeps_the_year_that_perkstar_knows():
    birthday = transform("birthday_mmdd")
    assert birthday.out("1990-03-07") == "03/07"
    assert birthday.back("03/07", "1990-03-07") == "1990-03-07"
    assert birthday.back("03/08", "1990-03-07") == "--03-08"


def test_phones_in_different_spellings_are_the_same():
    phone = transform("e164", "GB")
    assert phone.same("07400 123456") == phone.same("+44 7400 123456") == phone.same("447400123456")


def test_an_unknown_transform_names_the_ones_there_are():
    with pytest.raises(PerkstarError) as caught:
        transform("shout")
    assert "lower" in caught.value.remedy


def sale(total=1000, **more):
    now = datetime(2026, 11, 24, tzinfo=UTC)
    return Sale("s", now, now, "GBP", total, **more)


@pytest.mark.parametrize(
    ("rule", "bought", "points"),
    [
        (EarningRule(), sale(1099), 10),
        (EarningRule(tip=False), sale(1500, tip_minor=500), 10),
        (EarningRule(tax=False), sale(1200, tax_minor=200), 10),
        (EarningRule(rate=Decimal("1.5")), sale(1000), 15),
        (EarningRule(minimum_minor=2000), sale(1999), 0),
        (EarningRule(mode="cashback", rate=Decimal(5)), sale(1000), 50),
        (EarningRule(double_days=("tue",)), sale(1000), 20),
        (EarningRule(), sale(1000, credit_minor=500), 10),
        (EarningRule(credit=False), sale(1000, credit_minor=500), 5),
        (EarningRule(credit=False), sale(1000, credit_minor=1000), 0),
        (EarningRule(credit=False, tax=False), sale(1200, tax_minor=200, credit_minor=600), 5),
        (EarningRule(credit=False), sale(1100, tip_minor=100, credit_minor=500), 5),
        (EarningRule(credit=False, tip=True), sale(1500, tip_minor=500, credit_minor=750), 7),
        (EarningRule(credit=False), sale(100, tip_minor=100, credit_minor=50), 0),
    ],
)
def test_a_sale_earns_by_the_rule(rule, bought, points):
    assert award(rule, bought, date(2026, 11, 24))[0] == points


def test_refunds_take_back_the_share_as_booked_and_never_more():
    first = reversal(10, 333, 1000, 0)
    second = reversal(10, 666, 1000, first)
    last = reversal(10, 1000, 1000, first + second)
    assert first + second + last == 10
    assert reversal(10, 1000, 1000, 10) == 0


def test_daily_runs_keep_their_local_time_across_the_summer_time_change():
    before = datetime(2026, 10, 24, 12, tzinfo=UTC)
    first = next_run("daily@03:00", "int_1", before, "Europe/London")
    second = next_run("daily@03:00", "int_1", first, "Europe/London")
    assert (first, second) == (datetime(2026, 10, 25, 3, tzinfo=UTC), datetime(2026, 10, 26, 3, tzinfo=UTC))


def test_hourly_runs_are_spread_by_id_and_stay_an_hour_apart():
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    minutes = {next_run("hourly", f"int_{n}", now, "UTC").minute for n in range(50)}
    assert len(minutes) > 20
    first = next_run("hourly", "int_1", now, "UTC")
    assert (next_run("hourly", "int_1", first, "UTC") - first).total_seconds() == 3600


def test_a_frequency_that_is_none_names_what_there_is():
    with pytest.raises(PerkstarError, match="is no frequency"):
        parse_frequency("daily@25:00")

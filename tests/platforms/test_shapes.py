"""Vendors' rows as flat records and back, by what a manifest says of them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perkstar_tui.model.enums import DataType
from perkstar_tui.platforms.catalog import load_catalog
from perkstar_tui.platforms.filling import fill, text
from perkstar_tui.platforms.parts import ListSpec, RecordSpec, RefundSpec, SaleSpec, WalkSpec
from perkstar_tui.platforms.shapes import Shape, merged, read_time, refunds_of, sale_of, write_time

EMAILS = ListSpec(path="emails", first="primary", extra={"primary": True, "label": "work"}, whole=True)
META = ListSpec(path="meta_data", key="key")
PHONES = ListSpec(path="Phones", key="PhoneType", value="PhoneNumber", whole=True)
ADDRESSES = ListSpec(path="addresses", key="kind", value="")
WALK = WalkSpec(all={"path": "/orders"})


def test_a_nested_row_becomes_flat_paths() -> None:
    record = Shape(RecordSpec(id="ID", at="attributes")).record(
        {"ID": 7, "attributes": {"email": "a@b.c", "location": {"city": "Leeds"}, "tags": ["x"]}}
    )
    assert (record.id, record.fields) == ("7", {"email": "a@b.c", "location.city": "Leeds"})


def test_the_marked_element_of_a_list_is_the_first() -> None:
    shape = Shape(RecordSpec(lists=(EMAILS,)))
    rows = [{"value": "old@x.y", "primary": False}, {"value": "new@x.y", "primary": True}]
    assert shape.record({"id": 1, "emails": rows}).fields["emails.first"] == "new@x.y"
    assert shape.record({"id": 1, "emails": rows[:1]}).fields["emails.first"] == "old@x.y"
    assert "emails.first" not in shape.record({"id": 1, "emails": []}).fields


def test_a_list_that_is_replaced_whole_keeps_its_other_elements() -> None:
    shape = Shape(RecordSpec(lists=(EMAILS,)))
    there = {"emails": [{"value": "old@x.y", "primary": False}, {"value": "new@x.y", "primary": True}]}
    body = shape.body({"emails.first": "newest@x.y"}, there=there)
    assert body["emails"] == [
        {"value": "old@x.y", "primary": False},
        {"value": "newest@x.y", "primary": True},
    ]
    assert there["emails"][1]["value"] == "new@x.y"
    assert shape.body({"emails.first": None}, there=there)["emails"] == [there["emails"][0]]


def test_a_list_that_the_vendor_joins_is_written_by_its_changed_elements_alone() -> None:
    shape = Shape(RecordSpec(lists=(META,)))
    row = {"id": 1, "meta_data": [{"id": 9, "key": "points", "value": "12"}]}
    assert shape.record(row).fields == {"id": 1, "meta_data.points": "12"}
    assert shape.body({"meta_data.tier": "Gold"}, there=row) == {
        "meta_data": [{"key": "tier", "value": "Gold"}]
    }


def test_elements_that_are_objects_give_a_path_for_each_member() -> None:
    shape = Shape(RecordSpec(lists=(ADDRESSES,)))
    fields = shape.record({"id": 1, "addresses": [{"kind": "home", "city": "Bath", "zip": "BA1"}]}).fields
    assert (fields["addresses.home.city"], fields["addresses.home.zip"]) == ("Bath", "BA1")
    assert shape.body({"addresses.home.city": "York"})["addresses"] == [{"kind": "home", "city": "York"}]


def test_fields_that_the_vendor_names_itself_are_known_by_our_names() -> None:
    shape = Shape(RecordSpec())
    shape.rename({"custom.points": "custom.9f3a"})
    assert shape.record({"id": 1, "custom": {"9f3a": 3}}).fields["custom.points"] == 3
    assert shape.body({"custom.points": 4}) == {"custom": {"9f3a": 4}}


@pytest.mark.parametrize(("empty", "body"), [("null", {"a": None}), ("text", {"a": ""}), ("drop", {})])
def test_a_field_is_cleared_as_the_vendor_takes_it(empty: str, body: dict) -> None:
    assert Shape(RecordSpec()).body({"a": None}, empty) == body


def test_a_change_goes_into_a_whole_record_member_by_member() -> None:
    there = {"name": "A", "address": {"city": "Bath", "zip": "BA1"}, "tags": [1]}
    assert merged(there, {"address": {"city": "York"}, "tags": [2]}) == {
        "name": "A",
        "address": {"city": "York", "zip": "BA1"},
        "tags": [2],
    }


@given(
    st.datetimes(min_value=datetime(2001, 1, 1), max_value=datetime(2090, 1, 1)),  # noqa: DTZ001
    st.sampled_from(["iso", "iso_s", "iso_naive", "ms", "s", "s_text", "rfc2822"]),
)
def test_a_moment_is_read_as_it_was_written(at: datetime, form: str) -> None:
    second = at.replace(microsecond=0, tzinfo=UTC)
    shown = write_time(second.timestamp() * 1000, form)
    assert read_time(shown, form) == second


def test_local_times_of_new_york_follow_its_summer() -> None:
    assert read_time("2026-07-01 12:00:00", "eastern") == datetime(2026, 7, 1, 16, tzinfo=UTC)
    assert read_time("2026-12-01 12:00:00", "eastern") == datetime(2026, 12, 1, 17, tzinfo=UTC)
    assert read_time("/Date(1573755038314+0000)/", "ms_date") == datetime(
        2019, 11, 14, 18, 10, 38, 314000, tzinfo=UTC
    )


ORDER = {
    "id": 5,
    "status": "completed",
    "paid": "2026-11-01T10:00:00",
    "modified": "2026-11-02T10:00:00",
    "currency": "jpy",
    "total": "1200",
    "tax": "100",
    "tip": "",
    "customer": 0,
    "billing": {"email": "a@b.c"},
    "items": [{"id": 1, "name": "Tea", "quantity": 2, "total": "1100", "sku": "T"}],
    "refunds": [{"id": 8, "total": "-300"}],
}
SALE = SaleSpec(
    read=WALK,
    placed=("paid",),
    changed="modified",
    total=("total", "tip"),
    tax=("tax",),
    customer=("customer",),
    email=("billing.email",),
    only={"status": ("completed",)},
    lines="items",
    line_product="sku",
    refunds=RefundSpec(rows="refunds", amount="total"),
)


def test_an_order_becomes_a_sale_in_minor_units_of_its_currency() -> None:
    sale = sale_of(ORDER, SALE)
    assert sale is not None
    assert (sale.total_minor, sale.tax_minor, sale.currency) == (1200, 100, "JPY")
    assert (sale.customer_remote_id, sale.email) == (None, "a@b.c")
    assert [(line.name, line.total_minor, line.product_id) for line in sale.lines] == [("Tea", 1100, "T")]
    pounds = sale_of({**ORDER, "currency": "GBP", "total": "12.30", "tip": "0.505"}, SALE)
    assert pounds is not None and pounds.total_minor == 1230 + 50


PAYMENTS = {
    "toast": {
        "paidDate": "2026-11-01T10:00:00.000+0000", "paymentStatus": "CLOSED", "voided": False, "deleted": False,
        "totalAmount": 20.0, "payments": [
            {"type": "GIFTCARD", "amount": 7.5, "tipAmount": 1.0}, {"type": "CREDIT", "amount": 10.0, "tipAmount": 2.0},
            {"type": "TOAST_SV", "amount": 2.5, "tipAmount": 0.0}, {"type": "REWARDCARD", "amount": 1.0},
        ],
    },
    "bigcommerce": {
        "id": 7, "date_created": "Sun, 01 Nov 2026 10:00:00 +0000", "status_id": 10, "is_deleted": False,
        "currency_code": "GBP", "total_inc_tax": "20.0000", "store_credit_amount": "2.5000",
        "gift_certificate_amount": "7.5000",
    },
}  # fmt: skip


@pytest.mark.parametrize("platform", PAYMENTS)
def test_what_was_paid_by_gift_card_or_store_credit_is_told_apart(platform: str) -> None:
    spec = load_catalog()[platform].data[DataType.TRANSACTIONS].sale
    assert spec is not None
    sale = sale_of(PAYMENTS[platform], spec)
    assert sale is not None and sale.credit_minor == 1000
    bare = sale_of(
        {**PAYMENTS[platform], "payments": None, "store_credit_amount": "", "gift_certificate_amount": 0},
        spec,
    )
    assert bare is not None and bare.credit_minor == 0


def test_an_order_that_does_not_count_yet_is_no_sale() -> None:
    assert sale_of({**ORDER, "status": "pending"}, SALE) is None
    assert sale_of({**ORDER, "paid": None}, SALE) is None


def test_refunds_of_an_order_are_amounts_above_nothing() -> None:
    [refund] = refunds_of(ORDER, SALE, "5")
    assert (refund.id, refund.sale_id, refund.amount_minor) == ("8", "5", 300)
    assert refund.at == datetime(2026, 11, 2, 10, tzinfo=UTC)


def test_a_call_is_filled_with_values_of_their_type_and_unknown_ones_are_left_out() -> None:
    values = {"size": 50, "token": None, "id": "a/b", "ids": [1, 2]}
    assert fill({"limit": "{size}", "cursor": "{token}", "q": "n={size}", "in": "{ids}"}, values) == {
        "limit": 50,
        "q": "n=50",
        "in": [1, 2],
    }
    assert text("/x/{id}", values, quoted=True) == "/x/a%2Fb"
    assert fill({"keep": None, "list": ["{token}", "{size}"]}, values) == {"keep": None, "list": [50]}


def test_a_value_with_braces_is_not_filled_again() -> None:
    assert fill({"name": "{value}"}, {"value": "{size}"}) == {"name": "{size}"}
    assert text("q={value}", {"value": "{size}"}) == "q={size}"

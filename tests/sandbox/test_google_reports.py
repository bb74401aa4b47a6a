"""Reports of a Google Analytics property: its own days, filters, and what is refused."""

import random
from datetime import UTC, datetime

import pytest

from perkstar_tui.sandbox import google_reports as reports
from perkstar_tui.sandbox.clock import Clock
from perkstar_tui.sandbox.limits import Window
from perkstar_tui.sandbox.oauth import Grants
from perkstar_tui.sandbox.wire import Call, Refused

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
EVENTS = [
    ("purchase", datetime(2026, 11, 22, 20, tzinfo=UTC)),
    ("purchase", datetime(2026, 11, 23, 6, tzinfo=UTC)),  # still the 22nd there
    ("purchase", datetime(2026, 11, 23, 9, tzinfo=UTC)),
    ("refund", datetime(2026, 11, 23, 9, tzinfo=UTC)),
]
WEEK = {"startDate": "7daysAgo", "endDate": "today"}


def asked(*dimensions, **more):
    body = {
        "dateRanges": [WEEK],
        "dimensions": [{"name": name} for name in dimensions],
        "metrics": [{"name": "eventCount"}],
    }
    return reports.report({**body, **more}, EVENTS, NOW).json()


def rows(answer):
    return {
        tuple(part["value"] for part in row["dimensionValues"]): row["metricValues"][0]["value"]
        for row in answer.get("rows", [])
    }


def only(how):
    return {"filter": {"fieldName": "eventName", **how}}


def test_events_are_counted_by_name_and_by_the_propertys_own_days():
    assert rows(asked("eventName")) == {("purchase",): "3", ("refund",): "1"}
    by_day = asked("date", "eventName")
    assert by_day["rowCount"] == 3 and rows(by_day)["20261122", "purchase"] == "2"
    assert rows(asked("eventName", dateRanges=[{"startDate": "2026-11-23", "endDate": "yesterday"}])) == {
        ("purchase",): "1",
        ("refund",): "1",
    }
    assert "rows" not in asked("eventName", dateRanges=[{"startDate": "today", "endDate": "today"}])


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (only({"inListFilter": {"values": ["refund", "other"]}}), ["refund"]),
        (only({"stringFilter": {"value": "purchase"}}), ["purchase"]),
        (only({"stringFilter": {"value": "ref", "matchType": "BEGINS_WITH"}}), ["refund"]),
        ({"notExpression": only({"stringFilter": {"value": "refund"}})}, ["purchase"]),
        ({"orGroup": {"expressions": [only({"stringFilter": {"value": n}}) for n in ("refund", "x")]}}, ["refund"]),
    ],
)  # fmt: skip
def test_a_filter_leaves_out_the_rest(given, names):
    assert [name for (name,) in rows(asked("eventName", dimensionFilter=given))] == names


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"dimensions": [{"name": "city"}]}, "Field city is not a valid dimension"),
        ({"metrics": [{"name": "clicks"}]}, "Field clicks is not a valid metric"),
        ({"dateRanges": [{"startDate": "today", "endDate": "yesterday"}]}, "after endDate"),
        ({"dateRanges": [{"startDate": "24.11.2026", "endDate": "today"}]}, "Invalid date"),
        ({"colour": "red"}, 'Unknown name "colour"'),
        ({"dimensionFilter": {"filter": {"fieldName": "date"}}}, "must be requested"),
    ],
)
def test_what_is_no_report_is_refused(given, words):
    with pytest.raises(Refused) as caught:
        asked("eventName", **given)
    error = caught.value.answer.json()["error"]
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT") and words in error["message"]


def test_who_may_read_is_looked_at_first():
    clock = Clock()
    grants = Grants(clock, random.Random(1), "ya29.", "1//0", 3599.0)
    good, narrow = grants.issue([reports.READ]), grants.issue(["openid"])
    quota = Window(clock, 1, 3600.0)

    def status(token, property_id="7", **query):
        headers = {"authorization": f"Bearer {token}"} if token else {}
        call = Call("POST", "/", {name: [value] for name, value in query.items()}, headers, b"", "")
        call.params = {"id": property_id}
        try:
            reports.admitted(grants, call, "7", quota)
        except Refused as refused:
            return refused.answer.status
        return 200

    assert (status(None), status("wrong"), status(narrow.value)) == (401, 401, 403)
    assert (status(good.value, "8"), status(good.value, "G-7"), status(good.value, api_secret="s")) == (
        403,
        400,
        400,
    )
    assert (status(good.value), status(good.value)) == (200, 429)
    clock.advance(3600)
    assert status(good.value) == 401

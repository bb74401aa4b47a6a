"""Google's side that reads: tokens of an app, and reports of a property's events (Analytics Data API, v1beta)."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from .limits import Window
from .oauth import Denied, Grants, exchange, oauth_error
from .wire import Answer, Call, Refused, reply

READ = "https://www.googleapis.com/auth/analytics.readonly"
ZONE = ZoneInfo("America/Los_Angeles")
COUNTED_AFTER_MS = 24 * 3_600_000
"""How long an event is on its way into reports; the vendor says a day or two."""
TOKENS_AN_HOUR, TOKENS_A_REPORT = 40_000, 10
PARTS = {
    "dateRanges", "dimensions", "metrics", "dimensionFilter", "limit", "offset", "keepEmptyRows", "property",
    "returnPropertyQuota",
}  # fmt: skip
QUERY = {"alt", "key", "prettyPrint", "fields", "$alt", "$.xgafv", "quotaUser"}
DAYS_AGO = re.compile(r"(\d+)daysAgo")
NAMED_DAYS = {"today": 0, "yesterday": 1}

Event = tuple[str, datetime]


def failed(status: int, code: str, message: str) -> Refused:
    """An error as all of Google's APIs write it."""
    return Refused(reply({"error": {"code": status, "message": message, "status": code}}, status))


def invalid(message: str) -> Refused:
    """A request that is not good."""
    return failed(400, "INVALID_ARGUMENT", message)


def token(grants: Grants, call: Call) -> Answer:
    """A fresh access token; the refresh token stays, and is not told again."""
    try:
        given = exchange(grants, call.form(), [READ])
    except Denied as denied:
        if denied.error == "invalid_client":
            return oauth_error("invalid_client", "The OAuth client was not found.", 401)
        return oauth_error(denied.error, "Token has been expired or revoked.")
    left = round((given.expires or 0) - grants.clock.now())
    return reply({
        "access_token": given.value, "expires_in": left, "scope": " ".join(given.scopes), "token_type": "Bearer",
    })  # fmt: skip


def admitted(grants: Grants, call: Call, own: str, quota: Window | None) -> None:
    """Raises what the API says to who may not read this property, or not now."""
    unknown = next((name for name in call.query if name not in QUERY), None)
    if unknown is not None:
        raise invalid(
            f'Invalid JSON payload received. Unknown name "{unknown}": Cannot bind query parameter.'
        )
    value = call.bearer()
    if value is None:
        raise failed(401, "UNAUTHENTICATED", "Request is missing required authentication credential.")
    if grants.check(value) != "ok":
        raise failed(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
    if READ not in grants.tokens[value].scopes:
        raise failed(403, "PERMISSION_DENIED", "Request had insufficient authentication scopes.")
    wanted = call.params["id"]
    if not wanted.isdigit():
        raise invalid(f"Invalid property ID: {wanted}. A numeric Property ID is required.")
    if wanted != own:
        raise failed(403, "PERMISSION_DENIED", "User does not have sufficient permissions for this property.")
    if quota is not None and not quota.take():
        words = "Exhausted property tokens per hour. These quota tokens will return in under an hour."
        raise failed(429, "RESOURCE_EXHAUSTED", words)


def day_of(text: str, today: date) -> date:
    """A day as requests write it, in the property's own calendar."""
    ago = DAYS_AGO.fullmatch(text)
    if ago is not None or text in NAMED_DAYS:
        return today - timedelta(days=int(ago[1]) if ago is not None else NAMED_DAYS[text])
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise invalid(f"Invalid date {text}.") from None


def kept(given: dict[str, Any], asked: list[str]) -> Callable[[dict[str, str]], bool]:
    """The test that a filter of dimensions is."""
    if not given:
        return lambda values: True
    (kind, part), *more = given.items()
    if more:
        raise invalid("A filter expression is one of a group, a negation and a filter.")
    if kind in ("andGroup", "orGroup"):
        tests = [kept(one, asked) for one in part["expressions"]]
        every = all if kind == "andGroup" else any
        return lambda values: every(test(values) for test in tests)
    if kind == "notExpression":
        test = kept(part, asked)
        return lambda values: not test(values)
    if kind != "filter" or part.get("fieldName") not in asked:
        raise invalid("Dimensions of a filter must be requested.")
    name = part["fieldName"]
    if "inListFilter" in part:
        listed = part["inListFilter"]["values"]
        if not listed:
            raise invalid("The list of a filter is empty.")
        return lambda values: values[name] in listed
    wanted = part["stringFilter"]
    how = wanted.get("matchType", "EXACT")
    if how not in ("EXACT", "BEGINS_WITH", "CONTAINS"):
        raise invalid(f"Match type {how} is not played.")
    return lambda values: {
        "EXACT": values[name] == wanted["value"],
        "BEGINS_WITH": values[name].startswith(wanted["value"]),
        "CONTAINS": wanted["value"] in values[name],
    }[how]


def report(given: dict[str, Any], events: list[Event], now: datetime) -> Answer:
    """How often each event happened, by name or day, in one range of days."""
    unknown = next((name for name in given if name not in PARTS), None)
    if unknown is not None:
        raise invalid(f'Invalid JSON payload received. Unknown name "{unknown}": Cannot find field.')
    asked = [str(one["name"]) for one in given.get("dimensions", [])]
    metrics = [str(one["name"]) for one in given.get("metrics", [])]
    for kind, names, known in (
        ("dimension", asked, ("eventName", "date")),
        ("metric", metrics, ("eventCount",)),
    ):
        for name in names:
            if name not in known:
                raise invalid(f"Field {name} is not a valid {kind}.")
    if not asked and not metrics:
        raise invalid("Requests need a dimension or a metric.")
    ranges = given.get("dateRanges", [])
    if len(ranges) != 1:
        raise invalid("One date range is needed; more are not played.")
    today = now.astimezone(ZONE).date()
    first, last = (day_of(str(ranges[0][end]), today) for end in ("startDate", "endDate"))
    if first > last:
        raise invalid("startDate is after endDate.")
    test = kept(given.get("dimensionFilter") or {}, asked)
    counts: Counter[tuple[str, ...]] = Counter()
    for name, at in events:
        day = at.astimezone(ZONE).date()
        values = {"eventName": name, "date": day.strftime("%Y%m%d")}
        if first <= day <= last and test(values):
            counts[tuple(values[dimension] for dimension in asked)] += 1
    ordered = counts.most_common()
    start = int(given.get("offset") or 0)
    shown = ordered[start : start + int(given.get("limit") or 10_000)]
    body: dict[str, Any] = {
        "dimensionHeaders": [{"name": name} for name in asked],
        "metricHeaders": [{"name": name, "type": "TYPE_INTEGER"} for name in metrics],
        "metadata": {"currencyCode": "USD", "timeZone": ZONE.key},
        "kind": "analyticsData#runReport",
    }
    if shown:
        # Members that are empty or nothing are not written at all.
        body |= {"rowCount": len(ordered), "rows": [
            {"dimensionValues": [{"value": value} for value in values],
             "metricValues": [{"value": str(count)}] * len(metrics)}
            for values, count in shown
        ]}  # fmt: skip
    return reply(body, records=len(shown))

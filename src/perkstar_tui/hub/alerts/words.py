"""What a message says, by mail and by webhook: what, since when, how often, what to do, the command. Pure.

Only what alerts hold: names that the admin gave, counts, codes and ids, never a customer.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from textwrap import wrap
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from perkstar_tui.model.normal import plain

from .views import AlertView

OPENED, REMINDER, OVER, PASSED = "opened", "reminder", "resolved", "passed"
_HEADS = {
    OPENED: "",
    REMINDER: "Still so",
    OVER: "Over",
    PASSED: "Came and went",
}


def title(items: Sequence[tuple[str, AlertView]], account: str) -> str:
    """The subject of a mail: one alert by its name, more by their number."""
    where = f"[Perkstar {plain(account)}]" if account else "[Perkstar]"
    if len(items) == 1:
        event, alert = items[0]
        head = {OVER: "Over: ", REMINDER: "Still: ", PASSED: "Came and went: "}.get(event, "")
        return plain(f"{where} {head}{alert.name}: {_lower(alert.title)}")
    new = sum(event == OPENED for event, _ in items)
    over = sum(event in (OVER, PASSED) for event, _ in items)
    still = len(items) - new - over
    parts = [
        f"{number} {word}" for number, word in ((new, "new"), (still, "still open"), (over, "over")) if number
    ]
    return f"{where} {len(items)} alerts: {', '.join(parts)}"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def body(items: Sequence[tuple[str, AlertView]], account: str, route: str, zone: str, now: datetime) -> str:
    """The text of a mail."""
    order = {OPENED: 0, REMINDER: 1, OVER: 2, PASSED: 3}
    blocks = [
        _block(event, alert, zone, now)
        for event, alert in sorted(items, key=lambda item: (order[item[0]], item[1].id))
    ]
    foot = [
        "-- ",
        f"Perkstar, {plain(account)}. Told by the route {route}.",
        f"What is told here and when: perkstar alerts edit {route}",
    ]
    return "\n\n\n".join(blocks) + "\n\n" + "\n".join(foot) + "\n"


def _block(event: str, alert: AlertView, zone: str, now: datetime) -> str:
    head = _HEADS[event]
    lines = wrap(plain((f"{head}: " if head else "") + alert.message), 72)
    facts = [("Since", f"{_when(alert.first_at, zone)} ({_long(now - alert.first_at)})")]
    if event in (OVER, PASSED) and alert.resolved_at is not None:
        facts = [
            ("From", _when(alert.first_at, zone)),
            ("Until", f"{_when(alert.resolved_at, zone)} ({_long(alert.resolved_at - alert.first_at)})"),
        ]
    if alert.count > 1:
        facts.append(("How many", f"{alert.count:,}, the last {_when(alert.last_at, zone)}"))
    if alert.code:
        facts.append(("Code", alert.code))
    if alert.integration_id:
        facts.append(("Integration", alert.integration_id))
    facts.append(("Alert", alert.id))
    lines.append("")
    lines += [f"  {name:<12} {plain(words)}" for name, words in facts]
    if event in (OPENED, REMINDER):
        lines += ["", *wrap(plain(alert.remedy), 72)]
        if alert.command:
            lines += ["", f"    {plain(alert.command)}"]
        lines += ["", "To hear no more of it until it is over:", "", f"    perkstar alerts ack {alert.id}"]
    else:
        lines += ["", "Nothing is to be done."]
    return "\n".join(lines)


def _when(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%a %d %b %Y, %H:%M} ({zone})"


def _long(time: timedelta) -> str:
    minutes = max(0, int(time.total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    return f"{minutes // 60} hours" if minutes < 2880 else f"{minutes // 1440} days"


def payload(items: Sequence[tuple[str, AlertView]], now: datetime) -> bytes:
    """The body of a webhook: one alert by its own event, more as a digest. The same each time it is tried."""
    kind = f"alert.{items[0][0]}" if len(items) == 1 else "alert.digest"
    told: list[dict[str, Any]] = [
        {
            "event": event,
            "id": alert.id,
            "kind": alert.kind,
            "level": alert.level,
            "state": alert.state,
            "name": alert.name,
            "integration_id": alert.integration_id,
            "message": alert.message,
            "remedy": alert.remedy,
            "command": alert.command,
            "code": alert.code,
            "count": alert.count,
            "first_at": _iso(alert.first_at),
            "last_at": _iso(alert.last_at),
            "resolved_at": _iso(alert.resolved_at),
        }
        for event, alert in items
    ]
    return orjson.dumps({"type": kind, "timestamp": _iso(now), "data": {"alerts": told}})


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_body(account: str, route: str) -> tuple[str, str]:
    """Title and text of a message that only tries a route."""
    return (
        plain(f"[Perkstar {account}] Test of the route {route}"),
        f"This is a test. Alerts of {plain(account)} will be told here.\n\n"
        f"What is told here and when: perkstar alerts edit {route}\n",
    )

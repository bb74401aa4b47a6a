"""When an integration runs next: spread by its id, right across summer-time changes, and missed runs made up once."""

import re
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from zoneinfo import ZoneInfo

from perkstar_tui.model.errors import ErrorKind, PerkstarError

POLL_MINUTES = 15
"""How often a real-time integration is polled as the net under its webhooks (sync design: Schedule)."""

_DAILY = re.compile(r"^daily(?:@(\d{1,2}):(\d{2}))?$")


def parse_frequency(text: str) -> str:
    """The frequency in its one spelling. Raises PerkstarError USAGE for anything else."""
    cleaned = text.strip().lower()
    if cleaned in ("realtime", "hourly", "manual"):
        return cleaned
    daily = _DAILY.match(cleaned)
    if daily:
        hour, minute = int(daily[1] or 3), int(daily[2] or 0)
        if hour < 24 and minute < 60:
            return f"daily@{hour:02}:{minute:02}"
    raise PerkstarError(
        ErrorKind.USAGE,
        f"{text!r} is no frequency.",
        remedy="Use realtime, hourly, daily@HH:MM or manual.",
        field="frequency",
    )


def spread(integration_id: str, span: int) -> int:
    """A number from 0 to span - 1 that belongs to this id for ever, so that not all start at once."""
    return int.from_bytes(blake2b(integration_id.encode(), digest_size=4).digest(), "big") % span


def next_run(frequency: str, integration_id: str, after: datetime, zone: str) -> datetime | None:
    """The next due moment after `after`, or None for manual ones."""
    if frequency == "manual":
        return None
    if frequency == "realtime":
        seconds = POLL_MINUTES * 60
        start = after + timedelta(seconds=60)
        offset = spread(integration_id, seconds)
        since = int(start.timestamp() - offset) % seconds
        return (start + timedelta(seconds=(seconds - since) % seconds)).replace(microsecond=0)
    if frequency == "hourly":
        minute = spread(integration_id, 60)
        due = after.replace(minute=minute, second=0, microsecond=0)
        return due if due > after else due + timedelta(hours=1)
    daily = _DAILY.match(frequency)
    if daily is None:
        return None
    local = after.astimezone(ZoneInfo(zone))
    hour, minute = int(daily[1] or 3), int(daily[2] or 0)
    for days in range(3):
        day = local.date() + timedelta(days=days)
        due = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        if due > after:
            return due
    return None


def period(frequency: str) -> timedelta | None:
    """How often a run is expected; None for manual ones, which are never late."""
    if frequency == "realtime":
        return timedelta(minutes=POLL_MINUTES)
    if frequency == "hourly":
        return timedelta(hours=1)
    return timedelta(days=1) if frequency.startswith("daily") else None

"""Quiet hours on the account's own clock, right across midnight and summer-time changes. Pure."""

import re
from datetime import datetime, time
from zoneinfo import ZoneInfo

from perkstar_tui.model.errors import ErrorKind, PerkstarError

_HOURS = re.compile(r"^(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})$")


def parse_quiet(text: str) -> str:
    """Quiet hours in their one spelling, such as `22:00-07:00`; `no` and nothing mean none. Raises USAGE."""
    cleaned = text.strip().lower()
    if cleaned in ("", "no", "none", "off"):
        return ""
    found = _HOURS.match(cleaned)
    if found:
        parts = [int(part) for part in found.groups()]
        if parts[0] < 24 and parts[2] < 24 and parts[1] < 60 and parts[3] < 60 and parts[:2] != parts[2:]:
            return f"{parts[0]:02}:{parts[1]:02}-{parts[2]:02}:{parts[3]:02}"
    raise PerkstarError(
        ErrorKind.USAGE,
        f"{text[:40]!r} are no quiet hours.",
        remedy="Write from and to on the account's clock, such as 22:00-07:00, or no.",
        field="quiet",
    )


def is_quiet(quiet: str, now: datetime, zone: str) -> bool:
    """Whether it is quiet at this moment. The first minute belongs to it, the last one does not.

    What the wall clock shows decides, so that an hour that comes twice is quiet twice and one that is left out never.
    """
    if not quiet:
        return False
    start, _, end = quiet.partition("-")
    wall = now.astimezone(ZoneInfo(zone)).time()
    begins, ends = time.fromisoformat(start), time.fromisoformat(end)
    return begins <= wall < ends if begins < ends else wall >= begins or wall < ends

"""The sandbox's own time: the machine's, plus what `POST /clock` has added."""

import time
from datetime import UTC, datetime


class Clock:
    """Answers the moment in the unit a vendor speaks; every window, lifetime and stamp goes by it."""

    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() + self.offset

    def ms(self) -> int:
        """Milliseconds since 1970."""
        return int(self.now() * 1000)

    def advance(self, seconds: float) -> None:
        """Let time jump forward."""
        self.offset += seconds


def iso_ms(ms: int) -> str:
    """`2026-11-24T10:00:00.123Z`, as HubSpot and Square write a moment."""
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def iso_s(ms: int) -> str:
    """`2026-11-24T10:00:00+00:00`, as Mailchimp and Perkstar write a moment."""
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}+00:00"


def parse_ms(text: str) -> int | None:
    """A moment in ISO 8601 or in milliseconds; None when it is neither."""
    text = text.strip()
    if text.lstrip("-").isdigit():
        return int(text)
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00").replace(" ", "+"))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)

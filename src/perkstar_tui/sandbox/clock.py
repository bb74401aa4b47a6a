"""The sandbox's own time: the machine's, plus what `POST /clock` has added."""

import time
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache


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


@lru_cache(4096)
def _day(number: int) -> str:
    """The n-th day since 1970; kept, since pages of records are written from few of them."""
    return (date(1970, 1, 1) + timedelta(days=number)).isoformat()


@lru_cache(4096)
def iso_ms(ms: int) -> str:
    """`2026-11-24T10:00:00.123Z`, as HubSpot and Square write a moment."""
    days, rest = divmod(ms, 86_400_000)
    seconds, part = divmod(rest, 1000)
    minutes = seconds // 60
    return f"{_day(days)}T{minutes // 60:02d}:{minutes % 60:02d}:{seconds % 60:02d}.{part:03d}Z"


@lru_cache(4096)
def iso_s(ms: int) -> str:
    """`2026-11-24T10:00:00+00:00`, as Mailchimp and Perkstar write a moment."""
    return iso_ms(ms)[:19] + "+00:00"


def iso_utc(ms: int) -> str:
    """`2026-11-24T10:00:00Z`, as Square writes a moment in whole seconds."""
    return iso_ms(ms)[:19] + "Z"


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

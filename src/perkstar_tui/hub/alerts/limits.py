"""Thresholds of the alerts: settings of the account, checked when they are set. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from perkstar_tui.model.errors import ErrorKind, PerkstarError

SETTING = "alert_limits"


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on something is worth an alert; 0 switches `held`, `duplicates` and `customer_limit` off."""

    late_periods: int = 2
    stalled_minutes: int = 30
    held: int = 20
    duplicates: int = 1
    credential_days: tuple[int, ...] = (30, 7, 1)
    customer_limit: int = 0
    customer_share: int = 90
    route_failures: int = 3

    @property
    def stalled(self) -> timedelta:
        return timedelta(minutes=self.stalled_minutes)


HELP = {
    "late_periods": "An integration is late after so many times its frequency.",
    "stalled_minutes": "A run stands still if it has finished no page for so many minutes.",
    "held": "Records of an integration that wait in the queue, held or refused, from which on they are told; 0: never.",
    "duplicates": "Of these, records that may be the same person, from which on they are told by themselves; 0: never.",
    "credential_days": "Days before a credential ends at which it is told, each time more urgently.",
    "customer_limit": "How many customers the account may have; 0: not known.",
    "customer_share": "Per cent of that limit from which on it is told.",
    "route_failures": "Failed attempts of a route after which the others tell of it.",
}
_RANGES = {
    "late_periods": (1, 100), "stalled_minutes": (1, 10_000), "held": (0, 10**9), "duplicates": (0, 10**9),
    "customer_limit": (0, 10**9), "customer_share": (1, 100), "route_failures": (1, 100),
}  # fmt: skip


def limits_of(kept: Mapping[str, Any] | None) -> Limits:
    """The thresholds as they are kept; what is not kept has its default."""
    values = {f.name: (kept or {})[f.name] for f in fields(Limits) if f.name in (kept or {})}
    if "credential_days" in values:
        values["credential_days"] = tuple(values["credential_days"])
    return Limits(**values)


def changed(kept: Mapping[str, Any] | None, given: Mapping[str, str]) -> dict[str, Any]:
    """What is to be kept after some were set by words; empty words mean the default. Raises USAGE."""
    values = dict(kept or {})
    for name, text in given.items():
        if name not in HELP:
            raise PerkstarError(
                ErrorKind.USAGE,
                f"There is no threshold {name!r}.",
                remedy=f"Use {', '.join(HELP)}.",
                field=name,
            )
        if not text.strip():
            values.pop(name, None)
            continue
        parts = text.replace(",", " ").split() if name == "credential_days" else [text.strip()]
        least, most = _RANGES.get(name, (0, 3650))
        if not all(part.isascii() and part.isdigit() and least <= int(part) <= most for part in parts):
            raise PerkstarError(
                ErrorKind.USAGE,
                f"{name} can't be {text[:40]!r}.",
                remedy="Write days such as 30,7,1." if len(_RANGES.get(name, ())) == 0
                else f"Write a number from {least:,} to {most:,}.",
                field=name,
            )  # fmt: skip
        numbers = [int(part) for part in parts]
        values[name] = sorted(set(numbers), reverse=True) if name == "credential_days" else numbers[0]
    return values

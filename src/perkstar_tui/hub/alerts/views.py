"""Read models of alerts and routes, as commands and screens have them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert. `state` is open, acked (silenced until it is over) or resolved; no text in it names a customer."""

    id: str
    kind: str
    title: str
    level: str
    state: str
    subject: str
    name: str
    integration_id: str | None
    message: str
    remedy: str
    key: str
    command: str
    code: str
    first_at: datetime
    last_at: datetime
    count: int
    acked_by: str
    acked_at: datetime | None
    resolved_at: datetime | None
    told: tuple[str, ...] = ()
    """Routes that were told of it."""


@dataclass(frozen=True, slots=True)
class RouteSetting:
    """One thing that can be set of a route; the value of a secret one is never shown."""

    name: str
    label: str
    help: str
    value: str
    choices: tuple[str, ...] = ()
    several: bool = False
    required: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True)
class RouteView:
    """A way on which alerts are told. `pending` waits to be sent; `problem` is what the last attempt met."""

    name: str
    kind: str
    enabled: bool
    level: str
    kinds: tuple[str, ...]
    quiet: str
    options: dict[str, Any]
    where: str
    settings: tuple[RouteSetting, ...]
    quiet_now: bool
    sent: int
    pending: int
    dead: int
    last_sent: datetime | None
    problem: str
    failures: int


@dataclass(frozen=True, slots=True)
class LimitView:
    """A threshold."""

    name: str
    value: str
    default: str
    help: str

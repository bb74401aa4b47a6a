"""The read models of the main screen, apart from the others: they are needed before the first paint."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class PlanView:
    name: str
    used: int
    allowed: int | None
    remaining: int | None
    line: str
    free_up: tuple[tuple[str, str, datetime | None], ...] = ()
    """Integrations longest without a sync first: id, name, last sync."""
    next_tier: str | None = None


@dataclass(frozen=True, slots=True)
class AccountView:
    name: str
    local: bool
    cloud_state: Literal["none", "ok", "error", "never"]
    cloud_at: datetime | None
    cloud_message: str
    timezone: str
    country: str
    who: str
    """Login name and host, such as owner@host."""


@dataclass(frozen=True, slots=True)
class KeyView:
    """The account's API key as the tile shows it; the secret itself comes only from `Hub.reveal_key`."""

    masked: str | None
    label: str
    added: datetime | None
    last_worked: datetime | None
    calls_today: int
    calls_per_hour: tuple[int, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class HealthView:
    score: int
    word: str
    reason: str
    remedy: str
    key: str = ""
    parts: tuple[tuple[str, int, int], ...] = ()
    """Name, points reached, points possible."""


@dataclass(frozen=True, slots=True)
class Counts:
    linked: int = 0
    held: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class IntegrationView:
    id: str
    name: str
    platform: str
    kind: str
    status: str
    running: bool
    date: datetime | None
    data: tuple[str, ...]
    direction: str
    frequency: str
    last_sync: datetime | None
    last_success: datetime | None
    next_sync: datetime | None
    health: HealthView
    counts: Counts
    platform_title: str = ""
    status_reason: str = ""
    """One sentence for what is wrong, empty when nothing is."""
    status_remedy: str = ""
    status_key: str = ""
    progress_done: int | None = None
    progress_total: int | None = None
    paused_by: str = ""
    account_name: str = ""
    """Whom it is connected to at the vendor."""
    match: tuple[str, ...] = ()
    source_of_truth: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    scopes: tuple[str, ...] = ()
    owner: str = ""
    purpose: str = ""
    credential_expires: datetime | None = None
    credential_renews: bool = False
    """Whether it is renewed without a person, again and again."""
    config_version: int = 1
    status_code: str = ""
    """The error code behind the status, empty when there is none."""
    listening: str = ""
    """For a real-time integration: `webhooks` or `polling only`."""
    hook_address: str = ""
    """Where the platform is to deliver to, if a person has to enter that in its settings."""
    moved_at: datetime | None = None
    """When the run that goes on has last finished a page."""
    ends_at: datetime | None = None
    """When what it reads is through, at its pace so far; None where that cannot be known."""

"""The settings of an integration, compiled once for a run. A run works on the version it began with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from perkstar_tui.model.enums import DataType, Direction, SourceOfTruth, Write
from perkstar_tui.model.normal import email_key, phone_key
from perkstar_tui.model.remote import Value

from .earning import EarningRule
from .mapping import Line, transform
from .shaping import Reader

if TYPE_CHECKING:
    from perkstar_tui.platforms.parts import EventsSpec, JournalSpec, RowsSpec

    from .filters import Filter

CUSTOMER_FIELDS = (
    "first_name",
    "last_name",
    "email",
    "phone",
    "birth_date",
    "gender",
    "language",
    "company",
    "address_line1",
    "city",
    "region",
    "postcode",
    "country",
    "marketing_consent",
)
"""Fields of a hub customer that a mapping may write."""

LOYALTY_FIELDS = ("balance", "tier", "card_link", "card_serial", "last_visit")
"""Fields that come from the customer's card: they only ever travel outwards (balances belong to Perkstar)."""


@dataclass(frozen=True)
class RunConfig:
    """What one run needs to know. `origin` is how this integration's writes are named in provenance."""

    integration_id: str
    name: str
    title: str
    platform: str
    system: bool
    version: int
    data: tuple[DataType, ...]
    direction: Direction
    match: tuple[str, ...]
    truth: SourceOfTruth
    country: str
    zone: str
    lines: tuple[Line, ...]
    batch: int
    search_lag_s: float
    options: dict[str, Any] = field(default_factory=dict)
    earning: EarningRule = field(default_factory=EarningRule)
    credit_from: datetime | None = None
    template_id: str | None = None
    issue_cards: str = "never"
    """never, sale (where a sale waits for one) or always."""
    rows: "RowsSpec | None" = None
    """How sales are told to a platform that takes rows and gives none."""
    books: "JournalSpec | None" = None
    """How journals are entered at a platform that keeps books."""
    currency: str = "GBP"
    """What the account counts in."""
    events: "EventsSpec | None" = None
    """How customers' moments are told, where the platform takes them."""
    sends: "Filter | None" = None
    """Which customers are sent; None is all, as below."""
    takes: "Filter | None" = None
    """Which records are taken in."""
    credits: "Filter | None" = None
    """Which sales can earn."""
    by_change: tuple[DataType, ...] = ()
    """What is read by what the platform says has changed; the rest is read whole each time, or only told."""
    full_compare: str = "never"
    """nightly, weekly or never: how often that is held against everything (sync/comparing.py)."""

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The remote fields that are mapped, each once."""
        return tuple(dict.fromkeys(line.remote for line in self.lines))

    @cached_property
    def readings(self) -> tuple[tuple[str, str, Reader], ...]:
        """Of each line that comes in the remote field, ours, and how its values read (Transform.reading)."""
        return tuple((line.remote, line.hub, line.transform.reading()) for line in self.lines if line.inward)

    @cached_property
    def unread(self) -> tuple[str, ...]:
        """Those of `paths` that no line takes in."""
        read = {line.remote for line in self.lines if line.inward}
        return tuple(path for path in self.paths if path not in read)

    @property
    def origin(self) -> str:
        return "cloud" if self.system else self.integration_id

    @property
    def lease(self) -> str:
        return f"run:{self.integration_id}"

    @cached_property
    def email_key(self) -> Callable[[Value], str | None]:
        """From an e-mail address to its normal form."""
        drop = bool(self.options.get("drop_plus_tags"))
        return lambda value: email_key(str(value), drop_plus_tag=drop) if value else None

    @cached_property
    def phone_key(self) -> Callable[[Value], str | None]:
        """From a phone number to its normal form."""
        country = self.country
        return lambda value: phone_key(str(value), country) if value else None

    def key_of(self, name: str, value: Value) -> str | None:
        """The normal form of a match key's value."""
        if name == "email":
            return self.email_key(value)
        if name == "phone":
            return self.phone_key(value)
        return (str(value).strip() or None) if value else None

    def key_paths(self) -> dict[str, tuple[str, Callable[[Value, Value], Value]]]:
        """For each match key the remote path that carries it and how to read it."""
        by_hub = {line.hub: line for line in self.lines}
        return {key: (by_hub[key].remote, by_hub[key].transform.back) for key in self.match if key in by_hub}


def compile_lines(
    mapping: list[dict[str, Any]], direction: Direction, truth: SourceOfTruth, country: str
) -> tuple[Line, ...]:
    """The mapping's lines, ready to use, no wider than the integration's direction."""
    lines = []
    for entry in mapping:
        own = Direction(entry.get("direction", "both"))
        made = transform(entry.get("transform", "text"), country)
        # Made of the whole customer, it is no field of ours: it bears a name that none has.
        hub = entry["hub"] if made.compose is None else f"={entry['remote']}"
        inward = own.inward and direction.inward and hub in CUSTOMER_FIELDS
        outward = own.outward and direction.outward
        if not inward and not outward:
            continue
        narrowed = (
            Direction.BOTH
            if inward and outward
            else Direction.TO_PERKSTAR
            if inward
            else Direction.TO_PLATFORM
        )
        lines.append(
            Line(
                hub=hub,
                remote=entry["remote"],
                transform=made,
                direction=narrowed,
                write=Write(entry.get("write", "always")),
                rule=str(entry.get("rule") or truth.value),
                required=bool(entry.get("required")),
                may_clear=bool(entry.get("may_clear")),
                consent=hub == "marketing_consent",
            )
        )
    return tuple(lines)

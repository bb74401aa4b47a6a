"""Read models: what a screen or a command shows, already decided. Plain data, times aware and in UTC.

Their JSON form (see `as_json`) is the commands' contract: members may be added, never renamed.
"""

from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Literal

from .changes import ChangeView, EarningChange, FilterChange, LineChange, SaleChange, ValueChange
from .overview import AccountView, Counts, HealthView, IntegrationView, KeyView, PlanView
from .undo_views import ChangeRow, PlanSummary, UndoLine, UndoView

__all__ = [
    "AccountView",
    "ChangeRow",
    "ChangeView",
    "Counts",
    "EarningChange",
    "FilterChange",
    "HealthView",
    "IntegrationView",
    "KeyView",
    "LineChange",
    "PlanSummary",
    "PlanView",
    "SaleChange",
    "UndoLine",
    "UndoView",
    "ValueChange",
]


@dataclass(frozen=True, slots=True)
class TierView:
    """A plan as one could have it; `allowed` None is unlimited."""

    name: str
    title: str
    allowed: int | None
    counts: tuple[str, ...]
    current: bool


@dataclass(frozen=True, slots=True)
class LegCounts:
    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    excluded: int = 0
    held: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class RunView:
    id: str
    integration_id: str
    trigger: str
    started: datetime
    ended: datetime | None
    outcome: str
    inward: LegCounts
    outward: LegCounts
    cloud: dict[str, LegCounts] | None
    api_calls: int
    bytes: int
    throttled_ms: int
    error: dict[str, Any] | None = None
    undoes: str | None = None
    """The run that this one took back; such a run is no sync."""
    undone_by: str | None = None
    plan: str | None = None
    """The kept plan that it carried out, and which records it skipped, each with its reason."""
    skipped: tuple[dict[str, str], ...] = ()
    full_compare: dict[str, Any] | None = None
    """Of a run that read everything once more: `looked_at`, `missed` (nobody had told of them), and whether `done`."""


@dataclass(frozen=True, slots=True)
class EndpointView:
    """An endpoint of the platform `webhook`: `url` is told, at `address` things come in; either may be empty.

    `pending`, `delivered` (within 30 days) and `dead` count its deliveries.
    """

    id: str
    name: str
    status: str
    status_reason: str
    url: str
    address: str
    direction: str
    data: tuple[str, ...]
    pending: int
    delivered: int
    dead: int


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """Something that an endpoint is told. `state` is pending, delivered or dead (given up); `status` None where no
    answer came. `answer` is from outside: show it as plain text.
    """

    id: str
    integration_id: str
    type: str
    record: str
    state: str
    created: datetime
    attempts: int
    next_attempt: datetime | None
    tried: datetime | None
    status: int | None
    ms: int
    problem: str
    answer: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of the error log. Every text may come from outside: show it as plain text."""

    id: str
    time: datetime
    level: str
    code: str
    message: str
    remedy: str
    integration_id: str | None
    run_id: str | None
    record: str | None = None
    record_name: str | None = None
    field: str | None = None
    request: str | None = None
    vendor_message: str | None = None
    vendor_request_id: str | None = None
    attempts: int = 0
    next_attempt: datetime | None = None
    open: bool = False
    """Whether it still stands (a held record, a failing run)."""


@dataclass(frozen=True, slots=True)
class PageOf:
    """A slice of a long list, read by page: `items` from `offset` on, out of `total`."""

    items: tuple[Any, ...]
    total: int
    offset: int = 0


@dataclass(frozen=True, slots=True)
class MappingLine:
    data: str
    hub: str
    remote: str
    direction: str
    transform: str
    label: str
    example: str = ""
    check: str = ""
    """Empty when fine; else what is wrong or will happen (such as "will be created")."""
    required: bool = False
    may_clear: bool = False


@dataclass(frozen=True, slots=True)
class MappingChoices:
    """What a line of the mapping may be made of. `remote` holds path, label and type of the platform's fields."""

    hub: tuple[str, ...]
    remote: tuple[tuple[str, str, str], ...]
    transforms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One line of the Records tab: a customer or sale and where it stands for one integration."""

    id: str
    name: str
    email: str
    phone: str
    state: Literal["in_step", "left_out", "failing"]
    reason: str
    remote_id: str | None
    last_sent: datetime | None
    last_received: datetime | None
    code: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class RecordField:
    """A mapped field in the platform's form: as Perkstar has it, as both agreed last, as the platform has it.

    `would` says what the next run does about a difference: `sent`, `taken`, or why it stays; `rule` settles it where
    both have changed it.
    """

    hub: str
    remote: str
    perkstar: Any
    base: Any
    platform: Any
    differs: bool
    would: str
    rule: str


@dataclass(frozen=True, slots=True)
class FreshLook:
    """What the platform itself said when it was asked just now."""

    at: datetime
    asked: tuple[str, ...]
    """By what it was looked for, in words."""
    found: tuple[tuple[str, str], ...]
    """Id and name of each record that was found."""
    presence: str
    """there, archived, merged, gone, unlinked (found, and not this customer's) or none; empty if it did not answer."""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class CardView:
    id: str
    kind: str
    template: str
    balance: int
    tier: str | None
    serial: str | None
    link: str | None
    expires: datetime | None


@dataclass(frozen=True, slots=True)
class RecordSide:
    integration_id: str
    integration_name: str
    remote_id: str | None
    state: str
    values: dict[str, Any]
    base: dict[str, Any]
    differs: tuple[str, ...]
    last_sent: datetime | None
    last_received: datetime | None
    reason: str | None = None
    next_attempt: datetime | None = None
    code: str = ""
    remedy: str = ""
    standing: str = ""
    """Why it is as it is, in a word (hub/explaining.py: STANDINGS)."""
    words: str = ""
    """The same in a sentence."""
    command: str = ""
    key: str = ""
    next_run: datetime | None = None
    item: str = ""
    """Its id in the queue, where it waits for a person."""
    fields: tuple[RecordField, ...] = ()
    told: tuple[str, ...] = ()
    """Rows and loyalty events that the platform was told of it."""
    fresh: FreshLook | None = None


@dataclass(frozen=True, slots=True)
class ConflictView:
    """A field that both sides changed: what both had before, what each changed it to, and who won by the rule."""

    id: str
    integration_id: str
    record: str
    name: str
    field: str
    base: Any
    perkstar: Any
    platform: Any
    winner: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RecordView:
    id: str
    kind: str
    hub: dict[str, Any]
    platforms: tuple[RecordSide, ...]
    story: tuple[str, ...] = ()
    """What happened to it, newest first, in sentences."""
    conflicts: tuple[ConflictView, ...] = ()
    """Fields that both sides changed and a rule has settled, newest first."""
    cards: tuple[CardView, ...] = ()
    """Every card of the customer with its balance (K10)."""


@dataclass(frozen=True, slots=True)
class DuplicateSide:
    """One of two records that may be one person; `fields` holds what is filled, `linked` names where it is in step."""

    id: str
    name: str
    fields: dict[str, Any]
    cards: int = 0
    sales: int = 0
    linked: tuple[str, ...] = ()
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class DuplicateView:
    """Two records that may be one person, side by side. Without an integration both are customers of the store.

    `held` ones are between the store (`b`) and a vendor (`a`), held by the engine: shown here, settled as records are.
    """

    id: str
    integration_id: str | None
    integration_name: str
    score: int
    verdict: str
    why: tuple[str, ...]
    state: str
    found_at: datetime | None
    a: DuplicateSide
    b: DuplicateSide
    differs: tuple[str, ...]
    held: bool = False
    merge_id: str | None = None


@dataclass(frozen=True, slots=True)
class DuplicateSearch:
    """What a search did. `open` pairs wait for a person; `waiting` customers were not looked at yet."""

    looked_at: int
    found: int
    open: int
    waiting: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class MergePlan:
    """What a merge would do: fields of the one that stays, before and after, and the effects in words."""

    survivor: str
    loser: str
    fields: tuple[tuple[str, str | None, str | None], ...]
    effects: tuple[str, ...]
    cards: int
    sales: int


@dataclass(frozen=True, slots=True)
class MergeView:
    """A merge that was done, or undone."""

    id: str
    survivor: str
    loser: str
    at: datetime
    fields: tuple[tuple[str, str | None, str | None], ...]
    effects: tuple[str, ...]
    cards: int
    sales: int
    undone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CustomerView:
    """A customer of the store; `fields` holds what is filled."""

    id: str
    fields: dict[str, Any]
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class TransactionView:
    """A sale or refund in the ledger; amounts are minor units of `currency`."""

    id: str
    integration_id: str
    remote_id: str
    kind: str
    customer_id: str | None
    happened_at: datetime
    currency: str
    total_minor: int
    earned: int
    reversed: int
    state: str
    reason: str
    rules: tuple[tuple[str, str, str], ...] = ()
    """What each earning rule made of the award: its words, before, after."""
    customer_name: str = ""
    buyer: str = ""
    """Whom a sale names that has no customer here: an e-mail address, a phone, or a record at the platform."""


@dataclass(frozen=True, slots=True)
class ExportView:
    """Where an export lies, and how many customers are in it."""

    file: str
    customers: int


@dataclass(frozen=True, slots=True)
class ImportView:
    """What became of the rows of a file; `held` names those that a person must look at, by row number."""

    created: int
    updated: int
    unchanged: int
    held: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class VersionView:
    """One version of an integration's settings, with what it changed of the version before."""

    version: int
    at: datetime
    who: str
    current: bool
    changes: tuple[tuple[str, str, str], ...] = ()
    """Setting, before, after."""


@dataclass(frozen=True, slots=True)
class CodeView:
    """One row of the catalogue of error codes (E9)."""

    code: str
    meaning: str
    policy: str
    remedy: str
    exit_code: int


@dataclass(frozen=True, slots=True)
class OptionView:
    """A setting that only one platform has: one of `choices`, a `number` from 0, or any text. Empty is `default`.

    The value of a `secret` one is never shown.
    """

    name: str
    label: str
    help: str
    default: str
    choices: tuple[str, ...]
    number: bool
    secret: bool


@dataclass(frozen=True, slots=True)
class CatalogItem:
    name: str
    title: str
    category: str
    kind: str
    auth: tuple[str, ...]
    data: tuple[str, ...]
    directions: tuple[str, ...]
    realtime: bool
    status: Literal["working", "planned"]
    notes: str
    connected: int = 0
    events: tuple[str, ...] = ()
    """Loyalty events that it can be told of."""
    options: tuple[OptionView, ...] = ()
    compares: bool = False
    """Whether it tells of changes only, so that everything is compared now and then (`full_compare`)."""


@dataclass(frozen=True, slots=True)
class AuthField:
    name: str
    label: str
    secret: bool
    help: str
    optional: bool = False
    """Whether it may stay empty."""


@dataclass(frozen=True, slots=True)
class AuthFormView:
    id: str
    title: str
    oauth: bool
    fields: tuple[AuthField, ...]
    permissions: tuple[str, ...]
    """Plain words, one permission a line."""


@dataclass(frozen=True, slots=True)
class Guide:
    platform: str
    title: str
    text: str
    """Markdown made from the manifest."""


@dataclass(frozen=True, slots=True)
class ComplaintView:
    """What is wrong with a manifest; `line` is 0 where no line is to blame."""

    line: int
    place: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class ManifestView:
    """A manifest's file and what is wrong with it. `added` once the catalog has it; `trial` if it was tried."""

    file: str
    name: str
    ok: bool
    complaints: tuple[ComplaintView, ...] = ()
    added: bool = False
    trial: "TestView | None" = None


@dataclass(frozen=True, slots=True)
class TestStep:
    __test__ = False
    name: str
    ok: bool
    message: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class TestView:
    __test__ = False
    ok: bool
    steps: tuple[TestStep, ...]


@dataclass(frozen=True, slots=True)
class PreviewRow:
    record: str
    name: str
    fields: tuple[tuple[str, str | None, str | None], ...] = ()
    """Field, before, after."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PreviewSide:
    create: tuple[PreviewRow, ...] = ()
    update: tuple[PreviewRow, ...] = ()
    held: tuple[PreviewRow, ...] = ()
    unchanged: int = 0
    excluded: int = 0
    create_total: int = 0
    update_total: int = 0
    held_total: int = 0


@dataclass(frozen=True, slots=True)
class PreviewView:
    integration_id: str
    inward: PreviewSide
    outward: PreviewSide
    points: int = 0
    """How many points the sales since `credit_from` would credit."""
    notes: tuple[str, ...] = ()
    plan: str | None = None
    """The plan that it was kept as; `sync --plan` carries it out."""
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class ImpactView:
    """What an act would do, said before it is done."""

    title: str
    stops: tuple[str, ...]
    stays: tuple[str, ...]
    counts: tuple[tuple[str, int], ...]
    back: str
    """The way back."""


@dataclass(frozen=True, slots=True)
class DraftView:
    """A connection being made (G2): `step` 1 to 6 is the next one to do."""

    integration_id: str | None
    platform: str
    name: str
    step: int
    settings: dict[str, Any]
    forms: tuple[AuthFormView, ...]
    account_name: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class AuthorizeLink:
    url: str
    redirect_uri: str
    listening: bool
    """True when a loopback listener on this machine will catch the answer by itself."""
    ticket: str


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    ok: bool
    message: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class DoctorView:
    ok: bool
    checks: tuple[Check, ...]


def as_json(value: Any) -> Any:
    """The JSON form of a read model: times as RFC 3339, tuples as lists, enums as their words."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: as_json(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {key: as_json(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(member) for member in value]
    return value

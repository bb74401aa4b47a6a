"""What passes between the engine and a platform: records, pages, changes, answers. Values are plain scalars."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, get_args

from .enums import Write
from .errors import PerkstarError

Value = str | int | float | bool | None


@dataclass(slots=True)
class RemoteRecord:
    """One customer as the platform shows it: `fields` is flat, by the manifest's paths (`properties.email`)."""

    id: str
    fields: dict[str, Value]
    changed_at: datetime | None = None
    archived: bool = False
    merged_into: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class SaleLine:
    id: str
    name: str
    quantity: float
    total_minor: int
    product_id: str | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True)
class Sale:
    """A finished order, sale, paid invoice or visit. Amounts are minor units of `currency` (ISO 4217).

    `credit_minor` is what of it was paid by gift card or store credit. `whole` is the bill that it is a part of, where
    several customers paid one.
    """

    id: str
    placed_at: datetime
    changed_at: datetime
    currency: str
    total_minor: int
    tax_minor: int = 0
    tip_minor: int = 0
    shipping_minor: int = 0
    credit_minor: int = 0
    customer_remote_id: str | None = None
    email: str | None = None
    phone: str | None = None
    lines: tuple[SaleLine, ...] = ()
    whole: str | None = None


@dataclass(frozen=True, slots=True)
class Refund:
    """Money given back for a sale; `amount_minor` in the sale's currency."""

    id: str
    sale_id: str
    at: datetime
    amount_minor: int
    currency: str


@dataclass(slots=True)
class Page:
    """One page of a read. `cursor` is where the next read begins once this page is stored; it is plain JSON.

    `last` is true on the final page of a complete walk; only then may absence mean anything.
    """

    records: list[RemoteRecord] = field(default_factory=list)
    sales: list[Sale] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    cursor: dict[str, Any] = field(default_factory=dict)
    last: bool = False
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What to write for one hub record. `remote_id` None means create; `fields` are flat, as in RemoteRecord.

    `key` identifies the write across repeats (the vendor's idempotency key where it has one).
    """

    key: str
    remote_id: str | None
    fields: dict[str, Value]
    version: str | None = None


@dataclass(slots=True)
class Answer:
    """The platform's answer to one Change: the record as it stands now, or the error that refused it."""

    key: str
    record: RemoteRecord | None = None
    error: PerkstarError | None = None
    created: bool = False


@dataclass(frozen=True, slots=True)
class RemoteAccount:
    """Whom a credential belongs to at the vendor. `currency` and `timezone` where the vendor tells them."""

    id: str
    name: str
    scopes: tuple[str, ...] = ()
    currency: str | None = None
    timezone: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True)
class RemoteField:
    """A field that the platform offers for a data type. `type`: text number date datetime bool email phone choice."""

    path: str
    label: str
    type: str
    write: Write = Write.ALWAYS
    custom: bool = False
    required: bool = False
    choices: tuple[str, ...] = ()


class Presence(StrEnum):
    """What became of a record that was asked for by its id."""

    THERE = "there"
    ARCHIVED = "archived"
    MERGED = "merged"
    GONE = "gone"


FactKind = Literal["sale", "refund", "customer"]
MomentKind = Literal["tier_changed", "points_expiring", "birthday", "first_purchase", "inactive"]
MOMENTS: tuple[MomentKind, ...] = get_args(MomentKind)
"""What a customer's loyalty can tell marketing (K7), each once an occasion."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A sale, refund or customer as it is told to a platform that only takes rows.

    `version` counts how often it was told, `values` are those that a manifest's templates may name (RowsSpec).
    """

    id: str
    kind: FactKind
    version: int
    values: dict[str, Any]

    @property
    def key(self) -> str:
        """Its name in this version."""
        return f"{self.id}.{self.version}"


@dataclass(frozen=True, slots=True)
class Message:
    """What an endpoint is told: its id is the same at every attempt, and `body` are the bytes that are signed."""

    id: str
    type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What came of one attempt to deliver. `status` is None where no answer came; `problem` is None where it was taken.

    `answer` is the beginning of the answer's body, from outside: show it as plain text.
    """

    status: int | None
    answer: str
    ms: int
    problem: PerkstarError | None = None


@dataclass(frozen=True, slots=True)
class LedgerAccount:
    """An account in a platform's books. `code` is the bookkeeper's own number, where it has one, `kind` what the
    platform says it is (`Liability`), `unfit` the options that may not name it for that.
    """

    id: str
    name: str
    code: str = ""
    kind: str = ""
    unfit: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.code} {self.name}".strip()


@dataclass(frozen=True, slots=True)
class Ledger:
    """The accounts that a journal may be entered under, and the currency of the books where the platform tells it."""

    accounts: tuple[LedgerAccount, ...]
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One side of a booking: `minor` is what the account is debited with, below nothing what it is credited with."""

    account: str
    minor: int
    memo: str


@dataclass(frozen=True, slots=True)
class Journal:
    """A day's bookings, which add up to nothing. `key` (at most 21 characters) is never used for another one, and
    stands in `memo` too; `attempt` counts on after each refusal, for what was refused may not be what is sent next.
    """

    key: str
    day: str
    currency: str
    memo: str
    lines: tuple[JournalLine, ...]
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Told:
    """A moment of one customer as it is told to a platform that knows the customer as `remote`.

    `key` is its name for ever, `day` the day that it is about (ISO 8601; empty where it has ended), `values` what a
    manifest's template may name (EventsSpec); `version` is the link's, for platforms that find a record again by it.
    """

    key: str
    kind: MomentKind
    remote: str
    day: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """A movement on a Perkstar card: `amount` in whole points, stamps or visits, or minor units for cashback and gift.

    Negative takes away. `mark` (at most 16 characters) begins the comment and makes the operation recognisable.
    """

    card_serial: str
    card_kind: str
    amount: int
    mark: str
    comment: str = ""
    purchase_minor: int | None = None


@dataclass(slots=True)
class Traffic:
    """What a connector has used so far: requests made, bytes received, milliseconds spent waiting for budget."""

    api_calls: int = 0
    bytes: int = 0
    throttled_ms: int = 0

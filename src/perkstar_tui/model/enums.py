"""The closed sets of words that the store, the screen and the commands share."""

from enum import StrEnum


class Status(StrEnum):
    """State of an integration. Only the middle four are shown in Active Integrations (D2)."""

    DRAFT = "draft"
    ACTIVE = "active"
    ERROR = "error"
    PAUSED = "paused"
    RECONNECT_REQUIRED = "reconnect_required"
    DISCONNECTED = "disconnected"

    @property
    def counts(self) -> bool:
        """Whether an integration in this state takes a place in the plan (B3)."""
        return self not in (Status.DRAFT, Status.DISCONNECTED)


class Kind(StrEnum):
    """How an integration speaks to its platform; the plan has a flag for each (B3)."""

    PREBUILT = "prebuilt"
    API = "api"
    WEBHOOK = "webhook"
    SYSTEM = "system"


class DataType(StrEnum):
    CUSTOMERS = "customers"
    TRANSACTIONS = "transactions"
    CARDS = "cards"


class Direction(StrEnum):
    TO_PLATFORM = "to-platform"
    TO_PERKSTAR = "to-perkstar"
    BOTH = "both"

    @property
    def inward(self) -> bool:
        return self is not Direction.TO_PLATFORM

    @property
    def outward(self) -> bool:
        return self is not Direction.TO_PERKSTAR


class SourceOfTruth(StrEnum):
    PERKSTAR = "perkstar"
    PLATFORM = "platform"
    NEWEST = "newest"


class Trigger(StrEnum):
    MANUAL = "manual"
    SCHEDULE = "schedule"
    WEBHOOK = "webhook"
    LOCAL_CHANGE = "local_change"
    RETRY = "retry"
    FIRST = "first"
    FULL_COMPARE = "full_compare"
    """A scheduled run that also read everything once more (sync/comparing.py)."""
    UNDO = "undo"
    """No sync: what a run did was taken back."""


class Outcome(StrEnum):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTLY = "partly"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class Level(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LinkState(StrEnum):
    """Where a remote record stands: linked to a hub record, held for a person, gone at the vendor, or left out."""

    LINKED = "linked"
    HELD = "held"
    DUPLICATE = "duplicate"
    GONE = "gone"
    EXCLUDED = "excluded"


class CardKind(StrEnum):
    """Card types of Perkstar's cloud, in the order of its type numbers 0 to 7 (perkstar facts, section 5)."""

    STAMP = "stamp"
    CASHBACK = "cashback"
    MULTIPASS = "multipass"
    COUPON = "coupon"
    DISCOUNT = "discount"
    GIFT = "gift"
    MEMBERSHIP = "membership"
    REWARD = "reward"

    @classmethod
    def from_number(cls, number: int) -> "CardKind":
        return list(cls)[number]


class Write(StrEnum):
    """What a platform lets one do with a field."""

    ALWAYS = "always"
    CREATE_ONLY = "create_only"
    NEVER = "never"

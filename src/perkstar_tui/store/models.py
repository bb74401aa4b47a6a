"""The tables, as they are declared. Times are stored as UTC milliseconds and read as aware datetimes; money as integer
minor units.

The program uses `tables.py`, which `.ci/tables.py` draws from here: declaring them costs a start a fifth of a second.
The migrations make them, with what PostgreSQL is told alone: naming its options here would load its whole dialect at
each start.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from .types import Provenance, UtcTime


def _time(**kwargs: Any) -> Any:
    return Field(sa_type=UtcTime, **kwargs)


def _json(default: Any = dict) -> Any:
    return Field(default_factory=default, sa_type=JSON)


def _json_or_null() -> Any:
    return Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))


def _index_of_some(name: str, column: str) -> Index:
    """An index of the rows that have a value there: most customers have none, and need no entry."""
    return Index(name, column, sqlite_where=text(f"{column} IS NOT NULL"))


def _row_number() -> Any:
    # SQLite only counts up by itself on INTEGER, PostgreSQL needs the wider one.
    return Field(
        default=None,
        sa_column=Column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    )


class RevisionCounter(SQLModel, table=True):
    """The one number from which each hub write takes the next (sync design: Revisions and cursors)."""

    __tablename__ = "revision_counter"
    id: int = Field(primary_key=True)
    n: int = Field(sa_type=BigInteger)


class Setting(SQLModel, table=True):
    __tablename__ = "setting"
    name: str = Field(primary_key=True)
    value: Any = Field(default=None, sa_type=JSON)


class PlanTier(SQLModel, table=True):
    """A plan as data (B2). `allowed` None is unlimited; the flags say which kinds count (B3)."""

    __tablename__ = "plan_tier"
    name: str = Field(primary_key=True)
    title: str
    position: int
    allowed: int | None = None
    counts_prebuilt: bool = True
    counts_api: bool = True
    counts_webhook: bool = True


class Account(SQLModel, table=True):
    __tablename__ = "account"
    id: str = Field(primary_key=True)
    name: str
    local: bool
    tier: str
    allowed: int | None = None
    timezone: str = "UTC"
    country: str = "GB"
    currency: str = "GBP"
    remote_id: str | None = None
    created_at: datetime = _time()
    key_masked: str | None = None
    key_added: datetime | None = _time(default=None, nullable=True)
    key_worked: datetime | None = _time(default=None, nullable=True)


class CardTemplate(SQLModel, table=True):
    __tablename__ = "card_template"
    id: str = Field(primary_key=True)
    remote_id: str | None = Field(default=None, unique=True)
    name: str
    kind: str


class Integration(SQLModel, table=True):
    """One connection to a platform. `config` is the edited part, copied to ConfigVersion at each change."""

    __tablename__ = "integration"
    id: str = Field(primary_key=True)
    name: str
    platform: str
    kind: str
    status: str = Field(index=True)
    status_code: str | None = None
    status_reason: str = ""
    created_at: datetime = _time()
    activated_at: datetime | None = _time(default=None, nullable=True)
    config: dict[str, Any] = _json()
    config_version: int = 1
    remote_account_id: str | None = None
    remote_account_name: str = ""
    scopes: list[str] = _json(list)
    form: str = ""
    last_sync: datetime | None = _time(default=None, nullable=True)
    last_success: datetime | None = _time(default=None, nullable=True)
    next_run_at: datetime | None = _time(default=None, nullable=True)
    failures: int = 0
    failing_since: datetime | None = _time(default=None, nullable=True)
    previewed: bool = False
    paused_by: str = ""
    requested: str | None = None
    running: str | None = None
    progress_done: int | None = None
    progress_total: int | None = None
    progress_at: datetime | None = _time(default=None, nullable=True)
    disconnected_at: datetime | None = _time(default=None, nullable=True)
    disconnect_reason: str = ""
    owner: str = ""
    purpose: str = ""


class ConfigVersion(SQLModel, table=True):
    __tablename__ = "config_version"
    integration_id: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    at: datetime = _time()
    who: str = ""
    config: dict[str, Any] = _json()


class Credential(SQLModel, table=True):
    """Ciphertext of what authorises an integration or the account; `version` grows with each rotation."""

    __tablename__ = "credential"
    owner_id: str = Field(primary_key=True)
    ciphertext: bytes = Field(sa_type=LargeBinary)
    version: int = 1
    updated_at: datetime = _time()
    expires_at: datetime | None = _time(default=None, nullable=True)


class Customer(SQLModel, table=True):
    """A person with cards. `provenance` tells for each field who wrote it and when: {field: [origin, ms]}."""

    __tablename__ = "customer"
    __table_args__ = (
        Index("ix_customer_email_key", "email_key"),
        _index_of_some("ix_customer_phone_key", "phone_key"),
        _index_of_some("ix_customer_last_visit", "last_visit"),
    )
    id: str = Field(primary_key=True)
    revision: int = Field(sa_type=BigInteger, index=True)
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    birth_date: str | None = None
    gender: str | None = None
    language: str | None = None
    company: str | None = None
    address_line1: str | None = None
    city: str | None = None
    region: str | None = None
    postcode: str | None = None
    country: str | None = None
    marketing_consent: str | None = None
    consent_proof: dict[str, Any] | None = _json_or_null()
    balance: int | None = Field(default=None, sa_type=BigInteger)
    tier: str | None = None
    card_link: str | None = None
    card_serial: str | None = None
    last_visit: str | None = None
    email_key: str | None = None
    phone_key: str | None = None
    provenance: dict[str, Any] = Field(default_factory=dict, sa_type=Provenance)
    created_at: datetime = _time()
    updated_at: datetime = _time()
    archived_at: datetime | None = _time(default=None, nullable=True)
    merged_into: str | None = None


class Card(SQLModel, table=True):
    """A wallet card. `balance` in whole points, stamps or visits; minor units for cashback and gift cards."""

    __tablename__ = "card"
    id: str = Field(primary_key=True)
    revision: int = Field(sa_type=BigInteger, index=True)
    customer_id: str = Field(index=True)
    template_id: str = Field(index=True)
    kind: str
    serial: str | None = Field(default=None, index=True)
    balance: int = Field(default=0, sa_type=BigInteger)
    status: str = ""
    link: str | None = None
    tier: str | None = None
    expires_at: datetime | None = _time(default=None, nullable=True, index=True)
    created_at: datetime = _time()
    updated_at: datetime = _time()


class Transaction(SQLModel, table=True):
    """A sale, refund or local movement in the ledger; known by (integration, vendor's id, line kind) for ever.

    `state`: credited, queued (the cloud has not yet been told), pending (waits for a customer or card),
    none (gives nothing, `reason` says why), reversed.
    """

    __tablename__ = "transactions"
    __table_args__ = (UniqueConstraint("integration_id", "remote_id", "line_kind"),)
    id: str = Field(primary_key=True)
    revision: int = Field(sa_type=BigInteger, index=True)
    integration_id: str
    remote_id: str
    line_kind: str
    sale_id: str | None = Field(default=None, index=True)
    customer_id: str | None = Field(default=None, index=True)
    card_id: str | None = Field(default=None, index=True)
    customer_remote_id: str | None = None
    happened_at: datetime = _time(index=True)
    currency: str
    total_minor: int = Field(sa_type=BigInteger)
    base_minor: int = Field(default=0, sa_type=BigInteger)
    earned: int = Field(default=0, sa_type=BigInteger)
    reversed: int = Field(default=0, sa_type=BigInteger)
    owed: int = Field(default=0, sa_type=BigInteger)
    state: str = Field(index=True)
    reason: str = ""
    mark: str = ""
    contact: dict[str, Any] = _json()
    parts: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    """Of a sale: what earning rules ask for beside the total, and what each rule made of the award (sync/bought.py)."""
    created_at: datetime = _time()


class RecordLink(SQLModel, table=True):
    """Which hub record is which remote record, and what both agreed on last (`base`, in the platform's form)."""

    __tablename__ = "record_link"
    __table_args__ = (
        UniqueConstraint("integration_id", "data", "remote_id"),
        Index("ix_record_link_state", "integration_id", "state", "code"),
        Index("ix_record_link_hub", "hub_id", "integration_id", "data"),
    )
    id: int | None = _row_number()
    integration_id: str
    data: str
    hub_id: str | None = None
    remote_id: str | None = None
    state: str
    base: dict[str, Any] = _json()
    remote: dict[str, Any] | None = _json_or_null()
    fingerprint: str | None = None
    version: str | None = None
    code: str | None = None
    reason: str = Field(default="", sa_type=Text)
    field: str | None = None
    last_sent: datetime | None = _time(default=None, nullable=True)
    last_received: datetime | None = _time(default=None, nullable=True)
    attempts: int = 0
    next_attempt: datetime | None = _time(default=None, nullable=True)


class Cursor(SQLModel, table=True):
    """How far a read has come: `leg` is in, out or sweep."""

    __tablename__ = "cursor"
    integration_id: str = Field(primary_key=True)
    data: str = Field(primary_key=True)
    leg: str = Field(primary_key=True)
    value: dict[str, Any] = _json()
    at: datetime | None = _time(default=None, nullable=True)


class SentRow(SQLModel, table=True):
    """A sale, refund or customer that was appended at a platform which only takes rows: in which version, how it was.

    `digest` tells whether it has changed since; the row itself is not kept.
    """

    __tablename__ = "sent_row"
    integration_id: str = Field(primary_key=True)
    fact: str = Field(primary_key=True)
    version: int = 1
    digest: str
    at: datetime = _time()


class Delivery(SQLModel, table=True):
    """Something that an endpoint of somebody's own is told (platform `webhook`), until it has taken it, and after.

    `state` is pending, delivered or dead; `body` are the exact bytes that are signed. It holds personal data of the
    customer in `fact`, under retention and erase.
    """

    __tablename__ = "delivery"
    __table_args__ = (Index("ix_delivery_due", "integration_id", "state", "next_attempt"),)
    id: str = Field(primary_key=True)
    integration_id: str
    fact: str = Field(index=True)
    type: str
    version: int = 1
    body: str = Field(sa_type=Text)
    state: str
    created_at: datetime = _time()
    attempts: int = 0
    next_attempt: datetime | None = _time(default=None, nullable=True)
    tried_at: datetime | None = _time(default=None, nullable=True)
    status: int | None = None
    answer: str = Field(default="", sa_type=Text)
    problem: str = Field(default="", sa_type=Text)
    ms: int = 0


class ToldMoment(SQLModel, table=True):
    """What a platform was told of a customer's loyalty: a moment of a kind is told once an occasion (a year, a day).

    `moment` is the customer (or card) and the kind; `version` counts the tellings and is 0 while only the state is
    noted from which a change will be told.
    """

    __tablename__ = "told_moment"
    integration_id: str = Field(primary_key=True)
    moment: str = Field(primary_key=True)
    occasion: str
    version: int = 0
    at: datetime = _time()


class ToldRecord(SQLModel, table=True):
    """A record as a platform told it last, where deliveries carry whole records and nothing can be read.

    `revision` counts in the order of arrival, `at` is the vendor's own time: an older telling never replaces a newer.
    It holds personal data of customers, under retention and erase.
    """

    __tablename__ = "told_record"
    __table_args__ = (Index("ix_told_record_order", "integration_id", "data", "revision"),)
    integration_id: str = Field(primary_key=True)
    data: str = Field(primary_key=True)
    remote_id: str = Field(primary_key=True)
    revision: int = Field(sa_type=BigInteger)
    at: datetime = _time()
    body: dict[str, Any] = Field(sa_type=JSON)


class SyncRun(SQLModel, table=True):
    __tablename__ = "sync_run"
    __table_args__ = (Index("ix_sync_run_integration", "integration_id", "id"),)
    id: str = Field(primary_key=True)
    integration_id: str
    trigger: str
    started: datetime = _time(index=True)
    ended: datetime | None = _time(default=None, nullable=True)
    outcome: str
    inward: dict[str, int] = _json()
    outward: dict[str, int] = _json()
    cloud: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    api_calls: int = 0
    bytes: int = Field(default=0, sa_type=BigInteger)
    throttled_ms: int = 0
    error: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    config_version: int = 1
    more: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    """What only some runs have: `undoes`, `undone_by`, `plan`, `skipped` (hub/undoing.py, sync/planned.py)."""


class RunChange(SQLModel, table=True):
    """What one part of a run (a page, a batch) changed, with the values before: what an undo works from (H13).

    `integration_id` is the leg's: in a cloud account a run has the cloud's changes beside the platform's. It holds
    personal data of customers, under retention and erase.
    """

    __tablename__ = "run_change"
    id: int | None = _row_number()
    run_id: str = Field(index=True)
    integration_id: str
    at: datetime = _time(index=True)
    data: dict[str, Any] = Field(sa_type=JSON)


class KeptPlan(SQLModel, table=True):
    """A preview that was kept, to be carried out as it was shown (H12), once, while the settings are the same.

    `plan` is what the run goes by, `shown` the preview itself. It holds personal data of customers, under retention
    and erase.
    """

    __tablename__ = "kept_plan"
    id: str = Field(primary_key=True)
    integration_id: str = Field(index=True)
    config_version: int
    created_at: datetime = _time()
    expires_at: datetime = _time(index=True)
    who: str = ""
    run_id: str | None = None
    plan: dict[str, Any] = Field(sa_type=JSON)
    shown: dict[str, Any] = Field(sa_type=JSON)


class LogLine(SQLModel, table=True):
    """One entry of the error log (E3). It may hold personal data, so it is a table, under retention and erase."""

    __tablename__ = "log_line"
    __table_args__ = (Index("ix_log_line_integration", "integration_id", "id"),)
    id: str = Field(primary_key=True)
    time: datetime = _time(index=True)
    level: str
    code: str
    message: str = Field(sa_type=Text)
    remedy: str = Field(default="", sa_type=Text)
    integration_id: str | None = None
    run_id: str | None = None
    link_id: int | None = Field(default=None, sa_type=BigInteger, index=True)
    record: str | None = Field(default=None, index=True)
    record_name: str | None = None
    field: str | None = None
    request: str | None = None
    vendor_message: str | None = Field(default=None, sa_type=Text)
    vendor_request_id: str | None = None
    details: dict[str, Any] | None = Field(default=None, sa_type=JSON)


class Conflict(SQLModel, table=True):
    """A field that both sides changed: all three values and who won (H2)."""

    __tablename__ = "conflict"
    id: str = Field(primary_key=True)
    integration_id: str = Field(index=True)
    hub_id: str = Field(index=True)
    field: str
    base: Any = Field(default=None, sa_type=JSON)
    hub: Any = Field(default=None, sa_type=JSON)
    remote: Any = Field(default=None, sa_type=JSON)
    winner: str
    at: datetime = _time()
    seen_at: datetime | None = _time(default=None, nullable=True)
    """When a person said that it may stay as the rule settled it."""


class Settlement(SQLModel, table=True):
    """What a person chose for something that waited, with what it changed as it was before, so that it can be undone.

    `before` holds personal data of the customer, under retention and erase.
    """

    __tablename__ = "settlement"
    id: str = Field(primary_key=True)
    batch: str = Field(index=True)
    integration_id: str = Field(index=True)
    item: str = Field(index=True)
    kind: str
    choice: str
    hub_id: str | None = Field(default=None, index=True)
    at: datetime = _time()
    who: str
    before: dict[str, Any] = _json()
    undone_at: datetime | None = _time(default=None, nullable=True)


class DuplicateKey(SQLModel, table=True):
    """By which keys a customer is found as a possible duplicate: hashes, so that nothing personal stands here twice.

    What a customer is no longer found by stays until everything is searched again; it only costs a comparison.
    """

    __tablename__ = "duplicate_key"
    __table_args__ = {"sqlite_with_rowid": False}
    key: int = Field(primary_key=True, sa_type=BigInteger)
    hub_id: str = Field(primary_key=True)


class DuplicatePair(SQLModel, table=True):
    """Two records that may be one person: customers of the store, or remote records where an integration is named.

    `state` is open, dismissed (a person said that they are two) or merged. `shown` has the values of remote records,
    which are nowhere else here; it holds personal data, under retention and erase.
    """

    __tablename__ = "duplicate_pair"
    __table_args__ = (
        UniqueConstraint("integration_id", "a", "b"),
        Index("ix_duplicate_pair_score", "state", "score"),
    )
    id: str = Field(primary_key=True)
    integration_id: str = ""
    a: str = Field(index=True)
    b: str = Field(index=True)
    score: int
    why: list[str] = _json(list)
    shown: dict[str, Any] = _json()
    state: str
    found_at: datetime = _time()


class MergeRecord(SQLModel, table=True):
    """A customer that was merged into another, with everything that it changed as it was before (H13).

    `revision` is the merge's last: what is newer than that came after it.
    """

    __tablename__ = "merge_record"
    id: str = Field(primary_key=True)
    survivor: str = Field(index=True)
    loser: str = Field(index=True)
    at: datetime = _time()
    who: str
    revision: int = Field(sa_type=BigInteger)
    before: dict[str, Any] = _json()
    undone_at: datetime | None = _time(default=None, nullable=True)


class Intent(SQLModel, table=True):
    """Outbox: written before a create or operation that cannot be repeated, settled after it."""

    __tablename__ = "intent"
    id: str = Field(primary_key=True)
    integration_id: str = Field(index=True)
    act: str
    hub_id: str = Field(index=True)
    payload: dict[str, Any] = _json()
    state: str = Field(index=True)
    created_at: datetime = _time()
    tried_at: datetime | None = _time(default=None, nullable=True)


class Lease(SQLModel, table=True):
    """Who may work on something now; the only correctness lock. `fence` grows with each new owner."""

    __tablename__ = "lease"
    name: str = Field(primary_key=True)
    owner: str
    host: str
    boot: str
    pid: int
    started: str
    fence: int
    expires_at: datetime = _time()


class RateSlot(SQLModel, table=True):
    """The next free moment of an account's budget at a vendor, shared by all processes (H7)."""

    __tablename__ = "rate_slot"
    name: str = Field(primary_key=True)
    free_at_ms: int = Field(sa_type=BigInteger)


class InboundEvent(SQLModel, table=True):
    """A webhook as it came, stored before it is answered; repeats fall on the unique id."""

    __tablename__ = "inbound_event"
    id: str = Field(primary_key=True)
    integration_id: str = Field(index=True)
    data: str
    remote_id: str
    type: str
    at: datetime = _time()
    handled_at: datetime | None = _time(default=None, nullable=True, index=True)


class WebhookSubscription(SQLModel, table=True):
    __tablename__ = "webhook_subscription"
    integration_id: str = Field(primary_key=True)
    remote_id: str
    url: str
    at: datetime = _time()


class AuditEntry(SQLModel, table=True):
    __tablename__ = "audit_entry"
    id: str = Field(primary_key=True)
    at: datetime = _time()
    who: str
    act: str
    integration_id: str | None = Field(default=None, index=True)
    old: Any = Field(default=None, sa_type=JSON)
    new: Any = Field(default=None, sa_type=JSON)


class ApiCall(SQLModel, table=True):
    """How many calls an account's key made in an hour (UTC), for the key tile."""

    __tablename__ = "api_call"
    hour: int = Field(primary_key=True)
    name: str = Field(primary_key=True)
    calls: int


class Alert(SQLModel, table=True):
    """Something a person should know of: one row from when it begins until it is over, however often it is met.

    `subject` is what it is about (an integration's id, a route's name); only one alert of a kind and a subject is live.
    `first_at` and `last_at` are when it began and was last met, `opened_at` when it was found. Nothing in it names a
    customer: it is told outside.
    """

    __tablename__ = "alert"
    __table_args__ = (
        Index(
            "ix_alert_live",
            "kind",
            "subject",
            unique=True,
            sqlite_where=text("state != 'resolved'"),
        ),
        Index("ix_alert_state", "state", "resolved_at"),
    )
    id: str = Field(primary_key=True)
    kind: str
    subject: str
    integration_id: str | None = Field(default=None, index=True)
    name: str = ""
    level: str
    code: str = ""
    message: str = Field(sa_type=Text)
    remedy: str = Field(default="", sa_type=Text)
    key: str = ""
    command: str = ""
    first_at: datetime = _time()
    last_at: datetime = _time()
    opened_at: datetime = _time()
    count: int = 1
    state: str
    acked_by: str = ""
    acked_at: datetime | None = _time(default=None, nullable=True)
    resolved_at: datetime | None = _time(default=None, nullable=True)


class AlertRoute(SQLModel, table=True):
    """A way on which alerts are told. `level` and `kinds` (empty: all) say which; quiet hours are `22:00-07:00`.

    Its password or secret lies in the vault.
    """

    __tablename__ = "alert_route"
    name: str = Field(primary_key=True)
    kind: str
    enabled: bool = True
    level: str
    kinds: list[str] = _json(list)
    quiet: str = ""
    options: dict[str, Any] = _json()
    changed_at: datetime = _time()
    problem: str = Field(default="", sa_type=Text)
    failures: int = 0


class AlertSending(SQLModel, table=True):
    """A message on its way by a route: what it says was fixed when it was written, so that a repeat is the same."""

    __tablename__ = "alert_sending"
    __table_args__ = (Index("ix_alert_sending_route", "route", "state"),)
    id: str = Field(primary_key=True)
    route: str
    about: list[dict[str, Any]] = _json(list)
    title: str
    body: str = Field(sa_type=Text)
    state: str
    created_at: datetime = _time()
    attempts: int = 0
    next_attempt: datetime | None = _time(default=None, nullable=True)
    tried_at: datetime | None = _time(default=None, nullable=True)
    problem: str = Field(default="", sa_type=Text)


class AlertTold(SQLModel, table=True):
    """What a route was told of an alert last: that it stands (`open`, at which level), or that it is over."""

    __tablename__ = "alert_told"
    alert_id: str = Field(primary_key=True)
    route: str = Field(primary_key=True)
    said: str
    level: str
    at: datetime = _time()

"""The tables, drawn from `models.py` by `.ci/tables.py`: what they mean stands there."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from .types import Provenance, UtcTime

METADATA = MetaData()

RevisionCounter = Table(
    "revision_counter",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("n", BigInteger, nullable=False),
)

Setting = Table(
    "setting",
    METADATA,
    Column("name", String, primary_key=True),
    Column("value", JSON, nullable=False),
)

PlanTier = Table(
    "plan_tier",
    METADATA,
    Column("name", String, primary_key=True),
    Column("title", String, nullable=False),
    Column("position", Integer, nullable=False),
    Column("allowed", Integer),
    Column("counts_prebuilt", Boolean, nullable=False, default=True),
    Column("counts_api", Boolean, nullable=False, default=True),
    Column("counts_webhook", Boolean, nullable=False, default=True),
)

Account = Table(
    "account",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("local", Boolean, nullable=False),
    Column("tier", String, nullable=False),
    Column("allowed", Integer),
    Column("timezone", String, nullable=False, default="UTC"),
    Column("country", String, nullable=False, default="GB"),
    Column("currency", String, nullable=False, default="GBP"),
    Column("remote_id", String),
    Column("created_at", UtcTime, nullable=False),
    Column("key_masked", String),
    Column("key_added", UtcTime),
    Column("key_worked", UtcTime),
)

CardTemplate = Table(
    "card_template",
    METADATA,
    Column("id", String, primary_key=True),
    Column("remote_id", String, unique=True),
    Column("name", String, nullable=False),
    Column("kind", String, nullable=False),
)

Integration = Table(
    "integration",
    METADATA,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("platform", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("status", String, nullable=False, index=True),
    Column("status_code", String),
    Column("status_reason", String, nullable=False, default=""),
    Column("created_at", UtcTime, nullable=False),
    Column("activated_at", UtcTime),
    Column("config", JSON, nullable=False, default=dict),
    Column("config_version", Integer, nullable=False, default=1),
    Column("remote_account_id", String),
    Column("remote_account_name", String, nullable=False, default=""),
    Column("scopes", JSON, nullable=False, default=list),
    Column("form", String, nullable=False, default=""),
    Column("last_sync", UtcTime),
    Column("last_success", UtcTime),
    Column("next_run_at", UtcTime),
    Column("failures", Integer, nullable=False, default=0),
    Column("failing_since", UtcTime),
    Column("previewed", Boolean, nullable=False, default=False),
    Column("paused_by", String, nullable=False, default=""),
    Column("requested", String),
    Column("running", String),
    Column("progress_done", Integer),
    Column("progress_total", Integer),
    Column("progress_at", UtcTime),
    Column("disconnected_at", UtcTime),
    Column("disconnect_reason", String, nullable=False, default=""),
    Column("owner", String, nullable=False, default=""),
    Column("purpose", String, nullable=False, default=""),
)

ConfigVersion = Table(
    "config_version",
    METADATA,
    Column("integration_id", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("who", String, nullable=False, default=""),
    Column("config", JSON, nullable=False, default=dict),
)

Credential = Table(
    "credential",
    METADATA,
    Column("owner_id", String, primary_key=True),
    Column("ciphertext", LargeBinary, nullable=False),
    Column("version", Integer, nullable=False, default=1),
    Column("updated_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
)

Customer = Table(
    "customer",
    METADATA,
    Column("id", String, primary_key=True),
    Column("revision", BigInteger, nullable=False, index=True),
    Column("first_name", String),
    Column("last_name", String),
    Column("email", String),
    Column("phone", String),
    Column("birth_date", String),
    Column("gender", String),
    Column("language", String),
    Column("company", String),
    Column("address_line1", String),
    Column("city", String),
    Column("region", String),
    Column("postcode", String),
    Column("country", String),
    Column("marketing_consent", String),
    Column("consent_proof", JSON(none_as_null=True)),
    Column("balance", BigInteger),
    Column("tier", String),
    Column("card_link", String),
    Column("card_serial", String),
    Column("last_visit", String),
    Column("email_key", String),
    Column("phone_key", String),
    Column("provenance", Provenance, nullable=False, default=dict),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("archived_at", UtcTime),
    Column("merged_into", String),
    Index("ix_customer_email_key", "email_key"),
    Index("ix_customer_last_visit", "last_visit", sqlite_where=text("last_visit IS NOT NULL")),
    Index("ix_customer_phone_key", "phone_key", sqlite_where=text("phone_key IS NOT NULL")),
)

Card = Table(
    "card",
    METADATA,
    Column("id", String, primary_key=True),
    Column("revision", BigInteger, nullable=False, index=True),
    Column("customer_id", String, nullable=False, index=True),
    Column("template_id", String, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("serial", String, index=True),
    Column("balance", BigInteger, nullable=False, default=0),
    Column("status", String, nullable=False, default=""),
    Column("link", String),
    Column("tier", String),
    Column("expires_at", UtcTime, index=True),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
)

Transaction = Table(
    "transactions",
    METADATA,
    Column("id", String, primary_key=True),
    Column("revision", BigInteger, nullable=False, index=True),
    Column("integration_id", String, nullable=False),
    Column("remote_id", String, nullable=False),
    Column("line_kind", String, nullable=False),
    Column("sale_id", String, index=True),
    Column("customer_id", String, index=True),
    Column("card_id", String, index=True),
    Column("customer_remote_id", String),
    Column("happened_at", UtcTime, nullable=False, index=True),
    Column("currency", String, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("base_minor", BigInteger, nullable=False, default=0),
    Column("earned", BigInteger, nullable=False, default=0),
    Column("reversed", BigInteger, nullable=False, default=0),
    Column("owed", BigInteger, nullable=False, default=0),
    Column("state", String, nullable=False, index=True),
    Column("reason", String, nullable=False, default=""),
    Column("mark", String, nullable=False, default=""),
    Column("contact", JSON, nullable=False, default=dict),
    Column("parts", JSON),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("integration_id", "remote_id", "line_kind"),
)

RecordLink = Table(
    "record_link",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("integration_id", String, nullable=False),
    Column("data", String, nullable=False),
    Column("hub_id", String),
    Column("remote_id", String),
    Column("state", String, nullable=False),
    Column("base", JSON, nullable=False, default=dict),
    Column("remote", JSON(none_as_null=True)),
    Column("fingerprint", String),
    Column("version", String),
    Column("code", String),
    Column("reason", Text, nullable=False, default=""),
    Column("field", String),
    Column("last_sent", UtcTime),
    Column("last_received", UtcTime),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_attempt", UtcTime),
    UniqueConstraint("integration_id", "data", "remote_id"),
    Index("ix_record_link_hub", "hub_id", "integration_id", "data"),
    Index("ix_record_link_state", "integration_id", "state", "code"),
)

Cursor = Table(
    "cursor",
    METADATA,
    Column("integration_id", String, primary_key=True),
    Column("data", String, primary_key=True),
    Column("leg", String, primary_key=True),
    Column("value", JSON, nullable=False, default=dict),
    Column("at", UtcTime),
)

SentRow = Table(
    "sent_row",
    METADATA,
    Column("integration_id", String, primary_key=True),
    Column("fact", String, primary_key=True),
    Column("version", Integer, nullable=False, default=1),
    Column("digest", String, nullable=False),
    Column("at", UtcTime, nullable=False),
)

Delivery = Table(
    "delivery",
    METADATA,
    Column("id", String, primary_key=True),
    Column("integration_id", String, nullable=False),
    Column("fact", String, nullable=False, index=True),
    Column("type", String, nullable=False),
    Column("version", Integer, nullable=False, default=1),
    Column("body", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_attempt", UtcTime),
    Column("tried_at", UtcTime),
    Column("status", Integer),
    Column("answer", Text, nullable=False, default=""),
    Column("problem", Text, nullable=False, default=""),
    Column("ms", Integer, nullable=False, default=0),
    Index("ix_delivery_due", "integration_id", "state", "next_attempt"),
)

ToldMoment = Table(
    "told_moment",
    METADATA,
    Column("integration_id", String, primary_key=True),
    Column("moment", String, primary_key=True),
    Column("occasion", String, nullable=False),
    Column("version", Integer, nullable=False, default=0),
    Column("at", UtcTime, nullable=False),
)

ToldRecord = Table(
    "told_record",
    METADATA,
    Column("integration_id", String, primary_key=True),
    Column("data", String, primary_key=True),
    Column("remote_id", String, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("body", JSON, nullable=False),
    Index("ix_told_record_order", "integration_id", "data", "revision"),
)

SyncRun = Table(
    "sync_run",
    METADATA,
    Column("id", String, primary_key=True),
    Column("integration_id", String, nullable=False),
    Column("trigger", String, nullable=False),
    Column("started", UtcTime, nullable=False, index=True),
    Column("ended", UtcTime),
    Column("outcome", String, nullable=False),
    Column("inward", JSON, nullable=False, default=dict),
    Column("outward", JSON, nullable=False, default=dict),
    Column("cloud", JSON),
    Column("api_calls", Integer, nullable=False, default=0),
    Column("bytes", BigInteger, nullable=False, default=0),
    Column("throttled_ms", Integer, nullable=False, default=0),
    Column("error", JSON),
    Column("config_version", Integer, nullable=False, default=1),
    Column("more", JSON),
    Index("ix_sync_run_integration", "integration_id", "id"),
)

RunChange = Table(
    "run_change",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("run_id", String, nullable=False, index=True),
    Column("integration_id", String, nullable=False),
    Column("at", UtcTime, nullable=False, index=True),
    Column("data", JSON, nullable=False),
)

KeptPlan = Table(
    "kept_plan",
    METADATA,
    Column("id", String, primary_key=True),
    Column("integration_id", String, nullable=False, index=True),
    Column("config_version", Integer, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
    Column("who", String, nullable=False, default=""),
    Column("run_id", String),
    Column("plan", JSON, nullable=False),
    Column("shown", JSON, nullable=False),
)

LogLine = Table(
    "log_line",
    METADATA,
    Column("id", String, primary_key=True),
    Column("time", UtcTime, nullable=False, index=True),
    Column("level", String, nullable=False),
    Column("code", String, nullable=False),
    Column("message", Text, nullable=False),
    Column("remedy", Text, nullable=False, default=""),
    Column("integration_id", String),
    Column("run_id", String),
    Column("link_id", BigInteger, index=True),
    Column("record", String, index=True),
    Column("record_name", String),
    Column("field", String),
    Column("request", String),
    Column("vendor_message", Text),
    Column("vendor_request_id", String),
    Column("details", JSON),
    Index("ix_log_line_integration", "integration_id", "id"),
)

Conflict = Table(
    "conflict",
    METADATA,
    Column("id", String, primary_key=True),
    Column("integration_id", String, nullable=False, index=True),
    Column("hub_id", String, nullable=False, index=True),
    Column("field", String, nullable=False),
    Column("base", JSON, nullable=False),
    Column("hub", JSON, nullable=False),
    Column("remote", JSON, nullable=False),
    Column("winner", String, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("seen_at", UtcTime),
)

Settlement = Table(
    "settlement",
    METADATA,
    Column("id", String, primary_key=True),
    Column("batch", String, nullable=False, index=True),
    Column("integration_id", String, nullable=False, index=True),
    Column("item", String, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("choice", String, nullable=False),
    Column("hub_id", String, index=True),
    Column("at", UtcTime, nullable=False),
    Column("who", String, nullable=False),
    Column("before", JSON, nullable=False, default=dict),
    Column("undone_at", UtcTime),
)

DuplicateKey = Table(
    "duplicate_key",
    METADATA,
    Column("key", BigInteger, primary_key=True),
    Column("hub_id", String, primary_key=True),
    sqlite_with_rowid=False,
)

DuplicatePair = Table(
    "duplicate_pair",
    METADATA,
    Column("id", String, primary_key=True),
    Column("integration_id", String, nullable=False, default=""),
    Column("a", String, nullable=False, index=True),
    Column("b", String, nullable=False, index=True),
    Column("score", Integer, nullable=False),
    Column("why", JSON, nullable=False, default=list),
    Column("shown", JSON, nullable=False, default=dict),
    Column("state", String, nullable=False),
    Column("found_at", UtcTime, nullable=False),
    UniqueConstraint("integration_id", "a", "b"),
    Index("ix_duplicate_pair_score", "state", "score"),
)

MergeRecord = Table(
    "merge_record",
    METADATA,
    Column("id", String, primary_key=True),
    Column("survivor", String, nullable=False, index=True),
    Column("loser", String, nullable=False, index=True),
    Column("at", UtcTime, nullable=False),
    Column("who", String, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("before", JSON, nullable=False, default=dict),
    Column("undone_at", UtcTime),
)

Intent = Table(
    "intent",
    METADATA,
    Column("id", String, primary_key=True),
    Column("integration_id", String, nullable=False, index=True),
    Column("act", String, nullable=False),
    Column("hub_id", String, nullable=False, index=True),
    Column("payload", JSON, nullable=False, default=dict),
    Column("state", String, nullable=False, index=True),
    Column("created_at", UtcTime, nullable=False),
    Column("tried_at", UtcTime),
)

Lease = Table(
    "lease",
    METADATA,
    Column("name", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("host", String, nullable=False),
    Column("boot", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started", String, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
)

RateSlot = Table(
    "rate_slot",
    METADATA,
    Column("name", String, primary_key=True),
    Column("free_at_ms", BigInteger, nullable=False),
)

InboundEvent = Table(
    "inbound_event",
    METADATA,
    Column("id", String, primary_key=True),
    Column("integration_id", String, nullable=False, index=True),
    Column("data", String, nullable=False),
    Column("remote_id", String, nullable=False),
    Column("type", String, nullable=False),
    Column("at", UtcTime, nullable=False),
    Column("handled_at", UtcTime, index=True),
)

WebhookSubscription = Table(
    "webhook_subscription",
    METADATA,
    Column("integration_id", String, primary_key=True),
    Column("remote_id", String, nullable=False),
    Column("url", String, nullable=False),
    Column("at", UtcTime, nullable=False),
)

AuditEntry = Table(
    "audit_entry",
    METADATA,
    Column("id", String, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("who", String, nullable=False),
    Column("act", String, nullable=False),
    Column("integration_id", String, index=True),
    Column("old", JSON, nullable=False),
    Column("new", JSON, nullable=False),
)

ApiCall = Table(
    "api_call",
    METADATA,
    Column("hour", Integer, primary_key=True),
    Column("name", String, primary_key=True),
    Column("calls", Integer, nullable=False),
)

Alert = Table(
    "alert",
    METADATA,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("integration_id", String, index=True),
    Column("name", String, nullable=False, default=""),
    Column("level", String, nullable=False),
    Column("code", String, nullable=False, default=""),
    Column("message", Text, nullable=False),
    Column("remedy", Text, nullable=False, default=""),
    Column("key", String, nullable=False, default=""),
    Column("command", String, nullable=False, default=""),
    Column("first_at", UtcTime, nullable=False),
    Column("last_at", UtcTime, nullable=False),
    Column("opened_at", UtcTime, nullable=False),
    Column("count", Integer, nullable=False, default=1),
    Column("state", String, nullable=False),
    Column("acked_by", String, nullable=False, default=""),
    Column("acked_at", UtcTime),
    Column("resolved_at", UtcTime),
    Index("ix_alert_live", "kind", "subject", unique=True, sqlite_where=text("state != 'resolved'")),
    Index("ix_alert_state", "state", "resolved_at"),
)

AlertRoute = Table(
    "alert_route",
    METADATA,
    Column("name", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("enabled", Boolean, nullable=False, default=True),
    Column("level", String, nullable=False),
    Column("kinds", JSON, nullable=False, default=list),
    Column("quiet", String, nullable=False, default=""),
    Column("options", JSON, nullable=False, default=dict),
    Column("changed_at", UtcTime, nullable=False),
    Column("problem", Text, nullable=False, default=""),
    Column("failures", Integer, nullable=False, default=0),
)

AlertSending = Table(
    "alert_sending",
    METADATA,
    Column("id", String, primary_key=True),
    Column("route", String, nullable=False),
    Column("about", JSON, nullable=False, default=list),
    Column("title", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_attempt", UtcTime),
    Column("tried_at", UtcTime),
    Column("problem", Text, nullable=False, default=""),
    Index("ix_alert_sending_route", "route", "state"),
)

AlertTold = Table(
    "alert_told",
    METADATA,
    Column("alert_id", String, primary_key=True),
    Column("route", String, primary_key=True),
    Column("said", String, nullable=False),
    Column("level", String, nullable=False),
    Column("at", UtcTime, nullable=False),
)

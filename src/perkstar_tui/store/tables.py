"""The tables, drawn from `models.py` by `.ci/tables.py`: what they mean stands there."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
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

from .types import Provenance, UtcTime, column

METADATA = MetaData()

RevisionCounter = Table(
    "revision_counter",
    METADATA,
    column("id", Integer, primary_key=True),
    column("n", BigInteger, nullable=False),
)

Setting = Table(
    "setting",
    METADATA,
    column("name", String, primary_key=True),
    column("value", JSON, nullable=False),
)

PlanTier = Table(
    "plan_tier",
    METADATA,
    column("name", String, primary_key=True),
    column("title", String, nullable=False),
    column("position", Integer, nullable=False),
    column("allowed", Integer),
    column("counts_prebuilt", Boolean, nullable=False, default=True),
    column("counts_api", Boolean, nullable=False, default=True),
    column("counts_webhook", Boolean, nullable=False, default=True),
)

Account = Table(
    "account",
    METADATA,
    column("id", String, primary_key=True),
    column("name", String, nullable=False),
    column("local", Boolean, nullable=False),
    column("tier", String, nullable=False),
    column("allowed", Integer),
    column("timezone", String, nullable=False, default="UTC"),
    column("country", String, nullable=False, default="GB"),
    column("currency", String, nullable=False, default="GBP"),
    column("remote_id", String),
    column("created_at", UtcTime, nullable=False),
    column("key_masked", String),
    column("key_added", UtcTime),
    column("key_worked", UtcTime),
)

CardTemplate = Table(
    "card_template",
    METADATA,
    column("id", String, primary_key=True),
    column("remote_id", String, unique=True),
    column("name", String, nullable=False),
    column("kind", String, nullable=False),
)

Integration = Table(
    "integration",
    METADATA,
    column("id", String, primary_key=True),
    column("name", String, nullable=False),
    column("platform", String, nullable=False),
    column("kind", String, nullable=False),
    column("status", String, nullable=False, index=True),
    column("status_code", String),
    column("status_reason", String, nullable=False, default=""),
    column("created_at", UtcTime, nullable=False),
    column("activated_at", UtcTime),
    column("config", JSON, nullable=False, default=dict),
    column("config_version", Integer, nullable=False, default=1),
    column("remote_account_id", String),
    column("remote_account_name", String, nullable=False, default=""),
    column("scopes", JSON, nullable=False, default=list),
    column("form", String, nullable=False, default=""),
    column("last_sync", UtcTime),
    column("last_success", UtcTime),
    column("next_run_at", UtcTime),
    column("failures", Integer, nullable=False, default=0),
    column("failing_since", UtcTime),
    column("previewed", Boolean, nullable=False, default=False),
    column("paused_by", String, nullable=False, default=""),
    column("requested", String),
    column("running", String),
    column("progress_done", Integer),
    column("progress_total", Integer),
    column("progress_at", UtcTime),
    column("disconnected_at", UtcTime),
    column("disconnect_reason", String, nullable=False, default=""),
    column("owner", String, nullable=False, default=""),
    column("purpose", String, nullable=False, default=""),
)

ConfigVersion = Table(
    "config_version",
    METADATA,
    column("integration_id", String, primary_key=True),
    column("version", Integer, primary_key=True),
    column("at", UtcTime, nullable=False),
    column("who", String, nullable=False, default=""),
    column("config", JSON, nullable=False, default=dict),
)

Credential = Table(
    "credential",
    METADATA,
    column("owner_id", String, primary_key=True),
    column("ciphertext", LargeBinary, nullable=False),
    column("version", Integer, nullable=False, default=1),
    column("updated_at", UtcTime, nullable=False),
    column("expires_at", UtcTime),
)

Customer = Table(
    "customer",
    METADATA,
    column("id", String, primary_key=True),
    column("revision", BigInteger, nullable=False, index=True),
    column("first_name", String),
    column("last_name", String),
    column("email", String),
    column("phone", String),
    column("birth_date", String),
    column("gender", String),
    column("language", String),
    column("company", String),
    column("address_line1", String),
    column("city", String),
    column("region", String),
    column("postcode", String),
    column("country", String),
    column("marketing_consent", String),
    column("consent_proof", JSON(none_as_null=True)),
    column("balance", BigInteger),
    column("tier", String),
    column("card_link", String),
    column("card_serial", String),
    column("last_visit", String),
    column("email_key", String),
    column("phone_key", String),
    column("provenance", Provenance, nullable=False, default=dict),
    column("created_at", UtcTime, nullable=False),
    column("updated_at", UtcTime, nullable=False),
    column("archived_at", UtcTime),
    column("merged_into", String),
    Index("ix_customer_email_key", "email_key"),
    Index("ix_customer_last_visit", "last_visit", sqlite_where=text("last_visit IS NOT NULL")),
    Index("ix_customer_phone_key", "phone_key", sqlite_where=text("phone_key IS NOT NULL")),
)

Card = Table(
    "card",
    METADATA,
    column("id", String, primary_key=True),
    column("revision", BigInteger, nullable=False, index=True),
    column("customer_id", String, nullable=False, index=True),
    column("template_id", String, nullable=False, index=True),
    column("kind", String, nullable=False),
    column("serial", String, index=True),
    column("balance", BigInteger, nullable=False, default=0),
    column("status", String, nullable=False, default=""),
    column("link", String),
    column("tier", String),
    column("expires_at", UtcTime, index=True),
    column("created_at", UtcTime, nullable=False),
    column("updated_at", UtcTime, nullable=False),
)

Transaction = Table(
    "transactions",
    METADATA,
    column("id", String, primary_key=True),
    column("revision", BigInteger, nullable=False, index=True),
    column("integration_id", String, nullable=False),
    column("remote_id", String, nullable=False),
    column("line_kind", String, nullable=False),
    column("sale_id", String, index=True),
    column("customer_id", String, index=True),
    column("card_id", String, index=True),
    column("customer_remote_id", String),
    column("happened_at", UtcTime, nullable=False, index=True),
    column("currency", String, nullable=False),
    column("total_minor", BigInteger, nullable=False),
    column("base_minor", BigInteger, nullable=False, default=0),
    column("earned", BigInteger, nullable=False, default=0),
    column("reversed", BigInteger, nullable=False, default=0),
    column("owed", BigInteger, nullable=False, default=0),
    column("state", String, nullable=False, index=True),
    column("reason", String, nullable=False, default=""),
    column("mark", String, nullable=False, default=""),
    column("contact", JSON, nullable=False, default=dict),
    column("parts", JSON),
    column("created_at", UtcTime, nullable=False),
    UniqueConstraint("integration_id", "remote_id", "line_kind"),
)

RecordLink = Table(
    "record_link",
    METADATA,
    column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    column("integration_id", String, nullable=False),
    column("data", String, nullable=False),
    column("hub_id", String),
    column("remote_id", String),
    column("state", String, nullable=False),
    column("base", JSON, nullable=False, default=dict),
    column("remote", JSON(none_as_null=True)),
    column("fingerprint", String),
    column("version", String),
    column("code", String),
    column("reason", Text, nullable=False, default=""),
    column("field", String),
    column("last_sent", UtcTime),
    column("last_received", UtcTime),
    column("attempts", Integer, nullable=False, default=0),
    column("next_attempt", UtcTime),
    UniqueConstraint("integration_id", "data", "remote_id"),
    Index("ix_record_link_hub", "hub_id", "integration_id", "data"),
    Index("ix_record_link_state", "integration_id", "state", "code"),
)

Cursor = Table(
    "cursor",
    METADATA,
    column("integration_id", String, primary_key=True),
    column("data", String, primary_key=True),
    column("leg", String, primary_key=True),
    column("value", JSON, nullable=False, default=dict),
    column("at", UtcTime),
)

SentRow = Table(
    "sent_row",
    METADATA,
    column("integration_id", String, primary_key=True),
    column("fact", String, primary_key=True),
    column("version", Integer, nullable=False, default=1),
    column("digest", String, nullable=False),
    column("at", UtcTime, nullable=False),
)

Delivery = Table(
    "delivery",
    METADATA,
    column("id", String, primary_key=True),
    column("integration_id", String, nullable=False),
    column("fact", String, nullable=False, index=True),
    column("type", String, nullable=False),
    column("version", Integer, nullable=False, default=1),
    column("body", Text, nullable=False),
    column("state", String, nullable=False),
    column("created_at", UtcTime, nullable=False),
    column("attempts", Integer, nullable=False, default=0),
    column("next_attempt", UtcTime),
    column("tried_at", UtcTime),
    column("status", Integer),
    column("answer", Text, nullable=False, default=""),
    column("problem", Text, nullable=False, default=""),
    column("ms", Integer, nullable=False, default=0),
    Index("ix_delivery_due", "integration_id", "state", "next_attempt"),
)

ToldMoment = Table(
    "told_moment",
    METADATA,
    column("integration_id", String, primary_key=True),
    column("moment", String, primary_key=True),
    column("occasion", String, nullable=False),
    column("version", Integer, nullable=False, default=0),
    column("at", UtcTime, nullable=False),
)

ToldRecord = Table(
    "told_record",
    METADATA,
    column("integration_id", String, primary_key=True),
    column("data", String, primary_key=True),
    column("remote_id", String, primary_key=True),
    column("revision", BigInteger, nullable=False),
    column("at", UtcTime, nullable=False),
    column("body", JSON, nullable=False),
    Index("ix_told_record_order", "integration_id", "data", "revision"),
)

SyncRun = Table(
    "sync_run",
    METADATA,
    column("id", String, primary_key=True),
    column("integration_id", String, nullable=False),
    column("trigger", String, nullable=False),
    column("started", UtcTime, nullable=False, index=True),
    column("ended", UtcTime),
    column("outcome", String, nullable=False),
    column("inward", JSON, nullable=False, default=dict),
    column("outward", JSON, nullable=False, default=dict),
    column("cloud", JSON),
    column("api_calls", Integer, nullable=False, default=0),
    column("bytes", BigInteger, nullable=False, default=0),
    column("throttled_ms", Integer, nullable=False, default=0),
    column("error", JSON),
    column("config_version", Integer, nullable=False, default=1),
    column("more", JSON),
    Index("ix_sync_run_integration", "integration_id", "id"),
)

RunChange = Table(
    "run_change",
    METADATA,
    column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    column("run_id", String, nullable=False, index=True),
    column("integration_id", String, nullable=False),
    column("at", UtcTime, nullable=False, index=True),
    column("data", JSON, nullable=False),
)

KeptPlan = Table(
    "kept_plan",
    METADATA,
    column("id", String, primary_key=True),
    column("integration_id", String, nullable=False, index=True),
    column("config_version", Integer, nullable=False),
    column("created_at", UtcTime, nullable=False),
    column("expires_at", UtcTime, nullable=False, index=True),
    column("who", String, nullable=False, default=""),
    column("run_id", String),
    column("plan", JSON, nullable=False),
    column("shown", JSON, nullable=False),
)

LogLine = Table(
    "log_line",
    METADATA,
    column("id", String, primary_key=True),
    column("time", UtcTime, nullable=False, index=True),
    column("level", String, nullable=False),
    column("code", String, nullable=False),
    column("message", Text, nullable=False),
    column("remedy", Text, nullable=False, default=""),
    column("integration_id", String),
    column("run_id", String),
    column("link_id", BigInteger, index=True),
    column("record", String, index=True),
    column("record_name", String),
    column("field", String),
    column("request", String),
    column("vendor_message", Text),
    column("vendor_request_id", String),
    column("details", JSON),
    Index("ix_log_line_integration", "integration_id", "id"),
)

Conflict = Table(
    "conflict",
    METADATA,
    column("id", String, primary_key=True),
    column("integration_id", String, nullable=False, index=True),
    column("hub_id", String, nullable=False, index=True),
    column("field", String, nullable=False),
    column("base", JSON, nullable=False),
    column("hub", JSON, nullable=False),
    column("remote", JSON, nullable=False),
    column("winner", String, nullable=False),
    column("at", UtcTime, nullable=False),
    column("seen_at", UtcTime),
)

Settlement = Table(
    "settlement",
    METADATA,
    column("id", String, primary_key=True),
    column("batch", String, nullable=False, index=True),
    column("integration_id", String, nullable=False, index=True),
    column("item", String, nullable=False, index=True),
    column("kind", String, nullable=False),
    column("choice", String, nullable=False),
    column("hub_id", String, index=True),
    column("at", UtcTime, nullable=False),
    column("who", String, nullable=False),
    column("before", JSON, nullable=False, default=dict),
    column("undone_at", UtcTime),
)

DuplicateKey = Table(
    "duplicate_key",
    METADATA,
    column("key", BigInteger, primary_key=True),
    column("hub_id", String, primary_key=True),
    sqlite_with_rowid=False,
)

DuplicatePair = Table(
    "duplicate_pair",
    METADATA,
    column("id", String, primary_key=True),
    column("integration_id", String, nullable=False, default=""),
    column("a", String, nullable=False, index=True),
    column("b", String, nullable=False, index=True),
    column("score", Integer, nullable=False),
    column("why", JSON, nullable=False, default=list),
    column("shown", JSON, nullable=False, default=dict),
    column("state", String, nullable=False),
    column("found_at", UtcTime, nullable=False),
    UniqueConstraint("integration_id", "a", "b"),
    Index("ix_duplicate_pair_score", "state", "score"),
)

MergeRecord = Table(
    "merge_record",
    METADATA,
    column("id", String, primary_key=True),
    column("survivor", String, nullable=False, index=True),
    column("loser", String, nullable=False, index=True),
    column("at", UtcTime, nullable=False),
    column("who", String, nullable=False),
    column("revision", BigInteger, nullable=False),
    column("before", JSON, nullable=False, default=dict),
    column("undone_at", UtcTime),
)

Intent = Table(
    "intent",
    METADATA,
    column("id", String, primary_key=True),
    column("integration_id", String, nullable=False, index=True),
    column("act", String, nullable=False),
    column("hub_id", String, nullable=False, index=True),
    column("payload", JSON, nullable=False, default=dict),
    column("state", String, nullable=False, index=True),
    column("created_at", UtcTime, nullable=False),
    column("tried_at", UtcTime),
)

Lease = Table(
    "lease",
    METADATA,
    column("name", String, primary_key=True),
    column("owner", String, nullable=False),
    column("host", String, nullable=False),
    column("boot", String, nullable=False),
    column("pid", Integer, nullable=False),
    column("started", String, nullable=False),
    column("fence", Integer, nullable=False),
    column("expires_at", UtcTime, nullable=False),
)

RateSlot = Table(
    "rate_slot",
    METADATA,
    column("name", String, primary_key=True),
    column("free_at_ms", BigInteger, nullable=False),
)

InboundEvent = Table(
    "inbound_event",
    METADATA,
    column("id", String, primary_key=True),
    column("integration_id", String, nullable=False, index=True),
    column("data", String, nullable=False),
    column("remote_id", String, nullable=False),
    column("type", String, nullable=False),
    column("at", UtcTime, nullable=False),
    column("handled_at", UtcTime, index=True),
)

WebhookSubscription = Table(
    "webhook_subscription",
    METADATA,
    column("integration_id", String, primary_key=True),
    column("remote_id", String, nullable=False),
    column("url", String, nullable=False),
    column("at", UtcTime, nullable=False),
)

AuditEntry = Table(
    "audit_entry",
    METADATA,
    column("id", String, primary_key=True),
    column("at", UtcTime, nullable=False),
    column("who", String, nullable=False),
    column("act", String, nullable=False),
    column("integration_id", String, index=True),
    column("old", JSON, nullable=False),
    column("new", JSON, nullable=False),
)

ApiCall = Table(
    "api_call",
    METADATA,
    column("hour", Integer, primary_key=True),
    column("name", String, primary_key=True),
    column("calls", Integer, nullable=False),
)

Alert = Table(
    "alert",
    METADATA,
    column("id", String, primary_key=True),
    column("kind", String, nullable=False),
    column("subject", String, nullable=False),
    column("integration_id", String, index=True),
    column("name", String, nullable=False, default=""),
    column("level", String, nullable=False),
    column("code", String, nullable=False, default=""),
    column("message", Text, nullable=False),
    column("remedy", Text, nullable=False, default=""),
    column("key", String, nullable=False, default=""),
    column("command", String, nullable=False, default=""),
    column("first_at", UtcTime, nullable=False),
    column("last_at", UtcTime, nullable=False),
    column("opened_at", UtcTime, nullable=False),
    column("count", Integer, nullable=False, default=1),
    column("state", String, nullable=False),
    column("acked_by", String, nullable=False, default=""),
    column("acked_at", UtcTime),
    column("resolved_at", UtcTime),
    Index("ix_alert_live", "kind", "subject", unique=True, sqlite_where=text("state != 'resolved'")),
    Index("ix_alert_state", "state", "resolved_at"),
)

AlertRoute = Table(
    "alert_route",
    METADATA,
    column("name", String, primary_key=True),
    column("kind", String, nullable=False),
    column("enabled", Boolean, nullable=False, default=True),
    column("level", String, nullable=False),
    column("kinds", JSON, nullable=False, default=list),
    column("quiet", String, nullable=False, default=""),
    column("options", JSON, nullable=False, default=dict),
    column("changed_at", UtcTime, nullable=False),
    column("problem", Text, nullable=False, default=""),
    column("failures", Integer, nullable=False, default=0),
)

AlertSending = Table(
    "alert_sending",
    METADATA,
    column("id", String, primary_key=True),
    column("route", String, nullable=False),
    column("about", JSON, nullable=False, default=list),
    column("title", String, nullable=False),
    column("body", Text, nullable=False),
    column("state", String, nullable=False),
    column("created_at", UtcTime, nullable=False),
    column("attempts", Integer, nullable=False, default=0),
    column("next_attempt", UtcTime),
    column("tried_at", UtcTime),
    column("problem", Text, nullable=False, default=""),
    Index("ix_alert_sending_route", "route", "state"),
)

AlertTold = Table(
    "alert_told",
    METADATA,
    column("alert_id", String, primary_key=True),
    column("route", String, primary_key=True),
    column("said", String, nullable=False),
    column("level", String, nullable=False),
    column("at", UtcTime, nullable=False),
)

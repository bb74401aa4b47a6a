"""A whole HubDoor in memory: a small shop with five integrations in all states, whose state tests change."""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fake_alerts import FakeAlerts

from perkstar_tui.hub import views as v
from perkstar_tui.hub.health_detail import ErrorShare, HealthDetail, RunPoint
from perkstar_tui.hub.waiting import (
    QueueChoice,
    QueueItem,
    QueueSide,
    RecordCounts,
    SettlePlan,
    SettleView,
    WhyStep,
    WhyView,
)
from perkstar_tui.model.errors import CATALOGUE, ErrorKind, PerkstarError

NOW = datetime(2026, 7, 25, 11, 41, tzinfo=UTC)
KEY = "psk_live_7Q2mX9vB4kT1sW8eR5yU3a4f2a"
HOSTILE = "[bold red]Evil[/] \x1b[31mInc\x07 \u202eדוד café é 日本語 \u200b\x9b1m"

SALESFORCE = "int_01J9ZK3V7M2Q5W8R4T6YAQ8FQ"
MAILCHIMP = "int_01J9ZM8D4H6N1P3S5V7XBR2XA"
SQUARE = "int_01JAQ2C5E7G9J1K3M5P7R9477C"
SHOPIFY = "int_01JBT4F6H8J2L4N6Q8S1UWM0QD"
HUBSPOT = "int_01JC5V7X9Z2B4D6F8H1J3LT9ZZ"
ENDPOINT = "int_01J0ENDP0INT000000000STCK"


def at(**back: float) -> datetime:
    return NOW - timedelta(**back)


WELL = v.HealthView(99, "Healthy", "", "")


def integration(id_: str, name: str, platform: str, title: str, **more: Any) -> v.IntegrationView:
    facts: dict[str, Any] = {
        "kind": "prebuilt",
        "status": "active",
        "running": False,
        "date": at(days=100),
        "data": ("customers",),
        "direction": "both",
        "frequency": "hourly",
        "last_sync": at(minutes=4),
        "last_success": at(minutes=4),
        "next_sync": NOW + timedelta(minutes=56),
        "health": WELL,
        "counts": v.Counts(linked=2310),
        "match": ("email", "phone"),
        "source_of_truth": "perkstar",
        "account_name": f"{title} account",
        "scopes": ("customers.read", "customers.write"),
        "platform_title": title,
        "owner": "Sam",
        "purpose": "",
    }
    return v.IntegrationView(id=id_, name=name, platform=platform, **(facts | more))


def shop() -> list[v.IntegrationView]:
    """The five of the pictures."""
    return [
        integration(
            SALESFORCE, "Salesforce", "salesforce", "Salesforce",
            date=datetime(2026, 3, 12, tzinfo=UTC), running=True, progress_done=412, progress_total=2310,
            health=v.HealthView(97, "Healthy", "", ""),
        ),
        integration(MAILCHIMP, "Mailchimp", "mailchimp", "Mailchimp", date=datetime(2026, 4, 2, tzinfo=UTC)),
        integration(
            SQUARE, "Square · High St", "square", "Square",
            date=datetime(2026, 5, 19, tzinfo=UTC), status="error",
            data=("customers", "transactions"), frequency="realtime",
            last_sync=at(minutes=12), last_success=at(minutes=27), next_sync=NOW + timedelta(minutes=3),
            counts=v.Counts(linked=18204, failed=3),
            health=v.HealthView(
                61, "Degraded", "3 of 412 customers were refused.", "See which ones.", "!",
                (("freshness", 38, 40), ("runs", 10, 25), ("records", 3, 15), ("credential", 10, 10),
                 ("rate headroom", 0, 10)),
            ),
            status_reason="3 customers were refused: the phone number is not valid in GB.",
            status_remedy="See which ones and why", status_key="!",
            account_name="Bean & Leaf, High St", scopes=("customers", "orders", "payments"),
            credential_expires=NOW + timedelta(days=21), options={"credit_from": "2026-05-19", "location_ids": "L1"},
            purpose="The till in the High Street. Asked for by Sam.",
        ),
        integration(
            SHOPIFY, "Shopify", "shopify", "Shopify", date=datetime(2026, 6, 1, tzinfo=UTC), status="paused",
            paused_by="owner", last_sync=at(days=2), last_success=at(days=2), next_sync=None,
            status_reason="Paused by owner.", status_remedy="Resume", status_key="p",
        ),
        integration(
            HUBSPOT, "HubSpot", "hubspot", "HubSpot", date=datetime(2026, 6, 14, tzinfo=UTC),
            status="reconnect_required", last_sync=at(days=41), last_success=at(days=41), next_sync=None,
            health=v.HealthView(12, "Unhealthy", "HubSpot refuses the credential.", "Reconnect it.", "R"),
            status_reason="HubSpot refuses the credential; nothing is read or sent until it is renewed.",
            status_remedy="Reconnect", status_key="R",
        ),
    ]  # fmt: skip


def detail(view: v.IntegrationView) -> HealthDetail:
    """Forty runs, of which the last ones fail for some records."""
    points = tuple(
        RunPoint(at(hours=40 - n), "succeeded" if n < 38 else "partly", 1.2 + (n * 7 % 11) / 4, 40 + n * 13 % 90, n % 7,
                 3 if n > 35 else 0, 12, 96, 0.1)
        for n in range(40)
    )  # fmt: skip
    failed = view.counts.failed
    return HealthDetail(
        view.id, view.name, view.status, view.health, view.last_success, 900, 1620, 20, 18, 0.9,
        (ErrorShare("record_rejected", 0, failed, CATALOGUE[ErrorKind.RECORD_REJECTED].meaning, "Correct the field."),
         ErrorShare("network", 2, 0, CATALOGUE[ErrorKind.NETWORK].meaning, "Look.")) if failed else (),
        2.31, 96, 61.4, 12.0, 0.86, view.credential_expires, view.credential_renews, None, None, None, None, False,
        points,
    )  # fmt: skip


def stock() -> list[v.IntegrationView]:
    """An endpoint of one's own, which has not taken everything."""
    return [
        integration(
            ENDPOINT, "Stock room", "webhook", "Webhook", date=datetime(2026, 6, 20, tzinfo=UTC), kind="webhook",
            data=("customers", "transactions"), direction="to-platform", frequency="realtime",
            counts=v.Counts(linked=4120, held=1, failed=1),
            status_reason="A delivery was given up.", status_remedy="See which one", status_key="!",
        )
    ]  # fmt: skip


def told() -> list[v.DeliveryView]:
    """One that waits, one that was taken, and one that was given up."""

    def one(number: int, kind: str, state: str, attempts: int, **more: Any) -> v.DeliveryView:
        facts: dict[str, Any] = {
            "created": at(minutes=number), "tried": at(minutes=number), "next_attempt": None, "status": 200, "ms": 41,
            "problem": "", "answer": "ok",
        }  # fmt: skip
        body = {
            "type": kind,
            "timestamp": "2026-11-24T12:00:00.000+00:00",
            "data": {"id": "cus_1", "balance": 120},
        }
        return v.DeliveryView(
            id=f"msg_{number:04}", integration_id=ENDPOINT, type=kind, record="cus_1", state=state,
            attempts=attempts, body=body, **(facts | more),
        )  # fmt: skip

    return [
        one(1, "customer.updated", "pending", 2, status=503, problem="The endpoint failed (503).",
            answer="[red]busy", next_attempt=NOW + timedelta(minutes=28)),
        one(2, "sale.created", "delivered", 1),
        one(9, "customer.created", "dead", 10, status=None, ms=20_000, answer="",
            problem="The endpoint did not answer: it took too long."),
    ]  # fmt: skip


def queued() -> list[QueueItem]:
    """One of each kind, in the order in which they wait."""
    ann = {"first_name": "Ann", "last_name": "Lee", "phone": "+447400123456"}
    bob = {"first_name": "Bob", "email": "bob@example.com", "phone": "+447400123456"}
    there = {"first_name": "A", "email": "a.lee@example.com", "phone": "+447400123456"}
    new = QueueChoice("new", "Somebody else", "A new customer is made here, linked to this record at Square")
    out = QueueChoice(
        "leave-out", "Leave out for good", "It is neither taken from Square nor sent there any more"
    )

    def one(
        number: int, kind: Any, name: str, reason: str, field: str, choices: Any, **more: Any
    ) -> QueueItem:
        facts: dict[str, Any] = {
            "there": QueueSide("sq_1", "A", there), "here": (QueueSide("cus_01J1A", "Ann Lee", ann),),
            "since": at(hours=number), "code": "duplicate", "remedy": "Choose.",
        }  # fmt: skip
        return QueueItem(
            id=f"held-{number}", kind=kind, integration_id=SQUARE, integration_name="Square · High St",
            record="sq_1", name=name, reason=reason, field=field, choices=tuple(choices), **(facts | more),
        )  # fmt: skip

    links = [QueueChoice(f"link:cus_01J1{x}", f"It is {n}", "Both become one; what differs goes by the rule")
             for x, n in (("A", "Ann Lee"), ("B", "Bob"))]  # fmt: skip
    return [
        one(1, "match", "A", "2 customers in Perkstar have this phone", "", [*links, new, out], like=3, why="several",
            rules=("link:oldest", "link:newest"),
            here=(QueueSide("cus_01J1A", "Ann Lee", ann, ("first_name", "email")),
                  QueueSide("cus_01J1B", "Bob", bob, ("first_name", "email")))),
        one(2, "refused", HOSTILE, "phone_number is not valid", "phone",
            [QueueChoice("retry", "Try it again", "It is sent again with the next run"),
             QueueChoice("edit", "Correct it here", "The customer is changed here and sent"), out],
            here=(QueueSide("cus_01J1C", "Cy", {"first_name": "Cy", "phone": "0123"}, ("phone",)),),
            there=QueueSide("", "", {}), next_attempt=NOW + timedelta(minutes=48), code="record_rejected"),
        one(3, "conflict", "Di", "first_name was changed on both sides; Perkstar won by the rule", "first_name",
            [QueueChoice("perkstar", "Perkstar's value", "first_name stays 'Diana'"),
             QueueChoice("platform", "Square's value", "first_name becomes 'Dinah'"),
             QueueChoice("edit", "Another value", "It is changed here, and there with the next run")],
            here=(QueueSide("cus_01J1D", "Di", {"first_name": "Diana"}, ("first_name",)),), base="Di",
            why="perkstar", rules=("perkstar", "platform"),
            there=QueueSide("sq_9", "Square", {"first_name": "Dinah"}, ("first_name",))),
    ]  # fmt: skip


REASON = WhyView(
    SQUARE, "Square · High St", "cus_01J1A", "customer",
    (
        WhyStep("connection", "Connected, active, authorised", True, "Square · High St is active."),
        WhyStep("filters", "Filters", False, 'Left out by the filter: country = "GB".', "Change the filter.",
                "perkstar edit int_01JAQ2C5E7G9J1K3M5P7R9477C --set filter_to_platform=...", "e", "filter"),
        WhyStep("vendor", "The record at the platform", None, "Square could not be asked."),
    ),
    "filter", 'Left out by the filter: country = "GB".', "Change the filter.",
    "perkstar edit int_01JAQ2C5E7G9J1K3M5P7R9477C --set filter_to_platform=...", "e",
)  # fmt: skip


def doubled() -> list[v.DuplicateView]:
    """A pair that is surely one person, one that may be, and a record that the engine holds."""
    jane = {"first_name": "Jane", "last_name": "Doe", "email": "jane@example.com", "birth_date": "1980-02-03",
            "address_line1": "1 High Street", "city": "Leeds", "balance": 240}  # fmt: skip
    jayne = {
        **jane,
        "first_name": "Jayne",
        "email": "j.doe@work.example",
        "phone": "+447400123456",
        "balance": 32,
    }

    def one(number: int, a: dict[str, Any], b: dict[str, Any], **more: Any) -> v.DuplicateView:
        sides = [
            v.DuplicateSide(
                f"cus_01J{number}{sign}", f"{each.get('first_name', '')} {each.get('last_name', '')}".strip(), each,
                1, 12, ("Mailchimp",), at(days=90),
            )
            for sign, each in (("A", a), ("B", b))
        ]  # fmt: skip
        facts: dict[str, Any] = {
            "integration_id": None, "integration_name": "", "score": 97, "verdict": "same", "state": "open",
            "why": ("first names 95 % alike", "same last name", "same birth date", "different e-mail address"),
            "found_at": at(hours=number), "a": sides[0], "b": sides[1],
        }  # fmt: skip
        differs = tuple(name for name in jayne if a.get(name) != b.get(name) and name != "balance")
        return v.DuplicateView(id=f"dup_{number}", differs=differs, **(facts | more))

    hostile = {"first_name": HOSTILE, "last_name": "Ek", "phone": "+447400123457"}
    return [
        one(1, jane, jayne),
        one(2, hostile, {**hostile, "first_name": "Bo"}, score=71, verdict="maybe", why=("same phone",)),
        one(3, jane, jayne, score=64, verdict="held", held=True, integration_id=MAILCHIMP,
            integration_name="Mailchimp", why=("another record at Mailchimp is already linked to this customer",)),
    ]  # fmt: skip


OPTIONS = (
    v.OptionView("include_instant_profiles", "Take in profiles that Square makes from card payments",
        "Square makes a bare customer for each unknown card.", "false", (), False, False),
    v.OptionView("location_ids", "Locations whose sales earn", "Location ids with commas between; empty means all.",
        "", (), False, False),
)  # fmt: skip


def _items() -> list[v.CatalogItem]:
    names = {
        "crm": ("Salesforce", "HubSpot", "Zoho CRM", "Pipedrive"),
        "email": ("Mailchimp", "Constant Contact", "Klaviyo", "SendGrid"),
        "pos": ("Square", "Clover", "Toast", "Lightspeed"),
        "ecommerce": ("Shopify", "WooCommerce", "BigCommerce", "Magento"),
        "analytics": ("Google Analytics", "Tableau", "Power BI"),
        "accounting": ("QuickBooks", "Xero", "FreshBooks"),
        "booking": ("Mindbody", "Vagaro"),
    }
    working = {
        "hubspot": ("customers", ("service_key", "oauth")),
        "mailchimp": ("customers", ("api_key",)),
        "square": ("customers,transactions", ("token",)),
    }
    items = []
    for category, titles in names.items():
        for title in titles:
            name = title.lower().replace(" ", "-")
            data, forms = working.get(name, ("", ()))
            items.append(
                v.CatalogItem(
                    name, title, category, "prebuilt", tuple(forms),
                    tuple(data.split(",")) if data else (),
                    ("both", "to-platform", "to-perkstar") if data else (), name == "square",
                    "working" if data else "planned",
                    f"{title}: customers both ways, by email or phone." if data else "Not available yet.",
                    options=OPTIONS if name == "square" else (),
                )
            )  # fmt: skip
    return items


WEBHOOK = v.CatalogItem(
    "webhook", "Webhook", "Custom", "webhook", ("endpoint",), ("customers", "transactions"),
    ("both", "to-platform", "to-perkstar"), True, "working", "For systems of your own.",
)  # fmt: skip


FORMS = {
    "mailchimp": (
        v.AuthFormView(
            "api_key", "An API key", False,
            (v.AuthField("api_key", "API key", True, "Mailchimp: Account › Extras › API keys."),),
            ("Read and change the audience's contacts",),
        ),
    ),
    "square": (
        v.AuthFormView(
            "token", "A personal access token", False,
            (v.AuthField("access_token", "Access token", True, "Square: Developer console › your app › Credentials."),),
            ("Read and change customers", "Read orders and payments"),
        ),
    ),
    "webhook": (
        v.AuthFormView(
            "endpoint", "An endpoint of your own", False,
            (v.AuthField("url", "Address", False, "Where deliveries are posted to."),
             v.AuthField("secret", "Secret", True, "Leave it empty to have one made.", True)),
            ("The endpoint is told of customers and sales",),
        ),
    ),
    "hubspot": (
        v.AuthFormView(
            "service_key", "A service key", False,
            (v.AuthField("access_token", "Service key", True, "HubSpot: Settings › Integrations › Service keys."),),
            ("Read and change contacts", "Read and create contact properties"),
        ),
        v.AuthFormView(
            "oauth", "Your own app (OAuth)", True,
            (v.AuthField("client_id", "App id", False, "HubSpot: Developers › your app."),
             v.AuthField("client_secret", "App secret", True, "Kept sealed; asked for once.")),
            ("Read and change contacts", "Read and create contact properties"),
        ),
    ),
}  # fmt: skip


def lines() -> list[v.MappingLine]:
    return [
        v.MappingLine("customers", "email", "email", "both", "lower", "Email", "jo@example.com", "", True),
        v.MappingLine("customers", "phone", "phone_number", "both", "e164", "Phone", "+447700900123"),
        v.MappingLine("customers", "first_name", "given_name", "both", "text", "First name", "Jo"),
        v.MappingLine("customers", "last_name", "family_name", "both", "text", "Last name", "Example"),
        v.MappingLine(
            "customers", "balance", "custom.perkstar_points", "to-platform", "number", "Points", "240",
            "made there if missing",
        ),
        v.MappingLine(
            "customers", "birth_date", "birthday", "both", "date_iso", "Birthday", "", "mostly empty"
        ),
        v.MappingLine(
            "customers", "marketing_consent", "email_subscribed", "both", "choice:yes=SUBSCRIBED", "Consent",
            "SUBSCRIBED",
        ),
    ]  # fmt: skip


def _runs(id_: str) -> list[v.RunView]:
    shape = [2, 3, 2, 2, 5, 2, 2, 1, 2, 2, 3, 2, 2, 2, 8, 2, 2, 1, 2, 2, 2, 3, 2, 2, 2, 2, 2, 1, 2, 2, 4, 3]
    runs = []
    for n, size in enumerate(shape * 4):
        started = at(minutes=12 + 15 * n)
        bad = 3 if n == 0 else 0
        runs.append(
            v.RunView(
                f"run_01K{n:04d}{id_[-6:]}", id_, ("webhook", "schedule", "schedule", "manual")[n % 4], started,
                started + timedelta(seconds=1.2 + (n % 5) * 0.3), "partly" if bad else "succeeded",
                v.LegCounts(read=size * 3, created=size // 3, updated=size, failed=bad),
                v.LegCounts(read=size, updated=size // 2), None, size * 2 + 1, size * 4096, 2100 if n == 3 else 0,
            )
        )  # fmt: skip
    return runs


def _entries() -> list[v.LogEntry]:
    entries = []
    for n in range(240):
        time = at(minutes=12 + n * 7)
        kind = n % 6
        failing = n < 3
        if failing or kind == 5:
            entries.append(
                v.LogEntry(
                    f"log_01K{9999 - n:05d}", time, "error", "record_rejected",
                    "phone_number is not valid (Square INVALID_PHONE_NUMBER)",
                    "Correct the number, then retry.", SQUARE, "run_01K0000", f"cus_01J{n:05d}",
                    ("Ann Lee", "Bo Ek", HOSTILE)[n] if failing else f"Customer {n}", "phone",
                    "PUT /v2/customers/8RK -> 400 in 212 ms", "Expected phone_number to be a valid phone number",
                    "9f2c41d7", 3 if failing else 1, NOW + timedelta(minutes=48) if failing else None, failing,
                )
            )  # fmt: skip
        elif kind == 3:
            entries.append(
                v.LogEntry(
                    f"log_01K{9999 - n:05d}", time, "warning", "rate_limited",
                    "Waited 2.1 s, as Square asked.", "Nothing to do.", SQUARE, "run_01K0003",
                )
            )  # fmt: skip
        else:
            entries.append(
                v.LogEntry(
                    f"log_01K{9999 - n:05d}", time, "info", "run",
                    f"Run ended: {n % 4 + 1} read, {n % 3} written." + (f" {HOSTILE}" if n == 4 else ""), "",
                    SQUARE, "run_01K0001",
                )
            )  # fmt: skip
    return entries


def _rows() -> list[v.RecordRow]:
    names = ["Ann Lee", "Bo Ek", HOSTILE, "Chidi Obi", "Dana Fox", "山田 太郎", "Zoë Ångström", "דוד לוי"]
    rows = []
    for n in range(60):
        name = names[n] if n < len(names) else f"Customer {n:02d}"
        state = "failing" if n < 3 else "left_out" if n % 10 == 9 else "in_step"
        reason = {
            "failing": "The phone number is not valid in GB.",
            "left_out": "Neither an e-mail address nor a phone number.",
        }.get(state, "")
        rows.append(
            v.RecordRow(
                f"cus_01J{n:05d}", name, f"c{n:02d}@example.com" if state != "left_out" else "", f"+4477009001{n:02d}",
                state, reason, f"SQ{n:06d}", at(hours=n + 1), at(hours=n + 2),  # type: ignore[arg-type]
            )
        )  # fmt: skip
    return rows


class FakeHub:
    """State first; every method answers from it. `calls` keeps what was asked for, `fail` makes a method raise."""

    def __init__(self, views: Sequence[v.IntegrationView] | None = None, *, new: bool = False) -> None:
        self.views = list(shop() if views is None else views)
        self.new = new
        self.number = 1
        self.items = _items()
        self.settled: list[v.ConflictView] = []
        self.told = told()
        self.waiting: list[QueueItem] = queued()
        self.settled_items: list[QueueItem] = []
        self.reason = REASON
        self.pairs = doubled()
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.threads: set[str] = set()
        self.fail: dict[str, Exception] = {}
        self.tier, self.allowed = "Professional", 10
        self.local, self.cloud = False, "ok"
        self.key_text = KEY
        self.lines = {view.id: lines() for view in self.views}
        self.entries = _entries()
        self.more_entries = 0
        self.rows = _rows()
        self.run_list = {view.id: _runs(view.id) for view in self.views}
        self.hold: threading.Event | None = None
        self.answered: dict[str, Any] | None = None
        self.kept: dict[str, str] = {}
        self.closed = False
        self.alerts = FakeAlerts(self)

    # -- for tests
    def touch(self) -> None:
        """Something changed, as if by another process."""
        self.number += 1

    def change(self, id_: str, **more: Any) -> None:
        """Change an integration from elsewhere."""
        self.views = [replace(view, **more) if view.id == id_ else view for view in self.views]
        self.touch()

    def asked(self, name: str) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        return [(args, more) for called, args, more in self.calls if called == name]

    def _call(self, name: str, *args: Any, **more: Any) -> None:
        self.threads.add(threading.current_thread().name)
        self.calls.append((name, args, more))
        if name in self.fail:
            raise self.fail[name]

    def export_to(self, target: Any = None) -> v.ExportView:
        self._call("export_to", target)
        return v.ExportView("/home/ann/exports/customers.csv", 1204)

    def _find(self, name_or_id: str) -> v.IntegrationView:
        for view in self.views:
            if name_or_id in (view.id, view.name):
                return view
        raise PerkstarError(ErrorKind.NOT_FOUND, f"There is no integration {name_or_id!r}.")

    def health(self, name_or_id: str) -> HealthDetail:
        self._call("health", name_or_id)
        return detail(self._find(name_or_id))

    # -- an endpoint of one's own
    def endpoints(self) -> list[v.EndpointView]:
        self._call("endpoints")
        count = Counter(one.state for one in self.told)
        return [
            v.EndpointView(
                view.id, view.name, view.status, "", "https://stock.example.com/hooks/perkstar", "", "to-platform",
                view.data, count["pending"], count["delivered"], count["dead"],
            )
            for view in self.views
            if view.kind == "webhook"
        ]  # fmt: skip

    def deliveries(
        self, name_or_id: str, *, state: str | None = None, offset: int = 0, limit: int = 50
    ) -> v.PageOf:
        self._call("deliveries", name_or_id, state=state)
        found = [one for one in self.told if state in (None, one.state)]
        return v.PageOf(tuple(found[offset : offset + limit]), len(found), offset)

    def delivery(self, delivery_id: str) -> v.DeliveryView:
        self._call("delivery", delivery_id)
        return next(one for one in self.told if one.id == delivery_id)

    def webhook_secret(self, name_or_id: str) -> str:
        self._call("webhook_secret", name_or_id)
        return "whsec_c2VjcmV0IG9mIHRoZSBlbmRwb2ludA=="

    def secret_settings(self, name_or_platform: str) -> tuple[str, ...]:
        self._call("secret_settings", name_or_platform)
        return ()

    def rotate_secret(self, name_or_id: str, *, done: bool = False) -> str:
        self._call("rotate_secret", name_or_id, done=done)
        return "whsec_bmV3IHNlY3JldCBvZiB0aGUgZW5kcG9pbnQ="

    def redeliver(self, name_or_id: str, delivery_ids: Sequence[str] = (), *, dead: bool = False) -> int:
        self._call("redeliver", name_or_id, tuple(delivery_ids), dead=dead)
        return len(delivery_ids)

    # -- questions
    def state(self) -> str:
        self._call("state")
        return "new" if self.new else "ready"

    def account(self) -> v.AccountView:
        self._call("account")
        state: Any = "none" if self.local else self.cloud
        message = "Perkstar refuses the key." if state == "error" else ""
        return v.AccountView(
            "Bean & Leaf", self.local, state, at(seconds=12), message, "Europe/London", "GB", "owner@till-1"
        )

    def plan(self) -> v.PlanView:
        live = [view for view in self.views if view.status not in ("draft", "disconnected")]
        oldest = sorted(live, key=lambda view: (view.last_success or view.date, view.id))
        used = len(live)
        return v.PlanView(
            self.tier, used, self.allowed, max(0, self.allowed - used),
            f"{self.tier} Plan: {used} of {self.allowed} integrations used",
            tuple((view.id, view.name, view.last_success) for view in oldest[:3]), "Business",
        )  # fmt: skip

    def key(self) -> v.KeyView:
        if self.local:
            return v.KeyView(
                None, "Local account", None, None, 0, (), "Keys for this account come with the gateway."
            )
        hours = (0, 0, 0, 0, 0, 0, 12, 30, 44, 61, 88, 120, 96, 70, 52, 40, 61, 90, 130, 160, 95, 40, 10, 5)
        return v.KeyView(
            "•" * 20 + self.key_text[-4:], "Perkstar cloud", at(days=41), at(seconds=12), 1204, hours
        )

    def reveal_key(self) -> str:
        self._call("reveal_key")
        return self.key_text

    def integrations(self, *, everything: bool = False) -> list[v.IntegrationView]:
        self._call("integrations")
        return [view for view in self.views if everything or view.status not in ("draft", "disconnected")]

    def integration(self, name_or_id: str) -> v.IntegrationView:
        self._call("integration", name_or_id)
        return self._find(name_or_id)

    def runs(self, name_or_id: str | None = None, *, offset: int = 0, limit: int = 50) -> v.PageOf:
        self._call("runs", name_or_id, offset, limit)
        found = self.run_list.get(name_or_id, []) if name_or_id else []
        return v.PageOf(tuple(found[offset : offset + limit]), len(found), offset)

    def run(self, run_id: str) -> v.RunView:
        return next(run for runs in self.run_list.values() for run in runs if run.id == run_id)

    def run_changes(self, run_id: str, *, offset: int = 0, limit: int = 100) -> v.PageOf:
        rows = (
            v.ChangeRow(
                "cus_01J00004",
                "Dana Fox",
                "perkstar",
                "changed",
                (("phone", "07700 900104", "+447700900104"),),
            ),
            v.ChangeRow(
                "cus_01J00005", HOSTILE, "platform", "created", (("email", None, "t@x.example"),), "SQ7"
            ),
            v.ChangeRow("trn_01J00009", "SALE9", "perkstar", "sale", points=12),
        )
        return v.PageOf(rows[offset : offset + limit], 240, offset)

    def undo_run(
        self, run_id: str, *, dry_run: bool = False, outward: bool = False, archive_created: bool = False,
        limit: int | None = None,
    ) -> v.UndoView:  # fmt: skip
        self._call("undo_run", run_id, dry_run=dry_run, outward=outward, archive_created=archive_created)
        return v.UndoView(
            run_id, SQUARE, "Square · High St", not dry_run,
            (
                v.UndoLine("cus_01J00004", "Dana Fox", "phone", "+447700900104", "07700 900104",
                           then="The next sync sends it to Square."),
                v.UndoLine("cus_01J00006", "Priya Nair", "put away",
                           then="Its record stays at Square and is left out until it changes there."),
            ),
            (v.UndoLine("cus_01J00002", HOSTILE, "email", "a@x.uk", "b@x.uk", "changed since by hand"),),
            (
                v.UndoLine("cus_01J00005", "山田 太郎", "created at Square", None, "SQ7",
                           then="It stays, it can be removed at Square."),
                v.UndoLine("cus_01J00007", "Bo Lind", "given_name", "Bo", "Boris",
                           then="It stays, unless what the run sent is taken back too (--outward)."),
            ),
            {"fields": 1, "customers": 1, "sales": 0, "points": 0, "stays": 1, "outward": 2},
            undo_run=None if dry_run else "run_undo",
        )  # fmt: skip

    def log(
        self, name_or_id: str | None = None, *, level: str | None = None, code: str | None = None,
        record: str | None = None, since: datetime | None = None, text: str | None = None,
        only_open: bool = False, offset: int = 0, limit: int = 100,
    ) -> v.PageOf:  # fmt: skip
        self._call(
            "log",
            name_or_id,
            level=level,
            code=code,
            since=since,
            text=text,
            only_open=only_open,
            offset=offset,
        )
        levels = {"warning": ("warning", "error"), "error": ("error",)}.get(
            level or "", ("info", "warning", "error")
        )
        found = [
            entry
            for entry in self.entries
            if entry.level in levels
            and (name_or_id is None or entry.integration_id == name_or_id)
            and (not code or entry.code == code)
            and (not since or entry.time >= since)
            and (not text or text.lower() in f"{entry.message} {entry.record_name}".lower())
            and (not only_open or entry.open)
        ]
        items = found[offset : offset + limit]
        total = len(found)
        if self.more_entries and not (level or code or since or text or only_open):
            total += self.more_entries
            for n in range(max(offset, len(found)), min(offset + limit, total)):
                items.append(
                    replace(self.entries[20], id=f"log_00A{9_999_999 - n:08d}", message=f"Entry {n}")
                )
        return v.PageOf(tuple(items), total, offset)

    def next_error(
        self, name_or_id: str | None, entry_id: str, *, newer: bool = False, **passing: Any
    ) -> int | None:
        self._call("next_error", name_or_id, entry_id, newer=newer)
        shown = self.log(name_or_id, **passing, limit=10_000).items
        here = next(n for n, entry in enumerate(shown) if entry.id == entry_id)
        places = [
            n for n, entry in enumerate(shown) if entry.level == "error" and (n < here if newer else n > here)
        ]
        return (max(places) if newer else min(places)) if places else None

    def bundle(self, entry_id: str) -> str:
        self._call("bundle", entry_id)
        return f'{{"entry": "{entry_id}"}}'

    def records(
        self, name_or_id: str, *, state: str | None = None, data: str = "customers", text: str = "",
        offset: int = 0, limit: int = 100,
    ) -> v.PageOf:  # fmt: skip
        self._call("records", name_or_id, state=state, text=text, offset=offset, data=data)
        if data != "customers":
            return v.PageOf((), 0, offset)
        found = [
            row
            for row in (self.rows if name_or_id == SQUARE else [])
            if (not state or row.state == state)
            and text.lower() in f"{row.name} {row.email} {row.phone}".lower()
        ]
        return v.PageOf(tuple(found[offset : offset + limit]), len(found), offset)

    def record_counts(self, name_or_id: str, data: str = "customers") -> RecordCounts:
        self._call("record_counts", name_or_id, data)
        totals = {
            s: self.records(name_or_id, state=s, data=data).total for s in ("in_step", "left_out", "failing")
        }
        number = sum(totals.values())
        return RecordCounts(
            data, **totals, here=number, there=number - 1, both=number - 2, only_here=2, only_there=1
        )

    def record(
        self, any_id_or_email: str, name_or_id: str | None = None, *, fresh: bool = False
    ) -> v.RecordView:
        self._call("record", any_id_or_email, **({"fresh": True} if fresh else {}))
        row = next((row for row in self.rows if any_id_or_email in (row.id, row.email)), None)
        if row is None:
            raise PerkstarError(ErrorKind.NOT_FOUND, f"There is no record {any_id_or_email!r}.")
        hub = {
            "first_name": row.name,
            "email": row.email,
            "phone": row.phone,
            "balance": 240,
            "archived": False,
        }
        there = {"first_name": row.name, "email": row.email, "phone": "07700 900"}
        side = v.RecordSide(
            SQUARE, "Square · High St", row.remote_id, "held" if row.state == "failing" else "linked", there, there,
            ("phone",) if row.state == "failing" else (), row.last_sent, row.last_received,
            row.reason or None, NOW + timedelta(minutes=48) if row.state == "failing" else None,
        )  # fmt: skip
        return v.RecordView(
            row.id,
            "customer",
            hub,
            (side,),
            ("2026-07-25 11:29 Square · High St: phone_number is not valid",),
            tuple(self.settled),
        )

    # -- what waits
    def why(self, record: str | None = None, name_or_id: str | None = None) -> WhyView:
        self._call("why", record, name_or_id)
        return self.reason

    def queue(
        self, name_or_id: str | None = None, *, kind: str | None = None, offset: int = 0, limit: int = 50
    ) -> v.PageOf:
        self._call("queue", name_or_id, kind=kind, offset=offset)
        found = [item for item in self.waiting if kind in (None, item.kind)]
        return v.PageOf(tuple(found[offset : offset + limit]), len(found), offset)

    def queue_item(self, item_id: str) -> QueueItem:
        return next(item for item in self.waiting if item.id == item_id)

    def plan_settle(self, item_id: str, take: str, **how: Any) -> SettlePlan:
        self._call("plan_settle", item_id, take, **how)
        item = self.queue_item(item_id)
        rule = f"always {take}" if how.get("always") else ""
        effects = ("A new customer is made.", *((f"From now on: {rule}.",) if rule else ()))
        return SettlePlan(item_id, take, item.like if how.get("all_like") else 1, (item.name,), effects, rule)

    def settle(self, item_id: str, take: str, **how: Any) -> SettleView:
        self._call("settle", item_id, take, **how)
        gone = self.queue_item(item_id)
        self.waiting.remove(gone)
        self.settled_items.append(gone)
        self.touch()
        return SettleView(
            f"stl_{len(self.settled_items)}", take, (item_id,), (), "", f"{gone.name} is settled."
        )

    def unsettle(self, settlement_id: str) -> SettleView:
        self._call("unsettle", settlement_id)
        back = self.settled_items.pop()
        self.waiting.insert(0, back)
        self.touch()
        return SettleView(settlement_id, "", (back.id,), undone=True)

    # -- duplicates
    def duplicates(
        self, name_or_id: str | None = None, *, state: str = "open", min_score: int = 0, offset: int = 0,
        limit: int = 100,
    ) -> v.PageOf:  # fmt: skip
        self._call("duplicates", name_or_id, state=state)
        found = [pair for pair in self.pairs if pair.state == state]
        return v.PageOf(tuple(found[offset : offset + limit]), len(found), offset)

    def _pair(self, a: str, b: str) -> v.DuplicateView:
        return next(pair for pair in self.pairs if {pair.a.id, pair.b.id} == {a, b})

    def _put_pair(self, pair: v.DuplicateView, **more: Any) -> v.DuplicateView:
        changed = replace(pair, **more)
        self.pairs = [changed if each.id == pair.id else each for each in self.pairs]
        self.touch()
        return changed

    def find_duplicates(self, name_or_id: str | None = None) -> v.DuplicateSearch:
        self._call("find_duplicates", name_or_id)
        return v.DuplicateSearch(1204, 1, len(self.pairs), 0)

    def plan_merge(self, a: str, b: str, *, keep: str | None = None, take: Sequence[str] = ()) -> v.MergePlan:
        self._call("plan_merge", a, b, keep=keep)
        kept, lost = (b, a) if keep == b else (a, b)
        effects = (f"{kept} stays; {lost} is archived and points to it.", "1 card and 12 sales move over.")
        return v.MergePlan(kept, lost, (("phone", None, "+447400123456"),), effects, 1, 12)

    def merge(self, a: str, b: str, *, keep: str | None = None, take: Sequence[str] = ()) -> v.MergeView:
        self._call("merge", a, b, keep=keep)
        plan = self.plan_merge(a, b, keep=keep)
        self._put_pair(self._pair(a, b), state="merged", merge_id="mrg_1")
        return v.MergeView("mrg_1", plan.survivor, plan.loser, NOW, plan.fields, plan.effects, 1, 12)

    def unmerge(self, merge_id: str) -> v.MergeView:
        self._call("unmerge", merge_id)
        pair = next(pair for pair in self.pairs if pair.merge_id == merge_id)
        self._put_pair(pair, state="open", merge_id=None)
        return v.MergeView(merge_id, pair.a.id, pair.b.id, NOW, (), (), 1, 12, NOW)

    def dismiss_duplicate(self, pair_id: str, *, again: bool = False) -> v.DuplicateView:
        self._call("dismiss_duplicate", pair_id, again=again)
        pair = next(pair for pair in self.pairs if pair.id == pair_id)
        return self._put_pair(pair, state="open" if again else "dismissed")

    def undo_conflict(self, conflict_id: str) -> v.RecordView:
        self._call("undo_conflict", conflict_id)
        conflict = next(one for one in self.settled if one.id == conflict_id)
        self.settled.remove(conflict)
        return self.record(conflict.record)

    def mapping(self, name_or_id: str) -> list[v.MappingLine]:
        self._call("mapping", name_or_id)
        return list(self.lines.setdefault(self._find(name_or_id).id, lines()))

    def catalog(self) -> list[v.CatalogItem]:
        counts: dict[str, int] = {}
        for view in self.views:
            if view.status not in ("draft", "disconnected"):
                counts[view.platform] = counts.get(view.platform, 0) + 1
        return [replace(item, connected=counts.get(item.name, 0)) for item in self.items]

    def validate_manifest(
        self, file: Path, url: str | None = None, credential: dict[str, Any] | None = None
    ) -> v.ManifestView:
        raise NotImplementedError

    def manifest_schema(self) -> dict[str, Any]:
        return {}

    def add_manifest(self, file: Path) -> v.ManifestView:
        raise NotImplementedError

    def guide(self, platform: str) -> v.Guide:
        self._call("guide", platform)
        title = next(item.title for item in self.items if item.name == platform)
        text = (
            f"# {title}\n\nKeeps customers the same in {title} and Perkstar.\n\n## What it syncs\n\n"
            "- **customers**: to Perkstar and from Perkstar.\n\n## Permissions it needs\n\n"
            "- Read and change contacts (`crm.objects.contacts.write`)\n\n## Steps there\n\n"
            "- Open Settings › Integrations › Service keys.\n- Create a key with the two permissions above.\n\n"
            "## Limits\n\n190 calls in 10 seconds.\n\n## Links\n\n- Documentation: https://example.com/docs"
        )
        return v.Guide(platform, title, text)

    def doctor(self) -> v.DoctorView:
        return v.DoctorView(True, (v.Check("store", True, "in memory"),))

    def where(self) -> dict[str, str]:
        return {"home": "/nowhere"}

    def changes(self) -> int:
        self.threads.add(threading.current_thread().name)
        return self.number

    def recall(self, name: str) -> str | None:
        return self.kept.get(name)

    def remember(self, name: str, value: str) -> None:
        self.kept[name] = value

    def suggest_mapping(self, name_or_id: str) -> list[v.MappingLine]:
        self._call("suggest_mapping", name_or_id)
        return [
            v.MappingLine(
                "customers", "company", "company_name", "both", "text", "Company", "", "suggested: same name"
            )
        ]

    def mapping_choices(self, name_or_id: str) -> v.MappingChoices:
        self._call("mapping_choices", name_or_id)
        return v.MappingChoices(("email", "city"), (("address.city", "City", "text"),), ("text", "lower"))

    def history(self, name_or_id: str) -> list[v.VersionView]:
        return [
            v.VersionView(2, at(days=3), "owner", True, (("frequency", "hourly", "realtime"),)),
            v.VersionView(1, at(days=67), "owner", False),
        ]

    def rollback(self, name_or_id: str, version: int) -> v.IntegrationView:
        self._call("rollback", name_or_id, version)
        self.touch()
        return self._find(name_or_id)

    def codes(self) -> list[v.CodeView]:
        return [
            v.CodeView(kind.value, facts.meaning, facts.policy, facts.remedy, facts.exit_code)
            for kind, facts in CATALOGUE.items()
        ]

    # -- acts
    def sync(
        self, name_or_id: str, *, full: bool = False, dry_run: bool = False, accept_mass_change: bool = False,
        wait: bool = False, plan: str | None = None,
    ) -> v.RunView | None:  # fmt: skip
        more: dict[str, Any] = {"accept_mass_change": True} if accept_mass_change else {}
        more |= {"plan": plan} if plan else {}
        self._call("sync", name_or_id, full=full, **more)
        view = self._find(name_or_id)
        if view.status == "paused":
            raise PerkstarError(ErrorKind.USAGE, f"{view.name} is paused.", remedy="Resume it first (p).")
        self.change(view.id, running=True, progress_done=0, progress_total=100)
        return None

    def pause(self, name_or_id: str, reason: str = "") -> v.IntegrationView:
        self._call("pause", name_or_id, reason)
        self.change(name_or_id, status="paused", paused_by="owner", next_sync=None, status_reason="Paused by owner.",
                    status_remedy="Resume", status_key="p", running=False)  # fmt: skip
        return self._find(name_or_id)

    def resume(self, name_or_id: str) -> v.IntegrationView:
        self._call("resume", name_or_id)
        self.change(
            name_or_id, status="active", paused_by="", status_reason="", status_remedy="", status_key=""
        )
        return self._find(name_or_id)

    def reconnect(self, name_or_id: str, credentials: dict[str, Any]) -> v.IntegrationView:
        self._call("reconnect", name_or_id, credentials)
        self.change(
            name_or_id, status="active", status_reason="", status_remedy="", status_key="", health=WELL
        )
        return self._find(name_or_id)

    def disconnect(self, name_or_id: str, reason: str = "") -> v.IntegrationView:
        self._call("disconnect", name_or_id, reason)
        self.change(name_or_id, status="disconnected")
        return self._find(name_or_id)

    def impact(self, act: str, name_or_id: str) -> v.ImpactView:
        self._call("impact", act, name_or_id)
        view = self._find(name_or_id)
        counts = (
            ("linked records", view.counts.linked),
            ("held or refused", view.counts.held + view.counts.failed),
        )
        title, stops, stays, back = {
            "pause": (
                "Pause", ("Scheduled and real-time sync stop at the next safe point.",),
                ("Configuration, cursors and links stay.", "It keeps its place in the plan."),
                "Resume goes on from the same place; nothing is read or written twice.",
            ),
            "resync": (
                "Read everything of", ("Every record is read again; this takes more calls than a usual run.",),
                ("Nothing is erased or reset; only what differs is written.",), "It can be stopped by pausing.",
            ),
            "mass_change": (
                "Accept this change of", ("This run would change there 107 of 333 records.",),
                ("Nothing was changed so far.",), "The preview shows every record.",
            ),
            "reconnect": (
                "Reconnect", ("The stored credential is replaced by the new one once that has been tested.",),
                ("Configuration, cursors and links stay; it goes on where it stood.",),
                "Only a credential of the same account is taken.",
            ),
            "disconnect": (
                "Disconnect",
                ("Sync stops for good.", "The credential is withdrawn at the vendor and deleted here.",
                 "Webhooks made there are removed."),
                ("All records stay, on both sides.", "History and log stay readable.",
                 "One place in the plan becomes free."),
                "Connecting the same account again takes up configuration and links; nothing is made twice.",
            ),
        }[act]  # fmt: skip
        return v.ImpactView(f"{title} {view.name}?", stops, stays, counts, back)

    def edit(self, name_or_id: str, settings: dict[str, str]) -> v.IntegrationView:
        self._call("edit", name_or_id, settings)
        view = self._find(name_or_id)
        more: dict[str, Any] = {}
        for name, text in settings.items():
            if name == "frequency" and not (
                text in ("realtime", "hourly", "manual")
                or (text.startswith("daily@") and text[6:8].isdigit())
            ):
                raise PerkstarError(
                    ErrorKind.USAGE,
                    f"{text!r} is no frequency.",
                    remedy="Use realtime, hourly, daily@HH:MM or manual.",
                )
            if name in ("data", "match"):
                more[name] = tuple(text.split(","))
            elif name in ("name", "owner", "purpose", "direction", "frequency", "source_of_truth"):
                more[name] = text
            else:
                more["options"] = {**view.options, name: text}
        self.change(view.id, **more)
        return self._find(view.id)

    def foresee(
        self,
        name_or_id: str,
        settings: dict[str, str] | None = None,
        lines: Sequence[v.MappingLine] | None = None,
    ) -> v.ChangeView:
        """A month in which rules would have given more, and a filter that two people leave."""
        self._call("foresee", name_or_id, settings, lines)
        if any("contry" in text for text in (settings or {}).values()):
            raise PerkstarError(
                ErrorKind.USAGE, "There is no field 'contry' at 1.", remedy="Did you mean country?"
            )
        said = (
            "1,203 of 1,240 customers would be sent, now 1,240.",
            "37 would be sent no more: Zoë Núñez, Émile Durand and 35 more.",
            "June 2026 would have given 812 points more (10,411 instead of 9,599) on 1,204 sales.",
            "12 of them would give nothing, now 3.",
            '  2026-06-24 pay_71 48.00 GBP: 48 → 96, when weekday = "tue" then x2',
            "3 sales could not be judged: they were booked before what rules ask for was kept.",
        )
        return v.ChangeView(self._find(name_or_id).id, said=said)

    def set_mapping(self, name_or_id: str, lines: Sequence[v.MappingLine]) -> list[v.MappingLine]:
        self._call("set_mapping", name_or_id, tuple(lines))
        remotes = [line.remote for line in lines]
        if len(set(remotes)) != len(remotes):
            raise PerkstarError(ErrorKind.MAPPING, "A field is mapped twice.", remedy="Remove one.")
        self.lines[self._find(name_or_id).id] = list(lines)
        self.touch()
        return list(lines)

    def retry(self, name_or_id: str, record_ids: Sequence[str] = ()) -> int:
        self._call("retry", name_or_id, tuple(record_ids))
        return len(record_ids) or 3

    def test(self, name_or_id: str) -> v.TestView:
        self._call("test", name_or_id)
        view = self._find(name_or_id)
        if view.status == "reconnect_required":
            return v.TestView(
                False, (v.TestStep("credential", False, f"{view.name} refuses it.", "Reconnect it (R)."),)
            )
        return v.TestView(
            True,
            (
                v.TestStep("credential", True, f"{view.platform_title} accepts it."),
                v.TestStep("account", True, f"It belongs to {view.account_name}."),
                v.TestStep("read customers", True, "The first page has 100 of 2,310."),
            ),
        )

    def keep_plan(self, name_or_id: str) -> v.PlanSummary:
        self._call("keep_plan", name_or_id)
        return self.kept_plans(name_or_id)[0]

    def kept_plans(self, name_or_id: str) -> list[v.PlanSummary]:
        return [
            v.PlanSummary(
                "pln_01J1", self._find(name_or_id).id, at(), at(), "owner", "open", None, 1, 1, 18, 0
            )
        ]

    def preview(self, name_or_id: str, limit: int | None = None, *, keep: bool = False) -> v.PreviewView:
        self._call("preview", name_or_id, limit)
        if self.hold is not None:
            self.hold.wait(10)
        view = self._find(name_or_id)
        return v.PreviewView(
            view.id,
            v.PreviewSide(
                create=(v.PreviewRow("SQ000777", "Priya Nair", (("email", None, "priya@example.com"),)),),
                update=(v.PreviewRow("cus_01J00004", "Dana Fox", (("phone", "07700 900104", "+447700900104"),)),),
                unchanged=2291, excluded=12, create_total=1, update_total=1,
            ),
            v.PreviewSide(
                create=(
                    v.PreviewRow("cus_01J00005", "山田 太郎", (("email", None, "t@x.example"),)),
                ),
                held=(v.PreviewRow("cus_01J00002", HOSTILE, (), "The phone number is not valid in GB."),),
                unchanged=2290, create_total=18, held_total=1,
            ),
            120, ("18 customers count towards the account's customer limit.",),
        )  # fmt: skip

    # -- connecting
    def attach_cloud(self, api_key: str) -> v.AccountView:
        self._call("attach_cloud", api_key)
        if api_key == "wrong":
            raise PerkstarError(ErrorKind.CREDENTIAL_INVALID, "Perkstar does not accept this credential.")
        self.new, self.local = False, False
        self.touch()
        return self.account()

    def attach_local(self, name: str) -> v.AccountView:
        self._call("attach_local", name)
        self.new, self.local = False, True
        self.touch()
        return self.account()

    def replace_key(self, api_key: str) -> v.KeyView:
        self._call("replace_key", api_key)
        if api_key == "wrong":
            raise PerkstarError(ErrorKind.CREDENTIAL_INVALID, "Perkstar does not accept this credential.")
        self.key_text = api_key
        self.touch()
        return self.key()

    def draft(self, platform: str) -> v.DraftView:
        self._call("draft", platform)
        found = next(
            (view for view in self.views if view.platform == platform and view.status == "draft"), None
        )
        title = next(item.title for item in self.items if item.name == platform)
        settings = {
            "data": ["customers"],
            "direction": "both",
            "frequency": "hourly",
            "match": ["email", "phone"],
        }
        return v.DraftView(
            found.id if found else None, platform, found.name if found else title, 3 if found else 2, settings,
            FORMS.get(platform, ()), found.account_name if found else "",
        )  # fmt: skip

    def authorize_link(self, platform: str, form: str, client: dict[str, str]) -> v.AuthorizeLink:
        self._call("authorize_link", platform, form, client)
        url = (
            "https://app.hubspot.example/oauth/authorize?client_id=" + client["client_id"]
            + "&redirect_uri=http%3A%2F%2F127.0.0.1%3A41299%2Fcallback&scope=crm.objects.contacts.read%20"
            "crm.objects.contacts.write&state=Zm9vYmFyYmF6&code_challenge=pV3xQm&code_challenge_method=S256"
        )  # fmt: skip
        return v.AuthorizeLink(url, "http://127.0.0.1:41299/callback", True, "ticket-1")

    def authorize_wait(self, ticket: str, seconds: float) -> dict[str, Any] | None:
        if self.answered is None:
            threading.Event().wait(min(seconds, 0.02))
        return self.answered

    def authorize_paste(self, ticket: str, address: str) -> dict[str, Any]:
        self._call("authorize_paste", ticket, address)
        if "code=" not in address:
            raise PerkstarError(
                ErrorKind.USAGE, "This address holds no code.", remedy="Paste the whole address."
            )
        return {"access_token": "a", "refresh_token": "b"}

    def connect(
        self, platform: str, credentials: dict[str, Any], *, name: str | None = None,
        settings: dict[str, str] | None = None, activate: bool = True,
    ) -> v.IntegrationView:  # fmt: skip
        self._call("connect", platform, credentials, activate=activate)
        if "wrong" in credentials.values():
            raise PerkstarError(
                ErrorKind.CREDENTIAL_INVALID, f"{platform.title()} does not accept this credential."
            )
        title = next(item.title for item in self.items if item.name == platform)
        names = {view.name for view in self.views}
        free = title if title not in names else f"{title} 2"
        view = integration(
            f"int_01JZ{len(self.views):022d}", free, platform, title, status="draft", date=NOW, last_sync=None,
            last_success=None, next_sync=None, counts=v.Counts(), account_name="Bean & Leaf",
            kind="webhook" if platform == "webhook" else "prebuilt",
        )  # fmt: skip
        self.views.append(view)
        self.touch()
        return self.activate(view.id) if activate else view

    def activate(self, name_or_id: str) -> v.IntegrationView:
        self._call("activate", name_or_id)
        if self.plan().remaining == 0:
            raise PerkstarError(
                ErrorKind.PLAN_LIMIT,
                f"{self.plan().line}: there is no place left.",
                remedy="Free a place first.",
            )
        self.change(name_or_id, status="active", next_sync=NOW + timedelta(minutes=10))
        return self._find(name_or_id)

    def drop_draft(self, name_or_id: str) -> None:
        self._call("drop_draft", name_or_id)
        self.views = [view for view in self.views if view.id != name_or_id]
        self.touch()

    def set_plan(self, tier: str) -> v.PlanView:
        self._call("set_plan", tier)
        self.tier, self.allowed = tier.title(), {"professional": 10, "business": 20}.get(tier, 3)
        self.touch()
        return self.plan()

    # -- the runner
    def start_runner(self, concurrency: int = 4) -> None:
        self._call("start_runner")

    def stop_runner(self) -> None:
        self._call("stop_runner")

    def close(self) -> None:
        self.closed = True

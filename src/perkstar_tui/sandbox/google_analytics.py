"""Google Analytics 4: the Measurement Protocol, which says well to everything and keeps what is good.

What Google's other hosts say, who give tokens and reports, is in `google_reports.py`.
"""

import re
from datetime import UTC, datetime
from typing import Any

from . import google_reports as reports
from .ids import random_uuid
from .limits import Window
from .oauth import Granted, Grants
from .taking import Taking
from .wire import Answer, Call, reply

MOST_EVENTS, MOST_PARAMS, LONGEST_NAME = 25, 25, 40
OLDEST_MICROS = 72 * 3_600_000_000
RESERVED = ("session_start", "first_visit", "first_open", "user_engagement", "app_remove", "error")
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class GoogleAnalytics(Granted, Taking):
    """One web stream on one port."""

    name = "google-analytics"
    kinds = ("events",)
    people_kind = "events"

    def begin(self) -> None:
        """A stream and a secret of it."""
        self.measurement = f"G-{''.join(self.chance.choices('ABCDEFGHJKLMNPQRSTUVWXYZ0123456789', k=10))}"
        self.property = str(300_000_000 + self.chance.randrange(10**7))
        self.grants = Grants(self.clock, self.chance, "ya29.", "1//0", 3599.0)
        self.grants.client_id = f"{random_uuid(self.chance)}.apps.googleusercontent.com"
        self.grants.client_secret = f"GOCSPX-{self.grants.secret(28)}"
        self.access()
        self.quota = Window(self.clock, reports.TOKENS_AN_HOUR // reports.TOKENS_A_REPORT, 3600.0)
        self.renew()

    def access(self) -> None:
        """Somebody who may view the property lets the app read it."""
        self.refresh = str(self.grants.issue([reports.READ]).refresh)

    def renew(self) -> None:
        """A new secret; and access anew, where that was withdrawn."""
        if self.grants.renewable(self.refresh) is None:
            self.access()
        self.secret = "".join(
            self.chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789", k=22)
        )

    def route(self) -> None:
        """Sending, sending to see what is wrong, and reading what came."""
        super().route()
        self.routes.add("POST", "/mp/collect", self.collect)
        self.routes.add("POST", "/debug/mp/collect", self.debug)
        self.routes.add("POST", "/token", lambda call: reports.token(self.grants, call))
        self.routes.add("POST", "/v1beta/properties/{id}:runReport", self.report)

    def admit(self, call: Call) -> dict[str, str]:
        """Nobody who sends is ever turned away; who reads is looked at by the report."""
        return {}

    def missing(self, known: bool) -> Answer:
        """404; 405 for another method."""
        return Answer(405 if known else 404, b"", {}, "text/html")

    def failure(self, status: int) -> Answer:
        """What stands in front of it says 429 and 5xx."""
        return Answer(status, b"", {}, "text/html")

    def malformed(self, call: Call) -> Answer:
        """Even what can't be read is well, where it is sent."""
        return (
            reports.invalid("Invalid JSON payload received.").answer
            if "runReport" in call.path
            else Answer(204)
        )

    def credentials(self) -> dict[str, Any]:
        """The stream, its secret, the property that it belongs to, and an app that may read that."""
        app = {"client_id": self.grants.client_id, "client_secret": self.grants.client_secret}
        return {
            "measurement_id": self.measurement, "api_secret": self.secret, "property_id": self.property,
            **app, "refresh_token": self.refresh,
        }  # fmt: skip

    def problems(self, call: Call) -> list[dict[str, str]]:
        """What the validation server says of a request."""
        given = call.json()
        found: list[dict[str, str]] = []

        def wrong(path: str, why: str, code: str = "VALUE_INVALID") -> None:
            found.append({"fieldPath": path, "description": why, "validationCode": code})

        if not given.get("client_id"):
            wrong("client_id", "A client_id is required.", "VALUE_REQUIRED")
        events = given.get("events") or []
        if not 1 <= len(events) <= MOST_EVENTS:
            wrong("events", "A request takes 1 to 25 events.")
        for event in events:
            name, params = str(event.get("name") or ""), event.get("params") or {}
            if not NAME.fullmatch(name) or len(name) > LONGEST_NAME or name in RESERVED:
                wrong("events", f"Event at index has invalid name [{name}].", "NAME_INVALID")
            if len(params) > MOST_PARAMS or any(len(str(key)) > LONGEST_NAME for key in params):
                wrong("events", f"Event [{name}] has too many or too long parameters.")
            if name in ("purchase", "refund") and not params.get("transaction_id"):
                wrong("events", f"Event [{name}] needs a transaction_id.", "VALUE_REQUIRED")
            if "value" in params and not params.get("currency") and name in ("purchase", "refund"):
                wrong("events", f"Event [{name}] has a value without a currency.", "VALUE_REQUIRED")
        return found

    def debug(self, call: Call) -> Answer:
        """What would be wrong; the secret is not looked at."""
        return reply({"validationMessages": self.problems(call)})

    def collect(self, call: Call) -> Answer:
        """Keep the events of a request that is good, not too old and of this stream; the answer is the same."""
        given = call.json()
        ours = (call.arg("measurement_id"), call.arg("api_secret")) == (self.measurement, self.secret)
        now = self.clock.ms() * 1000
        at = given.get("timestamp_micros") or now
        if ours and not self.problems(call) and now - int(at) <= OLDEST_MICROS:
            for event in given["events"]:
                known = {
                    "client_id": given["client_id"],
                    "user_id": given.get("user_id"),
                    "timestamp_micros": at,
                }
                self.make("events", {**known, **event})
        return Answer(204)

    def report(self, call: Call) -> Answer:
        """Counts of what came long enough ago."""
        reports.admitted(self.grants, call, self.property, self.quota if self.setting.limits else None)
        counted = self.clock.ms() - reports.COUNTED_AFTER_MS
        events = [
            (row.body["name"], datetime.fromtimestamp(int(row.body["timestamp_micros"]) / 1e6, UTC))
            for row in self.kind("events").rows("state = 0 AND created <= ?", (counted,))
        ]
        return reports.report(call.json(), events, datetime.fromtimestamp(self.clock.now(), UTC))

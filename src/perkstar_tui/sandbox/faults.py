"""Trouble on demand: rules that match a request and say what goes wrong, and named sets of them.

A rule is a dictionary. What it matches: `method`, `path` (a regular expression), `nth` (a number or a list, counted
over matching requests from 1), `every`, `probability`, `after` (once so many records were served), `times` (at
most so often). What happens, `effect`: `status` (with `status`, `body`, `content_type`), `hang` (`seconds`),
`slow` (`seconds`), `reset`, `truncate`, `content-type`, `drip` (`seconds`), `rate-limit` (`retry_after` or none),
`duplicate-page`, `moving-page`, `expire-token`, `revoke-token`, `reject-record` (`emails`), `fail-job` (`reason`: a
job that the vendor does later comes to nothing), `clock-skew` (`seconds`), and for deliveries `webhook-repeat`,
`webhook-reorder`, `webhook-bad-signature`, `webhook-drop`.
"""

import random
import re
from typing import Any

from .wire import Call

PROFILES: dict[str, list[dict[str, Any]]] = {
    "calm": [],
    "rate-limited": [
        {"effect": "rate-limit", "every": 4, "retry_after": 1},
        {"effect": "rate-limit", "every": 11},
    ],
    "flaky": [
        {"effect": "status", "status": 503, "probability": 0.05},
        {"effect": "status", "status": 500, "probability": 0.03},
        {"effect": "reset", "probability": 0.02},
        {"effect": "truncate", "method": "GET", "probability": 0.02},
        {"effect": "content-type", "method": "GET", "probability": 0.02},
        {"effect": "webhook-repeat", "probability": 0.2},
        {"effect": "webhook-reorder", "probability": 0.1},
    ],
    "outage": [{"effect": "status", "status": 503}],
    "expired-token": [{"effect": "expire-token", "nth": 6, "times": 1}],
    "revoked": [{"effect": "revoke-token", "times": 1}],
    "bad-records": [{"effect": "reject-record"}],
    "moving-pages": [
        {"effect": "moving-page", "method": "GET|POST", "every": 2},
        {"effect": "duplicate-page", "method": "GET|POST", "every": 5},
    ],
    "slow": [
        {"effect": "slow", "seconds": 0.25, "probability": 0.8},
        {"effect": "drip", "seconds": 0.6, "every": 7},
    ],
    "hostile": [],
}
EFFECTS = {
    "status", "hang", "slow", "reset", "truncate", "content-type", "drip", "rate-limit", "duplicate-page",
    "moving-page", "expire-token", "revoke-token", "reject-record", "fail-job", "clock-skew", "webhook-repeat",
    "webhook-reorder", "webhook-bad-signature", "webhook-drop",
}  # fmt: skip
DELIVERY = ("webhook-repeat", "webhook-reorder", "webhook-bad-signature", "webhook-drop")
LONGEST = 60.0
"""No fault holds a request longer than this many seconds."""

HOSTILE_TEXTS = (
    "\x1b[2J\x1b[31mRed\x1b]0;owned\x07",
    "Robert'); DROP TABLE customers;--",
    "<script>alert('hi')</script><b>bold",
    "[bold red]markup[/] [@click=app.quit]x[/]",
    '=HYPERLINK("http://evil.test","x")',
    "tab\tnew\nline\r\x00nul\x08\x7f",
    "\u202egnp.exe\u200b\u200d\ufeff",
    "Z\u0351\u036b\u0343\u036a\u0302a\u0337\u0311\u034cl\u0489\u031bgo",
    "%s %n {0} ${jndi:ldap://x} {{7*7}}",
    "L" * 8000,
)


class Rule:
    """One rule, with the count of what it has seen."""

    def __init__(self, spec: dict[str, Any]) -> None:
        effect = spec.get("effect")
        if effect not in EFFECTS:
            raise ValueError(f"unknown effect {effect!r}: {', '.join(sorted(EFFECTS))}")
        self.spec = spec
        self.effect = str(effect)
        self._method = re.compile(str(spec.get("method", ".*")).replace("*", ".*").replace("..*", ".*"), re.I)
        self._path = re.compile(str(spec.get("path", "")))
        nth = spec.get("nth")
        self._nth = set(nth) if isinstance(nth, list) else {int(nth)} if nth else None
        self._seen = 0
        self.fired = 0
        """How many requests it has acted on."""

    def fires(self, call: Call, served: int, chance: random.Random) -> bool:
        """Whether this rule acts on this request."""
        spec = self.spec
        if not self._method.fullmatch(call.method) or not self._path.search(call.path):
            return False
        if served < int(spec.get("after", 0)):
            return False
        self._seen += 1
        if "times" in spec and self.fired >= int(spec["times"]):
            return False
        if self._nth is not None and self._seen not in self._nth:
            return False
        if "every" in spec and self._seen % max(1, int(spec["every"])) != 0:
            return False
        if "probability" in spec and chance.random() >= float(spec["probability"]):
            return False
        self.fired += 1
        return True

    def begun(self) -> bool:
        """Whether this rule acts on a job that begins."""
        self.fired += 1
        return self.fired <= int(self.spec.get("times", self.fired))


class Faults:
    """The rules in force at one vendor."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self.profile = "calm"
        self.rules: list[Rule] = []
        self.served = 0
        self._chance = random.Random(seed)

    def use(self, profile: str | None = None, rules: list[dict[str, Any]] | None = None) -> None:
        """Take a profile by name, or rules of one's own; counting begins anew."""
        if profile is not None and profile not in PROFILES:
            raise ValueError(f"unknown profile {profile!r}: {', '.join(PROFILES)}")
        made = [Rule(dict(spec)) for spec in (PROFILES[profile] if profile else []) + (rules or [])]
        self.profile = profile or ("custom" if rules else "calm")
        self.rules = made
        self.served = 0
        self._chance = random.Random(self._seed)

    def on(self, call: Call) -> list[Rule]:
        """The rules that act on this request, in order."""
        return [
            rule
            for rule in self.rules
            if rule.effect not in DELIVERY
            and rule.effect not in ("reject-record", "fail-job")
            and rule.fires(call, self.served, self._chance)
        ]

    def delivering(self, call: Call) -> set[str]:
        """The effects that act on this webhook delivery."""
        return {
            rule.effect
            for rule in self.rules
            if rule.effect in DELIVERY and rule.fires(call, self.served, self._chance)
        }

    def refusing(self) -> tuple[bool, set[str]]:
        """Whether writes of bad records are refused, and addresses named besides the world's own."""
        named: set[str] = set()
        active = False
        for rule in self.rules:
            if rule.effect == "reject-record":
                active = True
                named.update(str(email).lower() for email in rule.spec.get("emails", []))
        return active, named

    def failing(self) -> str | None:
        """Why a job that begins now will fail; None where it won't."""
        for rule in self.rules:
            if rule.effect == "fail-job" and rule.begun():
                return str(rule.spec.get("reason", "INTERNAL_SERVER_ERROR"))
        return None

    def skew(self) -> float:
        """Seconds that the vendor's clock is off."""
        return sum(float(rule.spec.get("seconds", 0)) for rule in self.rules if rule.effect == "clock-skew")

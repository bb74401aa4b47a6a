"""HubSpot's rate limits, by the kind of app and for searches, and the headers that tell of them."""

from typing import TYPE_CHECKING

from ..limits import Window, Windows
from ..wire import Answer, Call, Refused

if TYPE_CHECKING:
    from .vendor import HubSpot

PER_DAY = 650_000
SECONDLY = ("SECONDLY", "You have reached your secondly limit.")
TEN_SECONDLY = ("TEN_SECONDLY_ROLLING", "You have reached your ten_secondly_rolling limit.")


class Limits:
    """Counts calls by the kind of app that makes them."""

    def __init__(self, vendor: "HubSpot") -> None:
        self.vendor = vendor
        self.private = Windows(vendor.clock, 190, 10.0)
        self.oauth = Windows(vendor.clock, 110, 10.0)
        self.searches = Window(vendor.clock, 5, 1.0)
        self.used_today = 0

    def too_many(self, policy: str, message: str) -> Answer:
        """429 in the words of one of the limits."""
        return self.vendor.error(429, "RATE_LIMITS", message, errorType="RATE_LIMIT", policyName=policy)

    def count(self, call: Call, token: str) -> dict[str, str]:
        """Count a call; answers the headers that tell what is left, or refuses one too many."""
        if call.path.endswith("/search"):
            if not self.searches.take():
                raise Refused(self.too_many(*SECONDLY))
            return {}
        private = token in self.vendor.grants.permanent
        window = self.private.of(token) if private else self.oauth.of("app")
        if not window.take():
            raise Refused(self.too_many(*TEN_SECONDLY))
        self.used_today += 1
        headers = {
            "X-HubSpot-RateLimit-Max": str(window.limit),
            "X-HubSpot-RateLimit-Remaining": str(window.left),
            "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
            "X-HubSpot-RateLimit-Secondly": "19" if private else "11",
            "X-HubSpot-RateLimit-Secondly-Remaining": "18" if private else "10",
        }
        if private:
            headers |= {
                "X-HubSpot-RateLimit-Daily": str(PER_DAY),
                "X-HubSpot-RateLimit-Daily-Remaining": str(max(0, PER_DAY - self.used_today)),
            }
        return headers

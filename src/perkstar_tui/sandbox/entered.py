"""Addresses for webhooks that a person enters in the settings of an app, and the key that is shown there."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import orjson

from .webhooks import Courier, Delivery, or_wrong


class Entered:
    """What was entered at one vendor; made anew by its `begin`.

    `prove` makes what `header` says of a body, from the key. An address that is not `active` yet is sent no events.
    """

    def __init__(self, courier: Courier, key: str, header: str, prove: Callable[[str, bytes], str]) -> None:
        self.courier, self.key, self.header, self.prove = courier, key, header, prove
        self.active: dict[str, bool] = {}
        self.tried: set[str] = set()

    def enter(self, url: str, *, active: bool) -> None:
        """Take an address down; one that is there stays as it is."""
        if urlsplit(url).scheme not in ("http", "https"):
            raise ValueError("the address must begin with http:// or https://")
        self.active.setdefault(url, active)

    def shown(self, url: str) -> dict[str, Any]:
        """What the settings say of an address."""
        return {"url": url, "key": self.key, "active": self.active[url]}

    def clear(self) -> int:
        """Take every address out."""
        count = len(self.active)
        self.active.clear()
        return count

    def sign(self, body: bytes, attempt: int, wrong: bool) -> dict[str, str]:
        """The header that proves a delivery."""
        return {self.header: self.prove(or_wrong(self.key, wrong), body)}

    def message(self, url: str, body: Any) -> Delivery:
        """A signed message to an address."""
        return Delivery(url, orjson.dumps(body), "application/json", self.sign)

    def try_out(self, url: str, body: Any) -> None:
        """See whether an address tells right signatures from wrong ones; if it does, it is active."""

        def done(good: bool) -> None:
            self.tried.discard(url)
            if url in self.active:
                self.active[url] = good

        if not self.active[url] and url not in self.tried:
            self.tried.add(url)
            self.courier.prove(self.message(url, body), done)

    def tell(self, body: Any) -> None:
        """Send events to every active address."""
        for url, active in self.active.items():
            if active:
                self.courier.send(self.message(url, body))

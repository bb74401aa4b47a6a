"""Mailchimp's webhooks: addresses that answer, events as forms, signatures with a time."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import orjson

from ..clock import iso_s
from ..resource import Resource
from ..state import Row
from ..webhooks import Delivery, Signer, hmac_hex, or_wrong
from ..wire import Answer, Call, Routes, reply
from .audience import LIST

if TYPE_CHECKING:
    from .vendor import Mailchimp

EVENTS = ("subscribe", "unsubscribe", "profile", "cleaned", "upemail", "campaign")
SOURCES = ("user", "admin", "api")
UNREACHED = "The URL could not be reached: it must answer a GET with 200."


class Webhooks(Resource):
    """Webhooks by id, each with a secret that is shown once."""

    vendor: "Mailchimp"

    def __init__(self, vendor: "Mailchimp") -> None:
        super().__init__(vendor)
        self.hooks: dict[str, dict[str, Any]] = {}
        self.secrets: dict[str, str] = {}

    def route(self, routes: Routes) -> None:
        """The paths of `/lists/{list}/webhooks`."""
        hooks = "/lists/{list}/webhooks"
        routes.add("GET", hooks, self.listed)
        routes.add("POST", hooks, self.create)
        routes.add("GET", f"{hooks}/{{id}}", lambda call: reply(self.found(call)))
        routes.add("PATCH", f"{hooks}/{{id}}", self.update)
        routes.add("DELETE", f"{hooks}/{{id}}", self.delete)

    def probes(self, call: Call) -> bool:
        """Whether a call makes or changes a webhook, which looks at its address first."""
        return call.method in ("POST", "PATCH") and "/webhooks" in call.path

    async def probe(self, call: Call) -> None:
        """The look at the address of a webhook: it must answer a GET with 200."""
        try:
            url = str(call.json().get("url", ""))
        except (ValueError, AttributeError):
            return
        call.probe = await self.vendor.courier.probe(url) if url else 0

    def listed(self, call: Call) -> Answer:
        """Every webhook."""
        hooks = list(self.hooks.values())
        return reply({"webhooks": hooks, "list_id": LIST, "total_items": len(hooks)})

    def found(self, call: Call) -> dict[str, Any]:
        """One webhook, else 404."""
        found = self.hooks.get(call.params["id"])
        if found is None:
            raise self.vendor.not_found()
        return found

    def create(self, call: Call) -> Answer:
        """A new webhook; its secret is shown this once."""
        given = call.json()
        url = given.get("url")
        if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https"):
            raise self.vendor.invalid("url", "Please enter a valid URL.")
        if call.probe != 200:
            raise self.vendor.invalid("url", UNREACHED)
        if any(hook["url"] == url for hook in self.hooks.values()):
            raise self.vendor.invalid("url", "Sorry, you can't set up multiple WebHooks for one URL")
        identifier = f"{self.chance.getrandbits(40):010x}"
        hook = {
            "id": identifier, "url": url, "list_id": LIST,
            "events": {name: bool((given.get("events") or {}).get(name)) for name in EVENTS},
            "sources": {name: bool((given.get("sources") or {}).get(name)) for name in SOURCES},
        }  # fmt: skip
        self.hooks[identifier] = hook
        self.secrets[identifier] = self.vendor.grants.secret(32)
        return reply(hook | {"signing_secret": self.secrets[identifier]})

    def update(self, call: Call) -> Answer:
        """Change a webhook."""
        hook, given = self.found(call), call.json()
        if given.get("url") and call.probe != 200:
            raise self.vendor.invalid("url", UNREACHED)
        hook["url"] = given.get("url") or hook["url"]
        for name in ("events", "sources"):
            hook[name] |= {
                key: bool(value) for key, value in (given.get(name) or {}).items() if key in hook[name]
            }
        return reply(hook)

    def delete(self, call: Call) -> Answer:
        """Give up a webhook."""
        self.hooks.pop(self.found(call)["id"])
        return Answer(204)

    def announce(self, event: str, row: Row, source: str, before: dict[str, Any] | None = None) -> None:
        """Send an event to the webhooks that want it from this source."""
        for hook in self.hooks.values():
            if hook["events"][event] and hook["sources"][source]:
                body = urlencode(self.message(event, row, before)).encode()
                kind = "application/x-www-form-urlencoded"
                self.vendor.courier.send(
                    Delivery(hook["url"], body, kind, self.signer(self.secrets[hook["id"]]))
                )

    def message(self, event: str, row: Row, before: dict[str, Any] | None) -> dict[str, str]:
        """An event as a form."""
        body = row.body
        fired = iso_s(row.updated)[:19].replace("T", " ")
        form = {"type": event, "fired_at": fired, "data[list_id]": LIST}
        if event == "upemail" and before is not None:
            return form | {"data[new_id]": body["unique_email_id"], "data[new_email]": body["email_address"],
                           "data[old_email]": before["email_address"]}  # fmt: skip
        form |= {"data[id]": body["unique_email_id"], "data[email]": body["email_address"],
                 "data[email_type]": body["email_type"], "data[web_id]": str(body["web_id"])}  # fmt: skip
        if event in ("unsubscribe", "cleaned"):
            form["data[reason]"] = "manual"
        for tag, value in body["merge_fields"].items():
            form[f"data[merges][{tag}]"] = value if isinstance(value, str) else orjson.dumps(value).decode()
        return form | {"data[merges][EMAIL]": body["email_address"]}

    def signer(self, secret: str) -> Signer:
        """`t=...,v1=...` over the time and the raw body."""

        def sign(body: bytes, attempt: int, wrong: bool) -> dict[str, str]:
            moment = int(self.vendor.told_time())
            digest = hmac_hex(or_wrong(secret, wrong), f"{moment}.".encode() + body)
            return {"X-Mailchimp-Signature": f"t={moment},v1={digest}"}

        return sign

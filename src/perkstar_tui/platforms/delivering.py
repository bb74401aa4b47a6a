"""An endpoint of somebody's own: told by signed deliveries, one attempt after the other."""

import ipaddress
from hashlib import sha256
from urllib.parse import urlsplit

import orjson

from perkstar_tui.http.posting import Posted, Poster
from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id
from perkstar_tui.model.remote import Message, RemoteAccount, RemoteField, Response

from .described import Described
from .signing import headers_of, is_secret

TRIAL = "webhook.test"
"""The type of the delivery by which an endpoint is tried: nothing happened."""

LOOKED_AT = 200
"""Records that were told, among which fields are looked for."""


class OwnEndpoint(Described):
    """One endpoint, one way in, or both. Its deliveries wait in the store; here one attempt is made after the other."""

    _poster: Poster | None = None

    async def listens(self) -> bool:
        return bool((await self.session.credential()).get("url"))

    async def identify(self) -> RemoteAccount:
        """The endpoint itself, once it has taken a trial; without one, the key of what comes in."""
        credential = await self.session.credential()
        url = str(credential.get("url") or "")
        if not is_secret(str(credential.get("secret") or "")):
            raise PerkstarError(
                ErrorKind.USAGE,
                "The secret is none by which deliveries can be signed.",
                remedy="Leave it empty to have one made, or give `whsec_` and 24 to 64 bytes in base64.",
                field="secret",
            )
        if not url:
            return RemoteAccount(_digest(str(credential.get("secret"))), "deliveries to this program")
        told = await self.deliver(self.trial())
        if told.problem is not None:
            raise told.problem
        return RemoteAccount(_digest(url), str(urlsplit(url).hostname))

    def trial(self) -> Message:
        """A delivery that says nothing but that this endpoint is to be told from now on."""
        id_, now = new_id("msg"), self.clock.now()
        said = {"type": TRIAL, "timestamp": now.isoformat(timespec="milliseconds"), "data": {}}
        return Message(id_, TRIAL, orjson.dumps(said))

    async def deliver(self, message: Message) -> Response:
        credential = await self.session.credential()
        if self._poster is None:
            url = checked(str(credential.get("url") or ""))
            self._poster = Poster(url, self.clock, self.traffic, transport=self._transport)
        sent = int(self.clock.now().timestamp())
        headers = headers_of(str(credential.get("secret") or ""), message.id, sent, message.body)
        if self._on_call is not None:
            self._on_call(1)
        posted = await self._poster.post(message.body, headers)
        return Response(posted.status, posted.answer, posted.ms, problem_of(posted))

    async def fields(self, data: DataType) -> list[RemoteField]:
        """The manifest's fields, and whatever else there was in what was told last."""
        found = {field.path: field for field in await super().fields(data)}
        told = self.inbox.told(data, 0, LOOKED_AT) if self.inbox is not None else []
        for _, row in told if self.shape is not None else ():
            for path in self.shape.record(row).fields if self.shape is not None else ():
                found.setdefault(path, RemoteField(path, path, "text"))
        return list(found.values())

    async def revoke(self) -> bool:
        return True

    async def close(self) -> None:
        if self._poster is not None:
            await self._poster.close()
        await super().close()


def checked(url: str) -> str:
    """An address that may be told. Raises PerkstarError USAGE that says what is wrong with it."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise PerkstarError(
            ErrorKind.USAGE,
            f"{_harmless(url)} is no address that can be told.",
            remedy="Write it whole, such as https://example.com/hooks/perkstar, without a user in it.",
            field="url",
        )
    if parts.scheme == "http" and not _near(parts.hostname):
        raise PerkstarError(
            ErrorKind.USAGE,
            f"{parts.hostname} would be told without encryption.",
            remedy="Use https; http is taken for this machine and for private networks only.",
            field="url",
        )
    return url


def _harmless(url: str) -> str:
    """An address as it may be repeated: without a user, and without what follows a question mark."""
    return repr(url.partition("?")[0][:80]) if "@" not in url else "An address with a user in it"


def _near(host: str) -> bool:
    """Whether a host is this machine or in a private network, by its name or number."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost" or host.endswith((".local", ".internal", ".localhost"))


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:24]


def problem_of(posted: Posted) -> PerkstarError | None:
    """What an answer means: who is to do what before it is taken."""
    status = posted.status
    if status is not None and 200 <= status < 300:
        return None
    request = f"POST → {status if status is not None else 'no answer'} in {posted.ms} ms"
    kind, message, remedy = _meaning(posted)
    return PerkstarError(
        kind,
        message,
        remedy=remedy,
        request=request,
        vendor_words=posted.answer[:500] or None,
        retry_after_s=posted.retry_after_s,
    )


def _meaning(posted: Posted) -> tuple[ErrorKind, str, str]:
    status = posted.status
    if status is None:
        return (
            ErrorKind.NETWORK,
            f"The endpoint did not answer: {posted.words}.",
            "See whether it runs and can be reached from this machine; what waits is told then.",
        )
    if status == 410:
        return (
            ErrorKind.CREDENTIAL_REFUSED,
            "The endpoint says that it is gone for good (410).",
            "Reconnect with its new address, or disconnect it.",
        )
    if 300 <= status < 400:
        return (
            ErrorKind.NOT_FOUND,
            f"The endpoint sends elsewhere ({status}), and deliveries are not sent on.",
            "Reconnect with the address that it leads to.",
        )
    if status in (401, 403):
        return (
            ErrorKind.PERMISSION_MISSING,
            f"The endpoint does not accept the signature ({status}).",
            "Give it the secret of this integration (`perkstar webhooks secret`), and check its clock.",
        )
    if status == 429:
        return (
            ErrorKind.RATE_LIMITED,
            "The endpoint asks for slower deliveries (429).",
            "Nothing to do; what waits is told later.",
        )
    if status in (404, 405):
        return (
            ErrorKind.NOT_FOUND,
            f"There is no endpoint at this address ({status}).",
            "Compare the address with the endpoint's own, and that it takes POST.",
        )
    if status >= 500:
        return (
            ErrorKind.SERVICE_UNAVAILABLE,
            f"The endpoint failed ({status}).",
            "See its own log; what waits is told again by itself.",
        )
    return (
        ErrorKind.RECORD_REJECTED,
        f"The endpoint refused a delivery ({status}).",
        "Mend it there; it is told again by itself, or by `perkstar webhooks redeliver`.",
    )

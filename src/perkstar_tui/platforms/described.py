"""A connector that does what its manifest describes. A vendor's hook overrides what a manifest can't say."""

import secrets
from datetime import timedelta

from perkstar_tui.http.errors import dig
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id

from .appending import Appender
from .booking import Booker
from .connector import Subscription
from .reading import GONE
from .writing import Writer


class Described(Appender, Booker, Writer):
    """One account at a platform whose manifest says how it is spoken to."""


class DescribedSubscriber(Described):
    """One whose vendor lets a customer's own credential register webhooks."""

    async def subscribe(self, url: str) -> Subscription:
        hooks = self.manifest.webhooks
        assert hooks is not None and hooks.subscribe is not None
        spec, secret = hooks.subscribe, new_id("whs")
        if hooks.app_secret:
            # Signed with what the vendor gave the business's own app.
            secret = str((await self.session.credential()).get("client_secret") or "")
            if not secret:
                raise PerkstarError(
                    ErrorKind.USAGE,
                    f"{self.manifest.title} signs them with the secret of an app, and this credential is of none.",
                    remedy="Connect by an app of your own, with its secret.",
                )
        if hooks.greeting is not None and hooks.greeting.confirm is not None:
            # Each registration is signed with the code that its greeting brings.
            secret = ""
        until = self.clock.now() + timedelta(seconds=spec.lasts_s or 0.0)
        ids: list[str] = []
        try:
            for event in spec.events or ("",):
                values = {
                    "url": url, "event": event, "secret": secret, "until": until.isoformat(timespec="seconds"),
                    "number": str(10**14 + secrets.randbelow(9 * 10**14)),
                }  # fmt: skip
                data = (await self.ask(spec.call, values)).data
                if dig(data, spec.id) is None:
                    raise PerkstarError(ErrorKind.NETWORK, f"{self.manifest.title} registered no webhook.")
                ids.append(str(dig(data, spec.id)))
                secret = str(dig(data, spec.secret) or "") if spec.secret else secret
                if spec.then is not None:
                    await self.ask(spec.then, {"id": ids[-1], "url": url})
        except PerkstarError:
            # All of them or none: half of it would be registered once more with every try.
            await self.unsubscribe(" ".join(ids))
            raise
        return Subscription(" ".join(ids), secret)

    async def confirm(self, id: str, code: str) -> None:
        greeting = self.manifest.webhooks.greeting if self.manifest.webhooks else None
        assert greeting is not None and greeting.confirm is not None
        await self.ask(greeting.confirm, {"id": id, "code": code})

    async def unsubscribe(self, id: str) -> None:
        spec = self.manifest.webhooks.subscribe if self.manifest.webhooks else None
        if spec is None or spec.remove is None:
            return
        for one in id.split():
            try:
                await self.ask(spec.remove, {"id": one})
            except PerkstarError as error:
                if error.kind not in GONE:
                    raise

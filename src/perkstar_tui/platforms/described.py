"""A connector that does what its manifest describes. A vendor's hook overrides what a manifest can't say."""

from perkstar_tui.http.errors import dig
from perkstar_tui.model.errors import PerkstarError
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
        ids, given = [], ""
        for event in spec.events or ("",):
            data = (await self.ask(spec.call, {"url": url, "event": event, "secret": secret})).data
            ids.append(str(dig(data, spec.id)))
            given = str(dig(data, spec.secret) or "") if spec.secret else secret
        return Subscription(" ".join(ids), given)

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

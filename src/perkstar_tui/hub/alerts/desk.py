"""What screens and commands ask of the alerts and do with them, in one place; `Hub.alerts` is one of these."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import fields
from typing import Any

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id

from .. import views as v
from ..bench import Bench
from . import book, routes
from .alerter import once
from .conditions import KINDS
from .limits import HELP, SETTING, Limits, changed, limits_of
from .quiet import is_quiet
from .telling import tell
from .views import AlertView, LimitView, RouteSetting, RouteView
from .words import test_body


class Alerts:
    """The alerts of one home."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    # -- questions
    def page(
        self,
        *,
        state: str | None = None,
        level: str | None = None,
        kind: str | None = None,
        name_or_id: str | None = None,
        offset: int = 0,
        limit: int = 100,
    ) -> v.PageOf:
        """What stands, the most urgent first; `state` is open, acked, resolved or all."""
        about = self.bench.find(name_or_id).id if name_or_id else None
        return book.alerts(self.bench, state, level, kind, about, offset, limit)

    def kinds(self) -> dict[str, str]:
        """Every kind of alert with its words."""
        return {kind.name: kind.title for kind in KINDS.values()}

    def shown(self) -> list[AlertView]:
        """What the header counts: open alerts that the route `app` lets through."""
        return self._for(routes.APP)

    def rung(self) -> list[AlertView]:
        """Open alerts that a screen's terminal is to ring for now."""
        route = routes.find(self.bench, routes.TERMINAL)
        account = self.bench.account_row()
        if not route.enabled or account is None:
            return []
        found = self._for(routes.TERMINAL)
        if is_quiet(route.quiet, self.bench.clock.now(), account.timezone):
            loud = routes.option(route, "break_through") == "yes"
            found = [one for one in found if loud and one.level == "critical"]
        return found

    def ways(self) -> tuple[bool, bool]:
        """Whether a terminal rings its bell, and whether it shows alerts on the desktop."""
        route = routes.find(self.bench, routes.TERMINAL)
        return routes.option(route, "bell") == "yes", routes.option(route, "desktop") == "yes"

    def _for(self, name: str) -> list[AlertView]:
        route = routes.find(self.bench, name)
        page = book.alerts(self.bench, book.OPEN, None, None, None, 0, 1000)
        return [one for one in page.items if routes.wants(route, one.kind, one.level)]

    def routes(self) -> list[RouteView]:
        return routes.routes(self.bench)

    def route(self, name: str) -> RouteView:
        found = routes.find(self.bench, name)
        return next(one for one in self.routes() if one.name == found.name)

    def settings_for(self, kind: str) -> list[RouteSetting]:
        """What a new route of a kind is asked for."""
        found = [
            RouteSetting(
                one.name, one.label, one.help, one.default, one.choices, one.name == "kinds", one.required
            )
            for one in routes.settings_for(kind)
        ]
        if kind == routes.EMAIL:
            found.insert(6, routes.password_setting(False))
        return found

    def secret(self, name: str) -> str:
        """What the messages of a webhook are signed with. Raises USAGE for another route."""
        row = routes.find(self.bench, name)
        if row.kind != routes.WEBHOOK:
            raise PerkstarError(
                ErrorKind.USAGE, f"The route {row.name} signs nothing.", remedy="Only webhooks do."
            )
        return routes.secret_of(self.bench, row)

    def limits(self) -> list[LimitView]:
        """The thresholds."""
        now, plain = limits_of(self.bench.store.get_setting(SETTING)), Limits()
        return [
            LimitView(f.name, _words(getattr(now, f.name)), _words(getattr(plain, f.name)), HELP[f.name])
            for f in fields(Limits)
        ]

    # -- acts
    def ack(self, alert_id: str) -> AlertView:
        """Silence it until it is over."""
        return book.ack(self.bench, alert_id)

    def unack(self, alert_id: str) -> AlertView:
        """Let it speak again."""
        return book.ack(self.bench, alert_id, back=True)

    def add(
        self, name: str, kind: str | None, settings: Mapping[str, str], secret: str | None = None
    ) -> RouteView:
        return routes.add(self.bench, name, kind, settings, secret)

    def edit(self, name: str, settings: Mapping[str, str], secret: str | None = None) -> RouteView:
        return routes.edit(self.bench, name, settings, secret)

    def remove(self, name: str) -> None:
        routes.remove(self.bench, name)

    def set_limits(self, given: Mapping[str, str]) -> list[LimitView]:
        """Set thresholds by words; empty words are the default. Raises USAGE."""
        before = self.bench.store.get_setting(SETTING)
        values = changed(before, given)
        self.bench.store.set_setting(SETTING, values)
        with self.bench.store.write() as connection:
            self.bench.audit(connection, "alert_limits", None, before, values)
        return self.limits()

    def test(self, name: str) -> v.TestView:
        """Send a real message by a route, and say what came of it. Raises USAGE for one that leads nowhere outside."""
        row = routes.find(self.bench, name)
        if row.kind not in routes.OUTSIDE:
            raise PerkstarError(
                ErrorKind.USAGE,
                f"The route {row.name} leads to {routes.where_to(row)}.",
                remedy="On the screen, t on it rings the terminal.",
            )
        account = self.bench.need_account()
        title, body = test_body(account.name, row.name)
        if row.kind == routes.WEBHOOK:
            import orjson

            at = self.bench.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
            body = orjson.dumps({"type": "alert.test", "timestamp": at, "data": {}}).decode()
        told = _now(tell(self.bench, row, new_id("msg"), title, body, []))
        step = v.TestStep(
            "Message",
            told.ok,
            told.words or f"A test message was taken for {routes.where_to(row)}.",
            None if told.ok else f"Mend it with `perkstar alerts edit {row.name}`.",
        )
        return v.TestView(told.ok, (step,))

    def once(self) -> None:
        """Look and tell one time, unless another process does."""
        _now(once(self.bench))


def _words(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _now(work: "Coroutine[Any, Any, Any]") -> Any:
    return asyncio.run(work)

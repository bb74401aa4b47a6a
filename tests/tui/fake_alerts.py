"""The alerts of the shop in memory: one for each integration that ails, and three routes."""

from dataclasses import replace
from typing import Any

from perkstar_tui.hub import views as v
from perkstar_tui.hub.alerts.conditions import KINDS
from perkstar_tui.hub.alerts.routes import password_setting, settings_for
from perkstar_tui.hub.alerts.views import AlertView, RouteSetting, RouteView


def route(name: str, kind: str, where: str, **more: Any) -> RouteView:
    settings = [
        RouteSetting(
            one.name, one.label, one.help, one.default, one.choices, one.name == "kinds", one.required
        )
        for one in settings_for(kind)
    ]
    if kind == "email":
        settings.insert(6, password_setting(True))
    values = more.pop("values", {})
    settings = [replace(one, value=values.get(one.name, one.value)) for one in settings]
    facts: dict[str, Any] = {
        "enabled": True, "level": "warning", "kinds": (), "quiet": "", "options": {}, "quiet_now": False, "sent": 0,
        "pending": 0, "dead": 0, "last_sent": None, "problem": "", "failures": 0,
    }  # fmt: skip
    return RouteView(name=name, kind=kind, where=where, settings=tuple(settings), **(facts | more))


class FakeAlerts:
    """What `Hub.alerts` answers, from the shop's statuses; routes change as they are told to."""

    def __init__(self, hub: Any) -> None:
        self.hub = hub
        self.acked: set[str] = set()
        self.more: list[AlertView] = []
        self.looks = 0
        self.ways_there = [
            route("app", "app", "the header and the list of the screen", level="notice"),
            route("terminal", "terminal", "bell and desktop of whoever has a screen open", level="critical"),
            route(
                "mail",
                "email",
                "sam@shop.example by smtp.shop.example",
                quiet="22:00-07:00",
                sent=14,
                values={
                    "to": "sam@shop.example",
                    "from": "alerts@shop.example",
                    "host": "smtp.shop.example",
                    "user": "alerts",
                    "quiet": "22:00-07:00",
                },
            ),
        ]

    def _all(self) -> list[AlertView]:
        found = []
        for view in self.hub.views:
            if view.status in ("error", "reconnect_required"):
                kind = "error" if view.status == "error" else "reconnect"
                found.append(
                    AlertView(
                        f"alt_{view.id[4:]}", kind, KINDS[kind].title, "critical",
                        "acked" if f"alt_{view.id[4:]}" in self.acked else "open", view.id, view.name, view.id,
                        f"{view.name} is in error. The vendor refused one record." if kind == "error"
                        else f"{view.name} must be reconnected: {view.platform_title} refuses the credential.",
                        "Correct the named field, then retry (r)." if kind == "error" else "Give it a new credential.",
                        "l", f"perkstar logs {view.id}" if kind == "error" else f"perkstar reconnect {view.id}",
                        "record_rejected" if kind == "error" else "credential_refused", view.last_success,
                        view.last_sync, 3, "", None, None, ("mail",),
                    )
                )  # fmt: skip
        return [*found, *self.more]

    def page(self, *, state: str | None = None, offset: int = 0, limit: int = 100, **_: Any) -> v.PageOf:
        self.hub._call("alerts.page", state=state)
        found = [one for one in self._all() if state in (None, "all", one.state)]
        return v.PageOf(tuple(found[offset : offset + limit]), len(found), offset)

    def kinds(self) -> dict[str, str]:
        return {kind.name: kind.title for kind in KINDS.values()}

    def shown(self) -> list[AlertView]:
        return [one for one in self._all() if one.state == "open"]

    def rung(self) -> list[AlertView]:
        self.looks += 1
        return self.shown()

    def ways(self) -> tuple[bool, bool]:
        return True, True

    def routes(self) -> list[RouteView]:
        return list(self.ways_there)

    def route(self, name: str) -> RouteView:
        return next(one for one in self.ways_there if one.name == name)

    def settings_for(self, kind: str) -> list[RouteSetting]:
        known = route("new", kind, "").settings
        return [replace(one, value="") if one.secret else one for one in known]

    def ack(self, id_: str) -> AlertView:
        self.hub._call("alerts.ack", id_)
        self.acked.add(id_)
        self.hub.touch()
        return next(one for one in self._all() if one.id == id_)

    def unack(self, id_: str) -> AlertView:
        self.hub._call("alerts.unack", id_)
        self.acked.discard(id_)
        self.hub.touch()
        return next(one for one in self._all() if one.id == id_)

    def add(
        self, name: str, kind: str | None, settings: dict[str, str], secret: str | None = None
    ) -> RouteView:
        self.hub._call("alerts.add", name, kind, settings, secret)
        made = route(name, kind or "email", settings.get("to") or settings.get("url", ""))
        self.ways_there.append(made)
        self.hub.touch()
        return made

    def edit(self, name: str, settings: dict[str, str], secret: str | None = None) -> RouteView:
        self.hub._call("alerts.edit", name, settings, secret)
        old = self.route(name)
        new = replace(
            old,
            settings=tuple(replace(one, value=settings.get(one.name, one.value)) for one in old.settings),
            level=settings.get("level", old.level),
        )
        self.ways_there = [new if one.name == name else one for one in self.ways_there]
        self.hub.touch()
        return new

    def remove(self, name: str) -> None:
        self.hub._call("alerts.remove", name)
        self.ways_there = [one for one in self.ways_there if one.name != name]
        self.hub.touch()

    def test(self, name: str) -> v.TestView:
        self.hub._call("alerts.test", name)
        return v.TestView(
            True, (v.TestStep("Message", True, "A test message was taken for sam@shop.example."),)
        )

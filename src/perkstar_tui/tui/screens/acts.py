"""Acts on integrations, the same on the main screen (the row or the selected rows) and in Details (the one shown)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..keys import Key
from ..signs import clean
from .base import PerkScreen

if TYPE_CHECKING:
    from perkstar_tui.hub import views as v


def several(views: Sequence[v.IntegrationView]) -> str:
    """One by its name, more by their number."""
    return clean(views[0].name) if len(views) == 1 else f"{len(views)} integrations"


class RowActs(PerkScreen[None]):
    """Whatever can be done with an integration. `targets` and `current` say which."""

    def targets(self) -> list[v.IntegrationView]:
        """What an act is for."""
        return []

    def current(self) -> v.IntegrationView | None:
        """The one integration looked at."""
        return None

    def done_with(self) -> None:
        """An act on the targets was begun."""

    def allows(self, action: str) -> bool:
        views = self.targets()
        match action:
            case "sync" | "full":
                return any(view.status in ("active", "error") for view in views)
            case "pause":
                return any(view.status in _PAUSABLE or view.status == "paused" for view in views)
            case (
                "reconnect"
                | "disconnect"
                | "test"
                | "preview"
                | "log"
                | "edit"
                | "mapping"
                | "note"
                | "copy_id"
            ):
                return bool(views)
            case "copy_address":
                return any(view.hook_address for view in views)
            case "failing" | "retry":
                return any(view.counts.held or view.counts.failed for view in views)
            case "undo":
                return bool(self.program.undoing)
        return True

    def label_of(self, key: Key) -> str:
        views = self.targets()
        if key.id == "pause" and views and all(view.status == "paused" for view in views):
            return "resume"
        return key.label

    def _some(self) -> list[v.IntegrationView]:
        """The targets; says so when there are none, or when nothing may be changed."""
        if self.program.refused():
            return []
        views = self.targets()
        if not views:
            self.program.say("There is no integration here. Press a to add one.")
        return views

    # -- acts
    def action_sync(self) -> None:
        views = self._some()
        if not views:
            return
        hub = self.program.hub
        stopped = [view for view in views if view.status_code == "mass_change"]
        if stopped:
            self._accept_mass_change(stopped)
            return

        def sync() -> None:
            for view in views:
                hub.sync(view.id)

        self.program.act(sync, f"Sync of {several(views)} started.")
        self.done_with()

    def _accept_mass_change(self, views: Sequence[v.IntegrationView]) -> None:
        """A run that stopped before a mass change goes on only by a decision, with the numbers said before."""
        hub = self.program.hub

        def accept(_: str) -> None:
            def sync() -> None:
                for view in views:
                    hub.sync(view.id, accept_mass_change=True)

            self.program.act(sync, f"Sync of {several(views)} started; its changes were accepted.")
            self.done_with()

        self._after_sheet("mass_change", views, "Accept the changes and sync", accept, safe=True)

    def action_full(self) -> None:
        views = self._some()
        hub = self.program.hub

        def full(_: str) -> None:
            def sync() -> None:
                for view in views:
                    hub.sync(view.id, full=True)

            self.program.act(sync, f"Full resync of {several(views)} started.")
            self.done_with()

        self._after_sheet("resync", views, "Read everything again", full, safe=True)

    def action_pause(self) -> None:
        views = self._some()
        hub = self.program.hub
        running = [view for view in views if view.status in _PAUSABLE]
        if not running:
            self._resume([view for view in views if view.status == "paused"])
            return

        def pause(reason: str) -> None:
            def deed() -> None:
                for view in running:
                    hub.pause(view.id, reason)

            def back() -> None:
                for view in running:
                    hub.resume(view.id)

            self.program.act(deed, f"{several(running)} paused.", undo=(f"{several(running)} resumed.", back))
            self.done_with()

        self._after_sheet("pause", running, "Pause", pause)

    def _resume(self, views: Sequence[v.IntegrationView]) -> None:
        if not views:
            return
        hub = self.program.hub

        def deed() -> None:
            for view in views:
                hub.resume(view.id)

        def back() -> None:
            for view in views:
                hub.pause(view.id)

        self.program.act(deed, f"{several(views)} resumed.", undo=(f"{several(views)} paused.", back))
        self.done_with()

    def action_disconnect(self) -> None:
        views = self._some()
        hub = self.program.hub

        def disconnect(reason: str) -> None:
            def deed() -> None:
                for view in views:
                    hub.disconnect(view.id, reason)

            self.program.act(deed, f"{several(views)} disconnected. Connecting it again takes up its links.")
            self.done_with()
            self.disconnected()

        name = clean(views[0].name) if len(views) == 1 else f"disconnect {len(views)}"
        self._after_sheet("disconnect", views, "Disconnect", disconnect, name=name, reason=True)

    def disconnected(self) -> None:
        """What was looked at has been disconnected."""

    def _after_sheet(
        self,
        act: str,
        views: Sequence[v.IntegrationView],
        verb: str,
        deed: Callable[[str], None],
        **more: Any,
    ) -> None:
        """Ask what the act would do, show it, and do it when that is wanted."""
        if not views:
            return
        hub = self.program.hub

        def taken(answer: str | None) -> None:
            if answer is not None:
                deed(answer)

        # Sheets are loaded when the first one opens, not before the first paint.
        from .sheets import ImpactSheet, merged_impact

        async def asking() -> None:
            impacts = await self.program.attempt(lambda: [hub.impact(act, view.id) for view in views])
            if not impacts:
                return
            names: list[str] = []
            impact = impacts[0]
            if len(views) > 1:
                impact = merged_impact(f"{verb}: {several(views)}?", impacts)
                names = [view.name for view in views]
            self.program.push_screen(ImpactSheet(impact, verb, names=names, **more), taken)

        self.program.begin(asking)

    def action_reconnect(self) -> None:
        view = self.current()
        if view is None or self.program.refused():
            return
        from .credential import ReconnectSheet

        hub = self.program.hub

        async def asking() -> None:
            draft = await self.program.attempt(hub.draft, view.platform)
            impact = await self.program.attempt(hub.impact, "reconnect", view.id)
            if draft is None or impact is None:
                return
            self.program.push_screen(ReconnectSheet(view, draft.forms, impact), given)

        def given(credential: dict[str, Any] | None) -> None:
            if credential is not None:
                self.program.act(
                    lambda: hub.reconnect(view.id, credential),
                    f"{view.name} is connected again and goes on where it stood.",
                )

        self.program.begin(asking)

    def action_retry(self) -> None:
        if self.program.refused():
            return
        views = [view for view in self.targets() if view.counts.held or view.counts.failed]
        if not views:
            self.program.say("Nothing is held or refused here.")
            return
        hub = self.program.hub
        self.program.act(
            lambda: sum(hub.retry(view.id) for view in views),
            lambda number: f"{number} held or refused records are tried again with the next run.",
        )

    def action_test(self) -> None:
        view = self.current()
        if view is None:
            return
        from .reading import test_sheet

        hub = self.program.hub
        self.program.push_screen(test_sheet(view, lambda: hub.test(view.id)))

    def action_preview(self) -> None:
        view = self.current()
        if view is None:
            return
        from .preview import PreviewScreen

        self.program.push_screen(PreviewScreen(view))

    def action_note(self) -> None:
        view = self.current()
        if view is None or self.program.refused():
            return
        hub, old = self.program.hub, view.purpose

        def given(text: str | None) -> None:
            if text is not None and text != old:
                self.program.act(
                    lambda: hub.edit(view.id, {"purpose": text}),
                    "Note kept.",
                    undo=("Note as it was.", lambda: hub.edit(view.id, {"purpose": old})),
                )

        from .sheets import TextSheet

        self.program.push_screen(
            TextSheet(
                f"Note on {view.name}",
                old,
                help="What it is for, who looks after it, what mended it last time.",
            ),
            given,
        )

    def action_copy_id(self) -> None:
        view = self.current()
        if view is not None:
            self.program.copy_text(view.id, f"the id of {clean(view.name)}")

    def action_copy_address(self) -> None:
        view = self.current()
        if view is not None and view.hook_address:
            self.program.copy_text(view.hook_address, f"the address for {clean(view.platform_title)}")

    def action_alerts(self) -> None:
        from .alerts import AlertsScreen

        self.program.push_screen(AlertsScreen())

    def open_details(self, view: v.IntegrationView | None, tab: str = "overview", **more: Any) -> None:
        """Show an integration's details."""
        if view is None:
            return
        from .details import DetailsScreen

        self.program.push_screen(DetailsScreen(view, tab, **more))


_PAUSABLE = ("active", "error", "reconnect_required")

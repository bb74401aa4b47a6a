"""The two tiles at the top: plan and capacity, and the API key. Each is framed when wide, one line when not."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from ..keys import bindings
from ..signs import Line, Piece, ago, bar, between, clean, spark
from .painted import Painted, app_of, on_width

if TYPE_CHECKING:
    from perkstar_tui.hub.views import AccountView, KeyView, PlanView


class PlanTile(Painted):
    """Plan, use, what is left, and the integration that has gone longest without a sync."""

    can_focus = True
    PLACES: ClassVar[tuple[str, ...]] = ("tile",)
    BINDINGS: ClassVar[list[BindingType]] = bindings("tile")

    def __init__(self) -> None:
        super().__init__(id="plan")
        self.alerts = 0
        self._urgent = False
        self._plan: PlanView | None = None

    def on_mount(self) -> None:
        self.border_title = "1 Plan and capacity"
        self.draw()
        on_width(self, self.draw)

    def put(self, plan: PlanView, alerts: int, *, urgent: bool = False) -> None:
        """New data."""
        self._plan, self.alerts, self._urgent = plan, alerts, urgent
        self.draw()

    def draw(self) -> None:
        """Paint for the width there is."""
        plan = self._plan
        if plan is None:
            self.paint((("Reading the plan …", "dim"),))
            return
        left = "no limit" if plan.remaining is None else f"{plan.remaining} left"
        if not app_of(self).wide:
            self.paint(self._one_line(plan, left))
            return
        width = max(10, self.size.width - len(left) - 1)
        full = plan.remaining == 0
        words: Line = ((clean(plan.line), "strong"),)
        gauge: Line = (*bar(plan.used, plan.allowed, width), (f" {left}", "warn" if full else "dim"))
        self.paint(words, gauge, self._advice(plan))

    async def action_area(self) -> None:
        await app_of(self).run_action("free_slot", default_namespace=self.screen)

    def _advice(self, plan: PlanView) -> Line:
        if plan.free_up and (plan.remaining == 0 or (self._oldest_days(plan) or 0) > 14):
            _, name, last = plan.free_up[0]
            days = self._oldest_days(plan)
            how = (
                "has never synced"
                if last is None
                else f"has not synced for {days} days"
                if days
                else "is the longest without a sync"
            )
            return ((f"{clean(name)} {how} · ", "dim"), ("u", "key"), (" free a slot", "dim"))
        if plan.next_tier:
            return ((f"Next plan: {clean(plan.next_tier)}", "dim"),)
        return (("Every integration is in use.", "dim"),)

    def _oldest_days(self, plan: PlanView) -> int | None:
        last = plan.free_up[0][2] if plan.free_up else None
        return None if last is None else (app_of(self).now() - last).days

    def _one_line(self, plan: PlanView, left: str) -> Line:
        used = f"{plan.used} of {plan.allowed}" if plan.allowed is not None else f"{plan.used} used"
        head: list[Piece] = [
            (f"{clean(plan.name)} Plan: {used} ", "strong"),
            *bar(plan.used, plan.allowed, 12),
        ]
        head.append((f" {left}", "dim"))
        tail: list[Piece] = []
        if self.alerts:
            tail += [*counted(self.alerts, self._urgent, app_of(self).keys.shown("alerts")), ("  ", "")]
        tail += [("u", "key"), (" free a slot", "dim")]
        return between(head, tail, self.size.width)


def counted(alerts: int, urgent: bool, key: str) -> Line:
    """How many alerts stand and the key that lists them; nothing where there are none. Notices alone are no alarm."""
    if not alerts:
        return ()
    word, tone = ("alert", "bad") if urgent else ("notice", "info")
    return ((f"{alerts} {word}{'s' if alerts > 1 else ''} ", tone), (key, "key"))


class KeyTile(Painted):
    """The account's API key: masked, copied with one key, shown on request and hidden again by itself."""

    can_focus = True
    PLACES: ClassVar[tuple[str, ...]] = ("tile",)
    BINDINGS: ClassVar[list[BindingType]] = bindings("tile")

    def __init__(self) -> None:
        super().__init__(id="key")
        self._key: KeyView | None = None
        self._account: AccountView | None = None
        self.clear_text: str | None = None

    def on_mount(self) -> None:
        self.border_title = "2 API key"
        self.draw()
        on_width(self, self.draw)

    def put(self, key: KeyView, account: AccountView | None) -> None:
        """New data."""
        self._key, self._account = key, account
        self.draw()

    async def action_area(self) -> None:
        await app_of(self).run_action("keys", default_namespace=self.screen)

    def uncover(self, text: str, seconds: float) -> None:
        """Show the key in clear for a while."""
        self.clear_text = text
        self.draw()
        self.set_timer(seconds, self.cover)

    def cover(self) -> None:
        """Mask it again."""
        self.clear_text = None
        self.draw()

    def draw(self) -> None:
        """Paint for the width there is."""
        key, account, wide = self._key, self._account, app_of(self).wide
        if key is None:
            self.paint((("Reading the key …", "dim"),))
            return
        if key.masked is None:
            note = key.note or "A local account has no key yet; keys come with the gateway."
            if wide:
                self.paint((("No key", "strong"),), ((clean(note), "dim"),))
            else:
                self.paint((("Key  ", "strong"), (clean(note), "dim")))
            return
        now = app_of(self).now()
        acts: list[Piece] = [("c", "key"), (" copy  ", "dim"), ("v", "key")]
        acts.append((" show" if self.clear_text is None else " hides by itself in 10 s", "dim"))
        shown = clean(self.clear_text or key.masked)
        tone = "accent" if self.clear_text else "strong"
        if not wide:
            calls = ((f"{key.calls_today:,} calls today ", "dim"), (spark(key.calls_per_hour, 12), "info"))
            head = (("Key ", "dim"), (shown, tone), ("  ", ""), *acts)
            self.paint(between(head, calls, self.size.width) if not self.clear_text else head)
            return
        worked = "has never been used" if key.last_worked is None else f"worked {ago(key.last_worked, now)}"
        added = f" · added {ago(key.added, now)}" if key.added else ""
        self.paint(
            ((shown, tone), ("   ", ""), *acts),
            ((f"{clean(key.label)} · {worked}{added}", "dim"),),
            (
                (f"our calls today {key.calls_today:,}  ", "dim"),
                (spark(key.calls_per_hour, 24), "info"),
                (f"  {clean(key.note)}", "warn") if key.note else ("", ""),
            ),
        )
        if account is not None and account.cloud_state == "error" and not key.note:
            self.paint(
                ((shown, tone), ("   ", ""), *acts),
                ((clean(account.cloud_message), "bad"),),
                ((f"our calls today {key.calls_today:,}  ", "dim"), (spark(key.calls_per_hour, 24), "info")),
            )

"""Overview: how it is connected, what it is doing, why its health is what it is, and its last runs."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll

from perkstar_tui.hub import views as v

from ..screens.reading import outcome
from ..signs import (
    Line,
    ago,
    arrow,
    bar,
    between,
    clean,
    day,
    lasting,
    local,
    only_told,
    progress,
    spark,
    until,
)
from ..widgets.painted import Painted, Panel, on_width
from .pane import Pane


class OverviewPane(Pane):
    NAME: ClassVar[str] = "overview"
    TITLE: ClassVar[str] = "Overview"

    def __init__(self, view: v.IntegrationView) -> None:
        super().__init__(view)
        self._runs: tuple[v.RunView, ...] = ()
        self._total = 0
        self._read = False

    def compose(self) -> ComposeResult:
        with Horizontal(classes="pair"):
            with Panel("Connection", id="connection"):
                yield Painted(id="connection-text")
            with Panel("Now", id="now"):
                yield Painted(id="now-text")
        with Horizontal(classes="pair", id="lower"):
            with Panel("Health", id="health"):
                yield Painted(id="health-text")
            with Panel("Last runs", id="last"):
                yield Painted(id="last-text")
        with VerticalScroll(id="all-in-one"):
            yield Painted(id="all-text")

    async def load(self, view: v.IntegrationView) -> None:
        self.view = view
        page = await self.program.ask(self.program.hub.runs, view.id, limit=40)
        self._runs, self._total, self._read = page.items, page.total, True
        self.tick()

    def tick(self) -> None:
        parts = {
            "connection": self._connection(),
            "now": self._now(),
            "health": self._health(),
            "last": self._last(),
        }
        if self.program.wide:
            for name, lines in parts.items():
                self.query_one(f"#{name}-text", Painted).paint(*lines)
            return
        width = max(40, self.size.width - 2)
        together: list[Line] = []
        titles = {"now": "Now", "connection": "Connection", "health": "Health", "last": "Last runs"}
        for name, title in titles.items():
            together.append(between((("─ ", "rule"), (title, "strong"), (" ", "")), (), width, "─"))
            together += parts[name]
        self.query_one("#all-text", Painted).paint(*together)

    def on_mount(self) -> None:
        on_width(self, self._redraw)

    def _redraw(self) -> None:
        if self._read:
            self.tick()

    def take_focus(self) -> None:
        if self.program.wide:
            self.screen.set_focus(None)
        else:
            self.query_one("#all-in-one").focus()

    # -- the four parts
    def _connection(self) -> list[Line]:
        view, zone, now = self.view, self.zone, self.program.now()
        who = f"{clean(view.platform_title or view.platform)}, {clean(view.account_name)}".rstrip(", ")
        since = (now - view.date).days if view.date else 0
        expiry = (
            f"ends {until(view.credential_expires, now)}"
            if view.credential_expires is not None
            else "renews itself"
            if view.credential_renews
            else "does not expire"
        )
        owner = " · ".join(part for part in (clean(view.owner), clean(view.purpose)) if part)
        return [
            _fact("Platform", who),
            _fact("Connected", f"{day(view.date, zone)}, {since} days ago" if view.date else "not yet"),
            *self._allowed(),
            _fact("Credential", expiry),
            _fact("Data", "  ".join(f"{clean(data)} {arrow(view.direction)}" for data in view.data)),
            _fact(
                "Frequency", clean(view.frequency) + (f" ({clean(view.listening)})" if view.listening else "")
            ),
            _fact("Match", self._match()),
            _fact("Owner", owner or "–"),
        ]

    def _allowed(self) -> list[Line]:
        """What it may do, if that is known; or the way in, an address that a person enters at the platform."""
        view = self.view
        if not view.hook_address:
            scopes = ", ".join(clean(scope) for scope in view.scopes)
            return [_fact("Allowed", scopes)] if scopes else []
        key = self.program.keys.shown("copy_address")
        about = f" copies the address to enter in {clean(view.platform_title)}"
        return [((f"{'Deliveries':<12}", "dim"), (key, "key"), (about, ""))]

    def _match(self) -> str:
        """By what people are known, and whose word counts; nothing where no customers are kept in step."""
        view = self.view
        if "customers" not in view.data:
            return "–"
        return f"{', then '.join(view.match)} · truth: {clean(view.source_of_truth)}"

    def _now(self) -> list[Line]:
        view, now = self.view, self.program.now()
        if view.running:
            left = view.ends_at is not None and view.ends_at > now
            through = f", through {until(view.ends_at, now)}" if left else ""
            state: Line = (("⟳ ", "info"), (f"syncing, {progress(view)}{through}", "info"))
        elif view.status == "paused":
            state = (
                ("‖ ", "dim"),
                ("paused" + (f" by {clean(view.paused_by)}" if view.paused_by else ""), ""),
            )
        elif view.next_sync:
            state = ((f"idle, next sync {until(view.next_sync, now)}", ""),)
        elif view.status != "active":
            state = (("waits for a person", "warn"),)
        elif view.frequency == "manual":
            state = (("idle, synced by hand only", ""),)
        else:
            state = (("waits for a first preview (w) or sync (s)", "warn"),)
        today = [
            run for run in self._runs if local(run.started, self.zone).date() == local(now, self.zone).date()
        ]
        failed = sum(run.inward.failed + run.outward.failed for run in today)
        waiting = view.counts.held + view.counts.failed
        held, refused = ("given up", "not taken") if only_told(view) else ("held", "refused")
        calls = sum(run.api_calls for run in today)
        waited = sum(run.throttled_ms for run in today) / 1000
        return [
            (("State       ", "dim"), *state),
            _fact("Last good", ago(view.last_success, now)),
            _fact("Today", f"{len(today)} runs, {failed} failed records"),
            _fact("Linked", f"{view.counts.linked:,} records"),
            (
                ("Waiting     ", "dim"),
                (f"{view.counts.held} {held}, {view.counts.failed} {refused}", "warn" if waiting else ""),
                ("   ! shows them" if waiting else "", "dim"),
            ),
            _fact("Calls", f"{calls:,} today, waited {waited:.0f} s for the limit"),
        ]

    def _health(self) -> list[Line]:
        view = self.view
        tone = {"Healthy": "good", "Degraded": "warn"}.get(view.health.word, "bad")
        lines: list[Line] = [((f"{view.health.score} {clean(view.health.word)}", tone), ("  of 100", "dim"))]
        for name, points, most in view.health.parts:
            shape = bar(points, most, 16)
            lines.append(
                (
                    (f"{clean(name):<14}", "dim"),
                    (shape[0][0], "info" if points == most else "warn"),
                    shape[1],
                    (f" {points}/{most}", "dim"),
                )
            )
        if self._runs:
            width = max(8, min(40, (self.size.width // 2 if self.program.wide else self.size.width) - 20))
            sizes = [run.inward.read + run.outward.read for run in reversed(self._runs)]
            bad = [
                run.inward.failed + run.inward.held + run.outward.failed + run.outward.held
                for run in reversed(self._runs)
            ]
            lines.append((("read per run  ", "dim"), (spark(sizes, width), "info")))
            lines.append((("held, failed  ", "dim"), (spark(bad, width), "warn" if any(bad) else "dim")))
        return lines

    def _last(self) -> list[Line]:
        if not self._runs:
            return [(("No run yet.   ", "dim"), ("s", "key"), (" starts the first one", "dim"))]
        lines: list[Line] = []
        for run in self._runs[:8]:
            bad = run.inward.failed + run.outward.failed + run.inward.held + run.outward.held
            took = lasting(run.ended - run.started) if run.ended else "running"
            changed_in = run.inward.created + run.inward.updated
            changed_out = run.outward.created + run.outward.updated
            word, tone = outcome(run)
            lines.append(
                (
                    (
                        f"{local(run.started, self.zone):%H:%M} {run.trigger.removeprefix('local_'):<9.9} ",
                        "dim",
                    ),
                    (word[:1], tone),
                    (f"{changed_in:>5,} in {changed_out:>5,} out ", ""),
                    (f"{bad:>3} held " if bad else " " * 9, "warn"),
                    (f"{took:>8}", "dim"),
                )
            )
        return lines


def _fact(name: str, words: str) -> Line:
    return ((f"{name:<12}", "dim"), (words, ""))

"""Health: the score's parts, why it is not higher, what the last runs were like, and how it went over time."""

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll

from perkstar_tui.hub.health_detail import HealthDetail
from perkstar_tui.hub.views import IntegrationView

from ..signs import Line, ago, bar, between, clean, how_long, spark, until
from ..widgets.painted import Painted, Panel, on_width
from ..widgets.plots import Plot
from .pane import Pane

TONES = {"Healthy": "good", "Degraded": "warn", "Unhealthy": "bad"}


class HealthPane(Pane):
    NAME: ClassVar[str] = "health"
    TITLE: ClassVar[str] = "Health"

    def __init__(self, view: IntegrationView) -> None:
        super().__init__(view)
        self.detail: HealthDetail | None = None

    def compose(self) -> ComposeResult:
        with Horizontal(classes="pair tall"):
            with Panel("Score", id="score"):
                yield Painted(id="score-text")
            with Panel("Facts", id="facts"):
                yield Painted(id="facts-text")
        with Horizontal(classes="pair", id="plots"):
            with Panel("Seconds a run", id="seconds"):
                yield Plot(id="seconds-plot")
            with Panel("Records a run", id="amounts"):
                yield Plot(id="amounts-plot")
        with Panel("What fails, by its code", id="failing"):
            yield Painted(id="failing-text")
        with VerticalScroll(id="all-in-one"):
            yield Painted(id="all-text")

    async def load(self, view: IntegrationView) -> None:
        self.view = view
        self.detail = await self.program.ask(self.program.hub.health, view.id)
        self.tick()

    def on_mount(self) -> None:
        on_width(self, self.tick)

    def take_focus(self) -> None:
        if self.program.wide:
            self.screen.set_focus(None)
        else:
            self.query_one("#all-in-one").focus()

    def tick(self) -> None:
        one = self.detail
        if one is None:
            return
        if not self.program.wide:
            width = max(40, self.size.width - 2)
            together: list[Line] = []
            parts = {
                "Score": self._score(one),
                "Facts": self._facts(one),
                "The last runs": self._sparks(one),
                "What fails, by its code": self._failing(one),
            }
            for title, lines in parts.items():
                together.append(between((("─ ", "rule"), (title, "strong"), (" ", "")), (), width, "─"))
                together += lines
            self.query_one("#all-text", Painted).paint(*together)
            return
        self.query_one("#score-text", Painted).paint(*self._score(one))
        self.query_one("#facts-text", Painted).paint(*self._facts(one))
        self.query_one("#failing-text", Painted).paint(*self._failing(one))
        self.query_one("#seconds-plot", Plot).put([("info", [point.seconds for point in one.points])])
        self.query_one("#amounts-plot", Plot).put(
            [
                ("info", [float(p.read) for p in one.points]),
                ("bad", [float(p.bad) for p in one.points]),
            ]
        )
        if one.run_s is not None:
            self.query_one("#seconds", Panel).head(right=((f"half of them under {one.run_s:,.1f} s", "dim"),))
        bad = sum(p.bad for p in one.points)
        self.query_one("#amounts", Panel).head(
            right=(
                (f"{sum(p.read for p in one.points):,} read", "info"),
                (f" · {bad:,} held or failed", "bad" if bad else "dim"),
            )
        )

    # -- the parts
    def _score(self, one: HealthDetail) -> list[Line]:
        state = one.health
        lines: list[Line] = [
            ((f"{state.score} {clean(state.word)}", TONES.get(state.word, "dim")), ("  of 100", "dim"))
        ]
        for name, points, most in state.parts:
            shape = bar(points, most, 20)
            lines.append(
                (
                    (f"{clean(name):<14}", "dim"),
                    (shape[0][0], "info" if points == most else "warn"),
                    shape[1],
                    (f" {points}/{most}", "dim"),
                )
            )
        lines.append(())
        if state.reason:
            lines.append(((clean(state.reason), ""),))
            key: Line = ((clean(state.key), "key"), ("  ", "")) if state.key else ()
            lines.append((*key, (clean(state.remedy), "accent")))
        else:
            lines.append((("Nothing keeps it from full health.", "good"),))
        return lines

    def _facts(self, one: HealthDetail) -> list[Line]:
        now = self.program.now()
        expected = f"expected every {_long(one.expected_s)}" if one.expected_s else "by hand, never late"
        late = one.expected_s is not None and one.age_s is not None and one.age_s > 2 * one.expected_s
        success = latency = "–"
        if one.success_rate is not None:
            success = f"{one.success_rate:.0%}, {one.good_runs} of {one.runs} runs"
        if one.per_call_ms is not None:
            latency = f"{one.per_call_ms:,} ms a call, {one.calls_per_run:,.1f} calls a run"
        lines = [
            _fact("Last good", f"{ago(one.last_success, now)}, {expected}", "warn" if late else ""),
            _fact("Success", success, "warn" if one.good_runs < one.runs else ""),
            _fact("Latency", latency),
            _fact("Throughput", "–" if one.records_per_s is None else f"{one.records_per_s:,.0f} records a second"),
            _fact("Headroom", f"{one.headroom:.0%} of the time without waiting", "warn" if one.headroom < 0.95 else ""),
            _fact("Credential", self._credential(one, now)),
        ]  # fmt: skip
        if one.running_since is not None:
            of = f"{one.done:,} of {one.total:,}" if one.done is not None and one.total else "running"
            ends = f", done {until(one.ends_about, now)}" if one.ends_about else ""
            words = f"{of} {how_long(one.running_since, now)}{ends}"
            lines.append(
                _fact(
                    "Running",
                    f"stands still: {words}" if one.stands_still else words,
                    "bad" if one.stands_still else "info",
                )
            )
        return lines

    def _credential(self, one: HealthDetail, now: Any) -> str:
        if one.credential_expires is not None:
            return f"ends {until(one.credential_expires, now)}"
        return "renews itself" if one.credential_renews else "does not expire"

    def _failing(self, one: HealthDetail) -> list[Line]:
        if not one.errors:
            return [(("Nothing fails.", "good"),)]
        lines: list[Line] = []
        for error in one.errors:
            counts = [
                f"{error.runs} runs" if error.runs else "",
                f"{error.records:,} records" if error.records else "",
            ]
            lines.append(
                (
                    (f"{clean(error.code):<20}", "strong"),
                    (f"{', '.join(filter(None, counts)):<24}", "warn"),
                    (clean(error.meaning), "dim"),
                )
            )
        return lines

    def _sparks(self, one: HealthDetail) -> list[Line]:
        if not one.points:
            return [(("No run yet.", "dim"),)]
        width = max(8, min(40, self.size.width - 24))
        bad = [p.bad for p in one.points]
        return [
            (("seconds       ", "dim"), (spark([round(p.seconds * 100) for p in one.points], width), "info")),
            (("ms a call     ", "dim"), (spark([p.per_call_ms or 0 for p in one.points], width), "info")),
            (("read          ", "dim"), (spark([p.read for p in one.points], width), "info")),
            (("held, failed  ", "dim"), (spark(bad, width), "warn" if any(bad) else "dim")),
        ]


def _fact(name: str, words: str, tone: str = "") -> Line:
    return ((f"{name:<12}", "dim"), (words, tone))


def _long(seconds: int) -> str:
    if seconds < 7200:
        return "hour" if seconds == 3600 else f"{seconds // 60} min"
    return "day" if seconds == 86400 else f"{seconds // 3600} h"

"""A plot of bars side by side, one a run: drawn by plotext in blocks or in ASCII, never in Braille dots."""

from collections.abc import Sequence
from typing import Any

from rich.color import Color
from rich.text import Text
from textual.widget import Widget

from ..signs import ascii_only
from .painted import app_of, on_width

Series = tuple[str, list[float]]
"""A tone and the values, oldest first."""


class Plot(Widget):
    """Bars of some series over the last runs; a sentence while there are none."""

    DEFAULT_CSS = "Plot { height: 1fr; width: 1fr; }"

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._series: Sequence[Series] = ()

    def put(self, series: Sequence[Series]) -> None:
        """Show these."""
        if series != self._series:
            self._series = series
            self.refresh()

    def on_mount(self) -> None:
        on_width(self, self._again)

    def _again(self) -> None:
        self.refresh()

    def render(self) -> Text:
        width, height = self.size.width, self.size.height
        longest = max((len(values) for _, values in self._series), default=0)
        if not longest or width < 12 or height < 4:
            return Text("No run yet.", style=app_of(self).tone("dim"))
        return self._drawn(width, height, longest)

    def _drawn(self, width: int, height: int, longest: int) -> Text:
        # plotext is loaded with the first plot; a figure of one's own for each drawing, since its state is global.
        from textual_plotext.plot import Plot as Figure

        app = app_of(self)
        top = max(max(values, default=0.0) for _, values in self._series) or 1.0
        label = len(_short(top)) + 1
        # Two cells a run, so that all bars are equally wide; what is older than there is room for is left out.
        shown = max(1, min(longest, (width - label + 1) // 2))
        figure: Any = Figure()
        figure.plotsize(2 * shown - 1 + label, height)
        figure.clear_color()
        figure.frame(False)
        figure.grid(False, False)
        for tone, values in self._series:
            bars = [(place, value) for place, value in enumerate(values[-shown:], 1) if value > 0]
            if bars:
                # Told apart by their sign too, not by colour alone.
                sign = ("x" if app.ascii else "▓") if tone == "bad" else ("#" if app.ascii else "█")
                places, heights = zip(*bars, strict=True)
                figure.bar(list(places), list(heights), marker=sign, color=self._colour(tone), width=0.01)
        figure.xlim(1, max(2, shown))
        figure.ylim(0, top)
        figure.yticks([0, top], ["0 ", f"{_short(top)} "])
        figure.xticks([])
        drawn = Text.from_ansi(str(figure.build()), no_wrap=True)
        return Text(ascii_only(drawn.plain), no_wrap=True) if app.ascii else drawn

    def _colour(self, tone: str) -> tuple[int, int, int]:
        colour = app_of(self).tone(tone).color or Color.parse("white")
        red, green, blue = colour.get_truecolor()
        return red, green, blue


def _short(value: float) -> str:
    if value >= 10_000:
        return f"{value / 1000:,.0f}k"
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"

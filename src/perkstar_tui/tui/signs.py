"""Signs, words and tones: how a state, a time, a share or a name looks in a line. Pure functions, no widgets.

A `Line` is a row of (text, tone) pieces; tones become colours only when drawn, so the same line serves dark,
light, 16 colours and none. Everything that came from outside goes through `clean` first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, set_cell_size

from perkstar_tui.model.normal import plain

if TYPE_CHECKING:
    from perkstar_tui.hub.views import IntegrationView

Piece = tuple[str, str]
Line = tuple[Piece, ...]

TONES: Final[dict[str, str]] = {
    "": "$foreground",
    "dim": "$quiet",
    "strong": "bold $foreground",
    "title": "bold $primary",
    "good": "$success",
    "warn": "$warning",
    "bad": "bold $error",
    "info": "$primary",
    "accent": "$accent",
    "key": "bold $accent",
    "rule": "$edge",
    "here": "bold $background on $primary",
}
"""Tone to style; the names after `$` are variables of the two themes."""

STATUS: Final[dict[str, tuple[str, str, str]]] = {
    "active": ("●", "Active", "good"),
    "error": ("▲", "Error", "bad"),
    "paused": ("‖", "Paused", "dim"),
    "reconnect_required": ("↻", "Reconnect Required", "warn"),
    "draft": ("○", "Draft", "dim"),
    "disconnected": ("×", "Disconnected", "dim"),
}

_ASCII = str.maketrans(
    {
        **dict(zip("●▲‖↻○×⟳▸›✓·–—█░•…─⇄→←▁▂▃▄▅▆▇‹★", "*!=@ox~>>+-|-#.*~-=><_.,:-=+<*", strict=False)),
        "–": "-",
        "−": "-",
        "·": "-",
        "’": "'",
        "↑": "^",
        "↓": "v",
        "≠": "#",
        "▓": "x",
    }
)
_BLOCKS = "▁▂▃▄▅▆▇█"


def ascii_only(text: str) -> str:
    """The text with every sign of ours in its ASCII stand-in, cell for cell."""
    return text.translate(_ASCII)


def clean(text: object) -> str:
    """Text from outside, made safe to show: no control characters, escapes or direction overrides."""
    return plain(str(text)) if text is not None else ""


def cut(text: str, width: int) -> str:
    """The text in exactly `width` cells, with an ellipsis when something had to go."""
    if width <= 0:
        return ""
    if cell_len(text) <= width:
        return text + " " * (width - cell_len(text))
    return set_cell_size(set_cell_size(text, width - 1) + "…", width)


def fit(line: Sequence[Piece], width: int, *, right: bool = False) -> Line:
    """The line in exactly `width` cells."""
    total = sum(cell_len(text) for text, _ in line)
    if total <= width:
        # The room takes the look of what stands beside it, so that both are drawn as one.
        pad = (" " * (width - total), line[-1][1] if line else "")
        return (pad, *line) if right else (*line, pad)
    out: list[Piece] = []
    left = width
    for text, tone in line:
        size = cell_len(text)
        if size >= left:
            out.append((cut(text, left) if size > left or text != line[-1][0] else text, tone))
            break
        out.append((text, tone))
        left -= size
    return tuple(out)


def between(left: Sequence[Piece], right: Sequence[Piece], width: int, fill: str = " ") -> Line:
    """`left` and `right` at the two ends of `width` cells; `left` is cut first."""
    room = width - sum(cell_len(text) for text, _ in right)
    used = sum(cell_len(text) for text, _ in left)
    if used > room - 1:
        return (*fit(left, max(0, room - 1)), (" ", ""), *right)
    return (*left, (fill * (room - used), "rule" if fill != " " else ""), *right)


def only_told(view: IntegrationView) -> bool:
    """Whether it is an endpoint of one's own that gives nothing: what counts there are deliveries, not records."""
    return view.kind == "webhook" and view.direction == "to-platform"


def status(view: IntegrationView, *, short: bool = False) -> Line:
    """Glyph, word and colour of a status, with what goes on beside it (never instead of it)."""
    glyph, word, tone = STATUS.get(view.status, ("?", view.status.replace("_", " ").title(), ""))
    line: list[Piece] = [(f"{glyph} {word}", tone)]
    held, failed = ("given up", "not taken") if only_told(view) else ("held", "rejected")
    if view.running:
        line.append((f"  ⟳ {progress(view, short=short)}", "info"))
    elif view.status == "error" and view.counts.failed and not short:
        line.append((f"  {view.counts.failed} {failed}", "dim"))
    elif view.status == "active" and view.counts.failed:
        line.append((f"  {view.counts.failed}" + ("" if short else f" {failed}"), "bad"))
    elif view.status == "active" and view.counts.held and not short:
        line.append((f"  {view.counts.held} {held}", "warn"))
    elif view.status == "paused" and view.paused_by and not short:
        line.append((f"  by {clean(view.paused_by)}", "dim"))
    return tuple(line)


def progress(view: IntegrationView, *, short: bool = False) -> str:
    """How far a run is: a count of a total, or a share when there is little room."""
    done, total = view.progress_done, view.progress_total
    if done is None:
        return "running"
    if not total:
        return f"{done:,}"
    return f"{min(100, done * 100 // total)}%" if short else f"{done:,}/{total:,}"


def health(view: IntegrationView, *, blocks: bool = True) -> Line:
    """The score with four blocks, each a quarter of it."""
    if view.status in ("paused", "draft", "disconnected"):
        return (("–", "dim"),)
    score = view.health.score
    tone = "good" if score >= 80 else "warn" if score >= 50 else "bad"
    full = round(score / 25)
    bar = " " + "▇" * full + "▁" * (4 - full) if blocks else ""
    return ((f"{score:>2}{bar}", tone),)


def spark(values: Iterable[int], width: int) -> str:
    """A row of blocks, the last `width` values, as high as the largest of them."""
    last = list(values)[-width:]
    top = max(last, default=0) or 1
    return "".join(_BLOCKS[min(7, (value * 7 + top - 1) // top if value else 0)] for value in last)


def bar(used: int, allowed: int | None, width: int) -> Line:
    """A bar of `width` cells; nothing is filled where there is no limit."""
    filled = 0 if not allowed else min(width, round(width * used / allowed))
    tone = "info" if not allowed or used < allowed else "warn"
    return (("█" * filled, tone), ("░" * (width - filled), "rule"))


def _span(seconds: float, *, short: bool) -> str:
    steps = ((60, "s", "s"), (3600, "min", "min"), (172800, "h", "h"), (float("inf"), "days", "d"))
    sizes = (1, 60, 3600, 86400)
    for (limit, word, brief), size in zip(steps, sizes, strict=True):
        if seconds < limit:
            return f"{int(seconds // size)} {brief if short else word}"
    return ""


def ago(moment: datetime | None, now: datetime, *, short: bool = False) -> str:
    """How long ago, in words; a dash when never."""
    if moment is None:
        return "–"
    seconds = max(0.0, (now - moment).total_seconds())
    return _span(seconds, short=short) + ("" if short else " ago")


def how_long(moment: datetime, now: datetime) -> str:
    """For how long something has been so."""
    return f"for {_span(max(0.0, (now - moment).total_seconds()), short=False)}"


def until(moment: datetime | None, now: datetime) -> str:
    """How long until, in words; a dash when not planned."""
    if moment is None:
        return "–"
    seconds = (moment - now).total_seconds()
    return "now" if seconds <= 0 else f"in {_span(seconds, short=False)}"


def lasting(span: timedelta) -> str:
    """A duration, as exact as it is short."""
    seconds = span.total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60):02} s"


def local(moment: datetime, zone: str) -> datetime:
    """The moment on the account's own clock."""
    # Loaded with the first moment to show: the frame stands before that.
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return moment.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        return moment


def day(moment: datetime | None, zone: str, *, year: bool = True) -> str:
    """A date such as 12 Mar 2026."""
    return "–" if moment is None else local(moment, zone).strftime("%d %b %Y" if year else "%d %b")


def sort_of(text: str | None) -> tuple[str, bool] | None:
    """A sort as it is remembered, `name down`: the column, and whether downwards."""
    key, _, way = (text or "").partition(" ")
    return (key, way == "down") if key else None


def short_id(id_: str, *, tail: int = 4, head: int = 8) -> str:
    """An id cut in its middle, since its end tells ids apart."""
    return id_ if len(id_) <= head + tail + 1 else f"{id_[:head]}…{id_[-tail:]}"


def arrow(direction: str) -> str:
    """Which way data travels between Perkstar (left) and the platform (right)."""
    return {"both": "⇄", "to-platform": "→", "to-perkstar": "←"}.get(direction, "?")


DIRECTIONS: Final[dict[str, str]] = {
    "both": "both ways",
    "to-platform": "Perkstar to platform",
    "to-perkstar": "platform to Perkstar",
}

"""Why is my data not there? The guided check as a sheet to read: the conclusion first, then each step."""

from collections.abc import Callable

from perkstar_tui.hub.waiting import WhyView

from ..signs import Line, Piece, clean
from .reading import ReadingSheet

TITLE = "Why is my data not there?"
_SIGNS: dict[bool | None, Piece] = {True: ("✓ ", "good"), False: ("▲ ", "bad"), None: ("· ", "dim")}


def why_sheet(ask: Callable[[], WhyView], about: str) -> ReadingSheet:
    """The check of a record or an integration; it asks the platform, so it may take a moment."""
    return ReadingSheet(f"{TITLE} {about}".strip(), "Looking, and asking the platform …", ask, why_lines)


def why_lines(view: WhyView) -> list[Line]:
    """The conclusion with what mends it, and what each step found."""
    tone = "good" if view.cause == "none" else "bad"
    lines: list[Line] = [((clean(view.conclusion), tone),)]
    if view.remedy:
        key: Line = (("  ", ""), (view.key, "key")) if view.key else ()
        lines.append(((clean(view.remedy), ""), *key))
    if view.command:
        lines.append(((clean(view.command), "dim"),))
    lines.append(())
    for step in view.steps:
        lines.append((_SIGNS[step.ok], (clean(step.title), "strong")))
        lines.append((("  ", ""), (clean(step.finding), "" if step.ok is False else "dim")))
        if step.ok is False and step.command and step.command != view.command:
            lines.append((("  ", ""), (clean(step.command), "dim")))
    return lines

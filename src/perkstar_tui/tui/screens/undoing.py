"""Taking a run back on the screen: what would go back, what stays and why, and which way; then it is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from perkstar_tui.hub import views as v

from ..signs import Line, clean
from ..widgets.picker import Option
from .sheets import ImpactSheet

if TYPE_CHECKING:
    from ..app import PerkstarApp

LINES = 12
"""Lines of each kind that the sheet names; the command shows all."""


def undo_run(program: PerkstarApp, run_id: str) -> None:
    """Ask what the undo of a run would do, show it, and do it when that is wanted."""
    if program.refused():
        return
    hub = program.hub

    async def asking() -> None:
        view = await program.attempt(lambda: hub.undo_run(run_id, dry_run=True))
        if view is None:
            return

        def taken(way: str | None) -> None:
            if way is not None:
                how = {"outward": way == "outward", "archive_created": way == "archive"}
                program.act(lambda: hub.undo_run(run_id, **how), done)

        program.push_screen(
            ImpactSheet(
                _impact(view),
                "Take the run back",
                safe=True,
                more=_ways(view),
                heads=("Goes back", "Stays, each with its reason"),
            ),
            taken,
        )

    program.begin(asking)


def done(view: v.UndoView) -> str:
    """What was taken back, in one sentence with the way back."""
    counts = view.counts
    stays = counts["stays"]
    said = f"Taken back: {what(counts) or 'nothing here'}"
    said += f"; {stays:,} stay{'s' if stays == 1 else ''}." if stays else "."
    return said + " It stands in the list as a run of its own: z on it takes it back in turn."


def what(counts: Mapping[str, int]) -> str:
    """Numbers of fields, customers and sales as a person says them; what is nothing is left out."""
    parts = [f"{number:,} {word}" for word, number in _words(counts) if number]
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def _words(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    names = ("fields", "customers", "sales")
    return [(name[:-1] if counts[name] == 1 else name, counts[name]) for name in names]


def _ways(view: v.UndoView) -> list[Option]:
    """More than what changed here: what was sent, and what was created there."""
    sent = sum(not line.what.startswith("created at ") for line in view.outward)
    ways = []
    if sent:
        ways.append(Option("outward", "… and what it sent", "the next sync sends the values before"))
    if view.archives and len(view.outward) > sent:
        ways.append(Option("archive", "… and what it created", "archived there"))
    return ways


def _impact(view: v.UndoView) -> v.ImpactView:
    def said(line: v.UndoLine) -> str:
        values = f": {_value(line.before)} → {_value(line.after)}" if line.what != "put away" else ""
        return (
            f"{line.name or line.record}, {line.what}{values}. {line.reason or line.then}".rstrip(". ") + "."
        )

    def cut(lines: tuple[v.UndoLine, ...], total: int, word: str) -> list[str]:
        named = [said(line) for line in lines[:LINES]]
        more = total - len(named)
        return [*named, f"… and {more:,} more {word}"] if more > 0 else named

    counts = view.counts
    back = counts["fields"] + counts["customers"] + counts["sales"]
    stays = cut(view.stays, counts["stays"], "that stay")
    stays += cut(view.outward, counts["outward"], f"at {view.name}")
    return v.ImpactView(
        f"Take this run of {view.name} back?",
        tuple(cut(view.back, back, "that go back")) or ("Nothing goes back here.",),
        (*stays, *view.notes),
        (
            *((word, n) for word, n in _words(counts)),
            ("stays" if counts["stays"] == 1 else "stay", counts["stays"]),
            (f"at {view.name}", counts["outward"]),
        ),
        "the undo is a run of its own, and can be undone in turn.",
    )


def change_lines(page: v.PageOf, run_id: str) -> list[Line]:
    """Every record that a run changed, each field before and after."""
    if not page.total:
        return []
    lines: list[Line] = [(), (("Changes", "title"), (f"   {page.total:,} records", "dim"))]
    for row in page.items:
        where = {"perkstar": "here", "platform": "there", "cloud": "in the cloud"}.get(row.side, row.side)
        points = f"   {row.points:+,} points" if row.points else ""
        sign = "+" if row.act == "created" else "−" if row.act == "archived" else "~"
        lines.append(
            (
                (f"  {sign} ", "good" if sign == "+" else "info"),
                (clean(row.name or row.record), "strong"),
                (f"  {row.act} {where}{points}", "dim"),
            )
        )
        for name, before, after in row.fields:
            first = "?" if before is None and not row.known else _value(before)
            lines.append(
                (
                    (f"      {clean(name):<18}", "dim"),
                    (clean(first), "dim"),
                    (" → ", "dim"),
                    (clean(_value(after)), ""),
                )
            )
    if page.total > len(page.items):
        more = page.total - len(page.items)
        lines.append(((f"  … and {more:,} more: perkstar run {clean(run_id)} --changes", "dim"),))
    return lines


def _value(value: Any) -> str:
    return "–" if value in (None, "") else str(value)

"""Sheets to read: something is asked for in a thread, and shown when it has come."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll

from perkstar_tui.hub import views as v
from perkstar_tui.hub.door import HubDoor

from ..signs import Line, Piece, clean, lasting, local
from ..widgets.marked import marked
from ..widgets.painted import Painted
from .base import Sheet


class ReadingSheet(Sheet[None]):
    """Waits with a sentence, then shows lines; arrows scroll."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("q", "close", "close"),
        ("j,down", "scroll(1)", "down"),
        ("k,up", "scroll(-1)", "up"),
        ("pagedown,space", "scroll(10)", "page down"),
        ("pageup", "scroll(-10)", "page up"),
        ("g,home", "scroll(-100000)", "top"),
        ("G,end", "scroll(100000)", "end"),
    ]

    def __init__(
        self, title: str, waiting: str, ask: Callable[[], Any], lines: Callable[[Any], Sequence[Line]]
    ) -> None:
        super().__init__()
        self._title, self._waiting, self._ask, self._make = title, waiting, ask, lines

    def compose(self) -> ComposeResult:
        with Vertical(id="sheet", classes="reading") as box:
            box.border_title = clean(self._title)
            with VerticalScroll(id="text", can_focus=False):
                yield Painted(((self._waiting, "dim"),), id="read")
            yield Painted(
                (("↑ ↓", "key"), (" scroll   ", "dim"), ("Esc", "key"), (" back", "dim")), classes="foot"
            )

    def on_mount(self) -> None:
        super().on_mount()
        self.program.begin(self._reading, on=self)

    async def _reading(self) -> None:
        from ..app import error_sentence

        try:
            answer = await self.program.ask(self._ask)
        except Exception as error:
            lines: Sequence[Line] = [(("▲ ", "bad"), (clean(error_sentence(error)), ""))]
        else:
            lines = self._make(answer)
        self.query_one("#read", Painted).paint(*lines)

    def action_scroll(self, rows: int) -> None:
        self.query_one("#text").scroll_relative(y=rows, animate=False)


def guide_sheet(ask: Callable[[], v.Guide], title: str) -> ReadingSheet:
    """A platform's guide."""
    return ReadingSheet(title, "Reading the guide …", ask, lambda guide: marked(guide.text))


def planned_lines(item: v.CatalogItem) -> list[Line]:
    """What there is to say of a platform that is planned."""
    return [
        ((clean(item.title), "title"),),
        (),
        ((f"{clean(item.title)} is planned and not available yet.", ""),),
        ((clean(item.notes), "dim"),),
    ]


def test_sheet(view: v.IntegrationView, ask: Callable[[], v.TestView]) -> ReadingSheet:
    """Tests the connection, step by step."""
    title = f"Test of {view.name}"
    return ReadingSheet(title, f"Asking {clean(view.platform_title or view.platform)} …", ask, test_lines)


def test_lines(test: v.TestView) -> list[Line]:
    """What each step said, and what mends the one that failed."""
    lines: list[Line] = []
    for step in test.steps:
        sign: Piece = ("✓ ", "good") if step.ok else ("▲ ", "bad")
        lines.append((sign, (f"{clean(step.name):<20}", "strong"), (clean(step.message), "")))
        if step.remedy:
            lines.append((("  " + " " * 20, ""), (clean(step.remedy), "accent")))
    word: Line = (
        (("The connection works.", "good"),) if test.ok else (("The connection does not work.", "bad"),)
    )
    return [*lines, (), word]


def legs(leg: v.LegCounts) -> Line:
    """The counts of one direction; what is nothing is left quiet."""
    pieces: list[Piece] = []
    for word in ("read", "created", "updated", "unchanged", "excluded", "held", "failed"):
        number = getattr(leg, word)
        tone = "dim" if not number else "bad" if word == "failed" else "warn" if word == "held" else ""
        pieces.append((f"{number:>8,} {word} ", tone))
    return tuple(pieces)


CHANGES = 200
"""Records of a run that its sheet names."""


def run_sheet(hub: HubDoor, run_id: str, zone: str) -> ReadingSheet:
    """One run in full, with what it changed."""
    from .undoing import change_lines

    def lines(found: tuple[v.RunView, v.PageOf]) -> list[Line]:
        run, changes = found
        return [*run_lines(run, zone), *change_lines(changes, run.id)]

    def ask() -> tuple[v.RunView, v.PageOf]:
        return hub.run(run_id), hub.run_changes(run_id, limit=CHANGES)

    return ReadingSheet("Sync run", "Reading the run …", ask, lines)


def run_lines(run: v.RunView, zone: str) -> list[Line]:
    """Everything a run counted."""

    def line(name: str, *pieces: Piece) -> Line:
        return ((f"{name:<16}", "dim"), *pieces)

    took = lasting(run.ended - run.started) if run.ended else "still running"
    lines = [
        line("Run", (clean(run.id), "")),
        line(
            "Started",
            (f"{local(run.started, zone):%d %b %Y %H:%M:%S}", ""),
            (f"   by {run.trigger.replace('_', ' ')}", "dim"),
        ),
        line("Took", (took, "")),
        line("Outcome", outcome(run)),
    ]
    if run.undoes:
        lines.append(line("Took back", (clean(run.undoes), "")))
    if run.undone_by:
        lines.append(line("Taken back by", (clean(run.undone_by), "warn")))
    if run.plan:
        lines.append(line("Plan", (clean(run.plan), ""), (f"   {len(run.skipped):,} skipped", "dim")))
        for one in run.skipped[:20]:
            name = clean(one.get("name") or one["record"])
            lines.append(line("", (name, "strong"), (f"  {clean(one['reason'])}", "warn")))
    if run.full_compare:
        lines.append(line("Full compare", (compared(run.full_compare), "")))
    lines.append(())
    sides: list[tuple[str, v.LegCounts]] = [("To Perkstar", run.inward), ("To platform", run.outward)]
    sides += [(f"Cloud {side}", counts) for side, counts in (run.cloud or {}).items()]
    for name, counts in sides:
        lines.append(((name, "title"),))
        for word in ("read", "created", "updated", "unchanged", "excluded", "held", "failed"):
            number = getattr(counts, word)
            if number or word in ("read", "created", "updated"):
                tone = "bad" if word == "failed" and number else "warn" if word == "held" and number else ""
                lines.append(((f"  {word:<14}", "dim"), (f"{number:>10,}", tone)))
    lines += [
        (),
        line("Calls", (f"{run.api_calls:,}", "")),
        line("Received", (f"{run.bytes / 1024:,.0f} kB", "")),
        line("Waited", (f"{run.throttled_ms / 1000:.1f} s for the rate limit", "")),
    ]
    if run.error:
        message = run.error.get("message", "")
        remedy = run.error.get("remedy", "")
        lines += [(), (("▲ ", "bad"), (clean(message), "")), (("  ", ""), (clean(remedy), "accent"))]
    return lines


def compared(found: Mapping[str, Any]) -> str:
    """What a full compare came to, in words."""
    missed = f"{found['missed']:,} had been missed" if found["missed"] else "none had been missed"
    return f"{found['looked_at']:,} looked at once more, {missed if found['done'] else 'and not finished'}"


_OUTCOMES = {
    "running": ("⟳ running", "info"),
    "succeeded": ("● succeeded", "good"),
    "partly": ("▲ partly", "warn"),
    "failed": ("▲ failed", "bad"),
    "interrupted": ("‖ interrupted", "dim"),
}


def outcome(run: v.RunView) -> Piece:
    """Sign, word and colour of how a run ended."""
    return _OUTCOMES.get(run.outcome, (clean(run.outcome), ""))


def code_lines(codes: Sequence[v.CodeView]) -> list[Line]:
    """Every error code with its meaning, what the program does, and what a person can do."""
    lines: list[Line] = []
    for code in codes:
        lines += [
            ((code.code, "title"),),
            (("  ", ""), (code.meaning, "")),
            (("  The program: ", "dim"), (code.policy, "dim")),
            (("  You: ", "dim"), (code.remedy, "accent")),
            (),
        ]
    return lines[:-1]


def doctor_lines(found: tuple[v.DoctorView, dict[str, str]]) -> list[Line]:
    """Each check with its remedy, then the paths."""
    doctor, paths = found
    lines: list[Line] = []
    for check in doctor.checks:
        sign: Piece = ("✓ ", "good") if check.ok else ("▲ ", "bad")
        lines.append((sign, (f"{clean(check.name):<16}", "strong"), (clean(check.message), "")))
        if check.remedy:
            lines.append((("  " + " " * 16, ""), (clean(check.remedy), "accent")))
    return [
        *lines,
        (),
        *(((f"  {clean(name):<16}", "dim"), (clean(path), "")) for name, path in paths.items()),
    ]

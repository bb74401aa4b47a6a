"""Sheets that ask: choose one, choose several, give a text, look at the effects of an act before it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Input

from ..signs import Line, clean
from ..widgets.painted import Painted
from ..widgets.picker import Option, Picker
from ..widgets.table import Table
from .base import Sheet, still_input

if TYPE_CHECKING:
    from perkstar_tui.hub.views import ImpactView

LEAVE = (("Esc", "key"), (" leaves it as it is", "dim"))


class ChooseSheet(Sheet[str]):
    """One of a few; answers its value, or None."""

    def __init__(self, title: str, options: Sequence[Option], at: str = "", about: str = "") -> None:
        super().__init__()
        self._title, self._options, self._at, self._about = title, options, at, about

    def compose(self) -> ComposeResult:
        with Vertical(id="sheet") as box:
            box.border_title = clean(self._title)
            if self._about:
                yield Painted(((clean(self._about), ""),), classes="para")
            yield Picker(self._options, at=self._at)
            yield Painted((("Enter", "key"), (" takes it   ", "dim"), *LEAVE), classes="foot")

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        self.dismiss(event.row_id)


class SeveralSheet(Sheet[frozenset[str]]):
    """Some of a few, by Space; answers them all."""

    BINDINGS: ClassVar[list[BindingType]] = [("space", "take", "take or leave")]

    def __init__(self, title: str, options: Sequence[Option], chosen: frozenset[str]) -> None:
        super().__init__()
        self._title, self._options, self._chosen = title, options, chosen

    def compose(self) -> ComposeResult:
        with Vertical(id="sheet") as box:
            box.border_title = clean(self._title)
            # One cell more, so that the tick stands free of the word.
            yield Picker([option._replace(label=f" {option.label}") for option in self._options])
            yield Painted(
                (
                    ("Space", "key"),
                    (" takes or leaves one   ", "dim"),
                    ("Enter", "key"),
                    (" done   ", "dim"),
                    *LEAVE,
                ),
                classes="foot",
            )

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(Picker).mark(self._chosen)

    def action_take(self) -> None:
        picker = self.query_one(Picker)
        picker.mark(picker.marked ^ {picker.cursor_id})

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        self.dismiss(self.query_one(Picker).marked)


class TextSheet(Sheet[str]):
    """One text; Enter gives it."""

    def __init__(
        self,
        title: str,
        value: str = "",
        *,
        help: str = "",
        secret: bool = False,
        check: Callable[[str], str] | None = None,
        wrong: str = "",
        give: Callable[[str, Callable[[], None], Callable[[str], None]], None] | None = None,
    ) -> None:
        """`give` does what the text is for, with the text, what to call when it is done, and what to call with what is
        wrong with it: that then stands under the field, as `wrong` does from the start, and the text can be mended.
        """
        super().__init__()
        self._title, self._value, self._help, self._secret, self._check = title, value, help, secret, check
        self._give, self._wrong = give, wrong

    def compose(self) -> ComposeResult:
        with Vertical(id="sheet") as box:
            box.border_title = clean(self._title)
            if self._help:
                yield Painted(((clean(self._help), "dim"),), classes="para")
            yield still_input(value=self._value, password=self._secret, compact=True)
            yield Painted(((clean(self._wrong), "bad"),), id="wrong")
            yield Painted((("Enter", "key"), (" takes it   ", "dim"), *LEAVE), classes="foot")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        wrong = self._check(event.value) if self._check else ""
        if wrong:
            self._say(wrong)
        elif self._give is not None:
            self._give(event.value, self.action_close, self._say)
        else:
            self.dismiss(event.value)

    def _say(self, wrong: str) -> None:
        if self.is_attached:
            self.query_one("#wrong", Painted).paint(((clean(wrong), "bad"),))


class FilterSheet(Sheet[dict[str, str]]):
    """Several filters at once: Enter or the arrows change the one at the cursor, Esc shows what they leave."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("right", "step(1)", "next"),
        ("left", "step(-1)", "before"),
        ("f", "close", "done"),
    ]

    def __init__(
        self,
        title: str,
        filters: Sequence[tuple[str, str, Sequence[tuple[str, str]]]],
        present: Mapping[str, str],
    ) -> None:
        super().__init__()
        self._title, self._filters, self._present = title, filters, dict(present)

    def compose(self) -> ComposeResult:
        with Vertical(id="sheet") as box:
            box.border_title = clean(self._title)
            yield Picker(self._options())
            yield Painted(
                (
                    ("← →", "key"),
                    (" or ", "dim"),
                    ("Enter", "key"),
                    (" change it   ", "dim"),
                    ("Esc", "key"),
                    (" done", "dim"),
                ),
                classes="foot",
            )

    def _options(self) -> list[Option]:
        out = []
        for key, label, values in self._filters:
            word = dict(values).get(self._present.get(key, ""), "any")
            out.append(Option(key, label, f"‹ {word} ›"))
        return out

    def action_step(self, step: int) -> None:
        picker = self.query_one(Picker)
        key, _, values = next(f for f in self._filters if f[0] == picker.cursor_id)
        names = [value for value, _ in values]
        at = names.index(self._present.get(key, "")) if self._present.get(key, "") in names else 0
        self._present[key] = names[(at + step) % len(names)]
        picker.offer(self._options())

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        self.action_step(1)

    def action_close(self) -> None:
        self.dismiss(self._present)


class ImpactSheet(Sheet[str]):
    """What an act would do, said before: what stops, what stays, how many, and the way back.

    With `name` the act waits until that is typed, and Ctrl+O writes an export first; with `safe` the cursor begins on
    leaving it. `more` are other ways to do it; `heads` stand above what stops and what stays. Answers the reason given
    (maybe empty), a way of `more`, or None when it was left.
    """

    BINDINGS: ClassVar[list[BindingType]] = [("ctrl+o", "export", "export first")]

    def __init__(
        self,
        impact: ImpactView,
        verb: str,
        *,
        name: str = "",
        safe: bool = False,
        reason: bool = False,
        names: Sequence[str] = (),
        more: Sequence[Option] = (),
        heads: tuple[str, str] = ("", ""),
    ) -> None:
        super().__init__()
        self._heads = heads
        self._more = list(more)
        self._impact, self._verb, self._wanted = impact, verb, name
        self._safe, self._reason, self._names = safe, reason, names

    def compose(self) -> ComposeResult:
        impact = self._impact
        with Vertical(id="sheet", classes="-danger" if self._wanted else "") as box:
            box.border_title = clean(impact.title)
            with VerticalScroll(id="effects", can_focus=False):
                yield Painted(*self._lines())
            if self._wanted:
                yield Painted(
                    (("Type ", ""), (clean(self._wanted), "strong"), (f" to {self._verb.lower()}:", "")),
                    classes="ask",
                )
                yield still_input(id="typed", compact=True)
            if self._reason:
                yield Painted((("Why, for whoever asks later (may be empty):", "dim"),), classes="ask")
                yield still_input(id="reason", compact=True)
            yield Painted(id="wrong")
            if self._wanted:
                yield Painted(
                    (
                        ("Enter", "key"),
                        (" once it is typed   ", "dim"),
                        ("Ctrl+O", "key"),
                        (" exports customers first   ", "dim"),
                        *LEAVE,
                    ),
                    classes="foot",
                )
            else:
                go = Option("go", self._verb)
                stay = Option("stay", "Leave it as it is")
                yield Picker([stay, go, *self._more] if self._safe else [go, *self._more, stay])
                yield Painted((("Enter", "key"), (" takes the line   ", "dim"), *LEAVE), classes="foot")

    def _lines(self) -> list[Line]:
        impact = self._impact
        lines: list[Line] = []
        if self._names:
            lines += [((", ".join(clean(name) for name in self._names), "strong"),), ()]
        for head, sign, texts in zip(
            self._heads, (("− ", "warn"), ("+ ", "good")), (impact.stops, impact.stays), strict=True
        ):
            if head and texts:
                lines.append(((head, "title"),))
            lines += [(sign, (clean(text), "")) for text in texts]
        numbers = "   ".join(f"{number:,} {word}" for word, number in impact.counts)
        # Headings take the lines that keep lists without them apart.
        apart: list[Line] = [] if any(self._heads) else [()]
        lines += [*apart, ((numbers, "strong"),)] if numbers else []
        return [*lines, *apart, (("Way back: ", "dim"), (clean(impact.back), ""))]

    def action_export(self) -> None:
        """Write every customer to a file; the sheet stays, and says where it lies."""
        if not self._wanted:
            return

        async def writing() -> None:
            done = await self.program.attempt(self.program.hub.export_to)
            if done is not None and self.is_mounted:
                words = f"{done.customers:,} customers written to {clean(done.file)}"
                self.query_one("#wrong", Painted).paint(((words, "good"),))

        self.program.begin(writing)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        typed = self.query_one("#typed", Input).value.strip()
        if typed != clean(self._wanted).strip():
            self.query_one("#wrong", Painted).paint(((f"That is not {clean(self._wanted)}.", "bad"),))
            self.query_one("#typed", Input).focus()
            return
        found = self.query("#reason").results(Input)
        self.dismiss(next((field.value.strip() for field in found), ""))

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        ways = {"go": "", **{way.value: way.value for way in self._more}}
        self.dismiss(ways.get(event.row_id))


def merged_impact(title: str, impacts: Sequence[ImpactView]) -> ImpactView:
    """One impact for the same act on several."""
    counts: dict[str, int] = {}
    for impact in impacts:
        for word, number in impact.counts:
            counts[word] = counts.get(word, 0) + number
    first = impacts[0]
    return replace(first, title=title, counts=tuple(counts.items()))

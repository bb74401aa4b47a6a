"""Duplicates: pairs that may be one person, the likeliest first; that at the cursor side by side, with the reasons."""

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll

from perkstar_tui.hub import views as v

from ..keys import Key, bindings
from ..signs import Line, Piece, clean, short_id
from ..widgets.painted import Ends, Painted, Panel
from ..widgets.picker import Option, Picker
from ..widgets.table import Column, PagedTable, Row, Table
from .base import PerkScreen, Sheet
from .record import RecordScreen
from .sheets import LEAVE, ChooseSheet

COLUMNS = (
    Column("score", "Alike", 6, right=True),
    Column("one", "One", 18, share=2),
    Column("other", "The other", 18, share=2),
    Column("where", "Where", 14, share=1, leaves=1),
    Column("why", "Why", 20, share=4),
)
STATES = {"open": "to be looked at", "dismissed": "two people", "merged": "merged"}
NONE = {
    "open": "Nobody is here twice, as far as is known. * looks through everybody again.",
    "dismissed": "No pair was said to be two people.",
    "merged": "No pair was merged.",
}


class DuplicatesScreen(PerkScreen[None]):
    """`Enter` merges, after a sheet that says what it does; `-` says that they are two; `z` takes the last act back."""

    PLACE = "duplicates"
    BINDINGS: ClassVar[list[BindingType]] = bindings("duplicates")

    def __init__(self) -> None:
        super().__init__()
        self._state = "open"
        self._asked = ""

    # -- keys
    def allows(self, action: str) -> bool:
        pair = self.pair()
        if action == "two_people":
            return pair is not None and not pair.held and pair.state != "merged"
        if action == "open":
            return pair is not None and (pair.state == "merged" or _can_merge(pair))
        if action == "open_record":
            return pair is not None
        if action == "undo":
            return bool(self.program.undoing)
        return True

    def offers(self, key: Key) -> bool:
        return super().offers(key) or key.id == "undo"

    def label_of(self, key: Key) -> str:
        pair = self.pair()
        if key.id == "open":
            return "undo the merge" if pair is not None and pair.state == "merged" else "merge"
        if key.id == "two_people" and pair is not None and pair.state == "dismissed":
            return "show again"
        return super().label_of(key)

    # -- what is shown
    def compose_body(self) -> ComposeResult:
        yield Ends(id="top")
        yield Painted(id="said")
        with Panel("Pairs", id="pairs"):
            yield PagedTable(COLUMNS, self._row, empty="Looking …", id="pair-table")
        with Panel("Side by side", id="both"):
            yield Table(
                (
                    Column("field", "", 16),
                    Column("a", "One", 24, share=1),
                    Column("b", "The other", 24, share=1),
                ),
                id="both-table",
                header=False,
            )

    @property
    def table(self) -> PagedTable:
        return self.query_one("#pair-table", PagedTable)

    def on_mount(self) -> None:
        super().on_mount()
        self.table.focus()

    async def load(self) -> None:
        hub, state = self.program.hub, self._state
        self.table.empty = NONE[state]
        self.table.read_from(
            lambda at, most: hub.duplicates(state=state, offset=at, limit=most), keep=state == self._asked
        )
        self._asked = state
        self._draw()

    def _row(self, item: object) -> Row:
        assert isinstance(item, v.DuplicateView)
        tone = "bad" if item.verdict == "same" else "warn"
        where = clean(item.integration_name) or "Perkstar"
        return Row(
            item.id,
            (
                ((f"{item.score}", tone),),
                ((clean(item.a.name), ""),),
                ((clean(item.b.name), ""),),
                ((where, "dim"),),
                ((clean(", ".join(item.why)), "dim"),),
            ),
        )

    def pair(self) -> v.DuplicateView | None:
        """The pair at the cursor."""
        if not self.is_mounted:
            return None
        item = self.table.item(self.table.cursor_id)
        return item if isinstance(item, v.DuplicateView) else None

    def on_paged_table_loaded(self, event: PagedTable.Loaded) -> None:
        event.stop()
        self._draw()
        self.offer_keys()

    def on_table_moved(self, event: Table.Moved) -> None:
        event.stop()
        self._draw()
        self.offer_keys()

    def _draw(self) -> None:
        count = self.table.total
        self.query_one("#top", Ends).put(
            (("Perkstar", "title"), ("  Customers › ", "dim"), ("Duplicates", "strong")),
            ((f"{count:,} ", "strong"), (STATES[self._state], "dim")),
        )
        pair = self.pair()
        self.query_one("#said", Painted).paint(self._sentence(pair))
        rows = self._sides(pair) if pair is not None else []
        self.query_one("#both-table", Table).show(rows)

    def _sentence(self, pair: v.DuplicateView | None) -> Line:
        if pair is None:
            return (("Who is here twice gets letters twice, and half the points on each card.", "dim"),)
        words: dict[str, Piece] = {
            "same": ("Surely one person: ", "bad"),
            "maybe": ("Perhaps one person: ", "warn"),
            "held": ("Held by the sync: ", "warn"),
        }
        start = words.get(pair.verdict, ("", ""))
        if pair.state == "merged":
            start = ("Merged: ", "good")
        elif pair.state == "dismissed":
            start = ("Said to be two people: ", "dim")
        return (start, (clean(", ".join(pair.why)), ""))

    def _sides(self, pair: v.DuplicateView) -> list[Row]:
        a, b = pair.a, pair.b
        rows = [_pair_row("id", "", short_id(a.id), short_id(b.id), "title")]
        for name in dict.fromkeys((*a.fields, *b.fields)):
            one, other = _text(a.fields.get(name)), _text(b.fields.get(name))
            differs = name in pair.differs
            rows.append(
                _pair_row(name, f"{'≠' if differs else ' '} {name}", one, other, "warn" if differs else "")
            )
        if not pair.integration_id:
            rows.append(
                _pair_row("#cards", "  cards, sales", f"{a.cards}, {a.sales}", f"{b.cards}, {b.sales}", "dim")
            )
            one, other = (clean(", ".join(side.linked)) or "nowhere" for side in (a, b))
            rows.append(_pair_row("#linked", "  in step at", one, other, "dim"))
        return rows

    # -- acts
    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        pair = self.pair()
        if pair is None or self.program.refused():
            return
        if pair.state == "merged":
            self._unmerge(pair)
        elif not _can_merge(pair):
            where = clean(pair.integration_name)
            self.program.say(
                f"Both are records of {where}: merge them there; the next sync follows."
                if not pair.held
                else f"The record at {where} is held. o opens it; merge or correct it there, then retry."
            )
        else:
            self.program.begin(lambda: self._ask_to_merge(pair, None))

    async def _ask_to_merge(self, pair: v.DuplicateView, keep: str | None) -> None:
        hub = self.program.hub
        plan = await self.program.attempt(hub.plan_merge, pair.a.id, pair.b.id, keep=keep)
        if plan is None:
            return
        sides = {side.id: side for side in (pair.a, pair.b)}

        def answered(answer: str | None) -> None:
            if answer == "other":
                self.program.begin(lambda: self._ask_to_merge(pair, plan.loser))
            elif answer == "go":
                self._merge(pair, plan)

        self.program.push_screen(MergeSheet(plan, sides, pair.differs), answered)

    def _merge(self, pair: v.DuplicateView, plan: v.MergePlan) -> None:
        hub, done = self.program.hub, []

        def deed() -> v.MergeView:
            done.append(hub.merge(pair.a.id, pair.b.id, keep=plan.survivor))
            return done[0]

        name = clean(pair.a.name if plan.survivor == pair.a.id else pair.b.name)
        self.program.act(
            deed,
            f"{name}: they are one customer now.",
            undo=("They are two again.", lambda: hub.unmerge(done[0].id)),
        )

    def _unmerge(self, pair: v.DuplicateView) -> None:
        hub, merge_id = self.program.hub, pair.merge_id
        if merge_id is None:
            self.program.say("That merge was undone, or one of them was merged again since.")
            return
        self.program.act(lambda: hub.unmerge(merge_id), "They are two again.")

    def action_two_people(self) -> None:
        pair = self.pair()
        if pair is None or not self.allows("two_people"):
            self.program.say("There is no pair here to take off the list.")
            return
        hub, again = self.program.hub, pair.state == "dismissed"
        self.program.act(
            lambda: hub.dismiss_duplicate(pair.id, again=again),
            "It is on the list again." if again else "They are two people.",
            undo=("As it was before.", lambda: hub.dismiss_duplicate(pair.id, again=not again)),
        )

    def action_find(self) -> None:
        hub = self.program.hub

        def said(found: v.DuplicateSearch) -> str:
            return f"{found.looked_at:,} customers looked at, {found.found:,} new pairs."

        self.program.say("Looking through all customers …")
        self.program.act(hub.find_duplicates, said)

    def action_open_record(self) -> None:
        pair = self.pair()
        if pair is not None:
            side = pair.a if pair.held or not pair.b.id else pair.b
            self.program.push_screen(RecordScreen(side.id, pair.integration_id))

    def action_filter(self) -> None:
        def taken(state: str | None) -> None:
            if state is not None:
                self._state = state
                self.renew()

        options = [Option(state, words.capitalize()) for state, words in STATES.items()]
        self.program.push_screen(ChooseSheet("Show pairs", options, self._state), taken)


class MergeSheet(Sheet[str]):
    """What a merge would do; the cursor stands on leaving it. Answers `go`, or `other` to keep the other one."""

    def __init__(
        self, plan: v.MergePlan, sides: dict[str, v.DuplicateSide], differs: tuple[str, ...] = ()
    ) -> None:
        super().__init__()
        self._plan, self._sides, self._differs = plan, sides, differs

    def compose(self) -> ComposeResult:
        plan, sides = self._plan, self._sides
        kept, other = sides[plan.survivor], sides[plan.loser]
        with Vertical(id="sheet") as box:
            box.border_title = clean(f"Merge into {kept.name}?")
            with VerticalScroll(id="effects", can_focus=False):
                yield Painted(*self._lines())
            yield Picker(
                [
                    Option("stay", "Leave them as they are"),
                    Option("go", "Merge them", f"{kept.name} {short_id(kept.id)} stays"),
                    Option("other", "Keep the other one", f"{other.name} {short_id(other.id)}"),
                ]
            )
            yield Painted((("Enter", "key"), (" takes the line   ", "dim"), *LEAVE), classes="foot")

    def _lines(self) -> list[Line]:
        lines: list[Line] = [(("+ ", "good"), (clean(text), "")) for text in self._plan.effects]
        for name, before, after in self._plan.fields:
            lines.append(
                (
                    ("  ", ""),
                    (f"{name} ", "dim"),
                    (_text(before), "dim"),
                    (" → ", "dim"),
                    (_text(after), "warn"),
                )
            )
        other = self._sides[self._plan.loser]
        filled = {name: _text(value) for name, _, value in self._plan.fields}
        dropped = [
            f"{name} {_text(other.fields.get(name))}"
            for name in self._differs
            if _text(other.fields.get(name)) not in ("–", filled.get(name))
        ]
        if dropped:
            lines.append((("− ", "warn"), ("dropped, of the other: ", "dim"), (", ".join(dropped), "warn")))
        back = "z, or Enter on it among the merged ones (f), until something later depends on it."
        return [*lines, (), (("Way back: ", "dim"), (back, "")), ()]

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        self.dismiss(None if event.row_id == "stay" else event.row_id)


def _can_merge(pair: v.DuplicateView) -> bool:
    return not pair.held and not pair.integration_id and pair.state != "merged"


def _pair_row(key: str, label: str, one: str, other: str, tone: str) -> Row:
    cells: tuple[Any, ...] = (((clean(label), "dim"),), ((one, tone),), ((other, tone),))
    return Row(key, cells)


def _text(value: Any) -> str:
    return "–" if value in (None, "") else clean(value)

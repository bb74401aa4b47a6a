"""The queue: one thing that waits at a time, both sides next to each other, and one key for each choice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll

from perkstar_tui.hub.waiting import KINDS, QueueItem, QueueSide, SettlePlan, SettleView

from ..keys import Key, bindings
from ..signs import Line, Piece, clean, how_long, until
from ..widgets.painted import Ends, Painted, Panel
from ..widgets.picker import Option, Picker
from ..widgets.table import Column, Row, Table
from .base import PerkScreen, Sheet
from .record import RecordScreen
from .sheets import LEAVE, ChooseSheet, TextSheet

WORDS = {
    "match": "who is it?",
    "second": "second record",
    "refused": "refused",
    "conflict": "settled by the rule",
}
NOTHING = "Nothing waits for you. What a run can't decide by itself comes here."


class QueueScreen(PerkScreen[None]):
    """Digits or Enter choose, `]` skips, `*` makes it a rule, `&` takes all like this, Space selects, `z` undoes."""

    PLACE = "queue"
    BINDINGS: ClassVar[list[BindingType]] = bindings("queue")

    def __init__(self, integration: str | None = None, kind: str = "", item: str = "") -> None:
        super().__init__()
        self._integration, self._kind, self._wanted = integration, kind, item
        self.at, self.total = 0, 0
        self.item: QueueItem | None = None
        self.selected: dict[str, QueueItem] = {}
        self.all_like = False

    # -- keys
    def places(self) -> set[str]:
        return {"queue", "queue:item"}

    def allows(self, action: str) -> bool:
        item = self.item
        if action == "undo":
            return bool(self.program.undoing)
        if action in ("filter", "back", "help", "palette", "quit", "freeze"):
            return True
        if item is None:
            return False
        takes = [choice.take for choice in item.choices]
        if action.startswith("choose("):
            return int(action[7:-1]) <= len(takes)
        match action:
            case "take_left" | "take_right":
                return item.kind == "conflict"
            case "edit" | "retry":
                return action in takes
            case "leave_out":
                return "leave-out" in takes
            case "all_like":
                return item.like > 1
            case "always":
                return bool(item.rules)
        return True

    def offers(self, key: Key) -> bool:
        return super().offers(key) or key.id == "undo"

    def label_of(self, key: Key) -> str:
        if key.id == "open":
            return "take it"
        if key.id in ("before", "after"):
            return "skip" if key.id == "after" else "previous"
        if key.id == "all_like" and self.all_like:
            return "this one only"
        return super().label_of(key)

    # -- what is shown
    def compose_body(self) -> ComposeResult:
        yield Ends(id="top")
        yield Painted((("Reading what waits …", "dim"),), id="said")
        with Panel("Both sides", id="both"):
            yield Table((Column("field", "", 14),), id="both-table")
        with Panel("Choose", id="choices"):
            yield Picker([], id="choice")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#choice", Picker).focus()

    async def load(self) -> None:
        hub, kind = self.program.hub, self._kind or None
        page = await self.program.ask(hub.queue, self._integration, kind=kind, offset=self.at, limit=1)
        self.total = page.total
        if not page.items and self.total:
            self.at = self.total - 1
            page = await self.program.ask(hub.queue, self._integration, kind=kind, offset=self.at, limit=1)
        item = page.items[0] if page.items else None
        if self._wanted:
            wanted, self._wanted = self._wanted, ""
            item = await self.program.attempt(hub.queue_item, wanted) or item
        if item is None or self.item is None or item.id != self.item.id:
            self.all_like = False
        self.item = item
        self._draw()
        self.offer_keys()

    def suit(self) -> None:
        super().suit()
        if self.is_mounted and self.item is not None:
            self._draw()

    def _draw(self) -> None:
        item = self.item
        right: list[Piece] = []
        if self.selected:
            right.append((f"✓ {len(self.selected)} selected   ", "good"))
        if item is not None:
            right += [
                (f"{self.at + 1:,} of {self.total:,}", "strong"),
                (f" {WORDS.get(self._kind, 'in all')}", "dim"),
            ]
        where = clean(item.integration_name) if item is not None and self._integration else "everything"
        if self._kind:
            where = f"{where} › {WORDS[self._kind]}" if self._integration else WORDS[self._kind]
        self.query_one("#top", Ends).put(
            (("Perkstar", "title"), ("  Queue › ", "dim"), (where, "strong")), right
        )
        self.query_one("#said", Painted).paint(*self._sentences(item))
        table, picker = self.query_one("#both-table", Table), self.query_one("#choice", Picker)
        if item is None:
            table.empty = ""
            table.shape((Column("field", "", 14),))
            table.show([])
            picker.offer([])
            return
        sides = self._sides(item)
        table.shape(
            (
                Column("field", "", 16),
                *(Column(f"side{n}", title, 18, share=1) for n, (title, _) in enumerate(sides)),
            )
        )
        table.show(list(self._rows(item, sides)))
        options = [
            Option(choice.take, f"{number} {clean(choice.label)}", clean(choice.effect))
            for number, choice in enumerate(item.choices, 1)
        ]
        width = min(32, max(cell_len(option.label) for option in options))
        picker.shape((Column("label", "", width), Column("help", "", 8, share=1)))
        picker.offer(options)

    def _sentences(self, item: QueueItem | None) -> list[Line]:
        if item is None:
            return [((NOTHING, "dim"),)]
        now = self.program.now()
        mark: Piece = ("✓ ", "good") if item.id in self.selected else ("", "")
        tone = "dim" if item.kind == "conflict" else "warn"
        first: Line = (
            mark,
            (f"{clean(item.name)} ", "strong"),
            (f"at {clean(item.integration_name)} {told_of(item.kind)}.", ""),
        )
        told = clean(item.reason)
        # A field keeps its own spelling at the beginning of a sentence.
        told = told if item.kind == "conflict" else told[:1].upper() + told[1:]
        why: Line = ((told if told.endswith(".") else f"{told}.", tone),)
        facts = [how_long(item.since, now)] if item.since else []
        if item.next_attempt:
            facts.append(f"tried again {until(item.next_attempt, now)}")
        if item.kind == "conflict":
            facts.append(f"before: {_text(item.base)}")
        like: Line = ()
        if item.like > 1:
            word = "all of them are taken by the next choice" if self.all_like else "takes all"
            like = (
                (f"   {item.like:,} like this: ", ""),
                (self.program.keys.shown("all_like"), "key"),
                (f" {word}", "dim"),
            )
        return [first, why, ((" · ".join(facts), "dim"), *like)]

    def _sides(self, item: QueueItem) -> list[tuple[str, QueueSide]]:
        """Perkstar's at the left, the platform's at the right, as many as there is room for."""
        most = 3 if self.program.wide else 2
        here = [(f"Perkstar {number}" if len(item.here) > 1 else "Perkstar", side)
                for number, side in enumerate(item.here[:most], 1)]  # fmt: skip
        return [*here, (clean(item.integration_name), item.there)]

    def _rows(self, item: QueueItem, sides: Sequence[tuple[str, QueueSide]]) -> list[Row]:
        rows = [_row("#id", "  id", [(_short(side.id), "dim") for _, side in sides])]
        if any(side.taken for _, side in sides):
            rows.append(
                _row("#taken", "  has there", [(clean(side.taken) or "–", "dim") for _, side in sides])
            )
        for name in dict.fromkeys(name for _, side in sides for name in side.fields):
            differs = any(name in side.differs for _, side in sides)
            cells: list[Piece] = []
            for _, side in sides:
                mine = name in side.differs or (side is item.there and differs)
                cells.append((_text(side.fields.get(name)), "warn" if mine else ""))
            rows.append(_row(name, f"{'≠' if differs else ' '} {name}", cells))
        hidden = len(item.here) - (len(sides) - 1)
        if hidden > 0:
            rows.append(_row("#more", f"  and {hidden} more", [("", "")] * len(sides)))
        return rows

    # -- going about
    def action_neighbour(self, step: int) -> None:
        if self.total:
            self.at = (self.at + step) % self.total
            self.all_like = False
            self.renew()

    def action_filter(self) -> None:
        def taken(kind: str | None) -> None:
            if kind is not None:
                self._kind = "" if kind == "all" else kind
                self.at, self.item = 0, None
                self.renew()

        options = [
            Option("all", "Everything"),
            *(Option(kind, WORDS[kind].capitalize(), words) for kind, words in KINDS.items()),
        ]
        self.program.push_screen(ChooseSheet("Show only", options, self._kind or "all"), taken)

    def action_select(self) -> None:
        item = self.item
        if item is None:
            return
        if self.selected.pop(item.id, None) is None:
            self.selected[item.id] = item
        if self.total > 1:
            self.action_neighbour(1)
        else:
            self._draw()

    def action_all_like(self) -> None:
        if self.item is not None and self.item.like > 1:
            self.all_like = not self.all_like
            self._draw()
            self.offer_keys()

    def action_open_record(self) -> None:
        item = self.item
        if item is not None:
            self.program.push_screen(RecordScreen(item.record, item.integration_id))

    def action_copy_id(self) -> None:
        if self.item is not None:
            self.program.copy_text(self.item.id, "the item's id")

    # -- choosing
    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        self._choose(event.row_id)

    def action_choose(self, number: int) -> None:
        if self.item is not None and number <= len(self.item.choices):
            self._choose(self.item.choices[number - 1].take)

    def action_take_left(self) -> None:
        self._choose("perkstar")

    def action_take_right(self) -> None:
        self._choose("platform")

    def action_edit(self) -> None:
        self._choose("edit")

    def action_retry(self) -> None:
        self._choose("retry")

    def action_leave_out(self) -> None:
        self._choose("leave-out")

    def action_always(self) -> None:
        """Make the choice at the cursor a rule, after saying what that does."""
        item = self.item
        if item is None or self.program.refused():
            return
        if not item.rules:
            self.program.say("Of this kind no rule can be made: each is chosen for itself.")
            return
        take = self._ruled(item, self.query_one("#choice", Picker).cursor_id)
        if take is not None:
            self._arm("Looking at what the rule would do …")
            self.program.begin(lambda: self._ask(item, take, always=True))
            return

        def taken(rule: str | None) -> None:
            if rule is not None:
                self.program.begin(lambda: self._ask(item, rule, always=True))

        options = [Option(rule, RULE_WORDS.get(rule, rule)) for rule in item.rules]
        self.program.push_screen(ChooseSheet("Always do what?", options), taken)

    def _arm(self, words: str) -> None:
        """Say in the frame of the choices what is under way, until it has come."""
        self.query_one("#choices", Panel).head(right=((words, "warn"),) if words else ())

    @staticmethod
    def _ruled(item: QueueItem, take: str) -> str | None:
        """The rule that a choice is; None where one must be asked for."""
        if take in item.rules:
            return take
        return "link" if take.startswith("link:") and "link" in item.rules else None

    def _choose(self, take: str) -> None:
        item = self.item
        if item is None or self.program.refused():
            return
        if take not in [choice.take for choice in item.choices]:
            self.program.say("That can't be chosen here.")
            return
        if take == "edit":
            self._edit(item)
        elif self.selected:
            self._several(take)
        elif self.all_like:
            self.program.begin(lambda: self._ask(item, self._for_all(item, take), all_like=True))
        else:
            hub = self.program.hub
            self._act(lambda: hub.settle(item.id, take))

    @staticmethod
    def _for_all(item: QueueItem, take: str) -> str:
        """A choice of one customer, said so that it holds for each: by its place among those that it may be."""
        ids = [side.id for side in item.here]
        if not take.startswith("link:"):
            return take
        if len(ids) == 1:
            return "link"
        chosen = take.partition(":")[2]
        return "link:oldest" if chosen == min(ids) else "link:newest" if chosen == max(ids) else take

    def _edit(self, item: QueueItem) -> None:
        field = item.field or next(iter(item.here[0].fields), "first_name") if item.here else item.field
        value = item.here[0].fields.get(field, "") if item.here else ""
        hub = self.program.hub

        def give(text: str, done: Callable[[], None], wrong: Callable[[str], None]) -> None:
            self._act(
                lambda: hub.settle(item.id, "edit", fields={field: text}),
                then=lambda _: done(),
                failed=wrong,
            )

        help_ = f"{clean(item.reason)}. It is changed here and sent with the next run."
        self.program.push_screen(
            TextSheet(f"{field} of {item.name}", str(value or ""), help=help_, give=give)
        )

    def _several(self, take: str) -> None:
        items = [one for one in self.selected.values() if any(c.take == take for c in one.choices)]
        if not items:
            self.program.say("None of the selected can be settled so.")
            return
        effects = [f"{take}: {len(items)} of the {len(self.selected)} selected offer it."]
        plan = SettlePlan("", take, len(items), tuple(one.name for one in items[:5]), tuple(effects))
        hub = self.program.hub

        def answered(answer: str | None) -> None:
            if answer == "go":
                self.selected = {}
                self._act(lambda: [hub.settle(one.id, take) for one in items])

        self.program.push_screen(SettleSheet(plan), answered)

    async def _ask(self, item: QueueItem, take: str, *, all_like: bool = False, always: bool = False) -> None:
        hub = self.program.hub
        plan = await self.program.attempt(hub.plan_settle, item.id, take, all_like=all_like, always=always)
        self._arm("")
        if plan is None:
            return

        def answered(answer: str | None) -> None:
            if answer is not None:
                rule = always or answer == "always"
                self._act(lambda: hub.settle(item.id, take, all_like=all_like, always=rule))

        ruled = self._ruled(item, take) is not None and not always
        self.program.push_screen(SettleSheet(plan, always=ruled), answered)

    def _act(self, deed: Callable[[], SettleView | list[SettleView]], **more: Any) -> None:
        hub = self.program.hub
        done: list[SettleView] = []

        def settling() -> list[SettleView]:
            found = deed()
            done.extend(found if isinstance(found, list) else [found])
            return done

        def said(views: list[SettleView]) -> str:
            return views[0].message if len(views) == 1 else f"{len(views)} are settled."

        def back() -> Any:
            return [hub.unsettle(view.id) for view in reversed(done)]

        self.program.act(settling, said, undo=("It waits again as before.", back), **more)


def told_of(kind: str) -> str:
    """What is so of an item; of a conflict its reason, which stands below, says what differed and since when."""
    return "was settled by the rule" if kind == "conflict" else KINDS[kind]


RULE_WORDS = {
    "link:oldest": "The customer that was made first",
    "link:newest": "The customer that was made last",
    "link": "It is the same person",
    "new": "It is somebody else",
    "perkstar": "Perkstar's value",
    "platform": "The platform's value",
}


class SettleSheet(Sheet[str]):
    """How many would be settled and what happens; the cursor stands on leaving it. Answers `go` or `always`."""

    def __init__(self, plan: SettlePlan, *, always: bool = False) -> None:
        super().__init__()
        self._plan, self._always = plan, always

    def compose(self) -> ComposeResult:
        plan = self._plan
        count = f"{plan.count:,}"
        with Vertical(id="sheet") as box:
            box.border_title = clean(f"Settle {count}?" if not plan.rule else "Always do this?")
            with VerticalScroll(id="effects", can_focus=False):
                yield Painted(*self._lines())
            options = [Option("stay", "Leave them as they are"), Option("go", f"Settle {count}")]
            if plan.rule:
                options[1] = Option("go", f"Settle {count}, and always from now on")
            elif self._always:
                options.append(Option("always", f"Settle {count}, and always from now on"))
            yield Picker(options)
            yield Painted((("Enter", "key"), (" takes the line   ", "dim"), *LEAVE), classes="foot")

    def _lines(self) -> list[Line]:
        plan = self._plan
        names = ", ".join(clean(name) for name in plan.names)
        more = " …" if plan.count > len(plan.names) else ""
        lines: list[Line] = [((f"{names}{more}", "strong"),), ()]
        lines += [(("+ ", "good"), (clean(text), "")) for text in plan.effects]
        return [*lines, (), (("Way back: ", "dim"), ("z, or `perkstar settle --undo`.", "")), ()]

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        self.dismiss(None if event.row_id == "stay" else event.row_id)


def _row(key: str, label: str, cells: Sequence[Piece]) -> Row:
    return Row(key, (((clean(label), "dim"),), *((cell,) for cell in cells)))


def _short(id_: str) -> str:
    return clean(id_) if len(id_) < 18 else clean(f"{id_[:8]}…{id_[-4:]}")


def _text(value: Any) -> str:
    return "–" if value in (None, "") else clean(value)

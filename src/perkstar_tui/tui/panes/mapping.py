"""Mapping: which Perkstar field is which field at the platform, which way it goes, and what happens on the way."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult

from perkstar_tui.hub import views as v

from ..screens.change import ChangeSheet
from ..screens.mapping_line import MappingSheet
from ..screens.sheets import SeveralSheet
from ..signs import Line, Piece, arrow, clean
from ..widgets.painted import Painted, Panel
from ..widgets.picker import Option
from ..widgets.table import Column, Row, Table
from .pane import Pane

COLUMNS = (
    Column("hub", "Perkstar field", 18, share=2),
    Column("way", "", 2),
    Column("remote", "Platform field", 20, share=3),
    Column("transform", "Transform", 16, share=1, leaves=2),
    Column("example", "Example", 16, share=2, leaves=1),
    Column("check", "Check", 16, share=3, leaves=3),
)


NOTHING_TO_MAP = "Customers are not kept in step here, so there is nothing to map."


class MappingPane(Pane):
    NAME: ClassVar[str] = "mapping"
    TITLE: ClassVar[str] = "Mapping"

    def __init__(self, view: v.IntegrationView) -> None:
        super().__init__(view)
        self.lines: list[v.MappingLine] = []

    def compose(self) -> ComposeResult:
        with Panel("Customers", id="mapping"):
            empty = "No field is mapped. + adds the first line." if self.has_customers else NOTHING_TO_MAP
            yield Table(COLUMNS, id="mapping-table", empty=empty)
        yield Painted(id="mapping-said")

    @property
    def has_customers(self) -> bool:
        """Whether customers are kept in step, whose fields can be mapped."""
        return "customers" in self.view.data

    @property
    def table(self) -> Table:
        return self.query_one("#mapping-table", Table)

    async def load(self, view: v.IntegrationView) -> None:
        self.view = view
        self.lines = await self.program.ask(self.program.hub.mapping, view.id)
        self._draw()

    def _draw(self) -> None:
        title = clean(self.view.platform_title or self.view.platform)
        keys = self.program.keys
        right: list[Piece] = []
        for id_, word in (
            ("line_add", "add"),
            ("line_suggest", "suggest"),
            ("line_remove", "remove"),
            ("open", "edit"),
        ):
            right += [(keys.shown(id_), "key"), (f" {word}", "dim"), ("  ", "")]
        self.query_one("#mapping", Panel).head(((f"Customers: Perkstar ⇄ {title}", "title"),), right[:-1])
        self.table.show([self._row(line) for line in self.lines])
        self._draw_said()

    def _row(self, line: v.MappingLine) -> Row:
        check: Line
        if line.check.startswith(("made", "will")):
            check = (("✓ ", "good"), (clean(line.check), "dim"))
        elif line.check:
            check = ((f"! {clean(line.check)}", "warn"),)
        else:
            check = (("✓", "good"), (" required" if line.required else "", "dim"))
        return Row(
            line.remote,
            (
                ((clean(line.hub), "strong"),),
                ((arrow(line.direction), "info"),),
                ((clean(line.remote), ""),),
                ((clean(line.transform), "dim"),),
                ((clean(line.example) or "(empty)", "" if line.example else "dim"),),
                check,
            ),
        )

    def line(self) -> v.MappingLine | None:
        """The line at the cursor."""
        return next((line for line in self.lines if line.remote == self.table.cursor_id), None)

    def _draw_said(self) -> None:
        line = self.line()
        if line is None:
            self.query_one("#mapping-said", Painted).paint(())
            return
        title = clean(self.view.platform_title or self.view.platform)
        way = {
            "both": f"travels both ways between Perkstar's {line.hub} and {title}'s {clean(line.label)}",
            "to-platform": f"goes from Perkstar's {line.hub} to {title}'s {clean(line.label)} only",
            "to-perkstar": f"comes from {title}'s {clean(line.label)} to Perkstar's {line.hub} only",
        }.get(line.direction, clean(line.direction))
        clears = (
            "an empty value clears the other side"
            if line.may_clear
            else "an empty value never clears the other side"
        )
        needed = " It cannot be left out." if line.required else ""
        self.query_one("#mapping-said", Painted).paint(((f"It {way}; {clears}.{needed}", "dim"),))

    def on_table_moved(self, event: Table.Moved) -> None:
        event.stop()
        self._draw_said()

    # -- acts
    def allows(self, action: str) -> bool:
        if action == "line_remove":
            line = self.line()
            return line is not None and not line.required
        return True

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        line = self.line()
        if line is None or self.program.refused():
            return

        def taken(new: v.MappingLine | None) -> None:
            if new is None or new == line:
                return
            lines = [new if old is line else old for old in self.lines]
            done = f"{new.hub}: mapping changed."
            if new.transform != line.transform:
                self._look_first(lines, done)
            else:
                self._keep(lines, done)

        self.program.push_screen(MappingSheet(line, self.view, [each.hub for each in self.lines]), taken)

    def add_line(self) -> None:
        if self.program.refused():
            return
        if not self.has_customers:
            self.notify(NOTHING_TO_MAP)
            return
        blank = v.MappingLine("customers", "", "", "both", "text", "")

        def taken(new: v.MappingLine | None) -> None:
            if new is not None:
                self._keep([*self.lines, new], f"{new.hub} is mapped to {new.remote}.")

        self.program.push_screen(MappingSheet(blank, self.view, [each.hub for each in self.lines]), taken)

    def suggest(self) -> None:
        """Ask the platform for its fields, and offer the lines that they suggest."""
        if self.program.refused():
            return
        hub, id_ = self.program.hub, self.view.id

        async def asking() -> None:
            found = await self.program.attempt(hub.suggest_mapping, id_)
            if found is None:
                return
            if not found:
                self.program.say("Every field that is known on both sides is mapped already.")
                return
            options = [
                Option(
                    line.remote, f"{line.hub} {arrow(line.direction)} {clean(line.label)}", clean(line.check)
                )
                for line in found
            ]

            def taken(chosen: frozenset[str] | None) -> None:
                if chosen:
                    lines = [replace(line, check="") for line in found if line.remote in chosen]
                    self._keep([*self.lines, *lines], f"{len(lines)} lines added.")

            everything = frozenset(line.remote for line in found)
            self.program.push_screen(SeveralSheet("Suggested lines", options, everything), taken)

        self.program.say(f"Asking {self.view.platform_title} for its fields …")
        self.program.begin(asking)

    def remove_line(self) -> None:
        line = self.line()
        if line is None or self.program.refused():
            return
        if line.required:
            self.program.say(
                f"{line.remote} is needed by {self.view.platform_title} and cannot be left out.", "warning"
            )
            return
        self._keep([old for old in self.lines if old is not line], f"{line.hub} is no longer mapped.")

    def _look_first(self, lines: Sequence[v.MappingLine], done: str) -> None:
        """Show on real records what another transform would do; it is kept once that was seen."""
        hub, id_ = self.program.hub, self.view.id

        async def asking() -> None:
            change = await self.program.attempt(hub.foresee, id_, None, lines)
            if change is not None:
                self.program.push_screen(
                    ChangeSheet("Mapping", change), lambda yes: self._keep(lines, done) if yes else None
                )

        self.program.begin(asking)

    def _keep(self, lines: Sequence[v.MappingLine], done: str) -> None:
        hub, id_, old = self.program.hub, self.view.id, list(self.lines)
        new = [replace(line, label=line.label or line.remote) for line in lines]
        self.program.act(
            lambda: hub.set_mapping(id_, new),
            done,
            undo=("Mapping as it was.", lambda: hub.set_mapping(id_, old)),
        )

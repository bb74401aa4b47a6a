"""The plan's places: who uses them, longest without a sync first, and the ways to more."""

from textual.app import ComposeResult
from textual.containers import Vertical

from perkstar_tui.hub import views as v

from ..signs import ago, bar, clean
from ..widgets.painted import Painted
from ..widgets.picker import Option, Picker
from ..widgets.table import Table
from .base import Sheet


class SlotsSheet(Sheet[str]):
    """Answers the id of the integration to disconnect; the caller's own sheet then asks for its name."""

    def __init__(self, plan: v.PlanView, why: str = "") -> None:
        super().__init__()
        self._plan, self._why = plan, why

    def compose(self) -> ComposeResult:
        plan, now = self._plan, self.program.now()
        left = "no limit" if plan.remaining is None else f"{plan.remaining} left"
        with Vertical(id="sheet") as box:
            box.border_title = "The plan is full" if self._why else "Plan and capacity"
            if self._why:
                yield Painted(((clean(self._why), "warn"),), classes="para")
            yield Painted(
                ((clean(plan.line), "strong"),),
                (*bar(plan.used, plan.allowed, 44), (f" {left}", "dim")),
                classes="para",
            )
            options = [
                Option(
                    id_,
                    f"Disconnect {clean(name)}",
                    "never synced" if last is None else f"last good sync {ago(last, now)}",
                )
                for id_, name, last in plan.free_up
            ]
            if plan.next_tier:
                options.append(
                    Option(
                        "tier", f"Move to the {clean(plan.next_tier)} plan", "at once; can be changed back"
                    )
                )
            if options:
                yield Painted(
                    (("Ways to a free place, longest without a sync first:", "dim"),), classes="ask"
                )
                yield Picker(options)
            else:
                yield Painted((("Nothing is connected, so every place is free.", "dim"),), classes="para")
            yield Painted(
                (("An add-on pack with more places can be asked for at Perkstar.", "dim"),), classes="ask"
            )
            yield Painted(
                (("Enter", "key"), (" takes the line   ", "dim"), ("Esc", "key"), (" back", "dim")),
                classes="foot",
            )

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        if event.row_id == "tier":
            self._move_up()
        else:
            self.dismiss(event.row_id)

    def _move_up(self) -> None:
        tier, old = self._plan.next_tier, self._plan.name
        if tier is None or self.program.refused():
            return
        hub = self.program.hub
        self.program.act(
            lambda: hub.set_plan(tier.lower()),
            lambda plan: f"{plan.line}.",
            undo=(f"Back on the {old} plan.", lambda: hub.set_plan(old.lower())),
        )
        self.dismiss(None)

"""Preview: what a sync would create, change and hold on each side, and why, before anything is touched."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from perkstar_tui.hub import views as v

from ..keys import bindings
from ..signs import Line, clean
from ..widgets.painted import Ends, Painted, Panel
from ..widgets.table import Column, Row, Table
from .base import PerkScreen


class PreviewScreen(PerkScreen[None]):
    """Reads both sides once; `s` then carries it out, where the integration may run."""

    PLACE = "preview"
    BINDINGS: ClassVar[list[BindingType]] = bindings("preview")

    def __init__(self, view: v.IntegrationView, limit: int | None = None) -> None:
        super().__init__()
        self._view, self._limit = view, limit
        self._asked = False
        self.preview: v.PreviewView | None = None

    def allows(self, action: str) -> bool:
        if action == "open":
            return False
        may_run = self.preview is not None and self._view.status in ("active", "error")
        if action == "keep":
            return self.preview is not None
        return action not in ("sync", "exact") or may_run

    def compose_body(self) -> ComposeResult:
        yield Ends(id="top")
        yield Painted(((f"Reading both sides of {clean(self._view.name)} …", "dim"),), id="said")
        with Panel("What a sync would do", id="body"):
            yield Table(
                (
                    Column("what", "", 30, share=2),
                    Column("before", "Before", 18, share=2),
                    Column("after", "After", 18, share=2),
                ),
                id="plan-table",
                empty="",
            )

    def on_mount(self) -> None:
        super().on_mount()
        name = clean(self._view.name)
        self.query_one("#top", Ends).put(
            (("Perkstar", "title"), (f"  Settings › Integrations › {name} › ", "dim"), ("Preview", "strong"))
        )
        self.query_one(Table).focus()

    async def load(self) -> None:
        if self._asked:
            return
        self._asked = True
        try:
            self.preview = await self.program.ask(self.program.hub.preview, self._view.id, self._limit)
        except Exception as error:
            from ..app import error_sentence

            self.query_one("#said", Painted).paint((("▲ ", "bad"), (clean(error_sentence(error)), "")))
            return
        await self._draw_said()
        table = self.query_one(Table)
        table.empty = "Both sides are in step: a sync would change nothing."
        table.show(rows(self.preview, clean(self._view.platform_title or self._view.name)))
        self.offer_keys()

    async def _draw_said(self) -> None:
        """What a sync would do, and the plans of it that are kept."""
        if self.preview is None:
            return
        key = self.program.keys.shown("duplicates")
        lines = summary(self.preview, key)
        for plan in await self.program.attempt(self.program.hub.kept_plans, self._view.id) or ():
            if plan.state == "open":
                lines.append(
                    (
                        (f"Kept until {plan.expires:%d %b}: ", "dim"),
                        (f"perkstar sync {clean(self._view.name)} --plan {clean(plan.id)}", "info"),
                    )
                )
        self.query_one("#said", Painted).paint(*lines)

    def action_sync(self) -> None:
        if not self.allows("sync"):
            self.program.say("It can be synced once it is active and the preview has come.", "warning")
            return
        hub, view = self.program.hub, self._view
        self.program.act(
            lambda: hub.sync(view.id), f"Sync of {view.name} started.", then=lambda _: self.dismiss(None)
        )

    def action_keep(self) -> None:
        """Keep what is shown as a plan, to be carried out later."""
        if self.preview is None:
            self.program.say("The preview has not come yet.", "warning")
            return
        hub, view = self.program.hub, self._view

        def kept(plan: v.PlanSummary) -> str:
            return f"Kept until {plan.expires:%d %b}: perkstar sync {view.id} --plan {plan.id}"

        self.program.act(
            lambda: hub.keep_plan(view.id), kept, then=lambda _: self.program.begin(self._draw_said, on=self)
        )

    def action_exact(self) -> None:
        """Carry out what is shown and nothing else."""
        if not self.allows("exact"):
            self.program.say("It can be synced once it is active and the preview has come.", "warning")
            return
        hub, view = self.program.hub, self._view

        def exactly() -> str:
            plan = hub.keep_plan(view.id)
            hub.sync(view.id, plan=plan.id)
            return plan.id

        self.program.act(
            exactly,
            f"Exactly this is carried out at {view.name}; the run names what it skips.",
            then=lambda _: self.dismiss(None),
        )


def summary(preview: v.PreviewView, duplicates: str = "") -> list[Line]:
    """Each side in one line, then what else there is to know."""

    def side(title: str, counts: v.PreviewSide) -> Line:
        return (
            (f"{title:<14}", "dim"),
            (f"{counts.create_total:,} created", "strong" if counts.create_total else "dim"),
            (" · ", "dim"),
            (f"{counts.update_total:,} changed", "strong" if counts.update_total else "dim"),
            (" · ", "dim"),
            (f"{counts.held_total:,} held", "warn" if counts.held_total else "dim"),
            (f" · {counts.unchanged:,} in step · {counts.excluded:,} left out", "dim"),
        )

    lines = [side("In Perkstar", preview.inward), side("At platform", preview.outward)]
    extra: Line = ((f"Points credited for sales: {preview.points:,}", ""),) if preview.points else ()
    notes = "  ".join(clean(note) for note in preview.notes)
    if duplicates:
        # Here there is a key for it.
        notes = notes.replace("`perkstar customers duplicates`", duplicates)
    return [*lines, (*extra, ("   " if extra and notes else "", ""), (notes, "warn"))]


def rows(preview: v.PreviewView, title: str) -> list[Row]:
    """Both directions, each with what it creates, changes and holds; a field a row."""
    out: list[Row] = []
    for key, name, side in (
        ("in", "In Perkstar", preview.inward),
        ("out", f"At {title}", preview.outward),
    ):
        if not (side.create or side.update or side.held):
            continue
        out.append(Row(f"{key} head", (((f" {name}", "title"),),), head=True))
        for word, sign, tone, records, total in (
            ("create", "+", "good", side.create, side.create_total),
            ("change", "~", "info", side.update, side.update_total),
            ("hold", "‖", "warn", side.held, side.held_total),
        ):
            for record in records:
                out += _record(f"{key} {word} {record.record}", f"{sign} {word}", tone, record)
            if total > len(records):
                more: Line = ((f"  … and {total - len(records):,} more to {word}", "dim"),)
                out.append(Row(f"{key} {word} more", (more, (), ())))
    return out


def _record(id_: str, word: str, tone: str, record: v.PreviewRow) -> list[Row]:
    head: Line = ((f"{word} ", tone), (clean(record.name) or clean(record.record), "strong"))
    out = [Row(id_, (head, (), ((clean(record.reason), "warn"),)))]
    for field, before, after in record.fields:
        out.append(
            Row(
                f"{id_} {field}",
                (
                    ((f"    {clean(field)}", "dim"),),
                    ((clean(before) or "–", "dim"),),
                    ((clean(after) or "–", ""),),
                ),
            )
        )
    return out

"""One record followed through: Perkstar's side and each platform's, what differs, why, and what happened to it."""

from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from perkstar_tui.hub import views as v

from ..keys import Key, bindings
from ..signs import Line, ago, clean, local, until
from ..widgets.painted import Ends, Painted, Panel
from ..widgets.table import Column, Row, Table
from .base import PerkScreen


class RecordScreen(PerkScreen[None]):
    """Side by side; `r` tries it again where it is held or failed."""

    PLACE = "record"
    BINDINGS: ClassVar[list[BindingType]] = bindings("record")

    def __init__(self, record: str, integration: str | None = None) -> None:
        super().__init__()
        self._wanted, self._integration = record, integration
        self.record: v.RecordView | None = None
        self._fresh = False
        self._looked: dict[str, v.FreshLook] = {}
        """What the platforms said when they were asked last."""

    def allows(self, action: str) -> bool:
        if action == "retry":
            return bool(self._failing())
        if action == "undo":
            return bool(self.record and self.record.conflicts)
        return action != "open"

    def _failing(self) -> list[v.RecordSide]:
        sides = self.record.platforms if self.record else ()
        return [side for side in sides if side.state in ("held", "duplicate")]

    def compose_body(self) -> ComposeResult:
        yield Ends(id="top")
        yield Painted((("Reading the record …", "dim"),), id="said")
        with Panel("All sides", id="body"):
            yield Table(
                (
                    Column("field", "Field", 20),
                    Column("hub", "Perkstar", 20, share=2),
                    Column("remote", "Platform", 20, share=2),
                    Column("note", "", 12, share=1, leaves=1),
                ),
                id="sides",
                empty="",
            )
        with Panel("What happened", id="story"):
            yield Painted(id="story-text")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#top", Ends).put(
            (("Perkstar", "title"), ("  Record ", "dim"), (clean(self._wanted), "strong"))
        )
        self.query_one(Table).focus()

    async def load(self) -> None:
        fresh, self._fresh = self._fresh, False
        try:
            found = await self.program.ask(self._read, fresh)
        except Exception as error:
            from ..app import error_sentence

            self.query_one("#said", Painted).paint((("▲ ", "bad"), (clean(error_sentence(error)), "")))
            return
        self.record = found
        if fresh:
            answers = {side.integration_id: side.fresh for side in found.platforms if side.fresh}
            self._looked.update(answers)
            self.program.say(
                "The platforms have answered." if answers else "No platform could be asked for it."
            )
        self._draw(found)
        self.offer_keys()

    def _read(self, fresh: bool) -> v.RecordView:
        """The record with all its sides, the one it was opened from first."""
        hub, wanted = self.program.hub, self._wanted
        if self._integration is None:
            return hub.record(wanted, fresh=fresh)
        here = hub.record(wanted, self._integration)
        if not here.hub:
            # Known at that platform alone.
            return hub.record(wanted, self._integration, fresh=True) if fresh else here
        found = hub.record(here.id, fresh=fresh)
        first = [side for side in found.platforms if side.integration_id == self._integration]
        rest = [side for side in found.platforms if side.integration_id != self._integration]
        return replace(found, platforms=(*first, *rest))

    def _draw(self, record: v.RecordView) -> None:
        title = title_of(record)
        self.query_one("#top", Ends).put(
            (("Perkstar", "title"), (f"  {clean(record.kind).capitalize()} ", "dim"), (title, "strong")),
            ((clean(record.id), "dim"), ("  y", "key"), (" copy", "dim")),
        )
        self.query_one("#said", Painted).paint(*self._sentences(record))
        table = self.query_one(Table)
        table.empty = "Nothing is known of it on either side."
        table.show(self._rows(record))
        story: list[Line] = [
            ((f"{clean(card.kind)} card {clean(card.template)}: ", "dim"), (f"{card.balance:,}", "strong"))
            for card in record.cards
        ]
        told = [f"{side.integration_name}: {one}" for side in record.platforms for one in side.told]
        story += [((clean(sentence), ""),) for sentence in (*told, *record.story[:30])]
        self.query_one("#story-text", Painted).paint(
            *(story or [(("Nothing was ever logged for it.", "dim"),)])
        )

    def _sentences(self, record: v.RecordView) -> list[Line]:
        now = self.program.now()
        lines: list[Line] = []
        for side in record.platforms:
            sign, tone = _SIGNS.get(side.state, ("○", "dim"))
            words = [f"sent {ago(side.last_sent, now)}" if side.last_sent else "never sent"]
            if side.last_received:
                words.append(f"received {ago(side.last_received, now)}")
            if side.next_attempt:
                words.append(f"tried again {until(side.next_attempt, now)}")
            lines.append(
                (
                    (f"{sign} {clean(side.integration_name)} ", tone),
                    (f"{clean(side.state).replace('_', ' ')} · {' · '.join(words)}", "dim"),
                    (
                        f"   {clean(side.words or side.reason or '')}",
                        "dim" if side.standing in FINE else "warn",
                    ),
                )
            )
            if side.item:
                lines.append(
                    (
                        ("   ", ""),
                        (self.program.keys.shown("queue"), "key"),
                        (" settles it in the queue", "dim"),
                    )
                )
            if side.integration_id in self._looked:
                lines.append(self._seen(self._looked[side.integration_id]))
        lines = lines or [(("It is at no platform yet.", "dim"),)]
        return [*lines, *self._settled(record)]

    def _seen(self, fresh: v.FreshLook) -> Line:
        """What the platform itself said when it was asked, and when that was."""
        zone = self.program.account.timezone if self.program.account else "UTC"
        asked = f"   asked at {local(fresh.at, zone):%H:%M:%S}"
        if fresh.problem:
            return ((f"{asked}: ", "dim"), (clean(fresh.problem), "bad"))
        found = ", ".join(f"{id_} {name}".strip() for id_, name in fresh.found) or "nothing"
        return (
            (f"{asked} by {clean(' and by '.join(fresh.asked))}: ", "dim"),
            (clean(found), "info"),
        )

    def _settled(self, record: v.RecordView) -> list[Line]:
        """Fields that both sides changed: what won over what, and the way back."""
        zone = self.program.account.timezone if self.program.account else "UTC"
        lines: list[Line] = []
        for number, conflict in enumerate(record.conflicts[:3]):
            ours, theirs = _words(conflict.perkstar, zone), _words(conflict.platform, zone)
            won, lost = (ours, theirs) if conflict.winner == "perkstar" else (theirs, ours)
            back: Line = (
                ((f"   {self.program.keys.shown('undo')}", "key"), (f" takes {lost}", "dim"))
                if not number
                else ()
            )
            lines.append(((f"≠ {clean(conflict.field)} ", "warn"), (f"{won} won over {lost}", ""), *back))
        return lines

    def _rows(self, record: v.RecordView) -> list[Row]:
        zone = self.program.account.timezone if self.program.account else "UTC"
        rows: list[Row] = []
        sides: list[v.RecordSide | None] = [*record.platforms] or [None]
        for side in sides:
            if side is not None:
                where: Line = (
                    (f" {clean(side.integration_name)} ", "title"),
                    (clean(side.remote_id or "not there yet"), "dim"),
                )
                rows.append(Row(f"head {side.integration_id}", (where,), head=True))
            there = side.values if side else {}
            would = {f.hub: f.would for f in side.fields if f.differs} if side else {}
            for field in dict.fromkeys((*record.hub, *there)):
                ours, theirs = _words(record.hub.get(field), zone), _words(there.get(field), zone)
                differs = side is not None and field in side.differs
                note: Line = ((f"≠ {would.get(field) or 'will be sent'}" if differs else "", "warn"),)
                key = f"{side.integration_id if side else ''} {field}"
                tone = "warn" if differs else ""
                rows.append(
                    Row(key, (((clean(field), "dim"),), ((ours, tone),), ((theirs, tone or "dim"),), note))
                )
        return rows

    def action_test(self) -> None:
        """Ask the platforms for it now."""
        self._fresh = True
        self.program.say("Asking the platforms …")
        self.renew()

    def action_why(self) -> None:
        name = self.record.id if self.record else self._wanted
        self.program.show_why(name, self._integration, clean(name))

    def action_queue(self) -> None:
        sides = self.record.platforms if self.record else ()
        self.program.show_queue(item=next((side.item for side in sides if side.item), ""))

    def label_of(self, key: Key) -> str:
        return "ask the platforms" if key.id == "test" else super().label_of(key)

    def action_retry(self) -> None:
        failing = self._failing()
        if not failing or self.record is None:
            self.program.say("It is neither held nor refused, so there is nothing to retry.")
            return
        hub, record = self.program.hub, self.record.id

        def retry() -> int:
            return sum(hub.retry(side.integration_id, [record]) for side in failing)

        self.program.act(retry, "It is tried again with the next run.")

    def action_undo(self) -> None:
        """Give the field of the newest settled conflict the value that lost."""
        conflict = self.record.conflicts[0] if self.record and self.record.conflicts else None
        if conflict is None:
            self.program.say("No conflict of this record was settled.")
            return
        if self.program.refused():
            return
        hub = self.program.hub

        async def undoing() -> None:
            if await self.program.attempt(hub.undo_conflict, conflict.id) is not None:
                self.program.say(
                    f"{clean(conflict.field)} has its other value again; the next runs carry it over."
                )
                await self.load()

        self.program.begin(undoing)

    def action_copy_id(self) -> None:
        self.program.copy_text(self.record.id if self.record else self._wanted, "the record's id")


def title_of(record: v.RecordView) -> str:
    """What a person calls a record: its name, else its e-mail address, else its id."""
    values = record.hub
    name = " ".join(str(values[k]) for k in ("first_name", "last_name") if values.get(k))
    return clean(name or values.get("email") or record.id)


FINE = ("", "in_step", "told")
_SIGNS = {
    "linked": ("●", "good"),
    "held": ("▲", "warn"),
    "duplicate": ("▲", "warn"),
    "gone": ("×", "dim"),
    "excluded": ("○", "dim"),
}


def _words(value: object, zone: str) -> str:
    if value is None or value == "":
        return "–"
    if value is True or value is False:
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{local(value, zone):%d %b %Y %H:%M}"
    if isinstance(value, list | tuple):
        return clean(", ".join(str(part) for part in value)) or "–"
    return clean(value)

"""What of a run can be taken back, pure: only what nothing newer depends on; the rest is named with its reason.

The rules, one function each. A field goes back while it has the value and the writer that the run gave it. A customer
that the run made is put away while nobody has written to it since, and it has no sale, no card and no record at
another platform. A credit goes back while its sale was not refunded by a later run and its points were not spent.
Consent is never raised by an undo (H11).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from perkstar_tui.model.remote import Value

from .changes import FieldChange
from .plan import LET_GO

CONSENT = "marketing_consent"


@dataclass(frozen=True, slots=True)
class Person:
    """A customer as it stands now, as far as an undo asks for it."""

    values: Mapping[str, Value]
    provenance: Mapping[str, Any]
    archived: bool = False
    sales: int = 0
    """Lines of the ledger, those of the run itself left out."""
    cards: int = 0
    elsewhere: tuple[str, ...] = ()
    """Other integrations that have a record of it, by name."""

    def writer(self, name: str) -> tuple[str, int] | None:
        """Who wrote a field last, and when. What an undo emptied was written here."""
        found = self.provenance.get(name)
        if not found:
            return None
        return ("local" if found[0] == LET_GO else str(found[0]), int(found[1]))


def field_stays(
    name: str,
    change: FieldChange,
    person: Person | None,
    *,
    taken: bool = False,
    call: Mapping[str, str] | None = None,
) -> str:
    """Why a field can't get its value from before the run; empty when it can.

    `taken` says that the value before belongs to another customer by now; `call` are the names of origins.
    """
    if person is None:
        return "the customer is not here any more"
    if person.archived:
        return "the customer is archived"
    writer = person.writer(name)
    if person.values.get(name) != change.after or writer != change.stamp:
        return f"changed since by {_called(writer, call)}"
    if name == CONSENT and change.after != "yes":
        return "consent is never raised by an undo"
    if taken:
        return "the value before belongs to another customer now"
    return ""


def person_stays(
    person: Person | None, origins: Collection[str], until_ms: int, call: Mapping[str, str] | None = None
) -> str:
    """Why a customer that the run made can't be put away; empty when it can.

    `origins` and `until_ms` say whose writing is the run's own, and until when.
    """
    if person is None:
        return "it is not here any more"
    if person.archived:
        return "it is archived already"
    for name in sorted(person.provenance):
        writer = person.writer(name)
        if writer is not None and (writer[0] not in origins or writer[1] > until_ms):
            return f"{name} was changed since by {_called(writer, call)}"
    if person.sales:
        return f"{person.sales} sale{'s were' if person.sales > 1 else ' was'} booked for it"
    if person.cards:
        return "it has a card"
    if person.elsewhere:
        return f"it is at {' and '.join(person.elsewhere)} too"
    return ""


def _called(writer: tuple[str, int] | None, call: Mapping[str, str] | None) -> str:
    if writer is None:
        return "somebody"
    own = {"local": "hand", "cloud": "Perkstar"}
    return (call or {}).get(writer[0]) or own.get(writer[0], "another integration")


@dataclass(frozen=True, slots=True)
class Booked:
    """A line of the ledger that the run decided. `effect` is what it did, or is to do, to the card's balance."""

    id: str
    kind: str
    state: str
    effect: int
    card_id: str | None
    order: int
    """Grows with time: the newest goes first."""
    refunded_since: int = 0
    """Points that refunds of later runs, or an earlier undo, moved back of it."""
    under_way: bool = False
    """Whether the cloud was told of it, and has not been heard yet."""


class Verdict(NamedTuple):
    """What becomes of a line: `counter` (an entry of `points` against it), `cancel` (it was not booked yet), `none`
    (it gave nothing), or `stays`, with the reason.
    """

    act: str
    points: int = 0
    reason: str = ""


@dataclass(slots=True)
class _Cards:
    left: dict[str, int] = field(default_factory=dict)

    def take(self, card_id: str, points: int) -> bool:
        if points > self.left.get(card_id, 0):
            return False
        self.left[card_id] = self.left.get(card_id, 0) - points
        return True


def judge_sales(lines: Iterable[Booked], balances: Mapping[str, int]) -> dict[str, Verdict]:
    """What can be taken back of each line, with the balances that the cards have now; none goes below zero.

    Refunds give back first; then the newest sales are taken back as far as the points are still there.
    """
    cards = _Cards(dict(balances))
    found: dict[str, Verdict] = {}
    for line in sorted(lines, key=lambda line: (line.effect > 0, -line.order)):
        found[line.id] = _judge(line, cards)
    return found


def _judge(line: Booked, cards: _Cards) -> Verdict:
    if line.state == "none":
        return Verdict("none")
    if line.refunded_since:
        return Verdict("stays", 0, "a later refund, or another undo, took points of it back already")
    if line.under_way:
        return Verdict("stays", 0, "its booking is under way: sync once, then undo")
    if line.state in ("pending", "queued", "held"):
        return Verdict("cancel", line.effect if line.state == "queued" else 0)
    if line.card_id is None or not line.effect:
        return Verdict("none")
    if line.effect < 0:
        cards.left[line.card_id] = cards.left.get(line.card_id, 0) - line.effect
        return Verdict("counter", -line.effect)
    if not cards.take(line.card_id, line.effect):
        have = cards.left.get(line.card_id, 0)
        return Verdict("stays", 0, f"only {have} of its {line.effect} points are left on the card")
    return Verdict("counter", -line.effect)

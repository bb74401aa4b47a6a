"""What waits for a person, and why, as screens and commands show it: plain data (queue, listing and why make it)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

QueueKind = Literal["match", "second", "refused", "conflict"]
KINDS: dict[str, str] = {
    "match": "may be somebody who is here already",
    "second": "is a second record of one customer",
    "refused": "was refused by the platform",
    "conflict": "was changed on both sides, and settled by the rule",
}
"""Kinds of the queue in words."""


@dataclass(frozen=True, slots=True)
class QueueSide:
    """One side of an item: who it is and what is filled. `differs` are fields in which it is not as the other side."""

    id: str
    name: str
    fields: dict[str, Any]
    differs: tuple[str, ...] = ()
    taken: str = ""
    """The record that this customer has at the platform already; empty where it has none."""


@dataclass(frozen=True, slots=True)
class QueueChoice:
    """What can be chosen: the word of `--take`, what it is called, and what it does."""

    take: str
    label: str
    effect: str


@dataclass(frozen=True, slots=True)
class QueueItem:
    """One thing that waits for a person, or that a rule has settled and a person may see otherwise.

    `there` is the platform's side, `here` Perkstar's: the customer, or each one that it may be. `like` counts what
    waits for the same reason, itself among it.
    """

    id: str
    kind: QueueKind
    integration_id: str
    integration_name: str
    record: str
    name: str
    code: str
    reason: str
    remedy: str
    field: str
    since: datetime | None
    there: QueueSide
    here: tuple[QueueSide, ...]
    choices: tuple[QueueChoice, ...]
    like: int = 1
    why: str = ""
    """Of a match: `several` or `contradiction`; of a conflict: who won."""
    base: Any = None
    next_attempt: datetime | None = None
    rules: tuple[str, ...] = ()
    """The choices that can be made a rule."""


@dataclass(frozen=True, slots=True)
class SettlePlan:
    """What settling would do, with nothing done: how many, some names, the effects, and the rule it would make."""

    item: str
    take: str
    count: int
    names: tuple[str, ...]
    effects: tuple[str, ...]
    rule: str = ""
    by_rule: int = 0
    """How many that are held now the rule would settle with the next run."""


@dataclass(frozen=True, slots=True)
class SettleView:
    """What was settled. `id` undoes all of it; `skipped` names what could not be, with the reason."""

    id: str
    take: str
    settled: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    rule: str = ""
    message: str = ""
    undone: bool = False


@dataclass(frozen=True, slots=True)
class RecordCounts:
    """Both sides in numbers: rows of each list, records here and there, and how they differ."""

    data: str
    in_step: int
    left_out: int
    failing: int
    here: int
    """Customers (not archived ones) or sales in Perkstar."""
    there: int
    """Records known at the platform, without those that are gone."""
    both: int
    only_here: int
    only_there: int

    @property
    def total(self) -> int:
        return self.in_step + self.left_out + self.failing


@dataclass(frozen=True, slots=True)
class WhyStep:
    """One step: whether all is well there (None: it doesn't apply), the finding, and what mends it."""

    name: str
    title: str
    ok: bool | None
    finding: str
    remedy: str = ""
    command: str = ""
    key: str = ""
    cause: str = ""
    """The cause in a word, where the step is not well."""


@dataclass(frozen=True, slots=True)
class WhyView:
    """The check as a whole. `cause` is `none` where the data is there, `nowhere` where neither side has it."""

    integration_id: str
    integration_name: str
    record: str | None
    kind: str
    steps: tuple[WhyStep, ...]
    cause: str
    conclusion: str
    remedy: str = ""
    command: str = ""
    key: str = ""

"""Read models of kept plans, of what a run changed, and of what its undo would do or has done."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A record that a run changed. `side` is perkstar, platform or cloud; `act` created, changed, sale, refund,
    archived or restored. `fields` are field, before, after; a before of None was empty, or is not known where `known`
    is False.
    """

    record: str
    name: str
    side: str
    act: str
    fields: tuple[tuple[str, Any, Any], ...] = ()
    remote_id: str | None = None
    points: int = 0
    known: bool = True


@dataclass(frozen=True, slots=True)
class UndoLine:
    """Something that an undo takes back, or leaves with a `reason`. `then` says what the next sync does of it."""

    record: str
    name: str
    what: str
    before: Any = None
    after: Any = None
    reason: str = ""
    then: str = ""


@dataclass(frozen=True, slots=True)
class UndoView:
    """What the undo of a run does, said before (`done` False) or after. Lists may be cut; `counts` are complete.

    `back` goes back, `stays` is left with its reason, `outward` is what the run did at the platform.
    """

    run_id: str
    integration_id: str
    name: str
    done: bool
    back: tuple[UndoLine, ...]
    stays: tuple[UndoLine, ...]
    outward: tuple[UndoLine, ...]
    counts: dict[str, int]
    notes: tuple[str, ...] = ()
    undo_run: str | None = None
    archives: bool = False
    """Whether records that the run created at the platform can be archived there."""


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """A preview that was kept. `state` is open, done, expired or outdated (the settings have changed since)."""

    id: str
    integration_id: str
    created: datetime
    expires: datetime
    who: str
    state: str
    run_id: str | None
    create: int
    update: int
    send: int
    sales: int

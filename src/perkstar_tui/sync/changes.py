"""What a run changed, kept beside it with the values before: what its list of changes and its undo work from (H13).

One row a transaction, written in that transaction, so that it tells neither more nor less than what was committed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from perkstar_tui.model.remote import Value
from perkstar_tui.store import tables as t
from perkstar_tui.store.bulk import insert_rows
from perkstar_tui.store.database import ms

from .context import Leg

CHANGE = t.RunChange

Fields = Mapping[str, Sequence[Value]]
"""A field's value before and after; of a value that was not known before only the one after."""


def keep(leg: Leg, connection: Connection, at: datetime | None = None, **effects: Any) -> None:
    """Keep what this transaction changed; nothing is written for nothing.

    `created` are customers made here, `changed` their fields {customer: {field: [before, after]}}, `sent` what went
    out {customer: [remote id, whether it was created, fields]}, `sales` lines of the ledger whose award was decided.
    """
    found = {name: effect for name, effect in effects.items() if effect}
    if found:
        row = (leg.run_id, leg.id, at or leg.clock.now(), {"origin": leg.config.origin, **found})
        insert_rows(connection, CHANGE, [dict(zip(_COLUMNS, row, strict=True))])


_COLUMNS = ("run_id", "integration_id", "at", "data")


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of a customer: what it was before the run, what the run left, and who wrote that when."""

    before: Value
    after: Value
    stamp: tuple[str, int]
    """As the customer's provenance has it for as long as nobody has written the field since."""


@dataclass(slots=True)
class Sent:
    """What a run sent of a customer: to which record, whether it was created there, each field before and after."""

    remote_id: str
    created: bool
    fields: dict[str, list[Value]]


@dataclass(slots=True)
class Effects:
    """Everything that one leg of a run changed, its parts put together."""

    created: dict[str, datetime] = field(default_factory=dict)
    """Customers that were made here, and when."""
    changed: dict[str, dict[str, FieldChange]] = field(default_factory=dict)
    sent: dict[str, Sent] = field(default_factory=dict)
    sales: list[str] = field(default_factory=list)
    """Lines of the ledger, in the order in which they were decided."""
    archived: list[str] = field(default_factory=list)
    """Customers that an undo put away."""
    counters: list[str] = field(default_factory=list)
    """Entries in the ledger with which an undo took points back."""
    unlinked: dict[str, list[Any]] = field(default_factory=dict)
    """Links that an undo left out: how each stood before, [state, code, reason]."""

    def __bool__(self) -> bool:
        return bool(self.created or self.changed or self.sent or self.sales or self.archived or self.counters)

    def add(self, at: datetime, data: Mapping[str, Any]) -> None:
        """Put a part to those before it: of a field that was changed twice, the first value and the last one."""
        self.created.update(dict.fromkeys(data.get("created", ()), at))
        self.sales += data.get("sales", ())
        self.archived += data.get("archived", ())
        self.counters += data.get("counters", ())
        self.unlinked.update(data.get("unlinked", {}))
        stamp = (str(data.get("origin", "")), ms(at))
        for id_, fields in data.get("changed", {}).items():
            mine = self.changed.setdefault(id_, {})
            for name, (before, after) in fields.items():
                first = mine[name].before if name in mine else before
                mine[name] = FieldChange(first, after, stamp)
        for id_, (remote_id, created, fields) in data.get("sent", {}).items():
            sent = self.sent.setdefault(id_, Sent(remote_id, created, {}))
            sent.created = sent.created or created
            for path, values in fields.items():
                first = sent.fields.get(path, values)
                sent.fields[path] = [*first[:-1], values[-1]]


def effects_of(connection: Connection, run_id: str) -> dict[str, Effects]:
    """What a run changed, by the integration whose leg it was; empty where nothing is kept of it."""
    found: dict[str, Effects] = {}
    for row in connection.execute(select(CHANGE).where(CHANGE.c.run_id == run_id).order_by(CHANGE.c.id)):
        found.setdefault(row.integration_id, Effects()).add(row.at, row.data)
    return found

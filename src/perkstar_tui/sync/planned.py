"""Kept plans: what a rehearsed run would do, noted record by record, and a run that does exactly that (H12).

A note says how a record stood: its fingerprint at the platform, which customer it led to, and that customer's
revision. Where all of it is as it was, the engine decides as it did in the rehearsal; anything else is skipped and
named. What the plan doesn't have is left to the next usual run, and so are the cursors: a plan's run moves none.
"""

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from sqlalchemy import Connection, select, update

from perkstar_tui.model.enums import Level, LinkState, Outcome
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Refund, RemoteRecord, Sale, Value
from perkstar_tui.store import tables as t
from perkstar_tui.store.bulk import insert_rows
from perkstar_tui.store.database import Store

from .context import CUSTOMER, LOG, RUN, Leg, name_of
from .matching import match

if TYPE_CHECKING:
    from .outward import Job
    from .pages import PageWork

PLAN = t.KeptPlan
CODE = "plan"
"""The code of log entries that name a skipped record."""
OWN = "own"
"""A customer that the run itself made or changed: its id and revision are of that run alone."""
MOST = 1000
"""Skipped records that a run's answer names; the log has all."""


class Plan(Protocol):
    """What a leg asks of a plan: whether a record may be worked on as it stands. A rehearsal notes, and lets all."""

    follows: bool

    def inward(
        self, work: "PageWork", record: RemoteRecord, values: dict[str, Value], print_: str
    ) -> None: ...
    def outward(self, leg: Leg, jobs: "list[Job]", *, count: bool) -> "list[Job]": ...
    def sale(self, leg: Leg, connection: Connection, sale: Sale, row: dict[str, Any]) -> bool: ...
    def refund(self, leg: Leg, refund: Refund) -> bool: ...
    def settles(self, leg: Leg, row: Any, values: dict[str, Any]) -> bool: ...


@dataclass
class Notes:
    """The notes of a rehearsal, by record: what a kept plan holds."""

    customers: dict[str, list[Any]] = field(default_factory=dict)
    """By remote id: fingerprint, verdict, the customer and its revision, and whether nothing of it is changed."""
    sent: dict[str, dict[str, Value]] = field(default_factory=dict)
    """By remote id, or by the customer's id where it is created there: the fields."""
    sales: dict[str, list[Any]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """How a person knows the records."""


def _digest(value: Any) -> str:
    return blake2b(repr(value).encode(), digest_size=9).hexdigest()


class Noting:
    """A rehearsal's plan: everything is let through and noted."""

    follows = False

    def __init__(self) -> None:
        self.notes = Notes()
        self._touched: set[str] = set()

    def inward(self, work: "PageWork", record: RemoteRecord, values: dict[str, Value], print_: str) -> None:
        standing = _standing(work, record, values, self._touched)
        before = work.leg.inward.unchanged
        work.one(record, values, print_)
        quiet = work.leg.inward.unchanged > before
        self.notes.customers[record.id] = [print_, *standing, quiet]
        self.notes.names[record.id] = _record_name(work, record, values)

    def outward(self, leg: Leg, jobs: "list[Job]", *, count: bool) -> "list[Job]":
        for job in jobs:
            key = job.change.remote_id or job.customer["id"]
            self.notes.sent[key] = dict(job.change.fields)
            self.notes.names[key] = name_of(job.customer)
        return jobs

    def sale(self, leg: Leg, connection: Connection, sale: Sale, row: dict[str, Any]) -> bool:
        self.notes.sales[f"sale:{sale.id}"] = _sale_standing(leg, connection, sale, row)
        return True

    def refund(self, leg: Leg, refund: Refund) -> bool:
        self.notes.sales[f"refund:{refund.id}"] = [_digest(refund)]
        return True

    def settles(self, leg: Leg, row: Any, values: dict[str, Any]) -> bool:
        self.notes.sales[_settle_key(row)] = _settled(row, values)
        return True


class Following:
    """A kept plan that is carried out: only what stands as it was noted passes; `skipped` names the rest."""

    follows = True

    def __init__(self, id_: str, notes: Notes) -> None:
        self.id = id_
        self.notes = notes
        self.skipped: dict[tuple[str, str], dict[str, str]] = {}
        self.done: set[tuple[str, str]] = set()
        self._touched: set[str] = set()

    def _skip(self, side: str, record: str, reason: str) -> bool:
        name = self.notes.names.get(record, "")
        self.skipped.setdefault(
            (side, record), {"record": record, "name": name, "side": side, "reason": reason}
        )
        return False

    def inward(self, work: "PageWork", record: RemoteRecord, values: dict[str, Value], print_: str) -> None:
        reason = self._differs(work, record, values, print_)
        if reason is None:
            _standing(work, record, values, self._touched)
            self.done.add(("inward", record.id))
            work.one(record, values, print_)
            return
        work.leg.inward.excluded += 1
        if reason:
            self._skip("inward", record.id, reason)

    def _differs(
        self, work: "PageWork", record: RemoteRecord, values: dict[str, Value], print_: str
    ) -> str | None:
        """Why a record is not worked on; None where it stands as noted, empty where there is nothing to say."""
        noted = self.notes.customers.get(record.id)
        if noted is None:
            return ""
        standing = _standing(work, record, values, self._touched, note=False)
        if noted[0] == print_ and noted[1:4] == standing:
            return None
        if noted[4]:
            # It was not to be changed, so the preview did not show it.
            return ""
        if noted[0] != print_:
            return f"it was changed at {work.config.title} since the preview"
        return "its customer was changed in Perkstar since the preview"

    def outward(self, leg: Leg, jobs: "list[Job]", *, count: bool) -> "list[Job]":
        kept = []
        for job in jobs:
            key = job.change.remote_id or job.customer["id"]
            noted = self.notes.sent.get(key)
            if noted is not None and noted == orjson.loads(orjson.dumps(job.change.fields)):
                self.done.add(("outward", key))
                kept.append(job)
                continue
            leg.outward.excluded += count
            if noted is not None:
                self._skip("outward", key, "what would be sent was changed since the preview")
        return kept

    def sale(self, leg: Leg, connection: Connection, sale: Sale, row: dict[str, Any]) -> bool:
        noted = self.notes.sales.get(f"sale:{sale.id}")
        now = _sale_standing(leg, connection, sale, row)
        return self._sale(leg, f"sale:{sale.id}", noted, now)

    def refund(self, leg: Leg, refund: Refund) -> bool:
        key = f"refund:{refund.id}"
        return self._sale(leg, key, self.notes.sales.get(key), [_digest(refund)])

    def settles(self, leg: Leg, row: Any, values: dict[str, Any]) -> bool:
        key = _settle_key(row)
        noted = self.notes.sales.get(key)
        if noted == _settled(row, values):
            self.done.add(("sales", key))
            return True
        return noted is not None and self._skip("sales", key, "it would be credited otherwise than shown")

    def _sale(self, leg: Leg, key: str, noted: list[Any] | None, now: list[Any]) -> bool:
        if noted == now:
            self.done.add(("sales", key))
            return True
        leg.inward.excluded += 1
        if noted is None:
            return False
        changed = noted[0] != now[0]
        words = (
            "it was changed" if changed else "it would be credited otherwise than shown: its customer changed"
        )
        return self._skip("sales", key, f"{words} since the preview")

    def finish(self) -> list[dict[str, str]]:
        """Every record of the plan that was not carried out, with the reason."""
        for side, keys in (
            ("inward", self.notes.customers),
            ("outward", self.notes.sent),
            ("sales", self.notes.sales),
        ):
            for key in keys:
                quiet = side == "inward" and self.notes.customers[key][4]
                if (side, key) not in self.done and not quiet:
                    self._skip(
                        side, key, "there is nothing to do any more: it was done meanwhile, or is gone"
                    )
        return list(self.skipped.values())


def _standing(
    work: "PageWork",
    record: RemoteRecord,
    values: dict[str, Value],
    touched: set[str],
    *,
    note: bool = True,
) -> list[Any]:
    """How a record stands before it is worked on: the verdict, and the customer it leads to with its revision."""
    link = work.links.get(record.id)
    target: str | None = None
    if link is not None and link.hub_id in work.customers and link.state != LinkState.DUPLICATE:
        verdict, target = f"known {link.state}", str(link.hub_id)
    elif record.archived:
        verdict = "archived"
    else:
        found = match(work.keys(record.id, values), work.config.match, work.candidates)
        verdict = found.verdict
        if found.verdict == "one":
            target = found.ids[0]
            if target in work.taken:
                verdict = "held"
    if target is None:
        return [verdict, None, None]
    customer = work.customers[target]
    own = target in touched or customer["created_at"] >= work.leg.started
    if note:
        touched.add(target)
    return [verdict, OWN, None] if own else [verdict, target, customer["revision"]]


def _record_name(work: "PageWork", record: RemoteRecord, values: dict[str, Value]) -> str:
    """How a person knows a remote record: its name as it would be here, else its e-mail address or phone."""
    here = {hub: back(values.get(remote), None) for remote, hub, back, _ in work.inward_lines}
    keys = work.keys(record.id, values)
    return name_of(here) or str(keys.get("email") or keys.get("phone") or "")


def _sale_standing(leg: Leg, connection: Connection, sale: Sale, row: dict[str, Any]) -> list[Any]:
    who = row["customer_id"]
    if who is not None:
        made = connection.execute(select(CUSTOMER.c.created_at).where(CUSTOMER.c.id == who)).scalar()
        who = OWN if made is not None and made >= leg.started else who
    return [_digest(sale), row["state"], row["earned"], who]


def _settle_key(row: Any) -> str:
    return f"settle:{row.line_kind}:{row.remote_id}"


def _settled(row: Any, values: dict[str, Any]) -> list[Any]:
    return [str(values.get("state", row.state)), int(values.get("earned", row.earned))]


# -- in the store -----------------------------------------------------------------------------------------------


def as_kept(notes: Notes) -> dict[str, Any]:
    """Notes in the form in which they are kept."""
    return {name: getattr(notes, name) for name in notes.__dataclass_fields__}


def claim(store: Store, integration: Any, plan_id: str, now: datetime) -> Following:
    """A kept plan, to be carried out now. Raises NOT_FOUND, USAGE once it was carried out, and PREVIEW_OWED where it
    is too old or the settings have changed since: what was shown holds no more.
    """
    with store.read() as connection:
        row = connection.execute(
            select(PLAN).where(PLAN.c.id == plan_id, PLAN.c.integration_id == integration.id)
        ).first()
        ran = row.run_id if row is not None else None
        outcome = connection.execute(select(RUN.c.outcome).where(RUN.c.id == ran)).scalar() if ran else None
    again = f"`perkstar preview {integration.id} --keep` makes a new one."
    if row is None:
        raise PerkstarError(
            ErrorKind.NOT_FOUND,
            f"{integration.name} has no plan {plan_id!r}: plans are kept for some days.",
            remedy=again,
            integration_id=integration.id,
        )
    if outcome in (Outcome.SUCCEEDED, Outcome.PARTLY):
        raise PerkstarError(
            ErrorKind.USAGE,
            f"The plan {plan_id} was carried out already, by {row.run_id}.",
            remedy=again,
            integration_id=integration.id,
        )
    if row.expires_at <= now or row.config_version != integration.config_version:
        why = "is too old" if row.expires_at <= now else "was made under other settings"
        raise PerkstarError(
            ErrorKind.PREVIEW_OWED,
            f"The plan {plan_id} {why}: what it shows holds no more.",
            remedy=again,
            integration_id=integration.id,
        )
    return Following(plan_id, Notes(**row.plan))


def begin(connection: Connection, plan_id: str, run_id: str) -> None:
    """The plan belongs to a run now; a run that was cut off may be begun again."""
    connection.execute(update(PLAN).where(PLAN.c.id == plan_id).values(run_id=run_id))


def close(connection: Connection, leg: Leg | None, plan: Following) -> dict[str, Any]:
    """What the run's row tells of its plan; every skipped record is in the log."""
    skipped = plan.finish()
    if leg is not None:
        entries = [
            leg.entry(
                Level.INFO,
                CODE,
                f"Skipped: {one['reason']}.",
                remedy="The next sync looks at it anew.",
                record=one["record"],
                record_name=one["name"],
            )
            for one in skipped
        ]
        insert_rows(connection, LOG, entries)
    return {"plan": plan.id, "skipped": skipped[:MOST], "skipped_total": len(skipped)}

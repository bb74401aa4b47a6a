"""Previews that are kept, to be carried out as they were shown (H12)."""

from datetime import timedelta
from typing import Any

from sqlalchemy import insert, select

from perkstar_tui.model.enums import Outcome
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id
from perkstar_tui.sync import planned
from perkstar_tui.sync.context import RUN
from perkstar_tui.sync.planned import PLAN, Notes

from . import views as v
from .bench import Bench

KEPT = timedelta(days=7)
"""How long a plan can be carried out; then it is forgotten, since it holds personal data."""


def refuse_unplanned(bench: Bench, row: Any) -> None:
    """A platform that is only told of things is not run by a plan. Raises USAGE."""
    config = bench.configure(row)
    if config.rows is not None:
        raise PerkstarError(
            ErrorKind.USAGE,
            f"{config.title} only takes rows: there is no plan to keep, a row is told once whatever happens.",
            remedy="Preview without keeping, then sync.",
            integration_id=row.id,
        )


def keep(bench: Bench, row: Any, view: v.PreviewView, notes: Notes) -> v.PlanSummary:
    """Keep a rehearsed run as a plan."""
    now = bench.clock.now()
    id_ = new_id("pln")
    with bench.store.write() as connection:
        connection.execute(
            insert(PLAN).values(
                id=id_,
                integration_id=row.id,
                config_version=row.config_version,
                created_at=now,
                expires_at=now + KEPT,
                who=bench.who(),
                plan=planned.as_kept(notes),
                shown=v.as_json(view),
            )
        )
        size = {"customers": len(notes.customers), "sent": len(notes.sent), "sales": len(notes.sales)}
        bench.audit(connection, "keep_plan", row.id, None, {"plan": id_, **size})
    return next(plan for plan in kept(bench, row) if plan.id == id_)


def kept(bench: Bench, row: Any) -> list[v.PlanSummary]:
    """The plans of an integration that are kept, newest first."""
    now = bench.clock.now()
    with bench.store.read() as connection:
        rows = connection.execute(
            select(PLAN, RUN.c.outcome)
            .outerjoin(RUN, RUN.c.id == PLAN.c.run_id)
            .where(PLAN.c.integration_id == row.id)
            .order_by(PLAN.c.id.desc())
        ).all()
    found = []
    for one in rows:
        if one.outcome in (Outcome.SUCCEEDED, Outcome.PARTLY):
            state = "done"
        elif one.expires_at <= now:
            state = "expired"
        else:
            state = "open" if one.config_version == row.config_version else "outdated"
        shown = one.shown["inward"]
        out = one.shown["outward"]
        found.append(
            v.PlanSummary(
                one.id,
                one.integration_id,
                one.created_at,
                one.expires_at,
                one.who,
                state,
                one.run_id,
                shown["create_total"],
                shown["update_total"],
                out["create_total"] + out["update_total"],
                len(one.plan["sales"]),
            )
        )
    return found

"""Conflicts that a rule has settled: listed, and undone by giving the field its other value (H2)."""

from typing import Any

from sqlalchemy import delete, func, select, update

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.normal import email_key, phone_key
from perkstar_tui.store import tables as t
from perkstar_tui.store.database import ms
from perkstar_tui.sync.context import name_of

from . import views as v
from .bench import Bench
from .reading import CUSTOMER

CONFLICT = t.Conflict


def conflicts(
    bench: Bench, integration_id: str | None, offset: int, limit: int, record: str | None = None
) -> v.PageOf:
    """Settled conflicts, newest first, with the three values each; of one customer where `record` names one."""
    query = select(CONFLICT)
    if record:
        query = query.where(CONFLICT.c.hub_id == record)
    if integration_id:
        query = query.where(CONFLICT.c.integration_id == integration_id)
    with bench.store.read() as connection:
        total = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
        rows = connection.execute(query.order_by(CONFLICT.c.id.desc()).offset(offset).limit(limit)).all()
        people = {
            row.id: name_of(row)
            for row in connection.execute(select(CUSTOMER).where(CUSTOMER.c.id.in_([r.hub_id for r in rows])))
        }
    views = tuple(
        v.ConflictView(
            r.id,
            r.integration_id,
            r.hub_id,
            people.get(r.hub_id, ""),
            r.field,
            r.base,
            r.hub,
            r.remote,
            r.winner,
            r.at,
        )
        for r in rows
    )
    return v.PageOf(views, total, offset)


def undo(bench: Bench, conflict_id: str) -> str:
    """Give the field the value that lost, as a change made here: the next runs carry it to both sides.

    Answers the customer's id. Raises NOT_FOUND, or CONFLICT when the field has changed again since.
    """
    account = bench.need_account()
    now = bench.clock.now()
    with bench.store.write() as connection:
        revision = bench.store.next_revisions(connection, 1)
        row = connection.execute(select(CONFLICT).where(CONFLICT.c.id == conflict_id)).first()
        if row is None:
            raise PerkstarError(
                ErrorKind.NOT_FOUND,
                f"There is no conflict {conflict_id!r}.",
                remedy="`perkstar conflicts` lists them.",
            )
        customer: Any = connection.execute(select(CUSTOMER).where(CUSTOMER.c.id == row.hub_id)).one()
        won, lost = (row.hub, row.remote) if row.winner == "perkstar" else (row.remote, row.hub)
        if getattr(customer, row.field) != won:
            raise PerkstarError(
                ErrorKind.CONFLICT,
                f"{row.field} has changed again since that conflict was settled.",
                remedy=f"Look at it with `perkstar record {row.hub_id}`.",
                field=row.field,
            )
        values: dict[str, Any] = {row.field: lost, "revision": revision, "updated_at": now}
        values["provenance"] = {**customer.provenance, row.field: ["local", ms(now)]}
        if row.field == "email":
            values["email_key"] = email_key(lost)
        elif row.field == "phone":
            values["phone_key"] = phone_key(lost, account.country)
        connection.execute(update(CUSTOMER).where(CUSTOMER.c.id == row.hub_id).values(**values))
        connection.execute(delete(CONFLICT).where(CONFLICT.c.id == row.id))
        bench.audit(connection, "undo_conflict", row.integration_id, {row.field: won}, {row.field: lost})
    return str(row.hub_id)

"""The alerts themselves: conditions fold into them, a person silences them, and they end by themselves."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, case, delete, func, insert, select, update

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id
from perkstar_tui.store import tables as t

from .. import views as v
from ..bench import Bench
from .conditions import KINDS, LEVELS, Condition
from .views import AlertView

ALERT = t.Alert
TOLD = t.AlertTold
OPEN, ACKED, RESOLVED = STATES = ("open", "acked", "resolved")
BACK = timedelta(hours=1)
"""What comes back within this time is the same alert again, so that one that flickers is not many."""
KEPT = timedelta(days=90)


def differs(live: Sequence[Any], found: Sequence[Condition]) -> bool:
    """Whether the alerts that stand are not what is so now: only then is there anything to write."""
    known = {(row.kind, row.subject): row for row in live}
    return set(known) != {(one.kind, one.subject) for one in found} or any(
        _changed(known[one.kind, one.subject], _values(one)) for one in found
    )


def _changed(row: Any, values: dict[str, Any]) -> bool:
    return any(getattr(row, name) != _kept(value) for name, value in values.items())


def standing(connection: Connection, unknown: Collection[str] = ()) -> list[Any]:
    """The alerts that are not over, but for kinds of which it is `unknown` what is so now."""
    known = (ALERT.c.state != RESOLVED) & ALERT.c.kind.not_in(list(unknown))
    return list(connection.execute(select(ALERT).where(known)).all())


def fold(
    connection: Connection, found: Sequence[Condition], now: datetime, unknown: Collection[str] = ()
) -> int:
    """Bring the alerts to what is so now; answers how many of them changed. Those of `unknown` kinds stay."""
    live = {(row.kind, row.subject): row for row in standing(connection, unknown)}
    changes = 0
    for condition in found:
        row, values = live.pop((condition.kind, condition.subject), None), _values(condition)
        if row is None:
            _open(connection, condition, values, now)
        elif _changed(row, values):
            connection.execute(update(ALERT).where(ALERT.c.id == row.id).values(**values))
        else:
            continue
        changes += 1
    for row in live.values():
        over = update(ALERT).where(ALERT.c.id == row.id, ALERT.c.state != RESOLVED)
        connection.execute(over.values(state=RESOLVED, resolved_at=now))
        changes += 1
    return changes


def _kept(value: Any) -> Any:
    """A value as the store gives it back: moments to the millisecond."""
    if isinstance(value, datetime):
        return datetime.fromtimestamp(round(value.timestamp() * 1000) / 1000, value.tzinfo)
    return value


def _values(condition: Condition) -> dict[str, Any]:
    return {
        "level": condition.level,
        "message": condition.message,
        "remedy": condition.remedy,
        "count": condition.count,
        "last_at": condition.last,
        "code": condition.code,
        "name": condition.name,
        "command": condition.command,
        "key": condition.key,
    }


def _open(connection: Connection, condition: Condition, values: dict[str, Any], now: datetime) -> None:
    before = connection.execute(
        select(ALERT.c.id)
        .where(
            ALERT.c.kind == condition.kind,
            ALERT.c.subject == condition.subject,
            ALERT.c.resolved_at > now - BACK,
        )
        .order_by(ALERT.c.id.desc())
        .limit(1)
    ).scalar()
    fresh = {"state": OPEN, "opened_at": now, "resolved_at": None, "acked_by": "", "acked_at": None}
    if before is not None:
        connection.execute(update(ALERT).where(ALERT.c.id == before).values(**values, **fresh))
        return
    connection.execute(
        insert(ALERT).values(
            id=new_id("alt"),
            kind=condition.kind,
            subject=condition.subject,
            integration_id=condition.integration_id,
            first_at=condition.since,
            **values,
            **fresh,
        )
    )


def prune(connection: Connection, now: datetime) -> None:
    """Forget what has been over for long."""
    gone = select(ALERT.c.id).where(ALERT.c.state == RESOLVED, ALERT.c.resolved_at < now - KEPT)
    connection.execute(delete(TOLD).where(TOLD.c.alert_id.in_(gone)))
    connection.execute(delete(ALERT).where(ALERT.c.state == RESOLVED, ALERT.c.resolved_at < now - KEPT))


# -- what is shown ---------------------------------------------------------------------------------------------


def alerts(
    bench: Bench,
    state: str | None,
    level: str | None,
    kind: str | None,
    integration_id: str | None,
    offset: int,
    limit: int,
) -> v.PageOf:
    """Alerts, those that stand first, the most urgent of them first. `state` None: all that are not over."""
    query = select(ALERT)
    for given, known, what in (
        (state, (*STATES, "all"), "state"),
        (level, LEVELS, "level"),
        (kind, KINDS, "kind"),
    ):
        if given is not None and given not in known:
            raise PerkstarError(
                ErrorKind.USAGE,
                f"There is no {what} {given!r}.",
                remedy=f"Use {', '.join(known)}.",
                field=what,
            )
    if state is None:
        query = query.where(ALERT.c.state != RESOLVED)
    elif state != "all":
        query = query.where(ALERT.c.state == state)
    if level is not None:
        query = query.where(ALERT.c.level.in_(LEVELS[LEVELS.index(level) :]))
    if kind is not None:
        query = query.where(ALERT.c.kind == kind)
    if integration_id is not None:
        query = query.where(ALERT.c.integration_id == integration_id)
    by_state = case((ALERT.c.state == OPEN, 0), (ALERT.c.state == ACKED, 1), else_=2)
    by_level = case((ALERT.c.level == "critical", 0), (ALERT.c.level == "warning", 1), else_=2)
    with bench.store.read() as connection:
        total = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
        rows = connection.execute(
            query.order_by(by_state, by_level, ALERT.c.opened_at.desc(), ALERT.c.id)
            .offset(offset)
            .limit(limit)
        ).all()
        told: dict[str, list[str]] = {}
        for row in connection.execute(
            select(TOLD.c.alert_id, TOLD.c.route)
            .where(TOLD.c.alert_id.in_([row.id for row in rows]), TOLD.c.said != "passed")
            .order_by(TOLD.c.route)
        ):
            told.setdefault(row.alert_id, []).append(row.route)
    return v.PageOf(tuple(alert_view(row, told.get(row.id, ())) for row in rows), total, offset)


def alert_view(row: Any, told: Sequence[str] = ()) -> AlertView:
    kind = KINDS.get(row.kind)
    return AlertView(
        id=row.id,
        kind=row.kind,
        title=kind.title if kind is not None else row.kind,
        level=row.level,
        state=row.state,
        subject=row.subject,
        name=row.name,
        integration_id=row.integration_id,
        message=row.message,
        remedy=row.remedy,
        key=row.key,
        command=row.command,
        code=row.code,
        first_at=row.first_at,
        last_at=row.last_at,
        count=row.count,
        acked_by=row.acked_by,
        acked_at=row.acked_at,
        resolved_at=row.resolved_at,
        told=tuple(told),
    )


def find(bench: Bench, alert_id: str) -> Any:
    """An alert by its id or a unique prefix of it. Raises NOT_FOUND or AMBIGUOUS."""
    wanted = alert_id.strip()
    with bench.store.read() as connection:
        rows = connection.execute(select(ALERT).where(ALERT.c.id == wanted)).all()
        if not rows and len(wanted) >= 8:
            start = ALERT.c.id.startswith(wanted, autoescape=True)
            rows = connection.execute(select(ALERT).where(start).limit(2)).all()
    if len(rows) == 1:
        return rows[0]
    kind = ErrorKind.AMBIGUOUS if rows else ErrorKind.NOT_FOUND
    raise PerkstarError(
        kind, f"There is no single alert {wanted[:60]!r}.", remedy="`perkstar alerts` lists them."
    )


def ack(bench: Bench, alert_id: str, *, back: bool = False) -> AlertView:
    """Silence an alert until it is over, or let it speak again. Raises USAGE for one that is over."""
    row = find(bench, alert_id)
    if row.state == RESOLVED:
        raise PerkstarError(
            ErrorKind.USAGE, "That alert is over already.", remedy="`perkstar alerts` lists what stands."
        )
    now = bench.clock.now()
    values: dict[str, Any] = {"state": OPEN, "acked_by": "", "acked_at": None}
    if not back:
        values = {"state": ACKED, "acked_by": bench.who(), "acked_at": now}
    if row.state != values["state"]:
        with bench.store.write() as connection:
            still = update(ALERT).where(ALERT.c.id == row.id, ALERT.c.state == row.state)
            if connection.execute(still.values(**values)).rowcount:
                act = "alert_unack" if back else "alert_ack"
                bench.audit(connection, act, row.integration_id, None, {"alert": row.id, "kind": row.kind})
    return alert_view(find(bench, row.id))

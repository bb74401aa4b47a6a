"""From alerts to messages: what each route has still to be told, written down once, then tried until it is taken.

A message and the note that its alerts were told are one transaction, so each waits exactly once. An attempt is noted
before it is made: a crash in between repeats it later, under the same id, by which mail programs and receivers fold it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from perkstar_tui.model.ids import new_id

from .book import ALERT, OPEN, RESOLVED, TOLD, alert_view
from .conditions import CRITICAL, LEVELS
from .facts import ROUTE, SENDING
from .quiet import is_quiet
from .routes import EMAIL, OUTSIDE, option, wants
from .words import OPENED, OVER, PASSED, REMINDER, body, payload, title

PAUSES_S = (10, 60, 300, 1800, 7200, 21600, 43200)
"""How long after each failed attempt the next one comes; after the last one it is given up."""
SETTLE = timedelta(seconds=5)
"""How long a new alert waits for others, so that what breaks together is told together."""
PENDING, SENT, DEAD = "pending", "sent", "dead"
KEPT = timedelta(days=30)
LOOKED_BACK = timedelta(hours=36)
"""How old something may be that came and went untold, such as in quiet hours."""


@dataclass(frozen=True, slots=True)
class Item:
    """An alert and what a route is to be told of it."""

    event: str
    row: Any


def due_items(connection: Connection, route: Any, now: datetime, *, quiet: bool) -> list[Item]:
    """What a route has still to be told, now."""
    told = {row.alert_id: row for row in connection.execute(select(TOLD).where(TOLD.c.route == route.name))}
    rows = connection.execute(
        select(ALERT)
        .where((ALERT.c.state == OPEN) | (ALERT.c.resolved_at > now - LOOKED_BACK))
        .order_by(ALERT.c.id)
    ).all()
    remind = timedelta(hours=int(option(route, "remind_hours")))
    over = option(route, "resolved") == "yes"
    found = []
    for row in rows:
        if row.subject == f"route:{route.name}" or not wants(route, row.kind, row.level):
            continue
        before = told.get(row.id)
        event = ""
        if row.state == OPEN:
            if before is None or before.said != OPEN or LEVELS.index(row.level) > LEVELS.index(before.level):
                event = OPENED
            elif remind and now - before.at >= remind:
                event = REMINDER
        elif before is not None and before.said == OPEN:
            event = OVER if over else ""
        elif before is None and over and row.opened_at >= route.changed_at:
            event = PASSED
        if event:
            found.append(Item(event, row))
    if quiet:
        loud = option(route, "break_through") == "yes"
        found = [item for item in found if loud and item.event == OPENED and item.row.level == CRITICAL]
    return found


def next_items(
    connection: Connection, route: Any, account: Any, now: datetime, settle: timedelta = SETTLE
) -> list[Item]:
    """What the next message of a route says; nothing if none is to be written now."""
    if not route.enabled or route.kind not in OUTSIDE:
        return []
    waiting, newest = connection.execute(
        select(func.count().filter(SENDING.c.state == PENDING), func.max(SENDING.c.created_at)).where(
            SENDING.c.route == route.name
        )
    ).one()
    # One at a time: what comes while a message waits to be taken is folded into the next one.
    if waiting or (newest and now - newest < timedelta(minutes=int(option(route, "every_minutes")))):
        return []
    items = due_items(connection, route, now, quiet=is_quiet(route.quiet, now, account.timezone))
    fresh = [item.row.opened_at for item in items if item.event == OPENED]
    unsettled = fresh and now - max(fresh) < settle and now - min(fresh) < 3 * settle
    return [] if unsettled else items


def write_down(
    connection: Connection, route: Any, account: Any, now: datetime, settle: timedelta = SETTLE
) -> str | None:
    """Write the next message of a route, if there is one to be sent now. Answers its id."""
    items = next_items(connection, route, account, now, settle)
    if not items:
        return None
    id_ = new_id("msg")
    views = [(item.event, alert_view(item.row)) for item in items]
    text = (
        body(views, account.name, route.name, account.timezone, now)
        if route.kind == EMAIL
        else payload(views, now).decode()
    )
    connection.execute(
        insert(SENDING).values(
            id=id_,
            route=route.name,
            about=[{"alert": item.row.id, "event": item.event} for item in items],
            title=title(views, account.name),
            body=text,
            state=PENDING,
            created_at=now,
            attempts=0,
            next_attempt=now,
            problem="",
        )
    )
    for item in items:
        note(connection, item, route.name, now)
    return id_


def note(connection: Connection, item: Item, route: str, now: datetime) -> None:
    """Keep what a route is told of an alert."""
    said = {OPENED: OPEN, REMINDER: OPEN, OVER: RESOLVED, PASSED: RESOLVED}[item.event]
    values = {"said": said, "level": item.row.level, "at": now}
    mine = (TOLD.c.alert_id == item.row.id) & (TOLD.c.route == route)
    if not connection.execute(update(TOLD).where(mine).values(**values)).rowcount:
        connection.execute(insert(TOLD).values(alert_id=item.row.id, route=route, **values))


def due(connection: Connection, now: datetime) -> Sequence[Any]:
    """Messages whose next attempt is due, of routes that are on."""
    return connection.execute(
        select(SENDING)
        .join(ROUTE, ROUTE.c.name == SENDING.c.route)
        .where(SENDING.c.state == PENDING, SENDING.c.next_attempt <= now, ROUTE.c.enabled)
        .order_by(SENDING.c.id)
    ).all()


def claim(connection: Connection, sending: Any, now: datetime) -> None:
    """Note an attempt before it is made, and when the next one would be."""
    pause = PAUSES_S[min(sending.attempts, len(PAUSES_S) - 1)]
    connection.execute(
        update(SENDING)
        .where(SENDING.c.id == sending.id)
        .values(attempts=sending.attempts + 1, tried_at=now, next_attempt=now + timedelta(seconds=pause))
    )


def record(connection: Connection, sending: Any, *, ok: bool, words: str, final: bool, now: datetime) -> None:
    """Keep what came of an attempt. `sending` is the row as it was before the attempt."""
    last = final or sending.attempts >= len(PAUSES_S)
    state = SENT if ok else DEAD if last else PENDING
    values: dict[str, Any] = {"state": state, "problem": words}
    if state != PENDING:
        values["next_attempt"] = None
    connection.execute(update(SENDING).where(SENDING.c.id == sending.id).values(**values))
    failures = 0 if ok else ROUTE.c.failures + 1
    connection.execute(
        update(ROUTE).where(ROUTE.c.name == sending.route).values(problem=words, failures=failures)
    )
    if ok:
        old = (SENDING.c.state != PENDING) & (SENDING.c.created_at < now - KEPT)
        connection.execute(delete(SENDING).where(SENDING.c.route == sending.route, old))

"""Endpoints of the platform `webhook`: what they were told, what waits, what was given up, and telling it again."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson
from sqlalchemy import func, select, update

from perkstar_tui.model.enums import Kind, Status
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.platforms.signing import made_secret
from perkstar_tui.store import tables as t
from perkstar_tui.sync.deliveries import DEAD, DELIVERED, PENDING

from . import views as v
from .bench import INTEGRATION, Bench
from .credentials import StoredCredential
from .reading import registered

DELIVERY = t.Delivery
STATES = (PENDING, DELIVERED, DEAD)


def endpoints(bench: Bench) -> list[v.EndpointView]:
    """Every endpoint that is not disconnected, with how its deliveries stand."""
    with bench.store.read() as connection:
        rows = connection.execute(
            select(INTEGRATION)
            .where(
                INTEGRATION.c.kind == Kind.WEBHOOK.value, INTEGRATION.c.status != Status.DISCONNECTED.value
            )
            .order_by(INTEGRATION.c.id)
        ).all()
        counts = {
            (row.integration_id, row.state): row.n
            for row in connection.execute(
                select(DELIVERY.c.integration_id, DELIVERY.c.state, func.count().label("n")).group_by(
                    DELIVERY.c.integration_id, DELIVERY.c.state
                )
            )
        }
        addresses = registered(connection)
    return [
        v.EndpointView(
            id=row.id,
            name=row.name,
            status=row.status,
            status_reason=row.status_reason,
            url=_shown(_credential(bench, row.id).get("url") or ""),
            address=addresses.get(row.id, ""),
            direction=row.config["direction"],
            data=tuple(row.config["data"]),
            pending=counts.get((row.id, PENDING), 0),
            delivered=counts.get((row.id, DELIVERED), 0),
            dead=counts.get((row.id, DEAD), 0),
        )
        for row in rows
    ]


def _shown(url: str) -> str:
    """An address without what may be a secret in its query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "…" if parts.query else "", ""))


def _credential(bench: Bench, integration_id: str) -> dict[str, Any]:
    return StoredCredential(bench.store, bench.vault, integration_id, bench.clock).read()


def need(bench: Bench, row: Any) -> Any:
    """An integration that is an endpoint. Raises USAGE for any other."""
    if row.kind != Kind.WEBHOOK.value:
        raise PerkstarError(
            ErrorKind.USAGE,
            f"{row.name} is no webhook of yours, it is {bench.catalog[row.platform].title}.",
            remedy="`perkstar webhooks` lists them.",
            integration_id=row.id,
        )
    return row


def secret(bench: Bench, row: Any) -> str:
    """What deliveries of an endpoint are signed with."""
    return str(_credential(bench, need(bench, row).id)["secret"])


def rotated(bench: Bench, row: Any, *, done: bool) -> str:
    """The secrets of an endpoint with a new one in front of the one before, or the newest alone. Raises USAGE."""
    known = secret(bench, row).split()
    if not done:
        return f"{made_secret()} {known[0]}"
    if len(known) < 2:
        raise PerkstarError(
            ErrorKind.USAGE,
            f"{row.name} has one secret, and no older one to let go of.",
            remedy="`perkstar webhooks rotate NAME` makes a new one first.",
            integration_id=row.id,
        )
    return known[0]


def deliveries(bench: Bench, row: Any, state: str | None, offset: int, limit: int) -> v.PageOf:
    """What an endpoint was told or is to be told, the newest first."""
    if state is not None and state not in STATES:
        raise PerkstarError(
            ErrorKind.USAGE,
            f"There is no state {state!r}.",
            remedy=f"Use {', '.join(STATES)}.",
            field="state",
        )
    of = [DELIVERY.c.integration_id == need(bench, row).id]
    if state is not None:
        of.append(DELIVERY.c.state == state)
    with bench.store.read() as connection:
        total = connection.execute(select(func.count()).select_from(DELIVERY).where(*of)).scalar_one()
        rows = connection.execute(
            select(DELIVERY).where(*of).order_by(DELIVERY.c.id.desc()).offset(offset).limit(limit)
        ).all()
    return v.PageOf(tuple(map(_view, rows)), total, offset)


def delivery(bench: Bench, id_: str) -> v.DeliveryView:
    """One delivery. Raises NOT_FOUND."""
    with bench.store.read() as connection:
        row = connection.execute(select(DELIVERY).where(DELIVERY.c.id == id_)).first()
    if row is None:
        raise PerkstarError(
            ErrorKind.NOT_FOUND,
            f"There is no delivery {id_!r}.",
            remedy="`perkstar webhooks deliveries NAME` lists them.",
        )
    return _view(row)


def _view(row: Any) -> v.DeliveryView:
    return v.DeliveryView(
        id=row.id,
        integration_id=row.integration_id,
        type=row.type,
        record=row.fact,
        state=row.state,
        created=row.created_at,
        attempts=row.attempts,
        next_attempt=row.next_attempt,
        tried=row.tried_at,
        status=row.status,
        ms=row.ms,
        problem=row.problem,
        answer=row.answer,
        body=orjson.loads(row.body),
    )


def redeliver(bench: Bench, row: Any, ids: Sequence[str], *, dead: bool) -> int:
    """Have deliveries told again, under the ids they had: those named, or all that were given up. Answers how many."""
    need(bench, row)
    if row.status == Status.DISCONNECTED.value:
        raise PerkstarError(ErrorKind.USAGE, f"{row.name} is disconnected.", integration_id=row.id)
    of = [DELIVERY.c.integration_id == row.id]
    if dead:
        of.append(DELIVERY.c.state == DEAD)
    else:
        for id_ in ids:
            if delivery(bench, id_).integration_id != row.id:
                raise PerkstarError(ErrorKind.NOT_FOUND, f"{id_} is no delivery of {row.name}.")
        of.append(DELIVERY.c.id.in_(ids))
    now = bench.clock.now()
    with bench.store.write() as connection:
        count = connection.execute(
            update(DELIVERY).where(*of).values(state=PENDING, attempts=0, next_attempt=now)
        ).rowcount
        if count and row.status in (Status.ACTIVE.value, Status.ERROR.value):
            # Under way at once, without waiting for the schedule.
            connection.execute(
                update(INTEGRATION).where(INTEGRATION.c.id == row.id).values(next_run_at=now, previewed=True)
            )
        if count:
            bench.audit(connection, "redeliver", row.id, None, {"deliveries": count})
    return int(count)

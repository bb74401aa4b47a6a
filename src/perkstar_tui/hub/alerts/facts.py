"""The facts that the checks are given: one reading of the store, cheap enough to be made every few seconds."""

from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from perkstar_tui.model.enums import Kind, Status
from perkstar_tui.model.errors import ErrorKind
from perkstar_tui.store import leases
from perkstar_tui.store import tables as t
from perkstar_tui.sync.deliveries import DEAD

from ..bench import CLOUD, INTEGRATION, Bench
from ..queue import held_condition
from ..reading import CREDENTIAL, CUSTOMER, DELIVERY, LINK, RUN
from .conditions import KINDS, Gather, RouteState, Seen, Standing
from .limits import SETTING, limits_of

ROUTE = t.AlertRoute
SENDING = t.AlertSending


def see(bench: Bench, awake_since: datetime) -> Seen:
    """Everything as it is now."""
    now = bench.clock.now()
    limits = limits_of(bench.store.get_setting(SETTING))
    with bench.store.read() as connection:
        rows = connection.execute(
            select(INTEGRATION)
            .where(INTEGRATION.c.status.not_in([Status.DRAFT.value, Status.DISCONNECTED.value]))
            .order_by(INTEGRATION.c.id)
        ).all()
        expiries = {
            row.owner_id: row.expires_at
            for row in connection.execute(select(CREDENTIAL.c.owner_id, CREDENTIAL.c.expires_at))
        }
        begun: dict[str, datetime] = {
            row.integration_id: row.started
            for row in connection.execute(
                select(RUN.c.integration_id, RUN.c.started).where(RUN.c.ended.is_(None))
            )
        }
        counts = {row.id: _counts(connection, row.id) for row in rows}
        routes = [
            RouteState(row.name, row.failures, row.at or row.changed_at)
            for row in connection.execute(
                select(
                    ROUTE.c.name,
                    ROUTE.c.failures,
                    ROUTE.c.changed_at,
                    func.min(SENDING.c.created_at).label("at"),
                )
                .outerjoin(SENDING, (SENDING.c.route == ROUTE.c.name) & (SENDING.c.state != "sent"))
                .where(ROUTE.c.enabled, ROUTE.c.failures > 0)
                .group_by(ROUTE.c.name, ROUTE.c.failures, ROUTE.c.changed_at)
            )
        ]
        customers = 0
        if limits.customer_limit:
            alive = select(func.count()).select_from(CUSTOMER).where(CUSTOMER.c.archived_at.is_(None))
            customers = connection.execute(alive).scalar_one()
    return Seen(
        now=now,
        awake_since=awake_since,
        limits=limits,
        integrations=tuple(
            _standing(bench, row, expiries.get(row.id), begun.get(row.id), counts[row.id]) for row in rows
        ),
        routes=tuple(routes),
        customers=customers,
        more={kind.name: _gathered(bench, kind.gather) for kind in KINDS.values() if kind.gather is not None},
    )


def _gathered(bench: Bench, gather: Gather) -> Any:
    try:
        return gather(bench)
    except Exception as error:
        # It is that kind's alone: the others are told of all the same.
        return error


def _counts(connection: Any, integration_id: str) -> dict[str, Any]:
    """What waits in the queue and what was given up, by their indexes: never a walk over all links.

    `held` is all of it, refused records too; `duplicates` are those among it that may be the same person as another.
    """
    found: dict[str, Any] = {"held": 0, "duplicates": 0, "held_since": None}
    for kind in ("match", "second", "refused"):
        number, since = connection.execute(
            select(func.count(), func.max(LINK.c.last_received)).where(held_condition(kind, integration_id))
        ).one()
        found["held"] += number
        if kind != "refused":
            found["duplicates"] += number
        if since is not None:
            found["held_since"] = max(since, found["held_since"] or since)
    dead, since = connection.execute(
        select(func.count(), func.max(DELIVERY.c.tried_at)).where(
            DELIVERY.c.integration_id == integration_id, DELIVERY.c.state == DEAD
        )
    ).one()
    return found | {"dead": dead, "dead_since": since}


def _standing(
    bench: Bench, row: Any, expires: datetime | None, run_started: datetime | None, counts: dict[str, Any]
) -> Standing:
    manifest = bench.catalog.get(row.platform)
    renews = manifest is not None and any(
        form.id == row.form and form.type == "oauth2" and form.refreshes for form in manifest.auth
    )
    cloud = row.platform == CLOUD and row.kind == Kind.SYSTEM
    running = row.running is not None and leases.owner_alive(bench.store, f"run:{row.id}", bench.clock.now())
    return Standing(
        id=row.id,
        name="Perkstar's cloud" if cloud else row.name,
        title="Perkstar" if cloud else manifest.title if manifest is not None else row.platform,
        status=row.status,
        frequency=row.config.get("frequency", "manual"),
        system=cloud,
        begun=bool(row.previewed or row.requested),
        code=row.status_code or "",
        failures=row.failures,
        failing_since=row.failing_since,
        activated_at=row.activated_at,
        last_sync=row.last_sync,
        last_success=row.last_success,
        waits_until=row.next_run_at if row.status_code == ErrorKind.RATE_LIMITED else None,
        run_started=run_started if running else None,
        moved_at=row.progress_at,
        done=row.progress_done,
        total=row.progress_total,
        credential_expires=None if renews else expires,
        **counts,
    )

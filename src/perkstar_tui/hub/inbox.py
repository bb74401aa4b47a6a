"""What deliveries told of whole records, kept in the store: the source of platforms that let nobody read."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from perkstar_tui.model.enums import DataType
from perkstar_tui.platforms.webhooks import Event
from perkstar_tui.store import tables as t
from perkstar_tui.store.bulk import one_of, values_of
from perkstar_tui.store.database import Store

TOLD = t.ToldRecord
SALES_KEPT = timedelta(days=90)
"""How long sales that were told stay, for runs that come late."""


class StoredInbox:
    """The inbox of one integration (platforms.connector.Inbox)."""

    def __init__(self, store: Store, integration_id: str) -> None:
        self.store = store
        self.integration_id = integration_id

    def told(self, data: DataType, after: int, most: int) -> list[tuple[int, dict[str, Any]]]:
        with self.store.read() as connection:
            rows = connection.execute(
                select(TOLD.c.revision, TOLD.c.body)
                .where(
                    TOLD.c.integration_id == self.integration_id,
                    TOLD.c.data == data.value,
                    TOLD.c.revision > after,
                )
                .order_by(TOLD.c.revision)
                .limit(most)
            ).all()
        return [(row.revision, row.body) for row in rows]

    def of(self, data: DataType, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        with self.store.read() as connection:
            rows = connection.execute(
                select(TOLD.c.remote_id, TOLD.c.body).where(
                    TOLD.c.integration_id == self.integration_id,
                    TOLD.c.data == data.value,
                    one_of(connection, TOLD.c.remote_id),
                ),
                values_of(connection, list(ids)),
            ).all()
        return {row.remote_id: row.body for row in rows}


def keep_told(
    store: Store, connection: Connection, integration_id: str, events: Iterable[Event], now: datetime
) -> None:
    """Keep the records that deliveries carry, in the caller's transaction; what is older than what is known is not."""
    carried = [event for event in events if event.carried is not None and event.remote_id]
    if not carried:
        return
    revision = store.next_revisions(connection, len(carried))
    for event in carried:
        at = event.at or now
        place = (
            TOLD.c.integration_id == integration_id,
            TOLD.c.data == event.data.value,
            TOLD.c.remote_id == event.remote_id,
        )
        known = connection.execute(select(TOLD.c.at).where(*place)).scalar()
        values = {"revision": revision, "at": at, "body": event.carried}
        if known is None:
            connection.execute(
                insert(TOLD).values(
                    integration_id=integration_id,
                    data=event.data.value,
                    remote_id=event.remote_id,
                    **values,
                )
            )
        elif at >= known:
            connection.execute(update(TOLD).where(*place).values(**values))
        revision += 1
    # Sales are in the ledger by now; customers stay, for they can't be read again.
    sales = (TOLD.c.integration_id == integration_id, TOLD.c.data == DataType.TRANSACTIONS.value)
    connection.execute(delete(TOLD).where(*sales, TOLD.c.at < now - SALES_KEPT))


def forget_told(connection: Connection, integration_id: str) -> None:
    """An integration that ends takes its copy of the vendor's records with it."""
    connection.execute(delete(TOLD).where(TOLD.c.integration_id == integration_id))

"""The inward leg for customers: what changed is read page by page, and what is missing is asked for by id."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, or_, select, update

from perkstar_tui.model.enums import DataType, Level, LinkState
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Page, Presence, RemoteRecord
from perkstar_tui.store.bulk import one_of, values_of

from . import filters
from .context import CUSTOMER, EVENT, LINK, Leg
from .matching import Rules, match
from .newcomers import Newcomers
from .pages import DATA, apply_page, links_by_remote

TOGETHER = 16_000
"""Records of small pages that are kept in one transaction."""


async def read_customers(leg: Leg, *, full: bool, pages: AsyncIterator[Page] | None = None) -> None:
    """Read everything changed since the cursor and apply it page by page; then look for what is gone if complete.

    `pages` are those of this read where somebody else asks for them.
    """
    filters.read_again_if_changed(leg)
    cursor = None if full else leg.cursor(DATA, "in")
    complete = full or cursor is None
    began_empty = cursor is None and not leg.any_link()
    seen: set[int] | None = set() if complete and not began_empty else None
    done = 0
    updates = 0
    async for page in gathered(leg, pages or leg.connector.read(DataType.CUSTOMERS, cursor, full=full)):
        done += len(page.records)
        if began_empty and leg.newcomers is None:
            leg.newcomers = Newcomers.of(leg.store, page.total)
        if seen is not None:
            seen.update(hash(record.id) for record in page.records)
        updates += await apply_page(leg, page, done, updates_before=updates)
        await leg.pause_point()
        if page.last and seen is not None and not leg.follows:
            await find_gone(leg, seen)
    leg.newcomers = None


async def gathered(leg: Leg, pages: AsyncIterator[Page]) -> AsyncIterator[Page]:
    """Small pages put together, so that a transaction is worth its cost; a record that came twice stands once.

    What came is given on at once when the run is to stop, after a second at the latest, and before a trouble that ends
    the reading: the next run goes on behind it.
    """
    kept: dict[str, RemoteRecord] = {}
    cursor: dict[str, Any] = {}
    since: float | None = None
    total = None
    try:
        async for page in pages:
            kept |= {record.id: record for record in page.records}
            cursor = page.cursor or cursor
            total = page.total
            now = leg.clock.monotonic()
            since = now if since is None else since
            if page.last or len(kept) >= TOGETHER or now - since > 1.0 or leg.stop():
                yield Page(list(kept.values()), cursor=cursor, last=page.last, total=total)
                kept, cursor, since = {}, {}, None
    except PerkstarError:
        if since is not None:
            yield Page(list(kept.values()), cursor=cursor, total=total)
        raise
    if since is not None:
        yield Page(list(kept.values()), cursor=cursor, total=total)


async def find_gone(leg: Leg, seen: set[int]) -> None:
    """After a complete read: links that were not in it are asked for by id, and only then believed to be gone."""
    with leg.store.read() as connection:
        missing = [
            remote_id
            for (remote_id,) in connection.execute(
                select(LINK.c.remote_id).where(
                    LINK.c.integration_id == leg.id,
                    LINK.c.data == DATA,
                    or_(
                        filters.linked(), LINK.c.state.in_([LinkState.HELD.value, LinkState.DUPLICATE.value])
                    ),
                    LINK.c.remote_id.is_not(None),
                    or_(LINK.c.last_sent.is_(None), LINK.c.last_sent < leg.started),
                )
            )
            if hash(remote_id) not in seen
        ]
    if not missing:
        return
    leg.guard(len(missing), "find gone")
    for start in range(0, len(missing), 100):
        await settle_missing(leg, missing[start : start + 100])
        await leg.pause_point()


async def settle_missing(leg: Leg, remote_ids: Sequence[str]) -> None:
    """Ask for single records; mark the gone, follow the merged, apply those that are there."""
    answers = await leg.connector.get(DataType.CUSTOMERS, remote_ids)
    there = [r for presence, r in answers.values() if presence is Presence.THERE and r is not None]
    if there:
        await apply_page(leg, Page(records=there), retry=True)
    gone: dict[str, Presence] = {i: p for i, (p, _) in answers.items() if p is not Presence.THERE}
    winners = {i: r.id for i, (p, r) in answers.items() if p is Presence.MERGED and r is not None}
    if gone:
        with leg.store.write(leg.lease.fence) as connection:
            mark_gone(leg, connection, gone, winners)


def mark_gone(leg: Leg, connection: Connection, gone: dict[str, Presence], winners: dict[str, str]) -> None:
    """A gone record keeps its hub record; a merged one's link points to the winner's, or is a duplicate."""
    now = leg.clock.now()
    links = links_by_remote(connection, leg.id, [*gone, *winners.values()])
    for remote_id, presence in gone.items():
        link = links.get(remote_id)
        if link is None:
            continue
        winner = winners.get(remote_id)
        values: dict[str, Any] = {"state": LinkState.GONE.value, "last_received": now}
        if winner is None:
            what = "archived" if presence is Presence.ARCHIVED else "deleted"
            values["reason"] = f"{what} at {leg.config.title}"
            message = f"{what.capitalize()} at {leg.config.title}; the customer here is kept."
            code, level = "gone", Level.WARNING
        elif winner in links and links[winner].hub_id not in (None, link.hub_id):
            values |= {"state": LinkState.DUPLICATE.value, "code": ErrorKind.DUPLICATE.value}
            values["reason"] = f"merged into {winner} at {leg.config.title}, which is another customer here"
            message = (
                f"Merged at {leg.config.title} into the record of another customer here; held for a person."
            )
            code, level = ErrorKind.DUPLICATE.value, Level.WARNING
        elif winner in links:
            values["reason"] = f"merged into {winner} at {leg.config.title}"
            message, code, level = f"Merged into {winner} at {leg.config.title}.", "merged", Level.INFO
        else:
            values = {"remote_id": winner, "fingerprint": None, "last_received": now}
            message, code, level = f"Merged into {winner} at {leg.config.title}.", "merged", Level.INFO
        if (link.state, link.reason) == (values.get("state"), values.get("reason")):
            continue
        connection.execute(update(LINK).where(LINK.c.id == link.id).values(**values))
        leg.log(connection, level, code, message, remedy="", record=link.hub_id or remote_id)


async def retry_due(leg: Leg, ids: Iterable[str]) -> None:
    """Read single records afresh: those that a person or the schedule asked to be tried again."""
    wanted = list(ids)
    for start in range(0, len(wanted), 100):
        await settle_missing(leg, wanted[start : start + 100])
        await leg.pause_point()


async def rematch_held(leg: Leg) -> list[str]:
    """Remote ids of held records that this side's changes have made clear: no longer none or several to choose from.

    Judged by the match keys that were kept, so it costs no call; those that are clear are then read afresh.
    """
    with leg.store.read() as connection:
        rows = connection.execute(
            select(LINK.c.remote_id, LINK.c.remote)
            .where(
                LINK.c.integration_id == leg.id,
                LINK.c.data == DATA,
                LINK.c.state == LinkState.HELD.value,
                LINK.c.hub_id.is_(None),
            )
            .limit(1000)
        ).all()
        if not rows:
            return []
        found: dict[str, dict[str, list[tuple[str, dict[str, str | None]]]]] = {"email": {}, "phone": {}}
        for name in found:
            values = {(row.remote or {}).get("keys", {}).get(name) for row in rows} - {None}
            query = select(CUSTOMER.c.id, CUSTOMER.c.email_key, CUSTOMER.c.phone_key).where(
                one_of(connection, CUSTOMER.c[f"{name}_key"]), CUSTOMER.c.archived_at.is_(None)
            )
            for customer in connection.execute(query, values_of(connection, sorted(values))):
                keys = {"email": customer.email_key, "phone": customer.phone_key}
                found[name].setdefault(keys[name], []).append((customer.id, keys))
        people = {id_ for by in found.values() for ids in by.values() for id_, _ in ids}
        query = select(LINK.c.hub_id).where(
            LINK.c.integration_id == leg.id, filters.linked(), one_of(connection, LINK.c.hub_id)
        )
        linked = {row.hub_id for row in connection.execute(query, values_of(connection, sorted(people)))}
    clear = []
    for row in rows:
        keys = (row.remote or {}).get("keys", {})
        verdict = match(
            keys,
            leg.config.match,
            lambda name, value: found[name].get(value, []),
            rules=Rules.of(leg.config.options),
        )
        if verdict.verdict == "none" or (verdict.verdict == "one" and verdict.ids[0] not in linked):
            clear.append(row.remote_id)
    return clear


async def handle_events(leg: Leg, *, customers: bool) -> None:
    """Records that webhooks spoke of are read afresh, whatever the vendor's search knows by now; then they are done."""
    with leg.store.read() as connection:
        rows = connection.execute(
            select(EVENT.c.id, EVENT.c.data, EVENT.c.remote_id)
            .where(EVENT.c.integration_id == leg.id, EVENT.c.handled_at.is_(None))
            .order_by(EVENT.c.at)
            .limit(1000)
        ).all()
    if not rows:
        return
    if customers:
        await retry_due(leg, dict.fromkeys(r.remote_id for r in rows if r.data == DATA and r.remote_id))
    with leg.store.write(leg.lease.fence) as connection:
        for start in range(0, len(rows), 500):
            ids = [row.id for row in rows[start : start + 500]]
            connection.execute(update(EVENT).where(EVENT.c.id.in_(ids)).values(handled_at=leg.clock.now()))

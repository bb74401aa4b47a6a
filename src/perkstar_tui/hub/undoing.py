"""The undo of a run: what it changed here goes back in one transaction, what it did at the platform is compensated.

Whatever goes back is written as a change made here, so the next sync of each integration carries it on, as far as
its direction allows. What both sides agreed on (a link's base) stays as it is: it still says what the platform has.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, or_, select, update

from perkstar_tui.model.enums import DataType, LinkState, Outcome, Status, Trigger
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id
from perkstar_tui.model.remote import Presence, Value
from perkstar_tui.store import leases
from perkstar_tui.store.bulk import insert_rows, update_rows
from perkstar_tui.store.database import ms
from perkstar_tui.sync.changes import CHANGE, effects_of
from perkstar_tui.sync.context import CARD, CUSTOMER, INTEGRATION, LINK, RUN, TRANSACTION
from perkstar_tui.sync.plan import LET_GO
from perkstar_tui.sync.undoing import CONSENT

from . import views as v
from .bench import Bench
from .connecting import run_now
from .reading import run as find_run
from .undo_showing import counts_of, view_of
from .undo_work import KEYS, NOTHING, Back, Work, key_of, rows_of, worked_out

UNDONE = "undone"
"""The code of links whose customers an undo put away."""


def look(bench: Bench, run_id: str, *, outward: bool = False, limit: int | None = None) -> v.UndoView:
    """What the undo of a run would do; nothing is changed. Raises NOT_FOUND, USAGE where there is nothing to undo."""
    run, row = _found(bench, run_id)
    with bench.store.read() as connection:
        work = worked_out(bench, connection, run, row, outward)
    return view_of(work, archives=can_archive(bench, row), done=False, limit=limit)


def undo(
    bench: Bench,
    run_id: str,
    *,
    outward: bool = False,
    archive_created: bool = False,
    limit: int | None = None,
) -> v.UndoView:
    """Undo a run: one transaction, kept as a run of its own, so that it can be undone in turn.

    With `outward`, fields that the run sent get the platform's value from before, for the next sync to send. With
    `archive_created`, records that it created there are archived first; one after the other, so that an undo that was
    cut off goes on where it stood. A run that is going on is waited for. Raises USAGE, CONFLICT where nothing can go
    back any more, LOCKED where such a run does not end.
    """
    run, row = _found(bench, run_id)
    if archive_created and not can_archive(bench, row):
        raise PerkstarError(
            ErrorKind.USAGE,
            f"Nothing can be archived at {row.name}.",
            remedy="Undo without --archive-created, and remove there what is not wanted.",
            integration_id=row.id,
        )
    held = _held(bench, row)
    try:
        archived = 0
        if archive_created:
            archived = run_now(_archive_created(bench, run, row))
        with bench.store.write(held[0].fence) as connection:
            # The counter first: nobody else writes from here on.
            bench.store.next_revisions(connection, 1)
            _refuse_undone(connection, run)
            work = worked_out(bench, connection, run, row, outward)
            if not work.anything and not archived:
                raise PerkstarError(
                    ErrorKind.CONFLICT,
                    "Nothing of what this run changed here can be taken back.",
                    remedy=f"`perkstar undo {run.id} --dry-run` names each with its reason; --outward takes back "
                    "what it sent.",
                    integration_id=row.id,
                )
            undo_id = _apply(work, connection, archived)
    finally:
        for lease in held:
            leases.release(bench.store, lease)
    return view_of(work, archives=can_archive(bench, row), done=True, undo_id=undo_id, limit=limit)


PATIENCE_S = 60.0
"""How long an undo waits for the end of runs that are going on."""

_LOOK_S = 0.25


def _held(bench: Bench, row: Any) -> list[leases.Held]:
    """The leases of the integration and of the cloud: while they are held no run changes or tells anything.

    A shop in real time has a run going on every few seconds, of any integration at the cloud: their ends are waited
    for. Raises LOCKED that names the run which has not ended by then.
    """
    cloud = bench.cloud_id()
    wanted = (row.id, *([cloud] if cloud and cloud != row.id else []))
    until = bench.clock.monotonic() + PATIENCE_S
    while True:
        held: list[leases.Held] = []
        for id_ in wanted:
            lease = leases.take(bench.store, f"run:{id_}", bench.clock.now(), seconds=120)
            if lease is None:
                break
            held.append(lease)
        else:
            return held
        # None is kept while another is waited for: two who do that would wait for each other.
        for lease in held:
            leases.release(bench.store, lease)
        if bench.clock.monotonic() >= until:
            raise PerkstarError(
                ErrorKind.LOCKED,
                f"{_running(bench, row, cloud)} and has not ended in {PATIENCE_S:.0f} seconds, so nothing was undone.",
                remedy="Wait for its end, or pause that integration, then undo.",
                integration_id=row.id,
            )
        run_now(bench.clock.sleep(_LOOK_S))


def _running(bench: Bench, row: Any, cloud: str | None) -> str:
    """Which run is going on, in words: of the integration, or of whichever is at the cloud."""
    with bench.store.read() as connection:
        going = connection.execute(
            select(INTEGRATION.c.id, INTEGRATION.c.name, RUN.c.id.label("run"), RUN.c.started)
            .join(RUN, RUN.c.id == INTEGRATION.c.running)
            .order_by(INTEGRATION.c.id != row.id, RUN.c.started)
        ).all()
    alive = [one for one in going if leases.owner_alive(bench.store, f"run:{one.id}", bench.clock.now())]
    if not alive:
        return f"A run of {row.name}{' or of the cloud' if cloud else ''} is going on"
    return f"The run {alive[0].run} of {alive[0].name} has gone on since {alive[0].started:%H:%M:%S} UTC"


def _found(bench: Bench, run_id: str) -> tuple[v.RunView, Any]:
    run = find_run(bench, run_id)
    if run.ended is None:
        raise PerkstarError(
            ErrorKind.LOCKED,
            "This run is still going on.",
            remedy="Wait for its end, or pause the integration.",
            integration_id=run.integration_id,
        )
    with bench.store.read() as connection:
        row = connection.execute(select(INTEGRATION).where(INTEGRATION.c.id == run.integration_id)).first()
        _refuse_undone(connection, run)
    if row is None:
        raise PerkstarError(ErrorKind.NOT_FOUND, "The integration of this run is not here any more.")
    return run, row


def _refuse_undone(connection: Connection, run: v.RunView) -> None:
    more = connection.execute(select(RUN.c.more).where(RUN.c.id == run.id)).scalar() or {}
    by = more.get("undone_by")
    if by:
        raise PerkstarError(
            ErrorKind.USAGE,
            f"This run was undone already, by {by}.",
            remedy=f"`perkstar undo {by}` takes that back.",
            integration_id=run.integration_id,
        )


# -- doing it ---------------------------------------------------------------------------------------------------


def _apply(work: Work, connection: Connection, archived: int) -> str:
    """Write it all; answers the id of the undo's own run. One transaction, so it is whole or not at all."""
    bench = work.bench
    now = bench.clock.now()
    undo_id = new_id("run")
    kept: dict[str, Any] = {
        "origin": "local",
        "changed": _fields_back(work, connection, now),
        "archived": [id_ for id_, reason in work.created.items() if not reason],
        "created": [id_ for id_, reason in work.restored.items() if not reason],
        "unlinked": _put_away(work, connection, now),
    }
    _bring_back(work, connection, now)
    counters = _points_back(work, connection, now, undo_id)
    if any(member for name, member in kept.items() if name != "origin") or counters:
        row = {
            "run_id": undo_id,
            "integration_id": work.row.id,
            "at": now,
            "data": kept | {"counters": counters},
        }
        insert_rows(connection, CHANGE, [row])
    counts = counts_of(work)
    back = counts["fields"] + counts["customers"] + counts["sales"]
    side = {"read": back + counts["stays"], "updated": back, "held": counts["stays"]}
    connection.execute(
        insert(RUN).values(
            id=undo_id,
            integration_id=work.row.id,
            trigger=Trigger.UNDO.value,
            started=now,
            ended=now,
            outcome=(Outcome.SUCCEEDED if work.whole else Outcome.PARTLY).value,
            inward=_EMPTY | side,
            outward=_EMPTY | {"read": archived, "updated": archived},
            api_calls=0,
            bytes=0,
            throttled_ms=0,
            config_version=work.row.config_version,
            more={"undoes": work.run.id},
        )
    )
    _mark(connection, work.run.id, undone_by=undo_id)
    if work.run.undoes:
        # The undo of an undo: the first run stands again.
        _mark(connection, work.run.undoes, undone_by=None)
    bench.audit(
        connection,
        "undo_run",
        work.row.id,
        {"run": work.run.id},
        {"undo": undo_id, **counts, "archived": archived},
    )
    return undo_id


_EMPTY = dict.fromkeys(("read", "created", "updated", "unchanged", "excluded", "held", "failed"), 0)


def _mark(connection: Connection, run_id: str, **more: Any) -> None:
    present = connection.execute(select(RUN.c.more).where(RUN.c.id == run_id)).scalar() or {}
    merged = {name: value for name, value in {**present, **more}.items() if value is not None}
    connection.execute(update(RUN).where(RUN.c.id == run_id).values(more=merged or None))


def _fields_back(work: Work, connection: Connection, now: datetime) -> dict[str, dict[str, list[Value]]]:
    by_person: dict[str, list[Back]] = {}
    for one in work.fields:
        if not one.reason:
            by_person.setdefault(one.id, []).append(one)
    if not by_person:
        return {}
    revision = work.bench.store.next_revisions(connection, len(by_person))
    changed: dict[str, dict[str, list[Value]]] = {}
    rows = []
    for number, (id_, fields) in enumerate(by_person.items()):
        provenance = dict(work.people[id_].provenance or {})
        values: dict[str, Any] = {}
        for one in fields:
            values[one.name] = one.change.before
            # What an undo empties stays so while the platform shows what was agreed: that is no news.
            emptied = one.change.before in (None, "") and one.name != CONSENT
            provenance[one.name] = [LET_GO if emptied else "local", ms(now)]
            if one.name in KEYS:
                values[KEYS[one.name]] = key_of(work, one.name, one.change.before)
            if one.name == "marketing_consent" and one.change.before != "yes":
                values["consent_proof"] = None
        rows.append(
            {
                "b_id": id_,
                "provenance": provenance,
                "revision": revision + number,
                "updated_at": now,
                **values,
            }
        )
        changed[id_] = {one.name: [one.change.after, one.change.before] for one in fields}
    update_rows(connection, CUSTOMER, rows)
    return changed


def _put_away(work: Work, connection: Connection, now: datetime) -> dict[str, list[Any]]:
    """Customers that the run made are archived, never deleted: who looks for one finds it, and it can come back.

    Their records there are left out until they change, so that the next sync doesn't make them again.
    """
    ids = [id_ for id_, reason in work.created.items() if not reason]
    if not ids:
        return {}
    revision = work.bench.store.next_revisions(connection, len(ids))
    update_rows(
        connection,
        CUSTOMER,
        [
            {"b_id": id_, "archived_at": now, "updated_at": now, "revision": revision + number}
            for number, id_ in enumerate(ids)
        ],
    )
    reason = (
        f"taken back with the run {work.run.id}; it comes in again when it changes at {work.config.title}"
    )
    before: dict[str, list[Any]] = {}
    changed = []
    for id_ in ids:
        link = work.links.get(id_)
        if link is None:
            continue
        before[str(link.id)] = [link.state, link.code, link.reason]
        changed.append({"b_id": link.id, "state": LinkState.EXCLUDED.value, "code": UNDONE, "reason": reason})
    update_rows(connection, LINK, changed)
    return before


def _bring_back(work: Work, connection: Connection, now: datetime) -> None:
    """Undoing an undo: the customers that it put away are here again, linked as before."""
    ids = [id_ for id_, reason in work.restored.items() if not reason]
    if not ids:
        return
    revision = work.bench.store.next_revisions(connection, len(ids))
    update_rows(
        connection,
        CUSTOMER,
        [
            {"b_id": id_, "archived_at": None, "updated_at": now, "revision": revision + number}
            for number, id_ in enumerate(ids)
        ],
    )
    wanted = {
        link.id: before
        for id_ in ids
        if (link := work.links.get(id_)) is not None
        and link.code == UNDONE
        and (before := work.effects.unlinked.get(str(link.id)))
    }
    update_rows(
        connection,
        LINK,
        [
            {"b_id": id_, "state": state, "code": code, "reason": reason}
            for id_, (state, code, reason) in wanted.items()
        ],
    )


def _points_back(work: Work, connection: Connection, now: datetime, undo_id: str) -> list[str]:
    """Credits go back by an entry against each, never by deleting one: the ledger tells both for ever.

    An entry has the form of a refund of nothing, so that cards, books and whoever is told of sales know what to do.
    """
    local = work.bench.cloud_id() is None
    acts = [(id_, verdict) for id_, verdict in work.sales.items() if verdict.act in ("counter", "cancel")]
    if not acts:
        return []
    revision = work.bench.store.next_revisions(connection, 4 * len(acts))
    entries = []
    moved: dict[str, int] = {}
    words = f"taken back with the run {work.run.id}"
    for number, (id_, verdict) in enumerate(acts):
        line = work.lines[id_]
        if verdict.act == "cancel":
            connection.execute(
                update(TRANSACTION)
                .where(TRANSACTION.c.id == id_)
                .values(state="none", reason=words, earned=0, revision=revision + number)
            )
            if line.line_kind == "refund" and verdict.points:
                _reversed(connection, work, line, verdict.points, revision + number)
            continue
        entry = {
            "id": new_id("trn"),
            "revision": revision + number,
            "integration_id": line.integration_id,
            "remote_id": f"{undo_id}:{line.line_kind}:{line.remote_id}",
            "line_kind": "refund",
            "sale_id": line.remote_id if line.line_kind == "sale" else line.sale_id,
            "customer_id": line.customer_id,
            "card_id": line.card_id,
            "customer_remote_id": line.customer_remote_id,
            "happened_at": now,
            "currency": line.currency,
            "total_minor": 0,
            "base_minor": 0,
            "earned": verdict.points,
            "reversed": 0,
            "owed": 0,
            "state": "credited" if local else "queued",
            "reason": words,
            "contact": {},
            "created_at": now,
        }
        entry["mark"] = "pk" + str(entry["id"])[-14:]
        entries.append(entry)
        moved[line.card_id] = moved.get(line.card_id, 0) + verdict.points
        if line.line_kind == "sale":
            # All of it is taken back, so a later refund finds nothing left to take.
            connection.execute(
                update(TRANSACTION)
                .where(TRANSACTION.c.id == id_)
                .values(reversed=line.earned, revision=revision + len(acts) + number)
            )
        else:
            _reversed(connection, work, line, -verdict.points, revision + len(acts) + number)
    insert_rows(connection, TRANSACTION, entries)
    if local:
        for card_id, points in moved.items():
            _set_balance(work, connection, card_id, points, now)
    return [str(entry["id"]) for entry in entries]


def _reversed(connection: Connection, work: Work, refund: Any, points: int, revision: int) -> None:
    """Take a refund's part off what its sale counts as reversed; a sale that goes back itself is reversed whole."""
    mine = [id_ for id_, v_ in work.sales.items() if v_.act == "counter"]
    connection.execute(
        update(TRANSACTION)
        .where(
            TRANSACTION.c.integration_id == refund.integration_id,
            TRANSACTION.c.remote_id == refund.sale_id,
            TRANSACTION.c.line_kind == "sale",
            TRANSACTION.c.id.not_in(mine),
        )
        .values(reversed=TRANSACTION.c.reversed + points, revision=revision)
    )


def _set_balance(work: Work, connection: Connection, card_id: str, points: int, now: datetime) -> None:
    """A card of a local account has its balance here; its customer shows it, and the last visit that still counts."""
    revision = work.bench.store.next_revisions(connection, 2)
    card = connection.execute(select(CARD).where(CARD.c.id == card_id)).one()
    balance = card.balance + points
    connection.execute(
        update(CARD).where(CARD.c.id == card_id).values(balance=balance, revision=revision, updated_at=now)
    )
    last = connection.execute(
        select(func.max(TRANSACTION.c.happened_at)).where(
            TRANSACTION.c.customer_id == card.customer_id,
            TRANSACTION.c.state == "credited",
            TRANSACTION.c.line_kind == "sale",
            or_(TRANSACTION.c.earned == 0, TRANSACTION.c.reversed < TRANSACTION.c.earned),
        )
    ).scalar()
    values = {"balance": balance, "revision": revision + 1, "updated_at": now}
    values["last_visit"] = last.date().isoformat() if last is not None else None
    connection.execute(update(CUSTOMER).where(CUSTOMER.c.id == card.customer_id).values(**values))


# -- at the platform --------------------------------------------------------------------------------------------


def can_archive(bench: Bench, row: Any) -> bool:
    """Whether records can be archived at an integration's platform; asks nobody."""
    if row.status == Status.DISCONNECTED:
        return False
    connector = bench.connector(row)
    try:
        return bool(getattr(connector, "archives", False))
    finally:
        run_now(connector.close())


async def _archive_created(bench: Bench, run: v.RunView, row: Any) -> int:
    """Archive what the run created at the platform, as far as it is still as it was sent; answers how many."""
    with bench.store.read() as connection:
        effects = effects_of(connection, run.id).get(row.id, NOTHING)
        created = {id_: sent for id_, sent in effects.sent.items() if sent.created and sent.remote_id}
        links = {
            link.remote_id: link
            for link in rows_of(connection, LINK, LINK.c.hub_id, created)
            if link.integration_id == row.id and link.state == LinkState.LINKED
        }
    wanted = [sent.remote_id for sent in created.values() if sent.remote_id in links]
    config = bench.configure(row)
    connector = bench.connector(row)
    done = 0
    try:
        for start in range(0, len(wanted), 50):
            part = wanted[start : start + 50]
            there = await connector.get(DataType.CUSTOMERS, part)
            fit = []
            for remote_id in part:
                presence, record = there.get(remote_id, (Presence.GONE, None))
                base = links[remote_id].base or {}
                same = {line.remote: line.transform.same for line in config.lines}
                if presence is Presence.THERE and record is not None and all(
                    same[path](record.fields.get(path)) == value for path, value in base.items() if path in same
                ):  # fmt: skip
                    fit.append(remote_id)
            answers = await connector.archive(DataType.CUSTOMERS, fit) if fit else []
            refused = next((answer.error for answer in answers if answer.error is not None), None)
            if refused is not None:
                raise refused
            with bench.store.write() as connection:
                for remote_id in fit:
                    connection.execute(
                        update(LINK)
                        .where(LINK.c.id == links[remote_id].id)
                        .values(state=LinkState.GONE.value, reason=f"archived with the undo of {run.id}")
                    )
            done += len(fit)
    finally:
        await connector.close()
    return done

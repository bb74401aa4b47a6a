"""The undo of a run: what it changed here goes back in one transaction, what it did at the platform is compensated.

Whatever goes back is written as a change made here, so the next sync of each integration carries it on, as far as
its direction allows. What both sides agreed on (a link's base) stays as it is: it still says what the platform has.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, or_, select, update

from perkstar_tui.model.enums import DataType, LinkState, Outcome, Status, Trigger
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id
from perkstar_tui.model.remote import Presence, Value
from perkstar_tui.store import leases
from perkstar_tui.store.bulk import insert_rows, one_of, update_rows, values_of
from perkstar_tui.store.database import ms
from perkstar_tui.sync.changes import CHANGE, KEPT_DAYS, Effects, FieldChange, effects_of
from perkstar_tui.sync.config import CUSTOMER_FIELDS, RunConfig
from perkstar_tui.sync.context import (
    CARD,
    CUSTOMER,
    INTEGRATION,
    INTENT,
    LINK,
    RUN,
    TRANSACTION,
    name_of,
)
from perkstar_tui.sync.undoing import Booked, Person, Verdict, field_stays, judge_sales, person_stays

from . import views as v
from .bench import Bench
from .connecting import run_now
from .reading import run as find_run

UNDONE = "undone"
"""The code of links whose customers an undo put away."""
SHOWN = 50
KEYS = {"email": "email_key", "phone": "phone_key"}
_NOTHING = Effects()


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of a customer that goes back, or stays for a reason."""

    id: str
    name: str
    change: FieldChange
    reason: str
    sent: bool = False
    """Whether the run did not write it here, but sent it."""


@dataclass
class _Work:
    """One undo, worked out on one connection: what goes back, what stays, and what there is to say."""

    bench: Bench
    run: v.RunView
    row: Any
    config: RunConfig
    effects: Effects
    cloud: Effects
    people: dict[str, Any] = field(default_factory=dict)
    fields: list[_Field] = field(default_factory=list)
    created: dict[str, str] = field(default_factory=dict)
    """Customers that the run made, with why one stays."""
    restored: dict[str, str] = field(default_factory=dict)
    """Customers that the undone undo put away, with why one stays put away."""
    sales: dict[str, Verdict] = field(default_factory=dict)
    lines: dict[str, Any] = field(default_factory=dict)
    links: dict[str, Any] = field(default_factory=dict)

    @property
    def anything(self) -> bool:
        return bool(
            any(not f.reason for f in self.fields)
            or any(not reason for reason in (*self.created.values(), *self.restored.values()))
            or any(verdict.act in ("counter", "cancel") for verdict in self.sales.values())
        )

    @property
    def whole(self) -> bool:
        return not (
            any(f.reason for f in self.fields)
            or any(self.created.values())
            or any(self.restored.values())
            or any(verdict.act == "stays" for verdict in self.sales.values())
        )


def look(bench: Bench, run_id: str, *, outward: bool = False, limit: int | None = None) -> v.UndoView:
    """What the undo of a run would do; nothing is changed. Raises NOT_FOUND, USAGE where there is nothing to undo."""
    run, row = _found(bench, run_id)
    with bench.store.read() as connection:
        work = _worked_out(bench, connection, run, row, outward)
    return _view(work, done=False, limit=limit)


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
    cut off goes on where it stood. Raises USAGE, CONFLICT where nothing can go back any more, LOCKED while a run of
    the integration is going on.
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
            first = bench.store.next_revisions(connection, 1)
            _refuse_undone(connection, run)
            work = _worked_out(bench, connection, run, row, outward)
            if not work.anything and not archived:
                raise PerkstarError(
                    ErrorKind.CONFLICT,
                    "Nothing of what this run changed here can be taken back.",
                    remedy=f"`perkstar undo {run.id} --dry-run` names each with its reason; --outward takes back "
                    "what it sent.",
                    integration_id=row.id,
                )
            undo_id = _apply(work, connection, first, archived)
    finally:
        for lease in held:
            leases.release(bench.store, lease)
    return _view(work, done=True, undo_id=undo_id, limit=limit)


def _held(bench: Bench, row: Any) -> list[leases.Held]:
    """The leases of the integration and of the cloud: while they are held no run changes or tells anything."""
    held: list[leases.Held] = []
    cloud = bench.cloud_id()
    for id_ in (row.id, *([cloud] if cloud and cloud != row.id else [])):
        lease = leases.take(bench.store, f"run:{id_}", bench.clock.now(), seconds=120)
        if lease is None:
            for one in held:
                leases.release(bench.store, one)
            raise PerkstarError(
                ErrorKind.LOCKED,
                "A run is going on; an undo waits for its end.",
                remedy="Wait for it, then undo.",
                integration_id=row.id,
            )
        held.append(lease)
    return held


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


# -- working out ------------------------------------------------------------------------------------------------


def _worked_out(bench: Bench, connection: Connection, run: v.RunView, row: Any, outward: bool) -> _Work:
    found = effects_of(connection, run.id)
    effects = found.pop(row.id, _NOTHING)
    cloud = next(iter(found.values()), _NOTHING)
    if not effects and not cloud:
        old = bench.clock.now() - run.started
        moved = sum(side.created + side.updated for side in (run.inward, run.outward))
        late = f"values before a run are kept for {KEPT_DAYS} days" if old.days >= KEPT_DAYS else ""
        why = late or ("nothing is kept of what it changed" if moved else "it changed nothing")
        raise PerkstarError(
            ErrorKind.USAGE,
            f"There is nothing to undo of this run: {why}.",
            remedy=f"`perkstar runs {row.id}` lists the runs.",
            integration_id=row.id,
        )
    work = _Work(bench, run, row, bench.configure(row), effects, cloud)
    ids = {*effects.created, *effects.changed, *effects.sent, *effects.archived}
    work.people = {one.id: one for one in _of(connection, CUSTOMER, CUSTOMER.c.id, ids)}
    for link in _of(connection, LINK, LINK.c.hub_id, ids):
        if link.integration_id == row.id and link.remote_id:
            work.links.setdefault(link.hub_id, link)
    call = {r.id: r.name for r in connection.execute(select(INTEGRATION.c.id, INTEGRATION.c.name))}
    _work_out_fields(work, connection, call, outward)
    _work_out_people(work, connection, call)
    _work_out_sales(work, connection)
    return work


def _of(connection: Connection, source: Any, column: Any, ids: Iterable[str]) -> list[Any]:
    wanted = sorted(ids)
    if not wanted:
        return []
    query = select(source).where(one_of(connection, column))
    return list(connection.execute(query, values_of(connection, wanted)))


def _person(row: Any, **more: Any) -> Person | None:
    if row is None:
        return None
    return Person(row._mapping, row.provenance or {}, row.archived_at is not None, **more)


def _work_out_fields(work: _Work, connection: Connection, call: dict[str, str], outward: bool) -> None:
    wanted = [
        (id_, name, change, False)
        for id_, fields in work.effects.changed.items()
        for name, change in fields.items()
    ]
    if outward:
        wanted += _sent_back(work)
    taken = _keys_in_use(work, connection, wanted)
    for id_, name, change, sent in wanted:
        person = work.people.get(id_)
        mine = (id_, _key(work, name, change.before))
        others = taken.get((name, mine[1]), set()) - {id_} if mine[1] else set()
        reason = field_stays(name, change, _person(person), taken=bool(others), call=call)
        work.fields.append(_Field(id_, name, change, reason, sent))


def _sent_back(work: _Work) -> list[tuple[str, str, FieldChange, bool]]:
    """Fields that the run sent, in this side's form: what the platform had before, where that is known."""
    found = []
    for id_, sent in work.effects.sent.items():
        person = work.people.get(id_)
        if sent.created or person is None:
            continue
        for line in work.config.lines:
            values = sent.fields.get(line.remote, [])
            if len(values) < 2 or not line.outward or line.hub not in CUSTOMER_FIELDS:
                continue
            if line.hub in work.effects.changed.get(id_, {}):
                continue
            here = person._mapping[line.hub]
            as_sent = line.transform.same(line.out(person._mapping)) == line.transform.same(values[1])
            before = line.transform.back(values[0], here)
            if before == here:
                continue
            writer = _person(person).writer(line.hub)  # type: ignore[union-attr]
            stamp = writer if as_sent and writer is not None else ("", 0)
            found.append((id_, line.hub, FieldChange(before, here, stamp), True))
    return found


def _key(work: _Work, name: str, value: Value) -> str | None:
    return work.config.key_of(name, value) if name in KEYS else None


def _keys_in_use(
    work: _Work, connection: Connection, wanted: Sequence[tuple[str, str, FieldChange, bool]]
) -> dict[tuple[str, str | None], set[str]]:
    """Who has the e-mail addresses that would come back; families share phones, so those are no hindrance."""
    keys = {
        key for _, name, change, _ in wanted if name == "email" and (key := _key(work, name, change.before))
    }
    found: dict[tuple[str, str | None], set[str]] = {}
    for row in _of(connection, CUSTOMER, CUSTOMER.c.email_key, keys):
        if row.archived_at is None:
            found.setdefault(("email", row.email_key), set()).add(row.id)
    return found


def _work_out_people(work: _Work, connection: Connection, call: dict[str, str]) -> None:
    effects, row = work.effects, work.row
    made = set(effects.created)
    sales = _counted(connection, TRANSACTION, TRANSACTION.c.customer_id, made, but=effects.sales)
    cards = _counted(connection, CARD, CARD.c.customer_id, made)
    elsewhere: dict[str, list[str]] = {}
    system = work.bench.cloud_id()
    for link in _of(connection, LINK, LINK.c.hub_id, made):
        if link.integration_id not in (row.id, system) and link.remote_id and link.state != LinkState.GONE:
            elsewhere.setdefault(link.hub_id, []).append(call.get(link.integration_id, "another platform"))
    until = ms(work.run.ended or work.run.started)
    # What an undo brought back was written by the run before it as well.
    origins = {work.config.origin, "local"} if work.run.undoes else {work.config.origin}
    for id_ in effects.created:
        person = _person(
            work.people.get(id_),
            sales=sales.get(id_, 0),
            cards=cards.get(id_, 0),
            elsewhere=tuple(elsewhere.get(id_, ())),
        )
        work.created[id_] = person_stays(person, origins, until, call)
    if effects.archived:
        keys = {p.email_key for p in work.people.values() if p.email_key}
        used = {
            one.email_key: one.id
            for one in _of(connection, CUSTOMER, CUSTOMER.c.email_key, keys)
            if one.archived_at is None
        }
        for id_ in effects.archived:
            person = work.people.get(id_)
            if person is None:
                work.restored[id_] = "it is not here any more"
            elif person.archived_at is None:
                work.restored[id_] = "it is here again already"
            elif person.email_key in used:
                work.restored[id_] = "another customer has its e-mail address now"
            else:
                work.restored[id_] = ""


def _counted(
    connection: Connection, source: Any, column: Any, ids: set[str], but: Sequence[str] = ()
) -> dict[str, int]:
    if not ids:
        return {}
    query = select(column, source.c.id).where(one_of(connection, column))
    mine = set(but)
    found: dict[str, int] = {}
    for owner, id_ in connection.execute(query, values_of(connection, sorted(ids))):
        if id_ not in mine:
            found[owner] = found.get(owner, 0) + 1
    return found


def _work_out_sales(work: _Work, connection: Connection) -> None:
    ids = list(dict.fromkeys(work.effects.sales))
    if not ids:
        return
    rows = {row.id: row for row in _of(connection, TRANSACTION, TRANSACTION.c.id, ids)}
    work.lines = rows
    remote = {row.remote_id if row.line_kind == "sale" else row.sale_id for row in rows.values()} - {None}
    later: dict[str, int] = {}
    for refund in _of(connection, TRANSACTION, TRANSACTION.c.sale_id, remote):
        mine = refund.integration_id == work.row.id and refund.line_kind == "refund"
        if not mine or refund.id in rows or refund.state == "pending":
            continue
        # An earlier undo has its entry against this very line.
        own = refund.remote_id.partition(":refund:")[2]
        of = f"refund {own}" if own else f"sale {refund.sale_id}"
        later[of] = later.get(of, 0) + abs(refund.earned)
    under_way = {
        one.hub_id
        for one in _of(connection, INTENT, INTENT.c.hub_id, ids)
        if one.act == "operate" and one.state == "open"
    }
    booked = [
        Booked(
            row.id,
            row.line_kind,
            row.state,
            int(row.earned) + (int(row.owed) if row.state == "credited" else 0),
            row.card_id,
            ms(row.happened_at),
            later.get(f"{row.line_kind} {row.remote_id}", 0),
            row.id in under_way,
        )
        for row in rows.values()
    ]
    cards = {row.card_id for row in rows.values() if row.card_id}
    balances = {card.id: int(card.balance) for card in _of(connection, CARD, CARD.c.id, cards)}
    work.sales = judge_sales(booked, balances)


# -- doing it ---------------------------------------------------------------------------------------------------


def _apply(work: _Work, connection: Connection, first: int, archived: int) -> str:
    """Write it all; answers the id of the undo's own run. One transaction, so it is whole or not at all."""
    bench = work.bench
    now = bench.clock.now()
    undo_id = new_id("run")
    kept: dict[str, Any] = {
        "origin": "local",
        "changed": _fields_back(work, connection, first, now),
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
    counts = _counts(work)
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


def _fields_back(
    work: _Work, connection: Connection, first: int, now: datetime
) -> dict[str, dict[str, list[Value]]]:
    by_person: dict[str, list[_Field]] = {}
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
            provenance[one.name] = ["local", ms(now)]
            if one.name in KEYS:
                values[KEYS[one.name]] = _key(work, one.name, one.change.before)
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


def _put_away(work: _Work, connection: Connection, now: datetime) -> dict[str, list[Any]]:
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


def _bring_back(work: _Work, connection: Connection, now: datetime) -> None:
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


def _points_back(work: _Work, connection: Connection, now: datetime, undo_id: str) -> list[str]:
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


def _reversed(connection: Connection, work: _Work, refund: Any, points: int, revision: int) -> None:
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


def _set_balance(work: _Work, connection: Connection, card_id: str, points: int, now: datetime) -> None:
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
        effects = effects_of(connection, run.id).get(row.id, _NOTHING)
        created = {id_: sent for id_, sent in effects.sent.items() if sent.created and sent.remote_id}
        links = {
            link.remote_id: link
            for link in _of(connection, LINK, LINK.c.hub_id, created)
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


# -- showing ----------------------------------------------------------------------------------------------------


def _counts(work: _Work) -> dict[str, int]:
    customers = [*work.created.values(), *work.restored.values()]
    stays = (
        sum(bool(f.reason) for f in work.fields)
        + sum(map(bool, customers))
        + sum(verdict.act == "stays" for verdict in work.sales.values())
    )
    return {
        "fields": sum(not f.reason for f in work.fields),
        "customers": sum(not reason for reason in customers),
        "sales": sum(verdict.act in ("counter", "cancel") for verdict in work.sales.values()),
        "points": sum(verdict.points for verdict in work.sales.values() if verdict.act == "counter"),
        "stays": stays,
    }


def _then(work: _Work, one: _Field) -> str:
    """What the next sync makes of a field that went back."""
    config, title = work.config, work.config.title
    if work.row.status == Status.DISCONNECTED:
        return f"{title} is disconnected: it keeps its value."
    line = next((line for line in config.lines if line.hub == one.name), None)
    link = work.links.get(one.id)
    if line is None or link is None or link.state != LinkState.LINKED:
        return f"{title} keeps its value."
    if not line.outward:
        return f"Nothing is sent to {title}: both differ until it changes there."
    if one.change.before in (None, "") and not line.may_clear:
        return f"{title} keeps its value: empty never wipes a filled field. It comes in again when it changes there."
    if line.write.value != "always":
        return f"{title} keeps its value: it takes this field only for new records."
    return f"The next sync sends it to {title}."


def _line_name(work: _Work, id_: str | None) -> str:
    person = work.people.get(id_ or "")
    return name_of(person) if person is not None else ""


def _view(work: _Work, *, done: bool, undo_id: str | None = None, limit: int | None = None) -> v.UndoView:
    shown = SHOWN if limit is None else max(0, limit)
    back: list[v.UndoLine] = []
    stays: list[v.UndoLine] = []
    for one in work.fields:
        then = "" if one.reason else _then(work, one)
        line = v.UndoLine(
            one.id, _line_name(work, one.id), one.name, one.change.after, one.change.before, one.reason, then
        )
        (stays if one.reason else back).append(line)
    for people, what, then in (
        (
            work.created,
            "put away",
            f"Its record stays at {work.config.title} and is left out until it changes there.",
        ),
        (work.restored, "here again", ""),
    ):
        for id_, reason in people.items():
            line = v.UndoLine(id_, _line_name(work, id_), what, reason=reason, then="" if reason else then)
            (stays if reason else back).append(line)
    for id_, verdict in work.sales.items():
        if verdict.act == "none":
            continue
        row = work.lines[id_]
        kind = f"{row.line_kind} {row.remote_id}"
        line = v.UndoLine(id_, kind, "points", row.earned, 0, verdict.reason)
        if verdict.act == "stays":
            stays.append(line)
        else:
            then = "booked against it" if verdict.act == "counter" else "is not booked any more"
            back.append(v.UndoLine(id_, kind, "points", row.earned, 0, then=then))
    archives = can_archive(work.bench, work.row)
    outward = _outward(work, archives)
    return v.UndoView(
        work.run.id,
        work.row.id,
        work.row.name,
        done,
        tuple(back[:shown]),
        tuple(stays[:shown]),
        tuple(outward[:shown]),
        _counts(work) | {"outward": len(outward)},
        tuple(_notes(work)),
        undo_id,
        archives,
    )


def _outward(work: _Work, archives: bool) -> list[v.UndoLine]:
    title = work.config.title
    going = {(f.id, f.name) for f in work.fields if not f.reason and f.sent}
    hub_of = {line.remote: line.hub for line in work.config.lines}
    found = []
    for id_, sent in work.effects.sent.items():
        name = _line_name(work, id_)
        if sent.created:
            way = (
                "unless what the run created is archived too (--archive-created)"
                if archives
                else f"it can be removed at {title}"
            )
            found.append(
                v.UndoLine(id_, name, f"created at {title}", None, sent.remote_id, then=f"It stays, {way}.")
            )
            continue
        for path, values in sent.fields.items():
            before = values[0] if len(values) == 2 else None
            if (id_, hub_of.get(path, "")) in going:
                then = f"The next sync sends the value before to {title}."
            elif len(values) < 2:
                then = "It stays: what was there before is not known."
            else:
                then = "It stays, unless what the run sent is taken back too (--outward)."
            found.append(v.UndoLine(id_, name, path, before, values[-1], then=then))
    return found


def _notes(work: _Work) -> list[str]:
    notes = []
    cloud = work.cloud
    if cloud.created or cloud.changed:
        number = len(cloud.created) + len(cloud.changed)
        notes.append(
            f"{number} customers changed in Perkstar's cloud came in with this run; they stay, as made there."
        )
    made = sum(sent.created for sent in cloud.sent.values())
    if made:
        notes.append(
            f"{made} customers were created in Perkstar's cloud by this run; they stay there, and can be deleted there."
        )
    if work.config.rows is not None or work.config.events is not None or work.config.books is not None:
        notes.append(f"Rows, events and journals that {work.config.title} was told can't be called back.")
    if any(verdict.act == "counter" for verdict in work.sales.values()) and work.bench.cloud_id() is not None:
        notes.append("Points go back in Perkstar's cloud with the next sync.")
    counters = work.effects.counters
    if counters:
        notes.append(f"{len(counters)} entries that took points back stay: points are given once.")
    return notes


# -- the changes of a run ---------------------------------------------------------------------------------------


def changes(bench: Bench, run_id: str, offset: int = 0, limit: int = 100) -> v.PageOf:
    """What a run changed, record by record, with the values before; empty where nothing is kept of it."""
    run = find_run(bench, run_id)
    with bench.store.read() as connection:
        found = effects_of(connection, run.id)
        rows: list[tuple[str, str, str, Any]] = []
        for id_, effects in found.items():
            side = "perkstar" if id_ == run.integration_id else "cloud"
            rows += [(side, "created", one, None) for one in effects.created]
            rows += [(side, "changed", one, fields) for one, fields in effects.changed.items()]
            rows += [(side, "archived", one, None) for one in effects.archived]
            rows += [(side, "sale", one, None) for one in (*effects.sales, *effects.counters)]
            out = "platform" if id_ == run.integration_id else "cloud"
            rows += [(out, "created" if s.created else "changed", one, s) for one, s in effects.sent.items()]
        part = rows[offset : offset + limit]
        ids = {one for _, act, one, _ in part if act != "sale"}
        people = {row.id: row for row in _of(connection, CUSTOMER, CUSTOMER.c.id, ids)}
        lines = _of(connection, TRANSACTION, TRANSACTION.c.id, {r[2] for r in part if r[1] == "sale"})
        sales = {line.id: line for line in lines}
    return v.PageOf(tuple(_change_row(*one, people, sales) for one in part), len(rows), offset)


def _change_row(
    side: str, act: str, id_: str, what: Any, people: dict[str, Any], sales: dict[str, Any]
) -> v.ChangeRow:
    if act == "sale":
        line = sales.get(id_)
        if line is None:
            return v.ChangeRow(id_, "", side, act)
        return v.ChangeRow(id_, str(line.remote_id), side, line.line_kind, points=line.earned)
    person = people.get(id_)
    name = name_of(person) if person is not None else ""
    if isinstance(what, dict):
        fields = tuple((name_, c.before, c.after) for name_, c in what.items())
        return v.ChangeRow(id_, name, side, act, fields)
    if what is not None:
        fields = tuple((path, vs[0] if len(vs) == 2 else None, vs[-1]) for path, vs in what.fields.items())
        known = what.created or all(len(vs) == 2 for vs in what.fields.values())
        return v.ChangeRow(id_, name, side, act, fields, what.remote_id, known=known)
    fields = ()
    if act == "created" and person is not None:
        shown = ("first_name", "last_name", "email", "phone")
        fields = tuple((f, None, getattr(person, f)) for f in shown if getattr(person, f))
    return v.ChangeRow(id_, name, side, act, fields)

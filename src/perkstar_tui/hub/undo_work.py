"""An undo worked out on one connection: what goes back, what stays and why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from perkstar_tui.model.enums import LinkState
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Value
from perkstar_tui.store.bulk import one_of, values_of
from perkstar_tui.store.database import ms
from perkstar_tui.sync.changes import Effects, FieldChange, effects_of
from perkstar_tui.sync.config import CUSTOMER_FIELDS, RunConfig
from perkstar_tui.sync.context import CARD, CUSTOMER, INTEGRATION, INTENT, LINK, TRANSACTION
from perkstar_tui.sync.undoing import Booked, Person, Verdict, field_stays, judge_sales, person_stays

from . import views as v
from .bench import Bench
from .upkeep import kept_days

NOTHING = Effects()
KEYS = {"email": "email_key", "phone": "phone_key"}
"""Fields whose normal form is kept beside them."""


@dataclass(frozen=True, slots=True)
class Back:
    """A field of a customer that goes back, or stays for a reason."""

    id: str
    name: str
    change: FieldChange
    reason: str
    sent: bool = False
    """Whether the run did not write it here, but sent it."""


@dataclass
class Work:
    """One undo, worked out on one connection: what goes back, what stays, and what there is to say."""

    bench: Bench
    run: v.RunView
    row: Any
    config: RunConfig
    effects: Effects
    cloud: Effects
    people: dict[str, Any] = field(default_factory=dict)
    fields: list[Back] = field(default_factory=list)
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


def worked_out(bench: Bench, connection: Connection, run: v.RunView, row: Any, outward: bool) -> Work:
    found = effects_of(connection, run.id)
    effects = found.pop(row.id, NOTHING)
    cloud = next(iter(found.values()), NOTHING)
    if not effects and not cloud:
        old = bench.clock.now() - run.started
        moved = sum(side.created + side.updated for side in (run.inward, run.outward))
        kept = kept_days(bench)["undo"]
        late = f"values before a run are kept for {kept} days" if old.days >= kept else ""
        why = late or ("nothing is kept of what it changed" if moved else "it changed nothing")
        raise PerkstarError(
            ErrorKind.USAGE,
            f"There is nothing to undo of this run: {why}.",
            remedy=f"`perkstar runs {row.id}` lists the runs.",
            integration_id=row.id,
        )
    work = Work(bench, run, row, bench.configure(row), effects, cloud)
    ids = {*effects.created, *effects.changed, *effects.sent, *effects.archived}
    work.people = {one.id: one for one in rows_of(connection, CUSTOMER, CUSTOMER.c.id, ids)}
    for link in rows_of(connection, LINK, LINK.c.hub_id, ids):
        if link.integration_id == row.id and link.remote_id:
            work.links.setdefault(link.hub_id, link)
    call = {r.id: r.name for r in connection.execute(select(INTEGRATION.c.id, INTEGRATION.c.name))}
    _work_out_fields(work, connection, call, outward)
    _work_out_people(work, connection, call)
    _work_out_sales(work, connection)
    return work


def rows_of(connection: Connection, source: Any, column: Any, ids: Iterable[str]) -> list[Any]:
    wanted = sorted(ids)
    if not wanted:
        return []
    query = select(source).where(one_of(connection, column))
    return list(connection.execute(query, values_of(connection, wanted)))


def _person(row: Any, **more: Any) -> Person | None:
    if row is None:
        return None
    return Person(row._mapping, row.provenance or {}, row.archived_at is not None, **more)


def _work_out_fields(work: Work, connection: Connection, call: dict[str, str], outward: bool) -> None:
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
        mine = (id_, key_of(work, name, change.before))
        others = taken.get((name, mine[1]), set()) - {id_} if mine[1] else set()
        reason = field_stays(name, change, _person(person), taken=bool(others), call=call)
        work.fields.append(Back(id_, name, change, reason, sent))


def _sent_back(work: Work) -> list[tuple[str, str, FieldChange, bool]]:
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
            known = _person(person)
            writer = known.writer(line.hub) if known is not None else None
            stamp = writer if as_sent and writer is not None else ("", 0)
            found.append((id_, line.hub, FieldChange(before, here, stamp), True))
    return found


def key_of(work: Work, name: str, value: Value) -> str | None:
    return work.config.key_of(name, value) if name in KEYS else None


def _keys_in_use(
    work: Work, connection: Connection, wanted: Sequence[tuple[str, str, FieldChange, bool]]
) -> dict[tuple[str, str | None], set[str]]:
    """Who has the e-mail addresses that would come back; families share phones, so those are no hindrance."""
    keys = {
        key for _, name, change, _ in wanted if name == "email" and (key := key_of(work, name, change.before))
    }
    found: dict[tuple[str, str | None], set[str]] = {}
    for row in rows_of(connection, CUSTOMER, CUSTOMER.c.email_key, keys):
        if row.archived_at is None:
            found.setdefault(("email", row.email_key), set()).add(row.id)
    return found


def _work_out_people(work: Work, connection: Connection, call: dict[str, str]) -> None:
    effects, row = work.effects, work.row
    made = set(effects.created)
    sales = _counted(connection, TRANSACTION, TRANSACTION.c.customer_id, made, but=effects.sales)
    cards = _counted(connection, CARD, CARD.c.customer_id, made)
    elsewhere: dict[str, list[str]] = {}
    system = work.bench.cloud_id()
    for link in rows_of(connection, LINK, LINK.c.hub_id, made):
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
            for one in rows_of(connection, CUSTOMER, CUSTOMER.c.email_key, keys)
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


def _work_out_sales(work: Work, connection: Connection) -> None:
    ids = list(dict.fromkeys(work.effects.sales))
    if not ids:
        return
    rows = {row.id: row for row in rows_of(connection, TRANSACTION, TRANSACTION.c.id, ids)}
    work.lines = rows
    remote = {row.remote_id if row.line_kind == "sale" else row.sale_id for row in rows.values()} - {None}
    later: dict[str, int] = {}
    for refund in rows_of(connection, TRANSACTION, TRANSACTION.c.sale_id, remote):
        mine = refund.integration_id == work.row.id and refund.line_kind == "refund"
        if not mine or refund.id in rows or refund.state == "pending":
            continue
        # An earlier undo has its entry against this very line.
        own = refund.remote_id.partition(":refund:")[2]
        of = f"refund {own}" if own else f"sale {refund.sale_id}"
        later[of] = later.get(of, 0) + abs(refund.earned)
    under_way = {
        one.hub_id
        for one in rows_of(connection, INTENT, INTENT.c.hub_id, ids)
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
    balances = {card.id: int(card.balance) for card in rows_of(connection, CARD, CARD.c.id, cards)}
    work.sales = judge_sales(booked, balances)

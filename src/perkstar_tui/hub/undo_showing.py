"""What an undo does, and what a run changed, as a person reads it."""

from typing import Any

from perkstar_tui.model.enums import LinkState, Status
from perkstar_tui.sync.changes import effects_of
from perkstar_tui.sync.context import CUSTOMER, TRANSACTION, name_of

from . import views as v
from .bench import Bench
from .reading import run as find_run
from .undo_work import Back, Work, rows_of

SHOWN = 50
"""Lines of each list where no limit is given; the counts are complete."""


def counts_of(work: Work) -> dict[str, int]:
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


def _then(work: Work, one: Back) -> str:
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


def _line_name(work: Work, id_: str | None) -> str:
    person = work.people.get(id_ or "")
    return name_of(person) if person is not None else ""


def view_of(
    work: Work, *, archives: bool, done: bool, undo_id: str | None = None, limit: int | None = None
) -> v.UndoView:
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
    outward = _outward(work, archives)
    return v.UndoView(
        work.run.id,
        work.row.id,
        work.row.name,
        done,
        tuple(back[:shown]),
        tuple(stays[:shown]),
        tuple(outward[:shown]),
        counts_of(work) | {"outward": len(outward)},
        tuple(_notes(work)),
        undo_id,
        archives,
    )


def _outward(work: Work, archives: bool) -> list[v.UndoLine]:
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


def _notes(work: Work) -> list[str]:
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
        people = {row.id: row for row in rows_of(connection, CUSTOMER, CUSTOMER.c.id, ids)}
        lines = rows_of(connection, TRANSACTION, TRANSACTION.c.id, {r[2] for r in part if r[1] == "sale"})
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

"""The queue: everything that waits for a person or that a rule has settled, one list with the choices there are."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, func, not_, or_, select

from perkstar_tui.model.enums import DataType, LinkState, Status
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.store import tables as t
from perkstar_tui.sync import filters
from perkstar_tui.sync.config import CUSTOMER_FIELDS, RunConfig
from perkstar_tui.sync.context import CUSTOMER, INTEGRATION, LINK, name_of
from perkstar_tui.sync.decided import BY_HAND
from perkstar_tui.sync.outward import MAY_BE

from . import views as v
from .bench import Bench
from .doubles import hub_fields
from .reading import BEHIND, remedy_of
from .waiting import KINDS, QueueChoice, QueueItem, QueueKind, QueueSide

CONFLICT = t.Conflict
HELD = "held-"
"""The beginning of the ids of held records in the queue; conflicts have their own."""
LINK_TO, SAME_AS = "link:", "same:"
_WAITS = and_(
    LINK.c.data == DataType.CUSTOMERS.value,
    LINK.c.state.in_([LinkState.HELD.value, LinkState.DUPLICATE.value]),
    or_(LINK.c.code.is_(None), LINK.c.code.not_in(BY_HAND)),
)
_SECOND = or_(
    LINK.c.state == LinkState.DUPLICATE.value,
    and_(LINK.c.hub_id.is_(None), LINK.c.reason.like("another record at % is already linked%")),
)
_KIND = {
    "match": and_(LINK.c.hub_id.is_(None), not_(_SECOND)),
    "second": _SECOND,
    "refused": and_(LINK.c.hub_id.is_not(None), not_(_SECOND), not_(BEHIND)),
}
_CONTRADICTS = LINK.c.reason.like("the % belongs to a customer %")


def kind_of(link: Any) -> QueueKind:
    """Under which kind a held link stands in the queue."""
    if link.state == LinkState.DUPLICATE or (
        link.hub_id is None and link.reason.startswith("another record at ")
    ):
        return "second"
    return "match" if link.hub_id is None else "refused"


def why_of(link: Any) -> str:
    """Why a match is not clear: `contradiction` of an earlier key, or `several` who have it."""
    return "contradiction" if " belongs to a customer " in link.reason else "several"


def held_condition(kind: str | None, integration_id: str | None) -> Any:
    """The condition for held links of a kind (all three without one) that a person can settle."""
    live = select(INTEGRATION.c.id).where(INTEGRATION.c.status != Status.DISCONNECTED.value)
    condition = and_(_WAITS, _KIND[kind] if kind else not_(BEHIND), LINK.c.integration_id.in_(live))
    return condition if integration_id is None else and_(condition, LINK.c.integration_id == integration_id)


def conflict_condition(integration_id: str | None) -> Any:
    """The condition for settled conflicts that nobody has looked at yet."""
    condition = CONFLICT.c.seen_at.is_(None)
    return (
        condition if integration_id is None else and_(condition, CONFLICT.c.integration_id == integration_id)
    )


def like(row: Any, *, conflict: bool) -> Any:
    """The condition for what waits for the same reason as this: integration, kind, code and field."""
    if conflict:
        return and_(
            conflict_condition(row.integration_id),
            CONFLICT.c.field == row.field,
            CONFLICT.c.winner == row.winner,
        )
    kind = kind_of(row)
    condition = and_(
        held_condition(kind, row.integration_id),
        LINK.c.code.is_(None) if row.code is None else LINK.c.code == row.code,
        LINK.c.field.is_(None) if row.field is None else LINK.c.field == row.field,
    )
    if kind == "match":
        told = _CONTRADICTS if why_of(row) == "contradiction" else not_(_CONTRADICTS)
        return and_(condition, told)
    # A second record may be settled as one only among its like: with a customer, or still without.
    return and_(condition, LINK.c.hub_id.is_(None) if row.hub_id is None else LINK.c.hub_id.is_not(None))


def queue(bench: Bench, integration_id: str | None, kind: str | None, offset: int, limit: int) -> v.PageOf:
    """What waits, the oldest first, then what a rule has settled, the newest first. Raises USAGE for another kind."""
    if kind and kind not in KINDS:
        raise PerkstarError(
            ErrorKind.USAGE, f"{kind!r} is no kind.", remedy=f"Kinds: {', '.join(KINDS)}.", field="kind"
        )
    with bench.store.read() as connection:
        held, settled = 0, 0
        links: Sequence[Any] = ()
        clashes: Sequence[Any] = ()
        if kind != "conflict":
            where = held_condition(kind, integration_id)
            held = connection.execute(select(func.count()).select_from(LINK).where(where)).scalar_one()
            links = connection.execute(
                select(LINK).where(where).order_by(LINK.c.id).offset(offset).limit(limit)
            ).all()
        if kind in (None, "conflict"):
            where = conflict_condition(integration_id)
            settled = connection.execute(select(func.count()).select_from(CONFLICT).where(where)).scalar_one()
            room = limit - len(links)
            if room:
                query = select(CONFLICT).where(where).order_by(CONFLICT.c.id.desc())
                clashes = connection.execute(query.offset(max(0, offset - held)).limit(room)).all()
        look = _Look(bench, connection)
        items = [*(look.held(link) for link in links), *(look.clash(row) for row in clashes)]
    return v.PageOf(tuple(items), int(held + settled), offset)


def item(bench: Bench, item_id: str) -> QueueItem:
    """One item by its id. Raises NOT_FOUND."""
    with bench.store.read() as connection:
        row, conflict = find(connection, item_id)
        look = _Look(bench, connection)
        return look.clash(row) if conflict else look.held(row)


def find(connection: Connection, item_id: str) -> tuple[Any, bool]:
    """The link or the conflict that an id means, and which it is. Raises NOT_FOUND where it waits no more."""
    wanted = item_id.strip()
    row = None
    conflict = wanted.startswith("cfl_")
    if conflict:
        row = connection.execute(select(CONFLICT).where(CONFLICT.c.id == wanted)).first()
    elif wanted.removeprefix(HELD).isdigit():
        where = and_(LINK.c.id == int(wanted.removeprefix(HELD)), held_condition(None, None))
        row = connection.execute(select(LINK).where(where)).first()
    if row is None:
        raise PerkstarError(
            ErrorKind.NOT_FOUND,
            f"Nothing waits under {item_id!r}.",
            remedy="It may be settled by now; `perkstar queue` lists what waits.",
        )
    return row, conflict


def item_of(link: Any) -> str:
    """The id of a held link in the queue; empty where it is no item."""
    waits = link.state in (LinkState.HELD, LinkState.DUPLICATE) and link.code not in BY_HAND
    return f"{HELD}{link.id}" if waits and not link.reason.startswith(MAY_BE) else ""


class _Look:
    """Rows as items, with what is around them read once."""

    def __init__(self, bench: Bench, connection: Connection) -> None:
        self.bench, self.connection = bench, connection
        self.names = {row.id: row for row in connection.execute(select(INTEGRATION))}
        self.configs: dict[str, RunConfig] = {}
        self.counts: dict[Any, int] = {}

    def config(self, integration_id: str) -> RunConfig:
        if integration_id not in self.configs:
            self.configs[integration_id] = self.bench.configure(self.names[integration_id])
        return self.configs[integration_id]

    def name(self, integration_id: str) -> str:
        row = self.names[integration_id]
        return "Perkstar's cloud" if row.kind == "system" else str(row.name)

    def _like(self, row: Any, *, conflict: bool) -> int:
        source = CONFLICT if conflict else LINK
        if conflict:
            key: Any = (row.integration_id, row.field, row.winner)
        else:
            why = why_of(row) if kind_of(row) == "match" else ""
            key = (row.integration_id, kind_of(row), why, row.code, row.field, row.hub_id is None)
        if key not in self.counts:
            query = select(func.count()).select_from(source).where(like(row, conflict=conflict))
            self.counts[key] = int(self.connection.execute(query).scalar_one())
        return self.counts[key]

    def held(self, link: Any) -> QueueItem:
        config, kind = self.config(link.integration_id), kind_of(link)
        remote = link.remote or {}
        theirs = hub_fields(config, remote.get("values") or link.base or {})
        ids = [link.hub_id] if link.hub_id else list(remote.get("candidates", []))
        people = self._people(ids)
        here = []
        for id_ in ids:
            if id_ not in people:
                continue
            fields = _filled(people[id_])
            differs = tuple(
                name
                for name in dict.fromkeys((*theirs, *fields))
                if name in theirs and theirs[name] != fields.get(name)
            )
            if kind == "refused":
                field = self._hub_field(config, link.field) if link.field else ""
                differs = (field,) if field and theirs.get(field) != fields.get(field) else ()
            here.append(QueueSide(id_, name_of(people[id_]), fields, differs, self._taken(link, id_)))
        label = name_of(theirs) or next((s.name for s in here if s.name), "") or link.remote_id or link.hub_id
        there = QueueSide(link.remote_id or "", name_of(theirs), theirs)
        return QueueItem(
            id=f"{HELD}{link.id}",
            kind=kind,
            integration_id=link.integration_id,
            integration_name=self.name(link.integration_id),
            record=link.hub_id or link.remote_id,
            name=str(label),
            code=link.code or "",
            reason=link.reason,
            remedy=remedy_of(link.code),
            field=self._hub_field(config, link.field) if link.field else "",
            since=link.last_received or link.last_sent,
            there=there,
            here=tuple(here),
            choices=tuple(_choices(kind, config, link, here)),
            like=self._like(link, conflict=False),
            why=why_of(link) if kind == "match" else "",
            next_attempt=link.next_attempt,
            rules=_rules(kind, why_of(link) if kind == "match" else ""),
        )

    @staticmethod
    def _hub_field(config: RunConfig, remote: str) -> str:
        return next((line.hub for line in config.lines if line.remote == remote), remote)

    def _people(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        rows = self.connection.execute(select(CUSTOMER).where(CUSTOMER.c.id.in_(list(ids))))
        return {row.id: dict(row._mapping) for row in rows}

    def _taken(self, link: Any, hub_id: str) -> str:
        found = self.connection.execute(
            select(LINK.c.remote_id).where(
                LINK.c.integration_id == link.integration_id,
                LINK.c.hub_id == hub_id,
                filters.linked(),
                LINK.c.id != link.id,
            )
        ).scalar()
        return str(found or "")

    def clash(self, row: Any) -> QueueItem:
        person = self._people([row.hub_id]).get(row.hub_id, {})
        title = self.config(row.integration_id).title
        won = "Perkstar" if row.winner == "perkstar" else title
        remote_id = self.connection.execute(
            select(LINK.c.remote_id).where(
                LINK.c.integration_id == row.integration_id, LINK.c.hub_id == row.hub_id
            )
        ).scalar()
        happened = "was changed on both sides" if row.base is not None else "differed at first contact"
        return QueueItem(
            id=row.id,
            kind="conflict",
            integration_id=row.integration_id,
            integration_name=self.name(row.integration_id),
            record=row.hub_id,
            name=name_of(person) or row.hub_id,
            code=ErrorKind.CONFLICT.value,
            reason=f"{row.field} {happened}; {won} won by the rule",
            remedy="Take the other value, or let it stay.",
            field=row.field,
            since=row.at,
            there=QueueSide(str(remote_id or ""), title, {row.field: row.remote}, (row.field,)),
            here=(QueueSide(row.hub_id, name_of(person), {row.field: row.hub}, (row.field,)),),
            choices=(
                QueueChoice("perkstar", "Perkstar's value", _clash_effect(row, "perkstar", title)),
                QueueChoice("platform", f"{title}'s value", _clash_effect(row, "platform", title)),
                QueueChoice(
                    "edit", "Another value", "The customer is changed here, and there with the next run"
                ),
            ),
            like=self._like(row, conflict=True),
            why=row.winner,
            base=row.base,
            rules=("perkstar", "platform"),
        )


def _clash_effect(row: Any, take: str, title: str) -> str:
    value = row.hub if take == "perkstar" else row.remote
    if take == row.winner:
        return f"{row.field} stays {value!r}, as the rule settled it"
    # The platform whose value it is has it already.
    others = "wherever else it is kept" if take == "platform" else f"at {title}"
    return f"{row.field} becomes {value!r} here, and with the next run {others}"


def _filled(person: Mapping[str, Any]) -> dict[str, Any]:
    return {name: person[name] for name in CUSTOMER_FIELDS if person[name] not in (None, "")}


def _rules(kind: str, why: str) -> tuple[str, ...]:
    if kind != "match":
        return ()
    return ("link", "new") if why == "contradiction" else ("link:oldest", "link:newest")


def _choices(kind: str, config: RunConfig, link: Any, here: Sequence[QueueSide]) -> Iterator[QueueChoice]:
    title = config.title
    new = QueueChoice(
        "new",
        "Somebody else",
        f"A new customer is made here, linked to this record at {title}; others get it too, and then it stays",
    )
    out = QueueChoice(
        "leave-out", "Leave out for good", f"It is neither taken from {title} nor sent there any more"
    )
    if kind == "match":
        for side in here:
            if side.taken:
                yield QueueChoice(
                    f"{SAME_AS}{side.id}",
                    f"A second record of {side.name or side.id}",
                    f"It stays at {title} beside {side.taken}: nothing is sent to it, its sales are this customer's",
                )
            else:
                yield QueueChoice(
                    f"{LINK_TO}{side.id}",
                    f"It is {side.name or side.id}",
                    f"The record at {title} and this customer become one; what differs goes by the rule",
                )
        if config.direction.inward:
            yield new
        yield out
    elif kind == "second":
        yield QueueChoice(
            "same",
            "One person, both may stay",
            f"It stays at {title} as a second record: nothing is sent to it, its sales are this customer's",
        )
        if config.direction.inward:
            yield new
        yield out
    else:
        yield QueueChoice("retry", "Try it again", "It is sent again with the next run")
        yield QueueChoice(
            "edit", "Correct it here", "The customer is changed here and sent with the next run"
        )
        yield out

"""Duplicates as people see them: pairs side by side, of the store and at a vendor, and searches for them (H4, K3)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, func, or_, select

from perkstar_tui.model.enums import DataType, LinkState
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import RemoteRecord
from perkstar_tui.sync import doubles
from perkstar_tui.sync.config import CUSTOMER_FIELDS, LOYALTY_FIELDS, RunConfig
from perkstar_tui.sync.context import CARD, CUSTOMER, INTEGRATION, LINK, MERGE, PAIR, TRANSACTION, name_of
from perkstar_tui.sync.duplicates import SURE, Pair, Person, compare, pairs, person
from perkstar_tui.sync.plan import LET_GO

from . import views as v
from .bench import Bench
from .connecting import run_now

AT_ONCE = 1
"""Turns of a search that a list waits for, so that it shows what has just come in."""

AT_A_VENDOR = 200_000
"""Records of a vendor that are looked through; they are held in memory, so more are refused."""

SCORED = 100
"""Held records that find their place among the pairs by their points."""

STATES = (doubles.OPEN, doubles.DISMISSED, doubles.MERGED)


def duplicates(
    bench: Bench, row: Any | None, state: str, min_score: int, offset: int, limit: int
) -> v.PageOf:
    """Pairs, and what the engine holds as a duplicate between the store and a vendor: the likeliest first."""
    if state not in STATES:
        raise PerkstarError(
            ErrorKind.USAGE,
            f"{state!r} is no state of a pair.",
            remedy=f"Use {', '.join(STATES)}.",
            field="state",
        )
    if not bench.settings.read_only:
        doubles.search(bench.store, bench.clock, turns=AT_ONCE)
    query = select(PAIR).where(PAIR.c.state == state, PAIR.c.score >= min_score)
    if row is not None:
        query = query.where(PAIR.c.integration_id == row.id)
    ordered = query.order_by(PAIR.c.score.desc(), PAIR.c.id)
    with bench.store.read() as connection:
        count = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
        names = {each.id: each for each in connection.execute(select(INTEGRATION)).all()}
        config = cache(lambda id_: bench.configure(names[id_]))
        held_total, scored, rest = 0, [], None
        if state == doubles.OPEN and min_score <= SURE:
            held = _held_links(row).order_by(LINK.c.id)
            held_total = connection.execute(select(func.count()).select_from(held.subquery())).scalar_one()
            # How alike a held record is, is worked out and not kept: what is more stands behind the pairs.
            links = connection.execute(held.limit(SCORED)).all()
            scored = sorted(
                (_held(connection, config(link.integration_id), link, names) for link in links),
                key=lambda one: -one.score,
            )
            rest = held.offset(SCORED)
        found, between, behind = _page(connection, ordered, int(count), scored, offset, limit)
        merges = _merges(connection, found) if state == doubles.MERGED else {}
        items = [view for pair in found if (view := _view(connection, pair, names, merges)) is not None]
        items = sorted((*items, *between), key=lambda one: -one.score)
        room = limit - len(found) - len(between)
        if rest is not None and room > 0:
            items += [
                _held(connection, config(link.integration_id), link, names)
                for link in connection.execute(rest.offset(SCORED + behind).limit(room))
            ]
    return v.PageOf(tuple(items), int(count + held_total), offset)


def _page(
    connection: Connection,
    ordered: Any,
    count: int,
    scored: Sequence[v.DuplicateView],
    offset: int,
    limit: int,
) -> tuple[Sequence[Any], Sequence[v.DuplicateView], int]:
    """The part of pairs and of held records that a page of both, the likeliest first, has; and how far beyond both
    it begins.
    """
    # Each held record has its place among the pairs by its points.
    points = ordered.with_only_columns(PAIR.c.score, func.count()).order_by(None).group_by(PAIR.c.score)
    pairs_of = dict(connection.execute(points).tuples().all())
    places = [
        sum(number for score, number in pairs_of.items() if score >= view.score) + before
        for before, view in enumerate(scored)
    ]
    here = sum(place < offset for place in places)
    within = [view for view, place in zip(scored, places, strict=True) if offset <= place < offset + limit]
    first = max(0, offset - here)
    found = connection.execute(ordered.offset(first).limit(limit - len(within))).all()
    return found, within, max(0, offset - count - len(scored))


def pair(bench: Bench, pair_id: str) -> v.DuplicateView:
    """One pair. Raises NOT_FOUND, also where a customer of it was erased."""
    with bench.store.read() as connection:
        row = connection.execute(select(PAIR).where(PAIR.c.id == pair_id.strip())).first()
        names = {each.id: each for each in connection.execute(select(INTEGRATION)).all()}
        found = _view(connection, row, names, _merges(connection, [row])) if row is not None else None
    if found is None:
        raise PerkstarError(
            ErrorKind.NOT_FOUND,
            f"There is no pair {pair_id!r}.",
            remedy="`perkstar customers duplicates` lists them.",
        )
    return found


def _merges(connection: Connection, found: Sequence[Any]) -> dict[frozenset[str], str]:
    ids = [id_ for row in found for id_ in (row.a, row.b)]
    rows = connection.execute(
        select(MERGE.c.id, MERGE.c.survivor, MERGE.c.loser).where(
            MERGE.c.loser.in_(ids), MERGE.c.undone_at.is_(None)
        )
    )
    return {frozenset((row.survivor, row.loser)): row.id for row in rows}


def _view(
    connection: Connection, row: Any, names: Mapping[str, Any], merges: Mapping[frozenset[str], str]
) -> v.DuplicateView | None:
    integration = names.get(row.integration_id)
    if row.integration_id:
        a, b = (
            v.DuplicateSide(id_, name_of(fields) or id_, fields)
            for id_, fields in ((row.a, row.shown.get("a", {})), (row.b, row.shown.get("b", {})))
        )
    else:
        sides = [_side(connection, id_, names) for id_ in (row.a, row.b)]
        if sides[0] is None or sides[1] is None:
            return None
        a, b = sides[0], sides[1]
    return v.DuplicateView(
        id=row.id,
        integration_id=row.integration_id or None,
        integration_name=integration.name if integration is not None else "",
        score=row.score,
        verdict="same" if row.score >= SURE else "maybe",
        why=tuple(row.why),
        state=row.state,
        found_at=row.found_at,
        a=a,
        b=b,
        differs=_differs(a.fields, b.fields),
        merge_id=merges.get(frozenset((row.a, row.b))),
    )


def _differs(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(name for name in CUSTOMER_FIELDS if a.get(name) != b.get(name))


def _side(connection: Connection, id_: str, names: Mapping[str, Any]) -> v.DuplicateSide | None:
    row = connection.execute(select(CUSTOMER).where(CUSTOMER.c.id == id_)).first()
    if row is None:
        return None
    fields = {n: getattr(row, n) for n in (*CUSTOMER_FIELDS, *LOYALTY_FIELDS) if getattr(row, n) is not None}
    cards, sales = (
        connection.execute(select(func.count()).select_from(of).where(of.c.customer_id == id_)).scalar_one()
        for of in (CARD, TRANSACTION)
    )
    linked = connection.execute(
        select(LINK.c.integration_id).where(LINK.c.hub_id == id_, LINK.c.state == LinkState.LINKED.value)
    ).scalars()
    at = sorted({_named(names, each) for each in linked})
    return v.DuplicateSide(id_, name_of(row) or id_, fields, cards, sales, tuple(at), row.created_at)


def _named(names: Mapping[str, Any], integration_id: str) -> str:
    row = names.get(integration_id)
    return "" if row is None else "Perkstar's cloud" if row.kind == "system" else str(row.name)


def _held_links(row: Any | None) -> Any:
    """Remote records that the engine holds since they may be, or are, a customer that has another record there."""
    query = select(LINK).where(
        LINK.c.state.in_([LinkState.HELD.value, LinkState.DUPLICATE.value]),
        LINK.c.code == ErrorKind.DUPLICATE.value,
        LINK.c.data == DataType.CUSTOMERS.value,
        LINK.c.remote_id.is_not(None),
    )
    return query if row is None else query.where(LINK.c.integration_id == row.id)


def _held(connection: Connection, config: RunConfig, link: Any, names: Mapping[str, Any]) -> v.DuplicateView:
    remote = link.remote or {}
    integration = names[link.integration_id]
    fields = hub_fields(config, remote.get("values") or link.base or {})
    ids = [link.hub_id] if link.hub_id else remote.get("candidates", [])
    here = next((side for id_ in ids if (side := _side(connection, id_, names)) is not None), None)
    here = here or v.DuplicateSide("", "", {})
    like = compare(_person(config, link.remote_id, fields), _person(config, here.id, here.fields))
    return v.DuplicateView(
        id=f"{link.integration_id}:{link.remote_id}",
        integration_id=link.integration_id,
        integration_name=integration.name,
        score=like.score,
        verdict="held",
        why=(link.reason, *like.why),
        state=doubles.OPEN,
        found_at=link.last_received,
        a=v.DuplicateSide(link.remote_id, name_of(fields) or link.remote_id, fields),
        b=here,
        differs=_differs(fields, here.fields),
        held=True,
    )


# -- at a vendor


def hub_fields(config: RunConfig, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a remote record says in the fields of a customer, as the mapping reads it."""
    found = {}
    for line in config.lines:
        if line.hub in CUSTOMER_FIELDS and values.get(line.remote) not in (None, ""):
            value = line.transform.back(values[line.remote], None)
            if value not in (None, ""):
                found[line.hub] = value
    return found


def _person(config: RunConfig, id_: str, fields: Mapping[str, Any]) -> Person:
    email, phone = (config.key_of(name, fields.get(name)) for name in ("email", "phone"))
    return person(id_, fields, email, phone)


def doubles_among(
    config: RunConfig,
    records: Sequence[RemoteRecord],
    let_go: Mapping[str, Mapping[str, Any]] | None = None,
) -> tuple[list[Pair], dict[str, dict[str, Any]]]:
    """Pairs among records of a platform, and what those records say; what is `let_go` of a record speaks for none."""
    fields = {record.id: hub_fields(config, record.fields) for record in records if not record.archived}
    speaks = {
        id_: {name: value for name, value in each.items() if gone.get(name) != value}
        if (gone := (let_go or {}).get(id_))
        else each
        for id_, each in fields.items()
    }
    found = pairs(_person(config, id_, each) for id_, each in speaks.items())
    return found, fields


def let_go_at(connection: Connection, config: RunConfig) -> dict[str, dict[str, Any]]:
    """By record, the values that a platform has of an undone merge only: they would make two people alike."""
    query = (
        select(LINK.c.remote_id, LINK.c.base, CUSTOMER.c.provenance)
        .join(CUSTOMER, CUSTOMER.c.id == LINK.c.hub_id)
        .join(MERGE, or_(MERGE.c.survivor == CUSTOMER.c.id, MERGE.c.loser == CUSTOMER.c.id))
        .where(LINK.c.integration_id == config.integration_id, MERGE.c.undone_at.is_not(None))
    )
    found: dict[str, dict[str, Any]] = {}
    for remote_id, base, provenance in connection.execute(query):
        agreed = hub_fields(config, base or {})
        gone = {name for name, (writer, *_) in (provenance or {}).items() if writer == LET_GO}
        if remote_id and gone:
            found[remote_id] = {name: value for name, value in agreed.items() if name in gone}
    return found


def find(
    bench: Bench, row: Any | None, *, progress: Callable[[int], None] = lambda done: None
) -> v.DuplicateSearch:
    """Look through everything again: the store, or the records of one integration's platform, which are only read."""
    if row is None:
        done = doubles.search(bench.store, bench.clock, everything=True, progress=progress)
        total = doubles.count_open(bench.store)
        return v.DuplicateSearch(done.customers, done.found, total, done.waiting, "")
    title = bench.catalog[row.platform].title
    config = bench.configure(row)
    spec = bench.catalog[row.platform].data.get(DataType.CUSTOMERS)
    if spec is None or not spec.to_perkstar:
        raise PerkstarError(
            ErrorKind.USAGE,
            f"The customers of {title} cannot be read, so doubles there cannot be looked for.",
            remedy="Look for them at the vendor.",
            integration_id=row.id,
        )
    records = run_now(_read(bench, row, title, progress))
    with bench.store.read() as connection:
        let_go = let_go_at(connection, config)
    found, fields = doubles_among(config, records, let_go)
    with bench.store.write() as connection:
        earlier = connection.execute(
            select(PAIR.c.a, PAIR.c.b).where(PAIR.c.integration_id == row.id, PAIR.c.state == doubles.OPEN)
        ).all()
        ids = sorted({*fields, *(id_ for each in earlier for id_ in each)})
        new = doubles.keep(connection, bench.clock, row.id, found, ids, fields)
        bench.audit(
            connection, "find_duplicates", row.id, None, {"records": len(fields), "pairs": len(found)}
        )
    note = f"They are only reported: {title} lets nobody merge from outside, so merge them there."
    return v.DuplicateSearch(len(fields), new, len(found), 0, note if found else "")


async def _read(bench: Bench, row: Any, title: str, progress: Callable[[int], None]) -> list[RemoteRecord]:
    records: dict[str, RemoteRecord] = {}
    connector = bench.connector(row)
    try:
        async for page in connector.read(DataType.CUSTOMERS, None, full=True):
            records.update((record.id, record) for record in page.records)
            progress(len(records))
            if len(records) > AT_A_VENDOR:
                raise PerkstarError(
                    ErrorKind.USAGE,
                    f"{title} has more than {AT_A_VENDOR:,} customers: too many to look through at once.",
                    remedy="Sync them first; doubles are then found in the store.",
                    integration_id=row.id,
                )
    finally:
        await connector.close()
    return list(records.values())


def note_of(bench: Bench, config: RunConfig, records: Sequence[RemoteRecord]) -> list[str]:
    """For a preview: how many doubles there are among what was read, and here (K3). Nothing is written but here."""
    notes = []
    if records:
        with bench.store.read() as connection:
            let_go = let_go_at(connection, config)
        found, _ = doubles_among(config, records, let_go)
        sure = sum(pair.score >= SURE for pair in found)
        words = f"{len(found)} pairs may be one person, {sure} of them surely" if found else "no doubles"
        notes.append(f"Among the {len(records):,} customers read from {config.title}: {words}.")
    if not bench.settings.read_only:
        doubles.search(bench.store, bench.clock, turns=AT_ONCE)
    here = doubles.count_open(bench.store)
    if here:
        noun = "pair" if here == 1 else "pairs"
        notes.append(f"In Perkstar {here:,} {noun} may be one person (=, `perkstar customers duplicates`).")
    return notes


def new_since(bench: Bench, since: datetime | None = None) -> int:
    """How many pairs wait for a person; with `since` those found after it. For alerts: one indexed query."""
    return doubles.count_open(bench.store, since)

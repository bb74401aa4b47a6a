"""What a change of settings would do, before it is kept: the run's own filters, rules and transforms, worked on what is
in the store. Nothing is asked of a platform, and nothing is written.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from perkstar_tui.model.enums import DataType, Direction, LinkState, SourceOfTruth
from perkstar_tui.model.money import amount
from perkstar_tui.sync import bought, filters, sales
from perkstar_tui.sync.config import RunConfig, compile_lines
from perkstar_tui.sync.context import CUSTOMER, LINK, TRANSACTION, name_of
from perkstar_tui.sync.mapping import Line

from . import views as v
from .acts import differences, edited, mapped
from .bench import Bench
from .changes import ChangeView, EarningChange, FilterChange, LineChange, SaleChange, ValueChange, sentences

NAMED = 10
"""Examples of each kind that are named; the counts are always complete."""
LOOKED_AT = 2000
"""Records that are looked through for values that a changed line changes."""
_DATA = DataType.CUSTOMERS.value
Mapped = tuple[Line, tuple[str, ...]]
NOT_MAPPED = (None, ())
_OVER = ("before_start", "no_buyer", "window_over")
"""Why a sale gave nothing, whatever the rules say."""


def of_settings(bench: Bench, row: Any, settings: dict[str, str]) -> ChangeView:
    """What `edit` would do. Raises what `edit` raises."""
    config, columns = edited(bench, row, settings)
    present = {name: str(getattr(row, name) or "") for name in columns}
    return _view(bench, row, config, [(n, present[n], x) for n, x in columns.items() if present[n] != x])


def of_mapping(bench: Bench, row: Any, lines: Sequence[v.MappingLine]) -> ChangeView:
    """What `set_mapping` would do. Raises what that raises."""
    return _view(bench, row, mapped(bench, row, lines), [])


def _view(bench: Bench, row: Any, config: dict[str, Any], columns: list[tuple[str, str, str]]) -> ChangeView:
    after = bench.configure(SimpleNamespace(**{**row._mapping, "config": config}))
    before = bench.configure(row)
    view = ChangeView(
        row.id,
        (
            *columns,
            *(change for change in differences(row.config, config) if not change[0].startswith("mapping")),
        ),
        tuple(_filters(bench, before, after)),
        tuple(_earning(bench, before, after)),
        tuple(_lines(bench, row, config, before.country)),
    )
    return replace(view, said=tuple(sentences(view)))


# -- filters ---------------------------------------------------------------------------------------------------


def _filters(bench: Bench, before: RunConfig, after: RunConfig) -> Iterator[FilterChange]:
    for name, old, new in (
        (filters.TO_PLATFORM, before.sends, after.sends),
        (filters.TO_PERKSTAR, before.takes, after.takes),
    ):
        if (old.text if old else "") != (new.text if new else ""):
            yield _filter(bench, after, name, old, new)


def _filter(
    bench: Bench, config: RunConfig, name: str, old: filters.Filter | None, new: filters.Filter | None
) -> FilterChange:
    total = now = then = 0
    enter: list[str] = []
    leave: list[str] = []
    entering = leaving = 0
    for person in _people(bench, config.integration_id if name == filters.TO_PERKSTAR else None):
        total += 1
        passes, will = old is None or old.test(person), new is None or new.test(person)
        now += passes
        then += will
        if will and not passes:
            entering += 1
            if len(enter) < NAMED:
                enter.append(name_of(person) or person["id"])
        elif passes and not will:
            leaving += 1
            if len(leave) < NAMED:
                leave.append(name_of(person) or person["id"])
    note = ""
    if name == filters.TO_PERKSTAR:
        unknown = _unknown(bench, config.integration_id)
        note = "Counted are the customers that are linked; records that are not here yet are judged when they are read."
        if unknown:
            note += f" {unknown:,} that are left out now are read again at the next run."
    return FilterChange(
        name, old.text if old else "", new.text if new else "", total, now, then, entering, leaving,
        tuple(enter), tuple(leave), note,
    )  # fmt: skip


def _people(bench: Bench, linked_to: str | None) -> Iterator[dict[str, Any]]:
    """All customers, or those that are linked to a platform's records."""
    query = select(CUSTOMER).where(CUSTOMER.c.archived_at.is_(None)).order_by(CUSTOMER.c.id).limit(1000)
    if linked_to is not None:
        mine = select(LINK.c.hub_id).where(
            LINK.c.integration_id == linked_to,
            LINK.c.data == _DATA,
            LINK.c.remote_id.is_not(None),
            LINK.c.hub_id.is_not(None),
        )
        query = query.where(CUSTOMER.c.id.in_(mine))
    last = ""
    while True:
        with bench.store.read() as connection:
            rows = connection.execute(query.where(CUSTOMER.c.id > last)).all()
        if not rows:
            return
        for row in rows:
            yield dict(row._mapping)
        last = rows[-1].id


def _unknown(bench: Bench, integration_id: str) -> int:
    with bench.store.read() as connection:
        return connection.execute(
            select(func.count()).where(
                LINK.c.integration_id == integration_id,
                LINK.c.state == LinkState.EXCLUDED.value,
                LINK.c.code == filters.TO_PERKSTAR,
                LINK.c.hub_id.is_(None),
            )
        ).scalar_one()


# -- earning ---------------------------------------------------------------------------------------------------


def _earning(bench: Bench, before: RunConfig, after: RunConfig) -> Iterator[EarningChange]:
    def rules(config: RunConfig) -> Any:
        return (
            replace(config.earning, rules=()),
            tuple(rule.text for rule in config.earning.rules),
            config.credits.text if config.credits else "",
        )

    if rules(before) == rules(after) or DataType.TRANSACTIONS not in after.data:
        return
    local = (
        bench.clock.now().astimezone(ZoneInfo(after.zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    )
    month = local.replace(day=1)
    last_month = (month - timedelta(days=1)).replace(day=1)
    yield _period(bench, before, after, f"{last_month:%B %Y}", last_month, month)
    yield _period(
        bench, before, after, "The last 30 days", local - timedelta(days=29), local + timedelta(days=1)
    )


def _period(
    bench: Bench, before: RunConfig, after: RunConfig, title: str, since: datetime, until: datetime
) -> EarningChange:
    count = now = then = nothing_now = nothing_then = unjudged = 0
    different: list[SaleChange] = []
    for row in _sold(bench, after.integration_id, since, until):
        kept = bought.again(row)
        if kept is None:
            unjudged += 1
            continue
        old, new = sales.judge(before, *kept), sales.judge(after, *kept)
        count += 1
        now, then = now + old.earned, then + new.earned
        nothing_now, nothing_then = nothing_now + (not old.earned), nothing_then + (not new.earned)
        if old.earned != new.earned:
            day = row.happened_at.astimezone(since.tzinfo).date().isoformat()
            why = new.why or "; ".join(text for text, _, _ in new.by)
            money = amount(row.total_minor, row.currency)
            different.append(SaleChange(row.id, row.remote_id, day, money, old.earned, new.earned, why))
            if len(different) > 500:
                different = _largest(different)
    return EarningChange(
        title, since.date().isoformat(), until.date().isoformat(), count, now, then, then - now,
        nothing_now, nothing_then, unjudged,
        "they were booked before what rules ask for was kept" if unjudged else "",
        tuple(_largest(different)),
    )  # fmt: skip


def _largest(found: list[SaleChange]) -> list[SaleChange]:
    return sorted(found, key=lambda one: (-abs(one.then - one.now), one.id))[:NAMED]


def _sold(bench: Bench, integration_id: str, since: datetime, until: datetime) -> Iterator[Any]:
    query = (
        select(TRANSACTION)
        .where(
            TRANSACTION.c.integration_id == integration_id,
            TRANSACTION.c.line_kind == "sale",
            TRANSACTION.c.happened_at >= since,
            TRANSACTION.c.happened_at < until,
            TRANSACTION.c.reason.not_in(_OVER),
        )
        .order_by(TRANSACTION.c.id)
        .limit(1000)
    )
    last = ""
    while True:
        with bench.store.read() as connection:
            rows = connection.execute(query.where(TRANSACTION.c.id > last)).all()
        if not rows:
            return
        yield from rows
        last = rows[-1].id


# -- mapping ---------------------------------------------------------------------------------------------------


def _lines(bench: Bench, row: Any, config: Mapping[str, Any], country: str) -> Iterator[LineChange]:
    direction = Direction(config.get("direction", "both"))

    def compiled(of: Mapping[str, Any]) -> dict[str, Mapped]:
        entries = of.get("mapping", {}).get("customers", [])
        made = {
            line.remote: line for line in compile_lines(entries, direction, SourceOfTruth.PERKSTAR, country)
        }
        return {e["remote"]: (made[e["remote"]], _said(e)) for e in entries if e["remote"] in made}

    old, new = compiled(row.config), compiled(config)
    changed = [
        remote
        for remote in {**old, **new}
        if old.get(remote, NOT_MAPPED)[1] != new.get(remote, NOT_MAPPED)[1]
    ]
    people = list(_linked(bench, row.id)) if changed else []
    for remote in changed:
        was, will = old.get(remote), new.get(remote)
        sent = _values(people, lambda p, b, w=was, x=will: (_out(w, p), _out(x, p)))
        taken = _values(people, lambda p, b, w=was, x=will, r=remote: (_back(w, p, b, r), _back(x, p, b, r)))
        words = _words(was[1] if was else None, will[1] if will else None)
        hub = next(line.hub for line, _ in filter(None, (will, was)))
        yield LineChange(hub, remote, *words, len(people), tuple(sent), tuple(taken))


def _said(entry: Mapping[str, Any]) -> tuple[str, str, str, str]:
    clear = "may clear" if entry.get("may_clear") else "never clears"
    return entry["hub"], entry.get("direction", "both"), entry.get("transform", "text"), clear


def _words(old: tuple[str, ...] | None, new: tuple[str, ...] | None) -> tuple[str, str]:
    """A line before and after, in what is not the same; nothing for one that is not there."""
    pairs = [
        (a, b) for a, b in zip(old or new or (), new or old or (), strict=True) if a != b or not (old and new)
    ]
    return ", ".join(a for a, _ in pairs) if old else "", ", ".join(b for _, b in pairs) if new else ""


def _linked(bench: Bench, integration_id: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Customers that are linked, newest first, with what was agreed with the platform; else any customers."""
    with bench.store.read() as connection:
        rows = connection.execute(
            select(CUSTOMER, LINK.c.base)
            .join(LINK, LINK.c.hub_id == CUSTOMER.c.id)
            .where(
                LINK.c.integration_id == integration_id,
                LINK.c.data == _DATA,
                CUSTOMER.c.archived_at.is_(None),
            )
            .order_by(CUSTOMER.c.revision.desc())
            .limit(LOOKED_AT)
        ).all()
        if not rows:
            found = connection.execute(
                select(CUSTOMER)
                .where(CUSTOMER.c.archived_at.is_(None))
                .order_by(CUSTOMER.c.revision.desc())
                .limit(LOOKED_AT)
            ).all()
            yield from ((dict(row._mapping), {}) for row in found)
    yield from ((dict(row._mapping), row.base or {}) for row in rows)


def _values(people: Sequence[tuple[dict[str, Any], dict[str, Any]]], both: Any) -> Iterator[ValueChange]:
    found = 0
    for person, base in people:
        before, after = both(person, base)
        if before != after:
            found += 1
            yield ValueChange(person["id"], name_of(person) or person["id"], _text(before), _text(after))
            if found == NAMED:
                return


def _out(line: Mapped | None, person: Mapping[str, Any]) -> Any:
    return line[0].out(person) if line and line[0].outward else None


def _back(line: Mapped | None, person: Mapping[str, Any], base: Mapping[str, Any], remote: str) -> Any:
    if not line or not line[0].inward or base.get(remote) is None:
        return None
    return line[0].transform.back(base[remote], person.get(line[0].hub))


def _text(value: Any) -> str | None:
    return None if value is None else str(value)

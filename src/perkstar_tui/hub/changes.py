"""What a change of settings would do, as screens and commands show it (K6): plain data, and the sentences of it."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FilterChange:
    """Who passes a filter now and would pass it then, of `total` customers; `enter` and `leave` name some of them."""

    name: str
    old: str
    new: str
    total: int
    passes_now: int
    passes_then: int
    enter_total: int
    leave_total: int
    enter: tuple[str, ...] = ()
    leave: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class SaleChange:
    """A sale that would have given something else."""

    id: str
    remote_id: str
    day: str
    amount: str
    now: int
    then: int
    why: str


@dataclass(frozen=True, slots=True)
class EarningChange:
    """A period's sales by the present rules and by the new ones. `since` and `until` are days on the account's clock,
    the second one not in it any more. `unjudged` sales are in no other count.
    """

    period: str
    since: str
    until: str
    sales: int
    points_now: int
    points_then: int
    more: int
    nothing_now: int
    nothing_then: int
    unjudged: int
    why_unjudged: str = ""
    largest: tuple[SaleChange, ...] = ()


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A value as it is sent or taken in now, and as it would be."""

    record: str
    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class LineChange:
    """A line of the mapping that would change, on real records: of `records` that were looked at, `sent` and `taken`
    show what would become of some.
    """

    hub: str
    remote: str
    old: str
    new: str
    records: int
    sent: tuple[ValueChange, ...] = ()
    taken: tuple[ValueChange, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeView:
    """What would become of a change; nothing of it is kept."""

    integration_id: str
    settings: tuple[tuple[str, str, str], ...] = ()
    """Setting, before, after."""
    filters: tuple[FilterChange, ...] = ()
    earning: tuple[EarningChange, ...] = ()
    mapping: tuple[LineChange, ...] = ()
    said: tuple[str, ...] = ()
    """The same in sentences."""


SAID = 5
"""Sales of a period that the sentences name."""

WORDS = {
    "filter_to_platform": ("sent", "would be sent", "would be sent no more"),
    "filter_to_perkstar": ("taken in", "would be taken in", "would be taken in no more"),
}


def sentences(view: ChangeView) -> Iterator[str]:
    """What a person wants to know of it, the most important first."""
    for one in view.filters:
        verb, enters, leaves = WORDS[one.name]
        yield f"{one.passes_then:,} of {one.total:,} customers would be {verb}, now {one.passes_now:,}."
        for count, words, names in (
            (one.enter_total, enters, one.enter),
            (one.leave_total, leaves, one.leave),
        ):
            if count:
                rest = f" and {count - len(names):,} more" if count > len(names) else ""
                yield f"{count:,} {words}: {', '.join(names)}{rest}."
        if one.note:
            yield one.note
    for period in view.earning:
        yield from _earned(period)
    for line in view.mapping:
        yield f"{line.hub} = {line.remote}: {line.old or 'not mapped'} → {line.new or 'not mapped'}."
        for words, values in (("sent", line.sent), ("taken in", line.taken)):
            for value in values:
                yield f"  {value.name}: {words} {_value(value.before)} → {_value(value.after)}"
        if not line.sent and not line.taken:
            yield f"  No value of the {line.records:,} records that were looked at would change."
    if not (view.filters or view.earning or view.mapping):
        yield "Nothing is sent, taken in or credited otherwise by this."


def _value(value: str | None) -> str:
    return "nothing" if value is None else repr(value)


def _earned(one: EarningChange) -> Iterator[str]:
    on = f"on {one.sales:,} sales"
    figures = f"({one.points_then:,} instead of {one.points_now:,})"
    if not one.sales:
        yield f"{one.period}: no sale that could be judged."
    elif one.more:
        more = f"{abs(one.more):,} points {'more' if one.more > 0 else 'less'}"
        yield f"{one.period} would have given {more} {figures} {on}."
    else:
        yield f"{one.period} would have given as many points ({one.points_now:,}) {on}."
    if one.nothing_then or one.nothing_now:
        yield f"{one.nothing_then:,} of them would give nothing, now {one.nothing_now:,}."
    for sale in one.largest[:SAID]:
        why = f", {sale.why}" if sale.why else ""
        yield f"  {sale.day} {sale.remote_id} {sale.amount}: {sale.now:,} → {sale.then:,}{why}"
    if one.unjudged:
        yield f"{one.unjudged:,} sales could not be judged: {one.why_unjudged}."

"""Filters of an integration: which customers are sent, which records are taken in, which sales are credited.

Nothing is ever deleted by a filter. A record that does not pass keeps its link, and waits under the state `excluded`
with the filter's own words. A filter that has changed is noticed by the run itself, whichever way it was changed
(edit, rollback): the cursors remember the filter that they were moved under, and under another one everybody is
looked at again. Nothing is sent for that alone, since what is sent is what differs from the base.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, func, or_, select

from perkstar_tui.model.enums import DataType, LinkState
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Value
from perkstar_tui.store.bulk import one_of, values_of

from . import bought, vocabulary
from .context import CURSOR, CUSTOMER, LINK, Leg
from .expressions import Expression, Fields, Test, compiled, is_relative, lasting, parse, say, used

if TYPE_CHECKING:
    from .mapping import Line

TO_PLATFORM, TO_PERKSTAR, SALES = "filter_to_platform", "filter_to_perkstar", "filter_sales"
"""The options; the first two are also the codes of links that they leave out."""
FIELDS: Mapping[str, Fields] = {
    TO_PLATFORM: vocabulary.CUSTOMER,
    TO_PERKSTAR: vocabulary.TAKEN,
    SALES: bought.SALE,
}
BY_FILTER = (TO_PLATFORM, TO_PERKSTAR)
_DATA = DataType.CUSTOMERS.value


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter ready to use. `key` is equal for as long as every record is judged in the same way."""

    text: str
    test: Test
    key: str

    @property
    def reason(self) -> str:
        return f"left out by the filter: {self.text}"


@lru_cache(maxsize=128)
def read(name: str, text: str) -> Expression:
    """The expression of an option. Raises USAGE that names the option, the place and what is wrong there."""
    expression = parse(text, FIELDS[name], name)
    return lasting(expression, name) if name == SALES else expression


def filter_of(options: Mapping[str, Any], name: str, today: date) -> Filter | None:
    """The filter that an option holds; None where there is none."""
    text = str(options.get(name) or "").strip()
    if not text:
        return None
    expression = read(name, text)
    said = say(expression)
    day = f" @{today}" if is_relative(expression) else ""
    return Filter(said, compiled(expression, FIELDS[name], today), said + day)


def check_mapped(options: Mapping[str, Any], mapping: Iterable[Mapping[str, Any]], title: str) -> None:
    """A record that is read is known only by what is mapped. Raises USAGE for a filter that asks for more."""
    text = str(options.get(TO_PERKSTAR) or "").strip()
    if not text:
        return
    come_in = {line["hub"] for line in mapping if line.get("direction", "both") != "to-platform"}
    lost = sorted(used(read(TO_PERKSTAR, text)) - come_in)
    if lost:
        raise PerkstarError(
            ErrorKind.USAGE,
            f"The filter asks for {lost[0]}, which does not come from {title}.",
            remedy=f"Map {lost[0]} inwards, or change {TO_PERKSTAR}.",
            field=TO_PERKSTAR,
        )


# -- a run -----------------------------------------------------------------------------------------------------


def in_hub_form(
    lines: "Iterable[tuple[str, str, Any, Any]]", values: Mapping[str, Value]
) -> dict[str, Value]:
    """What a remote record says, by Perkstar's names; `lines` are remote, hub, back, same."""
    return {hub: back(values.get(remote), None) for remote, hub, back, _ in lines}


def read_again_if_changed(leg: Leg) -> None:
    """Where records are taken in under another filter than before: forget the cursor, so that all are read again."""
    key = leg.config.takes.key if leg.config.takes else ""
    if (leg.cursor(_DATA, "filter") or {}).get("in", "") == key:
        return
    with leg.store.write(leg.lease.fence) as connection:
        mine = (CURSOR.c.integration_id == leg.id) & (CURSOR.c.data == _DATA) & (CURSOR.c.leg == "in")
        connection.execute(delete(CURSOR).where(mine))
        leg.save_cursor(connection, _DATA, "filter", {"in": key})


def sent_up_to(leg: Leg) -> int:
    """The revision behind which the outward leg goes on: the first one under another filter than before."""
    cursor = leg.cursor(_DATA, "out") or {}
    key = leg.config.sends.key if leg.config.sends else ""
    return int(cursor.get("revision", 0)) if cursor.get("filter", "") == key else 0


def sent_cursor(leg: Leg, revision: int) -> dict[str, Any]:
    return {"revision": revision, **({"filter": leg.config.sends.key} if leg.config.sends else {})}


def by_filter(link: Any) -> bool:
    """Whether a link stands, and only a filter keeps its record back."""
    return bool(
        link.state == LinkState.EXCLUDED and link.remote_id and link.hub_id and link.code in BY_FILTER
    )


def linked() -> Any:
    """The condition for links that stand, those kept back by a filter among them.

    Almost all links stand: that is no way to find some of them, so no index may be chosen for it.
    """
    state = func.coalesce(LINK.c.state, "")
    return or_(
        state == LinkState.LINKED.value,
        (state == LinkState.EXCLUDED.value)
        & LINK.c.code.in_(BY_FILTER)
        & LINK.c.remote_id.is_not(None)
        & LINK.c.hub_id.is_not(None),
    )


def as_agreed(
    lines: "Iterable[Line]", hub: Mapping[str, Value], taken: Mapping[str, Value], base: dict[str, Value]
) -> dict[str, Value]:
    """The base of a record that is known here and left out by the filter: what is not taken counts as agreed in this
    side's form, so that it is neither sent back nor lost when the filter lets it in.
    """
    own = {line.remote: line.transform.same(line.out(hub)) for line in lines if line.hub in taken}
    return {**base, **own}


def met(leg: Leg) -> list[str]:
    """Remote ids of left-out records whose person has meanwhile come to Perkstar on another way: they are read afresh
    and linked, so that nobody is made there a second time.
    """
    if leg.config.takes is None or not leg.config.direction.outward:
        return []
    found: dict[str, None] = {}
    after = sent_up_to(leg)
    with leg.store.read() as connection:
        while True:
            people = connection.execute(
                select(CUSTOMER.c.revision, CUSTOMER.c.email_key, CUSTOMER.c.phone_key)
                .where(CUSTOMER.c.revision > after)
                .order_by(CUSTOMER.c.revision)
                .limit(500)
            ).all()
            if not people:
                return list(found)
            after = people[-1].revision
            for key in ("email", "phone"):
                values = {getattr(one, f"{key}_key") for one in people} - {None}
                found.update(dict.fromkeys(_left_out(connection, leg, key, sorted(values))))


def _left_out(connection: Connection, leg: Leg, key: str, values: list[str]) -> list[str]:
    if not values or key not in leg.config.match:
        return []
    column = LINK.c.remote["keys"][key].as_string()
    rows = connection.execute(
        select(LINK.c.remote_id).where(
            LINK.c.integration_id == leg.id,
            LINK.c.state == LinkState.EXCLUDED.value,
            LINK.c.code == TO_PERKSTAR,
            LINK.c.hub_id.is_(None),
            one_of(connection, column),
        ),
        values_of(connection, values),
    )
    return [row.remote_id for row in rows]

"""Keeping the store small and sound: old history goes a little at a time, and what must always hold is checked."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, and_, delete, func, select, text, update

from perkstar_tui.model.errors import CATALOGUE, ErrorKind

from . import tables as t
from .database import Store

PART = 1000
"""Rows removed in one transaction: nobody waits long for the store meanwhile."""

LAST_RUNS = 100
"""Runs of each integration that stay however old they are: health and history are told from them."""

DAYS: dict[str, int] = {
    "runs": 400,
    "log": 180,
    "conflicts": 400,
    "events": 30,
    "deliveries": 90,
    "calls": 400,
    "undo": 30,
    "plans": 1,
}
"""How many days each kind of history is kept, unless the account says otherwise.

`undo` are the values before runs: personal data, and an undo of long ago undoes other's work. `plans` count from when
nobody may carry them out any more.
"""

RUN, LOG, CONFLICT = t.SyncRun, t.LogLine, t.Conflict
EVENT, DELIVERY, CALL = t.InboundEvent, t.Delivery, t.ApiCall
CHANGE, PLAN = t.RunChange, t.KeptPlan
CUSTOMER, CARD, TRANSACTION = t.Customer, t.Card, t.Transaction
LINK, INTEGRATION, COUNTER = t.RecordLink, t.Integration, t.RevisionCounter

HOUR_S = 3600


def prune(store: Store, now: datetime, days: Mapping[str, int]) -> dict[str, int]:
    """Remove history that is older than it is to be kept; answers how many rows of each kind went.

    Never removed: runs that go on, deliveries and events that still wait, the last hundred runs of an integration.
    """
    gone = {}
    for name, keep in days.items():
        since = now - timedelta(days=keep)
        gone[name] = _remove(store, *_OLD[name](store, since))
    return gone


def _runs(store: Store, since: datetime) -> tuple[Any, Column[Any], Any]:
    with store.read() as connection:
        kept = [
            row.id
            for (integration_id,) in connection.execute(select(INTEGRATION.c.id)).all()
            for row in connection.execute(
                select(RUN.c.id)
                .where(RUN.c.integration_id == integration_id)
                .order_by(RUN.c.id.desc())
                .limit(LAST_RUNS)
            )
        ]
    return RUN, RUN.c.id, and_(RUN.c.started < since, RUN.c.ended.is_not(None), RUN.c.id.not_in(kept))


def _log(_store: Store, since: datetime) -> tuple[Any, Column[Any], Any]:
    return LOG, LOG.c.id, LOG.c.time < since


def _conflicts(_store: Store, since: datetime) -> tuple[Any, Column[Any], Any]:
    return CONFLICT, CONFLICT.c.id, CONFLICT.c.at < since


def _events(_store: Store, since: datetime) -> tuple[Any, Column[Any], Any]:
    return EVENT, EVENT.c.id, EVENT.c.handled_at < since


def _deliveries(_store: Store, since: datetime) -> tuple[Any, Column[Any], Any]:
    return DELIVERY, DELIVERY.c.id, and_(DELIVERY.c.state != "pending", DELIVERY.c.created_at < since)


def _calls(_store: Store, since: datetime) -> tuple[Any, Column[Any], Any]:
    return CALL, CALL.c.hour, CALL.c.hour < int(since.timestamp() // HOUR_S)


def _values_before(_store: Store, since: datetime) -> tuple[Any, Column[Any], Any]:
    return CHANGE, CHANGE.c.id, CHANGE.c.at < since


def _plans(_store: Store, since: datetime) -> tuple[Any, Column[Any], Any]:
    return PLAN, PLAN.c.id, PLAN.c.expires_at < since


_OLD: dict[str, Callable[[Store, datetime], tuple[Any, Column[Any], Any]]] = {
    "runs": _runs,
    "log": _log,
    "conflicts": _conflicts,
    "events": _events,
    "deliveries": _deliveries,
    "calls": _calls,
    "undo": _values_before,
    "plans": _plans,
}


def _remove(store: Store, target: Any, key: Column[Any], old: Any) -> int:
    removed = 0
    while True:
        with store.write() as connection:
            ids = [row[0] for row in connection.execute(select(key).where(old).limit(PART))]
            if ids:
                removed += connection.execute(delete(target).where(key.in_(ids))).rowcount
        if len(ids) < PART:
            return removed


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that must always hold: whether it does, in words, and what to do where it does not."""

    name: str
    ok: bool
    message: str
    remedy: str | None = None


def check(store: Store, *, local: bool) -> list[Found]:
    """Look whether the store is sound: its file, its tables' version, and what belongs together in it.

    `local`: whether the account's balances are the store's own, so that the ledger must add up to them.
    """
    return [
        _file(store),
        _version(store),
        _counter(store),
        *(_rule(store, *rule) for rule in _RULES),
        *([_rule(store, *_LEDGER)] if local else []),
    ]


def _file(store: Store) -> Found:
    if not store.sqlite:
        return Found("file", True, "The database server answers.")
    with store.read() as connection:
        said = [row[0] for row in connection.execute(text("PRAGMA integrity_check(5)"))]
    if said == ["ok"]:
        return Found("file", True, "The file is sound, and so are its indexes.")
    remedy = CATALOGUE[ErrorKind.STORE_DAMAGED].remedy
    return Found("file", False, f"The file is damaged: {'; '.join(said)}.", remedy)


def _version(store: Store) -> Found:
    from .migrations.upgrade import HEAD

    with store.read() as connection:
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if version == HEAD:
        return Found("version", True, f"The tables are of version {version}.")
    return Found("version", False, f"The tables are of version {version}, not {HEAD}.", "perkstar db upgrade")


_Rule = tuple[str, str, str, Any, str]
"""Name, words where it holds, words where it does not, the query that counts what breaks it, and the remedy."""

_HUB = (CUSTOMER, CARD, TRANSACTION)
_TWICE = (
    select(LINK.c.hub_id)
    .where(LINK.c.state == "linked", LINK.c.hub_id.is_not(None))
    .group_by(LINK.c.integration_id, LINK.c.data, LINK.c.hub_id)
    .having(func.count() > 1)
    .subquery()
)
_ALONE = (
    select(LINK.c.id)
    .outerjoin(CUSTOMER, CUSTOMER.c.id == LINK.c.hub_id)
    .where(LINK.c.data == "customers", LINK.c.hub_id.is_not(None), CUSTOMER.c.id.is_(None))
    .subquery()
)
_CARDLESS = (
    select(CARD.c.id)
    .outerjoin(CUSTOMER, CUSTOMER.c.id == CARD.c.customer_id)
    .where(CUSTOMER.c.id.is_(None))
    .subquery()
)
_CREDITED = (
    select(TRANSACTION.c.id)
    .outerjoin(CARD, CARD.c.id == TRANSACTION.c.card_id)
    .where(TRANSACTION.c.state == "credited", CARD.c.id.is_(None))
    .subquery()
)
_UNKEYED = (
    select(CUSTOMER.c.id).where(CUSTOMER.c.email.like("%_@_%"), CUSTOMER.c.email_key.is_(None)).subquery()
)
_BOOKED = (
    select(TRANSACTION.c.card_id, func.sum(TRANSACTION.c.earned + TRANSACTION.c.owed).label("due"))
    .where(TRANSACTION.c.state == "credited")
    .group_by(TRANSACTION.c.card_id)
    .subquery()
)
_UNEVEN = (
    select(CARD.c.id)
    .outerjoin(_BOOKED, _BOOKED.c.card_id == CARD.c.id)
    .where(CARD.c.balance != func.coalesce(_BOOKED.c.due, 0))
    .subquery()
)


def _count(of: Any) -> Any:
    return select(func.count()).select_from(of)


_BUNDLE = "Nothing is lost; send a support bundle (b in the log), and look at a preview before the next sync."
_RULES: tuple[_Rule, ...] = (
    (
        "links", "Every link leads to a customer.", "{n} {n|link leads|links lead} to a customer who is not there.",
        _count(_ALONE), "Run `perkstar db repair`; the next full sync finds the records again.",
    ),
    (
        "one link each", "No customer has two links at one integration.",
        "{n} {n|customer has|customers have} more than one link at an integration.", _count(_TWICE), _BUNDLE,
    ),
    ("cards", "Every card has its customer.", "{n} {n|card has|cards have} no customer.", _count(_CARDLESS), _BUNDLE),
    (
        "credits", "Every credit is on a card.",
        "{n} {n|credited sale is|credited sales are} on a card that is not there.",
        _count(_CREDITED), _BUNDLE,
    ),
    (
        "match keys", "Every e-mail address can be matched.",
        "{n} {n|customer|customers} can't be matched by their e-mail address.",
        _count(_UNKEYED), "Correct their e-mail addresses; perkstar customers list --search finds them.",
    ),
)  # fmt: skip
_LEDGER: _Rule = (
    "ledger", "Every balance is what its sales and refunds add up to.",
    "{n} {n|balance is|balances are} not what the sales and refunds add up to.", _count(_UNEVEN), _BUNDLE,
)  # fmt: skip


def _rule(store: Store, name: str, good: str, bad: str, query: Any, remedy: str) -> Found:
    with store.read() as connection:
        broken = connection.execute(query).scalar_one()
    if not broken:
        return Found(name, True, good)
    return Found(name, False, _counted(bad, broken), remedy)


_FORMS = re.compile(r"\{n\|([^|}]*)\|([^|}]*)\}")


def _counted(words: str, number: int) -> str:
    """Words with a number, `{n|one|many}` as it asks for."""
    return _FORMS.sub(lambda found: found[1 if number == 1 else 2], words).replace("{n}", f"{number:,}")


def _counter(store: Store) -> Found:
    """Whether the next revision is above every one that was given: else changes would be stepped over."""
    with store.read() as connection:
        n = connection.execute(select(COUNTER.c.n)).scalar_one()
        given = max(connection.execute(select(func.max(one.c.revision))).scalar() or 0 for one in _HUB)
    if n >= given:
        return Found("revisions", True, f"Revisions are counted up to {n:,}.")
    return Found("revisions", False, f"Revision {given:,} was given, but they are counted up to {n:,} only.",
                 "perkstar db repair")  # fmt: skip


def repair(store: Store) -> list[str]:
    """Mend what can be mended without a decision; answers in words what was done."""
    done = []
    with store.write() as connection:
        n = connection.execute(select(COUNTER.c.n)).scalar_one()
        given = max(connection.execute(select(func.max(one.c.revision))).scalar() or 0 for one in _HUB)
        if n < given:
            connection.execute(update(COUNTER).values(n=given))
            done.append(f"Revisions are counted from {given:,} on.")
        lost = delete(LINK).where(LINK.c.id.in_(select(_ALONE.c.id)))
        if count := connection.execute(lost).rowcount:
            words = "{n} {n|link to nobody is|links to nobody are} gone; the next full sync finds the records again."
            done.append(_counted(words, count))
    return done

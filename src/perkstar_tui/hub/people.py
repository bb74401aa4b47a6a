"""Customers and transactions of the store themselves: lists, import from a file, export."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import func, insert, or_, select, update

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id
from perkstar_tui.model.normal import email_key, phone_key
from perkstar_tui.store.database import ms
from perkstar_tui.sync.config import CUSTOMER_FIELDS, LOYALTY_FIELDS
from perkstar_tui.sync.context import name_of
from perkstar_tui.sync.sales import REASONS, holders

from . import views as v
from .bench import Bench
from .reading import CUSTOMER, TRANSACTION, buyer_named

PART = 500


def customers(bench: Bench, text: str, offset: int, limit: int) -> v.PageOf:
    """Customers by name, e-mail or phone, oldest first."""
    query = select(CUSTOMER).where(CUSTOMER.c.archived_at.is_(None))
    if text:
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        columns = (CUSTOMER.c.first_name, CUSTOMER.c.last_name, CUSTOMER.c.email, CUSTOMER.c.phone)
        query = query.where(or_(*(column.ilike(f"%{escaped}%", escape="\\") for column in columns)))
    with bench.store.read() as connection:
        total = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
        rows = connection.execute(query.order_by(CUSTOMER.c.id).offset(offset).limit(limit)).all()
    return v.PageOf(tuple(_customer(row) for row in rows), total, offset)


def _customer(row: Any) -> v.CustomerView:
    shown = {name: getattr(row, name) for name in (*CUSTOMER_FIELDS, *LOYALTY_FIELDS)}
    return v.CustomerView(
        row.id, {name: value for name, value in shown.items() if value is not None}, row.updated_at
    )


def export_customers(bench: Bench) -> Iterator[dict[str, Any]]:
    """Every customer, one flat row each, read by page."""
    last = ""
    while True:
        with bench.store.read() as connection:
            rows = connection.execute(
                select(CUSTOMER)
                .where(CUSTOMER.c.archived_at.is_(None), CUSTOMER.c.id > last)
                .order_by(CUSTOMER.c.id)
                .limit(PART)
            ).all()
        if not rows:
            return
        for row in rows:
            yield {"id": row.id, **{n: getattr(row, n) for n in (*CUSTOMER_FIELDS, *LOYALTY_FIELDS)}}
        last = rows[-1].id


def transactions(bench: Bench, customer: str | None, state: str | None, offset: int, limit: int) -> v.PageOf:
    """Sales and refunds, newest first, each with what it gave or why it gave nothing."""
    query = select(TRANSACTION)
    if customer:
        query = query.where(TRANSACTION.c.customer_id == customer)
    if state:
        query = query.where(TRANSACTION.c.state == state)
    with bench.store.read() as connection:
        total = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
        newest = query.order_by(TRANSACTION.c.happened_at.desc(), TRANSACTION.c.id.desc())
        rows = connection.execute(newest.offset(offset).limit(limit)).all()
        ids = {row.customer_id for row in rows if row.customer_id}
        names = {
            row.id: name_of(row)
            for row in connection.execute(select(CUSTOMER).where(CUSTOMER.c.id.in_(sorted(ids))))
        }
    return v.PageOf(tuple(_transaction(row, names.get(row.customer_id, "")) for row in rows), total, offset)


def _transaction(row: Any, name: str) -> v.TransactionView:
    return v.TransactionView(
        id=row.id,
        integration_id=row.integration_id,
        remote_id=row.remote_id,
        kind=row.line_kind,
        customer_id=row.customer_id,
        happened_at=row.happened_at,
        currency=row.currency,
        total_minor=row.total_minor,
        earned=row.earned,
        reversed=row.reversed,
        state=row.state,
        reason=REASONS.get(row.reason, row.reason),
        rules=tuple((text, before, after) for text, before, after in (row.parts or {}).get("rules", ())),
        customer_name=name,
        buyer=buyer_named(row),
    )


def import_customers(bench: Bench, rows: Iterable[Mapping[str, Any]]) -> v.ImportView:
    """Make or change customers from rows of fields, matched by e-mail, then phone; what is ambiguous is named.

    An empty cell changes nothing. Raises USAGE for a column that is no field of a customer, before any row is kept.
    """
    account = bench.need_account()
    known = {*CUSTOMER_FIELDS, "id", *LOYALTY_FIELDS}
    tally = {"created": 0, "updated": 0, "unchanged": 0}
    held: list[tuple[int, str]] = []
    part: list[tuple[int, dict[str, str]]] = []
    for number, row in enumerate(rows, 1):
        strange = [str(name) for name in row if name not in known]
        if strange:
            raise PerkstarError(
                ErrorKind.USAGE,
                f"A customer has no field {strange[0]!r}.",
                remedy=f"Columns may be: {', '.join(CUSTOMER_FIELDS)}.",
                field=strange[0],
            )
        part.append(
            (number, {n: str(row[n]).strip() for n in CUSTOMER_FIELDS if row.get(n) not in (None, "")})
        )
        if len(part) == PART:
            _import_part(bench, account.country, part, tally, held)
            part = []
    _import_part(bench, account.country, part, tally, held)
    return v.ImportView(tally["created"], tally["updated"], tally["unchanged"], tuple(held))


def _import_part(
    bench: Bench,
    country: str,
    part: list[tuple[int, dict[str, str]]],
    tally: dict[str, int],
    held: list[tuple[int, str]],
) -> None:
    if not part:
        return
    now = bench.clock.now()
    with bench.store.write() as connection:
        revision = bench.store.next_revisions(connection, len(part))
        for number, fields in part:
            keys = _keys(fields, country)
            if "phone_key" in keys:
                fields = {**fields, "phone": keys["phone_key"]}
            if not keys and not fields.get("first_name"):
                held.append((number, "no first name, e-mail address or phone"))
                continue
            found = _matches(connection, keys)
            if len(found) > 1:
                held.append((number, f"{len(found)} customers could be this one"))
                continue
            if found:
                changed = {n: value for n, value in fields.items() if getattr(found[0], n) != value}
                if not changed:
                    tally["unchanged"] += 1
                    continue
                provenance = {**found[0].provenance, **{n: ["local", ms(now)] for n in changed}}
                connection.execute(
                    update(CUSTOMER)
                    .where(CUSTOMER.c.id == found[0].id)
                    .values(**changed, **keys, provenance=provenance, revision=revision, updated_at=now)
                )
                tally["updated"] += 1
            else:
                connection.execute(
                    insert(CUSTOMER).values(
                        id=new_id("cus"),
                        revision=revision,
                        provenance={n: ["local", ms(now)] for n in fields},
                        created_at=now,
                        updated_at=now,
                        **fields,
                        **keys,
                    )
                )
                tally["created"] += 1
            revision += 1


def _keys(fields: Mapping[str, str], country: str) -> dict[str, str]:
    found = {
        "email_key": email_key(fields.get("email")),
        "phone_key": phone_key(fields.get("phone"), country),
    }
    return {name: value for name, value in found.items() if value}


def _matches(connection: Any, keys: Mapping[str, str]) -> list[Any]:
    """By e-mail first; by phone only where the e-mail addresses don't contradict (sync design: Match)."""
    for name in ("email_key", "phone_key"):
        if name in keys:
            ids = holders(connection, CUSTOMER.c[name] == keys[name])
            rows = connection.execute(select(CUSTOMER).where(CUSTOMER.c.id.in_(ids))).all()
            email = keys.get("email_key")
            # By its address of before, someone who was merged is found too.
            agreeing = [
                row
                for row in rows
                if name == "email_key" or not (email and row.email_key and row.email_key != email)
            ]
            if agreeing:
                return agreeing
    return []

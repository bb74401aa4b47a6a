"""Perkstar's cloud, further than customers: templates, cards, and operations that are booked exactly once.

Balances belong to Perkstar: an operation is sent and the balance it answers is kept, never computed or set here.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, cast

from sqlalchemy import Connection, delete, insert, select, update

from perkstar_tui.model.enums import DataType, Level, LinkState
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id
from perkstar_tui.model.remote import Operation, RemoteRecord
from perkstar_tui.store import tables as t

from .context import CARD, CUSTOMER, INTENT, LINK, TRANSACTION, Leg
from .pages import DATA as CUSTOMERS
from .sales import close, set_balance

CARDS = DataType.CARDS.value
TEMPLATE = t.CardTemplate


class TemplateInfo(Protocol):
    id: str
    name: str
    kind: str


class CloudConnector(Protocol):
    """What Perkstar's cloud can do beyond the common connector."""

    async def templates(self) -> Iterable[TemplateInfo]: ...
    async def issue_card(self, customer_id: str, template_id: str) -> RemoteRecord: ...
    async def operate(self, op: Operation) -> RemoteRecord: ...
    async def operations(self, card_serial: str | None, start: Any, end: Any) -> list[dict[str, Any]]: ...


def _cloud(leg: Leg) -> CloudConnector:
    return cast(CloudConnector, leg.connector)


async def read_templates(leg: Leg) -> None:
    """Read the account's card templates and keep them."""
    found = list(await _cloud(leg).templates())
    with leg.store.write(leg.lease.fence) as connection:
        keep_templates(connection, found)


def keep_templates(connection: Connection, found: Iterable[TemplateInfo]) -> None:
    """Keep card templates as the cloud has them; the local id of a known one stays."""
    known = {row.remote_id: row for row in connection.execute(select(TEMPLATE))}
    for info in found:
        row = known.get(str(info.id))
        if row is None:
            connection.execute(
                insert(TEMPLATE).values(
                    id=new_id("tpl"), remote_id=str(info.id), name=info.name, kind=str(info.kind)
                )
            )
        elif (row.name, row.kind) != (info.name, str(info.kind)):
            connection.execute(
                update(TEMPLATE).where(TEMPLATE.c.id == row.id).values(name=info.name, kind=str(info.kind))
            )


async def read_cards(leg: Leg) -> None:
    """A complete sweep of the cards; only those whose balance, status or link changed are written."""
    with leg.store.read() as connection:
        templates = {row.remote_id: row for row in connection.execute(select(TEMPLATE))}
    async for page in leg.connector.read(DataType.CARDS, None, full=True):
        _apply_cards(leg, page.records, templates)
        await leg.pause_point()


def _apply_cards(leg: Leg, records: list[RemoteRecord], templates: dict[str, Any]) -> None:
    serials = [record.id for record in records]
    with leg.store.read() as connection:
        changed = _changed_cards(leg, connection, records, serials, templates)
    if not changed:
        return
    with leg.store.write(leg.lease.fence) as connection:
        revision = leg.store.next_revisions(connection, 2 * len(changed))
        for record, customer_id, row in _changed_cards(leg, connection, records, serials, templates):
            keep_card(leg, connection, record, customer_id, row, templates, revision)
            revision += 2


def _changed_cards(
    leg: Leg,
    connection: Connection,
    records: list[RemoteRecord],
    serials: list[str],
    templates: dict[str, Any],
) -> list[tuple[RemoteRecord, str, Any]]:
    """Cards of linked customers that are new or differ from what is stored."""
    rows: dict[str, Any] = {}
    owners: dict[str, str] = {}
    remote_owners = list({str(record.fields.get("customerId")) for record in records})
    for start in range(0, len(serials), 500):
        part = serials[start : start + 500]
        rows.update(
            (row.serial, row) for row in connection.execute(select(CARD).where(CARD.c.serial.in_(part)))
        )
        owners.update(
            (row.remote_id, row.hub_id)
            for row in connection.execute(
                select(LINK.c.remote_id, LINK.c.hub_id).where(
                    LINK.c.integration_id == leg.id,
                    LINK.c.data == CUSTOMERS,
                    LINK.c.remote_id.in_(remote_owners[start : start + 500]),
                    LINK.c.hub_id.is_not(None),
                    # Of two that were merged here, both have their cards in the cloud still.
                    LINK.c.state.in_([LinkState.LINKED.value, LinkState.DUPLICATE.value]),
                )
            )
        )
    changed = []
    for record in records:
        owner = owners.get(str(record.fields.get("customerId")))
        if owner is None or str(record.fields.get("templateId")) not in templates:
            continue
        row = rows.get(record.id)
        values = {**_shown(record), "customer_id": owner}
        if row is None or any(getattr(row, name) != value for name, value in values.items()):
            changed.append((record, owner, row))
    return changed


def _shown(record: RemoteRecord) -> dict[str, Any]:
    """What a card's row has of the cloud; an end that can't be read is none."""
    link, tier, end = (record.fields.get(name) for name in ("installLink", "membershipTier", "expiresAt"))
    try:
        expires = datetime.fromisoformat(str(end)) if end else None
    except ValueError:
        expires = None
    return {
        "link": str(link) if link else None,
        "balance": int(record.fields.get("balance") or 0),
        "status": str(record.fields.get("status") or ""),
        "tier": str(tier) if tier else None,
        "expires_at": expires if expires is None or expires.tzinfo else expires.replace(tzinfo=UTC),
    }


def keep_card(
    leg: Leg,
    connection: Connection,
    record: RemoteRecord,
    customer_id: str,
    row: Any,
    templates: dict[str, Any],
    revision: int,
) -> str:
    """Write a card as the cloud shows it and mirror it on its customer; answers its id here. Takes two revisions."""
    now = leg.clock.now()
    shown = _shown(record)
    values = {**shown, "customer_id": customer_id, "revision": revision, "updated_at": now}
    if row is None:
        template = templates[str(record.fields.get("templateId"))]
        id_ = new_id("crd")
        connection.execute(
            insert(CARD).values(
                id=id_,
                template_id=template.id,
                kind=template.kind,
                serial=record.id,
                created_at=now,
                **values,
            )
        )
    else:
        id_ = row.id
        connection.execute(update(CARD).where(CARD.c.id == id_).values(**values))
    connection.execute(
        update(CUSTOMER)
        .where(CUSTOMER.c.id == customer_id)
        .values(
            balance=shown["balance"],
            card_link=shown["link"],
            card_serial=record.id,
            tier=shown["tier"],
            revision=revision + 1,
            updated_at=now,
        )
    )
    return id_


async def issue_cards(leg: Leg, integration_id: str, template_id: str, *, always: bool) -> None:
    """Issue a card to customers of an integration that have none: to all of them, or where a sale waits for one."""
    wanting = select(TRANSACTION.c.customer_id).where(
        TRANSACTION.c.integration_id == integration_id,
        TRANSACTION.c.state == "pending",
        TRANSACTION.c.customer_id.is_not(None),
    )
    if always:
        wanting = select(LINK.c.hub_id).where(
            LINK.c.integration_id == integration_id,
            LINK.c.data == CUSTOMERS,
            LINK.c.state == LinkState.LINKED.value,
        )
    with leg.store.read() as connection:
        template = connection.execute(select(TEMPLATE).where(TEMPLATE.c.id == template_id)).first()
        carded = select(CARD.c.customer_id).where(CARD.c.template_id == template_id)
        rows = connection.execute(
            select(LINK.c.hub_id, LINK.c.remote_id)
            .where(
                LINK.c.integration_id == leg.id,
                LINK.c.data == CUSTOMERS,
                LINK.c.state == LinkState.LINKED.value,
                LINK.c.hub_id.in_(wanting),
                LINK.c.hub_id.not_in(carded),
            )
            .order_by(LINK.c.id)
        ).all()
        templates = {row.remote_id: row for row in connection.execute(select(TEMPLATE))}
    if template is None or template.remote_id is None:
        return
    for hub_id, remote_id in rows:
        intent = _open_intent(leg, "issue_card", hub_id, {"template": template_id})
        try:
            record = await _cloud(leg).issue_card(remote_id, template.remote_id)
        except PerkstarError as error:
            _operation_failed(leg, intent, hub_id, error, "issue a card")
            continue
        with leg.store.write(leg.lease.fence) as connection:
            revision = leg.store.next_revisions(connection, 2)
            keep_card(leg, connection, record, hub_id, None, templates, revision)
            connection.execute(delete(INTENT).where(INTENT.c.id == intent))
        leg.outward.created += 1
        await leg.pause_point()


def _open_intent(leg: Leg, act: str, hub_id: str, payload: dict[str, Any]) -> str:
    id_ = new_id("itn")
    now = leg.clock.now()
    with leg.store.write(leg.lease.fence, durable=True) as connection:
        connection.execute(
            insert(INTENT).values(
                id=id_,
                integration_id=leg.id,
                act=act,
                hub_id=hub_id,
                payload=payload,
                state="open",
                created_at=now,
                tried_at=now,
            )
        )
    return id_


_PASSING = {ErrorKind.NETWORK, ErrorKind.SERVICE_UNAVAILABLE, ErrorKind.RATE_LIMITED}


def _operation_failed(leg: Leg, intent: str, hub_id: str, error: PerkstarError, what: str) -> None:
    """A refusal is final and closes the intent; an unheard answer leaves it open, to be settled by looking."""
    if error.kind in _PASSING or error.kind is ErrorKind.CREDENTIAL_REFUSED:
        raise error
    with leg.store.write(leg.lease.fence) as connection:
        connection.execute(delete(INTENT).where(INTENT.c.id == intent))
        leg.log(
            connection,
            Level.ERROR,
            error.kind,
            f"Perkstar refused to {what}: {error.vendor_words or error.message}",
            record=hub_id,
            error=error,
        )
    leg.outward.held += 1


def open_operations(leg: Leg) -> list[Any]:
    """Intents of operations that an earlier run began and never heard of."""
    with leg.store.read() as connection:
        return list(
            connection.execute(
                select(INTENT)
                .where(INTENT.c.integration_id == leg.id, INTENT.c.act.in_(["operate", "issue_card"]))
                .order_by(INTENT.c.created_at)
            ).all()
        )


async def settle_operations(leg: Leg) -> None:
    """After a crash: look for our mark from the day before to the day after; only then book it again or as done.

    Cards that were issued unheard have come in by the sweep of cards before this is called.
    """
    for intent in open_operations(leg):
        if intent.act == "operate":
            day = intent.tried_at.date()
            serial, mark = intent.payload["serial"], intent.payload["mark"]
            found = await _cloud(leg).operations(serial, day - timedelta(days=1), day + timedelta(days=1))
            booked = any(str(op.get("comment") or "").startswith(mark) for op in found)
            with leg.store.write(leg.lease.fence) as connection:
                if booked:
                    revision = leg.store.next_revisions(connection, 1)
                    row = connection.execute(
                        select(TRANSACTION).where(TRANSACTION.c.id == intent.hub_id)
                    ).one()
                    if row.state == "queued":
                        close(connection, row, int(intent.payload["amount"]), revision)
                connection.execute(delete(INTENT).where(INTENT.c.id == intent.id))
        else:
            with leg.store.write(leg.lease.fence) as connection:
                connection.execute(delete(INTENT).where(INTENT.c.id == intent.id))
        await leg.pause_point()


async def send_operations(leg: Leg) -> None:
    """Book every queued credit and reversal in the order they happened, each behind an intent of its own."""
    with leg.store.read() as connection:
        rows = connection.execute(
            select(TRANSACTION, CARD.c.serial, CARD.c.kind, CARD.c.balance)
            .join(CARD, CARD.c.id == TRANSACTION.c.card_id)
            .where(TRANSACTION.c.state == "queued", CARD.c.serial.is_not(None))
            .order_by(TRANSACTION.c.happened_at, TRANSACTION.c.id)
        ).all()
    for row in rows:
        await _operate(leg, row.id)
        await leg.pause_point()


async def _operate(leg: Leg, transaction_id: str) -> None:
    with leg.store.read() as connection:
        row = connection.execute(select(TRANSACTION).where(TRANSACTION.c.id == transaction_id)).one()
        card = connection.execute(select(CARD).where(CARD.c.id == row.card_id)).one()
    amount = max(row.earned, -card.balance)
    if amount == 0:
        with leg.store.write(leg.lease.fence) as connection:
            close(connection, row, 0, leg.store.next_revisions(connection, 1))
        return
    what = "refund" if row.line_kind == "refund" else "sale"
    payload = {"serial": card.serial, "mark": row.mark, "amount": amount}
    intent = _open_intent(leg, "operate", row.id, payload)
    purchase = abs(row.total_minor) if amount > 0 else None
    operation = Operation(card.serial, card.kind, amount, row.mark, f"{what} {row.remote_id}", purchase)
    try:
        record = await _cloud(leg).operate(operation)
    except PerkstarError as error:
        _operation_failed(leg, intent, row.customer_id or row.id, error, f"book {amount} for a {what}")
        with leg.store.write(leg.lease.fence) as connection:
            connection.execute(
                update(TRANSACTION)
                .where(TRANSACTION.c.id == row.id)
                .values(state="held", reason=error.message, revision=leg.store.next_revisions(connection, 1))
            )
        return
    with leg.store.write(leg.lease.fence) as connection:
        revision = leg.store.next_revisions(connection, 3)
        balance = int(record.fields.get("balance") or 0)
        set_balance(leg, connection, card, balance, revision, row.happened_at)
        close(connection, row, amount, revision + 2)
        connection.execute(delete(INTENT).where(INTENT.c.id == intent))
    leg.outward.created += 1

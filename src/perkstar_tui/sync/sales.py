"""Sales and refunds: each enters the ledger once, by (integration, vendor's id, line kind), and earns or says why not.

`queued` means that the credit is decided and the balance's owner (the cloud, or the store of a local account)
has not booked it yet; `pending` waits for a customer or a card.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, insert, or_, select, update

from perkstar_tui.model.enums import DataType, Level, LinkState
from perkstar_tui.model.ids import new_id
from perkstar_tui.model.remote import Page, Refund, Sale

from . import bought, changes, filters
from .config import RunConfig
from .context import CARD, CUSTOMER, LINK, TRANSACTION, Leg
from .earning import Award, award, before_start, eligible_minor, reversal
from .pages import DATA as CUSTOMERS

DATA = DataType.TRANSACTIONS.value
NO_CUSTOMER = "no_customer"
NO_CARD = "no_card"
REASONS = {
    NO_CUSTOMER: "the sale names no customer known here",
    NO_CARD: "the customer has no card of this integration's template",
    "before_start": "the sale is older than the moment from which this integration credits",
    "no_buyer": "the sale has no customer at all",
    "window_over": "no customer or card came within the window",
}

SALE_REMEDIES = {
    NO_CUSTOMER: "It will be credited once its customer is here: sync customers too, or give somebody this e-mail or "
    "phone.",
    NO_CARD: "It will be credited once the customer has a card of this template: issue one, or set issue_cards=sale.",
    "before_start": "Set credit_from to an earlier moment, if older sales are to earn.",
    "no_buyer": "At the till, put a customer on the sale.",
    "window_over": "Raise pending_window_days for sales to come.",
}
"""What a person can do about a sale that gave nothing, by the ledger's reason."""
LOGGED = 10
"""Sales of a page that the log names one by one; of more it says how many there are."""


async def read_sales(leg: Leg, *, full: bool, pages: AsyncIterator[Page] | None = None) -> None:
    """Read sales and refunds changed since the cursor, then credit what was waiting for a customer or card.

    `pages` are those of this read where somebody else asks for them.
    """
    cursor = None if full else leg.cursor(DATA, "in")
    async for page in pages or leg.connector.read(DataType.TRANSACTIONS, cursor, full=full):
        _apply(leg, page)
        await leg.pause_point()
    settle_pending(leg)


def _mark(transaction_id: str) -> str:
    """The mark of an operation in the cloud, 16 characters: enough of the id to find it again."""
    return "pk" + transaction_id[-14:]


def _apply(leg: Leg, page: Page) -> None:
    with leg.store.read() as connection:
        known = _known(connection, leg, page)
    sales = [sale for sale in page.sales if not _is_known(sale, known)]
    refunds = [refund for refund in page.refunds if (refund.id, "refund") not in known]
    leg.inward.unchanged += len(page.sales) + len(page.refunds) - len(sales) - len(refunds)
    with leg.store.write(leg.lease.fence) as connection:
        if sales or refunds:
            revision = leg.store.next_revisions(connection, len(sales) + len(refunds))
            known = _known(connection, leg, page)
            booked = []
            for sale in sales:
                if not _is_known(sale, known):
                    id_ = _book_sale(leg, connection, sale, revision)
                    if id_ is None:
                        continue
                    booked.append(id_)
                    known.add((sale.id, "sale"))
                    revision += 1
            for refund in refunds:
                if (refund.id, "refund") not in known and (leg.plan is None or leg.plan.refund(leg, refund)):
                    booked.append(_book_refund(leg, connection, refund, revision))
                    known.add((refund.id, "refund"))
                    revision += 1
            changes.keep(leg, connection, sales=booked)
            _log_waiting(leg, connection, booked)
        if page.cursor:
            leg.save_cursor(connection, DATA, "in", page.cursor)


def _log_waiting(leg: Leg, connection: Connection, booked: list[str]) -> None:
    """Say in the log which of a page's sales wait, and for what. Sales of nobody are a till's everyday, and no news."""
    waiting = select(TRANSACTION.c.id, TRANSACTION.c.remote_id, TRANSACTION.c.reason).where(
        TRANSACTION.c.id.in_(booked), TRANSACTION.c.state == "pending", TRANSACTION.c.line_kind == "sale"
    )
    by_reason: dict[str, list[Any]] = {}
    for row in connection.execute(waiting):
        by_reason.setdefault(row.reason, []).append(row)
    for reason, found in by_reason.items():
        for row in found[:LOGGED]:
            leg.log(
                connection,
                Level.INFO,
                "sale",
                f"A sale waits for its points: {REASONS[reason]}.",
                remedy=SALE_REMEDIES[reason],
                record=row.id,
                record_name=f"sale {row.remote_id}",
            )
        if len(found) > LOGGED:
            leg.log(
                connection,
                Level.INFO,
                "sale",
                f"{len(found) - LOGGED:,} more sales wait for their points: {REASONS[reason]}.",
                remedy=f"{SALE_REMEDIES[reason]} `perkstar transactions --state pending` lists them.",
            )


def _is_known(sale: Sale, known: set[tuple[str, str]]) -> bool:
    """Whether a sale was booked: itself, as a part of the bill that was booked whole, or in parts.

    At the vendor a customer may be put on a part of a bill, or taken off it, after it was read: what was credited
    stays.
    """
    return bool({(sale.id, "sale"), (sale.whole, "sale"), (sale.id, "parts")} & known)


def _known(connection: Connection, leg: Leg, page: Page) -> set[tuple[str, str]]:
    wholes = {sale.whole for sale in page.sales if sale.whole}
    ids = [*(sale.id for sale in page.sales), *(refund.id for refund in page.refunds), *wholes]
    found: set[tuple[str, str]] = set()
    for start in range(0, len(ids), 500):
        rows = connection.execute(
            select(TRANSACTION.c.remote_id, TRANSACTION.c.line_kind).where(
                TRANSACTION.c.integration_id == leg.id, TRANSACTION.c.remote_id.in_(ids[start : start + 500])
            )
        )
        found.update((row.remote_id, row.line_kind) for row in rows)
        parts = connection.execute(
            select(TRANSACTION.c.sale_id).where(
                TRANSACTION.c.integration_id == leg.id,
                TRANSACTION.c.sale_id.in_(ids[start : start + 500]),
                TRANSACTION.c.line_kind == "sale",
            )
        )
        found.update((row.sale_id, "parts") for row in parts)
    return found


def buyer(leg: Leg, connection: Connection, remote_id: str | None, contact: dict[str, Any]) -> str | None:
    """The hub customer of a sale: by its link first, else by e-mail or phone if exactly one has it."""
    if remote_id:
        hub_id: str | None = connection.execute(
            select(LINK.c.hub_id).where(
                LINK.c.integration_id == leg.id,
                LINK.c.data == CUSTOMERS,
                LINK.c.remote_id == remote_id,
                or_(filters.linked(), LINK.c.state.in_([LinkState.GONE.value, LinkState.DUPLICATE.value])),
            )
        ).scalar()
        return hub_id
    for key in leg.config.match:
        value = leg.config.key_of(key, contact.get(key))
        column = CUSTOMER.c.get(f"{key}_key")
        if value and column is not None:
            found = holders(connection, column == value)
            if len(found) == 1:
                return found[0]
    return None


def holders(connection: Connection, condition: Any) -> list[str]:
    """Customers for whom a condition on match keys holds; of those who were merged, the one they are now."""
    rows = connection.execute(
        select(CUSTOMER.c.id, CUSTOMER.c.merged_into)
        .where(condition, or_(CUSTOMER.c.archived_at.is_(None), CUSTOMER.c.merged_into.is_not(None)))
        .limit(10)
    ).all()
    return list(dict.fromkeys(row.merged_into or row.id for row in rows))


def card_of(leg: Leg, connection: Connection, customer_id: str) -> Any:
    """The customer's card of this integration's template; the oldest one if there are several."""
    return connection.execute(
        select(CARD)
        .where(CARD.c.customer_id == customer_id, CARD.c.template_id == leg.config.template_id)
        .order_by(CARD.c.created_at)
        .limit(1)
    ).first()


def _book_sale(leg: Leg, connection: Connection, sale: Sale, revision: int) -> str | None:
    """Enter a sale in the ledger; answers its id there, or None where the plan doesn't have it so."""
    now = leg.clock.now()
    contact = {name: value for name, value in (("email", sale.email), ("phone", sale.phone)) if value}
    customer_id = buyer(leg, connection, sale.customer_remote_id, contact)
    who = bought_by(connection, customer_id, sale.placed_at)
    judged = judge(leg.config, sale, who)
    row: dict[str, Any] = {
        "id": new_id("trn"),
        "revision": revision,
        "integration_id": leg.id,
        "remote_id": sale.id,
        "sale_id": sale.whole,
        "line_kind": "sale",
        "customer_id": customer_id,
        "customer_remote_id": sale.customer_remote_id,
        "happened_at": sale.placed_at,
        "currency": sale.currency,
        "total_minor": sale.total_minor,
        "base_minor": eligible_minor(leg.config.earning, sale),
        "earned": judged.earned,
        "reversed": 0,
        "owed": 0,
        "contact": contact,
        "parts": bought.kept(sale, who) | _rules(judged),
        "created_at": now,
        "reason": judged.why,
    }
    row["mark"] = _mark(row["id"])
    if before_start(sale.placed_at, leg.config.credit_from):
        row |= {"state": "none", "reason": "before_start", "earned": 0}
    elif not judged.earned and not (customer_id is None and leg.config.earning.asks_buyer):
        row["state"] = "none"
    elif customer_id is None:
        without = not sale.customer_remote_id and not contact
        row |= {"state": "none" if without else "pending", "reason": "no_buyer" if without else NO_CUSTOMER}
        if without:
            row["earned"] = 0
    else:
        card = card_of(leg, connection, customer_id)
        row |= {"state": "queued", "card_id": card.id} if card else {"state": "pending", "reason": NO_CARD}
    if leg.plan is not None and not leg.plan.sale(leg, connection, sale, row):
        return None
    connection.execute(insert(TRANSACTION).values(**row))
    if row["state"] == "none":
        leg.inward.excluded += 1
    else:
        leg.inward.created += 1
    return str(row["id"])


def judge(config: RunConfig, sale: Sale, who: bought.Buyer | None) -> Award:
    """What a sale earns under an integration's settings: the one place where that is decided, previews included."""
    local = sale.placed_at.astimezone(ZoneInfo(config.zone))
    facts: Mapping[str, Any] | None = None
    if config.earning.rules or config.credits is not None:
        facts = bought.facts(sale, local, config.platform, who)
    if facts is not None and config.credits is not None and not config.credits.test(facts):
        return Award(0, config.credits.reason)
    return award(config.earning, sale, local.date(), facts)


def _rules(judged: Award) -> dict[str, Any]:
    return {"rules": [list(one) for one in judged.by]} if judged.by else {}


def bought_by(connection: Connection, customer_id: str | None, at: datetime) -> bought.Buyer | None:
    """What rules may ask of the buyer; None while nobody is known."""
    if customer_id is None:
        return None
    earlier = (
        select(TRANSACTION.c.id)
        .where(
            TRANSACTION.c.customer_id == customer_id,
            TRANSACTION.c.line_kind == "sale",
            TRANSACTION.c.happened_at < at,
        )
        .exists()
    )
    row = connection.execute(
        select(CUSTOMER.c.tier, earlier.label("earlier")).where(CUSTOMER.c.id == customer_id)
    ).first()
    return bought.Buyer(row.tier, not row.earlier) if row is not None else None


def _judged_with_buyer(leg: Leg, connection: Connection, row: Any, customer_id: str) -> dict[str, Any]:
    """What is known of a sale's award once its buyer has come, where nobody was known when it was read."""
    sale = bought.again(row)
    if row.customer_id is not None or sale is None:
        return {}
    who = bought_by(connection, customer_id, row.happened_at)
    parts = {**row.parts, **bought.who(who)}
    if not leg.config.earning.asks_buyer:
        return {"parts": parts}
    judged = judge(leg.config, sale[0], who)
    parts = {name: value for name, value in parts.items() if name != "rules"} | _rules(judged)
    return {"parts": parts, "earned": judged.earned}


def _book_refund(leg: Leg, connection: Connection, refund: Refund, revision: int) -> str:
    """Enter a refund in the ledger; answers its id there."""
    row: dict[str, Any] = {
        "id": new_id("trn"),
        "revision": revision,
        "integration_id": leg.id,
        "remote_id": refund.id,
        "line_kind": "refund",
        "sale_id": refund.sale_id,
        "happened_at": refund.at,
        "currency": refund.currency,
        "total_minor": -refund.amount_minor,
        "base_minor": 0,
        "earned": 0,
        "reversed": 0,
        "owed": 0,
        "contact": {},
        "created_at": leg.clock.now(),
        "state": "pending",
        "reason": "the refunded sale is not here yet",
    }
    row["mark"] = _mark(row["id"])
    connection.execute(insert(TRANSACTION).values(**row))
    leg.inward.created += 1
    _settle_refund(leg, connection, row["id"])
    return str(row["id"])


def _settle_refund(leg: Leg, connection: Connection, refund_id: str) -> bool:
    """Book a refund against its sale's award once that award is decided: the share as it was booked.

    Answers whether it is.
    """
    refund = connection.execute(select(TRANSACTION).where(TRANSACTION.c.id == refund_id)).one()
    sale = connection.execute(
        select(TRANSACTION).where(
            TRANSACTION.c.integration_id == leg.id,
            TRANSACTION.c.remote_id == refund.sale_id,
            TRANSACTION.c.line_kind == "sale",
        )
    ).first()
    if sale is None or sale.state == "pending":
        return False
    if sale.state == "none":
        values: dict[str, Any] = {"state": "none", "reason": "its sale earned nothing"}
    else:
        refunded = -connection.execute(
            select(func.sum(TRANSACTION.c.total_minor)).where(
                TRANSACTION.c.integration_id == leg.id,
                TRANSACTION.c.sale_id == refund.sale_id,
                TRANSACTION.c.line_kind == "refund",
                # A part too small to take a whole point back counts with the next one.
                (TRANSACTION.c.state != "pending") | (TRANSACTION.c.id == refund_id),
            )
        ).scalar_one()
        back = reversal(sale.earned, refunded, sale.total_minor, sale.reversed)
        values = {
            "state": "queued" if back else "none",
            "reason": "" if back else "nothing left to take back",
            "earned": -back,
        }
        connection.execute(
            update(TRANSACTION).where(TRANSACTION.c.id == sale.id).values(reversed=sale.reversed + back)
        )
    values |= {"customer_id": sale.customer_id, "card_id": sale.card_id}
    connection.execute(update(TRANSACTION).where(TRANSACTION.c.id == refund_id).values(**values))
    return True


def settle_pending(leg: Leg) -> None:
    """Sales that waited for a customer or card: credit those whose wait is over, close those past the window."""
    window = timedelta(days=int(leg.config.options.get("pending_window_days", 90)))
    with leg.store.read() as connection:
        waiting = connection.execute(
            select(TRANSACTION.c.id)
            .where(TRANSACTION.c.integration_id == leg.id, TRANSACTION.c.state == "pending")
            .order_by(TRANSACTION.c.line_kind.desc(), TRANSACTION.c.happened_at)
        ).all()
    for start in range(0, len(waiting), 100):
        with leg.store.write(leg.lease.fence) as connection:
            revision = leg.store.next_revisions(connection, 100)
            settled = []
            for row in waiting[start : start + 100]:
                if _settle_one(leg, connection, row.id, revision, window):
                    settled.append(row.id)
                revision += 1
            changes.keep(leg, connection, sales=settled)


def _settle_one(leg: Leg, connection: Connection, id_: str, revision: int, window: timedelta) -> bool:
    """Whether the wait of a line is over with this."""
    row = connection.execute(select(TRANSACTION).where(TRANSACTION.c.id == id_)).one()
    if row.state != "pending":
        return False
    if row.line_kind == "refund":
        return _settle_refund(leg, connection, id_)
    customer_id = row.customer_id or buyer(leg, connection, row.customer_remote_id, row.contact)
    card = card_of(leg, connection, customer_id) if customer_id else None
    values: dict[str, Any]
    if card is not None:
        values = {"customer_id": customer_id, "card_id": card.id, "state": "queued", "reason": ""}
        values |= _judged_with_buyer(leg, connection, row, card.customer_id)
        if not values.get("earned", row.earned):
            values |= {
                "state": "none",
                "reason": "nothing by the earning rules, now that its customer is known",
            }
    elif row.happened_at < leg.clock.now() - window:
        values = {"state": "none", "reason": "window_over", "earned": 0}
    elif customer_id is not None and row.reason != NO_CARD:
        values = {"customer_id": customer_id, "reason": NO_CARD}
        values |= _judged_with_buyer(leg, connection, row, customer_id)
    else:
        return False
    if leg.plan is not None and not leg.plan.settles(leg, row, values):
        return False
    connection.execute(update(TRANSACTION).where(TRANSACTION.c.id == id_).values(revision=revision, **values))
    return values.get("state") in ("queued", "none")


def book_locally(leg: Leg) -> None:
    """In an account without cloud the store owns the balances: book what is queued, in one transaction each hundred."""
    with leg.store.read() as connection:
        ids = [
            row.id
            for row in connection.execute(
                select(TRANSACTION.c.id)
                .where(TRANSACTION.c.integration_id == leg.id, TRANSACTION.c.state == "queued")
                .order_by(TRANSACTION.c.happened_at)
            )
        ]
    for start in range(0, len(ids), 100):
        with leg.store.write(leg.lease.fence) as connection:
            revision = leg.store.next_revisions(connection, 300)
            for id_ in ids[start : start + 100]:
                row = connection.execute(select(TRANSACTION).where(TRANSACTION.c.id == id_)).one()
                card = connection.execute(select(CARD).where(CARD.c.id == row.card_id)).first()
                if card is None or row.state != "queued":
                    continue
                booked = max(row.earned, -card.balance)
                set_balance(leg, connection, card, card.balance + booked, revision, row.happened_at)
                close(connection, row, booked, revision + 1)
                revision += 3


def close(connection: Connection, row: Any, booked: int, revision: int) -> None:
    """Mark a queued line as booked; what could not be taken back without going below zero is recorded as owed."""
    owed = booked - row.earned
    reason = f"{owed} could not be taken back: the balance would go below zero" if owed else ""
    connection.execute(
        update(TRANSACTION)
        .where(TRANSACTION.c.id == row.id)
        .values(state="credited", owed=owed, reason=reason, revision=revision)
    )


def set_balance(
    leg: Leg, connection: Connection, card: Any, balance: int, revision: int, visit: datetime | None = None
) -> None:
    """Write a card's balance and show it on its customer, who takes a revision too: the outward leg sees it."""
    now = leg.clock.now()
    connection.execute(
        update(CARD).where(CARD.c.id == card.id).values(balance=balance, revision=revision, updated_at=now)
    )
    values: dict[str, Any] = {"balance": balance, "revision": revision + 1, "updated_at": now}
    if visit is not None:
        values["last_visit"] = visit.astimezone(UTC).date().isoformat()
    connection.execute(update(CUSTOMER).where(CUSTOMER.c.id == card.customer_id).values(**values))

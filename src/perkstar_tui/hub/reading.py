"""Read models made from the store: one query or two each, never the network."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, func, or_, select

from perkstar_tui.model.enums import Level, LinkState, Status
from perkstar_tui.model.errors import CATALOGUE, ErrorKind, PerkstarError
from perkstar_tui.model.normal import email_key, phone_key, plain
from perkstar_tui.store import leases
from perkstar_tui.store import tables as t
from perkstar_tui.sync.config import CUSTOMER_FIELDS, LOYALTY_FIELDS
from perkstar_tui.sync.context import name_of
from perkstar_tui.sync.decided import BY_HAND
from perkstar_tui.sync.deliveries import DEAD, PENDING
from perkstar_tui.sync.outward import MAY_BE
from perkstar_tui.sync.sales import REASONS

from . import views as v
from .bench import INTEGRATION, Bench
from .by_hand import to_do
from .receiver import HIDDEN, hook_owner
from .showing import FAILING, count_link, integration_view, plan_view

LINK = t.RecordLink
STANDING = and_(LINK.c.state.in_(FAILING), or_(LINK.c.code.is_(None), LINK.c.code.not_in(BY_HAND)))
"""The condition for links whose records still fail: no person has taken them out."""
BEHIND = and_(
    LINK.c.state == LinkState.HELD.value,
    LINK.c.code == ErrorKind.DUPLICATE.value,
    LINK.c.reason.like(f"{MAY_BE}%"),
)
"""Customers that wait only until a held record at the platform is settled: they are no decisions of their own."""
CUSTOMER = t.Customer
CARD = t.Card
TRANSACTION = t.Transaction
RUN = t.SyncRun
LOG = t.LogLine
CREDENTIAL = t.Credential
TIER = t.PlanTier
SUBSCRIPTION = t.WebhookSubscription
SENT = t.SentRow
DELIVERY = t.Delivery


def integrations(bench: Bench, *, everything: bool = False) -> list[v.IntegrationView]:
    """Active Integrations; with `everything` drafts and disconnected ones too."""
    shown = [s.value for s in Status if everything or s.counts]
    with bench.store.read() as connection:
        rows = connection.execute(
            select(INTEGRATION)
            .where(INTEGRATION.c.kind != "system", INTEGRATION.c.status.in_(shown))
            .order_by(INTEGRATION.c.id)
        ).all()
        counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for id_, state, code, number in connection.execute(
            select(LINK.c.integration_id, LINK.c.state, LINK.c.code, func.count()).group_by(
                LINK.c.integration_id, LINK.c.state, LINK.c.code
            )
        ):
            count_link(counts[id_], state, code, number)
        # By the index of states, one integration at a time: a walk over all links would be asked for otherwise.
        behind = select(LINK.c.integration_id, func.count()).where(
            LINK.c.integration_id.in_([row.id for row in rows]), BEHIND
        )
        for id_, number in connection.execute(behind.group_by(LINK.c.integration_id)):
            counts[id_]["held"] -= number
        for id_, number in connection.execute(
            select(SENT.c.integration_id, func.count()).group_by(SENT.c.integration_id)
        ):
            count_link(counts[id_], LinkState.LINKED, None, number)
        # What an endpoint has not taken: given up needs a person, the rest comes again by itself.
        for id_, state, number in connection.execute(
            select(DELIVERY.c.integration_id, DELIVERY.c.state, func.count())
            .where((DELIVERY.c.state == DEAD) | ((DELIVERY.c.state == PENDING) & (DELIVERY.c.attempts > 0)))
            .group_by(DELIVERY.c.integration_id, DELIVERY.c.state)
        ):
            counts[id_]["held" if state == DEAD else "failed"] += number
        expiries = {
            row.owner_id: row.expires_at
            for row in connection.execute(select(CREDENTIAL.c.owner_id, CREDENTIAL.c.expires_at))
        }
        heard = registered(connection)
        recent = {row.id: _recent(connection, row.id) for row in rows}
        pace = _pace(connection, [row.running for row in rows if row.running is not None])
    now = bench.clock.now()
    keys = shown_keys(bench, rows, expiries)
    return [
        integration_view(
            row,
            bench.catalog[row.platform].title,
            counts[row.id],
            expiries.get(row.id),
            recent[row.id],
            now,
            running=row.running is not None and _alive(bench, row.id),
            # Nothing is believed before its key is known.
            heard=row.id in heard and all(keys.get(row.id, {}).values()),
            keys=keys.get(row.id, {}),
            hook_address=heard.get(row.id, "") if bench.by_hand(row.platform) else "",
            renews=any(
                form.id == row.form and form.type == "oauth2" and form.refreshes
                for form in bench.catalog[row.platform].auth
            ),
            pace=pace.get(row.running),
            to_enter=to_do(
                bench, row, heard.get(row.id, ""), keys.get(row.id, {}), counts[row.id].get("linked", 0)
            ),
        )
        for row in rows
    ]


def shown_keys(bench: Bench, rows: Sequence[Any], owners: Collection[str]) -> dict[str, dict[str, str]]:
    """What is shown of the keys of webhooks, by integration and option; `owners` are those who have a secret."""
    return {
        row.id: {option: HIDDEN if hook_owner(row.id) in owners else ""}
        for row in rows
        if (option := bench.catalog[row.platform].key_option)
    }


def registered(connection: Any) -> dict[str, str]:
    """The addresses at which deliveries are taken, by integration."""
    # A row without the vendor's id is one that is being made.
    found = select(SUBSCRIPTION.c.integration_id, SUBSCRIPTION.c.url).where(SUBSCRIPTION.c.remote_id != "")
    return {row.integration_id: row.url for row in connection.execute(found)}


def _alive(bench: Bench, integration_id: str) -> bool:
    return leases.owner_alive(bench.store, f"run:{integration_id}", bench.clock.now())


def _recent(connection: Any, integration_id: str) -> list[Any]:
    rows: list[Any] = connection.execute(
        select(RUN.c.outcome, RUN.c.started, RUN.c.ended, RUN.c.throttled_ms, RUN.c.error)
        .where(RUN.c.integration_id == integration_id, RUN.c.ended.is_not(None))
        .order_by(RUN.c.id.desc())
        .limit(20)
    ).all()
    return rows


def _pace(connection: Any, run_ids: Sequence[str]) -> dict[str, Any]:
    """Where and when the readings of runs that go on began."""
    if not run_ids:
        return {}
    rows = connection.execute(select(RUN.c.id, RUN.c.more).where(RUN.c.id.in_(run_ids)))
    return {row.id: (row.more or {}).get("pace") for row in rows}


def run_view(row: Any) -> v.RunView:
    cloud = None
    if row.cloud:
        cloud = {side: v.LegCounts(**counts) for side, counts in row.cloud.items()}
    return v.RunView(
        id=row.id,
        integration_id=row.integration_id,
        trigger=row.trigger,
        started=row.started,
        ended=row.ended,
        outcome=row.outcome,
        inward=v.LegCounts(**(row.inward or {})),
        outward=v.LegCounts(**(row.outward or {})),
        cloud=cloud,
        api_calls=row.api_calls,
        bytes=row.bytes,
        throttled_ms=row.throttled_ms,
        error=row.error,
        undoes=(row.more or {}).get("undoes"),
        undone_by=(row.more or {}).get("undone_by"),
        plan=(row.more or {}).get("plan"),
        skipped=tuple((row.more or {}).get("skipped", ())),
        full_compare=(row.more or {}).get("full_compare"),
    )


def runs(bench: Bench, integration_id: str | None, offset: int, limit: int) -> v.PageOf:
    query = select(RUN)
    if integration_id:
        query = query.where(RUN.c.integration_id == integration_id)
    with bench.store.read() as connection:
        total = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
        rows = connection.execute(query.order_by(RUN.c.id.desc()).offset(offset).limit(limit)).all()
    return v.PageOf(tuple(run_view(row) for row in rows), total, offset)


def run(bench: Bench, run_id: str) -> v.RunView:
    with bench.store.read() as connection:
        rows = connection.execute(select(RUN).where(RUN.c.id.like(f"{run_id}%")).limit(2)).all()
    exact = [row for row in rows if row.id == run_id] or rows
    if len(exact) != 1:
        kind = ErrorKind.AMBIGUOUS if exact else ErrorKind.NOT_FOUND
        raise PerkstarError(kind, f"There is no single run {run_id!r}.", remedy="`perkstar runs` lists them.")
    return run_view(exact[0])


_LEVELS = {"info": ("info", "warning", "error"), "warning": ("warning", "error"), "error": ("error",)}


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What an entry of the log must be to be shown; None and empty pass everything."""

    integration_id: str | None = None
    level: str | None = None
    """This or a worse one."""
    code: str | None = None
    record: str | None = None
    since: datetime | None = None
    text: str | None = None
    only_open: bool = False
    """Only entries about records that still fail."""

    def of(self, query: Select[Any]) -> Select[Any]:
        """The query, narrowed. Raises PerkstarError USAGE for an unknown level."""
        if self.integration_id:
            query = query.where(LOG.c.integration_id == self.integration_id)
        if self.level:
            if self.level not in _LEVELS:
                raise PerkstarError(
                    ErrorKind.USAGE, f"{self.level!r} is no level.", remedy="Use info, warning or error."
                )
            query = query.where(LOG.c.level.in_(_LEVELS[self.level]))
        if self.code:
            query = query.where(LOG.c.code == self.code)
        if self.record:
            query = query.where(or_(LOG.c.record == self.record, LOG.c.record_name == self.record))
        if self.since:
            query = query.where(LOG.c.time >= self.since)
        if self.text:
            like = "%" + self.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
            columns = (LOG.c.message, LOG.c.record_name, LOG.c.record, LOG.c.code)
            query = query.where(or_(*(column.ilike(like, escape="\\") for column in columns)))
        if self.only_open:
            standing, remote = (
                select(column).where(STANDING, LINK.c.integration_id == LOG.c.integration_id)
                for column in (LINK.c.hub_id, LINK.c.remote_id)
            )
            query = query.where(or_(LOG.c.record.in_(standing), LOG.c.record.in_(remote)))
        return query


def log(bench: Bench, filters: LogFilter, *, offset: int, limit: int) -> v.PageOf:
    with bench.store.read() as connection:
        total = connection.execute(filters.of(select(func.count()).select_from(LOG))).scalar_one()
        query = filters.of(select(LOG)).order_by(LOG.c.id.desc())
        rows = connection.execute(query.offset(offset).limit(limit)).all()
        standing_now = _standing_links(connection, rows)
    return v.PageOf(tuple(_entry(row, standing_now) for row in rows), total, offset)


def log_entry(bench: Bench, entry_id: str) -> v.LogEntry:
    with bench.store.read() as connection:
        rows = connection.execute(select(LOG).where(LOG.c.id == entry_id)).all()
        standing_now = _standing_links(connection, rows)
    if not rows:
        raise PerkstarError(
            ErrorKind.NOT_FOUND, f"There is no log entry {entry_id!r}.", remedy="`perkstar logs` lists them."
        )
    return _entry(rows[0], standing_now)


def next_error(bench: Bench, filters: LogFilter, entry_id: str, *, newer: bool) -> int | None:
    """The place of the nearest error that is older (or newer) than an entry, among those that pass, newest first."""
    errors = filters.of(select(LOG.c.id)).where(LOG.c.level == Level.ERROR.value)
    if newer:
        errors = errors.where(LOG.c.id > entry_id).order_by(LOG.c.id)
    else:
        errors = errors.where(LOG.c.id < entry_id).order_by(LOG.c.id.desc())
    with bench.store.read() as connection:
        found = connection.execute(errors.limit(1)).scalar()
        if found is None:
            return None
        before = filters.of(select(func.count()).select_from(LOG)).where(LOG.c.id > found)
        return int(connection.execute(before).scalar_one())


def _standing_links(connection: Any, rows: Sequence[Any]) -> dict[tuple[str, str], Any]:
    """Links that still stand for the records of these entries, by (integration, record)."""
    records = [row.record for row in rows if row.record]
    if not records:
        return {}
    found = {}
    for link in connection.execute(
        select(LINK).where(or_(LINK.c.hub_id.in_(records), LINK.c.remote_id.in_(records)), STANDING)
    ):
        for record in (link.hub_id, link.remote_id):
            if record:
                found[(link.integration_id, record)] = link
    return found


def _entry(row: Any, standing: dict[tuple[str, str], Any]) -> v.LogEntry:
    link = standing.get((row.integration_id, row.record))
    return v.LogEntry(
        id=row.id,
        time=row.time,
        level=row.level,
        code=row.code,
        message=row.message,
        remedy=row.remedy,
        integration_id=row.integration_id,
        run_id=row.run_id,
        record=row.record,
        record_name=row.record_name,
        field=row.field,
        request=row.request,
        vendor_message=row.vendor_message,
        vendor_request_id=row.vendor_request_id,
        attempts=link.attempts if link is not None else 0,
        next_attempt=link.next_attempt if link is not None else None,
        open=link is not None,
    )


def remedy_of(code: str | None) -> str:
    """What a person can do about an error code, from the one table."""
    return CATALOGUE[ErrorKind(code)].remedy if code in CATALOGUE else ""


def record(bench: Bench, wanted: str, integration_id: str | None) -> v.RecordView:
    """One record everywhere: by our id, a vendor's id, an e-mail address or a phone."""
    wanted = wanted.strip()
    if wanted.startswith("trn_"):
        return _sale(bench, TRANSACTION.c.id == wanted, wanted)
    with bench.store.read() as connection:
        hub_ids = _hub_ids(bench, connection, wanted)
        if not hub_ids:
            lone = connection.execute(select(LINK).where(LINK.c.remote_id == wanted)).all()
            sale = connection.execute(
                select(TRANSACTION.c.id).where(TRANSACTION.c.remote_id == wanted)
            ).first()
        else:
            lone, sale = [], None
    if sale is not None:
        return _sale(bench, TRANSACTION.c.id == sale.id, wanted)
    if not hub_ids and lone:
        return _held_record(bench, wanted, lone)
    if len(hub_ids) != 1:
        kind = ErrorKind.AMBIGUOUS if hub_ids else ErrorKind.NOT_FOUND
        words = f"{len(hub_ids)} customers: {', '.join(sorted(hub_ids))}" if hub_ids else "nothing"
        raise PerkstarError(kind, f"{wanted!r} finds {words}.", remedy="Give an id, e-mail address or phone.")
    return _customer(bench, hub_ids.pop(), integration_id)


def _hub_ids(bench: Bench, connection: Any, wanted: str) -> set[str]:
    account = bench.account_row(connection)
    conditions = [CUSTOMER.c.id == wanted]
    if "@" in wanted:
        conditions.append(CUSTOMER.c.email_key == email_key(wanted))
    phone = phone_key(wanted, account.country if account else "GB")
    if phone:
        conditions.append(CUSTOMER.c.phone_key == phone)
    found = {row.id for row in connection.execute(select(CUSTOMER.c.id).where(or_(*conditions)))}
    if not found:
        found = {
            row.hub_id
            for row in connection.execute(
                select(LINK.c.hub_id).where(LINK.c.remote_id == wanted, LINK.c.hub_id.is_not(None))
            )
        }
    return found


def _customer(bench: Bench, hub_id: str, integration_id: str | None) -> v.RecordView:
    with bench.store.read() as connection:
        row = connection.execute(select(CUSTOMER).where(CUSTOMER.c.id == hub_id)).one()
        links = connection.execute(select(LINK).where(LINK.c.hub_id == hub_id)).all()
        names = {i.id: i for i in connection.execute(select(INTEGRATION)).all()}
        story = connection.execute(
            select(LOG).where(LOG.c.record == hub_id).order_by(LOG.c.id.desc()).limit(20)
        ).all()
    customer = dict(row._mapping)
    sides = tuple(
        _side(bench, names[link.integration_id], link, customer)
        for link in links
        if integration_id is None or link.integration_id == integration_id
    )
    shown = {
        name: customer[name] for name in (*CUSTOMER_FIELDS, *LOYALTY_FIELDS) if customer[name] is not None
    }
    shown["archived"] = customer["archived_at"] is not None
    if customer["merged_into"]:
        shown["merged_into"] = customer["merged_into"]
    return v.RecordView(hub_id, "customer", shown, sides, tuple(_sentence(names, entry) for entry in story))


def _sentence(names: dict[str, Any], entry: Any) -> str:
    where = names[entry.integration_id].name if entry.integration_id in names else "Perkstar"
    return f"{entry.time:%Y-%m-%d %H:%M} {where}: {plain(entry.message)}"


def _side(bench: Bench, integration: Any, link: Any, customer: dict[str, Any]) -> v.RecordSide:
    config = bench.configure(integration)
    base = link.base or {}
    differs, values = [], {}
    for line in config.lines:
        hub = line.transform.same(line.out(customer))
        agreed = line.transform.same(base.get(line.remote))
        values[line.hub] = base.get(line.remote)
        if hub != agreed and (line.outward or line.inward):
            differs.append(line.hub)
    return v.RecordSide(
        integration_id=integration.id,
        integration_name=integration.name,
        remote_id=link.remote_id,
        state=link.state,
        values={name: value for name, value in values.items() if value is not None},
        base=base,
        differs=tuple(differs),
        last_sent=link.last_sent,
        last_received=link.last_received,
        reason=link.reason or None,
        next_attempt=link.next_attempt,
        code=link.code or "",
        remedy=remedy_of(link.code),
    )


def _held_record(bench: Bench, wanted: str, links: Sequence[Any]) -> v.RecordView:
    with bench.store.read() as connection:
        names = {i.id: i for i in connection.execute(select(INTEGRATION)).all()}
    sides = tuple(
        v.RecordSide(
            integration_id=link.integration_id,
            integration_name=names[link.integration_id].name,
            remote_id=link.remote_id,
            state=link.state,
            values=(link.remote or {}).get("values", {}),
            base={},
            differs=(),
            last_sent=None,
            last_received=link.last_received,
            reason=link.reason or None,
            code=link.code or "",
            remedy=remedy_of(link.code),
        )
        for link in links
    )
    candidates = (links[0].remote or {}).get("candidates", [])
    return v.RecordView(wanted, "customer", {"candidates": candidates}, sides)


def buyer_named(row: Any) -> str:
    """Whom a line of the ledger names that has no customer here; empty where it has one, or names nobody."""
    contact = row.contact or {}
    if row.customer_id:
        return ""
    named = [str(contact[key]) for key in ("email", "phone") if contact.get(key)]
    if row.customer_remote_id:
        named.append(f"record {row.customer_remote_id}")
    return ", ".join(named)


def _sale(bench: Bench, condition: Any, wanted: str) -> v.RecordView:
    with bench.store.read() as connection:
        row = connection.execute(select(TRANSACTION).where(condition)).first()
        names = {i.id: i.name for i in connection.execute(select(INTEGRATION.c.id, INTEGRATION.c.name))}
        who = row and connection.execute(select(CUSTOMER).where(CUSTOMER.c.id == row.customer_id)).first()
    if row is None:
        raise PerkstarError(ErrorKind.NOT_FOUND, f"There is no sale {wanted!r}.")
    reason = REASONS.get(row.reason, row.reason)
    hub = {
        "state": row.state,
        "happened_at": row.happened_at.isoformat(),
        "total_minor": row.total_minor,
        "currency": row.currency,
        "earned": row.earned,
        "reversed": row.reversed,
        "owed": row.owed,
        "customer_id": row.customer_id,
        "customer": name_of(who) if who is not None else "",
        "buyer": buyer_named(row),
        "card_id": row.card_id,
        "mark": row.mark,
    }
    side = v.RecordSide(
        row.integration_id,
        names.get(row.integration_id, ""),
        row.remote_id,
        row.state,
        {},
        {},
        (),
        None,
        row.created_at,
        reason or None,
    )
    story = {
        "credited": f"{row.earned} booked on the card.",
        "queued": "Decided, and waiting to be booked.",
        "pending": f"Waits: {reason}{f' ({buyer_named(row)})' if buyer_named(row) else ''}.",
        "none": f"Gave nothing: {reason}.",
    }.get(row.state, reason)
    rules = [
        f"{text}: {before} → {after}." for text, before, after in reversed((row.parts or {}).get("rules", []))
    ]
    return v.RecordView(row.id, row.line_kind, hub, (side,), (story, *rules))


def plan(bench: Bench, connection: Any = None) -> v.PlanView:
    """The plan tile, and whom one could disconnect (B4)."""
    account = bench.account_row(connection)
    with bench.store.read() as own:
        reader = connection or own
        tiers = reader.execute(select(TIER).order_by(TIER.c.position)).all()
        rows = reader.execute(select(INTEGRATION).where(INTEGRATION.c.kind != "system")).all()
    return plan_view(account, tiers, rows)


def tiers(bench: Bench) -> list[v.TierView]:
    """The plans side by side."""
    account = bench.account_row()
    with bench.store.read() as connection:
        rows = connection.execute(select(TIER).order_by(TIER.c.position)).all()
    kinds = ("prebuilt", "api", "webhook")
    return [
        v.TierView(
            row.name,
            row.title,
            row.allowed,
            tuple(kind for kind in kinds if getattr(row, f"counts_{kind}")),
            account is not None and row.name == account.tier,
        )
        for row in rows
    ]


def calls_today(bench: Bench, name: str) -> tuple[int, tuple[int, ...]]:
    """Calls made under a key in each of the last 24 hours, oldest first, and their sum since midnight UTC."""
    call = t.ApiCall
    now = bench.clock.now()
    hour = int(now.timestamp() // 3600)
    with bench.store.read() as connection:
        rows = {
            row.hour: row.calls
            for row in connection.execute(select(call).where(call.c.name == name, call.c.hour > hour - 24))
        }
    midnight = int((now - timedelta(hours=now.hour)).timestamp() // 3600)
    return sum(n for h, n in rows.items() if h >= midnight), tuple(
        rows.get(h, 0) for h in range(hour - 23, hour + 1)
    )

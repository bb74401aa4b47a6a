"""The outward leg for customers: hub rows above the cursor, compared with the base, sent in the vendor's batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update

from perkstar_tui.model.enums import DataType, Level, LinkState
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id
from perkstar_tui.model.remote import Answer, Change, RemoteRecord, Value
from perkstar_tui.store.bulk import insert_rows, one_of, update_rows, values_of

from . import changes, decided, filters
from .config import CUSTOMER_FIELDS
from .context import CUSTOMER, INTENT, LINK, Leg, drop_placeholders, name_of, next_attempt
from .inward import settle_missing
from .pages import DATA, links_by_remote
from .plan import Decision, Moment, decide
from .records import fingerprint, mapped
from .underway import send_in_turn

PAGE = 500
"""Customers that are looked at in one go; more where the vendor takes more in one call, so that its batch is filled."""

MAY_BE = "it may be the record"
"""How the reason of a customer begins that waits for a held record at the platform."""

_PERMANENT = {
    ErrorKind.RECORD_REJECTED,
    ErrorKind.MAPPING,
    ErrorKind.DUPLICATE,
    ErrorKind.CONFLICT,
    ErrorKind.NOT_FOUND,
}


@dataclass(slots=True)
class Job:
    """One hub customer and what is to be sent of it."""

    customer: dict[str, Any]
    link: Any
    decision: Decision
    change: Change


class HeldKeys:
    """Match keys of remote records that are held: a customer that may be one of them is not created there."""

    def __init__(self, connection: Connection, integration_id: str) -> None:
        self.by_key: dict[tuple[str, str], str] = {}
        rows = connection.execute(
            select(LINK.c.remote_id, LINK.c.remote).where(
                LINK.c.integration_id == integration_id,
                LINK.c.data == DATA,
                LINK.c.state == LinkState.HELD.value,
                LINK.c.hub_id.is_(None),
                LINK.c.remote.is_not(None),
            )
        )
        for remote_id, remote in rows:
            for key, value in ((remote or {}).get("keys") or {}).items():
                if value:
                    self.by_key[(key, value)] = remote_id

    def of(self, customer: dict[str, Any]) -> str | None:
        for key in ("email", "phone"):
            found = self.by_key.get((key, customer[f"{key}_key"] or ""))
            if found:
                return found
        return None


async def send_customers(leg: Leg) -> None:
    """Send every customer above the cursor in revision order, after settling what an earlier crash left open."""
    await settle_intents(leg)
    await _guard_outward(leg)
    await _send_pages(leg)
    await send_due(leg)


async def send_new(leg: Leg) -> None:
    """Create those customers that have no record there yet, before anything else waits on them; no cursor moves."""
    await settle_intents(leg)
    after, page = 0, max(PAGE, leg.config.batch)
    held: HeldKeys | None = None
    while True:
        with leg.store.read() as connection:
            rows = connection.execute(
                select(CUSTOMER)
                .outerjoin(
                    LINK,
                    and_(
                        LINK.c.integration_id == leg.id, LINK.c.data == DATA, LINK.c.hub_id == CUSTOMER.c.id
                    ),
                )
                .where(LINK.c.id.is_(None), CUSTOMER.c.archived_at.is_(None), CUSTOMER.c.revision > after)
                .order_by(CUSTOMER.c.revision)
                .limit(page)
            ).all()
            held = held or HeldKeys(connection, leg.id)
        if not rows:
            return
        after = rows[-1].revision
        jobs = [job for row in rows if (job := plan_one(leg, dict(row._mapping), None, held, count=False))]
        await _send_jobs(leg, jobs, count=False)


def _above(after: int, limit: int) -> Any:
    return select(CUSTOMER).where(CUSTOMER.c.revision > after).order_by(CUSTOMER.c.revision).limit(limit)


def links_of(connection: Connection, leg: Leg, hub_ids: Sequence[str]) -> dict[str, Any]:
    """The links of hub records at this platform; a linked one outranks any other of the same customer."""
    found: dict[str, Any] = {}
    for row in connection.execute(
        select(LINK).where(
            LINK.c.integration_id == leg.id, LINK.c.data == DATA, one_of(connection, LINK.c.hub_id)
        ),
        values_of(connection, hub_ids),
    ):
        if (
            row.hub_id not in found
            or row.state == LinkState.LINKED
            or found[row.hub_id].code == decided.SECOND
        ):
            found[row.hub_id] = row
    return found


async def _send_pages(leg: Leg) -> None:
    """Send page by page; the next one is read and planned while the last of this one is on its way."""
    after = filters.sent_up_to(leg)
    sent = _Sent(leg)
    held: HeldKeys | None = None

    def batches() -> Iterator[Batch]:
        nonlocal after, held
        # Once something is unknown there, that is settled before the cursor goes on.
        while not sent.unknown:
            with leg.store.read() as connection:
                rows = connection.execute(_above(after, max(PAGE, leg.config.batch))).all()
                if not rows:
                    return
                links = links_of(connection, leg, [row.id for row in rows])
                # Only an inward leg of this run holds records, and that is over: their keys are read once.
                held = held or HeldKeys(connection, leg.id)
            after = rows[-1].revision
            jobs = []
            for row in rows:
                job = plan_one(leg, dict(row._mapping), links.get(row.id), held)
                if job is not None:
                    jobs.append(job)
            yield from _batches(leg, jobs, up_to=after)

    while True:
        began = after
        await sent.send(batches())
        if after == began:
            return


async def _guard_outward(leg: Leg) -> None:
    """Count the changes of existing records before the first one is sent (sync design: Guards).

    Balances and what else comes from cards don't count: a good day in the shop changes many of them.
    """
    if leg.accept_mass_change or leg.first_run:
        return
    after = filters.sent_up_to(leg)
    changes = 0
    sends = leg.config.sends
    own = {line.remote for line in leg.config.lines if line.hub in CUSTOMER_FIELDS}
    while True:
        with leg.store.read() as connection:
            rows = connection.execute(_above(after, 1000)).all()
            links = links_of(connection, leg, [row.id for row in rows]) if rows else {}
        if not rows:
            break
        for row in rows:
            link = links.get(row.id)
            if link is None or not (link.state == LinkState.LINKED or filters.by_filter(link)):
                continue
            if sends is None or sends.test(dict(row._mapping)):
                changes += not own.isdisjoint(_compare(leg, dict(row._mapping), link).send)
        after = rows[-1].revision
        await leg.pause_point()
    leg.guard(changes, "change there")


def _compare(leg: Leg, customer: dict[str, Any], link: Any) -> Decision:
    """Compare with what both agreed on last: the inward leg has just brought what changed on the far side."""
    outward = [line for line in leg.config.lines if line.outward]
    base = link.base if link is not None else {}
    moment = Moment(None, customer["provenance"] or {}, leg.config.origin)
    proven = bool(customer.get("consent_proof"))
    return decide(outward, customer, base, base, moment, creating=link is None, consent_proven=proven)


def plan_one(
    leg: Leg, customer: dict[str, Any], link: Any, held: HeldKeys, *, count: bool = True
) -> Job | None:
    """Decide what one customer needs at the platform; None when nothing is to be sent, and it is counted."""
    counts = leg.outward
    name = _standing(leg, customer, link, held)
    if name:
        if count:
            setattr(counts, name, getattr(counts, name) + 1)
        return None
    known = link if link is not None and link.remote_id else None
    decision = _compare(leg, customer, known)
    if known is not None and not decision.send:
        if known.code == filters.TO_PLATFORM or waits_for_correction(known):
            # Nothing is to be sent any more, so nothing is refused or left out.
            _leave_out(leg, customer, known, LinkState.LINKED, "")
        if count and customer["id"] in leg.made:
            counts.created += 1
        elif count:
            counts.unchanged += 1
        return None
    if known is None:
        decision.send = {path: value for path, value in decision.send.items() if value not in (None, "")}
        missing = [
            line.remote
            for line in leg.config.lines
            if line.required and line.outward and not decision.send.get(line.remote)
        ]
        if missing or not any(decision.send.values()):
            if count:
                counts.excluded += 1
                what = ", ".join(missing) or "any of the mapped fields"
                reason = f"{leg.config.title} needs {what}, and it is empty"
                _leave_out(leg, customer, link, LinkState.EXCLUDED, reason)
            return None
    remote_id = known.remote_id if known is not None else None
    key = customer["id"] if remote_id is None else f"{customer['id'][4:]}-{customer['revision']}"
    version = known.version if known is not None else None
    return Job(customer, link, decision, Change(key, remote_id, decision.send, version))


def _standing(leg: Leg, customer: dict[str, Any], link: Any, held: HeldKeys) -> str | None:
    """Under which count a customer falls that is not to be sent at all."""
    if customer["archived_at"] is not None or decided.by_hand(link):
        return "excluded"
    sends = leg.config.sends
    if sends is not None and not sends.test(customer):
        settled = link is not None and link.state in (LinkState.GONE, LinkState.DUPLICATE)
        if not settled:
            _leave_out(leg, customer, link, LinkState.EXCLUDED, sends.reason, filters.TO_PLATFORM)
        return "excluded"
    if link is None or waits_for_other(link) or (link.state == LinkState.EXCLUDED and not link.remote_id):
        other = held.of(customer)
        if other is None:
            return None
        reason = f"{MAY_BE} {other} at {leg.config.title}, which waits for a person"
        _leave_out(leg, customer, link, LinkState.HELD, reason, ErrorKind.DUPLICATE.value)
        return "held"
    if link.state == LinkState.HELD:
        # Refused before: again, since this side has changed.
        return None if link.code == ErrorKind.RECORD_REJECTED else "held"
    if link.state == LinkState.DUPLICATE:
        return "held"
    if link.state == LinkState.EXCLUDED and (link.remote_id is None or filters.by_filter(link)):
        # Something was missing, or a filter kept it back; perhaps no more.
        return None
    if link.state in (LinkState.GONE, LinkState.EXCLUDED):
        return "excluded"
    return None


AGREED: dict[str, Any] = {
    "state": LinkState.LINKED.value,
    "reason": "",
    "code": None,
    "field": None,
    "attempts": 0,
    "next_attempt": None,
}
"""What a link is once nothing of its customer is refused."""


def waits_for_correction(link: Any) -> bool:
    """Whether the platform has refused what was sent of a customer that it has."""
    return bool(link.state == LinkState.HELD and link.remote_id and link.code == ErrorKind.RECORD_REJECTED)


def waits_for_other(link: Any) -> bool:
    """Whether a customer is held only because a held record at the platform may be the same person."""
    return bool(link.state == LinkState.HELD and link.remote_id is None and link.code == ErrorKind.DUPLICATE)


def _leave_out(
    leg: Leg, customer: dict[str, Any], link: Any, state: LinkState, reason: str, code: str | None = None
) -> None:
    """Remember why a customer is not sent, so that the lists of its records are complete (E8)."""
    if link is None or (link.state, link.reason) != (state, reason):
        leg.left_out.append((customer["id"], link.id if link is not None else None, state, reason, code))


def write_left_out(leg: Leg, connection: Connection) -> None:
    """Keep the reasons gathered so far, in the transaction that moves the cursor past their customers."""
    fresh: list[dict[str, Any]] = []
    for hub_id, link_id, state, reason, code in leg.left_out:
        values: dict[str, Any] = {"state": state.value, "reason": reason, "code": code}
        if state is LinkState.LINKED:
            values = AGREED
        if link_id is None:
            fresh.append(
                {
                    "integration_id": leg.id,
                    "data": DATA,
                    "hub_id": hub_id,
                    "remote_id": None,
                    "base": {},
                    "remote": None,
                    "attempts": 0,
                    **values,
                }
            )
        else:
            connection.execute(update(LINK).where(LINK.c.id == link_id).values(**values))
    if fresh:
        connection.execute(insert(LINK), fresh)
    leg.left_out.clear()


async def _send_jobs(leg: Leg, jobs: Sequence[Job], *, count: bool = True) -> None:
    await _Sent(leg, count=count).send(_batches(leg, jobs, count=count))


@dataclass(slots=True)
class Batch:
    """What goes out in one call, as far as the vendor takes so many; perhaps nothing."""

    jobs: list[Job]
    up_to: int | None = None
    """The revision that the cursor may move to once this is kept, and all before it."""

    @property
    def changes(self) -> list[Change]:
        return [job.change for job in self.jobs]

    @property
    def creates(self) -> list[Job]:
        return [job for job in self.jobs if job.change.remote_id is None]


def _batches(
    leg: Leg, jobs: Sequence[Job], *, count: bool = True, up_to: int | None = None
) -> Iterator[Batch]:
    starts = range(0, max(1, len(jobs)), leg.config.batch)
    for start in starts:
        batch = list(jobs[start : start + leg.config.batch])
        if leg.plan is not None and batch:
            batch = leg.plan.outward(leg, batch, count=count)
        yield Batch(batch, up_to if start == starts[-1] else None)


class _Sent:
    """Sends batches: intents first for creates, then the vendor, then one transaction with all that came of it."""

    def __init__(self, leg: Leg, *, count: bool = True) -> None:
        self.leg = leg
        self.count = count
        self.unknown: list[tuple[Job, Answer]] = []
        """What the platform does not know any more, until it is asked for by id."""
        self._up_to: int | None = None

    async def send(self, batches: Iterator[Batch]) -> None:
        await send_in_turn(self.leg, batches, intend=self.intend, keep=self.keep, forget=self.forget)
        if self.unknown:
            unknown, self.unknown = self.unknown, []
            await _settle_unknown(self.leg, unknown, count=self.count)
            with self.leg.store.write(self.leg.lease.fence) as connection:
                self._move_cursor(connection)

    def intend(self, batch: Batch) -> None:
        """Write down what is about to be created, so that a crash before the answer is noticed."""
        leg, creates = self.leg, batch.creates
        if not creates:
            return
        now = leg.clock.now()
        with leg.store.write(leg.lease.fence, durable=True) as connection:
            _drop_intents(leg, connection, creates)
            connection.execute(
                insert(INTENT),
                [
                    {
                        "id": new_id("itn"),
                        "integration_id": leg.id,
                        "act": "create",
                        "hub_id": job.customer["id"],
                        # What is sent is how it is known again where there is neither e-mail address nor phone.
                        "payload": job.change.fields,
                        "state": "open",
                        "created_at": now,
                        "tried_at": now,
                    }
                    for job in creates
                ],
            )

    def forget(self, batch: Batch) -> None:
        """Take back the intents of a batch that was never sent."""
        creates = batch.creates
        if creates:
            with self.leg.store.write(self.leg.lease.fence) as connection:
                _drop_intents(self.leg, connection, creates)

    def keep(self, batch: Batch, answers: Sequence[Answer]) -> None:
        """Keep what came of a batch, and that the cursor is past its page."""
        leg, creates = self.leg, batch.creates
        self._up_to = batch.up_to or self._up_to
        with leg.store.write(leg.lease.fence) as connection:
            if batch.jobs:
                work = _Answered(leg, connection, answers, count=self.count)
                for job, answer in zip(batch.jobs, answers, strict=True):
                    if _says_gone(job, answer):
                        self.unknown.append((job, answer))
                    else:
                        work.one(job, answer)
                work.flush()
            if creates:
                _drop_intents(leg, connection, creates)
            if batch.up_to is not None and not self.unknown:
                self._move_cursor(connection)

    def _move_cursor(self, connection: Connection) -> None:
        if self._up_to is not None:
            cursor = filters.sent_cursor(self.leg, self._up_to)
            self.leg.save_cursor(connection, DATA, "out", cursor)
            write_left_out(self.leg, connection)


def _says_gone(job: Job, answer: Answer) -> bool:
    gone = answer.error is not None and answer.error.kind is ErrorKind.NOT_FOUND
    return gone and job.change.remote_id is not None


async def _settle_unknown(leg: Leg, unknown: Sequence[tuple[Job, Answer]], *, count: bool) -> None:
    """Records that the platform does not know any more are asked for by id: deleted or merged, or truly refused."""
    await settle_missing(leg, [str(job.change.remote_id) for job, _ in unknown])
    with leg.store.write(leg.lease.fence) as connection:
        links = links_of(connection, leg, [job.customer["id"] for job, _ in unknown])
        for job, answer in unknown:
            link = links.get(job.customer["id"])
            if link is not None and link.state == LinkState.LINKED and link.remote_id == job.change.remote_id:
                _refuse(leg, connection, job, answer.error or PerkstarError(ErrorKind.NOT_FOUND, ""))
                leg.outward.held += count
            else:
                leg.outward.excluded += count


def _drop_intents(leg: Leg, connection: Connection, creates: Sequence[Job]) -> None:
    """Forget the intents to create these customers: they are settled, or written anew."""
    connection.execute(
        delete(INTENT).where(
            INTENT.c.integration_id == leg.id,
            INTENT.c.act == "create",
            one_of(connection, INTENT.c.hub_id),
        ),
        values_of(connection, [job.customer["id"] for job in creates]),
    )


class _Answered:
    """What one batch's answers mean for the store: links to make and to change, written together."""

    def __init__(self, leg: Leg, connection: Connection, answers: Sequence[Answer], *, count: bool) -> None:
        self.leg = leg
        self.connection = connection
        self.count = count
        self.fresh: list[dict[str, Any]] = []
        self.changed: list[dict[str, Any]] = []
        self.sent: dict[str, list[Any]] = {}
        """What is at the platform now: of each customer the record, whether it is new there, and the fields."""
        made = [answer.record.id for answer in answers if answer.record is not None]
        self.owner: dict[str, tuple[int | None, str | None]] = {
            remote_id: (link.id, link.hub_id)
            for remote_id, link in links_by_remote(connection, leg.id, made).items()
        }
        """Whose a remote record is by now: link and customer."""

    def one(self, job: Job, answer: Answer) -> None:
        leg, count = self.leg, self.count
        if answer.error is not None:
            unlinked = job.link is None or job.link.remote_id is None
            known_there = answer.error.kind is ErrorKind.DUPLICATE and answer.record is not None and unlinked
            if known_there and answer.record is not None and _adopt(leg, self.connection, job, answer.record):
                leg.outward.updated += count
                return
            self.refuse(job, answer.error)
            return
        hub_id = job.customer["id"]
        base, print_, version, remote_id = _agreed(leg, job, answer)
        link_id, owner = self.owner.get(remote_id or "", (None, None))
        if owner not in (None, hub_id):
            self.refuse(job, _anothers(leg, str(remote_id)))
            return
        values = {
            "base": base,
            "fingerprint": print_,
            "version": version,
            "last_sent": leg.clock.now(),
            "state": LinkState.LINKED.value,
            "code": None,
            "reason": "",
            "field": None,
            "attempts": 0,
            "next_attempt": None,
            "remote_id": remote_id,
            "hub_id": hub_id,
        }
        if job.link is not None and job.link.code == filters.TO_PERKSTAR:
            # It is sent, and what it says there is still not taken in.
            values |= {"state": job.link.state, "code": job.link.code, "reason": job.link.reason}
        mine = job.link.id if job.link is not None else None
        if mine is not None and link_id not in (None, mine):
            # The record was known without a customer: that link becomes this one's, and its own has no use any more.
            self.connection.execute(delete(LINK).where(LINK.c.id == mine))
        if link_id is not None or mine is not None:
            self.changed.append({"b_id": link_id if link_id is not None else mine, **values})
        else:
            self.fresh.append({"integration_id": leg.id, "data": DATA, **values})
        if remote_id is not None:
            self.owner[remote_id] = (link_id, hub_id)
        created = job.change.remote_id is None
        known = job.link.base if job.link is not None else {}
        fields = {
            path: [known[path], value] if path in known else [value]
            for path, value in job.change.fields.items()
        }
        self.sent[hub_id] = [remote_id, created, fields]
        if not count:
            leg.made.add(hub_id)
        elif created or hub_id in leg.made:
            leg.outward.created += 1
        else:
            leg.outward.updated += 1

    def refuse(self, job: Job, error: PerkstarError) -> None:
        _refuse(self.leg, self.connection, job, error)
        self.leg.outward.held += self.count

    def flush(self) -> None:
        insert_rows(self.connection, LINK, self.fresh)
        update_rows(self.connection, LINK, self.changed)
        changes.keep(self.leg, self.connection, sent=self.sent)


def _anothers(leg: Leg, remote_id: str) -> PerkstarError:
    return PerkstarError(
        ErrorKind.DUPLICATE,
        f"{leg.config.title} took it for the record {remote_id}, which is another customer's here.",
        remedy="Merge the two customers, or give one of them another e-mail address or phone.",
    )


def _link(
    connection: Connection, leg: Leg, hub_id: str, remote_id: str | None, values: dict[str, Any]
) -> None:
    """Put a link in place, over an earlier one of the same remote record if there is one."""
    same = (LINK.c.integration_id == leg.id) & (LINK.c.data == DATA) & (LINK.c.remote_id == remote_id)
    if (
        remote_id is not None
        and connection.execute(update(LINK).where(same).values(hub_id=hub_id, **values)).rowcount
    ):
        return
    connection.execute(
        insert(LINK).values(integration_id=leg.id, data=DATA, hub_id=hub_id, remote_id=remote_id, **values)
    )


def _agreed(
    leg: Leg, job: Job, answer: Answer
) -> tuple[dict[str, Value], str | None, str | None, str | None]:
    """The new base: what the vendor's answer shows, or what was sent where it shows nothing."""
    record = answer.record
    base = {**(job.link.base if job.link is not None else {}), **job.decision.base}
    by_remote = {line.remote: line for line in leg.config.lines}
    shown = record.fields if record is not None else {}
    for path, value in job.change.fields.items():
        same = by_remote[path].transform.same
        base[path] = same(shown[path]) if path in shown else same(value)
    if record is None:
        return base, None, None, job.change.remote_id
    values = mapped(leg, record)
    complete = all(line.remote in shown for line in leg.config.lines if line.inward)
    print_ = fingerprint(values, record.archived, leg.config.takes) if complete else None
    return base, print_, record.version, record.id


def _adopt(leg: Leg, connection: Connection, job: Job, record: RemoteRecord) -> bool:
    """The vendor says it has this one already: link to it if nobody else is, and let the next read compare."""
    other = connection.execute(
        select(LINK.c.hub_id, LINK.c.state, LINK.c.code).where(
            LINK.c.integration_id == leg.id, LINK.c.data == DATA, LINK.c.remote_id == record.id
        )
    ).first()
    if other is not None and (other.hub_id is not None or decided.by_hand(other)):
        return False
    by_path = {line.hub: line for line in leg.config.lines}
    line = by_path.get("email")
    theirs = leg.config.key_of("email", record.fields.get(line.remote)) if line else None
    if theirs and job.customer["email_key"] and theirs != job.customer["email_key"]:
        return False
    now = leg.clock.now()
    values: dict[str, Any] = {
        "base": {},
        "fingerprint": None,
        "version": record.version,
        "last_received": now,
        "state": LinkState.LINKED.value,
        "code": None,
        "reason": "",
    }
    drop_placeholders(connection, leg.id, [job.customer["id"]])
    _link(connection, leg, job.customer["id"], record.id, values)
    return True


def _refuse(leg: Leg, connection: Connection, job: Job, error: PerkstarError) -> None:
    """Hold a refused record with field, the vendor's words and the remedy; the rest goes on."""
    attempts = (job.link.attempts if job.link is not None else 0) + 1
    code = error.kind.value if error.kind in _PERMANENT else ErrorKind.RECORD_REJECTED.value
    if code in (ErrorKind.NOT_FOUND.value, ErrorKind.CONFLICT.value):
        code = ErrorKind.RECORD_REJECTED.value
    values: dict[str, Any] = {
        "state": LinkState.HELD.value,
        "code": code,
        "reason": error.message,
        "field": error.field,
        "attempts": attempts,
        "next_attempt": next_attempt(leg.clock.now(), attempts)
        if code == ErrorKind.RECORD_REJECTED
        else None,
    }
    if job.link is None:
        connection.execute(
            insert(LINK).values(
                integration_id=leg.id, data=DATA, hub_id=job.customer["id"], remote_id=None, base={}, **values
            )
        )
    else:
        connection.execute(update(LINK).where(LINK.c.id == job.link.id).values(**values))
    if attempts == 1:
        leg.rejected_anew += 1
    value = job.change.fields.get(error.field or "")
    leg.log(
        connection,
        Level.ERROR,
        code,
        f"{leg.config.title} refused {error.field or 'this customer'}: {error.vendor_words or error.message}",
        record=job.customer["id"],
        record_name=name_of(job.customer),
        error=error,
        details={"field": error.field, "value": value, "attempts": attempts},
    )


async def settle_intents(leg: Leg) -> None:
    """Creates that an earlier run began and never heard of: look each up at the vendor once its search can know it."""
    with leg.store.read() as connection:
        rows = connection.execute(
            select(INTENT.c.id, INTENT.c.tried_at, INTENT.c.payload, CUSTOMER)
            .join(CUSTOMER, CUSTOMER.c.id == INTENT.c.hub_id)
            .where(INTENT.c.integration_id == leg.id, INTENT.c.act == "create", INTENT.c.state == "open")
        ).all()
        linked = links_of(connection, leg, [row[3] for row in rows]) if rows else {}
    if not rows:
        return
    await wait_for_search(leg)
    for row in rows:
        customer = {column.name: getattr(row, column.name) for column in CUSTOMER.c if column.name != "id"}
        customer["id"] = row[3]
        found = None if customer["id"] in linked else await _look_up(leg, customer, row.payload or {})
        with leg.store.write(leg.lease.fence) as connection:
            if found is not None:
                _adopt(leg, connection, Job(customer, None, Decision(), Change("", None, {})), found)
            connection.execute(delete(INTENT).where(INTENT.c.id == row[0]))
        await leg.pause_point()


async def wait_for_search(leg: Leg) -> None:
    """Until the platform's search knows what an earlier run may have created without hearing of it."""
    with leg.store.read() as connection:
        last: datetime | None = connection.execute(
            select(func.max(INTENT.c.tried_at)).where(
                INTENT.c.integration_id == leg.id, INTENT.c.act == "create", INTENT.c.state == "open"
            )
        ).scalar()
    if last is None:
        return
    wait = (last + timedelta(seconds=leg.config.search_lag_s) - leg.clock.now()).total_seconds()
    if wait > 0:
        await leg.clock.sleep(wait)


async def _look_up(leg: Leg, customer: dict[str, Any], sent: dict[str, Value]) -> RemoteRecord | None:
    """The record that our lost create may have made, found by e-mail or phone: as it was sent, for the customer may
    have another by now.
    """
    paths = leg.config.key_paths()
    for key in ("email", "phone"):
        if key not in leg.config.match:
            continue
        path, back = paths.get(key, ("", None))
        told = leg.config.key_of(key, back(sent.get(path), None)) if back is not None else None
        for value in dict.fromkeys((told, customer[f"{key}_key"])):
            if value:
                records = await leg.connector.find(DataType.CUSTOMERS, key, value)
                records = [record for record in records if not record.archived]
                if len(records) == 1:
                    return records[0]
    return None


async def send_due(leg: Leg) -> None:
    """Refused records whose time has come again, oldest first (sync design: One run, step 5), and customers that
    waited for a record at the platform which no longer is in their way.
    """
    now = leg.clock.now()
    with leg.store.read() as connection:
        rows = connection.execute(
            select(LINK)
            .where(
                LINK.c.integration_id == leg.id,
                LINK.c.data == DATA,
                LINK.c.state == LinkState.HELD.value,
                LINK.c.hub_id.is_not(None),
                or_(
                    LINK.c.next_attempt <= now,
                    and_(LINK.c.remote_id.is_(None), LINK.c.code == ErrorKind.DUPLICATE.value),
                ),
            )
            .order_by(LINK.c.next_attempt, LINK.c.id)
            .limit(PAGE)
        ).all()
        customers = {
            row.id: dict(row._mapping)
            for row in connection.execute(select(CUSTOMER).where(CUSTOMER.c.id.in_([r.hub_id for r in rows])))
        }
        held = HeldKeys(connection, leg.id) if rows else None
    if held is None:
        return
    jobs = []
    for link in rows:
        customer = customers.get(link.hub_id)
        if customer is None or (waits_for_other(link) and held.of(customer) is not None):
            continue
        job = plan_one(leg, customer, link, held)
        if job is not None:
            jobs.append(job)
    await _send_jobs(leg, jobs)
    if leg.left_out and not leg.follows:
        with leg.store.write(leg.lease.fence) as connection:
            write_left_out(leg, connection)


async def retry_unanswered(leg: Leg) -> list[str]:
    """Remote ids of inward records that are due to be looked at again (asked for by hand)."""
    with leg.store.read() as connection:
        rows = connection.execute(
            select(LINK.c.remote_id).where(
                LINK.c.integration_id == leg.id,
                LINK.c.data == DATA,
                LINK.c.state.in_([LinkState.HELD.value, LinkState.DUPLICATE.value]),
                LINK.c.hub_id.is_(None),
                LINK.c.next_attempt <= leg.clock.now(),
            )
        ).all()
    return [row.remote_id for row in rows if row.remote_id]

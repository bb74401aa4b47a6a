"""One record explained (E6, K10): where it is on every side, what differs, and what keeps it where it is not.

What would be sent or held is asked of the engine itself (sync/outward.py: plan_one, sync/plan.py: decide), on a leg
that writes nothing. Never a second opinion.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select

from perkstar_tui.model.enums import DataType, LinkState, Status
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Presence, RemoteRecord
from perkstar_tui.store import tables as t
from perkstar_tui.store.database import ms
from perkstar_tui.sync import filters
from perkstar_tui.sync.config import RunConfig
from perkstar_tui.sync.context import (
    CARD,
    CURSOR,
    CUSTOMER,
    DELIVERY,
    LINK,
    LOG,
    SENT,
    TOLD,
    TRANSACTION,
    Leg,
    name_of,
)
from perkstar_tui.sync.decided import LEFT_OUT, SECOND, by_hand
from perkstar_tui.sync.moments import TITLES
from perkstar_tui.sync.outward import HeldKeys, plan_one
from perkstar_tui.sync.plan import LET_GO, Decision, Moment, decide

from . import reading
from . import views as v
from .bench import INTEGRATION, Bench
from .connecting import run_now
from .doubles import hub_fields
from .queue import item_of

TEMPLATE = t.CardTemplate
CUSTOMERS = DataType.CUSTOMERS.value

STANDINGS: Mapping[str, str] = {
    "in_step": "in step on both sides",
    "to_send": "waits to be sent",
    "to_take": "waits to be taken in",
    "held": "held for a person",
    "refused": "refused by the platform",
    "second": "a second record that may stay",
    "filter": "left out by a filter",
    "missing": "a field that is needed is empty",
    "left_out": "left out by hand",
    "off": "customers are not synced",
    "direction": "the direction does not let it through",
    "gone": "gone at the platform",
    "archived": "archived in Perkstar",
    "draft": "the integration is a draft",
    "disconnected": "the integration is disconnected",
    "paused": "the integration is paused",
    "reconnect": "the credential is refused",
    "quota": "waits for the platform's quota",
    "stopped": "the integration has stopped with an error",
    "first": "the first run has not been started",
    "told": "the platform was told of it",
    "failing": "a delivery failed",
}
"""Where a record stands for one integration."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a customer stands for one integration: the word, the sentence, and what mends it."""

    code: str
    words: str
    command: str = ""
    key: str = ""
    next_run: datetime | None = None


def _to_be_sent(names: Sequence[str]) -> str:
    return f"{', '.join(names) or 'It'} {'are' if len(names) > 1 else 'is'} to be sent"


class Eye:
    """One integration, ready to be asked about many customers; reads, and writes nothing."""

    def __init__(self, bench: Bench, connection: Connection, row: Any) -> None:
        self.bench, self.connection, self.row = bench, connection, row
        self.config: RunConfig = bench.configure(row)
        self.title = self.config.title
        self.name = "Perkstar's cloud" if row.kind == "system" else str(row.name)
        self.held = HeldKeys(connection, row.id)
        self.leg = Leg(
            store=bench.store,
            config=self.config,
            connector=None,  # type: ignore[arg-type]
            clock=bench.clock,
            run_id="",
            lease=None,  # type: ignore[arg-type]
            started=bench.clock.now(),
            stop=lambda: False,
        )

    @property
    def only_told(self) -> bool:
        """Whether the platform takes rows or deliveries and has no customers of its own."""
        return self.config.rows is not None

    def opinion(self, customer: dict[str, Any], link: Any) -> tuple[Decision | None, str, str]:
        """What the engine would do now: what it would send, or the reason and code for which it sends nothing."""
        self.leg.left_out.clear()
        job = plan_one(self.leg, customer, link, self.held)
        told = next((one for one in self.leg.left_out if one[0] == customer["id"]), None)
        if job is not None:
            return job.decision, "", ""
        if told is not None:
            return None, told[3], told[4] or ""
        if link is not None and link.state in (LinkState.EXCLUDED, LinkState.HELD):
            # The engine says only what is new; that it is as it was stands on the link.
            return None, link.reason, link.code or ""
        return None, "", ""

    def sent_up_to(self) -> int:
        """The revision up to which customers were looked at."""
        cursor = self.connection.execute(
            select(CURSOR.c.value).where(
                CURSOR.c.integration_id == self.row.id, CURSOR.c.data == CUSTOMERS, CURSOR.c.leg == "out"
            )
        ).scalar()
        return int((cursor or {}).get("revision", 0))

    def standing(self, customer: dict[str, Any], link: Any) -> Standing:
        """Where a customer stands, and why."""
        ended = self._ended()
        if ended is not None and (link is None or ended.code == "disconnected"):
            return ended
        certain = self.of_link(link) if link is not None else None
        if certain is not None:
            return certain
        if DataType.CUSTOMERS not in self.config.data:
            return Standing(
                "off",
                f"Customers are not among the data of {self.name}.",
                f"perkstar edit {self.row.id} --set data=customers",
                "e",
            )
        if customer["archived_at"] is not None:
            return Standing("archived", "It is archived in Perkstar, so nothing is sent of it.")
        if self.only_told:
            return self.told(customer)
        if not self.config.direction.outward:
            if link is not None:
                return Standing("in_step", "Both sides agree; changes only come in.")
            return Standing(
                "direction",
                f"{self.name} only brings records in: nobody is sent to {self.title}.",
                f"perkstar edit {self.row.id} --set direction=both",
                "e",
            )
        decision, reason, code = self.opinion(customer, link)
        if decision is not None:
            return self.not_yet("to_send", _to_be_sent(self.hub_names(decision.send)))
        if code == filters.TO_PLATFORM:
            return Standing("filter", _sentence(reason), f"perkstar edit {self.row.id} --set {code}=...", "e")
        if code == ErrorKind.DUPLICATE:
            return Standing("held", _sentence(reason), f"perkstar queue {self.row.id}", "Q")
        if reason:
            return Standing("missing", _sentence(reason), f"perkstar mapping {self.row.id}", "m")
        return Standing("in_step", "Both sides agree.")

    def hub_names(self, send: Mapping[str, Any]) -> list[str]:
        by_remote = {line.remote: line.hub for line in self.config.lines}
        return [by_remote.get(path, path) for path in send]

    def _ended(self) -> Standing | None:
        status = self.row.status
        if status == Status.DISCONNECTED.value:
            return Standing(
                "disconnected", f"{self.name} is disconnected.", f"perkstar connect {self.row.platform}", "a"
            )
        if status == Status.DRAFT.value:
            return Standing(
                "draft",
                f"{self.name} is a draft: nothing is synced before it is active.",
                f"perkstar activate {self.row.id}",
                "Enter",
            )
        return None

    def of_link(self, link: Any) -> Standing | None:
        """What the link alone says."""
        if by_hand(link):
            queued = "perkstar queue --settled"
            if link.code == SECOND:
                return Standing("second", _sentence(link.reason), queued, "z")
            return Standing("left_out", _sentence(link.reason), queued, "z")
        if link.state == LinkState.GONE:
            return Standing("gone", _sentence(link.reason or f"It is gone at {self.title}"))
        if link.state == LinkState.HELD and link.code == ErrorKind.RECORD_REJECTED:
            return Standing(
                "refused",
                _sentence(
                    f"{self.title} refused it{f' ({link.field})' if link.field else ''}: {link.reason}"
                ),
                f"perkstar settle {item_of(link)} --take edit --set FIELD=VALUE",
                "e",
            )
        if link.state in (LinkState.HELD, LinkState.DUPLICATE):
            held = item_of(link)
            how = f"perkstar settle {held} --take ..." if held else f"perkstar queue {self.row.id}"
            return Standing("held", _sentence(f"Held: {link.reason}"), how, "Q")
        if link.state == LinkState.EXCLUDED and link.code == filters.TO_PERKSTAR:
            return Standing(
                "filter", _sentence(link.reason), f"perkstar edit {self.row.id} --set {link.code}=...", "e"
            )
        if link.state == LinkState.EXCLUDED and link.remote_id and not filters.by_filter(link):
            return Standing(
                "direction", _sentence(link.reason), f"perkstar edit {self.row.id} --set direction=both", "e"
            )
        return None

    def not_yet(self, code: str, what: str) -> Standing:
        """What is to be done and is not yet, with what keeps it: a stop, a quota, or only time."""
        row, now = self.row, self.bench.clock.now()
        if row.status == Status.PAUSED.value:
            return Standing("paused", f"{what}; {self.name} is paused.", f"perkstar resume {row.id}", "p")
        if row.status == Status.RECONNECT_REQUIRED.value:
            return Standing(
                "reconnect",
                f"{what}; {self.title} refuses the credential.",
                f"perkstar reconnect {row.id}",
                "R",
            )
        if row.status_code == ErrorKind.RATE_LIMITED:
            until = f" until {row.next_run_at:%Y-%m-%d %H:%M} UTC" if row.next_run_at else ""
            return Standing(
                "quota", f"{what}; the platform's quota is used up{until}.", "", "", row.next_run_at
            )
        if row.status == Status.ERROR.value:
            accept = " --accept-mass-change" if row.status_code == ErrorKind.MASS_CHANGE else ""
            why = row.status_reason or "the last runs failed"
            return Standing(
                "stopped",
                _sentence(f"{what}; {why}"),
                f"perkstar sync {row.id}{accept}",
                "s",
                row.next_run_at,
            )
        if not (row.previewed or row.requested) and row.kind != "system":
            return Standing(
                "first", f"{what}; no run was started or looked at yet.", f"perkstar sync {row.id}", "s"
            )
        if row.requested or (row.next_run_at is not None and row.next_run_at <= now):
            return Standing(
                code, f"{what} with the next run, which is due now.", "", "", row.next_run_at or now
            )
        if row.next_run_at is None:
            by_hand_ = "with the next sync, which is started by hand"
            return Standing(code, f"{what} {by_hand_}.", f"perkstar sync {row.id}", "s")
        return Standing(
            code,
            f"{what} with the next run at {row.next_run_at:%Y-%m-%d %H:%M} UTC.",
            f"perkstar sync {row.id}",
            "s",
            row.next_run_at,
        )

    def told(self, customer: Mapping[str, Any]) -> Standing:
        """A platform that takes rows or deliveries: whether it has this one."""
        sent = self.connection.execute(
            select(SENT).where(SENT.c.integration_id == self.row.id, SENT.c.fact == customer["id"])
        ).first()
        if sent is not None:
            return Standing("told", f"{self.title} was told of it at {sent.at:%Y-%m-%d %H:%M} UTC.")
        delivery = self.connection.execute(
            select(DELIVERY)
            .where(DELIVERY.c.integration_id == self.row.id, DELIVERY.c.fact == customer["id"])
            .order_by(DELIVERY.c.id.desc())
        ).first()
        if delivery is None:
            return Standing("told", f"{self.title} is told of what happens; nothing of this one so far.")
        if delivery.state == "delivered":
            return Standing(
                "told", f"{delivery.type} was delivered at {delivery.tried_at:%Y-%m-%d %H:%M} UTC."
            )
        again = f"perkstar webhooks redeliver {self.row.id}"
        return Standing(
            "failing",
            _sentence(delivery.problem or f"{delivery.type} waits"),
            again,
            "!",
            delivery.next_attempt,
        )

    @staticmethod
    def _quiet(link: Any) -> str:
        """Why nothing that differs is sent or taken of a record at all; empty where fields are compared."""
        if link is None:
            return ""
        if link.code == LEFT_OUT:
            return "stays: it is left out"
        if link.state == LinkState.DUPLICATE:
            return "stays: it is a second record, to which nothing is sent"
        if link.state in (LinkState.GONE, LinkState.EXCLUDED):
            return "stays: it is not synced"
        return ""

    def fields(
        self, customer: dict[str, Any], link: Any, record: RemoteRecord | None = None
    ) -> tuple[v.RecordField, ...]:
        """Every mapped field with what the engine would do about it; against a fresh record where there is one."""
        base = (link.base or {}) if link is not None else {}
        there = dict(record.fields) if record is not None else base
        changed = ms(record.changed_at) if record is not None and record.changed_at else None
        decision = decide(
            self.config.lines,
            customer,
            there,
            base,
            Moment(changed, customer["provenance"] or {}, self.config.origin),
            consent_proven=bool(customer.get("consent_proof")),
        )
        quiet = self._quiet(link)
        winners = {clash.remote_field: clash.winner for clash in decision.clashes}
        out = []
        for line in self.config.lines:
            same = line.transform.same
            ours, theirs = same(line.out(customer)), same(there.get(line.remote))
            agreed = same(base.get(line.remote))
            differs = ours != theirs
            would = ""
            if differs and quiet:
                would = quiet
            elif line.remote in winners:
                would = "taken, by the rule" if winners[line.remote] == "platform" else "sent, by the rule"
            elif line.remote in decision.send:
                would = "sent"
            elif line.hub in decision.take:
                would = "taken"
            elif line.remote in decision.waiting:
                would = "stays: the platform lets it be set at creation only"
            elif differs and not line.outward:
                would = "stays: it only comes in"
            elif differs and not line.inward:
                would = "stays: it only goes out, and has not changed here"
            elif differs and (customer["provenance"] or {}).get(line.hub, [""])[0] == LET_GO:
                would = "stays: an undo emptied it here; a change there is taken"
            elif differs:
                would = "stays"
            hub = line.hub.removeprefix("=")
            out.append(v.RecordField(hub, line.remote, ours, agreed, theirs, differs, would, line.rule))
        return tuple(out)


def _sentence(text: str) -> str:
    text = text.strip()
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def record(bench: Bench, wanted: str, integration_id: str | None, *, fresh: bool = False) -> v.RecordView:
    """One record everywhere: by our id, a vendor's id, an e-mail address or a phone. Raises as `reading.record`.

    With `fresh` each platform is asked for it now.
    """
    found = reading.record(bench, wanted, integration_id)
    with bench.store.read() as connection:
        rows = connection.execute(select(INTEGRATION).order_by(INTEGRATION.c.id)).all()
        rows = [row for row in rows if integration_id in (None, row.id)]
        if found.id.startswith("trn_"):
            return _sale(bench, connection, found, rows)
        customer = connection.execute(select(CUSTOMER).where(CUSTOMER.c.id == found.id)).first()
        if customer is None:
            return _lone(bench, connection, found, rows)
        person = dict(customer._mapping)
        sides = []
        looks = []
        for row in rows:
            eye = Eye(bench, connection, row)
            mine = [side for side in found.platforms if side.integration_id == row.id]
            links = {link.remote_id: link for link in _links(connection, row.id, found.id)}
            if not mine:
                if row.status in (Status.DISCONNECTED.value, Status.DRAFT.value) and integration_id is None:
                    continue
                mine = [_absent(eye)]
            for side in mine:
                link = links.get(side.remote_id)
                sides.append(_explained(eye, side, person, link))
                looks.append((eye, link))
        cards = _cards(connection, found.id)
    if fresh:
        sides = [
            _looked(eye, side, person, link) if _readable(eye) else side
            for side, (eye, link) in zip(sides, looks, strict=True)
        ]
    return replace(found, platforms=tuple(sides), cards=cards)


def _links(connection: Connection, integration_id: str, hub_id: str) -> Sequence[Any]:
    return connection.execute(
        select(LINK).where(LINK.c.integration_id == integration_id, LINK.c.hub_id == hub_id)
    ).all()


def _absent(eye: Eye) -> v.RecordSide:
    return v.RecordSide(eye.row.id, eye.name, None, "absent", {}, {}, (), None, None)


def _explained(eye: Eye, side: v.RecordSide, person: dict[str, Any], link: Any) -> v.RecordSide:
    stands = eye.standing(person, link)
    fields = eye.fields(person, link) if link is not None and link.remote_id else ()
    if stands.code == "in_step" and (left := [field.hub for field in fields if field.differs]):
        # Nothing is to be done is not the same as nothing differs.
        stands = replace(stands, words=f"In step. What differs stays so: {', '.join(dict.fromkeys(left))}.")
    # What differs but is left as it is on purpose is in `fields`; `differs` is what a run would still do.
    return replace(
        side,
        standing=stands.code,
        words=stands.words,
        command=stands.command,
        key=stands.key,
        next_run=stands.next_run,
        item=item_of(link) if link is not None else "",
        reason=side.reason or (stands.words if side.state == "absent" else None),
        fields=fields,
        told=tuple(_told(eye, person["id"])),
    )


def _told(eye: Eye, hub_id: str) -> Iterator[str]:
    """Rows and loyalty events of a customer that the platform has."""
    cards = [
        card for (card,) in eye.connection.execute(select(CARD.c.id).where(CARD.c.customer_id == hub_id))
    ]
    moments = [TOLD.c.moment.like(f"{id_}:%") for id_ in (hub_id, *cards)]
    for row in eye.connection.execute(
        select(TOLD).where(TOLD.c.integration_id == eye.row.id, TOLD.c.version > 0, or_(*moments))
    ):
        end = row.moment.rpartition(":")[2]
        kind = {"tier": "tier_changed", "first": "first_purchase", "expiring": "points_expiring"}.get(
            end, end
        )
        yield f"Event {TITLES.get(kind, kind).lower()} ({row.occasion}) at {row.at:%Y-%m-%d %H:%M} UTC"
    for row in eye.connection.execute(
        select(SENT).where(SENT.c.integration_id == eye.row.id, SENT.c.fact == hub_id)
    ):
        yield f"Row, version {row.version}, at {row.at:%Y-%m-%d %H:%M} UTC"


def _cards(connection: Connection, hub_id: str) -> tuple[v.CardView, ...]:
    rows = connection.execute(
        select(CARD, TEMPLATE.c.name)
        .outerjoin(TEMPLATE, TEMPLATE.c.id == CARD.c.template_id)
        .where(CARD.c.customer_id == hub_id)
        .order_by(CARD.c.created_at)
    )
    return tuple(
        v.CardView(r.id, r.kind, r.name or r.template_id, r.balance, r.tier, r.serial, r.link, r.expires_at)
        for r in rows
    )


# -- a fresh look


def _readable(eye: Eye) -> bool:
    live = eye.row.status not in (Status.DISCONNECTED.value, Status.RECONNECT_REQUIRED.value)
    return live and not eye.only_told and DataType.CUSTOMERS in eye.config.data


def look(
    bench: Bench, row: Any, config: RunConfig, remote_id: str | None, keys: Mapping[str, str | None]
) -> tuple[v.FreshLook, RemoteRecord | None]:
    """Ask a platform for a record by its id and by its keys, now. What goes wrong stands in the answer."""
    asked: list[str] = []
    found: dict[str, RemoteRecord] = {}
    presence = "none"
    own: RemoteRecord | None = None

    async def asking() -> None:
        nonlocal presence, own
        connector = bench.connector(row)
        try:
            if remote_id:
                asked.append(f"id {remote_id}")
                there, own = (await connector.get(DataType.CUSTOMERS, [remote_id])).get(
                    remote_id, (Presence.GONE, None)
                )
                presence = "archived" if own is not None and own.archived else there.value
                if own is not None:
                    found[own.id] = own
            for name, value in keys.items():
                if value and name in config.match:
                    asked.append(f"{name} {value}")
                    found.update(
                        (one.id, one) for one in await connector.find(DataType.CUSTOMERS, name, value)
                    )
        finally:
            await connector.close()

    problem = ""
    try:
        run_now(asking())
    except PerkstarError as error:
        presence, problem = "", f"{error.message} {error.remedy}"
    if not remote_id and found:
        presence = "unlinked"
    names = tuple((one.id, _called(config, one)) for one in found.values())
    return v.FreshLook(bench.clock.now(), tuple(asked), names, presence, problem), (
        own if remote_id else next(iter(found.values()), None)
    )


def _called(config: RunConfig, one: RemoteRecord) -> str:
    return name_of(hub_fields(config, one.fields))


def _looked(eye: Eye, side: v.RecordSide, person: dict[str, Any], link: Any) -> v.RecordSide:
    keys = {"email": person["email_key"], "phone": person["phone_key"]}
    seen, own = look(eye.bench, eye.row, eye.config, side.remote_id, keys)
    if own is None or not side.remote_id:
        return replace(side, fresh=seen)
    fields = eye.fields(person, link, own)
    values = {f.hub: f.platform for f in fields if f.platform is not None}
    differs = tuple(dict.fromkeys(f.hub for f in fields if f.differs))
    standing, words = side.standing, side.words
    if standing == "in_step" and any(f.would.startswith("taken") for f in fields):
        waits = eye.not_yet("to_take", "What changed there is taken in")
        return replace(
            side, fresh=seen, fields=fields, values=values, differs=differs, standing=waits.code, words=waits.words,
            command=waits.command, key=waits.key, next_run=waits.next_run,
        )  # fmt: skip
    return replace(
        side, fresh=seen, fields=fields, values=values, differs=differs, standing=standing, words=words
    )


# -- what is no customer


def _lone(bench: Bench, connection: Connection, found: v.RecordView, rows: Sequence[Any]) -> v.RecordView:
    """A record of a platform that is nobody's here."""
    names = {row.id: row for row in rows}
    sides = []
    for side in found.platforms:
        if side.integration_id not in names:
            continue
        eye = Eye(bench, connection, names[side.integration_id])
        link = connection.execute(
            select(LINK).where(
                LINK.c.integration_id == side.integration_id, LINK.c.remote_id == side.remote_id
            )
        ).first()
        stands = eye.of_link(link) if link is not None else None
        stands = stands or Standing("left_out", _sentence(side.reason or "it is known there only"))
        sides.append(
            replace(
                side,
                values=hub_fields(eye.config, side.values),
                standing=stands.code,
                words=stands.words,
                command=stands.command,
                key=stands.key,
                item=item_of(link) if link is not None else "",
            )
        )
    said = connection.execute(
        select(LOG).where(LOG.c.record == found.id).order_by(LOG.c.id.desc()).limit(20)
    ).all()
    story = tuple(f"{entry.time:%Y-%m-%d %H:%M} {entry.message}" for entry in said)
    return replace(found, platforms=tuple(sides), story=story)


def _sale(bench: Bench, connection: Connection, found: v.RecordView, rows: Sequence[Any]) -> v.RecordView:
    """A sale or refund: where it came from, and which platforms are told of it."""
    sale = connection.execute(select(TRANSACTION).where(TRANSACTION.c.id == found.id)).one()
    own = found.platforms[0]
    story = found.story[0] if found.story else ""
    sides = [replace(own, standing=sale.state, words=story)]
    for row in rows:
        if row.id == sale.integration_id or row.status in (Status.DISCONNECTED.value, Status.DRAFT.value):
            continue
        config = bench.configure(row)
        if config.rows is None or DataType.TRANSACTIONS not in config.data or not config.direction.outward:
            continue
        eye = Eye(bench, connection, row)
        stands = eye.told({"id": found.id})
        if stands.words.endswith("so far."):
            stands = eye.not_yet("to_send", "It is told")
        side = v.RecordSide(
            row.id, eye.name, None, "told" if stands.code == "told" else "absent", {}, {}, (), None, None
        )
        sides.append(
            replace(
                side,
                standing=stands.code,
                words=stands.words,
                reason=stands.words,
                command=stands.command,
                key=stands.key,
                next_run=stands.next_run,
                told=tuple(_told(eye, found.id)),
            )
        )
    return replace(found, platforms=tuple(sides), cards=_cards(connection, sale.customer_id or ""))


__all__ = ["LEFT_OUT", "STANDINGS", "Eye", "Standing", "look", "record"]

"""What a person decides for items of the queue: planned, carried out in the store, made a rule, and undone.

Each item is settled in a transaction with its values before (H13). What needs the platform is left to the next run,
which is asked for.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from perkstar_tui.model.enums import DataType, LinkState, Status
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id
from perkstar_tui.model.normal import email_key, phone_key
from perkstar_tui.store import tables as t
from perkstar_tui.store.database import ms
from perkstar_tui.store.types import UtcTime
from perkstar_tui.sync import filters
from perkstar_tui.sync.config import CUSTOMER_FIELDS, RunConfig
from perkstar_tui.sync.context import (
    CARD,
    CUSTOMER,
    EVENT,
    INTEGRATION,
    LINK,
    TRANSACTION,
    drop_placeholders,
    name_of,
)
from perkstar_tui.sync.decided import LEFT_OUT, SECOND
from perkstar_tui.sync.matching import Rules, match
from perkstar_tui.sync.outward import AGREED
from perkstar_tui.sync.plan import Moment, decide

from .acts import rollback, store_config
from .bench import Bench
from .correcting import corrected, refuse_anothers_email
from .queue import CONFLICT, HELD, LINK_TO, SAME_AS, find, item, kind_of, like, why_of
from .waiting import QueueItem, SettlePlan, SettleView

SETTLEMENT = t.Settlement
CUSTOMERS = DataType.CUSTOMERS.value
PART = 100
"""Items that are settled in one transaction."""
NAMED = 5
_PICKS = {"oldest": min, "newest": max}


def plan(
    bench: Bench, item_id: str, take: str, *, all_like: bool, always: bool, fields: Mapping[str, str]
) -> SettlePlan:
    """What `settle` would do. Raises as it does, as far as that can be known before."""
    found = item(bench, item_id)
    _check(found, take, all_like=all_like, always=always, fields=fields)
    new_values = _corrected(bench, found, fields)
    names: tuple[str, ...] = (found.name,)
    count = found.like if all_like else 1
    effect = next((c.effect for c in found.choices if c.take == take), "")
    if take in ("link", "link:oldest", "link:newest"):
        which = {"link:oldest": "the one made first", "link:newest": "the one made last"}.get(
            take, "the only one"
        )
        effect = f"The record and {which} of the customers that it may be become one"
    if count > 1 and found.kind == "conflict":
        title = found.there.name
        whose = "Perkstar's" if take == "perkstar" else f"{title}'s"
        then = f"at {title}" if take == "perkstar" else "wherever else it is kept"
        effect = (
            f"Each of the {count} keeps its own {found.field}, as the rule settled it"
            if take == found.why
            else f"Each of the {count} gets {whose} own value of its {found.field} here, and with the next run {then}"
        )
    effects = [f"{effect}." if effect else f"{take}."]
    effects += [f"{name} becomes {value or 'empty'} here." for name, value in new_values.items()]
    if take == "new":
        effects += _of_new(bench, found)
    if count > 1:
        if found.kind != "conflict":
            effects.append(f"The same for each of {count} that wait for the same reason.")
        with bench.store.read() as connection:
            row, conflict = find(connection, item_id)
            names = _names(connection, row, conflict)
    rule, by_rule = "", 0
    if always:
        rule = _rule_words(found, take)
        by_rule = _would_settle(bench, found, take) if found.kind == "match" else 0
        effects.append(f"From now on: {rule}. `perkstar rollback` takes the rule back.")
        if by_rule:
            effects.append(f"{by_rule} that are held now would be settled by it with the next run.")
    return SettlePlan(found.id, take, count, names, tuple(effects), rule, by_rule)


def _of_new(bench: Bench, found: QueueItem) -> list[str]:
    """What comes of a customer that is made of a record: where it goes, and whom it is like."""
    with bench.store.read() as connection:
        rows = connection.execute(
            select(INTEGRATION).where(
                INTEGRATION.c.id != found.integration_id,
                INTEGRATION.c.status.in_([Status.ACTIVE.value, Status.ERROR.value]),
            )
        ).all()
        goes = [
            "Perkstar's cloud" if row.kind == "system" else str(row.name)
            for row in rows
            if any(line.outward for line in bench.configure(row).lines)
        ]
        own = bench.configure(
            connection.execute(select(INTEGRATION).where(INTEGRATION.c.id == found.integration_id)).one()
        )
    effects = []
    if goes:
        effects.append(
            f"It goes to {' and '.join(goes)} with the next runs. Once it is there it can't be undone any more, only "
            "merged."
        )
    theirs = {key: own.key_of(key, found.there.fields.get(key)) for key in ("email", "phone")}
    for side in found.here:
        shared = [
            key for key, value in theirs.items() if value and own.key_of(key, side.fields.get(key)) == value
        ]
        if shared:
            words = {"email": "e-mail address", "phone": "phone"}
            effects.append(
                f"It has the same {' and '.join(words[key] for key in shared)} as {side.name or side.id}: both will be "
                "shown as a possible duplicate, and a platform that takes each only once refuses the new one."
            )
    return effects


def settle(
    bench: Bench, item_id: str, take: str, *, all_like: bool, always: bool, fields: Mapping[str, str]
) -> SettleView:
    """Carry a choice out. Raises NOT_FOUND, USAGE for what can't be chosen, CONFLICT where it has changed since.

    With `all_like` what can't be settled among them is skipped and named; the rest is done.
    """
    chosen = item(bench, item_id)
    _check(chosen, take, all_like=all_like, always=always, fields=fields)
    new_values = _corrected(bench, chosen, fields)
    with bench.store.read() as connection:
        row, conflict = find(connection, item_id)
        ids: list[Any] = [row.id]
        if all_like:
            source = CONFLICT if conflict else LINK
            ids += [
                id_
                for (id_,) in connection.execute(
                    select(source.c.id).where(like(row, conflict=conflict)).order_by(source.c.id)
                )
                if id_ != row.id
            ]
    batch = new_id("stl")
    work = _Work(bench, batch, chosen, take, new_values)
    for start in range(0, len(ids), PART):
        work.part(ids[start : start + PART], conflict=conflict, strict=not all_like)
    rule = ""
    if always:
        rule = _rule_words(chosen, take)
        _make_rule(bench, batch, chosen, take)
    return SettleView(batch, take, tuple(work.settled), tuple(work.skipped), rule, _said(work, chosen, rule))


def _said(work: "_Work", chosen: QueueItem, rule: str) -> str:
    count = len(work.settled)
    words = f"{chosen.name} is settled" if count == 1 else f"{count} are settled"
    if work.skipped:
        words += f", {len(work.skipped)} are left as they were"
    if rule:
        words += f"; from now on: {rule}"
    return f"{words}." + (" The next run carries it to the platform." if work.asked else "")


def _check(found: QueueItem, take: str, *, all_like: bool, always: bool, fields: Mapping[str, str]) -> None:
    """Whether a choice exists for an item. Raises USAGE that names what does."""
    offered = [choice.take for choice in found.choices]
    symbolic = {"match": ("link", "link:oldest", "link:newest")}.get(found.kind, ())
    if take not in (*offered, *symbolic):
        known = found.kind == "match" and take.startswith(LINK_TO)
        raise PerkstarError(
            ErrorKind.USAGE,
            f"{take!r} is no customer that this record may be."
            if known
            else f"{take!r} can't be chosen here.",
            remedy=f"Choose from: {', '.join((*offered, *symbolic))}.",
            field="take",
        )
    if all_like and take in offered and take.startswith((LINK_TO, SAME_AS)):
        raise PerkstarError(
            ErrorKind.USAGE,
            "One customer can't be the right one for all of them.",
            remedy="Use --take link (the only candidate), link:oldest or link:newest.",
            field="take",
        )
    if (take == "edit") != bool(fields):
        raise PerkstarError(
            ErrorKind.USAGE,
            "Give the new value." if take == "edit" else "Values are only given with --take edit.",
            remedy="--take edit --set FIELD=VALUE",
            field="take",
        )
    if take == "edit" and all_like:
        raise PerkstarError(
            ErrorKind.USAGE, "Several people don't have the same value.", remedy="Correct them one by one."
        )
    if always and _ruled(take) not in found.rules:
        raise PerkstarError(
            ErrorKind.USAGE,
            "That can't be made a rule.",
            remedy=f"Rules: {', '.join(found.rules) or 'none for this kind'}.",
            field="always",
        )


def _corrected(bench: Bench, found: QueueItem, fields: Mapping[str, str]) -> dict[str, str | None]:
    """The values of --set as they would be kept. Raises USAGE for another field than the item's, and for a value that
    is none of that field; where the platform has not said which field it refuses, any that is sent there may be given.
    """
    if not fields:
        return {}
    with bench.store.read() as connection:
        row = connection.execute(select(INTEGRATION).where(INTEGRATION.c.id == found.integration_id)).one()
        sent = [line.hub for line in bench.configure(row).lines if line.outward]
        ours = [name for name in CUSTOMER_FIELDS if name != "marketing_consent"]
        mine = [name for name in ours if name == found.field] or [name for name in ours if name in sent]
        new_values = corrected(
            fields,
            mine,
            country=bench.need_account().country,
            today=bench.clock.now().date(),
            may_empty=found.kind == "refused",
        )
        refuse_anothers_email(connection, new_values, found.record)
    return new_values


def _ruled(take: str) -> str:
    """A choice as a rule knows it: of a customer chosen by id only that it was linked."""
    return take if take in ("link:oldest", "link:newest") else take.partition(":")[0]


def _names(connection: Connection, row: Any, conflict: bool) -> tuple[str, ...]:
    where = like(row, conflict=conflict)
    if conflict:
        query = select(CUSTOMER).where(CUSTOMER.c.id.in_(select(CONFLICT.c.hub_id).where(where))).limit(NAMED)
        return tuple(name_of(person) or person.id for person in connection.execute(query))
    found = []
    for link in connection.execute(select(LINK).where(where).order_by(LINK.c.id).limit(NAMED)):
        keys = (link.remote or {}).get("keys", {})
        person = connection.execute(select(CUSTOMER).where(CUSTOMER.c.id == link.hub_id)).first()
        name = name_of(person) if person is not None else ""
        found.append(name or str(next((k for k in keys.values() if k), link.remote_id or link.hub_id)))
    return tuple(found)


# -- rules


def _rule_words(found: QueueItem, take: str) -> str:
    if found.kind == "conflict":
        side = "Perkstar" if take == "perkstar" else "the platform"
        return f"where both sides change {found.field}, {found.integration_name} takes it from {side}"
    if found.why == "several":
        word = "first" if take == "link:oldest" else "last"
        return f"of several customers with the same key, the one made {word} is taken"
    return {
        "link": "the only customer that agrees in a later key (a phone) is the same person, though an earlier one (an "
        "e-mail address) differs",
        "new": "a customer that agrees in a later key (a phone) only is somebody else",
    }[_ruled(take)]


def _option(found: QueueItem, take: str) -> tuple[str, str]:
    """The option of the integration that a rule for matches is, and its value."""
    if found.why == "several":
        return "match_several", take.partition(":")[2]
    return "match_contradiction", _ruled(take)


def _config(found: QueueItem, row: Any, take: str) -> dict[str, Any]:
    """The integration's settings with the rule."""
    config = dict(row.config)
    if found.kind != "conflict":
        name, value = _option(found, take)
        return {**config, "options": {**config.get("options", {}), name: value}}
    mapping = config.get("mapping", {})
    # What settles a conflict is no part of what a line means, so what both sides agreed on stays.
    lines = [
        {**line, "rule": take} if line["hub"] == found.field else line for line in mapping.get(CUSTOMERS, [])
    ]
    return {**config, "mapping": {**mapping, CUSTOMERS: lines}}


def _make_rule(bench: Bench, batch: str, found: QueueItem, take: str) -> None:
    with bench.store.read() as connection:
        row = connection.execute(select(INTEGRATION).where(INTEGRATION.c.id == found.integration_id)).one()
    config = _config(found, row, take)
    if config == row.config:
        return
    store_config(bench, row, config, {}, "always")
    with bench.store.write() as connection:
        _record(bench, connection, batch, found, take, None, {"version": row.config_version})
        _ask_for_run(connection, found.integration_id)


def _would_settle(bench: Bench, found: QueueItem, take: str) -> int:
    """How many held matches of the integration a rule would settle now, by the engine's own matching."""
    name, value = _option(found, take)
    with bench.store.read() as connection:
        row = connection.execute(select(INTEGRATION).where(INTEGRATION.c.id == found.integration_id)).one()
        config = bench.configure(row)
        rules = Rules.of({**config.options, name: value})
        held = connection.execute(
            select(LINK.c.remote).where(
                LINK.c.integration_id == row.id,
                LINK.c.data == CUSTOMERS,
                LINK.c.state == LinkState.HELD.value,
                LINK.c.hub_id.is_(None),
            )
        ).scalars()
        count = 0
        for remote in held:
            keys = (remote or {}).get("keys", {})
            verdict = match(
                keys, config.match, lambda key, wanted: _with_key(connection, key, wanted), rules=rules
            )
            if verdict.verdict == "none" or (
                verdict.verdict == "one" and not _taken(connection, row.id, verdict.ids[0])
            ):
                count += 1
    return count


def _with_key(connection: Connection, key: str, value: str) -> list[tuple[str, dict[str, str | None]]]:
    column = CUSTOMER.c.get(f"{key}_key")
    if column is None:
        return []
    rows = connection.execute(
        select(CUSTOMER.c.id, CUSTOMER.c.email_key, CUSTOMER.c.phone_key).where(
            column == value, CUSTOMER.c.archived_at.is_(None)
        )
    )
    return [(row.id, {"email": row.email_key, "phone": row.phone_key}) for row in rows]


def _taken(connection: Connection, integration_id: str, hub_id: str, besides: int = 0) -> str | None:
    """The record that a customer has at an integration's platform already."""
    found: str | None = connection.execute(
        select(LINK.c.remote_id).where(
            LINK.c.integration_id == integration_id,
            LINK.c.hub_id == hub_id,
            LINK.c.id != besides,
            filters.linked(),
        )
    ).scalar()
    return found


# -- carrying out


class _Work:
    """One choice, for one item or many."""

    def __init__(
        self, bench: Bench, batch: str, chosen: QueueItem, take: str, fields: Mapping[str, str | None]
    ) -> None:
        self.bench, self.batch, self.chosen, self.take, self.fields = bench, batch, chosen, take, fields
        self.settled: list[str] = []
        self.skipped: list[tuple[str, str]] = []
        self.asked = False
        with bench.store.read() as connection:
            row = connection.execute(
                select(INTEGRATION).where(INTEGRATION.c.id == chosen.integration_id)
            ).one()
        self.config: RunConfig = bench.configure(row)
        self.account = bench.need_account()

    def part(self, ids: Sequence[Any], *, conflict: bool, strict: bool) -> None:
        done: list[str] = []
        skipped: list[tuple[str, str]] = []
        with self.bench.store.write() as connection:
            # The counter is the lock of hub writes, so it comes before anything is read.
            revision = self.bench.store.next_revisions(connection, len(ids))
            for id_ in ids:
                name = str(id_) if conflict else f"{HELD}{id_}"
                try:
                    row, _ = find(connection, name)
                    self._one(connection, row, revision, conflict=conflict)
                except PerkstarError as error:
                    if strict:
                        raise
                    skipped.append((name, error.message))
                    continue
                revision += 1
                done.append(name)
            if done:
                old = {"items": done}
                self.bench.audit(
                    connection,
                    "settle",
                    self.config.integration_id,
                    old,
                    {"take": self.take, "id": self.batch},
                )
                if self.take != self.chosen.why:
                    self.asked |= _ask_for_run(connection, self.config.integration_id)
        self.settled += done
        self.skipped += skipped

    def _one(self, connection: Connection, row: Any, revision: int, *, conflict: bool) -> None:
        if conflict:
            self._clash(connection, row, revision)
        elif self.take == "leave-out":
            self._leave_out(connection, row)
        elif self.take == "same" or self.take.startswith(SAME_AS):
            self._same(connection, row, self.take.partition(":")[2])
        elif self.take == "new":
            self._new(connection, row, revision)
        elif self.take == "retry":
            self._change(connection, row, {"next_attempt": self.bench.clock.now()})
        elif self.take == "edit":
            self._edit(connection, row, revision)
        else:
            self._link(connection, row, self._candidate(row))

    def _candidate(self, link: Any) -> str:
        """The customer that is meant: by its id, or by its place among those that it may be."""
        ids = list((link.remote or {}).get("candidates", []))
        which = self.take.partition(":")[2]
        if which in _PICKS and ids:
            return str(_PICKS[which](ids))
        if which:
            return which
        if len(ids) != 1:
            raise PerkstarError(
                ErrorKind.USAGE,
                f"It may be {len(ids)} customers.",
                remedy="Name one with link:CUSTOMER, or use link:oldest or link:newest.",
                field="take",
            )
        return str(ids[0])

    def _link(self, connection: Connection, link: Any, hub_id: str) -> None:
        person = connection.execute(select(CUSTOMER).where(CUSTOMER.c.id == hub_id)).first()
        if person is not None and person.merged_into:
            hub_id = person.merged_into
            person = connection.execute(select(CUSTOMER).where(CUSTOMER.c.id == hub_id)).first()
        if person is None or person.archived_at is not None:
            raise PerkstarError(
                ErrorKind.NOT_FOUND,
                f"{hub_id} is no customer any more.",
                remedy="Choose another one, or `new`.",
                field="take",
            )
        other = _taken(connection, link.integration_id, hub_id, link.id)
        if other is not None:
            raise PerkstarError(
                ErrorKind.CONFLICT,
                f"{name_of(person) or hub_id} has the record {other} at {self.config.title} already.",
                remedy="Choose another one, `new`, or merge the two records there.",
                field="take",
            )
        mine = (LINK.c.integration_id == link.integration_id) & (LINK.c.hub_id == hub_id)
        waiting = connection.execute(select(LINK).where(mine, LINK.c.remote_id.is_(None))).all()
        before = {
            "placeholders": [_image(LINK, row) for row in waiting],
            "customer": {**_image(CUSTOMER, person)},
        }
        drop_placeholders(connection, link.integration_id, [hub_id])
        values: dict[str, Any] = {
            "hub_id": hub_id,
            "state": LinkState.LINKED.value,
            "code": None,
            "reason": "",
            "remote": None,
        }
        values |= {"fingerprint": None, "base": {}, "field": None, "next_attempt": None}
        self._change(connection, link, values, before, hub_id)
        self._read_afresh(connection, link)

    def _new(self, connection: Connection, link: Any, revision: int) -> None:
        """Make the customer as the engine would of a record that nobody else is."""
        if not self.config.direction.inward:
            raise PerkstarError(
                ErrorKind.USAGE,
                f"{self.config.name} makes no customers here: only Perkstar does.",
                remedy="Change its direction, or leave the record out.",
                field="take",
            )
        values = (link.remote or {}).get("values") or link.base or {}
        now = self.bench.clock.now()
        made: dict[str, Any] = {}
        base: dict[str, Any] = {}
        for line in self.config.lines:
            value = values.get(line.remote)
            if line.inward and value not in (None, ""):
                made[line.hub] = line.transform.back(value, None)
                base[line.remote] = line.transform.same(value)
        if not any(made.get(name) for name in ("email", "phone", "first_name", "last_name", "company")):
            raise PerkstarError(
                ErrorKind.MAPPING,
                "The record has no name, e-mail address or phone that is mapped.",
                remedy=f"Fill one of them at {self.config.title}, or leave the record out.",
                field="take",
            )
        stamp = [self.config.origin, ms(now)]
        hub_id = new_id("cus")
        proof = None
        if made.get("marketing_consent") == "yes":
            proof = {"source": self.config.name, "time": now.isoformat()}
        connection.execute(
            insert(CUSTOMER).values(
                id=hub_id,
                revision=revision,
                **made,
                email_key=self.config.key_of("email", made.get("email")),
                phone_key=self.config.key_of("phone", made.get("phone")),
                provenance=dict.fromkeys(made, stamp),
                consent_proof=proof,
                created_at=now,
                updated_at=now,
            )
        )
        change: dict[str, Any] = {
            "hub_id": hub_id,
            "state": LinkState.LINKED.value,
            "code": None,
            "reason": "",
            "remote": None,
        }
        change |= {"fingerprint": None, "base": base, "field": None, "next_attempt": None}
        self._change(connection, link, change, {"made": hub_id}, hub_id)
        self._read_afresh(connection, link)

    def _same(self, connection: Connection, link: Any, whose: str) -> None:
        candidates = (link.remote or {}).get("candidates", [])
        hub_id = whose or link.hub_id or (candidates[0] if candidates else None)
        reason = "a second record of this customer, which may stay"
        values = {"hub_id": hub_id, "state": LinkState.DUPLICATE.value, "code": SECOND, "reason": reason}
        self._change(connection, link, {**values, "next_attempt": None}, None, hub_id)

    def _leave_out(self, connection: Connection, link: Any) -> None:
        reason = f"left out by {self.bench.who().partition(' from ')[0]}"
        values: dict[str, Any] = {"state": LinkState.EXCLUDED.value, "code": LEFT_OUT, "reason": reason}
        if kind_of(link) == "second":
            values["hub_id"] = None
        self._change(connection, link, {**values, "next_attempt": None}, None, link.hub_id)

    def _edit(self, connection: Connection, link: Any, revision: int) -> None:
        before = self._write(connection, link.hub_id, self.fields, revision)
        self._change(connection, link, {"next_attempt": self.bench.clock.now()}, before, link.hub_id)

    def _clash(self, connection: Connection, row: Any, revision: int) -> None:
        """A conflict's other value taken, another one given, or its result seen and left."""
        now = self.bench.clock.now()
        before: dict[str, Any] = {"conflict": row.id}
        if self.take != row.winner:
            current = connection.execute(select(CUSTOMER).where(CUSTOMER.c.id == row.hub_id)).first()
            won, lost = (row.hub, row.remote) if row.winner == "perkstar" else (row.remote, row.hub)
            if current is None or (self.take != "edit" and getattr(current, row.field) != won):
                raise PerkstarError(
                    ErrorKind.CONFLICT,
                    f"{row.field} has changed again since that conflict was settled.",
                    remedy=f"Look at it with `perkstar record {row.hub_id}`.",
                    field=row.field,
                )
            fields = self.fields if self.take == "edit" else {row.field: lost}
            before |= self._write(connection, row.hub_id, fields, revision)
        connection.execute(update(CONFLICT).where(CONFLICT.c.id == row.id).values(seen_at=now))
        _record(self.bench, connection, self.batch, self.chosen, self.take, row.hub_id, before, row.id)

    def _write(
        self, connection: Connection, hub_id: str, fields: Mapping[str, Any], revision: int
    ) -> dict[str, Any]:
        """Change a customer as a person does here; answers what it was and what it is."""
        person = connection.execute(select(CUSTOMER).where(CUSTOMER.c.id == hub_id)).one()
        write_here(self.bench, connection, person, fields, revision, self.account.country)
        was = {name: getattr(person, name) for name in fields}
        return {"customer_id": hub_id, "was": was, "is": dict(fields)}

    def _change(
        self,
        connection: Connection,
        link: Any,
        values: dict[str, Any],
        before: dict[str, Any] | None = None,
        hub_id: str | None = None,
    ) -> None:
        connection.execute(update(LINK).where(LINK.c.id == link.id).values(**values))
        now_is = {name: values.get(name, getattr(link, name)) for name in ("state", "hub_id", "code")}
        kept = {"link": _image(LINK, link), "now": now_is, **(before or {})}
        _record(
            self.bench,
            connection,
            self.batch,
            self.chosen,
            self.take,
            hub_id or link.hub_id,
            kept,
            f"{HELD}{link.id}",
        )

    def _read_afresh(self, connection: Connection, link: Any) -> None:
        """Have the next run read the record, as if the vendor had told of it."""
        connection.execute(
            insert(EVENT).values(
                id=new_id("evt"),
                integration_id=link.integration_id,
                data=CUSTOMERS,
                remote_id=link.remote_id,
                type="settled",
                at=self.bench.clock.now(),
            )
        )


def write_here(
    bench: Bench, connection: Connection, person: Any, fields: Mapping[str, Any], revision: int, country: str
) -> None:
    """Write fields of a customer as a local edit: with their keys, origin and revision."""
    now = bench.clock.now()
    values: dict[str, Any] = {**fields, "revision": revision, "updated_at": now}
    values["provenance"] = {**(person.provenance or {}), **{name: ["local", ms(now)] for name in fields}}
    if "email" in fields:
        values["email_key"] = email_key(fields["email"]) if fields["email"] else None
    if "phone" in fields:
        values["phone_key"] = phone_key(fields["phone"], country) if fields["phone"] else None
    connection.execute(update(CUSTOMER).where(CUSTOMER.c.id == person.id).values(**values))


def _ask_for_run(connection: Connection, integration_id: str) -> bool:
    """Have whoever runs the schedule run it soon, unless it is asked for already; False where nothing runs."""
    live = INTEGRATION.c.status.in_([Status.ACTIVE.value, Status.ERROR.value])
    mine = (INTEGRATION.c.id == integration_id) & live
    connection.execute(
        update(INTEGRATION).where(mine, INTEGRATION.c.requested.is_(None)).values(requested="run")
    )
    return connection.execute(select(INTEGRATION.c.id).where(mine)).first() is not None


def _record(
    bench: Bench,
    connection: Connection,
    batch: str,
    chosen: QueueItem,
    take: str,
    hub_id: str | None,
    before: dict[str, Any],
    item_id: str = "",
) -> None:
    connection.execute(
        insert(SETTLEMENT).values(
            id=new_id("set"),
            batch=batch,
            integration_id=chosen.integration_id,
            item=item_id or "rule",
            kind=chosen.kind,
            choice=take,
            hub_id=hub_id,
            at=bench.clock.now(),
            who=bench.who(),
            before=before,
        )
    )


def _image(of: Any, row: Any) -> dict[str, Any]:
    """A row as JSON keeps it; times in milliseconds."""
    return {
        column.name: ms(value) if isinstance(value, datetime) else value
        for column, value in ((column, getattr(row, column.name)) for column in of.c)
    }


def _again(of: Any, image: Mapping[str, Any]) -> dict[str, Any]:
    """An image as values for a row."""
    return {
        name: datetime.fromtimestamp(value / 1000, UTC)
        if isinstance(of.c[name].type, UtcTime) and value is not None
        else value
        for name, value in image.items()
        if name in of.c
    }


# -- undoing


def undo(bench: Bench, settlement_id: str) -> SettleView:
    """Take back what was settled under an id, as far as nothing stands in the way: the rest is in `skipped`, by name,
    and can be undone later under the same id. Raises CONFLICT, naming each, where nothing can be taken back.
    """
    account = bench.need_account()
    wanted = settlement_id.strip()
    rule = ""
    with bench.store.write() as connection:
        revision = bench.store.next_revisions(connection, 1)
        rows = connection.execute(
            select(SETTLEMENT)
            .where(SETTLEMENT.c.batch == wanted, SETTLEMENT.c.undone_at.is_(None))
            .order_by(SETTLEMENT.c.id.desc())
        ).all()
        if not rows:
            raise PerkstarError(
                ErrorKind.NOT_FOUND,
                f"Nothing was settled under {settlement_id!r}, or it is undone.",
                remedy="`perkstar settle` answers the id (stl_...); `perkstar queue --settled` lists them.",
            )
        revision = bench.store.next_revisions(connection, len(rows)) or revision
        stays: list[tuple[str, str]] = []
        undone = []
        for row in rows:
            reason = "" if "version" in row.before else _in_the_way(connection, row)
            if reason:
                stays.append((row.item, reason))
                continue
            undone.append(row)
            if "version" in row.before:
                continue
            _undo_one(bench, connection, row, revision, account.country)
            revision += 1
        done = [row.item for row in undone if "version" not in row.before]
        if stays and not done:
            raise PerkstarError(
                ErrorKind.CONFLICT,
                f"It can't be undone: {_listed(stays)}.",
                remedy="Merge the customers, or settle it anew, instead.",
            )
        connection.execute(
            update(SETTLEMENT)
            .where(SETTLEMENT.c.id.in_([row.id for row in undone]))
            .values(undone_at=bench.clock.now())
        )
        first = rows[0]
        bench.audit(
            connection,
            "undo_settle",
            first.integration_id,
            {"id": wanted},
            {"items": done, **({"stay": [name for name, _ in stays]} if stays else {})},
        )
        _ask_for_run(connection, first.integration_id)
        integration = connection.execute(
            select(INTEGRATION).where(INTEGRATION.c.id == first.integration_id)
        ).one()
    for row in undone:
        version = row.before.get("version")
        if version is not None and integration.config_version == version + 1:
            rollback(bench, integration, version)
            rule = "the rule is taken back"
        elif version is not None:
            rule = "the settings were changed since, so the rule stays"
    words = f"{len(done)} {'waits' if len(done) == 1 else 'wait'} again as before"
    if stays:
        words += f"; {len(stays)} {'stays' if len(stays) == 1 else 'stay'}: {_listed(stays)}"
    return SettleView(
        wanted,
        first.choice,
        tuple(done),
        tuple(stays),
        rule,
        f"{words}{'; ' if rule else ''}{rule}.",
        not stays,
    )


def _listed(stays: Sequence[tuple[str, str]]) -> str:
    """Why some stay as they are, the first few of them."""
    more = f"; and {len(stays) - NAMED} more" if len(stays) > NAMED else ""
    return "; ".join(reason for _, reason in stays[:NAMED]) + more


def _in_the_way(connection: Connection, row: Any) -> str:
    """What has happened since one choice that undoing it would tear apart, with the name of whom; empty without."""
    before = row.before
    if "was" in before:
        person = connection.execute(select(CUSTOMER).where(CUSTOMER.c.id == before["customer_id"])).first()
        if person is None:
            return f"{before['customer_id']} is no customer any more"
        changed = [name for name, value in before["is"].items() if getattr(person, name) != value]
        if changed:
            return f"{changed[0]} of {name_of(person) or person.id} has changed again since"
    if "link" not in before or row.choice in ("retry", "edit"):
        return ""
    image = before["link"]
    link = connection.execute(select(LINK).where(LINK.c.id == image["id"])).first()
    if link is None or any(
        getattr(link, name) != before["now"][name] for name in ("state", "hub_id", "code")
    ):
        return f"the record {image['remote_id'] or image['hub_id']} was changed again since"
    return _hangs_on(connection, before["made"], link.id) if "made" in before else ""


def _hangs_on(connection: Connection, hub_id: str, link_id: int) -> str:
    """What keeps a customer that was made by a choice from being removed, with its name; empty without."""
    person = connection.execute(select(CUSTOMER).where(CUSTOMER.c.id == hub_id)).first()
    name = name_of(person) if person is not None else hub_id
    for source, word in ((CARD, "a card"), (TRANSACTION, "a sale")):
        hangs = select(func.count()).select_from(source).where(source.c.customer_id == hub_id)
        if connection.execute(hangs).scalar_one():
            return f"{name} was made then and has {word} by now"
    other = connection.execute(
        select(INTEGRATION.c.name, INTEGRATION.c.kind)
        .join(LINK, LINK.c.integration_id == INTEGRATION.c.id)
        .where(LINK.c.hub_id == hub_id, LINK.c.id != link_id, LINK.c.remote_id.is_not(None))
    ).first()
    if other is not None:
        at = "in Perkstar's cloud" if other.kind == "system" else f"at {other.name}"
        return f"{name} was made then and is {at} by now"
    return ""


def _undo_one(bench: Bench, connection: Connection, row: Any, revision: int, country: str) -> None:
    """Take one choice back; nothing stands in the way."""
    before = row.before
    if "conflict" in before:
        connection.execute(update(CONFLICT).where(CONFLICT.c.id == before["conflict"]).values(seen_at=None))
    if "was" in before:
        person = connection.execute(select(CUSTOMER).where(CUSTOMER.c.id == before["customer_id"])).one()
        write_here(bench, connection, person, before["was"], revision, country)
        _forget_refusals(bench, connection, before["customer_id"])
    if "link" not in before or row.choice in ("retry", "edit"):
        # What was sent again may be there by now: what the vendor has said of it since is not taken back.
        return
    image = before["link"]
    if "customer" in before:
        _give_back(bench, connection, row, before["customer"], revision, country)
    if "made" in before:
        connection.execute(delete(LINK).where(LINK.c.hub_id == before["made"], LINK.c.id != image["id"]))
        connection.execute(delete(CUSTOMER).where(CUSTOMER.c.id == before["made"]))
    connection.execute(update(LINK).where(LINK.c.id == image["id"]).values(**_again(LINK, image)))
    for placeholder in before.get("placeholders", []):
        if _taken(connection, row.integration_id, placeholder["hub_id"]) is None:
            values = {k: v for k, v in _again(LINK, placeholder).items() if k != "id"}
            connection.execute(insert(LINK).values(**values))


def _forget_refusals(bench: Bench, connection: Connection, hub_id: str) -> None:
    """What a platform refused of a customer is refused no more once nothing of it is to be sent there."""
    person = dict(connection.execute(select(CUSTOMER).where(CUSTOMER.c.id == hub_id)).one()._mapping)
    refused = select(LINK).where(
        LINK.c.hub_id == hub_id,
        LINK.c.remote_id.is_not(None),
        LINK.c.state == LinkState.HELD.value,
        LINK.c.code == ErrorKind.RECORD_REJECTED.value,
    )
    for row in connection.execute(refused).all():
        integration = connection.execute(
            select(INTEGRATION).where(INTEGRATION.c.id == row.integration_id)
        ).one()
        lines = [line for line in bench.configure(integration).lines if line.outward]
        base = row.base or {}
        if not decide(lines, person, base, base, Moment(None, person["provenance"] or {}, "local")).send:
            connection.execute(update(LINK).where(LINK.c.id == row.id).values(**AGREED))


def _give_back(
    bench: Bench, connection: Connection, row: Any, was: Mapping[str, Any], revision: int, country: str
) -> None:
    """Fields that came from the record since it was linked have their values from before again."""
    person = connection.execute(select(CUSTOMER).where(CUSTOMER.c.id == was["id"])).first()
    if person is None:
        return
    since = ms(row.at)
    taken = {
        name: was[name]
        for name, written in (person.provenance or {}).items()
        if name in CUSTOMER_FIELDS
        and written[0] == row.integration_id
        and written[1] >= since
        and getattr(person, name) != was[name]
    }
    if taken:
        write_here(bench, connection, person, taken, revision, country)


def settled(bench: Bench, integration_id: str | None, limit: int) -> list[SettleView]:
    """What was settled lately, the newest first, with the ids that undo it."""
    query = select(SETTLEMENT).order_by(SETTLEMENT.c.id.desc()).limit(limit * 10)
    if integration_id:
        query = query.where(SETTLEMENT.c.integration_id == integration_id)
    with bench.store.read() as connection:
        rows = connection.execute(query).all()
    batches: dict[str, list[Any]] = {}
    for row in rows:
        batches.setdefault(row.batch, []).append(row)
    return [
        SettleView(
            batch,
            some[0].choice,
            tuple(row.item for row in some if "version" not in row.before),
            message=f"{some[0].at:%Y-%m-%d %H:%M} {some[0].who}",
            undone=all(row.undone_at is not None for row in some),
        )
        for batch, some in list(batches.items())[:limit]
    ]


__all__ = ["plan", "settle", "settled", "undo", "why_of", "write_here"]

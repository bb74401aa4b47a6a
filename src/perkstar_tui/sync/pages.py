"""One page of customers from a platform: mapped, matched, compared and applied in one transaction."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection, insert, or_, select, update

from perkstar_tui.model.enums import DataType, Level, LinkState
from perkstar_tui.model.errors import ErrorKind
from perkstar_tui.model.ids import new_id, new_ids
from perkstar_tui.model.remote import Page, RemoteRecord, Value
from perkstar_tui.store.bulk import insert_rows, one_of, update_rows, values_of
from perkstar_tui.store.database import ms

from . import changes, decided, filters
from .context import CONFLICT, CUSTOMER, INTENT, LINK, LOG, Leg, drop_placeholders, name_of
from .matching import Found, Rules, match
from .newcomers import Arrivals, Fresh
from .plan import Clash, Decision, Moment, decide
from .records import fingerprint, mapped, somebody

DATA = DataType.CUSTOMERS.value
_ALWAYS = (
    "id",
    "revision",
    "email_key",
    "phone_key",
    "provenance",
    "consent_proof",
    "created_at",
    "updated_at",
    "first_name",
    "last_name",
    "email",
    "phone",
    "company",
    "marketing_consent",
)
"""Columns that a new customer is written with, besides those that are mapped."""


_NOBODY = Found("none")


async def apply_page(
    leg: Leg, page: Page, done: int = 0, *, updates_before: int = 0, retry: bool = False
) -> int:
    """Apply one page in one transaction; answers how many existing customers it changed."""
    fresh: list[Fresh] = []
    links: dict[str, Any] = {}
    known = leg.newcomers
    arrivals = None
    if known is not None:
        arrivals = Arrivals(leg, known, page.records)
        fresh = arrivals.every
    else:
        with leg.store.read() as connection:
            links = links_by_remote(connection, leg.id, [record.id for record in page.records])
        for record in page.records:
            values = mapped(leg, record)
            print_ = fingerprint(values, record.archived, leg.config.takes)
            link = links.get(record.id)
            if link is not None and link.fingerprint == print_ and not retry:
                _count_known(leg, link)
            else:
                fresh.append((record, values, print_))
    if not fresh:
        if page.cursor:
            with leg.store.write(leg.lease.fence) as connection:
                leg.save_cursor(connection, DATA, "in", page.cursor)
        return 0
    with leg.store.write(leg.lease.fence) as connection:
        revision = leg.store.next_revisions(connection, len(fresh))
        work = PageWork(leg, connection, revision)
        if known is not None and arrivals is not None:
            known.took(revision, len(fresh))
            fresh = arrivals.join(work)
        work.prepare(fresh)
        one = work.one if leg.plan is None else partial(leg.plan.inward, work)
        for record, values, print_ in fresh:
            one(record, values, print_)
        if work.changed:
            leg.guard(updates_before + work.changed, "change here")
        work.flush()
        if page.cursor:
            leg.save_cursor(connection, DATA, "in", page.cursor)
        leg.progress(connection, done, page.total)
    return work.changed


def _count_known(leg: Leg, link: Any) -> None:
    if decided.by_hand(link):
        leg.inward.excluded += 1
    elif link.state in (LinkState.HELD, LinkState.DUPLICATE):
        leg.inward.held += 1
    elif link.state == LinkState.EXCLUDED and link.code != filters.TO_PLATFORM:
        leg.inward.excluded += 1
    else:
        leg.inward.unchanged += 1


def links_by_remote(connection: Connection, integration_id: str, remote_ids: Sequence[str]) -> dict[str, Any]:
    """The links of remote records at an integration, by their remote id."""
    if not remote_ids:
        return {}
    query = select(LINK).where(
        LINK.c.integration_id == integration_id, LINK.c.data == DATA, one_of(connection, LINK.c.remote_id)
    )
    rows = connection.execute(query, values_of(connection, remote_ids))
    return {row.remote_id: row for row in rows}


class PageWork:
    """The state of one page's transaction: rows read, rows to write, and the counts that follow."""

    def __init__(self, leg: Leg, connection: Connection, revision: int) -> None:
        self.leg = leg
        self.config = leg.config
        self.connection = connection
        self.revision = revision
        self.now = leg.clock.now()
        self.now_ms = ms(self.now)
        self.changed = 0
        self.links: dict[str, Any] = {}
        self.customers: dict[str, dict[str, Any]] = {}
        self.taken: dict[str, str | None] = {}
        self.index: dict[str, dict[str, list[str]]] = {"email": defaultdict(list), "phone": defaultdict(list)}
        self.former: dict[tuple[str, str, str], dict[str, str | None]] = {}
        """By customer, key and value: the keys of someone merged into that customer, whose value it is."""
        self.new_customers: list[dict[str, Any]] = []
        self.entries: list[dict[str, Any]] = []
        self.new_links: list[dict[str, Any]] = []
        self.changed_customers: dict[str, dict[str, Any]] = {}
        self.before: dict[str, dict[str, list[Value]]] = {}
        """Fields of customers that were here, before and after."""
        self.changed_links: list[dict[str, Any]] = []
        self.key_paths = self.config.key_paths()
        self.found_keys: dict[str, dict[str, str | None]] = {}
        self.stamped: dict[tuple[str, ...], dict[str, Any]] = {}
        self.fresh_ids: list[str] = []
        self.open_creates: list[tuple[str, dict[str, Value]]] = []
        self.inward_lines = [
            (line.remote, line.hub, line.transform.back, line.transform.same)
            for line in self.config.lines
            if line.inward
        ]
        self.blank: dict[str, Any] = dict.fromkeys((*_ALWAYS, *(hub for _, hub, _, _ in self.inward_lines)))
        self.arrivals: Arrivals | None = None
        self._recall_creates()

    def keys(self, remote_id: str, values: dict[str, Value]) -> dict[str, str | None]:
        """The normal forms of a record's match keys, worked out once."""
        found = self.found_keys.get(remote_id)
        if found is None:
            found = self.found_keys[remote_id] = {}
            for key, (path, back) in self.key_paths.items():
                value = values.get(path)
                found[key] = self.config.key_of(key, back(value, None)) if value else None
        return found

    def prepare(self, chunk: list[tuple[RemoteRecord, dict[str, Value], str]]) -> None:
        """Read the links again inside the transaction, then the customers they or the match keys lead to."""
        self.links.update(links_by_remote(self.connection, self.leg.id, [r.id for r, _, _ in chunk]))
        self.fresh_ids = new_ids("cus", len(chunk))[::-1]
        hub_ids = {
            self.links[r.id].hub_id for r, _, _ in chunk if r.id in self.links and self.links[r.id].hub_id
        }
        emails: set[str | None] = set()
        phones: set[str | None] = set()
        for record, values, _ in chunk:
            link = self.links.get(record.id)
            keys = self.keys(record.id, values)
            if link is None or link.hub_id is None or link.state != LinkState.LINKED:
                emails.add(keys.get("email"))
                phones.add(keys.get("phone"))
            else:
                emails.add(keys.get("email"))
        fresh: list[str] = []
        merged: list[Any] = []
        hub_ids |= {id_ for id_, _ in self.open_creates}
        for column, found in (("id", hub_ids), ("email_key", emails), ("phone_key", phones)):
            wanted = [value for value in found if value]
            if not wanted:
                continue
            query = select(CUSTOMER).where(
                one_of(self.connection, CUSTOMER.c[column]),
                or_(CUSTOMER.c.archived_at.is_(None), CUSTOMER.c.merged_into.is_not(None)),
            )
            for row in self.connection.execute(query, values_of(self.connection, wanted)):
                if row.merged_into is not None:
                    merged.append(row)
                elif row.id not in self.customers:
                    self.remember(dict(row._mapping))
                    fresh.append(row.id)
        fresh += self.stand_in(merged) if merged else []
        if fresh:
            query = select(LINK.c.hub_id, LINK.c.remote_id).where(
                LINK.c.integration_id == self.leg.id,
                LINK.c.data == DATA,
                filters.linked(),
                one_of(self.connection, LINK.c.hub_id),
            )
            for hub_id, remote_id in self.connection.execute(query, values_of(self.connection, fresh)):
                self.taken[hub_id] = remote_id

    def _recall_creates(self) -> None:
        """What an earlier run tried to create here and never heard of: customers, and what was sent of each."""
        rows = self.connection.execute(
            select(INTENT.c.hub_id, INTENT.c.payload).where(
                INTENT.c.integration_id == self.leg.id, INTENT.c.act == "create", INTENT.c.state == "open"
            )
        )
        same = {line.remote: line.transform.same for line in self.config.lines}
        for hub_id, sent in rows:
            known = {path: same[path](value) for path, value in (sent or {}).items() if path in same}
            if known:
                self.open_creates.append((hub_id, known))

    def our_create(self, values: dict[str, Value]) -> tuple[str, dict[str, Value]] | None:
        """The customer whose lost create made this record: it shows exactly what was sent."""
        same = {line.remote: line.transform.same for line in self.config.lines}
        for hub_id, sent in self.open_creates:
            if hub_id in self.taken or hub_id not in self.customers:
                continue
            if all(same[path](values.get(path)) == value for path, value in sent.items()):
                return hub_id, sent
        return None

    def stand_in(self, merged: Sequence[Any]) -> list[str]:
        """Whoever was merged into another is found by its keys still, and is that other; answers whom it read."""
        wanted = [row.merged_into for row in merged]
        query = select(CUSTOMER).where(
            one_of(self.connection, CUSTOMER.c.id), CUSTOMER.c.archived_at.is_(None)
        )
        fresh = []
        for row in self.connection.execute(query, values_of(self.connection, wanted)):
            if row.id not in self.customers:
                self.remember(dict(row._mapping))
                fresh.append(row.id)
        for row in merged:
            if row.merged_into not in self.customers:
                continue
            for key in ("email", "phone"):
                value = getattr(row, f"{key}_key")
                if value and row.merged_into not in self.index[key][value]:
                    self.index[key][value].append(row.merged_into)
                    self.former[row.merged_into, key, value] = {
                        "email": row.email_key,
                        "phone": row.phone_key,
                    }
        return fresh

    def remember(self, customer: dict[str, Any]) -> None:
        self.customers[customer["id"]] = customer
        for key in ("email", "phone"):
            value = customer[f"{key}_key"]
            if value:
                self.index[key][value].append(customer["id"])

    def candidates(self, key: str, value: str) -> list[tuple[str, dict[str, str | None]]]:
        ids = self.index.get(key, {}).get(value, ())
        if self.config.system:
            # In Perkstar's own cloud two records are two customers, however alike: a family may share its phone.
            ids = [id_ for id_ in ids if id_ not in self.taken]
        return [
            (
                id_,
                self.former.get((id_, key, value))
                or {"email": self.customers[id_]["email_key"], "phone": self.customers[id_]["phone_key"]},
            )
            for id_ in dict.fromkeys(ids)
        ]

    def one(self, record: RemoteRecord, values: dict[str, Value], print_: str) -> None:
        link = self.links.get(record.id)
        if decided.by_hand(link):
            # A person's word holds whatever the record says by now.
            self.leg.inward.excluded += 1
            return
        if (
            link is not None
            and link.hub_id in self.customers
            and (link.state in (LinkState.LINKED, LinkState.GONE) or filters.by_filter(link))
        ):
            self.known(link, record, values, print_)
            return
        if link is not None and link.state == LinkState.HELD and link.hub_id in self.customers:
            # Held because the vendor refused what we sent: the link itself is certain.
            self.known(link, record, values, print_)
            return
        if link is not None and link.state == LinkState.DUPLICATE and link.hub_id is not None:
            self.second(link, record, print_)
            return
        if record.archived:
            self.leg.inward.excluded += 1
            return
        self.unknown(link, record, values, print_)

    def second(self, link: Any, record: RemoteRecord, print_: str) -> None:
        """A second record of one customer, since two were merged here: it makes nobody anew, and is held."""
        self.leg.inward.held += not record.archived
        self.leg.inward.updated += record.archived
        row = {
            "b_id": link.id,
            "fingerprint": print_,
            "version": record.version,
            "last_received": self.now,
        }
        if record.archived:
            row |= {"state": LinkState.GONE.value, "code": None, "reason": f"archived at {self.config.title}"}
        self.changed_links.append(row)

    def known(self, link: Any, record: RemoteRecord, values: dict[str, Value], print_: str) -> None:
        change: dict[str, Any] = {
            "b_id": link.id,
            "fingerprint": print_,
            "version": record.version,
            "last_received": self.now,
            "base": link.base,
            "state": link.state,
            "code": link.code,
            "reason": link.reason,
        }
        self.changed_links.append(change)
        if record.archived:
            change["state"] = LinkState.GONE.value
            change["reason"] = f"archived at {self.config.title}"
            self.note(
                Level.WARNING,
                "gone",
                f"Archived at {self.config.title}; the customer here is kept and not made there again.",
                remedy=f"Restore it at {self.config.title} if that was not meant.",
                record=link.hub_id,
                record_name=name_of(self.customers[link.hub_id]),
            )
            self.leg.inward.updated += 1
            return
        if self.left_out(values):
            if link.state == LinkState.HELD:
                self.leg.inward.held += 1
            else:
                self.mark_left_out(change)
            return
        if link.state == LinkState.GONE or (filters.by_filter(link) and link.code == filters.TO_PERKSTAR):
            change["state"] = LinkState.LINKED.value
            change["code"] = None
            change["reason"] = ""
        customer = self.customers[link.hub_id]
        decision = self.compare(customer, values, link.base, record)
        # What was agreed on fields that are not mapped at the moment stays, should they be mapped again.
        change["base"] = {**(link.base or {}), **decision.base}
        self.take(customer, decision, change)
        agreed = all(change[name] == getattr(link, name) for name in ("base", "state", "code", "reason"))
        if agreed and not decision.take and not decision.clashes:
            # Our own write, come back: nothing is new, so nothing is written.
            self.changed_links.remove(change)

    def left_out(self, values: dict[str, Value]) -> bool:
        """Whether the integration's filter keeps a record from being taken in."""
        taken = self.config.takes
        return taken is not None and not taken.test(filters.in_hub_form(self.inward_lines, values))

    def mark_left_out(self, row: dict[str, Any]) -> None:
        taken = self.config.takes
        assert taken is not None
        row.update(state=LinkState.EXCLUDED.value, code=filters.TO_PERKSTAR, reason=taken.reason)
        self.leg.inward.excluded += 1

    def compare(
        self, customer: dict[str, Any], values: dict[str, Value], base: dict[str, Value], record: RemoteRecord
    ) -> Decision:
        changed_ms = ms(record.changed_at) if record.changed_at else None
        return decide(
            self.config.lines,
            customer,
            values,
            base,
            Moment(changed_ms, customer["provenance"] or {}, self.config.origin),
            consent_proven=bool(customer.get("consent_proof")),
        )

    def take(self, customer: dict[str, Any], decision: Decision, change: dict[str, Any]) -> None:
        """Write what the decision takes; touch the customer when something is owed to the far side."""
        taken = decision.take
        if "email" in taken and self._email_is_anothers(customer["id"], taken["email"]):
            email = taken.pop("email")
            line = next(line for line in self.config.lines if line.hub == "email")
            decision.base.pop(line.remote, None)
            change["code"] = ErrorKind.DUPLICATE.value
            change["reason"] = "the new e-mail address belongs to another customer in Perkstar"
            self.note(
                Level.WARNING,
                ErrorKind.DUPLICATE,
                f"{self.config.title} now has an e-mail address that belongs to another customer in Perkstar.",
                record=customer["id"],
                record_name=name_of(customer),
                field_name="email",
                details={"value": email},
            )
        for clash in decision.clashes:
            self._note_clash(customer, clash)
        if taken:
            self.write_fields(customer, taken)
            self.changed += 1
            self.leg.inward.updated += 1
        else:
            if decision.send:
                self.touch(customer)
            self.leg.inward.unchanged += 1

    def _email_is_anothers(self, hub_id: str, email: Value) -> bool:
        key = self.config.key_of("email", email)
        return any(id_ != hub_id for id_ in self.index["email"].get(key or "", ()))

    def _note_clash(self, customer: dict[str, Any], clash: Clash) -> None:
        winner = "Perkstar" if clash.winner == "perkstar" else self.config.title
        happened = "was changed on both sides" if clash.base is not None else "differed at first contact"
        line = next(line for line in self.config.lines if line.remote == clash.remote_field)
        here = customer.get(clash.hub_field)
        self.connection.execute(
            insert(CONFLICT).values(
                id=new_id("cfl"),
                integration_id=self.leg.id,
                hub_id=customer["id"],
                field=clash.hub_field,
                base=clash.base,
                hub=here,
                remote=line.transform.back(clash.remote, here),
                winner=clash.winner,
                at=self.now,
            )
        )
        self.note(
            Level.INFO,
            ErrorKind.CONFLICT,
            f"{clash.hub_field} {happened}; {winner} won by the integration's rule.",
            record=customer["id"],
            record_name=name_of(customer),
            field_name=clash.hub_field,
            details={"base": clash.base, "hub": clash.hub, "remote": clash.remote, "winner": clash.winner},
        )

    def write_fields(self, customer: dict[str, Any], fields: dict[str, Value]) -> None:
        provenance = dict(customer["provenance"] or {})
        before = self.before.setdefault(customer["id"], {})
        for name, value in fields.items():
            provenance[name] = [self.config.origin, self.now_ms]
            before[name] = [before[name][0] if name in before else customer[name], value]
        customer.update(fields)
        customer["provenance"] = provenance
        if fields.get("marketing_consent") == "yes":
            customer["consent_proof"] = {"source": self.config.name, "time": self.now.isoformat()}
        if "email" in fields:
            customer["email_key"] = self.config.key_of("email", customer["email"])
        if "phone" in fields:
            customer["phone_key"] = self.config.key_of("phone", customer["phone"])
        self.touch(customer)

    def touch(self, customer: dict[str, Any]) -> None:
        customer["revision"] = self.revision
        customer["updated_at"] = self.now
        self.revision += 1
        self.changed_customers[customer["id"]] = customer

    def unknown(self, link: Any, record: RemoteRecord, values: dict[str, Value], print_: str) -> None:
        """First contact: match, then link, create or hold."""
        keys = self.keys(record.id, values)
        ours = self.our_create(values) if self.open_creates else None
        if ours is not None:
            hub_id, sent = ours
            row = self.new_link(link, record, print_, hub_id, {})
            self.taken[hub_id] = record.id
            decision = self.compare(self.customers[hub_id], values, sent, record)
            row["base"] = {**sent, **decision.base}
            self.take(self.customers[hub_id], decision, row)
            return
        email, phone = keys.get("email"), keys.get("phone")
        if (email and email in self.index["email"]) or (phone and phone in self.index["phone"]):
            found = match(keys, self.config.match, self.candidates, rules=Rules.of(self.config.options))
        else:
            found = _NOBODY
        if found.verdict == "one" and found.ids[0] in self.taken:
            found = Found(
                "held",
                found.ids,
                f"another record at {self.config.title} is already linked to this customer",
                found.key,
            )
        if found.verdict == "held":
            self.hold(link, record, values, print_, keys, found)
            return
        if found.verdict == "one":
            customer = self.customers[found.ids[0]]
            decision = self.compare(customer, values, {}, record)
            row = self.new_link(link, record, print_, customer["id"], decision.base)
            self.taken[customer["id"]] = record.id
            if self.left_out(values):
                # It is linked all the same, so that the customer is not made there a second time.
                row["base"] = filters.as_agreed(self.config.lines, customer, decision.take, decision.base)
                self.mark_left_out(row)
                return
            self.take(customer, decision, row)
            return
        if not self.config.direction.inward:
            self.leg.inward.excluded += 1
            self.new_link(
                link, record, print_, None, {}, LinkState.EXCLUDED, "only Perkstar makes new customers"
            )
            return
        if self.left_out(values):
            row = self.new_link(link, record, print_, None, {})
            row["remote"] = {"keys": keys}
            self.mark_left_out(row)
            return
        self.create(link, record, values, print_, keys)

    def create(
        self,
        link: Any,
        record: RemoteRecord,
        values: dict[str, Value],
        print_: str,
        keys: dict[str, str | None],
    ) -> None:
        filled, base = self.shown(values)
        if not somebody(filled):
            self.leg.inward.excluded += 1
            self.new_link(
                link, record, print_, None, {}, LinkState.EXCLUDED, "no name, e-mail address or phone"
            )
            return
        email = keys.get("email") or self.config.key_of("email", filled.get("email"))
        phone = keys.get("phone") or self.config.key_of("phone", filled.get("phone"))
        self.make(self.fresh_ids.pop(), filled, email, phone, link, record, print_, base)
        self.leg.inward.created += 1

    def shown(self, values: dict[str, Value]) -> tuple[dict[str, Value], dict[str, Value]]:
        """The fields of a customer that a record fills, and what is agreed on with that."""
        filled: dict[str, Value] = {}
        base: dict[str, Value] = {}
        for remote, hub, read in self.config.readings:
            if remote in values:
                filled[hub], base[remote] = read(values[remote])
        return filled, base

    def make(
        self,
        hub_id: str,
        filled: dict[str, Value],
        email: str | None,
        phone: str | None,
        link: Any,
        record: RemoteRecord,
        print_: str,
        base: dict[str, Value],
    ) -> None:
        """Have a new customer written, by its normal forms of e-mail address and phone, and its link."""
        customer = self.blank | filled
        customer["id"] = hub_id
        customer["consent_proof"] = self.proof_of(filled.get("marketing_consent"))
        customer["revision"] = self.revision
        customer["email_key"] = email
        customer["phone_key"] = phone
        customer["provenance"] = self.provenance_of(tuple(filled))
        customer["created_at"] = customer["updated_at"] = self.now
        self.revision += 1
        self.new_customers.append(customer)
        self.remember(customer)
        self.taken[hub_id] = record.id
        self.new_link(link, record, print_, hub_id, base)

    def proof_of(self, consent: Value) -> dict[str, Any] | None:
        """Where and when a new customer said yes to marketing."""
        if consent != "yes":
            return None
        return {"source": self.config.name, "time": self.now.isoformat()}

    def note(self, level: Level, code: ErrorKind | str, message: str, **more: Any) -> None:
        """A line for the error log, written with the page."""
        self.entries.append(self.leg.entry(level, code, message, **more))

    def provenance_of(self, filled: tuple[str, ...]) -> dict[str, Any]:
        """Who wrote these fields and when: one object for all new customers of the page with the same fields."""
        found = self.stamped.get(filled)
        if found is None:
            found = self.stamped[filled] = {name: [self.config.origin, self.now_ms] for name in filled}
        return found

    def hold(
        self,
        link: Any,
        record: RemoteRecord,
        values: dict[str, Value],
        print_: str,
        keys: dict[str, str | None],
        found: Found,
    ) -> None:
        self.leg.inward.held += 1
        row = self.new_link(link, record, print_, None, {}, LinkState.HELD, found.reason)
        row["code"] = ErrorKind.DUPLICATE.value
        row["remote"] = {"values": values, "keys": keys, "candidates": list(found.ids)}
        if link is None or link.reason != found.reason:
            self.note(
                Level.WARNING,
                ErrorKind.DUPLICATE,
                f"Held: {found.reason}.",
                record=record.id,
                record_name=next((str(v) for v in keys.values() if v), record.id),
                field_name=found.key,
                details={"candidates": list(found.ids)},
            )

    def new_link(
        self,
        link: Any,
        record: RemoteRecord,
        print_: str,
        hub_id: str | None,
        base: dict[str, Value],
        state: LinkState = LinkState.LINKED,
        reason: str = "",
    ) -> dict[str, Any]:
        row: dict[str, Any] = {
            "hub_id": hub_id,
            "state": state.value,
            "base": base,
            "remote": None,
            "fingerprint": print_,
            "version": record.version,
            "code": None,
            "reason": reason,
            "last_received": self.now,
        }
        if link is None:
            row |= {"integration_id": self.leg.id, "data": DATA, "remote_id": record.id, "attempts": 0}
            self.new_links.append(row)
        else:
            row["b_id"] = link.id
            self.changed_links.append(row)
        return row

    def flush(self) -> None:
        """Write everything the page decided, in bulk."""
        arrived = []
        if self.arrivals is not None:
            self.arrivals.write(self)
            arrived = self.arrivals.ids
        insert_rows(self.connection, CUSTOMER, self.new_customers, tuple(self.blank))
        insert_rows(self.connection, LOG, self.entries)
        created = {*arrived, *(customer["id"] for customer in self.new_customers)}
        for customer in self.changed_customers.values():
            if customer["id"] not in created:
                values = {name: value for name, value in customer.items() if name != "id"}
                self.connection.execute(
                    update(CUSTOMER).where(CUSTOMER.c.id == customer["id"]).values(**values)
                )
        linked = [
            row["hub_id"]
            for row in (*self.new_links, *self.changed_links)
            if row.get("hub_id") and row["hub_id"] not in created
        ]
        if linked:
            drop_placeholders(self.connection, self.leg.id, linked)
        insert_rows(self.connection, LINK, self.new_links)
        update_rows(self.connection, LINK, self.changed_links)
        changed = {id_: fields for id_, fields in self.before.items() if id_ not in created}
        changes.keep(self.leg, self.connection, self.now, created=list(created), changed=changed)

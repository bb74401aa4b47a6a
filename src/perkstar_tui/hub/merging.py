"""Two customers made one, and two again: cards, sales and links go along, and all is kept as it was (H4, H13)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from perkstar_tui.model.enums import LinkState, Status
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id
from perkstar_tui.store.database import ms
from perkstar_tui.sync.config import CUSTOMER_FIELDS, LOYALTY_FIELDS
from perkstar_tui.sync.context import (
    CARD,
    CUSTOMER,
    INTEGRATION,
    INTENT,
    LINK,
    MERGE,
    PAIR,
    RUN,
    TRANSACTION,
    name_of,
)
from perkstar_tui.sync.doubles import DISMISSED, MERGED, OPEN
from perkstar_tui.sync.plan import LET_GO

from . import views as v
from .bench import Bench

_FILLED = tuple(name for name in CUSTOMER_FIELDS if name != "marketing_consent")
_WRITTEN = (
    *CUSTOMER_FIELDS, *LOYALTY_FIELDS, "email_key", "phone_key", "provenance", "consent_proof", "archived_at",
    "merged_into",
)  # fmt: skip
"""Columns that a merge may change, and so keeps."""

_CERTAIN = (LinkState.LINKED.value, LinkState.HELD.value)


def plan(bench: Bench, a: str, b: str, keep: str | None, take: Sequence[str]) -> v.MergePlan:
    """What a merge would do, in words and counts; nothing is changed. Raises as `merge` does."""
    with bench.store.read() as connection:
        work = _Merge(bench, connection, a, b, keep, take)
        return work.plan()


def merge(bench: Bench, a: str, b: str, keep: str | None, take: Sequence[str]) -> v.MergeView:
    """Make two customers one. The one with more links stays, or the older one; `keep` names it instead.

    Empty fields of the one that stays are filled from the other, and those in `take` are taken from it. Raises
    NOT_FOUND, USAGE for the same one twice or a field there is not, and LOCKED while a create is unsettled.
    """
    with bench.store.write() as connection:
        # The counter is the lock of hub writes, so it comes before anything is read.
        bench.store.next_revisions(connection, 1)
        work = _Merge(bench, connection, a, b, keep, take)
        return work.carry_out()


class _Merge:
    """One merge in its transaction: `survivor` stays, `loser` is archived and points to it."""

    def __init__(
        self, bench: Bench, connection: Connection, a: str, b: str, keep: str | None, take: Sequence[str]
    ) -> None:
        self.bench, self.connection = bench, connection
        one, other = _customer(connection, a), _customer(connection, b)
        if one.id == other.id:
            raise PerkstarError(
                ErrorKind.USAGE, "A customer cannot be merged with itself.", remedy="Name two customers."
            )
        strange = [name for name in take if name not in CUSTOMER_FIELDS]
        if strange:
            raise PerkstarError(
                ErrorKind.USAGE,
                f"A customer has no field {strange[0]!r}.",
                remedy=f"Fields: {', '.join(CUSTOMER_FIELDS)}.",
                field=strange[0],
            )
        self.links = {
            row.id: connection.execute(select(LINK).where(LINK.c.hub_id == row.id).order_by(LINK.c.id)).all()
            for row in (one, other)
        }
        if keep is not None:
            kept = _customer(connection, keep)
            if kept.id not in (one.id, other.id):
                raise PerkstarError(
                    ErrorKind.USAGE,
                    f"{keep} is neither of the two.",
                    remedy=f"Keep {one.id} or {other.id}.",
                    field="keep",
                )
            ranked = sorted((one, other), key=lambda row: row.id != kept.id)
        else:
            ranked = sorted((one, other), key=lambda row: (-self._linked(row.id), row.created_at, row.id))
        self.survivor, self.loser = ranked
        self.take = tuple(dict.fromkeys(take))
        self._refuse_unsettled()
        self.values = self._values()

    def _linked(self, id_: str) -> int:
        return sum(link.state == LinkState.LINKED.value for link in self.links[id_])

    def _refuse_unsettled(self) -> None:
        ids = (self.survivor.id, self.loser.id)
        found = self.connection.execute(
            select(INTEGRATION.c.name)
            .join(INTENT, INTENT.c.integration_id == INTEGRATION.c.id)
            .where(INTENT.c.hub_id.in_(ids))
        ).scalar()
        if found is not None:
            raise PerkstarError(
                ErrorKind.LOCKED,
                f"{found} is just being told of one of these customers, and has not answered.",
                remedy="Try again after its next run, which settles that.",
            )

    def _values(self) -> dict[str, Any]:
        """The survivor's columns that change: what is empty is filled; consent only goes down."""
        kept, lost = self.survivor, self.loser
        values: dict[str, Any] = {}
        provenance = dict(kept.provenance or {})
        now = ms(self.bench.clock.now())
        for name in _FILLED:
            mine, theirs = getattr(kept, name), getattr(lost, name)
            if theirs in (None, "") or theirs == mine:
                continue
            if mine in (None, "") or name in self.take:
                values[name] = theirs
                # Who wrote it and when stays true, unless a person has just chosen it.
                provenance[name] = (
                    ["local", now] if mine else (lost.provenance or {}).get(name, ["local", now])
                )
        if "email" in values:
            values["email_key"] = lost.email_key
        if "phone" in values:
            values["phone_key"] = lost.phone_key
        consents = {kept.marketing_consent, lost.marketing_consent} - {None, ""}
        consent = "no" if "no" in consents else next(iter(sorted(consents)), None)
        if consent != kept.marketing_consent:
            values["marketing_consent"] = consent
            provenance["marketing_consent"] = (lost.provenance or {}).get("marketing_consent", ["local", now])
            values["consent_proof"] = lost.consent_proof if consent == "yes" else None
        if not kept.card_serial and lost.card_serial:
            values |= {name: getattr(lost, name) for name in ("balance", "tier", "card_link", "card_serial")}
        if (lost.last_visit or "") > (kept.last_visit or ""):
            values["last_visit"] = lost.last_visit
        if provenance != (kept.provenance or {}):
            values["provenance"] = provenance
        return values

    def _sort_links(self) -> tuple[list[Any], list[Any], list[Any]]:
        """The loser's links that move, those that become a second record, and placeholders that end (of both)."""
        moving, second, ending = [], [], []
        mine = {}
        for link in self.links[self.survivor.id]:
            if link.remote_id and link.state in _CERTAIN:
                mine[link.integration_id, link.data] = link
        moved = set()
        for link in self.links[self.loser.id]:
            place = (link.integration_id, link.data)
            if not link.remote_id:
                ending.append(link)
            elif link.state in _CERTAIN and place in mine:
                second.append(link)
            else:
                moving.append(link)
                moved.add(place)
        ending += [
            link
            for link in self.links[self.survivor.id]
            if not link.remote_id and (link.integration_id, link.data) in moved
        ]
        return moving, second, ending

    def _counts(self) -> tuple[list[Any], int]:
        cards = self.connection.execute(
            select(CARD).where(CARD.c.customer_id == self.loser.id).order_by(CARD.c.id)
        ).all()
        sales = self.connection.execute(
            select(func.count()).select_from(TRANSACTION).where(TRANSACTION.c.customer_id == self.loser.id)
        ).scalar_one()
        return list(cards), int(sales)

    def _dropped(self) -> list[str]:
        """What only one of the two had, or had otherwise, and the one customer will not have."""
        found = []
        for name in _FILLED:
            for value in dict.fromkeys((getattr(self.survivor, name), getattr(self.loser, name))):
                stays = self.values.get(name, getattr(self.survivor, name))
                if value not in (None, "") and value != stays:
                    found.append(f"{name} {value}")
        return found

    def plan(self) -> v.MergePlan:
        moving, second, _ = self._sort_links()
        cards, sales = self._counts()
        names = {row.id: row for row in self.connection.execute(select(INTEGRATION)).all()}
        changes = tuple(
            (name, _text(getattr(self.survivor, name)), _text(value))
            for name, value in self.values.items()
            if name in CUSTOMER_FIELDS
        )
        effects = [f"{_called(self.survivor)} stays; {_called(self.loser)} is archived and points to it."]
        if dropped := self._dropped():
            effects.append(f"Dropped: {', '.join(dropped)}.")
        if cards or sales:
            effects.append(f"{_count(len(cards), 'card')} and {_count(sales, 'sale')} move over.")
        templates = self.connection.execute(
            select(CARD.c.template_id).where(CARD.c.customer_id == self.survivor.id)
        ).scalars()
        if set(templates) & {card.template_id for card in cards}:
            effects.append("Both have a card of one kind: both cards stay, each with its own balance.")
        if moving:
            where = ", ".join(sorted({_title(names, link) for link in moving}))
            effects.append(f"The record at {where} goes along.")
        for link in second:
            effects.append(
                f"{_title(names, link)} has both: both records stay there until they are merged there, and only "
                "one is kept in step."
            )
        return v.MergePlan(self.survivor.id, self.loser.id, changes, tuple(effects), len(cards), sales)

    def carry_out(self) -> v.MergeView:
        connection, now = self.connection, self.bench.clock.now()
        planned = self.plan()
        moving, second, ending = self._sort_links()
        cards, _ = self._counts()
        sales = connection.execute(
            select(TRANSACTION.c.id)
            .where(TRANSACTION.c.customer_id == self.loser.id)
            .order_by(TRANSACTION.c.id)
        ).scalars()
        sale_ids = list(sales)
        revision = self.bench.store.next_revisions(connection, len(cards) + len(sale_ids) + 2)
        last = revision + len(cards) + len(sale_ids) + 1
        pointing = connection.execute(
            select(CUSTOMER.c.id).where(CUSTOMER.c.merged_into == self.loser.id)
        ).scalars()
        before = {
            "survivor": _image(self.survivor, self.values),
            "after": _image(self.values, self.values),
            "loser": {"archived_at": None, "merged_into": None},
            "cards": [card.id for card in cards],
            "sales": sale_ids,
            "moved": [link.id for link in moving],
            "second": [_state(link) for link in second],
            "ended": [_placeholder(link) for link in ending],
            "pointing": list(pointing),
            "pairs": [],
        }
        ids = {"customer_id": self.survivor.id}
        for card in cards:
            connection.execute(
                update(CARD).where(CARD.c.id == card.id).values(**ids, revision=revision, updated_at=now)
            )
            revision += 1
        for id_ in sale_ids:
            connection.execute(
                update(TRANSACTION).where(TRANSACTION.c.id == id_).values(**ids, revision=revision)
            )
            revision += 1
        if ending:
            connection.execute(delete(LINK).where(LINK.c.id.in_([link.id for link in ending])))
        if moving:
            connection.execute(
                update(LINK)
                .where(LINK.c.id.in_([link.id for link in moving]))
                .values(hub_id=self.survivor.id)
            )
        for link in second:
            reason = "a second record of a customer that was merged in Perkstar; merge them there too"
            connection.execute(
                update(LINK)
                .where(LINK.c.id == link.id)
                .values(
                    hub_id=self.survivor.id,
                    state=LinkState.DUPLICATE.value,
                    code=ErrorKind.DUPLICATE.value,
                    reason=reason,
                    next_attempt=None,
                )
            )
        connection.execute(
            update(CUSTOMER)
            .where(CUSTOMER.c.id == self.survivor.id)
            .values(**self.values, revision=revision, updated_at=now)
        )
        connection.execute(
            update(CUSTOMER)
            .where(or_(CUSTOMER.c.id == self.loser.id, CUSTOMER.c.merged_into == self.loser.id))
            .values(merged_into=self.survivor.id)
        )
        connection.execute(
            update(CUSTOMER)
            .where(CUSTOMER.c.id == self.loser.id)
            .values(archived_at=now, revision=last, updated_at=now)
        )
        pairs = connection.execute(
            select(PAIR).where(
                PAIR.c.integration_id == "",
                PAIR.c.state != MERGED,
                or_(PAIR.c.a == self.loser.id, PAIR.c.b == self.loser.id),
            )
        ).all()
        before["pairs"] = [[pair.id, pair.state] for pair in pairs]
        for pair in pairs:
            connection.execute(update(PAIR).where(PAIR.c.id == pair.id).values(state=MERGED))
        merge_id = new_id("mrg")
        connection.execute(
            insert(MERGE).values(
                id=merge_id,
                survivor=self.survivor.id,
                loser=self.loser.id,
                at=now,
                who=self.bench.who(),
                revision=last,
                before=before,
            )
        )
        self.bench.audit(
            connection,
            "merge",
            None,
            {"merged": self.loser.id},
            {"into": self.survivor.id, "merge": merge_id},
        )
        return v.MergeView(
            merge_id,
            planned.survivor,
            planned.loser,
            now,
            planned.fields,
            planned.effects,
            planned.cards,
            planned.sales,
        )


def unmerge(bench: Bench, merge_id: str) -> v.MergeView:
    """Put everything back as it was before a merge. Raises NOT_FOUND, or CONFLICT naming what stands in the way."""
    now = bench.clock.now()
    with bench.store.write() as connection:
        bench.store.next_revisions(connection, 1)
        row = connection.execute(select(MERGE).where(MERGE.c.id == merge_id.strip())).first()
        if row is None:
            raise PerkstarError(
                ErrorKind.NOT_FOUND,
                f"There is no merge {merge_id!r}.",
                remedy="`perkstar customers duplicates --state merged` lists them.",
            )
        if row.undone_at is not None:
            raise PerkstarError(
                ErrorKind.USAGE, "That merge was undone already.", remedy="Nothing is left to do."
            )
        before = row.before
        obstacles = _obstacles(connection, row)
        if obstacles:
            raise PerkstarError(
                ErrorKind.CONFLICT,
                f"That merge cannot be undone any more: {'; '.join(obstacles)}.",
                remedy="Undo what came later first, or correct the customers by hand.",
            )
        cards, sales = before["cards"], before["sales"]
        revision = bench.store.next_revisions(connection, len(cards) + len(sales) + 2)
        for target, ids in ((CARD, cards), (TRANSACTION, sales)):
            for id_ in ids:
                connection.execute(
                    update(target).where(target.c.id == id_).values(customer_id=row.loser, revision=revision)
                )
                revision += 1
        if before["moved"]:
            connection.execute(update(LINK).where(LINK.c.id.in_(before["moved"])).values(hub_id=row.loser))
        for link in before["second"]:
            values = {**link, "hub_id": row.loser, "next_attempt": _moment(link["next_attempt"])}
            connection.execute(update(LINK).where(LINK.c.id == values.pop("id")).values(**values))
        for link in before["ended"]:
            connection.execute(insert(LINK).values(**link, attempts=0))
        connection.execute(
            update(CUSTOMER)
            .where(CUSTOMER.c.id == row.survivor)
            .values(**before["survivor"], revision=revision, updated_at=now)
        )
        connection.execute(
            update(CUSTOMER)
            .where(CUSTOMER.c.id == row.loser)
            .values(**before["loser"], revision=revision + 1, updated_at=now)
        )
        if before["pointing"]:
            connection.execute(
                update(CUSTOMER).where(CUSTOMER.c.id.in_(before["pointing"])).values(merged_into=row.loser)
            )
        for id_, state in before["pairs"]:
            connection.execute(update(PAIR).where(PAIR.c.id == id_).values(state=state))
        effects = _let_go(bench, connection, row, now)
        connection.execute(update(MERGE).where(MERGE.c.id == row.id).values(undone_at=now))
        bench.audit(
            connection, "unmerge", None, {"merge": row.id}, {"survivor": row.survivor, "loser": row.loser}
        )
    return v.MergeView(
        row.id,
        row.survivor,
        row.loser,
        row.at,
        (),
        ("Both are as they were before.", *effects),
        len(cards),
        len(sales),
        now,
    )


def _let_go(bench: Bench, connection: Connection, row: Any, now: datetime) -> list[str]:
    """Keep what platforms were told of the one customer from coming back to the two; answers what they still hold.

    A field that is empty again is marked as let go, with what was told as agreed: while it stands there as it was
    told it is no news. Only what a platform may know is marked: what was agreed on, or perhaps sent by a later run.
    """
    people = {
        each.id: dict(each._mapping)
        for each in connection.execute(select(CUSTOMER).where(CUSTOMER.c.id.in_([row.survivor, row.loser])))
    }
    # As one customer they had each other's values: those of the merge, or of the one that stayed.
    told = {**people[row.survivor], **row.before["after"]}
    names = {each.id: each for each in connection.execute(select(INTEGRATION)).all()}
    ran = set(
        connection.execute(
            select(RUN.c.integration_id).where(or_(RUN.c.ended.is_(None), RUN.c.ended > row.at))
        ).scalars()
    )
    # What goes to Perkstar's cloud goes with any run.
    ran |= {each.id for each in names.values() if ran and each.kind == "system"}
    effects = []
    for id_, person in people.items():
        emptied = [name for name in _FILLED if person[name] in (None, "") and told[name] not in (None, "")]
        links = connection.execute(
            select(LINK).where(LINK.c.hub_id == id_, LINK.c.remote_id.is_not(None)).order_by(LINK.c.id)
        ).all()
        gone: dict[str, None] = {}
        for link in links if emptied else ():
            integration = names.get(link.integration_id)
            if integration is None or integration.status == Status.DISCONNECTED.value:
                continue
            held, base = [], dict(link.base or {})
            for line in bench.configure(integration).lines:
                known = base.get(line.remote) not in (None, "")
                if line.hub not in emptied or not (known or (line.outward and link.integration_id in ran)):
                    continue
                if not known:
                    base[line.remote] = line.transform.same(line.out(told))
                held.append(f"{line.hub} {base[line.remote]}")
                gone[line.hub] = None
            if base != (link.base or {}):
                connection.execute(update(LINK).where(LINK.c.id == link.id).values(base=base))
            if held:
                effects.append(
                    f"{_title(names, link)} may still hold of {_called(people[id_])}: {', '.join(held)}. It is "
                    "neither taken back from there while it stays as it is, nor cleared there."
                )
        if gone:
            written = {**(person["provenance"] or {}), **{name: [LET_GO, ms(now)] for name in gone}}
            connection.execute(update(CUSTOMER).where(CUSTOMER.c.id == id_).values(provenance=written))
        if told["marketing_consent"] == "no" and person["marketing_consent"] != "no" and links:
            effects.append(
                f"Where a platform was told no to marketing of {_called(people[id_])}, it comes back as no: consent "
                "is never raised."
            )
    return effects


def _obstacles(connection: Connection, row: Any) -> list[str]:
    """What has happened since a merge that undoing it would lose or tear apart."""
    before = row.before
    found = []
    people = {
        each.id: each
        for each in connection.execute(select(CUSTOMER).where(CUSTOMER.c.id.in_([row.survivor, row.loser])))
    }
    survivor, loser = people.get(row.survivor), people.get(row.loser)
    if survivor is None or loser is None:
        return ["one of the two was erased since"]
    later = connection.execute(
        select(MERGE.c.id).where(
            MERGE.c.undone_at.is_(None),
            MERGE.c.revision > row.revision,
            or_(
                MERGE.c.survivor.in_([row.survivor, row.loser]), MERGE.c.loser.in_([row.survivor, row.loser])
            ),
        )
    ).scalar()
    if later is not None:
        return [f"one of them was merged again since ({later})"]
    if survivor.archived_at is not None or loser.merged_into != row.survivor:
        found.append("one of the two was archived or changed since")
    changed = [
        name
        for name, value in before["after"].items()
        if name in (*CUSTOMER_FIELDS, "last_visit") and getattr(survivor, name) != value
    ]
    if changed:
        found.append(f"{', '.join(changed)} of the one that stayed was changed since")
    sold = (
        connection.execute(
            select(func.count())
            .select_from(TRANSACTION)
            .where(TRANSACTION.c.card_id.in_(before["cards"]), TRANSACTION.c.id.not_in(before["sales"]))
        ).scalar_one()
        if before["cards"]
        else 0
    )
    if sold:
        found.append(f"{_count(sold, 'sale')} were booked on the cards that moved")
    for target, ids, word in ((CARD, before["cards"], "card"), (TRANSACTION, before["sales"], "sale")):
        there = connection.execute(
            select(func.count())
            .select_from(target)
            .where(target.c.id.in_(ids), target.c.customer_id == row.survivor)
        ).scalar_one()
        if there != len(ids):
            found.append(f"{_count(len(ids) - there, word)} that moved went elsewhere")
    links = [*before["moved"], *(link["id"] for link in before["second"])]
    kept = connection.execute(
        select(func.count()).select_from(LINK).where(LINK.c.id.in_(links), LINK.c.hub_id == row.survivor)
    ).scalar_one()
    if kept != len(links):
        found.append("a link that moved leads to another customer now")
    remotes = connection.execute(
        select(LINK.c.integration_id, LINK.c.remote_id).where(LINK.c.id.in_(links))
    ).all()
    for integration_id, remote_id in remotes:
        more = connection.execute(
            select(func.count())
            .select_from(TRANSACTION)
            .where(
                TRANSACTION.c.integration_id == integration_id,
                TRANSACTION.c.customer_remote_id == remote_id,
                TRANSACTION.c.customer_id == row.survivor,
                TRANSACTION.c.id.not_in(before["sales"]),
            )
        ).scalar_one()
        if more and not sold:
            found.append(f"{_count(more, 'sale')} of the merged record came since")
    return found


def dismiss(bench: Bench, pair_id: str, *, again: bool = False) -> None:
    """Say that a pair is two people: it is not shown again. `again` takes that back."""
    state, was = (OPEN, DISMISSED) if again else (DISMISSED, OPEN)
    with bench.store.write() as connection:
        row = connection.execute(select(PAIR).where(PAIR.c.id == pair_id.strip())).first()
        if row is None:
            raise PerkstarError(
                ErrorKind.NOT_FOUND,
                f"There is no pair {pair_id!r}.",
                remedy="`perkstar customers duplicates` lists them.",
            )
        if row.state == MERGED:
            raise PerkstarError(
                ErrorKind.USAGE, "That pair was merged.", remedy="`perkstar customers unmerge` undoes it."
            )
        connection.execute(update(PAIR).where(PAIR.c.id == row.id).values(state=state))
        bench.audit(connection, "dismiss_duplicate", row.integration_id or None, was, state)


def _customer(connection: Connection, id_: str) -> Any:
    row = connection.execute(select(CUSTOMER).where(CUSTOMER.c.id == id_.strip())).first()
    if row is None:
        raise PerkstarError(
            ErrorKind.NOT_FOUND,
            f"There is no customer {id_!r}.",
            remedy="Give the id (cus_...); `perkstar customers --search` finds it.",
        )
    if row.archived_at is not None:
        into = f" into {row.merged_into}" if row.merged_into else ""
        raise PerkstarError(
            ErrorKind.USAGE,
            f"{row.id} is archived already{': it was merged' if into else ''}{into}.",
            remedy=f"Use {row.merged_into} instead." if into else "Choose another one.",
        )
    return row


def _image(row: Any, names: Mapping[str, Any]) -> dict[str, Any]:
    """Some columns as JSON keeps them: the changed ones of a row."""
    get = row.get if isinstance(row, dict) else lambda name: getattr(row, name)
    return {name: get(name) for name in names if name in _WRITTEN}


def _state(link: Any) -> dict[str, Any]:
    return {
        "id": link.id,
        "state": link.state,
        "code": link.code,
        "reason": link.reason,
        "next_attempt": link.next_attempt.isoformat() if link.next_attempt else None,
    }


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _placeholder(link: Any) -> dict[str, Any]:
    names = ("integration_id", "data", "hub_id", "state", "code", "reason", "field", "base")
    return {name: getattr(link, name) for name in names}


def _title(names: Mapping[str, Any], link: Any) -> str:
    row = names.get(link.integration_id)
    if row is None:
        return "a platform"
    ended = " (disconnected)" if row.status == Status.DISCONNECTED.value else ""
    return "Perkstar's cloud" if row.kind == "system" else f"{row.name}{ended}"


def _called(row: Any) -> str:
    fields = row if isinstance(row, dict) else dict(row._mapping)
    return f"{name_of(fields) or 'No name'} ({fields['id']})"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _text(value: Any) -> str | None:
    return None if value is None else str(value)

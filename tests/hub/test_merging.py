"""Two customers made one and two again, with a platform that is synced before and after."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from memory_platform import MemoryPlatform, StillClock, config, integration
from sqlalchemy import insert, select, update

from perkstar_tui.hub.doubles import doubles_among, let_go_at
from perkstar_tui.hub.hub import Hub
from perkstar_tui.hub.settings import Settings
from perkstar_tui.model.enums import Trigger
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id
from perkstar_tui.store import tables as t
from perkstar_tui.sync.context import CARD, CUSTOMER, INTEGRATION, INTENT, LINK, MERGE, PAIR, TRANSACTION
from perkstar_tui.sync.run import Engine, Workbench
from perkstar_tui.sync.sales import buyer, holders


class Shop:
    """A hub over a store whose one integration is a platform in memory."""

    def __init__(self, home: Path) -> None:
        self.clock = StillClock()
        database = f"sqlite:///{home / 'perkstar.db'}"
        self.hub = Hub(Settings(home=home, database_url=database, vault="file"), self.clock)
        self.hub.attach_local("Bean & Leaf")
        self.hub.bench.configure = lambda row: config()  # type: ignore[method-assign]
        self.store = self.hub.bench.store
        self.platform = MemoryPlatform(self.clock)
        bench = Workbench(lambda row: config(), lambda row, held: self.platform, lambda: None)  # type: ignore[arg-type,return-value]
        self.engine = Engine(self.store, bench, self.clock)
        with self.store.write() as connection:
            connection.execute(insert(INTEGRATION).values(**integration("Memory", self.clock.now())))

    def add(self, *rows: dict[str, str]) -> list[str]:
        self.hub.import_customers(rows)
        return [view.id for view in self.hub.customers(limit=1000).items][-len(rows) :]

    def sync(self) -> Any:
        run_id = asyncio.run(self.engine.run("int_1", Trigger.MANUAL, full=True))
        return self.hub.run(run_id)

    def card(self, customer: str, balance: int) -> str:
        id_ = new_id("crd")
        with self.store.write() as connection:
            revision, now = self.store.next_revisions(connection, 1), self.clock.now()
            connection.execute(
                insert(CARD).values(
                    id=id_, revision=revision, customer_id=customer, template_id="tpl_1", kind="reward",
                    balance=balance, status="", created_at=now, updated_at=now,
                )
            )  # fmt: skip
        return id_

    def sale(self, customer: str, card: str, remote: str, buyer: str | None = None) -> str:
        id_ = new_id("trn")
        with self.store.write() as connection:
            revision, now = self.store.next_revisions(connection, 1), self.clock.now()
            connection.execute(
                insert(TRANSACTION).values(
                    id=id_, revision=revision, integration_id="int_1", remote_id=remote, line_kind="sale",
                    customer_id=customer, card_id=card, happened_at=now, currency="GBP", total_minor=500,
                    base_minor=500, earned=5, reversed=0, owed=0, state="credited", reason="", mark="", contact={},
                    created_at=now, customer_remote_id=buyer,
                )
            )  # fmt: skip
        return id_

    def edit(self, id_: str, **fields: Any) -> None:
        with self.store.write() as connection:
            revision = self.store.next_revisions(connection, 1)
            connection.execute(
                update(CUSTOMER).where(CUSTOMER.c.id == id_).values(revision=revision, **fields)
            )

    def everything(self) -> dict[str, Any]:
        """All that a merge may touch, without what counts on."""
        with self.store.read() as connection:
            return {
                of.name: [
                    {k: v for k, v in row._mapping.items() if k not in ("revision", "updated_at")}
                    for row in connection.execute(select(of).order_by(of.c.id))
                ]
                for of in (CUSTOMER, CARD, TRANSACTION, LINK, PAIR)
            }

    def row(self, of: Any, id_: Any) -> Any:
        with self.store.read() as connection:
            return connection.execute(select(of).where(of.c.id == id_)).one()

    def names_there(self) -> list[str]:
        return sorted(str(fields.get("first")) for fields in self.platform.contacts.values())


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.hub.close()


JANE = {"first_name": "Jane", "last_name": "Doe", "email": "jane@x.uk", "birth_date": "1980-02-03"}
JAYNE = {
    "first_name": "Jayne",
    "last_name": "Doe",
    "phone": "07400 123456",
    "birth_date": "1980-02-03",
    "city": "Leeds",
}


def test_empty_fields_are_filled_and_cards_and_sales_go_along(shop):
    jane, jayne = shop.add(JANE, JAYNE)
    cards = shop.card(jane, 10), shop.card(jayne, 32)
    sale = shop.sale(jayne, cards[1], "s1")
    done = shop.hub.merge(jane, jayne)
    kept, lost = shop.row(CUSTOMER, jane), shop.row(CUSTOMER, jayne)
    assert (kept.first_name, kept.email, kept.phone, kept.city) == (
        "Jane",
        "jane@x.uk",
        "+447400123456",
        "Leeds",
    )
    assert kept.phone_key == "+447400123456" and lost.archived_at is not None and lost.merged_into == jane
    assert [shop.row(CARD, id_).customer_id for id_ in cards] == [jane, jane]
    assert [shop.row(CARD, id_).balance for id_ in cards] == [10, 32]
    assert shop.row(TRANSACTION, sale).customer_id == jane
    assert (done.survivor, done.loser, done.cards, done.sales) == (jane, jayne, 1, 1)
    assert any("each with its own balance" in effect for effect in done.effects)
    assert [view.id for view in shop.hub.customers().items] == [jane]


def test_the_one_with_more_links_stays_and_a_person_may_say_otherwise(shop):
    jane, jayne = shop.add(JANE, JAYNE)
    assert shop.hub.plan_merge(jayne, jane).survivor == jane
    with shop.store.write() as connection:
        connection.execute(
            insert(LINK).values(
                integration_id="int_1", data="customers", hub_id=jayne, remote_id="m9", state="linked", base={},
                reason="", attempts=0,
            )
        )  # fmt: skip
    assert shop.hub.plan_merge(jane, jayne).survivor == jayne
    assert shop.hub.plan_merge(jane, jayne, keep=jane).survivor == jane


def test_a_plan_names_what_the_one_customer_will_not_have(shop):
    jane, jayne = shop.add(JANE | {"phone": "07400 999999"}, JAYNE)
    (said,) = [effect for effect in shop.hub.plan_merge(jane, jayne).effects if effect.startswith("Dropped")]
    assert said == "Dropped: first_name Jayne, phone +447400123456."
    (said,) = [
        effect
        for effect in shop.hub.plan_merge(jane, jayne, take=["first_name"]).effects
        if effect.startswith("Dropped")
    ]
    assert said == "Dropped: first_name Jane, phone +447400123456."


def test_a_chosen_field_is_taken_from_the_other(shop):
    jane, jayne = shop.add(JANE, JAYNE)
    shop.hub.merge(jane, jayne, take=["first_name"])
    kept = shop.row(CUSTOMER, jane)
    assert kept.first_name == "Jayne" and kept.provenance["first_name"][0] == "local"


@pytest.mark.parametrize(
    ("mine", "theirs", "after"),
    [
        ("yes", "no", "no"),
        ("no", "yes", "no"),
        (None, "yes", "yes"),
        ("yes", None, "yes"),
        (None, None, None),
    ],
)
def test_consent_only_goes_down_and_a_proof_goes_along(shop, mine, theirs, after):
    jane, jayne = shop.add(JANE, JAYNE)
    proof = {"source": "form", "time": "2026-01-01"}
    shop.edit(jane, marketing_consent=mine, consent_proof=proof if mine == "yes" else None)
    shop.edit(jayne, marketing_consent=theirs, consent_proof=proof if theirs == "yes" else None)
    shop.hub.merge(jane, jayne)
    kept = shop.row(CUSTOMER, jane)
    assert kept.marketing_consent == after
    assert kept.consent_proof == (proof if after == "yes" else None)


def test_after_a_merge_of_two_linked_ones_a_sync_makes_nobody_and_deletes_nothing(shop):
    jane, jayne = shop.add(JANE, JAYNE)
    shop.sync()
    there = shop.names_there()
    assert there == ["Jane", "Jayne"]
    plan = shop.hub.plan_merge(jane, jayne)
    assert any("both records stay there" in effect for effect in plan.effects)
    shop.hub.merge(jane, jayne)
    second = next(id_ for id_, fields in shop.platform.contacts.items() if fields["first"] == "Jayne")
    for change in ({}, {"first": "Jaynie"}, {"email": "other@x.uk", "phone": "+447400777777"}):
        shop.platform.put(second, **change)
        for _ in range(2):
            run = shop.sync()
            assert (run.inward.created, run.outward.created) == (0, 0), change
    assert len(shop.platform.contacts) == len(there)
    assert [view.id for view in shop.hub.customers().items] == [jane]
    held = [view for view in shop.hub.duplicates().items if view.held]
    assert [view.a.id for view in held] == [second] and held[0].b.id == jane


def test_the_only_record_there_goes_along_and_is_kept_in_step(shop):
    shop.platform.add(first="Jayne", phone="+447400123456")
    shop.sync()
    (jayne,) = [view.id for view in shop.hub.customers().items]
    (jane,) = shop.add(JANE)
    done = shop.hub.merge(jane, jayne, keep=jane)
    assert "The record at Memory goes along." in done.effects
    run = shop.sync()
    assert (run.inward.created, run.outward.created) == (0, 0)
    ((_, there),) = shop.platform.contacts.items()
    assert (there["first"], there["email"], there["phone"]) == ("Jane", "jane@x.uk", "+447400123456")


def test_whoever_was_merged_is_found_by_the_address_of_before(shop):
    jane, jayne = shop.add(JANE, {**JAYNE, "email": "jayne@work.uk"})
    shop.hub.merge(jane, jayne)
    shop.platform.add(first="Jayne", email="jayne@work.uk")
    run = shop.sync()
    assert run.inward.created == 0
    assert [view.id for view in shop.hub.customers().items] == [jane]
    assert shop.hub.import_customers([{"first_name": "Jayne", "email": "jayne@work.uk"}]).created == 0
    with shop.store.read() as connection:
        assert holders(connection, CUSTOMER.c.email_key == "jayne@work.uk") == [jane]


def test_undone_everything_is_as_it_was(shop):
    jane, jayne = shop.add(JANE, JAYNE)
    shop.card(jane, 10)
    shop.sale(jayne, shop.card(jayne, 32), "s1")
    shop.sync()
    shop.hub.duplicates()
    before = shop.everything()
    done = shop.hub.merge(jane, jayne)
    assert shop.everything() != before
    shop.hub.unmerge(done.id)
    assert shop.everything() == before
    run = shop.sync()
    assert (run.inward.created, run.outward.created, run.outward.updated) == (0, 0, 0)
    with pytest.raises(PerkstarError, match="undone already"):
        shop.hub.unmerge(done.id)


def test_why_one_was_not_sent_is_told_again_once_they_are_two(shop):
    jane, jayne = shop.add(JANE, JAYNE)
    left = {
        "hub_id": jayne,
        "remote_id": None,
        "state": "excluded",
        "reason": "Memory needs email",
        "attempts": 0,
    }
    with shop.store.write() as connection:
        connection.execute(insert(LINK).values(integration_id="int_1", data="customers", base={}, **left))
    done = shop.hub.merge(jane, jayne)
    assert shop.everything()["record_link"] == []
    shop.hub.unmerge(done.id)
    (link,) = shop.everything()["record_link"]
    assert {name: link[name] for name in left} == left


def test_a_sale_of_the_second_record_is_the_sale_of_the_one_customer(shop):
    jane, jayne = shop.add(JANE, JAYNE)
    shop.sync()
    shop.hub.merge(jane, jayne)
    second = next(id_ for id_, fields in shop.platform.contacts.items() if fields["first"] == "Jayne")
    leg: Any = SimpleNamespace(id="int_1", config=config())
    with shop.store.read() as connection:
        assert buyer(leg, connection, second, {}) == jane
        assert buyer(leg, connection, None, {"phone": "07400 123456"}) == jane


def test_undone_after_a_sync_makes_no_double_there(shop):
    jane, jayne = shop.add(JANE, JAYNE)
    shop.sync()
    done = shop.hub.merge(jane, jayne)
    shop.sync()
    shop.hub.unmerge(done.id)
    run = shop.sync()
    assert (run.inward.created, run.outward.created) == (0, 0)
    assert shop.names_there() == ["Jane", "Jayne"]
    states = [(row["hub_id"], row["state"]) for row in shop.everything()["record_link"]]
    assert sorted(states) == sorted([(jane, "linked"), (jayne, "linked")])


@pytest.mark.parametrize("later", ["edit", "sale", "merge", "erase"])
def test_what_came_later_and_depends_on_it_is_named_and_nothing_is_undone(shop, later):
    jane, jayne, jan = shop.add(JANE, JAYNE, {"first_name": "Jan", "last_name": "Doe", "city": "York"})
    card = shop.card(jayne, 32)
    done = shop.hub.merge(jane, jayne)
    words = {"edit": "phone of the one", "sale": "1 sale", "merge": "merged again", "erase": "erased"}[later]
    if later == "edit":
        shop.edit(jane, phone="+447400999999")
    elif later == "sale":
        shop.sale(jane, card, "s9")
    elif later == "merge":
        shop.hub.merge(jane, jan)
    else:
        with shop.store.write() as connection:
            connection.execute(CUSTOMER.delete().where(CUSTOMER.c.id == jayne))
    before = shop.everything()
    with pytest.raises(PerkstarError, match=words) as caught:
        shop.hub.unmerge(done.id)
    assert caught.value.kind is ErrorKind.CONFLICT
    assert shop.everything() == before


def test_merges_are_undone_in_turn(shop):
    jane, jayne, jan = shop.add(JANE, JAYNE, {"first_name": "Jan", "last_name": "Doe", "city": "York"})
    before = shop.everything()
    first, second = shop.hub.merge(jane, jayne), shop.hub.merge(jan, jane, keep=jan)
    assert shop.row(CUSTOMER, jayne).merged_into == jan
    shop.hub.unmerge(second.id)
    shop.hub.unmerge(first.id)
    assert shop.everything() == before


@pytest.mark.parametrize("case", ["same", "unknown", "merged", "unsettled", "field"])
def test_what_cannot_be_merged_is_refused_with_a_remedy(shop, case):
    jane, jayne, jan = shop.add(JANE, JAYNE, {"first_name": "Jan", "city": "York"})
    other, take = {"same": jane, "unknown": "cus_0"}.get(case, jayne), ()
    if case == "merged":
        shop.hub.merge(jan, jayne, keep=jan)
    if case == "field":
        take = ("revision",)
    if case == "unsettled":
        with shop.store.write() as connection:
            now = shop.clock.now()
            connection.execute(
                insert(INTENT).values(
                    id="itn_1", integration_id="int_1", act="create", hub_id=jayne, payload={}, state="open",
                    created_at=now, tried_at=now,
                )
            )  # fmt: skip
    before = shop.everything()
    with pytest.raises(PerkstarError) as caught:
        shop.hub.merge(jane, other, take=take)
    assert caught.value.remedy
    assert shop.everything() == before


def test_a_dismissed_pair_is_not_shown_or_found_again(shop):
    jane, _ = shop.add(JANE, JAYNE)
    (pair,) = shop.hub.duplicates().items
    assert pair.differs and pair.why and pair.verdict == "same"
    shop.hub.dismiss_duplicate(pair.id)
    shop.edit(jane, city="Leeds")
    assert shop.hub.duplicates().total == 0 and shop.hub.find_duplicates().open == 0
    assert [view.id for view in shop.hub.duplicates(state="dismissed").items] == [pair.id]
    shop.hub.dismiss_duplicate(pair.id, again=True)
    assert shop.hub.duplicates().total == 1


def test_new_pairs_are_counted_since_a_moment(shop):
    shop.add(JANE, JAYNE)
    start = shop.clock.now()
    shop.hub.duplicates()
    assert (shop.hub.new_duplicates(), shop.hub.new_duplicates(start)) == (1, 1)
    assert shop.hub.new_duplicates(shop.clock.now() + timedelta(seconds=1)) == 0


def test_every_merge_is_in_the_audit_trail(shop):
    jane, jayne = shop.add(JANE, JAYNE)
    done = shop.hub.merge(jane, jayne)
    shop.hub.unmerge(done.id)
    audit = t.AuditEntry
    with shop.store.read() as connection:
        acts = connection.execute(select(audit.c.act).order_by(audit.c.id)).scalars().all()
        assert connection.execute(select(MERGE.c.undone_at)).scalar_one() is not None
    assert acts[-2:] == ["merge", "unmerge"]


NELL = {"first_name": "Nell", "last_name": "Ash", "email": "nell@x.uk"}
NELLIE = {"first_name": "Nellie", "last_name": "Ash", "email": "ash@y.uk", "phone": "07400 123456"}


def merged_and_told(shop: Shop) -> tuple[str, str, Any]:
    """Two customers who were one for a while, and a platform that was told so; both are linked there."""
    nell, nellie = shop.add(NELL, NELLIE)
    shop.sync()
    done = shop.hub.merge(nell, nellie, keep=nell)
    shop.sync()
    assert there_of(shop, nell)["phone"] == "+447400123456"
    return nell, nellie, done


def change_there(shop: Shop, hub_id: str, **fields: Any) -> None:
    link = next(row for row in shop.everything()["record_link"] if row["hub_id"] == hub_id)
    shop.platform.put(link["remote_id"], **fields)


def there_of(shop: Shop, hub_id: str) -> dict[str, Any]:
    link = next(row for row in shop.everything()["record_link"] if row["hub_id"] == hub_id)
    return shop.platform.contacts[link["remote_id"]]


def test_what_an_undone_merge_emptied_does_not_come_back_from_a_platform_that_was_told_it(shop):
    nell, nellie, done = merged_and_told(shop)
    undone = shop.hub.unmerge(done.id)
    assert any("Memory" in said and "phone +447400123456" in said for said in undone.effects)
    for number in range(3):
        # Something else of the record changes, so that all of it is compared again.
        change_there(shop, nell, first=f"Nell{number}")
        run = shop.sync()
        assert (run.inward.updated, run.outward.updated) == (1, 0)
    assert (shop.row(CUSTOMER, nell).phone, shop.row(CUSTOMER, nell).phone_key) == (None, None)
    assert shop.row(CUSTOMER, nellie).phone == "+447400123456"
    assert there_of(shop, nell)["phone"] == "+447400123456", "empty clears nothing there"
    assert shop.hub.duplicates().total == 0, "it speaks for no pair"


def test_a_value_that_was_told_but_never_heard_of_does_not_come_back_either(shop):
    nell, _, done = merged_and_told(shop)
    with shop.store.write() as connection:
        # As if the run had been cut off between the vendor's answer and its keeping.
        for link in connection.execute(select(LINK).where(LINK.c.hub_id == nell)).all():
            base = {name: value for name, value in link.base.items() if name != "phone"}
            connection.execute(update(LINK).where(LINK.c.id == link.id).values(base=base))
    shop.hub.unmerge(done.id)
    change_there(shop, nell, first="Nelly")
    shop.sync()
    assert (shop.row(CUSTOMER, nell).first_name, shop.row(CUSTOMER, nell).phone) == ("Nelly", None)


def test_a_later_change_at_the_platform_is_taken_though_an_undone_merge_emptied_the_field(shop):
    nell, _, done = merged_and_told(shop)
    shop.hub.unmerge(done.id)
    shop.sync()
    link = next(row for row in shop.everything()["record_link"] if row["hub_id"] == nell)
    shop.platform.put(link["remote_id"], phone="+447400555555")
    shop.sync()
    assert shop.row(CUSTOMER, nell).phone == "+447400555555" and shop.hub.conflicts().total == 0
    shop.platform.put(link["remote_id"], phone="+447400123456")
    shop.sync()
    assert shop.row(CUSTOMER, nell).phone == "+447400123456", "from then on it is a field like any other"


def test_whoever_was_merged_away_does_not_keep_what_the_other_one_had(shop):
    shop.platform.add(first="Nellie", email="ash@y.uk")
    shop.sync()
    (nellie,) = [view.id for view in shop.hub.customers().items]
    (nell,) = shop.add(NELL | {"phone": "07400 123456"})
    done = shop.hub.merge(nell, nellie, keep=nell)
    shop.sync()
    undone = shop.hub.unmerge(done.id)
    assert any("phone +447400123456" in said for said in undone.effects)
    shop.sync()
    assert there_of(shop, nellie)["email"] == "ash@y.uk", "what it has itself goes there again"
    change_there(shop, nellie, first="Nella")
    shop.sync()
    assert (shop.row(CUSTOMER, nellie).phone, shop.row(CUSTOMER, nellie).first_name) == (None, "Nella")


def test_what_a_platform_was_told_of_a_merge_speaks_for_no_pair_there(shop):
    nell, nellie = shop.add(NELL | {"last_name": ""}, NELLIE | {"first_name": "Nell", "last_name": ""})
    shop.sync()
    records = [shop.platform.record(id_) for id_ in shop.platform.contacts]
    with shop.store.read() as connection:
        before, _ = doubles_among(config(), records, let_go_at(connection, config()))
    done = shop.hub.merge(nell, nellie, keep=nell)
    shop.sync()
    shop.hub.unmerge(done.id)
    records = [shop.platform.record(id_) for id_ in shop.platform.contacts]
    assert len({record.fields["phone"] for record in records}) == 1
    with shop.store.read() as connection:
        after, _ = doubles_among(config(), records, let_go_at(connection, config()))
    assert [pair.score for pair in after] == [pair.score for pair in before]


def test_looking_through_everything_again_finds_nothing_new_where_nothing_has_changed(shop, monkeypatch):
    people = [JANE | {"email": f"jane{n}@x.uk"} for n in range(2)] + [
        JAYNE | {"phone": f"07400 12345{n}"} for n in (1, 2)
    ]
    shop.add(*people)
    first = shop.hub.find_duplicates()
    ids = {view.id for view in shop.hub.duplicates().items}
    assert first.open == len(ids) > 1
    # However the store is cut into turns.
    monkeypatch.setattr("perkstar_tui.sync.doubles.TURN", 1)
    again = shop.hub.find_duplicates()
    assert (again.looked_at, again.found, again.open) == (4, 0, first.open)
    assert {view.id for view in shop.hub.duplicates().items} == ids


def test_the_likeliest_is_first_whether_a_search_or_a_run_has_found_it(shop):
    shop.add({"first_name": "Jo", "last_name": "Hill", "city": "Leeds", "postcode": "LS1 1AA"})
    shop.add({"first_name": "Jo", "last_name": "Hill", "city": "Leeds", "postcode": "LS1 1AB"})
    jane, jayne = shop.add(JANE, JAYNE)
    shop.sync()
    shop.hub.merge(jane, jayne)
    second = next(id_ for id_, fields in shop.platform.contacts.items() if fields["first"] == "Jayne")
    shop.platform.put(second, first="Jane", email="jane@x.uk")
    shop.sync()
    everything = shop.hub.duplicates()
    scores = [view.score for view in everything.items]
    assert everything.items[0].held and not everything.items[-1].held
    assert scores == sorted(scores, reverse=True)
    one_by_one = [shop.hub.duplicates(offset=n, limit=1).items for n in range(everything.total + 1)]
    assert [view.id for page in one_by_one for view in page] == [view.id for view in everything.items]

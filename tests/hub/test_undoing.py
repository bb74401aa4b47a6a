"""The undo of a run in an account of one's own: whole or not at all, with the ledger and the cards in order."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from perkstar_tui.hub.undoing import PATIENCE_S
from perkstar_tui.model.clock import SystemClock
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.store import leases
from perkstar_tui.store import tables as t
from perkstar_tui.store.database import ms
from perkstar_tui.store.upkeep import DAYS, prune
from perkstar_tui.sync.changes import CHANGE
from perkstar_tui.sync.context import CARD, CUSTOMER, INTEGRATION, LINK, RUN, TRANSACTION

EMPTY = dict.fromkeys(("read", "created", "updated", "unchanged", "excluded", "held", "failed"), 0)
AUDIT = t.AuditEntry


class Hurried(SystemClock):
    """A clock that only goes on while somebody sleeps, and then at once; `then` happens at the third sleep."""

    def __init__(self, then=None):
        self.slept, self.times, self.then = 0.0, 0, then
        self.began = super().now()

    def now(self):
        return self.began + timedelta(seconds=self.slept)

    def monotonic(self):
        return self.slept

    async def sleep(self, seconds):
        self.slept += seconds
        self.times += 1
        if self.times == 3 and self.then is not None:
            self.then()


class Shop:
    """A local account whose run `run_1` took a wrong name and an opt-in, made a customer, and credited two sales."""

    def __init__(self, hub):
        self.hub, self.store = hub, hub.bench.store
        self.now = hub.bench.clock.now() - timedelta(hours=1)
        stamp = ["int_1", ms(self.now)]
        with self.store.write() as connection:
            self.store.next_revisions(connection, 10)
            for id_, fields in (
                (
                    "cus_ann",
                    {"first_name": "Wrong", "email": "new@x.uk", "marketing_consent": "no", "balance": 42},
                ),
                ("cus_new", {"first_name": "New", "email": "n@x.uk"}),
            ):
                connection.execute(
                    insert(CUSTOMER).values(
                        id=id_,
                        revision=1,
                        created_at=self.now,
                        updated_at=self.now,
                        email_key=fields["email"],
                        last_visit="2026-11-27",
                        provenance={name: stamp for name in fields if name != "balance"},
                        **fields,
                    )
                )
                connection.execute(
                    insert(LINK).values(
                        integration_id="int_1",
                        data="customers",
                        hub_id=id_,
                        remote_id=f"R-{id_}",
                        state="linked",
                        base={},
                        reason="",
                        attempts=0,
                    )
                )
            connection.execute(
                insert(CARD).values(
                    id="crd_1",
                    revision=1,
                    customer_id="cus_ann",
                    template_id="tpl_1",
                    kind="reward",
                    balance=42,
                    status="",
                    created_at=self.now,
                    updated_at=self.now,
                )
            )
            for number, (name, earned, days) in enumerate((("OLD", 10, 9), ("A", 12, 1), ("B", 20, 0))):
                connection.execute(
                    insert(TRANSACTION).values(
                        id=f"trn_{name}",
                        revision=2 + number,
                        integration_id="int_1",
                        remote_id=name,
                        line_kind="sale",
                        customer_id="cus_ann",
                        card_id="crd_1",
                        happened_at=self.now - timedelta(days=days),
                        currency="GBP",
                        total_minor=earned * 100,
                        base_minor=0,
                        earned=earned,
                        reversed=0,
                        owed=0,
                        state="credited",
                        reason="",
                        mark="",
                        contact={},
                        created_at=self.now,
                    )
                )
            connection.execute(
                insert(RUN).values(
                    id="run_1",
                    integration_id="int_1",
                    trigger="manual",
                    started=self.now,
                    ended=self.now + timedelta(seconds=5),
                    outcome="succeeded",
                    inward=EMPTY | {"updated": 1},
                    outward=EMPTY,
                    api_calls=1,
                    bytes=0,
                    throttled_ms=0,
                    config_version=1,
                )
            )
            changed = {
                "first_name": ["Ann", "Wrong"],
                "email": ["ann@x.uk", "new@x.uk"],
                "marketing_consent": ["yes", "no"],
            }
            data = {
                "origin": "int_1",
                "changed": {"cus_ann": changed},
                "created": ["cus_new"],
                "sales": ["trn_A", "trn_B"],
            }
            connection.execute(
                insert(CHANGE).values(run_id="run_1", integration_id="int_1", at=self.now, data=data)
            )

    def all_rows(self):
        with self.store.read() as connection:
            return [
                connection.execute(select(of)).all()
                for of in (CUSTOMER, CARD, TRANSACTION, LINK, RUN, CHANGE, AUDIT)
            ]

    def row(self, of, id_):
        with self.store.read() as connection:
            return connection.execute(select(of).where(of.c.id == id_)).one()

    def write(self, of, id_, **values):
        with self.store.write() as connection:
            connection.execute(update(of).where(of.c.id == id_).values(**values))


@pytest.fixture
def shop(hub_of):
    return Shop(hub_of("square"))


def test_fields_customers_and_points_go_back_and_a_withdrawn_consent_is_not_raised(shop):
    view = shop.hub.undo_run("run_1")
    ann, new = shop.row(CUSTOMER, "cus_ann"), shop.row(CUSTOMER, "cus_new")
    assert (ann.first_name, ann.email, ann.email_key, ann.marketing_consent) == (
        "Ann",
        "ann@x.uk",
        "ann@x.uk",
        "no",
    )
    assert ann.provenance["first_name"][0] == "local"
    assert [line.reason for line in view.stays] == ["consent is never raised by an undo"]
    assert new.archived_at is not None
    link = next(link for link in shop.all_rows()[3] if link.hub_id == "cus_new")
    assert (link.state, link.code) == ("excluded", "undone") and "run_1" in link.reason
    assert (shop.row(CARD, "crd_1").balance, ann.balance) == (10, 10)
    assert ann.last_visit == (shop.now - timedelta(days=9)).date().isoformat()
    assert [shop.row(TRANSACTION, f"trn_{n}").reversed for n in ("OLD", "A", "B")] == [0, 12, 20]
    entries = [line for line in shop.all_rows()[2] if line.id not in ("trn_OLD", "trn_A", "trn_B")]
    assert sorted((e.line_kind, e.earned, e.total_minor, e.state) for e in entries) == [
        ("refund", -20, 0, "credited"),
        ("refund", -12, 0, "credited"),
    ]
    audit = next(entry for entry in shop.all_rows()[6] if entry.act == "undo_run")
    assert (audit.old, audit.new["undo"]) == ({"run": "run_1"}, view.undo_run)


def test_an_undo_that_breaks_off_at_its_end_has_changed_nothing(shop, monkeypatch):
    before = shop.all_rows()

    def die(*_args, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr(shop.hub.bench, "audit", die)
    with pytest.raises(KeyboardInterrupt):
        shop.hub.undo_run("run_1")
    assert shop.all_rows() == before
    monkeypatch.undo()
    assert shop.hub.undo_run("run_1").counts["sales"] == 2


def test_a_look_at_it_changes_nothing_and_says_the_same_as_the_undo(shop):
    before = shop.all_rows()
    seen = shop.hub.undo_run("run_1", dry_run=True)
    assert shop.all_rows() == before
    done = shop.hub.undo_run("run_1")
    assert (seen.back, seen.stays, seen.counts) == (done.back, done.stays, done.counts)


@pytest.mark.parametrize(
    ("of", "id_", "values", "reason"),
    [
        (CUSTOMER, "cus_ann", {"first_name": "Anna"}, "changed since"),
        (CUSTOMER, "cus_ann", {"provenance": {"email": ["local", 9]}}, "changed since by hand"),
        (
            CUSTOMER,
            "cus_new",
            {"email": "ann@x.uk", "email_key": "ann@x.uk"},
            "belongs to another customer now",
        ),
        (CUSTOMER, "cus_new", {"provenance": {"first_name": ["cloud", 9]}}, "changed since by Perkstar"),
        (LINK, 2, {"integration_id": "int_2", "remote_id": "M1"}, "it is at another platform too"),
        (CARD, "crd_1", {"customer_id": "cus_new"}, "it has a card"),
        (TRANSACTION, "trn_OLD", {"customer_id": "cus_new"}, "1 sale was booked for it"),
        (CARD, "crd_1", {"balance": 15}, "only 15 of its 20 points are left"),
    ],
)
def test_what_something_newer_depends_on_stays_and_is_named(shop, of, id_, values, reason):
    shop.write(of, id_, **values)
    view = shop.hub.undo_run("run_1")
    assert any(reason in line.reason for line in view.stays), [line.reason for line in view.stays]
    assert shop.row(RUN, view.undo_run).outcome == "partly"


def test_the_undo_of_an_undo_brings_customers_and_values_back_and_gives_no_points_twice(shop):
    first = shop.hub.undo_run("run_1")
    balance = shop.row(CARD, "crd_1").balance
    second = shop.hub.undo_run(first.undo_run)
    ann, new = shop.row(CUSTOMER, "cus_ann"), shop.row(CUSTOMER, "cus_new")
    assert (ann.first_name, ann.email_key, new.archived_at) == ("Wrong", "new@x.uk", None)
    link = next(link for link in shop.all_rows()[3] if link.hub_id == "cus_new")
    assert (link.state, link.code) == ("linked", None)
    assert shop.row(CARD, "crd_1").balance == balance
    assert any("points are given once" in note for note in second.notes)
    shop.write(CARD, "crd_1", balance=500)
    assert shop.hub.undo_run("run_1", dry_run=True).counts["sales"] == 0
    third = shop.hub.undo_run(second.undo_run)
    assert (third.counts["fields"], third.counts["customers"], third.counts["stays"]) == (2, 1, 0)
    assert shop.row(CUSTOMER, "cus_ann").first_name == "Ann"
    assert shop.row(CUSTOMER, "cus_new").archived_at is not None


def test_the_end_of_a_run_that_goes_on_is_waited_for(shop):
    bench = shop.hub.bench
    held = leases.take(bench.store, "run:int_1", bench.clock.now(), seconds=3000)
    clock = bench.clock = Hurried(lambda: leases.release(bench.store, held))
    assert shop.hub.undo_run("run_1").undo_run
    assert clock.times == 3, "it looks again and again, and no longer than it must"


def test_it_is_refused_while_a_run_goes_on_when_it_is_done_already_and_where_nothing_is_kept(shop):
    bench = shop.hub.bench
    clock = bench.clock = Hurried()
    begun = bench.clock.now()
    row = {"id": "run_2", "integration_id": "int_1", "trigger": "schedule", "started": begun, "inward": EMPTY}
    with shop.store.write() as connection:
        connection.execute(
            insert(RUN).values(**row, outcome="running", outward=EMPTY, api_calls=0, bytes=0, throttled_ms=0)
        )
        connection.execute(update(INTEGRATION).values(running="run_2"))
    held = leases.take(bench.store, "run:int_1", begun, seconds=3000)
    with pytest.raises(PerkstarError) as locked:
        shop.hub.undo_run("run_1")
    assert locked.value.kind is ErrorKind.LOCKED and clock.slept >= PATIENCE_S
    assert "run_2 of The books" in locked.value.message and f"{begun:%H:%M:%S}" in locked.value.message
    leases.release(bench.store, held)
    prune(shop.store, shop.now + timedelta(days=DAYS["undo"] - 1), DAYS)
    done = shop.hub.undo_run("run_1")
    with pytest.raises(PerkstarError) as again:
        shop.hub.undo_run("run_1")
    assert done.undo_run in again.value.message
    prune(shop.store, bench.clock.now() + timedelta(days=DAYS["undo"] + 1), DAYS)
    with pytest.raises(PerkstarError) as forgotten:
        shop.hub.undo_run(done.undo_run)
    assert "nothing is kept" in forgotten.value.message

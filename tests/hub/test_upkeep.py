"""The store's upkeep: what is found when it is not sound, what is mended, and which history goes."""

from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, update

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id, new_ids
from perkstar_tui.store import upkeep
from perkstar_tui.sync.context import CARD, CUSTOMER, INTEGRATION, LINK, LOG, RUN, TRANSACTION

CARD_ROW = {"template_id": "tpl_1", "kind": "points", "status": ""}


@pytest.fixture
def hub(hub_of):
    return hub_of("mailchimp", row={"status": "draft"})


def put(hub, target, *rows):
    with hub.bench.store.write() as connection:
        connection.execute(insert(target), list(rows))


def customer(hub, **more):
    id_, now = new_id("cus"), hub.bench.clock.now()
    with hub.bench.store.write() as connection:
        revision = hub.bench.store.next_revisions(connection, 1)
        row = {
            "id": id_,
            "revision": revision,
            "provenance": {},
            "created_at": now,
            "updated_at": now,
            **more,
        }
        connection.execute(insert(CUSTOMER).values(**row))
    return id_


def card(hub, customer_id, balance):
    now = hub.bench.clock.now()
    row = {"id": new_id("crd"), "customer_id": customer_id, "balance": balance, "revision": 1, **CARD_ROW}
    put(hub, CARD, {**row, "created_at": now, "updated_at": now})
    return row["id"]


def sale(hub, card_id, earned, **more):
    now = hub.bench.clock.now()
    put(hub, TRANSACTION, {
        "id": new_id("trn"), "revision": 1, "integration_id": "int_1", "remote_id": new_id("s"), "line_kind": "sale",
        "card_id": card_id, "happened_at": now, "currency": "GBP", "total_minor": 1000, "earned": earned, "owed": 0,
        "reversed": 0, "base_minor": 0, "state": "credited", "contact": {}, "created_at": now, **more,
    })  # fmt: skip


def link(hub, hub_id, remote_id, state="linked"):
    row = {
        "integration_id": "int_1",
        "data": "customers",
        "hub_id": hub_id,
        "remote_id": remote_id,
        "state": state,
    }
    put(hub, LINK, {**row, "base": {}, "reason": "", "attempts": 0})


def wrong(hub):
    view = hub.check_store()
    assert view.ok == all(check.ok for check in view.checks)
    assert all(check.remedy for check in view.checks if not check.ok)
    return [check.name for check in view.checks if not check.ok]


def test_a_store_with_everything_in_its_place_is_sound(hub):
    ann = customer(hub, email="ann@x.uk", email_key="ann@x.uk")
    sale(hub, card(hub, ann, 7), 10, owed=-3)
    link(hub, ann, "m1")
    assert wrong(hub) == []


@pytest.mark.parametrize(
    ("name", "break_it"),
    [
        ("links", lambda hub: link(hub, "cus_nobody", "m1")),
        ("cards", lambda hub: (customer(hub), card(hub, "cus_nobody", 0))),
        ("credits", lambda hub: (customer(hub), sale(hub, "crd_nowhere", 10))),
        ("ledger", lambda hub: card(hub, customer(hub), 5)),
        ("match keys", lambda hub: customer(hub, email="ann@x.uk")),
        ("revisions", lambda hub: put(hub, CUSTOMER, {
            "id": "cus_1", "revision": 10**6, "provenance": {}, "created_at": hub.bench.clock.now(),
            "updated_at": hub.bench.clock.now(),
        })),
    ],
)  # fmt: skip
def test_what_does_not_belong_together_is_named(hub, name, break_it):
    break_it(hub)
    assert wrong(hub) == [name]


def test_two_links_of_one_customer_are_named(hub):
    ann = customer(hub)
    link(hub, ann, "m1")
    link(hub, ann, "m2")
    assert wrong(hub) == ["one link each"]


def test_a_credential_that_cannot_be_opened_is_named_with_its_integration(hub):
    with hub.bench.store.write() as connection:
        connection.execute(update(INTEGRATION).where(INTEGRATION.c.id == "int_1").values(status="active"))
    assert wrong(hub) == ["credentials"]
    assert "The books" in hub.check_store().checks[-1].message


def test_what_needs_no_decision_is_mended_and_told(hub):
    link(hub, "cus_nobody", "m1")
    with hub.bench.store.write() as connection:
        connection.execute(update(INTEGRATION).where(INTEGRATION.c.id == "int_1").values(running="run_gone"))
    put(hub, CUSTOMER, {
        "id": "cus_1", "revision": 10**6, "provenance": {}, "created_at": hub.bench.clock.now(),
        "updated_at": hub.bench.clock.now(),
    })  # fmt: skip
    done = hub.repair_store()
    assert len(done) == 3, done
    assert wrong(hub) == []
    assert hub.repair_store() == ()


def test_old_history_goes_and_what_is_young_waits_or_runs_stays(hub):
    now = hub.bench.clock.now()
    old, young = now - timedelta(days=500), now - timedelta(days=1)
    line = {"level": "info", "code": "gone", "message": "", "remedy": ""}
    put(hub, LOG, *({"id": id_, "time": at, **line} for at in (old, young) for id_ in new_ids("log", 1500)))
    run = {"integration_id": "int_1", "trigger": "manual", "inward": {}, "outward": {}, "outcome": "succeeded",
           "api_calls": 0, "bytes": 0, "throttled_ms": 0, "config_version": 1}  # fmt: skip
    put(hub, RUN, *({"id": id_, "started": old, "ended": old, **run} for id_ in new_ids("run", 130)))
    put(hub, RUN, {"id": "run_0", "started": old, "ended": None, **run})
    gone = hub.prune()
    assert {name: count for name, count in gone.items() if count} == {"runs": 30, "log": 1500}
    assert set(gone) == set(upkeep.DAYS)
    with hub.bench.store.read() as connection:
        left = [connection.execute(select(func.count()).select_from(of)).scalar_one() for of in (LOG, RUN)]
    assert left == [1500, upkeep.LAST_RUNS + 1]
    assert sum(hub.prune().values()) == 0


def test_how_long_history_is_kept_is_a_setting_that_is_checked(hub):
    assert hub.kept_days({"log": "30"})["log"] == 30
    assert hub.kept_days()["log"] == 30
    assert hub.kept_days({"log": ""})["log"] == upkeep.DAYS["log"]
    for bad in ({"log": "0"}, {"log": "soon"}, {"logs": "30"}):
        with pytest.raises(PerkstarError) as caught:
            hub.kept_days(bad)
        assert caught.value.kind is ErrorKind.USAGE
        assert caught.value.field in bad


def test_the_remedy_of_a_link_to_nobody_mends_it(hub):
    link(hub, "cus_nobody", "m1")
    (sick,) = [check for check in hub.check_store().checks if not check.ok]
    assert sick.message == "1 link leads to a customer who is not there."
    assert "perkstar db repair" in sick.remedy and "NAME" not in sick.remedy
    assert hub.repair_store() == ("1 link to nobody is gone; the next full sync finds the records again.",)
    assert wrong(hub) == []

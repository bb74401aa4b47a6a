"""Whole runs of the engine between a real store and a platform in memory."""

from datetime import timedelta

import pytest
from memory_platform import config
from memory_shop import Shop
from sqlalchemy import update

from perkstar_tui.model.enums import SourceOfTruth
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.store import tables as t
from perkstar_tui.sync.context import CUSTOMER, INTEGRATION, INTENT, LINK, LOG


@pytest.fixture
def shop(tmp_path):
    made = Shop(tmp_path)
    yield made
    made.store.close()


def test_a_first_run_makes_each_side_whole_and_counts_add_up(shop):
    shop.platform.add(first="Ann", email="ann@x.uk")
    shop.platform.add(first="Bob", email="Bob@X.uk", phone="07400 123456")
    for n in range(12):
        shop.customer(first_name=f"P{n}", email=f"p{n}@x.uk")
    bob = shop.customer(first_name="Bob", email="bob@x.uk")
    run = shop.run()
    assert run.outcome == "succeeded"
    assert run.inward == {
        "read": 2,
        "created": 1,
        "updated": 1,
        "unchanged": 0,
        "excluded": 0,
        "held": 0,
        "failed": 0,
    }
    assert run.outward["created"] == 12
    for counts in (run.inward, run.outward):
        assert counts["read"] == sum(counts.values()) - counts["read"]
    assert shop.row(CUSTOMER, CUSTOMER.c.id == bob).phone == "+447400123456"
    assert len(shop.platform.contacts) == 14


def test_a_run_with_nothing_to_do_writes_nothing_and_asks_once(shop):
    for n in range(12):
        shop.platform.add(first=f"A{n}", email=f"a{n}@x.uk")
        shop.customer(first_name=f"B{n}", email=f"b{n}@x.uk")
    shop.run()
    shop.run()
    before = (shop.rows(CUSTOMER), shop.rows(LINK), len(shop.platform.writes))
    shop.platform.traffic.api_calls = 0
    run = shop.run()
    assert (shop.rows(CUSTOMER), shop.rows(LINK), len(shop.platform.writes)) == before
    assert run.api_calls == 1


@pytest.mark.parametrize(("truth", "winner"), [("perkstar", "Here"), ("platform", "There")])
def test_a_conflict_ends_by_the_rule_with_all_three_values_kept(shop, truth, winner):
    shop.config = config(truth=SourceOfTruth(truth))
    remote = shop.platform.add(first="Old", email="ann@x.uk")
    shop.run()
    ann = shop.rows(CUSTOMER)[0].id
    shop.edit(ann, first_name="Here")
    shop.platform.put(remote, first="There")
    shop.run()
    assert shop.row(CUSTOMER, CUSTOMER.c.id == ann).first_name == winner
    assert shop.platform.contacts[remote]["first"] == winner
    entry = shop.row(LOG, LOG.c.code == "conflict")
    values = [entry.details[name] for name in ("base", "hub", "remote")]
    assert values == ["Old", "Here", "There"]


def test_a_familys_shared_phone_links_nobody_wrongly_and_the_lone_record_is_held(shop):
    shop.customer(first_name="Ann", email="ann@x.uk", phone="+447400123456")
    shop.customer(first_name="Ben", email="ben@x.uk", phone="+447400123456")
    shop.platform.add(first="Ann", email="ann@x.uk", phone="07400123456")
    lone = shop.platform.add(first="?", phone="07400123456")
    run = shop.run()
    assert run.inward["held"] == 1
    link = shop.row(LINK, LINK.c.remote_id == lone)
    assert (link.state, link.hub_id) == ("held", None)
    assert "2 customers" in link.reason
    assert shop.count(CUSTOMER) == 2


def test_a_second_remote_record_of_one_customer_is_held_as_duplicate(shop):
    shop.platform.add(first="Ann", email="ann@x.uk")
    shop.platform.add(first="Ann again", email="ANN@x.uk")
    run = shop.run()
    assert (run.inward["created"], run.inward["held"]) == (1, 1)
    assert shop.count(CUSTOMER) == 1


def test_one_rejected_record_is_held_with_field_words_and_remedy_and_the_rest_goes_on(shop):
    shop.platform.refuse = {"bad@x.uk"}
    bad = shop.customer(first_name="Bad", email="bad@x.uk")
    for n in range(5):
        shop.customer(first_name=f"P{n}", email=f"p{n}@x.uk")
    run = shop.run()
    assert (run.outcome, run.outward["created"], run.outward["held"]) == ("partly", 5, 1)
    entry = shop.row(LOG, LOG.c.code == "record_rejected")
    assert (entry.record, entry.field, entry.vendor_message) == (bad, "email", "nope")
    assert entry.remedy
    assert shop.run().outcome == "succeeded"
    shop.edit(bad, email="good@x.uk", email_key="good@x.uk")
    assert shop.run().outward["created"] == 1


def test_a_crash_between_the_vendors_answer_and_our_note_makes_nothing_twice(shop):
    for n in range(25):
        shop.customer(first_name=f"P{n}", email=f"p{n}@x.uk")
    shop.platform.crash_after = 13
    with pytest.raises(KeyboardInterrupt):
        shop.run()
    shop.platform.crash_after = None
    shop.run()
    emails = [fields["email"] for fields in shop.platform.contacts.values()]
    assert len(emails) == len(set(emails)) == 25
    assert shop.count(INTENT) == 0


def test_gone_at_the_vendor_is_believed_only_after_a_complete_read_and_not_made_again(shop):
    ids = [shop.platform.add(first=f"A{n}", email=f"a{n}@x.uk") for n in range(8)]
    shop.run()
    del shop.platform.contacts[ids[0]]
    shop.run()
    assert shop.row(LINK, LINK.c.remote_id == ids[0]).state == "linked"
    shop.run(full=True)
    assert shop.row(LINK, LINK.c.remote_id == ids[0]).state == "gone"
    assert (shop.count(CUSTOMER), len(shop.platform.contacts)) == (8, 7)


def test_a_merge_at_the_vendor_of_two_customers_is_held_for_a_person(shop):
    loser = shop.platform.add(first="Ann", email="a1@x.uk")
    winner = shop.platform.add(first="Ann", email="a2@x.uk")
    shop.run()
    del shop.platform.contacts[loser]
    shop.platform.merged[loser] = winner
    shop.run(full=True)
    assert shop.row(LINK, LINK.c.remote_id == loser).state == "duplicate"


def test_a_revoked_credential_stops_all_calls_and_says_reconnect(shop):
    shop.platform.fail = PerkstarError(ErrorKind.CREDENTIAL_REFUSED, "revoked")
    assert shop.run().outcome == "failed"
    assert shop.row(INTEGRATION, INTEGRATION.c.id == "int_1").status == "reconnect_required"
    calls = shop.platform.traffic.api_calls
    with pytest.raises(PerkstarError) as caught:
        shop.run()
    assert caught.value.exit_code == 5
    assert shop.platform.traffic.api_calls == calls


def test_an_outage_becomes_error_after_three_runs_and_active_again_by_itself(shop):
    shop.platform.fail = PerkstarError(ErrorKind.SERVICE_UNAVAILABLE, "503")
    statuses = []
    for _ in range(3):
        shop.run()
        statuses.append(shop.row(INTEGRATION, INTEGRATION.c.id == "int_1").status)
    assert statuses == ["active", "active", "error"]
    shop.platform.fail = None
    shop.run()
    assert shop.row(INTEGRATION, INTEGRATION.c.id == "int_1").status == "active"


def test_a_mass_change_is_stopped_before_the_first_write_and_goes_on_when_accepted(shop):
    ids = [shop.platform.add(first=f"A{n}", email=f"a{n}@x.uk") for n in range(60)]
    shop.run()
    for row in shop.rows(CUSTOMER):
        shop.edit(row.id, first_name="Wiped")
    run = shop.run()
    assert (run.outcome, run.error["code"]) == ("failed", "mass_change")
    assert shop.platform.writes == []
    assert shop.run(accept_mass_change=True).outcome == "succeeded"
    assert shop.platform.contacts[ids[0]]["first"] == "Wiped"


def test_a_second_run_at_the_same_moment_is_refused_as_locked(shop):
    from perkstar_tui.store import leases

    held = leases.take(shop.store, "run:int_1", shop.clock.now())
    with pytest.raises(PerkstarError) as caught:
        shop.run()
    assert caught.value.exit_code == 7
    leases.release(shop.store, held)


def test_pausing_stops_a_running_run_at_a_page_and_resuming_costs_no_extra_write(shop):
    for n in range(30):
        shop.platform.add(first=f"A{n}", email=f"a{n}@x.uk")
    pages = 0
    original = shop.platform.record

    def pause_in_the_middle(id_):
        nonlocal pages
        pages += 1
        if pages == 12:
            with shop.store.write() as connection:
                connection.execute(update(INTEGRATION).values(status="paused"))
            shop.clock.at += timedelta(seconds=1)
        return original(id_)

    shop.platform.record = pause_in_the_middle
    assert shop.run().outcome == "interrupted"
    done = shop.count(CUSTOMER)
    assert 0 < done < 30
    shop.platform.record = original
    with shop.store.write() as connection:
        connection.execute(update(t.Integration).values(status="active"))
    run = shop.run()
    assert run.inward["created"] == 30 - done
    assert shop.platform.writes == []


def test_a_customer_without_what_the_platform_needs_is_left_out_with_the_reason_and_sent_once_it_is_there(
    shop,
):
    from dataclasses import replace

    shop.config = config(
        lines=tuple(replace(line, required=line.hub == "email") for line in shop.config.lines)
    )
    ann = shop.customer(first_name="Ann", phone="+447400123456")
    run = shop.run()
    assert run.outward["excluded"] == 1
    link = shop.row(LINK, LINK.c.hub_id == ann)
    assert (link.state, link.remote_id) == ("excluded", None)
    assert "needs email" in link.reason
    shop.edit(ann, email="ann@x.uk", email_key="ann@x.uk")
    assert shop.run().outward["created"] == 1
    assert [(row.state, row.hub_id) for row in shop.rows(LINK)] == [("linked", ann)]


def test_a_held_record_is_linked_by_itself_once_this_side_leaves_one_to_choose(shop):
    shop.customer(first_name="Ann", email="ann@x.uk", phone="+447400123456")
    ben = shop.customer(first_name="Ben", email="ben@x.uk", phone="+447400123456")
    lone = shop.platform.add(first="Ann", phone="07400123456")
    first = shop.run()
    assert (first.inward["held"], first.outward["held"]) == (1, 2)
    shop.edit(ben, phone="+447400999999", phone_key="+447400999999")
    shop.run()
    assert shop.row(LINK, LINK.c.remote_id == lone).state == "linked"
    states = sorted((row.state, row.remote_id is None) for row in shop.rows(LINK))
    assert states == [("linked", False), ("linked", False)]
    assert len(shop.platform.contacts) == 2


def test_a_conflict_is_kept_in_hub_form_for_its_undo(shop):
    from perkstar_tui.sync.context import CONFLICT

    remote = shop.platform.add(first="Ann", email="ann@x.uk", phone="07400 123456")
    shop.run()
    ann = shop.rows(CUSTOMER)[0].id
    shop.edit(ann, phone="+447400111111", phone_key="+447400111111")
    shop.platform.put(remote, phone="07400 222222")
    shop.run()
    kept = shop.rows(CONFLICT)[0]
    assert (kept.field, kept.hub, kept.remote, kept.winner) == (
        "phone",
        "+447400111111",
        "+447400222222",
        "perkstar",
    )

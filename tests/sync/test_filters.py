"""Filters in whole runs between a real store and a platform in memory: who is left out, and comes back."""

from dataclasses import replace
from datetime import date

import pytest
from memory_platform import config
from memory_shop import Shop

from perkstar_tui.model.enums import SourceOfTruth
from perkstar_tui.sync.config import compile_lines
from perkstar_tui.sync.context import CUSTOMER, LINK
from perkstar_tui.sync.filters import TO_PERKSTAR, TO_PLATFORM, filter_of

TODAY = date(2026, 11, 28)


def filtered(shop, out="", taken=""):
    """The shop's settings with these filters."""
    shop.config = replace(
        config(),
        sends=filter_of({TO_PLATFORM: out}, TO_PLATFORM, TODAY),
        takes=filter_of({TO_PERKSTAR: taken}, TO_PERKSTAR, TODAY),
    )


@pytest.fixture
def shop(tmp_path):
    made = Shop(tmp_path)
    yield made
    made.store.close()


def link_of(shop, hub_id):
    return shop.row(LINK, LINK.c.hub_id == hub_id)


def adds_up(run):
    for counts in (run.inward, run.outward):
        assert counts["read"] == sum(counts.values()) - counts["read"]
    return run


def test_a_customer_that_does_not_pass_is_not_sent_and_the_filter_is_named(shop):
    filtered(shop, out='first_name = "ann"')
    shop.customer(first_name="Ann", email="ann@x.uk")
    bob = shop.customer(first_name="Bob", email="bob@x.uk")
    run = adds_up(shop.run())
    assert (run.outward["created"], run.outward["excluded"]) == (1, 1)
    assert [one["first"] for one in shop.platform.contacts.values()] == ["Ann"]
    assert (link_of(shop, bob).state, link_of(shop, bob).reason) == (
        "excluded",
        'left out by the filter: first_name = "ann"',
    )


def test_narrowed_and_widened_again_nothing_is_lost_doubled_or_sent_twice(shop):
    people = {name: shop.customer(first_name=name, email=f"{name}@x.uk") for name in ("Ann", "Bob", "Cid")}
    shop.run()
    assert len(shop.platform.contacts) == 3
    writes = len(shop.platform.writes)

    filtered(shop, out='first_name != "Bob"')
    run = adds_up(shop.run())
    assert (run.outward["excluded"], run.outward["unchanged"]) == (1, 2)
    shop.edit(people["Bob"], first_name="Bob", phone="+447400111111")
    shop.edit(people["Cid"], phone="+447400222222")
    run = adds_up(shop.run())
    assert (run.outward["excluded"], run.outward["updated"]) == (1, 1)
    bob = link_of(shop, people["Bob"])
    assert (bob.state, bob.code) == ("excluded", TO_PLATFORM) and bob.remote_id in shop.platform.contacts
    assert len(shop.platform.writes) == writes + 1, "of those left out, nothing was sent"

    filtered(shop)
    adds_up(shop.run())
    assert len(shop.platform.writes) == writes + 2, "what changed meanwhile is sent, once, and nothing else"
    assert shop.platform.contacts[bob.remote_id]["phone"] == "+447400111111"
    assert {row.state for row in shop.rows(LINK)} == {"linked"}
    run = shop.run()
    assert (run.outward["read"], len(shop.platform.contacts)) == (0, 3)


def test_a_left_out_link_whose_customer_did_not_change_is_in_step_again_without_a_write(shop):
    ann = shop.customer(first_name="Ann", email="ann@x.uk")
    shop.run()
    writes = len(shop.platform.writes)
    filtered(shop, out='first_name = "nobody"')
    shop.run()
    assert link_of(shop, ann).state == "excluded"
    filtered(shop)
    shop.run()
    assert (link_of(shop, ann).state, link_of(shop, ann).code, link_of(shop, ann).reason) == (
        "linked",
        None,
        "",
    )
    assert len(shop.platform.writes) == writes


def test_a_record_that_does_not_pass_is_not_taken_in_until_the_filter_lets_it(shop):
    filtered(shop, taken='first_name starts with "a"')
    ann, bob = (shop.platform.add(first=name, email=f"{name}@x.uk") for name in ("Ann", "Bob"))
    run = adds_up(shop.run())
    assert (run.inward["created"], run.inward["excluded"]) == (1, 1)
    link = shop.row(LINK, LINK.c.remote_id == bob)
    assert (link.state, link.hub_id, link.code) == ("excluded", None, TO_PERKSTAR)
    assert "starts with" in link.reason
    assert adds_up(shop.run(full=True)).inward["excluded"] == 1

    filtered(shop, taken='first_name starts with "b"')
    adds_up(shop.run())
    assert shop.row(LINK, LINK.c.remote_id == bob).state == "linked"
    assert shop.row(LINK, LINK.c.remote_id == ann).state == "excluded", "its link stays"
    assert sorted(row.first_name for row in shop.rows(CUSTOMER)) == ["Ann", "Bob"]

    filtered(shop)
    adds_up(shop.run())
    assert {row.state for row in shop.rows(LINK)} == {"linked"}
    assert (shop.platform.writes, shop.count(CUSTOMER)) == ([], 2)


def test_what_changed_there_while_a_filter_kept_it_out_comes_in_when_it_is_widened(shop):
    ann = shop.platform.add(first="Ann", email="ann@x.uk")
    shop.run()
    filtered(shop, taken="email is empty")
    shop.platform.put(ann, first="Anna")
    shop.run()
    assert shop.rows(CUSTOMER)[0].first_name == "Ann"
    filtered(shop)
    shop.run()
    assert shop.rows(CUSTOMER)[0].first_name == "Anna"
    assert shop.platform.writes == []


def test_a_left_out_record_of_a_known_customer_is_linked_so_that_nobody_is_made_there_again(shop):
    filtered(shop, taken='first_name = "nobody"')
    there = shop.platform.add(first="Ann", email="ann@x.uk", phone="07400 123456")
    here = shop.customer(first_name="Ann", email="ann@x.uk")
    shop.run()
    shop.run()
    assert list(shop.platform.contacts) == [there]
    assert (link_of(shop, here).remote_id, link_of(shop, here).code) == (there, TO_PERKSTAR)
    assert shop.row(CUSTOMER, CUSTOMER.c.id == here).phone is None, "nothing of it was taken in"
    assert shop.platform.writes == []


def test_a_customer_who_comes_later_than_a_left_out_record_meets_it(shop):
    filtered(shop, taken='first_name = "nobody"')
    there = shop.platform.add(first="Ann", email="ann@x.uk")
    shop.run()
    here = shop.customer(first_name="Ann", email="ann@x.uk")
    shop.run()
    assert list(shop.platform.contacts) == [there]
    assert link_of(shop, here).remote_id == there


def test_an_interrupted_run_under_a_new_filter_is_gone_on_with(shop):
    for n in range(12):
        shop.platform.add(first=f"A{n}", email=f"a{n}@x.uk")
    filtered(shop, taken='first_name = "nobody"')
    shop.run()
    filtered(shop)
    asked = 0
    original = shop.platform.record

    def fails(id_):
        nonlocal asked
        asked += 1
        if asked == 8:
            raise KeyboardInterrupt
        return original(id_)

    shop.platform.record = fails
    with pytest.raises(KeyboardInterrupt):
        shop.run()
    shop.platform.record = original
    adds_up(shop.run())
    assert shop.count(CUSTOMER) == 12


def test_a_narrowed_filter_is_no_mass_change(shop):
    for n in range(60):
        shop.platform.add(first=f"A{n}", email=f"a{n}@x.uk")
    shop.run()
    for row in shop.rows(CUSTOMER):
        shop.edit(row.id, first_name="Wiped")
    filtered(shop, out='first_name = "nobody"')
    run = adds_up(shop.run())
    assert (run.outcome, run.outward["excluded"]) == ("succeeded", 60)


def test_a_filter_on_todays_date_judges_again_the_next_day(shop):
    lines = [
        {"hub": "email", "remote": "email", "transform": "lower"},
        {"hub": "first_name", "remote": "first"},
        {"hub": "birth_date", "remote": "born", "transform": "date_iso"},
    ]
    base = config()
    made = compile_lines(lines, base.direction, base.truth, "GB")
    shop.customer(first_name="Ann", email="ann@x.uk", birth_date="2026-11-20")
    text = {TO_PLATFORM: "birth_date < 10 days ago"}
    for day, there in ((date(2026, 11, 28), 0), (date(2026, 12, 1), 1)):
        shop.config = replace(base, lines=made, sends=filter_of(text, TO_PLATFORM, day))
        shop.run()
        assert len(shop.platform.contacts) == there


def test_where_the_platform_would_win_a_left_out_record_is_neither_changed_nor_forgotten(shop):
    filtered(shop, taken="email is empty")
    shop.config = replace(shop.config, lines=config(truth=SourceOfTruth.PLATFORM).lines)
    there = shop.platform.add(first="Anna", email="ann@x.uk")
    here = shop.customer(first_name="Ann", email="ann@x.uk")
    shop.run()
    shop.run()
    assert (shop.platform.contacts[there]["first"], shop.platform.writes) == ("Anna", [])
    assert shop.row(CUSTOMER, CUSTOMER.c.id == here).first_name == "Ann"
    shop.config = replace(shop.config, takes=None)
    shop.run()
    assert shop.row(CUSTOMER, CUSTOMER.c.id == here).first_name == "Anna"


def test_a_customer_let_out_again_still_waits_for_a_held_record_that_may_be_the_same(shop):
    for name in ("Ann", "Ben"):
        shop.customer(first_name=name, email=f"{name.lower()}@x.uk", phone="+447400123456")
    filtered(shop, out="email is empty")
    shop.platform.add(first="?", phone="07400123456")
    run = shop.run()
    assert (run.inward["held"], run.outward["excluded"]) == (1, 2)
    filtered(shop)
    run = shop.run()
    assert (run.outward["held"], run.outward["created"]) == (2, 0)
    assert len(shop.platform.contacts) == 1

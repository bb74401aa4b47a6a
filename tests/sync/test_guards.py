"""What a run never does: believe in an emptiness that it did not see whole, or go on against what nobody meant."""

import pytest
from fuse import FusedShop

from perkstar_tui.sync.context import CUSTOMER, LINK


@pytest.fixture
def shop(tmp_path):
    made = FusedShop(tmp_path)
    for number in range(60):
        made.platform.add(first=f"P{number}", email=f"p{number}@x.uk")
    assert made.run().inward["created"] == 60
    assert made.run().outcome == "succeeded"
    yield made
    made.store.close()


def states(shop):
    return {row.state for row in shop.rows(LINK)}


@pytest.mark.parametrize("page", [1, 2, 7])
def test_a_read_that_breaks_off_makes_nobody_gone(shop, page):
    del shop.platform.contacts["m1"]
    assert shop.cut_off(page, full=True).outcome == "failed"
    assert states(shop) == {"linked"}
    assert shop.run(full=True).outcome == "succeeded"
    assert sum(row.state == "gone" for row in shop.rows(LINK)) == 1


def test_a_list_that_is_suddenly_empty_stops_the_run_and_takes_nothing_away(shop):
    kept, shop.platform.contacts = shop.platform.contacts, {}
    run = shop.run(full=True)
    assert (run.outcome, run.error["code"]) == ("failed", "mass_change")
    assert states(shop) == {"linked"}
    assert all(row.archived_at is None for row in shop.rows(CUSTOMER))
    shop.platform.contacts = kept
    assert shop.run(full=True).outcome == "succeeded"
    assert states(shop) == {"linked"}


def test_who_is_gone_there_is_kept_here_though_a_mass_change_was_accepted(shop):
    shop.platform.contacts = {}
    run = shop.run(full=True, accept_mass_change=True)
    assert run.outcome == "succeeded", run.error
    assert states(shop) == {"gone"}
    assert len(shop.rows(CUSTOMER)) == 60
    assert shop.platform.contacts == {}


def test_an_unreachable_platform_changes_nothing_on_either_side(shop):
    before = [(row.id, row.revision) for row in shop.rows(CUSTOMER)]
    for step in (1, 2):
        assert shop.cut_off(step, full=True).outcome == "failed"
    assert [(row.id, row.revision) for row in shop.rows(CUSTOMER)] == before
    assert len(shop.platform.contacts) == 60


def test_a_run_that_meets_its_own_writes_writes_nothing(shop):
    """Real-time integrations hear of every write of ours: that must end there."""
    shop.edit(shop.rows(CUSTOMER)[0].id, first_name="Edited")
    shop.run()
    writes = len(shop.platform.writes)
    for full in (False, True, False):
        run = shop.run(full=full)
        assert run.inward["updated"] + run.outward["updated"] == 0
    assert len(shop.platform.writes) == writes

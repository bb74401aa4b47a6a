"""A field that goes round: what is sent is taken back each time. It is held, said, and let go; an edit is none."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_hub import MemoryHub
from sqlalchemy import event

from perkstar_tui.sync import loops
from perkstar_tui.sync.loops import ROUNDS, Step, rounds


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[MemoryHub]:
    made = MemoryHub(tmp_path)
    yield made
    made.hub.close()


def known(shop: MemoryHub, count: int = 1) -> list[tuple[str, str]]:
    """Customers on both sides, as (ours, theirs)."""
    ours = [shop.customer(first_name="Ann", email=f"ann{number}@x.uk") for number in range(count)]
    shop.sync()
    there = {link.hub_id: remote for remote, link in shop.links().items()}
    return [(id_, there[id_]) for id_ in ours]


def one_round(shop: MemoryHub, pairs: list[tuple[str, str]], here: str = "ANN", there: str = "Ann") -> Any:
    """Something here writes its value, it is sent, and something there writes the other one; answers the last run."""
    for ours, _ in pairs:
        shop.edit(ours, first_name=here)
    shop.sync(full=False)
    for _, theirs in pairs:
        shop.platform.put(theirs, first=there)
    return shop.sync(full=False)


def test_what_is_taken_back_three_times_is_held_and_said(shop: MemoryHub) -> None:
    pairs = known(shop)
    ((ours, theirs),) = pairs
    for _ in range(ROUNDS - 1):
        assert one_round(shop, pairs).outcome == "succeeded"
        assert shop.links()[theirs].state == "linked"
    assert one_round(shop, pairs).outcome == "partly"
    link = shop.links()[theirs]
    assert (link.state, link.code, link.field) == ("held", "loop", "first")
    (item,) = shop.hub.queue().items
    assert item.record == ours and item.field == "first_name"
    assert item.reason == (
        "first_name goes back and forth between two texts: it was sent 3 times, and HubSpot gave the other "
        "value back each time"
    )
    assert "one way" in item.remedy
    (said,) = [entry for entry in shop.hub.log("int_1").items if entry.code == "loop"]
    assert (said.record, said.field) == (ours, "first_name")
    assert "ANN" not in said.message


def test_a_held_record_is_sent_no_more_and_the_others_are(shop: MemoryHub) -> None:
    pairs = known(shop, 2)
    (ours, theirs), (other, others) = pairs
    for _ in range(ROUNDS):
        one_round(shop, pairs[:1])
    writes = len(shop.platform.writes)
    shop.edit(ours, first_name="ANN")
    shop.edit(other, first_name="Bea")
    shop.sync(full=False)
    assert [change.remote_id for change in shop.platform.writes[writes:]] == [others]
    assert shop.platform.contacts[theirs]["first"] == "Ann"
    # What comes from there is still taken.
    shop.platform.put(theirs, phone="+447400123456")
    shop.sync(full=False)
    assert shop.hub.record(ours).hub["phone"] == "+447400123456"
    assert shop.links()[theirs].state == "held"


def test_tried_again_it_is_sent_and_watched_anew(shop: MemoryHub) -> None:
    pairs = known(shop)
    ((ours, theirs),) = pairs
    for _ in range(ROUNDS):
        one_round(shop, pairs)
    shop.edit(ours, first_name="ANN")
    shop.sync(full=False)
    (item,) = shop.hub.queue().items
    shop.hub.settle(item.id, "retry")
    shop.sync(full=False)
    assert shop.platform.contacts[theirs]["first"] == "ANN"
    assert shop.links()[theirs].state == "linked"
    shop.platform.put(theirs, first="Ann")
    shop.sync(full=False)
    # What was before does not count; only three more rounds would.
    assert shop.links()[theirs].state == "linked"
    for _ in range(ROUNDS):
        one_round(shop, pairs)
    assert shop.links()[theirs].code == "loop"


def test_a_record_that_goes_round_can_be_left_out_for_good(shop: MemoryHub) -> None:
    pairs = known(shop)
    for _ in range(ROUNDS):
        one_round(shop, pairs)
    (item,) = shop.hub.queue().items
    shop.hub.settle(item.id, "leave-out")
    one_round(shop, pairs)
    assert shop.links()[pairs[0][1]].state == "excluded"
    assert not shop.hub.queue().items


@pytest.mark.parametrize("values", [["Bea", "Ann", "Bea"], ["Bea", "Cy", "Di", "Ed", "Flo", "Gus"]])
def test_whoever_changes_a_value_here_again_and_again_is_not_stopped(
    shop: MemoryHub, values: list[str]
) -> None:
    ((ours, theirs),) = known(shop)
    for value in values * 2:
        shop.edit(ours, first_name=value)
        shop.sync(full=False)
        assert shop.platform.contacts[theirs]["first"] == value
    assert shop.links()[theirs].state == "linked"


def test_whoever_changes_values_on_both_sides_is_not_stopped(shop: MemoryHub) -> None:
    pairs = known(shop)
    for number in range(ROUNDS * 2):
        one_round(shop, pairs, here=f"Ann {number}", there="Ann")
    assert shop.links()[pairs[0][1]].state == "linked"


def test_twice_is_no_loop_nor_is_once_a_month(shop: MemoryHub) -> None:
    pairs = known(shop)
    for _ in range(ROUNDS * 2):
        one_round(shop, pairs)
        shop.clock.at += loops.WINDOW / (ROUNDS - 1)
    assert shop.links()[pairs[0][1]].state == "linked"


def test_many_that_go_round_pause_the_integration_and_resuming_goes_on(shop: MemoryHub) -> None:
    pairs = known(shop, loops.MANY)
    for _ in range(ROUNDS - 1):
        one_round(shop, pairs)
    assert shop.integration().status == "active"
    run = one_round(shop, pairs)
    assert (run.outcome, run.error["code"]) == ("failed", "loop")
    view = shop.hub.integration("int_1")
    assert view.status == "paused"
    assert view.status_reason == (
        f"Paused by Perkstar: {loops.MANY} records go back and forth between Perkstar and HubSpot (first_name)."
    )
    assert "resume" in view.status_remedy
    writes = len(shop.platform.writes)
    shop.hub.resume("int_1")
    assert shop.hub.integration("int_1").status_code == ""
    for ours, _ in pairs:
        shop.edit(ours, first_name="ANN")
    assert shop.sync(full=False).outcome == "succeeded"
    assert len(shop.platform.writes) == writes
    assert shop.hub.queue().total == loops.MANY


def test_a_run_that_changed_nothing_here_looks_for_no_loop(shop: MemoryHub) -> None:
    ((ours, theirs),) = known(shop)
    asked: list[str] = []
    engine = shop.store.engine
    event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))

    def looked() -> int:
        asked.clear()
        shop.sync(full=False)
        return sum("FROM run_change" in statement for statement in asked)

    assert looked() == 0
    shop.edit(ours, first_name="Bea")
    assert looked() == 0
    shop.platform.put(theirs, first="Cy")
    assert looked() > 0


def test_a_first_sync_looks_for_no_loop(shop: MemoryHub) -> None:
    asked: list[str] = []
    event.listen(shop.store.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    shop.customer(first_name="Ann", email="ann@x.uk")
    shop.platform.add(first="Anne", email="ann@x.uk", phone="+447400123456")
    assert shop.sync().inward.updated == 1
    assert not any("FROM run_change" in statement for statement in asked)


def turns(count: int, here: str = "a", there: str = "b") -> list[Step]:
    return [
        step
        for number in range(count)
        for step in (Step(True, (here,), 2 * number), Step(False, (here, there), 2 * number + 1))
    ]


BEFORE = st.lists(
    st.builds(Step, st.booleans(), st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), st.just(0))
)


@given(before=BEFORE, count=st.integers(1, 9))
def test_turns_are_counted_whatever_was_before(before: list[Step], count: int) -> None:
    assert rounds([*before, *turns(count)]) >= count
    assert rounds([*before, Step(True, ("c",), 0), *turns(count)]) == count


@given(count=st.integers(0, 9))
def test_a_turn_that_differs_ends_the_counting(count: int) -> None:
    assert rounds([*turns(3, "c", "b"), *turns(count)]) == (count or 3)
    assert rounds([*turns(count), Step(True, ("a",), 0)]) == 0

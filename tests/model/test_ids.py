"""Ids are ULIDs behind a prefix, never twice the same, in order of time."""

import time

from ulid import ULID

from perkstar_tui.model.ids import new_id, new_ids


def test_many_at_once_are_ulids_in_order_and_never_meet():
    first, second = new_ids("cus", 5000), new_ids("cus", 5000)
    assert first == sorted(first) and second == sorted(second)
    assert len({*first, *second}) == 10_000
    stamps = {ULID.from_str(id_.removeprefix("cus_")).milliseconds for id_ in first}
    assert len(stamps) == 1 and abs(stamps.pop() - time.time() * 1000) < 5000


def test_one_and_many_have_the_same_form():
    assert len(new_id("cus")) == len(new_ids("cus", 1)[0])

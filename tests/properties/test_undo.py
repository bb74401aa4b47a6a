"""What of a run can be taken back: laws that hold for whatever happened since."""

from hypothesis import given
from hypothesis import strategies as st

from perkstar_tui.sync.changes import Effects, FieldChange
from perkstar_tui.sync.undoing import Booked, Person, field_stays, judge_sales, person_stays

VALUES = st.sampled_from([None, "", "a", "b", "yes", "no", "unknown"])
NAMES = st.sampled_from(["first_name", "email", "marketing_consent"])
WRITERS = st.tuples(st.sampled_from(["local", "cloud", "int_1", "int_2"]), st.integers(0, 3))
CARDS = st.sampled_from(["c1", "c2"])


@st.composite
def lines(draw):
    return [
        Booked(
            f"t{number}",
            draw(st.sampled_from(["sale", "refund"])),
            draw(st.sampled_from(["credited", "credited", "queued", "pending", "none", "held"])),
            draw(st.integers(-50, 50)),
            draw(st.none() | CARDS),
            number,
            draw(st.sampled_from([0, 0, 0, 4])),
            draw(st.booleans()),
        )
        for number in range(draw(st.integers(0, 8)))
    ]


@given(lines(), st.dictionaries(CARDS, st.integers(0, 80)))
def test_no_card_goes_below_zero_and_no_line_goes_back_by_more_than_it_did(booked, balances):
    found = judge_sales(booked, balances)
    left = dict(balances)
    for line in booked:
        verdict = found[line.id]
        assert bool(verdict.reason) == (verdict.act == "stays")
        if verdict.act == "counter":
            assert line.state == "credited" and verdict.points == -line.effect
            left[line.card_id] = left.get(line.card_id, 0) + verdict.points
        if line.refunded_since or line.under_way:
            assert verdict.act in ("stays", "none")
    assert all(balance >= 0 for balance in left.values())


@given(NAMES, VALUES, VALUES, VALUES, WRITERS, WRITERS, st.booleans())
def test_a_field_goes_back_only_if_it_is_what_the_run_left_by_the_runs_own_hand(
    name, before, after, now, stamp, writer, archived
):
    person = Person({name: now}, {name: list(writer)}, archived)
    reason = field_stays(name, FieldChange(before, after, stamp), person)
    untouched = now == after and writer == stamp and not archived
    raises = name == "marketing_consent" and after != "yes"
    assert (reason == "") == (untouched and not raises)


@given(
    st.dictionaries(NAMES, WRITERS),
    st.integers(0, 2),
    st.integers(0, 2),
    st.lists(st.just("Square"), max_size=1),
)
def test_a_customer_is_put_away_only_if_nothing_newer_needs_it(provenance, sales, cards, elsewhere):
    person = Person(
        {}, {name: list(w) for name, w in provenance.items()}, False, sales, cards, tuple(elsewhere)
    )
    reason = person_stays(person, {"int_1"}, 2)
    own = all(writer[0] == "int_1" and writer[1] <= 2 for writer in provenance.values())
    assert (reason == "") == (own and not sales and not cards and not elsewhere)


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=5))
def test_parts_put_together_keep_the_first_value_before_and_the_last_one_after(changes):
    from datetime import UTC, datetime, timedelta

    effects, at = Effects(), datetime(2026, 11, 24, tzinfo=UTC)
    for number, values in enumerate(changes):
        data = {"origin": "int_1", "changed": {"cus_1": {"first_name": list(values)}}}
        effects.add(at + timedelta(seconds=number), data)
    change = effects.changed["cus_1"]["first_name"]
    assert (change.before, change.after) == (changes[0][0], changes[-1][1])
    assert change.stamp == ("int_1", round((at.timestamp() + len(changes) - 1) * 1000))

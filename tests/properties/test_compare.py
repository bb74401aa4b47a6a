"""Laws of the compare, over all triples of base, hub and remote."""

from hypothesis import given
from hypothesis import strategies as st

from perkstar_tui.model.enums import Direction, Write
from perkstar_tui.sync.mapping import Line, transform
from perkstar_tui.sync.plan import LET_GO, Moment, decide

VALUES = st.sampled_from([None, "a", "b", "c"])
LINES = st.builds(
    lambda direction, write, rule, may_clear: Line(
        "first_name", "name", transform("text"), direction, write, rule, may_clear=may_clear
    ),
    st.sampled_from(list(Direction)),
    st.sampled_from(list(Write)),
    st.sampled_from(["perkstar", "platform", "newest"]),
    st.booleans(),
)
MOMENT = Moment(1_000_000, {"first_name": ["local", 900_000]}, "int_1")
BASES = st.one_of(st.just({}), st.builds(lambda value: {"name": value}, VALUES))


def _apply(line, hub, remote, base):
    decision = decide([line], {"first_name": hub}, {"name": remote}, base, MOMENT)
    new_hub = decision.take.get("first_name", hub)
    new_remote = decision.send.get("name", remote)
    # After a send the base is what the vendor's answer shows.
    new_base = {**decision.base, **decision.send}
    return new_hub, new_remote, new_base, decision


@given(LINES, VALUES, VALUES, BASES)
def test_deciding_again_on_the_result_changes_nothing(line, hub, remote, base):
    new_hub, new_remote, new_base, _ = _apply(line, hub, remote, base)
    again = decide([line], {"first_name": new_hub}, {"name": new_remote}, new_base, MOMENT)
    assert (again.take, again.send) == ({}, {})


@given(LINES, VALUES, VALUES, BASES)
def test_fields_that_both_sides_can_write_are_equal_afterwards(line, hub, remote, base):
    new_hub, new_remote, _, _ = _apply(line, hub, remote, base)
    if line.direction is Direction.BOTH and line.write is Write.ALWAYS:
        assert new_hub == new_remote


@given(LINES, VALUES, VALUES, BASES)
def test_empty_never_wipes_a_filled_value_unless_the_line_may_clear(line, hub, remote, base):
    new_hub, new_remote, _, _ = _apply(line, hub, remote, base)
    if not line.may_clear:
        assert not (hub and not new_hub)
        assert not (remote and not new_remote)


@given(LINES, VALUES, VALUES, BASES)
def test_a_side_that_may_not_be_written_is_not_written(line, hub, remote, base):
    _, _, _, decision = _apply(line, hub, remote, base)
    if not line.direction.inward:
        assert not decision.take
    if not line.outward:
        assert not decision.send


@given(VALUES, VALUES, st.sampled_from(["perkstar", "platform", "newest"]), st.booleans())
def test_a_one_way_field_is_sent_only_when_it_changes_here(hub, remote, rule, may_clear):
    line = Line(
        "first_name",
        "name",
        transform("text"),
        Direction.TO_PLATFORM,
        Write.ALWAYS,
        rule,
        may_clear=may_clear,
    )
    decision = decide([line], {"first_name": hub}, {"name": remote}, {"name": hub}, MOMENT)
    assert (decision.take, decision.send) == ({}, {})


NAMES = [
    Line("first_name", "first", transform("text"), Direction.BOTH, Write.ALWAYS, "perkstar"),
    Line("last_name", "last", transform("text"), Direction.BOTH, Write.ALWAYS, "perkstar"),
]
WORDS = st.lists(st.sampled_from(["Ana", "Bo", "Cy"]), min_size=1, max_size=3)


def _divided(words):
    """As a platform shows a name that it keeps as a whole: its first word, and the rest."""
    return {"first": words[0], "last": " ".join(words[1:]) or None}


@given(WORDS, st.integers(0, 3))
def test_a_name_divided_elsewhere_is_the_same_name(words, cut):
    hub = {"first_name": " ".join(words[:cut]) or None, "last_name": " ".join(words[cut:]) or None}
    for base in ({}, _divided(words)):
        decision = decide(NAMES, hub, _divided(words), base, MOMENT)
        assert (decision.take, decision.send, decision.clashes) == ({}, {}, [])


@given(WORDS, st.integers(0, 3), WORDS)
def test_a_name_changed_there_is_taken_whole_without_a_conflict(words, cut, others):
    hub = {"first_name": " ".join(words[:cut]) or None, "last_name": " ".join(words[cut:]) or None}
    decision = decide(NAMES, hub, _divided(others), _divided(words), MOMENT)
    assert (decision.send, decision.clashes) == ({}, []) or _divided(others)["last"] is None
    after = {**hub, **decision.take}
    if _divided(others)["last"] is not None and others != words:
        assert (after["first_name"], after["last_name"]) == (others[0], " ".join(others[1:]))


CONSENT = Line(
    "marketing_consent",
    "status",
    transform("choice:yes=subscribed,no=unsubscribed"),
    Direction.BOTH,
    Write.ALWAYS,
    "newest",
    consent=True,
)


@given(
    st.sampled_from([None, "yes", "no", "unknown"]),
    st.sampled_from([None, "subscribed", "unsubscribed", "cleaned"]),
    st.sampled_from([{}, {"status": "subscribed"}, {"status": "unsubscribed"}]),
)
def test_consent_never_rises_there_without_proof_and_a_no_is_never_undone(hub, remote, base):
    decision = decide([CONSENT], {"marketing_consent": hub}, {"status": remote}, base, MOMENT)
    assert decision.send.get("status") != "subscribed"
    if hub == "no":
        assert decision.take.get("marketing_consent") != "yes"
    if remote == "unsubscribed":
        assert decision.send == {}


@given(LINES, VALUES, st.sampled_from(["a", "b", "c"]))
def test_what_an_undo_emptied_is_neither_taken_back_nor_wiped_and_a_change_there_is_taken(
    line, remote, agreed
):
    moment = Moment(1_000_000, {"first_name": [LET_GO, 900_000]}, "int_1")
    base = {"name": agreed}
    decision = decide([line], {"first_name": None}, {"name": remote}, base, moment)
    assert not decision.clashes or line.may_clear
    if not line.may_clear:
        assert not decision.send
        taken = remote if line.inward and remote not in (None, agreed) else None
        assert decision.take.get("first_name") == taken
    again = decide(
        [line],
        {"first_name": decision.take.get("first_name")},
        {"name": decision.send.get("name", remote)},
        {**base, **decision.base, **decision.send},
        moment,
    )
    assert (again.take, again.send) == ({}, {})

"""Rules for unclear matches settle only what would be held, and never choose among those that contradict."""

from hypothesis import given
from hypothesis import strategies as st

from perkstar_tui.sync.matching import Rules, match

VALUES = st.sampled_from([None, "a", "b", "c"])
KEYS = st.fixed_dictionaries({"email": VALUES, "phone": VALUES})
PEOPLE = st.lists(KEYS, max_size=5)
ORDER = ("email", "phone")


def found(mine, people, rules=Rules()):
    def candidates(key, value):
        return [(f"cus_{n}", one) for n, one in enumerate(people) if one[key] == value]

    return match(mine, ORDER, candidates, rules=rules)


RULES = st.builds(
    Rules, st.sampled_from(["hold", "link", "new"]), st.sampled_from(["hold", "oldest", "newest"])
)


@given(KEYS, PEOPLE, RULES)
def test_what_is_clear_is_not_touched_by_a_rule(mine, people, rules):
    clear = found(mine, people)
    if clear.verdict != "held":
        assert found(mine, people, rules) == clear


@given(KEYS, PEOPLE, RULES)
def test_a_rule_links_only_to_somebody_it_was_held_for(mine, people, rules):
    held, settled = found(mine, people), found(mine, people, rules)
    if held.verdict == "held" and settled.verdict == "one":
        assert settled.ids[0] in held.ids
        if len(held.ids) > 1:
            assert rules.several in ("oldest", "newest") and "have this" in held.reason
        assert settled.key == held.key
    if held.verdict == "held" and settled.verdict == "none":
        assert rules.contradiction == "new" and len(held.ids) == 1


@given(KEYS, PEOPLE)
def test_oldest_and_newest_are_the_ends_of_those_that_it_may_be(mine, people):
    held = found(mine, people)
    if held.verdict == "held" and "have this" in held.reason:
        for several, pick in (("oldest", min), ("newest", max)):
            assert found(mine, people, Rules("hold", several)).ids == (pick(held.ids),)


def test_options_that_are_not_set_hold():
    assert Rules.of({}) == Rules() == Rules.of({"match_several": ""})
    assert Rules.of({"match_several": "oldest", "match_contradiction": "new"}) == Rules("new", "oldest")

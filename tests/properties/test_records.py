"""Laws of the compare over whole records: every transform, lossy ones too, every capability, any base."""

from typing import NamedTuple

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from perkstar_tui.model.enums import Direction, Write
from perkstar_tui.sync.mapping import Line, transform
from perkstar_tui.sync.plan import NAME, Decision, Moment, decide

WORDS = st.sampled_from(["Ann", "Bo", " Ann ", "Ann Lee", "", None])
DATES = st.sampled_from(["1990-03-07", "1985-03-07", "1990-03-08", "--03-07", "no date", None])
PHONES = st.sampled_from(["+447400123456", "07400 123456", "+447400999999", "12", "", None])
NUMBERS = st.sampled_from([0, 3, "3", 3.5, "", None, "many"])


class Kind(NamedTuple):
    """A field that may be mapped: the transform, what a hub may hold in it, and what a platform may show."""

    hub: str
    transform: str
    here: st.SearchStrategy
    there: st.SearchStrategy


KINDS = (
    Kind("first_name", "text", WORDS, WORDS),
    Kind("last_name", "text", WORDS, WORDS),
    Kind("email", "lower", st.sampled_from(["a@x.uk", "A@x.uk", "b@x.uk", None]),
         st.sampled_from(["a@x.uk", "A@X.UK", "b@x.uk", "no address", None])),
    Kind("phone", "e164", PHONES, PHONES),
    Kind("company", "digits", PHONES, st.sampled_from(["447400123456", "447400999999", None])),
    Kind("birth_date", "date_year0", DATES,
         st.sampled_from(["1990-03-07", "0000-03-07", "0000-03-08", None])),
    Kind("city", "birthday_mmdd", DATES, st.sampled_from(["03/07", "3/7", "03/08", None])),
    Kind("region", "date_iso", DATES, st.sampled_from(["1990-03-07", "1990-03-07T10:00:00Z", None])),
    Kind("gender", "gender_number", st.sampled_from(["male", "female", "other", None]),
         st.sampled_from([0, 1, 2, "1", None])),
    Kind("balance", "number", NUMBERS, NUMBERS),
    Kind("postcode", "number_text", NUMBERS, NUMBERS),
    Kind("language", "choice:en=English,de=German", st.sampled_from(["en", "de", "fr", None]),
         st.sampled_from(["English", "German", "Welsh", None])),
)  # fmt: skip
CONSENT = Kind(
    "marketing_consent", "choice:yes=subscribed,no=unsubscribed",
    st.sampled_from([None, "yes", "no", "unknown"]),
    st.sampled_from([None, "subscribed", "unsubscribed", "cleaned"]),
)  # fmt: skip
RULES = ("perkstar", "platform", "newest")


class Case(NamedTuple):
    lines: tuple[Line, ...]
    hub: dict
    remote: dict
    base: dict
    moment: Moment
    proven: bool
    creating: bool


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A mapping with two unmapped fields beside it, and any three versions of a record."""
    kinds = draw(
        st.lists(st.sampled_from((*KINDS, CONSENT)), min_size=1, max_size=5, unique_by=lambda k: k.hub)
    )
    lines, hub, remote, base, provenance = [], {"tier": "gold"}, {"tags": "vip"}, {}, {}
    for kind in kinds:
        form = transform(kind.transform)
        path = f"fields.{kind.hub}"
        lines.append(
            Line(
                kind.hub, path, form,
                draw(st.sampled_from(list(Direction))), draw(st.sampled_from(list(Write))),
                draw(st.sampled_from(RULES)), may_clear=draw(st.booleans()),
                consent=kind.hub == CONSENT.hub,
            )
        )  # fmt: skip
        hub[kind.hub] = draw(kind.here)
        remote[path] = draw(kind.there)
        match draw(st.sampled_from(["none", "ours", "theirs", "other"])):
            case "ours":
                base[path] = form.same(form.out(hub[kind.hub]))
            case "theirs":
                base[path] = form.same(remote[path])
            case "other":
                base[path] = form.same(draw(kind.there))
        if draw(st.booleans()):
            provenance[kind.hub] = ["local", draw(st.sampled_from([900_000, 999_000, 1_100_000]))]
    moment = Moment(draw(st.sampled_from([None, 1_000_000])), provenance, "int_1")
    return Case(tuple(lines), hub, remote, base, moment, draw(st.booleans()), draw(st.booleans()))


def decided(case: Case) -> Decision:
    return decide(
        case.lines, case.hub, case.remote, case.base, case.moment,
        creating=case.creating, consent_proven=case.proven,
    )  # fmt: skip


def applied(case: Case, decision: Decision) -> Case:
    """Both sides and the base as they are once the decision was carried out and the platform has answered."""
    same = {line.remote: line.transform.same for line in case.lines}
    shown = {path: same[path](value) for path, value in decision.send.items()}
    return case._replace(
        hub={**case.hub, **decision.take},
        remote={**case.remote, **decision.send},
        base={**case.base, **decision.base, **shown},
        creating=False,
    )


def whole_name(case: Case, *, here: bool) -> str:
    """First and last name as one, of the hub or of the platform."""
    lines = {line.hub: line for line in case.lines if line.hub in NAME}
    parts = [
        case.hub.get(name) if here else case.remote.get(lines[name].remote) for name in NAME if name in lines
    ]
    return " ".join(" ".join(str(part) for part in parts if part).split())


def in_platform_form(line: Line, case: Case) -> tuple:
    return (
        line.transform.same(line.transform.out(case.hub.get(line.hub))),
        line.transform.same(case.remote.get(line.remote)),
    )


@given(cases())
def test_a_plan_applied_twice_changes_nothing(case):
    after = applied(case, decided(case))
    again = decided(after)
    assert (again.take, again.send, again.clashes) == ({}, {}, [])


@given(cases())
def test_both_sides_are_equal_on_what_both_can_write(case):
    after = applied(case, decided(case))
    for line in case.lines:
        writable = line.direction is Direction.BOTH and line.write is Write.ALWAYS and not line.consent
        here, there = in_platform_form(line, after)
        if not writable or here == there:
            continue
        if line.hub in NAME and whole_name(after, here=True) == whole_name(after, here=False):
            continue  # The same name, divided in another place.
        # What this platform has no form for (a gender or a language it does not know) it can't be made to show.
        unsayable = after.hub.get(line.hub) not in (None, "") and here is None
        assert unsayable, line.hub
        assert after.hub[line.hub] == case.hub[line.hub]


@given(cases())
def test_nothing_outside_the_mapping_or_against_its_directions_is_touched(case):
    decision = decided(case)
    assert set(decision.take) <= {line.hub for line in case.lines if line.inward}
    assert set(decision.send) <= {line.remote for line in case.lines if line.outward}
    created_only = {line.remote for line in case.lines if line.write is Write.CREATE_ONLY}
    assert case.creating or created_only.isdisjoint(decision.send)


@given(cases())
def test_no_value_is_made_up(case):
    """Afterwards each field holds, in the platform's form, what one of the two sides held before."""
    after = applied(case, decided(case))
    for line in case.lines:
        before, now = in_platform_form(line, case), in_platform_form(line, after)
        assert set(now) <= set(before), line.hub


@given(cases())
def test_a_filled_value_is_never_emptied_unless_the_line_may_clear(case):
    after = applied(case, decided(case))
    for line in case.lines:
        if not line.may_clear:
            lost_here = case.hub.get(line.hub) not in (None, "") and after.hub.get(line.hub) in (None, "")
            shown = line.transform.same
            lost_there = shown(case.remote.get(line.remote)) is not None and (
                shown(after.remote.get(line.remote)) is None
            )
            assert not lost_here, line.hub
            assert not lost_there, line.hub


@given(cases())
def test_only_a_clash_loses_a_value_and_it_is_kept_with_the_rule_s_winner(case):
    """If both sides changed a field since they agreed, the loser's value stands in the clash; else nothing is lost."""
    decision = decided(case)
    clashed = {clash.hub_field: clash for clash in decision.clashes}
    for line in case.lines:
        here, there = in_platform_form(line, case)
        agreed = case.base.get(line.remote)
        two_way = line.direction is Direction.BOTH and line.write is Write.ALWAYS and not line.consent
        if not two_way or line.hub in NAME or here == there or None in (here, there):
            continue
        both_changed = line.remote not in case.base or agreed not in (here, there)
        partly = line.transform.back(case.remote[line.remote], case.hub[line.hub]) == case.hub[line.hub]
        if both_changed and not partly:
            event("clash")
            clash = clashed[line.hub]
            assert (clash.hub, clash.remote) == (here, there)
            winner = {"perkstar": "perkstar", "platform": "platform"}.get(line.rule)
            assert winner in (None, clash.winner)
        else:
            assert line.hub not in clashed
            assert (line.remote in decision.send) == (agreed == there or partly), line.hub


@given(cases())
def test_the_newest_wins_by_more_than_five_seconds_only(case):
    for clash in decided(case).clashes:
        line = next(line for line in case.lines if line.hub == clash.hub_field)
        if line.rule == "newest":
            written = case.moment.provenance.get(line.hub)
            later = (
                written is not None
                and case.moment.remote_ms is not None
                and case.moment.remote_ms > written[1] + 5000
            )
            assert clash.winner == ("platform" if later else "perkstar")


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_the_lines_is_of_no_importance(case, chance):
    lines = list(case.lines)
    chance.shuffle(lines)
    other = decided(case._replace(lines=tuple(lines)))
    mine = decided(case)
    assert (other.take, other.send, other.base) == (mine.take, mine.send, mine.base)
    assert sorted(other.waiting) == sorted(mine.waiting)


@given(cases())
def test_one_field_is_decided_without_regard_to_another(case):
    assume(len({line.hub for line in case.lines} & {*NAME}) < 2)
    whole = decided(case)
    for line in case.lines:
        alone = decided(case._replace(lines=(line,)))
        assert alone.take == {k: v for k, v in whole.take.items() if k == line.hub}
        assert alone.send == {k: v for k, v in whole.send.items() if k == line.remote}


@given(cases().filter(lambda case: any(line.consent for line in case.lines)))
def test_consent_rises_only_with_a_proof_and_a_no_is_never_undone(case):
    line = next(line for line in case.lines if line.consent)
    decision = decided(case)
    here, there = case.hub["marketing_consent"], case.remote[line.remote]
    if decision.send.get(line.remote) == "subscribed":
        assert here == "yes"
        assert case.proven
        assert there not in ("subscribed", "unsubscribed")
    if here == "no" or there == "unsubscribed":
        assert decision.take.get("marketing_consent") != "yes"
        assert decision.send.get(line.remote) != "subscribed"


@given(cases())
def test_what_is_only_partly_said_there_keeps_the_rest_here(case):
    """A birthday without a year that agrees in month and day never takes the year away."""
    after = applied(case, decided(case))
    for line in case.lines:
        before, now = str(case.hub.get(line.hub)), str(after.hub.get(line.hub))
        if line.hub in ("birth_date", "city") and before[4:] == now[1:] and before[:1].isdigit():
            assert now == before, line.hub


@given(cases())
@settings(max_examples=50)
def test_deciding_changes_none_of_the_three_versions(case):
    before = (dict(case.hub), dict(case.remote), dict(case.base))
    decided(case)
    assert before == (case.hub, case.remote, case.base)

"""The language of filters and rules: it reads what it says, judges anything, and refuses with a place and a way out."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.sync.bought import EARNING
from perkstar_tui.sync.expressions import (
    DEEPEST,
    EFFECTS,
    OPERATORS,
    Ago,
    And,
    Compare,
    Effect,
    Empty,
    In,
    Not,
    Or,
    When,
    compiled,
    is_relative,
    parse,
    parse_rules,
    say,
    say_rule,
    used,
)
from perkstar_tui.sync.vocabulary import CUSTOMER

TODAY = date(2026, 11, 28)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=12)
NUMBERS = st.decimals(-99999, 99999, allow_nan=False, places=2)
DATES = st.dates(date(1, 1, 1), date(9999, 12, 31))
VALUES = {
    "text": TEXTS,
    "texts": TEXTS,
    "number": NUMBERS,
    "date": DATES | st.integers(0, 36525).map(Ago),
    "yes/no": st.booleans(),
}


@st.composite
def leaves(draw, fields):
    name = draw(st.sampled_from(sorted(fields)))
    known = fields[name]
    may = [op for op, (kinds, _) in OPERATORS.items() if known.kind in kinds]
    op = draw(st.sampled_from(may))
    value = st.sampled_from(known.choices) if known.choices else VALUES[known.kind]
    if op.startswith("is"):
        return Empty(name, op == "is not empty")
    if "in (" in op:
        return In(name, tuple(draw(st.lists(value, min_size=1, max_size=3))), op.startswith("not"))
    return Compare(name, op, draw(value))


def trees(fields):
    return st.recursive(
        leaves(fields),
        lambda part: (
            part.map(Not)
            | st.lists(part, min_size=2, max_size=3).map(lambda parts: And(tuple(parts)))
            | st.lists(part, min_size=2, max_size=3).map(lambda parts: Or(tuple(parts)))
        ),
        max_leaves=8,
    )


def fits(tree):
    try:
        parse(say(tree), CUSTOMER)
    except PerkstarError as wrong:
        return "levels deep" not in wrong.message and "characters" not in wrong.message
    return True


@given(trees(CUSTOMER).filter(fits))
def test_what_is_said_reads_back_as_the_same(tree):
    assert parse(say(tree), CUSTOMER) == tree


effects = st.one_of(
    st.just(Effect("none")),
    st.builds(Effect, st.just("plus"), st.integers(0, 9999).map(Decimal)),
    *(
        st.builds(Effect, st.just(kind), st.decimals(0, 999, places=2))
        for kind in ("times", "percent", "rate")
    ),
)


@given(st.lists(st.builds(When, leaves(EARNING), effects), min_size=1, max_size=5))
def test_rules_read_back_as_the_same(rules):
    assert parse_rules("; ".join(map(say_rule, rules)), EARNING) == tuple(rules)


SIGNS = [
    *(
        "=",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "(",
        ")",
        ",",
        ";",
        '"',
        "'",
        "\\",
        "%",
        ".",
        "$",
        "“",
        "+",
        '"x"',
        "1",
        "-2.5",
    ),
    *("and", "or", "not", "in", "contains", "starts", "with", "is", "empty", "today", "days", "ago", "yes"),
    *("2026-01-31", "2026-99-99", "when", "then", "x2", "+50", "+10%", "none", "rate"),
]
WORDS = st.sampled_from([*CUSTOMER, *SIGNS, "\n", "\x00"])


@settings(max_examples=300)
@given(
    st.text(max_size=60)
    | st.lists(WORDS, max_size=25).map(" ".join)
    | st.lists(WORDS, max_size=12).map("".join)
)
def test_whatever_is_written_it_is_read_or_refused_in_words(text):
    for read, fields in ((parse, CUSTOMER), (parse_rules, EARNING)):
        try:
            read(text, fields, "filter")
        except PerkstarError as wrong:
            assert wrong.kind is ErrorKind.USAGE and wrong.message and wrong.remedy
            assert wrong.field == "filter"


ANY = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | DATES
    | st.lists(TEXTS | st.none(), max_size=3)
)


@given(trees(CUSTOMER | EARNING), st.dictionaries(st.sampled_from(sorted(CUSTOMER | EARNING)), ANY))
def test_it_judges_any_record_with_yes_or_no(tree, record):
    fields = dict(CUSTOMER) | EARNING
    test = compiled(tree, fields, TODAY)
    assert test(record) is (not compiled(Not(tree), fields, TODAY)(record))


@given(leaves(CUSTOMER))
def test_what_is_empty_satisfies_no_comparison(leaf):
    for record in ({}, {leaf.name: None}, {leaf.name: ""}, {leaf.name: "  "}):
        expected = isinstance(leaf, Empty) and not leaf.negated
        assert compiled(leaf, CUSTOMER, TODAY)(record) is expected


def judged(text, fields=CUSTOMER, **record):
    return compiled(parse(text, fields), fields, TODAY)(record)


@pytest.mark.parametrize(
    ("text", "record", "holds"),
    [
        ('country = "gb"', {"country": " GB "}, True),
        ('country != "GB"', {"country": "FR"}, True),
        ('country != "GB"', {}, False),
        ('not (country = "GB")', {}, True),
        ("balance = 0", {"balance": 0}, True),
        ("balance = 0", {}, False),
        ("balance is empty", {"balance": 0}, False),
        ("balance >= 9.5", {"balance": 10}, True),
        ("last_visit < 30 days ago", {"last_visit": "2026-10-28"}, True),
        ("last_visit < 30 days ago", {"last_visit": "2026-10-29"}, False),
        ("last_visit = today", {"last_visit": "2026-11-28"}, True),
        ("birth_date < 2000-01-01", {"birth_date": "--03-07"}, False),
        ("marketing_consent = no", {"marketing_consent": "unknown"}, False),
        ("marketing_consent = no", {"marketing_consent": "no"}, True),
        ('tier in ("gold", "silver") and city contains "ton"', {"tier": "Gold", "city": "Brighton"}, True),
        ('city starts with "x" or city ends with "y" and tier is empty', {"city": "Bury"}, True),
        ('language not in ("en")', {"language": "fr"}, True),
        ('language not in ("en")', {}, False),
    ],
)  # fmt: skip
def test_examples(text, record, holds):
    assert judged(text, **record) is holds


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('category = "tea"', True),
        ('category != "tea"', False),
        ('category not in ("cake")', True),
        ('product contains "lat"', False),
        ("product_id is empty", True),
    ],
)
def test_of_several_values_one_is_enough_and_unlike_means_unlike_all(text, holds):
    record = {"category": ["Tea", None, "coffee"], "product": ["Oolong"], "product_id": [None]}
    assert judged(text, EARNING, **record) is holds


@pytest.mark.parametrize(
    ("text", "says", "helps"),
    [
        ('contry = "GB"', "There is no field 'contry' at 1.", "Did you mean country?"),
        ("country = GB", "'GB' is not understood at 11.", 'Put texts in quotes: "GB".'),
        ('country == "GB"', "at 10", "a single ="),
        ("country = “GB”", "at 11", "straight quotes"),
        ('country = "GB', "at 11", "ends with the quote"),
        ("balance", "It ends too early at 8.", "is"),
        ('balance > "10"', 'balance is a number, and "10" is none at 11.', "12.5"),
        ("country > 3", "> is not for that", "contains"),
        ("last_visit > 2026-02-30", "There is no day 2026-02-30 at 14.", "2026-01-31"),
        ("balance > 9999999999999", "too long at 11", "12 digits"),
        ("not " * 40 + "tier is empty", f"more than {DEEPEST} levels", "fewer"),
        ("(" * 1999, "It ends too early", "a field"),
        ("x" * 2001, "2,001 characters", "in (…)"),
        ("", "It ends too early at 1.", "a field"),
    ],
)
def test_what_is_wrong_is_named_with_its_place_and_what_may_stand_there(text, says, helps):
    with pytest.raises(PerkstarError) as caught:
        parse(text, CUSTOMER)
    assert says in caught.value.message
    assert helps in caught.value.remedy


def test_a_day_that_never_is_one_is_refused_with_the_nearest():
    with pytest.raises(PerkstarError) as caught:
        parse_rules('when weekday = "tuesday" then x2', EARNING)
    assert "Did you mean" in caught.value.remedy and '"tue"' in caught.value.remedy


@given(trees(CUSTOMER))
def test_it_is_known_what_is_asked_and_whether_the_day_matters(tree):
    said = say(tree)
    assert all(name in said for name in used(tree))
    if not is_relative(tree):
        record = dict.fromkeys(CUSTOMER, "2026-11-20")
        assert compiled(tree, CUSTOMER, TODAY)(record) == compiled(
            tree, CUSTOMER, TODAY + timedelta(days=900)
        )(record)


def test_every_effect_of_the_table_is_read():
    for example, _ in EFFECTS.values():
        assert parse_rules(f"when total > 1 then {example}", EARNING)

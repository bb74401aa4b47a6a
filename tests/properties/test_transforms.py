"""Two-way transforms: what comes back and goes out is the same there, and a lossy form merges into what is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perkstar_tui.model.enums import Direction, SourceOfTruth
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.sync.config import compile_lines
from perkstar_tui.sync.mapping import TRANSFORMS, transform
from perkstar_tui.sync.plan import Moment, decide

WORDS = st.sampled_from(["a", "b", "c", "x", "Ünal", "McKay"])
ISO = st.dates().map(lambda day: day.isoformat())
NAMES = (
    "text", "lower", "number", "number_text", "e164", "digits", "date_iso", "date_year0", "birthday_mmdd",
    "upper", "title", "date:DD/MM/YYYY", "date:MM-DD", "date:YYYYMMDD", "date:DD.MM.YYYY", "choice:a=x,b=y",
    "choice:a=x,b=x,c=z;else=o",
)  # fmt: skip
THERE = (
    st.none() | st.text(max_size=12) | st.integers(-10**6, 10**6) | ISO | WORDS | st.sampled_from(["x", "y", "o", "z"])
    | st.dates().map(lambda day: f"{day:%d/%m/}{day.year:04}") | st.dates().map(lambda day: f"{day.month}/{day.day}")
    | st.dates().map(lambda day: f"{day.month}-{day.day:02}")
    | st.dates().map(lambda day: f"{day.day}.{day.month}.{day.year:04}")
)  # fmt: skip


@given(st.sampled_from(NAMES), THERE, st.none() | ISO | WORDS | st.text(max_size=6))
def test_what_comes_back_and_goes_out_again_is_the_same_there(name, there, hub):
    one = transform(name)
    here = one.back(there, hub)
    if here is not None:
        assert one.same(one.out(here)) == one.same(there)
    assert one.same(one.same(there)) == one.same(there)


LOSSY = ("upper", "title", "date:MM-DD", "birthday_mmdd", "choice:a=x,b=x,c=z;else=o")


@given(st.sampled_from(LOSSY), ISO | WORDS)
def test_a_form_that_says_less_merges_into_what_is_known(name, hub):
    one = transform(name)
    there = one.out(hub)
    if there is not None:
        assert one.back(there, hub) == hub


@given(st.sampled_from(["date:DD/MM/YYYY", "date:YYYYMMDD", "date:YYYY-MM-DD"]), ISO)
def test_a_date_with_its_year_is_lost_nowhere(name, day):
    assert transform(name).back(transform(name).out(day), None) == day


@pytest.mark.parametrize(
    ("name", "here", "there"),
    [
        ("upper", "McKay ", "MCKAY"),
        ("title", "anna-maria o'neill", "Anna-Maria O'neill"),
        ("title", "McKAY DE VRIES", "McKAY De Vries"),
        ("date:DD/MM/YYYY", "1990-03-07", "07/03/1990"),
        ("date:DD/MM/YYYY", "--03-07", None),
        ("date:DD.MM", "--03-07", "07.03"),
        ("date:MMDD", "1990-03-07", "0307"),
        ("choice:gold=G,silver=S;else=N", "bronze", "N"),
        ("choice:gold=G,silver=S", "bronze", None),
    ],
)
def test_how_a_value_looks_there(name, here, there):
    assert transform(name).out(here) == there


def test_what_is_no_date_there_is_none_here():
    assert transform("date:DD/MM/YYYY").back("31/02/2026", None) is None
    assert transform("date:DD/MM/YYYY").back("7/3/1990", None) == "1990-03-07"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("date:DD/MM/YY", "is no pattern"),
        ("date:MM/MM/YYYY", "is no pattern"),
        ("date:", "is no pattern"),
        ("choice:", "is no pair"),
        ("choice:a=b,c", "is no pair"),
        ("choice:a=b,a=c", "twice"),
        ("choice:a=b;otherwise=c", "is not understood"),
        ("constant:", "needs its value"),
        ("template:{first_nam}", "no field 'first_nam'"),
        ("template:hello", "is no template"),
        ("template:{first_name} {", "is no template"),
        ("template:{first_name}" + "x" * 300, "characters"),
        ("shout", "no transform called"),
    ],
)
def test_a_transform_that_is_none_says_why_and_what_would_be_one(name, says):
    with pytest.raises(PerkstarError) as caught:
        transform(name)
    assert says in caught.value.message and caught.value.kind is ErrorKind.MAPPING and caught.value.remedy


@given(st.text(max_size=30), st.sampled_from(["date", "choice", "constant", "template", "upper", ""]))
def test_whatever_is_written_it_is_a_transform_or_refused_in_words(text, kind):
    try:
        made = transform(f"{kind}:{text}")
    except PerkstarError as wrong:
        assert wrong.kind is ErrorKind.MAPPING and wrong.remedy
    else:
        made.same(made.back(made.out("x"), "x"))


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_transform_of_the_list_is_one(name):
    transform(name.replace("...", "x=y"))


def lines(*entries):
    return compile_lines([*entries], Direction.BOTH, SourceOfTruth.PERKSTAR, "GB")


MADE = lines(
    {"hub": "first_name", "remote": "first"},
    {"hub": "last_name", "remote": "last"},
    {"hub": "first_name", "remote": "full", "transform": "template:{first_name} {last_name}"},
    {"hub": "email", "remote": "source", "transform": "constant:Perkstar"},
)


def test_a_template_is_made_of_the_whole_customer_and_only_goes_out():
    hub = {"first_name": "Ann", "last_name": None}
    decision = decide(MADE, hub, {}, {}, Moment(None, {}, "int_1"), creating=True)
    assert decision.send == {"first": "Ann", "full": "Ann", "source": "Perkstar"}
    agreed = {"first": "Ann", "full": "Ann", "source": "Perkstar"}
    again = decide(MADE, hub | {"last_name": "Lee"}, agreed, agreed, Moment(None, {}, "int_1"))
    assert again.send == {"last": "Lee", "full": "Ann Lee"} and not again.take
    drifted = decide(MADE, hub, agreed | {"full": "Somebody"}, agreed, Moment(None, {}, "int_1"))
    assert not drifted.take and not drifted.clashes


def test_an_empty_customer_fills_no_template():
    assert transform("template:{first_name} {last_name}").compose({}) is None
    assert transform("template:Dear {first_name}").compose({"first_name": " "}) is None

"""A value that is read in one go reads as by the two steps that it stands for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perkstar_tui.sync.mapping import transform

NAMES = (
    "text",
    "lower",
    "upper",
    "title",
    "number",
    "number_text",
    "e164",
    "digits",
    "date_iso",
    "date_year0",
    "birthday_mmdd",
    "date:DD/MM/YYYY",
    "gender_number",
    "choice:yes=false,no=true",
    "choice:a=x,b=y,c=x;else=z",
)

VALUES = st.one_of(
    st.text(max_size=20),
    st.booleans(),
    st.integers(-(10**6), 10**12),
    st.sampled_from(
        [
            " Ann ",
            "ANN@Mail.com",
            "x",
            "y",
            "z",
            "true",
            "07400 123456",
            "+1 415 555 2671",
            "0000-02-29",
            "05/01",
        ]
    ),
)


@pytest.mark.parametrize("name", NAMES)
@given(value=VALUES)
def test_reading_a_value_is_reading_it_back_for_somebody_new_and_its_compared_form(name, value):
    one = transform(name, "GB")
    assert one.reading()(value) == (one.back(value, None), one.same(value))


@pytest.mark.parametrize("endless", ["inf", "-INF", "nan", "1e999"])
@pytest.mark.parametrize("name", ["number", "number_text", "gender_number"])
def test_what_has_no_end_is_no_number(name, endless):
    one = transform(name, "GB")
    assert (one.back(endless, None), one.same(endless)) == (None, None)

"""Normal forms of what people are matched by."""

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from perkstar_tui.model.normal import email_key, phone_key, plain


def by_the_library_alone(text: str, country: str) -> str | None:
    for candidate in (text, f"+{text}"):
        try:
            number = phonenumbers.parse(candidate, country)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return None


DIGITS = st.text("0123456789", min_size=5, max_size=13)
HEADS = st.sampled_from(
    [
        "",
        "+",
        "0",
        "00",
        "+44",
        "44",
        "07",
        "+447",
        "447",
        "+49",
        "+39",
        "39",
        "+1",
        "+353",
        "1",
        "415",
        "+1415",
        "1415",
    ]
)


@given(HEADS, DIGITS, st.sampled_from(["GB", "US", "CA", "DE", "FR", "ES", "IT", "IE", "AU", "BR", "MX"]))
@example("415", "5552671", "US")
@example("1415", "5552671", "US")
@example("+1", "4165552671", "CA")
@example("+0", "78181023547", "GB")
@example("+44", "7400123456", "GB")
def test_a_phone_number_is_read_as_the_whole_library_reads_it(head, digits, country):
    assert phone_key(head + digits, country) == by_the_library_alone(head + digits, country)


@given(HEADS, DIGITS, st.lists(st.tuples(st.integers(0, 12), st.sampled_from(" -.()")), max_size=4))
def test_gaps_in_a_number_are_read_as_the_whole_library_reads_them(head, digits, gaps):
    text = head + digits
    for at, gap in gaps:
        text = text[: at + 1] + gap + text[at + 1 :]
    assert phone_key(text, "GB") == by_the_library_alone(text, "GB")


@pytest.mark.parametrize(
    "spelling",
    [
        "07400 123456",
        "+44 7400 123456",
        "447400123456",
        "+447400123456",
        "(07400) 123-456",
        "0044 7400 123456",
    ],
)
def test_spellings_of_one_number_have_one_key(spelling):
    assert phone_key(spelling, "GB") == "+447400123456"


@pytest.mark.parametrize("nothing", [None, "", "12", "not a number", "+44 123"])
def test_what_is_no_number_has_no_key(nothing):
    assert phone_key(nothing, "GB") is None


def test_an_address_is_compared_without_case_and_by_choice_without_its_tag():
    assert email_key("  Ann.Lee+shop@Mail.CO.UK ") == "ann.lee+shop@mail.co.uk"
    assert email_key("ann+shop@mail.uk", drop_plus_tag=True) == "ann@mail.uk"
    assert email_key("no address") is None


def test_text_from_outside_is_shown_without_controls_and_overrides():
    assert plain("\x1b[2Jred\u202egnp\x07\nnext") == "[2Jredgnp next"

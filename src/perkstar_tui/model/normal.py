"""Normal forms of the values that people are matched by (H4), and the cleaning of text from outside."""

import re
import unicodedata
from functools import lru_cache

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def plain(text: str) -> str:
    """Text from outside without control characters, bidirectional overrides and escapes; for showing only."""
    return _CONTROL.sub("", text.replace("\n", " ").replace("\t", " "))


def email_key(email: str | None, *, drop_plus_tag: bool = False) -> str | None:
    """The form by which e-mail addresses are compared: trimmed, case-folded, NFC; None when it is no address."""
    if not email:
        return None
    address = email.strip().lower()
    if not address.isascii():
        address = unicodedata.normalize("NFC", address).casefold()
    name, at, domain = address.rpartition("@")
    if not (name and at and domain):
        return None
    return f"{name.partition('+')[0]}@{domain}" if drop_plus_tag else address


_GAPS = str.maketrans("", "", " -.()")
"""Signs that only make a number easier to read."""


@lru_cache(maxsize=8192)
def phone_key(phone: str | None, country: str = "GB") -> str | None:
    """A phone number in E.164 by the account's country, or None when it is no possible number.

    Digits without a plus that begin with a country code (as Perkstar's cloud stores them) are understood too.
    """
    if not phone:
        return None
    text = phone.strip()
    return (
        _plain_spelling(text, country)
        or (None if text[1:].isdigit() else _plain_spelling(text.translate(_GAPS), country))
        or _any_spelling(text, country)
    )


def _any_spelling(text: str, country: str) -> str | None:
    """What libphonenumber makes of a number, however it is written."""
    import phonenumbers

    for candidate in (text, f"+{text}"):
        try:
            number = phonenumbers.parse(candidate, country)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return None


def _plain_spelling(text: str, country: str) -> str | None:
    """The same for numbers that are digits only, ten times as fast: one match by libphonenumber's own patterns.

    None where that doesn't decide: the whole library is asked then.
    """
    if text[:1] == "+":
        whole = _abroad(text[1:4])
        return text if whole is not None and whole.fullmatch(text) else None
    if not (text.isascii() and text.isdigit()):
        return None
    code, prefix, own, plain_prefix = _home(country)
    if own is None:
        return None
    if own.fullmatch(text):
        doubtful = not plain_prefix or text.startswith((code, prefix or code))
        return None if doubtful else f"+{code}{text}"
    if text.startswith(code, len(prefix)) or text.startswith(code * 2):
        return None
    if prefix and text.startswith(prefix) and own.fullmatch(text, len(prefix)):
        return f"+{code}{text[len(prefix) :]}"
    if text.startswith(code) and own.fullmatch(text, len(code)):
        return f"+{text}"
    return None


@lru_cache(maxsize=1024)
def _abroad(start: str) -> "re.Pattern[str] | None":
    """What a whole number looks like that begins with a plus and these digits; None where no country has them.

    One whose national part begins with the country's code again is left to the library.
    """
    if not (start.isascii() and start.isdigit()):
        return None
    for length in (1, 2, 3):
        code = start[:length]
        pattern = _pattern(code)
        if pattern is not None:
            return re.compile(rf"\+{code}(?!{code})(?:{pattern.pattern})", re.ASCII)
    return None


@lru_cache(maxsize=256)
def _pattern(code: str) -> "re.Pattern[str] | None":
    """What the national part of a number looks like under a country code; where many regions share it, in its main one.

    None where there is no such code.
    """
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

    regions = COUNTRY_CODE_TO_REGION_CODE.get(int(code), ())
    if not regions or code[0] == "0":
        return None
    metadata = PhoneMetadata.metadata_for_region(regions[0])
    if metadata is None:
        return None
    kinds = (
        metadata.mobile,
        metadata.fixed_line,
        metadata.toll_free,
        metadata.premium_rate,
        metadata.shared_cost,
        metadata.voip,
        metadata.personal_number,
        metadata.pager,
        metadata.uan,
        metadata.voicemail,
    )
    patterns = [kind.national_number_pattern for kind in kinds if kind and kind.national_number_pattern]
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns)) if patterns else None


@lru_cache(maxsize=256)
def _home(country: str) -> "tuple[str, str, re.Pattern[str] | None, bool]":
    """A country's code, the prefix of its national numbers, their pattern, and whether no rule changes a prefix."""
    from phonenumbers import PhoneMetadata, country_code_for_region

    metadata = PhoneMetadata.metadata_for_region(country)
    if metadata is None:
        return "", "", None, False
    code = str(country_code_for_region(country))
    prefix = metadata.national_prefix
    return code, prefix or "", _pattern(code), metadata.national_prefix_for_parsing == prefix

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
    if drop_plus_tag:
        name = name.partition("+")[0]
    return f"{name}@{domain}"


@lru_cache(maxsize=65536)
def phone_key(phone: str | None, country: str = "GB") -> str | None:
    """A phone number in E.164 by the account's country, or None when it is no possible number.

    Digits without a plus that begin with a country code (as Perkstar's cloud stores them) are understood too.
    """
    import phonenumbers

    if not phone:
        return None
    text = phone.strip()
    for candidate in (text, f"+{text}"):
        try:
            number = phonenumbers.parse(candidate, country)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return None

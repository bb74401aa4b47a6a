"""Mapping: from hub fields to a platform's fields and back, by named two-way transforms.

All values are compared in the platform's form (sync design: Compare). A transform says how a hub value looks
there (`out`), how a platform's value reads here (`back`), and in which form two remote values are equal (`same`).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite

from perkstar_tui.model.enums import Direction, Write
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.normal import email_key, phone_key
from perkstar_tui.model.remote import Value

from .shaping import (
    LONGEST,
    Convert,
    Transform,
    alike,
    cased,
    choice,
    constant,
    dated,
    keep_year,
    plain_text,
    template,
    titled,
    wrong,
)

__all__ = ["TRANSFORMS", "Line", "Transform", "plain_text", "transform"]


def _lower(value: Value) -> Value:
    text = plain_text(value)
    return text.lower() if isinstance(text, str) else None


def _email_same(value: Value) -> Value:
    return email_key(str(value)) if value else None


def _email_read(value: Value) -> tuple[Value, Value]:
    return plain_text(value), email_key(str(value)) if value else None


def _number(value: Value) -> Value:
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    if not isfinite(number):
        return None
    return int(number) if number.is_integer() else number


def _number_text(value: Value) -> Value:
    number = _number(value)
    return None if number is None else str(number)


def _phone(country: str, plus: bool) -> Transform:
    def out(value: Value) -> Value:
        key = phone_key(str(value), country) if value else None
        if key is None:
            return plain_text(value)
        return key if plus else key[1:]

    def same(value: Value) -> Value:
        return (phone_key(str(value), country) or plain_text(value)) if value else None

    return Transform(out, _first(same), same, read=alike(same))


_ISO = re.compile(r"^(\d{4})-(\d{2})-(\d{2})")
_MONTH_DAY = re.compile(r"^--(\d{2})-(\d{2})$")


def _iso_out(value: Value) -> Value:
    found = _ISO.match(str(value)) if value else None
    return found.group(0) if found else None


def _year0_out(value: Value) -> Value:
    partial = _MONTH_DAY.match(str(value)) if value else None
    return f"0000-{partial[1]}-{partial[2]}" if partial else _iso_out(value)


def _year0_back(value: Value, hub: Value) -> Value:
    date = _iso_out(value)
    if isinstance(date, str) and date.startswith("0000-"):
        return keep_year(date[5:7], date[8:10], hub)
    return date


def _year0_read(value: Value) -> tuple[Value, Value]:
    date = _iso_out(value)
    if isinstance(date, str) and date.startswith("0000-"):
        return keep_year(date[5:7], date[8:10], None), date
    return date, date


_GENDERS = {"male": 1, "female": 2}
_GENDER_WORDS = {1: "male", 2: "female"}


def _gender_out(value: Value) -> Value:
    return _GENDERS.get(str(value), 0)


def _gender_same(value: Value) -> Value:
    number = _number(value)
    # 0 says "unknown", which is no value: it neither wins nor wipes.
    return number or None


TRANSFORMS: Mapping[str, str] = {
    "text": "as it is, without spaces at the ends",
    "lower": "small letters, as for e-mail addresses",
    "upper": "capital letters; what differs in case alone is no other value",
    "title": "each word with a capital letter; likewise",
    "number": "a number",
    "number_text": "a number, written as text",
    "e164": "a phone number with + and country",
    "digits": "a phone number, digits only",
    "date_iso": "a date such as 2026-01-31",
    "date_year0": "a birthday whose year may be missing (0000-01-31)",
    "birthday_mmdd": "a birthday as 01/31; its year stays here",
    "date:DD/MM/YYYY": "YYYY, MM and DD once each, with - / . a space or nothing between; without YYYY the year stays",
    "gender_number": "male 1, female 2, unknown 0",
    "choice:hub=platform,...;else=other": "words looked up, each both ways; all others are sent as `else`, if given",
    "constant:text": "always the same text, to the platform only",
    "template:{first_name} {last_name}": "a text with fields of the customer, to the platform only",
}
"""The transforms there are, in words; some take a parameter behind the colon."""


def _first(convert: Convert) -> Callable[[Value, Value], Value]:
    return lambda value, _hub: convert(value)


@lru_cache(maxsize=512)
def transform(name: str, country: str = "GB") -> Transform:
    """The transform of that name. Raises PerkstarError MAPPING for an unknown one."""
    kind, _, rest = name.partition(":")
    if len(rest) > LONGEST:
        raise wrong(f"The transform {kind} has {len(rest)} characters.", f"Write at most {LONGEST}.")
    match kind:
        case "" | "text":
            return Transform(plain_text, _first(plain_text), plain_text, read=alike(plain_text))
        case "lower":
            return Transform(_lower, _first(plain_text), _email_same, read=_email_read)
        case "number":
            return Transform(_number, _first(_number), _number)
        case "number_text":
            return Transform(_number_text, _first(_number), _number_text)
        case "e164":
            return _phone(country, plus=True)
        case "digits":
            return _phone(country, plus=False)
        case "date_iso":
            return Transform(_iso_out, _first(_iso_out), _iso_out, read=alike(_iso_out))
        case "date_year0":
            return Transform(_year0_out, _year0_back, _iso_out, read=_year0_read)
        case "birthday_mmdd":
            return dated("MM/DD")
        case "date":
            return dated(rest)
        case "upper":
            return cased(str.upper)
        case "title":
            return cased(titled)
        case "gender_number":
            return Transform(
                _gender_out, lambda value, _hub: _GENDER_WORDS.get(int(_number(value) or 0)), _gender_same
            )
        case "choice":
            return choice(rest)
        case "constant":
            return constant(rest)
        case "template":
            return template(rest)
    raise PerkstarError(
        ErrorKind.MAPPING,
        f"There is no transform called {name!r}.",
        remedy=f"Use one of: {', '.join(TRANSFORMS)}.",
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One mapped field, ready to use. `rule` settles conflicts on it: perkstar, platform or newest."""

    hub: str
    remote: str
    transform: Transform
    direction: Direction
    write: Write
    rule: str
    required: bool = False
    may_clear: bool = False
    consent: bool = False

    def out(self, hub: Mapping[str, Value]) -> Value:
        """What a customer's field is in the platform's form."""
        compose = self.transform.compose
        return compose(hub) if compose is not None else self.transform.out(hub.get(self.hub))

    @property
    def inward(self) -> bool:
        return self.direction.inward

    @property
    def outward(self) -> bool:
        return self.direction.outward and self.write is not Write.NEVER

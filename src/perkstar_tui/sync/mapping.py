"""Mapping: from hub fields to a platform's fields and back, by named two-way transforms.

All values are compared in the platform's form (sync design: Compare). A transform says how a hub value looks
there (`out`), how a platform's value reads here (`back`), and in which form two remote values are equal (`same`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from perkstar_tui.model.enums import Direction, Write
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.normal import email_key, phone_key
from perkstar_tui.model.remote import Value

Convert = Callable[[Value], Value]


@dataclass(frozen=True, slots=True)
class Transform:
    """`back` gets the platform's value and the hub's present one, so that a lossy form can merge into it."""

    out: Convert
    back: Callable[[Value, Value], Value]
    same: Convert


def _empty(value: Value) -> bool:
    return value is None or value == ""


def plain_text(value: Value) -> Value:
    """A value as trimmed text; nothing for an empty one."""
    if value is None:
        return None
    return (value if isinstance(value, str) else str(value)).strip() or None


def _lower(value: Value) -> Value:
    text = plain_text(value)
    return text.lower() if isinstance(text, str) else None


def _number(value: Value) -> Value:
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
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

    def back(value: Value, _hub: Value) -> Value:
        return (phone_key(str(value), country) or plain_text(value)) if value else None

    def same(value: Value) -> Value:
        return (phone_key(str(value), country) or plain_text(value)) if value else None

    return Transform(out, back, same)


_ISO = re.compile(r"^(\d{4})-(\d{2})-(\d{2})")
_MONTH_DAY = re.compile(r"^--(\d{2})-(\d{2})$")
_SLASHED = re.compile(r"^(\d{1,2})/(\d{1,2})$")


def _iso_out(value: Value) -> Value:
    found = _ISO.match(str(value)) if value else None
    return found.group(0) if found else None


def _year0_out(value: Value) -> Value:
    partial = _MONTH_DAY.match(str(value)) if value else None
    return f"0000-{partial[1]}-{partial[2]}" if partial else _iso_out(value)


def _year0_back(value: Value, hub: Value) -> Value:
    date = _iso_out(value)
    if isinstance(date, str) and date.startswith("0000-"):
        return _keep_year(date[5:7], date[8:10], hub)
    return date


def _keep_year(month: str, day: str, hub: Value) -> Value:
    """A birthday without a year keeps the year that the hub knows, if month and day agree."""
    known = _ISO.match(str(hub)) if hub else None
    if known and (known[2], known[3]) == (month, day):
        return known.group(0)
    return f"--{month}-{day}"


def _birthday_out(value: Value) -> Value:
    found = (_ISO.match(str(value)) or _MONTH_DAY.match(str(value))) if value else None
    return f"{found[found.re.groups - 1]}/{found[found.re.groups]}" if found else None


def _birthday_back(value: Value, hub: Value) -> Value:
    found = _SLASHED.match(str(value)) if value else None
    return _keep_year(found[1].zfill(2), found[2].zfill(2), hub) if found else None


def _birthday_same(value: Value) -> Value:
    found = _SLASHED.match(str(value)) if value else None
    return f"{found[1].zfill(2)}/{found[2].zfill(2)}" if found else None


_GENDERS = {"male": 1, "female": 2}
_GENDER_WORDS = {1: "male", 2: "female"}


def _gender_out(value: Value) -> Value:
    return _GENDERS.get(str(value), 0)


def _gender_same(value: Value) -> Value:
    number = _number(value)
    # 0 says "unknown", which is no value: it neither wins nor wipes.
    return number or None


def _choice(pairs: str) -> Transform:
    forward: dict[str, str] = dict(pair.split("=", 1) for pair in pairs.split(",") if "=" in pair)
    backward = {remote: hub for hub, remote in forward.items()}

    def out(value: Value) -> Value:
        return forward.get(str(value)) if value is not None else None

    def back(value: Value, _hub: Value) -> Value:
        return backward.get(str(value).lower() if not isinstance(value, str) else value)

    def same(value: Value) -> Value:
        text = None if value is None else (str(value).lower() if isinstance(value, bool) else str(value))
        return text if text in backward else None

    return Transform(out, back, same)


TRANSFORMS = (
    "text",
    "lower",
    "number",
    "number_text",
    "e164",
    "digits",
    "date_iso",
    "date_year0",
    "birthday_mmdd",
    "gender_number",
    "choice:hub=platform,...",
)
"""The names of the transforms there are; `choice` takes its pairs behind the colon."""


def _first(convert: Convert) -> Callable[[Value, Value], Value]:
    return lambda value, _hub: convert(value)


@lru_cache(maxsize=512)
def transform(name: str, country: str = "GB") -> Transform:
    """The transform of that name. Raises PerkstarError MAPPING for an unknown one."""
    kind, _, rest = name.partition(":")
    match kind:
        case "" | "text":
            return Transform(plain_text, _first(plain_text), plain_text)
        case "lower":
            return Transform(
                _lower, _first(plain_text), lambda value: email_key(str(value)) if value else None
            )
        case "number":
            return Transform(_number, _first(_number), _number)
        case "number_text":
            return Transform(_number_text, _first(_number), _number_text)
        case "e164":
            return _phone(country, plus=True)
        case "digits":
            return _phone(country, plus=False)
        case "date_iso":
            return Transform(_iso_out, _first(_iso_out), _iso_out)
        case "date_year0":
            return Transform(_year0_out, _year0_back, _iso_out)
        case "birthday_mmdd":
            return Transform(_birthday_out, _birthday_back, _birthday_same)
        case "gender_number":
            return Transform(
                _gender_out, lambda value, _hub: _GENDER_WORDS.get(int(_number(value) or 0)), _gender_same
            )
        case "choice":
            return _choice(rest)
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

    @property
    def inward(self) -> bool:
        return self.direction.inward

    @property
    def outward(self) -> bool:
        return self.direction.outward and self.write is not Write.NEVER

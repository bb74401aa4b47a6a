"""Transforms with a parameter: dates by a pattern, words looked up, constants, templates; and letters' case.

Laws, for every value that a platform can hold and this side can read: what comes back and goes out again is the same
there, and a form that says less than the hub knows (case, a year) merges into what the hub has.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Value

Convert = Callable[[Value], Value]

LONGEST = 200
"""Characters of a transform's parameter."""


Reader = Callable[[Value], tuple[Value, Value]]
"""From a platform's value to what it is here for somebody new, and the form in which it is compared."""


@dataclass(frozen=True, slots=True)
class Transform:
    """`back` gets the platform's value and the hub's present one, so that a lossy form can merge into it.

    One with `compose` makes its value of the whole customer (a template, a constant), and goes outwards only.
    `read` is `back` for somebody new and `same`, both at once: what each works out by itself costs a first read twice.
    """

    out: Convert
    back: Callable[[Value, Value], Value]
    same: Convert
    compose: Callable[[Mapping[str, Value]], Value] | None = None
    read: Reader | None = None

    def reading(self) -> Reader:
        """How a value reads for somebody new, with the form in which it is compared."""
        back, same = self.back, self.same
        return self.read or (lambda value: (back(value, None), same(value)))


def alike(convert: Convert) -> Reader:
    """To read a value that is compared in the form in which it is kept here."""

    def read(value: Value) -> tuple[Value, Value]:
        found = convert(value)
        return found, found

    return read


def wrong(message: str, remedy: str) -> PerkstarError:
    return PerkstarError(ErrorKind.MAPPING, message, remedy=remedy, field="transform")


def plain_text(value: Value) -> Value:
    """A value as trimmed text; nothing for an empty one."""
    if value is None:
        return None
    return (value if isinstance(value, str) else str(value)).strip() or None


# -- case ------------------------------------------------------------------------------------------------------


def cased(change: Callable[[str], str]) -> Transform:
    """Letters are changed on the way out; on the way back, a value that differs in case alone is no other value."""

    def out(value: Value) -> Value:
        text = plain_text(value)
        return change(text) if isinstance(text, str) else None

    def same(value: Value) -> Value:
        text = plain_text(value)
        return text.upper().casefold() if isinstance(text, str) else None

    def back(value: Value, hub: Value) -> Value:
        return hub if hub is not None and same(value) == same(hub) else plain_text(value)

    return Transform(out, back, same)


def titled(text: str) -> str:
    """The first letter of each word large, the others as they are where the word mixes them (`McKay`)."""
    return re.sub(
        r"[^\W\d_]+(?:['’][^\W\d_]+)*",
        lambda word: word[0] if not (word[0].islower() or word[0].isupper()) else word[0].capitalize(),
        text,
    )


# -- dates -----------------------------------------------------------------------------------------------------

_ISO = re.compile(r"^(\d{4})-(\d{2})-(\d{2})")
_MONTH_DAY = re.compile(r"^--(\d{2})-(\d{2})$")
_PARTS = {"YYYY": r"(?P<y>\d{4})", "MM": r"(?P<m>\d{1,2})", "DD": r"(?P<d>\d{1,2})"}
_PATTERN = re.compile(r"(YYYY|MM|DD)([-/. ]?)(YYYY|MM|DD)(?:([-/. ]?)(YYYY|MM|DD))?")


def dated(pattern: str) -> Transform:
    """A date as the platform writes it: YYYY, MM and DD in its order; without YYYY it is a birthday whose year stays
    here. Raises MAPPING for another pattern.
    """
    found = _PATTERN.fullmatch(pattern)
    parts = [part for part in (found[1], found[3], found[5]) if part] if found else []
    if found is None or sorted(parts) not in (["DD", "MM"], ["DD", "MM", "YYYY"]):
        raise wrong(
            f"{pattern!r} is no pattern of a date.",
            "Write YYYY, MM and DD each once, with - / . or a space between, such as date:DD/MM/YYYY or date:DD.MM.",
        )
    with_year = "YYYY" in parts
    close = {"YYYY": r"(?P<y>\d{4})", "MM": r"(?P<m>\d{2})", "DD": r"(?P<d>\d{2})"}
    # Without signs between them, digits are only told apart by their number.
    forms = _PARTS if found[2] and (len(parts) < 3 or found[4]) else close
    read = re.compile("".join(forms.get(piece or "", re.escape(piece or "")) for piece in found.groups()))

    def out(value: Value) -> Value:
        known = _ISO.match(str(value)) if value else None
        short = _MONTH_DAY.match(str(value)) if value and not with_year else None
        said = known or short
        if said is None:
            return None
        # A birthday without a year has month and day alone.
        *year, month, day = said.groups()
        filled = {"YYYY": "".join(year), "MM": month, "DD": day}
        return "".join(filled.get(piece or "", piece or "") for piece in found.groups())

    def back(value: Value, hub: Value) -> Value:
        given = read.fullmatch(str(value).strip()) if value else None
        if given is None:
            return None
        month, day = given["m"].zfill(2), given["d"].zfill(2)
        year = given["y"] if with_year else "2000"
        try:
            date(int(year), int(month), int(day))
        except ValueError:
            return None
        if with_year:
            return f"{year}-{month}-{day}"
        return keep_year(month, day, hub)

    return Transform(out, back, lambda value: out(back(value, None)))


def keep_year(month: str, day: str, hub: Value) -> Value:
    """A birthday without a year keeps the year that the hub knows, if month and day agree."""
    known = _ISO.match(str(hub)) if hub else None
    if known and (known[2], known[3]) == (month, day):
        return known.group(0)
    return f"--{month}-{day}"


# -- words -----------------------------------------------------------------------------------------------------


def choice(parameter: str) -> Transform:
    """Words looked up, each in both directions: `a=b,c=d`; `;else=x` is sent for every other word and reads as none of
    them. Raises MAPPING where nothing is said or a word is said twice.
    """
    pairs, semicolon, rest = parameter.partition(";")
    other = rest.strip().removeprefix("else=") if semicolon else None
    if semicolon and (not rest.strip().startswith("else=") or not other):
        raise wrong(
            f"{rest!r} is not understood.", "Behind ; may stand else=WORD, which is sent for all others."
        )
    forward: dict[str, str] = {}
    for pair in pairs.split(","):
        ours, equals, theirs = (part.strip() for part in pair.partition("="))
        if not equals or not ours or not theirs:
            raise wrong(
                f"{pair!r} is no pair.", "Write Perkstar's word = the platform's word, as in yes=SUBSCRIBED."
            )
        if ours in forward:
            raise wrong(f"{ours!r} is looked up twice.", "Keep one of them.")
        forward[ours] = theirs
    # Where two words of ours are one there, the first one is read back.
    backward = {theirs: ours for ours, theirs in reversed(forward.items())}

    def out(value: Value) -> Value:
        return forward.get(str(value), other) if value not in (None, "") else None

    def text_of(value: Value) -> str | None:
        return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)

    def back(value: Value, hub: Value) -> Value:
        text = text_of(value)
        if hub is not None and text is not None and out(hub) == text:
            # What the platform can't tell apart, or knows as another one, is what it is here.
            return hub
        return backward.get(text or "")

    def same(value: Value) -> Value:
        return read(value)[1]

    def read(value: Value) -> tuple[Value, Value]:
        text = text_of(value)
        ours = backward.get(text or "")
        return ours, text if text in backward or (other is not None and text == other) else None

    return Transform(out, back, same, read=read)


# -- made of the whole customer --------------------------------------------------------------------------------

_NAME = re.compile(r"\{([a-z0-9_]+)\}")


def meant(name: str, known: Sequence[str]) -> str:
    """What a name that there is not may have been meant for, as a sentence behind; empty where nothing is like it."""
    like = get_close_matches(name, known, 1)
    return f" Did you mean {like[0]}?" if like else ""


def constant(parameter: str) -> Transform:
    """Always the same text."""
    text = plain_text(parameter)
    if text is None:
        raise wrong("A constant needs its value.", "Write it behind the colon, as in constant:Loyalty.")
    return _composed(lambda customer: text)


def template(parameter: str) -> Transform:
    """A text with fields of the customer in braces. Raises MAPPING for a field that there is not."""
    from .config import CUSTOMER_FIELDS, LOYALTY_FIELDS

    names = _NAME.findall(parameter)
    known = (*CUSTOMER_FIELDS, *LOYALTY_FIELDS)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise wrong(
            f"Perkstar has no field {unknown[0]!r}.{meant(unknown[0], known)}", f"Fields: {', '.join(known)}."
        )
    if not names or set("{}") & set(_NAME.sub("", parameter)):
        raise wrong(
            f"{parameter!r} is no template.",
            "Write fields in braces, as in template:{first_name} {last_name}.",
        )
    pieces = _NAME.split(parameter)

    def compose(customer: Mapping[str, Value]) -> Value:
        found = [plain_text(customer.get(name)) for name in pieces[1::2]]
        if all(value is None for value in found):
            return None
        words = [str(found[n // 2] or "") if n % 2 else piece for n, piece in enumerate(pieces)]
        return " ".join("".join(words).split()) or None

    return _composed(compose)


def _composed(compose: Callable[[Mapping[str, Value]], Value]) -> Transform:
    return Transform(lambda value: value, lambda _value, hub: hub, plain_text, compose)

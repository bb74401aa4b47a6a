"""The small language of filters and earning rules: read once into a tree, checked against known fields, compiled to
closures that judge a record. It can only compare: it calls nothing, loops over nothing, and always ends.

What is empty or unknown satisfies no comparison, `!=` neither; `not` turns that over, `is empty` asks for it. Texts are
compared without regard to case and spaces at the ends. Of a field with several values (the products of a sale)
a comparison holds if it holds for one of them, and `!=` and `not in` if they hold for all.
"""

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from perkstar_tui.model.errors import ErrorKind, PerkstarError

if TYPE_CHECKING:
    from lark import Lark

LONGEST = 2000
"""Characters that an expression, or a list of rules, may have."""
DEEPEST = 20
MOST_DIGITS = 12

Kind = Literal["text", "number", "date", "yes/no", "texts"]


class Field(NamedTuple):
    """What an expression may ask for: its kind, its meaning in words, and the only values it has, if there are few."""

    kind: Kind
    words: str
    choices: tuple[str, ...] = ()


Fields = Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class Ago:
    """A day relative to the one on which it is judged: 0 is today."""

    days: int


Literal_ = str | Decimal | date | bool | Ago


@dataclass(frozen=True, slots=True)
class Compare:
    name: str
    op: str
    value: Literal_
    at: int = field(default=0, compare=False)
    """Where the name stands, counted from 1."""
    value_at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class In:
    name: str
    values: tuple[Literal_, ...]
    negated: bool = False
    at: int = field(default=0, compare=False)
    value_at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Empty:
    name: str
    negated: bool = False
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    part: "Expression"


@dataclass(frozen=True, slots=True)
class And:
    parts: "tuple[Expression, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    parts: "tuple[Expression, ...]"


Expression = Compare | In | Empty | Not | And | Or


@dataclass(frozen=True, slots=True)
class Effect:
    """What a rule does with the award so far: `times`, `plus`, `percent`, `rate` or `none`."""

    kind: str
    amount: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class When:
    """A rule: where the condition holds, the effect is worked on the award."""

    condition: Expression
    effect: Effect


OPERATORS: Mapping[str, tuple[tuple[Kind, ...], str]] = {
    "=": (("text", "number", "date", "yes/no", "texts"), "is the same"),
    "!=": (("text", "number", "date", "yes/no", "texts"), "is filled and not the same"),
    "<": (("number", "date"), "is less, or earlier"),
    "<=": (("number", "date"), "is at most, or not later"),
    ">": (("number", "date"), "is more, or later"),
    ">=": (("number", "date"), "is at least, or not earlier"),
    "contains": (("text", "texts"), "has the text somewhere in it"),
    "starts with": (("text", "texts"), "begins with the text"),
    "ends with": (("text", "texts"), "ends with the text"),
    "in (…)": (("text", "number", "date", "texts"), "is one of those in the list"),
    "not in (…)": (("text", "number", "date", "texts"), "is filled and none of those in the list"),
    "is empty": (("text", "number", "date", "yes/no", "texts"), "has no value, or none that is known"),
    "is not empty": (("text", "number", "date", "yes/no", "texts"), "has a value"),
}
"""Each comparison with the kinds of field that it is for, and what it asks."""

VALUES: Mapping[str, tuple[str, str]] = {
    "text": ('"gold"', 'in quotes, single or double; `\\"` is a quote within'),
    "number": ("12.5", f"at most {MOST_DIGITS} digits"),
    "date": ("2026-01-31, today, 30 days ago", "days on the account's clock"),
    "yes/no": ("yes, no", "without quotes"),
}
EFFECTS: Mapping[str, tuple[str, str]] = {
    "times": ("x2", "multiplies what is earned so far"),
    "plus": ("+50", "adds that many"),
    "percent": ("+10%", "adds that share of what is earned so far"),
    "rate": ("rate 3", "earns by this rate in place of `earn_rate`"),
    "none": ("none", "earns nothing, and no later rule is looked at"),
}

GRAMMAR = r"""
condition: either
rules: rule (";" rule)* ";"?

rule: "when"i either "then"i effect
?either: both ("or"i both)*
?both: single ("and"i single)*
?single: "not"i single -> negate
       | "(" either ")" -> inner
       | NAME OPERATOR value -> compare
       | NAME "contains"i TEXT -> contains
       | NAME "starts"i "with"i TEXT -> starts
       | NAME "ends"i "with"i TEXT -> ends
       | NAME "in"i "(" value ("," value)* ")" -> among
       | NAME "not"i "in"i "(" value ("," value)* ")" -> not_among
       | NAME "is"i "empty"i -> empty
       | NAME "is"i "not"i "empty"i -> not_empty
value: TEXT -> text
     | NUMBER -> number
     | DATE -> day
     | "today"i -> today
     | NUMBER ("days"i | "day"i) "ago"i -> ago
     | "yes"i -> yes
     | "no"i -> no
effect: TIMES -> times
      | PERCENT -> percent
      | PLUS -> plus
      | "none"i -> nothing
      | "rate"i NUMBER -> rate

OPERATOR: "!=" | "<=" | ">=" | "=" | "<" | ">"
NAME: /[a-z_][a-z0-9_]*/i
TEXT: /"(?:[^"\\\n]|\\["'\\])*"|'(?:[^'\\\n]|\\["'\\])*'/
DATE.3: /[0-9]{4}-[0-9]{2}-[0-9]{2}/
NUMBER.2: /-?[0-9]+(\.[0-9]+)?/
TIMES.5: /x *[0-9]+(\.[0-9]+)?/i
PERCENT.4: /\+ *[0-9]+(\.[0-9]+)? *%/
PLUS.3: /\+ *[0-9]+/
SPACE: /[ \t\r\n]+/
%ignore SPACE
"""

_SAID = {
    "NAME": "a field",
    "OPERATOR": "= != < <= > >=",
    "TEXT": 'a text in quotes ("…")',
    "NUMBER": "a number",
    "DATE": "a date (2026-01-31)",
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": "a comma",
    "SEMICOLON": ";",
    "TIMES": "x2",
    "PERCENT": "+10%",
    "PLUS": "+50",
    "$END": "the end",
    "STARTS": "starts with",
    "ENDS": "ends with",
    "WITH": "with",
    "SPACE": "",
    "DAY": "",
    "DAYS": "days ago",
}


class _Wrong(Exception):
    """What is wrong, where (from 1), and what may stand there."""

    def __init__(self, at: int, message: str, remedy: str) -> None:
        super().__init__(message)
        self.at, self.message, self.remedy = at, message, remedy


def _error(about: str, wrong: _Wrong) -> PerkstarError:
    place = f" at {wrong.at}" if wrong.at else ""
    return PerkstarError(ErrorKind.USAGE, f"{wrong.message}{place}.", remedy=wrong.remedy, field=about)


@cache
def _reader() -> "Lark":
    """Made at first use: most starts of the program read no expression."""
    from lark import Lark, Transformer

    def number(token: Any, digits: str | None = None) -> Decimal:
        text = str(token) if digits is None else digits
        if sum(letter.isdigit() for letter in text) > MOST_DIGITS:
            raise _Wrong(_at(token), "The number is too long", f"Write at most {MOST_DIGITS} digits.")
        return Decimal(text)

    class Build(Transformer[Any, Any]):
        def condition(self, parts: list[Any]) -> Any:
            return parts[0]

        def rules(self, parts: list[Any]) -> Any:
            return tuple(parts)

        def rule(self, parts: list[Any]) -> Any:
            return When(*parts)

        def either(self, parts: list[Any]) -> Any:
            return Or(tuple(parts))

        def both(self, parts: list[Any]) -> Any:
            return And(tuple(parts))

        def negate(self, parts: list[Any]) -> Any:
            return Not(parts[0])

        def inner(self, parts: list[Any]) -> Any:
            return parts[0]

        def compare(self, parts: list[Any]) -> Any:
            name, op, (value, at) = parts
            return Compare(name.lower(), str(op), value, _at(name), at)

        def _texts(self, parts: list[Any], op: str) -> Any:
            name, text = parts
            return Compare(name.lower(), op, _unquoted(text), _at(name), _at(text))

        def contains(self, parts: list[Any]) -> Any:
            return self._texts(parts, "contains")

        def starts(self, parts: list[Any]) -> Any:
            return self._texts(parts, "starts with")

        def ends(self, parts: list[Any]) -> Any:
            return self._texts(parts, "ends with")

        def _in(self, parts: list[Any], negated: bool) -> Any:
            name, *values = parts
            return In(name.lower(), tuple(value for value, _ in values), negated, _at(name), values[0][1])

        def among(self, parts: list[Any]) -> Any:
            return self._in(parts, False)

        def not_among(self, parts: list[Any]) -> Any:
            return self._in(parts, True)

        def empty(self, parts: list[Any]) -> Any:
            return Empty(parts[0].lower(), False, _at(parts[0]))

        def not_empty(self, parts: list[Any]) -> Any:
            return Empty(parts[0].lower(), True, _at(parts[0]))

        def text(self, parts: list[Any]) -> Any:
            return _unquoted(parts[0]), _at(parts[0])

        def number(self, parts: list[Any]) -> Any:
            return number(parts[0]), _at(parts[0])

        def day(self, parts: list[Any]) -> Any:
            try:
                return date.fromisoformat(str(parts[0])), _at(parts[0])
            except ValueError:
                raise _Wrong(
                    _at(parts[0]), f"There is no day {parts[0]}", "Write a date such as 2026-01-31."
                ) from None

        def today(self, parts: list[Any]) -> Any:
            return Ago(0), 0

        def ago(self, parts: list[Any]) -> Any:
            days = number(parts[0])
            if days != days.to_integral_value() or not 0 <= days <= 36525:
                raise _Wrong(
                    _at(parts[0]), f"{parts[0]} is no number of days", "Write a whole number such as 30."
                )
            return Ago(int(days)), _at(parts[0])

        def yes(self, parts: list[Any]) -> Any:
            return True, 0

        def no(self, parts: list[Any]) -> Any:
            return False, 0

        def times(self, parts: list[Any]) -> Any:
            return Effect("times", number(parts[0], parts[0][1:].strip()))

        def plus(self, parts: list[Any]) -> Any:
            return Effect("plus", number(parts[0], parts[0][1:].strip()))

        def percent(self, parts: list[Any]) -> Any:
            return Effect("percent", number(parts[0], parts[0].strip("+% ")))

        def rate(self, parts: list[Any]) -> Any:
            amount = number(parts[0])
            if amount < 0:
                raise _Wrong(_at(parts[0]), "A rate is not below nothing", "Write one such as 3 or 0.5.")
            return Effect("rate", amount)

        def nothing(self, parts: list[Any]) -> Any:
            return Effect("none")

    return Lark(GRAMMAR, parser="lalr", start=["condition", "rules"], transformer=Build())


def _at(token: Any) -> int:
    return int(token.start_pos) + 1


def _unquoted(token: Any) -> str:
    body, out, escaped = str(token)[1:-1], [], False
    for letter in body:
        if letter == "\\" and not escaped:
            escaped = True
            continue
        out.append(letter)
        escaped = False
    return "".join(out)


def _read(text: str, start: str) -> Any:
    from lark.exceptions import LarkError, UnexpectedCharacters, UnexpectedInput, UnexpectedToken, VisitError

    if len(text) > LONGEST:
        raise _Wrong(
            0, f"It has {len(text):,} characters", f"Write at most {LONGEST:,}; `in (…)` shortens lists."
        )
    try:
        return _reader().parse(text, start=start)
    except VisitError as wrapped:
        if isinstance(wrapped.orig_exc, _Wrong):
            raise wrapped.orig_exc from None
        raise
    except UnexpectedInput as wrong:
        may: set[str]
        at = (wrong.pos_in_stream or 0) + 1
        if isinstance(wrong, UnexpectedToken):
            may = set(wrong.accepts or wrong.expected)
            what = str(wrong.token)
            if wrong.token.type == "$END":
                at = len(text.rstrip()) + 1
        else:
            may = set(wrong.allowed or ()) if isinstance(wrong, UnexpectedCharacters) else set()
            what = text[at - 1 : at]
        raise _Wrong(at, *_unexpected(what, may)) from None
    except LarkError as wrong:
        raise _Wrong(0, f"It cannot be understood ({type(wrong).__name__})", "Write it anew.") from None


def _unexpected(what: str, may: set[str]) -> tuple[str, str]:
    names = sorted(filter(None, (_SAID.get(name, name.lower().replace("_", " ")) for name in may)))
    here = f"Here may stand: {', '.join(names)}." if names else "Write it anew."
    if not what:
        return "It ends too early", here
    hint = ""
    if "TEXT" in may and what[0].isalpha():
        hint = f'Put texts in quotes: "{what}". '
    elif what in "“”„‘’«»":
        hint = 'Use straight quotes: "…". '
    elif what in ("&", "|", "="):
        hint = "Write and, or, and a single =. "
    elif what in "\"'":
        hint = "A text ends with the quote that it begins with. "
    return f"{what!r} is not understood", hint + here


def parse(text: str, fields: Fields, about: str = "") -> Expression:
    """A condition, checked. Raises USAGE that names the place, what is wrong there and what may stand there."""
    try:
        found: Expression = _read(text, "condition")
        check(found, fields)
    except _Wrong as wrong:
        raise _error(about, wrong) from None
    return found


def parse_rules(text: str, fields: Fields, about: str = "") -> tuple[When, ...]:
    """Rules with `;` between them, checked. Raises USAGE as `parse` does."""
    if not text.strip():
        return ()
    try:
        found: tuple[When, ...] = _read(text, "rules")
        for rule in found:
            check(rule.condition, fields)
    except _Wrong as wrong:
        raise _error(about, wrong) from None
    return found


def check(expression: Expression, fields: Fields) -> None:
    """Whether it asks only for what there is. Walks by a list of its own, however deep it is."""
    todo: list[tuple[Expression, int]] = [(expression, 1)]
    while todo:
        one, depth = todo.pop()
        if depth > DEEPEST:
            raise _Wrong(0, f"It is more than {DEEPEST} levels deep", "Write it with fewer parentheses.")
        if isinstance(one, Not):
            todo.append((one.part, depth + 1))
        elif isinstance(one, And | Or):
            todo += [(part, depth + 1) for part in one.parts]
        else:
            _check_field(one, fields)


def _check_field(one: Compare | In | Empty, fields: Fields) -> None:
    known = fields.get(one.name)
    if known is None:
        near = difflib.get_close_matches(one.name, fields, 1)
        mean = f"Did you mean {near[0]}? " if near else ""
        raise _Wrong(
            one.at, f"There is no field {one.name!r}", f"{mean}Fields: {', '.join(fields) or 'none'}."
        )
    if isinstance(one, Empty):
        return
    op = one.op if isinstance(one, Compare) else "not in (…)" if one.negated else "in (…)"
    if known.kind not in OPERATORS[op][0]:
        may = ", ".join(name for name, (kinds, _) in OPERATORS.items() if known.kind in kinds)
        raise _Wrong(
            one.at, f"{one.name} is {_A[known.kind]}, and {op} is not for that", f"Use one of: {may}."
        )
    for value in (one.value,) if isinstance(one, Compare) else one.values:
        if not isinstance(value, _TAKES[known.kind]):
            kind = "text" if known.kind == "texts" else known.kind
            raise _Wrong(
                one.value_at or one.at,
                f"{one.name} is {_A[known.kind]}, and {_say_value(value)} is none",
                f"Write one such as {VALUES[kind][0]}.",
            )
        if known.choices and str(value).casefold() not in known.choices and op in _WHOLE:
            near = difflib.get_close_matches(str(value).casefold(), known.choices, 1, 0.4)
            mean = f'Did you mean "{near[0]}"? ' if near else ""
            may = ", ".join(f'"{choice}"' for choice in known.choices)
            raise _Wrong(
                one.value_at or one.at,
                f"{one.name} is never {_say_value(value)}",
                f"{mean}It is one of {may}.",
            )


_A: Mapping[Kind, str] = {
    "text": "a text",
    "number": "a number",
    "date": "a date",
    "yes/no": "yes or no",
    "texts": "texts",
}
_TAKES: Mapping[Kind, tuple[type, ...]] = {
    "text": (str,),
    "texts": (str,),
    "number": (Decimal,),
    "date": (date, Ago),
    "yes/no": (bool,),
}
_WHOLE = ("=", "!=", "in (…)", "not in (…)")


# -- said ------------------------------------------------------------------------------------------------------


def say(expression: Expression) -> str:
    """The expression as text, which reads back as the same."""
    match expression:
        case Compare(name, op, value):
            return f"{name} {op} {_say_value(value)}"
        case In(name, values, negated):
            return f"{name} {'not ' if negated else ''}in ({', '.join(map(_say_value, values))})"
        case Empty(name, negated):
            return f"{name} is {'not ' if negated else ''}empty"
        case Not(part):
            return f"not {_inside(part)}"
        case And(parts):
            return " and ".join(map(_inside, parts))
        case Or(parts):
            return " or ".join(map(_inside, parts))


def _inside(part: Expression) -> str:
    return f"({say(part)})" if isinstance(part, And | Or) else say(part)


def _say_value(value: Literal_) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return f"{value:f}"
        case date():
            return value.isoformat()
        case Ago(0):
            return "today"
        case Ago(days):
            return f"{days} day{'' if days == 1 else 's'} ago"
        case _:
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}"'


def say_rule(rule: When) -> str:
    """A rule as text, which reads back as the same."""
    amount = f"{rule.effect.amount:f}"
    effect = {
        "times": f"x{amount}",
        "plus": f"+{amount}",
        "percent": f"+{amount}%",
        "rate": f"rate {amount}",
        "none": "none",
    }
    return f"when {say(rule.condition)} then {effect[rule.effect.kind]}"


def _leaves(expression: Expression) -> Iterator[Compare | In | Empty]:
    todo = [expression]
    while todo:
        one = todo.pop()
        if isinstance(one, Not):
            todo.append(one.part)
        elif isinstance(one, And | Or):
            todo.extend(one.parts)
        else:
            yield one


def used(expression: Expression) -> frozenset[str]:
    """The names of the fields that it asks for."""
    return frozenset(leaf.name for leaf in _leaves(expression))


def is_relative(expression: Expression) -> bool:
    """Whether the day on which it is judged matters."""
    return any(
        isinstance(value, Ago)
        for leaf in _leaves(expression)
        if not isinstance(leaf, Empty)
        for value in ((leaf.value,) if isinstance(leaf, Compare) else leaf.values)
    )


Lasting = TypeVar("Lasting", Expression, tuple[When, ...])


def lasting(what: Lasting, about: str) -> Lasting:
    """The same, if it means the same on every day. Raises USAGE."""
    parts = [rule.condition for rule in what] if isinstance(what, tuple) else [what]
    if any(map(is_relative, parts)):
        raise PerkstarError(
            ErrorKind.USAGE,
            "A sale is judged once, so `today` and `days ago` are not for sales.",
            remedy="Write a date such as 2026-01-31.",
            field=about,
        )
    return what


# -- compiled --------------------------------------------------------------------------------------------------

Record = Mapping[str, Any]
Test = Callable[[Record], bool]


def _text(value: Any) -> str | None:
    if type(value) is str:
        return value.strip().casefold() or None
    return None if value is None else str(value).strip().casefold() or None


def _number(value: Any) -> Decimal | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        number = Decimal(value) if isinstance(value, int | Decimal) else Decimal(str(value).strip())
    except (InvalidOperation, ValueError):
        return None
    return number if number.is_finite() else None


def _date(value: Any) -> str | None:
    """Days compare as they are written. One whose year is not known is no day."""
    if value is None:
        return None
    text = value.isoformat() if isinstance(value, date) else str(value)
    good = len(text) >= 10 and text[:4].isdigit() and text[4] == text[7] == "-" and text[:4] != "0000"
    return text[:10] if good else None


def _yes(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"yes": True, "no": False, "true": True, "false": False}.get(str(value).strip().casefold())


_READ: Mapping[Kind, Callable[[Any], Any]] = {
    "text": _text,
    "number": _number,
    "date": _date,
    "yes/no": _yes,
    "texts": _text,
}


def _wanted(value: Literal_, today: date) -> Any:
    match value:
        case bool() | Decimal():
            return value
        case Ago(days):
            return (today - timedelta(days=days)).isoformat()
        case date():
            return value.isoformat()
        case _:
            return value.strip().casefold()


_TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda have, want: bool(have == want),
    "!=": lambda have, want: bool(have != want),
    "<": lambda have, want: bool(have < want),
    "<=": lambda have, want: bool(have <= want),
    ">": lambda have, want: bool(have > want),
    ">=": lambda have, want: bool(have >= want),
    "contains": lambda have, want: want in have,
    "starts with": lambda have, want: bool(have.startswith(want)),
    "ends with": lambda have, want: bool(have.endswith(want)),
}


def compiled(expression: Expression, fields: Fields, today: date) -> Test:
    """The expression as a function of a record. It answers for any record whatever, and raises nothing."""
    match expression:
        case And(parts):
            all_of = tuple(compiled(part, fields, today) for part in parts)
            return lambda record: all(test(record) for test in all_of)
        case Or(parts):
            any_of = tuple(compiled(part, fields, today) for part in parts)
            return lambda record: any(test(record) for test in any_of)
        case Not(part):
            inner = compiled(part, fields, today)
            return lambda record: not inner(record)
        case Empty(name, negated):
            several, read = fields[name].kind == "texts", _READ[fields[name].kind]
            if several:
                return lambda record: bool(_all_of(record.get(name), read)) is negated
            return lambda record: (read(record.get(name)) is not None) is negated
        case In(name, values, negated):
            among = frozenset(_wanted(value, today) for value in values)
            test = (lambda have, _: have not in among) if negated else (lambda have, _: have in among)
            return _judge(name, fields[name].kind, test, None, every=negated)
        case Compare(name, op, value):
            return _judge(name, fields[name].kind, _TESTS[op], _wanted(value, today), every=op == "!=")


def _all_of(value: Any, read: Callable[[Any], Any]) -> list[Any]:
    values = value if isinstance(value, list | tuple) else (value,)
    return [found for one in values if (found := read(one)) is not None]


def _judge(name: str, kind: Kind, test: Callable[[Any, Any], bool], want: Any, *, every: bool) -> Test:
    read = _READ[kind]
    if kind == "texts":

        def several(record: Record) -> bool:
            found = _all_of(record.get(name), read)
            return bool(found) and (all if every else any)(test(have, want) for have in found)

        return several

    def one(record: Record) -> bool:
        have = read(record.get(name))
        return have is not None and test(have, want)

    return one

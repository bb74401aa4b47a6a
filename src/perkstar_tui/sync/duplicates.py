"""Which records may be one person, pure: what is compared (`Person`), who is compared with whom (`keys_of`), and how
alike two are (`compare`), in points from 0 to 100 with the reasons in words.

Each field speaks for or against, in bits: how much likelier an agreement (or difference) is between two records of
one person than between two people. The weights stand here and are not learned, so that the same two records always
get the same points, in a shop of ten customers and in one of a million.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Literal

from rapidfuzz.distance import OSA, JaroWinkler

MAYBE = 55
"""Points from which two records are shown to a person."""

SURE = 85
"""Points from which two records are called the same."""

BLOCK = 60
"""Records that share a key and are compared. What more have in common (an office's phone, 1 January as a birth date)
says nothing of a person, and would be compared for ever; the other keys still lead to them."""

_EVEN = 10.0
"""Bits at which it is as likely as not: a name and a town that agree are just not enough."""

_SLOPE = 3.0
_NOT = 45
"""The most that two records get which contradict each other as only two people do: a couple with one phone."""

_DOUBTFUL = 74
"""The most where twins, or a father and his son of the same name, would look the same: shown, and never sure."""

Verdict = Literal["same", "maybe", "different"]


@dataclass(frozen=True, slots=True)
class Person:
    """A record in the form in which it is compared. Empty is unknown; `birth` is YYYYMMDD, or MMDD without a year."""

    id: str
    first: str = ""
    last: str = ""
    email: str = ""
    phone: str = ""
    birth: str = ""
    number: str = ""
    street: str = ""
    city: str = ""
    postcode: str = ""
    company: str = ""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two records are, and why: the reasons that speak for it first."""

    score: int
    verdict: Verdict
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two records that may be one person; `a` is the smaller id."""

    a: str
    b: str
    score: int
    verdict: Verdict
    why: tuple[str, ...]


_SIGNS = re.compile(r"[^\w]+|_+")
_DIGITS = re.compile(r"\d+")


@lru_cache(maxsize=65536)
def folded(text: str) -> str:
    """Small letters without accents and signs, one space between words."""
    if not text.isascii():
        text = "".join(
            c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c)
        )
    return _SIGNS.sub(" ", text.lower()).strip()


def person(id_: str, fields: Mapping[str, Any], email: str | None, phone: str | None) -> Person:
    """A record of customer's fields for comparing; `email` and `phone` are the normal forms of both."""
    first, last = folded(str(fields.get("first_name") or "")), folded(str(fields.get("last_name") or ""))
    if first and not last and " " in first:
        first, _, last = first.rpartition(" ")
    line = folded(str(fields.get("address_line1") or ""))
    numbers = _DIGITS.findall(line)
    return Person(
        id_,
        first,
        last,
        email or "",
        phone or "",
        _birth(str(fields.get("birth_date") or "")),
        numbers[0].lstrip("0") if numbers else "",
        _DIGITS.sub("", line).strip(),
        folded(str(fields.get("city") or "")),
        folded(str(fields.get("postcode") or "")).replace(" ", ""),
        folded(str(fields.get("company") or "")),
    )


def _birth(text: str) -> str:
    digits = "".join(_DIGITS.findall(text))
    if len(digits) == 8 and digits.startswith("0000"):
        return digits[4:]
    return digits if len(digits) in (4, 8) else ""


# -- who is compared with whom


def keys_of(one: Person) -> list[int]:
    """The keys of a record: two records are compared if they share one. Signed numbers of 64 bits.

    A key is kept instead of what it is made of, so that the store holds names and numbers only once.
    """
    found = []
    first, last = one.first, one.last
    if one.email:
        found.append(f"e {one.email}")
        local = one.email.partition("@")[0]
        if len(local) > 5:
            found.append(f"l {local}")
    if one.phone:
        found.append(f"p {one.phone}")
    names = [name for name in (first, last) if name]
    if one.birth:
        found += [f"b {one.birth[-4:]} {one.birth[:-4]} {name[0]}" for name in names]
    if one.postcode:
        # By either name, whichever field it stands in.
        found += [f"c {one.postcode} {name[:3]}" for name in names]
        if one.number:
            found.append(f"a {one.postcode} {one.number} {one.street[:3]}")
    if one.number and one.street:
        found.append(f"h {one.number} {one.street[:6]} {one.city[:3]}")
    if first and last:
        low, high = sorted((first, last))
        found += [f"n {low} {high}", f"s {sound(low)} {sound(high)} {one.city[:3]}"]
    if one.company and last:
        found.append(f"o {one.company[:12]} {last[:4]}")
    return [_hashed(key) for key in dict.fromkeys(found)]


def _hashed(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)


_SOUNDS = str.maketrans("bfpvcgjkqsxzdtlmnr", "111122222222334556")


@lru_cache(maxsize=65536)
def sound(name: str) -> str:
    """A rough spelling of how a name sounds: its first letter and its consonants in six groups."""
    groups = name[1:].translate(_SOUNDS)
    out, last = name[:1], ""
    for sign in groups:
        if sign != last and sign.isdigit():
            out += sign
        last = sign
    return out[:4]


def pairs(people: Iterable[Person], *, least: int = MAYBE) -> list[Pair]:
    """Every two of these that may be one person, the likeliest first. For what fits into memory."""
    found: dict[tuple[str, str], Pair] = {}
    for a, b in meetings_of(people):
        like = compare(a, b)
        if like.score >= least:
            found[a.id, b.id] = Pair(a.id, b.id, like.score, like.verdict, like.why)
    return sorted(found.values(), key=lambda pair: (-pair.score, pair.a, pair.b))


def meetings_of(people: Iterable[Person]) -> Iterator[tuple[Person, Person]]:
    """Each two that share a key, once, the smaller id first; nobody meets itself."""
    blocks: dict[int, list[Person]] = defaultdict(list)
    for one in sorted(people, key=lambda p: p.id):
        for key in keys_of(one):
            block = blocks[key]
            if len(block) < BLOCK:
                block.append(one)
    met: set[tuple[str, str]] = set()
    for block in blocks.values():
        for n, a in enumerate(block):
            for b in block[n + 1 :]:
                if a.id != b.id and (a.id, b.id) not in met:
                    met.add((a.id, b.id))
                    yield a, b


# -- how alike two are


def compare(a: Person, b: Person) -> Likeness:
    """How likely two records are one person. The same whichever is given first."""
    first, last, swapped = _names(a, b)
    bits = 0.0
    pro: list[str] = []
    con: list[str] = []
    birth = _births(a.birth, b.birth)
    mail = _mails(a.email, b.email)
    phone = _numbers(a.phone, b.phone)

    clash = first is not None and first < _OTHER
    bits += _name_bits(first, 4.5, -6.0) + _name_bits(last, 5.5, -2.0) - (1.0 if swapped else 0.0)
    _say_names(first, last, swapped, pro, con)
    for grade, (equal, near, other), words in (
        (mail, (13.0, 7.0, -1.0), "e-mail address"),
        (phone, (10.0, 4.0, -0.7), "phone"),
        (birth, (10.0, 6.0, -3.0), "birth date"),
    ):
        if grade is None:
            continue
        bits += equal if grade == 2 else near if grade == 1 else other
        (pro if grade else con).append(_GRADES[grade] + words)
    bits += _place(a, b, pro, con)
    if a.company and b.company:
        same = JaroWinkler.similarity(a.company, b.company) >= 0.9
        bits += 2.0 if same else -0.5
        (pro if same else con).append("same company" if same else "different companies")

    score = round(100 / (1 + 2 ** (-(bits - _EVEN) / _SLOPE)))
    if clash and birth != 2:
        score = min(score, _NOT)
    elif clash or (birth == 0 and mail != 2):
        score = min(score, _DOUBTFUL)
    verdict: Verdict = "same" if score >= SURE else "maybe" if score >= MAYBE else "different"
    return Likeness(score, verdict, (*pro, *con))


_OTHER = 0.72
"""Likeness below which two names are two names."""

_GRADES = ("different ", "nearly the same ", "same ")


def _names(a: Person, b: Person) -> tuple[float | None, float | None, bool]:
    """How alike first and last names are (None where one is unknown), and whether they stand in each other's place."""
    first, last = _alike(a.first, b.first), _alike(a.last, b.last)
    if a.first and a.last and b.first and b.last and (first or 0) + (last or 0) < 1.8:
        crossed = _alike(a.first, b.last), _alike(a.last, b.first)
        if (crossed[0] or 0) + (crossed[1] or 0) > max(1.75, (first or 0) + (last or 0)):
            return min(crossed, key=lambda x: x or 0), max(crossed, key=lambda x: x or 0), True
    return first, last, False


def _alike(one: str, other: str) -> float | None:
    if not one or not other:
        return None
    if one == other:
        return 1.0
    low, high = sorted((one, other), key=lambda name: (len(name), name))
    if len(low) == 1:
        return 0.86 if high[0] == low else 0.0
    if low.replace(" ", "") == high.replace(" ", ""):
        return 0.98
    if " " in high and (high.startswith(low + " ") or high.endswith(" " + low)):
        return 0.95
    if _NICK.get(low, low) == _NICK.get(high, high):
        return 0.95
    found = float(JaroWinkler.similarity(low, high))
    # One slip of the finger, wherever it is, in a name of some length: the beginning counts no more than the rest.
    if found < 0.9 and OSA.distance(low, high, score_cutoff=1) <= 1:
        long_enough = len(high) >= 4 or (len(low) == 3 and sorted(low) == sorted(high))
        return 0.9 if long_enough else min(found, 0.8)
    return min(found, 0.99)


def _name_bits(likeness: float | None, equal: float, other: float) -> float:
    if likeness is None:
        return 0.0
    if likeness >= 0.8:
        return equal * (1 - 2.5 * (1 - likeness))
    return other if likeness < _OTHER else 0.0


def _say_names(
    first: float | None, last: float | None, swapped: bool, pro: list[str], con: list[str]
) -> None:
    if first == last == 1.0:
        pro.append("same name" + (", first and last swapped" if swapped else ""))
        return
    if swapped and first is not None and last is not None:
        pro.append(f"names swapped, {(first + last) / 2:.0%} alike".replace("%", " %"))
        return
    for likeness, words in ((first, "first name"), (last, "last name")):
        if likeness is None:
            continue
        if likeness == 1.0:
            pro.append(f"same {words}")
        elif likeness >= 0.8:
            pro.append(f"{words}s {round(likeness * 100)} % alike")
        elif likeness < _OTHER:
            con.append(f"different {words}s")


def _mails(a: str, b: str) -> int | None:
    if not a or not b:
        return None
    if a == b:
        return 2
    mine, _, there = a.rpartition("@")
    yours, _, elsewhere = b.rpartition("@")
    if len(mine) > 5 and mine == yours:
        return 1
    return int(len(a) > 10 and OSA.distance(a, b, score_cutoff=1) <= 1 and there[:1] == elsewhere[:1])


def _numbers(a: str, b: str) -> int | None:
    if not a or not b:
        return None
    return 2 if a == b else int(len(a) > 7 and OSA.distance(a, b, score_cutoff=1) <= 1)


def _births(a: str, b: str) -> int | None:
    if not a or not b:
        return None
    if len(a) != len(b):
        a, b = a[-4:], b[-4:]
        return 1 if a == b else 0
    if a == b:
        return 2
    if len(a) == 4:
        return int(a[:2] == b[2:] and a[2:] == b[:2])
    switched = a[:4] == b[:4] and a[4:6] == b[6:] and a[6:] == b[4:6]
    return int(switched or OSA.distance(a, b, score_cutoff=1) <= 1)


def _place(a: Person, b: Person, pro: list[str], con: list[str]) -> float:
    bits = 0.0
    if a.street and b.street:
        street = max(JaroWinkler.similarity(a.street, b.street), _one_slip(a.street, b.street))
        numbers = a.number == b.number if a.number and b.number else None
        if street >= 0.88 and numbers is not False:
            bits += 7.0 if numbers else 5.0
            pro.append("same address" if street == 1.0 else "nearly the same address")
        elif street >= 0.88:
            bits += 4.0
            pro.append("same street")
        else:
            bits -= 0.5
            con.append("different addresses")
    if a.postcode and b.postcode:
        if a.postcode == b.postcode:
            bits += 4.0
            pro.append("same postcode")
        elif OSA.distance(a.postcode, b.postcode, score_cutoff=1) <= 1:
            bits += 3.0
            pro.append("nearly the same postcode")
        else:
            bits -= 1.5
            con.append("different postcodes")
    if a.city and b.city:
        if JaroWinkler.similarity(a.city, b.city) >= 0.9:
            bits += 0.5
            pro.append("same town")
        else:
            bits -= 1.0
            con.append("different towns")
    return bits


def _one_slip(one: str, other: str) -> float:
    return 0.9 if OSA.distance(one, other, score_cutoff=2) <= 1 else 0.0


_SHORT = """
alexander alex xander sandy; alexandra alex sandra; andrew andy drew; anthony tony; barbara barb; benjamin ben;
catherine katherine kate katie cathy kathy; charles charlie chuck; christopher chris; christine chris chrissie;
daniel dan danny; david dave; deborah debbie deb; dorothy dot; edward ed eddie ted ned; elizabeth liz lizzie beth eliza
betty; francis frank; frederick fred freddie; gregory greg; henry harry hank; isabella isabel bella; jacob jake;
james jim jimmy jamie; jennifer jen jenny; jessica jess jessie; john jack johnny; jonathan jon; joseph joe joey;
joshua josh; kenneth ken kenny; kimberly kim; lawrence larry; leonard len lenny; margaret maggie meg peggy;
matthew matt; michael mike mick micky; nathaniel nathan nat; nicholas nick; nicola nicky; pamela pam; patricia pat patty
trish; patrick pat paddy; peter pete; philip phil; rebecca becky becca; richard rick dick ricky; robert bob bobby rob
robbie; ronald ron ronnie; samantha sam; samuel sam sammy; sarah sally; stephen steven steve; susan sue susie;
terence terry; theodore theo; thomas tom tommy; timothy tim; victoria vicky; vincent vince; william bill billy will
willie; zachary zach
"""
"""English names and what their bearers are called; where a short one stands for several, for the first."""


def _nicknames() -> dict[str, str]:
    found: dict[str, str] = {}
    for line in _SHORT.split(";"):
        name, *short = line.split()
        found.setdefault(name, name)
        for each in short:
            found.setdefault(each, name)
    return found


_NICK = _nicknames()

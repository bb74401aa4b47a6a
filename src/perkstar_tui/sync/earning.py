"""From sales to points, pure: what a sale earns, and what a refund takes back of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from perkstar_tui.model.money import minor_digits
from perkstar_tui.model.remote import Sale

from .bought import BUYER, EARNING, WEEKDAYS
from .expressions import (
    Effect,
    Test,
    compiled,
    lasting,
    parse_rules,
    say_rule,
    used,
)


class Rule(NamedTuple):
    """An earning rule ready to use: how it reads, whether it holds for a sale's facts, and what it does."""

    text: str
    test: Test
    effect: Effect
    asks_buyer: bool
    """Whether it can only be judged once it is known who bought."""


class Award(NamedTuple):
    """What a sale earns, why nothing if it is 0, and what each rule made of it: its text, before, after."""

    earned: int
    why: str
    by: tuple[tuple[str, str, str], ...] = ()


@lru_cache(maxsize=64)
def rules_of(text: str) -> tuple[Rule, ...]:
    """The option `earn_rules`, ready to use. Raises USAGE that names the place and what is wrong there."""
    return tuple(
        Rule(
            say_rule(one),
            # A sale is judged once and for all, so no rule of it depends on the day.
            compiled(one.condition, EARNING, date.min),
            one.effect,
            not used(one.condition).isdisjoint(BUYER),
        )
        for one in lasting(parse_rules(text, EARNING, "earn_rules"), "earn_rules")
    )


SETTINGS: Mapping[str, str] = {
    "earn": "what earns: `spend` (the amount, as is usual), `visit`, `product` or `cashback`",
    "earn_rate": "points for each whole unit of money, stamps for each visit or product, per cent for cashback; 1",
    "earn_minimum_minor": "the least amount that earns, in the smallest unit of the currency; 0",
    "earn_rounding": "of points that do not come out whole: `down` (as is usual), `nearest` or `even`",
    "earn_on_tax": "whether taxes earn: `yes`",
    "earn_on_tip": "whether tips earn: `no`",
    "earn_on_shipping": "whether shipping earns: `no`",
    "earn_on_credit": "whether what was paid by gift card or store credit earns: `yes`; with `no`, a sale paid so by "
    "half earns half",
    "earn_excluded": "lines that earn nothing: names, product ids or categories, with commas between",
    "earn_double_days": "days that earn twice: weekdays (`mon`) or dates (`2026-12-24`), with commas between",
}
"""What an integration's sales earn, in words, with what holds where nothing is said."""


def no_day(text: str) -> str:
    """The first of `earn_double_days` that is neither a weekday nor a date; empty where all are."""
    for part in (one.strip().lower() for one in text.split(",") if one.strip()):
        try:
            known = part in WEEKDAYS or date.fromisoformat(part).isoformat() == part
        except ValueError:
            known = False
        if not known:
            return part
    return ""


@dataclass(frozen=True, slots=True)
class EarningRule:
    """How an integration's sales earn. `rate` is points per whole unit of money (or per cent for `cashback`,
    stamps per sale for `visit`, stamps per counted item for `product`).
    """

    mode: str = "spend"
    rate: Decimal = Decimal(1)
    minimum_minor: int = 0
    tax: bool = True
    tip: bool = False
    shipping: bool = False
    credit: bool = True
    """Whether what was paid by gift card or store credit earns like money."""
    rounding: str = "down"
    excluded: tuple[str, ...] = ()
    """Line names, product ids or categories that earn nothing, in lower case."""
    double_days: tuple[str, ...] = field(default=())
    """Dates (YYYY-MM-DD) or weekdays (mon ... sun) on which the award is doubled."""
    rules: tuple[Rule, ...] = ()
    """Worked on the award one after the other, in their order."""

    @property
    def asks_buyer(self) -> bool:
        return any(rule.asks_buyer for rule in self.rules)

    @classmethod
    def of(cls, options: dict[str, Any]) -> "EarningRule":
        """The rule in an integration's options; missing members have the usual meaning."""

        def flag(name: str, default: bool) -> bool:
            return str(options.get(name, default)).lower() in ("true", "yes", "1", "on")

        def words(name: str) -> tuple[str, ...]:
            given = options.get(name, ())
            parts = given.split(",") if isinstance(given, str) else given
            return tuple(str(part).strip().lower() for part in parts if str(part).strip())

        return cls(
            mode=str(options.get("earn", "spend")),
            rate=Decimal(str(options.get("earn_rate", 1))),
            minimum_minor=int(options.get("earn_minimum_minor", 0)),
            tax=flag("earn_on_tax", True),
            tip=flag("earn_on_tip", False),
            shipping=flag("earn_on_shipping", False),
            credit=flag("earn_on_credit", True),
            rounding=str(options.get("earn_rounding", "down")),
            excluded=words("earn_excluded"),
            double_days=words("earn_double_days"),
            rules=rules_of(str(options.get("earn_rules") or "")),
        )


_ROUNDING = {"down": ROUND_FLOOR, "nearest": ROUND_HALF_UP, "even": ROUND_HALF_EVEN}


def eligible_minor(rule: EarningRule, sale: Sale) -> int:
    """The part of a sale that earns, in minor units: what was paid less what the rule leaves out, never below 0.

    Gift cards and store credit pay for their share of all that is left, taxes and left-out lines alike.
    """
    amount = sale.total_minor
    if not rule.tax:
        amount -= sale.tax_minor
    if not rule.tip:
        amount -= sale.tip_minor
    if not rule.shipping:
        amount -= sale.shipping_minor
    for line in sale.lines:
        if _is_excluded(rule, line.name, line.product_id, line.category):
            amount -= line.total_minor
    paid = sale.total_minor if rule.tip else sale.total_minor - sale.tip_minor
    if not rule.credit and sale.credit_minor and paid > 0:
        amount = amount * max(0, paid - sale.credit_minor) // paid
    return max(0, amount)


def _is_excluded(rule: EarningRule, *names: str | None) -> bool:
    return any(name and name.lower() in rule.excluded for name in names)


def award(rule: EarningRule, sale: Sale, day: date, facts: Mapping[str, Any] | None = None) -> Award:
    """Whole points (minor units for cashback) that a sale earns on a local day, and why nothing if it is 0.

    `facts` are what rules ask for (`bought.facts`).
    """
    base = eligible_minor(rule, sale)
    if base <= 0:
        return Award(0, "nothing of it counts by the earning rule")
    if base < rule.minimum_minor:
        return Award(0, "below the minimum of the earning rule")
    points = _points(rule, sale, base, day, rule.rate)
    by: list[tuple[str, str, str]] = []
    for one in rule.rules if facts is not None else ():
        if not one.test(facts or {}):
            continue
        before = points
        match one.effect.kind:
            case "times":
                points *= one.effect.amount
            case "plus":
                points += one.effect.amount
            case "percent":
                points += points * one.effect.amount / 100
            case "rate":
                points = _points(rule, sale, base, day, one.effect.amount)
            case _:
                points = Decimal(0)
        by.append((one.text, _short(before), _short(points)))
        if one.effect.kind == "none":
            return Award(0, f"nothing by the rule: {one.text}", tuple(by))
    whole = int(points.quantize(Decimal(1), rounding=_ROUNDING.get(rule.rounding, ROUND_FLOOR)))
    return Award(whole, "" if whole else "too small to earn a whole point", tuple(by))


def _points(rule: EarningRule, sale: Sale, base: int, day: date, rate: Decimal) -> Decimal:
    match rule.mode:
        case "visit":
            points = rate
        case "product":
            items = sum(
                Decimal(str(line.quantity))
                for line in sale.lines
                if not _is_excluded(rule, line.name, line.product_id, line.category)
            )
            points = rate * items
        case "cashback":
            points = Decimal(base) * rate / 100
        case _:
            points = Decimal(base).scaleb(-minor_digits(sale.currency)) * rate
    if day.isoformat() in rule.double_days or WEEKDAYS[day.weekday()] in rule.double_days:
        points *= 2
    return points


def _short(points: Decimal) -> str:
    """Points for a person, without the digits that say nothing."""
    return f"{points.quantize(Decimal('0.01')).normalize():f}"


def reversal(earned: int, refunded_minor: int, total_minor: int, reversed_before: int) -> int:
    """What a refund takes back now: the share of the award as it was booked, less what was reversed before.

    `refunded_minor` is the sum of all refunds of the sale so far. Never more than was earned.
    """
    if total_minor <= 0:
        return max(0, earned - reversed_before)
    share = Decimal(earned) * min(refunded_minor, total_minor) / total_minor
    due = int(share.quantize(Decimal(1), rounding=ROUND_HALF_UP))
    return max(0, min(due, earned) - reversed_before)


def before_start(sale_at: datetime, credit_from: datetime | None) -> bool:
    """Whether a sale is older than the moment from which this integration credits."""
    return credit_from is not None and sale_at < credit_from

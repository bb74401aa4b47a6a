"""What the seed hands to a vendor, in nobody's form: people and sales; and a person as the truth compares one."""

import unicodedata
from dataclasses import dataclass, field
from typing import Any

from .clock import iso_ms
from .state import normal_email, normal_phone

FIRST_VENDORS = ("hubspot", "mailchimp", "square")
"""The vendors whose people the traits of the seed are about."""


@dataclass(slots=True)
class Soul:
    """A person of the seed: the fields in nobody's form, what is special, and where to be found."""

    key: str
    first: str
    last: str
    email: str | None
    phone: str | None
    birthday: str | None
    trait: str = ""
    gender: int = 0
    places: tuple[str, ...] = FIRST_VENDORS
    in_cloud: bool = True
    card: bool = True


@dataclass(slots=True)
class View:
    """A record's fields as they are compared."""

    first: str
    last: str
    email: str | None
    phone: str | None
    birthday: str | None
    """`YYYY-MM-DD`, or `MM-DD` where the year isn't known."""

    @property
    def name(self) -> str:
        """Both parts as one, for vendors that keep a name so."""
        return f"{self.first} {self.last}".strip()

    def get(self, name: str) -> str | None:
        """A field by its name."""
        value: str | None = getattr(self, name)
        return value


def text(value: object) -> str:
    """A name as it is compared: composed, without control and format characters, single spaces."""
    composed = unicodedata.normalize("NFC", str(value or ""))
    kept = "".join(
        " " if c in "\t\n\r" else c for c in composed if c in "\t\n\r" or unicodedata.category(c)[0] != "C"
    )
    return " ".join(kept.split())


def viewed(first: object, last: object, email: object, phone: object, birthday: object = None) -> View:
    """A view out of a vendor's own spellings."""
    return View(
        text(first), text(last), normal_email(email), normal_phone(phone), str(birthday) if birthday else None
    )


@dataclass(slots=True)
class Item:
    """A line of a sale; `unit` and `discount` in minor units, the discount for the whole line."""

    name: str
    count: int
    unit: int
    discount: int = 0

    @property
    def total(self) -> int:
        """What the line costs, tax included."""
        return self.count * self.unit - self.discount


@dataclass(slots=True)
class Basket:
    """A sale of the seed, before a vendor has written it down. Money in minor units, prices with tax included."""

    placed: int
    items: list[Item]
    tip: int = 0
    person: Soul | None = None
    customer: str | None = None
    """The customer's id at the vendor."""
    done: bool = True
    """Whether it was paid and finished; else it is open or was called off."""
    split: bool = False
    refunds: list[tuple[int, int]] = field(default_factory=list)
    """(milliseconds, minor units)"""
    location: int = 0

    @property
    def total(self) -> int:
        """What was paid, tip aside."""
        return sum(item.total for item in self.items)

    @property
    def tax(self) -> int:
        """The twenty per cent that lie in the prices."""
        return self.total - round(self.total / 1.2)


@dataclass(slots=True)
class Sale:
    """The truth about a sale: what was sold to whom, and what a right sync makes of it."""

    sale: str
    person: str | None
    customer_id: str | None
    location: str
    placed: int
    total: int
    tax: int
    tip: int
    expected: str
    refunds: list[dict[str, Any]] = field(default_factory=list)
    platform: str = "square"

    def shown(self) -> dict[str, Any]:
        """As `GET /world/sales` says it."""
        return {
            "sale": self.sale, "platform": self.platform, "person": self.person, "customer_id": self.customer_id,
            "location": self.location, "placed_at": iso_ms(self.placed), "currency": "GBP",
            "total_minor": self.total, "tax_minor": self.tax, "tip_minor": self.tip, "expected": self.expected,
            "refunds": self.refunds,
        }  # fmt: skip

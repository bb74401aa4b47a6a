"""What filters may ask customers for. With the tables of `bought.py`, `docs/expressions.md` is drawn from it."""

from .config import CUSTOMER_FIELDS, LOYALTY_FIELDS
from .expressions import Field, Kind

_KINDS: dict[str, Kind] = {
    "birth_date": "date",
    "last_visit": "date",
    "marketing_consent": "yes/no",
    "balance": "number",
}
_WORDS = {
    "birth_date": "birthday; one without a year is not known",
    "gender": "male, female or another word",
    "language": "two letters, such as en",
    "country": "two letters, such as GB",
    "phone": "with + and country",
    "marketing_consent": "whether marketing was allowed",
    "balance": "of the card: points, stamps or visits; minor units for cashback and gift cards",
    "tier": "of the card",
    "last_visit": "day of the last sale that was credited",
}


def _customer(name: str) -> Field:
    return Field(_KINDS.get(name, "text"), _WORDS.get(name, name.replace("_", " ")))


TAKEN = {name: _customer(name) for name in CUSTOMER_FIELDS}
"""What a record at a platform can be asked for."""

CUSTOMER = {**TAKEN, **{name: _customer(name) for name in LOYALTY_FIELDS}}
"""What a customer can be asked for."""

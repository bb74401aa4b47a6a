"""The accounts of the business's books, so that every vendor that keeps them has the same ones."""

from typing import NamedTuple


class Account(NamedTuple):
    """One account: its number, its name, and what kind it is."""

    code: str
    name: str
    kind: str


CHART = (
    Account("090", "Business Bank Account", "bank"),
    Account("200", "Sales", "income"),
    Account("205", "Rewards Redeemed", "income"),
    Account("400", "Advertising & Marketing", "expense"),
    Account("415", "Loyalty Programme", "expense"),
    Account("610", "Accounts Receivable", "debtors"),
    Account("800", "Accounts Payable", "creditors"),
    Account("825", "Loyalty Points Owed", "liability"),
    Account("970", "Owner's Capital", "equity"),
)


def minor(amount: float | str) -> int:
    """An amount of units as hundredths; raises `ValueError` for what is none."""
    return round(float(amount) * 100)

"""Money as integer minor units and an ISO 4217 code: how many digits a currency has, and how an amount reads."""

_NONE = {"JPY", "KRW", "VND", "CLP", "ISK", "UGX", "XAF", "XOF", "XPF", "PYG", "RWF"}
_THREE = {"BHD", "KWD", "OMR", "JOD", "TND", "IQD", "LYD"}


def minor_digits(currency: str) -> int:
    """How many digits of ISO 4217 minor units a currency has (2 for nearly all)."""
    return 0 if currency in _NONE else 3 if currency in _THREE else 2


def amount(minor: int, currency: str) -> str:
    """An amount as a person reads it, such as `-12.50 GBP`."""
    digits = minor_digits(currency)
    sign = "-" if minor < 0 else ""
    whole, part = divmod(abs(minor), 10**digits)
    return f"{sign}{whole}{f'.{part:0{digits}}' if digits else ''} {currency}"

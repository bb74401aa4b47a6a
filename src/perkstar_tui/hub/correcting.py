"""Values that a person gives for a customer's fields by hand: looked at before they are kept, one field at a time."""

import re
from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import Connection, select

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.normal import email_key, phone_key
from perkstar_tui.sync.config import CUSTOMER_FIELDS
from perkstar_tui.sync.context import CUSTOMER, name_of

_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s.,;<>]+(\.[^@\s.,;<>]+)+")
_MONTH_DAY = re.compile(r"--(\d{2})-(\d{2})")
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_OLDEST = 1900
LONGEST = 255
"""Characters of a value that is typed in."""


def corrected(
    fields: Mapping[str, str], allowed: Sequence[str], *, country: str, today: date, may_empty: bool
) -> dict[str, str | None]:
    """Values as they are kept: trimmed, phones in E.164. Raises USAGE that names the field, what is wrong with the
    value and what would do; `allowed` are the fields that may be given, `may_empty` whether a field may be emptied.
    """
    found: dict[str, str | None] = {}
    for name, value in fields.items():
        if name not in allowed:
            raise PerkstarError(
                ErrorKind.USAGE,
                f"{name} can't be changed here{'' if name in CUSTOMER_FIELDS else ': a customer has no such field'}.",
                remedy=f"Give a value for {' or '.join(allowed)}." if allowed else "Choose something else.",
                field=name,
            )
        text = value.strip()
        if not text and not may_empty:
            raise _wrong(
                name, "is empty, and an empty field would be filled from the other side", "Give a value."
            )
        found[name] = _checked(name, text, country, today) if text else None
    return found


def _checked(name: str, text: str, country: str, today: date) -> str:
    if len(text) > LONGEST:
        raise _wrong(name, f"is longer than {LONGEST} characters", "Shorten it.")
    if not text.isprintable():
        raise _wrong(name, "has signs in it that can't be shown", "Type it anew.")
    if name == "phone":
        number = phone_key(text, country)
        if number is None:
            raise _wrong(
                name, f"{text!r} is no phone number", "Give it with + and the country, such as +447400123456."
            )
        return number
    if name == "email" and _EMAIL.fullmatch(text) is None:
        raise _wrong(name, f"{text!r} is no e-mail address", "Give one such as jane@example.com.")
    if name == "birth_date":
        return _birth_date(name, text, today)
    if name == "country" and _COUNTRY.fullmatch(text) is None:
        raise _wrong(name, f"{text!r} is no country code", "Give two letters, such as GB.")
    return text


def _birth_date(name: str, text: str, today: date) -> str:
    remedy = "Give it as YYYY-MM-DD, or --MM-DD without a year."
    yearless = _MONTH_DAY.fullmatch(text)
    try:
        # 29 February is a birthday in some years.
        day = date.fromisoformat(f"2000-{yearless[1]}-{yearless[2]}" if yearless else text)
    except ValueError:
        raise _wrong(name, f"{text!r} is no date", remedy) from None
    if not yearless and (day.year < _OLDEST or day > today):
        raise _wrong(name, f"nobody was born on {text}", remedy)
    return text if yearless else day.isoformat()


def _wrong(name: str, what: str, remedy: str) -> PerkstarError:
    return PerkstarError(ErrorKind.USAGE, f"{name}: {what}.", remedy=remedy, field=name)


def refuse_anothers_email(connection: Connection, fields: Mapping[str, str | None], hub_id: str) -> None:
    """Raises USAGE where an e-mail address belongs to another customer, whom it names."""
    key = email_key(fields.get("email"))
    if key is None:
        return
    other = connection.execute(
        select(CUSTOMER).where(
            CUSTOMER.c.email_key == key, CUSTOMER.c.archived_at.is_(None), CUSTOMER.c.id != hub_id
        )
    ).first()
    if other is not None:
        raise _wrong(
            "email",
            f"that address belongs to {name_of(other) or 'another customer'} ({other.id})",
            "Give another one, or merge the two customers.",
        )

"""Which field of Perkstar could be which field of a platform: names compared, nothing mapped by itself (G5)."""

import re
from collections.abc import Collection, Sequence

from rapidfuzz import fuzz

from perkstar_tui.model.enums import DataType, Write
from perkstar_tui.model.remote import RemoteField
from perkstar_tui.sync.config import CUSTOMER_FIELDS

from . import views as v

LEAST = 82.0
_WORDS = {
    "first_name": ("first name", "given name", "forename", "vorname"),
    "last_name": ("last name", "family name", "surname"),
    "email": ("email", "e mail", "email address"),
    "phone": ("phone", "phone number", "mobile", "mobile phone", "telephone"),
    "birth_date": ("birthday", "date of birth", "birth date", "dob"),
    "gender": ("gender", "sex"),
    "language": ("language", "preferred language", "locale"),
    "company": ("company", "company name", "organisation"),
    "address_line1": ("address", "street address", "address line 1", "street"),
    "city": ("city", "town", "locality"),
    "region": ("state", "region", "county", "province"),
    "postcode": ("zip", "postal code", "postcode", "zip code"),
    "country": ("country", "country code"),
    "marketing_consent": ("marketing consent", "email opt in", "newsletter"),
    "balance": ("points", "points balance", "loyalty points"),
    "tier": ("tier", "loyalty tier", "membership level"),
    "card_link": ("card link", "wallet card", "loyalty card link"),
    "last_visit": ("last visit", "last purchase", "last order date"),
}
_TRANSFORMS = {"email": "lower", "phone": "e164", "birth_date": "date_iso", "balance": "number"}


def _plain(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.rpartition(".")[2])
    return re.sub(r"[^a-z0-9]+", " ", spaced.lower()).strip()


def likeness(hub: str, field: RemoteField) -> float:
    """How much a platform's field looks like one of ours, 0 to 100, by its name and its label."""
    names = {_plain(field.path), _plain(field.label)}
    return max(fuzz.token_sort_ratio(word, name) for word in _WORDS[hub] for name in names if name)


def suggest(
    fields: Sequence[RemoteField], mapped_hub: Collection[str], mapped_remote: Collection[str]
) -> list[v.MappingLine]:
    """Lines for fields of ours that are not mapped yet, the likest first; each remote field is used once."""
    free = [f for f in fields if f.path not in mapped_remote and f.write is not Write.NEVER]
    pairs = sorted(
        (
            (-likeness(hub, field), hub, field.path, field)
            for hub in _WORDS
            if hub not in mapped_hub
            for field in free
        ),
        key=lambda pair: pair[:3],
    )
    lines: list[v.MappingLine] = []
    used: set[str] = set()
    for score, hub, path, field in pairs:
        if -score < LEAST or hub in used or path in used:
            continue
        used |= {hub, path}
        lines.append(
            v.MappingLine(
                data=DataType.CUSTOMERS.value,
                hub=hub,
                remote=path,
                direction="both" if hub in CUSTOMER_FIELDS else "to-platform",
                transform=_TRANSFORMS.get(hub, "text"),
                label=field.label,
                check=f"suggested: {-score:.0f} % alike",
            )
        )
    return lines

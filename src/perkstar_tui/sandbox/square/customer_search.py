"""What a search for Square's customers asks for, as conditions on the records."""

from collections.abc import Callable
from typing import Any

from ..conditions import Conditions
from ..state import normal_email, normal_phone
from .pages import add_time_range

COMPARED: dict[str, Callable[[object], str | None]] = {"email": normal_email, "phone": normal_phone}
"""How an exact value is read for those columns that are kept normalised."""


def add_filter(conditions: Conditions, wanted: dict[str, Any]) -> None:
    """The parts of a customer filter."""
    for name, column in (("email_address", "email"), ("phone_number", "phone"), ("reference_id", "ref")):
        if name in wanted:
            add_text(conditions, column, wanted[name])
    for name, column in (("created_at", "created"), ("updated_at", "updated")):
        if name in wanted:
            add_time_range(conditions, column, wanted[name])
    source = wanted.get("creation_source")
    if source:
        column = "json_extract(body, '$.creation_source')"
        conditions.one_of(column, source["values"], negated=source.get("rule") == "EXCLUDE")
    groups = wanted.get("group_ids") or {}
    for word, joint in (("any", " OR "), ("all", " AND ")):
        if groups.get(word):
            part = "EXISTS (SELECT 1 FROM json_each(body, '$.group_ids') WHERE value = ?)"
            conditions.add("(" + joint.join([part] * len(groups[word])) + ")", *groups[word])
    for item in (wanted.get("custom_attribute") or {}).get("filters") or []:
        add_attribute(conditions, item)


def add_text(conditions: Conditions, column: str, given: dict[str, Any]) -> None:
    """An exact text, or a part of one."""
    if given.get("exact") is not None:
        conditions.add(f"{column} = ?", COMPARED.get(column, str)(str(given["exact"])))
    elif given.get("fuzzy") is not None:
        text = str(given["fuzzy"]).lower()
        part = "".join(c for c in text if c.isdigit()) if column == "phone" else text
        conditions.add(f"lower({column}) LIKE ?", f"%{part}%")


def add_attribute(conditions: Conditions, item: dict[str, Any]) -> None:
    """A custom attribute that is there, or has an exact value."""
    part = "EXISTS (SELECT 1 FROM k_attributes a WHERE a.id = k_customers.id || '/' || ?"
    values = [str(item["key"])]
    wanted = item.get("filter") or {}
    for name in ("text", "email", "phone"):
        exact = (wanted.get(name) or {}).get("exact")
        if exact is not None:
            part += " AND json_extract(a.body, '$.value') = ?"
            values.append(str(exact))
    conditions.add(part + ")", *values)

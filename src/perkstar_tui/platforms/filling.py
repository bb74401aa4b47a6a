"""Calls of a manifest filled with values: `{name}` and nothing else."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from perkstar_tui.model.errors import ErrorKind, PerkstarError

P = TypeVar("P", bound=BaseModel)
_NAME = re.compile(r"\{([a-z][a-z0-9_.]*)\}")


def names_in(template: str) -> list[str]:
    """The names that a text has in braces."""
    return _NAME.findall(template)


def _one(name: str, values: Mapping[str, Any]) -> Any:
    if name not in values:
        raise PerkstarError(ErrorKind.INTERNAL, f"A manifest names {{{name}}}, which there is none of.")
    return values[name]


def text(template: str, values: Mapping[str, Any], *, quoted: bool = False) -> str:
    """A text with its names replaced; `quoted` for a part of a path."""

    def put(found: "re.Match[str]") -> str:
        value = _one(found[1], values)
        shown = "" if value is None else str(value)
        return quote(shown, safe="") if quoted else shown

    return _NAME.sub(put, template)


def with_options(part: P, options: Mapping[str, Any]) -> P:
    """A part of a manifest whose paths name options in braces, with what the admin has chosen for them.

    What names anything else stays as it is.
    """

    def put(value: Any) -> Any:
        if isinstance(value, str) and "{" in value:
            return text(value, options) if all(name in options for name in names_in(value)) else value
        return tuple(map(put, value)) if isinstance(value, tuple) else value

    given = {name: getattr(part, name) for name in type(part).model_fields}
    filled = {name: put(value) for name, value in given.items()}
    return part.model_copy(update={name: value for name, value in filled.items() if value != given[name]})


def fill(template: Any, values: Mapping[str, Any]) -> Any:
    """A JSON value with its names replaced; members whose value is unknown (None) are left out."""
    if isinstance(template, str):
        whole = _NAME.fullmatch(template)
        return _one(whole[1], values) if whole else text(template, values)
    if isinstance(template, Mapping):
        filled = {name: fill(part, values) for name, part in template.items()}
        return {name: part for name, part in filled.items() if part is not None or template[name] is None}
    if isinstance(template, list | tuple):
        return [part for part in (fill(part, values) for part in template) if part is not None]
    return template

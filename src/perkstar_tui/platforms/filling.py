"""Calls of a manifest filled with values: `{name}` and nothing else."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from perkstar_tui.model.errors import ErrorKind, PerkstarError

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

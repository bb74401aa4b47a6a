"""A platform's record as the engine looks at it: what is mapped of it, by what it is told from its former self, and
whether there is anybody in it.
"""

from collections.abc import Mapping
from hashlib import blake2b

import orjson

from perkstar_tui.model.remote import RemoteRecord, Value

from . import filters
from .context import Leg


def fingerprint(values: dict[str, Value], archived: bool, taken: filters.Filter | None = None) -> str:
    """A short hash of what is mapped of a remote record: equal means that nothing of interest changed there, nor in
    the filter that judges it.
    """
    of = [values, archived] if taken is None else [values, archived, taken.key]
    return blake2b(orjson.dumps(of, option=orjson.OPT_SORT_KEYS), digest_size=9).hexdigest()


def mapped(leg: Leg, record: RemoteRecord) -> dict[str, Value]:
    """The mapped part of a remote record, empty values left out."""
    fields = record.fields
    return {
        path: value for path in leg.config.paths if (value := fields.get(path)) is not None and value != ""
    }


def somebody(filled: Mapping[str, Value]) -> bool:
    """Whether there is anything to know a person by."""
    known = filled.get
    return bool(
        known("email") or known("first_name") or known("last_name") or known("phone") or known("company")
    )

"""Answers turned into the error taxonomy: the vendor's own rules first, then the status; everything redacted."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.normal import plain

WORDS = 500
"""Characters of the vendor's own message that are kept."""

_HARMLESS = {
    "limit",
    "count",
    "offset",
    "page",
    "itemsPerPage",
    "archived",
    "sort_field",
    "sort_dir",
    "status",
}


class Rule(Protocol):
    """A vendor's own meaning of an answer. What is not set matches anything; the first match wins."""

    @property
    def kind(self) -> ErrorKind: ...

    @property
    def status(self) -> int | None: ...

    @property
    def code(self) -> str | None: ...

    @property
    def contains(self) -> str | None: ...

    @property
    def where(self) -> Mapping[str, str]: ...

    @property
    def bare(self) -> bool: ...

    @property
    def wait_s(self) -> float | None: ...

    @property
    def message(self) -> str: ...

    @property
    def field(self) -> str | None: ...

    @property
    def remedy(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class ErrorShape:
    """Where a vendor's error body keeps its parts: dotted paths, tried in order (`errors.0.code`)."""

    code: Sequence[str] = ("code", "error")
    words: Sequence[str] = ("message", "error_description", "detail", "error")
    field_name: Sequence[str] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    """The vendor's name of a field to the manifest's path."""
    field_patterns: Sequence[str] = ()
    """Patterns that find a field's name in the message, where no member tells it."""
    request_id_headers: Sequence[str] = ("x-request-id",)
    request_id: Sequence[str] = ()
    inside: Sequence[str] = ()
    """Members that make an answer an error though its status is good."""
    parameters: str = ""
    """Where the body has what belongs into the places (`%1`, `%name`) of its message."""
    wait_headers: Mapping[str, str] = field(default_factory=dict)
    """Headers beside Retry-After that say when to come again: milliseconds or seconds from now, or the epoch's."""


def dig(data: Any, path: str) -> Any:
    """The value at a dotted path of dicts and lists, or None."""
    for part in path.split("."):
        if isinstance(data, dict):
            data = data.get(part)
        elif isinstance(data, list) and part.isdigit() and int(part) < len(data):
            data = data[int(part)]
        else:
            return None
    return data


def _first(data: Any, paths: Sequence[str]) -> str | None:
    """What is at the first path that is filled: of a list the first element, of an object its first value.

    `.#` behind a path stands for the name of an object's first member.
    """
    for path in paths:
        found = dig(data, path.removesuffix(".#"))
        if isinstance(found, dict) and found:
            found = next(iter(found.items()))[0 if path.endswith(".#") else 1]
        if isinstance(found, list) and found:
            found = found[0]
        if isinstance(found, str | int | float) and not isinstance(found, bool) and found != "":
            return str(found)
    return None


def _filled(words: str, parameters: Any) -> str:
    """A message with what belongs into its places."""
    named = parameters if isinstance(parameters, dict) else None
    listed = parameters if isinstance(parameters, list) else []
    pairs = named.items() if named is not None else ((str(n), value) for n, value in enumerate(listed, 1))
    for name, value in pairs:
        words = words.replace(f"%{name}", str(value))
    return words


def _named(words: str, patterns: Sequence[str]) -> str | None:
    for pattern in patterns:
        found = re.search(pattern, words)
        if found is not None:
            return found[1]
    return None


def words_of(text: str | None) -> str | None:
    """The vendor's message as it may be shown: no control characters, cut to a bearable length."""
    if not text:
        return None
    clean = plain(text).strip()
    return clean if len(clean) <= WORDS else clean[: WORDS - 1] + "…"


def shown_path(url: str) -> str:
    """A path with its query for people: long ids shortened, and nothing that could name a person."""
    parts = urlsplit(url)
    path = "/".join(_shown_part(part) for part in parts.path.split("/"))
    if not parts.query:
        return path
    query = "&".join(
        f"{name}={value if name in _HARMLESS else '…'}"
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
    )
    return f"{path}?{query}"


def _shown_part(part: str) -> str:
    if "@" in part or "%40" in part:
        return "…@…"
    return part if len(part) <= 24 else part[:8] + "…"


def shown_request(method: str, url: str, status: int | None, ms: float) -> str:
    """`PUT /v2/customers/8RK… → 400 in 212 ms`."""
    outcome = "no answer" if status is None else str(status)
    return f"{method} {shown_path(url)} → {outcome} in {ms:.0f} ms"


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Retry-After as seconds from now, given as seconds or as a date (RFC 9110 10.2.3)."""
    value = headers.get("retry-after")
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def told_wait_s(headers: Mapping[str, str], names: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait by the vendor's own headers (`ErrorShape.wait_headers`); None where none says."""
    for name, unit in names.items():
        try:
            number = float(headers[name])
        except (KeyError, ValueError):
            continue
        seconds = {"ms": number / 1000, "s": number, "epoch": number - now.timestamp()}[unit]
        return max(0.0, seconds)
    return None


_BY_STATUS = {
    401: ErrorKind.CREDENTIAL_REFUSED,
    403: ErrorKind.PERMISSION_MISSING,
    404: ErrorKind.NOT_FOUND,
    409: ErrorKind.CONFLICT,
    410: ErrorKind.NOT_FOUND,
    429: ErrorKind.RATE_LIMITED,
}

_MEANINGS = {
    ErrorKind.CREDENTIAL_REFUSED: "{title} refuses the credential.",
    ErrorKind.PERMISSION_MISSING: "{title} says that this credential may not do that.",
    ErrorKind.NOT_FOUND: "{title} has no such record.",
    ErrorKind.CONFLICT: "{title} says that this clashes with what it has.",
    ErrorKind.DUPLICATE: "{title} has such a record already.",
    ErrorKind.RATE_LIMITED: "{title} asks for slower calls.",
    ErrorKind.SERVICE_UNAVAILABLE: "{title} cannot serve at the moment ({status}).",
    ErrorKind.NETWORK: "No whole answer came from {title}.",
    ErrorKind.RECORD_REJECTED: "{title} refused it.",
    ErrorKind.SCHEMA_CHANGED: "A mapped field no longer exists at {title}.",
}


def kind_of(status: int) -> ErrorKind:
    """The kind that a status means where the vendor has no rule of its own."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500 or status == 408:
        return ErrorKind.SERVICE_UNAVAILABLE
    if 300 <= status < 400:
        return ErrorKind.NETWORK
    return ErrorKind.RECORD_REJECTED


def _matches(rule: Rule, status: int, code: str | None, words: str, data: Any) -> bool:
    if rule.status is not None and rule.status != status:
        return False
    if rule.code is not None and rule.code != code:
        return False
    if rule.contains is not None and rule.contains.lower() not in words.lower():
        return False
    if rule.bare and data is not None:
        return False
    return all(str(dig(data, path)) == value for path, value in rule.where.items())


def refusal(
    title: str,
    data: Any,
    status: int,
    *,
    shape: ErrorShape,
    rules: Sequence[Rule] = (),
    headers: Mapping[str, str] | None = None,
    request: str | None = None,
    now: datetime | None = None,
) -> PerkstarError:
    """The error that an answer means. `data` is its parsed body (None where it has none), or one entry of a list."""
    code = _first(data, shape.code)
    words = _first(data, shape.words) or (data if isinstance(data, str) else None) or ""
    if shape.parameters:
        words = _filled(words, dig(data, shape.parameters))
    field_name = _first(data, shape.field_name)
    if field_name is None:
        field_name = _named(words, shape.field_patterns)
    path = shape.fields.get(field_name, field_name) if field_name else None
    rule = next((rule for rule in rules if _matches(rule, status, code, words, data)), None)
    kind = rule.kind if rule is not None else kind_of(status)
    message = (rule.message if rule is not None else "") or _MEANINGS.get(
        kind, "{title} refused the request."
    )
    request_id = _first(data, shape.request_id)
    wait = None
    if headers is not None:
        request_id = (
            next((headers[n] for n in shape.request_id_headers if headers.get(n)), None) or request_id
        )
        moment = now or datetime.now(UTC)
        wait = retry_after_s(headers, moment)
        if wait is None and kind is ErrorKind.RATE_LIMITED:
            wait = told_wait_s(headers, shape.wait_headers, moment)
    if wait is None and rule is not None:
        wait = rule.wait_s
    return PerkstarError(
        kind,
        message.format(title=title, status=status),
        remedy=rule.remedy if rule is not None else None,
        field=(rule.field if rule is not None else None) or path,
        vendor_code=code,
        vendor_words=words_of(words),
        vendor_request_id=words_of(request_id),
        retry_after_s=wait,
        request=request,
    )

"""Manifests that people write: read with complaints that name line, reason and remedy, checked beyond their form."""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from perkstar_tui.model.enums import DataType, Kind

from .manifest import DataSpec, Manifest
from .parts import CallSpec

_NAME = re.compile(r"[a-z][a-z0-9-]{1,39}")
_BRACED = re.compile(r"\{([a-z][a-z0-9_.]*)\}")
_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]")
_KEY = re.compile(r'^\s*("?[A-Za-z0-9_.-]+"?)\s*=')
_OF_CALLS = frozenset(
    {
        "size", "token", "offset", "page", "since", "until", "id", "ids", "ids_text", "ids_json", "ids_quoted", "value",
        "digits", "value_escaped", "position",
        "record", "records", "values", "key", "version", "name", "label", "type", "url", "event", "secret", "job",
        "number", "code", "fields", "item", "element", "mutation", "records_by_name",
        "rows", "table", "place", "client", "customer", "at", "at_micros", "day", "sale", "kind", "amount", "points",
        "currency", "memo", "lines", "account", "side", "signed", "debit", "credit", "first", "attempt",
        "remote", "title", "text", "email", "phone", "first_name", "balance", "tier", "tier_before", "days",
        "names",
    }
)  # fmt: skip
"""Names that calls are filled with, beside options and members of the credential."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with a manifest. `line` counts from 1; 0 where no line is to blame."""

    line: int
    place: str
    message: str
    remedy: str


def read_manifest(
    text: str, also: "Callable[[Manifest], Iterable[Problem]] | None" = None
) -> tuple[Manifest | None, list[Complaint]]:
    """A manifest from its text, and what is wrong with it; it is None only where it cannot be understood at all.

    `also` finds what this room cannot know: whether the hub has the fields that are mapped.
    """
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        at = re.search(r"line (\d+)", str(problem))
        return None, [
            Complaint(
                int(at[1]) if at else 0,
                "",
                f"It is no TOML: {problem}.",
                "Mend the line; strings stand in quotes, inline tables on one line.",
            )
        ]
    lines = Lines(text)
    try:
        manifest = Manifest.model_validate(given)
    except ValidationError as problem:
        found = [_of_form(lines, error) for error in problem.errors()]
        rest, left_out = _understandable(given, problem)
        if rest is not None:
            others = (*_beyond_form(rest), *(also(rest) if also else ()))
            found += [_said(lines, one) for one in others if not left_out.blames(one[0])]
        return None, sorted(found, key=lambda one: one.line)
    return manifest, [
        _said(lines, one) for one in (*_beyond_form(manifest), *(also(manifest) if also else ()))
    ]


def _said(lines: "Lines", problem: "Problem") -> Complaint:
    place, message, remedy = problem
    return Complaint(lines.at(place), ".".join(map(str, place)), message, remedy)


def _of_form(lines: "Lines", error: Any) -> Complaint:
    place = tuple(error["loc"])
    shown = ".".join(map(str, place))
    kind = error["type"]
    name = place[-1] if place else ""
    if kind == "missing":
        return Complaint(lines.at(place[:-1]), shown, f"{name!r} is missing.", f"Add {name} = ... there.")
    if kind == "extra_forbidden":
        return Complaint(
            lines.at(place),
            shown,
            f"There is no {name!r} here.",
            "`perkstar catalog schema` shows what there may be.",
        )
    return Complaint(
        lines.at(place), shown, f"{error['msg']}.", "`perkstar catalog schema` shows what it may be."
    )


# -- what can be understood in spite of mistakes of form --------------------------------------------------------


Place = tuple[str | int, ...]
Problem = tuple[Place, str, str]
_STAND_INS = {
    "name": "my-platform",
    "title": "My platform",
    "category": "Custom",
    "base_url": "https://x.example",
}
ROUNDS = 8


class LeftOut:
    """The places that were left out, so that nobody is blamed for what is missing by that."""

    def __init__(self) -> None:
        self.places: set[Place] = set()
        self.parts: set[Place] = set()

    def blames(self, place: Place) -> bool:
        """Whether a problem at a place may come of what was left out there."""
        inside = any(place[: len(one)] == one for one in self.places | self.parts)
        return inside or any(place == one[:-1] for one in self.parts)


def _understandable(given: dict[str, Any], problem: ValidationError) -> tuple[Manifest | None, LeftOut]:
    """A manifest without its mistakes of form, so that one does not hide another; None where too little is left."""
    rest, out = deepcopy(given), LeftOut()
    for _ in range(ROUNDS):
        for error in problem.errors():
            place = tuple(error["loc"])
            if len(place) == 1 and place[0] in _STAND_INS:
                rest[str(place[0])] = _STAND_INS[str(place[0])]
                out.places.add(place)
                continue
            whole = place[:-1] if error["type"] == "missing" else place
            # Members of a list keep their numbers only where none is taken out.
            if whole and isinstance(whole[-1], int):
                whole = whole[:-1]
            (out.parts if error["type"] == "missing" else out.places).add(whole)
            _take_out(rest, whole)
        try:
            return Manifest.model_validate(rest), out
        except ValidationError as again:
            problem = again
    return None, out


def _take_out(rest: Any, place: Place) -> None:
    for part in place[:-1]:
        try:
            rest = rest[part]
        except (KeyError, IndexError, TypeError):
            return
    if place and isinstance(rest, dict):
        rest.pop(place[-1], None)


# -- beyond the form -------------------------------------------------------------------------------------------


def _beyond_form(manifest: Manifest) -> Iterator[Problem]:
    if not _NAME.fullmatch(manifest.name):
        yield (
            ("name",),
            f"{manifest.name!r} is no name.",
            "Use small letters, digits and dashes, such as my-till.",
        )
    yield from _address(manifest)
    yield from _ways_in(manifest)
    for data, spec in manifest.data.items():
        yield from _able(data, spec)
        check = spec.rows.check if spec.rows is not None else None
        for name in check.needs if check is not None else ():
            if name not in _members(manifest):
                yield (
                    ("data", data.value, "rows", "check"),
                    f"It needs {name}, which nobody gives.",
                    "Ask for it in [[auth.fields]], with optional = true.",
                )
    known = _OF_CALLS | {option.name for option in manifest.options} | set(_members(manifest))
    for place, call in _calls(manifest):
        for name in _names(call):
            if name not in known:
                yield (
                    place,
                    f"{{{name}}} is filled by nothing.",
                    f"Name an option, a member of the credential, or one of: {', '.join(sorted(_OF_CALLS))}.",
                )


def _address(manifest: Manifest) -> Iterator[Problem]:
    parts = urlsplit(_BRACED.sub("x", manifest.base_url))
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        yield (
            ("base_url",),
            "The address is not https.",
            "Write https://...; plain http only for this machine.",
        )
    for name in _BRACED.findall(manifest.base_url):
        if name not in _members(manifest) and name not in manifest.base_defaults:
            yield (
                ("base_url",),
                f"{{{name}}} is no member of the credential.",
                "Ask for it in [[auth.fields]], or give it in base_defaults.",
            )


def _members(manifest: Manifest) -> list[str]:
    """What a credential of the platform may hold."""
    found = ["access_token", "client_id"]
    for form in manifest.auth:
        found += [field.name for field in form.fields] + list(form.keeps) + list(form.needs)
        found += [form.region_member] if form.region_member else []
        found += form.log_in.members if form.log_in is not None else []
    return found


def _ways_in(manifest: Manifest) -> Iterator[Problem]:
    if not manifest.auth:
        yield ("auth",), "There is no way to authorise.", "Add [[auth]] with a type and its fields."
    for number, form in enumerate(manifest.auth):
        place: Place = ("auth", number)
        if form.type == "oauth2" and not (form.authorize_url and form.token_url):
            yield place, "OAuth needs two addresses.", "Add authorize_url and token_url."
        if form.type == "login" and form.log_in is None:
            yield place, "A log-in needs the call that gives the token.", "Add log_in with call and token."
        if form.type == "oauth1" and len(form.fields) < 4:
            yield place, "A signature needs four fields.", "Add key and secret of consumer and token."
        if form.type != "oauth2" and not form.fields:
            yield place, "It asks for nothing.", "Add [[auth.fields]]; the first is the secret."
        if form.type == "api_key_header" and not form.header:
            yield place, "It names no header.", 'Add header = "X-API-Key" or the like.'
    if manifest.identify is None:
        yield (
            (),
            "It does not say whose the credential is.",
            "Add [identify] with the cheapest call that proves the credential, and where the answer has an id.",
        )


def _able(data: DataType, spec: DataSpec) -> Iterator[Problem]:
    """Whether what a data type promises is described."""
    place: Place = ("data", data.value)
    if data is DataType.TRANSACTIONS:
        if spec.to_perkstar and spec.sale is None:
            yield place, "It gives sales, but does not say how one looks.", "Add [data.transactions.sale]."
        return
    needed = [("record", spec.record is None)]
    if spec.to_perkstar:
        # Who only tells what changed has no record to ask for by its id.
        told = spec.read is not None and spec.read.walk in ("span", "told") and not spec.to_platform
        needed += [("read", spec.read is None), ("fetch", spec.fetch is None and not told)]
    if spec.to_platform:
        needed.append(("write", spec.write is None))
    for name, missing in needed:
        if missing:
            yield place, f"[data.{data.value}.{name}] is missing.", "Say there how that is done."
    write = spec.write
    if spec.to_platform and write is not None:
        if write.create is None and write.create_many is None:
            yield (*place, "write"), "It does not say how a record is made.", "Add create or create_many."
        if write.update is None and write.update_many is None:
            yield (*place, "write"), "It does not say how a record is changed.", "Add update or update_many."


def _calls(manifest: Manifest) -> Iterator[tuple[Place, CallSpec]]:
    """Every call of a manifest, with where it stands."""

    def within(value: Any, place: Place) -> Iterator[tuple[Place, CallSpec]]:
        if isinstance(value, CallSpec):
            yield place, value
        elif hasattr(type(value), "model_fields"):
            for name in type(value).model_fields:
                yield from within(getattr(value, name), (*place, name))
        elif isinstance(value, Mapping):
            for name, part in value.items():
                yield from within(part, (*place, str(name)))
        elif isinstance(value, tuple):
            for number, part in enumerate(value):
                yield from within(part, (*place, number))

    yield from within(manifest, ())


def _names(call: CallSpec) -> set[str]:
    def within(value: Any) -> Iterator[str]:
        if isinstance(value, str):
            yield from _BRACED.findall(value)
        elif isinstance(value, Mapping):
            for part in value.values():
                yield from within(part)
        elif isinstance(value, Sequence):
            for part in value:
                yield from within(part)

    return set(within([call.path, call.params, call.json_body, call.form, call.headers]))


# -- lines -----------------------------------------------------------------------------------------------------


class Lines:
    """Where the parts of a TOML text stand: a parser gives values, people need lines."""

    def __init__(self, text: str) -> None:
        self._at: dict[Place, int] = {}
        table: Place = ()
        counts: dict[Place, int] = {}
        inside: Place | None = None
        for number, line in enumerate(text.splitlines(), 1):
            header = _HEADER.match(line)
            key = _KEY.match(line)
            if header is not None and inside is None:
                table = self._table(header[2], header[1] == "[[", counts)
                self._at.setdefault(table, number)
            elif key is not None and inside is None:
                place = (*table, *key[1].strip('"').split("."))
                self._at.setdefault(place, number)
                if line.rstrip().endswith("["):
                    inside, counts[place] = place, 0
            elif inside is not None and line.strip().startswith("{"):
                self._at.setdefault((*inside, counts[inside]), number)
                counts[inside] += 1
            if inside is not None and line.strip().startswith("]"):
                inside = None

    @staticmethod
    def _table(name: str, repeated: bool, counts: dict[Place, int]) -> Place:
        place: Place = ()
        parts = [part.strip().strip('"') for part in name.split(".")]
        for depth, part in enumerate(parts):
            place = (*place, part)
            last = depth == len(parts) - 1
            if last and repeated:
                counts[place] = counts.get(place, -1) + 1
            if place in counts:
                place = (*place, counts[place])
        return place

    def at(self, place: Place) -> int:
        """The line of a part, or of what it stands in; 0 where nothing is known."""
        while place:
            if place in self._at:
                return self._at[place]
            place = place[:-1]
        return 0


def schema() -> dict[str, Any]:
    """The JSON Schema of a manifest, for editors and for people."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Manifest.model_json_schema()}


def own(manifest: Manifest) -> Manifest:
    """A manifest of an admin as the catalog takes it: a custom platform, whatever it says of itself."""
    return manifest.model_copy(update={"kind": Kind.API, "system": False, "draft": False})

"""Partial answers: a document with only the fields that were asked for."""

from typing import Any

from ..wire import Answer, Call, reply


def trimmed(call: Call, document: dict[str, Any], records: int = 0) -> Answer:
    """A document with only the fields that were asked for."""
    wanted = [word for word in call.arg("fields").split(",") if word]
    unwanted = [word for word in call.arg("exclude_fields").split(",") if word]
    if wanted:
        document = only(document, [word.split(".") for word in wanted])
    for word in unwanted:
        drop(document, word.split("."))
    return reply(document, records=records)


def only(document: Any, paths: list[list[str]]) -> Any:
    """The parts of a document that dotted paths name."""
    if isinstance(document, list):
        return [only(item, paths) for item in document]
    if not isinstance(document, dict):
        return document
    made: dict[str, Any] = {}
    for name in dict.fromkeys(path[0] for path in paths):
        if name in document:
            deeper = [path[1:] for path in paths if path[0] == name]
            made[name] = document[name] if any(not path for path in deeper) else only(document[name], deeper)
    return made


def drop(document: Any, path: list[str]) -> None:
    """Take out the part that a dotted path names."""
    if isinstance(document, list):
        for item in document:
            drop(item, path)
    elif isinstance(document, dict) and path[0] in document:
        if len(path) == 1:
            del document[path[0]]
        else:
            drop(document[path[0]], path[1:])

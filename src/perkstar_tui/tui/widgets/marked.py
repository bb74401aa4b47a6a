"""Markdown as the guides use it (titles, lists, bold, code) made into toned lines; anything else is plain text."""

import re

from ..signs import Line, Piece, clean

_PARTS = re.compile(r"(\*\*[^*]+\*\*|`[^`]+`)")


def marked(text: str) -> list[Line]:
    """The text's lines; paragraphs are left to the widget to wrap."""
    return [_line(raw) for raw in text.splitlines()]


def _line(raw: str) -> Line:
    text = clean(raw.rstrip())
    if text.startswith("#"):
        level = len(text) - len(text.lstrip("#"))
        return ((text.lstrip("# "), "title" if level < 3 else "strong"),)
    if text.startswith(("- ", "* ")):
        return (("  · ", "info"), *_spans(text[2:]))
    return _spans(text)


def _spans(text: str) -> Line:
    pieces: list[Piece] = []
    for part in _PARTS.split(text):
        if part.startswith("**"):
            pieces.append((part.strip("*"), "strong"))
        elif part.startswith("`"):
            pieces.append((part.strip("`"), "accent"))
        elif part:
            pieces.append((part, ""))
    return tuple(pieces)

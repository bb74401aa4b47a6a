"""How commands speak: one JSON document with --json, tables for people without, errors with their remedy."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.normal import plain

if TYPE_CHECKING:
    from perkstar_tui.hub.hub import Hub


WIDE = 10_000
"""Columns of a table that no terminal shows."""


@dataclass
class Options:
    """What every command takes."""

    json: bool = False
    home: Path | None = None
    read_only: bool = False
    quiet: bool = False


def emit(options: Options, document: Any, people: Callable[[], None] | None = None) -> None:
    """Print the answer: the document as JSON, or what `people` prints."""
    if options.json:
        import orjson

        from perkstar_tui.hub.views import as_json

        sys.stdout.write(orjson.dumps(as_json(document)).decode() + "\n")
        sys.stdout.flush()
    elif people is not None and not options.quiet:
        people()


def listed(items: Sequence[Any], total: int | None = None) -> dict[str, Any]:
    """The JSON form of every list."""
    return {"items": list(items), "total": len(items) if total is None else total}


def say(text: str) -> None:
    """A line for people on stdout; text from outside becomes plain."""
    sys.stdout.write("\n".join(plain(line) for line in text.split("\n")) + "\n")


def note(options: Options, text: str) -> None:
    """A message beside the answer, on stderr."""
    if not options.quiet:
        sys.stderr.write(plain(text) + "\n")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table for people; wide and right-to-left text keeps the grid, and nothing in it is markup."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(plain(cell)) for cell in row))
    # What is read by another program is not folded: an id in pieces can't be looked for.
    Console(width=None if sys.stdout.isatty() else WIDE).print(shown)


def fail(options: Options, error: PerkstarError) -> int:
    """Say what went wrong, why and the way out; answers the exit code."""
    if options.json:
        import orjson

        body: dict[str, Any] = {"code": error.kind.value, "message": error.message, "remedy": error.remedy}
        if error.integration_id:
            body["integration_id"] = error.integration_id
        if error.field:
            body["field"] = error.field
        if error.vendor_words:
            body["vendor_message"] = error.vendor_words
        sys.stdout.write(orjson.dumps({"error": body}).decode() + "\n")
    else:
        sys.stderr.write(f"perkstar: {plain(error.message)}\n")
        if error.vendor_words:
            sys.stderr.write(f"  the vendor says: {plain(error.vendor_words)}\n")
        sys.stderr.write(f"  {plain(error.remedy)}\n")
    return error.exit_code


@contextmanager
def opened(options: Options, *, begins: bool = False) -> "Iterator[Hub]":
    """The hub of this command's home, closed again after it; only what `begins` something makes a home."""
    from perkstar_tui.hub.hub import open_hub
    from perkstar_tui.hub.settings import load_settings

    hub = open_hub(load_settings(options.home, read_only=options.read_only, begins=begins))
    try:
        yield hub
    finally:
        hub.close()


def confirm(question: str, *, yes: bool) -> None:
    """Ask before a destructive act. Without a terminal and without --yes it refuses (exit 2)."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise PerkstarError(ErrorKind.USAGE, f"{question} Not without being sure.", remedy="Add --yes.")
    sys.stderr.write(f"{plain(question)} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise PerkstarError(ErrorKind.USAGE, "Nothing was done.", remedy="Answer y to go on.")


def read_secret_json(source: str) -> dict[str, Any]:
    """Credentials from stdin as a JSON object. The text itself is never repeated in an error."""
    import orjson

    try:
        found = orjson.loads(source)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise PerkstarError(
            ErrorKind.USAGE,
            "Standard input holds no JSON object with credentials.",
            remedy='Give for example {"api_key": "..."}.',
        )
    return found


def since(text: str | None) -> Any:
    """A moment from `24h`, `30m`, `7d` or an ISO date."""
    from datetime import UTC, datetime, timedelta

    if not text:
        return None
    units = {"m": "minutes", "h": "hours", "d": "days"}
    if text[:-1].isdigit() and text[-1] in units:
        return datetime.now(UTC) - timedelta(**{units[text[-1]]: int(text[:-1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise PerkstarError(
            ErrorKind.USAGE, f"{text!r} is no time.", remedy="Write 24h, 30m, 7d or 2026-11-24."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

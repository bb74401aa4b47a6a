"""Customers written to a file that other programs read."""

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from perkstar_tui.model.errors import ErrorKind, PerkstarError

from . import people
from . import views as v
from .bench import Bench


def write_customers(rows: Iterable[dict[str, Any]], handle: Any, *, lines: bool) -> int:
    """Rows as CSV, or as JSON with one a line; answers how many."""
    count = 0
    writer: Any = None
    for row in rows:
        count += 1
        if lines:
            handle.write(orjson.dumps(row).decode() + "\n")
            continue
        if writer is None:
            writer = csv.DictWriter(handle, list(row))
            writer.writeheader()
        # A leading sign would make a spreadsheet take the text for a formula.
        writer.writerow({n: f"'{v}" if str(v or "")[:1] in ("=", "@") else v for n, v in row.items()})
    return count


def export_to(bench: Bench, target: Path | None) -> v.ExportView:
    """Every customer in a file that only its owner may read (0600): CSV, or JSON lines for `.jsonl` and `.json`.

    Without a target it lies in `exports` of the home, named for the moment. Raises USAGE for a place that can't be
    written.
    """
    if target is None:
        target = bench.settings.home / "exports" / f"customers-{bench.clock.now():%Y-%m-%d-%H%M%S}.csv"
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(target, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", newline="", encoding="utf-8") as handle:
            lines = target.suffix in (".jsonl", ".json")
            count = write_customers(people.export_customers(bench), handle, lines=lines)
    except OSError as error:
        raise PerkstarError(
            ErrorKind.USAGE, f"{target} cannot be written: {error.strerror}.", remedy="Name another place."
        ) from None
    return v.ExportView(str(target), count)

"""`perkstar customers` and `perkstar transactions`: what lies in the store itself."""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.money import amount

from . import duplicates
from .explaining import facts_of
from .output import emit, listed, opened, say, table

Limit = Annotated[int, typer.Option(min=1, max=100_000)]
Offset = Annotated[int, typer.Option(min=0)]


def read_rows(file: str) -> Iterator[dict[str, Any]]:
    """The rows of a CSV file, or of a JSON list or JSON lines; `-` is standard input."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PerkstarError(
            ErrorKind.USAGE, f"{file} cannot be read: {error}.", remedy="Give a CSV or JSON file in UTF-8."
        ) from None
    start = text.lstrip()[:1]
    if start not in ("[", "{"):
        yield from csv.DictReader(text.splitlines())
        return
    try:
        rows = (
            orjson.loads(text) if start == "[" else [orjson.loads(line) for line in text.splitlines() if line]
        )
    except orjson.JSONDecodeError as error:
        raise PerkstarError(
            ErrorKind.USAGE, f"{file} is no JSON: {error}.", remedy="Give a list of objects, or one a line."
        ) from None
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise PerkstarError(
                ErrorKind.USAGE, f"Row {number} of {file} is no object.", remedy="Each row is one customer."
            )
        yield row


def register(app: typer.Typer) -> None:
    """Put the commands on the program."""

    @app.command()
    def customers(
        context: typer.Context,
        action: Annotated[
            str, typer.Argument(help="list, show, import, export, duplicates, merge or unmerge")
        ] = "list",
        what: Annotated[
            str | None, typer.Argument(metavar="[FILE|CUSTOMER|MERGE]", help="`-` is standard input.")
        ] = None,
        other: Annotated[
            str | None, typer.Argument(metavar="[CUSTOMER]", help="With merge: the second.")
        ] = None,
        search: Annotated[str, typer.Option(help="Part of a name, e-mail address or phone.")] = "",
        limit: Limit = 50,
        offset: Offset = 0,
        find: Annotated[
            bool, typer.Option("--find", help="With duplicates: look through everything again.")
        ] = False,
        at: Annotated[
            str | None,
            typer.Option(help="With duplicates: among this integration's records at its platform."),
        ] = None,
        min_score: Annotated[int, typer.Option(min=0, max=100, help="With duplicates: points at least.")] = 0,
        state: Annotated[str, typer.Option(help="With duplicates: open, dismissed or merged")] = "open",
        dismiss: Annotated[
            str | None, typer.Option(metavar="PAIR", help="With duplicates: these are two people.")
        ] = None,
        restore: Annotated[
            str | None, typer.Option(metavar="PAIR", help="With duplicates: show a dismissed pair again.")
        ] = None,
        keep: Annotated[str | None, typer.Option(help="With merge: the one that stays.")] = None,
        take: Annotated[
            list[str] | None,
            typer.Option(metavar="FIELD", help="With merge: take this field from the other."),
        ] = None,
        yes: Annotated[bool, typer.Option("--yes", help="With merge: don't ask.")] = False,
    ) -> None:
        """Customers of the account: list, show one, import from or export to a file; find doubles and merge them."""
        if action in duplicates.ACTIONS:
            asked = duplicates.Asked(
                find, at, min_score, state, dismiss, restore, keep, take or (), yes, limit, offset
            )
            duplicates.carry_out(context.obj, action, what, other, asked)
            return
        if action == "list":
            with opened(context.obj) as hub:
                page = hub.customers(search, offset=offset, limit=limit)
            rows = [
                [
                    view.id,
                    " ".join(str(view.fields[n]) for n in ("first_name", "last_name") if n in view.fields),
                    str(view.fields.get("email", "")),
                    str(view.fields.get("phone", "")),
                    str(view.fields.get("balance", "")),
                ]
                for view in page.items
            ]
            columns = ["Customer", "Name", "E-mail", "Phone", "Balance"]
            emit(context.obj, listed(page.items, page.total), lambda: table(columns, rows))
        elif action == "show":
            if not what:
                raise PerkstarError(ErrorKind.USAGE, "Which customer?", remedy="Give an id, e-mail or phone.")
            which = sys.stdin.readline().strip() if what == "-" else what
            with opened(context.obj) as hub:
                record = hub.record(which)
            cards = [f"card {c.id}: {c.kind} {c.template}, {c.balance:,}" for c in record.cards]
            emit(context.obj, record, lambda: say("\n".join([record.id, *facts_of(record), *cards])))
        elif action == "import":
            if not what:
                raise PerkstarError(ErrorKind.USAGE, "Which file?", remedy="perkstar customers import FILE")
            with opened(context.obj) as hub:
                done = hub.import_customers(read_rows(what))
            emit(context.obj, done, lambda: _imported(done))
            raise typer.Exit(1 if done.held else 0)
        elif action == "export":
            _export(context, what)
        else:
            raise PerkstarError(
                ErrorKind.USAGE,
                f"There is no `customers {action}`.",
                remedy="Use list, show, import, export, duplicates, merge or unmerge.",
            )

    def _imported(done: Any) -> None:
        say(
            f"{done.created} created, {done.updated} changed, {done.unchanged} the same, {len(done.held)} held"
        )
        for number, reason in done.held[:20]:
            say(f"  row {number}: {reason}")

    def _export(context: typer.Context, file: str | None) -> None:
        """JSON lines to standard output with --json or for a .jsonl file, else CSV; a file is private (0600)."""
        with opened(context.obj) as hub:
            if file in (None, "-"):
                from perkstar_tui.hub.exporting import write_customers

                write_customers(hub.export_customers(), sys.stdout, lines=context.obj.json)
                return
            done = hub.export_to(Path(str(file)))
        emit(context.obj, done, lambda: say(f"{done.customers} written to {done.file}"))

    @app.command()
    def transactions(
        context: typer.Context,
        action: Annotated[str, typer.Argument(help="list or show")] = "list",
        what: Annotated[str | None, typer.Argument(metavar="[TRANSACTION]")] = None,
        customer: Annotated[
            str | None, typer.Option(help="Only this customer's; `-` reads it from stdin.")
        ] = None,
        state: Annotated[str | None, typer.Option(help="credited, queued, pending, none or held")] = None,
        limit: Limit = 50,
        offset: Offset = 0,
    ) -> None:
        """Sales and refunds, each with what it gave or why it gave nothing."""
        if action == "show":
            if not what:
                raise PerkstarError(ErrorKind.USAGE, "Which transaction?", remedy="Give its id.")
            with opened(context.obj) as hub:
                record = hub.record(what)
            text = "\n".join([*facts_of(record), *record.story])
            emit(context.obj, record, lambda: say(text))
            return
        if action != "list":
            raise PerkstarError(
                ErrorKind.USAGE, f"There is no `transactions {action}`.", remedy="Use list or show."
            )
        if customer == "-":
            customer = sys.stdin.readline().strip()
        with opened(context.obj) as hub:
            page = hub.transactions(customer, state=state, offset=offset, limit=limit)
        rows = [
            [
                view.happened_at.strftime("%Y-%m-%d %H:%M"),
                view.kind,
                view.remote_id,
                view.customer_name or view.customer_id or (f"({view.buyer})" if view.buyer else "–"),
                amount(view.total_minor, view.currency),
                str(view.earned),
                view.state,
                view.reason or "; ".join(words for words, _, _ in view.rules),
            ]
            for view in page.items
        ]
        columns = ["When", "Kind", "Vendor's id", "Customer", "Amount", "Earned", "State", "Why"]
        emit(context.obj, listed(page.items, page.total), lambda: table(columns, rows))

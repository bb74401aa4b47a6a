"""`perkstar queue` and `perkstar settle`: what waits for a person, and what a person decides."""

from typing import Annotated, Any

import typer

from perkstar_tui.model.errors import ErrorKind, PerkstarError

from .asking import Name
from .output import Options, confirm, emit, listed, note, opened, say, table


def _text(value: Any) -> str:
    return "–" if value in (None, "") else str(value)


def _show(item: Any) -> None:
    """One item with both sides next to each other, what differs marked, and the choices."""
    like = f", {item.like} like it" if item.like > 1 else ""
    say(f"{item.id}  {item.kind}  {item.name} at {item.integration_name}{like}")
    say(f"  {item.reason}" + (f"  (field {item.field})" if item.field else ""))
    sides = [(item.integration_name, item.there), *((f"Perkstar {side.id}", side) for side in item.here)]
    fields = list(dict.fromkeys(name for _, side in sides for name in side.fields))
    if item.kind == "conflict":
        say(f"  before: {_text(item.base)}")
    rows = [["", *(title for title, _ in sides)]]
    for name in fields:
        marked = any(name in side.differs for _, side in sides)
        rows.append(
            [f"{'≠' if marked else ' '} {name}", *(_text(side.fields.get(name)) for _, side in sides)]
        )
    if any(side.taken for _, side in sides):
        rows.insert(1, ["  has there", *(_text(side.taken) for _, side in sides)])
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        say(f"    {'  '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))}".rstrip())
    for choice in item.choices:
        say(f"  --take {choice.take:<12} {choice.label}: {choice.effect}.")
    say("")


def register(app: typer.Typer) -> None:
    """Put both commands on the program."""

    @app.command()
    def queue(
        context: typer.Context,
        name: Name = None,
        kind: Annotated[str | None, typer.Option(help="match, second, refused or conflict.")] = None,
        settled: Annotated[bool, typer.Option("--settled", help="What was settled lately instead.")] = False,
        limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
        offset: Annotated[int, typer.Option(min=0)] = 0,
    ) -> None:
        """What waits for a person: held, refused and doubled records, and conflicts that a rule has settled."""
        with opened(context.obj) as hub:
            if settled:
                views = hub.settled(name, limit=limit)
                rows = [
                    [w.id, w.message, w.take, str(len(w.settled)), "undone" if w.undone else ""]
                    for w in views
                ]
                columns = ["Settled", "When and by whom", "Choice", "Items", ""]
                emit(context.obj, listed(views), lambda: table(columns, rows))
                return
            page = hub.queue(name, kind=kind, offset=offset, limit=limit)

        def people() -> None:
            for item in page.items:
                _show(item)
            say(
                f"{page.total:,} {'waits' if page.total == 1 else 'wait'}" if page.total else "Nothing waits."
            )

        emit(context.obj, listed(page.items, page.total), people)

    @app.command()
    def settle(
        context: typer.Context,
        item: Annotated[str | None, typer.Argument(metavar="[ITEM_ID]", help="As `queue` shows it.")] = None,
        take: Annotated[
            str | None,
            typer.Option(
                help="perkstar, platform, link:CUSTOMER, link (the only candidate), link:oldest, link:newest, new, "
                "same, same:CUSTOMER, retry, edit or leave-out."
            ),
        ] = None,
        set_: Annotated[
            list[str] | None,
            typer.Option("--set", metavar="FIELD=VALUE", help="New values, with --take edit."),
        ] = None,
        all_like_this: Annotated[
            bool,
            typer.Option("--all-like-this", help="All with the same integration, kind, reason and field."),
        ] = False,
        always: Annotated[bool, typer.Option("--always", help="Make it a rule of the integration.")] = False,
        undo: Annotated[
            str | None, typer.Option(metavar="ID", help="Take back what was settled under ID.")
        ] = None,
        plan: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
        yes: Annotated[bool, typer.Option("--yes", help="Don't ask before many, or before a rule.")] = False,
    ) -> None:
        """Settle what waits, one or all like it; undo what was settled."""
        options: Options = context.obj
        if undo:
            with opened(options) as hub:
                view = hub.unsettle(undo)
            emit(options, view, lambda: say(view.message))
            if view.skipped:
                raise typer.Exit(1)
            return
        if not item or not take:
            raise PerkstarError(
                ErrorKind.USAGE,
                "Settle what, and how?",
                remedy="perkstar settle ITEM_ID --take CHOICE; `perkstar queue` lists both.",
            )
        fields = dict(_pair(text) for text in set_ or [])
        how: dict[str, Any] = {"all_like": all_like_this, "always": always, "fields": fields}
        with opened(options) as hub:
            foreseen = hub.plan_settle(item, take, **how)
            if plan:
                emit(options, foreseen, lambda: say("\n".join(foreseen.effects)))
                return
            if foreseen.count > 1 or always:
                if not yes:
                    for sentence in foreseen.effects:
                        note(options, sentence)
                    note(
                        options,
                        f"{', '.join(foreseen.names)}{' …' if foreseen.count > len(foreseen.names) else ''}",
                    )
                confirm(f"Settle {foreseen.count}?", yes=yes)
            done = hub.settle(item, take, **how)

        def people() -> None:
            say(done.message)
            for name, why in done.skipped:
                say(f"  {name}: {why}")
            say(f"`perkstar settle --undo {done.id}` takes it back.")

        emit(options, done, people)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise PerkstarError(
            ErrorKind.USAGE, f"{text!r} is no FIELD=VALUE.", remedy="Write for example phone=+44..."
        )
    return name.strip(), value

"""Taking a run back: `undo`, with what it would do said before."""

from typing import Annotated, Any

import typer

from .output import confirm, emit, note, opened, say, table


def show_undo(view: Any) -> None:
    """What goes back, what stays and why, and what the run did at the platform."""
    counts = view.counts
    word = "Undone" if view.done else "The undo"
    said = f"{counts['fields']} fields, {counts['customers']} customers and {counts['sales']} sales"
    say(
        f"{word} of the run {view.run_id} of {view.name}: {said} go back, {counts['stays']} stay as they are."
    )
    for title, lines in (("Goes back", view.back), ("Stays", view.stays), (f"At {view.name}", view.outward)):
        if lines:
            rows = [
                [
                    line.name or line.record,
                    line.what,
                    _value(line.before),
                    _value(line.after),
                    line.reason or line.then,
                ]
                for line in lines
            ]
            table([title, "What", "From", "To", "Why, and what comes of it"], rows)
    total = {"back": counts["fields"] + counts["customers"] + counts["sales"], "stays": counts["stays"]}
    total["outward"] = counts["outward"]
    for name, number in total.items():
        more = number - len(getattr(view, name))
        if more > 0:
            say(f"… and {more} more ({name}); --limit shows them.")
    for line in view.notes:
        say(line)
    if view.undo_run:
        say(f"Way back: perkstar undo {view.undo_run}")


def _value(value: Any) -> str:
    return "–" if value in (None, "") else str(value)


def register(app: typer.Typer) -> None:
    """Put `undo` on the program."""

    @app.command()
    def undo(
        context: typer.Context,
        run_id: str,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go back.")] = False,
        outward: Annotated[
            bool,
            typer.Option(
                "--outward", help="Take back what was sent, too: the next sync sends the old values."
            ),
        ] = False,
        archive_created: Annotated[
            bool, typer.Option("--archive-created", help="Archive what the run created at the platform.")
        ] = False,
        yes: Annotated[bool, typer.Option("--yes", help="Answer the question with yes.")] = False,
        limit: Annotated[int | None, typer.Option(min=0, help="Lines of each list.")] = None,
    ) -> None:
        """Take a run back as far as nothing newer depends on it: fields, new customers and credits; exit 1 if some of
        it stays.
        """
        with opened(context.obj) as hub:
            view = hub.undo_run(run_id, dry_run=True, outward=outward, limit=limit)
            if not dry_run:
                counts = view.counts
                for line in view.notes:
                    note(context.obj, line)
                question = (
                    f"Take {counts['fields']} fields, {counts['customers']} customers and {counts['sales']} sales of "
                    f"{view.name} back?"
                )
                if archive_created:
                    question += " What the run created there is archived."
                confirm(question, yes=yes)
                view = hub.undo_run(run_id, outward=outward, archive_created=archive_created, limit=limit)
        emit(context.obj, view, lambda: show_undo(view))
        raise typer.Exit(1 if view.done and view.counts["stays"] else 0)

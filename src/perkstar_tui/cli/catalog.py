"""The catalog by command: the platforms, their guides, and manifests of the admin's own."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from perkstar_tui.model.errors import ErrorKind, PerkstarError

from .output import emit, listed, opened, read_secret_json, say, table


def _say_manifest(context: typer.Context, view: Any) -> None:
    """What is wrong with a manifest, line by line, and how its trial went; exit 1 if it is not well."""

    def shown() -> None:
        for one in view.complaints:
            where = f"{view.file}:{one.line}" if one.line else view.file
            say(f"{where}: {one.place}: {one.message}" if one.place else f"{where}: {one.message}")
            say(f"  {one.remedy}")
        for step in view.trial.steps if view.trial else ():
            say(f"{'✓' if step.ok else '✗'} {step.name}: {step.message}")
            if not step.ok and step.remedy:
                say(f"  {step.remedy}")
        if view.ok:
            say(f"{view.name}: nothing is wrong with it.")

    emit(context.obj, view, shown)
    if not view.ok:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Put the command on the program."""

    @app.command()
    def catalog(
        context: typer.Context,
        action: Annotated[str, typer.Argument(help="list, show, validate, add or schema")] = "list",
        name: Annotated[str | None, typer.Argument(help="The platform, or a manifest's file.")] = None,
        category: Annotated[str | None, typer.Option(help="Only this category.")] = None,
        try_url: Annotated[
            str | None, typer.Option("--try", help="validate: try its reading parts at this address.")
        ] = None,
        credentials_stdin: Annotated[
            bool, typer.Option("--credentials-stdin", help="validate --try: the credential, as JSON.")
        ] = False,
    ) -> None:
        """The platforms, the guide of one, and manifests of your own."""
        if action not in ("list", "show", "validate", "add", "schema"):
            raise PerkstarError(
                ErrorKind.USAGE,
                f"There is no `catalog {action}`.",
                remedy="Use list, show, validate, add or schema.",
            )
        if action not in ("list", "schema") and not name:
            what = "platform" if action == "show" else "file"
            raise PerkstarError(
                ErrorKind.USAGE, f"Which {what}?", remedy=f"perkstar catalog {action} {what.upper()}"
            )
        with opened(context.obj, begins=True) as hub:
            if action == "show":
                guide = hub.guide(name or "")
                item = next(item for item in hub.catalog() if item.name == guide.platform)
                from perkstar_tui.hub.views import as_json

                emit(context.obj, {**as_json(item), "guide": guide.text}, lambda: say(guide.text))
                return
            if action == "schema":
                found = hub.manifest_schema()
                emit(context.obj, found, lambda: say(json.dumps(found, indent=1)))
                return
            if action == "validate":
                given = read_secret_json(sys.stdin.read()) if credentials_stdin else None
                _say_manifest(context, hub.validate_manifest(Path(name or ""), try_url, given))
                return
            if action == "add":
                view = hub.add_manifest(Path(name or ""))
                emit(
                    context.obj,
                    view,
                    lambda: say(f"{view.name} is in the catalog: perkstar connect {view.name}"),
                )
                return
            items = [i for i in hub.catalog() if not category or i.category.lower() == category.lower()]
        rows = [
            [i.title, i.name, i.category, i.status, ", ".join(i.data), ", ".join(i.directions)] for i in items
        ]
        columns = ["Platform", "Name", "Category", "Status", "Data", "Directions"]
        emit(context.obj, listed(items), lambda: table(columns, rows))

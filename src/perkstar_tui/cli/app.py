"""The commands' entry: the flags that every command takes, the commands themselves, and what an error becomes."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer._click import exceptions as click_exceptions

from perkstar_tui.model.errors import ErrorKind, PerkstarError

from . import (
    acting,
    alerts,
    asking,
    catalog,
    demo,
    explaining,
    health,
    keys,
    machinery,
    people,
    queue,
    sandbox,
    undoing,
    webhooks,
)  # fmt: skip
from .output import Options, emit, fail, opened, say
from .screen import open_screen

app = typer.Typer(
    name="perkstar",
    help="Perkstar's Settings › Integrations in the terminal. Without a command it opens the screen.",
    epilog="Every command takes --json, --home DIR, --read-only and --quiet, at any place.",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def screen(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,
    home: Annotated[Path | None, typer.Option(help="The data directory (PERKSTAR_HOME).")] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Change nothing.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but the answer.")] = False,
    ascii: Annotated[bool, typer.Option("--ascii", help="The screen in plain ASCII signs.")] = False,
    light: Annotated[bool, typer.Option("--light", help="The screen in its light theme.")] = False,
) -> None:
    """Without a command: the screen."""
    if context.invoked_subcommand is None:
        raise typer.Exit(open_screen(context.obj, ascii=ascii, light=light))


for module in (
    asking, explaining, health, alerts, catalog, acting, undoing, people, queue, webhooks, keys, machinery,
    demo, sandbox,
):  # fmt: skip
    module.register(app)


@app.command()
def version(context: typer.Context) -> None:
    """The program's version."""
    from importlib.metadata import version as installed

    number = installed("perkstar-tui")
    emit(context.obj, {"version": number}, lambda: say(f"perkstar {number}"))


@app.command()
def where(context: typer.Context) -> None:
    """The paths of configuration and data."""
    with opened(context.obj, begins=True) as hub:
        paths = hub.where()
    emit(context.obj, paths, lambda: say("\n".join(f"{name}: {path}" for name, path in paths.items())))


def split_flags(arguments: list[str]) -> tuple[Options, list[str]]:
    """Take the flags that every command has out of the arguments, wherever they stand before a `--`."""
    options, rest = Options(), []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            rest += [argument, *waiting]
        elif argument == "--json":
            options.json = True
        elif argument == "--read-only":
            options.read_only = True
        elif argument == "--quiet":
            options.quiet = True
        elif argument == "--home":
            value = next(waiting, None)
            if value is None:
                raise PerkstarError(ErrorKind.USAGE, "--home needs a directory.", remedy="Write --home DIR.")
            options.home = Path(value)
        elif argument.startswith("--home="):
            options.home = Path(argument.partition("=")[2])
        else:
            rest.append(argument)
    return options, rest


def run(arguments: list[str] | None = None) -> None:
    """Run a command and leave with its exit code (commands' contract: Exit codes)."""
    sys.exit(execute(sys.argv[1:] if arguments is None else arguments))


def _plainly(error: click_exceptions.UsageError) -> str:
    """What is wrong with the arguments, without the words of the library that has read them."""
    said = error.format_message()
    for theirs, ours in (
        ("Input should be a valid integer, unable to parse string as an integer", "it is no whole number"),
        ("Input should be a valid number, unable to parse string as a number", "it is no number"),
    ):
        said = said.replace(theirs, ours)
    return said


def execute(arguments: list[str]) -> int:
    options = Options(json="--json" in arguments)
    command = typer.main.get_command(app)
    if "_PERKSTAR_COMPLETE" in os.environ:
        from typer._completion_classes import completion_init

        completion_init()
    try:
        options, rest = split_flags(arguments)
        found = command.main(rest, prog_name="perkstar", standalone_mode=False, obj=options)
        return found if isinstance(found, int) else 0
    except PerkstarError as error:
        return fail(options, error)
    except typer.Exit as done:
        return int(done.exit_code)
    except click_exceptions.UsageError as error:
        place = error.ctx.command_path if error.ctx else "perkstar"
        return fail(options, PerkstarError(ErrorKind.USAGE, _plainly(error), remedy=f"See `{place} --help`."))
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:
        # The reader of our output has gone; nothing can be told to it.
        sys.stderr.close()
        return 0
    except Exception as error:
        import traceback

        last = traceback.extract_tb(error.__traceback__)[-1]
        where_ = f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
        return fail(options, PerkstarError(ErrorKind.INTERNAL, f"Something went wrong inside: {where_}."))

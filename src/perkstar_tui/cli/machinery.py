"""Commands that run machinery: the screen, the worker, shell completion and the database."""

import signal
from typing import Annotated, Any

import typer

from perkstar_tui.model.errors import ErrorKind, PerkstarError

from .acting import assignments, run_code
from .asking import show_checks, show_run
from .output import Options, emit, listed, note, opened, say


def register(app: typer.Typer) -> None:
    """Put the machinery on the program."""

    @app.command()
    def worker(
        context: typer.Context,
        once: Annotated[bool, typer.Option("--once", help="Run what is due now, then end.")] = False,
        concurrency: Annotated[int, typer.Option(min=1, max=32, help="Runs at the same time.")] = 4,
    ) -> None:
        """Run the schedule without a screen, until interrupted."""
        with opened(context.obj) as hub:
            if once:
                views = hub.run_due()

                def people() -> None:
                    for view in views:
                        show_run(view)

                emit(context.obj, listed(views), people)
                raise typer.Exit(max((run_code(view) for view in views), default=0))
            note(context.obj, "Running the schedule; Ctrl+C ends it at the next safe point.")
            hub.start_runner(concurrency)
            for name in ("SIGTERM", "SIGINT"):
                signal.signal(getattr(signal, name), _interrupt)
            try:
                signal.pause()
            except KeyboardInterrupt:
                note(context.obj, "Ending.")
            finally:
                hub.stop_runner()

    def _interrupt(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    @app.command()
    def completion(shell: Annotated[str, typer.Argument(help="bash, zsh or fish")]) -> None:
        """A completion script for your shell: eval "$(perkstar completion bash)"."""
        from typer._completion_shared import get_completion_script

        if shell not in ("bash", "zsh", "fish"):
            raise PerkstarError(
                ErrorKind.USAGE, f"{shell!r} is no shell known here.", remedy="Use bash, zsh or fish."
            )
        say(get_completion_script(prog_name="perkstar", complete_var="_PERKSTAR_COMPLETE", shell=shell))

    @app.command()
    def db(
        context: typer.Context,
        action: Annotated[str, typer.Argument(help="upgrade, check, repair, prune or keep")] = "check",
        settings: Annotated[
            list[str] | None, typer.Option("--set", metavar="KIND=DAYS", help="With keep: days of a history.")
        ] = None,
    ) -> None:
        """Bring the store's tables up to date, check and mend it, remove old history, say how long it is kept."""
        if action not in ("upgrade", "check", "repair", "prune", "keep"):
            raise PerkstarError(
                ErrorKind.USAGE,
                f"There is no `db {action}`.",
                remedy="Use upgrade, check, repair, prune or keep.",
            )
        try:
            _db(context.obj, action, settings or [])
        except PerkstarError as error:
            if error.kind is not ErrorKind.STORE_DAMAGED or action != "check":
                raise
            from perkstar_tui.hub.views import Check, DoctorView

            # That is what was asked: an answer, and no failure of the command.
            sick = DoctorView(False, (Check("file", False, error.message, error.remedy),))
            emit(context.obj, {"ok": False, "checks": list(sick.checks)}, lambda: show_checks(sick))
            raise typer.Exit(1) from None

    def _db(options: Options, action: str, settings: list[str]) -> None:
        with opened(options, begins=action == "upgrade") as hub:
            where = hub.where()["data"].partition("@")[2] or hub.where()["data"]
            if action == "check":
                found = hub.check_store()
                emit(
                    options,
                    {"ok": found.ok, "checks": list(found.checks), "data": where},
                    lambda: show_checks(found),
                )
                raise typer.Exit(0 if found.ok else 1)
            if action == "repair":
                done = hub.repair_store()
                found = hub.check_store()

                def people() -> None:
                    say(
                        "\n".join(done)
                        or ("Nothing needed mending." if found.ok else "Nothing could be mended.")
                    )
                    if not found.ok:
                        show_checks(found)

                emit(options, {"done": list(done), "ok": found.ok, "checks": list(found.checks)}, people)
                raise typer.Exit(0 if found.ok else 1)
            if action == "prune":
                gone = hub.prune()
                emit(options, {"removed": gone}, lambda: say(removed(gone)))
            elif action == "keep":
                days = hub.kept_days(assignments(settings))
                emit(
                    options,
                    {"days": days},
                    lambda: say(
                        "\n".join(f"{n}: {d} {'day' if d == 1 else 'days'}" for n, d in days.items())
                    ),
                )
            else:
                emit(options, {"ok": True, "data": where}, lambda: say("The store is up to date."))

    def removed(gone: dict[str, int]) -> str:
        words = ", ".join(f"{count:,} {name}" for name, count in gone.items() if count)
        return f"Removed: {words}." if words else "Nothing is older than it is kept."

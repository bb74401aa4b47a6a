"""Commands that run machinery: the worker and the database."""

import signal
from typing import Annotated, Any

import typer

from perkstar_tui.model.errors import ErrorKind, PerkstarError

from .output import emit, note, opened, say


def register(app: typer.Typer) -> None:
    """Put the machinery on the program."""

    @app.command()
    def worker(context: typer.Context) -> None:
        """Run the schedule without a screen, until interrupted."""
        with opened(context.obj) as hub:
            note(context.obj, "Running the schedule; Ctrl+C ends it at the next safe point.")
            hub.start_runner()
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
    def db(
        context: typer.Context, action: Annotated[str, typer.Argument(help="upgrade or check")] = "check"
    ) -> None:
        """Bring the store's tables up to date, or check them."""
        if action not in ("upgrade", "check"):
            raise PerkstarError(
                ErrorKind.USAGE, f"There is no `db {action}`.", remedy="Use upgrade or check."
            )
        with opened(context.obj) as hub:
            where = hub.where()["data"].partition("@")[2] or hub.where()["data"]
        emit(context.obj, {"ok": True, "data": where}, lambda: say("The store is up to date."))

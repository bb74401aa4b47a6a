"""Commands that run machinery: the screen, the worker, the sandbox, the demo, the database."""

import asyncio
import contextlib
import signal
import sys
from typing import Annotated, Any

import typer

from perkstar_tui.model.errors import ErrorKind, PerkstarError

from .output import Options, emit, note, opened, say


def open_screen(options: Options, *, ascii: bool = False) -> int:
    """Open the screen; its hub is opened behind the first paint."""
    if not sys.stdout.isatty():
        raise PerkstarError(
            ErrorKind.USAGE,
            "The screen needs a terminal.",
            remedy="Use the commands instead; `perkstar --help` lists them.",
        )
    from perkstar_tui.tui.app import PerkstarApp

    def hub() -> Any:
        from perkstar_tui.hub.hub import open_hub
        from perkstar_tui.hub.settings import load_settings

        return open_hub(load_settings(options.home, read_only=options.read_only))

    result = PerkstarApp(hub, read_only=options.read_only, ascii=ascii).run()
    if result == "demo":
        from .demo import run_demo

        return run_demo(options, headless=False, keep=False)
    return 0


def register(app: typer.Typer) -> None:
    """Put the machinery on the program."""

    @app.command()
    def worker(
        context: typer.Context,
        once: Annotated[bool, typer.Option("--once", help="Run what is due now, then end.")] = False,
        concurrency: Annotated[int, typer.Option(min=1, max=32)] = 4,
    ) -> None:
        """Run the schedule without a screen, until interrupted."""
        with opened(context.obj) as hub:
            if once:
                ran = hub.run_due()
                emit(context.obj, {"ran": ran}, lambda: say(f"{len(ran)} runs."))
                return
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
    def sandbox(
        context: typer.Context,
        port: Annotated[
            int, typer.Option(min=0, max=65535, help="The control port; 0 takes a free one.")
        ] = 0,
        seed: int = 7,
        customers: Annotated[int, typer.Option(min=0, max=1_000_000)] = 500,
        faults: Annotated[str, typer.Option(help="A fault profile.")] = "calm",
        only: Annotated[str, typer.Option(help="Only these platforms, with commas.")] = "",
        no_limits: Annotated[bool, typer.Option("--no-limits", help="No rate limits.")] = False,
    ) -> None:
        """Play every vendor on loopback until interrupted."""
        import orjson

        from perkstar_tui.sandbox.server import SandboxOptions, serve

        wanted = tuple(part.strip() for part in only.split(",") if part.strip())
        options = SandboxOptions(
            port=port, seed=seed, customers=customers, faults=faults, only=wanted, limits=not no_limits
        )

        def announce(first: dict[str, Any]) -> None:
            sys.stdout.write(orjson.dumps(first).decode() + "\n")
            sys.stdout.flush()

        async def play() -> None:
            stop = asyncio.Event()
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                with contextlib.suppress(NotImplementedError):
                    loop.add_signal_handler(number, stop.set)
            await serve(options, announce, stop)

        asyncio.run(play())

    @app.command()
    def demo(
        context: typer.Context,
        headless: Annotated[bool, typer.Option("--headless", help="No screen; print what was done.")] = False,
        keep: Annotated[bool, typer.Option("--keep", help="Leave the data directory behind.")] = False,
        customers: Annotated[int, typer.Option(min=10, max=100_000)] = 2000,
        seed: int = 7,
    ) -> None:
        """A living shop: every vendor on loopback, a fresh store, real syncs."""
        from .demo import run_demo

        raise typer.Exit(run_demo(context.obj, headless=headless, keep=keep, customers=customers, seed=seed))

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

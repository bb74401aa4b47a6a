"""`perkstar sandbox`: every vendor and Perkstar's cloud on loopback, with a seeded shop."""

import asyncio
from typing import Annotated

import typer

from perkstar_tui.model.errors import ErrorKind, PerkstarError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(sandbox)


def sandbox(
    port: Annotated[
        int, typer.Option(help="Port of the control address; the vendors take those after it. 0: any.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same shop.")] = 1,
    customers: Annotated[int, typer.Option(help="People at each side.")] = 2000,
    faults: Annotated[str, typer.Option(help="Trouble at the vendors, by the name of a profile.")] = "calm",
    only: Annotated[
        str, typer.Option(help="Platforms to play, with commas between; Perkstar always plays.")
    ] = "",
    no_limits: Annotated[
        bool, typer.Option("--no-limits", help="Without rate limits, for speed tests.")
    ] = False,
) -> None:
    """Play every vendor on loopback until stopped; the first line says where and with which credentials."""
    # The sandbox is loaded here, since no other command needs it.
    from perkstar_tui.sandbox.server import Wish, say_ready, serve

    names = tuple(name.strip() for name in only.split(",") if name.strip())
    wish = Wish(customers, seed, faults, names, not no_limits, port)
    try:
        wish.check()
    except ValueError as problem:
        raise PerkstarError(ErrorKind.USAGE, f"{problem}.", remedy="See `perkstar sandbox --help`.") from None
    try:
        asyncio.run(serve(wish, say_ready))
    except OSError as problem:
        raise PerkstarError(
            ErrorKind.USAGE,
            f"The sandbox can't listen: {problem.strerror}.",
            remedy="Choose another --port, or 0.",
        ) from None

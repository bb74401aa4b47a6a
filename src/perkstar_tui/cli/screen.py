"""Opening the screen, past all that only commands need: what stands before the first paint is waited for."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perkstar_tui.model.errors import ErrorKind, PerkstarError

from .output import Options

if TYPE_CHECKING:
    from perkstar_tui.hub.first_look import FirstLook


def screen_flags(arguments: list[str]) -> tuple[Options, bool, bool] | None:
    """Options, ascii and light when the arguments ask for the screen alone; None when they are for a command."""
    options, ascii_signs, light = Options(), False, False
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--ascii":
            ascii_signs = True
        elif argument == "--light":
            light = True
        elif argument == "--read-only":
            options.read_only = True
        elif argument == "--quiet":
            options.quiet = True
        elif argument == "--home":
            home = next(waiting, None)
            if home is None:
                return None
            options.home = Path(home)
        elif argument.startswith("--home="):
            options.home = Path(argument.partition("=")[2])
        else:
            return None
    return options, ascii_signs, light


def open_screen(options: Options, *, ascii: bool = False, light: bool = False) -> int:
    """Show the screen; its hub is opened behind the first paint."""
    if options.json or not (sys.stdout.isatty() and sys.stdin.isatty()):
        raise PerkstarError(
            ErrorKind.USAGE,
            "The screen needs a terminal.",
            remedy="Use the commands instead; `perkstar --help` lists them.",
        )
    from perkstar_tui.tui.app import run_app

    home = _home(options)
    answer = run_app(
        lambda: _hub(options),
        read_only=options.read_only,
        ascii=ascii,
        remap=_own(home).get("keys", {}),
        theme="perkstar-light" if light else "perkstar-dark",
        first_look=_looker(home),
        reports=home,
    )
    if answer == "demo":
        from .demo import run_demo

        return run_demo(options, headless=False, keep=False)
    return 0


def _hub(options: Options) -> Any:
    from perkstar_tui.hub.hub import open_hub
    from perkstar_tui.hub.settings import load_settings

    return open_hub(load_settings(options.home, read_only=options.read_only), aside=True)


def _home(options: Options) -> Path:
    """The data directory, as the settings will find it."""
    if options.home is not None:
        return options.home.expanduser()
    if os.environ.get("PERKSTAR_HOME"):
        return Path(os.environ["PERKSTAR_HOME"]).expanduser()
    from platformdirs import user_data_path

    return user_data_path("perkstar")


def _own(home: Path) -> dict[str, Any]:
    """The person's `config.toml`; one that cannot be read is reported when the hub opens."""
    file = home / "config.toml"
    if not file.exists():
        return {}
    import tomllib

    try:
        return tomllib.loads(file.read_text())
    except (OSError, tomllib.TOMLDecodeError):
        return {}


def _looker(home: Path) -> "Callable[[], FirstLook | None] | None":
    """A quick look at the store where it is a file of this home; None where it lies in another database."""
    if os.environ.get("PERKSTAR_DATABASE_URL") or _own(home).get("database_url"):
        return None

    def look() -> "FirstLook | None":
        from perkstar_tui.hub.first_look import first_look

        return first_look(home)

    return look

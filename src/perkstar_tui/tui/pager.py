"""Long text in the person's own pager ($PAGER), which searches, marks and keeps what it shows."""

import os
import shlex
import signal
import subprocess
from contextlib import AbstractContextManager

from perkstar_tui.model.errors import ErrorKind, PerkstarError

USUAL = "less -S"


def page(text: str, away: AbstractContextManager[None]) -> None:
    """Show text in $PAGER while the program is `away` from the terminal; it comes as input, so no file is left.

    Raises PerkstarError USAGE where there is no such pager.
    """
    command = shlex.split(os.environ.get("PAGER") or USUAL)
    with away:
        # Ctrl+C is for the pager. A handler of ours, unlike an ignored signal, is not handed on to it.
        before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
        try:
            subprocess.run(command, input=text.encode(), check=False)  # noqa: S603 - the person's own choice
        except OSError as error:
            raise PerkstarError(
                ErrorKind.USAGE,
                f"The pager {command[0]!r} can't be started: {error.strerror}.",
                remedy="Set PAGER to one that is installed, such as less or more.",
            ) from error
        finally:
            signal.signal(signal.SIGINT, before)

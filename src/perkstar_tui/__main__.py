"""`perkstar`, also as `python -m perkstar_tui`."""

import gc
import sys


def main() -> None:
    """The program's entry: the screen when nothing else is asked for, else the commands."""
    from perkstar_tui.cli.screen import screen_flags

    asked = screen_flags(sys.argv[1:]) if sys.stdout.isatty() and sys.stdin.isatty() else None
    if asked is None:
        # Imports and pages of records make objects by the hundred thousand, hardly any of them in circles.
        gc.set_threshold(200_000, 20, 50)
        from perkstar_tui.cli.app import run

        run()
        return
    # Until the first paint hardly anything is thrown away, so looking for it only costs time.
    gc.disable()
    # A key must not wait 5 ms, the default, whenever a sync's thread is at work in Python.
    sys.setswitchinterval(0.0005)
    from perkstar_tui.cli.output import fail
    from perkstar_tui.cli.screen import open_screen
    from perkstar_tui.model.errors import PerkstarError

    options, ascii_signs, light = asked
    try:
        sys.exit(open_screen(options, ascii=ascii_signs, light=light))
    except PerkstarError as error:
        sys.exit(fail(options, error))


if __name__ == "__main__":
    main()

"""What a terminal is sent for an alert: its bell, and a line that it may show on the desktop (OSC 9)."""

import os
from collections.abc import Mapping, Sequence

from perkstar_tui.hub.alerts.views import AlertView

from .signs import clean

LONGEST = 180
BELL = "\a"


def sequence(
    alerts: Sequence[AlertView], *, bell: bool, desktop: bool, environment: Mapping[str, str] | None = None
) -> str:
    """The bytes for these alerts; nothing for none. Names lose every control character, so that they end no sequence.

    Inside tmux the line is wrapped to pass through; where `allow-passthrough` is off tmux swallows it, and the bell,
    which tmux handles itself, still arrives.
    """
    if not alerts:
        return ""
    surroundings = os.environ if environment is None else environment
    words = alerts[0].message if len(alerts) == 1 else f"{len(alerts)} alerts: " + ", ".join(
        f"{one.name} ({one.title.lower()})" for one in alerts
    )  # fmt: skip
    # The head keeps a name that begins with digits from being another of OSC 9's commands.
    line = f"\x1b]9;Perkstar: {clean(words)[:LONGEST]}{BELL}"
    if surroundings.get("TMUX"):
        line = f"\x1bPtmux;{line.replace(chr(27), chr(27) * 2)}\x1b\\"
    return (line if desktop else "") + (BELL if bell else "")

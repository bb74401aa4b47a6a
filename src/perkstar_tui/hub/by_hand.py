"""What a person has still to enter, there and here, before a platform's own deliveries come in."""

from collections.abc import Mapping
from shlex import quote
from typing import Any

from perkstar_tui.model.enums import Direction, Kind, Status

from .bench import Bench, is_here


def to_do(bench: Bench, row: Any, address: str, keys: Mapping[str, str], linked: int) -> tuple[str, str]:
    """The sentence and its remedy; both empty where nothing is to be done.

    `address` is the one to enter at the platform (empty while there is none), `keys` what is shown of the key that the
    platform gives for it, by its option; `linked` is how many records are linked.
    """
    manifest = bench.catalog[row.platform]
    # Who else is there than at an endpoint of one's own is not known, nor by which address they reach it.
    if not bench.by_hand(row.platform) or manifest.kind is Kind.WEBHOOK or row.status != Status.ACTIVE:
        return "", ""
    only_way = not manifest.read_by_calls
    wanted = only_way or row.config.get("frequency") == "realtime"
    if not wanted or not Direction(row.config.get("direction", "both")).inward:
        return "", ""
    title = manifest.title
    not_yet = f"Nothing comes in from {title} yet" if only_way else "Real-time is not on yet"
    if not _reaches(bench, row.platform):
        reason = f"{not_yet}: no address of this machine is known that {title} reaches."
        return reason, "Set PERKSTAR_PUBLIC_URL to an https address that leads here, and start again"
    if not address:
        reason = f"{not_yet}: the address to enter at {title} is made while a screen or worker runs."
        return reason, "Leave the screen open for a moment, or run `perkstar worker`"
    option = next((option for option in manifest.options if option.secret), None)
    if option is not None and not keys.get(option.name):
        reason = f"{not_yet}: the address has to be entered at {title}, and its {option.label} here."
        edit = f"`perkstar edit {quote(row.name)} --set {option.name}=-`"
        return reason, f"Copy the address (c in details), enter it there, then {edit}"
    # Without a key nothing tells whether it was entered, but that something came.
    if option is None and only_way and not linked:
        reason = f"{not_yet}: the address has to be entered there."
        return reason, f"Copy the address (c in details) and enter it at {title}"
    return "", ""


def _reaches(bench: Bench, platform: str) -> bool:
    """Whether the platform can reach this machine: by its public address, or since both are on one machine."""
    public = bench.settings.public_url
    return bool(public and not is_here(public)) or bench.plays_here(platform)

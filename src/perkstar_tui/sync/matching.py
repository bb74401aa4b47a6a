"""First contact, pure: which hub customer is this remote record? By the match keys in order; never guessed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Keys = Mapping[str, str | None]
"""The normal forms of a record's match keys: {"email": ..., "phone": ...}."""


@dataclass(frozen=True, slots=True)
class Found:
    """`one`: link to `ids[0]`. `none`: create, if the direction allows. `held`: a person decides among `ids`."""

    verdict: Literal["one", "none", "held"]
    ids: tuple[str, ...] = ()
    reason: str = ""
    key: str = ""


def match(
    keys: Keys,
    order: Sequence[str],
    candidates: Callable[[str, str], Sequence[tuple[str, Keys]]],
    *,
    here: str = "Perkstar",
) -> Found:
    """Find the counterpart. `candidates(key, value)` gives (id, keys) of those with that value, page included.

    A later key links only where the earlier ones do not contradict (both filled and different): families share
    phones. A contradiction is held when nothing else speaks for it either way.
    """
    earlier: list[str] = []
    for key in order:
        value = keys.get(key)
        if value:
            found = candidates(key, value)
            agreeing = [(id_, other) for id_, other in found if not _contradicts(keys, other, earlier)]
            if len(agreeing) == 1:
                return Found("one", (agreeing[0][0],), key=key)
            if len(agreeing) > 1:
                return Found(
                    "held",
                    tuple(id_ for id_, _ in agreeing),
                    f"{len(agreeing)} customers in {here} have this {key}",
                    key,
                )
            if found:
                against = next(name for name in earlier if _contradicts(keys, found[0][1], [name]))
                return Found(
                    "held",
                    tuple(id_ for id_, _ in found),
                    f"the {key} belongs to a customer in {here} whose {against} is another",
                    key,
                )
        earlier.append(key)
    return Found("none")


def _contradicts(mine: Keys, theirs: Keys, names: Sequence[str]) -> bool:
    return any(mine.get(name) and theirs.get(name) and mine[name] != theirs[name] for name in names)

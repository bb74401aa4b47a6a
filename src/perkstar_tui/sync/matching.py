"""First contact, pure: which hub customer is this remote record? By the match keys in order; never guessed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Keys = Mapping[str, str | None]
"""The normal forms of a record's match keys: {"email": ..., "phone": ...}."""


RULES: Mapping[str, tuple[str, ...]] = {
    "match_contradiction": ("hold", "link", "new"),
    "match_several": ("hold", "oldest", "newest"),
}
"""Options of an integration that settle what would be held; `hold` is how it is without them.

`match_contradiction`: one customer agrees in a later key and differs in an earlier one: the same person (`link`), or
another (`new`). `match_several`: several customers have the key: the one that was made here first or last.
"""


@dataclass(frozen=True, slots=True)
class Rules:
    """How an integration settles what is not clear by itself."""

    contradiction: str = "hold"
    several: str = "hold"

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Rules":
        return cls(*(str(options.get(name) or "hold") for name in RULES))


HOLD = Rules()


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
    rules: Rules = HOLD,
) -> Found:
    """Find the counterpart. `candidates(key, value)` gives (id, keys) of those with that value, page included.

    A later key links only where the earlier ones do not contradict (both filled and different): families share
    phones. A contradiction is held when nothing else speaks for it either way. `rules` settle what would be held; one
    that contradicts is only ever linked or passed over where it is the only one.
    """
    earlier: list[str] = []
    for key in order:
        value = keys.get(key)
        if value:
            found = candidates(key, value)
            agreeing = [(id_, other) for id_, other in found if not _contradicts(keys, other, earlier)]
            if len(agreeing) == 1:
                return Found("one", (agreeing[0][0],), key=key)
            if len(agreeing) > 1 and rules.several != "hold":
                # Ids are sortable by the time at which they were made.
                pick = min if rules.several == "oldest" else max
                return Found("one", (pick(id_ for id_, _ in agreeing),), key=key)
            if len(agreeing) > 1:
                return Found(
                    "held",
                    tuple(id_ for id_, _ in agreeing),
                    f"{len(agreeing)} customers in {here} have this {key}",
                    key,
                )
            if len(found) == 1 and rules.contradiction == "link":
                return Found("one", (found[0][0],), key=key)
            if len(found) == 1 and rules.contradiction == "new":
                return Found("none")
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

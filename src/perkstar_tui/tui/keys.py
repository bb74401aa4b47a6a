"""The one table of keys: bindings, footer, help and palette are made from it, and from nothing else.

`where` names the places a key works in: a screen (`main`), a part of one (`details:log`), `list` for anything
with rows, or `everywhere`. A letter means the same act wherever it is bound.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from textual.binding import Binding


class Key(NamedTuple):
    """One act: the keys it lies on by default, the action it calls, and its words."""

    id: str
    keys: str
    action: str
    label: str
    where: tuple[str, ...]
    help: str = ""
    footer: bool = False
    writes: bool = False


_LISTS = ("list",)
_ROW = ("main", "details")

KEYS: tuple[Key, ...] = (
    Key("open", "enter", "open", "open", (*_LISTS,), "Open what the cursor is on", True),
    Key("area", "enter", "area", "open", ("tile",), "Open this area", True),
    Key("sync", "s", "sync", "sync", (*_ROW, "preview"), "Sync now", True, True),
    Key("full", "S", "full", "full resync", _ROW, "Read everything again from the start", False, True),
    Key("pause", "p", "pause", "pause", _ROW, "Pause, or resume a paused one", True, True),
    Key("reconnect", "R", "reconnect", "reconnect", _ROW, "Give a new credential", True, True),
    Key("disconnect", "x", "disconnect", "disconnect", _ROW, "Disconnect; its name must be typed", True, True),
    Key("select", "space", "select", "select", ("main", "queue"), "Select rows for one act on all of them", True),
    Key("log", "l", "log", "log", _ROW, "The error log", True),
    Key("add", "a", "add", "add", ("main",), "Add an integration", True),
    Key("failing", "exclamation_mark", "failing", "failing", _ROW, "Records that are failing, and why", True),
    Key("alerts", "A", "alerts", "alerts", _ROW, "What is wrong and stands, and where it is told"),
    Key("ack", "i", "ack", "seen", ("alerts:list",), "Silence it until it is over, or let it speak again", True, True),
    Key("test", "t", "test", "test", (*_ROW, "alerts:routes", "record"),
        "Test the connection, send a test message, or ask the platforms for a record now"),
    Key("preview", "w", "preview", "preview", (*_ROW, "connect:kept"), "What a sync would change"),
    Key("edit", "e", "edit", "edit", (*_ROW, "queue"), "Change its settings, or a value that is at fault", False, True),
    Key("mapping", "m", "mapping", "mapping", _ROW, "Which field goes where"),
    Key("retry", "r", "retry", "retry", (*_ROW, "record", "queue"), "Try failed records again", True, True),
    Key("note", "n", "note", "note", _ROW, "What it is for and who looks after it", False, True),
    Key("free", "u", "free_slot", "free a slot", ("main",), "Integrations longest without a sync"),
    Key("keys", "K", "keys", "API key", ("main",), "The API key, and a new one in its place"),
    Key("duplicates", "equals_sign", "duplicates", "duplicates", (*_ROW, "record"),
        "Customers that may be one person, side by side"),
    Key("queue", "Q", "queue", "queue", (*_ROW, "record"), "What waits for a person, one after the other"),
    Key("why", "semicolon", "why", "why not?", ("details", "record"), "Why is my data not there? A guided check"),
    Key("take_left", "left", "take_left", "take left", ("queue:item",), "Take Perkstar's value", True, True),
    Key("take_right", "right", "take_right", "take right", ("queue:item",), "Take the platform's value", True, True),
    Key("all_like", "ampersand", "all_like", "all like this", ("queue",),
        "The next choice takes all that wait for the same reason", True, True),
    Key("always", "asterisk", "always", "always", ("queue",), "Make the choice a rule, after seeing what it does", True,
        True),
    Key("leave_out", "minus", "leave_out", "leave out", ("queue",), "Leave it out for good", False, True),
    Key("two_people", "minus", "two_people", "two people", ("duplicates",), "Not the same: take it off the list",
        True, True),
    Key("find", "asterisk", "find", "look again", ("duplicates",), "Look through all customers again", True, True),
    Key("undo", "z", "undo", "undo", (*_ROW, "record", "duplicates", "queue"),
        "Undo the last change; on a record its last conflict, on a run the run", False, True),
    Key("keep", "H", "keep", "keep as plan", ("preview",), "Keep it for `sync --plan`", True, True),
    Key("exact", "E", "exact", "exactly this", ("preview",),
        "Carry out exactly what is shown; what was changed since is skipped and named", True, True),
    Key("line_add", "plus", "line_add", "add", ("details:mapping", "connect:map", "alerts:routes"),
        "Add a line, or a route", True, True),
    Key("line_remove", "minus", "line_remove", "remove", ("details:mapping", "connect:map", "alerts:routes"),
        "Remove the line, or the route",
        True, True),
    Key("line_suggest", "asterisk", "line_suggest", "suggest", ("details:mapping", "connect:map"),
        "Lines that the platform's own fields suggest", True, True),
    Key("redeliver", "d", "redeliver", "tell again", ("details:deliveries",), "Tell this delivery again", True, True),
    Key("redeliver_all", "D", "redeliver_all", "tell all given up", ("details:deliveries",),
        "Tell everything again that was given up", True, True),
    Key("copy_secret", "C", "copy_secret", "copy secret", ("details:deliveries",),
        "Copy the secret that signs deliveries", True),
    Key("bundle", "b", "bundle", "support bundle", ("details:log",), "Copy a support bundle of the entry", True),
    Key("record", "o", "open_record", "open record", ("details:log", "duplicates", "queue"), "Open its record",
        True),
    Key("follow", "F", "follow", "follow", ("details:log",), "Stay at the newest entry", True),
    Key("wrap", "W", "wrap", "wrap", ("details:log",), "Show long messages on three lines"),
    Key("pager", "P", "pager", "in $PAGER", ("details:log",), "All that passes, in your own pager"),
    Key("older_error", "greater_than_sign", "older_error", "older error", ("details:log",),
        "The next older error that passes"),
    Key("newer_error", "less_than_sign", "newer_error", "newer error", ("details:log",),
        "The next newer error that passes"),
    Key("search", "slash", "search", "search", ("main", "details:log", "details:records", "connect:choose"),
        "Search the list", True),
    Key("filter", "f", "filter", "filter", ("main", "details:log", "details:records", "details:deliveries",
        "alerts:list", "duplicates", "queue"), "Filter the list", True),
    Key("sort", "comma", "sort", "sort", ("main",), "Choose the column to sort by"),
    Key("freeze", "full_stop", "freeze", "hold still", ("main", "details"), "Stop or go on showing changes"),
    Key("copy_id", "y", "copy_id", "copy id", (*_ROW, "record", "queue"), "Copy the id"),
    Key("copy_address", "c", "copy_address", "copy address", ("details",),
        "Copy the address that is entered in the platform's own settings"),
    Key("copy_key", "c", "copy_key", "copy key", ("main",), "Copy the API key"),
    Key("copy_link", "c", "copy_link", "copy link", ("connect:link",), "Copy the link", True),
    Key("reveal", "v", "reveal", "show in clear", ("main", "details", "connect:link"),
        "What was just copied, alone; else the API key"),
    Key("before", "left_square_bracket", "neighbour(-1)", "previous", ("details", "queue"),
        "Previous integration or item", True),
    Key("after", "right_square_bracket", "neighbour(1)", "next", ("details", "queue:item"),
        "Next integration or item", True),
    Key("back_step", "left", "back_step", "step back", ("connect:back",), "One step back", True),
    Key("next_step", "right", "next_step", "next step", ("connect:on",), "One step on", True),
    *(Key(f"part_{n}", str(n), f"part({n})", f"part {n}", ("main", "alerts") if n < 3 else ("main",), f"Area {n}")
      for n in (1, 2, 3, 4)),
    *(Key(f"tab_{n}", str(n), f"tab({n})", f"tab {n}", ("details",), f"Tab {n}") for n in range(1, 10)),
    *(Key(f"choose_{n}", str(n), f"choose({n})", f"choice {n}", ("queue",), f"Take choice {n}", False, True)
      for n in range(1, 10)),
    Key("up", "up,k", "up", "up", _LISTS, "One row up"),
    Key("down", "down,j", "down", "down", _LISTS, "One row down"),
    Key("first", "g,home", "first", "first", _LISTS, "First row"),
    Key("last", "G,end", "last", "last", _LISTS, "Last row"),
    Key("page_up", "pageup", "page_up", "page up", _LISTS, "One page up"),
    Key("page_down", "pagedown", "page_down", "page down", _LISTS, "One page down"),
    Key("back", "escape", "back", "back", ("everywhere",), "One back; never quits", True),
    Key("palette", "colon,ctrl+p", "palette", "palette", ("everywhere",), "Find any act by its name", True),
    Key("guide", "question_mark", "guide", "guide", ("catalog",), "What this platform can do, needs and keeps", True),
    Key("help", "question_mark,f1", "help", "help", ("everywhere",), "The keys that work here", True),
    Key("quit", "q,ctrl+q", "quit", "quit", ("everywhere",), "Leave the program"),
)  # fmt: skip

_ALWAYS = ("up", "down", "first", "last", "page_up", "page_down", "part", "select", "back", "help", "palette")
NEEDS_HUB = frozenset(key.action.partition("(")[0] for key in KEYS) - {
    *_ALWAYS,
    "quit",
    "search",
    "sort",
    "freeze",
}
"""Acts that ask the hub, and so wait in the moment before it is open."""

_NAMES = {
    "enter": "Enter",
    "space": "Space",
    "escape": "Esc",
    "exclamation_mark": "!",
    "slash": "/",
    "comma": ",",
    "full_stop": ".",
    "plus": "+",
    "asterisk": "*",
    "minus": "-",
    "equals_sign": "=",
    "ampersand": "&",
    "semicolon": ";",
    "colon": ":",
    "question_mark": "?",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "greater_than_sign": ">",
    "less_than_sign": "<",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "home": "Home",
    "end": "End",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "f1": "F1",
}
_SIGNS = {sign: name for name, sign in _NAMES.items() if len(sign) == 1}


def shown(keys: str) -> str:
    """Keys as a person reads them, such as `: Ctrl+P`."""
    parts = (part.strip() for part in keys.split(","))
    return " ".join(
        _NAMES.get(p, p.replace("ctrl+", "Ctrl+") if "+" not in p else _control(p)) for p in parts
    )


def _control(key: str) -> str:
    head, _, tail = key.rpartition("+")
    return f"{head.title()}+{tail.upper()}"


class KeyTable:
    """The table with a user's own keys put in. `conflicts` names every key that would mean two things."""

    def __init__(self, remap: Mapping[str, str] | None = None) -> None:
        known = {key.id for key in KEYS}
        self.remap = {id_: _spelled(keys) for id_, keys in (remap or {}).items() if id_ in known}
        self.conflicts = [
            f"There is no act {id_!r} to give a key to." for id_ in (remap or {}) if id_ not in known
        ]
        self.conflicts += self._doubles()

    def keys_of(self, key: Key) -> str:
        return self.remap.get(key.id, key.keys)

    def shown(self, id_: str) -> str:
        """The first key of an act, as a person reads it."""
        key = next(key for key in KEYS if key.id == id_)
        return shown(self.keys_of(key).split(",")[0])

    def working(self, places: Iterable[str]) -> list[Key]:
        """The keys that work in these places, in the table's order."""
        here = {*places, "everywhere"}
        return [key for key in KEYS if here.intersection(key.where)]

    def _doubles(self) -> list[str]:
        found: list[str] = []
        taken: dict[tuple[str, str], Key] = {}
        for key in KEYS:
            for place in key.where:
                for one in self.keys_of(key).split(","):
                    other = taken.setdefault((place, one.strip()), key)
                    if other is not key:
                        found.append(
                            f"Key {shown(one)} means both {other.label!r} and {key.label!r} in {place}."
                        )
        return found


def _spelled(keys: str) -> str:
    return (
        ",".join(_SIGNS.get(part.strip(), part.strip()) for part in keys.split(",") if part.strip())
        or "comma"
    )


def bindings(*screens: str) -> list[Binding | tuple[str, str] | tuple[str, str, str]]:
    """The bindings of a screen: every act of the screen, of its parts, and of everywhere for `screen`s proper."""
    found: list[Binding | tuple[str, str] | tuple[str, str, str]] = []
    for key in KEYS:
        if any(place.partition(":")[0] in screens for place in key.where):
            found.append(Binding(key.keys, key.action, key.label, show=key.footer, id=key.id))
    return found

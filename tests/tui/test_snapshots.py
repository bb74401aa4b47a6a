"""Pictures of every screen, sheet and state, at both sizes and in both themes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from fake_hub import HOSTILE, MAILCHIMP, FakeHub, stock
from showing import COMPACT, WIDE, Shown, shown

from perkstar_tui.model.errors import ErrorKind, PerkstarError


@dataclass(frozen=True)
class Case:
    name: str
    keys: tuple[str, ...] = ()
    size: tuple[int, int] = WIDE
    more: dict[str, Any] = field(default_factory=dict)
    hub: Callable[[], FakeHub] = FakeHub
    wait_for: str = ""


def _hostile() -> FakeHub:
    hub = FakeHub()
    hub.change(MAILCHIMP, name=HOSTILE)
    return hub


def _full() -> FakeHub:
    hub = FakeHub()
    hub.allowed = 5
    return hub


def _stock() -> FakeHub:
    return FakeHub(stock())


def _broken() -> FakeHub:
    raise PerkstarError(
        ErrorKind.INTERNAL, "The store is newer than this program.", remedy="Update the program."
    )


LIGHT = {"theme": "perkstar-light"}
SQUARE = ("down", "down", "enter")
KLAVIYO = ("a", "slash", '"mailc', "enter", "enter")
KEPT = (*KLAVIYO, '"abc', "enter")

CASES = [
    Case("main"),
    Case("main-light", more=LIGHT),
    Case("main-compact", size=COMPACT),
    Case("main-compact-light", size=COMPACT, more=LIGHT),
    Case("main-ascii", more={"ascii": True}),
    Case("main-compact-ascii", size=COMPACT, more={"ascii": True}),
    Case("main-hostile", ("down",), hub=_hostile),
    Case("main-empty", hub=lambda: FakeHub([])),
    Case("main-selected", ("space", "space")),
    Case("main-search", ("slash", '"sq'), size=COMPACT),
    Case("too-small", size=(58, 18)),
    Case("first-start", hub=lambda: FakeHub(new=True)),
    Case("first-start-key", ("down", "enter"), COMPACT, hub=lambda: FakeHub(new=True)),
    Case("details-overview", SQUARE),
    Case("details-overview-compact", SQUARE, COMPACT),
    Case("details-overview-light", SQUARE, more=LIGHT),
    Case("details-mapping", (*SQUARE, "2")),
    Case("details-runs", (*SQUARE, "3")),
    Case("run-changes", (*SQUARE, "3", "enter", "G")),
    Case("run-undo", (*SQUARE, "3", "z")),
    Case("details-log", (*SQUARE, "4")),
    Case("details-log-compact", (*SQUARE, "4"), COMPACT),
    Case("details-records", (*SQUARE, "exclamation_mark")),
    Case("details-records-compact", (*SQUARE, "5"), COMPACT),
    Case("details-health", (*SQUARE, "6")),
    Case("details-health-compact", (*SQUARE, "6"), COMPACT),
    Case("details-health-light", (*SQUARE, "6"), more=LIGHT),
    Case("details-health-ascii", (*SQUARE, "6"), more={"ascii": True}),
    Case("alerts", ("A",)),
    Case("alerts-compact", ("A",), COMPACT),
    Case("alerts-routes", ("A", "2", "down", "down")),
    Case("alerts-routes-compact-light", ("A", "2", "down", "down"), COMPACT, LIGHT),
    Case("alerts-route", ("A", "2", "down", "down", "enter")),
    Case("alerts-route-new", ("A", "2", "plus", "enter"), COMPACT),
    Case("details-settings", (*SQUARE, "7")),
    Case("details-settings-compact", (*SQUARE, "7", *["down"] * 19), COMPACT),
    Case("sheet-change", (*SQUARE, "7", *["down"] * 8, "enter", '"country is not empty', "enter"), COMPACT),
    Case("details-deliveries", ("enter", "8"), hub=_stock),
    Case("details-deliveries-compact", ("enter", "8"), COMPACT, hub=_stock),
    Case("details-deliveries-light", ("enter", "8"), more=LIGHT, hub=_stock),
    Case("sheet-delivery", ("enter", "8", "enter"), COMPACT, hub=_stock),
    Case("connect-1-choose", ("a",)),
    Case("connect-2-authorise", KLAVIYO, COMPACT),
    Case(
        "connect-2-link",
        ("a", "slash", '"hubs', "enter", "enter", "down", "enter", '"id', "tab", '"key', "enter"),
    ),
    Case("connect-3-configure", KEPT, COMPACT),
    Case("connect-4-map", (*KEPT, "right")),
    Case("connect-5-test", (*KEPT, "right", "right")),
    Case("connect-6-activate", (*KEPT, "right", "right", "right"), COMPACT),
    Case("sheet-plan-full", (*KEPT, "right", "right", "right", "enter"), hub=_full),
    Case("sheet-pause", ("down", "p")),
    Case("sheet-pause-several", ("space", "space", "p"), COMPACT),
    Case("sheet-full-resync", ("down", "S"), COMPACT),
    Case("sheet-reconnect", ("G", "R")),
    Case("sheet-disconnect", ("down", "down", "x")),
    Case("sheet-free-a-slot", ("u",), COMPACT),
    Case("sheet-key", ("K",), COMPACT),
    Case("sheet-test", ("down", "t")),
    Case("sheet-guide", ("4", "right", "question_mark")),
    Case("sheet-help", ("question_mark",)),
    Case("sheet-filter", (*SQUARE, "4", "f"), COMPACT),
    Case("sheet-mapping-line", (*SQUARE, "2", "enter"), COMPACT),
    Case("palette", ("colon", '"pau'), wait_for="Pause, or resume"),
    Case("preview", ("down", "w")),
    Case("duplicates", ("equals_sign",)),
    Case("duplicates-compact", ("equals_sign",), COMPACT),
    Case("duplicates-light", ("equals_sign", "down"), more=LIGHT),
    Case("sheet-merge", ("equals_sign", "enter"), COMPACT),
    Case("record", (*SQUARE, "5", "enter")),
    Case("queue", ("Q",)),
    Case("queue-compact", ("Q", "right_square_bracket", "right_square_bracket"), COMPACT),
    Case("queue-light", ("Q", "right_square_bracket"), more=LIGHT),
    Case("sheet-settle", ("Q", "ampersand", "3"), COMPACT),
    Case("sheet-why", (*SQUARE, "5", "semicolon")),
    Case("trouble", more={"open": _broken, "wait": False}, size=COMPACT),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_the_screen_looks_as_it_was_agreed(
    case: Case, matches_snapshot: Callable[[Shown, str], Awaitable[None]]
) -> None:
    hub = case.hub() if "open" not in case.more else FakeHub()
    async with shown(hub, case.size, **case.more) as screen:
        if case.more.get("wait") is False:
            await screen.until(lambda: screen.screen == "TroubleScreen", "no trouble was shown")
            await screen.pilot.pause()
        await screen.press(*case.keys)
        await screen.until(lambda: case.wait_for in screen.text(), f"{case.wait_for!r} never came")
        await matches_snapshot(screen, case.name)

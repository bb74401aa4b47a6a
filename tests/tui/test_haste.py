"""Keys that come faster than anything is drawn: whatever they are, the program goes on."""

import random
from asyncio import sleep

import pytest
from showing import COMPACT, WIDE, Shown, shown
from textual import events
from textual.keys import _character_to_key

from perkstar_tui.tui.app import PerkstarApp
from perkstar_tui.tui.keys import KEYS

LEAVING = {"q", "ctrl+c"}
"""What leaves the program or the terminal is not pressed here."""


def keys_of_the_table() -> list[str]:
    """Every key of the table, with what moves and what leaves a field or a sheet."""
    found = {one.strip() for key in KEYS for one in key.keys.split(",")}
    return sorted(found - LEAVING | {"escape", "enter", "tab", "down", "up", "space", "backspace", "y", "n"})


def send(app: PerkstarApp, key: str) -> None:
    """A key as the terminal sends it: nothing waits for what it does."""
    name = _character_to_key(key) if len(key) == 1 and not key.isalnum() else key
    event = events.Key(name, key if len(key) == 1 else None)
    event.set_sender(app)
    assert app._driver is not None
    app._driver.send_message(event)


async def hurry(screen: Shown, keys: list[str], chance: random.Random) -> None:
    """Send keys in bursts, with moments between them that are too short for anything to end."""
    for key in keys:
        send(screen.app, key)
        if chance.random() < 0.3:
            await sleep(chance.choice((0, 0, 0.001, 0.01)))


@pytest.mark.parametrize("key", ["l", "m", "e", "5", "right_square_bracket"])
async def test_a_key_pressed_twice_before_its_tab_stands_shows_it_once(key):
    async with shown() as screen:
        await screen.press("down", "down", "enter")
        for _ in range(4):
            send(screen.app, key)
        await screen.settle()
        assert screen.app._exception is None
        panes = [pane for pane in screen.app.screen.query(".pane") if pane.display]
        assert len(panes) == 1


@pytest.mark.parametrize("seed", range(12))
async def test_random_keys_in_haste_never_end_the_program(seed):
    chance = random.Random(seed)
    known = keys_of_the_table()
    async with shown(size=WIDE if seed % 2 else COMPACT) as screen:
        keys = [chance.choice(known) for _ in range(150)]
        await hurry(screen, keys, chance)
        await screen.settle()
        assert screen.app._exception is None, keys

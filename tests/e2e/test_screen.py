"""The screen in a real terminal, as a person uses it: keys that come fast, windows that change, others at work."""

import time

import pytest
from program import PERKSTAR
from shop import Shop
from terminal import Terminal


@pytest.fixture
def connected(shop: Shop) -> Shop:
    for name in ("hubspot", "mailchimp", "square"):
        shop.connect(name, "--data", "customers", "--frequency", "manual")
    shop.sync("hubspot")
    return shop


def row_of(terminal: Terminal, name: str) -> str:
    return next((line for line in terminal.text.splitlines() if name in line and "int_" in line), "")


def test_a_pause_by_command_shows_within_a_second_and_the_cursor_stays(connected):
    with Terminal(PERKSTAR, env=connected.program.env) as terminal:
        terminal.until(lambda text: "Square" in text and "platforms" in text)
        terminal.send("j")
        terminal.until(lambda text: "▸ Mailchimp" in text or "▸ Mail" in text)
        terminal.still()
        connected.well("pause", "hubspot")
        start = time.monotonic()
        terminal.until(lambda text: "Paused" in row_of(terminal, "HubSpot"), 5)
        assert time.monotonic() - start < 1.0
        assert "▸" in row_of(terminal, "Mailchimp") and "▸" not in row_of(terminal, "HubSpot")
        terminal.send("q")
        assert terminal.wait() == 0


def test_what_is_typed_straight_after_the_slash_is_text(connected):
    with Terminal(PERKSTAR, env=connected.program.env) as terminal:
        terminal.until(lambda text: "Square" in text and "platforms" in text)
        terminal.still()
        terminal.send("/hub")
        terminal.until(lambda text: "1 of 3" in text and not row_of(terminal, "Mailchimp"))
        assert "Plan and capacity" in terminal.text and "HubSpot" in terminal.text
        terminal.send("\x1b")
        terminal.until(lambda text: bool(row_of(terminal, "Mailchimp")))
        terminal.send("q")
        assert terminal.wait() == 0


def test_nothing_is_lost_when_the_window_changes_its_size(connected):
    with Terminal(PERKSTAR, columns=80, lines=24, env=connected.program.env) as terminal:
        terminal.until("Square")
        terminal.still()
        for columns, lines in ((130, 45), (80, 24), (120, 40)):
            terminal.resize(columns, lines)
            terminal.until(lambda text: "HubSpot" in text and "Square" in text)
            terminal.still()
            assert terminal.process.poll() is None, terminal.text
        terminal.resize(50, 15)
        terminal.until("60 columns")
        terminal.send("q")
        assert terminal.wait() == 0


@pytest.mark.parametrize(("columns", "lines"), [(120, 40), (80, 24)])
def test_pausing_resuming_and_disconnecting_by_keyboard_alone(connected, columns, lines):
    with Terminal(PERKSTAR, columns=columns, lines=lines, env=connected.program.env) as terminal:
        terminal.until(lambda text: "Square" in text and "HubSpot" in text)
        terminal.still(0.6)
        terminal.send("p")
        terminal.until("Pause HubSpot")
        terminal.send("\r")
        terminal.until("‖ Paused")
        assert connected.well("show", "hubspot")["status"] == "paused"
        terminal.still()
        terminal.send("p")
        terminal.until(lambda text: "‖ Paused" not in text)
        assert connected.well("show", "hubspot")["status"] == "active"
        terminal.still()
        terminal.send("x")
        terminal.until("to disconnect")
        terminal.send("HubSpot")
        terminal.still()
        terminal.send("\r")
        end = time.monotonic() + 15
        while connected.well("show", "hubspot")["status"] != "disconnected":
            assert time.monotonic() < end, terminal.text
            terminal.pump(0.3)
        terminal.send("q")
        assert terminal.wait() == 0


def test_the_log_opens_in_the_pager_of_the_environment_and_the_screen_comes_back(connected, tmp_path):
    told = tmp_path / "told"
    env = {**connected.program.env, "PAGER": f"tee {told}"}
    with Terminal(PERKSTAR, env=env) as terminal:
        terminal.until(lambda text: "Square" in text and "HubSpot" in text)
        terminal.still()
        terminal.send("l")
        terminal.until("[4 Log]")
        terminal.still()
        terminal.send("P")
        end = time.monotonic() + 15
        while not (told.exists() and told.read_text().endswith("\n")):
            assert time.monotonic() < end, terminal.text
            terminal.pump(0.3)
        lines = told.read_text().splitlines()
        entries = connected.well("logs", "hubspot")["items"]
        assert len(lines) == len(entries) > 0 and entries[0]["message"] in lines[0]
        terminal.until("[4 Log]")
        terminal.send("q")
        assert terminal.wait() == 0

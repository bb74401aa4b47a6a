"""Alerts on the screen: what stands, silencing it, opening what it is about, the routes, and ringing the terminal."""

from dataclasses import replace

import pytest
from fake_hub import HOSTILE, HUBSPOT, MAILCHIMP, SQUARE, FakeHub, at
from showing import BOTH, COMPACT, shown

from perkstar_tui.hub.alerts.views import AlertView
from perkstar_tui.tui.ringing import sequence


@BOTH
async def test_the_header_counts_what_nobody_has_seen_and_a_key_lists_it(size):
    async with shown(size=size) as screen:
        assert "2 alerts" in screen.text()
        await screen.press("A")
        assert screen.screen == "AlertsScreen"
        for words in (
            "In error",
            "Square · High St",
            "Reconnect required",
            "HubSpot",
            "perkstar logs int_01JAQ2",
        ):
            assert words in screen.text(), words
        await screen.press("escape")
        assert screen.screen == "MainScreen"


async def test_the_palette_leads_there_and_so_does_a_click_on_the_count():
    async with shown() as screen:
        await screen.pilot.click("#alerts")
        await screen.settle()
        assert screen.screen == "AlertsScreen"
        await screen.press("escape", "colon", '"alerts and')
        await screen.until(lambda: "Alerts and routes" in screen.text(), "the palette never found it")
        await screen.press("enter")
        await screen.until(lambda: screen.screen == "AlertsScreen", "the palette led nowhere")


@BOTH
async def test_what_was_seen_is_silent_and_can_be_undone(size):
    async with shown(size=size) as screen:
        await screen.press("A", "i")
        assert screen.hub.asked("alerts.ack") == [((f"alt_{SQUARE[4:]}",), {})]
        assert "seen" in screen.text() and "z undoes it" in screen.said()[-1]
        await screen.press("i")
        assert screen.hub.asked("alerts.unack") == [((f"alt_{SQUARE[4:]}",), {})]
        await screen.press("i", "escape")
        assert "1 alert " in screen.text()


async def test_a_filter_shows_only_some_and_escape_shows_all_again():
    async with shown() as screen:
        await screen.press("A", "down", "i", "f", "down", "down", "enter")
        assert "HubSpot" in screen.text() and "Square" not in screen.text()
        await screen.press("escape")
        assert screen.screen == "AlertsScreen" and "Square" in screen.text()


async def test_enter_opens_what_the_alert_is_about():
    async with shown() as screen:
        await screen.press("A", "enter")
        assert "[4 Log]" in screen.text() and "Square · High St" in screen.text()
        await screen.press("escape", "down", "enter")
        assert "[1 Overview]" in screen.text() and "HubSpot" in screen.text()


async def test_a_new_route_asks_for_what_it_needs_and_is_kept_with_its_password_apart():
    async with shown(size=COMPACT) as screen:
        await screen.press("A", "2", "plus", "enter")
        assert screen.screen == "RouteScreen" and "not given yet" in screen.text()
        await screen.press("G", "enter")
        assert "still needs name, to, from, mail server" in screen.said()[-1]
        for row, words in enumerate(
            ("night", "kim@shop.example", "alerts@shop.example", "smtp.shop.example")
        ):
            await screen.press("g", *["down"] * row, "enter", f'"{words}', "enter")
        await screen.press("g", *["down"] * 7, "enter", '"open sesame', "enter")
        assert "open sesame" not in screen.text() and "••••••••" in screen.text()
        await screen.press("G", "enter")
        ((name, kind, given, secret), _) = screen.hub.asked("alerts.add")[0]
        assert (name, kind, secret) == ("night", "email", "open sesame") and "password" not in given
        assert given == {"to": "kim@shop.example", "from": "alerts@shop.example", "host": "smtp.shop.example"}
        await screen.press("G", "enter")
        assert screen.hub.asked("alerts.test") == [(("night",), {})]


async def test_a_setting_of_a_route_is_changed_at_once_and_undone():
    async with shown() as screen:
        await screen.press("A", "2", "down", "down", "enter")
        level = [one.name for one in screen.hub.alerts.route("mail").settings].index("level")
        await screen.press("g", *["down"] * level, "enter", "down", "enter")
        assert screen.hub.alerts.route("mail").level == "critical"
        await screen.press("escape", "escape", "z")
        assert screen.hub.alerts.route("mail").level == "warning"


async def test_routes_are_tested_and_removed_only_after_a_question():
    async with shown() as screen:
        await screen.press("A", "2", "down", "down", "t")
        assert "A test message was taken" in screen.text()
        await screen.press("escape", "minus", "enter")
        assert screen.hub.asked("alerts.remove") == []
        await screen.press("minus", "down", "enter")
        assert screen.hub.asked("alerts.remove") == [(("mail",), {})] and "mail" not in screen.text()
        await screen.press("g", "minus")
        assert screen.screen == "AlertsScreen" and len(screen.hub.asked("alerts.remove")) == 1


async def test_read_only_shows_all_and_changes_nothing():
    async with shown(read_only=True) as screen:
        await screen.press("A", "i", "2", "plus", "down", "down", "minus", "t")
        assert [
            name for name, _, _ in screen.hub.calls if name.startswith("alerts.") and name != "alerts.page"
        ] == []
        assert screen.screen == "AlertsScreen"


async def test_names_from_outside_are_plain_text():
    hub = FakeHub()
    hub.change(MAILCHIMP, name=HOSTILE, status="error")
    async with shown(hub) as screen:
        await screen.press("A")
        assert "[bold red]Evil[/]" in screen.text() and "\x1b" not in screen.text()


async def test_the_terminal_is_rung_once_for_what_is_new_and_not_for_what_stood_before():
    async with shown() as screen:
        sent: list[str] = []
        screen.app.send_to_terminal = sent.append  # type: ignore[method-assign]
        desk = screen.hub.alerts

        async def looked_at() -> None:
            """Until the screen has heard of a change that is none of an alert."""
            looks = desk.looks
            screen.hub.touch()
            await screen.until(lambda: desk.looks > looks, "the screen never looked")
            await screen.settle()

        await looked_at()
        assert sent == []
        screen.hub.change(MAILCHIMP, status="error")
        await screen.until(lambda: bool(sent), "the terminal was never rung")
        await looked_at()
        assert sent == ["\x1b]9;Perkstar: Mailchimp is in error. The vendor refused one record.\a\a"]
        assert any("Mailchimp is in error" in sentence for sentence in screen.said())


def alert(**more: str) -> AlertView:
    made = FakeHub().alerts.shown()[0]
    return replace(made, **more)


@pytest.mark.parametrize(
    "evil", ["\x1b]52;c;aGk=\a", "\x9d0;title\x9c", "a\nb", "\x07\x07", "\u202eevil", "4;1;50"]
)
def test_no_name_ends_the_sequence_or_begins_another(evil):
    text = sequence([alert(message=evil, name=evil)], bell=False, desktop=True, environment={})
    assert text.startswith("\x1b]9;Perkstar: ") and text.endswith("\a")
    assert not set(text[4:-1]) & {chr(n) for n in [*range(32), *range(127, 160)]}


def test_in_tmux_the_line_is_wrapped_and_the_bell_is_not():
    text = sequence([alert()], bell=True, desktop=True, environment={"TMUX": "/tmp/x"})
    assert text.startswith("\x1bPtmux;\x1b\x1b]9;") and text.endswith("\x1b\\\a")
    assert sequence([alert()], bell=True, desktop=False, environment={}) == "\a"
    assert sequence([], bell=True, desktop=True) == ""
    many = sequence([alert(), alert(name="HubSpot")], bell=False, desktop=True, environment={})
    assert "2 alerts: Square · High St (in error), HubSpot (in error)" in many


async def test_the_health_tab_says_why_and_what_fails(tmp_path):
    async with shown() as screen:
        await screen.press("G", "enter", "6")
        assert screen.hub.asked("health")[-1][0] == (HUBSPOT,)
        for words in ("Score", "Latency", "96 ms a call", "Seconds a run", "Nothing fails."):
            assert words in screen.text(), words


def of_no_integration(kind: str, level: str = "notice") -> AlertView:
    return AlertView(
        f"alt_{kind}", kind, "Customers that may be one person", level, "open", "account", "Customers", None,
        "39 pairs of customers may be one person.", "Look at them side by side.", "=", "", "", at(hours=1), at(hours=1),
        39, "", None, None,
    )  # fmt: skip


@pytest.mark.parametrize(("kind", "there"), [("pairs", "DuplicatesScreen"), ("duplicates", "QueueScreen")])
async def test_enter_leads_to_what_an_alert_of_no_integration_is_about(kind, there):
    hub = FakeHub([])
    hub.alerts.more = [of_no_integration(kind)]
    async with shown(hub) as screen:
        await screen.press("A", "enter")
        assert screen.screen == there


@BOTH
async def test_the_header_names_the_key_of_the_alerts_and_notices_are_no_alarm(size):
    hub = FakeHub([])
    hub.alerts.more = [of_no_integration("pairs")]
    async with shown(hub, size=size) as screen:
        assert "1 notice A" in screen.text() and "alert" not in screen.text()
        hub.alerts.more = [of_no_integration("pairs", "warning")]
        hub.touch()
        await screen.until(lambda: "1 alert A" in screen.text(), "the warning was never shown")


async def test_at_eighty_columns_an_alert_has_its_count_and_its_state():
    async with shown(size=COMPACT) as screen:
        await screen.press("A")
        assert "Count" in screen.text() and "State" in screen.text() and " open" in screen.text()

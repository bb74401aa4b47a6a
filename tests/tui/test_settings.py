"""The lines of the settings pane, without a screen."""

from dataclasses import replace

from fake_hub import MAILCHIMP, _items, shop

from perkstar_tui.tui.panes.settings import Setting, settings_of

VIEW = next(view for view in shop() if view.id == MAILCHIMP)
ITEM = next(item for item in _items() if item.name == "mailchimp")


def lines(kinds: tuple[str, ...], /, **options: str) -> dict[str, Setting]:
    found = settings_of(replace(VIEW, options=options), replace(ITEM, events=kinds))
    return {setting.key: setting for setting in found}


def test_loyalty_events_are_offered_where_they_can_be_told_and_their_days_once_some_are() -> None:
    kinds = ("birthday", "inactive")
    assert "events" not in lines(())
    off = lines(kinds)
    assert (off["events"].value, off["events"].words, off["events"].may_be_none) == ("", "none", True)
    assert "inactive_days" not in off
    some = lines(kinds, events="birthday", inactive_days="60")
    assert (some["events"].words, some["inactive_days"].value) == ("birthday", "60")
    assert lines(kinds, events="yes")["events"].value == "birthday,inactive"
    assert list(lines(kinds, events="yes")).count("events") == 1

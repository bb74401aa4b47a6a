"""The lines of the settings pane, without a screen."""

from dataclasses import replace

from fake_hub import MAILCHIMP, _items, shop

from perkstar_tui.hub.views import OptionView
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


def test_the_full_compare_is_offered_where_changes_are_told_and_a_schedule_runs() -> None:
    telling = replace(ITEM, compares=True)
    view = replace(VIEW, options={})
    line = {s.key: s for s in settings_of(view, telling)}["full_compare"]
    assert (line.value, line.words) == ("nightly", "every night")
    assert [value for value, _ in line.choices] == ["nightly", "weekly", "never"]
    seldom = settings_of(replace(view, options={"full_compare": "weekly"}), telling)
    assert [s.words for s in seldom if s.key == "full_compare"] == ["once a week"]
    for other in (settings_of(replace(view, frequency="manual"), telling), settings_of(view, ITEM)):
        assert "full_compare" not in {s.key for s in other}


OPTIONS = (
    OptionView("books", "Loyalty in the books", "yes enters a journal.", "no", ("yes", "no"), False, False),
    OptionView("point_value", "Worth of a point", "Such as 0.01.", "", (), True, False),
    OptionView("webhook_key", "Webhooks key", "Shown beside the address.", "", (), False, True),
)


def own(**options: str) -> dict[str, Setting]:
    found = settings_of(replace(VIEW, options=options), replace(ITEM, options=OPTIONS))
    return {setting.key: setting for setting in found}


def test_every_option_of_a_platform_is_there_before_it_is_set() -> None:
    lines = own(webhook_key="")
    assert [(lines[o.name].label, lines[o.name].help) for o in OPTIONS] == [
        (o.label, o.help) for o in OPTIONS
    ]
    assert [lines[o.name].words for o in OPTIONS] == ["no", "–", "not given yet"]
    assert [value for value, _ in lines["books"].choices] == ["yes", "no"] and lines["point_value"].number


def test_an_option_that_is_set_is_one_line_with_its_value_and_a_secret_is_dots() -> None:
    lines = own(books="yes", webhook_key="••••••••", location="High St")
    assert (lines["books"].value, lines["books"].words) == ("yes", "yes")
    assert (lines["webhook_key"].value, lines["webhook_key"].words) == ("", "••••••••")
    assert lines["location"].help == "An option of Mailchimp."

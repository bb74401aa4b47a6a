"""Details by their keys: six tabs, each live, each with what one came for."""

from dataclasses import replace
from datetime import timedelta

import pytest
from fake_hub import ENDPOINT, HOSTILE, MAILCHIMP, NOW, SALESFORCE, SHOPIFY, SQUARE, FakeHub, stock
from showing import BOTH, COMPACT, WIDE, Shown, shown

from perkstar_tui.hub import views as v
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.tui.screens.details import DetailsScreen
from perkstar_tui.tui.screens.record import RecordScreen
from perkstar_tui.tui.widgets.table import PagedTable, Table

DETAILS = ("down", "down", "enter")


def details(screen: Shown) -> DetailsScreen:
    found = next(each for each in screen.app.screen_stack if isinstance(each, DetailsScreen))
    assert isinstance(found, DetailsScreen)
    return found


def log_table(screen: Shown) -> PagedTable:
    return details(screen).query_one("#log-table", PagedTable)


@BOTH
async def test_what_is_wrong_stands_first_with_its_key(size):
    async with shown(size=size) as screen:
        await screen.press(*DETAILS)
        head = " ".join(screen.text().split("1 Overview")[0].split())
        assert "▲ Error" in head and "3 customers were refused" in head and "! see which ones" in head


@BOTH
async def test_the_overview_tells_connection_state_health_and_runs(size):
    async with shown(size=size) as screen:
        await screen.press(*DETAILS)
        for words in ("Bean & Leaf, High St", "next sync in 3 min", "18,204 records"):
            assert words in screen.text(), words
        await screen.press("G", "end")
        for words in ("61 Degraded", "38/40", "webhook"):
            assert words in screen.text(), words


@BOTH
async def test_digits_choose_the_tabs_and_each_stays_as_it_was_left(size):
    async with shown(size=size) as screen:
        await screen.press(*DETAILS)
        for number, title in enumerate(
            ("Overview", "Mapping", "Runs", "Log", "Records", "Health", "Settings"), 1
        ):
            await screen.press(str(number))
            assert f"[{number} {title}]" in screen.text()
        await screen.press("4", "down", "down")
        here = log_table(screen).cursor_id
        await screen.press("1", "4")
        assert log_table(screen).cursor_id == here


async def test_brackets_go_to_the_neighbours_and_keep_the_tab():
    async with shown() as screen:
        await screen.press(*DETAILS, "3", "right_square_bracket")
        assert details(screen).view.id == SHOPIFY
        assert "[3 Runs]" in screen.text()
        await screen.press("left_square_bracket", "left_square_bracket", "left_square_bracket")
        assert details(screen).view.id == SALESFORCE


async def test_a_pause_from_elsewhere_shows_at_the_top():
    async with shown() as screen:
        await screen.press(*DETAILS)
        screen.hub.pause(SQUARE)
        await screen.until(lambda: "‖ Paused" in screen.text(), "the pause was not shown")
        assert "p resume" in screen.text()


async def test_a_disconnected_one_is_left_for_the_list():
    async with shown() as screen:
        await screen.press("down", "enter", "x", '"Mailchimp', "enter")
        assert screen.hub.asked("disconnect") == [((MAILCHIMP, ""), {})]
        assert screen.screen == "MainScreen"


# -- log


async def test_the_log_is_read_by_page_and_the_last_of_a_million_is_one_key_away():
    hub = FakeHub()
    hub.more_entries = 1_000_000
    async with shown(hub) as screen:
        await screen.press(*DETAILS, "4")
        assert "1,000,240 entries" in screen.text()
        await screen.press("G")
        await screen.until(lambda: "Entry 1000239" in screen.text(), "the end was not read")
        assert len(hub.asked("log")) < 8


async def test_new_entries_come_in_above_while_the_cursor_and_the_scroll_stay():
    async with shown(size=COMPACT) as screen:
        await screen.press(*DETAILS, "4", "pagedown", "pagedown", "pagedown")
        table, here = log_table(screen), log_table(screen).cursor_id
        row = table.cursor - int(table.scroll_y)

        screen.hub.entries.insert(0, replace(screen.hub.entries[0], id="log_01Z", message="Brand new"))
        screen.hub.touch()
        await screen.until(lambda: table.total == 241, "the new entry did not come")
        await screen.settle()
        assert table.cursor_id == here
        assert table.cursor - int(table.scroll_y) == row


async def test_F_follows_the_newest_and_moving_away_ends_it():
    async with shown() as screen:
        await screen.press(*DETAILS, "4", "down", "F")
        assert "● following" in screen.text()

        screen.hub.entries.insert(0, replace(screen.hub.entries[0], id="log_01Z", message="Brand new"))
        screen.hub.touch()
        await screen.until(
            lambda: "Brand new" in screen.text().split("Entry  log")[1], "the newest is not looked at"
        )
        await screen.press("down")
        assert "following" not in screen.text()


@BOTH
@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"credential_renews": True}, "renews itself"),
        ({}, "does not expire"),
        ({"credential_expires": NOW + timedelta(days=3)}, "ends in 3"),
    ],
)
async def test_the_overview_says_how_long_the_credential_lasts(size, facts, words):
    hub = FakeHub()
    hub.change(MAILCHIMP, **facts)
    async with shown(hub, size) as screen:
        await screen.press("down", "enter")
        [line] = (line for line in screen.text().splitlines() if "Credential " in line)
        assert words in line


@BOTH
@pytest.mark.parametrize(("minutes", "words"), [(4, "through in 4 min"), (-4, ""), (None, "")])
async def test_a_run_that_goes_on_says_when_it_will_be_through(size, minutes, words):
    hub = FakeHub()
    ends = None if minutes is None else NOW + timedelta(minutes=minutes, seconds=30)
    hub.change(MAILCHIMP, running=True, progress_done=412, progress_total=2310, ends_at=ends)
    async with shown(hub, size) as screen:
        await screen.press("down", "enter")
        [line] = (line for line in screen.text().splitlines() if "syncing, " in line)
        assert "412/2,310" in line and words in line and ("through" in line) == bool(words)


@BOTH
async def test_one_that_never_ran_names_the_keys_that_begin(size):
    hub = FakeHub()
    hub.change(MAILCHIMP, next_sync=None, last_sync=None, last_success=None)
    async with shown(hub, size) as screen:
        await screen.press("down", "enter")
        assert "s starts the first sync, w shows what it would do" in " ".join(screen.text().split())
        assert "waits for a first preview (w) or sync (s)" in screen.text()
        hub.change(MAILCHIMP, frequency="manual")
        await screen.until(lambda: "synced by hand only" in screen.text(), "the frequency is not said")


async def test_the_overview_says_what_is_allowed_only_where_that_is_known():
    hub = FakeHub()
    hub.change(MAILCHIMP, scopes=())
    async with shown(hub) as screen:
        await screen.press("enter")
        assert "Allowed     customers.read" in screen.text()
        await screen.press("right_square_bracket")
        assert "Mailchimp account" in screen.text() and "Allowed" not in screen.text()


@BOTH
async def test_the_address_that_is_entered_at_a_platform_is_copied(size):
    address = "https://shop.example/hooks/int_1/secret"
    async with shown(size=size) as screen:
        await screen.press(*DETAILS, "c")
        assert not any("address" in said for said in screen.said())
        screen.hub.views[:] = [replace(view, hook_address=address) for view in screen.hub.views]
        screen.hub.touch()
        await screen.until(
            lambda: "copies the address to enter in" in screen.text(), "the address is not offered"
        )
        await screen.press("c")
        await screen.until(
            lambda: any("the address for" in said for said in screen.said()), "nothing is copied"
        )


@BOTH
async def test_angle_signs_jump_between_the_errors_of_the_log(size):
    async with shown(size=size) as screen:
        await screen.press(*DETAILS, "4")
        table = log_table(screen)
        await screen.until(lambda: bool(table.cursor_id), "no entry is shown")
        shown_all = screen.hub.log(None, limit=10_000).items
        below = [entry.id for entry in shown_all[table.cursor + 1 :] if entry.level == "error"]
        for error in below[:3]:
            await screen.press("greater_than_sign")
            await screen.until(lambda error=error: table.cursor_id == error, "no jump to the next error")
        await screen.press("less_than_sign")
        await screen.until(lambda: table.cursor_id == below[1], "no jump back")
        await screen.press("end")
        await screen.until(lambda: table.cursor_id == shown_all[-1].id, "the end is not reached")
        await screen.press("greater_than_sign")
        await screen.until(
            lambda: screen.said() and "No older error" in screen.said()[-1], "the end is not said"
        )


@BOTH
async def test_the_log_is_filtered_and_searched_and_esc_takes_it_back(size):
    async with shown(size=size) as screen:
        await screen.press(*DETAILS, "4", "f", "right", "right", "escape")
        assert screen.hub.asked("log")[-1][1]["level"] == "error"
        assert "level error" in screen.text()
        await screen.press("slash", '"Customer 5', "enter")
        assert screen.hub.asked("log")[-1][1]["text"] == "Customer 5"
        await screen.until(lambda: log_table(screen).total < 20, "it was not searched")
        await screen.press("escape", "escape")
        assert screen.screen == "DetailsScreen"
        assert log_table(screen).total == 240
        await screen.press("escape")
        assert screen.screen == "MainScreen"


@BOTH
async def test_an_entry_is_told_in_full_below(size):
    async with shown(size=size) as screen:
        await screen.press(*DETAILS, "4")
        below = screen.text().split("Entry  log_")[1]
        for words in ("What happened", "Correct the number, then retry.", "still stands", "next in 48 min"):
            assert words in below, words


async def test_b_copies_a_bundle_o_opens_the_record_and_r_retries_that_one():
    async with shown() as screen:
        await screen.press(*DETAILS, "4", "b")
        assert screen.app.clip and screen.app.clip.text == '{"entry": "log_01K09999"}'
        await screen.press("r")
        assert screen.hub.asked("retry") == [((SQUARE, ("cus_01J00000",)), {})]
        await screen.press("o")
        assert screen.screen == "RecordScreen"
        assert "+447700900100" in screen.text()


async def test_W_wraps_long_messages_and_keeps_the_cursor():
    async with shown(size=COMPACT) as screen:
        await screen.press(*DETAILS, "4", "down", "down")
        here = log_table(screen).cursor_id
        await screen.press("W")
        assert "INVALID_PHONE_NUMBER" in "".join(screen.text().split())
        assert log_table(screen).cursor_id == here


async def test_hostile_log_texts_are_text():
    async with shown() as screen:
        await screen.press(*DETAILS, "4", "down", "down")
        assert "[bold red]Evil[/]" in screen.text()
        assert not any(sign in screen.text() for sign in "\x1b\x07\u202e\u200b")
        assert HOSTILE not in screen.text()


async def test_a_question_that_fails_is_told_and_the_rest_goes_on():
    hub = FakeHub()
    hub.fail["log"] = PerkstarError(ErrorKind.INTERNAL, "The store is busy.", remedy="Try again.")
    async with shown(hub) as screen:
        await screen.press(*DETAILS, "4")
        assert "The store is busy. Try again." in screen.said()
        await screen.press("3")
        assert "128 runs" in screen.text()


# -- runs, records


async def test_a_run_opens_with_everything_it_counted():
    async with shown() as screen:
        await screen.press(*DETAILS, "3", "enter")
        for words in ("To Perkstar", "created", "held" if False else "failed", "Calls", "1.2 s"):
            assert words in screen.text(), words


@BOTH
async def test_the_three_lists_are_complete_and_counted(size):
    async with shown(size=size) as screen:
        await screen.press(*DETAILS, "5")
        assert (
            "in step 51" in screen.text() and "left out 6" in screen.text() and "failing 3" in screen.text()
        )
        await screen.press("f", "down", "down", "enter")
        assert screen.hub.asked("records")[-1][1]["state"] in ("left_out", "failing", "in_step")
        assert "[○ left out 6]" in screen.text()
        assert "Neither an e-mail address nor a phone number." in screen.text()


@BOTH
async def test_exclamation_mark_shows_what_is_failing_and_why(size):
    async with shown(size=size) as screen:
        await screen.press(*DETAILS, "exclamation_mark")
        assert "[▲ failing 3]" in screen.text()
        assert "Ann Lee: The phone number is not valid in GB." in screen.text()
        await screen.press("r")
        assert screen.hub.asked("retry") == [((SQUARE, ("cus_01J00000",)), {})]


@BOTH
async def test_a_record_shows_both_sides_what_differs_and_why(size):
    async with shown(size=size) as screen:
        await screen.press(*DETAILS, "5", "enter")
        text = " ".join(screen.text().split())
        assert "+447700900100 07700 900" in text
        assert "not valid in GB" in text and "tried again in 48 min" in text
        await screen.press("y")
        assert screen.app.clip and screen.app.clip.text == "cus_01J00000"
        await screen.press("r")
        assert screen.hub.asked("retry") == [((SQUARE, ("cus_01J00000",)), {})]
        await screen.press("escape")
        assert screen.screen == "DetailsScreen"


async def test_z_gives_a_field_the_value_that_lost_a_conflict():
    async with shown() as screen:
        row = screen.hub.rows[0]
        screen.hub.settled = [
            v.ConflictView(
                "cfl_1", SQUARE, row.id, row.name, "last_name", "Lee", "Here", "There", "perkstar", NOW
            )
        ]
        screen.app.push_screen(RecordScreen(row.id))
        await screen.until(lambda: "Here won over There" in screen.text(), "the conflict is not shown")
        await screen.press("z")
        assert screen.hub.asked("undo_conflict") == [(("cfl_1",), {})]
        await screen.until(lambda: "won over" not in screen.text(), "the settled conflict is still shown")
        assert any("other value again" in sentence for sentence in screen.said())


async def test_records_are_searched():
    async with shown() as screen:
        await screen.press(*DETAILS, "5", "slash", '"dana', "enter")
        assert "Dana Fox" in screen.text() and "Ann Lee" not in screen.text()
        assert "1 shown" in screen.text()


# -- mapping


@BOTH
async def test_the_mapping_shows_fields_ways_and_checks(size):
    async with shown(size=size) as screen:
        await screen.press(*DETAILS, "2")
        assert "custom.perkstar_points" in screen.text()
        assert "→" in screen.text() and "⇄" in screen.text()
        assert "mostly empty" in screen.text()


async def test_a_line_is_changed_by_enter_kept_and_undone():
    async with shown() as screen:
        await screen.press(
            *DETAILS, "2", "down", "enter", "down", "down", "enter", "down", "enter", "G", "enter"
        )
        kept = screen.hub.asked("set_mapping")[-1][0][1]
        assert [line.direction for line in kept if line.remote == "phone_number"] == ["to-platform"]
        assert len(kept) == 7
        await screen.press("z")
        assert [line.direction for line in screen.hub.lines[SQUARE] if line.remote == "phone_number"] == [
            "both"
        ]


async def test_a_line_is_added_from_the_platforms_own_fields():
    async with shown() as screen:
        await screen.press(*DETAILS, "2", "plus", "G", "enter")
        assert "The Perkstar field is still missing." in screen.text()
        await screen.press("g", "enter", '"jjjjjjjjj', "enter", "down", "enter", "enter", "G", "enter")
        kept = screen.hub.asked("set_mapping")[-1][0][1]
        assert (kept[-1].hub, kept[-1].remote, kept[-1].label) == ("city", "address.city", "City")


async def test_a_field_is_written_when_the_platform_cannot_be_asked():
    hub = FakeHub()
    hub.fail["mapping_choices"] = PerkstarError(ErrorKind.NETWORK, "No answer.")
    async with shown(hub) as screen:
        await screen.press(
            *DETAILS, "2", "plus", "enter", "enter", "down", "enter", '"own.field', "enter", "G", "enter"
        )
        assert hub.asked("set_mapping")[-1][0][1][-1].remote == "own.field"


async def test_asterisk_adds_what_the_platforms_fields_suggest():
    async with shown() as screen:
        await screen.press(*DETAILS, "2", "asterisk")
        assert "suggested: same name" in screen.text()
        await screen.press("enter")
        assert screen.hub.asked("set_mapping")[-1][0][1][-1].remote == "company_name"


async def test_a_required_line_cannot_be_removed_and_others_can_be_and_come_back():
    async with shown() as screen:
        await screen.press(*DETAILS, "2", "minus")
        assert "cannot be left out" in screen.said()[-1]
        assert not screen.hub.asked("set_mapping")
        await screen.press("down", "minus")
        assert len(screen.hub.lines[SQUARE]) == 6
        await screen.press("z")
        assert len(screen.hub.lines[SQUARE]) == 7


# -- settings


@BOTH
async def test_a_setting_is_chosen_in_words_and_undone(size):
    async with shown(size=size) as screen:
        await screen.press(*DETAILS, "7", "down", "down", "down", "down", "enter", "down", "enter")
        assert screen.hub.asked("edit") == [((SQUARE, {"direction": "to-platform"}), {})]
        await screen.press("z")
        assert screen.hub.asked("edit")[-1] == ((SQUARE, {"direction": "both"}), {})


async def test_another_transform_is_kept_once_it_was_seen_on_real_records():
    async with shown() as screen:
        await screen.press(*DETAILS, "2", "enter", "down", "down", "down", "enter")
        assert "each word with a capital letter" in screen.text()
        await screen.press("G", "enter")
        assert "Fields in braces" in screen.text()
        await screen.press('"{first_name} {last_name}', "enter")
        assert "template:{first_name}" in screen.text()
        await screen.press("down", "down", "enter")
        assert screen.hub.asked("foresee") and not screen.hub.asked("set_mapping")
        await screen.press("down", "enter")
        ((_, lines), _) = screen.hub.asked("set_mapping")[0]
        assert (lines[0].transform, lines[0].direction) == (
            "template:{first_name} {last_name}",
            "to-platform",
        )


FILTER = (*DETAILS, "7", *["down"] * 8, "enter")


@BOTH
async def test_a_filter_is_kept_once_it_was_seen_what_it_would_do(size):
    async with shown(size=size) as screen:
        await screen.press(*FILTER, '"country is not empty', "enter")
        assert "10,411 instead of 9,599" in screen.text() and screen.hub.asked("edit") == []
        # Enter alone leaves it: a filter can take customers away.
        await screen.press("enter")
        assert screen.hub.asked("edit") == []
        await screen.press("enter", '"country is not empty', "enter", "down", "enter")
        settings = {"filter_to_platform": "country is not empty"}
        assert screen.hub.asked("edit") == [((SQUARE, settings), {})]
        await screen.press("z")
        assert screen.hub.asked("edit")[-1] == ((SQUARE, {"filter_to_platform": ""}), {})


async def test_a_change_that_was_seen_can_be_left():
    async with shown() as screen:
        await screen.press(*FILTER, '"country is empty', "enter", "escape")
        assert screen.hub.asked("foresee") and screen.hub.asked("edit") == []


async def test_a_filter_that_is_wrong_says_why_and_can_be_written_on():
    async with shown() as screen:
        await screen.press(*FILTER, '"contry is empty', "enter")
        assert "Did you mean country?" in screen.text() and not screen.said()
        assert "contry is empty" in screen.text()
        assert screen.hub.asked("edit") == []


async def test_daily_asks_for_a_time_and_a_wrong_one_is_refused_with_the_remedy():
    async with shown() as screen:
        frequency = [*DETAILS, "7", "down", "down", "down", "down", "down", "enter", "down", "down", "enter"]
        await screen.press(*frequency)
        for _ in "03:00":
            await screen.pilot.press("backspace")
        await screen.press('"noon', "enter")
        assert "Use realtime, hourly, daily@HH:MM or manual." in screen.said()[-1]
        assert screen.hub._find(SQUARE).frequency == "realtime"


def _with_options() -> FakeHub:
    hub = FakeHub()
    options = (
        v.OptionView(
            "books", "Loyalty in the books", "yes enters a journal.", "no", ("yes", "no"), False, False
        ),
        v.OptionView("point_value", "Worth of a point", "Such as 0.01.", "", (), True, False),
        v.OptionView("webhook_key", "Webhooks key", "Shown beside the address.", "", (), False, True),
    )
    hub.items = [replace(item, options=options) if item.name == "square" else item for item in hub.items]
    hub.change(SQUARE, options={"webhook_key": ""}, data=("customers",))
    return hub


async def test_an_option_that_was_never_set_is_chosen_and_its_help_is_shown():
    async with shown(_with_options()) as screen:
        await screen.press(*DETAILS, "7", *["down"] * 10)
        assert "Loyalty in the books: yes enters a journal." in screen.text()
        await screen.press("enter", "up", "enter")
        assert screen.hub.asked("edit") == [((SQUARE, {"books": "yes"}), {})]
        await screen.press("z")
        assert screen.hub.asked("edit")[-1] == ((SQUARE, {"books": "no"}), {})


@BOTH
async def test_a_number_is_checked_while_it_is_typed_and_a_secret_is_hidden(size):
    async with shown(_with_options(), size) as screen:
        await screen.press(*DETAILS, "7", *["down"] * 11, "enter", '"penny', "enter")
        assert "'penny' is no number." in screen.text() and not screen.hub.asked("edit")
        await screen.press(*["backspace"] * 5, '"0.01', "enter")
        assert screen.hub.asked("edit") == [((SQUARE, {"point_value": "0.01"}), {})]
        await screen.press("down", "enter", '"verysecret')
        assert "verysecret" not in screen.text() and "Shown beside the address." in screen.text()
        await screen.press("enter")
        assert screen.hub.asked("edit")[-1] == ((SQUARE, {"webhook_key": "verysecret"}), {})
        # What the key was is not known to the screen, so there is nothing to put back.
        await screen.press("z")
        assert screen.hub.asked("edit")[-1] == ((SQUARE, {"point_value": ""}), {})


async def test_data_types_are_taken_and_left_by_space():
    async with shown() as screen:
        await screen.press(*DETAILS, "7", "down", "down", "down", "enter", "down", "space", "enter")
        assert screen.hub.asked("edit") == [((SQUARE, {"data": "customers"}), {})]


async def test_earlier_settings_can_be_put_back():
    hub = FakeHub()
    hub.change(SQUARE, config_version=2)
    async with shown(hub) as screen:
        await screen.press(*DETAILS, "7", "G", "enter")
        assert "frequency: hourly → realtime" in screen.text()
        await screen.press("down", "enter")
        assert hub.asked("rollback") == [((SQUARE, 1), {})]
        await screen.press("z")
        assert hub.asked("rollback")[-1] == ((SQUARE, 2), {})


async def test_read_only_shows_everything_and_changes_nothing():
    async with shown(read_only=True) as screen:
        await screen.press(*DETAILS)
        for tab, keys in (("2", ("enter", "plus", "minus", "asterisk")), ("7", ("enter",)), ("4", ("r",))):
            for key in keys:
                await screen.press(tab, key)
                assert "read-only" in screen.said()[-1], (tab, key)
                assert screen.screen == "DetailsScreen"
        assert not any(screen.hub.asked(act) for act in ("set_mapping", "edit", "retry", "suggest_mapping"))


@pytest.mark.parametrize("tab", ["2", "3", "4", "5", "6", "7"])
async def test_no_table_is_wider_than_the_screen(tab):
    for size in (WIDE, COMPACT):
        async with shown(size=size) as screen:
            await screen.press(*DETAILS, tab)
            assert max(len(line) for line in screen.text().splitlines()) <= size[0]
            for table in details(screen).query(Table):
                assert table.count


async def test_help_follows_the_tab():
    async with shown() as screen:
        await screen.press(*DETAILS, "4")
        ids = {key.id for key in details(screen).working_keys()}
        assert {"bundle", "follow", "wrap", "record", "filter"} <= ids
        await screen.press("2")
        ids = {key.id for key in details(screen).working_keys()}
        assert {"line_add", "line_suggest"} <= ids and not {"bundle", "follow"} & ids


# -- an endpoint of one's own
@BOTH
async def test_an_endpoint_shows_its_deliveries_and_one_in_full_as_plain_text(size):
    async with shown(FakeHub(stock()), size) as screen:
        await screen.press("enter", "8")
        assert "[8 Deliveries]" in screen.text()
        for words in ("waits 1", "taken 1", "given up 1", "customer.updated", "503"):
            assert words in screen.text(), words
        await screen.press("enter")
        await screen.until(lambda: "Body" in screen.text(), "the body never came")
        await screen.press("G")
        assert "[red]busy" in screen.text()


async def test_what_is_failing_at_an_endpoint_is_its_deliveries():
    async with shown(FakeHub(stock())) as screen:
        await screen.press("enter", "exclamation_mark")
        assert "[8 Deliveries]" in screen.text()


@BOTH
async def test_what_waits_at_an_endpoint_is_called_deliveries_not_records(size):
    hub = FakeHub(stock())
    hub.change(ENDPOINT, counts=v.Counts(linked=4, failed=2))
    async with shown(hub, size) as screen:
        if size == WIDE:
            assert "2 not taken" in screen.text()
        await screen.press("enter")
        assert "0 given up, 2 not taken" in screen.text()
        await screen.press("5")
        assert "What it was told is in tab 7 (Deliveries)." in screen.text()


async def test_what_fails_at_an_endpoint_leads_from_the_list_to_its_deliveries():
    async with shown(FakeHub(stock())) as screen:
        await screen.press("exclamation_mark")
        assert "[8 Deliveries]" in screen.text()


async def test_deliveries_are_told_again_one_or_all_that_were_given_up():
    hub = FakeHub(stock())
    async with shown(hub) as screen:
        await screen.press("enter", "8", "down", "d")
        await screen.until(lambda: bool(hub.asked("redeliver")), "nothing was told again")
        assert hub.asked("redeliver") == [((ENDPOINT, ("msg_0002",)), {"dead": False})]
        await screen.press("D")
        await screen.until(lambda: len(hub.asked("redeliver")) == 2, "not all were told again")
        assert hub.asked("redeliver")[1] == ((ENDPOINT, ()), {"dead": True})


async def test_deliveries_are_filtered_and_escape_shows_all_again():
    hub = FakeHub(stock())
    async with shown(hub) as screen:
        await screen.press("enter", "8", "f", "G", "enter")
        await screen.until(lambda: "sale.created" not in screen.text(), "nothing was filtered")
        assert "given up" in screen.text()
        await screen.press("escape")
        await screen.until(lambda: "sale.created" in screen.text(), "all never came back")


async def test_only_endpoints_have_an_eighth_tab():
    async with shown() as screen:
        await screen.press(*DETAILS, "8")
        assert "[1 Overview]" in screen.text() and "Deliveries" not in screen.text()


@BOTH
async def test_a_run_opens_with_every_record_that_it_changed_before_and_after(size):
    async with shown(size=size) as screen:
        await screen.press(*DETAILS, "3", "enter", "G")
        for words in ("240 records", "Dana Fox", "07700 900104 → +44770", "+12 points", "--changes"):
            assert words in screen.text(), words
        assert HOSTILE not in screen.text()


@BOTH
async def test_z_takes_the_run_at_the_cursor_back_after_saying_what_goes_back_and_what_stays(size):
    async with shown(size=size) as screen:
        await screen.press(*DETAILS, "3", "z")
        for words in ("Take this run of Square", "Goes back", "07700 900104", "Stays, each with its reason",
                      "changed since by hand", "Way back"):  # fmt: skip
            assert words in screen.text(), words
        await screen.press("enter")
        assert [more["dry_run"] for _, more in screen.hub.asked("undo_run")] == [True]
        await screen.press("z", "down", "enter")
        assert screen.hub.asked("undo_run")[-1][1] == {
            "dry_run": False,
            "outward": False,
            "archive_created": False,
        }
        assert screen.said()[-1].startswith("Taken back: 1 field and 1 customer; 1 stays.")


async def test_what_a_run_sent_is_taken_back_only_when_that_line_is_chosen():
    async with shown() as screen:
        await screen.press(*DETAILS, "3", "z", "down", "down", "enter")
        assert screen.hub.asked("undo_run")[-1][1]["outward"] is True


async def test_a_record_shows_every_side_the_one_it_was_opened_from_first():
    class Two(FakeHub):
        """Each record is at Mailchimp too; with an integration only its own side is told, as commands have it."""

        def record(self, any_id_or_email, name_or_id=None, *, fresh=False):
            found = super().record(any_id_or_email, name_or_id, fresh=fresh)
            (square,) = found.platforms
            other = replace(square, integration_id=MAILCHIMP, integration_name="Mailchimp", remote_id="mc_1")
            return replace(found, platforms=(square,) if name_or_id else (other, square))

    async with shown(Two()) as screen:
        await screen.press(*DETAILS, "5", "enter")
        text = screen.text()
        assert "All sides" in text and "mc_1" in text
        heads = [line for line in text.splitlines() if "mc_1" in line or "Square · High St sq" in line]
        assert "mc_1" in heads[-1]


async def test_what_the_platforms_answered_stays_with_the_time_at_which_they_were_asked():
    class Fresh(FakeHub):
        """Square answers when it is asked."""

        def record(self, any_id_or_email, name_or_id=None, *, fresh=False):
            found = super().record(any_id_or_email, name_or_id, fresh=fresh)
            look = v.FreshLook(NOW, ("email",), (("sq_77", "Ann"),), "there") if fresh else None
            return replace(found, platforms=tuple(replace(side, fresh=look) for side in found.platforms))

    async with shown(Fresh()) as screen:
        await screen.press(*DETAILS, "5", "enter", "t")
        assert "asked at 12:41:00 by email: sq_77 Ann" in screen.text()
        assert screen.said()[-1] == "The platforms have answered."
        screen.hub.touch()
        await screen.until(lambda: len(screen.hub.asked("record")) > 4, "it was never read again")
        await screen.settle()
        assert "asked at 12:41:00" in screen.text()


async def test_a_preview_lists_the_plans_that_are_kept_and_how_each_is_carried_out():
    async with shown() as screen:
        await screen.press("down", "w")
        assert "--plan pln_01J1" in screen.text()


async def test_the_line_at_the_cursor_stays_in_view_where_more_words_take_room_from_the_settings():
    async with shown(size=COMPACT) as screen:
        await screen.press(*DETAILS, "7")
        table = details(screen).query_one("#settings-table", Table)
        heights = set()
        for key in (*["down"] * (table.count - 1), *["up"] * (table.count - 1)):
            await screen.press(key)
            heights.add(table.size.height)
            line = table.cursor - int(table.scroll_y)
            assert 0 <= line < table.size.height - table.header, table.cursor_id
        assert len(heights) > 1

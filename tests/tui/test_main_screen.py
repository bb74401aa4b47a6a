"""The main screen by its keys: what each does, what it refuses, and that it stays still while everything moves."""

import threading

import pytest
from fake_hub import (
    ENDPOINT,
    HUBSPOT,
    MAILCHIMP,
    NOW,
    SALESFORCE,
    SHOPIFY,
    SQUARE,
    WEBHOOK,
    FakeHub,
    integration,
    stock,
)
from showing import BOTH, COMPACT, WIDE, shown
from textual.widgets import Input

from perkstar_tui.hub import views as v
from perkstar_tui.tui.widgets.catalog import CatalogBlock
from perkstar_tui.tui.widgets.integrations import IntegrationsTable
from perkstar_tui.tui.widgets.painted import Painted
from perkstar_tui.tui.widgets.tiles import KeyTile


def table(screen) -> IntegrationsTable:
    return screen.app.screen_stack[0].query_one(IntegrationsTable)


# -- what is shown


async def test_the_four_areas_stand_in_their_order():
    async with shown() as screen:
        text = screen.text()
        areas = ["1 Plan and capacity", "2 API key", "3 Active integrations", "4 Add integration"]
        assert [text.index(area) for area in areas] == sorted(text.index(area) for area in areas)
        assert "Professional Plan: 5 of 10 integrations used" in text


@BOTH
async def test_every_status_is_told_by_sign_and_word(size):
    async with shown(size=size) as screen:
        for words in ("● Active", "▲ Error", "‖ Paused", "↻ Reconnect Required"):
            assert words in screen.text()


@BOTH
async def test_a_run_is_shown_beside_the_status_never_instead_of_it(size):
    async with shown(size=size) as screen:
        row = next(line for line in screen.text().splitlines() if "Salesforce" in line and "…" in line)
        assert "● Active" in row
        assert ("412/2,310" if size == WIDE else "17%") in row


async def test_signs_have_ascii_stand_ins():
    async with shown(ascii=True) as screen:
        assert screen.text().isascii()
        assert "! Error" in screen.text()


@BOTH
async def test_what_is_wrong_is_said_for_the_row_at_the_cursor_with_its_key(size):
    async with shown(size=size) as screen:
        await screen.press("down", "down")
        assert "3 customers were refused" in screen.text()
        assert "! see which ones" in " ".join(screen.text().split())


async def test_the_frame_is_painted_before_the_hub_is_open():
    hub, gate = FakeHub(), threading.Event()

    def slowly() -> FakeHub:
        gate.wait(20)
        return hub

    async with shown(hub, open=slowly, wait=False) as screen:
        await screen.until(lambda: "Plan and capacity" in screen.text(), "no frame was painted")
        assert not screen.app.is_open
        gate.set()
        await screen.until(lambda: "Salesforce" in screen.text(), "the shop never came")


async def test_a_hub_that_cannot_be_opened_is_told_with_the_way_out():
    def broken() -> FakeHub:
        raise OSError("disk is full")

    async with shown(open=broken, wait=False) as screen:
        await screen.until(lambda: screen.screen == "TroubleScreen", "no trouble was shown")
        await screen.until(lambda: "disk is full" in screen.text(), "the reason was not told")
        assert "perkstar doctor" in screen.text()


async def test_the_event_loop_never_calls_the_hub():
    async with shown() as screen:
        await screen.press("down", "s", "l", "escape", "enter", "5", "escape", "w", "escape")
        assert screen.hub.threads
        assert all(name.startswith("screen") for name in screen.hub.threads)


async def test_hostile_names_are_text_and_keep_the_grid():
    hub = FakeHub()
    hub.change(MAILCHIMP, name="[red]日本\x1b[2J\u202e e\u0301\x07‮x")
    async with shown(hub) as screen:
        lines = screen.text().splitlines()
        assert "[red]日本[2J e\u0301x" in screen.text()
        assert not any(sign in screen.text() for sign in "\x1b\x07\u202e")
        plain = next(line for line in lines if "Shopify" in line and "Paused" in line)
        odd = next(line for line in lines if "日本" in line)
        # Two wide signs take four cells and a combining mark none, so the string is one sign shorter.
        assert odd.index("int_") == plain.index("int_") - 2 + 1


async def test_below_sixty_by_twenty_a_sentence_says_so_and_nothing_is_lost():
    async with shown() as screen:
        await screen.press("down", "down")
        await screen.pilot.resize_terminal(58, 18)
        await screen.until(lambda: "60 columns and 20" in screen.text(), "nothing was said")
        assert "Salesforce" not in screen.text()
        await screen.pilot.resize_terminal(*COMPACT)
        await screen.until(lambda: "Salesforce" in screen.text(), "the table did not come back")
        assert table(screen).cursor_id == SQUARE


# -- live, and still


@BOTH
async def test_a_pause_from_elsewhere_shows_while_cursor_and_dialog_stay(size):
    async with shown(size=size) as screen:
        await screen.press("down", "p")
        assert screen.screen == "ImpactSheet"
        screen.hub.pause(SQUARE)
        await screen.press("escape")
        await screen.until(lambda: screen.text().count("‖ Paused") == 2, "the pause was not shown")
        assert table(screen).cursor_id == MAILCHIMP


async def test_an_open_dialog_stays_while_the_rows_behind_it_change():
    async with shown() as screen:
        await screen.press("down", "x")
        screen.hub.change(SALESFORCE, progress_done=900)
        await screen.until(
            lambda: "x" and screen.hub.number == 2 and screen.app._seen == 2, "the change was not seen"
        )
        assert screen.screen == "ImpactSheet"
        await screen.press("escape")
        await screen.until(lambda: "900/2,310" in screen.text(), "the count did not move")


async def test_the_cursor_follows_its_row_when_rows_come_and_go_above_it():
    async with shown() as screen:
        await screen.press("down", "down")
        screen.hub.views.insert(0, integration("int_01A000000000000000000000AA", "Aardvark", "xero", "Xero"))
        screen.hub.touch()
        await screen.until(lambda: "Aardvark" in screen.text(), "the new row did not come")
        assert table(screen).cursor_id == SQUARE
        assert table(screen).cursor == 3


async def test_scroll_stays_when_a_row_changes_far_down():
    views = [integration(f"int_{n:026d}", f"Shop {n:03d}", "square", "Square") for n in range(80)]
    async with shown(FakeHub(views), COMPACT) as screen:
        await screen.press("G", "k", "k")
        before = table(screen).scroll_y
        screen.hub.change(views[77].id, status="error", status_reason="Broken.")
        await screen.until(lambda: "▲ Error" in screen.text(), "the error was not shown")
        assert table(screen).scroll_y == before > 0
        assert table(screen).cursor_id == views[77].id


async def test_equal_rows_are_ordered_by_id_and_never_swap():
    views = [integration(f"int_{n:026d}", "Same", "square", "Square") for n in (3, 1, 2)]
    async with shown(FakeHub(views)) as screen:
        await screen.press("comma", "enter")
        first = table(screen).ids()
        assert first == sorted(first)
        screen.hub.views.reverse()
        screen.hub.touch()
        await screen.until(lambda: screen.app._seen == screen.hub.number, "the change was not seen")
        await screen.settle()
        assert table(screen).ids() == first


async def test_held_still_shows_no_change_until_it_is_let_go():
    async with shown() as screen:
        await screen.press("full_stop")
        screen.hub.pause(MAILCHIMP)
        await screen.until(lambda: screen.app._seen == screen.hub.number, "the change was not seen")
        await screen.settle()
        assert screen.text().count("‖ Paused") == 1
        assert "held still" in screen.text()
        await screen.press("full_stop")
        await screen.until(lambda: screen.text().count("‖ Paused") == 2, "the pause was not shown")


async def test_only_the_cells_that_changed_are_painted_again():
    async with shown() as screen:
        painted = []
        rows = table(screen)
        plain = rows.refresh
        rows.refresh = lambda *regions, **more: painted.append(regions) or plain(*regions, **more)
        screen.hub.change(SALESFORCE, progress_done=413)
        await screen.until(lambda: "413/2,310" in screen.text(), "the count did not move")
        regions = [region for call in painted for region in call]
        assert regions
        assert all(region.height == 1 and region.width < 40 for region in regions)


# -- acts on the row


@BOTH
async def test_s_syncs_the_row(size):
    async with shown(size=size) as screen:
        await screen.press("down", "s")
        assert screen.hub.asked("sync") == [((MAILCHIMP,), {"full": False})]
        await screen.until(lambda: screen.text().count("⟳") == 2, "the run was not shown")


@BOTH
async def test_p_pauses_after_the_sheet_and_z_takes_it_back(size):
    async with shown(size=size) as screen:
        await screen.press("down", "p")
        assert "Resume goes on from the same place" in screen.text()
        assert not screen.hub.asked("pause")
        await screen.press("enter")
        assert screen.hub.asked("pause") == [((MAILCHIMP, ""), {})]
        assert "z undoes it" in screen.said()[-1]
        await screen.press("z")
        assert screen.hub.asked("resume") == [((MAILCHIMP,), {})]


@BOTH
async def test_p_resumes_a_paused_one_at_once_and_the_last_line_says_so(size):
    async with shown(size=size) as screen:
        await screen.press("down", "down", "down")
        assert "p resume" in screen.text()
        await screen.press("p")
        assert screen.hub.asked("resume") == [((SHOPIFY,), {})]


@BOTH
async def test_a_full_resync_begins_on_leaving_it(size):
    async with shown(size=size) as screen:
        await screen.press("down", "S", "enter")
        assert not screen.hub.asked("sync")
        await screen.press("S", "down", "enter")
        assert screen.hub.asked("sync") == [((MAILCHIMP,), {"full": True})]


@BOTH
async def test_a_run_that_stopped_before_a_mass_change_goes_on_by_a_decision_only(size):
    async with shown(size=size) as screen:
        screen.hub.change(MAILCHIMP, status="error", status_code="mass_change", name="Stopped")
        await screen.until(lambda: "Stopped" in screen.text(), "the change has not come")
        await screen.press("down", "s", "enter")
        assert not screen.hub.asked("sync")
        await screen.press("s", "down", "enter")
        assert screen.hub.asked("sync") == [((MAILCHIMP,), {"full": False, "accept_mass_change": True})]


@BOTH
async def test_an_export_is_offered_before_a_disconnect_and_the_sheet_stays(size):
    async with shown(size=size) as screen:
        await screen.press("down", "x")
        assert "exports customers first" in screen.text()
        await screen.press("ctrl+o")
        await screen.until(
            lambda: "1,204 customers written to" in screen.text(), "nothing is said of the export"
        )
        assert screen.hub.asked("export_to") and not screen.hub.asked("disconnect")


@BOTH
async def test_disconnect_needs_the_name_typed_and_no_other_key_does_it(size):
    async with shown(size=size) as screen:
        await screen.press("down", "x")
        assert "All records stay" in screen.text()
        await screen.press("x", "enter")
        assert "That is not Mailchimp." in screen.text()
        assert not screen.hub.asked("disconnect")
        await screen.press("backspace", '"Mailchimp', "tab", '"moved', "shift+tab", "enter")
        assert screen.hub.asked("disconnect") == [((MAILCHIMP, "moved"), {})]
        await screen.until(
            lambda: "Mailchimp  " not in screen.text().split("Add integration")[0], "it is still there"
        )


async def test_escape_leaves_a_sheet_and_nothing_has_happened():
    async with shown() as screen:
        for key in ("p", "S", "x", "R", "u", "n", "f", "comma", "K", "t", "question_mark"):
            await screen.press("down", key)
            assert len(screen.app.screen_stack) == 2, key
            await screen.press("escape")
            assert len(screen.app.screen_stack) == 1, key
        acts = ("pause", "sync", "disconnect", "reconnect", "edit", "replace_key", "set_plan")
        assert not any(screen.hub.asked(act) for act in acts)


@BOTH
async def test_R_takes_a_new_credential_and_goes_on(size):
    async with shown(size=size) as screen:
        await screen.press("G", "R", "enter", '"newkey', "enter")
        assert screen.hub.asked("reconnect") == [((HUBSPOT, {"access_token": "newkey"}), {})]
        assert "goes on where it stood" in screen.said()[-1]


async def test_R_keeps_the_address_of_an_endpoint_that_only_gets_a_new_secret():
    hub = FakeHub(stock())
    hub.items.append(WEBHOOK)
    async with shown(hub) as screen:
        await screen.press("R")
        assert screen.text().count("Left empty, it stays as it is.") == 2
        await screen.press("enter", '"whsec', "enter")
        assert hub.asked("reconnect") == [((ENDPOINT, {"secret": "whsec"}), {})]


@BOTH
@pytest.mark.parametrize(
    ("key", "opens"),
    [
        ("enter", "1 Overview"),
        ("l", "4 Log"),
        ("m", "2 Mapping"),
        ("e", "7 Settings"),
        ("exclamation_mark", "5 Records"),
    ],
)
async def test_keys_that_open_the_details(size, key, opens):
    async with shown(size=size) as screen:
        await screen.press("down", "down", key)
        assert f"[{opens}]" in screen.text()
        assert "Square · High St" in screen.text()
        await screen.press("escape")
        while screen.screen != "MainScreen":
            await screen.press("escape")
        assert table(screen).cursor_id == SQUARE


async def test_exclamation_mark_shows_what_else_ails_when_the_row_is_well():
    async with shown() as screen:
        await screen.press("down", "exclamation_mark")
        assert screen.screen == "AlertsScreen" and "Reconnect required" in screen.text()


async def test_exclamation_mark_goes_to_the_first_that_ails_where_no_alert_stands():
    async with shown() as screen:
        screen.hub.alerts.acked = {f"alt_{view.id[4:]}" for view in screen.hub.views}
        screen.hub.touch()
        await screen.until(lambda: "no alerts" in screen.text(), "the alerts stayed")
        await screen.press("down", "exclamation_mark")
        assert "Square · High St" in screen.text()
        assert "[▲ failing 3]" in screen.text()


async def test_t_tests_the_connection_and_names_what_mends_it():
    async with shown() as screen:
        await screen.press("G", "t")
        assert "HubSpot refuses it." in screen.text()
        assert "Reconnect it (R)." in screen.text()


@BOTH
async def test_w_previews_both_sides_and_s_carries_it_out(size):
    async with shown(size=size) as screen:
        await screen.press("down", "w")
        assert "1 created" in screen.text()
        assert "Priya Nair" in screen.text()
        assert "+447700900104" in screen.text()
        await screen.press("s")
        assert screen.hub.asked("sync") == [((MAILCHIMP,), {"full": False})]
        assert screen.screen == "MainScreen"


async def test_a_preview_is_kept_by_one_key_and_carried_out_exactly_by_another():
    async with shown() as screen:
        await screen.press("down", "w", "H")
        assert screen.hub.asked("keep_plan") == [((MAILCHIMP,), {})]
        assert screen.said()[-1].endswith(f"perkstar sync {MAILCHIMP} --plan pln_01J1")
        await screen.press("E")
        assert screen.hub.asked("sync") == [((MAILCHIMP,), {"full": False, "plan": "pln_01J1"})]
        assert screen.screen == "MainScreen"


async def test_a_preview_can_be_left_while_it_reads():
    hub = FakeHub()
    hub.hold = threading.Event()
    async with shown(hub) as screen:
        await screen.pilot.press("w")
        await screen.until(lambda: "Reading both sides" in screen.text(), "it does not say what it waits for")
        await screen.pilot.press("escape")
        await screen.until(lambda: screen.screen == "MainScreen", "it could not be left")
        hub.hold.set()


async def test_n_keeps_a_note_and_z_takes_it_back():
    async with shown() as screen:
        await screen.press("down", "n", '"till', "enter")
        assert screen.hub.asked("edit") == [((MAILCHIMP, {"purpose": "till"}), {})]
        await screen.press("z")
        assert screen.hub.asked("edit")[-1] == ((MAILCHIMP, {"purpose": ""}), {})


async def test_an_error_of_an_act_is_said_with_its_remedy():
    async with shown() as screen:
        await screen.press("down", "down", "down", "s")
        assert screen.said()[-1] == "Shopify is paused. Resume it first (p)."


# -- several at once


@BOTH
async def test_space_selects_and_one_sheet_acts_on_all_of_them(size):
    async with shown(size=size) as screen:
        await screen.press("space", "space", "p")
        assert "2 integrations" in screen.text()
        assert "Salesforce, Mailchimp" in screen.text()
        await screen.press("enter")
        assert [args[0] for args, _ in screen.hub.asked("pause")] == [SALESFORCE, MAILCHIMP]
        assert not table(screen).marked
        await screen.press("z")
        assert [args[0] for args, _ in screen.hub.asked("resume")] == [SALESFORCE, MAILCHIMP]


async def test_disconnecting_several_wants_their_number_typed():
    async with shown() as screen:
        await screen.press("space", "space", "x", '"Salesforce', "enter")
        assert not screen.hub.asked("disconnect")
        for _ in "Salesforce":
            await screen.pilot.press("backspace")
        await screen.press('"disconnect 2', "enter")
        assert [args[0] for args, _ in screen.hub.asked("disconnect")] == [SALESFORCE, MAILCHIMP]


# -- search, filter, sort


@BOTH
async def test_search_finds_by_part_of_name_id_and_status_and_nearly_right_names(size):
    async with shown(size=size) as screen:
        for text, found in (
            ("squ", [SQUARE]),
            ("paused", [SHOPIFY]),
            ("t9zz", [HUBSPOT]),
            ("salesforse", [SALESFORCE]),
        ):
            await screen.press("slash", f'"{text}')
            assert table(screen).ids() == found, text
            assert "1 of 5" in screen.text()
            await screen.press("escape")
            assert len(table(screen).ids()) == 5


async def test_a_search_is_kept_by_enter_and_over_a_look_at_the_details():
    async with shown() as screen:
        await screen.press("slash", '"squ', "enter", "enter", "escape")
        assert table(screen).ids() == [SQUARE]
        await screen.press("escape")
        assert len(table(screen).ids()) == 5


@BOTH
async def test_f_filters_by_status_and_esc_takes_it_off(size):
    async with shown(size=size) as screen:
        await screen.press("f", "down", "down", "enter")
        assert table(screen).ids() == [SQUARE]
        assert "filter: error" in screen.text()
        await screen.press("escape")
        assert len(table(screen).ids()) == 5


@BOTH
async def test_comma_sorts_by_a_column_and_it_is_kept_over_restarts(size):
    hub = FakeHub()
    async with shown(hub, size) as screen:
        await screen.press("comma", "enter")
        names = [screen.hub._find(id_).name for id_ in table(screen).ids()]
        assert names == sorted(names, key=str.casefold)
        await screen.press("comma", "enter")
    async with shown(hub, size) as screen:
        names = [hub._find(id_).name for id_ in table(screen).ids()]
        assert names == sorted(names, key=str.casefold, reverse=True)


# -- the key, the plan, the catalog


async def test_the_key_is_masked_shown_on_v_and_hidden_again_by_itself():
    async with shown() as screen:
        screen.app.secret_seconds = 0.05
        assert screen.hub.key_text not in screen.text()
        await screen.press("v")
        assert screen.hub.asked("reveal_key")
        tile = screen.one("#key")
        assert isinstance(tile, KeyTile)
        await screen.until(lambda: tile.clear_text is None, "the key stays in clear")
        assert screen.hub.key_text not in screen.text()


@BOTH
async def test_c_copies_the_key_says_by_which_way_and_v_shows_it_alone(size):
    async with shown(size=size) as screen:
        await screen.press("c")
        assert screen.said()[-1] == "Copied the API key by the terminal (OSC 52). Empty? v shows it."
        assert screen.app.clip and screen.app.clip.text == screen.hub.key_text
        await screen.press("v")
        assert screen.hub.key_text in screen.text().splitlines()[1]
        await screen.press("escape")
        assert screen.screen == "MainScreen"


async def test_y_copies_the_id():
    async with shown() as screen:
        await screen.press("down", "y")
        assert screen.app.clip and screen.app.clip.text == MAILCHIMP


async def test_K_takes_a_new_key_only_when_it_works():
    async with shown() as screen:
        await screen.press("K", '"wrong', "enter")
        assert "does not accept" in screen.text()
        assert screen.screen == "KeySheet"
        for _ in "wrong":
            await screen.pilot.press("backspace")
        await screen.press('"psk_live_newkey9999', "enter")
        assert screen.hub.key_text == "psk_live_newkey9999"
        await screen.until(lambda: "9999" in screen.text(), "the tile shows the old key")


@BOTH
async def test_u_offers_the_longest_unused_first_and_goes_on_to_its_sheet(size):
    async with shown(size=size) as screen:
        await screen.press("u")
        lines = [line for line in screen.text().splitlines() if "Disconnect " in line]
        assert "HubSpot" in lines[0]
        await screen.press("enter")
        assert "Type HubSpot to disconnect" in screen.text()


async def test_the_plan_can_be_moved_up_and_back():
    async with shown() as screen:
        await screen.press("u", "G", "enter")
        assert screen.hub.asked("set_plan") == [(("business",), {})]
        await screen.until(lambda: "Business Plan: 5 of 20" in screen.text(), "the tile shows the old plan")
        await screen.press("z")
        assert screen.hub.asked("set_plan")[-1] == (("professional",), {})


async def test_digits_go_to_the_areas_and_the_catalog_is_walked_by_arrows():
    async with shown() as screen:
        for key, id_ in (("1", "plan"), ("2", "key"), ("4", "catalog"), ("3", "integrations")):
            await screen.press(key)
            assert screen.app.focused and screen.app.focused.id == id_
        await screen.press("4", "right", "down")
        block = screen.one("#catalog")
        assert isinstance(block, CatalogBlock)
        assert block.name_at == "constant-contact"
        await screen.press("enter")
        assert "planned and not available yet" in screen.said()[-1]


async def test_question_mark_on_a_platform_shows_its_guide():
    async with shown() as screen:
        await screen.press("4", "right", "question_mark")
        assert "Keeps customers the same in HubSpot and Perkstar." in screen.text()
        assert "190 calls in 10 seconds." in screen.text()


async def test_a_local_account_has_no_key_to_copy_and_offers_none():
    hub = FakeHub()
    hub.local = True
    async with shown(hub) as screen:
        assert "No key" in screen.text()
        await screen.press("question_mark")
        assert "copy key" not in screen.text()
        await screen.press("escape", "c")
        assert not hub.asked("reveal_key")


# -- rules for all keys


async def test_escape_never_quits_and_q_does():
    async with shown() as screen:
        await screen.press("escape", "escape", "escape")
        assert screen.app.is_running and screen.screen == "MainScreen"
        await screen.pilot.press("q")
        await screen.pilot.pause()
        assert screen.app._exit


async def test_read_only_refuses_every_act_and_says_so():
    async with shown(read_only=True) as screen:
        assert "read-only" in screen.text()
        for key in ("s", "S", "p", "R", "x", "r", "n", "a"):
            await screen.press("down", key)
            assert screen.screen == "MainScreen", key
            assert "read-only" in screen.said()[-1], key
        await screen.press("z")
        acts = (
            "sync",
            "pause",
            "resume",
            "reconnect",
            "disconnect",
            "edit",
            "retry",
            "connect",
            "start_runner",
        )
        assert not any(screen.hub.asked(act) for act in acts)
        assert " sync " not in screen.text().splitlines()[-1]


async def test_help_lists_the_keys_that_work_here_and_no_others():
    async with shown() as screen:
        main = screen.app.screen
        listed = {key.id for key in main.working_keys()}
        assert {"open", "sync", "pause", "add", "copy_key", "palette", "help", "quit"} <= listed
        assert not listed & {
            "bundle",
            "follow",
            "line_add",
            "copy_link",
            "tab_1",
            "next_step",
            "undo",
            "guide",
        }
        await screen.press("question_mark")
        sheet = screen.app.screen.query_one("#sheet VerticalScroll Painted", Painted).plain_text
        assert all(key.help in sheet for key in main.working_keys())


async def test_the_palette_finds_an_act_by_its_name_and_does_it():
    async with shown() as screen:
        await screen.press("down", "colon", '"resync')
        await screen.until(lambda: "Full resync" in screen.text(), "it was not found")
        await screen.pilot.press("enter")
        await screen.until(lambda: screen.screen == "ImpactSheet", "it was not done")
        assert "Read everything" in screen.text()


async def test_the_palette_lists_the_error_codes():
    async with shown() as screen:
        await screen.press("colon", '"error codes')
        await screen.until(lambda: "What each means" in screen.text(), "it was not found")
        await screen.pilot.press("enter")
        await screen.until(lambda: "credential_refused" in screen.text(), "the codes were not shown")


async def test_a_key_of_ones_own_does_the_act_and_the_last_line_shows_it():
    async with shown(remap={"sync": "ctrl+s"}) as screen:
        assert "Ctrl+S sync" in screen.text().splitlines()[-1]
        await screen.press("down", "ctrl+s")
        assert screen.hub.asked("sync")
        await screen.press("s")
        assert len(screen.hub.asked("sync")) == 1


async def test_a_key_given_to_two_acts_is_named_at_the_start():
    async with shown(remap={"sync": "p", "fly": "f"}) as screen:
        said = " ".join(screen.said())
        assert "Key p means both 'sync' and 'pause' in main." in said
        assert "There is no act 'fly' to give a key to." in said


async def test_the_mouse_opens_a_row_and_sorts_by_a_title():
    async with shown() as screen:
        await screen.pilot.click(IntegrationsTable, offset=(10, 3))
        await screen.settle()
        assert table(screen).cursor_id == SQUARE
        await screen.pilot.click(IntegrationsTable, offset=(10, 0))
        await screen.settle()
        assert table(screen).sorted_by == ("name", False)
        await screen.pilot.click(IntegrationsTable, offset=(10, table(screen).cursor + 1))
        await screen.settle()
        assert screen.screen == "DetailsScreen"


async def test_a_change_of_theme_recolours_and_keeps_the_place():
    async with shown() as screen:
        await screen.press("down")
        screen.app.switch_theme()
        await screen.settle()
        assert screen.app.theme == "perkstar-light"
        assert table(screen).cursor_id == MAILCHIMP


async def test_a_name_is_typed_into_fields_and_does_not_act():
    async with shown() as screen:
        await screen.press("slash", '"spx')
        field = screen.one("#search Input")
        assert isinstance(field, Input) and field.value == "spx"
        assert not screen.hub.asked("sync")


def test_the_shop_is_what_the_door_promises():
    from perkstar_tui.hub.door import HubDoor

    promised = {name for name in vars(HubDoor) if not name.startswith("_")}
    assert promised <= set(dir(FakeHub()))
    assert isinstance(FakeHub().account(), v.AccountView)
    assert NOW.tzinfo is not None

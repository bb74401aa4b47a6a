"""What people were hurt by who keep two systems in step with a program, and the tests by which it can't happen here.

Whoever connects a shop to something else has the same accidents everywhere: data wiped by the sync itself, a green sign
over records that are missing, mails to people who had said no, points given twice, one person made into two, a token
that dies of its own renewal. Each accident below is one that was suffered and complained about in public, again and
again; beside it stands what holds in this program instead, and which tests would fail if it ceased to hold.

The table is checked against the files: a test that is renamed, moved, skipped or taken away leaves its promise without
a proof, and fails here.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

TESTS = Path(__file__).parent


class Promise(NamedTuple):
    """One accident that can't happen: its number, what holds instead, and the tests that prove it."""

    number: int
    holds: str
    tests: tuple[str, ...]


PROMISES = (
    # Data lost or wiped by the sync itself
    Promise(
        1, "A resume goes on with the same cursor and the same agreed values: it writes nothing of its own.",
        (
            "e2e/test_acts.py::test_pause_and_resume_cost_no_extra_write",
            "sync/test_run.py::test_pausing_stops_a_running_run_at_a_page_and_resuming_costs_no_extra_write",
            "hub/test_reconnecting.py::test_the_same_account_goes_on_from_its_cursor_without_a_write",
            "hub/test_loops.py::test_many_that_go_round_pause_the_integration_and_resuming_goes_on",
        ),
    ),
    Promise(
        2, "A read that failed, or that saw only a part, takes nobody away.",
        (
            "sync/test_guards.py::test_a_read_that_breaks_off_makes_nobody_gone",
            "sync/test_guards.py::test_an_unreachable_platform_changes_nothing_on_either_side",
            "contract/test_exports.py::test_a_file_with_fewer_rows_than_were_counted_proves_nobody_gone",
            "contract/test_platforms.py::test_a_cut_off_first_read_goes_on_where_it_stood",
        ),
    ),
    Promise(
        3, "Absence counts only after everything was read, and then each is asked for by its id.",
        (
            "sync/test_run.py::test_gone_at_the_vendor_is_believed_only_after_a_complete_read_and_not_made_again",
            "hub/test_comparing.py::test_one_that_breaks_off_is_tried_again_the_next_night_only",
            "platforms/test_walks.py::test_a_sweep_called_complete_has_everybody_who_stayed",
            "platforms/test_perkstar.py::test_a_list_that_never_stands_still_is_not_called_complete",
        ),
    ),
    Promise(
        4, "A list that is suddenly empty, or another account behind the same name, stops and asks.",
        (
            "sync/test_guards.py::test_a_list_that_is_suddenly_empty_stops_the_run_and_takes_nothing_away",
            "hub/test_reconnecting.py::test_another_account_stops_and_asks_and_nothing_is_changed_anywhere",
        ),
    ),
    Promise(
        5, "Before anything is taken away it is said of what, how many, why, and how it comes back.",
        (
            "hub/test_impacts.py::test_it_says_which_how_many_what_stops_what_stays_and_the_way_back",
            "hub/test_impacts.py::test_reading_everything_again_promises_to_erase_nothing_and_does_not",
            "tui/test_main_screen.py::test_disconnect_needs_the_name_typed_and_no_other_key_does_it",
            "tui/test_main_screen.py::test_a_run_that_stopped_before_a_mass_change_goes_on_by_a_decision_only",
            "tui/test_details_screen.py::test_z_takes_the_run_at_the_cursor_back_after_saying_what_goes_back_and_what_stays",
            "tui/test_duplicates_screen.py::test_enter_says_what_a_merge_does_and_enter_again_leaves_them",
        ),
    ),
    Promise(
        6, "A whole run is taken back field by field, from the values before it.",
        (
            "e2e/test_undo.py::test_a_run_that_took_wrong_names_is_undone_and_both_sides_are_as_before",
            "e2e/test_undo.py::test_customers_that_a_run_made_are_put_away_and_no_later_run_makes_them_again",
            "e2e/test_undo.py::test_what_was_edited_since_stays_and_is_named_and_the_undo_itself_is_undone",
            "hub/test_undoing.py::test_an_undo_that_breaks_off_at_its_end_has_changed_nothing",
        ),
    ),
    Promise(
        7, "Everything can be seen beforehand, and what is shown is what is run.",
        (
            "e2e/test_undo.py::test_a_first_sync_by_plan_makes_exactly_what_was_shown_and_nothing_is_left_for_the_next",
            "e2e/test_undo.py::test_what_was_changed_since_the_preview_is_skipped_and_named_and_what_is_new_is_not_touched",
            "e2e/test_undo.py::test_sales_are_credited_by_plan_as_shown_and_a_newer_one_waits_for_the_next_sync",
            "tui/test_main_screen.py::test_a_preview_is_kept_by_one_key_and_carried_out_exactly_by_another",
        ),
    ),
    # A green sign over records that are missing
    Promise(
        8, "What was committed behind the cursor is read again shortly after, and looked for each night.",
        (
            "platforms/test_square.py::test_changes_are_read_from_shortly_before_the_cursor",
            "platforms/test_hubspot.py::test_changes_shortly_before_the_cursor_are_read_again",
            "hub/test_comparing.py::test_what_the_cursor_stepped_over_is_found_at_night_and_said",
            "hub/test_comparing.py::test_a_sale_that_was_booked_behind_the_cursor_is_found_and_earns_once",
            "hub/test_comparing.py::test_every_other_run_costs_what_it_did",
            "sync/test_guards.py::test_a_run_that_meets_its_own_writes_writes_nothing",
        ),
    ),
    Promise(
        9, "Of any record the program says why it is not there, with the one cause and what mends it.",
        (
            "hub/test_why.py::test_the_cause_is_the_conclusion_with_what_mends_it",
            "hub/test_why.py::test_what_is_there_is_said_to_be_there",
            "e2e/test_queue.py::test_why_names_what_became_of_a_record_at_the_platform",
        ),
    ),
    Promise(
        10, "Both sides are counted, and the lists of what differs are complete, each with its reason.",
        (
            "e2e/test_queue.py::test_the_lists_and_the_sandbox_know_of_the_same_records",
            "hub/test_lists.py::test_the_lists_are_complete_after_anything",
            "hub/test_lists.py::test_what_differs_is_what_the_engine_would_do_about_it",
            "hub/test_lists.py::test_sales_have_their_lists_too",
        ),
    ),
    Promise(
        11, "A sync says how far it is and when it ends; one that stands still is told; what waits says for what.",
        (
            "hub/test_progress.py::test_a_first_sync_says_how_far_it_is_and_when_it_will_be_through",
            "tui/test_details_screen.py::test_a_run_that_goes_on_says_when_it_will_be_through",
            "hub/alerts/test_conditions.py::test_each_history_has_its_alerts",
            "hub/test_health.py::test_a_history_has_its_score_its_word_its_sentence_and_its_key",
            "hub/test_lists.py::test_a_sale_is_explained",
            "sync/test_run.py::test_a_customer_without_what_the_platform_needs_is_left_out_with_the_reason_and_sent_once_it_is_there",
        ),
    ),
    Promise(
        12, "A run is a success only if what was planned is what was written and what was refused.",
        (
            "sync/test_ends.py::test_what_was_planned_is_what_was_written_and_what_was_refused",
            "sync/test_ends.py::test_a_platform_that_leaves_answers_out_is_no_success_and_nothing_is_doubled",
            "sync/test_ends.py::test_a_platform_that_breaks_off_in_a_batch_is_no_success_and_the_next_run_finishes",
            "contract/test_platforms.py::test_a_record_that_the_answer_leaves_out_is_not_taken_for_written",
            "e2e/test_every_fault.py::test_after_trouble_a_platform_ends_in_step",
        ),
    ),
    Promise(
        13, "How a deletion is learnt is said for each platform, and whoever is gone there is kept here.",
        (
            "platforms/test_guides.py::test_it_says_how_a_deletion_is_learnt_and_what_is_done",
            "platforms/test_guides.py::test_when_it_is_learnt_is_when_it_can_be",
            "contract/test_platforms.py::test_a_record_that_is_deleted_there_is_noticed",
            "e2e/test_edits.py::test_a_record_archived_at_the_vendor_is_kept_here_and_not_made_there_again",
            "sync/test_guards.py::test_who_is_gone_there_is_kept_here_though_a_mass_change_was_accepted",
        ),
    ),
    # Consent
    Promise(
        14, "Consent goes down by itself and never up: a yes needs a proof with its date and source.",
        (
            "properties/test_records.py::test_consent_rises_only_with_a_proof_and_a_no_is_never_undone",
            "properties/test_compare.py::test_consent_never_rises_there_without_proof_and_a_no_is_never_undone",
            "platforms/test_mailchimp.py::test_who_unsubscribed_is_never_subscribed_again",
            "hub/test_merging.py::test_consent_only_goes_down_and_a_proof_goes_along",
            "hub/test_undoing.py::test_fields_customers_and_points_go_back_and_a_withdrawn_consent_is_not_raised",
            "sync/test_run.py::test_a_mass_change_is_stopped_before_the_first_write_and_goes_on_when_accepted",
        ),
    ),
    Promise(
        15, "A first run waits for a look; keys, filters and doubles are known before it, and nobody is mailed.",
        (
            "sync/test_runner.py::test_a_first_run_waits_until_somebody_has_looked",
            "tui/test_connect_screen.py::test_settings_and_mapping_can_be_changed_before_it_is_active",
            "hub/test_foreseeing.py::test_who_would_leave_and_enter_by_name_and_nothing_is_kept",
            "e2e/test_duplicates.py::test_doubles_at_a_vendor_are_reported_before_the_first_sync_and_left_alone",
            "e2e/test_first_syncs.py::test_first_syncs_of_all_three_link_everyone_once_and_credit_each_sale_once",
            "platforms/test_mailchimp.py::test_a_new_member_without_consent_is_sent_nothing",
        ),
    ),
    # Money and points
    Promise(
        16, "A sale stands in the ledger once, however often it is told, and earns once.",
        (
            "e2e/test_changes.py::test_what_a_rule_is_seen_to_give_is_what_is_booked_when_the_same_sales_come_again",
            "e2e/test_every_platform.py::test_sales_of_a_platform_are_credited_once_and_refunds_taken_back_once",
            "e2e/test_webhooks.py::test_sales_and_refunds_come_in_once_with_their_amounts",
            "contract/test_money.py::test_an_operation_whose_answer_is_lost_is_booked_once",
            "hub/test_comparing.py::test_a_sale_that_was_booked_behind_the_cursor_is_found_and_earns_once",
        ),
    ),
    Promise(
        17, "A refund takes back its share of the award as it was booked, once, and never more than there is.",
        (
            "sync/test_pure.py::test_refunds_take_back_the_share_as_booked_and_never_more",
            "sync/test_rules.py::test_a_refund_takes_back_what_the_rules_had_given_whatever_they_say_now",
            "e2e/test_split_bills.py::test_each_part_earns_once_for_who_paid_it_and_a_refund_takes_from_them_alone",
            "e2e/test_store_credit.py::test_what_a_gift_card_paid_earns_or_not_as_the_setting_says",
            "sync/test_pure.py::test_a_sale_earns_by_the_rule",
            "contract/test_money.py::test_too_large_a_reversal_is_refused_with_the_clouds_words",
            "properties/test_undo.py::test_no_card_goes_below_zero_and_no_line_goes_back_by_more_than_it_did",
        ),
    ),
    # Records that belong together
    Promise(
        18, "One person is found by e-mail, then phone; where several could be meant, a person is asked.",
        (
            "sync/test_pure.py::test_first_contact_links_only_what_nothing_contradicts",
            "sync/test_run.py::test_a_familys_shared_phone_links_nobody_wrongly_and_the_lone_record_is_held",
            "sync/test_run.py::test_a_second_remote_record_of_one_customer_is_held_as_duplicate",
            "hub/test_queue.py::test_a_held_match_stands_side_by_side_with_each_who_it_may_be",
        ),
    ),
    Promise(
        19, "One process writes at a time, and what is older never replaces what is newer.",
        (
            "sync/test_run.py::test_a_second_run_at_the_same_moment_is_refused_as_locked",
            "store/test_store.py::test_an_expired_lease_is_taken_over_and_the_old_owner_is_fenced_off",
            "e2e/test_many.py::test_eight_processes_on_one_store_keep_out_of_each_other_s_way",
            "hub/test_inbox.py::test_what_is_older_never_replaces_what_is_newer",
            "e2e/test_webhooks.py::test_an_older_telling_that_comes_late_or_twice_changes_nothing",
        ),
    ),
    Promise(
        20, "Keys have one normal form, and each side goes on showing its own spelling.",
        (
            "sync/test_spellings.py::test_they_meet_and_nothing_is_written_over_a_spelling",
            "sync/test_spellings.py::test_who_comes_with_capital_letters_is_shown_so_and_found_without",
            "model/test_normal.py::test_an_address_is_compared_without_case_and_by_choice_without_its_tag",
            "model/test_normal.py::test_spellings_of_one_number_have_one_key",
        ),
    ),
    Promise(
        21, "Our own echo writes nothing, and a field that goes round is held and said.",
        (
            "hub/test_loops.py::test_what_is_taken_back_three_times_is_held_and_said",
            "hub/test_loops.py::test_a_held_record_is_sent_no_more_and_the_others_are",
            "hub/test_loops.py::test_many_that_go_round_pause_the_integration_and_resuming_goes_on",
            "hub/test_loops.py::test_whoever_changes_a_value_here_again_and_again_is_not_stopped",
            "hub/test_loops.py::test_a_run_that_changed_nothing_here_looks_for_no_loop",
            "sync/test_guards.py::test_a_run_that_meets_its_own_writes_writes_nothing",
            "properties/test_records.py::test_a_plan_applied_twice_changes_nothing",
        ),
    ),
    Promise(
        22, "Unknown, nought and empty are three things, and empty wipes nothing unless it is asked to.",
        (
            "properties/test_records.py::test_a_filled_value_is_never_emptied_unless_the_line_may_clear",
            "properties/test_compare.py::test_empty_never_wipes_a_filled_value_unless_the_line_may_clear",
            "platforms/test_parquet.py::test_what_is_empty_or_missing_is_null_and_a_nought_is_not",
            "contract/test_platforms.py::test_only_what_is_sent_is_changed_and_empty_clears",
        ),
    ),
    Promise(
        23, "A batch that is refused is split until the one at fault stands alone; the rest goes on.",
        (
            "platforms/test_hubspot.py::test_a_batch_refused_whole_is_halved_until_the_culprit_stands_alone",
            "platforms/test_hubspot.py::test_an_error_that_names_no_record_is_found_by_trying_what_is_left",
            "contract/test_platforms.py::test_one_bad_record_holds_up_nobody_and_names_its_field",
            "sync/test_run.py::test_one_rejected_record_is_held_with_field_words_and_remedy_and_the_rest_goes_on",
        ),
    ),
    # Credentials, limits, webhooks
    Promise(
        24, "A token is renewed by one, over all processes; the others take what it brought.",
        (
            "platforms/test_auth.py::test_many_calls_at_once_renew_once",
            "platforms/test_auth.py::test_a_token_renewed_by_another_process_is_taken_without_asking",
            "platforms/test_auth.py::test_after_a_withdrawn_grant_the_store_is_looked_at_once_more",
        ),
    ),
    Promise(
        25, "A grant that is gone is one sentence and one key, whatever the vendor called it.",
        (
            "e2e/test_trouble.py::test_a_revoked_credential_means_reconnect_required_no_further_calls_and_reconnect_goes_on",
            "contract/test_platforms.py::test_a_withdrawn_credential_asks_for_reconnecting",
            "contract/test_platforms.py::test_an_expired_token_is_renewed_in_mid_run",
            "platforms/test_auth.py::test_the_life_of_a_token_is_kept_as_a_moment_however_it_is_told",
            "tui/test_main_screen.py::test_R_takes_a_new_credential_and_goes_on",
        ),
    ),
    Promise(
        26, "A daily limit is waited for, with the place kept and the hour said; only a missed window is told.",
        (
            "sync/test_ends.py::test_a_daily_limit_is_waited_for_with_the_place_kept_and_no_error",
            "sync/test_runner.py::test_what_waits_for_quota_till_tomorrow_is_not_begun_today",
            "hub/test_health.py::test_what_was_stopped_or_waits_for_quota_or_a_person_is_no_failed_run",
            "hub/alerts/test_conditions.py::test_each_history_has_its_alerts",
            "e2e/test_trouble.py::test_a_rate_limit_is_obeyed_and_no_record_fails",
        ),
    ),
    Promise(
        27, "A delivery is stored before it is answered, and once; one that never came is found at night.",
        (
            "hub/test_taking_deliveries.py::test_it_is_stored_before_it_is_answered_and_a_run_is_asked_for",
            "hub/test_taking_deliveries.py::test_one_that_cannot_be_stored_is_not_answered_as_taken",
            "hub/test_taking_deliveries.py::test_the_same_one_many_times_at_the_same_instant_is_stored_once",
            "contract/test_webhooks.py::test_a_repeat_has_the_id_of_the_first_and_another_change_has_not",
            "hub/test_comparing.py::test_what_the_cursor_stepped_over_is_found_at_night_and_said",
        ),
    ),
    Promise(
        28, "A delivery is judged by its bytes, by old and new secret; a refused one names the likely causes.",
        (
            "hub/test_taking_deliveries.py::test_a_signature_is_over_the_bytes_as_they_came",
            "hub/test_taking_deliveries.py::test_old_and_new_secret_are_good_while_one_takes_the_others_place",
            "hub/test_taking_deliveries.py::test_an_app_secret_that_a_reconnect_brings_signs_from_then_on",
            "hub/test_taking_deliveries.py::test_a_body_that_a_proxy_changed_is_refused_with_the_likely_causes",
            "e2e/test_webhooks.py::test_two_secrets_are_both_good_while_one_takes_the_others_place",
            "contract/test_webhooks.py::test_a_forged_delivery_is_refused",
        ),
    ),
    # Living with it
    Promise(
        29, "Trouble is told where nobody looks at a screen; all like it are tried again at once, and nothing twice.",
        (
            "e2e/test_alerts.py::test_runs_that_go_on_failing_are_one_mail_by_cron_too",
            "hub/alerts/test_sending.py::test_a_failing_integration_is_one_mail_and_one_when_it_is_over",
            "e2e/test_queue.py::test_all_like_it_are_settled_once_that_was_answered",
            "hub/test_queue.py::test_all_like_this_settles_those_and_no_others",
            "contract/test_platforms.py::test_a_create_sent_twice_makes_one_record",
            "sync/test_run.py::test_a_crash_between_the_vendors_answer_and_our_note_makes_nothing_twice",
        ),
    ),
    Promise(
        30, "Every act of the screen is a command with JSON, and a pause stops the run that is going on.",
        (
            "cli/test_every_act.py::test_every_act_of_the_screen_is_a_command_too",
            "cli/test_every_act.py::test_every_command_takes_json_and_fails_in_json",
            "sync/test_run.py::test_pausing_stops_a_running_run_at_a_page_and_resuming_costs_no_extra_write",
            "e2e/test_screen.py::test_a_pause_by_command_shows_within_a_second_and_the_cursor_stays",
        ),
    ),
)  # fmt: skip

LEFT_OUT = {"skip", "skipif", "xfail"}


@cache
def proofs_in(file: Path) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    """The test functions of a file by their names."""
    return {
        node.name: node
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def marks(node: ast.AST) -> Iterator[str]:
    """The names of all marks of pytest's within a decorator or a `pytestmark`."""
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute):
            yield part.attr


@cache
def marks_of_all(file: Path) -> frozenset[str]:
    """The marks that all tests of a file have."""
    return frozenset(
        mark
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.Assign)
        and any(getattr(one, "id", "") == "pytestmark" for one in node.targets)
        for mark in marks(node.value)
    )


def test_every_accident_has_its_row() -> None:
    assert [promise.number for promise in PROMISES] == list(range(1, 31))
    assert all(promise.holds and len(promise.tests) >= 2 for promise in PROMISES)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: str(promise.number))
def test_a_promise_is_kept_by_tests_that_there_are(promise: Promise) -> None:
    assert len(set(promise.tests)) == len(promise.tests)
    for proof in promise.tests:
        name, _, test = proof.partition("::")
        file = TESTS / name
        assert file.is_file(), f"{promise.number}: there is no file {name}"
        assert test in proofs_in(file), f"{promise.number}: {name} has no test {test}"
        own = {mark for decorator in proofs_in(file)[test].decorator_list for mark in marks(decorator)}
        assert not LEFT_OUT & (own | marks_of_all(file)), f"{promise.number}: {proof} does not run"

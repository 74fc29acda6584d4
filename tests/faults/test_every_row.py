"""docs/faults.md as a table of tests: each row of each numbered section is shown by tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "faults.md"

REPLIES = "faults/test_replies.py::test_"
NAMES = "faults/test_names.py::test_"
INPUT = "faults/test_input.py::test_"
SECURITY = "faults/test_security.py::test_"
EACH = "faults/test_replies.py::test_a_reply_that_goes_wrong_comes_to_what_it_must"

ROWS = {
    "1": {
        "status 408": [
            "core/web/test_retry.py::test_a_status_is_tried_again_if_it_is_transient_and_the_method_idempotent",
            f"{REPLIES}a_host_that_recovers_within_the_attempts_gives_its_page",
            f"{REPLIES}a_status_that_may_be_better_next_time_is_an_answer_in_the_end",
            f"{REPLIES}what_will_not_get_better_is_not_tried_again",
        ],
        "429 or 503": [
            f"{REPLIES}a_post_that_a_busy_server_did_not_act_upon_is_sent_again",
            "core/web/test_retry_after.py::test_what_the_server_did_not_act_upon_is_tried_again_whatever_the_method",
        ],
        "`Retry-After` on any status": [
            "core/web/test_retry_after.py::test_any_answer_from_400_on_may_have_a_wish_whether_it_is_tried_again_or_not",
            "core/web/test_retry_after.py::test_a_parked_key_waits_and_no_other_does",
            "fetching/test_parking.py::test_it_is_left_alone_after_a_restart_too",
        ],
        "server closes a kept connection": [
            f"{REPLIES}a_kept_connection_that_is_closed_costs_nobody_an_attempt",
            f"{REPLIES}what_is_not_idempotent_has_a_connection_of_its_own",
        ],
        "full disk": [
            "machine/test_disk.py::test_a_disk_that_fills_stops_the_run_which_can_be_resumed",
            "runs/test_interrupted_runs.py::test_an_input_that_raises_no_exception_drops_what_runs",
            "kill/test_real_process.py::test_killed_ten_times_it_ends_as_if_nobody_had",
        ],
    },
    "2": {
        "blank line": ["source/test_lines.py::test_blank_lines_and_comments_are_no_inputs_and_keep_their_line_numbers"],
        "text that is no URL": [
            f"{INPUT}nothing_is_sent_and_no_name_looked_up_for_what_is_no_url_of_ours",
            f"{INPUT}bytes_that_are_no_text_are_an_outcome_like_any_other",
            f"{SECURITY}nothing_of_the_web_acts_on_a_terminal",
        ],
        "scheme `file`": [f"{INPUT}nothing_is_sent_and_no_name_looked_up_for_what_is_no_url_of_ours"],
        "one host in several spellings": [
            f"{INPUT}one_host_in_many_spellings_has_one_share_and_each_url_stays_as_given",
            f"{INPUT}an_address_in_any_spelling_is_the_same_host",
            f"{INPUT}an_international_name_is_one_host_with_its_punycode",
        ],
        "the same URL twice": [
            "fetching/test_unique.py::test_without_it_every_input_has_its_own",
            "fetching/test_unique.py::test_each_request_is_made_once_and_the_first_input_has_the_outcome",
        ],
        "encodings and packing": [
            "source/test_lines.py::test_the_same_list_written_differently_has_the_same_seqs",
            "source/test_lines.py::test_what_blocks_a_list_comes_in_makes_no_difference",
            "source/test_columns.py::test_the_form_of_a_spreadsheet_in_europe",
            "source/test_zipped.py::test_the_archives_name_or_that_of_the_file_in_it_promises_the_format",
        ],
        "a file that is no list": [
            "source/test_kinds.py::test_a_file_that_is_plainly_no_list_is_refused_when_it_is_opened",
            "source/test_kinds.py::test_a_stream_that_is_plainly_no_list_has_no_rows",
            "cli/test_lists.py::test_what_is_plainly_no_list_stops_before_any_request",
        ],
        "a header that frames": [
            f"{INPUT}a_request_that_cannot_be_sent_is_that_rows_own_fault",
            f"{INPUT}a_host_header_of_a_row_does_not_travel",
            "cli/test_fetch.py::test_what_is_wrong_with_the_call_is_said_before_anything_is_sent",
            "core/web/test_requests.py::test_a_host_header_that_says_something_else_is_refused",
        ],
        "a row with a method": [
            f"{INPUT}a_request_that_cannot_be_sent_is_that_rows_own_fault",
            f"{INPUT}latin_1_is_sent_as_such",
            f"{INPUT}a_row_that_ended_a_run_does_not_end_it_any_more",
        ],
        "names that are not ASCII": [
            "engine/test_letters.py::test_certificates_may_be_in_a_folder_of_any_name",
            "engine/test_letters.py::test_the_credentials_of_a_proxy_are_sent_as_they_were_typed",
            "engine/test_letters.py::test_connect_to_may_be_written_as_a_url_is",
            "cli/test_names_of_files.py::test_a_run_in_a_folder_of_any_name_can_be_gone_on_with",
            "runs/test_manifest.py::test_whatever_is_written_can_be_read_back",
        ],
        "malformed rows": [
            "source/test_tables.py::test_a_quote_is_a_character_in_a_tsv",
            "source/test_tables.py::test_a_stray_quote_in_a_csv_costs_its_own_row_at_most",
            "source/test_tables.py::test_a_broken_row_costs_itself_and_not_the_rows_after_it",
            "source/test_tables.py::test_a_line_break_in_quotes_is_part_of_its_field",
            "source/test_tables.py::test_quotes_that_are_never_closed_take_time_in_proportion_to_the_file",
            "source/test_tables.py::test_a_ragged_row_has_null_for_what_it_lacks_and_keeps_what_is_too_much",
            "source/test_jsonlines.py::test_what_json_does_not_have_is_read_as_python_writes_it",
            "source/test_jsonlines.py::test_bytes_that_are_no_utf_8_cost_a_row_only_if_they_are_in_its_url",
            "source/test_jsonlines.py::test_a_line_that_cannot_be_parsed_shows_its_url_if_it_can_be_read_and_no_more",
            "source/test_columns.py::test_what_is_not_utf_8_is_remarked_on_once_with_its_line",
            "cli/test_lists.py::test_what_json_does_not_have_is_valid_json_in_the_outcome",
        ],
        "a bad row": [
            "source/test_tables.py::test_a_broken_row_costs_itself_and_not_the_rows_after_it",
            "source/test_jsonlines.py::test_a_broken_row_is_a_fault_and_keeps_its_url_and_its_fields",
            "source/test_columnar.py::test_each_row_is_an_input",
            "source/test_columnar.py::test_a_column_that_is_not_there_is_said_when_it_is_opened",
            "cli/test_fetch.py::test_what_is_wrong_with_the_call_is_said_before_anything_is_sent",
        ],
        "an iterator that raises": [
            "public/test_api.py::test_a_run_whose_iterator_fails_keeps_what_it_has_and_goes_on_later",
            "runs/test_interrupted_runs.py::test_an_input_that_raises_no_exception_drops_what_runs",
        ],
        "an iterator that blocks": [
            f"{INPUT}what_never_ends_and_what_blocks_keeps_nobody_waiting",
            "cli/test_processes.py::test_a_signal_lets_what_runs_finish",
            "cli/test_processes.py::test_an_endless_list_into_head_ends_quietly",
        ],
        "an input that changed": [
            "cli/test_resume_and_verify.py::test_a_changed_input_is_refused_unless_forced",
            "runs/test_contents.py::test_any_change_of_a_settled_input_is_found_and_no_other",
            "runs/test_input_changed.py::test_other_items_are_refused_and_what_was_pulled_before_is_kept",
            "runs/test_input_changed.py::test_fewer_items_are_refused",
            "runs/test_input_changed.py::test_forced_it_goes_on_with_what_there_is_and_keeps_to_that",
            "runs/test_input_changed.py::test_a_set_is_refused_before_there_is_a_folder",
        ],
        "user and password": [
            f"{INPUT}a_password_goes_to_its_origin_alone_and_shows_nowhere",
            "cli/test_plan.py::test_passwords_in_the_list_are_not_shown",
        ],
    },
    "3": {
        "DNS:": [
            f"{NAMES}a_name_comes_to_what_it_must",
            f"{NAMES}what_does_not_exist_is_asked_for_once_and_never_tried_again",
            f"{NAMES}all_of_them_at_once_keep_nobody_waiting",
        ],
        "500 addresses": [
            f"{NAMES}of_five_hundred_addresses_only_a_few_are_tried",
            f"{NAMES}an_address_that_is_dead_gives_way_to_one_that_is_not",
        ],
        "a redirect from a public address": [
            "faults/test_guard.py::test_a_redirect_to_an_address_that_is_not_public_is_not_followed_in_any_spelling",
            "faults/test_guard.py::test_what_was_looked_at_is_what_is_connected_to",
            "faults/test_guard.py::test_with_public_only_no_input_may_be_elsewhere_either",
        ],
        "connection refused": ["faults/test_connections.py::test_a_connection_that_goes_wrong_comes_to_what_it_must"],
        "one dead host": [
            "faults/test_breakers.py::test_a_dead_host_with_all_of_its_inputs_costs_a_few_failures",
            "loop/test_breakers.py::test_a_dead_host_costs_a_few_time_outs_and_not_one_for_each_of_its_inputs",
        ],
        "many dead hosts": [
            "core/web/test_outages.py::test_all_mistakes_of_a_run_together_cost_no_more_than_its_patience",
            "loop/test_breakers.py::test_a_fifth_of_dead_hosts_costs_seconds",
            "loop/test_breakers.py::test_dead_hosts_cost_their_patience_once_however_they_are_spread",
            "faults/test_breakers.py::test_a_fifth_of_dead_hosts_costs_no_wait",
        ],
        "the machine runs out": [
            "faults/test_shortage.py::test_a_run_fits_into_64_descriptors",
            "faults/test_shortage.py::test_a_program_that_takes_the_descriptors_costs_no_outcome",
            "faults/test_shortage.py::test_names_that_could_not_be_asked_for_cost_no_outcome",
            "faults/test_shortage.py::test_ports_that_are_used_up_cost_no_outcome",
        ],
        "network or name server down": [
            "faults/test_breakers.py::test_a_resolver_that_fails_for_a_while_costs_nobody_an_outcome",
            "faults/test_breakers.py::test_nor_where_pages_of_hosts_that_are_known_still_come",
            "loop/test_breakers.py::test_a_dead_network_costs_nobody_an_attempt",
        ],
        "TLS:": ["faults/test_tls.py::test_tls_that_goes_wrong_comes_to_what_it_must"],
    },
    "4": {
        "invalid HTTP": [EACH, f"{REPLIES}memory_stays_flat_however_much_is_sent"],
        "HTTP/2:": [
            "faults/test_http2.py::test_a_stream_that_is_reset_is_as_a_connection_that_is",
            "faults/test_http2.py::test_it_is_tried_again_like_one",
            "faults/test_http2.py::test_a_connection_that_is_closed_is_an_empty_reply",
            "faults/test_http2.py::test_what_the_server_says_it_did_not_begin_is_sent_again_at_once",
            "faults/test_http2.py::test_what_is_wanted_over_http_1_is_sent_so_at_once",
            "engine/test_renewal.py::test_a_request_that_a_renewed_connection_refuses_is_sent_again",
            "engine/test_renewal.py::test_a_silent_request_that_a_younger_connection_has_overtaken_is_left_behind",
        ],
        "a POST on a connection": [
            f"{REPLIES}a_post_that_gets_no_answer_is_sent_once",
            f"{REPLIES}what_is_not_idempotent_has_a_connection_of_its_own",
            "faults/test_http2.py::test_a_post_that_is_given_up_is_sent_once",
        ],
        "a second response": [f"{REPLIES}a_response_nobody_asked_for_is_never_given_to_the_next_request"],
        "a header or body that arrives": [f"{REPLIES}a_reply_that_does_not_end_is_over_at_the_deadline"],
        "a response cut short": [EACH, f"{REPLIES}a_response_that_is_not_whole_leaves_no_body"],
        "an endless body": [
            EACH,
            f"{REPLIES}memory_stays_flat_however_much_is_sent",
            "faults/test_peak.py::test_the_peak_of_a_process_is_what_is_stated",
            "core/web/test_codings.py::test_a_zstd_frame_may_not_want_more_memory_than_is_agreed_upon",
        ],
        "a broken content coding": [EACH, f"{REPLIES}a_body_that_cannot_be_decoded_leaves_status_and_headers"],
        "a `Content-Encoding` that is not offered": [
            f"{REPLIES}a_page_is_fetched_whole_whatever_its_form",
            f"{REPLIES}a_coding_that_is_left_on_is_said",
            "core/web/test_codings.py::test_what_is_no_coding_of_ours_stays_on_the_body_and_is_named",
        ],
        "a redirect with a body": [
            f"{REPLIES}a_page_is_fetched_whole_whatever_its_form",
            f"{REPLIES}the_connection_of_a_short_redirect_is_kept",
        ],
        "a redirect with `--no-follow`": [
            f"{REPLIES}a_redirect_that_is_not_to_be_followed_comes_as_it_is",
            "cli/test_fetch.py::test_no_follow_records_each_redirect_as_it_came",
        ],
        "an empty body": [f"{REPLIES}a_page_is_fetched_whole_whatever_its_form"],
        "a busy server": [
            "fetching/test_parking.py::test_a_busy_host_is_asked_once_and_the_others_are_done_meanwhile",
            "fetching/test_parking.py::test_it_is_left_alone_after_a_restart_too",
            "core/web/test_retry_after.py::test_any_answer_from_400_on_may_have_a_wish_whether_it_is_tried_again_or_not",
            f"{REPLIES}a_post_that_a_busy_server_did_not_act_upon_is_sent_again",
        ],
        "redirects:": [
            f"{REPLIES}a_loop_of_redirects_tells_its_chain",
            f"{REPLIES}a_redirect_waits_its_turn_where_it_leads",
            f"{REPLIES}hosts_that_redirect_to_each_other_do_not_lock_each_other",
            EACH,
        ],
        "a redirect to another scheme": [
            f"{REPLIES}credentials_are_dropped_on_the_way_to_another_origin_and_stay_dropped",
            f"{REPLIES}credentials_are_dropped_on_the_way_to_another_scheme_or_port",
            f"{REPLIES}a_header_given_twice_is_dropped_twice",
            f"{SECURITY}a_cookie_that_is_set_is_never_sent_back",
        ],
        "robots.txt groups": [
            "fetching/test_robots.py::test_a_group_is_ours_by_our_name_alone",
            "core/web/test_robots.py::test_no_word_of_a_contact_and_no_part_of_the_name_is_us",
            "core/web/test_robots.py::test_other_records_end_no_group",
            "core/web/test_robots.py::test_wherever_other_records_stand_the_same_may_be_fetched",
        ],
        "robots.txt:": [
            "fetching/test_robots.py::test_it_is_asked_for_once_and_what_it_does_not_allow_is_never_sent",
            "fetching/test_robots.py::test_what_is_no_rule_is_none",
            "fetching/test_robots.py::test_of_a_file_without_end_the_first_part_counts",
            "fetching/test_robots.py::test_it_may_be_at_another_host_and_takes_its_turn_there",
            "fetching/test_robots.py::test_where_there_is_none_it_goes_on",
            "fetching/test_robots.py::test_where_it_cannot_be_had_the_hosts_jobs_are_skipped_and_no_others",
            "fetching/test_robots.py::test_five_redirects_are_followed_on_the_way",
            "fetching/test_robots.py::test_an_answer_holds_for_a_day_and_trouble_for_ten_minutes",
            "fetching/test_robots.py::test_the_server_sees_no_more_at_once_and_no_sooner_than_it_asks_for",
        ],
        "a page callback": [
            "public/test_api.py::test_a_callback_that_raises_costs_its_own_page_nothing_but_the_slug",
            "fetching/test_callback.py::test_one_that_hangs_is_named_once",
        ],
    },
    "5": {
        "Ctrl-C": [
            "runs/test_interrupted_runs.py::test_what_a_report_raises_comes_after_what_is_complete_is_stored",
            "runs/test_interrupted_runs.py::test_a_resume_and_a_retry_keep_what_is_complete_too",
            "runs/test_interrupted_runs.py::test_a_script_that_is_interrupted_has_kept_what_it_had",
        ],
        "a disk that is full": [
            "machine/test_disk.py::test_a_disk_that_fills_stops_the_run_which_can_be_resumed",
            "machine/test_disk.py::test_a_small_file_system_is_never_filled",
            "sink/test_durable.py::test_a_write_that_takes_a_few_bytes_at_a_time_is_gone_on_with",
            "sink/test_durable.py::test_a_failed_write_says_what_to_do_and_ends_all_use_of_the_file",
            "sink/test_durable.py::test_a_failed_fsync_is_never_tried_again_and_trusted",
            "sink/test_durable.py::test_a_file_that_really_may_not_grow",
            "runs/test_ledger.py::test_a_disk_that_is_full_commits_nothing_and_is_not_asked_again",
        ],
        "an output path": [
            "cli/test_fetch.py::test_a_folder_that_cannot_be_is_refused_before_any_request",
            "runs/test_folder.py::test_a_folder_in_no_folder_is_refused",
            "runs/test_folder.py::test_a_file_in_the_place_of_the_folder_is_refused",
            "runs/test_folder.py::test_a_disk_that_is_read_only_is_refused",
        ],
        "a torn last line": [
            "sink/test_durable.py::test_bytes_after_the_committed_ones_are_set_aside_and_cut",
            "sink/test_durable.py::test_the_cut_comes_after_the_copy_is_safe",
            "runs/test_verify.py::test_an_unfinished_run_with_a_torn_tail_is_in_order",
        ],
        "`run.db` damaged": [
            "runs/test_ledger.py::test_a_ledger_cut_to_any_length_is_damaged_and_not_another",
            "runs/test_ledger.py::test_a_ledger_of_another_version_is_refused",
            "runs/test_folder.py::test_a_ledger_of_another_run_is_refused",
            "runs/test_folder.py::test_going_on_with_another_job_is_refused",
            "cli/test_resume_and_verify.py::test_a_damaged_ledger_is_told_from_a_wrong_folder",
            "runs/test_repair.py::test_a_ledger_that_is_lost_is_rebuilt_from_the_outputs",
            "runs/test_repair.py::test_a_damaged_ledger_is_set_aside",
        ],
        "an output file replaced": [
            "runs/test_lost_files.py::test_a_run_ends_and_says_which_file_it_lost",
            "runs/test_lost_files.py::test_nothing_is_claimed_of_what_went_to_a_file_without_a_name",
            "sink/test_durable.py::test_what_was_replaced_removed_or_cut_is_not_written_to_any_more",
        ],
        "`robots.db`": [
            "scratch/test_rules.py::test_a_damaged_file_is_set_aside_once_and_said_once_and_asked_anew",
            "fetching/test_robots.py::test_what_was_kept_and_is_damaged_is_asked_for_again_and_stops_nothing",
            "runs/test_ledger.py::test_what_was_learned_of_a_host_may_be_lost",
        ],
        "a folder with foreign files": [
            "runs/test_folder.py::test_a_folder_with_something_else_in_it_is_refused_and_left_alone",
            "runs/test_files.py::test_a_run_is_not_gone_on_with_beside_files_that_are_not_its_own",
            "runs/test_files.py::test_no_link_is_followed",
        ],
        "two processes": [
            "kill/test_real_process.py::test_a_second_process_is_refused_while_the_first_is_at_work",
            "runs/test_lock.py::test_another_process_is_refused_until_the_owner_dies",
        ],
        "a consumer or disk": [
            "loop/test_driver.py::test_outcomes_that_wait_take_the_place_of_work",
            "loop/test_driver.py::test_nothing_is_pulled_that_there_is_no_room_for",
            "faults/test_memory.py::test_a_consumer_that_takes_nothing_lets_memory_fill_and_no_further",
        ],
        "SIGKILL": [
            "kill/test_kill.py::test_a_run_ended_at_any_operation_and_resumed_is_as_if_it_had_not_been",
            "kill/test_kill.py::test_a_resume_may_be_ended_at_any_operation_too",
            "kill/test_kill.py::test_a_run_ended_many_times_comes_to_its_end",
            "kill/test_kill.py::test_a_real_process_killed_again_and_again_loses_nothing",
            "kill/test_real_process.py::test_killed_ten_times_it_ends_as_if_nobody_had",
        ],
        "SIGINT": [
            "cli/test_processes.py::test_a_signal_lets_what_runs_finish",
            "cli/test_processes.py::test_the_second_signal_stops_at_once",
            "cli/test_processes.py::test_a_run_that_was_stopped_twice_is_resumed_to_its_end",
            "cli/test_processes.py::test_a_terminal_that_hangs_up_stops_the_run_and_not_its_commit",
            "cli/test_processes.py::test_a_reader_that_has_had_enough_ends_it_quietly",
            "cli/test_signals.py::test_the_first_signal_stops_and_names_the_code",
        ],
        "a process stopped": [
            "faults/test_stopped.py::test_answers_that_arrive_while_the_process_is_stopped_count",
            "engine/test_stopped.py::test_time_in_which_the_process_was_stopped_is_not_held_against_requests",
        ],
        "a connection that died": [
            "faults/test_stopped.py::test_a_connection_that_closed_while_the_process_was_stopped_is_replaced"
        ],
        "a clock stepped": ["faults/test_stopped.py::test_a_clock_that_is_stepped_ends_no_request"],
        "a clock set back": [
            "fetching/test_parking.py::test_a_clock_that_is_set_back_makes_no_host_wait_for_longer_than_it_asked_for"
        ],
        "one host with half": [
            "cli/test_plan.py::test_the_host_that_sets_the_time_is_named",
            "core/schedule/test_frontier_stories.py::test_no_more_of_one_key_run_at_once_than_it_allows",
            "loop/test_overflow.py::test_the_others_finish_as_soon_as_if_the_slow_host_was_not_there",
        ],
    },
    "6": {
        "credentials and cookies": [
            f"{REPLIES}credentials_are_dropped_on_the_way_to_another_origin_and_stay_dropped",
            f"{SECURITY}a_cookie_that_is_set_is_never_sent_back",
        ],
        "`.netrc`": [
            f"{SECURITY}no_password_is_taken_from_a_netrc",
            f"{SECURITY}no_proxy_is_taken_from_the_environment",
            f"{SECURITY}libcurl_itself_is_told_to_speak_nothing_but_http",
        ],
        "a URL or header that names a file": [f"{SECURITY}no_name_of_a_file_comes_from_a_url_or_a_server"],
        "terminal escape sequences": [f"{SECURITY}nothing_of_the_web_acts_on_a_terminal"],
        "a certificate that does not verify": [
            "faults/test_tls.py::test_tls_that_goes_wrong_comes_to_what_it_must",
            "cli/test_fetch.py::test_insecure_is_loud",
            f"{SECURITY}insecure_work_shares_no_connection_with_verified_work",
        ],
        "code or pickles": [f"{SECURITY}nothing_that_unpickles_or_evaluates_is_in_the_package"],
        "another machine": [
            f"{SECURITY}whatever_listens_does_so_on_loopback_alone",
            f"{SECURITY}a_run_folder_is_for_its_owner_alone_and_has_no_secret_in_it",
        ],
        "an address that Python's": [
            "core/web/test_addresses.py::test_every_spelling_in_a_url_comes_to_an_address_that_is_refused"
        ],
    },
}
"""For each row, by the section it stands in and how it begins, the tests that show it, in files below ``tests``."""


def rows(page: str) -> dict[str, list[str]]:
    """The rows of the tables of faults, each without its first bar, by the number of their section."""
    found: dict[str, list[str]] = {}
    for section in re.split(r"^## (?=\d)", page.partition("\n## Not built yet\n")[0], flags=re.MULTILINE)[1:]:
        tables = re.findall(r"^\| fault \| result \|\n\|---\|---\|\n((?:\|.*\n)+)", section, re.MULTILINE)
        found[section.partition(".")[0]] = [row.removeprefix("| ") for table in tables for row in table.splitlines()]
    return found


def unshown(page: dict[str, list[str]], table: dict[str, dict[str, list[str]]]) -> list[str]:
    """What does not fit: sections of one alone, rows that no entry or several begin, and entries that begin no row."""
    faults = [f"section {number} is on one side alone" for number in sorted(page.keys() ^ table.keys())]
    for number in page.keys() & table.keys():
        entries = table[number]
        begun = {entry: [row for row in page[number] if row.startswith(entry)] for entry in entries}
        faults += [f"{number}: {entry!r} begins {len(hit)} rows" for entry, hit in begun.items() if len(hit) != 1]
        shown = [row for hit in begun.values() for row in hit]
        faults += [f"{number}: {row[:40]!r} has no test" for row in page[number] if shown.count(row) != 1]
    return faults


def missing(tests: list[str]) -> list[str]:
    """Those of *tests* that are not there, by what pytest collects: functions of modules called test_*."""
    gone = []
    for test in tests:
        file, _, name = test.partition("::")
        path = ROOT / "tests" / file
        found = path.exists() and {
            node.name
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        if not found or name not in found or not (path.name.startswith("test_") and name.startswith("test_")):
            gone.append(test)
    return gone


def test_every_row_of_the_page_has_its_tests():
    assert unshown(rows(PAGE.read_text(encoding="utf-8")), ROWS) == []


def test_every_line_of_a_table_is_a_row_or_its_head():
    """The only other table is that of the reasons, which ``tests/core/test_model.py`` reads."""
    page = PAGE.read_text(encoding="utf-8")
    lines = re.findall(r"^\| (?!fault \||outcome \||Skipped \||Failed \|).*$", page, re.MULTILINE)
    assert len(lines) == sum(map(len, rows(page).values())) > 70


def test_every_test_that_is_named_is_there():
    named = [test for entries in ROWS.values() for tests in entries.values() for test in tests]
    assert all(tests for entries in ROWS.values() for tests in entries.values())
    assert missing(named) == []


PLANTED = """
# Faults

| fault | result |
|---|---|
| before the first section | no row |

## 2. Inputs

| other | heading |
|---|---|
| of another kind | no row |

| fault | result |
|---|---|
| empty line | no input |
| another one | `invalid_url` |

## 6. Security

| fault | result |
|---|---|
| nothing is sent | anywhere |

| fault | result |
|---|---|
| nothing is said | ever |

## Not built yet

| fault | result |
|---|---|
| later | no row |
"""


def test_a_row_without_a_test_is_found():
    found = rows(PLANTED)
    assert found == {
        "2": ["empty line | no input |", "another one | `invalid_url` |"],
        "6": ["nothing is sent | anywhere |", "nothing is said | ever |"],
    }
    six = {"nothing is se": ["t"], "nothing is sa": ["t"]}
    assert unshown(found, {"2": {"empty": ["t"], "another": ["t"]}, "6": six}) == []
    assert unshown(found, {"2": {"empty": ["t"]}, "6": six}) == ["2: 'another one | `invalid_url` |' has no test"]
    assert unshown(found, {"2": {"empty": ["t"], "another": ["t"], "a third": ["t"]}, "6": six}) == [
        "2: 'a third' begins 0 rows"
    ]
    assert len(unshown(found, {"2": {"empty": ["t"], "another": ["t"]}, "6": {"nothing": ["t"]}})) == 1
    assert unshown({"2": found["2"]}, {"6": six}) == [
        "section 2 is on one side alone",
        "section 6 is on one side alone",
    ]


def test_a_test_that_is_gone_is_found():
    here = Path(__file__).relative_to(ROOT / "tests").as_posix()
    assert missing([f"{here}::test_a_test_that_is_gone_is_found"]) == []
    gone = [
        f"{here}::test_that_never_was",
        f"{here}::missing",
        "faults/test_nothing.py::test_a",
        "faults/conftest.py::web",
    ]
    assert missing(gone) == gone

//! The rules for the panel's security, each with the tests that hold it, or why it has none yet.

use std::fs;
use std::path::Path;

/// Each rule, by its number where it has one (OWASP ASVS 5), and the names of its tests.
const HELD: &[(&str, &[&str])] = &[
    (
        "13.2.3, 6.4.1 no default account",
        &["there_is_no_account_until_the_one_time_link_makes_one"],
    ),
    (
        "the setup's link: 128 bits, 0600, until used or issued anew, once, then 404",
        &[
            "there_is_no_account_until_the_one_time_link_makes_one",
            "the_setup_is_gone_for_ever_after_its_one_use",
            "a_new_link_makes_the_old_one_worthless",
            "a_form_sent_twice_does_its_work_once",
        ],
    ),
    (
        "6.2.1, 6.2.4, 6.2.5, 6.2.8, 6.2.9, 6.2.11 passwords",
        &[
            "length_is_all_that_is_asked_and_nothing_is_cut",
            "what_everybody_tries_first_is_refused_in_any_case",
            "a_password_is_more_than_the_names_around_it",
            "a_weak_password_is_told_beside_its_field_and_the_link_stays_good",
        ],
    ),
    (
        "argon2id of the agreed cost, two at once",
        &["a_hash_is_argon2id_of_the_agreed_cost_and_knows_its_password"],
    ),
    (
        "6.3.8 no word on who there is",
        &[
            "a_stranger_learns_nothing_about_who_there_is",
            "nobody_and_a_wrong_password_are_told_alike",
            "nobody_has_a_password",
        ],
    ),
    (
        "6.1.1, 6.3.1 throttled, never locked out",
        &[
            "passwords_are_tried_ten_times_a_minute_at_most_and_nobody_is_locked_out",
            "an_account_is_tried_ten_times_a_minute_at_most_from_however_many_addresses",
            "an_address_has_so_many_tries_over_all_accounts",
            "whoever_guesses_from_elsewhere_does_not_keep_the_owner_waiting",
        ],
    ),
    (
        "6.3.2, 6.5.1, 6.5.5 a second factor: an option, each code once, half a minute",
        &[
            "a_code_is_asked_for_once_its_user_has_shown_one",
            "a_code_is_asked_for_and_each_is_good_once",
            "a_code_is_good_once_and_one_step_early_or_late",
            "the_codes_are_those_of_the_rfcs",
            "a_code_is_used_once_though_the_disk_takes_no_word_of_it",
        ],
    ),
    (
        "6.5.2, 6.5.3 recovery codes: 120 random bits, digests, once",
        &[
            "a_recovery_code_is_120_bits_and_found_again_however_it_is_typed",
            "neither_seed_nor_recovery_code_is_in_the_database",
        ],
    ),
    (
        "6.3.1 codes are guessed no faster than passwords, and some thirty a day",
        &[
            "who_knows_a_password_guesses_no_code",
            "codes_are_guessed_some_thirty_times_a_day_and_the_owner_is_not_kept_waiting",
        ],
    ),
    (
        "6.4.4, 7.5.1 a second factor on, off and lost: who one is, shown once more",
        &[
            "a_seed_is_taken_once_it_is_shown_to_work",
            "it_is_switched_off_by_password_and_code_or_by_root",
            "who_has_lost_the_phone_is_let_in_by_an_admin_or_by_root",
        ],
    ),
    (
        "7.2.3, 7.2.4, 7.4.1 tokens of sign-ins",
        &[
            "each_sign_in_has_a_token_of_its_own_that_ends_on_the_server",
            "no_secret_is_kept_or_logged_as_it_is",
        ],
    ),
    (
        "7.3.1, 7.3.2 idle and absolute end",
        &["one_is_signed_in_half_an_hour_unseen_and_twelve_hours_in_all"],
    ),
    (
        "6.2.3, 7.4.3, 7.5.1 a change of the password",
        &["a_new_password_ends_every_other_place"],
    ),
    (
        "7.5.2 sign-ins listed and ended",
        &["sign_ins_are_listed_and_ended_one_s_own_or_by_an_admin"],
    ),
    (
        "6.4.3 reset on the box, told in the audit log",
        &["root_lets_somebody_in_again_running_or_stopped"],
    ),
    (
        "3.3.1, 3.3.3, 3.3.4 the cookie",
        &[
            "the_cookie_is_bound_to_this_host_and_out_of_reach_of_scripts_and_other_sites",
            "the_cookie_on_plain_loopback_is_strict_and_out_of_reach_of_scripts",
            "its_own_certificate_is_kept_and_the_cookie_bound_to_it",
        ],
    ),
    (
        "3.4.3, 3.4.4, 3.4.5, 3.4.6 header fields",
        &[
            "every_answer_forbids_inline_script_and_style_frames_and_guessing",
            "no_page_holds_a_script_a_style_or_a_handler_of_its_own",
        ],
    ),
    (
        "3.5.1, 3.5.3 other sites",
        &[
            "another_site_changes_nothing",
            "what_changes_something_is_no_get_and_is_never_for_anyone",
        ],
    ),
    (
        "3.4.1 HSTS; plain HTTP beyond loopback refused",
        &[
            "its_own_certificate_is_kept_and_the_cookie_bound_to_it",
            "beyond_this_machine_the_panel_needs_tls",
        ],
    ),
    (
        "names pointed here",
        &["a_name_that_somebody_points_at_this_machine_is_not_ours"],
    ),
    (
        "3.7.2 own paths",
        &[
            "after_signing_in_one_goes_on_to_own_paths_alone",
            "only_own_paths_are_gone_to",
        ],
    ),
    (
        "3.2.2, 16.4.1 strangers' text",
        &[
            "what_strangers_write_is_shown_as_text",
            "names_and_words_are_text_in_the_html",
        ],
    ),
    (
        "a form too long or with line ends",
        &["a_form_of_ten_megabytes_is_answered_and_changes_nothing"],
    ),
    (
        "roles x routes, default deny",
        &["every_url_is_answered_to_the_roles_that_may_and_to_nobody_else"],
    ),
    (
        "sessions: no value shown, the password to an admin who asks, noted",
        &[
            "it_is_turned_on_tried_and_its_password_shown_to_an_admin_who_asks",
            "every_stack_is_told_address_database_and_tls_and_no_password",
            "everybody_of_one_database_is_signed_out_and_it_is_told_and_kept",
        ],
    ),
    (
        "tokens: scoped, shown once, kept as digests",
        &[
            "a_token_is_shown_once_and_may_what_its_scope_says",
            "a_token_that_is_none_is_told_so_and_its_shower_is_nobody_else",
        ],
    ),
    (
        "16.2.1, 16.3.1 to 16.3.4 the audit log",
        &[
            "the_audit_log_tells_who_did_what_and_notices_who_alters_it",
            "the_audit_log_is_never_changed_and_notices_who_changes_it_all_the_same",
            "refusals_do_not_fill_the_audit_log",
        ],
    ),
    (
        "16.5.1, 16.5.4 errors and panics",
        &["a_mistake_in_a_handler_is_a_500_and_nothing_else"],
    ),
    (
        "the admin address is no target of a site",
        &["a_node_that_is_the_admin_address_is_a_problem"],
    ),
    (
        "13.2.4, 13.2.5 SSRF: targets, probes and trials, by what a name resolves to",
        &[
            "a_node_is_nowhere_that_a_cloud_tells_its_secrets",
            "a_name_does_not_lead_where_no_node_is",
            "a_trial_goes_where_a_node_may_be_and_nowhere_else",
            "what_no_node_may_be_is_not_connected_to_and_is_noted",
            "one_request_is_sent_and_no_redirect_is_followed",
            "of_a_body_only_the_beginning_is_shown_and_nothing_that_could_hide",
        ],
    ),
    (
        "live streams behind the same check, and no longer than it holds",
        &[
            "every_url_is_answered_to_the_roles_that_may_and_to_nobody_else",
            "a_stream_ends_with_the_sign_in",
        ],
    ),
    (
        "7.5.1 another's password: one's own again, or a token",
        &["whoever_finds_a_browser_signed_in_gives_nobody_another_password"],
    ),
    (
        "backup: no secret without its passphrase, which is slow to guess",
        &[
            "what_is_made_is_read_with_all_its_secrets_by_the_passphrase_alone",
            "without_a_passphrase_nothing_secret_is_in_it_and_it_says_what_is_missing",
        ],
    ),
    (
        "restore: bounded, checked whole, all of it or nothing",
        &[
            "a_byte_that_is_another_or_missing_is_noticed_wherever_it_is",
            "what_no_version_of_ours_writes_is_refused_though_its_digest_is_right",
            "a_file_may_not_ask_for_more_than_this_machine_gives",
            "what_cannot_be_restored_changes_nothing_and_says_why",
            "what_is_no_backup_is_told_beside_the_file_and_changes_nothing",
            "a_kill_while_it_restores_leaves_what_was_there_or_all_of_the_backup",
        ],
    ),
    (
        "7.5.1 restoring: one's own password again, or a token",
        &[
            "whoever_finds_a_browser_signed_in_restores_nothing",
            "a_backup_is_looked_at_and_restored_by_who_knows_both_passwords",
        ],
    ),
    (
        "static roots",
        &[
            "nothing_outside_the_folder_and_no_dot_file_is_served",
            "no_site_serves_the_system_or_what_this_program_keeps",
            "a_swapped_root_and_a_link_that_now_leads_out_are_seen_at_once",
        ],
    ),
    (
        "a form sent twice, from a stale page; 10 MB in a field",
        &[
            "a_form_sent_twice_is_saved_once_and_a_stale_one_not_at_all",
            "what_is_read_tells_the_revision_that_a_change_may_be_made_from",
            "a_form_of_ten_megabytes_is_answered_and_changes_nothing",
            "a_body_of_ten_megabytes_is_told_so_and_changes_nothing",
        ],
    ),
    (
        "a full or read-only disk",
        &[
            "a_full_disk_takes_no_change_and_the_panel_says_so_and_goes_on",
            "a_disk_that_takes_no_word_is_told_and_what_was_served_is_served",
        ],
    ),
    (
        "no server error and the described answer, whatever is asked",
        &[
            "every_operation_keeps_its_word_whatever_it_is_asked_people_and_logs",
            "every_operation_keeps_its_word_whatever_it_is_asked_the_whole_and_pools",
            "every_operation_keeps_its_word_whatever_it_is_asked_sites_and_listeners",
        ],
    ),
    (
        "no memory of the process on a disk: LimitCORE",
        &["the_process_leaves_no_core"],
    ),
    (
        "secrets at rest sealed, with a key that is not in the database",
        &[
            "what_was_sealed_is_opened_for_its_owner_by_its_key_alone",
            "a_credential_seals_from_then_on_and_the_file_still_opens",
            "a_key_that_others_read_or_that_is_cut_is_not_used",
            "the_database_alone_tells_no_secret",
        ],
    ),
    (
        "keys of certificates: given and never shown, sealed for the name they belong to",
        &[
            "a_key_is_written_and_never_read",
            "what_is_kept_is_read_back_and_its_key_by_the_seal_alone",
            "a_key_in_the_place_of_another_opens_nothing",
            "without_the_key_of_its_seal_it_is_told_and_given_again",
        ],
    ),
    (
        "the session store's port: a password always, told on the box alone, guessed slowly; who may connect; no way round it",
        &[
            "a_password_is_generated_kept_and_told_on_the_box_alone",
            "each_password_opens_its_own_databases",
            "guesses_wait_their_turn_and_who_knows_the_password_is_never_shut_out",
            "only_this_machine_the_nodes_and_those_allowed_come_in",
            "the_store_is_no_node_and_nobody_tries_it",
        ],
    ),
];

fn sources(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, into),
            false if path.extension().is_some_and(|end| end == "rs") => {
                into.push_str(&fs::read_to_string(path).unwrap());
            }
            false => {}
        }
    }
}

#[test]
fn every_rule_has_the_tests_that_stand_here() {
    let house = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = String::new();
    sources(&house.join("src"), &mut all);
    sources(&house.join("tests/it"), &mut all);
    let is_there = |test: &&&str| !all.contains(&format!("fn {test}("));
    let missing: Vec<&&str> = HELD
        .iter()
        .flat_map(|(_, tests)| *tests)
        .filter(is_there)
        .collect();
    assert_eq!(missing, Vec::<&&str>::new());
}

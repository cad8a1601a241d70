//! One suite of behaviours that every backend passes: [`contract_tests`] runs it on whatever makes a [`Stores`]; never a backend's own matter.

pub(crate) mod accounts;
pub(crate) mod alerts;
pub(crate) mod deliveries;
pub(crate) mod delivery_log;
pub(crate) mod events;
pub(crate) mod feed;
pub(crate) mod health;
pub(crate) mod identity;
pub(crate) mod inboxes;
pub(crate) mod insight;
pub(crate) mod keys;
pub(crate) mod mails;
pub(crate) mod portal_sessions;
pub(crate) mod previous_uses;
pub(crate) mod recovery;
pub(crate) mod replays;
pub(crate) mod usage;

use std::sync::Arc;

use serde_json::json;

use crate::accounts::port::AccountStore;
use crate::alerts::port::{AlertStore, MailStore};
use crate::base::audit::{Change, ChangeContext, IdempotentAnswer};
use crate::base::clock::{Clock, Timestamp};
use crate::base::error::StoreError;
use crate::keys::port::KeyStore;
use crate::portal::port::SessionStore;
use crate::usage::port::UsageStore;
use crate::webhooks::port::inboxes::InboxStore;
use crate::webhooks::port::{EventFeed, EventStore, ReplayStore};

/// Noon of a day in the middle of a month.
pub(crate) const NOON: i64 = 1_794_916_800_000;

/// An empty store of some backend, by its ports, and the clock that it was made with.
pub(crate) struct Stores {
    pub(crate) accounts: Arc<dyn AccountStore>,
    pub(crate) keys: Arc<dyn KeyStore>,
    pub(crate) events: Arc<dyn EventStore>,
    pub(crate) feed: Arc<dyn EventFeed>,
    pub(crate) inboxes: Arc<dyn InboxStore>,
    pub(crate) replays: Arc<dyn ReplayStore>,
    pub(crate) sessions: Arc<dyn SessionStore>,
    pub(crate) alerts: Arc<dyn AlertStore>,
    pub(crate) mails: Arc<dyn MailStore>,
    pub(crate) usage: Arc<dyn UsageStore>,
    pub(crate) clock: Clock,
    /// What must live as long as the store, such as its folder.
    pub(crate) _keep: Box<dyn std::any::Any>,
}

/// Makes a test of each behaviour, or of each in some topics; `$make` is an expression that gives an empty [`Stores`].
macro_rules! contract_tests {
    ($make:expr) => {
        $crate::store::contract::contract_tests!($make; accounts, keys, events, deliveries, delivery_log, feed, identity, inboxes, replays, recovery, health, portal_sessions, previous_uses, alerts, mails, usage, insight);
    };
    ($make:expr; $($topic:ident),+) => {
        $($crate::store::contract::contract_tests!(@$topic $make);)+
    };
    (@accounts $make:expr) => {
        $crate::store::contract::contract_tests!(@each accounts $make;
            an_account_is_made_and_replaced_and_keeps_its_creation,
            accounts_are_listed_by_id_in_pages,
            plans_in_use_are_named_once,
            an_erased_account_leaves_nothing_but_a_pseudonym,
            an_erasure_hides_keys_at_once_and_refuses_changes,
            an_erasure_of_nobody_is_not_found,
            an_account_may_come_back_after_its_erasure,
            the_audit_log_is_newest_first_and_filtered,
            an_answer_is_remembered_until_it_expires,
            a_change_with_a_known_answer_leaves_nothing
        );
    };
    (@keys $make:expr) => {
        $crate::store::contract::contract_tests!(@each keys $make;
            a_key_is_found_by_any_of_its_digests,
            a_key_makes_its_account_with_the_default_plan,
            an_account_has_no_more_live_keys_than_allowed,
            a_digest_belongs_to_one_key,
            a_key_is_replaced_only_from_its_present_revision,
            keys_are_listed_newest_first_and_stable_under_inserts,
            an_import_makes_what_is_not_there,
            an_import_with_a_foreign_digest_makes_nothing,
            all_keys_of_an_account_are_revoked_at_once,
            a_digest_moves_and_nothing_else,
            a_last_use_never_goes_back,
            keys_that_expire_in_a_span_are_found
        );
    };
    (@events $make:expr) => {
        $crate::store::contract::contract_tests!(@each events $make;
            a_pending_event_is_recorded_once_and_keeps_all_its_fields,
            a_release_numbers_the_event_and_makes_deliveries,
            a_wildcard_wants_every_type_below_it,
            settling_twice_changes_nothing,
            a_dropped_event_is_gone_and_an_unresolved_one_is_counted,
            stale_events_are_those_recorded_long_ago,
            sequences_grow_per_account,
            a_published_event_is_idempotent_by_id,
            a_replay_starts_all_deliveries_anew,
            a_replay_releases_an_unresolved_event_as_truncated,
            events_are_listed_newest_first_by_filter,
            finished_things_are_pruned_and_the_rest_stays,
            dead_letters_are_kept_for_their_own_time,
            an_erasure_takes_events_and_leaves_other_accounts,
            what_comes_late_for_an_erased_account_is_left_out
        );
    };
    (@deliveries $make:expr) => {
        $crate::store::contract::contract_tests!(@each deliveries $make;
            an_account_has_no_more_endpoints_than_allowed,
            an_endpoint_is_replaced_only_from_its_present_revision,
            endpoints_are_listed_newest_first,
            a_due_delivery_is_claimed_by_one_and_again_after_the_claim,
            the_oldest_due_goes_first,
            a_lost_claim_completes_nothing,
            a_failed_attempt_is_logged_and_comes_again_when_due,
            an_exhausted_delivery_has_failed_and_a_retry_starts_it_anew,
            deliveries_of_a_paused_endpoint_wait,
            a_gone_receiver_disables_the_endpoint_and_fails_what_waits,
            a_deleted_endpoint_cancels_what_waits_and_what_is_under_way,
            a_test_goes_to_one_endpoint_whatever_it_wants
        );
    };
    (@delivery_log $make:expr) => {
        $crate::store::contract::contract_tests!(@each delivery_log $make;
            deliveries_are_listed_by_filter,
            deliveries_are_listed_by_when_they_were_made
        );
    };
    (@health $make:expr) => {
        $crate::store::contract::contract_tests!(@each health $make;
            an_endpoint_has_no_more_claims_than_its_share,
            an_expired_claim_frees_its_place,
            a_held_endpoint_is_passed_over_and_comes_back,
            accounts_take_turns,
            endpoints_of_an_account_take_turns,
            those_that_failed_share_a_part_of_the_room,
            attempts_to_one_endpoint_are_spaced_out,
            a_success_clears_what_failed,
            health_is_merged_as_the_domain_says,
            failing_for_long_enough_disables,
            what_a_former_url_answered_is_not_held_against_the_endpoint,
            an_endpoint_that_is_enabled_again_starts_afresh
        );
    };
    (@feed $make:expr) => {
        $crate::store::contract::contract_tests!(@each feed $make;
            released_events_come_in_their_order,
            what_is_not_released_or_is_gone_is_not_in_the_feed,
            the_last_number_outlives_the_event_that_has_it
        );
    };
    (@identity $make:expr) => {
        $crate::store::contract::contract_tests!(@each identity $make;
            a_release_may_give_the_event_its_last_id,
            a_release_under_a_known_id_is_the_same_event_told_again,
            a_last_id_is_given_once_however_often_it_is_told,
            an_event_is_replayed_and_pruned_under_its_last_id
        );
    };
    (@inboxes $make:expr) => {
        $crate::store::contract::contract_tests!(@each inboxes $make;
            an_inbox_is_found_by_id_token_and_account_until_it_expires,
            an_account_has_no_more_inboxes_than_it_may,
            messages_are_kept_newest_first_and_once,
            of_too_many_messages_the_oldest_go,
            a_deleted_inbox_is_gone_with_what_it_caught,
            expired_inboxes_are_pruned_and_no_others,
            inboxes_go_with_their_account
        );
    };
    (@replays $make:expr) => {
        $crate::store::contract::contract_tests!(@each replays $make;
            a_job_starts_what_has_failed_anew_and_nothing_else,
            a_job_of_all_is_of_its_range_types_and_endpoint,
            a_job_is_claimed_by_one_and_goes_on_where_it_was,
            a_cancelled_job_goes_no_further,
            no_more_jobs_are_running_than_may,
            no_account_keeps_others_from_their_jobs,
            jobs_are_listed_newest_first_and_forgotten_in_their_time,
            an_erasure_takes_an_accounts_jobs
        );
    };
    (@recovery $make:expr) => {
        $crate::store::contract::contract_tests!(@each recovery $make;
            what_was_missed_is_made_once_under_its_own_id,
            what_has_not_succeeded_is_started_anew_where_that_is_asked_for,
            only_released_events_of_the_range_types_and_account_are_recovered,
            a_recovery_goes_on_where_it_was_on_another_node,
            what_is_recovered_waits_for_a_paused_endpoint_and_ends_with_a_disabled_one,
            nothing_is_made_for_an_account_that_is_being_erased,
            jobs_are_listed_by_whose_they_are_and_the_oldest_forgotten
        );
    };
    (@portal_sessions $make:expr) => {
        $crate::store::contract::contract_tests!(@each portal_sessions $make;
            a_session_is_found_until_it_ends,
            a_session_is_replaced_only_from_its_present_revision,
            an_account_has_no_more_sessions_than_allowed,
            a_deleted_session_is_gone_and_no_other,
            ended_sessions_are_pruned_and_no_others,
            sessions_go_with_their_account,
            what_comes_late_for_an_erased_account_is_refused
        );
    };
    (@alerts $make:expr) => {
        $crate::store::contract::contract_tests!(@each alerts $make;
            alerts_are_replaced_only_from_their_present_revision,
            alerts_of_all_accounts_are_listed,
            a_change_of_alerts_is_in_the_audit_log_and_answered_once,
            alerts_go_with_their_account
        );
    };
    (@mails $make:expr) => {
        $crate::store::contract::contract_tests!(@each mails $make;
            a_message_is_put_once_however_often_it_comes,
            a_due_message_is_claimed_by_one_and_again_after_the_claim,
            the_message_that_is_due_longest_goes_first,
            a_message_comes_again_when_it_is_due_again,
            messages_are_forgotten_when_nothing_could_make_them_again,
            messages_go_with_their_account_and_none_comes_late,
            an_account_without_alerts_gets_no_messages
        );
    };
    (@previous_uses $make:expr) => {
        $crate::store::contract::contract_tests!(@each previous_uses $make;
            previous_uses_add_up_until_they_are_forgotten,
            nodes_that_note_at_once_lose_nothing,
            uses_of_a_key_that_is_not_there_are_left_out,
            previous_uses_go_with_their_account
        );
    };
    (@insight $make:expr) => {
        $crate::store::contract::contract_tests!(@each insight $make;
            refusals_are_told_apart_by_code,
            a_batch_with_refusals_counts_once,
            the_busiest_keys_come_first_by_day_and_month,
            routes_of_a_key_are_its_own_most_called_first,
            totals_by_key_equal_the_series,
            what_is_out_of_retention_is_not_told,
            an_erasure_takes_refusals_and_totals_and_what_comes_late
        );
    };
    (@usage $make:expr) => {
        $crate::store::contract::contract_tests!(@each usage $make;
            a_batch_counts_once_however_often_it_comes,
            a_large_batch_counts_once_as_well,
            used_counts_what_was_sent_upstream_in_this_hour_and_month,
            a_series_has_points_by_hour_day_and_month,
            a_point_tells_classes_and_refusals_apart,
            a_series_is_of_a_key_an_account_or_all,
            the_most_called_endpoints_come_first,
            callers_of_a_route_are_named_most_requests_first,
            old_hours_and_days_are_pruned_each_in_their_time,
            an_erasure_takes_usage_and_what_comes_late
        );
    };
    (@each $topic:ident $make:expr; $($name:ident),+) => {
        mod $topic {
            use super::*;
            $(
                #[tokio::test]
                async fn $name() {
                    $crate::store::contract::$topic::$name(&$make).await;
                }
            )+
        }
    };
}
pub(crate) use contract_tests;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(NOON + seconds * 1000)
}

pub(crate) fn context() -> ChangeContext {
    ChangeContext::internal(at(0), "test")
}

/// A change of `action` about an account.
pub(crate) fn change(action: &str, account: &str) -> Change {
    Change {
        audit: context().entry(action, Some(account), None, json!({ "of": account })),
        answer: None,
    }
}

/// A change that remembers its answer under `key`.
pub(crate) fn change_with_answer(action: &str, account: &str, key: &str) -> Change {
    Change {
        answer: Some(IdempotentAnswer {
            key: key.to_owned(),
            request_digest: [7; 32],
            status: 201,
            body: "{}".to_owned(),
            expires_at: at(60),
        }),
        ..change(action, account)
    }
}

pub(crate) fn assert_conflict<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Conflict(_))), "{result:?}");
}

pub(crate) fn assert_not_found<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::NotFound)), "{result:?}");
}

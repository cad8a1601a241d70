//! Rows on their way from one store into another, and sums by which both sides are compared; never how a store keeps them.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::span::Span;
use crate::accounts::model::Account;
use crate::base::audit::{AuditEntry, IdempotentAnswer};
use crate::base::clock::Timestamp;
use crate::base::hex;
use crate::keys::model::{Digest, KeyRecord};
use crate::keys::previous_uses::PreviousUses;
use crate::webhooks::health::EndpointHealth;
use crate::webhooks::model::{Attempt, Delivery, DeliveryState, Endpoint, Event};
use crate::webhooks::port::notices::Notice;
use crate::webhooks::port::replays::ReplayJob;

/// Kinds of rows, in the order in which they are copied and shown.
pub const KINDS: [&str; 19] = [
    ACCOUNTS,
    KEYS,
    DIGESTS,
    PREVIOUS_USES,
    AUDIT,
    ANSWERS,
    ALERTS,
    ENDPOINTS,
    HEALTH,
    SEQUENCES,
    EVENTS,
    DELIVERIES,
    NOTICES,
    REPLAYS,
    USAGE,
    ROUTES,
    CALLERS,
    REJECTIONS,
    KEY_TOTALS,
];
/// Accounts.
pub const ACCOUNTS: &str = "accounts";
/// Keys.
pub const KEYS: &str = "keys";
/// Digests of keys, under every pepper.
pub const DIGESTS: &str = "key digests";
/// When old secrets of keys were last used.
pub const PREVIOUS_USES: &str = "uses of old secrets";
/// Entries of the audit log.
pub const AUDIT: &str = "audit entries";
/// Answers remembered under an Idempotency-Key.
pub const ANSWERS: &str = "idempotent answers";
/// Which marks of usage accounts are told of.
pub const ALERTS: &str = "alerts";
/// Webhook endpoints.
pub const ENDPOINTS: &str = "endpoints";
/// How endpoints fare.
pub const HEALTH: &str = "endpoint health";
/// The last sequence number of each account's events.
pub const SEQUENCES: &str = "event sequences";
/// Events.
pub const EVENTS: &str = "events";
/// Deliveries with their attempts and schedules.
pub const DELIVERIES: &str = "deliveries";
/// What is still to be told to the operator.
pub const NOTICES: &str = "notices";
/// Replays of many deliveries.
pub const REPLAYS: &str = "replays";
/// Usage by account, key and class, and what quotas compare with.
pub const USAGE: &str = "usage";
/// Usage by endpoint.
pub const ROUTES: &str = "usage by endpoint";
/// Callers of routes.
pub const CALLERS: &str = "usage by caller";

/// Refusals by code.
pub const REJECTIONS: &str = "refusals by code";
/// What keys did by day and month.
pub const KEY_TOTALS: &str = "totals of keys";

/// An answer, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerRow {
    /// The answer.
    pub answer: IdempotentAnswer,
    /// The account that its change concerned.
    pub account_id: Option<String>,
}

/// An event, and its place among others.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRow {
    /// The event.
    pub event: Event,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Orders lists of events.
    pub position: i64,
}

/// A delivery, what was tried, and when it is next to be looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryRow {
    /// The delivery.
    pub delivery: Delivery,
    /// Its attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// When its present schedule began.
    pub queued_at: Timestamp,
    /// When it may be taken: its next attempt, or the end of the claim that it is under.
    pub due_at: Timestamp,
}

/// Which marks of usage an account is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRow {
    /// The account.
    pub account_id: String,
    /// The settings as the source keeps them: JSON.
    pub settings: String,
    /// Grows by one with each change.
    pub revision: u64,
}

/// Where a sum of usage lies: an hour or a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slice {
    pub(in crate::store) span: Span,
    pub(in crate::store) start: Timestamp,
}

impl Slice {
    /// When the day begins, where it is one.
    pub fn day(self) -> Option<Timestamp> {
        (self.span == Span::Day).then_some(self.start)
    }
}

/// Requests, bytes in, bytes out and microseconds of an account, or of everyone, by key or over all keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// Empty for everyone.
    pub account_id: String,
    /// Empty for all of the account's.
    pub key_id: String,
    /// Class of status; 0 for what was refused.
    pub class: u8,
    /// Requests, bytes in, bytes out, microseconds.
    pub numbers: [u64; 4],
}

/// Requests to an endpoint and how many failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteRow {
    /// Empty for everyone.
    pub account_id: String,
    /// The route.
    pub route: String,
    /// The method.
    pub method: String,
    /// Requests, errors.
    pub numbers: [u64; 2],
}

/// Who calls a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerRow {
    /// The account.
    pub account_id: String,
    /// The key.
    pub key_id: String,
    /// Requests, the last one's milliseconds.
    pub numbers: [u64; 2],
}

/// Why requests of an account were refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRow {
    /// The account.
    pub account_id: String,
    /// Code of the refusal.
    pub code: String,
    /// Requests.
    pub requests: u64,
}

/// A day or a month of what a key did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TotalOf {
    /// The day that begins then.
    Day(Timestamp),
    /// The month that begins then.
    Month(Timestamp),
}

/// What a key did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTotalRow {
    /// The account.
    pub account_id: String,
    /// The key.
    pub key_id: String,
    /// Requests, errors, refusals.
    pub numbers: [u64; 3],
}

/// Rows of a kind: how many, and a sum of their SHA-256 that does not depend on their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// How many.
    pub rows: u64,
    lanes: [u64; 4],
}

impl Sum {
    /// Adds a row as text that tells it from every other.
    pub fn add(&mut self, line: &str) {
        let digest = Sha256::digest(line.as_bytes());
        let (lanes, _) = digest.as_chunks::<8>();
        for (lane, bytes) in self.lanes.iter_mut().zip(lanes) {
            *lane = lane.wrapping_add(u64::from_le_bytes(*bytes));
        }
        self.rows += 1;
    }

    /// Adds all rows of another.
    pub fn join(&mut self, other: &Self) {
        for (lane, more) in self.lanes.iter_mut().zip(other.lanes) {
            *lane = lane.wrapping_add(more);
        }
        self.rows += other.rows;
    }

    /// The sum in hex.
    pub fn hex(&self) -> String {
        self.lanes
            .iter()
            .map(|lane| format!("{lane:016x}"))
            .collect()
    }
}

/// A sum for each kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sums(BTreeMap<&'static str, Sum>);

impl Sums {
    /// Adds a row.
    pub fn add(&mut self, kind: &'static str, line: &str) {
        self.0.entry(kind).or_default().add(line);
    }

    /// Adds the rows of another.
    pub fn join(&mut self, other: &Self) {
        for (kind, sum) in &other.0 {
            self.0.entry(kind).or_default().join(sum);
        }
    }

    /// That of a kind.
    pub fn of(&self, kind: &'static str) -> Sum {
        self.0.get(kind).copied().unwrap_or_default()
    }

    /// One text for all.
    pub(in crate::store) fn text(&self) -> String {
        let sums = self.0.iter();
        sums.map(|(_, sum)| format!("{} {};", sum.rows, sum.hex()))
            .collect()
    }
}

/// A key as a line; `live` is when it counts as expired where live keys are counted, `None` where it is not counted.
pub fn key_line(key: &KeyRecord, live: Option<&str>) -> String {
    format!("{key:?} {live:?}")
}

/// An account as a line.
pub fn account_line(account: &Account) -> String {
    format!("{account:?}")
}

/// A digest of a key as a line.
pub fn digest_line(digest: &Digest, key_id: &str) -> String {
    format!("{digest:?} {key_id}")
}

/// An audit entry as a line.
pub fn audit_line(entry: &AuditEntry) -> String {
    format!("{entry:?}")
}

/// What an answer is known by: the SHA-256 of its key in hex.
pub fn answer_index(key: &str) -> String {
    hex::encode(&Sha256::digest(key.as_bytes()))
}

/// An answer under the SHA-256 of its key in hex, which is all that some stores keep of it.
pub fn answer_line(index: &str, answer: &IdempotentAnswer, account_id: &str) -> String {
    let a = answer;
    format!(
        "{index} {:?} {} {} {} {account_id}",
        a.request_digest,
        a.status,
        a.expires_at.millis(),
        a.body
    )
}

/// An endpoint, and whether events see it as it is.
pub fn endpoint_line(endpoint: &Endpoint, is_seen: bool) -> String {
    format!("{endpoint:?} {is_seen}")
}

/// An account's last sequence number as a line.
pub fn sequence_line(account_id: &str, last: u64) -> String {
    format!("{account_id} {last}")
}

/// An event as a line.
pub fn event_line(row: &EventRow) -> String {
    format!("{row:?}")
}

/// A delivery as a line.
pub fn delivery_line(row: &DeliveryRow) -> String {
    let d = &row.delivery;
    // Of one that has ended no schedule is kept.
    let schedule = (d.state == DeliveryState::Pending).then_some((row.queued_at, row.due_at));
    format!("{d:?} {:?} {schedule:?}", row.attempts)
}

/// Uses of a key's old secrets as a line.
pub fn previous_uses_line(key_id: &str, uses: &PreviousUses) -> String {
    format!("{key_id} {uses:?}")
}

/// Settings of alerts as a line.
pub fn alert_line(row: &AlertRow) -> String {
    format!("{row:?}")
}

/// How an endpoint fares as a line.
pub fn health_line(endpoint_id: &str, health: &EndpointHealth) -> String {
    format!("{endpoint_id} {health:?}")
}

/// A notice as a line.
pub fn notice_line(notice: &Notice) -> String {
    format!("{notice:?}")
}

/// A replay as a line.
pub fn replay_line(job: &ReplayJob) -> String {
    format!("{job:?}")
}

fn slice(at: Slice) -> String {
    format!("{:?} {}", at.span, at.start.millis())
}

/// Usage as a line.
pub fn usage_line(at: Slice, row: &UsageRow) -> String {
    format!("{} {row:?}", slice(at))
}

/// Usage of an endpoint as a line.
pub fn route_line(at: Slice, row: &RouteRow) -> String {
    format!("{} {row:?}", slice(at))
}

/// A caller as a line.
pub fn caller_line(at: Slice, route: &str, row: &CallerRow) -> String {
    format!("{} {route:?} {row:?}", slice(at))
}

/// Refusals as a line.
pub fn code_line(at: Slice, row: &CodeRow) -> String {
    format!("{} {row:?}", slice(at))
}

/// What a key did as a line.
pub fn key_total_line(of: TotalOf, row: &KeyTotalRow) -> String {
    let (span, start) = match of {
        TotalOf::Day(start) => ("day", start),
        TotalOf::Month(start) => ("month", start),
    };
    format!("{span} {} {row:?}", start.millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_depends_on_rows_and_not_on_their_order() {
        let sum = |lines: &[&str]| {
            let mut sums = Sums::default();
            for line in lines {
                sums.add(KEYS, line);
            }
            sums.of(KEYS)
        };
        assert_eq!(sum(&["a", "b", "c"]), sum(&["c", "a", "b"]));
        assert_ne!(sum(&["a", "b"]), sum(&["a", "c"]));
        assert_ne!(sum(&["a", "a"]), sum(&["a"]));
        let mut joined = sum(&["a"]);
        joined.join(&sum(&["b"]));
        assert_eq!(joined, sum(&["a", "b"]));
        assert_eq!((joined.rows, joined.hex().len()), (2, 64));
    }
}

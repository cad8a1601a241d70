//! Ids with a prefix that names their kind, sortable by creation or derived from what they tell; an id never holds a secret.

use std::sync::atomic::{AtomicU32, Ordering};

use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

use super::clock::Timestamp;
use super::hex;

/// Prefix of a key's id.
pub const KEY: &str = "key_";
/// Prefix of an event's id.
pub const EVENT: &str = "evt_";
/// Prefix of a webhook endpoint's id.
pub const WEBHOOK: &str = "whk_";
/// Prefix of a delivery's id.
pub const DELIVERY: &str = "dlv_";
/// Prefix of a replay's id.
pub const REPLAY: &str = "rpl_";
/// Prefix of an audit-log entry's id.
pub const AUDIT: &str = "aud_";

/// Makes an id: `prefix` and a version 7 UUID (RFC 9562 section 5.7) as 32 hex digits, so that ids sort by creation.
pub fn new(prefix: &str) -> String {
    format!("{prefix}{}", Uuid::now_v7().simple())
}

/// How many ids [`at`] has made, which keeps those of one millisecond in order.
static MADE: AtomicU32 = AtomicU32::new(0);

/// Makes an id of something that is made at `now`, whatever this machine's clock says: ids of one kind sort by that instant,
/// and those of one instant and process by their making.
pub fn at(prefix: &str, now: Timestamp) -> String {
    // After the time come 74 bits: 32 of a count, and 42 that keep processes apart.
    let count = MADE.fetch_add(1, Ordering::Relaxed);
    let bits = (u128::from(count) << 42) | u128::from(fastrand::u64(..) >> 22);
    let mut rest = [0; 10];
    // Version and variant take four bits and two from the first and the third byte.
    rest[0] = (bits >> 70) as u8;
    rest[1] = (bits >> 62) as u8;
    rest[2] = (bits >> 56) as u8;
    rest[3..].copy_from_slice(&bits.to_be_bytes()[9..]);
    let id = Builder::from_unix_timestamp_millis(millis(now), &rest).into_uuid();
    format!("{prefix}{}", id.simple())
}

/// What the ids of things that are made at `now` or later are not less than.
pub fn first_at(prefix: &str, now: Timestamp) -> String {
    format!("{prefix}{:012x}{:020}", millis(now), 0)
}

fn millis(now: Timestamp) -> u64 {
    u64::try_from(now.millis()).unwrap_or(0)
}

/// SHA-256 over `parts`. Each counts with its length, so that what moves from one into the next is another digest.
pub fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// Derives an id: `prefix` and the first half of the [`digest`] of `parts` as 32 hex digits. The same parts give the same
/// id at any time and on any node.
pub fn derived(prefix: &str, parts: &[&str]) -> String {
    let mut id = String::with_capacity(prefix.len() + 32);
    id.push_str(prefix);
    hex::append(&mut id, &digest(parts)[..16]);
    id
}

/// Makes a request id: 32 random hex digits, not meant to be unguessable.
pub fn request_id() -> String {
    format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..))
}

/// Whether `id` has the form that [`new`] gives it with this prefix.
pub fn is_valid(prefix: &str, id: &str) -> bool {
    id.strip_prefix(prefix)
        .is_some_and(|r| hex::is_digits(r, 32))
}

/// Whether `id` may name an account: 1 to 128 of `A-Z a-z 0-9 _ - . : @`, so that it is safe in headers, URLs and labels.
/// The backend gives accounts their ids, not we.
pub fn is_account_id(id: &str) -> bool {
    (1..=super::ceilings::ACCOUNT_ID_CHARS).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-.:@".contains(&b))
}

/// Whether `id` may be an event's: backends give some of theirs themselves. It becomes the webhook-id, where a dot would
/// make the signed text ambiguous.
pub fn is_event_id(id: &str) -> bool {
    (1..=super::ceilings::EVENT_ID_CHARS).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

/// Whether `id` is kept for the gateway's own accounts: nobody's keys are of one.
pub fn is_reserved_account(id: &str) -> bool {
    id.starts_with("fuelgate:")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_sort_by_creation() {
        let ids: Vec<_> = (0..1000).map(|_| new(KEY)).collect();
        let mut sorted = ids.clone();
        sorted.sort();
        assert_eq!(ids, sorted);
        assert!(is_valid(KEY, &ids[0]) && !is_valid(EVENT, &ids[0]));
    }

    #[test]
    fn ids_of_an_instant_sort_by_it_and_then_by_their_making() {
        let t = Timestamp::from_secs(1_794_916_800);
        let before = Timestamp::from_millis(t.millis() - 1);
        let late: Vec<_> = (0..5_000).map(|_| at(DELIVERY, t)).collect();
        let early = at(DELIVERY, before);
        let mut sorted = late.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(late, sorted);
        assert!(late.iter().all(|id| is_valid(DELIVERY, id)));
        let first = first_at(DELIVERY, t);
        assert!(early < first && first < late[0], "{early} {first}");
        assert!(first_at(DELIVERY, before) < early);
        assert_eq!(first.len(), late[0].len());
        // RFC 9562: the version, and the variant.
        let id = &late[0][DELIVERY.len()..];
        assert_eq!(&id[12..13], "7");
        assert!("89ab".contains(&id[16..17]), "{id}");
    }

    #[test]
    fn a_derived_id_is_the_same_on_every_node_and_version() {
        let id = derived(EVENT, &["acct_1", "/v1/contacts", "contact.created", "r1"]);
        assert_eq!(id, "evt_f149a4a9a683bb35ab09c9ec2fc864cc");
        assert!(is_valid(EVENT, &id));
        assert_ne!(derived(EVENT, &["ab", "c"]), derived(EVENT, &["a", "bc"]));
        assert_ne!(derived(EVENT, &["a", ""]), derived(EVENT, &["a"]));
    }

    #[test]
    fn an_event_may_have_any_short_id_that_cannot_be_taken_for_a_part_of_its_signature() {
        let longest = "e".repeat(crate::base::ceilings::EVENT_ID_CHARS);
        for good in ["evt_1", "deal-won-7", "E", &longest] {
            assert!(is_event_id(good), "{good}");
        }
        for bad in ["", "a.b", "a b", "é", "a:b", &format!("{longest}e")] {
            assert!(!is_event_id(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn other_parts_give_another_id(
            a in prop::collection::vec(".{0,12}", 0..5),
            b in prop::collection::vec(".{0,12}", 0..5),
        ) {
            let of = |parts: &[String]| {
                let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                derived(EVENT, &parts)
            };
            prop_assert_eq!(of(&a) == of(&b), a == b);
            prop_assert!(is_valid(EVENT, &of(&a)));
            // The same text in other parts is not the same.
            prop_assert_eq!(of(&[a.concat()]) == of(&a), a.len() == 1);
        }
    }
}

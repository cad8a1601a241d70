//! Sortable unique ids with a prefix that names their kind; an id never holds a secret.

use uuid::Uuid;

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

/// Makes a request id: 32 random hex digits, not meant to be unguessable.
pub fn request_id() -> String {
    format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..))
}

/// Whether `id` has the form that [`new`] gives it with this prefix.
pub fn is_valid(prefix: &str, id: &str) -> bool {
    id.strip_prefix(prefix)
        .is_some_and(|r| r.len() == 32 && r.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Whether `id` may name an account: 1 to 128 of `A-Z a-z 0-9 _ - . : @`, so that it is safe in headers, URLs and labels.
/// The backend gives accounts their ids, not we.
pub fn is_account_id(id: &str) -> bool {
    (1..=super::ceilings::ACCOUNT_ID_CHARS).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-.:@".contains(&b))
}

/// Whether `id` is kept for the gateway's own accounts: nobody's keys are of one.
pub fn is_reserved_account(id: &str) -> bool {
    id.starts_with("fuelgate:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_creation() {
        let ids: Vec<_> = (0..1000).map(|_| new(KEY)).collect();
        let mut sorted = ids.clone();
        sorted.sort();
        assert_eq!(ids, sorted);
        assert!(is_valid(KEY, &ids[0]) && !is_valid(EVENT, &ids[0]));
    }
}

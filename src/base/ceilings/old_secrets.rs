//! Bounds of what is remembered of secrets that a rotation has replaced; never how long their grace is.

use std::time::Duration;

/// Addresses of which it is kept that they used a key's old secrets, the latest ones, and as many again of those that were refused.
pub const OLD_SECRET_ADDRESSES: usize = 5;
/// UTC hours of which it is kept how many requests had an old secret: the current one and those before it.
pub const OLD_SECRET_HOURS: i64 = 24;
/// Time after its end in which an old secret is still told from one that never was.
pub const OLD_SECRET_MEMORY: Duration = Duration::from_secs(30 * 24 * 3600);
/// Keys of one account whose uses of old secrets one call of the store takes.
pub const OLD_SECRET_KEYS: usize = 100;
/// Such calls that one flush has under way at once.
pub const OLD_SECRET_CALLS: usize = 16;

const _: () = assert!(OLD_SECRET_KEYS <= super::STORE_SCRIPT_KEYS);

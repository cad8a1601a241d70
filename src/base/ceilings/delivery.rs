//! Bounds of the delivery queue: attempts under way, claims, retries; never those of one exchange.

use std::time::Duration;

/// Delivery attempts under way at once.
pub const DELIVERIES_IN_FLIGHT: usize = 64;
/// What a claim on a delivery outlives the time of its attempt by: the result has to be written as well.
pub const CLAIM_MARGIN: Duration = Duration::from_secs(20);
/// Longest and shortest time between two looks for due deliveries.
pub const DELIVERY_POLL: Duration = Duration::from_secs(1);
/// See [`DELIVERY_POLL`].
pub const DELIVERY_POLL_FLOOR: Duration = Duration::from_millis(20);
/// Retries after the first attempt.
pub const WEBHOOK_RETRIES: usize = 5;
/// Longest `Retry-After` of a receiver that is honoured.
pub const WEBHOOK_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Attempts that the log of one delivery keeps; the oldest go first.
pub const WEBHOOK_ATTEMPTS_KEPT: usize = 100;

const _: () = assert!(WEBHOOK_RETRIES < WEBHOOK_ATTEMPTS_KEPT);

//! Bounds of what goes out to receivers and of what is read of their replies; never when it goes.

use std::time::Duration;

/// Addresses of a receiver's name that are tried.
pub const RESOLVED_ADDRESSES: usize = 8;
/// How long a connection to a receiver is kept for the next delivery.
pub const WEBHOOK_IDLE: Duration = Duration::from_secs(20);
/// Bytes of a receiver's reply that are read.
pub const WEBHOOK_REPLY_BYTES: usize = 16_384;
/// Bytes of a receiver's reply that the delivery log keeps.
pub const WEBHOOK_EXCERPT_BYTES: usize = 1_024;

const _: () = assert!(WEBHOOK_EXCERPT_BYTES <= WEBHOOK_REPLY_BYTES);

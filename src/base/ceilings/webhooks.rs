//! Bounds of events, rules and endpoints; never those of a delivery.

use std::time::Duration;

/// Captured exchanges that wait for their conditions; further ones wait in the store as pending for the sweeper.
pub const RELEASE_QUEUE: usize = 4_096;
/// Bytes of captured bodies that wait for their conditions and for the store.
pub const RELEASE_BYTES: usize = 67_108_864;
/// How long the end of an exchange waits for room among them.
pub const RELEASE_WAIT: Duration = Duration::from_millis(500);
/// Exchanges whose events are settled in one write.
pub const SETTLE_BATCH: usize = 256;
/// How long a response waits for its events to be recorded while the store fails, before the client gets 503.
pub const EVENT_RECORD_TIME: Duration = Duration::from_secs(5);
/// Age at which the sweeper takes a pending event for one that a crash left: no upstream exchange outlives it.
pub const PENDING_EVENT_AGE: Duration = Duration::from_secs(600);
/// Events that one write of the sweeper settles.
pub const SWEEP_BATCH: u32 = 500;
/// Time between two sweeps.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(30);
/// Event types in one request's candidates.
pub const EVENTS_PER_REQUEST: usize = 16;
/// Webhook endpoints of one account.
pub const WEBHOOKS_PER_ACCOUNT: usize = 50;
/// Event types that one endpoint may want.
pub const EVENT_TYPES_PER_WEBHOOK: usize = 100;
/// Characters of an endpoint's URL.
pub const WEBHOOK_URL_CHARS: usize = 2_048;
/// How long an endpoint's secret signs on after a rotation.
pub const WEBHOOK_SECRET_OVERLAP: Duration = Duration::from_secs(24 * 3600);
/// Secrets of one endpoint: the current one and those that still sign; a further rotation ends the oldest.
pub const WEBHOOK_SECRETS: usize = 3;
/// Characters of a publisher's own event id.
pub const EVENT_ID_CHARS: usize = 64;

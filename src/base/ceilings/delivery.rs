//! Bounds of the delivery queue: attempts under way, claims, retries; never those of one exchange.

use std::time::Duration;

/// Delivery attempts under way at once on a node: as many as receivers that hang and of which nothing is known yet may
/// take without a wait for others, beside [`DELIVERY_BYTES_IN_FLIGHT`].
pub const DELIVERIES_IN_FLIGHT: usize = 2_048;
/// Bytes that attempts under way may take on a node, events and what is read of replies together.
pub const DELIVERY_BYTES_IN_FLIGHT: usize = 134_217_728;
/// Bytes of an attempt beside its event: the request's headers, the reply that is read, the endpoint.
pub const DELIVERY_OVERHEAD_BYTES: usize = 24_576;
/// Deliveries that one look for due ones claims: what becomes due meanwhile waits no longer than for so many.
pub const DELIVERIES_CLAIMED: usize = 64;
/// Attempts under way on a node to endpoints whose last attempt failed: however many hang, the rest has the other places.
pub const SUSPECTS_IN_FLIGHT: usize = 256;
/// Of the deliveries that one look claims, those to such endpoints: a burst of them keeps no other from its turn.
pub const SUSPECTS_CLAIMED: usize = 16;
/// Endpoints with something due that one look considers; those that are passed over come up with the next.
pub const ENDPOINTS_LOOKED: usize = 512;
/// How long after a claim was asked for its attempts may begin. A deletion is answered no earlier than this after it was
/// written where claims were under way, so that no attempt begins after the answer.
pub const CLAIM_BEGIN: Duration = Duration::from_secs(2);
/// Largest `webhooks.endpoint.concurrency`, and successes that count towards it.
pub const ENDPOINT_CONCURRENCY: u32 = 64;
/// Largest `webhooks.endpoint.per_second`.
pub const ENDPOINT_PER_SECOND: u32 = 1_000;
/// Failures in a row from which an endpoint is held off for a while: more than the attempts of one delivery, whose own
/// schedule must not be bent by its own failures.
pub const BREAKER_FAILURES: u32 = 10;
/// How long an endpoint must have failed before it is held off, and then has one attempt at a time.
pub const BREAKER_TIME: Duration = Duration::from_secs(30);
/// How long it is held off first; twice as long after each further failure.
pub const BREAKER_HOLD: Duration = Duration::from_secs(1);
/// Longest time that it is held off.
pub const BREAKER_HOLD_MOST: Duration = Duration::from_secs(300);
/// First pause between attempts to an endpoint that says it has too much to do; twice as long each time it says so again,
/// half as long after each success.
pub const PACE_FIRST: Duration = Duration::from_millis(250);
/// Longest such pause.
pub const PACE_MOST: Duration = Duration::from_secs(60);
/// Longest `Retry-After` of a receiver that holds off all of its endpoint's deliveries, and not only the one it answered.
pub const ENDPOINT_RETRY_AFTER: Duration = Duration::from_secs(3_600);
/// Notices that wait to become operational events; further ones are lost and counted.
pub const NOTICES_WAITING: usize = 10_000;
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
/// What the instant in a delivery's id and the one of its making may differ by: of those that were made before ids were
/// made of that instant.
pub const DELIVERY_ID_SLACK: Duration = Duration::from_secs(600);
/// Attempts that the log of one delivery keeps; the oldest go first.
pub const WEBHOOK_ATTEMPTS_KEPT: usize = 100;

const _: () = assert!(WEBHOOK_RETRIES < WEBHOOK_ATTEMPTS_KEPT);
const _: () = assert!(WEBHOOK_RETRIES + 1 < BREAKER_FAILURES as usize);
const _: () = assert!(CLAIM_BEGIN.as_secs() < CLAIM_MARGIN.as_secs());
const _: () = assert!(SUSPECTS_IN_FLIGHT < DELIVERIES_IN_FLIGHT);

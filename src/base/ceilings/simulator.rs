//! Bounds of the simulator and its inboxes; never those of real deliveries.

use std::time::Duration;

use super::{ADMIN_BODY_BYTES, EVENT_DATA_BYTES};

/// Simulated sends, and dry runs, that one node has under way at once; further ones are told to come again.
pub const SIMULATOR_REQUESTS: usize = 8;
/// Those of one account, so that it does not keep the others from theirs.
pub const SIMULATOR_ACCOUNT_REQUESTS: usize = 2;
/// Bytes of a body that is signed as it was written.
pub const SIMULATOR_BODY_BYTES: usize = EVENT_DATA_BYTES + 4_096;
/// Bytes of `data` of the profile `huge`: the most that an event has.
pub const SIMULATOR_HUGE_BYTES: usize = EVENT_DATA_BYTES;
/// Bytes of a sent body that are shown beside its reply.
pub const SIMULATOR_SHOWN_BYTES: usize = 16_384;
/// Between two requests of one profile: a receiver that works on the first must see them apart.
pub const SIMULATOR_GAP: Duration = Duration::from_millis(200);
/// How long the profile `slow` takes to send a body.
pub const SIMULATOR_SLOW_TIME: Duration = Duration::from_secs(5);
/// Pieces of the body that the profile `slow` sends.
pub const SIMULATOR_SLOW_PIECES: u32 = 20;
/// How far back the profile `old_timestamp` signs: twice what receivers tolerate.
pub const SIMULATOR_OLD: Duration = Duration::from_secs(600);
/// How far the time of a webhook may be off for those who verify it (the clients of Standard Webhooks use five minutes).
pub const WEBHOOK_TOLERANCE: Duration = Duration::from_secs(300);
/// Values of an example that is made of a schema.
pub const EXAMPLE_VALUES: usize = 500;
/// How deep an example that is made of a schema goes, references included.
pub const EXAMPLE_DEPTH: usize = 12;
/// Bytes of a HAR file that a client reads.
pub const HAR_BYTES: usize = 64 * 1_048_576;
/// Header fields of one side of a typed or recorded exchange.
pub const DRY_RUN_HEADERS: usize = 100;
/// Bytes of one body of a typed or recorded exchange, decoded.
pub const DRY_RUN_BODY_BYTES: usize = ADMIN_BODY_BYTES;

/// Inboxes of an account.
pub const INBOXES_PER_ACCOUNT: usize = 10;
/// Messages of an inbox; the oldest goes where there is one more.
pub const INBOX_MESSAGES: usize = 100;
/// Bytes of all messages of an inbox; the oldest go where there are more.
pub const INBOX_BYTES: usize = 4 * 1_048_576;
/// Bytes of a body that an inbox takes: that of the largest event fits.
pub const INBOX_BODY_BYTES: usize = EVENT_DATA_BYTES + 8_192;
/// Header fields that an inbox keeps of a request.
pub const INBOX_HEADERS: usize = 64;
/// Bytes of the header fields that an inbox keeps of a request.
pub const INBOX_HEADER_BYTES: usize = 8_192;
/// How long an inbox lives at most.
pub const INBOX_LIFE: Duration = Duration::from_secs(24 * 3600);
/// How long an inbox lives where nobody says.
pub const INBOX_LIFE_DEFAULT: Duration = Duration::from_secs(3600);
/// Requests to inboxes that one source may make at once.
pub const INBOX_BURST: u32 = 100;
/// Requests to inboxes that one source may make each second after that.
pub const INBOX_PER_SECOND: u32 = 20;
/// Sources whose requests to inboxes are counted; the others share a count.
pub const INBOX_SOURCES: usize = 4_096;
/// Requests to inboxes under way at once on one node.
pub const INBOX_REQUESTS: usize = 64;

const _: () = assert!(SIMULATOR_ACCOUNT_REQUESTS < SIMULATOR_REQUESTS);
const _: () = assert!(INBOX_BODY_BYTES + INBOX_HEADER_BYTES < INBOX_BYTES);
const _: () = assert!(SIMULATOR_HUGE_BYTES < INBOX_BODY_BYTES);
const _: () = assert!(SIMULATOR_BODY_BYTES < ADMIN_BODY_BYTES);
const _: () = assert!(SIMULATOR_OLD.as_secs() > WEBHOOK_TOLERANCE.as_secs());

//! Bounds of replays, dead letters and operational events; never those of one delivery.

use std::time::Duration;

/// How long deliveries that have failed are kept at least, with their events.
pub const DEAD_LETTER_TIME: Duration = Duration::from_secs(30 * 24 * 3600);
/// Jobs of replay that are under way at once.
pub const REPLAY_JOBS: usize = 16;
/// Of them those of one account, so that no account keeps the others from theirs.
pub const REPLAY_JOBS_OF_ACCOUNT: usize = 2;
/// Deliveries that one step of such a job looks at.
pub const REPLAY_LOOK: u32 = 1_000;
/// Deliveries that one step of such a job starts anew.
pub const REPLAY_STEP: u32 = 100;
/// Most deliveries that a job starts anew in a second.
pub const REPLAY_PER_SECOND: u32 = 1_000;
/// How long a node has a job before another one may go on with it.
pub const REPLAY_CLAIM: Duration = Duration::from_secs(30);
/// How often jobs are looked for that no node is at.
pub const REPLAY_POLL: Duration = Duration::from_secs(1);
/// How long jobs that have ended are remembered.
pub const REPLAY_MEMORY: Duration = Duration::from_secs(30 * 24 * 3600);
/// How many of an account's jobs are remembered, those that run included.
pub const REPLAY_JOBS_KEPT: usize = 100;
/// How much younger than the retention of deliveries events are that a recovery makes deliveries of: a delivery of a younger
/// one is still there wherever there was one, whatever clocks differ by.
pub const RECOVERY_MARGIN: Duration = Duration::from_secs(600);
/// Notices that are taken at once.
pub const NOTICES_STEP: u32 = 100;
/// How often notices are looked for.
pub const NOTICES_POLL: Duration = Duration::from_secs(2);
/// How often keys are looked for that expire soon.
pub const EXPIRY_LOOK: Duration = Duration::from_secs(3600);
/// How often is looked at what accounts in use have used.
pub const THRESHOLD_LOOK: Duration = Duration::from_secs(30);
/// Marks of usage that were told and are remembered as such; where there are more, the store is asked.
pub const TOLD_MARKS: usize = 100_000;

const _: () = assert!(REPLAY_STEP <= REPLAY_LOOK);
const _: () = assert!(REPLAY_JOBS_OF_ACCOUNT < REPLAY_JOBS_KEPT);

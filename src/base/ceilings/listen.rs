//! Bounds of streams of released events; never those of a delivery.

use std::time::Duration;

/// Streams that a node serves at once; further ones are refused.
pub const LISTEN_STREAMS: usize = 64;
/// Events that a stream reads of the store at once, each with its data.
pub const LISTEN_PAGE: u32 = 16;
/// How often a stream looks for events that were released since.
pub const LISTEN_POLL: Duration = Duration::from_millis(250);
/// How often a stream says where it stands when nothing happens, and whether its token is still good is looked at.
pub const LISTEN_BEAT: Duration = Duration::from_secs(10);
/// How long a stream lasts; its reader opens the next one where it ended.
pub const LISTEN_LIFE: Duration = Duration::from_secs(900);
/// How long a stream waits for a reader that takes nothing.
pub const LISTEN_STALL: Duration = Duration::from_secs(30);
/// How far back a stream begins where events have other numbers than its reader knows, as after a failover that lost some.
pub const LISTEN_BACK: u64 = 1_000;
/// Events that a reader remembers, so that one which comes again is left out.
pub const LISTEN_REMEMBERED: usize = 4_096;
/// How long a reader waits for a word of its stream before it opens another.
pub const LISTEN_SILENCE: Duration = Duration::from_secs(35);
/// How long the receiver of a forwarded event has to answer.
pub const LISTEN_FORWARD_TIME: Duration = Duration::from_secs(30);
/// First wait before a stream is opened, or an event sent, again; it doubles.
pub const LISTEN_WAIT_FIRST: Duration = Duration::from_millis(250);
/// Longest such wait.
pub const LISTEN_WAIT_MOST: Duration = Duration::from_secs(10);

const _: () = assert!(LISTEN_BEAT.as_millis() * 3 < LISTEN_SILENCE.as_millis());
const _: () = assert!((LISTEN_BACK as usize) < LISTEN_REMEMBERED);

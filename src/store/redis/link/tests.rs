//! The link to real servers, whole and broken: what its callers are told, how soon, and that it heals by itself.

/// A script whose text stands in the test.
macro_rules! inline {
    ($name:ident, $text:literal) => {
        static $name: $crate::store::redis::script::Script = $crate::store::redis::script::Script {
            text: $text,
            digest: std::sync::LazyLock::new(|| $crate::store::redis::script::digest($text)),
        };
    };
}

mod access;
mod cluster;
mod faults;
mod listening;
mod refusals;
mod sentinel;
mod whole;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::*;
use crate::base::ceilings::REDIS_PROBE_LONGEST;

inline!(ADD, "return redis.call('INCRBY', KEYS[1], ARGV[1])");
inline!(REFUSE, "return redis.error_reply(ARGV[1])");
inline!(
    TELL,
    "redis.call('SET', KEYS[1], ARGV[2]) redis.call('PUBLISH', ARGV[1], ARGV[2])"
);

/// The deadline of hot calls in these tests: that of the configuration's default.
const DEADLINE: Duration = Duration::from_millis(20);
/// What a busy machine may add to it: far less than any wait that is bounded by something else.
const SLACK: Duration = Duration::from_millis(250);
/// How long a server that is back may stay unnoticed: a probe that hangs, then a pause.
const HEALED: Duration = REDIS_CONNECT_TIME
    .saturating_add(REDIS_PROBE_LONGEST)
    .saturating_add(Duration::from_secs(2));

fn hot(settings: RedisStore) -> RedisStore {
    RedisStore {
        deadline: DEADLINE,
        ..settings
    }
}

fn set(key: &str, value: &str) -> Cmd {
    let mut cmd = redis::cmd("SET");
    cmd.arg(key).arg(value);
    cmd
}

fn get(key: &str) -> Cmd {
    let mut cmd = redis::cmd("GET");
    cmd.arg(key);
    cmd
}

async fn write(link: &Link, patience: Patience, key: &str) -> Result<(), StoreError> {
    link.run(patience, &set(key, "1")).await
}

/// Waits until `holds`, letting others run meanwhile.
async fn eventually(most: Duration, what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < most, "{what}: not within {most:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Waits until hot writes go through.
async fn heals(link: &Link, key: &str, most: Duration) {
    let healed = async || write(link, Patience::Hot, key).await.is_ok();
    eventually(most, "hot calls go through", healed).await;
}

async fn breaks(link: &Link) {
    let broken = async || link.stats().breakers_open > 0;
    eventually(Duration::from_secs(5), "the breaker opens", broken).await;
}

/// Hot calls one after the other, for as long as it is not stopped.
struct Load {
    stop: Arc<AtomicBool>,
    work: JoinHandle<Seen>,
}

/// What the callers of a [`Load`] saw.
#[derive(Debug, Default)]
struct Seen {
    good: u64,
    failed: u64,
    longest: Duration,
}

impl Load {
    /// Starts it and waits until the first call has ended.
    async fn start(link: &Link, key: &str) -> Self {
        let before = link.stats().calls;
        let stop = Arc::new(AtomicBool::new(false));
        let (called, key, stopped) = (link.clone(), key.to_owned(), Arc::clone(&stop));
        let work = tokio::spawn(async move {
            let mut seen = Seen::default();
            while !stopped.load(Ordering::Relaxed) {
                let began = Instant::now();
                match write(&called, Patience::Hot, &key).await {
                    Ok(()) => seen.good += 1,
                    Err(StoreError::Unavailable(_)) => seen.failed += 1,
                    Err(e) => panic!("{e}"),
                }
                seen.longest = seen.longest.max(began.elapsed());
                tokio::task::yield_now().await;
            }
            seen
        });
        let called = async || link.stats().calls > before;
        eventually(HEALED, "the first call", called).await;
        Self { stop, work }
    }

    /// Stops it and sees that no call took longer than its deadline.
    async fn stop(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        let seen = self.work.await.unwrap();
        assert!(seen.longest <= DEADLINE + SLACK, "{seen:?}");
        seen
    }
}

//! What the tests share: the built binary as a process, backends, raw HTTP and foreign programs; never an assertion about behaviour.

pub mod backend;
pub mod browser;
pub mod cli;
pub mod demo;
pub mod gateway;
pub mod hostile;
pub mod html;
pub mod http;
pub mod listener;
pub mod portal;
pub mod programs;
pub mod proxy;
pub mod receivers;
pub mod redis;
pub mod smtp;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use fuelgate::base::clock::{Clock, Timestamp};

/// Waits until `condition` gives a value, for `limit` at most; polls, since other processes cannot wake us.
pub fn eventually<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < end, "did not happen in {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether an instant that another process has noted lies between `begun` and now, give or take the second by which its clock
/// and ours may be apart.
pub fn is_since(begun: Timestamp, noted: &serde_json::Value) -> bool {
    let noted: Timestamp = serde_json::from_value(noted.clone()).unwrap();
    let second = Duration::from_secs(1);
    begun.minus(second) <= noted && noted <= Clock::system().now().plus(second)
}

/// The root of the checkout that the tests are run in; it need not be the one they were built in, since two can share their
/// build output.
pub fn checkout() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR")
        .unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into())
        .into()
}

/// Whether the long forms of tests are wanted (`tests/run.sh --full`).
pub fn full() -> bool {
    std::env::var("FUELGATE_TEST_FULL").is_ok_and(|v| v == "1")
}

//! What tests of every layer share: waiting for what others do meanwhile; never a double of anything.

use std::time::{Duration, Instant};

/// As long as a busy machine may take: nothing waits so long unless it is broken.
const MOST: Duration = Duration::from_secs(30);

/// Waits until `holds`, letting others run meanwhile.
///
/// # Panics
/// It does not come to hold: a broken program fails its test and does not hang it.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < MOST, "{what}: not within {MOST:?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

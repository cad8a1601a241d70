//! How far the servers' clocks are from ours, by when an answer can have been given, and that ours follows; never what time decides.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use parking_lot::Mutex;

use super::Store;
use crate::base::ceilings::{CLOCK_SKEW, CLOCK_STEP, REDIS_CLOCK_READINGS};
use crate::base::clock::{Clock, Timestamp};

/// What ours is worth: it counts whole milliseconds.
const OURS_MS: i64 = 1;

/// By how much a clock is ahead of ours, and how far that may be off, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offset {
    pub(super) ms: i64,
    pub(super) error_ms: i64,
}

impl Offset {
    /// The offset that the answer `server` (in microseconds since the Unix epoch) shows to a question that was asked at
    /// `sent` and answered `took` later: it was written somewhere in between.
    fn of(sent: Timestamp, took: Duration, server_us: i64) -> Self {
        let half_us = i64::try_from(took.as_micros() / 2).unwrap_or(i64::MAX / 2);
        let middle_us = sent.millis().saturating_mul(1000).saturating_add(half_us);
        Self {
            ms: server_us.saturating_sub(middle_us).div_euclid(1000),
            error_ms: half_us / 1000 + OURS_MS,
        }
    }

    /// Whether both can be true of one clock.
    const fn agrees(self, other: Self) -> bool {
        self.ms.abs_diff(other.ms) <= self.error_ms.unsigned_abs() + other.error_ms.unsigned_abs()
    }
}

/// Estimates the offset of one clock from its last readings.
#[derive(Debug, Default)]
struct Estimator(VecDeque<Offset>);

impl Estimator {
    /// Takes in a reading. One that contradicts those before shows that a clock was set: they are forgotten.
    fn add(&mut self, offset: Offset) {
        if self.0.iter().any(|before| !before.agrees(offset)) {
            self.0.clear();
        }
        if self.0.len() >= REDIS_CLOCK_READINGS {
            self.0.pop_front();
        }
        self.0.push_back(offset);
    }

    /// The reading that was answered fastest, the newest of those.
    fn best(&self) -> Option<Offset> {
        self.0
            .iter()
            .rev()
            .min_by_key(|offset| offset.error_ms)
            .copied()
    }
}

/// The servers' clocks as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreClock {
    /// By how much they are ahead of ours, in milliseconds: their median.
    pub offset_ms: i64,
    /// How far that may be off.
    pub error_ms: i64,
    /// By how much the one that is farthest from ours differs.
    pub skew_ms: u64,
}

impl StoreClock {
    /// What the store's clock shows when ours shows `now`.
    pub fn at(self, now: Timestamp) -> Timestamp {
        Timestamp::from_millis(now.millis().saturating_add(self.offset_ms))
    }

    /// By how many milliseconds our clock is set ahead to follow them, where it was set ahead by `before`. Differences that
    /// may be none, and small ones, change nothing.
    fn ahead_ms(self, before: i64) -> i64 {
        let step = i64::try_from(CLOCK_STEP.as_millis()).unwrap_or(i64::MAX);
        let small = step.saturating_add(self.error_ms).unsigned_abs();
        if self.offset_ms.abs_diff(before) <= small {
            before
        } else if self.offset_ms.unsigned_abs() <= small {
            0
        } else {
            self.offset_ms
        }
    }
}

/// The whole of several clocks.
fn whole(mut offsets: Vec<Offset>) -> Option<StoreClock> {
    offsets.sort_unstable_by_key(|offset| offset.ms);
    let median = offsets.get(offsets.len().saturating_sub(1) / 2)?;
    let farthest = offsets.iter().map(|offset| offset.ms.unsigned_abs()).max();
    Some(StoreClock {
        offset_ms: median.ms,
        error_ms: median.error_ms,
        skew_ms: farthest.unwrap_or_default(),
    })
}

/// What is known of the servers' clocks.
#[derive(Debug, Default)]
pub(super) struct Clocks(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    servers: BTreeMap<String, Estimator>,
    warned: bool,
}

impl Clocks {
    /// Takes in readings of all servers; those that are no longer there are forgotten.
    fn add(&self, readings: Vec<(String, Option<Offset>)>) -> Option<StoreClock> {
        let mut known = self.0.lock();
        known
            .servers
            .retain(|server, _| readings.iter().any(|(there, _)| there == server));
        for (server, offset) in readings {
            let estimator = known.servers.entry(server).or_default();
            if let Some(offset) = offset {
                estimator.add(offset);
            }
        }
        let clock = known.whole();
        let skewed = clock.is_some_and(|c| u128::from(c.skew_ms) > CLOCK_SKEW.as_millis());
        if skewed != known.warned
            && let Some(clock) = clock
        {
            known.warned = skewed;
            if skewed {
                tracing::warn!(
                    skew_ms = clock.skew_ms,
                    "the clocks of this machine and of redis differ; expected both to be synchronised"
                );
            } else {
                tracing::info!(
                    skew_ms = clock.skew_ms,
                    "the clocks of this machine and of redis agree"
                );
            }
        }
        clock
    }

    fn read(&self) -> Option<StoreClock> {
        self.0.lock().whole()
    }
}

impl Known {
    fn whole(&self) -> Option<StoreClock> {
        whole(self.servers.values().filter_map(Estimator::best).collect())
    }
}

impl Store {
    /// Reads the servers' clocks against the machine's, as is to be done every few seconds, lets `clock` follow them, and
    /// warns when they differ by more than [`CLOCK_SKEW`]. `None` while no server has answered.
    pub async fn read_clocks(&self, clock: &Clock) -> Option<StoreClock> {
        let readings = self.link.read_clocks(clock).await;
        let offsets = readings.into_iter().map(|(server, reading)| {
            let offset = reading
                .ok()
                .map(|r| Offset::of(r.sent, r.took, r.server_us));
            (server, offset)
        });
        let known = self.clocks.add(offsets.collect());
        if let Some(theirs) = known {
            clock.follow(theirs.ahead_ms(clock.ahead_ms()));
        }
        known
    }

    /// What is known of the servers' clocks.
    pub fn clock(&self) -> Option<StoreClock> {
        self.clocks.read()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn offset(ms: i64, error_ms: i64) -> Offset {
        Offset { ms, error_ms }
    }

    #[test]
    fn an_answer_is_taken_for_written_half_way() {
        let sent = Timestamp::from_millis(10_000);
        let found = Offset::of(sent, 100 * MS, 12_050_000);
        assert_eq!(found, offset(2_000, 51));
        assert_eq!(Offset::of(sent, MS, 9_000_000).ms, -1_001);
    }

    proptest! {
        #[test]
        fn the_true_offset_is_within_the_error(
            ours in 1_000_000_i64..2_000_000_000_000,
            ours_us in 0_i64..1_000,
            true_us in -10_000_000_i64..10_000_000,
            there_us in 0_u64..500_000,
            back_us in 0_u64..500_000,
        ) {
            // Our clock shows whole milliseconds of the instant that it is.
            let sent_us = ours * 1000 + ours_us;
            let server_us = sent_us + i64::try_from(there_us).unwrap() + true_us;
            let took = Duration::from_micros(there_us + back_us);
            let found = Offset::of(Timestamp::from_millis(ours), took, server_us);
            let off = (found.ms * 1000 - true_us).abs();
            prop_assert!(off <= (found.error_ms + 1) * 1000, "{found:?}, off by {off} us");
        }
    }

    #[test]
    fn ours_follows_theirs_in_steps_that_are_worth_it() {
        let theirs = |offset_ms, error_ms| StoreClock {
            offset_ms,
            error_ms,
            skew_ms: 0,
        };
        for (before, offset_ms, error_ms, expected) in [
            (0, 100, 1, 0),
            (0, -101, 1, 0),
            (0, 102, 1, 102),
            (0, -102, 1, -102),
            // A reading that may be off by so much says nothing.
            (0, 400, 300, 0),
            (102, 150, 1, 102),
            (102, 50, 1, 102),
            (102, 0, 1, 0),
            (5_000, 4_000, 1, 4_000),
        ] {
            let ahead = theirs(offset_ms, error_ms).ahead_ms(before);
            assert_eq!(ahead, expected, "{before} {offset_ms} {error_ms}");
        }
    }

    #[test]
    fn the_fastest_answer_counts_until_it_is_old() {
        let mut estimator = Estimator::default();
        assert_eq!(estimator.best(), None);
        estimator.add(offset(10, 1));
        for n in 0..REDIS_CLOCK_READINGS - 1 {
            estimator.add(offset(15, 20 + i64::try_from(n).unwrap()));
            assert_eq!(estimator.best(), Some(offset(10, 1)));
        }
        estimator.add(offset(12, 30));
        assert_eq!(estimator.best(), Some(offset(15, 20)));
    }

    #[test]
    fn a_clock_that_was_set_is_believed_at_once() {
        let mut estimator = Estimator::default();
        for _ in 0..REDIS_CLOCK_READINGS {
            estimator.add(offset(0, 1));
        }
        estimator.add(offset(5_000, 40));
        assert_eq!(estimator.best(), Some(offset(5_000, 40)));
    }

    #[test]
    fn of_several_servers_the_median_counts_and_the_farthest_is_the_skew() {
        assert_eq!(whole(Vec::new()), None);
        let clock = whole(vec![offset(3, 1), offset(-4_000, 2), offset(5, 3)]).unwrap();
        assert_eq!(
            (clock.offset_ms, clock.error_ms, clock.skew_ms),
            (3, 1, 4_000)
        );
        let now = Timestamp::from_millis(1_000_000);
        assert_eq!(clock.at(now), Timestamp::from_millis(1_000_003));
    }

    #[test]
    fn servers_that_have_left_no_longer_count() {
        let clocks = Clocks::default();
        let reading = |server: &str, ms| (server.to_owned(), Some(offset(ms, 1)));
        let both = clocks
            .add(vec![reading("a", 0), reading("b", 9_000)])
            .unwrap();
        assert_eq!(both.skew_ms, 9_000);
        // One that does not answer keeps what is known of it.
        let silent = clocks
            .add(vec![reading("a", 0), ("b".to_owned(), None)])
            .unwrap();
        assert_eq!(silent.skew_ms, 9_000);
        assert_eq!(clocks.add(vec![reading("a", 0)]).unwrap().skew_ms, 0);
        assert_eq!(clocks.read().unwrap().skew_ms, 0);
    }
}

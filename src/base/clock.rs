//! The one source of time: wall-clock instants, UTC windows, monotonic ticks and clocks that tests can move; never a sleep or a timer.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds in an hour.
pub const HOUR_MS: i64 = 3_600_000;
/// Milliseconds in a day.
pub const DAY_MS: i64 = 86_400_000;
/// A day.
pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// The largest instant that RFC 3339 can write: 9999-12-31T23:59:59.999Z.
const MAX_MS: i64 = 253_402_300_799_999;

/// An instant in UTC, in whole milliseconds since the Unix epoch. JSON shows it as RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// An instant from milliseconds since the Unix epoch, clamped to the years 1970 to 9999.
    pub const fn from_millis(ms: i64) -> Self {
        if ms < 0 {
            Self(0)
        } else if ms > MAX_MS {
            Self(MAX_MS)
        } else {
            Self(ms)
        }
    }

    /// An instant from whole seconds since the Unix epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self::from_millis(secs.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn secs(self) -> i64 {
        self.0 / 1000
    }

    /// This instant and `d` more.
    pub fn plus(self, d: Duration) -> Self {
        Self::from_millis(
            self.0
                .saturating_add(i64::try_from(d.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// This instant less `d`.
    pub fn minus(self, d: Duration) -> Self {
        Self::from_millis(
            self.0
                .saturating_sub(i64::try_from(d.as_millis()).unwrap_or(i64::MAX)),
        )
    }

    /// How long since `earlier`; zero when the clock went back.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// The start of the UTC hour this instant lies in.
    pub const fn hour_start(self) -> Self {
        Self(self.0 - self.0 % HOUR_MS)
    }

    /// The start of the UTC day this instant lies in.
    pub const fn day_start(self) -> Self {
        Self(self.0 - self.0 % DAY_MS)
    }

    /// The start of the UTC month this instant lies in.
    pub fn month_start(self) -> Self {
        let (y, m) = self.year_month();
        Self::of_month(y, m)
    }

    /// The start of the UTC month after the one this instant lies in.
    pub fn next_month_start(self) -> Self {
        let (y, m) = self.year_month();
        if m == 12 {
            Self::of_month(y + 1, 1)
        } else {
            Self::of_month(y, m + 1)
        }
    }

    fn year_month(self) -> (i16, i8) {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(t) => {
                let d = jiff::tz::Offset::UTC.to_datetime(t).date();
                (d.year(), d.month())
            }
            Err(_) => (1970, 1),
        }
    }

    fn of_month(year: i16, month: i8) -> Self {
        jiff::civil::Date::new(year, month, 1)
            .ok()
            .and_then(|d| {
                let midnight = d.to_datetime(jiff::civil::Time::midnight());
                jiff::tz::Offset::UTC.to_timestamp(midnight).ok()
            })
            .map_or(Self(MAX_MS), |t| Self(t.as_millisecond()))
    }

    /// Reads RFC 3339 text with any offset.
    ///
    /// # Errors
    /// A sentence that says what was expected, fit to show to whoever wrote the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        text.parse::<jiff::Timestamp>()
            .map(|t| Self::from_millis(t.as_millisecond()))
            .map_err(|_| "expected an RFC 3339 instant such as 2026-12-01T00:00:00Z".to_owned())
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(t) => t.fmt(f),
            Err(_) => f.write_str("9999-12-31T23:59:59Z"),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Where `now` comes from: the machine, the store that several machines share, or a test that moves it by hand. Cloning shares
/// the clock.
#[derive(Debug, Clone, Default)]
pub struct Clock(Hands);

#[derive(Debug, Clone, Default)]
enum Hands {
    #[default]
    System,
    /// Milliseconds that the clock it follows is ahead of the machine's.
    Following(Arc<AtomicI64>),
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    pub const fn system() -> Self {
        Self(Hands::System)
    }

    /// The machine's clock, set right by [`Clock::follow`].
    pub fn following() -> Self {
        Self(Hands::Following(Arc::default()))
    }

    /// A clock that stands still until [`Clock::set`] or [`Clock::advance`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self(Hands::Manual(Arc::new(AtomicI64::new(start.millis()))))
    }

    /// The instant now, by whose clock decides windows and expiries.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Hands::System => machine(),
            Hands::Following(ahead) => {
                let ahead = ahead.load(Ordering::Relaxed);
                Timestamp::from_millis(machine().0.saturating_add(ahead))
            }
            Hands::Manual(ms) => Timestamp(ms.load(Ordering::SeqCst)),
        }
    }

    /// The instant at which the machine's monotonic clock showed `at`, a moment ago: for those who have just read that one, since
    /// reading a clock takes as long as a hundred instructions. A step of the machine's clock is seen within
    /// [`ANCHOR_LIFE`].
    pub fn at(&self, at: Instant) -> Timestamp {
        match &self.0 {
            Hands::System => machine_at(at),
            Hands::Following(ahead) => {
                let ahead = ahead.load(Ordering::Relaxed);
                Timestamp::from_millis(machine_at(at).0.saturating_add(ahead))
            }
            Hands::Manual(_) => self.now(),
        }
    }

    /// The instant now by the machine's own clock, for those who compare it with theirs.
    pub fn own(&self) -> Timestamp {
        match &self.0 {
            Hands::System | Hands::Following(_) => machine(),
            Hands::Manual(ms) => Timestamp(ms.load(Ordering::SeqCst)),
        }
    }

    /// Milliseconds that [`Clock::now`] is ahead of [`Clock::own`].
    pub fn ahead_ms(&self) -> i64 {
        match &self.0 {
            Hands::Following(ahead) => ahead.load(Ordering::Relaxed),
            Hands::System | Hands::Manual(_) => 0,
        }
    }

    /// Sets a clock that follows another to be so many milliseconds ahead of the machine's; other clocks ignore it.
    pub fn follow(&self, ahead_ms: i64) {
        if let Hands::Following(ahead) = &self.0 {
            ahead.store(ahead_ms, Ordering::Relaxed);
        }
    }

    /// Moves a manual clock to `t`; other clocks ignore it.
    pub fn set(&self, t: Timestamp) {
        if let Hands::Manual(ms) = &self.0 {
            ms.store(t.millis(), Ordering::SeqCst);
        }
    }

    /// Moves a manual clock on by `d`; other clocks ignore it.
    pub fn advance(&self, d: Duration) {
        self.set(self.now().plus(d));
    }
}

fn machine() -> Timestamp {
    of_epoch(since_epoch())
}

fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

fn of_epoch(since: Duration) -> Timestamp {
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(MAX_MS))
}

/// How long a thread takes the machine's clock for as far from its monotonic one as it was.
pub const ANCHOR_LIFE: Duration = Duration::from_millis(100);

thread_local! {
    /// What both clocks of the machine showed when this thread last read both.
    static ANCHOR: Cell<Option<(Instant, Duration)>> = const { Cell::new(None) };
}

fn machine_at(at: Instant) -> Timestamp {
    let told = ANCHOR.get().and_then(|anchor| told_by(anchor, at));
    of_epoch(told.unwrap_or_else(|| {
        let (begun, since) = (Instant::now(), since_epoch());
        ANCHOR.set(Some((begun, since)));
        since.saturating_sub(begun.saturating_duration_since(at))
    }))
}

/// What the machine's clock shows when its monotonic one shows `at`, as far as `anchor` tells it.
fn told_by((begun, since): (Instant, Duration), at: Instant) -> Option<Duration> {
    let passed = at.checked_duration_since(begun)?;
    (passed < ANCHOR_LIFE).then(|| since.saturating_add(passed))
}

/// Milliseconds of a clock that never goes back and is nobody else's. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Ticks(Source);

#[derive(Debug, Clone)]
enum Source {
    Since(Instant),
    Manual(Arc<AtomicU64>),
}

impl Default for Ticks {
    fn default() -> Self {
        Self::system()
    }
}

impl Ticks {
    /// The machine's monotonic clock, from now on. Its first tick is not 0, so that 0 is before everything.
    pub fn system() -> Self {
        Self(Source::Since(
            Instant::now()
                .checked_sub(Duration::from_millis(1))
                .unwrap_or_else(Instant::now),
        ))
    }

    /// Ticks that stand still until [`Ticks::advance`] moves them.
    pub fn manual(start: u64) -> Self {
        Self(Source::Manual(Arc::new(AtomicU64::new(start))))
    }

    /// The tick now.
    pub fn now(&self) -> u64 {
        match &self.0 {
            Source::Since(begin) => u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX),
            Source::Manual(ms) => ms.load(Ordering::SeqCst),
        }
    }

    /// Moves manual ticks on by `d`; the system's ignore it.
    pub fn advance(&self, d: Duration) {
        if let Source::Manual(ms) = &self.0 {
            let by = u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
            ms.fetch_add(by, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_start_and_end_where_the_calendar_says() {
        let t = Timestamp::parse("2026-12-31T23:59:59.999Z").unwrap();
        assert_eq!(t.month_start().to_string(), "2026-12-01T00:00:00Z");
        assert_eq!(t.next_month_start().to_string(), "2027-01-01T00:00:00Z");
        assert_eq!(t.hour_start().to_string(), "2026-12-31T23:00:00Z");
        assert_eq!(t.day_start().to_string(), "2026-12-31T00:00:00Z");
    }

    #[test]
    fn a_clock_that_follows_another_still_knows_the_machines() {
        let clock = Clock::following();
        clock.follow(3_600_000);
        let ahead = clock.clone().now().since(clock.own());
        assert!(ahead.as_secs().abs_diff(3_600) <= 1, "{ahead:?}");
        assert_eq!(clock.ahead_ms(), 3_600_000);
        for clock in [Clock::system(), Clock::manual(Timestamp::from_secs(1))] {
            clock.follow(3_600_000);
            assert!(clock.now().since(clock.own()) < Duration::from_secs(1));
        }
    }

    #[test]
    fn a_reading_of_both_clocks_tells_later_instants_for_as_long_as_it_lives() {
        let (begun, since) = (Instant::now(), Duration::from_secs(1_000));
        let told = |after| told_by((begun, since), begun + after);
        assert_eq!(told(Duration::ZERO), Some(since));
        let last = ANCHOR_LIFE - Duration::from_nanos(1);
        assert_eq!(told(last), Some(since + last));
        assert_eq!(told(ANCHOR_LIFE), None);
        let before = begun.checked_sub(Duration::from_nanos(1)).unwrap();
        assert_eq!(told_by((begun, since), before), None);
    }

    #[test]
    fn a_monotonic_reading_tells_the_instant_too() {
        // Of several tries, since something else may have its turn between two readings.
        let close = |clock: &Clock, ago: Duration| {
            let apart = |_| {
                let at = Instant::now().checked_sub(ago).unwrap();
                let (a, b) = (clock.at(at), clock.now().minus(ago));
                a.since(b).max(b.since(a))
            };
            (0..20).map(apart).min() < Some(Duration::from_millis(5))
        };
        let ahead = Clock::following();
        ahead.follow(3_600_000);
        for clock in [Clock::system(), ahead] {
            assert!(close(&clock, Duration::ZERO));
            // One that is older than what was read last is told as well.
            assert!(close(&clock, Duration::from_secs(10)));
        }
        let still = Clock::manual(Timestamp::from_secs(7));
        assert_eq!(still.at(Instant::now()), Timestamp::from_secs(7));
    }

    #[test]
    fn time_that_went_back_is_no_time() {
        let t = Timestamp::from_secs(100);
        assert_eq!(t.since(Timestamp::from_secs(200)), Duration::ZERO);
    }

    #[test]
    fn json_is_rfc_3339_both_ways() {
        let t = Timestamp::from_millis(1_614_265_330_123);
        let s = serde_json::to_string(&t).unwrap();
        assert_eq!(s, "\"2021-02-25T15:02:10.123Z\"");
        assert_eq!(serde_json::from_str::<Timestamp>(&s).unwrap(), t);
    }
}

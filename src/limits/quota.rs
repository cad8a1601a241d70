//! A count in a UTC window that begins anew with the next: pure, `now` comes in; never what the limit is.

use crate::base::clock::{HOUR_MS, Timestamp};

/// How far `now` may lie before the window and still be a late caller, who counts in the window that is open.
const LATE_MS: i64 = 2_000;

/// Which windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    Hour,
    Month,
}

/// Requests counted in the window that is open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counter {
    width: Width,
    start: Timestamp,
    end: Timestamp,
    used: u64,
}

impl Counter {
    /// The window that `now` lies in, with what was used of it.
    pub(super) fn new(width: Width, now: Timestamp, used: u64) -> Self {
        let (start, end) = window(width, now);
        Self {
            width,
            start,
            end,
            used,
        }
    }

    /// Opens the next window when `now` has left this one; whether it did. A clock that was set back to an earlier window
    /// takes the count along: it neither adds allowance nor keeps a window from the future open.
    pub(super) fn roll(&mut self, now: Timestamp) -> bool {
        if now >= self.end {
            *self = Self::new(self.width, now, 0);
            return true;
        }
        if now.millis() < self.start.millis() - LATE_MS {
            *self = Self::new(self.width, now, self.used);
            return true;
        }
        false
    }

    pub(super) const fn start(&self) -> Timestamp {
        self.start
    }

    pub(super) const fn end(&self) -> Timestamp {
        self.end
    }

    pub(super) const fn used(&self) -> u64 {
        self.used
    }

    /// Length of the window in seconds.
    pub(super) const fn seconds(&self) -> u64 {
        (self.end.secs() - self.start.secs()).unsigned_abs()
    }

    /// Milliseconds until the next window.
    pub(super) fn wait_ms(&self, now: Timestamp) -> u64 {
        u64::try_from(self.end.millis() - now.millis()).unwrap_or(0)
    }

    pub(super) const fn add(&mut self) {
        self.used = self.used.saturating_add(1);
    }

    /// Takes one request out, if the window is still the one it was counted in.
    pub(super) fn remove(&mut self, start: Timestamp) {
        if self.start == start {
            self.used = self.used.saturating_sub(1);
        }
    }
}

fn window(width: Width, now: Timestamp) -> (Timestamp, Timestamp) {
    match width {
        Width::Hour => {
            let start = now.hour_start();
            (start, Timestamp::from_millis(start.millis() + HOUR_MS))
        }
        Width::Month => (now.month_start(), now.next_month_start()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn windows_have_the_length_of_the_calendar() {
        let feb = Counter::new(Width::Month, t("2028-02-10T00:00:00Z"), 0);
        assert_eq!(feb.seconds(), 29 * 86_400);
        assert_eq!(
            Counter::new(Width::Hour, t("2028-02-10T00:59:59.999Z"), 0).seconds(),
            3600
        );
    }

    #[test]
    fn a_window_ends_at_its_boundary_and_late_callers_count_in_the_new_one() {
        let mut c = Counter::new(Width::Hour, t("2026-11-23T10:59:59.999Z"), 7);
        assert!(!c.roll(t("2026-11-23T10:00:00Z")));
        assert_eq!(c.wait_ms(t("2026-11-23T10:59:59.999Z")), 1);
        assert!(c.roll(t("2026-11-23T11:00:00Z")));
        assert_eq!(c.used(), 0);
        c.add();
        assert!(!c.roll(t("2026-11-23T10:59:59.990Z")));
        assert_eq!(c.used(), 1);
    }

    #[test]
    fn a_clock_set_back_keeps_the_count_and_leaves_the_future() {
        let mut c = Counter::new(Width::Hour, t("2026-11-24T10:30:00Z"), 7);
        assert!(c.roll(t("2026-11-23T10:30:00Z")));
        assert_eq!((c.used(), c.end()), (7, t("2026-11-23T11:00:00Z")));
    }

    #[test]
    fn a_request_is_taken_out_of_its_own_window_only() {
        let mut c = Counter::new(Width::Hour, t("2026-11-23T10:30:00Z"), 1);
        c.remove(t("2026-11-23T09:00:00Z"));
        assert_eq!(c.used(), 1);
        c.remove(t("2026-11-23T10:00:00Z"));
        c.remove(t("2026-11-23T10:00:00Z"));
        assert_eq!(c.used(), 0);
    }
}

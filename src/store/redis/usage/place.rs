//! Where a sum lies: its slot, its hash and how its field begins; never what the sums are.

use crate::base::ceilings::{USAGE_HOURS, USAGE_MONTHS};
use crate::base::clock::{DAY_MS, HOUR_MS, Timestamp};
use crate::store::redis::names::Names;
use crate::store::span::Span;

/// Hours that share a hash: few enough that it stays compact for all but the largest accounts.
const CHUNK_HOURS: i64 = 6;
/// Days of a month that share a hash.
const CHUNK_DAYS: i64 = 8;
/// Days that sums by day are kept after the end of their hash: no month has more than 31.
const KEPT_DAYS: i64 = (USAGE_MONTHS as i64 + 1) * 31;

/// The slot of an account, or one of those over which what is asked for without an account is spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot<'a> {
    Account(&'a str),
    Shard(u32),
}

impl Slot<'_> {
    fn name(self, names: &Names, rest: &str) -> String {
        match self {
            Slot::Account(id) => names.account(id, rest),
            Slot::Shard(n) => names.index(&format!("u{n}"), rest),
        }
    }

    /// The hash of markers.
    pub(super) fn markers(self, names: &Names) -> String {
        self.name(names, "usage:marker")
    }

    /// What says that an account is to be left out: its own key, or a shard's sorted set.
    pub(super) fn erasures(self, names: &Names) -> String {
        match self {
            Slot::Account(_) => self.name(names, "erasing"),
            Slot::Shard(_) => self.name(names, "usage:erasing"),
        }
    }

    /// The sorted set of months that have sums.
    pub(super) fn months(self, names: &Names) -> String {
        self.name(names, "usage:months")
    }

    /// The hash of the numbers of an account's keys in a month.
    pub(super) fn keys(self, names: &Names, month: Timestamp) -> String {
        self.name(names, &format!("usage:keys:{}", day_number(month)))
    }

    /// A hash of sums.
    pub(super) fn sums(self, names: &Names, span: Span, chunk: i64) -> String {
        self.name(names, &format!("usage:{}:{chunk}", letter(span)))
    }

    /// The hash of what an account's keys did in each of some days.
    pub(super) fn key_days(self, names: &Names, chunk: i64) -> String {
        self.name(names, &format!("usage:kd:{chunk}"))
    }

    /// The hash of what an account's keys did in a month.
    pub(super) fn key_month(self, names: &Names, month: Timestamp) -> String {
        self.name(names, &format!("usage:km:{}", day_number(month)))
    }

    /// The hash of the endpoints that were called in a month.
    pub(super) fn endpoints(self, names: &Names, month: Timestamp) -> String {
        self.name(names, &format!("usage:em:{}", day_number(month)))
    }

    /// A hash of a route's callers.
    pub(super) fn callers(self, names: &Names, span: Span, chunk: i64, route: &str) -> String {
        self.name(names, &format!("usage:{}c:{chunk}:{route}", letter(span)))
    }
}

/// Where those instants lie before which hours and days are not shown any more.
pub(super) fn floor(names: &Names) -> String {
    Slot::Shard(0).name(names, "usage:floor")
}

const fn letter(span: Span) -> char {
    match span {
        Span::Hour => 'h',
        Span::Day => 'd',
    }
}

/// Days since the epoch.
pub(super) const fn day_number(t: Timestamp) -> i64 {
    t.millis() / DAY_MS
}

/// Milliseconds of a span.
const fn length(span: Span) -> i64 {
    match span {
        Span::Hour => HOUR_MS,
        Span::Day => DAY_MS,
    }
}

/// An hour or a day within the hash that it shares with its neighbours, all of one month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    /// The number of the first hour or day of the hash, by which it is named.
    pub(super) chunk: i64,
    /// Which of them it is: one digit, with which its fields begin.
    pub(super) position: u8,
}

/// The spot of the span that `t` lies in; `month` is the start of its month.
pub(super) fn spot(span: Span, t: Timestamp, month: Timestamp) -> Spot {
    let number = t.millis() / length(span);
    let position = match span {
        Span::Hour => number % CHUNK_HOURS,
        Span::Day => (number - day_number(month)) % CHUNK_DAYS,
    };
    Spot {
        chunk: number - position,
        position: u8::try_from(position).unwrap_or(u8::MAX),
    }
}

/// The second in which a hash is out of retention for certain.
pub(super) const fn ends(span: Span, chunk: i64) -> i64 {
    let (hours, kept) = match span {
        Span::Hour => (CHUNK_HOURS, USAGE_HOURS.as_secs() as i64),
        Span::Day => (CHUNK_DAYS * 24, KEPT_DAYS * 86_400),
    };
    chunk * (length(span) / 1000) + hours * 3600 + kept
}

/// The second in which the last hash of a month is out of retention.
pub(super) fn month_ends(month: Timestamp) -> i64 {
    ends(Span::Day, day_number(month.next_month_start()))
}

/// Names of all hashes of sums that a month can have.
pub(super) fn chunks_of_month(month: Timestamp) -> Vec<(Span, i64)> {
    let end = month.next_month_start();
    let mut found = Vec::new();
    for (span, step) in [(Span::Hour, CHUNK_HOURS), (Span::Day, CHUNK_DAYS)] {
        let mut number = month.millis() / length(span);
        while number * length(span) < end.millis() {
            found.push((span, number));
            number += step;
        }
    }
    found
}

/// A hash and those of its hours or days that are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) number: i64,
    pub(super) month: Timestamp,
    pub(super) starts: Vec<(u8, Timestamp)>,
}

/// The hashes that have what begins in `[from, to)` in one of these months, at most `most` hours or days of them.
pub(super) fn chunks(
    span: Span,
    from: Timestamp,
    to: Timestamp,
    months: &[Timestamp],
    most: usize,
) -> Vec<Chunk> {
    let step = length(span);
    let mut found: Vec<Chunk> = Vec::new();
    let mut left = most;
    for &month in months {
        let end = to.min(month.next_month_start());
        let mut at = from.max(month);
        at = Timestamp::from_millis((at.millis() + step - 1) / step * step);
        while at < end && left > 0 {
            let Spot { chunk, position } = spot(span, at, month);
            if found.last().is_none_or(|c| c.number != chunk) {
                found.push(Chunk {
                    number: chunk,
                    month,
                    starts: Vec::new(),
                });
            }
            if let Some(last) = found.last_mut() {
                last.starts.push((position, at));
            }
            left -= 1;
            at = Timestamp::from_millis(at.millis() + step);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn every_hour_and_day_of_a_month_has_a_spot_of_its_own_in_a_hash_of_that_month() {
        for month in ["2028-02-01T00:00:00Z", "2026-12-01T00:00:00Z"].map(t) {
            let all = chunks_of_month(month);
            for (span, step) in [(Span::Hour, HOUR_MS), (Span::Day, DAY_MS)] {
                let mut seen = std::collections::BTreeSet::new();
                let mut at = month;
                while at < month.next_month_start() {
                    let spot = spot(span, at, month);
                    assert!(
                        spot.position < 10 && all.contains(&(span, spot.chunk)),
                        "{at}"
                    );
                    assert!(seen.insert(spot), "{at}");
                    at = Timestamp::from_millis(at.millis() + step);
                }
                let used: std::collections::BTreeSet<_> = seen.iter().map(|s| s.chunk).collect();
                assert_eq!(used.len(), all.iter().filter(|(s, _)| *s == span).count());
            }
        }
    }

    #[test]
    fn a_range_is_read_from_known_months_only_and_no_further_than_allowed() {
        let months = [t("2026-10-01T00:00:00Z"), t("2026-12-01T00:00:00Z")];
        let (from, to) = (t("2026-10-31T17:30:00Z"), t("2026-12-01T02:00:00Z"));
        let starts = |most| {
            let found = chunks(Span::Hour, from, to, &months, most);
            let starts: Vec<_> = found.iter().flat_map(|c| &c.starts).collect();
            starts
                .iter()
                .map(|(_, s)| s.to_string())
                .collect::<Vec<_>>()
        };
        let all = [18, 19, 20, 21, 22, 23].map(|h| format!("2026-10-31T{h}:00:00Z"));
        let all = [&all[..], &[0, 1].map(|h| format!("2026-12-01T0{h}:00:00Z"))].concat();
        assert_eq!(starts(99), all);
        assert_eq!(starts(3), all[..3]);
    }

    #[test]
    fn a_hash_outlives_the_retention_of_all_it_has() {
        let now = t("2026-12-31T23:59:59Z");
        let hour = spot(Span::Hour, now, now.month_start());
        let last_hour = now.hour_start().secs();
        let kept = ends(Span::Hour, hour.chunk) - last_hour;
        let hours = USAGE_HOURS.as_secs() as i64;
        assert!(kept >= hours && kept <= hours + 6 * 3600);
        // A day is kept until its month is more than 25 months ago.
        for day in [
            "2026-12-01T00:00:00Z",
            "2026-12-31T00:00:00Z",
            "2027-02-28T00:00:00Z",
        ]
        .map(t)
        {
            let day_ends = ends(Span::Day, spot(Span::Day, day, day.month_start()).chunk);
            let mut gone = day.month_start();
            for _ in 0..=USAGE_MONTHS {
                gone = gone.next_month_start();
            }
            assert!(day_ends >= gone.secs() && day_ends <= gone.secs() + 60 * 86_400);
            assert!(month_ends(day.month_start()) >= day_ends);
        }
    }
}

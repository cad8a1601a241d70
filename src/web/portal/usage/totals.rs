//! Sums over a range and the series of its chart, from points of the store; never the store itself.

use crate::base::ceilings::portal::USAGE_CHART_KEYS;
use crate::usage::model::UsagePoint;
use crate::web::portal::chart::{Point, Series};

/// Sums over points, wide enough for any number of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Totals {
    /// Requests that were sent upstream.
    pub(super) requests: u128,
    /// Requests that the gateway refused.
    pub(super) rejected: u128,
    /// Those of `requests` answered 4xx.
    pub(super) client_errors: u128,
    /// Those of `requests` answered 5xx.
    pub(super) server_errors: u128,
    /// Sum of upstream times in milliseconds.
    pub(super) upstream_ms: u128,
}

impl Totals {
    /// The sums.
    pub(super) fn of(points: &[UsagePoint]) -> Self {
        let sum = |of: fn(&UsagePoint) -> u64| points.iter().map(|p| u128::from(of(p))).sum();
        Self {
            requests: sum(|p| p.requests),
            rejected: sum(|p| p.rejected),
            client_errors: sum(|p| class(p, "4xx")),
            server_errors: sum(|p| class(p, "5xx")),
            upstream_ms: sum(|p| p.upstream_ms),
        }
    }

    /// All that were made, whether or not they were let through.
    pub(super) const fn made(&self) -> u128 {
        self.requests + self.rejected
    }

    /// The mean time of an answer in milliseconds, rounded; `None` where there was none.
    pub(super) fn mean_ms(&self) -> Option<u128> {
        (self.upstream_ms + self.requests / 2).checked_div(self.requests)
    }
}

fn class(point: &UsagePoint, name: &str) -> u64 {
    point.by_status.get(name).copied().unwrap_or(0)
}

/// Series by class of status, and what the gateway refused. "Other" is there only where something was answered otherwise.
pub(super) fn by_status(points: &[UsagePoint]) -> (Vec<Series>, Vec<Point>) {
    const CLASSES: [(&str, &str); 4] = [
        ("2xx", "c-2xx"),
        ("3xx", "c-3xx"),
        ("4xx", "c-4xx"),
        ("5xx", "c-5xx"),
    ];
    let other = |p: &UsagePoint| {
        let known = CLASSES.iter().map(|(name, _)| class(p, name)).sum::<u64>();
        p.requests.saturating_sub(known)
    };
    let mut series: Vec<Series> = CLASSES.map(|(name, class)| of(name, class)).into();
    series.push(of("Rejected", "c-rejected"));
    let has_other = points.iter().any(|p| other(p) > 0);
    if has_other {
        series.push(of("Other", OTHER_CLASS));
    }
    let points = points.iter().map(|p| {
        let mut values: Vec<u64> = CLASSES.iter().map(|(name, _)| class(p, name)).collect();
        values.push(p.rejected);
        values.extend(has_other.then(|| other(p)));
        Point {
            start: p.start,
            values,
        }
    });
    (series, points.collect())
}

/// What the keys that are not told apart are called.
pub(super) const OTHER_KEYS: &str = "Other keys";
/// Their colour.
pub(super) const OTHER_CLASS: &str = "c-other";
/// Colours of keys, in the order in which they are given out.
pub(super) const KEY_CLASSES: [&str; USAGE_CHART_KEYS as usize] =
    ["c-key1", "c-key2", "c-key3", "c-key4", "c-key5"];

/// Series by key, and what is left of the account's as "Other keys" where there is any. Points of all are the same ones.
pub(super) fn by_key(
    keys: &[(String, Vec<UsagePoint>)],
    account: &[UsagePoint],
) -> (Vec<Series>, Vec<Point>) {
    let keys = keys.get(..KEY_CLASSES.len()).unwrap_or(keys);
    let mut series: Vec<Series> = keys
        .iter()
        .zip(KEY_CLASSES)
        .map(|((name, _), class)| of(name, class))
        .collect();
    let mut points: Vec<Point> = account
        .iter()
        .enumerate()
        .map(|(at, point)| Point {
            start: point.start,
            values: keys
                .iter()
                .map(|(_, own)| own.get(at).map_or(0, |p| p.requests))
                .collect(),
        })
        .collect();
    let rest = rest(account, keys.iter().map(|(_, own)| own.as_slice()));
    if rest.iter().any(|p| p.requests > 0) {
        series.push(of(OTHER_KEYS, OTHER_CLASS));
        for (point, rest) in points.iter_mut().zip(&rest) {
            point.values.push(rest.requests);
        }
    }
    (series, points)
}

fn of(name: &str, class: &'static str) -> Series {
    Series {
        name: name.to_owned(),
        class,
    }
}

/// What is left of an account's points when those of some keys are taken away. Counting goes on between two reads, so
/// that a key may already have what the account has not: that is nothing, not less than nothing.
pub(super) fn rest<'a>(
    account: &[UsagePoint],
    keys: impl Iterator<Item = &'a [UsagePoint]>,
) -> Vec<UsagePoint> {
    let mut rest = account.to_vec();
    for key in keys {
        for (left, own) in rest.iter_mut().zip(key) {
            take(left, own);
        }
    }
    rest
}

fn take(left: &mut UsagePoint, own: &UsagePoint) {
    left.requests = left.requests.saturating_sub(own.requests);
    left.rejected = left.rejected.saturating_sub(own.rejected);
    left.bytes_in = left.bytes_in.saturating_sub(own.bytes_in);
    left.bytes_out = left.bytes_out.saturating_sub(own.bytes_out);
    left.upstream_ms = left.upstream_ms.saturating_sub(own.upstream_ms);
    for (name, count) in &mut left.by_status {
        *count = count.saturating_sub(class(own, name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;

    fn point(hour: i64, ok: u64, failed: u64, rejected: u64) -> UsagePoint {
        UsagePoint {
            start: Timestamp::from_secs(hour * 3600),
            requests: ok + failed,
            rejected,
            by_status: [("2xx".to_owned(), ok), ("5xx".to_owned(), failed)].into(),
            bytes_in: 10,
            bytes_out: 20,
            upstream_ms: (ok + failed) * 3,
        }
    }

    #[test]
    fn sums_are_wider_than_what_they_add() {
        let mut most = point(0, 0, 0, u64::MAX);
        most.requests = u64::MAX;
        let totals = Totals::of(&[most.clone(), most]);
        assert_eq!(totals.made(), 4 * u128::from(u64::MAX));
    }

    #[test]
    fn the_mean_of_nothing_is_none() {
        assert_eq!(Totals::of(&[]).mean_ms(), None);
        assert_eq!(Totals::of(&[point(0, 5, 1, 9)]).mean_ms(), Some(3));
    }

    #[test]
    fn series_by_status_add_up_to_what_was_made() {
        let mut strange = point(1, 4, 0, 2);
        strange.requests = 7;
        let (series, points) = by_status(&[point(0, 9, 1, 3), strange]);
        let names: Vec<_> = series.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, ["2xx", "3xx", "4xx", "5xx", "Rejected", "Other"]);
        assert_eq!(points[0].values, [9, 0, 0, 1, 3, 0]);
        assert_eq!(points[1].values, [4, 0, 0, 0, 2, 3]);
    }

    #[test]
    fn the_other_keys_have_what_the_busiest_do_not() {
        let account = [point(0, 10, 2, 0), point(1, 5, 0, 0)];
        let own = vec![point(0, 7, 1, 0), point(1, 5, 0, 0)];
        let (series, points) = by_key(&[("Nightly".to_owned(), own.clone())], &account);
        assert_eq!(series[1].name, "Other keys");
        assert_eq!(points[0].values, [8, 4]);
        assert_eq!(points[1].values, [5, 0]);
        let (series, _) = by_key(&[("Nightly".to_owned(), own.clone())], &own);
        assert_eq!(series.len(), 1);
    }

    #[test]
    fn a_key_that_is_ahead_of_its_account_leaves_nothing_over() {
        let left = rest(
            &[point(0, 1, 0, 0)],
            [[point(0, 2, 1, 1)].as_slice()].into_iter(),
        );
        assert_eq!((left[0].requests, left[0].rejected), (0, 0));
    }
}

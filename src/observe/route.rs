//! Counters of one route, ready to count: a request costs two array look-ups, no label is hashed once a series exists.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::Method;
use prometheus::{Histogram, IntCounter, IntCounterVec};

use super::names::OTHER;
use crate::base::ceilings::METRIC_SERIES;

/// Labels of methods; the last is for all others.
const METHODS: [&str; 10] = [
    "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", OTHER,
];

/// The statuses of the IANA registry that a response can end with, and nginx's 499. Others are counted as well, but looked up each time.
const STATUSES: [u16; 61] = [
    101, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 307, 308,
    400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418,
    421, 422, 423, 424, 425, 426, 428, 429, 431, 451, 499, 500, 501, 502, 503, 504, 505, 506, 507,
    508, 510, 511, 520,
];

type ByStatus = Box<[OnceLock<IntCounter>; STATUSES.len()]>;

/// Counters of one route.
#[derive(Debug)]
pub struct RouteMetrics {
    route: Box<str>,
    requests: IntCounterVec,
    ready: [OnceLock<ByStatus>; METHODS.len()],
    unusual: parking_lot::Mutex<Vec<(usize, u16)>>,
    /// Series of all routes with a status outside of [`STATUSES`]: beyond a ceiling they are counted under `other`.
    all_unusual: Arc<AtomicUsize>,
    duration: Histogram,
}

impl RouteMetrics {
    pub(super) fn new(
        route: &str,
        requests: &IntCounterVec,
        duration: Histogram,
        all_unusual: &Arc<AtomicUsize>,
    ) -> Self {
        Self {
            route: route.into(),
            requests: requests.clone(),
            ready: [const { OnceLock::new() }; METHODS.len()],
            unusual: parking_lot::Mutex::default(),
            all_unusual: Arc::clone(all_unusual),
            duration,
        }
    }

    /// Counts a request that was answered with `status` after `duration`.
    pub fn record(&self, method: &Method, status: u16, duration: Duration) {
        self.duration.observe(duration.as_secs_f64());
        let known = METHODS.iter().position(|m| *m == method.as_str());
        let method = known.unwrap_or(METHODS.len() - 1);
        match STATUSES.binary_search(&status) {
            Ok(at) => {
                let by_status = self.ready[method]
                    .get_or_init(|| Box::new([const { OnceLock::new() }; STATUSES.len()]));
                by_status[at]
                    .get_or_init(|| self.series(method, &status.to_string()))
                    .inc();
            }
            Err(_) => self.record_unusual(method, status),
        }
    }

    fn series(&self, method: usize, status: &str) -> IntCounter {
        self.requests
            .with_label_values(&[&*self.route, METHODS[method], status])
    }

    fn record_unusual(&self, method: usize, status: u16) {
        let mut known = self.unusual.lock();
        let own = known.contains(&(method, status))
            || self.all_unusual.load(Ordering::Relaxed) < METRIC_SERIES;
        if own && !known.contains(&(method, status)) {
            known.push((method, status));
            self.all_unusual.fetch_add(1, Ordering::Relaxed);
        }
        drop(known);
        let label = if own {
            status.to_string()
        } else {
            OTHER.to_owned()
        };
        self.series(method, &label).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_sorted() {
        assert!(STATUSES.windows(2).all(|p| p[0] < p[1]));
    }
}

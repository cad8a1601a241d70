//! What one key did since it was last collected, by hour: rows of which there are no more however many requests come.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Method;
use parking_lot::Mutex;
use prometheus::IntCounter;

use super::model::{Counts, KeyUsageRow, OTHER, RejectionRow, RouteUsageRow, UsageBatch};
use crate::base::ceilings::USAGE_PENDING_ROWS;
use crate::base::clock::Timestamp;

/// Classes of status: 0 for what the gateway refused.
const CLASSES: usize = 6;

/// A request that was sent upstream and has ended.
#[derive(Debug, Clone, Copy)]
pub struct Served<'a> {
    /// When it was admitted: the instant by which its quota counted it, so that both lie in one hour.
    pub at: Timestamp,
    /// The route's template.
    pub route: &'a Arc<str>,
    /// The method.
    pub method: &'a Method,
    /// Status of the answer that the client got; 0 where there was none.
    pub status: u16,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the response's body.
    pub bytes_out: u64,
    /// Time until the upstream's response was complete, in microseconds.
    pub upstream_us: u64,
}

/// What keys have in common: who has something to collect, and how many rows there are in all.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) dirty: Mutex<Vec<Arc<KeyUsage>>>,
    pub(super) rows: AtomicUsize,
}

/// The counters of one key, to be kept with the key. Counting takes one short lock of the key's own.
#[derive(Debug)]
pub struct KeyUsage {
    account_id: Arc<str>,
    key_id: Arc<str>,
    shared: Arc<Shared>,
    requests_metric: Option<IntCounter>,
    /// Empty but for the second between two collections: a million keys are cheap while they rest.
    hours: Mutex<Vec<Hour>>,
}

#[derive(Debug)]
struct Hour {
    start: Timestamp,
    classes: [Counts; CLASSES],
    routes: Vec<RouteCount>,
    /// By code of refusal: no more than there are codes.
    rejections: Vec<(&'static str, u64)>,
}

#[derive(Debug)]
struct RouteCount {
    route: Arc<str>,
    method: Method,
    requests: u64,
    errors: u64,
    last_at: Timestamp,
}

impl KeyUsage {
    pub(super) fn new(
        account_id: Arc<str>,
        key_id: Arc<str>,
        shared: &Arc<Shared>,
        requests_metric: Option<IntCounter>,
    ) -> Self {
        Self {
            account_id,
            key_id,
            shared: Arc::clone(shared),
            requests_metric,
            hours: Mutex::default(),
        }
    }

    /// The account.
    pub fn account_id(&self) -> &Arc<str> {
        &self.account_id
    }

    /// The key.
    pub fn key_id(&self) -> &Arc<str> {
        &self.key_id
    }

    /// Counts a request that was sent upstream, once it has ended.
    pub fn served(self: &Arc<Self>, request: &Served<'_>) {
        if let Some(counter) = &self.requests_metric {
            counter.inc();
        }
        // An answer that never came is a failure of this side.
        let class = match request.status {
            0 => 5,
            s => usize::from((s / 100).clamp(1, 5)),
        };
        self.count(request.at, |hour, shared| {
            let counts = &mut hour.classes[class];
            counts.requests += 1;
            counts.bytes_in = counts.bytes_in.saturating_add(request.bytes_in);
            counts.bytes_out = counts.bytes_out.saturating_add(request.bytes_out);
            counts.upstream_us = counts.upstream_us.saturating_add(request.upstream_us);
            let route = hour.route(request, shared);
            route.requests += 1;
            route.errors += u64::from(class >= 4);
            route.last_at = route.last_at.max(request.at);
        });
    }

    /// Counts a request that the gateway refused with this code before any upstream saw it.
    pub fn rejected(self: &Arc<Self>, at: Timestamp, code: &'static str) {
        self.count(at, |hour, shared| {
            hour.classes[0].requests += 1;
            *hour.rejections_of(code, shared) += 1;
        });
    }

    fn count(self: &Arc<Self>, at: Timestamp, add: impl FnOnce(&mut Hour, &Shared)) {
        let mut hours = self.hours.lock();
        let was_clean = hours.is_empty();
        let at = hour_of(&mut hours, at.hour_start(), &self.shared);
        add(&mut hours[at], &self.shared);
        drop(hours);
        if was_clean {
            self.shared.dirty.lock().push(Arc::clone(self));
        }
    }

    /// Moves everything counted so far into `batch`.
    pub(super) fn collect(&self, batch: &mut UsageBatch) {
        let hours = std::mem::take(&mut *self.hours.lock());
        for hour in hours {
            self.shared.rows.fetch_sub(hour.rows(), Ordering::Relaxed);
            self.add_rows(hour, batch);
        }
    }

    fn add_rows(&self, hour: Hour, batch: &mut UsageBatch) {
        let counted = (0u8..).zip(hour.classes);
        let counted = counted.filter(|(_, counts)| counts.requests > 0);
        batch
            .keys
            .extend(counted.map(|(class, counts)| KeyUsageRow {
                account_id: self.account_id.to_string(),
                key_id: self.key_id.to_string(),
                hour: hour.start,
                class,
                counts,
            }));
        batch
            .routes
            .extend(hour.routes.into_iter().map(|r| RouteUsageRow {
                account_id: self.account_id.to_string(),
                key_id: self.key_id.to_string(),
                route: r.route.to_string(),
                method: r.method.to_string(),
                hour: hour.start,
                requests: r.requests,
                errors: r.errors,
                last_at: r.last_at,
            }));
        batch.rejections.extend(
            hour.rejections
                .into_iter()
                .map(|(code, requests)| RejectionRow {
                    account_id: self.account_id.to_string(),
                    hour: hour.start,
                    code: code.to_owned(),
                    requests,
                }),
        );
    }
}

/// The place of an hour's counters. While too many rows wait, an hour that would be a further one is counted with the
/// key's last: the store has then been away for long, and the sums are worth more than their hour.
fn hour_of(hours: &mut Vec<Hour>, start: Timestamp, shared: &Shared) -> usize {
    if let Some(at) = hours.iter().rposition(|h| h.start == start) {
        return at;
    }
    if hours.is_empty() || shared.rows.load(Ordering::Relaxed) < USAGE_PENDING_ROWS {
        shared.rows.fetch_add(1, Ordering::Relaxed);
        hours.push(Hour {
            start,
            classes: Default::default(),
            routes: Vec::new(),
            rejections: Vec::new(),
        });
    }
    hours.len() - 1
}

impl Hour {
    fn rows(&self) -> usize {
        1 + self.routes.len() + self.rejections.len()
    }

    /// The count of refusals with a code. While too many rows wait, one that would be a further row goes to another.
    fn rejections_of(&mut self, code: &'static str, shared: &Shared) -> &mut u64 {
        let there = |all: &[(&'static str, u64)], code| all.iter().position(|(c, _)| *c == code);
        let at = there(&self.rejections, code).unwrap_or_else(|| {
            let has_room = shared.rows.load(Ordering::Relaxed) < USAGE_PENDING_ROWS;
            let code = if has_room { code } else { OTHER };
            there(&self.rejections, code).unwrap_or_else(|| {
                shared.rows.fetch_add(1, Ordering::Relaxed);
                self.rejections.push((code, 0));
                self.rejections.len() - 1
            })
        });
        &mut self.rejections[at].1
    }

    fn route(&mut self, request: &Served<'_>, shared: &Shared) -> &mut RouteCount {
        let same =
            |r: &RouteCount| Arc::ptr_eq(&r.route, request.route) && r.method == *request.method;
        let known = self.routes.iter().position(same).or_else(|| {
            let equal = |r: &RouteCount| r.route == *request.route && r.method == *request.method;
            self.routes.iter().position(equal)
        });
        let at = known.unwrap_or_else(|| {
            if shared.rows.load(Ordering::Relaxed) < USAGE_PENDING_ROWS {
                self.add_route(Arc::clone(request.route), request.method.clone(), shared)
            } else {
                let other = self.routes.iter().position(|r| &*r.route == OTHER);
                other.unwrap_or_else(|| self.add_route(OTHER.into(), Method::default(), shared))
            }
        });
        &mut self.routes[at]
    }

    fn add_route(&mut self, route: Arc<str>, method: Method, shared: &Shared) -> usize {
        shared.rows.fetch_add(1, Ordering::Relaxed);
        self.routes.push(RouteCount {
            route,
            method,
            requests: 0,
            errors: 0,
            last_at: Timestamp::default(),
        });
        self.routes.len() - 1
    }
}

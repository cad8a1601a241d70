//! Every request is counted once, in its own hour, whatever the store does and however many there are.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;

use super::*;
use crate::base::clock::Timestamp;
use crate::usage::Served;
use crate::usage::model::Counts;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn served<'a>(at: Timestamp, route: &'a Arc<str>, status: u16) -> Served<'a> {
    Served {
        at,
        route,
        method: &Method::GET,
        status,
        bytes_in: 1,
        bytes_out: 10,
        upstream_us: 100,
    }
}

#[test]
fn requests_are_summed_by_hour_class_and_route() {
    let recorder = Recorder::new("boot", None);
    let key = recorder.key("acct", "key_1");
    let route: Arc<str> = "/v1/x/{id}".into();
    let (first, second) = (at("2026-11-23T10:59:59.999Z"), at("2026-11-23T11:00:00Z"));
    key.served(&served(first, &route, 200));
    key.served(&served(second, &route, 204));
    key.served(&served(first, &"/v1/x/{id}".into(), 404));
    key.served(&served(second, &route, 0));
    key.rejected(second, "rate_limited");
    let batch = recorder.drain().unwrap();
    let rows: BTreeMap<_, _> = batch
        .keys
        .iter()
        .map(|r| ((r.hour.to_string(), r.class), r.counts))
        .collect();
    let one = Counts {
        requests: 1,
        bytes_in: 1,
        bytes_out: 10,
        upstream_us: 100,
    };
    let refused = Counts {
        requests: 1,
        ..Counts::default()
    };
    let (ten, eleven) = (first.hour_start().to_string(), second.to_string());
    let expected = [
        ((ten.clone(), 2), one),
        ((ten, 4), one),
        ((eleven.clone(), 0), refused),
        ((eleven.clone(), 2), one),
        ((eleven, 5), one),
    ];
    assert_eq!(rows, BTreeMap::from(expected));
    let routes: Vec<_> = batch
        .routes
        .iter()
        .map(|r| (&*r.route, &*r.method, r.requests, r.errors, r.last_at))
        .collect();
    assert_eq!(
        routes,
        [
            ("/v1/x/{id}", "GET", 2, 1, first),
            ("/v1/x/{id}", "GET", 2, 1, second)
        ]
    );
}

#[test]
fn refusals_are_told_apart_by_code_and_add_up_to_what_was_refused() {
    let recorder = Recorder::new("boot", None);
    let key = recorder.key("acct", "key_1");
    let (first, second) = (at("2026-11-23T10:59:59Z"), at("2026-11-23T11:00:00Z"));
    for (when, code) in [
        (first, "rate_limited"),
        (first, "insufficient_scope"),
        (first, "rate_limited"),
        (second, "quota_exceeded"),
    ] {
        key.rejected(when, code);
    }
    assert_eq!(recorder.pending_rows(), 5);
    let batch = recorder.drain().unwrap();
    assert_eq!(recorder.pending_rows(), 0);
    let rows: Vec<_> = batch
        .rejections
        .iter()
        .map(|r| (&*r.account_id, r.hour, &*r.code, r.requests))
        .collect();
    assert_eq!(
        rows,
        [
            ("acct", first.hour_start(), "rate_limited", 2),
            ("acct", first.hour_start(), "insufficient_scope", 1),
            ("acct", second, "quota_exceeded", 1),
        ]
    );
    let refused = batch.keys.iter().filter(|r| r.class == 0);
    assert_eq!(refused.map(|r| r.counts.requests).sum::<u64>(), 4);
}

#[test]
fn a_batch_comes_again_unchanged_until_it_is_acknowledged() {
    let recorder = Recorder::new("boot", None);
    assert!(recorder.drain().is_none());
    let key = recorder.key("acct", "key_1");
    let now = at("2026-11-23T10:00:00Z");
    key.rejected(now, "rate_limited");
    let first = recorder.drain().unwrap();
    key.rejected(now, "rate_limited");
    assert_eq!(recorder.drain().unwrap(), first);
    recorder.acknowledge(first.sequence + 1);
    assert_eq!(recorder.drain().unwrap(), first);
    recorder.acknowledge(first.sequence);
    let second = recorder.drain().unwrap();
    assert_eq!((first.sequence, second.sequence), (1, 2));
    assert_eq!(second.keys[0].counts.requests, 1);
    recorder.acknowledge(2);
    assert!(recorder.drain().is_none());
}

#[test]
fn rows_do_not_grow_with_requests_while_the_store_is_away() {
    let recorder = Recorder::new("boot", None);
    let key = recorder.key("acct", "key_1");
    let route: Arc<str> = "/v1/x".into();
    let now = at("2026-11-23T10:00:00Z");
    key.rejected(now, "rate_limited");
    assert!(recorder.drain().is_some());
    for i in 0..10_000 {
        key.served(&served(now.plus(Duration::from_millis(i)), &route, 200));
    }
    // A class, a route, and nothing of what was drained.
    assert_eq!(recorder.pending_rows(), 2);
}

#[test]
fn at_the_ceiling_routes_and_hours_are_summed_and_no_request_is_lost() {
    let recorder = Recorder::new("boot", None);
    let (key, full) = (recorder.key("acct", "key_1"), recorder.key("acct", "key_2"));
    let now = at("2026-11-23T10:00:00Z");
    key.rejected(now, "rate_limited");
    recorder
        .shared
        .rows
        .fetch_add(crate::base::ceilings::USAGE_PENDING_ROWS, Ordering::Relaxed);
    for i in 0..100 {
        let route: Arc<str> = format!("/r{i}").into();
        key.served(&served(
            now.plus(Duration::from_secs(3600 * i)),
            &route,
            200,
        ));
    }
    full.rejected(now, "rate_limited");
    full.rejected(now, "quota_exceeded");
    let batch = recorder.drain().unwrap();
    let sum: u64 = batch.keys.iter().map(|r| r.counts.requests).sum();
    assert_eq!((sum, batch.routes.len()), (103, 1));
    let codes: Vec<_> = batch
        .rejections
        .iter()
        .map(|r| (&*r.code, r.requests))
        .collect();
    assert_eq!(codes, [("other", 2), ("rate_limited", 1)]);
    assert_eq!(
        (&*batch.routes[0].route, batch.routes[0].requests),
        ("other", 100)
    );
}

#[test]
fn counting_and_draining_at_once_loses_nothing() {
    let recorder = Recorder::new("boot", None);
    let key = recorder.key("acct", "key_1");
    let route: Arc<str> = "/v1/x".into();
    let now = at("2026-11-23T10:00:00Z");
    let mut sum = 0;
    let mut take = || {
        while let Some(batch) = recorder.drain() {
            sum += batch.keys.iter().map(|r| r.counts.requests).sum::<u64>();
            recorder.acknowledge(batch.sequence);
        }
    };
    std::thread::scope(|s| {
        let threads: Vec<_> = (0..4)
            .map(|_| s.spawn(|| (0..20_000).for_each(|_| key.served(&served(now, &route, 200)))))
            .collect();
        while threads.iter().any(|t| !t.is_finished()) {
            take();
        }
    });
    take();
    assert_eq!((sum, recorder.pending_rows()), (80_000, 0));
}

//! A year of an account whose traffic looks like a real one's: busy by day, quiet at night and at week-ends, growing; never random.

use std::time::Duration;

use fuelgate::base::clock::{Clock, DAY_MS, HOUR_MS, Timestamp};
use fuelgate::store::embedded::{EmbeddedStore, Options};
use fuelgate::usage::model::{Counts, KeyUsageRow, RejectionRow, RouteUsageRow, UsageBatch};
use fuelgate::usage::port::UsageStore as _;
use serde_json::json;

use crate::support::portal::Portal;

/// Names of keys, and what part of the traffic is theirs, in per cent.
const KEYS: [(&str, u64); 7] = [
    ("CRM sync, nightly", 44),
    ("Website forms", 22),
    ("Zapier", 13),
    ("Data warehouse", 9),
    ("Partner portal", 6),
    ("Staging", 4),
    ("=1+1", 2),
];

/// Endpoints, their part of the traffic in per cent, and how many of a thousand requests fail.
const ROUTES: [(&str, &str, u64, u64); 8] = [
    ("GET", "/v1/contacts", 41, 6),
    ("GET", "/v1/contacts/{id}", 24, 44),
    ("POST", "/v1/contacts", 12, 31),
    ("PATCH", "/v1/deals/{id}", 9, 3),
    ("GET", "/v1/deals", 7, 0),
    ("POST", "/v1/activities", 4, 9),
    ("GET", "/v1/reports/pipeline", 2, 0),
    ("DELETE", "/v1/contacts/{id}", 1, 120),
];

/// Why requests were refused, in parts of all refusals.
const REFUSALS: [(&str, u64); 4] = [
    ("rate_limited", 72),
    ("insufficient_scope", 21),
    ("body_too_large", 5),
    ("client_left", 2),
];

/// Gives the account its keys and a year of usage; the keys' ids, the busiest first.
pub fn fill(portal: &mut Portal, account: &str) -> Vec<String> {
    let keys: Vec<String> = KEYS
        .iter()
        .map(|(name, _)| {
            let body = json!({"account_id": account, "name": name, "scopes": ["contacts:read"], "expires_in_days": null});
            let made = portal
                .gateway
                .admin("POST", "/admin/v1/keys", Some(&body));
            assert_eq!(made.status, 201, "{}", made.text());
            made.json()["id"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(portal.gateway.stop(), Some(0));
    let file = portal.gateway.folder.path().join("fuelgate.db");
    let store = EmbeddedStore::open(&file, Clock::system(), Options::default()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for batch in batches(account, &keys, Clock::system().now()) {
        runtime.block_on(store.apply(&batch)).unwrap();
    }
    store.close();
    portal.gateway.start_again();
    keys
}

/// Hours of today and of eight days; before them the whole day stands in one hour, which is enough for days and months.
fn batches(account: &str, keys: &[String], now: Timestamp) -> Vec<UsageBatch> {
    let back = |ms: i64| now.minus(Duration::from_millis(ms.unsigned_abs()));
    let first = back(8 * DAY_MS).day_start();
    let hours = (0..9 * 24).map(|n| (back(n * HOUR_MS).hour_start(), 1));
    let hours = hours.filter(|(hour, _)| *hour >= first);
    let noon = |n| {
        back(n * DAY_MS)
            .day_start()
            .plus(Duration::from_secs(11 * 3600))
    };
    let days = (9..365).map(|n| (noon(n), 14));
    let hours: Vec<_> = hours.chain(days).collect();
    let batches = hours.chunks(128).zip(1..).map(|(hours, sequence)| {
        let mut batch = UsageBatch {
            boot_id: "history".to_owned(),
            sequence,
            ..UsageBatch::default()
        };
        for (hour, times) in hours {
            let all = traffic(*hour, now) * times;
            add_keys(&mut batch, account, keys, *hour, all);
            add_routes(&mut batch, account, keys, *hour, all);
        }
        batch
    });
    batches.collect()
}

/// Requests of an hour.
fn traffic(hour: Timestamp, now: Timestamp) -> u64 {
    let (day, of_day) = (hour.millis() / DAY_MS, hour.millis() % DAY_MS / HOUR_MS);
    // Parts of a hundred, around the clock.
    const BUSY: [u64; 24] = [
        22, 20, 18, 17, 19, 24, 35, 52, 74, 92, 98, 100, 93, 90, 97, 99, 95, 82, 66, 52, 44, 36,
        30, 25,
    ];
    let busy = BUSY[usize::try_from(of_day).unwrap()];
    // 1 January 1970 was a Thursday.
    let week = if matches!(day % 7, 2 | 3) { 38 } else { 100 };
    let age = u64::try_from(now.since(hour).as_millis()).unwrap() / DAY_MS.unsigned_abs();
    let grown = 100 - (age * 62 / 365).min(62);
    // Neighbouring hours differ somewhat.
    let uneven = 88 + (hour.millis() / HOUR_MS * 7919 % 25).unsigned_abs();
    1_380 * busy * week * grown * uneven / 100_000_000
}

fn add_keys(batch: &mut UsageBatch, account: &str, keys: &[String], hour: Timestamp, all: u64) {
    let n = (hour.millis() / HOUR_MS).unsigned_abs();
    // Now and then the upstream fails, and a loop without a pause runs into its rate.
    let (failed, refused) = (
        if n.is_multiple_of(29) { 70 } else { 1 },
        if n.is_multiple_of(13) { 120 } else { 4 },
    );
    let row = |key_id: &String, class, requests: u64| KeyUsageRow {
        account_id: account.to_owned(),
        key_id: key_id.clone(),
        hour,
        class,
        counts: Counts {
            requests,
            bytes_in: requests * 410,
            bytes_out: requests * 3_800,
            upstream_us: if class == 0 { 0 } else { requests * 86_000 },
        },
    };
    for (key, (_, part)) in keys.iter().zip(KEYS) {
        let own = all * part / 100;
        let (bad, broken, moved) = (own * 31 / 1_000, own * failed / 1_000, own * 12 / 1_000);
        let rows = [
            (2, own - bad - broken - moved),
            (3, moved),
            (4, bad),
            (5, broken),
            (0, own * refused / 1_000),
        ];
        let rows = rows.into_iter().filter(|(_, requests)| *requests > 0);
        batch
            .keys
            .extend(rows.map(|(class, requests)| row(key, class, requests)));
    }
    let refused: u64 = batch
        .keys
        .iter()
        .filter(|k| k.hour == hour && k.class == 0)
        .map(|k| k.counts.requests)
        .sum();
    let mut left = refused;
    for (code, part) in REFUSALS.iter().rev() {
        let requests = if *code == REFUSALS[0].0 {
            left
        } else {
            refused * part / 100
        };
        left -= requests;
        if requests > 0 {
            batch.rejections.push(RejectionRow {
                account_id: account.to_owned(),
                hour,
                code: (*code).to_owned(),
                requests,
            });
        }
    }
}

fn add_routes(batch: &mut UsageBatch, account: &str, keys: &[String], hour: Timestamp, all: u64) {
    for (method, route, part, failing) in ROUTES {
        let requests = all * part / 100;
        if requests > 0 {
            batch.routes.push(RouteUsageRow {
                account_id: account.to_owned(),
                key_id: keys[0].clone(),
                route: route.to_owned(),
                method: method.to_owned(),
                hour,
                requests,
                errors: requests * failing / 1_000,
                last_at: hour,
            });
        }
    }
}

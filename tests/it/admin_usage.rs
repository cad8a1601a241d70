//! Usage through the admin API: what the quotas say, and what the store has of the past.

use std::time::Duration;

use fuelgate::base::clock::Timestamp;
use fuelgate::usage::model::{Counts, KeyUsageRow, RouteUsageRow, UsageBatch};
use fuelgate::usage::port::UsageStore;
use serde_json::{Value, json};

use crate::admin_support::{Admin, START};

fn key_row(hour: Timestamp, class: u8, requests: u64) -> KeyUsageRow {
    KeyUsageRow {
        account_id: "acct_1".to_owned(),
        key_id: "key_1".to_owned(),
        hour,
        class,
        counts: Counts {
            requests,
            bytes_in: 10 * requests,
            bytes_out: 100 * requests,
            upstream_us: 5_000 * requests,
        },
    }
}

fn route_row(route: &str, key_id: &str, requests: u64) -> RouteUsageRow {
    RouteUsageRow {
        account_id: "acct_1".to_owned(),
        key_id: key_id.to_owned(),
        route: route.to_owned(),
        method: "GET".to_owned(),
        hour: START.hour_start(),
        requests,
        errors: 1,
        last_at: START,
    }
}

async fn with_usage() -> Admin {
    let admin = Admin::start().await;
    let account = json!({"plan": "standard"});
    admin
        .put("/admin/v1/accounts/acct_1", account)
        .await
        .is(200);
    let hour = START.hour_start();
    let before = hour.minus(Duration::from_secs(2 * 3600));
    let batch = UsageBatch {
        boot_id: "boot".to_owned(),
        sequence: 1,
        keys: vec![
            key_row(hour, 2, 7),
            key_row(hour, 4, 2),
            key_row(hour, 0, 5),
            key_row(before, 2, 3),
        ],
        routes: vec![
            route_row("/v1/contacts", "key_1", 6),
            route_row("/v1/contacts/{id}", "key_1", 3),
            route_row("/v1/contacts", "key_2", 9),
        ],
        ..UsageBatch::default()
    };
    admin.store.apply(&batch).await.unwrap();
    admin
}

#[tokio::test]
async fn the_summary_shows_what_was_sent_upstream() {
    let admin = with_usage().await;
    let path = "/admin/v1/usage/summary?account_id=acct_1";
    let resets = START.hour_start().plus(Duration::from_secs(3600));
    let summary = admin.get(path).await.is(200);
    assert_eq!(
        summary["hour"],
        json!({"used": 9, "limit": 1000, "resets_at": resets.to_string()})
    );
    assert_eq!(summary["month"]["used"], 12);
    assert_eq!(summary["month"]["limit"], 20000);
    // What is in memory is exact, and wins.
    let plan = admin.control.config.load().plans["small"];
    admin
        .limiter
        .account(
            "acct_1",
            || (plan, START),
            START,
            |_, _| async { Ok((10, 13)) },
        )
        .await
        .unwrap();
    let summary = admin.get(path).await.is(200);
    assert_eq!(summary["hour"]["used"], 10);
    assert_eq!(summary["hour"]["limit"], 10);
    assert_eq!(summary["month"]["used"], 13);
    let none = admin.get("/admin/v1/usage/summary?account_id=none").await;
    none.is_error(404, "not_found");
    let missing = admin.get("/admin/v1/usage/summary").await;
    missing.is_invalid(&["account_id"]);
}

#[tokio::test]
async fn a_series_has_a_point_for_every_hour_of_its_range() {
    let admin = with_usage().await;
    let hour = START.hour_start();
    let from = hour.minus(Duration::from_secs(2 * 3600));
    let to = hour.plus(Duration::from_secs(3600));
    let path = format!("/admin/v1/usage?account_id=acct_1&from={from}&to={to}&granularity=hour");
    let points = admin.get(&path).await.is(200);
    let points = points["data"].as_array().unwrap();
    assert_eq!(points.len(), 3);
    assert_eq!(points[1]["requests"], 0);
    assert_eq!(
        points[2],
        json!({
            "start": hour.to_string(), "requests": 9, "rejected": 5, "by_status": {"2xx": 7, "4xx": 2},
            "bytes_in": points[2]["bytes_in"], "bytes_out": points[2]["bytes_out"], "upstream_ms": points[2]["upstream_ms"],
        })
    );
    let month = admin.get("/admin/v1/usage?granularity=month&account_id=acct_1&key_id=key_1");
    let month = month.await.is(200);
    let total: u64 = month["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["requests"].as_u64().unwrap())
        .sum();
    assert_eq!(total, 12);
    for (query, field) in [
        (format!("from={to}&to={from}"), "from"),
        ("from=1990-01-01T00:00:00Z".to_owned(), "from"),
        ("from=yesterday".to_owned(), "from"),
        ("granularity=week".to_owned(), "granularity"),
    ] {
        let answer = admin.get(&format!("/admin/v1/usage?{query}")).await;
        answer.is_invalid(&[field]);
    }
}

#[tokio::test]
async fn endpoints_and_callers_come_most_called_first() {
    let admin = with_usage().await;
    let rows = admin.get("/admin/v1/usage/endpoints?account_id=acct_1");
    let rows = rows.await.is(200);
    assert_eq!(
        rows["data"],
        json!([
            {"method": "GET", "route": "/v1/contacts", "requests": 15, "errors": 2},
            {"method": "GET", "route": "/v1/contacts/{id}", "requests": 3, "errors": 1},
        ])
    );
    assert_eq!(rows["next_cursor"], Value::Null);
    let one = admin.get("/admin/v1/usage/endpoints?limit=1").await.is(200);
    assert_eq!(one["data"].as_array().unwrap().len(), 1);
    let callers = admin.get("/admin/v1/usage/callers?route=/v1/contacts");
    let callers = callers.await.is(200);
    assert_eq!(callers["data"][0]["key_id"], "key_2");
    assert_eq!(callers["data"][0]["requests"], 9);
    assert_eq!(callers["data"][0]["last_at"], START.to_string());
    let missing = admin.get("/admin/v1/usage/callers").await;
    missing.is_invalid(&["route"]);
}

#[tokio::test]
async fn a_range_within_an_hour_tells_the_calls_of_that_hour() {
    let admin = with_usage().await;
    let hour = START.hour_start();
    let minutes = |n: u64| Duration::from_secs(60 * n);
    for (path, requests) in [
        ("endpoints?account_id=acct_1", 15),
        ("callers?route=/v1/contacts", 9),
    ] {
        let most = async |from: Timestamp, to: Timestamp| {
            let path = format!("/admin/v1/usage/{path}&from={from}&to={to}");
            admin.get(&path).await.is(200)["data"][0]["requests"].clone()
        };
        let within = most(hour.plus(minutes(10)), hour.plus(minutes(20)));
        assert_eq!(within.await, requests, "{path}");
        let across = most(hour.minus(minutes(20)), hour.plus(minutes(1)));
        assert_eq!(across.await, requests, "{path}");
        // Where it ends with an hour, the next one is not taken in.
        let before = most(hour.minus(minutes(20)), hour);
        assert_eq!(before.await, Value::Null, "{path}");
        let after = most(hour.plus(minutes(60)), hour.plus(minutes(70)));
        assert_eq!(after.await, Value::Null, "{path}");
    }
}

//! What of usage is left in the file once it is out of retention: no row, whatever nobody asks for any more.

use std::time::Duration;

use super::*;
use crate::store::contract::usage::{hour, route, row};
use crate::usage::model::{RejectionRow, UsageBatch};
use crate::usage::port::UsageStore;

/// Rows of each table of usage.
fn rows(file: &Path) -> Vec<(String, i64)> {
    let raw = rusqlite::Connection::open(file).unwrap();
    let names =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'usage%' ORDER BY name";
    let mut names = raw.prepare(names).unwrap();
    let names = names.query_map([], |r| r.get::<_, String>(0)).unwrap();
    names
        .map(|name| {
            let name = name.unwrap();
            let count = format!("SELECT count(*) FROM {name}");
            let count = raw.query_row(&count, [], |r| r.get(0)).unwrap();
            (name, count)
        })
        .collect()
}

fn of(counts: [i64; 7]) -> Vec<(String, i64)> {
    let tables = [
        "usage",
        "usage_caller",
        "usage_endpoint",
        "usage_key",
        "usage_marker",
        "usage_rejection",
        "usage_total",
    ];
    tables.map(str::to_owned).into_iter().zip(counts).collect()
}

#[tokio::test]
async fn each_table_keeps_its_hours_its_days_and_nothing_else() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("fuelgate.db");
    let clock = Clock::manual(at(0));
    let store = EmbeddedStore::open(&file, clock.clone(), Options::default()).unwrap();
    let batch = |boot: &str, at| UsageBatch {
        boot_id: boot.to_owned(),
        sequence: 1,
        keys: vec![row("a", "k", at, 2, 1)],
        routes: vec![route("a", "k", "/v1/x", at, 1)],
        rejections: vec![RejectionRow {
            account_id: "a".to_owned(),
            hour: at,
            code: "rate_limited".to_owned(),
            requests: 1,
        }],
    };
    store.apply(&batch("one", hour(0))).await.unwrap();
    // Each is there for the hour and for the day (a key's calls and quotas: for the month). Sums are of the key, of its
    // account and of everybody, those of a route of the account and of everybody.
    assert_eq!(rows(&file), of([6, 2, 4, 2, 1, 2, 2]));
    clock.advance(Duration::from_secs(100 * 24 * 3600));
    let later = hour(100 * 24);
    store.apply(&batch("two", later)).await.unwrap();
    assert_eq!(rows(&file), of([12, 4, 8, 4, 2, 4, 4]));
    store.prune(later, hour(0).day_start()).await.unwrap();
    assert_eq!(
        rows(&file),
        of([9, 3, 6, 4, 1, 3, 3]),
        "old hours, and the boot that nobody heard of since"
    );
    store.prune(later, later.day_start()).await.unwrap();
    assert_eq!(rows(&file), of([6, 2, 4, 2, 1, 2, 2]));
}

//! A file of an earlier layout with data in it, opened by this version.

use std::collections::HashMap;
use std::path::PathBuf;

use super::*;
use crate::base::clock::Timestamp;
use crate::keys::port::SecretUses;
use crate::keys::previous_uses::PreviousUses;
use crate::webhooks::port::EventFeed;

const ROWS: &str = "
INSERT INTO endpoint VALUES
    ('whk_1', 'a', 'https://one.example', '[\"x\"]', NULL, 0, NULL, 1, '[]', 1),
    ('whk_2', 'a', 'https://two.example', '[\"x\"]', NULL, 1, NULL, 1, '[]', 1),
    ('whk_3', 'b', 'https://three.example', '[\"x\"]', NULL, 0, NULL, 1, '[]', 1);
INSERT INTO account_sequence VALUES ('a', 2);
INSERT INTO event VALUES
    (1, 'evt_1', 'a', 'x', 5, 5, 1, 2, '{}', 0, NULL, NULL, NULL, NULL, NULL, 0),
    (2, 'evt_2', 'a', 'x', 6, 6, 1, 1, '{}', 0, NULL, NULL, NULL, NULL, NULL, 0),
    (3, 'evt_3', 'a', 'x', 7, 7, 0, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL, 0);
INSERT INTO delivery VALUES
    ('dlv_1', 'evt_1', 'whk_1', 'a', 'x', 0, 1, 90, 5, 5, NULL, 90, NULL, 0),
    ('dlv_2', 'evt_2', 'whk_1', 'a', 'x', 0, 0, 70, 6, 6, NULL, 70, NULL, 0),
    ('dlv_3', 'evt_1', 'whk_2', 'a', 'x', 0, 0, 80, 5, 5, NULL, 80, NULL, 1),
    ('dlv_4', 'evt_2', 'whk_2', 'a', 'x', 2, 6, NULL, 6, 6, 60, NULL, NULL, 0);
";

const NEWEST: i64 = super::super::FORMAT.layouts.len() as i64;

/// A file of the last of these layouts with these rows in it.
fn written(layouts: &[&str], rows: &str) -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("data/fuelgate.db");
    std::fs::create_dir(dir.path().join("data")).unwrap();
    let raw = rusqlite::Connection::open(&file).unwrap();
    for layout in layouts {
        raw.execute_batch(layout).unwrap();
    }
    raw.execute_batch(rows).unwrap();
    raw.pragma_update(None, "application_id", super::super::FORMAT.application_id)
        .unwrap();
    let version = layouts.len() as u32;
    raw.pragma_update(None, "user_version", version).unwrap();
    (dir, file)
}

#[tokio::test]
async fn a_store_of_layout_1_is_taken_over_with_all_that_is_in_it() {
    let (dir, file) = written(&[include_str!("../layout1.sql")], ROWS);

    let store = open(dir.path(), Options::default());
    let released = store.released_after("a", 0, 9).await.unwrap();
    let ids: Vec<&str> = released.iter().map(|e| e.id.as_str()).collect();
    assert_eq!(ids, ["evt_2", "evt_1"]);
    store.close();
    let report = super::super::verify::verify(&file).unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    assert_eq!(report.layout, NEWEST);

    let raw = rusqlite::Connection::open(&file).unwrap();
    let mut line = raw
        .prepare("SELECT endpoint_id, account_id, due_at FROM endpoint_health ORDER BY 1")
        .unwrap();
    let line: Vec<(String, String, Option<i64>)> = line
        .query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let row = |id: &str, account: &str, due| (id.to_owned(), account.to_owned(), due);
    assert_eq!(
        line,
        [
            row("whk_1", "a", Some(70)),
            row("whk_2", "a", None),
            row("whk_3", "b", None)
        ]
    );
}

/// Days of two months, with the sums over all keys and over all accounts that lie beside them, and hours, which do not count.
const USAGE: &str = "
INSERT INTO account VALUES ('a', 'p', '{}', 0, 1, NULL), ('b', 'p', '{}', 0, 1, NULL);
INSERT INTO usage VALUES
    (0, 1793491200000, 'a', 'key_1', 2, 5, 0, 0, 0),
    (1, 1793404800000, 'a', 'key_1', 2, 3, 1, 1, 1), (1, 1793404800000, 'a', '', 2, 3, 1, 1, 1), (1, 1793404800000, '', '', 2, 3, 1, 1, 1),
    (1, 1793491200000, 'a', 'key_1', 2, 5, 1, 1, 1), (1, 1793491200000, 'a', 'key_1', 3, 1, 1, 1, 1),
    (1, 1793491200000, 'a', 'key_1', 4, 2, 1, 1, 1), (1, 1793491200000, 'a', 'key_1', 5, 4, 1, 1, 1),
    (1, 1793491200000, 'a', 'key_1', 0, 7, 1, 1, 1), (1, 1793491200000, 'a', 'key_2', 2, 9, 1, 1, 1),
    (1, 1793491200000, 'b', 'key_3', 0, 6, 1, 1, 1),
    (1, 1793491200000, 'a', '', 2, 14, 1, 1, 1), (1, 1793491200000, 'a', '', 3, 1, 1, 1, 1), (1, 1793491200000, 'a', '', 4, 2, 1, 1, 1),
    (1, 1793491200000, 'a', '', 5, 4, 1, 1, 1), (1, 1793491200000, 'a', '', 0, 7, 1, 1, 1), (1, 1793491200000, 'b', '', 0, 6, 1, 1, 1),
    (1, 1793577600000, 'a', 'key_1', 2, 1, 1, 1, 1), (1, 1793577600000, 'a', '', 2, 1, 1, 1, 1);
";

#[tokio::test]
async fn a_store_of_layout_2_gets_totals_of_its_keys_by_day_and_month() {
    let layouts = [
        include_str!("../layout1.sql"),
        include_str!("../layout2.sql"),
    ];
    let (dir, file) = written(&layouts, USAGE);
    open(dir.path(), Options::default()).close();
    let report = super::super::verify::verify(&file).unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    assert_eq!(report.layout, NEWEST);

    let raw = rusqlite::Connection::open(&file).unwrap();
    let mut totals = raw
        .prepare("SELECT account_id || ' ' || span || ' ' || datetime(start / 1000, 'unixepoch') || ' ' || key_id,
                         requests, errors, rejected FROM usage_key ORDER BY 1")
        .unwrap();
    let totals: Vec<(String, [u64; 3])> = totals
        .query_map([], |r| Ok((r.get(0)?, [r.get(1)?, r.get(2)?, r.get(3)?])))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let row = |name: &str, numbers| (name.to_owned(), numbers);
    assert_eq!(
        totals,
        [
            row("a 1 2026-10-31 00:00:00 key_1", [3, 0, 0]),
            row("a 1 2026-11-01 00:00:00 key_1", [12, 6, 7]),
            row("a 1 2026-11-01 00:00:00 key_2", [9, 0, 0]),
            row("a 1 2026-11-02 00:00:00 key_1", [1, 0, 0]),
            row("a 2 2026-10-01 00:00:00 key_1", [3, 0, 0]),
            row("a 2 2026-11-01 00:00:00 key_1", [13, 6, 7]),
            row("a 2 2026-11-01 00:00:00 key_2", [9, 0, 0]),
            row("b 1 2026-11-01 00:00:00 key_3", [0, 0, 6]),
            row("b 2 2026-11-01 00:00:00 key_3", [0, 0, 6]),
        ]
    );
}

#[tokio::test]
async fn a_store_of_layout_3_keeps_when_old_secrets_were_used_last() {
    let layouts = [
        include_str!("../layout1.sql"),
        include_str!("../layout2.sql"),
        include_str!("../layout3.sql"),
    ];
    let rows = r#"
INSERT INTO account VALUES ('a', 'p', '{}', 0, 1, NULL);
INSERT INTO api_key (id, account_id, name, scopes, created_at, disabled, allowed_ips, prefix, last_four, revision)
VALUES ('key_1', 'a', 'n', '[]', 0, 0, '[]', 'lf_live', 'abcd', 1), ('key_2', 'a', 'n', '[]', 0, 0, '[]', 'lf_live', 'abcd', 1);
INSERT INTO key_secret (digest, key_id, position, kind) SELECT randomblob(32), id, 0, '{"pepper":"p1"}' FROM api_key;
INSERT INTO previous_use VALUES ('key_1', 'a', 1794916800123, '203.0.113.7'), ('key_2', 'a', 1, NULL);"#;
    let (dir, file) = written(&layouts, rows);
    let store = open(dir.path(), Options::default());
    let both = [("a", "key_1"), ("a", "key_2")];
    let found = store.previous_uses(&both).await.unwrap();
    let mut wanted = PreviousUses::default();
    let at = Timestamp::from_millis(1_794_916_800_123);
    wanted.accepted.add("203.0.113.7".parse().unwrap(), at);
    wanted.accepted.hours.clear();
    assert_eq!(found, HashMap::from([("key_1".to_owned(), wanted)]));
    store.close();
    let report = super::super::verify::verify(&file).unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    assert_eq!(report.layout, NEWEST);
}

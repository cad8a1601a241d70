//! A file of an earlier layout with data in it, opened by this version.

use super::*;
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

#[tokio::test]
async fn a_store_of_layout_1_is_taken_over_with_all_that_is_in_it() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("data/fuelgate.db");
    std::fs::create_dir(dir.path().join("data")).unwrap();
    let raw = rusqlite::Connection::open(&file).unwrap();
    raw.execute_batch(include_str!("../layout1.sql")).unwrap();
    raw.execute_batch(ROWS).unwrap();
    raw.pragma_update(None, "application_id", super::super::FORMAT.application_id)
        .unwrap();
    raw.pragma_update(None, "user_version", 1).unwrap();
    drop(raw);

    let store = open(dir.path(), Options::default());
    let released = store.released_after("a", 0, 9).await.unwrap();
    let ids: Vec<&str> = released.iter().map(|e| e.id.as_str()).collect();
    assert_eq!(ids, ["evt_2", "evt_1"]);
    store.close();
    let report = super::super::verify::verify(&file).unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    assert_eq!(report.layout, 2);

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

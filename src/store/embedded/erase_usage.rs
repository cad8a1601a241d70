//! Erasure of an account's usage: seeks each hour and day where rows lie by time; never the sums over everyone.

use rusqlite::Connection;

use super::fail::Done;
use super::rows::{all, first, run};

/// Starts of a table's spans, one seek each.
fn starts(conn: &Connection, next: &str, span: u8) -> Done<Vec<i64>> {
    let mut found = Vec::new();
    let mut after = i64::MIN;
    while let Some(Some(start)) = first(conn, next, (span, after), |r| r.get::<_, Option<i64>>(0))?
    {
        found.push(start);
        after = start;
    }
    Ok(found)
}

fn delete_by_start(
    conn: &Connection,
    spans: [u8; 2],
    next: &str,
    delete: &str,
    id: &str,
    limit: usize,
) -> Done<usize> {
    let mut gone = 0;
    for span in spans {
        for start in starts(conn, next, span)? {
            if gone >= limit {
                return Ok(gone);
            }
            gone += run(conn, delete, (span, start, id, limit - gone))?;
        }
    }
    Ok(gone)
}

/// Rows by key and the totals that quotas compare with.
pub(super) fn sums(conn: &Connection, id: &str, limit: usize) -> Done<usize> {
    let rows = delete_by_start(
        conn,
        [0, 1],
        "SELECT min(start) FROM usage WHERE span = ?1 AND start > ?2",
        "DELETE FROM usage WHERE (span, start, account_id, key_id, class) IN
             (SELECT span, start, account_id, key_id, class FROM usage
              WHERE span = ?1 AND start = ?2 AND account_id = ?3 LIMIT ?4)",
        id,
        limit,
    )?;
    let totals = delete_by_start(
        conn,
        [0, 2],
        "SELECT min(start) FROM usage_total WHERE span = ?1 AND start > ?2",
        "DELETE FROM usage_total WHERE (span, start, account_id) IN
             (SELECT span, start, account_id FROM usage_total
              WHERE span = ?1 AND start = ?2 AND account_id = ?3 LIMIT ?4)",
        id,
        limit.saturating_sub(rows),
    )?;
    Ok(rows + totals)
}

/// Rows by endpoint, which lead to the rows by caller.
pub(super) fn routes(conn: &Connection, id: &str, limit: usize) -> Done<usize> {
    let mut gone = 0;
    for span in [0_u8, 1] {
        let next = "SELECT min(start) FROM usage_endpoint WHERE span = ?1 AND start > ?2";
        for start in starts(conn, next, span)? {
            if gone >= limit {
                return Ok(gone);
            }
            gone += routes_at(conn, span, start, id, limit - gone)?;
        }
    }
    Ok(gone)
}

fn routes_at(conn: &Connection, span: u8, start: i64, id: &str, limit: usize) -> Done<usize> {
    let routes: Vec<String> = all(
        conn,
        "SELECT DISTINCT route FROM usage_endpoint WHERE span = ?1 AND start = ?2 AND account_id = ?3 LIMIT ?4",
        (span, start, id, limit),
        |r| r.get(0),
    )?;
    let mut gone = 0;
    for route in routes {
        if gone >= limit {
            break;
        }
        gone += run(
            conn,
            "DELETE FROM usage_caller WHERE (route, span, start, account_id, key_id) IN
                 (SELECT route, span, start, account_id, key_id FROM usage_caller
                  WHERE route = ?1 AND span = ?2 AND start = ?3 AND account_id = ?4 LIMIT ?5)",
            (&route, span, start, id, limit - gone),
        )?;
        if gone < limit {
            gone += run(
                conn,
                "DELETE FROM usage_endpoint
                 WHERE span = ?1 AND start = ?2 AND account_id = ?3 AND route = ?4",
                (span, start, id, &route),
            )?;
        }
    }
    Ok(gone)
}

/// Rows by code of refusal, which lie by account.
pub(super) fn refusals(conn: &Connection, id: &str, limit: usize) -> Done<usize> {
    run(
        conn,
        "DELETE FROM usage_rejection WHERE (account_id, span, start, code) IN
             (SELECT account_id, span, start, code FROM usage_rejection WHERE account_id = ?1 LIMIT ?2)",
        (id, limit),
    )
}

/// Totals of keys, which lie by account.
pub(super) fn keys(conn: &Connection, id: &str, limit: usize) -> Done<usize> {
    run(
        conn,
        "DELETE FROM usage_key WHERE (account_id, span, start, key_id) IN
             (SELECT account_id, span, start, key_id FROM usage_key WHERE account_id = ?1 LIMIT ?2)",
        (id, limit),
    )
}

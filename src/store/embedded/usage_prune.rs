//! Retention of usage: hours and days that are too old are deleted, some at a time; never what an account's erasure takes.

use rusqlite::Connection;

use super::fail::Done;
use super::rows::{all, run};
use super::usage::{DAY, HOUR, MONTH};
use crate::base::clock::Timestamp;

/// Deletes up to `limit` rows of hours before `hours` and of days and months before `days`, and tells how many.
pub(super) fn prune(
    conn: &Connection,
    hours: Timestamp,
    days: Timestamp,
    limit: usize,
) -> Done<usize> {
    let mut gone = 0;
    let months = days.month_start();
    for (delete, span, before) in [
        (DELETE_REJECTIONS, HOUR, hours),
        (DELETE_REJECTIONS, DAY, days),
        (DELETE_KEYS, DAY, days),
        (DELETE_KEYS, MONTH, months),
        (DELETE_SUMS, HOUR, hours),
        (DELETE_SUMS, DAY, days),
        (DELETE_TOTALS, HOUR, hours),
        (DELETE_TOTALS, MONTH, months),
        (DELETE_ENDPOINTS, HOUR, hours),
        (DELETE_ENDPOINTS, DAY, days),
    ] {
        gone += run(conn, delete, (span, before, limit - gone))?;
        if gone >= limit {
            return Ok(gone);
        }
    }
    for route in routes(conn)? {
        for (span, before) in [(HOUR, hours), (DAY, days)] {
            gone += run(conn, DELETE_CALLERS, (&route, span, before, limit - gone))?;
            if gone >= limit {
                return Ok(gone);
            }
        }
    }
    gone += run(conn, "DELETE FROM usage_marker WHERE at < ?1", [hours])?;
    Ok(gone)
}

/// Routes that were ever called, one seek each.
fn routes(conn: &Connection) -> Done<Vec<String>> {
    all(
        conn,
        "WITH RECURSIVE r (route) AS (
             SELECT min(route) FROM usage_caller
             UNION ALL
             SELECT (SELECT min(route) FROM usage_caller WHERE route > r.route) FROM r WHERE r.route IS NOT NULL)
         SELECT route FROM r WHERE route IS NOT NULL",
        [],
        |r| r.get(0),
    )
}

const DELETE_SUMS: &str = "DELETE FROM usage WHERE (span, start, account_id, key_id, class) IN
    (SELECT span, start, account_id, key_id, class FROM usage WHERE span = ?1 AND start < ?2 LIMIT ?3)";
const DELETE_TOTALS: &str = "DELETE FROM usage_total WHERE (span, start, account_id) IN
    (SELECT span, start, account_id FROM usage_total WHERE span = ?1 AND start < ?2 LIMIT ?3)";
const DELETE_ENDPOINTS: &str =
    "DELETE FROM usage_endpoint WHERE (span, start, account_id, route, method) IN
    (SELECT span, start, account_id, route, method FROM usage_endpoint WHERE span = ?1 AND start < ?2 LIMIT ?3)";
const DELETE_CALLERS: &str =
    "DELETE FROM usage_caller WHERE (route, span, start, account_id, key_id) IN
    (SELECT route, span, start, account_id, key_id FROM usage_caller
     WHERE route = ?1 AND span = ?2 AND start < ?3 LIMIT ?4)";
const DELETE_REJECTIONS: &str = "DELETE FROM usage_rejection WHERE (account_id, span, start, code) IN
    (SELECT account_id, span, start, code FROM usage_rejection WHERE span = ?1 AND start < ?2 LIMIT ?3)";
const DELETE_KEYS: &str = "DELETE FROM usage_key WHERE (account_id, span, start, key_id) IN
    (SELECT account_id, span, start, key_id FROM usage_key WHERE span = ?1 AND start < ?2 LIMIT ?3)";

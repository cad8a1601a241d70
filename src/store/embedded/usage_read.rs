//! Series, totals, endpoints and callers out of the usage tables; never what a quota makes of them.

use std::collections::HashMap;

use rusqlite::{Connection, named_params};

use super::fail::Done;
use super::rows::{all, first};
use super::usage::{ALL, HOUR, MONTH};
use crate::base::ceilings;
use crate::base::clock::{DAY_MS, HOUR_MS, Timestamp};
use crate::store::span::{Part, Span, parts};
use crate::usage::model::{EndpointUsage, Granularity, RouteCaller, UsagePoint};
use crate::usage::port::SeriesQuery;

pub(super) fn used(
    conn: &Connection,
    account_id: &str,
    hour: Timestamp,
    month: Timestamp,
) -> Done<(u64, u64)> {
    let total = |span: u8, start: Timestamp| -> Done<u64> {
        Ok(first(
            conn,
            "SELECT requests FROM usage_total WHERE span = ?1 AND start = ?2 AND account_id = ?3",
            (span, start, account_id),
            |r| r.get(0),
        )?
        .unwrap_or(0))
    };
    Ok((total(HOUR, hour)?, total(MONTH, month)?))
}

/// Starts of a span that a table has within a range, one seek each.
fn starts(conn: &Connection, next: &str, part: Part) -> Done<Vec<Timestamp>> {
    let mut found = Vec::new();
    let mut from = part.from;
    while found.len() < ceilings::USAGE_ROWS && from < part.to {
        let start: Option<Timestamp> =
            first(conn, next, (part.span as u8, from, part.to), |r| r.get(0))?.flatten();
        let Some(start) = start else { break };
        found.push(start);
        from = Timestamp::from_millis(start.millis().saturating_add(1));
    }
    Ok(found)
}

/// The account that a series is of: a key asked for by itself tells it.
fn account_of(conn: &Connection, query: &SeriesQuery) -> Done<Option<String>> {
    match (&query.account_id, &query.key_id) {
        (Some(account), _) => Ok(Some(account.clone())),
        (None, None) => Ok(Some(ALL.to_owned())),
        (None, Some(key)) => first(
            conn,
            "SELECT account_id FROM api_key WHERE id = ?1",
            [key],
            |r| r.get(0),
        ),
    }
}

pub(super) fn series(conn: &Connection, query: &SeriesQuery) -> Done<Vec<UsagePoint>> {
    let Some(account) = account_of(conn, query)? else {
        return Ok(Vec::new());
    };
    let part = Part {
        span: if query.granularity == Granularity::Hour {
            Span::Hour
        } else {
            Span::Day
        },
        from: query.from,
        to: query.to,
    };
    let key = query.key_id.as_deref().unwrap_or(ALL);
    let mut points: Vec<UsagePoint> = Vec::new();
    for (start, row) in rows_of(conn, part, &account, key)? {
        let begins = match query.granularity {
            Granularity::Hour | Granularity::Day => start,
            Granularity::Month => start.month_start(),
        };
        if points.last().is_none_or(|p| p.start != begins) {
            points.push(UsagePoint {
                start: begins,
                ..UsagePoint::default()
            });
        }
        if let Some(p) = points.last_mut() {
            row.add_to(p);
        }
    }
    // Microseconds were summed; a point shows milliseconds.
    for p in &mut points {
        p.upstream_ms /= 1000;
    }
    Ok(points)
}

struct SumRow {
    class: u8,
    requests: u64,
    bytes_in: u64,
    bytes_out: u64,
    upstream_us: u64,
}

impl SumRow {
    fn add_to(&self, p: &mut UsagePoint) {
        if self.class == 0 {
            p.rejected = p.rejected.saturating_add(self.requests);
        } else {
            p.requests = p.requests.saturating_add(self.requests);
            *p.by_status.entry(format!("{}xx", self.class)).or_default() += self.requests;
        }
        p.bytes_in = p.bytes_in.saturating_add(self.bytes_in);
        p.bytes_out = p.bytes_out.saturating_add(self.bytes_out);
        p.upstream_ms = p.upstream_ms.saturating_add(self.upstream_us);
    }
}

/// The sums of one key, or of all of an account's, in the order of their starts. The table is by start, then account and key: one
/// seek for each start that it may have, between the first and the last that it has in the range, all in one statement.
fn rows_of(
    conn: &Connection,
    part: Part,
    account: &str,
    key: &str,
) -> Done<Vec<(Timestamp, SumRow)>> {
    let step = match part.span {
        Span::Hour => HOUR_MS,
        Span::Day => DAY_MS,
    };
    all(
        conn,
        "WITH RECURSIVE
             ends (first, last) AS (SELECT
                 (SELECT min(start) FROM usage WHERE span = :span AND start >= :from AND start < :to),
                 (SELECT max(start) FROM usage WHERE span = :span AND start >= :from AND start < :to)),
             at (start) AS (
                 SELECT first FROM ends WHERE first IS NOT NULL
                 UNION ALL SELECT start + :step FROM at, ends WHERE start + :step <= last LIMIT :most)
         SELECT usage.start, class, requests, bytes_in, bytes_out, upstream_us
         FROM at CROSS JOIN usage ON span = :span AND usage.start = at.start AND account_id = :account AND key_id = :key
         ORDER BY usage.start, class",
        named_params! {
            ":span": part.span as u8,
            ":from": part.from,
            ":to": part.to,
            ":step": step,
            ":most": ceilings::USAGE_ROWS,
            ":account": account,
            ":key": key,
        },
        |r| {
            let row = SumRow {
                class: r.get(1)?,
                requests: r.get(2)?,
                bytes_in: r.get(3)?,
                bytes_out: r.get(4)?,
                upstream_us: r.get(5)?,
            };
            Ok((r.get(0)?, row))
        },
    )
}

/// Starts of a part at which a key's requests were sent upstream.
pub(super) fn starts_of_key(
    conn: &Connection,
    part: Part,
    account: &str,
    key: &str,
) -> Done<Vec<Timestamp>> {
    let rows = rows_of(conn, part, account, key)?;
    let sent = rows.into_iter().filter(|(_, row)| row.class > 0);
    let mut starts: Vec<_> = sent.map(|(start, _)| start).collect();
    starts.dedup();
    Ok(starts)
}

pub(super) fn endpoints(
    conn: &Connection,
    account_id: Option<&str>,
    from: Timestamp,
    to: Timestamp,
    limit: u32,
) -> Done<Vec<EndpointUsage>> {
    let next =
        "SELECT min(start) FROM usage_endpoint WHERE span = ?1 AND start >= ?2 AND start < ?3";
    let mut sums: HashMap<(String, String), (u64, u64)> = HashMap::new();
    for part in parts(from, to) {
        for start in starts(conn, next, part)? {
            let rows: Vec<(String, String, u64, u64)> = all(
                conn,
                "SELECT route, method, requests, errors FROM usage_endpoint
                 WHERE span = ?1 AND start = ?2 AND account_id = ?3",
                (part.span as u8, start, account_id.unwrap_or(ALL)),
                |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)),
            )?;
            for (route, method, requests, errors) in rows {
                let sum = sums.entry((route, method)).or_default();
                sum.0 += requests;
                sum.1 += errors;
            }
        }
    }
    let mut found: Vec<_> = sums
        .into_iter()
        .map(|((route, method), (requests, errors))| EndpointUsage {
            method,
            route,
            requests,
            errors,
        })
        .collect();
    found.sort_unstable_by(|a, b| {
        b.requests
            .cmp(&a.requests)
            .then_with(|| (&a.route, &a.method).cmp(&(&b.route, &b.method)))
    });
    found.truncate(limit as usize);
    Ok(found)
}

pub(super) fn callers(
    conn: &Connection,
    route: &str,
    from: Timestamp,
    to: Timestamp,
    limit: u32,
) -> Done<Vec<RouteCaller>> {
    let [before, whole, after] = parts(from, to);
    all(
        conn,
        "SELECT account_id, key_id, sum(requests) AS requests, max(last_at) AS last_at FROM (
             SELECT * FROM usage_caller
                 WHERE route = :route AND span = 0 AND start >= :before_from AND start < :before_to
             UNION ALL SELECT * FROM usage_caller
                 WHERE route = :route AND span = 1 AND start >= :whole_from AND start < :whole_to
             UNION ALL SELECT * FROM usage_caller
                 WHERE route = :route AND span = 0 AND start >= :after_from AND start < :after_to)
         GROUP BY account_id, key_id ORDER BY requests DESC, account_id, key_id LIMIT :limit",
        named_params! {
            ":route": route,
            ":before_from": before.from,
            ":before_to": before.to,
            ":whole_from": whole.from,
            ":whole_to": whole.to,
            ":after_from": after.from,
            ":after_to": after.to,
            ":limit": limit,
        },
        |r| {
            Ok(RouteCaller {
                account_id: r.get(0)?,
                key_id: r.get(1)?,
                requests: r.get(2)?,
                last_at: r.get(3)?,
            })
        },
    )
}

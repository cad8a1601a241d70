//! Batches of usage become rows, each once however often it comes; how rows are read lives in `usage_read`.

use std::collections::{BTreeMap, HashMap};

use rusqlite::Connection;

use super::accounts::is_gone;
use super::fail::Done;
use super::rows::{first, run};
use crate::base::clock::Timestamp;
use crate::store::span::Span;
use crate::usage::model::{Counts, KeyUsageRow, RejectionRow, RouteUsageRow, UsageBatch};

/// Rows of a batch that one transaction takes, so that a busy second's batch does not hold up other writes.
const PIECE_ROWS: usize = 256;

/// Spans by their number in the tables.
pub(super) const HOUR: u8 = Span::Hour as u8;
pub(super) const DAY: u8 = Span::Day as u8;
pub(super) const MONTH: u8 = 2;

/// What has no key or no account in the tables: the sums over all of them.
pub(super) const ALL: &str = "";

/// A batch cut the same way each time it comes, so that the marker can tell what of it is applied.
pub(super) enum Piece<'a> {
    Keys(&'a [KeyUsageRow]),
    Routes(&'a [RouteUsageRow]),
    Rejections(&'a [RejectionRow]),
}

/// At least one piece, so that an empty batch is marked as well.
pub(super) fn pieces(batch: &UsageBatch) -> Vec<Piece<'_>> {
    let mut pieces: Vec<_> = batch.keys.chunks(PIECE_ROWS).map(Piece::Keys).collect();
    pieces.extend(batch.routes.chunks(PIECE_ROWS).map(Piece::Routes));
    pieces.extend(batch.rejections.chunks(PIECE_ROWS).map(Piece::Rejections));
    if pieces.is_empty() {
        pieces.push(Piece::Keys(&[]));
    }
    pieces
}

/// Applies the `index`th piece unless the marker says that it is there. True when the whole batch is.
pub(super) fn apply(
    conn: &Connection,
    batch: &UsageBatch,
    index: usize,
    now: Timestamp,
) -> Done<bool> {
    let pieces = pieces(batch);
    let marker: Option<(u64, usize, bool)> = first(
        conn,
        "SELECT sequence, pieces, whole FROM usage_marker WHERE boot_id = ?1",
        [&batch.boot_id],
        |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)),
    )?;
    match marker {
        Some((sequence, _, whole))
            if sequence > batch.sequence || sequence == batch.sequence && whole =>
        {
            return Ok(true);
        }
        Some((sequence, applied, _)) if sequence == batch.sequence && index < applied => {
            return Ok(false);
        }
        _ => {}
    }
    match pieces.get(index) {
        Some(Piece::Keys(rows)) => apply_keys(conn, rows)?,
        Some(Piece::Routes(rows)) => apply_routes(conn, rows)?,
        Some(Piece::Rejections(rows)) => apply_rejections(conn, rows)?,
        None => return Ok(true),
    }
    let whole = index + 1 == pieces.len();
    run(
        conn,
        "INSERT INTO usage_marker (boot_id, sequence, pieces, whole, at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET sequence = excluded.sequence, pieces = excluded.pieces, whole = excluded.whole,
             at = excluded.at",
        (&batch.boot_id, batch.sequence, index + 1, whole, now),
    )?;
    Ok(whole)
}

/// Accounts that were erased meanwhile, asked for once each.
#[derive(Default)]
struct Gone<'a>(HashMap<&'a str, bool>);

impl<'a> Gone<'a> {
    fn has(&mut self, conn: &Connection, account: &'a str) -> Done<bool> {
        if let Some(gone) = self.0.get(account) {
            return Ok(*gone);
        }
        let gone = is_gone(conn, account)?;
        self.0.insert(account, gone);
        Ok(gone)
    }
}

fn spans(hour: Timestamp) -> [(u8, Timestamp); 2] {
    [(HOUR, hour.hour_start()), (DAY, hour.day_start())]
}

fn add(to: &mut Counts, more: &Counts) {
    to.requests = to.requests.saturating_add(more.requests);
    to.bytes_in = to.bytes_in.saturating_add(more.bytes_in);
    to.bytes_out = to.bytes_out.saturating_add(more.bytes_out);
    to.upstream_us = to.upstream_us.saturating_add(more.upstream_us);
}

// Summed in memory first and written in the order of the table: rows of one account share their sums, and
// neighbours share a page.
fn apply_keys(conn: &Connection, rows: &[KeyUsageRow]) -> Done<()> {
    let mut gone = Gone::default();
    let mut sums: BTreeMap<(u8, Timestamp, &str, &str, u8), Counts> = BTreeMap::new();
    let mut totals: BTreeMap<(u8, Timestamp, &str), u64> = BTreeMap::new();
    let mut of_keys = KeySums::default();
    for row in rows {
        let account = row.account_id.as_str();
        if gone.has(conn, account)? {
            continue;
        }
        for (span, start) in spans(row.hour) {
            for (account, key) in [(account, row.key_id.as_str()), (account, ALL), (ALL, ALL)] {
                let sum = sums
                    .entry((span, start, account, key, row.class))
                    .or_default();
                add(sum, &row.counts);
            }
        }
        of_keys.add(row);
        if row.class > 0 {
            for at in [
                (HOUR, row.hour.hour_start(), account),
                (MONTH, row.hour.month_start(), account),
            ] {
                *totals.entry(at).or_default() += row.counts.requests;
            }
        }
    }
    for ((span, start, account, key, class), c) in sums {
        run(
            conn,
            "INSERT INTO usage (span, start, account_id, key_id, class, requests, bytes_in, bytes_out, upstream_us)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,
                 bytes_in = bytes_in + excluded.bytes_in, bytes_out = bytes_out + excluded.bytes_out,
                 upstream_us = upstream_us + excluded.upstream_us",
            (span, start, account, key, class, c.requests, c.bytes_in, c.bytes_out, c.upstream_us),
        )?;
    }
    for ((span, start, account), requests) in totals {
        run(
            conn,
            "INSERT INTO usage_total (span, start, account_id, requests) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET requests = requests + excluded.requests",
            (span, start, account, requests),
        )?;
    }
    of_keys.write(conn)
}

/// What keys did by day and month: account, span, start and key, and requests, errors and refusals.
#[derive(Default)]
struct KeySums<'a>(BTreeMap<(&'a str, u8, Timestamp, &'a str), [u64; 3]>);

impl<'a> KeySums<'a> {
    fn add(&mut self, row: &'a KeyUsageRow) {
        let n = row.counts.requests;
        let more = match row.class {
            0 => [0, 0, n],
            1..=3 => [n, 0, 0],
            _ => [n, n, 0],
        };
        for (span, start) in [(DAY, row.hour.day_start()), (MONTH, row.hour.month_start())] {
            let at = (row.account_id.as_str(), span, start, row.key_id.as_str());
            let sum = self.0.entry(at).or_default();
            for (a, b) in sum.iter_mut().zip(more) {
                *a = a.saturating_add(b);
            }
        }
    }

    fn write(self, conn: &Connection) -> Done<()> {
        for ((account, span, start, key), [requests, errors, rejected]) in self.0 {
            run(
                conn,
                "INSERT INTO usage_key (account_id, span, start, key_id, requests, errors, rejected)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,
                     errors = errors + excluded.errors, rejected = rejected + excluded.rejected",
                (account, span, start, key, requests, errors, rejected),
            )?;
        }
        Ok(())
    }
}

fn apply_rejections(conn: &Connection, rows: &[RejectionRow]) -> Done<()> {
    let mut gone = Gone::default();
    let mut sums: BTreeMap<(&str, u8, Timestamp, &str), u64> = BTreeMap::new();
    for row in rows {
        let account = row.account_id.as_str();
        if gone.has(conn, account)? {
            continue;
        }
        for (span, start) in spans(row.hour) {
            *sums
                .entry((account, span, start, row.code.as_str()))
                .or_default() += row.requests;
        }
    }
    for ((account, span, start, code), requests) in sums {
        run(
            conn,
            "INSERT INTO usage_rejection (account_id, span, start, code, requests) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET requests = requests + excluded.requests",
            (account, span, start, code, requests),
        )?;
    }
    Ok(())
}

/// Span, start, account, route and method.
type EndpointKey<'a> = (u8, Timestamp, &'a str, &'a str, &'a str);
/// Route, span, start, account and key.
type CallerKey<'a> = (&'a str, u8, Timestamp, &'a str, &'a str);

fn apply_routes(conn: &Connection, rows: &[RouteUsageRow]) -> Done<()> {
    let mut gone = Gone::default();
    let mut endpoints: BTreeMap<EndpointKey<'_>, (u64, u64)> = BTreeMap::new();
    let mut callers: BTreeMap<CallerKey<'_>, (u64, Timestamp)> = BTreeMap::new();
    for row in rows {
        let (account, route) = (row.account_id.as_str(), row.route.as_str());
        if gone.has(conn, account)? {
            continue;
        }
        for (span, start) in spans(row.hour) {
            for account in [account, ALL] {
                let sum = endpoints
                    .entry((span, start, account, route, row.method.as_str()))
                    .or_default();
                sum.0 += row.requests;
                sum.1 += row.errors;
            }
            let caller = callers
                .entry((route, span, start, account, row.key_id.as_str()))
                .or_default();
            caller.0 += row.requests;
            caller.1 = caller.1.max(row.last_at);
        }
    }
    for ((span, start, account, route, method), (requests, errors)) in endpoints {
        run(
            conn,
            "INSERT INTO usage_endpoint (span, start, account_id, route, method, requests, errors)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET requests = requests + excluded.requests, errors = errors + excluded.errors",
            (span, start, account, route, method, requests, errors),
        )?;
    }
    for ((route, span, start, account, key), (requests, last_at)) in callers {
        run(
            conn,
            "INSERT INTO usage_caller (route, span, start, account_id, key_id, requests, last_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET requests = requests + excluded.requests,
                 last_at = max(last_at, excluded.last_at)",
            (route, span, start, account, key, requests, last_at),
        )?;
    }
    Ok(())
}

//! The line of endpoints for which something waits, and how each of them fares; never a delivery's own state.
//!
//! An endpoint stands in line at the instant at which the first of its deliveries may be taken: not before that one is
//! due, not while the endpoint is held off, and not while it has as many attempts under way as it may have. So a claim
//! looks at as many rows as there are endpoints that can be given something, whatever the length of any backlog.

use rusqlite::{Connection, Row};

use super::fail::{Done, Fail};
use super::rows::{all, first, run};
use crate::base::clock::Timestamp;
use crate::webhooks::health::{Allowance, Effect, EndpointHealth};
use crate::webhooks::port::ClaimTerms;

/// An endpoint that can be given something.
pub(super) struct Waiting {
    pub(super) endpoint_id: String,
    pub(super) account_id: String,
    pub(super) health: EndpointHealth,
    pub(super) due_at: Timestamp,
}

fn health(row: &Row<'_>) -> rusqlite::Result<EndpointHealth> {
    Ok(EndpointHealth {
        failures: row.get("failures")?,
        failing_since: row.get("failing_since")?,
        hold_until: row.get("hold_until")?,
        pace_ms: row.get("pace_ms")?,
        successes: row.get("successes")?,
    })
}

/// Gives a new endpoint its place.
pub(super) fn join(conn: &Connection, endpoint_id: &str, account_id: &str) -> Done<()> {
    run(
        conn,
        "INSERT INTO endpoint_health (endpoint_id, account_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        (endpoint_id, account_id),
    )?;
    Ok(())
}

/// Takes away the place of an endpoint that is deleted.
pub(super) fn leave(conn: &Connection, endpoint_id: &str) -> Done<()> {
    run(
        conn,
        "DELETE FROM endpoint_health WHERE endpoint_id = ?1",
        [endpoint_id],
    )?;
    Ok(())
}

/// Forgets how an endpoint fared: somebody changed where it leads, or enabled it again.
pub(super) fn forget(conn: &Connection, endpoint_id: &str) -> Done<()> {
    run(
        conn,
        "UPDATE endpoint_health SET failures = 0, failing_since = NULL, hold_until = NULL, pace_ms = 0, successes = 0,
             full_until = NULL WHERE endpoint_id = ?1",
        [endpoint_id],
    )?;
    Ok(())
}

/// Says anew when the first of an endpoint's deliveries may be taken. To be called after each change of its queue, of how
/// it fares or of its status.
pub(super) fn show(conn: &Connection, endpoint_id: &str) -> Done<()> {
    run(
        conn,
        "UPDATE endpoint_health SET due_at = iif(
             (SELECT status FROM endpoint WHERE id = ?1) = 0,
             (SELECT max(d.due_at, ifnull(hold_until, 0), ifnull(full_until, 0))
              FROM delivery d WHERE d.endpoint_id = ?1 AND d.state = 0 ORDER BY d.due_at LIMIT 1),
             NULL) WHERE endpoint_id = ?1",
        [endpoint_id],
    )?;
    Ok(())
}

/// How an endpoint fares.
pub(super) fn of(conn: &Connection, endpoint_id: &str) -> Done<EndpointHealth> {
    let found = first(
        conn,
        "SELECT * FROM endpoint_health WHERE endpoint_id = ?1",
        [endpoint_id],
        health,
    )?;
    Ok(found.unwrap_or_default())
}

/// Notes what an attempt means for its endpoint, and that a place is free again.
pub(super) fn merge(
    conn: &Connection,
    endpoint_id: &str,
    effect: &Effect,
    now: Timestamp,
) -> Done<EndpointHealth> {
    let after = of(conn, endpoint_id)?.after(effect, now);
    write(conn, endpoint_id, &after, None)?;
    Ok(after)
}

fn write(
    conn: &Connection,
    endpoint_id: &str,
    h: &EndpointHealth,
    full_until: Option<Timestamp>,
) -> Done<()> {
    run(
        conn,
        "UPDATE endpoint_health SET failures = ?2, failing_since = ?3, hold_until = ?4, pace_ms = ?5, successes = ?6,
             full_until = ?7 WHERE endpoint_id = ?1",
        (
            endpoint_id,
            h.failures,
            h.failing_since,
            h.hold_until,
            h.pace_ms,
            h.successes,
            full_until,
        ),
    )?;
    Ok(())
}

/// Those that can be given something, by when they could first: the suspects among them, or all others.
pub(super) fn waiting(
    conn: &Connection,
    suspects: bool,
    now: Timestamp,
    limit: usize,
) -> Done<Vec<Waiting>> {
    all(
        conn,
        "SELECT * FROM endpoint_health WHERE (failures > 0) = ?1 AND due_at <= ?2 ORDER BY due_at LIMIT ?3",
        (suspects, now, limit),
        |row| {
            Ok(Waiting {
                endpoint_id: row.get("endpoint_id")?,
                account_id: row.get("account_id")?,
                health: health(row)?,
                due_at: row.get("due_at")?,
            })
        },
    )
}

/// When the first can be given something.
pub(super) fn next_due(conn: &Connection, suspects: bool) -> Done<Option<Timestamp>> {
    Ok(first(
        conn,
        "SELECT min(due_at) FROM endpoint_health WHERE (failures > 0) = ?1 AND due_at IS NOT NULL",
        [suspects],
        |r| r.get(0),
    )?
    .flatten())
}

/// Attempts to an endpoint that are under way, and when the first of their claims ends.
fn under_way(
    conn: &Connection,
    endpoint_id: &str,
    now: Timestamp,
) -> Done<(u32, Option<Timestamp>)> {
    first(
        conn,
        "SELECT count(*), min(due_at) FROM delivery
         WHERE endpoint_id = ?1 AND state = 0 AND claim IS NOT NULL AND due_at > ?2",
        (endpoint_id, now),
        |r| Ok((r.get(0)?, r.get(1)?)),
    )?
    .ok_or_else(|| Fail::corrupt("a count gave no number"))
}

/// Whether attempts to an endpoint are under way.
pub(super) fn is_under_way(conn: &Connection, endpoint_id: &str, now: Timestamp) -> Done<bool> {
    Ok(under_way(conn, endpoint_id, now)?.0 > 0)
}

/// Ids of what may be taken from an endpoint's queue now, oldest first.
pub(super) fn takeable(
    conn: &Connection,
    waiting: &Waiting,
    terms: &ClaimTerms,
) -> Done<Vec<String>> {
    let now = terms.now;
    let (busy, _) = under_way(conn, &waiting.endpoint_id, now)?;
    let can = waiting.health.concurrency(&terms.allowance);
    let room = can.saturating_sub(busy).min(terms.room.all);
    all(
        conn,
        "SELECT id FROM delivery WHERE endpoint_id = ?1 AND state = 0 AND due_at <= ?2 ORDER BY due_at, id LIMIT ?3",
        (&waiting.endpoint_id, now, room),
        |r| r.get(0),
    )
}

/// Puts an endpoint back in line after so many were taken from its queue.
pub(super) fn step_back(
    conn: &Connection,
    waiting: &Waiting,
    taken: u32,
    allowance: &Allowance,
    now: Timestamp,
) -> Done<()> {
    let (busy, first_end) = under_way(conn, &waiting.endpoint_id, now)?;
    let full = first_end.filter(|_| busy >= waiting.health.concurrency(allowance));
    let mut health = waiting.health.clone();
    if taken > 0 {
        health.hold_until = health.hold_after(taken, allowance, now);
    }
    write(conn, &waiting.endpoint_id, &health, full)?;
    show(conn, &waiting.endpoint_id)
}

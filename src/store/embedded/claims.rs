//! The delivery queue: what is due, who has claimed it and how an attempt ended; never an attempt itself.

use rusqlite::Connection;

use super::fail::{Done, Fail};
use super::rows::{all, first, run};
use super::{change, delivery_rows, endpoints, event_rows};
use crate::base::audit::Change;
use crate::base::ceilings;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::ids;
use crate::webhooks::model::{Attempt, ClaimedDelivery, Delivery, EndpointStatus, Outcome};
use crate::webhooks::port::QueueStats;

/// What a due delivery is found to be.
enum Found {
    Mine(Box<ClaimedDelivery>),
    /// It was parked, cancelled or put off: another one may be taken instead.
    Aside,
}

pub(super) fn claim_due(
    conn: &Connection,
    now: Timestamp,
    until: Timestamp,
    limit: u32,
) -> Done<Vec<ClaimedDelivery>> {
    endpoints::settle_some(conn, now)?;
    let limit = limit as usize;
    let mut claimed = Vec::new();
    // Whatever is looked at leaves the front of the queue, so this ends; the budget keeps one call short.
    let mut budget = limit + ceilings::STORE_DELETE_ROWS as usize;
    while claimed.len() < limit && budget > 0 {
        let due: Vec<String> = all(
            conn,
            "SELECT id FROM delivery WHERE state = 0 AND parked = 0 AND due_at <= ?1 ORDER BY due_at LIMIT ?2",
            (now, budget.min(limit - claimed.len())),
            |r| r.get(0),
        )?;
        if due.is_empty() {
            break;
        }
        budget = budget.saturating_sub(due.len());
        for id in due {
            if let Found::Mine(c) = take(conn, &id, now, until)? {
                claimed.push(*c);
            }
        }
    }
    Ok(claimed)
}

fn take(conn: &Connection, id: &str, now: Timestamp, until: Timestamp) -> Done<Found> {
    match look(conn, id, now, until) {
        // One damaged row must not keep all others from their endpoints: it comes up again when the claim would end.
        Err(Fail::Store(StoreError::Corrupt(what))) => put_off(conn, id, until, &what),
        Err(Fail::Sql(e)) if matches!(super::fail::to_store(&e), StoreError::Corrupt(_)) => {
            put_off(conn, id, until, &e.to_string())
        }
        other => other,
    }
}

fn put_off(conn: &Connection, id: &str, until: Timestamp, what: &str) -> Done<Found> {
    tracing::error!(
        delivery = id,
        cause = what,
        "a delivery cannot be read and is put off"
    );
    run(
        conn,
        "UPDATE delivery SET due_at = ?2 WHERE id = ?1",
        (id, until),
    )?;
    Ok(Found::Aside)
}

fn look(conn: &Connection, id: &str, now: Timestamp, until: Timestamp) -> Done<Found> {
    let delivery = delivery_rows::by_id(conn, id)?.ok_or(StoreError::NotFound)?;
    let endpoint = endpoints::by_id(conn, &delivery.endpoint_id)?;
    let event = event_rows::by_id(conn, &delivery.event_id)?;
    let (Some(endpoint), Some(event)) = (endpoint, event) else {
        return cancel(conn, id, now);
    };
    match endpoint.status {
        EndpointStatus::Active => {}
        EndpointStatus::Paused => {
            run(conn, "UPDATE delivery SET parked = 1 WHERE id = ?1", [id])?;
            return Ok(Found::Aside);
        }
        EndpointStatus::Disabled => return cancel(conn, id, now),
    }
    let claim = ids::request_id();
    run(
        conn,
        "UPDATE delivery SET claim = ?2, due_at = ?3 WHERE id = ?1",
        (id, &claim, until),
    )?;
    Ok(Found::Mine(Box::new(ClaimedDelivery {
        delivery,
        claim,
        claimed_until: until,
        event,
        endpoint,
    })))
}

fn cancel(conn: &Connection, id: &str, now: Timestamp) -> Done<Found> {
    finish(conn, id, 3, now)?;
    Ok(Found::Aside)
}

fn finish(conn: &Connection, id: &str, state: u8, now: Timestamp) -> Done<()> {
    run(
        conn,
        "UPDATE delivery SET state = ?2, finished_at = ?3, next_attempt_at = NULL, due_at = NULL, claim = NULL,
             parked = 0 WHERE id = ?1",
        (id, state, now),
    )?;
    Ok(())
}

pub(super) fn complete(
    conn: &Connection,
    id: &str,
    claim: &str,
    attempt: &Attempt,
    outcome: &Outcome,
    now: Timestamp,
) -> Done<()> {
    let endpoint_id: Option<String> = first(
        conn,
        "UPDATE delivery SET attempts = attempts + 1 WHERE id = ?1 AND claim = ?2 AND state = 0
         RETURNING endpoint_id",
        (id, claim),
        |r| r.get(0),
    )?;
    let Some(endpoint_id) = endpoint_id else {
        return Ok(());
    };
    delivery_rows::log_attempt(conn, id, attempt)?;
    match outcome {
        Outcome::Succeeded => finish(conn, id, 1, now),
        Outcome::Exhausted => finish(conn, id, 2, now),
        Outcome::DisableEndpoint(reason) => {
            finish(conn, id, 2, now)?;
            endpoints::disable(conn, &endpoint_id, reason, now)
        }
        Outcome::Retry(at) => {
            run(
                conn,
                "UPDATE delivery SET next_attempt_at = ?2, due_at = ?2, claim = NULL WHERE id = ?1",
                (id, at),
            )?;
            Ok(())
        }
    }
}

pub(super) fn retry(conn: &Connection, id: &str, now: Timestamp, why: &Change) -> Done<Delivery> {
    let delivery = delivery_rows::by_id(conn, id)?.ok_or(StoreError::NotFound)?;
    match endpoints::by_id(conn, &delivery.endpoint_id)?.map(|e| e.status) {
        None => return Err(Fail::conflict("the endpoint is gone")),
        Some(EndpointStatus::Disabled) => return Err(Fail::conflict("the endpoint is disabled")),
        Some(EndpointStatus::Active | EndpointStatus::Paused) => {}
    }
    delivery_rows::restart(conn, id, now)?;
    change::write(conn, why)?;
    delivery_rows::by_id(conn, id)?.ok_or_else(|| StoreError::NotFound.into())
}

/// When the next delivery may be taken: one under a claim when that ends. At once while an endpoint's change is not done.
pub(super) fn next_due(conn: &Connection, now: Timestamp) -> Done<Option<Timestamp>> {
    if endpoints::is_unsettled(conn)? {
        return Ok(Some(now));
    }
    Ok(first(
        conn,
        "SELECT min(due_at) FROM delivery WHERE state = 0 AND parked = 0",
        [],
        |r| r.get(0),
    )?
    .flatten())
}

pub(super) fn stats(conn: &Connection) -> Done<QueueStats> {
    let tally = |name: &str| -> Done<u64> {
        first(
            conn,
            "SELECT value FROM tally WHERE name = ?1",
            [name],
            |r| r.get(0),
        )?
        .ok_or_else(|| Fail::corrupt("a tally is missing"))
    };
    Ok(QueueStats {
        pending_deliveries: tally("pending_deliveries")?,
        oldest_pending: first(
            conn,
            "SELECT min(queued_at) FROM delivery WHERE state = 0",
            [],
            |r| r.get(0),
        )?
        .flatten(),
        unresolved_events: tally("unresolved_events")?,
    })
}

/// Deletes up to `limit` deliveries that finished before `before`, failed ones before `dead_before`, with their attempts,
/// and tells how many.
pub(super) fn prune_deliveries(
    conn: &Connection,
    before: Timestamp,
    dead_before: Timestamp,
    limit: u32,
) -> Done<usize> {
    let old: Vec<String> = all(
        conn,
        "SELECT id FROM delivery WHERE state <> 0 AND finished_at < ?1 AND (state <> 2 OR finished_at < ?2)
         ORDER BY finished_at LIMIT ?3",
        (before, dead_before, limit),
        |r| r.get(0),
    )?;
    for id in &old {
        run(conn, "DELETE FROM attempt WHERE delivery_id = ?1", [id])?;
        run(conn, "DELETE FROM delivery WHERE id = ?1", [id])?;
    }
    Ok(old.len())
}

/// Deletes those of the next `limit` events after a position that are released, older than `before` and without
/// deliveries. Gives the position to go on from, `None` at the end.
pub(super) fn prune_events(
    conn: &Connection,
    before: Timestamp,
    after: i64,
    limit: u32,
) -> Done<Option<i64>> {
    let next: Vec<(i64, String, Timestamp, u8)> = all(
        conn,
        "SELECT position, id, recorded_at, state FROM event WHERE position > ?1 ORDER BY position LIMIT ?2",
        (after, limit),
        |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)),
    )?;
    for (_, id, recorded_at, state) in &next {
        if *recorded_at < before && *state == 1 {
            run(
                conn,
                "DELETE FROM event WHERE id = ?1
                 AND NOT EXISTS (SELECT 1 FROM delivery WHERE event_id = ?1)",
                [id],
            )?;
        }
    }
    // Positions grow with time: once one is young enough, so are those after it.
    let goes_on = next.len() == limit as usize && next.iter().any(|e| e.2 < before);
    Ok(next.last().filter(|_| goes_on).map(|e| e.0))
}

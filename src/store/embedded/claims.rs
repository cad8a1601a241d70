//! The delivery queue: what is due, who has claimed it and how an attempt ended; never an attempt itself.

use std::collections::HashMap;

use rusqlite::Connection;

use super::fail::{Done, Fail};
use super::queue::{self, Waiting};
use super::rows::{all, first, run};
use super::{change, delivery_rows, endpoints, event_rows, notice_rows};
use crate::base::audit::Change;
use crate::base::ceilings;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::ids;
use crate::webhooks::health::Effect;
use crate::webhooks::model::{
    Attempt, ClaimedDelivery, Completed, Delivery, EndpointStatus, Outcome,
};
use crate::webhooks::notice;
use crate::webhooks::port::{ClaimTerms, QueueStats};
use crate::webhooks::share::{Candidate, Turns};

/// Numbers of the states in which a delivery ends.
pub(super) const SUCCEEDED: u8 = 1;
/// See [`SUCCEEDED`].
pub(super) const FAILED: u8 = 2;
/// See [`SUCCEEDED`].
pub(super) const CANCELLED: u8 = 3;

/// What a due delivery is found to be.
enum Found {
    Mine(Box<ClaimedDelivery>),
    /// It was ended or put off: another one may be taken instead.
    Aside,
}

/// An endpoint that gets its turn.
struct Turn {
    /// What may be taken, the last of it first.
    ids: Vec<String>,
    taken: u32,
}

pub(super) fn claim_due(conn: &Connection, terms: &ClaimTerms) -> Done<Vec<ClaimedDelivery>> {
    endpoints::settle_some(conn, terms.now)?;
    let waiting = candidates(conn, terms)?;
    let named: Vec<Candidate<'_>> = waiting
        .iter()
        .map(|w| Candidate {
            account: &w.account_id,
            is_suspect: w.health.is_suspect(),
        })
        .collect();
    let mut turns: HashMap<usize, Turn> = HashMap::new();
    let mut claimed = Vec::new();
    Turns::new(&named, &terms.room).go(|i| {
        let turn = match turns.entry(i) {
            std::collections::hash_map::Entry::Occupied(there) => there.into_mut(),
            std::collections::hash_map::Entry::Vacant(none) => {
                none.insert(begin(conn, &waiting[i], terms)?)
            }
        };
        while let Some(id) = turn.ids.pop() {
            if let Found::Mine(mine) = take(conn, &id, &waiting[i], terms)? {
                turn.taken += 1;
                claimed.push(*mine);
                return Ok(true);
            }
        }
        Ok::<_, Fail>(false)
    })?;
    for (i, turn) in &turns {
        queue::step_back(conn, &waiting[*i], turn.taken, &terms.allowance, terms.now)?;
    }
    claimed.sort_by_key(|c| c.delivery.next_attempt_at);
    Ok(claimed)
}

/// Endpoints that can be given something, those that could first at the front.
fn candidates(conn: &Connection, terms: &ClaimTerms) -> Done<Vec<Waiting>> {
    let most = ceilings::ENDPOINTS_LOOKED;
    let mut all = queue::waiting(conn, false, terms.now, most)?;
    let suspects = most.min(terms.room.suspects as usize);
    all.extend(queue::waiting(conn, true, terms.now, suspects)?);
    all.sort_by_key(|w| w.due_at);
    Ok(all)
}

fn begin(conn: &Connection, waiting: &Waiting, terms: &ClaimTerms) -> Done<Turn> {
    let mut ids = queue::takeable(conn, waiting, terms)?;
    ids.reverse();
    Ok(Turn { ids, taken: 0 })
}

fn take(conn: &Connection, id: &str, waiting: &Waiting, terms: &ClaimTerms) -> Done<Found> {
    match look(conn, id, waiting, terms) {
        // One damaged row must not keep all others from their endpoints: it comes up again when the claim would end.
        Err(Fail::Store(StoreError::Corrupt(what))) => put_off(conn, id, terms.until, &what),
        Err(Fail::Sql(e)) if matches!(super::fail::to_store(&e), StoreError::Corrupt(_)) => {
            put_off(conn, id, terms.until, &e.to_string())
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

fn look(conn: &Connection, id: &str, waiting: &Waiting, terms: &ClaimTerms) -> Done<Found> {
    let delivery = delivery_rows::by_id(conn, id)?.ok_or(StoreError::NotFound)?;
    let endpoint = endpoints::by_id(conn, &delivery.endpoint_id)?
        .filter(|e| e.status == EndpointStatus::Active);
    let event = event_rows::by_id(conn, &delivery.event_id)?;
    let (Some(endpoint), Some(event)) = (endpoint, event) else {
        finish(conn, id, CANCELLED, terms.now)?;
        return Ok(Found::Aside);
    };
    let token = ids::request_id();
    run(
        conn,
        "UPDATE delivery SET claim = ?2, due_at = ?3 WHERE id = ?1",
        (id, &token, terms.until),
    )?;
    Ok(Found::Mine(Box::new(ClaimedDelivery {
        delivery,
        // Completing needs to know where the attempt went. No token has a space.
        claim: format!("{token} {}", endpoint.url),
        claimed_until: terms.until,
        event,
        endpoint,
        health: waiting.health.clone(),
    })))
}

fn finish(conn: &Connection, id: &str, state: u8, now: Timestamp) -> Done<()> {
    run(
        conn,
        "UPDATE delivery SET state = ?2, finished_at = ?3, next_attempt_at = NULL, due_at = NULL, claim = NULL
         WHERE id = ?1",
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
    effect: &Effect,
    now: Timestamp,
) -> Done<Completed> {
    // Nobody has a claim that no call made.
    let Some((token, url)) = claim.split_once(' ') else {
        return Ok(Completed::Lost);
    };
    let endpoint_id: Option<String> = first(
        conn,
        "UPDATE delivery SET attempts = attempts + 1 WHERE id = ?1 AND claim = ?2 AND state = 0
         RETURNING endpoint_id",
        (id, token),
        |r| r.get(0),
    )?;
    let Some(endpoint_id) = endpoint_id else {
        return Ok(Completed::Lost);
    };
    delivery_rows::log_attempt(conn, id, attempt)?;
    let (again, nothing) = (Outcome::Retry(now), Effect::None);
    let (outcome, effect) = match outcome {
        _ if !endpoints::leads_elsewhere(conn, &endpoint_id, url)? => (outcome, effect),
        Outcome::DisableEndpoint(_) => (&again, &nothing),
        _ => (outcome, &nothing),
    };
    match outcome {
        Outcome::Succeeded => finish(conn, id, SUCCEEDED, now)?,
        Outcome::Exhausted => {
            finish(conn, id, FAILED, now)?;
            if let Some(delivery) =
                delivery_rows::by_id(conn, id)?.filter(|d| notice::is_told(&d.account_id))
            {
                let notice = notice::exhausted(&delivery, attempt, now);
                notice_rows::write(conn, &notice)?;
            }
        }
        Outcome::DisableEndpoint(_) => finish(conn, id, FAILED, now)?,
        Outcome::Retry(at) => {
            run(
                conn,
                "UPDATE delivery SET next_attempt_at = ?2, due_at = ?2, claim = NULL WHERE id = ?1",
                (id, at),
            )?;
        }
    }
    let health = queue::merge(conn, &endpoint_id, effect, now)?;
    let disabled = match outcome {
        Outcome::DisableEndpoint(reason) => endpoints::disable(conn, &endpoint_id, reason, now)?,
        _ => match health.disabled_by(effect) {
            Some(reason) => endpoints::disable(conn, &endpoint_id, reason, now)?,
            None => false,
        },
    };
    queue::show(conn, &endpoint_id)?;
    Ok(if disabled {
        Completed::Disabled
    } else {
        Completed::Noted
    })
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
pub(super) fn next_due(
    conn: &Connection,
    with_suspects: bool,
    now: Timestamp,
) -> Done<Option<Timestamp>> {
    if endpoints::is_unsettled(conn)? {
        return Ok(Some(now));
    }
    let well = queue::next_due(conn, false)?;
    let suspect = if with_suspects {
        queue::next_due(conn, true)?
    } else {
        None
    };
    Ok(well.into_iter().chain(suspect).min())
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

//! Steps of a recovery: which events a webhook missed, and deliveries that are made of them; never the job itself.

use rusqlite::Connection;

use super::accounts::is_gone;
use super::delivery_rows::{self, state_of};
use super::event_rows;
use super::fail::{Done, Fail};
use super::rows::all;
use super::{EmbeddedStore, endpoints};
use crate::base::ceilings::operations::REPLAY_LOOK;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::webhooks::model::{DeliveryState, Endpoint, EventState};
use crate::webhooks::port::replays::{Recovery, ReplayJob, ReplayScope, ReplayStep};

/// A released event, and where its delivery to the endpoint stands.
struct Seen {
    sequence: u64,
    id: String,
    event_type: String,
    at: Timestamp,
    delivery: Option<DeliveryState>,
}

/// The endpoint that a recovery is aimed at, where it takes anything.
fn aimed_at(conn: &Connection, scope: &ReplayScope) -> Done<Option<Endpoint>> {
    let id = scope.endpoint_id.as_deref().unwrap_or_default();
    let found = endpoints::by_id(conn, id)?.filter(|e| scope.takes(e));
    Ok(match found {
        Some(e) if !is_gone(conn, &e.account_id)? => Some(e),
        _ => None,
    })
}

/// The next events that a recovery wants, in the order of their numbers, and where to go on.
fn wanted(conn: &Connection, job: &ReplayJob, limit: usize) -> Done<(Vec<String>, Option<String>)> {
    let scope = &job.scope;
    let Some(endpoint) = aimed_at(conn, scope)? else {
        return Ok((Vec::new(), None));
    };
    let after = job.cursor.as_deref().unwrap_or("0").parse::<i64>();
    let after = after.map_err(|_| Fail::corrupt(format!("cursor of {}", job.id)))?;
    let looked = all(
        conn,
        "SELECT e.sequence, e.id, e.type, e.occurred_at, d.state FROM event e
         LEFT JOIN delivery d ON d.event_id = e.id AND d.endpoint_id = ?2
         WHERE e.account_id = ?1 AND e.state = 1 AND e.sequence > ?3 ORDER BY e.sequence LIMIT ?4",
        (&endpoint.account_id, &endpoint.id, after, REPLAY_LOOK),
        |row| {
            Ok(Seen {
                sequence: row.get("sequence")?,
                id: row.get("id")?,
                event_type: row.get("type")?,
                at: row.get("occurred_at")?,
                delivery: state_of(row)?,
            })
        },
    )?;
    let is_more = looked.len() == REPLAY_LOOK as usize;
    let last = looked.last().filter(|_| is_more).map(|s| s.sequence);
    let mut found = Vec::new();
    for seen in looked {
        let recovers = scope.recovers(&endpoint, &seen.event_type, seen.at, seen.delivery);
        if recovers.is_some() {
            found.push(seen.id);
            if found.len() == limit {
                return Ok((found, Some(seen.sequence.to_string())));
            }
        }
    }
    Ok((found, last.map(|n| n.to_string())))
}

/// Makes deliveries of those of these events that are still wanted, and starts those that there are anew.
fn recover(conn: &Connection, events: &[String], scope: &ReplayScope, now: Timestamp) -> Done<u64> {
    let Some(endpoint) = aimed_at(conn, scope)? else {
        return Ok(0);
    };
    let mut recovered = 0;
    for id in events {
        let Some(event) = event_rows::by_id(conn, id)?
            .filter(|e| e.state == EventState::Released && e.account_id == endpoint.account_id)
        else {
            continue;
        };
        let delivery = delivery_rows::of(conn, id, &endpoint.id)?;
        let state = delivery.as_ref().map(|d| d.state);
        match scope.recovers(&endpoint, &event.event_type, event.occurred_at, state) {
            None => continue,
            Some(Recovery::Make) => {
                delivery_rows::insert(conn, &event, &endpoint.id, now)?;
            }
            Some(Recovery::Restart) => {
                delivery_rows::restart_of(conn, id, &endpoint.id, now)?;
            }
        }
        recovered += 1;
    }
    Ok(recovered)
}

/// One step of a recovery.
pub(super) async fn step(
    store: &EmbeddedStore,
    job: &ReplayJob,
    limit: usize,
    now: Timestamp,
) -> Result<ReplayStep, StoreError> {
    // Looked for on a reader, so that the writer only writes what was found.
    let (of, scope) = (job.clone(), job.scope.clone());
    let (found, cursor) = store.read(move |c| wanted(c, &of, limit)).await?;
    let restarted = match found.is_empty() {
        true => 0,
        false => {
            store
                .write(move |c| recover(c, &found, &scope, now))
                .await?
        }
    };
    Ok(ReplayStep { restarted, cursor })
}

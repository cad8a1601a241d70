//! Webhook endpoints in SQLite, and what their changes mean for deliveries on the way; never a URL's worth.

use rusqlite::{Connection, Row, named_params};

use super::accounts::{by_id as account_by_id, refuse_erasing};
use super::claims::{CANCELLED, FAILED};
use super::fail::{Done, Fail};
use super::rows::{all, code, fetch, first, json, paged, run, to_json};
use super::{change, notice_rows, queue};
use crate::base::audit::Change;
use crate::base::ceilings;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::page::{Page, PageRequest};
use crate::webhooks::health::never_attempted;
use crate::webhooks::model::{Endpoint, EndpointStatus};
use crate::webhooks::notice;

/// Statuses by their number in the table.
const STATUSES: [EndpointStatus; 3] = [
    EndpointStatus::Active,
    EndpointStatus::Paused,
    EndpointStatus::Disabled,
];

fn status_code(status: EndpointStatus) -> u8 {
    match status {
        EndpointStatus::Active => 0,
        EndpointStatus::Paused => 1,
        EndpointStatus::Disabled => 2,
    }
}

pub(super) fn endpoint(row: &Row<'_>) -> rusqlite::Result<Endpoint> {
    Ok(Endpoint {
        id: row.get("id")?,
        account_id: row.get("account_id")?,
        url: row.get("url")?,
        event_types: json(row, "event_types")?,
        description: row.get("description")?,
        status: code(row, "status", &STATUSES)?,
        disabled_reason: row.get("disabled_reason")?,
        created_at: row.get("created_at")?,
        secrets: json(row, "secrets")?,
        revision: row.get("revision")?,
    })
}

pub(super) fn by_id(conn: &Connection, id: &str) -> Done<Option<Endpoint>> {
    first(conn, "SELECT * FROM endpoint WHERE id = ?1", [id], endpoint)
}

/// Newest first: ids of endpoints sort by creation.
pub(super) fn list(
    conn: &Connection,
    account_id: Option<&str>,
    page: &PageRequest,
) -> Done<Page<Endpoint>> {
    let after = page.after.as_deref().unwrap_or("~");
    let found = match account_id {
        Some(account) => all(
            conn,
            "SELECT * FROM endpoint WHERE account_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
            (account, after, fetch(page)),
            endpoint,
        )?,
        None => all(
            conn,
            "SELECT * FROM endpoint WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
            (after, fetch(page)),
            endpoint,
        )?,
    };
    Ok(paged(found, page, |e| e.id.clone()))
}

pub(super) fn create(conn: &Connection, e: &Endpoint, max: usize, why: &Change) -> Done<()> {
    refuse_erasing(account_by_id(conn, &e.account_id)?.as_ref())?;
    let there: usize = first(
        conn,
        "SELECT count(*) FROM endpoint WHERE account_id = ?1",
        [&e.account_id],
        |r| r.get(0),
    )?
    .unwrap_or(0);
    if there >= max {
        return Err(Fail::conflict(
            "the account has as many endpoints as it may",
        ));
    }
    let written = run(
        conn,
        "INSERT INTO endpoint (id, account_id, url, event_types, description, status, disabled_reason, created_at,
             secrets, revision)
         VALUES (:id, :account_id, :url, :event_types, :description, :status, :disabled_reason, :created_at,
             :secrets, :revision)
         ON CONFLICT DO NOTHING",
        named_params! {
            ":id": e.id,
            ":account_id": e.account_id,
            ":url": e.url,
            ":event_types": to_json(&e.event_types)?,
            ":description": e.description,
            ":status": status_code(e.status),
            ":disabled_reason": e.disabled_reason,
            ":created_at": e.created_at,
            ":secrets": to_json(&e.secrets)?,
            ":revision": e.revision,
        },
    )?;
    if written == 0 {
        return Err(Fail::conflict("there is an endpoint with this id"));
    }
    queue::join(conn, &e.id, &e.account_id)?;
    change::write(conn, why)
}

pub(super) fn update(conn: &Connection, e: &Endpoint, now: Timestamp, why: &Change) -> Done<()> {
    let stored = by_id(conn, &e.id)?.ok_or(StoreError::NotFound)?;
    if stored.revision.checked_add(1) != Some(e.revision) {
        return Err(Fail::conflict("the endpoint was changed meanwhile"));
    }
    run(
        conn,
        "UPDATE endpoint SET url = :url, event_types = :event_types, description = :description, status = :status,
             disabled_reason = :disabled_reason, secrets = :secrets, revision = :revision
         WHERE id = :id",
        named_params! {
            ":id": e.id,
            ":url": e.url,
            ":event_types": to_json(&e.event_types)?,
            ":description": e.description,
            ":status": status_code(e.status),
            ":disabled_reason": e.disabled_reason,
            ":secrets": to_json(&e.secrets)?,
            ":revision": e.revision,
        },
    )?;
    if stored.url != e.url || stored.status == EndpointStatus::Disabled {
        queue::forget(conn, &e.id)?;
    }
    if stored.status != e.status && e.status == EndpointStatus::Disabled {
        unsettle(conn, &e.id, now)?;
    }
    queue::show(conn, &e.id)?;
    change::write(conn, why)
}

/// Deletes an endpoint. True where attempts of it are under way.
pub(super) fn delete(conn: &Connection, id: &str, now: Timestamp, why: &Change) -> Done<bool> {
    if run(conn, "DELETE FROM endpoint WHERE id = ?1", [id])? == 0 {
        return Err(StoreError::NotFound.into());
    }
    let is_under_way = queue::is_under_way(conn, id, now)?;
    queue::leave(conn, id)?;
    unsettle(conn, id, now)?;
    change::write(conn, why)?;
    Ok(is_under_way)
}

/// Whether an endpoint was given another URL than this one: what answered here says nothing of the receiver that it has now.
pub(super) fn leads_elsewhere(conn: &Connection, id: &str, url: &str) -> Done<bool> {
    let other = first(
        conn,
        "SELECT 1 FROM endpoint WHERE id = ?1 AND url <> ?2",
        (id, url),
        |_| Ok(()),
    )?;
    Ok(other.is_some())
}

/// Disables an endpoint because of how its receiver answered, and notes it for the operator; the first reason stays. True
/// when it was this that did it.
pub(super) fn disable(conn: &Connection, id: &str, reason: &str, now: Timestamp) -> Done<bool> {
    let changed = run(
        conn,
        "UPDATE endpoint SET status = 2, disabled_reason = ?2, revision = revision + 1
         WHERE id = ?1 AND status <> 2",
        (id, reason),
    )?;
    if changed > 0
        && let Some(endpoint) = by_id(conn, id)?
    {
        notice_rows::write(conn, &notice::disabled(&endpoint, reason, now))?;
    }
    unsettle(conn, id, now)?;
    Ok(changed > 0)
}

/// Ends what waits for an endpoint that was disabled or deleted: a first piece now, the rest when deliveries are claimed.
fn unsettle(conn: &Connection, id: &str, now: Timestamp) -> Done<()> {
    run(
        conn,
        "INSERT INTO endpoint_unsettled (endpoint_id) VALUES (?1) ON CONFLICT DO NOTHING",
        [id],
    )?;
    settle_one(conn, id, now)
}

fn settle_one(conn: &Connection, id: &str, now: Timestamp) -> Done<()> {
    let endpoint = by_id(conn, id)?;
    let limit = ceilings::STORE_DELETE_ROWS;
    let ended = match endpoint.as_ref().map(|e| e.status) {
        None => end_some(conn, id, CANCELLED, now, limit)?,
        Some(EndpointStatus::Disabled) => {
            let reason = endpoint.and_then(|e| e.disabled_reason).unwrap_or_default();
            log_some(conn, id, &reason, now, limit)?;
            end_some(conn, id, FAILED, now, limit)?
        }
        // Enabled again: what is left is delivered.
        Some(EndpointStatus::Active | EndpointStatus::Paused) => 0,
    };
    queue::show(conn, id)?;
    if ended < limit as usize {
        run(
            conn,
            "DELETE FROM endpoint_unsettled WHERE endpoint_id = ?1",
            [id],
        )?;
    }
    Ok(())
}

/// Says in the log of deliveries that are about to end with their endpoint why they do.
fn log_some(conn: &Connection, id: &str, reason: &str, now: Timestamp, limit: u32) -> Done<()> {
    run(
        conn,
        "INSERT INTO attempt (delivery_id, number, at, latency_ms, error)
         SELECT id, (SELECT ifnull(max(number), 0) + 1 FROM attempt a WHERE a.delivery_id = d.id), ?2, 0, ?3
         FROM delivery d WHERE endpoint_id = ?1 AND state = 0 ORDER BY due_at, id LIMIT ?4",
        (id, now, never_attempted(reason), limit),
    )?;
    Ok(())
}

/// Ends deliveries in a state and tells how many.
fn end_some(conn: &Connection, id: &str, state: u8, now: Timestamp, limit: u32) -> Done<usize> {
    run(
        conn,
        "UPDATE delivery SET state = ?2, finished_at = ?3, next_attempt_at = NULL, due_at = NULL, claim = NULL
         WHERE id IN (SELECT id FROM delivery WHERE endpoint_id = ?1 AND state = 0 ORDER BY due_at, id LIMIT ?4)",
        (id, state, now, limit),
    )
}

/// A piece of what is left of such changes.
pub(super) fn settle_some(conn: &Connection, now: Timestamp) -> Done<()> {
    let left: Option<String> = first(
        conn,
        "SELECT endpoint_id FROM endpoint_unsettled LIMIT 1",
        [],
        |r| r.get(0),
    )?;
    match left {
        Some(id) => settle_one(conn, &id, now),
        None => Ok(()),
    }
}

/// Whether such a change is not done yet.
pub(super) fn is_unsettled(conn: &Connection) -> Done<bool> {
    Ok(
        first(conn, "SELECT 1 FROM endpoint_unsettled LIMIT 1", [], |_| {
            Ok(())
        })?
        .is_some(),
    )
}

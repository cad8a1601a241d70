//! Deliveries and attempts as rows, there and back, and lists of them; never which one is due.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, ToSql, named_params};

use super::fail::Done;
use super::queue;
use super::rows::{all, code, fetch, first, json, paged, run, to_json};
use crate::base::clock::Timestamp;
use crate::base::ids;
use crate::base::page::{Page, PageRequest};
use crate::webhooks::model::{Attempt, Delivery, DeliveryState, Event};
use crate::webhooks::port::DeliveryFilter;

/// States by their number in the table.
const STATES: [DeliveryState; 4] = [
    DeliveryState::Pending,
    DeliveryState::Succeeded,
    DeliveryState::Failed,
    DeliveryState::Cancelled,
];

pub(super) fn state_code(state: DeliveryState) -> u8 {
    match state {
        DeliveryState::Pending => 0,
        DeliveryState::Succeeded => 1,
        DeliveryState::Failed => 2,
        DeliveryState::Cancelled => 3,
    }
}

pub(super) fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        id: row.get("id")?,
        event_id: row.get("event_id")?,
        endpoint_id: row.get("endpoint_id")?,
        account_id: row.get("account_id")?,
        event_type: row.get("event_type")?,
        state: code(row, "state", &STATES)?,
        attempts: row.get("attempts")?,
        next_attempt_at: row.get("next_attempt_at")?,
        created_at: row.get("created_at")?,
        finished_at: row.get("finished_at")?,
    })
}

/// The state in a row that may have none.
pub(super) fn state_of(row: &Row<'_>) -> rusqlite::Result<Option<DeliveryState>> {
    match row.get::<_, Option<i64>>("state")? {
        None => Ok(None),
        Some(_) => code(row, "state", &STATES).map(Some),
    }
}

fn attempt(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    Ok(Attempt {
        at: row.get("at")?,
        status: row.get("status")?,
        latency_ms: row.get("latency_ms")?,
        error: row.get("error")?,
        reply_excerpt: row.get("reply_excerpt")?,
        reply_headers: match row.get_ref("reply_headers")? {
            ValueRef::Null => Vec::new(),
            _ => json(row, "reply_headers")?,
        },
    })
}

pub(super) fn by_id(conn: &Connection, id: &str) -> Done<Option<Delivery>> {
    first(conn, "SELECT * FROM delivery WHERE id = ?1", [id], delivery)
}

/// The delivery of an event to an endpoint.
pub(super) fn of(conn: &Connection, event_id: &str, endpoint_id: &str) -> Done<Option<Delivery>> {
    first(
        conn,
        "SELECT * FROM delivery WHERE event_id = ?1 AND endpoint_id = ?2",
        (event_id, endpoint_id),
        delivery,
    )
}

/// Makes a delivery, due at once, unless there is one of this event to this endpoint. True when it was made.
pub(super) fn insert(
    conn: &Connection,
    event: &Event,
    endpoint_id: &str,
    now: Timestamp,
) -> Done<bool> {
    let written = run(
        conn,
        "INSERT INTO delivery (id, event_id, endpoint_id, account_id, event_type, state, attempts,
             next_attempt_at, created_at, queued_at, due_at)
         VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6, ?6, ?6, ?6) ON CONFLICT DO NOTHING",
        (
            ids::at(ids::DELIVERY, now),
            &event.id,
            endpoint_id,
            &event.account_id,
            &event.event_type,
            now,
        ),
    )?;
    if written > 0 {
        queue::show(conn, endpoint_id)?;
    }
    Ok(written > 0)
}

/// Starts the schedule of a delivery anew, whatever its state; a claim on it is lost.
pub(super) fn restart(conn: &Connection, id: &str, now: Timestamp) -> Done<()> {
    let endpoint: Option<String> = first(
        conn,
        "UPDATE delivery SET state = 0, attempts = 0, next_attempt_at = ?2, due_at = ?2, queued_at = ?2,
             finished_at = NULL, claim = NULL WHERE id = ?1 RETURNING endpoint_id",
        (id, now),
        |r| r.get(0),
    )?;
    match endpoint {
        Some(endpoint) => queue::show(conn, &endpoint),
        None => Ok(()),
    }
}

pub(super) fn restart_of(
    conn: &Connection,
    event_id: &str,
    endpoint_id: &str,
    now: Timestamp,
) -> Done<()> {
    match of(conn, event_id, endpoint_id)? {
        Some(d) => restart(conn, &d.id, now),
        None => Ok(()),
    }
}

pub(super) fn log_attempt(conn: &Connection, delivery_id: &str, a: &Attempt) -> Done<()> {
    let headers = match a.reply_headers.as_slice() {
        [] => None,
        headers => Some(to_json(&headers)?),
    };
    run(
        conn,
        "INSERT INTO attempt (delivery_id, number, at, status, latency_ms, error, reply_excerpt, reply_headers)
         SELECT :delivery_id, ifnull(max(number), 0) + 1, :at, :status, :latency_ms, :error, :reply_excerpt,
             :reply_headers
         FROM attempt WHERE delivery_id = :delivery_id",
        named_params! {
            ":delivery_id": delivery_id,
            ":at": a.at,
            ":status": a.status,
            ":latency_ms": a.latency_ms,
            ":error": a.error,
            ":reply_excerpt": a.reply_excerpt,
            ":reply_headers": headers,
        },
    )?;
    Ok(())
}

pub(super) fn attempts(conn: &Connection, delivery_id: &str) -> Done<Vec<Attempt>> {
    all(
        conn,
        "SELECT * FROM attempt WHERE delivery_id = ?1 ORDER BY number",
        [delivery_id],
        attempt,
    )
}

pub(super) fn with_attempts(conn: &Connection, id: &str) -> Done<Option<(Delivery, Vec<Attempt>)>> {
    match by_id(conn, id)? {
        Some(d) => Ok(Some((d, attempts(conn, id)?))),
        None => Ok(None),
    }
}

/// Newest first: ids of deliveries sort by creation.
pub(super) fn list(
    conn: &Connection,
    filter: &DeliveryFilter,
    page: &PageRequest,
) -> Done<Page<(Delivery, Vec<Attempt>)>> {
    let mut sql = "SELECT * FROM delivery WHERE id < ifnull(:after, '~')".to_owned();
    let limit = fetch(page);
    let mut params: Vec<(&str, &dyn ToSql)> = vec![(":after", &page.after), (":limit", &limit)];
    for (column, name, value) in [
        ("account_id", ":account_id", &filter.account_id),
        ("event_type", ":event_type", &filter.event_type),
        ("endpoint_id", ":endpoint_id", &filter.endpoint_id),
        ("event_id", ":event_id", &filter.event_id),
    ] {
        if value.is_some() {
            sql.push_str(&format!(" AND {column} = {name}"));
            params.push((name, value));
        }
    }
    let span = filter.ids();
    for (condition, name, value) in [
        (" AND id >= :least", ":least", &span.least),
        (" AND id < :end", ":end", &span.end),
    ] {
        if value.is_some() {
            sql.push_str(condition);
            params.push((name, value));
        }
    }
    for (condition, name, value) in [
        (" AND created_at >= :from", ":from", &filter.from),
        (" AND created_at < :to", ":to", &filter.to),
    ] {
        if value.is_some() {
            sql.push_str(condition);
            params.push((name, value));
        }
    }
    if let Some(state) = filter.state {
        // As a literal, because only that lets SQLite use the index of the failed.
        sql.push_str(&format!(" AND state = {}", state_code(state)));
    }
    sql.push_str(" ORDER BY id DESC LIMIT :limit");
    let mut found = Vec::new();
    for d in all(conn, &sql, &params[..], delivery)? {
        let tried = attempts(conn, &d.id)?;
        found.push((d, tried));
    }
    Ok(paged(found, page, |(d, _)| d.id.clone()))
}

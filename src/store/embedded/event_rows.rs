//! An event as a row, there and back, and lists of events; never what becomes of one.

use rusqlite::{Connection, Row, ToSql, named_params};

use super::fail::Done;
use super::rows::{all, code, fetch, first, paged, run};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::page::{Page, PageRequest};
use crate::webhooks::model::{Event, EventState};
use crate::webhooks::port::EventFilter;

/// States by their number in the table.
const STATES: [EventState; 3] = [
    EventState::Pending,
    EventState::Released,
    EventState::Unresolved,
];

pub(super) fn state_code(state: EventState) -> u8 {
    match state {
        EventState::Pending => 0,
        EventState::Released => 1,
        EventState::Unresolved => 2,
    }
}

pub(super) fn event(row: &Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        id: row.get("id")?,
        account_id: row.get("account_id")?,
        event_type: row.get("type")?,
        occurred_at: row.get("occurred_at")?,
        state: code(row, "state", &STATES)?,
        sequence: row.get("sequence")?,
        data: row.get("data")?,
        truncated: row.get("truncated")?,
        request_id: row.get("request_id")?,
        route: row.get("route")?,
        method: row.get("method")?,
        status: row.get("status")?,
        resource_id: row.get("resource_id")?,
        conditional: row.get("conditional")?,
    })
}

pub(super) fn by_id(conn: &Connection, id: &str) -> Done<Option<Event>> {
    first(conn, "SELECT * FROM event WHERE id = ?1", [id], event)
}

/// Writes the event as it is, unless its id is there already. True when it was written.
pub(super) fn insert(conn: &Connection, e: &Event, now: Timestamp) -> Done<bool> {
    let written = run(
        conn,
        "INSERT INTO event (id, account_id, type, occurred_at, recorded_at, state, sequence, data, truncated,
             request_id, route, method, status, resource_id, conditional)
         VALUES (:id, :account_id, :type, :occurred_at, :recorded_at, :state, :sequence, :data, :truncated,
             :request_id, :route, :method, :status, :resource_id, :conditional)
         ON CONFLICT DO NOTHING",
        named_params! {
            ":id": e.id,
            ":account_id": e.account_id,
            ":type": e.event_type,
            ":occurred_at": e.occurred_at,
            ":recorded_at": now,
            ":state": state_code(e.state),
            ":sequence": e.sequence,
            ":data": e.data,
            ":truncated": e.truncated,
            ":request_id": e.request_id,
            ":route": e.route,
            ":method": e.method,
            ":status": e.status,
            ":resource_id": e.resource_id,
            ":conditional": e.conditional,
        },
    )?;
    Ok(written > 0)
}

/// Newest recorded first. A cursor is a position; one that is none names nothing.
pub(super) fn list(
    conn: &Connection,
    filter: &EventFilter,
    page: &PageRequest,
) -> Done<Page<Event>> {
    let after: i64 = match &page.after {
        None => i64::MAX,
        Some(text) => text.parse().map_err(|_| StoreError::NotFound)?,
    };
    let mut sql = "SELECT * FROM event WHERE position < :after".to_owned();
    let limit = fetch(page);
    let mut params: Vec<(&str, &dyn ToSql)> = vec![(":after", &after), (":limit", &limit)];
    for (column, name, value) in [
        ("account_id", ":account_id", &filter.account_id),
        ("type", ":type", &filter.event_type),
    ] {
        if value.is_some() {
            sql.push_str(&format!(" AND {column} = {name}"));
            params.push((name, value));
        }
    }
    if let Some(state) = filter.state {
        // As a literal, because only that lets SQLite use the indexes of the rare states.
        sql.push_str(&format!(" AND state = {}", state_code(state)));
    }
    sql.push_str(" ORDER BY position DESC LIMIT :limit");
    let found = all(conn, &sql, &params[..], |row| {
        Ok((row.get::<_, i64>("position")?, event(row)?))
    })?;
    let page = paged(found, page, |(position, _)| position.to_string());
    Ok(Page {
        items: page.items.into_iter().map(|(_, e)| e).collect(),
        next: page.next,
    })
}

/// Events still pending that were recorded before `before`, oldest first.
pub(super) fn stale(conn: &Connection, before: Timestamp, limit: u32) -> Done<Vec<Event>> {
    all(
        conn,
        "SELECT * FROM event WHERE state = 0 AND recorded_at < ?1 ORDER BY recorded_at, position LIMIT ?2",
        (before, limit),
        event,
    )
}

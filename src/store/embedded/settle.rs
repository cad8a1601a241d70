//! How events come to be, are released and reach their endpoints' queues; never when one is sent.

use rusqlite::Connection;

use super::accounts::{by_id as account_by_id, is_gone, refuse_erasing};
use super::event_rows::{by_id, insert};
use super::fail::{Done, Fail};
use super::rows::{all, first, json, run};
use super::{change, delivery_rows, endpoints};
use crate::base::audit::Change;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::webhooks::model::{Delivery, EndpointStatus, Event, EventState, Settlement};
use crate::webhooks::types;

/// Records events as pending. Those of an account that is being erased are left out, those that are there already stay.
pub(super) fn record(conn: &Connection, events: &[Event], now: Timestamp) -> Done<()> {
    for event in events {
        if is_gone(conn, &event.account_id)? {
            continue;
        }
        let pending = Event {
            state: EventState::Pending,
            sequence: None,
            ..event.clone()
        };
        insert(conn, &pending, now)?;
    }
    Ok(())
}

fn next_sequence(conn: &Connection, account_id: &str) -> Done<u64> {
    first(
        conn,
        "INSERT INTO account_sequence (account_id, last) VALUES (?1, 1)
         ON CONFLICT DO UPDATE SET last = last + 1 RETURNING last",
        [account_id],
        |r| r.get(0),
    )?
    .ok_or_else(|| Fail::corrupt("an account's sequence gave no number"))
}

pub(super) fn settle(conn: &Connection, settlements: &[Settlement], now: Timestamp) -> Done<()> {
    for s in settlements {
        match s {
            Settlement::Release {
                event_id,
                account_id,
                data,
                truncated,
                resource_id,
                released_id,
            } => {
                if !is_pending(conn, event_id, account_id)? {
                    continue;
                }
                let id = released_id.as_ref().unwrap_or(event_id);
                if id != event_id && by_id(conn, id)?.is_some() {
                    // The same event, told again.
                    drop_pending(conn, event_id, account_id)?;
                    continue;
                }
                let sequence = next_sequence(conn, account_id)?;
                run(
                    conn,
                    "UPDATE event SET id = ?2, state = 1, sequence = ?3, data = ?4, truncated = ?5,
                         resource_id = ifnull(?6, resource_id) WHERE id = ?1",
                    (event_id, id, sequence, data, truncated, resource_id),
                )?;
                fan_out(conn, id, now, Again::Leave)?;
            }
            Settlement::Drop {
                event_id,
                account_id,
            } => drop_pending(conn, event_id, account_id)?,
            Settlement::Unresolved {
                event_id,
                account_id,
            } => {
                run(
                    conn,
                    "UPDATE event SET state = 2 WHERE id = ?1 AND account_id = ?2 AND state = 0",
                    (event_id, account_id),
                )?;
            }
        }
    }
    Ok(())
}

fn drop_pending(conn: &Connection, id: &str, account_id: &str) -> Done<()> {
    run(
        conn,
        "DELETE FROM event WHERE id = ?1 AND account_id = ?2 AND state = 0",
        (id, account_id),
    )?;
    Ok(())
}

fn is_pending(conn: &Connection, id: &str, account_id: &str) -> Done<bool> {
    Ok(first(
        conn,
        "SELECT 1 FROM event WHERE id = ?1 AND account_id = ?2 AND state = 0",
        (id, account_id),
        |_| Ok(()),
    )?
    .is_some())
}

/// What to do with a delivery of the event that is there already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    Leave,
    Restart,
}

/// One delivery for each endpoint of the account that is active or paused and wants the type.
fn fan_out(conn: &Connection, event_id: &str, now: Timestamp, again: Again) -> Done<()> {
    let event = by_id(conn, event_id)?.ok_or(StoreError::NotFound)?;
    let endpoints: Vec<(String, Vec<String>)> = all(
        conn,
        "SELECT id, event_types FROM endpoint WHERE account_id = ?1 AND status IN (0, 1)",
        [&event.account_id],
        |row| Ok((row.get("id")?, json(row, "event_types")?)),
    )?;
    for (endpoint_id, wanted) in endpoints {
        if types::wants_any(&wanted, &event.event_type)
            && !delivery_rows::insert(conn, &event, &endpoint_id, now)?
            && again == Again::Restart
        {
            delivery_rows::restart_of(conn, event_id, &endpoint_id, now)?;
        }
    }
    Ok(())
}

fn refuse_erased(conn: &Connection, account_id: &str) -> Done<()> {
    refuse_erasing(account_by_id(conn, account_id)?.as_ref())
}

/// Writes the event as released with the account's next number, unless it is there already.
fn release_new(conn: &Connection, event: &Event, now: Timestamp) -> Done<(Event, bool)> {
    if let Some(known) = by_id(conn, &event.id)? {
        if known.account_id != event.account_id {
            return Err(Fail::conflict("the event's id belongs to another account"));
        }
        return Ok((known, false));
    }
    let released = Event {
        state: EventState::Released,
        sequence: Some(next_sequence(conn, &event.account_id)?),
        ..event.clone()
    };
    insert(conn, &released, now)?;
    Ok((released, true))
}

pub(super) fn publish(
    conn: &Connection,
    event: &Event,
    now: Timestamp,
    why: &Change,
) -> Done<Event> {
    refuse_erased(conn, &event.account_id)?;
    let (stored, is_new) = release_new(conn, event, now)?;
    if is_new {
        fan_out(conn, &stored.id, now, Again::Leave)?;
    }
    change::write(conn, why)?;
    Ok(stored)
}

pub(super) fn replay(
    conn: &Connection,
    event_id: &str,
    data: &str,
    now: Timestamp,
    why: &Change,
) -> Done<Event> {
    let event = by_id(conn, event_id)?.ok_or(StoreError::NotFound)?;
    refuse_erased(conn, &event.account_id)?;
    match event.state {
        EventState::Pending => {
            return Err(Fail::conflict("the event's request is still under way"));
        }
        EventState::Unresolved => {
            let sequence = next_sequence(conn, &event.account_id)?;
            // What is given for want of the event's own data holds no more than ids.
            run(
                conn,
                "UPDATE event SET state = 1, sequence = ?2, truncated = iif(data IS NULL, 1, truncated),
                     data = ifnull(data, ?3) WHERE id = ?1",
                (event_id, sequence, data),
            )?;
        }
        EventState::Released => {}
    }
    fan_out(conn, event_id, now, Again::Restart)?;
    change::write(conn, why)?;
    by_id(conn, event_id)?.ok_or_else(|| StoreError::NotFound.into())
}

/// A test: one delivery to one endpoint, whatever it wants.
pub(super) fn deliver_to(
    conn: &Connection,
    event: &Event,
    endpoint_id: &str,
    now: Timestamp,
    why: &Change,
) -> Done<Delivery> {
    let endpoint = endpoints::by_id(conn, endpoint_id)?
        .filter(|e| e.account_id == event.account_id)
        .ok_or(StoreError::NotFound)?;
    refuse_erased(conn, &event.account_id)?;
    if endpoint.status == EndpointStatus::Disabled {
        return Err(Fail::conflict("the endpoint is disabled"));
    }
    let (stored, _) = release_new(conn, event, now)?;
    if !delivery_rows::insert(conn, &stored, endpoint_id, now)? {
        delivery_rows::restart_of(conn, &stored.id, endpoint_id, now)?;
    }
    change::write(conn, why)?;
    delivery_rows::of(conn, &stored.id, endpoint_id)?.ok_or_else(|| StoreError::NotFound.into())
}

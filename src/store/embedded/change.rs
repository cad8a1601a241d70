//! The audit log and remembered answers: written in the transaction of the change they belong to; never a change itself.

use rusqlite::{Connection, Row, named_params};

use super::fail::{Done, Fail};
use super::rows::{all, fetch, first, json, paged, run, to_json};
use crate::accounts::port::AuditFilter;
use crate::base::audit::{AuditEntry, Change, IdempotentAnswer};
use crate::base::clock::Timestamp;
use crate::base::page::{Page, PageRequest};

/// Writes what goes with a change. The answer belongs to the account that the entry names, so that erasure finds it.
pub(super) fn write(conn: &Connection, change: &Change) -> Done<()> {
    if let Some(answer) = &change.answer {
        remember(conn, answer, &change.audit)?;
    }
    write_entry(conn, &change.audit)
}

fn remember(conn: &Connection, answer: &IdempotentAnswer, entry: &AuditEntry) -> Done<()> {
    run(
        conn,
        "DELETE FROM answer WHERE key = ?1 AND expires_at <= ?2",
        (&answer.key, entry.at),
    )?;
    let written = run(
        conn,
        "INSERT INTO answer (key, request_digest, status, body, expires_at, account_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        (
            &answer.key,
            &answer.request_digest[..],
            answer.status,
            &answer.body,
            answer.expires_at,
            &entry.account_id,
        ),
    )?;
    if written == 0 {
        return Err(Fail::conflict(
            "this Idempotency-Key has its answer already",
        ));
    }
    Ok(())
}

pub(super) fn write_entry(conn: &Connection, entry: &AuditEntry) -> Done<()> {
    run(
        conn,
        "INSERT INTO audit (id, at, token, actor, address, action, account_id, target, details, request_id)
         VALUES (:id, :at, :token, :actor, :address, :action, :account_id, :target, :details, :request_id)",
        named_params! {
            ":id": entry.id,
            ":at": entry.at,
            ":token": entry.token,
            ":actor": entry.actor,
            ":address": entry.address,
            ":action": entry.action,
            ":account_id": entry.account_id,
            ":target": entry.target,
            ":details": to_json(&entry.details)?,
            ":request_id": entry.request_id,
        },
    )?;
    Ok(())
}

pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    Ok(AuditEntry {
        id: row.get("id")?,
        at: row.get("at")?,
        token: row.get("token")?,
        actor: row.get("actor")?,
        address: row.get("address")?,
        action: row.get("action")?,
        account_id: row.get("account_id")?,
        target: row.get("target")?,
        details: json(row, "details")?,
        request_id: row.get("request_id")?,
    })
}

/// Newest first: ids of entries sort by creation.
pub(super) fn log(
    conn: &Connection,
    filter: &AuditFilter,
    page: &PageRequest,
) -> Done<Page<AuditEntry>> {
    let mut sql = "SELECT * FROM audit WHERE id < ifnull(:after, '~')".to_owned();
    let mut params: Vec<(&str, &dyn rusqlite::ToSql)> = Vec::with_capacity(5);
    let limit = fetch(page);
    params.push((":after", &page.after));
    params.push((":limit", &limit));
    for (column, name, value) in [
        ("account_id", ":account_id", &filter.account_id),
        ("action", ":action", &filter.action),
        ("target", ":target", &filter.target),
    ] {
        if value.is_some() {
            sql.push_str(&format!(" AND {column} = {name}"));
            params.push((name, value));
        }
    }
    sql.push_str(" ORDER BY id DESC LIMIT :limit");
    let found = all(conn, &sql, &params[..], entry)?;
    Ok(paged(found, page, |e| e.id.clone()))
}

pub(super) fn answer(
    conn: &Connection,
    key: &str,
    now: Timestamp,
) -> Done<Option<IdempotentAnswer>> {
    first(
        conn,
        "SELECT * FROM answer WHERE key = ?1 AND expires_at > ?2",
        (key, now),
        answer_of,
    )
}

pub(super) fn answer_of(row: &Row<'_>) -> rusqlite::Result<IdempotentAnswer> {
    Ok(IdempotentAnswer {
        key: row.get("key")?,
        request_digest: row.get("request_digest")?,
        status: row.get("status")?,
        body: row.get("body")?,
        expires_at: row.get("expires_at")?,
    })
}

/// Deletes up to `limit` answers that expired, and tells how many.
pub(super) fn forget(conn: &Connection, now: Timestamp, limit: u32) -> Done<usize> {
    run(
        conn,
        "DELETE FROM answer WHERE key IN (SELECT key FROM answer WHERE expires_at <= ?1 LIMIT ?2)",
        (now, limit),
    )
}

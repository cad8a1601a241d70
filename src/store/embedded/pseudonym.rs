//! Takes an erased account's name out of the audit log and puts its pseudonym there; never out of anything else.

use rusqlite::Connection;
use serde_json::Value;

use super::fail::{Done, Fail};
use super::rows::{first, run, to_json};
use crate::store::rename::{rename, rename_in};

/// An audit entry that named the account, as it is to read.
pub(super) struct Renamed {
    id: String,
    account_id: Option<String>,
    target: Option<String>,
    actor: Option<String>,
    details: String,
}

/// Up to `limit` entries that name `id`, renamed. Looks at the whole log.
pub(super) fn find(conn: &Connection, id: &str, name: &str, limit: usize) -> Done<Vec<Renamed>> {
    let mut statement = conn.prepare_cached(
        "SELECT id, account_id, target, actor, details FROM audit
         WHERE account_id = ?1 OR instr(ifnull(target, ''), ?1) OR instr(ifnull(actor, ''), ?1)
            OR instr(details, ?1)",
    )?;
    let mut rows = statement.query([id])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let old = Renamed {
            id: row.get(0)?,
            account_id: row.get(1)?,
            target: row.get(2)?,
            actor: row.get(3)?,
            details: row.get(4)?,
        };
        let again = |text: &Option<String>| text.as_ref().map(|t| rename(t, id, name));
        let mut details: Value =
            serde_json::from_str(&old.details).map_err(|e| Fail::corrupt(e.to_string()))?;
        rename_in(&mut details, id, name);
        let new = Renamed {
            account_id: again(&old.account_id),
            target: again(&old.target),
            actor: again(&old.actor),
            details: to_json(&details)?,
            id: old.id,
        };
        let same = new.account_id == old.account_id
            && new.target == old.target
            && new.actor == old.actor
            && new.details == old.details;
        if !same {
            found.push(new);
            if found.len() >= limit {
                break;
            }
        }
    }
    Ok(found)
}

pub(super) fn replace(conn: &Connection, entries: &[Renamed]) -> Done<()> {
    for e in entries {
        run(
            conn,
            "UPDATE audit SET account_id = ?2, target = ?3, actor = ?4, details = ?5 WHERE id = ?1",
            (&e.id, &e.account_id, &e.target, &e.actor, &e.details),
        )?;
    }
    Ok(())
}

/// Whether an entry is the account's or about it, by the indexes alone.
pub(super) fn is_named(conn: &Connection, id: &str) -> Done<bool> {
    Ok(first(
        conn,
        "SELECT 1 FROM audit WHERE account_id = ?1 UNION ALL SELECT 1 FROM audit WHERE target = ?1",
        [id],
        |_| Ok(()),
    )?
    .is_some())
}

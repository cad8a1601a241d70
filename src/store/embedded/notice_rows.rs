//! Notices as they are written down with what they tell of; never how they are told.

use rusqlite::Connection;

use super::fail::Done;
use super::rows::run;
use crate::base::ceilings::NOTICES_WAITING;
use crate::webhooks::port::notices::Notice;

/// Writes a notice, unless it is there or too many wait.
pub(super) fn write(conn: &Connection, n: &Notice) -> Done<()> {
    let written = run(
        conn,
        "INSERT INTO notice (id, account_id, kind, at, details) SELECT ?1, ?2, ?3, ?4, ?5
         WHERE (SELECT count(*) FROM notice) < ?6 ON CONFLICT DO NOTHING",
        (
            &n.id,
            &n.account_id,
            &n.kind,
            n.at,
            &n.details,
            NOTICES_WAITING,
        ),
    )?;
    if written == 0 {
        tracing::warn!(notice = n.id, "too many notices wait; this one is lost");
    }
    Ok(())
}

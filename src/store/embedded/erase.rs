//! Erasure of an account in small transactions that may stop at any point and go on later; never who may ask for it.

use rusqlite::Connection;

use super::accounts::{by_id, tombstone};
use super::fail::{Done, Fail};
use super::rows::{all, first, run};
use super::{EmbeddedStore, change, erase_usage, inboxes, portal_sessions, pseudonym};
use crate::accounts::port::ErasureStep;
use crate::base::audit::Change;
use crate::base::ceilings;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::ids;

/// Marks the account. One that never had a key has no row, but may have endpoints or events.
pub(super) fn begin(conn: &Connection, id: &str, why: &Change) -> Done<()> {
    let pseudonym = format!("erased_{}", ids::request_id());
    if by_id(conn, id)?.is_some() {
        run(
            conn,
            "UPDATE account SET pseudonym = ?2 WHERE id = ?1 AND pseudonym IS NULL",
            (id, &pseudonym),
        )?;
    } else if has_rows(conn, id)? {
        run(
            conn,
            "INSERT INTO account (id, plan, overrides, suspended, created_at, pseudonym)
             VALUES (?1, '', '{}', 0, ?2, ?3)",
            (id, why.audit.at, &pseudonym),
        )?;
    } else {
        return Err(StoreError::NotFound.into());
    }
    change::write(conn, why)
}

fn has_rows(conn: &Connection, id: &str) -> Done<bool> {
    Ok(first(
        conn,
        "SELECT 1 FROM endpoint WHERE account_id = ?1
         UNION ALL SELECT 1 FROM event WHERE account_id = ?1
         UNION ALL SELECT 1 FROM account_sequence WHERE account_id = ?1
         UNION ALL SELECT 1 FROM inbox WHERE account_id = ?1
         UNION ALL SELECT 1 FROM portal_session WHERE account_id = ?1
         UNION ALL SELECT 1 FROM alert WHERE account_id = ?1",
        [id],
        |_| Ok(()),
    )?
    .is_some())
}

fn pseudonym_of(conn: &Connection, id: &str) -> Done<Option<String>> {
    if by_id(conn, id)?.is_some_and(|a| !a.erasing) {
        return Err(Fail::conflict("the account's erasure has not begun"));
    }
    first(
        conn,
        "SELECT pseudonym FROM account WHERE id = ?1",
        [id],
        |r| r.get(0),
    )
}

type Kind = fn(&Connection, &str, usize) -> Done<usize>;

/// Deletes up to `limit` rows, the keys first, and tells how many went.
fn data(conn: &Connection, id: &str, limit: usize) -> Done<usize> {
    let kinds: [Kind; 11] = [
        keys,
        portal_sessions::erase,
        alerts,
        endpoints,
        events,
        inboxes::erase,
        erase_usage::sums,
        erase_usage::routes,
        erase_usage::refusals,
        erase_usage::keys,
        rest,
    ];
    let mut gone = 0;
    for kind in kinds {
        if gone >= limit {
            break;
        }
        gone += kind(conn, id, limit - gone)?;
    }
    Ok(gone)
}

fn keys(conn: &Connection, id: &str, limit: usize) -> Done<usize> {
    let found: Vec<String> = all(
        conn,
        "SELECT id FROM api_key WHERE account_id = ?1 LIMIT ?2",
        (id, limit),
        |r| r.get(0),
    )?;
    let mut gone = 0;
    for key in found {
        if gone >= limit {
            break;
        }
        gone += run(conn, "DELETE FROM key_secret WHERE key_id = ?1", [&key])?;
        gone += run(conn, "DELETE FROM api_key WHERE id = ?1", [&key])?;
    }
    Ok(gone)
}

/// Settings of alerts, mails, and uses of old secrets.
fn alerts(conn: &Connection, id: &str, limit: usize) -> Done<usize> {
    let settings = run(conn, "DELETE FROM alert WHERE account_id = ?1", [id])?;
    let mails = run(
        conn,
        "DELETE FROM mail WHERE id IN (SELECT id FROM mail WHERE account_id = ?1 LIMIT ?2)",
        (id, limit),
    )?;
    let uses = run(
        conn,
        "DELETE FROM previous_uses
         WHERE key_id IN (SELECT key_id FROM previous_uses WHERE account_id = ?1 LIMIT ?2)",
        (id, limit),
    )?;
    Ok(settings + mails + uses)
}

fn endpoints(conn: &Connection, id: &str, limit: usize) -> Done<usize> {
    run(
        conn,
        "DELETE FROM endpoint_health
         WHERE endpoint_id IN (SELECT id FROM endpoint WHERE account_id = ?1 LIMIT ?2)",
        (id, limit),
    )?;
    run(
        conn,
        "DELETE FROM endpoint WHERE id IN (SELECT id FROM endpoint WHERE account_id = ?1 LIMIT ?2)",
        (id, limit),
    )
}

/// Events with their deliveries and those with their attempts; an event goes last, since it leads to the others.
fn events(conn: &Connection, id: &str, limit: usize) -> Done<usize> {
    let mut gone = 0;
    while gone < limit {
        let next = first(
            conn,
            "SELECT id FROM event WHERE account_id = ?1 ORDER BY position LIMIT 1",
            [id],
            |r| r.get::<_, String>(0),
        )?;
        let Some(event) = next else { break };
        let deliveries: Vec<String> = all(
            conn,
            "SELECT id FROM delivery WHERE event_id = ?1 LIMIT ?2",
            (&event, limit - gone),
            |r| r.get(0),
        )?;
        for delivery in &deliveries {
            gone += run(
                conn,
                "DELETE FROM attempt WHERE delivery_id = ?1",
                [delivery],
            )?;
            gone += run(conn, "DELETE FROM delivery WHERE id = ?1", [delivery])?;
        }
        if gone < limit {
            gone += run(conn, "DELETE FROM event WHERE id = ?1", [&event])?;
        }
    }
    Ok(gone)
}

fn rest(conn: &Connection, id: &str, limit: usize) -> Done<usize> {
    let answers = run(
        conn,
        "DELETE FROM answer WHERE key IN (SELECT key FROM answer WHERE account_id = ?1 LIMIT ?2)",
        (id, limit),
    )?;
    let jobs = run(
        conn,
        "DELETE FROM replay_job WHERE id IN (SELECT id FROM replay_job WHERE account_id = ?1 LIMIT ?2)",
        (id, limit),
    )?;
    let notices = run(
        conn,
        "DELETE FROM notice WHERE id IN (SELECT id FROM notice WHERE account_id = ?1 LIMIT ?2)",
        (id, limit),
    )?;
    let sequence = run(
        conn,
        "DELETE FROM account_sequence WHERE account_id = ?1",
        [id],
    )?;
    Ok(answers + jobs + notices + sequence)
}

/// Ends the erasure unless something came in meanwhile.
fn end(conn: &Connection, id: &str, now: Timestamp) -> Done<ErasureStep> {
    if data(conn, id, 1)? > 0 || pseudonym::is_named(conn, id)? {
        return Ok(ErasureStep::More);
    }
    run(conn, "DELETE FROM account WHERE id = ?1", [id])?;
    run(
        conn,
        "INSERT OR REPLACE INTO erased (digest, at) VALUES (?1, ?2)",
        (&tombstone(id)[..], now),
    )?;
    Ok(ErasureStep::Done)
}

/// Forgets erased accounts that nothing can come in for any more.
pub(super) fn forget_tombstones(conn: &Connection, now: Timestamp) -> Done<()> {
    run(
        conn,
        "DELETE FROM erased WHERE at < ?1",
        [now.minus(ceilings::ERASED_TIME)],
    )?;
    Ok(())
}

impl EmbeddedStore {
    /// One step: some data, or when none is left some of the audit log, or when that is done the account itself.
    pub(super) async fn erase_step(&self, id: &str) -> Result<ErasureStep, StoreError> {
        let limit = ceilings::STORE_DELETE_ROWS as usize;
        let account = id.to_owned();
        let (gone, name) = self
            .write(move |c| {
                let name = pseudonym_of(c, &account)?;
                let gone = match name {
                    Some(_) => data(c, &account, limit)?,
                    None => 0,
                };
                Ok((gone, name))
            })
            .await?;
        let Some(name) = name else {
            return Ok(ErasureStep::Done);
        };
        if gone > 0 {
            return Ok(ErasureStep::More);
        }
        // The scan of the whole log runs on a reader, so that the writer only writes what it found.
        let account = id.to_owned();
        let named = self
            .read(move |c| pseudonym::find(c, &account, &name, limit))
            .await?;
        if !named.is_empty() {
            self.write(move |c| pseudonym::replace(c, &named)).await?;
            return Ok(ErasureStep::More);
        }
        let (account, now) = (id.to_owned(), self.clock.now());
        self.write(move |c| end(c, &account, now)).await
    }
}

//! Sessions of the portal in SQLite; never what a cookie or a link holds.

use async_trait::async_trait;
use rusqlite::Connection;

use super::accounts::{by_id as account_by_id, refuse_erasing};
use super::fail::{Done, Fail};
use super::rows::{first, run};
use super::{EmbeddedStore, change};
use crate::base::audit::Change;
use crate::base::ceilings::STORE_DELETE_ROWS;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::portal::model::Session;
use crate::portal::port::SessionStore;
use crate::store::session_text::{from_text, to_text};

fn create(conn: &Connection, new: &Session, max: usize, now: Timestamp, why: &Change) -> Done<()> {
    refuse_erasing(account_by_id(conn, &new.account_id)?.as_ref())?;
    let there: usize = first(
        conn,
        "SELECT count(*) FROM portal_session WHERE account_id = ?1 AND ends_at > ?2",
        (&new.account_id, now),
        |r| r.get(0),
    )?
    .unwrap_or(0);
    if there >= max {
        return Err(Fail::conflict("the account has as many sessions as it may"));
    }
    let written = run(
        conn,
        "INSERT INTO portal_session (id, account_id, session, revision, ends_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO NOTHING",
        (
            &new.id,
            &new.account_id,
            to_text(new)?,
            new.revision,
            new.ends_at,
        ),
    )?;
    if written == 0 {
        return Err(Fail::conflict("there is such a session"));
    }
    change::write(conn, why)
}

/// The text of a session that has not ended, and its revision.
fn living(
    conn: &Connection,
    account_id: &str,
    id: &str,
    now: Timestamp,
) -> Done<Option<(String, u64)>> {
    first(
        conn,
        "SELECT session, revision FROM portal_session
         WHERE id = ?1 AND account_id = ?2 AND ends_at > ?3
         AND NOT EXISTS (SELECT 1 FROM account WHERE account.id = ?2 AND pseudonym IS NOT NULL)",
        (id, account_id, now),
        |r| Ok((r.get(0)?, r.get(1)?)),
    )
}

fn update(conn: &Connection, session: &Session, now: Timestamp) -> Done<()> {
    let known = living(conn, &session.account_id, &session.id, now)?;
    let Some((known, revision)) = known else {
        return Err(StoreError::NotFound.into());
    };
    let text = to_text(session)?;
    if known == text {
        return Ok(());
    }
    if revision.checked_add(1) != Some(session.revision) {
        return Err(Fail::conflict("the session was changed meanwhile"));
    }
    run(
        conn,
        "UPDATE portal_session SET session = ?2, revision = ?3, ends_at = ?4 WHERE id = ?1",
        (&session.id, text, session.revision, session.ends_at),
    )?;
    Ok(())
}

/// Deletes some sessions of an account that is being erased.
pub(super) fn erase(conn: &Connection, account_id: &str, limit: usize) -> Done<usize> {
    run(
        conn,
        "DELETE FROM portal_session
         WHERE id IN (SELECT id FROM portal_session WHERE account_id = ?1 LIMIT ?2)",
        (account_id, limit),
    )
}

#[async_trait]
impl SessionStore for EmbeddedStore {
    async fn create_session(
        &self,
        session: &Session,
        max: usize,
        now: Timestamp,
        change: &Change,
    ) -> Result<(), StoreError> {
        let (session, change) = (session.clone(), change.clone());
        self.write(move |c| create(c, &session, max, now, &change))
            .await
    }

    async fn session(
        &self,
        account_id: &str,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        let (account_id, id) = (account_id.to_owned(), id.to_owned());
        self.read(move |c| {
            let found = living(c, &account_id, &id, now)?;
            Ok(found.map(|(text, _)| from_text(&id, &text)).transpose()?)
        })
        .await
    }

    async fn update_session(&self, session: &Session, now: Timestamp) -> Result<(), StoreError> {
        let session = session.clone();
        self.write(move |c| update(c, &session, now)).await
    }

    async fn delete_session(&self, account_id: &str, id: &str) -> Result<(), StoreError> {
        let (account_id, id) = (account_id.to_owned(), id.to_owned());
        self.write(move |c| {
            run(
                c,
                "DELETE FROM portal_session WHERE id = ?1 AND account_id = ?2",
                (id, account_id),
            )
            .map(drop)
        })
        .await
    }

    async fn prune_sessions(&self, now: Timestamp) -> Result<(), StoreError> {
        let limit = STORE_DELETE_ROWS as usize;
        while self
            .write(move |c| {
                run(
                    c,
                    "DELETE FROM portal_session
                     WHERE id IN (SELECT id FROM portal_session WHERE ends_at <= ?1 LIMIT ?2)",
                    (now, limit),
                )
            })
            .await?
            >= limit
        {}
        Ok(())
    }
}

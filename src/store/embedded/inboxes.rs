//! Hosted inboxes and what they caught, in SQLite; never how a message is verified.

use async_trait::async_trait;
use rusqlite::{Connection, Row};

use super::accounts::{by_id as account_by_id, refuse_erasing};
use super::fail::{Done, Fail};
use super::rows::{all, first, json, run, to_json};
use super::{EmbeddedStore, change};
use crate::base::audit::Change;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::webhooks::port::inboxes::InboxStore;
use crate::webhooks::simulator::inbox::{Bounds, Inbox, InboxMessage};

fn inbox(row: &Row<'_>) -> rusqlite::Result<Inbox> {
    Ok(Inbox {
        id: row.get("id")?,
        account_id: row.get("account_id")?,
        token_digest: row.get("token_digest")?,
        sealed: json(row, "secret")?,
        expires_at: row.get("expires_at")?,
    })
}

fn living(conn: &Connection, id: &str, now: Timestamp) -> Done<Option<Inbox>> {
    first(
        conn,
        "SELECT * FROM inbox WHERE id = ?1 AND expires_at > ?2",
        (id, now),
        inbox,
    )
}

fn create(conn: &Connection, new: &Inbox, max: usize, now: Timestamp, why: &Change) -> Done<()> {
    refuse_erasing(account_by_id(conn, &new.account_id)?.as_ref())?;
    let there: usize = first(
        conn,
        "SELECT count(*) FROM inbox WHERE account_id = ?1 AND expires_at > ?2",
        (&new.account_id, now),
        |r| r.get(0),
    )?
    .unwrap_or(0);
    if there >= max {
        return Err(Fail::conflict("the account has as many inboxes as it may"));
    }
    let written = run(
        conn,
        "INSERT INTO inbox (id, token_digest, account_id, secret, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO NOTHING",
        (
            &new.id,
            &new.token_digest[..],
            &new.account_id,
            to_json(&new.sealed)?,
            new.expires_at,
        ),
    )?;
    if written == 0 {
        return Err(Fail::conflict("there is such an inbox"));
    }
    change::write(conn, why)
}

/// Deletes an inbox and its messages; tells how many rows that were.
fn remove(conn: &Connection, id: &str) -> Done<usize> {
    let messages = run(conn, "DELETE FROM inbox_message WHERE inbox_id = ?1", [id])?;
    Ok(messages + run(conn, "DELETE FROM inbox WHERE id = ?1", [id])?)
}

fn put(
    conn: &Connection,
    id: &str,
    message: &InboxMessage,
    bounds: Bounds,
    now: Timestamp,
) -> Done<()> {
    if living(conn, id, now)?.is_none() {
        return Err(StoreError::NotFound.into());
    }
    run(
        conn,
        "INSERT INTO inbox_message (inbox_id, number, message)
         SELECT ?1, ifnull(max(number), 0) + 1, ?2 FROM inbox_message WHERE inbox_id = ?1
         HAVING NOT EXISTS (SELECT 1 FROM inbox_message WHERE inbox_id = ?1 AND message ->> 'id' = ?3)",
        (id, to_json(message)?, &message.id),
    )?;
    // From the newest on, those that go over one of the bounds.
    run(
        conn,
        "DELETE FROM inbox_message WHERE inbox_id = ?1 AND number IN
             (SELECT number FROM (SELECT number, row_number() OVER newest AS place,
                  sum(octet_length(message)) OVER newest AS bytes
              FROM inbox_message WHERE inbox_id = ?1 WINDOW newest AS (ORDER BY number DESC))
              WHERE place > ?2 OR bytes > ?3)",
        (id, bounds.messages, bounds.bytes),
    )?;
    Ok(())
}

/// Deletes some inboxes of an account that is being erased.
pub(super) fn erase(conn: &Connection, account_id: &str, limit: usize) -> Done<usize> {
    let found: Vec<String> = all(
        conn,
        "SELECT id FROM inbox WHERE account_id = ?1 LIMIT ?2",
        (account_id, limit),
        |r| r.get(0),
    )?;
    let mut gone = 0;
    for id in found {
        if gone >= limit {
            break;
        }
        gone += remove(conn, &id)?;
    }
    Ok(gone)
}

#[async_trait]
impl InboxStore for EmbeddedStore {
    async fn create_inbox(
        &self,
        inbox: &Inbox,
        max: usize,
        now: Timestamp,
        change: &Change,
    ) -> Result<(), StoreError> {
        let (inbox, change) = (inbox.clone(), change.clone());
        self.write(move |c| create(c, &inbox, max, now, &change))
            .await
    }

    async fn inbox(&self, id: &str, now: Timestamp) -> Result<Option<Inbox>, StoreError> {
        let id = id.to_owned();
        self.read(move |c| living(c, &id, now)).await
    }

    async fn inbox_of_token(
        &self,
        digest: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<Inbox>, StoreError> {
        let digest = *digest;
        self.read(move |c| {
            first(
                c,
                "SELECT * FROM inbox WHERE token_digest = ?1 AND expires_at > ?2",
                (&digest[..], now),
                inbox,
            )
        })
        .await
    }

    async fn inboxes(&self, account_id: &str, now: Timestamp) -> Result<Vec<Inbox>, StoreError> {
        let account_id = account_id.to_owned();
        self.read(move |c| {
            all(
                c,
                "SELECT * FROM inbox WHERE account_id = ?1 AND expires_at > ?2 ORDER BY id DESC",
                (account_id, now),
                inbox,
            )
        })
        .await
    }

    async fn delete_inbox(&self, id: &str, now: Timestamp, why: &Change) -> Result<(), StoreError> {
        let (id, why) = (id.to_owned(), why.clone());
        self.write(move |c| {
            if living(c, &id, now)?.is_none() {
                return Err(StoreError::NotFound.into());
            }
            remove(c, &id)?;
            change::write(c, &why)
        })
        .await
    }

    async fn put_message(
        &self,
        inbox: &Inbox,
        message: &InboxMessage,
        bounds: Bounds,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (id, message) = (inbox.id.clone(), message.clone());
        self.write(move |c| put(c, &id, &message, bounds, now))
            .await
    }

    async fn messages(
        &self,
        inbox: &Inbox,
        now: Timestamp,
    ) -> Result<Vec<InboxMessage>, StoreError> {
        let id = inbox.id.clone();
        self.read(move |c| {
            if living(c, &id, now)?.is_none() {
                return Ok(Vec::new());
            }
            all(
                c,
                "SELECT message FROM inbox_message WHERE inbox_id = ?1 ORDER BY message ->> 'id' DESC",
                [id],
                |row| json(row, "message"),
            )
        })
        .await
    }

    async fn prune_inboxes(&self, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |c| {
            let expired: Vec<String> = all(
                c,
                "SELECT id FROM inbox WHERE expires_at <= ?1",
                [now],
                |r| r.get(0),
            )?;
            expired.iter().try_for_each(|id| remove(c, id).map(drop))
        })
        .await
    }
}

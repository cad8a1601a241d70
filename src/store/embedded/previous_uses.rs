//! When old secrets of keys were last used, in SQLite; never which secrets are old.

use async_trait::async_trait;
use rusqlite::Connection;

use super::EmbeddedStore;
use super::fail::Done;
use super::rows::{first, parsed, run};
use crate::base::ceilings::STORE_BATCH;
use crate::base::error::StoreError;
use crate::keys::port::{LastUse, SecretUses};

fn note(conn: &Connection, uses: &[LastUse]) -> Done<()> {
    for used in uses {
        run(
            conn,
            "INSERT INTO previous_use (key_id, account_id, at, ip)
             SELECT id, account_id, ?2, ?3 FROM api_key WHERE id = ?1
             ON CONFLICT DO UPDATE SET at = excluded.at, ip = excluded.ip WHERE excluded.at > at",
            (&used.key_id, used.at, used.ip.map(|ip| ip.to_string())),
        )?;
    }
    Ok(())
}

#[async_trait]
impl SecretUses for EmbeddedStore {
    async fn note_previous_uses(&self, uses: &[LastUse]) -> Result<(), StoreError> {
        for piece in uses.chunks(STORE_BATCH) {
            let piece = piece.to_vec();
            self.write(move |c| note(c, &piece)).await?;
        }
        Ok(())
    }

    async fn previous_use(
        &self,
        account_id: &str,
        key_id: &str,
    ) -> Result<Option<LastUse>, StoreError> {
        let (account_id, key_id) = (account_id.to_owned(), key_id.to_owned());
        self.read(move |c| {
            first(
                c,
                "SELECT key_id, at, ip FROM previous_use WHERE key_id = ?1 AND account_id = ?2",
                (key_id, account_id),
                |row| {
                    Ok(LastUse {
                        key_id: row.get("key_id")?,
                        at: row.get("at")?,
                        ip: parsed(row, "ip")?,
                    })
                },
            )
        })
        .await
    }

    async fn forget_previous_use(&self, account_id: &str, key_id: &str) -> Result<(), StoreError> {
        let (account_id, key_id) = (account_id.to_owned(), key_id.to_owned());
        self.write(move |c| {
            run(
                c,
                "DELETE FROM previous_use WHERE key_id = ?1 AND account_id = ?2",
                (key_id, account_id),
            )
            .map(drop)
        })
        .await
    }
}

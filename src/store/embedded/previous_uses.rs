//! Uses of old secrets of keys, in SQLite; never which secrets are old.

use std::collections::HashMap;

use async_trait::async_trait;
use rusqlite::Connection;

use super::EmbeddedStore;
use super::fail::Done;
use super::rows::{first, json, run, to_json};
use crate::base::error::StoreError;
use crate::keys::port::SecretUses;
use crate::keys::previous_uses::PreviousUses;

fn note(conn: &Connection, account_id: &str, uses: &[(String, PreviousUses)]) -> Done<()> {
    for (key_id, more) in uses {
        let known: Option<Option<String>> = first(
            conn,
            "SELECT u.uses FROM api_key k LEFT JOIN previous_uses u ON u.key_id = k.id
             WHERE k.id = ?1 AND k.account_id = ?2",
            (key_id, account_id),
            |row| row.get(0),
        )?;
        let Some(known) = known else { continue };
        // What cannot be read is begun anew: a later count is worth more than none.
        let known = known.and_then(|text| serde_json::from_str(&text).ok());
        let mut all: PreviousUses = known.unwrap_or_default();
        all.merge(more);
        run(
            conn,
            "INSERT INTO previous_uses (key_id, account_id, uses) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET uses = excluded.uses",
            (key_id, account_id, to_json(&all)?),
        )?;
    }
    Ok(())
}

/// Those of one key, which is of this account.
fn of(conn: &Connection, account_id: &str, key_id: &str) -> Done<Option<PreviousUses>> {
    first(
        conn,
        "SELECT uses FROM previous_uses WHERE key_id = ?1 AND account_id = ?2",
        (key_id, account_id),
        |row| json(row, "uses"),
    )
}

#[async_trait]
impl SecretUses for EmbeddedStore {
    async fn note_previous_uses(
        &self,
        account_id: &str,
        uses: &[(String, PreviousUses)],
    ) -> Result<(), StoreError> {
        let (account_id, uses) = (account_id.to_owned(), uses.to_vec());
        self.write(move |c| note(c, &account_id, &uses)).await
    }

    async fn previous_uses(
        &self,
        keys: &[(&str, &str)],
    ) -> Result<HashMap<String, PreviousUses>, StoreError> {
        let keys: Vec<(String, String)> = keys
            .iter()
            .map(|(account, id)| ((*account).to_owned(), (*id).to_owned()))
            .collect();
        self.read(move |c| {
            let mut found = HashMap::new();
            for (account, id) in keys {
                if let Some(uses) = of(c, &account, &id)? {
                    found.insert(id, uses);
                }
            }
            Ok(found)
        })
        .await
    }

    async fn forget_previous_uses(&self, account_id: &str, key_id: &str) -> Result<(), StoreError> {
        let (account_id, key_id) = (account_id.to_owned(), key_id.to_owned());
        self.write(move |c| {
            run(
                c,
                "DELETE FROM previous_uses WHERE key_id = ?1 AND account_id = ?2",
                (key_id, account_id),
            )
            .map(drop)
        })
        .await
    }
}

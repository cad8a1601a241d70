//! Which of the things that another store has a file has, too, so that what is over there is found; never a page of them.

use std::collections::{HashMap, HashSet};

use rusqlite::types::FromSql;

use super::change;
use super::rows::first;
use super::source::{Source, THERE};
use crate::base::audit::AuditEntry;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::keys::model::Digest;

impl Source {
    /// Values of a column of some rows, by their key.
    fn look_up<V: FromSql>(
        &self,
        sql: &str,
        ids: &[&str],
    ) -> Result<HashMap<String, V>, StoreError> {
        self.read(|c| {
            let mut found = HashMap::new();
            for id in ids {
                if let Some(value) = first(c, sql, [id], |r| r.get(0))? {
                    found.insert((*id).to_owned(), value);
                }
            }
            Ok(found)
        })
    }

    /// When those of these accounts that are there were made.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn made(&self, ids: &[&str]) -> Result<HashMap<String, Timestamp>, StoreError> {
        self.look_up(
            "SELECT created_at FROM account WHERE id = ?1 AND pseudonym IS NULL",
            ids,
        )
    }

    /// The accounts of those of these keys that are there.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn owners(&self, ids: &[&str]) -> Result<HashMap<String, String>, StoreError> {
        let sql = format!("SELECT account_id FROM api_key WHERE id = ?1 AND {THERE}");
        self.look_up(&sql, ids)
    }

    /// The keys of those of these digests that are there.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn keys_of(&self, digests: &[Digest]) -> Result<HashMap<Digest, String>, StoreError> {
        self.read(|c| {
            let mut found = HashMap::new();
            for digest in digests {
                let sql = "SELECT key_id FROM key_secret WHERE digest = ?1";
                if let Some(key) = first(c, sql, [&digest[..]], |r| r.get(0))? {
                    found.insert(*digest, key);
                }
            }
            Ok(found)
        })
    }

    /// Those of these audit entries that are there.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn entries(&self, ids: &[&str]) -> Result<HashMap<String, AuditEntry>, StoreError> {
        let sql = format!("SELECT * FROM audit WHERE id = ?1 AND {THERE}");
        self.read(|c| {
            let mut found = HashMap::new();
            for id in ids {
                if let Some(entry) = first(c, &sql, [id], change::entry)? {
                    found.insert((*id).to_owned(), entry);
                }
            }
            Ok(found)
        })
    }

    pub(super) fn there(&self, table: &str, ids: &[&str]) -> Result<HashSet<String>, StoreError> {
        let sql = format!("SELECT 1 FROM {table} WHERE id = ?1 AND {THERE}");
        let found: HashMap<String, i64> = self.look_up(&sql, ids)?;
        Ok(found.into_keys().collect())
    }

    /// Those of these endpoints that are there.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn endpoints_among(&self, ids: &[&str]) -> Result<HashSet<String>, StoreError> {
        self.there("endpoint", ids)
    }

    /// Those of these events that are there.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn events_among(&self, ids: &[&str]) -> Result<HashSet<String>, StoreError> {
        self.there("event", ids)
    }

    /// Those of these deliveries that are there.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn deliveries_among(&self, ids: &[&str]) -> Result<HashSet<String>, StoreError> {
        self.there("delivery", ids)
    }
}

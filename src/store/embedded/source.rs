//! A store's file as what is copied into another store: one state of it, in bounded pages; never a change of it.
//!
//! What is being erased is not there. A gateway may have the file open: while the state is held, the write-ahead log grows by
//! what is written.

use std::path::Path;

use parking_lot::Mutex;
use rusqlite::{Connection, Row, ToSql};

use super::backup::BackupError;
use super::fail::Done;
use super::rows::{all, first};
use super::{FORMAT, accounts, change, key_rows};
use crate::accounts::model::Account;
use crate::base::audit::AuditEntry;
use crate::base::ceilings::COPY_ROWS;
use crate::base::error::StoreError;
use crate::keys::model::{DigestKind, KeyRecord};
use crate::store::sqlite::{OpenError, open_to_read};
use crate::store::transfer::AnswerRow;

/// Rows of accounts that are not being erased.
pub(super) const THERE: &str = "(account_id IS NULL OR account_id NOT IN (SELECT id FROM account WHERE pseudonym IS NOT NULL))";

/// One state of a store's file.
pub struct Source {
    // A connection is used by one at a time; nobody holds the lock over an await.
    conn: Mutex<Connection>,
}

impl Source {
    /// Opens the file at `path` and holds the state that it has now.
    ///
    /// # Errors
    /// When it is no store of ours, or has another layout than this version's.
    pub fn open(path: &Path) -> Result<Self, BackupError> {
        let file = open_to_read(path, &FORMAT)?;
        let known = i64::try_from(FORMAT.layouts.len()).unwrap_or(i64::MAX);
        if file.layout != known {
            return Err(BackupError::Read {
                path: path.to_owned(),
                cause: format!(
                    "it has layout {}, this version reads {known}: start its gateway with this version first",
                    file.layout
                ),
            });
        }
        let sql = |cause| OpenError::Sql {
            path: path.to_owned(),
            cause,
        };
        // The first read fixes the state.
        file.conn.execute_batch("BEGIN").map_err(sql)?;
        file.conn
            .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
            .map_err(sql)?;
        Ok(Self {
            conn: Mutex::new(file.conn),
        })
    }

    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Done<T>,
    ) -> Result<T, StoreError> {
        work(&self.conn.lock()).map_err(super::fail::Fail::into_store)
    }

    pub(super) fn page<T>(
        &self,
        sql: &str,
        after: impl ToSql,
        map: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        self.read(|c| all(c, sql, (after, COPY_ROWS), map))
    }

    /// What tells this store from every other, as long as it lives: its first audit entry, which is never deleted. `None`
    /// where nobody has changed anything yet.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn identity(&self) -> Result<Option<String>, StoreError> {
        self.read(|c| first(c, "SELECT min(id) FROM audit", [], |r| r.get(0)))
            .map(Option::flatten)
    }

    /// How digests of keys were made: each way once, and a key that needs it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn kinds(&self) -> Result<Vec<(DigestKind, String)>, StoreError> {
        self.read(|c| {
            let sql = "SELECT kind, min(key_id) FROM key_secret GROUP BY kind";
            all(c, sql, [], |r| {
                Ok((super::rows::json(r, "kind")?, r.get(1)?))
            })
        })
    }

    /// Plans that accounts have: each once, and an account that has it.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn plans(&self) -> Result<Vec<(String, String)>, StoreError> {
        self.read(|c| {
            let sql = "SELECT plan, min(id) FROM account WHERE pseudonym IS NULL GROUP BY plan ORDER BY plan";
            all(c, sql, [], |r| Ok((r.get(0)?, r.get(1)?)))
        })
    }

    /// Accounts after an id.
    ///
    /// # Errors
    /// When they cannot be read, as everywhere below.
    pub fn accounts(&self, after: &str) -> Result<Vec<Account>, StoreError> {
        let sql = "SELECT * FROM account WHERE id > ?1 AND pseudonym IS NULL ORDER BY id LIMIT ?2";
        self.page(sql, after, accounts::account)
    }

    /// Keys after an id.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn keys(&self, after: &str) -> Result<Vec<KeyRecord>, StoreError> {
        let sql = format!("SELECT id FROM api_key WHERE id > ?1 AND {THERE} ORDER BY id LIMIT ?2");
        let ids: Vec<String> = self.page(&sql, after, |r| r.get(0))?;
        self.read(|c| {
            let mut found = Vec::with_capacity(ids.len());
            for id in &ids {
                found.extend(key_rows::by_id(c, id)?);
            }
            Ok(found)
        })
    }

    /// Audit entries after an id.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn audit(&self, after: &str) -> Result<Vec<AuditEntry>, StoreError> {
        let sql = format!("SELECT * FROM audit WHERE id > ?1 AND {THERE} ORDER BY id LIMIT ?2");
        self.page(&sql, after, change::entry)
    }

    /// Answers after a key.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn answers(&self, after: &str) -> Result<Vec<AnswerRow>, StoreError> {
        let sql = format!("SELECT * FROM answer WHERE key > ?1 AND {THERE} ORDER BY key LIMIT ?2");
        self.page(&sql, after, |r| {
            Ok(AnswerRow {
                answer: change::answer_of(r)?,
                account_id: r.get("account_id")?,
            })
        })
    }
}

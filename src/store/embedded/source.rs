//! A store's file as what is copied into another store: one state of it, in bounded pages; never a change of it.
//!
//! What is being erased is not there. A gateway may have the file open: while the state is held, the write-ahead log grows by
//! what is written.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use parking_lot::Mutex;
use rusqlite::types::FromSql;
use rusqlite::{Connection, Row, ToSql};

use super::backup::BackupError;
use super::fail::Done;
use super::rows::{all, first};
use super::{FORMAT, accounts, change, delivery_rows, endpoints, event_rows, key_rows};
use crate::accounts::model::Account;
use crate::base::audit::AuditEntry;
use crate::base::ceilings::{COPY_LARGE_ROWS, COPY_ROWS, WEBHOOK_ATTEMPTS_KEPT};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::keys::model::{Digest, DigestKind, KeyRecord};
use crate::store::span::Span;
use crate::store::sqlite::{OpenError, open_to_read};
use crate::store::transfer::{
    AnswerRow, CallerRow, DeliveryRow, EventRow, RouteRow, Slice, UsageRow,
};
use crate::webhooks::model::Endpoint;

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

    fn page<T>(
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

    /// Endpoints after an id.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn endpoints(&self, after: &str) -> Result<Vec<Endpoint>, StoreError> {
        let sql = format!("SELECT * FROM endpoint WHERE id > ?1 AND {THERE} ORDER BY id LIMIT ?2");
        self.page(&sql, after, endpoints::endpoint)
    }

    /// Accounts and their last sequence number, after an id.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn sequences(&self, after: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let sql = format!(
            "SELECT account_id, last FROM account_sequence WHERE account_id > ?1 AND {THERE}
             ORDER BY account_id LIMIT ?2"
        );
        self.page(&sql, after, |r| Ok((r.get(0)?, r.get(1)?)))
    }

    /// Events after a position.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn events(&self, after: i64) -> Result<Vec<EventRow>, StoreError> {
        let sql = format!(
            "SELECT * FROM event WHERE position > ?1 AND {THERE} ORDER BY position LIMIT min(?2, {COPY_LARGE_ROWS})"
        );
        self.page(&sql, after, |r| {
            Ok(EventRow {
                event: event_rows::event(r)?,
                recorded_at: r.get("recorded_at")?,
                position: r.get("position")?,
            })
        })
    }

    /// Deliveries after an id.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn deliveries(&self, after: &str) -> Result<Vec<DeliveryRow>, StoreError> {
        let sql = format!(
            "SELECT * FROM delivery WHERE id > ?1 AND {THERE} ORDER BY id LIMIT min(?2, {COPY_LARGE_ROWS})"
        );
        let mut rows = self.page(&sql, after, |r| {
            let delivery = delivery_rows::delivery(r)?;
            let queued_at = r.get("queued_at")?;
            let due_at: Option<Timestamp> = r.get("due_at")?;
            Ok(DeliveryRow {
                due_at: due_at.or(delivery.next_attempt_at).unwrap_or(queued_at),
                attempts: Vec::new(),
                queued_at,
                delivery,
            })
        })?;
        self.read(|c| {
            for row in &mut rows {
                let mut attempts = delivery_rows::attempts(c, &row.delivery.id)?;
                let old = attempts.len().saturating_sub(WEBHOOK_ATTEMPTS_KEPT);
                row.attempts = attempts.split_off(old);
            }
            Ok(rows)
        })
    }

    /// Endpoints that something waits for, whether they are there or not, with their account; after an id.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn waited_for(&self, after: &str) -> Result<Vec<(String, String)>, StoreError> {
        let sql = format!(
            "SELECT endpoint_id, min(account_id) FROM delivery WHERE state = 0 AND endpoint_id > ?1 AND {THERE}
             GROUP BY endpoint_id ORDER BY endpoint_id LIMIT ?2"
        );
        self.page(&sql, after, |r| Ok((r.get(0)?, r.get(1)?)))
    }

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

    /// Hours and days that have usage.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn slices(&self) -> Result<Vec<Slice>, StoreError> {
        self.read(|c| {
            let mut found = Vec::new();
            for span in [Span::Hour, Span::Day] {
                let mut after = i64::MIN;
                // A seek for each, in either table: there are no others without a row in one of them.
                while let Some(Some(start)) = first(
                    c,
                    "SELECT min(start) FROM (
                         SELECT min(start) AS start FROM usage WHERE span = ?1 AND start > ?2
                         UNION ALL SELECT min(start) FROM usage_endpoint WHERE span = ?1 AND start > ?2)",
                    (span as u8, after),
                    |r| r.get::<_, Option<i64>>(0),
                )? {
                    found.push(Slice {
                        span,
                        start: Timestamp::from_millis(start),
                    });
                    after = start;
                }
            }
            Ok(found)
        })
    }

    /// Usage of a slice after a row of it, everyone's first.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn usage(&self, at: Slice, after: Option<&UsageRow>) -> Result<Vec<UsageRow>, StoreError> {
        let (account, key, class) = after.map_or(("", "", -1), |r| {
            (&r.account_id, &r.key_id, i64::from(r.class))
        });
        let sql = format!(
            "SELECT account_id, key_id, class, requests, bytes_in, bytes_out, upstream_us FROM usage
             WHERE span = ?1 AND start = ?2 AND (account_id, key_id, class) > (?3, ?4, ?5) AND {THERE}
             ORDER BY account_id, key_id, class LIMIT ?6"
        );
        self.read(|c| {
            let params = (at.span as u8, at.start, account, key, class, COPY_ROWS);
            all(c, &sql, params, |r| {
                Ok(UsageRow {
                    account_id: r.get(0)?,
                    key_id: r.get(1)?,
                    class: r.get(2)?,
                    numbers: [r.get(3)?, r.get(4)?, r.get(5)?, r.get(6)?],
                })
            })
        })
    }

    /// Usage by endpoint of a slice after a row of it, everyone's first.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn routes(&self, at: Slice, after: Option<&RouteRow>) -> Result<Vec<RouteRow>, StoreError> {
        let (account, route, method) =
            after.map_or(("", "", ""), |r| (&r.account_id, &r.route, &r.method));
        let sql = format!(
            "SELECT account_id, route, method, requests, errors FROM usage_endpoint
             WHERE span = ?1 AND start = ?2 AND (account_id, route, method) > (?3, ?4, ?5) AND {THERE}
             ORDER BY account_id, route, method LIMIT ?6"
        );
        self.read(|c| {
            let params = (at.span as u8, at.start, account, route, method, COPY_ROWS);
            all(c, &sql, params, |r| {
                Ok(RouteRow {
                    account_id: r.get(0)?,
                    route: r.get(1)?,
                    method: r.get(2)?,
                    numbers: [r.get(3)?, r.get(4)?],
                })
            })
        })
    }

    /// Routes that were called in a slice.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn called(&self, at: Slice) -> Result<Vec<String>, StoreError> {
        self.read(|c| {
            let sql = "SELECT DISTINCT route FROM usage_endpoint
                       WHERE span = ?1 AND start = ?2 AND account_id = '' ORDER BY route";
            all(c, sql, (at.span as u8, at.start), |r| r.get(0))
        })
    }

    /// Callers of a route in a slice, after one of them.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn callers(
        &self,
        at: Slice,
        route: &str,
        after: Option<&CallerRow>,
    ) -> Result<Vec<CallerRow>, StoreError> {
        let (account, key) = after.map_or(("", ""), |r| (&r.account_id, &r.key_id));
        let sql = format!(
            "SELECT account_id, key_id, requests, last_at FROM usage_caller
             WHERE route = ?1 AND span = ?2 AND start = ?3 AND (account_id, key_id) > (?4, ?5) AND {THERE}
             ORDER BY account_id, key_id LIMIT ?6"
        );
        self.read(|c| {
            let params = (route, at.span as u8, at.start, account, key, COPY_ROWS);
            all(c, &sql, params, |r| {
                Ok(CallerRow {
                    account_id: r.get(0)?,
                    key_id: r.get(1)?,
                    numbers: [r.get(2)?, r.get(3)?],
                })
            })
        })
    }

    /// What quotas compare with in this hour and this month, by account, after one: both numbers.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn used(
        &self,
        hour: Timestamp,
        month: Timestamp,
        after: &str,
    ) -> Result<Vec<(String, u64, u64)>, StoreError> {
        let sql = format!(
            "SELECT account_id, sum(iif(span = 0, requests, 0)), sum(iif(span = 2, requests, 0)) FROM usage_total
             WHERE ((span = 0 AND start = ?1) OR (span = 2 AND start = ?2)) AND account_id > ?3 AND {THERE}
             GROUP BY account_id ORDER BY account_id LIMIT ?4"
        );
        self.read(|c| {
            all(c, &sql, (hour, month, after, COPY_ROWS), |r| {
                Ok((r.get(0)?, r.get(1)?, r.get(2)?))
            })
        })
    }
}

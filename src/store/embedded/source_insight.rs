//! Refusals by code and totals of keys as they are copied into another store, in bounded pages; never a change of them.

use super::rows::{all, first};
use super::source::{Source, THERE};
use super::usage::{DAY, MONTH};
use crate::base::ceilings::COPY_ROWS;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::store::transfer::{CodeRow, KeyTotalRow, Slice, TotalOf};

impl Source {
    /// Refusals of a slice by code, after a row of it.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn codes(&self, at: Slice, after: Option<&CodeRow>) -> Result<Vec<CodeRow>, StoreError> {
        let (account, code) = after.map_or(("", ""), |r| (&r.account_id, &r.code));
        let sql = format!(
            "SELECT account_id, code, requests FROM usage_rejection INDEXED BY usage_rejection_start
             WHERE span = ?1 AND start = ?2 AND (account_id, code) > (?3, ?4) AND {THERE}
             ORDER BY account_id, code LIMIT ?5"
        );
        self.read(|c| {
            let params = (at.span as u8, at.start, account, code, COPY_ROWS);
            all(c, &sql, params, |r| {
                Ok(CodeRow {
                    account_id: r.get(0)?,
                    code: r.get(1)?,
                    requests: r.get(2)?,
                })
            })
        })
    }

    /// What keys did in a day or a month, after a row of it.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn key_totals(
        &self,
        of: TotalOf,
        after: Option<&KeyTotalRow>,
    ) -> Result<Vec<KeyTotalRow>, StoreError> {
        let (span, start) = match of {
            TotalOf::Day(start) => (DAY, start),
            TotalOf::Month(start) => (MONTH, start),
        };
        let (account, key) = after.map_or(("", ""), |r| (&r.account_id, &r.key_id));
        let sql = format!(
            "SELECT account_id, key_id, requests, errors, rejected FROM usage_key INDEXED BY usage_key_start
             WHERE span = ?1 AND start = ?2 AND (account_id, key_id) > (?3, ?4) AND {THERE}
             ORDER BY account_id, key_id LIMIT ?5"
        );
        self.read(|c| {
            let params = (span, start, account, key, COPY_ROWS);
            all(c, &sql, params, |r| {
                Ok(KeyTotalRow {
                    account_id: r.get(0)?,
                    key_id: r.get(1)?,
                    numbers: [r.get(2)?, r.get(3)?, r.get(4)?],
                })
            })
        })
    }

    /// Months of which there are totals of keys.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn key_months(&self) -> Result<Vec<Timestamp>, StoreError> {
        self.read(|c| {
            let (mut found, mut after) = (Vec::new(), i64::MIN);
            let sql = "SELECT min(start) FROM usage_key WHERE span = ?1 AND start > ?2";
            while let Some(Some(start)) =
                first(c, sql, (MONTH, after), |r| r.get::<_, Option<i64>>(0))?
            {
                found.push(Timestamp::from_millis(start));
                after = start;
            }
            Ok(found)
        })
    }
}

//! Usage of a file that is copied into another store, by hours and days; never what is being erased.

use super::rows::{all, first};
use super::source::{Source, THERE};
use crate::base::ceilings::COPY_ROWS;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::store::span::Span;
use crate::store::transfer::{CallerRow, RouteRow, Slice, UsageRow};

impl Source {
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

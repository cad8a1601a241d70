//! Endpoints, events and deliveries of a file that is copied into another store; never what is being erased.

use super::source::{Source, THERE};
use super::{delivery_rows, endpoints, event_rows};
use crate::base::ceilings::{COPY_LARGE_ROWS, WEBHOOK_ATTEMPTS_KEPT};
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::store::transfer::{DeliveryRow, EventRow};
use crate::webhooks::model::Endpoint;

impl Source {
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
}

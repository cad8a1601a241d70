//! Walks through the rows of a source, a page in memory at a time, writes each into the target and sums up what there is; never decides what is compared.

use std::collections::BTreeMap;

use super::Progress;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::store::embedded::source::Source;
use crate::store::redis;
use crate::store::transfer::{
    self, ACCOUNTS, ANSWERS, AUDIT, DELIVERIES, DIGESTS, ENDPOINTS, EVENTS, KEYS, SEQUENCES, Sums,
};

/// How far a kind is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Written {
    /// Rows that were looked at.
    pub rows: u64,
    /// Those of them that were written.
    pub written: u64,
}

/// A copy that is under way.
pub(super) struct Copying<'a> {
    pub(super) source: &'a Source,
    pub(super) target: &'a redis::Store,
    tell: &'a (dyn Fn(Progress) + Send + Sync),
    compared_from: Timestamp,
    far: BTreeMap<&'static str, Written>,
    pub(super) wanted: Sums,
    /// Of rows that nothing in the target leads to.
    found: Sums,
}

impl<'a> Copying<'a> {
    /// A copy of nothing so far; answers that expire before `compared_from` are left out of the sums.
    pub(super) fn new(
        source: &'a Source,
        target: &'a redis::Store,
        tell: &'a (dyn Fn(Progress) + Send + Sync),
        compared_from: Timestamp,
    ) -> Self {
        Self {
            source,
            target,
            tell,
            compared_from,
            far: BTreeMap::new(),
            wanted: Sums::default(),
            found: Sums::default(),
        }
    }

    /// Rows written by kind, and the sums of the source's rows and of those that were looked up in the target.
    pub(super) fn done(self) -> (BTreeMap<&'static str, u64>, Sums, Sums) {
        let written = self.far.iter().map(|(kind, far)| (*kind, far.written));
        (written.collect(), self.wanted, self.found)
    }

    pub(super) fn note(&mut self, kind: &'static str, rows: usize, written: u64) {
        let far = self.far.entry(kind).or_default();
        far.rows += rows as u64;
        far.written += written;
        (self.tell)(Progress::Copying(kind, *far));
    }

    /// Copies everything.
    pub(super) async fn all(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.accounts().await?;
        self.keys().await?;
        self.alerts().await?;
        self.audit().await?;
        self.answers(now).await?;
        self.endpoints().await?;
        self.sequences().await?;
        self.events().await?;
        self.deliveries().await?;
        self.notices().await?;
        self.replays().await?;
        for at in self.source.slices()? {
            self.slice(at).await?;
        }
        for month in self.source.key_months()? {
            self.key_month(month).await?;
        }
        Ok(())
    }

    async fn accounts(&mut self) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let rows = self.source.accounts(&after)?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = last.id.clone();
            for row in &rows {
                self.wanted.add(ACCOUNTS, &transfer::account_line(row));
            }
            let written = self.target.copy_accounts(&rows).await?;
            self.note(ACCOUNTS, rows.len(), written);
        }
    }

    async fn keys(&mut self) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let rows = self.source.keys(&after)?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = last.id.clone();
            for row in &rows {
                let live = row.revoked_at.is_none().then(|| match row.expires_at {
                    Some(at) => at.millis().to_string(),
                    None => "+inf".to_owned(),
                });
                self.wanted
                    .add(KEYS, &transfer::key_line(row, live.as_deref()));
                for secret in &row.secrets {
                    let line = transfer::digest_line(&secret.digest, &row.id);
                    self.wanted.add(DIGESTS, &line);
                }
            }
            let written = self.target.copy_keys(&rows).await?;
            self.note(KEYS, rows.len(), written);
            self.previous_uses(&rows).await?;
        }
    }

    async fn audit(&mut self) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let rows = self.source.audit(&after)?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = last.id.clone();
            for row in &rows {
                self.wanted.add(AUDIT, &transfer::audit_line(row));
            }
            let written = self.target.copy_audit(&rows).await?;
            self.note(AUDIT, rows.len(), written);
        }
    }

    async fn answers(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let mut rows = self.source.answers(&after)?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = last.answer.key.clone();
            rows.retain(|row| row.answer.expires_at > now);
            for row in &rows {
                if row.answer.expires_at > self.compared_from {
                    let account = row.account_id.as_deref().unwrap_or_default();
                    let index = transfer::answer_index(&row.answer.key);
                    let line = transfer::answer_line(&index, &row.answer, account);
                    self.wanted.add(ANSWERS, &line);
                }
            }
            let written = self.target.copy_answers(&rows, now).await?;
            self.note(ANSWERS, rows.len(), written);
        }
    }

    async fn endpoints(&mut self) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let rows = self.source.endpoints(&after)?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = last.id.clone();
            for row in &rows {
                self.wanted
                    .add(ENDPOINTS, &transfer::endpoint_line(row, true));
            }
            let written = self.target.copy_endpoints(&rows).await?;
            self.note(ENDPOINTS, rows.len(), written);
            self.health(&rows).await?;
        }
    }

    async fn sequences(&mut self) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let rows = self.source.sequences(&after)?;
            let Some((last, _)) = rows.last() else {
                return Ok(());
            };
            after = last.clone();
            for (account, last) in &rows {
                let line = transfer::sequence_line(account, *last);
                self.wanted.add(SEQUENCES, &line);
            }
            let written = self.target.copy_sequences(&rows).await?;
            self.target
                .look_at_sequences(&rows, &mut self.found)
                .await?;
            self.note(SEQUENCES, rows.len(), written);
        }
    }

    async fn events(&mut self) -> Result<(), StoreError> {
        let mut after = i64::MIN;
        loop {
            let rows = self.source.events(after)?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = last.position;
            for row in &rows {
                self.wanted.add(EVENTS, &transfer::event_line(row));
            }
            let written = self.target.copy_events(&rows).await?;
            self.note(EVENTS, rows.len(), written);
        }
    }

    async fn deliveries(&mut self) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let rows = self.source.deliveries(&after)?;
            let Some(last) = rows.last() else {
                break;
            };
            after = last.delivery.id.clone();
            for row in &rows {
                self.wanted.add(DELIVERIES, &transfer::delivery_line(row));
            }
            let written = self.target.copy_deliveries(&rows).await?;
            self.note(DELIVERIES, rows.len(), written);
        }
        let mut after = String::new();
        loop {
            let waited_for = self.source.waited_for(&after)?;
            let Some((last, _)) = waited_for.last() else {
                return self.quiet_endpoints().await;
            };
            after = last.clone();
            self.target.copy_queues(&waited_for).await?;
        }
    }

    /// Endpoints for which nothing waits any more are out of the line for deliveries.
    async fn quiet_endpoints(&self) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let rows = self.source.endpoints(&after)?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = last.id.clone();
            let all: Vec<_> = rows.into_iter().map(|e| (e.id, e.account_id)).collect();
            self.target.copy_queues(&all).await?;
        }
    }
}

//! Collects what keys count into numbered batches, one of which waits for the store at a time; never a store itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use super::key_usage::{KeyUsage, Shared};
use super::model::UsageBatch;
use crate::base::ceilings::USAGE_BATCH_ROWS;
use crate::observe::Metrics;

/// All usage of this process that the store has not got yet.
///
/// A batch that was handed out is handed out again, unchanged, until it is acknowledged; what is counted meanwhile waits
/// for the next. So a batch whose acknowledgement was lost is counted once, and rows grow with keys, routes and hours, never with requests.
#[derive(Debug)]
pub struct Recorder {
    boot_id: String,
    metrics: Option<Arc<Metrics>>,
    shared: Arc<Shared>,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    sequence: u64,
    batch: Option<Arc<UsageBatch>>,
}

impl Recorder {
    /// A recorder for the process that is known by `boot_id`, a fresh unique text.
    pub fn new(boot_id: impl Into<String>, metrics: Option<Arc<Metrics>>) -> Self {
        Self {
            boot_id: boot_id.into(),
            metrics,
            shared: Arc::default(),
            waiting: Mutex::default(),
        }
    }

    /// Counters for a key, to be kept with it. A key may have several: their rows are added up. Each request served
    /// also counts in the metric of usage by key, where the recorder was given metrics.
    pub fn key(
        &self,
        account_id: impl Into<Arc<str>>,
        key_id: impl Into<Arc<str>>,
    ) -> Arc<KeyUsage> {
        let (account_id, key_id) = (account_id.into(), key_id.into());
        let metrics = self.metrics.as_ref();
        let counter = metrics.map(|m| m.usage_requests(&account_id, &key_id));
        Arc::new(KeyUsage::new(account_id, key_id, &self.shared, counter))
    }

    /// The batch that waits for the store: the same until [`Recorder::acknowledge`], then a new one; `None` when there is
    /// nothing to tell. A batch has a bounded number of rows, give or take one key's: call again after acknowledging.
    pub fn drain(&self) -> Option<Arc<UsageBatch>> {
        let mut waiting = self.waiting.lock();
        if let Some(batch) = &waiting.batch {
            return Some(Arc::clone(batch));
        }
        let mut batch = UsageBatch {
            boot_id: self.boot_id.clone(),
            sequence: waiting.sequence + 1,
            ..UsageBatch::default()
        };
        while batch.rows() < USAGE_BATCH_ROWS {
            let Some(key) = self.shared.dirty.lock().pop() else {
                break;
            };
            key.collect(&mut batch);
        }
        if batch.rows() == 0 {
            return None;
        }
        waiting.sequence = batch.sequence;
        let batch = Arc::new(batch);
        waiting.batch = Some(Arc::clone(&batch));
        Some(batch)
    }

    /// Says that the store has the batch with this sequence number.
    pub fn acknowledge(&self, sequence: u64) {
        let mut waiting = self.waiting.lock();
        if waiting
            .batch
            .as_ref()
            .is_some_and(|b| b.sequence == sequence)
        {
            waiting.batch = None;
        }
    }

    /// Rows that are counted and in no batch yet.
    pub fn pending_rows(&self) -> usize {
        self.shared.rows.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;

//! What a source of a copy still has, as a target asks for it; never what becomes of the answer.

use std::collections::{HashMap, HashSet};

use crate::base::audit::AuditEntry;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::keys::model::Digest;
use crate::store::embedded::source::Source;
use crate::store::redis::Known;

/// Answers from a source.
pub(super) struct FromSource<'a>(pub(super) &'a Source);

impl Known for FromSource<'_> {
    fn made(&self, accounts: &[&str]) -> Result<HashMap<String, Timestamp>, StoreError> {
        self.0.made(accounts)
    }

    fn owners(&self, keys: &[&str]) -> Result<HashMap<String, String>, StoreError> {
        self.0.owners(keys)
    }

    fn keys_of(&self, digests: &[Digest]) -> Result<HashMap<Digest, String>, StoreError> {
        self.0.keys_of(digests)
    }

    fn entries(&self, ids: &[&str]) -> Result<HashMap<String, AuditEntry>, StoreError> {
        self.0.entries(ids)
    }

    fn endpoints(&self, ids: &[&str]) -> Result<HashSet<String>, StoreError> {
        self.0.endpoints_among(ids)
    }

    fn events(&self, ids: &[&str]) -> Result<HashSet<String>, StoreError> {
        self.0.events_among(ids)
    }

    fn deliveries(&self, ids: &[&str]) -> Result<HashSet<String>, StoreError> {
        self.0.deliveries_among(ids)
    }

    fn alerts(&self, accounts: &[&str]) -> Result<HashSet<String>, StoreError> {
        self.0.alerts_among(accounts)
    }

    fn notices(&self, ids: &[&str]) -> Result<HashSet<String>, StoreError> {
        self.0.notices_among(ids)
    }

    fn replays(&self, ids: &[&str]) -> Result<HashSet<String>, StoreError> {
        self.0.replays_among(ids)
    }
}

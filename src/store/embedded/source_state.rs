//! What an account and the operator go on with as it is copied into another store: alerts, uses of old secrets, how endpoints fare, notices and replays; never a change of it.

use std::collections::{HashMap, HashSet};

use super::rows::{all, first, json};
use super::source::{Source, THERE};
use super::{notices, queue, replays};
use crate::base::ceilings::COPY_ROWS;
use crate::base::error::StoreError;
use crate::keys::model::KeyRecord;
use crate::keys::previous_uses::PreviousUses;
use crate::store::transfer::AlertRow;
use crate::webhooks::health::EndpointHealth;
use crate::webhooks::port::notices::Notice;
use crate::webhooks::port::replays::ReplayJob;

impl Source {
    /// Settings of alerts after an account's.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn alerts(&self, after: &str) -> Result<Vec<AlertRow>, StoreError> {
        let sql = format!(
            "SELECT * FROM alert WHERE account_id > ?1 AND {THERE} ORDER BY account_id LIMIT ?2"
        );
        self.read(|c| {
            all(c, &sql, (after, COPY_ROWS), |r| {
                Ok(AlertRow {
                    account_id: r.get("account_id")?,
                    settings: r.get("settings")?,
                    revision: r.get("revision")?,
                })
            })
        })
    }

    /// Accounts among these that have settings of alerts.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn alerts_among(&self, accounts: &[&str]) -> Result<HashSet<String>, StoreError> {
        let sql = format!("SELECT 1 FROM alert WHERE account_id = ?1 AND {THERE}");
        self.read(|c| {
            let mut found = HashSet::new();
            for account in accounts {
                if first(c, &sql, [account], |_| Ok(()))?.is_some() {
                    found.insert((*account).to_owned());
                }
            }
            Ok(found)
        })
    }

    /// Uses of old secrets of these keys.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn previous_uses(
        &self,
        keys: &[KeyRecord],
    ) -> Result<HashMap<String, PreviousUses>, StoreError> {
        let sql = format!("SELECT uses FROM previous_uses WHERE key_id = ?1 AND {THERE}");
        self.read(|c| {
            let mut found = HashMap::new();
            for key in keys {
                let uses = first(c, &sql, [&key.id], |r| json(r, "uses"))?;
                found.extend(uses.map(|uses| (key.id.clone(), uses)));
            }
            Ok(found)
        })
    }

    /// How these endpoints fare.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn health(&self, endpoints: &[&str]) -> Result<Vec<EndpointHealth>, StoreError> {
        self.read(|c| endpoints.iter().map(|id| queue::of(c, id)).collect())
    }

    /// Notices that wait, after an id.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn notices(&self, after: &str) -> Result<Vec<Notice>, StoreError> {
        let sql = format!("SELECT * FROM notice WHERE id > ?1 AND {THERE} ORDER BY id LIMIT ?2");
        self.read(|c| all(c, &sql, (after, COPY_ROWS), notices::notice))
    }

    /// Those of these notices that are there.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn notices_among(&self, ids: &[&str]) -> Result<HashSet<String>, StoreError> {
        self.there("notice", ids)
    }

    /// Replays after an id.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn replays(&self, after: &str) -> Result<Vec<ReplayJob>, StoreError> {
        let sql =
            format!("SELECT * FROM replay_job WHERE id > ?1 AND {THERE} ORDER BY id LIMIT ?2");
        self.read(|c| all(c, &sql, (after, COPY_ROWS), replays::job))
    }

    /// Those of these replays that are there.
    ///
    /// # Errors
    /// See [`Self::accounts`].
    pub fn replays_among(&self, ids: &[&str]) -> Result<HashSet<String>, StoreError> {
        self.there("replay_job", ids)
    }
}

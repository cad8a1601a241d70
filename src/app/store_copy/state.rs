//! What accounts and the operator go on with on its way into the target: alerts, uses of old secrets, how endpoints fare, notices and replays; never rows of usage.

use super::rows::Copying;
use crate::base::error::StoreError;
use crate::keys::model::KeyRecord;
use crate::store::transfer::{self, ALERTS, HEALTH, NOTICES, PREVIOUS_USES, REPLAYS};
use crate::webhooks::model::Endpoint;

impl Copying<'_> {
    pub(super) async fn alerts(&mut self) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let rows = self.source.alerts(&after)?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = last.account_id.clone();
            for row in &rows {
                self.wanted.add(ALERTS, &transfer::alert_line(row));
            }
            let written = self.target.copy_alerts(&rows).await?;
            self.note(ALERTS, rows.len(), written);
        }
    }

    /// Uses of old secrets of these keys, which are there.
    pub(super) async fn previous_uses(&mut self, keys: &[KeyRecord]) -> Result<(), StoreError> {
        let mut uses = self.source.previous_uses(keys)?;
        for (id, uses) in &uses {
            let line = transfer::previous_uses_line(id, uses);
            self.wanted.add(PREVIOUS_USES, &line);
        }
        let count = uses.len();
        let all: Vec<_> = keys.iter().map(|key| (key, uses.remove(&key.id))).collect();
        let written = self.target.copy_previous_uses(&all).await?;
        self.note(PREVIOUS_USES, count, written);
        Ok(())
    }

    /// How these endpoints, which are there, fare.
    pub(super) async fn health(&mut self, endpoints: &[Endpoint]) -> Result<(), StoreError> {
        let ids: Vec<&str> = endpoints.iter().map(|e| e.id.as_str()).collect();
        let health = self.source.health(&ids)?;
        for (id, health) in ids.iter().zip(&health) {
            self.wanted.add(HEALTH, &transfer::health_line(id, health));
        }
        let written = self.target.copy_health(endpoints, &health).await?;
        self.note(HEALTH, endpoints.len(), written);
        Ok(())
    }

    pub(super) async fn notices(&mut self) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let rows = self.source.notices(&after)?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = last.id.clone();
            for row in &rows {
                self.wanted.add(NOTICES, &transfer::notice_line(row));
            }
            let written = self.target.copy_notices(&rows).await?;
            self.note(NOTICES, rows.len(), written);
        }
    }

    pub(super) async fn replays(&mut self) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let rows = self.source.replays(&after)?;
            let Some(last) = rows.last() else {
                return Ok(());
            };
            after = last.id.clone();
            let rows = rows.into_iter();
            let rows: Vec<_> = rows.map(|job| self.target.replay_as_here(job)).collect();
            for row in &rows {
                self.wanted.add(REPLAYS, &transfer::replay_line(row));
            }
            let written = self.target.copy_replays(&rows).await?;
            self.note(REPLAYS, rows.len(), written);
        }
    }
}

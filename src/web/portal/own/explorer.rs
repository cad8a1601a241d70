//! The account's keys as the explorer greys endpoints by them; never a secret.

use super::Own;
use crate::keys::model::KeyStatus;
use crate::web::portal::refuse::PageError;

/// A key to choose.
#[derive(Debug)]
pub struct KeyChoice {
    /// Its id.
    pub id: String,
    /// Its name, and how its secret begins and ends.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
}

impl Own {
    /// The keys that work.
    ///
    /// # Errors
    /// The store's.
    pub async fn key_choices(&self) -> Result<Vec<KeyChoice>, PageError> {
        let now = self.visit.now;
        let keys = self.all_keys().await?;
        let active = keys
            .into_iter()
            .filter(|k| k.status(now) == KeyStatus::Active);
        Ok(active
            .map(|k| KeyChoice {
                name: format!("{} ({}_…{})", k.name, k.prefix, k.last_four),
                id: k.id,
                scopes: k.scopes,
            })
            .collect())
    }
}

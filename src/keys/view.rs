//! A key as the admin API and the portal show it; never a digest, never a secret.

use serde::Serialize;

use super::model::{KeyRecord, KeyStatus};
use crate::base::clock::Timestamp;

/// A key's public fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct KeyView {
    /// `key_…`.
    pub id: String,
    /// Its account.
    pub account_id: String,
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// What it is now.
    pub status: KeyStatus,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it ends; null never.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to within a second or so.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<Timestamp>,
    /// From where it was last used.
    pub last_used_ip: Option<String>,
    /// Networks it may be used from; empty for everywhere.
    pub allowed_ips: Vec<String>,
    /// What its secret begins with.
    pub prefix: String,
    /// The last four characters of its secret.
    pub last_four: String,
}

impl KeyRecord {
    /// The key as it is shown at `now`.
    pub fn view(&self, now: Timestamp) -> KeyView {
        KeyView {
            id: self.id.clone(),
            account_id: self.account_id.clone(),
            name: self.name.clone(),
            scopes: self.scopes.clone(),
            status: self.status(now),
            created_at: self.created_at,
            expires_at: self.expires_at,
            last_used_at: self.last_used_at,
            last_used_ip: self.last_used_ip.map(|ip| ip.to_string()),
            allowed_ips: self.allowed_ips.iter().map(ToString::to_string).collect(),
            prefix: self.prefix.clone(),
            last_four: self.last_four.clone(),
        }
    }
}

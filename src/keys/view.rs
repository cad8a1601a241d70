//! A key as the admin API and the portal show it; never a digest, never a secret.

use serde::Serialize;

use super::model::{KeyRecord, KeyStatus};
use super::previous_uses::{OldSecrets, Tally};
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

/// Requests from one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FromAddressView {
    /// The address.
    pub ip: String,
    /// When the last one came.
    #[schema(value_type = String, format = DateTime)]
    pub last_at: Timestamp,
    /// How many.
    pub requests: u64,
}

/// Requests of one UTC hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct InHourView {
    /// Its start.
    #[schema(value_type = String, format = DateTime)]
    pub start: Timestamp,
    /// How many.
    pub requests: u64,
}

/// Requests with an old secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct TallyView {
    /// All of them.
    pub requests: u64,
    /// When the last one came; null where none did.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_at: Option<Timestamp>,
    /// The last 24 hours that had any, newest first.
    pub hours: Vec<InHourView>,
    /// The last five addresses, the latest first.
    pub addresses: Vec<FromAddressView>,
}

impl From<&Tally> for TallyView {
    fn from(tally: &Tally) -> Self {
        let hours = tally.hours.iter().map(|hour| InHourView {
            start: hour.start,
            requests: hour.requests,
        });
        let addresses = tally.addresses.iter().map(|from| FromAddressView {
            ip: from.ip.to_string(),
            last_at: from.at,
            requests: from.requests,
        });
        Self {
            requests: tally.requests,
            last_at: tally.last().map(|last| last.at),
            hours: hours.collect(),
            addresses: addresses.collect(),
        }
    }
}

/// What is known of secrets that a rotation replaced, since the last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct OldSecretsView {
    /// When the last of them ends, or has ended; 30 days later they are forgotten.
    #[schema(value_type = String, format = DateTime)]
    pub ends_at: Timestamp,
    /// Requests while the secret was good.
    pub accepted: TallyView,
    /// Requests that were refused since it had ended.
    pub refused: TallyView,
}

/// A key's public fields, and what still uses its old secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct KeyDetails {
    /// The key.
    #[serde(flatten)]
    pub key: KeyView,
    /// Null where it was not rotated lately.
    pub old_secrets: Option<OldSecretsView>,
}

impl KeyRecord {
    /// The key as it is shown at `now` with what is known of its old secrets.
    pub fn details(&self, old: Option<&OldSecrets>, now: Timestamp) -> KeyDetails {
        KeyDetails {
            key: self.view(now),
            old_secrets: old.map(|old| OldSecretsView {
                ends_at: old.ends_at,
                accepted: (&old.uses.accepted).into(),
                refused: (&old.uses.refused).into(),
            }),
        }
    }

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

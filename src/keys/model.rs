//! What a key is at rest and what it may do at an instant; never its secret.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::config::model::LegacyHash;

/// A digest of a secret.
pub type Digest = [u8; 32];

/// How a digest was made of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DigestKind {
    /// HMAC-SHA-256 under the pepper of this id.
    Pepper(String),
    /// The plain hash of a legacy format.
    Legacy(LegacyHash),
}

/// A secret as it is at rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSecret {
    /// The digest.
    pub digest: Digest,
    /// How it was made.
    pub kind: DigestKind,
    /// Until when it is good: set for the old secret of a rotated key.
    pub valid_until: Option<Timestamp>,
}

/// A key as it is at rest. `secrets` holds the current one first, then those in their grace period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// `key_…`.
    pub id: String,
    /// Its account.
    pub account_id: String,
    /// What its owner calls it.
    pub name: String,
    /// What it may do, in the order given.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; `None` never.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to within a flush.
    pub last_used_at: Option<Timestamp>,
    /// From where it was last used.
    pub last_used_ip: Option<IpAddr>,
    /// Whether it was switched off, to be switched on again perhaps.
    pub disabled: bool,
    /// When it was revoked, for ever.
    pub revoked_at: Option<Timestamp>,
    /// From where it may be used; empty from everywhere.
    pub allowed_ips: Vec<IpNet>,
    /// What its secret begins with, e.g. `lf_live`.
    pub prefix: String,
    /// The last four characters of its current secret.
    pub last_four: String,
    /// Digests.
    pub secrets: Vec<StoredSecret>,
    /// Grows by one with each change; a write names the one it read.
    pub revision: u64,
}

/// What a key is at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyStatus {
    /// It works.
    Active,
    /// Switched off.
    Disabled,
    /// Its expiry is past.
    Expired,
    /// Revoked.
    Revoked,
}

impl KeyRecord {
    /// What the key is at `now`. Revoked wins over disabled, disabled over expired.
    pub fn status(&self, now: Timestamp) -> KeyStatus {
        if self.revoked_at.is_some() {
            KeyStatus::Revoked
        } else if self.disabled {
            KeyStatus::Disabled
        } else if self.expires_at.is_some_and(|e| e <= now) {
            KeyStatus::Expired
        } else {
            KeyStatus::Active
        }
    }
}

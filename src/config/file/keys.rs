//! Shapes of API keys, peppers, their cache and legacy formats; never their checks.

use serde::{Deserialize, Serialize};

use super::SecretText;
use crate::config::model::LegacyHash;

/// API keys.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct KeysFile {
    /// What every secret begins with: letters and digits, with single underscores between them.
    #[serde(default = "default_prefix")]
    pub(in crate::config) prefix: String,
    /// Keys for the digests that are stored instead of secrets. The first signs; older ones verify until a key is next
    /// used.
    #[serde(default)]
    pub(in crate::config) peppers: Vec<PepperFile>,
    /// The cache of verified keys.
    #[serde(default)]
    pub(in crate::config) cache: CacheFile,
    /// Ids of keys that are refused at once, with no store.
    #[serde(default)]
    pub(in crate::config) deny: Vec<String>,
    /// Formats of keys of the system before; only imported keys can have them.
    #[serde(default)]
    pub(in crate::config) legacy: Vec<LegacyFile>,
}

fn default_prefix() -> String {
    "lf_live".to_owned()
}

/// A key for digests.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct PepperFile {
    /// Its id, stored beside each digest: letters, digits, - and _.
    pub(in crate::config) id: String,
    /// At least 16 bytes that nobody can guess: `openssl rand -base64 32`.
    pub(in crate::config) secret: SecretText,
}

/// Bounds of the key cache.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct CacheFile {
    /// Keys at most.
    #[schemars(range(min = 1, max = 100_000_000))]
    pub(in crate::config) capacity: usize,
    /// Age in seconds at which an entry is read from the store again: how long a change made elsewhere may go unseen.
    #[schemars(range(min = 1, max = 86_400))]
    pub(in crate::config) max_age_seconds: u64,
    /// Age in seconds to which an entry may serve while the store is away; not less than `max_age_seconds`.
    #[schemars(range(min = 0, max = 604_800))]
    pub(in crate::config) max_stale_seconds: u64,
}

impl Default for CacheFile {
    fn default() -> Self {
        Self {
            capacity: 1_000_000,
            max_age_seconds: 60,
            max_stale_seconds: 3600,
        }
    }
}

/// A key format of the system before.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct LegacyFile {
    /// A regular expression of the whole secret, from ^ to $.
    #[schemars(length(max = 500))]
    pub(in crate::config) pattern: String,
    /// How the imported digests were made.
    #[serde(default = "default_hash")]
    pub(in crate::config) hash: LegacyHash,
}

const fn default_hash() -> LegacyHash {
    LegacyHash::Sha256
}

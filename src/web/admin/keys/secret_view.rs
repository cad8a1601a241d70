//! A key with its secret, for the one answer that shows it.

use serde::Serialize;

use crate::base::clock::Timestamp;
use crate::keys::service::Made;
use crate::keys::view::KeyView;

/// A key with its secret: shown once, when it is made.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "id": "key_019abf6d2f7a7c3c9a6f0d7c2b1e4a55", "account_id": "acct_42", "name": "Zapier",
    "scopes": ["contacts:read"], "status": "active",
    "created_at": "2026-11-23T22:15:04Z", "expires_at": "2027-02-21T22:15:04Z",
    "last_used_at": null, "last_used_ip": null, "allowed_ips": [], "prefix": "lf_live", "last_four": "mLq1",
    "secret": "(shown once)"
}))]
pub(super) struct KeyWithSecret {
    #[serde(flatten)]
    key: KeyView,
    /// The secret itself. It is not in the answer that a repeated call gets.
    secret: String,
}

impl KeyWithSecret {
    /// The key as it is at `now`, and its secret.
    pub(super) fn new(made: &Made, now: Timestamp) -> Self {
        Self {
            key: made.key.view(now),
            secret: made.secret.expose().to_owned(),
        }
    }
}

//! `POST /admin/v1/keys/import`: takes over digests of keys that exist elsewhere.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use crate::base::clock::Timestamp;
use crate::base::error::FieldError;
use crate::keys::input::{Expiry, ImportHash, ImportKey, NewKey};
use crate::keys::port::Imported;
use crate::web::admin::access::Call;
use crate::web::admin::body::{Json, Member};
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;

/// Keys to be taken over: all of them or none.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"keys": [{
    "account_id": "acct_42", "name": "Old integration", "scopes": ["contacts:read"], "expires_in_days": null,
    "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "hash": "sha256",
    "prefix": "oldkey", "last_four": "0a08"
}]}))]
pub(super) struct ImportKeys {
    /// The keys, 1 to 1,000.
    keys: Vec<ImportedKey>,
}

/// A key to be taken over.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct ImportedKey {
    /// Its account; an unknown one is made with the default plan.
    account_id: String,
    /// What its owner calls it.
    name: String,
    /// What it may do.
    scopes: Vec<String>,
    /// Its life: 30, 90 or 180 days, or null for no expiry.
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    expires_in_days: Member<u32>,
    /// The instant at which it ends, instead of `expires_in_days`; null for no expiry.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Member<Timestamp>,
    /// Addresses and networks that it may be used from; empty for everywhere.
    #[serde(default)]
    allowed_ips: Vec<String>,
    /// The digest of its secret, in hex.
    digest: String,
    /// How the digest was made.
    hash: HashName,
    /// With `hmac_sha256`: the id of the pepper.
    pepper: Option<String>,
    /// What its secret begins with, for listings.
    #[serde(default)]
    prefix: String,
    /// The last four characters of its secret, for listings.
    #[serde(default)]
    last_four: String,
}

/// How a digest was made.
#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum HashName {
    /// SHA-256 of a secret of a format in `keys.legacy`.
    Sha256,
    /// HMAC-SHA-256 of a secret of this gateway's own format, under one of its peppers.
    HmacSha256,
}

/// Takes over digests of keys that exist elsewhere. Those that are there already are counted and left alone.
#[utoipa::path(
    post,
    path = "/admin/v1/keys/import",
    tag = "keys",
    request_body = ImportKeys,
    responses(
        (status = 201, description = "Keys were made.", body = Imported),
        (status = 200, description = "All of them were there already.", body = Imported),
    ),
)]
pub(super) async fn import_keys(
    State(state): State<Arc<AdminState>>,
    call: Call,
    Json { value, .. }: Json<ImportKeys>,
) -> Result<Response, ApiError> {
    let mut errors = Vec::new();
    let mut keys = Vec::with_capacity(value.keys.len());
    for (i, key) in value.keys.into_iter().enumerate() {
        match key.read() {
            Ok(key) => keys.push(key),
            Err(e) => errors.push(FieldError::new(format!("keys[{i}].{}", e.field), e.message)),
        }
    }
    if !errors.is_empty() {
        return Err(ApiError::invalid(errors));
    }
    let done = state.keys.import(&call.config, &keys, &call.caller).await?;
    let status = match done.created {
        0 => StatusCode::OK,
        _ => StatusCode::CREATED,
    };
    respond::object(status, &done)
}

impl ImportedKey {
    fn read(self) -> Result<ImportKey, FieldError> {
        let hash = match (self.hash, self.pepper) {
            (HashName::Sha256, None) => ImportHash::Sha256,
            (HashName::HmacSha256, Some(pepper)) => ImportHash::HmacSha256 { pepper },
            (HashName::Sha256, Some(_)) => {
                return Err(FieldError::new("pepper", "only with the hash hmac_sha256"));
            }
            (HashName::HmacSha256, None) => {
                let message = "the hash hmac_sha256 needs the id of its pepper";
                return Err(FieldError::new("pepper", message));
            }
        };
        Ok(ImportKey {
            key: NewKey {
                account_id: self.account_id,
                name: self.name,
                scopes: self.scopes,
                expiry: Expiry::said(self.expires_in_days.into(), self.expires_at.into())?,
                allowed_ips: self.allowed_ips,
            },
            digest: self.digest,
            hash,
            prefix: self.prefix,
            last_four: self.last_four,
        })
    }
}

//! `POST /admin/v1/keys`: makes a key, and its account where that is unknown.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::secret_view::KeyWithSecret;
use crate::base::clock::Timestamp;
use crate::keys::input::{Expiry, NewKey};
use crate::web::admin::access::Call;
use crate::web::admin::body::{Json, Member};
use crate::web::admin::repeat;
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;

/// A key to be made. Either `expires_in_days` or `expires_at` must be there.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"account_id": "acct_42", "name": "Zapier", "scopes": ["contacts:read"], "expires_in_days": 90}))]
pub(super) struct CreateKey {
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
}

/// Makes a key. Its secret is in this answer and nowhere else.
#[utoipa::path(
    post,
    path = "/admin/v1/keys",
    tag = "keys",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition of the call harmless.")),
    request_body = CreateKey,
    responses((status = 201, description = "The key with its secret.", body = KeyWithSecret)),
)]
pub(super) async fn create_key(
    State(state): State<Arc<AdminState>>,
    call: Call,
    headers: HeaderMap,
    Json { value, digest }: Json<CreateKey>,
) -> Result<Response, ApiError> {
    let expiry = Expiry::said(value.expires_in_days.into(), value.expires_at.into())
        .map_err(|e| ApiError::invalid(vec![e]))?;
    let input = NewKey {
        account_id: value.account_id,
        name: value.name,
        scopes: value.scopes,
        expiry,
        allowed_ips: value.allowed_ips,
    };
    let create = async |caller| {
        let account_id = &input.account_id;
        let max_keys = state.accounts.max_keys(&call.config, account_id).await?;
        let made = state
            .keys
            .create(&call.config, max_keys, &input, &caller)
            .await?;
        respond::object(StatusCode::CREATED, &KeyWithSecret::new(&made, caller.at))
    };
    repeat::once(&state, &call, "keys.create", &headers, digest, create).await
}

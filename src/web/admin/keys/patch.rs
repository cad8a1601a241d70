//! `PATCH /admin/v1/keys/{id}`: changes what is given and leaves the rest.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use crate::base::clock::Timestamp;
use crate::base::error::FieldError;
use crate::keys::input::{Expiry, KeyPatch};
use crate::keys::view::KeyView;
use crate::web::admin::access::Call;
use crate::web::admin::body::{Json, Member};
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;

/// What is to change of a key; what is absent stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"scopes": ["contacts:read", "deals:read"], "status": "disabled"}))]
pub(super) struct PatchKey {
    /// Another name.
    name: Option<String>,
    /// Other scopes.
    scopes: Option<Vec<String>>,
    /// Other addresses and networks; empty for everywhere.
    allowed_ips: Option<Vec<String>>,
    /// `disabled` switches the key off, `active` on again.
    status: Option<Switch>,
    /// Another life, from now: 30, 90 or 180 days, or null for no expiry.
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    expires_in_days: Member<u32>,
    /// Another instant at which it ends; null for no expiry.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Member<Timestamp>,
}

/// What a caller may make of a key's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Switch {
    /// On.
    Active,
    /// Off.
    Disabled,
}

/// Changes a key, at once on this node.
#[utoipa::path(
    patch,
    path = "/admin/v1/keys/{id}",
    tag = "keys",
    params(("id" = String, Path, description = "The key.")),
    request_body = PatchKey,
    responses((status = 200, description = "The key as it is now.", body = KeyView)),
)]
pub(super) async fn patch_key(
    State(state): State<Arc<AdminState>>,
    call: Call,
    Path(id): Path<String>,
    Json { value, .. }: Json<PatchKey>,
) -> Result<Response, ApiError> {
    let said = value.expires_in_days.is_present() || value.expires_at.is_present();
    let expiry = said
        .then(|| Expiry::said(value.expires_in_days.into(), value.expires_at.into()))
        .transpose()
        .map_err(|e: FieldError| ApiError::invalid(vec![e]))?;
    let patch = KeyPatch {
        name: value.name,
        scopes: value.scopes,
        allowed_ips: value.allowed_ips,
        disabled: value.status.map(|s| s == Switch::Disabled),
        expiry,
    };
    let key = state
        .keys
        .patch(&call.config, &id, &patch, &call.caller)
        .await?;
    respond::object(StatusCode::OK, &key.view(call.caller.at))
}

//! `POST /admin/v1/keys/lookup`: whose a leaked secret is.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use crate::base::secret::Secret;
use crate::keys::view::KeyView;
use crate::web::admin::access::Call;
use crate::web::admin::body::Json;
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;

/// A secret that was found somewhere.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"secret": "lf_live_…"}))]
pub(super) struct LookupKey {
    /// The whole secret.
    secret: String,
}

/// Finds the key that a secret belongs to, whatever its state. The secret is kept nowhere.
#[utoipa::path(
    post,
    path = "/admin/v1/keys/lookup",
    tag = "keys",
    request_body = LookupKey,
    responses(
        (status = 200, description = "The key.", body = KeyView),
        (status = 404, description = "`not_found`: the secret is no key's.",
         body = crate::web::admin::openapi::ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn lookup_key(
    State(state): State<Arc<AdminState>>,
    call: Call,
    Json { value, .. }: Json<LookupKey>,
) -> Result<Response, ApiError> {
    let secret = Secret::new(value.secret);
    let key = state.keys.lookup(&call.config, &secret).await?;
    respond::object(StatusCode::OK, &key.view(call.caller.at))
}

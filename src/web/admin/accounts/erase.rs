//! `DELETE /admin/v1/accounts/{id}`: erases an account with all it has.

use std::sync::Arc;

use axum::extract::{Path, State};
use http::StatusCode;

use crate::accounts::service::Erasure;
use crate::web::admin::access::Call;
use crate::web::admin::respond::ApiError;
use crate::web::admin::state::AdminState;

/// Erases an account: keys, usage, events, deliveries, webhooks. Its keys are refused from the first moment on, and the
/// audit log keeps a pseudonym. An erasure that takes longer goes on by itself, also after a restart.
#[utoipa::path(
    delete,
    path = "/admin/v1/accounts/{id}",
    tag = "accounts",
    params(("id" = String, Path, description = "The account.")),
    responses(
        (status = 204, description = "Nothing of it is left."),
        (status = 202, description = "The erasure goes on."),
    ),
)]
pub(super) async fn erase_account(
    State(state): State<Arc<AdminState>>,
    call: Call,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    match state.accounts.erase(&id, &call.caller).await? {
        Erasure::Done => Ok(StatusCode::NO_CONTENT),
        Erasure::Running => Ok(StatusCode::ACCEPTED),
    }
}

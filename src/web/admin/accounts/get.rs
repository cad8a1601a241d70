//! `GET /admin/v1/accounts/{id}`: one account.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;

use super::view::AccountView;
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;

/// Shows an account.
#[utoipa::path(
    get,
    path = "/admin/v1/accounts/{id}",
    tag = "accounts",
    params(("id" = String, Path, description = "The account.")),
    responses((status = 200, description = "The account.", body = AccountView)),
)]
pub(super) async fn get_account(
    State(state): State<Arc<AdminState>>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let account = state.accounts.get(&id).await?;
    respond::object(StatusCode::OK, &AccountView::from(account))
}

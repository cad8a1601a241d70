//! `GET /admin/v1/accounts`: all accounts by id.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::view::AccountView;
use crate::web::admin::query::{self, List, Query};
use crate::web::admin::respond::ApiError;
use crate::web::admin::state::AdminState;

/// Name of the list in its cursors.
const LIST: &str = "accounts";

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AccountsQuery {
    /// Entries of a page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists accounts by id.
#[utoipa::path(
    get,
    path = "/admin/v1/accounts",
    tag = "accounts",
    params(AccountsQuery),
    responses((status = 200, description = "A page of accounts.", body = List<AccountView>)),
)]
pub(super) async fn list_accounts(
    State(state): State<Arc<AdminState>>,
    Query(query): Query<AccountsQuery>,
) -> Result<Response, ApiError> {
    let page = query::page(LIST, query.limit, query.cursor.as_deref())?;
    let accounts = state.accounts.list(&page).await?;
    query::list(LIST, accounts, AccountView::from)
}

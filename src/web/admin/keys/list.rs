//! `GET /admin/v1/keys`: keys of an account or of all, newest first.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use crate::keys::view::KeyDetails;
use crate::web::admin::query::{self, List, Query};
use crate::web::admin::respond::ApiError;
use crate::web::admin::state::AdminState;

/// Name of the list in its cursors.
const LIST: &str = "keys";

/// Whose keys.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct KeysQuery {
    /// Only those of this account.
    account_id: Option<String>,
    /// Entries of a page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists keys, newest first, each with what still uses its old secrets.
#[utoipa::path(
    get,
    path = "/admin/v1/keys",
    tag = "keys",
    params(KeysQuery),
    responses((status = 200, description = "A page of keys.", body = List<KeyDetails>)),
)]
pub(super) async fn list_keys(
    State(state): State<Arc<AdminState>>,
    Query(query): Query<KeysQuery>,
) -> Result<Response, ApiError> {
    let page = query::page(LIST, query.limit, query.cursor.as_deref())?;
    let keys = state.keys.list(query.account_id.as_deref(), &page).await?;
    let now = state.clock.now();
    let old = state.keys.old_secrets(&keys.items, now).await?;
    query::list(LIST, keys, |key| key.details(old.get(&key.id), now))
}

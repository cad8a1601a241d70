//! `GET /admin/v1/replays`: replays, newest first.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use crate::web::admin::query::{self, List, Query};
use crate::web::admin::respond::ApiError;
use crate::web::admin::state::AdminState;
use crate::webhooks::view::ReplayView;

/// Name of the list in its cursors.
const LIST: &str = "replays";

/// Which replays are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ReplaysQuery {
    /// Only those of this account.
    account_id: Option<String>,
    /// Only those to this webhook.
    webhook_id: Option<String>,
    /// Entries of a page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists replays, newest first. Those that have ended are shown for 30 days, of one account the newest hundred.
#[utoipa::path(
    get,
    path = "/admin/v1/replays",
    tag = "webhooks",
    params(ReplaysQuery),
    responses((status = 200, description = "A page of replays.", body = List<ReplayView>)),
)]
pub(super) async fn list_replays(
    State(state): State<Arc<AdminState>>,
    Query(query): Query<ReplaysQuery>,
) -> Result<Response, ApiError> {
    let page = query::page(LIST, query.limit, query.cursor.as_deref())?;
    let (account, webhook) = (query.account_id.as_deref(), query.webhook_id.as_deref());
    let found = state.replays.replays(account, webhook, &page).await?;
    query::list(LIST, found, |replay| replay)
}

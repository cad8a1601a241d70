//! `GET /admin/v1/simulator/inboxes`: inboxes of an account, newest first.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use crate::web::admin::query::{self, List, Query};
use crate::web::admin::respond::ApiError;
use crate::web::admin::state::AdminState;
use crate::webhooks::simulator::inboxes::InboxView;

/// Name of the list in its cursors.
const LIST: &str = "inboxes";

/// Whose inboxes.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct InboxesQuery {
    /// Those of this account.
    account_id: String,
    /// Entries of a page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists inboxes, newest first.
#[utoipa::path(
    get,
    path = "/admin/v1/simulator/inboxes",
    tag = "simulator",
    params(InboxesQuery),
    responses((status = 200, description = "A page of inboxes.", body = List<InboxView>)),
)]
pub(super) async fn list_inboxes(
    State(state): State<Arc<AdminState>>,
    Query(query): Query<InboxesQuery>,
) -> Result<Response, ApiError> {
    let page = query::page(LIST, query.limit, query.cursor.as_deref())?;
    let found = state.simulator.inboxes(&query.account_id, &page).await?;
    query::list(LIST, found, |inbox| inbox)
}

//! `GET /admin/v1/webhooks`: webhooks of an account or of all, newest first.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use crate::web::admin::query::{self, List, Query};
use crate::web::admin::respond::ApiError;
use crate::web::admin::state::AdminState;
use crate::webhooks::view::EndpointView;

/// Name of the list in its cursors.
const LIST: &str = "webhooks";

/// Whose webhooks.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WebhooksQuery {
    /// Only those of this account.
    account_id: Option<String>,
    /// Entries of a page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists webhooks, newest first.
#[utoipa::path(
    get,
    path = "/admin/v1/webhooks",
    tag = "webhooks",
    params(WebhooksQuery),
    responses((status = 200, description = "A page of webhooks.", body = List<EndpointView>)),
)]
pub(super) async fn list_webhooks(
    State(state): State<Arc<AdminState>>,
    Query(query): Query<WebhooksQuery>,
) -> Result<Response, ApiError> {
    let page = query::page(LIST, query.limit, query.cursor.as_deref())?;
    let account_id = query.account_id.as_deref();
    let now = state.clock.now();
    let endpoints = state.webhooks.shown_endpoints(account_id, &page, now);
    query::list(LIST, endpoints.await?, |shown| shown)
}

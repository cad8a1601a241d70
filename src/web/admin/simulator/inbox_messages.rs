//! `GET /admin/v1/simulator/inboxes/{id}/messages`: what an inbox caught, and whether it verified.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use crate::web::admin::query::{self, List, Query};
use crate::web::admin::respond::ApiError;
use crate::web::admin::state::AdminState;
use crate::webhooks::simulator::inbox::InboxMessage;

/// Name of the list in its cursors.
const LIST: &str = "inbox_messages";

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct MessagesQuery {
    /// Entries of a page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists what an inbox caught, newest first. Of more than 100 messages, or 4 MiB, the oldest are gone.
#[utoipa::path(
    get,
    path = "/admin/v1/simulator/inboxes/{id}/messages",
    tag = "simulator",
    params(("id" = String, Path, description = "The inbox."), MessagesQuery),
    responses((status = 200, description = "A page of messages.", body = List<InboxMessage>)),
)]
pub(super) async fn list_inbox_messages(
    State(state): State<Arc<AdminState>>,
    Path(id): Path<String>,
    Query(query): Query<MessagesQuery>,
) -> Result<Response, ApiError> {
    let page = query::page(LIST, query.limit, query.cursor.as_deref())?;
    query::list(LIST, state.simulator.messages(&id, &page).await?, |m| m)
}

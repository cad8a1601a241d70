//! `GET /admin/v1/events`: events, newest first.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use crate::web::admin::query::{self, List, Query};
use crate::web::admin::respond::ApiError;
use crate::web::admin::state::AdminState;
use crate::webhooks::model::EventState;
use crate::webhooks::port::EventFilter;
use crate::webhooks::view::EventView;

/// Name of the list in its cursors.
const LIST: &str = "events";

/// Which events are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// Only those of this account.
    account_id: Option<String>,
    /// Only those of this type.
    #[serde(rename = "type")]
    event_type: Option<String>,
    /// Only those that stand so.
    status: Option<EventState>,
    /// Entries of a page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists events, newest first.
#[utoipa::path(
    get,
    path = "/admin/v1/events",
    tag = "events",
    params(EventsQuery),
    responses((status = 200, description = "A page of events.", body = List<EventView>)),
)]
pub(super) async fn list_events(
    State(state): State<Arc<AdminState>>,
    Query(query): Query<EventsQuery>,
) -> Result<Response, ApiError> {
    let page = query::page(LIST, query.limit, query.cursor.as_deref())?;
    let filter = EventFilter {
        account_id: query.account_id,
        event_type: query.event_type,
        state: query.status,
    };
    let events = state.webhooks.events(&filter, &page).await?;
    query::list(LIST, events, |event| event)
}

//! `GET /admin/v1/webhooks/{id}/deliveries` and `GET /admin/v1/deliveries/{id}`: what was sent, with every attempt.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use crate::base::clock::Timestamp;
use crate::web::admin::query::{self, List, Query};
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;
use crate::webhooks::model::DeliveryState;
use crate::webhooks::port::DeliveryFilter;
use crate::webhooks::view::DeliveryView;

/// Name of the list in its cursors.
const LIST: &str = "deliveries";

/// Which deliveries are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DeliveriesQuery {
    /// Only those of this event.
    event_id: Option<String>,
    /// Only those that stand so.
    status: Option<DeliveryState>,
    /// Only those made from this instant on.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Only those made before this instant.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// Entries of a page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists deliveries to a webhook with their attempts, newest first.
#[utoipa::path(
    get,
    path = "/admin/v1/webhooks/{id}/deliveries",
    tag = "webhooks",
    params(("id" = String, Path, description = "The webhook."), DeliveriesQuery),
    responses((status = 200, description = "A page of deliveries.", body = List<DeliveryView>)),
)]
pub(super) async fn list_deliveries(
    State(state): State<Arc<AdminState>>,
    Path(id): Path<String>,
    Query(query): Query<DeliveriesQuery>,
) -> Result<Response, ApiError> {
    let page = query::page(LIST, query.limit, query.cursor.as_deref())?;
    if let (Some(from), Some(to)) = (query.from, query.to)
        && from >= to
    {
        return Err(ApiError::field("from", "expected an instant before `to`"));
    }
    let filter = DeliveryFilter {
        event_id: query.event_id,
        state: query.status,
        from: query.from,
        to: query.to,
        ..DeliveryFilter::default()
    };
    let deliveries = state.webhooks.deliveries(&id, filter, &page).await?;
    query::list(LIST, deliveries, |delivery| delivery)
}

/// Shows a delivery with its attempts.
#[utoipa::path(
    get,
    path = "/admin/v1/deliveries/{id}",
    tag = "webhooks",
    params(("id" = String, Path, description = "The delivery.")),
    responses((status = 200, description = "The delivery.", body = DeliveryView)),
)]
pub(super) async fn get_delivery(
    State(state): State<Arc<AdminState>>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let delivery = state.webhooks.delivery(&id).await?;
    respond::object(StatusCode::OK, &delivery)
}

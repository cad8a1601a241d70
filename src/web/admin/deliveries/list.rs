//! `GET /admin/v1/deliveries`: the delivery log over all webhooks; with `status=failed` the dead letters.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use crate::base::clock::Timestamp;
use crate::web::admin::query::{self, List, Query};
use crate::web::admin::respond::ApiError;
use crate::web::admin::state::AdminState;
use crate::webhooks::model::DeliveryState;
use crate::webhooks::port::DeliveryFilter;
use crate::webhooks::view::DeliveryView;

/// Name of the list in its cursors.
const LIST: &str = "all deliveries";

/// Which deliveries are wanted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AllDeliveriesQuery {
    /// Only those of this account.
    account_id: Option<String>,
    /// Only those to this webhook.
    webhook_id: Option<String>,
    /// Only those of this event.
    event_id: Option<String>,
    /// Only those of events of this type.
    #[serde(rename = "type")]
    event_type: Option<String>,
    /// Only those that stand so.
    status: Option<DeliveryState>,
    /// Only those made from this instant on.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Only those made before this instant.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// Entries of a page. A page may have fewer before the end where a filter leaves out nearly everything.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists deliveries to any webhook with their attempts, newest first. Those that have failed are kept for 30 days at least.
#[utoipa::path(
    get,
    path = "/admin/v1/deliveries",
    tag = "webhooks",
    params(AllDeliveriesQuery),
    responses((status = 200, description = "A page of deliveries.", body = List<DeliveryView>)),
)]
pub(super) async fn list_all_deliveries(
    State(state): State<Arc<AdminState>>,
    Query(query): Query<AllDeliveriesQuery>,
) -> Result<Response, ApiError> {
    let page = query::page(LIST, query.limit, query.cursor.as_deref())?;
    if let (Some(from), Some(to)) = (query.from, query.to)
        && from >= to
    {
        return Err(ApiError::field("from", "expected an instant before `to`"));
    }
    let filter = DeliveryFilter {
        account_id: query.account_id,
        event_type: query.event_type,
        from: query.from,
        to: query.to,
        endpoint_id: query.webhook_id,
        event_id: query.event_id,
        state: query.status,
    };
    let deliveries = state.webhooks.all_deliveries(&filter, &page).await?;
    query::list(LIST, deliveries, |delivery| delivery)
}

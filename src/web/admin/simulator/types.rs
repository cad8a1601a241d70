//! `GET /admin/v1/simulator/types`: types of events with data to begin with.

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use crate::web::admin::access::Call;
use crate::web::admin::respond::{self, ApiError};
use crate::webhooks::simulator::describe;
use crate::webhooks::simulator::examples::example;

/// A type of events.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct TypeView {
    /// The type.
    #[serde(rename = "type")]
    event_type: String,
    /// The operations that make such events, such as `POST /v1/contacts`; empty where they are only published.
    routes: Vec<String>,
    /// Data to begin with: the answer of such an operation as its OpenAPI document describes it.
    #[schema(value_type = Object)]
    example: Value,
}

/// Every type.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct TypesView {
    /// The types, sorted.
    data: Vec<TypeView>,
}

/// Lists the types of events, each with data to begin with.
#[utoipa::path(
    get,
    path = "/admin/v1/simulator/types",
    tag = "simulator",
    responses((status = 200, description = "Every type.", body = TypesView)),
)]
pub(super) async fn list_simulator_types(call: Call) -> Result<Response, ApiError> {
    let config = &call.config;
    let mut types = describe::types(config);
    types.sort_unstable();
    let view = |event_type: String| TypeView {
        example: example(config, &event_type),
        routes: describe::routes(config, &event_type),
        event_type,
    };
    let data = types.into_iter().map(view).collect();
    respond::object(StatusCode::OK, &TypesView { data })
}

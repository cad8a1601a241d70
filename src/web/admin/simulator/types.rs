//! `GET /admin/v1/simulator/types`: types of events with data to begin with.

use std::sync::Arc;

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use crate::web::admin::access::Call;
use crate::web::admin::respond::{self, ApiError};
use crate::webhooks::settings::TEST_TYPE;
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
    let mut types: Vec<Arc<str>> = config
        .events
        .iter()
        .map(|r| Arc::clone(&r.event_type))
        .collect();
    types.push(TEST_TYPE.into());
    types.sort_unstable();
    types.dedup();
    let view = |event_type: Arc<str>| {
        let rules = config.events.iter().filter(|r| r.event_type == event_type);
        let mut routes: Vec<String> = rules.map(|r| format!("{} {}", r.method, r.path)).collect();
        routes.dedup();
        TypeView {
            example: example(config, &event_type),
            routes,
            event_type: event_type.to_string(),
        }
    };
    let data = types.into_iter().map(view).collect();
    respond::object(StatusCode::OK, &TypesView { data })
}

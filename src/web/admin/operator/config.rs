//! `GET /admin/v1/config` and `POST /admin/v1/config/reload`: what is in use, why a later file is not, and loading it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::base::clock::Timestamp;
use crate::base::error::FieldError;
use crate::config::redacted_view;
use crate::web::admin::access::Call;
use crate::web::admin::body::{Nothing, OptionalJson};
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::{AdminState, ConfigProblem};

/// The configuration in use. It shows no secret.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ConfigView {
    /// When it was loaded.
    #[schema(value_type = String, format = DateTime)]
    loaded_at: Timestamp,
    /// Why a later file is not in use; null when the last load went well.
    last_error: Option<FailureView>,
    /// `source`, `files` and `hash` of what was loaded, `settings` with every default and secrets redacted, `scopes`,
    /// and `routes`, those of OpenAPI documents included.
    #[serde(flatten)]
    #[schema(value_type = ConfigContent)]
    content: Value,
}

/// What was loaded.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[allow(dead_code, reason = "it documents what config::redacted_view makes")]
struct ConfigContent {
    /// The file.
    source: String,
    /// Every file that was read.
    files: Vec<String>,
    /// SHA-256 of what was loaded, in hex; also in the metric `fuelgate_config_info`.
    hash: String,
    /// The settings as the file would say them with every default; secrets read `[redacted]`.
    #[schema(value_type = Object)]
    settings: Value,
    /// Scopes: name and description.
    #[schema(value_type = Vec<Object>)]
    scopes: Value,
    /// Routes.
    #[schema(value_type = Vec<Object>)]
    routes: Value,
}

/// A load that failed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct FailureView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Everything that is wrong.
    problems: Vec<ConfigProblem>,
}

/// Shows the configuration in use.
#[utoipa::path(
    get,
    path = "/admin/v1/config",
    tag = "operator",
    responses((status = 200, description = "The configuration in use.", body = ConfigView)),
)]
pub(super) async fn get_config(State(state): State<Arc<AdminState>>) -> Result<Response, ApiError> {
    respond::object(StatusCode::OK, &view(&state))
}

/// Loads the file as it is now. A file with problems changes nothing, and every problem is named.
#[utoipa::path(
    post,
    path = "/admin/v1/config/reload",
    tag = "operator",
    responses(
        (status = 200, description = "The file is in use.", body = ConfigView),
        (status = 422, description = "`invalid`: the file has problems; the configuration before stays in use.",
         body = crate::web::admin::openapi::ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn reload_config(
    State(state): State<Arc<AdminState>>,
    call: Call,
    _: OptionalJson<Nothing>,
) -> Result<Response, ApiError> {
    let before = state.control.current().hash.clone();
    let result = state.control.reload().await;
    let after = state.control.current().hash.clone();
    let details = json!({"result": if result.is_ok() { "loaded" } else { "refused" }, "before": before, "after": after});
    let entry = call.caller.entry("config.reload", None, None, details);
    // What was done is told in any case: the store may be what is away.
    if let Err(error) = state.store.record_audit(&entry).await {
        tracing::warn!(%error, "a reload is not in the audit log");
    }
    result.map_err(|problems| ApiError::invalid(problems.into_iter().map(named).collect()))?;
    respond::object(StatusCode::OK, &view(&state))
}

fn named(problem: ConfigProblem) -> FieldError {
    FieldError::new(
        problem.setting,
        format!("{}: {}", problem.place, problem.message),
    )
}

fn view(state: &AdminState) -> ConfigView {
    let status = state.control.status();
    ConfigView {
        loaded_at: status.loaded_at,
        last_error: status.failure.map(|f| FailureView {
            at: f.at,
            problems: f.problems,
        }),
        content: redacted_view(&state.control.current()),
    }
}

//! `GET /admin/v1/config` and `POST /admin/v1/config/reload`: what is in use, why a later file is not, and loading it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use serde_json::json;

use crate::base::clock::Timestamp;
use crate::base::error::FieldError;
use crate::config::model::{Auth, Config, Plan, Quotas, Rate};
use crate::web::admin::access::Call;
use crate::web::admin::body::{Nothing, OptionalJson};
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::{AdminState, ConfigProblem};

/// The configuration in use. It shows no secret.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ConfigView {
    /// SHA-256 of what was loaded, in hex; also in the metric `fuelgate_config_info`.
    hash: String,
    /// The file.
    source: String,
    /// When it was loaded.
    #[schema(value_type = String, format = DateTime)]
    loaded_at: Timestamp,
    /// Why a later file is not in use; null when the last load went well.
    last_error: Option<FailureView>,
    /// Plan of new accounts.
    default_plan: String,
    /// Plans by name.
    plans: BTreeMap<String, PlanView>,
    /// Scopes: name and what it allows.
    scopes: BTreeMap<String, String>,
    /// Types of events that can be subscribed to.
    event_types: Vec<String>,
    /// Names of the upstreams.
    upstreams: Vec<String>,
    /// Routes, in the file's order.
    routes: Vec<RouteView>,
    /// Whether maintenance mode is on.
    maintenance: bool,
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

/// A plan.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PlanView {
    /// Token bucket of each key.
    rate: RateView,
    /// Token bucket that an account's keys share.
    account_rate: Option<RateView>,
    /// Quotas of an account.
    quotas: Quotas,
    /// Keys at most.
    max_keys: u64,
}

/// A rate.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct RateView {
    /// Tokens that come in each period.
    requests: u64,
    /// The period in seconds.
    per_seconds: u64,
    /// Tokens that the bucket holds.
    burst: u64,
}

/// A route.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct RouteView {
    /// Its template.
    path: String,
    /// Its hosts; empty for every host.
    hosts: Vec<String>,
    /// Its methods.
    methods: Vec<String>,
    /// Who may call it: `key`, `none`, `passthrough` or `key_or_passthrough`.
    #[schema(value_type = String)]
    auth: Auth,
    /// The scopes it requires.
    scopes: Vec<String>,
    /// The tokens that a request takes.
    cost: u64,
}

impl From<Rate> for RateView {
    fn from(rate: Rate) -> Self {
        Self {
            requests: rate.requests,
            per_seconds: rate.per_seconds,
            burst: rate.burst,
        }
    }
}

impl From<&Plan> for PlanView {
    fn from(plan: &Plan) -> Self {
        Self {
            rate: plan.rate.into(),
            account_rate: plan.account_rate.map(Into::into),
            quotas: plan.quotas,
            max_keys: plan.max_keys,
        }
    }
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
    state.store.record_audit(&entry).await?;
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
    let config = state.control.current();
    let status = state.control.status();
    ConfigView {
        hash: config.hash.clone(),
        source: config.source.display().to_string(),
        loaded_at: status.loaded_at,
        last_error: status.failure.map(|f| FailureView {
            at: f.at,
            problems: f.problems,
        }),
        default_plan: config.default_plan.clone(),
        plans: config
            .plans
            .iter()
            .map(|(name, plan)| (name.clone(), plan.into()))
            .collect(),
        scopes: config.scopes.iter().cloned().collect(),
        event_types: event_types(&config),
        upstreams: config.upstreams.iter().map(|u| u.name.clone()).collect(),
        routes: routes(&config),
        maintenance: config.maintenance.enabled,
    }
}

fn event_types(config: &Config) -> Vec<String> {
    let types: std::collections::BTreeSet<_> = config
        .events
        .iter()
        .map(|rule| rule.event_type.to_string())
        .collect();
    types.into_iter().collect()
}

fn routes(config: &Config) -> Vec<RouteView> {
    let view = |route: &Arc<crate::config::model::Route>| RouteView {
        path: route.path.to_string(),
        hosts: route.hosts.clone(),
        methods: route.methods.iter().map(ToString::to_string).collect(),
        auth: route.auth,
        scopes: route.scopes.clone(),
        cost: route.cost,
    };
    config.routes.iter().map(view).collect()
}

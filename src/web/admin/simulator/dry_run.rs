//! `POST /admin/v1/simulator/dry-run`: which rules an exchange would fire, and why the others not.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::har::Entry;
use super::place;
use super::trial::{self, Exchange, Outcome, Side, TypedRequest, TypedResponse};
use crate::base::error::{Code, FieldError};
use crate::base::ids::is_account_id;
use crate::config::model::{Auth, Config};
use crate::web::admin::access::Call;
use crate::web::admin::body::Json;
use crate::web::admin::respond::{self, ApiError};
use crate::web::admin::state::AdminState;
use crate::webhooks::simulator::dry_run::{Answer, WhyNot, on_own_thread};

/// An exchange to try the rules with: typed, or recorded as an entry of a HAR file.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "account_id": "acct_42",
    "request": {"method": "POST", "url": "/v1/contacts", "body": {"name": "Ada"}},
    "response": {"status": 201, "headers": {"location": "/v1/contacts/c_1"}, "body": {"id": "c_1", "name": "Ada"}}
}))]
pub(super) struct DryRun {
    /// The account whose key makes the request.
    account_id: String,
    /// The request, with `response`.
    request: Option<DryRunRequest>,
    /// What the backend answered.
    response: Option<DryRunResponse>,
    /// An entry of a HAR file instead: an element of `log.entries`, as browsers and proxies export it. It is read and not
    /// kept.
    #[schema(value_type = Option<Object>)]
    har_entry: Option<Entry>,
}

/// A request as it is typed.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct DryRunRequest {
    /// Its method.
    method: String,
    /// Path and query, or a whole URL.
    url: String,
    /// Its header fields. The content type is JSON where `body` is given and nothing else is said.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Its body as JSON.
    #[schema(value_type = Option<Object>)]
    body: Option<Box<RawValue>>,
    /// Its body as text instead.
    body_text: Option<String>,
}

/// A response as it is typed.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct DryRunResponse {
    /// Its status.
    status: u16,
    /// Its header fields. The content type is JSON where `body` is given and nothing else is said.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Its body as JSON.
    #[schema(value_type = Option<Object>)]
    body: Option<Box<RawValue>>,
    /// Its body as text instead.
    body_text: Option<String>,
}

/// The route of a request.
#[derive(Serialize, utoipa::ToSchema)]
struct DryRunRoute {
    /// Its template.
    path: String,
    /// Whether requests need a key of ours there; without a key there is no account and no event.
    needs_key: bool,
}

/// What one rule makes of the exchange.
#[derive(Serialize, utoipa::ToSchema)]
struct DryRunRule {
    /// Its place among `events` in the configuration, from 0.
    rule: usize,
    /// Type of its events.
    #[serde(rename = "type")]
    event_type: String,
    /// Its condition, where it has one.
    when: Option<String>,
    /// Whether it makes an event.
    fires: bool,
    /// Why not.
    why_not: Option<WhyNot>,
    /// The same in words; with an event, why its data is less than it could be.
    detail: Option<String>,
    /// The event's data.
    #[schema(value_type = Option<Object>)]
    data: Option<Box<RawValue>>,
    /// Whether only the resource's id could be kept of the data.
    truncated: bool,
    /// Id of the resource, as far as it is known.
    resource_id: Option<String>,
}

/// What comes of the exchange.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct DryRunView {
    /// The request's route; null where it has none.
    route: Option<DryRunRoute>,
    /// Why it has none.
    why_no_route: Option<String>,
    /// How many rules fire.
    fired: usize,
    /// Every rule of the configuration, in its order.
    rules: Vec<DryRunRule>,
}

/// Tries the rules of the configuration in use with an exchange. Nothing is sent and nothing is kept.
#[utoipa::path(
    post,
    path = "/admin/v1/simulator/dry-run",
    tag = "simulator",
    request_body = DryRun,
    responses((status = 200, description = "What every rule makes of it.", body = DryRunView)),
)]
pub(super) async fn dry_run_rules(
    State(state): State<Arc<AdminState>>,
    call: Call,
    Json { value, .. }: Json<DryRun>,
) -> Result<Response, ApiError> {
    let exchange = read(value).map_err(ApiError::invalid)?;
    let place = place(&state.simulator)?;
    let config = Arc::clone(&call.config);
    let outcome = on_own_thread(move || {
        let _place = place;
        exchange.run(&config)
    })
    .await;
    let outcome = outcome
        .unwrap_or_else(|| Err("its thread ended early".to_owned()))
        .map_err(|why| {
            tracing::error!(why, "a dry run failed");
            ApiError::new(Code::Internal)
        })?;
    respond::object(StatusCode::OK, &view(&call.config, outcome))
}

fn read(given: DryRun) -> Result<Exchange, Vec<FieldError>> {
    if !is_account_id(&given.account_id) {
        let form = "expected 1 to 128 characters of A-Z a-z 0-9 _ - . : @";
        return Err(vec![FieldError::new("account_id", form)]);
    }
    let (request, response) = match (given.request, given.response, given.har_entry) {
        (Some(request), Some(response), None) => typed(request, response)?,
        (None, None, Some(entry)) => entry.into_exchange().map_err(|e| vec![e])?,
        _ => {
            let form = "expected `request` and `response`, or `har_entry` alone";
            return Err(vec![FieldError::new("request", form)]);
        }
    };
    Exchange::new(given.account_id, request, response)
}

fn typed(
    request: DryRunRequest,
    response: DryRunResponse,
) -> Result<(TypedRequest, TypedResponse), Vec<FieldError>> {
    let (a, b) = (
        side("request", request.headers, request.body, request.body_text),
        side(
            "response",
            response.headers,
            response.body,
            response.body_text,
        ),
    );
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((
            TypedRequest {
                method: request.method,
                url: request.url,
                side: a,
            },
            TypedResponse {
                status: response.status,
                side: b,
            },
        )),
        (a, b) => Err(a.err().into_iter().chain(b.err()).collect()),
    }
}

fn side(
    of: &str,
    headers: BTreeMap<String, String>,
    json: Option<Box<RawValue>>,
    text: Option<String>,
) -> Result<Side, FieldError> {
    if json.is_some() && text.is_some() {
        let field = format!("{of}.body_text");
        return Err(FieldError::new(
            field,
            "expected either `body` or `body_text`",
        ));
    }
    let mut headers: Vec<(String, String)> = headers.into_iter().collect();
    let is_typed = headers
        .iter()
        .any(|(n, _)| n.eq_ignore_ascii_case("content-type"));
    if json.is_some() && !is_typed {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    Ok(Side {
        headers,
        body: trial::body(json.map(|j| j.get().to_owned()).or(text)),
    })
}

fn view(config: &Config, outcome: Outcome) -> DryRunView {
    DryRunView {
        route: outcome.route.map(|r| DryRunRoute {
            path: r.path.to_string(),
            needs_key: matches!(r.auth, Auth::Key | Auth::KeyOrPassthrough),
        }),
        why_no_route: outcome.why_no_route,
        fired: outcome.answers.iter().filter(|a| a.made.is_some()).count(),
        rules: outcome
            .answers
            .into_iter()
            .map(|a| rule_view(config, a))
            .collect(),
    }
}

fn rule_view(config: &Config, answer: Answer) -> DryRunRule {
    let (data, truncated, resource_id) = match answer.made {
        Some(made) => (Some(made.data), made.truncated, made.resource_id),
        None => (None, false, None),
    };
    DryRunRule {
        rule: answer.rule,
        event_type: answer.event_type.to_string(),
        when: config.events.get(answer.rule).and_then(|r| r.when.clone()),
        fires: answer.why_not.is_none(),
        why_not: answer.why_not,
        detail: answer.detail,
        // It is JSON: a body that is none is no data.
        data: data.and_then(|text| RawValue::from_string(text).ok()),
        truncated,
        resource_id,
    }
}

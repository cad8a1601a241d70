//! How operations answer: objects, lists, and errors that one layer renders as problem+json; never what the answer is.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::json;

use super::state::AdminState;
use crate::base::error::{Code, FieldError, StoreError};
use crate::base::problem::{self, Problem, RETRY_SECONDS};
use crate::web::peer::{self, Peer};

/// Names the error of a response, beside its body.
const ERROR: HeaderName = HeaderName::from_static("x-fuelgate-error");

/// An error on its way out of an operation.
#[derive(Debug, Clone)]
pub struct ApiError(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    problem: Problem,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl ApiError {
    /// An error with the table's own text.
    pub fn new(code: Code) -> Self {
        Problem::new(code).into()
    }

    /// An error that says something more exact than the table.
    pub fn detail(code: Code, text: impl Into<String>) -> Self {
        Problem::new(code).detail(text).into()
    }

    /// `invalid`, with what is wrong field by field.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        Problem::new(Code::Invalid)
            .with("errors", json!(errors))
            .into()
    }

    /// `invalid` because of one field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError::new(field, message)])
    }

    /// Which error it is.
    pub fn code(&self) -> Code {
        self.0.problem.code
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self(Box::new(Inner {
            problem,
            headers: Vec::new(),
        }))
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::new(Code::NotFound),
            StoreError::Conflict(why) => {
                tracing::debug!(why, "a change conflicts with what is stored");
                Self::new(Code::Conflict)
            }
            StoreError::Unavailable(why) => {
                tracing::warn!(why, "the store refused an admin call");
                Self::new(Code::StoreUnavailable).header(header::RETRY_AFTER, RETRY_SECONDS.into())
            }
            StoreError::Overloaded(why) => {
                tracing::warn!(why, "an admin call was too much");
                Self::new(Code::Overloaded).header(header::RETRY_AFTER, RETRY_SECONDS.into())
            }
            StoreError::Corrupt(why) => {
                tracing::error!(why, "the store holds what cannot be read");
                Self::new(Code::Internal)
            }
        }
    }
}

/// What [`finish`] renders once it knows the request's id.
#[derive(Clone)]
struct Unrendered(Problem);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Inner { problem, headers } = *self.0;
        let status = StatusCode::from_u16(problem.code.status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        for (name, value) in headers {
            response.headers_mut().append(name, value);
        }
        response.extensions_mut().insert(Unrendered(problem));
        response
    }
}

/// Answers with an object.
pub fn object<T: Serialize>(status: StatusCode, body: &T) -> Result<Response, ApiError> {
    let text = serde_json::to_string(body).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written as JSON");
        ApiError::new(Code::Internal)
    })?;
    Ok(json_text(status, text))
}

/// Answers with JSON text.
pub fn json_text(status: StatusCode, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// Gives each request its id, renders errors, and marks every answer as not to be stored: any may hold a secret.
pub async fn finish(
    State(state): State<Arc<AdminState>>,
    mut request: Request,
    next: Next,
) -> Response {
    let config = state.control.current();
    let peer = request.extensions().get::<Peer>().map(|p| p.0.ip());
    let id = peer::request_id(&config, peer, request.headers());
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).await;
    if let Some(problem) = problem_of(&mut response) {
        let body = problem.body(&config.portal.public_url, &id);
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(problem::CONTENT_TYPE),
        );
        headers.insert(ERROR, HeaderValue::from_static(problem.code.as_str()));
        *response.body_mut() = body.into();
    }
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(peer::REQUEST_ID, id);
    }
    response
}

/// Id of a request, in its extensions.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// The problem of an operation's, or the one that fits where axum itself refused the request.
fn problem_of(response: &mut Response) -> Option<Problem> {
    if let Some(Unrendered(problem)) = response.extensions_mut().remove() {
        return Some(problem);
    }
    let code = match response.status().as_u16() {
        ..400 => return None,
        404 => Code::NotFound,
        405 => Code::MethodNotAllowed,
        413 => Code::BodyTooLarge,
        415 => Code::UnsupportedMediaType,
        422 => Code::Invalid,
        400..500 => Code::BadRequest,
        _ => Code::Internal,
    };
    if let Ok(status) = StatusCode::from_u16(code.status()) {
        *response.status_mut() = status;
    }
    Some(Problem::new(code))
}

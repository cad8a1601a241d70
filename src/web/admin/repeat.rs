//! Idempotency-Key: a repeated creation gets the first one's answer, without any secret; never a second creation.

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::access::Call;
use super::respond::{self, ApiError};
use super::state::AdminState;
use crate::base::audit::{ChangeContext, Idempotency, IdempotentAnswer};
use crate::base::error::Code;
use crate::base::idempotency::client_key;
use crate::web::once::{self, Once, OnceError};

/// Marks an answer that repeats an earlier one.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Runs a creation at most once for its Idempotency-Key. `create` writes the answer together with its change
/// ([`crate::base::audit::Change::answered`]); whoever loses a race is given the winner's answer.
pub async fn once<F, R>(
    state: &AdminState,
    call: &Call,
    operation: &str,
    headers: &HeaderMap,
    digest: [u8; 32],
    create: F,
) -> Result<Response, ApiError>
where
    F: FnOnce(ChangeContext) -> R,
    R: Future<Output = Result<Response, ApiError>>,
{
    let as_left = |kept| std::future::ready(Ok(kept));
    once_or(state, call, operation, headers, digest, create, as_left).await
}

/// [`once`], where `again` makes a repetition's answer of what the first call left.
pub async fn once_or<F, R, A, S>(
    state: &AdminState,
    call: &Call,
    operation: &str,
    headers: &HeaderMap,
    digest: [u8; 32],
    create: F,
    again: A,
) -> Result<Response, ApiError>
where
    F: FnOnce(ChangeContext) -> R,
    R: Future<Output = Result<Response, ApiError>>,
    A: FnOnce(IdempotentAnswer) -> S,
    S: Future<Output = Result<IdempotentAnswer, ApiError>>,
{
    let key = client_key(headers).map_err(|e| ApiError::field("Idempotency-Key", e.to_string()))?;
    let Some(key) = key else {
        return create(call.caller.clone()).await;
    };
    let idempotency = Idempotency {
        key: format!("{}\n{operation}\n{key}", call.caller.token),
        request_digest: digest,
    };
    match once::once(&*state.store, &call.caller, idempotency, create).await? {
        Once::Made(answer) => Ok(answer),
        Once::Before(answer) => Ok(replay(again(answer).await?)),
    }
}

impl OnceError for ApiError {
    fn is_conflict(&self) -> bool {
        self.code() == Code::Conflict
    }

    fn reused() -> Self {
        Self::detail(
            Code::Conflict,
            "This Idempotency-Key was used for a request with another body.",
        )
    }
}

fn replay(answer: IdempotentAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = respond::json_text(status, answer.body);
    let headers = response.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

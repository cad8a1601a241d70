//! Idempotency-Key: a repeated creation gets the first one's answer, without any secret; never a second creation.

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::access::Call;
use super::respond::{self, ApiError};
use super::state::AdminState;
use crate::base::audit::{ChangeContext, Idempotency, IdempotentAnswer};
use crate::base::error::Code;
use crate::base::idempotency::client_key;

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
    let mut caller = call.caller.clone();
    let key = client_key(headers).map_err(|e| ApiError::field("Idempotency-Key", e.to_string()))?;
    let Some(key) = key else {
        return create(caller).await;
    };
    let idempotency = Idempotency {
        key: format!("{}\n{operation}\n{key}", caller.token),
        request_digest: digest,
    };
    if let Some(answer) = remembered(state, &idempotency).await? {
        return answer;
    }
    caller.idempotency = Some(idempotency.clone());
    match create(caller).await {
        Err(error) if error.code() == Code::Conflict => {
            // It may have lost to the same call: then that one's answer is there by now.
            remembered(state, &idempotency).await?.unwrap_or(Err(error))
        }
        answer => answer,
    }
}

async fn remembered(
    state: &AdminState,
    idempotency: &Idempotency,
) -> Result<Option<Result<Response, ApiError>>, ApiError> {
    let now = state.clock.now();
    let found = state.store.idempotent_answer(&idempotency.key, now).await?;
    Ok(found.map(|answer| replay(answer, idempotency)))
}

fn replay(answer: IdempotentAnswer, idempotency: &Idempotency) -> Result<Response, ApiError> {
    if answer.request_digest != idempotency.request_digest {
        return Err(ApiError::detail(
            Code::Conflict,
            "This Idempotency-Key was used for a request with another body.",
        ));
    }
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = respond::json_text(status, answer.body);
    let headers = response.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

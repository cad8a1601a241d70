//! Writes answers of the gateway's own so that the connection survives where it can; never why they are given.

use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderValue, Method, StatusCode};
use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use pingora::{Error, Result};
use serde_json::json;
use tokio::time::timeout;

use super::ctx::Ctx;
use super::forward;
use super::refusal::Refusal;
use crate::base::ceilings::{DRAIN_BYTES, DRAIN_TIME};
use crate::base::error::Code;
use crate::base::problem::{CONTENT_TYPE as PROBLEM_JSON, Problem};

/// What to do with a request body that nobody will read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// There is none left: the connection can go on.
    Gone,
    /// It is longer than is worth reading: answer, let the client see the answer, close.
    Long,
    /// It has not begun, because the client waits for a 100 that does not come: answer and close.
    NotBegun,
}

/// Answers with a problem document (RFC 9457).
///
/// # Errors
/// The client is gone.
pub async fn refuse(session: &mut Session, ctx: &mut Ctx, refusal: &Refusal) -> Result<()> {
    ctx.refused = Some(refusal.code);
    let mut problem = Problem::new(refusal.code);
    problem.detail = refusal.detail.as_deref().map(str::to_owned);
    if !refusal.violated.is_empty() {
        problem = problem.with("violated-policies", json!(refusal.violated));
    }
    let body = problem.body(
        &ctx.snapshot.config.portal.public_url,
        ctx.request_id.as_str(),
    );
    let mut header = ResponseHeader::build(refusal.code.status(), Some(10))?;
    header.insert_header(CONTENT_TYPE, PROBLEM_JSON)?;
    header.insert_header(
        "X-Fuelgate-Error",
        HeaderValue::from_static(refusal.code.as_str()),
    )?;
    if let Some(challenge) = ctx.snapshot.challenge(refusal) {
        header.insert_header(WWW_AUTHENTICATE, challenge)?;
    }
    if let Some(allow) = &refusal.allow {
        header.insert_header(ALLOW, &**allow)?;
    }
    if let Some(seconds) = refusal.retry_after {
        header.insert_header(RETRY_AFTER, HeaderValue::from(seconds))?;
    }
    answer(session, ctx, header, body.into()).await
}

/// Answers 200 with a JSON document.
///
/// # Errors
/// The client is gone.
pub async fn json(session: &mut Session, ctx: &mut Ctx, body: Bytes) -> Result<()> {
    let mut header = ResponseHeader::build(StatusCode::OK, Some(8))?;
    header.insert_header(CONTENT_TYPE, "application/json")?;
    answer(session, ctx, header, body).await
}

/// Writes a whole answer. An unread body is drained first where that is cheap, since in HTTP/1 it would close the
/// connection and in HTTP/2 reset the stream, which some clients report as a failure.
async fn answer(
    session: &mut Session,
    ctx: &mut Ctx,
    mut header: ResponseHeader,
    body: Bytes,
) -> Result<()> {
    header.insert_header(CONTENT_LENGTH, HeaderValue::from(body.len()))?;
    header.insert_header(CACHE_CONTROL, "no-store")?;
    ctx.add_fields(&mut header)?;
    let rest = drain(session, ctx.client_failed).await;
    if rest != Rest::Gone {
        session.set_keepalive(None);
    }
    ctx.status = header.status.as_u16();
    let is_head = session.req_header().method == Method::HEAD;
    session
        .as_downstream_mut()
        .write_response_header(Box::new(header))
        .await?;
    let body = if is_head { Bytes::new() } else { body };
    ctx.bytes_out = body.len() as u64;
    session
        .as_downstream_mut()
        .write_response_body(body, true)
        .await?;
    if rest == Rest::Long && !session.is_http2() {
        linger(session).await;
    }
    Ok(())
}

/// Reads what is left of a small body, for a bounded time.
async fn drain(session: &mut Session, client_failed: bool) -> Rest {
    if client_failed {
        return Rest::NotBegun;
    }
    if session.is_body_done() {
        return Rest::Gone;
    }
    let headers = &session.req_header().headers;
    if forward::expects_continue(headers) {
        return Rest::NotBegun;
    }
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|n| n > DRAIN_BYTES as u64) {
        return Rest::Long;
    }
    if read_away(session, DRAIN_TIME, Some(DRAIN_BYTES)).await {
        Rest::Gone
    } else {
        Rest::Long
    }
}

/// After an answer that closes the connection: bytes that the client still sends would make the system reset the
/// connection, and the client might never see the answer.
async fn linger(session: &mut Session) {
    read_away(session, DRAIN_TIME, None).await;
}

/// Reads a body and forgets it; whether its end was reached.
async fn read_away(session: &mut Session, time: Duration, ceiling: Option<usize>) -> bool {
    let read = async {
        let mut bytes = 0;
        loop {
            match session.as_downstream_mut().read_request_body().await {
                Ok(Some(part)) => bytes += part.len(),
                Ok(None) => return true,
                Err(_) => return false,
            }
            if ceiling.is_some_and(|c| bytes > c) {
                return false;
            }
        }
    };
    timeout(time, read).await.unwrap_or(false)
}

/// An error that carries `refusal` to where errors are answered.
pub fn failing(ctx: &mut Ctx, refusal: Refusal) -> Box<Error> {
    let status = refusal.code.status();
    ctx.failing = Some(refusal);
    Error::new_in(pingora::ErrorType::HTTPStatus(status))
}

/// Whether `code` is a fault of the gateway's or the upstream's, so that it deserves a line in the log.
pub const fn is_fault(code: Code) -> bool {
    matches!(code.status(), 500..)
}

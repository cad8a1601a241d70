//! The exchange with the upstream: which target, which failures are tried again, what of the response goes on; never a body.

use std::time::Instant;

use http::{HeaderName, Method};
use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, Result};

use super::client::REQUEST_ID;
use super::ctx::{Ctx, Progress};
use super::events;
use super::gateway::{GatewayParts, note_upstream_time};
use super::io::ClientIo;
use super::refusal::Refusal;
use super::respond;
use crate::base::ceilings::CONNECT_ATTEMPTS;
use crate::base::error::Code;
use crate::limits::fields::{RATELIMIT, RATELIMIT_POLICY};

/// What [`Ctx::write_fields`] writes of limits.
const OF_LIMITS: [HeaderName; 2] = [
    HeaderName::from_static(RATELIMIT_POLICY),
    HeaderName::from_static(RATELIMIT),
];

/// The field that only answers of our own carry.
const ERROR: HeaderName = HeaderName::from_static("x-fuelgate-error");

/// Whether a field of an upstream's response has a name that we answer with; hardly any has.
fn is_ours(name: &HeaderName) -> bool {
    // Nearly every field fails at the first look.
    matches!(name.as_str().as_bytes().first(), Some(b'r' | b'x'))
        && (*name == REQUEST_ID || *name == ERROR || OF_LIMITS.contains(name))
}

/// The target of the next attempt.
///
/// # Errors
/// Every target is down or was tried.
pub(super) fn next_peer(ctx: &mut Ctx) -> Result<Box<HttpPeer>> {
    let found = ctx
        .upstream
        .and_then(|u| ctx.snapshot.upstreams.get(u))
        .and_then(|u| {
            let target = u.pick(&ctx.tried)?;
            Some((target, u.peer(target)?))
        });
    match found {
        Some((target, peer)) => {
            ctx.tried.push(target);
            ctx.target = Some(target);
            ctx.upstream_began.get_or_insert_with(Instant::now);
            Ok(peer)
        }
        None => Err(respond::failing(ctx, Refusal::new(Code::NoHealthyUpstream))),
    }
}

/// A connection could not be made: nothing was sent, so another target may take the request.
pub(super) fn after_failed_connect(ctx: &Ctx, mut e: Box<Error>) -> Box<Error> {
    let other = ctx
        .upstream
        .and_then(|u| ctx.snapshot.upstreams.get(u))
        .is_some_and(|u| u.has_other(&ctx.tried));
    e.set_retry(other && ctx.tried.len() < CONNECT_ATTEMPTS);
    e
}

/// An exchange broke. A request that may have been carried out is never sent again; the only ones tried again are
/// those that change nothing, when a kept connection turns out to be dead before any answer came.
pub(super) fn after_failed_exchange(
    session: &Session,
    ctx: &mut Ctx,
    mut e: Box<Error>,
    reused: bool,
) -> Box<Error> {
    note_upstream_time(ctx);
    let safe = matches!(
        session.req_header().method,
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if safe && ctx.progress < Progress::Answered && !session.as_ref().retry_buffer_truncated() {
        e.retry.decide_reuse(reused);
        ctx.tried.clear();
    } else {
        e.set_retry(false);
    }
    e
}

/// The header is about to be written to the upstream: from here on the request counts.
pub(super) fn sent(ctx: &mut Ctx) {
    ctx.progress = Progress::Sent;
    // It has left, so what it took is spent.
    if let (Some(ticket), Some(key)) = (ctx.ticket.take(), &ctx.key) {
        let with = &key.attachment;
        with.limits.sent(&with.bucket, ticket);
    }
}

/// The upstream's header, on its way to the client.
///
/// # Errors
/// Events of this response could not be recorded: the client must not see it.
pub(super) async fn response(
    parts: &GatewayParts,
    session: &Session,
    response: &mut ResponseHeader,
    ctx: &mut Ctx,
) -> Result<()> {
    // 1xx is not the answer yet; nothing of ours belongs there.
    if response.status.is_informational() {
        return Ok(());
    }
    ctx.progress = Progress::Answered;
    let has_ours = response.headers.keys().any(is_ours);
    if has_ours {
        // Only our own answers carry it: clients tell by it who answered.
        response.remove_header(&ERROR);
    }
    if ctx.exchange.is_some() {
        let request = session.req_header();
        let begun = Instant::now();
        // Boxed, since most responses have no events and would carry its room.
        let recorded = Box::pin(events::record(&parts.events, ctx, request, response)).await;
        if let Some(upstream_began) = &mut ctx.upstream_began {
            // What recording takes is the gateway's time, not the upstream's.
            *upstream_began += begun.elapsed();
        }
        if let Err(refusal) = recorded {
            return Err(respond::failing(ctx, refusal));
        }
        let bodiless = request.method == Method::HEAD
            || matches!(response.status.as_u16(), 204 | 304)
            || response
                .headers
                .get(http::header::CONTENT_LENGTH)
                .is_some_and(|v| v == "0");
        if let Some(exchange) = ctx.exchange.as_mut().filter(|_| bodiless) {
            exchange.response_is_empty();
        }
    }
    ctx.status = response.status.as_u16();
    match ClientIo::of(session) {
        Some(socket) => {
            if has_ours {
                // What is written below takes the place of the upstream's own say.
                response.remove_header(&REQUEST_ID);
                for name in OF_LIMITS.iter().filter(|_| ctx.rate.is_some()) {
                    response.remove_header(name);
                }
            }
            ctx.add_deprecation(response)?;
            // Last, since these lines go into whatever header is written next.
            socket.connection().add_fields(|out| ctx.write_fields(out));
            Ok(())
        }
        None => ctx.add_fields(response),
    }
}

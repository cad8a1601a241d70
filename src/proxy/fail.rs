//! What a client gets when an exchange failed: a row of the error table, or a broken-off response; never a clean end of half an answer.

use pingora::proxy::{FailToProxy, Session};
use pingora::{Error, ErrorSource};

use super::ctx::{Ctx, Progress};
use super::failure::{self, Failed};
use super::gateway::GatewayParts;
use super::refusal::Refusal;
use super::{begin, finish, respond};

/// Answers a failed exchange where that is still possible.
pub(super) async fn answer(
    parts: &GatewayParts,
    session: &mut Session,
    e: &Error,
    ctx: &mut Ctx,
) -> FailToProxy {
    let header_is_out = session
        .response_written()
        .is_some_and(|r| !r.status.is_informational());
    // Without this the answer would promise a connection that Pingora closes.
    session.set_keepalive(None);
    if header_is_out {
        // The connection or stream breaks off: the client must not take a part for the whole. What it was sent so far
        // may still be in our buffer, its header even, where the upstream broke off at once.
        // In HTTP/2 that is the connection's business, and a reset from here would overtake what is queued.
        if !session.is_http2() {
            session.as_downstream_mut().shutdown().await;
        }
        return closed(ctx.status);
    }
    let Some(refusal) = refusal(session, e, ctx) else {
        return closed(0);
    };
    if ctx.progress == Progress::Held && ctx.ticket.is_some() {
        finish::give_back(parts, ctx);
        ctx.rate = None;
    }
    begin::show_rate(ctx, parts.clock.now());
    if let Err(e) = respond::refuse(session, ctx, &refusal).await {
        tracing::debug!("the client left before its answer: {e}");
    }
    closed(refusal.code.status())
}

fn refusal(session: &mut Session, e: &Error, ctx: &mut Ctx) -> Option<Refusal> {
    if let Some(refusal) = ctx.failing.take() {
        return Some(refusal);
    }
    let failed = Failed {
        kind: e.etype(),
        source: e.esource(),
        body_pending: !session.is_body_done(),
    };
    let code = failure::code(&failed)?;
    ctx.client_failed |= matches!(e.esource(), ErrorSource::Downstream)
        || code == crate::base::error::Code::RequestTimeout;
    Some(Refusal::new(code))
}

const fn closed(error_code: u16) -> FailToProxy {
    FailToProxy {
        error_code,
        can_reuse_downstream: false,
    }
}

//! The beginning of a request: its connection's settings, who sent it, and its admission or refusal; never what is sent on.

use pingora::Result;
use pingora::proxy::Session;

use super::admit::{self, Admitted};
use super::client::Client;
use super::connection::Connection;
use super::ctx::Ctx;
use super::gateway::GatewayParts;
use super::io::ClientIo;
use super::request_id::RequestId;
use super::{forward, own_key, respond};
use crate::base::ceilings::{BODY_READ_TIME, DRAIN_TIME, WRITE_TIME};
use crate::base::clock::Timestamp;

/// Bounds the connection and finds out who the client is.
pub(super) fn prepare(session: &mut Session, ctx: &mut Ctx) {
    if ClientIo::of(session).is_none() {
        // HTTP/2 streams come without what is known of their connection.
        ctx.stream = Some(Box::new(of_session(session)));
    }
    session.set_read_timeout(Some(BODY_READ_TIME));
    session.set_write_timeout(Some(WRITE_TIME));
    session.set_total_drain_timeout(Some(DRAIN_TIME));
    // A second request behind the first must not abort the first.
    session.as_downstream_mut().set_pipelining_enabled(true);
    forward::forget_spelling(session.req_header_mut());
    let Some(connection) = ctx.connection(session) else {
        return;
    };
    connection.header_arrived();
    let client = Client::of(
        connection,
        &session.req_header().headers,
        &ctx.snapshot.config,
    );
    if let Some(given) = &client.request_id {
        ctx.request_id = RequestId::Given(given.clone());
    }
    ctx.client = Some(client);
}

fn of_session(session: &Session) -> Connection {
    let peer = session
        .client_addr()
        .and_then(|a| a.as_inet().copied())
        .unwrap_or_else(|| ([0, 0, 0, 0], 0).into());
    // HTTP/2 is offered on TLS only.
    Connection::new(peer, session.is_http2())
}

/// Admits a request, or answers it; whether it was answered.
///
/// # Errors
/// The client is gone.
pub(super) async fn admit(
    parts: &GatewayParts,
    session: &mut Session,
    ctx: &mut Ctx,
) -> Result<bool> {
    let raw = session
        .as_downstream()
        .as_http1()
        .map(|s| s.get_headers_raw_bytes());
    match admit::admit(parts, session.req_header(), raw.as_deref(), ctx).await {
        Ok(Admitted::Forward) => {
            if ctx.exchange.is_some() {
                // The response's events are recorded whether or not the client still listens.
                session.as_downstream_mut().set_abort_on_close(false);
            }
            Ok(false)
        }
        Ok(Admitted::DescribeKey) => {
            show_rate(ctx, ctx.now);
            let body = own_key::describe(ctx);
            // Here and below boxed: answers of our own are large futures, and every request would carry them.
            Box::pin(respond::json(session, ctx, body)).await?;
            Ok(true)
        }
        Err(refusal) => {
            show_rate(ctx, ctx.now);
            Box::pin(respond::refuse(session, ctx, &refusal)).await?;
            Ok(true)
        }
    }
}

/// Every answer to a known key shows where its limits stand now, whatever the answer is.
pub(super) fn show_rate(ctx: &mut Ctx, now: Timestamp) {
    if let (None, Some(key)) = (&ctx.rate, &ctx.key) {
        let with = &key.attachment;
        let standings = with.limits.peek(&with.bucket, now);
        ctx.rate = standings.and_then(super::ctx::RateFields::of);
    }
}

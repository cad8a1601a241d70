//! The end of a request, however it ended: events released, limits given back, uses noted, counts and the log line; never an answer.

use std::time::Duration;

use pingora::proxy::Session;

use super::ctx::{Ctx, Progress};
use super::events;
use super::gateway::{GatewayParts, note_upstream_time};
use crate::base::error::Code;
use crate::observe::{AccessLine, UpstreamOutcome};
use crate::usage::Served;
use crate::usage::model::CLIENT_LEFT;

/// The status that metrics show for a client that left before its answer, as nginx writes it.
const CLIENT_LEFT_STATUS: u16 = 499;

/// Does what is due when a request has ended.
pub(super) async fn finish(parts: &GatewayParts, session: &Session, ctx: &mut Ctx) {
    if ctx.exchange.is_some() {
        // Boxed, since most requests have no events and would carry its room.
        Box::pin(events::release(&parts.events, ctx)).await;
    }
    if ctx.progress == Progress::Held {
        give_back(parts, ctx);
    } else if ctx.upstream_time.is_zero() {
        note_upstream_time(ctx);
    }
    note_use(parts, session, ctx);
    let total = ctx.started.elapsed();
    count(parts, session, ctx, total);
    log(session, ctx, total);
}

/// Gives back what a request took that never left.
pub(super) fn give_back(parts: &GatewayParts, ctx: &mut Ctx) {
    if let (Some(ticket), Some(key)) = (ctx.ticket.take(), &ctx.key) {
        let with = &key.attachment;
        with.limits
            .give_back(&with.bucket, ticket, parts.clock.now());
    }
}

fn note_use(parts: &GatewayParts, session: &Session, ctx: &Ctx) {
    let (Some(key), Some(client)) = (&ctx.key, &ctx.client) else {
        return;
    };
    parts.last_uses.note(key, client.ip, ctx.now);
    let usage = &key.attachment.usage;
    match ctx.route() {
        Some(route) if ctx.progress > Progress::Held => usage.served(&Served {
            at: ctx.now,
            route: &route.route.path,
            method: &session.req_header().method,
            status: ctx.status,
            bytes_in: ctx.bytes_in,
            bytes_out: ctx.bytes_out,
            upstream_us: micros(ctx.upstream_time),
        }),
        Some(_) => usage.rejected(ctx.now, ctx.refused.map_or(CLIENT_LEFT, Code::as_str)),
        // The key asked about itself, which is not counted.
        None => {}
    }
}

fn micros(d: Duration) -> u64 {
    u64::try_from(d.as_micros()).unwrap_or(u64::MAX)
}

fn count(parts: &GatewayParts, session: &Session, ctx: &Ctx, total: Duration) {
    let status = if ctx.status == 0 {
        CLIENT_LEFT_STATUS
    } else {
        ctx.status
    };
    let route = ctx.route().map_or(&ctx.snapshot.unrouted, |r| &r.metrics);
    route.record(&session.req_header().method, status, total);
    let overhead = total.saturating_sub(ctx.upstream_time);
    parts
        .metrics
        .overhead_seconds
        .observe(overhead.as_secs_f64());
    if let Some(code) = ctx.refused.filter(|c| is_auth_failure(*c)) {
        parts.metrics.auth_failure(code.as_str());
    }
    count_upstream(ctx);
}

fn count_upstream(ctx: &Ctx) {
    let (Some(upstream), Some(target)) = (ctx.upstream, ctx.target) else {
        return;
    };
    let metrics = ctx
        .snapshot
        .upstreams
        .get(upstream)
        .and_then(|u| u.metrics(target));
    let outcome = match (ctx.progress, ctx.refused) {
        (Progress::Answered, None) => UpstreamOutcome::Status(ctx.status),
        (_, Some(Code::UpstreamTimeout)) => UpstreamOutcome::Timeout,
        (_, Some(Code::UpstreamUnreachable)) => UpstreamOutcome::Unreachable,
        // The client was at fault, or left: that says nothing of the target.
        _ => return,
    };
    if let Some(metrics) = metrics {
        metrics.record(outcome, ctx.upstream_time);
    }
}

const fn is_auth_failure(code: Code) -> bool {
    matches!(
        code,
        Code::MissingCredentials
            | Code::MalformedCredentials
            | Code::InvalidKey
            | Code::ExpiredKey
            | Code::RevokedKey
            | Code::InsufficientScope
            | Code::AddressNotAllowed
            | Code::AccountSuspended
    )
}

fn log(session: &Session, ctx: &Ctx, total: Duration) {
    let Some(log) = &ctx.snapshot.access_log else {
        return;
    };
    let request = session.req_header();
    log.submit(&AccessLine {
        time: ctx.now,
        request_id: ctx.request_id.as_str(),
        account_id: ctx.key.as_ref().map(|k| &*k.grant.account_id),
        key_id: ctx.key.as_ref().map(|k| &*k.grant.key_id),
        method: request.method.as_str(),
        route: ctx.route().map(|r| &*r.route.path),
        path: request.uri.path(),
        status: ctx.status,
        code: ctx.refused.map(Code::as_str),
        bytes_in: ctx.bytes_in,
        bytes_out: ctx.bytes_out,
        total_us: micros(total),
        upstream_us: (ctx.progress > Progress::Held).then(|| micros(ctx.upstream_time)),
        client: ctx.client.as_ref().map(|c| c.ip),
        protocol: protocol(request.version),
    });
}

fn protocol(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_2 => "HTTP/2",
        http::Version::HTTP_11 => "HTTP/1.1",
        _ => "HTTP/1.0",
    }
}

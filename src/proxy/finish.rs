//! The end of a request, however it ended: events released, limits given back, uses noted, counts and the log line; never an answer.

use pingora::Error;
use pingora::proxy::Session;

use super::ctx::{Ctx, Progress};
use super::events;
use super::gateway::GatewayParts;

/// Does what is due when a request has ended.
pub(super) async fn finish(parts: &GatewayParts, _: &Session, _: Option<&Error>, ctx: &mut Ctx) {
    events::release(&parts.events, ctx).await;
    if ctx.progress == Progress::Held {
        give_back(parts, ctx);
    }
    if let (Some(key), Some(client)) = (&ctx.key, &ctx.client) {
        parts.last_uses.note(key, client.ip, ctx.now);
    }
}

/// Gives back what a request took that never left.
pub(super) fn give_back(parts: &GatewayParts, ctx: &mut Ctx) {
    if let (Some(ticket), Some(key)) = (ctx.ticket.take(), &ctx.key) {
        let with = &key.attachment;
        with.limits
            .give_back(&with.bucket, ticket, parts.clock.now());
    }
}

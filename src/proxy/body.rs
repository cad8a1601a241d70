//! Bodies as they go by: counted, bounded, kept for event rules; never changed.

use bytes::Bytes;
use pingora::Result;

use super::ctx::Ctx;
use super::gateway::note_upstream_time;
use super::refusal::Refusal;
use super::respond;
use crate::base::ceilings::{BODY_MIN_RATE, BODY_READ_TIME};
use crate::base::error::Code;

/// A part of the request's body.
///
/// # Errors
/// The body is over its ceiling, or comes too slowly.
pub(super) fn request_part(ctx: &mut Ctx, part: &mut Option<Bytes>, is_end: bool) -> Result<()> {
    ctx.bytes_in += part.as_ref().map_or(0, |p| p.len() as u64);
    if let Some(exchange) = &mut ctx.exchange {
        exchange.request_part(part.as_ref(), is_end);
    }
    let ceiling = ctx.route().map_or(u64::MAX, |r| r.body_bytes);
    if ctx.bytes_in > ceiling {
        return Err(respond::failing(ctx, Refusal::new(Code::BodyTooLarge)));
    }
    if !is_end && is_too_slow(ctx) {
        ctx.client_failed = true;
        return Err(respond::failing(ctx, Refusal::new(Code::RequestTimeout)));
    }
    if is_end && part.as_ref().is_some_and(Bytes::is_empty) {
        // An empty last part would be written as a last chunk of its own, and the end as another: the second poisons
        // the upstream connection (pingora#935).
        *part = None;
    }
    Ok(())
}

/// Whether a body that has taken long has come at less than the least rate.
fn is_too_slow(ctx: &Ctx) -> bool {
    let elapsed = ctx.started.elapsed();
    elapsed > BODY_READ_TIME && ctx.bytes_in < BODY_MIN_RATE.saturating_mul(elapsed.as_secs())
}

/// A part of the response's body.
pub(super) fn response_part(ctx: &mut Ctx, part: Option<&Bytes>, is_end: bool) {
    ctx.bytes_out += part.map_or(0, |p| p.len() as u64);
    if let Some(exchange) = &mut ctx.exchange {
        exchange.response_part(part, is_end);
    }
    if is_end {
        note_upstream_time(ctx);
    }
}

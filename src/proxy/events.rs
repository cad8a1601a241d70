//! The part of an exchange that event rules need: bodies kept up to a ceiling, the record before the header, the release at the end; never a rule.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use pingora::http::{RequestHeader, ResponseHeader};

use super::ctx::Ctx;
use super::refusal::Refusal;
use super::request_digest::RequestDigest;
use crate::base::ceilings::EVENT_RECORD_TIME;
use crate::base::error::Code;
use crate::webhooks::facts::FactSources;
use crate::webhooks::pipeline::{Events, ExchangeMeta, PendingExchange};
use crate::webhooks::settlement::{Captured, CapturedBody};

/// An exchange on a route with event rules.
#[derive(Debug)]
pub struct Exchange {
    path: String,
    query: Option<String>,
    params: Vec<(String, String)>,
    // None where no rule looks at it.
    request: Option<Capture>,
    // None where the request has no Idempotency-Key.
    digest: Option<RequestDigest>,
    response: Capture,
    pending: Option<PendingExchange>,
}

impl Exchange {
    /// The exchange of a request that was admitted. `path` is the one that was decided on, `params` are decoded.
    pub fn new(
        path: String,
        query: Option<String>,
        params: Vec<(String, String)>,
        digest: Option<RequestDigest>,
        wants_request_body: bool,
        ceiling: usize,
    ) -> Self {
        Self {
            path,
            query,
            params,
            request: wants_request_body.then(|| Capture::new(ceiling)),
            digest,
            response: Capture::new(ceiling),
            pending: None,
        }
    }

    /// A part of the request's body went by.
    pub fn request_part(&mut self, part: Option<&Bytes>, is_end: bool) {
        if let Some(request) = &mut self.request {
            request.add(part, is_end);
        }
        if let Some(digest) = &mut self.digest {
            digest.add(part, is_end);
        }
    }

    /// A part of the response's body went by. Nothing is kept unless an event waits for it.
    pub fn response_part(&mut self, part: Option<&Bytes>, is_end: bool) {
        if self.pending.is_some() {
            self.response.add(part, is_end);
        }
    }

    /// The response has no body.
    pub fn response_is_empty(&mut self) {
        self.response.complete = true;
    }
}

/// A body kept up to a ceiling.
#[derive(Debug)]
struct Capture {
    bytes: BytesMut,
    ceiling: usize,
    over: bool,
    complete: bool,
}

impl Capture {
    fn new(ceiling: usize) -> Self {
        Self {
            bytes: BytesMut::new(),
            ceiling,
            over: false,
            complete: false,
        }
    }

    fn add(&mut self, part: Option<&Bytes>, is_end: bool) {
        if let Some(part) = part.filter(|p| !p.is_empty() && !self.over) {
            if self.bytes.len() + part.len() > self.ceiling {
                // Part of a document tells nothing, and its memory is better used elsewhere.
                self.over = true;
                self.bytes = BytesMut::new();
            } else {
                self.bytes.extend_from_slice(part);
            }
        }
        self.complete |= is_end;
    }

    fn take(&mut self) -> CapturedBody {
        if self.over || !self.complete {
            CapturedBody::lost()
        } else {
            CapturedBody::whole(std::mem::take(&mut self.bytes).freeze())
        }
    }
}

/// Records the events of a final response before its header goes to the client. A store that fails is tried again for
/// a bounded time.
///
/// # Errors
/// The events could not be recorded. The client then gets 503 although the upstream has answered 2xx: it must not
/// take for done what nobody will be told of. This is the one place where a write can have happened behind a 503.
pub async fn record(
    events: &Events,
    ctx: &mut Ctx,
    request: &RequestHeader,
    response: &ResponseHeader,
) -> Result<(), Refusal> {
    let Some(mut exchange) = ctx.exchange.take() else {
        return Ok(());
    };
    let result = record_one(events, ctx, &mut exchange, request, response).await;
    ctx.exchange = Some(exchange);
    result
}

async fn record_one(
    events: &Events,
    ctx: &Ctx,
    exchange: &mut Exchange,
    request: &RequestHeader,
    response: &ResponseHeader,
) -> Result<(), Refusal> {
    let (Some(index), Some(key)) = (ctx.route, &ctx.key) else {
        return Ok(());
    };
    let status = response.status.as_u16();
    let rules = ctx
        .snapshot
        .rules(index, &request.method)
        .filter(|r| r.matches_status(status));
    let (Some(rules), Some(route)) = (rules, ctx.route()) else {
        return Ok(());
    };
    let headers: &HeaderMap = &response.headers;
    let meta = ExchangeMeta {
        rules,
        request_id: ctx.request_id.as_str(),
        is_foreign_id: ctx.client.as_ref().is_none_or(|c| c.request_id.is_some()),
        facts: FactSources {
            method: &request.method,
            path: &exchange.path,
            query: exchange.query.as_deref(),
            params: &exchange.params,
            request_headers: &request.headers,
            status,
            response_headers: headers,
            route: &route.route.path,
            account_id: &key.grant.account_id,
        },
    };
    exchange.pending = Some(record_with_patience(events, meta).await?);
    Ok(())
}

async fn record_with_patience(
    events: &Events,
    meta: ExchangeMeta<'_>,
) -> Result<PendingExchange, Refusal> {
    events.record(meta, EVENT_RECORD_TIME).await.map_err(|error| {
        tracing::error!(
            request_id = meta.request_id,
            route = meta.facts.route,
            "an event could not be recorded, its request is answered with 503: {error}"
        );
        Refusal::new(Code::StoreUnavailable).detail(
            "The API has carried out the request, but its event could not be recorded. Check before you repeat it.",
        )
    })
}

/// Hands the exchange's events on, once it has ended in whatever way.
pub async fn release(events: &Events, ctx: &mut Ctx) {
    let Some(mut exchange) = ctx.exchange.take() else {
        return;
    };
    let Some(mut pending) = exchange.pending.take() else {
        return;
    };
    if let Some(request) = exchange.digest.take().and_then(RequestDigest::end) {
        pending.repeatable(request);
    }
    let captured = Captured {
        request: exchange
            .request
            .as_mut()
            .map_or_else(CapturedBody::none, Capture::take),
        response: exchange.response.take(),
    };
    events.release(pending, captured).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(parts: &[&'static str], ceiling: usize, ends: bool) -> CapturedBody {
        let mut c = Capture::new(ceiling);
        for part in parts {
            c.add(Some(&Bytes::from_static(part.as_bytes())), false);
        }
        c.add(None, ends);
        c.take()
    }

    #[test]
    fn a_body_is_kept_up_to_the_ceiling_and_whole_or_not_at_all() {
        let body = captured(&["ab", "cd"], 4, true);
        assert!(body.is_complete && &body.bytes[..] == b"abcd");
        for lost in [
            captured(&["ab", "cde"], 4, true),
            captured(&["ab"], 4, false),
        ] {
            assert!(!lost.is_complete && lost.bytes.is_empty());
        }
    }
}

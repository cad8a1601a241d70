//! The phases of a request as Pingora calls them, each handed on to the file that knows it; never a rule of its own.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorSource, Result};

use super::attach::Attached;
use super::ctx::Ctx;
use super::in_flight::InFlight;
use super::snapshot::Snapshot;
use super::{begin, body, fail, finish, forward, relay};
use crate::base::clock::Clock;
use crate::keys::cache::KeyCache;
use crate::keys::last_use::LastUses;
use crate::observe::{Metrics, Pace};
use crate::webhooks::pipeline::Events;

/// What the gateway is made of.
pub struct GatewayParts {
    /// The configuration in force.
    // One swap puts a new configuration in force; requests that began keep theirs.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// Keys by secret.
    pub keys: KeyCache<Attached>,
    /// Collects last uses of keys.
    pub last_uses: Arc<LastUses>,
    /// The way of events to the store.
    pub events: Arc<Events>,
    /// Counters of everything.
    pub metrics: Arc<Metrics>,
    /// The time.
    pub clock: Clock,
    /// What is under way.
    pub in_flight: InFlight,
    /// How often failed exchanges go to the log.
    pub failures: Pace,
}

impl GatewayParts {
    /// Whether a failed exchange is left out of the log: the access log has each of them.
    fn is_said_already(&self) -> bool {
        match self.failures.take() {
            None => true,
            Some(0) => false,
            Some(left_out) => {
                tracing::warn!(left_out, "more exchanges with upstreams have failed");
                false
            }
        }
    }
}

/// The gateway. Cloning shares it.
#[derive(Clone)]
pub struct Gateway(Arc<GatewayParts>);

impl Gateway {
    /// A gateway of these parts.
    pub fn new(parts: GatewayParts) -> Self {
        Self(Arc::new(parts))
    }

    /// What is under way.
    pub fn in_flight(&self) -> &InFlight {
        &self.0.in_flight
    }

    /// What it is made of.
    pub fn parts(&self) -> &GatewayParts {
        &self.0
    }
}

#[async_trait]
impl ProxyHttp for Gateway {
    // Behind a pointer, since Pingora moves it from one future into the next several times a request.
    type CTX = Box<Ctx>;

    fn new_ctx(&self) -> Box<Ctx> {
        Box::new(Ctx::new(
            self.0.snapshot.load_full(),
            &self.0.clock,
            self.0.in_flight.request(),
        ))
    }

    fn init_downstream_modules(&self, _: &mut HttpModules) {
        // Bodies go through as they are; Pingora's default would add compression, switched off.
    }

    async fn early_request_filter(&self, session: &mut Session, ctx: &mut Box<Ctx>) -> Result<()> {
        begin::prepare(session, ctx);
        Ok(())
    }

    async fn request_filter(&self, session: &mut Session, ctx: &mut Box<Ctx>) -> Result<bool> {
        begin::admit(&self.0, session, ctx).await
    }

    async fn upstream_peer(&self, _: &mut Session, ctx: &mut Box<Ctx>) -> Result<Box<HttpPeer>> {
        relay::next_peer(ctx)
    }

    fn fail_to_connect(
        &self,
        _: &mut Session,
        _: &HttpPeer,
        ctx: &mut Box<Ctx>,
        e: Box<Error>,
    ) -> Box<Error> {
        relay::after_failed_connect(ctx, e)
    }

    fn error_while_proxy(
        &self,
        _: &HttpPeer,
        session: &mut Session,
        e: Box<Error>,
        ctx: &mut Box<Ctx>,
        reused: bool,
    ) -> Box<Error> {
        relay::after_failed_exchange(session, ctx, e, reused)
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        ctx: &mut Box<Ctx>,
    ) -> Result<()> {
        if let Some(forwarding) = forward::of(session, ctx) {
            forward::prepare(request, &forwarding)?;
        }
        relay::sent(ctx);
        Ok(())
    }

    async fn request_body_filter(
        &self,
        _: &mut Session,
        part: &mut Option<Bytes>,
        is_end: bool,
        ctx: &mut Box<Ctx>,
    ) -> Result<()> {
        body::request_part(ctx, part, is_end)
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Box<Ctx>,
    ) -> Result<()> {
        relay::response(&self.0, session, response, ctx).await
    }

    fn response_body_filter(
        &self,
        _: &mut Session,
        part: &mut Option<Bytes>,
        is_end: bool,
        ctx: &mut Box<Ctx>,
    ) -> Result<Option<std::time::Duration>> {
        body::response_part(ctx, part.as_ref(), is_end);
        Ok(None)
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        e: &Error,
        ctx: &mut Box<Ctx>,
    ) -> FailToProxy {
        fail::answer(&self.0, session, e, ctx).await
    }

    async fn logging(&self, session: &mut Session, _: Option<&Error>, ctx: &mut Box<Ctx>) {
        finish::finish(&self.0, session, ctx).await;
    }

    fn suppress_error_log(&self, _: &Session, ctx: &Box<Ctx>, e: &Error) -> bool {
        // Clients that leave or send nonsense are in the access log; lines about them would let anybody fill the disk.
        // So would a line for each request while an upstream is down.
        matches!(e.esource(), ErrorSource::Downstream)
            || ctx.refused.is_some_and(|c| c.status() < 500)
            || self.0.is_said_already()
    }

    fn suppress_proxy_warn_log(
        &self,
        _: &Session,
        _: &Box<Ctx>,
        _: &Error,
        _: ProxyWarnLogContext,
    ) -> bool {
        // An attempt that is made again is no failed exchange yet: where the last one fails, `suppress_error_log` is asked.
        // A line here would also take the turn of one that tells what a client got; upstreams that fail are in the metrics.
        true
    }

    fn request_summary(&self, session: &Session, ctx: &Box<Ctx>) -> String {
        // The query may hold a credential, so it is never in a log.
        let request = session.req_header();
        format!(
            "{} {} request_id={}",
            request.method,
            request.uri.path(),
            ctx.request_id.as_str()
        )
    }
}

/// How long the upstream took so far.
pub(super) fn note_upstream_time(ctx: &mut Ctx) {
    if let Some(began) = ctx.upstream_began {
        ctx.upstream_time = Instant::now().saturating_duration_since(began);
    }
}

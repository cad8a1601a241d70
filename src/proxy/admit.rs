//! Whether a request goes on, and in which order that is asked; never how a refusal is written.

use std::future::poll_fn;
use std::task::Poll;

use http::Method;
use http::header::TRANSFER_ENCODING;
use pingora::http::RequestHeader;

use super::credentials::{self, Presented};
use super::ctx::{Ctx, RateFields};
use super::events::Exchange;
use super::gateway::GatewayParts;
use super::hygiene::{self, Target};
use super::own_key;
use super::reading::{announced_length, forward_target, lower_case};
use super::refusal::Refusal;
use super::request_digest::RequestDigest;
use crate::accounts::state::Standing;
use crate::base::error::{Code, StoreError};
use crate::base::media_type::says_json;
use crate::config::model::{Auth, OnStoreFailure};
use crate::keys::verify;
use crate::limits::fields;
use crate::routing::{self, Found};

/// What to do with a request that was admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// Send it to its upstream.
    Forward,
    /// Tell it about its own key.
    DescribeKey,
}

/// A request on its way through the steps.
struct Asked<'a> {
    parts: &'a GatewayParts,
    request: &'a RequestHeader,
    raw: Option<&'a [u8]>,
    ctx: &'a mut Ctx,
    target: Option<Target<'a>>,
    token: Option<&'a str>,
    describes_key: bool,
    // Kept on routes with event rules only.
    path: Option<String>,
    params: Vec<(String, String)>,
}

/// Asks everything of a request, in this order; the first refusal is the answer. `raw` is its header as it came in HTTP/1.
///
/// # Errors
/// The first refusal.
pub async fn admit(
    parts: &GatewayParts,
    request: &RequestHeader,
    raw: Option<&[u8]>,
    ctx: &mut Ctx,
) -> Result<Admitted, Refusal> {
    let mut asked = Asked {
        parts,
        request,
        raw,
        ctx,
        target: None,
        token: None,
        describes_key: false,
        path: None,
        params: Vec::new(),
    };
    asked.form()?;
    asked.route()?;
    // Whether an API is closed depends neither on who asks nor on the store that knows keys.
    asked.maintenance()?;
    asked.credential()?;
    asked.key().await?;
    asked.scope()?;
    asked.address()?;
    asked.body()?;
    asked.upstream()?;
    asked.events()?;
    // Last, so that whatever is refused has consumed nothing.
    asked.limits().await?;
    Ok(if asked.describes_key {
        Admitted::DescribeKey
    } else {
        Admitted::Forward
    })
}

impl Asked<'_> {
    /// It is unambiguous HTTP within the ceilings.
    fn form(&mut self) -> Result<(), Refusal> {
        let ceilings = &self.ctx.snapshot.config.ceilings;
        self.target = Some(hygiene::check(self.request, self.raw, ceilings)?);
        Ok(())
    }

    /// Its path has one reading only, and with its method a route.
    fn route(&mut self) -> Result<(), Refusal> {
        let Some(target) = &self.target else {
            return Err(Refusal::new(Code::Internal));
        };
        let path = routing::canonical(target.path)
            .map_err(|e| Refusal::new(Code::BadRequest).detail(e.to_string()))?;
        if path == own_key::PATH {
            self.describes_key = true;
            return match self.request.method {
                Method::GET | Method::HEAD => Ok(()),
                _ => Err(Refusal::method_not_allowed("GET, HEAD")),
            };
        }
        let snapshot = &self.ctx.snapshot;
        let asks = snapshot.router.asks_for_host();
        let host = target.host.filter(|_| asks).map(lower_case);
        match snapshot
            .router
            .find(host.as_deref(), &self.request.method, &path)
        {
            Found::NotFound => Err(Refusal::new(Code::RouteNotFound)),
            Found::MethodNotAllowed { allow } => Err(Refusal::method_not_allowed(allow)),
            // It would show a client what the upstream gets, identity fields included.
            Found::Route { .. } if self.request.method == Method::TRACE => {
                Err(Refusal::method_not_allowed(hygiene::ALL_METHODS))
            }
            Found::Route { route, params } => {
                let index = route.index;
                if snapshot.rules(index, &self.request.method).is_some() {
                    self.params = params.decoded(&path);
                    self.path = Some(path.to_string());
                }
                let rewritten = route
                    .rewrite
                    .as_ref()
                    .map(|r| routing::rewrite(r, &path, &params));
                self.ctx.forward_target = forward_target(
                    self.request.raw_path(),
                    rewritten.as_deref().unwrap_or(&path),
                    target.query,
                );
                self.ctx.route = Some(index);
                Ok(())
            }
        }
    }

    /// Its upstreams are not closed for maintenance.
    fn maintenance(&self) -> Result<(), Refusal> {
        let maintenance = &self.ctx.snapshot.config.maintenance;
        let closed = maintenance.enabled
            && self
                .ctx
                .route()
                .is_some_and(|r| r.is_closed(maintenance, &self.request.method));
        if closed {
            return Err(Refusal::retry(
                Code::Maintenance,
                maintenance.retry_after_seconds,
            ));
        }
        Ok(())
    }

    /// It carries the credential that the route wants, once.
    fn credential(&mut self) -> Result<(), Refusal> {
        let auth = self.ctx.auth().unwrap_or(Auth::Key);
        match auth {
            Auth::None => return Ok(()),
            Auth::Passthrough => {
                self.ctx.passes_credentials = true;
                return Ok(());
            }
            Auth::Key | Auth::KeyOrPassthrough => {}
        }
        let digester = &self.ctx.snapshot.digester;
        let is_ours = |text: &str| digester.is_credential_like(text);
        let presented = credentials::presented(&self.request.headers);
        let in_query = self
            .target
            .as_ref()
            .and_then(|t| t.query)
            .is_some_and(|q| credentials::query_has_credential(q, is_ours));
        let may_pass = auth == Auth::KeyOrPassthrough && !in_query;
        match presented {
            Presented::Malformed => Err(Refusal::new(Code::MalformedCredentials)),
            Presented::Nothing | Presented::TooLong if may_pass => self.pass(),
            Presented::Bearer(token) if may_pass && !is_ours(token) => self.pass(),
            Presented::Nothing => Err(Refusal::new(Code::MissingCredentials)),
            _ if in_query => Err(Refusal::new(Code::MalformedCredentials)
                .detail("The API key is in the query as well. Send it in Authorization only.")),
            Presented::TooLong => Err(Refusal::new(Code::InvalidKey)),
            Presented::Bearer(token) => {
                self.token = Some(token);
                Ok(())
            }
        }
    }

    /// The credential is the upstream's own.
    fn pass(&mut self) -> Result<(), Refusal> {
        self.ctx.passes_credentials = true;
        Ok(())
    }

    /// The credential is a key that lives, of an account that is not suspended.
    async fn key(&mut self) -> Result<(), Refusal> {
        let Some(token) = self.token else {
            return Ok(());
        };
        let snapshot = &self.ctx.snapshot;
        let find = self
            .parts
            .keys
            .find(&snapshot.digester, token, self.ctx.now);
        tokio::pin!(find);
        let at_once = poll_fn(|task| Poll::Ready(find.as_mut().poll(task))).await;
        let found = match at_once {
            Poll::Ready(found) => found,
            Poll::Pending => {
                let found = find.await;
                // The store may have taken seconds. Limits that were asked for a time that is past would take the
                // clock for set back, and usage goes into the hour that the quota counts in.
                self.ctx.now = self.parts.clock.now();
                found
            }
        };
        let found = found.map_err(|e| unavailable(&e))?;
        let entry = found.ok_or_else(|| Refusal::new(Code::InvalidKey))?;
        let live = verify::live(&entry.grant, self.ctx.now, &snapshot.config.keys.deny);
        if let (Err(verify::Refusal::Invalid), Some(client)) = (&live, &self.ctx.client) {
            let uses = &self.parts.last_uses;
            uses.note_ended(&entry, client.ip, self.ctx.now);
        }
        live.map_err(refusal)?;
        let standing = entry.attachment.account.standing();
        if standing == Standing::Gone {
            return Err(Refusal::new(Code::InvalidKey));
        }
        self.ctx.key = Some(entry);
        if standing == Standing::Suspended {
            return Err(Refusal::new(Code::AccountSuspended));
        }
        Ok(())
    }

    /// The key has the route's scopes.
    fn scope(&self) -> Result<(), Refusal> {
        match (&self.ctx.key, self.ctx.route()) {
            (Some(key), Some(r)) => verify::scoped(&key.grant, &r.route.scopes).map_err(refusal),
            _ => Ok(()),
        }
    }

    /// The key may be used from there.
    fn address(&self) -> Result<(), Refusal> {
        match (&self.ctx.key, &self.ctx.client) {
            (Some(key), Some(client)) if !verify::allows(&key.grant.allowed_ips, client.ip) => {
                Err(Refusal::new(Code::AddressNotAllowed))
            }
            _ => Ok(()),
        }
    }

    /// Its body is of a size and a type that the route takes.
    fn body(&self) -> Result<(), Refusal> {
        let Some(route) = self.ctx.route() else {
            return Ok(());
        };
        if self.target.as_ref().is_none_or(|t| !t.is_framed) {
            return Ok(());
        }
        let headers = &self.request.headers;
        let length = announced_length(headers);
        if length.is_some_and(|n| n > route.body_bytes) {
            return Err(Refusal::new(Code::BodyTooLarge));
        }
        let has_body = length.is_some_and(|n| n > 0) || headers.contains_key(TRANSFER_ENCODING);
        if route.route.json_only && has_body && !says_json(headers) {
            return Err(Refusal::new(Code::UnsupportedMediaType));
        }
        Ok(())
    }

    /// Its upstream has a target that can take it.
    fn upstream(&mut self) -> Result<(), Refusal> {
        let snapshot = &self.ctx.snapshot;
        let Some(route) = self.ctx.route() else {
            return Ok(());
        };
        let picked = route
            .pick_upstream(&snapshot.config.maintenance, &self.request.method)
            .filter(|u| snapshot.upstreams.get(*u).is_some_and(|u| u.has_other(&[])));
        self.ctx.upstream = picked;
        picked
            .map(|_| ())
            .ok_or_else(|| Refusal::new(Code::NoHealthyUpstream))
    }

    /// Whoever may cause an event is only let through while it can be recorded; afterwards it would be too late.
    fn events(&mut self) -> Result<(), Refusal> {
        let (Some(route), Some(_)) = (self.ctx.route, &self.ctx.key) else {
            return Ok(());
        };
        let snapshot = &self.ctx.snapshot;
        let Some(rules) = snapshot.rules(route, &self.request.method) else {
            return Ok(());
        };
        if !self.parts.events.is_healthy() {
            return Err(Refusal::new(Code::StoreUnavailable));
        }
        let path = self.path.take().unwrap_or_default();
        let (host, query) = self
            .target
            .as_ref()
            .map_or((None, None), |t| (t.host, t.query));
        let digest = RequestDigest::begin(
            &self.request.headers,
            &self.request.method,
            host,
            &path,
            query,
        );
        self.ctx.exchange = Some(Box::new(Exchange::new(
            path,
            query.map(str::to_owned),
            std::mem::take(&mut self.params),
            digest,
            rules.wants_request_body(),
            snapshot.config.ceilings.captured_body_bytes,
        )));
        Ok(())
    }

    /// The limits have room for it.
    async fn limits(&mut self) -> Result<(), Refusal> {
        let (Some(key), Some(route)) = (&self.ctx.key, self.ctx.route()) else {
            return Ok(());
        };
        // What a limit says while the store is away is the operator's choice; what this node knows stays exact.
        // Leased limits apply it themselves, to what is not in hand.
        let policy = self.ctx.snapshot.config.limits.on_store_failure;
        let with = &key.attachment;
        let is_away = policy != OnStoreFailure::Local
            && !with.limits.is_leased()
            && !self.parts.events.is_healthy();
        if is_away && policy == OnStoreFailure::Deny {
            return Err(Refusal::new(Code::StoreUnavailable));
        }
        let cost = route.route.cost;
        let decision = with
            .limits
            .take(&with.bucket, cost, policy, self.ctx.now)
            .await
            .map_err(|_| Refusal::new(Code::StoreUnavailable))?;
        let refused = decision.code().map(|code| Refusal {
            violated: decision.standings.violated().map(|p| p.as_str()).collect(),
            ..Refusal::retry(code, decision.retry_after_seconds())
        });
        if !is_away {
            for policy in decision.standings.violated() {
                self.parts.metrics.limited(policy.as_str());
            }
        }
        self.ctx.rate = RateFields::of(decision.standings);
        self.ctx.ticket = decision.ticket;
        refused.filter(|_| !is_away).map_or(Ok(()), Err)
    }
}

fn unavailable(e: &StoreError) -> Refusal {
    // A line for each such request would drown the one that says that the store is away.
    tracing::debug!("a key cannot be looked up: {e}");
    Refusal::new(match e {
        StoreError::Overloaded(_) => Code::Overloaded,
        _ => Code::StoreUnavailable,
    })
}

/// A key's refusal as the wire knows it.
fn refusal(r: verify::Refusal) -> Refusal {
    match r {
        verify::Refusal::Invalid => Refusal::new(Code::InvalidKey),
        verify::Refusal::Expired => Refusal::new(Code::ExpiredKey),
        verify::Refusal::Revoked => Refusal::new(Code::RevokedKey),
        verify::Refusal::AddressNotAllowed => Refusal::new(Code::AddressNotAllowed),
        verify::Refusal::InsufficientScope { missing } => {
            let missing: Vec<_> = missing.iter().map(String::as_str).collect();
            Refusal::insufficient_scope(&missing)
        }
    }
}

impl RateFields {
    /// The fields that show where the policies stand; `None` where nothing is limited.
    pub fn of(standings: crate::limits::Standings) -> Option<Self> {
        Some(Self {
            limit: fields::ratelimit(&standings)?,
            policy: standings.policy_field,
        })
    }
}

//! Who asks for a page and whether they may: the table, the session, the role, and that forms come from our own pages; never what a page does.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, Method, header};

use super::headers::{self, Frame};
use super::own::{Own, Quotas};
use super::refuse::PageError;
use super::sign_in::cookie;
use super::state::PortalState;
use super::table::{self, Looked, Needs};
use crate::alerts::model::UsageMark;
use crate::base::audit::ChangeContext;
use crate::base::clock::Timestamp;
use crate::base::secret::Secret;
use crate::config::model::Config;
use crate::observe::{SessionOutcome, names};
use crate::portal::csrf;
use crate::portal::model::{Role, Session};
use crate::web::peer::{self, Peer};

/// What the audit log calls the portal where it calls others by their admin token.
pub const TOKEN: &str = "fuelgate:portal";

/// A request by who is signed in.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Their session.
    pub session: Arc<Session>,
    /// The configuration that the request began with.
    pub config: Arc<Config>,
    /// The instant of the request.
    pub now: Timestamp,
    /// What a change carries.
    pub ctx: ChangeContext,
    /// What forms carry.
    pub csrf: String,
    /// Whether they may change anything.
    pub is_developer: bool,
    /// What is used of their account's quotas, once it was read.
    pub quotas: Quotas,
    /// The mark of a quota that the top of every page tells of.
    pub banner: Option<UsageMark>,
}

/// A request by anybody.
#[derive(Debug, Clone)]
pub struct Guest {
    /// The configuration that it began with.
    pub config: Arc<Config>,
    /// Its instant.
    pub now: Timestamp,
    /// The network address it comes from, as far as that may be believed.
    pub source: IpAddr,
    /// Its id.
    pub request_id: String,
    /// Who is signed in; `None` for nobody.
    pub visit: Option<Visit>,
}

impl Guest {
    /// The session, where somebody is signed in.
    pub fn session(&self) -> Option<&Session> {
        self.visit.as_ref().map(|v| &*v.session)
    }

    /// What a change by nobody in particular carries.
    pub fn ctx(&self) -> ChangeContext {
        ChangeContext {
            at: self.now,
            token: TOKEN.to_owned(),
            actor: None,
            address: Some(self.source.to_string()),
            request_id: self.request_id.clone(),
            idempotency: None,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Guest {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, PageError> {
        let guest = parts.extensions.get::<Self>().cloned();
        guest.ok_or(PageError::Internal)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PageError> {
        let guest = Guest::from_request_parts(parts, state).await?;
        guest.visit.ok_or(PageError::SignIn)
    }
}

/// Lets a request in or refuses it, and finishes every answer.
pub(super) async fn guard(
    State(state): State<Arc<PortalState>>,
    mut request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let config = state.control.current();
    let peer = request.extensions().get::<Peer>().map(|p| p.0.ip());
    let mut guest = Guest {
        now: state.clock.now(),
        source: peer::client_address(
            &config,
            peer.unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
            request.headers(),
        ),
        request_id: peer::request_id(&config, peer, request.headers()),
        config,
        visit: None,
    };
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let looked = path.map_or(Looked::Unknown, |p| table::look_up(&method, p.as_str()));
    let page = match &looked {
        Looked::Page(path, _) => *path,
        _ => names::OTHER,
    };
    let admitted = admit(&state, &mut guest, looked, &method, request.headers()).await;
    let (mut response, renewed) = match admitted {
        Ok(renewed) => {
            if let Some(visit) = &mut guest.visit {
                visit.banner = Own::of(&state, visit.clone()).banner().await;
            }
            request.extensions_mut().insert(guest.clone());
            (next.run(request).await, renewed)
        }
        Err(refusal) => (refusal.into_response(), None),
    };
    let frame = Frame {
        guest: &guest,
        begun,
    };
    headers::finish(&frame, &mut response);
    if let Some(secret) = renewed {
        cookie::renew(&guest, &secret, &mut response);
    }
    let took = begun.elapsed().as_secs_f64();
    let status = response.status().as_u16();
    state.metrics.answered(page, named(&method), status, took);
    tracing::debug!(
        request = guest.request_id,
        page,
        status,
        "a page was answered"
    );
    response
}

/// Puts the visit into `guest`; gives another text for the cookie where it is time for one.
async fn admit(
    state: &PortalState,
    guest: &mut Guest,
    looked: Looked,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Option<Secret>, PageError> {
    let needs = match looked {
        Looked::Page(_, needs) => needs,
        Looked::OtherMethods(methods) => return Err(PageError::Method(methods)),
        Looked::Unknown => return Err(PageError::NotFound),
    };
    if needs == Needs::Nothing {
        return Ok(None);
    }
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    let renewed = recognise(state, guest, headers, is_read).await?;
    if !is_read && !is_ours(&guest.config, headers, guest.visit.is_none()) {
        return Err(PageError::Forged);
    }
    match (needs, &guest.visit) {
        (Needs::Viewer | Needs::Developer, None) => Err(PageError::SignIn),
        (Needs::Developer, Some(visit)) if !visit.is_developer => Err(PageError::Viewer),
        _ => Ok(renewed),
    }
}

/// Finds the session of the request's cookie.
async fn recognise(
    state: &PortalState,
    guest: &mut Guest,
    headers: &HeaderMap,
    renew: bool,
) -> Result<Option<Secret>, PageError> {
    let Some(text) = cookie::read(&guest.config, headers) else {
        return Ok(None);
    };
    // Cookies that are none cost a look into the store each: who shows many of them is not looked up any more.
    if state.sources.is_spent(guest.source, guest.now) {
        return Err(PageError::TooMany);
    }
    let live = state.sessions.of_cookie(text, renew, guest.now).await?;
    let Some(live) = live else {
        state.sources.take(guest.source, guest.now);
        state.metrics.session(SessionOutcome::Refused);
        return Ok(None);
    };
    let session = Arc::new(live.session);
    let mut ctx = guest.ctx();
    ctx.actor = Some(session.person.id.clone());
    guest.visit = Some(Visit {
        csrf: csrf::token(&guest.config.keys.peppers, &session.id),
        is_developer: session.role == Role::Developer,
        config: Arc::clone(&guest.config),
        now: guest.now,
        session,
        ctx,
        quotas: Quotas::default(),
        banner: None,
    });
    Ok(live.renewed)
}

/// Whether what changes something was sent by a page of ours, as the browser says (Fetch Metadata, else Origin). What says
/// nothing is no browser of today, and the form's own field decides; where nobody is signed in there is none (`strict`).
fn is_ours(config: &Config, headers: &HeaderMap, strict: bool) -> bool {
    let all = |name: &str, good: &dyn Fn(&[u8]) -> bool| {
        let mut fields = headers.get_all(name).iter().peekable();
        fields
            .peek()
            .is_some()
            .then(|| fields.all(|v| good(v.as_bytes())))
    };
    let origin = origin(&config.portal.public_url);
    all("sec-fetch-site", &|v| v == b"same-origin")
        .or_else(|| all(header::ORIGIN.as_str(), &|v| v == origin.as_bytes()))
        .unwrap_or(!strict)
}

/// The origin of a URL of ours, as browsers write it.
pub(super) fn origin(url: &str) -> String {
    let Ok(uri) = url.parse::<http::Uri>() else {
        return String::new();
    };
    let scheme = uri.scheme_str().unwrap_or_default();
    let host = uri.host().unwrap_or_default().to_ascii_lowercase();
    match (scheme, uri.port_u16()) {
        ("http", Some(80)) | ("https", Some(443)) | (_, None) => format!("{scheme}://{host}"),
        (_, Some(port)) => format!("{scheme}://{host}:{port}"),
    }
}

/// A method for a label: unknown ones are no series of their own.
fn named(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => names::OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (url, wanted) in [
            ("https://Dev.Example.com", "https://dev.example.com"),
            ("https://x:443", "https://x"),
            ("http://x:80/portal", "http://x"),
            ("http://127.0.0.1:8081", "http://127.0.0.1:8081"),
            ("http://[::1]:8081", "http://[::1]:8081"),
        ] {
            assert_eq!(origin(url), wanted);
        }
    }
}

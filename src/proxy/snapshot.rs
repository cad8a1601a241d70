//! Everything that requests need of one valid configuration, built once and swapped as a whole; never a request's state.

use std::sync::Arc;

use http::{HeaderValue, Method};
use pingora::Result;
use pingora::http::ResponseHeader;

use super::refusal::Refusal;
use super::upstream::UpstreamRuntime;
use crate::base::error::Code;
use crate::config::model::{Config, Deprecated, Maintenance, Route};
use crate::keys::digest::Digester;
use crate::observe::{AccessLog, Metrics, RouteMetrics, names};
use crate::routing::{Router, RouterError, Weighted};
use crate::webhooks::rules::{EventRules, RouteRules, RuleProblem};

/// Why no snapshot can be built of a configuration that was valid so far.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The routes make no router.
    #[error(transparent)]
    Router(#[from] RouterError),
    /// Event rules cannot be used.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Rules(Vec<RuleProblem>),
}

/// One configuration as requests use it. A request loads it once and finishes on it.
#[derive(Debug)]
pub struct Snapshot {
    /// The configuration.
    pub config: Arc<Config>,
    /// Finds routes.
    pub router: Router,
    /// Routes by [`Route::index`].
    pub routes: Vec<RouteRuntime>,
    /// Upstreams by index.
    pub upstreams: Vec<Arc<UpstreamRuntime>>,
    /// Digests of secrets.
    pub digester: Digester,
    /// Rules that make events.
    pub events: EventRules,
    /// Counters of requests without a route.
    pub unrouted: Arc<RouteMetrics>,
    /// The access log; `None` where there is none.
    pub access_log: Option<Arc<AccessLog>>,
    /// `WWW-Authenticate` without an error (RFC 6750 section 3).
    plain_challenge: HeaderValue,
}

/// A route as requests use it.
#[derive(Debug)]
pub struct RouteRuntime {
    /// The route.
    pub route: Arc<Route>,
    /// Bytes of a request body at most.
    pub body_bytes: u64,
    /// Fields that say that it is superseded.
    pub deprecated: Option<DeprecatedFields>,
    /// Its counters.
    pub metrics: Arc<RouteMetrics>,
    split: Weighted,
}

/// `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and `Link`, ready-made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeprecatedFields {
    deprecation: HeaderValue,
    sunset: Option<HeaderValue>,
    link: Option<HeaderValue>,
}

impl DeprecatedFields {
    fn new(d: &Deprecated) -> Option<Self> {
        let sunset = d.sunset.map(|t| HeaderValue::try_from(t.http_date()));
        let link = d
            .link
            .as_ref()
            .and_then(|l| HeaderValue::try_from(format!("<{l}>; rel=\"deprecation\"")).ok());
        Some(Self {
            deprecation: HeaderValue::try_from(format!("@{}", d.since.secs())).ok()?,
            sunset: sunset.transpose().ok()?,
            link,
        })
    }

    /// Adds the fields; a `Link` of the upstream's own stays.
    ///
    /// # Errors
    /// Never with values that were made here.
    pub fn add_to(&self, header: &mut ResponseHeader) -> Result<()> {
        header.insert_header("Deprecation", self.deprecation.clone())?;
        if let Some(sunset) = &self.sunset {
            header.insert_header("Sunset", sunset.clone())?;
        }
        if let Some(link) = &self.link {
            header.append_header("Link", link.clone())?;
        }
        Ok(())
    }
}

impl Snapshot {
    /// Builds a configuration's snapshot; `access_log` is the log that it asks for, opened. What is known of upstreams goes over
    /// from `previous`.
    ///
    /// # Errors
    /// What makes the configuration unusable.
    pub fn build(
        config: Arc<Config>,
        access_log: Option<Arc<AccessLog>>,
        previous: Option<&Self>,
        metrics: &Metrics,
    ) -> Result<Arc<Self>, SnapshotError> {
        let known = |name: &str| {
            previous?
                .upstreams
                .iter()
                .find(|u| u.settings.name == name)
                .map(AsRef::as_ref)
        };
        Ok(Arc::new(Self {
            router: Router::build(&config.routes)?,
            routes: config
                .routes
                .iter()
                .map(|r| RouteRuntime::new(r, &config, metrics))
                .collect(),
            upstreams: config
                .upstreams
                .iter()
                .map(|u| Arc::new(UpstreamRuntime::new(u, known(&u.name), metrics)))
                .collect(),
            digester: Digester::new(&config.keys),
            events: EventRules::build(&config).map_err(SnapshotError::Rules)?,
            unrouted: metrics.route(names::NO_ROUTE),
            plain_challenge: challenge(&config.realm, ""),
            access_log,
            config,
        }))
    }

    /// `WWW-Authenticate` of a refusal, where it has one (RFC 6750 section 3).
    pub fn challenge(&self, refusal: &Refusal) -> Option<HeaderValue> {
        if refusal.code == Code::MissingCredentials {
            return Some(self.plain_challenge.clone());
        }
        let error = refusal.code.bearer_error()?;
        let row = refusal.code.row();
        let rest = match &refusal.missing_scopes {
            Some(scopes) => format!(", error=\"{error}\", scope=\"{}\"", quoted(scopes)),
            None => {
                let why = refusal.detail.as_deref().unwrap_or(row.detail);
                format!(", error=\"{error}\", error_description=\"{}\"", quoted(why))
            }
        };
        Some(challenge(&self.config.realm, &rest))
    }

    /// The rules that watch a route, where a request with this method can fire them.
    pub fn rules(&self, route: usize, method: &Method) -> Option<&RouteRules> {
        self.events.watching(route, method)
    }
}

impl RouteRuntime {
    fn new(route: &Arc<Route>, config: &Config, metrics: &Metrics) -> Self {
        let weights: Vec<_> = route.split.iter().map(|(_, w)| *w).collect();
        Self {
            body_bytes: route.body_bytes.unwrap_or(config.ceilings.body_bytes),
            deprecated: route.deprecated.as_ref().and_then(DeprecatedFields::new),
            split: Weighted::new(&weights),
            metrics: metrics.route(&route.path),
            route: route.clone(),
        }
    }

    /// Whether maintenance closes all of the route's upstreams for this method.
    pub fn is_closed(&self, maintenance: &Maintenance, method: &Method) -> bool {
        self.route
            .split
            .iter()
            .all(|(upstream, _)| covers(maintenance, *upstream, method))
    }

    /// The upstream of the next request, of those that maintenance leaves open.
    pub fn pick_upstream(&self, maintenance: &Maintenance, method: &Method) -> Option<usize> {
        let of = |i: usize| self.route.split.get(i).map(|(upstream, _)| *upstream);
        self.split
            .pick_where(|i| of(i).is_some_and(|u| !covers(maintenance, u, method)))
            .and_then(of)
    }
}

fn covers(m: &Maintenance, upstream: usize, method: &Method) -> bool {
    m.enabled
        && (m.upstreams.is_empty() || m.upstreams.contains(&upstream))
        && !(m.writes_only && matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS))
}

fn challenge(realm: &str, rest: &str) -> HeaderValue {
    HeaderValue::try_from(format!("Bearer realm=\"{}\"{rest}", quoted(realm)))
        .unwrap_or(HeaderValue::from_static("Bearer"))
}

/// The inside of a quoted string (RFC 9110 section 5.6.4), in the characters that RFC 6750 allows in descriptions.
fn quoted(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '"' | '\\' => '\'',
            ' '..='~' => c,
            _ => '?',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;

    fn snapshot() -> Arc<Snapshot> {
        let metrics = Metrics::new().unwrap();
        Snapshot::build(
            Arc::new(crate::proxy::testing::config()),
            None,
            None,
            &metrics,
        )
        .unwrap()
    }

    fn challenge_of(refusal: &Refusal) -> String {
        let value = snapshot().challenge(refusal).unwrap();
        value.to_str().unwrap().to_owned()
    }

    #[test]
    fn challenges_have_the_forms_of_rfc_6750() {
        assert_eq!(
            challenge_of(&Refusal::new(Code::MissingCredentials)),
            "Bearer realm=\"crm\""
        );
        assert_eq!(
            challenge_of(&Refusal::insufficient_scope(&["a:read", "b:write"])),
            "Bearer realm=\"crm\", error=\"insufficient_scope\", scope=\"a:read b:write\""
        );
        assert_eq!(
            challenge_of(&Refusal::new(Code::InvalidKey)),
            "Bearer realm=\"crm\", error=\"invalid_token\", error_description=\"No API key has this value.\""
        );
        assert!(
            challenge_of(&Refusal::new(Code::MalformedCredentials))
                .starts_with("Bearer realm=\"crm\", error=\"invalid_request\"")
        );
        assert!(
            snapshot()
                .challenge(&Refusal::new(Code::RateLimited))
                .is_none()
        );
    }

    #[test]
    fn a_deprecated_route_says_since_when_until_when_and_what_instead() {
        let fields = DeprecatedFields::new(&Deprecated {
            since: Timestamp::from_secs(1_688_169_599),
            sunset: Some(Timestamp::from_secs(1_719_791_999)),
            link: Some("https://docs.example/v2".into()),
        })
        .unwrap();
        let mut header = ResponseHeader::build(200, None).unwrap();
        header.insert_header("Deprecation", "@1").unwrap();
        header.insert_header("Sunset", "never").unwrap();
        fields.add_to(&mut header).unwrap();
        let count = |name| header.headers.get_all(name).iter().count();
        assert_eq!((count("deprecation"), count("sunset")), (1, 1));
        assert_eq!(header.headers["deprecation"], "@1688169599");
        assert_eq!(header.headers["sunset"], "Sun, 30 Jun 2024 23:59:59 GMT");
        assert_eq!(
            header.headers["link"],
            "<https://docs.example/v2>; rel=\"deprecation\""
        );
        let mut header = ResponseHeader::build(200, None).unwrap();
        header.insert_header("Link", "</2>; rel=\"next\"").unwrap();
        fields.add_to(&mut header).unwrap();
        assert_eq!(header.headers.get_all("link").iter().count(), 2);
    }

    #[test]
    fn maintenance_covers_what_it_names() {
        let m = |upstreams: &[usize], writes_only| Maintenance {
            enabled: true,
            upstreams: upstreams.to_vec(),
            writes_only,
            retry_after_seconds: 1,
        };
        assert!(covers(&m(&[], false), 3, &Method::GET));
        assert!(!covers(&m(&[1], false), 3, &Method::GET));
        assert!(!covers(&m(&[3], true), 3, &Method::GET));
        assert!(covers(&m(&[3], true), 3, &Method::DELETE));
        let off = Maintenance {
            enabled: false,
            ..m(&[], false)
        };
        assert!(!covers(&off, 0, &Method::POST));
    }
}

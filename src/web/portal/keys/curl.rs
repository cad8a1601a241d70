//! A first request with a key: one that its scopes allow, as a line to paste; never one that changes anything.

use http::Method;

use crate::base::secret::Secret;
use crate::config::model::{Auth, Config, Route};

/// What tells a key about itself, whatever its scopes.
const ITSELF: &str = "/.well-known/fuelgate/key";

/// The line.
pub(super) fn line(config: &Config, scopes: &[String], secret: &Secret) -> String {
    let path = config
        .routes
        .iter()
        .find(|route| is_easy(route, scopes))
        .map_or(ITSELF, |route| &route.path);
    let url = format!("{}{path}", config.portal.api_url).replace('\'', "%27");
    format!(
        "curl '{url}' -H 'Authorization: Bearer {}'",
        secret.expose()
    )
}

/// Whether a route can be called with the key and nothing else.
fn is_easy(route: &Route, scopes: &[String]) -> bool {
    matches!(route.auth, Auth::Key | Auth::KeyOrPassthrough)
        && route.methods.contains(&Method::GET)
        && route.hosts.is_empty()
        && route.deprecated.is_none()
        && !route.path.contains('{')
        && !route.scopes.is_empty()
        && route.scopes.iter().all(|s| scopes.contains(s))
}

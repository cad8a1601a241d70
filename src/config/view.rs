//! The configuration as the admin API shows it; never a secret or a digest of one.

use serde_json::{Value, json};

use super::model::{Auth, Config, Route};

/// The configuration in force: `source`, `files`, `hash`, `settings` as the file would say them with every default, and
/// `routes`, those of OpenAPI documents included. Secrets read `[redacted]`.
pub fn redacted_view(config: &Config) -> Value {
    let upstream = |i: usize| config.upstreams.get(i).map(|u| u.name.as_str());
    let routes: Vec<Value> = config.routes.iter().map(|r| route(r, &upstream)).collect();
    json!({
        "source": config.source,
        "files": config.files,
        "hash": config.hash,
        "settings": *config.effective,
        "scopes": config.scopes.iter().map(|(name, description)| json!({
            "name": name, "description": description,
        })).collect::<Vec<_>>(),
        "routes": routes,
    })
}

fn route<'a>(r: &Route, upstream: &dyn Fn(usize) -> Option<&'a str>) -> Value {
    let auth: Auth = r.auth;
    json!({
        "path": &*r.path,
        "hosts": r.hosts,
        "methods": r.methods.iter().map(http::Method::as_str).collect::<Vec<_>>(),
        "auth": auth,
        "scopes": r.scopes,
        "upstreams": r.split.iter().map(|(i, weight)| json!({
            "upstream": upstream(*i), "weight": weight,
        })).collect::<Vec<_>>(),
        "cost": r.cost,
        "json_only": r.json_only,
        "events": r.events.len(),
    })
}

//! The serde shapes of the configuration file, from which the JSON Schema is made; never a check that a shape cannot say.

mod keys;
mod limits;
mod listen;
mod routes;
mod smtp;
mod state;
mod webhooks;

use serde::{Deserialize, Serialize};

pub(super) use keys::*;
pub(super) use limits::*;
pub(super) use listen::*;
pub(super) use routes::*;
pub(super) use smtp::*;
pub(super) use state::*;
pub(super) use webhooks::*;

use crate::base::secret::Secret;

/// Configuration of fuelgate. `${NAME}` and `${NAME:-default}` in values are replaced from the environment; `$${` is the
/// text `${`. Times are in the unit that a setting's name ends in.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "fuelgate configuration")]
pub(super) struct ConfigFile {
    /// Where API clients are served. At least one.
    #[schemars(length(min = 1))]
    #[serde(default = "default_listeners")]
    pub(super) listeners: Vec<ListenerFile>,
    /// The listener of the admin API, which also has /metrics, /healthz and /readyz.
    // Optional for serde only: where it is missing the schema's check has said so, and other problems are found too.
    #[schemars(required)]
    pub(super) admin: Option<AdminFile>,
    /// A listener that has /metrics, /healthz and /readyz and nothing else.
    #[serde(default)]
    pub(super) status: Option<ListenerFile>,
    /// The developer portal.
    #[serde(default)]
    pub(super) portal: Option<PortalFile>,
    /// The access log.
    #[serde(default)]
    pub(super) log: LogFile,
    /// Networks (CIDR) or addresses of proxies whose X-Forwarded-For and X-Request-Id are believed. Requests to which a
    /// proxy gives the same X-Request-Id make events of their own all the same.
    #[serde(default)]
    pub(super) trusted_proxies: Vec<String>,
    /// The realm in WWW-Authenticate.
    #[serde(default = "default_realm")]
    #[schemars(length(min = 1, max = 100))]
    pub(super) realm: String,
    /// Ceilings of a request.
    #[serde(default)]
    pub(super) ceilings: CeilingsFile,
    /// How the gateway stops.
    #[serde(default)]
    pub(super) shutdown: ShutdownFile,
    /// Where keys, accounts, usage and events are kept.
    #[serde(default)]
    pub(super) store: StoreFile,
    /// Where events and usage wait while Redis is away. The embedded store needs none.
    #[serde(default)]
    pub(super) spool: SpoolFile,
    /// API keys.
    #[schemars(required)]
    pub(super) keys: Option<KeysFile>,
    /// Scope names and what each allows, as the portal shows it. Writing does not imply reading. Scopes that an OpenAPI
    /// document of `apis` describes need not be repeated.
    #[serde(default)]
    #[schemars(with = "std::collections::BTreeMap<String, String>")]
    pub(super) scopes: serde_json::Map<String, serde_json::Value>,
    /// The plan of new accounts.
    #[serde(default = "default_plan")]
    pub(super) default_plan: String,
    /// Plans by name.
    #[serde(default = "default_plans")]
    #[schemars(extend("minProperties" = 1))]
    pub(super) plans: std::collections::BTreeMap<String, PlanFile>,
    /// Settings of the limiter.
    #[serde(default)]
    pub(super) limits: LimitsFile,
    /// The backends, by name.
    #[serde(default)]
    pub(super) upstreams: std::collections::BTreeMap<String, UpstreamFile>,
    /// Which requests go where, and who may send them. These come before the routes of `apis`: one with the same method
    /// and the same template replaces the route of a document.
    #[serde(default)]
    pub(super) routes: Vec<RouteFile>,
    /// OpenAPI documents whose paths, methods and required scopes become routes.
    #[serde(default)]
    pub(super) apis: Vec<ApiFile>,
    /// Answers 503 `maintenance` instead of forwarding.
    #[serde(default)]
    pub(super) maintenance: MaintenanceFile,
    /// Rules that make webhook events of responses.
    #[serde(default)]
    pub(super) events: Vec<EventFile>,
    /// Delivery of webhooks.
    #[serde(default)]
    pub(super) webhooks: WebhooksFile,
    /// The mail server that alerts are sent by. Without it no e-mail is sent.
    #[serde(default)]
    pub(super) smtp: Option<SmtpFile>,
}

fn default_listeners() -> Vec<ListenerFile> {
    vec![ListenerFile {
        address: "0.0.0.0:8080".to_owned(),
        tls: None,
    }]
}

fn default_realm() -> String {
    "crm".to_owned()
}

fn default_plan() -> String {
    "standard".to_owned()
}

fn default_plans() -> std::collections::BTreeMap<String, PlanFile> {
    [("standard".to_owned(), PlanFile::standard())].into()
}

/// Text that no view and no message shows.
#[derive(Debug, Clone, Default)]
pub(super) struct SecretText(pub(super) Secret);

impl Serialize for SecretText {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d).map(|s| Self(Secret::new(s)))
    }
}

impl schemars::JsonSchema for SecretText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

//! Shapes of listeners, the admin API, the portal, the log and what bounds a request; never their checks.

use serde::{Deserialize, Serialize};

use super::SecretText;
use crate::config::model::{ClientAddress, Permission};

/// An address to listen on.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ListenerFile {
    /// IP address and port; port 0 takes a free one.
    pub(in crate::config) address: String,
    /// Certificate and key; without them the listener speaks plain HTTP.
    #[serde(default)]
    pub(in crate::config) tls: Option<TlsFile>,
}

/// TLS of a listener: HTTP/1.1 and HTTP/2 by ALPN.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct TlsFile {
    /// PEM file with the certificate chain, leaf first. A relative path starts at the configuration file's folder.
    pub(in crate::config) certificate: String,
    /// PEM file with the private key. A relative path starts at the configuration file's folder.
    pub(in crate::config) private_key: String,
}

/// The admin API. Exactly one of `token` and `tokens` is needed.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct AdminFile {
    /// IP address and port; port 0 takes a free one.
    #[serde(default = "default_admin_address")]
    pub(in crate::config) address: String,
    /// Certificate and key; without them the listener speaks plain HTTP.
    #[serde(default)]
    pub(in crate::config) tls: Option<TlsFile>,
    /// One token with every permission.
    #[serde(default)]
    pub(in crate::config) token: Option<SecretText>,
    /// Named tokens with permissions.
    #[serde(default)]
    pub(in crate::config) tokens: Option<Vec<AdminTokenFile>>,
}

fn default_admin_address() -> String {
    "127.0.0.1:8082".to_owned()
}

/// A named token of the admin API.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct AdminTokenFile {
    /// Its name in the audit log.
    #[schemars(length(min = 1, max = 200))]
    pub(in crate::config) name: String,
    /// SHA-256 of the token, 64 hex digits: `printf %s "$TOKEN" | sha256sum`.
    pub(in crate::config) sha256: SecretText,
    /// What it may do.
    #[schemars(length(min = 1))]
    pub(in crate::config) permissions: Vec<Permission>,
}

/// The developer portal.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct PortalFile {
    /// IP address and port; port 0 takes a free one. Without it no portal is served.
    #[serde(default)]
    pub(in crate::config) address: Option<String>,
    /// Certificate and key; without them the listener speaks plain HTTP.
    #[serde(default)]
    pub(in crate::config) tls: Option<TlsFile>,
    /// The portal's address for its visitors; the `type` of error answers points there. By default made of `address`.
    #[serde(default)]
    pub(in crate::config) public_url: Option<String>,
    /// What the portal is called at the top of its pages.
    #[serde(default = "default_title")]
    #[schemars(length(min = 1, max = 60))]
    pub(in crate::config) title: String,
    /// The API's public address, for samples and documentation. By default made of the first listener's address.
    #[serde(default)]
    pub(in crate::config) api_url: Option<String>,
    /// Where the link "Sign in" leads: the page of the CRM that opens the portal. Without it the page says so in words.
    #[serde(default)]
    pub(in crate::config) sign_in_url: Option<String>,
    /// For trying the portal out: the sign-in page has a button that opens this account to whoever presses it. Only where
    /// `address` is a loopback address.
    #[serde(default)]
    pub(in crate::config) demo_account: Option<String>,
}

fn default_title() -> String {
    "Developers".to_owned()
}

/// The access log: one line of JSON a request.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct LogFile {
    /// `stdout`, `stderr`, or a file (a relative path starts at the working directory); null for no access log.
    pub(in crate::config) access: Option<String>,
    /// How much of a client's address is written.
    pub(in crate::config) client_address: ClientAddress,
}

impl Default for LogFile {
    fn default() -> Self {
        Self {
            access: Some("stdout".to_owned()),
            client_address: ClientAddress::Full,
        }
    }
}

/// Ceilings of a request; what is over one is refused with 413, 414 or 431.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct CeilingsFile {
    /// Bytes of a request's header block. More than `uri_bytes`.
    #[schemars(range(min = 1024, max = 1_048_576))]
    pub(in crate::config) header_bytes: usize,
    /// Fields of a request's header.
    #[schemars(range(min = 8, max = 256))]
    pub(in crate::config) header_fields: usize,
    /// Bytes of a request's target (path and query).
    #[schemars(range(min = 256, max = 65_536))]
    pub(in crate::config) uri_bytes: usize,
    /// Bytes of a request's body.
    #[schemars(range(min = 1, max = 1_099_511_627_776_u64))]
    pub(in crate::config) body_bytes: u64,
    /// Bytes of a request's and of a response's body that are kept for event rules; over it events are thin.
    #[schemars(range(min = 0, max = 1_048_576))]
    pub(in crate::config) captured_body_bytes: usize,
}

impl Default for CeilingsFile {
    fn default() -> Self {
        Self {
            header_bytes: 32_768,
            header_fields: 100,
            uri_bytes: 8_192,
            body_bytes: 1_073_741_824,
            captured_body_bytes: 65_536,
        }
    }
}

/// How the gateway stops.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct ShutdownFile {
    /// Seconds that requests in flight have to end.
    #[schemars(range(min = 0, max = 3600))]
    pub(in crate::config) grace_seconds: u64,
}

impl Default for ShutdownFile {
    fn default() -> Self {
        Self { grace_seconds: 30 }
    }
}

//! Shape of the mail server's settings; never a check that a shape cannot say.

use serde::{Deserialize, Serialize};

use super::SecretText;
use crate::base::ceilings::alerts::SMTP_TIMEOUT_MS;
use crate::config::model::SmtpTls;

/// The mail server that alerts are sent by. Without it no e-mail is sent.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct SmtpFile {
    /// Its host name, which its certificate must have, or its IP address.
    #[schemars(length(min = 1, max = 253))]
    pub(in crate::config) host: String,
    /// Its port.
    #[serde(default = "default_port")]
    #[schemars(range(min = 1))]
    pub(in crate::config) port: u16,
    /// `starttls`: the connection must change to TLS before anything is said; `implicit`: TLS from the first byte (port
    /// 465); `none`: plain text, to a loopback address only unless `allow_plaintext` is set.
    #[serde(default)]
    pub(in crate::config) tls: SmtpTls,
    /// Whether `tls: none` may leave this machine.
    #[serde(default)]
    pub(in crate::config) allow_plaintext: bool,
    /// The name to sign in with. With it, `password` is needed.
    #[serde(default)]
    #[schemars(length(min = 1, max = 255))]
    pub(in crate::config) username: Option<String>,
    /// The password to sign in with.
    #[serde(default)]
    pub(in crate::config) password: Option<SecretText>,
    /// Who e-mails are from: `api@example.com` or `Lead Fuel <api@example.com>`.
    pub(in crate::config) from: String,
    /// Milliseconds for a whole e-mail, from the look-up of the host's name on.
    #[serde(default = "default_timeout_ms")]
    #[schemars(range(min = 100, max = SMTP_TIMEOUT_MS))]
    pub(in crate::config) timeout_ms: u64,
}

fn default_port() -> u16 {
    587
}

fn default_timeout_ms() -> u64 {
    10_000
}

//! Settings of the mail server that are valid; never how they were written.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::email::Mailbox;
use crate::base::secret::Secret;

/// The server that takes this gateway's e-mails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    /// Its name, which its certificate must have, or its address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: SmtpTls,
    /// Name and password, where it asks for them.
    pub credentials: Option<(String, Secret)>,
    /// Who e-mails are from.
    pub from: Mailbox,
    /// Time for a whole e-mail.
    pub timeout: Duration,
}

/// How a connection to a mail server is protected.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SmtpTls {
    /// It begins in plain text and must change to TLS; a server that does not offer it gets nothing.
    #[default]
    Starttls,
    /// TLS from the first byte, as on port 465.
    Implicit,
    /// Plain text.
    None,
}

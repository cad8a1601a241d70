//! Checks the mail server's settings; never talks to it.

use std::net::IpAddr;
use std::time::Duration;

use super::Check;
use super::words::is_host;
use crate::base::email::Mailbox;
use crate::base::secret::Secret;
use crate::config::file::{ConfigFile, SmtpFile};
use crate::config::model::{Smtp, SmtpTls};
use crate::config::tree::steps;

/// The mail server; `None` where there is none, or one that is no good.
pub(super) fn smtp(check: &mut Check<'_>, f: &ConfigFile) -> Option<Smtp> {
    let s = f.smtp.as_ref()?;
    let host = check.ok(&steps!["smtp", "host"], host(&s.host));
    let from = check.ok(&steps!["smtp", "from"], Mailbox::parse(&s.from));
    let credentials = credentials(check, s);
    if s.tls == SmtpTls::None
        && !s.allow_plaintext
        && host.as_deref().is_some_and(|h| !is_loopback(h))
    {
        check.problem(
            &steps!["smtp", "tls"],
            "expected starttls or implicit: what is said in plain text can be read on the way; for none, the host must be a loopback address, or allow_plaintext true",
        );
    }
    Some(Smtp {
        host: host?,
        port: s.port,
        tls: s.tls,
        credentials,
        from: from?,
        timeout: Duration::from_millis(s.timeout_ms),
    })
}

/// A host as it is connected to: an IPv6 address without brackets.
fn host(text: &str) -> Result<String, String> {
    let bare = text
        .strip_prefix('[')
        .and_then(|t| t.strip_suffix(']'))
        .unwrap_or(text);
    if bare.parse::<IpAddr>().is_ok() || is_host(text) {
        return Ok(bare.to_ascii_lowercase());
    }
    Err(
        "expected a host name or an IP address without a port, such as smtp.example.com; the port is smtp.port"
            .to_owned(),
    )
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn credentials(check: &mut Check<'_>, s: &SmtpFile) -> Option<(String, Secret)> {
    match (&s.username, &s.password) {
        (Some(_), Some(password)) if password.0.is_empty() => {
            check.problem(&steps!["smtp", "password"], "expected a password");
            None
        }
        (Some(name), Some(password)) => Some((name.clone(), password.0.clone())),
        (None, None) => None,
        (Some(_), None) => {
            check.problem(
                &steps!["smtp", "password"],
                "missing; expected the password of `username`",
            );
            None
        }
        (None, Some(_)) => {
            check.problem(
                &steps!["smtp", "username"],
                "missing; expected the name that `password` belongs to",
            );
            None
        }
    }
}
